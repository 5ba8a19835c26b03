/* The data plane's pure half: images + live overlay: query bytes → answer bytes.
 *
 *     answer_db      an immutable generation: images, zone directory, and one pointer a live slot
 *     answer_live    one published live RRset, compiled; swapped by pointer, freed by the edge after a grace period
 *
 * What is decided here, beyond the RFCs: answers are minimal (no authority section where there is an answer); ANY gets
 * one RRset (RFC 8482); AXFR and IXFR are REFUSED until there are transfers; class ANY is REFUSED; at most
 * IMAGE_CHAIN_MAX aliases are followed, and never into another zone, even a served one; DS at a cut is answered by the
 * parent.
 *
 * Readers call answer_query concurrently; one writer builds databases and swaps slots. Publication and reclamation
 * (RCU) are the edge's: nothing here waits, locks, allocates (in answer_query) or asks the time.
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
enum answer_pick {
	ANSWER_PICK_ROTATE = 1, /* each leads equally often, the others follow in order */
	ANSWER_PICK_RANDOM,     /* a random sample in random order */
	ANSWER_PICK_WEIGHTED,   /* drawn by weight without replacement; weight 0 only when all are 0 */
	ANSWER_PICK_STICKY      /* weighted rendezvous hash of the client's prefix, the same on every node */
};
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
struct answer_live; /* compiled records; immutable once published; one allocation */
/* ERR_RANGE: a type without addresses, a pick unknown, or too many members; ERR_NOMEM. */
int answer_live_new(struct answer_live **l, const struct answer_set *s) MUST_CHECK;
void answer_live_free(struct answer_live *l); /* NULL is fine */

/* For people: what a client gets of a set with pick sticky, decided by the code that answers: indexes of the members in the order of
 * the answer, at most ANSWER_MEMBERS_MAX. Returns how many; 0 where it is empty, cannot be compiled, or there is no memory. */
size_t answer_sticky_order(const struct answer_set *s, const struct addr *client, uint16_t *order) MUST_CHECK;

/* ---- database ---- */
struct answer_db;
#define ANSWER_IMAGES_MAX 64
/* Borrowed images must outlive the db. `zones` is the set to serve (NULL = all in the images); where two hold the same
 * apex the one named later counts. All images must have one hash key.
 * ERR_NOMEM; ERR_RANGE (no image, or a reference outside); ERR_LIMIT; ERR_FORMAT (keys differ). */
struct answer_zone_ref {
	uint16_t image;
	uint32_t zone;
	uint64_t stamp; /* the loader's own: what it knows the zone's file by; 0 = nothing */
};
int answer_db_new(struct answer_db **db, const struct image *images, size_t count, const struct answer_zone_ref *zones,
		  size_t zone_count) MUST_CHECK;
void answer_db_free(struct answer_db *db); /* frees the live RRsets still in it too */
const struct hash_key *answer_db_key(const struct answer_db *db);
size_t answer_db_slots(const struct answer_db *db);
/* The slot of a live (owner, type) in the zones served, or -1. owner: lower-case wire, checked. */
int64_t answer_db_slot(const struct answer_db *db, const uint8_t *owner, uint16_t type);
/* Release-stores `l` (NULL = not ready: SERVFAIL with EDE 14); gives back what was there, to be freed after a grace
 * period. */
struct answer_live *answer_db_swap(struct answer_db *db, size_t slot, struct answer_live *l);
/* How a zone is known for `zones` and metrics: apex by index, serial. */
size_t answer_db_zones(const struct answer_db *db); /* served, each apex once */
const struct image_zone *answer_db_zone(const struct answer_db *db, size_t i, const uint8_t **apex);
/* Questions are counted by zone while there are at most ANSWER_ZONES_COUNTED: that of zone i is by_zone[i + 1]. With more of them all
 * share by_zone[0], which says nothing: a counter a zone would be a line of the cache more for each question. */
#define ANSWER_ZONES_COUNTED 1000
size_t answer_db_counted(const struct answer_db *db); /* zones with a counter: all, or none */

/* ---- answering ---- */
enum answer_outcome {
	ANSWER_NONE = 0, /* send nothing */
	ANSWER_SEND,     /* out holds *len octets */
	ANSWER_COLD      /* class CH: hand it to the coordinator (cold path), with answer_cookie's; nothing was written */
};
struct answer_stats { /* a worker's own counters, single writer, read by others with relaxed loads */
	uint64_t queries, responses, dropped, truncated, cold, edns, tcp;
	uint64_t by_rcode[24]; /* what lies past is not counted */
	uint64_t rate_dropped, rate_slipped; /* responses made and then not sent, or sent truncated: the edge counts them */
};
struct cookie_jar; /* answer/cookie.h */
struct answer_worker { /* one a thread */
	uint32_t *turn;  /* rotate position a slot; answer_db_slots long, owned by the edge; any values will do */
	uint64_t rng[2]; /* xorshift128+ state for random picks; seeded by the edge, not both zero */
	uint64_t now_s;  /* the edge's clock, set a batch; only cookies look at it */
	const struct cookie_jar *cookies; /* as valid as the database is; NULL = none are made or checked */
	uint8_t cookie; /* set by answer_query: enum cookie_verdict of this query; 0 = none came, or none are made */
	uint64_t *by_zone; /* questions by answer_db_zone_counter; owned by the edge, as turn; NULL = they are not counted */
	struct answer_stats stats;
};
enum answer_cookies { /* limits.cookies */
	ANSWER_COOKIES_OFF = 0, /* the option is unknown */
	ANSWER_COOKIES_ON,      /* answer at once, and add a cookie */
	ANSWER_COOKIES_STRICT   /* over UDP, who has the option must come with our cookie: BADCOOKIE (RFC 7873 5.2.3, 5.2.4) */
};
#define ANSWER_NETS_MAX 64 /* each costs a question with a client subnet a comparison */
struct answer_nets {
	uint16_t count;
	struct addr_block net[ANSWER_NETS_MAX];
};
struct answer_limits {
	uint16_t udp_edns_max; /* DNS_UDP_EDNS_MAX unless configured */
	const uint8_t *nsid;   /* NULL = none */
	uint16_t nsid_len;     /* at most ANSWER_NSID_MAX, so that it always fits */
	uint16_t tcp_idle_ds;  /* how long an idle connection stays open, in tenths of a second (RFC 7828) */
	uint8_t cookies;       /* enum answer_cookies */
	const struct answer_nets *subnet_from; /* whose word on their clients' networks (RFC 7871) counts; NULL = nobody's */
};
#define ANSWER_NSID_MAX 128
enum answer_transport { ANSWER_UDP = 1, ANSWER_TCP };
struct answer_from { /* who asks */
	enum answer_transport transport;
	const struct addr *client; /* for cookies and sticky picks; NULL = unknown */
};
/* The client's network, /24 or /56: what sticky picks go by. As a number: */
#define ANSWER_PREFIX_V4 24
#define ANSWER_PREFIX_V6 56
uint64_t answer_prefix(const struct addr *client);
#define ANSWER_AHEAD_MAX 16 /* about what a processor core fetches from memory at the same time */
struct answer_job { /* a question on its way; the same place serves many */
	const uint8_t *in; /* set by the caller; must stay until the answer is written */
	size_t in_len;
	struct query query;
	enum query_verdict verdict;
	const struct answer_zone *zone; /* NULL = not looked up yet, or none */
};
/* The first half of answer_query, for up to ANSWER_AHEAD_MAX: parses, and fetches what the answers need of a large database
 * into the cache, so that several wait for memory once and not one after another. */
void answer_read(struct answer_job *jobs, size_t count, const struct answer_db *db);
/* The second half: the answer, from the same database. */
enum answer_outcome answer_write(const struct answer_job *job, const struct answer_db *db, struct answer_worker *w,
				 const struct answer_limits *lim, const struct answer_from *from, uint8_t *out, size_t cap,
				 size_t *len);
/* Both for one. cap must be at least 512 for UDP (1232 and more is better) and 65,535 for TCP. */
enum answer_outcome answer_query(const struct answer_db *db, struct answer_worker *w, const struct answer_limits *lim,
				 const struct answer_from *from, const uint8_t *in, size_t in_len, uint8_t *out,
				 size_t cap, size_t *len);
/* A SERVFAIL (or other rcode) for a query whose cold path failed. Same buffers; w and from NULL = without a cookie. */
enum answer_outcome answer_error(const struct answer_limits *lim, const struct hash_key *key, const struct answer_worker *w,
				 const struct answer_from *from, uint16_t rcode, const uint8_t *in, size_t in_len,
				 uint8_t *out, size_t cap, size_t *len);
/* The smallest answer over UDP that says "ask over TCP": the question, TC and this rcode (rate limiting's slip). No
 * larger than the query, but where that came with half a cookie: the other half, 16 octets, lets an honest client prove
 * itself without TCP, and no NSID or EDE is added to it. Same buffers. */
enum answer_outcome answer_slip(const struct answer_limits *lim, const struct hash_key *key, const struct answer_worker *w,
				const struct answer_from *from, uint16_t rcode, const uint8_t *in, size_t in_len,
				uint8_t *out, size_t cap, size_t *len);
/* The COOKIE_LEN octets that an answer to this query should come with, for who makes the answer elsewhere. False: none. */
bool answer_cookie(uint8_t *cookie, const struct answer_limits *lim, const struct hash_key *key,
		   const struct answer_worker *w, const struct addr *client, const uint8_t *in, size_t in_len);

#endif
