/* A zone as records, before it becomes an image: the output of zone/parse, the input of zone/check and zone/image.
 *
 *     zone_parse (text → records) → zone_check (rules across records, cuts and occlusion marked) → image_add_zone
 */
#ifndef GEMEL_ZONE_ZONE_H
#define GEMEL_ZONE_ZONE_H
#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/diag.h"
#include "base/hash.h"
#include "dns/const.h"
#include "dns/name.h"

struct zone_rdata {
	const uint8_t *wire; /* uncompressed, as in the file but names not folded */
	unsigned line; /* where it stands, for messages */
	uint16_t len;
};

struct zone_rrset {
	struct zone_rrset *next; /* of the same node, ascending type */
	struct zone_rdata *rdata; /* duplicates dropped (RFC 2181 5) */
	uint32_t ttl; /* the lowest of the records' (RFC 2181 5.2), a warning where they differ */
	unsigned ttl_line; /* of the first record whose TTL differed from those before it; 0 = all alike */
	uint16_t type;
	uint16_t file; /* of the first record: zone_file */
	uint16_t count;
	uint16_t cap : 15;
	bool live : 1; /* answered from the overlay: a service's A or AAAA; rdata is what the file says, if anything */
};

enum zone_node_flags {
	ZONE_NODE_CUT = 1,      /* NS below the apex: a delegation */
	ZONE_NODE_BELOW = 2,    /* beneath a cut or a DNAME: occluded, only good as glue */
	ZONE_NODE_EMPTY = 4,    /* empty non-terminal (RFC 4592 2.2.2), made by zone_check */
	ZONE_NODE_WILD_BELOW = 8 /* "*" is a child, and answered from */
};

struct zone_node {
	struct zone_rrset *rrsets; /* ascending type */
	uint8_t name_len, labels;
	uint8_t flags; /* set by zone_check */
	uint8_t name[]; /* lower-case wire */
};
struct zone_place { /* of the index of names; a million of them are looked for at random, so they are small */
	uint32_t tag;  /* of the name's hash */
	uint32_t node; /* place in nodes, from 1; 0 = free */
};

struct zone;
/* Told now and then, in a large file, that the text before upto will not be looked at again. */
struct zone_watch {
	void (*passed)(struct zone_watch *w, const struct zone *z, const char *upto);
};
struct zone {
	struct arena arena; /* records, in the order in which they came */
	struct arena files; /* names, which messages need to the end */
	uint8_t apex[NAME_WIRE_MAX];
	uint8_t apex_len, apex_labels;
	const char *file;
	const char **file_names; /* where records stand, borrowed */
	uint16_t file_count;
	struct zone_node **nodes; /* as they came, but canonical order after zone_check of a zone that is_signed */
	size_t node_count, node_cap;
	struct hash_key key;
	struct zone_place *index; /* name → node, open addressing */
	size_t index_mask;
	struct zone_node *last; /* of the latest zone_add: records of one owner mostly stand together */
	size_t record_count;
	struct zone_watch *watch; /* NULL, or the caller's, set before zone_parse; not told of included files */
	bool soa_lost, ns_lost; /* zone_parse: one was there, but at fault, which was told: it is not missing */
	bool is_signed; /* some record is an RRSIG, NSEC or NSEC3 */
	uint32_t serial, negative_ttl; /* set by zone_check: SOA serial; min(SOA TTL, MINIMUM), RFC 2308 5 */
};

/* Bounds, each against hostile or mistaken files. */
#define ZONE_INCLUDE_DEPTH_MAX 8
#define ZONE_INCLUDE_MAX 1000u      /* files one zone includes: depth alone would let eight levels multiply */
#define ZONE_LINE_MAX 262144u       /* octets of one logical line, parentheses joined: the longest rdata, all in \DDD */
#define ZONE_RRSET_MAX 4096u        /* records of one RRset; the message bound is checked apart */
#define ZONE_RECORD_MAX 20000000u   /* records of one zone: what an image addresses with 32 bits */
#define ZONE_GENERATE_MAX 1048576u  /* records that the $GENERATE lines of one zone make together: a /12 of IPv4 */

/* apex: lower-case wire name. ERR_NOMEM. */
int zone_new(struct zone **z, const uint8_t *apex, const struct hash_key *key) MUST_CHECK;
void zone_free(struct zone *z);

/* Adds a record; copies rdata. owner: lower-case wire. line and file (which must outlive z) for later messages.
 * ERR_NOMEM; ERR_RANGE where owner is not at or below the apex; ERR_LIMIT. A duplicate is dropped silently. */
int zone_add(struct zone *z, const uint8_t *owner, uint16_t type, uint32_t ttl, const uint8_t *rdata, size_t rdata_len,
	     const char *file, unsigned line) MUST_CHECK;
struct zone_node *zone_find(const struct zone *z, const uint8_t *name); /* lower-case wire; NULL = absent */
/* The file that the RRset's first record stands in; the zone's own where it has none. */
const char *zone_file(const struct zone *z, const struct zone_rrset *set);
/* From now on zone_find finds nothing: what the names took is free. */
void zone_forget_names(struct zone *z);
struct zone_rrset *zone_node_rrset(const struct zone_node *n, uint16_t type);
/* A name that only NSEC3 made: it is no name of the zone, questions do not meet it (RFC 5155 7.2.8). */
bool zone_node_is_nsec3(const struct zone_node *n);
/* Marks owner (which it makes if need be) as a service: its A and AAAA become live, with the given TTL where the file
 * has none. ERR_NOMEM; ERR_RANGE outside the zone; ERR_EXISTS where the node has a CNAME. Call before zone_check. */
int zone_mark_live(struct zone *z, const uint8_t *owner, uint32_t default_ttl_s) MUST_CHECK;

/* Reads a master file (RFC 1035 5, 2308 4 $TTL) into z. `read` hands over the text of an included file by name,
 * relative to `from`; NULL refuses $INCLUDE. Every fault goes to d with file:line:col; returns 0 when there was none,
 * ERR_FORMAT when there were some, ERR_NOMEM.
 *     www 1h IN A 192.0.2.1      owner, TTL and class may be left out; TTL and class in either order
 * $ORIGIN, $TTL, $INCLUDE and $GENERATE are known, RFC 3597's TYPEnnn, CLASS1 and \# too. A broken line is told and
 * left out, the rest is still read. What read hands over stays the caller's; the text must stay until zone_parse
 * returns. read returns 0, or ERR_ABSENT, ERR_IO, ERR_LIMIT (too large) … . */
typedef int (*zone_read_file)(void *ctx, const char *from, const char *name, const char **path, const char **text,
			      size_t *len);
int zone_parse(struct zone *z, const char *file, const char *text, size_t len, zone_read_file read, void *ctx,
	       struct diags *d) MUST_CHECK;

/* Rules across records: one SOA at the apex, NS at the apex, CNAME alone (RFC 1034 3.6.2), nothing out of zone, glue
 * present (warning), occluded data (warning), one TTL an RRset (warning). An RRset too large for a message is for
 * image_add_zone to tell, which knows its size. Makes empty non-terminals, marks cuts and what lies below. A
 * service (zone_mark_live) with a CNAME or below a cut is an error. Returns 0, ERR_FORMAT (see d) or
 * ERR_NOMEM. */
int zone_check(struct zone *z, struct diags *d) MUST_CHECK;

#endif
