/* Compiles one answer: RRsets → struct image_answer with segments, relocs and the body, compressed against its owner as
 * the question's name.  Private to the zone room.
 *
 *     compile_begin(c, owner, false);
 *     compile_rrset(c, IMAGE_ANSWER, NULL, rrset, false);           NULL = the owner itself
 *     compile_rrset(c, IMAGE_ADDITIONAL, target, address, false);
 *     at = compile_end(c, out);
 */
#ifndef GEMEL_ZONE_COMPILE_H
#define GEMEL_ZONE_COMPILE_H
#include "zone/image.h"

#define COMPILE_SEGMENTS_MAX 512 /* RRsets of one message: two address sets for each of 255 targets */
#define COMPILE_TARGETS_MAX 255  /* names that additional data is looked up for, per RRset */
#define COMPILE_RELOCS_MAX 16384
#define COMPILE_NAMES 4096       /* hash places for names to point at; half of them are used */

struct compile {
	struct hash_key key;
	bool wildcard;      /* the owner is "*.…": names in rdata must not point at offset 12 */
	bool dict_ready;
	uint8_t owner_len;
	uint16_t body_at;   /* offset of the body for this owner */
	size_t len;         /* of msg */
	uint16_t section_count[IMAGE_ADDITIONAL + 1];
	size_t segment_count, reloc_count, name_count;
	unsigned company_count;
	struct image_companion company[IMAGE_COMPANY_MAX];
	struct image_segment segment[COMPILE_SEGMENTS_MAX];
	uint16_t reloc[COMPILE_RELOCS_MAX];
	uint16_t name_at[COMPILE_NAMES]; /* offsets in msg, 0 = empty */
	uint8_t msg[DNS_MESSAGE_MAX];
};

/* owner: lower-case wire. Forgets what was compiled before. */
void compile_begin(struct compile *c, const uint8_t *owner, bool wildcard);
/* Appends an RRset; sections must come in ascending order. `plain` writes names in rdata uncompressed.
 * ERR_SHORT when it fits no message, ERR_LIMIT past the bounds above; c is then as before. */
int compile_rrset(struct compile *c, enum image_section s, const uint8_t *owner, const struct zone_rrset *r, bool plain)
	MUST_CHECK;
/* A live RRset that goes with this answer, under the name that stands so many octets into the rdata of this record of the
 * first RRset, or (-1) the owner's. What stands too far for pointers, or is one too many, is left out: nobody needs
 * additional data (RFC 2181 9). */
void compile_companion(struct compile *c, int record, size_t lead, uint32_t slot);
/* Makes the last two segments, of one section, one that is not cut between them. */
void compile_join(struct compile *c);
/* Appends the result to out, aligned; returns its offset there (out->failed tells the rest). */
uint32_t compile_end(const struct compile *c, struct bytes *out);

/* Zero octets up to a multiple of align. */
void compile_align(struct bytes *out, size_t align);
/* Names of rdata that may be compressed (RFC 3597 4: the types of RFC 1035): how many, and the octets before them. */
unsigned compile_rdata_names(uint16_t type, unsigned *lead);

#endif
