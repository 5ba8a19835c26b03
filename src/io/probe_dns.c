/* One question of a probe to a name server, on a socket of its own.
 *
 *     UDP   connect ─▶ send ─▶ recv, until one comes that answers the question
 *     TCP   connect ─▶ length, query ─▶ length, answer                            (RFC 7766)
 *
 * The number is random, and so is the port, which the kernel chooses anew for each; it also drops what comes from another
 * address, since the socket is connected. So whoever sees nothing of the question must guess 32 bits to answer it.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include "base/buf.h"
#include "io/probe_state.h"
#include "io/sockaddr.h"

#define HEADER_LEN 12
#define QUERY_MAX 512
#define ANSWER_MAX 65535

struct question {
	struct probe_side side;
	bool stream;
	uint8_t query[2 + QUERY_MAX]; /* its length first, as TCP wants it */
	size_t query_len, sent;       /* without and with that length */
	struct bytes in;              /* stream: all that came; else the answer */
};

static struct question *question_of(struct probe *p)
{
	return (struct question *)p->side;
}

static void question_free(struct probe_side *side)
{
	bytes_deinit(&((struct question *)side)->in);
}

static void fail(struct probe *p, int error, bool at_once)
{
	enum health_reason r = probe_reason_of(error, p->wait == PROBE_WAIT_DNS && question_of(p)->stream ? PROBE_WAIT_READ : PROBE_WAIT_CONNECT,
					       at_once);

	if (r == HEALTH_LOCAL_ERROR)
		probe_fail(p, r, "port %u: %s", p->conn->port, strerror(error));
	else
		probe_fail(p, r, "port %u", p->conn->port);
}

static bool would_block(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* Octets of the question section: all but the header and the OPT record, which has the root as its name. */
static size_t question_len(const uint8_t *query, size_t len)
{
	size_t at = HEADER_LEN;

	while (at < len && query[at] != 0)
		at += 1u + query[at];
	return at + 5 - HEADER_LEN;
}

static uint8_t fold(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* True for an answer (RFC 1035 4.1.1: QR) with our number to our question. A server that cannot read a query may leave the
 * question out. */
static bool answers(const struct question *q, const uint8_t *data, size_t len)
{
	const uint8_t *query = q->query + 2;
	size_t n = question_len(query, q->query_len);

	if (len < HEADER_LEN || memcmp(data, query, 2) != 0 || (data[2] & 0xf8) != 0x80)
		return false;
	if (load_u16(data + 4) == 0)
		return (data[3] & 15) == 1 && len == HEADER_LEN;
	if (load_u16(data + 4) != 1 || len < HEADER_LEN + n)
		return false;
	for (size_t i = HEADER_LEN; i < HEADER_LEN + n; i++)
		if (fold(data[i]) != fold(query[i]))
			return false;
	return true;
}

static void answered(struct probe *p, const uint8_t *data, size_t len)
{
	struct script_answer a = { .reason = HEALTH_OK, .data = (const char *)data, .len = len };

	probe_answer(p, &a);
}

static void read_datagram(struct probe *p)
{
	struct question *q = question_of(p);
	uint8_t *room = p->set->room;
	ssize_t n = recv(p->conn->fd, room, PROBE_READ_LEN, 0);

	if (n < 0 && !would_block()) {
		fail(p, errno, false);
	} else if (n < 0 || !answers(q, room, (size_t)n)) {
		probe_wait_io(p, PROBE_WAIT_DNS, p->conn, EV_READ);
	} else {
		bytes_add(&q->in, room, (size_t)n);
		if (q->in.failed)
			probe_fail(p, HEALTH_LOCAL_ERROR, "out of memory");
		else
			answered(p, q->in.data, q->in.len);
	}
}

/* One read a turn, as of any connection. */
static void read_stream(struct probe *p)
{
	struct question *q = question_of(p);
	uint8_t *room = p->set->room;
	ssize_t n = recv(p->conn->fd, room, PROBE_READ_LEN, 0);
	size_t want;

	if (n < 0 && !would_block()) {
		fail(p, errno, false);
		return;
	}
	if (n == 0) {
		probe_fail(p, HEALTH_READ_CLOSED, "port %u, %s", p->conn->port, q->in.len == 0 ? "before any answer" : "within the answer");
		return;
	}
	if (n > 0)
		bytes_add(&q->in, room, (size_t)n);
	want = q->in.len >= 2 ? 2u + load_u16(q->in.data) : 2 + ANSWER_MAX;
	if (q->in.failed)
		probe_fail(p, HEALTH_LOCAL_ERROR, "out of memory");
	else if (q->in.len < want)
		probe_wait_io(p, PROBE_WAIT_DNS, p->conn, EV_READ);
	else if (answers(q, q->in.data + 2, want - 2))
		answered(p, q->in.data + 2, want - 2);
	else
		probe_fail(p, HEALTH_REPLY_WRONG, "an answer to another question");
}

static void send_query(struct probe *p)
{
	struct question *q = question_of(p);
	size_t skip = q->stream ? 0 : 2, len = 2 + q->query_len;

	if (q->sent < skip)
		q->sent = skip;
	while (q->sent < len) {
		ssize_t n = send(p->conn->fd, q->query + q->sent, len - q->sent, MSG_NOSIGNAL);

		if (n < 0 && would_block()) {
			probe_wait_io(p, PROBE_WAIT_SEND, p->conn, EV_WRITE);
			return;
		}
		if (n < 0) {
			fail(p, errno, true);
			return;
		}
		q->sent += (size_t)n;
	}
	probe_wait_io(p, PROBE_WAIT_DNS, p->conn, EV_READ);
}

static void connect_ready(struct probe *p)
{
	int error = 0;
	socklen_t len = sizeof error;

	if (getsockopt(p->conn->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error != 0)
		fail(p, error, false);
	else
		send_query(p);
}

static void ready(struct probe *p)
{
	if (p->wait == PROBE_WAIT_CONNECT)
		connect_ready(p);
	else if (p->wait == PROBE_WAIT_SEND)
		send_query(p);
	else if (question_of(p)->stream)
		read_stream(p);
	else
		read_datagram(p);
}

static bool query_take(struct question *q, const struct script_request *req)
{
	if (req->len < HEADER_LEN || req->len > QUERY_MAX)
		return false;
	memcpy(q->query + 2, req->data, req->len);
	q->query_len = req->len;
	store_u16(q->query, (uint16_t)req->len);
	return getrandom(q->query + 2, 2, 0) == 2;
}

void probe_dns_begin(struct probe *p)
{
	const struct script_request *req = &p->req;
	struct question *q = probe_side_new(p, sizeof *q, ready, question_free);
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_from_addr(&ss, &req->addr);

	if (q == NULL)
		return;
	bytes_init(&q->in, 2 + ANSWER_MAX + PROBE_READ_LEN);
	q->stream = req->stream;
	p->conn = &q->side.conn;
	p->conn->port = req->addr.port;
	if (!query_take(q, req)) {
		probe_fail(p, HEALTH_LOCAL_ERROR, "no question");
		return;
	}
	p->conn->fd = socket(ss.ss_family, (q->stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->conn->fd < 0) {
		fail(p, errno, true);
		return;
	}
	if (!probe_leave_from(p, p->conn->fd, req->addr.family))
		return;
	if (connect(p->conn->fd, (struct sockaddr *)&ss, len) == 0)
		send_query(p);
	else if (errno == EINPROGRESS)
		probe_wait_io(p, PROBE_WAIT_CONNECT, p->conn, EV_WRITE);
	else
		fail(p, errno, true);
}
