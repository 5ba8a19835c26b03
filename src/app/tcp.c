/* DNS over TCP (RFC 7766) on the main thread: many connections, pipelined; all that one read brought is answered with one write.
 * Connections stand in lists by last activity: when a bound is reached the idlest gives way to the newcomer, of its own
 * network where that has as many as one may have, else of all.  So a newcomer is always served, and no network has them all. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>
#include "app/responder_state.h"
#include "app/sources.h"
#include "io/log.h"
#include "io/sockaddr.h"

#define UNSENT_MAX (256u << 10) /* a reader so far behind is not read from until it caught up */
#define ACCEPTS_A_TURN 64

struct tcp_conn {
	struct source_entry activity;
	struct tcp_server *server;
	struct bufferevent *bev;
	struct addr peer;
	int pending;  /* answers still to come from the cold path */
	bool closing; /* the client will send no more */
};
struct tcp_server {
	struct responder *r;
	struct sources conns;
	struct tcp_stats stats;
	struct listener { struct tcp_server *server; struct event *readable, *rested; } listeners[RESPONDER_LISTENS_MAX];
	size_t listener_count;
	uint8_t answer[DNS_MESSAGE_MAX];
};

static void conn_free(struct tcp_conn *c)
{
	sources_remove(&c->server->conns, &c->activity);
	c->server->stats.open--;
	cold_forget_conn(c->server->r->cold, c);
	bufferevent_free(c->bev);
	free(c);
}

void tcp_send(struct tcp_conn *c, const uint8_t *message, size_t len)
{
	uint8_t prefix[2];
	struct evbuffer *out = bufferevent_get_output(c->bev);
	store_u16(prefix, (uint16_t)len);
	if (evbuffer_expand(out, len + 2))
		return; /* out of memory: no answer rather than half of one, which would spoil all that follow */
	evbuffer_add(out, prefix, 2);
	evbuffer_add(out, message, len);
}

const struct addr *tcp_peer(const struct tcp_conn *c)
{
	return &c->peer;
}

void tcp_pending(struct tcp_conn *c, int change)
{
	c->pending += change;
}

static void answer_message(struct tcp_conn *c, const uint8_t *query, size_t len)
{
	struct responder *r = c->server->r;
	size_t out_len = 0;
	r->main_answer.turn = r->view->turn[r->worker_count];
	cookies_lend(r, &r->main_answer);
	const struct answer_from from = { .transport = ANSWER_TCP, .client = &c->peer, .prefix = answer_prefix(&c->peer) };
	switch (answer_query(r->view->db, &r->main_answer, &r->limits, &from, query, len, c->server->answer,
			     sizeof c->server->answer, &out_len)) {
	case ANSWER_SEND:
		tcp_send(c, c->server->answer, out_len);
		break;
	case ANSWER_COLD:
		cold_submit(r->cold, &(struct cold_origin){ .conn = c, .fd = -1 }, query, len);
		break;
	case ANSWER_NONE:
		break;
	}
}

static bool is_behind(const struct tcp_conn *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev)) > UNSENT_MAX;
}

static void answer_what_came(struct tcp_conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	uint8_t prefix[2];
	while (evbuffer_copyout(in, prefix, 2) == 2 && !is_behind(c)) {
		size_t len = load_u16(prefix);
		const uint8_t *message = evbuffer_get_length(in) < len + 2 ? NULL : evbuffer_pullup(in, (ssize_t)len + 2);
		if (!message)
			break;
		sources_touch(&c->server->conns, &c->activity); /* by whole messages: single octets do not keep a connection young */
		answer_message(c, message + 2, len);
		evbuffer_drain(in, len + 2);
	}
	if (is_behind(c))
		bufferevent_disable(c->bev, EV_READ);
}

static void on_read(struct bufferevent *bev, void *ctx)
{
	(void)bev;
	answer_what_came(ctx);
}

/* The output is empty. */
static void on_written(struct bufferevent *bev, void *ctx)
{
	struct tcp_conn *c = ctx;
	answer_what_came(c);
	if (evbuffer_get_length(bufferevent_get_output(bev)) > 0)
		return;
	if (c->closing && !c->pending)
		conn_free(c);
	else if (!c->closing)
		bufferevent_enable(bev, EV_READ);
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
	struct tcp_conn *c = ctx;
	bool unsent = evbuffer_get_length(bufferevent_get_output(bev)) > 0;
	if ((what & BEV_EVENT_EOF) && (unsent || c->pending)) {
		c->closing = true; /* half-closed: what it asked is still answered */
		return;
	}
	conn_free(c);
}

static void evict(struct tcp_conn *c, uint64_t *counter)
{
	if (!c)
		return;
	++*counter;
	conn_free(c);
}

static void evict_idlest(struct tcp_server *t)
{
	evict(sources_idlest(&t->conns), &t->stats.evicted);
}

static bool is_full(size_t count, uint16_t bound)
{
	return count > 0 && count >= bound;
}

/* Bounds may have sunk with a reload, so one may not be enough. */
static void make_room(struct tcp_server *t, uint64_t net)
{
	while (is_full(sources_count_of(&t->conns, net), t->r->tcp_per_source))
		evict(sources_idlest_of(&t->conns, net), &t->stats.evicted_source);
	while (is_full(t->conns.count, t->r->tcp_max))
		evict_idlest(t);
}

static struct timeval idle_time(const struct responder *r)
{
	return (struct timeval){ .tv_sec = r->tcp_idle_ms / 1000, .tv_usec = r->tcp_idle_ms % 1000 * 1000 };
}

static void conn_new(struct tcp_server *t, int fd, const struct sockaddr_storage *from)
{
	const struct timeval idle = idle_time(t->r); /* RFC 7766 6.2.3 */
	struct tcp_conn *c = calloc(1, sizeof *c);
	struct bufferevent *bev = bufferevent_socket_new(t->r->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (c)
		sockaddr_to_addr(&c->peer, from);
	if (c && bev)
		make_room(t, answer_prefix(&c->peer));
	if (!c || !bev || sources_add(&t->conns, &c->activity, answer_prefix(&c->peer), c)) {
		free(c);
		if (bev)
			bufferevent_free(bev);
		else
			close(fd);
		return;
	}
	c->server = t;
	c->bev = bev;
	t->stats.open++;
	t->stats.accepted++;
	bufferevent_setcb(bev, on_read, on_written, on_event, c);
	bufferevent_setwatermark(bev, EV_READ, 0, DNS_MESSAGE_MAX + 2);
	bufferevent_set_timeouts(bev, &idle, &idle);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

/* A connection that cannot be taken stays in the queue and the listener readable: without a rest we would spin. */
static void rest(struct listener *l)
{
	static const struct timeval while_resting = { .tv_usec = 100 * 1000 };
	if (event_add(l->rested, &while_resting) == 0)
		event_del(l->readable);
}

static void on_rested(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct listener *l = ctx;
	event_add(l->readable, NULL);
}

static void on_accept(evutil_socket_t fd, short what, void *ctx)
{
	(void)what;
	struct listener *l = ctx;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct sockaddr_storage from;
		socklen_t len = sizeof from;
		int c = accept4(fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (c >= 0) {
			conn_new(l->server, c, &from);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			evict_idlest(l->server); /* its descriptor is for the newcomer */
			rest(l);
			return;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
	}
}

struct tcp_server *tcp_new(struct responder *r)
{
	struct tcp_server *t = calloc(1, sizeof *t);
	struct hash_key key;
	if (!t || getrandom(&key, sizeof key, 0) != (ssize_t)sizeof key) {
		free(t);
		return NULL;
	}
	t->r = r;
	sources_init(&t->conns, &key);
	return t;
}

const struct tcp_stats *tcp_stats_get(const struct tcp_server *t)
{
	return &t->stats;
}

void tcp_listen(struct tcp_server *t, int fd)
{
	struct listener *l = &t->listeners[t->listener_count];
	l->server = t;
	l->readable = event_new(t->r->base, fd, EV_READ | EV_PERSIST, on_accept, l);
	l->rested = evtimer_new(t->r->base, on_rested, l);
	if (!l->readable || !l->rested || event_add(l->readable, NULL)) {
		log_line(LOG_LEVEL_ERROR, "a TCP listener cannot be read");
		exit(1); /* its queue would fill up, and nobody knew */
	}
	t->listener_count++;
}
