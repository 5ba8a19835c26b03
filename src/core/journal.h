/* The journal's framing: a file is a head and then frames; cut at any octet it yields a prefix of whole records.
 *
 *     "GEMLJRN1" | len u16 | crc32c(len, seq, record) u32 | seq u64 | record[len] | len … 
 *
 * The epoch stands in two slots of a file of its own, preallocated, written in turn:
 *     slot (64 octets): "GEMLEPO1" | epoch u64 | counter u64 | crc32c u32 | zeros
 */
#ifndef GEMEL_CORE_JOURNAL_H
#define GEMEL_CORE_JOURNAL_H
#include <stdint.h>
#include "base/buf.h"

#define JOURNAL_MAGIC "GEMLJRN1"
#define JOURNAL_HEAD_LEN 8
#define JOURNAL_FRAME_HEAD_LEN 14
#define JOURNAL_RECORD_MAX 1024
#define EPOCH_SLOT_LEN 64

/* Appends a frame to w; fails (w->failed) where it does not fit. */
void journal_frame_put(struct wbuf *w, uint64_t seq, const uint8_t *record, size_t len);
/* Reads one frame at r; false at the end or at the first octet that is not a whole, right frame (r stays before it). Sequence
 * numbers must rise: *last_seq is compared and updated. */
bool journal_frame_get(struct rbuf *r, uint64_t *last_seq, const uint8_t **record, size_t *len);

void epoch_slot_put(uint8_t out[EPOCH_SLOT_LEN], uint64_t epoch, uint64_t counter);
/* The newer valid slot of the two; false when neither is. */
bool epoch_slots_get(const uint8_t *two_slots, size_t len, uint64_t *epoch, uint64_t *counter);
/* The epoch after `last` (0 = none yet): counter part + 1, low half from random. */
uint64_t epoch_next(uint64_t last, uint32_t random);

#endif
