/* Room: at every size a client may name, an answer is either whole, or cut between RRsets with TC, or without
 * additional data that nobody needs (RFC 2181 9, RFC 9471 3).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/lib/answer_kit.h"
#include "tests/lib/message.h"

#define LABEL63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static struct kit kit;
static char text[200000];

/* A zone whose answers come in all sizes. */
static void write_zone(void)
{
	char *p = text;

	p += sprintf(p, "$TTL 300\n@ SOA ns root 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\n");
	for (int i = 0; i < 14; i++) { /* MX with addresses, a few of them large */
		p += sprintf(p, "@ MX %d mx%d\n", i, i);
		for (int k = 0; k <= i; k++)
			p += sprintf(p, "mx%d A 192.0.2.%d\nmx%d AAAA 2001:db8::%d\n", i, k + 1, i, k + 1);
	}
	for (int i = 0; i < 9; i++) { /* glue: in-domain, sibling, elsewhere */
		p += sprintf(p, "cut NS ns%d.cut\ncut NS ns%d.sib\ncut NS ns%d.far.test.\n", i, i, i);
		p += sprintf(p, "ns%d.cut A 198.51.100.%d\nns%d.cut AAAA 2001:db8:1::%d\n", i, i, i, i);
		p += sprintf(p, "ns%d.sib A 198.51.101.%d\nns%d.sib AAAA 2001:db8:2::%d\n", i, i, i, i);
	}
	p += sprintf(p, "sib NS ns0.sib\n");
	for (int i = 0; i < 30; i++) { /* sizes around 512 and 1232 */
		p += sprintf(p, "small%d TXT ", i);
		for (int k = 0; k < 2; k++)
			p += sprintf(p, "\"%0*d\" ", 220, k);
		p += sprintf(p, "\"%0*d\"\n", i + 1, 0);
		p += sprintf(p, "large%d TXT ", i);
		for (int k = 0; k < 5; k++)
			p += sprintf(p, "\"%0*d\" ", 220, k);
		p += sprintf(p, "\"%0*d\"\n", 55 + i, 0);
	}
	for (int i = 0; i < 6; i++)
		p += sprintf(p, "chain%d CNAME chain%d\n", i, i + 1);
	p += sprintf(p, "chain6 TXT \"%0*d\" \"%0*d\"\n", 200, 0, 200, 0);
	p += sprintf(p, "chain0." LABEL63 "." LABEL63 " CNAME chain1." LABEL63 "." LABEL63 "\n");
	p += sprintf(p, "chain1." LABEL63 "." LABEL63 " CNAME chain2." LABEL63 "." LABEL63 "\n");
	p += sprintf(p, "chain2." LABEL63 "." LABEL63 " CNAME chain3." LABEL63 "." LABEL63 "\n");
	p += sprintf(p, "*.wild MX 1 mx13\n*.wild MX 1 mx12\n*.wild MX 1 mx11\n");
	p += sprintf(p, "dn DNAME deep.down.under\nx.deep.down.under TXT \"%0*d\" \"%0*d\"\n", 200, 0, 150, 0);
}

static void setup(void)
{
	write_zone();
	const struct kit_zone z = { .apex = "example.test", .text = text };
	kit_init(&kit, &z, 1);
	kit.limits.nsid = (const uint8_t *)"node";
	kit.limits.nsid_len = 4;
}

static void teardown(void)
{
	kit_deinit(&kit);
}

/* The lines of one section of an answer's text, copied. */
static char *section(const char *answer, const char *name)
{
	char *out = calloc(1, strlen(answer) + 2);
	size_t n = strlen(name);

	ck_assert_ptr_nonnull(out);
	for (const char *line = answer; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		size_t len = strcspn(line, "\n");
		if (strncmp(line, name, n) == 0 && line[n] == ' ')
			strncat(strncat(out, line, len), "\n", 2);
	}
	return out;
}

/* A cut section begins as the whole one; returns whether all of it is there. */
static bool compare_section(const char *whole, const char *cut, const char *name)
{
	char *a = section(whole, name), *b = section(cut, name);
	bool same = strcmp(a, b) == 0;

	ck_assert_msg(strncmp(a, b, strlen(b)) == 0, "section %s is not the beginning of the whole one:\n%s---\n%s",
		      name, b, a);
	free(a);
	free(b);
	return same;
}

static void ask_all_sizes(const char *question, const char *options, bool glue_in_domain)
{
	char ask[600], whole[KIT_TEXT_MAX / 4];

	snprintf(ask, sizeof ask, "%s edns=65535 tcp %s", question, options);
	snprintf(whole, sizeof whole, "%s", kit_ask(&kit, ask));
	ck_assert_ptr_null(strstr(whole, " tc"));
	const size_t whole_len = kit.wire_len;
	for (unsigned size = 512; size <= DNS_UDP_EDNS_MAX + 5; size++) {
		snprintf(ask, sizeof ask, "%s edns=%u %s", question, size, options);
		const char *got = kit_ask(&kit, ask);
		size_t limit = size < DNS_UDP_EDNS_MAX ? size : DNS_UDP_EDNS_MAX;
		bool tc = memmem(got, strcspn(got, "\n"), " tc", 3) != NULL;
		ck_assert_uint_le(kit.wire_len, limit);
		ck_assert_ptr_nonnull(strstr(got, "\nopt 1232"));
		if (whole_len <= limit) {
			ck_assert_str_eq(got, whole);
			continue;
		}
		bool an = compare_section(whole, got, "an"), ns = compare_section(whole, got, "ns"),
		     ar = compare_section(whole, got, "ar");
		ck_assert_msg(!ar || !an || !ns, "%s: whole, but shorter", ask);
		bool glue_missing = glue_in_domain && !strstr(got, "ar ns8.cut.example.test. 300 AAAA");
		ck_assert_msg(tc == (!an || !ns || glue_missing), "%s: %s\n%s", ask,
			      tc ? "TC for nothing" : "TC is missing", got);
	}
}

START_TEST(test_additional)
{
	ask_all_sizes("example.test MX", "", false);
	ask_all_sizes("q.wild.example.test MX", "do", false);
	ask_all_sizes("q.r.s.t.u.v.w." LABEL63 "." LABEL63 ".wild.example.test MX", "", false);
}
END_TEST

START_TEST(test_glue)
{
	ask_all_sizes("cut.example.test A", "", true);
	ask_all_sizes("x.y.z.cut.example.test A", "do", true);
	ask_all_sizes("x." LABEL63 "." LABEL63 ".cut.example.test A", "", true);
	ask_all_sizes("x.cut.example.test A", "nsid", true);
}
END_TEST

START_TEST(test_sizes)
{
	char ask[100];

	for (int i = 0; i < 30; i++) {
		snprintf(ask, sizeof ask, "small%d.example.test TXT", i);
		ask_all_sizes(ask, i % 2 ? "nsid" : "", false);
		snprintf(ask, sizeof ask, "large%d.example.test TXT", i);
		ask_all_sizes(ask, "", false);
	}
}
END_TEST

START_TEST(test_chains)
{
	ask_all_sizes("chain0.example.test TXT", "", false);
	ask_all_sizes("chain0." LABEL63 "." LABEL63 ".example.test A", "", false);
	ask_all_sizes("x.dn.example.test TXT", "", false);
}
END_TEST

/* 512 without EDNS (RFC 1035 4.2.1), and not an octet less. */
START_TEST(test_plain)
{
	char ask[100];
	unsigned whole = 0, cut = 0;

	for (int i = 0; i < 30; i++) {
		snprintf(ask, sizeof ask, "small%d.example.test TXT tcp", i);
		kit_ask(&kit, ask);
		size_t len = kit.wire_len;
		snprintf(ask, sizeof ask, "small%d.example.test TXT", i);
		const char *got = kit_ask(&kit, ask);
		ck_assert_int_eq(strcmp(got, "NOERROR aa tc") == 0, len > DNS_UDP_PLAIN_MAX);
		*(len > DNS_UDP_PLAIN_MAX ? &cut : &whole) += 1;
	}
	ck_assert(whole > 0 && cut > 0);
	ck_assert_uint_gt(kit.worker.stats.truncated, 0);
}
END_TEST

/* The operator's own bound. */
START_TEST(test_configured)
{
	kit.limits.udp_edns_max = 600;
	kit_ask(&kit, "example.test MX edns=1232");
	ck_assert_uint_le(kit.wire_len, 600);
	ck_assert_ptr_nonnull(strstr(kit.text, "\nopt 600"));
	kit.limits.udp_edns_max = 100;
	kit_ask(&kit, "example.test MX edns=1232");
	ck_assert_uint_gt(kit.wire_len, 400);
	ck_assert_uint_le(kit.wire_len, 512);
}
END_TEST

/* Rate limiting's slip: whatever the answer would have been, it is not larger than what came, and sound. */
START_TEST(test_slip)
{
	static const char *const asks[] = { "example.test MX", "example.test MX edns=1232 do nsid", "none.example.test A edns=512",
		"example.test ANY edns=4096" };
	kit.limits.nsid = (const uint8_t *)"node";
	kit.limits.nsid_len = 4;
	for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
		uint8_t in[512], out[DNS_UDP_PLAIN_MAX];
		size_t in_len = kit_question(asks[i], in, &kit.from), len = 0;
		ck_assert_int_eq(answer_slip(&kit.limits, answer_db_key(kit.db), NULL, NULL, DNS_RCODE_NXDOMAIN, in, in_len, out, sizeof out, &len),
				 ANSWER_SEND);
		ck_assert_uint_le(len, in_len);
		ck_assert(message_is_sound(in, in_len, out, len));
		ck_assert_uint_eq(load_u16(out + 2) & (DNS_FLAG_TC | 15u), DNS_FLAG_TC | DNS_RCODE_NXDOMAIN);
		ck_assert_uint_eq(load_u32(out + 6), 0); /* no answer, no authority */
		for (size_t cut = 0; cut < DNS_HEADER_LEN; cut++)
			ck_assert_int_eq(answer_slip(&kit.limits, answer_db_key(kit.db), NULL, NULL, 0, in, cut, out, sizeof out, &len),
					 ANSWER_NONE);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("answer: truncation");
	TCase *t = tcase_create("sizes");

	tcase_add_unchecked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, test_additional);
	tcase_add_test(t, test_glue);
	tcase_add_test(t, test_sizes);
	tcase_add_test(t, test_chains);
	tcase_add_test(t, test_plain);
	tcase_add_test(t, test_configured);
	tcase_add_test(t, test_slip);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
