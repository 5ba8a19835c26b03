/* The step: an event in, what follows from it out, in one order always. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/state.h"

/* ---- life ---- */

static void free_overrides(struct core *c)
{
	for (struct pending *p = c->pending, *next; p; p = next) {
		next = p->next;
		free(p);
	}
	for (struct override *o = c->overrides, *next; o; o = next) {
		next = o->next;
		free(o);
	}
}

void core_free(struct core *c)
{
	if (!c)
		return;
	pair_free(c->pair);
	free_overrides(c);
	effects_deinit(&c->effects);
	history_deinit(&c->history);
	stretches_deinit(&c->past);
	zones_free(&c->zones);
	gen_free(c->gen);
	free(c);
}

int core_new(struct core **out, const struct core_start *s, uint64_t now_ms, uint64_t wall_ms)
{
	struct core *c = calloc(1, sizeof *c);
	if (!c)
		return ERR_NOMEM;
	c->streams_end = &c->dirty_streams;
	c->pending_end = &c->pending;
	c->overrides_due_ms = c->zones_due_ms = UINT64_MAX;
	c->now_ms = now_ms;
	c->wall_ms = wall_ms;
	c->clock_at_ms = now_ms;
	c->boot = s->boot;
	c->epoch = s->epoch;
	c->probes_max = s->probes_max;
	c->seq = s->epoch >> 32 << 32; /* above every number of every start before */
	c->replays = s->replays;
	c->continues = s->continues;
	c->session = (uint32_t)(s->epoch >> 32);
	c->prober_up = !s->replays;
	c->prober_alarm_ms = UINT64_MAX;
	c->due_ms = UINT64_MAX;
	rng_init(&c->rng, s->seed);
	int e = gen_new(&c->gen, s->plan);
	if (e == 0) {
		gen_init_streams(c, c->gen);
		watch_plan(c);
		e = twin_start(c);
	}
	if (e < 0) {
		core_free(c);
		return e;
	}
	*out = c;
	return 0;
}

static void notice_node(struct core *c, const char *old, const char *new)
{
	struct core_notice n = { .kind = CORE_NOTICE_NODE };
	snprintf(n.subject, sizeof n.subject, "%s", gen_self(c->gen)->name);
	snprintf(n.old, sizeof n.old, "%s", old);
	snprintf(n.new, sizeof n.new, "%s", new);
	snprintf(n.cause, sizeof n.cause, "%s", c->cause);
	notice_detail_add(&n, "services", "%" PRIu32, c->gen->plan->service_count);
	notice_put(c, &n);
}

static void notice_plan(struct core *c, uint64_t old)
{
	char was[40], now[40];
	snprintf(was, sizeof was, "generation %" PRIu64, old);
	snprintf(now, sizeof now, "generation %" PRIu64, c->gen->plan->generation);
	notice_node(c, was, now);
}

/* The first step: what the journal gave is served, the first round begins. */
static void begin(struct core *c)
{
	c->started = true;
	c->begun_ms = c->now_ms;
	for (int path = 1; path < HEALTH_PATHS; path++)
		health_witness_begin(&c->paths[path], c->now_ms);
	for (uint32_t i = 0; i < c->gen->plan->stream_count; i++) {
		struct stream *s = &c->gen->streams[i];
		s->vote = (uint8_t)stream_own_vote(s);
		s->told = (uint8_t)s->health.verdict;
		s->recovered = s->health.recovered;
		s->weight = s->health.weight_pct;
		s->flip_ms = health_state_flip_ms(&s->health, &s->conf->timing, c->now_ms);
		s->flapping = (uint8_t)health_state_flapping(&s->health, &s->conf->timing, c->now_ms);
		s->tell = s->health.known;
		schedule_start(c, s);
		schedule_timer(c, s);
		stream_mark(c, s);
	}
	if (c->put_back) /* else each start would grant them the whole time again */
		overrides_redate(c);
	for (struct override *o = c->overrides; o; o = o->next) {
		o->tell = true;
		override_known(c, o);
		override_refresh(c, o);
	}
	round_begin(c);
	services_mark_all(c, false);
	notice_node(c, "", "started");
}

/* ---- a new plan ---- */

static void adopt(struct core *c, struct gen *g)
{
	struct gen *old = c->gen;
	gen_carry(c, g);
	c->gen = g;
	watch_plan(c);
	c->dirty_streams = NULL;
	c->streams_end = &c->dirty_streams;
	services_unmark_all(c);
	if (twin_plan(c, old->plan) < 0) {
		notice_alarm(c, NULL, "the pair could not take the new configuration");
		c->nomem = true;
	}
	for (uint32_t i = 0; i < g->plan->stream_count; i++)
		schedule_timer(c, &g->streams[i]);
	streams_mark_all(c);
	overrides_resolve(c);
	if (c->waiting > 0 && !c->round_on)
		round_begin(c);
	services_mark_all(c, true);
	notice_plan(c, old->plan->generation);
	gen_free(old);
}

static int take_plan(struct core *c, const struct plan *p)
{
	struct gen *g;
	int e = gen_new(&g, p);
	if (e < 0)
		return e;
	g->moved_count = c->gen->plan->stream_count;
	g->moved = arena_array(&g->arena, g->moved_count, sizeof *g->moved);
	if (!g->moved) {
		gen_free(g);
		return ERR_NOMEM;
	}
	adopt(c, g);
	return 0;
}

/* ---- the step ---- */

static int dispatch(struct core *c, const struct core_event *e)
{
	int pair_error = 0;
	switch (e->type) {
	case CORE_RESULT:
		stream_result(c, e->result.stream, e->result.run, &e->result.result);
		return 0;
	case CORE_PACKET:
		/* What is refused is counted there, and is nobody's error here. */
		c->packet_path = health_path_of(&e->packet.from);
		if (c->pair)
			pair_error = pair_receive(c->pair, &e->packet.from, e->packet.data, e->packet.len, c->now_ms,
						  c->wall_ms);
		return pair_error == ERR_NOMEM ? ERR_NOMEM : 0;
	case CORE_STREAM:
		c->packet_path = health_path_of(&e->stream.from);
		c->packet_kept = true;
		twin_stream(c, e);
		return 0;
	case CORE_COMMAND:
		return command_take(c, &e->command);
	case CORE_SYNCED:
		command_synced(c, e->synced.seq);
		return 0;
	case CORE_EPOCH:
		twin_epoch(c, e->epoch.epoch, e->epoch.boot);
		return 0;
	case CORE_PLAN:
		return take_plan(c, e->plan.plan);
	case CORE_PROBER:
		schedule_prober(c, e->prober.up);
		return 0;
	case CORE_CUT_OFF:
		watch_cut_off(c);
		return 0;
	case CORE_ZONES:
		return zones_take(c, e->zones.list, e->zones.count, e->zones.digest);
	case CORE_STOP:
		twin_leave(c);
		return 0;
	case CORE_TELL: {
		struct core_notice n = *e->tell.notice;
		notice_put(c, &n);
		return 0;
	}
	case CORE_TIMER:
	case CORE_EVENT_NONE:
		break;
	}
	return 0;
}

static const char *cause_of(enum core_event_type t)
{
	static const char *const causes[] = { [CORE_EVENT_NONE] = "time",      [CORE_TIMER] = "time",     [CORE_RESULT] = "check",
					      [CORE_PACKET] = "twin",          [CORE_STREAM] = "twin",   [CORE_COMMAND] = "operator", [CORE_SYNCED] = "operator",
					      [CORE_EPOCH] = "start",          [CORE_PLAN] = "reload",    [CORE_PROBER] = "process",
					      [CORE_TELL] = "process",         [CORE_STOP] = "stop", [CORE_CUT_OFF] = "check",
					      [CORE_ZONES] = "reload" };
	return causes[t];
}

/* We did not run for that long, though there was something to do. */
static void rested(struct core *c, uint64_t by_ms)
{
	if (by_ms >= CORE_LATE_MS)
		schedule_shift(c, by_ms);
	if (by_ms >= CORE_NAP_MS)
		watch_rested(c, by_ms);
}

int core_step(struct core *c, const struct core_event *e, uint64_t now_ms, uint64_t wall_ms)
{
	effects_clear(c);
	/* Monotonic clocks do not go back; if a caller's does, nothing here may underflow. */
	c->now_ms = now_ms > c->now_ms ? now_ms : c->now_ms;
	c->wall_ms = wall_ms;
	c->packet_path = HEALTH_PATH_NONE;
	c->packet_kept = false;
	c->cause = c->started ? cause_of(e->type) : "start";
	c->why[0] = '\0';
	removals_tick(c);
	if (c->due_ms < c->now_ms && c->now_ms - c->due_ms >= CORE_SLOW_MS)
		c->slow_ms = c->now_ms;
	if (!c->started)
		begin(c);
	else if (c->due_ms < c->now_ms)
		rested(c, c->now_ms - c->due_ms);
	int err = dispatch(c, e);
	twin_run(c);
	schedule_run(c);
	schedule_alarm(c);
	dispute_tell(c);
	zones_run(c);
	overrides_run(c);
	windows_run(c);
	failback_run(c);
	maint_run(c);
	slow_run(c);
	round_check(c);
	twin_run(c); /* the round's end may have changed what we are */
	removals_tick(c); /* what the twin said may have shown a later time */
	removals_run(c);
	streams_settle(c);
	overrides_settle(c);
	if (!c->dirty_streams) /* their journal records stand before what they publish */
		services_settle(c);
	if (!c->dirty_services)
		commands_settle(c);
	twin_flush(c);
	c->due_ms = core_deadline(c);
	return err < 0 ? err : c->nomem ? ERR_NOMEM : 0;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t core_deadline(const struct core *c)
{
	const struct heap_item *first = heap_peek(&c->gen->timers);
	uint64_t at = first ? first->at_ms : UINT64_MAX;
	if (at < c->now_ms)
		at = c->now_ms; /* a twin that looks no more has made it due when that was settled, behind all timers */
	if (!c->started || c->dirty_streams || c->dirty_services || (c->pending && c->pending->done))
		return c->now_ms;
	at = earlier(at, c->overrides_due_ms);
	at = earlier(at, windows_due_ms(c));
	if (c->maint_until_ms)
		at = earlier(at, c->maint_until_ms);
	first = heap_peek(&c->gen->failbacks);
	if (first)
		at = earlier(at, first->at_ms);
	first = heap_peek(&c->gen->slows);
	if (first)
		at = earlier(at, first->at_ms);
	at = earlier(at, removals_due(c));
	at = earlier(at, c->prober_alarm_ms);
	at = earlier(at, c->zones_due_ms);
	if (c->pair)
		at = earlier(at, pair_deadline(c->pair));
	if (at < c->now_ms)
		at = c->now_ms; /* more patience with a twin (LHM), found behind all timers, moves what was judged before to between then and now */
	if (c->round_on)
		at = earlier(at, c->round_ends_ms);
	return at;
}

int core_publish_all(struct core *c, uint64_t now_ms)
{
	effects_clear(c);
	c->now_ms = now_ms > c->now_ms ? now_ms : c->now_ms;
	c->cause = "time";
	removals_tick(c);
	services_mark_all(c, true);
	services_settle(c);
	return c->nomem ? ERR_NOMEM : 0;
}
