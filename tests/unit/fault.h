/* Failing the Nth allocation.  A fault loop fails the first, then the second, … until a run needs no more:
 *
 *     bool done = false;
 *     for (unsigned n = 1; !done; n++) {
 *             fault_arm(n);
 *             int e = thing_do();
 *             done = !fault_disarm();      // true = the failure was delivered
 *             ck_assert_int_eq(e, done ? 0 : ERR_NOMEM);
 *     }
 *
 * Link with fault.c and $(FAULT_WRAP), which send malloc, calloc, realloc, reallocarray and strdup of everything that is linked
 * statically through here.
 */
#ifndef GEMEL_TESTS_FAULT_H
#define GEMEL_TESTS_FAULT_H
#include <stdbool.h>

void fault_arm(unsigned nth); /* 1 = the next allocation */
bool fault_disarm(void);

#endif
