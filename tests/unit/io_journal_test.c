/* The journal's files: cut at every octet, spoilt, with a tail of garbage; and the two slots of the epoch. */
#include "tests/unit/journal_kit.h"

/* ---- good days ---- */

START_TEST(records_come_back_in_order)
{
	setup();
	for (uint32_t i = 1; i <= 500; i++)
		ck_assert_int_eq(append(i), 0);
	journal_sync(b.journal, true);
	UNTIL(b.synced == 500);
	reopen();
	expect_numbers(1, 500);
	ck_assert_int_eq(append(501), 0);
	reopen();
	expect_numbers(1, 501);
	teardown();
}
END_TEST

START_TEST(verdicts_are_synced_soon_without_being_asked_twice)
{
	setup();
	for (uint32_t i = 1; i <= 5; i++) {
		ck_assert_int_eq(append(i), 0);
		journal_sync(b.journal, false);
	}
	ck_assert_uint_eq(b.synced, 0);
	UNTIL(b.synced == 5);
	teardown();
}
END_TEST

/* ---- torn and spoilt files ---- */

static size_t read_journal(uint8_t *data, size_t cap)
{
	int fd = openat(b.dir, "journal", O_RDONLY);
	ssize_t n = read(fd, data, cap);
	close(fd);
	ck_assert_int_gt(n, 0);
	return (size_t)n;
}

static void write_journal(const uint8_t *data, size_t len)
{
	int fd = openat(b.dir, "journal", O_WRONLY | O_TRUNC);
	ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
	close(fd);
}

START_TEST(cut_at_every_octet_it_is_a_prefix_that_goes_on)
{
	uint8_t whole[1024];
	const size_t frame = JOURNAL_FRAME_HEAD_LEN + 8;
	setup();
	for (uint32_t i = 1; i <= 6; i++)
		ck_assert_int_eq(append(i), 0);
	journal_close(b.journal);
	size_t len = read_journal(whole, sizeof whole);
	ck_assert_uint_eq(len, JOURNAL_HEAD_LEN + 6 * frame);
	for (size_t cut = 0; cut <= len; cut++) {
		uint32_t left = cut < JOURNAL_HEAD_LEN ? 0 : (uint32_t)((cut - JOURNAL_HEAD_LEN) / frame);
		write_journal(whole, cut);
		open_book();
		expect_numbers(1, left);
		ck_assert_int_eq(append(left + 1), 0);
		reopen();
		expect_numbers(1, left + 1);
		journal_close(b.journal);
	}
	open_book();
	teardown();
}
END_TEST

/* Of a running server too: nothing is cut off, and nothing but its time is touched. */
START_TEST(reading_alone_changes_nothing)
{
	uint8_t whole[1024], again[1024];
	char path[96];
	const size_t frame = JOURNAL_FRAME_HEAD_LEN + 8;
	size_t torn = 99;
	setup();
	snprintf(path, sizeof path, "%s/journal", b.path);
	for (uint32_t i = 1; i <= 6; i++)
		ck_assert_int_eq(append(i), 0);
	journal_sync(b.journal, true);
	size_t len = read_journal(whole, sizeof whole);
	for (size_t cut = 0; cut <= len; cut++) {
		size_t left = cut < JOURNAL_HEAD_LEN ? 0 : (cut - JOURNAL_HEAD_LEN) / frame;
		write_journal(whole, cut);
		b.count = 0;
		int e = journal_read(path, on_record, &b, &torn);
		ck_assert_int_eq(e, cut > 0 && cut < JOURNAL_HEAD_LEN ? ERR_FORMAT : 0);
		ck_assert_uint_eq(b.count, left);
		ck_assert(e || torn == (cut ? cut - JOURNAL_HEAD_LEN - left * frame : 0));
		ck_assert_uint_eq(cut ? read_journal(again, sizeof again) : 0, cut);
		ck_assert_int_eq(memcmp(again, whole, cut), 0);
	}
	ck_assert_int_eq(journal_read(b.path, on_record, &b, &torn), ERR_IO);
	ck_assert_int_eq(errno, EISDIR);
	snprintf(path, sizeof path, "%s/nothing", b.path);
	ck_assert_int_eq(journal_read(path, on_record, &b, &torn), ERR_IO);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(journal_read(path, on_record, &b, &torn), ERR_IO); /* and waits for nobody */
	unlink(path);
	teardown();
}
END_TEST

START_TEST(a_spoilt_octet_ends_the_replay_before_it)
{
	uint8_t whole[1024], bad[1024];
	const size_t frame = JOURNAL_FRAME_HEAD_LEN + 8;
	setup();
	for (uint32_t i = 1; i <= 4; i++)
		ck_assert_int_eq(append(i), 0);
	journal_close(b.journal);
	size_t len = read_journal(whole, sizeof whole);
	for (size_t at = 0; at < len; at++) {
		memcpy(bad, whole, len);
		bad[at] ^= 0x41;
		write_journal(bad, len);
		open_book();
		expect_numbers(1, at < JOURNAL_HEAD_LEN ? 0 : (uint32_t)((at - JOURNAL_HEAD_LEN) / frame));
		journal_close(b.journal);
	}
	open_book();
	teardown();
}
END_TEST

START_TEST(a_tail_of_garbage_is_cut_off)
{
	uint8_t data[4096];
	setup();
	ck_assert_int_eq(append(1), 0);
	journal_close(b.journal);
	size_t len = read_journal(data, sizeof data);
	for (size_t i = len; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 7);
	write_journal(data, sizeof data);
	open_book();
	expect_numbers(1, 1);
	ck_assert_int_eq(file_len("journal"), (off_t)len);
	teardown();
}
END_TEST

/* ---- the epoch ---- */

static uint64_t epoch(void)
{
	uint64_t e;
	ck_assert_int_eq(journal_epoch_read(b.dir, &e), 0);
	return e;
}

static void spoil_epoch(off_t at)
{
	uint8_t octet;
	int fd = openat(b.dir, "epoch", O_RDWR);
	ck_assert_int_eq(pread(fd, &octet, 1, at), 1);
	octet ^= 0x5a;
	ck_assert_int_eq(__real_pwrite(fd, &octet, 1, at), 1);
	close(fd);
}

START_TEST(an_epoch_survives_a_torn_successor)
{
	setup();
	ck_assert_uint_eq(epoch(), 0);
	for (uint64_t n = 1; n <= 4; n++)
		for (off_t at = 0; at < 28; at++) { /* magic, epoch, counter, sum */
			ck_assert_int_eq(journal_epoch_write(b.dir, 100 * n + (uint64_t)at), 0);
			uint64_t good = epoch();
			ck_assert_uint_eq(good, 100 * n + (uint64_t)at);
			ck_assert_int_eq(journal_epoch_write(b.dir, 9999), 0);
			/* Of the two slots one holds 9999: spoil that one. */
			off_t slot = 0;
			spoil_epoch(at);
			if (epoch() == 9999) {
				spoil_epoch(at);
				slot = EPOCH_SLOT_LEN;
				spoil_epoch(slot + at);
			}
			ck_assert_uint_eq(epoch(), good);
		}
	teardown();
}
END_TEST

START_TEST(two_torn_epochs_are_none)
{
	setup();
	ck_assert_int_eq(journal_epoch_write(b.dir, 1), 0);
	ck_assert_int_eq(journal_epoch_write(b.dir, 2), 0);
	spoil_epoch(3);
	spoil_epoch(EPOCH_SLOT_LEN + 3);
	ck_assert_uint_eq(epoch(), 0);
	ck_assert_int_eq(journal_epoch_write(b.dir, 3), 0);
	ck_assert_uint_eq(epoch(), 3);
	teardown();
}
END_TEST

START_TEST(a_disk_that_takes_nothing_at_the_start_is_no_reason_not_to_start)
{
	make_folder();
	disk.pwrites_ok = 0;
	open_book(); /* full: not even the head */
	ck_assert(journal_has_failed(b.journal));
	ck_assert_int_eq(append(1), ERR_IO);
	ck_assert(journal_wants_compaction(b.journal));
	ck_assert_int_eq(journal_compact(b.journal), ERR_IO);
	disk.pwrites_ok = -1; /* somebody made room */
	ck_assert_int_eq(journal_compact(b.journal), 0);
	UNTIL(b.synced == 1);
	ck_assert(!journal_has_failed(b.journal));
	reopen();
	expect_numbers(1, 1);
	teardown();
}
END_TEST

START_TEST(a_read_only_disk_is_read_and_written_again_when_it_can_be)
{
	setup();
	for (uint32_t n = 1; n <= 3; n++)
		ck_assert_int_eq(append(n), 0);
	journal_close(b.journal);
	disk.read_only = true;
	open_book();
	expect_numbers(1, 3);
	ck_assert(journal_has_failed(b.journal));
	ck_assert_int_eq(journal_reserve(b.journal, 1), ERR_IO);
	ck_assert_int_eq(errno, EROFS);
	ck_assert_int_eq(append(4), ERR_IO);
	disk.read_only = false;
	ck_assert_int_eq(journal_compact(b.journal), 0);
	UNTIL(b.synced == 1);
	ck_assert_int_eq(journal_reserve(b.journal, 1), 0);
	reopen();
	expect_numbers(1, 4);
	teardown();
}
END_TEST

START_TEST(a_full_disk_stops_no_epoch_but_the_first)
{
	uint64_t e = 77;
	setup();
	limit_files(0);
	ck_assert_int_eq(journal_epoch_read(b.dir, &e), ERR_IO);
	ck_assert_uint_eq(e, 77);
	limit_files(RLIM_INFINITY);
	ck_assert_int_eq(journal_epoch_write(b.dir, 1), 0);
	limit_files(2 * EPOCH_SLOT_LEN); /* it may not grow by an octet */
	for (uint64_t n = 2; n <= 5; n++) {
		ck_assert_int_eq(journal_epoch_write(b.dir, n), 0);
		ck_assert_uint_eq(epoch(), n);
	}
	disk.fdatasyncs_fail = 1;
	ck_assert_int_eq(journal_epoch_write(b.dir, 6), ERR_IO);
	teardown();
}
END_TEST

START_TEST(a_short_epoch_file_is_filled_up)
{
	setup();
	ck_assert_int_eq(journal_epoch_write(b.dir, 8), 0);
	for (off_t len = 0; len <= 2 * EPOCH_SLOT_LEN; len++) {
		int fd = openat(b.dir, "epoch", O_RDWR);
		ck_assert_int_eq(ftruncate(fd, len), 0);
		close(fd);
		(void)epoch();
		ck_assert_int_eq(file_len("epoch"), 2 * EPOCH_SLOT_LEN);
	}
	teardown();
}
END_TEST

int main(void)
{
	const TTest *tests[] = { records_come_back_in_order, verdicts_are_synced_soon_without_being_asked_twice,
				 cut_at_every_octet_it_is_a_prefix_that_goes_on, reading_alone_changes_nothing,
				 a_spoilt_octet_ends_the_replay_before_it, a_tail_of_garbage_is_cut_off,
				 an_epoch_survives_a_torn_successor, two_torn_epochs_are_none,
				 a_disk_that_takes_nothing_at_the_start_is_no_reason_not_to_start,
				 a_read_only_disk_is_read_and_written_again_when_it_can_be,
				 a_full_disk_stops_no_epoch_but_the_first, a_short_epoch_file_is_filled_up };
	return unit_run("io_journal", tests, sizeof tests / sizeof *tests);
}
