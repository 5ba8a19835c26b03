/* Which seeds a simulation runs:   NAME [--runs N] [--from N]     NAME --seed N (one, and its story is told) */
#ifndef GEMEL_TESTS_SIM_SEEDS_H
#define GEMEL_TESTS_SIM_SEEDS_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct seeds { uint64_t from, runs; bool loud; };

static uint64_t seeds_number(const char *name, const char *text)
{
	char *end;
	unsigned long long n = text ? strtoull(text, &end, 10) : 0;
	if (!text || *end || end == text) {
		fprintf(stderr, "usage: %s [--runs N] [--from N] | --seed N\n", name);
		exit(2);
	}
	return n;
}

static struct seeds seeds_read(const char *name, uint64_t runs, char **argv)
{
	struct seeds s = { .from = 1, .runs = runs };
	for (; argv[1]; argv += argv[2] ? 2 : 1) {
		if (strcmp(argv[1], "--seed") == 0)
			s = (struct seeds){ .from = seeds_number(name, argv[2]), .runs = 1, .loud = true };
		else if (strcmp(argv[1], "--runs") == 0)
			s.runs = seeds_number(name, argv[2]);
		else if (strcmp(argv[1], "--from") == 0)
			s.from = seeds_number(name, argv[2]);
		else
			seeds_number(name, NULL);
	}
	return s;
}

#endif
