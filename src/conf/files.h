/* Small files and paths, for the configuration's own needs. */
#ifndef GEMEL_CONF_FILES_H
#define GEMEL_CONF_FILES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/err.h"

/* The whole file, with a NUL behind it; *text is the caller's to free. ERR_IO (errno), ERR_LIMIT (over max), ERR_NOMEM.
 * Only plain files are read: a FIFO would block, a directory is EISDIR. */
int conf_files_read(const char *path, size_t max, char **text, size_t *len) MUST_CHECK;
/* As conf_files_read, for what must stay secret: ERR_AUTH where the very file that was read belongs to neither root nor us, or
 * where others than its owner may use it; nothing is read then. *owner: whose it is, and its mode, also with ERR_AUTH. Root is
 * not held to the owner: it reads what is the server's, whichever user that will run as. */
struct conf_owner {
	uint32_t user, mode; /* mode: the bits of 07777 */
};
bool conf_files_is_foreign(uint32_t user, uint32_t us); /* a file of user, to us */
int conf_files_read_secret(const char *path, size_t max, char **text, size_t *len, struct conf_owner *owner) MUST_CHECK;
/* What a file has in common with itself as long as nobody wrote to it or put another in its place. All 0 = not known. */
struct conf_look {
	uint64_t dev, ino, size;
	int64_t mtime_ns, ctime_ns;
};
/* Asks the file system (a remote one is not believed from memory); a failure is "not known". */
void conf_files_look(const char *path, struct conf_look *look);
/* As conf_files_read. *look tells the file that was read from any later one; it is "not known" where the file changed
 * meanwhile, or so shortly before that a further change might show in no time stamp. */
int conf_files_read_look(const char *path, size_t max, char **text, size_t *len, struct conf_look *look) MUST_CHECK;
/* The folder that path stands in: "." where it names none. */
char *conf_files_dir(struct arena *a, const char *path) MUST_CHECK;
/* path where it is absolute or dir is ".", else dir/path. */
char *conf_files_join(struct arena *a, const char *dir, const char *path) MUST_CHECK;

#endif
