/* The libraries of the sandbox: Lua's own where they are harmless, wrapped where they are not.
 *
 * Lua's C functions run out of the instruction hook's sight. So each wrapper first takes from the budget what its call
 * may cost at worst, and a call that could run for long is refused before it starts.
 */
#include "conf/sandbox.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PAIRS_KEYS_MAX 1000000

/* ---- pairs, in sorted order: whole numbers, other numbers, then text by octets ---- */

static int key_compare(lua_State *l, int a, int b)
{
	bool na = lua_type(l, a) == LUA_TNUMBER, nb = lua_type(l, b) == LUA_TNUMBER;
	const char *sa, *sb;
	size_t la, lb;
	int r;

	if (na != nb)
		return na ? -1 : 1;
	if (na)
		return lua_compare(l, a, b, LUA_OPLT) ? -1 : lua_compare(l, b, a, LUA_OPLT);
	sa = lua_tolstring(l, a, &la);
	sb = lua_tolstring(l, b, &lb);
	r = memcmp(sa, sb, la < lb ? la : lb);
	return r ? r : la < lb ? -1 : la > lb;
}

static int key_less(lua_State *l)
{
	lua_pushboolean(l, key_compare(l, 1, 2) < 0);
	return 1;
}

/* upvalues: the table, its keys in order, the next place */
static int pairs_next(lua_State *l)
{
	lua_Integer i = lua_tointeger(l, lua_upvalueindex(3));

	for (;;) {
		if (lua_rawgeti(l, lua_upvalueindex(2), ++i) == LUA_TNIL)
			return 1;
		lua_pushvalue(l, -1);
		lua_rawget(l, lua_upvalueindex(1));
		if (!lua_isnil(l, -1))
			break;
		lua_pop(l, 2); /* removed during the walk */
	}
	lua_pushinteger(l, i);
	lua_replace(l, lua_upvalueindex(3));
	return 2;
}

static int safe_pairs(lua_State *l)
{
	lua_Integer n = 0;

	luaL_checktype(l, 1, LUA_TTABLE);
	lua_settop(l, 1);
	lua_newtable(l);
	for (lua_pushnil(l); lua_next(l, 1); lua_pop(l, 1)) {
		int t = lua_type(l, -2);

		if (t != LUA_TSTRING && t != LUA_TNUMBER)
			return luaL_error(l, "pairs over a table with a key that is a %s; expected text or numbers",
					  lua_typename(l, t));
		if (n >= PAIRS_KEYS_MAX)
			return luaL_error(l, "pairs over more than %d keys", PAIRS_KEYS_MAX);
		lua_pushvalue(l, -2);
		lua_rawseti(l, 2, ++n);
	}
	conf_sandbox_charge(l, n * 4);
	lua_getfield(l, LUA_REGISTRYINDEX, "conf.sort");
	lua_pushvalue(l, 2);
	lua_pushcfunction(l, key_less);
	lua_call(l, 2, 0);
	lua_pushinteger(l, 0);
	lua_pushcclosure(l, pairs_next, 3);
	return 1;
}

/* ---- text that would show an address ---- */

static void refuse_address(lua_State *l, int arg)
{
	int t = lua_type(l, arg);

	if (t != LUA_TNIL && t != LUA_TBOOLEAN && t != LUA_TNUMBER && t != LUA_TSTRING && t != LUA_TNONE)
		luaL_error(l, "a %s has no text; expected text, a number or a boolean", lua_typename(l, t));
}

static int safe_tostring(lua_State *l)
{
	luaL_checkany(l, 1);
	refuse_address(l, 1);
	luaL_tolstring(l, 1, NULL);
	return 1;
}

static int safe_format(lua_State *l)
{
	const char *f = luaL_checkstring(l, 1);
	int n = lua_gettop(l);

	for (const char *p = f; (p = strchr(p, '%')); p += 1 + (p[1] != 0)) {
		const char *q = p + 1 + strspn(p + 1, "-+ #0123456789.");

		if (*q == 'p')
			return luaL_error(l, "%%p is not there, for addresses differ from run to run; expected %%s, %%d or another of Lua's formats");
	}
	for (int i = 2; i <= n; i++)
		refuse_address(l, i);
	conf_sandbox_charge(l, (int64_t)strlen(f));
	lua_pushvalue(l, lua_upvalueindex(1));
	lua_insert(l, 1);
	lua_call(l, n, 1);
	return 1;
}

static int safe_rep(lua_State *l)
{
	size_t len, sep = 0;
	lua_Integer n = luaL_checkinteger(l, 2);

	luaL_checklstring(l, 1, &len);
	luaL_optlstring(l, 3, "", &sep);
	if (n > 0 && !len && !sep)
		n = 1; /* Lua would count to n all the same */
	if (n > 0)
		conf_sandbox_charge(l, n / 64 + 1);
	lua_settop(l, 3);
	lua_pushinteger(l, n);
	lua_replace(l, 2);
	lua_pushvalue(l, lua_upvalueindex(1));
	lua_insert(l, 1);
	lua_call(l, 3, 1);
	return 1;
}

/* ---- functions that take time by the size of their arguments ---- */

/* Matching tries each start, and each repetition each length: at worst (length + 1)^(repetitions + 1) steps. */
static int safe_match(lua_State *l)
{
	size_t len, pattern_len;
	const char *pattern;
	double cost;

	luaL_checklstring(l, 1, &len);
	pattern = luaL_checklstring(l, 2, &pattern_len);
	cost = (double)(len + 1);
	for (size_t i = 0; i < pattern_len && cost < 1e15; i++)
		if (strchr("*+-?", pattern[i]) || (pattern[i] == '%' && i + 1 < pattern_len && pattern[i + 1] == 'b'))
			cost *= (double)(len + 1);
	conf_sandbox_charge(l, (int64_t)(cost / 16));
	lua_pushvalue(l, lua_upvalueindex(1));
	lua_insert(l, 1);
	lua_call(l, lua_gettop(l) - 1, LUA_MULTRET);
	return lua_gettop(l);
}

/* table.* : a walk over the list, or n log n of it */
static int safe_walk(lua_State *l)
{
	lua_Unsigned n;

	luaL_checktype(l, 1, LUA_TTABLE);
	n = lua_rawlen(l, 1);
	conf_sandbox_charge(l, (int64_t)(n / 4 < INT64_MAX / 64 ? n / 4 * (lua_Unsigned)lua_tointeger(l,
			lua_upvalueindex(2)) : INT64_MAX / 2));
	lua_pushvalue(l, lua_upvalueindex(1));
	lua_insert(l, 1);
	lua_call(l, lua_gettop(l) - 1, LUA_MULTRET);
	return lua_gettop(l);
}

static void wrap(lua_State *l, const char *name, lua_CFunction f, int weight)
{
	lua_getfield(l, -1, name);
	lua_pushinteger(l, weight);
	lua_pushcclosure(l, f, 2);
	lua_setfield(l, -2, name);
}

static void drop(lua_State *l, const char *name)
{
	lua_pushnil(l);
	lua_setfield(l, -2, name);
}

static void library(lua_State *l, const char *name, lua_CFunction open)
{
	luaL_requiref(l, name, open, 1);
}

static void base_functions(lua_State *l)
{
	/* No next, load, pcall, setmetatable, coroutine …: not needed for data, and each a way out of order or
	 * limits. */
	static const char *const keep[] = {"assert", "error", "ipairs", "select", "tonumber", "type"};

	lua_pushcfunction(l, luaopen_base);
	lua_call(l, 0, 1); /* fills the globals: empty them again but for these */
	lua_newtable(l);
	for (size_t i = 0; i < sizeof keep / sizeof *keep; i++) {
		lua_getfield(l, -2, keep[i]);
		lua_setfield(l, -2, keep[i]);
	}
	lua_pushcfunction(l, safe_pairs);
	lua_setfield(l, -2, "pairs");
	lua_pushcfunction(l, safe_tostring);
	lua_setfield(l, -2, "tostring");
	lua_rawseti(l, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
	lua_pop(l, 1);
}

void conf_sandbox_libraries(lua_State *l)
{
	base_functions(l);
	library(l, LUA_TABLIBNAME, luaopen_table);
	lua_getfield(l, -1, "sort");
	lua_setfield(l, LUA_REGISTRYINDEX, "conf.sort");
	drop(l, "move"); /* counts through any range */
	wrap(l, "sort", safe_walk, 64);
	wrap(l, "insert", safe_walk, 1);
	wrap(l, "remove", safe_walk, 1);
	wrap(l, "concat", safe_walk, 4);
	wrap(l, "unpack", safe_walk, 1);
	lua_pop(l, 1);
	library(l, LUA_STRLIBNAME, luaopen_string);
	drop(l, "dump");
	wrap(l, "format", safe_format, 0);
	wrap(l, "rep", safe_rep, 0);
	wrap(l, "find", safe_match, 0);
	wrap(l, "match", safe_match, 0);
	wrap(l, "gmatch", safe_match, 0);
	wrap(l, "gsub", safe_match, 0);
	lua_pop(l, 1);
	library(l, LUA_MATHLIBNAME, luaopen_math);
	drop(l, "random");
	drop(l, "randomseed");
	lua_pop(l, 1);
	library(l, LUA_UTF8LIBNAME, luaopen_utf8);
	lua_pop(l, 1);
}
