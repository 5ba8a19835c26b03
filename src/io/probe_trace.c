/* A probe's steps as lines for people: what it asks for, what it is answered.
 *
 *     connect to 192.0.2.1 port 443, TLS for www.example.test          sleep 100ms
 *     connected                                                        send "PING\r\n" (6 octets)
 *     TLSv1.3, CN=www.example.test, 59.8 days left                     received "+PONG" (5 octets)
 *     GET /healthz of www.example.test                                 failed: read timeout: port 443
 *     HTTP 200, 12 octets of body read
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "io/clock.h"
#include "io/probe_state.h"

#define DATA_MAX 140 /* octets of what is sent and read that are shown, quoted */

static bool is_watched(const struct probe *p)
{
	return p->job.watch != NULL && p->job.watch->step != NULL;
}

void probe_trace(struct probe *p, const char *fmt, ...)
{
	char line[PROBE_STEP_MAX];
	va_list ap;

	if (!is_watched(p))
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	for (char *c = line; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	p->job.watch->step(p->job.watch->ctx, p->job.tag, (uint32_t)(clock_mono_us() - p->started_us), line);
}

static void trace_data(struct probe *p, const char *what, const char *data, size_t len)
{
	char quoted[DATA_MAX];

	probe_trace(p, "%s %s (%zu octet%s)", what, text_quote(len > 0 ? data : "", len, quoted, sizeof quoted), len, len == 1 ? "" : "s");
}

static void trace_target(struct probe *p, const char *what, const struct addr *a)
{
	char text[ADDR_TEXT_MAX];
	const struct script_tls *t = &p->req.tls;

	probe_trace(p, "%s %s port %u%s%s%s", what, addr_format(a, false, text), a->port,
		    t->on ? ", TLS" : "", t->on && t->name[0] != '\0' ? " for " : "", t->on ? t->name : "");
}

static void trace_plugin(struct probe *p)
{
	char words[PROBE_STEP_MAX];
	size_t n = 0;

	for (size_t i = 0; i + 1 < p->req.len && n + 1 < sizeof words; i++)
		words[n++] = p->req.data[i] != '\0' ? p->req.data[i] : ' ';
	words[n] = '\0';
	probe_trace(p, "run %s", words);
}

void probe_trace_request(struct probe *p)
{
	const struct script_request *r = &p->req;
	char text[32], address[ADDR_TEXT_MAX];

	if (!is_watched(p))
		return;
	switch (r->type) {
	case SCRIPT_REQ_CONNECT:
		trace_target(p, "connect to", &r->addr);
		break;
	case SCRIPT_REQ_UDP:
		trace_target(p, "UDP to", &r->addr);
		break;
	case SCRIPT_REQ_SEND:
		trace_data(p, "send", r->data, r->len);
		break;
	case SCRIPT_REQ_HTTP:
		trace_target(p, "connect to", &r->http.addr);
		break;
	case SCRIPT_REQ_DNS:
		trace_target(p, r->stream ? "ask over TCP" : "ask over UDP", &r->addr);
		break;
	case SCRIPT_REQ_RUN:
		trace_plugin(p);
		break;
	case SCRIPT_REQ_PING:
		probe_trace(p, "ping %s", addr_format(&r->addr, false, address));
		break;
	case SCRIPT_REQ_SLEEP:
		probe_trace(p, "sleep %s", text_format_duration(r->timeout_ms, text));
		break;
	case SCRIPT_REQ_CLOSE:
		probe_trace(p, "close");
		break;
	case SCRIPT_REQ_NONE:
	case SCRIPT_REQ_READ: /* what comes of it is shown */
	case SCRIPT_REQ_READLINE:
	case SCRIPT_REQ_TLS_INFO:
	case SCRIPT_REQ_SLICE:
		break;
	}
}

void probe_trace_tls(struct probe *p)
{
	const struct script_tls_info *i = is_watched(p) ? tls_info_get(p->conn->tls) : NULL;

	if (i != NULL)
		probe_trace(p, "%s, %s, %.1f days left%s%s", i->protocol, i->subject, i->days_left, i->fault[0] != '\0' ? "; " : "", i->fault);
}

void probe_trace_answer(struct probe *p, const struct script_answer *a)
{
	if (!is_watched(p))
		return;
	if (a->reason != HEALTH_OK) {
		probe_trace(p, "failed: %s%s%s", health_reason_text(a->reason), a->detail != NULL && a->detail[0] != '\0' ? ": " : "",
			    a->detail != NULL ? a->detail : "");
		return;
	}
	switch (p->req.type) {
	case SCRIPT_REQ_READ:
	case SCRIPT_REQ_READLINE:
		trace_data(p, "received", a->data, a->len);
		break;
	case SCRIPT_REQ_HTTP:
		probe_trace(p, "HTTP %d, %zu octets of body read", a->status, a->len);
		break;
	case SCRIPT_REQ_DNS:
		probe_trace(p, "answered with %zu octets", a->len);
		break;
	case SCRIPT_REQ_PING:
		probe_trace(p, "echo after %.3f ms", a->took_us / 1000.0);
		break;
	case SCRIPT_REQ_RUN:
		probe_trace(p, "ended with status %d", a->status);
		trace_data(p, "wrote", a->data, a->len);
		break;
	case SCRIPT_REQ_NONE:
	case SCRIPT_REQ_CONNECT: /* connected() told */
	case SCRIPT_REQ_UDP:
	case SCRIPT_REQ_SEND:
	case SCRIPT_REQ_CLOSE:
	case SCRIPT_REQ_TLS_INFO:
	case SCRIPT_REQ_SLEEP:
	case SCRIPT_REQ_SLICE:
		break;
	}
}
