/* Losing the own network, and losing a target: many seeds of one story under a virtual clock.
 *
 *     network of ns1   ────────────┤  lost  ├──────────────────────────────
 *     one target       ──────────────────────────────┤ dead, silent
 *     rule on          nothing goes down               down ▲
 *     rule off                                         down ▲    never later with the rule than without
 *
 * Five settings: canaries alone (every seed), a twin's echo alone, both, canaries of which words are lost, and a twin that is not
 * there, so that targets witness for each other. A twin sees all, and its votes are no help: the rule of agreement is any-down.
 *
 *     uplink [--runs N] [--from N]     uplink --seed N     a failure prints its seed, which tells the story again
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "base/rng.h"
#include "dns/const.h"
#include "lib/core_world.h"
#include "lib/plan_make.h"
#include "sim/seeds.h"

#if defined(__SANITIZE_ADDRESS__)
#define RUNS 300
#else
#define RUNS 10000
#endif
#define TWINS_EVERY 10 /* a run with a twin costs much more */
#define TARGETS 6
#define QUEUE_MAX 512
#define WARM_MS 3000
#define CUT_MAX_MS 2500
#define CALM_MS 4000
#define WALL_MS 1700000000000u

/* A canary that takes longer than the least interval of canaries, 100 ms, is asked every other time: then a word may be too old. */
#define CANARY_RTT_MAX_MS 90

enum what { NOTHING = 0, RESULT, PACKET };
struct item { uint64_t at; enum what what; int node; uint32_t stream, run; enum health_reason reason; uint16_t len; uint8_t data[PAIR_PACKET_MAX]; };
struct node { struct core *core; struct plan *plan; uint64_t down_at[TARGETS]; };
struct sim {
	struct rng rng;
	uint64_t seed, now, cut_at, cut_until, dead_at; /* cut: ns1's network; dead: target 0 */
	uint32_t timeout_ms, interval_ms, retry_ms, fall;
	int nodes, canaries;
	uint8_t lossy; /* percent of canaries' answers that are lost */
	bool dead_twin, alone; /* in this setting; and in this telling of it */
	bool loud;
	uint32_t rtt[TARGETS + 4];
	struct node node[2];
	struct item queue[QUEUE_MAX];
	uint32_t queued;
	uint64_t steps;
};

/* ---- the world ---- */

static bool is_cut(const struct sim *s, int node, uint64_t at)
{
	return node == 0 && at >= s->cut_at && at < s->cut_until;
}

static struct item *push(struct sim *s)
{
	if (s->queued == QUEUE_MAX) {
		fprintf(stderr, "the queue is full\n");
		abort();
	}
	return &s->queue[s->queued++];
}

/* The last octet names a target from 1, a canary from 101. */
static void do_probe(struct sim *s, int node, const struct core_effect *e)
{
	const struct plan_stream *p = &s->node[node].plan->streams[e->probe.stream];
	uint32_t number = p->addr.ip[3];
	/* by the moment alone: the same with the rule and without */
	uint32_t rtt = s->rtt[number > 100 ? TARGETS + number - 101 : number - 1] + (uint32_t)(hash_mix(s->now + 12345, s->seed + number) % 5);
	bool heard = !is_cut(s, node, s->now) && !is_cut(s, node, s->now + rtt) && rtt < e->probe.timeout_ms;
	if (number == 1 && s->now + rtt / 2 >= s->dead_at)
		heard = false;
	if (number > 100 && s->lossy && rng_below(&s->rng, 100) < s->lossy)
		heard = false;
	struct item *i = push(s);
	*i = (struct item){ .at = s->now + (heard ? rtt : e->probe.timeout_ms), .what = RESULT, .node = node, .stream = e->probe.stream,
			    .run = e->probe.run, .reason = heard ? HEALTH_OK : HEALTH_CONNECT_TIMEOUT };
	if (heard && number > 101) /* a refusal will do */
		i->reason = HEALTH_CONNECT_REFUSED;
}

static void do_send(struct sim *s, int node, const struct core_effect *e)
{
	uint64_t delay = 2 + rng_below(&s->rng, 3);
	if (s->nodes < 2 || s->alone || is_cut(s, 0, s->now) || is_cut(s, 0, s->now + delay))
		return;
	struct item *i = push(s);
	*i = (struct item){ .at = s->now + delay, .what = PACKET, .node = 1 - node, .len = e->send.len };
	memcpy(i->data, e->send.data, e->send.len);
}

static void do_notice(struct sim *s, int node, const char *text)
{
	unsigned number;
	if (s->loud)
		printf("%8.3f ns%d %s\n", (double)s->now / 1000, node + 1, text);
	if (sscanf(text, "event=verdict address=192.0.2.%u", &number) == 1 && strstr(text, " state=down ") &&
	    !strstr(text, " cause=twin ") && number <= TARGETS && /* what the twin says comes when the network likes */
	    !s->node[node].down_at[number - 1])
		s->node[node].down_at[number - 1] = s->now;
}

static void step(struct sim *s, int node, const struct core_event *e)
{
	struct core *c = s->node[node].core;
	struct core_effect f;
	s->steps++;
	if (core_step(c, e, s->now, WALL_MS + s->now) < 0)
		abort();
	while (core_next_effect(c, &f)) {
		if (f.type == CORE_PROBE)
			do_probe(s, node, &f);
		else if (f.type == CORE_SEND)
			do_send(s, node, &f);
		else if (f.type == CORE_NOTICE)
			do_notice(s, node, notice_line(f.notice.what, (char[NOTICE_LINE_MAX]){ 0 }));
	}
}

static void land(struct sim *s, const struct item *i)
{
	struct core_event e = { 0 };
	if (i->what == PACKET) {
		e.type = CORE_PACKET;
		e.packet.from = (struct addr){ 4, { 192, 0, 2, (uint8_t)(2 - i->node) }, 5401 };
		e.packet.data = i->data;
		e.packet.len = i->len;
	} else {
		e.type = CORE_RESULT;
		e.result.stream = i->stream;
		e.result.run = i->run;
		e.result.result = (struct health_result){ .reason = i->reason, .weight_pct = 100 };
	}
	step(s, i->node, &e);
}

static void run_to(struct sim *s, uint64_t end)
{
	for (;;) {
		uint32_t k = 0;
		uint64_t at = UINT64_MAX;
		int timer = -1;
		for (uint32_t i = 0; i < s->queued; i++)
			if (s->queue[i].at < at)
				at = s->queue[k = i].at;
		for (int n = 0; n < (s->alone ? 1 : s->nodes); n++)
			if (core_deadline(s->node[n].core) < at)
				at = core_deadline(s->node[timer = n].core);
		if (at > end)
			break;
		s->now = at > s->now ? at : s->now;
		if (timer >= 0) {
			step(s, timer, &(struct core_event){ .type = CORE_TIMER });
			continue;
		}
		struct item i = s->queue[k];
		s->queue[k] = s->queue[--s->queued];
		land(s, &i);
	}
	s->now = end;
}

/* ---- a run ---- */

/* Twins that reach each other over loopback are no witnesses. */
static void make_plan(struct sim *s, const struct rng *rng, bool away, char *text, size_t cap)
{
	struct rng r = *rng;
	s->retry_ms = (uint32_t)(50 + rng_below(&r, 250));
	s->fall = (uint32_t)(1 + rng_below(&r, 3));
	size_t n = (size_t)snprintf(text, cap, "%scheck web interval=%u timeout=%u retry=%u fall=%u rise=2\nservice www.test web",
				    s->nodes < 2 ? "" : away ? "pair any-down away\n" : "pair any-down\n", s->interval_ms, s->timeout_ms, s->retry_ms, s->fall);
	for (int i = 1; i <= TARGETS; i++)
		n += (size_t)snprintf(text + n, cap - n, " 192.0.2.%d", i);
	for (int i = 0; i < s->canaries; i++)
		n += (size_t)snprintf(text + n, cap - n, "\ncanary 192.0.2.%d:80", 101 + i);
}

static void begin(struct sim *s, uint64_t seed, int nodes, int canaries)
{
	char text[1024];
	bool loud = s->loud, away = nodes > 0, dead_twin = s->dead_twin;
	memset(s, 0, sizeof *s);
	s->loud = loud;
	s->dead_twin = dead_twin;
	s->alone = dead_twin && away;
	nodes = away ? nodes : -nodes;
	if (loud)
		printf("--- %d nodes, %d canaries\n", nodes, canaries);
	s->seed = seed;
	s->nodes = nodes;
	s->canaries = canaries;
	s->now = 1000;
	s->cut_at = s->cut_until = s->dead_at = UINT64_MAX;
	rng_init(&s->rng, seed);
	s->timeout_ms = (uint32_t)(300 + rng_below(&s->rng, 700));
	s->interval_ms = (uint32_t)(500 + rng_below(&s->rng, 1500));
	for (size_t i = 0; i < sizeof s->rtt / sizeof s->rtt[0]; i++)
		s->rtt[i] = (uint32_t)(1 + rng_below(&s->rng, rng_below(&s->rng, 4) ? 20 : i < TARGETS || s->timeout_ms / 4 < CANARY_RTT_MAX_MS ? s->timeout_ms / 4 : CANARY_RTT_MAX_MS));
	make_plan(s, &s->rng, away, text, sizeof text);
	for (int n = 0; n < nodes; n++) {
		s->node[n].plan = plan_make(text, (uint16_t)n);
		struct core_start st = { .plan = s->node[n].plan, .boot = rng_u64(&s->rng) | 1, .epoch = 1ull << 32 | 1, .seed = seed };
		if (core_new(&s->node[n].core, &st, s->now, WALL_MS + s->now) < 0)
			abort();
	}
	for (int n = 0; n < nodes; n++)
		step(s, n, &(struct core_event){ .type = CORE_TIMER });
}

static void end(struct sim *s)
{
	for (int n = 0; n < s->nodes; n++) {
		core_free(s->node[n].core);
		plan_free(s->node[n].plan);
	}
}

struct outcome { unsigned false_down; uint64_t detected_ms; bool isolated; };

/* cut_ms 0 = none */
static struct outcome tell(struct sim *s, uint64_t cut_at, uint64_t cut_ms, uint64_t dead_at)
{
	struct outcome o = { 0 };
	if (cut_ms) {
		s->cut_at = cut_at;
		s->cut_until = cut_at + cut_ms;
	}
	s->dead_at = dead_at;
	run_to(s, dead_at);
	for (int i = 0; i < TARGETS; i++)
		o.false_down += s->node[0].down_at[i] != 0;
	s->node[0].down_at[0] = 0;
	uint64_t found_by = dead_at + 3u * (s->timeout_ms + 300) + s->interval_ms * 2u + s->timeout_ms;
	if (s->lossy) /* each lost word can cost a probe; not more than a few of them fall together */
		found_by += 5u * (s->interval_ms + s->timeout_ms);
	run_to(s, found_by);
	o.detected_ms = s->node[0].down_at[0] ? s->node[0].down_at[0] - dead_at : UINT64_MAX;
	for (int i = 1; i < TARGETS; i++)
		o.false_down += s->node[0].down_at[i] != 0;
	return o;
}

struct totals { uint64_t runs, steps, false_down, naive_down, later, failures, longest_ms, sum_ms, sum_off_ms; };

/* lossy: percent of the canaries' answers that are lost; a failure may be found later then, by a retry. */
static bool run(struct sim *s, uint64_t seed, int nodes, int canaries, uint8_t lossy, struct totals *t)
{
	struct rng r;
	rng_init(&r, ~seed);
	uint64_t cut_at = 1000 + WARM_MS + rng_below(&r, 1000), cut_ms = 1000 + rng_below(&r, CUT_MAX_MS - 1000 + 1);
	begin(s, seed, nodes, canaries);
	s->lossy = lossy;
	uint64_t dead_at = cut_at + cut_ms + CALM_MS + s->interval_ms * 2u + rng_below(&r, s->interval_ms);
	struct outcome on = tell(s, cut_at, cut_ms, dead_at);
	t->steps += s->steps;
	end(s);
	if (s->loud)
		printf("--- the same without the rule, and the network is not cut\n");
	begin(s, seed, -nodes, 0);
	struct outcome off = tell(s, 0, 0, dead_at);
	t->steps += s->steps;
	end(s);
	if (s->loud)
		printf("cut at %.3f for %.3f\n", (double)cut_at / 1000, (double)cut_ms / 1000);
	/* Where targets alone witness for each other, and one failure is enough, the first one is doubted and the next asks others with it. */
	uint64_t doubted_ms = s->dead_twin && s->fall == 1 ? s->timeout_ms + s->retry_ms : 0;
	bool later = on.detected_ms > off.detected_ms, too_late = later && on.detected_ms - off.detected_ms > doubted_ms;
	t->runs++;
	t->false_down += on.false_down;
	t->later += later;
	t->sum_ms += on.detected_ms == UINT64_MAX ? 0 : on.detected_ms;
	t->sum_off_ms += off.detected_ms;
	if (on.false_down || (too_late && !lossy))
		printf("seed %llu, %d nodes, %d canaries: %u went down that were there; found after %lld ms, without the rule after %lld ms\n",
		       (unsigned long long)seed, nodes, canaries, on.false_down, (long long)on.detected_ms, (long long)off.detected_ms);
	return !on.false_down && (!too_late || (lossy && on.detected_ms != UINT64_MAX));
}

/* How it would be without the rule: that the simulation's network does take targets down. */
static void run_naive(struct sim *s, uint64_t seed, struct totals *t)
{
	begin(s, seed, 1, 0);
	struct outcome o = tell(s, 1000 + WARM_MS, CUT_MAX_MS, 1000 + WARM_MS + CUT_MAX_MS + CALM_MS);
	t->naive_down += o.false_down > 0;
	end(s);
}

static void report(const char *what, const struct totals *t)
{
	printf("%s: %llu runs, %llu steps: %llu false DOWN, %llu found later than without the rule; found after %llu ms on average, "
	       "without it %llu ms\n", what, (unsigned long long)t->runs, (unsigned long long)t->steps, (unsigned long long)t->false_down,
	       (unsigned long long)t->later, (unsigned long long)(t->runs ? t->sum_ms / t->runs : 0),
	       (unsigned long long)(t->runs ? t->sum_off_ms / t->runs : 0));
}

struct all { struct sim s; struct totals canaries, twin, both, lossy, alone, naive; };

static bool run_all(void *arg, uint64_t seed)
{
	struct all *a = arg;
	bool well = run(&a->s, seed, 1, 1 + (int)(seed % 3), 0, &a->canaries);
	if (seed % TWINS_EVERY && !a->s.loud)
		return well;
	well &= run(&a->s, seed, 2, 0, 0, &a->twin);
	well &= run(&a->s, seed, 2, 2, 0, &a->both);
	a->s.dead_twin = true;
	well &= run(&a->s, seed, 2, 0, 0, &a->alone);
	a->s.dead_twin = false;
	well &= run(&a->s, seed, 1, 2, 2, &a->lossy);
	run_naive(&a->s, seed, &a->naive);
	a->naive.runs++;
	return well;
}

int main(int argc, char **argv)
{
	(void)argc;
	static struct all a;
	struct seeds seeds = seeds_read("uplink", RUNS, argv);
	a.s.loud = seeds.loud;
	struct seeds_done done = seeds_run(&seeds, run_all, &a);
	report("canaries", &a.canaries);
	report("twin", &a.twin);
	report("both", &a.both);
	report("a twin that is dead", &a.alone);
	report("two canaries, 2% of their answers lost", &a.lossy);
	printf("without the rule a cut takes targets down in %llu of %llu runs\n", (unsigned long long)a.naive.naive_down,
	       (unsigned long long)a.naive.runs);
	return done.failures || a.naive.naive_down * 10 < a.naive.runs * 9 ? 1 : 0;
}
