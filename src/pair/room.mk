noinst_LIBRARIES += src/pair/libpair.a
src_pair_libpair_a_SOURCES = \
	src/pair/clock.c src/pair/clock.h \
	src/pair/codec.c src/pair/codec.h \
	src/pair/errand.c src/pair/fallback.c src/pair/gate.c src/pair/gate.h src/pair/link.c src/pair/link.h \
	src/pair/name.c src/pair/name.h src/pair/pair.c src/pair/pair.h \
	src/pair/receive.c src/pair/seal.c src/pair/seal.h src/pair/self.c src/pair/self.h src/pair/send.c \
	src/pair/session.c src/pair/session.h \
	src/pair/shelf.c src/pair/shelf.h \
	src/pair/state.h src/pair/stream.c src/pair/stream.h src/pair/timer.c src/pair/vote.c
src_pair_libpair_a_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS)
