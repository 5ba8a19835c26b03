# The simulation: two cores under one clock. `make soak` runs it long, and then every fuzz target (tests/fuzz).
SIM_RUNS = 1000000
SIM_JOBS = $$(nproc)
check_PROGRAMS += tests/sim/sim
TESTS += tests/sim/sim
tests_sim_sim_SOURCES = tests/sim/sim.c tests/sim/seeds.h tests/sim/sim.h tests/sim/world.c tests/sim/plans.c \
	tests/sim/wire.c tests/sim/chaos.c tests/sim/oracle.c tests/sim/oracle_pair.c tests/sim/oracle_uplink.c $(CORE_KIT)
tests_sim_sim_LDADD = $(CORE_LIBS)
tests_sim_sim_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_sim_sim_CFLAGS = $(AM_CFLAGS)

soak: soak-sim soak-fuzz
soak-sim: tests/sim/sim
	./tests/sim/sim --from 10001 --runs $(SIM_RUNS) --jobs $(SIM_JOBS)
# Each rule of the pair taken away, and how many seeds it takes to notice.
EXTRA_DIST += tests/sim/mutations.sh tests/sim/mutations.txt
soak: soak-mutations
soak-mutations:
	srcdir=$(srcdir) CC="$(CC)" sh $(srcdir)/tests/sim/mutations.sh
.PHONY: soak soak-sim soak-mutations

# The own network is lost, and a target is: 0 false DOWN, and never later.
check_PROGRAMS += tests/sim/uplink
TESTS += tests/sim/uplink
tests_sim_uplink_SOURCES = tests/sim/uplink.c tests/sim/seeds.h $(CORE_KIT)
tests_sim_uplink_LDADD = $(CORE_LIBS)
tests_sim_uplink_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_sim_uplink_CFLAGS = $(AM_CFLAGS)

# Random histories of one core against the rules said again.
check_PROGRAMS += tests/sim/histories
TESTS += tests/sim/histories
tests_sim_histories_SOURCES = tests/sim/histories.c tests/sim/histories.h tests/sim/history_oracle.c tests/sim/seeds.h \
	tests/lib/plan_make.c tests/lib/plan_make.h $(POLICY_ORACLE)
tests_sim_histories_LDADD = $(CORE_LIBS)
tests_sim_histories_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_sim_histories_CFLAGS = $(AM_CFLAGS)

# Twins that look at targets by turns: half the probes, nothing found later than the bound, 0 false DOWN.
check_PROGRAMS += tests/sim/share
TESTS += tests/sim/share
tests_sim_share_SOURCES = tests/sim/share.c tests/sim/seeds.h tests/lib/plan_make.c tests/lib/plan_make.h
tests_sim_share_LDADD = $(CORE_LIBS)
tests_sim_share_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_sim_share_CFLAGS = $(AM_CFLAGS)
