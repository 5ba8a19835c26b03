/* dns.query as scripts see it: what it refuses before anything is sent, and what it asks for. */
#include "base/buf.h"
#include "tests/unit/script_help.h"

static const struct { const char *call, *fault; } bad[] = {
	{ "dns.query()", "bad argument #1" },
	{ "dns.query('192.0.2')", "not an IP address" },
	{ "dns.query({})", "string expected" },
	{ "dns.query('192.0.2.1')", "name must be a domain name" },
	{ "dns.query(target, 'x')", "table expected" },
	{ "dns.query(target, { nmae = 'x' })", "dns.query has no option \"nmae\"" },
	{ "dns.query(target, { name = 'a..b' })", "name is not a domain name" },
	{ "dns.query(target, { name = ('a'):rep(64) })", "name is not a domain name" },
	{ "dns.query(target, { name = ('abc.'):rep(64) })", "name is not a domain name" },
	{ "dns.query(target, { name = ('a'):rep(100000) })", "name is not a domain name" },
	{ "dns.query(target, { type = 'AAA' })", "type must be a name such as \"A\", or \"TYPE\" and a number" },
	{ "dns.query(target, { type = 'TYPE65536' })", "type must be" },
	{ "dns.query(target, { type = {} })", "type must be" },
	{ "dns.query(target, { class = 'HS' })", "class must be" },
	{ "dns.query(target, { port = 0 })", "a port is 1 to 65535" },
	{ "dns.query(target, { edns = 100 })", "edns must be" },
	{ "dns.query(target, { edns = 1e9 })", "edns must be" },
	{ "dns.query(target, { timeout = -1 })", "a timeout is more than 0" },
};

START_TEST(nonsense_is_a_bug)
{
	struct health_result r = help_body(bad[_i].call, NULL);

	ck_assert_msg(r.reason == HEALTH_SCRIPT_ERROR && strstr(r.detail, bad[_i].fault) != NULL, "%s: %s (%s)", bad[_i].call,
		      health_reason_text(r.reason), r.detail);
}
END_TEST

#define QUESTION "\3www\7example\4test\0\0\1\0\1"
#define EDNS "\0\0\x29\x04\xd0\0\0\0\0\0\0"
#define OCTETS(text) text, sizeof(text) - 1

static const struct { const char *call, *query; size_t len; const char *to; bool stream; } good[] = {
	{ "dns.query(target)", OCTETS("\0\0\0\0\0\1\0\0\0\0\0\1" QUESTION EDNS), "192.0.2.1:53", false },
	{ "dns.query(target, { edns = false, rd = true, tcp = true })", OCTETS("\0\0\1\0\0\1\0\0\0\0\0\0" QUESTION), "192.0.2.1:53", true },
	{ "dns.query('2001:db8::1', { port = 5353, name = '.', type = 'ns', class = 'CLASS3', edns = 512 })",
	  OCTETS("\0\0\0\0\0\1\0\0\0\0\0\1\0\0\2\0\3\0\0\x29\2\0\0\0\0\0\0\0"), "[2001:db8::1]:5353", false },
	{ "dns.query(target, { name = 'A\\\\.b', type = 'TYPE257', edns = false })",
	  OCTETS("\0\0\0\0\0\1\0\0\0\0\0\0\3" "A.b" "\0\1\1\0\1"), "192.0.2.1:53", false },
};

/* Starts the call; the request that it makes stands in *req. */
static struct script_run *begin(struct script **s, const char *body, struct script_request *req)
{
	struct script_target t = help_target();
	struct script_run *run = NULL;
	struct health_result result;
	char text[512];

	snprintf(text, sizeof text, "return function (target) %s end", body);
	*s = help_script(text, NULL);
	ck_assert_msg(*s != NULL, "%s", help_log);
	ck_assert_int_eq(script_start(*s, &run, &t, NULL, 0, req, &result), SCRIPT_YIELDED);
	return run;
}

START_TEST(questions_are_written)
{
	struct script_request req;
	struct script *s;
	struct script_run *run = begin(&s, good[_i].call, &req);
	char to[ADDR_TEXT_MAX];

	ck_assert_int_eq(req.type, SCRIPT_REQ_DNS);
	ck_assert_uint_eq(req.len, good[_i].len);
	ck_assert_mem_eq(req.data, good[_i].query, req.len);
	ck_assert_str_eq(addr_format(&req.addr, true, to), good[_i].to);
	ck_assert(req.stream == good[_i].stream);
	script_run_free(run);
	script_free(s);
}
END_TEST

#define HEAD(flags, counts) "\0\0" flags "\0\1" counts QUESTION
#define A_RECORD "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1"

static const struct { const char *script, *answer; size_t len; enum health_reason reason; const char *detail; } answers[] = {
	{ "local r = dns.query(target).answer[1] return true, r.name .. r.type .. r.class .. r.ttl .. r.data",
	  OCTETS(HEAD("\x84\0", "\0\1\0\0\0\0") A_RECORD), HEALTH_OK, "www.example.testAIN60192.0.2.1" },
	{ "local a = dns.query(target) return a.aa and a.ra and not a.ad and not a.tc, a.rcode .. #a.answer .. #a.authority",
	  OCTETS(HEAD("\x84\x83", "\0\0\0\0\0\0")), HEALTH_OK, "NXDOMAIN00" },
	{ "return true, dns.query(target).rcode", OCTETS(HEAD("\x80\1", "\0\0\0\0\0\1") "\0\0\x29\2\0\1\0\0\0\0\0"), HEALTH_OK, "RCODE17" },
	{ "local a = dns.query(target) return true, a.serial .. a.authority[1].data",
	  OCTETS(HEAD("\x80\0", "\0\0\0\1\0\0") "\xc0\x10\0\6\0\1\0\0\0\x3c\0\x18\xc0\x10\xc0\x10\xff\xff\xff\xff\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"),
	  HEALTH_OK, "4294967295example.test example.test 4294967295 2 3 4 5" },
	{ "return true, dns.query(target).answer[1].data",
	  OCTETS(HEAD("\x80\0", "\0\1\0\0\0\0") "\xc0\x0c\0\x10\0\1\0\0\0\x3c\0\7\2a\"\3\0\xff\\"), HEALTH_OK, "\"a\\\"\" \"\\000\\255\\\\\"" },
	{ "return true, dns.query(target).answer[1].data",
	  OCTETS(HEAD("\x80\0", "\0\1\0\0\0\0") "\xc0\x0c\1\1\0\1\0\0\0\x3c\0\2\x0a\xff"), HEALTH_OK, "\\# 2 0aff" },
	{ "return true, dns.query(target).answer[1].data",
	  OCTETS(HEAD("\x80\0", "\0\1\0\0\0\0") "\xc0\x0c\0\x21\0\1\0\0\0\x3c\0\x08\0\1\0\2\0\3\xc0\x10"), HEALTH_OK, "1 2 3 example.test" },
	{ "dns.query(target)", OCTETS("\0\0\x80\0\0\1\0\1\0\0\0\0" QUESTION), HEALTH_REPLY_WRONG, "malformed" },
	{ "dns.query(target)", OCTETS(HEAD("\x80\0", "\0\0\0\0\0\0") "x"), HEALTH_REPLY_WRONG, "malformed" },
	{ "dns.query(target)", OCTETS("\0\0\x80\0\0\2\0\0\0\0\0\0" QUESTION QUESTION), HEALTH_REPLY_WRONG, "malformed" },
	{ "dns.query(target)", OCTETS(HEAD("\x80\0", "\0\1\0\0\0\0") "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\3\xc0\0\2"), HEALTH_REPLY_WRONG, "malformed" },
	{ "dns.query(target)", OCTETS(HEAD("\x80\0", "\0\1\0\0\0\0") "\xc0\x22\0\1\0\1\0\0\0\x3c\0\0"), HEALTH_REPLY_WRONG, "malformed" },
	{ "dns.query(target)", OCTETS(""), HEALTH_REPLY_WRONG, "malformed" },
};

START_TEST(answers_are_read)
{
	struct script_request req;
	struct script *s;
	struct script_run *run = begin(&s, answers[_i].script, &req);
	struct script_answer a = { .reason = HEALTH_OK, .data = answers[_i].answer, .len = answers[_i].len };
	struct health_result r;

	ck_assert_int_eq(script_resume(run, &a, &req, &r), SCRIPT_DONE);
	ck_assert_msg(r.reason == answers[_i].reason && strstr(r.detail, answers[_i].detail) != NULL, "%s: %s (%s)", answers[_i].script,
		      health_reason_text(r.reason), r.detail);
	script_run_free(run);
	script_free(s);
}
END_TEST

START_TEST(a_cut_answer_is_asked_for_again)
{
	static const char cut[] = HEAD("\x82\0", "\0\0\0\0\0\0"), whole[] = HEAD("\x80\0", "\0\1\0\0\0\0") A_RECORD;
	struct script_request req;
	struct script *s;
	struct script_run *run = begin(&s, "return true, #dns.query(target, { port = 99 }).answer", &req);
	struct script_answer a = { .reason = HEALTH_OK, .data = cut, .len = sizeof cut - 1 };
	struct health_result r;

	ck_assert(!req.stream);
	ck_assert_int_eq(script_resume(run, &a, &req, &r), SCRIPT_YIELDED);
	ck_assert(req.type == SCRIPT_REQ_DNS && req.stream && req.addr.port == 99);
	a.data = whole;
	a.len = sizeof whole - 1;
	ck_assert_int_eq(script_resume(run, &a, &req, &r), SCRIPT_DONE);
	ck_assert_str_eq(r.detail, "1");
	script_run_free(run);
	script_free(s);
}
END_TEST

#define LOOP(tcase, test, table) tcase_add_loop_test(tcase, test, 0, (int)(sizeof table / sizeof *table))

int main(void)
{
	Suite *suite = suite_create("script DNS");
	TCase *all = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	LOOP(all, nonsense_is_a_bug, bad);
	LOOP(all, questions_are_written, good);
	LOOP(all, answers_are_read, answers);
	tcase_add_test(all, a_cut_answer_is_asked_for_again);
	suite_add_tcase(suite, all);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
