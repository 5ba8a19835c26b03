/* Twins that share probes against the same twins that do not: many seeds of one story under a virtual clock.
 *
 *     counted: probes an interval, and the longest time that nobody looks at a target
 *     ───────────┤ six intervals ├──── blips ────┤ dead: refused, or silent ├── back ──┤ ns2 killed ├── unseen? ──┤
 *                                                 ╰▶ out of both answers     ╰▶ in both             ╰▶ full rate
 *
 * The nodes' clocks, monotonic and wall, have nothing in common, and drift.  What must be so is in judge(); the bounds are
 * said at their place.
 *
 *     share [--runs N] [--from N]     share --seed N     a failure prints its seed, which tells the story again
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "base/rng.h"
#include "core/core.h"
#include "dns/const.h"
#include "lib/plan_make.h"
#include "sim/seeds.h"

#if defined(__SANITIZE_ADDRESS__)
#define RUNS 100
#else
#define RUNS 2000
#endif
#define TARGETS 4
#define QUEUE_MAX 512
#define WALL_MS 1700000000000u
#define COUNTED 6 /* intervals */
#define LOST_MAX_MS 4000 /* a twin that is gone is known to be */
#define SLACK_MS 12 /* a write is sent 2 ms later, and 5 ms after the one before; drift; rounding */

enum what { NOTHING = 0, RESULT, PACKET };
struct item { uint64_t at; enum what what; int node; uint32_t stream, run; enum health_reason reason; uint16_t len; uint8_t data[PAIR_PACKET_MAX]; };
struct node { struct core *core; struct plan *plan; uint64_t mono_off; int64_t wall_off; int32_t ppm; bool killed, has[TARGETS]; };
struct look { uint64_t last, gap, since; uint32_t count; bool failed; };
struct sim {
	struct rng rng;
	uint64_t seed, now;
	bool loud, silent;      /* silent: the target that dies says nothing, else it refuses */
	uint8_t agree, loss;    /* loss: percent of datagrams */
	uint32_t interval_ms, timeout_ms, retry_ms, fall, rise, delay_ms, rtt[TARGETS];
	uint64_t dead_at, back_at, blip_at; /* target 1; blips: target 2 */
	struct node node[2];
	struct look look[TARGETS];
	unsigned wrong;         /* verdicts that nothing was behind */
	struct item queue[QUEUE_MAX];
	uint32_t queued;
};

/* ---- clocks ---- */

static uint64_t mono(const struct sim *s, int n, uint64_t at)
{
	return at + s->node[n].mono_off + (uint64_t)((int64_t)at * s->node[n].ppm / 1000000);
}

/* The first moment at which node n's clock shows that much. */
static uint64_t when(const struct sim *s, int n, uint64_t shown)
{
	uint64_t at = shown > s->node[n].mono_off ? shown - s->node[n].mono_off : 0;
	if (shown == UINT64_MAX)
		return UINT64_MAX;
	at = at > at / 2000 + 2 ? at - at / 2000 - 2 : 0;
	at = at > s->now ? at : s->now;
	while (mono(s, n, at) < shown)
		at++;
	return at;
}

/* ---- the world ---- */

static struct item *push(struct sim *s)
{
	if (s->queued == QUEUE_MAX) {
		fprintf(stderr, "the queue is full\n");
		abort();
	}
	return &s->queue[s->queued++];
}

static enum health_reason answer_of(const struct sim *s, uint32_t target, uint64_t at)
{
	if (target == 0 && at >= s->dead_at && at < s->back_at)
		return s->silent ? HEALTH_CONNECT_TIMEOUT : HEALTH_CONNECT_REFUSED;
	if (target == 1 && s->fall > 1 && at >= s->blip_at && at < s->blip_at + s->retry_ms / 2) /* gone before anybody tries again */
		return HEALTH_CONNECT_REFUSED;
	return HEALTH_OK;
}

static void do_probe(struct sim *s, int node, const struct core_effect *e)
{
	const struct plan_stream *p = &s->node[node].plan->streams[e->probe.stream];
	uint32_t target = p->addr.ip[3] - 1u;
	uint32_t rtt = s->rtt[target] + (uint32_t)(hash_mix(s->now + 12345, s->seed + target) % 5);
	enum health_reason r = answer_of(s, target, s->now + rtt / 2);
	struct look *k = &s->look[target];
	if (s->now - k->last > k->gap && k->since <= k->last)
		k->gap = s->now - k->last;
	k->last = s->now;
	k->count++;
	*push(s) = (struct item){ .at = s->now + (r == HEALTH_CONNECT_TIMEOUT ? e->probe.timeout_ms : rtt), .what = RESULT, .node = node,
				  .stream = e->probe.stream, .run = e->probe.run, .reason = r };
	if (s->loud)
		printf("%8.3f ns%d probes %u: %s\n", (double)s->now / 1000, node + 1, target + 1, health_reason_text(r));
}

static void do_send(struct sim *s, int node, const struct core_effect *e)
{
	if (s->node[1 - node].killed || (s->loss && rng_below(&s->rng, 100) < s->loss))
		return;
	struct item *i = push(s);
	*i = (struct item){ .at = s->now + s->delay_ms + rng_below(&s->rng, 3), .what = PACKET, .node = 1 - node, .len = e->send.len };
	memcpy(i->data, e->send.data, e->send.len);
}

static void do_publish(struct sim *s, int node, const struct core_publish *p)
{
	if (p->type != DNS_TYPE_A)
		return;
	memset(s->node[node].has, 0, sizeof s->node[node].has);
	for (uint16_t i = 0; i < p->count; i++)
		s->node[node].has[p->addrs[i].ip[3] - 1] = true;
}

static void do_notice(struct sim *s, const char *text, int node)
{
	unsigned number;
	if (s->loud)
		printf("%8.3f ns%d %s\n", (double)s->now / 1000, node + 1, text);
	if (sscanf(text, "event=verdict address=192.0.2.%u", &number) == 1 && number != 1 && !strstr(text, " state=up "))
		s->wrong++;
}

static void step(struct sim *s, int node, const struct core_event *e)
{
	struct core *c = s->node[node].core;
	struct core_effect f;
	if (core_step(c, e, mono(s, node, s->now), (uint64_t)((int64_t)(WALL_MS + s->now) + s->node[node].wall_off)) < 0)
		abort();
	while (core_next_effect(c, &f)) {
		if (f.type == CORE_PROBE)
			do_probe(s, node, &f);
		else if (f.type == CORE_SEND)
			do_send(s, node, &f);
		else if (f.type == CORE_PUBLISH)
			do_publish(s, node, &f.publish);
		else if (f.type == CORE_NOTICE)
			do_notice(s, notice_line(f.notice.what, (char[NOTICE_LINE_MAX]){ 0 }), node);
	}
}

static void land(struct sim *s, const struct item *i)
{
	struct core_event e = { 0 };
	if (s->node[i->node].killed)
		return;
	if (i->what == PACKET) {
		e.type = CORE_PACKET;
		e.packet.from = (struct addr){ 4, { 127, 0, 0, 1 }, (uint16_t)(5402 - i->node) };
		e.packet.data = i->data;
		e.packet.len = i->len;
	} else {
		e.type = CORE_RESULT;
		e.result.stream = i->stream;
		e.result.run = i->run;
		e.result.result = (struct health_result){ .reason = i->reason, .weight_pct = 100, .took_us = 1000 };
	}
	step(s, i->node, &e);
}

/* Until `end`, or until target 1 is in (or out of) the answers of all that live. */
static void run_to(struct sim *s, uint64_t end, int has)
{
	for (;;) {
		uint32_t k = 0;
		uint64_t at = UINT64_MAX;
		int timer = -1;
		if (has >= 0 && s->node[0].has[0] == has && (s->node[1].has[0] == has || s->node[1].killed))
			return;
		for (uint32_t i = 0; i < s->queued; i++)
			if (s->queue[i].at < at)
				at = s->queue[k = i].at;
		for (int n = 0; n < 2; n++) {
			uint64_t due = s->node[n].killed ? UINT64_MAX : when(s, n, core_deadline(s->node[n].core));
			if (due < at)
				at = due, timer = n;
		}
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

static const char *const agrees[] = { "any-up", "any-down", "quorum" };

static void draw(struct sim *s, uint64_t seed)
{
	s->seed = seed;
	rng_init(&s->rng, seed);
	s->interval_ms = (uint32_t)(400 + rng_below(&s->rng, 1600));
	s->timeout_ms = (uint32_t)(200 + rng_below(&s->rng, s->interval_ms - 200));
	s->retry_ms = (uint32_t)(20 + rng_below(&s->rng, s->interval_ms / 2));
	s->fall = (uint32_t)(1 + rng_below(&s->rng, 3));
	s->rise = (uint32_t)(1 + rng_below(&s->rng, 3));
	s->delay_ms = (uint32_t)(rng_below(&s->rng, 3) ? 1 + rng_below(&s->rng, 5) : 10 + rng_below(&s->rng, 40));
	s->silent = rng_below(&s->rng, 2);
	s->agree = (uint8_t)rng_below(&s->rng, 3);
	s->loss = seed % 4 ? 0 : 10;
	for (int i = 0; i < TARGETS; i++)
		s->rtt[i] = (uint32_t)(1 + rng_below(&s->rng, s->timeout_ms / 4 < 40 ? s->timeout_ms / 4 : 40));
	for (int n = 0; n < 2; n++) {
		s->node[n].mono_off = rng_below(&s->rng, 1000000000);
		s->node[n].wall_off = (int64_t)rng_below(&s->rng, 40000) - 20000;
		s->node[n].ppm = (int32_t)rng_below(&s->rng, 400) - 200;
	}
}

static void begin(struct sim *s, uint64_t seed, bool share)
{
	char text[600];
	bool loud = s->loud;
	memset(s, 0, sizeof *s);
	s->loud = loud;
	draw(s, seed);
	s->now = 1000;
	s->dead_at = s->back_at = s->blip_at = UINT64_MAX;
	snprintf(text, sizeof text, "pair %s%s\ncheck web interval=%u timeout=%u retry=%u fall=%u rise=%u\n"
		 "service www.test web 192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4", agrees[s->agree], share ? " share" : "",
		 s->interval_ms, s->timeout_ms, s->retry_ms, s->fall, s->rise);
	if (loud)
		printf("--- seed %llu %s%s, %s\n", (unsigned long long)seed, share ? "shared: " : "each for itself: ", text,
		       s->silent ? "silent" : "refused");
	for (int n = 0; n < 2; n++) {
		s->node[n].plan = plan_make(text, (uint16_t)n);
		struct core_start st = { .plan = s->node[n].plan, .boot = rng_u64(&s->rng) | 1, .epoch = 1ull << 32 | 1, .seed = seed };
		if (core_new(&s->node[n].core, &st, mono(s, n, s->now), (uint64_t)((int64_t)(WALL_MS + s->now) + s->node[n].wall_off)) < 0)
			abort();
	}
	for (int n = 0; n < 2; n++)
		step(s, n, &(struct core_event){ .type = CORE_TIMER });
}

static void end(struct sim *s)
{
	for (int n = 0; n < 2; n++) {
		core_free(s->node[n].core);
		plan_free(s->node[n].plan);
	}
}

static void count_anew(struct sim *s)
{
	for (int i = 0; i < TARGETS; i++)
		s->look[i] = (struct look){ .last = s->look[i].last, .since = s->now };
}

/* The longest time that nobody looked at target i, from `count_anew` on; also when it is not over. */
static uint64_t gap_of(const struct sim *s, int i)
{
	const struct look *k = &s->look[i];
	uint64_t open = s->now - (k->last > k->since ? k->last : k->since);
	return open > k->gap ? open : k->gap;
}

struct outcome { double probes; uint64_t gap_ms, out_ms, back_ms, kill_gap_ms, lone_gap_ms; unsigned wrong; };

static uint64_t longest_gap(const struct sim *s)
{
	uint64_t most = 0;
	for (int i = 0; i < TARGETS; i++)
		most = gap_of(s, i) > most ? gap_of(s, i) : most;
	return most;
}

/* Until target 1 is in both answers, or out of both: ms from now. */
static uint64_t until_has(struct sim *s, bool has)
{
	uint64_t from = s->now;
	run_to(s, from + 40u * (s->interval_ms + s->timeout_ms), has);
	return s->node[0].has[0] == has && s->node[1].has[0] == has ? s->now - from : UINT64_MAX;
}

static struct outcome tell(struct sim *s)
{
	struct outcome o = { 0 };
	struct rng r; /* the same moments, whoever looks how often */
	rng_init(&r, ~s->seed);
	run_to(s, 5000 + 6ull * s->interval_ms + rng_below(&r, s->interval_ms), -1);
	count_anew(s);
	run_to(s, s->now + (uint64_t)COUNTED * s->interval_ms, -1);
	for (int i = 0; i < TARGETS; i++)
		o.probes += (double)s->look[i].count / TARGETS / COUNTED;
	o.gap_ms = longest_gap(s);
	count_anew(s);
	s->blip_at = s->now + rng_below(&r, s->interval_ms);
	run_to(s, s->now + 4ull * s->interval_ms, -1);
	s->dead_at = s->now;
	o.out_ms = until_has(s, false);
	run_to(s, s->now + 2ull * s->interval_ms + rng_below(&r, s->interval_ms), -1);
	s->back_at = s->now;
	o.back_ms = until_has(s, true);
	run_to(s, s->now + 6ull * s->interval_ms + rng_below(&r, s->interval_ms), -1);
	s->node[1].killed = true;
	count_anew(s);
	run_to(s, s->now + LOST_MAX_MS, -1);
	o.kill_gap_ms = longest_gap(s);
	count_anew(s);
	run_to(s, s->now + 4ull * s->interval_ms, -1);
	o.lone_gap_ms = longest_gap(s);
	o.wrong = s->wrong;
	return o;
}

struct sums { uint64_t runs, out_ms, back_ms, out_max, later_max; double probes, gap; unsigned wrong; };

static void add(struct sums *t, const struct outcome *o, uint64_t out_other, uint32_t interval_ms)
{
	t->runs++;
	t->out_ms += o->out_ms;
	t->back_ms += o->back_ms;
	t->out_max = o->out_ms > t->out_max ? o->out_ms : t->out_max;
	t->gap += (double)o->gap_ms / interval_ms;
	if (o->out_ms > out_other && o->out_ms - out_other > t->later_max)
		t->later_max = o->out_ms - out_other;
	t->probes += o->probes;
	t->wrong += o->wrong;
}

/* What must be so. `seen` is the longest time between two looks of whoever it is: an interval, its jitter, and as far apart as
 * the twins' clocks may be, a packet's way. A word that is lost waits for a heartbeat, or for some. */
static const char *judge(const struct sim *s, const struct outcome *on, const struct outcome *off)
{
	uint64_t lost = s->loss ? 4 * 200 : 0, way = s->delay_ms + 3, rtt = 2 * way;
	uint64_t seen = s->interval_ms + s->interval_ms / 16 + way + SLACK_MS;
	uint64_t half = s->silent ? s->timeout_ms / 2 : 0;
	uint64_t each = (s->silent ? s->timeout_ms : 50), last = each + (s->fall - 1) * (each + s->retry_ms) + lost;
	if (on->wrong || off->wrong)
		return "a target that was there went down, or was forgotten";
	if (on->out_ms == UINT64_MAX || on->back_ms == UINT64_MAX || off->out_ms == UINT64_MAX)
		return "never found";
	if (on->gap_ms > seen + lost)
		return "nobody looked for too long";
	if (on->out_ms > seen + half + rtt + last + SLACK_MS)
		return "found later than the bound";
	if (on->out_ms > off->out_ms + seen + half + rtt + lost + SLACK_MS)
		return "found later than without sharing, by more than the bound";
	if (!s->loss && on->probes > off->probes * 0.5 + 0.35)
		return "too many probes";
	if (on->kill_gap_ms > s->interval_ms + seen)
		return "nobody looked for more than two intervals while the twin was gone, and not yet lost";
	if (on->lone_gap_ms > seen)
		return "a lone survivor does not look at the full rate";
	return NULL;
}

struct comparison { struct sim s; struct sums sums[2][2][2]; /* silent, any-down, shared */ };

static bool compare(void *arg, uint64_t seed)
{
	struct comparison *c = arg;
	struct sim *s = &c->s;
	struct outcome o[2];
	for (int on = 0; on < 2; on++) {
		begin(s, seed, on);
		o[on] = tell(s);
		end(s);
	}
	const char *fault = judge(s, &o[1], &o[0]);
	if (fault || s->loud)
		printf("seed %llu: %s; shared %.2f probes, unseen %llu, out %lld, back %lld, lone %llu, wrong %u; else %.2f, %llu, %lld, %lld, %llu, %u\n",
		       (unsigned long long)seed, fault ? fault : "well", o[1].probes, (unsigned long long)o[1].gap_ms, (long long)o[1].out_ms,
		       (long long)o[1].back_ms, (unsigned long long)o[1].lone_gap_ms, o[1].wrong, o[0].probes,
		       (unsigned long long)o[0].gap_ms, (long long)o[0].out_ms, (long long)o[0].back_ms,
		       (unsigned long long)o[0].lone_gap_ms, o[0].wrong);
	for (int on = 0; on < 2; on++)
		add(&c->sums[s->silent][s->agree == 1][on], &o[on], o[1 - on].out_ms, s->interval_ms);
	return !fault;
}

int main(int argc, char **argv)
{
	(void)argc;
	static struct comparison c;
	struct seeds seeds = seeds_read("share", RUNS, argv);
	c.s.loud = seeds.loud;
	struct seeds_done done = seeds_run(&seeds, compare, &c);
	for (int k = 0; k < 8; k++) {
		const struct sums *t = &c.sums[k >> 2][k >> 1 & 1][k & 1];
		if (t->runs)
			printf("%s, %s, %s: %llu runs, %.2f probes of a target an interval; out after %llu ms on average, %llu at most, later than the "
			       "other by %llu at most; back after %llu; unseen for %.2f intervals; %u false\n", k >> 2 ? "silent" : "refused",
			       k >> 1 & 1 ? "any-down" : "any-up or quorum", k & 1 ? "shared" : "not shared", (unsigned long long)t->runs,
			       t->probes / (double)t->runs, (unsigned long long)(t->out_ms / t->runs), (unsigned long long)t->out_max,
			       (unsigned long long)t->later_max, (unsigned long long)(t->back_ms / t->runs), t->gap / (double)t->runs, t->wrong);
	}
	return done.failures ? 1 : 0;
}
