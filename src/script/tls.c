/* tls: how a connection's TLS is to be, and what its handshake gave.  What performs it is the edge's business.
 *
 *     tls = true, or a table:
 *
 *     name      for SNI, and the name that the certificate must be for; default: the service's owner name
 *     verify    true; false takes any certificate
 *     ca        certificates to trust in place of the machine's: PEM, or an argument of type "certificates"
 *     alpn      "h2,http/1.1" or { "h2", "http/1.1" }
 *     cert      the client's certificate with its chain, likewise
 *     key       its private key, PEM or an argument of type "key"; default: in cert
 *
 *     tls.info(where [, { port = 443, name = …, ca = …, alpn = …, cert = …, key = …, timeout = seconds }])
 *
 * takes the target or an IP address, makes a handshake that no certificate fails, and gives
 *
 *     { protocol = "TLSv1.3", cipher = …, alpn = …, subject = "CN=…", issuer = …, names = { "www.example.test", … },
 *       not_before = 1700000000, not_after = …, days_left = 12.5, chain = 2, verified = false, fault = "…" }
 */
#include <string.h>
#include "script/internal.h"

#define NAME_LEN_MAX 255
#define ALPN_LEN_MAX 255  /* of the list; no protocol's name comes near */
#define PEM_LEN_MAX (512u << 10) /* twice the bundle of a Linux distribution */
#define PORT_DEFAULT 443

/* ---- files ---- */

#define FILE_TYPE "gemel.file"

struct file { /* a private key must not get into a log, or to a target, by a slip of a script */
	uint64_t run; /* serial: the octets are the plan's, and stay as long as the run */
	struct script_pem pem;
};

void tls_push_file(lua_State *L, const struct script_arg *arg)
{
	struct file *f = lua_newuserdatauv(L, sizeof *f, 1);

	*f = (struct file){ .run = script_of(L)->run_serial, .pem = arg->file };
	lua_pushstring(L, arg->string);
	lua_setiuservalue(L, -2, 1);
	luaL_setmetatable(L, FILE_TYPE);
}

static int file_tostring(lua_State *L)
{
	luaL_checkudata(L, 1, FILE_TYPE);
	lua_getiuservalue(L, 1, 1);
	return 1;
}

/* ---- options ---- */

/* The field of the table at index, left on the stack; NULL when absent. */
static const char *field_text(lua_State *L, int index, const char *key, size_t max, size_t *len)
{
	const char *text;

	lua_pushstring(L, key);
	if (lua_rawget(L, index) == LUA_TNIL)
		return NULL;
	if (lua_type(L, -1) != LUA_TSTRING)
		luaL_error(L, "tls: %s must be a string", key);
	text = lua_tolstring(L, -1, len);
	if (*len == 0 || *len > max || memchr(text, '\0', *len) != NULL)
		luaL_error(L, "tls: %s must have 1 to %d octets, without NUL", key, (int)max);
	return text;
}

static void check_name(lua_State *L, const char *name)
{
	size_t len = strlen(name);

	if (len > NAME_LEN_MAX)
		luaL_error(L, "tls: name must have at most %d octets", NAME_LEN_MAX);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] <= 0x20 || (unsigned char)name[i] >= 0x7f)
			luaL_error(L, "tls: name must be a host name or an address");
}

/* Every name of the list has 1 to 255 octets; the list's bound sees to the latter. */
static void check_alpn(lua_State *L, const char *list)
{
	for (const char *p = list;; p++) {
		size_t len = strcspn(p, ",");

		if (len == 0)
			luaL_error(L, "tls: alpn must be a list of protocols: \"h2,http/1.1\"");
		p += len;
		if (*p == '\0')
			return;
	}
}

/* { "h2", "http/1.1" } → "h2,http/1.1" in its place on the stack. */
static void join_alpn(lua_State *L, int index)
{
	size_t total = 0, n = lua_rawlen(L, index);

	lua_pushliteral(L, "");
	for (size_t i = 1; i <= n; i++) {
		size_t len;
		const char *one;

		lua_rawgeti(L, index, (lua_Integer)i);
		if (lua_type(L, -1) != LUA_TSTRING)
			luaL_error(L, "tls: alpn must be a list of strings");
		one = lua_tolstring(L, -1, &len);
		total += len + 1;
		if (memchr(one, ',', len) != NULL || total > ALPN_LEN_MAX)
			luaL_error(L, "tls: alpn must name protocols, %d octets together at most", ALPN_LEN_MAX);
		lua_pushfstring(L, "%s%s%s", lua_tostring(L, -2), i > 1 ? "," : "", one);
		lua_replace(L, -3);
		lua_pop(L, 1);
	}
	lua_replace(L, index);
}

static const char *read_alpn(lua_State *L, int index)
{
	const char *list;
	size_t len;

	lua_pushliteral(L, "alpn");
	if (lua_rawget(L, index) == LUA_TNIL)
		return "";
	if (lua_istable(L, -1))
		join_alpn(L, lua_gettop(L));
	if (lua_type(L, -1) != LUA_TSTRING)
		luaL_error(L, "tls: alpn must be a string or a list of strings");
	list = lua_tolstring(L, -1, &len);
	if (len == 0 || len > ALPN_LEN_MAX || memchr(list, '\0', len) != NULL)
		luaL_error(L, "tls: alpn must have 1 to %d octets, without NUL", ALPN_LEN_MAX);
	check_alpn(L, list);
	return list;
}

static bool read_verify(lua_State *L, int index)
{
	lua_pushliteral(L, "verify");
	if (lua_rawget(L, index) == LUA_TNIL)
		return true;
	if (!lua_isboolean(L, -1))
		luaL_error(L, "tls: verify must be true or false");
	return lua_toboolean(L, -1);
}

/* PEM as text, or a file that the configuration names. */
static void read_pem(lua_State *L, int index, const char *key, struct script_pem *out)
{
	const struct file *f;

	lua_pushstring(L, key);
	lua_rawget(L, index);
	f = luaL_testudata(L, -1, FILE_TYPE);
	if (f != NULL) {
		if (script_run_of(L) == NULL || f->run != script_run_of(L)->serial)
			luaL_error(L, "tls: %s is a file of another run", key);
		*out = f->pem;
		return;
	}
	lua_pop(L, 1);
	out->data = field_text(L, index, key, PEM_LEN_MAX, &out->len);
	out->len = out->data != NULL ? out->len : 0;
}

static void read_table(lua_State *L, int index, struct script_tls *out)
{
	const char *name;
	size_t len;

	luaL_checkstack(L, 16, NULL);
	out->verify = read_verify(L, index);
	name = field_text(L, index, "name", NAME_LEN_MAX, &len);
	out->name = name != NULL ? name : out->name;
	out->alpn = read_alpn(L, index);
	read_pem(L, index, "ca", &out->ca);
	read_pem(L, index, "cert", &out->cert);
	read_pem(L, index, "key", &out->key);
	if (out->key.data != NULL && out->cert.data == NULL)
		luaL_error(L, "tls: key without cert");
	if (out->key.data == NULL)
		out->key = out->cert;
}

void tls_check(lua_State *L, int index, const char *name, struct script_tls *out)
{
	static const char *const known[] = { "name", "verify", "ca", "alpn", "cert", "key", NULL };

	if (!lua_toboolean(L, index))
		return;
	*out = (struct script_tls){ .on = true, .verify = true, .name = name != NULL ? name : "", .alpn = "" };
	if (lua_istable(L, index)) {
		api_check_keys(L, index, "tls", known);
		read_table(L, index, out);
	} else if (!lua_isboolean(L, index)) {
		luaL_error(L, "tls must be true, false or a table");
	}
	check_name(L, out->name);
	if (out->verify && out->name[0] == '\0')
		luaL_error(L, "tls: no name to verify; give one, or verify = false");
}

/* ---- what came of it ---- */

static void push_names(lua_State *L, const char *names)
{
	lua_newtable(L);
	for (lua_Integer i = 1; *names != '\0'; i++) {
		size_t len = strcspn(names, "\n");

		lua_pushlstring(L, names, len);
		lua_rawseti(L, -2, i);
		names += len + (names[len] == '\n');
	}
}

void tls_push_info(lua_State *L, const struct script_tls_info *info)
{
	const struct { const char *key, *text; } texts[] = {
		{ "protocol", info->protocol }, { "cipher", info->cipher }, { "alpn", info->alpn },
		{ "subject", info->subject }, { "issuer", info->issuer }, { "fault", info->fault }
	};

	lua_createtable(L, 0, 12);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		if (texts[i].text[0] == '\0')
			continue;
		lua_pushstring(L, texts[i].text);
		lua_setfield(L, -2, texts[i].key);
	}
	push_names(L, info->names);
	lua_setfield(L, -2, "names");
	lua_pushinteger(L, info->not_before_s);
	lua_setfield(L, -2, "not_before");
	lua_pushinteger(L, info->not_after_s);
	lua_setfield(L, -2, "not_after");
	lua_pushnumber(L, info->days_left);
	lua_setfield(L, -2, "days_left");
	lua_pushinteger(L, (lua_Integer)info->chain_len);
	lua_setfield(L, -2, "chain");
	lua_pushboolean(L, info->fault[0] == '\0');
	lua_setfield(L, -2, "verified");
}

/* ---- tls.info: connect, ask, close ---- */

static int info_closed(lua_State *L, int status, lua_KContext ctx)
{
	(void)L;
	(void)status;
	(void)ctx;
	return 1; /* the table stands on the top */
}

static int info_answered(lua_State *L, int status, lua_KContext ctx)
{
	const struct script_answer *a = api_answer(L);
	struct script_request req = { .type = SCRIPT_REQ_CLOSE, .conn = (int)lua_tointeger(L, -1) };

	(void)status;
	(void)ctx;
	script_run_of(L)->heard = true;
	tls_push_info(L, a->tls);
	return api_wait(L, &req, info_closed);
}

static int info_connected(lua_State *L, int status, lua_KContext ctx)
{
	struct script_request req = { .type = SCRIPT_REQ_TLS_INFO, .conn = api_answer(L)->conn };

	(void)status;
	(void)ctx;
	lua_pushinteger(L, req.conn);
	return api_wait(L, &req, info_answered);
}

/* Where: argument 1. Its strings stay on the stack. */
static const char *read_where(lua_State *L, struct addr *addr)
{
	struct script_run *r = script_run_of(L);
	const char *name = r != NULL ? r->owner : NULL;
	uint16_t port = PORT_DEFAULT;

	if (lua_type(L, 1) == LUA_TSTRING) {
		api_check_addr(L, 1, addr);
	} else {
		luaL_checktype(L, 1, LUA_TTABLE);
		lua_getfield(L, 1, "address");
		api_check_addr(L, lua_gettop(L), addr);
		if (lua_getfield(L, 1, "port") == LUA_TNUMBER)
			port = api_check_port(L, lua_gettop(L));
		if (lua_getfield(L, 1, "owner") == LUA_TSTRING)
			name = lua_tostring(L, -1);
	}
	addr->port = port;
	return name;
}

static int tls_info(lua_State *L)
{
	static const char *const known[] = { "port", "timeout", "name", "ca", "alpn", "cert", "key", NULL };
	struct script_request req = { .type = SCRIPT_REQ_CONNECT };
	const char *name;

	lua_settop(L, 2);
	if (lua_isnil(L, 2)) {
		lua_newtable(L);
		lua_replace(L, 2);
	}
	luaL_checktype(L, 2, LUA_TTABLE);
	api_check_keys(L, 2, "tls.info", known);
	name = read_where(L, &req.addr);
	req.tls = (struct script_tls){ .on = true, .name = name != NULL ? name : "" };
	read_table(L, 2, &req.tls);
	check_name(L, req.tls.name);
	req.tls.verify = false;
	if (lua_getfield(L, 2, "port") != LUA_TNIL)
		req.addr.port = api_check_port(L, lua_gettop(L));
	lua_getfield(L, 2, "timeout");
	req.timeout_ms = api_check_timeout(L, lua_gettop(L));
	return api_wait(L, &req, info_connected);
}

void tls_open(lua_State *L, int lib)
{
	luaL_newmetatable(L, FILE_TYPE);
	lua_pushcfunction(L, file_tostring);
	lua_setfield(L, -2, "__tostring");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
	lua_createtable(L, 0, 1);
	lua_pushcfunction(L, tls_info);
	lua_setfield(L, -2, "info");
	sandbox_seal(L, lib, "tls");
}
