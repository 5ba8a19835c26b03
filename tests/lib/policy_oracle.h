/* The rules of the policy said a second time, with sets as bit masks, slowly and without tallies: what policy_decide is held
 * against, case by case (policy_random_test) and over histories (tests/sim/histories).
 */
#ifndef GEMEL_TESTS_POLICY_ORACLE_H
#define GEMEL_TESTS_POLICY_ORACLE_H
#include "policy/policy.h"

#define POLICY_ORACLE_MEMBERS 32
#define POLICY_ORACLE_TIERS 4
typedef uint32_t member_set; /* bit i: member i, or address i of the fallback list */

struct policy_oracle {
	const struct policy_service *s;
	const struct policy_input *in;
	const struct policy_answer *last;
	const struct policy_held *held;
	member_set family[2], tier[POLICY_ORACLE_TIERS], drained, out, up, mine; /* mine: asked for their health */
	bool waits;
};
struct policy_opinion {
	uint8_t rule;
	int tier;
	member_set members;
};

/* Borrows all that it is given. */
void policy_oracle_see(struct policy_oracle *w, const struct policy_service *s, const struct policy_input *in,
		       const struct policy_held *held, const struct policy_answer *last);
struct policy_opinion policy_oracle_judge(const struct policy_oracle *w, int f);
int policy_oracle_serving(const struct policy_oracle *w, int f);               /* the tier that serves family f, or -1 */
uint32_t policy_oracle_better(const struct policy_oracle *w, int f, int tier); /* tiers before it that could serve, as bits */
uint32_t policy_oracle_ttl(const struct policy_oracle *w, int f, const struct policy_opinion *v);
uint32_t policy_oracle_in_ttl(const struct policy_service *s, uint32_t ms);    /* within the bounds */

#endif
