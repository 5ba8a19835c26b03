/* Rise and fall: the state machine drawn in health.h. */
#include "health/health.h"

#define AGE_INTERVALS 3 /* a verdict that misses this many is no longer news (pair protocol 1.3) */

static uint8_t at_least_1(uint8_t n)
{
	return n > 0 ? n : 1;
}

void health_state_init(struct health_state *s)
{
	memset(s, 0, sizeof *s);
	s->weight_pct = 100;
}

void health_state_recover(struct health_state *s, enum health_verdict v, uint64_t bitmap, uint64_t changed_ms,
			  uint64_t now_ms)
{
	health_state_init(s);
	s->verdict = v == HEALTH_VERDICT_UP || v == HEALTH_VERDICT_DOWN ? v : HEALTH_VERDICT_UNKNOWN;
	s->recovered = true;
	s->known = true;
	s->bitmap = bitmap;
	s->changed_ms = changed_ms;
	s->counted_ms = now_ms;
}

/* One pass less of what failed. Never so many left that a pass takes down: a reload may have lowered `fall`. */
static uint8_t leaked(uint8_t fails, uint8_t fall)
{
	uint8_t left = fails > 0 ? (uint8_t)(fails - 1) : 0, most = (uint8_t)(at_least_1(fall) - 1);

	return left < most ? left : most;
}

static void count(struct health_state *s, const struct health_timing *t, bool pass)
{
	uint8_t *hit = pass ? &s->passes : &s->fails;

	if (*hit < UINT8_MAX)
		(*hit)++;
	if (!pass)
		s->passes = 0;
	else
		s->fails = s->verdict == HEALTH_VERDICT_UP ? leaked(s->fails, t->fall) : 0;
	s->bitmap = s->bitmap << 1 | (pass ? 1 : 0);
}

static bool is_held(const struct health_state *s, const struct health_timing *t, uint64_t now_ms)
{
	return s->flap.on && t->flap.hold && s->verdict == HEALTH_VERDICT_DOWN && now_ms < health_flap_ends_at(&s->flap, &t->flap);
}

/* The verdict that the counters stand for: the present one until there are enough. */
static enum health_verdict judge(const struct health_state *s, const struct health_timing *t, uint64_t now_ms)
{
	bool risen = s->passes >= at_least_1(t->rise), fallen = s->fails >= at_least_1(t->fall);

	switch (s->verdict) {
	case HEALTH_VERDICT_UP:
		return fallen ? HEALTH_VERDICT_DOWN : HEALTH_VERDICT_UP;
	case HEALTH_VERDICT_DOWN:
		return risen && !is_held(s, t, now_ms) ? HEALTH_VERDICT_UP : HEALTH_VERDICT_DOWN;
	case HEALTH_VERDICT_UNKNOWN:
		break;
	}
	if (risen || (!s->known && s->passes > 0))
		return HEALTH_VERDICT_UP;
	if (fallen || (!s->known && s->fails > 0))
		return HEALTH_VERDICT_DOWN;
	return HEALTH_VERDICT_UNKNOWN;
}

static bool change(struct health_state *s, enum health_verdict v, uint64_t now_ms)
{
	if (s->verdict == v)
		return false;
	s->verdict = v;
	s->changed_ms = now_ms;
	return true;
}

/* A change that this process saw begin and end: what replaces the journal's word, or none, is no sign of flapping. */
static bool is_flap(const struct health_state *s, enum health_verdict v)
{
	return s->verdict != v && s->verdict != HEALTH_VERDICT_UNKNOWN && v != HEALTH_VERDICT_UNKNOWN && !s->recovered;
}

/* Counts one pass or fail; true when the verdict changed. */
static bool feed_counted(struct health_state *s, const struct health_timing *t, const struct health_result *r,
			 bool pass, uint64_t now_ms)
{
	enum health_verdict v;

	s->last = *r;
	if (pass)
		s->weight_pct = r->weight_pct < 100 ? r->weight_pct : 100;
	count(s, t, pass);
	if (s->verdict != HEALTH_VERDICT_DOWN || !health_reason_is_timeout(r->reason))
		s->hung = 0;
	else if (s->hung < UINT8_MAX)
		s->hung++;
	v = judge(s, t, now_ms);
	if (is_flap(s, v))
		health_flap_add(&s->flap, &t->flap, now_ms);
	else
		health_flap_end(&s->flap, &t->flap, now_ms);
	s->known = true;
	s->counted_ms = now_ms;
	/* Borne out or refuted by as many as it takes: the journal's word is no longer what the verdict rests on. */
	if (s->passes >= at_least_1(t->rise) || s->fails >= at_least_1(t->fall))
		s->recovered = false;
	return change(s, v, now_ms);
}

bool health_state_feed(struct health_state *s, const struct health_timing *t, const struct health_result *r,
		       uint64_t now_ms)
{
	switch (health_result_outcome(r)) {
	case HEALTH_PASS:
		return feed_counted(s, t, r, true, now_ms);
	case HEALTH_FAIL:
		return feed_counted(s, t, r, false, now_ms);
	case HEALTH_UNKNOWN_RESULT:
		s->last = *r;
		return false;
	case HEALTH_VOID:
	case HEALTH_OUTCOME_NONE:
		break;
	}
	return false;
}

/* Passes that are enough of a target that is held down wait for time, not for probes. A down from the journal is no vote until
 * failures bear it out: that is a way, too. */
bool health_state_is_turning(const struct health_state *s, const struct health_timing *t)
{
	switch (s->verdict) {
	case HEALTH_VERDICT_UP:
		return s->fails > 0;
	case HEALTH_VERDICT_DOWN:
		return (s->passes > 0 && s->passes < t->rise) || (s->recovered && s->fails > 0);
	case HEALTH_VERDICT_UNKNOWN:
		break;
	}
	return s->fails > 0 || s->passes > 0;
}

bool health_state_resume(struct health_state *s, const struct health_timing *t, uint64_t counted_ms, uint8_t hung,
			 uint64_t bitmap, uint64_t now_ms)
{
	struct health_state old = *s;
	uint64_t next_ms = (uint64_t)t->interval_ms * 17 / 16; /* its place in the interval, with jitter */

	old.counted_ms = counted_ms;
	old.hung = hung;
	old.bitmap = bitmap;
	if (counted_ms > now_ms || health_state_age_at(&old, t) < now_ms + next_ms * health_breaker_factor(&old, t) + t->timeout_ms)
		return false;
	*s = old;
	return true;
}

uint64_t health_state_age_at(const struct health_state *s, const struct health_timing *t)
{
	if (s->verdict == HEALTH_VERDICT_UNKNOWN)
		return UINT64_MAX;
	uint64_t apart_ms = (uint64_t)t->interval_ms * health_breaker_factor(s, t) * (s->shared ? 2 : 1);
	return s->counted_ms + AGE_INTERVALS * apart_ms + t->timeout_ms;
}

bool health_state_age(struct health_state *s, const struct health_timing *t, uint64_t now_ms)
{
	if (now_ms < health_state_age_at(s, t))
		return false;
	/* What was in a row before the silence is not in a row with what comes after it. */
	s->fails = s->passes = s->hung = 0;
	s->recovered = false;
	return change(s, HEALTH_VERDICT_UNKNOWN, now_ms);
}

enum health_breaker health_breaker_of(const struct health_state *s, bool running)
{
	if (s->hung < HEALTH_BREAKER_AFTER)
		return HEALTH_CLOSED;
	return running ? HEALTH_HALF_OPEN : HEALTH_OPEN;
}

const char *health_breaker_text(enum health_breaker b)
{
	static const char texts[][10] = { "closed", "open", "half-open" };
	return texts[(unsigned)b <= HEALTH_HALF_OPEN ? (unsigned)b : HEALTH_CLOSED];
}

unsigned health_breaker_factor(const struct health_state *s, const struct health_timing *t)
{
	unsigned factor = s->hung < HEALTH_BREAKER_AFTER ? 1 : s->hung < 2 * HEALTH_BREAKER_AFTER ? 2 : 4;

	while (factor > 1 && (uint64_t)t->interval_ms * factor > HEALTH_BREAKER_MAX_MS)
		factor /= 2;
	return factor;
}

static unsigned lacking(uint8_t want, uint8_t have)
{
	want = at_least_1(want);
	return want > have ? (unsigned)want - have : 1; /* a reload may have lowered `want` below `have` */
}

unsigned health_state_to_flip(const struct health_state *s, const struct health_timing *t)
{
	unsigned fall = lacking(t->fall, s->fails), rise = lacking(t->rise, s->passes);

	switch (s->verdict) {
	case HEALTH_VERDICT_UP:
		return fall;
	case HEALTH_VERDICT_DOWN:
		return rise;
	case HEALTH_VERDICT_UNKNOWN:
		break;
	}
	if (!s->known)
		return 1;
	return fall < rise ? fall : rise;
}

enum health_flapping health_state_flapping(const struct health_state *s, const struct health_timing *t, uint64_t now_ms)
{
	if (!s->flap.on || now_ms >= health_flap_ends_at(&s->flap, &t->flap))
		return HEALTH_STEADY;
	return t->flap.hold && s->verdict == HEALTH_VERDICT_DOWN ? HEALTH_SUPPRESSED : HEALTH_FLAPPING;
}

const char *health_flapping_text(enum health_flapping f)
{
	static const char texts[][11] = { "steady", "flapping", "suppressed" };
	return texts[(unsigned)f <= HEALTH_SUPPRESSED ? (unsigned)f : HEALTH_STEADY];
}

/* Full intervals that a hold lasts at least, rounded down to a power of two. */
static uint64_t held_intervals(const struct health_state *s, const struct health_timing *t, uint64_t now_ms)
{
	uint64_t full, steps = 1;

	if (!is_held(s, t, now_ms) || t->interval_ms == 0)
		return 0;
	full = (health_flap_ends_at(&s->flap, &t->flap) - now_ms) / t->interval_ms;
	while (steps * 2 <= full)
		steps *= 2;
	return full > 0 ? steps : 0;
}

uint32_t health_state_flip_ms(const struct health_state *s, const struct health_timing *t, uint64_t now_ms)
{
	uint64_t results = health_state_to_flip(s, t), held = held_intervals(s, t, now_ms);
	uint64_t ms = (results > held ? results : held) * t->interval_ms;

	return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX - 1;
}
