/* Whom people are told of: networks whose responses are limited, from the first that is held back until none was for as long as
 * limiting may last.  A few at a time, so that a flood from many networks does not flood the log:
 *
 *     level=notice process=responder message="responses to 192.0.2.0/24 are limited (limits.rrl)"
 *     level=notice process=responder message="responses to 192.0.2.0/24 are no longer limited: 912 dropped and 911 truncated in 14 s"
 */
#ifndef GEMEL_APP_LIMITED_H
#define GEMEL_APP_LIMITED_H
#include "answer/rate.h"

#define LIMITED_MAX 8 /* networks told of at a time */
#define LIMITED_TEXT_MAX (ADDR_TEXT_MAX + 4)

struct limited_net {
	uint64_t net; /* 0 = free */
	uint64_t since_ms, last_ms;
	uint64_t dropped, slipped;
};
struct limited { struct limited_net nets[LIMITED_MAX]; };

/* Adds what was counted. True where limiting of that network begins, and there is room to tell of it. */
bool limited_note(struct limited *l, const struct rate_watched *w, uint64_t now_ms);
/* Takes out one that was not limited for quiet_ms; false: there is none. */
bool limited_take_ended(struct limited *l, uint64_t now_ms, uint64_t quiet_ms, struct limited_net *out);
/* "192.0.2.0/24", "2001:db8::/56": what answer_prefix made a number of. */
const char *limited_net_text(uint64_t net, char out[LIMITED_TEXT_MAX]);

#endif
