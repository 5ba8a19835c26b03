/* Live RRsets in additional sections: whatever names a service brings along what the service gives now. */
#include <stdio.h>
#include <string.h>
#include "tests/lib/answer_kit.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

#define SOA " SOA ns.example.test. root.example.test. 1 2 3 4 60"
#define LABEL60 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define MANY 40

static char many[MANY * 40 + 8], many_live[MANY * 24 + 8], text[8000], live[2000];

static const char head[] =
	"$TTL 3600\n"
	"@ SOA ns root 1 2 3 4 60\n"
	"@ NS ns\n"
	"@ NS www\n"
	"@ MX 5 @\n"
	"ns A 192.0.2.53\n"
	"mail A 192.0.2.25\n"
	"www A 192.0.2.1\n"
	"www HTTPS 1 . alpn=h2\n"
	"shop HTTPS 0 www\n"
	"old HTTPS 0 .\n"
	"old A 192.0.2.9\n"
	"svc SVCB 1 www\n"
	"mx MX 10 www\n"
	"mx MX 20 mail\n"
	"mx MX 30 www\n"
	"mx2 MX 10 www.other.test.\n"
	"mx3 MX 10 no.such\n"
	"mx4 MX 10 some.app\n"
	"mx5 MX 10 deep.static.app\n"
	"_sip._tcp SRV 1 2 5060 WWW\n"
	"sub NS www\n"
	"sub NS ns.sub\n"
	"ns.sub A 192.0.2.54\n"
	"alias CNAME mx\n"
	"dn DNAME here\n"
	"x.here MX 7 www\n"
	"*.wild MX 10 www\n"
	"*.wild HTTPS 1 .\n"
	"*.app A 192.0.2.7\n"
	"static.app TXT \"stops the wildcard\"\n"
	"sticky A 192.0.2.1\n"
	"_st._tcp SRV 1 2 3 sticky\n";

static struct kit kit;

static void setup(void)
{
	char *p = many, *l = many_live;

	for (unsigned i = 0; i < MANY; i++) {
		p += sprintf(p, "many MX %u t%u\n", i, i);
		l += sprintf(l, " t%u.example.test", i);
	}
	snprintf(text, sizeof text, "%s%s", head, many);
	snprintf(live, sizeof live, "example.test www.example.test *.app.example.test *.wild.example.test sticky.example.test%s",
		 many_live);
	const struct kit_zone zones[] = {
		{ .apex = "example.test", .live = live, .text = text },
		{ .apex = "other.test", .live = "www.other.test", .text = "$TTL 3600\n@ SOA ns root 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\n" },
	};
	kit_init(&kit, zones, 2);
}

static void teardown(void)
{
	kit_deinit(&kit);
}

static void publish(const char *owner, uint16_t type, const char *members, uint32_t ttl_s)
{
	kit_publish(&kit, owner, type, members, ANSWER_PICK_ROTATE, 0, ttl_s);
}

static void ask_want(const char *ask, const char *want)
{
	ck_assert_str_eq(kit_ask(&kit, ask), want);
}

START_TEST(what_each_type_brings)
{
	static const char *const rows[][2] = {
		{ "mx.example.test MX", "NOERROR aa\nan mx.example.test. 3600 MX 10 www.example.test.\n"
		  "an mx.example.test. 3600 MX 20 mail.example.test.\nan mx.example.test. 3600 MX 30 www.example.test.\n"
		  "ar mail.example.test. 3600 A 192.0.2.25\nar www.example.test. 5 A 192.0.2.1\nar www.example.test. 6 AAAA 2001:db8::1" },
		{ "_sip._tcp.example.test SRV", "NOERROR aa\nan _sip._tcp.example.test. 3600 SRV 1 2 5060 WWW.example.test.\n"
		  "ar WWW.example.test. 5 A 192.0.2.1\nar WWW.example.test. 6 AAAA 2001:db8::1" },
		{ "svc.example.test SVCB", "NOERROR aa\nan svc.example.test. 3600 SVCB 1 www.example.test.\n"
		  "ar www.example.test. 5 A 192.0.2.1\nar www.example.test. 6 AAAA 2001:db8::1" },
		{ "shop.example.test HTTPS", "NOERROR aa\nan shop.example.test. 3600 HTTPS 0 www.example.test.\n"
		  "ar www.example.test. 5 A 192.0.2.1\nar www.example.test. 6 AAAA 2001:db8::1" },
		{ "www.example.test HTTPS", "NOERROR aa\nan www.example.test. 3600 HTTPS 1 . alpn=h2\n"
		  "ar www.example.test. 5 A 192.0.2.1\nar www.example.test. 6 AAAA 2001:db8::1" },
		{ "old.example.test HTTPS", "NOERROR aa\nan old.example.test. 3600 HTTPS 0 ." },
		{ "example.test NS edns=1232", "NOERROR aa\nan example.test. 3600 NS ns.example.test.\nan example.test. 3600 NS www.example.test.\n"
		  "ar ns.example.test. 3600 A 192.0.2.53\nar www.example.test. 5 A 192.0.2.1\nar www.example.test. 6 AAAA 2001:db8::1\nopt 1232" },
		{ "example.test MX", "NOERROR aa\nan example.test. 3600 MX 5 example.test.\nar example.test. 7 A 192.0.2.8" },
		/* a delegation to a host of ours: help, and not glue, for it is found without */
		{ "q.sub.example.test A", "NOERROR\nns sub.example.test. 3600 NS www.example.test.\nns sub.example.test. 3600 NS ns.sub.example.test.\n"
		  "ar ns.sub.example.test. 3600 A 192.0.2.54\nar www.example.test. 5 A 192.0.2.1\nar www.example.test. 6 AAAA 2001:db8::1" },
		/* targets that a wildcard stands for, and one that it does not */
		{ "mx4.example.test MX", "NOERROR aa\nan mx4.example.test. 3600 MX 10 some.app.example.test.\nar some.app.example.test. 4 A 192.0.2.77" },
		{ "mx5.example.test MX", "NOERROR aa\nan mx5.example.test. 3600 MX 10 deep.static.app.example.test." },
		/* in no zone, and in another one of ours: as with static targets */
		{ "mx3.example.test MX", "NOERROR aa\nan mx3.example.test. 3600 MX 10 no.such.example.test." },
		{ "mx2.example.test MX", "NOERROR aa\nan mx2.example.test. 3600 MX 10 www.other.test." },
		/* where the question is not the owner: wildcards, aliases, DNAMEs */
		{ "q.Wild.example.test MX", "NOERROR aa\nan q.Wild.example.test. 3600 MX 10 www.example.test.\n"
		  "ar www.example.test. 5 A 192.0.2.1\nar www.example.test. 6 AAAA 2001:db8::1" },
		{ LABEL60 "." LABEL60 ".q.wild.example.test MX",
		  "NOERROR aa\nan " LABEL60 "." LABEL60 ".q.wild.example.test. 3600 MX 10 www.example.test.\n"
		  "ar www.example.test. 5 A 192.0.2.1\nar www.example.test. 6 AAAA 2001:db8::1" },
		{ "alias.example.test MX", "NOERROR aa\nan alias.example.test. 3600 CNAME mx.example.test.\n"
		  "an mx.example.test. 3600 MX 10 www.example.test.\nan mx.example.test. 3600 MX 20 mail.example.test.\n"
		  "an mx.example.test. 3600 MX 30 www.example.test.\nar mail.example.test. 3600 A 192.0.2.25\n"
		  "ar www.example.test. 5 A 192.0.2.1\nar www.example.test. 6 AAAA 2001:db8::1" },
		{ "x.dn.example.test MX", "NOERROR aa\nan dn.example.test. 3600 DNAME here.example.test.\n"
		  "an x.dn.example.test. 3600 CNAME x.here.example.test.\nan x.here.example.test. 3600 MX 7 www.example.test.\n"
		  "ar www.example.test. 5 A 192.0.2.1\nar www.example.test. 6 AAAA 2001:db8::1" },
		/* the owner is whatever is asked: it is not looked for again */
		{ "q.wild.example.test HTTPS", "NOERROR aa\nan q.wild.example.test. 3600 HTTPS 1 ." },
		{ "mx.example.test ANY", "NOERROR aa\nan mx.example.test. 3600 MX 10 www.example.test.\n"
		  "an mx.example.test. 3600 MX 20 mail.example.test.\nan mx.example.test. 3600 MX 30 www.example.test.\n"
		  "ar mail.example.test. 3600 A 192.0.2.25\nar www.example.test. 5 A 192.0.2.1\nar www.example.test. 6 AAAA 2001:db8::1" },
	};

	publish("www.example.test", DNS_TYPE_A, "192.0.2.1", 5);
	publish("www.example.test", DNS_TYPE_AAAA, "2001:db8::1", 6);
	publish("example.test", DNS_TYPE_A, "192.0.2.8", 7);
	publish("*.app.example.test", DNS_TYPE_A, "192.0.2.77", 4);
	for (size_t i = 0; i < COUNT(rows); i++)
		ask_want(rows[i][0], rows[i][1]);
}
END_TEST

/* A member that is out is nowhere, and neither is a service of which nothing is known yet: the answer itself is given. */
START_TEST(the_live_set_as_it_changes)
{
	static const char bare[] = "NOERROR aa\nan _sip._tcp.example.test. 3600 SRV 1 2 5060 WWW.example.test.";
	char want[600];

	ask_want("_sip._tcp.example.test SRV", bare);
	publish("www.example.test", DNS_TYPE_A, "", 5);
	ask_want("_sip._tcp.example.test SRV", bare);
	publish("www.example.test", DNS_TYPE_AAAA, "2001:db8::1 2001:db8::2", 6);
	snprintf(want, sizeof want, "%s\nar WWW.example.test. 6 AAAA 2001:db8::1\nar WWW.example.test. 6 AAAA 2001:db8::2", bare);
	kit.worker.rng[0] = 1;
	const char *got = kit_ask(&kit, "_sip._tcp.example.test SRV");
	ck_assert_uint_eq(strlen(got), strlen(want)); /* in any order */
	publish("www.example.test", DNS_TYPE_AAAA, "2001:db8::2", 1);
	snprintf(want, sizeof want, "%s\nar WWW.example.test. 1 AAAA 2001:db8::2", bare);
	ask_want("_sip._tcp.example.test SRV", want);
	publish("www.example.test", DNS_TYPE_AAAA, NULL, 0);
	ask_want("_sip._tcp.example.test SRV", bare);
}
END_TEST

static unsigned records(size_t at)
{
	return load_u16(kit.wire + at);
}

/* Whole RRsets in the order of their targets as far as there is room, and never TC for their sake. */
START_TEST(what_does_not_fit)
{
	char members[600], *p = members;

	for (unsigned i = 1; i <= 30; i++)
		p += sprintf(p, "192.0.2.%u ", i);
	publish("www.example.test", DNS_TYPE_A, members, 5);
	publish("www.example.test", DNS_TYPE_AAAA, "2001:db8::1", 6);
	kit_ask(&kit, "mx.example.test MX");
	ck_assert_ptr_null(strstr(kit.text, " tc"));
	ck_assert_uint_eq(records(6), 3);
	ck_assert_uint_eq(records(10), 1); /* what is behind the first that does not fit stays out too */
	kit_ask(&kit, "mx.example.test MX edns=1232");
	ck_assert_uint_eq(records(10), 1 + 30 + 1 + 1);
	/* a question so long that nothing fits beside the answer */
	kit_ask(&kit, LABEL60 "." LABEL60 "." LABEL60 ".wild.example.test MX");
	ck_assert_uint_eq(records(6), 1);
	ck_assert_uint_eq(records(10), 0);
	ck_assert_ptr_null(strstr(kit.text, " tc"));
}
END_TEST

START_TEST(only_so_many)
{
	for (unsigned i = 0; i < MANY; i++) {
		char owner[40], a[24], aaaa[28];
		snprintf(owner, sizeof owner, "t%u.example.test", i);
		snprintf(a, sizeof a, "192.0.2.%u", i + 1);
		snprintf(aaaa, sizeof aaaa, "2001:db8::%x", (i + 1) & 0xff);
		publish(owner, DNS_TYPE_A, a, 5);
		publish(owner, DNS_TYPE_AAAA, aaaa, 5);
	}
	kit_ask(&kit, "many.example.test MX tcp");
	ck_assert_uint_eq(records(6), MANY);
	ck_assert_uint_eq(records(10), IMAGE_COMPANY_MAX);
	kit_ask(&kit, "many.example.test MX edns=1232");
	ck_assert_uint_eq(records(6), MANY);
	ck_assert_ptr_null(strstr(kit.text, " tc"));
	ck_assert_uint_gt(records(10), 0);
}
END_TEST

/* How the members are chosen is the service's own way; only that nobody's turn is taken. */
START_TEST(how_members_are_chosen)
{
	unsigned led[4] = { 0 };

	publish("www.example.test", DNS_TYPE_A, "192.0.2.1 192.0.2.2 192.0.2.3", 5);
	for (unsigned i = 0; i < 300; i++) {
		kit_ask(&kit, "_sip._tcp.example.test SRV");
		ck_assert_uint_eq(records(10), 3);
		for (unsigned m = 1; m <= 3; m++) {
			char first[80];
			snprintf(first, sizeof first, "test.\nar WWW.example.test. 5 A 192.0.2.%u", m);
			led[m] += strstr(kit.text, first) != NULL;
		}
	}
	for (unsigned m = 1; m <= 3; m++)
		ck_assert_uint_gt(led[m], 60);
	ask_want("www.example.test A", "NOERROR aa\nan www.example.test. 5 A 192.0.2.1\nan www.example.test. 5 A 192.0.2.2\n"
				       "an www.example.test. 5 A 192.0.2.3");
	kit_publish(&kit, "www.example.test", DNS_TYPE_A, "192.0.2.1*1 192.0.2.2*0 192.0.2.3*0", ANSWER_PICK_WEIGHTED, 1, 5);
	ask_want("_sip._tcp.example.test SRV", "NOERROR aa\nan _sip._tcp.example.test. 3600 SRV 1 2 5060 WWW.example.test.\n"
					       "ar WWW.example.test. 5 A 192.0.2.1");
}
END_TEST

/* The member that a client gets when it asks for the service itself. */
START_TEST(sticky_is_sticky_here_too)
{
	static struct addr client;

	kit_publish(&kit, "sticky.example.test", DNS_TYPE_A, "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4", ANSWER_PICK_STICKY, 1, 5);
	for (unsigned i = 0; i < 32; i++) {
		char address[20], own[80];
		snprintf(address, sizeof address, "10.%u.3.4", i);
		ck_assert_int_eq(addr_parse(&client, address, strlen(address), 0), 0);
		kit.from.client = &client;
		const char *got = strstr(kit_ask(&kit, "sticky.example.test A"), "sticky.example.test. 5 A ");
		ck_assert_ptr_nonnull(got);
		snprintf(own, sizeof own, "ar %s", got);
		ck_assert_ptr_nonnull(strstr(kit_ask(&kit, "_st._tcp.example.test SRV"), own));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("answer: company");
	TCase *t = tcase_create("all");
	const TTest *tests[] = { what_each_type_brings, the_live_set_as_it_changes, what_does_not_fit, only_so_many,
				 how_members_are_chosen, sticky_is_sticky_here_too };

	for (size_t i = 0; i < COUNT(tests); i++)
		tcase_add_test(t, tests[i]);
	tcase_add_checked_fixture(t, setup, teardown);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
