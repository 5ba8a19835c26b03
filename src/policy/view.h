/* Inside the policy room: one service as seen by one decision. */
#ifndef GEMEL_POLICY_VIEW_H
#define GEMEL_POLICY_VIEW_H
#include "policy/policy.h"

struct policy_view {
	const struct policy_service *s;
	const struct policy_input *in;
	struct policy_why why; /* by family: 0 = A, 1 = AAAA */
	uint64_t carry_pct[2][POLICY_TIERS_MAX]; /* what those up carry, in hundredths of a load unit */
	bool present[2]; /* the family has members */
	bool waiting;
	int8_t serving[2]; /* the tier that serves the family, or -1; equal for both when coupled */
	struct policy_held held[2]; /* equal for both when coupled */
	uint32_t better[2]; /* tiers before the serving one that could serve */
};

static inline int policy_view_family(const struct policy_view *v, uint16_t i)
{
	return v->s->members[i].addr.family == 6;
}
static inline bool policy_view_drained(const struct policy_view *v, uint16_t i)
{
	return policy_member_drained(&v->s->members[i], v->in[i].force);
}
static inline bool policy_view_out(const struct policy_view *v, uint16_t i)
{
	return policy_member_out(&v->s->members[i], v->in[i].force);
}
/* Nobody decided for it: its health is asked, and may change by itself. */
static inline bool policy_view_free(const struct policy_view *v, uint16_t i)
{
	return v->in[i].force == POLICY_FORCE_NONE && !policy_view_drained(v, i);
}
static inline bool policy_view_up(const struct policy_view *v, uint16_t i)
{
	if (policy_view_out(v, i))
		return false;
	if (v->in[i].force == POLICY_FORCE_UP || v->in[i].state == HEALTH_VERDICT_UP)
		return true;
	return v->in[i].state != HEALTH_VERDICT_DOWN && v->s->initial_up;
}

/* The TTL of family f's decision `rule` (TIER, OTHER_FAMILY, ABSENT or one of all_down), clamped; why.soonest is set. */
uint32_t policy_view_ttl(struct policy_view *v, int f, enum policy_rule rule);

#endif
