/* The digest of what a zone holds: owners, types, TTLs and rdata, so of the SOA with its serial too.
 *
 *     node ─▶ sum over its RRsets of mixed(owner, type, TTL, count, sum over the records)
 *     zone ─▶ sum over its nodes
 *     all zones ─▶ sum of mixed(apex, digest)
 *
 * Neither order nor comments, spelling of names, $ORIGIN, $GENERATE or files that are included matter. 64 bits: two zones that differ
 * by mistake have one digest once in 2^64.
 */
#ifndef GEMEL_ZONE_CONTENT_H
#define GEMEL_ZONE_CONTENT_H
#include "zone/zone.h"

uint64_t content_of_node(const struct zone_node *n);
/* Adds one zone to the digest of all, which begins with 0. */
uint64_t content_join(uint64_t sum, const uint8_t *apex, size_t apex_len, uint64_t content);

#endif
