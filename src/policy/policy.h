/* Members + their states + tiers → what to publish for a service, with what TTL, and why.  A pure function of its
 * inputs: two twins with the same inputs publish the same set. A and AAAA are decided apart unless `couple`.
 *
 *     tiers    [ a up, b down ] [ c up ]          need = 1: tier 0 serves { a };  need = 2: all_down, if c is alone too
 *
 *     the service, in this order             a family
 *     ─────────────────────────────────      ──────────────────────────────────────────────
 *     a member waits for its first round     WAIT: not ready (a family without members: ABSENT)
 *     some family has a serving tier         TIER: its members up  ·  OTHER_FAMILY: NODATA  ·  ABSENT: NODATA
 *     none has                               all_down: FIRST, ALL, LAST, EMPTY, LIST        ·  ABSENT: NODATA
 *
 * A member is
 *     drained   force DRAIN, or drain in the configuration unless forced UP: not in any answer, not in need_pct's count
 *     out       drained or forced DOWN: not in any answer, those of all_down included
 *     up        not out, and forced UP, or UP, or UNKNOWN while `initial` is up
 * A tier serves a family when at least `need` of its members of that family are up (and never with none), and these
 * carry `load` together: each its capacity × weight_pct. A slow start takes nothing from a capacity: it is there, and
 * not yet asked for.
 * failback: while the tier that is held (struct policy_held) has enough, a better one takes over only once it is ripe. Which
 * is held, and when another is ripe, is the caller's history; where the held tier has not enough the first that has serves.
 * couple: the first tier serves in which every family that has members there has enough; only where there is no such
 * tier, the first in which one family has. The family that has not enough there is NODATA (OTHER_FAMILY).
 */
#ifndef GEMEL_POLICY_POLICY_H
#define GEMEL_POLICY_POLICY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "health/health.h"

/* FIRST: the first tier that has a member left which is not out (couple: of either family; else of this one).
 * LAST: the last good set less those out; FIRST where nothing is left of it. LIST: less addresses of members out. */
enum policy_all_down {
	POLICY_ALL_DOWN_FIRST = 1, POLICY_ALL_DOWN_ALL, POLICY_ALL_DOWN_LAST, POLICY_ALL_DOWN_NONE, POLICY_ALL_DOWN_LIST
};
enum policy_pick { POLICY_PICK_ROTATE = 1, POLICY_PICK_RANDOM, POLICY_PICK_WEIGHTED, POLICY_PICK_STICKY };
enum policy_agree {
	POLICY_AGREE_PAIR = 0, /* the pair's */
	POLICY_AGREE_ANY_UP, POLICY_AGREE_ANY_DOWN, POLICY_AGREE_QUORUM, POLICY_AGREE_LOCAL
};
enum policy_force { POLICY_FORCE_NONE = 0, POLICY_FORCE_UP, POLICY_FORCE_DOWN, POLICY_FORCE_DRAIN };
enum policy_rule { /* which rule made the answer; the words are policy_rule_text's */
	POLICY_RULE_NONE = 0,
	POLICY_RULE_TIER,     /* a tier had enough members up */
	POLICY_RULE_FIRST, POLICY_RULE_ALL, POLICY_RULE_LAST, POLICY_RULE_EMPTY, POLICY_RULE_LIST, /* all_down */
	POLICY_RULE_OTHER_FAMILY, /* this family is dead, the other lives: NODATA */
	POLICY_RULE_ABSENT,   /* the service has no member of this family: NODATA */
	POLICY_RULE_WAIT      /* the first round is not over: not ready */
};
const char *policy_rule_text(enum policy_rule r); /* "tier", "all_down first", … */

#define POLICY_TIERS_MAX 32 /* a set of them fits 32 bits */
#define POLICY_FAILBACK_MANUAL UINT32_MAX
#define POLICY_MEMBERS_MAX 4096 /* of one service, over all tiers */
#define POLICY_CAPACITY_MAX 1000000 /* of a member; so the sum of all fits 32 bits */
#define POLICY_LOAD_MAX 4000000000u

struct policy_member { /* configuration */
	struct addr addr;
	uint8_t tier; /* below tier_count */
	bool drain;
	uint16_t weight;
	uint32_t capacity; /* load units it carries; 0 = none declared */
};
/* Taken out by people, from every answer. */
static inline bool policy_member_drained(const struct policy_member *m, uint8_t force)
{
	return force == POLICY_FORCE_DRAIN || (m->drain && force != POLICY_FORCE_UP);
}
static inline bool policy_member_out(const struct policy_member *m, uint8_t force)
{
	return policy_member_drained(m, force) || force == POLICY_FORCE_DOWN;
}
struct policy_service { /* configuration; borrowed */
	const struct policy_member *members;
	uint16_t member_count;
	uint8_t tier_count;
	uint16_t need;      /* members; 0 when need_pct counts */
	uint8_t need_pct;   /* of members not drained, rounded up */
	uint16_t answer_n;  /* 0 = all */
	uint8_t pick;       /* enum policy_pick */
	uint8_t all_down;   /* enum policy_all_down; anything else counts as FIRST */
	bool couple;
	bool initial_up;
	uint32_t failback_ms; /* a better tier must have enough for that long; 0 = at once, POLICY_FAILBACK_MANUAL */
	uint32_t slow_start_ms; /* a member that comes back has its whole weight after that; 0 = at once */
	uint32_t load;      /* what the members up of a family must carry together; 0 = anything will do */
	uint32_t ttl_min_s, ttl_max_s;
	const struct addr *fallback; /* POLICY_ALL_DOWN_LIST */
	uint16_t fallback_count;
};
/* The members' weights count in its answers. */
static inline bool policy_weighs(const struct policy_service *s)
{
	return s->pick == POLICY_PICK_WEIGHTED || s->pick == POLICY_PICK_STICKY;
}
struct policy_input { /* one a member, same order */
	enum health_verdict state;   /* effective, after votes; UNKNOWN counts as `initial` */
	uint8_t force;               /* enum policy_force */
	uint8_t weight_pct;          /* 0..100 */
	uint8_t start_pct;           /* 1..99: it starts slowly, and has that share of its weight now; 0 = all of it */
	uint32_t flip_ms;            /* shortest automatic way to a change of this member; UINT32_MAX = none */
	bool waiting;                /* nothing known, the first round not over; ignored when forced or drained */
};
struct policy_held { /* of one family; of a coupled service [0] is of both */
	int8_t tier;   /* the one that serves as long as it can; -1 = none yet */
	uint32_t ripe; /* bit t: tier t may take over from it now */
};
struct policy_answer { /* one family */
	uint8_t rule; /* enum policy_rule */
	int8_t tier;  /* TIER, FIRST: whose members these are; LAST: whose they were; OTHER_FAMILY of a coupled
		       * service: the one that serves the other family; else -1 */
	bool ready;   /* false = do not publish yet */
	uint32_t ttl_s; /* of the negative answer when count is 0 */
	uint32_t better; /* bit t: tier t comes before the serving one, has enough, and waits to take over */
	uint16_t count;
	/* The caller's room, each for member_count + fallback_count entries. */
	uint16_t *member; /* indexes into members, ascending; for RULE_LIST into fallback */
	uint16_t *weight; /* NULL = not wanted. weight × weight_pct × start_pct, this as a part of the largest in the answer
			   * (where all start alike nothing changes); scaled down together where one would not fit, never
			   * 0 unless the configured weight is; all 1 where `pick` ignores weights and for LIST */
};
/* Decides both families: out[0] = A, out[1] = AAAA. Never fails.
 * held may be NULL: the first tier that has enough serves.
 * last[f] is the last good set of the family, as policy_keeps_last chose it (rule, tier, count and member are read), or
 * rule NONE; `last` may be NULL. Its indexes are into `members`: the caller translates them when the configuration
 * changes. It must not share its room with `out`.
 * TTL: the smallest flip_ms that may lead to another answer, in whole seconds rounded up, clamped to ttl_min_s to
 * ttl_max_s; ttl_min_s when all_down leaves nothing to answer. A better tier's way is longer by failback_ms, in full.
 * Weights do not count: an answer with those of a moment ago has no address that should not be there. */
void policy_decide_held(const struct policy_service *s, const struct policy_input *in, const struct policy_held held[2],
			const struct policy_answer last[2], struct policy_answer out[2]);
/* The same with nothing held. */
void policy_decide(const struct policy_service *s, const struct policy_input *in, const struct policy_answer last[2],
		   struct policy_answer out[2]);

/* What the decision was made from, for people: why this tier serves and those before it do not, and what bounds the TTL.
 * By family, as everywhere. */
struct policy_tally { /* members of one family in one tier */
	uint16_t there;   /* configured */
	uint16_t counted; /* not drained: what need_pct is a part of */
	uint16_t left;    /* not out: what all_down may answer */
	uint16_t up;
	uint16_t need;    /* members up that the family needs to be served from here; at least 1 */
	uint32_t carry;   /* load units that those up carry, rounded down */
};
#define POLICY_NO_MEMBER UINT16_MAX
/* What the TTL is reckoned from. POLICY_NO_MEMBER: the failback of a better tier, or, with UINT32_MAX, nothing. */
struct policy_soonest { uint16_t member; uint32_t flip_ms; };
struct policy_why {
	struct policy_tally tally[2][POLICY_TIERS_MAX]; /* the service's tiers */
	struct policy_soonest soonest[2];
	bool complete; /* coupled: every family with members in the serving tier has enough */
};
/* Has the family enough in this tier: members up, and what they carry? */
bool policy_tally_enough(const struct policy_service *s, const struct policy_tally *t);
/* The same decision, and what it was made from. */
void policy_decide_why(const struct policy_service *s, const struct policy_input *in, const struct policy_held held[2],
		       const struct policy_answer last[2], struct policy_answer out[2], struct policy_why *why);
/* True where `a` is a "last good set" worth keeping for POLICY_ALL_DOWN_LAST: a serving tier's members, and, in a
 * coupled service, the empty set of a family beside it (so that A and AAAA of the last set come from one tier). */
bool policy_keeps_last(const struct policy_answer *a);
/* Same decision, TTL, members and (where both have them) weights: nothing new to publish. */
bool policy_answer_equal(const struct policy_answer *a, const struct policy_answer *b);

/* Slow start: the share of its weight that a member has so long after it came back, in percent; 100 = all.
 *
 *     100 ┤                    ┌──     It grows in at most ten steps, each a second or longer: every step is
 *         ┤               ┌────┘       published, and moves clients of pick sticky. A share is what was earned at its
 *      50 ┤          ┌────┘            step's begin; the first is small, not nothing, so that a member that comes
 *         ┤     ┌────┘                 back is seen to work.
 *       5 ┤─────┘
 *         └─────┴────┴────┴────┴──     elapsed_ms, in steps
 */
#define POLICY_START_STEPS 10
#define POLICY_START_STEP_MIN_MS 1000
#define POLICY_START_PCT 5 /* the first share */
uint8_t policy_start_pct(uint32_t slow_start_ms, uint64_t elapsed_ms);
/* How long after it came back the next step is due; slow_start_ms at most. */
uint64_t policy_start_next_ms(uint32_t slow_start_ms, uint64_t elapsed_ms);

#endif
