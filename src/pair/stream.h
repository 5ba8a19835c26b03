/* Connections by TCP, as this room sees them: a number, a state, and the octets of a frame that is not whole yet.
 *
 *     opened by us:     OPENING ── connected ──▶ UNPROVEN ──┐ a packet of a live session, with a counter that was not
 *     opened by others:    accepted ───────────▶ UNPROVEN ──┴─▶ PROVEN          here yet: no repeated one will do
 *                                                  │                │
 *            late, too many packets, too many others          unused, another is better, not a packet
 *                                                  ▼                ▼
 *                                               ENDING ── told to the edge ──▶ NONE
 *
 *     length (2) | packet (48–1232) | length (2) | packet …
 *
 * A peer has one stream in use. If both nodes open one at the same time, both are proven soon, and both nodes keep that
 * which the node with the lower id opened; of two that the same node opened, the newer, since the older is then of a
 * connection that this node has lost.
 *
 * Strangers cost little: PAIR_STREAM_STRANGERS of them at a time (a peer's address takes the place of the eldest), for
 * PAIR_STREAM_PROVE_MS and PAIR_STREAM_FRAMES packets, one AEAD check each; and the first that fails ends it.
 */
#ifndef GEMEL_PAIR_STREAM_H
#define GEMEL_PAIR_STREAM_H
#include "pair/codec.h"

#define PAIR_STREAM_STRANGERS 4     /* unproven at a time, from addresses that are no peer's */
#define PAIR_STREAM_PROVE_MS 3000   /* two round trips on the slowest network that is meant to work */
#define PAIR_STREAM_FRAMES 4        /* packets of a stream before one of them must have proven it */
#define PAIR_STREAM_IDLE_MS 10000
#define PAIR_STREAM_STALL_MS 5000   /* octets wait for so long: nobody reads */
#define PAIR_STREAMS_MAX (3 * (PAIR_NODES_MAX - 1) + PAIR_STREAM_STRANGERS) /* in use, ours and theirs unproven */

enum stream_state { STREAM_NONE = 0, STREAM_OPENING, STREAM_UNPROVEN, STREAM_PROVEN, STREAM_ENDING };
struct stream {
	enum stream_state state;
	uint32_t id;
	uint8_t node; /* whose it is: proven, or whom we called; 0 = not known */
	bool ours, told; /* opened by us; the edge knows of it */
	bool busy;    /* octets wait at the edge */
	uint8_t frames;
	struct addr addr;
	uint64_t since_ms; /* of the state */
	uint64_t used_ms;  /* octets went or came */
	uint64_t heard_ms; /* a packet that counts came */
	size_t have;
	uint8_t octets[PAIR_FRAME_LEN + PAIR_PACKET_MAX];
};
struct stream_table {
	uint32_t opened; /* number of the last that we opened */
	struct stream s[PAIR_STREAMS_MAX];
};

#endif
