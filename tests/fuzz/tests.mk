# Fuzz targets with the driver of our own: a short deterministic run in make check.  To add one: NAME_fuzz.c (see
# fuzz.h) and four lines.  With clang, for a long run:
#   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Isrc -I. tests/fuzz/NAME_fuzz.c src/ROOM/*.c …
FUZZ_DRIVER = tests/fuzz/driver.c tests/fuzz/fuzz.h
CLEANFILES += crash-*

# Each target for FUZZ_SECONDS; another FUZZ_SEED, other inputs. A crash leaves its input and goes on to the next target.
FUZZ_SECONDS = 300
FUZZ_SEED = 2
soak-fuzz: $(check_PROGRAMS)
	@failed=; for t in $(check_PROGRAMS); do \
		case $$t in tests/fuzz/*) ;; *) continue ;; esac; \
		echo "$$t: $(FUZZ_SECONDS) s"; \
		./$$t -max_total_time=$(FUZZ_SECONDS) -seed=$(FUZZ_SEED) || failed="$$failed $$t"; \
	done; \
	test -z "$$failed" || { echo "failed:$$failed"; exit 1; }
.PHONY: soak-fuzz

check_PROGRAMS += tests/fuzz/query_fuzz
TESTS += tests/fuzz/query_fuzz
tests_fuzz_query_fuzz_SOURCES = tests/fuzz/query_fuzz.c $(FUZZ_DRIVER)
tests_fuzz_query_fuzz_LDADD = src/dns/libdns.a src/base/libbase.a

check_PROGRAMS += tests/fuzz/zone_fuzz
TESTS += tests/fuzz/zone_fuzz
tests_fuzz_zone_fuzz_SOURCES = tests/fuzz/zone_fuzz.c $(FUZZ_DRIVER)
tests_fuzz_zone_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_fuzz_zone_fuzz_LDADD = src/zone/libzone.a src/dns/libdns.a src/base/libbase.a $(LDNS_LIBS)

check_PROGRAMS += tests/fuzz/answer_fuzz
TESTS += tests/fuzz/answer_fuzz
tests_fuzz_answer_fuzz_SOURCES = tests/fuzz/answer_fuzz.c tests/lib/message.c tests/lib/message.h $(FUZZ_DRIVER)
tests_fuzz_answer_fuzz_LDADD = $(ANSWER_LIBS)

check_PROGRAMS += tests/fuzz/pair_fuzz
TESTS += tests/fuzz/pair_fuzz
tests_fuzz_pair_fuzz_SOURCES = tests/fuzz/pair_fuzz.c $(FUZZ_DRIVER)
tests_fuzz_pair_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_fuzz_pair_fuzz_LDADD = src/pair/libpair.a src/base/libbase.a $(SODIUM_LIBS)

check_PROGRAMS += tests/fuzz/core_fuzz
TESTS += tests/fuzz/core_fuzz
tests_fuzz_core_fuzz_SOURCES = tests/fuzz/core_fuzz.c tests/lib/plan_make.c tests/lib/plan_make.h $(FUZZ_DRIVER)
tests_fuzz_core_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir) -I$(top_srcdir)/tests
tests_fuzz_core_fuzz_LDADD = $(CORE_LIBS) src/ipc/libipc.a src/base/libbase.a

check_PROGRAMS += tests/fuzz/framing_fuzz
TESTS += tests/fuzz/framing_fuzz
tests_fuzz_framing_fuzz_SOURCES = tests/fuzz/framing_fuzz.c $(FUZZ_DRIVER)
tests_fuzz_framing_fuzz_LDADD = $(ANSWER_LIBS)

check_PROGRAMS += tests/fuzz/dnsmsg_fuzz
TESTS += tests/fuzz/dnsmsg_fuzz
tests_fuzz_dnsmsg_fuzz_SOURCES = tests/fuzz/dnsmsg_fuzz.c $(FUZZ_DRIVER)
tests_fuzz_dnsmsg_fuzz_LDADD = src/script/libscript.a src/dns/libdns.a src/base/libbase.a

check_PROGRAMS += tests/fuzz/json_fuzz
TESTS += tests/fuzz/json_fuzz
tests_fuzz_json_fuzz_SOURCES = tests/fuzz/json_fuzz.c $(FUZZ_DRIVER)
tests_fuzz_json_fuzz_LDADD = src/script/libscript.a src/health/libhealth.a src/dns/libdns.a src/base/libbase.a $(LUA_LIBS) -lm
