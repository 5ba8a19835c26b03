/* Probe sharing against a twin that says whatever it likes: one whole core, and beside it a bare pair.
 *
 *     segment   ├─ calm ─┤├─ something is not ─┤├─ calm, the twin alarms ─┤├─ slow target ─┤├─ dead target ─┤   by chance, eight a run
 *     probes    P . P . P  P P P P P P P P P     P . P . P p . P           P . P p . P
 *               half        full                           at once, never     the twin's alarm    no alarms, half
 *                                                          before retry       raises none of ours
 *
 * share.c tells the same story of two whole cores, which are always honest with each other; here the twin also boasts, remembers, has no
 * prober, is in TILT, or takes the same turn. How often we look is counted; the shelf is read by its octets (core/share.c).
 *
 *     turns [--runs N] [--from N]     turns --seed N
 */
#include "sim/bare.h"

#if defined(__SANITIZE_ADDRESS__)
#define RUNS 60
#else
#define RUNS 400
#endif
#define SEGMENTS 8
#define COUNTED 6 /* intervals */
#define STEP_MS 5
#define WORD_LEN 26
#define WORD_FLAGS 20
#define WORD_ALARMS 21
#define WORD_DIGEST 22
enum { LOOKS = 1, ALARM = 2, ON = 4 };
#define CALM (ON | LOOKS)

static struct { uint32_t interval_ms, timeout_ms, retry_ms, fall, rise; bool same_turn; } conf;
static struct word { enum health_verdict verdict; bool recovered, prober, other_timing; uint8_t flags; size_t len; struct pair_self_signs self; } word;
static uint32_t digest;
static uint8_t alarms;
static struct { uint64_t first_ms, last_ms; uint32_t count; } probes;

static const struct pair_record *own_word(void)
{
	return told(PAIR_VERDICT, core_plan(w.core)->streams[0].key);
}

static void on_effect(struct world *world, const struct core_effect *e)
{
	if (e->type != CORE_PROBE)
		return;
	say("  probe");
	probes.first_ms = probes.count++ ? probes.first_ms : world->now_ms;
	probes.last_ms = world->now_ms;
}

static void says(const struct word *what)
{
	uint8_t value[40] = { (uint8_t)what->verdict, what->recovered, HEALTH_OK, 100 }, prober = what->prober;
	value[WORD_FLAGS] = what->flags;
	value[WORD_ALARMS] = what->flags & ALARM ? ++alarms : alarms;
	store_u32(value + WORD_DIGEST, digest ^ what->other_timing);
	twin_says(PAIR_VERDICT, core_plan(w.core)->streams[0].key, value, what->len);
	twin_says(PAIR_NODE, 2, &prober, 1);
	pair_set_self(twin, &what->self, w.now_ms);
	word = *what;
}

static const struct word calm = { .verdict = HEALTH_VERDICT_UP, .flags = CALM, .prober = true, .len = WORD_LEN, .self = { .booted = true } };

static void now_calm(enum health_verdict v)
{
	struct word c = calm;
	c.verdict = v;
	says(&c);
}

static void rest(uint64_t ms)
{
	run(ms, STEP_MS);
}

static bool is_shared(void)
{
	struct core_target_view v;
	core_target_get(w.core, 0, &v);
	return v.shared;
}

static bool runs(void)
{
	struct core_target_view v;
	core_target_get(w.core, 0, &v);
	return v.running;
}

static void count(uint64_t ms)
{
	memset(&probes, 0, sizeof probes);
	rest(ms);
}

/* At half the rate, or at the full one: counted over whole intervals, the jitter of a place is less than half of one. */
static void check_rate(const char *what, bool half)
{
	uint32_t least = half ? COUNTED / 2 - 1 : COUNTED - 1, most = half ? COUNTED / 2 + 1 : COUNTED + 1;
	count((uint64_t)COUNTED * conf.interval_ms);
	if (probes.count < least || probes.count > most)
		fail("%s: %u probes in %u intervals, not %u to %u", what, probes.count, COUNTED, least, most);
	else if (half != is_shared())
		fail("%s: it says that it %s", what, half ? "shares nothing" : "shares");
}

/* ---- segments ---- */

static void calm_segment(void)
{
	now_calm(HEALTH_VERDICT_UP);
	rest(2ull * conf.interval_ms);
	check_rate(conf.same_turn ? "a twin of the same turn" : "both are calm", !conf.same_turn);
}

static void uneasy_segment(void)
{
	static const char *const whats[] = { "it is down there", "it is unknown there", "what it remembers", "it does not look", "an alarm there",
					     "another timing", "it does not share", "an older version", "no prober there", "TILT there",
					     "the twin is cut off" };
	struct word u = calm;
	unsigned k = (unsigned)below(sizeof whats / sizeof *whats);
	say(whats[k]);
	u.verdict = k == 0 ? HEALTH_VERDICT_DOWN : k == 1 ? HEALTH_VERDICT_UNKNOWN : u.verdict;
	u.recovered = k == 2;
	u.flags = k == 3 ? ON : k == 4 ? CALM | ALARM : k == 6 ? LOOKS : u.flags;
	u.other_timing = k == 5;
	u.len = k == 7 ? WORD_LEN - 6 : u.len;
	u.prober = k != 8;
	u.self.tilt_until_ms = k == 9 ? w.now_ms + 3600000 : 0;
	u.self.isolated = k == 10;
	says(&u);
	rest(2ull * conf.interval_ms);
	check_rate(whats[k], false);
}

/* Well between two turns: nothing runs, and the last look is longer ago than a retry and an answer. */
static bool find_pause(void)
{
	uint32_t most = 4 * conf.interval_ms / STEP_MS;
	for (uint32_t had = probes.count; most > 0 && probes.count == had; most--)
		rest(STEP_MS);
	while (most-- > 0 && runs())
		rest(STEP_MS);
	rest(conf.retry_ms + STEP_MS);
	return !runs() && w.now_ms < probes.last_ms + conf.interval_ms * 3 / 2;
}

static void alarm_segment(void)
{
	struct word a = calm;
	now_calm(HEALTH_VERDICT_UP);
	rest(2ull * conf.interval_ms);
	if (!find_pause() || conf.same_turn)
		return;
	a.flags |= ALARM;
	says(&a);
	count(4 * STEP_MS);
	if (probes.count < 1 || probes.count > 2) /* the second in its own place: until the twin is calm again each looks at all of them */
		fail("the twin alarms, and we look %u times", probes.count);
	count(2000); /* and again and again: our own places, and no more than the retries */
	for (uint32_t n = 0; n < 2000 / STEP_MS; n++) {
		says(&a);
		rest(STEP_MS);
	}
	uint32_t most = 4000 / conf.retry_ms + 4000 / conf.interval_ms + 4;
	if (probes.count > most)
		fail("alarms without end: %u probes in 4 s, not %u", probes.count, most);
}

/* Its answers take more than half of the time-out: each of our turns alarms the twin, but not what the twin's alarm had us ask. */
static void slow_segment(void)
{
	struct word a = calm;
	now_calm(HEALTH_VERDICT_UP);
	w.latency_ms = conf.timeout_ms * 3 / 4;
	rest(4ull * conf.interval_ms);
	uint8_t before = own_word()->value[WORD_ALARMS];
	if (!conf.same_turn && conf.interval_ms > 3 * (w.latency_ms + conf.retry_ms) && find_pause()) {
		if (own_word()->value[WORD_ALARMS] == before)
			fail("it is silent for half of its time-out, and that is no alarm");
		before = own_word()->value[WORD_ALARMS];
		a.flags |= ALARM;
		says(&a);
		count(4 * STEP_MS);
		now_calm(HEALTH_VERDICT_UP);
		for (uint32_t most = conf.timeout_ms / STEP_MS; runs() && most > 0; most--)
			rest(STEP_MS);
		if (probes.count == 1 && own_word()->value[WORD_ALARMS] != before)
			fail("what was asked for the twin's alarm raises one of ours");
	}
	w.latency_ms = 5;
	rest(2ull * conf.interval_ms);
}

/* Short enough for the breaker to stay closed. */
static void dead_segment(void)
{
	now_calm(HEALTH_VERDICT_UP);
	world_backend(&w, "127.0.0.11", HEALTH_CONNECT_TIMEOUT);
	w.latency_ms = conf.timeout_ms;
	rest(2ull * conf.interval_ms + conf.fall * (conf.timeout_ms + conf.retry_ms));
	now_calm(HEALTH_VERDICT_DOWN);
	rest(2ull * conf.interval_ms);
	uint8_t before = own_word()->value[WORD_ALARMS];
	count(4ull * conf.interval_ms);
	if (own_word()->value[0] != HEALTH_VERDICT_DOWN)
		fail("a target that is dead is not down");
	else if (!conf.same_turn && (own_word()->value[WORD_ALARMS] != before || probes.count > 3))
		fail("what is down on both is looked at %u times in 4 intervals, and raises %u alarms", probes.count,
		     (unsigned)(uint8_t)(own_word()->value[WORD_ALARMS] - before));
	world_backend(&w, "127.0.0.11", HEALTH_OK);
	w.latency_ms = 5;
	now_calm(HEALTH_VERDICT_UP);
	rest((2ull + conf.rise) * conf.interval_ms + conf.timeout_ms);
}

/* ---- a run ---- */

static void draw(char *text, size_t cap)
{
	bool three = below(4) == 0;
	conf.interval_ms = (uint32_t)(400 + below(1600));
	conf.timeout_ms = (uint32_t)(100 + below(conf.interval_ms / 2));
	conf.retry_ms = (uint32_t)(30 + below(conf.interval_ms / 4));
	conf.fall = (uint32_t)(1 + below(3));
	conf.rise = (uint32_t)(1 + below(3));
	conf.same_turn = three && below(2);
	snprintf(text, cap, "pair any-up share%s\ncheck web interval=%u timeout=%u retry=%u fall=%u rise=%u\nservice www.test web 127.0.0.11\n",
		 three ? " three" : "", conf.interval_ms, conf.timeout_ms, conf.retry_ms, conf.fall, conf.rise);
}

static void story(uint64_t seed)
{
	static void (*const segments[])(void) = { calm_segment, calm_segment, uneasy_segment, uneasy_segment, uneasy_segment,
						  alarm_segment, slow_segment, dead_segment };
	char text[300];
	(void)seed;
	draw(text, sizeof text);
	begin(text, on_effect);
	twin_at = conf.same_turn ? 2 : 1;
	twin_begin();
	rest(1000 + conf.rise * conf.interval_ms);
	const struct pair_record *r = own_word();
	if (!r || r->value_len != WORD_LEN)
		fail("it shares, and does not say so");
	digest = *fault ? 0 : load_u32(r->value + WORD_DIGEST);
	for (int k = 0; k < SEGMENTS && !*fault; k++)
		segments[below(sizeof segments / sizeof *segments)]();
	end();
}

int main(int argc, char **argv)
{
	(void)argc;
	return bare_main("turns", RUNS, argv, story);
}
