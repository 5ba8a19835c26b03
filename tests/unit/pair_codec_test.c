/* The octets of PAIR/1: exact layouts, every way to break them, and sealing. */
#include "pair/codec.h"
#include "pair/name.h"
#include "pair/seal.h"
#include "tests/unit/unit.h"

/* ---- header ---- */

static const struct pair_header header = { .version = 1,
					   .type = 1,
					   .key_id = 0xaa,
					   .flags = 0,
					   .src = 3,
					   .dst = 9,
					   .text_len = 64,
					   .cluster = 0x01020304,
					   .boot = 0x1112131415161718,
					   .counter = 0x2122232425262728 };

START_TEST(header_stands_as_promised)
{
	static const uint8_t promised[PAIR_HEADER_LEN] =
		"GEML\1\1\xaa\0\3\x09\0\x40\1\2\3\4\x11\x12\x13\x14\x15\x16\x17\x18"
		"\x21\x22\x23\x24\x25\x26\x27\x28";
	uint8_t packet[PAIR_HEADER_LEN + 64 + PAIR_TAG_LEN] = { 0 };
	struct pair_header back;

	header_encode(packet, &header);
	ck_assert_mem_eq(packet, promised, sizeof promised);
	ck_assert_int_eq(header_decode(&back, packet, sizeof packet), 0);
	header_encode(packet, &back);
	ck_assert_mem_eq(packet, promised, sizeof promised);
}
END_TEST

START_TEST(broken_headers_are_refused)
{
	static const struct { int at; uint8_t octet; size_t len; int why; } rows[] = {
		{ 0, 'G', 0, ERR_SHORT },	{ 0, 'G', 47, ERR_SHORT },   { 0, 'g', 112, ERR_FORMAT },
		{ 4, 2, 112, ERR_VERSION },	{ 4, 0, 112, ERR_VERSION },  { 11, 65, 112, ERR_FORMAT },
		{ 0, 'G', 111, ERR_FORMAT },	{ 0, 'G', 113, ERR_FORMAT }, { 10, 255, 112, ERR_FORMAT },
		{ 0, 'G', PAIR_PACKET_MAX + 1, ERR_FORMAT },
	};
	uint8_t packet[PAIR_PACKET_MAX + 1] = { 0 };
	struct pair_header h;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		header_encode(packet, &header);
		packet[rows[i].at] = rows[i].octet;
		ck_assert_msg(header_decode(&h, packet, rows[i].len) == rows[i].why, "row %zu", i);
	}
	for (int at = 16; at <= 24; at += 8) { /* no boot, no counter */
		header_encode(packet, &header);
		memset(packet + at, 0, 8);
		ck_assert_int_eq(header_decode(&h, packet, 112), ERR_FORMAT);
	}
}
END_TEST

/* ---- heartbeat ---- */

static const struct pair_beat beat = { .your_boot = 1,
				       .epoch = 2,
				       .hlc = 3,
				       .config_digest = 4,
				       .state_digest = 5,
				       .tx_ts = 6,
				       .echo_ts = 7,
				       .echo_hold_us = 8,
				       .interval_ms = 200,
				       .version_min = 1,
				       .version_max = 2,
				       .self = PAIR_NORMAL,
				       .link = PAIR_ACTIVE,
				       .lhm = 7,
				       .entry_count = 1,
				       .flags = 3 };

static struct pair_record record(uint8_t owner, uint64_t key, uint64_t epoch, uint64_t seq, const char *value)
{
	return (struct pair_record){ .owner = owner, .kind = PAIR_VERDICT, .key = key, .epoch = epoch, .seq = seq,
				     .value_len = (uint8_t)strlen(value), .value = (const uint8_t *)value };
}

/* A heartbeat with an entry, a delta of two records, a pull and an unknown TLV. */
static size_t rich_plain(uint8_t out[PAIR_PLAIN_MAX])
{
	struct pair_record a = record(3, 77, 9, 11, "up"), b = record(3, 78, 9, 15, "");
	struct delta_writer d;
	struct wbuf w;

	wbuf_init(&w, out, PAIR_PLAIN_MAX);
	beat_put(&w, &beat);
	entry_put(&w, &(struct pair_entry){ 3, 250, { 9, 15 } });
	delta_begin(&d, &w, 3, 9, 10, 4);
	ck_assert(delta_add(&d, &w, &a) && delta_add(&d, &w, &b));
	delta_end(&d, &w, 20);
	pull_put(&w, &(struct tlv_pull){ 5, { 6, 7 } });
	put_u16(&w, 0x0777);
	put_block(&w, "future", 6);
	ck_assert(!w.failed);
	return w.len;
}

START_TEST(heartbeat_stands_as_promised)
{
	static const uint8_t fixed[PAIR_BEAT_LEN + 1] =
		"\0\0\0\0\0\0\0\1" "\0\0\0\0\0\0\0\2" "\0\0\0\0\0\0\0\3" "\0\0\0\0\0\0\0\4" "\0\0\0\0\0\0\0\5"
		"\0\0\0\6" "\0\0\0\7" "\0\0\0\x08" "\0\xc8" "\1\2" "\2" "\3" "\7" "\1" "\0\0\0\3";
	static const uint8_t entry[PAIR_ENTRY_LEN + 1] = "\3\0\0\xfa" "\0\0\0\0\0\0\0\x09" "\0\0\0\0\0\0\0\x0f";
	static const uint8_t delta[] = "\0\1\0\x46"
				       "\3\0\0\2"
				       "\0\0\0\0\0\0\0\x09"
				       "\0\0\0\0\0\0\0\x0a"
				       "\0\0\0\0\0\0\0\x14"
				       "\0\0\0\0\0\0\0\4"
				       "\1\2\0\0"
				       "\0\0\0\1"
				       "\0\0\0\0\0\0\0\x4d"
				       "up"
				       "\1\0\0\0"
				       "\0\0\0\5"
				       "\0\0\0\0\0\0\0\x4e";
	static const uint8_t pull[] = "\0\2\0\x18" "\5\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\6" "\0\0\0\0\0\0\0\7";
	uint8_t plain[PAIR_PLAIN_MAX];

	rich_plain(plain);
	ck_assert_mem_eq(plain, fixed, PAIR_BEAT_LEN);
	ck_assert_mem_eq(plain + 64, entry, PAIR_ENTRY_LEN);
	ck_assert_mem_eq(plain + 84, delta, sizeof delta - 1);
	ck_assert_mem_eq(plain + 84 + sizeof delta - 1, pull, sizeof pull - 1);
}
END_TEST

START_TEST(heartbeat_comes_back)
{
	uint8_t plain[PAIR_PLAIN_MAX];
	size_t len = rich_plain(plain);
	struct pair_beat b;
	struct pair_entry e;
	struct pair_record r;
	struct tlv t;

	ck_assert_int_eq(beat_decode(&b, plain, len), 0);
	uint8_t again[PAIR_BEAT_LEN];
	struct wbuf w;
	wbuf_init(&w, again, sizeof again);
	beat_put(&w, &b);
	ck_assert_mem_eq(again, plain, sizeof again);
	beat_entry(&b, 0, &e);
	ck_assert(e.owner == 3 && e.age_10ms == 250 && e.vector.epoch == 9 && e.vector.seq == 15);
	struct rbuf walk = tlv_walk(&b);
	ck_assert(tlv_next(&walk, &t) && t.type == TLV_DELTA);
	ck_assert(t.delta.owner == 3 && t.delta.count == 2 && t.delta.from == 10 && t.delta.to == 20 &&
		  t.delta.base == 4);
	ck_assert(delta_next(&t.delta, &r) && r.key == 77 && r.seq == 11 && r.value_len == 2 &&
		  memcmp(r.value, "up", 2) == 0);
	ck_assert(delta_next(&t.delta, &r) && r.key == 78 && r.seq == 15 && r.value_len == 0 && r.owner == 3 &&
		  r.epoch == 9);
	ck_assert(!delta_next(&t.delta, &r));
	ck_assert(tlv_next(&walk, &t) && t.type == TLV_PULL && t.pull.owner == 5 && t.pull.from.epoch == 6 &&
		  t.pull.from.seq == 7);
	ck_assert(tlv_next(&walk, &t) && t.type == TLV_NONE);
	ck_assert(!tlv_next(&walk, &t));
}
END_TEST

/* Each prefix in memory of its own size: whole TLVs or refused, never a read past the end. */
START_TEST(every_cut_is_refused_or_whole)
{
	uint8_t plain[PAIR_PLAIN_MAX];
	size_t len = rich_plain(plain), whole = 0;
	struct pair_beat b;

	for (size_t n = 0; n <= len; n++) {
		uint8_t *cut = malloc(n ? n : 1);
		memcpy(cut, plain, n);
		int e = beat_decode(&b, cut, n);
		ck_assert(e == 0 || e == ERR_SHORT || e == ERR_FORMAT);
		ck_assert(e != ERR_SHORT || n < 84);
		whole += e == 0;
		free(cut);
	}
	ck_assert_uint_eq(whole, 4); /* entries; delta; pull; all */
}
END_TEST

START_TEST(broken_heartbeats_are_refused)
{
	enum { DELTA = 84, BODY = DELTA + 4, FIRST = BODY + 36, SECOND = FIRST + 18, PULL = SECOND + 16 };
	static const struct {
		size_t at;
		uint8_t octet;
		int why;
		const char *what;
	} rows[] = {
		{ 15, 0, ERR_FORMAT, "epoch 0" },
		{ 54, 3, ERR_FORMAT, "versions crossed" },
		{ 59, 255, ERR_SHORT, "entries past the end" },
		{ DELTA + 3, 0x45, ERR_FORMAT, "delta one short" },
		{ DELTA + 3, 0x47, ERR_FORMAT, "delta one long" },
		{ DELTA + 2, 0xff, ERR_FORMAT, "delta past the end" },
		{ DELTA + 3, 35, ERR_FORMAT, "delta without its head" },
		{ BODY + 3, 1, ERR_FORMAT, "count too small" },
		{ BODY + 3, 3, ERR_FORMAT, "count too great" },
		{ BODY + 11, 0, ERR_FORMAT, "delta of epoch 0" },
		{ BODY + 19, 21, ERR_FORMAT, "from behind to" },
		{ BODY + 27, 14, ERR_FORMAT, "record behind to" },
		{ FIRST, 0, ERR_FORMAT, "kind 0" },
		{ FIRST + 1, 255, ERR_FORMAT, "value past the end" },
		{ FIRST + 7, 0, ERR_FORMAT, "seq not behind from" },
		{ SECOND + 7, 1, ERR_FORMAT, "the same seq twice" },
		{ PULL + 3, 23, ERR_FORMAT, "pull too short" },
		{ PULL + 28, 0x87, ERR_VERSION, "unknown, must be understood" },
	};
	uint8_t plain[PAIR_PLAIN_MAX];
	struct pair_beat b;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		size_t len = rich_plain(plain);
		plain[rows[i].at] = rows[i].octet;
		ck_assert_msg(beat_decode(&b, plain, len) == rows[i].why, "%s: %d", rows[i].what,
			      beat_decode(&b, plain, len));
	}
}
END_TEST

START_TEST(an_interval_never_goes_backwards)
{
	uint8_t plain[PAIR_PLAIN_MAX];
	struct pair_beat b;

	for (uint64_t to = 9; to <= 11; to++) {
		struct delta_writer d;
		struct wbuf w;
		wbuf_init(&w, plain, sizeof plain);
		beat_put(&w, &beat);
		entry_put(&w, &(struct pair_entry){ 3, 250, { 9, 15 } });
		delta_begin(&d, &w, 3, 9, 10, 4);
		delta_end(&d, &w, to); /* no record that could tell */
		ck_assert_int_eq(beat_decode(&b, plain, w.len), to < 10 ? ERR_FORMAT : 0);
	}
}
END_TEST

START_TEST(states_that_are_not_known_become_none)
{
	uint8_t plain[PAIR_PLAIN_MAX];
	size_t len = rich_plain(plain);
	struct pair_beat b;

	plain[56] = PAIR_MAINT + 1;
	plain[57] = PAIR_INCOMPATIBLE + 1;
	ck_assert_int_eq(beat_decode(&b, plain, len), 0);
	ck_assert(b.self == PAIR_SELF_NONE && b.link == PAIR_LINK_NONE);
}
END_TEST

START_TEST(a_known_tlv_may_be_marked_as_must)
{
	uint8_t plain[PAIR_PLAIN_MAX];
	size_t len = rich_plain(plain);
	struct pair_beat b;

	plain[84] |= 0x80;
	ck_assert_int_eq(beat_decode(&b, plain, len), 0);
}
END_TEST

START_TEST(a_delta_takes_what_fits)
{
	uint8_t out[TLV_HEAD_LEN + TLV_DELTA_LEN + 2 * (TLV_RECORD_LEN + 2) + 17];
	struct pair_record r = record(1, 5, 2, 1, "up"), far = record(1, 5, 2, (uint64_t)1 << 32, "up");
	struct delta_writer d;
	struct wbuf w;

	wbuf_init(&w, out, sizeof out);
	delta_begin(&d, &w, 1, 2, 0, 0);
	ck_assert(!delta_add(&d, &w, &far)); /* 32 bits of offset */
	ck_assert(delta_add(&d, &w, &r));
	r.seq = 2;
	ck_assert(delta_add(&d, &w, &r));
	r.seq = 3;
	ck_assert(!delta_add(&d, &w, &r));
	delta_end(&d, &w, 2);
	ck_assert(!w.failed && w.len == sizeof out - 17);
}
END_TEST

/* ---- sealing ---- */

static const uint8_t psk[PAIR_KEY_LEN] = "the key of the pair, 32 octets";

START_TEST(a_sealed_packet_opens_only_whole_and_in_its_direction)
{
	struct seal_keys one, two;
	uint8_t plain[PAIR_PLAIN_MAX], back[PAIR_PLAIN_MAX], packet[PAIR_PACKET_MAX];
	struct pair_header h = header, seen;
	size_t plain_len = rich_plain(plain);

	seal_keys_derive(&one, psk, SEAL_UDP, 3, 9);
	seal_keys_derive(&two, psk, SEAL_UDP, 9, 3);
	size_t len = seal_packet(packet, &h, plain, plain_len, one.send);
	ck_assert_uint_eq(len, 32 + plain_len + 16);
	ck_assert_int_eq(header_decode(&seen, packet, len), 0);
	ck_assert_int_eq(seal_open(back, &seen, packet, two.receive), 0);
	ck_assert_mem_eq(back, plain, plain_len);
	ck_assert_int_eq(seal_open(back, &seen, packet, one.receive), ERR_AUTH); /* turned around */
	for (size_t bit = 0; bit < 8 * len; bit++) {
		packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert(header_decode(&seen, packet, len) < 0 ||
			  seal_open(back, &seen, packet, two.receive) == ERR_AUTH);
		packet[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}
END_TEST

/* hashlib.blake2b(b"zone\0example.test", digest_size=16), its first 8 octets. */
START_TEST(records_have_the_same_names_everywhere)
{
	ck_assert_uint_eq(pair_name("zone", "example.test", 12), UINT64_C(0xd8338214b551fe6c));
	ck_assert_uint_ne(pair_name("zone", "example.test", 12), pair_name("tier", "example.test", 12));
	ck_assert_uint_ne(pair_name("zone", "example.test", 12), pair_name("zone", "example.test", 11));
}
END_TEST

START_TEST(keys_tell_apart_what_must_be)
{
	uint8_t other[PAIR_KEY_LEN];
	struct seal_keys a, b;
	struct seal_digest_key d;
	struct pair_record r = record(1, 2, 3, 4, "up");

	memcpy(other, psk, sizeof other);
	other[31] ^= 1;
	seal_keys_derive(&a, psk, SEAL_UDP, 1, 2);
	seal_keys_derive(&b, other, SEAL_UDP, 1, 2);
	ck_assert_mem_ne(a.send, b.send, PAIR_KEY_LEN);
	ck_assert_mem_ne(a.send, a.receive, PAIR_KEY_LEN);
	seal_keys_derive(&b, psk, SEAL_TCP, 1, 2);
	ck_assert_mem_ne(a.send, b.send, PAIR_KEY_LEN);
	ck_assert_mem_ne(a.receive, b.receive, PAIR_KEY_LEN);
	ck_assert_uint_ne(seal_cluster("demo"), seal_cluster("demo2"));
	ck_assert_uint_ne(pair_key_id(psk), pair_key_id(other));
	uint8_t root[PAIR_KEY_LEN], twin[PAIR_KEY_LEN];
	pair_cookie_root(root, psk);
	pair_cookie_root(twin, psk);
	ck_assert_mem_eq(root, twin, PAIR_KEY_LEN);
	ck_assert_mem_ne(root, psk, PAIR_KEY_LEN);
	pair_cookie_root(twin, other);
	ck_assert_mem_ne(root, twin, PAIR_KEY_LEN);
	seal_digest_key_derive(&d, psk);
	uint64_t digest = seal_record_digest(&d, &r);
	r.seq++;
	ck_assert_uint_ne(digest, seal_record_digest(&d, &r));
	r.seq--;
	ck_assert_uint_eq(digest, seal_record_digest(&d, &r));
	r.value = (const uint8_t *)"dn";
	ck_assert_uint_ne(digest, seal_record_digest(&d, &r));
}
END_TEST

int main(void)
{
	const TTest *tests[] = { header_stands_as_promised,
				 broken_headers_are_refused,
				 heartbeat_stands_as_promised,
				 heartbeat_comes_back,
				 every_cut_is_refused_or_whole,
				 broken_heartbeats_are_refused,
				 an_interval_never_goes_backwards,
				 states_that_are_not_known_become_none,
				 a_known_tlv_may_be_marked_as_must,
				 a_delta_takes_what_fits,
				 a_sealed_packet_opens_only_whole_and_in_its_direction,
				 records_have_the_same_names_everywhere, keys_tell_apart_what_must_be };
	return unit_run("pair_codec", tests, sizeof tests / sizeof *tests);
}
