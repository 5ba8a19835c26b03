/* http: one HTTP/1.1 exchange on a connection of its own.
 *
 *     local answer = http.get(target, { port = 8080, path = "/healthz", expect = 200 })
 *     http.request(target, { method = "POST", body = "…", headers = { ["X-Check"] = "1" }, … })
 *
 *     where        the target, or an IP address as text
 *     port         default: the port of the member's probe address, else 80, with TLS 443
 *     tls          true, or a table: tls.c; its name defaults to the Host
 *     path         "/"           method   "GET" (http.request only)
 *     host         the Host header; default: the target's owner name, else the address
 *     headers      { name = value }; Host, Content-Length and Connection are not the script's to set
 *     body         a request body
 *     max_body     octets of the answer's body to read, at most 262,144; default 16,384. The rest is left unread
 *     timeout      seconds, for the whole exchange; for each, where redirects are followed
 *     redirects    how many to follow, 0 (default) to 10: with scheme, port, name and path of the Location, but always to
 *                  the same address; never from TLS to plain HTTP
 *     expect       a status (200), a class ("2xx") or a list of both ("200,301,4xx"); any other status is a failure
 *
 *     answer.status (integer)  answer.headers (by lower-case name)  answer.body
 */
#include <stdio.h>
#include <string.h>
#include "script/internal.h"
#include "script/redirect.h"

#define REDIRECTS_MAX 10
#define PORT_PLAIN 80
#define PORT_TLS 443
#define PATH_MAX_LEN 2048
#define HEADERS_MAX 8192 /* octets, all together */
#define HEADERS_COUNT_MAX 64
#define BODY_MAX 65536   /* of a request */
#define ANSWER_BODY_DEFAULT 16384
#define ANSWER_BODY_MAX 262144

/* The field's value, left on the stack while the request lives; NULL when absent. */
static const char *field_string(lua_State *L, const char *name, size_t *len)
{
	int type = lua_getfield(L, 2, name);

	if (type == LUA_TNIL)
		return NULL;
	if (type != LUA_TSTRING)
		luaL_error(L, "%s must be a string", name);
	return lua_tolstring(L, -1, len);
}

static bool is_visible(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] <= 0x20 || s[i] == 0x7f)
			return false;
	return true;
}

/* A word of the request line or the Host header: nothing in it may end the line. */
static const char *field_word(lua_State *L, const char *name, const char *fallback, size_t max)
{
	size_t len;
	const char *s = field_string(L, name, &len);

	if (s == NULL)
		return fallback;
	if (len == 0 || len > max || !is_visible(s, len))
		luaL_error(L, "%s must have 1 to %d octets, without spaces and control characters", name, (int)max);
	return s;
}

static lua_Integer field_integer(lua_State *L, const char *name, lua_Integer fallback, lua_Integer min, lua_Integer max)
{
	lua_Integer v = fallback;
	int whole = 1;

	if (lua_getfield(L, 2, name) != LUA_TNIL)
		v = lua_isinteger(L, -1) ? lua_tointegerx(L, -1, &whole) : min - 1;
	if (v < min || v > max)
		luaL_error(L, "%s must be an integer from %d to %d", name, (int)min, (int)max);
	lua_pop(L, 1);
	return v;
}

/* RFC 9110 5.6.2 token. */
static bool is_token(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] <= 0x20 || (unsigned char)s[i] >= 0x7f ||
		    strchr("\"(),/:;<=>?@[\\]{}", s[i]) != NULL)
			return false;
	return len > 0;
}

/* RFC 9110 5.5: no CR, LF or NUL; other controls have no business in a check either. */
static bool is_value(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)s[i] < 0x20 && s[i] != '\t') || s[i] == 0x7f)
			return false;
	return true;
}

static void check_header(lua_State *L, const char *name, size_t name_len, const char *value, size_t value_len)
{
	static const char *const ours[] = { "host", "content-length", "connection", "transfer-encoding" };

	if (!is_token(name, name_len) || !is_value(value, value_len))
		luaL_error(L, "a header's name or value has octets that do not belong there");
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		if (strcasecmp(name, ours[i]) == 0)
			luaL_error(L, "the header %s is not the script's to set", name);
}

/* Pushes "Name: value\r\n"… */
static const char *build_headers(lua_State *L)
{
	size_t total = 0;
	unsigned count = 0;

	lua_pushliteral(L, "");
	if (lua_getfield(L, 2, "headers") == LUA_TNIL) {
		lua_pop(L, 1);
		return "";
	}
	if (!lua_istable(L, -1))
		luaL_error(L, "headers must be a table");
	for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
		size_t name_len, value_len;
		const char *name, *value;

		if (lua_type(L, -2) != LUA_TSTRING || !lua_isstring(L, -1))
			luaL_error(L, "headers must be a table from names to strings");
		lua_pushvalue(L, -1);
		name = lua_tolstring(L, -3, &name_len);
		value = lua_tolstring(L, -1, &value_len);
		check_header(L, name, name_len, value, value_len);
		total += name_len + value_len;
		if (total > HEADERS_MAX || ++count > HEADERS_COUNT_MAX)
			luaL_error(L, "too many headers (at most %d, of %d octets together)", HEADERS_COUNT_MAX,
				   HEADERS_MAX);
		lua_pushfstring(L, "%s%s: %s\r\n", lua_tostring(L, -5), name, value);
		lua_replace(L, -6);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	return lua_tostring(L, -1);
}

/* Where: argument 1. What it lends stays on the stack; port 0 where it has none. */
static void read_where(lua_State *L, struct script_request *req, const char **host, lua_Integer *port)
{
	*port = 0;
	if (lua_type(L, 1) == LUA_TSTRING) {
		api_check_addr(L, 1, &req->addr);
		*host = lua_tostring(L, 1);
		return;
	}
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_getfield(L, 1, "address");
	api_check_addr(L, lua_gettop(L), &req->addr);
	*host = lua_tostring(L, -1);
	if (lua_getfield(L, 1, "port") == LUA_TNUMBER)
		*port = api_check_port(L, lua_gettop(L));
	if (lua_getfield(L, 1, "owner") == LUA_TSTRING)
		*host = lua_tostring(L, -1);
}

/* The name to ask TLS for is the Host's, without a port or brackets. */
static void read_tls(lua_State *L, struct script_request *req)
{
	const char *host = req->http.host;
	size_t len = host[0] == '[' ? strcspn(++host, "]") : strcspn(host, ":");

	if (host[len] == ':' && strchr(host + len + 1, ':') != NULL) /* an IPv6 address without brackets */
		len = strlen(host);
	lua_pushlstring(L, host, len);
	host = lua_tostring(L, -1);
	lua_getfield(L, 2, "tls");
	tls_check(L, lua_gettop(L), host, &req->tls);
}

/* ---- expect ---- */

/* True where the word ("200", "2xx") covers the status. */
static bool word_has(const char *word, size_t len, int status)
{
	char digits[12];

	if (len != 3 || status < 100 || status > 999)
		return false;
	snprintf(digits, sizeof digits, "%d", status);
	return (memcmp(word + 1, "xx", 2) == 0 && word[0] == digits[0]) || memcmp(word, digits, 3) == 0;
}

static bool word_is_sane(const char *word, size_t len)
{
	return len == 3 && word[0] >= '1' && word[0] <= '9' &&
	       (memcmp(word + 1, "xx", 2) == 0 ||
		(word[1] >= '0' && word[1] <= '9' && word[2] >= '0' && word[2] <= '9'));
}

/* Walks the list; with status 0 it only checks the syntax. */
static bool expect_has(lua_State *L, const char *list, int status)
{
	bool has = false;

	for (const char *p = list;; p++) {
		size_t len = strcspn(p, ",");

		if (!word_is_sane(p, len))
			luaL_error(L, "expect must be a status (200), a class (\"2xx\") or a list (\"200,3xx\")");
		has = has || word_has(p, len, status);
		p += len;
		if (*p == '\0')
			return has;
	}
}

/* ---- redirects ---- */

/* Where this request goes is kept among the options: a Location may be relative to it. */
static void note_place(lua_State *L, const struct script_request *req)
{
	struct place *at = lua_newuserdatauv(L, sizeof *at, 0);

	memset(at, 0, sizeof *at);
	at->tls = req->tls.on;
	at->port = req->addr.port;
	snprintf(at->host, sizeof at->host, "%s", req->http.host);
	snprintf(at->path, sizeof at->path, "%s", req->http.path);
	lua_setfield(L, 2, "place");
}

/* The value of the Location header; NULL where there is none. */
static const char *find_location(const char *headers, size_t *len)
{
	static const char name[] = "location: ";

	for (const char *p = headers; p != NULL && *p != '\0'; p = strchr(p, '\n') + 1) {
		if (strncmp(p, name, sizeof name - 1) != 0)
			continue;
		p += sizeof name - 1;
		*len = strcspn(p, "\n");
		return p;
	}
	return NULL;
}

/* Takes keys out of a copy of the table at options[key]: another host has no right to them, another name needs another
 * certificate. */
static void drop_keys(lua_State *L, const char *key, const char *const *drop)
{
	if (lua_getfield(L, 2, key) != LUA_TTABLE) {
		lua_pop(L, 1);
		return;
	}
	lua_newtable(L);
	for (lua_pushnil(L); lua_next(L, -3) != 0;) {
		const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
		bool dropped = false;

		for (size_t i = 0; drop[i] != NULL; i++)
			dropped = dropped || strcasecmp(name, drop[i]) == 0;
		lua_pushvalue(L, -2);
		lua_insert(L, -2); /* copy, key, key, value */
		if (dropped)
			lua_pop(L, 2);
		else
			lua_rawset(L, -4);
	}
	lua_setfield(L, 2, key);
	lua_pop(L, 1);
}

static void set_place(lua_State *L, const struct place *at, const struct place *to)
{
	static const char *const secrets[] = { "authorization", "cookie", NULL }, *const name[] = { "name", NULL };

	lua_pushstring(L, to->path);
	lua_setfield(L, 2, "path");
	lua_pushstring(L, to->host);
	lua_setfield(L, 2, "host");
	lua_pushinteger(L, to->port);
	lua_setfield(L, 2, "port");
	if (to->moved) {
		drop_keys(L, "headers", secrets);
		drop_keys(L, "tls", name);
	}
	if (to->tls && !at->tls) {
		lua_pushboolean(L, 1);
		lua_setfield(L, 2, "tls");
	}
}

/* RFC 9110 15.4: 303 asks for a GET, and so do 301 and 302 after a POST, by long habit. */
static void set_method(lua_State *L, int status)
{
	const char *method = lua_getfield(L, 2, "method") == LUA_TSTRING ? lua_tostring(L, -1) : "GET";
	bool get = (status == 303 && strcmp(method, "HEAD") != 0) || (status <= 302 && strcmp(method, "POST") == 0);

	lua_pop(L, 1);
	if (!get)
		return;
	lua_pushnil(L);
	lua_setfield(L, 2, "method");
	lua_pushnil(L);
	lua_setfield(L, 2, "body");
}

/* True where the answer leads on and may: the options are then those of the next request, the stack as at the start. */
static bool follow(lua_State *L, const struct script_answer *a)
{
	bool leads = a->status == 301 || a->status == 302 || a->status == 303 || a->status == 307 || a->status == 308;
	lua_Integer left = leads ? field_integer(L, "redirects", 0, 0, REDIRECTS_MAX) : 0;
	size_t len = 0;
	const char *location = left > 0 ? find_location(a->headers, &len) : NULL;
	const struct place *at;
	struct place to;

	if (location == NULL)
		return false;
	lua_getfield(L, 2, "place");
	at = lua_touserdata(L, -1);
	if (redirect_resolve(&to, at, location, len) != 0)
		fail_raise(L, HEALTH_HTTP_BROKEN, lua_pushfstring(L, "%d with a Location that cannot be followed",
								  a->status));
	if (at->tls && !to.tls) /* what was asked for in secret is not asked for in the open */
		fail_raise(L, HEALTH_HTTP_STATUS, lua_pushfstring(L, "%d, from TLS to plain HTTP", a->status));
	set_place(L, at, &to);
	set_method(L, a->status);
	lua_pushinteger(L, left - 1);
	lua_setfield(L, 2, "redirects");
	lua_settop(L, 2);
	return true;
}

/* ---- the exchange ---- */

/* Pushes { name = value } from "name: value\n" lines; a repeated name keeps its values, joined by commas (RFC 9110
 * 5.2). */
static void push_headers(lua_State *L, const char *text)
{
	lua_newtable(L);
	while (text != NULL && *text != '\0') {
		const char *end = strchrnul(text, '\n'), *colon = memchr(text, ':', (size_t)(end - text));

		if (colon != NULL) {
			const char *value = colon + 1 + strspn(colon + 1, " ");

			lua_pushlstring(L, text, (size_t)(colon - text));
			lua_pushvalue(L, -1);
			if (lua_rawget(L, -3) == LUA_TSTRING) {
				lua_pushliteral(L, ", ");
				lua_pushlstring(L, value, (size_t)(end - value));
				lua_concat(L, 3);
			} else {
				lua_pop(L, 1);
				lua_pushlstring(L, value, (size_t)(end - value));
			}
			lua_rawset(L, -3);
		}
		text = *end != '\0' ? end + 1 : end;
	}
}

static int exchange(lua_State *L);

static int exchange_done(lua_State *L, int status, lua_KContext ctx)
{
	const struct script_answer *a = api_answer(L);
	size_t len;
	const char *expect;

	(void)status;
	(void)ctx;
	script_run_of(L)->heard = true;
	if (follow(L, a))
		return exchange(L);
	expect = field_string(L, "expect", &len);
	if (expect != NULL && !expect_has(L, expect, a->status))
		return fail_raise(L, HEALTH_HTTP_STATUS, lua_pushfstring(L, "%d, expected %s", a->status, expect));
	lua_createtable(L, 0, 3);
	lua_pushinteger(L, a->status);
	lua_setfield(L, -2, "status");
	lua_pushlstring(L, a->len > 0 ? a->data : "", a->len);
	lua_setfield(L, -2, "body");
	push_headers(L, a->headers);
	lua_setfield(L, -2, "headers");
	return 1;
}

/* Argument 2 becomes a table of our own: what the script changes later, or a metamethod says, does not matter then. */
static void copy_options(lua_State *L)
{
	static const char *const names[] = { "port", "path", "method", "host", "headers", "body", "max_body", "timeout",
					     "expect", "tls", "redirects", NULL };

	if (!lua_isnoneornil(L, 2)) {
		luaL_checktype(L, 2, LUA_TTABLE);
		api_check_keys(L, 2, "http", names);
	}
	lua_settop(L, 2);
	lua_newtable(L);
	for (size_t i = 0; names[i] != NULL && lua_istable(L, 2); i++) {
		lua_getfield(L, 2, names[i]);
		lua_setfield(L, 3, names[i]);
	}
	lua_replace(L, 2);
	if (lua_getfield(L, 2, "expect") == LUA_TNUMBER) {
		lua_tostring(L, -1);
		lua_setfield(L, 2, "expect");
	} else {
		lua_pop(L, 1);
	}
}

/* Argument 2 is ours by now. */
static int exchange(lua_State *L)
{
	struct script_request req = { .type = SCRIPT_REQ_HTTP };
	struct script_http *h = &req.http;
	const char *host, *expect;
	lua_Integer port;
	size_t len;

	luaL_checkstack(L, 32, NULL);
	read_where(L, &req, &host, &port);
	h->host = field_word(L, "host", host, 255);
	read_tls(L, &req);
	port = port == 0 ? req.tls.on ? PORT_TLS : PORT_PLAIN : port;
	req.addr.port = (uint16_t)field_integer(L, "port", port, 1, 65535);
	h->addr = req.addr;
	h->method = field_word(L, "method", "GET", 16);
	if (!is_token(h->method, strlen(h->method)))
		return luaL_error(L, "method must be a word");
	h->path = field_word(L, "path", "/", PATH_MAX_LEN);
	if (h->path[0] != '/' && strcmp(h->path, "*") != 0)
		return luaL_error(L, "path must begin with '/'");
	h->headers = build_headers(L);
	h->body = field_string(L, "body", &h->body_len);
	if (h->body == NULL)
		h->body_len = 0;
	if (h->body_len > BODY_MAX)
		return luaL_error(L, "body too long (at most %d octets)", BODY_MAX);
	h->max_body = (uint32_t)field_integer(L, "max_body", ANSWER_BODY_DEFAULT, 0, ANSWER_BODY_MAX);
	field_integer(L, "redirects", 0, 0, REDIRECTS_MAX);
	expect = field_string(L, "expect", &len);
	if (expect != NULL)
		expect_has(L, expect, 0);
	lua_getfield(L, 2, "timeout");
	req.timeout_ms = api_check_timeout(L, lua_gettop(L));
	note_place(L, &req);
	return api_wait(L, &req, exchange_done);
}

static int http_get(lua_State *L)
{
	copy_options(L);
	lua_pushnil(L);
	lua_setfield(L, 2, "method");
	return exchange(L);
}

static int http_request(lua_State *L)
{
	copy_options(L);
	return exchange(L);
}

void http_open(lua_State *L, int lib)
{
	static const luaL_Reg list[] = { { "get", http_get }, { "request", http_request }, { NULL, NULL } };

	luaL_newlib(L, list);
	sandbox_seal(L, lib, "http");
}
