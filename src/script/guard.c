/* Library functions that would work long in C, beyond the hook: each checks its sizes first, then calls the stock
 * function in its own frame (so names and positions in messages stay right).  What is walked is charged to the
 * instruction budget. Sizes that a metamethod could change between check and use (__len) are fixed by writing them
 * into the arguments.
 */
#include <string.h>
#include "script/internal.h"

#define FORMAT_MAX 1024 /* octets of a string.format or string.pack format */
#define QUOTED_MAX 32768 /* octets that string.format quotes with %q: each control octet is a printf of its own */

static int stock(lua_State *L)
{
	return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

/* The octets of every string argument together. */
static int guard_subjects(lua_State *L)
{
	size_t total = 0;

	for (int i = 1; i <= lua_gettop(L); i++)
		if (lua_type(L, i) == LUA_TSTRING)
			total += lua_rawlen(L, i);
	if (total > SCRIPT_SUBJECT_MAX)
		return luaL_error(L, "string too long (at most %d octets)", (int)SCRIPT_SUBJECT_MAX);
	limits_charge(L, total / 16);
	return stock(L);
}

static int guard_rep(lua_State *L)
{
	size_t len, sep_len = 0;
	lua_Integer n = luaL_checkinteger(L, 2);

	luaL_checklstring(L, 1, &len);
	luaL_optlstring(L, 3, "", &sep_len);
	if (n <= 0) {
		lua_pushliteral(L, "");
		return 1;
	}
	if (len > SCRIPT_SUBJECT_MAX || sep_len > SCRIPT_SUBJECT_MAX || n > (lua_Integer)SCRIPT_SUBJECT_MAX ||
	    (uint64_t)n * (len + sep_len) > SCRIPT_SUBJECT_MAX)
		return luaL_error(L, "resulting string too large (at most %d octets)", (int)SCRIPT_SUBJECT_MAX);
	limits_charge(L, (uint64_t)n / 4 + (uint64_t)n * (len + sep_len) / 16);
	return stock(L);
}

static int guard_format(lua_State *L)
{
	size_t total = 0;

	luaL_argcheck(L, lua_type(L, 1) != LUA_TSTRING || lua_rawlen(L, 1) <= FORMAT_MAX, 1, "format too long");
	if (lua_type(L, 1) != LUA_TSTRING || memmem(lua_tostring(L, 1), lua_rawlen(L, 1), "%q", 2) == NULL) /* no modifiers */
		return guard_subjects(L);
	for (int i = 2; i <= lua_gettop(L); i++)
		if (lua_type(L, i) == LUA_TSTRING)
			total += lua_rawlen(L, i);
	if (total > QUOTED_MAX)
		return luaL_error(L, "string too long to be quoted (at most %d octets)", QUOTED_MAX);
	limits_charge(L, total / 4);
	return guard_subjects(L);
}

/* "c65536" and the like pad: the counts in a format are work. */
static int guard_pack(lua_State *L)
{
	size_t len;
	const char *format = luaL_checklstring(L, 1, &len);
	uint64_t total = 0, n = 0;

	luaL_argcheck(L, len <= FORMAT_MAX, 1, "format too long");
	for (size_t i = 0; i <= len; i++) {
		if (i < len && format[i] >= '0' && format[i] <= '9') {
			n = n < SCRIPT_SUBJECT_MAX ? n * 10 + (uint64_t)(format[i] - '0') : n;
		} else {
			total += n;
			n = 0;
		}
	}
	luaL_argcheck(L, total <= SCRIPT_SUBJECT_MAX, 1, "format asks for too much");
	limits_charge(L, len + total / 16);
	return guard_subjects(L);
}

/* A position as string functions take it: negative counts from the end. */
static lua_Integer position(lua_Integer at, size_t len)
{
	return at >= 0 ? at : at < -(lua_Integer)len ? 0 : (lua_Integer)len + at + 1;
}

/* string.byte and utf8.codepoint: s, i, j and a value for each. */
static int guard_span(lua_State *L)
{
	size_t len;
	lua_Integer from, to;

	luaL_checklstring(L, 1, &len);
	from = position(luaL_optinteger(L, 2, 1), len);
	if (from < 1)
		from = 1;
	to = position(luaL_optinteger(L, 3, from), len);
	if (to > (lua_Integer)len)
		to = (lua_Integer)len;
	if (to - from >= SCRIPT_VALUES_MAX)
		return luaL_error(L, "string slice too long (at most %d values)", SCRIPT_VALUES_MAX);
	return stock(L);
}

static int guard_unpack(lua_State *L)
{
	lua_Integer i = luaL_optinteger(L, 2, 1), j = luaL_opt(L, luaL_checkinteger, 3, luaL_len(L, 1));

	if (i <= j && (lua_Unsigned)j - (lua_Unsigned)i >= SCRIPT_VALUES_MAX)
		return luaL_error(L, "too many results to unpack (at most %d)", SCRIPT_VALUES_MAX);
	lua_settop(L, 1);
	lua_pushinteger(L, i);
	lua_pushinteger(L, j);
	return stock(L);
}

static int guard_concat(lua_State *L)
{
	lua_Integer i, j;

	luaL_checktype(L, 1, LUA_TTABLE);
	luaL_optstring(L, 2, "");
	i = luaL_optinteger(L, 3, 1);
	j = luaL_opt(L, luaL_checkinteger, 4, luaL_len(L, 1));
	if (i <= j && (lua_Unsigned)j - (lua_Unsigned)i >= SCRIPT_ELEMENTS_MAX)
		return luaL_error(L, "too many elements to concatenate (at most %d)", SCRIPT_ELEMENTS_MAX);
	if (i <= j)
		limits_charge(L, 2 * ((lua_Unsigned)j - (lua_Unsigned)i + 1));
	lua_settop(L, 2);
	lua_pushinteger(L, i);
	lua_pushinteger(L, j);
	return stock(L);
}

static int guard_move(lua_State *L)
{
	lua_Integer from = luaL_checkinteger(L, 2), to = luaL_checkinteger(L, 3);

	if (from <= to && (lua_Unsigned)to - (lua_Unsigned)from >= SCRIPT_ELEMENTS_MAX)
		return luaL_error(L, "too many elements to move (at most %d)", SCRIPT_ELEMENTS_MAX);
	if (from <= to)
		limits_charge(L, 4 * ((lua_Unsigned)to - (lua_Unsigned)from + 1));
	return stock(L);
}

/* Checks what insert and remove shift: pos up to the length n. */
static void check_shift(lua_State *L, lua_Integer n, lua_Integer pos)
{
	if (n - pos > SCRIPT_ELEMENTS_MAX)
		luaL_error(L, "too many elements to move (at most %d)", SCRIPT_ELEMENTS_MAX);
	if (n > pos)
		limits_charge(L, 4 * (uint64_t)(n - pos));
}

static int table_insert(lua_State *L)
{
	lua_Integer end, pos;

	luaL_checktype(L, 1, LUA_TTABLE);
	end = (lua_Integer)((lua_Unsigned)luaL_len(L, 1) + 1);
	if (lua_gettop(L) == 2) {
		lua_seti(L, 1, end);
		return 0;
	}
	if (lua_gettop(L) != 3)
		return luaL_error(L, "wrong number of arguments to 'insert'");
	pos = luaL_checkinteger(L, 2);
	luaL_argcheck(L, pos >= 1 && pos <= end, 2, "position out of bounds");
	check_shift(L, end, pos);
	for (lua_Integer i = end; i > pos; i--) {
		lua_geti(L, 1, i - 1);
		lua_seti(L, 1, i);
	}
	lua_seti(L, 1, pos);
	return 0;
}

static int table_remove(lua_State *L)
{
	lua_Integer n, pos;

	luaL_checktype(L, 1, LUA_TTABLE);
	n = luaL_len(L, 1);
	pos = luaL_optinteger(L, 2, n);
	if (lua_gettop(L) > 1)
		luaL_argcheck(L, n + 1 == pos || (pos >= 1 && pos <= n) || (n == 0 && pos == 0), 2,
			      "position out of bounds");
	check_shift(L, n, pos);
	lua_geti(L, 1, pos);
	for (; pos < n; pos++) {
		lua_geti(L, 1, pos + 1);
		lua_seti(L, 1, pos);
	}
	lua_pushnil(L);
	lua_seti(L, 1, pos);
	return 1;
}

/* Upvalues: stock sort, a comparator in Lua, a wrapper in Lua for comparators in C. Every comparison then counts
 * instructions. */
static int guard_sort(lua_State *L)
{
	lua_Integer n;

	luaL_checktype(L, 1, LUA_TTABLE);
	n = luaL_len(L, 1);
	luaL_argcheck(L, n <= SCRIPT_ELEMENTS_MAX, 1, "too big to sort");
	lua_settop(L, 2);
	if (lua_isnil(L, 2)) {
		lua_pushvalue(L, lua_upvalueindex(2));
		lua_replace(L, 2);
	} else if (lua_iscfunction(L, 2)) {
		lua_pushvalue(L, lua_upvalueindex(3));
		lua_insert(L, 2);
		lua_call(L, 1, 1);
	}
	luaL_checktype(L, 2, LUA_TFUNCTION);
	return stock(L);
}

static void wrap(lua_State *L, int lib, const char *name, lua_CFunction guard)
{
	lua_getfield(L, lib, name);
	lua_pushcclosure(L, guard, 1);
	lua_setfield(L, lib, name);
}

static void wrap_all(lua_State *L, int lib, const luaL_Reg *list)
{
	for (; list->name != NULL; list++)
		wrap(L, lib, list->name, list->func);
}

void guard_string(lua_State *L, int lib)
{
	static const luaL_Reg list[] = { { "byte", guard_span },        { "format", guard_format },
					 { "lower", guard_subjects },   { "upper", guard_subjects },
					 { "reverse", guard_subjects }, { "rep", guard_rep },
					 { "pack", guard_pack },        { "packsize", guard_pack },
					 { "unpack", guard_pack },      { NULL, NULL } };

	wrap_all(L, lib, list);
	lua_pushnil(L);
	lua_setfield(L, lib, "dump");
}

void guard_utf8(lua_State *L, int lib)
{
	static const luaL_Reg list[] = { { "codepoint", guard_span },
					 { "len", guard_subjects },
					 { "offset", guard_subjects },
					 { "codes", guard_subjects },
					 { NULL, NULL } };

	wrap_all(L, lib, list);
}

void guard_table(lua_State *L, int lib)
{
	static const luaL_Reg list[] = {
		{ "unpack", guard_unpack }, { "concat", guard_concat }, { "move", guard_move }, { NULL, NULL }
	};
	static const luaL_Reg own[] = { { "insert", table_insert }, { "remove", table_remove }, { NULL, NULL } };
	static const char helpers[] = "return function(a, b) return a < b end, "
				      "function(f) return function(a, b) return f(a, b) end end";

	wrap_all(L, lib, list);
	lua_pushvalue(L, lib);
	luaL_setfuncs(L, own, 0);
	lua_pop(L, 1);
	lua_getfield(L, lib, "sort");
	if (luaL_loadbufferx(L, helpers, sizeof helpers - 1, "=sort", "t") != LUA_OK)
		lua_error(L);
	lua_call(L, 0, 2);
	lua_pushcclosure(L, guard_sort, 3);
	lua_setfield(L, lib, "sort");
}
