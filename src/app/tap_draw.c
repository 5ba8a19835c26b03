#include "app/tap_draw.h"

static uint64_t next_random(struct tap_turn *turn) /* splitmix64 */
{
	uint64_t z = turn->random += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* in: how many are left out before the next, 0 = not drawn yet. Distances from 1 to 2 × every - 1 have the mean `every`. */
static bool is_next(uint32_t every, uint32_t *in, struct tap_turn *turn)
{
	if (!every)
		return false;
	if (*in == 0 || *in > 2 * (uint64_t)every) /* the first, or it was switched to a shorter one */
		*in = 1 + (uint32_t)(next_random(turn) % (2 * (uint64_t)every - 1));
	return --*in == 0;
}

unsigned tap_draw(const struct tap *t, struct tap_turn *turn)
{
	unsigned purpose = 0;
	if (is_next(__atomic_load_n(&t->query_log, __ATOMIC_RELAXED), &turn->log_in, turn))
		purpose |= TAP_QUERY_LOG;
	if (is_next(__atomic_load_n(&t->dnstap, __ATOMIC_RELAXED), &turn->dnstap_in, turn))
		purpose |= TAP_DNSTAP;
	return purpose;
}

void tap_switch(struct tap *t, struct tap_rings *rings, uint32_t query_log, uint32_t dnstap)
{
	__atomic_store_n(&t->query_log, query_log, __ATOMIC_RELAXED);
	__atomic_store_n(&t->dnstap, dnstap, __ATOMIC_RELAXED);
	if (!t->rings)
		t->rings = rings;
	__atomic_store_n(&t->on, t->rings && (query_log || dnstap), __ATOMIC_RELEASE);
}
