/* What a check script can see: chosen functions, in tables it can read but not write.
 *
 *     chunk's _ENV ──▶ proxy {} ──__index──▶ globals { string = proxy, net = proxy, pcall, … and the chunk's own }
 *                         └─__newindex──▶ while the chunk loads: into globals; while a probe runs: an error
 *
 * So nothing leaks from one run into another but what the chunk's own locals hold. Two metamethods are refused: __gc
 * would run beyond every budget, __mode makes the collector's work quadratic. That they cannot be added later, tables get
 * a copy of the metatable, which a script never sees:
 *
 *     setmetatable(t, m):   t ──metatable──▶ { __index = m.__index, …, __metatable = m, [1] = m }
 *     getmetatable(t) ═ m   (or m.__metatable, which protects as ever)
 */
#include <string.h>
#include "script/internal.h"

struct script *script_of(lua_State *L)
{
	void *s;

	lua_getallocf(L, &s);
	return s;
}

struct script_run *script_run_of(lua_State *L)
{
	struct script_run *r;

	memcpy(&r, lua_getextraspace(L), sizeof r);
	return r;
}

static int sealed_write(lua_State *L)
{
	return luaL_error(L, "the library '%s' cannot be changed", lua_tostring(L, lua_upvalueindex(1)));
}

void sandbox_seal(lua_State *L, int lib, const char *name)
{
	lua_newtable(L); /* the proxy, and its metatable over the real table */
	lua_createtable(L, 0, 3);
	lua_rotate(L, -3, -1);
	lua_setfield(L, -2, "__index");
	lua_pushstring(L, name);
	lua_pushcclosure(L, sealed_write, 1);
	lua_setfield(L, -2, "__newindex");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	lua_setfield(L, lib, name);
}

static int global_write(lua_State *L)
{
	if (script_run_of(L) != NULL) {
		lua_settop(L, 2);
		return luaL_error(L, "assignment to global '%s' while a probe runs; use a local or target.state",
				  luaL_tolstring(L, 2, NULL));
	}
	lua_settop(L, 3);
	lua_rawset(L, lua_upvalueindex(1));
	return 0;
}

static void refuse_field(lua_State *L, const char *name)
{
	lua_pushstring(L, name);
	if (lua_rawget(L, 2) != LUA_TNIL)
		luaL_error(L, "the metamethod '%s' is not available to check scripts", name);
	lua_pop(L, 1);
}

/* True where the table at 1 has a metatable that is to stay: a library's, or one whose original names a __metatable. */
static bool is_protected(lua_State *L)
{
	bool is;

	if (!lua_getmetatable(L, 1))
		return false;
	lua_rawgeti(L, -1, 1);
	lua_pushliteral(L, "__metatable");
	lua_rawget(L, -3);
	is = !lua_isnil(L, -1) && !lua_rawequal(L, -1, -2);
	lua_pop(L, 3);
	return is;
}

/* Pushes a copy of the metatable at 2: events only, raw, so nothing of the script's runs. */
static void push_copy(lua_State *L)
{
	static const char *const events[] = {
		"__index", "__newindex", "__call", "__tostring", "__name", "__len",  "__eq",   "__lt",  "__le",
		"__concat", "__close",   "__pairs", "__unm",     "__add",  "__sub",  "__mul",  "__div", "__mod",
		"__pow",   "__idiv",     "__band", "__bor",      "__bxor", "__bnot", "__shl",  "__shr", "__metatable",
	};

	lua_createtable(L, 1, 3);
	lua_pushvalue(L, 2);
	lua_rawseti(L, -2, 1);
	for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
		lua_pushstring(L, events[i]);
		lua_pushvalue(L, -1);
		if (lua_rawget(L, 2) == LUA_TNIL && i == sizeof events / sizeof *events - 1) {
			lua_pop(L, 1);
			lua_pushvalue(L, 2); /* what getmetatable gives */
		}
		if (lua_isnil(L, -1))
			lua_pop(L, 2);
		else
			lua_rawset(L, -3);
	}
}

static int base_setmetatable(lua_State *L)
{
	int type = lua_type(L, 2);

	luaL_checktype(L, 1, LUA_TTABLE);
	luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
	if (type == LUA_TTABLE) {
		refuse_field(L, "__gc");
		refuse_field(L, "__mode");
	}
	if (is_protected(L))
		return luaL_error(L, "cannot change a protected metatable");
	lua_settop(L, 2);
	if (type == LUA_TTABLE)
		push_copy(L);
	limits_charge(L, 30);
	lua_setmetatable(L, 1);
	lua_settop(L, 1);
	return 1;
}

static int base_tonumber(lua_State *L)
{
	if (lua_type(L, 1) == LUA_TSTRING)
		luaL_argcheck(L, lua_rawlen(L, 1) <= 256, 1, "too long for a number");
	return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* Copies the named functions of the library table at the top into the table at lib. */
static void copy(lua_State *L, int lib, const char *const *names)
{
	for (; *names != NULL; names++) {
		lua_getfield(L, -1, *names);
		lua_setfield(L, lib, *names);
	}
}

static void open_base(lua_State *L, int globals)
{
	static const char *const names[] = { "ipairs",   "next", "pairs",        "select",
					     "tostring", "type", "getmetatable", NULL };

	luaL_requiref(L, "_G", luaopen_base, 0);
	copy(L, globals, names);
	lua_getfield(L, -1, "tonumber");
	lua_pushcclosure(L, base_tonumber, 1);
	lua_setfield(L, globals, "tonumber");
	lua_pushcfunction(L, base_setmetatable);
	lua_setfield(L, globals, "setmetatable");
	lua_pop(L, 1);
	fail_open(L, globals);
}

/* Methods of strings find the sealed library; arithmetic on strings is left out, a numeral of a megabyte would be one
 * instruction. */
static void open_string(lua_State *L, int globals)
{
	luaL_requiref(L, "string", luaopen_string, 0);
	guard_string(L, lua_gettop(L));
	pattern_open(L, lua_gettop(L));
	sandbox_seal(L, globals, "string");
	lua_pushliteral(L, "");
	lua_createtable(L, 0, 2);
	lua_getfield(L, globals, "string");
	lua_setfield(L, -2, "__index");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	lua_pop(L, 1);
}

static void open_others(lua_State *L, int globals)
{
	luaL_requiref(L, "table", luaopen_table, 0);
	guard_table(L, lua_gettop(L));
	sandbox_seal(L, globals, "table");
	luaL_requiref(L, "utf8", luaopen_utf8, 0);
	guard_utf8(L, lua_gettop(L));
	sandbox_seal(L, globals, "utf8");
	luaL_requiref(L, "math", luaopen_math, 0);
	lua_pushnil(L);
	lua_setfield(L, -2, "randomseed"); /* one script's seed is every run's */
	sandbox_seal(L, globals, "math");
}

/* The stock libraries hang in the registry: out of reach, and out. */
static void drop_stock(lua_State *L)
{
	lua_newtable(L);
	lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
	lua_pushnil(L);
	lua_setfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
}

int sandbox_open(lua_State *L)
{
	int globals;

	lua_newtable(L);
	globals = lua_gettop(L);
	open_base(L, globals);
	open_string(L, globals);
	open_others(L, globals);
	api_open(L, globals);
	http_open(L, globals);
	json_open(L, globals);
	dns_open(L, globals);
	plugin_open(L, globals);
	ping_open(L, globals);
	tls_open(L, globals);
	drop_stock(L);

	lua_newtable(L); /* the chunk's _ENV */
	lua_createtable(L, 0, 3);
	lua_pushvalue(L, globals);
	lua_setfield(L, -2, "__index");
	lua_pushvalue(L, globals);
	lua_pushcclosure(L, global_write, 1);
	lua_setfield(L, -2, "__newindex");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_setmetatable(L, -2);
	return 1;
}
