/* Datagrams of a probe: a connected socket, so the kernel drops what others send, and tells of a port that is closed. */
#include <errno.h>
#include "io/probe_state.h"

static void fail(struct probe *p, int error, enum probe_wait wait)
{
	if (error == ECONNREFUSED) /* ICMP, in answer to what was sent before */
		probe_fail(p, HEALTH_CONNECT_REFUSED, "port %u", p->conn->port);
	else
		probe_conn_fail(p, error, wait);
}

static bool is_not_ready(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

void probe_udp_begin(struct probe *p)
{
	struct sockaddr_storage ss;
	socklen_t len;
	struct probe_conn *c = probe_conn_open(p, &p->req.addr, SOCK_DGRAM, &ss, &len);

	if (c == NULL)
		return;
	if (connect(c->fd, (struct sockaddr *)&ss, len) == 0) {
		probe_connected(p);
		return;
	}
	probe_conn_fail(p, errno, PROBE_WAIT_CONNECT);
	probe_conn_close(c);
}

void probe_udp_send(struct probe *p)
{
	struct script_answer sent = { .reason = HEALTH_OK };

	if (send(p->conn->fd, p->out, p->out_len, MSG_NOSIGNAL) >= 0)
		probe_answer(p, &sent);
	else if (is_not_ready(errno))
		probe_wait_io(p, PROBE_WAIT_SEND, p->conn, EV_WRITE);
	else
		fail(p, errno, PROBE_WAIT_SEND);
}

/* An empty datagram is one, too. */
void probe_udp_read(struct probe *p)
{
	uint8_t *room = p->set->room;
	struct script_answer a = { .reason = HEALTH_OK };
	struct probe_conn *c = p->conn;
	ssize_t n = recv(c->fd, room, PROBE_READ_LEN, MSG_TRUNC);

	if (n < 0 && is_not_ready(errno)) {
		probe_wait_io(p, PROBE_WAIT_READ, c, EV_READ);
	} else if (n < 0) {
		fail(p, errno, PROBE_WAIT_READ);
	} else if ((size_t)n > p->req.max || n > PROBE_READ_LEN) {
		probe_fail(p, HEALTH_REPLY_WRONG, "a datagram of more than %zu octets", p->req.max);
	} else {
		c->in.len = 0;
		bytes_add(&c->in, room, (size_t)n);
		a.data = (const char *)c->in.data;
		a.len = (size_t)n;
		if (c->in.failed)
			probe_fail(p, HEALTH_LOCAL_ERROR, "out of memory");
		else
			probe_answer(p, &a);
	}
}
