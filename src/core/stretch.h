/* What probes found, as it is recorded: results alike in a row are one stretch, so a target that is steady writes nothing.
 *
 *     results    + + + + + + ✗ ✗ ✗   ✗   ✗   ✗   ✗ + + +   +      + up, ✗ down; fall = 3, rise = 3
 *     stretches  ├─────────┤ ├───┤   ├───────────┤ ├───┤   ├ …    another outcome, reason, weight or spacing begins the next,
 *                                                                 and so does what comes after a result that turned the verdict
 *
 *     record     6 | session 4 | key 8 | reason 1 | weight 1 | open 1 | count 4 | first wall ms 8 | last wall ms 8
 *
 * A stretch may be recorded several times, each time longer: when it begins, when it ends, once a minute if nothing else is, and in a
 * compacted journal.  Key, session and first name it.  Open: more may have followed, up to the next one of its key or the end of the session.
 */
#ifndef GEMEL_CORE_STRETCH_H
#define GEMEL_CORE_STRETCH_H
#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"

struct core_stretch {
	uint64_t key;               /* of the stream */
	uint64_t first_ms, last_ms; /* wall; evenly spaced between them */
	uint32_t count;             /* at least 1 in a record */
	uint32_t session;           /* the start of the server that saw it */
	uint8_t reason;             /* enum health_reason */
	uint8_t weight_pct;
	bool open;
};
#define STRETCH_RECORD_LEN 36
#define STRETCH_BEAT_MS 60000 /* some stretch is recorded so often: how far an open one went is known to the minute, whatever ends us */
#define STRETCH_WALL_MAX ((uint64_t)1 << 48) /* 8,900 years: sums of such times do not overflow */
void stretch_encode(struct wbuf *w, const struct core_stretch *s); /* with the record's type */
/* Behind the type. ERR_FORMAT for what cannot have been; *out is untouched then. */
int stretch_decode(struct core_stretch *out, struct rbuf *r) MUST_CHECK;
/* From one result to the next, as far as it shows; 0 = one alone does not. */
uint64_t stretch_spacing_ms(const struct core_stretch *s);

#endif
