#include "pair/clock.h"
#include "pair/codec.h"

#define WALL_MAX (((uint64_t)1 << 48) - 1) /* the year 10889 */

uint64_t clock_hlc_peek(const struct clock_hlc *c, uint64_t wall_ms)
{
	uint64_t wall = (wall_ms > WALL_MAX ? WALL_MAX : wall_ms) << 16;
	return wall > c->last ? wall : c->last;
}

/* A full counter runs over into the milliseconds, which is harmless: the wall clock catches up. At the very end it
 * stands. */
uint64_t clock_hlc_next(struct clock_hlc *c, uint64_t wall_ms)
{
	uint64_t wall = clock_hlc_peek(&(struct clock_hlc){ 0 }, wall_ms);

	if (wall > c->last)
		c->last = wall;
	else if (c->last < UINT64_MAX)
		c->last++;
	return c->last;
}

uint32_t clock_hlc_ahead_s(uint64_t stamp, uint64_t wall_ms)
{
	uint64_t stamp_ms = stamp >> 16, ahead_s = stamp_ms > wall_ms ? (stamp_ms - wall_ms) / 1000 : 0;

	return ahead_s < BEAT_AHEAD_MAX_S ? (uint32_t)ahead_s : BEAT_AHEAD_MAX_S;
}

void clock_hlc_absorb(struct clock_hlc *c, uint64_t stamp)
{
	if (stamp > c->last)
		c->last = stamp;
}
