/* One connection: what comes is read, answered and sent, in turns. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include "app/tap_fill.h"
#include "app/tcp_state.h"
#include "io/clock.h"

#define THROW_AWAY_TURNS 64 /* of a connection that is to end: 4 MiB */

/* ---- sending ---- */

/* How many of these went; negative: the connection is broken. */
static ssize_t send_some(const struct tcp_conn *c, const uint8_t *data, size_t len)
{
	ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : n;
}

static bool is_behind(const struct tcp_conn *c)
{
	return c->unsent.len > 0;
}

/* What a turn gathered; nothing of an earlier one is left, else it would not have had its turn. */
static bool send_or_leave(struct tcp_conn *c, const uint8_t *data, size_t len)
{
	ssize_t n = send_some(c, data, len);
	if (n < 0)
		return false;
	bytes_add(&c->unsent, data + n, len - (size_t)n);
	return !c->unsent.failed;
}

/* The socket tells of room only in large parts, so taking some is activity. */
static bool send_unsent(struct tcp_conn *c)
{
	if (!is_behind(c))
		return true;
	ssize_t n = send_some(c, c->unsent.data + c->sent, c->unsent.len - c->sent);
	if (n < 0)
		return false;
	if (n > 0)
		tcp_conn_touch(c);
	c->sent += (size_t)n;
	if (c->sent == c->unsent.len) {
		bytes_deinit(&c->unsent);
		c->sent = 0;
	}
	return true;
}

/* ---- answering ---- */

static void gather(struct tcp_server *t, const uint8_t *message, size_t len)
{
	store_u16(t->out + t->out_len, (uint16_t)len);
	if (message) /* NULL = it is there already */
		memcpy(t->out + t->out_len + FRAMING_PREFIX_LEN, message, len);
	t->out_len += FRAMING_PREFIX_LEN + len;
}

/* Room in out for one answer more, the longest there is. */
static bool answer_message(void *ctx, const uint8_t *query, size_t len)
{
	struct tcp_conn *c = ctx;
	struct tcp_server *t = c->server;
	struct responder *r = t->r;
	size_t out_len = 0;
	const struct answer_from from = { .transport = ANSWER_TCP, .client = &c->peer };
	switch (answer_query(r->view->db, &r->main_answer, &r->limits, &from, query, len, t->out + t->out_len + FRAMING_PREFIX_LEN,
			     DNS_MESSAGE_MAX, &out_len)) {
	case ANSWER_SEND:
		gather(t, NULL, out_len);
		break;
	case ANSWER_COLD:
		cold_submit(r->cold, &(struct cold_origin){ .conn = c, .fd = -1 }, query, len);
		break;
	case ANSWER_NONE:
		break;
	}
	if (tap_if_on(&r->tap))
		tap_stream(r, c->fd, &c->peer, t->tapped_us, query, len, t->out + t->out_len - out_len, out_len);
	return t->out_len < TCP_TURN_MAX;
}

/* Answers messages of those kept and the new ones until the turn is over, and sends. False: the connection is to end. */
static bool answer_turn(struct tcp_conn *c, size_t came)
{
	struct tcp_server *t = c->server;
	struct responder *r = t->r;
	r->main_answer.turn = r->view->turn[r->worker_count];
	r->main_answer.by_zone = r->view->by_zone[r->worker_count];
	cookies_lend(r, &r->main_answer);
	t->current = c;
	t->out_len = 0;
	t->tapped_us = tap_if_on(&r->tap) ? clock_wall_us() : 0;
	int messages = framing_feed(&c->stream, t->in + FRAMING_HEAD, came, answer_message, c);
	t->current = NULL;
	if (messages > 0)
		tcp_conn_touch(c); /* by whole messages: single octets do not keep a connection young */
	return messages >= 0 && (t->out_len == 0 || send_or_leave(c, t->out, t->out_len));
}

/* ---- turns ---- */

/* What was left over by the last turn. */
static bool is_left_over(const struct tcp_conn *c)
{
	return is_behind(c) || framing_waits(&c->stream);
}

/* Watching anew tells at once of what is there already: so a connection that had its turn comes again, after the others. */
static bool watch(struct tcp_conn *c)
{
	struct epoll_event e = { .events = EPOLLET, .data.ptr = c };
	if (c->state == TCP_READING)
		e.events |= EPOLLIN | EPOLLRDHUP;
	else if (is_left_over(c))
		e.events |= EPOLLOUT;
	const int how = c->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	c->watched = true;
	return epoll_ctl(c->server->ep, how, c->fd, &e) == 0;
}

/* After a turn. more: there may be something to read that we shall not be told of. False: the connection is done. */
static bool go_on(struct tcp_conn *c, bool more)
{
	const uint8_t was = c->state;
	if (c->state == TCP_CLOSING)
		return is_left_over(c) ? watch(c) : c->pending > 0;
	c->state = is_left_over(c) ? TCP_SENDING : TCP_READING;
	return (c->watched && c->state == was && c->state == TCP_READING && !more) || watch(c);
}

/* One recv. ended: the client has closed its side, so the end may be read right behind what it sent last. */
static bool read_turn(struct tcp_conn *c, bool ended)
{
	struct tcp_server *t = c->server;
	ssize_t n = recv(c->fd, t->in + FRAMING_HEAD, TCP_READ_MAX, 0);
	if (n == 0) {
		c->state = TCP_CLOSING;
		return c->pending > 0;
	}
	if (n < 0)
		return (errno == EAGAIN || errno == EINTR) && go_on(c, errno == EINTR);
	return answer_turn(c, (size_t)n) && go_on(c, ended || n == (ssize_t)TCP_READ_MAX);
}

static bool send_turn(struct tcp_conn *c)
{
	if (!send_unsent(c))
		return false;
	if (!is_behind(c) && framing_waits(&c->stream) && !answer_turn(c, 0))
		return false;
	return go_on(c, false);
}

/* False at its end, or for one that sends on and on. */
static bool throw_away(struct tcp_conn *c)
{
	struct tcp_server *t = c->server;
	for (int i = 0; i < THROW_AWAY_TURNS; i++) {
		ssize_t n = recv(c->fd, t->in, sizeof t->in, 0);
		if (n <= 0)
			return n < 0 && (errno == EAGAIN || errno == EINTR);
	}
	return false;
}

void tcp_conn_end(struct tcp_conn *c)
{
	tcp_conn_touch(c);
	if (c->state != TCP_READING || c->pending)
		return; /* it has something to get, or is about to end */
	c->state = TCP_ENDING;
	if (shutdown(c->fd, SHUT_WR) || !throw_away(c))
		tcp_conn_free(c);
}

void tcp_conn_begin(struct tcp_conn *c)
{
	c->state = TCP_READING;
	bytes_init(&c->unsent, TCP_UNSENT_MAX);
	if (!read_turn(c, false))
		tcp_conn_free(c);
}

void tcp_conn_ready(struct tcp_conn *c, uint32_t events)
{
	bool stays;
	if (c->state == TCP_READING)
		stays = read_turn(c, events & EPOLLRDHUP);
	else if (c->state == TCP_ENDING)
		stays = throw_away(c);
	else
		stays = !(events & (EPOLLERR | EPOLLHUP)) && send_turn(c);
	if (!stays)
		tcp_conn_free(c);
}

/* ---- answers of the cold path ---- */

const struct addr *tcp_peer(const struct tcp_conn *c)
{
	return &c->peer;
}

void tcp_expect(struct tcp_conn *c)
{
	c->pending++;
}

/* In the connection's own turn, when the cold path fails at once, the answer goes with those before it. */
void tcp_answer(struct tcp_conn *c, const uint8_t *message, size_t len)
{
	c->pending--;
	if (c->server->current == c) {
		if (len)
			gather(c->server, message, len);
		return;
	}
	if (len) {
		uint8_t prefix[FRAMING_PREFIX_LEN];
		store_u16(prefix, (uint16_t)len);
		bytes_add(&c->unsent, prefix, sizeof prefix);
		bytes_add(&c->unsent, message, len);
	}
	if (c->unsent.failed || !send_turn(c))
		tcp_conn_free(c);
}
