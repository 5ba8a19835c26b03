/* Blocks of memory that travel between processes as file descriptors. */
#ifndef GEMEL_IO_MEMFD_H
#define GEMEL_IO_MEMFD_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"

/* A sealed memfd (no writing, growing or shrinking ever again) holding data; the caller closes it. ERR_IO with errno. */
int memfd_sealed(const char *name, const void *data, size_t len) MUST_CHECK;
/* A memfd to write into through a mapping that stays where it is: what is built in it needs no copy at the end.
 *
 *     | written | room: pages are there | address space up to max, nothing behind it |
 *     map                               cap
 */
struct memfd_room {
	struct bytes_room room; /* for bytes_init_in */
	int fd;
	uint8_t *map;
	size_t cap, max;
};
/* max: as far as it can ever grow. ERR_IO with errno. */
int memfd_room_init(struct memfd_room *r, const char *name, size_t max) MUST_CHECK;
void memfd_room_deinit(struct memfd_room *r); /* also after it was sealed, or all zero */
/* Cuts it to len, unmaps and seals it; the fd is the caller's. ERR_IO with errno. */
int memfd_room_seal(struct memfd_room *r, size_t len) MUST_CHECK;
/* Nobody can change, shorten or grow it any more. */
bool memfd_is_sealed(int fd);
/* Maps all of fd read-only; *len is its size. ERR_IO; ERR_FORMAT for an empty file. Undo with memfd_unmap. */
int memfd_map(int fd, const uint8_t **data, size_t *len) MUST_CHECK;
void memfd_unmap(const uint8_t *data, size_t len); /* NULL is fine */

#endif
