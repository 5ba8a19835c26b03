/* Every allocation of the HTTP server fails once, its own and those that libevent makes for it: whoever asks gets a document, or is
 * told 503, or the connection ends; the server goes on, and answers the next. */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "core/past.h"
#include "ctl/http_state.h"
#include "lib/ctl_kit.h"
#include "tests/unit/fault.h"
#include "tests/unit/unit.h"

#define A "127.0.0.11"
#define PLAN "check web interval=1000 timeout=500 retry=200 fall=1 rise=1\nservice www.example.test web " A " / 127.0.0.12\n"
#define TOKEN "correct-horse-battery-staple"
#define FORM "what=" A "&for=30m&reason=new+disk"
#define ROUNDS_MAX 2000
#define TURNS_MAX 30000 /* of a millisecond each where nothing comes: the kernel may bring it later */
#define FLAPS 400

static struct kit k;
static struct ctl_http *http;
static int door = -1;
static struct sockaddr_in where;
static bool of_libevent; /* its allocations fail, too: from where the request is ours on, as it does not survive all of them before */
static unsigned commands, arm_in_host;

/* ---- a server ---- */

static void *malloc_ours(size_t n)
{
	return malloc(n);
}

static void *realloc_ours(void *p, size_t n)
{
	return realloc(p, n);
}

static void keep_silent(int severity, const char *text)
{
	(void)severity;
	(void)text;
}

static void host_of(void *ctx, struct ctl_host *out)
{
	kit_host(ctx, out);
	if (arm_in_host)
		fault_arm(arm_in_host);
	arm_in_host = 0;
}

static void on_command(void *ctx, const struct core_command *c)
{
	(void)ctx;
	commands++;
	ctl_http_command_done(http, c->id, false, "drain " A " in force on ns1");
}

static void set_up(void)
{
	socklen_t len = sizeof where;
	event_set_log_callback(keep_silent); /* it tells of every allocation that fails */
	if (of_libevent)
		event_set_mem_functions(malloc_ours, realloc_ours, free);
	kit_begin(&k, PLAN);
	struct plan_admin *admin = (struct plan_admin *)(uintptr_t)&core_plan(k.w.core)->admin;
	admin->token_len = sizeof TOKEN - 1;
	memcpy(admin->token, TOKEN, sizeof TOKEN - 1);
	door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	where = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	ck_assert_int_eq(bind(door, (struct sockaddr *)&where, sizeof where), 0);
	ck_assert_int_eq(listen(door, 64), 0);
	ck_assert_int_eq(getsockname(door, (struct sockaddr *)&where, &len), 0);
	const struct ctl_http_host host = { .ctx = &k, .host = host_of, .command = on_command };
	http = ctl_http_new(k.base, door, &host);
	ck_assert_ptr_nonnull(http);
	for (unsigned i = 0; i < FLAPS; i++) { /* a history of some length */
		world_backend(&k.w, A, i % 2 ? HEALTH_OK : HEALTH_CONNECT_REFUSED);
		world_run(&k.w, 1100);
	}
}

static void tear_down(void)
{
	ctl_http_free(http);
	close(door);
	kit_end(&k);
}

/* ---- a client ---- */

/* The status, or 0 where the connection ended without one. No ck_assert here: it allocates, and would take the fault. */
static int ask(const char *request, char *body, size_t cap)
{
	char reply[65536];
	size_t len = 0;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&where, sizeof where) || send(fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request))
		abort();
	fcntl(fd, F_SETFL, O_NONBLOCK);
	http->work_us = 1000000; /* a share of each second: not what is tried here */
	for (int i = 0; i < TURNS_MAX; i++) {
		event_base_loop(k.base, EVLOOP_NONBLOCK);
		ssize_t n = recv(fd, reply + len, sizeof reply - 1 - len, 0);
		if (n == 0 || (n < 0 && errno != EAGAIN) || len + 1 == sizeof reply)
			break;
		len += n > 0 ? (size_t)n : 0;
		if (n < 0)
			(void)poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 1);
	}
	close(fd);
	kit_turn(&k);
	reply[len] = '\0';
	const char *at = strstr(reply, "\r\n\r\n");
	snprintf(body, cap, "%s", at ? at + 4 : "");
	int status = 0;
	(void)sscanf(reply, "HTTP/1.1 %d", &status);
	return status;
}

/* Fails one allocation after the other, until one request needs no more. */
static void survives(const char *request, const char *begins)
{
	char body[32768], again[32768];
	unsigned n = 1;
	bool done = false;
	ck_assert_int_eq(ask(request, body, sizeof body), 200);
	ck_assert_msg(strncmp(body, begins, strlen(begins)) == 0, "%.200s", body);
	for (; !done; n++) {
		ck_assert_uint_lt(n, ROUNDS_MAX);
		if (of_libevent)
			arm_in_host = n;
		else
			fault_arm(n);
		int status = ask(request, again, sizeof again);
		done = !fault_disarm();
		ck_assert_msg(done ? status == 200 : status == 200 || status == 503 || (of_libevent && (status == 0 || status == 400 || status == 500)),
			      "allocation %u: %d %.200s", n, status, again);
		if (status == 200) /* a document is whole, or there is none */
			ck_assert_str_eq(again, body);
		ck_assert_int_eq(ask(request, again, sizeof again), 200);
		ck_assert_str_eq(again, body);
	}
	ck_assert_uint_gt(n, 2);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

static void all_requests(void)
{
	char post[512];
	survives(GET("/api/v1/history?name=www.example.test&hours=1"), "{\"service\":\"www.example.test\",\"from\":\"");
	survives(GET("/api/v1/service?name=www.example.test"), "{\"service\":\"www.example.test\",");
	survives(GET("/api/v1/peers"), "{\"peers\":[],\"differ\":[]");
	snprintf(post, sizeof post, "POST /api/v1/drain HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " TOKEN "\r\nConnection: close\r\n"
		 "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %zu\r\n\r\n" FORM, strlen(FORM));
	commands = 0;
	survives(post, "{\"verb\":\"drain\",\"what\":\"" A "\",\"message\":\"drain " A " in force on ns1\"}");
	ck_assert_uint_gt(commands, 3);
	for (size_t i = 0; i < HTTP_ORDERS_MAX; i++) /* none of them waits for ever */
		ck_assert_uint_eq(http->orders[i].id, 0);
}

START_TEST(its_own_memory)
{
	of_libevent = false;
	set_up();
	all_requests();
	tear_down();
}
END_TEST

START_TEST(memory_of_libevent)
{
	of_libevent = true;
	set_up();
	all_requests();
	tear_down();
}
END_TEST

/* The history itself, which the request's memory is only a part of. */
START_TEST(making_a_history)
{
	bool done = false;
	unsigned n = 1;
	of_libevent = false;
	set_up();
	for (; !done; n++) {
		struct core_past *p = NULL;
		ck_assert_uint_lt(n, ROUNDS_MAX);
		fault_arm(n);
		int e = core_past_new(&p, k.w.core, 0, WORLD_WALL_MS, WORLD_WALL_MS + k.w.now_ms);
		done = !fault_disarm();
		ck_assert_int_eq(e, done ? 0 : ERR_NOMEM);
		ck_assert((p != NULL) == done);
		if (done)
			ck_assert_uint_gt(p->members[0].count, FLAPS / 2);
		core_past_free(p);
	}
	ck_assert_uint_gt(n, 3);
	tear_down();
}
END_TEST

int main(void)
{
	const TTest *tests[] = { making_a_history, its_own_memory, memory_of_libevent };
	return unit_run("ctl_http_fault", tests, sizeof tests / sizeof *tests);
}
