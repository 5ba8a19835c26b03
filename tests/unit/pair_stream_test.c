/* TCP as the way when UDP is blocked and for what is too much for datagrams, who may keep a connection, and what strangers
 * can do, on the virtual network of pair_world.h.
 */
#include "tests/unit/pair_world.h"

/* ---- UDP is blocked ---- */

START_TEST(where_udp_is_blocked_the_link_goes_on_by_tcp)
{
	meet(2);
	cut_udp(0, 1, true);
	run(6000);
	ck_assert_str_eq(w.story[0], "suspect tcp-only "); /* and the votes counted all the time */
	ck_assert_str_eq(w.story[1], "suspect tcp-only ");
	ck_assert(view(0, 1).stream && view(1, 0).stream);
	run(3000); /* by now one of two connections, if both opened one */
	ck_assert_uint_eq(pipes(), 1);
	uint64_t before = w.stream_octets;
	w.last_stream_ms = w.stream_gap_ms = 0;
	run(10000);
	ck_assert(w.stream_gap_ms >= 900 && w.stream_gap_ms <= 1250);
	ck_assert_uint_lt(w.stream_octets - before, 10 * 1000);
	write_text(0, 1, "up");
	run(20); /* at once all the same */
	ck_assert(has(1, 1, 1, "up"));
	cut_udp(0, 1, false);
	run(1500);
	ck_assert_str_eq(w.story[0], "suspect tcp-only active ");
	ck_assert_str_eq(w.story[1], "suspect tcp-only active ");
	run(PAIR_STREAM_IDLE_MS + 3000);
	ck_assert_uint_eq(pipes(), 0);
	ck_assert_str_eq(w.story[0], "suspect tcp-only active ");
	world_deinit();
}
END_TEST

/* What a stream brought is asked for again, and comes again: it lost nothing, but its reader did. */
START_TEST(shelves_that_differ_are_fetched_again_by_tcp)
{
	meet(2);
	cut_udp(0, 1, true);
	write_text(0, 1, "up");
	run(8000);
	ck_assert(view(0, 1).link == PAIR_TCP_ONLY && has(1, 1, 1, "up"));
	w.node[1]->shelves[1].digest[0] ^= 1;
	run(6000);
	ck_assert_uint_eq(pair_stats_get(w.node[1])->divergences, 1);
	ck_assert(view(1, 0).link == PAIR_TCP_ONLY && view(1, 0).shelves_equal && view(0, 1).shelves_equal);
	ck_assert(has(1, 1, 1, "up"));
	world_deinit();
}
END_TEST

START_TEST(udp_blocked_in_one_direction_is_tcp_only_too)
{
	meet(2);
	w.cut[0][1] = true;
	run(6000);
	ck_assert_str_eq(w.story[0], "half tcp-only ");
	ck_assert_str_eq(w.story[1], "suspect tcp-only ");
	ck_assert(pair_is_fresh(w.node[0], 2, w.now_ms) && pair_is_fresh(w.node[1], 1, w.now_ms));
	w.cut[0][1] = false;
	run(1500);
	ck_assert(view(0, 1).link == PAIR_ACTIVE && view(1, 0).link == PAIR_ACTIVE);
	world_deinit();
}
END_TEST

START_TEST(twins_that_never_had_udp_meet_by_tcp)
{
	world_init(2);
	cut_udp(0, 1, true);
	start(0);
	write_text(0, 1, "up");
	run(3000);
	start(1);
	run(7000);
	ck_assert(view(0, 1).link == PAIR_TCP_ONLY && view(1, 0).link == PAIR_TCP_ONLY);
	ck_assert_str_eq(w.story[1], "syncing + tcp-only ");
	ck_assert(has(1, 1, 1, "up") && pair_settled(w.node[1], w.now_ms));
	world_deinit();
}
END_TEST

START_TEST(one_direction_of_connections_is_enough)
{
	meet(2);
	w.no_tcp[0][1] = true; /* a firewall: only the second may call */
	cut_udp(0, 1, true);
	run(9000);
	ck_assert(view(0, 1).link == PAIR_TCP_ONLY && view(1, 0).link == PAIR_TCP_ONLY);
	world_deinit();
}
END_TEST

START_TEST(without_udp_and_tcp_the_twin_is_lost_and_comes_back_by_either)
{
	meet(2);
	cut_udp(0, 1, true);
	cut_tcp(0, 1, true);
	run(6000);
	ck_assert_str_eq(w.story[0], "suspect lost - ");
	cut_tcp(0, 1, false);
	run(10000);
	ck_assert_str_eq(w.story[0], "suspect lost - tcp-only + ");
	cut_tcp(0, 1, true); /* the connection hangs */
	run(PAIR_STREAM_STALL_MS + 1000);
	ck_assert_str_eq(w.story[0], "suspect lost - tcp-only + lost - ");
	cut_udp(0, 1, false);
	run(1000);
	ck_assert_str_eq(w.story[0], "suspect lost - tcp-only + lost - active + ");
	world_deinit();
}
END_TEST

START_TEST(a_twin_that_dies_behind_tcp_is_known_at_once)
{
	meet(2);
	cut_udp(0, 1, true);
	run(8000);
	ck_assert(view(0, 1).link == PAIR_TCP_ONLY);
	kill_node(1); /* its kernel ends the connection */
	run(2 * 200 + 10);
	ck_assert(view(0, 1).link == PAIR_LOST && !pair_is_fresh(w.node[0], 2, w.now_ms));
	start(1);
	run(12000);
	ck_assert(view(0, 1).link == PAIR_TCP_ONLY && view(1, 0).link == PAIR_TCP_ONLY);
	world_deinit();
}
END_TEST

/* ---- bulk ---- */

static void write_many(size_t i, uint64_t n)
{
	char value[25];
	for (uint64_t k = 0; k < n; k++) {
		snprintf(value, sizeof value, "%024u", (unsigned)k);
		ck_assert_int_eq(pair_write(w.node[i], PAIR_VERDICT, k, value, 24, w.now_ms), 0);
	}
	drain(i);
}

START_TEST(what_is_too_much_for_datagrams_goes_by_tcp)
{
	meet(2);
	w.delay_ms = 20;
	write_many(0, 20000); /* 670 packets */
	uint64_t began = w.now_ms;
	while (!has(1, 1, 19999, "000000000000000000019999") && w.now_ms - began < 5000)
		run(10);
	ck_assert_uint_lt(w.now_ms - began, 2500);
	ck_assert_uint_eq(w.opened, 1);
	ck_assert_uint_gt(w.stream_octets, 700000);
	ck_assert_uint_lt(w.stream_octets, 1000000); /* nothing twice */
	ck_assert_uint_lt(w.datagrams, 400);
	write_text(1, 1, "up");
	run(1500);
	ck_assert(has(0, 2, 1, "up") && view(0, 1).shelves_equal && view(1, 0).shelves_equal);
	ck_assert_str_eq(w.story[0], "");
	run(PAIR_STREAM_IDLE_MS + 1000);
	ck_assert_uint_eq(pipes(), 0);
	world_deinit();
}
END_TEST

START_TEST(where_no_connection_comes_to_be_datagrams_bring_it_all)
{
	meet(2);
	cut_tcp(0, 1, true);
	write_many(0, 3000);
	run(5000);
	ck_assert(view(1, 0).shelves_equal && has(1, 1, 2999, "000000000000000000002999"));
	world_deinit();
}
END_TEST

START_TEST(a_connection_that_hangs_gives_way_to_datagrams)
{
	meet(2);
	w.delay_ms = 20;
	write_many(0, 3000);
	run(90); /* it is open, and something is under way */
	ck_assert_uint_eq(pipes(), 1);
	w.no_reading = true;
	run(PAIR_STREAM_STALL_MS + 3000);
	ck_assert(view(1, 0).shelves_equal && has(1, 1, 2999, "000000000000000000002999"));
	world_deinit();
}
END_TEST

/* A way may die while the kernel believes in it for minutes; the other address may be well. */
START_TEST(a_connection_that_leads_nowhere_gives_way_to_another)
{
	meet(2);
	cut_udp(0, 1, true);
	run(8000);
	ck_assert(view(0, 1).link == PAIR_TCP_ONLY && view(1, 0).link == PAIR_TCP_ONLY);
	for (size_t i = 0; i < PIPES_MAX; i++)
		w.pipes[i].stuck = w.pipes[i].used;
	hush();
	run(20000);
	ck_assert_msg(view(0, 1).link == PAIR_TCP_ONLY, "%s", w.story[0]);
	ck_assert_msg(view(1, 0).link == PAIR_TCP_ONLY, "%s", w.story[1]);
	world_deinit();
}
END_TEST

/* While UDP is well nothing is expected on it. */
START_TEST(a_connection_that_rests_beside_udp_is_left_to_its_time)
{
	meet(2);
	cut_udp(0, 1, true);
	run(8000);
	cut_udp(0, 1, false);
	run(3000);
	ck_assert(view(0, 1).link == PAIR_ACTIVE && view(1, 0).link == PAIR_ACTIVE);
	hush();
	size_t before = pipes();
	run(PAIR_STREAM_STALL_MS + 1000);
	ck_assert(pipes() == before && before > 0 && w.closed == 0);
	run(PAIR_STREAM_IDLE_MS);
	ck_assert_uint_eq(pipes(), 0);
	world_deinit();
}
END_TEST

START_TEST(news_do_not_wait_for_the_bulk)
{
	meet(2);
	w.delay_ms = 20;
	write_many(0, 20000);
	run(100);
	ck_assert(!has(1, 1, 19999, "000000000000000000019999"));
	write_text(0, 5, "down");
	run(40);
	ck_assert(has(1, 1, 5, "down"));
	world_deinit();
}
END_TEST

/* ---- which connection ---- */

START_TEST(of_two_connections_both_keep_the_same)
{
	meet(2);
	for (size_t i = 0; i < 2; i++) { /* both at one time */
		w.node[i]->peers[0].tcp.bulk = false;
		pair_tcp_want_bulk(w.node[i], &w.node[i]->peers[0], w.now_ms);
		drain(i);
	}
	ck_assert_uint_eq(pipes(), 2);
	cut_udp(0, 1, true);
	run(4000);
	ck_assert_uint_eq(pipes(), 1);
	for (size_t i = 0; i < PIPES_MAX; i++)
		ck_assert(!w.pipes[i].used || w.pipes[i].node[0] == 0); /* of the lower id */
	ck_assert(view(0, 1).stream && view(1, 0).stream);
	world_deinit();
}
END_TEST

/* Who is there at the other end is not known yet: it gets a heartbeat, and no records. */
START_TEST(what_is_not_proven_is_told_no_records)
{
	meet(2);
	cut_udp(0, 1, true);
	for (uint64_t key = 100; key < 120; key++)
		write_text(0, key, "a record of some length, for all to see");
	w.no_reading = true;
	run(2000);
	size_t first = 0;
	for (size_t i = 0; i < PIPES_MAX; i++) {
		const struct pipe *k = &w.pipes[i];
		size_t end = k->node[0] == 0 ? 0 : 1;
		if (k->used && k->open && k->count[end])
			first = k->way[end][0].len;
	}
	ck_assert_uint_gt(first, 0);
	ck_assert_uint_le(first, 2 + PAIR_HEADER_LEN + PAIR_BEAT_LEN + 2 * PAIR_ENTRY_LEN + PAIR_TAG_LEN);
	w.no_reading = false;
	run(2000);
	ck_assert(has(1, 1, 119, "a record of some length, for all to see"));
	world_deinit();
}
END_TEST

/* ---- strangers ---- */

static uint32_t call_as(size_t to, uint8_t last_octet)
{
	struct addr from = { .family = 4, .ip = { 127, 9, 9, last_octet }, .port = 999 };
	uint32_t id = PAIR_STREAM_ACCEPTED | ++w.accepted;
	pair_stream_accept(w.node[to], id, &from, w.now_ms);
	return id;
}

static bool lives(size_t i, uint32_t id)
{
	return pair_stream_find(w.node[i], id) != NULL;
}

START_TEST(strangers_are_few_and_short_lived)
{
	uint32_t id[10];

	meet(2);
	for (size_t i = 0; i < 10; i++)
		id[i] = call_as(0, (uint8_t)i);
	for (size_t i = 0; i < 10; i++)
		ck_assert(lives(0, id[i]) == (i < PAIR_STREAM_STRANGERS));
	drain(0);
	ck_assert_uint_eq(pair_stats_get(w.node[0])->refused_streams, 10 - PAIR_STREAM_STRANGERS);
	cut_udp(0, 1, true); /* the twin has its place all the same */
	run(2500);
	ck_assert(view(0, 1).stream);
	run(1000);
	ck_assert(!lives(0, id[0]) && !lives(0, id[3]));
	world_deinit();
}
END_TEST

START_TEST(a_peers_address_has_one_place_whoever_else_calls)
{
	meet(2);
	const struct addr *from = &w.node[0]->peers[0].conf.addr[0];
	uint32_t id[2];

	for (size_t i = 0; i < 10; i++)
		call_as(0, (uint8_t)i);
	for (size_t i = 0; i < 2; i++) {
		id[i] = PAIR_STREAM_ACCEPTED | ++w.accepted;
		pair_stream_accept(w.node[0], id[i], from, w.now_ms + i);
		ck_assert(lives(0, id[i]));
	}
	ck_assert(!lives(0, id[0])); /* the eldest gives way: an address is no proof */
	world_deinit();
}
END_TEST

/* The newest frame that goes to node 0 from node i and is on its way. */
static size_t overhear(size_t i, uint8_t out[2 + PAIR_PACKET_MAX])
{
	for (size_t ms = 0; ms < 9000; ms++, run(1)) {
		for (size_t k = 0; k < PIPES_MAX; k++) {
			const struct pipe *pipe = &w.pipes[k];
			for (size_t end = 0; pipe->used && end < 2; end++) {
				if (pipe->node[end] != i || pipe->node[1 - end] != 0 || !pipe->count[end])
					continue;
				memcpy(out, pipe->way[end][0].data, pipe->way[end][0].len);
				return pipe->way[end][0].len;
			}
		}
	}
	return 0;
}

/* Each node proves its own; what one of them says on another's is nobody's word. */
START_TEST(a_connection_speaks_for_one_node)
{
	uint8_t heard[2 + PAIR_PACKET_MAX];
	meet(3);
	cut_udp(0, 1, true);
	cut_udp(0, 2, true);
	run(8000);
	ck_assert(view(0, 1).link == PAIR_TCP_ONLY && view(0, 2).link == PAIR_TCP_ONLY);
	uint32_t of_one = pair_peer_of(w.node[0], 2)->tcp.stream;
	size_t len = overhear(2, heard);
	ck_assert(len > 0 && lives(0, of_one));
	pair_stream_receive(w.node[0], of_one, heard, len, w.now_ms, wall(0));
	ck_assert(!lives(0, of_one));
	world_deinit();
}
END_TEST

START_TEST(who_does_not_read_any_more_loses_the_connection)
{
	meet(2);
	cut_udp(0, 1, true);
	run(4000);
	uint32_t id = w.node[0]->peers[0].tcp.stream;
	ck_assert(lives(0, id));
	w.no_reading = true;
	run(PAIR_STREAM_STALL_MS + 2 * LINK_TCP_BEAT_MS);
	ck_assert(!lives(0, id));
	world_deinit();
}
END_TEST

START_TEST(the_first_packet_that_is_not_ours_ends_a_stranger)
{
	uint8_t junk[200] = { 0, 198, 'G', 'E', 'M', 'L', 1, 1 }, zero[2] = { 0 }, large[2] = { 0xff, 0xff };

	meet(2);
	uint32_t id = call_as(0, 1);
	uint64_t sent = pair_stats_get(w.node[0])->sent;
	pair_stream_receive(w.node[0], id, junk, 100, w.now_ms, WALL + w.now_ms);
	ck_assert(lives(0, id));
	pair_stream_receive(w.node[0], id, junk + 100, 100, w.now_ms, WALL + w.now_ms);
	ck_assert(!lives(0, id));
	id = call_as(0, 1);
	pair_stream_receive(w.node[0], id, zero, 2, w.now_ms, WALL + w.now_ms);
	ck_assert(!lives(0, id));
	id = call_as(0, 1);
	pair_stream_receive(w.node[0], id, large, 2, w.now_ms, WALL + w.now_ms);
	ck_assert(!lives(0, id));
	pair_stream_receive(w.node[0], 4711, large, 2, w.now_ms, WALL + w.now_ms); /* nobody's */
	drain(0);
	ck_assert_uint_eq(pair_stats_get(w.node[0])->sent, sent);
	ck_assert_uint_eq(pair_stats_get(w.node[0])->streams_cut, 3);
	world_deinit();
}
END_TEST

/* What was overheard of a connection proves nothing, and takes the place of none. */
START_TEST(repeated_packets_prove_nothing)
{
	uint8_t heard[2 + PAIR_PACKET_MAX];
	size_t len = 0;

	meet(2);
	cut_udp(0, 1, true);
	for (size_t ms = 0; ms < 9000 && len == 0; ms++) {
		run(1);
		for (size_t i = 0; i < PIPES_MAX && view(0, 1).link == PAIR_TCP_ONLY; i++) {
			for (size_t end = 0; w.pipes[i].used && end < 2; end++) {
				if (w.pipes[i].node[end] == 1 && w.pipes[i].count[end]) {
					len = w.pipes[i].way[end][0].len;
					memcpy(heard, w.pipes[i].way[end][0].data, len);
				}
			}
		}
	}
	ck_assert_uint_gt(len, 0);
	run(100);
	uint32_t stream = w.node[0]->peers[0].tcp.stream, id = call_as(0, 3);
	for (int i = 0; i < PAIR_STREAM_FRAMES - 1; i++) {
		pair_stream_receive(w.node[0], id, heard, len, w.now_ms, WALL + w.now_ms);
		drain(0);
		ck_assert(lives(0, id) && w.node[0]->peers[0].tcp.stream == stream);
	}
	pair_stream_receive(w.node[0], id, heard, len, w.now_ms, WALL + w.now_ms);
	ck_assert(!lives(0, id) && lives(0, stream));
	heard[2 + 7] = 0; /* nor is it one of the other transport: its number was there, and under another it is sealed by no key */
	ck_assert_int_eq(pair_receive(w.node[0], &(struct addr){ 0 }, heard + 2, len - 2, w.now_ms, WALL + w.now_ms), ERR_STALE);
	heard[2 + 29] ^= 0x80;
	ck_assert_int_eq(pair_receive(w.node[0], &(struct addr){ 0 }, heard + 2, len - 2, w.now_ms, WALL + w.now_ms), ERR_AUTH);
	world_deinit();
}
END_TEST

START_TEST(a_hello_by_tcp_is_answered_there_and_with_no_more)
{
	meet(2);
	cut_udp(0, 1, true);
	cut_tcp(0, 1, true);
	run(8000);
	cut_tcp(0, 1, false);
	uint64_t answers = pair_stats_get(w.node[0])->hello_answers;
	kill_node(1);
	start(1);
	run(8000);
	ck_assert(view(0, 1).link == PAIR_TCP_ONLY && view(0, 1).boot == w.boots);
	ck_assert_uint_gt(pair_stats_get(w.node[0])->hello_answers + pair_stats_get(w.node[1])->hello_answers, answers);
	world_deinit();
}
END_TEST

START_TEST(a_peer_that_is_configured_away_loses_its_connection)
{
	meet(3);
	cut_udp(0, 1, true);
	run(8000);
	ck_assert(view(0, 1).stream && pipes() == 1);
	struct pair_conf c = w.conf[0];
	struct pair_peer_conf only = w.peer[0][1];
	c.peers = &only;
	c.peer_count = 1;
	ck_assert_int_eq(pair_reconfigure(w.node[0], &c, w.now_ms), 0);
	drain(0);
	run(100);
	ck_assert_uint_eq(pipes(), 0);
	ck_assert(view(0, 2).link == PAIR_ACTIVE);
	world_deinit();
}
END_TEST

int main(void)
{
	const TTest *tests[] = { where_udp_is_blocked_the_link_goes_on_by_tcp,
				 shelves_that_differ_are_fetched_again_by_tcp,
				 udp_blocked_in_one_direction_is_tcp_only_too,
				 twins_that_never_had_udp_meet_by_tcp,
				 one_direction_of_connections_is_enough,
				 without_udp_and_tcp_the_twin_is_lost_and_comes_back_by_either,
				 a_twin_that_dies_behind_tcp_is_known_at_once,
				 what_is_too_much_for_datagrams_goes_by_tcp,
				 where_no_connection_comes_to_be_datagrams_bring_it_all,
				 a_connection_that_hangs_gives_way_to_datagrams,
				 a_connection_that_leads_nowhere_gives_way_to_another, a_connection_that_rests_beside_udp_is_left_to_its_time,
				 news_do_not_wait_for_the_bulk,
				 of_two_connections_both_keep_the_same,
				 what_is_not_proven_is_told_no_records,
				 strangers_are_few_and_short_lived,
				 a_peers_address_has_one_place_whoever_else_calls,
				 a_connection_speaks_for_one_node,
				 who_does_not_read_any_more_loses_the_connection,
				 the_first_packet_that_is_not_ours_ends_a_stranger,
				 repeated_packets_prove_nothing,
				 a_hello_by_tcp_is_answered_there_and_with_no_more,
				 a_peer_that_is_configured_away_loses_its_connection };
	if (sodium_init() < 0)
		return EXIT_FAILURE;
	return unit_run("pair_stream", tests, sizeof tests / sizeof *tests);
}
