noinst_LIBRARIES += src/core/libcore.a
src_core_libcore_a_SOURCES = \
	src/core/command.c \
	src/core/common.c \
	src/core/core.c src/core/core.h src/core/state.h \
	src/core/dispute.c \
	src/core/effects.c \
	src/core/failback.c \
	src/core/flight.c \
	src/core/generation.c \
	src/core/hear.c \
	src/core/history.c \
	src/core/journal.c src/core/journal.h \
	src/core/maint.c \
	src/core/needs.c \
	src/core/news.c \
	src/core/notice.c src/core/notice.h \
	src/core/override.c \
	src/core/past.c src/core/past_force.c src/core/past.h \
	src/core/plan.c src/core/plan_digest.c src/core/plan_decode.c src/core/plan_read.c src/core/plan_read.h src/core/plan_encode.c src/core/plan_window.c src/core/plan.h src/core/plan_wire.h \
	src/core/records.c \
	src/core/recover.c \
	src/core/replay.c src/core/replay.h \
	src/core/removals.c \
	src/core/schedule.c \
	src/core/selector.c src/core/selector.h \
	src/core/service.c \
	src/core/share.c \
	src/core/slow.c \
	src/core/streams.c \
	src/core/stretch.c src/core/stretch.h \
	src/core/twin.c \
	src/core/unknown.c \
	src/core/view.c \
	src/core/vouch.c \
	src/core/watch.c \
	src/core/whatif.c src/core/whatif.h \
	src/core/windows.c \
	src/core/zones.c
src_core_libcore_a_CFLAGS = $(AM_CFLAGS)
