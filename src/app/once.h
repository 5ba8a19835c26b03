/* A probe outside the schedule, that somebody watches: it counts for nothing. It has a Lua state of its own, so that it neither sees
 * nor leaves anything in target.state, and harms no other run.
 */
#ifndef GEMEL_APP_ONCE_H
#define GEMEL_APP_ONCE_H
#include <sys/queue.h>
#include "app/prober_plan.h"
#include "io/probe.h"

struct once;
LIST_HEAD(once_list, once);
struct once_sink {
	void *ctx;
	uint32_t id; /* the caller's */
	void (*step)(void *ctx, uint32_t id, uint32_t at_us, const char *line); /* NULL = no steps */
	void (*done)(void *ctx, uint32_t id, const struct health_result *r);
};

/* done comes always, from inside where the probe cannot begin. It holds the plan until then, and stands in the list. */
void once_start(struct once_list *list, struct probes *s, struct prober_plan *plan, uint32_t stream, const struct once_sink *sink);
/* Forgets all of the list, without telling; probes_cancel was called before. */
void once_forget(struct once_list *list);

#endif
