/* The log: one line an entry on standard error, written whole so that processes do not mix.
 *     2026-11-21T02:31:00.123Z notice coordinator: event=link peer=ns2 state=active
 * Without the time where standard error is journald's, which has one of its own.
 */
#ifndef GEMEL_IO_LOG_H
#define GEMEL_IO_LOG_H
#include "base/err.h"
#include "base/log.h"

/* who stands in each line ("responder"); a string literal. Call once, before threads start. */
void log_init(const char *who, enum log_level level);
void log_line(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
