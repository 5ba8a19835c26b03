/* The data plane's pure half: images + live overlay: query bytes → answer bytes.
 *
 *     answer_db      an immutable generation: images, zone directory, and one pointer a live slot
 *     answer_live    one published live RRset, compiled; swapped by pointer, freed by the edge after a grace period
 *
 * Readers call answer_query concurrently; one writer builds databases and swaps slots. Publication and reclamation (RCU)
 * are the edge's: nothing here waits, locks, allocates (in answer_query) or asks the time.
 */
#ifndef GEMEL_ANSWER_ANSWER_H
#define GEMEL_ANSWER_ANSWER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/err.h"
#include "dns/query.h"
#include "zone/image.h"

/* ---- live RRsets ---- */
enum answer_pick { ANSWER_PICK_ROTATE = 1, ANSWER_PICK_RANDOM, ANSWER_PICK_WEIGHTED, ANSWER_PICK_STICKY };
#define ANSWER_MEMBERS_MAX 256 /* a message holds about that many AAAA; config refuses more in one answer */

struct answer_set { /* what the coordinator publishes for one (owner, type) */
	const uint8_t *owner; /* lower-case wire */
	uint16_t type;        /* A or AAAA */
	uint32_t ttl_s;       /* of the records, or of the negative answer when count is 0 */
	uint8_t pick;         /* enum answer_pick */
	uint16_t answer_n;    /* addresses an answer holds; 0 = all */
	uint16_t count;       /* members; 0 = NODATA */
	const struct answer_member {
		uint8_t ip[16]; /* 4 or 16 octets by type */
		uint16_t weight;
	} *members;
};
struct answer_live; /* compiled variants; immutable once published */
int answer_live_new(struct answer_live **l, const struct answer_set *s) MUST_CHECK;
void answer_live_free(struct answer_live *l); /* NULL is fine */

/* ---- database ---- */
struct answer_db;
#define ANSWER_IMAGES_MAX 64
/* Borrowed images must outlive the db. Where two images hold the same zone the one named later counts. dropped[i] lists
 * nothing: removed zones are told by `zones`, the set of apexes to serve (NULL = all in the images).
 * All images must have one hash key. */
struct answer_zone_ref { uint16_t image; uint32_t zone; };
int answer_db_new(struct answer_db **db, const struct image *images, size_t count, const struct answer_zone_ref *zones,
		  size_t zone_count) MUST_CHECK;
void answer_db_free(struct answer_db *db); /* frees the live RRsets still in it too */
const struct hash_key *answer_db_key(const struct answer_db *db);
size_t answer_db_slots(const struct answer_db *db);
/* The slot of a live (owner, type), or -1 where the images have none. */
int64_t answer_db_slot(const struct answer_db *db, const uint8_t *owner, uint16_t type);
/* Release-stores `l` (NULL = not ready: SERVFAIL with EDE 14) and gives back what was there, to be freed after a grace period. */
struct answer_live *answer_db_swap(struct answer_db *db, size_t slot, struct answer_live *l);
/* How a zone is known for `zones` and metrics: apex by index, serial. */
size_t answer_db_zones(const struct answer_db *db);
const struct image_zone *answer_db_zone(const struct answer_db *db, size_t i, const uint8_t **apex);

/* ---- answering ---- */
enum answer_outcome {
	ANSWER_NONE = 0, /* send nothing */
	ANSWER_SEND,     /* out holds *len octets */
	ANSWER_COLD      /* class CH: hand it to the coordinator (cold path); nothing was written */
};
struct answer_stats { /* a worker's own counters, single writer, read by others with relaxed loads */
	uint64_t queries, responses, dropped, truncated, cold, by_rcode[24], edns, tcp;
};
struct answer_worker { /* one a thread */
	uint32_t *turn;  /* rotate position a slot; answer_db_slots long, owned by the edge, zeroed for a new db */
	uint64_t rng[2]; /* xorshift state for random picks and seeds */
	struct answer_stats stats;
};
struct answer_limits {
	uint16_t udp_edns_max; /* DNS_UDP_EDNS_MAX unless configured */
	const uint8_t *nsid;   /* NULL = none */
	uint16_t nsid_len;
};
enum answer_transport { ANSWER_UDP = 1, ANSWER_TCP };
/* cap must be at least 512 for UDP (1232 and more is better) and 65,535 for TCP. */
enum answer_outcome answer_query(const struct answer_db *db, struct answer_worker *w, const struct answer_limits *lim,
				 enum answer_transport tr, const uint8_t *in, size_t in_len, uint8_t *out, size_t cap, size_t *len);
/* A SERVFAIL (or other rcode) for a query whose cold path failed. Same buffers. */
enum answer_outcome answer_error(const struct answer_limits *lim, const struct hash_key *key, uint16_t rcode, const uint8_t *in,
				 size_t in_len, uint8_t *out, size_t cap, size_t *len);

#endif
