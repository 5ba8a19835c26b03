/* Probes against real sockets on loopback: hostile servers live on the same event loop. */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "io/probe.h"
#include "io/probe_state.h"
#include "tests/unit/probe_kit.h"
#include "tests/unit/unit.h"

/* ---- servers ---- */

enum habit { /* what a server does with a connection */
	HABIT_SILENT,  /* takes it and says nothing */
	HABIT_DEAF,    /* the same, and reads nothing */
	HABIT_CLOSE,   /* closes at once */
	HABIT_RESET,   /* resets at once */
	HABIT_SLAM,    /* resets after the first octets arrive */
	HABIT_SAY,     /* says `text` after the first octets arrive, then closes */
	HABIT_GREET,   /* says `text` at once and waits */
	HABIT_DRIP,    /* `text` octet by octet, then over and over its last one */
	HABIT_FLOOD    /* `text`, then 'x' without end */
};
struct server {
	struct event_base *base;
	struct evconnlistener *listener;
	enum habit habit;
	const char *text;
	uint16_t port;
	unsigned accepted;
	uint64_t sent;
	char seen[4096]; /* what the clients said */
	LIST_HEAD(, guest) guests;
};
struct guest {
	LIST_ENTRY(guest) link;
	struct server *server;
	struct bufferevent *bev;
	struct event *drip;
	size_t at;
};

static void guest_free(struct guest *g)
{
	if (g->drip != NULL)
		event_free(g->drip);
	bufferevent_free(g->bev);
	LIST_REMOVE(g, link);
	free(g);
}

static void on_drip(evutil_socket_t fd, short what, void *ctx)
{
	static const struct timeval pace = { .tv_usec = 5000 };
	struct guest *g = ctx;
	size_t len = strlen(g->server->text);

	(void)fd;
	(void)what;
	bufferevent_write(g->bev, g->server->text + (g->at < len ? g->at : len - 1), 1);
	g->at++;
	event_add(g->drip, &pace);
}

static void on_written(struct bufferevent *bev, void *ctx)
{
	static char flood[65536];
	struct guest *g = ctx;

	if (g->server->habit == HABIT_SAY && g->at > 0) {
		guest_free(g);
	} else if (g->server->habit == HABIT_FLOOD) {
		memset(flood, 'x', sizeof flood);
		bufferevent_write(bev, flood, sizeof flood);
		g->server->sent += sizeof flood;
	}
}

static void on_read(struct bufferevent *bev, void *ctx)
{
	struct guest *g = ctx;
	size_t have = strlen(g->server->seen);

	have += bufferevent_read(bev, g->server->seen + have, sizeof g->server->seen - 1 - have);
	g->server->seen[have] = '\0';
	if (g->server->habit == HABIT_SLAM) {
		struct linger rst = { .l_onoff = 1 };

		setsockopt(bufferevent_getfd(bev), SOL_SOCKET, SO_LINGER, &rst, sizeof rst);
		guest_free(g);
		return;
	}
	if (g->server->habit == HABIT_SAY && g->at++ == 0)
		bufferevent_write(bev, g->server->text, strlen(g->server->text));
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
	(void)bev;
	(void)what;
	guest_free(ctx);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from, int len, void *ctx)
{
	struct server *s = ctx;
	struct linger rst = { .l_onoff = 1 };
	struct guest *g;

	(void)l;
	(void)from;
	(void)len;
	s->accepted++;
	if (s->habit == HABIT_RESET)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &rst, sizeof rst);
	if (s->habit == HABIT_RESET || s->habit == HABIT_CLOSE) {
		close(fd);
		return;
	}
	g = calloc(1, sizeof *g);
	ck_assert_ptr_nonnull(g);
	g->server = s;
	LIST_INSERT_HEAD(&s->guests, g, link);
	g->bev = bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(g->bev, on_read, on_written, on_event, g);
	bufferevent_enable(g->bev, s->habit == HABIT_DEAF ? EV_WRITE : EV_READ | EV_WRITE);
	if (s->habit == HABIT_GREET || s->habit == HABIT_FLOOD)
		bufferevent_write(g->bev, s->text, strlen(s->text));
	if (s->habit == HABIT_DRIP) {
		g->drip = evtimer_new(s->base, on_drip, g);
		on_drip(-1, 0, g);
	}
}

static void server_start(struct server *s, struct event_base *base, enum habit habit, const char *text)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof sin;

	memset(s, 0, sizeof *s);
	s->base = base;
	s->habit = habit;
	s->text = text;
	s->listener = evconnlistener_new_bind(base, on_accept, s, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, 128,
					      (struct sockaddr *)&sin, sizeof sin);
	ck_assert_ptr_nonnull(s->listener);
	if (habit == HABIT_DEAF) /* little finds room: who sends is soon held up */
		ck_assert_int_eq(setsockopt(evconnlistener_get_fd(s->listener), SOL_SOCKET, SO_RCVBUF, &(int){ 4096 }, sizeof(int)), 0);
	ck_assert_int_eq(getsockname(evconnlistener_get_fd(s->listener), (struct sockaddr *)&sin, &len), 0);
	s->port = ntohs(sin.sin_port);
}

static void server_stop(struct server *s)
{
	if (s->listener != NULL)
		evconnlistener_free(s->listener);
	s->listener = NULL;
}

static struct server server; /* of this test; each has a process of its own */

static void close_all(struct kit *k)
{
	server_stop(&server);
	while (!LIST_EMPTY(&server.guests))
		guest_free(LIST_FIRST(&server.guests));
	kit_close(k);
}

/* One probe of body against a server with that habit. */
static struct health_result probe_once(enum habit habit, const char *text, const char *body, uint32_t timeout_ms)
{
	struct kit k;
	struct health_result r;

	kit_open(&k, 100);
	server_start(&server, k.base, habit, text);
	kit_add(&k, body, server.port, timeout_ms);
	kit_run(&k, 0);
	r = k.results[0];
	close_all(&k);
	return r;
}

/* ---- one probe, one server ---- */

#define CONNECT "local c <close> = net.connect(target.address, port) "
#define GET "return true, http.get(target, { port = port, expect = '2xx' }).body "

static const struct meeting {
	enum habit habit;
	const char *text, *body;
	uint32_t timeout_ms;
	enum health_reason reason;
	const char *detail; /* part of it; NULL = any */
} meetings[] = {
	/* TCP */
	{ HABIT_SILENT, "", CONNECT "return true", 5000, HEALTH_OK, NULL },
	{ HABIT_GREET, "220 hello\r\n", CONNECT "return true, c:readline()", 5000, HEALTH_OK, "220 hello" },
	{ HABIT_GREET, "one\ntwo\r\n\nfour\n",
	  CONNECT "return true, c:readline()..','..c:readline()..','..c:readline()..','..c:readline()", 5000, HEALTH_OK,
	  "one,two,,four" },
	{ HABIT_GREET, "abcdef", CONNECT "return true, c:read(2) .. '-' .. c:read(3)", 5000, HEALTH_OK, "ab-cde" },
	{ HABIT_SAY, "+PONG\r\n", CONNECT "c:send('PING\\r\\n') return c:readline() == '+PONG'", 5000, HEALTH_OK,
	  NULL },
	{ HABIT_SAY, "-ERR\r\n", CONNECT "c:send('PING\\r\\n') assert(c:readline() == '+PONG', 'no pong')", 5000,
	  HEALTH_REPLY_WRONG, "no pong" },
	{ HABIT_SILENT, "", CONNECT "c:readline()", 100, HEALTH_READ_TIMEOUT, NULL },
	{ HABIT_SILENT, "", CONNECT "c:read(1, 0.05)", 5000, HEALTH_READ_TIMEOUT, "port" },
	{ HABIT_SILENT, "", CONNECT "local ok, f = pcall(c.read, c, 1, 0.05) return true, f.reason", 5000, HEALTH_OK,
	  "read timeout" },
	{ HABIT_CLOSE, "", CONNECT "c:readline()", 5000, HEALTH_READ_CLOSED, "port" },
	{ HABIT_SAY, "half", CONNECT "c:send('x') c:readline()", 5000, HEALTH_READ_CLOSED, "within a line" },
	{ HABIT_RESET, "", CONNECT "c:readline()", 5000, HEALTH_CONNECT_RESET, NULL },
	{ HABIT_SLAM, "", CONNECT "c:send('x') c:readline()", 5000, HEALTH_READ_RESET, NULL },
	{ HABIT_FLOOD, "", CONNECT "c:readline()", 5000, HEALTH_REPLY_WRONG, "a line of more than 8192" },
	{ HABIT_FLOOD, "", CONNECT "local n = 0 while n < 1000000 do n = n + #c:read() end return true", 20000,
	  HEALTH_OK, NULL },
	{ HABIT_DRIP, "abc", CONNECT "c:readline()", 100, HEALTH_READ_TIMEOUT, "within a line" },
	{ HABIT_DEAF, "", CONNECT "local s = ('x'):rep(65536) while true do c:send(s) end", 200, HEALTH_WRITE_FAILED,
	  NULL },
	{ HABIT_SILENT, "", "sleep(0.02) return true", 5000, HEALTH_OK, NULL },
	{ HABIT_SILENT, "", "sleep(10)", 50, HEALTH_CHECK_TIMEOUT, "asleep" },
	{ HABIT_SILENT, "", CONNECT "c:close() c:close() return pcall(c.read, c), 'x'", 5000, HEALTH_CHECK_SAID_DOWN,
	  "x" },
	{ HABIT_SILENT, "", "local t = {} for i = 1, 9 do t[i] = net.connect(target.address, port) end", 5000,
	  HEALTH_LOCAL_ERROR, "more than 8" },
	{ HABIT_SILENT, "", "for i = 1, 100 do local c <close> = net.connect(target.address, port) end return true",
	  5000, HEALTH_OK, NULL },
	{ HABIT_SILENT, "",
	  "local t = {} for i = 1, 9 do local ok, c = pcall(net.connect, target.address, port) t[i] = c end return "
	  "false",
	  5000, HEALTH_LOCAL_ERROR, NULL }, /* what failed here cannot count against the target */
	/* HTTP */
	{ HABIT_SAY, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", GET, 5000, HEALTH_OK, "hello" },
	{ HABIT_SAY, "HTTP/1.0 200 OK\r\n\r\nto the end", GET, 5000, HEALTH_OK, "to the end" },
	{ HABIT_SAY, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", GET,
	  5000, HEALTH_OK, "abcde" },
	{ HABIT_SAY, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", GET, 5000, HEALTH_OK, NULL },
	{ HABIT_SAY, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", GET, 5000, HEALTH_HTTP_STATUS,
	  "503, expected 2xx" },
	{ HABIT_SAY, "HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 0\r\n\r\n",
	  "return true, http.get(target, { port = port }).headers['x-a']", 5000, HEALTH_OK, "1, 2" },
	{ HABIT_SAY, "SSH-2.0-hello\r\n", GET, 5000, HEALTH_HTTP_BROKEN, "no status line" },
	{ HABIT_SAY, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", GET, 5000, HEALTH_READ_CLOSED,
	  "within the answer" },
	{ HABIT_CLOSE, "", GET, 5000, HEALTH_READ_CLOSED, "before any answer" },
	{ HABIT_SLAM, "", GET, 5000, HEALTH_READ_RESET, NULL },
	{ HABIT_SILENT, "", GET, 100, HEALTH_READ_TIMEOUT, "no whole answer" },
	{ HABIT_DRIP, "HTTP/1.1 200 OK\r\nX: ", GET, 200, HEALTH_READ_TIMEOUT, "no whole answer" },
	{ HABIT_FLOOD, "HTTP/1.1 200 OK\r\n", GET, 10000, HEALTH_HTTP_BROKEN, "line too long" },
	{ HABIT_FLOOD, "HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n",
	  "return true, #http.get(target, { port = port }).body", 10000, HEALTH_OK, "16384" },
	{ HABIT_FLOOD, "HTTP/1.1 200 OK\r\n\r\n", "return true, #http.get(target, { port = port, max_body = 0 }).body",
	  10000, HEALTH_OK, "0" },
	{ HABIT_SILENT, "", "http.get(target, { port = port, timeout = 0.05 })", 5000, HEALTH_READ_TIMEOUT, "no whole answer" },
};

START_TEST(a_probe_meets_a_server)
{
	const struct meeting *m = &meetings[_i];
	struct health_result r;

	do /* a probe that this process itself held up found nothing out: the core asks again, too */
		r = probe_once(m->habit, m->text, m->body, m->timeout_ms);
	while (r.reason == HEALTH_LOCAL_LAG);
	ck_assert_msg(r.reason == m->reason, "%s | %s: %s (%s)", m->body, m->text, health_reason_text(r.reason),
		      r.detail);
	if (m->detail != NULL)
		ck_assert_msg(strstr(r.detail, m->detail) != NULL, "%s: %s", m->body, r.detail);
	ck_assert_uint_gt(r.took_us, 0);
}
END_TEST

START_TEST(a_closed_port_refuses)
{
	struct kit k;
	uint16_t port;

	kit_open(&k, 100);
	server_start(&server, k.base, HABIT_SILENT, "");
	port = server.port;
	server_stop(&server);
	kit_add(&k, CONNECT "return true", port, 5000);
	kit_add(&k, GET, port, 5000);
	kit_run(&k, 0);
	ck_assert_int_eq(k.results[0].reason, HEALTH_CONNECT_REFUSED);
	ck_assert_int_eq(k.results[1].reason, HEALTH_CONNECT_REFUSED);
	close_all(&k);
}
END_TEST

static void probe_full_queue(const struct sockaddr_in *sin, struct health_result r[3])
{
	const uint16_t port = ntohs(sin->sin_port);
	struct kit k;

	kit_open(&k, 100);
	kit_add(&k, CONNECT "return true", port, 100);
	kit_add(&k, "net.connect(target.address, port, { timeout = 0.05 })", port, 5000);
	kit_add(&k, GET, port, 100);
	kit_run(&k, 0);
	memcpy(r, k.results, 3 * sizeof *r);
	close_all(&k);
}

/* A listener whose queue is full: the kernel drops what comes, as a host that is gone does. */
START_TEST(a_full_queue_times_out)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof sin;
	int fd = socket(AF_INET, SOCK_STREAM, 0), fill[4];
	struct health_result r[3];

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, len), 0);
	ck_assert_int_eq(listen(fd, 0), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	for (int i = 0; i < 4; i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fill[i], (struct sockaddr *)&sin, len);
	}
	do /* as with a_probe_meets_a_server */
		probe_full_queue(&sin, r);
	while (r[0].reason == HEALTH_LOCAL_LAG || r[1].reason == HEALTH_LOCAL_LAG || r[2].reason == HEALTH_LOCAL_LAG);
	for (int i = 0; i < 3; i++)
		ck_assert_msg(r[i].reason == HEALTH_CONNECT_TIMEOUT, "%d: %s", i, health_reason_text(r[i].reason));
	for (int i = 0; i < 4; i++)
		close(fill[i]);
	close(fd);
}
END_TEST

START_TEST(the_request_is_well_formed)
{
	struct kit k;

	kit_open(&k, 100);
	server_start(&server, k.base, HABIT_SAY, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	kit_add(&k,
		"http.request(target, { port = port, method = 'POST', path = '/a?b=c', body = 'hi', headers = { "
		"['X-One'] = '1' } }) "
		"return true",
		server.port, 5000);
	kit_run(&k, 0);
	ck_assert_int_eq(k.results[0].reason, HEALTH_OK);
	ck_assert_msg(strncmp(server.seen, "POST /a?b=c HTTP/1.1\r\nHost: www.example.test:", 45) == 0, "%s",
		      server.seen);
	ck_assert_ptr_nonnull(strstr(server.seen, "\r\nX-One: 1\r\n"));
	ck_assert_ptr_nonnull(strstr(server.seen, "\r\nConnection: close\r\n"));
	ck_assert_ptr_nonnull(strstr(server.seen, "\r\nContent-Length: 2\r\n\r\nhi"));
	close_all(&k);
}
END_TEST

START_TEST(a_flood_is_not_read_beyond_what_is_wanted)
{
	struct kit k;

	kit_open(&k, 100);
	server_start(&server, k.base, HABIT_FLOOD, "HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n");
	kit_add(&k, GET, server.port, 10000);
	kit_run(&k, 0);
	ck_assert_int_eq(k.results[0].reason, HEALTH_OK);
	ck_assert_uint_lt(server.sent, 64u << 20); /* what socket buffers take, not ten gigabytes */
	close_all(&k);
}
END_TEST

/* ---- many ---- */

static const char *const hogs[] = {
	"while true do end",
	"local t = {} while true do t[#t + 1] = {} end",
	"while true do pcall(function () while true do end end) end",
	"local s = 'x' while true do s = s .. s end",
	"while true do pcall(string.rep, 'x', 250000) end",
	"local s = ('a'):rep(5000) while true do pcall(string.find, s, '.-.-.-b') end",
	"local t = {} for i = 1, 3000 do t[i] = (i * 7919) % 3001 end while true do table.sort(t, function (a, b) return a < b end) end",
};
#define HOGS (sizeof hogs / sizeof *hogs)

/* However long scripts compute, a probe that waits for its target gets on in a few turns of the loop, and a turn
 * holds one slice of one of them. Turns are counted, not seconds: the figure in microseconds is told, not judged. */
START_TEST(scripts_that_compute_delay_nobody)
{
	struct probes_stats st;
	struct kit k;
	uint64_t most = 0;
	uint32_t most_us = 0;

	kit_open(&k, 1000);
	server_start(&server, k.base, HABIT_SAY, "+PONG\r\n");
	for (unsigned i = 0; i < 3 * HOGS; i++)
		kit_add(&k, hogs[i % HOGS], 0, 10000);
	for (unsigned i = 0; i < 20; i++)
		kit_add(&k, CONNECT "c:send('PING\\r\\n') return c:readline() == '+PONG'", server.port, 10000);
	kit_run(&k, 0);
	for (unsigned i = 0; i < 3 * HOGS; i++) {
		ck_assert_msg(health_reason_outcome(k.results[i].reason) == HEALTH_UNKNOWN_RESULT, "%s: %s (%s)",
			      hogs[i % HOGS], health_reason_text(k.results[i].reason), k.results[i].detail);
		ck_assert(script_is_spoiled(k.scripts[i]));
	}
	for (unsigned i = 3 * HOGS; i < k.count; i++) {
		ck_assert_msg(k.results[i].reason == HEALTH_OK, "%s", health_reason_text(k.results[i].reason));
		most = k.turns[i] > most ? k.turns[i] : most;
		most_us = k.results[i].took_us > most_us ? k.results[i].took_us : most_us;
	}
	probes_get_stats(k.probes, &st);
	ck_assert_uint_le(st.slices, st.turns);
	ck_assert_uint_le(most, 3 * HOGS + 40);
	printf("hogs: %u, slices %llu, longest turn %llu us; of the others the slowest took %llu turns, %u us\n",
	       (unsigned)(3 * HOGS), (unsigned long long)st.slices, (unsigned long long)st.turn_max_us,
	       (unsigned long long)most, most_us);
	close_all(&k);
}
END_TEST

/* A script that is known to compute does not even get its first slice before others. */
START_TEST(known_slow_ones_wait_behind)
{
	struct kit k;
	struct probes_stats st;

	kit_open(&k, 1000);
	server_start(&server, k.base, HABIT_SAY, "+PONG\r\n");
	for (unsigned i = 0; i < 10; i++) {
		struct probe_job job = { .timeout_ms = 10000, .slow = true, .tag = (void *)(uintptr_t)k.count };
		struct diags d;

		diags_init(&d);
		ck_assert_int_eq(script_new(&job.script, "hog.lua", "return function () while true do end end", 40,
					    &script_limits_default, &d), 0);
		diags_deinit(&d);
		k.scripts[k.count++] = job.script;
		ck_assert_int_eq(probes_start(k.probes, &job), 0);
		k.open++;
	}
	kit_add(&k, CONNECT "c:send('PING\\r\\n') return c:readline() == '+PONG'", server.port, 10000);
	while (!k.ended[10])
		event_base_loop(k.base, EVLOOP_ONCE);
	ck_assert_int_eq(k.results[10].reason, HEALTH_OK);
	probes_get_stats(k.probes, &st);
	ck_assert_uint_le(st.slices, st.turns);
	ck_assert_uint_lt(k.turns[10], 40);
	kit_run(&k, 0);
	close_all(&k);
}
END_TEST

START_TEST(a_deadline_ends_a_script_that_computes)
{
	struct script_limits lim = script_limits_default;
	struct kit k;
	struct probe_job job = { .timeout_ms = 50 };
	struct diags d;

	kit_open(&k, 10);
	lim.instructions = UINT64_MAX / 2;
	diags_init(&d);
	ck_assert_int_eq(script_new(&k.scripts[0], "hog.lua", "return function () while true do end end", 40, &lim, &d),
			 0);
	diags_deinit(&d);
	job.script = k.scripts[0];
	k.count = k.open = 1;
	ck_assert_int_eq(probes_start(k.probes, &job), 0);
	kit_run(&k, 0);
	ck_assert_int_eq(k.results[0].reason, HEALTH_SCRIPT_BUDGET);
	ck_assert(k.slow[0]);
	close_all(&k);
}
END_TEST

START_TEST(slow_is_forgiven)
{
	struct kit k;

	kit_open(&k, 10);
	for (unsigned i = 0; i < 2; i++) {
		struct probe_job job = { .timeout_ms = 5000, .slow = true, .tag = (void *)(uintptr_t)i };
		static const char *const texts[] = { "return function () return true end",
						     "return function () while true do end end" };
		struct diags d;

		diags_init(&d);
		ck_assert_int_eq(script_new(&job.script, "x.lua", texts[i], strlen(texts[i]), &script_limits_default, &d), 0);
		diags_deinit(&d);
		k.scripts[k.count++] = job.script;
		ck_assert_int_eq(probes_start(k.probes, &job), 0);
		k.open++;
	}
	kit_run(&k, 0);
	ck_assert(!k.slow[0]);
	ck_assert(k.slow[1]);
	close_all(&k);
}
END_TEST

START_TEST(more_than_fit_wait_their_turn)
{
	struct kit k;

	kit_open(&k, 2);
	server_start(&server, k.base, HABIT_GREET, "hi\n");
	for (unsigned i = 0; i < 40; i++)
		kit_add(&k, CONNECT "sleep(0.001) return c:readline() == 'hi'", server.port, 10000);
	kit_run(&k, 0);
	for (unsigned i = 0; i < 40; i++)
		ck_assert_int_eq(k.results[i].reason, HEALTH_OK);
	close_all(&k);
}
END_TEST

/* The loop itself was held up (or the machine slept) for most of the time-out: silence then says nothing of the
 * target. */
static void on_stall(evutil_socket_t fd, short what, void *ctx)
{
	struct timespec t = { .tv_nsec = 300000000 }; /* the stall is what is tested */

	(void)fd;
	(void)what;
	(void)ctx;
	nanosleep(&t, NULL);
}

START_TEST(a_late_loop_voids_silence)
{
	static const struct timeval soon = { .tv_usec = 20000 };
	struct kit k;

	kit_open(&k, 10);
	server_start(&server, k.base, HABIT_SILENT, "");
	kit_add(&k, CONNECT "c:readline()", server.port, 350);
	kit_add(&k, CONNECT "c:readline()", server.port, 5000);
	event_base_once(k.base, -1, EV_TIMEOUT, on_stall, NULL, &soon);
	kit_run(&k, 1);
	ck_assert_msg(k.results[0].reason == HEALTH_LOCAL_LAG, "%s", health_reason_text(k.results[0].reason));
	ck_assert(!k.ended[1]);
	close_all(&k);
}
END_TEST

START_TEST(cancelling_leaves_nothing)
{
	struct kit k;

	kit_open(&k, 100);
	server_start(&server, k.base, HABIT_SILENT, "");
	for (unsigned i = 0; i < 10; i++)
		kit_add(&k, CONNECT "c:readline()", server.port, 10000);
	for (unsigned i = 0; i < 5; i++)
		kit_add(&k, "while true do end", 0, 10000);
	kit_add(&k, GET, server.port, 10000);
	while (server.accepted < 11)
		event_base_loop(k.base, EVLOOP_ONCE);
	probes_cancel(k.probes);
	close_all(&k);
}
END_TEST

START_TEST(errors_of_the_kernel_have_their_reason)
{
	static const struct { int error; enum probe_wait wait; bool at_once; enum health_reason reason; } list[] = {
		{ ECONNREFUSED, PROBE_WAIT_CONNECT, false, HEALTH_CONNECT_REFUSED },
		{ ECONNRESET, PROBE_WAIT_CONNECT, false, HEALTH_CONNECT_RESET },
		{ ETIMEDOUT, PROBE_WAIT_CONNECT, false, HEALTH_CONNECT_TIMEOUT },
		{ EHOSTUNREACH, PROBE_WAIT_CONNECT, false, HEALTH_CONNECT_UNREACHABLE },
		{ ENETUNREACH, PROBE_WAIT_CONNECT, false, HEALTH_CONNECT_UNREACHABLE },
		{ ENETUNREACH, PROBE_WAIT_CONNECT, true, HEALTH_LOCAL_ERROR },
		{ EMFILE, PROBE_WAIT_CONNECT, true, HEALTH_LOCAL_ERROR },
		{ EADDRNOTAVAIL, PROBE_WAIT_CONNECT, true, HEALTH_LOCAL_ERROR },
		{ EPERM, PROBE_WAIT_CONNECT, true, HEALTH_LOCAL_ERROR },
		{ ECONNRESET, PROBE_WAIT_READ, false, HEALTH_READ_RESET },
		{ ETIMEDOUT, PROBE_WAIT_LINE, false, HEALTH_READ_TIMEOUT },
		{ EPIPE, PROBE_WAIT_SEND, false, HEALTH_WRITE_FAILED },
		{ ECONNRESET, PROBE_WAIT_SEND, false, HEALTH_WRITE_FAILED },
	};

	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		ck_assert_int_eq(probe_reason_of(list[i].error, list[i].wait, list[i].at_once), list[i].reason);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, a_probe_meets_a_server, 0, (int)(sizeof meetings / sizeof *meetings));
	tcase_add_test(tc, a_closed_port_refuses);
	tcase_add_test(tc, a_full_queue_times_out);
	tcase_add_test(tc, the_request_is_well_formed);
	tcase_add_test(tc, a_flood_is_not_read_beyond_what_is_wanted);
	tcase_add_test(tc, scripts_that_compute_delay_nobody);
	tcase_add_test(tc, known_slow_ones_wait_behind);
	tcase_add_test(tc, a_deadline_ends_a_script_that_computes);
	tcase_add_test(tc, slow_is_forgiven);
	tcase_add_test(tc, more_than_fit_wait_their_turn);
	tcase_add_test(tc, a_late_loop_voids_silence);
	tcase_add_test(tc, cancelling_leaves_nothing);
	tcase_add_test(tc, errors_of_the_kernel_have_their_reason);
	return unit_run_case("probe", tc);
}
