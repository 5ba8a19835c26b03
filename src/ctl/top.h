/* One picture of `gemelctl top`, from what the verbs say to people. Pure: no terminal, no clock.
 *
 *     ns1  0.1.0  up 2h  generation 3  12.0 q/s                          2026-11-21 10:25:00 UTC
 *     services 2 (0 degraded, 1 failed, 0 waiting)  members up 3 of 4  overrides 0  network ok
 *
 *     SERVICE         STATE   TOTAL  UP …                     +7 more
 *     b.example.test  failed  1      0  …                     what is bad comes first, then what is unsure
 *
 *     ADDRESS    CHECK …
 *
 *     TIME       KIND  …                                      the newest that fit
 *
 *     q quits, space asks again                               or why there is nothing newer
 *
 * A terminal that is too small for all shows of each section as much as of the others; then less of the head. One that is too narrow
 * for events shows the time of day only, and leaves out who saw it, its cause and the old state, in this order.
 */
#ifndef GEMEL_CTL_TOP_H
#define GEMEL_CTL_TOP_H
#include <stdbool.h>
#include "base/buf.h"

enum top_section { TOP_SERVICES = 0, TOP_TARGETS, TOP_EVENTS, TOP_SECTIONS };
#define TOP_COLUMNS_MAX 1000 /* wider terminals show as much */
#define TOP_ROWS_MAX 1000

struct top_view {
	const char *status;                 /* what `status` prints; NULL = never got it */
	const char *section[TOP_SECTIONS];  /* what `services`, `targets` and `events` print, coloured; NULL = nothing */
	const char *clock;                  /* of this picture */
	const char *fault;                  /* why this is an old picture; NULL = it is not */
	unsigned rows, columns;
	bool colour;
	bool terminal;                      /* rows clear what stood there, and the last one tells the keys */
};

/* At most `rows` lines, none wider than `columns`. The last has no end; those of a terminal's are "\r\n". */
void top_render(struct bytes *out, const struct top_view *v);

#endif
