/* What the files of the image builder share.  Private to the zone room.
 *
 *     image.c         the builder, its zones and the seal
 *     image_node.c    one zone: nodes, table, negative answer
 *     image_extra.c   additional data and glue
 *     image_sign.c    what signed zones have more: RRSIGs in answers, proofs, the chain
 *     compile.c       one answer
 */
#ifndef GEMEL_ZONE_BUILD_H
#define GEMEL_ZONE_BUILD_H
#include "zone/compile.h"
#include "zone/denial.h"

struct image_builder {
	struct hash_key key;
	struct bytes out;
	struct image_zone *zones;
	struct image_slot *slots;
	size_t zone_count, zone_cap, slot_count, slot_cap;
	bool sealed;
	struct compile c;
	struct zone_rdata signatures[ZONE_RRSET_MAX]; /* of one RRset, gathered */
};

/* A live RRset of the zone and its slot: answers that stand before it in the image want to know. */
struct build_live {
	const struct zone_rrset *set;
	uint32_t slot;
};

/* What one image_add_zone works on. */
struct build {
	struct image_builder *b;
	const struct zone *z;
	struct zone *taken; /* z, to free what it holds behind us; NULL = it stays whole */
	struct diags *d;
	uint32_t *node_at; /* by index in z->nodes; 0 = not in the image */
	size_t nodes;
	uint8_t max_labels;
	uint64_t content; /* of the nodes so far */
	struct build_live *live; /* by address of set */
	size_t live_count;
	struct denial denial;
	size_t denial_next;     /* NSEC: how many entries of the chain were passed, nodes coming in their order */
	bool with_signatures;   /* what is compiled now is for those who set DO */
	size_t signature_count; /* compiled so far */
};

/* Room for one more of size octets in a growing array. */
int build_grow(void **array, size_t count, size_t *cap, size_t size) MUST_CHECK;
/* The slot of a live RRset that is answered from, or IMAGE_NO_SLOT. */
#define IMAGE_NO_SLOT UINT32_MAX
uint32_t build_slot(const struct build *w, const struct zone_rrset *r);
/* Everything of w->z into w->b->out; fills what of iz is not in its name. */
int build_zone(struct build *w, struct image_zone *iz) MUST_CHECK;
/* compile_rrset, and with_signatures the RRSIGs of r at n in the same segment: they are one thing, which is never cut
 * (RFC 4035 3.1.1). owner: as it says, n's name or NULL. */
int build_rrset(struct build *w, enum image_section s, const uint8_t *owner, const struct zone_node *n,
		const struct zone_rrset *r, bool plain) MUST_CHECK;
/* All RRSIGs of a name, for those who ask for them: each with the TTL of what it covers (RFC 4034 3). */
int build_rrsigs(struct build *w, const struct zone_node *n, const struct zone_rrset *r) MUST_CHECK;
/* Behind the NS of a referral: DS, or the proof that there is none (RFC 4035 3.1.4, RFC 5155 7.2.7). */
int build_referral_proof(struct build *w, const struct zone_node *cut) MUST_CHECK;
/* The node's place in the chain (image_node_denial). NSEC: to be asked for each node once, in canonical order. */
uint32_t build_denial(struct build *w, const struct zone_node *n);
/* The zone's image_signed, with all nodes in place. */
int build_signed(struct build *w, struct image_zone *iz) MUST_CHECK;
/* Whether build_additional or build_glue has anything to do for this type. */
bool build_has_targets(uint16_t type);
/* Behind a positive answer in w->b->c: addresses of targets that we are authoritative for. */
int build_additional(struct build *w, const struct zone_node *owner, const struct zone_rrset *r) MUST_CHECK;
/* Behind a referral: first glue without which the child cannot be reached, then addresses that help (RFC 9471 2). */
int build_glue(struct build *w, const struct zone_node *cut, const struct zone_rrset *ns) MUST_CHECK;

#endif
