/* The cold path: class CH questions go to the coordinator and come back, or end as SERVFAIL.  Bounded in number and time, so
 * that it can never be a way to slow the hot one.
 *
 *     question ─▶ waits ──▶ coordinator ──▶ answer             one that was there when the coordinator went waits for the next, so
 *                   └────── COLD_MS ──────▶ SERVFAIL           an upgrade and a restart of it cost a moment, and no answer
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "app/responder_state.h"
#include "io/clock.h"
#include "io/log.h"
#include "io/sockaddr.h"
#include "ipc/ipc.h"

#define COLD_MAX 256
#define COLD_MS 1000
#define HANDED_A_TURN 32 /* then messages and connections get their turn */

struct entry {
	uint64_t id; /* 0 = free */
	bool sent;   /* to the coordinator that is there */
	uint64_t deadline_ms;
	struct cold_origin origin;
	uint16_t query_len;
	uint8_t query[RESPONDER_QUERY_MAX];
};
struct cold_table {
	struct responder *r;
	uint64_t last_id;
	size_t waiting;
	int worker_end, main_end; /* a packet pair: workers → main thread */
	struct event *readable, *sweep;
	struct entry entries[COLD_MAX];
};
struct handed { /* what travels from a worker */
	struct cold_origin origin;
	uint8_t query[RESPONDER_QUERY_MAX];
};

static void send_udp(struct cold_origin *o, const uint8_t *message, size_t len)
{
	struct iovec iov = { (void *)(uintptr_t)message, len };
	struct msghdr m = { .msg_name = &o->to, .msg_namelen = o->to_len, .msg_iov = &iov, .msg_iovlen = 1 };
	if (o->control_len) {
		m.msg_control = &o->control;
		m.msg_controllen = o->control_len;
	}
	sendmsg(o->fd, &m, MSG_DONTWAIT); /* as with any datagram, the client asks again */
}

/* len 0: nothing is sent. */
static void finish(struct cold_table *c, struct entry *e, const uint8_t *message, size_t len)
{
	e->id = 0; /* before: the connection may end with its answer */
	c->waiting--;
	if (e->origin.conn)
		tcp_answer(e->origin.conn, message, len);
	else if (e->origin.fd >= 0 && len)
		send_udp(&e->origin, message, len);
}

static void peer_of(const struct cold_origin *o, struct addr *a)
{
	if (o->conn)
		*a = *tcp_peer(o->conn);
	else
		sockaddr_to_addr(a, &o->to);
}

static void fail(struct cold_table *c, struct entry *e)
{
	uint8_t out[RESPONDER_UDP_MAX];
	size_t len;
	struct addr client;
	const struct hash_key *key = answer_db_key(c->r->view->db);
	peer_of(&e->origin, &client);
	cookies_lend(c->r, &c->r->main_answer);
	const struct answer_from from = { .transport = e->origin.conn ? ANSWER_TCP : ANSWER_UDP, .client = &client };
	if (answer_error(&c->r->limits, key, &c->r->main_answer, &from, DNS_RCODE_SERVFAIL, e->query, e->query_len, out, sizeof out,
			 &len) != ANSWER_SEND)
		len = 0;
	finish(c, e, out, len);
}

static void on_sweep(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct cold_table *c = ctx;
	uint64_t now = clock_mono_ms();
	for (size_t i = 0; c->waiting && i < COLD_MAX; i++)
		if (c->entries[i].id && c->entries[i].deadline_ms <= now)
			fail(c, &c->entries[i]);
	if (!c->waiting)
		event_del(c->sweep);
}

/* 0 also where there is no coordinator, or one that has ended, which we are about to be told: it waits for the next. */
static int forward(struct cold_table *c, struct entry *e)
{
	uint8_t room[RESPONDER_QUERY_MAX + 96], cookie[COOKIE_LEN];
	struct wbuf w;
	struct addr from;
	peer_of(&e->origin, &from);
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_COLD);
	put_u64(&w, e->id);
	put_u8(&w, e->origin.conn ? ANSWER_TCP : ANSWER_UDP);
	ipc_addr_put(&w, &from);
	put_block(&w, e->query, e->query_len);
	cookies_lend(c->r, &c->r->main_answer);
	const bool with = answer_cookie(cookie, &c->r->limits, answer_db_key(c->r->view->db), &c->r->main_answer, &from, e->query,
					e->query_len);
	put_block(&w, cookie, with ? sizeof cookie : 0);
	int error = c->r->coordinator ? chan_send_buf(c->r->coordinator, &w) : 0;
	e->sent = c->r->coordinator && !error;
	return error == ERR_IO ? 0 : error;
}

static void fail_now(struct cold_table *c, const struct cold_origin *o, const uint8_t *query, size_t len)
{
	struct entry e = { .id = 1, .origin = *o, .query_len = (uint16_t)len };
	memcpy(e.query, query, len);
	c->waiting++;
	if (o->conn)
		tcp_expect(o->conn);
	fail(c, &e);
}

void cold_submit(struct cold_table *c, const struct cold_origin *o, const uint8_t *query, size_t len)
{
	struct entry *e = NULL;
	if (len > RESPONDER_QUERY_MAX)
		len = 0; /* never answered: no honest CH query is so long */
	if (!len)
		return;
	for (size_t i = 0; i < COLD_MAX && !e; i++)
		if (!c->entries[i].id)
			e = &c->entries[i];
	if (!e) {
		fail_now(c, o, query, len);
		return;
	}
	*e = (struct entry){ .id = ++c->last_id, .deadline_ms = clock_mono_ms() + COLD_MS, .origin = *o, .query_len = (uint16_t)len };
	memcpy(e->query, query, len);
	c->waiting++;
	if (o->conn)
		tcp_expect(o->conn);
	if (forward(c, e)) {
		fail(c, e);
		return;
	}
	struct timeval step = { .tv_usec = 100 * 1000 };
	if (!event_pending(c->sweep, EV_TIMEOUT, NULL))
		event_add(c->sweep, &step);
}

void cold_reply(struct cold_table *c, struct rbuf *message)
{
	uint64_t id = get_u64(message);
	size_t len;
	const uint8_t *answer = get_block(message, &len);
	for (size_t i = 0; !message->failed && id && i < COLD_MAX; i++)
		if (c->entries[i].id == id) {
			if (len)
				finish(c, &c->entries[i], answer, len);
			else
				fail(c, &c->entries[i]);
			return;
		}
}

void cold_forget_conn(struct cold_table *c, const struct tcp_conn *conn)
{
	for (size_t i = 0; i < COLD_MAX; i++)
		if (c->entries[i].id && c->entries[i].origin.conn == conn) {
			c->entries[i].id = 0;
			c->waiting--;
		}
}

void cold_lost(struct cold_table *c)
{
	for (size_t i = 0; i < COLD_MAX; i++)
		c->entries[i].sent = false;
}

void cold_resume(struct cold_table *c)
{
	for (size_t i = 0; c->waiting && i < COLD_MAX; i++)
		if (c->entries[i].id && !c->entries[i].sent && forward(c, &c->entries[i]))
			fail(c, &c->entries[i]);
}

bool cold_waits(const struct cold_table *c)
{
	return c->waiting > 0;
}

int cold_worker_socket(const struct cold_table *c)
{
	return c->worker_end;
}

bool cold_hand_over(int socket, const struct cold_origin *o, const uint8_t *query, size_t len)
{
	struct iovec iov[2] = { { (void *)(uintptr_t)o, sizeof *o }, { (void *)(uintptr_t)query, len } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	return sendmsg(socket, &m, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)(sizeof *o + len);
}

static void on_handed(evutil_socket_t fd, short what, void *ctx)
{
	(void)what;
	struct handed h;
	for (int i = 0; i < HANDED_A_TURN; i++) {
		ssize_t n = recv(fd, &h, sizeof h, MSG_DONTWAIT);
		if (n < 0)
			return;
		if (n > (ssize_t)sizeof h.origin)
			cold_submit(ctx, &h.origin, h.query, (size_t)n - sizeof h.origin);
	}
}

struct cold_table *cold_new(struct responder *r)
{
	int pair[2];
	struct cold_table *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	/* Not SOCK_DGRAM: of those the kernel queues as few as ten (net.unix.max_dgram_qlen). */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		free(c);
		return NULL;
	}
	c->r = r;
	c->main_end = pair[0];
	c->worker_end = pair[1];
	c->readable = event_new(r->base, c->main_end, EV_READ | EV_PERSIST, on_handed, c);
	c->sweep = event_new(r->base, -1, EV_PERSIST, on_sweep, c);
	if (c->readable && c->sweep && event_add(c->readable, NULL) == 0)
		return c;
	close(pair[0]);
	close(pair[1]);
	free(c);
	return NULL;
}
