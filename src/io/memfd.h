/* Blocks of memory that travel between processes as file descriptors. */
#ifndef GEMEL_IO_MEMFD_H
#define GEMEL_IO_MEMFD_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

/* A sealed memfd (no writing, growing or shrinking ever again) holding data; the caller closes it. ERR_IO with errno. */
int memfd_sealed(const char *name, const void *data, size_t len) MUST_CHECK;
/* Nobody can change, shorten or grow it any more. */
bool memfd_is_sealed(int fd);
/* Maps all of fd read-only; *len is its size. ERR_IO; ERR_FORMAT for an empty file. Undo with memfd_unmap. */
int memfd_map(int fd, const uint8_t **data, size_t *len) MUST_CHECK;
void memfd_unmap(const uint8_t *data, size_t len); /* NULL is fine */

#endif
