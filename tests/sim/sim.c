/* Runs many seeds, or tells the story of one:   sim [--runs N] [--from N]     sim --seed N
 * A failure prints its seed; the same seed gives the same run, octet for octet. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/sim.h"

#if defined(__SANITIZE_ADDRESS__)
#define RUNS 1000
#else
#define RUNS 10000
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

static uint64_t number(const char *text)
{
	char *end;
	unsigned long long n = text ? strtoull(text, &end, 10) : 0;
	if (!text || *end || end == text) {
		fprintf(stderr, "usage: sim [--runs N] [--from N] | --seed N\n");
		exit(2);
	}
	return n;
}

int main(int argc, char **argv)
{
	uint64_t runs = RUNS, from = 1, failures = 0, steps = 0;
	static struct sim s;
	for (int i = 1; i < argc; i += 2) {
		if (strcmp(argv[i], "--seed") == 0) {
			from = number(argv[i + 1]);
			runs = 1;
			s.loud = true;
		} else if (strcmp(argv[i], "--runs") == 0) {
			runs = number(argv[i + 1]);
		} else if (strcmp(argv[i], "--from") == 0) {
			from = number(argv[i + 1]);
		} else {
			number(NULL);
		}
	}
	for (uint64_t seed = from; seed < from + runs && failures < 20; seed++) {
		failures += !run(&s, seed);
		steps += s.steps;
	}
	printf("%llu runs from seed %llu, %llu steps, %llu failures\n", (unsigned long long)runs,
	       (unsigned long long)from, (unsigned long long)steps, (unsigned long long)failures);
	free(s.packets);
	return failures ? 1 : 0;
}
