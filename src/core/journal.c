/* Frames of the journal and the two slots of the epoch. */
#include "base/hash.h"
#include "core/journal.h"

#define EPOCH_MAGIC "GEMLEPO1"
#define EPOCH_MAGIC_LEN 8
#define EPOCH_CRC_AT 24

/* Everything but the sum itself, so that a frame that slipped into another place, or whose length was hit, is seen. */
static uint32_t frame_crc(uint16_t len, uint64_t seq, const uint8_t *record)
{
	uint8_t head[10];
	store_u16(head, len);
	store_u64(head + 2, seq);
	return crc32c(crc32c(0, head, sizeof head), record, len);
}

void journal_frame_put(struct wbuf *w, uint64_t seq, const uint8_t *record, size_t len)
{
	uint8_t *p = len > 0 && len <= JOURNAL_RECORD_MAX ? put_room(w, JOURNAL_FRAME_HEAD_LEN + len) : NULL;
	if (!p) {
		w->failed = true;
		return;
	}
	store_u16(p, (uint16_t)len);
	store_u32(p + 2, frame_crc((uint16_t)len, seq, record));
	store_u64(p + 6, seq);
	memcpy(p + JOURNAL_FRAME_HEAD_LEN, record, len);
}

bool journal_frame_get(struct rbuf *r, uint64_t *last_seq, const uint8_t **record, size_t *len)
{
	if (r->failed || rbuf_left(r) < JOURNAL_FRAME_HEAD_LEN)
		return false;
	const uint8_t *p = r->data + r->pos;
	uint16_t n = load_u16(p);
	uint64_t seq = load_u64(p + 6);
	if (n == 0 || n > JOURNAL_RECORD_MAX || rbuf_left(r) - JOURNAL_FRAME_HEAD_LEN < n || seq <= *last_seq)
		return false;
	if (load_u32(p + 2) != frame_crc(n, seq, p + JOURNAL_FRAME_HEAD_LEN))
		return false;
	r->pos += JOURNAL_FRAME_HEAD_LEN + (size_t)n;
	*last_seq = seq;
	*record = p + JOURNAL_FRAME_HEAD_LEN;
	*len = n;
	return true;
}

void epoch_slot_put(uint8_t out[EPOCH_SLOT_LEN], uint64_t epoch, uint64_t counter)
{
	memset(out, 0, EPOCH_SLOT_LEN);
	memcpy(out, EPOCH_MAGIC, EPOCH_MAGIC_LEN);
	store_u64(out + 8, epoch);
	store_u64(out + 16, counter);
	store_u32(out + EPOCH_CRC_AT, crc32c(0, out, EPOCH_CRC_AT));
}

static bool slot_get(const uint8_t *slot, uint64_t *epoch, uint64_t *counter)
{
	if (memcmp(slot, EPOCH_MAGIC, EPOCH_MAGIC_LEN) != 0 ||
	    load_u32(slot + EPOCH_CRC_AT) != crc32c(0, slot, EPOCH_CRC_AT))
		return false;
	*epoch = load_u64(slot + 8);
	*counter = load_u64(slot + 16);
	return true;
}

bool epoch_slots_get(const uint8_t *two_slots, size_t len, uint64_t *epoch, uint64_t *counter)
{
	bool found = false;
	for (size_t i = 0; i < 2 && len >= (i + 1) * EPOCH_SLOT_LEN; i++) {
		uint64_t e, n;
		if (!slot_get(two_slots + i * EPOCH_SLOT_LEN, &e, &n) || (found && n <= *counter))
			continue;
		*epoch = e;
		*counter = n;
		found = true;
	}
	return found;
}

uint64_t epoch_next(uint64_t last, uint32_t random)
{
	return ((last >> 32) + 1) << 32 | random;
}
