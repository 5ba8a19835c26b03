/* How many datagrams that do not count are opened: an AEAD check is cheap, and a flood of them is not.
 *
 *     from a peer's address ─▶ its bucket ─────────────────────┐
 *     from elsewhere ────────▶ one of GATE_SOURCES, by address ┴▶ all strangers ─▶ opened ─ it counts: nothing is taken
 *                                                                                    └── not: a token from each
 *
 * What no key opens does not count, nor what is of a session that is over. (What the present one had already is told by its number, and
 * never opened.) So a peer's own traffic never runs dry. Who floods from many addresses has the strangers'
 * bucket, and a peer's packets do not pass through it. Who forges a peer's address can have its heartbeats dropped among
 * the others; the link goes on by TCP then, which does not take forged addresses. A bucket holds a second's worth.
 */
#ifndef GEMEL_PAIR_GATE_H
#define GEMEL_PAIR_GATE_H
#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/hash.h"

#define GATE_SOURCES 64          /* addresses share by a keyed hash; nobody can aim at another's */
#define GATE_SOURCE_A_SECOND 100 /* that did not count */
#define GATE_STRANGERS_A_SECOND 2000
#define GATE_PEER_A_SECOND 1000  /* with 6 peers and the strangers 8,000 in all: about 11 ms of a second */

struct gate_bucket {
	uint64_t at_ms; /* 0 = was never used: full */
	uint32_t left;  /* thousandths */
};
struct gate {
	struct gate_bucket source[GATE_SOURCES], strangers;
};
/* peer: the bucket of the peer whose address it is, or NULL. */
bool gate_admits(const struct gate *g, const struct gate_bucket *peer, const struct hash_key *key, const struct addr *from,
		 uint64_t now_ms);
/* What was admitted did not count. */
void gate_failed(struct gate *g, struct gate_bucket *peer, const struct hash_key *key, const struct addr *from,
		 uint64_t now_ms);

#endif
