/* string.find, match, gmatch and gsub on the step-counted engine, with the results that Lua 5.4's manual promises. */
#include <string.h>
#include "script/internal.h"
#include "script/match.h"

#define VALUE_STEPS 20   /* a value that gsub puts in, reckoned as steps */
#define STEPS_MAX 250000 /* of one call: about a millisecond; then it is an error of the script, not of the target */

static struct match_pattern *compile(lua_State *L, int index, bool anchors)
{
	size_t len;
	const char *text = luaL_checklstring(L, index, &len), *fault;
	struct match_pattern *p;

	luaL_argcheck(L, len <= MATCH_PATTERN_MAX, index, "pattern too long");
	p = lua_newuserdatauv(L, match_pattern_size(len), 0);
	limits_charge(L, 4 * len);
	fault = match_compile(p, text, len, anchors);
	if (fault != NULL)
		luaL_error(L, "%s", fault);
	return p;
}

static void match_begin(lua_State *L, struct match *m, int index)
{
	m->subject = luaL_checklstring(L, index, &m->len);
	m->steps_left = STEPS_MAX;
}

/* Charges the steps used since *left; the limit is an error. */
static void settle(lua_State *L, const struct match *m, uint64_t *left, enum match_found f)
{
	limits_charge(L, *left - m->steps_left);
	*left = m->steps_left;
	if (f == MATCH_FOUND_LIMIT)
		luaL_error(L, "pattern matching takes too long (over %d steps)", STEPS_MAX);
}

/* The first match at or after *from; *from becomes its start. */
static bool search(lua_State *L, const struct match_pattern *p, struct match *m, size_t *from)
{
	uint64_t left = m->steps_left;
	enum match_found f = MATCH_FOUND_NOT;
	size_t at;

	for (at = *from; at <= m->len; at++) {
		f = match_at(p, m, at);
		if (f != MATCH_FOUND_NOT || p->anchored)
			break;
	}
	settle(L, m, &left, f);
	*from = at;
	return f == MATCH_FOUND;
}

static void push_capture(lua_State *L, const struct match *m, unsigned n)
{
	const struct match_capture *c = &m->captures[n];

	if (c->position)
		lua_pushinteger(L, (lua_Integer)c->start + 1);
	else
		lua_pushlstring(L, m->subject + c->start, c->len);
}

/* Pushes every capture; with whole, a pattern without captures gives the whole match. */
static int push_captures(lua_State *L, const struct match_pattern *p, const struct match *m, size_t start, bool whole)
{
	luaL_checkstack(L, MATCH_CAPTURES_MAX, "too many captures");
	if (p->captures == 0 && whole) {
		lua_pushlstring(L, m->subject + start, m->end - start);
		return 1;
	}
	for (unsigned i = 0; i < p->captures; i++)
		push_capture(L, m, i);
	return p->captures;
}

/* The start that argument index asks for, zero-based; false when it is past the end. */
static bool start_get(lua_State *L, int index, size_t len, size_t *start)
{
	lua_Integer i = luaL_optinteger(L, index, 1);

	if (i < 0)
		i = i < -(lua_Integer)len ? 1 : (lua_Integer)len + i + 1;
	else if (i == 0)
		i = 1;
	*start = (size_t)i - 1;
	return *start <= len;
}

static int find_plain(lua_State *L, const char *s, size_t len, size_t start)
{
	size_t want;
	const char *text = lua_tolstring(L, 2, &want);
	const char *at = memmem(s + start, len - start, text, want);

	limits_charge(L, (len - start) / 16 + want / 4);
	if (at == NULL) {
		lua_pushnil(L);
		return 1;
	}
	lua_pushinteger(L, (at - s) + 1);
	lua_pushinteger(L, (at - s) + (lua_Integer)want);
	return 2;
}

static bool is_plain(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] == '\0' ? false : strchr("^$*+?.([%-", p[i]) != NULL)
			return false;
	return true;
}

static int find(lua_State *L, bool positions)
{
	struct match m;
	struct match_pattern *p;
	size_t start, want;
	const char *text = luaL_checklstring(L, 2, &want);

	match_begin(L, &m, 1);
	luaL_argcheck(L, m.len <= SCRIPT_SUBJECT_MAX, 1, "string too long");
	if (!start_get(L, 3, m.len, &start)) {
		lua_pushnil(L);
		return 1;
	}
	if (positions && (lua_toboolean(L, 4) || is_plain(text, want)))
		return find_plain(L, m.subject, m.len, start);
	p = compile(L, 2, true);
	if (!search(L, p, &m, &start)) {
		lua_pushnil(L);
		return 1;
	}
	if (!positions)
		return push_captures(L, p, &m, start, true);
	lua_pushinteger(L, (lua_Integer)start + 1);
	lua_pushinteger(L, (lua_Integer)m.end);
	return 2 + push_captures(L, p, &m, start, false);
}

static int pattern_find(lua_State *L)
{
	return find(L, true);
}

static int pattern_match(lua_State *L)
{
	return find(L, false);
}

/* ---- gmatch: subject, compiled pattern, next place, end of the last match (an empty match may not follow it) ---- */

static int gmatch_next(lua_State *L)
{
	const struct match_pattern *p = lua_touserdata(L, lua_upvalueindex(2));
	lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
	size_t at = (size_t)lua_tointeger(L, lua_upvalueindex(3));
	struct match m;

	for (match_begin(L, &m, lua_upvalueindex(1)); at <= m.len; at++) {
		if (!search(L, p, &m, &at))
			break;
		if ((lua_Integer)m.end == last)
			continue;
		lua_pushinteger(L, (lua_Integer)m.end);
		lua_copy(L, -1, lua_upvalueindex(3));
		lua_replace(L, lua_upvalueindex(4));
		return push_captures(L, p, &m, at, true);
	}
	lua_pushinteger(L, (lua_Integer)m.len + 1);
	lua_replace(L, lua_upvalueindex(3));
	return 0;
}

static int pattern_gmatch(lua_State *L)
{
	size_t len, start;

	luaL_checklstring(L, 1, &len);
	luaL_argcheck(L, len <= SCRIPT_SUBJECT_MAX, 1, "string too long");
	luaL_checkstring(L, 2);
	if (!start_get(L, 3, len, &start))
		start = len + 1;
	lua_settop(L, 2);
	compile(L, 2, false);
	lua_replace(L, 2);
	lua_pushinteger(L, (lua_Integer)start);
	lua_pushinteger(L, -1);
	lua_pushcclosure(L, gmatch_next, 4);
	return 1;
}

/* ---- gsub ---- */

struct gsub {
	lua_State *L;
	const struct match_pattern *pattern;
	struct match m;
	uint64_t left; /* of the steps at the last settling */
	luaL_Buffer out;
	int kind; /* Lua type of the replacement, argument 3 */
};

/* Work besides matching: it counts as steps. */
static void gsub_work(struct gsub *g, uint64_t steps)
{
	bool enough = g->m.steps_left >= steps;

	g->m.steps_left -= enough ? steps : g->m.steps_left;
	settle(g->L, &g->m, &g->left, enough ? MATCH_FOUND : MATCH_FOUND_LIMIT);
}

/* Pushes what %n stands for: 0 the whole match, and 1 too where there are no captures. */
static void push_reference(struct gsub *g, unsigned n, size_t start)
{
	if (n == 0 || (n == 1 && g->pattern->captures == 0))
		lua_pushlstring(g->L, g->m.subject + start, g->m.end - start);
	else if (n <= g->pattern->captures)
		push_capture(g->L, &g->m, n - 1);
	else
		luaL_error(g->L, "invalid capture index %%%d in replacement string", (int)n);
}

static void add_template(struct gsub *g, size_t start)
{
	size_t len;
	const char *t = lua_tolstring(g->L, 3, &len);

	gsub_work(g, len);
	for (size_t i = 0; i < len; i++) {
		if (t[i] != '%') {
			luaL_addchar(&g->out, t[i]);
		} else if (++i < len && t[i] == '%') {
			luaL_addchar(&g->out, '%');
		} else if (i < len && t[i] >= '0' && t[i] <= '9') {
			gsub_work(g, VALUE_STEPS);
			push_reference(g, (unsigned)(t[i] - '0'), start);
			luaL_tolstring(g->L, -1, NULL);
			lua_remove(g->L, -2);
			luaL_addvalue(&g->out);
		} else {
			luaL_error(g->L, "invalid use of '%%' in replacement string");
		}
	}
}

static void add_value(struct gsub *g, size_t start)
{
	lua_State *L = g->L;

	gsub_work(g, VALUE_STEPS);
	if (g->kind == LUA_TFUNCTION) {
		lua_pushvalue(L, 3);
		lua_call(L, push_captures(L, g->pattern, &g->m, start, true), 1);
	} else if (g->kind == LUA_TTABLE) {
		push_reference(g, 1, start);
		lua_gettable(L, 3);
	} else {
		add_template(g, start);
		return;
	}
	if (!lua_toboolean(L, -1)) {
		lua_pop(L, 1);
		lua_pushlstring(L, g->m.subject + start, g->m.end - start);
	} else if (!lua_isstring(L, -1)) {
		luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
	}
	luaL_addvalue(&g->out);
}

/* Tries at one place and takes part in the result; true on a match that counts. */
static bool gsub_at(struct gsub *g, size_t at, size_t last)
{
	enum match_found f = match_at(g->pattern, &g->m, at);

	settle(g->L, &g->m, &g->left, f);
	if (f != MATCH_FOUND || g->m.end == last)
		return false;
	add_value(g, at);
	return true;
}

static int pattern_gsub(lua_State *L)
{
	struct gsub g = { .L = L, .kind = lua_type(L, 3) };
	size_t at = 0, last = SIZE_MAX;
	lua_Integer max, n = 0;

	match_begin(L, &g.m, 1);
	g.left = g.m.steps_left;
	luaL_argcheck(L, g.m.len <= SCRIPT_SUBJECT_MAX, 1, "string too long");
	luaL_checkstring(L, 2);
	luaL_argexpected(L, lua_isstring(L, 3) || g.kind == LUA_TFUNCTION || g.kind == LUA_TTABLE, 3,
			 "string/function/table");
	max = luaL_optinteger(L, 4, (lua_Integer)g.m.len + 1);
	lua_settop(L, 3);
	g.pattern = compile(L, 2, true);
	luaL_buffinit(L, &g.out);
	while (n < max) {
		if (gsub_at(&g, at, last)) {
			n++;
			at = last = g.m.end;
		} else if (at < g.m.len) {
			luaL_addchar(&g.out, g.m.subject[at++]);
		} else {
			break;
		}
		if (g.pattern->anchored)
			break;
	}
	if (at < g.m.len)
		luaL_addlstring(&g.out, g.m.subject + at, g.m.len - at);
	luaL_pushresult(&g.out);
	lua_pushinteger(L, n);
	return 2;
}

void pattern_open(lua_State *L, int lib)
{
	static const luaL_Reg list[] = { { "find", pattern_find },
					 { "match", pattern_match },
					 { "gmatch", pattern_gmatch },
					 { "gsub", pattern_gsub },
					 { NULL, NULL } };

	lua_pushvalue(L, lib);
	luaL_setfuncs(L, list, 0);
	lua_pop(L, 1);
}
