/* A notice: one change, or one alarm, as operators are told of it.  The log's line, the JSON of `gemelctl events` and
 * the journal's record are forms of the same struct.
 *
 *     line    event=verdict address=192.0.2.1:80 check=web took_us=350 state=down was=up cause=check
 *             reason="HTTP status: got 503" observer=ns1
 *     JSON    {"number":7,"time":"2026-11-21T02:31:00.123Z","kind":"verdict","subject":"192.0.2.1:80","old":"up","new":"down",
 *              "cause":"check","reason":"HTTP status: got 503","observer":"ns1","detail":{"check":"web","took_us":350}}
 *     record  5 | number 8 | wall ms 8 | kind 1 | old, new, cause, reason, observer, detail, subject: each a string of base/buf.h
 *
 * Causes: check (a probe's results), age (a verdict grew too old), operator, expiry, twin, reload, start, time,
 * maintenance (a window began or ended); of a hook: rate, queue, program.
 */
#ifndef GEMEL_CORE_NOTICE_H
#define GEMEL_CORE_NOTICE_H
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "base/buf.h"
#include "base/json.h"

enum core_notice_kind {
	CORE_NOTICE_NONE = 0,
	CORE_NOTICE_VERDICT,  /* subject: an address; states of our own probes, or of a twin's: the observer */
	CORE_NOTICE_ANSWER,   /* a service; addresses */
	CORE_NOTICE_OVERRIDE, /* what an operator named; verbs */
	CORE_NOTICE_LINK,     /* a peer; states of the link */
	CORE_NOTICE_NETWORK,  /* a path of our own network: lost, isolated where no other is left, back */
	CORE_NOTICE_PROBER,   /* gone, back */
	CORE_NOTICE_NODE,     /* this node: started, generation N; a twin: tilt, isolated, maint, or out of it */
	CORE_NOTICE_CHECK,    /* a check: known, unknown wherever it is asked for want of results, gone */
	CORE_NOTICE_CANARY,   /* an address: asked, or mute where this machine cannot ask it */
	CORE_NOTICE_ALARM,    /* a peer, or this node; the reason tells what */
	CORE_NOTICE_HOOK,     /* the program of on_event; dropped, failed */
	CORE_NOTICE_FLAP,     /* an address: steady, flapping, suppressed */
	CORE_NOTICE_REMOVALS, /* a service: held, where members that are down stay in for its bound; within bound */
	CORE_NOTICE_WINDOW,   /* a maintenance window; began, ended, and held back by a service that it would leave without an answer */
	CORE_NOTICE_KINDS
};
/* Octets with the NUL; longer texts are cut. One record holds them all at their longest (JOURNAL_RECORD_MAX). */
#define NOTICE_SUBJECT_MAX 256
#define NOTICE_STATE_MAX 160 /* ten IPv4 addresses; of more the number is told */
#define NOTICE_CAUSE_MAX 16
#define NOTICE_REASON_MAX 176
#define NOTICE_OBSERVER_MAX 64
#define NOTICE_DETAIL_MAX 160
#define NOTICE_LINE_MAX 1280 /* quotes and keys counted in */
struct core_notice {
	uint64_t number;  /* rises over restarts as long as the journal lives */
	uint64_t wall_ms; /* UTC */
	enum core_notice_kind kind;
	char subject[NOTICE_SUBJECT_MAX];
	char old[NOTICE_STATE_MAX], new[NOTICE_STATE_MAX]; /* "" = there is none, as of alarms */
	char cause[NOTICE_CAUSE_MAX], reason[NOTICE_REASON_MAX];
	char observer[NOTICE_OBSERVER_MAX]; /* the node that saw it or did it */
	char detail[NOTICE_DETAIL_MAX];     /* "key=value\nkey=value" */
};

const char *notice_kind_text(enum core_notice_kind k); /* "verdict", … */
/* A twin's own, which it told us: its number there stands first in the detail. */
#define NOTICE_RELAYED "number="
static inline bool notice_is_relayed(const struct core_notice *n)
{
	return strncmp(n->detail, NOTICE_RELAYED, sizeof NOTICE_RELAYED - 1) == 0;
}
bool notice_is_alarm(const struct core_notice *n);       /* somebody should look */
/* Adds one key=value to the detail; one that does not fit whole is left out. */
void notice_detail_add(struct core_notice *n, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Takes them one by one, from at = n->detail on; false at the end. */
bool notice_detail_next(const char **at, const char **key, size_t *key_len, const char **value, size_t *value_len);
/* Without time and number, which the log has itself. Returns out. */
char *notice_line(const struct core_notice *n, char out[NOTICE_LINE_MAX]);
void notice_json(struct json *j, const struct core_notice *n); /* one object */

#define NOTICE_RECORD_MAX 1024
/* Appends the record, type and all; cannot fail where w has NOTICE_RECORD_MAX left. */
void notice_encode(struct wbuf *w, const struct core_notice *n);
/* Behind the record's type. ERR_FORMAT; the texts are clean then, whoever wrote them. */
int notice_decode(struct core_notice *n, struct rbuf *r) MUST_CHECK;

#endif
