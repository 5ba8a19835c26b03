/* A journal in a folder of its own, on a disk that fails when told, and a book of what it told: for the journal's tests. Needs the
 * linker to wrap openat, pwrite, fdatasync and fsync. Included once, by a test. */
#ifndef GEMEL_TESTS_JOURNAL_KIT_H
#define GEMEL_TESTS_JOURNAL_KIT_H
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

static struct { int pwrites_ok, fdatasyncs_fail, fsyncs_fail; bool hold, read_only; } disk = { .pwrites_ok = -1 };
static pthread_mutex_t disk_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t disk_wake = PTHREAD_COND_INITIALIZER;

ssize_t __real_pwrite(int fd, const void *p, size_t len, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t len, off_t at);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_fsync(int fd);
int __wrap_fsync(int fd);

int __real_openat(int dir, const char *name, int flags, ...);
int __wrap_openat(int dir, const char *name, int flags, mode_t mode);
int __wrap_openat(int dir, const char *name, int flags, mode_t mode)
{
	if (!disk.read_only || (flags & O_ACCMODE) == O_RDONLY)
		return __real_openat(dir, name, flags, mode);
	errno = EROFS;
	return -1;
}

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

static inline int sync_or_fail(int fd, int *fail, int (*real)(int))
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

static inline void hold(bool on)
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

static inline void on_record(void *ctx, const uint8_t *record, size_t len)
{
	struct book *k = ctx;
	ck_assert_uint_ge(len, 4);
	ck_assert_uint_lt(k->count, RECORDS_MAX);
	k->seen[k->count++] = load_u32(record);
}

static inline void on_synced(void *ctx, uint64_t seq)
{
	struct book *k = ctx;
	ck_assert_uint_gt(seq, k->synced);
	ck_assert_uint_le(seq, k->seq);
	k->synced = seq;
}

static inline void on_failed(void *ctx, int why)
{
	struct book *k = ctx;
	k->failed++;
	k->why = why;
}

static inline int on_fill(void *ctx, journal_emit emit, void *out)
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

static inline void open_book(void)
{
	struct journal_hooks h = { &b, on_record, on_synced, on_failed, on_fill };
	b.count = 0;
	b.seq = b.synced = 0;
	b.journal = journal_open(b.base, b.dir, &h);
	ck_assert_ptr_nonnull(b.journal);
}

static inline void make_folder(void)
{
	signal(SIGXFSZ, SIG_IGN);
	strcpy(b.path, "/tmp/gemel-journal-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(b.path));
	b.dir = open(b.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(b.dir, 0);
	b.base = event_base_new();
}

static inline void setup(void)
{
	make_folder();
	open_book();
}

static inline void teardown(void)
{
	static const char *const names[] = { "journal", "journal.new", "epoch" };
	journal_close(b.journal);
	for (size_t i = 0; i < 3; i++)
		unlinkat(b.dir, names[i], 0);
	close(b.dir);
	ck_assert_int_eq(rmdir(b.path), 0);
	event_base_free(b.base);
}

static inline void reopen(void)
{
	journal_close(b.journal);
	open_book();
}

static inline int append(uint32_t number)
{
	uint8_t record[8] = { 0 };
	store_u32(record, number);
	b.state[b.state_count++] = number; /* the state holds it, whether or not it could be written: as with verdicts */
	return journal_append(b.journal, ++b.seq, record, sizeof record);
}

static inline void on_patience_ended(evutil_socket_t fd, short what, void *ctx)
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

static inline void expect_numbers(uint32_t first, uint32_t last)
{
	ck_assert_uint_eq(b.count, last - first + 1);
	for (uint32_t i = 0; i < b.count; i++)
		ck_assert_uint_eq(b.seen[i], first + i);
}

static inline off_t file_len(const char *name)
{
	struct stat st;
	return fstatat(b.dir, name, &st, 0) ? -1 : st.st_size;
}

static inline void limit_files(rlim_t len)
{
	struct rlimit lim;
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &lim), 0);
	lim.rlim_cur = len;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &lim), 0);
}

#endif
