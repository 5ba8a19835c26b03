/* When a stream is probed next, and how long that may take. */
#include "base/hash.h"
#include "health/health.h"

#define JITTER_PART 16
#define SALT 0x9e3779b97f4a7c15u /* so that small numbers of intervals mix, too */

static uint32_t interval(const struct health_timing *t)
{
	return t->interval_ms > 0 ? t->interval_ms : 1;
}

static uint64_t jitter(uint64_t place, uint64_t number, uint64_t len)
{
	return hash_mix(place, number + SALT) % (len / JITTER_PART + 1);
}

/* Where the next interval of this place begins. */
static uint64_t next_begin(uint64_t place, uint64_t len, uint64_t now_ms)
{
	uint64_t phase = place % len, into = now_ms % len;

	return now_ms - into + phase + (phase > into ? 0 : len);
}

/* Reckoned from the clock's zero, never from the last probe, so lateness does not add up and a pause of any length costs one
 * computation. */
uint64_t health_schedule_aligned(const struct health_schedule *s, const struct health_timing *t, uint64_t now_ms)
{
	uint64_t len = interval(t), at = next_begin(s->place, len, now_ms);

	return at + jitter(s->place, at / len, len);
}

uint64_t health_schedule_turn(uint64_t place, const struct health_timing *t, unsigned turn, uint64_t clock_ms)
{
	uint64_t len = interval(t), at = next_begin(place, len, clock_ms);

	if ((at / len & 1) != (turn & 1))
		at += len;
	return at + jitter(place, at / len, len);
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

void health_schedule_next(struct health_schedule *s, const struct health_timing *t, const struct health_state *st,
			  uint64_t now_ms)
{
	uint32_t retry = t->retry_ms < interval(t) ? t->retry_ms : interval(t);

	s->running = false;
	if (health_state_is_turning(st, t))
		s->next_ms = now_ms + (retry > 0 ? retry : 1);
	else
		s->next_ms = health_schedule_aligned(s, t, now_ms + (uint64_t)(health_breaker_factor(st, t) - 1) * interval(t));
}

uint32_t health_timeout_ms(const struct health_timing *t, unsigned lhm)
{
	uint64_t plain = t->timeout_ms > 0 ? t->timeout_ms : 1, most = 2 * (uint64_t)interval(t);
	uint64_t ms = plain * (1 + (lhm < HEALTH_LHM_MAX ? lhm : HEALTH_LHM_MAX));

	most = most > plain ? most : plain;
	ms = ms < most ? ms : most;
	return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

uint32_t health_timeout_within(const struct health_timing *t, uint32_t timeout_ms)
{
	uint32_t least = health_timeout_ms(t, 0), most = health_timeout_ms(t, HEALTH_LHM_MAX);

	return timeout_ms >= least && timeout_ms <= most ? timeout_ms : least;
}
