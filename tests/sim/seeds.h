/* Which seeds a simulation runs:   NAME [--runs N] [--from N]     NAME --seed N (one, and its story is told) */
#ifndef GEMEL_TESTS_SIM_SEEDS_H
#define GEMEL_TESTS_SIM_SEEDS_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* How far they are, on a terminal; of all of them nothing is left there. */
static inline void seeds_show(const struct seeds *s, uint64_t done, uint64_t failures)
{
	if (s->loud || !isatty(STDERR_FILENO))
		return;
	fflush(stdout);
	if (done < s->runs)
		fprintf(stderr, "\r\033[K%llu of %llu runs, %llu failures\r", (unsigned long long)done, (unsigned long long)s->runs,
			(unsigned long long)failures);
	else
		fputs("\r\033[K", stderr);
}

#define SEEDS_FAILURES 20 /* more of them say nothing new */
struct seeds_done { uint64_t runs, failures; };

/* One run after the other. run: false where it failed, which it has told. */
static inline struct seeds_done seeds_run(const struct seeds *s, bool (*run)(void *arg, uint64_t seed), void *arg)
{
	struct seeds_done d = { 0 };
	while (d.runs < s->runs && d.failures < SEEDS_FAILURES) {
		d.failures += !run(arg, s->from + d.runs++);
		fflush(stdout);
		seeds_show(s, d.runs, d.failures);
	}
	return d;
}

#endif
