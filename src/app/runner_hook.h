/* The runner's other client: the coordinator, which has a program run for an event.
 *
 *     coordinator ── HOOK(event) ──▶ program, the event on its standard input ── its end, or the time-out ──▶ HOOK_DONE
 *
 * The coordinator asks for one at a time. A new one begins anew, while what its predecessor asked for still runs to its end.
 */
#ifndef GEMEL_APP_RUNNER_HOOK_H
#define GEMEL_APP_RUNNER_HOOK_H
#include <event2/event.h>
#include "base/err.h"

#define RUNNER_HOOKS_MAX 4 /* programs at once; more than one only after coordinators died */

struct runner_hook;
struct runner_hook *runner_hook_new(struct event_base *base) MUST_CHECK; /* NULL = out of memory */
/* Takes fd: the channel to a new coordinator. ERR_NOMEM. */
int runner_hook_channel(struct runner_hook *h, int fd) MUST_CHECK;

#endif
