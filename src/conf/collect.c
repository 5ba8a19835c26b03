/* See collect.h.
 *
 *     service "x" { … }     service("x") ──▶ block{ line } and a function that takes the table ──▶ block.table
 *
 * A name that is not defined is a fault at once, and gives a value that swallows every use: so one slip does not hide
 * the next.
 */
#include "conf/collect.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "conf/convert.h"
#include "conf/files.h"
#include "conf/luafault.h"
#include "conf/sandbox.h"

static struct collector *collector_of(lua_State *l)
{
	return conf_sandbox_of(l)->user;
}

/* ---- where we are ---- */

/* Chunks are named "@N" for source N: Lua would cut a long path in its messages. */
static struct conf_source *source_find(struct collector *c, const char *chunk, size_t *end)
{
	struct conf_source *s = c->out->sources;
	char *tail;
	unsigned long n = chunk[0] == '@' ? strtoul(chunk + 1, &tail, 10) : 0;

	if (!n || n > c->source_count)
		return NULL;
	*end = (size_t)(tail - chunk);
	for (n = c->source_count - n; n; n--)
		s = s->next;
	return s;
}

static struct conf_source *here(lua_State *l, unsigned *line)
{
	struct collector *c = collector_of(l);
	lua_Debug ar;
	size_t end;

	for (int level = 0; lua_getstack(l, level, &ar); level++) {
		lua_getinfo(l, "Sl", &ar);
		if (ar.currentline > 0 && ar.source[0] == '=') {
			*line = (unsigned)ar.currentline;
			return source_find(c, ar.source + 1, &end);
		}
	}
	*line = 0;
	return c->out->sources;
}

static void fault_here(lua_State *l, const char *text)
{
	unsigned line;
	const struct conf_source *s = here(l, &line);

	diags_add(collector_of(l)->d, DIAG_ERROR, s ? s->path : collector_of(l)->file, line, 0, "%s", text);
}

/* ---- what swallows the rest of a faulty statement ---- */

static int sink(lua_State *l)
{
	lua_getfield(l, LUA_REGISTRYINDEX, CONVERT_SINK);
	return 1;
}

static void sink_make(lua_State *l)
{
	static const char *const events[] = {"__call", "__index", "__concat", "__add", "__sub", "__mul", "__div",
					     "__mod", "__idiv", "__unm"};

	lua_newuserdatauv(l, 0, 0);
	lua_newtable(l);
	for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
		lua_pushcfunction(l, sink);
		lua_setfield(l, -2, events[i]);
	}
	lua_setmetatable(l, -2);
	lua_setfield(l, LUA_REGISTRYINDEX, CONVERT_SINK);
}

/* ---- names that are not there ---- */

static const char *const words[] = {
	"node", "pair", "zone", "zones", "limits", "check", "host", "pool", "service", "maintenance", "all", "any", "atleast",
	"require",
	"assert", "error", "ipairs", "pairs", "select", "tonumber", "tostring", "type", "string", "table", "math",
	"utf8",
};
#define WORD_COUNT (sizeof words / sizeof *words)

static bool is_forbidden(const char *name)
{
	static const char *const gone[] = {"os", "io", "debug", "load", "loadfile", "loadstring", "dofile", "print",
					   "pcall", "xpcall",
					   "coroutine", "package", "next", "setmetatable", "getmetatable", "rawget",
					   "rawset",
					   "collectgarbage", "_G", "math.random", "math.randomseed", "string.dump",
					   "table.move"};

	for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
		if (!strcmp(name, gone[i]))
			return true;
	return false;
}

/* upvalue: "math." or "" */
static int name_absent(lua_State *l)
{
	const char *prefix = lua_tostring(l, lua_upvalueindex(1));
	const char *near;
	char name[160], text[400];

	if (lua_type(l, 2) != LUA_TSTRING)
		return 0;
	snprintf(name, sizeof name, "%s%.100s", prefix, lua_tostring(l, 2));
	near = prefix[0] ? NULL : text_nearest(name, words, WORD_COUNT);
	if (is_forbidden(name))
		snprintf(text, sizeof text,
			 "\"%s\" is not there; expected data only: no files, programs, time or randomness", name);
	else if (prefix[0])
		snprintf(text, sizeof text, "unknown name \"%s\"; expected a function of Lua 5.4's %.*s library", name,
			 (int)strlen(prefix) - 1, prefix);
	else
		snprintf(text, sizeof text,
			 "unknown name \"%s\"; expected a block such as zone or service, a name set above, or text in "
			 "quotes%s%s%s",
			 name, near ? "; did you mean \"" : "", near ? near : "", near ? "\"" : "");
	fault_here(l, text);
	return sink(l);
}

/* For the table on top of the stack, which it takes. */
static void guard_names(lua_State *l, const char *library)
{
	lua_newtable(l);
	if (library)
		lua_pushfstring(l, "%s.", library);
	else
		lua_pushstring(l, "");
	lua_pushcclosure(l, name_absent, 1);
	lua_setfield(l, -2, "__index");
	lua_setmetatable(l, -2);
	lua_pop(l, 1);
}

/* ---- blocks ---- */

static struct conf_block *block_add(lua_State *l, enum conf_kind kind, const char *name)
{
	struct collector *c = collector_of(l);
	struct conf_block *b;

	if (c->out->count >= COLLECT_BLOCKS_MAX)
		luaL_error(l, "more than %d blocks", COLLECT_BLOCKS_MAX);
	b = arena_alloc(&c->out->arena, sizeof *b);
	if (b && name)
		b->name = arena_str(&c->out->arena, name);
	if (!b || (name && !b->name))
		luaL_error(l, "out of memory");
	b->kind = kind;
	b->source = here(l, &b->line);
	b->table.block = b;
	*c->tail = b;
	c->tail = &b->next;
	c->out->count++;
	return b;
}

/* upvalues: kind, name, the block that waits for its table (or nil once it has it) */
static int take_table(lua_State *l)
{
	struct conf_block *b = lua_touserdata(l, lua_upvalueindex(3));

	if (!b)
		b = block_add(l, (enum conf_kind)lua_tointeger(l, lua_upvalueindex(1)),
			      lua_tostring(l, lua_upvalueindex(2)));
	lua_pushnil(l);
	lua_replace(l, lua_upvalueindex(3));
	lua_settop(l, 1);
	conf_convert_block(l, collector_of(l), b, 1);
	return 0;
}

static const char *name_argument(lua_State *l, enum conf_kind kind)
{
	size_t len;
	const char *name;
	char text[160];

	if (lua_type(l, 1) == LUA_TSTRING) {
		name = lua_tolstring(l, 1, &len);
		if (len && strlen(name) == len)
			return name;
	}
	lua_getfield(l, LUA_REGISTRYINDEX, CONVERT_SINK);
	if (!lua_rawequal(l, 1, -1)) {
		snprintf(text, sizeof text, "%s without a name; expected %s \"%s\"%s", conf_kind_text(kind),
			 conf_kind_text(kind),
			 kind == CONF_ZONES ? "DIR" : "NAME", kind == CONF_ZONES ? "" : " { … }");
		fault_here(l, text);
	}
	lua_pop(l, 1);
	return NULL;
}

/* upvalue: kind */
static int named_block(lua_State *l)
{
	enum conf_kind kind = (enum conf_kind)lua_tointeger(l, lua_upvalueindex(1));
	const char *name = name_argument(l, kind);
	struct conf_block *b;

	if (!name)
		return sink(l);
	b = block_add(l, kind, name);
	if (kind == CONF_ZONES) {
		b->table.type = CONF_TABLE;
		return 0;
	}
	lua_pushvalue(l, lua_upvalueindex(1));
	lua_pushvalue(l, 1);
	lua_pushlightuserdata(l, b);
	lua_pushcclosure(l, take_table, 3);
	return 1;
}

static int plain_block(lua_State *l)
{
	struct conf_block *b = block_add(l, (enum conf_kind)lua_tointeger(l, lua_upvalueindex(1)), NULL);

	lua_settop(l, 1);
	conf_convert_block(l, collector_of(l), b, 1);
	return 0;
}

/* ---- require ---- */

static int load_source(lua_State *l, const char *path);

static int require(lua_State *l)
{
	struct collector *c = collector_of(l);
	size_t len;
	const char *name = luaL_checklstring(l, 1, &len), *path;

	if (len > 4 && !strcmp(name + len - 4, ".lua"))
		len -= 4;
	if (!len || len > 100 ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != len)
		return luaL_error(l,
				  "require \"%s\"; expected the name of a .lua file in the configuration's own folder",
				  name);
	lua_settop(l, 1);
	lua_pushlstring(l, name, len);
	lua_replace(l, 1);
	lua_getfield(l, LUA_REGISTRYINDEX, CONVERT_LOADED);
	lua_pushvalue(l, 1);
	if (lua_rawget(l, 2) != LUA_TNIL) {
		if (lua_touserdata(l, -1) == c)
			return luaL_error(l, "require \"%s\" goes round in a circle; expected files that do not need each other", name);
		return 1;
	}
	path = strcmp(c->dir, ".") ? lua_pushfstring(l, "%s/%s.lua", c->dir, lua_tostring(l, 1)) : lua_pushfstring(l,
			"%s.lua", lua_tostring(l, 1));
	lua_pushvalue(l, 1);
	lua_pushlightuserdata(l, c); /* being read */
	lua_rawset(l, 2);
	load_source(l, path);
	lua_call(l, 0, 1);
	if (lua_isnil(l, -1))
		lua_pushboolean(l, 1);
	lua_pushvalue(l, 1);
	lua_pushvalue(l, -2);
	lua_rawset(l, 2);
	return 1;
}

/* ---- running ---- */

static void source_add(lua_State *l, const char *path)
{
	struct collector *c = collector_of(l);
	struct conf_source *s = arena_alloc(&c->out->arena, sizeof *s);
	int r;

	if (!s || !(s->path = arena_str(&c->out->arena, path)))
		luaL_error(l, "out of memory");
	if (c->source_count >= COLLECT_SOURCES_MAX)
		luaL_error(l, "more than %d files", COLLECT_SOURCES_MAX);
	r = conf_files_read(path, COLLECT_SOURCE_MAX, &s->text, &s->len);
	if (r)
		luaL_error(l, "cannot read %s: %s; expected %s", path, r == ERR_IO ? strerror(errno) : err_text(r),
			   c->source_count ? "a .lua file in the configuration's own folder" : "a configuration file");
	s->next = c->out->sources;
	c->out->sources = s;
	s->number = ++c->source_count;
}

/* What an editor of another system may put before the text, which Lua would only call an unexpected symbol. */
static void refuse_marks(lua_State *l, unsigned number, const char *text, size_t len)
{
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		lua_pushfstring(l, "@%d:1: the file begins with a byte order mark (EF BB BF); expected plain text without one", (int)number);
	else if (len >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
		lua_pushfstring(l, "@%d:1: the file is UTF-16; expected UTF-8", (int)number);
	else
		return;
	lua_error(l);
}

/* Leaves the compiled chunk on the stack, or raises. */
static int load_source(lua_State *l, const char *path)
{
	struct collector *c = collector_of(l);
	char chunk[32];

	source_add(l, path);
	refuse_marks(l, c->source_count, c->out->sources->text, c->out->sources->len);
	snprintf(chunk, sizeof chunk, "=@%u", c->source_count);
	if (luaL_loadbufferx(l, c->out->sources->text, c->out->sources->len, chunk, "t") != LUA_OK)
		return lua_error(l);
	return 1;
}

static int run_file(lua_State *l)
{
	load_source(l, collector_of(l)->file);
	lua_call(l, 0, 0);
	return 0;
}

static int set_up(lua_State *l)
{
	static const char *const libs[] = {"string", "table", "math", "utf8"};

	sink_make(l);
	conf_convert_setup(l);
	for (int k = CONF_NODE; k < CONF_KINDS; k++) {
		lua_pushinteger(l, k);
		lua_pushcclosure(l, k == CONF_PAIR || k == CONF_LIMITS ? plain_block : named_block, 1);
		lua_setglobal(l, conf_kind_text((enum conf_kind)k));
	}
	lua_pushcfunction(l, require);
	lua_setglobal(l, "require");
	for (size_t i = 0; i < sizeof libs / sizeof *libs; i++) {
		lua_getglobal(l, libs[i]);
		guard_names(l, libs[i]);
	}
	lua_pushglobaltable(l);
	guard_names(l, NULL);
	return 0;
}

/* Adds the position to an error that has none: error(text, 0), a failed assert, an error that is no text. */
static int add_position(lua_State *l)
{
	const struct conf_source *s;
	unsigned line;
	size_t end;
	const char *text = lua_tostring(l, 1);

	if (!text)
		text = lua_pushfstring(l, "an error that is a %s", luaL_typename(l, 1));
	if (source_find(collector_of(l), text, &end))
		return lua_pushstring(l, text), 1;
	s = here(l, &line);
	if (s)
		lua_pushfstring(l, "@%d:%d: %s", (int)s->number, (int)line, text);
	else
		lua_pushstring(l, text);
	return 1;
}

/* "@2:17: text" → a fault at line 17 of source 2; further "@N:" inside the text become paths too. */
static void tell_error(struct collector *c, const char *text)
{
	struct conf_source *s;
	size_t end;
	unsigned long line = 0;
	char *tail;

	s = source_find(c, text, &end);
	if (s && text[end] == ':') {
		line = strtoul(text + end + 1, &tail, 10);
		text = tail + (tail[0] == ':') + (tail[0] == ':' && tail[1] == ' ');
	}
	if (strncmp(text, "attempt to load a binary chunk", 30) == 0)
		text = "this is Lua that was compiled; expected the text of a configuration";
	diags_add(c->d, DIAG_ERROR, s ? s->path : c->file, (unsigned)line, 0, "%s%s", text, conf_luafault_hint(text));
}

/* service = "www": then every block after it would be something else, and this would pass for nothing at all. */
static void tell_assignments(struct collector *c, lua_State *l)
{
	for (int k = CONF_NODE; k < CONF_KINDS; k++) {
		const char *name = conf_kind_text((enum conf_kind)k);
		lua_CFunction f;

		lua_getglobal(l, name);
		f = lua_tocfunction(l, -1);
		lua_pop(l, 1);
		for (const struct conf_source *s = c->out->sources; f != named_block && f != plain_block && s; s = s->next)
			if (conf_luafault_assignment(s, name))
				diags_add(c->d, DIAG_ERROR, s->path, conf_luafault_assignment(s, name), 0,
					  "\"%s\" is set to a value; expected a block: %s%s { … }", name, name,
					  k == CONF_PAIR || k == CONF_LIMITS ? "" : " \"NAME\"");
	}
}

static void tell_missing_tables(struct collector *c)
{
	for (struct conf_block *b = c->out->blocks; b; b = b->next)
		if (b->table.type == CONF_NONE) {
			diags_add(c->d, DIAG_ERROR, b->source ? b->source->path : c->file, b->line, 0,
				  "%s \"%s\" has no block; expected { … } after the name",
				  conf_kind_text(b->kind), b->name ? b->name : "");
			b->table.type = CONF_TOLD;
		}
}

static int run(struct collector *c, lua_State *l)
{
	int r;

	lua_pushcfunction(l, set_up);
	r = lua_pcall(l, 0, 0, 0);
	if (r == LUA_OK) {
		lua_pushcfunction(l, add_position);
		lua_pushcfunction(l, run_file);
		r = lua_pcall(l, 0, 0, 1);
	}
	if (r == LUA_ERRMEM)
		diags_add(c->d, DIAG_ERROR, c->file, 0, 0,
			  "the configuration needs more than %zu MiB of memory; expected data, not a computation",
			  SANDBOX_MEMORY >> 20);
	else if (r != LUA_OK)
		tell_error(c, lua_tostring(l, -1) ? lua_tostring(l, -1) : "an unknown error");
	else
		tell_missing_tables(c);
	if (r != LUA_ERRMEM)
		tell_assignments(c, l);
	c->out->aborted = r != LUA_OK;
	return c->source_count ? 0 : ERR_FORMAT;
}

int conf_collection_run(struct collection *out, const char *file, struct diags *d)
{
	struct collector c = {.out = out, .d = d, .file = file, .tail = &out->blocks};
	struct sandbox sb;
	lua_State *l;
	int r;

	memset(out, 0, sizeof *out);
	arena_init(&out->arena, CONVERT_ARENA_MAX);
	c.dir = conf_files_dir(&out->arena, file);
	if (!c.dir)
		return ERR_NOMEM;
	r = conf_sandbox_open(&l, &sb, &c);
	if (r)
		return r;
	r = run(&c, l);
	lua_close(l);
	return r;
}

void conf_collection_deinit(struct collection *c)
{
	for (struct conf_source *s = c->sources; s; s = s->next)
		free(s->text);
	arena_deinit(&c->arena);
	memset(c, 0, sizeof *c);
}
