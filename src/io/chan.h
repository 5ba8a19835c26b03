/* A SOCK_SEQPACKET channel to another process on a libevent loop: whole messages, descriptors beside them.
 *
 *     chan_send ──▶ socket, or the queue while the socket is full (never blocks)
 *     socket ──▶ on_message(data, fds) … on_end(at EOF or error: the other process is gone)
 */
#ifndef GEMEL_IO_CHAN_H
#define GEMEL_IO_CHAN_H
#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/err.h"

#define CHAN_QUEUE_MAX (64u << 20) /* octets queued for a peer that does not read: then it counts as dead */
#define CHAN_BUFFER (4 << 20)      /* asked of the kernel for each direction */

struct chan;
/* fds are the callee's: it must close or keep each. */
typedef void (*chan_message)(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count);
/* The channel is dead; the callee calls chan_free now or later. */
typedef void (*chan_end)(void *ctx);

/* A connected pair, close-on-exec, non-blocking. ERR_IO. */
int chan_pair(int fds[2]) MUST_CHECK;
/* Takes fd. NULL when out of memory (fd is closed). */
struct chan *chan_new(struct event_base *base, int fd, chan_message on_message, chan_end on_end, void *ctx) MUST_CHECK;
void chan_free(struct chan *c); /* NULL is fine; queued messages are lost. Allowed inside its own callbacks */
/* Copies the message; fds are duplicated, so the caller keeps its own. ERR_LIMIT when the queue is full, or for a message that is
 * empty or too large; ERR_IO, ERR_NOMEM. */
int chan_send(struct chan *c, const void *data, size_t len, const int *fds, size_t fd_count) MUST_CHECK;
int chan_send_buf(struct chan *c, const struct wbuf *w) MUST_CHECK; /* ERR_SHORT when w failed */
/* Stops or goes on reading (messages wait in the kernel meanwhile). */
void chan_pause(struct chan *c, bool paused);
/* Sends what is queued, waiting at most timeout_ms; for a process that is about to end. */
void chan_flush(struct chan *c, int timeout_ms);
size_t chan_queued(const struct chan *c); /* octets */
void chan_drain(struct chan *c); /* takes what is there to read now; of a process that has ended, its last words. The channel may be gone after */
int chan_fd(const struct chan *c); /* stays the channel's */

void chan_close_fds(const int *fds, size_t fd_count); /* for a message whose descriptors nobody wants */

/* The blocking form, for a process without a loop (the loader). ERR_IO, ERR_ABSENT at EOF, ERR_LIMIT for a message that did not arrive
 * whole, with all its descriptors. */
int chan_send_now(int fd, const void *data, size_t len, const int *fds, size_t fd_count) MUST_CHECK;
int chan_recv_now(int fd, uint8_t *data, size_t cap, size_t *len, int *fds, size_t *fd_count) MUST_CHECK; /* *fd_count: room in, count out */

#endif
