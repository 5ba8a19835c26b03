/* Arena: a chain of zeroed chunks, the newest small one first.
 *
 *     head → [hdr|####used####|....free....] → [hdr|#### one big ####] → [hdr|#######] → NULL
 *
 * Chunks double from 8 KiB to 4 MiB, so that a zone of a dozen records stays small and a zone of a million names
 * takes few calls.  An allocation over a quarter of a chunk gets a chunk of its own behind the head, so it
 * neither wastes the head's free end nor sets the pace of doubling.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/arena.h"

#define CHUNK_FIRST ((size_t)8 << 10)
#define CHUNK_LAST ((size_t)4 << 20)
#define ALIGN 16u

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size; /* of data */
	size_t following;  /* size of the next small chunk */
	bool is_big;       /* holds one big allocation, made while the next small one in front of it was the head */
	_Alignas(ALIGN) uint8_t data[];
};

void arena_init(struct arena *a, size_t limit)
{
	*a = (struct arena){ .limit = limit };
}

void arena_deinit(struct arena *a)
{
	for (struct arena_chunk *c = a->head, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	arena_init(a, a->limit);
}

static struct arena_chunk *chunk_new(size_t size)
{
	struct arena_chunk *c = calloc(1, sizeof *c + size);
	if (c)
		c->size = size;
	return c;
}

static void *take(struct arena *a, struct arena_chunk *c, size_t size)
{
	void *p = c->data + c->used;
	c->used += size;
	a->used += size;
	return p;
}

static void *alloc_big(struct arena *a, size_t size)
{
	struct arena_chunk *c = chunk_new(size);
	if (!c)
		return NULL;
	c->is_big = a->head != NULL;
	if (a->head) {
		c->next = a->head->next;
		a->head->next = c;
	} else {
		c->following = CHUNK_FIRST;
		a->head = c;
	}
	return take(a, c, size);
}

static size_t padded(size_t n, size_t align)
{
	return (n + align - 1) & ~(align - 1);
}

static void *alloc(struct arena *a, size_t size, size_t align)
{
	if (size > SIZE_MAX / 2)
		return NULL;
	size = size ? padded(size, align) : align;
	if (a->limit && (a->used > a->limit || size > a->limit - a->used))
		return NULL;
	if (a->head) {
		size_t at = padded(a->head->used, align);
		if (at <= a->head->size && size <= a->head->size - at) {
			a->head->used = at;
			return take(a, a->head, size);
		}
	}
	size_t chunk_size = a->head ? a->head->following : CHUNK_FIRST;
	if (size > chunk_size / 4)
		return alloc_big(a, size);
	struct arena_chunk *c = chunk_new(chunk_size);
	if (!c)
		return NULL;
	c->following = chunk_size < CHUNK_LAST ? chunk_size * 2 : CHUNK_LAST;
	c->next = a->head;
	a->head = c;
	return take(a, c, size);
}

void *arena_alloc(struct arena *a, size_t size)
{
	return alloc(a, size, ALIGN);
}

void *arena_alloc_packed(struct arena *a, size_t size)
{
	return alloc(a, size, 8);
}

void arena_free_before(struct arena *a, const void *p)
{
	const uintptr_t at = (uintptr_t)p;
	struct arena_chunk *c = a->head, *older;

	while (c && (c->is_big || at < (uintptr_t)c->data || at - (uintptr_t)c->data >= c->size))
		c = c->next;
	/* The big ones right behind are as young as this one. */
	while (c && c->next && c->next->is_big)
		c = c->next;
	if (!c)
		return;
	older = c->next;
	c->next = NULL;
	while (older) {
		c = older->next;
		a->used -= older->used;
		free(older);
		older = c;
	}
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t total;
	if (__builtin_mul_overflow(n, size, &total))
		return NULL;
	return arena_alloc(a, total);
}

void *arena_copy(struct arena *a, const void *p, size_t len)
{
	void *copy = arena_alloc(a, len);
	if (copy && len)
		memcpy(copy, p, len);
	return copy;
}

char *arena_strn(struct arena *a, const char *s, size_t len)
{
	char *copy = len < SIZE_MAX ? arena_alloc(a, len + 1) : NULL;
	if (copy && len)
		memcpy(copy, s, len);
	return copy;
}

char *arena_str(struct arena *a, const char *s)
{
	return arena_strn(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *text = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
	if (!text)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return text;
}
