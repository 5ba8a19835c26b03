/* Connections, who may ask, which page.
 *
 *     accept ─▶ slot ─▶ evhttp reads the request ─▶ http_from? ─▶ method? ─▶ page ─▶ reply ─▶ the next request, or idle
 *                │                                     403           405       │
 *                └─ none free: the eldest that follows no events goes          └─ costs more than is left of this second: 503
 *
 * evhttp has no bound on connections and tells of no end of one.  So each gets its buffers from us, and we hold a reference: a
 * connection that ended has taken its callbacks off, which is seen at the next accept or within the second.
 */
#include <errno.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include "base/json.h"
#include "ctl/http_state.h"
#include "ctl/page.h"
#include "ctl/view.h"

#define HEADERS_MAX 8192   /* octets of a request's head: a browser sends about 1,000 */
#define IDLE_S 20          /* for the next octet of a request, and for a reply to go on being read */
#define QUEUED_MAX (64u << 20) /* octets that wait for all readers together: the largest document */
#define WORK_PERCENT 20    /* of the coordinator's time for documents: at most so much of each second, */
#define WORK_AT_ONCE_US 200000 /* saved up to this */
#define METHODS_ALL 0xffff

/* ---- what it may cost ---- */

static uint64_t mono_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static bool has_time(struct ctl_http *s, uint64_t now_us)
{
	uint64_t passed = now_us - s->work_at_us;
	s->work_at_us = now_us;
	if (passed > 100 * WORK_AT_ONCE_US / WORK_PERCENT)
		passed = 100 * WORK_AT_ONCE_US / WORK_PERCENT;
	s->work_us += (int64_t)(passed * WORK_PERCENT / 100);
	if (s->work_us > WORK_AT_ONCE_US)
		s->work_us = WORK_AT_ONCE_US;
	return s->work_us > 0;
}

static size_t queued(const struct ctl_http *s)
{
	size_t n = 0;
	for (size_t i = 0; i < CTL_HTTP_CONNECTIONS_MAX; i++)
		if (s->slots[i].bev)
			n += evbuffer_get_length(bufferevent_get_output(s->slots[i].bev));
	return n;
}

/* ---- connections ---- */

static bool has_ended(const struct http_slot *k)
{
	bufferevent_data_cb r, w;
	bufferevent_event_cb e;
	void *arg;
	bufferevent_getcb(k->bev, &r, &w, &e, &arg);
	return !e;
}

static void sweep(struct ctl_http *s)
{
	for (size_t i = 0; i < CTL_HTTP_CONNECTIONS_MAX; i++)
		if (s->slots[i].bev && has_ended(&s->slots[i])) {
			bufferevent_decref(s->slots[i].bev);
			s->slots[i] = (struct http_slot){ .bev = NULL };
		}
}

static unsigned count_slots(const struct ctl_http *s)
{
	unsigned n = 0;
	for (size_t i = 0; i < CTL_HTTP_CONNECTIONS_MAX; i++)
		n += s->slots[i].bev != NULL;
	return n;
}

/* Followers are fewer than slots, so there is always one that can go. */
static void show_out_the_eldest(struct ctl_http *s)
{
	struct http_slot *eldest = NULL;
	for (size_t i = 0; i < CTL_HTTP_CONNECTIONS_MAX; i++) {
		struct http_slot *k = &s->slots[i];
		if (k->bev && !k->follows && !k->ending && (!eldest || k->born < eldest->born))
			eldest = k;
	}
	if (!eldest)
		return;
	eldest->ending = true;
	shutdown(bufferevent_getfd(eldest->bev), SHUT_RDWR); /* evhttp sees its end in the next turn */
	s->counts.evicted++;
}

/* evhttp shuts a connection down and lets go of it; while we hold it, its events stay. So it is closed by the bufferevent, behind
 * them: else its number could be another's by then, of which the loop would believe that it is watched already, and never watch it.
 *
 * From evhttp's accept. Nobody is taken while the house is full: the queue of the kernel waits. */
static struct bufferevent *on_connection(struct event_base *base, void *ctx)
{
	struct ctl_http *s = ctx;
	struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	s->counts.accepted++;
	sweep(s); /* not this one: evhttp has yet to put its callbacks on */
	for (size_t i = 0; bev && i < CTL_HTTP_CONNECTIONS_MAX; i++)
		if (!s->slots[i].bev) {
			s->slots[i] = (struct http_slot){ .bev = bev, .born = ++s->accepted };
			bufferevent_incref(bev);
			break;
		}
	if (count_slots(s) == CTL_HTTP_CONNECTIONS_MAX) {
		struct timeval soon = { .tv_usec = 10000 };
		show_out_the_eldest(s);
		evconnlistener_disable(evhttp_bound_socket_get_listener(s->bound));
		event_add(s->second, &soon);
	}
	return bev;
}

static void on_second(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct ctl_http *s = ctx;
	struct timeval again = { .tv_sec = 1 };
	sweep(s);
	if (count_slots(s) < CTL_HTTP_CONNECTIONS_MAX)
		evconnlistener_enable(evhttp_bound_socket_get_listener(s->bound));
	else
		again = (struct timeval){ .tv_usec = 10000 };
	http_follow_beat(s);
	event_add(s->second, &again);
}

struct http_slot *http_slot_of(struct ctl_http *s, struct evhttp_request *req)
{
	struct bufferevent *bev = evhttp_connection_get_bufferevent(evhttp_request_get_connection(req));
	for (size_t i = 0; i < CTL_HTTP_CONNECTIONS_MAX; i++)
		if (s->slots[i].bev == bev)
			return &s->slots[i];
	return NULL;
}

/* ---- replies ---- */

static const char *reason_of(int code)
{
	switch (code) {
	case 200: return "OK";
	case 304: return "Not Modified";
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 409: return "Conflict";
	case 415: return "Unsupported Media Type";
	case 429: return "Too Many Requests";
	case 503: return "Service Unavailable";
	default: return "Internal Server Error";
	}
}

void http_add_headers(struct evhttp_request *req, const char *type)
{
	struct evkeyvalq *out = evhttp_request_get_output_headers(req);
	evhttp_add_header(out, "Content-Type", type);
	evhttp_add_header(out, "X-Content-Type-Options", "nosniff");
	evhttp_add_header(out, "Referrer-Policy", "no-referrer");
	evhttp_add_header(out, "Cross-Origin-Resource-Policy", "same-origin");
	if (!evhttp_find_header(out, "Cache-Control"))
		evhttp_add_header(out, "Cache-Control", "no-store");
	if (!evhttp_find_header(out, "Content-Security-Policy"))
		evhttp_add_header(out, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
}

void http_reply(struct evhttp_request *req, int code, const char *type, struct evbuffer *b)
{
	char len[24];
	http_add_headers(req, type);
	if (evhttp_request_get_command(req) == EVHTTP_REQ_HEAD) { /* RFC 9110 9.3.2: the same fields, no content */
		snprintf(len, sizeof len, "%zu", evbuffer_get_length(b));
		evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Length", len);
		evbuffer_drain(b, evbuffer_get_length(b));
	}
	evhttp_send_reply(req, code, reason_of(code), b);
}

void http_reply_text(struct evhttp_request *req, int code, const char *text)
{
	struct evbuffer *b = evbuffer_new();
	if (b)
		evbuffer_add_printf(b, "%s\n", text);
	if (b)
		http_reply(req, code, "text/plain; charset=utf-8", b);
	else
		evhttp_send_error(req, 500, NULL);
	if (b)
		evbuffer_free(b);
}

void http_reply_error(struct ctl_http *s, struct evhttp_request *req, int code, const char *fmt, ...)
{
	char text[768];
	struct bytes out;
	struct json j;
	struct evbuffer *b = evbuffer_new();
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	s->counts.refused++;
	bytes_init(&out, 8192);
	json_init(&j, &out, false);
	json_begin_object(&j);
	json_key(&j, "error");
	json_string(&j, text);
	json_end_object(&j);
	bytes_u8(&out, '\n');
	if (code == 503)
		evhttp_add_header(evhttp_request_get_output_headers(req), "Retry-After", "1");
	if (b && !out.failed && evbuffer_add(b, out.data, out.len) == 0)
		http_reply(req, code, "application/json", b);
	else
		evhttp_send_error(req, code, NULL);
	if (b)
		evbuffer_free(b);
	bytes_deinit(&out);
}

static void release(const void *data, size_t len, void *ctx)
{
	(void)len;
	(void)ctx;
	free((void *)(uintptr_t)data);
}

bool http_reply_bytes(struct ctl_http *s, struct evhttp_request *req, const char *type, struct bytes *d)
{
	struct evbuffer *b = evbuffer_new();
	bool fits = b && !d->failed && queued(s) + d->len <= QUEUED_MAX;
	if (fits && evbuffer_add_reference(b, d->data, d->len, release, NULL) == 0) {
		d->data = NULL;
		d->len = d->cap = 0;
		http_reply(req, 200, type, b);
	} else {
		fits = false;
		http_reply_error(s, req, 503, d->failed || !b ? "out of memory, or too much to say at once" :
							   "too many readers have not read their replies yet; try again");
	}
	if (b)
		evbuffer_free(b);
	return fits;
}

/* ---- pages ---- */

static void page(struct evhttp_request *req)
{
	struct evkeyvalq *out = evhttp_request_get_output_headers(req);
	const char *known = evhttp_find_header(evhttp_request_get_input_headers(req), "If-None-Match");
	struct evbuffer *b = evbuffer_new();
	evhttp_add_header(out, "Content-Security-Policy", page_policy);
	evhttp_add_header(out, "Cache-Control", "no-cache");
	evhttp_add_header(out, "ETag", page_tag);
	bool same = known && strcmp(known, page_tag) == 0;
	if (b && !same)
		evbuffer_add_reference(b, page_html, page_html_len, NULL, NULL);
	if (b)
		http_reply(req, same ? 304 : 200, "text/html; charset=utf-8", b);
	else
		evhttp_send_error(req, 500, NULL);
	if (b)
		evbuffer_free(b);
}

static void readyz(struct ctl_http *s, struct evhttp_request *req)
{
	struct ctl_host h;
	s->host.host(s->host.ctx, &h);
	if (!h.serving)
		http_reply_text(req, 503, "the responder does not answer from these zones yet");
	else if (!core_round_done(h.core))
		http_reply_text(req, 503, "the first round of checks is not over");
	else
		http_reply_text(req, 200, "ready");
}

static void metrics(struct ctl_http *s, struct evhttp_request *req)
{
	struct ctl_host h;
	struct bytes out;
	s->host.host(s->host.ctx, &h);
	s->counts.connections = count_slots(s);
	s->counts.followers = s->follower_count;
	bytes_init(&out, METRICS_LEN_MAX);
	metrics_write(&out, &(struct metrics){ .h = &h, .events = &s->events, .http = &s->counts, .usage = s->host.usage, .ctx = s->host.ctx });
	http_reply_bytes(s, req, "text/plain; version=0.0.4; charset=utf-8", &out);
	bytes_deinit(&out);
}

/* Those that cost work; false: no such page. */
static bool documents(struct ctl_http *s, struct evhttp_request *req, const char *path, const struct http_query *q)
{
	if (strcmp(path, "/metrics") == 0)
		metrics(s, req);
	else
		return http_api(s, req, path, q);
	return true;
}

static void answer(struct ctl_http *s, struct evhttp_request *req, const char *path, const struct http_query *q)
{
	uint64_t began = mono_us();
	if (strcmp(path, "/livez") == 0) {
		http_reply_text(req, 200, "live");
	} else if (strcmp(path, "/readyz") == 0) {
		readyz(s, req);
	} else if (strcmp(path, "/") == 0) {
		page(req);
	} else if (!has_time(s, began)) {
		s->counts.busy++;
		http_reply_error(s, req, 503, "busy: documents have had their part of this second; try again");
	} else if (documents(s, req, path, q)) {
		s->work_us -= (int64_t)(mono_us() - began);
	} else {
		http_reply_error(s, req, 404, "no such page; expected /, /livez, /readyz, /metrics or /api/v1/status, services, service, "
				 "explain, history, targets, peers, overrides, windows, events");
	}
}

/* ---- who asks ---- */

static void addr_of(struct evhttp_request *req, struct addr *out)
{
	const struct sockaddr *sa = evhttp_connection_get_addr(evhttp_request_get_connection(req));
	*out = (struct addr){ 0 };
	if (sa && sa->sa_family == AF_INET) {
		out->family = 4;
		memcpy(out->ip, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	} else if (sa && sa->sa_family == AF_INET6) {
		out->family = 6;
		memcpy(out->ip, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
	}
}

/* By the present plan: a reload of http_from counts from the next request on. */
static bool may_ask(const struct ctl_host *h, const struct addr *from)
{
	const struct plan_node *n = view_node(h);
	for (uint16_t i = 0; i < n->http_from_count; i++)
		if (addr_block_has(&n->http_from[i], from))
			return true;
	return n->http_from_count == 0 && addr_is_loopback(from);
}

static void refuse_method(struct ctl_http *s, struct evhttp_request *req, const char *allow, const char *why)
{
	evhttp_add_header(evhttp_request_get_output_headers(req), "Allow", allow);
	http_reply_error(s, req, 405, "%s", why);
}

static void on_request(struct evhttp_request *req, void *ctx)
{
	struct ctl_http *s = ctx;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
	enum evhttp_cmd_type method = evhttp_request_get_command(req);
	struct ctl_host h;
	struct addr from;
	struct http_query q;
	s->counts.requests++;
	s->host.host(s->host.ctx, &h);
	addr_of(req, &from);
	bool admin = core_plan(h.core)->admin.token_len && s->host.command;
	const char *verb = admin && path ? http_admin_verb(path) : NULL;
	if (!may_ask(&h, &from)) {
		evhttp_add_header(evhttp_request_get_output_headers(req), "Connection", "close");
		http_reply_error(s, req, 403, "this address is not in http_from");
	} else if (verb && method == EVHTTP_REQ_POST) {
		http_admin(s, req, verb, &from);
	} else if (verb) {
		refuse_method(s, req, "POST", "an override is given with POST");
	} else if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD) {
		refuse_method(s, req, "GET, HEAD", admin ? "only GET and HEAD here" : "only GET and HEAD: nothing can be changed here");
	} else if (!path || http_query_parse(&q, evhttp_uri_get_query(uri))) {
		http_reply_error(s, req, 400, "the address cannot be read");
	} else {
		answer(s, req, *path ? path : "/", &q);
	}
}

/* ---- life ---- */

static bool begin(struct ctl_http *s, int listen_fd)
{
	struct timeval second = { .tv_sec = 1 };
	s->http = evhttp_new(s->base);
	s->second = evtimer_new(s->base, on_second, s);
	if (!s->http || !s->second)
		return false;
	evhttp_set_max_headers_size(s->http, HEADERS_MAX);
	evhttp_set_max_body_size(s->http, HTTP_BODY_MAX);
	evhttp_set_timeout(s->http, IDLE_S);
	evhttp_set_allowed_methods(s->http, METHODS_ALL); /* so that it is us who refuse them */
	evhttp_set_bevcb(s->http, on_connection, s);
	evhttp_set_gencb(s->http, on_request, s);
	evutil_make_socket_nonblocking(listen_fd);
	/* Backlog 0 leaves it listening as it does; no LEV_OPT_CLOSE_ON_FREE: the socket is the caller's. */
	struct evconnlistener *l = evconnlistener_new(s->base, NULL, NULL, LEV_OPT_CLOSE_ON_EXEC, 0, listen_fd);
	if (!l)
		return false;
	s->bound = evhttp_bind_listener(s->http, l);
	if (!s->bound)
		evconnlistener_free(l);
	return s->bound && event_add(s->second, &second) == 0;
}

struct ctl_http *ctl_http_new(struct event_base *base, int listen_fd, const struct ctl_http_host *h)
{
	struct ctl_http *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->base = base;
	s->host = *h;
	s->work_us = WORK_AT_ONCE_US;
	s->work_at_us = mono_us();
	TAILQ_INIT(&s->followers);
	if (begin(s, listen_fd))
		return s;
	ctl_http_free(s);
	return NULL;
}

static uint64_t *total(struct metrics_http *n, size_t i)
{
	uint64_t *const all[CTL_HTTP_TOTALS] = { &n->accepted, &n->evicted, &n->requests, &n->refused, &n->busy, &n->cut, &n->tokens_refused };
	return all[i];
}

void ctl_http_totals(const struct ctl_http *s, struct ctl_totals *t)
{
	struct metrics_http n = s->counts;
	memcpy(t->events, s->events.by_kind, sizeof t->events);
	for (size_t i = 0; i < CTL_HTTP_TOTALS; i++)
		t->http[i] = *total(&n, i);
}

void ctl_http_go_on(struct ctl_http *s, const struct ctl_totals *t)
{
	memcpy(s->events.by_kind, t->events, sizeof t->events);
	for (size_t i = 0; i < CTL_HTTP_TOTALS; i++)
		*total(&s->counts, i) = t->http[i];
}

void ctl_http_free(struct ctl_http *s)
{
	if (!s)
		return;
	if (s->http)
		evhttp_free(s->http); /* ends connections, followers with them */
	sweep(s);
	if (s->second)
		event_free(s->second);
	free(s);
}
