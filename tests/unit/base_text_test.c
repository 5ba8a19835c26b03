/* Durations, times, near misses, globs, numbers, and the fixed phrases. */
#include <stdio.h>
#include <string.h>
#include "base/err.h"
#include "base/log.h"
#include "base/text.h"
#include "tests/unit/unit.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

START_TEST(durations_parse)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} cases[] = {
		{ "0", 0 }, { "5", 5000 }, { "0.5", 500 }, { "0.001", 1 }, { "200ms", 200 }, { "5s", 5000 },
		{ "1.5s", 1500 }, { "10m", 600000 }, { "1h", 3600000 }, { "1.5h", 5400000 }, { "2d", 172800000 },
		{ "007", 7000 }, { "0.000000d", 0 }, { "3653d", 315619200000 }, { "315619200", 315619200000 },
		{ "0.100000000s", 100 },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t ms = 99;
		ck_assert_msg(text_parse_duration(&ms, cases[i].text) == 0, "%s", cases[i].text);
		ck_assert_uint_eq(ms, cases[i].ms);
	}
}
END_TEST

START_TEST(broken_durations_are_refused)
{
	static const struct {
		const char *text;
		int err;
	} cases[] = {
		{ "", ERR_FORMAT }, { "s", ERR_FORMAT }, { "-1s", ERR_FORMAT }, { "+1", ERR_FORMAT },
		{ " 1", ERR_FORMAT }, { "1 s", ERR_FORMAT }, { "1.", ERR_FORMAT }, { ".5", ERR_FORMAT },
		{ "1.s", ERR_FORMAT }, { "1w", ERR_FORMAT }, { "1S", ERR_FORMAT }, { "1h30m", ERR_FORMAT },
		{ "0.0001", ERR_FORMAT }, { "0.5ms", ERR_FORMAT }, { "1.2.3", ERR_FORMAT },
		{ "0.1000000000s", ERR_FORMAT }, { "1e3", ERR_FORMAT }, { "0x10", ERR_FORMAT }, { "inf", ERR_FORMAT },
		{ "3654d", ERR_RANGE }, { "3653.5d", ERR_RANGE }, { "315619201", ERR_RANGE },
		{ "18446744073709551616ms", ERR_RANGE }, { "99999999999999999999999999999999", ERR_RANGE },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t ms = 99;
		ck_assert_msg(text_parse_duration(&ms, cases[i].text) == cases[i].err, "%s", cases[i].text);
		ck_assert_uint_eq(ms, 99);
	}
}
END_TEST

START_TEST(durations_format_and_parse_back)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "0s" }, { 1, "1ms" }, { 200, "200ms" }, { 1000, "1s" }, { 1500, "1500ms" }, { 5000, "5s" },
		{ 60000, "1m" }, { 90000, "90s" }, { 3600000, "1h" }, { 5400000, "90m" }, { 86400000, "1d" },
		{ 90000000, "25h" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char out[32];
		uint64_t back;
		ck_assert_str_eq(text_format_duration(cases[i].ms, out), cases[i].text);
		ck_assert_int_eq(text_parse_duration(&back, out), 0);
		ck_assert_uint_eq(back, cases[i].ms);
	}
	char out[32];
	ck_assert_str_eq(text_format_duration(UINT64_MAX, out), "18446744073709551615ms");
}
END_TEST

START_TEST(ages_read_well)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "0ms" }, { 999, "999ms" }, { 1000, "1.0s" }, { 3249, "3.2s" }, { 3250, "3.3s" },
		{ 9949, "9.9s" }, { 9950, "10s" }, { 59499, "59s" }, { 59500, "1m00s" }, { 250000, "4m10s" },
		{ 3599499, "59m59s" }, { 3599500, "1h00m" }, { 7500000, "2h05m" }, { 86369999, "23h59m" },
		{ 86370000, "1d0h" }, { 273600000, "3d4h" }, { 3600000ull * 24 * 400, "400d0h" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char out[32];
		ck_assert_str_eq(text_format_age(cases[i].ms, out), cases[i].text);
	}
	char out[32];
	ck_assert_str_eq(text_format_age(UINT64_MAX, out), "213503982334d14h");
}
END_TEST

START_TEST(utc_times)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ 951782400000, "2000-02-29T00:00:00.000Z" },
		{ 951868799999, "2000-02-29T23:59:59.999Z" },
		{ 951868800000, "2000-03-01T00:00:00.000Z" },
		{ 1735689599001, "2024-12-31T23:59:59.001Z" },
		{ 4107542400000, "2100-03-01T00:00:00.000Z" }, /* 2100 has no leap day */
		{ UINT64_MAX, "584556019-04-03T14:25:51.615Z" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char out[32];
		ck_assert_str_eq(text_format_utc(cases[i].ms, out), cases[i].text);
	}
}
END_TEST

START_TEST(utc_dates_go_day_by_day)
{
	static const unsigned days_in[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned year = 1970, month = 1, day = 1;
	for (uint64_t days = 0; days < 150000; days++) {
		char out[32], want[32];
		snprintf(want, sizeof want, "%04u-%02u-%02uT00:00:00.000Z", year % 10000, month % 100, day % 100);
		ck_assert_str_eq(text_format_utc(days * 86400000, out), want);
		bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
		if (++day > days_in[month - 1] + (month == 2 && leap)) {
			day = 1;
			year += month == 12;
			month = month % 12 + 1;
		}
	}
}
END_TEST

START_TEST(near_misses)
{
	static const char *const known[] = { "tiers", "ttl", "interval", "timeout", "rise", "fall", "a" };
	static const struct {
		const char *word, *nearest;
	} cases[] = {
		{ "tierz", "tiers" }, { "TIERS", "tiers" }, { "tires", "tiers" }, { "tl", "ttl" }, { "tlt", "ttl" },
		{ "interwall", "interval" }, { "intreavl", "interval" }, { "time-out", "timeout" }, { "raise", "rise" },
		{ "b", "a" }, { "", "a" }, { "xyzzy", NULL }, { "completely", NULL }, { "tt", "ttl" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *got = text_nearest(cases[i].word, known, COUNT(known));
		if (cases[i].nearest)
			ck_assert_msg(got && strcmp(got, cases[i].nearest) == 0, "%s", cases[i].word);
		else
			ck_assert_msg(!got, "%s", cases[i].word);
	}
	ck_assert_ptr_null(text_nearest("tiers", known, 0));
}
END_TEST

/* The zone that all of them have in common makes no name near to another. */
START_TEST(near_misses_of_names)
{
	static const char *const known[] = { "www.example.test", "load.example.test", "storefront.example.test" };
	static const struct { const char *word, *nearest; } cases[] = {
		{ "wwww.example.test", "www.example.test" }, { "www.exmaple.test", "www.example.test" }, { "ww.exmple.test", "www.example.test" },
		{ "stroefrnot.example.test", "storefront.example.test" }, { "stroefrn.example.test", NULL },
		{ "alias.example.test", NULL }, { "nosuch.example.test", NULL }, { "127.0.0.1", NULL },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *got = text_nearest(cases[i].word, known, COUNT(known));
		ck_assert_msg(!got == !cases[i].nearest && (!got || strcmp(got, cases[i].nearest) == 0), "%s: %s", cases[i].word, got);
	}
}
END_TEST

START_TEST(near_misses_bound_their_work)
{
	char endless[5000];
	memset(endless, 'x', sizeof endless - 1);
	endless[sizeof endless - 1] = '\0';
	const char *const both[] = { endless, "x" };
	ck_assert_ptr_null(text_nearest(endless, both, 2));
	ck_assert_str_eq(text_nearest("x", both, 2), "x");
	endless[64] = '\0';
	const char *const fits[] = { endless };
	ck_assert_ptr_eq(text_nearest(endless, fits, 1), endless);
}
END_TEST

START_TEST(globs)
{
	static const struct {
		const char *pattern, *text;
		bool match;
	} cases[] = {
		{ "", "", true }, { "", "a", false }, { "*", "", true }, { "*", "abc", true }, { "?", "", false },
		{ "?", "a", true }, { "a?c", "abc", true }, { "a*c", "ac", true }, { "a*c", "abbc", true },
		{ "a*c", "acb", false }, { "A*C", "abc", true }, { "*.example", "www.EXAMPLE", true },
		{ "*a*b*", "xxaxxbxx", true }, { "*a*b", "ab_ab", true }, { "a*b*c", "abxbxc", true },
		{ "a*b*c", "abxbx", false }, { "**", "x", true }, { "?*", "", false }, { "[a]", "a", false },
		{ "abc", "ab", false }, { "ab", "abc", false }, { "\\*", "*", false },
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		ck_assert_msg(text_glob(cases[i].pattern, cases[i].text) == cases[i].match, "%s %s", cases[i].pattern,
			      cases[i].text);
}
END_TEST

/* The pattern that is exponential for a matcher that backs up to every star. */
START_TEST(a_hostile_glob_ends)
{
	char text[3001];
	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	ck_assert(!text_glob("a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
}
END_TEST

START_TEST(numbers)
{
	uint64_t v = 7;
	ck_assert_int_eq(text_parse_u64(&v, "0", 0, 9), 0);
	ck_assert_uint_eq(v, 0);
	ck_assert_int_eq(text_parse_u64(&v, "18446744073709551615", 0, UINT64_MAX), 0);
	ck_assert_uint_eq(v, UINT64_MAX);
	static const char *const malformed[] = { "", " 1", "1 ", "-1", "+1", "0x1", "1.0", "1e3", "a",
						 "99999999999999999999x" };
	for (size_t i = 0; i < COUNT(malformed); i++)
		ck_assert_msg(text_parse_u64(&v, malformed[i], 0, UINT64_MAX) == ERR_FORMAT, "%s", malformed[i]);
	static const char *const outside[] = { "4", "11", "18446744073709551616", "184467440737095516150",
					       "99999999999999999999999999" };
	for (size_t i = 0; i < COUNT(outside); i++)
		ck_assert_msg(text_parse_u64(&v, outside[i], 5, 10) == ERR_RANGE, "%s", outside[i]);
	ck_assert_int_eq(text_parse_u64(&v, "18446744073709551616", 0, UINT64_MAX), ERR_RANGE);
	ck_assert_uint_eq(v, UINT64_MAX);
}
END_TEST

START_TEST(every_error_has_its_own_phrase)
{
	for (int a = ERR_VERSION; a <= 0; a++) {
		ck_assert_str_ne(err_text(a), err_text(1));
		for (int b = ERR_VERSION; b < a; b++)
			ck_assert_str_ne(err_text(a), err_text(b));
	}
	ck_assert_str_eq(err_text(ERR_NOMEM), "out of memory");
	ck_assert_str_eq(err_text(-1000), "unknown error");
	ck_assert_str_eq(log_level_text(LOG_LEVEL_ERROR), "error");
	ck_assert_str_eq(log_level_text(LOG_LEVEL_DEBUG), "debug");
	ck_assert_str_eq(log_level_text((enum log_level)77), "unknown");
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		durations_parse, broken_durations_are_refused, durations_format_and_parse_back, ages_read_well,
		utc_times, utc_dates_go_day_by_day, near_misses, near_misses_of_names, near_misses_bound_their_work, globs,
		a_hostile_glob_ends, numbers, every_error_has_its_own_phrase,
	};
	return unit_run("base_text", tests, sizeof tests / sizeof *tests);
}
