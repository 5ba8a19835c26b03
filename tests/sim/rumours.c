/* What a core makes of what its twin says of itself, and of what its own journal says: one core, a bare pair beside it, one of six
 * stories a run.
 *
 *     zones       ──alike──others──────60 s──────▶ alarm, once ──alike──▶ told          who is lost says nothing meanwhile
 *     holds       the twin holds on to a tier: we follow while its service is like ours, and at once when it is again
 *     disk        the twin's disk is wiped: of its overrides those are left that it still says
 *     end         an override is for so long; our wall clock is put back while we are away: it ends all the same, once and for all
 *     words       commands wait for the disk while the clock is set; killed, and the journal cut: the newest counts, to its end
 *     first round killed before it was over: what was only found out is not decided
 *
 *     rumours [--runs N] [--from N]     rumours --seed N
 */
#include "sim/bare.h"

#if defined(__SANITIZE_ADDRESS__)
#define RUNS 100
#else
#define RUNS 1000
#endif
#define DAY_MS 86400000
#define LINK_MS 6000 /* a twin that comes or goes is known to, and what it says */
#define CHECK "check web interval=1000 timeout=500 retry=200 fall=3 rise=2\n"

static void (*heard)(const struct core_notice *);

static void on_effect(struct world *world, const struct core_effect *e)
{
	(void)world;
	if (e->type != CORE_NOTICE)
		return;
	if (loud)
		say(notice_line(e->notice.what, (char[NOTICE_LINE_MAX]){ 0 }));
	if (heard)
		heard(e->notice.what);
}

/* ---- zones ---- */

#define ZONES_STEP_MS 500
#define PATIENCE_MS 60000
static struct { uint64_t ours, theirs, differ_since, left_since, left_ms; bool told; } zones; /* since: 0 = they do not differ, or nobody is there */

static void zones_heard(const struct core_notice *n)
{
	bool others = n->kind == CORE_NOTICE_ALARM && strstr(n->reason, "serves other zones");
	if (others && zones.told)
		fail("it is told again that the twin serves other zones");
	uint64_t since = zones.differ_since;
	if (!since && zones.left_ms + LINK_MS > w.now_ms) /* it left, and nobody knows it yet */
		since = zones.left_since;
	if (others && (!since || since + PATIENCE_MS > w.now_ms + LINK_MS))
		fail("an alarm of other zones, which are others for %lld ms", since ? (long long)(w.now_ms - since) : 0);
	zones.told |= others;
	if (strcmp(n->new, "same zones") == 0 && !zones.told)
		fail("the same zones again, and nobody said otherwise");
	zones.told &= strcmp(n->new, "same zones") != 0;
}

static void zones_note(void)
{
	bool differ = twin && zones.ours != zones.theirs;
	zones.differ_since = !differ ? 0 : zones.differ_since ? zones.differ_since : w.now_ms;
}

static void zones_pass(uint64_t ms)
{
	zones_note();
	run(ms, ZONES_STEP_MS);
	if (zones.differ_since && !zones.told && zones.differ_since + PATIENCE_MS + LINK_MS < w.now_ms)
		fail("the twin serves other zones for %u ms, and nobody says so", (unsigned)(w.now_ms - zones.differ_since));
	if (twin && !zones.differ_since && zones.told && ms > LINK_MS)
		fail("the twin serves the same zones again, and nobody says so");
}

static void zones_ours(uint64_t digest)
{
	const struct core_zone list[] = { { "a.test", 1, digest } };
	zones.ours = digest;
	world_step(&w, &(struct core_event){ .type = CORE_ZONES, .zones = { list, 1, digest } });
}

static void zones_theirs(uint64_t digest)
{
	uint8_t value[12];
	zones.theirs = digest;
	store_u32(value, 1);
	store_u64(value + 4, digest);
	twin_says(PAIR_ZONE, 0, value, sizeof value);
}

static void zones_act(void)
{
	switch (below(6)) {
	case 0: case 1:
		zones_ours(1 + below(2));
		break;
	case 2:
		if (twin) {
			zones.left_since = zones.differ_since;
			zones.left_ms = w.now_ms;
			twin_end();
		} else {
			twin_begin();
			zones_theirs(zones.theirs);
		}
		break;
	default:
		if (twin)
			zones_theirs(1 + below(2));
		break;
	}
}

static void zones_story(void)
{
	begin("pair any-up away\n" CHECK "service www.test web 192.0.2.11\n", on_effect);
	heard = zones_heard;
	memset(&zones, 0, sizeof zones);
	twin_begin();
	zones_theirs(1);
	zones_ours(1);
	zones_pass(LINK_MS);
	for (int i = 0; i < 8 && !*fault; i++) {
		static const uint64_t pauses[] = { 1000, 20000, 50000, 75000, 130000 };
		zones_act();
		zones_pass(pauses[below(sizeof pauses / sizeof *pauses)] + LINK_MS + below(2000));
	}
}

/* ---- holds ---- */

/* Of our own records of a kind the one that is about the service, not about a target or a part. */
static struct pair_record about_the_service(enum pair_kind kind)
{
	const struct pair_record *r;
	size_t pos = 0;
	while ((r = pair_walk(core_pair(w.core), kind, &pos))) {
		bool stream = r->key == core_plan(w.core)->streams[0].key || r->key == core_plan(w.core)->streams[1].key;
		if (r->owner == core_plan(w.core)->nodes[0].id && r->key >= PLAN_PARTS && !stream && (kind != PAIR_EFFECTIVE || r->value_len == 9))
			return *r;
	}
	abort();
}

static void hold_story(void)
{
	begin("pair any-up\n" CHECK "service www.test web 127.0.0.11 / 127.0.0.12 failback=manual\n", on_effect);
	heard = NULL;
	twin_begin();
	run(4000, 50);
	struct pair_record hold = about_the_service(PAIR_EFFECTIVE), conf = about_the_service(PAIR_CONFIG);
	uint8_t like[8], other[8] = { 1, 2, 3 }, value[9], serves = 0, held = 0;
	bool alike = true;
	memcpy(like, conf.value, sizeof like);
	for (int i = 0; i < 12 && !*fault; i++) {
		if (below(2)) {
			alike = below(2);
			say(alike ? "its service is like ours" : "its service is another");
			twin_says(PAIR_CONFIG, conf.key, alike ? like : other, sizeof like);
		} else {
			held = (uint8_t)below(2);
			value[0] = held;
			store_u64(value + 1, (WORLD_WALL_MS + w.now_ms) << 16);
			say(held ? "the twin holds tier 2" : "the twin holds tier 1");
			twin_says(PAIR_EFFECTIVE, hold.key, value, sizeof value);
		}
		run(1500, 50);
		serves = alike ? held : serves;
		const char *now = world_answer(&w, "www.test", DNS_TYPE_A), *want = serves ? "127.0.0.12 ttl=10" : "127.0.0.11 ttl=10";
		if (strcmp(now, want) != 0)
			fail("the answer is %s, and not %s", now, want);
	}
}

/* ---- overrides ---- */

#define SAID 3
static const char *const commands[SAID] = { "down 127.0.0.11", "up 127.0.0.12", "drain 127.0.0.13" };
static const char three[] = "pair any-up\n" CHECK "service www.test web 127.0.0.11 127.0.0.12 127.0.0.13\n";

static unsigned overrides(void)
{
	struct core_override_view v;
	size_t pos = 0;
	unsigned n = 0;
	while (core_override_next(w.core, &pos, &v, w.now_ms, WORLD_WALL_MS + (uint64_t)((int64_t)w.now_ms + w.wall_set_ms)))
		n++;
	return n;
}

/* What is said of an override: as another node said it once. */
static void learn(struct pair_record said[SAID], uint8_t value[SAID][PAIR_VALUE_MAX])
{
	begin(three, on_effect);
	for (int i = 0; i < SAID; i++) {
		const struct pair_record *r;
		size_t pos = 0;
		world_command(&w, commands[i]);
		while ((r = pair_walk(core_pair(w.core), PAIR_ADMIN, &pos))) {
			bool known = false;
			for (int k = 0; k < i; k++)
				known |= said[k].key == r->key;
			if (known)
				continue;
			said[i] = *r;
			memcpy(value[i], r->value, r->value_len);
		}
	}
	end();
}

static void disk_story(void)
{
	struct pair_record said[SAID] = { 0 };
	uint8_t value[SAID][PAIR_VALUE_MAX];
	bool there[SAID] = { false };
	heard = NULL;
	learn(said, value);
	begin(three, on_effect);
	twin_begin();
	run(2000, 50);
	for (int i = 0; i < 4 && !*fault; i++) {
		unsigned want = 0;
		if (below(2)) {
			say("the twin's disk is wiped");
			twin_end();
			memset(there, 0, sizeof there);
			if (below(2))
				world_restart(&w, SIZE_MAX);
			run(below(LINK_MS), 50);
			twin_begin();
		}
		for (int k = 0; k < SAID; k++) {
			if (!there[k] && below(3) == 0)
				twin_says(PAIR_ADMIN, said[k].key, value[k], said[k].value_len);
			else if (!there[k])
				continue;
			there[k] = true;
			want++;
		}
		run(2 * LINK_MS, 50);
		if (overrides() != want)
			fail("%u overrides are in force, and the twin says %u", overrides(), want);
	}
}

static void end_story(void)
{
	char text[64];
	uint64_t for_ms = 5000 + below(60000);
	bool moved = false;
	heard = NULL;
	begin(CHECK "service www.test web 127.0.0.11 127.0.0.12\n", on_effect);
	run(1000, 100);
	snprintf(text, sizeof text, "down 127.0.0.11 for=%u", (unsigned)for_ms);
	say(text);
	world_command(&w, text);
	uint64_t ends = w.now_ms + for_ms;
	for (int i = 0; i < 6 && !*fault; i++) {
		run(below(for_ms), 100);
		if (overrides() > 0 && below(2)) { /* at most as much is left as there was when it was written */
			int64_t by = (int64_t)below(2) * -DAY_MS - (int64_t)below(20000);
			say("killed, and the wall clock is put back");
			w.wall_set_ms += by;
			world_restart(&w, SIZE_MAX);
			moved = true;
			ends = w.now_ms + for_ms;
		}
		if (overrides() > 0 && w.now_ms > ends + 1000)
			fail("an override is in force %u ms after its end", (unsigned)(w.now_ms - ends));
		else if (overrides() == 0 && !moved && w.now_ms + 1000 < ends)
			fail("an override is over %u ms before its end", (unsigned)(ends - w.now_ms));
	}
	run(for_ms + 2000, 100);
	if (overrides() > 0)
		fail("an override for %u ms does not end", (unsigned)for_ms);
	say("killed");
	world_restart(&w, SIZE_MAX);
	if (overrides() > 0)
		fail("an override is back with a start after its end");
}

static void override_of(int verb)
{
	static const char *const verbs[] = { "up", "down", "drain" };
	char text[64];
	snprintf(text, sizeof text, "%s 127.0.0.11 for=60000 force", verbs[verb]);
	say(text);
	world_command(&w, text);
}

/* The clock is put forth: how long it was nobody knows who has not the word on it, the last of the journal. */
static size_t some_cut(size_t written)
{
	return w.wall_set_ms > 0 ? SIZE_MAX : written + below(w.journal.len - written + 1);
}

static void words_story(void)
{
	static const enum core_verb verbs[] = { CORE_VERB_UP, CORE_VERB_DOWN, CORE_VERB_DRAIN };
	struct core_override_view v;
	size_t pos = 0;
	int last = 0;
	heard = NULL;
	begin(three, on_effect);
	twin_begin();
	run(2000, 50);
	override_of((int)below(3));
	run(100, 50);
	w.disk_slow = true;
	for (uint64_t n = 1 + below(3); n > 0; n--)
		override_of(last = (int)below(3));
	size_t written = w.journal.len;
	w.wall_set_ms += below(2) ? DAY_MS : -DAY_MS;
	say("the clock is set");
	run(1000, 50);
	w.disk_slow = false;
	say("killed");
	world_restart(&w, some_cut(written));
	if (!core_override_next(w.core, &pos, &v, w.now_ms, WORLD_WALL_MS + (uint64_t)((int64_t)w.now_ms + w.wall_set_ms)))
		fail("the override is lost");
	else if (v.verb != verbs[last])
		fail("an older word counts");
	else if (v.left_ms < 58000 || v.left_ms > 60000)
		fail("the override ends in %u ms", (unsigned)v.left_ms);
}

/* ---- the first round ---- */

static void note_states(enum health_verdict out[3])
{
	struct core_member_view v;
	for (size_t i = 0; i < 3; i++) {
		core_member_get(w.core, 0, i, &v, w.now_ms);
		out[i] = v.state;
	}
}

static void round_story(void)
{
	static const char *const address[] = { "127.0.0.11", "127.0.0.12", "127.0.0.13" };
	static const char *const agree[] = { "any-up", "any-down", "quorum" };
	enum health_verdict before[3], after[3];
	char plan[200];
	heard = NULL;
	snprintf(plan, sizeof plan, "pair %s\ncheck web fall=%u retry=100\nservice www.test web 127.0.0.11 127.0.0.12 127.0.0.13\n",
		 agree[below(3)], 1 + (unsigned)below(2));
	begin(plan, on_effect);
	w.latency_ms = 1 + (uint32_t)below(100);
	for (int i = 0; i < 3; i++)
		world_backend(&w, address[i], below(2) ? HEALTH_CONNECT_REFUSED : HEALTH_OK);
	for (int i = 0; i < 4 && !*fault; i++) {
		run(1 + below(400), 5);
		note_states(before);
		say("killed");
		world_restart(&w, SIZE_MAX);
		note_states(after);
		for (int k = 0; k < 3; k++)
			if (before[k] != after[k])
				fail("%s was %d before the restart, and is %d after it", address[k], before[k], after[k]);
	}
}

static void story(uint64_t seed)
{
	static void (*const stories[])(void) = { zones_story, hold_story, disk_story, end_story, round_story, words_story };
	stories[seed % (sizeof stories / sizeof *stories)]();
	end();
}

int main(int argc, char **argv)
{
	(void)argc;
	return bare_main("rumours", RUNS, argv, story);
}
