/* run: a monitoring plugin (https://www.monitoring-plugins.org/doc/guidelines.html), run by the runner.
 *
 *     return { plugins = true, run = function (target, args)
 *       local r = run("/usr/lib/nagios/plugins/check_tcp", "-H", target.address, "-p", 22, { timeout = 5 })
 *       return r.status == "ok", r.output
 *     end }
 *
 *     r.code      0 to 3; what is none of them is 3, and r.output says what it was
 *     r.status    "ok", "warning", "critical", "unknown"
 *     r.output    the first line, without its performance data        r.text   the lines behind it
 *     r.perfdata  { time = { value = 0.004, unit = "s", warn = "1", crit = "2", min = 0, max = 10 }, … }
 *
 *     options: timeout in seconds; env = { NAME = "value" }, beside PATH and LC_ALL
 */
#include <string.h>
#include "script/internal.h"

#define WORDS_MAX 64
#define WORDS_LEN_MAX 16384 /* octets of the command and its arguments; of the environment too */
#define PERF_MAX 64
#define PERF_WORK 50        /* instructions that one is charged as */

static const char *const statuses[] = { "ok", "warning", "critical", "unknown" };

/* ---- what it says ---- */

static void set_text(lua_State *L, const char *name, const char *text, size_t len)
{
	lua_pushlstring(L, text, len);
	lua_setfield(L, -2, name);
}

/* The end of a label at p: 'quoted', with '' for a quote, or up to "=". */
static const char *label_end(const char *p, const char *end)
{
	if (p == end || *p != '\'') {
		const char *equal = memchr(p, '=', (size_t)(end - p));

		return equal != NULL ? equal : end;
	}
	for (p++; p < end; p++) {
		if (*p != '\'')
			continue;
		if (p + 1 == end || p[1] != '\'')
			return p + 1;
		p++;
	}
	return end;
}

/* Pushes the label without its quotes. */
static void push_label(lua_State *L, const char *p, const char *end)
{
	luaL_Buffer b;
	bool quoted = p < end && *p == '\'';

	luaL_buffinit(L, &b);
	for (p += quoted; p < end; p++) {
		if (quoted && *p == '\'' && ++p == end)
			break;
		luaL_addchar(&b, *p);
	}
	luaL_pushresult(&b);
}

/* "12.5ms;10;20;0;100" into the table on the top of the stack. False where it is no number. */
static bool read_value(lua_State *L, const char *p, const char *end)
{
	static const char *const names[] = { "warn", "crit", "min", "max" };
	const char *field = memchr(p, ';', (size_t)(end - p));
	const char *stop = field != NULL ? field : end;
	size_t len = 0;
	char number[64];

	while (len < (size_t)(stop - p) && strchr("+-.0123456789", p[len]) != NULL)
		len++;
	if (len == 0 || len >= sizeof number)
		return false;
	memcpy(number, p, len);
	number[len] = '\0';
	if (lua_stringtonumber(L, number) == 0)
		return false;
	lua_setfield(L, -2, "value");
	set_text(L, "unit", p + len, (size_t)(stop - p) - len);
	for (size_t i = 0; i < 4 && field != NULL; i++) {
		const char *from = field + 1;

		field = memchr(from, ';', (size_t)(end - from));
		if (field == from || from == end)
			continue;
		set_text(L, names[i], from, (size_t)((field != NULL ? field : end) - from));
	}
	return true;
}

/* Adds 'label'=value… items to the table on the top of the stack; one that is malformed is left out. */
static void read_perfdata(lua_State *L, const char *p, const char *end, unsigned *count)
{
	while (p < end && *count < PERF_MAX) {
		const char *label = p, *equal, *stop;

		if (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r') {
			p++;
			continue;
		}
		equal = label_end(p, end);
		if (equal == end || *equal != '=')
			return;
		for (stop = equal + 1; stop < end && strchr(" \t\r\n", *stop) == NULL; stop++)
			;
		limits_charge(L, PERF_WORK);
		(*count)++;
		push_label(L, label, equal);
		lua_createtable(L, 0, 6);
		if (lua_rawlen(L, -2) > 0 && read_value(L, equal + 1, stop))
			lua_rawset(L, -3);
		else
			lua_pop(L, 2);
		p = stop;
	}
}

/* The line or lines at p: text into the field, what follows "|" into perfdata at the index. */
static void read_part(lua_State *L, const char *name, const char *p, const char *end, int perfdata, unsigned *count)
{
	const char *bar = memchr(p, '|', (size_t)(end - p));
	const char *stop = bar != NULL ? bar : end;

	while (stop > p && (stop[-1] == ' ' || stop[-1] == '\r' || stop[-1] == '\n'))
		stop--;
	set_text(L, name, p, (size_t)(stop - p));
	if (bar == NULL)
		return;
	lua_pushvalue(L, perfdata);
	read_perfdata(L, bar + 1, end, count);
	lua_pop(L, 1);
}

static int run_done(lua_State *L, int status, lua_KContext ctx)
{
	const struct script_answer *a = api_answer(L);
	const char *text = a->len > 0 ? a->data : "", *end = text + a->len;
	const char *line = memchr(text, '\n', a->len);
	int code = a->status >= 0 && a->status <= 3 ? a->status : 3, result, perfdata;
	unsigned count = 0;

	(void)status;
	(void)ctx;
	limits_charge(L, a->len / 4);
	lua_createtable(L, 0, 5);
	result = lua_gettop(L);
	lua_newtable(L);
	perfdata = lua_gettop(L);
	lua_pushvalue(L, result);
	lua_pushinteger(L, code);
	lua_setfield(L, -2, "code");
	set_text(L, "status", statuses[code], strlen(statuses[code]));
	read_part(L, "output", text, line != NULL ? line : end, perfdata, &count);
	read_part(L, "text", line != NULL ? line + 1 : end, end, perfdata, &count);
	lua_settop(L, perfdata);
	lua_setfield(L, result, "perfdata");
	if (code == a->status)
		return 1;
	if (a->status < 0)
		lua_pushfstring(L, "the plugin died of signal %d", -a->status);
	else
		lua_pushfstring(L, "the plugin ended with status %d", a->status);
	lua_setfield(L, result, "output");
	return 1;
}

/* ---- what is asked for ---- */

/* Adds the string at the index and its NUL to the one on the top of the stack. */
static void add_word(lua_State *L, int index, const char *what)
{
	size_t len;
	const char *word = luaL_checklstring(L, index, &len);

	if (memchr(word, '\0', len) != NULL || lua_rawlen(L, -1) + len + 1 > WORDS_LEN_MAX)
		luaL_error(L, "%s must be without NUL, and at most %d octets together", what, WORDS_LEN_MAX);
	lua_pushvalue(L, index);
	lua_pushlstring(L, "", 1);
	lua_concat(L, 3);
}

static bool is_variable(const char *name)
{
	return *name != '\0' && (*name < '0' || *name > '9') &&
	       name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")] == '\0' &&
	       strncmp(name, "LD_", 3) != 0; /* those are for the loader, not for the plugin */
}

/* Pushes "PATH=…\0LC_ALL=C\0NAME=value\0"…; options stands at the index, or 0. */
static void push_env(lua_State *L, int options)
{
	static const char clean[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin\0LC_ALL=C";
	unsigned count = 2;

	lua_pushlstring(L, clean, sizeof clean);
	if (options == 0 || lua_getfield(L, options, "env") == LUA_TNIL) {
		if (options != 0)
			lua_pop(L, 1);
		return;
	}
	if (!lua_istable(L, -1))
		luaL_error(L, "env must be a table from names to strings");
	lua_insert(L, -2); /* env, text */
	for (lua_pushnil(L); lua_next(L, -3) != 0;) { /* env, text, name, value */
		int value = lua_gettop(L);

		if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING || !is_variable(lua_tostring(L, -2)) ||
		    ++count > WORDS_MAX)
			luaL_error(L, "env must be a table from names to strings, of at most %d", WORDS_MAX - 2);
		lua_pushfstring(L, "%s=", lua_tostring(L, -2));
		lua_pushvalue(L, value);
		lua_concat(L, 2);
		lua_pushvalue(L, value - 2); /* env, text, name, value, variable, text */
		add_word(L, value + 1, "env");
		lua_replace(L, value - 2);
		lua_settop(L, value - 1);
	}
	lua_remove(L, -2);
}

static int plugin_run(lua_State *L)
{
	static const char *const known[] = { "timeout", "env", NULL };
	struct script_request req = { .type = SCRIPT_REQ_RUN };
	int words = lua_gettop(L), options = words > 0 && lua_istable(L, words) ? words : 0;

	if (!script_of(L)->plugins)
		return luaL_error(L, "run() is for scripts that say plugins = true beside run");
	words -= options != 0;
	if (words < 1 || words > WORDS_MAX)
		return luaL_error(L, "run() takes a command and at most %d arguments", WORDS_MAX - 1);
	luaL_checkstack(L, 16, NULL);
	luaL_argcheck(L, luaL_checkstring(L, 1)[0] == '/', 1, "a plugin is named by its whole path");
	if (options != 0) {
		api_check_keys(L, options, "run", known);
		lua_getfield(L, options, "timeout");
		req.timeout_ms = api_check_timeout(L, lua_gettop(L));
		lua_pop(L, 1);
	}
	push_env(L, options);
	req.env = lua_tolstring(L, -1, &req.env_len);
	lua_pushliteral(L, "");
	for (int i = 1; i <= words; i++)
		add_word(L, i, "a command");
	req.data = lua_tolstring(L, -1, &req.len);
	return api_wait(L, &req, run_done);
}

void plugin_open(lua_State *L, int lib)
{
	lua_pushcfunction(L, plugin_run);
	lua_setfield(L, lib, "run");
}
