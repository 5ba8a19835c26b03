/* Binary heap of deadlines with removal by handle: the owner embeds a heap_item. */
#ifndef GEMEL_BASE_HEAP_H
#define GEMEL_BASE_HEAP_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct heap_item {
	uint64_t at_ms;
	size_t index; /* 1-based place in the heap, 0 = not in it */
};
struct heap {
	struct heap_item **items;
	size_t count, cap;
};

void heap_init(struct heap *h);
void heap_deinit(struct heap *h); /* takes out what is still in it: those items must still be alive */
/* Puts or moves the item to at_ms. ERR_NOMEM leaves it where it was. Equal times keep a fixed but unspecified order. */
int heap_set(struct heap *h, struct heap_item *i, uint64_t at_ms) MUST_CHECK;
void heap_remove(struct heap *h, struct heap_item *i); /* harmless when not in it */
struct heap_item *heap_peek(const struct heap *h);     /* NULL when empty */

#endif
