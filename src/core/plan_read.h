/* Inside plan_decode: reads hostile bytes, and remembers the first fault; after one everything reads as 0, NULL and nothing. What is
 * read lives in the plan's arena.
 */
#ifndef GEMEL_CORE_PLAN_READ_H
#define GEMEL_CORE_PLAN_READ_H
#include "base/addr.h"
#include "base/arena.h"
#include "base/buf.h"

struct plan_reader {
	struct rbuf *r;
	struct arena *arena;
	int err; /* the first fault; 0 with r->failed = the bytes ended early */
};

void plan_fail(struct plan_reader *d, int err);      /* the first fault stays */
void plan_require(struct plan_reader *d, bool good); /* else ERR_FORMAT */
bool plan_read_bool(struct plan_reader *d);
const char *plan_read_text(struct plan_reader *d, bool wanted); /* without NUL inside; NULL = none, a fault where it is wanted */
/* n, or 0 and a fault where n is over its bound or over what the rest of the bytes can hold. */
size_t plan_read_count(struct plan_reader *d, size_t n, size_t max, size_t min_len);
void *plan_read_array(struct plan_reader *d, size_t n, size_t size); /* zeroed; NULL and ERR_NOMEM */
void plan_read_addr(struct plan_reader *d, struct addr *a, bool wanted);
const struct addr *plan_read_addrs(struct plan_reader *d, size_t *count, size_t max);
const struct addr_block *plan_read_blocks(struct plan_reader *d, uint16_t *count, size_t max);

#endif
