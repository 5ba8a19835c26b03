#include "base/latency.h"

const uint32_t latency_bounds_us[LATENCY_BOUNDS] = { 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000 };

const char *const latency_bucket_texts[LATENCY_BUCKETS] = { "5", "10", "20", "50", "100", "200", "500", "1000", "2000", "5000", "10000",
							    "20000", "50000", "100000", "more" };

void latency_add(struct latency *l, uint64_t took_ns, uint32_t things)
{
	unsigned i = 0;
	while (i < LATENCY_BOUNDS && took_ns > latency_bounds_us[i] * 1000ull)
		i++;
	l->count[i] += things;
	l->sum_ns += took_ns * things;
}

void latency_sum(struct latency *sum, const struct latency *l)
{
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
		sum->count[i] += __atomic_load_n(&l->count[i], __ATOMIC_RELAXED);
	sum->sum_ns += __atomic_load_n(&l->sum_ns, __ATOMIC_RELAXED);
}
