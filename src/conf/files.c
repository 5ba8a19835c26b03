/* See files.h. */
#include "conf/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int read_all(int fd, size_t max, char **text, size_t *len)
{
	struct stat st;
	size_t cap, have = 0;
	char *buf, *more;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return ERR_IO;
	if (!S_ISREG(st.st_mode)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		return ERR_IO;
	}
	if ((uint64_t)st.st_size > max)
		return ERR_LIMIT;
	cap = (size_t)st.st_size + 1;
	buf = malloc(cap + 1);
	if (!buf)
		return ERR_NOMEM;
	while ((n = read(fd, buf + have, cap - have)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		have += (size_t)n;
		if (have < cap)
			continue;
		more = cap > max ? NULL : realloc(buf, cap * 2 + 1); /* it grew while we read */
		if (!more) {
			free(buf);
			return cap > max ? ERR_LIMIT : ERR_NOMEM;
		}
		buf = more;
		cap *= 2;
	}
	if (n < 0) {
		free(buf);
		return ERR_IO;
	}
	buf[have] = 0;
	*text = buf;
	*len = have;
	return 0;
}

/* ---- what tells a file from its later self ---- */

#define NS_A_S ((int64_t)1000000000)
#define TICK_NS (NS_A_S / 10)       /* a time stamp is as fine as the kernel's tick: 10 ms at most, and room to spare */
#define COARSE_NS (5 * NS_A_S / 2)  /* one in whole seconds may come from a file system that knows no finer: FAT has 2 s */

static void look(int dir, const char *path, int flags, struct conf_look *out)
{
	struct statx sx;

	memset(out, 0, sizeof *out);
	if (statx(dir, path, flags | AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &sx))
		return;
	out->dev = (uint64_t)sx.stx_dev_major << 32 | sx.stx_dev_minor;
	out->ino = sx.stx_ino;
	out->size = sx.stx_size;
	out->mtime_ns = (int64_t)sx.stx_mtime.tv_sec * NS_A_S + sx.stx_mtime.tv_nsec;
	out->ctime_ns = (int64_t)sx.stx_ctime.tv_sec * NS_A_S + sx.stx_ctime.tv_nsec;
}

/* Written to so long ago that the next change must show in another time stamp? */
static bool is_settled(const struct conf_look *l)
{
	struct timespec now;
	int64_t last = l->mtime_ns > l->ctime_ns ? l->mtime_ns : l->ctime_ns;
	bool coarse = l->mtime_ns % NS_A_S == 0 || l->ctime_ns % NS_A_S == 0;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * NS_A_S + now.tv_nsec - last > (coarse ? COARSE_NS : TICK_NS);
}

void conf_files_look(const char *path, struct conf_look *out)
{
	look(AT_FDCWD, path, 0, out);
}

static int read_looking(int fd, size_t max, char **text, size_t *len, struct conf_look *out)
{
	struct conf_look before, after;
	bool settled;
	int r;

	look(fd, "", AT_EMPTY_PATH, &before);
	settled = is_settled(&before); /* asked before reading: a change while we read must show, too */
	r = read_all(fd, max, text, len);
	if (r)
		return r;
	look(fd, "", AT_EMPTY_PATH, &after);
	if (!settled || memcmp(&before, &after, sizeof before))
		memset(&after, 0, sizeof after);
	*out = after;
	return 0;
}

/* ---- reading ---- */

static int open_plainly(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

int conf_files_read_look(const char *path, size_t max, char **text, size_t *len, struct conf_look *out)
{
	int fd = open_plainly(path);
	int r, saved;

	if (fd < 0)
		return ERR_IO;
	r = out ? read_looking(fd, max, text, len, out) : read_all(fd, max, text, len);
	saved = errno;
	close(fd);
	errno = saved;
	return r;
}

int conf_files_read(const char *path, size_t max, char **text, size_t *len)
{
	return conf_files_read_look(path, max, text, len, NULL);
}

bool conf_files_is_foreign(uint32_t user, uint32_t us)
{
	return us && user && user != us;
}

/* By the descriptor: what the path names may be another file by now. */
int conf_files_read_secret(const char *path, size_t max, char **text, size_t *len, struct conf_owner *owner)
{
	int fd = open_plainly(path);
	struct stat st;
	int r = ERR_IO, saved;

	if (fd < 0)
		return ERR_IO;
	if (!fstat(fd, &st)) {
		*owner = (struct conf_owner){.user = st.st_uid, .mode = st.st_mode & 07777u};
		if (S_ISREG(st.st_mode) && (conf_files_is_foreign(st.st_uid, geteuid()) || st.st_mode & (S_IRWXG | S_IRWXO)))
			r = ERR_AUTH;
		else
			r = read_all(fd, max, text, len);
	}
	saved = errno;
	close(fd);
	errno = saved;
	return r;
}

char *conf_files_dir(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return arena_str(a, ".");
	return slash == path ? arena_str(a, "/") : arena_strn(a, path, (size_t)(slash - path));
}

char *conf_files_join(struct arena *a, const char *dir, const char *path)
{
	if (path[0] == '/' || !strcmp(dir, "."))
		return arena_str(a, path);
	return arena_printf(a, "%s/%s", !strcmp(dir, "/") ? "" : dir, path);
}
