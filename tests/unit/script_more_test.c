/* ping and run as scripts see them: what they refuse, what they ask for, what they make of the answers. */
#include "tests/unit/script_help.h"

#define ECHO(us) { .type = SCRIPT_REQ_PING, .took_us = us }
#define LOST { .type = SCRIPT_REQ_PING, .failure = HEALTH_READ_TIMEOUT, .detail = "no echo" }
#define RAN(code, text) { .type = SCRIPT_REQ_RUN, .status = code, .data = text }
#define END { .type = SCRIPT_REQ_NONE }

static const struct { const char *body; struct turn talk[4]; enum health_reason reason; const char *detail; } cases[] = {
	{ "local p = ping(target.address) return p.sent == 1 and p.received == 1 and p.min == p.max, p.rtt", { ECHO(1500), END }, HEALTH_OK, "0.0015" },
	{ "local p = ping(target.address, { count = 3 }) return true, p.sent .. p.received .. p.rtt .. ' ' .. p.min .. ' ' .. p.max",
	  { ECHO(1000), LOST, ECHO(3000), END }, HEALTH_OK, "320.002 0.001 0.003" },
	{ "ping(target.address, { count = 2 })", { LOST, LOST, END }, HEALTH_READ_TIMEOUT, "no echo" },
	{ "ping(target.address, { count = 2 })", { { .type = SCRIPT_REQ_PING, .failure = HEALTH_CONNECT_UNREACHABLE }, END },
	  HEALTH_CONNECT_UNREACHABLE, "" },
	{ "ping(target.address)", { { .type = SCRIPT_REQ_PING, .failure = HEALTH_CHECK_IMPOSSIBLE, .detail = "not allowed" }, END },
	  HEALTH_CHECK_IMPOSSIBLE, "not allowed" },
	{ "ping()", { END }, HEALTH_SCRIPT_ERROR, "string expected" },
	{ "ping('localhost')", { END }, HEALTH_SCRIPT_ERROR, "not an IP address" },
	{ "ping(target.address, { count = 11 })", { END }, HEALTH_SCRIPT_ERROR, "count must be an integer from 1 to 10" },
	{ "ping(target.address, { size = 1401 })", { END }, HEALTH_SCRIPT_ERROR, "size must be" },
	{ "ping(target.address, { siez = 1 })", { END }, HEALTH_SCRIPT_ERROR, "no option \"siez\"" },
	{ "local r = run('/x') return true, r.code .. r.status .. r.output .. '|' .. r.text", { RAN(0, "fine\nmore\nlines\n"), END }, HEALTH_OK,
	  "0okfine|more" },
	{ "local r = run('/x') return true, r.code .. r.status .. r.output", { RAN(2, "BAD | a=1"), END }, HEALTH_OK, "2criticalBAD" },
	{ "local r = run('/x') return true, r.code .. r.status .. r.output", { RAN(4, "x"), END }, HEALTH_OK,
	  "3unknownthe plugin ended with status 4" },
	{ "local r = run('/x') return true, r.code .. r.output", { RAN(-15, "x"), END }, HEALTH_OK, "3the plugin died of signal 15" },
	{ "local r = run('/x') return true, r.code .. r.output .. #r.text", { RAN(0, NULL), END }, HEALTH_OK, "00" },
	{ "local p = run('/x').perfdata return true, p.a.value .. p.a.unit .. p.a.warn .. p.a.crit .. p.a.min .. p.a.max",
	  { RAN(0, "x|a=-1.5ms;@1:2;~:3;0;9"), END }, HEALTH_OK, "-1.5ms@1:2~:309" },
	{ "local p = run('/x').perfdata return p.b.warn == nil and p.b.crit == '7', p[\"it's = b\"].value .. p.c.value",
	  { RAN(0, "x|b=1;;7 'it''s = b'=2%\nlong | c=3"), END }, HEALTH_OK, "23" },
	{ "local n = 0 for k in pairs(run('/x').perfdata) do n = n + 1 end return true, n", { RAN(0, "x|a=U b= c=;; =1 '' d"), END }, HEALTH_OK, "0" },
	{ "run('x')", { END }, HEALTH_SCRIPT_ERROR, "named by its whole path" },
	{ "run()", { END }, HEALTH_SCRIPT_ERROR, "takes a command" },
	{ "run('/x', 'a\\0b')", { END }, HEALTH_SCRIPT_ERROR, "without NUL" },
	{ "run('/x', ('a'):rep(20000))", { END }, HEALTH_SCRIPT_ERROR, "at most 16384 octets" },
	{ "run('/x', true)", { END }, HEALTH_SCRIPT_ERROR, "string expected" },
	{ "local t = {} for i = 1, 64 do t[i] = 'x' end run('/x', table.unpack(t))", { END }, HEALTH_SCRIPT_ERROR, "at most 63 arguments" },
	{ "run('/x', { env = { ['A=B'] = 'x' } })", { END }, HEALTH_SCRIPT_ERROR, "env must be" },
	{ "run('/x', { env = { LD_PRELOAD = 'x' } })", { END }, HEALTH_SCRIPT_ERROR, "env must be" },
	{ "run('/x', { environment = {} })", { END }, HEALTH_SCRIPT_ERROR, "no option \"environment\"" },
};

START_TEST(what_scripts_see)
{
	char text[1024];
	struct script *s;
	struct health_result r;

	snprintf(text, sizeof text, "return { plugins = true, run = function (target) %s end }", cases[_i].body);
	s = help_script(text, NULL);
	ck_assert_msg(s != NULL, "%s", help_log);
	ck_assert(script_runs_plugins(s));
	r = help_run_script(s, NULL, 0, cases[_i].talk);
	ck_assert_msg(r.reason == cases[_i].reason && strstr(r.detail, cases[_i].detail) != NULL, "%s: %s (%s)", cases[_i].body,
		      health_reason_text(r.reason), r.detail);
	script_free(s);
}
END_TEST

START_TEST(words_and_environment_are_handed_over)
{
	static const char words[] = "/bin/check\0-p\00022\0a b", env[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin\0LC_ALL=C\0HOME=/x";
	struct script *s = help_script("return { plugins = true, run = function ()\n"
				       "run('/bin/check', '-p', 22, 'a b', { timeout = 1.5, env = { HOME = '/x' } }) end }", NULL);
	struct script_target t = help_target();
	struct script_run *run = NULL;
	struct script_request req;
	struct health_result r;

	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(script_start(s, &run, &t, NULL, 0, &req, &r), SCRIPT_YIELDED);
	ck_assert_int_eq(req.type, SCRIPT_REQ_RUN);
	ck_assert_uint_eq(req.timeout_ms, 1500);
	ck_assert_uint_eq(req.len, sizeof words);
	ck_assert_mem_eq(req.data, words, sizeof words);
	ck_assert_uint_eq(req.env_len, sizeof env);
	ck_assert_mem_eq(req.env, env, sizeof env);
	script_run_free(run);
	script_free(s);
}
END_TEST

START_TEST(a_script_must_say_that_it_runs_plugins)
{
	struct health_result r = help_body("return run('/bin/true')", NULL);

	ck_assert_int_eq(r.reason, HEALTH_SCRIPT_ERROR);
	ck_assert_ptr_nonnull(strstr(r.detail, "check.lua:1: run() is for scripts that say plugins = true"));
	ck_assert_ptr_null(help_script("return { plugins = 'yes', run = function () end }", NULL));
	ck_assert_ptr_nonnull(strstr(help_log, "plugins is neither true nor false"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ping and run");
	TCase *all = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(all, what_scripts_see, 0, (int)(sizeof cases / sizeof *cases));
	tcase_add_test(all, words_and_environment_are_handed_over);
	tcase_add_test(all, a_script_must_say_that_it_runs_plugins);
	suite_add_tcase(suite, all);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
