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

void probe_conn_fail(struct probe *p, int error, enum probe_wait wait)
{
	fail_errno(p, error, wait, wait == PROBE_WAIT_CONNECT);
}

void probe_conn_close(struct probe_conn *c)
{
	if (c->fd < 0)
		return;
	tls_free(c->tls);
	c->tls = NULL;
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

void probe_connected(struct probe *p)
{
	struct script_answer a = { .reason = HEALTH_OK, .conn = (int)(p->conn - p->conns) };

	if (p->conn->tls != NULL)
		probe_trace_tls(p);
	if (p->http != NULL)
		probe_http_connected(p);
	else
		probe_answer(p, &a);
}

static void connected(struct probe *p)
{
	probe_trace(p, "connected");
	if (p->req.tls.on)
		probe_tls_begin(p);
	else
		probe_connected(p);
}

struct probe_conn *probe_conn_open(struct probe *p, const struct addr *a, int type, struct sockaddr_storage *ss,
				   socklen_t *len)
{
	struct probe_conn *c = conn_take(p);

	p->conn = c;
	if (c == NULL) {
		probe_fail(p, HEALTH_LOCAL_ERROR, "more than %d connections of one run", PROBE_CONNS_MAX);
		return NULL;
	}
	c->port = a->port;
	c->datagrams = type == SOCK_DGRAM;
	*len = sockaddr_from_addr(ss, a);
	c->fd = *len > 0 ? socket(ss->ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;
	if (c->fd < 0) {
		fail_errno(p, *len > 0 ? errno : EAFNOSUPPORT, PROBE_WAIT_CONNECT, true);
		return NULL;
	}
	if (!probe_leave_from(p, c->fd, a->family)) {
		probe_conn_close(c);
		return NULL;
	}
	bytes_init(&c->in, 2 * 65536 + PROBE_READ_LEN);
	return c;
}

void probe_conn_connect(struct probe *p, const struct addr *a)
{
	struct sockaddr_storage ss;
	socklen_t len;
	struct probe_conn *c = probe_conn_open(p, a, SOCK_STREAM, &ss, &len);
	int on = 1;

	if (c == NULL)
		return;
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

/* One try: TLS_DONE with *n octets taken, what to wait for, or TLS_FAILED once the probe has failed. */
static enum tls_status send_some(struct probe *p, size_t *n)
{
	struct probe_conn *c = p->conn;
	enum tls_status s;
	ssize_t took;

	if (c->tls != NULL) {
		s = tls_write(c->tls, p->out, p->out_len, n);
		if (s == TLS_FAILED)
			probe_tls_fail(p);
		return s;
	}
	took = send(c->fd, p->out, p->out_len, MSG_NOSIGNAL);
	if (took < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return TLS_WANT_WRITE;
	if (took < 0) {
		fail_errno(p, errno, PROBE_WAIT_SEND, false);
		return TLS_FAILED;
	}
	*n = (size_t)took;
	return TLS_DONE;
}

static void wait_as(struct probe *p, enum probe_wait wait, enum tls_status s)
{
	probe_wait_io(p, wait, p->conn, s == TLS_WANT_WRITE ? EV_WRITE : EV_READ);
}

static void send_more(struct probe *p)
{
	while (p->out_len > 0) {
		size_t n = 0;
		enum tls_status s = send_some(p, &n);

		if (s == TLS_FAILED)
			return;
		if (s != TLS_DONE) {
			wait_as(p, PROBE_WAIT_SEND, s);
			return;
		}
		p->out += n;
		p->out_len -= n;
	}
	sent(p);
}

void probe_conn_send(struct probe *p, struct probe_conn *c, const char *data, size_t len)
{
	p->conn = c;
	p->out = data;
	p->out_len = len;
	if (c->datagrams)
		probe_udp_send(p);
	else
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
		wait_as(p, p->wait, TLS_WANT_READ);
}

/* As send_some; *n = 0 and TLS_DONE at the stream's end. */
static enum tls_status read_some(struct probe *p, uint8_t *room, size_t *n)
{
	struct probe_conn *c = p->conn;
	enum tls_status s;
	ssize_t got;

	*n = 0;
	if (c->tls != NULL) {
		s = tls_read(c->tls, room, PROBE_READ_LEN, n);
		if (s == TLS_FAILED)
			probe_tls_fail(p);
		return s == TLS_END ? TLS_DONE : s;
	}
	got = recv(c->fd, room, PROBE_READ_LEN, 0);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return TLS_WANT_READ;
	if (got < 0) {
		fail_errno(p, errno, p->wait, false);
		return TLS_FAILED;
	}
	*n = (size_t)got;
	return TLS_DONE;
}

/* One read a turn: a target that floods gets no more of the loop than others. */
static void read_ready(struct probe *p)
{
	uint8_t *room = p->set->room;
	size_t n;
	enum tls_status s = read_some(p, room, &n);

	if (s == TLS_FAILED)
		return;
	if (s != TLS_DONE)
		wait_as(p, p->wait, s);
	else if (p->wait == PROBE_WAIT_HTTP)
		probe_http_read(p, room, n);
	else
		read_arrived(p, room, n);
}

void probe_conn_ready(struct probe *p)
{
	if (p->wait == PROBE_WAIT_CONNECT)
		connect_ready(p);
	else if (p->wait == PROBE_WAIT_TLS)
		probe_ask_crypto(p);
	else if (p->conn->datagrams && p->wait == PROBE_WAIT_SEND)
		probe_udp_send(p);
	else if (p->conn->datagrams)
		probe_udp_read(p);
	else if (p->wait == PROBE_WAIT_SEND)
		send_more(p);
	else
		read_ready(p);
}

/* ---- requests ---- */

static void begin_read(struct probe *p, enum probe_wait wait)
{
	p->wait = wait;
	if (p->conn->datagrams)
		probe_udp_read(p);
	else if (!give_held(p))
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
	if (req->type == SCRIPT_REQ_UDP) {
		probe_udp_begin(p);
		return;
	}
	p->conn = req->conn >= 0 && req->conn < PROBE_CONNS_MAX ? &p->conns[req->conn] : NULL;
	if (p->conn == NULL || p->conn->fd < 0) {
		probe_fail(p, HEALTH_READ_CLOSED, "the connection is closed");
	} else if (req->type == SCRIPT_REQ_SEND) {
		probe_conn_send(p, p->conn, req->data, req->len);
	} else if (req->type == SCRIPT_REQ_TLS_INFO) {
		probe_tls_info(p);
	} else if (req->type == SCRIPT_REQ_CLOSE) {
		probe_conn_close(p->conn);
		probe_answer(p, &closed);
	} else {
		begin_read(p, req->type == SCRIPT_REQ_READ ? PROBE_WAIT_READ : PROBE_WAIT_LINE);
	}
}
