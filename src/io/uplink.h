/* Whether this machine has a way to an address at all, as its kernel tells by netlink (RFC 3549).
 *
 *     route to 192.0.2.1?  ──▶ unreachable                         GONE
 *                          ──▶ by eth0 ──▶ up, with a carrier      THERE
 *                                      ──▶ down, or no carrier     GONE     the route itself may stay for that
 *                          ──▶ by lo, or to ourselves              LOCAL
 *
 * Of several routes of equal rank the kernel names the one that it would take. Both sockets are to be opened before the process is
 * confined; it needs no more of the kernel than to write to them and read.
 */
#ifndef GEMEL_IO_UPLINK_H
#define GEMEL_IO_UPLINK_H
#include <stdbool.h>
#include "base/addr.h"
#include "base/err.h"

enum uplink_way { UPLINK_UNKNOWN = 0 /* the kernel did not say */, UPLINK_THERE, UPLINK_GONE, UPLINK_LOCAL };
/* news: readable when an interface comes, goes, or gains or loses its carrier; ask: for uplink_way. */
struct uplink { int news, ask; uint32_t seq; /* of questions */ };
/* ERR_ABSENT where the kernel gives none: both are -1 then. */
int uplink_open(struct uplink *u) MUST_CHECK;
void uplink_close(struct uplink *u);
void uplink_drain(struct uplink *u); /* takes the news; what they are shows by asking */
enum uplink_way uplink_way(struct uplink *u, const struct addr *to);

#endif
