/* main for a fuzz target without libFuzzer: replays files, or mutates the target's seeds.
 *
 *     query_fuzz crash-1-4711 other-file      replay
 *     query_fuzz -runs=1000000 -seed=7        mutate; the same seed gives the same inputs
 *     query_fuzz -max_total_time=300          mutate for so many seconds (libFuzzer's name for it)
 *     query_fuzz                              the short run of make check (GEMEL_FUZZ_RUNS, GEMEL_FUZZ_SEED override)
 *
 * Each input depends on (seed, number of the run) alone.  On a crash the input is left in crash-SEED-RUN.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/rng.h"
#include "tests/fuzz/fuzz.h"

#define RUNS_DEFAULT 100000
#define INPUT_MAX 4096 /* long enough for every limit of a query; short enough to try many */
#define EDITS_MAX 8

/* What the crash handler writes out; nothing else here is global. */
static struct {
	uint8_t *data;
	size_t len;
	unsigned long long seed, run;
} current;

/* Only calls that are safe in a signal handler, snprintf of integers aside. */
static void save_input(void)
{
	char name[64], line[128];

	if (!current.data)
		return;
	snprintf(name, sizeof name, "crash-%llu-%llu", current.seed, current.run);
	int n = snprintf(line, sizeof line, "crashed: -seed=%llu run %llu, %zu octets, saved as %s\n", current.seed,
			 current.run, current.len, name);
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, current.data, current.len) < 0 || write(STDERR_FILENO, line, (size_t)n) < 0)
		_exit(1);
	close(fd);
}

static void on_signal(int sig)
{
	save_input();
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Sanitizers end the process without a signal, but tell us first. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void watch_for_death(void)
{
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(save_input);
	else
		signal(SIGSEGV, on_signal);
	signal(SIGABRT, on_signal);
}

/* A copy of exactly its size, so that a sanitizer sees a read of one octet too much. */
static void run_input(const uint8_t *data, size_t len)
{
	current.data = malloc(len ? len : 1);
	if (!current.data)
		abort();
	memcpy(current.data, data, len);
	current.len = len;
	LLVMFuzzerTestOneInput(current.data, len);
	free(current.data);
	current.data = NULL;
}

static int replay(const char *path)
{
	FILE *f = fopen(path, "rb");
	static uint8_t data[1 << 20];

	if (!f) {
		perror(path);
		return 1;
	}
	size_t len = fread(data, 1, sizeof data, f);
	fclose(f);
	fprintf(stderr, "%s: %zu octets\n", path, len);
	run_input(data, len);
	return 0;
}

static size_t take_seed(struct rng *r, uint8_t *data)
{
	const struct fuzz_seed *s = &fuzz_seeds[rng_below(r, fuzz_seeds_count)];
	size_t len = s->len < INPUT_MAX ? s->len : INPUT_MAX;

	memcpy(data, s->data, len);
	return len;
}

static size_t insert(uint8_t *data, size_t len, size_t at, const uint8_t *piece, size_t n)
{
	if (n > INPUT_MAX - len)
		n = INPUT_MAX - len;
	memmove(data + at + n, data + at, len - at);
	memcpy(data + at, piece, n);
	return len + n;
}

static size_t cut(uint8_t *data, size_t len, size_t at, size_t n)
{
	if (n > len - at)
		n = len - at;
	memmove(data + at, data + at + n, len - at - n);
	return len - n;
}

static size_t insert_noise(struct rng *r, uint8_t *data, size_t len, size_t at)
{
	uint8_t noise[64];
	size_t n = rng_below(r, sizeof noise + 1);

	for (size_t i = 0; i < n; i++)
		noise[i] = (uint8_t)rng_u64(r);
	return insert(data, len, at, noise, n);
}

static size_t insert_seed(struct rng *r, uint8_t *data, size_t len, size_t at)
{
	uint8_t other[INPUT_MAX];
	size_t n = take_seed(r, other), from = rng_below(r, n + 1);

	return insert(data, len, at, other + from, n - from);
}

/* Values at which counts, lengths and label types change their meaning. */
static const uint8_t edges[] = { 0, 1, 2, 11, 12, 0x29, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xc1, 0xfe, 0xff };

static size_t edit(struct rng *r, uint8_t *data, size_t len)
{
	size_t at = rng_below(r, len + 1);
	bool inside = at < len;

	switch (rng_below(r, 8)) {
	case 0: return insert_noise(r, data, len, at);
	case 1: return insert_seed(r, data, len, at);
	case 2: return cut(data, len, at, rng_below(r, 16));
	case 3: return rng_below(r, 4) ? len : at; /* cut off the end */
	case 4: return inside ? insert(data, len, at, data + at, 1) : len;
	case 5:
		if (inside)
			data[at] = edges[rng_below(r, sizeof edges)];
		return len;
	case 6:
		if (inside)
			data[at] ^= (uint8_t)(1u << rng_below(r, 8));
		return len;
	default:
		if (inside)
			data[at] = (uint8_t)(data[at] + rng_below(r, 7) - 3);
		return len;
	}
}

/* On a terminal, a line that is written over. */
static void show_progress(uint64_t run, uint64_t runs, uint64_t seconds, time_t left)
{
	static time_t shown;

	if (shown == left || !isatty(STDERR_FILENO))
		return;
	shown = left;
	if (seconds)
		fprintf(stderr, "\r\033[K%llu runs, %lld s of %llu left\r", (unsigned long long)run, (long long)left, (unsigned long long)seconds);
	else
		fprintf(stderr, "\r\033[K%llu of %llu runs\r", (unsigned long long)run, (unsigned long long)runs);
}

/* The clock is asked now and then only: an input takes microseconds. */
static bool is_over(uint64_t run, uint64_t runs, uint64_t seconds, time_t end)
{
	if (run % 256 == 0) {
		const time_t now = time(NULL);
		if (seconds && now >= end)
			return true;
		show_progress(run, runs, seconds, end - now);
	}
	return !seconds && run >= runs;
}

/* So many runs; or, where seconds is not 0, as many as they allow. */
static void mutate_all(uint64_t seed, uint64_t runs, uint64_t seconds)
{
	uint8_t data[INPUT_MAX];
	const time_t end = time(NULL) + (time_t)seconds;
	uint64_t run = 0;

	for (size_t i = 0; i < fuzz_seeds_count; i++)
		run_input(fuzz_seeds[i].data, fuzz_seeds[i].len);
	for (; !is_over(run, runs, seconds, end); run++) {
		struct rng r;
		rng_init(&r, seed ^ run * 0x9e3779b97f4a7c15u);
		size_t len = take_seed(&r, data);
		for (uint64_t edits = 1 + rng_below(&r, EDITS_MAX); edits > 0; edits--)
			len = edit(&r, data, len);
		current.seed = seed;
		current.run = run;
		run_input(data, len);
	}
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	printf("%llu runs with -seed=%llu\n", (unsigned long long)run, (unsigned long long)seed);
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	uint64_t runs = from_environment("GEMEL_FUZZ_RUNS", RUNS_DEFAULT);
	uint64_t seed = from_environment("GEMEL_FUZZ_SEED", 1);
	uint64_t seconds = 0;
	int files = 0, failed = 0;

	watch_for_death();
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "-runs=", 6) == 0) {
			runs = strtoull(argv[i] + 6, NULL, 10);
		} else if (strncmp(argv[i], "-seed=", 6) == 0) {
			seed = strtoull(argv[i] + 6, NULL, 10);
		} else if (strncmp(argv[i], "-max_total_time=", 16) == 0) {
			seconds = strtoull(argv[i] + 16, NULL, 10);
		} else {
			failed |= replay(argv[i]);
			files++;
		}
	}
	if (files == 0)
		mutate_all(seed, runs, seconds);
	return failed;
}
