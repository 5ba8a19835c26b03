/* A script's life: its state, the chunk in the sandbox, what the chunk returned. */
#include <stdlib.h>
#include <string.h>
#include "script/internal.h"

#define TEXT_MAX 262144 /* octets of a script */

bool script_runs_plugins(const struct script *s)
{
	return s->plugins;
}

bool script_is_spoiled(const struct script *s)
{
	return s->spoiled;
}

void script_set_log(struct script *s, script_log_sink sink, void *ctx)
{
	s->sink = sink;
	s->sink_ctx = ctx;
}

/* Printable and bounded: what a script says may come from its target. Line ends of a traceback become bars. */
void script_log(struct script *s, enum log_level level, const char *text, size_t len)
{
	char line[SCRIPT_LOG_LINE_MAX];
	size_t n = 0;

	if (s->sink == NULL)
		return;
	for (size_t i = 0; i < len && n < sizeof line - 4; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '\n') {
			memcpy(line + n, " | ", 3);
			n += 3;
		} else if (c != '\t') {
			line[n++] = c >= 0x20 && c < 0x7f ? (char)c : '?';
		}
	}
	line[n] = '\0';
	s->sink(s->sink_ctx, level, line);
}

/* "[string …]:12: text" or "file:12: text" → line 12 and the text. */
static const char *message_split(const char *message, unsigned *line)
{
	for (const char *p = strchr(message, ':'); p != NULL; p = strchr(p + 1, ':')) {
		char *end;
		unsigned long n = strtoul(p + 1, &end, 10);

		if (end != p + 1 && end[0] == ':' && end[1] == ' ' && n > 0 && n < 10000000) {
			*line = (unsigned)n;
			return end + 2;
		}
	}
	return message;
}

/* Tells what the error value on the top of the stack says. */
static int chunk_failed(struct script *s, struct diags *d)
{
	const struct failure *f = fail_get(s->L, -1);
	const char *text = lua_type(s->L, -1) == LUA_TSTRING ? lua_tostring(s->L, -1) : NULL;
	unsigned line = 0;

	if (s->chunk.poison == HEALTH_SCRIPT_BUDGET)
		text = "the script takes too long to load; expected its work inside of run, which has a deadline";
	else if (s->chunk.poison == HEALTH_SCRIPT_MEMORY)
		text = "the script takes too much memory to load; expected its work inside of run";
	else if (f != NULL)
		text = f->detail;
	else if (text != NULL)
		text = message_split(text, &line);
	diags_add(d, DIAG_ERROR, s->file, line, 0, "%s", text != NULL ? text : "the script failed to load");
	return ERR_FORMAT;
}

static int wrong_return(struct script *s, struct diags *d, const char *what)
{
	diags_add(d, DIAG_ERROR, s->file, 0, 0,
		  "%s; expected a function or { args = { port = \"integer\" }, run = function (target, args) … end }",
		  what);
	return ERR_FORMAT;
}

/* Reads the chunk's result at the top: leaves the run function there. Raw reads only, they run no code of the
 * script's. */
static int result_read(struct script *s, struct diags *d)
{
	lua_State *L = s->L;
	int top = lua_gettop(L), err;

	if (lua_isfunction(L, top))
		return 0;
	if (!lua_istable(L, top))
		return wrong_return(s, d,
				    lua_isnil(L, top) ? "the script returns nothing"
						      : "the script returns neither a function nor a table");
	lua_pushliteral(L, "args");
	if (lua_rawget(L, top) == LUA_TTABLE) {
		err = args_declare(s, lua_gettop(L), d);
		if (err != 0)
			return err;
	} else if (!lua_isnil(L, -1)) {
		return wrong_return(s, d, "args is not a table");
	}
	lua_pushliteral(L, "plugins");
	if (lua_rawget(L, top) != LUA_TNIL && !lua_isboolean(L, -1))
		return wrong_return(s, d, "plugins is neither true nor false");
	s->plugins = lua_toboolean(L, -1);
	lua_pushliteral(L, "run");
	lua_rawget(L, top);
	return lua_isfunction(L, -1) ? 0 : wrong_return(s, d, "run is not a function");
}

struct load {
	struct script *script;
	const char *text;
	size_t len;
	struct diags *diags;
	script_reader *read;
	int err;
};

static int load_chunk(struct load *l)
{
	struct script *s = l->script;
	lua_State *L = s->L;
	int status;

	lua_pushfstring(L, "@%s", s->file);
	status = luaL_loadbufferx(L, l->text, l->len, lua_tostring(L, -1), "t");
	if (status == LUA_OK) {
		lua_pushvalue(L, 1);
		lua_setupvalue(L, -2, 1); /* the chunk's _ENV */
		status = lua_pcall(L, 0, 1, 0);
	}
	return status == LUA_OK && s->chunk.poison == HEALTH_REASON_NONE ? 0 : chunk_failed(s, l->diags);
}

/* Protected, since all of it allocates. */
static int load(lua_State *L)
{
	struct load *l = lua_touserdata(L, 1);
	struct script *s = l->script;

	lua_settop(L, 0);
	sandbox_open(L);
	lua_replace(L, 1);
	lua_settop(L, 1);
	lua_newtable(L);
	s->states_ref = luaL_ref(L, LUA_REGISTRYINDEX);
	limits_arm(s, &s->chunk);
	l->err = load_chunk(l);
	limits_disarm(s);
	if (l->err == 0)
		l->err = l->read(s, l->diags);
	if (l->err == 0)
		s->main_ref = luaL_ref(L, LUA_REGISTRYINDEX);
	return 0;
}

static int script_load(struct script *s, const char *text, size_t len, script_reader *read, struct diags *d)
{
	struct load l = { .script = s, .text = text, .len = len, .diags = d, .read = read };
	struct script_run *none = NULL;

	s->L = lua_newstate(limits_alloc, s);
	if (s->L == NULL)
		return ERR_NOMEM;
	memcpy(lua_getextraspace(s->L), &none, sizeof none);
	s->chunk.L = s->L;
	s->chunk.limits = &s->limits;
	s->chunk.hard_slices = SCRIPT_CHUNK_SLICES;
	lua_pushcfunction(s->L, load);
	lua_pushlightuserdata(s->L, &l);
	if (lua_pcall(s->L, 1, 0, 0) == LUA_OK)
		return l.err;
	limits_disarm(s);
	if (s->chunk.poison != HEALTH_REASON_NONE)
		return chunk_failed(s, d);
	return ERR_NOMEM;
}

int script_new(struct script **out, const char *file, const char *text, size_t len, const struct script_limits *lim,
	       struct diags *d)
{
	return script_open(out, file, text, len, lim, result_read, d);
}

int script_open(struct script **out, const char *file, const char *text, size_t len, const struct script_limits *lim,
		script_reader *read, struct diags *d)
{
	struct script *s;
	int err;

	if (len > TEXT_MAX) {
		diags_add(d, DIAG_ERROR, file, 0, 0, "script too long; at most %d octets", TEXT_MAX);
		return ERR_FORMAT;
	}
	s = calloc(1, sizeof *s);
	if (s == NULL)
		return ERR_NOMEM;
	s->limits = *lim;
	s->file = strdup(file);
	err = s->file != NULL ? script_load(s, text, len, read, d) : ERR_NOMEM;
	if (err != 0) {
		script_free(s);
		return err;
	}
	*out = s;
	return 0;
}

void script_free(struct script *s)
{
	if (s == NULL)
		return;
	while (s->runs != NULL)
		script_run_free(s->runs);
	if (s->L != NULL)
		lua_close(s->L);
	for (size_t i = 0; i < s->arg_count; i++) {
		free((void *)(uintptr_t)s->args[i].name);
		free((void *)(uintptr_t)s->args[i].text);
	}
	free(s->args);
	free(s->file);
	free(s);
}
