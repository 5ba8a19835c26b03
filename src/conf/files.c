/* See files.h. */
#include "conf/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

int conf_files_read(const char *path, size_t max, char **text, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int r, saved;

	if (fd < 0)
		return ERR_IO;
	r = read_all(fd, max, text, len);
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
