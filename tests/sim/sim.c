/* Runs many seeds, or tells the story of one:   sim [--runs N] [--from N]     sim --seed N
 * A failure prints its seed; the same seed gives the same run, octet for octet. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/sim.h"
#include "sim/seeds.h"

#if defined(__SANITIZE_ADDRESS__)
#define RUNS 300
#else
#define RUNS 1000
#endif

static bool run(struct sim *s, uint64_t seed)
{
	sim_begin(s, seed);
	sim_run_to(s, SIM_CHAOS_MS);
	if (!s->failed)
		chaos_heal(s);
	sim_run_to(s, SIM_CHAOS_MS + SIM_QUIET_MS);
	if (!s->failed)
		oracle_at_the_end(s);
	sim_end(s);
	if (s->failed)
		printf("seed %llu: %s (replay: sim --seed %llu)\n", (unsigned long long)seed, s->fault,
		       (unsigned long long)seed);
	return !s->failed;
}

int main(int argc, char **argv)
{
	(void)argc;
	struct seeds seeds = seeds_read("sim", RUNS, argv);
	uint64_t failures = 0, steps = 0;
	static struct sim s;
	s.loud = seeds.loud;
	for (uint64_t seed = seeds.from; seed < seeds.from + seeds.runs && failures < 20; seed++) {
		failures += !run(&s, seed);
		steps += s.steps;
	}
	printf("%llu runs from seed %llu, %llu steps, %llu failures\n", (unsigned long long)seeds.runs,
	       (unsigned long long)seeds.from, (unsigned long long)steps, (unsigned long long)failures);
	free(s.packets);
	return failures ? 1 : 0;
}
