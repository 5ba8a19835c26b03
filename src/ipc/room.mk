noinst_LIBRARIES += src/ipc/libipc.a
src_ipc_libipc_a_SOURCES =
src_ipc_libipc_a_CFLAGS = $(AM_CFLAGS)
