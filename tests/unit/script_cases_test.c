/* Tests of check scripts by their authors: what cases find, and what is said of a case or a step that makes no sense. */
#include "tests/unit/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "script/test.h"

static char told[16384]; /* "ok NAME\n" or "FAILED LINE NAME: WHAT\n" a case, then the faults */

static void on_case(void *ctx, const struct script_test_case *c)
{
	char line[2048];

	(void)ctx;
	if (c->ok)
		snprintf(line, sizeof line, "ok %s\n", c->name);
	else
		snprintf(line, sizeof line, "FAILED %u %s: %s\n", c->line, c->name, c->what);
	strncat(told, line, sizeof told - strlen(told) - 1);
}

static int run(const char *check, const char *cases)
{
	struct script_source a = { "x.lua", check, strlen(check) }, b = { "x_test.lua", cases, strlen(cases) };
	struct diags d;
	int e;

	told[0] = '\0';
	diags_init(&d);
	e = script_test(&a, &b, on_case, NULL, &d);
	for (size_t i = 0; i < d.count; i++) {
		char line[512];

		diag_format(&d.list[i], line, sizeof line);
		strncat(told, line, sizeof told - strlen(told) - 2);
		strcat(told, "\n");
	}
	diags_deinit(&d);
	return e;
}

#define PING "return { args = { port = 'integer', name = 'owner?' }, run = function (target, args)\n" \
	"local conn = net.connect(target.address, args.port)\n" \
	"conn:send('PI') conn:send('NG\\n')\n" \
	"local line = conn:readline()\n" \
	"assert(line == 'PONG', 'said ' .. line)\n" \
	"return 75, 'all well'\nend }"

/* One case, from its fields; what is told of it. */
static const struct { const char *fields, *expected; } pings[] = {
	{ "mock = { { expect = 'PING\\n', reply = 'PONG\\n' } }, want = 'up'", "ok a\n" },
	{ "mock = { { connect = 7 }, { expect = 'PING\\n' }, { reply = 'PONG\\r\\n' } }, want = 'up', weight = 75, reason = 'all well'", "ok a\n" },
	{ "mock = { { expect = 'PING\\n', reply = 'PONG\\n' } }, want = 'up', weight = 100", "FAILED 1 a: got weight 75, wanted 100\n" },
	{ "mock = { { expect = 'PING\\n', reply = 'PONG\\n' } }, want = 'down'", "FAILED 1 a: got up (all well), wanted down\n" },
	{ "mock = { { expect = 'PING\\n', reply = 'OUCH\\n' } }, want = 'down', reason = 'said PONG'",
	  "FAILED 1 a: the reason is \"wrong reply: said OUCH\"; wanted one that contains \"said PONG\"\n" },
	{ "mock = { { expect = 'PONG\\n' } }, want = 'down'", "FAILED 1 a: step 1: the check sends \"PI\"; the mock expects \"PONG\\n\"\n" },
	{ "mock = { { expect = 'PI' }, { reply = 'PONG\\n' } }, want = 'up'",
	  "FAILED 1 a: step 2: the check sends \"NG\\n\"; the mock expects a read\n" },
	{ "mock = { { expect = 'PING\\n' }, { connect = 8 } }, want = 'up'",
	  "FAILED 1 a: step 2: the check reads from port 7; the mock expects a connection\n" },
	{ "mock = { { expect = 'PING\\n' } }, want = 'up'", "FAILED 1 a: the check reads from port 7, and the mock has no further step for it\n" },
	{ "want = 'up'", "FAILED 1 a: the check sends \"PI\", and the mock has no step for it\n" },
	{ "mock = { { connect = 8 } }, want = 'up'", "FAILED 1 a: step 1: the check connects to port 7; the mock expects port 8\n" },
	{ "mock = { { connect = 7, tls = true } }, want = 'up'",
	  "FAILED 1 a: step 1: the check connects without TLS; the mock expects it the other way\n" },
	{ "mock = { { expect = 'PING\\n', reply = 'PONG\\n' }, { http = true } }, want = 'up'",
	  "FAILED 1 a: step 2: the check ended, and the mock still expects an HTTP request\n" },
	{ "mock = { { expect = function (s) return s == 'PI' end }, { expect = function (s) return false, 'why' end } }, want = 'up'",
	  "FAILED 1 a: step 2: the check sends \"NG\\n\"; \"expect\" does not take it: why\n" },
	{ "mock = { { expect = 'PING\\n', silent = true } }, want = 'down', reason = 'read timeout'", "ok a\n" },
	{ "mock = { { expect = 'PING\\n', reply = 'PONG\\n', after = 2.1 } }, want = 'down', reason = 'read timeout'", "ok a\n" },
	{ "mock = { { expect = 'PING\\n', reply = 'PONG\\n', after = 2.1 } }, timeout = 3, want = 'up'", "ok a\n" },
	{ "mock = { { expect = 'PING\\n', reply = 'PO', close = true } }, want = 'down', reason = 'connection closed: port 7, within a line'", "ok a\n" },
	{ "mock = { { expect = 'PING\\n', fail = 'connection reset' } }, want = 'down', reason = 'connection reset'", "ok a\n" },
	{ "mock = { { fail = 'local error' } }, want = 'down'", "FAILED 1 a: got void (local error: port 7), wanted down\n" },
	{ "mock = { { expect = 'PING\\n', reply = 'PONG\\n' } }, target = { port = 9 }, want = 'up', log = 'x'",
	  "FAILED 1 a: nothing logged contains \"x\"\n" },
	/* what is no case */
	{ "mock = { { expcet = 'PING\\n' } }, want = 'up'", "x_test.lua:1: \"a\": step 1: unknown key \"expcet\"; did you mean \"expect\"\n" },
	{ "mock = { { fail = 'connection refused' } }, want = 'up'",
	  "x_test.lua:1: \"a\": step 1: no failure is called \"connection refused\"; expected one such as \"connect refused\"; "
	  "did you mean \"connect refused\"\n" },
	{ "mock = { 'PING' }, want = 'up'", "x_test.lua:1: \"a\": step 1: expected a table such as { expect = …, reply = … }\n" },
	{ "mock = { { expect = 5 } }, want = 'up'", "x_test.lua:1: \"a\": step 1: \"expect\" must be a string or a function\n" },
	{ "mock = { { expect = function () error('oh') end } }, want = 'up'", "x_test.lua:1: \"a\": step 1: oh\n" },
	{ "mock = { { expect = function () while true do end end } }, want = 'up'", "x_test.lua:1: \"a\": step 1: \"expect\" takes too long\n" },
	{ "mocks = {}, want = 'up'", "x_test.lua:1: \"a\": the case: unknown key \"mocks\"; did you mean \"mock\"\n" },
	{ "mock = {}", "x_test.lua:1: \"a\": want is \"\"; expected \"up\", \"down\" or \"unknown\"\n" },
	{ "want = 'fine'", "x_test.lua:1: \"a\": want is \"fine\"; expected \"up\", \"down\" or \"unknown\"\n" },
	{ "want = 'up', target = { address = 'localhost' }", "x_test.lua:1: \"a\": \"localhost\" is not an IP address\n" },
};

START_TEST(cases_are_judged)
{
	char cases[1024];

	for (size_t i = 0; i < sizeof pings / sizeof *pings; i++) {
		snprintf(cases, sizeof cases, "return { { name = 'a', args = { port = 7 }, %s } }", pings[i].fields);
		(void)!run(PING, cases);
		ck_assert_msg(strcmp(told, pings[i].expected) == 0, "%s\ngave     %sexpected %s", pings[i].fields, told, pings[i].expected);
	}
}
END_TEST

START_TEST(arguments_are_checked_as_in_a_configuration)
{
	static const struct { const char *args, *expected; } table[] = {
		{ "{}", "argument \"port\" of the check is missing; expected args = { port = … }" },
		{ "{ prot = 7 }", "the check has no argument \"prot\"; did you mean \"port\"" },
		{ "{ port = 'x' }", "argument \"port\" is a string; expected integer" },
		{ "{ port = 7.5 }", "argument \"port\" is a number; expected integer" },
		{ "{ 7 }", "a value without a name among \"args\"; expected name = value" },
	};
	char cases[512], expected[512];

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		snprintf(cases, sizeof cases, "return { { name = 'a', args = %s, want = 'up' } }", table[i].args);
		ck_assert_int_eq(run(PING, cases), ERR_FORMAT);
		snprintf(expected, sizeof expected, "x_test.lua:1: \"a\": %s\n", table[i].expected);
		ck_assert_str_eq(told, expected);
	}
	ck_assert_int_eq(run("return { args = { host = 'owner' }, run = function (t, a) return a.host == t.owner, a.host end }",
			     "return { { name = 'a', target = { owner = 'x.test' }, want = 'up', reason = 'x.test' } }"), 0);
	ck_assert_str_eq(told, "ok a\n");
}
END_TEST

START_TEST(every_case_is_told_and_every_fault)
{
	ck_assert_int_eq(run("return function () return true end",
			     "return {\n{ name = 'one', want = 'up' },\n{ name = 'two', want = 'down' },\n{ name = 'three' },\n{ name = 'four', want = 'up' }\n}"),
			 ERR_FORMAT);
	ck_assert_str_eq(told, "ok one\nFAILED 3 two: got up, wanted down\nok four\n"
			       "x_test.lua:4: \"three\": want is \"\"; expected \"up\", \"down\" or \"unknown\"\n");
}
END_TEST

START_TEST(time_passes_without_waiting)
{
	static const char check[] = "return function (t)\n"
				    "  local conn = net.connect(t.address, 7)\n"
				    "  local ok, failure = pcall(conn.readline, conn, 0.5)\n"
				    "  log(failure and failure.reason)\n"
				    "  sleep(3000)\n"
				    "  return true, conn:read()\nend";

	ck_assert_int_eq(run(check, "return { { name = 'a', timeout = 3500, want = 'up', log = 'read timeout', reason = 'late',\n"
				    "mock = { { connect = true }, { reply = 'late', after = 600 } } } }"), 0);
	ck_assert_str_eq(told, "ok a\n");
	ck_assert_int_eq(run(check, "return { { name = 'a', timeout = 2999, want = 'down', reason = 'check timeout: asleep',\n"
				    "mock = { { connect = true }, { reply = 'late', after = 600 } } } }"), 0);
	ck_assert_str_eq(told, "ok a\n");
}
END_TEST

/* Bugs and budgets come out as in the server: unknown. */
START_TEST(the_sandbox_is_the_servers)
{
	static const char cases[] = "return { { name = 'a', want = 'unknown' } }";
	static const char *const checks[] = { "return function (t) return t.nothing.here end", "return function () while true do end end",
					      "return function () return io.open('x') end", "return function () return 'up' end",
					      "return function () while true do pcall(error) end end" };

	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
		ck_assert_int_eq(run(checks[i], cases), 0);
		ck_assert_str_eq(told, "ok a\n");
	}
	ck_assert_int_eq(run("return funktion", cases), ERR_FORMAT);
	ck_assert_int_eq(run("return {", cases), ERR_FORMAT);
	ck_assert_str_eq(told, "x.lua:1: unexpected symbol near <eof>\n");
}
END_TEST

START_TEST(a_state_is_kept_where_asked)
{
	ck_assert_int_eq(run("return function (t) t.state.n = (t.state.n or 0) + 1 return true, 'run ' .. t.state.n end",
			     "return { { name = 'a', want = 'up', reason = 'run 1' }, { name = 'b', keep = true, want = 'up', reason = 'run 2' },\n"
			     "{ name = 'c', want = 'up', reason = 'run 1' } }"), 0);
	ck_assert_str_eq(told, "ok a\nok b\nok c\n");
}
END_TEST

START_TEST(files_of_cases_that_are_none)
{
	static const struct { const char *text, *expected; } table[] = {
		{ "return 5", "x_test.lua: the file returns no list of cases; expected return { { name = \"…\", mock = { … }, want = \"up\" }, … }\n" },
		{ "return {}", "x_test.lua: the file returns no list of cases; expected return { { name = \"…\", mock = { … }, want = \"up\" }, … }\n" },
		{ "return { 5 }", "x_test.lua: \"case 1\": expected a table such as { name = …, mock = { … }, want = \"up\" }\n" },
		{ "return {\n!", "x_test.lua:2: unexpected symbol near '!'\n" },
		{ "while true do end", "x_test.lua: the script takes too long to load; expected its work inside of run, which has a deadline\n" },
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		ck_assert_int_eq(run("return function () return true end", table[i].text), ERR_FORMAT);
		ck_assert_str_eq(told, table[i].expected);
	}
}
END_TEST

/* ---- HTTP, DNS, TLS ---- */

START_TEST(http_requests_are_compared)
{
	static const char check[] = "return function (t) local a = http.request(t, { method = 'POST', path = '/x', body = 'hello', port = 81,\n"
				    "headers = { Accept = 'text/plain' }, max_body = 4 }) return true, a.status .. a.headers['x-load'] .. a.body end";
	static const struct { const char *step, *expected; } table[] = {
		{ "{ http = true, headers = { ['X-Load'] = '7' }, body = '12345' }", "ok a\n" },
		{ "{ http = { method = 'POST', path = '/x', body = 'hello', host = 'www.example.test', headers = { accept = 'text/plain' } }, "
		  "headers = { ['X-Load'] = '7' }, body = '1234' }", "ok a\n" },
		{ "{ http = { path = '/y' } }", "FAILED 1 a: step 1: the path is \"/x\"; the mock expects \"/y\"\n" },
		{ "{ http = { headers = { accept = 'text' } } }", "FAILED 1 a: step 1: the check's request has no header \"accept: text\"\n" },
		{ "{ http = { port = 80 } }", "FAILED 1 a: step 1: the port is 81; the mock expects 80\n" },
		{ "{ http = { pth = 1 } }", "x_test.lua:1: \"a\": http: unknown key \"pth\"; did you mean \"path\"\n" },
		{ "{ http = true, status = 5 }", "x_test.lua:1: \"a\": step 1: \"status\" must be a number from 100 to 999\n" },
		{ "{ dns = true }", "FAILED 1 a: step 1: the check asks port 81 for POST /x; the mock expects a DNS query\n" },
	};
	char cases[512];

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		snprintf(cases, sizeof cases, "return { { name = 'a', want = 'up', reason = '20071234', mock = { %s } } }", table[i].step);
		(void)!run(check, cases);
		ck_assert_msg(strcmp(told, table[i].expected) == 0, "%s\ngave     %sexpected %s", table[i].step, told, table[i].expected);
	}
}
END_TEST

START_TEST(dns_answers_are_made_of_text)
{
	static const char check[] = "return function (t, a) local got = dns.query(t, { name = 'example.test', type = a.type })\n"
				    "local r = got.answer[1] return true, got.rcode .. ' ' .. (r and r.name .. ' ' .. r.ttl .. ' ' .. r.type .. ' ' .. r.data or '-') end";
	static const struct { const char *type, *record, *expected; } table[] = {
		{ "A", "example.test 60 A 192.0.2.1", NULL },
		{ "AAAA", "example.test 60 AAAA 2001:db8::1", NULL },
		{ "MX", "example.test 60 MX 10 mx.example.test", NULL },
		{ "SRV", "_x._tcp.example.test 60 SRV 1 2 3 a.example.test", NULL },
		{ "TXT", "example.test 60 TXT \"two words\" \"more\"", NULL },
		{ "CNAME", "example.test 60 CNAME www.example.test", NULL },
		{ "SOA", "example.test 60 SOA ns1.example.test h.example.test 1 2 3 4 5", NULL },
		{ "A", "example.test 60 A 192.0.2", "x_test.lua:1: \"a\": step 1: \"192.0.2\" is not an IPv4 address\n" },
		{ "A", "example.test 60 A", "x_test.lua:1: \"a\": step 1: too little data for a record of type A\n" },
		{ "A", "example.test 60 A 192.0.2.1 5", "x_test.lua:1: \"a\": step 1: too much data for a record of type A\n" },
		{ "A", "example.test 60 B 5", "x_test.lua:1: \"a\": step 1: no type \"B\" is known; expected a record such as \"www.example.test 60 A 192.0.2.1\"\n" },
		{ "A", "example.test x A 5", "x_test.lua:1: \"a\": step 1: \"x\" is not a number up to 2147483647\n" },
		{ "A", "", "x_test.lua:1: \"a\": step 1: an empty record; expected \"NAME TTL TYPE DATA\"\n" },
	};
	char cases[1024];

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		snprintf(cases, sizeof cases, "return { { name = 'a', want = 'up', args = { type = '%s' }, reason = 'NOERROR %s',\n"
			 "mock = { { dns = { type = '%s', name = 'example.test' }, answer = { '%s' } } } } }", table[i].type, table[i].record, table[i].type,
			 table[i].record);
		(void)!run(check, cases);
		ck_assert_str_eq(told, table[i].expected != NULL ? table[i].expected : "ok a\n");
	}
}
END_TEST

START_TEST(certificates_are_what_a_step_says)
{
	ck_assert_int_eq(run("return function (t) local c = net.connect(t.address, 443, { tls = true }):tls()\n"
			     "return true, c.subject .. c.days_left .. c.names[2] .. c.protocol .. tostring(c.verified) end",
			     "return { { name = 'a', want = 'up', reason = 'CN=x7.0b.testTLSv1.3false', mock = { { connect = 443, tls = 'www.example.test',\n"
			     "cert = { subject = 'CN=x', days_left = 7, names = { 'a.test', 'b.test' }, fault = 'old' } } } } }"), 0);
	ck_assert_str_eq(told, "ok a\n");
	ck_assert_int_eq(run("return function (t) net.connect(t.address, 443):tls() end",
			     "return { { name = 'a', want = 'unknown', reason = 'this connection has no TLS' } }"), 0);
	ck_assert_str_eq(told, "ok a\n");
}
END_TEST

START_TEST(datagrams_stay_apart)
{
	static const char check[] = "return function (t) local udp = net.udp(t.address, 161) udp:send('a') udp:send('b')\n"
				    "local one = udp:receive() local two = udp:receive() return true, one .. '-' .. two end";

	ck_assert_int_eq(run(check, "return { { name = 'a', want = 'up', reason = '1-23',\n"
				    "mock = { { udp = 161 }, { expect = 'a', reply = '1' }, { expect = 'b', reply = '23' } } } }"), 0);
	ck_assert_str_eq(told, "ok a\n");
	ck_assert_int_eq(run(check, "return { { name = 'a', want = 'down', reason = 'connect refused: port 161',\n"
				    "mock = { { expect = 'a' }, { fail = 'connect refused' } } } }"), 0);
	ck_assert_str_eq(told, "ok a\n");
	ck_assert_int_eq(run(check, "return { { name = 'a', want = 'up', mock = { { connect = 161 } } } }"), 0);
	ck_assert_str_eq(told, "FAILED 1 a: step 1: the check sends \"a\"; the mock expects a connection\n");
}
END_TEST

START_TEST(plugins_are_compared)
{
	static const char check[] = "return { plugins = true, run = function () local r = run('/opt/x', 'a b', { timeout = 1 }) return true, r.status .. r.output end }";
	static const struct { const char *step, *expected; } table[] = {
		{ "{ run = '/opt/x a b', exit = 1, output = 'hm' }", "ok a\n" },
		{ "{ run = { '/opt/x', 'a b' }, exit = 1, output = 'hm' }", "ok a\n" },
		{ "{ run = { '/opt/x', 'a', 'b' } }", "FAILED 1 a: step 1: the check runs \"/opt/x\\x00a b\\x00\"; the mock expects "
						      "\"/opt/x\\x00a\\x00b\\x00\"\n" },
		{ "{ run = '/opt/y' }", "FAILED 1 a: step 1: the check runs \"/opt/x a b\"; the mock expects \"/opt/y\"\n" },
		{ "{ run = 5 }", "x_test.lua:1: \"a\": step 1: \"run\" must be true, a command or a list of words\n" },
		{ "{ run = true, silent = true }", "FAILED 1 a: got down (check timeout: the plugin did not end), wanted up\n" },
		{ "{ http = true }", "FAILED 1 a: step 1: the check runs /opt/x a b; the mock expects an HTTP request\n" },
	};
	char cases[512];

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		snprintf(cases, sizeof cases, "return { { name = 'a', want = 'up', reason = 'warninghm', mock = { %s } } }", table[i].step);
		(void)!run(check, cases);
		ck_assert_str_eq(told, table[i].expected);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = { cases_are_judged, arguments_are_checked_as_in_a_configuration, every_case_is_told_and_every_fault,
				 time_passes_without_waiting, the_sandbox_is_the_servers, a_state_is_kept_where_asked, files_of_cases_that_are_none,
				 http_requests_are_compared, dns_answers_are_made_of_text, certificates_are_what_a_step_says,
				 datagrams_stay_apart, plugins_are_compared };
	return unit_run("script_cases", tests, sizeof tests / sizeof *tests);
}
