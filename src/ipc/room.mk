noinst_LIBRARIES += src/ipc/libipc.a
src_ipc_libipc_a_SOURCES = src/ipc/ipc.c src/ipc/ipc.h
src_ipc_libipc_a_CFLAGS = $(AM_CFLAGS)
