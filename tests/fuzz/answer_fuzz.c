/* answer_query on hostile packets against a zone with every kind of name: nothing is read or written outside, and what
 * is sent is a sound message of a fair size.
 */
#include <string.h>
#include "answer/answer.h"
#include "answer/cookie.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/message.h"

#define HEADER(additional) "\x12\x34\x01\0" "\0\1\0\0\0\0\0" additional
#define OPT "\0\0\x29\4\xd0\0\0\x80\0\0\0"
#define ASK(name, type) HEADER("\0") name "\0\0" type "\0\1"
#define ASK_EDNS(name, type) HEADER("\1") name "\0\0" type "\0\1" OPT
#define ASK_OPTIONS(name, type, rdlen, options) \
	HEADER("\1") name "\0\0" type "\0\1" "\0\0\x29\4\xd0\0\0\x80\0\0" rdlen options
#define APEX "\7example\4test"
#define NSEC "\4nsec\4test"
#define NSEC3 "\5nsec3\4test"

const struct fuzz_seed fuzz_seeds[] = {
	FUZZ_SEED(ASK("\3WwW" APEX, "\1")),
	FUZZ_SEED(ASK_EDNS("\3www" APEX, "\x1c")),
	FUZZ_SEED(ASK_EDNS("\2c1" APEX, "\1")),
	FUZZ_SEED(ASK("\4loop" APEX, "\1")),
	FUZZ_SEED(ASK_EDNS("\1x\1y\4wild" APEX, "\x0f")),
	FUZZ_SEED(ASK("\1a\1b\3sub" APEX, "\1")),
	FUZZ_SEED(ASK_EDNS("\3sub" APEX, "\x2b")),
	FUZZ_SEED(ASK_EDNS("\1q\2dn" APEX, "\1")),
	FUZZ_SEED(ASK_EDNS(APEX, "\xff")),
	FUZZ_SEED(ASK(APEX, "\xfc")),
	FUZZ_SEED(ASK_EDNS("\2nx\1a\1b\1c" APEX, "\1")),
	FUZZ_SEED(ASK("\4many" APEX, "\x10")),
	FUZZ_SEED(ASK("", "\2")),
	FUZZ_SEED(ASK_EDNS("\1a" NSEC, "\1")),
	FUZZ_SEED(ASK_EDNS("\1b\1a" NSEC, "\x2e")),
	FUZZ_SEED(ASK_EDNS("\1q\1w" NSEC, "\x0f")),
	FUZZ_SEED(ASK_EDNS("\1q\1v" NSEC, "\x10")),
	FUZZ_SEED(ASK_EDNS("\1q\3cut" NSEC, "\x2b")),
	FUZZ_SEED(ASK_EDNS("\1q\1w" NSEC3, "\x10")),
	FUZZ_SEED(ASK_EDNS("\2nx\1a" NSEC3, "\1")),
	FUZZ_SEED(ASK_EDNS("\1q\3cut\1e" NSEC3, "\2")),
	FUZZ_SEED(ASK_EDNS(NSEC3, "\x33")),
	FUZZ_SEED(ASK_OPTIONS("\3www" APEX, "\1", "\x1c", "\0\x0a\0\x18" "01234567\1\0\0\0abcd01234567")),
	FUZZ_SEED(ASK_OPTIONS("\3www" APEX, "\1", "\x1f", "\0\x0a\0\x08" "01234567\0\x08\0\7\0\1\x18\0\xc0\0\2\0\x0b\0\0\0\3\0\0")),
	FUZZ_SEED("\x12\x34\x01\0\0\0\0\0\0\0\0\1\0\0\x29\4\xd0\0\0\0\0\0\x0c\0\x0a\0\x08" "01234567"),
	FUZZ_SEED("\x12\x34\x20\0\0\1\0\0\0\0\0\0" APEX "\0\0\6\0\1"),
	FUZZ_SEED("\x12\x34\x28\0\0\1\0\0\0\1\0\0" APEX "\0\0\6\0\1\xc0\x0c\0\xff\0\xff\0\0\0\0\0\0"),
};
const size_t fuzz_seeds_count = sizeof fuzz_seeds / sizeof *fuzz_seeds;

#define TEN(s) s s s s s s s s s s
static const char text[] =
	"$TTL 300\n"
	"@ SOA ns root 1 2 3 4 60\n@ NS ns\n@ NS ns2.sub\n@ MX 1 mail\nns A 192.0.2.1\nmail A 192.0.2.2\n"
	  "mail AAAA 2001:db8::2\n"
	"www A 192.0.2.3\nwww AAAA 2001:db8::3\nc1 CNAME c2\nc2 CNAME www\nloop CNAME loop2\nloop2 CNAME loop\n"
	  "cd CNAME q.dn\n"
	"*.wild MX 5 mail\n*.wild A 192.0.2.4\na.ent.wild A 192.0.2.5\n*.cwild CNAME x.wild\n"
	"sub NS ns.sub\nsub NS ns2.sub\nns.sub A 192.0.2.6\nns2.sub AAAA 2001:db8::6\n"
	"sub DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000001\n"
	"dn DNAME wild\ndnloop DNAME x.dnloop2\ndnloop2 DNAME dnloop\n"
	"many TXT " TEN(TEN("a")) " " TEN(TEN("b")) " " TEN(TEN("c")) " " TEN(TEN("d")) " " TEN(TEN("e")) "\n";

#define SIG(owner, type, apex) owner " RRSIG " type " 13 2 60 20300101000000 20200101000000 7 " apex " AAAAAAAA\n"
#define SET(owner, type, rdata, apex) owner " " type " " rdata "\n" SIG(owner, type, apex)
#define SIGNED(apex) \
	"$TTL 300\n" SET("@", "SOA", "ns root 1 2 3 4 60", apex) SET("@", "NS", "ns", apex) SET("a", "A", "192.0.2.1", apex) \
	SET("*.w", "A", "192.0.2.2", apex) SET("*.w", "MX", "1 a", apex) "ns.cut.e A 192.0.2.3\n"
static const char nsec_text[] =
	SIGNED("nsec.test.") SET("*.v", "CNAME", "q.w", "nsec.test.") SET("d", "DNAME", "v", "nsec.test.") "cut NS ns.cut.e\n"
	SET("@", "NSEC", "a NS SOA", "nsec.test.") SET("a", "NSEC", "cut A", "nsec.test.") SET("cut", "NSEC", "d NS", "nsec.test.")
	SET("d", "NSEC", "ns.cut.e DNAME", "nsec.test.") SET("ns.cut.e", "NSEC", "*.v A", "nsec.test.")
	SET("*.v", "NSEC", "*.w CNAME", "nsec.test.") SET("*.w", "NSEC", "@ A MX", "nsec.test.");
#define H(hash, next, types) SET(hash, "NSEC3", "1 1 0 - " next " " types, "nsec3.test.")
static const char nsec3_text[] = /* hashes of the apex, w, a and *.w; the rest is opted out */
	SIGNED("nsec3.test.") "cut.e NS ns.cut.e\n@ NSEC3PARAM 1 0 0 -\n"
	H("0madr2c2o78cqsoquiejtbeh6gfgb0ff", "ktulk2efn2r2ltmdl13um38velr6im92", "NS SOA")
	H("ktulk2efn2r2ltmdl13um38velr6im92", "m9d5fl0vu6o5412s8p1q6qta5mi3qdss", "")
	H("m9d5fl0vu6o5412s8p1q6qta5mi3qdss", "p40p5oo6tabr0gn8fr5eni1qfptc3lhf", "A")
	H("p40p5oo6tabr0gn8fr5eni1qfptc3lhf", "0madr2c2o78cqsoquiejtbeh6gfgb0ff", "A MX");

static const struct hash_key key = { { 0x0123456789abcdef, 0xfedcba9876543210 } };

static struct answer_live *make_live(const uint8_t *owner)
{
	const struct answer_member m[3] = { { .ip = { 192, 0, 2, 7 }, .weight = 1 }, { .weight = 2 } };
	const struct answer_set s = { .owner = owner, .type = DNS_TYPE_A, .ttl_s = 10,
		.pick = ANSWER_PICK_STICKY, .answer_n = 2, .count = 3, .members = m };
	struct answer_live *l;

	FUZZ_REQUIRE(answer_live_new(&l, &s) == 0);
	return l;
}

static void add_zone(struct image_builder *b, const uint8_t *apex, const char *file, const uint8_t *live)
{
	struct zone *z;
	struct diags d;

	diags_init(&d);
	FUZZ_REQUIRE(zone_new(&z, apex, &key) == 0);
	FUZZ_REQUIRE(zone_parse(z, "fuzz", file, strlen(file), NULL, NULL, &d) == 0);
	FUZZ_REQUIRE(!live || zone_mark_live(z, live, 60) == 0);
	FUZZ_REQUIRE(zone_check(z, &d) == 0);
	FUZZ_REQUIRE(image_add_zone(b, z, 1, &d) == 0);
	zone_free(z);
	diags_deinit(&d);
}

/* Kept for all runs: the database is never written by a query. */
static struct answer_db *open_db(void)
{
	static const uint8_t owner[] = "\3www" APEX;
	static struct image_builder *b; /* its memory is the image's */
	struct image im;
	struct answer_db *db;
	const uint8_t *data;
	size_t len;

	FUZZ_REQUIRE(image_builder_new(&b, &key) == 0);
	add_zone(b, (const uint8_t *)APEX, text, owner);
	add_zone(b, (const uint8_t *)NSEC, nsec_text, NULL);
	add_zone(b, (const uint8_t *)NSEC3, nsec3_text, NULL);
	FUZZ_REQUIRE(image_finish(b, &data, &len) == 0);
	FUZZ_REQUIRE(image_open(&im, data, len) == 0);
	FUZZ_REQUIRE(answer_db_new(&db, &im, 1, NULL, 0) == 0);
	FUZZ_REQUIRE(answer_db_swap(db, (size_t)answer_db_slot(db, owner, DNS_TYPE_A), make_live(owner)) == NULL);
	return db;
}

static void ask(const struct answer_db *db, enum answer_transport t, uint8_t cookies, const uint8_t *data, size_t len)
{
	static uint8_t out[DNS_MESSAGE_MAX];
	static uint32_t turn[2];
	static struct cookie_jar jar;
	static struct answer_worker w = { .turn = turn, .rng = { 1, 2 }, .now_s = 1600000000, .cookies = &jar };
	static const uint8_t root[COOKIE_ROOT_LEN] = "fuzz";
	static const struct addr client = { .family = 4, .ip = { 192, 0, 2, 1 } };
	static const uint8_t nsid[] = "fuzz";
	const struct answer_limits lim = { .udp_edns_max = DNS_UDP_EDNS_MAX, .nsid = nsid, .nsid_len = sizeof nsid,
		.tcp_idle_ds = 300, .cookies = cookies };
	const struct answer_from from = { .transport = t, .client = &client };
	const size_t cap = t == ANSWER_UDP ? DNS_UDP_EDNS_MAX : sizeof out;
	size_t n = 0;

	if (!jar.day)
		cookie_jar_fill(&jar, root, NULL, w.now_s);
	switch (answer_query(db, &w, &lim, &from, data, len, out, cap, &n)) {
	case ANSWER_SEND:
		FUZZ_REQUIRE(n <= cap);
		FUZZ_REQUIRE(message_is_sound(data, len, out, n));
		FUZZ_REQUIRE((out[2] & 0x80) && !(out[3] & 0xf0)); /* QR; RA, Z, AD and CD clear */
		FUZZ_REQUIRE((out[2] & 0x79) == (data[2] & 0x79)); /* opcode and RD as they came */
		break;
	case ANSWER_COLD:
		break;
	case ANSWER_NONE:
		FUZZ_REQUIRE(len < DNS_HEADER_LEN || data[2] & 0x80);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct answer_db *db;

	if (!db)
		db = open_db();
	ask(db, ANSWER_UDP, ANSWER_COOKIES_ON, data, len);
	ask(db, ANSWER_UDP, ANSWER_COOKIES_STRICT, data, len);
	ask(db, ANSWER_TCP, ANSWER_COOKIES_OFF, data, len);
	return 0;
}
