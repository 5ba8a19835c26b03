bin_PROGRAMS += gemelctl
gemelctl_SOURCES = src/app/gemelctl.c src/app/gemelctl.h src/app/gemelctl_test.c src/app/gemelctl_probe.c src/app/gemelctl_whatif.c src/app/gemelctl_key.c src/app/check.c src/app/check.h src/app/progress.c src/app/progress.h src/app/once.c src/app/once.h \
	src/app/prober_plan.c src/app/prober_plan.h src/app/runner.c src/app/runner.h src/app/runner_hook.c src/app/runner_hook.h src/app/logging.c src/app/logging.h src/app/child.c src/app/child.h \
	$(CONFINE_SOURCES)
gemelctl_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(SECCOMP_CFLAGS)
gemelctl_LDADD = src/conf/libconf.a src/ctl/libctl.a src/io/libio.a src/script/libscript.a src/core/libcore.a src/pair/libpair.a \
	src/policy/libpolicy.a src/health/libhealth.a src/ipc/libipc.a src/zone/libzone.a src/answer/libanswer.a src/dns/libdns.a \
	src/base/libbase.a $(LUA_LIBS) $(LDNS_LIBS) $(SODIUM_LIBS) $(EVENT_LIBS) $(OPENSSL_LIBS) $(SECCOMP_LIBS) -lpthread -lm
gemelctl_SOURCES += src/app/gemelctl_top.c

# What shells complete by, from the table of verbs.
bashcompletiondir = $(datadir)/bash-completion/completions
nodist_bashcompletion_DATA = completion/gemelctl
zshcompletiondir = $(datadir)/zsh/site-functions
nodist_zshcompletion_DATA = completion/_gemelctl
CLEANFILES += completion/gemelctl completion/_gemelctl
completion/gemelctl: gemelctl$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) completion && ./gemelctl$(EXEEXT) completion bash > $@.tmp && mv $@.tmp $@
completion/_gemelctl: gemelctl$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) completion && ./gemelctl$(EXEEXT) completion zsh > $@.tmp && mv $@.tmp $@
