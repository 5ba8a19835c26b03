/* What the journal calls synced is there after a fresh start, whatever happens between: on a full disk, on one whose syncs fail,
 * and while it is compacted. */
#include "tests/unit/journal_kit.h"

/* ---- a full disk ---- */

START_TEST(a_full_disk_is_told_before_anything_is_promised)
{
	setup();
	limit_files(4096);
	ck_assert_int_eq(journal_reserve(b.journal, 1024), 0);
	ck_assert_int_eq(journal_reserve(b.journal, 65536), ERR_IO);
	ck_assert_int_eq(errno, EFBIG);
	ck_assert(!journal_has_failed(b.journal));
	limit_files(RLIM_INFINITY);
	ck_assert_int_eq(journal_reserve(b.journal, 65536), 0);
	ck_assert_int_eq(append(1), 0);
	reopen();
	expect_numbers(1, 1); /* what was reserved is no part of the file */
	teardown();
}
END_TEST

/* Writes until the disk is full: every whole record stays, nothing lost is called synced, and it heals. */
START_TEST(a_full_disk_loses_no_older_record_and_heals)
{
	setup();
	limit_files(1000);
	uint32_t i = 1;
	while (append(i) == 0)
		i++;
	ck_assert_uint_gt(i, 20);
	ck_assert(journal_has_failed(b.journal));
	ck_assert_int_eq(append(i + 1), ERR_IO);
	journal_sync(b.journal, true); /* a fresh file is as full */
	ck_assert_uint_eq(b.failed, 1);
	ck_assert_int_ne(b.why, 0);
	ck_assert_uint_eq(b.synced, 0);
	ck_assert_int_eq(file_len("journal.new"), -1);

	limit_files(RLIM_INFINITY);
	ck_assert_int_eq(append(i + 2), 0);
	journal_sync(b.journal, true);
	UNTIL(b.synced == b.seq);
	ck_assert(!journal_has_failed(b.journal));
	reopen();
	expect_numbers(1, i + 2);
	teardown();
}
END_TEST

START_TEST(after_a_full_disk_the_file_replays_whole)
{
	setup();
	for (disk.pwrites_ok = 7; append((uint32_t)b.seq + 1) == 0;)
		;
	disk.pwrites_ok = -1;
	reopen();
	expect_numbers(1, 7);
	teardown();
}
END_TEST

/* The heart of it: record 3 is not written, record 4 is. Nobody may hear that 4, and so 3, is durable. */
START_TEST(a_lost_record_holds_back_all_that_follow)
{
	setup();
	ck_assert_int_eq(append(1), 0);
	ck_assert_int_eq(append(2), 0);
	journal_sync(b.journal, true);
	UNTIL(b.synced == 2);
	disk.pwrites_ok = 0;
	ck_assert_int_eq(append(3), ERR_IO);
	disk.pwrites_ok = -1;
	ck_assert_int_eq(append(4), 0);
	b.fill_error = ERR_NOMEM; /* and there is no fresh file either */
	journal_sync(b.journal, true);
	ck_assert_uint_eq(b.failed, 1);
	ck_assert_int_eq(b.why, ENOMEM);
	ck_assert_uint_eq(b.synced, 2);
	reopen();
	expect_numbers(1, 2); /* 4 was refused, so it does not come back */
	teardown();
}
END_TEST

START_TEST(a_fresh_file_makes_up_for_a_lost_record)
{
	setup();
	ck_assert_int_eq(append(1), 0);
	disk.pwrites_ok = 0;
	ck_assert_int_eq(append(2), ERR_IO);
	disk.pwrites_ok = -1;
	journal_sync(b.journal, true);
	UNTIL(b.synced == 2);
	ck_assert_uint_eq(b.failed, 0);
	ck_assert_uint_eq(b.fills, 1);
	reopen();
	expect_numbers(1, 2);
	teardown();
}
END_TEST

/* ---- syncs that fail ---- */

/* The next fdatasync works, yet the pages are gone: only the fresh file counts. */
START_TEST(a_failed_sync_is_not_believed_later)
{
	setup();
	ck_assert_int_eq(append(1), 0);
	disk.fdatasyncs_fail = 1;
	journal_sync(b.journal, true);
	UNTIL(b.synced == 1);
	ck_assert_uint_eq(b.fills, 1);
	ck_assert_uint_eq(b.failed, 0);
	ck_assert(!journal_has_failed(b.journal));
	reopen();
	expect_numbers(1, 1);
	teardown();
}
END_TEST

START_TEST(where_nothing_can_be_synced_the_record_goes)
{
	setup();
	ck_assert_int_eq(append(1), 0);
	journal_sync(b.journal, true);
	UNTIL(b.synced == 1);
	ck_assert_int_eq(append(2), 0);
	disk.fdatasyncs_fail = disk.fsyncs_fail = 1000;
	journal_sync(b.journal, true);
	UNTIL(b.failed == 1);
	ck_assert_int_eq(b.why, EIO);
	ck_assert_uint_eq(b.synced, 1);
	ck_assert(journal_has_failed(b.journal));
	disk.fdatasyncs_fail = disk.fsyncs_fail = 0;
	reopen();
	expect_numbers(1, 1);
	ck_assert_int_eq(file_len("journal.new"), -1);
	teardown();
}
END_TEST

START_TEST(a_disk_that_works_again_is_used_again)
{
	setup();
	ck_assert_int_eq(append(1), 0);
	disk.fdatasyncs_fail = disk.fsyncs_fail = 1000;
	journal_sync(b.journal, true);
	UNTIL(b.failed == 1);
	disk.fdatasyncs_fail = disk.fsyncs_fail = 0;
	b.state_count = 0; /* the owner drops what it refused */
	ck_assert_int_eq(append(2), 0);
	journal_sync(b.journal, true);
	UNTIL(b.synced == 2);
	reopen();
	expect_numbers(2, 2);
	teardown();
}
END_TEST

/* ---- compaction ---- */

START_TEST(compaction_replaces_the_file)
{
	setup();
	for (uint32_t i = 1; i <= 100; i++)
		ck_assert_int_eq(append(i), 0);
	off_t before = file_len("journal");
	b.state_count = 0;
	b.state[b.state_count++] = 100;
	ck_assert_int_eq(journal_compact(b.journal), 0);
	UNTIL(b.synced == 100); /* everything the state holds is durable with it */
	ck_assert_int_lt(file_len("journal"), before / 10);
	ck_assert_int_eq(file_len("journal.new"), -1);
	ck_assert_int_eq(append(101), 0);
	reopen();
	expect_numbers(100, 101);
	teardown();
}
END_TEST

/* While the disk takes its time, records go to both files: whichever is left by a crash holds them. */
START_TEST(records_of_meanwhile_are_in_either_file)
{
	setup();
	ck_assert_int_eq(append(1), 0);
	hold(true);
	ck_assert_int_eq(journal_compact(b.journal), 0);
	ck_assert_int_eq(append(2), 0);
	journal_sync(b.journal, true);
	ck_assert_int_eq(file_len("journal"), file_len("journal.new"));
	ck_assert_int_eq(journal_compact(b.journal), 0); /* one at a time */
	ck_assert_uint_eq(b.fills, 1);
	ck_assert_uint_eq(b.synced, 0);
	hold(false);
	UNTIL(b.synced == 2);
	reopen();
	expect_numbers(1, 2);
	teardown();
}
END_TEST

START_TEST(a_record_lost_during_compaction_is_made_up_for)
{
	setup();
	ck_assert_int_eq(append(1), 0);
	hold(true);
	ck_assert_int_eq(journal_compact(b.journal), 0);
	disk.pwrites_ok = 1; /* the old file takes it, the new one does not */
	ck_assert_int_eq(append(2), ERR_IO);
	disk.pwrites_ok = -1;
	ck_assert_int_eq(append(3), 0);
	journal_sync(b.journal, true);
	hold(false);
	UNTIL(b.synced == 3);
	ck_assert_uint_eq(b.fills, 2);
	ck_assert_uint_eq(b.failed, 0);
	reopen();
	expect_numbers(1, 3);
	teardown();
}
END_TEST

START_TEST(a_compaction_that_fails_leaves_the_file)
{
	setup();
	for (uint32_t i = 1; i <= 10; i++)
		ck_assert_int_eq(append(i), 0);
	b.fill_error = ERR_NOMEM;
	ck_assert_int_eq(journal_compact(b.journal), ERR_NOMEM);
	b.fill_error = 0;
	for (int ok = 0; ok < 11; ok++) { /* at each of its writes */
		disk.pwrites_ok = ok;
		ck_assert_int_eq(journal_compact(b.journal), ERR_IO);
		disk.pwrites_ok = -1;
		ck_assert_int_eq(file_len("journal.new"), -1);
	}
	disk.fsyncs_fail = 1;
	ck_assert_int_eq(journal_compact(b.journal), 0);
	UNTIL(file_len("journal.new") == -1);
	ck_assert_uint_eq(b.failed, 0); /* nobody waited */
	ck_assert_int_eq(append(11), 0);
	journal_sync(b.journal, true);
	UNTIL(b.synced == 11);
	reopen();
	expect_numbers(1, 11);
	teardown();
}
END_TEST

START_TEST(what_a_dead_compaction_left_does_not_matter)
{
	setup();
	ck_assert_int_eq(append(1), 0);
	int fd = openat(b.dir, "journal.new", O_WRONLY | O_CREAT, 0600);
	ck_assert_int_eq(write(fd, "half", 4), 4);
	close(fd);
	reopen();
	expect_numbers(1, 1);
	ck_assert_int_eq(journal_compact(b.journal), 0);
	UNTIL(file_len("journal.new") == -1);
	reopen();
	expect_numbers(1, 1);
	teardown();
}
END_TEST

START_TEST(it_may_be_closed_in_the_middle)
{
	setup();
	ck_assert_int_eq(append(1), 0);
	ck_assert_int_eq(journal_compact(b.journal), 0);
	ck_assert_int_eq(append(2), 0);
	reopen();
	expect_numbers(1, 2);
	teardown();
}
END_TEST

int main(void)
{
	const TTest *tests[] = { a_full_disk_is_told_before_anything_is_promised,
				 a_full_disk_loses_no_older_record_and_heals,
				 after_a_full_disk_the_file_replays_whole, a_lost_record_holds_back_all_that_follow,
				 a_fresh_file_makes_up_for_a_lost_record, a_failed_sync_is_not_believed_later,
				 where_nothing_can_be_synced_the_record_goes, a_disk_that_works_again_is_used_again,
				 compaction_replaces_the_file, records_of_meanwhile_are_in_either_file,
				 a_record_lost_during_compaction_is_made_up_for,
				 a_compaction_that_fails_leaves_the_file,
				 what_a_dead_compaction_left_does_not_matter, it_may_be_closed_in_the_middle };
	return unit_run("io_durable", tests, sizeof tests / sizeof *tests);
}
