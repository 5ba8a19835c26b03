/* The life of a plan; its bytes are made in plan_encode.c and read in plan_decode.c. */
#include <stdlib.h>
#include "core/plan.h"

struct plan *plan_new(void)
{
	struct plan *p = calloc(1, sizeof *p);
	if (p)
		arena_init(&p->arena, 0);
	return p;
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	/* The twins' key must not stay behind in freed memory; the barrier keeps the compiler from dropping the store. */
	memset(p->pair.key, 0, sizeof p->pair.key);
	__asm__ volatile("" : : "r"(p->pair.key) : "memory");
	arena_deinit(&p->arena);
	free(p);
}
