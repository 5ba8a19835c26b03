/* The clocks, for the edges: everything else is told the time. */
#ifndef GEMEL_IO_CLOCK_H
#define GEMEL_IO_CLOCK_H
#include <stdint.h>
#include <time.h>

static inline uint64_t clock_read_us(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}
static inline uint64_t clock_mono_us(void) { return clock_read_us(CLOCK_MONOTONIC); }
static inline uint64_t clock_mono_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
static inline uint64_t clock_mono_ms(void) { return clock_mono_us() / 1000u; }
/* A few ms late and half the price: for the hot path, once a batch. */
static inline uint64_t clock_coarse_ms(void) { return clock_read_us(CLOCK_MONOTONIC_COARSE) / 1000u; }
static inline uint64_t clock_wall_us(void) { return clock_read_us(CLOCK_REALTIME); }
static inline uint64_t clock_wall_ms(void) { return clock_read_us(CLOCK_REALTIME) / 1000u; }

#endif
