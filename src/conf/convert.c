/* See convert.h. */
#include "conf/convert.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

static void convert(lua_State *l, struct collector *c, struct conf_value *v, int idx, int depth);

static void *take_room(lua_State *l, struct collector *c, size_t n, size_t size)
{
	void *p = arena_array(&c->out->arena, n, size);

	if (!p)
		luaL_error(l, "out of memory");
	return p;
}

static void fault(struct collector *c, const struct conf_value *v, const char *what)
{
	diags_add(c->d, DIAG_ERROR, v->block->source->path, conf_locate(v), 0, "%s", what);
}

static void convert_string(lua_State *l, struct collector *c, struct conf_value *v, int idx)
{
	size_t len;
	const char *s = lua_tolstring(l, idx, &len);
	char *copy = arena_strn(&c->out->arena, s, len);

	if (!copy)
		luaL_error(l, "out of memory");
	v->type = strlen(s) == len ? CONF_STRING : CONF_OTHER;
	v->string.s = v->type == CONF_STRING ? copy : "text with a zero octet";
	v->string.len = len;
}

/* Counts the keys of the table at idx. False where one of them is no name and no place in the list (told). */
static bool count_keys(lua_State *l, struct collector *c, struct conf_value *v, int idx)
{
	lua_Integer top = 0;
	uint32_t n = 0, fields = 0;
	bool bad = false;

	for (lua_pushnil(l); lua_next(l, idx); lua_pop(l, 1)) {
		if (n + fields >= CONF_LIST_MAX)
			luaL_error(l, "a table with more than %d entries", CONF_LIST_MAX);
		if (lua_isinteger(l, -2)) {
			lua_Integer i = lua_tointeger(l, -2);

			bad |= i < 1;
			top = i > top ? i : top;
			n++;
		} else if (lua_type(l, -2) == LUA_TSTRING) {
			fields++;
		} else {
			bad = true;
		}
	}
	if (bad)
		fault(c, v, "a key that is no name; expected names, or a plain list");
	else if (top != (lua_Integer)n)
		fault(c, v, "a list with a hole (a nil among its values); expected every place from 1 on");
	bad |= top != (lua_Integer)n;
	v->table.list_len = bad ? 0 : n;
	v->table.field_count = fields;
	return !bad;
}

static int field_order(const void *a, const void *b)
{
	return strcmp(((const struct conf_value *)a)->key, ((const struct conf_value *)b)->key);
}

static void link_child(struct conf_value *child, const struct conf_value *v)
{
	child->parent = v;
	child->block = v->block;
}

static void convert_list(lua_State *l, struct collector *c, struct conf_value *v, int idx, int depth)
{
	v->table.list = take_room(l, c, v->table.list_len + 1, sizeof *v->table.list);
	for (uint32_t i = 0; i < v->table.list_len; i++) {
		struct conf_value *child = &v->table.list[i];

		link_child(child, v);
		child->index = i + 1;
		lua_rawgeti(l, idx, i + 1);
		convert(l, c, child, lua_gettop(l), depth);
		lua_pop(l, 1);
	}
}

static void convert_fields(lua_State *l, struct collector *c, struct conf_value *v, int idx, int depth)
{
	uint32_t n = 0;

	v->table.fields = take_room(l, c, v->table.field_count + 1, sizeof *v->table.fields);
	for (lua_pushnil(l); lua_next(l, idx); lua_pop(l, 1)) {
		if (lua_type(l, -2) != LUA_TSTRING)
			continue;
		v->table.fields[n].key = arena_str(&c->out->arena, lua_tostring(l, -2));
		if (!v->table.fields[n].key)
			luaL_error(l, "out of memory");
		link_child(&v->table.fields[n], v);
		n++;
	}
	qsort(v->table.fields, n, sizeof *v->table.fields, field_order);
	for (uint32_t i = 0; i < n; i++) {
		lua_pushstring(l, v->table.fields[i].key);
		lua_rawget(l, idx);
		convert(l, c, &v->table.fields[i], lua_gettop(l), depth);
		lua_pop(l, 1);
	}
}

static bool has_metatable(lua_State *l, int idx, const char *name)
{
	bool same;

	if (!lua_getmetatable(l, idx))
		return false;
	lua_getfield(l, LUA_REGISTRYINDEX, name);
	same = lua_rawequal(l, -1, -2);
	lua_pop(l, 2);
	return same;
}

/* A combination is { list…, [0] = how many of them } with a metatable that nobody else has. */
static void convert_combine(lua_State *l, struct collector *c, struct conf_value *v, int idx, int depth)
{
	v->type = CONF_COMBINE;
	lua_rawgeti(l, idx, 0);
	v->table.need = lua_tointeger(l, -1);
	lua_pop(l, 1);
	v->table.list_len = (uint32_t)lua_rawlen(l, idx);
	convert_list(l, c, v, idx, depth);
}

static void convert_table(lua_State *l, struct collector *c, struct conf_value *v, int idx, int depth)
{
	luaL_checkstack(l, 8, NULL);
	if (depth >= CONF_DEPTH_MAX) {
		fault(c, v, "tables inside tables, too deep; expected fewer, and no table that holds itself");
		v->type = CONF_TOLD;
	} else if (has_metatable(l, idx, CONVERT_COMBINE)) {
		convert_combine(l, c, v, idx, depth + 1);
	} else {
		v->type = CONF_TABLE;
		if (!count_keys(l, c, v, idx) && v->parent) {
			v->type = CONF_TOLD;
			return;
		}
		convert_list(l, c, v, idx, depth + 1);
		convert_fields(l, c, v, idx, depth + 1);
	}
}

static bool is_sink(lua_State *l, int idx)
{
	bool same;

	lua_getfield(l, LUA_REGISTRYINDEX, CONVERT_SINK);
	same = lua_rawequal(l, -1, idx);
	lua_pop(l, 1);
	return same;
}

static void convert(lua_State *l, struct collector *c, struct conf_value *v, int idx, int depth)
{
	switch (lua_type(l, idx)) {
	case LUA_TBOOLEAN:
		v->type = CONF_BOOLEAN;
		v->boolean = lua_toboolean(l, idx);
		break;
	case LUA_TNUMBER:
		v->type = lua_isinteger(l, idx) ? CONF_INTEGER : CONF_NUMBER;
		if (v->type == CONF_INTEGER)
			v->integer = lua_tointeger(l, idx);
		else
			v->number = lua_tonumber(l, idx);
		break;
	case LUA_TSTRING:
		convert_string(l, c, v, idx);
		break;
	case LUA_TTABLE:
		convert_table(l, c, v, idx, depth);
		break;
	case LUA_TNIL:
		v->type = CONF_NONE;
		break;
	case LUA_TUSERDATA:
		v->type = is_sink(l, idx) ? CONF_TOLD : CONF_OTHER;
		v->string.s = "value of another kind";
		break;
	default:
		v->type = CONF_OTHER;
		v->string.s = luaL_typename(l, idx);
	}
}

void conf_convert_block(lua_State *l, struct collector *c, struct conf_block *b, int idx)
{
	char text[CONF_VALUE_TEXT_MAX];

	convert(l, c, &b->table, idx, 0);
	if (b->table.type == CONF_TABLE || b->table.type == CONF_TOLD)
		return;
	diags_add(c->d, DIAG_ERROR, b->source->path, b->line, 0, "%s%s%s%s is %s; expected { … }",
		  conf_kind_text(b->kind), b->name ? " \"" : "",
		  b->name ? b->name : "", b->name ? "\"" : "", conf_value_text(&b->table, text));
	b->table.type = CONF_TOLD;
}

/* ---- all{…} any{…} atleast(k, {…}) ---- */

/* Copies the list at idx, so that the file's own table is left alone. */
static int combine(lua_State *l, int idx, lua_Integer need)
{
	lua_Integer n;

	if (lua_type(l, idx) != LUA_TTABLE)
		return luaL_error(l, "a combination of a %s; expected a list of checks in braces, such as any { \"web\", \"ssh\" }",
				  luaL_typename(l, idx));
	n = (lua_Integer)lua_rawlen(l, idx);
	if (n < 1 || n > 1000)
		return luaL_error(l, "a combination of %d checks; expected a list of at least one",
				  (int)(n > 1000 ? 1000 : n));
	lua_createtable(l, (int)n, 1);
	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(l, idx, i);
		lua_rawseti(l, -2, i);
	}
	lua_pushinteger(l, need);
	lua_rawseti(l, -2, 0);
	lua_getfield(l, LUA_REGISTRYINDEX, CONVERT_COMBINE);
	lua_setmetatable(l, -2);
	return 1;
}

static int combine_all(lua_State *l)
{
	return combine(l, 1, lua_type(l, 1) == LUA_TTABLE ? (lua_Integer)lua_rawlen(l, 1) : 0);
}

static int combine_any(lua_State *l)
{
	return combine(l, 1, 1);
}

static int combine_atleast(lua_State *l)
{
	int is_whole;
	lua_Integer k = lua_tointegerx(l, 1, &is_whole);

	if (!is_whole)
		return luaL_error(l, "atleast of a %s; expected a number and checks, such as atleast(2, { \"web\", \"ssh\" })",
				  luaL_typename(l, 1));
	return combine(l, 2, k); /* a k out of range is told where the check is read: an error here would hide what follows */
}

void conf_convert_setup(lua_State *l)
{
	lua_newtable(l);
	lua_setfield(l, LUA_REGISTRYINDEX, CONVERT_LOADED);
	lua_newtable(l);
	lua_setfield(l, LUA_REGISTRYINDEX, CONVERT_COMBINE);
	lua_pushcfunction(l, combine_all);
	lua_setglobal(l, "all");
	lua_pushcfunction(l, combine_any);
	lua_setglobal(l, "any");
	lua_pushcfunction(l, combine_atleast);
	lua_setglobal(l, "atleast");
}
