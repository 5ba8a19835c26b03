/* One node among peers that the simulation plays itself: it holds the key, so whatever can be said in the peers' names is said.
 *
 *     strange.c          the story: peers talk as they should, and in between somebody does not; main
 *     strange_peer.c     the peers: packets as pair.md draws them, sessions and echoes by the book, what the node says to them
 *     strange_wrong.c    packets with one thing wrong: refused as a whole, or skipped where the protocol says so
 *     strange_flood.c    many packets: how many are opened, and how many are answered
 *     strange_streams.c  connections: who may have one, and how many
 *     strange_rest.c     nothing to say: how many packets that takes
 *
 *     the world ── pair_receive ──▶ struct pair ── pair_next_packet ──▶ hear(): every packet that it sends is opened and judged
 */
#ifndef GEMEL_TESTS_SIM_STRANGE_H
#define GEMEL_TESTS_SIM_STRANGE_H
#include "base/rng.h"
#include "pair/codec.h"
#include "pair/seal.h"

#define SELF 100            /* the node's id; the peers are 1 to 6 */
#define PEERS_MAX 6
#define KEYS 4              /* records of a node */
#define COUNTERS_MAX 8192   /* of one session */
#define ASKERS_MAX 64       /* hellos within one interval */
#define SOURCES 48          /* addresses of strangers */
#define STREAMS_MAX 256     /* connections of one run */
#define LATE_MAX 8          /* packets that others overtake */
#define WALL_MS 1700000000000u
#define POISON 0xbadbadbadbad0000u /* values of what must never be taken */

enum way { BY_UDP = 0, BY_TCP, WAYS };

/* What may fail within a second, reckoned in thousandths. */
struct bucket {
	uint64_t at_ms, left;
	bool used;
};

struct letter {
	size_t len, text;      /* text: octets of plaintext */
	size_t extra;          /* where what was put behind the heartbeat stands in the plaintext; 0 = nothing was */
	uint8_t head[PAIR_HEADER_LEN], plain[PAIR_PLAIN_MAX], data[PAIR_PACKET_MAX + 64];
	enum way way;
	uint64_t your_boot, boot, epoch, counter, made_ms, claimed; /* claimed: the node's own epoch, as the sender knows it */
	uint32_t ts;
	uint8_t self;
	int64_t wall_off_ms;
	bool echoes;           /* the echo is of this very life */
};

struct asker { uint64_t boot; size_t len; uint32_t stream; uint8_t address; };

struct puppet {
	uint8_t id, addr_count;
	struct addr addr[2];
	struct seal_keys keys[WAYS];
	uint64_t boot, epoch, counter, seq, held[KEYS]; /* held: the seq of its record of each key */
	int64_t wall_off_ms;
	uint64_t ahead_ms; /* how far its stamps stand ahead of its wall clock */
	uint32_t ts_off;
	bool skewed, claims;

	/* as the node must see it */
	uint64_t in_boot, in_epoch, highest;
	bool seen[COUNTERS_MAX];
	struct { bool has; uint32_t ts; uint64_t counter, at_ms; } newest[WAYS];
	struct bucket gate;

	/* what it has from the node */
	struct { bool has; uint32_t ts; uint64_t at_ms; } heard[WAYS];
	uint64_t heard_counter;
	struct pair_vector knows; /* how far the node's own shelf reaches, and its copies of the others' */
	struct pair_vector relayed[PEERS_MAX];

	uint64_t came_ms, spoken_ms; /* when all rest: the last packet from it, and to it */
	uint8_t due_least, due_most; /* after the last to it, in twentieths of an interval */
	uint8_t led_least, led_most; /* at its own time, since the last that went along */
	bool parted;                 /* it was told bye */

	struct asker askers[ASKERS_MAX];
	size_t asked;
	bool by_stream;            /* one of them */
	uint64_t due_ms, answered_ms;
	struct letter late[LATE_MAX];
	size_t late_count;
};

enum fate { FATE_NONE = 0, FATE_TAKEN, FATE_HELLO, FATE_OLD, FATE_COPY };

struct connection { uint32_t id; struct addr from; bool known, open; uint8_t node, stale; uint64_t since_ms; };

struct world {
	uint64_t seed, now, boot, boots, epoch;
	struct rng rng;
	struct pair *p;
	struct pair_conf conf;
	struct pair_peer_conf peer_conf[PEERS_MAX];
	struct puppet peer[PEERS_MAX];
	size_t peers;
	uint64_t own[KEYS];        /* values that the node wrote; 0 = none */
	struct bucket source[SOURCES], strangers;
	uint64_t flooded_ms;       /* by strangers, who may share a bucket with any other */
	struct connection conns[STREAMS_MAX];
	size_t conn_count;
	uint64_t refutes_ms[3], frozen_until_ms;
	unsigned refutes, duplicates; /* events that must come with this packet */
	unsigned sent;             /* packets of the last drain */
	uint64_t mute_until_ms;    /* the disk takes its time with an epoch */
	uint64_t ahead_ms;         /* the node's wall clock was set by as much */
	bool loud, resting, leaving;
	const char *fault;
};

/* Of all runs: who of those that ask has the answer. */
struct lots { double count, first, last, expected, variance; };
extern struct lots lots;

void broken(struct world *w, const char *what);
#define REQUIRE(w, promise, what) \
	do { \
		if (!(promise)) \
			broken(w, what); \
	} while (0)
static inline uint64_t below(struct world *w, uint64_t n) { return rng_below(&w->rng, n); }
static inline bool chance(struct world *w, unsigned percent) { return below(w, 100) < percent; }
static inline uint64_t wall(const struct world *w) { return WALL_MS + w->now + w->ahead_ms; }
struct addr stranger(size_t i);

/* strange.c */
unsigned drain(struct world *w);           /* takes all that the node says; how many packets those were */
void pass(struct world *w, uint64_t ms);
void say(const struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* strange_peer.c */
void peers_init(struct world *w);
void live_anew(struct world *w, struct puppet *e);
struct letter letter_write(struct world *w, struct puppet *e, enum way way);
void letter_seal(const struct puppet *e, struct letter *l);
/* At the place of the octets of the plaintext that follow, its length told anew. */
uint8_t *letter_room(struct letter *l, size_t len);
enum fate fate_of(const struct world *w, const struct puppet *e, const struct letter *l);
/* Octets of a connection, in pieces. */
void frame_send(struct world *w, const struct letter *l, uint32_t stream);
/* By a datagram from there, or a connection (its number); all that must come of it is judged. */
void letter_send(struct world *w, struct puppet *e, const struct letter *l, const struct addr *from, uint32_t stream);
void peer_talks(struct world *w, struct puppet *e);
void hear(struct world *w, const struct addr *to, uint32_t stream, const uint8_t *data, size_t len);
void settle_views(struct world *w);        /* records held, and what was told of the node's own */

/* strange_wrong.c */
void send_wrong(struct world *w);
uint64_t look(const struct world *w);      /* all that can be seen of the node, but for its counters */

/* strange_flood.c */
bool bucket_has(const struct bucket *b, uint64_t a_second, uint64_t now);
void bucket_take(struct bucket *b, uint64_t a_second, uint64_t now);
/* Where a packet of this peer comes from: one of its addresses, or any. */
struct addr from_anywhere(struct world *w, const struct puppet *e, unsigned percent_elsewhere);
/* A datagram from there was opened, and did not count. */
void gate_pays(struct world *w, const struct addr *from);
bool gate_opens(const struct world *w, const struct addr *from);
void ask(struct world *w, struct puppet *e, uint64_t boot, size_t len, const struct addr *from, uint32_t stream);
void judge_answer(struct world *w, struct puppet *e, uint64_t boot, size_t len, const struct addr *to, uint32_t stream);
void judge_unanswered(struct world *w);
/* Of all runs together, since no single one is to blame; NULL = fair. */
const char *judge_lots(void);
/* Of a life that does not know the node's, or (old) of one that is over. */
struct letter hello_write(struct world *w, struct puppet *e, enum way way, bool old);
void send_hellos(struct world *w);
void send_flood(struct world *w);
void send_copies(struct world *w);
void send_hints(struct world *w);

/* strange_rest.c */
void rest(struct world *w);
void judge_beat(struct world *w, struct puppet *e); /* one was sent to it */
void leave(struct world *w);
void judge_bye(struct world *w, struct puppet *e, const struct pair_header *h, const struct pair_beat *b);

/* strange_streams.c */
void connect_some(struct world *w);
void talk_by_stream(struct world *w);
void stream_closed(struct world *w, uint32_t id);
struct connection *connection_of(struct world *w, uint32_t id);
void judge_streams(struct world *w);

#endif
