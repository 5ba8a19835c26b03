/* The last words of a coordinator or a responder that leaves for one of another version: its counters, so that those of /metrics go
 * on.
 *
 *     tag u8 | count u16 | count × u64 | tag | count | …      in as many messages as it takes, a list never in two
 *
 * Read by other versions than the writer's: values never change their place, new ones come at the end of a list; a tag that is
 * not known is passed over, and of a list that is longer than it is known to be the known part is read.
 *
 * What a responder counted is told by its pid: 0 = all that have ended. Of itself a responder says 0, and RESPONDER last.
 */
#ifndef GEMEL_APP_LEGACY_H
#define GEMEL_APP_LEGACY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/err.h"

#define LEGACY_VALUES_MAX 256 /* of a list */
#define LEGACY_MESSAGE_MAX 32768
#define LEGACY_NAME_VALUES 129 /* of the longest name: 1004 octets of text and its length, eight to a value */

enum legacy_tag {
	LEGACY_NONE = 0,
	LEGACY_ENDED,     /* struct ctl_counters up to qps: of the responders that have ended */
	LEGACY_RESPONDER, /* pid, then likewise: of one whose last words are still to come */
	LEGACY_RESULTS,   /* by enum health_reason */
	LEGACY_EVENTS,    /* by enum core_notice_kind */
	LEGACY_RELOADS,   /* taken, partly, refused, when the last ended ms, how long it took ms */
	LEGACY_PAIR,      /* struct pair_stats */
	LEGACY_HTTP,      /* struct metrics_http: accepted, evicted, requests, refused, busy, cut, tokens_refused */
	LEGACY_LATENCY,   /* pid, sum ns, then the buckets */
	LEGACY_ZONE,      /* pid, questions, then the zone's name (legacy_name_put) */
	LEGACY_HOOK,      /* struct ctl_hook: ran, failed, dropped */
	LEGACY_TAP,       /* pid, then struct ctl_tap: lines, lost, frames, frames_dropped; pid 0: of all there were; else part of it. Of
			   * itself a tap says 0 */
	LEGACY_LOG,       /* lines of the log that were dropped */
	LEGACY_CPU        /* role, ms of processors that the processes of that role took; role, ms; … */
};

void legacy_put(struct wbuf *w, enum legacy_tag tag, const uint64_t *v, size_t count); /* count <= LEGACY_VALUES_MAX */
/* A name as values: its length, then eight octets each. Returns how many; 0 where it is too long. */
size_t legacy_name_put(uint64_t out[LEGACY_NAME_VALUES], const char *name);
bool legacy_name_get(char *out, size_t cap, const uint64_t *v, size_t count);

/* Fills messages, and sends each that is full. */
struct legacy_writer {
	int (*send)(void *ctx, const uint8_t *data, size_t len);
	void *ctx;
	int error; /* of the first that failed; nothing is sent after it */
	struct wbuf w;
	uint8_t room[LEGACY_MESSAGE_MAX];
};
void legacy_begin(struct legacy_writer *l, int (*send)(void *ctx, const uint8_t *data, size_t len), void *ctx);
void legacy_add(struct legacy_writer *l, enum legacy_tag tag, const uint64_t *v, size_t count);
int legacy_end(struct legacy_writer *l) MUST_CHECK;

/* The next list; *count values of it are in v. False at the end, or at nonsense. */
bool legacy_next(struct rbuf *r, enum legacy_tag *tag, uint64_t v[LEGACY_VALUES_MAX], size_t *count);

#endif
