/* The last good zones on disk, state/zones.img: what a zone that is broken at start is served from.
 *
 *     "GEMLSNP1" | images u32 | zones u32 | crc32c u32 of both lists | zeros to 32
 *     images × len u64 | zones × (image u32, zone u32) | zeros to a multiple of 16
 *     image | zeros to a multiple of 16 | image …           (big-endian; each image has its own checksum)
 */
#ifndef GEMEL_APP_SNAPSHOT_H
#define GEMEL_APP_SNAPSHOT_H
#include "app/imageset.h"

#define SNAPSHOT_FILE "zones.img"

/* Adds the snapshot's images and zones to an empty set. *memory is the caller's to free after the set. A file that is
 * missing or damaged adds nothing: 0 all the same. ERR_NOMEM. */
int snapshot_read(struct imageset *s, const char *folder, void **memory) MUST_CHECK;
/* Writes the zones with content among refs, whole or not at all: a new file takes the old one's place. The folder is
 * made if need be. ERR_IO (errno), ERR_NOMEM. Images in use (sent_as >= 0) are written. */
int snapshot_write(const struct imageset *s, const char *folder, const struct answer_zone_ref *refs,
		   size_t count) MUST_CHECK;
bool snapshot_exists(const char *folder);

#endif
