/* From the ballots of fresh observers to one state. The outcome never depends on the order of the others' ballots, so
 * nodes that see the same ballots agree.
 *
 *     D of an isolated observer abstains: success is proof, failure only absence of proof.
 */
#include "pair/pair.h"

struct tally {
	size_t up, down;
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
		t.up += effective_vote(&b[i]) == PAIR_UP;
		t.down += effective_vote(&b[i]) == PAIR_DOWN;
	}
	return t;
}

static enum pair_effective any_up(struct tally t)
{
	return t.up ? PAIR_EFF_UP : t.down ? PAIR_EFF_DOWN : PAIR_HOLD;
}

enum pair_effective pair_decide(enum pair_agree agree, const struct pair_ballot *b, size_t n)
{
	struct tally t = count(b, n);

	switch (agree) {
	case PAIR_ANY_UP:
		return any_up(t);
	case PAIR_ANY_DOWN:
		return t.down ? PAIR_EFF_DOWN : t.up ? PAIR_EFF_UP : PAIR_HOLD;
	case PAIR_QUORUM: /* a majority of those who say something */
		return t.down > t.up ? PAIR_EFF_DOWN : t.up > t.down ? PAIR_EFF_UP : PAIR_HOLD;
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
