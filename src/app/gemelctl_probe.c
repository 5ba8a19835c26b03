/* gemelctl -c FILE probe SERVICE ADDRESS: the prober's work, done here and once.
 *
 *     FILE ─▶ conf ─▶ the zones that SERVICE can be in ─▶ plan ─▶ ctl_probe_find ─▶ once_start, one check after the other
 *                                                                                      └─▶ a runner beside us, for plugins
 */
#include "app/gemelctl.h"
#include <event2/event.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "app/check.h"
#include "app/once.h"
#include "app/runner.h"
#include "conf/conf.h"
#include "ctl/probe.h"
#include "io/chan.h"
#include "io/tls.h"
#include "ipc/ipc.h"

#define IN_FLIGHT_MAX 16

struct bench {
	struct event_base *base;
	struct probes *probes;
	struct prober_plan *plan;
	struct once_list onces;
	struct ctl_probe *probe;
	struct chan *runner; /* NULL = none is needed */
	pid_t runner_pid;
};

/* ---- the plan ---- */

static void print_faults(const struct diags *d, bool warnings)
{
	char line[4096];
	for (size_t i = 0; i < d->count; i++)
		if (warnings || d->list[i].level == DIAG_ERROR) {
			diag_format(&d->list[i], line, sizeof line);
			fprintf(stderr, "%s\n", line);
		}
}

/* True where the service's name can stand in the zone: members may be its records. */
static bool may_hold(const struct conf_zone_view *z, const char *service)
{
	size_t zone = strlen(z->name), name = strlen(service);
	if (name > 0 && service[name - 1] == '.')
		name--;
	return z->services > 0 && name >= zone && strncasecmp(service + name - zone, z->name, zone) == 0;
}

/* The plan of FILE as it stands now; NULL with the faults told. */
static struct plan *load_plan(const char *file, const char *node, const char *service)
{
	struct diags d;
	struct conf *c = NULL;
	struct plan *p = NULL;
	diags_init(&d);
	int e = conf_load(&c, file, node, &d);
	if (!e)
		conf_check_keys(c, tls_key_fits, &d);
	if (!e && !d.errors)
		e = check_zones(c, may_hold, service, &d);
	if (!e && !d.errors)
		e = conf_plan(c, 1, &p, &d);
	if (d.errors) {
		print_faults(&d, false);
		plan_free(p);
		p = NULL;
	} else if (e) {
		fprintf(stderr, "gemelctl: %s: %s\n", file, err_text(e));
	}
	if (c)
		conf_free(c);
	diags_deinit(&d);
	return p;
}

/* ---- the runner ---- */

static void runner_message(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	(void)ctx;
	(void)data; /* beats */
	(void)len;
	chan_close_fds(fds, fd_count);
}

static void runner_end(void *ctx)
{
	struct bench *b = ctx;
	chan_free(b->runner);
	b->runner = NULL;
}

static int tell_runner(struct bench *b, int prober_fd)
{
	uint8_t room[16];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_HELLO);
	put_u16(&w, IPC_VERSION);
	put_u8(&w, IPC_RUNNER);
	int e = chan_send_buf(b->runner, &w);
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_CHANNEL);
	put_u8(&w, IPC_PROBER);
	return e ? e : chan_send(b->runner, w.data, w.len, &prober_fd, 1);
}

static int start_runner(struct bench *b)
{
	int ours[2], probers[2];
	if (chan_pair(ours))
		return ERR_IO;
	if (chan_pair(probers)) {
		chan_close_fds(ours, 2);
		return ERR_IO;
	}
	fflush(NULL);
	b->runner_pid = fork();
	if (b->runner_pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		close(ours[0]);
		chan_close_fds(probers, 2);
		_exit(runner_main(ours[1]));
	}
	close(ours[1]);
	b->runner = chan_new(b->base, ours[0], runner_message, runner_end, b);
	int e = b->runner_pid > 0 && b->runner ? tell_runner(b, probers[1]) : ERR_IO;
	close(probers[1]);
	if (e) {
		close(probers[0]);
		return e;
	}
	return probes_set_runner(b->probes, probers[0]);
}

static bool wants_runner(const struct bench *b)
{
	const struct plan *p = b->plan->plan;
	bool wants = false;
	for (uint16_t i = 0; i < b->probe->count; i++) {
		const struct plan_script *text = &p->scripts[p->streams[b->probe->list[i].stream].script];
		struct script *s = NULL;
		struct diags d;
		diags_init(&d);
		if (script_new(&s, text->file, text->text, text->text_len, &script_limits_default, &d) == 0)
			wants = wants || script_runs_plugins(s);
		script_free(s);
		diags_deinit(&d);
	}
	return wants;
}

/* ---- the probes ---- */

static void print_out(struct ctl_probe *p)
{
	fwrite(p->out.data, 1, p->out.len, stdout);
	fflush(stdout);
	p->out.len = 0;
}

static void on_step(void *ctx, uint32_t id, uint32_t at_us, const char *line)
{
	struct bench *b = ctx;
	(void)id;
	ctl_probe_step(b->probe, at_us, line);
	if (!b->probe->as_json)
		print_out(b->probe);
}

static void start_next(struct bench *b);

static void on_done(void *ctx, uint32_t id, const struct health_result *r)
{
	struct bench *b = ctx;
	(void)id;
	bool more = ctl_probe_result(b->probe, r);
	if (!b->probe->as_json || !more)
		print_out(b->probe);
	if (more)
		start_next(b);
	else
		event_base_loopbreak(b->base);
}

static void start_next(struct bench *b)
{
	struct once_sink sink = { .ctx = b, .step = b->probe->verbose ? on_step : NULL, .done = on_done };
	once_start(&b->onces, b->probes, b->plan, b->probe->list[b->probe->at].stream, &sink);
}

static void no_schedule(void *ctx, void *tag, const struct health_result *r, bool slow)
{
	(void)ctx;
	(void)tag;
	(void)r;
	(void)slow;
}

/* For pings, where this is root's; else the kernel may let everybody ping. */
static void add_ping_sockets(struct bench *b)
{
	int fd[] = { socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP),
		     socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6) };
	for (size_t i = 0; i < sizeof fd / sizeof *fd; i++)
		if (fd[i] >= 0 && probes_add_ping_socket(b->probes, fd[i]))
			close(fd[i]);
}

static int run_probes(struct bench *b)
{
	b->base = event_base_new();
	b->probes = b->base ? probes_new(b->base, IN_FLIGHT_MAX, no_schedule, NULL) : NULL;
	if (!b->probes || (wants_runner(b) && start_runner(b))) {
		fprintf(stderr, "gemelctl: the probe cannot be started\n");
		return CTL_PROBE_UNKNOWN;
	}
	probes_set_source(b->probes, b->plan->plan->nodes[b->plan->plan->self].probe_source);
	add_ping_sockets(b);
	start_next(b);
	if (b->probe->at < b->probe->count)
		event_base_dispatch(b->base);
	return b->probe->at == b->probe->count ? ctl_probe_exit(b->probe) : CTL_PROBE_UNKNOWN;
}

static void bench_end(struct bench *b)
{
	probes_free(b->probes);
	once_forget(&b->onces);
	chan_free(b->runner); /* which ends the runner */
	if (b->runner_pid > 0)
		waitpid(b->runner_pid, NULL, 0);
	if (b->base)
		event_base_free(b->base);
	prober_plan_free(b->plan);
}

int gemelctl_probe(const char *file, const char *node, const char *service, const char *address, bool json, bool verbose)
{
	struct bench b = { 0 };
	struct ctl_probe probe;
	char error[CALL_ERROR_MAX];
	struct plan *plan = load_plan(file, node, service);
	if (!plan)
		return CTL_PROBE_UNKNOWN;
	int e = ctl_probe_find(&probe, plan, service, address, error);
	if (e) {
		fprintf(stderr, "gemelctl: %s\n", error);
		plan_free(plan);
		return e;
	}
	LIST_INIT(&b.onces);
	b.plan = prober_plan_new(plan, NULL);
	if (!b.plan) {
		fprintf(stderr, "gemelctl: %s\n", err_text(ERR_NOMEM));
		return CTL_PROBE_UNKNOWN;
	}
	b.probe = &probe;
	ctl_probe_begin(&probe, service, json, verbose);
	signal(SIGPIPE, SIG_IGN);
	int status = run_probes(&b);
	bench_end(&b);
	ctl_probe_deinit(&probe);
	return status;
}
