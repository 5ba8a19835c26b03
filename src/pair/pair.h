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
#define PAIR_VALUE_MAX 255

enum pair_kind { PAIR_KIND_NONE = 0, PAIR_VERDICT = 1, PAIR_EFFECTIVE = 2, PAIR_ADMIN = 3, PAIR_NODE = 4, PAIR_CONFIG = 6 };
enum pair_self_state { PAIR_SELF_NONE = 0, PAIR_BOOT, PAIR_NORMAL, PAIR_TILT, PAIR_ISOLATED, PAIR_MAINT };
enum pair_link_state { PAIR_LINK_NONE = 0, PAIR_WAITING, PAIR_SYNCING, PAIR_ACTIVE, PAIR_SUSPECT, PAIR_HALF, PAIR_TCP_ONLY, PAIR_LOST,
		       PAIR_MISMATCH, PAIR_INCOMPATIBLE };
const char *pair_self_state_text(enum pair_self_state s);
const char *pair_link_state_text(enum pair_link_state s);
enum pair_vote { PAIR_ABSTAIN = 0, PAIR_UP, PAIR_DOWN };

struct pair_record {
	uint8_t owner; /* node id */
	uint8_t kind;
	uint64_t key;
	uint64_t epoch, seq;
	uint8_t value_len;
	uint8_t value[PAIR_VALUE_MAX];
};

struct pair_peer_conf { uint8_t id; struct addr addr[2]; uint8_t addr_count; };
struct pair_conf {
	uint8_t self_id;
	const char *cluster; /* pair.name */
	uint8_t key[PAIR_KEY_LEN];
	uint32_t interval_ms;
	uint64_t config_digest;
	const struct pair_peer_conf *peers; uint8_t peer_count;
};

/* Counters; a refused packet changes nothing else. */
struct pair_stats {
	uint64_t sent, received, bytes_sent, bytes_received;
	uint64_t refused_short, refused_header, refused_auth, refused_replay, refused_session, refused_format, refused_unknown_peer;
	uint64_t hellos, deltas, records, refutes;
};

struct pair;
/* boot: 64 random bits of this start; epoch: ctr32 << 32 | random32, already fsynced. ERR_NOMEM, ERR_RANGE. */
int pair_new(struct pair **p, const struct pair_conf *c, uint64_t boot, uint64_t epoch, uint64_t now_ms, uint64_t wall_ms) MUST_CHECK;
void pair_free(struct pair *p);
/* New interval, digest or peers after a reload; shelves stay. */
int pair_reconfigure(struct pair *p, const struct pair_conf *c, uint64_t now_ms) MUST_CHECK;

/* Writes the own record (kind, key); a value equal to the present one changes nothing. Sent at once (2 ms coalesce) and with
 * every heartbeat until the peer's vector covers it. len = 0 removes it (a tombstone stays until everyone has it). */
int pair_write(struct pair *p, enum pair_kind kind, uint64_t key, const void *value, size_t len, uint64_t now_ms) MUST_CHECK;
/* The newest record of owner, or NULL. Borrowed until the next call that takes a non-const pair. */
const struct pair_record *pair_find(const struct pair *p, uint8_t owner, enum pair_kind kind, uint64_t key);
/* Walks all records of one kind: *pos starts at 0. NULL at the end. */
const struct pair_record *pair_walk(const struct pair *p, enum pair_kind kind, size_t *pos);

/* A datagram from the wire. Returns 0 when it counted, or why it did not (ERR_AUTH, ERR_STALE, ERR_FORMAT, ERR_SHORT …;
 * already counted in the stats). */
int pair_receive(struct pair *p, const struct addr *from, const uint8_t *data, size_t len, uint64_t now_ms, uint64_t wall_ms);
/* Drives timers; call when pair_deadline is due (or any time). */
void pair_tick(struct pair *p, uint64_t now_ms, uint64_t wall_ms);
uint64_t pair_deadline(const struct pair *p); /* ms; UINT64_MAX = none */
/* The next datagram to send, or false. Drain after every call above. */
bool pair_next_packet(struct pair *p, struct addr *to, uint8_t out[PAIR_PACKET_MAX], size_t *len, uint64_t now_ms, uint64_t wall_ms);
/* The next record that came from a peer and changed a shelf, or false. Drain after pair_receive. */
bool pair_next_change(struct pair *p, struct pair_record *r);
/* The next link or self event (state changes), or false. */
struct pair_event { uint8_t peer; enum pair_link_state from, to; };
bool pair_next_event(struct pair *p, struct pair_event *e);
/* A newer own epoch was seen (wiped disk) or a clock jump: the edge must fsync this epoch, then call pair_set_epoch with a fresh
 * boot. 0 = none wanted. Until then nothing is sent. */
uint64_t pair_wants_epoch(const struct pair *p);
void pair_set_epoch(struct pair *p, uint64_t epoch, uint64_t boot, uint64_t now_ms);

/* ---- votes ---- */
/* True where node's records count now: itself, or a peer fresh within STALE with a live echo. */
bool pair_is_fresh(const struct pair *p, uint8_t node, uint64_t now_ms);
void pair_set_self(struct pair *p, enum pair_self_state s, uint64_t now_ms);
enum pair_self_state pair_self(const struct pair *p);
/* True once there is nothing to wait for: no peers, a first sync, or 1.5 s without one. */
bool pair_settled(const struct pair *p, uint64_t now_ms);

struct pair_ballot { uint8_t vote; /* enum pair_vote */ bool isolated; };
enum pair_agree { PAIR_ANY_UP = 1, PAIR_ANY_DOWN, PAIR_QUORUM, PAIR_LOCAL };
enum pair_effective { PAIR_HOLD = 0, PAIR_EFF_UP, PAIR_EFF_DOWN };
/* Pure rule of section 1.3: ballots of fresh observers, [0] = our own. */
enum pair_effective pair_decide(enum pair_agree agree, const struct pair_ballot *b, size_t n);

/* ---- hybrid logical clock: 48-bit ms, 16-bit counter ---- */
uint64_t pair_hlc_now(struct pair *p, uint64_t wall_ms);

/* ---- for status ---- */
struct pair_peer_view {
	uint8_t id;
	enum pair_link_state link;
	enum pair_self_state self; /* as it says */
	uint64_t since_ms, heard_ms;  /* monotonic; heard 0 = never */
	uint32_t rtt_us;
	uint16_t loss_permille;
	uint64_t epoch, boot, seq;
	uint64_t config_digest;
	int64_t clock_offset_ms;
	uint8_t key_id;
	bool shelves_equal;
};
size_t pair_peers(const struct pair *p);
void pair_peer_get(const struct pair *p, size_t i, struct pair_peer_view *out, uint64_t now_ms);
const struct pair_stats *pair_stats_get(const struct pair *p);
uint64_t pair_epoch(const struct pair *p);

#endif
