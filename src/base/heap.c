/* Binary heap of deadlines; items[0] is place 1. */
#include <stdlib.h>
#include "base/heap.h"

#define CAP_FIRST 16u

void heap_init(struct heap *h)
{
	*h = (struct heap){ 0 };
}

void heap_deinit(struct heap *h)
{
	for (size_t i = 0; i < h->count; i++)
		h->items[i]->index = 0;
	free(h->items);
	heap_init(h);
}

static void place(struct heap *h, struct heap_item *i, size_t index)
{
	h->items[index - 1] = i;
	i->index = index;
}

static void sift_up(struct heap *h, struct heap_item *i, size_t index)
{
	for (; index > 1 && h->items[index / 2 - 1]->at_ms > i->at_ms; index /= 2)
		place(h, h->items[index / 2 - 1], index);
	place(h, i, index);
}

static void sift_down(struct heap *h, struct heap_item *i, size_t index)
{
	for (size_t child; (child = index * 2) <= h->count; index = child) {
		if (child < h->count && h->items[child]->at_ms < h->items[child - 1]->at_ms)
			child++;
		if (h->items[child - 1]->at_ms >= i->at_ms)
			break;
		place(h, h->items[child - 1], index);
	}
	place(h, i, index);
}

/* Puts i, whose time may have changed, where it belongs, starting at a free place. */
static void settle(struct heap *h, struct heap_item *i, size_t index)
{
	if (index > 1 && h->items[index / 2 - 1]->at_ms > i->at_ms)
		sift_up(h, i, index);
	else
		sift_down(h, i, index);
}

static int grow(struct heap *h)
{
	if (h->count < h->cap)
		return 0;
	size_t cap = h->cap ? h->cap * 2 : CAP_FIRST;
	struct heap_item **items = realloc(h->items, cap * sizeof *items);
	if (!items)
		return ERR_NOMEM;
	h->items = items;
	h->cap = cap;
	return 0;
}

int heap_set(struct heap *h, struct heap_item *i, uint64_t at_ms)
{
	if (i->index) {
		i->at_ms = at_ms;
		settle(h, i, i->index);
		return 0;
	}
	int e = grow(h);
	if (e < 0)
		return e;
	i->at_ms = at_ms;
	sift_up(h, i, ++h->count);
	return 0;
}

void heap_remove(struct heap *h, struct heap_item *i)
{
	size_t hole = i->index;
	if (!hole)
		return;
	struct heap_item *last = h->items[--h->count];
	i->index = 0;
	if (last != i)
		settle(h, last, hole);
}

struct heap_item *heap_peek(const struct heap *h)
{
	return h->count ? h->items[0] : NULL;
}
