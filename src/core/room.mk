noinst_LIBRARIES += src/core/libcore.a
src_core_libcore_a_SOURCES = \
	src/core/core.h \
	src/core/journal.c src/core/journal.h \
	src/core/plan.c src/core/plan_decode.c src/core/plan_encode.c src/core/plan.h src/core/plan_wire.h
src_core_libcore_a_CFLAGS = $(AM_CFLAGS)
