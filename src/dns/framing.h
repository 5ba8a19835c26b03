/* Messages of a stream (RFC 1035 4.2.2, RFC 7766 8): each behind its length in two octets, cut into pieces anywhere.
 *
 *     00 1d [29 octets] 00 1d [29 octets] 00 ─┊─ 1d [29 octets] 00 21 [12 of 33 octets] ─┊─ …
 *          a piece brought two whole messages ┊   and half of a length: one octet is kept
 *
 * A stream that is at a boundary, as most are most of the time, owns no memory. What came stands in the caller's room, which
 * all streams share, and is handed on from there; only what is left over is copied.
 */
#ifndef GEMEL_DNS_FRAMING_H
#define GEMEL_DNS_FRAMING_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

#define FRAMING_PREFIX_LEN 2
#define FRAMING_HEAD (FRAMING_PREFIX_LEN + 65535) /* free room that feeding wants before what came: the longest part of a message */

struct framing { /* one a stream, all zero at its start */
	uint8_t *kept; /* what is left over */
	size_t len, cap;
};

/* Takes one message, which is valid for the call. False: enough for now, the messages behind it are kept. */
typedef bool (*framing_take)(void *ctx, const uint8_t *message, size_t len);

void framing_deinit(struct framing *f);

/* Hands on each whole message: of those that were kept, then of the len octets at `came`, before which FRAMING_HEAD octets are
 * free to be written. Gives back how many, or ERR_NOMEM: what was left over is lost, and the stream with it.
 * While framing_waits, only len 0 may be given (came is not looked at): so what is kept is at most a message and one piece. */
int framing_feed(struct framing *f, uint8_t *came, size_t len, framing_take take, void *ctx) MUST_CHECK;
/* A whole message is among what is kept: take said it had enough. */
bool framing_waits(const struct framing *f);

#endif
