/* What is known of the way to one peer and back. A link lives by its echo alone: the peer returns the time stamps of
 * our own packets, so held-back or repeated packets of a dead peer keep nothing alive, and a cut in one direction is
 * seen by both.
 *
 *                        bound packet            vectors met, same configuration
 *     WAITING ──────────────────────▶ SYNCING ────────────────────────────────▶ ACTIVE
 *        ▲  │ version, key               │ ▲ ▲                                   ▲ │
 *        │  ▼                            │ │ └── new session, divergence ────────┤ │  other configuration
 *     INCOMPATIBLE ── bound packet ──────┼─┘                                     │ ├─────────────▶ MISMATCH
 *        ▲  quiet: WAITING               │  echo older than SUSPECT              │ │ ◀───────────── same again
 *        │                               ▼                                       │ ▼
 *      LOST ◀── 2 SUSPECT ── SUSPECT (nothing heard) / HALF (heard, no echo) ◀───┘ (all three fall the same way)
 *        │                        │ echo: back to SYNCING, ACTIVE or MISMATCH
 *        └── bound packet: SYNCING, or HALF while there is no echo
 *
 * Two ways lead to a peer, UDP and TCP, each with an echo of its own. All of the above is about UDP. Where that is silent
 * for SUSPECT, heartbeats go by TCP too; at 2 SUSPECT, while their echo comes back:
 *
 *     SUSPECT, HALF ──▶ TCP_ONLY ── three echoes by UDP: ACTIVE, MISMATCH; TCP silent too: LOST, or HALF while heard
 *     WAITING, LOST ──▶ SYNCING ── in step: TCP_ONLY
 *
 * In SUSPECT others are asked (errand.c): while the peer answers them the link stays SUSPECT. A bye makes any state LOST.
 *
 *     SUSPECT = clamp(mean + 4 deviations + 2 I, 4 I, 10 s) (1 + LHM), LOST = 2 SUSPECT
 *
 * Mean and deviation are those of the echo's age when the next one comes by UDP, 2 I at least; I is the slower of the two
 * intervals.
 */
#ifndef GEMEL_PAIR_LINK_H
#define GEMEL_PAIR_LINK_H
#include "pair/pair.h"

#define LINK_SUSPECT_MAX_MS 10000
#define LINK_ECHO_VOTES_MS 10000 /* votes of a peer without a younger echo abstain */
#define LINK_HINTS 3             /* refused packets in a row that make INCOMPATIBLE; one may be a flipped bit */
#define LINK_TCP_BEAT_MS 1000    /* heartbeats of TCP_ONLY */
#define LINK_TCP_LOST_MS 4000    /* no echo by TCP for so long, times 1 + LHM: nor does that way work */
#define LINK_UDP_BACK 3          /* echoes that end TCP_ONLY; one alone would make it flap where much is lost */

enum link_way { LINK_UDP = 0, LINK_TCP, LINK_WAYS };

struct link {
	enum pair_link_state state;
	bool synced;        /* since the session began or was lost, each held once what the other had */
	bool ever_synced;
	bool mismatch;      /* the peer's configuration is another */
	uint32_t interval_ms;
	uint8_t lhm;
	uint64_t since_ms;
	uint64_t start_ms;  /* of the session */
	uint64_t heard_ms;  /* last bound packet by UDP; 0 = never */
	uint64_t echo_ms;   /* our sending time of what was last echoed by UDP; 0 = never */
	uint64_t tcp_heard_ms, tcp_echo_ms; /* the same by TCP */
	uint64_t tcp_until_ms; /* its connection ended: by then another must speak; 0 = there is one */
	uint64_t indirect_ms; /* when we asked others, and the peer answered them */
	uint8_t udp_echoes; /* since UDP was silent, LINK_UDP_BACK at most */
	uint64_t judged_ms;
	uint64_t hint_ms;   /* last sign of another version or key */
	uint8_t hints;
	uint32_t mean_x16_ms, dev_x16_ms; /* age of the echo, sixteenths of a ms */
	uint32_t rtt_us;
	uint64_t counted_to; /* loss: packets expected and received since */
	uint32_t expected, received;
	uint16_t loss_permille;
};

void link_init(struct link *l, uint32_t interval_ms, uint64_t now_ms);
/* The peer opened a session. */
void link_restart(struct link *l, uint64_t counter, uint64_t now_ms);
/* A bound packet with this counter came. */
void link_heard(struct link *l, enum link_way way, uint64_t counter, uint64_t now_ms);
/* It echoes what we sent by the same way at sent_ms ≤ now_ms and held it hold_us. */
void link_echo(struct link *l, enum link_way way, uint64_t sent_ms, uint32_t hold_us, uint64_t now_ms);
/* The connection ended. Where both nodes had opened one, the other speaks within two intervals; else that way is dead. */
void link_tcp_end(struct link *l, uint64_t now_ms);
/* The peer said bye. True where the state changed. */
bool link_left(struct link *l, uint64_t now_ms);
/* An authentic packet of another version (sure), or refused ones that look like another version or key. True where
 * the link became INCOMPATIBLE: a hint never touches a link that lives. */
bool link_incompatible(struct link *l, bool sure, uint64_t now_ms);
/* The state that follows from the above; true where it changed. */
bool link_judge(struct link *l, uint64_t now_ms);
/* When link_judge might say something else with nothing new heard, after its last call; UINT64_MAX = never. */
uint64_t link_deadline(const struct link *l);

uint32_t link_suspect_ms(const struct link *l);
/* Since when there is no echo by UDP; heartbeats go by TCP too from SUSPECT after it. */
uint64_t link_udp_since(const struct link *l);
static inline bool link_udp_silent(const struct link *l, uint64_t now_ms)
{
	return now_ms >= link_udp_since(l) + link_suspect_ms(l);
}
/* The last bound packet, and the newest sending time that was echoed, by either way; 0 = never. */
static inline uint64_t link_heard_ms(const struct link *l)
{
	return l->heard_ms > l->tcp_heard_ms ? l->heard_ms : l->tcp_heard_ms;
}
static inline uint64_t link_echo_ms(const struct link *l)
{
	return l->echo_ms > l->tcp_echo_ms ? l->echo_ms : l->tcp_echo_ms;
}
static inline uint32_t link_lost_ms(const struct link *l) { return 2 * link_suspect_ms(l); }
/* Until when the peer's votes count: heard within LOST, with an echo under 10 s. 0 = they do not. */
uint64_t link_fresh_until(const struct link *l);
static inline bool link_is_fresh(const struct link *l, uint64_t now_ms)
{
	uint64_t until_ms = link_fresh_until(l);
	return until_ms && now_ms <= until_ms;
}

#endif
