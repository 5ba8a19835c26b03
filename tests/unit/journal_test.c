/* The journal's promise: cut or hit anywhere, it still gives a prefix of whole records; the epoch's two slots outlive a torn one. */
#include <check.h>
#include <stdio.h>
#include "core/journal.h"

#define RECORDS 12

static uint8_t file[4096];
static size_t starts[RECORDS + 1]; /* where frame i begins; [RECORDS] = the end */

static void record_of(size_t i, uint8_t *out, size_t *len)
{
	*len = 1 + i * 7;
	for (size_t k = 0; k < *len; k++)
		out[k] = (uint8_t)(i * 31 + k);
}

static size_t write_file(void)
{
	struct wbuf w;
	wbuf_init(&w, file, sizeof file);
	for (size_t i = 0; i < RECORDS; i++) {
		uint8_t record[128];
		size_t len;
		record_of(i, record, &len);
		starts[i] = w.len;
		journal_frame_put(&w, 10 + i * 3, record, len);
	}
	ck_assert(!w.failed);
	starts[RECORDS] = w.len;
	return w.len;
}

/* Reads all frames of data; each must be the next one. Returns how many there were. */
static size_t read_prefix(const uint8_t *data, size_t n)
{
	struct rbuf r;
	uint64_t seq = 0;
	const uint8_t *record;
	size_t len, count = 0;
	rbuf_init(&r, data, n);
	while (journal_frame_get(&r, &seq, &record, &len)) {
		uint8_t want[128];
		size_t want_len;
		record_of(count, want, &want_len);
		ck_assert_uint_eq(len, want_len);
		ck_assert_mem_eq(record, want, len);
		ck_assert_uint_eq(seq, 10 + count * 3);
		count++;
		ck_assert_uint_eq(r.pos, starts[count]);
	}
	return count;
}

START_TEST(a_cut_at_any_octet_leaves_a_prefix)
{
	size_t len = write_file(), whole = 0;
	for (size_t cut = 0; cut <= len; cut++) {
		if (whole < RECORDS && cut == starts[whole + 1])
			whole++;
		ck_assert_uint_eq(read_prefix(file, cut), whole);
	}
	ck_assert_uint_eq(whole, RECORDS);
}
END_TEST

START_TEST(a_flip_of_any_bit_ends_before_its_frame)
{
	size_t len = write_file(), frame = 0;
	for (size_t bit = 0; bit < len * 8; bit++) {
		if (bit / 8 == starts[frame + 1])
			frame++;
		file[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_uint_eq(read_prefix(file, len), frame);
		file[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}
END_TEST

START_TEST(old_frames_behind_new_ones_are_not_read)
{
	/* A file written again from its start keeps older frames behind the end: their numbers do not rise. */
	uint8_t data[256];
	struct wbuf w;
	struct rbuf r;
	uint64_t seq = 0;
	const uint8_t *record;
	size_t len;
	wbuf_init(&w, data, sizeof data);
	journal_frame_put(&w, 7, (const uint8_t *)"new", 3);
	journal_frame_put(&w, 5, (const uint8_t *)"old", 3);
	rbuf_init(&r, data, w.len);
	ck_assert(journal_frame_get(&r, &seq, &record, &len));
	ck_assert(!journal_frame_get(&r, &seq, &record, &len));
	ck_assert_uint_eq(seq, 7);
}
END_TEST

START_TEST(what_does_not_fit_writes_nothing)
{
	static uint8_t big[JOURNAL_RECORD_MAX + 1], data[2 * JOURNAL_RECORD_MAX];
	struct wbuf w;
	wbuf_init(&w, data, sizeof data);
	journal_frame_put(&w, 1, big, sizeof big);
	ck_assert(w.failed);
	wbuf_init(&w, data, sizeof data);
	journal_frame_put(&w, 1, big, JOURNAL_RECORD_MAX);
	ck_assert(!w.failed);
	wbuf_init(&w, data, JOURNAL_FRAME_HEAD_LEN + 4);
	journal_frame_put(&w, 1, big, 5);
	ck_assert(w.failed);
	ck_assert_uint_eq(w.len, 0);
}
END_TEST

START_TEST(the_newer_whole_slot_counts)
{
	uint8_t slots[2 * EPOCH_SLOT_LEN] = { 0 };
	uint64_t epoch = 1, counter = 1;
	ck_assert(!epoch_slots_get(slots, 0, &epoch, &counter));
	epoch_slot_put(slots, 0x500000001, 8);
	epoch_slot_put(slots + EPOCH_SLOT_LEN, 0x400000001, 7);
	ck_assert(epoch_slots_get(slots, sizeof slots, &epoch, &counter));
	ck_assert_uint_eq(epoch, 0x500000001);
	ck_assert_uint_eq(counter, 8);
	/* the newer slot torn at any bit: the older one still stands */
	for (size_t bit = 0; bit < (EPOCH_SLOT_LEN - 36) * 8; bit++) {
		slots[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert(epoch_slots_get(slots, sizeof slots, &epoch, &counter));
		ck_assert_uint_eq(epoch, 0x400000001);
		slots[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	memset(slots, 0, sizeof slots);
	ck_assert(!epoch_slots_get(slots, sizeof slots, &epoch, &counter));
	ck_assert_uint_eq(epoch, 0x400000001);
	ck_assert_uint_eq(epoch_next(0x400000001, 0xabcdef01), 0x5abcdef01);
	ck_assert_uint_eq(epoch_next(0, 3), 0x100000003);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("journal");
	TCase *t = tcase_create("frames");
	tcase_add_test(t, a_cut_at_any_octet_leaves_a_prefix);
	tcase_add_test(t, a_flip_of_any_bit_ends_before_its_frame);
	tcase_add_test(t, old_frames_behind_new_ones_are_not_read);
	tcase_add_test(t, what_does_not_fit_writes_nothing);
	tcase_add_test(t, the_newer_whole_slot_counts);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
