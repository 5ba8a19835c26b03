/* The log: one line an event on standard error, written whole so that processes do not mix.
 *     time=2026-11-21T02:31:00.123Z level=notice process=coordinator event=link peer=ns2 state=active
 *     time=2026-11-21T02:31:00.125Z level=notice process=supervisor message=ready
 * or the same as a JSON object (logline.h). Where standard error is journald's, or the form is LOG_SYSLOG, the line has no time
 * but begins with its priority, <3> to <7> (sd-daemon(3); logger --prio-prefix).
 *
 * A process logs LOG_LINES_A_SECOND at most, after a burst, of which the last quarter is kept for what is worse than info; and a
 * reader that takes nothing more is not waited for. What was dropped is counted, and told in the next line that passes.
 */
#ifndef GEMEL_IO_LOG_H
#define GEMEL_IO_LOG_H
#include <stdint.h>
#include "base/err.h"
#include "base/log.h"
#include "io/logline.h"

#define LOG_LINES_A_SECOND 1000
#define LOG_LINES_BURST 10000
#define LOG_VARIABLE "GEMEL_LOG" /* in the environment: how a process begins */

struct log_settings {
	enum log_level level;
	enum log_form form;
};
/* Reads "json", "debug", "json,debug"; what is not named stays. ERR_FORMAT. */
int log_settings_parse(struct log_settings *s, const char *text) MUST_CHECK;
char *log_settings_format(const struct log_settings *s, char out[32]); /* as log_settings_parse reads it. Returns out */

/* who stands in each line ("responder"); a string literal. Call once, before threads start. settings: what LOG_VARIABLE does not
 * say otherwise. */
void log_init(const char *who, const struct log_settings *settings);
struct log_settings log_settings_get(void);
void log_settings_set(const struct log_settings *s); /* from now on; any thread */
void log_line(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3); /* a sentence: message="…" */
void log_pairs(enum log_level level, const char *pairs);                      /* a text as notice_line's */
/* A line pair by pair: logline_text and logline_number between the two. False: it is not wanted, or one too many; no log_end then. */
bool log_begin(struct logline *l, enum log_level level) MUST_CHECK;
void log_end(struct logline *l);
uint64_t log_dropped(void); /* lines since the start */
#define LOG_QUERIES_A_SECOND 20000 /* of the process that logs queries, whose rate operators choose */
void log_rate_set(unsigned lines_a_second); /* the burst stays as long; before threads start */

#endif
