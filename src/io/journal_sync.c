/* Durability: the thread that waits for the disk, and compaction, whose waiting it does too.
 *
 *     loop   ask_sync ─┐                    ┌─▶ on_done: settle the swap, tell synced() or failed()
 *            ask_swap ─┴─▶ job (under lock) ─▶ thread: fdatasync, or fsync + rename + fsync of the folder
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "core/journal.h"
#include "io/clock.h"
#include "io/journal_state.h"
#include "io/log.h"

#define SYNC_MS 100                /* verdicts may be lost for so long if the machine dies; overrides never */
#define RETRY_MS 10000             /* a disk that is full or broken is tried again so often */
#define COMPACT_MIN_LEN (4u << 20) /* then the file is rewritten from the present state */
#define COMPACT_GROWTH 4           /* times the whole state, so that rewriting stays rare */

/* ---- the thread ---- */

static void swap_files(struct journal *j)
{
	int fd = j->job.new_fd;
	pthread_mutex_unlock(&j->lock);
	bool moved = fsync(fd) == 0 && renameat(j->dir_fd, "journal.new", j->dir_fd, "journal") == 0;
	bool durable = moved && fsync(j->dir_fd) == 0;
	int why = errno;
	pthread_mutex_lock(&j->lock);
	j->job.swap = moved ? SWAP_DONE : SWAP_FAILED;
	j->job.swap_errno = why;
	if (moved)
		j->job.fd = fd;
	if (durable) {
		j->job.finished_seq = j->job.new_seq;
		j->job.finished_len = j->job.new_len;
		j->job.sync_errno = 0;
	} else if (moved) {
		j->job.sync_errno = why; /* which of the two a crash would leave is unknown */
	}
}

static void sync_file(struct journal *j)
{
	uint64_t seq = j->job.wanted_seq, len = j->job.wanted_len;
	int fd = j->job.fd;
	pthread_mutex_unlock(&j->lock);
	int why = fdatasync(fd) ? errno : 0;
	pthread_mutex_lock(&j->lock);
	j->job.sync_errno = why;
	if (why)
		return;
	j->job.finished_seq = seq;
	j->job.finished_len = len;
}

static void *run(void *ctx)
{
	struct journal *j = ctx;
	pthread_mutex_lock(&j->lock);
	while (!j->job.end) {
		if (j->job.swap == SWAP_WANTED) {
			swap_files(j);
		} else if (j->job.swap == SWAP_NONE && j->job.wanted_seq > j->job.finished_seq && !j->job.sync_errno) {
			sync_file(j);
		} else { /* a swap that the loop has not seen yet: lengths are still of the other file */
			pthread_cond_wait(&j->wake, &j->lock);
			continue;
		}
		uint64_t one = 1;
		ssize_t ignored = write(j->done_fd, &one, sizeof one);
		(void)ignored;
	}
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

/* ---- asking ---- */

static void ask_sync(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	j->job.wanted_seq = j->given_seq;
	j->job.wanted_len = j->file.len;
	j->job.fd = j->file.fd;
	pthread_cond_signal(&j->wake);
	pthread_mutex_unlock(&j->lock);
}

static void ask_swap(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	j->job.new_fd = j->next.fd;
	j->job.new_seq = j->given_seq;
	j->job.new_len = j->next.len;
	j->job.swap = SWAP_WANTED;
	pthread_cond_signal(&j->wake);
	pthread_mutex_unlock(&j->lock);
}

/* ---- compaction ---- */

static void drop_next(struct journal *j)
{
	int why = errno;
	close(j->next.fd);
	j->next.fd = -1;
	unlinkat(j->dir_fd, "journal.new", 0);
	j->compact_at = j->file.len + COMPACT_MIN_LEN; /* not again at once */
	errno = why;
}

static int emit_record(void *out, const uint8_t *record, size_t len)
{
	return journal_file_add(out, record, len);
}

int journal_compact(struct journal *j)
{
	if (j->next.fd >= 0)
		return 0;
	unlinkat(j->dir_fd, "journal.new", 0); /* of a process that died over it */
	struct journal_file f = { .len = JOURNAL_HEAD_LEN };
	f.fd = openat(j->dir_fd, "journal.new", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	j->next = f; /* -1 where that failed */
	if (f.fd < 0) {
		j->retry_ms = clock_mono_ms() + RETRY_MS;
		return ERR_IO;
	}
	int e = journal_write_at(f.fd, JOURNAL_MAGIC, JOURNAL_HEAD_LEN, 0);
	if (!e)
		e = j->hooks.fill(j->hooks.ctx, emit_record, &j->next);
	if (e) {
		errno = e == ERR_IO ? errno : e == ERR_NOMEM ? ENOMEM : ECANCELED;
		drop_next(j);
		j->retry_ms = clock_mono_ms() + RETRY_MS;
		return e;
	}
	j->lost_before = j->lost;
	j->lost = false; /* all of it is in the new file; set again by what happens meanwhile */
	ask_swap(j);
	return 0;
}

/* Neither the file nor a fresh one can be made durable. */
static void give_up(struct journal *j, int why)
{
	pthread_mutex_lock(&j->lock);
	uint64_t len = j->job.finished_len;
	j->job.wanted_seq = j->job.finished_seq;
	pthread_mutex_unlock(&j->lock);
	j->retry_ms = clock_mono_ms() + RETRY_MS;
	if (!j->urgent)
		return;
	j->urgent = false;
	/* What is refused now must not come back with the next start. Verdicts go with it, until there is a fresh file. */
	if (len < j->file.len && ftruncate(j->file.fd, (off_t)len) == 0) {
		j->file.len = len;
		j->lost = true;
	}
	log_line(LOG_LEVEL_ERROR, "alarm: the journal cannot be made durable: %s", strerror(why));
	j->hooks.failed(j->hooks.ctx, why);
}

/* The file is not to be trusted: writes the state anew. */
static void repair(struct journal *j)
{
	if (j->next.fd >= 0)
		j->again = true;
	else if ((j->urgent || clock_mono_ms() >= j->retry_ms) && journal_compact(j))
		give_up(j, errno);
}

/* ---- answers of the thread ---- */

static void settle_swap(struct journal *j, bool done)
{
	if (!done) {
		j->lost |= j->lost_before;
		drop_next(j);
		return;
	}
	if (j->file.fd >= 0)
		close(j->file.fd);
	j->file = j->next;
	j->next.fd = -1;
	uint64_t grown = j->file.len * COMPACT_GROWTH;
	j->compact_at = grown > COMPACT_MIN_LEN ? grown : COMPACT_MIN_LEN;
}

static void tell_synced(struct journal *j, uint64_t seq)
{
	if (seq <= j->synced_seq)
		return;
	j->synced_seq = seq;
	if (seq >= j->given_seq)
		j->urgent = false;
	j->hooks.synced(j->hooks.ctx, seq);
}

static void on_done(evutil_socket_t fd, short what, void *ctx)
{
	(void)what;
	struct journal *j = ctx;
	uint64_t count;
	if (read(fd, &count, sizeof count) < 0)
		return;
	pthread_mutex_lock(&j->lock);
	uint64_t seq = j->job.finished_seq;
	bool more = j->job.wanted_seq > seq;
	enum journal_swap swap = j->job.swap;
	int why = j->job.swap_errno;
	j->broken = j->job.sync_errno != 0;
	if (swap != SWAP_WANTED)
		j->job.swap = SWAP_NONE;
	pthread_mutex_unlock(&j->lock);

	bool settled = swap == SWAP_DONE || swap == SWAP_FAILED, again = j->again && settled;
	if (settled) {
		settle_swap(j, swap == SWAP_DONE);
		j->again = false;
	}
	tell_synced(j, seq);
	if (swap == SWAP_FAILED || (swap == SWAP_DONE && j->broken))
		give_up(j, why);
	else if (j->broken || (again && j->lost))
		repair(j);
	else if (more && !j->lost)
		ask_sync(j);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct journal *j = ctx;
	if (journal_has_failed(j))
		repair(j);
	else
		ask_sync(j);
}

void journal_sync(struct journal *j, bool now)
{
	struct timeval wait = { .tv_usec = SYNC_MS * 1000 };
	j->urgent |= now;
	if (now)
		on_timer(-1, 0, j);
	else if (!event_pending(j->timer, EV_TIMEOUT, NULL))
		event_add(j->timer, &wait);
}

bool journal_wants_compaction(const struct journal *j)
{
	return j->next.fd < 0 && (j->file.len >= j->compact_at || (journal_has_failed(j) && clock_mono_ms() >= j->retry_ms));
}

/* ---- the thread's life ---- */

int journal_thread_start(struct journal *j, struct event_base *base)
{
	j->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	j->done = j->done_fd < 0 ? NULL : event_new(base, j->done_fd, EV_READ | EV_PERSIST, on_done, j);
	j->timer = evtimer_new(base, on_timer, j);
	j->job.finished_len = j->file.len;
	j->compact_at = COMPACT_MIN_LEN;
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->wake, NULL);
	if (j->done && j->timer && event_add(j->done, NULL) == 0 && pthread_create(&j->thread, NULL, run, j) == 0)
		return 0;
	if (j->done)
		event_free(j->done);
	if (j->timer)
		event_free(j->timer);
	if (j->done_fd >= 0)
		close(j->done_fd);
	return ERR_NOMEM;
}

void journal_thread_end(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	j->job.end = true;
	pthread_cond_signal(&j->wake);
	pthread_mutex_unlock(&j->lock);
	pthread_join(j->thread, NULL);
	if (j->next.fd >= 0)
		settle_swap(j, j->job.swap == SWAP_DONE);
	event_free(j->done);
	event_free(j->timer);
	close(j->done_fd);
}
