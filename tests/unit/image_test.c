/* Images as such: what is in them, what is refused, and that a spoilt one harms nobody. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"
#include "tests/lib/answer_kit.h"
#include "tests/unit/fault.h"
#include "zone/content.h"

#define LABEL60 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct kit_zone small = { .apex = "example.test", .live = "www.example.test example.test", .text =
	"$TTL 300\n"
	"@ SOA ns root 7 2 3 4 60\n"
	"@ NS ns\n"
	"@ MX 1 mail\n"
	"@ MX 2 www\n"
	"@ MX 3 @\n"
	"ns A 192.0.2.1\n"
	"mail A 192.0.2.2\n"
	"www A 192.0.2.3\n"
	"c CNAME d.wild\n"
	"*.wild MX 5 mail\n"
	"*.wild A 192.0.2.4\n"
	"sub NS ns.sub\n"
	"cut NS www\n"
	"ns.sub A 192.0.2.5\n"
	"sub DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000001\n"
	"dn DNAME wild\n" };

/* Every way through the solver. */
static const char *const questions[] = {
	"example.test SOA",
	"example.test MX",
	"example.test NS edns=1232",
	"www.example.test A",
	"www.example.test AAAA edns=1232",
	"c.example.test MX",
	"c.example.test A tcp",
	"q.r.wild.example.test MX",
	"x.dn.example.test A",
	"x.y.dn.example.test MX",
	"sub.example.test A",
	"a.b.sub.example.test A edns=512",
	"sub.example.test DS",
	"sub.cut.example.test A",
	"no.example.test A",
	"mail.example.test TXT",
	"a.b.c.d.e.example.test A",
	"wild.example.test A",
	"example.test ANY",
	"q.wild.example.test ANY",
	"www.example.test ANY",
	"ns.example.test A",
	"other.test A edns=1232",
};

static struct image_builder *build(const struct kit_zone *zones, size_t count, const uint8_t **data, size_t *len)
{
	struct image_builder *b;
	struct diags d;

	diags_init(&d);
	ck_assert_int_eq(image_builder_new(&b, &kit_key), 0);
	for (size_t i = 0; i < count; i++)
		kit_add_zone(b, &zones[i], &d);
	ck_assert_int_eq(image_finish(b, data, len), 0);
	diags_deinit(&d);
	return b;
}

START_TEST(test_header)
{
	struct image im;
	const uint8_t *data, *more;
	size_t len;
	struct image_builder *b = build(&small, 1, &data, &len);

	ck_assert_int_eq(image_open(&im, data, len), 0);
	ck_assert_uint_eq(im.head->zone_count, 1);
	ck_assert_uint_eq(im.head->slot_count, 4);
	ck_assert_uint_eq(im.zones[0].serial, 7);
	ck_assert_uint_eq(im.zones[0].digest, 1);
	ck_assert_uint_eq(im.zones[0].max_labels, 4);
	ck_assert_uint_eq(im.zones[0].apex_labels, 2);
	ck_assert_uint_eq(im.slots[2].type, DNS_TYPE_A); /* in the order of names: the apex has the first two */
	ck_assert_uint_eq(im.slots[2].ttl_s, 300);
	ck_assert_uint_eq(im.slots[3].type, DNS_TYPE_AAAA);
	ck_assert_int_eq(image_finish(b, &more, &len), ERR_BUSY);
	image_builder_free(b);
	image_builder_free(NULL);
}
END_TEST

/* ---- content ---- */

static uint64_t content_of(const char *apex, const char *text, const char *live)
{
	const struct kit_zone z = { apex, text, live };
	struct image im;
	const uint8_t *data;
	size_t len;
	struct image_builder *b = build(&z, 1, &data, &len);

	ck_assert_int_eq(image_open(&im, data, len), 0);
	uint64_t content = im.zones[0].content;
	image_builder_free(b);
	return content;
}

START_TEST(test_content_is_of_the_records)
{
	static const char *const same[] = {
		"$TTL 300\n@ SOA ns h 7 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nns A 192.0.2.2\nsub NS ns.sub\nns.sub A 192.0.2.3\n",
		("; another order, other words\n$TTL 5m\nns.sub A 192.0.2.3\nns A 192.0.2.2\nNS A 192.0.2.1 ; twice\nns A 192.0.2.1\n"
		"@ NS ns.example.test.\n@ IN SOA ns h ( 7 2 3\n 4 5 )\nsub NS ns.sub\n"),
		"$TTL 300\n@ SOA ns h 7 2 3 4 5\n NS ns\n$GENERATE 1-2 ns A 192.0.2.$\n$ORIGIN sub.example.test.\n@ NS ns\nns A 192.0.2.3\n",
	};
	static const char *const others[] = {
		"$TTL 300\n@ SOA ns h 8 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nns A 192.0.2.2\nsub NS ns.sub\nns.sub A 192.0.2.3\n", /* serial */
		"$TTL 300\n@ SOA ns h 7 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nsub NS ns.sub\nns.sub A 192.0.2.3\n",
		"$TTL 300\n@ SOA ns h 7 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nns A 192.0.2.3\nsub NS ns.sub\nns.sub A 192.0.2.2\n", /* swapped */
		"$TTL 300\n@ SOA ns h 7 2 3 4 5\n@ NS ns\nns 301 A 192.0.2.1\nns 301 A 192.0.2.2\nsub NS ns.sub\nns.sub A 192.0.2.3\n", /* TTL */
		"$TTL 300\n@ SOA ns h 7 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nns A 192.0.2.2\nsub NS ns.sub\nns.sub A 192.0.2.4\n", /* glue */
		"$TTL 300\n@ SOA ns h 7 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nns A 192.0.2.2\nsub NS ns.sub\nns.sub A 192.0.2.3\nns TXT \"\"\n",
	};
	const uint64_t content = content_of("example.test", same[0], NULL);

	for (size_t i = 1; i < sizeof same / sizeof *same; i++)
		ck_assert_msg(content_of("example.test", same[i], NULL) == content, "the same, %zu", i);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		ck_assert_msg(content_of("example.test", others[i], NULL) != content, "another, %zu", i);
	ck_assert_uint_eq(content_of("example.test", same[0], "ns.example.test"), content); /* that a service answers is no content of the file */
}
END_TEST

START_TEST(test_content_of_all_zones)
{
	static const uint8_t a[] = "\1a", b[] = "\1b";

	ck_assert_uint_eq(content_join(content_join(0, a, sizeof a, 1), b, sizeof b, 2),
			  content_join(content_join(0, b, sizeof b, 2), a, sizeof a, 1));
	ck_assert_uint_ne(content_join(content_join(0, a, sizeof a, 1), b, sizeof b, 2),
			  content_join(content_join(0, a, sizeof a, 2), b, sizeof b, 1));
	ck_assert_uint_ne(content_join(0, a, sizeof a, 1), content_join(0, b, sizeof b, 1));
}
END_TEST

static const struct image_node *find_node(const struct image *im, const char *name)
{
	const struct image_zone *z = &im->zones[0];
	const struct image_entry *table = (const struct image_entry *)(im->base + z->table_at);
	uint8_t wire[NAME_WIRE_MAX];
	int len = name_parse(wire, name, strlen(name), NULL, true);

	ck_assert_int_gt(len, 0);
	uint64_t h = name_hash(&im->head->key, wire);
	for (uint32_t i = image_place(h, z->table_places); table[i].node_at; i = (i + 1) % z->table_places) {
		const struct image_node *n = (const struct image_node *)(im->base + table[i].node_at);
		if (n->name_len == len && memcmp(image_node_name(n), wire, (size_t)len) == 0) {
			ck_assert_uint_eq(table[i].tag, h >> 32);
			return n;
		}
	}
	ck_abort_msg("%s is not in the table", name);
	return NULL;
}

/* What the drawing in image.h promises, octet by octet, for the name that most names are like: one address. */
START_TEST(test_layout)
{
	static const uint8_t body[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 2 };
	struct image im;
	const uint8_t *data;
	size_t len;
	struct image_builder *b = build(&small, 1, &data, &len);

	ck_assert_int_eq(image_open(&im, data, len), 0);
	ck_assert_uint_eq(sizeof(struct image_node), 4);
	ck_assert_uint_eq(sizeof(struct image_rrset), 8);
	ck_assert_uint_eq(sizeof(struct image_answer), 8);
	ck_assert_uint_eq(sizeof(struct image_entry), 8);
	const struct image_node *n = find_node(&im, "mail.example.test");
	ck_assert_uint_eq(n->rrset_count, 1);
	ck_assert_uint_eq(n->flags, 0);
	const struct image_rrset *r = image_node_rrsets(n);
	ck_assert_uint_eq(r->type, DNS_TYPE_A);
	const struct image_answer *a = (const struct image_answer *)(data + r->at);
	ck_assert_ptr_eq(a, image_node_name(n) + 19 + 1); /* the name, and one to be even */
	ck_assert_uint_eq(a->an, 1);
	ck_assert_uint_eq(a->name_len, 19);
	ck_assert_uint_eq(a->flags, 0);
	ck_assert_uint_eq(a->reloc_count, 0); /* the owner at the beginning is not listed */
	ck_assert_uint_eq(a->body_len, sizeof body);
	ck_assert_ptr_eq(image_answer_body(a), a + 1);
	ck_assert_mem_eq(image_answer_body(a), body, sizeof body);
	ck_assert_uint_eq(im.zones[0].table_places % 2, 0); /* two a name */
	image_builder_free(b);
}
END_TEST

START_TEST(test_sections)
{
	struct image im;
	const uint8_t *data;
	size_t len;
	struct image_builder *b = build(&small, 1, &data, &len);

	ck_assert_int_eq(image_open(&im, data, len), 0);
	const struct image_rrset *r = image_node_rrsets(find_node(&im, "sub.example.test"));
	ck_assert_uint_eq(r->type, DNS_TYPE_NS);
	const struct image_answer *a = (const struct image_answer *)(data + r->at);
	ck_assert_uint_eq(a->flags, IMAGE_ANSWER_SECTIONS);
	ck_assert_uint_eq(a->an, 0);
	ck_assert_uint_eq(image_answer_sections(a)->ns, 1);
	ck_assert_uint_eq(image_answer_sections(a)->ar, 1);
	ck_assert_uint_eq(image_answer_sections(a)->segment_count, 2);
	const struct image_segment *s = image_answer_segments(a);
	ck_assert_uint_eq(s[0].section, IMAGE_AUTHORITY);
	ck_assert_uint_eq(s[1].section, IMAGE_GLUE);
	ck_assert_uint_eq(s[1].end, a->body_len);
	ck_assert_uint_eq(a->reloc_count, 2); /* ns.sub → sub; the glue's owner → ns.sub */
	ck_assert_uint_eq(image_answer_relocs(a)[0] + 2u, s[0].end);
	ck_assert_uint_eq(image_answer_relocs(a)[1], s[0].end);
	image_builder_free(b);
}
END_TEST

/* The records of a service stay readable beside its slot. */
START_TEST(test_file_answer)
{
	struct image im;
	const uint8_t *data, *rdata;
	size_t len, at = 0, rdata_len;
	uint32_t ttl_s;
	struct image_builder *b = build(&small, 1, &data, &len);

	ck_assert_int_eq(image_open(&im, data, len), 0);
	ck_assert_uint_eq(im.slots[3].answer_at, 0); /* no AAAA in the file */
	const struct image_answer *a = (const struct image_answer *)(data + im.slots[2].answer_at);
	ck_assert(image_answer_next(a, &at, &ttl_s, &rdata, &rdata_len));
	ck_assert_uint_eq(ttl_s, 300);
	ck_assert_uint_eq(rdata_len, 4);
	ck_assert_mem_eq(rdata, "\xc0\0\2\3", 4);
	ck_assert(!image_answer_next(a, &at, &ttl_s, &rdata, &rdata_len));
	image_builder_free(b);
}
END_TEST

START_TEST(test_empty)
{
	struct image im;
	struct answer_db *db;
	const uint8_t *data;
	size_t len;
	struct image_builder *b = build(NULL, 0, &data, &len);

	ck_assert_int_eq(image_open(&im, data, len), 0);
	ck_assert_int_eq(answer_db_new(&db, &im, 1, NULL, 0), 0);
	ck_assert_uint_eq(answer_db_zones(db), 0);
	ck_assert_uint_eq(answer_db_slots(db), 0);
	answer_db_free(db);
	answer_db_free(NULL);
	ck_assert_int_eq(answer_db_new(&db, &im, 0, NULL, 0), ERR_RANGE);
	ck_assert_int_eq(answer_db_new(&db, &im, ANSWER_IMAGES_MAX + 1, NULL, 0), ERR_LIMIT);
	const struct answer_zone_ref outside[] = { { .zone = 0 } }, nowhere[] = { { .image = 1 } };
	ck_assert_int_eq(answer_db_new(&db, &im, 1, outside, 1), ERR_RANGE);
	ck_assert_int_eq(answer_db_new(&db, &im, 1, nowhere, 1), ERR_RANGE);
	image_builder_free(b);
}
END_TEST

static void seal(uint8_t *data, size_t len)
{
	struct image_header h;

	memcpy(&h, data, sizeof h);
	h.crc = crc32c(0, data + sizeof h, len - sizeof h);
	memcpy(data, &h, sizeof h);
}

/* Opens a copy of exactly len octets, with the right crc if asked for; asks it everything when it opens. */
static int try_image(const uint8_t *data, size_t len, bool ask)
{
	static uint8_t out[DNS_MESSAGE_MAX];
	struct image im;
	struct answer_db *db;
	struct answer_worker w = { .rng = { 1, 2 } };
	const struct answer_limits lim = { .udp_edns_max = DNS_UDP_EDNS_MAX };
	int e = image_open(&im, data, len);

	if (e || !ask)
		return e;
	e = answer_db_new(&db, &im, 1, NULL, 0);
	if (e)
		return e;
	w.turn = calloc(answer_db_slots(db) + 1, sizeof *w.turn);
	for (size_t i = 0; i < answer_db_slots(db); i++) {
		const struct answer_member two[] = { { .ip = { 192, 0, 2, 1 } }, { .ip = { 192, 0, 2, 2 } } };
		const struct answer_set s = { .owner = (const uint8_t *)"", .type = i % 2 ? DNS_TYPE_AAAA : DNS_TYPE_A, .pick = ANSWER_PICK_ROTATE,
			.count = 2, .members = two };
		struct answer_live *l;
		ck_assert_int_eq(answer_live_new(&l, &s), 0);
		answer_live_free(answer_db_swap(db, i, l));
	}
	for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
		struct answer_from from = { .transport = ANSWER_UDP };
		uint8_t in[512];
		size_t in_len = kit_question(questions[i], in, &from), out_len;
		enum answer_outcome o = answer_query(db, &w, &lim, &from, in, in_len, out, sizeof out, &out_len);
		ck_assert_int_eq(o, ANSWER_SEND);
		ck_assert_uint_le(out_len, from.transport == ANSWER_TCP ? DNS_MESSAGE_MAX : DNS_UDP_EDNS_MAX);
	}
	free(w.turn);
	answer_db_free(db);
	return 0;
}

START_TEST(test_refused)
{
	const uint8_t *data;
	size_t len;
	struct image_builder *b = build(&small, 1, &data, &len);
	uint8_t *copy = malloc(len + 8);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, data, len);
	ck_assert_int_eq(try_image(copy, len, true), 0);
	for (size_t cut = 0; cut < len; cut += cut < 200 ? 1 : 97)
		ck_assert_int_ne(try_image(copy, cut, false), 0);
	ck_assert_int_eq(try_image(copy, len - 1, false), ERR_SHORT);
	static const struct { size_t at; int want;
	} spots[] = {
		{ offsetof(struct image_header, magic), ERR_FORMAT },
		{ offsetof(struct image_header, version), ERR_VERSION },
		{ offsetof(struct image_header, byte_order), ERR_VERSION },
		{ offsetof(struct image_header, size), ERR_SHORT },
		{ offsetof(struct image_header, crc), ERR_FORMAT },
		{ sizeof(struct image_header), ERR_FORMAT },
		{ offsetof(struct image_header, key), ERR_FORMAT },
		{ offsetof(struct image_header, zones_at), ERR_FORMAT },
	};
	for (size_t i = 0; i < sizeof spots / sizeof *spots; i++) {
		copy[spots[i].at] ^= 1;
		ck_assert_int_eq(try_image(copy, len, false), spots[i].want);
		copy[spots[i].at] ^= 1;
	}
	uint32_t older = IMAGE_VERSION - 1;
	memcpy(copy + offsetof(struct image_header, version), &older, sizeof older);
	seal(copy, len);
	ck_assert_int_eq(try_image(copy, len, false), ERR_VERSION);
	memcpy(copy + 1, data, len);
	ck_assert_int_eq(try_image(copy + 1, len, false), ERR_FORMAT); /* not aligned */
	free(copy);
	image_builder_free(b);
}
END_TEST

/* Each octet spoilt, with the crc made right again: refused, or harmless under the sanitizers. */
START_TEST(test_spoilt)
{
	const uint8_t *data;
	size_t len, refused = 0, tried = 0;
	struct image_builder *b = build(&small, 1, &data, &len);
	uint8_t *copy = malloc(len);
	struct rng r;

	ck_assert_ptr_nonnull(copy);
	rng_init(&r, 1);
	for (size_t at = 0; at < len; at++) {
		uint8_t with[] = { (uint8_t)(1u << rng_below(&r, 8)), 0xff, (uint8_t)(1 + rng_below(&r, 255)) };
		for (size_t i = 0; i < sizeof with; i++, tried++) {
			memcpy(copy, data, len);
			copy[at] ^= with[i];
			seal(copy, len);
			refused += try_image(copy, len, true) != 0;
		}
	}
	/* Several at once, where they hurt most. */
	for (unsigned i = 0; i < 20000; i++, tried++) {
		memcpy(copy, data, len);
		for (uint64_t n = rng_below(&r, 4) + 1; n > 0; n--)
			copy[rng_below(&r, len)] = (uint8_t)rng_u64(&r);
		seal(copy, len);
		refused += try_image(copy, len, true) != 0;
	}
	ck_assert_uint_gt(refused, tried / 4);
	free(copy);
	image_builder_free(b);
}
END_TEST

/* ---- what compilation must get right ---- */

static struct kit kit;

START_TEST(test_root_zone)
{
	static const struct kit_zone root = { .apex = ".", .text =
		"$TTL 300\n. SOA ns.nic. root.nic. 1 2 3 4 60\n. NS ns.nic.\n. NS a.test.\nns.nic. A 192.0.2.1\n"
		"test. NS a.test.\na.test. A 192.0.2.2\n*.w. TXT \"x\"\n. TXT \"root\"\n" };
	static const char *const rows[][2] = {
		{ ". TXT", "NOERROR aa\nan . 300 TXT \"root\"" },
		{ ". NS", "NOERROR aa\nan . 300 NS ns.nic.\nan . 300 NS a.test.\nar ns.nic. 300 A 192.0.2.1" },
		{ ". A", "NOERROR aa\nns . 60 SOA ns.nic. root.nic. 1 2 3 4 60" },
		{ "com A", "NXDOMAIN aa\nns . 60 SOA ns.nic. root.nic. 1 2 3 4 60" },
		{ "a.b.c.d.com A", "NXDOMAIN aa\nns . 60 SOA ns.nic. root.nic. 1 2 3 4 60" },
		{ "x.test A", "NOERROR\nns test. 300 NS a.test.\nar a.test. 300 A 192.0.2.2" },
		{ "q.r.w TXT", "NOERROR aa\nan q.r.w. 300 TXT \"x\"" },
		{ "nic A", "NOERROR aa\nns . 60 SOA ns.nic. root.nic. 1 2 3 4 60" },
		{ ". DS", "NOERROR aa\nns . 60 SOA ns.nic. root.nic. 1 2 3 4 60" },
		{ "x. A class=CLASS9", "REFUSED" },
	};

	kit_init(&kit, &root, 1);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		ck_assert_str_eq(kit_ask(&kit, rows[i][0]), rows[i][1]);
	kit_deinit(&kit);
}
END_TEST

static unsigned count_lines(const char *text, const char *with)
{
	unsigned n = 0;

	for (; (text = strstr(text, with)) != NULL; text++)
		n++;
	return n;
}

/* Bodies past 0x3fff: what stands there can be pointed at from nowhere, wherever the body moves. */
START_TEST(test_far_pointers)
{
	static char text[400000];
	char *p = text + sprintf(text,
				 "$TTL 300\n@ SOA ns root 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\nalias CNAME x." LABEL60
				 ".wild\n");

	for (int i = 0; i < 1000; i++)
		p += sprintf(p, "*.wild MX %d m%d." LABEL60 ".mail\nbig MX %d m%d.%s.mail\n", i, i % 950, i, i,
			     i % 2 ? "odd" : "even");
	for (int i = 0; i < 200; i++)
		p += sprintf(p, "m%d." LABEL60 ".mail A 192.0.2.%d\n", i, i);
	const struct kit_zone z = { .apex = "example.test", .text = text };
	kit_init(&kit, &z, 1);
	static const char *const asks[] = {
		"big.example.test MX tcp", "q.wild.example.test MX tcp", "alias.example.test MX tcp",
		"q." LABEL60 "." LABEL60 "." LABEL60 ".wild.example.test MX tcp", "alias.example.test MX edns=1232",
	};
	for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
		const char *got = kit_ask(&kit, asks[i]); /* sound, or it dies */
		if (!strstr(asks[i], "tcp"))
			continue;
		ck_assert_uint_gt(kit.wire_len, 0x3fff);
		ck_assert_uint_eq(count_lines(got, " MX "), 1000);
		ck_assert_uint_eq(count_lines(got, ".mail.example.test. 300 A 192.0.2."), i == 0 ? 0 : 200);
		ck_assert_ptr_null(strstr(got, " tc"));
	}
	kit_deinit(&kit);
}
END_TEST

/* An RRset that fits no message is one SERVFAIL; the zone lives (dns-behaviour: RRsets over 64 KiB). */
START_TEST(test_oversize)
{
	struct image_builder *b;
	struct diags d;
	struct image im;
	struct zone *z;
	const uint8_t *data;
	size_t len;
	uint8_t apex[NAME_WIRE_MAX], owner[NAME_WIRE_MAX], txt[256];
	char *text = "$TTL 300\n@ SOA ns root 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\n";

	diags_init(&d);
	ck_assert_int_gt(name_parse(apex, "example.test", 12, NULL, true), 0);
	ck_assert_int_gt(name_parse(owner, "big.example.test", 16, NULL, true), 0);
	ck_assert_int_eq(zone_new(&z, apex, &kit_key), 0);
	ck_assert_int_eq(zone_parse(z, "f", text, strlen(text), NULL, NULL, &d), 0);
	ck_assert_int_eq(zone_check(z, &d), 0);
	memset(txt, 'x', sizeof txt);
	txt[0] = 255;
	for (unsigned i = 0; i < 256; i++) {
		txt[1] = (uint8_t)i;
		ck_assert_int_eq(zone_add(z, owner, DNS_TYPE_TXT, 60, txt, sizeof txt, "f", 9), 0);
	}
	ck_assert_int_eq(zone_check(z, &d) == 0 || d.errors, 1);
	size_t warnings = d.warnings;
	ck_assert_int_eq(image_builder_new(&b, &kit_key), 0);
	ck_assert_int_eq(image_add_zone(b, z, 1, &d), 0);
	ck_assert_uint_eq(d.warnings, warnings + 1);
	ck_assert_int_eq(image_finish(b, &data, &len), 0);
	ck_assert_int_eq(image_open(&im, data, len), 0);
	memset(&kit, 0, sizeof kit);
	kit.limits.udp_edns_max = DNS_UDP_EDNS_MAX;
	ck_assert_int_eq(answer_db_new(&kit.db, &im, 1, NULL, 0), 0);
	ck_assert_str_eq(kit_ask(&kit, "big.example.test TXT tcp"), "SERVFAIL");
	ck_assert_str_eq(kit_ask(&kit, "ns.example.test A"), "NOERROR aa\nan ns.example.test. 300 A 192.0.2.1");
	answer_db_free(kit.db);
	image_builder_free(b);
	zone_free(z);
	diags_deinit(&d);
}
END_TEST

START_TEST(test_broken_zone)
{
	struct image_builder *b;
	struct diags d;
	struct image im;
	const uint8_t *data;
	size_t len;
	uint8_t apex[NAME_WIRE_MAX];

	diags_init(&d);
	ck_assert_int_gt(name_parse(apex, "broken.example.test", 19, NULL, true), 0);
	ck_assert_int_eq(image_builder_new(&b, &kit_key), 0);
	kit_add_zone(b, &small, &d);
	ck_assert_int_eq(image_add_broken(b, apex, 5), 0);
	ck_assert_int_eq(image_finish(b, &data, &len), 0);
	ck_assert_int_eq(image_open(&im, data, len), 0);
	memset(&kit, 0, sizeof kit);
	kit.limits.udp_edns_max = DNS_UDP_EDNS_MAX;
	ck_assert_int_eq(answer_db_new(&kit.db, &im, 1, NULL, 0), 0);
	ck_assert_uint_eq(answer_db_zones(kit.db), 2);
	ck_assert_str_eq(kit_ask(&kit, "www.broken.example.test A edns=1232"), "SERVFAIL\nopt 1232 ede=14");
	ck_assert_str_eq(kit_ask(&kit, "broken.example.test SOA"), "SERVFAIL");
	ck_assert_str_eq(kit_ask(&kit, "broken.example.test DS"), "NOERROR aa\n" /* the parent's business */
			 "ns example.test. 60 SOA ns.example.test. root.example.test. 7 2 3 4 60");
	ck_assert_str_eq(kit_ask(&kit, "ns.example.test A"), "NOERROR aa\nan ns.example.test. 300 A 192.0.2.1");
	ck_assert_int_lt(answer_db_slot(kit.db, apex, DNS_TYPE_A), 0);
	answer_db_free(kit.db);
	image_builder_free(b);
	diags_deinit(&d);
}
END_TEST

/* ---- several images ---- */

#define ONE(ip) "$TTL 300\n@ SOA ns root 1 2 3 4 60\n@ NS ns\nns A " ip "\n"

START_TEST(test_generations)
{
	static const struct kit_zone old[] = { { "a.test", ONE("192.0.2.1"), "ns.a.test" },
					       { "b.test", ONE("192.0.2.2"), NULL } };
	static const struct kit_zone new[] = { { "b.test", ONE("192.0.2.3"), "ns.b.test" },
					       { "c.test", ONE("192.0.2.4"), NULL } };
	struct image im[2];
	const uint8_t *data[2], *apex;
	size_t len[2];
	struct image_builder *b[2] = { build(old, 2, &data[0], &len[0]), build(new, 2, &data[1], &len[1]) };

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(image_open(&im[i], data[i], len[i]), 0);
	memset(&kit, 0, sizeof kit);
	kit.limits.udp_edns_max = DNS_UDP_EDNS_MAX;
	uint32_t turn[8] = { 0 };
	kit.worker.turn = turn;
	ck_assert_int_eq(answer_db_new(&kit.db, im, 2, NULL, 0), 0);
	ck_assert_uint_eq(answer_db_zones(kit.db), 3);
	ck_assert_uint_eq(answer_db_slots(kit.db), 4);
	kit_publish(&kit, "ns.a.test", DNS_TYPE_A, "192.0.2.11", ANSWER_PICK_ROTATE, 0, 5);
	kit_publish(&kit, "ns.b.test", DNS_TYPE_A, "192.0.2.13", ANSWER_PICK_ROTATE, 0, 5);
	ck_assert_str_eq(kit_ask(&kit, "ns.a.test A"), "NOERROR aa\nan ns.a.test. 5 A 192.0.2.11");
	ck_assert_str_eq(kit_ask(&kit, "ns.b.test A"), "NOERROR aa\nan ns.b.test. 5 A 192.0.2.13");
	ck_assert_str_eq(kit_ask(&kit, "ns.c.test A"), "NOERROR aa\nan ns.c.test. 300 A 192.0.2.4");
	answer_db_free(kit.db);
	/* a.test is gone, b.test is the old one by name */
	const struct answer_zone_ref refs[] = { { .image = 0, .zone = 1 }, { .image = 1, .zone = 1 } };
	ck_assert_int_eq(answer_db_new(&kit.db, im, 2, refs, 2), 0);
	ck_assert_uint_eq(answer_db_zones(kit.db), 2);
	ck_assert_uint_eq(answer_db_zone(kit.db, 1, &apex)->serial, 1);
	ck_assert_mem_eq(apex, "\1c\4test", 8);
	ck_assert_str_eq(kit_ask(&kit, "ns.a.test A"), "REFUSED");
	ck_assert_str_eq(kit_ask(&kit, "ns.b.test A"), "NOERROR aa\nan ns.b.test. 300 A 192.0.2.2");
	answer_db_free(kit.db);
	struct image_header other = *im[1].head;
	other.key.k[0]++;
	im[1].head = &other;
	ck_assert_int_eq(answer_db_new(&kit.db, im, 2, NULL, 0), ERR_FORMAT);
	image_builder_free(b[0]);
	image_builder_free(b[1]);
}
END_TEST

/* By zone, the deepest that holds the name; what is in none counts nowhere. */
START_TEST(test_questions_are_counted)
{
	static const struct kit_zone zones[] = { { "a.test", ONE("192.0.2.1"), NULL }, { "b.a.test", ONE("192.0.2.2"), NULL } };
	uint64_t by_zone[3] = { 0 };
	kit_init(&kit, zones, 2);
	kit_ask(&kit, "ns.a.test A"); /* nobody gave counters */
	kit.worker.by_zone = by_zone;
	ck_assert_uint_eq(answer_db_counted(kit.db), 2);
	kit_ask(&kit, "ns.a.test A");
	kit_ask(&kit, "absent.a.test A");
	kit_ask(&kit, "ns.b.a.test A tcp");
	kit_ask(&kit, "b.a.test DS"); /* asked at the child, answered by the parent */
	kit_ask(&kit, "ns.c.test A");
	kit_ask(&kit, "id.server TXT class=CH");
	const uint64_t want[3] = { 0, 2, 2 };
	ck_assert_mem_eq(by_zone, want, sizeof want);
	kit_deinit(&kit);
}
END_TEST

START_TEST(test_too_many_zones_are_not_counted)
{
	enum { N = ANSWER_ZONES_COUNTED + 1 };
	static struct kit_zone zones[N];
	static char apex[N][24];
	uint64_t by_zone[1] = { 0 };
	struct image im;
	struct answer_zone_ref refs[N];
	for (int i = 0; i < N; i++) {
		snprintf(apex[i], sizeof apex[i], "z%d.test", i);
		zones[i] = (struct kit_zone){ apex[i], ONE("192.0.2.9"), NULL };
		refs[i] = (struct answer_zone_ref){ .zone = (uint32_t)i };
	}
	const uint8_t *data;
	size_t len;
	struct image_builder *b = build(zones, N, &data, &len);
	ck_assert_int_eq(image_open(&im, data, len), 0);
	memset(&kit, 0, sizeof kit);
	kit.limits.udp_edns_max = DNS_UDP_EDNS_MAX;
	kit.worker.by_zone = by_zone;
	for (size_t count = N; count >= N - 1; count--) {
		ck_assert_int_eq(answer_db_new(&kit.db, &im, 1, refs, count), 0);
		ck_assert_uint_eq(answer_db_counted(kit.db), count == N ? 0 : ANSWER_ZONES_COUNTED);
		if (count == N)
			kit_ask(&kit, "ns.z7.test A");
		answer_db_free(kit.db);
	}
	ck_assert_uint_eq(by_zone[0], 1);
	image_builder_free(b);
}
END_TEST

START_TEST(test_many_zones)
{
	enum { N = 500 };
	static struct kit_zone zones[N];
	static char apex[N][32];
	char ask[100], want[300];

	for (int i = 0; i < N; i++) { /* at many depths, one below another */
		int depth = i % 5;
		snprintf(apex[i], sizeof apex[i], "%sz%d.test",
			 depth == 4   ? "a.b.c.d."
			 : depth == 3 ? "x.y."
			 : depth == 2 ? "w."
				      : "",
			 i / 5);
		zones[i] = (struct kit_zone){ apex[i], ONE("192.0.2.9"), NULL };
	}
	/* depth 0 and 1 are the same apex: the later one counts */
	kit_init(&kit, zones, N);
	ck_assert_uint_eq(answer_db_zones(kit.db), N / 5 * 4);
	for (int i = 0; i < N; i++) {
		const char *at = zones[i].apex;
		snprintf(ask, sizeof ask, "ns.%s A", at);
		snprintf(want, sizeof want, "NOERROR aa\nan ns.%s. 300 A 192.0.2.9", at);
		ck_assert_str_eq(kit_ask(&kit, ask), want);
		snprintf(ask, sizeof ask, "no.%s A", at);
		snprintf(want, sizeof want, "NXDOMAIN aa\nns %s. 60 SOA ns.%s. root.%s. 1 2 3 4 60", at, at, at);
		ck_assert_str_eq(kit_ask(&kit, ask), want);
	}
	kit_deinit(&kit);
}
END_TEST

/* ---- out of memory ---- */

struct short_room {
	struct bytes_room room;
	size_t cap;
	_Alignas(8) uint8_t memory[4096];
};

static uint8_t *short_grow(struct bytes_room *room, size_t *cap)
{
	struct short_room *r = (struct short_room *)room;

	if (*cap > r->cap)
		return NULL;
	*cap = r->cap;
	return r->memory;
}

static struct zone *small_zone(uint8_t live[NAME_WIRE_MAX], struct diags *d)
{
	uint8_t apex[NAME_WIRE_MAX];
	struct zone *z;

	ck_assert_int_gt(name_parse(apex, small.apex, strlen(small.apex), NULL, true), 0);
	ck_assert_int_eq(zone_new(&z, apex, &kit_key), 0);
	ck_assert_int_eq(zone_parse(z, "f", small.text, strlen(small.text), NULL, NULL, d), 0);
	ck_assert_int_gt(name_parse(live, small.live, strcspn(small.live, " "), NULL, true), 0);
	ck_assert_int_eq(zone_mark_live(z, live, 60), 0);
	ck_assert_int_eq(zone_check(z, d), 0);
	return z;
}

START_TEST(test_faults)
{
	struct diags d;
	uint8_t apex[NAME_WIRE_MAX];
	const uint8_t *data = NULL;
	size_t len = 0;
	bool done = false;

	diags_init(&d);
	for (unsigned n = 1; !done; n++) {
		struct image_builder *b = NULL;
		struct image im;
		struct answer_db *db = NULL;
		struct answer_live *l = NULL;
		const struct answer_set set = { .owner = apex, .type = DNS_TYPE_A, .pick = ANSWER_PICK_ROTATE };
		struct zone *z = small_zone(apex, &d);
		fault_arm(n);
		int e = image_builder_new(&b, &kit_key);
		if (!e)
			e = image_add_zone(b, z, 1, &d);
		if (!e)
			e = image_add_broken(b, apex, 1);
		if (!e)
			e = image_finish(b, &data, &len);
		if (!e)
			e = image_open(&im, data, len);
		if (!e)
			e = answer_db_new(&db, &im, 1, NULL, 0);
		if (!e)
			e = answer_live_new(&l, &set);
		done = !fault_disarm();
		ck_assert_int_eq(e, done ? 0 : ERR_NOMEM);
		if (db && l)
			answer_db_swap(db, 0, l);
		answer_db_free(db);
		image_builder_free(b);
		zone_free(z);
	}
	diags_deinit(&d);
}
END_TEST

/* Records are freed while a large zone is compiled: what others need of them was taken before. */
START_TEST(test_records_go_as_they_are_compiled)
{
	enum { N = 30000 };
	char *text = malloc(N * 64 + 4096), *p = text, ask[64], want[200];

	ck_assert_ptr_nonnull(text);
	p += sprintf(p, "$TTL 300\n@ SOA ns root 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\nfirst MX 1 h0\n");
	for (int i = 0; i < N; i++) {
		p += sprintf(p, "h%d A 10.0.%d.%d\n", i, i >> 8, i & 255);
		if (i % 5000 == 0)
			p += sprintf(p, "m%d MX 1 h%d\n*.w%d TXT \"x\"\nsub%d NS ns.sub%d\nns.sub%d A 192.0.2.9\n", i, N - 1 - i, i, i, i,
				     i);
	}
	sprintf(p, "last MX 1 h0\nh7 AAAA 2001:db8::7\n");
	const struct kit_zone big = { .apex = "b.test", .text = text };
	kit_init(&kit, &big, 1);
	for (int i = 0; i < N; i += 997) {
		snprintf(ask, sizeof ask, "h%d.b.test A", i);
		snprintf(want, sizeof want, "NOERROR aa\nan h%d.b.test. 300 A 10.0.%d.%d", i, i >> 8, i & 255);
		ck_assert_str_eq(kit_ask(&kit, ask), want);
	}
	ck_assert_str_eq(kit_ask(&kit, "h7.b.test AAAA"), "NOERROR aa\nan h7.b.test. 300 AAAA 2001:db8::7");
	ck_assert_str_eq(kit_ask(&kit, "last.b.test MX"),
			 "NOERROR aa\nan last.b.test. 300 MX 1 h0.b.test.\nar h0.b.test. 300 A 10.0.0.0");
	ck_assert_str_eq(kit_ask(&kit, "m5000.b.test MX"),
			 "NOERROR aa\nan m5000.b.test. 300 MX 1 h24999.b.test.\nar h24999.b.test. 300 A 10.0.97.167");
	ck_assert_str_eq(kit_ask(&kit, "q.w25000.b.test TXT"), "NOERROR aa\nan q.w25000.b.test. 300 TXT \"x\"");
	ck_assert_str_eq(kit_ask(&kit, "x.sub5000.b.test A"),
			 "NOERROR\nns sub5000.b.test. 300 NS ns.sub5000.b.test.\nar ns.sub5000.b.test. 300 A 192.0.2.9");
	kit_deinit(&kit);
	free(text);
}
END_TEST

/* Where its memory ends an image takes no more, and holds what it held. */
START_TEST(test_no_room)
{
	struct image_builder *b;
	struct diags d;
	uint8_t live[NAME_WIRE_MAX];

	diags_init(&d);
	for (size_t cap = 64; cap < 4096; cap += 61) {
		struct short_room room = { .room = { short_grow }, .cap = cap };
		struct zone *z = small_zone(live, &d);

		if (image_builder_new_in(&b, &kit_key, &room.room)) {
			zone_free(z);
			continue;
		}
		int e = image_add_zone(b, z, 1, &d);
		ck_assert(e == 0 || e == ERR_NOMEM);
		const uint8_t *data;
		size_t len;
		struct image im;
		if (image_finish(b, &data, &len) == 0) {
			ck_assert_int_eq(image_open(&im, data, len), 0);
			ck_assert_uint_eq(im.head->zone_count, e == 0);
		}
		image_builder_free(b);
		zone_free(z);
	}
	diags_deinit(&d);
}
END_TEST

/* A zone that could not be added leaves the others as they were. */
START_TEST(test_unchecked_zone)
{
	struct image_builder *b;
	struct diags d;
	struct zone *z;
	struct image im;
	const uint8_t *data;
	size_t len;
	uint8_t apex[NAME_WIRE_MAX];

	diags_init(&d);
	ck_assert_int_eq(image_builder_new(&b, &kit_key), 0);
	kit_add_zone(b, &small, &d);
	ck_assert_int_gt(name_parse(apex, "empty.test", 10, NULL, true), 0);
	ck_assert_int_eq(zone_new(&z, apex, &kit_key), 0);
	ck_assert_int_eq(image_add_zone(b, z, 1, &d), ERR_FORMAT);
	zone_free(z);
	ck_assert_int_eq(image_finish(b, &data, &len), 0);
	ck_assert_int_eq(image_open(&im, data, len), 0);
	ck_assert_uint_eq(im.head->zone_count, 1);
	ck_assert_int_eq(try_image(data, len, true), 0);
	image_builder_free(b);
	diags_deinit(&d);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("image");
	TCase *t = tcase_create("image");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, test_header);
	tcase_add_test(t, test_content_is_of_the_records);
	tcase_add_test(t, test_content_of_all_zones);
	tcase_add_test(t, test_layout);
	tcase_add_test(t, test_sections);
	tcase_add_test(t, test_file_answer);
	tcase_add_test(t, test_empty);
	tcase_add_test(t, test_records_go_as_they_are_compiled);
	tcase_add_test(t, test_no_room);
	tcase_add_test(t, test_refused);
	tcase_add_test(t, test_spoilt);
	tcase_add_test(t, test_root_zone);
	tcase_add_test(t, test_far_pointers);
	tcase_add_test(t, test_oversize);
	tcase_add_test(t, test_broken_zone);
	tcase_add_test(t, test_generations);
	tcase_add_test(t, test_many_zones);
	tcase_add_test(t, test_questions_are_counted);
	tcase_add_test(t, test_too_many_zones_are_not_counted);
	tcase_add_test(t, test_faults);
	tcase_add_test(t, test_unchecked_zone);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
