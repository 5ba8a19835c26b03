/* What both directions of a plan's bytes share.
 *
 *     magic u32 | version u16 | generation u64 | digest u64 | file | limits | pair | self u16 |
 *     count u16, nodes | count u32, files | count u32, scripts | count u32, streams | count u32, services (each with its members)
 *
 *     text:  0  or  1 | length u16 | octets            addr:  family u8 | ip | port u16
 */
#ifndef GEMEL_CORE_PLAN_WIRE_H
#define GEMEL_CORE_PLAN_WIRE_H
#include "dns/name.h"

#define PLAN_WIRE_MAGIC 0x474d504cu /* "GMPL" */
#define PLAN_WIRE_VERSION 6

#endif
