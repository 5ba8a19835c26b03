/* One line of the log, in either of its forms; pure text, without a clock or a file.
 *
 *     key=value   time=2026-11-21T02:31:00.123Z level=notice process=coordinator event=link peer=ns2 reason="first heartbeat"
 *     JSON        {"time":"2026-11-21T02:31:00.123Z","level":"notice","process":"coordinator","event":"link",…}
 *
 * Values come from scripts, twins, operators and strangers' queries: no octet of them ends the line, the value or the string
 * early. In key=value one stands in quotes where a reader could not tell its end, with \" \\ \n \r \t and \xNN for other
 * controls and for what is no UTF-8; in JSON what is no UTF-8 becomes U+FFFD.
 *
 * A line is bounded: a text that does not fit is cut and ends with "…", and what comes behind is left out; the line stays whole.
 */
#ifndef GEMEL_IO_LOGLINE_H
#define GEMEL_IO_LOGLINE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOGLINE_MAX 2048 /* octets, with what ends it: a log line must not be a way to fill a disk */

enum logline_form { LOGLINE_TEXT = 1, LOGLINE_JSON };

struct logline {
	enum logline_form form;
	size_t len;
	bool full; /* something was cut: nothing more is added */
	bool any;  /* it has a pair */
	char out[LOGLINE_MAX + 1];
};

/* prefix: what stands before all of it ("<5>"), or "". */
void logline_begin(struct logline *l, enum logline_form form, const char *prefix);
/* key: letters, digits and _, ours. */
void logline_text(struct logline *l, const char *key, const char *value, size_t len);
void logline_number(struct logline *l, const char *key, uint64_t value);
/* The pairs of a text as notice_line writes it: a=b c="d e". What is no pair is left out. */
void logline_pairs(struct logline *l, const char *text);
void logline_end(struct logline *l); /* the line is whole: out, len octets, the last a newline; and a NUL behind */

#endif
