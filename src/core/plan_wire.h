/* What both directions of a plan's bytes share.
 *
 *     magic u32 | version u16 | generation u64 | digest u64 | file | limits | pair | self u16 |
 *     count u16, nodes | count u32, files | count u32, scripts | count u32, streams | count u32, services (each with its members) |
 *     count u16, windows
 *
 *     text:  0  or  1 | length u16 | octets            addr:  family u8 | ip | port u16
 */
#ifndef GEMEL_CORE_PLAN_WIRE_H
#define GEMEL_CORE_PLAN_WIRE_H
#include "core/plan.h"
#include "dns/name.h"

#define PLAN_WIRE_MAGIC 0x474d504cu /* "GMPL" */
#define PLAN_WIRE_VERSION 6

/* plan_window.c: the maintenance windows. ERR_FORMAT, ERR_LIMIT, ERR_NOMEM. */
void plan_windows_put(struct bytes *b, const struct plan *p);
int plan_windows_get(struct rbuf *r, struct plan *p) MUST_CHECK;

#endif
