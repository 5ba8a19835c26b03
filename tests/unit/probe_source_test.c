/* The address that probes leave from, as those see it that are probed; and one that this machine does not have. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tests/unit/probe_kit.h"
#include "tests/unit/unit.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define ELSEWHERE "192.0.2.77" /* TEST-NET-1, nobody's (RFC 5737) */

struct seen { /* who came to the socket */
	int fd, type;
	uint16_t port;
	struct in_addr from;
	struct event *readable;
};

static void on_visit(evutil_socket_t fd, short what, void *ctx)
{
	static const uint8_t question_end[] = "\x80";
	struct seen *s = ctx;
	struct sockaddr_in from = { .sin_family = AF_INET };
	socklen_t len = sizeof from;
	uint8_t room[600];

	(void)what;
	if (s->type == SOCK_STREAM) {
		int conn = accept(fd, (struct sockaddr *)&from, &len);
		close(conn);
	} else {
		ssize_t n = recvfrom(fd, room, sizeof room, 0, (struct sockaddr *)&from, &len);
		if (n > 3)
			room[2] |= question_end[0]; /* a response to a question, if that is what it was */
		sendto(fd, room, n > 0 ? (size_t)n : 0, 0, (struct sockaddr *)&from, len);
	}
	s->from = from.sin_addr;
}

static void seen_open(struct seen *s, struct event_base *base, int type)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof sin;

	s->type = type;
	s->fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(s->fd, (struct sockaddr *)&sin, len), 0);
	ck_assert(type != SOCK_STREAM || listen(s->fd, 8) == 0);
	ck_assert_int_eq(getsockname(s->fd, (struct sockaddr *)&sin, &len), 0);
	s->port = ntohs(sin.sin_port);
	s->readable = event_new(base, s->fd, EV_READ | EV_PERSIST, on_visit, s);
	event_add(s->readable, NULL);
}

static struct addr address(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, text, strlen(text), 0), 0);
	return a;
}

#define TCP "local c <close> = net.connect(target.address, port) c:readline()" /* until it is accepted */
#define UDP "local c <close> = net.udp(target.address, port) c:send('x') return c:receive() == 'x'"
#define DNS "dns.query({ address = target.address, port = port }, { name = 'example.test', type = 'A' }) return true"
#define PING "ping(target.address) return true"

static struct health_result probe_from(const char *v4, const char *v6, const char *body, int type, char *from)
{
	struct addr source[2] = { { .family = 0 }, { .family = 0 } };
	struct health_result r;
	struct seen s = { .fd = -1 };
	struct kit k;

	if (v4)
		source[0] = address(v4);
	if (v6)
		source[1] = address(v6);
	kit_open(&k, 10);
	seen_open(&s, k.base, type);
	probes_set_source(k.probes, source);
	kit_add(&k, body, s.port, 5000);
	kit_run(&k, 0);
	r = k.results[0];
	strcpy(from, s.from.s_addr ? inet_ntoa(s.from) : "nobody");
	event_free(s.readable);
	close(s.fd);
	kit_close(&k);
	return r;
}

START_TEST(every_kind_leaves_from_there)
{
	static const struct { const char *body; int type; } kinds[] = { { TCP, SOCK_STREAM }, { UDP, SOCK_DGRAM }, { DNS, SOCK_DGRAM } };
	char from[INET_ADDRSTRLEN];

	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct health_result r = probe_from("127.0.0.9", NULL, kinds[i].body, kinds[i].type, from);
		ck_assert_msg(strcmp(from, "127.0.0.9") == 0, "%zu: %s, %s", i, from, r.detail);
		(void)probe_from("127.0.0.10", "2001:db8::1", kinds[i].body, kinds[i].type, from);
		ck_assert_str_eq(from, "127.0.0.10");
		(void)probe_from(NULL, "2001:db8::1", kinds[i].body, kinds[i].type, from); /* the other family's is nothing to it */
		ck_assert_str_eq(from, "127.0.0.1");
	}
}
END_TEST

/* No verdict on the target: nobody asked it. */
START_TEST(an_address_that_is_not_there)
{
	static const struct { const char *body; int type; } kinds[] = {
		{ TCP, SOCK_STREAM }, { UDP, SOCK_DGRAM }, { DNS, SOCK_DGRAM }, { PING, SOCK_DGRAM } };
	char from[INET_ADDRSTRLEN];

	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct health_result r = probe_from(ELSEWHERE, NULL, kinds[i].body, kinds[i].type, from);
		ck_assert_str_eq(from, "nobody");
		if (i == 3 && strstr(r.detail, "ping_group_range")) {
			printf("skipped, pings are not allowed here\n");
			continue;
		}
		ck_assert_msg(r.reason == HEALTH_CHECK_IMPOSSIBLE, "%zu: %d %s", i, r.reason, r.detail);
		ck_assert_int_eq(health_reason_outcome((enum health_reason)r.reason), HEALTH_UNKNOWN_RESULT);
		ck_assert_ptr_nonnull(strstr(r.detail, "probe_source " ELSEWHERE ": Cannot assign requested address"));
	}
}
END_TEST

/* One that may open a socket of its own for it; others are sent by a socket that probes share (ping_test.py). */
START_TEST(pings_leave_from_there)
{
	char from[INET_ADDRSTRLEN];
	struct health_result r = probe_from("127.0.0.9", NULL, PING, SOCK_DGRAM, from);

	if (strstr(r.detail, "ping_group_range"))
		printf("skipped, pings are not allowed here\n");
	else
		ck_assert_msg(r.reason == HEALTH_OK, "%s", r.detail);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { every_kind_leaves_from_there, an_address_that_is_not_there, pings_leave_from_there };
	return unit_run("probe source", tests, COUNT(tests));
}
