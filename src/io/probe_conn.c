/* A probe's TCP connections: never blocking, reading no more than is asked for, so the kernel's window holds back the
 * rest. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "io/probe_state.h"
#include "io/sockaddr.h"

/* at_once: the kernel refused before anything was sent, so a network that it cannot reach is our lack of a route. */
enum health_reason probe_reason_of(int error, enum probe_wait wait, bool at_once)
{
	bool connecting = wait == PROBE_WAIT_CONNECT;

	switch (error) {
	case ECONNREFUSED:
		return connecting ? HEALTH_CONNECT_REFUSED : HEALTH_READ_RESET;
	case ECONNRESET:
		return connecting                ? HEALTH_CONNECT_RESET
		       : wait == PROBE_WAIT_SEND ? HEALTH_WRITE_FAILED
						 : HEALTH_READ_RESET;
	case EPIPE:
		return connecting ? HEALTH_CONNECT_RESET : HEALTH_WRITE_FAILED;
	case ETIMEDOUT:
		return connecting                ? HEALTH_CONNECT_TIMEOUT
		       : wait == PROBE_WAIT_SEND ? HEALTH_WRITE_FAILED
						 : HEALTH_READ_TIMEOUT;
	case EHOSTUNREACH:
	case EHOSTDOWN:
		return HEALTH_CONNECT_UNREACHABLE;
	case ENETUNREACH:
	case ENETDOWN:
		return at_once ? HEALTH_LOCAL_ERROR : HEALTH_CONNECT_UNREACHABLE;
	default: /* EMFILE, ENOBUFS, EADDRNOTAVAIL, EPERM of a local filter, …: nothing that the target did */
		return HEALTH_LOCAL_ERROR;
	}
}

static void fail_errno(struct probe *p, int error, enum probe_wait wait, bool at_once)
{
	enum health_reason r = probe_reason_of(error, wait, at_once);

	if (r == HEALTH_LOCAL_ERROR)
		probe_fail(p, r, "port %u: %s", p->conn != NULL ? p->conn->port : 0u, strerror(error));
	else
		probe_fail(p, r, "port %u", p->conn != NULL ? p->conn->port : 0u);
}

void probe_conn_close(struct probe_conn *c)
{
	if (c->fd < 0)
		return;
	close(c->fd);
	c->fd = -1;
	bytes_deinit(&c->in);
	c->taken = 0;
}

/* ---- connect ---- */

static struct probe_conn *conn_take(struct probe *p)
{
	for (size_t i = 0; i < PROBE_CONNS_MAX; i++)
		if (p->conns[i].fd < 0)
			return &p->conns[i];
	return NULL;
}

static void connected(struct probe *p)
{
	struct script_answer a = { .reason = HEALTH_OK, .conn = (int)(p->conn - p->conns) };

	if (p->http != NULL)
		probe_http_connected(p);
	else
		probe_answer(p, &a);
}

void probe_conn_connect(struct probe *p, const struct addr *a)
{
	struct probe_conn *c = conn_take(p);
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_from_addr(&ss, a);
	int on = 1;

	p->conn = c;
	if (c == NULL) {
		probe_fail(p, HEALTH_LOCAL_ERROR, "more than %d connections of one run", PROBE_CONNS_MAX);
		return;
	}
	c->port = a->port;
	c->fd = len > 0 ? socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;
	if (c->fd < 0) {
		fail_errno(p, len > 0 ? errno : EAFNOSUPPORT, PROBE_WAIT_CONNECT, true);
		return;
	}
	bytes_init(&c->in, 2 * 65536 + PROBE_READ_LEN);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* only a matter of speed */
	if (connect(c->fd, (struct sockaddr *)&ss, len) == 0) {
		connected(p);
	} else if (errno == EINPROGRESS) {
		probe_wait_io(p, PROBE_WAIT_CONNECT, c, EV_WRITE);
	} else {
		fail_errno(p, errno, PROBE_WAIT_CONNECT, true);
		probe_conn_close(c);
	}
}

static void connect_ready(struct probe *p)
{
	int error = 0;
	socklen_t len = sizeof error;

	if (getsockopt(p->conn->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error == 0) {
		connected(p);
		return;
	}
	fail_errno(p, error, PROBE_WAIT_CONNECT, false);
	probe_conn_close(p->conn);
}

/* ---- send ---- */

static void sent(struct probe *p)
{
	struct script_answer a = { .reason = HEALTH_OK };

	if (p->http != NULL)
		probe_http_sent(p);
	else
		probe_answer(p, &a);
}

static void send_more(struct probe *p)
{
	while (p->out_len > 0) {
		ssize_t n = send(p->conn->fd, p->out, p->out_len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			probe_wait_io(p, PROBE_WAIT_SEND, p->conn, EV_WRITE);
			return;
		}
		if (n < 0) {
			fail_errno(p, errno, PROBE_WAIT_SEND, false);
			return;
		}
		p->out += n;
		p->out_len -= (size_t)n;
	}
	sent(p);
}

void probe_conn_send(struct probe *p, struct probe_conn *c, const char *data, size_t len)
{
	p->conn = c;
	p->out = data;
	p->out_len = len;
	send_more(p);
}

/* ---- read ---- */

static size_t held(const struct probe_conn *c)
{
	return c->in.len - c->taken;
}

/* Answers with n octets that are here, of which drop stand at the end for nothing (a line's end). */
static void give(struct probe *p, size_t n, size_t drop)
{
	struct probe_conn *c = p->conn;
	struct script_answer a = { .reason = HEALTH_OK, .data = (const char *)c->in.data + c->taken, .len = n - drop };

	c->taken += n;
	probe_answer(p, &a);
}

/* True where what is here answers the request. */
static bool give_held(struct probe *p)
{
	struct probe_conn *c = p->conn;
	const uint8_t *data, *end;
	size_t n = held(c);

	if (n == 0)
		return false;
	data = c->in.data + c->taken;
	if (p->wait == PROBE_WAIT_READ) {
		give(p, n < p->req.max ? n : p->req.max, 0);
		return true;
	}
	end = memchr(data, '\n', n);
	if (end != NULL && (size_t)(end - data) <= p->req.max) {
		give(p, (size_t)(end - data) + 1, end > data && end[-1] == '\r' ? 2 : 1);
		return true;
	}
	if (n <= p->req.max)
		return false;
	probe_fail(p, HEALTH_REPLY_WRONG, "a line of more than %zu octets", p->req.max);
	return true;
}

/* What was given lives in the buffer until the run is resumed, so it is moved up only here, before the next reading. */
static void make_room(struct probe_conn *c)
{
	if (c->taken == 0)
		return;
	memmove(c->in.data, c->in.data + c->taken, held(c));
	c->in.len -= c->taken;
	c->taken = 0;
}

static void read_arrived(struct probe *p, const uint8_t *data, size_t len)
{
	struct probe_conn *c = p->conn;

	if (len == 0) {
		probe_fail(p, HEALTH_READ_CLOSED, "port %u%s", c->port, held(c) > 0 ? ", within a line" : "");
		return;
	}
	make_room(c);
	bytes_add(&c->in, data, len);
	if (c->in.failed)
		probe_fail(p, HEALTH_LOCAL_ERROR, "out of memory");
	else if (!give_held(p))
		probe_wait_io(p, p->wait, c, EV_READ);
}

/* One read a turn: a target that floods gets no more of the loop than others. */
static void read_ready(struct probe *p)
{
	uint8_t *room = probe_read_room(p);
	ssize_t n = recv(p->conn->fd, room, PROBE_READ_LEN, 0);

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
		probe_wait_io(p, p->wait, p->conn, EV_READ);
	} else if (n < 0) {
		fail_errno(p, errno, p->wait, false);
	} else if (p->wait == PROBE_WAIT_HTTP) {
		probe_http_read(p, room, (size_t)n);
	} else {
		read_arrived(p, room, (size_t)n);
	}
}

void probe_conn_ready(struct probe *p)
{
	if (p->wait == PROBE_WAIT_CONNECT)
		connect_ready(p);
	else if (p->wait == PROBE_WAIT_SEND)
		send_more(p);
	else
		read_ready(p);
}

/* ---- requests ---- */

static void begin_read(struct probe *p, enum probe_wait wait)
{
	p->wait = wait;
	if (!give_held(p))
		probe_wait_io(p, wait, p->conn, EV_READ);
}

void probe_conn_begin(struct probe *p)
{
	const struct script_request *req = &p->req;
	struct script_answer closed = { .reason = HEALTH_OK };

	if (req->type == SCRIPT_REQ_CONNECT) {
		probe_conn_connect(p, &req->addr);
		return;
	}
	p->conn = req->conn >= 0 && req->conn < PROBE_CONNS_MAX ? &p->conns[req->conn] : NULL;
	if (p->conn == NULL || p->conn->fd < 0) {
		probe_fail(p, HEALTH_READ_CLOSED, "the connection is closed");
	} else if (req->type == SCRIPT_REQ_SEND) {
		probe_conn_send(p, p->conn, req->data, req->len);
	} else if (req->type == SCRIPT_REQ_CLOSE) {
		probe_conn_close(p->conn);
		probe_answer(p, &closed);
	} else {
		begin_read(p, req->type == SCRIPT_REQ_READ ? PROBE_WAIT_READ : PROBE_WAIT_LINE);
	}
}
