/* Where a failure came from, kept beside its text, so that "down" and "bug" are never mistaken for each other.
 *
 *     net.connect(…) fails        failure userdata with its reason; pcall gives it to the script as it is
 *     error("x"), assert(false)   failure userdata around the script's value; pcall gives the script the bare value
 *     nil()                       a plain string: a bug. pcall gives the string; error(e) leaves it a bug
 */
#include <string.h>
#include "script/internal.h"

#define FAILURE "gemel.failure"
#define LAST_BUG "gemel.bug" /* registry: the last bug's message that pcall handed to the script */

void fail_set_detail(char out[HEALTH_DETAIL_MAX], const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n < HEALTH_DETAIL_MAX - 1; i++) {
		unsigned char c = (unsigned char)text[i];

		out[n++] = c >= 0x20 && c < 0x7f ? (char)c : '?';
	}
	out[n] = '\0';
}

const struct failure *fail_get(lua_State *L, int index)
{
	return luaL_testudata(L, index, FAILURE);
}

/* Pushes a failure; its user value is the value on the top of the stack, which it replaces. */
static void failure_wrap(lua_State *L, enum health_reason reason, const char *detail, size_t len)
{
	struct failure *f = lua_newuserdatauv(L, sizeof *f, 1);

	f->reason = reason;
	fail_set_detail(f->detail, detail, len);
	luaL_setmetatable(L, FAILURE);
	lua_insert(L, -2);
	lua_setiuservalue(L, -2, 1);
}

int fail_raise(lua_State *L, enum health_reason reason, const char *detail)
{
	lua_pushnil(L);
	failure_wrap(L, reason, detail != NULL ? detail : "", detail != NULL ? strlen(detail) : 0);
	return lua_error(L);
}

static bool is_last_bug(lua_State *L, int index)
{
	bool same;

	lua_getfield(L, LUA_REGISTRYINDEX, LAST_BUG);
	same = lua_type(L, index) == LUA_TSTRING && lua_rawequal(L, index, -1);
	lua_pop(L, 1);
	return same;
}

/* Raises the value on the top of the stack as said by the script; text is what people read. */
static int say(lua_State *L, const char *text, size_t len)
{
	failure_wrap(L, HEALTH_REASON_NONE, text, len);
	return lua_error(L);
}

int fail_say(lua_State *L, const char *text)
{
	lua_pushstring(L, text);
	return say(L, text, strlen(text));
}

/* A short text for the value at index, without calling anything of the script's. */
static const char *value_text(lua_State *L, int index, size_t *len)
{
	const char *text = lua_type(L, index) == LUA_TSTRING ? lua_tolstring(L, index, len) : NULL;

	if (text == NULL) {
		text = lua_type(L, index) == LUA_TNUMBER ? lua_pushfstring(L, "%f", lua_tonumber(L, index))
							 : luaL_typename(L, index);
		*len = strlen(text);
	}
	return text;
}

static int raise_value(lua_State *L, int index)
{
	size_t len;
	const char *text;

	if (fail_get(L, index) != NULL || is_last_bug(L, index)) {
		lua_pushvalue(L, index);
		return lua_error(L);
	}
	text = value_text(L, index, &len);
	lua_pushvalue(L, index);
	return say(L, text, len);
}

static int fail_error(lua_State *L)
{
	int level = (int)luaL_optinteger(L, 2, 1);
	size_t len;
	const char *text;

	lua_settop(L, 1);
	if (lua_type(L, 1) != LUA_TSTRING || level < 1 || level > SCRIPT_VALUES_MAX || is_last_bug(L, 1))
		return raise_value(L, 1);
	text = lua_tolstring(L, 1, &len);
	luaL_where(L, level);
	lua_pushvalue(L, 1);
	lua_concat(L, 2);
	return say(L, text, len);
}

static int fail_assert(lua_State *L)
{
	if (lua_toboolean(L, 1))
		return lua_gettop(L);
	luaL_checkany(L, 1);
	if (lua_gettop(L) == 1)
		lua_pushliteral(L, "assertion failed!");
	return raise_value(L, 2);
}

/* Turns the error value on the top of the stack into what a script sees. */
static void unwrap(lua_State *L)
{
	const struct failure *f = fail_get(L, -1);

	if (f != NULL && f->reason == HEALTH_REASON_NONE) {
		lua_getiuservalue(L, -1, 1);
		lua_replace(L, -2);
	} else if (f == NULL && lua_type(L, -1) == LUA_TSTRING) {
		lua_pushvalue(L, -1);
		lua_setfield(L, LUA_REGISTRYINDEX, LAST_BUG);
	}
}

/* After the called function: ctx is the number of values below its results. */
static int pcall_end(lua_State *L, int status, lua_KContext ctx)
{
	struct meter *m = limits_meter(L);

	if (status == LUA_ERRMEM)
		limits_poison(L, HEALTH_SCRIPT_MEMORY);
	if (m != NULL && m->poison != HEALTH_REASON_NONE)
		return limits_raise(L);
	if (status == LUA_OK || status == LUA_YIELD)
		return lua_gettop(L) - (int)ctx;
	unwrap(L);
	lua_pushboolean(L, 0);
	lua_insert(L, -2);
	return 2;
}

static int fail_pcall(lua_State *L)
{
	luaL_checkany(L, 1);
	lua_pushboolean(L, 1); /* the first result when all is well */
	lua_insert(L, 1);
	return pcall_end(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, pcall_end), 0);
}

static int handler(lua_State *L)
{
	struct meter *m = limits_meter(L);

	lua_settop(L, 1);
	if (m != NULL && m->poison != HEALTH_REASON_NONE)
		return 1; /* an error in a handler calls the handler again: raising here would go on for 200 levels */
	unwrap(L);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, 1, 1);
	return 1;
}

static int fail_xpcall(lua_State *L)
{
	int n = lua_gettop(L);

	luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_pushvalue(L, 2);
	lua_pushcclosure(L, handler, 1);
	lua_replace(L, 2);
	lua_pushboolean(L, 1);
	lua_pushvalue(L, 1);
	lua_rotate(L, 3, 2); /* f, handler, true, f, arguments… */
	return pcall_end(L, lua_pcallk(L, n - 2, LUA_MULTRET, 2, 2, pcall_end), 2);
}

static int failure_tostring(lua_State *L)
{
	const struct failure *f = luaL_checkudata(L, 1, FAILURE);
	const char *reason = health_reason_text(f->reason);

	if (f->detail[0] == '\0')
		lua_pushstring(L, reason);
	else
		lua_pushfstring(L, "%s: %s", reason, f->detail);
	return 1;
}

static int failure_concat(lua_State *L)
{
	luaL_tolstring(L, 1, NULL);
	luaL_tolstring(L, 2, NULL);
	lua_concat(L, 2);
	return 1;
}

static int failure_index(lua_State *L)
{
	const struct failure *f = luaL_checkudata(L, 1, FAILURE);
	const char *key = luaL_checkstring(L, 2);

	if (strcmp(key, "reason") == 0)
		lua_pushstring(L, health_reason_text(f->reason));
	else if (strcmp(key, "detail") == 0)
		lua_pushstring(L, f->detail);
	else
		lua_pushnil(L);
	return 1;
}

void fail_open(lua_State *L, int lib)
{
	static const luaL_Reg meta[] = { { "__tostring", failure_tostring },
					 { "__concat", failure_concat },
					 { "__index", failure_index },
					 { NULL, NULL } };
	static const luaL_Reg functions[] = { { "error", fail_error },
					      { "assert", fail_assert },
					      { "pcall", fail_pcall },
					      { "xpcall", fail_xpcall },
					      { NULL, NULL } };

	luaL_newmetatable(L, FAILURE);
	luaL_setfuncs(L, meta, 0);
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
	lua_pushvalue(L, lib);
	luaL_setfuncs(L, functions, 0);
	lua_pop(L, 1);
}
