/* One run: a coroutine from its start over its requests to a verdict.
 *
 *     script_start ─▶ lua_resume ─┬─ yield in an API call ─▶ request filled          ─▶ SCRIPT_YIELDED
 *     script_resume ─▶    ▲       ├─ yield in the hook    ─▶ SCRIPT_REQ_SLICE        ─▶ SCRIPT_YIELDED
 *                         │       ├─ return               ─▶ verdict_of_values       ─▶ SCRIPT_DONE
 *                         └───────┴─ error                ─▶ verdict_of_error        ─▶ SCRIPT_DONE
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "script/internal.h"

/* ---- verdicts ---- */

static void verdict(struct health_result *out, enum health_reason reason, uint8_t weight, const char *detail,
		    size_t len)
{
	memset(out, 0, sizeof *out);
	out->reason = reason;
	out->weight_pct = weight;
	fail_set_detail(out->detail, detail != NULL ? detail : "", detail != NULL ? len : 0);
}

/* Where in its script a run is, or ended: "file:line"; the file alone where no function of it is left. Allocates nothing. */
static void where(const struct script_run *r, char out[HEALTH_DETAIL_MAX])
{
	lua_Debug ar;

	snprintf(out, HEALTH_DETAIL_MAX, "%.60s", r->script->file);
	for (int level = 0; lua_getstack(r->L, level, &ar); level++)
		if (lua_getinfo(r->L, "Sl", &ar) && ar.currentline > 0) {
			snprintf(out, HEALTH_DETAIL_MAX, "%s:%d", ar.short_src, ar.currentline);
			return;
		}
}

/* A bug of the script: unknown, and said in the log. */
static void verdict_bug(struct script_run *r, struct health_result *out, const char *text)
{
	verdict(out, HEALTH_SCRIPT_ERROR, 0, text, strlen(text));
	script_log(r->script, LOG_LEVEL_WARNING, text, strlen(text));
}

static void verdict_of_poison(struct script_run *r, struct health_result *out)
{
	const char *what = r->meter.poison == HEALTH_SCRIPT_MEMORY ? "memory used up" : "too much work for one run";
	char at[HEALTH_DETAIL_MAX], text[3 * HEALTH_DETAIL_MAX];

	where(r, at);
	snprintf(text, sizeof text, "%s: %s", at, what);
	verdict(out, r->meter.poison, 0, text, strlen(text));
	/* The line is where it happened to end this time: it stands behind what is the same each time. */
	snprintf(text, sizeof text, "%.80s: %s\n%s", r->script->file, what, at);
	script_log(r->script, LOG_LEVEL_WARNING, text, strlen(text));
}

/* Protected: traceback of the coroutine given as light userdata. */
static int push_traceback(lua_State *L)
{
	lua_State *of = lua_touserdata(L, 1);

	luaL_traceback(L, of, lua_tostring(of, -1), 0);
	return 1;
}

static void verdict_of_bug(struct script_run *r, struct health_result *out)
{
	lua_State *L = r->script->L;
	const char *text = lua_type(r->L, -1) == LUA_TSTRING ? lua_tostring(r->L, -1) : "error without a text";

	verdict(out, HEALTH_SCRIPT_ERROR, 0, text, strlen(text));
	lua_pushcfunction(L, push_traceback);
	lua_pushlightuserdata(L, r->L);
	if (lua_pcall(L, 1, 1, 0) == LUA_OK)
		text = lua_tostring(L, -1);
	script_log(r->script, LOG_LEVEL_WARNING, text, strlen(text));
	lua_pop(L, 1);
}

/* As lauxlib's buffers say it, which raise no LUA_ERRMEM. error() of a script never leaves a bare string. */
static bool is_memory_text(lua_State *L)
{
	return lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), "not enough memory") == 0;
}

static void verdict_of_error(struct script_run *r, int status, struct health_result *out)
{
	const struct failure *f;

	if ((status == LUA_ERRMEM || is_memory_text(r->L)) && r->meter.poison == HEALTH_REASON_NONE) {
		limits_poison(r->L, HEALTH_SCRIPT_MEMORY); /* the state; its meter is off already */
		r->meter.poison = HEALTH_SCRIPT_MEMORY;
	}
	if (r->meter.poison != HEALTH_REASON_NONE) {
		verdict_of_poison(r, out);
		return;
	}
	f = fail_get(r->L, -1);
	if (f == NULL)
		verdict_of_bug(r, out);
	else if (f->reason != HEALTH_REASON_NONE)
		verdict(out, f->reason, 0, f->detail, strlen(f->detail));
	else
		verdict(out, r->heard ? HEALTH_REPLY_WRONG : HEALTH_CHECK_SAID_DOWN, 0, f->detail, strlen(f->detail));
}

/* The weight that the value at index stands for, or -1. */
static int weight_of(lua_State *L, int index)
{
	lua_Number n;

	if (lua_isboolean(L, index))
		return lua_toboolean(L, index) ? 100 : 0;
	if (lua_type(L, index) != LUA_TNUMBER)
		return -1;
	n = lua_tonumber(L, index);
	if (!(n >= 0 && n <= 100))
		return -1;
	return n > 0 && n < 1 ? 1 : (int)n; /* above 0 is not down */
}

static void verdict_of_values(struct script_run *r, int n, struct health_result *out)
{
	int first = lua_gettop(r->L) - n + 1, weight = n > 0 ? weight_of(r->L, first) : -1;
	const char *detail = NULL;
	char text[HEALTH_DETAIL_MAX + 128];
	size_t len = 0;

	if (n > 1 && lua_isnil(r->L, first) && lua_type(r->L, first + 1) == LUA_TSTRING) {
		detail = lua_tolstring(r->L, first + 1, &len);
		verdict(out, HEALTH_CHECK_SAID_UNKNOWN, 0, detail, len);
		return;
	}
	if (weight < 0) {
		snprintf(text, sizeof text,
			 "%.60s: returned %s; expected true, false, nil or 0 to 100",
			 r->script->file,
			 n == 0                                 ? "nothing"
			 : lua_type(r->L, first) == LUA_TNUMBER ? "a number out of range"
								: lua_typename(r->L, lua_type(r->L, first)));
		verdict_bug(r, out, text);
		return;
	}
	if (n > 1 && lua_type(r->L, first + 1) == LUA_TSTRING) {
		detail = lua_tolstring(r->L, first + 1, &len);
	} else if (n > 1 && lua_type(r->L, first + 1) == LUA_TNUMBER) {
		snprintf(text, sizeof text, "%g", lua_tonumber(r->L, first + 1));
		detail = text;
		len = strlen(text);
	} else if (n > 1 && !lua_isnil(r->L, first + 1)) {
		snprintf(text, sizeof text, "%.60s: returned a %s as the reason; expected a string", r->script->file,
			 lua_typename(r->L, lua_type(r->L, first + 1)));
		verdict_bug(r, out, text);
		return;
	}
	verdict(out, weight > 0 ? HEALTH_OK : HEALTH_CHECK_SAID_DOWN, (uint8_t)weight, detail, len);
}

/* ---- stepping ---- */

static void run_end(struct script_run *r)
{
	lua_State *L = r->script->L;

	if (r->L == NULL)
		return;
	luaL_unref(L, LUA_REGISTRYINDEX, r->thread_ref);
	r->L = NULL;
}

static int run_step(struct script_run *r, int nargs, struct script_request *req, struct health_result *result)
{
	int status, n = 0;

	memset(req, 0, sizeof *req);
	r->request = req;
	limits_arm(r->script, &r->meter);
	status = lua_resume(r->L, r->script->L, nargs, &n);
	limits_disarm(r->script);
	r->request = NULL;
	if (status == LUA_YIELD && r->meter.poison == HEALTH_REASON_NONE) {
		if (r->meter.sliced)
			*req = (struct script_request){ .type = SCRIPT_REQ_SLICE };
		return SCRIPT_YIELDED;
	}
	if (status == LUA_OK && r->meter.poison == HEALTH_REASON_NONE)
		verdict_of_values(r, n, result);
	else
		verdict_of_error(r, status, result);
	run_end(r);
	return SCRIPT_DONE;
}

int script_resume(struct script_run *r, const struct script_answer *a, struct script_request *req,
		  struct health_result *result)
{
	r->answer = a;
	return run_step(r, 0, req, result);
}

/* ---- starting ---- */

struct start {
	struct script_run *run;
	const struct script_target *target;
	const struct script_arg *args;
	size_t arg_count;
};

static void push_text(lua_State *L, const char *name, const char *text)
{
	if (text == NULL)
		return;
	lua_pushstring(L, text);
	lua_setfield(L, -2, name);
}

/* Pushes the table that this key keeps between runs. */
static void push_state(lua_State *L, struct script *s, uint64_t key)
{
	lua_rawgeti(L, LUA_REGISTRYINDEX, s->states_ref);
	if (lua_rawgeti(L, -1, (lua_Integer)key) == LUA_TTABLE) {
		lua_remove(L, -2);
		return;
	}
	lua_pop(L, 1);
	if (s->state_count >= SCRIPT_STATE_KEYS_MAX) {
		lua_newtable(L);
		lua_copy(L, -1, -2);
		lua_rawseti(L, LUA_REGISTRYINDEX, s->states_ref);
		s->state_count = 0;
	}
	lua_newtable(L);
	lua_pushvalue(L, -1);
	lua_rawseti(L, -3, (lua_Integer)key);
	s->state_count++;
	lua_remove(L, -2);
}

static void push_target(lua_State *L, struct script *s, const struct script_target *t)
{
	char text[ADDR_TEXT_MAX];

	lua_createtable(L, 0, 8);
	push_text(L, "address", addr_format(&t->addr, false, text));
	lua_pushinteger(L, t->addr.family);
	lua_setfield(L, -2, "family");
	if (t->addr.port != 0) {
		lua_pushinteger(L, t->addr.port);
		lua_setfield(L, -2, "port");
	}
	push_text(L, "service", t->service);
	push_text(L, "owner", t->owner);
	push_text(L, "host", t->host);
	push_state(L, s, t->state_key);
	lua_setfield(L, -2, "state");
}

static void push_args(lua_State *L, const struct script_arg *args, size_t n)
{
	lua_createtable(L, 0, (int)n);
	for (size_t i = 0; i < n; i++) {
		if (args[i].type == SCRIPT_ARG_INTEGER)
			lua_pushinteger(L, args[i].integer);
		else if (args[i].type == SCRIPT_ARG_NUMBER)
			lua_pushnumber(L, args[i].number);
		else if (args[i].type == SCRIPT_ARG_BOOLEAN)
			lua_pushboolean(L, args[i].boolean);
		else if (args[i].type & SCRIPT_ARG_FILES)
			tls_push_file(L, &args[i]);
		else
			lua_pushstring(L, args[i].string);
		lua_setfield(L, -2, args[i].name);
	}
}

/* Protected: makes the coroutine with the function, the target and the arguments on it. */
static int prepare(lua_State *L)
{
	const struct start *st = lua_touserdata(L, 1);
	struct script_run *r = st->run;
	lua_State *co = lua_newthread(L);

	memcpy(lua_getextraspace(co), &r, sizeof r);
	lua_rawgeti(L, LUA_REGISTRYINDEX, r->script->main_ref);
	push_target(L, r->script, st->target);
	push_args(L, st->args, st->arg_count);
	lua_xmove(L, co, 3);
	r->thread_ref = luaL_ref(L, LUA_REGISTRYINDEX);
	r->L = co;
	return 0;
}

static void run_link(struct script_run *r)
{
	struct script *s = r->script;

	r->next = s->runs;
	r->link = &s->runs;
	if (r->next != NULL)
		r->next->link = &r->next;
	s->runs = r;
}

int script_start(struct script *s, struct script_run **run, const struct script_target *t,
		 const struct script_arg *args, size_t arg_count, struct script_request *req,
		 struct health_result *result)
{
	struct script_run *r = calloc(1, sizeof *r);
	struct start st = { .run = r, .target = t, .args = args, .arg_count = arg_count };

	if (r == NULL)
		return ERR_NOMEM;
	r->script = s;
	r->meter.limits = &s->limits;
	r->meter.hard_slices = SCRIPT_HARD_SLICES;
	r->serial = ++s->run_serial;
	r->owner = t->owner;
	lua_pushcfunction(s->L, prepare);
	lua_pushlightuserdata(s->L, &st);
	if (lua_pcall(s->L, 1, 0, 0) != LUA_OK) {
		lua_pop(s->L, 1);
		s->spoiled = true; /* no room for a run: the state has filled up */
		free(r);
		return ERR_NOMEM;
	}
	r->meter.L = r->L;
	run_link(r);
	*run = r;
	return run_step(r, 2, req, result);
}

void script_run_free(struct script_run *r)
{
	if (r == NULL)
		return;
	*r->link = r->next;
	if (r->next != NULL)
		r->next->link = r->link;
	run_end(r);
	free(r);
}
