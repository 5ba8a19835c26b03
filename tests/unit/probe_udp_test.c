/* Probes over UDP against a socket of our own. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tests/unit/probe_kit.h"
#include "tests/unit/unit.h"

enum udp_habit { UDP_ECHO = 1, UDP_SILENT, UDP_EMPTY, UDP_LARGE, UDP_TWICE, UDP_ELSEWHERE };

struct udp_server {
	int fd, other;
	uint16_t port;
	enum udp_habit habit;
	struct event *readable;
};

static void on_datagram(evutil_socket_t fd, short what, void *ctx)
{
	static char room[65536];
	struct udp_server *s = ctx;
	struct sockaddr_in from;
	socklen_t len = sizeof from;
	ssize_t n = recvfrom(fd, room, sizeof room, 0, (struct sockaddr *)&from, &len);

	(void)what;
	if (s->habit == UDP_SILENT || n < 0)
		return;
	if (s->habit == UDP_EMPTY)
		n = 0;
	if (s->habit == UDP_LARGE)
		n = 20000;
	sendto(s->habit == UDP_ELSEWHERE ? s->other : fd, room, (size_t)n, 0, (struct sockaddr *)&from, len);
	if (s->habit == UDP_TWICE)
		sendto(fd, "again", 5, 0, (struct sockaddr *)&from, len);
}

static int udp_bind(uint16_t *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof sin;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	*port = ntohs(sin.sin_port);
	return fd;
}

static struct health_result probe_once(enum udp_habit habit, const char *body, uint32_t timeout_ms)
{
	struct udp_server s = { .habit = habit };
	struct health_result r;
	uint16_t unused;
	struct kit k;

	kit_open(&k, 100);
	s.fd = udp_bind(&s.port);
	s.other = udp_bind(&unused);
	s.readable = event_new(k.base, s.fd, EV_READ | EV_PERSIST, on_datagram, &s);
	event_add(s.readable, NULL);
	kit_add(&k, body, s.port, timeout_ms);
	kit_run(&k, 0);
	r = k.results[0];
	event_free(s.readable);
	kit_close(&k);
	close(s.fd);
	close(s.other);
	return r;
}

#define UDP "local u <close> = net.udp(target.address, port) "

static const struct meeting {
	enum udp_habit habit;
	const char *body;
	uint32_t timeout_ms;
	enum health_reason reason;
	const char *detail;
} meetings[] = {
	{ UDP_ECHO, UDP "u:send('ping') return true, u:receive()", 5000, HEALTH_OK, "ping" },
	{ UDP_ECHO, UDP "u:send('') return u:receive() == ''", 5000, HEALTH_OK, "" },
	{ UDP_ECHO, UDP "local s = ('x'):rep(16384) u:send(s) return u:receive() == s", 5000, HEALTH_OK, "" },
	{ UDP_ECHO, UDP "u:send(('x'):rep(16385))", 5000, HEALTH_SCRIPT_ERROR, "too long" },
	{ UDP_ECHO, UDP "u:send('a') u:send('b') return true, u:receive() .. u:receive()", 5000, HEALTH_OK, "ab" },
	{ UDP_TWICE, UDP "u:send('a') return true, u:receive() .. '-' .. u:receive()", 5000, HEALTH_OK, "a-again" },
	{ UDP_EMPTY, UDP "u:send('a') return true, #u:receive()", 5000, HEALTH_OK, "0" },
	{ UDP_LARGE, UDP "u:send('a') u:receive()", 5000, HEALTH_REPLY_WRONG, "more than 16384" },
	{ UDP_SILENT, UDP "u:send('a') u:receive()", 60, HEALTH_READ_TIMEOUT, "port" },
	{ UDP_SILENT, UDP "u:send('a') u:receive(0.03)", 5000, HEALTH_READ_TIMEOUT, "port" },
	{ UDP_ELSEWHERE, UDP "u:send('a') u:receive()", 60, HEALTH_READ_TIMEOUT, "port" }, /* another port's is not heard */
	{ UDP_ECHO, "local u = net.udp(target.address, 1) u:send('a') u:receive()", 5000, HEALTH_CONNECT_REFUSED, "port 1" },
	{ UDP_ECHO, "local t = {} for i = 1, 9 do t[i] = net.udp(target.address, port) end", 5000, HEALTH_LOCAL_ERROR, "more than 8" },
	{ UDP_ECHO, "for i = 1, 50 do local u <close> = net.udp(target.address, port) end return true", 5000, HEALTH_OK, "" },
	{ UDP_ECHO, UDP "u:close() u:receive()", 5000, HEALTH_SCRIPT_ERROR, "closed" },
	{ UDP_ECHO, UDP "u:read()", 5000, HEALTH_SCRIPT_ERROR, "read" },
};

START_TEST(a_probe_meets_a_socket)
{
	const struct meeting *m = &meetings[_i];
	struct health_result r;

	do /* a probe that this process itself held up found nothing out: the core asks again, too */
		r = probe_once(m->habit, m->body, m->timeout_ms);
	while (r.reason == HEALTH_LOCAL_LAG);
	ck_assert_msg(r.reason == m->reason && strstr(r.detail, m->detail) != NULL, "%s: %s (%s)", m->body,
		      health_reason_text(r.reason), r.detail);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, a_probe_meets_a_socket, 0, (int)(sizeof meetings / sizeof *meetings));
	return unit_run_case("probe_udp", tc);
}
