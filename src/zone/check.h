/* Shared by zone.c and check*.c only. */
#ifndef GEMEL_ZONE_CHECK_H
#define GEMEL_ZONE_CHECK_H
#include "zone/zone.h"

/* A node for a name that zone_find does not find. ERR_NOMEM. */
int zone_node_new(struct zone *z, const uint8_t *name, struct zone_node **out) MUST_CHECK;
/* Makes the index anew, for this many places (a power of two): where the order of nodes changed. ERR_NOMEM. */
int zone_index(struct zone *z, size_t places) MUST_CHECK;
/* Makes empty non-terminals, sets every node's flags, puts the nodes of a signed zone in canonical order (RFC 4034 6.1).
 * ERR_NOMEM. */
int zone_order(struct zone *z) MUST_CHECK;
/* Whether what stands below n is hidden by it: a cut or a DNAME. */
bool zone_node_hides(const struct zone *z, const struct zone_node *n);

#endif
