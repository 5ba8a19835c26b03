dist_man_MANS = doc/gemeld.8 doc/gemelctl.1 doc/gemel.lua.5 doc/gemel-lua.7 doc/gemel-pair.7
EXTRA_DIST += doc/HACKING doc/design/processes.md doc/design/answers.md doc/design/pair.md doc/design/probes.md doc/design/events.md doc/design/health.md doc/design/http.md doc/design/upgrade.md tests/unit/docs_test.sh
TESTS += tests/unit/docs_test.sh
EXTRA_DIST += doc/migrating.md
