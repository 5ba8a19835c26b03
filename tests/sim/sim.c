/* Runs many seeds, or tells the story of one:   sim [--runs N] [--from N] [--jobs N]     sim --seed N
 * A failure prints its seed; the same seed gives the same run, octet for octet. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "sim/sim.h"
#include "sim/seeds.h"

#if defined(__SANITIZE_ADDRESS__)
#define RUNS 300
#else
#define RUNS 1000
#endif
#define FAILURES_MAX 20 /* enough to read */
#define JOBS_MAX 256
#define BLOCK 50 /* seeds that a worker takes at a time */

/* What the workers share: each takes the next block of seeds until none is left. */
static struct tally {
	_Atomic uint64_t next, runs, steps, failures;
	_Atomic uint64_t at[JOBS_MAX]; /* the seed that each is busy with */
} *tally;

static bool run(struct sim *s, uint64_t seed)
{
	sim_begin(s, seed);
	sim_run_to(s, s->chaos_ms);
	if (!s->failed)
		chaos_heal(s);
	sim_run_to(s, s->chaos_ms + SIM_QUIET_MS);
	oracle_shelves_rest(s);
	if (!s->failed)
		oracle_at_the_end(s);
	if (!s->failed)
		keys_at_the_end(s);
	sim_end(s);
	if (s->failed) {
		printf("seed %llu: %s (replay: sim --seed %llu)\n", (unsigned long long)seed, s->fault,
		       (unsigned long long)seed);
		fflush(stdout);
	}
	return !s->failed;
}

static void show_progress(const struct seeds *seeds)
{
	seeds_show(seeds, atomic_load(&tally->runs), atomic_load(&tally->failures));
}

static void work(const struct seeds *seeds, uint64_t job, bool alone)
{
	static struct sim s;
	uint64_t end = seeds->from + seeds->runs, from;
	s.loud = seeds->loud;
	while ((from = atomic_fetch_add(&tally->next, BLOCK)) < end) {
		for (uint64_t seed = from; seed < from + BLOCK && seed < end; seed++) {
			if (atomic_load(&tally->failures) >= FAILURES_MAX)
				return;
			atomic_store(&tally->at[job], seed);
			atomic_fetch_add(&tally->failures, !run(&s, seed));
			atomic_fetch_add(&tally->runs, 1);
			atomic_fetch_add(&tally->steps, s.steps);
			if (alone)
				show_progress(seeds);
		}
	}
	free(s.packets);
}

/* In processes of their own, as the oracles' books are one a process. */
static void work_in(const struct seeds *seeds, uint64_t jobs)
{
	pid_t worker[JOBS_MAX];
	for (uint64_t j = 0; j < jobs; j++) {
		worker[j] = fork();
		if (worker[j] < 0) {
			perror("fork");
			exit(2);
		}
		if (worker[j] == 0) {
			work(seeds, j, false);
			exit(0);
		}
	}
	for (uint64_t left = jobs; left > 0;) {
		int status = 0;
		pid_t pid = waitpid(-1, &status, WNOHANG);
		if (pid < 0 && errno != EINTR)
			break;
		if (pid <= 0) {
			show_progress(seeds);
			nanosleep(&(struct timespec){ 0, 100000000 }, NULL);
			continue;
		}
		left--;
		for (uint64_t j = 0; j < jobs && status; j++) {
			if (worker[j] == pid)
				printf("seed %llu: crashes\n", (unsigned long long)atomic_load(&tally->at[j]));
		}
		atomic_fetch_add(&tally->failures, status != 0);
	}
	seeds_show(seeds, seeds->runs, 0);
}

/* Takes "--jobs N" out of the arguments. */
static uint64_t jobs_take(char **argv)
{
	for (; argv[1]; argv++) {
		if (strcmp(argv[1], "--jobs") != 0)
			continue;
		uint64_t jobs = seeds_number("sim", argv[2]);
		for (char **a = argv + 1; (a[0] = a[2]);)
			a++;
		return jobs < 1 ? 1 : jobs > JOBS_MAX ? JOBS_MAX : jobs;
	}
	return 1;
}

int main(int argc, char **argv)
{
	(void)argc;
	uint64_t jobs = jobs_take(argv);
	struct seeds seeds = seeds_read("sim", RUNS, argv);
	tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tally == MAP_FAILED) {
		perror("mmap");
		return 2;
	}
	atomic_store(&tally->next, seeds.from);
	if (jobs == 1)
		work(&seeds, 0, true);
	else
		work_in(&seeds, jobs);
	uint64_t failures = atomic_load(&tally->failures);
	printf("%llu runs from seed %llu, %llu steps, %llu failures\n", (unsigned long long)atomic_load(&tally->runs),
	       (unsigned long long)seeds.from, (unsigned long long)atomic_load(&tally->steps), (unsigned long long)failures);
	munmap(tally, sizeof *tally);
	return failures ? 1 : 0;
}
