/* The ways between nodes of a pair: many seeds of eight stories, each with its own judgement on top of what ways_judge.c, ways_see.c and
 * ways_streams.c look at all the while (ways.h).
 *
 *     anything   cuts, loss, one-way, dead connections, pauses, kills, strangers, writes, in any order
 *     silence    no datagrams, connections well: TCP_ONLY, one beat a second, one connection; back with three echoes, out of much loss
 *     asked      two that do not hear each other, and others that do; questions and answers that nobody asked for; then it dies
 *     backlog    much is written while all is cut; how soon do all hold it, with connections that are well, refused, dead, or die midway
 *     strangers  calls that say nothing, and what was overheard
 *     damage     a record is changed in memory; what was held back on its way comes after all was fetched again
 *     split      of an interval that was split two copies lack different keys, and both are behind a third: nobody's fault
 *     signs      BOOT, TILT, MAINT, ISOLATED; pauses, and clocks that are set; a change is known at once
 *
 *     ways [--runs N] [--from N]     ways --seed N     a failure prints its seed, which tells the story again
 */
#include <sodium.h>
#include "sim/seeds.h"
#include "sim/ways.h"

#if defined(__SANITIZE_ADDRESS__)
#define RUNS 100
#else
#define RUNS 400
#endif
#define MEET_MS 4000

/* ---- what stories are made of ---- */

static void wait_well(struct ways *w, uint64_t ms)
{
	ways_run(w, ms);
	for (int i = 0; i < w->nodes && !w->failed; i++) {
		for (int k = 0; k < w->nodes; k++) {
			if (i != k && ways_view(w, i, k).link != PAIR_ACTIVE)
				ways_fault(w, "n%d and n%d: %s on a network that is well", i + 1, k + 1, pair_link_state_text(ways_view(w, i, k).link));
		}
	}
}

static void heal(struct ways *w)
{
	uint32_t delay = 1 + ways_below(w, 20);

	w->damaged = false;
	w->odd = 0;
	for (int i = 0; i < w->nodes; i++) {
		w->node[i].awake_from = w->node[i].awake_from ? w->now : 0;
		for (int k = 0; k < w->nodes; k++) {
			w->way[i][k] = (struct way){ .delay_ms = delay, .large = -1 };
			w->tcp[i][k] = TCP_WELL;
		}
	}
	for (int i = 0; i < w->nodes; i++) {
		if (!w->node[i].p)
			ways_start(w, i);
	}
	ways_tell(w, "all is well");
}

/* All that ended well. */
static void calm(struct ways *w)
{
	uint64_t patience = (PAIR_LHM_MAX + 1) * PAIR_LHM_CLEAN * w->interval_ms;
	uint64_t over = PAIR_STREAM_STALL_MS + PAIR_STREAM_IDLE_MS + 2000;

	if (w->failed)
		return;
	heal(w);
	wait_well(w, patience > over ? patience : over);
	if (!w->failed && !judge_equal(w))
		ways_fault(w, "their shelves differ");
	for (int i = 0; i < w->nodes && !w->failed; i++) {
		if (pair_lhm(w->node[i].p) > 0)
			ways_fault(w, "n%d has nothing to blame itself for", i + 1);
		for (int k = 0; k < i; k++) {
			if (streams_between(w, i, k) > 0)
				ways_fault(w, "n%d and n%d keep a connection for nothing", i + 1, k + 1);
		}
	}
}

static void put(struct ways *w, int i, uint64_t key, size_t len)
{
	uint8_t value[PAIR_VALUE_MAX];

	for (size_t k = 0; k < sizeof value; k++)
		value[k] = (uint8_t)rng_u64(&w->rng);
	if (pair_write(w->node[i].p, PAIR_VERDICT, key, len ? value : NULL, len, ways_at(w, i)) < 0)
		abort();
	ways_drain(w, i);
}

static void put_many(struct ways *w, int i, unsigned count)
{
	for (unsigned k = 0; k < count; k++)
		put(w, i, 100 + k, 200);
}

static bool have(const struct ways *w, int i, int owner, uint64_t key)
{
	const struct pair_record *r = pair_find(w->node[owner].p, (uint8_t)(owner + 1), PAIR_VERDICT, key);
	const struct pair_record *copy = pair_find(w->node[i].p, (uint8_t)(owner + 1), PAIR_VERDICT, key);

	return !r ? !copy : copy && copy->value_len == r->value_len && memcmp(copy->value, r->value, r->value_len) == 0;
}

static bool all_hold(const struct ways *w)
{
	for (int i = 0; i < w->nodes; i++) {
		for (int k = 0; k < w->nodes; k++) {
			if (i != k && !judge_level(w, i, k))
				return false;
		}
	}
	return true;
}

static void other_pair(struct ways *w, int *a, int *b)
{
	*a = (int)ways_below(w, (uint32_t)w->nodes);
	*b = (*a + 1 + (int)ways_below(w, (uint32_t)w->nodes - 1)) % w->nodes;
}

/* It does not run for so long; what comes waits. */
static void pause_node(struct ways *w, int i, uint64_t ms)
{
	ways_tell(w, "n%d is held up for %d ms", i + 1, (int)ms);
	w->node[i].awake_from = w->now + ms;
}

/* Perhaps it is a copy: it goes on with another epoch, once that is on disk. */
static void set_clock(struct ways *w, int i)
{
	ways_tell(w, "the clock of n%d is set", i + 1);
	w->node[i].wall += 5000;
}

/* ---- silence ---- */

static void tell_silence(struct ways *w)
{
	int a, b;
	bool one_way = ways_below(w, 3) == 0;

	wait_well(w, MEET_MS);
	other_pair(w, &a, &b);
	uint64_t opened = w->opened;
	w->way[a][b].cut = true;
	w->way[b][a].cut = !one_way;
	ways_tell(w, "no datagrams from n%d to n%d%s", a + 1, b + 1, one_way ? "" : ", nor back");
	ways_run(w, 9000);
	if (!w->failed && (ways_view(w, a, b).link != PAIR_TCP_ONLY || ways_view(w, b, a).link != PAIR_TCP_ONLY) && w->nodes == 2)
		ways_fault(w, "connections are well, and the links are %s and %s", pair_link_state_text(ways_view(w, a, b).link),
			   pair_link_state_text(ways_view(w, b, a).link));
	uint64_t beats = w->beats;
	ways_run(w, 6000);
	if (!w->failed && w->beats - beats > 2 * (6 + 2))
		ways_fault(w, "%d packets by TCP in 6 s of rest", (int)(w->beats - beats));
	if (!w->failed && (w->opened - opened > 2 || streams_between(w, a, b) != 1))
		ways_fault(w, "%d connections opened, %d there", (int)(w->opened - opened), (int)streams_between(w, a, b));
	for (int flaps = 0; flaps < 3; flaps++) { /* single packets come through */
		w->way[a][b] = (struct way){ .delay_ms = w->way[a][b].delay_ms, .large = -1, .loss = (uint8_t)(50 + ways_below(w, 40)) };
		w->way[b][a] = w->way[a][b];
		ways_run(w, 2000 + ways_below(w, 4000));
		ways_cut(w, a, b, ways_below(w, 2));
		ways_run(w, ways_below(w, 3000));
	}
}

/* ---- asked ---- */

static void tell_asked(struct ways *w)
{
	int a, b;

	wait_well(w, MEET_MS);
	other_pair(w, &a, &b);
	w->odd = (uint8_t)(5 * ways_below(w, 3));
	ways_cut(w, a, b, true);
	ways_tcp(w, a, b, ways_below(w, 2) ? TCP_DEAD : TCP_REFUSED);
	ways_tell(w, "n%d and n%d do not hear each other", a + 1, b + 1);
	bool late = ways_below(w, 2);
	if (late) { /* questions and answers overtake each other, and come too late */
		for (int i = 0; i < w->nodes; i++) {
			for (int k = 0; k < w->nodes; k++)
				w->way[i][k].jitter_ms = ways_below(w, 400);
		}
	}
	ways_run(w, 8000);
	if (!w->failed && !w->odd && !late && ways_view(w, a, b).link == PAIR_LOST)
		ways_fault(w, "n%d lost n%d, which others hear", a + 1, b + 1);
	int c = (b + 1) % w->nodes == a ? (b + 2) % w->nodes : (b + 1) % w->nodes;
	switch (ways_below(w, 4)) {
	case 0: /* the helper does not hear it either, and is asked all the same */
		w->odd = 0;
		ways_cut(w, c, b, true);
		ways_tcp(w, c, b, TCP_DEAD);
		break;
	case 1:
		pause_node(w, a, 3500);
		break;
	case 2: /* another boot, while answers for the one before are under way */
		set_clock(w, a);
		break;
	default:
		ways_kill(w, b);
	}
	ways_run(w, 6000);
	w->odd = 0;
	ways_run(w, 4000);
}

/* ---- backlog ---- */

static uint64_t run_until_held(struct ways *w, uint64_t most)
{
	uint64_t from = w->now;

	while (!w->failed && !all_hold(w) && w->now < from + most)
		ways_run(w, 5);
	return w->now - from;
}

static void all_tcp(struct ways *w, enum tcp_way t)
{
	for (int i = 0; i < w->nodes; i++) {
		for (int k = 0; k < i; k++)
			ways_tcp(w, i, k, t);
	}
}

/* 32 packets each way and back, in which a receiver that lacks something asks for more; not 8 with each heartbeat. */
static void judge_backlog(struct ways *w, unsigned count, uint64_t late_ms)
{
	uint64_t round = 2 * w->way[0][1].delay_ms + PAIR_COALESCE_MS + PAIR_GAP_MS + 5;
	uint64_t most = 2 * w->interval_ms + (count / 128 + 4) * round + late_ms, took = run_until_held(w, 20000);

	ways_tell(w, "%u records are held after %d ms, which must be %d", count, (int)took, (int)most);
	if (!w->failed && took > most)
		ways_fault(w, "%u records are held after %d ms, not %d", count, (int)took, (int)most);
}

static void tell_backlog(struct ways *w)
{
	bool sticks = ways_below(w, 2), writes = ways_below(w, 2);
	enum tcp_way t = sticks ? TCP_WELL : (enum tcp_way)ways_below(w, 3);
	unsigned count = 100 + ways_below(w, 500);

	w->slow_kernel = sticks;
	wait_well(w, MEET_MS);
	all_tcp(w, t);
	put_many(w, 0, sticks ? 3 * count : count);
	if (!sticks) {
		judge_backlog(w, count, 0);
		return;
	}
	ways_run(w, PAIR_COALESCE_MS + 3u * w->way[0][1].delay_ms + ways_below(w, 30)); /* the connection carries it, and dies */
	all_tcp(w, TCP_DEAD);
	ways_tell(w, "connections lead nowhere");
	for (int k = 0; k < 70 && writes; k++) {
		ways_run(w, 100);
		put(w, 0, 7, 20);
	}
	judge_backlog(w, 3 * count, PAIR_BULK_STALL_MS);
}

/* ---- strangers ---- */

static void tell_strangers(struct ways *w)
{
	int a, b;

	wait_well(w, MEET_MS);
	other_pair(w, &a, &b);
	ways_cut(w, a, b, true);
	ways_run(w, 5000); /* they speak by TCP, and are overheard */
	for (int k = 0; k < 12 && !w->failed; k++) {
		uint32_t what = ways_below(w, 3);
		int whose = ways_below(w, 2) ? a : b;
		streams_call(w, whose == a ? b : a, w->overheard[whose], what ? w->overheard_len[whose] : 0, what * 4);
		ways_run(w, ways_below(w, 800));
	}
	if (!w->failed && ways_view(w, a, b).link != PAIR_TCP_ONLY && w->nodes == 2)
		ways_fault(w, "strangers took the connection");
	ways_run(w, 4000);
}

/* ---- damage ---- */

/* Another value under the same number, as a fault of memory leaves it. */
static void damage(struct ways *w, int i, int owner)
{
	struct pair *p = w->node[i].p;
	struct shelf *s = &p->shelves[pair_shelf_of(p, (uint8_t)(owner + 1))];
	struct shelf_record *r = s->current.last;

	if (!r || !r->r.value_len)
		return;
	r->value[0] ^= 0x40;
	s->digest[0] ^= r->digest[0];
	r->digest[0] = seal_record_digest(&p->digest_keys.key[0], &r->r);
	s->digest[0] ^= r->digest[0];
	w->damaged = true;
	ways_tell(w, "a record of n%d is damaged on n%d", owner + 1, i + 1);
}

/* The owner is heard, and what is too much for a small packet comes from others only. */
static void narrow_way(struct ways *w, int a, int b)
{
	for (unsigned k = 10 + ways_below(w, 16); k > 0; k--)
		put(w, a, 40 + k, 200);
	ways_run(w, 8000);
	w->way[a][b].large = 0;
	ways_tcp(w, a, b, TCP_DEAD);
	ways_tell(w, "only small packets get from n%d to n%d", a + 1, b + 1);
}

/* b waits for what a held. What a says in another life is nothing of that, whoever brings it. */
static void live_anew(struct ways *w, int a, int b)
{
	ways_kill(w, a);
	ways_cut(w, a, b, true);
	ways_start(w, a);
	put(w, a, 9, 25);
	ways_run(w, 2 * w->interval_ms + 4 * w->way[a][b].delay_ms);
	if (!w->failed && !have(w, b, a, 9))
		ways_fault(w, "n%d does not take from others what n%d says in another life", b + 1, a + 1);
}

static void tell_damage(struct ways *w)
{
	int a, b;

	wait_well(w, MEET_MS);
	other_pair(w, &a, &b);
	for (unsigned k = 0; k < 5; k++)
		put(w, a, 10 + k, 20);
	ways_run(w, 1000);
	w->steal_from = a, w->steal_to = b; /* held back on its way */
	put(w, a, 9, 30);
	ways_run(w, 1000);
	w->steal_from = -1;
	put(w, a, 9, 0);
	put(w, a, 11, 20);
	if (ways_below(w, 4) == 0) /* all that follows goes by TCP */
		ways_cut(w, a, b, true);
	ways_run(w, 8000);
	bool narrow = w->nodes > 2 && ways_below(w, 2);
	if (narrow)
		narrow_way(w, a, b);
	damage(w, b, a);
	w->release = false;
	for (int ms = 0; ms < 4000 && !w->failed && !w->release; ms++)
		ways_run(w, 1);
	if (!w->failed && w->damaged && !w->divergences)
		ways_fault(w, "a damaged record is found by nobody");
	if (narrow && !w->failed && ways_below(w, 2))
		live_anew(w, a, b);
	if (w->stolen.len && w->flight_count < FLIGHTS_MAX) {
		w->stolen.at = w->now;
		w->flights[w->flight_count++] = w->stolen;
	}
	ways_run(w, narrow ? 25000 : 4000);
	if (!w->failed && (!judge_equal(w) || !all_hold(w)))
		ways_fault(w, "the damage was found, and stays");
}

/* ---- split ---- */

static void fresh_way(struct ways *w, int a, int b, int large)
{
	uint32_t delay = w->way[a][b].delay_ms;

	w->way[a][b] = (struct way){ .delay_ms = delay, .large = large };
	w->way[b][a] = (struct way){ .delay_ms = delay, .large = -1 };
	ways_tell(w, "n%d and n%d hear each other", a + 1, b + 1);
}

/* a has the first part from c, with a key that was written again since; c forgot all, so a is behind nobody. b has that part from the
 * owner, which knows the newer one already, and is behind it.
 */
static void tell_split(struct ways *w)
{
	enum { A, B, C, OWNER };

	wait_well(w, MEET_MS);
	all_tcp(w, TCP_DEAD);
	for (int i = A; i <= C; i++) {
		ways_cut(w, B, i, i != B);
		ways_cut(w, OWNER, i, i != C);
	}
	w->way[C][A].large = 1;
	put(w, OWNER, 1, 1);
	for (unsigned k = 0; k < 12; k++)
		put(w, OWNER, 10 + k, 225 + ways_below(w, 25));
	ways_run(w, 4 * w->interval_ms);
	ways_cut(w, C, OWNER, true);
	ways_kill(w, C);
	put(w, OWNER, 1, 2);
	put(w, OWNER, 30, 240);
	ways_run(w, 50);
	ways_start(w, C);
	fresh_way(w, C, A, -1);
	fresh_way(w, OWNER, B, 1);
	ways_run(w, 4 * w->interval_ms);
	for (int i = A; i <= C && w->node[i].p; i++) {
		struct shelf *of = &w->node[i].p->shelves[pair_shelf_of(w->node[i].p, OWNER + 1)];
		ways_tell(w, "n%d holds %d records of n4, to %d", i + 1, (int)shelf_count(of), (int)of->vector.seq);
	}
	fresh_way(w, A, B, -1);
	ways_run(w, 4000);
}

/* ---- signs ---- */

static void random_signs(struct ways *w, int i)
{
	struct pair_self_signs s = { .booted = ways_below(w, 4) > 0, .isolated = ways_below(w, 4) == 0, .maint = ways_below(w, 3) == 0 };

	if (ways_below(w, 4) == 0)
		s.tilt_until_ms = ways_at(w, i) + ways_below(w, 1500);
	judge_signs(w, i, &s);
}

/* In 2 ms, or 5 ms after the change before; the way; nothing else. */
static void tell_news(struct ways *w)
{
	int a, b;

	other_pair(w, &a, &b);
	ways_run(w, ways_below(w, 2 * w->interval_ms));
	put(w, a, 5 + ways_below(w, 3), 10);
	ways_run(w, PAIR_COALESCE_MS + PAIR_GAP_MS + w->way[a][b].delay_ms);
	for (uint64_t key = 5; key < 8 && !w->failed; key++) {
		if (!have(w, b, a, key))
			ways_fault(w, "a change on n%d is not known on n%d", a + 1, b + 1);
	}
}

static void tell_signs(struct ways *w)
{
	wait_well(w, MEET_MS);
	for (int k = 0; k < 12 && !w->failed; k++) {
		random_signs(w, (int)ways_below(w, (uint32_t)w->nodes));
		ways_run(w, ways_below(w, 1000));
		tell_news(w);
	}
	for (int k = 0; k < 4 && !w->failed; k++) {
		int i = (int)ways_below(w, (uint32_t)w->nodes);
		if (ways_below(w, 3) == 0)
			set_clock(w, i);
		else
			pause_node(w, i, w->interval_ms + ways_below(w, 4 * w->interval_ms));
		ways_run(w, 3000);
	}
}

/* ---- anything ---- */

static void touch_way(struct ways *w, int a, int b)
{
	struct way *way = &w->way[a][b];

	switch (ways_below(w, 6)) {
	case 0:
		way->cut = true;
		break;
	case 1:
		ways_cut(w, a, b, true);
		break;
	case 2:
		way->loss = (uint8_t)ways_below(w, 90);
		break;
	case 3:
		way->jitter_ms = ways_below(w, 300);
		way->doubled = (uint8_t)ways_below(w, 50);
		break;
	case 4:
		way->large = (int)ways_below(w, 6) - 1;
		break;
	default:
		*way = (struct way){ .delay_ms = 1 + ways_below(w, 60), .large = -1 };
		w->way[b][a] = *way;
	}
}

static void touch_node(struct ways *w, int a)
{
	switch (ways_below(w, 6)) {
	case 0:
		pause_node(w, a, ways_below(w, 4000));
		break;
	case 1:
		ways_kill(w, a);
		break;
	case 2:
		put_many(w, a, ways_below(w, 200));
		break;
	case 3:
		put(w, a, 100 + ways_below(w, 200), 0);
		break;
	case 4:
		w->node[a].wall += (int64_t)ways_below(w, 20000) - 10000;
		break;
	default:
		random_signs(w, a);
	}
}

static void tell_anything(struct ways *w)
{
	ways_run(w, ways_below(w, MEET_MS));
	w->odd = ways_below(w, 2) ? (uint8_t)ways_below(w, 10) : 0;
	for (int k = 0; k < 25 && !w->failed; k++) {
		int a, b;
		other_pair(w, &a, &b);
		if (!w->node[a].p)
			ways_start(w, a);
		else if (ways_below(w, 3) == 0)
			touch_node(w, a);
		else if (ways_below(w, 3) == 0)
			ways_tcp(w, a, b, (enum tcp_way)ways_below(w, 3));
		else
			touch_way(w, a, b);
		ways_run(w, ways_below(w, ways_below(w, 2) ? 300 : 3000));
	}
}

static const struct story { const char *name; void (*tell)(struct ways *w); int least, most; } stories[] = {
	{ "anything", tell_anything, 2, 4 }, { "silence", tell_silence, 2, 3 },	    { "asked", tell_asked, 3, 5 },
	{ "backlog", tell_backlog, 2, 3 },   { "strangers", tell_strangers, 2, 3 }, { "damage", tell_damage, 2, 4 },
	{ "split", tell_split, 4, 4 },	     { "signs", tell_signs, 2, 4 },
};
#define STORIES (sizeof stories / sizeof stories[0])

static bool tell(void *arg, uint64_t seed)
{
	struct ways *w = arg;
	const struct story *s = &stories[seed % STORIES];

	ways_begin(w, seed, s->least + (int)(seed / STORIES % (uint64_t)(s->most - s->least + 1)));
	w->story = s->name;
	s->tell(w);
	calm(w);
	ways_end(w);
	return !w->failed;
}

int main(int argc, char **argv)
{
	(void)argc;
	static struct ways w;
	struct seeds seeds = seeds_read("ways", RUNS, argv);

	if (sodium_init() < 0)
		return 1;
	w.loud = seeds.loud;
	struct seeds_done done = seeds_run(&seeds, tell, &w);
	printf("%llu runs, %llu steps, %llu failures\n", (unsigned long long)done.runs, (unsigned long long)w.steps,
	       (unsigned long long)done.failures);
	return done.failures > 0;
}
