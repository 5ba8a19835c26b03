noinst_LIBRARIES += src/policy/libpolicy.a
src_policy_libpolicy_a_SOURCES = src/policy/policy.c src/policy/ttl.c src/policy/start.c src/policy/view.h \
	src/policy/policy.h
src_policy_libpolicy_a_CFLAGS = $(AM_CFLAGS)
