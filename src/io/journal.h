/* The journal on disk: records are appended at once, made durable by a thread of its own, whose end is an event of the loop.
 *
 *     journal_append ──▶ write(2) … journal_sync ──▶ [thread: fdatasync] ──▶ synced(seq)
 *     journal_compact ──▶ journal.new, appended to as well … [thread: fsync, rename] ──▶ synced(seq), the old file is closed
 *
 *     sync failed, or a record was not written:   compaction into a fresh file ──▶ synced(seq)
 *                                                  └─ that failed too ──▶ cut back to what is durable, failed()
 *
 * Nothing is told to be durable that is not: after a failed fdatasync the kernel may call the very same pages clean, so only
 * a fresh file with the whole state counts from then on.
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
typedef int (*journal_emit)(void *out, const uint8_t *record, size_t len);
struct journal_hooks {
	void *ctx;
	/* While opening: each whole record, oldest first. */
	void (*record)(void *ctx, const uint8_t *record, size_t len);
	/* On the loop: everything up to seq is on disk. */
	void (*synced)(void *ctx, uint64_t seq);
	/* On the loop: what is not yet synced cannot be made durable (why: an errno), and is not in the file any more. Only after
	 * journal_sync(now). */
	void (*failed)(void *ctx, int why);
	/* Emits every record that recreates the present state, all those appended so far included. */
	int (*fill)(void *ctx, journal_emit emit, void *out);
};

/* Reads the journal at path as opening does, but changes nothing; a running server's, too. torn: octets behind the last whole frame.
 * ERR_IO (errno), ERR_NOMEM, ERR_FORMAT for what is no journal. */
int journal_read(const char *path, void (*record)(void *ctx, const uint8_t *record, size_t len), void *ctx, size_t *torn) MUST_CHECK;
/* Opens (or makes) the journal in dir_fd; what follows the first broken frame is cut off, with a log line. On a disk that takes
 * nothing it is read all the same, and has failed until a compaction succeeds. NULL with a log line where it cannot be read. */
struct journal *journal_open(struct event_base *base, int dir_fd, const struct journal_hooks *h) MUST_CHECK;
void journal_close(struct journal *j); /* syncs first; NULL is fine */
/* Makes sure of room on the disk for records of so many octets in all. ERR_IO with errno: nothing should be promised now. */
int journal_reserve(struct journal *j, size_t len) MUST_CHECK;
/* Appends one record under the caller's rising number. ERR_IO (errno) when it cannot be written: the file is then cut back to its
 * last whole frame, and the record waits for a fresh file (see above). */
int journal_append(struct journal *j, uint64_t seq, const uint8_t *record, size_t len) MUST_CHECK;
/* Asks for durability of all that was appended: now, or within 100 ms. */
void journal_sync(struct journal *j, bool now);
bool journal_wants_compaction(const struct journal *j);
/* Replaces the file by one that holds the state alone. Atomic, and without waiting: the old file stays until the new one is
 * durable. 0 also while one is under way; errno is set after every failure. */
int journal_compact(struct journal *j) MUST_CHECK;
bool journal_has_failed(const struct journal *j); /* something is not on disk that should be */

/* Reads the newest epoch (0 = none yet) and writes one durably. ERR_IO. */
int journal_epoch_read(int dir_fd, uint64_t *epoch) MUST_CHECK;
int journal_epoch_write(int dir_fd, uint64_t epoch) MUST_CHECK;

#endif
