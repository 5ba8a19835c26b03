/* Live RRsets.  All records of one are of one size and begin with a pointer to their owner, so every rotation is a
 * window onto records written twice over:
 *
 *     members a b c     records  a b c a b        leading with b, two of them:  . [b c] . .
 */
#ifndef GEMEL_ANSWER_LIVE_H
#define GEMEL_ANSWER_LIVE_H
#include "answer/answer.h"

struct live_sticky {
	uint64_t hash; /* of the address, the same on every node */
	double cost;   /* 1 / weight */
};

struct answer_live {
	uint16_t count;      /* members; 0 = NODATA */
	uint16_t window;     /* records in an answer */
	uint16_t drawable;   /* members with a weight */
	uint16_t in_turn;    /* members that lead one after another; 0 = they are chosen in another way, or there are none */
	uint16_t window_len; /* octets */
	uint8_t pick, record_len;
	uint32_t ttl_s;
	uint32_t weights_at; /* uint32_t[count], running sums; from the start of this struct */
	uint32_t sticky_at;  /* struct live_sticky[count] */
	uint8_t records[];
};

/* What goes into one answer: a window, or members one by one. */
struct live_choice {
	unsigned lead, count;
	bool scattered;                    /* lead does not count, index does */
	uint8_t index[ANSWER_MEMBERS_MAX];
};

/* Who leads, where in_turn. A window per turn; a turn left by a larger set, or by another one, starts anew. */
static inline unsigned live_rotate(const struct answer_live *l, uint32_t *turn)
{
	const uint32_t t = *turn < l->in_turn ? *turn : 0;

	*turn = t + 1;
	return t;
}

/* For who is not counted among the turns: any of them. */
uint32_t live_any_turn(const struct answer_live *l, uint64_t rng[2]);

/* l has members. turn: the slot's rotate position. */
void live_choose(struct live_choice *c, const struct answer_live *l, uint32_t *turn, uint64_t rng[2], uint64_t prefix);

#endif
