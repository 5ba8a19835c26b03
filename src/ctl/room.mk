noinst_LIBRARIES += src/ctl/libctl.a
src_ctl_libctl_a_SOURCES =
src_ctl_libctl_a_CFLAGS = $(AM_CFLAGS)
src_ctl_libctl_a_CFLAGS += $(EVENT_CFLAGS)
