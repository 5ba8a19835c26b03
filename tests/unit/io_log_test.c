/* The log's lines: their two forms, their bounds, what hostile text can do to them (nothing), and who needs no time. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/text.h"
#include "io/clock.h"
#include "io/log.h"
#include "unit.h"

static FILE *file;

/* Standard error becomes a file; its JOURNAL_STREAM, or what text says instead. */
static void begin_as(const char *text, bool own, enum log_level level, enum log_form form)
{
	char stream[64];
	struct stat st;
	file = tmpfile();
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(dup2(fileno(file), STDERR_FILENO), 0);
	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	unsetenv("JOURNAL_STREAM");
	if (own || text)
		setenv("JOURNAL_STREAM", own ? stream : text, 1);
	log_init("tester", &(struct log_settings){ level, form });
}

static void begin(const char *text, bool own)
{
	begin_as(text, own, LOG_LEVEL_INFO, LOG_TEXT);
}

static const char *written(void)
{
	static char out[1 << 22];
	rewind(file);
	out[fread(out, 1, sizeof out - 1, file)] = '\0';
	return out;
}

START_TEST(a_line_begins_with_the_time_in_utc)
{
	static const char *const streams[] = { NULL, "", "1:2", "x", "99999999999999999999999:1" };
	char before[32], after[32];
	for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++) {
		begin(streams[i], false);
		text_format_utc(clock_wall_ms(), before);
		log_line(LOG_LEVEL_NOTICE, "it is %d", 7);
		text_format_utc(clock_wall_ms(), after);
		const char *line = written() + strlen("time=");
		ck_assert_str_eq(line + strlen(before), " level=notice process=tester message=\"it is 7\"\n");
		ck_assert_int_ge(strncmp(line, before, strlen(before)), 0); /* its form sorts as time does */
		ck_assert_int_le(strncmp(line, after, strlen(after)), 0);
		fclose(file);
	}
}
END_TEST

/* Who puts a time to each line itself gets the priority instead: journald, and a pipe to logger. */
START_TEST(journald_and_syslog_get_priorities)
{
	begin(NULL, true);
	log_line(LOG_LEVEL_ERROR, "gone");
	log_pairs(LOG_LEVEL_INFO, "event=x a=1");
	ck_assert_str_eq(written(), "<3>level=error process=tester message=gone\n<6>level=info process=tester event=x a=1\n");
	fclose(file);
	begin_as(NULL, false, LOG_LEVEL_DEBUG, LOG_SYSLOG);
	log_line(LOG_LEVEL_DEBUG, "d");
	ck_assert_str_eq(written(), "<7>level=debug process=tester message=d\n");
	fclose(file);
	begin_as(NULL, true, LOG_LEVEL_DEBUG, LOG_JSON);
	log_line(LOG_LEVEL_WARNING, "w");
	ck_assert_str_eq(written(), "<4>{\"level\":\"warning\",\"process\":\"tester\",\"message\":\"w\"}\n");
	fclose(file);
}
END_TEST

START_TEST(levels_are_switched_while_it_runs)
{
	begin_as(NULL, true, LOG_LEVEL_WARNING, LOG_TEXT);
	log_line(LOG_LEVEL_NOTICE, "not wanted");
	log_settings_set(&(struct log_settings){ LOG_LEVEL_DEBUG, LOG_JSON });
	log_line(LOG_LEVEL_DEBUG, "wanted");
	log_settings_set(&(struct log_settings){ LOG_LEVEL_ERROR, LOG_TEXT });
	log_line(LOG_LEVEL_WARNING, "not wanted");
	log_line(LOG_LEVEL_NONE, "not wanted");
	log_line(LOG_LEVEL_ERROR, "always");
	ck_assert_str_eq(written(), "<7>{\"level\":\"debug\",\"process\":\"tester\",\"message\":\"wanted\"}\n"
				    "<3>level=error process=tester message=always\n");
	ck_assert_uint_eq(log_dropped(), 0);
	fclose(file);
}
END_TEST

START_TEST(the_environment_says_how_it_begins)
{
	static const struct { const char *text; enum log_level level; enum log_form form; bool bad; } cases[] = {
		{ "json", LOG_LEVEL_INFO, LOG_JSON, false },          { "debug", LOG_LEVEL_DEBUG, LOG_TEXT, false },
		{ "json,error", LOG_LEVEL_ERROR, LOG_JSON, false },   { "notice,syslog", LOG_LEVEL_NOTICE, LOG_SYSLOG, false },
		{ "", LOG_LEVEL_INFO, LOG_TEXT, false },              { "xml", LOG_LEVEL_INFO, LOG_TEXT, true },
		{ "json,none", LOG_LEVEL_INFO, LOG_TEXT, true },      { "JSON", LOG_LEVEL_INFO, LOG_TEXT, true },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", LOG_LEVEL_INFO, LOG_TEXT, true },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		setenv(LOG_VARIABLE, cases[i].text, 1);
		begin(NULL, true);
		const struct log_settings s = log_settings_get();
		ck_assert_int_eq(s.level, cases[i].level);
		ck_assert_int_eq(s.form, cases[i].form);
		ck_assert_int_eq(strstr(written(), "expected a form") != NULL, cases[i].bad);
		fclose(file);
		if (!cases[i].bad) {
			struct log_settings again = { LOG_LEVEL_NONE, LOG_FORM_NONE };
			char text[32];
			ck_assert_int_eq(log_settings_parse(&again, log_settings_format(&s, text)), 0);
			ck_assert(again.level == s.level && again.form == s.form);
		}
	}
	unsetenv(LOG_VARIABLE);
}
END_TEST

/* ---- values ---- */

static const struct { const char *value; size_t len; const char *text, *json; } values[] = {
#define V(s, text, json) { s, sizeof s - 1, text, json }
	V("plain", "plain", "\"plain\""),
	V("", "\"\"", "\"\""),
	V("two words", "\"two words\"", "\"two words\""),
	V("a=b", "\"a=b\"", "\"a=b\""),
	V("say \"x\"", "\"say \\\"x\\\"\"", "\"say \\\"x\\\"\""),
	V("c:\\dir", "\"c:\\\\dir\"", "\"c:\\\\dir\""),
	V("a\nlevel=error b", "\"a\\nlevel=error b\"", "\"a\\nlevel=error b\""),
	V("a\r\tb", "\"a\\r\\tb\"", "\"a\\r\\tb\""),
	V("\033[1m", "\"\\x1b[1m\"", "\"\\u001b[1m\""),
	V("a\0b", "\"a\\x00b\"", "\"a\\u0000b\""),
	V("\x7f", "\"\\x7f\"", "\"\\u007f\""),
	V("gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"", "\"gr\xc3\xbc\xc3\x9f\""),
	V("\xff\xc3", "\"\\xff\\xc3\"", "\"\xef\xbf\xbd\xef\xbf\xbd\""),
	V("\xed\xa0\x80", "\"\\xed\\xa0\\x80\"", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""), /* a surrogate */
	V("}", "}", "\"}\""),
#undef V
};

START_TEST(values_end_where_they_end)
{
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		struct logline l;
		char want[256];
		logline_begin(&l, LOGLINE_TEXT, "");
		logline_text(&l, "k", values[i].value, values[i].len);
		logline_number(&l, "n", 18446744073709551615u);
		logline_end(&l);
		snprintf(want, sizeof want, "k=%s n=18446744073709551615\n", values[i].text);
		ck_assert_str_eq(l.out, want);
		logline_begin(&l, LOGLINE_JSON, "");
		logline_text(&l, "k", values[i].value, values[i].len);
		logline_number(&l, "n", 7);
		logline_end(&l);
		snprintf(want, sizeof want, "{\"k\":%s,\"n\":7}\n", values[i].json);
		ck_assert_str_eq(l.out, want);
	}
}
END_TEST

static const struct { const char *pairs, *json; } pair_texts[] = {
	{ "event=link peer=ns2 state=active", "{\"event\":\"link\",\"peer\":\"ns2\",\"state\":\"active\"}\n" },
	{ "a=\"b c\" d=\"\"", "{\"a\":\"b c\",\"d\":\"\"}\n" },
	{ "a=\"b=c d=e\" f=g", "{\"a\":\"b=c d=e\",\"f\":\"g\"}\n" },
	{ "a=\"no end", "{\"a\":\"no end\"}\n" },
	{ "loose words a=b", "{\"a\":\"b\"}\n" },
	{ "=x a=b", "{\"a\":\"b\"}\n" },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=x a=b", "{\"a\":\"b\"}\n" },
	{ "", "{}\n" },
};

START_TEST(pairs_are_taken_apart)
{
	for (size_t i = 0; i < sizeof pair_texts / sizeof pair_texts[0]; i++) {
		struct logline l;
		logline_begin(&l, LOGLINE_JSON, "");
		logline_pairs(&l, pair_texts[i].pairs);
		logline_end(&l);
		ck_assert_str_eq(l.out, pair_texts[i].json);
	}
}
END_TEST

/* Whatever length its values have, the line is whole and within its bound, and what was cut says so. */
START_TEST(a_long_line_is_cut_and_stays_whole)
{
	static const char *const units[] = { "x", "\"", "\xc3\xbc", "\n", "\xff" };
	for (size_t u = 0; u < sizeof units / sizeof units[0]; u++)
		for (size_t len = LOGLINE_MAX - 80; len < LOGLINE_MAX + 80; len++) {
			char text[LOGLINE_MAX + 100];
			for (size_t i = 0; i < len; i++)
				text[i] = units[u][i % strlen(units[u])];
			for (int form = LOGLINE_TEXT; form <= LOGLINE_JSON; form++) {
				struct logline l;
				logline_begin(&l, (enum logline_form)form, "<3>");
				logline_text(&l, "message", text, len);
				logline_text(&l, "more", "more", 4);
				logline_number(&l, "number", UINT64_MAX);
				logline_end(&l);
				ck_assert_uint_le(l.len, LOGLINE_MAX);
				ck_assert_uint_eq(strlen(l.out), l.len);
				ck_assert_ptr_eq(strchr(l.out, '\n'), l.out + l.len - 1);
				if (form == LOGLINE_JSON)
					ck_assert_int_eq(l.out[l.len - 2], '}');
				ck_assert_int_eq(strstr(l.out, "\xe2\x80\xa6") != NULL || !strstr(l.out, "number"), l.full);
			}
		}
}
END_TEST

/* ---- bounds ---- */

static size_t lines_of(const char *text, const char *with)
{
	size_t n = 0;
	for (; (text = strstr(text, with)); text++)
		n++;
	return n;
}

START_TEST(a_flood_is_bounded_and_counted)
{
	begin_as(NULL, true, LOG_LEVEL_DEBUG, LOG_TEXT);
	const uint64_t began = clock_mono_us();
	uint64_t lines = 0, before = 0;
	for (; lines < 3 * LOG_LINES_BURST || log_dropped() == before; lines++) { /* the last is one of those that are dropped */
		before = log_dropped();
		log_line(LOG_LEVEL_INFO, "flood");
	}
	const uint64_t last = (clock_mono_us() - began) * LOG_LINES_A_SECOND / 1000000 + 1;
	const uint64_t dropped = log_dropped(), passed = lines_of(written(), "message=flood");
	ck_assert_uint_eq(passed + dropped, lines);
	ck_assert_uint_ge(passed, LOG_LINES_BURST / 4 * 3);
	ck_assert_uint_le(passed, LOG_LINES_BURST / 4 * 3 + last);
	log_line(LOG_LEVEL_ERROR, "what matters"); /* its quarter is still there, and tells of the others */
	uint64_t told = 0;
	for (const char *at = written(); (at = strstr(at, "event=dropped lines=")); at++)
		told += strtoull(at + strlen("event=dropped lines="), NULL, 10);
	ck_assert_uint_eq(told, dropped);
	ck_assert_ptr_nonnull(strstr(written(), "message=\"lines of the log were dropped\"\n"
						"<3>level=error process=tester message=\"what matters\"\n"));
	ck_assert_uint_eq(log_dropped(), dropped);
	fclose(file);
}
END_TEST

/* A pipe that nobody reads any more: the process goes on, and says later what is missing. */
START_TEST(a_reader_that_stops_stops_nobody)
{
	int pipe_fds[2];
	char in[8192];
	begin(NULL, false);
	ck_assert_int_eq(pipe(pipe_fds), 0);
	ck_assert_int_ge(dup2(pipe_fds[1], STDERR_FILENO), 0);
	const uint64_t before = log_dropped();
	for (int i = 0; i < 5000; i++)
		log_line(LOG_LEVEL_NOTICE, "line %d", i);
	ck_assert_uint_gt(log_dropped(), before);
	ck_assert_int_eq(fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK), 0);
	while (read(pipe_fds[0], in, sizeof in) > 0)
		;
	log_line(LOG_LEVEL_NOTICE, "back");
	ssize_t n = read(pipe_fds[0], in, sizeof in - 1);
	ck_assert_int_gt(n, 0);
	in[n] = '\0';
	ck_assert_ptr_nonnull(strstr(in, "event=dropped lines="));
	ck_assert_ptr_nonnull(strstr(in, "message=back"));
	fclose(file);
}
END_TEST

START_TEST(a_text_stays_one_line_and_is_bounded)
{
	char long_text[5000];
	begin(NULL, true);
	log_line(LOG_LEVEL_WARNING, "a\n<3>level=error process=tester message=b\033[1m");
	ck_assert_str_eq(written(), "<4>level=warning process=tester message=\"a\\n<3>level=error process=tester message=b\\x1b[1m\"\n");
	memset(long_text, 'x', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = '\0';
	log_line(LOG_LEVEL_WARNING, "%s", long_text);
	const char *second = strchr(written(), '\n') + 1;
	ck_assert_uint_le(strlen(second), LOGLINE_MAX);
	ck_assert_uint_gt(strlen(second), 2000);
	ck_assert_int_eq(second[strlen(second) - 1], '\n');
	fclose(file);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { a_line_begins_with_the_time_in_utc, journald_and_syslog_get_priorities, levels_are_switched_while_it_runs,
				 the_environment_says_how_it_begins, values_end_where_they_end, pairs_are_taken_apart,
				 a_long_line_is_cut_and_stays_whole, a_flood_is_bounded_and_counted, a_reader_that_stops_stops_nobody,
				 a_text_stays_one_line_and_is_bounded };
	return unit_run("io_log", tests, sizeof tests / sizeof *tests);
}
