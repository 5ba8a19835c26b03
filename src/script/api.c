/* The API of check scripts: net, sleep, log.  (http stands in http.c.)
 *
 *     net.connect(address, port [, { timeout = seconds, tls = true }])    a TCP connection; an IP address as text. tls
 *                                         may be a table: tls.c
 *     conn:send(data [, timeout])         sends all of data
 *     conn:read([n [, timeout]])          1 to n octets (default and most 65,536), as soon as there are any
 *     conn:readline([timeout])            a line without its end (LF or CR LF), at most 8,192 octets
 *     conn:tls()                          what the TLS handshake gave: tls.c
 *     conn:close()                        or `local conn <close> = net.connect(…)`; the end of the run closes all
 *     net.udp(address, port)              a UDP socket; nothing is sent before udp:send
 *     udp:send(data)                      one datagram
 *     udp:receive([timeout])              one datagram of the target's, at most 16,384 octets
 *     udp:close()
 *     sleep(seconds)
 *     log(value, …)                       a line in the server's log, said once however often it repeats
 *
 * Each call waits for this run alone. What the network refuses is raised as a failure that, uncaught, is the run's
 * result:
 *
 *     local ok, failure = pcall(net.connect, target.address, 25)
 *     if not ok then return false, failure.reason end       -- "connect refused"; failure.detail, tostring(failure) too
 *
 * The end of a stream is such a failure ("connection closed") when nothing is left to read. A time-out is the lesser
 * of the call's and what is left of the run's.
 */
#include <math.h>
#include <string.h>
#include "script/internal.h"

#define CONN "gemel.conn"
#define UDP "gemel.udp"
#define DATAGRAM_MAX 16384
#define READ_MAX 65536
#define LINE_MAX_LEN 8192
#define SEND_MAX 65536
#define TIMEOUT_MAX_S 3600.0

struct conn {
	uint64_t run; /* serial */
	int number;
	bool open;
};

int api_wait(lua_State *L, const struct script_request *req, lua_KFunction k)
{
	struct script_run *r = script_run_of(L);

	if (r == NULL)
		return luaL_error(L, "the network can only be asked while a probe runs");
	if (!lua_isyieldable(L))
		return luaL_error(L, "cannot wait for the network within a callback of a library function");
	*r->request = *req;
	return lua_yieldk(L, 0, 0, k);
}

const struct script_answer *api_answer(lua_State *L)
{
	struct script_run *r = script_run_of(L);
	const struct script_answer *a = r->answer;

	if (a->reason != HEALTH_OK)
		fail_raise(L, a->reason, a->detail);
	return a;
}

uint32_t api_check_timeout(lua_State *L, int index)
{
	lua_Number s;

	if (lua_isnoneornil(L, index))
		return 0;
	s = luaL_checknumber(L, index);
	luaL_argcheck(L, s > 0 && s <= TIMEOUT_MAX_S, index, "a timeout is more than 0 and at most 3600 seconds");
	return (uint32_t)ceil(s * 1000);
}

void api_check_addr(lua_State *L, int index, struct addr *out)
{
	size_t len;
	const char *text = luaL_checklstring(L, index, &len);

	if (addr_parse(out, text, len, 0) != 0 || out->port != 0)
		luaL_argerror(L, index, "not an IP address");
}

uint16_t api_check_port(lua_State *L, int index)
{
	lua_Integer port = luaL_checkinteger(L, index);

	luaL_argcheck(L, port >= 1 && port <= 65535, index, "a port is 1 to 65535");
	return (uint16_t)port;
}

void api_check_keys(lua_State *L, int index, const char *what, const char *const *known)
{
	for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
		const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : luaL_typename(L, -2);
		size_t i = 0;

		while (known[i] != NULL && strcmp(known[i], key) != 0)
			i++;
		if (known[i] == NULL)
			luaL_error(L, "%s has no option \"%s\"", what, key);
	}
}

static struct conn *conn_get(lua_State *L, const char *type)
{
	struct conn *c = luaL_checkudata(L, 1, type);
	struct script_run *r = script_run_of(L);

	if (r == NULL || c->run != r->serial)
		luaL_error(L, "this connection belongs to another run");
	if (!c->open)
		luaL_error(L, "this connection is closed");
	return c;
}

static int connect_done(lua_State *L, int status, lua_KContext ctx)
{
	const struct script_answer *a = api_answer(L);
	struct conn *c = lua_touserdata(L, -1);

	(void)status;
	(void)ctx;
	c->number = a->conn;
	c->open = true;
	return 1;
}

/* Before the connection exists, so that no failure can lose it. */
static void conn_push(lua_State *L, const char *type)
{
	struct script_run *r = script_run_of(L);
	struct conn *c = lua_newuserdatauv(L, sizeof *c, 0);

	*c = (struct conn){ .run = r != NULL ? r->serial : 0 };
	luaL_setmetatable(L, type);
}

static int net_connect(lua_State *L)
{
	static const char *const known[] = { "timeout", "tls", NULL };
	struct script_request req = { .type = SCRIPT_REQ_CONNECT };
	struct script_run *r = script_run_of(L);

	api_check_addr(L, 1, &req.addr);
	req.addr.port = api_check_port(L, 2);
	if (!lua_isnoneornil(L, 3)) {
		luaL_checktype(L, 3, LUA_TTABLE);
		api_check_keys(L, 3, "net.connect", known);
		lua_getfield(L, 3, "timeout");
		req.timeout_ms = api_check_timeout(L, lua_gettop(L));
		lua_getfield(L, 3, "tls");
		tls_check(L, lua_gettop(L), r != NULL ? r->owner : NULL, &req.tls);
	}
	conn_push(L, CONN);
	return api_wait(L, &req, connect_done);
}

static int net_udp(lua_State *L)
{
	struct script_request req = { .type = SCRIPT_REQ_UDP };

	api_check_addr(L, 1, &req.addr);
	req.addr.port = api_check_port(L, 2);
	conn_push(L, UDP);
	return api_wait(L, &req, connect_done);
}

static int send_done(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	(void)ctx;
	api_answer(L);
	lua_pushboolean(L, 1);
	return 1;
}

static int conn_send(lua_State *L)
{
	struct script_request req = { .type = SCRIPT_REQ_SEND, .conn = conn_get(L, CONN)->number };

	req.data = luaL_checklstring(L, 2, &req.len);
	luaL_argcheck(L, req.len <= SEND_MAX, 2, "too long (at most 65536 octets)");
	req.timeout_ms = api_check_timeout(L, 3);
	return api_wait(L, &req, send_done);
}

static int read_done(lua_State *L, int status, lua_KContext ctx)
{
	const struct script_answer *a = api_answer(L);

	(void)status;
	(void)ctx;
	script_run_of(L)->heard = true;
	lua_pushlstring(L, a->len > 0 ? a->data : "", a->len);
	return 1;
}

static int conn_read(lua_State *L)
{
	struct script_request req = { .type = SCRIPT_REQ_READ, .conn = conn_get(L, CONN)->number };
	lua_Integer n = luaL_optinteger(L, 2, READ_MAX);

	luaL_argcheck(L, n >= 1 && n <= READ_MAX, 2, "1 to 65536 octets can be read at once");
	req.max = (size_t)n;
	req.timeout_ms = api_check_timeout(L, 3);
	return api_wait(L, &req, read_done);
}

static int conn_readline(lua_State *L)
{
	struct script_request req = { .type = SCRIPT_REQ_READLINE, .conn = conn_get(L, CONN)->number, .max = LINE_MAX_LEN };

	req.timeout_ms = api_check_timeout(L, 2);
	return api_wait(L, &req, read_done);
}

static int udp_send(lua_State *L)
{
	struct script_request req = { .type = SCRIPT_REQ_SEND, .conn = conn_get(L, UDP)->number };

	req.data = luaL_checklstring(L, 2, &req.len);
	luaL_argcheck(L, req.len <= DATAGRAM_MAX, 2, "too long (at most 16384 octets)");
	return api_wait(L, &req, send_done);
}

static int udp_receive(lua_State *L)
{
	struct script_request req = { .type = SCRIPT_REQ_READ, .conn = conn_get(L, UDP)->number, .max = DATAGRAM_MAX };

	req.timeout_ms = api_check_timeout(L, 2);
	return api_wait(L, &req, read_done);
}

static int info_done(lua_State *L, int status, lua_KContext ctx)
{
	const struct script_answer *a = api_answer(L);

	(void)status;
	(void)ctx;
	tls_push_info(L, a->tls);
	return 1;
}

static int conn_tls(lua_State *L)
{
	struct script_request req = { .type = SCRIPT_REQ_TLS_INFO, .conn = conn_get(L, CONN)->number };

	return api_wait(L, &req, info_done);
}

static int close_done(lua_State *L, int status, lua_KContext ctx)
{
	(void)L;
	(void)status;
	(void)ctx;
	return 0;
}

/* Also __close, and then never an error: closing twice or at the end of another run is nothing. */
static int close_one(lua_State *L, const char *type)
{
	struct conn *c = luaL_checkudata(L, 1, type);
	struct script_run *r = script_run_of(L);
	struct script_request req = { .type = SCRIPT_REQ_CLOSE, .conn = c->number };

	if (!c->open || r == NULL || c->run != r->serial)
		return 0;
	c->open = false;
	return lua_isyieldable(L) ? api_wait(L, &req, close_done) : 0;
}

static int conn_close(lua_State *L)
{
	return close_one(L, CONN);
}

static int udp_close(lua_State *L)
{
	return close_one(L, UDP);
}

static int api_sleep(lua_State *L)
{
	struct script_request req = { .type = SCRIPT_REQ_SLEEP };

	luaL_checkany(L, 1);
	req.timeout_ms = api_check_timeout(L, 1);
	return api_wait(L, &req, close_done);
}

static int api_log(lua_State *L)
{
	struct script_run *r = script_run_of(L);
	int n = lua_gettop(L);
	luaL_Buffer b;

	if (n > 16)
		return luaL_error(L, "too many values to log");
	luaL_where(L, 1);
	for (int i = 1; i <= n; i++)
		luaL_tolstring(L, i, NULL);
	luaL_buffinit(L, &b);
	for (int i = 0; i <= n; i++) {
		size_t len;
		const char *text = lua_tolstring(L, n + 1 + i, &len);

		luaL_addlstring(&b, text, len < SCRIPT_LOG_LINE_MAX ? len : SCRIPT_LOG_LINE_MAX);
		if (i > 0 && i < n)
			luaL_addchar(&b, ' ');
	}
	luaL_pushresult(&b);
	if (r == NULL || r->log_lines++ < SCRIPT_LOG_LINES_MAX)
		script_log(script_of(L), LOG_LEVEL_NOTICE, lua_tostring(L, -1), lua_rawlen(L, -1));
	return 0;
}

/* A type of connections, whose methods are sealed: a script must not change what conn:close is for the others. */
static void open_type(lua_State *L, const char *type, const luaL_Reg *methods, lua_CFunction close)
{
	luaL_newmetatable(L, type);
	lua_createtable(L, 0, 1);
	lua_newtable(L);
	luaL_setfuncs(L, methods, 0);
	sandbox_seal(L, lua_gettop(L) - 1, "methods");
	lua_getfield(L, -1, "methods");
	lua_setfield(L, -3, "__index");
	lua_pop(L, 1);
	lua_pushcfunction(L, close);
	lua_setfield(L, -2, "__close");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
}

void api_open(lua_State *L, int lib)
{
	static const luaL_Reg tcp[] = { { "send", conn_send },         { "read", conn_read }, { "readline", conn_readline },
					{ "tls", conn_tls },           { "close", conn_close }, { NULL, NULL } };
	static const luaL_Reg udp[] = { { "send", udp_send },
					{ "receive", udp_receive },
					{ "close", udp_close },
					{ NULL, NULL } };

	open_type(L, CONN, tcp, conn_close);
	open_type(L, UDP, udp, udp_close);
	lua_createtable(L, 0, 2);
	lua_pushcfunction(L, net_connect);
	lua_setfield(L, -2, "connect");
	lua_pushcfunction(L, net_udp);
	lua_setfield(L, -2, "udp");
	sandbox_seal(L, lib, "net");
	lua_pushcfunction(L, api_sleep);
	lua_setfield(L, lib, "sleep");
	lua_pushcfunction(L, api_log);
	lua_setfield(L, lib, "log");
}
