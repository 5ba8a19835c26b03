/* The journal on disk: records are appended at once, made durable by a thread of its own, whose end is an event of the loop.
 *
 *     journal_append ──▶ write(2) … journal_sync ──▶ [thread: fdatasync] ──▶ on_synced(seq)
 *
 * Files in the state folder: "journal" (framing in core/journal.h), "epoch" (two slots, preallocated so that a full disk cannot
 * stop a new epoch).
 */
#ifndef GEMEL_IO_JOURNAL_H
#define GEMEL_IO_JOURNAL_H
#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct journal;
/* Called on the loop when everything up to seq is on disk. */
typedef void (*journal_synced)(void *ctx, uint64_t seq);

/* Opens (or makes) the journal in dir_fd and hands every whole record to on_record, oldest first; what follows the first broken
 * frame is cut off, with a log line. NULL with a log line where it cannot be opened. */
struct journal *journal_open(struct event_base *base, int dir_fd, void (*on_record)(void *ctx, const uint8_t *record, size_t len),
			     journal_synced on_synced, void *ctx) MUST_CHECK;
void journal_close(struct journal *j); /* syncs first; NULL is fine */
/* Appends one record under the caller's rising number. ERR_IO (errno) when it cannot be written; the file is then cut back to
 * its last whole frame. */
int journal_append(struct journal *j, uint64_t seq, const uint8_t *record, size_t len) MUST_CHECK;
/* Asks for durability of all that was appended: now, or within 100 ms. */
void journal_sync(struct journal *j, bool now);
bool journal_wants_compaction(const struct journal *j);
/* Replaces the file by one that emit fills (called with a function to add a record). Atomic: rename after fsync. On failure the
 * old file stays. */
typedef int (*journal_emit)(void *out, const uint8_t *record, size_t len);
int journal_compact(struct journal *j, int (*fill)(void *ctx, journal_emit emit, void *out), void *ctx) MUST_CHECK;
bool journal_has_failed(const struct journal *j); /* the last write did not work */

/* Reads the newest epoch (0 = none yet) and writes one durably. ERR_IO. */
int journal_epoch_read(int dir_fd, uint64_t *epoch) MUST_CHECK;
int journal_epoch_write(int dir_fd, uint64_t epoch) MUST_CHECK;

#endif
