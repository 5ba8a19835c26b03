#include "io/journal.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/journal.h"
#include "io/log.h"

#define SYNC_MS 100                  /* verdicts may be lost for so long if the machine dies; overrides never */
#define COMPACT_MIN_LEN (4u << 20)   /* then the file is rewritten from the present state */
#define READ_MAX (1u << 30)          /* a larger journal is not ours */

struct journal {
	int dir_fd, fd;
	uint64_t len, compact_at; /* whole frames only */
	uint64_t frame; /* number of the last frame in the file; callers' numbers are their own */
	uint64_t appended_seq, synced_seq;
	bool failed;
	journal_synced on_synced;
	void *ctx;
	struct event *timer, *done;
	int done_fd; /* eventfd: the thread tells the loop */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	uint64_t wanted_seq, finished_seq; /* under lock */
	int sync_fd;                       /* under lock: what the thread syncs */
	bool end;                          /* under lock */
};

/* ---- the syncing thread ---- */

static void *sync_run(void *ctx)
{
	struct journal *j = ctx;
	pthread_mutex_lock(&j->lock);
	while (!j->end) {
		if (j->wanted_seq <= j->finished_seq) {
			pthread_cond_wait(&j->wake, &j->lock);
			continue;
		}
		uint64_t seq = j->wanted_seq;
		int fd = fcntl(j->sync_fd, F_DUPFD_CLOEXEC, 0); /* compaction may close the original meanwhile */
		pthread_mutex_unlock(&j->lock);
		int e = fd < 0 ? -1 : fdatasync(fd);
		if (fd >= 0)
			close(fd);
		pthread_mutex_lock(&j->lock);
		if (e == 0)
			j->finished_seq = seq;
		else
			j->wanted_seq = j->finished_seq; /* asked again by the next record; nobody is told it is safe */
		uint64_t one = 1;
		ssize_t ignored = write(j->done_fd, &one, sizeof one);
		(void)ignored;
	}
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

static void on_done(evutil_socket_t fd, short what, void *ctx)
{
	(void)what;
	struct journal *j = ctx;
	uint64_t count;
	if (read(fd, &count, sizeof count) < 0)
		return;
	pthread_mutex_lock(&j->lock);
	uint64_t seq = j->finished_seq;
	pthread_mutex_unlock(&j->lock);
	if (seq <= j->synced_seq)
		return;
	j->synced_seq = seq;
	j->on_synced(j->ctx, seq);
}

static void start_sync(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	j->wanted_seq = j->appended_seq;
	j->sync_fd = j->fd;
	pthread_cond_signal(&j->wake);
	pthread_mutex_unlock(&j->lock);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	start_sync(ctx);
}

void journal_sync(struct journal *j, bool now)
{
	struct timeval wait = { .tv_usec = SYNC_MS * 1000 };
	if (now)
		start_sync(j);
	else if (!event_pending(j->timer, EV_TIMEOUT, NULL))
		event_add(j->timer, &wait);
}

/* ---- the file ---- */

static int write_at(int fd, const void *p, size_t len, uint64_t at)
{
	ssize_t n = pwrite(fd, p, len, (off_t)at);
	if (n >= 0 && (size_t)n != len)
		errno = ENOSPC;
	return n == (ssize_t)len ? 0 : ERR_IO;
}

int journal_append(struct journal *j, uint64_t seq, const uint8_t *record, size_t len)
{
	uint8_t frame[JOURNAL_FRAME_HEAD_LEN + JOURNAL_RECORD_MAX];
	struct wbuf w;
	wbuf_init(&w, frame, sizeof frame);
	journal_frame_put(&w, j->frame + 1, record, len);
	if (w.failed)
		return ERR_SHORT;
	if (write_at(j->fd, w.data, w.len, j->len)) {
		int why = errno;
		if (!j->failed)
			log_line(LOG_LEVEL_ERROR, "alarm: the journal cannot be written: %s", strerror(why));
		j->failed = true;
		if (ftruncate(j->fd, (off_t)j->len))
			log_line(LOG_LEVEL_ERROR, "the journal cannot be cut back: %s", strerror(errno));
		errno = why;
		return ERR_IO;
	}
	if (j->failed)
		log_line(LOG_LEVEL_NOTICE, "the journal can be written again");
	j->failed = false;
	j->len += w.len;
	j->frame++;
	j->appended_seq = seq;
	return 0;
}

/* Gives back the length of the good prefix. */
static uint64_t replay(const uint8_t *data, size_t len, uint64_t *frame, void (*on_record)(void *, const uint8_t *, size_t), void *ctx)
{
	struct rbuf r;
	const uint8_t *record;
	size_t record_len;
	if (len < JOURNAL_HEAD_LEN || memcmp(data, JOURNAL_MAGIC, JOURNAL_HEAD_LEN))
		return 0;
	rbuf_init(&r, data, len);
	r.pos = JOURNAL_HEAD_LEN;
	while (journal_frame_get(&r, frame, &record, &record_len))
		on_record(ctx, record, record_len);
	return r.pos;
}

static int read_all(int fd, uint8_t **data, size_t *len)
{
	struct stat st;
	if (fstat(fd, &st) || st.st_size > READ_MAX)
		return ERR_IO;
	uint8_t *p = malloc((size_t)st.st_size + 1);
	if (!p)
		return ERR_NOMEM;
	size_t got = 0;
	while (got < (size_t)st.st_size) {
		ssize_t n = pread(fd, p + got, (size_t)st.st_size - got, (off_t)got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	*data = p;
	*len = got;
	return 0;
}

static int load(struct journal *j, void (*on_record)(void *, const uint8_t *, size_t))
{
	uint8_t *data;
	size_t len;
	int e = read_all(j->fd, &data, &len);
	if (e)
		return e;
	j->len = replay(data, len, &j->frame, on_record, j->ctx);
	free(data);
	if (j->len < len)
		log_line(LOG_LEVEL_WARNING, "the journal's last %zu octets are torn: cut off", len - (size_t)j->len);
	if (j->len == 0 && write_at(j->fd, JOURNAL_MAGIC, JOURNAL_HEAD_LEN, 0) == 0)
		j->len = JOURNAL_HEAD_LEN;
	return j->len && ftruncate(j->fd, (off_t)j->len) == 0 ? 0 : ERR_IO;
}

static int start_thread(struct journal *j, struct event_base *base)
{
	j->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (j->done_fd < 0)
		return ERR_IO;
	j->done = event_new(base, j->done_fd, EV_READ | EV_PERSIST, on_done, j);
	j->timer = evtimer_new(base, on_timer, j);
	if (!j->done || !j->timer || event_add(j->done, NULL))
		return ERR_NOMEM;
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->wake, NULL);
	return pthread_create(&j->thread, NULL, sync_run, j) ? ERR_NOMEM : 0;
}

struct journal *journal_open(struct event_base *base, int dir_fd, void (*on_record)(void *ctx, const uint8_t *record, size_t len),
			     journal_synced on_synced, void *ctx)
{
	struct journal *j = calloc(1, sizeof *j);
	if (!j)
		return NULL;
	*j = (struct journal){ .dir_fd = dir_fd, .done_fd = -1, .on_synced = on_synced, .ctx = ctx, .compact_at = COMPACT_MIN_LEN };
	j->fd = openat(dir_fd, "journal", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int e = j->fd < 0 ? ERR_IO : load(j, on_record);
	if (!e)
		e = start_thread(j, base);
	if (!e)
		return j;
	log_line(LOG_LEVEL_ERROR, "the journal cannot be opened: %s", e == ERR_IO ? strerror(errno) : err_text(e));
	if (j->fd >= 0)
		close(j->fd);
	free(j);
	return NULL;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	pthread_mutex_lock(&j->lock);
	j->end = true;
	pthread_cond_signal(&j->wake);
	pthread_mutex_unlock(&j->lock);
	pthread_join(j->thread, NULL);
	if (fsync(j->fd))
		log_line(LOG_LEVEL_ERROR, "the journal cannot be synced: %s", strerror(errno));
	event_free(j->done);
	event_free(j->timer);
	close(j->done_fd);
	close(j->fd);
	free(j);
}

bool journal_has_failed(const struct journal *j)
{
	return j->failed;
}

bool journal_wants_compaction(const struct journal *j)
{
	return j->len >= j->compact_at;
}

/* ---- compaction ---- */

struct compaction {
	int fd;
	uint64_t len, frame;
};

static int emit_record(void *out, const uint8_t *record, size_t len)
{
	struct compaction *c = out;
	uint8_t frame[JOURNAL_FRAME_HEAD_LEN + JOURNAL_RECORD_MAX];
	struct wbuf w;
	wbuf_init(&w, frame, sizeof frame);
	journal_frame_put(&w, ++c->frame, record, len);
	if (w.failed)
		return ERR_SHORT;
	int e = write_at(c->fd, w.data, w.len, c->len);
	c->len += w.len;
	return e;
}

int journal_compact(struct journal *j, int (*fill)(void *ctx, journal_emit emit, void *out), void *ctx)
{
	struct compaction c = { .len = JOURNAL_HEAD_LEN };
	c.fd = openat(j->dir_fd, "journal.new", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (c.fd < 0)
		return ERR_IO;
	int e = write_at(c.fd, JOURNAL_MAGIC, JOURNAL_HEAD_LEN, 0);
	if (!e)
		e = fill(ctx, emit_record, &c);
	if (!e && (fsync(c.fd) || renameat(j->dir_fd, "journal.new", j->dir_fd, "journal") || fsync(j->dir_fd)))
		e = ERR_IO;
	if (e) {
		close(c.fd);
		unlinkat(j->dir_fd, "journal.new", 0);
		j->compact_at = j->len + COMPACT_MIN_LEN; /* not again at once */
		return e;
	}
	pthread_mutex_lock(&j->lock);
	j->sync_fd = c.fd;
	pthread_mutex_unlock(&j->lock);
	close(j->fd);
	j->fd = c.fd;
	j->len = c.len;
	j->frame = c.frame;
	j->compact_at = c.len * 4 > COMPACT_MIN_LEN ? c.len * 4 : COMPACT_MIN_LEN;
	return 0;
}

/* ---- the epoch ---- */

static int epoch_open(int dir_fd, uint8_t slots[2 * EPOCH_SLOT_LEN], int *fd)
{
	int f = openat(dir_fd, "epoch", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (f < 0)
		return ERR_IO;
	memset(slots, 0, 2 * EPOCH_SLOT_LEN);
	ssize_t n = pread(f, slots, 2 * EPOCH_SLOT_LEN, 0);
	/* Written in full once, so that later writes need no new block of a full disk. */
	if (n < 0 || (n < 2 * EPOCH_SLOT_LEN && write_at(f, slots, 2 * EPOCH_SLOT_LEN, 0))) {
		close(f);
		return ERR_IO;
	}
	*fd = f;
	return 0;
}

int journal_epoch_read(int dir_fd, uint64_t *epoch)
{
	uint8_t slots[2 * EPOCH_SLOT_LEN];
	uint64_t counter;
	int fd, e = epoch_open(dir_fd, slots, &fd);
	if (e)
		return e;
	close(fd);
	if (!epoch_slots_get(slots, sizeof slots, epoch, &counter))
		*epoch = 0;
	return 0;
}

int journal_epoch_write(int dir_fd, uint64_t epoch)
{
	uint8_t slots[2 * EPOCH_SLOT_LEN], slot[EPOCH_SLOT_LEN];
	uint64_t old, counter = 0;
	int fd, e = epoch_open(dir_fd, slots, &fd);
	if (e)
		return e;
	if (!epoch_slots_get(slots, sizeof slots, &old, &counter))
		counter = 0;
	counter++;
	epoch_slot_put(slot, epoch, counter);
	if (write_at(fd, slot, sizeof slot, (counter & 1) * EPOCH_SLOT_LEN) || fdatasync(fd))
		e = ERR_IO;
	close(fd);
	return e;
}
