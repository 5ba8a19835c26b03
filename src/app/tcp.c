/* Taking TCP connections, and ending them.  They stand in lists by last activity: when a bound is reached the idlest gives way to
 * the newcomer, of its own network where that has as many as one may have, else of all.  So a newcomer is always served, and no
 * network has them all. */
#include "app/tcp_state.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>
#include "io/clock.h"
#include "io/log.h"
#include "io/sockaddr.h"

#define ACCEPTS_A_TURN 64
#define READY_MAX 64     /* connections a look */
#define READY_A_TURN 128 /* then the main loop's other work gets its turn: a millisecond or so */

void tcp_conn_free(struct tcp_conn *c)
{
	sources_remove(&c->server->conns, &c->activity);
	c->server->stats.open--;
	if (c->pending)
		cold_forget_conn(c->server->r->cold, c);
	close(c->fd); /* epoll forgets it with that */
	framing_deinit(&c->stream);
	bytes_deinit(&c->unsent);
	free(c);
}

void tcp_conn_touch(struct tcp_conn *c)
{
	c->active_ms = clock_coarse_ms();
	sources_touch(&c->server->conns, &c->activity);
}

static void evict(struct tcp_conn *c, uint64_t *counter)
{
	if (!c)
		return;
	++*counter;
	tcp_conn_free(c);
}

static void evict_idlest(struct tcp_server *t)
{
	evict(sources_idlest(&t->conns), &t->stats.evicted);
}

static bool is_full(size_t count, uint16_t bound)
{
	return count > 0 && count >= bound;
}

static void serve_ready(struct tcp_server *t)
{
	struct epoll_event events[READY_MAX];
	for (int n, done = 0; done < READY_A_TURN && (n = epoll_wait(t->ep, events, READY_MAX, 0)) > 0; done += n)
		for (int i = 0; i < n; i++)
			tcp_conn_ready(events[i].data.ptr, events[i].events); /* one of them ends none but itself */
}

/* Those that have ended, or are not idle at all, may only not have had their turn yet. Bounds may have sunk with a reload, so
 * one may not be enough. */
static void make_room(struct tcp_server *t, uint64_t net)
{
	if (is_full(sources_count_of(&t->conns, net), t->r->tcp_per_source) || is_full(t->conns.count, t->r->tcp_max))
		serve_ready(t);
	while (is_full(sources_count_of(&t->conns, net), t->r->tcp_per_source))
		evict(sources_idlest_of(&t->conns, net), &t->stats.evicted_source);
	while (is_full(t->conns.count, t->r->tcp_max))
		evict_idlest(t);
}

static void conn_new(struct tcp_server *t, int fd, const struct sockaddr_storage *from)
{
	struct tcp_conn *c = calloc(1, sizeof *c);
	if (c) {
		sockaddr_to_addr(&c->peer, from);
		c->prefix = answer_prefix(&c->peer);
		make_room(t, c->prefix);
	}
	if (!c || sources_add(&t->conns, &c->activity, c->prefix, c)) {
		free(c);
		close(fd);
		return;
	}
	c->server = t;
	c->fd = fd;
	c->active_ms = clock_coarse_ms();
	t->stats.open++;
	t->stats.accepted++;
	tcp_conn_begin(c);
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

static void on_ready(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	serve_ready(ctx);
}

void tcp_tick(struct tcp_server *t)
{
	const uint64_t now = clock_coarse_ms(), idle = t->r->tcp_idle_ms;
	for (struct tcp_conn *c = sources_idlest(&t->conns); c && c->active_ms + idle <= now; c = sources_idlest(&t->conns))
		tcp_conn_free(c); /* RFC 7766 6.2.3 */
}

/* What came meanwhile has its turn first. A connection with something left over is none that is idle. */
void tcp_end_idle(struct tcp_server *t, uint64_t idle_ms)
{
	serve_ready(t);
	const uint64_t now = clock_coarse_ms();
	for (struct tcp_conn *c = sources_idlest(&t->conns); c && c->active_ms + idle_ms <= now; c = sources_idlest(&t->conns)) {
		if (c->state == TCP_ENDING)
			tcp_conn_free(c); /* it had as long again to take note */
		else
			tcp_conn_end(c);
	}
}

void tcp_end_all(struct tcp_server *t)
{
	serve_ready(t);
	for (uint64_t n = t->stats.open; n > 0 && t->stats.open; n--)
		tcp_conn_end(sources_idlest(&t->conns)); /* the youngest from then on, where it stays */
}

void tcp_stop_listening(struct tcp_server *t)
{
	for (size_t i = 0; i < t->listener_count; i++) {
		event_del(t->listeners[i].readable);
		event_del(t->listeners[i].rested);
	}
}

static bool watch_connections(struct tcp_server *t)
{
	t->ep = epoll_create1(EPOLL_CLOEXEC);
	if (t->ep < 0)
		return false;
	t->ready = event_new(t->r->base, t->ep, EV_READ | EV_PERSIST, on_ready, t);
	return t->ready && event_add(t->ready, NULL) == 0;
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
	if (watch_connections(t))
		return t;
	if (t->ready)
		event_free(t->ready);
	if (t->ep >= 0)
		close(t->ep);
	free(t);
	return NULL;
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
