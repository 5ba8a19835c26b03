/* Members + their states + tiers → what to publish for a service, with what TTL, and why.  A pure function of its inputs:
 * two twins with the same inputs publish the same set. A and AAAA are decided apart unless `couple`.
 */
#ifndef GEMEL_POLICY_POLICY_H
#define GEMEL_POLICY_POLICY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "health/health.h"

enum policy_all_down { POLICY_ALL_DOWN_FIRST = 1, POLICY_ALL_DOWN_ALL, POLICY_ALL_DOWN_LAST, POLICY_ALL_DOWN_NONE, POLICY_ALL_DOWN_LIST };
enum policy_pick { POLICY_PICK_ROTATE = 1, POLICY_PICK_RANDOM, POLICY_PICK_WEIGHTED, POLICY_PICK_STICKY };
enum policy_agree { POLICY_AGREE_PAIR = 0 /* the pair's */, POLICY_AGREE_ANY_UP, POLICY_AGREE_ANY_DOWN, POLICY_AGREE_QUORUM, POLICY_AGREE_LOCAL };
enum policy_force { POLICY_FORCE_NONE = 0, POLICY_FORCE_UP, POLICY_FORCE_DOWN, POLICY_FORCE_DRAIN };
enum policy_rule { /* which rule made the answer; the words are policy_rule_text's */
	POLICY_RULE_NONE = 0,
	POLICY_RULE_TIER,     /* a tier had enough members up */
	POLICY_RULE_FIRST, POLICY_RULE_ALL, POLICY_RULE_LAST, POLICY_RULE_EMPTY, POLICY_RULE_LIST, /* all_down */
	POLICY_RULE_OTHER_FAMILY, /* this family is dead, the other lives: NODATA */
	POLICY_RULE_ABSENT,   /* the service has no member of this family: NODATA */
	POLICY_RULE_WAIT      /* the first round is not over: not ready */
};
const char *policy_rule_text(enum policy_rule r);

#define POLICY_TIERS_MAX 32
#define POLICY_MEMBERS_MAX 4096 /* of one service, over all tiers */

struct policy_member { /* configuration */
	struct addr addr;
	uint8_t tier;
	bool drain;
	uint16_t weight;
};
struct policy_service { /* configuration; borrowed */
	const struct policy_member *members;
	uint16_t member_count;
	uint8_t tier_count;
	uint16_t need;      /* members; 0 when need_pct counts */
	uint8_t need_pct;   /* of members not drained, rounded up */
	uint16_t answer_n;  /* 0 = all */
	uint8_t pick;       /* enum policy_pick */
	uint8_t all_down;   /* enum policy_all_down */
	bool couple;
	bool initial_up;
	uint32_t ttl_min_s, ttl_max_s;
	const struct addr *fallback; /* POLICY_ALL_DOWN_LIST */
	uint16_t fallback_count;
};
struct policy_input { /* one a member, same order */
	enum health_verdict state;   /* effective, after votes; UNKNOWN counts as `initial` */
	uint8_t force;               /* enum policy_force */
	uint8_t weight_pct;
	uint32_t flip_ms;            /* shortest automatic way to a change of this member; UINT32_MAX = none */
	bool waiting;                /* nothing known and the first round not over */
};
struct policy_answer { /* one family */
	uint8_t rule; /* enum policy_rule */
	int8_t tier;  /* the serving tier, or -1 */
	bool ready;   /* false = do not publish yet */
	uint32_t ttl_s;
	uint16_t count;
	uint16_t *member; /* indexes into members; for RULE_LIST into fallback. Caller's room for member_count + fallback_count */
};
/* Decides both families: out[0] = A, out[1] = AAAA. `last` may be NULL arrays at first; the caller stores what
 * policy_keeps_last says. Never fails. */
void policy_decide(const struct policy_service *s, const struct policy_input *in, const struct policy_answer last[2],
		   struct policy_answer out[2]);
/* True where a (a decision by POLICY_RULE_TIER) is a "last good set" worth keeping for POLICY_ALL_DOWN_LAST. */
bool policy_keeps_last(const struct policy_answer *a);
bool policy_answer_equal(const struct policy_answer *a, const struct policy_answer *b);

#endif
