/* The penalty of flapping: see flap.h. */
#include "health/flap.h"

#define POINT 256u      /* a point has so many parts */
#define HALVINGS_MAX 32 /* after so many half-lives nothing is left of any penalty: parts need fewer bits */
#define FRACTION_BITS 16
#define GUARD_BITS 4 /* against what each product is rounded down by; points of 27 bits times a root of 32 still fit 64 */

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
	return value > 0 ? value : fallback;
}

static uint32_t suppress_of(const struct health_flap_rule *r)
{
	return or_default(r->suppress, HEALTH_FLAP_SUPPRESS);
}

static uint32_t reuse_of(const struct health_flap_rule *r)
{
	return or_default(r->reuse, HEALTH_FLAP_REUSE);
}

static uint32_t half_life_of(const struct health_flap_rule *r)
{
	return or_default(r->half_life_ms, HEALTH_FLAP_HALF_LIFE_MS);
}

bool health_flap_rule_ok(const struct health_flap_rule *r)
{
	uint32_t half_life_ms = half_life_of(r);

	return suppress_of(r) >= HEALTH_FLAP_CHANGE && suppress_of(r) <= HEALTH_FLAP_SUPPRESS_MAX &&
	       reuse_of(r) < suppress_of(r) && half_life_ms >= HEALTH_FLAP_HALF_LIFE_MIN_MS &&
	       half_life_ms <= HEALTH_FLAP_HALF_LIFE_MAX_MS;
}

/* points × 2^(-elapsed / half-life): whole half-lives shift, of the rest each binary digit multiplies by its root of a half. */
/* points: at most HEALTH_FLAP_TOP × HEALTH_FLAP_SUPPRESS_MAX. */
static uint32_t decayed(uint32_t points, uint32_t half_life_ms, uint64_t elapsed_ms)
{
	static const uint32_t roots[FRACTION_BITS] = { /* 2^(-1/2), 2^(-1/4), … in 1/2^32 */
		3037000500u, 3611622603u, 3938502376u, 4112874773u, 4202935003u, 4248701965u, 4271771996u, 4283353945u,
		4289156690u, 4292061010u, 4293513907u, 4294240540u, 4294603903u, 4294785595u, 4294876445u, 4294921870u
	};
	uint64_t whole = elapsed_ms / half_life_ms, rest = elapsed_ms % half_life_ms, value = (uint64_t)points << GUARD_BITS;

	if (whole >= HALVINGS_MAX)
		return 0;
	rest = (rest << FRACTION_BITS) / half_life_ms;
	for (unsigned i = 0; i < FRACTION_BITS; i++)
		if (rest & 1u << (FRACTION_BITS - 1 - i))
			value = value * roots[i] >> 32;
	return (uint32_t)(value >> (whole + GUARD_BITS));
}

static uint32_t points_at(const struct health_flap *f, const struct health_flap_rule *r, uint64_t now_ms)
{
	return f->points ? decayed(f->points, half_life_of(r), now_ms > f->since_ms ? now_ms - f->since_ms : 0) : 0;
}

/* The least time after which no more than `left` is left. */
static uint64_t time_to(uint32_t points, uint32_t left, uint32_t half_life_ms)
{
	uint64_t low = 0, high = (uint64_t)HALVINGS_MAX * half_life_ms;

	while (low < high) {
		uint64_t mid = low + (high - low) / 2;

		if (decayed(points, half_life_ms, mid) <= left)
			high = mid;
		else
			low = mid + 1;
	}
	return high;
}

uint64_t health_flap_ends_at(const struct health_flap *f, const struct health_flap_rule *r)
{
	return f->on ? f->since_ms + time_to(f->points, reuse_of(r) * POINT, half_life_of(r)) : UINT64_MAX;
}

bool health_flap_end(struct health_flap *f, const struct health_flap_rule *r, uint64_t now_ms)
{
	if (!f->on || now_ms < health_flap_ends_at(f, r))
		return false;
	f->on = false;
	return true;
}

void health_flap_add(struct health_flap *f, const struct health_flap_rule *r, uint64_t now_ms)
{
	uint32_t points = points_at(f, r, now_ms) + HEALTH_FLAP_CHANGE * POINT, top = suppress_of(r) * HEALTH_FLAP_TOP * POINT;

	health_flap_end(f, r, now_ms);
	f->points = points < top ? points : top;
	f->since_ms = now_ms;
	f->on |= f->points >= suppress_of(r) * POINT;
}

void health_flap_recover(struct health_flap *f, const struct health_flap_rule *r, uint32_t points, bool on, uint64_t age_ms,
			 uint64_t now_ms)
{
	uint32_t top = suppress_of(r) * HEALTH_FLAP_TOP * POINT;

	f->points = decayed(points < top ? points : top, half_life_of(r), age_ms);
	f->since_ms = now_ms;
	f->on = on && f->points > reuse_of(r) * POINT;
}

uint32_t health_flap_penalty(const struct health_flap *f, const struct health_flap_rule *r, uint64_t now_ms)
{
	return points_at(f, r, now_ms) / POINT;
}
