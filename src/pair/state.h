/* The inside of struct pair, for the files of this room only.
 *
 *     receive.c  octets ─▶ header ─▶ open ─▶ decode ─▶ session ─▶ shelves, link
 *     send.c     what a peer lacks ─▶ heartbeats, split at 1232 octets ─▶ sealed, a copy for each address
 *     timer.c    when to send, when to judge links, epochs
 *     pair.c     the door: configuration, own records, status
 *
 * Shelf 0 is our own, shelf i + 1 that of peer i.
 */
#ifndef GEMEL_PAIR_STATE_H
#define GEMEL_PAIR_STATE_H
#include "base/rng.h"
#include "pair/clock.h"
#include "pair/link.h"
#include "pair/session.h"
#include "pair/shelf.h"

#define PAIR_PEERS_MAX (PAIR_NODES_MAX - 1)
#define PAIR_EVENTS_MAX 64      /* nobody who drains after every call has more */
#define PAIR_BURST_MAX 8        /* packets of one heartbeat; a receiver that is still behind pulls */
#define PAIR_COALESCE_MS 2      /* writes of one moment go in one packet */
#define PAIR_GAP_MS 5           /* between two packets that do not wait for the heartbeat */
#define PAIR_SETTLE_MS 1500     /* no longer is a twin waited for at the start */
#define PAIR_SKEW_MS 60000
#define PAIR_TILT_JUMP_MS 2000  /* wall against monotonic clock */
#define PAIR_TILT_INTERVALS 10  /* not run for this long */
#define PAIR_REFUTES_MAX 3      /* a minute */
#define PAIR_REFUTE_SPAN_MS 60000
#define PAIR_DIVERGED_MAX 2     /* unequal digests in a row that are no accident */
#define PAIR_RESYNC_PAUSE_MS 60000
#define PAIR_INTERVAL_MIN_MS 100
#define PAIR_INTERVAL_MAX_MS 1000

/* What to send to a peer and why; a higher one includes the lower. */
enum peer_due { DUE_NOTHING = 0, DUE_NEWS, DUE_ALL };

struct pair_hello {
	uint32_t asked;  /* packets that one answer is due for, saturating; 0 = none */
	uint64_t due_ms;
	uint64_t boot;   /* of the packet that was drawn */
	size_t room;     /* its length: the answer is no longer */
	uint64_t last_ms; /* of the last answer; 0 = never */
	uint8_t address;
};

struct pair_peer {
	struct pair_peer_conf conf;
	struct seal_keys keys;
	struct session session;
	struct link link;

	/* as its newest packet says */
	struct pair_vector known[PAIR_NODES_MAX]; /* what it holds, by shelf */
	uint8_t self;
	uint64_t config_digest;
	uint8_t key_id;
	int64_t clock_offset_ms;
	bool skewed, equal;
	uint8_t diverged;             /* times in a row */
	uint64_t resync_ms;           /* last full resync; 0 = never */
	uint64_t delta_floor;         /* deltas in packets up to this counter were made before the resync */

	/* echo of its time stamps */
	bool has_echo;
	uint32_t echo_ts;
	uint64_t echo_at_ms;

	/* ways by others */
	uint64_t relayed_ms;          /* a peer heard from it at this time of ours; 0 = never */
	bool was_fresh;

	struct pair_vector target[PAIR_NODES_MAX]; /* of ours, what it must hold to be in step */

	/* sending */
	uint64_t counter;             /* of the last packet to it under this boot */
	enum peer_due due;
	struct pair_vector sent[PAIR_NODES_MAX]; /* what it was sent at least once */
	uint64_t next_beat_ms;
	uint64_t urgent_ms;           /* UINT64_MAX = nothing urgent */
	bool urgent_all;              /* not only the news, but everything that it lacks */
	uint64_t last_urgent_ms;
	bool pull;                    /* we lack something that it has */
	uint64_t last_pull_ms;
	struct pair_hello hello;
};

/* A heartbeat on its way out: packets for one peer, each to one or two addresses. */
struct pair_burst {
	uint8_t left;  /* packets that may follow; 0 = none in progress */
	uint8_t peer;
	struct pair_vector cursor[PAIR_NODES_MAX];
	uint8_t copy;  /* next address of the packet in data */
	uint8_t copies;
	uint8_t data[PAIR_PACKET_MAX];
	size_t len;
};

struct pair {
	uint8_t self_id, key_id;
	uint8_t psk[PAIR_KEY_LEN];
	uint32_t cluster, interval_ms;
	uint64_t config_digest;
	uint64_t boot;
	uint64_t start_ms;
	enum pair_self_state self;
	struct rng rng;
	struct clock_hlc hlc;
	struct seal_digest_key digest_key;
	struct hash_key table_key;

	struct pair_peer peers[PAIR_PEERS_MAX];
	uint8_t peer_count;
	struct shelf shelves[PAIR_NODES_MAX];
	struct shelf_list changes;
	struct shelf_record *dead; /* borrowed out by pair_next_change, freed at the next call */
	struct pair_burst burst;

	struct pair_event events[PAIR_EVENTS_MAX];
	size_t event_first, event_count;

	uint64_t wants_epoch;
	uint64_t refutes_ms[PAIR_REFUTES_MAX]; /* times of the last ones, a ring */
	uint8_t refute_at;
	uint64_t frozen_until_ms;

	bool ticked, settled;
	uint64_t due_ms;           /* pair_deadline at the end of the last tick */
	int64_t wall_offset_ms;    /* wall minus monotonic, at the last look */
	uint64_t judge_after_ms;   /* links rest until then: what the sockets hold must be read first */

	struct pair_stats stats;
};

static inline struct shelf *own_shelf(struct pair *p) { return &p->shelves[0]; }
static inline struct shelf *peer_shelf(struct pair *p, const struct pair_peer *e)
{
	return &p->shelves[e - p->peers + 1];
}
static inline size_t shelf_total(const struct pair *p) { return (size_t)p->peer_count + 1; }
/* Index of the shelf of a node, or -1. */
int pair_shelf_of(const struct pair *p, uint8_t node);
struct pair_peer *pair_peer_of(struct pair *p, uint8_t node);

void pair_emit(struct pair *p, struct pair_event e);
void pair_emit_link(struct pair *p, const struct pair_peer *e, enum pair_link_state from);
/* Judges one link and tells what changed. */
void pair_judge(struct pair *p, struct pair_peer *e, uint64_t now_ms);
/* What the peer must hold from now on to be in step. */
void pair_aim(struct pair *p, struct pair_peer *e);
/* Asks for a packet soon, without waiting for the heartbeat; all: not only what was never sent. */
void pair_hurry(struct pair_peer *e, bool all, uint64_t now_ms);
/* A peer holds something of ours that we do not: a newer epoch is wanted. */
void pair_refute(struct pair *p, const struct pair_peer *by, uint64_t seen_epoch, uint64_t now_ms);
/* Looks for jumps of the clock and for long pauses. */
void pair_watch_clock(struct pair *p, uint64_t now_ms, uint64_t wall_ms);
/* Until when its votes count, by our own ears or a relay; 0 = they do not. */
uint64_t pair_fresh_until(const struct pair_peer *e);
/* Forgets tombstones that nobody can need. */
void pair_bury(struct pair *p);

#endif
