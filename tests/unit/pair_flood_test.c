/* What anybody may send, as often as he likes: packets that he recorded, and packets of another making, from any address. */
#include "tests/unit/pair_world.h"

/* The newest datagram from node i on the wire. */
static struct flight overhear(size_t i)
{
	for (;;) {
		for (size_t k = w.wire_count; k-- > 0;)
			if (w.wire[k].from == i)
				return w.wire[k];
		run(1);
	}
}

static int say(size_t to, const struct addr *from, const uint8_t *data, size_t len)
{
	int e = pair_receive(w.node[to], from, data, len, w.now_ms, wall(to));
	drain(to);
	return e;
}

/* How many of as many copies within one ms were opened. */
static uint64_t opened(const struct flight *f, const struct addr *from, uint64_t copies)
{
	uint64_t before = pair_stats_get(w.node[0])->refused_flood;
	for (uint64_t i = 0; i < copies; i++)
		ck_assert_int_lt(say(0, from, f->data, f->len), 0);
	return copies - (pair_stats_get(w.node[0])->refused_flood - before);
}

START_TEST(what_was_recorded_is_opened_up_to_a_bound)
{
	const struct addr stranger = { .family = 4, .ip = { 127, 0, 9, 9 }, .port = 999 };
	meet(2);
	struct flight old = overhear(1);
	kill_node(1); /* now it is of a session that is over */
	start(1);
	run(3000);
	ck_assert(view(0, 1).link == PAIR_ACTIVE);
	ck_assert_uint_eq(opened(&old, &stranger, 5000), GATE_SOURCE_A_SECOND);
	ck_assert_uint_eq(opened(&old, &old.source, 5000), GATE_PEER_A_SECOND);
	run(1500);
	ck_assert(view(0, 1).link == PAIR_ACTIVE && view(1, 0).link == PAIR_ACTIVE);
	world_deinit();
}
END_TEST

/* With two addresses every second copy is one: those must never use up what a peer may send. */
START_TEST(what_the_session_had_is_not_opened_again)
{
	meet(2);
	struct flight old = overhear(1);
	run(1000);
	uint64_t before = pair_stats_get(w.node[0])->refused_replay;
	ck_assert_uint_eq(opened(&old, &old.source, 5000), 5000);
	ck_assert_uint_eq(pair_stats_get(w.node[0])->refused_replay, before + 5000);
	old.data[old.len - 1] ^= 1; /* nobody looks */
	ck_assert_int_eq(say(0, &old.source, old.data, old.len), ERR_STALE);
	ck_assert_uint_eq(pair_stats_get(w.node[0])->refused_auth, 0);
	run(1500);
	ck_assert(view(0, 1).link == PAIR_ACTIVE && view(1, 0).link == PAIR_ACTIVE);
	world_deinit();
}
END_TEST

/* Datagrams are lost in such a flood. TCP takes over, and is not kept away by it. */
START_TEST(a_flood_of_old_packets_leaves_the_link_alive)
{
	meet(2);
	struct flight old = overhear(1);
	kill_node(1);
	start(1);
	run(3000);
	for (int ms = 0; ms < 10000; ms++) {
		for (int i = 0; i < 3; i++)
			say(0, &old.source, old.data, old.len);
		run(1);
	}
	ck_assert_msg(view(0, 1).link == PAIR_ACTIVE || view(0, 1).link == PAIR_TCP_ONLY, "%s", w.story[0]);
	ck_assert(pair_is_fresh(w.node[0], 2, w.now_ms) && pair_is_fresh(w.node[1], 1, w.now_ms));
	world_deinit();
}
END_TEST

/* Another version has another form, so anybody can say that he has it: that explains a silence, and never makes one. */
START_TEST(who_claims_another_version_keeps_nobody_apart)
{
	const uint8_t forged[48] = "GEML\011";
	for (int tcp = 0; tcp < 2; tcp++) {
		meet(2);
		kill_node(1);
		run(20000);
		ck_assert(view(0, 1).link == PAIR_LOST);
		if (tcp)
			cut_udp(0, 1, true);
		start(1);
		for (int ms = 0; ms < 20000; ms++) {
			const struct addr from = address(1);
			ck_assert_int_eq(say(0, &from, forged, sizeof forged), ERR_VERSION);
			run(1);
		}
		ck_assert_msg(view(0, 1).link == (tcp ? PAIR_TCP_ONLY : PAIR_ACTIVE), "%s", w.story[0]);
		world_deinit();
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = { what_was_recorded_is_opened_up_to_a_bound, what_the_session_had_is_not_opened_again, a_flood_of_old_packets_leaves_the_link_alive,
				 who_claims_another_version_keeps_nobody_apart };
	if (sodium_init() < 0)
		return EXIT_FAILURE;
	return unit_run("pair_flood", tests, sizeof tests / sizeof *tests);
}
