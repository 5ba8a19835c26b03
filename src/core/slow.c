/* Slow start: who came back, since when, and the share of its weight that it has by now (policy_start_pct).
 *
 *     member   up ──down─────up───────────────────────────────▶
 *     share    100          │ 5 │ 10 │ 20 │ …  │ 90 │ 100       begun: when the effective state rose, by its stamp
 *
 * A member comes back when its effective state goes from down to up, when what people took it out with (an override,
 * a drain) ends, when a service that it needs serves again, or when it is forced up. What is up when it is first known
 * did not come back: not at the start of a process, not after a restart, nor where a new plan brings it. Of a state
 * that rose the stamp counts (its HLC, which twins share): both reckon from one moment, and who hears of it late goes
 * on where the other is. Of all else each node's own now counts.
 *
 * Shares stand in the member, not reckoned anew at every look: they change only where a second is over since the last
 * change of any of the service's, so that it is not published more often for it, and explain tells what is published.
 */
#include "core/state.h"

enum absence { ABSENCE_NONE = 0, ABSENCE_DOWN, ABSENCE_TAKEN }; /* DOWN: by its checks; TAKEN: by all else */

static uint32_t slow_ms(const struct service *s)
{
	return s->conf->policy.slow_start_ms;
}

int slow_init(struct gen *g, struct service *s)
{
	return slow_ms(s) == 0 ? 0 : heap_set(&g->slows, &s->slow, UINT64_MAX);
}

static uint8_t share(uint32_t slow_start_ms, uint64_t elapsed_ms)
{
	uint8_t pct = policy_start_pct(slow_start_ms, elapsed_ms);
	return pct < 100 ? pct : 0;
}

/* A new plan is published whole, and may give more time or less: no share of the old one stands. */
void slow_carry(const struct core *c, struct service *s, struct member *m, const struct service *old, const struct member *was)
{
	if (slow_ms(s) == 0)
		return;
	m->absence = was->absence;
	m->start_pct = was->start_pct ? share(slow_ms(s), c->now_ms - was->start_ms) : 0;
	m->start_ms = was->start_ms;
	m->start_written = was->start_written;
	s->stepped_ms = old->stepped_ms;
}

void slow_recover(struct core *c, struct service *s, size_t i, uint64_t begun_wall_ms)
{
	uint64_t age_ms = c->wall_ms > begun_wall_ms ? c->wall_ms - begun_wall_ms : 0;
	struct member *m = &s->members[i];
	if (age_ms >= slow_ms(s))
		return;
	m->start_ms = c->now_ms - age_ms; /* wraps where it is older than our clock: only differences are looked at */
	m->start_pct = policy_start_pct(slow_ms(s), age_ms);
	m->start_written = true;
}

uint64_t slow_left_ms(const struct service *s, const struct member *m, uint64_t now_ms)
{
	uint64_t elapsed_ms = now_ms - m->start_ms;
	return m->start_pct == 0 || elapsed_ms >= slow_ms(s) ? 0 : slow_ms(s) - elapsed_ms;
}

/* ---- who came back ---- */

static uint8_t absence_of(const struct core *c, const struct service *s, size_t i)
{
	const struct member *m = &s->members[i];
	if (policy_member_out(&s->conf->policy.members[i], m->force))
		return ABSENCE_TAKEN;
	if (m->force == POLICY_FORCE_UP)
		return ABSENCE_NONE;
	if (needs_missing(c, s, i) && service_member_own(c, s, i) != HEALTH_VERDICT_DOWN)
		return ABSENCE_TAKEN;
	switch (service_member_state(c, s, i)) {
	case HEALTH_VERDICT_UP:
		return ABSENCE_NONE;
	case HEALTH_VERDICT_DOWN:
		return ABSENCE_DOWN;
	case HEALTH_VERDICT_UNKNOWN:
		break;
	}
	/* Where unknown counts as down nothing changes: it comes back when it is known to be up. */
	return s->conf->policy.initial_up ? ABSENCE_NONE : m->absence;
}

/* How long ago its state rose: by the newest of the states that make it up. */
static uint64_t risen_ms(const struct core *c, const struct service *s, size_t i)
{
	const struct plan_check *check = &s->conf->checks[i];
	uint64_t now = c->wall_ms > c->hlc >> 16 ? c->wall_ms : c->hlc >> 16, hlc = 0;
	for (size_t k = 0; k < check->count; k++) {
		const struct hold *h = &c->gen->streams[check->streams[k]].hold[s->agree - 1];
		if (h->state == HEALTH_VERDICT_UP && h->hlc > hlc)
			hlc = h->hlc;
	}
	return hlc == 0 || hlc >> 16 > now ? 0 : now - (hlc >> 16);
}

static void follow(const struct core *c, struct service *s, size_t i)
{
	struct member *m = &s->members[i];
	uint8_t was = m->leaves_ms > 0 ? ABSENCE_NONE : m->absence; /* held: it was answered all the time (removals.c) */
	m->absence = absence_of(c, s, i);
	if (m->absence != ABSENCE_NONE)
		m->start_pct = 0;
	if (m->absence != ABSENCE_NONE || was == ABSENCE_NONE)
		return;
	uint64_t age_ms = was == ABSENCE_DOWN && m->force == POLICY_FORCE_NONE ? risen_ms(c, s, i) : 0;
	if (age_ms >= slow_ms(s))
		return;
	m->start_ms = c->now_ms - age_ms;
	m->start_pct = policy_start_pct(slow_ms(s), age_ms);
	m->start_written = false;
}

/* ---- steps ---- */

static void step(const struct core *c, struct service *s, struct member *m, bool may, bool *stepped)
{
	uint64_t elapsed_ms = c->now_ms - m->start_ms;
	uint8_t pct = share(slow_ms(s), elapsed_ms);
	if (m->start_pct == 0 || m->start_pct == pct || !may)
		return;
	m->start_pct = pct;
	*stepped = true;
}

/* When the next share of any of them is due. */
static uint64_t due_ms(const struct core *c, const struct service *s)
{
	uint64_t due = UINT64_MAX, least = s->stepped_ms ? s->stepped_ms + POLICY_START_STEP_MIN_MS : 0;
	for (size_t i = 0; i < s->conf->policy.member_count; i++) {
		const struct member *m = &s->members[i];
		uint64_t elapsed_ms = c->now_ms - m->start_ms;
		if (m->start_pct == 0)
			continue;
		bool late = policy_start_pct(slow_ms(s), elapsed_ms) != m->start_pct;
		uint64_t at = late ? c->now_ms : c->now_ms + policy_start_next_ms(slow_ms(s), elapsed_ms) - elapsed_ms;
		due = at < due ? at : due;
	}
	return due > least ? due : least;
}

void slow_follow(struct core *c, struct service *s)
{
	bool may = s->stepped_ms == 0 || c->now_ms - s->stepped_ms >= POLICY_START_STEP_MIN_MS, stepped = false;
	if (slow_ms(s) == 0)
		return;
	for (size_t i = 0; i < s->conf->policy.member_count; i++) {
		follow(c, s, i);
		step(c, s, &s->members[i], may, &stepped);
	}
	if (stepped)
		s->stepped_ms = c->now_ms;
	if (heap_set(&c->gen->slows, &s->slow, due_ms(c, s)) < 0)
		c->nomem = true; /* cannot be: it only moves */
}

bool slow_settle(struct core *c, const struct service *s)
{
	for (size_t i = 0; slow_ms(s) > 0 && i < s->conf->policy.member_count; i++) {
		struct member *m = &s->members[i];
		uint8_t record[32 + NAME_WIRE_MAX];
		struct wbuf w;
		if (m->start_pct == 0 || m->start_written)
			continue;
		wbuf_init(&w, record, sizeof record);
		record_start_put(&w, s, i, c->now_ms, c->wall_ms);
		if (!effect_journal(c, record, w.len, false))
			return false;
		m->start_written = true;
	}
	return true;
}

void slow_run(struct core *c)
{
	const struct heap_item *first;
	while ((first = heap_peek(&c->gen->slows)) && first->at_ms <= c->now_ms) {
		struct service *s = (struct service *)((char *)(uintptr_t)first - offsetof(struct service, slow));
		service_mark(c, s);
		if (heap_set(&c->gen->slows, &s->slow, UINT64_MAX) < 0) { /* set again when it is settled */
			c->nomem = true;
			return;
		}
	}
}
