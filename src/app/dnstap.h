/* dnstap: AUTH_QUERY and AUTH_RESPONSE messages to a reader's Unix socket, as Frame Streams of protocol buffers.
 *
 *     connect ─▶ READY ─▶ … ACCEPT ─▶ START, frames …, STOP          we speak first; each frame: length u32 | octets
 *        ▲                  │
 *        └──── a second ────┘ refused, not there, dead, no ACCEPT in time: frames are dropped meanwhile, and counted
 *
 * A reader that is slow fills the queue, which is bounded in octets and frames; what does not fit is dropped, and counted. Nobody waits
 * for it, and what was not sent when it goes is counted as dropped too.
 */
#ifndef GEMEL_APP_DNSTAP_H
#define GEMEL_APP_DNSTAP_H
#include <event2/event.h>
#include "app/tap_ring.h"
#include "base/buf.h"

#define DNSTAP_QUEUE_MAX (16u << 20) /* octets */
#define DNSTAP_FRAMES_MAX 65536

struct dnstap_stats { uint64_t sent, dropped; bool connected; };

struct dnstap;
/* identity: the node's name; copied, as path is. NULL = out of memory. */
struct dnstap *dnstap_new(struct event_base *base, const char *path, const char *identity) MUST_CHECK;
/* Says STOP where the socket takes it at once. NULL is fine; what is queued is lost. */
void dnstap_free(struct dnstap *d);
void dnstap_tell(struct dnstap *d, const struct tap_copy *c); /* the query, and its response where there is one */
/* Nothing more will come: true once all that was queued is sent, and where nobody takes it. */
bool dnstap_is_done(const struct dnstap *d);
void dnstap_stats_get(const struct dnstap *d, struct dnstap_stats *out);

/* The message alone; ERR_NOMEM, or ERR_LIMIT past out's bound. */
int dnstap_encode(struct bytes *out, const struct tap_copy *c, bool response, const char *identity) MUST_CHECK;

#endif
