noinst_LIBRARIES += src/health/libhealth.a
src_health_libhealth_a_SOURCES = src/health/result.c src/health/state.c src/health/flap.c src/health/schedule.c src/health/witness.c \
	src/health/health.h src/health/flap.h src/health/witness.h
src_health_libhealth_a_CFLAGS = $(AM_CFLAGS)
