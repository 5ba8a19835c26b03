
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
