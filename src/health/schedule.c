/* When a stream is probed next. */
#include "health/health.h"

static uint32_t interval(const struct health_timing *t)
{
	return t->interval_ms > 0 ? t->interval_ms : 1;
}

/* The first time after now that lies on this stream's phase. Reckoned from the clock's zero, never from the last probe,
 * so lateness does not add up and a pause of any length costs one computation. The phase may stem from a longer
 * interval, before a reload. */
static uint64_t aligned_after(const struct health_schedule *s, const struct health_timing *t, uint64_t now_ms)
{
	uint64_t len = interval(t), phase = s->phase_ms % len, into = now_ms % len;

	return now_ms - into + phase + (phase > into ? 0 : len);
}

void health_schedule_init(struct health_schedule *s, const struct health_timing *t, struct rng *rng, uint64_t now_ms,
			  bool first_at_once)
{
	memset(s, 0, sizeof *s);
	s->phase_ms = rng_below(rng, interval(t));
	s->next_ms = first_at_once ? now_ms : aligned_after(s, t, now_ms);
}

void health_schedule_started(struct health_schedule *s, uint64_t now_ms)
{
	s->running = true;
	s->started_ms = now_ms;
}

/* A run against the verdict has begun and is not long enough yet. */
static bool on_the_way(const struct health_state *st)
{
	switch (st->verdict) {
	case HEALTH_VERDICT_UP:
		return st->fails > 0;
	case HEALTH_VERDICT_DOWN:
		return st->passes > 0;
	case HEALTH_VERDICT_UNKNOWN:
		break;
	}
	return st->fails > 0 || st->passes > 0;
}

void health_schedule_next(struct health_schedule *s, const struct health_timing *t, const struct health_state *st,
			  uint64_t now_ms)
{
	uint32_t retry = t->retry_ms < interval(t) ? t->retry_ms : interval(t);

	s->running = false;
	s->next_ms = on_the_way(st) ? now_ms + (retry > 0 ? retry : 1) : aligned_after(s, t, now_ms);
}
