/* What the files of the image builder share.  Private to the zone room.
 *
 *     image.c         the builder, its zones and the seal
 *     image_node.c    one zone: nodes, table, negative answer
 *     image_extra.c   additional data and glue
 *     compile.c       one answer
 */
#ifndef GEMEL_ZONE_BUILD_H
#define GEMEL_ZONE_BUILD_H
#include "zone/compile.h"

struct image_builder {
	struct hash_key key;
	struct bytes out;
	struct image_zone *zones;
	struct image_slot *slots;
	size_t zone_count, zone_cap, slot_count, slot_cap;
	bool sealed;
	struct compile c;
};

/* What one image_add_zone works on. */
struct build {
	struct image_builder *b;
	const struct zone *z;
	struct diags *d;
	uint32_t *node_at; /* by index in z->nodes; 0 = not in the image */
	size_t nodes;
	uint8_t max_labels;
};

/* Room for one more of size octets in a growing array. */
int build_grow(void **array, size_t count, size_t *cap, size_t size) MUST_CHECK;
/* Everything of w->z into w->b->out; fills what of iz is not in its name. */
int build_zone(struct build *w, struct image_zone *iz) MUST_CHECK;
/* Behind a positive answer in w->b->c: addresses of targets that we are authoritative for. */
int build_additional(struct build *w, const struct zone_node *owner, const struct zone_rrset *r) MUST_CHECK;
/* Behind a referral: first glue without which the child cannot be reached, then addresses that help (RFC 9471 2). */
int build_glue(struct build *w, const struct zone_node *cut, const struct zone_rrset *ns) MUST_CHECK;

#endif
