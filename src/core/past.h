/* What was: the states of a service's members over the last hours, from the results and events on record.
 *
 *     stretches of each stream ──rise, fall──▶ verdicts ──check──▶ member  ┐
 *     events of overrides and windows ──────────────────▶ drained, forced ─┴─▶ spans, each until the next, the last until now
 *
 *     from ─┤ up ├─┤ down ├─┤ up ├─┤ drained ├─┤ none: we were away ├─┤ up ├─ to
 *
 * The records outlive a restart.  They are read as the present plan has it, and are this node's own: a twin's votes are on the twin's
 * record.  What had no room on record, or was before it, is none.
 */
#ifndef GEMEL_CORE_PAST_H
#define GEMEL_CORE_PAST_H
#include "core/core.h"

#define CORE_PAST_SPANS_MAX 2000 /* of a member, the newest: more than a picture has places */

enum core_past_state { CORE_PAST_NONE = 0, CORE_PAST_UP, CORE_PAST_DOWN, CORE_PAST_UNKNOWN, CORE_PAST_DRAINED };
const char *core_past_text(uint8_t state); /* "none", "up", … */
struct core_past_span { uint64_t from_ms; uint8_t state; /* enum core_past_state */ }; /* wall time */
struct core_past_member { struct core_past_span *spans; size_t count; }; /* ascending; the first begins where the picture does */
struct core_past {
	struct arena arena;
	struct core_past_member *members; /* one a member, in the order of the plan */
	size_t count;
};
/* From from_ms to to_ms, which is the present wall time. ERR_NOMEM. */
int core_past_new(struct core_past **out, const struct core *c, size_t service, uint64_t from_ms, uint64_t to_ms) MUST_CHECK;
void core_past_free(struct core_past *p);

/* ---- between its files ---- */
struct past_line { struct core_past_span *marks; size_t count, cap; }; /* what is over cap is left out */
void past_mark(struct past_line *l, uint64_t at_ms, uint8_t state); /* times ascend */
struct past_forces;
/* What forced members of that service, and when. NULL = out of memory. */
struct past_forces *past_forces_new(struct arena *a, const struct core *c, size_t service, uint64_t to_ms) MUST_CHECK;
size_t past_forces_count(const struct past_forces *f); /* changes: no line of a member has more marks */
/* Of one member: marks with an enum policy_force. */
void past_forces_line(const struct past_forces *f, const struct plan_service *s, size_t member, struct past_line *out);

#endif
