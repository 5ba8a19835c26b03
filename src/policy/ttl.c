/* How long an answer is surely good: the shortest way by which one member alone could change it. */
#include "policy/view.h"

/* Coupled, and some tier serves: its own members may leave it; a better tier may fill up. While the serving tier is
 * short of one family, any tier may become complete and take over. */
static bool matters_coupled(const struct policy_view *v, uint16_t i)
{
	int serving = v->serving[0], tier = v->s->members[i].tier;

	if (tier == serving)
		return true;
	return !policy_view_up(v, i) && (tier < serving || !v->complete);
}

/* A tier serves this family: its own members may leave it, a better tier may fill up. */
static bool matters_tier(const struct policy_view *v, int f, uint16_t i)
{
	int serving = v->serving[f], tier = v->s->members[i].tier;

	if (policy_view_family(v, i) != f)
		return false;
	return tier == serving || (tier < serving && !policy_view_up(v, i));
}

/* Could a flip of member i alone change family f's answer? Sometimes told a yes too many, never a no too many. */
static bool matters(const struct policy_view *v, int f, enum policy_rule rule, uint16_t i)
{
	bool up = policy_view_up(v, i);

	if (!policy_view_free(v, i))
		return false;
	switch (rule) {
	case POLICY_RULE_TIER:
		return v->s->couple ? matters_coupled(v, i) : matters_tier(v, f, i);
	case POLICY_RULE_OTHER_FAMILY:
		if (v->s->couple)
			return matters_coupled(v, i);
		/* This family may come back, or the other die too, which calls all_down. */
		return policy_view_family(v, i) == f ? !up : up;
	case POLICY_RULE_FIRST:
	case POLICY_RULE_ALL:
	case POLICY_RULE_LAST:
	case POLICY_RULE_EMPTY:
	case POLICY_RULE_LIST:
		return !up; /* of any family: one that lives makes the other NODATA */
	case POLICY_RULE_NONE:
	case POLICY_RULE_ABSENT:
	case POLICY_RULE_WAIT:
		break;
	}
	return false;
}

uint32_t policy_view_ttl(const struct policy_view *v, int f, enum policy_rule rule)
{
	uint32_t ms = UINT32_MAX, ttl_s;

	for (uint16_t i = 0; i < v->s->member_count; i++)
		if (v->in[i].flip_ms < ms && matters(v, f, rule, i))
			ms = v->in[i].flip_ms;
	if (ms == UINT32_MAX)
		return v->s->ttl_max_s;
	ttl_s = ms / 1000 + (ms % 1000 != 0);
	if (ttl_s == 0)
		ttl_s = 1;
	if (ttl_s > v->s->ttl_max_s)
		ttl_s = v->s->ttl_max_s;
	return ttl_s > v->s->ttl_min_s ? ttl_s : v->s->ttl_min_s;
}
