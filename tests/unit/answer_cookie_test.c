/* Cookies (the vectors of RFC 9018 appendix A, days, twins, keys that change), and the options of an answer. */
#include <stdio.h>
#include <string.h>
#include "answer/cookie.h"
#include "base/buf.h"
#include "tests/lib/answer_kit.h"
#include "tests/unit/unit.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define DAY_S 86400u
#define NOON (20000u * DAY_S + DAY_S / 2)

static size_t unhex(uint8_t *out, const char *hex)
{
	size_t n = 0;

	for (unsigned octet; sscanf(hex + 2 * n, "%2x", &octet) == 1; n++)
		out[n] = (uint8_t)octet;
	return n;
}

static struct addr address(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(&a, text, strlen(text), 0), 0);
	return a;
}

/* A.3's came an hour and 52 minutes before its answer; only its hash, over octets that are reserved, is the point. */
START_TEST(vectors_of_rfc_9018)
{
	static const struct { const char *secret, *client, *cookie; } rows[] = {
		{ "e5e973e5a6b2a43f48e7dc849e37bfcf", "198.51.100.100", "2464c4abcf10c957010000005cf79f111f8130c3eee29480" },
		{ "e5e973e5a6b2a43f48e7dc849e37bfcf", "198.51.100.100", "2464c4abcf10c957010000005cf7a871d4a564a1442aca77" },
		{ "e5e973e5a6b2a43f48e7dc849e37bfcf", "203.0.113.203", "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5" },
		{ "e5e973e5a6b2a43f48e7dc849e37bfcf", "203.0.113.203", "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e" },
		{ "dd3bdf9344b678b185a6f5cb60fca715", "2001:db8:220:1:59de:d0f4:8769:82b8",
		  "22681ab97d52c298010000005cf7c57926556bd0934c72f8" },
		{ "445536bcd2513298075a5d379663c962", "2001:db8:220:1:59de:d0f4:8769:82b8",
		  "22681ab97d52c298010000005cf7c609a6bb79d16625507a" },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t secret[COOKIE_SECRET_LEN], want[COOKIE_LEN], got[COOKIE_LEN];
		const struct addr client = address(rows[i].client);
		ck_assert_uint_eq(unhex(secret, rows[i].secret), sizeof secret);
		ck_assert_uint_eq(unhex(want, rows[i].cookie), sizeof want);
		cookie_seal(got, want, &client, secret);
		ck_assert_msg(memcmp(got, want, sizeof got) == 0, "vector %zu", i);
	}
}
END_TEST

static const uint8_t root_a[COOKIE_ROOT_LEN] = "the key that the twins share....";
static const uint8_t root_b[COOKIE_ROOT_LEN] = "the key that comes after it.....";

static struct cookie_jar jar_of(const uint8_t *root, const uint8_t *previous, uint64_t now_s)
{
	struct cookie_jar j;

	cookie_jar_fill(&j, root, previous, now_s);
	return j;
}

static enum cookie_verdict judge(const struct cookie_jar *j, const struct addr *client, const uint8_t *cookie, uint64_t now_s)
{
	uint8_t out[COOKIE_LEN];

	return cookie_answer(out, j, client, cookie, COOKIE_LEN, now_s);
}

/* The first cookie of a client, made at that moment. */
static void first_cookie(uint8_t out[COOKIE_LEN], const struct cookie_jar *j, const struct addr *client, uint64_t now_s)
{
	ck_assert_int_eq(cookie_answer(out, j, client, (const uint8_t *)"8 octets", COOKIE_CLIENT_LEN, now_s), COOKIE_NEW);
	ck_assert_mem_eq(out, "8 octets\1\0\0", 12);
	ck_assert_uint_eq(load_u32(out + 12), (uint32_t)now_s);
}

START_TEST(the_life_of_a_cookie)
{
	static const struct { int64_t age; enum cookie_verdict verdict; bool same; } rows[] = {
		{ 0, COOKIE_GOOD, true }, { 1799, COOKIE_GOOD, true }, { 1800, COOKIE_GOOD, false }, { 3600, COOKIE_GOOD, false },
		{ 3601, COOKIE_BAD, false }, { -300, COOKIE_GOOD, true }, { -301, COOKIE_BAD, false },
		{ DAY_S, COOKIE_BAD, false }, { INT32_MAX, COOKIE_BAD, false }, { -1000000, COOKIE_BAD, false },
	};
	const struct addr client = address("192.0.2.1");
	for (size_t i = 0; i < COUNT(rows); i++) {
		const uint64_t now = (uint64_t)((int64_t)NOON + rows[i].age);
		const struct cookie_jar made = jar_of(root_a, NULL, NOON), j = jar_of(root_a, NULL, now);
		uint8_t cookie[COOKIE_LEN], out[COOKIE_LEN];
		first_cookie(cookie, &made, &client, NOON);
		enum cookie_verdict v = cookie_answer(out, &j, &client, cookie, sizeof cookie, now);
		ck_assert_msg(v == rows[i].verdict, "age %lld: %d", (long long)rows[i].age, v);
		ck_assert_msg((memcmp(out, cookie, sizeof out) == 0) == rows[i].same, "age %lld", (long long)rows[i].age);
		ck_assert_int_eq(judge(&j, &client, out, now), COOKIE_GOOD); /* what is given is good */
	}
}
END_TEST

START_TEST(what_is_not_ours_is_bad)
{
	const struct addr client = address("192.0.2.1"), other = address("192.0.2.2"), six = address("2001:db8::1");
	const struct cookie_jar j = jar_of(root_a, NULL, NOON), stranger = jar_of(root_b, NULL, NOON);
	uint8_t cookie[41] = { 0 }, out[COOKIE_LEN];

	first_cookie(cookie, &j, &client, NOON);
	ck_assert_int_eq(judge(&j, &other, cookie, NOON), COOKIE_BAD);
	ck_assert_int_eq(judge(&j, &six, cookie, NOON), COOKIE_BAD);
	ck_assert_int_eq(judge(&stranger, &client, cookie, NOON), COOKIE_BAD);
	for (size_t bit = 0; bit < 8 * COOKIE_LEN; bit++) {
		cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_msg(judge(&j, &client, cookie, NOON) == COOKIE_BAD, "bit %zu", bit);
		cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t len = 16; len <= 40; len++) { /* other forms, of other servers */
		enum cookie_verdict want = len == COOKIE_LEN ? COOKIE_GOOD : COOKIE_BAD;
		ck_assert_int_eq(cookie_answer(out, &j, &client, cookie, len, NOON), want);
		ck_assert_int_eq(judge(&j, &client, out, NOON), COOKIE_GOOD);
	}
}
END_TEST

/* Around midnight, whichever twin's clock is ahead. */
START_TEST(twins_accept_each_others)
{
	const uint64_t midnight = 20001u * DAY_S;
	const struct addr client = address("2001:db8::1");
	for (int64_t mine = -400; mine <= 400; mine += 50)
		for (int64_t off = -250; off <= 250; off += 50) {
			const uint64_t now = (uint64_t)((int64_t)midnight + mine), theirs = (uint64_t)((int64_t)now + off);
			const struct cookie_jar j = jar_of(root_a, NULL, now), twin = jar_of(root_a, NULL, theirs);
			uint8_t cookie[COOKIE_LEN];
			first_cookie(cookie, &j, &client, now);
			ck_assert_msg(judge(&twin, &client, cookie, theirs) == COOKIE_GOOD, "%lld %lld", (long long)mine,
				      (long long)off);
		}
}
END_TEST

START_TEST(secrets_change_with_the_day)
{
	const struct cookie_jar today = jar_of(root_a, NULL, NOON), tomorrow = jar_of(root_a, NULL, NOON + DAY_S);
	ck_assert_mem_eq(today.current.day[2], tomorrow.current.day[1], COOKIE_SECRET_LEN);
	ck_assert_mem_ne(today.current.day[1], tomorrow.current.day[1], COOKIE_SECRET_LEN);
	ck_assert(!cookie_jar_is_stale(&today, NOON + DAY_S / 2 - 1));
	ck_assert(cookie_jar_is_stale(&today, NOON + DAY_S / 2));
}
END_TEST

/* The edge may be a moment late with the next jar, or its clock be wrong by years: no octet outside is read. */
START_TEST(a_jar_of_another_day)
{
	static const int64_t days[] = { -20000, -2, -1, 1, 2, 100000 };
	const struct cookie_jar j = jar_of(root_a, NULL, NOON);
	const struct addr client = address("192.0.2.1");
	for (size_t i = 0; i < COUNT(days); i++) {
		const uint64_t now = (uint64_t)((int64_t)NOON + days[i] * (int64_t)DAY_S);
		uint8_t cookie[COOKIE_LEN];
		first_cookie(cookie, &j, &client, now);
		enum cookie_verdict want = days[i] == 1 || days[i] == -1 ? COOKIE_GOOD : COOKIE_BAD;
		ck_assert_int_eq(judge(&j, &client, cookie, now), want);
	}
}
END_TEST

START_TEST(the_key_before_is_accepted)
{
	const struct addr client = address("192.0.2.1");
	const struct cookie_jar before = jar_of(root_a, NULL, NOON), after = jar_of(root_b, root_a, NOON),
				later = jar_of(root_b, NULL, NOON);
	uint8_t cookie[COOKIE_LEN], next[COOKIE_LEN];

	first_cookie(cookie, &before, &client, NOON);
	ck_assert_int_eq(judge(&after, &client, cookie, NOON), COOKIE_GOOD);
	ck_assert_int_eq(judge(&later, &client, cookie, NOON), COOKIE_BAD);
	ck_assert_int_eq(cookie_answer(next, &after, &client, cookie, sizeof cookie, NOON + 1800), COOKIE_GOOD);
	ck_assert_int_eq(judge(&later, &client, next, NOON + 1800), COOKIE_GOOD); /* renewed with the new one */
}
END_TEST

/* ---- in answers ---- */

static const struct kit_zone zones[] = {
	{ .apex = "example.test", .live = "sticky.example.test", .text =
		"@ 300 SOA ns admin 7 3600 600 86400 300\n@ 300 NS ns\nns 300 A 192.0.2.53\nwww 60 A 192.0.2.80\n" },
};
static struct kit kit;
static struct cookie_jar kit_jar;
static struct addr kit_client;

static void setup(void)
{
	kit_init(&kit, zones, COUNT(zones));
	cookie_jar_fill(&kit_jar, root_a, NULL, NOON);
	kit_client = address("192.0.2.1");
	kit.from.client = &kit_client;
	kit.worker.cookies = &kit_jar;
	kit.worker.now_s = NOON;
	kit.limits.cookies = ANSWER_COOKIES_ON;
	kit.limits.tcp_idle_ds = 300;
}

static void teardown(void)
{
	kit_deinit(&kit);
}

#define HALF "2464c4abcf10c957"
#define A_IS "NOERROR aa\nan www.example.test. 60 A 192.0.2.80\nopt 1232"

static const char *good(void)
{
	static char hex[2 * COOKIE_LEN + 1];
	uint8_t half[COOKIE_CLIENT_LEN], cookie[COOKIE_LEN];

	unhex(half, HALF);
	cookie_answer(cookie, &kit_jar, &kit_client, half, sizeof half, NOON);
	for (size_t i = 0; i < sizeof cookie; i++)
		snprintf(hex + 2 * i, 3, "%02x", cookie[i]);
	return hex;
}

/* In both, "GOOD" stands for the cookie that this client should have. */
static void expect(const char *ask, const char *want)
{
	char line[2][700];
	const char *from[2] = { ask, want };

	for (int i = 0; i < 2; i++) {
		const char *at = strstr(from[i], "GOOD");
		if (at)
			snprintf(line[i], sizeof line[i], "%.*s%s%s", (int)(at - from[i]), from[i], good(), at + 4);
		else
			snprintf(line[i], sizeof line[i], "%s", from[i]);
	}
	ck_assert_str_eq(kit_ask(&kit, line[0]), line[1]);
}

#define STALE HALF "0100000000000000" "1122334455667788"

START_TEST(cookies_in_answers)
{
	expect("www.example.test A edns=1232", A_IS);
	expect("www.example.test A edns=1232 opt=10:" HALF, A_IS " option10=GOOD");
	expect("www.example.test A edns=1232 opt=10:GOOD", A_IS " option10=GOOD");
	expect("www.example.test A edns=1232 opt=10:" STALE, A_IS " option10=GOOD");
	expect("www.example.test A edns=1232 tcp opt=10:" HALF, A_IS " option10=GOOD");
	expect("www.example.test A edns=1232 opt=10:" HALF " opt=10:ffffffffffffffff", A_IS " option10=GOOD");
	expect("www.example.test A edns=1232 opt=10:" HALF " opt=10:ff", A_IS " option10=GOOD");
	expect("www.example.test A edns=1232 opt=10:ff", "FORMERR\nopt 1232");
	expect("elsewhere.org A edns=1232 opt=10:" HALF, "REFUSED\nopt 1232 option10=GOOD ede=20");
	expect("example.test SOA opcode=4 edns=1232 opt=10:" HALF, "REFUSED\nopt 1232 option10=GOOD");
	expect("www.example.test A edns=1232 version=1 opt=10:" HALF, "BADVERS\nopt 1232");
	expect(". A none edns=1232 opt=10:" HALF, "NOERROR\nopt 1232 option10=GOOD");
	expect(". A none edns=1232 opt=10:GOOD", "NOERROR\nopt 1232 option10=GOOD");
	expect(". A none edns=1232 opt=10:" STALE, "BADCOOKIE\nopt 1232 option10=GOOD");
	expect(". A none edns=1232 tcp opt=10:" STALE, "BADCOOKIE\nopt 1232 option10=GOOD");
	expect(". A none edns=1232 nsid", "FORMERR\nopt 1232");
}
END_TEST

START_TEST(strict_wants_a_cookie_of_ours)
{
	kit.limits.cookies = ANSWER_COOKIES_STRICT;
	expect("www.example.test A edns=1232 opt=10:" HALF, "BADCOOKIE\nopt 1232 option10=GOOD");
	expect("www.example.test A edns=1232 opt=10:" STALE, "BADCOOKIE\nopt 1232 option10=GOOD");
	expect("www.example.test A edns=1232 opt=10:GOOD", A_IS " option10=GOOD");
	expect("www.example.test A edns=1232 tcp opt=10:" STALE, A_IS " option10=GOOD"); /* its address is proved */
	expect("www.example.test A edns=1232", A_IS);                                    /* who does not know cookies */
	expect(". A none edns=1232 opt=10:" HALF, "NOERROR\nopt 1232 option10=GOOD");
}
END_TEST

/* What the edge asks after each query: who is good is not limited in rate. */
START_TEST(the_verdict_of_each_query)
{
	static const struct { const char *ask; enum cookie_verdict verdict; } rows[] = {
		{ "www.example.test A", 0 }, { "www.example.test A edns=1232", 0 },
		{ "www.example.test A edns=1232 opt=10:" HALF, COOKIE_NEW }, { "www.example.test A edns=1232 opt=10:" STALE, COOKIE_BAD },
		{ "www.example.test A edns=1232 opt=10:GOOD", COOKIE_GOOD }, { "www.example.test A", 0 },
		{ "id.server TXT class=CH edns=1232 opt=10:GOOD", COOKIE_GOOD },
		{ "id.server TXT class=CH edns=1232 opt=10:" STALE, COOKIE_BAD }, { "id.server TXT class=CH", 0 },
		{ ". A none edns=1232 opt=10:GOOD", COOKIE_GOOD }, { ". A none", 0 },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t in[512], out[DNS_UDP_EDNS_MAX];
		char line[700];
		size_t len;
		const char *at = strstr(rows[i].ask, "GOOD");
		snprintf(line, sizeof line, "%.*s%s", at ? (int)(at - rows[i].ask) : 700, rows[i].ask, at ? good() : "");
		size_t in_len = kit_question(line, in, &kit.from);
		(void)answer_query(kit.db, &kit.worker, &kit.limits, &kit.from, in, in_len, out, sizeof out, &len);
		ck_assert_msg(kit.worker.cookie == rows[i].verdict, "%s: %d", rows[i].ask, kit.worker.cookie);
	}
}
END_TEST

START_TEST(strict_counts_in_class_ch)
{
	kit.limits.cookies = ANSWER_COOKIES_STRICT;
	expect("id.server TXT class=CH edns=1232 opt=10:" STALE, "BADCOOKIE\nopt 1232 option10=GOOD");
}
END_TEST

/* A slip lets an honest client prove itself at once, and grows by no more than the half of the cookie that it makes. */
START_TEST(slips_bring_cookies)
{
	static const struct { const char *ask; int grows; } rows[] = {
		{ "www.example.test A", 0 }, { "www.example.test A edns=1232", 0 }, { "www.example.test A edns=1232 nsid", -4 },
		{ "www.example.test A edns=1232 opt=10:" HALF, COOKIE_LEN - COOKIE_CLIENT_LEN },
		{ "www.example.test A edns=1232 opt=10:" STALE, 0 },
		{ "www.example.test A edns=1232 opt=10:" STALE "1122334455667788" "1122334455667788", -16 },
		{ "www.example.test A edns=1232 nsid opt=10:" HALF " opt=12:0000", COOKIE_LEN - COOKIE_CLIENT_LEN - 10 },
	};
	kit.limits.nsid = (const uint8_t *)"node";
	kit.limits.nsid_len = 4;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t in[512], out[DNS_UDP_PLAIN_MAX], cookie[COOKIE_LEN];
		size_t len = 0, in_len = kit_question(rows[i].ask, in, &kit.from);
		ck_assert_int_eq(answer_slip(&kit.limits, answer_db_key(kit.db), &kit.worker, &kit.from, DNS_RCODE_NOERROR, in, in_len, out,
					     sizeof out, &len), ANSWER_SEND);
		ck_assert_msg((int)len - (int)in_len == rows[i].grows, "%s: %zu octets for %zu", rows[i].ask, len, in_len);
		ck_assert_uint_eq(load_u16(out + 2) & DNS_FLAG_TC, DNS_FLAG_TC);
		const bool with = strstr(rows[i].ask, "opt=10") != NULL;
		ck_assert(answer_cookie(cookie, &kit.limits, answer_db_key(kit.db), &kit.worker, &kit_client, in, in_len) == with);
		ck_assert(!with || memcmp(out + len - sizeof cookie, cookie, sizeof cookie) == 0);
		ck_assert(!with || judge(&kit_jar, &kit_client, cookie, NOON) == COOKIE_GOOD);
	}
}
END_TEST

START_TEST(cookies_off)
{
	kit.limits.cookies = ANSWER_COOKIES_OFF;
	expect("www.example.test A edns=1232 opt=10:" HALF, A_IS);
	expect(". A none edns=1232 opt=10:" HALF, "FORMERR\nopt 1232");
	kit.limits.cookies = ANSWER_COOKIES_STRICT;
	kit.worker.cookies = NULL; /* no key has come yet */
	expect("www.example.test A edns=1232 opt=10:" HALF, A_IS);
	kit.worker.cookies = &kit_jar;
	kit.from.client = NULL;
	expect("www.example.test A edns=1232 opt=10:" HALF, A_IS);
}
END_TEST

START_TEST(keepalive_over_tcp_when_asked)
{
	expect("www.example.test A edns=1232 tcp opt=11:", A_IS " option11=012c");
	expect("www.example.test A edns=1232 tcp opt=11:0001", A_IS " option11=012c");
	expect("www.example.test A edns=1232 opt=11:", A_IS);
	expect("www.example.test A edns=1232 tcp", A_IS);
	expect("www.example.test A edns=1232 tcp opt=12:00000000", A_IS); /* padding: none in the clear */
	expect("www.example.test A edns=1232 tcp opt=65001:beef", A_IS);
}
END_TEST

static const struct answer_nets resolvers = { .count = 2, .net = {
	{ .base = { .family = 6, .ip = { 0x20, 1, 0xd, 0xb8 } }, .prefix_len = 32 },
	{ .base = { .family = 4, .ip = { 192, 0, 2 } }, .prefix_len = 24 } } };

/* Whether or not the resolver is believed: what is the same for everybody has scope 0. */
START_TEST(client_subnet_of_static_answers)
{
	kit.limits.subnet_from = &resolvers;
	expect("www.example.test A edns=1232 opt=8:00011800c00002", A_IS " option8=00011800c00002");
	expect("www.example.test A edns=1232 opt=8:0002380020010db8000102", A_IS " option8=0002380020010db8000102");
	expect("www.example.test A edns=1232 opt=8:00010000", A_IS " option8=00010000");
	expect("no.org A edns=1232 opt=8:00010000", "REFUSED\nopt 1232 option8=00010000 ede=20");
	expect("www.example.test A edns=1232 opt=8:00011818c00002", "FORMERR\nopt 1232");
	expect("www.example.test A edns=1232 nsid opt=8:00010000 opt=10:" HALF,
	       A_IS " option10=GOOD option8=00010000");
}
END_TEST

static char *sticky_address(char *out, const char *options)
{
	char line[200], *end;

	snprintf(line, sizeof line, "sticky.example.test A edns=1232 %s", options);
	const char *at = strstr(kit_ask(&kit, line), " A ");
	ck_assert_ptr_nonnull(at);
	strcpy(out, at + 3);
	if ((end = strchr(out, '\n')) != NULL)
		*end = 0;
	return out;
}

/* The same client gets the same member, whether it asks itself or through a resolver that tells its prefix. */
START_TEST(client_subnet_of_sticky_answers)
{
	kit_publish(&kit, "sticky.example.test", DNS_TYPE_A, "198.51.100.1 198.51.100.2 198.51.100.3 198.51.100.4",
		    ANSWER_PICK_STICKY, 1, 30);
	unsigned differ = 0;
	kit.limits.subnet_from = &resolvers;
	for (unsigned i = 0; i < 64; i++) {
		char own[2000], told[2000], wide[2000], option[60], text[30];
		snprintf(text, sizeof text, "203.0.%u.9", i);
		kit_client = address(text);
		sticky_address(own, "");
		kit_client = address("192.0.2.1");
		snprintf(option, sizeof option, "opt=8:00012000cb00%02x09", i);
		sticky_address(told, option);
		ck_assert_str_eq(told, own);
		ck_assert_ptr_nonnull(strstr(kit.text, "option8=00012018cb00")); /* scope 24 of a source of 32 */
		sticky_address(wide, "opt=8:00011000cb00");
		ck_assert_ptr_nonnull(strstr(kit.text, "option8=00011018cb00")); /* and with less told: that more is looked at */
		differ += strcmp(told, wide) != 0;
		sticky_address(told, "opt=8:00010000"); /* not to be used: the resolver's own counts */
		ck_assert_ptr_nonnull(strstr(kit.text, "option8=00010000"));
		ck_assert_str_eq(told, sticky_address(own, ""));
	}
	ck_assert_uint_gt(differ, 10);
}
END_TEST

/* Others' word is no word: they get what their own address gets, whatever they tell. */
START_TEST(client_subnet_from_strangers)
{
	static const struct answer_nets nobody = { .count = 0 };
	const struct { const char *from; const struct answer_nets *list; bool counts; } rows[] = {
		{ "192.0.2.1", &resolvers, true }, { "2001:db8::53", &resolvers, true },
		{ "192.0.3.1", &resolvers, false }, { "2001:db9::53", &resolvers, false },
		{ "192.0.2.1", &nobody, false }, { "192.0.2.1", NULL, false }, { NULL, &resolvers, false },
	};

	kit_publish(&kit, "sticky.example.test", DNS_TYPE_A, "198.51.100.1 198.51.100.2 198.51.100.3 198.51.100.4",
		    ANSWER_PICK_STICKY, 1, 30);
	for (size_t i = 0; i < COUNT(rows); i++) {
		char own[2000], told[2000], option[60], want[60];
		unsigned differ = 0;
		kit.limits.subnet_from = rows[i].list;
		if (rows[i].from)
			kit_client = address(rows[i].from);
		else
			kit.from.client = NULL;
		sticky_address(own, "");
		for (unsigned net = 0; net < 64; net++) {
			snprintf(option, sizeof option, "opt=8:00011800cb00%02x", net);
			snprintf(want, sizeof want, "option8=000118%scb00%02x", rows[i].counts ? "18" : "00", net);
			sticky_address(told, option);
			ck_assert_ptr_nonnull(strstr(kit.text, want));
			differ += strcmp(told, own) != 0;
		}
		ck_assert_msg((differ > 10) == rows[i].counts && (rows[i].counts || !differ), "row %zu: %u", i, differ);
	}
	kit.limits.subnet_from = &resolvers; /* also where the network is that of an IPv6 client */
	kit_client = address("192.0.2.1");
	kit.from.client = &kit_client;
	sticky_address((char[2000]){ 0 }, "opt=8:0002300020010db80001");
	ck_assert_ptr_nonnull(strstr(kit.text, "option8=0002303820010db80001"));
}
END_TEST

/* Every option at once, with the longest name, still fits the least that a client takes. */
START_TEST(the_largest_opt_fits)
{
	static const uint8_t nsid[ANSWER_NSID_MAX] = "n";
	char line[1000] = "", *p = line;
	for (int i = 0; i < 127; i++)
		p += sprintf(p, "a.");
	strcpy(p, " A edns=512 nsid opt=10:" HALF " opt=11: opt=8:0002800020010db8000000000000000000000001");
	kit.limits.nsid = nsid;
	kit.limits.nsid_len = sizeof nsid;
	const char *got = kit_ask(&kit, line);
	ck_assert(strncmp(got, "REFUSED\n", 8) == 0);
	ck_assert_ptr_nonnull(strstr(got, " ede=20"));
	ck_assert_ptr_nonnull(strstr(got, " option8="));
	ck_assert_uint_le(kit.wire_len, 512);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("answer: cookies and options");
	TCase *pure = tcase_create("cookies"), *t = tcase_create("answers");
	const TTest *cookies[] = { vectors_of_rfc_9018, the_life_of_a_cookie, what_is_not_ours_is_bad, twins_accept_each_others,
				   secrets_change_with_the_day, a_jar_of_another_day, the_key_before_is_accepted };
	const TTest *answers[] = { cookies_in_answers, strict_wants_a_cookie_of_ours, the_verdict_of_each_query, strict_counts_in_class_ch,
		slips_bring_cookies, cookies_off, keepalive_over_tcp_when_asked,
				   client_subnet_of_static_answers, client_subnet_of_sticky_answers, client_subnet_from_strangers,
				   the_largest_opt_fits };

	for (size_t i = 0; i < COUNT(cookies); i++)
		tcase_add_test(pure, cookies[i]);
	tcase_add_checked_fixture(t, setup, teardown);
	for (size_t i = 0; i < COUNT(answers); i++)
		tcase_add_test(t, answers[i]);
	suite_add_tcase(s, pure);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
