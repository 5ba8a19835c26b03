/* When streams are probed, and what becomes of runs that never come back.
 *
 *     idle ──due──▶ in flight ──result──▶ idle          timer of a stream: the next of
 *       ▲               │ timeout + 1 s without one       its probe or the end of patience with the run,
 *       └─────void──────┘ (or the prober went)            and the ageing of its verdict, the end of its flapping,
 *                                                   the moment that a dispute about it has lasted
 */
#include <inttypes.h>
#include <stdio.h>
#include "core/state.h"

static struct stream *stream_of(struct heap_item *i)
{
	return (struct stream *)(void *)((char *)i - offsetof(struct stream, timer));
}

static uint64_t lost_at(const struct stream *s)
{
	return s->schedule.started_ms + s->timeout_ms + CORE_LOST_MS;
}

/* When a probe without an answer has others asked (watch_ask). */
static uint64_t half_at(const struct stream *s)
{
	return s->schedule.started_ms + s->timeout_ms / 2;
}

static uint64_t wanted_at(const struct core *c, const struct stream *s)
{
	uint64_t age_at = health_state_age_at(&s->health, &s->conf->timing), probe_at = UINT64_MAX;
	uint64_t flap_at = health_flap_ends_at(&s->health.flap, &s->conf->timing.flap);
	age_at = flap_at < age_at ? flap_at : age_at;
	age_at = dispute_at(s) < age_at ? dispute_at(s) : age_at;
	if (s->run && !s->asked && s->kept && watch_keep_at(c, s) < half_at(s))
		probe_at = watch_keep_at(c, s);
	else if (s->run)
		probe_at = s->asked ? lost_at(s) : half_at(s);
	else if (c->prober_up && !s->in_line)
		probe_at = s->schedule.next_ms;
	return probe_at < age_at ? probe_at : age_at;
}

void schedule_timer(struct core *c, struct stream *s)
{
	/* Every stream was put in when the generation was made: moving one never allocates. */
	int e = heap_set(&c->gen->timers, &s->timer, wanted_at(c, s));
	if (e < 0)
		c->nomem = true;
}

/* Twins probe one target at different times, so that together they see more of it. */
static uint64_t place_of(const struct core *c, const struct stream *s)
{
	return hash_mix(s->conf->key, gen_self(c->gen)->id + 0x9e3779b97f4a7c15u);
}

/* Within this all streams of which nothing is known are probed once: services wait for them. */
static uint32_t first_spread_ms(const struct core *c)
{
	uint32_t ms = c->gen->plan->stream_count / CORE_STARTS_PER_MS;
	return ms < CORE_SPREAD_MS ? CORE_SPREAD_MS : ms > CORE_SPREAD_MAX_MS ? CORE_SPREAD_MAX_MS : ms;
}

/* After a start, or a time without a prober: the unknown soon, the known in their places of the interval. */
static void spread(struct core *c, struct stream *s)
{
	const struct health_timing *t = &s->conf->timing;
	uint32_t ms = first_spread_ms(c);
	if (s->conf->canary)
		s->schedule.next_ms = c->now_ms; /* few, and the first to be heard */
	else if (s->health.known)
		s->schedule.next_ms = health_schedule_aligned(&s->schedule, t, c->now_ms);
	else
		s->schedule.next_ms = c->now_ms + s->schedule.place % (t->interval_ms < ms ? t->interval_ms : ms);
}

void schedule_start(struct core *c, struct stream *s)
{
	health_schedule_init(&s->schedule, &s->conf->timing, place_of(c, s), c->now_ms);
	spread(c, s);
}

void schedule_void(struct core *c, struct stream *s)
{
	if (!s->run)
		return;
	flight_end(c, s);
	if (s->share.silent)
		stream_mark(c, s);
	s->share.silent = s->share.called = s->share.again = false;
	health_schedule_next(&s->schedule, &s->conf->timing, &s->health, c->now_ms);
}

void schedule_void_all(struct core *c)
{
	for (uint32_t i = 0; i < c->gen->plan->stream_count; i++) {
		schedule_void(c, &c->gen->streams[i]);
		schedule_timer(c, &c->gen->streams[i]);
	}
}

static void notice_prober(struct core *c, const char *old, const char *new)
{
	struct core_notice n = { .kind = CORE_NOTICE_PROBER, .cause = "process" };
	snprintf(n.subject, sizeof n.subject, "%s", gen_self(c->gen)->name);
	snprintf(n.old, sizeof n.old, "%s", old);
	snprintf(n.new, sizeof n.new, "%s", new);
	notice_detail_add(&n, "away_ms", "%" PRIu64, c->now_ms - c->prober_gone_ms);
	if (c->hushed[HEALTH_PATH_NONE])
		notice_detail_add(&n, "unknown", "%" PRIu32, c->hushed[HEALTH_PATH_NONE]);
	if (!c->prober_up)
		snprintf(n.reason, sizeof n.reason, "no prober for %u s: verdicts grow old", CORE_PROBER_GONE_MS / 1000);
	notice_put(c, &n);
}

void schedule_prober(struct core *c, bool up)
{
	if (up && c->prober_gone_ms && (c->prober_alarm_ms == UINT64_MAX || c->hushed[HEALTH_PATH_NONE]))
		notice_prober(c, "gone", "back");
	if (up)
		c->hushed[HEALTH_PATH_NONE] = 0;
	if (!up && c->prober_up) {
		c->prober_gone_ms = c->now_ms;
		c->prober_alarm_ms = c->now_ms + CORE_PROBER_GONE_MS;
	} else if (up) {
		c->prober_gone_ms = 0;
		c->prober_alarm_ms = UINT64_MAX;
	}
	c->prober_up = up;
	for (uint32_t i = 0; i < c->gen->plan->stream_count; i++) {
		struct stream *s = &c->gen->streams[i];
		schedule_void(c, s);
		if (up)
			spread(c, s);
		if (share_is_news(c, s))
			stream_mark(c, s);
		schedule_timer(c, s);
	}
}

void schedule_alarm(struct core *c)
{
	if (c->now_ms < c->prober_alarm_ms)
		return;
	c->prober_alarm_ms = UINT64_MAX;
	notice_prober(c, "up", "gone");
}

/* What was due while we did not run: at its place, or all would be probed at once; but no later than we would have asked by our
 * own time, since verdicts grow old by that: a node that pauses again and again would forget what it is about to ask. */
static uint64_t after_rest(const struct core *c, const struct stream *s, uint64_t by_ms)
{
	uint64_t place_ms = health_schedule_aligned(&s->schedule, &s->conf->timing, c->now_ms), own_ms = s->schedule.next_ms + by_ms;
	return own_ms < place_ms ? own_ms : place_ms;
}

/* Nobody was late but us: what was heard is as fresh as it was, what runs has as much time left as it had. */
void schedule_shift(struct core *c, uint64_t by_ms)
{
	for (uint32_t i = 0; i < c->gen->plan->stream_count; i++) {
		struct stream *s = &c->gen->streams[i];
		s->health.counted_ms += by_ms;
		if (s->run)
			s->schedule.started_ms += by_ms;
		else if (s->schedule.next_ms <= c->now_ms && !s->conf->canary)
			s->schedule.next_ms = after_rest(c, s, by_ms);
		schedule_timer(c, s);
	}
	for (int p = 1; p < HEALTH_PATHS; p++)
		health_witness_shift(&c->paths[p], by_ms, c->now_ms);
	failback_shift(c, by_ms);
}

/* A canary is asked for what it says at once: a late word of it says little (health/witness.c). */
static uint32_t timeout_of(const struct core *c, const struct stream *s)
{
	return health_timeout_ms(&s->conf->timing, c->pair && !s->conf->canary ? pair_lhm(c->pair) : 0);
}

static bool probe(struct core *c, struct stream *s)
{
	if (!effect_room(c, 0))
		return false;
	if (++c->last_run == 0) /* 0 means none */
		c->last_run = 1;
	flight_begin(c, s, c->last_run);
	health_schedule_started(&s->schedule, c->now_ms);
	s->timeout_ms = timeout_of(c, s);
	s->asked = (!c->paths[s->path].on && !s->health.shared) || s->conf->canary;
	struct core_effect e = { .type = CORE_PROBE };
	e.probe.stream = (uint32_t)(s - c->gen->streams);
	e.probe.run = s->run;
	e.probe.timeout_ms = s->timeout_ms;
	effect_put(c, &e, NULL, 0);
	watch_begin(c, s);
	return true;
}

void schedule_run(struct core *c)
{
	struct heap_item *i;
	while ((i = heap_peek(&c->gen->timers)) && i->at_ms <= c->now_ms) {
		struct stream *s = stream_of(i);
		if (health_state_age(&s->health, &s->conf->timing, c->now_ms))
			stream_touch(c, s, true);
		stream_flap_tick(c, s);
		dispute_tick(c, s);
		if (s->run && !s->asked && c->now_ms >= half_at(s)) {
			s->asked = true;
			if (c->paths[s->path].on)
				watch_ask(c, s);
			share_silent(c, s);
		} else if (s->run && s->kept && !s->asked) {
			watch_keep(c, s);
		}
		if (s->run && c->now_ms >= lost_at(s))
			schedule_void(c, s);
		bool due = !s->run && !s->in_line && c->prober_up && c->now_ms >= s->schedule.next_ms;
		if (due && flight_has_room(c, s) && !probe(c, s))
			return;
		schedule_timer(c, s);
	}
}
