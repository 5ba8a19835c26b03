/* Hybrid logical clock: 48 bits of wall-clock ms, 16 bits of counter. A stamp given out is above every stamp seen
 * before, however wrong the wall clocks are, so what was caused later always wins.
 */
#ifndef GEMEL_PAIR_CLOCK_H
#define GEMEL_PAIR_CLOCK_H
#include <stdint.h>

struct clock_hlc {
	uint64_t last;
};
uint64_t clock_hlc_next(struct clock_hlc *c, uint64_t wall_ms);
/* The present stamp without giving one out. */
uint64_t clock_hlc_peek(const struct clock_hlc *c, uint64_t wall_ms);
/* How far a stamp stands ahead of the wall clock, in s, rounded down; BEAT_AHEAD_MAX_S at most. */
uint32_t clock_hlc_ahead_s(uint64_t stamp, uint64_t wall_ms);
void clock_hlc_absorb(struct clock_hlc *c, uint64_t stamp);

#endif
