/* zone_check: what records mean together. Each case: a zone's text → its nodes in order with their flags, and the
 * faults.
 */
#include "base/rng.h"
#include "tests/unit/fault.h"
#include "tests/unit/zone_help.h"

#define HEAD "$TTL 1h\n@ SOA ns.x. h 7 1 1 1 60\n@ NS ns.x.\n"

static const struct {
	const char *name;
	const char *live; /* a service's name, relative */
	const char *text, *nodes, *faults;
} cases[] = {
	{ "a whole zone, in canonical order", NULL,
	  HEAD
	  "b A 192.0.2.1\n"
	  "a A 192.0.2.1\n"
	  "x.b A 192.0.2.1\n"
	  "Z A 192.0.2.1\n"
	  "*.b A 192.0.2.1\n"
	  "_s A 192.0.2.1\n"
	  "\\001.a A 192.0.2.1\n"
	  "\\000.a A 192.0.2.1\n"
	  "aa A 192.0.2.1\n",
	  "example.test NS/1/3600 SOA/1/3600\n"
	  "_s.example.test A/1/3600\n"
	  "a.example.test A/1/3600\n"
	  "\\000.a.example.test A/1/3600\n"
	  "\\001.a.example.test A/1/3600\n"
	  "aa.example.test A/1/3600\n"
	  "b.example.test A/1/3600\n"
	  "*.b.example.test A/1/3600\n"
	  "x.b.example.test A/1/3600\n"
	  "z.example.test A/1/3600\n",
	  "" },
	{ "empty non-terminals are made", NULL,
	  HEAD
	  "a.b.c TXT x\n"
	  "z.b.c TXT x\n"
	  "q.y TXT x\n",
	  "example.test NS/1/3600 SOA/1/3600\n"
	  "c.example.test EMPTY\n"
	  "b.c.example.test EMPTY\n"
	  "a.b.c.example.test TXT/1/3600\n"
	  "z.b.c.example.test TXT/1/3600\n"
	  "y.example.test EMPTY\n"
	  "q.y.example.test TXT/1/3600\n",
	  "" },
	{ "a cut, glue below it, and no non-terminals there", NULL,
	  HEAD
	  "sub NS ns.sub\n"
	  "sub NS ns.a.b.sub\n"
	  "sub DS 1 8 2 aa\n"
	  "ns.sub A 192.0.2.1\n"
	  "ns.a.b.sub AAAA 2001:db8::1\n",
	  "example.test NS/1/3600 SOA/1/3600\n"
	  "sub.example.test CUT NS/2/3600 DS/1/3600\n"
	  "ns.a.b.sub.example.test BELOW AAAA/1/3600\n"
	  "ns.sub.example.test BELOW A/1/3600\n",
	  "" },
	{ "below an empty non-terminal: a cut", NULL,
	  HEAD
	  "s.t NS ns.u\n"
	  "ns.u A 192.0.2.1\n",
	  "example.test NS/1/3600 SOA/1/3600\n"
	  "t.example.test EMPTY\n"
	  "s.t.example.test CUT NS/1/3600\n"
	  "u.example.test EMPTY\n"
	  "ns.u.example.test A/1/3600\n",
	  "" },
	{ "no records at all", NULL,
	  "",
	  "",
	  "f: no SOA for example.test; expected one, at the zone's own name\n"
	  "f: no NS for example.test; expected at least one, at the zone's own name\n" },
	{ "no SOA", NULL,
	  "$TTL 1\n"
	  "@ NS ns.x.\n",
	  "example.test NS/1/1\n",
	  "f: no SOA for example.test; expected one, at the zone's own name\n" },
	{ "no NS", NULL,
	  "$TTL 1\n"
	  "@ SOA ns.x. h 1 1 1 1 1\n",
	  "example.test SOA/1/1\n",
	  "f: no NS for example.test; expected at least one, at the zone's own name\n" },
	{ "two SOAs", NULL,
	  HEAD
	  "@ SOA ns.x. h 8 1 1 1 60\n",
	  "example.test NS/1/3600 SOA/2/3600\n",
	  "f:4: a second SOA for example.test, the first is in line 2; expected one\n" },
	{ "an SOA elsewhere", NULL,
	  HEAD
	  "sub SOA ns.x. h 8 1 1 1 60\n",
	  "example.test NS/1/3600 SOA/1/3600\n"
	  "sub.example.test SOA/1/3600\n",
	  "f:4: an SOA for sub.example.test, which is not the zone's own name; expected one there only\n" },
	{ "a CNAME beside others", NULL,
	  HEAD
	  "w CNAME a.\n"
	  "w A 192.0.2.1\n"
	  "v TXT x\n"
	  "v CNAME b.\n",
	  "example.test NS/1/3600 SOA/1/3600\n"
	  "v.example.test CNAME/1/3600 TXT/1/3600\n"
	  "w.example.test A/1/3600 CNAME/1/3600\n",
	  "f:4: w.example.test has a CNAME and, in line 5, A; expected the CNAME alone\n"
	  "f:7: v.example.test has a CNAME and, in line 6, TXT; expected the CNAME alone\n" },
	{ "a CNAME beside DNSSEC's records is well", NULL,
	  HEAD
	  "w CNAME a.\n"
	  "w NSEC a. CNAME\n"
	  "w RRSIG CNAME 8 2 1 20260101000000 20260101000000 1 a. AAEC\n",
	  "example.test NS/1/3600 SOA/1/3600\n"
	  "w.example.test CNAME/1/3600 RRSIG/1/3600 NSEC/1/3600\n",
	  "" },
	{ "a CNAME at the apex", NULL,
	  HEAD
	  "@ CNAME a.\n",
	  "example.test NS/1/3600 CNAME/1/3600 SOA/1/3600\n",
	  "f:4: example.test has a CNAME and, in line 3, NS; expected addresses, or a service: the zone's own name cannot be a CNAME\n" },
	{ "two CNAMEs, two DNAMEs", NULL,
	  HEAD
	  "w CNAME a.\n"
	  "w CNAME b.\n"
	  "d DNAME a.\n"
	  "d DNAME b.\n",
	  "example.test NS/1/3600 SOA/1/3600\n"
	  "d.example.test DNAME/2/3600\n"
	  "w.example.test CNAME/2/3600\n",
	  "f:5: a second CNAME for w.example.test, the first is in line 4; expected one\n"
	  "f:7: a second DNAME for d.example.test, the first is in line 6; expected one\n" },
	{ "a DNAME at a delegation", NULL,
	  HEAD
	  "d DNAME a.\n"
	  "d NS b.\n",
	  "example.test NS/1/3600 SOA/1/3600\n"
	  "d.example.test CUT NS/1/3600 DNAME/1/3600\n",
	  "f:4: d.example.test has a DNAME and, in line 5, NS; expected one or the other\n"
	  "f:4: warning: d.example.test DNAME is never answered, it lies at or below the delegation d.example.test\n" },
	{ "TTLs that differ", NULL,
	  HEAD
	  "w 60 A 192.0.2.1\n"
	  "w 30 A 192.0.2.2\n"
	  "w 90 A 192.0.2.3\n"
	  "v 5 A 192.0.2.1\n"
	  "v 6 A 192.0.2.1\n",
	  "example.test NS/1/3600 SOA/1/3600\n"
	  "v.example.test A/1/5\n"
	  "w.example.test A/3/30\n",
	  "f:5: warning: the TTLs of w.example.test A differ; the lowest, 30, is taken for all\n"
	  "f:8: warning: the TTLs of v.example.test A differ; the lowest, 5, is taken for all\n" },
	{ "glue is missing", NULL,
	  HEAD
	  "sub NS ns.sub\n",
	  "example.test NS/1/3600 SOA/1/3600\n"
	  "sub.example.test CUT NS/1/3600\n",
	  "f:4: warning: the delegation sub.example.test cannot be followed without an address of ns.sub.example.test (glue); expected A or AAAA for it\n" },
	{ "glue of a sibling is optional", NULL,
	  HEAD
	  "sub NS ns.sib\n"
	  "sib NS ns.sib\n"
	  "ns.sib A 192.0.2.1\n"
	  "third NS ns.fourth\n"
	  "fourth NS a.\n",
	  "example.test NS/1/3600 SOA/1/3600\n"
	  "fourth.example.test CUT NS/1/3600\n"
	  "sib.example.test CUT NS/1/3600\n"
	  "ns.sib.example.test BELOW A/1/3600\n"
	  "sub.example.test CUT NS/1/3600\n"
	  "third.example.test CUT NS/1/3600\n",
	  "" },
	{ "NS and MX to names without an address, or with a CNAME", NULL,
	  HEAD
	  "@ NS no\n"
	  "@ MX 1 gone\n"
	  "@ MX 0 .\n"
	  "@ MX 5 alias\n"
	  "alias CNAME a.\n"
	  "@ MX 6 wild.w\n"
	  "*.w A 192.0.2.1\n"
	  "@ MX 7 text\n"
	  "text TXT x\n",
	  "example.test NS/2/3600 SOA/1/3600 MX/5/3600\n"
	  "alias.example.test CNAME/1/3600\n"
	  "text.example.test TXT/1/3600\n"
	  "w.example.test EMPTY\n"
	  "*.w.example.test A/1/3600\n",
	  "f:4: warning: NS no.example.test has no address in this zone; expected A or AAAA for it\n"
	  "f:5: warning: MX gone.example.test has no address in this zone; expected A or AAAA for it\n"
	  "f:7: warning: MX alias.example.test is a CNAME; expected a name with addresses\n"
	  "f:11: warning: MX text.example.test has no address in this zone; expected A or AAAA for it\n" },
	{ "hidden below a delegation", NULL,
	  HEAD
	  "sub NS a.\n"
	  "w.sub A 192.0.2.1\n"
	  "x.y.sub TXT x\n"
	  "sub MX 1 a.\n"
	  "sub A 192.0.2.1\n",
	  "example.test NS/1/3600 SOA/1/3600\n"
	  "sub.example.test CUT A/1/3600 NS/1/3600 MX/1/3600\n"
	  "w.sub.example.test BELOW A/1/3600\n"
	  "x.y.sub.example.test BELOW TXT/1/3600\n",
	  "f:8: warning: sub.example.test A is never answered, it lies at or below the delegation sub.example.test\n"
	  "f:7: warning: sub.example.test MX is never answered, it lies at or below the delegation sub.example.test\n"
	  "f:5: warning: w.sub.example.test A is never answered, it lies at or below the delegation sub.example.test\n"
	  "f:6: warning: x.y.sub.example.test TXT is never answered, it lies at or below the delegation sub.example.test\n" },
	{ "hidden below a DNAME", NULL,
	  HEAD
	  "d DNAME a.\n"
	  "d TXT x\n"
	  "x.d A 192.0.2.1\n",
	  "example.test NS/1/3600 SOA/1/3600\n"
	  "d.example.test TXT/1/3600 DNAME/1/3600\n"
	  "x.d.example.test BELOW A/1/3600\n",
	  "f:6: warning: x.d.example.test A is never answered, it lies at or below the DNAME d.example.test\n" },
	{ "a delegation below a delegation", NULL,
	  HEAD
	  "sub NS a.\n"
	  "x.sub NS b.\n",
	  "example.test NS/1/3600 SOA/1/3600\n"
	  "sub.example.test CUT NS/1/3600\n"
	  "x.sub.example.test BELOW NS/1/3600\n",
	  "f:5: warning: x.sub.example.test NS is never answered, it lies at or below the delegation sub.example.test\n" },
	{ "a DNAME at the apex hides all but the apex", NULL,
	  HEAD
	  "@ DNAME a.\n"
	  "w A 192.0.2.1\n",
	  "example.test NS/1/3600 SOA/1/3600 DNAME/1/3600\n"
	  "w.example.test BELOW A/1/3600\n",
	  "f:5: warning: w.example.test A is never answered, it lies at or below the DNAME example.test\n" },
	{ "a service with records keeps their TTL", "www",
	  HEAD
	  "www 300 A 192.0.2.1\n",
	  "example.test NS/1/3600 SOA/1/3600\n"
	  "www.example.test A!/1/300 AAAA!/0/60\n",
	  "" },
	{ "a service without records has the default TTL", "new.deep",
	  HEAD,
	  "example.test NS/1/3600 SOA/1/3600\n"
	  "deep.example.test EMPTY\n"
	  "new.deep.example.test A!/0/60 AAAA!/0/60\n",
	  "" },
	{ "a service below a delegation", "w.sub",
	  HEAD
	  "sub NS a.\n",
	  "example.test NS/1/3600 SOA/1/3600\n"
	  "sub.example.test CUT NS/1/3600\n"
	  "w.sub.example.test BELOW A!/0/60 AAAA!/0/60\n",
	  "f:4: the service w.sub.example.test lies at or below the delegation sub.example.test, so nobody would be answered; expected another name\n" },
	{ "a service at a delegation", "sub",
	  HEAD
	  "sub NS a.\n",
	  "example.test NS/1/3600 SOA/1/3600\n"
	  "sub.example.test CUT A!/0/60 NS/1/3600 AAAA!/0/60\n",
	  "f:4: the service sub.example.test lies at or below the delegation sub.example.test, so nobody would be answered; expected another name\n" },
	{ "a service below a DNAME", "w.d",
	  HEAD
	  "d DNAME a.\n",
	  "example.test NS/1/3600 SOA/1/3600\n"
	  "d.example.test DNAME/1/3600\n"
	  "w.d.example.test BELOW A!/0/60 AAAA!/0/60\n",
	  "f:4: the service w.d.example.test lies at or below the DNAME d.example.test, so nobody would be answered; expected another name\n" },
	{ "a service as the target of MX and NS", "mail",
	  HEAD
	  "@ MX 1 mail\n"
	  "@ NS mail\n",
	  "example.test NS/2/3600 SOA/1/3600 MX/1/3600\n"
	  "mail.example.test A!/0/60 AAAA!/0/60\n",
	  "" },
	{ "a wildcard service", "*.w",
	  HEAD,
	  "example.test NS/1/3600 SOA/1/3600\n"
	  "w.example.test EMPTY\n"
	  "*.w.example.test A!/0/60 AAAA!/0/60\n",
	  "" },
	{ "negative TTL: the SOA's own where it is lower", NULL,
	  "$TTL 10\n"
	  "@ SOA ns.x. h 4294967295 1 1 1 60\n"
	  "@ NS ns.x.\n",
	  "example.test NS/1/10 SOA/1/10\n",
	  "" },
};

static void mark_live(struct zone *z, const char *name, int want)
{
	uint8_t wire[NAME_WIRE_MAX];

	ck_assert_int_gt(name_parse(wire, name, strlen(name), z->apex, true), 0);
	ck_assert_int_eq(zone_mark_live(z, wire, 60), want);
}

START_TEST(checks)
{
	struct zone *z = help_zone("example.test");
	struct bytes nodes, faults;
	struct diags d;
	int rc;

	diags_init(&d);
	ck_assert_int_eq(help_parse(z, cases[_i].text, NULL, &d), 0);
	if (cases[_i].live != NULL)
		mark_live(z, cases[_i].live, 0);
	rc = zone_check(z, &d);
	help_nodes(&nodes, z);
	help_faults(&faults, &d);
	ck_assert_msg(strcmp(help_string(&nodes), cases[_i].nodes) == 0, "%s: nodes are\n%s", cases[_i].name,
		      nodes.data);
	ck_assert_msg(strcmp(help_string(&faults), cases[_i].faults) == 0, "%s: faults are\n%s", cases[_i].name,
		      faults.data);
	ck_assert_int_eq(rc, d.errors == 0 ? 0 : ERR_FORMAT);
	bytes_deinit(&nodes);
	bytes_deinit(&faults);
	diags_deinit(&d);
	zone_free(z);
}
END_TEST

START_TEST(soa_values_are_kept)
{
	static const struct {
		const char *text;
		uint32_t serial, negative_ttl;
	} soas[] = {
		{ "$TTL 10\n@ SOA ns.x. h 4294967295 1 1 1 60\n@ NS ns.x.\n", 4294967295u, 10 },
		{ "$TTL 1h\n@ SOA ns.x. h 7 1 1 1 60\n@ NS ns.x.\n", 7, 60 },
		{ "$TTL 1h\n@ 0 SOA ns.x. h 0 1 1 1 60\n@ NS ns.x.\n", 0, 0 },
	};

	for (size_t i = 0; i < sizeof soas / sizeof *soas; i++) {
		struct zone *z = help_zone("example.test");
		struct diags d;

		diags_init(&d);
		ck_assert_int_eq(help_parse(z, soas[i].text, NULL, &d), 0);
		ck_assert_int_eq(zone_check(z, &d), 0);
		ck_assert_uint_eq(z->serial, soas[i].serial);
		ck_assert_uint_eq(z->negative_ttl, soas[i].negative_ttl);
		diags_deinit(&d);
		zone_free(z);
	}
}
END_TEST

START_TEST(a_service_excludes_a_cname)
{
	struct zone *z = help_zone("example.test");
	struct diags d;

	diags_init(&d);
	ck_assert_int_eq(help_parse(z, HEAD "www CNAME a.\n", NULL, &d), 0);
	mark_live(z, "www", ERR_EXISTS);
	mark_live(z, "late", 0);
	ck_assert_int_eq(help_parse(z, "$TTL 1\nlate CNAME a.\n", NULL, &d), 0);
	ck_assert_int_eq(zone_check(z, &d), ERR_FORMAT);
	ck_assert_uint_eq(d.errors, 1);
	ck_assert_str_eq(d.list[0].text,
			 "late.example.test is a service and has a CNAME; expected A and AAAA, or nothing");
	diags_deinit(&d);
	zone_free(z);
}
END_TEST

/* An SOA that zone_add was given by other than the parser. */
START_TEST(a_short_soa_is_refused)
{
	struct zone *z = help_zone("example.test");
	struct diags d;

	diags_init(&d);
	ck_assert_int_eq(zone_add(z, z->apex, DNS_TYPE_SOA, 1, (const uint8_t *)"\0\0\0", 3, "f", 9), 0);
	ck_assert_int_eq(zone_add(z, z->apex, DNS_TYPE_NS, 1, (const uint8_t *)"\5brok", 5, "f", 10), 0);
	ck_assert_int_eq(zone_check(z, &d), ERR_FORMAT);
	ck_assert_uint_eq(d.errors, 1);
	ck_assert_str_eq(d.list[0].text, "the SOA has 3 octets; expected two names and five numbers");
	diags_deinit(&d);
	zone_free(z);
}
END_TEST

START_TEST(checking_twice_changes_nothing)
{
	struct zone *z = help_zone("example.test");
	struct bytes first, second;
	struct diags d;

	diags_init(&d);
	ck_assert_int_eq(help_parse(z, HEAD "a.b.c A 192.0.2.1\ns.t NS x.\nu.s.t A 192.0.2.1\n", NULL, &d), 0);
	ck_assert_int_eq(zone_check(z, &d), 0);
	help_nodes(&first, z);
	ck_assert_int_eq(zone_check(z, &d), 0);
	help_nodes(&second, z);
	ck_assert_str_eq(help_string(&first), help_string(&second));
	bytes_deinit(&first);
	bytes_deinit(&second);
	diags_deinit(&d);
	zone_free(z);
}
END_TEST

/* ---- the order, against a second statement of it ---- */

/* Few different octets, so that names share labels; 0 and 1, which the sort keys escape, among them. */
static size_t random_name(struct rng *r, const struct zone *z, uint8_t out[NAME_WIRE_MAX])
{
	static const uint8_t octets[] = { 0, 1, 2, 'a', 'b', 255 };
	unsigned labels = (unsigned)rng_below(r, 5);
	size_t len = 0;

	while (labels-- > 0) {
		unsigned n = 1 + (unsigned)rng_below(r, 3);

		out[len++] = (uint8_t)n;
		while (n-- > 0)
			out[len++] = octets[rng_below(r, sizeof octets)];
	}
	memcpy(out + len, z->apex, z->apex_len);
	return len + z->apex_len;
}

static void require_flags(const struct zone *z, const struct zone_node *n)
{
	bool below = false;

	for (const uint8_t *up = n->name; name_labels(up) > z->apex_labels;) {
		const struct zone_node *above;

		up = name_skip(up, 1);
		above = zone_find(z, up);
		ck_assert(above != NULL || (n->flags & ZONE_NODE_BELOW));
		if (above != NULL && name_labels(up) > z->apex_labels && zone_node_rrset(above, DNS_TYPE_NS) != NULL)
			below = true;
	}
	ck_assert_int_eq(!(n->flags & ZONE_NODE_BELOW), !below);
	ck_assert_int_eq(!(n->flags & ZONE_NODE_EMPTY), n->rrsets != NULL);
	ck_assert_int_eq(!(n->flags & ZONE_NODE_CUT),
			 below || n->labels == z->apex_labels || zone_node_rrset(n, DNS_TYPE_NS) == NULL);
}

START_TEST(order_and_flags_hold_for_random_zones)
{
	struct rng r;
	uint64_t seed = 4711 + (uint64_t)_i;

	rng_init(&r, seed);
	for (unsigned round = 0; round < 40; round++) {
		struct zone *z = help_zone("example.test");
		struct diags d;

		diags_init(&d);
		for (uint64_t names = rng_below(&r, 200); names > 0; names--) {
			uint8_t name[NAME_WIRE_MAX];
			uint16_t type = rng_below(&r, 8) == 0 ? DNS_TYPE_NS : DNS_TYPE_TXT;

			(void)random_name(&r, z, name);
			ck_assert_int_eq(zone_add(z, name, type, 1, (const uint8_t *)"\1x\0", 3, "f", 1), 0);
		}
		z->is_signed = round % 2 == 1; /* then the nodes come in order */
		ck_assert_int_eq(zone_check(z, &d), ERR_FORMAT); /* no SOA */
		for (size_t i = 0; i < z->node_count; i++) {
			ck_assert_msg(i == 0 || !z->is_signed || name_compare(z->nodes[i - 1]->name, z->nodes[i]->name) < 0,
				      "seed %llu round %u: node %zu out of order", (unsigned long long)seed, round, i);
			ck_assert_ptr_eq(zone_find(z, z->nodes[i]->name), z->nodes[i]);
			require_flags(z, z->nodes[i]);
		}
		diags_deinit(&d);
		zone_free(z);
	}
}
END_TEST

START_TEST(memory_may_run_out)
{
	static const char text[] = HEAD "a.b.c A 192.0.2.1\nsub NS ns.sub\nsub NS x.\nw.sub TXT x\nd DNAME a.\n"
					"q.d TXT x\n"
					"m MX 10 a.b.c\n";
	bool done = false;

	for (unsigned n = 1; !done; n++) {
		struct zone *z = help_zone("example.test");
		struct diags d;
		int rc;

		diags_init(&d);
		ck_assert_int_eq(help_parse(z, text, NULL, &d), 0);
		fault_arm(n);
		rc = zone_check(z, &d);
		done = !fault_disarm();
		ck_assert_msg(rc == 0 || rc == ERR_NOMEM, "allocation %u: %d", n, rc);
		ck_assert(!done || rc == 0);
		diags_deinit(&d);
		zone_free(z);
		ck_assert_uint_lt(n, 10000);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("zone_check");
	TCase *t = tcase_create("table");

	tcase_add_loop_test(t, checks, 0, (int)(sizeof cases / sizeof *cases));
	suite_add_tcase(s, t);
	t = tcase_create("rules");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, soa_values_are_kept);
	tcase_add_test(t, a_service_excludes_a_cname);
	tcase_add_test(t, a_short_soa_is_refused);
	tcase_add_test(t, checking_twice_changes_nothing);
	tcase_add_loop_test(t, order_and_flags_hold_for_random_zones, 0, 5);
	tcase_add_test(t, memory_may_run_out);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *r = srunner_create(suite());

	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
