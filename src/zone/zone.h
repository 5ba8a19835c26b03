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
#include "base/table.h"
#include "dns/const.h"
#include "dns/name.h"

struct zone_rdata {
	const uint8_t *wire; /* uncompressed, as in the file but names not folded */
	uint16_t len;
	unsigned line; /* where it stands, for messages */
};

struct zone_rrset {
	struct zone_rrset *next; /* of the same node, ascending type */
	uint16_t type;
	uint16_t count, cap;
	uint32_t ttl; /* the lowest of the records' (RFC 2181 5.2), a warning where they differ */
	struct zone_rdata *rdata; /* duplicates dropped (RFC 2181 5) */
	const char *file;
	bool live; /* answered from the overlay: a service's A or AAAA; rdata is what the file says, if anything */
};

enum zone_node_flags {
	ZONE_NODE_CUT = 1,      /* NS below the apex: a delegation */
	ZONE_NODE_BELOW = 2,    /* beneath a cut or a DNAME: occluded, only good as glue */
	ZONE_NODE_EMPTY = 4     /* empty non-terminal (RFC 4592 2.2.2), made by zone_check */
};

struct zone_node {
	const uint8_t *name; /* lower-case wire */
	uint8_t name_len, labels;
	uint8_t flags;
	struct zone_rrset *rrsets; /* ascending type */
};

struct zone {
	struct arena arena;
	uint8_t apex[NAME_WIRE_MAX];
	uint8_t apex_len, apex_labels;
	const char *file;
	struct zone_node **nodes; /* canonical order after zone_check, apex first; unordered before */
	size_t node_count, node_cap;
	struct table by_name; /* lower-case wire name → struct zone_node * */
	size_t record_count;
	uint32_t serial, negative_ttl; /* set by zone_check: SOA serial; min(SOA TTL, MINIMUM), RFC 2308 5 */
};

/* Bounds, each against hostile or mistaken files. */
#define ZONE_INCLUDE_DEPTH_MAX 8
#define ZONE_LINE_MAX 65536u   /* octets of one logical line, parentheses joined */
#define ZONE_RRSET_MAX 4096u   /* records of one RRset; the message bound is checked apart */

/* apex: lower-case wire name. ERR_NOMEM. */
int zone_new(struct zone **z, const uint8_t *apex, const struct hash_key *key) MUST_CHECK;
void zone_free(struct zone *z);

/* Adds a record; copies rdata. line and file for later messages. ERR_NOMEM, ERR_LIMIT. A duplicate is dropped silently. */
int zone_add(struct zone *z, const uint8_t *owner, uint16_t type, uint32_t ttl, const uint8_t *rdata, size_t rdata_len,
	     const char *file, unsigned line) MUST_CHECK;
struct zone_node *zone_find(const struct zone *z, const uint8_t *name); /* lower-case wire; NULL = absent */
struct zone_rrset *zone_node_rrset(const struct zone_node *n, uint16_t type);
/* Marks owner (which it makes if need be) as a service: its A and AAAA become live, with the given TTL where the file
 * has none. ERR_NOMEM; ERR_EXISTS where the node has a CNAME. Call before zone_check. */
int zone_mark_live(struct zone *z, const uint8_t *owner, uint32_t default_ttl_s) MUST_CHECK;

/* Reads a master file (RFC 1035 5, 2308 4 $TTL) into z. `read` hands over the text of an included file by name, relative
 * to `from`; NULL refuses $INCLUDE. Every fault goes to d with file:line; returns 0 when there was none, ERR_FORMAT when
 * there were some, ERR_NOMEM. */
typedef int (*zone_read_file)(void *ctx, const char *from, const char *name, const char **path, const char **text, size_t *len);
int zone_parse(struct zone *z, const char *file, const char *text, size_t len, zone_read_file read, void *ctx, struct diags *d)
	MUST_CHECK;

/* Rules across records: one SOA at the apex, NS at the apex, CNAME alone (RFC 1034 3.6.2), nothing out of zone, glue
 * present (warning), occluded data (warning), RRset too large for a message. Makes empty non-terminals, marks cuts and what
 * lies below, sorts. Returns 0 or ERR_FORMAT (see d), ERR_NOMEM. */
int zone_check(struct zone *z, struct diags *d) MUST_CHECK;

#endif
