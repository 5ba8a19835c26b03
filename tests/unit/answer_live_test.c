/* Live RRsets: what is chosen, how often, and what happens around it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/lib/answer_kit.h"

#define SOA " SOA ns.example.test. root.example.test. 1 2 3 4 60"
#define DRAWS 60000

static const struct kit_zone zones[] = {
	{ .apex = "example.test",
	  .live = "example.test www.example.test *.wild.example.test only.example.test big.example.test",
	  .text = "$TTL 3600\n"
		  "@ SOA ns root 1 2 3 4 60\n"
		  "@ NS ns\n"
		  "ns A 192.0.2.53\n"
		  "@ A 192.0.2.1\n"
		  "www 30 A 192.0.2.1\n"
		  "www A 192.0.2.2\n"
		  "www TXT \"static\"\n"
		  "*.wild A 192.0.2.1\n"
		  "alias CNAME www\n"
		  "walias CNAME some.thing.wild\n"
		  "mx MX 10 www\n"
		  "dn DNAME wild\n" },
};

static struct kit kit;

static void setup(void)
{
	kit_init(&kit, zones, 1);
}

static void teardown(void)
{
	kit_deinit(&kit);
}

static void ask_want(const char *ask, const char *want)
{
	ck_assert_str_eq(kit_ask(&kit, ask), want);
}

/* The last octet of the address in the nth record of the answer, 0 = none. */
static unsigned member_at(unsigned n)
{
	size_t at = DNS_HEADER_LEN + name_len(kit.wire + DNS_HEADER_LEN) + 4;

	if (n >= load_u16(kit.wire + 6))
		return 0;
	return kit.wire[at + n * 16u + 15];
}

/* Only asks, without the text. */
static void ask_fast(const char *line)
{
	uint8_t in[512];
	size_t len = kit_question(line, in, &kit.from);

	ck_assert_int_eq(answer_query(kit.db, &kit.worker, &kit.limits, &kit.from, in, len, kit.wire, DNS_UDP_EDNS_MAX,
				      &kit.wire_len), ANSWER_SEND);
}

START_TEST(test_not_ready)
{
	ask_want("www.example.test A", "SERVFAIL");
	ask_want("www.example.test AAAA edns=1232", "SERVFAIL\nopt 1232 ede=14");
	ask_want("alias.example.test A edns=1232", "SERVFAIL\nopt 1232 ede=14");
	ask_want("www.example.test TXT", "NOERROR aa\nan www.example.test. 3600 TXT \"static\"");
	kit_publish(&kit, "www.example.test", DNS_TYPE_A, "192.0.2.1", ANSWER_PICK_ROTATE, 0, 10);
	ask_want("www.example.test A", "NOERROR aa\nan www.example.test. 10 A 192.0.2.1");
	kit_publish(&kit, "www.example.test", DNS_TYPE_A, NULL, 0, 0, 0);
	ask_want("www.example.test A edns=512", "SERVFAIL\nopt 1232 ede=14");
}
END_TEST

START_TEST(test_nodata)
{
	kit_publish(&kit, "www.example.test", DNS_TYPE_A, "", ANSWER_PICK_ROTATE, 0, 10);
	kit_publish(&kit, "www.example.test", DNS_TYPE_AAAA, "", ANSWER_PICK_ROTATE, 0, 1000);
	kit_publish(&kit, "*.wild.example.test", DNS_TYPE_A, "", ANSWER_PICK_ROTATE, 0, 7);
	ask_want("www.example.test A", "NOERROR aa\nns example.test. 10" SOA);
	ask_want("www.example.test AAAA", "NOERROR aa\nns example.test. 60" SOA);
	ask_want("www.example.test MX", "NOERROR aa\nns example.test. 60" SOA);
	ask_want("q.wild.example.test A", "NOERROR aa\nns example.test. 7" SOA);
	ask_want("alias.example.test A",
		 "NOERROR aa\nan alias.example.test. 3600 CNAME www.example.test.\nns example.test. 10" SOA);
}
END_TEST

START_TEST(test_places)
{
	const char *two = "192.0.2.7 192.0.2.8";

	kit_publish(&kit, "example.test", DNS_TYPE_A, two, ANSWER_PICK_ROTATE, 0, 5);
	kit_publish(&kit, "www.example.test", DNS_TYPE_AAAA, "2001:db8::7", ANSWER_PICK_ROTATE, 0, 6);
	kit_publish(&kit, "www.example.test", DNS_TYPE_A, "192.0.2.9", ANSWER_PICK_ROTATE, 0, 6);
	kit_publish(&kit, "*.wild.example.test", DNS_TYPE_A, two, ANSWER_PICK_ROTATE, 0, 5);
	ask_want("Example.TEST A", "NOERROR aa\nan Example.TEST. 5 A 192.0.2.7\nan Example.TEST. 5 A 192.0.2.8");
	ask_want("www.example.test AAAA edns=1232", "NOERROR aa\nan www.example.test. 6 AAAA 2001:db8::7\nopt 1232");
	ask_want("Q.r.wild.example.test A",
		 "NOERROR aa\nan Q.r.wild.example.test. 5 A 192.0.2.7\nan Q.r.wild.example.test. 5 A 192.0.2.8");
	ask_want("q.wild.example.test A",
		 "NOERROR aa\nan q.wild.example.test. 5 A 192.0.2.8\nan q.wild.example.test. 5 A 192.0.2.7");
	ask_want("alias.example.test A", "NOERROR aa\nan alias.example.test. 3600 CNAME www.example.test.\nan "
					 "www.example.test. 6 A 192.0.2.9");
	ask_want("walias.example.test A", "NOERROR aa\nan walias.example.test. 3600 CNAME some.thing.wild.example.test."
		 "\nan some.thing.wild.example.test. 5 A 192.0.2.7\nan some.thing.wild.example.test. 5 A 192.0.2.8");
	ask_want("x.dn.example.test A",
		 "NOERROR aa\nan dn.example.test. 3600 DNAME wild.example.test.\nan x.dn.example.test. 3600 CNAME "
		 "x.wild.example.test."
		 "\nan x.wild.example.test. 5 A 192.0.2.8\nan x.wild.example.test. 5 A 192.0.2.7");
	ask_want("mx.example.test MX", "NOERROR aa\nan mx.example.test. 3600 MX 10 www.example.test.\n"
				       "ar www.example.test. 6 A 192.0.2.9\nar www.example.test. 6 AAAA 2001:db8::7");
}
END_TEST

START_TEST(test_any)
{
	ask_want("www.example.test ANY", "NOERROR aa\nan www.example.test. 3600 TXT \"static\"");
	kit_publish(&kit, "www.example.test", DNS_TYPE_A, "", ANSWER_PICK_ROTATE, 0, 6);
	ask_want("www.example.test ANY", "NOERROR aa\nan www.example.test. 3600 TXT \"static\"");
	kit_publish(&kit, "www.example.test", DNS_TYPE_A, "192.0.2.9", ANSWER_PICK_ROTATE, 0, 6);
	ask_want("www.example.test ANY", "NOERROR aa\nan www.example.test. 6 A 192.0.2.9");
	ask_want("only.example.test ANY edns=512", "SERVFAIL\nopt 1232 ede=14");
	kit_publish(&kit, "only.example.test", DNS_TYPE_A, "", ANSWER_PICK_ROTATE, 0, 6);
	kit_publish(&kit, "only.example.test", DNS_TYPE_AAAA, "", ANSWER_PICK_ROTATE, 0, 6);
	ask_want("only.example.test ANY", "NOERROR aa\nns example.test. 6" SOA);
}
END_TEST

START_TEST(test_slots)
{
	uint8_t name[NAME_WIRE_MAX];
	static const struct { const char *owner; uint16_t type; bool there; } rows[] = {
		{ "www.example.test", DNS_TYPE_A, true }, { "www.example.test", DNS_TYPE_AAAA, true },
		{ "*.wild.example.test", DNS_TYPE_A, true }, { "example.test", DNS_TYPE_AAAA, true },
		{ "www.example.test", DNS_TYPE_TXT, false }, { "x.wild.example.test", DNS_TYPE_A, false },
		{ "ns.example.test", DNS_TYPE_A, false }, { "nothing.example.test", DNS_TYPE_A, false },
		{ "www.elsewhere.test", DNS_TYPE_A, false }, { ".", DNS_TYPE_A, false },
	};

	ck_assert_uint_eq(answer_db_slots(kit.db), 10);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		ck_assert_int_gt(name_parse(name, rows[i].owner, strlen(rows[i].owner), NULL, true), 0);
		ck_assert_msg((answer_db_slot(kit.db, name, rows[i].type) >= 0) == rows[i].there, "%s", rows[i].owner);
	}
	for (uint32_t i = 0; i < 10; i++) {
		const struct image_slot *s = &kit.image.slots[i];
		ck_assert_int_eq(answer_db_slot(kit.db, kit.image.base + s->owner_at, s->type), (int64_t)i);
	}
}
END_TEST

/* Every member leads equally often, the others follow in order, and answer_n cuts. */
START_TEST(test_rotate)
{
	unsigned lead[5] = { 0 };

	kit_publish(&kit, "www.example.test", DNS_TYPE_A, "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4",
		    ANSWER_PICK_ROTATE, 3, 5);
	for (unsigned i = 0; i < 400; i++) {
		ask_fast("www.example.test A");
		ck_assert_uint_eq(load_u16(kit.wire + 6), 3);
		unsigned m = member_at(0);
		ck_assert(m >= 1 && m <= 4);
		ck_assert_uint_eq(member_at(1), m % 4 + 1);
		ck_assert_uint_eq(member_at(2), (m + 1) % 4 + 1);
		lead[m]++;
	}
	for (unsigned m = 1; m <= 4; m++)
		ck_assert_uint_eq(lead[m], 100);
	/* a smaller set, and a turn that came from nowhere */
	kit_publish(&kit, "www.example.test", DNS_TYPE_A, "192.0.2.1 192.0.2.2", ANSWER_PICK_ROTATE, 0, 5);
	for (size_t i = 0; i < answer_db_slots(kit.db); i++)
		kit.worker.turn[i] = UINT32_MAX;
	ask_fast("www.example.test A");
	ck_assert_uint_eq(member_at(0), 1);
	ask_fast("www.example.test A");
	ck_assert_uint_eq(member_at(0), 2);
}
END_TEST

/* |got - want| within 5 standard deviations of DRAWS coins. */
static void ck_share(unsigned got, double share, const char *what)
{
	double want = share * DRAWS, d = (got - want) * (got - want);

	ck_assert_msg(d <= 25 * DRAWS * share * (1 - share) + 1, "%s: %u of %u, expected %.0f", what, got, DRAWS, want);
}

START_TEST(test_random)
{
	unsigned first[6] = { 0 }, second[6] = { 0 };

	kit_publish(&kit, "www.example.test", DNS_TYPE_A, "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5",
		    ANSWER_PICK_RANDOM, 2, 5);
	for (unsigned i = 0; i < DRAWS; i++) {
		ask_fast("www.example.test A");
		ck_assert_uint_ne(member_at(0), member_at(1));
		ck_assert_uint_eq(member_at(2), 0);
		first[member_at(0)]++;
		second[member_at(1)]++;
	}
	for (unsigned m = 1; m <= 5; m++) {
		ck_share(first[m], 0.2, "first");
		ck_share(second[m], 0.2, "second");
	}
}
END_TEST

START_TEST(test_weighted)
{
	unsigned first[4] = { 0 };

	kit_publish(&kit, "www.example.test", DNS_TYPE_A, "192.0.2.1*6 192.0.2.2*3 192.0.2.3*1", ANSWER_PICK_WEIGHTED,
		    1, 5);
	for (unsigned i = 0; i < DRAWS; i++) {
		ask_fast("www.example.test A");
		ck_assert_uint_eq(load_u16(kit.wire + 6), 1);
		first[member_at(0)]++;
	}
	ck_share(first[1], 0.6, "6");
	ck_share(first[2], 0.3, "3");
	ck_share(first[3], 0.1, "1");
}
END_TEST

/* Without replacement: P(a is in a pair) = P(a first) + Σ P(x first) P(a | x gone). */
START_TEST(test_weighted_pairs)
{
	unsigned in[4] = { 0 };

	kit_publish(&kit, "www.example.test", DNS_TYPE_A, "192.0.2.1*6 192.0.2.2*3 192.0.2.3*1", ANSWER_PICK_WEIGHTED,
		    2, 5);
	for (unsigned i = 0; i < DRAWS; i++) {
		ask_fast("www.example.test A");
		ck_assert_uint_ne(member_at(0), member_at(1));
		in[member_at(0)]++;
		in[member_at(1)]++;
	}
	ck_share(in[1], 0.6 + 0.3 * 6 / 7 + 0.1 * 6 / 9, "6");
	ck_share(in[2], 0.3 + 0.6 * 3 / 4 + 0.1 * 3 / 9, "3");
	ck_share(in[3], 0.1 + 0.6 * 1 / 4 + 0.3 * 1 / 7, "1");
}
END_TEST

START_TEST(test_weighted_edges)
{
	/* a heavy member must not starve the draw, weight 0 is never drawn */
	kit_publish(&kit, "www.example.test", DNS_TYPE_A, "192.0.2.1*65535 192.0.2.2*1 192.0.2.3*1 192.0.2.4*0",
		    ANSWER_PICK_WEIGHTED, 3, 5);
	for (unsigned i = 0; i < 1000; i++) {
		ask_fast("www.example.test A");
		ck_assert_uint_eq(load_u16(kit.wire + 6), 3);
		ck_assert_uint_eq(member_at(0) + member_at(1) + member_at(2), 6);
	}
	kit_publish(&kit, "www.example.test", DNS_TYPE_A, "192.0.2.1*0 192.0.2.2*1 192.0.2.3*0", ANSWER_PICK_WEIGHTED,
		    2, 5);
	ask_fast("www.example.test A");
	ck_assert_uint_eq(load_u16(kit.wire + 6), 1);
	ck_assert_uint_eq(member_at(0), 2);
	/* all of them 0: as if all were 1 */
	unsigned seen = 0;
	kit_publish(&kit, "www.example.test", DNS_TYPE_A, "192.0.2.1*0 192.0.2.2*0", ANSWER_PICK_WEIGHTED, 1, 5);
	for (unsigned i = 0; i < 100; i++) {
		ask_fast("www.example.test A");
		seen |= 1u << member_at(0);
	}
	ck_assert_uint_eq(seen, 6);
	/* whole sets: who leads is drawn, all are there */
	kit_publish(&kit, "www.example.test", DNS_TYPE_A, "192.0.2.1*9 192.0.2.2*1", ANSWER_PICK_WEIGHTED, 0, 5);
	ask_fast("www.example.test A");
	ck_assert_uint_eq(member_at(0) + member_at(1), 3);
}
END_TEST

static unsigned sticky_for(unsigned client)
{
	static struct addr a;

	a = (struct addr){ .family = 4, .ip = { 10, (uint8_t)(client >> 8), (uint8_t)client, 7 } };
	kit.from.client = &a;
	ask_fast("www.example.test A");
	return member_at(0);
}

START_TEST(test_sticky)
{
	unsigned before[DRAWS / 10], count[4] = { 0 }, moved = 0;
	const unsigned n = DRAWS / 10;

	kit_publish(&kit, "www.example.test", DNS_TYPE_A, "192.0.2.1*2 192.0.2.2*1 192.0.2.3*1", ANSWER_PICK_STICKY,
		    1, 5);
	for (unsigned i = 0; i < n; i++) {
		before[i] = sticky_for(i);
		ck_assert_uint_eq(sticky_for(i), before[i]);
		count[before[i]]++;
	}
	ck_share(count[1] * 10, 0.5, "2");
	ck_share(count[2] * 10, 0.25, "1");
	/* one leaves: only its own clients move */
	kit_publish(&kit, "www.example.test", DNS_TYPE_A, "192.0.2.1*2 192.0.2.3*1", ANSWER_PICK_STICKY, 1, 5);
	for (unsigned i = 0; i < n; i++) {
		unsigned now = sticky_for(i);
		ck_assert(before[i] == 2 || now == before[i]);
		moved += now != before[i];
	}
	ck_assert_uint_eq(moved, count[2]);
}
END_TEST

START_TEST(test_sticky_many)
{
	kit_publish(&kit, "www.example.test", DNS_TYPE_A, "192.0.2.1 192.0.2.2 192.0.2.3*0", ANSWER_PICK_STICKY, 2, 5);
	for (unsigned i = 0; i < 100; i++)
		ck_assert(sticky_for(i) != member_at(1) && member_at(0) + member_at(1) == 3);
	kit_publish(&kit, "www.example.test", DNS_TYPE_A, "192.0.2.1 192.0.2.2 192.0.2.3", ANSWER_PICK_STICKY, 0, 5);
	unsigned lead = sticky_for(1);
	ck_assert_uint_eq(member_at(1), lead % 3 + 1);
	ck_assert_uint_eq(load_u16(kit.wire + 6), 3);
}
END_TEST

START_TEST(test_prefix)
{
	struct addr a, b;

	ck_assert_int_eq(addr_parse(&a, "192.0.2.1", 9, 0), 0);
	ck_assert_int_eq(addr_parse(&b, "192.0.2.200", 11, 0), 0);
	ck_assert_uint_eq(answer_prefix(&a), answer_prefix(&b));
	ck_assert_int_eq(addr_parse(&b, "192.0.3.1", 9, 0), 0);
	ck_assert_uint_ne(answer_prefix(&a), answer_prefix(&b));
	ck_assert_int_eq(addr_parse(&a, "2001:db8:1:200::1", 17, 0), 0);
	ck_assert_int_eq(addr_parse(&b, "2001:db8:1:2ff::2", 17, 0), 0);
	ck_assert_uint_eq(answer_prefix(&a), answer_prefix(&b));
	ck_assert_int_eq(addr_parse(&b, "2001:db8:1:300::2", 17, 0), 0);
	ck_assert_uint_ne(answer_prefix(&a), answer_prefix(&b));
}
END_TEST

/* A set is one RRset: whole or not at all (RFC 2181 9). */
START_TEST(test_too_many)
{
	char members[30 * ANSWER_MEMBERS_MAX], *p = members;

	for (unsigned i = 0; i < ANSWER_MEMBERS_MAX; i++)
		p += sprintf(p, "%s2001:db8::%x", i ? " " : "", i + 1);
	kit_publish(&kit, "big.example.test", DNS_TYPE_AAAA, members, ANSWER_PICK_ROTATE, 0, 5);
	ask_want("big.example.test AAAA", "NOERROR aa tc");
	ask_want("big.example.test AAAA edns=1232", "NOERROR aa tc\nopt 1232");
	kit_ask(&kit, "big.example.test AAAA tcp");
	ck_assert_uint_eq(load_u16(kit.wire + 6), ANSWER_MEMBERS_MAX);
	kit_publish(&kit, "big.example.test", DNS_TYPE_AAAA, members, ANSWER_PICK_RANDOM, 16, 5);
	kit_ask(&kit, "big.example.test AAAA edns=1232");
	ck_assert_uint_eq(load_u16(kit.wire + 6), 16);
	/* 34 + 17 × 28 = 510 octets */
	kit_publish(&kit, "big.example.test", DNS_TYPE_AAAA, members, ANSWER_PICK_ROTATE, 17, 5);
	kit_ask(&kit, "big.example.test AAAA");
	ck_assert_uint_eq(kit.wire_len, 510);
	ask_want("big.example.test AAAA edns=512", "NOERROR aa tc\nopt 1232");
	kit_publish(&kit, "big.example.test", DNS_TYPE_AAAA, members, ANSWER_PICK_ROTATE, 18, 5);
	ask_want("big.example.test AAAA", "NOERROR aa tc");
}
END_TEST

START_TEST(test_bad_sets)
{
	struct answer_member m[1] = { { .weight = 1 } };
	struct answer_set s = {
		.owner = (const uint8_t *)"", .type = DNS_TYPE_A, .pick = ANSWER_PICK_ROTATE, .count = 1, .members = m
	};
	struct answer_live *l = NULL;

	ck_assert_int_eq(answer_live_new(&l, &s), 0);
	answer_live_free(l);
	l = NULL;
	s.type = DNS_TYPE_TXT;
	ck_assert_int_eq(answer_live_new(&l, &s), ERR_RANGE);
	s.type = DNS_TYPE_AAAA;
	s.pick = 0;
	ck_assert_int_eq(answer_live_new(&l, &s), ERR_RANGE);
	s.pick = ANSWER_PICK_STICKY + 1;
	ck_assert_int_eq(answer_live_new(&l, &s), ERR_RANGE);
	s.pick = ANSWER_PICK_STICKY;
	s.count = ANSWER_MEMBERS_MAX + 1;
	ck_assert_int_eq(answer_live_new(&l, &s), ERR_RANGE);
	ck_assert_ptr_null(l);
	answer_live_free(NULL);
}
END_TEST

START_TEST(test_stats)
{
	const struct answer_stats *st = &kit.worker.stats;

	kit_publish(&kit, "www.example.test", DNS_TYPE_A, "192.0.2.1", ANSWER_PICK_ROTATE, 1, 5);
	kit_ask(&kit, "www.example.test A");
	kit_ask(&kit, "www.example.test A edns=1232 tcp");
	kit_ask(&kit, "nothing.example.test A");
	kit_ask(&kit, "status.gemel TXT class=CH");
	kit_ask(&kit, "x.example.test A edns=512 version=3");
	kit_ask_wire(&kit, (const uint8_t *)"short", 5, ANSWER_UDP);
	ck_assert_str_eq(kit.text, "nothing");
	ck_assert_uint_eq(st->queries, 6);
	ck_assert_uint_eq(st->responses, 4);
	ck_assert_uint_eq(st->dropped, 1);
	ck_assert_uint_eq(st->cold, 1);
	ck_assert_uint_eq(st->tcp, 1);
	ck_assert_uint_eq(st->edns, 2);
	ck_assert_uint_eq(st->by_rcode[DNS_RCODE_NOERROR], 2);
	ck_assert_uint_eq(st->by_rcode[DNS_RCODE_NXDOMAIN], 1);
	ck_assert_uint_eq(st->by_rcode[DNS_RCODE_BADVERS], 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("answer: live");
	TCase *t = tcase_create("sets");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, test_not_ready);
	tcase_add_test(t, test_nodata);
	tcase_add_test(t, test_places);
	tcase_add_test(t, test_any);
	tcase_add_test(t, test_slots);
	tcase_add_test(t, test_rotate);
	tcase_add_test(t, test_random);
	tcase_add_test(t, test_weighted);
	tcase_add_test(t, test_weighted_pairs);
	tcase_add_test(t, test_weighted_edges);
	tcase_add_test(t, test_sticky);
	tcase_add_test(t, test_sticky_many);
	tcase_add_test(t, test_prefix);
	tcase_add_test(t, test_too_many);
	tcase_add_test(t, test_bad_sets);
	tcase_add_test(t, test_stats);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
