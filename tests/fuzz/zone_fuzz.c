/* Zone files of any octets: parsed, checked, and what came out written as RFC 3597 text and read again, which must give
 * the same zone: so no rdata is accepted that is not what its type holds. What passes becomes an image that opens.
 */
#include <string.h>
#include <strings.h>
#include "base/buf.h"
#include "tests/fuzz/fuzz.h"
#include "zone/image.h"
#include "zone/type.h"
#include "zone/zone.h"

#define HEAD "$TTL 1h\n@ SOA ns host ( 1 2h\n 3 4 ; c\n 60 )\n@ NS ns\nns A 192.0.2.1\n"

#define SIG(owner, type) owner " RRSIG " type " 8 2 60 20260101000000 20250101000000 1 example.test. AAEC\n"

const struct fuzz_seed fuzz_seeds[] = {
	FUZZ_SEED(HEAD "www 300 IN A 192.0.2.2\n\tAAAA 2001:db8::1\nalias CNAME www\n* TXT \"a b\" c\\065 \"\"\n"),
	FUZZ_SEED(HEAD "sub NS ns.sub\nns.sub A 192.0.2.3\nd DNAME other.test.\nx.d MX 10 www\n"
		       "_s._tcp SRV 1 2 3 www\n"),
	FUZZ_SEED(HEAD "$ORIGIN a.b\n@ MX 1 @\n$TTL 5m\n$INCLUDE self c\nx 1d2h HINFO PC \"Li nux\"\n$INCLUDE none\n"),
	FUZZ_SEED(HEAD "$GENERATE 1-9/2 h${0,3,d} A 192.0.2.$\n$GENERATE 16-18 ${1,5,n} PTR h\\$${-1,2,x}\n"),
	FUZZ_SEED(HEAD "a HTTPS 1 . alpn=h2,h3 port=443 ipv4hint=192.0.2.9 ipv6hint=2001:db8::5 mandatory=alpn\n"
		       "b SVCB 2 x key667=\"a b\" no-default-alpn ech=AAEC dohpath=/q{?dns}\n"),
	FUZZ_SEED(HEAD "a DS 1 13 2 ( ab cd )\nb DNSKEY 257 3 ECDSAP256SHA256 AAEC AwQF\nc TLSA 3 1 1 00ff\n"
		       "d NSEC e. A MX TYPE1234\ne NSEC3 1 1 12 aabb 2t7b4g4vsa5smi47k61mv5bv1a22bojr A\nf SSHFP 1 1 ab\n"
		       "g NSEC3PARAM 1 0 0 -\nh RRSIG A 8 2 60 20260101000000 20250101000000 1 a. AAEC\n"),
	FUZZ_SEED(HEAD "a LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m\nb APL 1:192.0.2.0/24 !2:2001::/16\n"
		       "c EUI48 00-00-5e-00-53-2a\nd EUI64 00-00-5e-ef-10-00-00-2a\ne NID 1 0:1:2:3\nf L32 1 10.1.2.0\n"
		       "g IPSECKEY 10 3 2 gw AAEC\nh HIP 2 200100107B1A74DF365639CC39F1D578 AAEC srv\ni CERT PGP 0 0 AAEC\n"),
	FUZZ_SEED(HEAD "a CAA 0 issue \"ca.test\"\nb URI 1 2 \"https://x\"\nc NAPTR 1 2 u E2U+sip \"!^.*$!x!\" .\n"
		       "d NSAP 0x47.0005\ne X25 311061700956\nf GPOS -1 2 3\ng PX 1 a b\nh ZONEMD 1 1 1 aabb\ni CSYNC 1 3 A\n"),
	FUZZ_SEED(HEAD "a TYPE731 \\# 3 0a 0b0c\nb A \\# 4 c0000201\nc MX \\# 5 000a 01 61 00\n"
		       "d CLASS1 TYPE1 192.0.2.1\n"),
	/* signed: NSEC, NSEC3 with and without its own names, a chain that breaks */
	FUZZ_SEED(HEAD SIG("@", "SOA") "@ NSEC ns NS SOA\n" SIG("@", "NSEC") "ns NSEC *.w A\n" SIG("ns", "A")
		       "*.w A 192.0.2.5\n" SIG("*.w", "A") "*.w NSEC @ A\n"),
	FUZZ_SEED(HEAD SIG("@", "SOA") "@ NSEC3PARAM 1 0 0 -\n@ NSEC3PARAM 1 0 9 aabb\nc.sub NS ns\n"
		       "0madr2c2o78cqsoquiejtbeh6gfgb0ff NSEC3 1 1 0 - ktulk2efn2r2ltmdl13um38velr6im92 SOA NS\n"
		       "ktulk2efn2r2ltmdl13um38velr6im92 NSEC3 1 1 0 - 0madr2c2o78cqsoquiejtbeh6gfgb0ff A\n"),
	FUZZ_SEED(HEAD SIG("@", "SOA") "@ NSEC x NS SOA\nx A 192.0.2.1\n@ NSEC3PARAM 1 0 65535 aabb\n" SIG("y.z", "MX")),
	FUZZ_SEED(HEAD "x TXT ( \"open\ny A 1.2.3\nz ( A\n192.0.2.1\n\\300 A 192.0.2.1\n(((\n"),
};
const size_t fuzz_seeds_count = sizeof fuzz_seeds / sizeof *fuzz_seeds;

static const struct hash_key key = { { 0x0123456789abcdef, 0xfedcba9876543210 } };
static const uint8_t apex[] = "\7example\4test";

struct text {
	const char *data;
	size_t len;
};

/* "none" is not there; all else is the input once more under that name, so includes nest until a bound stops them. */
static int read_file(void *ctx, const char *from, const char *name, const char **path, const char **text, size_t *len)
{
	const struct text *t = ctx;

	(void)from;
	if (strcmp(name, "none") == 0)
		return ERR_ABSENT;
	*path = name;
	*text = t->data;
	*len = t->len;
	return 0;
}

/* A $GENERATE of many lines tells nothing more than one of few. */
static bool is_slow(const char *data, size_t len)
{
	for (size_t i = 0; i + 9 < len; i++) {
		unsigned digits = 0;

		if (data[i] != '$' || strncasecmp(data + i, "$GENERATE", 9) != 0)
			continue;
		for (size_t k = i + 9; k < len && data[k] != '\n'; k++) {
			digits = data[k] >= '0' && data[k] <= '9' ? digits + 1 : 0;
			if (digits > 3)
				return true;
		}
	}
	return false;
}

static size_t count_faults(const struct diags *d)
{
	for (size_t i = 0; i < d->count; i++) {
		char line[2048];

		FUZZ_REQUIRE(diag_format(&d->list[i], line, sizeof line) > 0);
		FUZZ_REQUIRE(strchr(line, '\n') == NULL);
	}
	return d->errors;
}

static void require_node(const struct zone *z, const struct zone_node *n)
{
	uint8_t lower[NAME_WIRE_MAX];

	FUZZ_REQUIRE(name_check(n->name, n->name_len) == n->name_len);
	memcpy(lower, n->name, n->name_len);
	name_lower(lower, n->name_len);
	FUZZ_REQUIRE(memcmp(lower, n->name, n->name_len) == 0);
	FUZZ_REQUIRE(name_is_under(n->name, z->apex) && n->labels == name_labels(n->name));
	FUZZ_REQUIRE(zone_find(z, n->name) == n);
	if (!(n->flags & ZONE_NODE_BELOW) && n->labels > z->apex_labels)
		FUZZ_REQUIRE(zone_find(z, name_skip(n->name, 1)) != NULL);
	FUZZ_REQUIRE(!(n->flags & ZONE_NODE_EMPTY) == (n->rrsets != NULL));
}

static size_t require_rrsets(const struct zone_node *n)
{
	size_t records = 0;
	int last = 0;

	for (const struct zone_rrset *set = n->rrsets; set != NULL; set = set->next) {
		FUZZ_REQUIRE(set->type > last && set->count > 0 && set->count <= set->cap && set->ttl <= INT32_MAX);
		FUZZ_REQUIRE(set->count <= ZONE_RRSET_MAX && set->file > 0);
		last = set->type;
		records += set->count;
	}
	return records;
}

static void require_zone(const struct zone *z)
{
	size_t records = 0;

	for (size_t i = 0; i < z->node_count; i++) {
		require_node(z, z->nodes[i]);
		FUZZ_REQUIRE(i == 0 || !z->is_signed || name_compare(z->nodes[i - 1]->name, z->nodes[i]->name) < 0);
		records += require_rrsets(z->nodes[i]);
	}
	FUZZ_REQUIRE(records == z->record_count);
}

static void write_rrset(struct bytes *out, const char *owner, const struct zone_rrset *set)
{
	char type[ZONE_TYPE_TEXT_MAX];

	for (uint16_t i = 0; i < set->count; i++) {
		bytes_printf(out, "%s. %u IN %s \\# %u ", owner, set->ttl, zone_type_text(set->type, type),
			     set->rdata[i].len);
		for (uint16_t k = 0; k < set->rdata[i].len; k++)
			bytes_printf(out, "%02x", set->rdata[i].wire[k]);
		bytes_u8(out, '\n');
	}
}

/* The zone as text, and again a zone. */
static void require_round_trip(const struct zone *z)
{
	struct zone *again = NULL;
	struct bytes out;
	struct diags d;

	bytes_init(&out, 1 << 26);
	for (size_t i = 0; i < z->node_count; i++) {
		char owner[NAME_TEXT_MAX];

		name_format(z->nodes[i]->name, owner);
		for (const struct zone_rrset *set = z->nodes[i]->rrsets; set != NULL; set = set->next)
			write_rrset(&out, owner, set);
	}
	diags_init(&d);
	FUZZ_REQUIRE(!out.failed && zone_new(&again, apex, &key) == 0);
	int rc = zone_parse(again, "again", (const char *)out.data, out.len, NULL, NULL, &d);
	if (rc != 0 && d.count > 0)
		fprintf(stderr, "%u:%u: %s\n", d.list[0].line, d.list[0].col, d.list[0].text);
	FUZZ_REQUIRE(rc == 0 && d.errors == 0);
	FUZZ_REQUIRE(again->record_count == z->record_count);
	zone_free(again);
	diags_deinit(&d);
	bytes_deinit(&out);
}

static void require_image(struct zone *z, struct diags *d)
{
	struct image_builder *b;
	struct image im;
	const uint8_t *data;
	size_t len;

	FUZZ_REQUIRE(image_builder_new(&b, &key) == 0);
	FUZZ_REQUIRE(image_add_zone(b, z, 1, d) == 0);
	FUZZ_REQUIRE(image_finish(b, &data, &len) == 0);
	FUZZ_REQUIRE(image_open(&im, data, len) == 0);
	image_builder_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct text t = { (const char *)data, len };
	struct zone *z = NULL;
	struct diags d;

	if (is_slow(t.data, len))
		return 0;
	diags_init(&d);
	FUZZ_REQUIRE(zone_new(&z, apex, &key) == 0);
	int rc = zone_parse(z, "f", t.data, len, read_file, &t, &d);
	FUZZ_REQUIRE(rc == 0 || rc == ERR_FORMAT);
	FUZZ_REQUIRE((rc == 0) == (count_faults(&d) == 0));
	size_t before = d.errors;
	rc = zone_check(z, &d);
	FUZZ_REQUIRE(rc == 0 || rc == ERR_FORMAT);
	/* What a fault of its text already explains is not told a second time. */
	FUZZ_REQUIRE(rc == 0 ? count_faults(&d) == before : count_faults(&d) > before || before > 0);
	require_zone(z);
	require_round_trip(z);
	if (rc == 0 && before == 0)
		require_image(z, &d);
	zone_free(z);
	diags_deinit(&d);
	return 0;
}
