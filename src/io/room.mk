noinst_LIBRARIES += src/io/libio.a
src_io_libio_a_SOURCES =
src_io_libio_a_CFLAGS = $(AM_CFLAGS)
src_io_libio_a_CFLAGS += $(EVENT_CFLAGS) $(OPENSSL_CFLAGS)
src_io_libio_a_SOURCES += src/io/log.c src/io/log.h src/io/logline.c src/io/logline.h src/io/memfd.c src/io/memfd.h src/io/chan.c src/io/chan.h
src_io_libio_a_SOURCES += src/io/sockaddr.c src/io/sockaddr.h
src_io_libio_a_SOURCES += src/io/clock.h src/io/journal.c src/io/journal.h src/io/journal_state.h \
	src/io/journal_sync.c src/io/journal_epoch.c
src_io_libio_a_SOURCES += src/io/http1.c src/io/http1.h src/io/probe.c src/io/probes.c src/io/probe.h src/io/probe_state.h src/io/probe_conn.c \
	src/io/probe_http.c src/io/probe_tls.c src/io/probe_udp.c
src_io_libio_a_SOURCES += src/io/tls.c src/io/tls.h src/io/tls_context.c src/io/tls_info.c src/io/tls_state.h
src_io_libio_a_SOURCES += src/io/probe_dns.c src/io/probe_ping.c src/io/probe_run.c src/io/probe_source.c src/io/plugin.c src/io/plugin.h
src_io_libio_a_SOURCES += src/io/uplink.c src/io/uplink.h
src_io_libio_a_SOURCES += src/io/probe_trace.c
