#include "io/memfd.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const uint8_t *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ERR_IO;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

int memfd_sealed(const char *name, const void *data, size_t len)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return ERR_IO;
	if (write_all(fd, data, len) || fcntl(fd, F_ADD_SEALS, SEALS)) {
		close(fd);
		return ERR_IO;
	}
	return fd;
}

/* ---- built in place ---- */

#define STEP_MIN ((size_t)256 << 10)
#define STEP_MAX ((size_t)16 << 20)

/* Pages are asked for, not just promised: where there is no memory the answer is an error, and not a signal later. */
static uint8_t *room_grow(struct bytes_room *room, size_t *cap)
{
	struct memfd_room *r = (struct memfd_room *)room;
	size_t step = r->cap / 4 < STEP_MIN ? STEP_MIN : r->cap / 4 > STEP_MAX ? STEP_MAX : r->cap / 4;
	size_t want = *cap > r->cap + step ? *cap : r->cap + step;

	if (*cap > r->max)
		return NULL;
	if (want > r->max)
		want = r->max;
	if (want > r->cap && fallocate(r->fd, 0, (off_t)r->cap, (off_t)(want - r->cap)))
		return NULL;
	r->cap = *cap = want;
	return r->map;
}

int memfd_room_init(struct memfd_room *r, const char *name, size_t max)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *map = fd < 0 ? MAP_FAILED : mmap(NULL, max, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED) {
		if (fd >= 0)
			close(fd);
		return ERR_IO;
	}
	*r = (struct memfd_room){ .room = { room_grow }, .fd = fd, .map = map, .max = max };
	return 0;
}

void memfd_room_deinit(struct memfd_room *r)
{
	if (!r->map)
		return;
	munmap(r->map, r->max);
	close(r->fd);
	r->map = NULL;
}

int memfd_room_seal(struct memfd_room *r, size_t len)
{
	int fd = r->fd;

	munmap(r->map, r->max); /* a file that is mapped for writing cannot be sealed against it */
	r->map = NULL;
	if (ftruncate(fd, (off_t)len) || fcntl(fd, F_ADD_SEALS, SEALS)) {
		close(fd);
		return ERR_IO;
	}
	return fd;
}

/* ---- taken from others ---- */

bool memfd_is_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);
	return seals >= 0 && (seals & SEALS) == SEALS;
}

int memfd_map(int fd, const uint8_t **data, size_t *len)
{
	struct stat st;
	if (fstat(fd, &st))
		return ERR_IO;
	if (st.st_size <= 0)
		return ERR_FORMAT;
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return ERR_IO;
	*data = p;
	*len = (size_t)st.st_size;
	return 0;
}

void memfd_unmap(const uint8_t *data, size_t len)
{
	if (data)
		munmap((void *)(uintptr_t)data, len);
}
