/* The journal on disk: cut at every octet, spoilt, on a full disk, on one whose syncs fail, while it is compacted; and the epoch.
 * What it calls synced must be there after a fresh start, whatever happened between. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/journal.h"
#include "io/journal.h"
#include "tests/unit/unit.h"

#define RECORDS_MAX 20000

/* ---- a disk that fails when told (the linker wraps these) ---- */

static struct { int pwrites_ok, fdatasyncs_fail, fsyncs_fail; bool hold; } disk = { .pwrites_ok = -1 };
static pthread_mutex_t disk_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t disk_wake = PTHREAD_COND_INITIALIZER;

ssize_t __real_pwrite(int fd, const void *p, size_t len, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t len, off_t at);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_fsync(int fd);
int __wrap_fsync(int fd);

/* Cuts the first write that fails in the middle, as a full disk does. */
ssize_t __wrap_pwrite(int fd, const void *p, size_t len, off_t at)
{
	if (disk.pwrites_ok < 0)
		return __real_pwrite(fd, p, len, at);
	if (disk.pwrites_ok > 0) {
		disk.pwrites_ok--;
		return __real_pwrite(fd, p, len, at);
	}
	return __real_pwrite(fd, p, len / 2, at);
}

static int sync_or_fail(int fd, int *fail, int (*real)(int))
{
	pthread_mutex_lock(&disk_lock);
	while (disk.hold)
		pthread_cond_wait(&disk_wake, &disk_lock);
	bool fails = *fail > 0;
	if (fails)
		--*fail;
	pthread_mutex_unlock(&disk_lock);
	if (!fails)
		return real(fd);
	errno = EIO;
	return -1;
}

int __wrap_fdatasync(int fd)
{
	return sync_or_fail(fd, &disk.fdatasyncs_fail, __real_fdatasync);
}

int __wrap_fsync(int fd)
{
	return sync_or_fail(fd, &disk.fsyncs_fail, __real_fsync);
}

static void hold(bool on)
{
	pthread_mutex_lock(&disk_lock);
	disk.hold = on;
	pthread_cond_broadcast(&disk_wake);
	pthread_mutex_unlock(&disk_lock);
}

/* ---- a journal and what it told ---- */

struct book {
	struct event_base *base;
	struct journal *journal;
	char path[64];
	int dir;
	uint32_t seen[RECORDS_MAX]; /* numbers in the records read */
	size_t count;
	uint32_t state[RECORDS_MAX]; /* what fill emits */
	size_t state_count;
	uint64_t seq, synced;
	unsigned failed, fills;
	int why, fill_error;
};
static struct book b;

static void on_record(void *ctx, const uint8_t *record, size_t len)
{
	struct book *k = ctx;
	ck_assert_uint_ge(len, 4);
	ck_assert_uint_lt(k->count, RECORDS_MAX);
	k->seen[k->count++] = load_u32(record);
}

static void on_synced(void *ctx, uint64_t seq)
{
	struct book *k = ctx;
	ck_assert_uint_gt(seq, k->synced);
	ck_assert_uint_le(seq, k->seq);
	k->synced = seq;
}

static void on_failed(void *ctx, int why)
{
	struct book *k = ctx;
	k->failed++;
	k->why = why;
}

static int on_fill(void *ctx, journal_emit emit, void *out)
{
	struct book *k = ctx;
	uint8_t record[8] = { 0 };
	int e = k->fill_error;
	k->fills++;
	for (size_t i = 0; !e && i < k->state_count; i++) {
		store_u32(record, k->state[i]);
		e = emit(out, record, sizeof record);
	}
	return e;
}

static void open_book(void)
{
	struct journal_hooks h = { &b, on_record, on_synced, on_failed, on_fill };
	b.count = 0;
	b.seq = b.synced = 0;
	b.journal = journal_open(b.base, b.dir, &h);
	ck_assert_ptr_nonnull(b.journal);
}

static void make_folder(void)
{
	signal(SIGXFSZ, SIG_IGN);
	strcpy(b.path, "/tmp/gemel-journal-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(b.path));
	b.dir = open(b.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(b.dir, 0);
	b.base = event_base_new();
}

static void setup(void)
{
	make_folder();
	open_book();
}

static void teardown(void)
{
	static const char *const names[] = { "journal", "journal.new", "epoch" };
	journal_close(b.journal);
	for (size_t i = 0; i < 3; i++)
		unlinkat(b.dir, names[i], 0);
	close(b.dir);
	ck_assert_int_eq(rmdir(b.path), 0);
	event_base_free(b.base);
}

static void reopen(void)
{
	journal_close(b.journal);
	open_book();
}

static int append(uint32_t number)
{
	uint8_t record[8] = { 0 };
	store_u32(record, number);
	b.state[b.state_count++] = number; /* the state holds it, whether or not it could be written: as with verdicts */
	return journal_append(b.journal, ++b.seq, record, sizeof record);
}

static void on_patience_ended(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	ck_abort_msg("the journal does not tell: %s", (const char *)ctx);
}

#define UNTIL(condition)                                                                                  \
	do {                                                                                              \
		struct timeval patience = { .tv_sec = 10 };                                               \
		struct event *e_ = evtimer_new(b.base, on_patience_ended, (void *)(uintptr_t)#condition); \
		event_add(e_, &patience);                                                                 \
		while (!(condition))                                                                      \
			event_base_loop(b.base, EVLOOP_ONCE);                                             \
		event_free(e_);                                                                           \
	} while (0)

static void expect_numbers(uint32_t first, uint32_t last)
{
	ck_assert_uint_eq(b.count, last - first + 1);
	for (uint32_t i = 0; i < b.count; i++)
		ck_assert_uint_eq(b.seen[i], first + i);
}

static off_t file_len(const char *name)
{
	struct stat st;
	return fstatat(b.dir, name, &st, 0) ? -1 : st.st_size;
}

static void limit_files(rlim_t len)
{
	struct rlimit lim;
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &lim), 0);
	lim.rlim_cur = len;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &lim), 0);
}

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
				 cut_at_every_octet_it_is_a_prefix_that_goes_on, a_spoilt_octet_ends_the_replay_before_it,
				 a_tail_of_garbage_is_cut_off, a_full_disk_is_told_before_anything_is_promised,
				 a_full_disk_loses_no_older_record_and_heals, after_a_full_disk_the_file_replays_whole,
				 a_lost_record_holds_back_all_that_follow, a_fresh_file_makes_up_for_a_lost_record,
				 a_failed_sync_is_not_believed_later, where_nothing_can_be_synced_the_record_goes,
				 a_disk_that_works_again_is_used_again, compaction_replaces_the_file,
				 records_of_meanwhile_are_in_either_file, a_record_lost_during_compaction_is_made_up_for,
				 a_compaction_that_fails_leaves_the_file, what_a_dead_compaction_left_does_not_matter,
				 it_may_be_closed_in_the_middle, an_epoch_survives_a_torn_successor, two_torn_epochs_are_none,
				 a_full_disk_stops_no_epoch_but_the_first, a_short_epoch_file_is_filled_up };
	return unit_run("io_journal", tests, sizeof tests / sizeof *tests);
}
