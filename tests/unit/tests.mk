
check_PROGRAMS += tests/unit/plan_test tests/unit/journal_test tests/unit/ipc_test
TESTS += tests/unit/plan_test tests/unit/journal_test tests/unit/ipc_test
tests_unit_plan_test_SOURCES = tests/unit/plan_test.c tests/lib/plan_make.c tests/lib/plan_make.h
tests_unit_plan_test_LDADD = src/core/libcore.a src/dns/libdns.a src/base/libbase.a $(CHECK_LIBS)
tests_unit_plan_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_plan_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_journal_test_SOURCES = tests/unit/journal_test.c
tests_unit_journal_test_LDADD = src/core/libcore.a src/base/libbase.a $(CHECK_LIBS)
tests_unit_journal_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_ipc_test_SOURCES = tests/unit/ipc_test.c
tests_unit_ipc_test_LDADD = src/ipc/libipc.a src/base/libbase.a $(CHECK_LIBS)
tests_unit_ipc_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)

check_PROGRAMS += tests/unit/health_test
TESTS += tests/unit/health_test
tests_unit_health_test_SOURCES = tests/unit/health_test.c
tests_unit_health_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_health_test_LDADD = src/health/libhealth.a src/base/libbase.a $(CHECK_LIBS)

check_PROGRAMS += tests/unit/health_result_test
TESTS += tests/unit/health_result_test
tests_unit_health_result_test_SOURCES = tests/unit/health_result_test.c
tests_unit_health_result_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_health_result_test_LDADD = src/health/libhealth.a src/base/libbase.a $(CHECK_LIBS)

check_PROGRAMS += tests/unit/policy_test
TESTS += tests/unit/policy_test
tests_unit_policy_test_SOURCES = tests/unit/policy_test.c tests/unit/policy_dsl.h
tests_unit_policy_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_policy_test_LDADD = src/policy/libpolicy.a src/base/libbase.a $(CHECK_LIBS)

check_PROGRAMS += tests/unit/policy_random_test
TESTS += tests/unit/policy_random_test
tests_unit_policy_random_test_SOURCES = tests/unit/policy_random_test.c tests/unit/policy_dsl.h
tests_unit_policy_random_test_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_policy_random_test_LDADD = src/policy/libpolicy.a src/base/libbase.a $(CHECK_LIBS)
