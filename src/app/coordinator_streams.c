/* Connections with the twin: sockets for what the core decides. It opens, writes and closes; here is how many there may be.
 *
 *     listener ─accept─▶ CORE_STREAM_ACCEPTED          CORE_CONNECTION open ──▶ connect ─▶ CORE_STREAM_OPENED
 *     octets ──────────▶ CORE_STREAM_OCTETS            CORE_CONNECTION send ──▶ buffer ──▶ CORE_STREAM_DRAINED
 *     end, error ──────▶ CORE_STREAM_ENDED             CORE_CONNECTION close ─▶ closed, nothing told
 *
 * A stranger costs an accept: ACCEPTS_A_SECOND for addresses that are no peer's, and apart from these as many for each peer.
 * What is more is closed at once, so that the queue is empty for the peer. Who may stay is the core's to say (pair/stream.h).
 * Nothing here calls the core from within a step: all callbacks come from the loop.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "app/coordinator_state.h"
#include "io/clock.h"
#include "io/log.h"
#include "io/sockaddr.h"

#define STREAMS_MAX 32        /* more than the core lets live: those that it has yet to close too */
#define ACCEPTS_A_TURN 16
#define ACCEPTS_A_SECOND 8    /* from addresses of no peer; a peer needs one in five seconds */
#define OCTETS_A_TURN 16384   /* read at once; the others wait in the kernel */
#define OCTETS_QUEUED (1 << 20) /* the core waits for the drain each 40 kB: this is only for its faults */

struct connection {
	struct coordinator *c;
	uint32_t id; /* 0 = free */
	struct addr from;
	int fd;
	struct event *connecting;
	struct bufferevent *io;
};
struct bucket {
	uint64_t at_ms;
	unsigned left;
};
struct streams {
	uint32_t accepted;
	struct bucket strangers, peers;
	struct connection list[STREAMS_MAX];
};

static struct connection *find(struct coordinator *c, uint32_t id)
{
	for (size_t i = 0; c->streams && i < STREAMS_MAX; i++)
		if (c->streams->list[i].id == id)
			return &c->streams->list[i];
	return NULL;
}

static void release(struct connection *k)
{
	if (k->connecting)
		event_free(k->connecting);
	if (k->io)
		bufferevent_free(k->io); /* closes */
	else if (k->fd >= 0)
		close(k->fd);
	*k = (struct connection){ .fd = -1 };
}

/* Any of these may release the connection before it returns. */
static void tell(struct connection *k, enum core_stream what, const uint8_t *data, size_t len)
{
	struct core_event e = { .type = CORE_STREAM, .stream = { .what = what, .id = k->id, .from = k->from, .data = data,
								 .len = len } };
	coordinator_step(k->c, &e);
}

static void tell_end(struct connection *k)
{
	struct coordinator *c = k->c;
	struct core_event e = { .type = CORE_STREAM, .stream = { .what = CORE_STREAM_ENDED, .id = k->id, .from = k->from } };
	release(k);
	coordinator_step(c, &e);
}

static void on_read(struct bufferevent *io, void *ctx)
{
	struct connection *k = ctx;
	struct coordinator *c = k->c;
	uint32_t id = k->id;
	uint8_t data[OCTETS_A_TURN];
	for (size_t n; (n = bufferevent_read(io, data, sizeof data)) > 0;) {
		tell(k, CORE_STREAM_OCTETS, data, n);
		if (find(c, id) != k)
			return;
	}
}

static void on_written(struct bufferevent *io, void *ctx)
{
	struct connection *k = ctx;
	if (evbuffer_get_length(bufferevent_get_output(io)) == 0)
		tell(k, CORE_STREAM_DRAINED, NULL, 0);
}

static void on_event(struct bufferevent *io, short what, void *ctx)
{
	(void)io;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		tell_end(ctx);
}

/* The buffers own the socket from here on. */
static bool begin_io(struct connection *k)
{
	k->io = bufferevent_socket_new(k->c->base, k->fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	if (!k->io)
		return false;
	bufferevent_setcb(k->io, on_read, on_written, on_event, k);
	bufferevent_setwatermark(k->io, EV_READ, 0, OCTETS_A_TURN);
	return bufferevent_enable(k->io, EV_READ | EV_WRITE) == 0;
}

/* ---- ours ---- */

static void on_connected(evutil_socket_t fd, short what, void *ctx)
{
	struct connection *k = ctx;
	int error = 0;
	socklen_t len = sizeof error;
	event_free(k->connecting);
	k->connecting = NULL;
	if (!(what & EV_WRITE) || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) || error || !begin_io(k))
		tell_end(k);
	else
		tell(k, CORE_STREAM_OPENED, NULL, 0);
}

/* From the address that the peer knows us by, where that is one. -1 = cannot. */
static int dial(const struct coordinator *c, const struct addr *to)
{
	const struct listen_peer *way = coordinator_way(c, to);
	struct sockaddr_storage ss;
	int one = 1, fd = socket(to->family == 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (way && !addr_is_any(&way->addr)) {
		struct addr from = way->addr;
		from.port = 0;
		socklen_t len = sockaddr_from_addr(&ss, &from);
		(void)!bind(fd, (struct sockaddr *)&ss, len); /* else from whatever the route gives */
	}
	socklen_t len = sockaddr_from_addr(&ss, to);
	if (connect(fd, (struct sockaddr *)&ss, len) == 0 || errno == EINPROGRESS)
		return fd;
	close(fd);
	return -1;
}

static void open_connection(struct coordinator *c, const struct core_effect *e)
{
	struct connection *k = find(c, 0);
	if (!k) { /* the core gives up on it by itself */
		log_line(LOG_LEVEL_WARNING, "too many connections with twins");
		return;
	}
	*k = (struct connection){ .c = c, .id = e->connection.id, .from = e->connection.to, .fd = dial(c, &e->connection.to) };
	k->connecting = event_new(c->base, k->fd, k->fd >= 0 ? EV_WRITE : 0, on_connected, k);
	if (!k->connecting)
		release(k);
	else if (k->fd < 0)
		event_active(k->connecting, EV_TIMEOUT, 0); /* failed already: told from the loop, not from within this step */
	else
		event_add(k->connecting, NULL);
}

static void send_octets(struct connection *k, const struct core_effect *e)
{
	struct evbuffer *out = k->io ? bufferevent_get_output(k->io) : NULL;
	if (out && evbuffer_get_length(out) < OCTETS_QUEUED)
		bufferevent_write(k->io, e->connection.data, e->connection.len);
}

void coordinator_connection(struct coordinator *c, const struct core_effect *e)
{
	struct connection *k = find(c, e->connection.id);
	switch (e->connection.op) {
	case PAIR_STREAM_OPEN:
		open_connection(c, e);
		break;
	case PAIR_STREAM_SEND:
		if (k)
			send_octets(k, e);
		break;
	case PAIR_STREAM_CLOSE:
		if (k)
			release(k);
		break;
	case PAIR_STREAM_NONE:
		break;
	}
}

void coordinator_flush_streams(struct coordinator *c)
{
	for (size_t i = 0; c->streams && i < STREAMS_MAX; i++) {
		struct connection *k = &c->streams->list[i];
		struct evbuffer *out = k->id && k->io ? bufferevent_get_output(k->io) : NULL;
		size_t len = out ? evbuffer_get_length(out) : 0;
		if (len)
			(void)!send(k->fd, evbuffer_pullup(out, -1), len, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

/* ---- theirs ---- */

static bool take_token(struct bucket *b, unsigned a_second)
{
	uint64_t now = clock_mono_ms();
	if (now - b->at_ms >= 1000)
		*b = (struct bucket){ now, a_second };
	if (b->left == 0)
		return false;
	b->left--;
	return true;
}

static bool is_of_peer(const struct coordinator *c, const struct addr *a)
{
	const struct plan *p = core_plan(c->core);
	for (uint16_t n = 0; n < p->node_count; n++)
		for (size_t i = 0; n != p->self && i < p->nodes[n].peer_count; i++)
			if (addr_same_ip(&p->nodes[n].peer[i], a))
				return true;
	return false;
}

static void take(struct coordinator *c, int fd, const struct addr *from)
{
	struct streams *s = c->streams;
	bool peer = c->core && is_of_peer(c, from);
	bool may = c->core && take_token(peer ? &s->peers : &s->strangers, ACCEPTS_A_SECOND * (peer ? PAIR_NODES_MAX - 1 : 1));
	struct connection *k = may ? find(c, 0) : NULL;
	if (!k) {
		close(fd);
		return;
	}
	*k = (struct connection){ .c = c, .id = PAIR_STREAM_ACCEPTED | ++s->accepted, .from = *from, .fd = fd };
	if (begin_io(k))
		tell(k, CORE_STREAM_ACCEPTED, NULL, 0);
	else
		release(k);
}

struct door { /* lives as long as the process */
	struct coordinator *c;
	struct event *readable;
};

static void wake(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	event_add(((struct door *)ctx)->readable, NULL);
}

/* A connection that cannot be taken stays in the queue and the listener readable: without a rest we would spin. */
static void rest(struct door *d)
{
	struct timeval second = { .tv_sec = 1 };
	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return;
	event_del(d->readable);
	event_base_once(d->c->base, -1, EV_TIMEOUT, wake, d, &second);
}

static void on_listener(evutil_socket_t fd, short what, void *ctx)
{
	struct door *d = ctx;
	(void)what;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct sockaddr_storage ss;
		socklen_t len = sizeof ss;
		struct addr from = { 0 };
		int conn = accept4(fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (conn < 0) {
			rest(d);
			return;
		}
		sockaddr_to_addr(&from, &ss);
		take(d->c, conn, &from);
	}
}

void coordinator_listen(struct coordinator *c, int fd, const struct addr *at)
{
	char where[ADDR_TEXT_MAX];
	if (!c->streams) {
		if (!(c->streams = calloc(1, sizeof *c->streams)))
			exit(1);
		for (size_t i = 0; i < STREAMS_MAX; i++)
			c->streams->list[i].fd = -1;
	}
	struct door *d = calloc(1, sizeof *d);
	if (d)
		*d = (struct door){ c, event_new(c->base, fd, EV_READ | EV_PERSIST, on_listener, d) };
	if (!d || !d->readable || event_add(d->readable, NULL))
		log_line(LOG_LEVEL_ERROR, "twins cannot reach us by TCP on %s", addr_format(at, true, where));
}
