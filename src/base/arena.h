/* Memory by lifetime: allocations that die together.  Chunks are chained; nothing is freed singly. */
#ifndef GEMEL_BASE_ARENA_H
#define GEMEL_BASE_ARENA_H
#include <stddef.h>
#include "base/err.h"

struct arena_chunk;
struct arena {
	struct arena_chunk *head;
	size_t used;  /* bytes handed out */
	size_t limit; /* bound on used; 0 = none */
};

void arena_init(struct arena *a, size_t limit);
void arena_deinit(struct arena *a);
/* Zeroed, aligned to 16. NULL when out of memory or over the limit. size 0 gives a unique pointer. */
void *arena_alloc(struct arena *a, size_t size) MUST_CHECK;
/* The same, aligned to 8 only, and not padded to 16: for the many small things of a large zone. */
void *arena_alloc_packed(struct arena *a, size_t size) MUST_CHECK;
/* n * size with the product checked. */
void *arena_array(struct arena *a, size_t n, size_t size) MUST_CHECK;
void *arena_copy(struct arena *a, const void *p, size_t len) MUST_CHECK;
/* Frees what was allocated before p, an allocation of at most a quarter of a chunk, as far as whole chunks hold nothing
 * else. */
void arena_free_before(struct arena *a, const void *p);
char *arena_str(struct arena *a, const char *s) MUST_CHECK;
char *arena_strn(struct arena *a, const char *s, size_t len) MUST_CHECK;
char *arena_printf(struct arena *a, const char *fmt, ...) MUST_CHECK PRINTF_LIKE(2, 3);

#endif
