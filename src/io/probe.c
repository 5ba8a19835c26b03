/* One probe: what it waits for, its deadlines, its turns, its verdict. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "io/clock.h"
#include "io/probe_state.h"

const struct addr *probe_source_of(struct probe *p, uint8_t family)
{
	const struct addr *a = &p->set->source[family == 6];

	return a->family != 0 ? a : NULL;
}

/* ---- its end ---- */

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

void probe_free(struct probe *p)
{
	struct probes *s = p->set;

	probes_leave(p);
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

/* Corrects what the run could not know: our own faults, and time that we did not have. */
static void judge(struct probe *p, struct health_result *r, uint64_t now_us)
{
	bool silence = r->reason == HEALTH_CONNECT_TIMEOUT || r->reason == HEALTH_TLS_TIMEOUT ||
		       r->reason == HEALTH_READ_TIMEOUT || r->reason == HEALTH_CHECK_TIMEOUT;
	uint64_t stall = probes_stalled_us(p->set, now_us) - p->stalled_us + p->crypto_wait_us;

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

	probes_leave(p);
	judge(p, r, clock_mono_us());
	probe_free(p);
	s->stats.ended++;
	if (!TAILQ_EMPTY(&s->queue[PROBE_STARTS]))
		probes_ask_turn(s);
	if (watch != NULL)
		watch->done(watch->ctx, tag, r, slow);
	else
		s->done(s->ctx, tag, r, slow);
}

/* What the silence is about when the time is over; what it waits for says so. */
static enum health_reason silence_of(const struct probe *p, char detail[HEALTH_DETAIL_MAX])
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

	if (p->conn != NULL && words[p->wait].detail[0] == '\0')
		snprintf(detail, HEALTH_DETAIL_MAX, "port %u", p->conn->port);
	else
		snprintf(detail, HEALTH_DETAIL_MAX, "%s", words[p->wait].detail);
	return words[p->wait].reason;
}

/* The probe's own deadline has passed. */
static void finish_late(struct probe *p)
{
	struct health_result r = { .reason = HEALTH_REASON_NONE };

	r.reason = silence_of(p, r.detail);
	if (p->req.type == SCRIPT_REQ_SLICE) { /* it had its answer and computes: a fault of the script */
		r.reason = HEALTH_SCRIPT_BUDGET;
		snprintf(r.detail, sizeof r.detail, "still computing at the deadline");
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
	probes_enter_own(p);
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
	char detail[HEALTH_DETAIL_MAX];
	enum health_reason why;

	p->wait_until_us = UINT64_MAX;
	timer_set(p);
	if (p->wait == PROBE_WAIT_SLEEP) {
		probe_answer(p, &slept);
	} else if (p->wait != PROBE_WAIT_NONE) {
		why = silence_of(p, detail);
		probe_fail(p, why, "%s", detail);
	}
}

void probe_on_timer(evutil_socket_t fd, short what, void *ctx)
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

/* ---- its turns ---- */

static void perform(struct probe *p)
{
	const struct script_request *req = &p->req;

	p->has_answer = false;
	probe_trace_request(p);
	p->wait_until_us = req->timeout_ms != 0 ? clock_mono_us() + (uint64_t)req->timeout_ms * 1000 : UINT64_MAX;
	switch (req->type) {
	case SCRIPT_REQ_SLICE:
		p->slow = p->sliced = true;
		probes_enter(p, PROBE_SLOW);
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
	p->stalled_us = probes_stalled_us(p->set, p->started_us);
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

void probe_take_turn(struct probe *p)
{
	struct health_result r = { .reason = HEALTH_LOCAL_ERROR };
	int status;

	probes_leave(p);
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
