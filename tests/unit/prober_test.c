/* The prober as a process: this test is its supervisor and its coordinator, over real channels. */
#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "app/prober.h"
#include "core/plan.h"
#include "io/chan.h"
#include "io/memfd.h"
#include "ipc/ipc.h"

#define RESULTS_MAX 4096

static struct prober_kit {
	pid_t pid;
	int supervisor, coordinator;
	struct health_result results[RESULTS_MAX]; /* by run */
	uint64_t generation_of[RESULTS_MAX];
	unsigned count, messages, logs, beats;
	char log[2048];
} kit;

/* ---- messages ---- */

static void take_results(struct rbuf *m)
{
	uint64_t generation = get_u64(m);
	uint16_t count = get_u16(m);

	for (uint16_t i = 0; i < count; i++) {
		uint32_t run;

		get_u32(m);
		run = get_u32(m);
		ck_assert_uint_lt(run, RESULTS_MAX);
		ck_assert_int_eq(kit.results[run].reason, HEALTH_REASON_NONE);
		health_result_get(m, &kit.results[run]);
		kit.generation_of[run] = generation;
		kit.count++;
	}
	ck_assert(!m->failed && rbuf_left(m) == 0);
	kit.messages++;
}

/* One message from the coordinator's channel. */
static void read_one(void)
{
	static uint8_t data[IPC_MESSAGE_MAX];
	struct pollfd p = { .fd = kit.coordinator, .events = POLLIN };
	struct rbuf m;
	size_t len, fds = 0;
	enum ipc_type t;

	ck_assert_msg(poll(&p, 1, 20000) == 1, "the prober is silent: %u results", kit.count);
	ck_assert_int_eq(chan_recv_now(kit.coordinator, data, sizeof data, &len, NULL, &fds), 0);
	rbuf_init(&m, data, len);
	t = ipc_type_get(&m);
	if (t == IPC_RESULT) {
		take_results(&m);
	} else {
		char line[1024];

		ck_assert_int_eq(t, IPC_LOG);
		get_u8(&m);
		get_str(&m, line, sizeof line);
		kit.logs++;
		strncat(kit.log, line, sizeof kit.log - strlen(kit.log) - 1);
	}
}

static void wait_for(unsigned count)
{
	while (kit.count < count)
		read_one();
}

static struct health_timing timing = { .interval_ms = 1000, .timeout_ms = 5000, .retry_ms = 200, .fall = 3, .rise = 2 };

static void send_plan(uint64_t generation, const char *const *scripts, size_t n, size_t streams_each, uint16_t port)
{
	struct plan *p = plan_new();
	p->limits = (struct plan_limits){ .udp_edns_max = 1232, .tcp_max = 1, .tcp_per_source = 1, .tcp_idle_ms = 1000, .probes_max = 8192, .probes_per_target = 64,
		.cookies = PLAN_COOKIES_ON };
	struct plan_script *list = arena_array(&p->arena, n, sizeof *list);
	struct plan_stream *streams = arena_array(&p->arena, n * streams_each, sizeof *streams);
	struct plan_node *node = arena_alloc(&p->arena, sizeof *node);
	struct plan_arg *arg = arena_alloc(&p->arena, sizeof *arg);
	uint8_t head[32];
	struct bytes b;
	struct wbuf w;
	int fd;

	*arg = (struct plan_arg){ .name = "port", .kind = PLAN_ARG_INTEGER, .integer = port };
	for (size_t i = 0; i < n; i++)
		list[i] = (struct plan_script){
			.name = "s", .file = "s.lua", .text = scripts[i], .text_len = (uint32_t)strlen(scripts[i])
		};
	for (size_t i = 0; i < n * streams_each; i++) {
		streams[i] = (struct plan_stream){
			.key = i,
			.script = (uint32_t)(i / streams_each),
			.args = arg,
			.arg_count = 1,
			.check = "c",
			.owner = "www.example.test",
			.timing = timing
		};
		ck_assert_int_eq(addr_parse(&streams[i].addr, "127.0.0.1", 9, 0), 0);
	}
	*node = (struct plan_node){ .name = "n", .control = "c", .state = "s", .user = "" };
	p->generation = generation;
	p->file = "gemel.lua";
	p->nodes = node;
	p->node_count = 1;
	p->scripts = list;
	p->script_count = (uint32_t)n;
	p->streams = streams;
	p->stream_count = (uint32_t)(n * streams_each);
	bytes_init(&b, 1 << 24);
	ck_assert_int_eq(plan_encode(&b, p), 0);
	fd = memfd_sealed("plan", b.data, b.len);
	wbuf_init(&w, head, sizeof head);
	ipc_begin(&w, IPC_PLAN);
	put_u64(&w, generation);
	ck_assert_int_eq(chan_send_now(kit.supervisor, w.data, w.len, &fd, 1), 0);
	close(fd);
	bytes_deinit(&b);
	plan_free(p);
}

static uint32_t order_timeout_ms; /* 0: none of the plan's, so that counts */

static void ask(uint64_t generation, uint32_t stream, uint32_t first_run, uint16_t count)
{
	static uint8_t data[IPC_MESSAGE_MAX];
	struct wbuf w;

	wbuf_init(&w, data, sizeof data);
	ipc_begin(&w, IPC_PROBE);
	put_u64(&w, generation);
	put_u16(&w, count);
	for (uint16_t i = 0; i < count; i++) {
		put_u32(&w, stream);
		put_u32(&w, first_run + i);
		put_u32(&w, order_timeout_ms);
	}
	ck_assert(!w.failed);
	ck_assert_int_eq(chan_send_now(kit.coordinator, w.data, w.len, NULL, 0), 0);
}

/* ---- the process ---- */

static int channel_to(enum ipc_role role)
{
	int pair[2];
	uint8_t room[16];
	struct wbuf w;

	ck_assert_int_eq(chan_pair(pair), 0);
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_CHANNEL);
	put_u8(&w, (uint8_t)role);
	ck_assert_int_eq(chan_send_now(kit.supervisor, w.data, w.len, &pair[1], 1), 0);
	close(pair[1]);
	return pair[0];
}

static void send_channel(void)
{
	kit.coordinator = channel_to(IPC_COORDINATOR);
}

static void prober_start(void)
{
	int pair[2];

	memset(&kit, 0, sizeof kit);
	ck_assert_int_eq(chan_pair(pair), 0);
	kit.pid = fork();
	if (kit.pid == 0) {
		close(pair[0]);
		_exit(prober_main(pair[1]));
	}
	close(pair[1]);
	kit.supervisor = pair[0];
	send_channel();
}

/* What comes meanwhile it finds all at once, in that order. */
static void prober_pause(void)
{
	int status;

	ck_assert_int_eq(kill(kit.pid, SIGSTOP), 0);
	ck_assert_int_eq(waitpid(kit.pid, &status, WUNTRACED), kit.pid);
	ck_assert(WIFSTOPPED(status));
}

/* The supervisor goes: the prober must follow. */
static void prober_stop(void)
{
	int status;

	close(kit.supervisor);
	ck_assert_int_eq(waitpid(kit.pid, &status, 0), kit.pid);
	ck_assert_msg(WIFEXITED(status), "signal %d", WTERMSIG(status));
	close(kit.coordinator);
}

static int listener_open(uint16_t *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof sin;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, len), 0);
	ck_assert_int_eq(listen(fd, 128), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	*port = ntohs(sin.sin_port);
	return fd;
}

/* ---- tests ---- */

static const char connects[] =
	"return function (t, a) local c <close> = net.connect(t.address, a.port) return true, t.owner end";
static const char counts[] = "return function (t) t.state.n = (t.state.n or 0) + 1 return t.state.n end";
static const char loops[] = "return function () while true do end end";
static const char bug[] = "return function () nothing() end";

START_TEST(orders_become_results)
{
	const char *scripts[] = { connects, bug };
	uint16_t port;
	int fd = listener_open(&port);

	prober_start();
	send_plan(7, scripts, 2, 1, port);
	ask(7, 0, 0, 50);
	ask(7, 1, 50, 50);
	wait_for(100);
	for (int i = 0; i < 100; i++) {
		ck_assert_msg(kit.results[i].reason == (i < 50 ? HEALTH_OK : HEALTH_SCRIPT_ERROR), "%s",
			      health_reason_text(kit.results[i].reason));
		ck_assert_uint_eq(kit.generation_of[i], 7);
		ck_assert(i >= 50 || strcmp(kit.results[i].detail, "www.example.test") == 0);
	}
	ck_assert_uint_lt(kit.messages, 60); /* batched: far from one each */
	ck_assert_uint_eq(kit.logs, 1);      /* fifty times the same bug */
	ck_assert_ptr_nonnull(strstr(kit.log, "s.lua:1: attempt to call a nil value"));
	prober_stop();
	close(fd);
}
END_TEST

/* A time-out that the coordinator chose counts within what patience may make of the plan's; else that of the plan. */
START_TEST(orders_have_their_own_time_outs)
{
	static const struct { uint32_t ordered_ms, least_ms; } cases[] = {
		{ 0, 100 }, { 400, 400 }, { 801, 100 }, { UINT32_MAX, 100 }, { 100, 100 }, { 800, 800 } };
	const char *scripts[] = { "return function (t, a) sleep(3600) end" };

	timing = (struct health_timing){ .interval_ms = 1000, .timeout_ms = 100, .retry_ms = 200, .fall = 3, .rise = 2 };
	prober_start();
	send_plan(7, scripts, 1, 1, 1);
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		order_timeout_ms = cases[i].ordered_ms;
		ask(7, 0, i, 1);
		wait_for(i + 1);
		ck_assert_uint_ge(kit.results[i].took_us, cases[i].least_ms * 1000);
	}
	prober_stop();
}
END_TEST

START_TEST(refused_ports_are_down)
{
	const char *scripts[] = { connects };
	uint16_t port;

	close(listener_open(&port));
	prober_start();
	send_plan(1, scripts, 1, 1, port);
	ask(1, 0, 0, 1);
	wait_for(1);
	ck_assert_int_eq(kit.results[0].reason, HEALTH_CONNECT_REFUSED);
	prober_stop();
}
END_TEST

START_TEST(orders_wait_for_their_plan)
{
	const char *scripts[] = { counts };

	prober_start();
	ask(5, 0, 0, 3);
	send_plan(4, scripts, 1, 1, 1);
	ask(4, 0, 3, 1);
	wait_for(1);
	ck_assert_int_eq(kit.results[3].reason, HEALTH_OK);
	send_plan(5, scripts, 1, 1, 1);
	wait_for(4);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(kit.results[i].reason, HEALTH_OK);
	/* the script is the same, so its state lived on: 1 in generation 4, then 2, 3, 4 */
	ck_assert_uint_eq(kit.results[2].weight_pct, 4);
	prober_stop();
}
END_TEST

START_TEST(old_and_senseless_orders_are_void)
{
	const char *scripts[] = { counts };

	prober_start();
	for (uint64_t g = 1; g <= 4; g++)
		send_plan(g, scripts, 1, 1, 1);
	ask(4, 0, 0, 1);
	ask(3, 0, 1, 1);
	ask(2, 0, 2, 1);
	ask(1, 0, 3, 1);
	ask(4, 1, 4, 1);
	ask(4, UINT32_MAX, 5, 1);
	wait_for(6);
	ck_assert_int_eq(kit.results[0].reason, HEALTH_OK);
	ck_assert_int_eq(kit.results[1].reason, HEALTH_OK); /* the generation before still runs */
	for (int i = 2; i < 6; i++)
		ck_assert_int_eq(kit.results[i].reason, HEALTH_LOCAL_ERROR);
	prober_stop();
}
END_TEST

START_TEST(too_many_early_orders_are_void)
{
	static const uint16_t each = 5000; /* a message holds no more */
	const char *scripts[] = { counts };

	prober_start();
	ask(9, 0, RESULTS_MAX, 0);
	for (unsigned i = 0; i < PROBER_WAITING_MAX / each + 1; i++) {
		uint8_t *data = calloc(1, IPC_MESSAGE_MAX);
		struct wbuf w;

		wbuf_init(&w, data, IPC_MESSAGE_MAX);
		ipc_begin(&w, IPC_PROBE);
		put_u64(&w, 9);
		put_u16(&w, each);
		for (uint16_t k = 0; k < each; k++) {
			put_u32(&w, 0);
			put_u32(&w, i * each + k);
			put_u32(&w, 0);
		}
		ck_assert_int_eq(chan_send_now(kit.coordinator, w.data, w.len, NULL, 0), 0);
		free(data);
	}
	for (unsigned void_count = 0; void_count < (PROBER_WAITING_MAX / each + 1) * each - PROBER_WAITING_MAX;) {
		static uint8_t data[IPC_MESSAGE_MAX];
		size_t len, fds = 0;
		struct rbuf m;

		ck_assert_int_eq(chan_recv_now(kit.coordinator, data, sizeof data, &len, NULL, &fds), 0);
		rbuf_init(&m, data, len);
		ck_assert_int_eq(ipc_type_get(&m), IPC_RESULT);
		ck_assert_uint_eq(get_u64(&m), 9);
		void_count += get_u16(&m);
	}
	(void)scripts;
	prober_stop();
}
END_TEST

START_TEST(spoiled_states_are_replaced)
{
	const char *scripts[] = {
		"return function (t) t.state.n = (t.state.n or 0) + 1 if t.state.n == 3 then while true do end end "
		"return t.state.n end"
	};
	static const enum health_reason want[] = { HEALTH_OK, HEALTH_OK, HEALTH_SCRIPT_BUDGET,
						   HEALTH_OK, HEALTH_OK, HEALTH_SCRIPT_BUDGET };

	prober_start();
	send_plan(1, scripts, 1, 1, 1);
	for (uint32_t i = 0; i < 6; i++) {
		ask(1, 0, i, 1);
		wait_for(i + 1);
		ck_assert_msg(kit.results[i].reason == want[i], "%u: %s", i, health_reason_text(kit.results[i].reason));
	}
	ck_assert_uint_eq(kit.results[3].weight_pct, 1);
	prober_stop();
}
END_TEST

START_TEST(loops_do_not_stop_the_others)
{
	const char *scripts[] = { loops, connects };
	uint16_t port;
	int fd = listener_open(&port);

	prober_start();
	send_plan(1, scripts, 2, 1, port);
	ask(1, 0, 0, 20);
	ask(1, 1, 20, 20);
	wait_for(40);
	for (int i = 0; i < 40; i++)
		ck_assert_int_eq(kit.results[i].reason, i < 20 ? HEALTH_SCRIPT_BUDGET : HEALTH_OK);
	prober_stop();
	close(fd);
}
END_TEST

START_TEST(scripts_that_do_not_load_are_unknown)
{
	const char *scripts[] = { "return = 1" };

	prober_start();
	send_plan(1, scripts, 1, 1, 1);
	ask(1, 0, 0, 2);
	wait_for(2);
	ck_assert_int_eq(kit.results[0].reason, HEALTH_SCRIPT_ERROR);
	ck_assert_msg(strstr(kit.results[0].detail, "unexpected symbol") != NULL, "%s", kit.results[0].detail);
	prober_stop();
}
END_TEST

/* A coordinator that went takes its probes with it; the next one begins anew. */
START_TEST(a_new_coordinator_is_served)
{
	const char *scripts[] = { "return function (t, a) sleep(5) end", counts };

	prober_start();
	send_plan(1, scripts, 2, 1, 1);
	ask(1, 0, 0, 200);
	ask(1, 1, 200, 1);
	wait_for(1);
	close(kit.coordinator);
	send_channel();
	ask(1, 1, 201, 1);
	wait_for(2);
	ck_assert_int_eq(kit.results[201].reason, HEALTH_OK);
	ck_assert_uint_eq(kit.results[201].weight_pct, 2);
	ck_assert_int_eq(kit.results[0].reason, HEALTH_REASON_NONE);
	prober_stop();
}
END_TEST

/* Its orders are still read, and more results than a message holds find nobody: no reason to die with it, and to forget all states. */
START_TEST(a_coordinator_that_dies_before_it_is_noticed)
{
	static const uint16_t each = 5000; /* a message holds no more */
	const char *scripts[] = { counts };

	prober_start();
	send_plan(1, scripts, 1, 1, 1);
	ask(1, 0, 0, 1);
	wait_for(1);
	prober_pause();
	for (unsigned i = 0; i < 4; i++)
		ask(1, UINT32_MAX, 0, each); /* there is no such target: void at once */
	close(kit.coordinator);
	send_channel();
	ask(1, 0, 1, 1);
	kill(kit.pid, SIGCONT);
	wait_for(2);
	ck_assert_uint_eq(kit.results[1].weight_pct, 2); /* the state is that of before */
	prober_stop();
}
END_TEST

/* The coordinator's end ends a plugin of a runner that died, too. */
START_TEST(a_runner_that_dies_before_it_is_noticed)
{
	static uint8_t data[IPC_MESSAGE_MAX];
	const char *scripts[] = { counts, "return { plugins = true, run = function () run('/bin/true') return true end }" };
	size_t len, fds = 0;
	struct rbuf m;
	int runner;

	prober_start();
	send_plan(1, scripts, 2, 1, 1);
	runner = channel_to(IPC_RUNNER);
	ask(1, 0, 0, 1);
	wait_for(1);
	ask(1, 1, 1, 1);
	struct pollfd p = { .fd = runner, .events = POLLIN };
	ck_assert_int_eq(poll(&p, 1, 20000), 1);
	ck_assert_int_eq(chan_recv_now(runner, data, sizeof data, &len, NULL, &fds), 0);
	rbuf_init(&m, data, len);
	ck_assert_int_eq(ipc_type_get(&m), IPC_RUN);
	prober_pause();
	close(kit.coordinator);
	close(runner);
	send_channel();
	ask(1, 0, 2, 1);
	kill(kit.pid, SIGCONT);
	wait_for(2);
	ck_assert_uint_eq(kit.results[2].weight_pct, 2);
	prober_stop();
}
END_TEST

START_TEST(nonsense_of_the_coordinator_is_ignored)
{
	static const uint8_t junk[][16] = {
		{ 0 }, { 0xff, 0xff, 0, 0 }, { 0, IPC_PROBE, 0, 0, 1 }, { 0, IPC_RESULT, 0, 0 }
	};
	const char *scripts[] = { counts };

	prober_start();
	send_plan(1, scripts, 1, 1, 1);
	for (size_t i = 0; i < sizeof junk / sizeof *junk; i++)
		for (size_t len = 1; len <= sizeof junk[i]; len++)
			ck_assert_int_eq(chan_send_now(kit.coordinator, junk[i], len, NULL, 0), 0);
	ask(1, 0, 0, 1);
	wait_for(1);
	ck_assert_int_eq(kit.results[0].reason, HEALTH_OK);
	prober_stop();
}
END_TEST

START_TEST(a_second_has_a_beat)
{
	uint8_t data[64];
	size_t len, fds = 0;
	struct rbuf m;

	prober_start();
	ck_assert_int_eq(chan_recv_now(kit.supervisor, data, sizeof data, &len, NULL, &fds), 0);
	rbuf_init(&m, data, len);
	ck_assert_int_eq(ipc_type_get(&m), IPC_CONFINED); /* before anything else */
	ck_assert_int_eq(chan_recv_now(kit.supervisor, data, sizeof data, &len, NULL, &fds), 0);
	rbuf_init(&m, data, len);
	ck_assert_int_eq(ipc_type_get(&m), IPC_BEAT);
	prober_stop();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("prober");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	signal(SIGPIPE, SIG_IGN);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, orders_become_results);
	tcase_add_test(tc, orders_have_their_own_time_outs);
	tcase_add_test(tc, refused_ports_are_down);
	tcase_add_test(tc, orders_wait_for_their_plan);
	tcase_add_test(tc, old_and_senseless_orders_are_void);
	tcase_add_test(tc, too_many_early_orders_are_void);
	tcase_add_test(tc, spoiled_states_are_replaced);
	tcase_add_test(tc, loops_do_not_stop_the_others);
	tcase_add_test(tc, scripts_that_do_not_load_are_unknown);
	tcase_add_test(tc, a_new_coordinator_is_served);
	tcase_add_test(tc, a_coordinator_that_dies_before_it_is_noticed);
	tcase_add_test(tc, a_runner_that_dies_before_it_is_noticed);
	tcase_add_test(tc, nonsense_of_the_coordinator_is_ignored);
	tcase_add_test(tc, a_second_has_a_beat);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
