/* The life of a plan; its bytes are made in plan_encode.c and read in plan_decode.c. */
#include <stdlib.h>
#include <string.h>
#include "core/plan.h"

struct plan *plan_new(void)
{
	struct plan *p = calloc(1, sizeof *p);
	if (p)
		arena_init(&p->arena, 0);
	return p;
}

/* The barrier keeps the compiler from dropping the stores. */
void plan_forget_keys(struct plan *p)
{
	memset(p->pair.key, 0, sizeof p->pair.key);
	memset(p->pair.other_key, 0, sizeof p->pair.other_key);
	memset(&p->admin, 0, sizeof p->admin);
	__asm__ volatile("" : : "r"(&p->pair), "r"(&p->admin) : "memory");
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	plan_forget_keys(p); /* they must not stay behind in freed memory */
	arena_deinit(&p->arena);
	free(p);
}

/* ---- needs ---- */

static uint8_t behind(const struct plan_needs *n, const uint8_t *rank, uint8_t most)
{
	for (size_t i = 0; n && i < n->count; i++)
		if (rank[n->services[i]] >= most)
			most = (uint8_t)(rank[n->services[i]] + 1);
	return most;
}

static uint8_t rank_of(const struct plan_service *s, const uint8_t *rank)
{
	uint8_t most = behind(&s->needs, rank, 0);
	for (size_t i = 0; s->member_needs && i < s->policy.member_count; i++)
		most = behind(&s->member_needs[i], rank, most);
	return most;
}

int plan_ranks(const struct plan *p, uint8_t *rank)
{
	memset(rank, 0, p->service_count);
	/* A round settles at least one link of every chain; in a circle ranks rise until they are over the bound. */
	for (unsigned round = 0; round < PLAN_NEEDS_DEPTH; round++) {
		bool moved = false;
		for (uint32_t i = 0; i < p->service_count; i++) {
			uint8_t now = rank_of(&p->services[i], rank);
			if (now >= PLAN_NEEDS_DEPTH)
				return ERR_FORMAT;
			moved |= now != rank[i];
			rank[i] = now;
		}
		if (!moved)
			return 0;
	}
	return ERR_FORMAT;
}
