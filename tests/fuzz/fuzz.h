/* What a fuzz target is made of.  tests/fuzz/NAME_fuzz.c defines
 *
 *     LLVMFuzzerTestOneInput   one input in, 0 out; memory is clean after; broken promises end in FUZZ_REQUIRE
 *     fuzz_seeds               inputs that get far into the code, the start of mutation
 *
 * and is linked either with driver.c (make check, any compiler) or with clang's -fsanitize=fuzzer, which brings its
 * own main and finds its way without the seeds.
 */
#ifndef GEMEL_TESTS_FUZZ_H
#define GEMEL_TESTS_FUZZ_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct fuzz_seed {
	const void *data;
	size_t len;
};
#define FUZZ_SEED(literal) { literal, sizeof(literal) - 1 } /* a string literal without its NUL */

extern const struct fuzz_seed fuzz_seeds[]; /* at least one */
extern const size_t fuzz_seeds_count;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define FUZZ_REQUIRE(promise)                                                              \
	do {                                                                               \
		if (!(promise)) {                                                          \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #promise); \
			abort();                                                           \
		}                                                                          \
	} while (0)

#endif
