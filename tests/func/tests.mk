# Real processes and sockets; Python's standard library drives them.
TEST_EXTENSIONS = .py .sh
if FUNC_TESTS_WANTED
PY_LOG_COMPILER = python3
else
PY_LOG_COMPILER = sh -c 'exit 77'
endif
SH_LOG_COMPILER = sh
# Check kills a test that hangs. By default after 4 s, which a busy machine makes of less than one: what is guarded against is for ever.
AM_TESTS_ENVIRONMENT = CK_DEFAULT_TIMEOUT=120; export CK_DEFAULT_TIMEOUT; srcdir='$(abs_top_srcdir)' builddir='$(abs_top_builddir)' SANITIZED='$(SANITIZED_WORD)' \
	GEMEL_LUA_DIR='$(abs_top_srcdir)/lua' PYTHONDONTWRITEBYTECODE=1 \
	; export srcdir builddir SANITIZED GEMEL_LUA_DIR PYTHONDONTWRITEBYTECODE;
if SANITIZED
SANITIZED_WORD = yes
endif

FUNC_TESTS = tests/func/story_test.py tests/func/process_test.py tests/func/reload_test.py \
	tests/func/reload_load_test.py tests/func/scripts_test.py tests/func/hostile_peer_test.py tests/func/foreign_peer_test.py tests/func/edge_test.py \
	tests/func/limits_test.py tests/func/cookie_test.py
FUNC_TESTS += tests/func/snapshot_test.py tests/func/disk_test.py tests/func/tls_test.py tests/func/tcp_test.py tests/func/netns_test.py
FUNC_TESTS += tests/func/checks_test.py tests/func/probe_test.py tests/func/plugins_test.py tests/func/ping_test.py
FUNC_TESTS += tests/func/pair_tcp_test.py
FUNC_TESTS += tests/func/canary_test.py tests/func/hostile_target_test.py tests/func/pick_test.py tests/func/events_test.py
FUNC_TESTS += tests/func/hook_test.py tests/func/override_test.py
FUNC_TESTS += tests/func/replay_test.py tests/func/places_test.py tests/func/whatif_test.py
FUNC_TESTS += tests/func/health_test.py
FUNC_TESTS += tests/func/maintenance_test.py
FUNC_TESTS += tests/func/from_gdnsd_test.py tests/func/gdnsd_answers_test.py
FUNC_TESTS += tests/func/key_test.py tests/func/querylog_test.py
FUNC_TESTS += tests/func/share_test.py
FUNC_TESTS += tests/func/http_test.py tests/func/page_test.py tests/func/prometheus_test.py
FUNC_TESTS += tests/func/doc_blocks_test.py
FUNC_TESTS += tests/func/progress_test.py tests/func/start_test.py
FUNC_TESTS += tests/func/completion_test.py tests/func/top_test.py
FUNC_TESTS += tests/func/json_test.py tests/func/tour_test.py
FUNC_TESTS += tests/func/notify_test.py tests/func/activation_test.py tests/func/upgrade_test.py tests/func/upgrade_state_test.py \
	tests/func/upgrade_faults_test.py
TESTS += tests/unit/rooms_test.sh $(FUNC_TESTS)
if !SANITIZED # their reports name the sources as they lie
TESTS += tests/unit/paths_test.sh
endif
EXTRA_DIST += tests/unit/rooms_test.sh tests/unit/paths_test.sh tests/func/func.py tests/func/servers.py tests/func/browser.py tests/func/upgrading.py tests/func/manager.py $(FUNC_TESTS)
tests/unit/paths_test.log $(FUNC_TESTS:.py=.log): gemeld gemelctl

TESTS += tests/func/gemelctl_test.sh
EXTRA_DIST += tests/func/gemelctl_test.sh
tests/func/gemelctl_test.log: gemelctl

# Answers against those of NSD, Knot and BIND.
TESTS += tests/func/referee_test.py
EXTRA_DIST += tests/func/referee_test.py tests/func/referee_ask.py tests/func/referee_compare.py \
	tests/func/referee_intended.py tests/func/referee_questions.py tests/func/referee_servers.py \
	tests/func/referee_tell.py tests/func/referee_traps.py tests/func/referee_wire.py tests/func/referee_zones.py
tests/func/referee_test.log: gemeld

# Signed zones against validators, and against those three.
TESTS += tests/func/dnssec_test.py tests/func/dnssec_referee_test.py
EXTRA_DIST += tests/func/dnssec_test.py tests/func/dnssec_referee_test.py tests/func/dnssec_validators.py tests/func/dnssec_zones.py
tests/func/dnssec_test.log tests/func/dnssec_referee_test.log: gemeld

# Network namespaces, joined by a bad wire in user space.
TESTS += tests/func/wire_test.py tests/func/network_test.py tests/func/kills_test.py tests/func/kills_self_test.py \
	tests/func/pair_paths_test.py tests/func/history_check_test.py
EXTRA_DIST += tests/func/wire_test.py tests/func/network_test.py tests/func/kills_test.py tests/func/kills_self_test.py \
	tests/func/pair_paths_test.py tests/func/history_check_test.py \
	tests/func/wire.py tests/func/spaces.py tests/func/lab.py tests/func/clients.py tests/func/switchable.py tests/func/history.py \
	tests/func/history_check.py
tests/func/network_test.log tests/func/kills_test.log tests/func/kills_self_test.log tests/func/pair_paths_test.log: gemeld gemelctl

# The functional tests with pauses between system calls: PAUSES=400 PAUSES_MS=400 for fewer and longer ones.
PAUSED_TESTS = $(FUNC_TESTS) tests/func/kills_test.py tests/func/kills_self_test.py tests/func/pair_paths_test.py
EXTRA_DIST += tests/func/pauses.c
CLEANFILES += tests/func/pauses.so
if !SANITIZED # its library would have to come first
soak: soak-pauses
soak-pauses: gemeld gemelctl tests/func/pauses.so
	$(MAKE) check-TESTS TESTS='$(PAUSED_TESTS)' TESTS_ENVIRONMENT='LD_PRELOAD=$(abs_builddir)/tests/func/pauses.so'
tests/func/pauses.so: tests/func/pauses.c
	$(AM_V_CC)$(MKDIR_P) $(@D) && $(CC) $(AM_CPPFLAGS) $(AM_CFLAGS) $(CFLAGS) -shared -fPIC -o $@ $(srcdir)/tests/func/pauses.c
.PHONY: soak-pauses
endif
