/* Which packets count: a session is a peer's boot, and each counter of it counts once.
 *
 *     authenticated ─▶ your_boot is mine? ─▶ current boot, or a higher epoch than ever? ─▶ counter new? ─▶ counts
 *                          │ no                    │ no                                       │ no
 *                          └──────── hello ◀───────┘                                          └─▶ replay
 *
 * A packet that some earlier start of mine asked for names that start's boot, and one of an earlier start of the peer
 * has an epoch that is not higher: neither can come back.
 */
#ifndef GEMEL_PAIR_SESSION_H
#define GEMEL_PAIR_SESSION_H
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

#define SESSION_WINDOW 1024 /* packets may overtake each other by this much; a power of two */

struct session {
	uint64_t boot, epoch; /* 0: none yet */
	uint64_t highest;     /* counter */
	uint64_t seen[SESSION_WINDOW / 64];
};

enum session_verdict {
	SESSION_NONE = 0,
	SESSION_BOUND, /* of the current session */
	SESSION_NEW,   /* opens a session */
	SESSION_HELLO, /* does not know my boot: worth an answer, nothing else */
	SESSION_OLD,   /* knows my boot but is of a session that was overtaken */
	SESSION_REPLAY /* this counter was there, or is too far behind */
};
/* Whether that counter of the current session was here, or is too far behind: known before anything is proven, and without cost. */
bool session_was_seen(const struct session *s, uint64_t boot, uint64_t counter);
/* Judges without changing anything. my_boot is never 0. */
enum session_verdict session_judge(const struct session *s, uint64_t my_boot, uint64_t your_boot, uint64_t boot,
				   uint64_t epoch, uint64_t counter);
/* Takes in a packet judged BOUND or NEW. */
void session_accept(struct session *s, uint64_t boot, uint64_t epoch, uint64_t counter);

#endif
