noinst_LIBRARIES += src/health/libhealth.a
src_health_libhealth_a_SOURCES =
src_health_libhealth_a_CFLAGS = $(AM_CFLAGS)
