/* Shared by zone.c and check*.c only. */
#ifndef GEMEL_ZONE_CHECK_H
#define GEMEL_ZONE_CHECK_H
#include "zone/zone.h"

/* A node that zone_find finds, but that is not in z->nodes yet. ERR_NOMEM, ERR_EXISTS. */
int zone_node_new(struct zone *z, const uint8_t *name, struct zone_node **out) MUST_CHECK;
/* Puts the nodes in canonical order (RFC 4034 6.1), makes empty non-terminals, sets every node's flags. ERR_NOMEM. */
int zone_order(struct zone *z) MUST_CHECK;

#endif
