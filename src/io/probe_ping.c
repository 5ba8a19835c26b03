/* One ICMP echo of a probe (RFC 792, RFC 4443 4.1).
 *
 *     a socket of its own   SOCK_DGRAM, IPPROTO_ICMP: where net.ipv4.ping_group_range lets us. The kernel sees to the
 *                           identifier and hands us our answers alone
 *     the raw socket        that the supervisor opened and all pings share: we look for who sent what came
 *
 *     type 8 (128) | code 0 | checksum | identifier | sequence 1 | token, 16 random octets | padding
 *
 * An answer counts only with the token of its echo, from the address that it was sent to: nobody guesses that.
 */
#include <errno.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/buf.h"
#include "io/clock.h"
#include "io/probe_state.h"
#include "io/sockaddr.h"

#define HEAD_LEN 8
#define TOKEN_LEN 16
#define PACKET_MAX (HEAD_LEN + 1400)
#define RAW_READS_MAX 64 /* packets taken from a raw socket in one turn of the loop: everybody's answers come there */

struct echo {
	struct probe_side side;
	LIST_ENTRY(echo) link; /* of those that wait at a raw socket */
	struct probe *probe;
	bool raw;
	struct addr to;
	uint8_t id[2], token[TOKEN_LEN];
	uint64_t sent_us;
};
struct probe_pinger {
	int fd[2];             /* raw: IPv4, IPv6; -1 = none */
	struct event *read[2];
	struct addr bound[2];  /* to which probe_source; family 0 = none yet */
	LIST_HEAD(, echo) echoes[256]; /* by the first octet of the identifier */
};

static void echo_free(struct probe_side *side)
{
	struct echo *e = (struct echo *)side;

	if (e->raw)
		LIST_REMOVE(e, link);
}

/* RFC 1071. */
static uint16_t checksum(const uint8_t *data, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += load_u16(data + i);
	if (len & 1)
		sum += (uint32_t)data[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* The echo request, len octets. The kernel fills in what it knows better: the identifier of a socket of our own, the
 * checksum of ICMPv6. */
static void packet_write(const struct echo *e, uint8_t *p, size_t len)
{
	memset(p, 0, len);
	p[0] = e->to.family == 4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	memcpy(p + 4, e->id, sizeof e->id);
	store_u16(p + 6, 1);
	memcpy(p + HEAD_LEN, e->token, TOKEN_LEN);
	if (e->to.family == 4)
		store_u16(p + 2, checksum(p, len));
}

static bool answers(const struct echo *e, const uint8_t *p, size_t len)
{
	return len >= HEAD_LEN + TOKEN_LEN && p[0] == (e->to.family == 4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY) && p[1] == 0 &&
	       (!e->raw || memcmp(p + 4, e->id, sizeof e->id) == 0) && memcmp(p + HEAD_LEN, e->token, TOKEN_LEN) == 0;
}

static void answered(struct echo *e)
{
	struct script_answer a = { .reason = HEALTH_OK, .took_us = (uint32_t)(clock_mono_us() - e->sent_us) };

	probe_answer(e->probe, &a);
}

static void fail(struct probe *p, int error, bool at_once)
{
	enum health_reason r = probe_reason_of(error, PROBE_WAIT_CONNECT, at_once);

	if (error == EACCES || error == EPERM)
		probe_fail(p, HEALTH_CHECK_IMPOSSIBLE, "ping needs net.ipv4.ping_group_range to hold our group, or a start as root");
	else if (r == HEALTH_LOCAL_ERROR)
		probe_fail(p, r, "ping: %s", strerror(error));
	else
		probe_fail(p, r, "ping");
}

/* ---- a socket of its own ---- */

static bool passing(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static void ready(struct probe *p)
{
	struct echo *e = (struct echo *)p->side;
	uint8_t *room = p->set->room;
	ssize_t n = recv(e->side.conn.fd, room, PROBE_READ_LEN, 0);

	if (n < 0 && !passing(errno))
		fail(p, errno, false);
	else if (n >= 0 && answers(e, room, (size_t)n))
		answered(e);
	else
		probe_wait_io(p, PROBE_WAIT_PING, &e->side.conn, EV_READ);
}

static void ping_own(struct probe *p, struct echo *e, const uint8_t *packet, size_t len)
{
	struct sockaddr_storage ss;
	socklen_t ss_len = sockaddr_from_addr(&ss, &e->to);

	if (!probe_leave_from(p, e->side.conn.fd, e->to.family))
		return;
	if (connect(e->side.conn.fd, (struct sockaddr *)&ss, ss_len) != 0 || send(e->side.conn.fd, packet, len, 0) < 0)
		fail(p, errno, true);
	else
		probe_wait_io(p, PROBE_WAIT_PING, &e->side.conn, EV_READ);
}

/* ---- the raw socket ---- */

/* Room of its own: what a probe read before may still be there for it. */
static bool raw_take(struct probe_pinger *g, int which)
{
	uint8_t room[PACKET_MAX + 60];
	struct sockaddr_storage ss;
	socklen_t ss_len = sizeof ss;
	struct addr from;
	struct echo *e;
	ssize_t n = recvfrom(g->fd[which], room, sizeof room, MSG_DONTWAIT, (struct sockaddr *)&ss, &ss_len);
	size_t skip = which == 0 && n > 0 ? (size_t)(room[0] & 15) * 4 : 0; /* IPv4 comes with its header */

	if (n < 0)
		return false;
	sockaddr_to_addr(&from, &ss);
	if ((size_t)n < skip + HEAD_LEN)
		return true;
	LIST_FOREACH(e, &g->echoes[room[skip + 4]], link)
		if (addr_same_ip(&e->to, &from) && answers(e, room + skip, (size_t)n - skip)) {
			if (!e->probe->has_answer)
				answered(e);
			break;
		}
	return true;
}

static void on_raw(evutil_socket_t fd, short what, void *ctx)
{
	struct probe_pinger *g = ctx;
	int which = fd == g->fd[0] ? 0 : 1;

	(void)what;
	for (unsigned i = 0; i < RAW_READS_MAX && raw_take(g, which); i++)
		;
}

static void ping_raw(struct probe *p, struct echo *e, struct probe_pinger *g, const uint8_t *packet, size_t len)
{
	struct sockaddr_storage ss;
	socklen_t ss_len = sockaddr_from_addr(&ss, &e->to);

	if (!probe_leave_shared(p, g->fd[e->to.family == 6], e->to.family, &g->bound[e->to.family == 6]))
		return;
	if (sendto(g->fd[e->to.family == 6], packet, len, MSG_DONTWAIT, (struct sockaddr *)&ss, ss_len) < 0) {
		fail(p, errno, true);
		return;
	}
	e->raw = true;
	LIST_INSERT_HEAD(&g->echoes[e->id[0]], e, link);
	p->wait = PROBE_WAIT_PING;
}

/* Nothing but answers to echoes is to reach us: the raw socket hears all of the machine's ICMP. */
static int filter_set(int fd, bool v6)
{
	struct icmp_filter v4_only = { ~(1u << ICMP_ECHOREPLY) };
	struct icmp6_filter v6_only;

	if (!v6)
		return setsockopt(fd, SOL_RAW, ICMP_FILTER, &v4_only, sizeof v4_only);
	ICMP6_FILTER_SETBLOCKALL(&v6_only);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &v6_only);
	return setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &v6_only, sizeof v6_only);
}

struct probe_pinger *probe_pinger_new(void)
{
	struct probe_pinger *g = calloc(1, sizeof *g);

	if (g == NULL)
		return NULL;
	g->fd[0] = g->fd[1] = -1;
	for (size_t i = 0; i < sizeof g->echoes / sizeof *g->echoes; i++)
		LIST_INIT(&g->echoes[i]);
	return g;
}

int probe_pinger_add(struct probe_pinger *g, struct event_base *base, int fd)
{
	int domain = 0, which;
	socklen_t len = sizeof domain;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) != 0 || (domain != AF_INET && domain != AF_INET6))
		return ERR_FORMAT;
	which = domain == AF_INET6;
	if (g->fd[which] >= 0 || filter_set(fd, which == 1) != 0)
		return ERR_FORMAT;
	g->read[which] = event_new(base, fd, EV_READ | EV_PERSIST, on_raw, g);
	if (g->read[which] == NULL || event_add(g->read[which], NULL) != 0)
		return ERR_NOMEM;
	g->fd[which] = fd;
	return 0;
}

void probe_pinger_free(struct probe_pinger *g)
{
	for (int i = 0; g != NULL && i < 2; i++) {
		if (g->read[i] != NULL)
			event_free(g->read[i]);
		if (g->fd[i] >= 0)
			close(g->fd[i]);
	}
	free(g);
}

/* ---- an echo ---- */

void probe_ping_begin(struct probe *p)
{
	struct probe_pinger *g = p->set->pinger;
	struct echo *e = probe_side_new(p, sizeof *e, ready, echo_free);
	uint8_t packet[PACKET_MAX];
	size_t len = HEAD_LEN + p->req.max;
	bool v6;

	if (e == NULL)
		return;
	e->probe = p;
	e->to = p->req.addr;
	p->conn = &e->side.conn;
	v6 = e->to.family == 6;
	if (len > sizeof packet || len < HEAD_LEN + TOKEN_LEN || getrandom(e->token, TOKEN_LEN, 0) != TOKEN_LEN ||
	    getrandom(e->id, sizeof e->id, 0) != (ssize_t)sizeof e->id) {
		probe_fail(p, HEALTH_LOCAL_ERROR, "ping: no echo");
		return;
	}
	packet_write(e, packet, len);
	e->sent_us = clock_mono_us();
	e->side.conn.fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	if (e->side.conn.fd >= 0)
		ping_own(p, e, packet, len);
	else if (g != NULL && g->fd[v6] >= 0)
		ping_raw(p, e, g, packet, len);
	else
		fail(p, errno, true);
}
