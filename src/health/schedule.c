/* When a stream is probed next. */
#include "base/hash.h"
#include "health/health.h"

#define JITTER_PART 16
#define SALT 0x9e3779b97f4a7c15u /* so that small numbers of intervals mix, too */

static uint32_t interval(const struct health_timing *t)
{
	return t->interval_ms > 0 ? t->interval_ms : 1;
}

/* Reckoned from the clock's zero, never from the last probe, so lateness does not add up and a pause of any length costs one
 * computation. */
uint64_t health_schedule_aligned(const struct health_schedule *s, const struct health_timing *t, uint64_t now_ms)
{
	uint64_t len = interval(t), phase = s->place % len, into = now_ms % len;
	uint64_t at = now_ms - into + phase + (phase > into ? 0 : len);

	return at + hash_mix(s->place, at / len + SALT) % (len / JITTER_PART + 1);
}

void health_schedule_init(struct health_schedule *s, const struct health_timing *t, uint64_t place, uint64_t now_ms)
{
	memset(s, 0, sizeof *s);
	s->place = place;
	s->next_ms = health_schedule_aligned(s, t, now_ms);
}

void health_schedule_started(struct health_schedule *s, uint64_t now_ms)
{
	s->running = true;
	s->started_ms = now_ms;
}

/* What speaks against the verdict has begun and is neither enough yet nor made good again. Passes that are enough of a target that
 * is held down wait for time, not for probes. A down from the journal is no vote until failures bear it out: that is a way, too. */
static bool on_the_way(const struct health_state *st, const struct health_timing *t)
{
	switch (st->verdict) {
	case HEALTH_VERDICT_UP:
		return st->fails > 0;
	case HEALTH_VERDICT_DOWN:
		return (st->passes > 0 && st->passes < t->rise) || (st->recovered && st->fails > 0);
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
	if (on_the_way(st, t))
		s->next_ms = now_ms + (retry > 0 ? retry : 1);
	else
		s->next_ms = health_schedule_aligned(s, t, now_ms + (uint64_t)(health_breaker_factor(st, t) - 1) * interval(t));
}
