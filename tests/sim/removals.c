/* How many go within a minute: one core, a service of some members, and a twin whose clock may be ahead, for some virtual minutes.
 *
 *     chance    back ends die one after the other and return; operators force; wall clocks jump, ours or the twin's; kill -9, journal
 *     counted   when each member was first seen down, on the fastest clock that was shown to the core; from these alone who is
 *               to be out by now:   the k-th of those down goes a minute behind the (k - bound)-th, never sooner than it went down
 *     judged    after every step, who is in the answer; a second of difference is a fault
 *
 *     removals [--runs N] [--from N]     removals --seed N
 */
#include "sim/bare.h"

#if defined(__SANITIZE_ADDRESS__)
#define RUNS 40
#else
#define RUNS 300
#endif
#define MEMBERS_MAX 8
#define STEP_MS 50
#define STORY_MS 240000
#define MINUTE_MS 60000
#define LATE_MS 1000   /* packets that tell of a clock, and steps */
#define APART_MS 1500  /* who dies behind whom is beyond doubt */
#define LEAST_ALIVE 2  /* where all are down, all answer: another rule's story */

static struct watched { bool dead, in, down; uint64_t down_at, wrong_ms; enum policy_force force; } member[MEMBERS_MAX];
static int members, bound, bound_pct;
static uint64_t clock_ms, clock_at; /* the fastest, and when it was looked at */
static bool has_twin;

static uint64_t own_wall(void)
{
	return WORLD_WALL_MS + (uint64_t)((int64_t)w.now_ms + w.wall_set_ms);
}

static void tick(void)
{
	clock_ms += w.now_ms - clock_at;
	clock_at = w.now_ms;
	clock_ms = own_wall() > clock_ms ? own_wall() : clock_ms;
	if (has_twin && twin_wall() > clock_ms)
		clock_ms = twin_wall();
}

static void on_effect(struct world *world, const struct core_effect *e)
{
	(void)world;
	if (e->type == CORE_NOTICE && loud)
		say(notice_line(e->notice.what, (char[NOTICE_LINE_MAX]){ 0 }));
	if (e->type != CORE_PUBLISH || e->publish.type != DNS_TYPE_A)
		return;
	for (int i = 0; i < members; i++)
		member[i].in = false;
	for (uint16_t i = 0; i < e->publish.count; i++)
		member[e->publish.addrs[i].ip[3] - 11].in = true;
}

/* ---- what must be so ---- */

static void look(void)
{
	for (int i = 0; i < members; i++) {
		struct core_member_view v;
		struct watched *m = &member[i];
		core_member_get(w.core, 0, (size_t)i, &v, w.now_ms);
		bool down = v.state == HEALTH_VERDICT_DOWN;
		if (down && !m->down)
			m->down_at = clock_ms;
		m->down = down;
		m->force = v.force;
	}
}

static int by_time(const void *a, const void *b)
{
	const struct watched *x = *(const struct watched *const *)a, *y = *(const struct watched *const *)b;
	return (x->down_at > y->down_at) - (x->down_at < y->down_at);
}

static int bound_now(void)
{
	int counted = 0, part;
	for (int i = 0; i < members; i++)
		counted += member[i].force != POLICY_FORCE_DRAIN;
	part = (counted * bound_pct + 99) / 100;
	return bound ? bound : part ? part : 1;
}

static void judge(void)
{
	struct watched *list[MEMBERS_MAX];
	uint64_t at[MEMBERS_MAX];
	int n = 0, most = bound_now();
	for (int i = 0; i < members; i++) {
		if (member[i].down && member[i].force == POLICY_FORCE_NONE)
			list[n++] = &member[i];
		else
			member[i].wrong_ms = 0;
	}
	qsort(list, (size_t)n, sizeof *list, by_time);
	for (int k = 0; k < n; k++) {
		struct watched *m = list[k];
		at[k] = m->down_at;
		if (k >= most && at[k - most] + MINUTE_MS > at[k])
			at[k] = at[k - most] + MINUTE_MS;
		m->wrong_ms = m->in == (at[k] > clock_ms) ? 0 : m->wrong_ms ? m->wrong_ms : w.now_ms;
		if (m->wrong_ms && m->wrong_ms + LATE_MS < w.now_ms)
			fail("127.0.0.%d is %s: it was the %d. to go down, %d go within a minute, and it was to go %lld ms %s", 11 + (int)(m - member),
			     m->in ? "held too long" : "gone too soon", k + 1, most, llabs((long long)(at[k] - clock_ms)),
			     at[k] > clock_ms ? "from now" : "ago");
	}
}

static void pass(uint64_t ms)
{
	for (uint64_t to = w.now_ms + ms; w.now_ms < to && !*fault;) {
		run(STEP_MS, STEP_MS);
		tick();
		look();
		judge();
	}
}

/* ---- chance ---- */

static const char *address(int i)
{
	static char text[20];
	snprintf(text, sizeof text, "127.0.0.%d", 11 + i);
	return text;
}

/* What the core is told anew is told of its clock within a moment, in which nobody goes down: when that was would be in doubt. */
static bool all_is_known(void)
{
	for (int i = 0; i < members; i++)
		if (member[i].dead != member[i].down)
			return false;
	return true;
}

static int alive_beside(int i)
{
	int n = 0;
	for (int k = 0; k < members; k++)
		n += k != i && !member[k].dead && member[k].force != POLICY_FORCE_DOWN && member[k].force != POLICY_FORCE_DRAIN;
	return n;
}

static void turn_backend(void)
{
	int i = (int)below((uint64_t)members);
	if (!all_is_known() || (!member[i].dead && alive_beside(i) < LEAST_ALIVE))
		return;
	member[i].dead = !member[i].dead;
	if (loud)
		printf("%9.3f %s %s\n", (double)w.now_ms / 1000, address(i), member[i].dead ? "dies" : "returns");
	world_backend(&w, address(i), member[i].dead ? HEALTH_CONNECT_REFUSED : HEALTH_OK);
}

static void operate(void)
{
	static const char *const verbs[] = { "down", "up", "drain", "auto", "auto" };
	int i = (int)below((uint64_t)members);
	const char *verb = verbs[below(sizeof verbs / sizeof *verbs)];
	char text[64];
	if (alive_beside(i) < LEAST_ALIVE)
		return;
	snprintf(text, sizeof text, "%s %s", verb, address(i));
	say(text);
	world_command(&w, text);
}

/* What the fastest clock has shown lasts as long as somebody lives who saw it. */
static void restart(void)
{
	if (!all_is_known())
		return;
	if (own_wall() + 100 < clock_ms && !(has_twin && twin_wall() + 100 >= clock_ms))
		return;
	say("kill -9, and its journal");
	world_restart(&w, SIZE_MAX);
}

static void jump(void)
{
	static const int64_t jumps[] = { 15000, -15000, 3600000, -3600000 };
	w.wall_set_ms += jumps[below(sizeof jumps / sizeof *jumps)];
	say("our wall clock jumps");
	world_step(&w, &(struct core_event){ .type = CORE_TIMER }); /* there and back before anybody looks is no jump */
	tick();
}

static void twin_returns(void)
{
	if (!has_twin || !all_is_known())
		return;
	say("the twin is started anew, its wall clock ahead of what it was");
	twin_end();
	twin_ahead_ms += (int64_t)below(20000);
	twin_begin();
}

static void act(void)
{
	switch (below(14)) {
	case 0: case 1: case 2:
		operate();
		break;
	case 3:
		restart();
		break;
	case 4:
		jump();
		break;
	case 5:
		twin_returns();
		break;
	default:
		turn_backend();
		break;
	}
}

static void draw(char *text, size_t cap)
{
	char removals[16];
	memset(member, 0, sizeof member);
	members = (int)(5 + below(MEMBERS_MAX - 4));
	bound = (int)below(4);
	bound_pct = bound ? 0 : (int)(10 + below(40));
	has_twin = below(3) > 0;
	snprintf(removals, sizeof removals, "%d%s", bound ? bound : bound_pct, bound ? "" : "%");
	size_t n = (size_t)snprintf(text, cap, "%scheck web interval=%u timeout=500 retry=200 fall=1 rise=1\nservice www.test web",
				    has_twin ? "pair any-down\n" : "", (unsigned)(2000 + below(4000)));
	for (int i = 0; i < members; i++)
		n += (size_t)snprintf(text + n, cap - n, " %s", address(i));
	snprintf(text + n, cap - n, " removals=%s\n", removals);
}

static void story(uint64_t seed)
{
	char text[600];
	(void)seed;
	draw(text, sizeof text);
	begin(text, on_effect);
	if (has_twin) {
		twin_ahead_ms = (int64_t)below(40000) - 20000;
		twin_begin();
	}
	clock_ms = 0;
	clock_at = w.now_ms;
	pass(8000);
	for (uint64_t to = w.now_ms + STORY_MS; w.now_ms < to && !*fault;) {
		act();
		pass(APART_MS + below(4000));
	}
	end();
}

int main(int argc, char **argv)
{
	(void)argc;
	return bare_main("removals", RUNS, argv, story);
}
