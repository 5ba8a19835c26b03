/* A plan in the making: shared by plan.c and streams.c. */
#ifndef GEMEL_CONF_PLANNER_H
#define GEMEL_CONF_PLANNER_H
#include "conf/internal.h"

struct planner {
	struct conf *c;
	struct plan *p;
	struct table by_key; /* stream key → index + 1 */
	struct plan_stream *streams; /* heap while it grows */
	size_t stream_cap;
	struct plan_script *scripts;
	struct plan_file *files;
	bool failed; /* out of memory */
	size_t errors;
};

/* In the plan's arena; NULL sets failed. copy_text(NULL) is NULL. */
void *conf_planner_room(struct planner *pl, size_t n, size_t size);
const char *conf_planner_text(struct planner *pl, const char *s);
/* The stream by which check k asks for member m of s: a new one, or one that asks the same. args: room for all of the
 * check's arguments, the script's own and a port. Faults are told. */
uint32_t conf_planner_stream(struct planner *pl, const struct conf_service *s, const struct conf_member *m,
			     struct conf_check *k,
			     struct plan_arg *args);

/* After the services: the maintenance windows, whose selectors must match something. */
void conf_planner_windows(struct planner *pl);

/* After the digest: the own canaries, of which the twin knows nothing. */
void conf_planner_canaries(struct planner *pl);

#endif
