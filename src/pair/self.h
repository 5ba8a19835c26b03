/* What a node is, as it tells its peers: whether its votes count, and whether it may be taken out of service.
 *
 *               the first round of checks is over
 *     BOOT ───────────────────────────────────────▶ NORMAL ◀──────────────────┐
 *       ▲                                            │  ▲                      │ heard again
 *       │ round not over                  operator   ▼  │ operator, time over  │
 *      TILT ◀── the clock jumped, from any ────────── MAINT ── nobody answers ─┴─▶ ISOLATED
 *       └── two probe intervals later: what holds then
 *
 *     state      its U    its D       answers
 *     BOOT       counts   abstains    what the journal remembers
 *     NORMAL     counts   counts      yes
 *     TILT       counts   abstains    yes
 *     ISOLATED   counts   abstains    yes
 *     MAINT      counts   counts      yes, until it is stopped; its twin is asked not to go at the same time
 *
 * A node that is isolated and in maintenance tells that it is isolated, since that says more of its votes.
 */
#ifndef GEMEL_PAIR_SELF_H
#define GEMEL_PAIR_SELF_H
#include "pair/pair.h"

/* The state that follows; what the signs say at this moment is all that counts. */
enum pair_self_state self_next(enum pair_self_state now, const struct pair_self_signs *s, uint64_t now_ms);

#endif
