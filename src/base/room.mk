noinst_LIBRARIES += src/base/libbase.a
src_base_libbase_a_SOURCES = \
	src/base/addr.c src/base/addr.h \
	src/base/arena.c src/base/arena.h \
	src/base/buf.c src/base/buf.h \
	src/base/bytes.c \
	src/base/calendar.c src/base/calendar.h \
	src/base/diag.c src/base/diag.h \
	src/base/err.c src/base/err.h \
	src/base/hash.c src/base/hash.h \
	src/base/heap.c src/base/heap.h \
	src/base/json.c src/base/json.h \
	src/base/latency.c src/base/latency.h \
	src/base/log.c src/base/log.h \
	src/base/rng.c src/base/rng.h \
	src/base/table.c src/base/table.h \
	src/base/text.c src/base/text_time.c src/base/text.h
src_base_libbase_a_CFLAGS = $(AM_CFLAGS)
