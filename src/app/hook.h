/* Which events the program of on_event is given, and what people are told of those that it is not.  No clock, no process.
 *
 *     event ─▶ a kind it wants? ─▶ this minute's places ─▶ room in the queue ─▶ queue ─▶ one at a time, in order ─▶ ended
 *                                    └─ none: dropped        └─ none: dropped                                       └─ failed?
 *
 * What was dropped, and what failed, becomes an event of the kind "hook": at once, then of each at most one a minute, with the
 * number. That something was dropped the program is told too, whatever the rate; that it failed it is not, for it would fail again.
 */
#ifndef GEMEL_APP_HOOK_H
#define GEMEL_APP_HOOK_H
#include "core/notice.h"
#include "core/plan.h"

#define HOOK_QUEUED_MAX 64 /* events that wait while the program runs: a minute's worth at the default rate */
#define HOOK_MINUTE_MS 60000

struct hook_untold { /* since people were told last */
	uint64_t count, told_ms;
	bool told; /* told_ms means something */
	const char *cause;
	char reason[NOTICE_REASON_MAX / 2]; /* of the last */
};
struct hook {
	bool on;
	uint32_t per_minute, kinds;
	char program[NOTICE_SUBJECT_MAX];
	struct core_notice queue[HOOK_QUEUED_MAX]; /* a ring, the eldest at first */
	size_t first, count;
	uint32_t running, last; /* the run whose end is awaited, 0 = none; the number given last */
	uint64_t minute_ms;     /* when this minute began */
	uint32_t in_minute;     /* events given to it since; 0 = no minute is on */
	uint64_t ran, dropped, failed; /* since the start; ran: with its end known */
	struct hook_untold untold_dropped, untold_failed;
};

/* All zero is a hook that is off. What waits is given to the new program; where there is none it is dropped. */
void hook_set(struct hook *h, const struct plan_hook *conf);
void hook_offer(struct hook *h, const struct core_notice *n, uint64_t now_ms);
/* The next to be run, which is borrowed until the next call, and the number of its run; NULL while one runs, or none waits. */
const struct core_notice *hook_next(struct hook *h, uint32_t *run);
/* fault: what went wrong, for people; NULL = nothing. A run that is not awaited is ignored. */
void hook_ended(struct hook *h, uint32_t run, const char *fault);
/* Once a second: true where out is to be told. */
bool hook_tell(struct hook *h, uint64_t now_ms, struct core_notice *out);

#endif
