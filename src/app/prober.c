/* The prober process: orders in, results out.  What a probe does is io/probe's business, what a script may do
 * script/'s. */
#include "app/prober.h"
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <unistd.h>
#include "app/child.h"
#include "app/logging.h"
#include "app/once.h"
#include "app/prober_plan.h"
#include "app/sockets.h"
#include "base/table.h"
#include "io/chan.h"
#include "io/clock.h"
#include "io/log.h"
#include "io/memfd.h"
#include "io/probe.h"
#include "io/tls.h"

#define GENERATIONS_KEPT 2   /* the coordinator may still ask for the one before while a new one comes */
#define RESULT_LEN_MAX (4 + 4 + 1 + 1 + 4 + 2 + HEALTH_DETAIL_MAX)
#define RESULT_HEAD_LEN (4 + 8 + 2)
#define LOG_TEXT_MAX 1000    /* the coordinator's room for a line */

struct order { /* one probe asked for */
	uint32_t stream, run;
	uint32_t timeout_ms;
};
struct work { /* one probe in flight */
	LIST_ENTRY(work) link;
	struct prober *prober;
	struct prober_plan *plan;
	struct prober_state *state;
	struct order order;
};
struct waiting { /* asked for before its plan came */
	uint64_t generation;
	struct order order;
};
struct prober {
	struct event_base *base;
	struct chan *supervisor, *coordinator;
	struct probes *probes;
	struct prober_plan *plans; /* newest first */
	LIST_HEAD(, work) works;
	struct once_list onces;    /* probes that operators watch */
	struct waiting *waiting;
	size_t waiting_count;
	struct event *flush;       /* sends the results of this turn */
	uint8_t results[IPC_MESSAGE_MAX];
	struct wbuf results_w;
	uint16_t result_count;
	uint64_t result_generation;
	struct table log_texts;
	unsigned log_lines;        /* of this second */
};

/* ---- to the coordinator ---- */

static void send_to_coordinator(struct prober *p, const struct wbuf *w)
{
	int e = p->coordinator ? chan_send_buf(p->coordinator, w) : 0;
	if (e && e != ERR_IO) /* ERR_IO: it has just died, and we are about to be told */
		exit(1); /* it does not take results any more: begin anew, without any */
}

static void flush_results(struct prober *p)
{
	if (p->result_count == 0)
		return;
	store_u16(p->results + RESULT_HEAD_LEN - 2, p->result_count);
	p->result_count = 0;
	send_to_coordinator(p, &p->results_w);
}

static void on_flush(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	flush_results(ctx);
}

static void add_result(struct prober *p, uint64_t generation, const struct order *o, const struct health_result *r)
{
	static const struct timeval now = { 0, 0 };
	if (p->result_count > 0 &&
	    (p->result_generation != generation || p->results_w.cap - p->results_w.len < RESULT_LEN_MAX))
		flush_results(p);
	if (p->result_count == 0) {
		wbuf_init(&p->results_w, p->results, sizeof p->results);
		ipc_begin(&p->results_w, IPC_RESULT);
		put_u64(&p->results_w, generation);
		put_u16(&p->results_w, 0); /* the count, filled in at the end */
		p->result_generation = generation;
		event_add(p->flush, &now);
	}
	put_u32(&p->results_w, o->stream);
	put_u32(&p->results_w, o->run);
	health_result_put(&p->results_w, r);
	p->result_count++;
}

static void add_failure(struct prober *p, uint64_t generation, const struct order *o, enum health_reason why,
			const char *detail)
{
	struct health_result r = { .reason = why };
	snprintf(r.detail, sizeof r.detail, "%s", detail);
	add_result(p, generation, o, &r);
}

/* What was said is remembered for each version of a script; of a fault its first line, without where it came from. */
static bool is_news(struct prober *p, const struct prober_state *st, enum log_level level, const char *line, size_t len)
{
	uint8_t room[8 + LOG_TEXT_MAX];
	const char *end = level == LOG_LEVEL_WARNING ? memchr(line, '\n', len) : NULL;
	if (end)
		len = (size_t)(end - line);
	store_u64(room, st->version);
	memcpy(room + 8, line, len);
	if (table_find(&p->log_texts, room, 8 + len))
		return false;
	if (p->log_texts.count >= PROBER_LOG_TEXTS_MAX) {
		struct hash_key key = p->log_texts.key;
		table_deinit(&p->log_texts);
		table_init(&p->log_texts, &key);
	}
	return table_add(&p->log_texts, room, 8 + len, p) == 0;
}

/* A thousand targets with one bug say it once. */
static void script_said(void *ctx, enum log_level level, const char *line)
{
	struct prober_state *st = ctx;
	struct prober *p = st->ctx;
	uint8_t room[LOG_TEXT_MAX + 16];
	struct wbuf w;
	size_t len = strnlen(line, LOG_TEXT_MAX);
	if (!p->coordinator || p->log_lines >= PROBER_LOG_LINES_PER_S || !is_news(p, st, level, line, len))
		return;
	if (++p->log_lines == PROBER_LOG_LINES_PER_S) {
		line = "more lines than fit into a second: the rest of it is left out";
		len = strlen(line);
	}
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_LOG);
	put_u8(&w, (uint8_t)level);
	put_block(&w, line, len);
	send_to_coordinator(p, &w);
}

/* ---- probes ---- */

static struct prober_plan *plan_find(struct prober *p, uint64_t generation)
{
	for (struct prober_plan *g = p->plans; g; g = g->next)
		if (g->plan->generation == generation)
			return g;
	return NULL;
}

/* Frees generations that are neither new nor in use. */
static void drop_old_plans(struct prober *p)
{
	struct prober_plan **at = &p->plans;
	for (unsigned n = 0; *at; n++) {
		struct prober_plan *g = *at;
		if (n < GENERATIONS_KEPT || g->users > 0) {
			at = &g->next;
			continue;
		}
		*at = g->next;
		prober_plan_free(g);
	}
}

static void work_free(struct work *w)
{
	LIST_REMOVE(w, link);
	w->plan->users--;
	prober_state_release(w->state);
	free(w);
}

static void on_done(void *ctx, void *tag, const struct health_result *r, bool slow)
{
	struct prober *p = ctx;
	struct work *w = tag;
	add_result(p, w->plan->plan->generation, &w->order, r);
	w->plan->slow[w->order.stream] = slow;
	work_free(w);
	drop_old_plans(p);
}

static int start_work(struct prober *p, struct prober_plan *g, struct work *w)
{
	struct probe_job job = prober_plan_job(g, w->order.stream);
	job.script = w->state->script;
	job.slow = g->slow[w->order.stream] != 0;
	job.tag = w;
	job.timeout_ms = health_timeout_within(&g->plan->streams[w->order.stream].timing, w->order.timeout_ms);
	return probes_start(p->probes, &job);
}

static void run_order(struct prober *p, struct prober_plan *g, const struct order *o)
{
	uint64_t generation = g->plan->generation;
	char detail[HEALTH_DETAIL_MAX] = "";
	if (o->stream >= g->plan->stream_count) {
		add_failure(p, generation, o, HEALTH_LOCAL_ERROR, "no such stream");
		return;
	}
	struct work *w = calloc(1, sizeof *w);
	int e = w ? prober_plan_get_state(g, o->stream, script_said, p, &w->state, detail) : ERR_NOMEM;
	if (e) {
		free(w);
		add_failure(p, generation, o, e == ERR_FORMAT ? HEALTH_SCRIPT_ERROR : HEALTH_LOCAL_ERROR,
			    detail[0] != '\0' ? detail : err_text(e));
		return;
	}
	w->prober = p;
	w->plan = g;
	w->order = *o;
	g->users++;
	LIST_INSERT_HEAD(&p->works, w, link);
	e = start_work(p, g, w);
	if (e) {
		work_free(w);
		add_failure(p, generation, o, HEALTH_LOCAL_ERROR, err_text(e));
	}
}

static void wait_for_plan(struct prober *p, uint64_t generation, const struct order *o)
{
	if (!p->waiting)
		p->waiting = calloc(PROBER_WAITING_MAX, sizeof *p->waiting);
	if (!p->waiting || p->waiting_count == PROBER_WAITING_MAX) {
		add_failure(p, generation, o, HEALTH_LOCAL_ERROR, "the plan has not come");
		return;
	}
	p->waiting[p->waiting_count++] = (struct waiting){ generation, *o };
}

static void take_order(struct prober *p, uint64_t generation, const struct order *o)
{
	struct prober_plan *g = plan_find(p, generation);
	if (g)
		run_order(p, g, o);
	else if (!p->plans || generation > p->plans->plan->generation)
		wait_for_plan(p, generation, o);
	else
		add_failure(p, generation, o, HEALTH_LOCAL_ERROR, "of a plan that is gone");
}

/* A new plan is here: those that waited for it begin, the rest waits on. */
static void take_waiting(struct prober *p)
{
	struct waiting *list = p->waiting;
	size_t n = p->waiting_count;
	p->waiting = NULL;
	p->waiting_count = 0;
	for (size_t i = 0; i < n; i++)
		take_order(p, list[i].generation, &list[i].order);
	free(list);
}

/* Without the coordinator that asked, results are nobody's. */
static void forget_probes(struct prober *p)
{
	probes_cancel(p->probes);
	while (!LIST_EMPTY(&p->works))
		work_free(LIST_FIRST(&p->works));
	once_forget(&p->onces);
	p->waiting_count = p->result_count = 0;
	drop_old_plans(p);
}

/* ---- probes that operators watch ---- */

static void once_step(void *ctx, uint32_t id, uint32_t at_us, const char *line)
{
	uint8_t room[PROBE_STEP_MAX + 32];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_PROBE_STEP);
	put_u32(&w, id);
	put_u32(&w, at_us);
	put_str(&w, line);
	send_to_coordinator(ctx, &w);
}

static void once_done(void *ctx, uint32_t id, const struct health_result *r)
{
	uint8_t room[HEALTH_RESULT_WIRE_MAX + 32];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_PROBE_DONE);
	put_u32(&w, id);
	health_result_put(&w, r);
	send_to_coordinator(ctx, &w);
	drop_old_plans(ctx);
}

static void take_once(struct prober *p, struct rbuf *m)
{
	struct health_result away = { .reason = HEALTH_LOCAL_ERROR, .detail = "the plan has changed; try again" };
	struct once_sink sink = { .ctx = p, .id = get_u32(m), .done = once_done };
	uint64_t generation = get_u64(m);
	uint32_t stream = get_u32(m);
	sink.step = get_u8(m) ? once_step : NULL;
	if (m->failed)
		return;
	struct prober_plan *g = plan_find(p, generation);
	if (g)
		once_start(&p->onces, p->probes, g, stream, &sink);
	else
		once_done(p, sink.id, &away);
}

/* ---- from the coordinator ---- */

static void coordinator_message(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	struct prober *p = ctx;
	struct rbuf m;
	chan_close_fds(fds, fd_count);
	rbuf_init(&m, data, len);
	enum ipc_type t = ipc_type_get(&m);
	if (t == IPC_PROBE_ONCE)
		take_once(p, &m);
	if (t != IPC_PROBE)
		return;
	uint64_t generation = get_u64(&m);
	uint16_t count = get_u16(&m);
	for (uint16_t i = 0; i < count; i++) {
		struct order o = { .stream = get_u32(&m), .run = 0 };
		o.run = get_u32(&m);
		o.timeout_ms = get_u32(&m);
		if (m.failed)
			return;
		take_order(p, generation, &o);
	}
}

static void coordinator_end(void *ctx)
{
	struct prober *p = ctx;
	chan_free(p->coordinator);
	p->coordinator = NULL;
	forget_probes(p);
}

/* ---- from the supervisor ---- */

static void take_plan(struct prober *p, int fd)
{
	const uint8_t *data;
	size_t len;
	struct plan *plan = NULL;
	int e = memfd_map(fd, &data, &len);
	close(fd);
	if (!e) {
		e = plan_decode(&plan, data, len);
		memfd_unmap(data, len);
	}
	if (e) {
		log_line(LOG_LEVEL_ERROR, "cannot read the plan: %s", err_text(e));
		exit(1); /* the supervisor starts us again and backs off */
	}
	if (plan_find(p, plan->generation)) {
		plan_free(plan);
		return;
	}
	struct prober_plan *g = prober_plan_new(plan, p->plans);
	if (!g) {
		log_line(LOG_LEVEL_ERROR, "cannot take the plan: %s", err_text(ERR_NOMEM));
		exit(1);
	}
	plan_forget_keys(plan); /* scripts run here */
	g->next = p->plans;
	p->plans = g;
	probes_set_source(p->probes, plan->nodes[plan->self].probe_source);
	drop_old_plans(p);
	take_waiting(p);
}

static void take_coordinator(struct prober *p, int fd)
{
	if (p->coordinator)
		coordinator_end(p);
	p->coordinator = chan_new(p->base, fd, coordinator_message, coordinator_end, p);
	if (!p->coordinator)
		exit(1);
}

static void take_ping_sockets(struct prober *p, int *fds, size_t fd_count)
{
	for (size_t i = 0; i < fd_count; i++)
		if (probes_add_ping_socket(p->probes, fds[i]))
			close(fds[i]);
}

/* A plan is in use as soon as it is here; which generation counts is the coordinator's to say, so START asks nothing
 * of us. */
static void supervisor_message(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	struct prober *p = ctx;
	struct rbuf m;
	rbuf_init(&m, data, len);
	enum ipc_type t = ipc_type_get(&m);
	if (t == IPC_HELLO && get_u16(&m) != IPC_VERSION)
		exit(1);
	uint8_t role = t == IPC_CHANNEL ? get_u8(&m) : IPC_ROLE_NONE;
	if (t == IPC_PLAN && fd_count == 1) {
		take_plan(p, fds[0]);
	} else if (t == IPC_CHANNEL && fd_count == 1 && role == IPC_COORDINATOR) {
		take_coordinator(p, fds[0]);
	} else if (t == IPC_SOCKET && get_u8(&m) == SOCKET_PING) {
		take_ping_sockets(p, fds, fd_count);
	} else if (t == IPC_CHANNEL && fd_count == 1 && role == IPC_RUNNER) {
		if (probes_set_runner(p->probes, fds[0]))
			exit(1);
	} else {
		struct ctl_logging logging;
		chan_close_fds(fds, fd_count);
		if (t == IPC_LOGGING)
			(void)logging_follow(&m, &logging);
		if (t == IPC_STOP || t == IPC_LEAVE)
			exit(0);
	}
}

static void supervisor_end(void *ctx)
{
	(void)ctx;
	exit(1);
}

static void on_beat(evutil_socket_t fd, short what, void *ctx)
{
	struct prober *p = ctx;
	uint8_t room[CHILD_BEAT_LEN];
	struct wbuf w;
	(void)fd;
	(void)what;
	p->log_lines = 0;
	wbuf_init(&w, room, sizeof room);
	child_put_beat(&w);
	if (chan_send_buf(p->supervisor, &w))
		exit(1);
}

/* ---- the process ---- */

/* Returns how many probes the descriptors allow at once. */
static unsigned raise_limits(void)
{
	struct rlimit files;
	unsigned most = PROBER_IN_FLIGHT_MAX;
	if (getrlimit(RLIMIT_NOFILE, &files))
		exit(1);
	files.rlim_cur = files.rlim_max < 2 * PROBER_IN_FLIGHT_MAX ? files.rlim_max : 2 * PROBER_IN_FLIGHT_MAX;
	if (setrlimit(RLIMIT_NOFILE, &files))
		exit(1);
	if (files.rlim_cur / 2 < most) /* some checks hold two connections; beyond that EMFILE is a void result */
		most = files.rlim_cur / 2 > 16 ? (unsigned)(files.rlim_cur / 2) : 16;
	return most;
}

/* From here on nothing needs a privilege, a program or a file but the CAs. What does must come before. */
static void confine(struct prober *p)
{
	tls_prepare();
	child_confine(p->supervisor, IPC_PROBER, -1);
}

int prober_main(int channel)
{
	struct timeval every = { .tv_sec = CHILD_BEAT_MS / 1000, .tv_usec = CHILD_BEAT_MS % 1000 * 1000 };
	struct prober *p = calloc(1, sizeof *p);
	if (!p || !(p->base = event_base_new()))
		return 1;
	LIST_INIT(&p->works);
	LIST_INIT(&p->onces);
	table_init(&p->log_texts, &(struct hash_key){ { clock_mono_us(), clock_wall_ms() } });
	p->probes = probes_new(p->base, raise_limits(), on_done, p);
	p->supervisor = chan_new(p->base, channel, supervisor_message, supervisor_end, p);
	p->flush = evtimer_new(p->base, on_flush, p);
	struct event *beat = event_new(p->base, -1, EV_PERSIST, on_beat, p);
	if (!p->probes || !p->supervisor || !p->flush || !beat || event_add(beat, &every))
		return 1;
	confine(p);
	event_base_dispatch(p->base);
	return 1;
}
