/* Services that need others: a member whose needed service is known not to serve counts as down.
 *
 *     www ──needs──▶ api ──needs──▶ db          rank of db 0, of api 1, of www 2
 *
 *     db's last member fails ─▶ db settles (rank 0) ─▶ marks api ─▶ api settles (rank 1) ─▶ marks www ─▶ …     one step
 *
 * Whoever is needed is settled before those who need it, so each is decided once, from what is true at the end of the step.
 * What they go by is a verdict like any other: UP where some family is answered by a tier, DOWN where none is, UNKNOWN while it
 * is not ready, or where only members that nobody knows anything of keep it from serving: unknown takes nothing down.
 */
#include <stdlib.h>
#include "core/state.h"

/* ---- who needs whom ---- */

static void each_need(struct gen *g, const struct plan_needs *n, uint32_t by, uint32_t *seen, bool fill)
{
	for (size_t k = 0; n && k < n->count; k++) {
		struct service *needed = &g->services[n->services[k]];
		if (seen[n->services[k]] == by + 1)
			continue;
		seen[n->services[k]] = by + 1;
		if (fill)
			g->dependents[needed->dependent_at + needed->dependent_count] = by;
		needed->dependent_count++;
	}
}

/* seen holds, by needed service, the last one (plus one) that named it. */
static void each_dependent(struct gen *g, uint32_t *seen, bool fill)
{
	const struct plan *p = g->plan;
	memset(seen, 0, ((size_t)p->service_count + 1) * sizeof *seen);
	for (uint32_t v = 0; v < p->service_count; v++) {
		const struct plan_service *conf = &p->services[v];
		each_need(g, &conf->needs, v, seen, fill);
		for (size_t i = 0; conf->member_needs && i < conf->policy.member_count; i++)
			each_need(g, &conf->member_needs[i], v, seen, fill);
	}
}

static int index_dependents(struct gen *g, uint32_t *seen)
{
	uint32_t total = 0;
	each_dependent(g, seen, false);
	for (uint32_t v = 0; v < g->plan->service_count; v++) {
		g->services[v].dependent_at = total;
		total += g->services[v].dependent_count;
		g->services[v].dependent_count = 0;
	}
	g->dependents = arena_array(&g->arena, total, sizeof *g->dependents);
	if (!g->dependents)
		return ERR_NOMEM;
	each_dependent(g, seen, true);
	return 0;
}

int needs_index(struct gen *g)
{
	size_t n = (size_t)g->plan->service_count + 1;
	uint32_t *seen = calloc(n, sizeof *seen);
	uint8_t *rank = calloc(n, sizeof *rank);
	int e = seen && rank ? plan_ranks(g->plan, rank) : ERR_NOMEM;
	for (uint32_t v = 0; e == 0 && v < g->plan->service_count; v++) {
		g->services[v].rank = rank[v];
		g->services[v].serves_flip_ms = UINT32_MAX;
	}
	if (e == 0)
		e = index_dependents(g, seen);
	free(rank);
	free(seen);
	return e;
}

/* ---- what they make of a member ---- */

static const struct service *missing_of(const struct core *c, const struct plan_needs *n)
{
	for (size_t k = 0; n && k < n->count; k++)
		if (c->gen->services[n->services[k]].serves == HEALTH_VERDICT_DOWN)
			return &c->gen->services[n->services[k]];
	return NULL;
}

static const struct plan_needs *own_needs(const struct service *s, size_t i)
{
	return s->conf->member_needs ? &s->conf->member_needs[i] : NULL;
}

const struct service *needs_missing(const struct core *c, const struct service *s, size_t i)
{
	const struct service *missing = missing_of(c, &s->conf->needs);
	return missing ? missing : missing_of(c, own_needs(s, i));
}

/* The soonest end of what is there, and the last return of what is missing. */
static void add_ways(const struct core *c, const struct plan_needs *n, uint32_t *leaves_ms, uint32_t *returns_ms)
{
	for (size_t k = 0; n && k < n->count; k++) {
		const struct service *needed = &c->gen->services[n->services[k]];
		bool down = needed->serves == HEALTH_VERDICT_DOWN;
		if (down && needed->serves_flip_ms > *returns_ms)
			*returns_ms = needed->serves_flip_ms;
		else if (!down && needed->serves_flip_ms < *leaves_ms)
			*leaves_ms = needed->serves_flip_ms;
	}
}

/* Missing: all that is must return, and the member itself where it is down, too. Else it goes with the first that goes. */
uint32_t needs_flip_ms(const struct core *c, const struct service *s, size_t i, enum health_verdict own, uint32_t own_ms)
{
	uint32_t leaves_ms = UINT32_MAX, returns_ms = 0;
	add_ways(c, &s->conf->needs, &leaves_ms, &returns_ms);
	add_ways(c, own_needs(s, i), &leaves_ms, &returns_ms);
	if (needs_missing(c, s, i))
		return own == HEALTH_VERDICT_DOWN && own_ms > returns_ms ? own_ms : returns_ms;
	return own != HEALTH_VERDICT_DOWN && leaves_ms < own_ms ? leaves_ms : own_ms;
}

/* ---- what they go by ---- */

/* Would a tier serve if all that is unknown were up? With the scratch, which is published already. */
static bool may_serve(const struct core *c, const struct service *s)
{
	struct policy_service p = s->conf->policy;
	p.initial_up = true;
	for (size_t i = 0; i < p.member_count; i++) {
		c->gen->input[i].state = service_member_state(c, s, i);
		c->gen->input[i].waiting = false;
	}
	policy_decide(&p, c->gen->input, NULL, c->gen->scratch);
	return c->gen->scratch[0].rule == POLICY_RULE_TIER || c->gen->scratch[1].rule == POLICY_RULE_TIER;
}

static enum health_verdict verdict_of(const struct core *c, const struct service *s)
{
	if (!s->answer[0].ready || !s->answer[1].ready)
		return HEALTH_VERDICT_UNKNOWN;
	if (s->answer[0].rule == POLICY_RULE_TIER || s->answer[1].rule == POLICY_RULE_TIER)
		return HEALTH_VERDICT_UP;
	return may_serve(c, s) ? HEALTH_VERDICT_UNKNOWN : HEALTH_VERDICT_DOWN;
}

static unsigned tiers_able(const struct service *s, const struct policy_why *why)
{
	unsigned able = 0;
	for (int f = 0; f < CORE_FAMILIES; f++)
		for (int t = 0; t < s->conf->policy.tier_count; t++)
			able += why->tally[f][t].there > 0 && policy_tally_enough(&s->conf->policy, &why->tally[f][t]);
	return able;
}

/* Would the tier change sides without the member that is up, or with the one that is not? Sometimes a yes too many. */
static bool is_decisive(const struct policy_service *p, const struct policy_tally *t, const struct policy_member *m, bool up)
{
	struct policy_tally then = *t;
	then.up = (uint16_t)(up ? t->up - 1 : t->up + 1);
	then.carry = up ? t->carry - (t->carry < m->capacity ? t->carry : m->capacity) : t->carry + m->capacity;
	return policy_tally_enough(p, t) != policy_tally_enough(p, &then);
}

/* As for answers, the shortest way by which one member alone could change it; where another member or tier would stand in for it
 * there is none. */
static uint32_t alone_ms(const struct core *c, const struct service *s, const struct policy_why *why)
{
	const struct policy_service *p = &s->conf->policy;
	unsigned able = tiers_able(s, why);
	uint32_t ms = UINT32_MAX;
	for (size_t i = 0; able <= 1 && i < p->member_count; i++) {
		const struct policy_input *in = &c->gen->input[i];
		const struct policy_tally *t = &why->tally[p->members[i].addr.family == 6][p->members[i].tier];
		bool up = in->state == HEALTH_VERDICT_UP || (in->state == HEALTH_VERDICT_UNKNOWN && p->initial_up);
		if (in->force != POLICY_FORCE_NONE || p->members[i].drain)
			continue;
		if (up == (able > 0) && is_decisive(p, t, &p->members[i], up) && in->flip_ms < ms)
			ms = in->flip_ms;
	}
	return ms;
}

void needs_follow(struct core *c, struct service *s)
{
	struct policy_why why;
	if (s->dependent_count == 0)
		return;
	service_decide_why(c, s, s->members, &why);
	uint32_t flip_ms = alone_ms(c, s, &why);
	uint8_t serves = (uint8_t)verdict_of(c, s);
	if (serves == s->serves && flip_ms == s->serves_flip_ms)
		return;
	s->serves = serves;
	s->serves_flip_ms = flip_ms;
	for (uint32_t k = 0; k < s->dependent_count; k++)
		service_mark(c, &c->gen->services[c->gen->dependents[s->dependent_at + k]]);
}
