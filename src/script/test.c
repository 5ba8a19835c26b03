/* Cases of a check's test: each is read, run against the mock, and held against what it wants. See test.h. */
#include "script/test.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "script/mock.h"

#define MEMORY (64u << 20)   /* of the file of cases: its author's own */
#define LOG_MAX 16384        /* octets of a case's log */
#define TIMEOUT_MAX_S 3600.0
#define TIMEOUT_DEFAULT_MS 2000
#define OWNER_DEFAULT "www.example.test"
#define ADDRESS_DEFAULT "192.0.2.1"

struct testing {
	const struct script_source *check, *file;
	script_test_sink sink;
	void *ctx;
	struct diags *d;
	struct script *cases;   /* the file of cases, its list in main_ref */
	struct script *script;  /* the check; kept from one case to the next where that asks for it */
	struct script_run *run; /* NULL = none */
	struct mock mock;
	bool mocking;
	struct bytes log;
	lua_Integer number;     /* of the case */
	size_t seen;            /* in the file's text: where the last case's name stood */
	char name[200];
	struct script_test_case out;
	struct health_result got;
	char what[SCRIPT_TEST_WHAT_MAX];
	struct test_args *args;
};

/* ---- where a case stands ---- */

/* Tables know no lines: the name in quotes is looked for, from the case before on. 0 = it is not written so. */
static unsigned find_line(struct testing *t, const char *name)
{
	size_t len = strlen(name);
	unsigned line = 1;

	for (const char *p = t->file->text + t->seen, *end = t->file->text + t->file->len; len > 0 && p + len + 1 < end; p++) {
		if ((*p != '"' && *p != '\'') || memcmp(p + 1, name, len) != 0 || p[len + 1] != *p)
			continue;
		t->seen = (size_t)(p - t->file->text) + 1;
		for (const char *q = t->file->text; q < p; q++)
			line += *q == '\n';
		return line;
	}
	return 0;
}

/* ---- reading a case ---- */

/* Leaves the field on the stack, which lends its string. NULL = absent. */
static const char *field_string(lua_State *L, int table, const char *key, const char *fallback)
{
	int type = lua_getfield(L, table, key);

	if (type != LUA_TNIL && type != LUA_TSTRING)
		luaL_error(L, "\"%s\" must be a string", key);
	return type == LUA_TNIL ? fallback : lua_tostring(L, -1);
}

static enum health_outcome read_want(lua_State *L, int table)
{
	const char *want = field_string(L, table, "want", "");

	if (strcmp(want, "up") == 0)
		return HEALTH_PASS;
	if (strcmp(want, "down") == 0)
		return HEALTH_FAIL;
	if (strcmp(want, "unknown") == 0)
		return HEALTH_UNKNOWN_RESULT;
	luaL_error(L, "want is \"%s\"; expected \"up\", \"down\" or \"unknown\"", want);
	return HEALTH_OUTCOME_NONE;
}

static void read_target(lua_State *L, int table, struct script_target *out)
{
	static const char *const known[] = { "address", "port", "service", "owner", "host", NULL };
	const char *address;
	int target;

	if (lua_getfield(L, table, "target") == LUA_TNIL)
		lua_newtable(L);
	if (!lua_istable(L, -1))
		luaL_error(L, "\"target\" must be a table");
	target = lua_gettop(L);
	mock_check_keys(L, target, "target", known);
	address = field_string(L, target, "address", ADDRESS_DEFAULT);
	if (addr_parse(&out->addr, address, strlen(address), 0) != 0 || out->addr.port != 0)
		luaL_error(L, "\"%s\" is not an IP address", address);
	if (lua_getfield(L, target, "port") != LUA_TNIL)
		out->addr.port = api_check_port(L, lua_gettop(L));
	out->owner = field_string(L, target, "owner", OWNER_DEFAULT);
	out->service = field_string(L, target, "service", out->owner);
	out->host = field_string(L, target, "host", NULL);
	out->state_key = 1;
}

static uint64_t read_timeout_ms(lua_State *L, int table)
{
	lua_Number s;

	if (lua_getfield(L, table, "timeout") == LUA_TNIL)
		return TIMEOUT_DEFAULT_MS;
	s = lua_tonumber(L, -1);
	if (lua_type(L, -1) != LUA_TNUMBER || !(s > 0 && s <= TIMEOUT_MAX_S))
		luaL_error(L, "\"timeout\" must be a number of seconds");
	return (uint64_t)(s * 1000 + 0.5);
}

/* ---- running ---- */

static void take_log(void *ctx, enum log_level level, const char *line)
{
	struct testing *t = ctx;

	(void)level;
	bytes_printf(&t->log, "%s\n", line);
}

/* A state of its own for each case, but where it goes on from the one before. Raises. */
static void open_check(struct testing *t, lua_State *L, bool keep)
{
	int err = 0;

	if (t->script != NULL && keep && !script_is_spoiled(t->script))
		return;
	script_free(t->script);
	t->script = NULL;
	err = script_new(&t->script, t->check->file, t->check->text, t->check->len, &script_limits_default, t->d);
	if (err != 0)
		luaL_error(L, "%s", "the check cannot be loaded");
	script_set_log(t->script, take_log, t);
}

static enum mock_outcome drive(struct testing *t, lua_State *L, const struct script_target *target)
{
	struct script_request req;
	struct script_answer a;
	const struct script_arg *args;
	size_t n;
	int status;

	args = test_args_get(t->args, &n);
	status = script_start(t->script, &t->run, target, args, n, &req, &t->got);
	while (status == SCRIPT_YIELDED) {
		enum mock_outcome o = MOCK_NONE;

		if (req.type != SCRIPT_REQ_SLICE) {
			o = mock_answer(&t->mock, &req, &a);
			if (o != MOCK_ANSWERED)
				return o;
		}
		status = script_resume(t->run, o == MOCK_ANSWERED ? &a : NULL, &req, &t->got);
	}
	if (status < 0)
		luaL_error(L, "%s", err_text(status));
	return MOCK_ANSWERED;
}

static void run_check(struct testing *t, lua_State *L, const struct script_target *target)
{
	enum mock_outcome o = drive(t, L, target);

	script_run_free(t->run);
	t->run = NULL;
	if (o == MOCK_WRONG) {
		t->got = (struct health_result){ .reason = HEALTH_REASON_NONE };
		return;
	}
	if (o == MOCK_OVER)
		t->got = t->mock.over;
	t->got.took_us = (uint32_t)t->mock.now_us;
	mock_finish(&t->mock);
}

/* ---- judging ---- */

static const char *outcome_text(enum health_outcome o)
{
	return o == HEALTH_PASS ? "up" : o == HEALTH_FAIL ? "down" : o == HEALTH_UNKNOWN_RESULT ? "unknown" : "void";
}

static void differ(struct testing *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void differ(struct testing *t, const char *fmt, ...)
{
	size_t n = strlen(t->what);
	va_list ap;

	if (n + 4 >= sizeof t->what)
		return;
	if (n > 0)
		n += (size_t)snprintf(t->what + n, sizeof t->what - n, "; ");
	va_start(ap, fmt);
	vsnprintf(t->what + n, sizeof t->what - n, fmt, ap);
	va_end(ap);
}

static void reason_text(const struct health_result *r, char *out, size_t cap)
{
	const char *reason = r->reason == HEALTH_OK ? "" : health_reason_text(r->reason);

	snprintf(out, cap, "%s%s%s", reason, reason[0] != '\0' && r->detail[0] != '\0' ? ": " : "", r->detail);
}

static void judge(struct testing *t, lua_State *L, int table, enum health_outcome want)
{
	enum health_outcome got = health_result_outcome(&t->got);
	char reason[HEALTH_DETAIL_MAX + 40];
	const char *part;

	reason_text(&t->got, reason, sizeof reason);
	if (t->mock.trouble[0] != '\0')
		differ(t, "%s", t->mock.trouble);
	if (t->got.reason == HEALTH_REASON_NONE)
		return;
	if (got != want)
		differ(t, "got %s%s%s%s, wanted %s", outcome_text(got), reason[0] != '\0' ? " (" : "", reason, reason[0] != '\0' ? ")" : "",
		       outcome_text(want));
	if (lua_getfield(L, table, "weight") != LUA_TNIL && lua_tonumber(L, -1) != t->got.weight_pct)
		differ(t, "got weight %u, wanted %g", t->got.weight_pct, lua_tonumber(L, -1));
	part = field_string(L, table, "reason", "");
	if (got == want && strstr(reason, part) == NULL)
		differ(t, "the reason is \"%s\"; wanted one that contains \"%.200s\"", reason, part);
	part = field_string(L, table, "log", "");
	if (strstr((const char *)t->log.data, part) == NULL)
		differ(t, "nothing logged contains \"%.200s\"", part);
}

static void report(struct testing *t)
{
	t->out.name = t->name;
	t->out.ok = t->what[0] == '\0';
	t->out.got = &t->got;
	t->out.what = t->what;
	t->out.log = (const char *)t->log.data;
	t->sink(t->ctx, &t->out);
}

/* ---- cases ---- */

/* Protected; what it acquires hangs in t, for case_end. */
static int run_case(lua_State *L)
{
	static const char *const known[] = { "name", "args", "target", "mock", "want", "weight", "reason", "log", "timeout", "keep", NULL };
	struct testing *t = lua_touserdata(L, 1);
	struct script_target target = { 0 };
	enum health_outcome want;
	uint64_t timeout_ms;
	int table;

	luaL_checkstack(L, 64, NULL);
	lua_rawgeti(L, LUA_REGISTRYINDEX, t->cases->main_ref);
	if (lua_rawgeti(L, -1, t->number) != LUA_TTABLE)
		luaL_error(L, "expected a table such as { name = …, mock = { … }, want = \"up\" }");
	table = lua_gettop(L);
	snprintf(t->name, sizeof t->name, "%s", field_string(L, table, "name", t->name));
	t->out.line = find_line(t, t->name);
	mock_check_keys(L, table, "the case", known);
	want = read_want(L, table);
	read_target(L, table, &target);
	timeout_ms = read_timeout_ms(L, table);
	lua_getfield(L, table, "keep");
	open_check(t, L, lua_toboolean(L, -1));
	lua_getfield(L, table, "args");
	test_args_read(t->args, L, lua_gettop(L), t->script, &target);
	if (lua_getfield(L, table, "mock") == LUA_TNIL)
		lua_newtable(L);
	if (!lua_istable(L, -1))
		luaL_error(L, "\"mock\" must be a list of steps");
	mock_init(&t->mock, L, lua_gettop(L), timeout_ms);
	t->mocking = true;
	run_check(t, L, &target);
	bytes_u8(&t->log, 0);
	if (t->log.failed)
		luaL_error(L, "the check logs too much");
	judge(t, L, table, want);
	report(t);
	return 0;
}

static void case_end(struct testing *t)
{
	script_run_free(t->run);
	t->run = NULL;
	if (t->mocking)
		mock_deinit(&t->mock);
	t->mocking = false;
	bytes_deinit(&t->log);
}

static int case_begin(struct testing *t, lua_Integer number)
{
	lua_State *L = t->cases->L;
	int err = 0;

	t->number = number;
	t->out = (struct script_test_case){ .name = t->name };
	t->got = (struct health_result){ .reason = HEALTH_REASON_NONE };
	t->what[0] = '\0';
	bytes_init(&t->log, LOG_MAX);
	snprintf(t->name, sizeof t->name, "case %d", (int)number);
	lua_pushcfunction(L, run_case);
	lua_pushlightuserdata(L, t);
	if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
		const struct failure *f = fail_get(L, -1);
		const char *text = f != NULL ? f->detail : lua_tostring(L, -1);

		diags_add(t->d, DIAG_ERROR, t->file->file, t->out.line, 0, "\"%s\": %s", t->name, text != NULL ? text : "an error without a text");
		err = ERR_FORMAT;
	}
	lua_settop(L, 0);
	case_end(t);
	return err;
}

/* The chunk's result on the top: a list of cases. */
static int read_list(struct script *s, struct diags *d)
{
	bool is_list = lua_istable(s->L, -1) && lua_rawlen(s->L, -1) > 0;

	if (is_list && lua_rawlen(s->L, -1) <= SCRIPT_TEST_CASES_MAX)
		return 0;
	diags_add(d, DIAG_ERROR, s->file, 0, 0, "the file returns %s; expected return { { name = \"…\", mock = { … }, want = \"up\" }, … }",
		  is_list ? "too many cases" : "no list of cases");
	return ERR_FORMAT;
}

int script_test(const struct script_source *check, const struct script_source *cases, script_test_sink sink, void *ctx,
		struct diags *d)
{
	struct testing t = { .check = check, .file = cases, .sink = sink, .ctx = ctx, .d = d };
	struct script_limits limits = script_limits_default;
	lua_Integer count;
	int err;

	limits.memory = MEMORY;
	limits.cpu_us = 1000000;
	err = script_new(&t.script, check->file, check->text, check->len, &script_limits_default, d);
	if (err == 0)
		err = script_open(&t.cases, cases->file, cases->text, cases->len, &limits, read_list, d);
	t.args = err == 0 ? test_args_new() : NULL;
	err = err == 0 && t.args == NULL ? ERR_NOMEM : err;
	if (err == 0) {
		lua_rawgeti(t.cases->L, LUA_REGISTRYINDEX, t.cases->main_ref);
		count = (lua_Integer)lua_rawlen(t.cases->L, -1);
		lua_settop(t.cases->L, 0);
		for (lua_Integer i = 1; i <= count; i++)
			err = case_begin(&t, i) != 0 ? ERR_FORMAT : err;
	}
	test_args_free(t.args);
	script_free(t.script);
	script_free(t.cases);
	return err;
}
