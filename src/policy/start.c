/* How the weight of a member grows that came back (slow_start). */
#include "policy/policy.h"

static uint64_t step_ms(uint32_t slow_start_ms)
{
	uint64_t ms = ((uint64_t)slow_start_ms + POLICY_START_STEPS - 1) / POLICY_START_STEPS;

	return ms > POLICY_START_STEP_MIN_MS ? ms : POLICY_START_STEP_MIN_MS;
}

uint8_t policy_start_pct(uint32_t slow_start_ms, uint64_t elapsed_ms)
{
	uint64_t begun_ms = elapsed_ms - elapsed_ms % step_ms(slow_start_ms);

	if (elapsed_ms >= slow_start_ms)
		return 100;
	if (begun_ms == 0) /* not one expression: gcc with sanitizers sees an int in it */
		return POLICY_START_PCT;
	return (uint8_t)(100 * begun_ms / slow_start_ms);
}

uint64_t policy_start_next_ms(uint32_t slow_start_ms, uint64_t elapsed_ms)
{
	uint64_t next_ms = elapsed_ms - elapsed_ms % step_ms(slow_start_ms) + step_ms(slow_start_ms);

	return next_ms < slow_start_ms ? next_ms : slow_start_ms;
}
