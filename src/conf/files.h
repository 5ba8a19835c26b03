/* Small files and paths, for the configuration's own needs. */
#ifndef GEMEL_CONF_FILES_H
#define GEMEL_CONF_FILES_H
#include <stddef.h>
#include "base/arena.h"
#include "base/err.h"

/* The whole file, with a NUL behind it; *text is the caller's to free. ERR_IO (errno), ERR_LIMIT (over max), ERR_NOMEM.
 * Only plain files are read: a FIFO would block, a directory is EISDIR. */
int conf_files_read(const char *path, size_t max, char **text, size_t *len) MUST_CHECK;
/* The folder that path stands in: "." where it names none. */
char *conf_files_dir(struct arena *a, const char *path) MUST_CHECK;
/* path where it is absolute or dir is ".", else dir/path. */
char *conf_files_join(struct arena *a, const char *dir, const char *path) MUST_CHECK;

#endif
