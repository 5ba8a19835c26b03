#include "pair/gate.h"

static uint32_t left(const struct gate_bucket *b, uint32_t a_second, uint64_t now_ms)
{
	uint32_t full = a_second * 1000;
	uint64_t past_ms = b->at_ms && now_ms > b->at_ms ? now_ms - b->at_ms : 0;

	if (b->at_ms == 0 || past_ms >= 1000)
		return full;
	uint64_t sum = b->left + past_ms * a_second;
	return sum < full ? (uint32_t)sum : full;
}

static bool has(const struct gate_bucket *b, uint32_t a_second, uint64_t now_ms)
{
	return left(b, a_second, now_ms) >= 1000;
}

static void take(struct gate_bucket *b, uint32_t a_second, uint64_t now_ms)
{
	uint32_t n = left(b, a_second, now_ms);

	*b = (struct gate_bucket){ .at_ms = now_ms ? now_ms : 1, .left = n >= 1000 ? n - 1000 : 0 };
}

/* A port costs nothing to change, so only the address counts. */
static size_t place(const struct hash_key *key, const struct addr *from)
{
	return hash_bytes(key, from->ip, sizeof from->ip) % GATE_SOURCES;
}

bool gate_admits(const struct gate *g, const struct gate_bucket *peer, const struct hash_key *key, const struct addr *from,
		 uint64_t now_ms)
{
	if (peer)
		return has(peer, GATE_PEER_A_SECOND, now_ms);
	return has(&g->source[place(key, from)], GATE_SOURCE_A_SECOND, now_ms) &&
	       has(&g->strangers, GATE_STRANGERS_A_SECOND, now_ms);
}

void gate_failed(struct gate *g, struct gate_bucket *peer, const struct hash_key *key, const struct addr *from,
		 uint64_t now_ms)
{
	if (peer) {
		take(peer, GATE_PEER_A_SECOND, now_ms);
		return;
	}
	take(&g->source[place(key, from)], GATE_SOURCE_A_SECOND, now_ms);
	take(&g->strangers, GATE_STRANGERS_A_SECOND, now_ms);
}
