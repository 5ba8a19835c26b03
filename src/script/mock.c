/* The mock's steps, its clock, and who answers what. See mock.h. */
#include "script/mock.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"

#define AFTER_MAX_S 86400.0

static const char *const step_keys[] = { "connect", "tls", "cert", "udp", "expect", "reply", "close", "fail", "silent", "after", "http", "status",
					 "headers", "body", "dns", "rcode", "aa", "tc", "ra", "ad", "answer", "authority", "run", "exit", "ping",
					 "output", NULL };
/* The key that says what a step is for, and how that is told; the first that is there counts. */
static const struct kind { const char *key; enum mock_kind kind; const char *text; } kinds[] = {
	{ "connect", MOCK_CONNECT, "a connection" }, { "udp", MOCK_UDP, "a UDP socket" }, { "expect", MOCK_EXPECT, "it to send something" },
	{ "http", MOCK_HTTP, "an HTTP request" }, { "dns", MOCK_DNS, "a DNS query" }, { "run", MOCK_RUN, "a plugin" },
	{ "ping", MOCK_PING, "an echo" },
	{ "reply", MOCK_REPLY, "a read" }, { "close", MOCK_REPLY, "a read" }
};
#define KINDS (sizeof kinds / sizeof *kinds)

/* ---- telling ---- */

enum mock_outcome mock_wrong(struct mock *m, const char *fmt, ...)
{
	int n = m->at <= m->count ? snprintf(m->trouble, sizeof m->trouble, "step %d: ", (int)m->at) : 0;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(m->trouble + n, sizeof m->trouble - (size_t)n, fmt, ap);
	va_end(ap);
	return MOCK_WRONG;
}

int mock_fault(struct mock *m, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return luaL_error(m->L, "step %d: %s", (int)m->at, text);
}

/* What the script does, in words. */
static const char *request_text(const struct mock *m, const struct script_request *req, char *out, size_t cap)
{
	char data[200];
	unsigned port = req->conn >= 0 && req->conn < MOCK_CONNS_MAX ? m->conns[req->conn].port : 0;

	switch (req->type) {
	case SCRIPT_REQ_CONNECT:
		snprintf(out, cap, "connects to port %u", req->addr.port);
		break;
	case SCRIPT_REQ_UDP:
		snprintf(out, cap, "makes a UDP socket to port %u", req->addr.port);
		break;
	case SCRIPT_REQ_RUN:
		snprintf(out, cap, "runs %s", mock_run_text(req, data, sizeof data));
		break;
	case SCRIPT_REQ_PING:
		snprintf(out, cap, "pings %s", addr_format(&req->addr, false, data));
		break;
	case SCRIPT_REQ_SEND:
		snprintf(out, cap, "sends %s", text_quote(req->data, req->len, data, sizeof data));
		break;
	case SCRIPT_REQ_READ:
	case SCRIPT_REQ_READLINE:
		snprintf(out, cap, "reads from port %u", port);
		break;
	case SCRIPT_REQ_HTTP:
		snprintf(out, cap, "asks port %u for %s %.100s", req->http.addr.port, req->http.method, req->http.path);
		break;
	case SCRIPT_REQ_DNS:
		snprintf(out, cap, "asks port %u for %s", req->addr.port, mock_dns_text(req, data, sizeof data));
		break;
	case SCRIPT_REQ_NONE:
	case SCRIPT_REQ_CLOSE:
	case SCRIPT_REQ_TLS_INFO:
	case SCRIPT_REQ_SLEEP:
	case SCRIPT_REQ_SLICE:
		snprintf(out, cap, "does what no step can answer");
		break;
	}
	return out;
}

/* What the step on the top, of that kind, waits for. */
static const char *step_text(struct mock *m, enum mock_kind kind, char *out, size_t cap)
{
	const char *text = "something to happen";
	char data[200];
	size_t len;

	for (size_t i = KINDS; i-- > 0;)
		text = kinds[i].kind == kind ? kinds[i].text : text;
	if (kind == MOCK_EXPECT && lua_getfield(m->L, -1, "expect") == LUA_TSTRING) {
		text = lua_tolstring(m->L, -1, &len);
		snprintf(out, cap, "it to send %s", text_quote(text + m->matched, len - m->matched, data, sizeof data));
	} else {
		snprintf(out, cap, "%s", text);
	}
	if (kind == MOCK_EXPECT)
		lua_pop(m->L, 1);
	return out;
}

enum mock_outcome mock_unexpected(struct mock *m, const struct script_request *req)
{
	char does[300], waits[260];
	enum mock_outcome o;
	enum mock_kind kind = mock_next(m);

	request_text(m, req, does, sizeof does);
	if (kind == MOCK_KIND_NONE)
		return mock_wrong(m, "the check %s, and the mock has no %sstep for it", does, m->count > 0 ? "further " : "");
	o = mock_wrong(m, "the check %s; the mock expects %s", does, step_text(m, kind, waits, sizeof waits));
	lua_pop(m->L, 1);
	return o;
}

/* ---- fields ---- */

void mock_check_keys(lua_State *L, int index, const char *what, const char *const *known)
{
	size_t n = 0;

	while (known[n] != NULL)
		n++;
	index = lua_absindex(L, index);
	for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
		const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL, *near;
		size_t i = 0;

		if (key == NULL)
			luaL_error(L, "%s: a value without a name; expected name = value", what);
		while (known[i] != NULL && strcmp(known[i], key) != 0)
			i++;
		if (known[i] != NULL)
			continue;
		near = text_nearest(key, known, n);
		if (near != NULL)
			luaL_error(L, "%s: unknown key \"%s\"; did you mean \"%s\"", what, key, near);
		luaL_error(L, "%s: unknown key \"%s\"", what, key);
	}
}

static int push_field(struct mock *m, const char *key)
{
	lua_pushstring(m->L, key);
	return lua_rawget(m->L, -2);
}

bool mock_has(struct mock *m, const char *key)
{
	bool has = push_field(m, key) != LUA_TNIL;

	lua_pop(m->L, 1);
	return has;
}

const char *mock_text(struct mock *m, const char *key, size_t *len)
{
	int type = push_field(m, key);
	const char *text = type == LUA_TSTRING ? lua_tolstring(m->L, -1, len) : NULL;

	if (text == NULL && type != LUA_TNIL)
		mock_fault(m, "\"%s\" must be a string", key);
	lua_pop(m->L, 1);
	return text;
}

lua_Integer mock_integer(struct mock *m, const char *key, lua_Integer fallback)
{
	int type = push_field(m, key);

	if (type != LUA_TNIL && !lua_isinteger(m->L, -1))
		mock_fault(m, "\"%s\" must be a whole number", key);
	fallback = type == LUA_TNIL ? fallback : lua_tointeger(m->L, -1);
	lua_pop(m->L, 1);
	return fallback;
}

bool mock_is_true(struct mock *m, const char *key)
{
	bool is = push_field(m, key) == LUA_TBOOLEAN && lua_toboolean(m->L, -1);

	lua_pop(m->L, 1);
	return is;
}

bool mock_bool(struct mock *m, const char *key, bool fallback)
{
	int type = push_field(m, key);

	if (type != LUA_TNIL && type != LUA_TBOOLEAN)
		mock_fault(m, "\"%s\" must be true or false", key);
	fallback = type == LUA_TNIL ? fallback : lua_toboolean(m->L, -1);
	lua_pop(m->L, 1);
	return fallback;
}

/* ---- steps ---- */

enum mock_kind mock_next(struct mock *m)
{
	char what[32];

	luaL_checkstack(m->L, 16, NULL);
	if (m->at > m->count)
		return MOCK_KIND_NONE;
	if (lua_rawgeti(m->L, m->steps, m->at) != LUA_TTABLE)
		mock_fault(m, "expected a table such as { expect = …, reply = … }");
	snprintf(what, sizeof what, "step %d", (int)m->at);
	mock_check_keys(m->L, lua_gettop(m->L), what, step_keys);
	for (size_t i = 0; i < KINDS; i++)
		if (mock_has(m, kinds[i].key))
			return kinds[i].kind;
	return MOCK_ANY;
}

static enum health_reason step_fail(struct mock *m)
{
	const char *names[HEALTH_REASON_MAX], *near, *text;
	size_t n = 0, len;

	text = mock_text(m, "fail", &len);
	if (text == NULL)
		return HEALTH_REASON_NONE;
	for (int r = HEALTH_OK + 1; r < HEALTH_REASON_MAX; r++) {
		names[n++] = health_reason_text((enum health_reason)r);
		if (strcmp(text, names[n - 1]) == 0)
			return (enum health_reason)r;
	}
	near = text_nearest(text, names, n);
	mock_fault(m, "no failure is called \"%.60s\"; expected one such as \"connect refused\"%s%s%s", text,
		   near != NULL ? "; did you mean \"" : "", near != NULL ? near : "", near != NULL ? "\"" : "");
	return HEALTH_REASON_NONE;
}

struct mock_effect mock_take(struct mock *m)
{
	struct mock_effect e = { .fail = step_fail(m), .silent = mock_bool(m, "silent", false) };
	int type = push_field(m, "after");
	lua_Number s = lua_tonumber(m->L, -1);

	if (type != LUA_TNIL && (type != LUA_TNUMBER || !(s >= 0 && s <= AFTER_MAX_S)))
		mock_fault(m, "\"after\" must be a number of seconds");
	e.after_us = type == LUA_TNIL ? 0 : (uint64_t)(s * 1e6 + 0.5);
	lua_pop(m->L, 2);
	m->at++;
	m->matched = 0;
	return e;
}

/* ---- time ---- */

enum mock_outcome mock_fail(struct mock *m, struct script_answer *a, enum health_reason why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(m->detail, sizeof m->detail, fmt, ap);
	va_end(ap);
	*a = (struct script_answer){ .reason = why, .detail = m->detail };
	return MOCK_ANSWERED;
}

static uint16_t request_port(const struct mock *m, const struct script_request *req)
{
	if (req->type == SCRIPT_REQ_HTTP)
		return req->http.addr.port;
	if (req->type == SCRIPT_REQ_CONNECT || req->type == SCRIPT_REQ_UDP || req->type == SCRIPT_REQ_DNS)
		return req->addr.port;
	return req->conn >= 0 && req->conn < MOCK_CONNS_MAX ? m->conns[req->conn].port : 0;
}

/* As the prober calls it: io/probe. */
static enum health_reason timeout_reason(enum script_request_type t)
{
	switch (t) {
	case SCRIPT_REQ_CONNECT:
		return HEALTH_CONNECT_TIMEOUT;
	case SCRIPT_REQ_SEND:
		return HEALTH_WRITE_FAILED;
	case SCRIPT_REQ_RUN:
	case SCRIPT_REQ_SLEEP:
		return HEALTH_CHECK_TIMEOUT;
	case SCRIPT_REQ_NONE:
	case SCRIPT_REQ_UDP:
	case SCRIPT_REQ_READ:
	case SCRIPT_REQ_READLINE:
	case SCRIPT_REQ_CLOSE:
	case SCRIPT_REQ_TLS_INFO:
	case SCRIPT_REQ_HTTP:
	case SCRIPT_REQ_DNS:
	case SCRIPT_REQ_PING:
	case SCRIPT_REQ_SLICE:
		break;
	}
	return HEALTH_READ_TIMEOUT;
}

/* The same for the whole run: what is told beside it. */
static void run_over(struct mock *m, const struct script_request *req)
{
	const char *text = req->type == SCRIPT_REQ_SLEEP ? "asleep" : req->type == SCRIPT_REQ_READLINE ? "within a line" :
			   req->type == SCRIPT_REQ_HTTP ? "no whole answer" : req->type == SCRIPT_REQ_RUN ? "the plugin did not end" :
			   req->type == SCRIPT_REQ_PING ? "no echo" : NULL;

	m->now_us = m->deadline_us;
	m->over = (struct health_result){ .reason = timeout_reason(req->type) };
	if (text != NULL)
		snprintf(m->over.detail, sizeof m->over.detail, "%s", text);
	else
		snprintf(m->over.detail, sizeof m->over.detail, "port %u", request_port(m, req));
}

enum mock_outcome mock_wait(struct mock *m, const struct script_request *req, uint64_t at_us, struct script_answer *a)
{
	uint64_t own = req->timeout_ms != 0 && req->type != SCRIPT_REQ_SLEEP ? m->now_us + (uint64_t)req->timeout_ms * 1000 : UINT64_MAX;

	if (at_us <= m->now_us)
		return MOCK_ANSWERED;
	if (at_us < own && at_us < m->deadline_us) {
		m->now_us = at_us;
		return MOCK_ANSWERED;
	}
	if (own < m->deadline_us) {
		m->now_us = own;
		if (req->type == SCRIPT_REQ_RUN)
			return mock_fail(m, a, timeout_reason(req->type), "the plugin did not end");
		if (req->type == SCRIPT_REQ_PING)
			return mock_fail(m, a, timeout_reason(req->type), "no echo");
		return mock_fail(m, a, timeout_reason(req->type), "port %u", request_port(m, req));
	}
	run_over(m, req);
	return MOCK_OVER;
}

enum mock_outcome mock_settle(struct mock *m, const struct script_request *req, const struct mock_effect *e, struct script_answer *a)
{
	if (e->fail != HEALTH_REASON_NONE)
		mock_fail(m, a, e->fail, "port %u", request_port(m, req));
	return mock_wait(m, req, e->silent ? UINT64_MAX : m->now_us + e->after_us, a);
}

/* ---- the mock ---- */

void mock_init(struct mock *m, lua_State *L, int steps, uint64_t timeout_ms)
{
	memset(m, 0, sizeof *m);
	m->L = L;
	m->script = script_of(L);
	m->steps = steps;
	m->at = 1;
	m->count = (lua_Integer)lua_rawlen(L, steps);
	m->deadline_us = timeout_ms * 1000;
	bytes_init(&m->body, MOCK_OCTETS_MAX);
	bytes_init(&m->headers, MOCK_OCTETS_MAX);
	for (size_t i = 0; i < MOCK_CONNS_MAX; i++)
		bytes_init(&m->conns[i].in, MOCK_OCTETS_MAX);
}

void mock_deinit(struct mock *m)
{
	for (size_t i = 0; i < MOCK_CONNS_MAX; i++)
		bytes_deinit(&m->conns[i].in);
	bytes_deinit(&m->body);
	bytes_deinit(&m->headers);
}

enum mock_outcome mock_answer(struct mock *m, const struct script_request *req, struct script_answer *a)
{
	*a = (struct script_answer){ .reason = HEALTH_OK, .conn = req->conn };
	switch (req->type) {
	case SCRIPT_REQ_CONNECT:
	case SCRIPT_REQ_UDP:
		return mock_connect(m, req, a);
	case SCRIPT_REQ_SEND:
		return mock_send(m, req, a);
	case SCRIPT_REQ_READ:
	case SCRIPT_REQ_READLINE:
		return mock_read(m, req, a);
	case SCRIPT_REQ_TLS_INFO:
		return mock_tls_info(m, req, a);
	case SCRIPT_REQ_HTTP:
		return mock_http(m, req, a);
	case SCRIPT_REQ_DNS:
		return mock_dns(m, req, a);
	case SCRIPT_REQ_RUN:
		return mock_run(m, req, a);
	case SCRIPT_REQ_PING:
		return mock_ping(m, req, a);
	case SCRIPT_REQ_SLEEP:
		return mock_wait(m, req, m->now_us + (uint64_t)req->timeout_ms * 1000, a);
	case SCRIPT_REQ_CLOSE:
		if (req->conn >= 0 && req->conn < MOCK_CONNS_MAX)
			m->conns[req->conn].open = false;
		return MOCK_ANSWERED;
	case SCRIPT_REQ_NONE:
	case SCRIPT_REQ_SLICE:
		break;
	}
	return mock_unexpected(m, req);
}

void mock_finish(struct mock *m)
{
	enum mock_kind kind = mock_next(m);
	char waits[260];

	if (kind == MOCK_KIND_NONE)
		return;
	mock_wrong(m, "the check ended, and the mock still expects %s", step_text(m, kind, waits, sizeof waits));
	lua_pop(m->L, 1);
}
