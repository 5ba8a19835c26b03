/* The image: zones compiled to answers ready for the wire, in one position-independent block (offsets, no pointers;
 * host byte order) that the loader seals in a memfd and the responder maps read-only.
 *
 *     image_header | zones[] | names, hash tables, nodes, compiled answers …
 *
 *     zone ──table──▶ entry{tag,node} ──▶ node{flags, rrset[]} ──▶ rrset{type, answer | slot, rdata}
 *       └─negative answer (SOA, for NODATA and NXDOMAIN)
 *
 * Names at or below a cut, and below a DNAME, are not in the table: the deepest name found is then the cut itself.
 *
 * A compiled answer is the message from octet 12+question on, compressed against the question at offset 12:
 *
 *     image_answer{body_len, relocs, an, name_len, flags} | body                             one RRset: nearly all
 *     image_answer{…, SECTIONS} | image_sections{ns, ar, segments} | segment[] | reloc[] | body
 *
 * A segment is one RRset, with its section; a message is cut only between segments. Relocs are the places of
 * compression pointers in the body (ascending), but for one at its very beginning, the first owner: a body that begins
 * with a pointer has that one unlisted. name_len is the owner's length L for which pointers were written; a pointer p is
 *     p == 12            the owner itself
 *     12 < p < 12 + L    a suffix of it
 *     p >= 12 + L + 4    a place in the body
 * so the body can be moved to any place and any question length by adding differences (wildcards, negative answers,
 * referrals, CNAME chains). The owner of a wildcard's record becomes the question's name, so at a "*" owner p == 12
 * stands for record owners only, never for a name in rdata. Pointers into the body stay at or below IMAGE_POINTER_MAX,
 * so that no move takes them past 0x3fff (RFC 1035 4.1.4).  The root is always written out.
 *
 * A signed zone has more. In front of each node stand offsets of its answers with signatures, the last RRset's first,
 * and in front of those the node's place in the chain of NSEC or NSEC3. The chain is an array sorted for searching; its
 * answers are one NSEC or NSEC3 RRset with its RRSIGs each, authority section, written for the apex as owner.
 *
 *     denial | signed_at[n-1] … signed_at[0] | image_node | rrset[0] … rrset[n-1]
 *     zone ──signed_at──▶ image_signed{negative_at, …} ──chain_at──▶ image_nsec[] or image_nsec3[]
 *
 * An answer whose targets have live addresses (IMAGE_RRSET_COMPANY) has a list of these in front of it, backwards. Only
 * unsigned zones have live RRsets.
 *
 *     image_companion n-1 … 1, 0 | image_answer{…, SECTIONS} | …
 *
 * image_open checks every bound once; readers check none.
 */
#ifndef GEMEL_ZONE_IMAGE_H
#define GEMEL_ZONE_IMAGE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/hash.h"
#include "zone/nsec3.h"
#include "zone/zone.h"

#define IMAGE_MAGIC "GEMLIMG1"
#define IMAGE_VERSION 5u
#define IMAGE_BYTE_ORDER 0x01020304u

/* Aliases followed in one answer: more than any sane zone holds. Past the bound the answer ends there, NOERROR. */
#define IMAGE_CHAIN_MAX 16
/* The furthest place to which a body can move: after the header, the longest question, and a DNAME with its CNAME for
 * each alias, of which there is one more than is followed. */
#define IMAGE_MOVE_MAX (12 + NAME_WIRE_MAX + 4 + (IMAGE_CHAIN_MAX + 1) * 2 * (12 + NAME_WIRE_MAX))
#define IMAGE_POINTER_MAX (0x3fff - IMAGE_MOVE_MAX)

enum image_section {
	IMAGE_ANSWER = 1, IMAGE_AUTHORITY = 2,
	IMAGE_GLUE = 3,      /* additional that must fit, else TC: in-domain glue of a referral, RFC 9471 3 */
	IMAGE_ADDITIONAL = 4 /* dropped silently where there is no room */
};
enum image_node_flags {
	IMAGE_NODE_CUT = 1,        /* its NS rrset holds the referral; only NS and DS are here */
	IMAGE_NODE_WILD_BELOW = 2, /* "*" is a child */
	IMAGE_NODE_CNAME = 4,      /* the first rrset is a CNAME */
	IMAGE_NODE_DNAME = 8,
	IMAGE_NODE_SIGNED = 16     /* what signed zones have stands in front of it */
};
enum image_rrset_flags {
	IMAGE_RRSET_LIVE = 1, /* at = slot number */
	IMAGE_RRSET_CHASE = 2, /* CNAME whose target lies in this zone, stored uncompressed */
	IMAGE_RRSET_COMPANY = 4 /* addresses of targets are live: image_answer_companion */
};

struct image_header {
	char magic[8];
	uint32_t version, byte_order;
	uint64_t size;
	struct hash_key key;
	uint32_t zone_count, zones_at;
	uint32_t slot_count; /* live RRsets in this image, numbered 0.. */
	uint32_t slots_at;   /* struct image_slot[slot_count] */
	uint32_t crc;        /* crc32c of everything after the header */
	uint32_t reserved;
};
struct image_zone {
	uint64_t digest;    /* of what it was made from: the loader keeps an unchanged zone by it */
	uint64_t content;   /* of its records (zone/content.h): equal on nodes that serve the same; 0 where it could not be loaded */
	uint64_t apex_hash;
	uint32_t apex_at;
	uint32_t table_at, table_places; /* struct image_entry[table_places] */
	uint32_t negative_at;          /* struct image_answer: authority with the SOA, written for the apex as owner */
	uint32_t apex_node_at;         /* 0 = a zone that could not be loaded: every answer is SERVFAIL */
	uint32_t serial, records;
	uint32_t signed_at;            /* struct image_signed; 0 = the zone has no signatures */
	uint8_t apex_len, apex_labels;
	uint8_t max_labels; /* of the longest name in the table */
	uint8_t reserved;
};
struct image_entry { /* empty: node_at == 0 */
	uint32_t tag; /* high half of the name's hash; its low half picks the place (image_place), linear probing */
	uint32_t node_at;
};
struct image_node { /* all of it, and mostly its answers, in one or two cache lines */
	_Alignas(uint32_t) uint16_t rrset_count; /* 0 = empty non-terminal */
	uint8_t flags, name_len;
	/* struct image_rrset[rrset_count] follows, ascending type, then the name, then the compiled answers */
};
struct image_rrset {
	uint16_t type, flags;
	uint32_t at; /* struct image_answer (0 = fits no message: SERVFAIL), or the slot number where live */
};
enum image_denial {
	IMAGE_DENIAL_NONE = 1, /* no chain: negative answers prove nothing */
	IMAGE_DENIAL_NSEC,
	IMAGE_DENIAL_NSEC3,
	/* NSEC3 with more iterations than are worked for: the chain is the apex's one, and goes with every negative answer
	 * to tell validators so, who then take the zone for unsigned (RFC 9276 3.2). */
	IMAGE_DENIAL_APEX
};
#define IMAGE_NO_PROOF UINT32_MAX
struct image_signed {
	uint32_t negative_at; /* as the zone's, with the SOA's RRSIGs; 0 = it has none */
	uint32_t chain_at, chain_count;
	uint32_t salt_at;
	uint16_t iterations;
	uint8_t salt_len, denial; /* enum image_denial */
	uint8_t complete;         /* each entry reaches to the next: what lies between two is proved absent */
	uint8_t reserved[3];
};
struct image_nsec { /* canonical order of names */
	uint32_t name_at, answer_at;
};
struct image_nsec3 { /* ascending */
	uint8_t hash[NSEC3_HASH_LEN];
	uint32_t answer_at;
};
struct image_slot {
	uint32_t zone; /* index */
	uint32_t owner_at;
	uint16_t type;
	uint16_t reserved;
	uint32_t ttl_s;     /* the record's TTL in the file, or the default */
	uint32_t answer_at; /* what the file says, as an answer that nobody is given; 0 = nothing */
};
enum image_answer_flags {
	IMAGE_ANSWER_SECTIONS = 1 /* else it is one RRset of the answer section */
};
struct image_answer {
	uint16_t body_len, reloc_count;
	uint16_t an;
	uint8_t name_len, flags;
	/* with SECTIONS struct image_sections and struct image_segment[]; then uint16_t reloc[], then the body */
};
struct image_sections {
	uint16_t ns, ar;
	uint16_t segment_count;
};
/* Live RRsets that one answer brings along. Over UDP no message holds more: 1,232 octets are 64 addresses, or 32 targets
 * with one of each family. */
#define IMAGE_COMPANY_MAX 64
struct image_companion { /* a live RRset for the additional section */
	uint32_t slot;
	uint16_t owner; /* its name, as a compression pointer's 14 bits: to the owner or into the body, as those of relocs */
	uint16_t more;  /* how many follow */
};
struct image_segment {
	uint16_t end; /* offset in the body after this RRset */
	uint8_t section, reserved;
	uint16_t count; /* records */
};

/* ---- building (loader) ---- */
struct image_builder;
int image_builder_new(struct image_builder **b, const struct hash_key *key) MUST_CHECK;
/* As above, and the image is built in this memory, which must outlive the builder. */
int image_builder_new_in(struct image_builder **b, const struct hash_key *key, struct bytes_room *room) MUST_CHECK;
void image_builder_free(struct image_builder *b);
/* Compiles a zone that zone_check passed, and frees its records as it goes where nothing will look at them again, so that
 * a large zone does not take memory twice: z is good for zone_free only then, but after ERR_SHORT. digest: see
 * image_zone. An RRset that fits no message is told to d as a warning and answered with SERVFAIL; the rest of the zone is
 * not harmed. ERR_SHORT where the image would pass 4 GiB (try with another builder); ERR_NOMEM; ERR_FORMAT (no SOA, or a
 * name without its ancestors: zone_check did not run); the builder holds the other zones still. */
int image_add_zone(struct image_builder *b, struct zone *z, uint64_t digest, struct diags *d) MUST_CHECK;
/* A zone that is ours but could not be loaded: it is answered with SERVFAIL. apex: lower-case wire name. ERR_SHORT as
 * above, ERR_NOMEM. */
int image_add_broken(struct image_builder *b, const uint8_t *apex, uint64_t digest) MUST_CHECK;
/* Seals: *data is the builder's until image_builder_free, and nothing can be added after. */
int image_finish(struct image_builder *b, const uint8_t **data, size_t *len) MUST_CHECK;

/* ---- reading ---- */
struct image { /* a view of mapped memory; the memory must outlive it */
	const uint8_t *base;
	size_t len;
	const struct image_header *head;
	const struct image_zone *zones;
	const struct image_slot *slots;
};
/* Checks magic, version, crc, and everything that a reader relies on, so that readers need no further checks.
 * data: aligned to 8. ERR_VERSION, ERR_FORMAT, ERR_SHORT. */
int image_open(struct image *im, const void *data, size_t len) MUST_CHECK;
/* For an image that image_open passed before and that nobody can have changed since (a sealed memfd mapped anew): looks
 * at the header only. Same errors. */
int image_open_again(struct image *im, const void *data, size_t len) MUST_CHECK;

static inline const struct image_rrset *image_node_rrsets(const struct image_node *n)
{
	return (const struct image_rrset *)(n + 1);
}
static inline const uint8_t *image_node_name(const struct image_node *n)
{
	return (const uint8_t *)(image_node_rrsets(n) + n->rrset_count);
}
/* Where the search for a name begins; it goes on to the next place, and from the last to the first. */
static inline uint32_t image_place(uint64_t hash, uint32_t places)
{
	return (uint32_t)((uint64_t)(uint32_t)hash * places >> 32);
}
/* Only with SECTIONS. */
static inline const struct image_sections *image_answer_sections(const struct image_answer *a)
{
	return (const struct image_sections *)(a + 1);
}
/* Both only of a node with IMAGE_NODE_SIGNED. The answer with signatures of RRset i; 0 = the plain one is all there is. */
static inline uint32_t image_node_signed_at(const struct image_node *n, unsigned i)
{
	return ((const uint32_t *)n)[-1 - (int)i];
}
/* Companion i, only with IMAGE_RRSET_COMPANY: there is a first, and one after each with more. */
static inline const struct image_companion *image_answer_companion(const struct image_answer *a, unsigned i)
{
	return (const struct image_companion *)(const void *)a - 1 - i;
}
/* Where in the chain: the node's own entry, or with NSEC the one that covers an empty non-terminal; or IMAGE_NO_PROOF. */
static inline uint32_t image_node_denial(const struct image_node *n)
{
	return ((const uint32_t *)n)[-1 - (int)n->rrset_count];
}
static inline const struct image_segment *image_answer_segments(const struct image_answer *a)
{
	return (const struct image_segment *)(image_answer_sections(a) + 1);
}
static inline const uint16_t *image_answer_relocs(const struct image_answer *a)
{
	if (a->flags & IMAGE_ANSWER_SECTIONS)
		return (const uint16_t *)(image_answer_segments(a) + image_answer_sections(a)->segment_count);
	return (const uint16_t *)(a + 1);
}
static inline const uint8_t *image_answer_body(const struct image_answer *a)
{
	return (const uint8_t *)(image_answer_relocs(a) + a->reloc_count);
}
/* Octets of the first record before its TTL: owner (a pointer, or the root), type, class. */
static inline size_t image_body_ttl_at(const uint8_t *body)
{
	return (body[0] & 0xc0) == 0xc0 ? 6 : 5;
}
/* Steps through the records of an answer that is one RRset whose rdata holds no names (A, AAAA): *at is 0 at first.
 * False behind the last. */
bool image_answer_next(const struct image_answer *a, size_t *at, uint32_t *ttl_s, const uint8_t **rdata, size_t *len);

#endif
