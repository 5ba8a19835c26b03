/* Queries, good and hostile. */
#include <stdio.h>
#include <string.h>
#include "base/buf.h"
#include "dns/query.h"
#include "tests/unit/unit.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

static const struct hash_key key = { { 0x0123456789abcdef, 0xfedcba9876543210 } };

/* Parses a copy of exactly its size: a sanitizer sees each octet that is read beyond. q.wire is gone after. */
static enum query_verdict parse(struct query *q, const void *wire, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	ck_assert_ptr_nonnull(copy);
	memcpy(copy, wire, len);
	memset(q, 0xaa, sizeof *q); /* what is not set must show */
	enum query_verdict v = query_parse(q, copy, len, &key);
	free(copy);
	return v;
}

#define HEAD(flags, qd, an, ns, ar) "\xbe\xef" flags "\0" qd "\0" an "\0" ns "\0" ar
#define QUERY(ar) HEAD("\1\0", "\1", "\0", "\0", ar)
#define WWW "\3wWw\4TEST\0\0\x1c\0\1" /* www.test AAAA IN */
#define WWW_LEN 14
#define OPT(size, flags, rdlen) "\0\0\x29" size "\0\0" flags "\0" rdlen
#define TSIG_RDATA(id_to_end) "\4alg1\0" "\0\0\x65\0\0\0" "\1\x2c" "\0\2" "mm" id_to_end
#define TSIG "\3key\0" "\0\xfa\0\xff\0\0\0\0\0\x18" TSIG_RDATA("\xbe\xef\0\0\0\0")
#define COOKIE8 "\0\x0a\0\x08" "01234567"
#define RR "\xc0\x0c\0\1\0\1\0\0\0\0\0\4\x7f\0\0\1"

START_TEST(a_plain_question)
{
	struct query q;
	static const char wire[] = QUERY("\0") WWW;
	ck_assert_int_eq(parse(&q, wire, sizeof wire - 1), QUERY_OK);
	ck_assert_uint_eq(q.opcode, 0);
	ck_assert_uint_eq(q.rcode, 0);
	ck_assert_uint_eq(q.question_len, WWW_LEN);
	ck_assert_uint_eq(q.qtype, DNS_TYPE_AAAA);
	ck_assert_uint_eq(q.qclass, DNS_CLASS_IN);
	ck_assert_uint_eq(q.name_len, 10);
	ck_assert_mem_eq(q.name, "\3www\4test", 10);
	ck_assert_uint_eq(q.labels, 2);
	ck_assert_uint_eq(q.label_at[0], 0);
	ck_assert_uint_eq(q.label_at[1], 4);
	ck_assert_uint_eq(q.label_at[2], 9);
	for (unsigned i = 0; i <= 2; i++)
		ck_assert_uint_eq(q.hash[i], name_hash(&key, q.name + q.label_at[i]));
	ck_assert(!q.has_edns && !q.edns_do && q.options == 0);
	ck_assert_uint_eq(q.edns_size, 0);
	ck_assert_uint_eq(q.edns_version, 0);
}
END_TEST

START_TEST(the_root_can_be_asked)
{
	struct query q;
	static const char wire[] = HEAD("\0\0", "\1", "\0", "\0", "\0") "\0\0\2\0\1";
	ck_assert_int_eq(parse(&q, wire, sizeof wire - 1), QUERY_OK);
	ck_assert_uint_eq(q.name_len, 1);
	ck_assert_uint_eq(q.labels, 0);
	ck_assert_uint_eq(q.label_at[0], 0);
	ck_assert_uint_eq(q.hash[0], name_hash_root(&key));
	ck_assert_uint_eq(q.question_len, 5);
}
END_TEST

struct expected {
	const char *wire;
	size_t len;
	enum query_verdict verdict;
	unsigned rcode, question_len;
	bool has_edns;
};
#define CASE(literal, ...) { literal, sizeof(literal) - 1, __VA_ARGS__ }

static void expect(const struct expected *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct query q;
		enum query_verdict v = parse(&q, cases[i].wire, cases[i].len);
		ck_assert_msg(v == cases[i].verdict, "case %zu: verdict %d", i, v);
		if (v == QUERY_DROP)
			continue;
		ck_assert_msg(q.rcode == cases[i].rcode, "case %zu: rcode %u", i, q.rcode);
		ck_assert_msg(q.question_len == cases[i].question_len, "case %zu: question %u", i, q.question_len);
		ck_assert_msg(q.has_edns == cases[i].has_edns, "case %zu: EDNS %d", i, q.has_edns);
	}
}

#define OK_PLAIN QUERY_OK, 0, WWW_LEN, false
#define OK_EDNS QUERY_OK, 0, WWW_LEN, true
#define FORMERR(question, edns) QUERY_ERROR, DNS_RCODE_FORMERR, question, edns
#define NOTAUTH(question, edns) QUERY_ERROR, DNS_RCODE_NOTAUTH, question, edns
#define NOTIMP(question, edns) QUERY_ERROR, DNS_RCODE_NOTIMP, question, edns
#define BADVERS(question) QUERY_ERROR, DNS_RCODE_BADVERS, question, true
#define DROP QUERY_DROP, 0, 0, false

START_TEST(silence)
{
	static const struct expected cases[] = {
		CASE("", DROP),
		CASE("\xbe\xef\1\0\0\1\0\0\0\0\0", DROP), /* 11 octets */
		CASE(HEAD("\x81\0", "\1", "\0", "\0", "\0") WWW, DROP),
		CASE(HEAD("\xa9\0", "\1", "\0", "\0", "\0") WWW, DROP), /* whatever the opcode */
		CASE(HEAD("\x80\0", "\0", "\0", "\0", "\0"), DROP),
	};
	expect(cases, COUNT(cases));
}
END_TEST

START_TEST(opcodes)
{
	static const struct expected cases[] = {
		CASE(HEAD("\x08\0", "\1", "\0", "\0", "\0") WWW, NOTIMP(WWW_LEN, false)),
		CASE(HEAD("\x10\0", "\1", "\0", "\0", "\0") WWW, NOTIMP(WWW_LEN, false)),
		CASE(HEAD("\x30\0", "\1", "\0", "\0", "\1") WWW OPT("\4\xd0", "\0\0", "\0"), NOTIMP(WWW_LEN, true)),
		CASE(HEAD("\x78\0", "\0", "\0", "\0", "\0"), NOTIMP(0, false)),
		CASE(HEAD("\x78\0", "\2", "\0", "\0", "\0") WWW WWW, NOTIMP(0, false)),
		CASE(HEAD("\x78\0", "\1", "\0", "\0", "\0") "\3ww", NOTIMP(0, false)),
		CASE(HEAD("\x08\0", "\1", "\1", "\0", "\0") WWW, NOTIMP(WWW_LEN, false)), /* its record is missing */
	};
	expect(cases, COUNT(cases));
}
END_TEST

#define ZONE "\4test\0\0\6\0\1"
#define ZONE_LEN 10
#define OK_ZONE(edns) QUERY_OK, 0, ZONE_LEN, edns

START_TEST(notify_and_update_name_a_zone)
{
	static const struct expected cases[] = {
		CASE(HEAD("\x20\0", "\1", "\0", "\0", "\0") ZONE, OK_ZONE(false)),
		CASE(HEAD("\x24\0", "\1", "\1", "\0", "\1") ZONE RR OPT("\4\xd0", "\0\0", "\0"), OK_ZONE(true)),
		CASE(HEAD("\x28\0", "\1", "\0", "\1", "\0") ZONE RR, OK_ZONE(false)),
		CASE(HEAD("\x20\0", "\1", "\0", "\0", "\0") WWW, FORMERR(WWW_LEN, false)), /* not by its SOA */
		CASE(HEAD("\x28\0", "\1", "\0", "\1", "\0") WWW RR, FORMERR(WWW_LEN, false)),
		CASE(HEAD("\x28\0", "\0", "\0", "\0", "\0"), FORMERR(0, false)),
		CASE(HEAD("\x20\0", "\2", "\0", "\0", "\0") ZONE ZONE, FORMERR(0, false)),
		CASE(HEAD("\x28\0", "\1", "\1", "\0", "\0") ZONE, FORMERR(ZONE_LEN, false)), /* its record is missing */
		CASE(HEAD("\x20\0", "\0", "\0", "\0", "\1") OPT("\4\xd0", "\0\0", "\x0c") COOKIE8, FORMERR(0, true)),
	};
	expect(cases, COUNT(cases));
}
END_TEST

#define OK_COOKIE QUERY_COOKIE, 0, 0, true
#define ASK(rdlen, options) QUERY("\1") WWW OPT("\4\xd0", "\0\0", rdlen) options
#define ECS(len, content) "\0\x08\0" len content

START_TEST(options_with_content)
{
	static const struct expected cases[] = {
		CASE(ASK("\x0c", COOKIE8), OK_EDNS),
		CASE(ASK("\x14", "\0\x0a\0\x10" "0123456789abcdef"), OK_EDNS),
		CASE(ASK("\x2c", "\0\x0a\0\x28" "0123456789abcdef0123456789abcdef01234567"), OK_EDNS),
		CASE(ASK("\4", "\0\x0a\0\0"), FORMERR(WWW_LEN, true)),
		CASE(ASK("\x0b", "\0\x0a\0\7" "0123456"), FORMERR(WWW_LEN, true)),
		CASE(ASK("\x0d", "\0\x0a\0\x09" "012345678"), FORMERR(WWW_LEN, true)),
		CASE(ASK("\x13", "\0\x0a\0\x0f" "0123456789abcde"), FORMERR(WWW_LEN, true)),
		CASE(ASK("\x2d", "\0\x0a\0\x29" "0123456789abcdef0123456789abcdef012345678"), FORMERR(WWW_LEN, true)),
		CASE(ASK("\x17", COOKIE8 "\0\x0a\0\7" "0123456"), OK_EDNS), /* the first counts */
		CASE(ASK("\x17", "\0\x0a\0\7" "0123456" COOKIE8), FORMERR(WWW_LEN, true)),
		CASE(HEAD("\1\0", "\0", "\0", "\0", "\1") OPT("\4\xd0", "\0\0", "\x0c") COOKIE8, OK_COOKIE),
		CASE(HEAD("\1\0", "\0", "\0", "\0", "\1") OPT("\4\xd0", "\0\0", "\4") "\0\x0a\0\0", FORMERR(0, true)),
		CASE(HEAD("\1\0", "\2", "\0", "\0", "\1") WWW WWW OPT("\4\xd0", "\0\0", "\x0c") COOKIE8, FORMERR(0, true)),
		CASE(ASK("\x0b", ECS("\7", "\0\1\x18\0\xc0\0\2")), OK_EDNS),
		CASE(ASK("\x08", ECS("\4", "\0\1\0\0")), OK_EDNS),
		CASE(ASK("\x08", ECS("\4", "\0\0\0\0")), OK_EDNS),
		CASE(ASK("\x0c", ECS("\x08", "\0\1\x20\0\xc0\0\2\1")), OK_EDNS),
		CASE(ASK("\x0f", ECS("\x0b", "\0\2\x38\0\x20\1\x0d\xb8\0\1\2")), OK_EDNS),
		CASE(ASK("\x0b", ECS("\7", "\0\1\x11\0\xc0\0\x80")), OK_EDNS),
		CASE(ASK("\x0b", ECS("\7", "\0\1\x11\0\xc0\0\x40")), FORMERR(WWW_LEN, true)), /* a bit past the prefix */
		CASE(ASK("\x0b", ECS("\7", "\0\1\x18\x18\xc0\0\2")), FORMERR(WWW_LEN, true)), /* a scope in a query */
		CASE(ASK("\x0c", ECS("\x08", "\0\1\x18\0\xc0\0\2\0")), FORMERR(WWW_LEN, true)),
		CASE(ASK("\x0a", ECS("\6", "\0\1\x18\0\xc0\0")), FORMERR(WWW_LEN, true)),
		CASE(ASK("\x0d", ECS("\x09", "\0\1\x21\0\xc0\0\2\1\0")), FORMERR(WWW_LEN, true)),
		CASE(ASK("\x0b", ECS("\7", "\0\0\x18\0\xc0\0\2")), FORMERR(WWW_LEN, true)),
		CASE(ASK("\x0b", ECS("\7", "\0\3\x18\0\xc0\0\2")), FORMERR(WWW_LEN, true)),
		CASE(ASK("\x0b", ECS("\7", "\1\1\x18\0\xc0\0\2")), FORMERR(WWW_LEN, true)),
		CASE(ASK("\x07", ECS("\3", "\0\1\0")), FORMERR(WWW_LEN, true)),
		CASE(ASK("\4", ECS("\0", "")), FORMERR(WWW_LEN, true)),
		CASE(ASK("\x0f", ECS("\4", "\0\1\0\0") ECS("\3", "\0\1\0")), OK_EDNS), /* the first counts */
		CASE(ASK("\4", "\0\x0b\0\0"), OK_EDNS), /* keepalive, empty as it should be */
		CASE(ASK("\6", "\0\x0b\0\2\1\0"), OK_EDNS),
	};
	expect(cases, COUNT(cases));
}
END_TEST

START_TEST(where_options_stand)
{
	static const char wire[] = ASK("\x1f", COOKIE8 ECS("\7", "\0\1\x18\0\xc0\0\2") "\0\x0b\0\0" "\0\3\0\0")
		"behind";
	struct query q;
	const uint8_t *w = (const uint8_t *)wire;
	ck_assert_int_eq(query_parse(&q, w, sizeof wire - 1, &key), QUERY_OK);
	ck_assert_uint_eq(q.options, QUERY_OPTION_NSID | QUERY_OPTION_COOKIE | QUERY_OPTION_ECS | QUERY_OPTION_KEEPALIVE);
	ck_assert_ptr_eq(q.cookie, w + 12 + WWW_LEN + 11 + 4);
	ck_assert_uint_eq(q.cookie_len, 8);
	ck_assert_ptr_eq(q.ecs, q.cookie + 8 + 4);
	ck_assert_uint_eq(q.ecs_len, 7);
}
END_TEST

START_TEST(questions)
{
	static const struct expected cases[] = {
		CASE(HEAD("\1\0", "\0", "\0", "\0", "\0"), FORMERR(0, false)),
		CASE(HEAD("\1\0", "\0", "\0", "\0", "\0") WWW, FORMERR(0, false)),
		CASE(HEAD("\1\0", "\0", "\0", "\0", "\1") OPT("\4\xd0", "\0\0", "\0"), FORMERR(0, true)),
		CASE(HEAD("\1\0", "\2", "\0", "\0", "\0") WWW WWW, FORMERR(0, false)), /* RFC 9619 */
		CASE(HEAD("\1\0", "\2", "\0", "\0", "\1") WWW "\xc0\x0c\0\1\0\1" OPT("\4\xd0", "\0\0", "\0"),
		     FORMERR(0, true)),
		CASE("\xbe\xef\1\0\xff\xff\xff\xff\xff\xff\xff\xff" WWW, FORMERR(0, false)),
		CASE(QUERY("\0"), FORMERR(0, false)),
		CASE(QUERY("\0") "\0", FORMERR(0, false)),
		CASE(QUERY("\0") "\0\0\1\0", FORMERR(0, false)),       /* class cut */
		CASE(QUERY("\0") "\xc0\x0c\0\1\0\1", FORMERR(0, false)), /* pointer to itself */
		CASE(QUERY("\0") "\1a\xc0\x0c\0\1\0\1", FORMERR(0, false)),
		CASE(QUERY("\0") "\xc0\0\0\1\0\1", FORMERR(0, false)),
		CASE(QUERY("\0") "\x40\0\0\1\0\1", FORMERR(0, false)),  /* reserved label types */
		CASE(QUERY("\0") "\x80\0\0\1\0\1", FORMERR(0, false)),
		CASE(QUERY("\0") "\x3f" "abc\0\0\1\0\1", FORMERR(0, false)),
	};
	expect(cases, COUNT(cases));
}
END_TEST

START_TEST(stray_records_and_trailing_octets)
{
	static const struct expected cases[] = {
		CASE(QUERY("\0") WWW "trailing", OK_PLAIN),
		CASE(QUERY("\0") WWW OPT("\4\xd0", "\0\0", "\0"), OK_PLAIN), /* not counted: not there */
		CASE(HEAD("\1\0", "\1", "\1", "\1", "\1") WWW RR RR RR, OK_PLAIN),
		CASE(HEAD("\1\0", "\1", "\1", "\1", "\1") WWW RR RR OPT("\4\xd0", "\0\0", "\0"), OK_EDNS),
		CASE(QUERY("\3") WWW RR OPT("\4\xd0", "\0\0", "\0") RR "x", OK_EDNS),
		CASE(QUERY("\1") WWW "\4name\xc0\x0c\0\1\0\1\0\0\0\0\0\0", OK_PLAIN),
		CASE(QUERY("\1") WWW "\xff\xff\0\1\0\1\0\0\0\0\0\0", OK_PLAIN), /* not followed, so harmless */
		CASE(HEAD("\1\0", "\1", "\0", "\1", "\1") WWW RR "\0\0\x18\0\xff\0\0\0\0\0\0", OK_PLAIN), /* SIG(0) */
	};
	expect(cases, COUNT(cases));
}
END_TEST

START_TEST(records_in_the_wrong_section)
{
	static const struct expected cases[] = {
		CASE(HEAD("\1\0", "\1", "\1", "\0", "\0") WWW OPT("\4\xd0", "\0\0", "\0"), FORMERR(WWW_LEN, false)),
		CASE(HEAD("\1\0", "\1", "\0", "\1", "\0") WWW OPT("\4\xd0", "\0\0", "\0"), FORMERR(WWW_LEN, false)),
		CASE(HEAD("\1\0", "\1", "\0", "\2", "\0") WWW RR TSIG, FORMERR(WWW_LEN, false)),
		CASE(HEAD("\1\0", "\1", "\1", "\0", "\0") WWW TSIG, FORMERR(WWW_LEN, false)),
		CASE(QUERY("\2") WWW TSIG OPT("\4\xd0", "\0\0", "\0"), FORMERR(WWW_LEN, false)), /* TSIG is last */
		CASE(QUERY("\2") WWW TSIG TSIG, FORMERR(WWW_LEN, false)),
	};
	expect(cases, COUNT(cases));
}
END_TEST

/* RFC 8945 5.2: one that cannot be read is FORMERR, a key that we have not, which is any, is NOTAUTH. */
START_TEST(tsig)
{
#define HEADED(name, fixed, rdata) QUERY("\1") WWW name fixed rdata
#define KEY "\3key\0"
#define FIXED(rdlen) "\0\xfa\0\xff\0\0\0\0\0" rdlen
#define TAIL "\xbe\xef\0\0\0\0"
	static const struct expected cases[] = {
		CASE(QUERY("\1") WWW TSIG, NOTAUTH(WWW_LEN, false)),
		CASE(QUERY("\2") WWW OPT("\4\xd0", "\0\0", "\0") TSIG, NOTAUTH(WWW_LEN, true)),
		CASE(QUERY("\2") WWW RR TSIG "trailing", NOTAUTH(WWW_LEN, false)),
		CASE(HEAD("\x28\0", "\1", "\0", "\0", "\1") "\4test\0\0\6\0\1" TSIG, NOTAUTH(10, false)),
		CASE(HEAD("\x10\0", "\1", "\0", "\0", "\1") WWW TSIG, NOTIMP(WWW_LEN, false)),
		CASE(HEAD("\1\0", "\0", "\0", "\0", "\1") TSIG, FORMERR(0, false)),
		CASE(QUERY("\2") WWW "\0\0\x29\4\xd0\0\1\0\0\0\0" TSIG, BADVERS(WWW_LEN)),
		CASE(HEADED("\xc0\x0c", FIXED("\x18"), TSIG_RDATA(TAIL)), NOTAUTH(WWW_LEN, false)), /* key is www.test */
		CASE(HEADED(KEY, "\0\xfa\0\1\0\0\0\0\0\x18", TSIG_RDATA(TAIL)), FORMERR(WWW_LEN, false)),
		CASE(HEADED(KEY, "\0\xfa\0\xff\0\0\0\1\0\x18", TSIG_RDATA(TAIL)), FORMERR(WWW_LEN, false)),
		CASE(HEADED(KEY, FIXED("\x17"), TSIG_RDATA(TAIL)), FORMERR(WWW_LEN, false)),      /* too short */
		CASE(HEADED(KEY, FIXED("\x19"), TSIG_RDATA(TAIL) "x"), FORMERR(WWW_LEN, false)),   /* too long */
		CASE(HEADED(KEY, FIXED("\x19"), TSIG_RDATA("\xbe\xef\0\0\0\1x")), NOTAUTH(WWW_LEN, false)), /* other data */
		CASE(HEADED(KEY, FIXED("\2"), "\xc0\x0c"), FORMERR(WWW_LEN, false)),
		CASE(HEADED(KEY, FIXED("\0"), ""), FORMERR(WWW_LEN, false)),
	};
	expect(cases, COUNT(cases));
}
END_TEST

START_TEST(the_tsig_is_at_hand_when_its_key_can_be_copied)
{
	static const char plain[] = QUERY("\1") WWW TSIG;
	static const char compressed[] = HEADED("\1k\xc0\x0c", FIXED("\x18"), TSIG_RDATA(TAIL));
	struct query q;

	ck_assert_int_eq(query_parse(&q, (const uint8_t *)plain, sizeof plain - 1, &key), QUERY_ERROR);
	ck_assert_ptr_eq(q.tsig, plain + 12 + WWW_LEN);
	ck_assert_int_eq(query_parse(&q, (const uint8_t *)compressed, sizeof compressed - 1, &key), QUERY_ERROR);
	ck_assert_uint_eq(q.rcode, DNS_RCODE_NOTAUTH);
	ck_assert_ptr_null(q.tsig);
}
END_TEST

START_TEST(malformed_records)
{
	static const struct expected cases[] = {
		CASE(QUERY("\1") WWW, FORMERR(WWW_LEN, false)),
		CASE(HEAD("\1\0", "\1", "\1", "\0", "\0") WWW, FORMERR(WWW_LEN, false)),
		CASE(HEAD("\1\0", "\1", "\0", "\1", "\0") WWW "\0", FORMERR(WWW_LEN, false)),
		CASE(QUERY("\2") WWW RR, FORMERR(WWW_LEN, false)),
		CASE("\xbe\xef\1\0\0\1\0\0\0\0\xff\xff" WWW RR, FORMERR(WWW_LEN, false)),
		CASE(QUERY("\1") WWW "\xc0", FORMERR(WWW_LEN, false)),
		CASE(QUERY("\1") WWW "\x40\0\0\1\0\1\0\0\0\0\0\0", FORMERR(WWW_LEN, false)),
		CASE(QUERY("\1") WWW "\0\0\1\0\1\0\0\0\0\0\1", FORMERR(WWW_LEN, false)), /* rdata missing */
		CASE(QUERY("\1") WWW "\0\0\1\0\1\0\0\0\0\xff\xff" "x", FORMERR(WWW_LEN, false)),
		CASE(QUERY("\1") WWW "\4nam", FORMERR(WWW_LEN, false)),
	};
	expect(cases, COUNT(cases));
}
END_TEST

START_TEST(edns)
{
	static const struct expected cases[] = {
		CASE(QUERY("\1") WWW OPT("\4\xd0", "\x80\0", "\0"), OK_EDNS),
		CASE(QUERY("\2") WWW OPT("\4\xd0", "\0\0", "\0") OPT("\4\xd0", "\0\0", "\0"), FORMERR(WWW_LEN, true)),
		CASE(QUERY("\1") WWW "\1a" OPT("\4\xd0", "\0\0", "\0"), FORMERR(WWW_LEN, false)), /* owner */
		CASE(QUERY("\1") WWW "\xc0\x15\0\x29\4\xd0\0\0\0\0\0\0", FORMERR(WWW_LEN, false)), /* pointer to root */
		CASE(QUERY("\1") WWW OPT("\4\xd0", "\0\0", "\1") "x", FORMERR(WWW_LEN, true)),
		CASE(QUERY("\1") WWW OPT("\4\xd0", "\0\0", "\3") "\0\3\0", FORMERR(WWW_LEN, true)),
		CASE(QUERY("\1") WWW OPT("\4\xd0", "\0\0", "\4") "\0\3\0\1", FORMERR(WWW_LEN, true)),
		CASE(QUERY("\1") WWW OPT("\4\xd0", "\0\0", "\5") "\0\3\0\2x", FORMERR(WWW_LEN, true)),
		CASE(QUERY("\1") WWW OPT("\4\xd0", "\0\0", "\11") "\xff\xff\0\1x\0\3\0\0", OK_EDNS),
		CASE(QUERY("\1") WWW OPT("\4\xd0", "\0\0", "\5") "\0\3\0\0", FORMERR(WWW_LEN, false)), /* cut short */
	};
	expect(cases, COUNT(cases));
}
END_TEST

#define OPT_V1 "\0\0\x29\4\xd0\0\1\0\0\0"

START_TEST(an_unknown_version_comes_before_content)
{
	static const struct expected cases[] = {
		CASE(QUERY("\1") WWW OPT_V1 "\0", BADVERS(WWW_LEN)),
		CASE(QUERY("\1") WWW OPT_V1 "\3" "\0\3\0", BADVERS(WWW_LEN)), /* its options may look otherwise */
		CASE(HEAD("\1\0", "\0", "\0", "\0", "\1") OPT_V1 "\0", BADVERS(0)),
		CASE(HEAD("\1\0", "\2", "\0", "\0", "\1") WWW WWW OPT_V1 "\0", BADVERS(0)),
		CASE(HEAD("\x20\0", "\1", "\0", "\0", "\1") WWW OPT_V1 "\0", BADVERS(WWW_LEN)),
		CASE(QUERY("\2") WWW OPT_V1 "\0", BADVERS(WWW_LEN)),
		CASE(QUERY("\1") WWW OPT_V1 "\1", FORMERR(WWW_LEN, false)), /* cut short: no whole OPT */
	};
	expect(cases, COUNT(cases));
}
END_TEST

START_TEST(edns_facts)
{
	static const struct {
		const char *opt;
		size_t len;
		unsigned size;
		bool dnssec, nsid;
	} cases[] = {
		{ OPT("\4\xd0", "\0\0", "\0"), 11, 1232, false, false },
		{ OPT("\4\xd0", "\x80\0", "\0"), 11, 1232, true, false },
		{ OPT("\4\xd0", "\x7f\xff", "\0"), 11, 1232, false, false }, /* other flags are nobody's business */
		{ OPT("\2\0", "\0\0", "\0"), 11, 512, false, false },
		{ OPT("\1\xff", "\0\0", "\0"), 11, 512, false, false },
		{ OPT("\0\0", "\0\0", "\0"), 11, 512, false, false },
		{ OPT("\xff\xff", "\0\0", "\0"), 11, 65535, false, false },
		{ OPT("\4\xd0", "\0\0", "\4") "\0\3\0\0", 15, 1232, false, true },
		{ OPT("\4\xd0", "\0\0", "\4") "\0\4\0\0", 15, 1232, false, false },
		{ OPT("\4\xd0", "\x80\0", "\x10") "\xfd\xe9\0\4\0\3\0\0" "\0\3\0\0\0\3\0\0", 27, 1232, true, true },
		{ OPT("\4\xd0", "\0\0", "\x08") "\xfd\xe9\0\4\0\3\0\0", 19, 1232, false, false }, /* inside another */
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t wire[100];
		struct query q;
		struct wbuf w;
		wbuf_init(&w, wire, sizeof wire);
		put_bytes(&w, QUERY("\1") WWW, 12 + WWW_LEN);
		put_bytes(&w, cases[i].opt, cases[i].len);
		ck_assert_int_eq(parse(&q, wire, w.len), QUERY_OK);
		ck_assert(q.has_edns);
		ck_assert_msg(q.edns_size == cases[i].size, "case %zu: %u", i, q.edns_size);
		ck_assert_msg(q.edns_do == cases[i].dnssec, "case %zu", i);
		ck_assert_msg(q.options == (cases[i].nsid ? QUERY_OPTION_NSID : 0), "case %zu", i);
	}
}
END_TEST

/* The longest names there are, and one octet more. */
START_TEST(name_limits)
{
	uint8_t wire[12 + 300] = QUERY("\0");
	struct query q;

	memset(wire + 12, 1, 300); /* labels of one octet; the root at 254 makes 127 of them */
	memset(wire + 12 + 254, 0, 5);
	ck_assert_int_eq(parse(&q, wire, 12 + 259), QUERY_OK);
	ck_assert_uint_eq(q.labels, NAME_LABELS_MAX);
	ck_assert_uint_eq(q.name_len, NAME_WIRE_MAX);
	ck_assert_uint_eq(q.label_at[127], 254);
	ck_assert_uint_eq(q.hash[0], name_hash(&key, q.name));
	ck_assert_uint_eq(q.question_len, 259);
	ck_assert_int_eq(parse(&q, wire, 12 + 258), QUERY_ERROR);
	ck_assert_uint_eq(q.question_len, 0);

	memset(wire + 12, 1, 300);
	memset(wire + 12 + 256, 0, 5);
	ck_assert_int_eq(parse(&q, wire, 12 + 261), QUERY_ERROR);
	ck_assert_uint_eq(q.rcode, DNS_RCODE_FORMERR);
	wire[12] = 2; /* a name of 256: the root octet is one too far */
	memset(wire + 12 + 1, 1, 299);
	memset(wire + 12 + 255, 0, 5);
	ck_assert_int_eq(parse(&q, wire, 12 + 260), QUERY_ERROR);
	ck_assert_uint_eq(q.question_len, 0);
}
END_TEST

START_TEST(every_way_to_cut_a_query)
{
	static const char wire[] = HEAD("\1\0", "\1", "\1", "\1", "\2") WWW RR RR RR
		OPT("\4\xd0", "\0\0", "\4") "\0\3\0\0";
	for (size_t len = 0; len < sizeof wire - 1; len++) {
		struct query q;
		enum query_verdict v = parse(&q, wire, len);
		ck_assert_int_eq(v, len < DNS_HEADER_LEN ? QUERY_DROP : QUERY_ERROR);
		if (v == QUERY_DROP)
			continue;
		ck_assert_uint_eq(q.rcode, DNS_RCODE_FORMERR);
		ck_assert_uint_eq(q.question_len, len < 12 + WWW_LEN ? 0 : WWW_LEN);
	}
	struct query q;
	ck_assert_int_eq(parse(&q, wire, sizeof wire - 1), QUERY_OK);
	ck_assert_uint_eq(q.options, QUERY_OPTION_NSID);
}
END_TEST

/* As many and as large options as a message can hold are passed over (item 14 of the referees' differences). */
START_TEST(a_message_full_of_options)
{
	static uint8_t wire[DNS_MESSAGE_MAX];
	struct wbuf w;
	struct query q;

	wbuf_init(&w, wire, sizeof wire);
	put_bytes(&w, QUERY("\1") WWW OPT("\4\xd0", "\0\0", "\0"), 12 + WWW_LEN + 11);
	size_t start = w.len;
	while (w.cap - w.len >= 4)
		put_u32(&w, 0xfde90000); /* local option 65001, empty */
	store_u16(wire + start - 2, (uint16_t)(w.len - start));
	ck_assert_int_eq(parse(&q, wire, w.len), QUERY_OK);

	w.len = start;
	put_u16(&w, 65001);
	put_u16(&w, (uint16_t)(sizeof wire - start - 4));
	store_u16(wire + start - 2, (uint16_t)(sizeof wire - start));
	ck_assert_int_eq(parse(&q, wire, sizeof wire), QUERY_OK);
	ck_assert_uint_eq(q.options, 0);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		a_plain_question, the_root_can_be_asked, silence, opcodes, notify_and_update_name_a_zone,
		options_with_content, where_options_stand, questions, stray_records_and_trailing_octets,
		records_in_the_wrong_section, tsig, the_tsig_is_at_hand_when_its_key_can_be_copied, malformed_records, edns,
		an_unknown_version_comes_before_content, edns_facts, name_limits,
		every_way_to_cut_a_query, a_message_full_of_options,
	};
	return unit_run("dns_query", tests, sizeof tests / sizeof *tests);
}
