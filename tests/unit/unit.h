/* The main of a unit test: one suite, one case, each test in a process of its own (Check's way).
 *
 *     int main(void)
 *     {
 *             const TTest *tests[] = { this_works, that_fails_cleanly };
 *             return unit_run("room", tests, sizeof tests / sizeof *tests);
 *     }
 */
#ifndef GEMEL_TESTS_UNIT_H
#define GEMEL_TESTS_UNIT_H
#include <check.h>
#include <stdlib.h>

/* For a case with fixtures, loops or a time-out of its own. */
static inline int unit_run_case(const char *name, TCase *tc)
{
	Suite *suite = suite_create(name);
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static inline int unit_run(const char *name, const TTest *const *tests, size_t n)
{
	TCase *all = tcase_create("all");
	tcase_set_timeout(all, 60); /* for what hangs; a machine that is busy, and sanitizers, take their time */
	for (size_t i = 0; i < n; i++)
		tcase_add_test(all, tests[i]);
	return unit_run_case(name, all);
}

#endif
