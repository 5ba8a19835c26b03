/* What a run finds: the mapping from values, errors and failures to verdicts. */
#include "script_help.h"

static const struct turn connected_line[] = { { .type = SCRIPT_REQ_CONNECT },
					      { .type = SCRIPT_REQ_READLINE, .data = "-ERR" },
					      { .type = 0 } };
static const struct turn refused[] = {
	{ .type = SCRIPT_REQ_CONNECT, .failure = HEALTH_CONNECT_REFUSED, .detail = "port 25" }, { .type = 0 }
};

static const struct mapping {
	const char *body;
	enum health_reason reason;
	unsigned weight;
	const char *detail; /* a part of it; NULL = empty */
	const struct turn *talk;
} mappings[] = {
	{ "return true", HEALTH_OK, 100, NULL, NULL },
	{ "return true, 'fine'", HEALTH_OK, 100, "fine", NULL },
	{ "return false", HEALTH_CHECK_SAID_DOWN, 0, NULL, NULL },
	{ "return false, 'too old'", HEALTH_CHECK_SAID_DOWN, 0, "too old", NULL },
	{ "return 0", HEALTH_CHECK_SAID_DOWN, 0, NULL, NULL },
	{ "return 1", HEALTH_OK, 1, NULL, NULL },
	{ "return 75, 'busy'", HEALTH_OK, 75, "busy", NULL },
	{ "return 75.9", HEALTH_OK, 75, NULL, NULL },
	{ "return 0.1", HEALTH_OK, 1, NULL, NULL },
	{ "return 100, 12", HEALTH_OK, 100, "12", NULL },
	{ "return true, nil", HEALTH_OK, 100, NULL, NULL },
	{ "return true, 'a\\nb\\0c\\127'", HEALTH_OK, 100, "a?b?c?", NULL },
	/* nonsense is a bug of the script */
	{ "return", HEALTH_SCRIPT_ERROR, 0, "returned nothing", NULL },
	{ "return nil", HEALTH_SCRIPT_ERROR, 0, "returned nil", NULL },
	{ "return nil, 'who knows'", HEALTH_CHECK_SAID_UNKNOWN, 0, "who knows", NULL },
	{ "return nil, {}", HEALTH_SCRIPT_ERROR, 0, "returned nil", NULL },
	{ "return 'up'", HEALTH_SCRIPT_ERROR, 0, "returned string", NULL },
	{ "return {}", HEALTH_SCRIPT_ERROR, 0, "returned table", NULL },
	{ "return 101", HEALTH_SCRIPT_ERROR, 0, "out of range", NULL },
	{ "return -1", HEALTH_SCRIPT_ERROR, 0, "out of range", NULL },
	{ "return 0/0", HEALTH_SCRIPT_ERROR, 0, "out of range", NULL },
	{ "return 1/0", HEALTH_SCRIPT_ERROR, 0, "out of range", NULL },
	{ "return true, {}", HEALTH_SCRIPT_ERROR, 0, "as the reason", NULL },
	/* bugs, with their line */
	{ "\n\nnothing()", HEALTH_SCRIPT_ERROR, 0, "check.lua:3: attempt to call a nil value (global 'nothing')",
	  NULL },
	{ "return 1 + nil", HEALTH_SCRIPT_ERROR, 0, "check.lua:1: attempt to perform arithmetic", NULL },
	{ "return ('x')()", HEALTH_SCRIPT_ERROR, 0, "attempt to call a string", NULL },
	{ "return '10' + 1", HEALTH_SCRIPT_ERROR, 0, "arithmetic", NULL },
	{ "net.connect('nonsense', 1)", HEALTH_SCRIPT_ERROR, 0, "not an IP address", NULL },
	{ "x = 1", HEALTH_SCRIPT_ERROR, 0, "assignment to global 'x'", NULL },
	{ "local function f() return 1 + f() end return f()", HEALTH_SCRIPT_MEMORY, 0, "memory", NULL },
	/* said by the script */
	{ "error('bad')", HEALTH_CHECK_SAID_DOWN, 0, "bad", NULL },
	{ "error('bad', 0)", HEALTH_CHECK_SAID_DOWN, 0, "bad", NULL },
	{ "error({})", HEALTH_CHECK_SAID_DOWN, 0, "table", NULL },
	{ "error()", HEALTH_CHECK_SAID_DOWN, 0, "nil", NULL },
	{ "assert(false)", HEALTH_CHECK_SAID_DOWN, 0, "assertion failed!", NULL },
	{ "assert(nil, 'no answer')", HEALTH_CHECK_SAID_DOWN, 0, "no answer", NULL },
	{ "assert(false, 42)", HEALTH_CHECK_SAID_DOWN, 0, "42", NULL },
	{ "return assert(true, 'x')", HEALTH_OK, 100, "x", NULL },
	{ "local c = net.connect(target.address, 1) assert(c:readline() == '+PONG', 'not a pong')", HEALTH_REPLY_WRONG,
	  0, "not a pong", connected_line },
	{ "local c = net.connect(target.address, 1) return c:readline() == '+PONG', 'no'", HEALTH_CHECK_SAID_DOWN, 0,
	  "no", connected_line },
	/* failures of API calls keep their reason, also when caught and raised again */
	{ "net.connect(target.address, 25)", HEALTH_CONNECT_REFUSED, 0, "port 25", refused },
	{ "local ok, f = pcall(net.connect, target.address, 25) error(f)", HEALTH_CONNECT_REFUSED, 0, "port 25",
	  refused },
	{ "local ok, f = pcall(net.connect, target.address, 25) assert(ok, f)", HEALTH_CONNECT_REFUSED, 0, "port 25",
	  refused },
	{ "local ok, f = pcall(net.connect, target.address, 25) assert(not ok) return true, f.reason .. '/' .. "
	  "f.detail",
	  HEALTH_OK, 100, "connect refused/port 25", refused },
	{ "local ok, f = pcall(net.connect, target.address, 25) return false, 'it says ' .. f", HEALTH_CHECK_SAID_DOWN,
	  0, "it says connect refused: port 25", refused },
	{ "return xpcall(net.connect, function (f) return f end, target.address, 25), 'x'", HEALTH_CHECK_SAID_DOWN, 0,
	  "x", refused },
	/* caught and handled */
	{ "local ok, e = pcall(error, 'x', 0) assert(not ok and e == 'x') return true", HEALTH_OK, 100, NULL, NULL },
	{ "local ok, e = pcall(function () error('x') end) return true, e", HEALTH_OK, 100, "check.lua:1: x", NULL },
	{ "local ok, e = pcall(error, { 1 }) return true, 'n' .. e[1]", HEALTH_OK, 100, "n1", NULL },
	{ "local ok, e = pcall(function () nothing() end) return true, e", HEALTH_OK, 100, "attempt to call a nil",
	  NULL },
	{ "local ok, e = xpcall(error, function (m) return m .. '!' end, 'x', 0) return true, e", HEALTH_OK, 100, "x!",
	  NULL },
	{ "return select('#', pcall(function (...) return ... end, 1, 2, 3)), 'n'", HEALTH_OK, 4, "n", NULL },
	{ "return select('#', xpcall(function (...) return ... end, print or type, 1, 2)), 'n'", HEALTH_OK, 3, "n",
	  NULL },
	/* a bug caught and raised again is still a bug */
	{ "local ok, e = pcall(function () nothing() end) error(e)", HEALTH_SCRIPT_ERROR, 0, "attempt to call a nil",
	  NULL },
	{ "local ok, e = pcall(function () nothing() end) error(e, 0)", HEALTH_SCRIPT_ERROR, 0, "attempt to call a nil",
	  NULL },
	{ "assert(pcall(function () nothing() end))", HEALTH_SCRIPT_ERROR, 0, "attempt to call a nil", NULL },
};

START_TEST(verdict_of_a_run)
{
	const struct mapping *m = &mappings[_i];
	struct health_result r = help_body(m->body, m->talk);

	ck_assert_msg(r.reason == m->reason, "%s: %s (%s)", m->body, health_reason_text(r.reason), r.detail);
	ck_assert_uint_eq(r.weight_pct, m->weight);
	if (m->detail == NULL)
		ck_assert_str_eq(r.detail, "");
	else
		ck_assert_msg(strstr(r.detail, m->detail) != NULL, "%s: %s", m->body, r.detail);
}
END_TEST

START_TEST(bugs_are_logged_with_a_traceback)
{
	help_body("\nlocal function inner() nothing() end\ninner()", NULL);
	ck_assert_msg(strstr(help_log, "check.lua:2: attempt to call a nil value") != NULL, "%s", help_log);
	ck_assert_msg(strstr(help_log, "check.lua:3: in") != NULL, "%s", help_log);
	help_body("error('down')", NULL);
	ck_assert_str_eq(help_log, "");
}
END_TEST

START_TEST(long_details_are_cut)
{
	struct health_result r = help_body("return false, ('x'):rep(1000)", NULL);

	ck_assert_uint_eq(strlen(r.detail), HEALTH_DETAIL_MAX - 1);
}
END_TEST

/* ---- loading ---- */

static const struct loading {
	const char *text;
	const char *fault; /* NULL = loads */
} loadings[] = {
	{ "return function () return true end", NULL },
	{ "return { run = function () return true end }", NULL },
	{ "return { args = { port = 'integer' }, run = function () return true end }", NULL },
	{ "local x = 1\nlocal y = = 2", "check.lua:2: unexpected symbol near '='" },
	{ "\nnothing()", "check.lua:2: attempt to call a nil value" },
	{ "error('no')", "check.lua: no" },
	{ "", "check.lua: the script returns nothing; expected a function" },
	{ "return 1", "neither a function nor a table" },
	{ "return {}", "run is not a function" },
	{ "return { args = 1, run = function () end }", "args is not a table" },
	{ "return { args = { port = 'int' }, run = function () end }",
	  "argument \"port\" has no known type; expected string, integer" },
	{ "return { args = { port = 5 }, run = function () end }", "argument \"port\" has no known type" },
	{ "return { args = { 'port' }, run = function () end }", "not an identifier" },
	{ "return { args = { ['a b'] = 'string' }, run = function () end }", "not an identifier" },
	{ "\033Lua", "check.lua" },
	{ "while true do end", "takes too long to load" },
	{ "pcall(function () while true do end end) return function () end", "takes too long to load" },
	{ "local t = {} while true do t[#t + 1] = {} end", "takes too much memory to load" },
	{ "net.connect('192.0.2.1', 80)", "check.lua:1: the network can only be asked while a probe runs" },
	{ "load('return 1')", "attempt to call a nil value (global 'load')" },
	{ "require 'os'", "attempt to call a nil value (global 'require')" },
};

START_TEST(loading_tells_the_fault)
{
	const struct loading *l = &loadings[_i];
	struct script_limits lim = script_limits_default;
	struct script *s;

	lim.slice_us *= 10; /* instructions and memory decide, not the clock */
	s = help_script(l->text, &lim);

	if (l->fault == NULL)
		ck_assert_msg(s != NULL, "%s", help_log);
	else
		ck_assert_msg(s == NULL && strstr(help_log, l->fault) != NULL, "%s -> %s", l->text, help_log);
	script_free(s);
}
END_TEST

START_TEST(bytecode_and_long_texts_are_refused)
{
	struct script *s = NULL;
	struct diags d;
	char *text = malloc(300000);

	ck_assert_ptr_nonnull(text);
	memset(text, ' ', 300000);
	diags_init(&d);
	ck_assert_int_eq(script_new(&s, "long.lua", text, 300000, &script_limits_default, &d), ERR_FORMAT);
	ck_assert_int_eq(script_new(&s, "code.lua", "\033LuaT\0\x19\x93", 8, &script_limits_default, &d), ERR_FORMAT);
	ck_assert_uint_eq(d.errors, 2);
	ck_assert_ptr_nonnull(strstr(d.list[1].text, "attempt to load a binary chunk"));
	diags_deinit(&d);
	free(text);
}
END_TEST

START_TEST(too_little_memory_to_load)
{
	static const size_t sizes[] = { 0, 1000, 2000, 5000, 10000, 15000 };

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct script_limits lim = script_limits_default;
		struct script *s = NULL;
		struct diags d;
		int err;

		lim.memory = sizes[i];
		diags_init(&d);
		err = script_new(&s, "x.lua", "return function () end", 22, &lim, &d);
		ck_assert_msg(err == ERR_NOMEM || err == ERR_FORMAT, "%zu octets: %d", sizes[i], err);
		ck_assert_ptr_null(s);
		diags_deinit(&d);
	}
}
END_TEST

/* ---- arguments ---- */

START_TEST(arguments_are_declared)
{
	struct script *s = help_script(
		"return { args = { port = 'integer', path = 'string?', expect = 'integer|string?', host = 'owner?',"
		"ratio = 'number', quick = 'boolean?' }, run = function () end }",
		NULL);
	static const struct { const char *name; unsigned types; bool optional;
	} want[] = { { "expect", SCRIPT_ARG_INTEGER | SCRIPT_ARG_STRING, true },
		     { "host", SCRIPT_ARG_OWNER, true },
		     { "path", SCRIPT_ARG_STRING, true },
		     { "port", SCRIPT_ARG_INTEGER, false },
		     { "quick", SCRIPT_ARG_BOOLEAN, true },
		     { "ratio", SCRIPT_ARG_NUMBER, false } };
	const struct script_arg_spec *args;
	size_t n;
	bool declared;

	ck_assert_msg(s != NULL, "%s", help_log);
	args = script_args(s, &n, &declared);
	ck_assert(declared);
	ck_assert_uint_eq(n, sizeof want / sizeof *want);
	for (size_t i = 0; i < n; i++) {
		ck_assert_str_eq(args[i].name, want[i].name);
		ck_assert_uint_eq(args[i].types, want[i].types);
		ck_assert_int_eq(args[i].optional, want[i].optional);
	}
	ck_assert_str_eq(args[0].text, "integer|string?");
	ck_assert(script_arg_takes(&args[0], SCRIPT_ARG_STRING) && script_arg_takes(&args[0], SCRIPT_ARG_INTEGER));
	ck_assert(!script_arg_takes(&args[0], SCRIPT_ARG_NUMBER) && !script_arg_takes(&args[0], SCRIPT_ARG_NONE));
	ck_assert(script_arg_takes(&args[1], SCRIPT_ARG_STRING) && !script_arg_takes(&args[1], SCRIPT_ARG_OWNER));
	ck_assert(script_arg_takes(&args[5], SCRIPT_ARG_INTEGER) && script_arg_takes(&args[5], SCRIPT_ARG_NUMBER));
	script_free(s);
	s = help_script("return function () end", NULL);
	script_args(s, &n, &declared);
	ck_assert(!declared && n == 0);
	script_free(s);
}
END_TEST

START_TEST(nonsense_types_are_refused)
{
	static const char *const types[] = { "",         "?",        "integer??",
					     "integer|", "|integer", "integer?|string",
					     "Integer",  "string ?", "a" };

	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		char text[128];

		snprintf(text, sizeof text, "return { args = { x = '%s' }, run = function () end }", types[i]);
		ck_assert_msg(help_script(text, NULL) == NULL, "%s", types[i]);
	}
}
END_TEST

START_TEST(arguments_and_target_arrive)
{
	static const struct script_arg args[] = {
		{ .name = "deep", .type = SCRIPT_ARG_BOOLEAN, .boolean = true },
		{ .name = "path", .type = SCRIPT_ARG_STRING, .string = "/x" },
		{ .name = "port", .type = SCRIPT_ARG_INTEGER, .integer = 8080 },
		{ .name = "ratio", .type = SCRIPT_ARG_NUMBER, .number = 0.5 },
	};
	struct script *s =
		help_script("return function (t, a) return true, table.concat({ tostring(a.deep), a.path, "
			    "math.type(a.port), a.port, a.ratio, t.address, "
			    "t.family, tostring(t.port), t.service, t.owner, t.host, type(t.state) }, ' ') end",
			    NULL);
	struct health_result r = help_run_script(s, args, 4, NULL);

	ck_assert_str_eq(r.detail,
			 "true /x integer 8080 0.5 192.0.2.1 4 nil www.example.test www.example.test ams1 table");
	script_free(s);
}
END_TEST

START_TEST(state_is_kept_by_key)
{
	struct script *s =
		help_script("return function (t) t.state.n = (t.state.n or 0) + 1 return t.state.n end", NULL);
	struct script_target t = help_target();
	struct script_request req;
	struct health_result r;

	for (unsigned i = 0; i < 6; i++) {
		struct script_run *run;

		t.state_key = UINT64_MAX - i % 2;
		ck_assert_int_eq(script_start(s, &run, &t, NULL, 0, &req, &r), SCRIPT_DONE);
		ck_assert_uint_eq(r.weight_pct, i / 2 + 1);
		script_run_free(run);
	}
	for (unsigned i = 0; i < 10000; i++) { /* bounded: keys without end do not fill the memory */
		struct script_run *run;

		t.state_key = i;
		ck_assert_int_eq(script_start(s, &run, &t, NULL, 0, &req, &r), SCRIPT_DONE);
		ck_assert_int_eq(r.reason, HEALTH_OK);
		script_run_free(run);
	}
	ck_assert(!script_is_spoiled(s));
	script_free(s);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("script verdict");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, verdict_of_a_run, 0, (int)(sizeof mappings / sizeof *mappings));
	tcase_add_test(tc, bugs_are_logged_with_a_traceback);
	tcase_add_test(tc, long_details_are_cut);
	tcase_add_loop_test(tc, loading_tells_the_fault, 0, (int)(sizeof loadings / sizeof *loadings));
	tcase_add_test(tc, bytecode_and_long_texts_are_refused);
	tcase_add_test(tc, too_little_memory_to_load);
	tcase_add_test(tc, arguments_are_declared);
	tcase_add_test(tc, nonsense_types_are_refused);
	tcase_add_test(tc, arguments_and_target_arrive);
	tcase_add_test(tc, state_is_kept_by_key);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
