/* Whom people are told of, and what. */
#include <string.h>
#include "answer/answer.h"
#include "app/limited.h"
#include "unit.h"

static uint64_t net(const char *text)
{
	struct addr a;
	ck_assert_int_eq(addr_parse(&a, text, strlen(text), 0), 0);
	return answer_prefix(&a);
}

START_TEST(from_the_first_to_the_last)
{
	struct limited l = { .nets[0].net = 0 };
	struct limited_net out;
	const struct rate_watched a = { .net = net("192.0.2.1"), .dropped = 3, .slipped = 2 }, b = { .net = net("192.0.3.1"), .dropped = 1 };
	ck_assert(!limited_take_ended(&l, 1000, 15000, &out));
	ck_assert(limited_note(&l, &a, 1000));
	ck_assert(!limited_note(&l, &a, 2000)); /* told once */
	ck_assert(limited_note(&l, &b, 2000));
	ck_assert(!limited_note(&l, &b, 9000));
	ck_assert(!limited_take_ended(&l, 16999, 15000, &out));
	ck_assert(limited_take_ended(&l, 17000, 15000, &out));
	ck_assert_uint_eq(out.net, a.net);
	ck_assert_uint_eq(out.dropped, 6);
	ck_assert_uint_eq(out.slipped, 4);
	ck_assert_uint_eq(out.last_ms - out.since_ms, 1000);
	ck_assert(!limited_take_ended(&l, 17000, 15000, &out));
	ck_assert(limited_note(&l, &a, 18000)); /* it begins anew */
	ck_assert(limited_take_ended(&l, 24000, 15000, &out));
	ck_assert_uint_eq(out.net, b.net);
	ck_assert_uint_eq(out.dropped, 2);
}
END_TEST

START_TEST(a_flood_from_many_networks_tells_of_a_few)
{
	struct limited l = { .nets[0].net = 0 };
	struct limited_net out;
	size_t told = 0, ended = 0;
	for (uint64_t second = 0; second < 15; second++)
		for (uint64_t i = 1; i <= 1000; i++)
			told += limited_note(&l, &(struct rate_watched){ .net = 4ull << 56 | i, .dropped = 1 }, second * 1000);
	ck_assert_uint_eq(told, LIMITED_MAX);
	while (limited_take_ended(&l, 14000 + 15000, 15000, &out)) {
		ck_assert_uint_eq(out.dropped, 15);
		ended++;
	}
	ck_assert_uint_eq(ended, LIMITED_MAX);
}
END_TEST

START_TEST(networks_as_text)
{
	static const struct { const char *client, *text; } rows[] = {
		{ "192.0.2.77", "192.0.2.0/24" }, { "255.255.255.255", "255.255.255.0/24" }, { "0.0.0.1", "0.0.0.0/24" },
		{ "2001:db8:1:2ff::1", "2001:db8:1:200::/56" }, { "::1", "::/56" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ff00::/56" },
	};
	char out[LIMITED_TEXT_MAX];
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		ck_assert_str_eq(limited_net_text(net(rows[i].client), out), rows[i].text);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { from_the_first_to_the_last, a_flood_from_many_networks_tells_of_a_few, networks_as_text };
	return unit_run("limited", tests, sizeof tests / sizeof *tests);
}
