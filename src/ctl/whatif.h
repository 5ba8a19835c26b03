/* `what-if`: which answers another configuration would change.  The client checks the file and sends its plan behind the request;
 * the host answers from a copy of its core (core/whatif.h), in a process of its own.
 *
 *     request | len u32 | plan[len]
 *
 * what-if    {"node":"ns1","generation":3,                                    generation: the one in force
 *             "changes":[{"name":"www.example.test","type":"A","kind":"changed","now":"192.0.2.1","would_be":"192.0.2.2","why":"…"}],
 *             "unknown":[{"address":"192.0.2.9:80","check":"web","service":"www.example.test"}]}
 *             kind: changed, new (now: null), gone (would_be: null)
 */
#ifndef GEMEL_CTL_WHATIF_H
#define GEMEL_CTL_WHATIF_H
#include "ctl/ctl.h"
#include "ctl/doc.h"

/* A plan of 100,000 members takes 20 MB. */
#define WHATIF_PLAN_MAX (256u << 20)

/* Both: 0, or the exit status with error set. data: hostile octets. */
int whatif_decode(struct plan **next, const uint8_t *data, size_t len, char *error, size_t cap) MUST_CHECK;
/* core is h's; it points into next afterwards, and is of no use but to be freed. */
int whatif_answer(struct doc *d, const struct ctl_host *h, struct core *core, struct plan *next, char *error, size_t cap) MUST_CHECK;

#endif
