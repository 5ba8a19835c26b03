/* Moments of UTC: what is read, and when it comes, against a walk minute by minute and day by day. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/calendar.h"
#include "base/rng.h"
#include "base/text.h"
#include "tests/unit/unit.h"

#define MINUTE 60000ull
#define DAY (1440 * MINUTE)

static uint64_t at(const char *text)
{
	uint64_t ms = 0;
	ck_assert_msg(calendar_time_parse(&ms, text) == 0, "%s", text);
	return ms;
}

static const char *told(uint64_t ms)
{
	static char out[2][32];
	static int n;
	n = !n;
	if (ms == CALENDAR_NEVER)
		return "never";
	text_format_utc(ms, out[n]);
	out[n][16] = '\0'; /* "2026-12-01T22:00" */
	return out[n];
}

static struct calendar_cron cron(const char *text)
{
	struct calendar_cron c;
	unsigned field;
	ck_assert_msg(calendar_cron_parse(&c, text, &field) == 0, "%s: field %u", text, field);
	return c;
}

/* ---- moments ---- */

START_TEST(moments_are_read)
{
	static const struct { const char *text, *utc; } good[] = {
		{ "1970-01-01 00:00", "1970-01-01T00:00:00.000Z" },     { "2026-12-01 22:00", "2026-12-01T22:00:00.000Z" },
		{ "2026-12-01T22:00:30Z", "2026-12-01T22:00:30.000Z" }, { "2026-12-01t22:00:30z", "2026-12-01T22:00:30.000Z" },
		{ "2026-12-01 22:00:30", "2026-12-01T22:00:30.000Z" },  { "2024-02-29 12:34", "2024-02-29T12:34:00.000Z" },
		{ "2000-02-29 00:00", "2000-02-29T00:00:00.000Z" },     { "9999-12-31 23:59:59", "9999-12-31T23:59:59.000Z" },
		{ "2026-12-01 22:00Z", "2026-12-01T22:00:00.000Z" },
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		char out[32];
		ck_assert_str_eq(text_format_utc(at(good[i].text), out), good[i].utc);
	}
	static const struct { const char *text; int err; } bad[] = {
		{ "", ERR_FORMAT }, { "2026-12-01", ERR_FORMAT }, { "2026-12-01 22", ERR_FORMAT }, { "2026-12-01 22:00 ", ERR_FORMAT },
		{ "2026-12-01T22:00", ERR_FORMAT }, { "2026-12-01T22:00:00+01:00", ERR_FORMAT }, { "26-12-01 22:00", ERR_FORMAT },
		{ "2026-12-01  22:00", ERR_FORMAT }, { "2026/12/01 22:00", ERR_FORMAT }, { "2026-12-01 22:00:", ERR_FORMAT },
		{ "2026-12-01 22:00:3", ERR_FORMAT }, { "tomorrow", ERR_FORMAT }, { "2026-12-01 2x:00", ERR_FORMAT },
		{ "2026-12-0122:00", ERR_FORMAT }, { "2026-12-01T22:00:00ZZ", ERR_FORMAT }, { "-026-12-01 22:00", ERR_FORMAT },
		{ "2026-02-29 00:00", ERR_RANGE }, { "1900-02-29 00:00", ERR_RANGE }, { "2100-02-29 00:00", ERR_RANGE },
		{ "2026-13-01 00:00", ERR_RANGE }, { "2026-00-01 00:00", ERR_RANGE }, { "2026-04-31 00:00", ERR_RANGE },
		{ "2026-04-00 00:00", ERR_RANGE }, { "2026-04-01 24:00", ERR_RANGE }, { "2026-04-01 23:60", ERR_RANGE },
		{ "2026-04-01 23:59:60", ERR_RANGE }, { "1969-12-31 23:59", ERR_RANGE },
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		uint64_t ms = 7;
		ck_assert_msg(calendar_time_parse(&ms, bad[i].text) == bad[i].err, "%s", bad[i].text);
		ck_assert_uint_eq(ms, 7);
	}
}
END_TEST

/* Every day of 400 years, which is when the calendar repeats itself, against the writer of times, which reckons otherwise. */
START_TEST(every_day_of_the_calendar)
{
	for (uint64_t day = 0; day < 146097 + 400; day++) {
		char utc[32], text[32];
		text_format_utc(day * DAY, utc);
		snprintf(text, sizeof text, "%.10s 00:00", utc);
		ck_assert_uint_eq(at(text), day * DAY);
	}
}
END_TEST

/* ---- cron lines ---- */

START_TEST(lines_are_read)
{
	static const struct { const char *text; struct calendar_cron c; } good[] = {
		{ "0 3 * * 0", { 1, 1u << 3, 0xfffffffe, 0x1ffe, 1, false } },
		{ "0 3 * * 7", { 1, 1u << 3, 0xfffffffe, 0x1ffe, 1, false } },
		{ "  0\t3  *  * sUn  ", { 1, 1u << 3, 0xfffffffe, 0x1ffe, 1, false } },
		{ "0,30 1-3 1 jan 1-5", { 1 | 1ull << 30, 0xe, 2, 2, 0x3e, true } },
		{ "*/20 0-6/2 */10 feb-apr fri-sun", { 1 | 1ull << 20 | 1ull << 40, 0x55, 2 | 1 << 11 | 1 << 21 | 1u << 31, 0x1c, 0x61, false } },
		{ "59 23 31 12 sat", { 1ull << 59, 1u << 23, 1u << 31, 1 << 12, 1 << 6, true } },
		{ "0 0 * * 5-7", { 1, 1, 0xfffffffe, 0x1ffe, 0x61, false } },
		{ "0 0 1 * *", { 1, 1, 2, 0x1ffe, 0x7f, false } },
		{ "0 0 * dec,jan *", { 1, 1, 0xfffffffe, 0x1002, 0x7f, false } },
		{ "*/59 * * * *", { 1 | 1ull << 59, 0xffffff, 0xfffffffe, 0x1ffe, 0x7f, false } },
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct calendar_cron c = cron(good[i].text), want = good[i].c;
		ck_assert_msg(c.minutes == want.minutes && c.hours == want.hours && c.days == want.days && c.months == want.months &&
			      c.weekdays == want.weekdays && c.either == want.either, "%s: %" PRIx64 " %x %x %x %x %d", good[i].text, c.minutes,
			      c.hours, c.days, c.months, c.weekdays, c.either);
	}
}
END_TEST

START_TEST(what_is_no_line_is_refused)
{
	static const struct { const char *text; unsigned field; } bad[] = {
		{ "", 0 }, { "* * * *", 0 }, { "* * * * * *", 0 }, { "* * * * * x", 0 }, { "60 * * * *", 1 }, { "-1 * * * *", 1 }, { "x * * * *", 1 },
		{ "1, * * * *", 1 }, { ",1 * * * *", 1 }, { "1,,2 * * * *", 1 }, { "1- * * * *", 1 }, { "1-2-3 * * * *", 1 }, { "5/15 * * * *", 1 },
		{ "*/0 * * * *", 1 }, { "*/ * * * *", 1 }, { "*/60 * * * *", 1 }, { "*/5/5 * * * *", 1 }, { "** * * * *", 1 }, { "1x * * * *", 1 },
		{ "0001 * * * *", 1 }, { "4294967296 * * * *", 1 }, { "9-5 * * * *", 1 }, { "* 24 * * *", 2 }, { "* 3. * * *", 2 },
		{ "* * 0 * *", 3 }, { "* * 32 * *", 3 }, { "* * mon * *", 3 }, { "* * * 0 *", 4 }, { "* * * 13 *", 4 }, { "* * * janx *", 4 },
		{ "* * * foo *", 4 }, { "* * * dec-jan *", 4 }, { "* * * * 8", 5 }, { "* * * * jan", 5 }, { "* * * * sat-fri", 5 }, { "* * * * su", 5 },
		{ "@weekly", 1 },
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct calendar_cron c = { .minutes = 7 };
		unsigned field = 9;
		ck_assert_msg(calendar_cron_parse(&c, bad[i].text, &field) == ERR_FORMAT, "%s", bad[i].text);
		ck_assert_msg(field == bad[i].field, "%s: field %u", bad[i].text, field);
		ck_assert_uint_eq(c.minutes, 7);
	}
}
END_TEST

START_TEST(when_it_comes)
{
	static const struct { const char *cron, *from, *next, *last; } rows[] = {
		{ "0 3 * * 0", "2026-11-21 02:31", "2026-11-22T03:00", "2026-11-15T03:00" }, /* a Saturday */
		{ "0 3 * * 0", "2026-11-22 02:59:59", "2026-11-22T03:00", "2026-11-15T03:00" },
		{ "0 3 * * 0", "2026-11-22 03:00", "2026-11-29T03:00", "2026-11-22T03:00" },
		{ "0 3 * * 0", "2026-11-22 03:00:59", "2026-11-29T03:00", "2026-11-22T03:00" },
		{ "* * * * *", "2026-12-31 23:59", "2027-01-01T00:00", "2026-12-31T23:59" },
		{ "0 0 29 2 *", "2026-01-01 00:00", "2028-02-29T00:00", "2024-02-29T00:00" },
		{ "0 0 29 2 *", "2096-02-29 00:00", "2104-02-29T00:00", "2096-02-29T00:00" }, /* 2100 has none */
		{ "0 0 29 2 *", "2103-06-01 00:00", "2104-02-29T00:00", "2096-02-29T00:00" },
		{ "0 0 29 2 *", "1970-06-01 00:00", "1972-02-29T00:00", "never" },
		{ "0 0 31 * *", "2026-01-31 00:00", "2026-03-31T00:00", "2026-01-31T00:00" },
		{ "0 0 31 * *", "2026-03-01 00:00", "2026-03-31T00:00", "2026-01-31T00:00" },
		{ "0 0 31 2 *", "2026-01-01 00:00", "never", "never" },
		{ "0 0 30,31 2 *", "2026-01-01 00:00", "never", "never" },
		{ "0 0 31 4,6,9,11 *", "2026-01-01 00:00", "never", "never" },
		{ "0 0 31 2 mon", "2026-01-01 00:00", "2026-02-02T00:00", "2025-02-24T00:00" }, /* either: Mondays of February */
		{ "0 0 13 * fri", "2026-11-21 00:00", "2026-11-27T00:00", "2026-11-20T00:00" },
		{ "0 0 13 * fri", "2026-12-12 00:00", "2026-12-13T00:00", "2026-12-11T00:00" },
		{ "0 0 */31 1 mon", "2027-01-02 00:00", "2029-01-01T00:00", "2024-01-01T00:00" }, /* both: the first of January, a Monday */
		{ "59 23 31 12 *", "2026-12-31 23:59", "2027-12-31T23:59", "2026-12-31T23:59" },
		{ "0 0 1 1 *", "1970-01-01 00:00", "1971-01-01T00:00", "1970-01-01T00:00" },
		{ "1 0 1 1 *", "1970-01-01 00:00", "1970-01-01T00:01", "never" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct calendar_cron c = cron(rows[i].cron);
		const char *next = told(calendar_cron_next(&c, at(rows[i].from))), *last = told(calendar_cron_last(&c, at(rows[i].from)));
		ck_assert_msg(strcmp(next, rows[i].next) == 0 && strcmp(last, rows[i].last) == 0, "%s from %s: %s, %s", rows[i].cron, rows[i].from,
			      next, last);
	}
}
END_TEST

/* Seen minute by minute, from the text of each, for lines drawn at random: the same moments, neither more nor less. */
static bool text_matches(const struct calendar_cron *c, uint64_t ms)
{
	char utc[32];
	unsigned year, month, day, hour, minute;
	text_format_utc(ms, utc);
	ck_assert_int_eq(sscanf(utc, "%4u-%2u-%2uT%2u:%2u", &year, &month, &day, &hour, &minute), 5);
	unsigned z = (14 - month) / 12, y = year - z, m = month + 12 * z - 2; /* the weekday by Gauss's rule */
	unsigned weekday = (day + y + y / 4 - y / 100 + y / 400 + 31 * m / 12) % 7;
	bool d = c->days >> day & 1, w = c->weekdays >> weekday & 1;
	return (c->minutes >> minute & 1) && (c->hours >> hour & 1) && (c->months >> month & 1) && (c->either ? d || w : d && w);
}

START_TEST(as_a_walk_by_minutes_finds_them)
{
	struct rng r;
	rng_init(&r, 20261121);
	for (int round = 0; round < 15; round++) {
		struct calendar_cron c = { .minutes = 1ull << rng_below(&r, 60) | 1ull << rng_below(&r, 60), .hours = 1u << rng_below(&r, 24),
					   .days = (uint32_t)rng_u64(&r) & (uint32_t)rng_u64(&r) & 0xfffffffe, .months = (uint16_t)(rng_u64(&r) & 0x1ffe),
					   .weekdays = (uint8_t)(1u << rng_below(&r, 7)), .either = rng_below(&r, 2) };
		uint64_t from = rng_below(&r, 36524) * DAY + rng_below(&r, 1440) * MINUTE, seen = calendar_cron_last(&c, from);
		uint64_t next = calendar_cron_next(&c, from);
		for (uint64_t t = from + MINUTE; t < from + 40 * DAY; t += MINUTE) {
			bool is = text_matches(&c, t);
			ck_assert_msg(is == (t == next), "round %d at %s, next %s", round, told(t), told(next));
			if (is) {
				seen = next;
				next = calendar_cron_next(&c, t);
			}
			if (is || t % DAY == 0)
				ck_assert_uint_eq(calendar_cron_last(&c, t), seen);
		}
	}
}
END_TEST

/* Of what comes at all, nothing lets wait longer than is searched: every day of the year on every weekday, over 400 years. */
START_TEST(the_search_is_long_enough)
{
	for (unsigned month = 1; month <= 12; month++) {
		for (unsigned day = 1; day <= 31; day++) {
			struct calendar_cron c = { 1, 1, 1u << day, (uint16_t)(1u << month), 0x7f, false };
			bool exists = day <= 28 || (month == 2 ? day == 29 : day == 31 ? (month < 8) == (month % 2 == 1) : true);
			ck_assert_msg((calendar_cron_next(&c, 0) != CALENDAR_NEVER) == exists, "%u-%u", month, day);
		}
	}
	for (unsigned weekday = 0; weekday < 7; weekday++) {
		struct calendar_cron c = { 1, 1, 1u << 29, 1 << 2, (uint8_t)(1u << weekday), false };
		uint64_t t = 0, most = 0, end = at("2400-01-01 00:00");
		while (t < end) {
			uint64_t next = calendar_cron_next(&c, t);
			ck_assert_uint_ne(next, CALENDAR_NEVER);
			if (t && next - t > most)
				most = next - t;
			t = next;
		}
		ck_assert_uint_le(most, 40 * 366 * DAY);
	}
}
END_TEST

START_TEST(far_away_ends)
{
	struct calendar_cron c = cron("0 0 1 1 *");
	ck_assert_uint_ne(calendar_cron_next(&c, 253402300799000u), CALENDAR_NEVER); /* the end of the year 9999 */
	ck_assert_uint_ne(calendar_cron_next(&c, UINT64_MAX), 0);
	ck_assert_uint_ne(calendar_cron_last(&c, UINT64_MAX), CALENDAR_NEVER);
	ck_assert_uint_eq(calendar_cron_last(&c, 0), 0);
	ck_assert_uint_ne(calendar_cron_last(&c, 253402300799000u), CALENDAR_NEVER);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { moments_are_read, every_day_of_the_calendar, lines_are_read, what_is_no_line_is_refused, when_it_comes,
				 as_a_walk_by_minutes_finds_them, the_search_is_long_enough, far_away_ends };
	return unit_run("calendar", tests, sizeof tests / sizeof *tests);
}
