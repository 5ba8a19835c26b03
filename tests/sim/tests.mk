# The simulations: many cores under one virtual clock. `make soak` runs them long, and the mutations, the models and every fuzz target.
SIM_RUNS = 1000000
SIM_JOBS = $$(nproc)
check_PROGRAMS += tests/sim/sim
TESTS += tests/sim/sim
tests_sim_sim_SOURCES = tests/sim/sim.c tests/sim/seeds.h tests/sim/sim.h tests/sim/world.c tests/sim/lives.c tests/sim/plans.c \
	tests/sim/wire.c tests/sim/chaos.c tests/sim/oracle.c tests/sim/oracle_sets.c tests/sim/oracle_end.c \
	tests/sim/oracle_pair.c tests/sim/oracle_shelves.c tests/sim/oracle_uplink.c tests/sim/zones.c tests/sim/paths.c tests/sim/keys.c $(CORE_KIT) $(POLICY_ORACLE)
tests_sim_sim_LDADD = $(CORE_LIBS)
tests_sim_sim_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_sim_sim_CFLAGS = $(AM_CFLAGS)

soak: soak-sim soak-fuzz soak-strange
soak-sim: tests/sim/sim
	./tests/sim/sim --from 10001 --runs $(SIM_RUNS) --jobs $(SIM_JOBS)
soak-strange: tests/sim/strange
	./tests/sim/strange --from 10001 --runs $(SIM_RUNS)
# Each rule of the pair taken away, and how many seeds it takes to notice.
EXTRA_DIST += tests/sim/mutations.sh tests/sim/mutations.txt tests/sim/mutations_test.sh
TESTS += tests/sim/mutations_test.sh
soak: soak-mutations
soak-mutations:
	srcdir=$(srcdir) CC="$(CC)" sh $(srcdir)/tests/sim/mutations.sh
.PHONY: soak soak-sim soak-strange soak-mutations

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

# One node among peers that a simulation plays itself: packets that are wrong, floods, hellos, strangers' connections.
check_PROGRAMS += tests/sim/strange
TESTS += tests/sim/strange
tests_sim_strange_SOURCES = tests/sim/strange.c tests/sim/strange.h tests/sim/strange_peer.c tests/sim/strange_wrong.c \
	tests/sim/strange_flood.c tests/sim/strange_streams.c tests/sim/strange_rest.c tests/sim/seeds.h
tests_sim_strange_LDADD = src/pair/libpair.a src/base/libbase.a $(SODIUM_LIBS)
tests_sim_strange_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_sim_strange_CFLAGS = $(AM_CFLAGS)

# One core and a twin that says whatever it likes: whose turn it is to look.
check_PROGRAMS += tests/sim/turns
TESTS += tests/sim/turns
tests_sim_turns_SOURCES = tests/sim/turns.c tests/sim/bare.h tests/sim/seeds.h $(CORE_KIT)
tests_sim_turns_LDADD = $(CORE_LIBS)
tests_sim_turns_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_sim_turns_CFLAGS = $(AM_CFLAGS)

# How many go within a minute, for some virtual minutes.
check_PROGRAMS += tests/sim/removals
TESTS += tests/sim/removals
tests_sim_removals_SOURCES = tests/sim/removals.c tests/sim/bare.h tests/sim/seeds.h $(CORE_KIT)
tests_sim_removals_LDADD = $(CORE_LIBS)
tests_sim_removals_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_sim_removals_CFLAGS = $(AM_CFLAGS)

# What a twin says of itself, and a journal of what was.
check_PROGRAMS += tests/sim/rumours
TESTS += tests/sim/rumours
tests_sim_rumours_SOURCES = tests/sim/rumours.c tests/sim/bare.h tests/sim/seeds.h $(CORE_KIT)
tests_sim_rumours_LDADD = $(CORE_LIBS)
tests_sim_rumours_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_sim_rumours_CFLAGS = $(AM_CFLAGS)

# What silence means where the network goes and the machine naps.
check_PROGRAMS += tests/sim/silence
TESTS += tests/sim/silence
tests_sim_silence_SOURCES = tests/sim/silence.c tests/sim/bare.h tests/sim/seeds.h $(CORE_KIT)
tests_sim_silence_LDADD = $(CORE_LIBS)
tests_sim_silence_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_sim_silence_CFLAGS = $(AM_CFLAGS)

# Where nobody speaks often.
check_PROGRAMS += tests/sim/seldom
TESTS += tests/sim/seldom
tests_sim_seldom_SOURCES = tests/sim/seldom.c tests/sim/bare.h tests/sim/seeds.h $(CORE_KIT)
tests_sim_seldom_LDADD = $(CORE_LIBS)
tests_sim_seldom_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_sim_seldom_CFLAGS = $(AM_CFLAGS)

# Where datagrams do not get through.
check_PROGRAMS += tests/sim/tcp
TESTS += tests/sim/tcp
tests_sim_tcp_SOURCES = tests/sim/tcp.c tests/sim/bare.h tests/sim/seeds.h $(CORE_KIT)
tests_sim_tcp_LDADD = $(CORE_LIBS)
tests_sim_tcp_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_sim_tcp_CFLAGS = $(AM_CFLAGS)

# Each story of one thought, long.
soak: soak-stories
soak-stories: tests/sim/share tests/sim/uplink tests/sim/turns tests/sim/removals tests/sim/rumours tests/sim/silence \
	tests/sim/seldom tests/sim/tcp
	./tests/sim/share --from 10001 --runs 20000
	./tests/sim/uplink --from 20001 --runs 100000
	./tests/sim/turns --from 10001 --runs 50000
	./tests/sim/removals --from 10001 --runs 50000
	./tests/sim/rumours --from 10001 --runs 50000
	./tests/sim/silence --from 20001 --runs 50000
	./tests/sim/seldom --from 20001 --runs 50000
	./tests/sim/tcp --from 20001 --runs 20000
.PHONY: soak-stories

# The ways between nodes of a pair: links, errands, connections, self states, by what each truly heard.
check_PROGRAMS += tests/sim/ways
TESTS += tests/sim/ways
tests_sim_ways_SOURCES = tests/sim/ways.c tests/sim/ways.h tests/sim/ways_world.c tests/sim/ways_streams.c tests/sim/ways_see.c \
	tests/sim/ways_judge.c tests/sim/seeds.h
tests_sim_ways_LDADD = src/pair/libpair.a src/base/libbase.a $(SODIUM_LIBS)
tests_sim_ways_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_sim_ways_CFLAGS = $(AM_CFLAGS)
soak: soak-ways
soak-ways: tests/sim/ways
	./tests/sim/ways --from 10001 --runs 100000
.PHONY: soak-ways
