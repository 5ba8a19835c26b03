/* The mock's HTTP: a request against what a step expects of it, and the answer that the step gives.
 *
 *     { http = true | { method = "GET", path = "/", host = …, port = 80, tls = false, body = …, headers = { accept = … } },
 *       status = 200, headers = { ["content-type"] = "text/plain" }, body = "ok" }
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "base/text.h"
#include "script/mock.h"

/* True where "Name: value\r\n"… holds this one. */
static bool has_header(const char *lines, const char *name, const char *value)
{
	size_t name_len = strlen(name), value_len = strlen(value);

	for (const char *p = lines; *p != '\0'; p = strchr(p, '\n') + 1) {
		const char *v = p + name_len + 1;

		if (strncasecmp(p, name, name_len) != 0 || p[name_len] != ':')
			continue;
		v += strspn(v, " ");
		if (strncmp(v, value, value_len) == 0 && v[value_len] == '\r')
			return true;
	}
	return false;
}

/* The table of what is expected stands on the top. */
static bool headers_match(struct mock *m, const struct script_http *h)
{
	lua_State *L = m->L;
	bool ok = true;

	if (lua_getfield(L, -1, "headers") == LUA_TTABLE) {
		for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
			if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
				mock_fault(m, "\"headers\" must be a table from names to strings");
			if (!has_header(h->headers, lua_tostring(L, -2), lua_tostring(L, -1))) {
				mock_wrong(m, "the check's request has no header \"%.60s: %.100s\"", lua_tostring(L, -2), lua_tostring(L, -1));
				ok = false;
				lua_pop(L, 2);
				break;
			}
		}
	}
	lua_pop(L, 1);
	return ok;
}

static bool text_matches(struct mock *m, const char *key, const char *got, size_t got_len)
{
	char shown[200], wanted[200];
	size_t len;
	const char *want = mock_text(m, key, &len);

	if (want == NULL || (len == got_len && memcmp(want, got, len) == 0))
		return true;
	mock_wrong(m, "the %s is %s; the mock expects %s", key, text_quote(got, got_len, shown, sizeof shown),
		   text_quote(want, len, wanted, sizeof wanted));
	return false;
}

static bool request_matches(struct mock *m, const struct script_request *req)
{
	static const char *const known[] = { "method", "path", "host", "port", "tls", "body", "headers", NULL };
	const struct script_http *h = &req->http;
	lua_Integer port;

	mock_check_keys(m->L, lua_gettop(m->L), "http", known);
	port = mock_integer(m, "port", h->addr.port);
	if (port != h->addr.port) {
		mock_wrong(m, "the port is %u; the mock expects %d", h->addr.port, (int)port);
		return false;
	}
	if (mock_bool(m, "tls", req->tls.on) != req->tls.on) {
		mock_wrong(m, "the check asks %s TLS; the mock expects it the other way", req->tls.on ? "with" : "without");
		return false;
	}
	return text_matches(m, "method", h->method, strlen(h->method)) && text_matches(m, "path", h->path, strlen(h->path)) &&
	       text_matches(m, "host", h->host, strlen(h->host)) && text_matches(m, "body", h->body, h->body_len) && headers_match(m, h);
}

/* { ["Content-Type"] = "text/plain" } → "content-type: text/plain\n" */
static void put_headers(struct mock *m)
{
	lua_State *L = m->L;

	m->headers.len = 0;
	if (lua_getfield(L, -1, "headers") == LUA_TTABLE) {
		for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
			if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
				mock_fault(m, "\"headers\" must be a table from names to strings");
			for (const char *p = lua_tostring(L, -2); *p != '\0'; p++)
				bytes_u8(&m->headers, (uint8_t)tolower((unsigned char)*p));
			bytes_printf(&m->headers, ": %s\n", lua_tostring(L, -1));
		}
	} else if (!lua_isnil(L, -1)) {
		mock_fault(m, "\"headers\" must be a table");
	}
	bytes_u8(&m->headers, 0);
	lua_pop(L, 1);
}

/* The step on the top, as the answer. */
static void put_answer(struct mock *m, const struct script_request *req, struct script_answer *a)
{
	size_t len = 0;
	const char *body = mock_text(m, "body", &len);
	lua_Integer status = mock_integer(m, "status", 200);

	if (status < 100 || status > 999)
		mock_fault(m, "\"status\" must be a number from 100 to 999");
	if (strcmp(req->http.method, "HEAD") == 0)
		len = 0;
	m->body.len = 0;
	bytes_add(&m->body, body, len < req->http.max_body ? len : req->http.max_body);
	put_headers(m);
	if (m->body.failed || m->headers.failed)
		mock_fault(m, "an answer of more than %u octets", MOCK_OCTETS_MAX);
	a->status = (int)status;
	a->headers = (const char *)m->headers.data;
	a->data = (const char *)m->body.data;
	a->len = m->body.len;
}

enum mock_outcome mock_http(struct mock *m, const struct script_request *req, struct script_answer *a)
{
	enum mock_kind kind = mock_next(m);
	struct mock_effect e;
	bool ok;

	if (kind != MOCK_ANY && kind != MOCK_HTTP) {
		lua_pop(m->L, kind != MOCK_KIND_NONE);
		return mock_unexpected(m, req);
	}
	ok = lua_getfield(m->L, -1, "http") != LUA_TTABLE || request_matches(m, req);
	lua_pop(m->L, 1);
	if (!ok) {
		lua_pop(m->L, 1);
		return MOCK_WRONG;
	}
	put_answer(m, req, a);
	e = mock_take(m);
	return mock_settle(m, req, &e, a);
}
