/* The set of probes: queues, turns, deadlines, verdicts. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "io/clock.h"
#include "io/probe_state.h"

#define TICK_SLACK_US 10000u /* later than that is a stall */

TAILQ_HEAD(probe_list, probe);

struct probes {
	struct event_base *base;
	struct event *turn, *tick;
	unsigned in_flight, in_flight_max; /* probes that have had their first turn */
	probe_done done;
	void *ctx;
	bool turn_set;
	uint64_t tick_due_us; /* 0 = no tick runs */
	struct probe_list all, queue[PROBE_QUEUES];
	struct probes_stats stats;
	unsigned tls_max;
	struct tls_contexts *tls; /* NULL before the first handshake */
	struct probe_runner *runner; /* NULL = none yet */
	struct probe_pinger *pinger; /* NULL = none */
	struct addr source[2];       /* of IPv4, IPv6; family 0 = the system's choice */
	uint8_t room[PROBE_READ_LEN];
};

struct probe_runner **probe_runner_of(struct probe *p)
{
	return &p->set->runner;
}

struct probe_pinger *probe_pinger_of(struct probe *p)
{
	return p->set->pinger;
}

const struct addr *probe_source_of(struct probe *p, uint8_t family)
{
	const struct addr *a = &p->set->source[family == 6];

	return a->family != 0 ? a : NULL;
}

uint8_t *probe_read_room(struct probe *p)
{
	return p->set->room;
}

void probes_get_stats(const struct probes *s, struct probes_stats *out)
{
	*out = s->stats;
}

/* ---- queues ---- */

/* By a timer that is due at once, not by event_active: then the sockets are polled before it. */
static void turn_ask(struct probes *s)
{
	static const struct timeval now = { 0, 0 };

	if (!s->turn_set)
		s->turn_set = event_add(s->turn, &now) == 0;
}

static void queue_leave(struct probe *p)
{
	if (p->queue == PROBE_CRYPTO || p->queue == PROBE_ROOM)
		p->crypto_wait_us += clock_mono_us() - p->crypto_since_us;
	if (p->queue != PROBE_NOWHERE)
		TAILQ_REMOVE(&p->set->queue[p->queue], p, link);
	p->queue = PROBE_NOWHERE;
}

static void queue_enter(struct probe *p, enum probe_queue q)
{
	queue_leave(p);
	p->queue = q;
	TAILQ_INSERT_TAIL(&p->set->queue[q], p, link);
	turn_ask(p->set);
}

void probe_ask_crypto(struct probe *p)
{
	p->crypto_since_us = clock_mono_us();
	queue_enter(p, PROBE_CRYPTO);
}

void probe_ask_room(struct probe *p)
{
	p->wait = PROBE_WAIT_ROOM;
	p->crypto_since_us = clock_mono_us();
	queue_enter(p, PROBE_ROOM);
}

static void on_room(void *ctx)
{
	struct probes *s = ctx;

	if (!TAILQ_EMPTY(&s->queue[PROBE_ROOM]))
		turn_ask(s);
}

struct tls_contexts *probe_tls_contexts(struct probe *p)
{
	if (p->set->tls == NULL)
		p->set->tls = tls_contexts_new(p->set->tls_max, on_room, p->set);
	return p->set->tls;
}

static void queue_enter_own(struct probe *p)
{
	if (p->slow)
		queue_enter(p, PROBE_SLOW);
	else
		queue_enter(p, p->run != NULL ? PROBE_RESUMES : PROBE_STARTS);
}

/* ---- a probe's life ---- */

static void wait_end(struct probe *p)
{
	p->wait = PROBE_WAIT_NONE;
	if (p->io != NULL)
		event_free(p->io);
	p->io = NULL;
}

static void http_end(struct probe *p)
{
	if (p->http == NULL)
		return;
	if (p->conn != NULL)
		probe_conn_close(p->conn);
	p->conn = NULL;
	probe_http_free(p);
}

void *probe_side_new(struct probe *p, size_t len, void (*ready)(struct probe *), void (*free_rest)(struct probe_side *))
{
	struct probe_side *side = calloc(1, len);

	if (side == NULL) {
		probe_fail(p, HEALTH_LOCAL_ERROR, "out of memory");
		return NULL;
	}
	side->conn.fd = -1;
	side->ready = ready;
	side->free = free_rest;
	p->side = side;
	return side;
}

static void side_end(struct probe *p)
{
	struct probe_side *side = p->side;

	if (side == NULL)
		return;
	p->side = NULL;
	side->free(side);
	probe_conn_close(&side->conn);
	free(side);
}

static void probe_free(struct probe *p)
{
	struct probes *s = p->set;

	queue_leave(p);
	wait_end(p);
	http_end(p);
	side_end(p);
	if (p->started_us != 0)
		s->in_flight--;
	script_run_free(p->run);
	for (size_t i = 0; i < PROBE_CONNS_MAX; i++)
		probe_conn_close(&p->conns[i]);
	event_free(p->timer);
	TAILQ_REMOVE(&s->all, p, all);
	free(p);
}

static uint64_t stalled_us(const struct probes *s, uint64_t now_us)
{
	uint64_t late = s->tick_due_us != 0 && now_us > s->tick_due_us ? now_us - s->tick_due_us : 0;

	return s->stats.stalled_us + (late > TICK_SLACK_US ? late : 0);
}

/* Corrects what the run could not know: our own faults, and time that we did not have. */
static void judge(struct probe *p, struct health_result *r, uint64_t now_us)
{
	bool silence = r->reason == HEALTH_CONNECT_TIMEOUT || r->reason == HEALTH_TLS_TIMEOUT ||
		       r->reason == HEALTH_READ_TIMEOUT || r->reason == HEALTH_CHECK_TIMEOUT;
	uint64_t stall = stalled_us(p->set, now_us) - p->stalled_us + p->crypto_wait_us;

	if (p->local && health_reason_outcome(r->reason) == HEALTH_FAIL) {
		r->reason = HEALTH_LOCAL_ERROR;
		if (p->detail[0] != '\0')
			memcpy(r->detail, p->detail, sizeof r->detail);
	}
	if (stall > (uint64_t)p->job.timeout_ms * 1000 / 2 && silence) {
		r->reason = HEALTH_LOCAL_LAG;
		snprintf(r->detail, sizeof r->detail, "late by %u ms", (unsigned)(stall / 1000));
	}
	r->took_us = (uint32_t)(now_us - p->started_us);
}

static void finish(struct probe *p, struct health_result *r)
{
	struct probes *s = p->set;
	const struct probe_watch *watch = p->job.watch;
	void *tag = p->job.tag;
	bool slow = p->sliced;

	queue_leave(p);
	judge(p, r, clock_mono_us());
	probe_free(p);
	s->stats.ended++;
	if (!TAILQ_EMPTY(&s->queue[PROBE_STARTS]))
		turn_ask(s);
	if (watch != NULL)
		watch->done(watch->ctx, tag, r, slow);
	else
		s->done(s->ctx, tag, r, slow);
}

/* What the silence was about when the time was over. */
static void finish_late(struct probe *p)
{
	static const struct { enum health_reason reason; const char *detail; } words[] = {
		[PROBE_WAIT_NONE] = { HEALTH_CHECK_TIMEOUT, "" },
		[PROBE_WAIT_CONNECT] = { HEALTH_CONNECT_TIMEOUT, "" },
		[PROBE_WAIT_TLS] = { HEALTH_TLS_TIMEOUT, "" },
		[PROBE_WAIT_SEND] = { HEALTH_WRITE_FAILED, "time-out" },
		[PROBE_WAIT_READ] = { HEALTH_READ_TIMEOUT, "" },
		[PROBE_WAIT_LINE] = { HEALTH_READ_TIMEOUT, "within a line" },
		[PROBE_WAIT_SLEEP] = { HEALTH_CHECK_TIMEOUT, "asleep" },
		[PROBE_WAIT_HTTP] = { HEALTH_READ_TIMEOUT, "no whole answer" },
		[PROBE_WAIT_DNS] = { HEALTH_READ_TIMEOUT, "" },
		[PROBE_WAIT_PING] = { HEALTH_READ_TIMEOUT, "no echo" },
		[PROBE_WAIT_TURN] = { HEALTH_LOCAL_LAG, "too many plugins at once" },
		[PROBE_WAIT_RUN] = { HEALTH_CHECK_TIMEOUT, "the plugin did not end" },
		[PROBE_WAIT_ROOM] = { HEALTH_LOCAL_ERROR, "too many TLS connections at once" },
	};
	struct health_result r = { .reason = words[p->wait].reason };

	if (p->req.type == SCRIPT_REQ_SLICE) { /* it had its answer and computes: a fault of the script */
		r.reason = HEALTH_SCRIPT_BUDGET;
		snprintf(r.detail, sizeof r.detail, "still computing at the deadline");
	} else if (p->conn != NULL && words[p->wait].detail[0] == '\0') {
		snprintf(r.detail, sizeof r.detail, "port %u", p->conn->port);
	} else {
		snprintf(r.detail, sizeof r.detail, "%s", words[p->wait].detail);
	}
	finish(p, &r);
}

/* ---- waiting ---- */

static void timer_set(struct probe *p)
{
	uint64_t now = clock_mono_us(), at = p->wait_until_us < p->deadline_us ? p->wait_until_us : p->deadline_us;
	uint64_t in = at > now ? at - now : 0;
	struct timeval t = { .tv_sec = (time_t)(in / 1000000), .tv_usec = (suseconds_t)(in % 1000000) };

	event_add(p->timer, &t);
}

void probe_answer(struct probe *p, const struct script_answer *a)
{
	probe_trace_answer(p, a);
	wait_end(p);
	p->answer = *a;
	p->has_answer = true;
	queue_enter_own(p);
}

void probe_fail(struct probe *p, enum health_reason why, const char *fmt, ...)
{
	struct script_answer a = { .reason = why, .detail = p->detail };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->detail, sizeof p->detail, fmt, ap);
	va_end(ap);
	p->local = p->local || why == HEALTH_LOCAL_ERROR;
	probe_answer(p, &a);
}

static void on_io(evutil_socket_t fd, short what, void *ctx)
{
	struct probe *p = ctx;

	(void)fd;
	(void)what;
	if (p->side != NULL)
		p->side->ready(p);
	else
		probe_conn_ready(p);
}

void probe_wait_io(struct probe *p, enum probe_wait wait, struct probe_conn *c, short what)
{
	wait_end(p);
	p->wait = wait;
	p->conn = c;
	p->io = event_new(p->set->base, c->fd, what, on_io, p);
	if (p->io == NULL || event_add(p->io, NULL) != 0)
		probe_fail(p, HEALTH_LOCAL_ERROR, "out of memory");
}

/* The request's own time-out, or the end of a sleep. */
static void wait_is_over(struct probe *p)
{
	struct script_answer slept = { .reason = HEALTH_OK };

	p->wait_until_us = UINT64_MAX;
	timer_set(p);
	if (p->wait == PROBE_WAIT_SLEEP)
		probe_answer(p, &slept);
	else if (p->wait == PROBE_WAIT_CONNECT)
		probe_fail(p, HEALTH_CONNECT_TIMEOUT, "port %u", p->conn->port);
	else if (p->wait == PROBE_WAIT_TLS)
		probe_fail(p, HEALTH_TLS_TIMEOUT, "port %u", p->conn->port);
	else if (p->wait == PROBE_WAIT_SEND)
		probe_fail(p, HEALTH_WRITE_FAILED, "time-out");
	else if (p->wait == PROBE_WAIT_PING)
		probe_fail(p, HEALTH_READ_TIMEOUT, "no echo");
	else if (p->wait == PROBE_WAIT_TURN)
		probe_fail(p, HEALTH_LOCAL_LAG, "too many plugins at once");
	else if (p->wait == PROBE_WAIT_RUN)
		probe_fail(p, HEALTH_CHECK_TIMEOUT, "the plugin did not end");
	else if (p->wait == PROBE_WAIT_ROOM)
		probe_fail(p, HEALTH_LOCAL_ERROR, "too many TLS connections at once");
	else if (p->wait != PROBE_WAIT_NONE)
		probe_fail(p, HEALTH_READ_TIMEOUT, "port %u", p->conn->port);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct probe *p = ctx;
	uint64_t now = clock_mono_us();

	(void)fd;
	(void)what;
	if (now >= p->deadline_us && !p->has_answer)
		finish_late(p);
	else if (now >= p->deadline_us)
		p->late = true; /* the answer is here and came in time: it has one more turn */
	else if (now >= p->wait_until_us)
		wait_is_over(p);
	else
		timer_set(p); /* the loop's clock is coarser than ours */
}

/* ---- turns ---- */

static void perform(struct probe *p)
{
	const struct script_request *req = &p->req;

	p->has_answer = false;
	probe_trace_request(p);
	p->wait_until_us = req->timeout_ms != 0 ? clock_mono_us() + (uint64_t)req->timeout_ms * 1000 : UINT64_MAX;
	switch (req->type) {
	case SCRIPT_REQ_SLICE:
		p->slow = p->sliced = true;
		queue_enter(p, PROBE_SLOW);
		return;
	case SCRIPT_REQ_SLEEP:
		p->wait = PROBE_WAIT_SLEEP;
		break;
	case SCRIPT_REQ_HTTP:
		probe_http_begin(p);
		break;
	case SCRIPT_REQ_DNS:
		probe_dns_begin(p);
		break;
	case SCRIPT_REQ_RUN:
		probe_run_begin(p);
		break;
	case SCRIPT_REQ_PING:
		probe_ping_begin(p);
		break;
	case SCRIPT_REQ_CONNECT:
	case SCRIPT_REQ_SEND:
	case SCRIPT_REQ_READ:
	case SCRIPT_REQ_READLINE:
	case SCRIPT_REQ_UDP:
	case SCRIPT_REQ_TLS_INFO:
	case SCRIPT_REQ_CLOSE:
		probe_conn_begin(p);
		break;
	case SCRIPT_REQ_NONE:
		break;
	}
	if (req->timeout_ms != 0)
		timer_set(p);
}

static void begin(struct probe *p)
{
	p->started_us = clock_mono_us();
	p->deadline_us = p->started_us + (uint64_t)p->job.timeout_ms * 1000;
	p->wait_until_us = UINT64_MAX;
	p->stalled_us = stalled_us(p->set, p->started_us);
	p->set->in_flight++;
	p->set->stats.started++;
	timer_set(p);
}

static int step_script(struct probe *p, struct health_result *r)
{
	struct script_request req;
	int status;

	if (p->run == NULL)
		status = script_start(p->job.script, &p->run, &p->job.target, p->job.args, p->job.arg_count, &req, r);
	else
		status = script_resume(p->run, p->has_answer ? &p->answer : NULL, &req, r);
	http_end(p); /* its answer has been read */
	side_end(p);
	p->req = req;
	return status;
}

static void step(struct probe *p)
{
	struct health_result r = { .reason = HEALTH_LOCAL_ERROR };
	int status;

	queue_leave(p);
	if (p->started_us == 0)
		begin(p);
	p->conn = p->http != NULL ? p->conn : NULL;
	status = step_script(p, &r);
	if (status == SCRIPT_YIELDED && p->late) {
		p->wait = PROBE_WAIT_NONE;
		finish_late(p);
	} else if (status == SCRIPT_YIELDED) {
		perform(p);
	} else {
		if (status < 0)
			snprintf(r.detail, sizeof r.detail, "%s", err_text(status));
		finish(p, &r);
	}
}

/* The next one that may run, by the order of the queues. */
static struct probe *turn_next(struct probes *s)
{
	struct probe *p = TAILQ_FIRST(&s->queue[PROBE_RESUMES]);

	if (p == NULL && s->in_flight < s->in_flight_max)
		p = TAILQ_FIRST(&s->queue[PROBE_STARTS]);
	return p;
}

/* Those that wait for room, as far as there is some. */
static void turn_room(struct probes *s)
{
	struct probe *p;

	while ((p = TAILQ_FIRST(&s->queue[PROBE_ROOM])) != NULL && tls_contexts_have_room(s->tls)) {
		queue_leave(p);
		probe_tls_begin(p);
	}
}

/* Handshakes: at least one step a turn, then as many as fit. */
static void turn_crypto(struct probes *s)
{
	uint64_t began = clock_mono_us(), took = 0;
	struct probe *p;

	while (took < PROBES_CRYPTO_US && (p = TAILQ_FIRST(&s->queue[PROBE_CRYPTO])) != NULL) {
		queue_leave(p);
		probe_tls_step(p);
		took = clock_mono_us() - began;
		s->stats.crypto_steps++;
	}
	s->stats.crypto_us += took;
}

static void tick_start(struct probes *s)
{
	static const struct timeval tick = { .tv_usec = PROBE_TICK_MS * 1000 };

	if (s->tick_due_us == 0 && !TAILQ_EMPTY(&s->all) && event_add(s->tick, &tick) == 0)
		s->tick_due_us = clock_mono_us() + PROBE_TICK_MS * 1000;
}

static void on_turn(evutil_socket_t fd, short what, void *ctx)
{
	struct probes *s = ctx;
	uint64_t began = clock_mono_us(), took = 0;
	struct probe *p;

	(void)fd;
	(void)what;
	s->turn_set = false;
	while (took < PROBES_TURN_US && (p = turn_next(s)) != NULL) {
		step(p);
		took = clock_mono_us() - began;
	}
	p = TAILQ_FIRST(&s->queue[PROBE_SLOW]);
	if (p != NULL && (p->started_us != 0 || s->in_flight < s->in_flight_max)) {
		s->stats.slices++;
		step(p);
	}
	turn_room(s);
	turn_crypto(s);
	took = clock_mono_us() - began;
	s->stats.turns++;
	s->stats.turn_max_us = took > s->stats.turn_max_us ? took : s->stats.turn_max_us;
	if (turn_next(s) != NULL || !TAILQ_EMPTY(&s->queue[PROBE_SLOW]) || !TAILQ_EMPTY(&s->queue[PROBE_CRYPTO]))
		turn_ask(s);
	tick_start(s);
}

/* Measures how late the loop is; runs only while there are probes. */
static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct probes *s = ctx;

	(void)fd;
	(void)what;
	s->stats.stalled_us = stalled_us(s, clock_mono_us());
	s->tick_due_us = 0;
	tick_start(s);
}

/* ---- the set ---- */

struct probes *probes_new(struct event_base *base, unsigned in_flight_max, probe_done done, void *ctx)
{
	struct probes *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->base = base;
	s->in_flight_max = in_flight_max;
	s->tls_max = TLS_OPEN_MAX;
	s->done = done;
	s->ctx = ctx;
	TAILQ_INIT(&s->all);
	for (int q = 0; q < PROBE_QUEUES; q++)
		TAILQ_INIT(&s->queue[q]);
	s->turn = evtimer_new(base, on_turn, s);
	s->tick = evtimer_new(base, on_tick, s);
	if (s->turn == NULL || s->tick == NULL) {
		probes_free(s);
		return NULL;
	}
	return s;
}

void probes_cancel(struct probes *s)
{
	while (!TAILQ_EMPTY(&s->all))
		probe_free(TAILQ_FIRST(&s->all));
}

void probes_free(struct probes *s)
{
	if (s == NULL)
		return;
	probes_cancel(s);
	probe_runner_free(s->runner);
	probe_pinger_free(s->pinger);
	if (s->turn != NULL)
		event_free(s->turn);
	if (s->tick != NULL)
		event_free(s->tick);
	tls_contexts_free(s->tls);
	free(s);
}

int probes_start(struct probes *s, const struct probe_job *job)
{
	struct probe *p = calloc(1, sizeof *p);

	if (p == NULL)
		return ERR_NOMEM;
	p->timer = evtimer_new(s->base, on_timer, p);
	if (p->timer == NULL) {
		free(p);
		return ERR_NOMEM;
	}
	p->set = s;
	p->job = *job;
	p->slow = job->slow;
	for (size_t i = 0; i < PROBE_CONNS_MAX; i++)
		p->conns[i].fd = -1;
	TAILQ_INSERT_TAIL(&s->all, p, all);
	queue_enter_own(p);
	return 0;
}

int probes_set_runner(struct probes *s, int fd)
{
	probe_runner_free(s->runner);
	s->runner = probe_runner_new(s->base, fd);
	return s->runner != NULL ? 0 : ERR_NOMEM;
}

void probes_set_source(struct probes *s, const struct addr source[2])
{
	memset(s->source, 0, sizeof s->source);
	for (int i = 0; i < 2; i++)
		if (source[i].family != 0)
			s->source[source[i].family == 6] = source[i];
}

void probes_limit_tls(struct probes *s, unsigned most)
{
	s->tls_max = most;
}

int probes_add_ping_socket(struct probes *s, int fd)
{
	if (s->pinger == NULL)
		s->pinger = probe_pinger_new();
	return s->pinger != NULL ? probe_pinger_add(s->pinger, s->base, fd) : ERR_NOMEM;
}
