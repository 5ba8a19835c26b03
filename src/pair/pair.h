/* The door of the twin protocol PAIR/1 (see doc/design/pair.md): shelves of records that each node writes for itself,
 * heartbeats that carry what the twin lacks, links, and the votes that make an effective state.  Pure: packets come in
 * and go out as data, time is now_ms (monotonic) and wall_ms, randomness is handed in.
 *
 *     pair_write (own records) ─┐                           ┌─▶ packets to send (pair_next_packet)
 *     packets in (pair_receive) ┴─▶ struct pair ◀ timers ───┴─▶ changed records (pair_next_change), link events
 *
 * The codec, sessions, shelves, links and votes have a file and a header of their own in this room.
 */
#ifndef GEMEL_PAIR_PAIR_H
#define GEMEL_PAIR_PAIR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"

#define PAIR_PACKET_MAX 1232
#define PAIR_NODES_MAX 7
#define PAIR_KEY_LEN 32
#define PAIR_KEYS_MAX 2 /* the one in use, and while keys are changed the next or the last one */
#define PAIR_VALUE_MAX 255

enum pair_kind {
	PAIR_KIND_NONE = 0,
	PAIR_VERDICT = 1,
	PAIR_EFFECTIVE = 2,
	PAIR_ADMIN = 3,
	PAIR_NODE = 4,
	PAIR_ZONE = 5,
	PAIR_CONFIG = 6,
	PAIR_NOTICE = 7
};
enum pair_self_state { PAIR_SELF_NONE = 0, PAIR_BOOT, PAIR_NORMAL, PAIR_TILT, PAIR_ISOLATED, PAIR_MAINT };
enum pair_link_state {
	PAIR_LINK_NONE = 0,
	PAIR_WAITING,
	PAIR_SYNCING,
	PAIR_ACTIVE,
	PAIR_SUSPECT,
	PAIR_HALF,
	PAIR_TCP_ONLY,
	PAIR_LOST,
	PAIR_MISMATCH,
	PAIR_INCOMPATIBLE
};
struct pair_self_signs { /* what makes a self state, see pair/self.h */
	bool booted, isolated, maint;
	uint64_t tilt_until_ms;
};
const char *pair_self_state_text(enum pair_self_state s);
const char *pair_link_state_text(enum pair_link_state s);
/* One octet that tells keys apart without telling the key: packets carry it. */
uint8_t pair_key_id(const uint8_t psk[PAIR_KEY_LEN]);
/* What twins derive DNS cookies from: its own branch of the key, so that who answers need not hold the key itself. */
void pair_cookie_root(uint8_t out[PAIR_KEY_LEN], const uint8_t psk[PAIR_KEY_LEN]);
enum pair_vote { PAIR_ABSTAIN = 0, PAIR_UP, PAIR_DOWN };

struct pair_record {
	uint8_t owner; /* node id */
	uint8_t kind;
	uint64_t key;
	uint64_t epoch, seq;
	uint8_t value_len;    /* 0 = removed */
	const uint8_t *value; /* borrowed; as long as the record is */
};

struct pair_peer_conf { uint8_t id; struct addr addr[2]; uint8_t addr_count; };
struct pair_conf {
	uint8_t self_id;
	const char *cluster; /* pair.name */
	uint8_t key[PAIR_KEY_LEN];       /* packets go out under this one */
	bool has_other;                  /* while keys are changed: another one is accepted too, of another id */
	uint8_t other_key[PAIR_KEY_LEN];
	uint32_t interval_ms;
	uint64_t config_digest;
	const struct pair_peer_conf *peers; uint8_t peer_count;
};

/* Counters; a refused packet changes nothing else. With two addresses a peer, the second copy of each packet counts as
 * refused_replay: the first copy wins. */
struct pair_stats {
	uint64_t sent, received, bytes_sent, bytes_received;
	uint64_t refused_short;        /* cut off */
	uint64_t refused_header;       /* not ours, another cluster or type, lengths that do not add up */
	uint64_t refused_version;      /* another version, or a TLV that must be understood */
	uint64_t refused_unknown_peer; /* not from a configured peer to us */
	uint64_t refused_auth;         /* another key, or changed on the way */
	uint64_t refused_flood;        /* too many lately that failed: not even opened */
	uint64_t refused_format;       /* authentic, and malformed */
	uint64_t refused_session;      /* of a session that was overtaken */
	uint64_t refused_replay;       /* this very packet was here, or is older than the window */
	uint64_t refused_memory;       /* records that found no room; they come again */
	uint64_t hellos;               /* authentic, from a peer that does not know our boot */
	uint64_t hello_answers;
	uint64_t deltas, records, pulls, refutes, divergences;
	uint64_t streams_opened, streams_accepted;
	uint64_t byes, acks;           /* of indirect probes */
	uint64_t refused_streams;      /* too many strangers at one time */
	uint64_t streams_cut;          /* of strangers that did not prove themselves, or sent what is no packet */
	uint64_t duplicates, skews;    /* PAIR_EVENT_DUPLICATE and PAIR_EVENT_SKEW */
};

struct pair;
/* boot: 64 random bits of this start; epoch: ctr32 << 32 | random32, already fsynced. What is written before the
 * first packet is taken for all that this node still has of its earlier epochs. ERR_NOMEM; ERR_RANGE: boot or epoch
 * 0, interval outside 100–1000, too many peers or addresses, an id that is 0, 255 or there twice, two keys of one id. The configuration
 * is copied. */
int pair_new(struct pair **p, const struct pair_conf *c, uint64_t boot, uint64_t epoch, uint64_t now_ms,
	     uint64_t wall_ms) MUST_CHECK;
void pair_free(struct pair *p);
/* New interval, digest, key or peers after a reload; shelves stay, but for those of peers that are gone (their
 * records become changes). ERR_RANGE as above, or another self_id; nothing is changed then. */
int pair_reconfigure(struct pair *p, const struct pair_conf *c, uint64_t now_ms) MUST_CHECK;

/* Writes the own record (kind, key); a value equal to the present one changes nothing. Sent at once (2 ms coalesce)
 * and with every heartbeat until the peer's vector covers it. len = 0 removes it (a tombstone stays until everyone
 * has it). ERR_RANGE, ERR_NOMEM, ERR_LIMIT. */
int pair_write(struct pair *p, enum pair_kind kind, uint64_t key, const void *value, size_t len,
	       uint64_t now_ms) MUST_CHECK;
/* The newest record of owner, or NULL where there is none or it was removed. Borrowed until the next call that takes
 * a non-const pair. */
const struct pair_record *pair_find(const struct pair *p, uint8_t owner, enum pair_kind kind, uint64_t key);
/* Walks all records of one kind, every owner's: *pos starts at 0. NULL at the end. */
const struct pair_record *pair_walk(const struct pair *p, enum pair_kind kind, size_t *pos);

/* A datagram from the wire. Returns 0 when it counted, or why it did not (already counted in the stats): ERR_SHORT,
 * ERR_FORMAT, ERR_VERSION, ERR_ABSENT (unknown peer), ERR_AUTH, ERR_STALE (replay, old session, or a hello: that may
 * be answered). Authentication decides, not the source address; answers go to configured addresses only. */
int pair_receive(struct pair *p, const struct addr *from, const uint8_t *data, size_t len, uint64_t now_ms,
		 uint64_t wall_ms);
/* Drives timers; call when pair_deadline is due (or any time). */
void pair_tick(struct pair *p, uint64_t now_ms, uint64_t wall_ms);
uint64_t pair_deadline(const struct pair *p); /* ms; UINT64_MAX = none */
/* The next datagram to send, or false. Drain after every call above. */
bool pair_next_packet(struct pair *p, struct addr *to, uint8_t out[PAIR_PACKET_MAX], size_t *len, uint64_t now_ms,
		      uint64_t wall_ms);
/* ---- TCP ---- */
/* For what is too much for datagrams, and while those do not get through. One connection a peer, opened by either. The
 * edge owns the sockets and knows them by a number: below PAIR_STREAM_ACCEPTED those that pair_next_stream asked it to
 * open, above it, in its own count, those that it accepted. A number is not used again for another connection. */
#define PAIR_STREAM_ACCEPTED 0x80000000u
enum pair_stream_op {
	PAIR_STREAM_NONE = 0,
	PAIR_STREAM_OPEN, /* connect to `to`; then tell pair_stream_open or pair_stream_end */
	PAIR_STREAM_SEND, /* these octets; tell pair_stream_drained when none of this stream's wait any more */
	PAIR_STREAM_CLOSE /* at once; nothing more is told of it */
};
struct pair_stream {
	enum pair_stream_op op;
	uint32_t id;
	struct addr to;
	size_t len;
	uint8_t data[2 + PAIR_PACKET_MAX];
};
/* What to do next with connections, or false. Drain after every call, as packets. */
bool pair_next_stream(struct pair *p, struct pair_stream *out, uint64_t now_ms, uint64_t wall_ms);
/* One was accepted. Who it is shows with its packets; strangers are few at a time and for PAIR_STREAM_PROVE_MS. */
void pair_stream_accept(struct pair *p, uint32_t id, const struct addr *from, uint64_t now_ms);
void pair_stream_open(struct pair *p, uint32_t id, uint64_t now_ms);
/* Octets of a stream, however they are cut. Every packet in them is judged as by pair_receive. */
void pair_stream_receive(struct pair *p, uint32_t id, const uint8_t *data, size_t len, uint64_t now_ms,
			 uint64_t wall_ms);
void pair_stream_drained(struct pair *p, uint32_t id, uint64_t now_ms);
/* It ended, or could not be opened. */
void pair_stream_end(struct pair *p, uint32_t id, uint64_t now_ms);

/* The next record of a peer whose value changed (value_len 0: it is gone), or false. Drain after pair_receive. The
 * value is borrowed until the next call that takes a non-const pair. */
bool pair_next_change(struct pair *p, struct pair_record *r);
/* The next event, or false; the oldest go where nobody drains. */
enum pair_event_type {
	PAIR_EVENT_NONE = 0,
	PAIR_EVENT_LINK,       /* peer's link went from → to */
	PAIR_EVENT_FRESH,      /* pair_is_fresh of peer is `fresh` now: votes must be counted again */
	PAIR_EVENT_REFUTE,     /* peer knows a newer epoch of us (wiped or rolled back disk) */
	PAIR_EVENT_DUPLICATE,  /* more than 3 refutes a minute: another node has our id; refuting rests for a minute */
	PAIR_EVENT_DIVERGENCE, /* peer has the same vectors and other records: all is fetched again */
	PAIR_EVENT_TILT,       /* the clock jumped, or we did not run for long: results in flight are void */
	PAIR_EVENT_SKEW        /* peer's wall clock is more than 60 s off */
};
/* bye: the peer was stopped, and said so. */
struct pair_event { uint8_t peer; enum pair_link_state from, to; enum pair_event_type type; bool fresh, bye; };
bool pair_next_event(struct pair *p, struct pair_event *e);
/* A newer own epoch was seen (wiped disk) or a clock jump: the edge must fsync this epoch, its low 32 bits (0 here)
 * filled with fresh randomness, then call pair_set_epoch with a fresh boot. 0 = none wanted. Until then nothing is
 * sent. */
uint64_t pair_wants_epoch(const struct pair *p);
/* The records stay, under the new epoch. An epoch that is not above the present one, or a boot of 0, is ignored. */
void pair_set_epoch(struct pair *p, uint64_t epoch, uint64_t boot, uint64_t now_ms);

/* ---- votes ---- */
/* True where node's records count now: itself, or a peer fresh within STALE with a live echo. */
bool pair_is_fresh(const struct pair *p, uint8_t node, uint64_t now_ms);
void pair_set_self(struct pair *p, const struct pair_self_signs *s, uint64_t now_ms);
enum pair_self_state pair_self(const struct pair *p);
/* We are being stopped: all that lives is told, and nothing is sent after that. Drain once more, then free. */
void pair_leave(struct pair *p);
/* True once there is nothing to wait for: no peers, a first sync, or 1.5 s without one. */
bool pair_settled(const struct pair *p, uint64_t now_ms);

struct pair_ballot { uint8_t vote; /* enum pair_vote */ bool isolated; uint8_t weight; /* for a quorum */ };
/* More than above_pct of what is said by weight takes down, less leaves up; just as much, or less than least in all, decides nothing. */
struct pair_quorum { uint8_t above_pct; uint16_t least; };
#define PAIR_QUORUM_ABOVE_PCT 50
#define PAIR_QUORUM_LEAST 1
enum pair_agree { PAIR_ANY_UP = 1, PAIR_ANY_DOWN, PAIR_QUORUM, PAIR_LOCAL };
enum pair_effective { PAIR_HOLD = 0, PAIR_EFF_UP, PAIR_EFF_DOWN };
/* Pure rule of section 1.3: ballots of fresh observers, [0] = our own. q: of PAIR_QUORUM; the others do not look at weights. */
enum pair_effective pair_decide(enum pair_agree agree, const struct pair_quorum *q, const struct pair_ballot *b, size_t n);

/* ---- hybrid logical clock: 48-bit ms, 16-bit counter ---- */
uint64_t pair_hlc_now(struct pair *p, uint64_t wall_ms); /* above all that were seen or given out */
uint64_t pair_hlc_seen(const struct pair *p);           /* the highest of those */
void pair_hlc_absorb(struct pair *p, uint64_t stamp);    /* one that came another way: from the journal */

/* ---- for status ---- */
struct pair_peer_view {
	uint8_t id;
	enum pair_link_state link;
	enum pair_self_state self; /* as it says */
	uint64_t since_ms, heard_ms;  /* monotonic; heard 0 = never */
	uint64_t echo_ms;             /* when we sent what the peer last answered to; 0 = never */
	uint32_t suspect_ms;          /* an echo older than this makes it SUSPECT */
	uint32_t rtt_us;
	uint32_t echo_mean_ms, echo_dev_ms; /* how old an echo is when the next one comes */
	uint32_t interval_ms;               /* of heartbeats, the slower of both */
	uint16_t loss_permille;
	uint64_t epoch, boot, seq;
	uint64_t config_digest;
	int64_t clock_offset_ms;
	uint8_t key_id;          /* of the key that its newest packet was sealed with; 0 and no key_since_ms: none came */
	uint64_t key_since_ms;   /* since when it uses that one */
	uint64_t undecryptable;  /* packets from its addresses that no key of ours opened */
	bool shelves_equal;
	bool left;   /* it was stopped, and said so */
	uint8_t lhm; /* as it says: 0 well, 7 badly behind its own time */
	bool stream; /* a connection is there, and proven */
};
size_t pair_peers(const struct pair *p);
void pair_peer_get(const struct pair *p, size_t i, struct pair_peer_view *out, uint64_t now_ms);
const struct pair_stats *pair_stats_get(const struct pair *p);
/* The ids of the keys that are accepted; [0] is the one that packets go out under. Returns how many. */
size_t pair_key_ids(const struct pair *p, uint8_t out[PAIR_KEYS_MAX]);
uint64_t pair_epoch(const struct pair *p);
uint8_t pair_lhm(const struct pair *p); /* our own local health, 0–7: patience with others is times 1 + this */

#endif
