noinst_LIBRARIES += src/ctl/libctl.a
src_ctl_libctl_a_SOURCES = src/ctl/ctl.h src/ctl/server.c src/ctl/server_probe.c src/ctl/upgrade.c src/ctl/client.c src/ctl/wire.c src/ctl/wire.h src/ctl/verbs.c src/ctl/verbs.h \
	src/ctl/show.c src/ctl/show_peers.c src/ctl/phi.c src/ctl/show.h src/ctl/show_status.c src/ctl/show_targets.c src/ctl/show_windows.c src/ctl/show_logging.c src/ctl/view.c src/ctl/view.h src/ctl/doc.c src/ctl/doc.h \
	src/ctl/whatif.c src/ctl/whatif.h \
	src/ctl/http.c src/ctl/http.h src/ctl/http_state.h src/ctl/http_query.c src/ctl/http_api.c src/ctl/http_follow.c src/ctl/http_admin.c src/ctl/http_past.c src/ctl/page.h \
	src/ctl/metrics.c src/ctl/metrics.h src/ctl/metrics_health.c src/ctl/metrics_pair.c \
	src/ctl/events.c src/ctl/events.h src/ctl/follow.c src/ctl/server_state.h \
	src/ctl/probe.c src/ctl/probe.h src/ctl/doc_table.c src/ctl/doc_table.h src/ctl/doc_clean.c src/ctl/dns.c src/ctl/explain.c src/ctl/explain.h \
	src/ctl/explain_family.c src/ctl/explain_answer.c src/ctl/explain_member.c src/ctl/show_explain.c src/ctl/txt.c src/ctl/txt.h
src_ctl_libctl_a_SOURCES += src/ctl/show_stats.c
src_ctl_libctl_a_SOURCES += src/ctl/top.c src/ctl/top.h src/ctl/completion.c src/ctl/completion.h
src_ctl_libctl_a_CFLAGS = $(AM_CFLAGS)
src_ctl_libctl_a_CFLAGS += $(EVENT_CFLAGS)

# The status page, as octets in C.
nodist_src_ctl_libctl_a_SOURCES = src/ctl/page.c
EXTRA_DIST += src/ctl/page.html src/ctl/page.sh
CLEANFILES += src/ctl/page.c
src/ctl/page.c: $(srcdir)/src/ctl/page.html $(srcdir)/src/ctl/page.sh
	$(AM_V_GEN)$(MKDIR_P) src/ctl && sh $(srcdir)/src/ctl/page.sh $(srcdir)/src/ctl/page.html > $@.tmp && mv $@.tmp $@
