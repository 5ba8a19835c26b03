/* The log's lines: their time, and who needs none. */
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
static void begin(const char *text, bool own)
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
	log_init("tester", LOG_LEVEL_INFO);
}

static const char *written(void)
{
	static char out[8192];
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
		const char *line = written();
		ck_assert_str_eq(line + strlen(before), " notice tester: it is 7\n");
		ck_assert_int_ge(strncmp(line, before, strlen(before)), 0); /* its form sorts as time does */
		ck_assert_int_le(strncmp(line, after, strlen(after)), 0);
		fclose(file);
	}
}
END_TEST

START_TEST(journald_has_the_time_itself)
{
	begin(NULL, true);
	log_line(LOG_LEVEL_ERROR, "gone");
	ck_assert_str_eq(written(), "error tester: gone\n");
	fclose(file);
}
END_TEST

START_TEST(a_line_stays_one_line_and_is_bounded)
{
	char long_text[5000];
	begin(NULL, true);
	log_line(LOG_LEVEL_DEBUG, "not wanted");
	log_line(LOG_LEVEL_WARNING, "a\nnotice tester: b\033[1m");
	ck_assert_str_eq(written(), "warning tester: a notice tester: b [1m\n");
	memset(long_text, 'x', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = '\0';
	log_line(LOG_LEVEL_WARNING, "%s", long_text);
	const char *second = strchr(written(), '\n') + 1;
	ck_assert_uint_lt(strlen(second), 2049);
	ck_assert_uint_gt(strlen(second), 2000);
	ck_assert_int_eq(second[strlen(second) - 1], '\n');
	fclose(file);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { a_line_begins_with_the_time_in_utc, journald_has_the_time_itself, a_line_stays_one_line_and_is_bounded };
	return unit_run("io_log", tests, sizeof tests / sizeof *tests);
}
