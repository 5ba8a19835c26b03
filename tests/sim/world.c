/* The clocks, the queue, the disks and the back ends. */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/journal.h"
#include "dns/const.h"
#include "lib/core_world.h"
#include "sim/sim.h"

#define WALL_MS 1700000000000u

void sim_tell(struct sim *s, const char *fmt, ...)
{
	va_list ap;
	if (!s->loud)
		return;
	printf("%8.3f  ", (double)s->now / 1000);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

void sim_fail(struct sim *s, const char *fmt, ...)
{
	va_list ap;
	if (s->failed)
		return;
	va_start(ap, fmt);
	vsnprintf(s->fault, sizeof s->fault, fmt, ap);
	va_end(ap);
	s->failed = true;
	sim_tell(s, "FAILED: %s", s->fault);
}

int sim_backend(const struct addr *a)
{
	return a->ip[addr_ip_len(a) - 1] - 1;
}

/* Every life has a monotonic clock of its own, every node a wall clock that is wrong in its own way, and an oscillator. */
static uint64_t drifted(const struct sim *s, int node, uint64_t at)
{
	return at + (uint64_t)((int64_t)at * s->nodes[node].drift_ppm / 1000000);
}

uint64_t sim_mono(const struct sim *s, int node)
{
	return drifted(s, node, s->now) + s->nodes[node].clock_off;
}

uint64_t sim_wall(const struct sim *s, int node)
{
	return WALL_MS + drifted(s, node, s->now) + s->nodes[node].wall_off;
}

/* ---- the queue ---- */

struct sim_item *sim_push(struct sim *s, uint64_t at, enum sim_what what, int node)
{
	if (s->free_count == 0) {
		sim_fail(s, "the queue is full");
		return NULL;
	}
	uint32_t i = s->free[--s->free_count];
	s->used[s->used_count++] = i;
	s->queue[i] = (struct sim_item){
		.at = at, .what = (uint8_t)what, .node = (uint8_t)node, .life = s->nodes[node].life
	};
	return &s->queue[i];
}

/* ---- disks and probers ---- */

static void do_journal(struct sim *s, int node, const struct core_effect *e)
{
	struct sim_node *n = &s->nodes[node];
	uint8_t frame[JOURNAL_FRAME_HEAD_LEN + JOURNAL_RECORD_MAX];
	struct wbuf w;
	wbuf_init(&w, frame, sizeof frame);
	journal_frame_put(&w, e->journal.seq, e->journal.data, e->journal.len);
	bytes_add(&n->journal, frame, w.len);
	if (w.failed || n->journal.failed)
		sim_fail(s, "a journal record of %u octets", e->journal.len);
	if (s->event == CORE_COMMAND && e->journal.sync && s->command_count > 0)
		s->commands[s->command_count - 1].written = n->journal.len;
	s->late_records += s->now > s->chaos_ms + SIM_QUIET_MS - SIM_STILL_MS;
	struct sim_item *i = sim_push(s, s->now + (e->journal.sync ? 1 + rng_below(&s->rng, 20) : 100), SIM_SYNC, node);
	if (!i)
		return;
	i->seq = e->journal.seq;
	i->a = (uint32_t)n->journal.len;
}

/* What comes of asking so. With the uplink gone the machine may know it, or there is silence. */
static enum health_reason outcome(struct sim *s, int node, bool up)
{
	const struct sim_node *n = &s->nodes[node];
	if (!s->quiet && rng_below(&s->rng, 100) == 0)
		return rng_below(&s->rng, 2) ? HEALTH_LOCAL_ERROR : HEALTH_SCRIPT_ERROR;
	if (n->lost)
		return n->unplugged ? HEALTH_LOCAL_ERROR : HEALTH_CONNECT_TIMEOUT;
	return up ? HEALTH_OK : rng_below(&s->rng, 2) ? HEALTH_CONNECT_TIMEOUT : HEALTH_CONNECT_REFUSED;
}

static void do_probe(struct sim *s, int node, const struct core_effect *e)
{
	const struct plan_stream *stream = &core_plan(s->nodes[node].core)->streams[e->probe.stream];
	int b = sim_backend(&stream->addr);
	if (!s->nodes[node].prober)
		return;
	bool up = stream->canary || (s->alive[b] && s->seen[node][b]);
	/* A result that never comes; the core waits for it for seconds, and all must be still at the end. */
	if (s->now + 2000 < s->chaos_ms && rng_below(&s->rng, 200) == 0)
		return;
	enum health_reason reason = outcome(s, node, up);
	struct sim_item *i = sim_push(s, s->now + (reason == HEALTH_CONNECT_TIMEOUT ? e->probe.timeout_ms : 1 + rng_below(&s->rng, 10)),
				      SIM_RESULT, node);
	if (!i)
		return;
	i->a = e->probe.stream;
	i->b = e->probe.run;
	i->made = s->now;
	i->timeout = e->probe.timeout_ms;
	i->reason = (uint16_t)reason;
	i->theirs = !up;
}

/* ---- a step ---- */

/* It is on the disk. What was asked for meanwhile is answered too, each in its turn. */
static void answer_epoch(struct sim *s, int node, uint64_t epoch)
{
	struct core_event answer = { .type = CORE_EPOCH };
	s->nodes[node].epoch = epoch > s->nodes[node].epoch ? epoch : s->nodes[node].epoch;
	answer.epoch.epoch = epoch;
	answer.epoch.boot = rng_u64(&s->rng) | 1;
	sim_step(s, node, &answer);
}

/* At once, or when a slow disk has it; who dies before that asks again in the next life. */
static void want_epoch(struct sim *s, int node, uint64_t epoch)
{
	if (rng_below(&s->rng, 2)) {
		answer_epoch(s, node, epoch);
		return;
	}
	struct sim_item *i = sim_push(s, s->now + rng_below(&s->rng, 61), SIM_EPOCH, node);
	if (i)
		i->seq = epoch;
}

static void carry_out(struct sim *s, int node)
{
	struct core_effect e;
	struct sim_node *n = &s->nodes[node];
	uint64_t epoch = 0;
	char text[1024];
	while (core_next_effect(n->core, &e)) {
		if (s->loud && e.type != CORE_SEND && e.type != CORE_CONNECTION && e.type != CORE_PROBE && e.type != CORE_JOURNAL &&
		    e.type != CORE_RECORD) {
			core_effect_text(text, sizeof text, n->core, &e);
			sim_tell(s, "ns%d %s", node + 1, text);
		}
		if (e.type == CORE_SEND)
			wire_send(s, node, &e);
		else if (e.type == CORE_CONNECTION)
			wire_connection(s, node, &e);
		else if (e.type == CORE_JOURNAL)
			do_journal(s, node, &e);
		else if (e.type == CORE_PROBE)
			do_probe(s, node, &e);
		else if (e.type == CORE_PUBLISH)
			oracle_published(s, node, &e.publish);
		else if (e.type == CORE_REPLY)
			oracle_replied(s, e.reply.id, e.reply.refused);
		else if (e.type == CORE_NEED_EPOCH)
			epoch = e.need_epoch.epoch | (uint32_t)rng_u64(&s->rng);
	}
	if (epoch)
		want_epoch(s, node, epoch);
}

/* What the fastest clock said, runs on at the speed of the fastest, also when it was put back. */
static void follow_walls(struct sim *s)
{
	uint64_t past = s->now - s->wall_at, most = s->wall_most + past + (past > 0);
	s->wall_at = s->now;
	for (int n = 0; n < s->count; n++)
		most = sim_wall(s, n) > most ? sim_wall(s, n) : most;
	s->wall_most = most;
}

void sim_step(struct sim *s, int node, const struct core_event *e)
{
	struct core *c = s->nodes[node].core;
	s->event = e->type;
	if (s->nodes[node].paused_until > s->now)
		sim_fail(s, "ns%d is asked for something while it stands still", node + 1);
	if (++s->steps > SIM_STEPS_MAX)
		sim_fail(s, "more than %u steps", SIM_STEPS_MAX);
	follow_walls(s);
	int err = core_step(c, e, sim_mono(s, node), sim_wall(s, node));
	if (err < 0)
		sim_fail(s, "core_step: %s", err_text(err));
	carry_out(s, node);
	oracle_uplink_after_step(s, node);
	oracle_pair_after_step(s, node);
	oracle_shelves_after_step(s, node);
	oracle_after_step(s, node);
	zones_after_step(s, node);
	paths_after_step(s, node);
	s->nodes[node].deadline = core_deadline(c);
	if (s->nodes[node].deadline < sim_mono(s, node) && e->type == CORE_TIMER)
		sim_fail(s, "node %d wants a timer in the past", node);
}

static bool is_answer(const struct sim_item *i)
{
	return i->reason == HEALTH_OK || i->reason == HEALTH_CONNECT_REFUSED;
}

/* An answer that finds the uplink gone does not come. */
static bool is_swallowed(struct sim *s, const struct sim_item *i)
{
	if (!is_answer(i) || !s->nodes[i->node].lost)
		return false;
	struct sim_item *late = sim_push(s, i->made + i->timeout, SIM_RESULT, i->node);
	if (late) {
		uint64_t at = late->at;
		*late = *i;
		late->at = at;
		late->reason = HEALTH_CONNECT_TIMEOUT;
	}
	return true;
}

/* A result of what was asked before the clock jumped counts for nothing once that was seen. */
static void land_result(struct sim *s, const struct sim_item *i)
{
	struct core *c = s->nodes[i->node].core;
	struct core_event e = { .type = CORE_RESULT };
	struct core_target_view before, after;
	bool void_ = i->void_ && oracle_tilt_was_seen(s, i->node);
	if (is_swallowed(s, i))
		return;
	e.result.stream = i->a;
	e.result.run = i->b;
	e.result.result = (struct health_result){ .reason = (enum health_reason)i->reason, .weight_pct = 100 };
	if (i->a < core_targets(c))
		core_target_get(c, i->a, &before);
	sim_step(s, i->node, &e);
	if (i->a >= core_targets(c))
		return;
	core_target_get(c, i->a, &after);
	if (before.conf != after.conf)
		return;
	if (void_ && before.counted_ms != after.counted_ms && after.counted_ms == sim_mono(s, i->node))
		sim_fail(s, "ns%d counts a result from before its clock jumped", i->node + 1);
	oracle_result(s, i, &before, &after);
}

static void land(struct sim *s, const struct sim_item *i, uint32_t slot)
{
	struct sim_node *n = &s->nodes[i->node];
	struct core_event e = { 0 };
	switch ((enum sim_what)i->what) {
	case SIM_PACKET: /* reaches whoever lives by then */
		wire_deliver(s, &s->packets[slot]);
		break;
	case SIM_RESULT:
		if (i->life == n->life && n->core && n->prober)
			land_result(s, i);
		break;
	case SIM_SYNC:
		if (i->life != n->life || !n->core)
			break;
		n->synced = i->a > n->synced ? i->a : n->synced;
		e.type = CORE_SYNCED;
		e.synced.seq = i->seq;
		sim_step(s, i->node, &e);
		break;
	case SIM_START:
		if (i->life == n->life && !n->core)
			sim_start(s, i->node);
		break;
	case SIM_CHAOS:
		chaos_act(s);
		paths_turned(s);
		break;
	case SIM_UPLINK:
		sim_uplink(s, i->node, false);
		break;
	case SIM_EPOCH:
		if (i->life == n->life && n->core)
			answer_epoch(s, i->node, i->seq);
		break;
	case SIM_KEYS:
		keys_act(s);
		break;
	case SIM_PATH:
		paths_die(s, i->a);
		break;
	case SIM_TELL_ZONES:
		if (i->life == n->life && n->core)
			zones_tell_now(s, i->node);
		break;
	case SIM_NONE:
		break;
	}
}

/* Late by a pause, whatever it is. */
static uint64_t after_pause(const struct sim *s, int node, uint64_t at)
{
	return at < s->nodes[node].paused_until ? s->nodes[node].paused_until : at;
}

static uint64_t timer_at(const struct sim *s, int node)
{
	const struct sim_node *n = &s->nodes[node];
	uint64_t at = n->core ? n->deadline : UINT64_MAX, t;
	if (at == UINT64_MAX)
		return at;
	t = at <= sim_mono(s, node) ? s->now : s->now + (at - sim_mono(s, node));
	while (drifted(s, node, t) + n->clock_off < at)
		t++; /* a slow oscillator: some ms in a run at most */
	return after_pause(s, node, t);
}

static uint64_t next_timer(const struct sim *s, int *node)
{
	uint64_t first = UINT64_MAX;
	for (int n = 0; n < s->count; n++) {
		uint64_t at = timer_at(s, n);
		if (at < first) {
			first = at;
			*node = n;
		}
	}
	return first;
}

/* No pause of a node puts it off. */
static bool is_of_the_world(const struct sim_item *i)
{
	return i->what == SIM_CHAOS || i->what == SIM_START || i->what == SIM_UPLINK || i->what == SIM_PATH || i->what == SIM_KEYS;
}

static uint32_t earliest(const struct sim *s, uint64_t *at)
{
	uint32_t best = 0;
	*at = UINT64_MAX;
	for (uint32_t k = 0; k < s->used_count; k++) {
		const struct sim_item *i = &s->queue[s->used[k]];
		uint64_t due = is_of_the_world(i) ? i->at : after_pause(s, i->node, i->at);
		if (due < *at) {
			*at = due;
			best = k;
		}
	}
	return best;
}

static void run_item(struct sim *s, uint32_t k)
{
	uint32_t slot = s->used[k];
	struct sim_item i = s->queue[slot];
	s->used[k] = s->used[--s->used_count];
	land(s, &i, slot);
	s->free[s->free_count++] = slot;
}

/* Who was paused finds first what came meanwhile, then that its timers are late. */
void sim_run_to(struct sim *s, uint64_t end)
{
	struct core_event timer = { .type = CORE_TIMER };
	while (!s->failed) {
		int pipe = 0;
		int next = 0;
		uint64_t item, t = next_timer(s, &next), octets = wire_due(s, &pipe);
		uint32_t k = earliest(s, &item);
		uint64_t at = item <= t ? item : t;
		at = octets < at ? octets : at;
		if (at > end)
			break;
		s->now = at > s->now ? at : s->now;
		if (item <= at)
			run_item(s, k);
		else if (octets <= at)
			wire_run(s, pipe);
		else
			sim_step(s, next, &timer);
	}
	s->now = end;
}

/* ---- a run ---- */

void sim_begin(struct sim *s, uint64_t seed)
{
	struct sim_packet *packets = s->packets;
	bool loud = s->loud;
	memset(s, 0, offsetof(struct sim, pipes));
	for (int i = 0; i < SIM_PIPES_MAX; i++)
		s->pipes[i].used = false;
	s->packets = packets ? packets : malloc(SIM_QUEUE_MAX * sizeof *packets);
	s->loud = loud;
	s->seed = seed;
	rng_init(&s->rng, seed);
	s->shape = (uint8_t)rng_below(&s->rng, SIM_SHAPES);
	for (uint32_t i = 0; i < SIM_QUEUE_MAX; i++)
		s->free[s->free_count++] = i;
	s->count = rng_below(&s->rng, 4) == 0 ? 3 : 2;
	for (int b = 0; b < SIM_BACKENDS; b++) {
		s->alive[b] = true;
		for (int n = 0; n < s->count; n++)
			s->seen[n][b] = true;
	}
	s->place = (enum sim_place[]){ SIM_HOME, SIM_HOME, SIM_AWAY, SIM_CANARIES }[rng_below(&s->rng, 4)];
	s->paths = rng_below(&s->rng, 6) == 0 ? SIM_PATHS : 1;
	s->chaos_ms = SIM_CHAOS_MS;
	sim_tell(s, "%d nodes, %d path%s, shape %u, %s", s->count, s->paths, s->paths > 1 ? "s" : "", s->shape,
		 (const char *[]){ "on loopback", "on a real network", "on a real network with canaries" }[s->place]);
	oracle_pair_begin(s);
	oracle_shelves_begin(s);
	oracle_uplink_begin(s);
	zones_begin(s);
	chaos_begin(s);
	for (int i = 0; i < s->count; i++) {
		bytes_init(&s->nodes[i].journal, 1 << 24);
		bytes_init(&s->nodes[i].backup, 1 << 24);
		s->nodes[i].wall_off = rng_below(&s->rng, 7200000);
		s->nodes[i].drift_ppm = (int32_t)rng_below(&s->rng, 401) - 200;
	}
	/* all must be there before either's first datagram arrives */
	for (int i = 0; i < s->count; i++)
		sim_start(s, i);
}

void sim_end(struct sim *s)
{
	for (int i = 0; i < s->count; i++) {
		core_free(s->nodes[i].core);
		bytes_deinit(&s->nodes[i].journal);
		bytes_deinit(&s->nodes[i].backup);
	}
}
