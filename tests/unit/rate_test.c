/* Response rate limiting, its time moved by hand. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "answer/answer.h"
#include "answer/rate.h"
#include "base/buf.h"
#include "base/rng.h"

static const struct hash_key key = { { 0x0123456789abcdefu, 0xfedcba9876543210u } };
static struct rate_limits limits;
static struct rate *rate;

static void set_up(void)
{
	limits = (struct rate_limits){ .per_s = 10, .window_ms = 15000, .accounts = 1024, .slip = 2 };
	rate = NULL;
}

static void tear_down(void)
{
	rate_free(rate);
}

static void begin(void)
{
	rate_free(rate);
	rate = rate_new(&limits, &key);
	ck_assert_ptr_nonnull(rate);
}

static struct addr address(const char *text)
{
	struct addr a;
	ck_assert_int_eq(addr_parse(&a, text, strlen(text), 0), 0);
	return a;
}

static uint64_t net(const char *text)
{
	struct addr a = address(text);
	return answer_prefix(&a);
}

/* One letter a response: p passed, d dropped, s slipped. */
static const char *ask(const char *from, enum rate_class c, unsigned count, uint64_t now_ms)
{
	static char out[4096];
	ck_assert_uint_lt(count, sizeof out);
	for (unsigned i = 0; i < count; i++)
		out[i] = "?pds"[rate_judge(rate, net(from), c, now_ms)];
	out[count] = 0;
	return out;
}

#define ASK(from, c, now_ms, expected) ck_assert_str_eq(ask(from, c, (unsigned)strlen(expected), now_ms), expected)

START_TEST(a_second_of_credit_then_slips)
{
	begin();
	ASK("192.0.2.1", RATE_ANSWER, 5000, "pppppppppp" "dsdsds");
}
END_TEST

START_TEST(the_clock_may_stand_at_zero)
{
	begin();
	ASK("192.0.2.1", RATE_ANSWER, 0, "pppppppppp" "ds");
}
END_TEST

START_TEST(credit_comes_back_with_time)
{
	begin();
	ASK("192.0.2.1", RATE_ANSWER, 1000, "pppppppppp");
	ASK("192.0.2.1", RATE_ANSWER, 1100, "pd"); /* a tenth of a second is worth one; what is limited is owed, too */
	ASK("192.0.2.1", RATE_ANSWER, 1299, "s");
	ASK("192.0.2.1", RATE_ANSWER, 1500, "p");
	ASK("192.0.2.1", RATE_ANSWER, 9000, "ppppppppppd"); /* never more than a second's worth */
}
END_TEST

START_TEST(at_the_rate_all_pass)
{
	begin();
	for (uint64_t now = 7000; now < 67000; now += 100)
		ASK("192.0.2.1", RATE_ANSWER, now, "p");
}
END_TEST

START_TEST(above_the_rate_nothing_passes_once_the_credit_is_gone)
{
	unsigned passed = 0;
	begin();
	for (uint64_t now = 0; now < 60000; now += 50) { /* twice the rate */
		const char *got = ask("192.0.2.1", RATE_ANSWER, 1, now);
		passed += *got == 'p';
		ck_assert(now < 2000 || *got != 'p');
	}
	ck_assert_uint_ge(passed, 10);
	ck_assert_uint_le(passed, 20);
}
END_TEST

START_TEST(debt_is_paid_within_the_window)
{
	begin();
	for (int i = 0; i < 1000; i++)
		rate_judge(rate, net("192.0.2.1"), RATE_ANSWER, 1000);
	ASK("192.0.2.1", RATE_NODATA, 1000, "p"); /* another account */
	ck_assert_str_ne(ask("192.0.2.1", RATE_ANSWER, 1, 15000), "p");
	ASK("192.0.2.1", RATE_ANSWER, 16200, "p");

	limits.window_ms = 1000;
	begin();
	for (int i = 0; i < 1000; i++)
		rate_judge(rate, net("192.0.2.1"), RATE_ANSWER, 1000);
	ASK("192.0.2.1", RATE_ANSWER, 2100, "p");
}
END_TEST

START_TEST(slip_says_which)
{
	static const struct { uint16_t slip; const char *expected; } cases[] = {
		{ 0, "dddddddd" }, { 1, "ssssssss" }, { 2, "dsdsdsds" }, { 3, "ddsddsdd" }, { 10, "dddddddddsddddddddds" } };
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		limits.slip = cases[i].slip;
		begin();
		ask("192.0.2.1", RATE_NXDOMAIN, 10, 1000);
		ASK("192.0.2.1", RATE_NXDOMAIN, 1000, cases[i].expected);
	}
}
END_TEST

START_TEST(errors_never_slip)
{
	limits.slip = 1;
	begin();
	ASK("192.0.2.1", RATE_ERROR, 1000, "ppppppppppdddd");
}
END_TEST

START_TEST(networks_and_classes_have_accounts_of_their_own)
{
	static const struct { const char *a, *b; bool shared; } cases[] = {
		{ "192.0.2.1", "192.0.2.255", true },
		{ "192.0.2.1", "192.0.3.1", false },
		{ "2001:db8:0:1200::1", "2001:db8:0:12ff:ffff::1", true },
		{ "2001:db8:0:1200::1", "2001:db8:0:1300::1", false },
		{ "0.0.2.1", "::2", false } };
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		begin();
		ASK(cases[i].a, RATE_ANSWER, 1000, "ppppppppppd");
		ck_assert_msg((*ask(cases[i].b, RATE_ANSWER, 1, 1000) != 'p') == cases[i].shared, "%s and %s", cases[i].a, cases[i].b);
	}
	begin();
	for (int c = RATE_ANSWER; c <= RATE_ERROR; c++)
		ASK("192.0.2.1", (enum rate_class)c, 1000, "ppppppppppd");
}
END_TEST

START_TEST(classes_by_the_header)
{
	static const struct { uint16_t flags, an, ns; enum rate_class expected; } cases[] = {
		{ 0x8400, 1, 0, RATE_ANSWER },   { 0x8400, 0, 1, RATE_NODATA }, { 0x8403, 0, 1, RATE_NXDOMAIN },
		{ 0x8403, 1, 1, RATE_NXDOMAIN }, { 0x8000, 0, 2, RATE_REFERRAL }, { 0x8000, 1, 2, RATE_ANSWER },
		{ 0x8005, 0, 0, RATE_ERROR },    { 0x8002, 0, 0, RATE_ERROR },  { 0x8406, 1, 0, RATE_ERROR },
		{ 0x8600, 0, 0, RATE_ANSWER },   { 0x8200, 0, 0, RATE_ANSWER }, { 0x8000, 0, 0, RATE_NODATA } };
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t m[12] = { 0 };
		store_u16(m + 2, cases[i].flags);
		store_u16(m + 6, cases[i].an);
		store_u16(m + 8, cases[i].ns);
		ck_assert_msg(rate_class_of(m) == cases[i].expected, "case %zu is %d", i, rate_class_of(m));
	}
}
END_TEST

START_TEST(exempt_blocks)
{
	static const char *const blocks[] = { "127.0.0.0/8", "::1", "198.51.100.7", "2001:db8:1::/48", "2001:db8:2:3:4:5:6:0/113" };
	static const struct { const char *from; bool exempt; } cases[] = {
		{ "127.0.0.1", true }, { "127.255.255.255", true }, { "126.0.0.1", false }, { "128.0.0.0", false },
		{ "198.51.100.7", true }, { "198.51.100.6", false }, { "::1", true }, { "::", false }, { "::2", false },
		{ "2001:db8:1:ffff::9", true }, { "2001:db8:0:ffff::9", false }, { "2001:db8:2:3:4:5:6:7fff", true },
		{ "2001:db8:2:3:4:5:6:8000", false }, { "2001:db8:2:3:4:5:7:0", false } };
	for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
		ck_assert_int_eq(addr_block_parse(&limits.exempt[limits.exempt_count++], blocks[i], strlen(blocks[i])), 0);
	begin();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct addr a = address(cases[i].from);
		ck_assert_msg(rate_is_exempt(rate, &a) == cases[i].exempt, "%s", cases[i].from);
	}
}
END_TEST

START_TEST(all_of_a_family_may_be_exempt_and_not_the_other)
{
	struct addr four = address("192.0.2.1"), six = address("2001:db8::1");
	for (int pass = 0; pass < 2; pass++) {
		const char *block = pass ? "::/0" : "0.0.0.0/0";
		limits.exempt_count = 1;
		ck_assert_int_eq(addr_block_parse(&limits.exempt[0], block, strlen(block)), 0);
		begin();
		ck_assert(rate_is_exempt(rate, &four) == !pass);
		ck_assert(rate_is_exempt(rate, &six) == pass);
	}
	limits.exempt_count = 0;
	begin();
	ck_assert(!rate_is_exempt(rate, &four) && !rate_is_exempt(rate, &six));
}
END_TEST

/* A flood from far more networks than there is room for: whoever it aims at stays limited, since it owes most. */
START_TEST(a_full_table_forgives_the_least_indebted)
{
	struct rng rng;
	unsigned passed = 0;
	rng_init(&rng, 7);
	begin();
	for (int i = 0; i < 200; i++)
		rate_judge(rate, net("203.0.113.1"), RATE_ANSWER, 1000);
	for (uint64_t i = 0; i < 100000; i++)
		passed += rate_judge(rate, 4ull << 56 | (rng_u64(&rng) & 0xffffff), RATE_ANSWER, 1000) == RATE_PASS;
	ck_assert_uint_gt(passed, 95000);
	ck_assert_str_ne(ask("203.0.113.1", RATE_ANSWER, 1, 1000), "p");
	ck_assert_str_ne(ask("203.0.113.1", RATE_ANSWER, 1, 1000), "p");
}
END_TEST

/* Two networks must not find each other's account, whatever the key: with as many accounts as here hardly one in a set. */
START_TEST(networks_spread)
{
	unsigned wrong = 0;
	limits.accounts = 65536;
	limits.per_s = 1;
	begin();
	for (uint64_t i = 0; i < 8192; i++)
		wrong += rate_judge(rate, 4ull << 56 | i << 8, RATE_ANSWER, 1000) != RATE_PASS;
	ck_assert_uint_eq(wrong, 0); /* each is the first of its network */
	for (uint64_t i = 0; i < 8192; i++)
		wrong += rate_judge(rate, 4ull << 56 | i << 8, RATE_ANSWER, 1000) == RATE_PASS;
	ck_assert_uint_le(wrong, 8); /* nearly all are still remembered */
}
END_TEST

START_TEST(every_rate_is_kept)
{
	static const uint32_t rates[] = { 1, 2, 3, 7, 300, 999, 10007, 1000000 };
	for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
		uint32_t passed = 0;
		limits.per_s = rates[i];
		limits.accounts = i ? 1024 : 1; /* fewer than a set has */
		begin();
		for (uint32_t n = 0; n < rates[i] + rates[i] / 10 + 5; n++)
			passed += rate_judge(rate, 1, RATE_ANSWER, 1u << 30) == RATE_PASS;
		ck_assert_msg(passed >= rates[i] && passed <= rates[i] + rates[i] / 1000 + 1, "%u of %u", passed, rates[i]);
	}
}
END_TEST

START_TEST(who_is_limited_is_watched)
{
	struct rate_watched w[RATE_WATCHED_MAX];
	begin();
	ASK("192.0.2.1", RATE_ANSWER, 5000, "pppppppppp");
	ck_assert_uint_eq(rate_take_watched(rate, w), 0); /* nobody is limited yet */
	ASK("192.0.2.1", RATE_ANSWER, 5000, "dsdsd");
	ASK("192.0.2.9", RATE_ERROR, 5000, "pppppppppp" "dd"); /* the same network, whatever its kind */
	ASK("2001:db8:0:1::1", RATE_ANSWER, 5000, "pppppppppp" "d");
	ck_assert_uint_eq(rate_take_watched(rate, w), 2);
	ck_assert_uint_eq(w[0].net, net("192.0.2.0"));
	ck_assert_uint_eq(w[0].dropped, 5);
	ck_assert_uint_eq(w[0].slipped, 2);
	ck_assert_uint_eq(w[1].net, net("2001:db8::"));
	ck_assert_uint_eq(w[1].dropped, 1);
	ASK("192.0.2.1", RATE_ANSWER, 5000, "s");
	ck_assert_uint_eq(rate_take_watched(rate, w), 1); /* and the other's place is free again */
	ck_assert_uint_eq(w[0].dropped + w[0].slipped, 1);
	ck_assert_uint_eq(rate_take_watched(rate, w), 0);
}
END_TEST

START_TEST(a_few_are_watched_and_all_are_limited)
{
	struct rate_watched w[RATE_WATCHED_MAX];
	limits.per_s = 1;
	begin();
	for (uint64_t round = 0; round < 2; round++)
		for (uint64_t i = 1; i <= 100; i++)
			ck_assert_int_eq(rate_judge(rate, 4ull << 56 | i, RATE_ANSWER, 1000) == RATE_PASS, round == 0);
	ck_assert_uint_eq(rate_take_watched(rate, w), RATE_WATCHED_MAX);
	for (size_t i = 0; i < RATE_WATCHED_MAX; i++)
		ck_assert_uint_eq(w[i].net, 4ull << 56 | (i + 1));
}
END_TEST

int main(void)
{
	const TTest *tests[] = { a_second_of_credit_then_slips, the_clock_may_stand_at_zero, credit_comes_back_with_time, at_the_rate_all_pass,
		above_the_rate_nothing_passes_once_the_credit_is_gone, debt_is_paid_within_the_window, slip_says_which,
		errors_never_slip, networks_and_classes_have_accounts_of_their_own, classes_by_the_header, exempt_blocks,
		all_of_a_family_may_be_exempt_and_not_the_other, a_full_table_forgives_the_least_indebted, networks_spread,
		every_rate_is_kept, who_is_limited_is_watched, a_few_are_watched_and_all_are_limited };
	Suite *s = suite_create("rate");
	TCase *t = tcase_create("accounts");
	tcase_add_checked_fixture(t, set_up, tear_down);
	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
