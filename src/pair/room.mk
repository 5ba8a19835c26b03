noinst_LIBRARIES += src/pair/libpair.a
src_pair_libpair_a_SOURCES =
src_pair_libpair_a_CFLAGS = $(AM_CFLAGS)
src_pair_libpair_a_CFLAGS += $(SODIUM_CFLAGS)
