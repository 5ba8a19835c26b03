/* Notices as `gemelctl events` shows them: a table or a document of the history, and lines of what comes after it.
 *
 *     TIME                      KIND     SUBJECT       OLD  NEW   CAUSE  OBSERVER  REASON
 *     2026-11-21T02:31:00.123Z  verdict  192.0.2.1:80  up   down  check  ns1       HTTP status: got 503
 *
 * JSON: {"events":[…]} of objects as in core/notice.h; with -f one object a line.
 */
#ifndef GEMEL_CTL_EVENTS_H
#define GEMEL_CTL_EVENTS_H
#include "core/notice.h"
#include "ctl/verbs.h"

#define EVENTS_COLUMNS 8
#define EVENTS_FOLLOW_LAST 10 /* shown first by -f without -n */
/* Columns' widths: of the history that was shown, so that what follows stands below it. A longer text widens its own line only. */
struct events_layout { uint16_t width[EVENTS_COLUMNS]; };

/* The last `last` notices, with a header; and the layout for what comes. */
void events_table(struct bytes *out, struct events_layout *l, const struct core *c, size_t last);
void events_line(struct bytes *out, const struct events_layout *l, const struct core_notice *n);
void events_json(struct bytes *out, const struct core *c, size_t last); /* one document */
void events_json_lines(struct bytes *out, const struct core *c, size_t last);
void events_json_line(struct bytes *out, const struct core_notice *n);
/* -n of the call, or what holds without it. */
size_t events_last(const struct call *c);

#endif
