/* The picture of `gemelctl top`: which rows, in which order, and never more or wider than there is room for. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include "ctl/top.h"
#include "tests/unit/unit.h"

#define STATUS                                                                                                                             \
	"node              ns1\nversion           1.0\ngeneration        3\nservices          2 (1 failed)\nmembers up        3 of 4\n"    \
	"queries total     70\nqueries a second  12.0\n\nROLE  PID\nprober  7\n"
#define SERVICES "SERVICE  STATE\na        ok\nb        \x1b[33mdegraded\x1b[0m\nc        \x1b[31mfailed\x1b[0m\nd        ok\n"
#define TARGETS "ADDRESS  STATE\n192.0.2.1  up\n"
#define EVENTS "TIME  KIND\n1  old\n2  mid\n3  new\n"

static char picture[1 << 16];

static void render(const struct top_view *v)
{
	struct bytes b;
	bytes_init(&b, 1u << 20);
	top_render(&b, v);
	ck_assert(!b.failed);
	ck_assert_uint_lt(b.len, sizeof picture);
	if (b.len > 0) /* a screen without rows has no picture, and its memory no address */
		memcpy(picture, b.data, b.len);
	picture[b.len] = '\0';
	bytes_deinit(&b);
}

static struct top_view all(unsigned rows, unsigned columns)
{
	return (struct top_view){ .status = STATUS, .section = { SERVICES, TARGETS, EVENTS }, .clock = "noon", .rows = rows, .columns = columns };
}

START_TEST(all_of_it)
{
	struct top_view v = all(100, 60);
	render(&v);
	ck_assert_str_eq(picture, "ns1  1.0  generation 3  12.0 q/s  70 in all             noon\n"
				  "services 2 (1 failed)  members up 3 of 4\n"
				  "\nSERVICE  STATE\nc        failed\nb        degraded\na        ok\nd        ok\n"
				  "\nADDRESS  STATE\n192.0.2.1  up\n"
				  "\nTIME  KIND\n1  old\n2  mid\n3  new");
}
END_TEST

START_TEST(what_does_not_fit)
{
	struct top_view v = all(14, 30);
	render(&v); /* 12 rows below the head: 9 for one line of each, 3 in turn */
	ck_assert_str_eq(picture, "ns1  1.0  generation 3    noon\nservices 2 (1 failed)  members\n"
				  "\nSERVICE  STATE         +1 more\nc        failed\nb        degraded\na        ok\n"
				  "\nADDRESS  STATE\n192.0.2.1  up\n"
				  "\nTIME  KIND\n2  mid\n3  new");
	v = all(7, 30);
	render(&v);
	ck_assert_str_eq(picture, "ns1  1.0  generation 3    noon\n\nSERVICE  STATE         +3 more\nc        failed\n"
				  "\nADDRESS  STATE\n192.0.2.1  up");
}
END_TEST

START_TEST(newest_events_stay)
{
	struct top_view v = { .section = { NULL, NULL, EVENTS }, .clock = "", .rows = 4, .columns = 30 };
	render(&v);
	ck_assert_str_eq(picture, "\nTIME  KIND\n2  mid\n3  new");
}
END_TEST

/* What a terminal of 80 columns must have of an event: when, what, its new state, and why. */
START_TEST(narrow_screens_leave_out_what_events_can_spare)
{
	static const char events[] =
		"TIME                      KIND      SUBJECT                      OLD                    NEW                    CAUSE     OBSERVER  REASON\n"
		"2026-11-21T10:25:01.123Z  verdict   127.0.0.11 web               up                     down                   check     ns1       connect refused\n"
		"2026-11-21T10:25:02.456Z  answer    b\xc3\xbc" "cher.example.test A        127.0.0.11 127.0.0.12  127.0.0.12             check     ns1       127.0.0.11 down\n"
		"odd\n";
	static const struct { unsigned columns; const char *picture; } cases[] = {
		{ 80, "\nTIME      KIND      SUBJECT                      NEW                    REASON\n"
		      "10:25:01  verdict   127.0.0.11 web               down                   connect \n"
		      "10:25:02  answer    b\xc3\xbc" "cher.example.test A        127.0.0.12             127.0.0.\n"
		      "          " },
		{ 120, "\nTIME      KIND      SUBJECT                      OLD                    NEW                    CAUSE     REASON\n"
		       "10:25:01  verdict   127.0.0.11 web               up                     down                   check     connect refused\n"
		       "10:25:02  answer    b\xc3\xbc" "cher.example.test A        127.0.0.11 127.0.0.12  127.0.0.12             check     127.0.0.11 down\n"
		       "          " },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct top_view v = { .section = { NULL, NULL, events }, .clock = "", .rows = 6, .columns = cases[i].columns };
		render(&v);
		ck_assert_str_eq(picture, cases[i].picture);
	}
	struct top_view v = { .section = { NULL, NULL, events }, .clock = "", .rows = 6, .columns = 200 };
	render(&v);
	ck_assert_ptr_nonnull(strstr(picture, "2026-11-21T10:25:01.123Z  verdict   127.0.0.11 web               up "));
}
END_TEST

START_TEST(a_second_row_has_what_the_first_has_no_room_for)
{
	struct top_view v = { .section = { SERVICES }, .clock = "noon", .rows = 20, .columns = 50 };
	v.status = "node           ns1\nservices       \x1b[32m2 (1 failed)\x1b[0m\nmembers up     3 of 4\noverrides      0\n"
		   "pair name      tour\npair self      normal\nnetwork state  ok\n";
	render(&v);
	ck_assert_str_eq(picture, "ns1                                           noon\nservices 2 (1 failed)  members up 3 of 4  override\n"
				  "pair tour  self normal  network ok\n\nSERVICE  STATE\nc        failed\nb        degraded\na        ok\nd        ok");
	v.columns = 90;
	render(&v);
	ck_assert_ptr_nonnull(strstr(picture, "overrides 0  pair tour  self normal  network ok\n"));
}
END_TEST

START_TEST(terminals_are_cleared_and_coloured)
{
	struct top_view v = { .section = { SERVICES }, .clock = "", .rows = 5, .columns = 12, .terminal = true, .colour = true };
	render(&v);
	ck_assert_str_eq(picture, "\x1b[K\r\n\x1b[K\x1b[1mSER  +2 more\x1b[0m\r\n\x1b[Kc        \x1b[31mfai\x1b[0m\r\n"
				  "\x1b[Kb        \x1b[33mdeg\x1b[0m\r\n\x1b[Kq quits, spa");
}
END_TEST

START_TEST(faults_stand_last)
{
	struct top_view v = all(5, 40);
	v.fault = "gemelctl: no server at x";
	v.terminal = v.colour = true;
	render(&v);
	ck_assert_ptr_nonnull(strstr(picture, "\x1b[31mgemelctl: no server at x\x1b[0m"));
	v = (struct top_view){ .clock = "", .fault = "gone", .rows = 3, .columns = 40, .terminal = true };
	render(&v);
	ck_assert_str_eq(picture, "\x1b[K\r\n\x1b[K\r\n\x1b[Kgone");
}
END_TEST

START_TEST(characters_are_whole_and_harmless)
{
	static const struct { const char *text, *shown; } cases[] = {
		{ "H\n\xc3\xa4\xc3\xb6\xe2\x82\xac\xf0\x9f\x98\x80x\n", "\xc3\xa4\xc3\xb6\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "H\na\x1b[2Jb\n", "a?[2" },
		{ "H\na\x07\x7f\tb\n", "a???" },
		{ "H\n\xe2\x82\n", "\xe2\x82" },
		{ "H\n\x1b[\n", "?[" },
		{ "H\n\x1b[1;31mab\n", "ab" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct top_view v = { .section = { cases[i].text }, .clock = "", .rows = 3, .columns = 4 };
		char want[64];
		render(&v);
		snprintf(want, sizeof want, "\nH\n%s", cases[i].shown);
		ck_assert_str_eq(picture, want);
	}
}
END_TEST

/* Columns of a row as a terminal counts them, colours aside. */
static unsigned width_of(const char *row, size_t len)
{
	unsigned n = 0;
	for (size_t i = 0; i < len; i++) {
		if (row[i] == '\x1b' && row[i + 1] == '[')
			i += 1 + strcspn(row + i + 1, "mK");
		else if (((unsigned char)row[i] & 0xc0) != 0x80 && row[i] != '\r')
			n++;
	}
	return n;
}

START_TEST(every_size_is_kept)
{
	for (unsigned rows = 0; rows < 20; rows++)
		for (unsigned columns = 0; columns < 90; columns++) {
			struct top_view v = all(rows, columns);
			v.terminal = v.colour = true;
			render(&v);
			unsigned lines = *picture != '\0';
			for (const char *at = picture;; at++) {
				size_t len = strcspn(at, "\n");
				ck_assert_uint_le(width_of(at, len), columns);
				if (!at[len])
					break;
				at += len;
				lines++;
			}
			ck_assert_uint_le(lines, rows);
		}
}
END_TEST

int main(void)
{
	const TTest *tests[] = { all_of_it, what_does_not_fit, newest_events_stay, narrow_screens_leave_out_what_events_can_spare,
				 a_second_row_has_what_the_first_has_no_room_for, terminals_are_cleared_and_coloured, faults_stand_last,
				 characters_are_whole_and_harmless, every_size_is_kept };
	return unit_run("ctl_top", tests, sizeof tests / sizeof *tests);
}
