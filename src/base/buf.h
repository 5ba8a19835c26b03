/* Bounded big-endian writer and reader, shared by DNS messages, the pair protocol, the messages
 * between the processes and the journal.  Errors stick: write or read on, check once at the end.
 *
 *     struct wbuf w; wbuf_init(&w, out, sizeof out);
 *     put_u16(&w, 7); put_bytes(&w, p, n);
 *     if (w.failed) return ERR_SHORT;              // nothing was written past the end
 */
#ifndef GEMEL_BASE_BUF_H
#define GEMEL_BASE_BUF_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "base/err.h"

struct wbuf {
	uint8_t *data;
	size_t len, cap;
	bool failed; /* something did not fit; len stays at what did */
};

struct rbuf {
	const uint8_t *data;
	size_t pos, len;
	bool failed; /* a read went past the end; it and all later ones gave zero */
};

static inline uint16_t load_u16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static inline uint32_t load_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline uint64_t load_u64(const uint8_t *p) { return (uint64_t)load_u32(p) << 32 | load_u32(p + 4); }
static inline void store_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}
static inline void store_u32(uint8_t *p, uint32_t v)
{
	store_u16(p, (uint16_t)(v >> 16));
	store_u16(p + 2, (uint16_t)v);
}
static inline void store_u64(uint8_t *p, uint64_t v)
{
	store_u32(p, (uint32_t)(v >> 32));
	store_u32(p + 4, (uint32_t)v);
}

void wbuf_init(struct wbuf *w, uint8_t *data, size_t cap);
/* Room for n bytes at the end, already counted in len; NULL (and failed) when they do not fit. */
uint8_t *put_room(struct wbuf *w, size_t n);
void put_u8(struct wbuf *w, uint8_t v);
void put_u16(struct wbuf *w, uint16_t v);
void put_u32(struct wbuf *w, uint32_t v);
void put_u64(struct wbuf *w, uint64_t v);
void put_bytes(struct wbuf *w, const void *p, size_t n);
/* 16-bit length, then the bytes; strings without their NUL. Longer than 65,535 fails. */
void put_block(struct wbuf *w, const void *p, size_t n);
void put_str(struct wbuf *w, const char *s);

void rbuf_init(struct rbuf *r, const void *data, size_t len);
static inline size_t rbuf_left(const struct rbuf *r) { return r->len - r->pos; }
uint8_t get_u8(struct rbuf *r);
uint16_t get_u16(struct rbuf *r);
uint32_t get_u32(struct rbuf *r);
uint64_t get_u64(struct rbuf *r);
/* Borrowed from the input; NULL (and failed) when fewer than n are left. n = 0 never fails. */
const uint8_t *get_bytes(struct rbuf *r, size_t n);
const uint8_t *get_block(struct rbuf *r, size_t *n);
/* As put_str wrote it, copied with a NUL into out; longer than cap - 1 or an inner NUL fails. */
void get_str(struct rbuf *r, char *out, size_t cap);

/* A growing byte string on the heap, for what has no natural bound to preallocate. */
struct bytes {
	uint8_t *data; /* heap; bytes_deinit frees */
	size_t len, cap;
	bool failed; /* out of memory, or over the bound given to bytes_init */
	size_t bound;
	struct bytes_room *room; /* NULL = heap */
};
/* Memory of another kind to grow in: gives all of it, with at least cap octets (and says how many), what is there
 * unchanged; NULL = there is no more. It stays whose it is. */
struct bytes_room {
	uint8_t *(*grow)(struct bytes_room *room, size_t *cap);
};
void bytes_init(struct bytes *b, size_t bound);
void bytes_init_in(struct bytes *b, size_t bound, struct bytes_room *room);
void bytes_deinit(struct bytes *b);
void bytes_add(struct bytes *b, const void *p, size_t n);
/* n zero octets, to be written to until the next call; NULL = failed. */
uint8_t *bytes_zero(struct bytes *b, size_t n);
void bytes_printf(struct bytes *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void bytes_u8(struct bytes *b, uint8_t v);
void bytes_u16(struct bytes *b, uint16_t v);
void bytes_u32(struct bytes *b, uint32_t v);
void bytes_u64(struct bytes *b, uint64_t v);
void bytes_block(struct bytes *b, const void *p, size_t n); /* as put_block */
void bytes_str(struct bytes *b, const char *s);             /* as put_str */

#endif
