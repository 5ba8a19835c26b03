#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/journal.h"
#include "io/journal_state.h"
#include "io/log.h"

#define READ_MAX (1u << 30)          /* a larger journal is not ours */

int journal_write_at(int fd, const void *p, size_t len, uint64_t at)
{
	ssize_t n = pwrite(fd, p, len, (off_t)at);
	if (n >= 0 && (size_t)n != len)
		errno = ENOSPC;
	return n == (ssize_t)len ? 0 : ERR_IO;
}

int journal_file_add(struct journal_file *f, const uint8_t *record, size_t len)
{
	uint8_t frame[JOURNAL_FRAME_HEAD_LEN + JOURNAL_RECORD_MAX];
	struct wbuf w;
	wbuf_init(&w, frame, sizeof frame);
	journal_frame_put(&w, f->frame + 1, record, len);
	if (w.failed)
		return ERR_SHORT;
	if (journal_write_at(f->fd, w.data, w.len, f->len))
		return ERR_IO;
	f->len += w.len;
	f->frame++;
	return 0;
}

static void cut_back(const struct journal_file *f)
{
	int why = errno;
	if (f->fd >= 0 && ftruncate(f->fd, (off_t)f->len))
		log_line(LOG_LEVEL_ERROR, "the journal cannot be cut back: %s", strerror(errno));
	errno = why;
}

static int reserve(const struct journal_file *f, size_t len)
{
	struct rlimit lim; /* which fallocate does not look at, as long as the file keeps its size */
	if (getrlimit(RLIMIT_FSIZE, &lim) == 0 && lim.rlim_cur != RLIM_INFINITY && f->len + len > lim.rlim_cur) {
		errno = EFBIG;
		return ERR_IO;
	}
	if (f->fd < 0 || fallocate(f->fd, FALLOC_FL_KEEP_SIZE, (off_t)f->len, (off_t)len) == 0)
		return 0;
	return errno == EOPNOTSUPP || errno == ENOSYS ? 0 : ERR_IO; /* then only the write itself will tell */
}

int journal_reserve(struct journal *j, size_t len)
{
	if (j->file.fd < 0) {
		errno = j->unwritable;
		return ERR_IO;
	}
	return reserve(&j->file, len) || reserve(&j->next, len) ? ERR_IO : 0;
}

int journal_append(struct journal *j, uint64_t seq, const uint8_t *record, size_t len)
{
	struct journal_file file = j->file, next = j->next;
	j->given_seq = seq;
	int e = journal_file_add(&file, record, len);
	if (!e && next.fd >= 0)
		e = journal_file_add(&next, record, len);
	if (!e) {
		j->file = file;
		j->next = next;
		return 0;
	}
	if (!j->lost)
		log_line(LOG_LEVEL_ERROR, "alarm: the journal cannot be written: %s", e == ERR_IO ? strerror(errno) : err_text(e));
	j->lost = true;
	cut_back(&j->file); /* of either: half a frame would end a replay before what follows it */
	cut_back(&j->next);
	return e;
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

static int read_back(struct journal *j, size_t *len)
{
	uint8_t *data;
	int e = j->file.fd < 0 ? 0 : read_all(j->file.fd, &data, len);
	if (e || j->file.fd < 0)
		return e;
	j->file.len = replay(data, *len, &j->file.frame, j->hooks.record, j->hooks.ctx);
	free(data);
	if (j->file.len < *len)
		log_line(LOG_LEVEL_WARNING, "the journal's last %zu octets are torn: cut off", *len - (size_t)j->file.len);
	return 0;
}

static int open_for_reading(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO is not waited for */
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= READ_MAX)
		return fd;
	errno = S_ISDIR(st.st_mode) ? EISDIR : st.st_size > READ_MAX ? EFBIG : EINVAL;
	close(fd);
	return -1;
}

int journal_read(const char *path, void (*record)(void *ctx, const uint8_t *record, size_t len), void *ctx, size_t *torn)
{
	uint8_t *data;
	size_t len;
	uint64_t frame = 0;
	int fd = open_for_reading(path);
	if (fd < 0)
		return ERR_IO;
	int e = read_all(fd, &data, &len);
	close(fd);
	if (e)
		return e;
	size_t good = (size_t)replay(data, len, &frame, record, ctx);
	free(data);
	if (len && !good)
		return ERR_FORMAT;
	*torn = len - good;
	return 0;
}

/* Ready for more: a head, no torn end, and the folder too: a file that a power cut may take away holds no override. */
static int make_ready(struct journal *j, size_t len)
{
	if (j->file.len == 0) {
		if (journal_write_at(j->file.fd, JOURNAL_MAGIC, JOURNAL_HEAD_LEN, 0))
			return ERR_IO;
		j->file.len = JOURNAL_HEAD_LEN;
	}
	return (j->file.len >= len || ftruncate(j->file.fd, (off_t)j->file.len) == 0) && fsync(j->dir_fd) == 0 ? 0 : ERR_IO;
}

/* For reading alone where the disk takes nothing. No file is as good as an empty one; one that cannot be read is not: going on
 * would forget what it holds, and compaction would make that last. */
static int open_file(struct journal *j)
{
	j->file.fd = openat(j->dir_fd, "journal", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (j->file.fd >= 0)
		return 0;
	j->unwritable = errno;
	j->file.fd = openat(j->dir_fd, "journal", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (j->file.fd >= 0 || errno == ENOENT)
		return 0;
	errno = j->unwritable;
	return ERR_IO;
}

/* A full or read-only disk is no reason to serve nobody: the state is in memory, and waits for a fresh file. */
static int load(struct journal *j)
{
	size_t len = 0;
	int e = open_file(j);
	if (!e)
		e = read_back(j, &len);
	if (e)
		return e;
	if (!j->unwritable && make_ready(j, len) == 0)
		return 0;
	j->lost = true;
	log_line(LOG_LEVEL_ERROR, "alarm: the journal cannot be written: %s", strerror(j->unwritable ? j->unwritable : errno));
	if (j->unwritable && j->file.fd >= 0) {
		close(j->file.fd);
		j->file.fd = -1;
	}
	return 0;
}

struct journal *journal_open(struct event_base *base, int dir_fd, const struct journal_hooks *h)
{
	struct journal *j = calloc(1, sizeof *j);
	if (!j)
		return NULL;
	*j = (struct journal){ .hooks = *h, .dir_fd = dir_fd, .file.fd = -1, .next.fd = -1, .done_fd = -1 };
	int e = load(j);
	if (!e)
		e = journal_thread_start(j, base);
	if (!e)
		return j;
	log_line(LOG_LEVEL_ERROR, "the journal cannot be opened: %s", e == ERR_IO ? strerror(errno) : err_text(e));
	if (j->file.fd >= 0)
		close(j->file.fd);
	free(j);
	return NULL;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	journal_thread_end(j);
	if (j->file.fd >= 0 && fsync(j->file.fd))
		log_line(LOG_LEVEL_ERROR, "the journal cannot be synced: %s", strerror(errno));
	if (j->file.fd >= 0)
		close(j->file.fd);
	free(j);
}

bool journal_has_failed(const struct journal *j)
{
	return j->lost || j->broken;
}
