/* Seeded random numbers for jitter and choice: deterministic, never for secrets. */
#ifndef GEMEL_BASE_RNG_H
#define GEMEL_BASE_RNG_H
#include <stdint.h>

struct rng {
	uint64_t s[4];
};

void rng_init(struct rng *r, uint64_t seed);
uint64_t rng_u64(struct rng *r);
/* Uniform in [0, bound); bound 0 gives 0. */
uint64_t rng_below(struct rng *r, uint64_t bound);

#endif
