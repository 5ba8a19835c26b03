/* The inside of struct pair, for the files of this room only.
 *
 *     receive.c  octets ─▶ header ─▶ open ─▶ decode ─▶ session ─▶ shelves, link
 *     send.c     what a peer lacks ─▶ heartbeats, split at 1232 octets ─▶ sealed, a copy for each address
 *     timer.c    when to send, when to judge links, epochs
 *     stream.c   connections: frames ─▶ packets, who may stay, which of two
 *     errand.c   peers asked about another peer
 *     fallback.c when a peer is spoken to by TCP
 *     pair.c     the door: configuration, own records, status
 *
 * Shelf 0 is our own, shelf i + 1 that of peer i.
 */
#ifndef GEMEL_PAIR_STATE_H
#define GEMEL_PAIR_STATE_H
#include "base/rng.h"
#include "pair/clock.h"
#include "pair/gate.h"
#include "pair/link.h"
#include "pair/self.h"
#include "pair/session.h"
#include "pair/shelf.h"
#include "pair/stream.h"

#define PAIR_PEERS_MAX (PAIR_NODES_MAX - 1)
#define PAIR_EVENTS_MAX 64      /* nobody who drains after every call has more */
#define PAIR_BURST_MAX 8        /* packets of one heartbeat; a receiver that is still behind pulls */
#define PAIR_PULL_BURST 32      /* packets for a receiver that pulls and got what it was sent: 40 kB, which its socket holds */
#define PAIR_STREAM_BURST 32    /* packets written to a stream before it must have drained: 40 kB */
#define PAIR_TCP_RETRY_MS 5000
#define PAIR_BULK_STALL_MS 3000
#define PAIR_LHM_MAX 7
#define PAIR_LHM_CLEAN 10       /* intervals without a fault that lower it by one */
#define PAIR_HELPERS 3          /* asked about a peer that is suspect, an interval */
#define PAIR_ERRANDS_MAX 32     /* drained with every step: six origins, three helpers each, and as many answers at one moment */
#define PAIR_COALESCE_MS 2      /* writes of one moment go in one packet */
#define PAIR_GAP_MS 5           /* between two packets that do not wait for the heartbeat */
#define PAIR_ALONG_PARTS 5      /* of an interval: so early a heartbeat goes along; who follows hears the other 5 to 15 % before its own is due */
#define PAIR_LEAD_BEATS 50      /* heartbeats at its own time after which who leads hands that over */
#define PAIR_SETTLE_MS 1500     /* no longer is a twin waited for at the start */
#define PAIR_SKEW_MS 60000
#define PAIR_TILT_JUMP_MS 2000  /* wall against monotonic clock */
#define PAIR_TILT_INTERVALS 10  /* not run for this long */
#define PAIR_REFUTES_MAX 3      /* a minute */
#define PAIR_REFUTE_SPAN_MS 60000
#define PAIR_DIVERGED_MAX 2     /* unequal digests in a row that are no accident */
#define PAIR_RESYNC_PAUSE_MS 60000
#define PAIR_OWNERS_MS 10000    /* after a resync, only the owner's word counts */
#define PAIR_INTERVAL_MIN_MS 100
#define PAIR_INTERVAL_MAX_MS 1000

/* What to send to a peer and why; a higher one includes the lower. */
enum peer_due { DUE_NOTHING = 0, DUE_NEWS, DUE_MORE, DUE_ALL };

struct pair_hello {
	uint32_t asked;  /* packets that one answer is due for, saturating; 0 = none */
	uint64_t due_ms;
	uint64_t boot;   /* of the packet that was drawn */
	size_t room;     /* its length: the answer is no longer */
	uint64_t last_ms; /* of the last answer; 0 = never */
	uint8_t address;
	uint32_t stream; /* where it came by TCP */
};

/* The newest time stamp of a peer that came by one way, and goes back by it. */
struct pair_echo {
	bool has;
	uint32_t ts;
	uint64_t counter; /* of the packet that brought it */
	uint64_t at_ms;
};

/* The way to a peer by TCP. */
struct pair_tcp {
	uint32_t stream;        /* the one in use: proven, or ours on its way; 0 = none */
	uint8_t tries;
	uint64_t next_try_ms, next_beat_ms;
	uint64_t asked_until_ms; /* the peer says that UDP does not reach it */
	bool bulk;              /* it lacks more than a burst of datagrams */
	bool carries;           /* and the stream brings it; datagrams carry only news meanwhile */
	bool more;              /* the last burst left something; it follows once the socket has drained */
	uint64_t progress_ms;   /* when its vectors rose last */
	enum peer_due due;
	struct pair_vector sent[PAIR_NODES_MAX]; /* written to this stream, which loses nothing */
};

struct pair_peer {
	struct pair_peer_conf conf;
	struct seal_keys keys[PAIR_KEYS_MAX][LINK_WAYS];
	struct session session;
	struct link link;

	/* as its newest packet says */
	struct pair_vector known[PAIR_NODES_MAX]; /* what it holds, by shelf */
	uint8_t self;
	uint64_t config_digest;
	uint8_t key_id, lhm;
	uint64_t key_since_ms;        /* 0 = nothing came yet */
	bool left;                    /* it said bye, in the present session */
	bool deaf;                    /* it does not hear us, as it says */
	int64_t clock_offset_ms;
	bool skewed, equal;
	uint8_t diverged;             /* times in a row */
	uint64_t resync_ms;           /* last full resync; 0 = never */
	uint64_t delta_floor;         /* deltas in packets up to this counter were made before the resync */

	struct pair_echo echo[LINK_WAYS];
	struct pair_tcp tcp;

	/* ways by others */
	uint64_t relayed_ms;          /* a peer heard from it at this time of ours; 0 = never */
	bool was_fresh;

	struct pair_vector target[PAIR_NODES_MAX]; /* of ours, what it must hold to be in step */

	/* sending */
	uint64_t counter;             /* of the last packet to it under this boot */
	enum peer_due due;
	struct pair_vector sent[PAIR_NODES_MAX]; /* what it was sent at least once */
	struct pair_vector reach[PAIR_NODES_MAX]; /* where what was begun with DUE_ALL has come to */
	uint64_t next_beat_ms;
	uint8_t led;                  /* heartbeats due to it at our own time, one after the other; PAIR_LEAD_BEATS = as many or more */
	uint64_t next_ask_ms;         /* others about it */
	uint64_t urgent_ms;           /* UINT64_MAX = nothing urgent */
	enum peer_due urgent;         /* what is */
	uint64_t last_urgent_ms;
	bool pull;                    /* we lack something that it has */
	uint64_t last_pull_ms;
	struct pair_hello hello;
	struct gate_bucket gate;
	uint64_t undecryptable;       /* from one of its addresses, and sealed with no key of ours */
};

/* A heartbeat on its way out: packets for one peer, each to one or two addresses, or on one stream. */
struct pair_burst {
	enum link_way way;
	uint8_t left;  /* packets that may follow; 0 = none in progress */
	uint8_t peer;
	uint32_t stream; /* by TCP: where to */
	bool errand;   /* out of turn, with a PING or an ACK */
	bool reaches;  /* DUE_ALL, or more of it */
	bool bare;     /* no records: who is there at the other end is not proven */
	struct pair_vector cursor[PAIR_NODES_MAX];
	uint8_t copy;  /* next address of the packet in data */
	uint8_t copies;
	uint8_t data[PAIR_PACKET_MAX];
	size_t len;
};

struct pair_errand {
	uint8_t to;
	enum tlv_type type;
	struct tlv_ping ping;
};

struct pair {
	uint8_t self_id;
	uint8_t key_count, key_ids[PAIR_KEYS_MAX];  /* [0] seals what goes out */
	uint8_t psk[PAIR_KEYS_MAX][PAIR_KEY_LEN];
	uint32_t cluster, interval_ms;
	uint64_t config_digest;
	uint64_t boot;
	uint64_t start_ms;
	enum pair_self_state self;
	struct pair_self_signs signs;
	bool leaving;
	uint8_t lhm;
	uint64_t lhm_ms; /* when it changed, or would have risen */
	struct pair_errand errands[PAIR_ERRANDS_MAX];
	size_t errand_count;
	struct rng rng;
	struct clock_hlc hlc;
	struct seal_digest_keys digest_keys;
	struct hash_key table_key;

	struct pair_peer peers[PAIR_PEERS_MAX];
	uint8_t peer_count;
	struct shelf shelves[PAIR_NODES_MAX];
	struct shelf_list changes;
	struct shelf_record *dead; /* borrowed out by pair_next_change, freed at the next call */
	struct pair_burst burst, tcp_burst;
	struct stream_table streams;
	struct gate gate;

	struct pair_event events[PAIR_EVENTS_MAX];
	size_t event_first, event_count;

	uint64_t wants_epoch;
	uint64_t owners_until_ms;  /* a shelf that is fetched anew comes from its owner, if that is heard */
	uint64_t refutes_ms[PAIR_REFUTES_MAX]; /* times of the last ones, a ring */
	uint8_t refute_at;
	uint64_t frozen_until_ms;

	bool ticked, settled;
	uint64_t due_ms;           /* the deadline as of pair_note_deadline */
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
static inline bool pair_hello_due(const struct pair_peer *e, uint64_t now_ms)
{
	return e->hello.asked > 0 && now_ms >= e->hello.due_ms;
}

void pair_emit(struct pair *p, struct pair_event e);
void pair_emit_link(struct pair *p, const struct pair_peer *e, enum pair_link_state from);
/* Judges one link and tells what changed. */
void pair_judge(struct pair *p, struct pair_peer *e, uint64_t now_ms);
/* What the peer must hold from now on to be in step. */
void pair_aim(struct pair *p, struct pair_peer *e);
/* Asks for a packet soon, without waiting for the heartbeat; all: not only what was never sent. */
void pair_hurry(struct pair_peer *e, enum peer_due what, uint64_t now_ms);
/* A datagram of the peer counted: where the heartbeat to it is nearly due it goes now, and follows the peer's from then on, so that at
 * rest one of the two wakes up once an interval and not twice; who led for long hands that over. Nothing while an epoch is waited for. */
void pair_beat_along(struct pair *p, struct pair_peer *e, uint64_t now_ms);
/* A peer holds something of ours that we do not: a newer epoch is wanted. */
void pair_refute(struct pair *p, const struct pair_peer *by, uint64_t seen_epoch, uint64_t now_ms);
/* Looks for jumps of the clock and for long pauses. */
void pair_watch_clock(struct pair *p, uint64_t now_ms, uint64_t wall_ms);
/* From here on it waits to be run at its deadline, and whoever runs it later than that is late. What goes out moves the deadline, so
 * this is once all did: an answer that was due when the last tick ended is no timer that nobody ran. */
void pair_note_deadline(struct pair *p, uint64_t now_ms);
/* Until when its votes count, by our own ears or a relay; 0 = they do not. */
uint64_t pair_fresh_until(const struct pair_peer *e);

/* receive.c: a packet from a stream; *peer is whose it is once it is authentic. */
int pair_receive_stream(struct pair *p, const struct stream *s, const uint8_t *data, size_t len, uint64_t now_ms,
			uint64_t wall_ms, uint8_t *node);
/* send.c: makes the next packet for a peer's stream; false when nothing is due there. */
bool pair_build_stream(struct pair *p, struct pair_peer *e, const struct stream *s, uint64_t now_ms, uint64_t wall_ms);
/* fallback.c */
void pair_tcp_tick(struct pair *p, struct pair_peer *e, uint64_t now_ms);
uint64_t pair_tcp_deadline(const struct pair *p, const struct pair_peer *e);
/* A stream of ours opened, or one was proven: it is the one to this peer now. */
void pair_tcp_use(struct pair *p, struct pair_peer *e, const struct stream *s, uint64_t now_ms);
void pair_tcp_lose(struct pair *p, struct pair_peer *e, uint64_t now_ms);
/* A packet from the peer was taken in: does it hear us, did it come on? */
void pair_tcp_heard(struct pair *p, struct pair_peer *e, enum link_way way, const struct pair_beat *b, bool rose,
		    uint64_t now_ms);
/* A burst of datagrams was not enough. */
void pair_tcp_want_bulk(struct pair *p, struct pair_peer *e, uint64_t now_ms);
/* errand.c */
void pair_errand_ping(struct pair *p, const struct pair_peer *from, const struct tlv_ping *ping);
void pair_errand_ack(struct pair *p, const struct pair_peer *from, const struct tlv_ping *ping, uint64_t now_ms);
void pair_errand_tick(struct pair *p, struct pair_peer *e, uint64_t now_ms);
uint64_t pair_errand_deadline(const struct pair_peer *e);
/* timer.c: we are behind our own time, or a peer does not hear us. */
void pair_lhm_raise(struct pair *p, uint64_t now_ms);
/* pair.c: judges what we are. */
void pair_judge_self(struct pair *p, uint64_t now_ms);
/* stream.c */
void pair_streams_tick(struct pair *p, uint64_t now_ms);
uint64_t pair_streams_deadline(const struct pair *p);
struct stream *pair_stream_begin(struct pair *p, struct pair_peer *e, const struct addr *to, uint64_t now_ms);
struct stream *pair_stream_find(struct pair *p, uint32_t id);
void pair_stream_cut(struct pair *p, struct stream *s, uint64_t now_ms);

/* Some peer holds more of a shelf than we do. What we hold of it may lack a key, then, that was overwritten later, where who told us
 * knew that already: our records are those of no vector. */
bool pair_is_behind(const struct pair *p);

/* Forgets tombstones that nobody can need. */
void pair_bury(struct pair *p);

#endif
