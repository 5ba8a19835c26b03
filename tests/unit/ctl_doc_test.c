/* The document builder: one description, both forms exact; hostile text; bounds. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include "ctl/doc.h"

static struct doc d;

static void begin(enum doc_form f)
{
	doc_init(&d, f, false, 0, 1u << 20);
}

static void expect(const char *text)
{
	ck_assert_int_eq(doc_end(&d), 0);
	bytes_u8(&d.out, 0);
	ck_assert_str_eq((const char *)d.out.data, text);
	doc_deinit(&d);
}

static void describe(void)
{
	doc_text(&d, "node", "ns1");
	doc_text(&d, "host", NULL);
	doc_s(&d, "ttl_s", 10);
	doc_ms(&d, "uptime_ms", 190000);
	doc_us(&d, "rtt_us", 350);
	doc_bool(&d, "ready", true);
	doc_int(&d, "clock_ms", -3);
	doc_number(&d, "qps", 1.25);
	doc_time(&d, "started", 1700000000000, 1700000060000);
	doc_time(&d, "never", 0, 5);
	doc_group(&d, "pair");
	doc_text(&d, "name", "demo");
	doc_group_end(&d);
	doc_for(&d, DOC_JSON);
	doc_text(&d, "machine", "only");
	doc_for(&d, DOC_PEOPLE);
	doc_text(&d, "people", "only");
	doc_for(&d, DOC_BOTH);
	doc_list(&d, "members");
	for (int i = 0; i < 2; i++) {
		doc_row(&d);
		doc_printf(&d, "address", "127.0.0.%d", i * 100 + 9);
		doc_text(&d, "host", i ? "ams1" : NULL);
		doc_text(&d, "site", NULL);
		doc_uint(&d, "took_us", 1);
		doc_time(&d, "until", 1700000000000, 1700000000000 - (uint64_t)i * 60000);
		doc_word(&d, "state", i ? "up" : "down", i ? DOC_GOOD : DOC_BAD);
		doc_row_end(&d);
	}
	doc_list_end(&d);
	doc_list(&d, "open_alarms");
	doc_list_end(&d);
}

START_TEST(people_read_aligned_tables)
{
	begin(DOC_PEOPLE);
	describe();
	expect("node       ns1\n"
	       "ttl        10s\n"
	       "uptime     3m10s\n"
	       "rtt        0.35ms\n"
	       "ready      yes\n"
	       "clock      -3\n"
	       "qps        1.2\n"
	       "started    2023-11-14T22:13:20.000Z (1m00s ago)\n"
	       "pair name  demo\n"
	       "people     only\n"
	       "\n"
	       "ADDRESS      HOST  TOOK  UNTIL     STATE\n"
	       "127.0.0.9          1     0ms       down\n"
	       "127.0.0.109  ams1  1     in 1m00s  up\n"
	       "\n"
	       "no open alarms\n");
}
END_TEST

START_TEST(machines_read_one_object)
{
	begin(DOC_JSON);
	describe();
	expect("{\"node\":\"ns1\",\"host\":null,\"ttl_s\":10,\"uptime_ms\":190000,\"rtt_us\":350,\"ready\":true,\"clock_ms\":-3,"
	       "\"qps\":1.25,\"started\":\"2023-11-14T22:13:20.000Z\",\"never\":null,\"pair\":{\"name\":\"demo\"},\"machine\":\"only\","
	       "\"members\":[{\"address\":\"127.0.0.9\",\"host\":null,\"site\":null,\"took_us\":1,\"until\":\"2023-11-14T22:13:20.000Z\","
	       "\"state\":\"down\"},{\"address\":\"127.0.0.109\",\"host\":\"ams1\",\"site\":null,\"took_us\":1,"
	       "\"until\":\"2023-11-14T22:13:20.000Z\",\"state\":\"up\"}],\"open_alarms\":[]}\n");
}
END_TEST

START_TEST(colour_stands_around_words_not_padding)
{
	doc_init(&d, DOC_PEOPLE, true, 0, 1000);
	doc_list(&d, "x");
	doc_row(&d);
	doc_word(&d, "s", "up", DOC_GOOD);
	doc_word(&d, "t", "unknown", DOC_UNSURE);
	doc_row_end(&d);
	doc_row(&d);
	doc_word(&d, "s", "down", DOC_BAD);
	doc_word(&d, "t", "plain", DOC_PLAIN);
	doc_row_end(&d);
	doc_list_end(&d);
	expect("S     T\n\x1b[32mup\x1b[0m    \x1b[33munknown\x1b[0m\n\x1b[31mdown\x1b[0m  plain\n");
}
END_TEST

START_TEST(widths_are_of_characters)
{
	begin(DOC_PEOPLE);
	doc_text(&d, "a", "é");
	doc_text(&d, "größe", "日本"); /* ö and ß take one column each */
	doc_list(&d, "x");
	const char *const names[] = { "日本", "e\xcc\x81", "abcd" };
	for (int i = 0; i < 3; i++) {
		doc_row(&d);
		doc_text(&d, "n", names[i]);
		doc_text(&d, "m", "|");
		doc_row_end(&d);
	}
	doc_list_end(&d);
	expect("a      é\n"
	       "größe  日本\n"
	       "\n"
	       "N     M\n"
	       "日本  |\n"
	       "e\xcc\x81     |\n"
	       "abcd  |\n");
}
END_TEST

static const struct { const char *in, *out; unsigned width; } hostile[] = {
	{ "plain", "plain", 5 },
	{ "\x1b[2Jgone", "?[2Jgone", 8 },       /* clears a screen */
	{ "a\nb\tc\x7f", "a?b?c?", 6 },
	{ "\xc2\x9b" "31m", "?31m", 4 },        /* C1 CSI */
	{ "\xe2\x80\xae" "evil", "?evil", 5 },  /* right-to-left override */
	{ "\xe2\x80\x8b", "?", 1 },             /* zero width space */
	{ "\xff\xfe", "??", 2 },
	{ "\xc0\x80", "??", 2 },                /* overlong NUL */
	{ "\xe0\x80\x80", "???", 3 },
	{ "\xed\xa0\x80", "???", 3 },           /* surrogate */
	{ "\xf4\x90\x80\x80", "????", 4 },      /* above U+10FFFF */
	{ "\xe6\x97", "??", 2 },                /* cut short */
	{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", 2 },
};

START_TEST(what_terminals_obey_is_replaced)
{
	struct bytes b;
	bytes_init(&b, 100);
	unsigned w = doc_clean(&b, hostile[_i].in, strlen(hostile[_i].in));
	bytes_u8(&b, 0);
	ck_assert_str_eq((const char *)b.data, hostile[_i].out);
	ck_assert_uint_eq(w, hostile[_i].width);
	ck_assert_uint_eq(doc_clean(NULL, hostile[_i].in, strlen(hostile[_i].in)), w);
	bytes_deinit(&b);
}
END_TEST

static void one_long_row(unsigned width, const char *reason)
{
	doc_init(&d, DOC_PEOPLE, false, width, 1000);
	doc_list(&d, "x");
	doc_row(&d);
	doc_text(&d, "id", "1");
	doc_text(&d, "reason", reason);
	doc_row_end(&d);
	doc_list_end(&d);
}

START_TEST(the_last_column_gives_way)
{
	one_long_row(14, "0123456789");
	expect("ID  REASON\n1   0123456789\n");
	one_long_row(13, "0123456789");
	expect("ID  REASON\n1   01234567…\n");
	one_long_row(15, "日本日本日本"); /* 12 columns into 11: one is for the mark */
	expect("ID  REASON\n1   日本日本日…\n");
	one_long_row(0, "0123456789");
	expect("ID  REASON\n1   0123456789\n");
	one_long_row(5, "0123456789"); /* hopeless: leave it to the terminal */
	expect("ID  REASON\n1   0123456789\n");
}
END_TEST

START_TEST(too_much_is_an_error_and_no_crash)
{
	char text[3000];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	for (int f = DOC_PEOPLE; f <= DOC_JSON; f++) {
		doc_init(&d, (enum doc_form)f, false, 0, 500);
		doc_list(&d, "x");
		for (int i = 0; i < 100; i++) {
			doc_row(&d);
			doc_text(&d, "n", "0123456789");
			doc_row_end(&d);
		}
		doc_list_end(&d);
		ck_assert_int_eq(doc_end(&d), ERR_NOMEM);
		doc_deinit(&d);
	}
	begin(DOC_PEOPLE);
	doc_text(&d, "long", text); /* cut at DOC_TEXT_MAX */
	ck_assert_int_eq(doc_end(&d), 0);
	ck_assert_uint_eq(d.out.len, 4 + 2 + DOC_TEXT_MAX + 1);
	doc_deinit(&d);
}
END_TEST

START_TEST(columns_past_the_bound_are_left_out)
{
	char keys[DOC_COLUMNS_MAX + 8][8];
	begin(DOC_PEOPLE);
	doc_list(&d, "x");
	doc_row(&d);
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		snprintf(keys[i], sizeof keys[i], "k%zu", i);
		doc_uint(&d, keys[i], i);
	}
	doc_row_end(&d);
	doc_list_end(&d);
	ck_assert_int_eq(doc_end(&d), 0);
	ck_assert_ptr_nonnull(memmem(d.out.data, d.out.len, "K31", 3));
	ck_assert_ptr_null(memmem(d.out.data, d.out.len, "K32", 3));
	doc_deinit(&d);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ctl_doc");
	TCase *t = tcase_create("doc");
	tcase_add_test(t, people_read_aligned_tables);
	tcase_add_test(t, machines_read_one_object);
	tcase_add_test(t, colour_stands_around_words_not_padding);
	tcase_add_test(t, widths_are_of_characters);
	tcase_add_loop_test(t, what_terminals_obey_is_replaced, 0, sizeof hostile / sizeof hostile[0]);
	tcase_add_test(t, the_last_column_gives_way);
	tcase_add_test(t, too_much_is_an_error_and_no_crash);
	tcase_add_test(t, columns_past_the_bound_are_left_out);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
