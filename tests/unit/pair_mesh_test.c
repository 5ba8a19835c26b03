/* What nodes tell of themselves and of each other: local health, byes, indirect probes, self states; floods, and tombstones in
 * a mesh, on the virtual network of pair_world.h.
 */
#include "tests/unit/pair_world.h"

/* ---- local health ---- */

START_TEST(who_is_late_itself_is_more_patient_with_others)
{
	meet(2);
	uint32_t suspect = view(0, 1).suspect_ms;
	ck_assert_uint_eq(pair_lhm(w.node[0]), 0);
	w.deaf[0] = true;
	run(420); /* more than an interval, after the last time that it was due */
	w.deaf[0] = false;
	run(2);
	ck_assert_uint_eq(pair_lhm(w.node[0]), 1);
	ck_assert_uint_ge(view(0, 1).suspect_ms, 2 * suspect - 200);
	run(500);
	ck_assert_uint_eq(view(1, 0).lhm, 1); /* it says so */
	run(PAIR_LHM_CLEAN * 200);
	ck_assert_uint_eq(pair_lhm(w.node[0]), 0);
	for (int i = 0; i < 20; i++) {
		w.deaf[0] = true;
		run(420);
		w.deaf[0] = false;
		run(20);
	}
	ck_assert_uint_eq(pair_lhm(w.node[0]), PAIR_LHM_MAX);
	run(PAIR_LHM_MAX * PAIR_LHM_CLEAN * 200 + 2000);
	ck_assert_uint_eq(pair_lhm(w.node[0]), 0);
	world_deinit();
}
END_TEST

/* An answer to a hello is due at once, and is sent at once: that nothing else is due for an interval is no delay of ours. */
START_TEST(who_answers_a_hello_in_time_is_not_late)
{
	meet(2);
	kill_node(1);
	start(1);
	w.wire_count = 0;
	pair_tick(w.node[1], w.now_ms, WALL + w.now_ms);
	drain(1);
	ck_assert_uint_eq(w.wire_count, 1);
	struct flight hello = w.wire[0];
	uint64_t *beat_ms = &w.node[0]->peers[0].next_beat_ms;
	cut_udp(0, 1, true);
	cut_tcp(0, 1, true);
	run(5000); /* nothing but heartbeats is due any more */
	for (int i = 0; i < 100; i++) {
		uint64_t answers = pair_stats_get(w.node[0])->hello_answers;
		run(*beat_ms - w.now_ms); /* one is answered an interval */
		run(*beat_ms - w.now_ms - 1);
		w.now_ms = *beat_ms;
		ck_assert_int_eq(pair_receive(w.node[0], &hello.source, hello.data, hello.len, w.now_ms, WALL + w.now_ms), ERR_STALE);
		pair_tick(w.node[0], w.now_ms, WALL + w.now_ms);
		drain(0);
		ck_assert_uint_eq(pair_stats_get(w.node[0])->hello_answers, answers + 1);
		run(*beat_ms - w.now_ms + 1);
		ck_assert_uint_eq(pair_lhm(w.node[0]), 0);
	}
	world_deinit();
}
END_TEST

/* ---- bye ---- */

START_TEST(a_twin_that_is_stopped_is_lost_at_once)
{
	meet(3);
	write_text(1, 7, "up");
	pair_leave(w.node[1]);
	drain(1);
	uint64_t sent = pair_stats_get(w.node[1])->sent;
	run(w.delay_ms + 2);
	ck_assert_str_eq(w.story[0], "bye - ");
	ck_assert_str_eq(w.story[2], "bye - ");
	ck_assert(has(0, 2, 7, "up")); /* its last words */
	ck_assert(view(0, 1).left && !pair_is_fresh(w.node[0], 2, w.now_ms));
	run(3000); /* nor do the others keep its votes alive for each other */
	ck_assert_str_eq(w.story[0], "bye - ");
	ck_assert_uint_eq(pair_stats_get(w.node[1])->sent, sent);
	ck_assert_uint_eq(pair_deadline(w.node[1]), UINT64_MAX);
	kill_node(1);
	start(1);
	run(1500);
	ck_assert_str_eq(w.story[0], "bye - syncing + active ");
	ck_assert(!view(0, 1).left);
	world_deinit();
}
END_TEST

START_TEST(what_comes_after_a_bye_is_too_late)
{
	meet(2);
	run(50);
	while (w.wire_count == 0 || w.wire[w.wire_count - 1].from != 1)
		run(1);
	struct flight late = w.wire[w.wire_count - 1];
	w.wire_count = 0;
	pair_leave(w.node[1]);
	drain(1);
	struct flight bye = w.wire[0];
	run(10);
	ck_assert_int_eq(pair_receive(w.node[0], &late.source, late.data, late.len, w.now_ms, WALL + w.now_ms), ERR_STALE);
	ck_assert_int_eq(pair_receive(w.node[0], &bye.source, bye.data, bye.len, w.now_ms, WALL + w.now_ms), ERR_STALE);
	drain(0);
	ck_assert_str_eq(w.story[0], "bye - ");
	ck_assert_uint_eq(pair_stats_get(w.node[0])->byes, 1);
	world_deinit();
}
END_TEST

START_TEST(a_bye_of_another_life_ends_nothing)
{
	meet(2);
	cut_udp(0, 1, true);
	cut_tcp(0, 1, true);
	w.cut[1][0] = false;
	w.delay_ms = 2000;
	pair_leave(w.node[1]);
	drain(1);
	ck_assert_uint_ge(w.wire_count, 1);
	struct flight bye = w.wire[w.wire_count - 1];
	w.wire_count = 0;
	w.delay_ms = 3;
	kill_node(1);
	cut_udp(0, 1, false);
	start(1);
	run(1500);
	ck_assert(view(0, 1).link == PAIR_ACTIVE);
	ck_assert_int_eq(pair_receive(w.node[0], &bye.source, bye.data, bye.len, w.now_ms, WALL + w.now_ms), ERR_STALE);
	drain(0);
	ck_assert(view(0, 1).link == PAIR_ACTIVE && !view(0, 1).left);
	world_deinit();
}
END_TEST

/* Its last words go in the first packet of a new life, and that ends it: no question about a silent one may come before. */
START_TEST(an_epoch_that_comes_while_leaving_asks_nobody)
{
	meet(3);
	cut_udp(0, 1, true);
	cut_tcp(0, 1, true);
	for (int ms = 0; ms < 2000 && view(0, 1).link != PAIR_SUSPECT; ms++)
		run(1);
	ck_assert(view(0, 1).link == PAIR_SUSPECT);
	write_text(0, 7, "up");
	pair_leave(w.node[0]);
	pair_set_epoch(w.node[0], w.epochs[0] += (uint64_t)1 << 32, ++w.boots, w.now_ms);
	drain(0);
	run(w.delay_ms + 2);
	ck_assert_msg(has(2, 1, 7, "up"), "%s", w.story[2]);
	ck_assert(view(2, 0).left);
	ck_assert_uint_eq(pair_stats_get(w.node[2])->byes, 1);
	world_deinit();
}
END_TEST

START_TEST(a_bye_goes_by_tcp_too)
{
	meet(2);
	cut_udp(0, 1, true);
	run(8000);
	ck_assert(view(0, 1).link == PAIR_TCP_ONLY);
	pair_leave(w.node[1]);
	drain(1);
	run(w.delay_ms + 2);
	ck_assert(view(0, 1).left && view(0, 1).link == PAIR_LOST);
	world_deinit();
}
END_TEST

/* ---- asked by others ---- */

START_TEST(a_twin_that_others_hear_is_not_lost)
{
	meet(4);
	cut_udp(0, 1, true);
	cut_tcp(0, 1, true);
	run(20000);
	ck_assert_str_eq(w.story[0], "suspect ");
	ck_assert_str_eq(w.story[1], "suspect ");
	ck_assert(pair_is_fresh(w.node[0], 2, w.now_ms));
	ck_assert_uint_gt(pair_stats_get(w.node[0])->acks, 50);
	ck_assert_str_eq(w.story[2], "");
	kill_node(1);
	run(6000);
	ck_assert_str_eq(w.story[0], "suspect lost - ");
	world_deinit();
}
END_TEST

/* What the third says of the second is as old as the packet that says it, however long that was on its way. */
START_TEST(a_relay_that_was_held_back_makes_nobody_younger)
{
	meet(3);
	cut_udp(0, 1, true);
	cut_tcp(0, 1, true);
	run(3000);
	ck_assert(pair_is_fresh(w.node[0], 2, w.now_ms)); /* by the third's word alone */
	w.wire_count = 0;
	while (w.wire_count == 0 || w.wire[w.wire_count - 1].from != 2 || w.wire[w.wire_count - 1].to != 0)
		run(1);
	struct flight held = w.wire[w.wire_count - 1];
	uint64_t made_ms = w.now_ms, before_ms = w.node[0]->peers[0].relayed_ms;
	w.wire_count = 0;
	kill_node(1);
	cut_udp(0, 2, true);
	cut_tcp(0, 2, true);
	run(1000);
	ck_assert_uint_le(w.node[0]->peers[0].relayed_ms, made_ms);
	ck_assert_int_eq(pair_receive(w.node[0], &held.source, held.data, held.len, w.now_ms, WALL + w.now_ms), 0);
	drain(0);
	ck_assert_uint_ge(w.node[0]->peers[0].relayed_ms, before_ms);
	ck_assert_uint_le(w.node[0]->peers[0].relayed_ms, made_ms);
	world_deinit();
}
END_TEST

START_TEST(an_answer_for_another_life_proves_nothing)
{
	meet(3);
	struct tlv_ping ping = { .target = 2, .origin = 1, .ts = (uint32_t)w.now_ms - 5, .boot = w.node[0]->boot + 1 };
	struct pair_peer *of = &w.node[0]->peers[0], *by = &w.node[0]->peers[1];

	pair_errand_ack(w.node[0], by, &ping, w.now_ms);
	ck_assert_uint_eq(of->link.indirect_ms, 0);
	ping.boot--;
	ping.ts = (uint32_t)w.now_ms + 5; /* we have not asked yet */
	pair_errand_ack(w.node[0], by, &ping, w.now_ms);
	ck_assert_uint_eq(of->link.indirect_ms, 0);
	ping.ts -= 10;
	pair_errand_ack(w.node[0], by, &ping, w.now_ms);
	ck_assert_uint_eq(of->link.indirect_ms, w.now_ms - 5);
	ping.origin = 3; /* one hop only: neither is passed on */
	pair_errand_ping(w.node[0], of, &ping);
	ping.target = 3, ping.origin = 2;
	pair_errand_ack(w.node[0], of, &ping, w.now_ms);
	ck_assert_uint_eq(w.node[0]->errand_count, 0);
	ping.target = 77;
	pair_errand_ping(w.node[0], of, &ping);
	ck_assert_uint_eq(w.node[0]->errand_count, 0);
	ping.target = 3, ping.origin = 77; /* asked for somebody else */
	pair_errand_ping(w.node[0], of, &ping);
	ping.target = 77, ping.origin = 3; /* not the target's own answer */
	pair_errand_ack(w.node[0], of, &ping, w.now_ms);
	ping.target = 3, ping.origin = 2;
	by->link.state = PAIR_SUSPECT; /* who is silent here, too, is not asked */
	pair_errand_ping(w.node[0], of, &ping);
	ck_assert_uint_eq(w.node[0]->errand_count, 0);
	by->link.state = PAIR_ACTIVE;
	pair_errand_ping(w.node[0], of, &ping);
	ck_assert_uint_eq(w.node[0]->errand_count, 1);
	ping.target = 2, ping.origin = 3;
	pair_errand_ack(w.node[0], of, &ping, w.now_ms);
	ck_assert_uint_eq(w.node[0]->errand_count, 2);
	ping.origin = 1, ping.ts -= 100; /* an earlier one makes it no older */
	pair_errand_ack(w.node[0], by, &ping, w.now_ms);
	ck_assert_uint_eq(of->link.indirect_ms, w.now_ms - 5);
	ping.target = 1; /* us: an answer, as many as there is room for */
	for (int i = 0; i < 100; i++)
		pair_errand_ping(w.node[0], of, &ping);
	ck_assert_uint_eq(w.node[0]->errand_count, PAIR_ERRANDS_MAX);
	world_deinit();
}
END_TEST

/* ---- what we are ---- */

START_TEST(self_states_as_in_the_chart)
{
	static const struct { enum pair_self_state from; struct pair_self_signs s; enum pair_self_state to; } rows[] = {
		{ PAIR_BOOT, { 0 }, PAIR_BOOT },
		{ PAIR_BOOT, { .maint = true, .isolated = true }, PAIR_BOOT },
		{ PAIR_BOOT, { .booted = true }, PAIR_NORMAL },
		{ PAIR_BOOT, { .booted = true, .isolated = true }, PAIR_ISOLATED },
		{ PAIR_NORMAL, { .booted = true, .maint = true }, PAIR_MAINT },
		{ PAIR_MAINT, { .booted = true, .maint = true, .isolated = true }, PAIR_ISOLATED },
		{ PAIR_ISOLATED, { .booted = true, .maint = true }, PAIR_MAINT },
		{ PAIR_ISOLATED, { .booted = true }, PAIR_NORMAL },
		{ PAIR_NORMAL, { .booted = true, .tilt_until_ms = 101 }, PAIR_TILT },
		{ PAIR_MAINT, { .booted = true, .maint = true, .tilt_until_ms = 101 }, PAIR_TILT },
		{ PAIR_TILT, { .booted = true, .maint = true, .tilt_until_ms = 100 }, PAIR_MAINT },
		{ PAIR_TILT, { .tilt_until_ms = 100 }, PAIR_BOOT },
		{ PAIR_BOOT, { .tilt_until_ms = 101 }, PAIR_TILT },
		{ PAIR_NORMAL, { .booted = false }, PAIR_NORMAL }, /* BOOT was once */
		{ PAIR_MAINT, { .maint = true }, PAIR_MAINT },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		ck_assert_msg(self_next(rows[i].from, &rows[i].s, 100) == rows[i].to, "row %zu", i);
	meet(2);
	pair_set_self(w.node[0], &(struct pair_self_signs){ .booted = true, .tilt_until_ms = w.now_ms + 400 }, w.now_ms);
	run(50);
	ck_assert_int_eq(view(1, 0).self, PAIR_TILT);
	run(400);
	ck_assert_int_eq(pair_self(w.node[0]), PAIR_NORMAL);
	ck_assert_int_eq(view(1, 0).self, PAIR_NORMAL);
	world_deinit();
}
END_TEST

/* ---- floods ---- */

static void forge(struct flight *f, size_t from, size_t to)
{
	*f = (struct flight){ .from = from, .to = to, .source = address(from), .len = 152 };
	struct pair_header h = { .version = PAIR_VERSION, .type = PAIR_TYPE_BEAT, .key_id = w.node[to]->key_ids[0],
				 .src = (uint8_t)(from + 1), .dst = (uint8_t)(to + 1), .text_len = 152 - 48,
				 .cluster = w.node[to]->cluster, .boot = 1, .counter = 1 };
	header_encode(f->data, &h);
}

START_TEST(a_flood_is_opened_so_often_a_second_and_no_more)
{
	const struct pair_stats *s;
	struct flight f;

	meet(2);
	s = pair_stats_get(w.node[0]);
	forge(&f, 1, 0);
	f.source.ip[3] = 99; /* one stranger, many ports */
	for (int i = 0; i < 1000; i++) {
		f.source.port = (uint16_t)i;
		ck_assert_int_eq(pair_receive(w.node[0], &f.source, f.data, f.len, w.now_ms, WALL + w.now_ms), ERR_AUTH);
	}
	ck_assert_uint_eq(s->refused_auth, GATE_SOURCE_A_SECOND);
	ck_assert_uint_eq(s->refused_flood, 1000 - GATE_SOURCE_A_SECOND);
	run(500);
	uint64_t before = s->refused_auth;
	for (int i = 0; i < 1000; i++)
		pair_receive(w.node[0], &f.source, f.data, f.len, w.now_ms, WALL + w.now_ms);
	ck_assert_uint_eq(s->refused_auth - before, GATE_SOURCE_A_SECOND / 2);
	before = s->refused_auth;
	for (uint32_t i = 0; i < 20000; i++) { /* many strangers */
		store_u32(f.source.ip, 0x0a000000 + i);
		pair_receive(w.node[0], &f.source, f.data, f.len, w.now_ms, WALL + w.now_ms);
	}
	ck_assert_uint_le(s->refused_auth - before, GATE_STRANGERS_A_SECOND);
	ck_assert_uint_gt(s->refused_auth - before, GATE_STRANGERS_A_SECOND / 2);
	run(3000);
	ck_assert_str_eq(w.story[0], ""); /* the twin never noticed */
	before = s->refused_auth;
	struct pair_peer_view v;
	pair_peer_get(w.node[0], 0, &v, w.now_ms);
	ck_assert_uint_eq(v.undecryptable, 0); /* strangers are nobody's */
	f.source = address(1); /* its address, forged */
	for (int i = 0; i < 5000; i++)
		pair_receive(w.node[0], &f.source, f.data, f.len, w.now_ms, WALL + w.now_ms);
	ck_assert_uint_eq(s->refused_auth - before, GATE_PEER_A_SECOND);
	pair_peer_get(w.node[0], 0, &v, w.now_ms);
	ck_assert_uint_eq(v.undecryptable, GATE_PEER_A_SECOND);
	world_deinit();
}
END_TEST

START_TEST(who_drowns_the_datagrams_drives_the_link_to_tcp)
{
	struct flight f;

	meet(2);
	for (int ms = 0; ms < 8000; ms++) {
		run(1);
		for (size_t i = 0; i < 2; i++) {
			forge(&f, 1 - i, i);
			for (int k = 0; k < 3; k++)
				pair_receive(w.node[i], &f.source, f.data, f.len, w.now_ms, WALL + w.now_ms);
			drain(i);
		}
	}
	ck_assert(pair_is_fresh(w.node[0], 2, w.now_ms) && pair_is_fresh(w.node[1], 1, w.now_ms));
	ck_assert(strstr(w.story[0], "lost") == NULL);
	world_deinit();
}
END_TEST

/* ---- mesh ---- */

START_TEST(tombstones_go_once_every_node_has_them)
{
	meet(7);
	for (uint64_t k = 0; k < 50; k++)
		write_text(3, k, "up");
	run(1000);
	cut_udp(3, 5, true); /* it hears by the others */
	for (uint64_t k = 0; k < 50; k++)
		ck_assert_int_eq(pair_write(w.node[3], PAIR_VERDICT, k, NULL, 0, w.now_ms), 0);
	drain(3);
	run(3000);
	for (size_t i = 0; i < 7; i++) {
		const struct shelf *s = &w.node[i]->shelves[pair_shelf_of(w.node[i], 4)];
		ck_assert_msg(shelf_count(s) == 0, "node %zu holds %zu", i, (size_t)shelf_count(s));
	}
	world_deinit();
}
END_TEST

START_TEST(a_node_that_is_away_keeps_them_and_has_them_when_it_comes_back)
{
	meet(3);
	write_text(0, 1, "up");
	run(500);
	for (size_t i = 0; i < 2; i++) {
		cut_udp(2, i, true);
		cut_tcp(2, i, true);
	}
	ck_assert_int_eq(pair_write(w.node[0], PAIR_VERDICT, 1, NULL, 0, w.now_ms), 0);
	drain(0);
	run(5000);
	ck_assert(has(2, 1, 1, "up") && !has(1, 1, 1, "up"));
	ck_assert_uint_eq(shelf_count(&w.node[0]->shelves[0]), 1);
	cut_udp(2, 1, false); /* only by way of the other */
	run(2000);
	ck_assert(!has(2, 1, 1, "up"));
	ck_assert_uint_eq(shelf_count(&w.node[0]->shelves[0]), 0 + 1); /* as long as node 3 has not said so to node 1 itself */
	cut_udp(2, 0, false);
	run(2000);
	ck_assert_uint_eq(shelf_count(&w.node[0]->shelves[0]), 0);
	world_deinit();
}
END_TEST

/* ---- divergence ---- */

/* Of an interval that was split a key may be missing; two copies at that vector differ, and it is nobody's fault. */
START_TEST(who_is_behind_a_third_has_not_diverged)
{
	meet(3);
	for (size_t i = 0; i < 2; i++) {
		cut_udp(2, i, true);
		cut_tcp(2, i, true);
	}
	run(100);
	int at = pair_shelf_of(w.node[1], 3);
	pair_peer_of(w.node[1], 3)->known[at].seq += 5;
	w.node[0]->shelves[pair_shelf_of(w.node[0], 3)].digest[0] ^= 1;
	run(1000);
	ck_assert_uint_eq(pair_stats_get(w.node[0])->divergences, 0);
	ck_assert_uint_eq(pair_stats_get(w.node[1])->divergences, 0);
	pair_peer_of(w.node[1], 3)->known[at].seq -= 5;
	run(1000);
	ck_assert_uint_gt(pair_stats_get(w.node[0])->divergences + pair_stats_get(w.node[1])->divergences, 0);
	world_deinit();
}
END_TEST

/* Two of three may have the same damage, one from the other: only the owner says what is right. */
START_TEST(damage_is_mended_by_the_owner)
{
	meet(3);
	write_text(1, 7, "up");
	run(500);
	for (size_t i = 0; i < 3; i += 2) {
		struct pair *p = w.node[i];
		struct shelf *s = &p->shelves[pair_shelf_of(p, 2)];
		struct shelf_record *r = s->current.last;
		r->value[0] = 'X';
		s->digest[0] ^= r->digest[0];
		r->digest[0] = seal_record_digest(&p->digest_keys.key[0], &r->r);
		s->digest[0] ^= r->digest[0];
		ck_assert(has(i, 2, 7, "Xp"));
	}
	run(3000);
	ck_assert(has(0, 2, 7, "up") && has(2, 2, 7, "up"));
	ck_assert(view(0, 1).shelves_equal && view(2, 1).shelves_equal && view(0, 2).shelves_equal);
	world_deinit();
}
END_TEST

/* A packet from before a resync has what was removed since, and the tombstone of that is gone. */
START_TEST(what_was_on_its_way_before_a_resync_is_too_late)
{
	meet(2);
	write_text(1, 9, "removed soon");
	for (int ms = 0; ms < 50 && (w.wire_count == 0 || w.wire[w.wire_count - 1].from != 1 || w.wire[w.wire_count - 1].len < 190); ms++)
		run(1);
	ck_assert_uint_gt(w.wire_count, 0);
	ck_assert_uint_ge(w.wire[w.wire_count - 1].len, 190);
	struct flight late = w.wire[--w.wire_count];
	run(1000);
	ck_assert(has(0, 2, 9, "removed soon"));
	ck_assert_int_eq(pair_write(w.node[1], PAIR_VERDICT, 9, NULL, 0, w.now_ms), 0);
	run(2000);
	ck_assert_ptr_null(w.node[1]->shelves[0].graves.first);
	w.node[0]->shelves[1].digest[0] ^= 1;
	for (int ms = 0; ms < 3000 && pair_stats_get(w.node[0])->divergences == 0; ms++)
		run(1);
	ck_assert_uint_eq(pair_stats_get(w.node[0])->divergences, 1);
	pair_receive(w.node[0], &late.source, late.data, late.len, w.now_ms, WALL + w.now_ms);
	drain(0);
	run(2000);
	ck_assert_ptr_null(pair_find(w.node[0], 2, PAIR_VERDICT, 9));
	ck_assert_int_eq(view(0, 1).link, PAIR_ACTIVE);
	world_deinit();
}
END_TEST

int main(void)
{
	const TTest *tests[] = { who_is_late_itself_is_more_patient_with_others,
				 who_answers_a_hello_in_time_is_not_late,
				 a_twin_that_is_stopped_is_lost_at_once,
				 what_comes_after_a_bye_is_too_late,
				 a_bye_of_another_life_ends_nothing,
				 an_epoch_that_comes_while_leaving_asks_nobody, a_bye_goes_by_tcp_too,
				 a_twin_that_others_hear_is_not_lost,
				 a_relay_that_was_held_back_makes_nobody_younger,
				 an_answer_for_another_life_proves_nothing,
				 self_states_as_in_the_chart,
				 a_flood_is_opened_so_often_a_second_and_no_more,
				 who_drowns_the_datagrams_drives_the_link_to_tcp,
				 tombstones_go_once_every_node_has_them,
				 a_node_that_is_away_keeps_them_and_has_them_when_it_comes_back,
				 who_is_behind_a_third_has_not_diverged,
				 damage_is_mended_by_the_owner,
				 what_was_on_its_way_before_a_resync_is_too_late };
	if (sodium_init() < 0)
		return EXIT_FAILURE;
	return unit_run("pair_mesh", tests, sizeof tests / sizeof *tests);
}
