/* Plans for tests, from a few readable lines instead of a configuration:
 *
 *     pair any-up                                     twins with ids 1 and 2 (peers 127.0.0.1:5401 and :5402)
 *     check web interval=1000 timeout=500 retry=200 fall=3 rise=2
 *     service www.example.test web 127.0.0.11 127.0.0.12@ams1 / 127.0.0.13 all_down=last ttl=10-60 initial=down
 *             name             check members, @ = host        / = next tier
 *
 * Behind the address and the host of a member: *3 its weight, ! drained, ^db.example.test a service that it needs (needs=… at the
 * end of the line: every member). fallback=192.0.2.9,192.0.2.10 for all_down=list.
 *
 *     probes 100 2                                    in flight, of all and of one address
 *     canary 192.0.2.101:80                           after the services; "pair any-up away" puts the twins on 192.0.2.0/24
 *     pair any-up share                               they share probes
 *     pair quorum above=60 least=2 ns1=2              percent, weight in all, and of nodes
 *     pair any-up paths                               two addresses a peer (and 127.0.0.2:5401 …)
 *     pair any-up servfail                            while isolated
 *     pair any-up three                               a mesh of three; "witness": the third listens nowhere
 *
 *     window upgrade 127.0.0.11,site:ams from=2023-11-14_22:14 to=2023-11-14_22:20      after the services
 *     window weekly www.example.test cron=0_3_*_*_0 lasts=7200000 state=down
 *
 * A check named "a+b" asks both (need = 2), "a|b" needs one of them; "-" is no check at all. Options of a service: all_down,
 * ttl, initial, agree, need (n or n%), answer, pick, couple.  One stream for one (address, check), as the product promises.
 */
#ifndef GEMEL_TESTS_PLAN_MAKE_H
#define GEMEL_TESTS_PLAN_MAKE_H
#include "core/plan.h"

/* self: index of the node this plan is for. Aborts on a line it does not understand: tests are ours. */
struct plan *plan_make(const char *text, uint16_t self);
/* The stream that `check` asks `address` with; aborts when there is none. */
uint32_t plan_make_stream(const struct plan *p, const char *check, const char *address);
uint64_t plan_make_key(const char *check, const struct addr *a);

#endif
