/* Bounded writer and reader over memory that the caller owns. */
#include "base/buf.h"

#define BLOCK_MAX 65535u /* what the 16-bit length can say */

void wbuf_init(struct wbuf *w, uint8_t *data, size_t cap)
{
	*w = (struct wbuf){ .data = data, .cap = cap };
}

uint8_t *put_room(struct wbuf *w, size_t n)
{
	if (w->failed || n > w->cap - w->len) {
		w->failed = true;
		return NULL;
	}
	uint8_t *p = w->data + w->len;
	w->len += n;
	return p;
}

void put_u8(struct wbuf *w, uint8_t v)
{
	uint8_t *p = put_room(w, 1);
	if (p)
		*p = v;
}

void put_u16(struct wbuf *w, uint16_t v)
{
	uint8_t *p = put_room(w, 2);
	if (p)
		store_u16(p, v);
}

void put_u32(struct wbuf *w, uint32_t v)
{
	uint8_t *p = put_room(w, 4);
	if (p)
		store_u32(p, v);
}

void put_u64(struct wbuf *w, uint64_t v)
{
	uint8_t *p = put_room(w, 8);
	if (p)
		store_u64(p, v);
}

void put_bytes(struct wbuf *w, const void *p, size_t n)
{
	uint8_t *to = put_room(w, n);
	if (to && n)
		memcpy(to, p, n);
}

/* Length and content go in together or not at all, so that len never ends inside a block. */
void put_block(struct wbuf *w, const void *p, size_t n)
{
	uint8_t *to = n > BLOCK_MAX ? NULL : put_room(w, 2 + n);
	if (!to) {
		w->failed = true;
		return;
	}
	store_u16(to, (uint16_t)n);
	if (n)
		memcpy(to + 2, p, n);
}

void put_str(struct wbuf *w, const char *s)
{
	put_block(w, s, strlen(s));
}

void rbuf_init(struct rbuf *r, const void *data, size_t len)
{
	*r = (struct rbuf){ .data = data, .len = len };
}

const uint8_t *get_bytes(struct rbuf *r, size_t n)
{
	/* An empty input may have no address at all; reading nothing from it still succeeds. */
	static const uint8_t nothing[1];
	if (n == 0)
		return r->data ? r->data + r->pos : nothing;
	if (r->failed || n > rbuf_left(r)) {
		r->failed = true;
		return NULL;
	}
	const uint8_t *p = r->data + r->pos;
	r->pos += n;
	return p;
}

uint8_t get_u8(struct rbuf *r)
{
	const uint8_t *p = get_bytes(r, 1);
	return p ? *p : 0;
}

uint16_t get_u16(struct rbuf *r)
{
	const uint8_t *p = get_bytes(r, 2);
	return p ? load_u16(p) : 0;
}

uint32_t get_u32(struct rbuf *r)
{
	const uint8_t *p = get_bytes(r, 4);
	return p ? load_u32(p) : 0;
}

uint64_t get_u64(struct rbuf *r)
{
	const uint8_t *p = get_bytes(r, 8);
	return p ? load_u64(p) : 0;
}

const uint8_t *get_block(struct rbuf *r, size_t *n)
{
	size_t len = get_u16(r);
	const uint8_t *p = r->failed ? NULL : get_bytes(r, len);
	*n = p ? len : 0;
	return p;
}

void get_str(struct rbuf *r, char *out, size_t cap)
{
	size_t n;
	const uint8_t *p = get_block(r, &n);
	if (!p || n >= cap || memchr(p, 0, n)) {
		r->failed = true;
		if (cap)
			out[0] = '\0';
		return;
	}
	memcpy(out, p, n);
	out[n] = '\0';
}
