/* struct bytes: a byte string that grows by doubling up to its bound. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/buf.h"

#define CAP_FIRST 256u
#define BLOCK_MAX 65535u /* what the 16-bit length can say */

void bytes_init(struct bytes *b, size_t bound)
{
	*b = (struct bytes){ .bound = bound };
}

void bytes_init_in(struct bytes *b, size_t bound, struct bytes_room *room)
{
	*b = (struct bytes){ .bound = bound, .room = room };
}

void bytes_deinit(struct bytes *b)
{
	if (!b->room)
		free(b->data);
	bytes_init(b, b->bound);
}

/* Capacity for n more; the bound is on len, so doubling may stop at it. */
static bool reserve(struct bytes *b, size_t n)
{
	if (b->failed || n > b->bound - b->len) {
		b->failed = true;
		return false;
	}
	if (n <= b->cap - b->len)
		return true;
	size_t want = b->len + n, cap = b->cap ? b->cap : CAP_FIRST;
	while (cap < want)
		cap = cap > b->bound / 2 ? b->bound : cap * 2;
	if (b->room)
		cap = want;
	uint8_t *data = b->room ? b->room->grow(b->room, &cap) : realloc(b->data, cap);
	if (!data) {
		b->failed = true;
		return false;
	}
	b->data = data;
	b->cap = cap;
	return true;
}

void bytes_add(struct bytes *b, const void *p, size_t n)
{
	if (!reserve(b, n) || n == 0)
		return;
	memcpy(b->data + b->len, p, n);
	b->len += n;
}

uint8_t *bytes_zero(struct bytes *b, size_t n)
{
	if (!reserve(b, n))
		return NULL;
	if (n)
		memset(b->data + b->len, 0, n);
	b->len += n;
	return b->data + b->len - n;
}

/* vsnprintf wants room for a NUL that is not counted; where the bound leaves none, a copy is made. */
static void add_formatted(struct bytes *b, size_t n, const char *fmt, va_list ap)
{
	if (n < b->cap - b->len) {
		vsnprintf((char *)b->data + b->len, n + 1, fmt, ap);
		b->len += n;
		return;
	}
	char *text = malloc(n + 1);
	if (!text) {
		b->failed = true;
		return;
	}
	vsnprintf(text, n + 1, fmt, ap);
	bytes_add(b, text, n);
	free(text);
}

void bytes_printf(struct bytes *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
		return;
	}
	if (n == 0 || !reserve(b, (size_t)n))
		return;
	va_start(ap, fmt);
	add_formatted(b, (size_t)n, fmt, ap);
	va_end(ap);
}

void bytes_u8(struct bytes *b, uint8_t v)
{
	bytes_add(b, &v, 1);
}

void bytes_u16(struct bytes *b, uint16_t v)
{
	uint8_t p[2];
	store_u16(p, v);
	bytes_add(b, p, sizeof p);
}

void bytes_u32(struct bytes *b, uint32_t v)
{
	uint8_t p[4];
	store_u32(p, v);
	bytes_add(b, p, sizeof p);
}

void bytes_u64(struct bytes *b, uint64_t v)
{
	uint8_t p[8];
	store_u64(p, v);
	bytes_add(b, p, sizeof p);
}

void bytes_block(struct bytes *b, const void *p, size_t n)
{
	if (n > BLOCK_MAX || !reserve(b, 2 + n)) {
		b->failed = true;
		return;
	}
	bytes_u16(b, (uint16_t)n);
	bytes_add(b, p, n);
}

void bytes_str(struct bytes *b, const char *s)
{
	bytes_block(b, s, strlen(s));
}
