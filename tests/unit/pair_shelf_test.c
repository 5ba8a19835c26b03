/* Shelves: an owner and a copy, fed by deltas as the network might bring them. */
#include <stdio.h>
#include "base/rng.h"
#include "pair/shelf.h"
#include "tests/unit/fault.h"
#include "tests/unit/unit.h"

#define OWNER 3
#define EPOCH 1000

static const struct hash_key table_key = { { 11, 13 } };
static const struct seal_digest_keys digest_keys = { { { "sixteen octets!" }, { "another sixteen" } }, 2 };

struct duo {
	struct shelf owner, copy;
	struct shelf_list changes;
};

static void duo_init(struct duo *d)
{
	d->changes = (struct shelf_list){ 0 };
	shelf_init(&d->owner, OWNER, &table_key, &digest_keys, NULL);
	shelf_init(&d->copy, OWNER, &table_key, &digest_keys, &d->changes);
	d->owner.vector.epoch = EPOCH;
}

static size_t drain(struct duo *d, struct pair_record *last)
{
	struct pair_record r = { 0 };
	struct shelf_record *dead;
	size_t n = 0;

	for (; shelf_changes_take(&d->changes, &r, &dead); n++) {
		if (last)
			*last = r;
		free(dead);
	}
	return n;
}

static void duo_deinit(struct duo *d)
{
	shelf_deinit(&d->owner);
	shelf_deinit(&d->copy);
	drain(d, NULL);
}

static void write_text(struct shelf *s, uint64_t key, const char *value)
{
	ck_assert_int_ge(shelf_write(s, PAIR_VERDICT, key, value, strlen(value)), 0);
}

static bool holds(const struct shelf *s, uint64_t key, const char *value)
{
	const struct pair_record *r = shelf_find(s, PAIR_VERDICT, key);
	return value ? r && r->value_len == strlen(value) && memcmp(r->value, value, r->value_len) == 0 : !r;
}

/* A delta as octets, at most cap long. */
struct parcel {
	uint8_t data[PAIR_PLAIN_MAX];
	size_t len;
	uint64_t to;
};

static struct parcel pack(struct shelf *s, uint64_t from, size_t cap)
{
	struct parcel p;
	struct wbuf w;

	wbuf_init(&w, p.data, cap);
	p.to = shelf_put_delta(s, from, &w);
	p.len = w.len;
	ck_assert(!w.failed);
	return p;
}

static bool unpack(struct shelf *s, const struct parcel *p)
{
	struct pair_beat b = { .tlvs = p->data, .tlvs_len = p->len };
	struct rbuf walk = tlv_walk(&b);
	struct pair_record r = { 0 };
	struct tlv t;

	ck_assert(tlv_next(&walk, &t) && t.type == TLV_DELTA);
	struct tlv_delta d = t.delta;
	while (delta_next(&d, &r))
		ck_assert_int_eq(shelf_join(s, &r), 0);
	return shelf_advance(s, t.delta.epoch, t.delta.from, t.delta.to, t.delta.base);
}

static void sync_all(struct duo *d, size_t cap)
{
	shelf_seal(&d->owner);
	for (int i = 0; vector_compare(d->copy.vector, d->owner.vector) < 0; i++) {
		uint64_t from = d->copy.vector.epoch == d->owner.vector.epoch ? d->copy.vector.seq : 0;
		struct parcel p = pack(&d->owner, from, cap);
		ck_assert(unpack(&d->copy, &p));
		ck_assert_int_lt(i, 1000000);
	}
	ck_assert_mem_eq(d->copy.digest, d->owner.digest, sizeof d->copy.digest);
}

START_TEST(writes_are_numbered_and_found)
{
	struct duo d;

	duo_init(&d);
	ck_assert_int_eq(shelf_write(&d.owner, PAIR_VERDICT, 1, "up", 2), 1);
	ck_assert_int_eq(shelf_write(&d.owner, PAIR_VERDICT, 1, "up", 2), 0); /* nothing new */
	ck_assert_int_eq(shelf_write(&d.owner, PAIR_ADMIN, 1, "down", 4), 1);
	ck_assert_int_eq(shelf_write(&d.owner, PAIR_VERDICT, 9, NULL, 0), 0); /* never there */
	ck_assert_uint_eq(d.owner.vector.seq, 2);
	write_text(&d.owner, 1, "down");
	ck_assert(holds(&d.owner, 1, "down"));
	ck_assert_uint_eq(shelf_find(&d.owner, PAIR_VERDICT, 1)->seq, 3);
	ck_assert_uint_eq(shelf_find(&d.owner, PAIR_ADMIN, 1)->seq, 2);
	write_text(&d.owner, 1, "");
	ck_assert(holds(&d.owner, 1, NULL));
	ck_assert_uint_eq(d.owner.vector.seq, 4);
	duo_deinit(&d);
}
END_TEST

START_TEST(a_copy_becomes_equal_and_tells_changes_once)
{
	struct duo d;
	struct pair_record r = { 0 };

	duo_init(&d);
	write_text(&d.owner, 1, "up");
	write_text(&d.owner, 2, "up");
	sync_all(&d, PAIR_PLAIN_MAX);
	ck_assert(holds(&d.copy, 1, "up") && holds(&d.copy, 2, "up"));
	ck_assert_uint_eq(drain(&d, NULL), 2);
	write_text(&d.owner, 2, "");
	sync_all(&d, PAIR_PLAIN_MAX);
	ck_assert_uint_eq(drain(&d, &r), 1);
	ck_assert(r.key == 2 && r.value_len == 0 && r.owner == OWNER);
	write_text(&d.owner, 1, "dn"); /* there and back before anybody looked: still told, as the value of now */
	sync_all(&d, PAIR_PLAIN_MAX);
	write_text(&d.owner, 1, "up");
	sync_all(&d, PAIR_PLAIN_MAX);
	ck_assert_uint_eq(drain(&d, &r), 1);
	ck_assert(r.key == 1 && memcmp(r.value, "up", 2) == 0);
	duo_deinit(&d);
}
END_TEST

START_TEST(the_vector_waits_for_gaps)
{
	struct duo d;

	duo_init(&d);
	for (uint64_t k = 1; k <= 6; k++)
		write_text(&d.owner, k, "up");
	shelf_seal(&d.owner);
	struct parcel late = pack(&d.owner, 4, PAIR_PLAIN_MAX);
	struct parcel early = pack(&d.owner, 0, TLV_HEAD_LEN + TLV_DELTA_LEN + 4 * (TLV_RECORD_LEN + 2));
	ck_assert_uint_eq(early.to, 4);
	unpack(&d.copy, &late);
	ck_assert(holds(&d.copy, 6, "up") && holds(&d.copy, 1, NULL)); /* records join, */
	ck_assert_uint_eq(d.copy.vector.seq, 0);			/* the vector does not */
	ck_assert(!shelf_is_whole(&d.copy));
	ck_assert(unpack(&d.copy, &early));
	ck_assert_uint_eq(d.copy.vector.seq, 4);
	ck_assert(unpack(&d.copy, &late));
	ck_assert(!unpack(&d.copy, &late)); /* again: nothing */
	ck_assert(d.copy.vector.seq == 6 && shelf_is_whole(&d.copy) && memcmp(d.copy.digest, d.owner.digest, sizeof d.copy.digest) == 0);
	duo_deinit(&d);
}
END_TEST

START_TEST(old_news_bring_nothing_back)
{
	struct duo d;

	duo_init(&d);
	write_text(&d.owner, 1, "up");
	shelf_seal(&d.owner);
	struct parcel first = pack(&d.owner, 0, PAIR_PLAIN_MAX);
	sync_all(&d, PAIR_PLAIN_MAX);
	write_text(&d.owner, 1, "");
	sync_all(&d, PAIR_PLAIN_MAX);
	shelf_bury(&d.copy, d.copy.vector.seq);
	ck_assert_uint_eq(shelf_count(&d.copy), 0);
	unpack(&d.copy, &first);
	ck_assert(holds(&d.copy, 1, NULL));
	duo_deinit(&d);
}
END_TEST

START_TEST(a_new_epoch_keeps_the_old_records_until_its_base)
{
	struct duo d;
	struct pair_record r = { 0 };

	duo_init(&d);
	write_text(&d.owner, 1, "up");
	write_text(&d.owner, 2, "up");
	sync_all(&d, PAIR_PLAIN_MAX);
	drain(&d, NULL);
	write_text(&d.owner, 3, "up");
	write_text(&d.owner, 2, "");
	shelf_republish(&d.owner, EPOCH + 1);
	ck_assert(d.owner.vector.seq == 2 && d.owner.base == 2);
	size_t one = TLV_HEAD_LEN + TLV_DELTA_LEN + TLV_RECORD_LEN + 2;
	struct parcel p = pack(&d.owner, 0, one), q = pack(&d.owner, 1, one);
	ck_assert(unpack(&d.copy, &p));
	ck_assert(holds(&d.copy, 1, "up") && holds(&d.copy, 2, "up")); /* 2 is of the old epoch, and still served */
	ck_assert(unpack(&d.copy, &q));
	ck_assert(holds(&d.copy, 1, "up") && holds(&d.copy, 2, NULL) && holds(&d.copy, 3, "up"));
	ck_assert_uint_eq(drain(&d, &r), 2); /* 3 came, 2 went; 1 is as it was */
	ck_assert(r.key == 2 && r.value_len == 0);
	ck_assert_mem_eq(d.copy.digest, d.owner.digest, sizeof d.copy.digest);
	duo_deinit(&d);
}
END_TEST

START_TEST(an_empty_epoch_ends_the_old_one)
{
	struct duo d;

	duo_init(&d);
	write_text(&d.owner, 1, "up");
	sync_all(&d, PAIR_PLAIN_MAX);
	write_text(&d.owner, 1, "");
	shelf_republish(&d.owner, EPOCH + 1);
	ck_assert(d.owner.vector.seq == 1 && d.owner.base == 1 && shelf_count(&d.owner) == 0);
	shelf_advance(&d.copy, EPOCH + 1, 0, 0, UINT64_MAX); /* as a session opens: the epoch is known, nothing more */
	ck_assert(holds(&d.copy, 1, "up"));
	sync_all(&d, PAIR_PLAIN_MAX);
	ck_assert(holds(&d.copy, 1, NULL) && shelf_count(&d.copy) == 0);
	duo_deinit(&d);
}
END_TEST

START_TEST(an_overtaken_epoch_is_ignored)
{
	struct duo d;

	duo_init(&d);
	write_text(&d.owner, 1, "up");
	shelf_seal(&d.owner);
	struct parcel old = pack(&d.owner, 0, PAIR_PLAIN_MAX);
	write_text(&d.owner, 1, "down");
	shelf_republish(&d.owner, EPOCH + 1);
	sync_all(&d, PAIR_PLAIN_MAX);
	ck_assert(!unpack(&d.copy, &old));
	ck_assert(holds(&d.copy, 1, "down") && d.copy.vector.epoch == EPOCH + 1);
	duo_deinit(&d);
}
END_TEST

START_TEST(a_resync_replaces_everything)
{
	struct duo d;

	duo_init(&d);
	write_text(&d.owner, 1, "up");
	write_text(&d.owner, 2, "up");
	sync_all(&d, PAIR_PLAIN_MAX);
	struct pair_record wrong = { .owner = OWNER,
				     .kind = PAIR_VERDICT,
				     .key = 7,
				     .epoch = EPOCH,
				     .seq = 3,
				     .value_len = 2,
				     .value = (const uint8_t *)"??" };
	ck_assert_int_eq(shelf_join(&d.copy, &wrong), 0); /* what no owner ever wrote */
	ck_assert(shelf_advance(&d.copy, EPOCH, 2, 3, 2));
	write_text(&d.owner, 4, "up");
	ck_assert(vector_compare(d.copy.vector, d.owner.vector) == 0 && d.copy.digest[0] != d.owner.digest[0] && d.copy.digest[1] != d.owner.digest[1]);
	shelf_resync(&d.copy);
	ck_assert(holds(&d.copy, 7, "??") && holds(&d.copy, 1, "up") && d.copy.vector.seq == 0);
	sync_all(&d, PAIR_PLAIN_MAX);
	ck_assert(holds(&d.copy, 7, NULL) && holds(&d.copy, 4, "up") && shelf_count(&d.copy) == 3);
	duo_deinit(&d);
}
END_TEST

/* Random writes, removals and parcels that are lost, repeated and reordered: at the end both are equal. */
START_TEST(any_order_of_parcels_converges)
{
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct parcel stale[8];
		struct duo d;
		struct rng r;
		char text[24];

		rng_init(&r, seed);
		duo_init(&d);
		shelf_seal(&d.owner);
		for (size_t i = 0; i < 8; i++)
			stale[i] = pack(&d.owner, 0, PAIR_PLAIN_MAX);
		for (int i = 0; i < 200; i++) {
			snprintf(text, sizeof text, "%.*s%d", rng_below(&r, 4) ? 8 : 0, "verdict ", i);
			write_text(&d.owner, rng_below(&r, 20), rng_below(&r, 5) ? text : "");
			if (rng_below(&r, 60) == 0)
				shelf_republish(&d.owner, d.owner.vector.epoch + 1);
			uint64_t from = rng_below(&r, 2) ? d.copy.vector.seq : rng_below(&r, d.owner.vector.seq + 1);
			if (d.copy.vector.epoch != d.owner.vector.epoch || from > d.owner.vector.seq)
				from = 0;
			struct parcel *slot = &stale[rng_below(&r, 8)];
			*slot = pack(&d.owner, from, 60 + rng_below(&r, 400));
			if (slot->len == 0)
				*slot = pack(&d.owner, from, PAIR_PLAIN_MAX);
			if (rng_below(&r, 3))
				unpack(&d.copy, &stale[rng_below(&r, 8)]);
		}
		sync_all(&d, PAIR_PLAIN_MAX);
		ck_assert(!d.copy.old.first);
		for (uint64_t k = 0; k < 20; k++) {
			const struct pair_record *own = shelf_find(&d.owner, PAIR_VERDICT, k);
			const struct pair_record *copied = shelf_find(&d.copy, PAIR_VERDICT, k);
			ck_assert_msg(!own == !copied &&
					      (!own || (own->seq == copied->seq && own->epoch == copied->epoch)),
				      "seed %d", (int)seed);
		}
		duo_deinit(&d);
	}
}
END_TEST

START_TEST(a_hundred_thousand_records)
{
	enum { N = 100000 };
	struct duo d;
	uint8_t value[24] = { 0 };

	duo_init(&d);
	for (uint32_t k = 0; k < N; k++) {
		store_u32(value, k);
		ck_assert_int_eq(
			shelf_write(&d.owner, PAIR_VERDICT, k * (uint64_t)0x9e3779b97f4a7c15, value, sizeof value), 1);
	}
	sync_all(&d, PAIR_PLAIN_MAX);
	ck_assert_uint_eq(shelf_count(&d.copy), N);
	ck_assert_uint_eq(drain(&d, NULL), N);
	for (uint32_t i = 0; i < N; i++) { /* one change at a time, each a delta of one record */
		store_u32(value, ~i);
		ck_assert_int_eq(
			shelf_write(&d.owner, PAIR_VERDICT, i * (uint64_t)0x9e3779b97f4a7c15, value, sizeof value), 1);
		struct parcel p = pack(&d.owner, d.copy.vector.seq, PAIR_PLAIN_MAX);
		ck_assert_uint_eq(p.len, TLV_HEAD_LEN + TLV_DELTA_LEN + TLV_RECORD_LEN + sizeof value);
		ck_assert(unpack(&d.copy, &p));
	}
	ck_assert_mem_eq(d.copy.digest, d.owner.digest, sizeof d.copy.digest);
	duo_deinit(&d);
}
END_TEST

START_TEST(a_gap_wider_than_an_offset_is_crossed)
{
	struct duo d;

	duo_init(&d);
	write_text(&d.owner, 1, "up");
	shelf_seal(&d.owner);
	d.owner.vector.seq += (uint64_t)5 << 32;
	write_text(&d.owner, 2, "up");
	sync_all(&d, PAIR_PLAIN_MAX);
	ck_assert(holds(&d.copy, 1, "up") && holds(&d.copy, 2, "up"));
	duo_deinit(&d);
}
END_TEST

START_TEST(nothing_fits_nothing_written)
{
	struct duo d;

	duo_init(&d);
	write_text(&d.owner, 1, "a value of some length");
	struct parcel p = pack(&d.owner, 0, TLV_HEAD_LEN + TLV_DELTA_LEN + 20);
	ck_assert(p.len == 0 && p.to == 0);
	p = pack(&d.owner, 0, 10);
	ck_assert(p.len == 0 && p.to == 0);
	duo_deinit(&d);
}
END_TEST

/* Whatever allocation fails, the shelf is as before and the next try works. */
START_TEST(lack_of_memory_changes_nothing)
{
	struct duo d;

	duo_init(&d);
	for (uint64_t k = 0; k < 40; k++) {
		struct pair_record r = { .owner = OWNER, .kind = PAIR_VERDICT, .key = k, .epoch = EPOCH, .seq = k + 1,
					 .value_len = 2, .value = (const uint8_t *)"up" };
		bool done = false;
		for (unsigned n = 1; !done; n++) {
			uint64_t seq = d.owner.vector.seq, digest = d.copy.digest[0];
			fault_arm(n);
			int e = shelf_write(&d.owner, PAIR_VERDICT, k, "up", 2);
			done = !fault_disarm();
			ck_assert_int_eq(e, done ? 1 : ERR_NOMEM);
			ck_assert(done || (d.owner.vector.seq == seq && holds(&d.owner, k, NULL)));
			if (done)
				break;
			fault_arm(n);
			e = shelf_join(&d.copy, &r);
			if (fault_disarm()) {
				ck_assert_int_eq(e, ERR_NOMEM);
				ck_assert(holds(&d.copy, k, NULL) && d.copy.digest[0] == digest);
			}
		}
	}
	sync_all(&d, PAIR_PLAIN_MAX);
	duo_deinit(&d);
}
END_TEST

START_TEST(a_walk_meets_each_live_record_once)
{
	struct duo d;
	size_t pos = 0, n = 0;
	uint64_t keys = 0;

	duo_init(&d);
	for (uint64_t k = 0; k < 50; k++)
		write_text(&d.owner, k, k % 5 ? "up" : "x");
	for (uint64_t k = 0; k < 50; k += 5)
		write_text(&d.owner, k, "");
	ck_assert_int_eq(shelf_write(&d.owner, PAIR_ADMIN, 1, "down", 4), 1);
	for (const struct pair_record *r; (r = shelf_walk(&d.owner, PAIR_VERDICT, &pos)); n++)
		keys |= (uint64_t)1 << r->key;
	ck_assert_uint_eq(n, 40);
	ck_assert_int_eq(__builtin_popcountll(keys), 40);
	duo_deinit(&d);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { writes_are_numbered_and_found,
				 a_copy_becomes_equal_and_tells_changes_once,
				 the_vector_waits_for_gaps,
				 old_news_bring_nothing_back,
				 a_new_epoch_keeps_the_old_records_until_its_base,
				 an_empty_epoch_ends_the_old_one,
				 an_overtaken_epoch_is_ignored,
				 a_resync_replaces_everything,
				 any_order_of_parcels_converges,
				 a_hundred_thousand_records,
				 a_gap_wider_than_an_offset_is_crossed,
				 nothing_fits_nothing_written,
				 lack_of_memory_changes_nothing,
				 a_walk_meets_each_live_record_once };
	return unit_run("pair_shelf", tests, sizeof tests / sizeof *tests);
}
