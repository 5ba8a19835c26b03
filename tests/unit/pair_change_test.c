/* Twins that go on while something between them changes: their key, step by step, and their version, one before the other.
 *
 *     node 0 ══ a wire of 3 ms, on which a test may rewrite packets ══ node 1
 *
 * A packet is rewritten as a later version would have sent it: opened, changed, sealed again.
 */
#include <sodium.h>
#include <stdio.h>
#include "pair/state.h"
#include "tests/unit/unit.h"

#define WALL 1700000000000u
#define WIRE_MAX 256
#define DELAY_MS 3

struct flight {
	uint64_t at_ms;
	size_t to, len;
	uint8_t data[PAIR_PACKET_MAX];
};
static struct world {
	uint64_t now_ms;
	struct pair *node[2];
	struct pair_conf conf[2];
	struct pair_peer_conf peer[2];
	struct flight wire[WIRE_MAX];
	size_t wire_count;
	/* What is put in the place of `len` octets of plaintext; the new length. NULL = packets go as they are. */
	size_t (*rewrite)(struct pair_header *h, uint8_t *plain, size_t len, size_t cap);
	size_t link_changes;
} w;

static const uint8_t keys[3][PAIR_KEY_LEN] = { "the first", "the second", "the third" };

static struct addr address(size_t i)
{
	return (struct addr){ .family = 4, .ip = { 127, 0, 0, (uint8_t)(i + 1) }, .port = 5400 };
}

/* Which keys node i has: one that it sends with, and -1 or another that it accepts. */
static void set_keys(size_t i, int sends, int accepts)
{
	struct pair_conf *c = &w.conf[i];
	memcpy(c->key, keys[sends], sizeof c->key);
	c->has_other = accepts >= 0;
	if (c->has_other)
		memcpy(c->other_key, keys[accepts], sizeof c->other_key);
	if (w.node[i])
		ck_assert_int_eq(pair_reconfigure(w.node[i], c, w.now_ms), 0);
}

static void world_init(void)
{
	memset(&w, 0, sizeof w);
	w.now_ms = 10000;
	for (size_t i = 0; i < 2; i++) {
		w.peer[i] = (struct pair_peer_conf){ (uint8_t)(2 - i), { address(1 - i) }, 1 };
		w.conf[i] = (struct pair_conf){ .self_id = (uint8_t)(i + 1), .cluster = "demo", .interval_ms = 200,
						.config_digest = 5, .peers = &w.peer[i], .peer_count = 1 };
		set_keys(i, 0, -1);
		ck_assert_int_eq(pair_new(&w.node[i], &w.conf[i], i + 1, (uint64_t)(i + 1) << 32, w.now_ms, WALL + w.now_ms), 0);
	}
}

static void world_deinit(void)
{
	pair_free(w.node[0]);
	pair_free(w.node[1]);
}

/* As who sent it would have: with what the header says and our knowledge of the key. */
static void rewrite(size_t from, struct flight *f)
{
	uint8_t plain[PAIR_PLAIN_MAX];
	struct pair_header h;
	struct seal_keys k;
	ck_assert_int_eq(header_decode(&h, f->data, f->len), 0);
	seal_keys_derive(&k, w.conf[from].key, SEAL_UDP, w.conf[from].self_id, w.conf[1 - from].self_id);
	/* what the node receives is under the other direction's key, and this is what it sends */
	ck_assert_int_eq(seal_open(plain, &h, f->data, k.send), 0);
	size_t len = w.rewrite(&h, plain, h.text_len, sizeof plain);
	f->len = seal_packet(f->data, &h, plain, len, k.send);
}

static void drain(size_t i)
{
	struct pair_record r;
	struct pair_event e;
	struct addr to;
	struct pair_stream s;
	while (pair_next_change(w.node[i], &r))
		continue;
	while (pair_next_event(w.node[i], &e)) {
		ck_assert_int_ne(e.type, PAIR_EVENT_DIVERGENCE);
		w.link_changes += e.type == PAIR_EVENT_LINK;
	}
	ck_assert_uint_lt(w.wire_count, WIRE_MAX);
	struct flight *f = &w.wire[w.wire_count];
	while (pair_next_packet(w.node[i], &to, f->data, &f->len, w.now_ms, WALL + w.now_ms)) {
		f->at_ms = w.now_ms + DELAY_MS;
		f->to = 1 - i;
		if (w.rewrite)
			rewrite(i, f);
		ck_assert_uint_lt(++w.wire_count, WIRE_MAX);
		f++;
	}
	while (pair_next_stream(w.node[i], &s, w.now_ms, WALL + w.now_ms)) /* no connection can be had here */
		if (s.op == PAIR_STREAM_OPEN)
			pair_stream_end(w.node[i], s.id, w.now_ms);
}

static void deliver(void)
{
	for (size_t n = w.wire_count, at = 0; n-- > 0;) {
		struct flight f = w.wire[at];
		if (f.at_ms > w.now_ms) {
			at++;
			continue;
		}
		memmove(&w.wire[at], &w.wire[at + 1], (--w.wire_count - at) * sizeof w.wire[0]);
		struct addr from = address(1 - f.to);
		(void)pair_receive(w.node[f.to], &from, f.data, f.len, w.now_ms, WALL + w.now_ms);
		drain(f.to);
	}
}

static void run(uint64_t ms)
{
	for (uint64_t end = w.now_ms + ms; w.now_ms < end; w.now_ms++) {
		deliver();
		for (size_t i = 0; i < 2; i++)
			if (pair_deadline(w.node[i]) <= w.now_ms) {
				pair_tick(w.node[i], w.now_ms, WALL + w.now_ms);
				drain(i);
			}
	}
}

static void write_one(size_t i, uint64_t key)
{
	uint64_t value = w.now_ms;
	ck_assert_int_eq(pair_write(w.node[i], PAIR_VERDICT, key, &value, sizeof value, w.now_ms), 0);
	drain(i);
}

static struct pair_peer_view view(size_t i)
{
	struct pair_peer_view v;
	pair_peer_get(w.node[i], 0, &v, w.now_ms);
	return v;
}

static bool is_alike(void)
{
	struct pair_peer_view a = view(0), b = view(1);
	return a.link == PAIR_ACTIVE && b.link == PAIR_ACTIVE && a.shelves_equal && b.shelves_equal;
}

/* ---- keys ---- */

struct step { size_t node; int sends, accepts; };
#define ACCEPT(n) { n, 0, 1 }
#define SEND(n) { n, 1, 0 }
#define DROP(n) { n, 1, -1 }

/* In the documented order: a step is taken on both nodes, in either order, before the next one. */
static const struct step rotations[][6] = {
	{ ACCEPT(0), ACCEPT(1), SEND(0), SEND(1), DROP(0), DROP(1) },
	{ ACCEPT(1), ACCEPT(0), SEND(0), SEND(1), DROP(1), DROP(0) },
	{ ACCEPT(0), ACCEPT(1), SEND(1), SEND(0), DROP(0), DROP(1) },
};

START_TEST(rotation_has_no_gap)
{
	world_init();
	run(1000);
	ck_assert(is_alike());
	uint64_t boots[2] = { view(0).boot, view(1).boot };
	w.link_changes = 0;
	for (size_t s = 0; s < 6; s++) {
		const struct step *step = &rotations[_i][s];
		/* a write just before and just after, so that packets are on the wire under both keys */
		write_one(0, s);
		write_one(1, s);
		run(2);
		set_keys(step->node, step->sends, step->accepts);
		drain(step->node);
		write_one(1 - step->node, s + 100);
		run(1500);
		ck_assert_msg(is_alike(), "step %zu", s);
	}
	for (size_t i = 0; i < 2; i++) {
		const struct pair_stats *n = pair_stats_get(w.node[i]);
		ck_assert_uint_eq(n->refused_auth, 0);
		ck_assert_uint_eq(n->refused_session + n->refused_replay + n->divergences, 0);
		ck_assert_uint_eq(view(i).boot, boots[i]);
		ck_assert_uint_eq(view(i).key_id, pair_key_id(keys[1]));
	}
	ck_assert_uint_eq(w.link_changes, 0);
	world_deinit();
}
END_TEST

/* While one sends with the new key and the other with the old, each says since when. */
START_TEST(each_says_which_key_it_uses)
{
	uint8_t ids[PAIR_KEYS_MAX];
	world_init();
	run(1000);
	uint64_t since_ms = view(0).key_since_ms;
	ck_assert_uint_ge(since_ms, 10000);
	ck_assert_uint_eq(view(0).key_id, pair_key_id(keys[0]));
	set_keys(0, 0, 1);
	set_keys(1, 0, 1);
	run(500);
	ck_assert_uint_eq(view(0).key_since_ms, since_ms);
	ck_assert_uint_eq(pair_key_ids(w.node[0], ids), 2);
	ck_assert_uint_eq(ids[0], pair_key_id(keys[0]));
	ck_assert_uint_eq(ids[1], pair_key_id(keys[1]));
	uint64_t changed_ms = w.now_ms;
	set_keys(1, 1, 0);
	run(500);
	ck_assert_uint_eq(view(0).key_id, pair_key_id(keys[1]));
	ck_assert_uint_ge(view(0).key_since_ms, changed_ms);
	ck_assert_uint_eq(view(1).key_id, pair_key_id(keys[0]));
	ck_assert(is_alike());
	world_deinit();
}
END_TEST

/* Who sends with a key that the other does not accept is not heard, and is again once it is accepted. */
START_TEST(the_wrong_order_is_a_cut_that_ends)
{
	world_init();
	run(1000);
	set_keys(0, 1, 0);
	run(15000);
	ck_assert_uint_gt(pair_stats_get(w.node[1])->refused_auth, 10);
	ck_assert(!pair_is_fresh(w.node[0], 2, w.now_ms) && !pair_is_fresh(w.node[1], 1, w.now_ms));
	set_keys(1, 0, 1);
	run(3000);
	ck_assert(is_alike());
	world_deinit();
}
END_TEST

START_TEST(two_keys_of_one_id_are_refused)
{
	world_init();
	struct pair_conf c = w.conf[0];
	c.has_other = true;
	memcpy(c.other_key, c.key, sizeof c.key);
	ck_assert_int_eq(pair_reconfigure(w.node[0], &c, w.now_ms), ERR_RANGE);
	for (unsigned n = 0; pair_key_id(c.other_key) != pair_key_id(c.key) || n == 0; n++) {
		ck_assert_uint_lt(n, 100000);
		memcpy(c.other_key, &n, sizeof n);
	}
	ck_assert_int_eq(pair_reconfigure(w.node[0], &c, w.now_ms), ERR_RANGE);
	world_deinit();
}
END_TEST

/* ---- versions ---- */

#define VERSION_AT 54 /* of the plaintext: lowest, highest */

static uint8_t said_min, said_max;

static size_t say_versions(struct pair_header *h, uint8_t *plain, size_t len, size_t cap)
{
	(void)cap;
	if (h->src == 1) {
		plain[VERSION_AT] = said_min;
		plain[VERSION_AT + 1] = said_max;
	}
	return len;
}

/* One node's peer speaks these: in common with ours (1 only) or not. */
static const struct { uint8_t min, max; bool common; } versions[] = {
	{ 1, 1, true }, { 1, 2, true }, { 1, 255, true }, { 0, 1, true }, { 0, 255, true },
	{ 2, 2, false }, { 2, 255, false }, { 0, 0, false },
};

START_TEST(versions_meet_or_not)
{
	world_init();
	w.rewrite = say_versions;
	said_min = versions[_i].min;
	said_max = versions[_i].max;
	write_one(0, 1);
	write_one(1, 1);
	run(3000);
	ck_assert_int_eq(view(1).link, versions[_i].common ? PAIR_ACTIVE : PAIR_INCOMPATIBLE);
	ck_assert_int_eq(pair_is_fresh(w.node[1], 1, w.now_ms), versions[_i].common);
	ck_assert_int_eq(pair_find(w.node[1], 1, PAIR_VERDICT, 1) != NULL, versions[_i].common);
	/* its own shelf is as it was, and the link heals as soon as the other comes down to what both speak */
	ck_assert_ptr_nonnull(pair_find(w.node[1], 2, PAIR_VERDICT, 1));
	said_min = said_max = PAIR_VERSION;
	run(3000);
	ck_assert(is_alike());
	world_deinit();
}
END_TEST

/* Another major version is another header: nothing behind it is read, and it never ends a link that lives. */
static size_t say_major(struct pair_header *h, uint8_t *plain, size_t len, size_t cap)
{
	(void)plain;
	(void)cap;
	if (h->src == 1)
		h->version = 2;
	return len;
}

START_TEST(another_major_version_is_incompatible)
{
	world_init();
	w.rewrite = say_major;
	run(3000);
	ck_assert_int_eq(view(1).link, PAIR_INCOMPATIBLE);
	ck_assert_uint_gt(pair_stats_get(w.node[1])->refused_version, 3);
	w.rewrite = NULL;
	run(3000);
	ck_assert(is_alike());
	world_deinit();
}
END_TEST

static uint16_t tlv_said;
static size_t tlv_len;

static size_t add_tlv(struct pair_header *h, uint8_t *plain, size_t len, size_t cap)
{
	if (len + TLV_HEAD_LEN + tlv_len > cap)
		return len;
	(void)h;
	store_u16(plain + len, tlv_said);
	store_u16(plain + len + 2, (uint16_t)tlv_len);
	memset(plain + len + TLV_HEAD_LEN, 0xa5, tlv_len);
	return len + TLV_HEAD_LEN + tlv_len;
}

static const struct { uint16_t type; size_t len; } optional[] = {
	{ 0x0005, 0 }, { 0x0005, 7 }, { 0x0010, 64 }, { 0x0023, 300 }, { 0x7fff, 100 },
};

/* A node of a later version puts something into every packet that this one does not know. */
START_TEST(optional_tlvs_are_skipped)
{
	world_init();
	w.rewrite = add_tlv;
	tlv_said = optional[_i].type;
	tlv_len = optional[_i].len;
	for (unsigned n = 0; n < 20; n++) {
		write_one(n % 2, n);
		run(200);
	}
	run(1000);
	ck_assert(is_alike());
	for (size_t i = 0; i < 2; i++) {
		const struct pair_stats *n = pair_stats_get(w.node[i]);
		ck_assert_uint_eq(n->refused_version + n->refused_format + n->divergences, 0);
	}
	for (uint64_t n = 0; n < 20; n++)
		ck_assert_ptr_nonnull(pair_find(w.node[(n + 1) % 2], (uint8_t)(n % 2 + 1), PAIR_VERDICT, n));
	world_deinit();
}
END_TEST

START_TEST(tlvs_that_must_be_understood_refuse_the_packet)
{
	world_init();
	run(1000);
	ck_assert(is_alike());
	w.rewrite = add_tlv;
	tlv_said = TLV_MUST | optional[_i].type;
	tlv_len = optional[_i].len;
	write_one(0, 77);
	run(2000);
	ck_assert_uint_gt(pair_stats_get(w.node[1])->refused_version, 3);
	ck_assert_ptr_null(pair_find(w.node[1], 1, PAIR_VERDICT, 77)); /* nothing of the packet counts */
	w.rewrite = NULL;
	run(3000);
	ck_assert(is_alike());
	ck_assert_ptr_nonnull(pair_find(w.node[1], 1, PAIR_VERDICT, 77));
	world_deinit();
}
END_TEST

/* Who holds our shelf says a record of ours that we never wrote, of a later epoch too. */
static size_t add_ours(struct pair_header *h, uint8_t *plain, size_t len, size_t cap)
{
	struct delta_writer d;
	struct wbuf b;
	const struct pair_record r = { .owner = 2, .kind = PAIR_VERDICT, .key = 5, .epoch = tlv_said, .seq = 1000, .value_len = 4,
				       .value = (const uint8_t *)"lies" };

	wbuf_init(&b, plain + len, cap - len);
	if (h->src != 1 || b.cap < TLV_HEAD_LEN + TLV_DELTA_LEN + 32)
		return len;
	delta_begin(&d, &b, 2, tlv_said ? UINT64_MAX / 2 : w.node[1]->shelves[0].vector.epoch, 0, 1);
	ck_assert(delta_add(&d, &b, &r));
	delta_end(&d, &b, 1000);
	return len + b.len;
}

START_TEST(nobody_else_writes_our_records)
{
	world_init();
	run(1000);
	write_one(1, 5);
	run(1000);
	struct pair_vector before = w.node[1]->shelves[0].vector;
	w.rewrite = add_ours;
	tlv_said = (uint16_t)_i;
	run(2000);
	ck_assert_int_eq(vector_compare(w.node[1]->shelves[0].vector, before), 0);
	const struct pair_record *r = pair_find(w.node[1], 2, PAIR_VERDICT, 5);
	ck_assert(r && (r->value_len != 4 || memcmp(r->value, "lies", 4) != 0));
	ck_assert_uint_eq(pair_stats_get(w.node[1])->refused_format, 0);
	world_deinit();
}
END_TEST

/* Records of a kind that only later versions know are held, and handed on, and harm nothing. */
START_TEST(unknown_kinds_are_held)
{
	world_init();
	run(1000);
	ck_assert_int_eq(pair_write(w.node[0], (enum pair_kind)200, 9, "later", 5, w.now_ms), 0);
	drain(0);
	run(1000);
	const struct pair_record *r = pair_find(w.node[1], 1, (enum pair_kind)200, 9);
	ck_assert_ptr_nonnull(r);
	ck_assert_mem_eq(r->value, "later", 5);
	ck_assert(is_alike());
	world_deinit();
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof(a)[0]))

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	TCase *t = tcase_create("change");
	tcase_add_loop_test(t, rotation_has_no_gap, 0, COUNT(rotations));
	tcase_add_test(t, each_says_which_key_it_uses);
	tcase_add_test(t, the_wrong_order_is_a_cut_that_ends);
	tcase_add_test(t, two_keys_of_one_id_are_refused);
	tcase_add_loop_test(t, versions_meet_or_not, 0, COUNT(versions));
	tcase_add_test(t, another_major_version_is_incompatible);
	tcase_add_loop_test(t, optional_tlvs_are_skipped, 0, COUNT(optional));
	tcase_add_loop_test(t, tlvs_that_must_be_understood_refuse_the_packet, 0, COUNT(optional));
	tcase_add_loop_test(t, nobody_else_writes_our_records, 0, 2);
	tcase_add_test(t, unknown_kinds_are_held);
	return unit_run_case("pair_change", t);
}
