/* How many members of a service verdicts may take out within a minute (removals = 2, or "25%"): one bad check, or one bad
 * network, must not empty an answer faster than somebody can look.  Those beyond the bound are held: down, and yet answered
 * as if they were up.
 *
 *     bound 2    down at   0 s  1 s   2 s   3 s    70 s          in the order of (stamp, address)
 *                goes at   0 s  1 s  60 s  61 s   120 s          max(its stamp, the second before it + 60 s)
 *                                ├held┤ ├held┤   ├held┤
 *
 * Nothing here may depend on what arrived first, or twins would answer apart (pair protocol 1.3): when a member goes is a pure
 * function of the stamps of the decisions that took the present ones down, and of the shared clock.  Of two twins that
 * decided one by one the first counts.  So one that comes back up gives its place back, and a restart, which has the stamps
 * from the journal, reckons as if it had not been.  Whom an operator or the configuration took out or put in, and who
 * lacks a service that it needs (which has a bound of its own), is none of this: those go at once, and take nobody's place.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/state.h"

static bool is_used(const struct service *s)
{
	return s->conf->removals > 0 || s->conf->removals_pct > 0;
}

/* ---- memory ---- */

int removals_init(struct gen *g, struct service *s)
{
	return is_used(s) ? heap_set(&g->removals, &s->removal, UINT64_MAX) : 0;
}

void removals_carry(struct service *s, const struct service *old)
{
	s->held = old->held;
	s->held_told = old->held_told;
	s->held_most = old->held_most;
}

bool removals_heeds(const struct service *s)
{
	return is_used(s);
}

/* ---- the clock ---- */

/* Stamps are HLC: what a twin's faster clock has shown counts here too, so both see a minute end together.  It never goes
 * back or stands still, whatever is done to the machine's, or a minute might last for an hour. */
void removals_tick(struct core *c)
{
	uint64_t ms = c->clock_ms + (c->now_ms - c->clock_at_ms), seen = c->hlc;
	if (c->pair && pair_hlc_seen(c->pair) > seen)
		seen = pair_hlc_seen(c->pair);
	ms = c->wall_ms > ms ? c->wall_ms : ms;
	ms = seen >> 16 > ms ? seen >> 16 : ms;
	c->clock_ms = ms;
	c->clock_at_ms = c->now_ms;
	if (c->pair && ms < (uint64_t)1 << 48) /* twins must see it too where the wall clock that showed it was put back since */
		pair_hlc_absorb(c->pair, ms << 16);
}

/* ---- who goes when ---- */

/* A member is down once so many of its streams are that too few can be up: the stamp of the one that made it so. */
static uint64_t down_stamp(const struct core *c, const struct service *s, size_t i)
{
	const struct plan_check *check = &s->conf->checks[i];
	uint64_t at[PLAN_CHECK_STREAMS_MAX];
	size_t n = 0;
	for (size_t k = 0; k < check->count && k < PLAN_CHECK_STREAMS_MAX; k++) {
		const struct hold *h = &c->gen->streams[check->streams[k]].hold[s->agree - 1];
		size_t to = n;
		if (h->state != HEALTH_VERDICT_DOWN)
			continue;
		for (; to > 0 && at[to - 1] > h->since; to--)
			at[to] = at[to - 1];
		at[to] = h->since;
		n++;
	}
	return at[check->count - check->need];
}

static int family_order(const struct addr *a, const struct addr *b)
{
	int d = (int)a->family - (int)b->family;
	return d ? d : memcmp(a->ip, b->ip, addr_ip_len(a));
}

static int order(const void *x, const void *y)
{
	const struct down *a = x, *b = y;
	if (a->stamp != b->stamp)
		return a->stamp < b->stamp ? -1 : 1;
	return family_order(a->addr, b->addr); /* an address is a member once */
}

/* Those down by their verdicts alone, in order; counted: those not drained, of whom the percents are. */
static size_t find_down(const struct core *c, const struct service *s, const struct policy_input *in, size_t *counted)
{
	const struct policy_service *p = &s->conf->policy;
	struct down *list = c->gen->down;
	size_t n = 0;
	*counted = 0;
	for (size_t i = 0; i < p->member_count; i++) {
		bool free = in[i].force == POLICY_FORCE_NONE && !p->members[i].drain;
		*counted += in[i].force != POLICY_FORCE_DRAIN && (!p->members[i].drain || in[i].force == POLICY_FORCE_UP);
		if (in[i].state == HEALTH_VERDICT_DOWN && free && !needs_missing(c, s, i))
			list[n++] = (struct down){ .stamp = down_stamp(c, s, i), .member = (uint16_t)i, .addr = &p->members[i].addr };
	}
	qsort(list, n, sizeof *list, order);
	return n;
}

static size_t bound_of(const struct service *s, size_t counted)
{
	size_t part = (counted * s->conf->removals_pct + 99) / 100;
	if (s->conf->removals > 0)
		return s->conf->removals;
	return part > 0 ? part : 1;
}

void removals_fill(const struct core *c, const struct service *s, struct policy_input *in)
{
	struct down *list = c->gen->down;
	size_t counted, n, bound;
	if (!is_used(s))
		return;
	memset(c->gen->leaves, 0, s->conf->policy.member_count * sizeof *c->gen->leaves);
	n = find_down(c, s, in, &counted);
	bound = bound_of(s, counted);
	for (size_t k = 0; k < n; k++) {
		list[k].at_ms = list[k].stamp >> 16;
		if (k >= bound && list[k - bound].at_ms + CORE_REMOVALS_MS > list[k].at_ms)
			list[k].at_ms = list[k - bound].at_ms + CORE_REMOVALS_MS;
		if (list[k].at_ms <= c->clock_ms)
			continue;
		c->gen->leaves[list[k].member] = list[k].at_ms;
		in[list[k].member].state = HEALTH_VERDICT_UP;
		/* It goes by itself: in full, since a TTL is published when it changes and not by the clock. */
		in[list[k].member].flip_ms = CORE_REMOVALS_MS;
	}
}

/* ---- what is told, and when to look again ---- */

static void notice(struct core *c, const struct service *s, bool held)
{
	struct core_notice n = { .kind = CORE_NOTICE_REMOVALS };
	snprintf(n.subject, sizeof n.subject, "%s", s->conf->name);
	snprintf(n.old, sizeof n.old, "%s", held ? "within bound" : "held");
	snprintf(n.new, sizeof n.new, "%s", held ? "held" : "within bound");
	snprintf(n.cause, sizeof n.cause, "%s", c->cause);
	if (held)
		snprintf(n.reason, sizeof n.reason, "%u member%s down stay%s in the answers, bound %u%s a minute", s->held,
			 s->held == 1 ? " that is" : "s that are", s->held == 1 ? "s" : "",
			 s->conf->removals ? s->conf->removals : s->conf->removals_pct, s->conf->removals ? "" : "%");
	notice_detail_add(&n, "held", "%u", s->held);
	if (!held)
		notice_detail_add(&n, "most", "%u", s->held_most);
	notice_put(c, &n);
}

/* Once when it begins, again each time they are twice as many, once when it is over. */
static void tell(struct core *c, struct service *s)
{
	s->held_most = s->held > s->held_most ? s->held : s->held_most;
	if (s->held > 0 && s->held >= 2 * s->held_told) {
		notice(c, s, true);
		s->held_told = s->held;
	} else if (s->held == 0 && s->held_told > 0) {
		notice(c, s, false);
		s->held_told = s->held_most = 0;
	}
}

void removals_settle(struct core *c, struct service *s)
{
	uint64_t due = UINT64_MAX;
	s->held = 0;
	for (size_t i = 0; i < s->conf->policy.member_count; i++) {
		uint64_t leaves = is_used(s) ? c->gen->leaves[i] : 0;
		s->members[i].leaves_ms = leaves;
		s->held = (uint16_t)(s->held + (leaves > 0));
		due = leaves > 0 && leaves < due ? leaves : due;
	}
	tell(c, s);
	if (is_used(s) && heap_set(&c->gen->removals, &s->removal, due) < 0)
		c->nomem = true; /* cannot be: it only moves */
}

void removals_run(struct core *c)
{
	const struct heap_item *first;
	while ((first = heap_peek(&c->gen->removals)) && first->at_ms <= c->clock_ms) {
		struct service *s = (struct service *)((char *)(uintptr_t)first - offsetof(struct service, removal));
		service_mark(c, s);
		if (heap_set(&c->gen->removals, &s->removal, UINT64_MAX) < 0) { /* set again when it is settled */
			c->nomem = true;
			return;
		}
	}
}

uint64_t removals_due(const struct core *c)
{
	const struct heap_item *first = heap_peek(&c->gen->removals);
	if (!first || first->at_ms == UINT64_MAX)
		return UINT64_MAX;
	return c->clock_at_ms + (first->at_ms > c->clock_ms ? first->at_ms - c->clock_ms : 0);
}
