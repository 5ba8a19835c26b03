/* Overrides over HTTP, for who has the token: the words of a form become those of gemelctl, and go its way.
 *
 *     POST /api/v1/drain                        Authorization: Bearer TOKEN
 *     what=192.0.2.1&for=30m&reason=new+disk    Content-Type: application/x-www-form-urlencoded
 *
 *     no http_admin: 405 ─▶ another origin: 403 ─▶ too many tries: 429 ─▶ no token, a wrong one: 401 ─▶ no form: 415
 *       ─▶ wrong words: 400 ─▶ the core: 409, or 200 once every worker answers from it
 *
 * A browser sends the token only where a script of the page that asked for it puts it into the request; no cookie, nothing that it
 * would send by itself.  So a page of somebody else cannot act in an operator's name; that its requests are refused for their
 * origin as well is a second lock on the door.  Guessing is bounded by network: who tried too often is not looked at.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "ctl/http_state.h"
#include "ctl/verbs.h"
#include "ctl/view.h"

#define PREFIX "/api/v1/"
#define SCHEME "Bearer "
#define FORM "application/x-www-form-urlencoded"
#define WORDS_MAX 10
#define TRY_EVERY_MS 10000 /* a wrong token more from a network in so long, */
#define TRIES_AT_ONCE 5    /* after so many */

static const char *const verbs[] = { "down", "up", "drain", "auto" };
static const char *const keys[] = { "what", "for", "reason", "force" };

/* ---- who asks ---- */

static const char *header(struct evhttp_request *req, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(req), name);
}

/* RFC 6454 7, the host and the port of RFC 9110 7.2: a page of ours, whatever was before TLS. Not a browser's: none is sent. */
static bool is_own_origin(struct evhttp_request *req)
{
	const char *origin = header(req, "Origin"), *site = header(req, "Sec-Fetch-Site"), *host = header(req, "Host");
	if (site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
		return false;
	if (!origin)
		return true;
	const char *at = strstr(origin, "://");
	return at && host && strcmp(at + 3, host) == 0;
}

/* Takes as long wherever they differ, and whatever their lengths. */
static bool is_token(const struct plan_admin *a, const char *text)
{
	char given[PLAN_TOKEN_MAX] = { 0 };
	size_t len = strlen(text);
	volatile uint8_t differ = (uint8_t)(len != a->token_len);
	memcpy(given, text, len < sizeof given ? len : sizeof given);
	for (size_t i = 0; i < sizeof given; i++)
		differ = (uint8_t)(differ | ((uint8_t)given[i] ^ (uint8_t)a->token[i]));
	return differ == 0;
}

/* The account of a network, the address's own for IPv4; where it has none, that of who did nothing for longest. */
static struct http_tries *tries_of(struct ctl_http *s, const struct addr *from)
{
	struct addr net = { .family = from->family };
	struct http_tries *eldest = &s->tries[0];
	memcpy(net.ip, from->ip, from->family == 6 ? 8 : 4);
	for (size_t i = 0; i < HTTP_TRIES_MAX; i++) {
		if (addr_equal(&s->tries[i].net, &net))
			return &s->tries[i];
		if (s->tries[i].last_ms < eldest->last_ms)
			eldest = &s->tries[i];
	}
	*eldest = (struct http_tries){ .net = net, .left = TRIES_AT_ONCE };
	return eldest;
}

static bool may_try(struct http_tries *t, uint64_t now_ms)
{
	uint64_t more = t->last_ms ? (now_ms - t->last_ms) / TRY_EVERY_MS : 0;
	if (more) {
		t->left = more + t->left < TRIES_AT_ONCE ? (uint8_t)(more + t->left) : TRIES_AT_ONCE;
		t->last_ms += more * TRY_EVERY_MS;
	}
	return t->left > 0;
}

static bool has_token(struct ctl_http *s, struct evhttp_request *req, const struct plan_admin *a, const struct addr *from, uint64_t now_ms)
{
	struct http_tries *t = tries_of(s, from);
	const char *text = header(req, "Authorization");
	char name[ADDR_TEXT_MAX];
	if (!may_try(t, now_ms)) {
		s->counts.tokens_refused++;
		evhttp_add_header(evhttp_request_get_output_headers(req), "Retry-After", "10");
		http_reply_error(s, req, 429, "too many wrong tokens from this network; try again later");
		return false;
	}
	if (text && evutil_ascii_strncasecmp(text, SCHEME, strlen(SCHEME)) == 0 && is_token(a, text + strlen(SCHEME)))
		return true;
	if (text) { /* who has none is asked for it; that is no try */
		t->last_ms = t->left == TRIES_AT_ONCE || !t->last_ms ? now_ms : t->last_ms;
		t->left--;
		s->counts.tokens_refused++;
		if (s->host.refused)
			s->host.refused(s->host.ctx, addr_format(from, false, name));
	}
	evhttp_add_header(evhttp_request_get_output_headers(req), "WWW-Authenticate", "Bearer realm=\"gemel\"");
	http_reply_error(s, req, 401, text ? "this is not the token of http_admin" : "the token of http_admin is wanted: Authorization: Bearer TOKEN");
	return false;
}

/* "http 192.0.2.1", and of an IPv6 address that is too long for an author's room its network: "http 2001:db8:1:2::/64". */
static void name_author(char out[CORE_AUTHOR_MAX], const struct addr *from)
{
	char text[ADDR_TEXT_MAX];
	struct addr net = *from;
	addr_format(from, false, text);
	if (snprintf(out, CORE_AUTHOR_MAX, "http %s", text) < CORE_AUTHOR_MAX)
		return;
	memset(net.ip + 8, 0, 8);
	snprintf(out, CORE_AUTHOR_MAX, "http %.*s/64", CORE_AUTHOR_MAX - 9, addr_format(&net, false, text));
}

/* ---- what is asked ---- */

static bool read_form(struct ctl_http *s, struct evhttp_request *req, struct http_query *q)
{
	char text[HTTP_BODY_MAX + 1];
	const char *type = header(req, "Content-Type");
	size_t n = type ? strcspn(type, "; ") : 0;
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	size_t len = evbuffer_get_length(in);
	if (n != strlen(FORM) || evutil_ascii_strncasecmp(type, FORM, n) != 0) {
		http_reply_error(s, req, 415, "expected a form: Content-Type: " FORM);
		return false;
	}
	if (len > HTTP_BODY_MAX || evbuffer_copyout(in, text, len) != (ev_ssize_t)len)
		len = 0;
	text[len] = 0;
	if (strlen(text) == len && http_query_parse(q, text) == 0)
		return true;
	http_reply_error(s, req, 400, "the form cannot be read");
	return false;
}

/* Of a form, or of an address; false: refused, and told. */
static bool check_keys(struct ctl_http *s, struct evhttp_request *req, const char *verb, const struct http_query *q)
{
	for (size_t i = 0; i < q->count; i++) {
		bool known = false;
		for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++)
			known |= strcmp(q->list[i].key, keys[k]) == 0;
		if (!known) {
			http_reply_error(s, req, 400, "%s has no \"%.64s\"; expected what, for, reason, force", verb, q->list[i].key);
			return false;
		}
	}
	const char *force = http_query_find(q, "force");
	if (force && strcmp(force, "true") != 0 && strcmp(force, "false") != 0) {
		http_reply_error(s, req, 400, "force is \"%.64s\"; expected true or false", force);
		return false;
	}
	if (!http_query_find(q, "what"))
		http_reply_error(s, req, 400, "%s needs \"what\": an address, host, site:NAME, service or SERVICE/ADDRESS", verb);
	return http_query_find(q, "what") != NULL;
}

static int words_of(const char *verb, const struct http_query *q, char *words[WORDS_MAX])
{
	const char *how_long = http_query_find(q, "for"), *reason = http_query_find(q, "reason"), *force = http_query_find(q, "force");
	const char *all[WORDS_MAX] = { verb };
	int n = 1;
	if (how_long && *how_long) {
		all[n++] = "--for";
		all[n++] = how_long;
	}
	if (reason && *reason) {
		all[n++] = "--reason";
		all[n++] = reason;
	}
	if (force && strcmp(force, "true") == 0)
		all[n++] = "--force";
	all[n++] = "--";
	all[n++] = http_query_find(q, "what");
	for (int i = 0; i < n; i++)
		words[i] = (char *)(uintptr_t)all[i]; /* argv's type; nobody writes to it */
	return n;
}

/* ---- waiting for it to be in force ---- */

/* Its connection ended: the command goes on without it. */
static void on_close(struct evhttp_connection *k, void *ctx)
{
	(void)k;
	struct http_order *o = ctx;
	if (!evhttp_request_get_connection(o->req))
		evhttp_request_free(o->req);
	o->id = 0;
}

static struct http_order *take_order(struct ctl_http *s, struct evhttp_request *req, const char *verb, const struct call *c)
{
	for (size_t i = 0; i < HTTP_ORDERS_MAX; i++) {
		struct http_order *o = &s->orders[i];
		if (o->id)
			continue;
		s->last_order = (s->last_order + 1) % CTL_HTTP_IDS;
		*o = (struct http_order){ .id = s->last_order | CTL_HTTP_IDS, .req = req, .verb = verb };
		snprintf(o->what, sizeof o->what, "%s", c->command.selector);
		evhttp_connection_set_closecb(evhttp_request_get_connection(req), on_close, o);
		return o;
	}
	return NULL;
}

void ctl_http_command_done(struct ctl_http *s, uint32_t id, bool refused, const char *text)
{
	struct http_order *o = NULL;
	struct doc d;
	for (size_t i = 0; id && i < HTTP_ORDERS_MAX; i++)
		if (s->orders[i].id == id)
			o = &s->orders[i];
	if (!o)
		return;
	struct evhttp_request *req = o->req;
	evhttp_connection_set_closecb(evhttp_request_get_connection(req), NULL, NULL);
	o->id = 0;
	if (refused) {
		http_reply_error(s, req, 409, "%s", text);
		return;
	}
	doc_init(&d, DOC_JSON, false, 0, CTL_REPLY_MAX);
	doc_text(&d, "verb", o->verb);
	doc_text(&d, "what", o->what);
	doc_text(&d, "message", text);
	if (doc_end(&d) < 0)
		http_reply_error(s, req, 503, "it is in force; out of memory to say more");
	else
		http_reply_bytes(s, req, "application/json", &d.out);
	doc_deinit(&d);
}

static void order(struct ctl_http *s, struct evhttp_request *req, const char *verb, const struct addr *from, const struct ctl_host *h)
{
	struct http_query form;
	char *words[WORDS_MAX];
	struct call c;
	struct doc d;
	if (!read_form(s, req, &form) || !check_keys(s, req, verb, &form))
		return;
	doc_init(&d, DOC_JSON, false, 0, CTL_REPLY_MAX);
	bool good = call_parse(&c, words_of(verb, &form, words), words) == 0 && call_run(&c, h, &d) == CALL_COMMAND;
	doc_deinit(&d);
	struct http_order *o = good ? take_order(s, req, verb, &c) : NULL;
	if (!good) {
		http_reply_error(s, req, 400, "%s", c.error);
	} else if (!o) {
		http_reply_error(s, req, 503, "too many commands wait to be in force; try again");
	} else {
		name_author(c.command.author, from);
		c.command.id = o->id;
		s->host.command(s->host.ctx, &c.command); /* may answer before it returns */
	}
}

/* ---- the door ---- */

const char *http_admin_verb(const char *path)
{
	if (strncmp(path, PREFIX, strlen(PREFIX)) != 0)
		return NULL;
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (strcmp(path + strlen(PREFIX), verbs[i]) == 0)
			return verbs[i];
	return NULL;
}

void http_admin(struct ctl_http *s, struct evhttp_request *req, const char *verb, const struct addr *from)
{
	struct ctl_host h;
	s->host.host(s->host.ctx, &h);
	const struct plan_admin *a = &core_plan(h.core)->admin;
	if (evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req)))
		http_reply_error(s, req, 400, "what is wanted stands in the form, not in the address");
	else if (!is_own_origin(req))
		http_reply_error(s, req, 403, "a page of another origin may not ask for this");
	else if (has_token(s, req, a, from, h.now_ms))
		order(s, req, verb, from, &h);
}
