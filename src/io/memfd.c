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
