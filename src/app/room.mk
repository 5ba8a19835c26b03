# In the order the linker wants: a room before those below it.
GEMEL_ROOMS = src/conf/libconf.a src/ctl/libctl.a src/io/libio.a src/script/libscript.a src/core/libcore.a src/pair/libpair.a \
	src/policy/libpolicy.a src/health/libhealth.a src/ipc/libipc.a src/answer/libanswer.a src/zone/libzone.a src/dns/libdns.a \
	src/base/libbase.a

CONFINE_SOURCES = src/app/confine.c src/app/confine.h src/app/confine_files.c src/app/confine_calls.c

sbin_PROGRAMS += gemeld
gemeld_SOURCES = src/app/gemeld.c src/app/child.c src/app/child.h src/app/spawn.c src/app/spawn.h src/app/site.c src/app/site.h src/app/sockets.c src/app/sockets.h \
	src/app/generation.c src/app/generation.h src/app/supervisor.c src/app/supervisor.h src/app/progress.c src/app/progress.h \
	src/app/notify.c src/app/notify.h src/app/activation.c src/app/activation.h src/app/handover.c src/app/handover.h src/app/upgrade.c src/app/upgrade.h \
	src/app/takeover.c src/app/takeover.h src/app/takeover_read.c src/app/takeover_state.h src/app/trial.c src/app/leave.c src/app/legacy.c src/app/legacy.h \
	src/app/children.c src/app/cookies.c src/app/supervisor_state.h src/app/responder.c \
	src/app/responder_state.h src/app/view.c src/app/prepare.c src/app/overlay.c src/app/overlay_log.c src/app/overlay_log.h src/app/worker.c \
	src/app/cold.c src/app/tcp.c src/app/tcp_conn.c src/app/tcp_state.h src/app/limits.c src/app/limited.c src/app/limited.h src/app/sources.c src/app/sources.h src/app/coordinator.c src/app/coordinator_step.c \
	src/app/coordinator_streams.c src/app/coordinator_links.c src/app/coordinator_journal.c src/app/coordinator_state.h src/app/publisher.c src/app/publisher.h src/app/loader.c src/app/loader_send.c src/app/loader_state.h \
	src/app/loader.h src/app/imageset.c src/app/imageset.h src/app/snapshot.c src/app/snapshot.h src/app/check.c src/app/check.h src/app/prober.c src/app/prober.h \
	src/app/replay.c src/app/replay.h src/app/coordinator_whatif.c src/app/coordinator_upgrade.c \
	src/app/prober_plan.c src/app/prober_plan.h src/app/once.c src/app/once.h src/app/runner.c src/app/runner.h src/app/runner_hook.c src/app/runner_hook.h \
	src/app/hook.c src/app/hook.h src/app/coordinator_hook.c src/app/coordinator_http.c src/app/coordinator_uplink.c \
	src/app/figures.c src/app/coordinator_figures.c \
	src/app/logging.c src/app/logging.h src/app/supervisor_logging.c src/app/tap.c src/app/tap_ring.c src/app/tap_ring.h \
	src/app/tap_draw.c src/app/tap_draw.h src/app/tap_fill.c src/app/tap_fill.h src/app/tap_line.c src/app/tap_line.h src/app/dnstap.h \
	$(CONFINE_SOURCES)
if DNSTAP
gemeld_SOURCES += src/app/dnstap.c src/app/dnstap_encode.c
endif
gemeld_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(LDNS_CFLAGS) $(LUA_CFLAGS) $(SODIUM_CFLAGS) $(URCU_CFLAGS) $(SECCOMP_CFLAGS) $(FSTRM_CFLAGS) $(PROTOBUF_C_CFLAGS) -pthread
gemeld_LDADD = $(DNSTAP_LIB) $(GEMEL_ROOMS) $(EVENT_LIBS) $(LDNS_LIBS) $(LUA_LIBS) $(SODIUM_LIBS) $(URCU_LIBS) $(OPENSSL_LIBS) $(SECCOMP_LIBS) $(FSTRM_LIBS) $(PROTOBUF_C_LIBS) -lpthread -lm

# What protoc-c makes of dnstap.proto, by itself: its warnings are not ours.
EXTRA_DIST += src/app/dnstap.proto
if DNSTAP
DNSTAP_LIB = src/app/libdnstap.a
noinst_LIBRARIES += src/app/libdnstap.a
nodist_src_app_libdnstap_a_SOURCES = src/app/dnstap.pb-c.c src/app/dnstap.pb-c.h
src_app_libdnstap_a_SOURCES =
src_app_libdnstap_a_CFLAGS = $(PREFIX_MAP) $(PROTOBUF_C_CFLAGS)
src/app/gemeld-dnstap_encode.$(OBJEXT): src/app/dnstap.pb-c.h
CLEANFILES += src/app/dnstap.pb-c.c src/app/dnstap.pb-c.h
src/app/dnstap.pb-c.c: $(srcdir)/src/app/dnstap.proto
	$(AM_V_GEN)$(MKDIR_P) src/app && $(PROTOC_C) --proto_path=$(srcdir) --c_out=. $(srcdir)/src/app/dnstap.proto
src/app/dnstap.pb-c.h: src/app/dnstap.pb-c.c
endif
