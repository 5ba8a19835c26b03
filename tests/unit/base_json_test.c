/* JSON, byte for byte. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/json.h"
#include "tests/unit/unit.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

static void expect(struct bytes *b, const char *want)
{
	ck_assert(!b->failed);
	bytes_u8(b, '\0');
	ck_assert_str_eq((const char *)b->data, want);
	bytes_deinit(b);
}

static void write_sample(struct json *j)
{
	json_begin_object(j);
	json_key(j, "name");
	json_string(j, "ns1");
	json_key(j, "list");
	json_begin_array(j);
	json_int(j, -1);
	json_uint(j, UINT64_MAX);
	json_begin_object(j);
	json_end_object(j);
	json_begin_array(j);
	json_end_array(j);
	json_null(j);
	json_end_array(j);
	json_key(j, "ok");
	json_bool(j, true);
	json_key(j, "bad");
	json_bool(j, false);
	json_end_object(j);
}

START_TEST(commas_and_nesting)
{
	struct bytes b;
	struct json j;
	bytes_init(&b, 1000);
	json_init(&j, &b, false);
	write_sample(&j);
	expect(&b, "{\"name\":\"ns1\",\"list\":[-1,18446744073709551615,{},[],null],\"ok\":true,\"bad\":false}");
}
END_TEST

START_TEST(pretty)
{
	struct bytes b;
	struct json j;
	bytes_init(&b, 1000);
	json_init(&j, &b, true);
	write_sample(&j);
	expect(&b, "{\n  \"name\": \"ns1\",\n  \"list\": [\n    -1,\n    18446744073709551615,\n    {},\n    [],\n"
		   "    null\n  ],\n  \"ok\": true,\n  \"bad\": false\n}");
}
END_TEST

START_TEST(strings_are_escaped)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "", "\"\"" },
		{ "a\"b\\c/d", "\"a\\\"b\\\\c/d\"" },
		{ "\n\r\t\b\x1f\x7f", "\"\\n\\r\\t\\u0008\\u001f\\u007f\"" },
		{ "gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"" },
		{ "\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xe2\x82\xac\xf0\x9f\x98\x80\"" },
		{ "\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\"" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bytes b;
		struct json j;
		bytes_init(&b, 1000);
		json_init(&j, &b, false);
		json_string(&j, cases[i].in);
		expect(&b, cases[i].out);
	}
}
END_TEST

#define BAD "\xef\xbf\xbd"

START_TEST(what_is_not_utf8_is_replaced)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "\x80", "\"" BAD "\"" },                         /* continuation alone */
		{ "a\xff" "b", "\"a" BAD "b\"" },
		{ "\xc3", "\"" BAD "\"" },                         /* cut short */
		{ "\xc3\"", "\"" BAD "\\\"\"" },                   /* the quote is not swallowed */
		{ "\xe2\x82", "\"" BAD BAD "\"" },
		{ "\xc0\xaf", "\"" BAD BAD "\"" },                 /* overlong */
		{ "\xe0\x80\xaf", "\"" BAD BAD BAD "\"" },
		{ "\xf0\x80\x80\x80", "\"" BAD BAD BAD BAD "\"" },
		{ "\xed\xa0\x80", "\"" BAD BAD BAD "\"" },         /* surrogate */
		{ "\xf4\x90\x80\x80", "\"" BAD BAD BAD BAD "\"" }, /* above U+10FFFF */
		{ "\xf5", "\"" BAD "\"" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bytes b;
		struct json j;
		bytes_init(&b, 1000);
		json_init(&j, &b, false);
		json_string(&j, cases[i].in);
		expect(&b, cases[i].out);
	}
}
END_TEST

START_TEST(counted_strings_may_hold_nul)
{
	struct bytes b;
	struct json j;
	bytes_init(&b, 1000);
	json_init(&j, &b, false);
	json_begin_array(&j);
	json_stringn(&j, "a\0b", 3);
	json_stringn(&j, NULL, 0);
	json_stringn(&j, "\xe2\x82\xac", 2); /* the third octet is not ours */
	json_string(&j, NULL);
	json_end_array(&j);
	expect(&b, "[\"a\\u0000b\",\"\",\"" BAD BAD "\",null]");
}
END_TEST

START_TEST(numbers_read_back)
{
	static const struct {
		double v;
		const char *out;
	} cases[] = { { 0, "0" }, { 0.1, "0.1" }, { -2.5, "-2.5" }, { 1e21, "1e+21" },
		      { 1.0 / 3, "0.3333333333333333" },
		      { 123456789012345680, "1.2345678901234568e+17" }, { (double)NAN, "null" },
		      { (double)INFINITY, "null" }, { -(double)INFINITY, "null" } };
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bytes b;
		struct json j;
		bytes_init(&b, 1000);
		json_init(&j, &b, false);
		json_number(&j, cases[i].v);
		expect(&b, cases[i].out);
	}
}
END_TEST

START_TEST(depth_is_bounded)
{
	struct bytes b;
	struct json j;
	bytes_init(&b, 1000);
	json_init(&j, &b, false);
	for (unsigned i = 0; i < JSON_DEPTH_MAX; i++)
		json_begin_array(&j);
	ck_assert(!b.failed);
	json_begin_array(&j);
	ck_assert(b.failed);
	bytes_deinit(&b);

	bytes_init(&b, 1000);
	json_init(&j, &b, false);
	json_end_array(&j);
	ck_assert(b.failed);
	bytes_deinit(&b);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		commas_and_nesting, pretty, strings_are_escaped, what_is_not_utf8_is_replaced,
		counted_strings_may_hold_nul, numbers_read_back, depth_is_bounded,
	};
	return unit_run("base_json", tests, sizeof tests / sizeof *tests);
}
