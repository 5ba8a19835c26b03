/* The log of what was published, in a memfd that the coordinator writes and the supervisor keeps for a new responder.
 *
 *     committed u64 (host order) | len u32 (big-endian) | message | len | message …      replay ends at `committed`
 *
 * The coordinator appends a transaction, then moves `committed`: a reader never sees half of one.
 */
#ifndef GEMEL_APP_OVERLAY_LOG_H
#define GEMEL_APP_OVERLAY_LOG_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

#define OVERLAY_LOG_HEAD 8

struct overlay_log {
	int fd; /* -1 = none */
	uint64_t len, committed;
	uint64_t compact_at; /* when len passes this, the writer starts a new log with the whole state */
	bool failed;         /* a write failed: the log is of no use until started anew */
};
/* A fresh, empty log; the old descriptor is closed. ERR_IO. */
int overlay_log_start(struct overlay_log *l) MUST_CHECK;
void overlay_log_end(struct overlay_log *l);
void overlay_log_add(struct overlay_log *l, const void *message, size_t len);
void overlay_log_commit(struct overlay_log *l, bool whole); /* whole: it began this log */
/* It grew far beyond the state it holds, or broke: a new one with the whole state is wanted. */
bool overlay_log_is_due(const struct overlay_log *l);
/* Reads: *pos starts at 0. False at the end of what is committed, or at nonsense. */
bool overlay_log_next(const uint8_t *data, size_t len, size_t *pos, const uint8_t **message, size_t *message_len);

#endif
