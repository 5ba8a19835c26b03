/* The chain of NSEC or NSEC3 of a signed zone, found among its records and checked.  Private to the zone room.
 *
 *     NSEC     entries are nodes in canonical order; each one's next name must be the next entry's, the last one's the apex
 *     NSEC3    the same with hashes, ascending. NSEC3PARAM at the apex says of which chain; of several the first whole one
 *
 * What is broken is told and left out: a zone without a whole chain is served, with proofs of what exists only.
 */
#ifndef GEMEL_ZONE_DENIAL_H
#define GEMEL_ZONE_DENIAL_H
#include "zone/image.h"

struct denial_entry {
	const struct zone_node *node;
	uint8_t hash[NSEC3_HASH_LEN]; /* with NSEC3 */
};
struct denial {
	bool is_signed; /* the zone has an RRSIG at all; without one nothing below is set */
	enum image_denial kind;
	bool complete;
	struct nsec3_params params;
	struct denial_entry *list;
	size_t count;
};

/* Looks through a zone that zone_check passed. ERR_NOMEM. */
int denial_init(struct denial *dn, const struct zone *z, struct diags *d) MUST_CHECK;
void denial_deinit(struct denial *dn);
/* The entry whose hash is at or next before this one, the last before the first; count must not be 0. */
size_t denial_search(const struct denial *dn, const uint8_t hash[NSEC3_HASH_LEN]);

#endif
