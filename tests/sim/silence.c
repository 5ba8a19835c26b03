/* What silence means to one core, among a network that goes, a machine that naps or stands still, and words that come late.
 *
 *     network   ─────────┤ cut ├──────┤ cut ├───────────────────       by chance, in any order
 *     we        ───┤nap├─────────┤ standstill ├─┤nap├┤nap├──────       what came meanwhile is read at its end
 *     targets   all are well: none may go down ──────────┤ one dies: it is found
 *
 * Beside it: short cuts one behind the other, that no probe was silent for (`gaps`); a start while the network is away; slow answers
 * that were asked for before a standstill; a probe that the prober gave up is answered at last (`stray`); the kernel says for three seconds after a cut what it knows of the time before (`neighbours`); a link that is unplugged; a node that
 * is stopped each time it is about to ask.
 *
 *     silence [--runs N] [--from N]     silence --seed N
 */
#include "sim/bare.h"

#if defined(__SANITIZE_ADDRESS__)
#define RUNS 100
#else
#define RUNS 1500
#endif
#define TARGETS_MAX 4
#define CANARIES_MAX 2
#define FLIGHT_MAX 64
#define STEP_MS 5
#define NEIGHBOUR_MS 2900  /* within three seconds of the network's return */
#define PATIENCE_MS 1500   /* nobody is isolated sooner: two seconds, less what an echo is old and a timer was late */
#define ISOLATED_MS 8000   /* by then */
#define NAP_MS 500         /* from here on it is no time in which anybody was silent, but for what a timer is away at its beginning */
#define TIMER_MS 200
#define STILL_MS 2000      /* from here on it is a standstill for whoever asks a canary once a second */
#define ECHO_MS 2500       /* and the twin surely answered */

struct flight { uint64_t at, until; uint32_t stream, run; enum health_reason reason; };
static struct flight flight[FLIGHT_MAX];
static uint32_t flights, last_run;
static struct { uint32_t interval_ms, timeout_ms, retry_ms, fall; int targets, canaries; bool pair; } conf;
static uint32_t rtt[TARGETS_MAX + CANARIES_MAX];
static uint64_t cut_at, cut_until, dead_at, found_at, awake_ms; /* awake: since somebody answered */
static bool neighbours, unplugged, isolated;
static int blips; /* so often 192.0.2.11 refuses */
static uint64_t read_late_ms; /* what was heard before a standstill takes so long to be read after it */

static bool is_cut(uint64_t at)
{
	return at >= cut_at && at < cut_until;
}

static enum health_reason outcome(uint32_t stream, uint32_t timeout_ms, uint64_t *at)
{
	uint64_t now = w.now_ms, took = rtt[stream] + below(4);
	if (unplugged && is_cut(now)) {
		*at = now + 1;
		return HEALTH_LOCAL_ERROR;
	}
	if (neighbours && stream == 0 && now >= cut_until && now + 5 < cut_until + NEIGHBOUR_MS) {
		*at = now + 5;
		return HEALTH_CONNECT_UNREACHABLE;
	}
	if (stream == 0 && blips > 0 && !is_cut(now)) {
		blips--;
		*at = now + 2;
		return HEALTH_CONNECT_REFUSED;
	}
	bool there = !is_cut(now) && !is_cut(now + took) && took < timeout_ms && (stream > 0 || now + took / 2 < dead_at);
	*at = now + (there ? took : timeout_ms);
	return there ? HEALTH_OK : HEALTH_CONNECT_TIMEOUT;
}

static void on_effect(struct world *world, const struct core_effect *e)
{
	char line[NOTICE_LINE_MAX];
	if (e->type == CORE_PROBE && flights == FLIGHT_MAX) {
		fail("more is asked at a time than there is to ask");
	} else if (e->type == CORE_PROBE) {
		struct flight *f = &flight[flights++];
		*f = (struct flight){ .stream = e->probe.stream, .run = last_run = e->probe.run };
		f->until = w.now_ms + e->probe.timeout_ms;
		f->reason = outcome(f->stream, e->probe.timeout_ms, &f->at);
	}
	if (e->type != CORE_NOTICE)
		return;
	notice_line(e->notice.what, line);
	say(line);
	if (e->notice.what->kind != CORE_NOTICE_VERDICT || strcmp(e->notice.what->new, "down") != 0)
		return;
	if (w.now_ms > dead_at && strstr(line, "address=192.0.2.11 "))
		found_at = found_at ? found_at : world->now_ms;
	else
		fail("a target goes down that is well");
}

static void step_result(uint32_t stream, uint32_t run_number, enum health_reason reason)
{
	struct core_event e = { .type = CORE_RESULT, .result = { .stream = stream, .run = run_number } };
	e.result.result = (struct health_result){ .reason = reason, .weight_pct = 100, .took_us = 300 };
	if (reason == HEALTH_OK)
		awake_ms = 0;
	world_step(&w, &e);
}

static void land_due(void)
{
	for (uint32_t i = 0; i < flights;) {
		struct flight f = flight[i];
		if (f.at > w.now_ms) {
			i++;
			continue;
		}
		flight[i] = flight[--flights];
		step_result(f.stream, f.run, f.reason);
	}
}

/* before_ms: awake when this step began; somebody may have answered in it just behind. */
static void judge_isolation(uint64_t before_ms)
{
	struct core_network n;
	core_network_get(w.core, &n);
	bool now = n.state == CORE_NETWORK_ISOLATED;
	if (now && !isolated && before_ms + 2 * STEP_MS < PATIENCE_MS)
		fail("it is isolated, and was awake for %u ms since somebody answered", (unsigned)before_ms);
	isolated = now;
}

static void pass(uint64_t ms)
{
	for (uint64_t to = w.now_ms + ms; w.now_ms < to && !*fault;) {
		uint64_t before_ms = awake_ms;
		twin_mute = is_cut(w.now_ms);
		run(STEP_MS, STEP_MS);
		awake_ms = twin && !twin_mute && w.now_ms > cut_until + ECHO_MS ? 0 : awake_ms + STEP_MS;
		land_due();
		judge_isolation(before_ms);
	}
}

/* What came meanwhile is read when it wakes, or somewhat later. */
static void stop(uint64_t ms)
{
	say("it does not run");
	uint64_t end_ms = w.now_ms + ms;
	for (uint32_t i = 0; i < flights; i++)
		if (flight[i].at < end_ms)
			flight[i].at = end_ms + (read_late_ms ? below(read_late_ms) : 0);
	w.now_ms = end_ms;
	awake_ms += ms < NAP_MS ? ms : conf.canaries ? 2 * TIMER_MS : TIMER_MS;
	uint64_t before_ms = awake_ms;
	if (!read_late_ms && below(2))
		land_due(); /* before it knows how late it is */
	judge_isolation(before_ms);
}

/* ---- a run ---- */

static void draw_conf(bool pair, int canaries)
{
	conf.interval_ms = (uint32_t)(400 + below(1200));
	conf.timeout_ms = (uint32_t)(200 + below(conf.interval_ms - 199)); /* never longer than an interval */
	conf.retry_ms = (uint32_t)(50 + below(250));
	conf.fall = (uint32_t)(1 + below(3));
	conf.targets = (int)(2 + below(TARGETS_MAX - 1));
	conf.canaries = canaries;
	conf.pair = pair;
	for (size_t i = 0; i < TARGETS_MAX + CANARIES_MAX; i++)
		rtt[i] = (uint32_t)(1 + below(below(3) ? 20 : i < (size_t)conf.targets ? conf.timeout_ms * 2 / 5 : 50));
}

/* Two targets that answer at once, and two that take longer than a SYN that got lost. */
static void draw_slow(void)
{
	draw_conf(false, 1);
	conf.timeout_ms = (uint32_t)(2500 + below(2500));
	conf.interval_ms = conf.timeout_ms + (uint32_t)below(1000);
	conf.targets = TARGETS_MAX;
	for (size_t i = 0; i < TARGETS_MAX + CANARIES_MAX; i++)
		rtt[i] = (uint32_t)(i == 2 || i == 3 ? 900 + below(conf.timeout_ms * 2 / 5 - 900) : 1 + below(20));
}

static void start(void)
{
	char text[600];
	size_t cap = sizeof text, n;
	n = (size_t)snprintf(text, cap, "%scheck web interval=%u timeout=%u retry=%u fall=%u rise=2\nservice www.test web",
			     conf.pair ? "pair any-down away\n" : "", conf.interval_ms, conf.timeout_ms, conf.retry_ms, conf.fall);
	for (int i = 0; i < conf.targets; i++)
		n += (size_t)snprintf(text + n, cap - n, " 192.0.2.%d", 11 + i);
	for (int i = 0; i < conf.canaries; i++)
		n += (size_t)snprintf(text + n, cap - n, "\ncanary 192.0.2.%d:80", 101 + i);
	snprintf(text + n, cap - n, "\n");
	flights = 0;
	cut_at = cut_until = found_at = awake_ms = read_late_ms = 0;
	dead_at = UINT64_MAX;
	neighbours = unplugged = isolated = false;
	blips = 0;
	begin(text, on_effect);
	for (uint32_t i = 0; i < core_plan(w.core)->stream_count; i++)
		world_backend_of(&w, &core_plan(w.core)->streams[i].addr)->silent = true; /* results are ours */
	if (conf.pair)
		twin_begin();
	pass(4000 + 2ull * conf.interval_ms);
}

static void start_with(bool pair, int canaries)
{
	draw_conf(pair, canaries);
	start();
}

/* What is on its way then is lost. */
static void cut_from(uint64_t at, uint64_t ms)
{
	say("the network goes");
	cut_at = at;
	cut_until = at + ms;
	for (uint32_t i = 0; i < flights; i++) {
		struct flight *f = &flight[i];
		if (f->reason != HEALTH_OK || !is_cut(f->at))
			continue;
		f->reason = HEALTH_CONNECT_TIMEOUT;
		f->at = f->until;
	}
}

/* One that is dead is found, whatever was before. */
static void find_dead(void)
{
	pass(3000);
	dead_at = w.now_ms;
	say("192.0.2.11 dies");
	pass(4ull * conf.interval_ms + (conf.fall + 4ull) * (conf.timeout_ms + conf.retry_ms) + 4000);
	if (!found_at && !*fault)
		fail("a dead target is not found");
}

/* It is gone while a machine stands still, or naps, and what it heard before is read after it: that tells nothing of now. */
static void words_of_old_story(void)
{
	bool pair = below(3) == 0;
	start_with(pair, pair ? (int)below(2) : 1);
	for (int i = 0; i < 6 && !*fault; i++) {
		read_late_ms = below(2) * conf.timeout_ms;
		pass(below(2ull * conf.interval_ms));
		uint64_t still_ms = below(2) ? 1000 + below(1500) : NAP_MS + below(450);
		cut_from(w.now_ms + below(still_ms), still_ms + 500 + below(2500));
		stop(still_ms);
		pass(cut_until - w.now_ms + 5ull * conf.interval_ms);
	}
	find_dead();
}

/* Longer than two and a half words of the twin, and over before anybody was missed for so long: one failure takes a target down here. */
static void gaps_story(void)
{
	draw_conf(true, 0);
	conf.timeout_ms = (uint32_t)(700 + below(800));
	conf.interval_ms = conf.timeout_ms + (uint32_t)below(800);
	conf.fall = 1;
	for (int i = 0; i < conf.targets; i++)
		rtt[i] = (uint32_t)(1 + below(conf.timeout_ms * 2 / 5));
	start();
	if (below(2)) { /* long ago, so that targets witness for each other */
		twin_end();
		pass(12000);
	}
	for (int i = 0; i < 10 && !*fault; i++) {
		cut_from(w.now_ms + below(conf.interval_ms), 650 + below(conf.timeout_ms));
		pass(cut_until - w.now_ms + below(below(2) ? 400 : 3ull * conf.interval_ms));
	}
	find_dead();
}

/* It starts while the network is away: what was asked before anybody answered fails nobody, so a refusal is the first failure of two. */
static void late_story(void)
{
	draw_conf(true, (int)below(2));
	conf.fall = 2;
	start();
	twin_end();
	pass(12000);
	for (int i = 0; i < 6 && !*fault; i++) {
		cut_from(w.now_ms, 600 + below(2ull * conf.timeout_ms));
		pass(below(600));
		say("killed");
		flights = 0;
		world_restart(&w, SIZE_MAX);
		awake_ms = 0;
		blips = 1;
		pass(cut_until - w.now_ms + conf.timeout_ms + 3ull * conf.interval_ms);
	}
	blips = 0;
	find_dead();
}

/* Answers that take long: what was asked before a standstill is no sign that the network was there at its end. */
static void slow_words_story(void)
{
	draw_slow();
	start();
	for (int i = 0; i < 8 && !*fault; i++) {
		read_late_ms = 1 + below(300);
		pass(below(2ull * conf.interval_ms));
		uint64_t still_ms = STILL_MS + below(2000), went_ms = 100 + below(still_ms - 100);
		cut_from(w.now_ms + went_ms, still_ms - went_ms + 100 + below(conf.timeout_ms / 2));
		stop(still_ms);
		pass(cut_until - w.now_ms + 3ull * conf.interval_ms);
	}
	find_dead();
}

/* What was given up is answered at last: it tells that we are not cut off, and witnesses nobody's silence. */
static void stray_story(void)
{
	start_with(true, 0);
	twin_end();
	cut_from(w.now_ms, 30000);
	uint64_t every_ms = 50 + below(400), last_ms = 0;
	uint64_t from_ms = w.now_ms + below(2500), until_ms = from_ms + 1000 + below(6000);
	while (w.now_ms < cut_until && !*fault) {
		pass(STEP_MS);
		if (w.now_ms < from_ms || w.now_ms >= until_ms || w.now_ms < last_ms + every_ms)
			continue;
		last_ms = w.now_ms;
		step_result((uint32_t)below((uint64_t)conf.targets), last_run + 1000, HEALTH_OK);
	}
	if (!isolated)
		fail("nobody answers for long, and it is not isolated");
}

/* Too short to be pauses, and all that it runs between them is less than its patience. */
static void naps_story(void)
{
	start_with(true, 0);
	twin_end();
	cut_from(w.now_ms, 600000);
	pass(below(PATIENCE_MS));
	for (uint64_t i = 2 + below(10); i > 0 && !*fault; i--) {
		stop(NAP_MS + below(400));
		pass(below(100));
	}
	pass(ISOLATED_MS);
	if (!isolated && !*fault)
		fail("nobody answers for long, and it is not isolated");
}

static void unplugged_story(void)
{
	start_with(true, 0);
	twin_end();
	unplugged = true;
	cut_from(w.now_ms, ISOLATED_MS + 3ull * conf.interval_ms);
	pass(cut_until - w.now_ms);
	if (!isolated && !*fault)
		fail("its link is unplugged, and it is not isolated");
	twin_begin();
	pass(4000);
	find_dead();
}

static void neighbours_story(void)
{
	start_with(true, (int)below(2));
	for (int i = 0; i < 3 && !*fault; i++) {
		neighbours = true;
		cut_from(w.now_ms, 700 + below(3000));
		if (below(2))
			world_step(&w, &(struct core_event){ .type = CORE_CUT_OFF });
		isolated = true; /* if it was told */
		pass(cut_until - w.now_ms + NEIGHBOUR_MS + 3ull * conf.interval_ms);
		neighbours = false;
	}
	find_dead();
}

/* It stops each time when it is about to ask; what it knows does not grow old for that. */
static void pauses_story(void)
{
	struct core_target_view v;
	start_with(false, 0);
	for (int i = 0; i < 12 && !*fault; i++) {
		uint64_t most_ms = w.now_ms + 3ull * conf.interval_ms;
		while (w.now_ms < most_ms && (flights > 0 || core_deadline(w.core) > w.now_ms + STEP_MS) && !*fault)
			pass(STEP_MS);
		stop(1000 + below(2000));
		pass(STEP_MS);
		for (int k = 0; k < conf.targets; k++) {
			core_target_get(w.core, (size_t)k, &v);
			if (v.verdict != HEALTH_VERDICT_UP)
				fail("a pause makes the verdict of target %d %d", k, v.verdict);
		}
	}
}

static void story(uint64_t seed)
{
	static void (*const stories[])(void) = { words_of_old_story, slow_words_story, stray_story, naps_story, unplugged_story,
						 neighbours_story, pauses_story, gaps_story, late_story };
	stories[seed % (sizeof stories / sizeof *stories)]();
	end();
}

int main(int argc, char **argv)
{
	(void)argc;
	return bare_main("silence", RUNS, argv, story);
}
