/* How long an answer is surely good: the shortest way by which one member alone could change it. */
#include "policy/view.h"

/* Coupled, and some tier serves: its own members may leave it; so may those of one that is held, or come back to it; a better tier may fill up. While the serving tier is
 * short of one family, any tier may become complete and take over. */
static bool matters_coupled(const struct policy_view *v, uint16_t i)
{
	int serving = v->serving[0], tier = v->s->members[i].tier;

	if (tier == serving || tier == v->held[0].tier)
		return true;
	return !policy_view_up(v, i) && (tier < serving || !v->why.complete);
}

/* A tier serves this family: its own members may leave it, or those of one that is held; a better tier may fill up. */
static bool matters_tier(const struct policy_view *v, int f, uint16_t i)
{
	int serving = v->serving[f], tier = v->s->members[i].tier;

	if (policy_view_family(v, i) != f)
		return false;
	return tier == serving || tier == v->held[f].tier || (tier < serving && !policy_view_up(v, i));
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

/* What a better tier waits for when it has enough, on top of what its members need for that. */
static uint32_t failback_ms(const struct policy_view *v, int f, int tier)
{
	bool waits = v->serving[f] >= 0 && tier < v->serving[f] && v->held[f].tier == v->serving[f];

	/* Where no tier has both families of a coupled service, the first that gets them serves at once. */
	if (!waits || (v->held[f].ripe >> tier & 1) || (v->s->couple && !v->why.complete))
		return 0;
	return v->s->failback_ms;
}

/* How soon member i alone may change family f's answer. */
static uint32_t way_ms(const struct policy_view *v, int f, uint16_t i)
{
	uint32_t wait_ms = failback_ms(v, f, v->s->members[i].tier);
	uint64_t ms = (uint64_t)v->in[i].flip_ms + wait_ms;

	return wait_ms == POLICY_FAILBACK_MANUAL || ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

uint32_t policy_view_ttl(struct policy_view *v, int f, enum policy_rule rule)
{
	struct policy_soonest *soonest = &v->why.soonest[f];
	/* A better tier that waits takes over after the whole of the delay, or when the operator says so. */
	uint32_t ms = v->better[f] && v->serving[f] >= 0 ? v->s->failback_ms : UINT32_MAX, ttl_s;

	*soonest = (struct policy_soonest){ POLICY_NO_MEMBER, ms };
	for (uint16_t i = 0; i < v->s->member_count; i++) {
		if (matters(v, f, rule, i) && way_ms(v, f, i) < ms) {
			ms = way_ms(v, f, i);
			*soonest = (struct policy_soonest){ i, ms };
		}
	}
	if (ms == UINT32_MAX)
		return v->s->ttl_max_s;
	ttl_s = ms / 1000 + (ms % 1000 != 0);
	if (ttl_s == 0)
		ttl_s = 1;
	if (ttl_s > v->s->ttl_max_s)
		ttl_s = v->s->ttl_max_s;
	return ttl_s > v->s->ttl_min_s ? ttl_s : v->s->ttl_min_s;
}
