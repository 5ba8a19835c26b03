/* How long things took, counted in buckets of a fixed ladder: what is told of them is a histogram, never single times.
 *
 *     took    ≤ 5 µs   ≤ 10 µs   ≤ 20 µs  …  ≤ 100 ms   longer
 *     count     [0]       [1]       [2]         [13]      [14]
 */
#ifndef GEMEL_BASE_LATENCY_H
#define GEMEL_BASE_LATENCY_H
#include <stdint.h>

#define LATENCY_BOUNDS 14
#define LATENCY_BUCKETS (LATENCY_BOUNDS + 1)
extern const uint32_t latency_bounds_us[LATENCY_BOUNDS]; /* ascending */
extern const char *const latency_bucket_texts[LATENCY_BUCKETS]; /* "5", "10", …, "more" */

struct latency { /* one writer */
	uint64_t count[LATENCY_BUCKETS];
	uint64_t sum_ns;
};
/* So many things took that long each. */
void latency_add(struct latency *l, uint64_t took_ns, uint32_t things);
/* Adds one that its writer may be writing meanwhile: each number is whole, their sum need not be. */
void latency_sum(struct latency *sum, const struct latency *l);

#endif
