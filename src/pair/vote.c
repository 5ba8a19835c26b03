/* From the ballots of fresh observers to one state. The outcome never depends on the order of the others' ballots, so
 * nodes that see the same ballots agree.
 *
 *     D of an isolated observer abstains: success is proof, failure only absence of proof.
 */
#include "pair/pair.h"

struct tally {
	size_t up, down; /* observers */
	uint32_t up_weight, down_weight;
};

static enum pair_vote effective_vote(const struct pair_ballot *b)
{
	if (b->vote == PAIR_UP)
		return PAIR_UP;
	return b->vote == PAIR_DOWN && !b->isolated ? PAIR_DOWN : PAIR_ABSTAIN;
}

static struct tally count(const struct pair_ballot *b, size_t n)
{
	struct tally t = { 0 };

	for (size_t i = 0; i < n; i++) {
		bool up = effective_vote(&b[i]) == PAIR_UP, down = effective_vote(&b[i]) == PAIR_DOWN;
		t.up += up;
		t.down += down;
		t.up_weight += up ? b[i].weight : 0;
		t.down_weight += down ? b[i].weight : 0;
	}
	return t;
}

static enum pair_effective any_up(struct tally t)
{
	return t.up ? PAIR_EFF_UP : t.down ? PAIR_EFF_DOWN : PAIR_HOLD;
}

/* In whole numbers: what twins decide must not hang on a rounding. */
static enum pair_effective quorum(struct tally t, const struct pair_quorum *q)
{
	uint32_t said = t.up_weight + t.down_weight, down = t.down_weight * 100, bar = said * q->above_pct;

	if (said == 0 || said < q->least)
		return PAIR_HOLD;
	return down > bar ? PAIR_EFF_DOWN : down < bar ? PAIR_EFF_UP : PAIR_HOLD;
}

enum pair_effective pair_decide(enum pair_agree agree, const struct pair_quorum *q, const struct pair_ballot *b, size_t n)
{
	struct tally t = count(b, n);

	switch (agree) {
	case PAIR_ANY_UP:
		return any_up(t);
	case PAIR_ANY_DOWN:
		return t.down ? PAIR_EFF_DOWN : t.up ? PAIR_EFF_UP : PAIR_HOLD;
	case PAIR_QUORUM:
		return quorum(t, q);
	case PAIR_LOCAL:
		if (n > 0 && effective_vote(&b[0]) != PAIR_ABSTAIN)
			return effective_vote(&b[0]) == PAIR_UP ? PAIR_EFF_UP : PAIR_EFF_DOWN;
		return any_up(t);
	}
	return PAIR_HOLD;
}

const char *pair_self_state_text(enum pair_self_state s)
{
	switch (s) {
	case PAIR_SELF_NONE: return "none";
	case PAIR_BOOT: return "boot";
	case PAIR_NORMAL: return "normal";
	case PAIR_TILT: return "tilt";
	case PAIR_ISOLATED: return "isolated";
	case PAIR_MAINT: return "maint";
	}
	return "none";
}

const char *pair_link_state_text(enum pair_link_state s)
{
	switch (s) {
	case PAIR_LINK_NONE: return "none";
	case PAIR_WAITING: return "waiting";
	case PAIR_SYNCING: return "syncing";
	case PAIR_ACTIVE: return "active";
	case PAIR_SUSPECT: return "suspect";
	case PAIR_HALF: return "half";
	case PAIR_TCP_ONLY: return "tcp-only";
	case PAIR_LOST: return "lost";
	case PAIR_MISMATCH: return "mismatch";
	case PAIR_INCOMPATIBLE: return "incompatible";
	}
	return "none";
}
