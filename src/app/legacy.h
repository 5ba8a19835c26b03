/* The last words of a coordinator that leaves for one of another version: its counters, so that those of /metrics go on.
 *
 *     tag u8 | count u16 | count × u64 | tag | count | …
 *
 * Read by other versions than the writer's: values never change their place, new ones come at the end of a list; a tag that is
 * not known is passed over, and of a list that is longer than it is known to be the known part is read.
 */
#ifndef GEMEL_APP_LEGACY_H
#define GEMEL_APP_LEGACY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"

#define LEGACY_VALUES_MAX 256 /* of a list */

enum legacy_tag {
	LEGACY_NONE = 0,
	LEGACY_ENDED,     /* struct ctl_counters up to qps: of the responders that have ended */
	LEGACY_RESPONDER, /* pid, then likewise: of one whose last words are still to come */
	LEGACY_RESULTS,   /* by enum health_reason */
	LEGACY_EVENTS,    /* by enum core_notice_kind */
	LEGACY_RELOADS,   /* taken, partly, refused, when the last ended ms, how long it took ms */
	LEGACY_PAIR,      /* struct pair_stats */
	LEGACY_HTTP       /* struct metrics_http: accepted, evicted, requests, refused, busy, cut */
};

void legacy_put(struct wbuf *w, enum legacy_tag tag, const uint64_t *v, size_t count); /* count <= LEGACY_VALUES_MAX */
/* The next list; *count values of it are in v. False at the end, or at nonsense. */
bool legacy_next(struct rbuf *r, enum legacy_tag *tag, uint64_t v[LEGACY_VALUES_MAX], size_t *count);

#endif
