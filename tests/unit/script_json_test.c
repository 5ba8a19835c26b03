/* json.decode and json.encode: what is JSON comes back as it was, what is not is refused with its place. */
#include "tests/unit/script_help.h"
#include "tests/unit/unit.h"

/* Decodes text and returns what json.encode makes of it, or "! " and the failure, as the run's reason. */
static const char round_trip[] = "return { args = { text = 'string' }, run = function (target, args)\n"
				 "  local ok, v = pcall(json.decode, args.text)\n"
				 "  if not ok then return true, '! ' .. tostring(v) end\n"
				 "  return true, json.encode(v)\n"
				 "end }";

static struct health_result decode(const char *text)
{
	struct script *s = help_script(round_trip, NULL);
	struct script_arg arg = { .name = "text", .type = SCRIPT_ARG_STRING, .string = text };
	struct health_result r;

	ck_assert_msg(s != NULL, "%s", help_log);
	r = help_run_script(s, &arg, 1, NULL);
	script_free(s);
	return r;
}

static const struct { const char *text, *again; } good[] = {
	{ "null", "null" }, { " true ", "true" }, { "false", "false" }, { "0", "0" }, { "-0", "0" },
	{ "12", "12" }, { "-7", "-7" }, { "1.5", "1.5" }, { "1e2", "100.0" }, { "1E+2", "100.0" }, { "25e-1", "2.5" },
	{ "9223372036854775807", "9223372036854775807" }, { "9223372036854775808", "9.2233720368547758e+18" },
	{ "\"\"", "\"\"" }, { "\"a\\\"\\\\\\/\"", "\"a\\\"\\\\/\"" }, { "\"\\n\"", "\"\\u000a\"" },
	{ "[]", "{}" }, { "{}", "{}" }, { "[ 1 ,\t2\r\n]", "[1,2]" }, { "[[[]]]", "[[{}]]" },
	{ "{\"a\":{\"b\":[null,true]}}", "{\"a\":{\"b\":[null,true]}}" }, { "{\"a\":1,\"a\":2}", "{\"a\":2}" },
	{ "{\"\":0}", "{\"\":0}" },
};

START_TEST(good_text_comes_back)
{
	struct health_result r = decode(good[_i].text);

	ck_assert_int_eq(r.reason, HEALTH_OK);
	ck_assert_msg(strcmp(r.detail, good[_i].again) == 0, "%s became %s", good[_i].text, r.detail);
}
END_TEST

static const struct { const char *text, *fault; } bad[] = {
	{ "", "no value at octet 1" }, { " ", "no value at octet 2" }, { "nul", "no value" }, { "True", "no value" },
	{ "nullx", "something after the value at octet 5" }, { "1 2", "something after the value at octet 3" },
	{ "01", "something after the value" }, { "-", "no value" }, { "+1", "no value" }, { ".5", "no value" },
	{ "1.", "without digits after its point" }, { "1e", "without digits in its exponent" }, { "0x10", "something" },
	{ "1e999", "too large" }, { "NaN", "no value" }, { "Infinity", "no value" }, { "'a'", "no value" },
	{ "[", "no value" }, { "[1", "neither a comma nor the end of the array" }, { "[1,]", "no value" },
	{ "[,1]", "no value" }, { "{", "no name" }, { "{1:2}", "no name" }, { "{\"a\"}", "no colon" },
	{ "{\"a\":}", "no value" }, { "{\"a\":1,}", "no name" }, { "{\"a\":1", "neither a comma nor the end of the obj" },
	{ "// x\n1", "no value" }, { "\"a", "without its end" }, { "\"a\tb\"", "control character" },
	{ "\"\\x\"", "unknown escape" }, { "\"\\u12g4\"", "no four hexadecimal" }, { "\"\\ud800\"", "half of a surrogate" },
	{ "\"\\udc00\"", "half of a surrogate" }, { "\"\\ud800\\u0041\"", "half of a surrogate" },
	{ "\"\xff\"", "broken UTF-8" }, { "\"\xc0\xaf\"", "broken UTF-8" }, { "\"\xed\xa0\x80\"", "broken UTF-8" },
	{ "\"\xe2\x82\"", "broken UTF-8" }, { "\"\xf4\x90\x80\x80\"", "broken UTF-8" },
};

START_TEST(bad_text_is_refused)
{
	struct health_result r = decode(bad[_i].text);

	ck_assert_int_eq(r.reason, HEALTH_OK);
	ck_assert_msg(strncmp(r.detail, "! not JSON: ", 12) == 0 && strstr(r.detail, bad[_i].fault) != NULL,
		      "%s: %s; expected: %s", bad[_i].text, r.detail, bad[_i].fault);
}
END_TEST

static const struct { const char *body; enum health_reason reason; const char *detail; } bodies[] = {
	{ "return json.decode('\"\\\\u00e9\\\\ud83d\\\\ude00\"') == 'é😀'", HEALTH_OK, "" },
	{ "return math.type(json.decode('3')) == 'integer' and math.type(json.decode('3.0')) == 'float'", HEALTH_OK, "" },
	{ "return json.decode('[null]')[1] == json.null and json.null ~= nil", HEALTH_OK, "" },
	{ "return true, json.encode({ 1, 'a', true, json.null, { x = {} } })", HEALTH_OK, "[1,\"a\",true,null,{\"x\":{}}]" },
	{ "return true, json.encode('\\0')", HEALTH_OK, "\"\\u0000\"" },
	{ "return true, json.encode(1.0)", HEALTH_OK, "1.0" },
	/* what a target said is its fault, what a script does is the script's */
	{ "json.decode('{')", HEALTH_CHECK_SAID_DOWN, "not JSON: no name of a member at octet 2" },
	{ "json.decode(nil)", HEALTH_SCRIPT_ERROR, "bad argument #1" },
	{ "json.encode({ [1] = 1, a = 2 })", HEALTH_SCRIPT_ERROR, "both a list and names" },
	{ "json.encode({ 1, nil, 3 })", HEALTH_SCRIPT_ERROR, "both a list and names" },
	{ "json.encode({ [true] = 1 })", HEALTH_SCRIPT_ERROR, "name in a table is not a string" },
	{ "json.encode(0/0)", HEALTH_SCRIPT_ERROR, "no infinity and no NaN" },
	{ "json.encode('\\xff')", HEALTH_SCRIPT_ERROR, "not UTF-8" },
	{ "json.encode(print or type)", HEALTH_SCRIPT_ERROR, "neither string, number" },
	{ "local t = {} t.t = t json.encode(t)", HEALTH_SCRIPT_ERROR, "nested too deep" },
	{ "json.encode(('x'):rep(262144))", HEALTH_SCRIPT_ERROR, "too long" },
	{ "local t = {} for i = 1, 17000 do t[i] = 1 end json.encode(t)", HEALTH_SCRIPT_ERROR, "too many values" },
	{ "json.decode(('['):rep(65) .. (']'):rep(65))", HEALTH_CHECK_SAID_DOWN, "nested too deep" },
	{ "json.decode('[' .. ('1,'):rep(17000) .. '1]')", HEALTH_CHECK_SAID_DOWN, "too many values" },
	{ "return #json.decode('[' .. ('1,'):rep(10000) .. '1]') == 10001", HEALTH_OK, "" },
	{ "json.decode(('9'):rep(200))", HEALTH_CHECK_SAID_DOWN, "a number too long" },
	{ "json.decode(('x'):rep(200000) .. ('x'):rep(70000))", HEALTH_SCRIPT_ERROR, "too long for JSON" },
	{ "while true do pcall(json.decode, '[' .. ('1,'):rep(10000) .. '1]') end", HEALTH_SCRIPT_BUDGET, "" },
	{ "local t = {} while true do t[#t + 1] = json.decode('[{},{},{},{},{},{},{}]') end", HEALTH_SCRIPT_MEMORY, "" },
	{ "json.decode = type", HEALTH_SCRIPT_ERROR, "cannot be changed" },
};

START_TEST(what_scripts_see)
{
	struct health_result r = help_body(bodies[_i].body, NULL);

	ck_assert_msg(r.reason == bodies[_i].reason && strstr(r.detail, bodies[_i].detail) != NULL, "%s: %s (%s)", bodies[_i].body,
		      health_reason_text(r.reason), r.detail);
}
END_TEST

#define LOOP(tcase, test, table) tcase_add_loop_test(tcase, test, 0, (int)(sizeof table / sizeof *table))

int main(void)
{
	Suite *suite = suite_create("json");
	TCase *all = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	LOOP(all, good_text_comes_back, good);
	LOOP(all, bad_text_is_refused, bad);
	LOOP(all, what_scripts_see, bodies);
	suite_add_tcase(suite, all);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
