/* Two twins on a quiet virtual network that the tests cut, slow down and listen to: link states as timelines, timing,
 * hellos, refusals, epochs, resync. Time is moved by hand.
 */
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include "pair/state.h"
#include "tests/unit/unit.h"

#define WALL 1700000000000u
#define WIRE_MAX 512

struct flight {
	uint64_t at_ms;
	struct addr from, to;
	size_t len;
	uint8_t data[PAIR_PACKET_MAX];
};
static struct world {
	uint64_t now_ms, delay_ms;
	struct pair *node[2];
	struct pair_conf conf[2];
	struct pair_peer_conf peer[2];
	uint64_t boots, epochs[2];
	bool cut[2], deaf[2]; /* what node i sends is lost; node i does not run */
	int64_t wall_off_ms[2];
	struct flight wire[WIRE_MAX];
	size_t wire_count;
	char story[2][1024];
	/* counted on the way */
	size_t sent[2], along[2] /* with what was just received */, largest, copies_to_second;
	uint64_t last_sent_ms[2], min_gap_ms, max_gap_ms;
	uint64_t refuse_epoch; /* nobody answers pair_wants_epoch while set */
} w;

static struct addr address(size_t i, unsigned way)
{
	return (struct addr){ .family = 4, .ip = { 127, 0, 0, (uint8_t)(i + 1) }, .port = (uint16_t)(5400 + way) };
}

static uint64_t wall(size_t i)
{
	return WALL + w.now_ms + (uint64_t)w.wall_off_ms[i];
}

static void start(size_t i)
{
	w.epochs[i] += (uint64_t)1 << 32;
	ck_assert_int_eq(pair_new(&w.node[i], &w.conf[i], ++w.boots, w.epochs[i], w.now_ms, wall(i)), 0);
}

static void world_init(void)
{
	memset(&w, 0, sizeof w);
	w.now_ms = 10000;
	w.delay_ms = 3;
	w.min_gap_ms = UINT64_MAX;
	for (size_t i = 0; i < 2; i++) {
		w.peer[i] = (struct pair_peer_conf){ (uint8_t)(2 - i), { address(1 - i, 0), address(1 - i, 1) }, 1 };
		w.conf[i] = (struct pair_conf){ .self_id = (uint8_t)(i + 1),
						.cluster = "demo",
						.key = "a key",
						.interval_ms = 200,
						.config_digest = 5,
						.peers = &w.peer[i],
						.peer_count = 1 };
	}
}

static void kill_node(size_t i)
{
	pair_free(w.node[i]);
	w.node[i] = NULL;
}

static void world_deinit(void)
{
	kill_node(0);
	kill_node(1);
}

static void tell(size_t i, const char *format, ...) PRINTF_LIKE(2, 3);
static void tell(size_t i, const char *format, ...)
{
	size_t at = strlen(w.story[i]);
	va_list args;
	va_start(args, format);
	vsnprintf(w.story[i] + at, sizeof w.story[i] - at, format, args);
	va_end(args);
}

static const char *const event_names[] = {
	"none", "link", "fresh", "refute", "duplicate", "divergence", "tilt", "skew"
};

static void drain(size_t i)
{
	struct pair *p = w.node[i];
	struct flight f = { .from = address(i, 0) };
	struct pair_record r;
	struct pair_event e;

	while (pair_next_change(p, &r))
		continue;
	while (pair_next_event(p, &e)) {
		if (e.type == PAIR_EVENT_LINK)
			tell(i, "%s ", pair_link_state_text(e.to));
		else if (e.type != PAIR_EVENT_FRESH)
			tell(i, "%s! ", event_names[e.type]);
		else
			tell(i, e.fresh ? "+ " : "- ");
	}
	if (pair_wants_epoch(p) && !w.refuse_epoch) {
		w.epochs[i] = pair_wants_epoch(p) | 7;
		pair_set_epoch(p, w.epochs[i], ++w.boots, w.now_ms);
	}
	while (pair_next_packet(p, &f.to, f.data, &f.len, w.now_ms, wall(i))) {
		uint64_t gap = w.now_ms - w.last_sent_ms[i];
		if (w.last_sent_ms[i] && gap) {
			w.min_gap_ms = gap < w.min_gap_ms ? gap : w.min_gap_ms;
			w.max_gap_ms = gap > w.max_gap_ms ? gap : w.max_gap_ms;
		}
		w.last_sent_ms[i] = w.now_ms;
		w.sent[i]++;
		w.largest = f.len > w.largest ? f.len : w.largest;
		w.copies_to_second += f.to.port == 5401;
		ck_assert(f.to.ip[3] == 2 - i);
		f.at_ms = w.now_ms + w.delay_ms;
		ck_assert_uint_lt(w.wire_count, WIRE_MAX);
		if (!w.cut[i])
			w.wire[w.wire_count++] = f;
	}
}

static int receive(size_t i, const struct flight *f)
{
	size_t before = w.sent[i];
	int e = pair_receive(w.node[i], &f->from, f->data, f->len, w.now_ms, wall(i));
	drain(i);
	w.along[i] += w.sent[i] - before;
	return e;
}

static void run(uint64_t ms)
{
	for (uint64_t end = w.now_ms + ms; w.now_ms < end; w.now_ms++) {
		for (size_t k = 0; k < w.wire_count;) {
			struct flight f = w.wire[k];
			size_t to = f.to.ip[3] - 1u;
			if (f.at_ms > w.now_ms || w.deaf[to]) {
				k++;
				continue;
			}
			memmove(&w.wire[k], &w.wire[k + 1], (--w.wire_count - k) * sizeof f);
			if (w.node[to])
				receive(to, &f);
		}
		for (size_t i = 0; i < 2; i++) {
			if (!w.node[i] || w.deaf[i] || pair_deadline(w.node[i]) > w.now_ms)
				continue;
			pair_tick(w.node[i], w.now_ms, wall(i));
			drain(i);
			ck_assert_uint_gt(pair_deadline(w.node[i]), w.now_ms);
		}
	}
}

static struct pair_peer_view view(size_t i)
{
	struct pair_peer_view v;
	pair_peer_get(w.node[i], 0, &v, w.now_ms);
	return v;
}

static void meet(void)
{
	world_init();
	start(0);
	start(1);
	run(2000);
	w.story[0][0] = w.story[1][0] = 0;
	w.sent[0] = w.sent[1] = w.largest = 0;
	w.min_gap_ms = UINT64_MAX;
	w.max_gap_ms = 0;
}

static void write_text(size_t i, uint64_t key, const char *value)
{
	ck_assert_int_eq(pair_write(w.node[i], PAIR_VERDICT, key, value, strlen(value), w.now_ms), 0);
	drain(i);
}

static bool has(size_t i, uint8_t owner, uint64_t key, const char *value)
{
	const struct pair_record *r = pair_find(w.node[i], owner, PAIR_VERDICT, key);
	return r && r->value_len == strlen(value) && memcmp(r->value, value, r->value_len) == 0;
}

/* ---- states ---- */

START_TEST(twins_meet)
{
	world_init();
	start(0);
	ck_assert_int_eq(pair_write(w.node[0], PAIR_VERDICT, 1, "up", 2, w.now_ms), 0);
	run(700);
	ck_assert(!pair_settled(w.node[0], w.now_ms));
	start(1);
	run(500);
	ck_assert(pair_settled(w.node[0], w.now_ms) && pair_settled(w.node[1], w.now_ms));
	ck_assert_str_eq(w.story[0], "syncing + active ");
	ck_assert(has(1, 1, 1, "up"));
	ck_assert(view(0).link == PAIR_ACTIVE && view(0).shelves_equal && view(0).epoch == w.epochs[1]);
	run(3000);
	ck_assert_msg(view(0).rtt_us >= 5000 && view(0).rtt_us <= 8000, "%u", view(0).rtt_us);
	ck_assert_uint_eq(view(0).loss_permille, 0);
	world_deinit();
}
END_TEST

START_TEST(nobody_is_waited_for_longer_than_promised)
{
	world_init();
	start(0);
	run(PAIR_SETTLE_MS - 1);
	ck_assert(!pair_settled(w.node[0], w.now_ms));
	run(2);
	ck_assert(pair_settled(w.node[0], w.now_ms));
	w.conf[1].peer_count = 0;
	start(1);
	ck_assert(pair_settled(w.node[1], w.now_ms));
	world_deinit();
}
END_TEST

START_TEST(a_dead_twin_is_suspected_then_lost_then_back)
{
	meet();
	run(5000); /* the first echoes came at once, and are long forgotten */
	uint32_t suspect = view(0).suspect_ms;
	ck_assert(suspect >= 800 && suspect <= 1200);
	kill_node(1);
	run(suspect - 300);
	ck_assert_str_eq(w.story[0], "");
	run(500);
	ck_assert_str_eq(w.story[0], "suspect ");
	ck_assert(pair_is_fresh(w.node[0], 2, w.now_ms));
	run(suspect + 300);
	ck_assert_str_eq(w.story[0], "suspect lost - ");
	ck_assert(!pair_is_fresh(w.node[0], 2, w.now_ms));
	start(1);
	run(1000);
	ck_assert_str_eq(w.story[0], "suspect lost - syncing + active ");
	world_deinit();
}
END_TEST

START_TEST(a_cut_in_one_direction_is_half)
{
	meet();
	w.cut[0] = true; /* 1 still hears 2, and 2 hears nothing */
	run(5000);
	ck_assert_str_eq(w.story[0], "half ");
	ck_assert_str_eq(w.story[1], "suspect lost - ");
	ck_assert(pair_is_fresh(w.node[0], 2, w.now_ms)); /* its votes count */
	run(6000);
	ck_assert_str_eq(w.story[0], "half - "); /* until the echo is 10 s old */
	w.cut[0] = false;
	run(1000);
	ck_assert_str_eq(w.story[0], "half - active + ");
	ck_assert(view(1).link == PAIR_ACTIVE);
	world_deinit();
}
END_TEST

static void udp_echoes(struct link *l, int count, uint64_t *now_ms)
{
	for (int i = 0; i < count; i++) {
		*now_ms += l->interval_ms;
		link_heard(l, LINK_UDP, *now_ms, *now_ms);
		link_echo(l, LINK_UDP, *now_ms - 1, 0, *now_ms);
		link_heard(l, LINK_TCP, *now_ms, *now_ms);
		link_echo(l, LINK_TCP, *now_ms - 1, 0, *now_ms);
		link_judge(l, *now_ms);
	}
}

/* By TCP only for as long as UDP needs to fall silent, and a little more. */
static void tcp_alone(struct link *l, uint64_t *now_ms)
{
	for (uint64_t until = *now_ms + 2 * link_lost_ms(l); *now_ms < until; *now_ms += l->interval_ms) {
		link_heard(l, LINK_TCP, *now_ms, *now_ms);
		link_echo(l, LINK_TCP, *now_ms - 1, 0, *now_ms);
		link_judge(l, *now_ms);
	}
	ck_assert_int_eq(l->state, PAIR_TCP_ONLY);
}

START_TEST(udp_is_back_with_so_many_echoes_in_a_row)
{
	uint64_t now_ms = 1000;
	struct link l;

	link_init(&l, 200, now_ms);
	l.synced = true;
	tcp_alone(&l, &now_ms);
	udp_echoes(&l, LINK_UDP_BACK - 1, &now_ms);
	ck_assert_int_eq(l.state, PAIR_TCP_ONLY);
	tcp_alone(&l, &now_ms); /* what came before a silence does not count */
	udp_echoes(&l, LINK_UDP_BACK - 1, &now_ms);
	ck_assert_int_eq(l.state, PAIR_TCP_ONLY);
	udp_echoes(&l, 1, &now_ms);
	ck_assert_int_eq(l.state, PAIR_ACTIVE);
}
END_TEST

START_TEST(another_configuration_is_a_mismatch_until_it_is_the_same)
{
	meet();
	w.conf[1].config_digest = 6;
	ck_assert_int_eq(pair_reconfigure(w.node[1], &w.conf[1], w.now_ms), 0);
	drain(1);
	run(500);
	ck_assert_str_eq(w.story[0], "mismatch ");
	ck_assert_str_eq(w.story[1], "mismatch ");
	write_text(0, 1, "up");
	run(50);
	ck_assert(has(1, 1, 1, "up") && pair_is_fresh(w.node[0], 2, w.now_ms));
	w.conf[0].config_digest = 6;
	ck_assert_int_eq(pair_reconfigure(w.node[0], &w.conf[0], w.now_ms), 0);
	drain(0);
	run(500);
	ck_assert_str_eq(w.story[0], "mismatch active ");
	world_deinit();
}
END_TEST

START_TEST(another_key_changes_nothing_is_counted_and_shown)
{
	world_init();
	w.conf[1].key[0] ^= 1;
	start(0);
	start(1);
	write_text(0, 1, "up");
	run(3000);
	ck_assert_str_eq(w.story[0], "incompatible ");
	ck_assert(!has(1, 1, 1, "up") && !pair_is_fresh(w.node[0], 2, w.now_ms) && view(0).heard_ms == 0);
	ck_assert_uint_gt(pair_stats_get(w.node[0])->refused_auth, 10);
	ck_assert_uint_eq(view(0).undecryptable, pair_stats_get(w.node[0])->refused_auth);
	w.conf[1].key[0] ^= 1;
	ck_assert_int_eq(pair_reconfigure(w.node[1], &w.conf[1], w.now_ms), 0);
	run(1000);
	ck_assert(view(0).link == PAIR_ACTIVE && view(1).link == PAIR_ACTIVE && has(1, 1, 1, "up"));
	world_deinit();
}
END_TEST

START_TEST(strangers_do_not_disturb_a_link_that_lives)
{
	meet();
	struct flight f = { .from = address(1, 0), .len = 200, .data = "GEML\2" };
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(receive(0, &f), ERR_VERSION);
		run(20);
	}
	ck_assert_str_eq(w.story[0], "");
	ck_assert_uint_eq(pair_stats_get(w.node[0])->refused_version, 100);
	world_deinit();
}
END_TEST

/* ---- timing ---- */

START_TEST(heartbeats_come_every_interval_within_five_percent)
{
	meet();
	w.cut[1] = true; /* listen to one side only: no answers */
	kill_node(1);
	w.last_sent_ms[0] = 0;
	run(20000);
	ck_assert_msg(w.min_gap_ms >= 190 && w.max_gap_ms <= 210, "%d to %d", (int)w.min_gap_ms, (int)w.max_gap_ms);
	ck_assert_uint_lt(w.min_gap_ms, w.max_gap_ms);
	ck_assert(w.sent[0] >= 95 && w.sent[0] <= 105);
	ck_assert_uint_le(w.largest, 152 + 28); /* nothing new is cheap: plus a pull at most */
	world_deinit();
}
END_TEST

/* Now the one leads, now the other, each about half of the time; with every interval comes one heartbeat of each, and with every
 * change one more. */
START_TEST(a_heartbeat_that_is_nearly_due_goes_along)
{
	meet();
	run(20000);
	memset(w.sent, 0, sizeof w.sent);
	memset(w.along, 0, sizeof w.along);
	run(100000);
	ck_assert_msg(w.along[0] + w.along[1] + 1 >= w.sent[0], "%zu and %zu of %zu", w.along[0], w.along[1], w.sent[0]);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_msg(w.sent[i] >= 490 && w.sent[i] <= 515, "%zu", w.sent[i]);
		ck_assert_msg(w.along[i] >= 200 && w.along[i] <= 310, "%zu", w.along[i]);
	}
	world_deinit();
}
END_TEST

/* While leadership goes from one to the other both go on to hear what they said last: the newest of their stamps that came back is never
 * older than two intervals and a tenth; and none gets more patient by it. */
START_TEST(a_change_of_who_leads_holds_no_echo_up)
{
	meet();
	run(20000);
	for (int i = 0; i < 100000; i++) {
		run(1);
		for (size_t k = 0; k < 2; k++) {
			uint64_t age_ms = w.now_ms - link_echo_ms(&w.node[k]->peers[0].link);
			ck_assert_msg(age_ms <= 2 * 220 + 4 * w.delay_ms, "%d", (int)age_ms);
			ck_assert_uint_le(link_suspect_ms(&w.node[k]->peers[0].link), 4 * 200 + 100);
		}
	}
	world_deinit();
}
END_TEST

/* Where the one who leads falls silent the other speaks for itself, 5 % later than it. */
START_TEST(who_follows_goes_on_alone)
{
	meet();
	run(20000);
	size_t follower = w.along[1] > w.along[0];
	kill_node(1 - follower);
	w.last_sent_ms[follower] = 0;
	w.min_gap_ms = UINT64_MAX;
	w.max_gap_ms = 0;
	run(20000);
	ck_assert_msg(w.min_gap_ms >= 190 && w.max_gap_ms <= 220, "%d to %d", (int)w.min_gap_ms, (int)w.max_gap_ms);
	world_deinit();
}
END_TEST

/* Who is spoken to without end is no source of traffic: an interval less a fifth lies between two, and a little that it is late. */
START_TEST(a_heartbeat_goes_along_only_when_it_is_nearly_due)
{
	meet();
	w.min_gap_ms = UINT64_MAX;
	memset(w.sent, 0, sizeof w.sent);
	for (int i = 0; i < 5000; i++) {
		write_text(1, 1, i % 2 ? "up" : "down");
		w.last_sent_ms[1] = 0; /* listen to one side only */
		run(1);
	}
	ck_assert_uint_gt(w.sent[1], 500);
	ck_assert_msg(w.min_gap_ms >= 150, "%d", (int)w.min_gap_ms);
	ck_assert_msg(w.sent[0] <= 5000 / 150 + 1, "%zu", w.sent[0]);
	world_deinit();
}
END_TEST

START_TEST(a_change_goes_out_at_once_and_changes_of_a_moment_together)
{
	meet();
	uint64_t sent = w.sent[0], at = w.now_ms;
	write_text(0, 1, "up");
	write_text(0, 2, "up");
	run(1);
	write_text(0, 3, "up");
	run(PAIR_COALESCE_MS + w.delay_ms + 1);
	ck_assert_uint_le(w.now_ms - at, 10);
	ck_assert(has(1, 1, 1, "up") && has(1, 1, 2, "up") && has(1, 1, 3, "up"));
	ck_assert_uint_le(w.sent[0] - sent, 2);
	w.min_gap_ms = UINT64_MAX;
	sent = w.sent[0];
	for (int i = 0; i < 100; i++) {
		write_text(0, 1, i % 2 ? "up" : "down");
		run(1);
	}
	ck_assert_uint_le(w.sent[0] - sent, 21 + 3); /* a packet each 5 ms, and heartbeats */
	world_deinit();
}
END_TEST

START_TEST(a_lost_change_comes_again)
{
	meet();
	w.cut[0] = true;
	write_text(0, 1, "up");
	run(20);
	w.cut[0] = false;
	run(215);
	ck_assert(has(1, 1, 1, "up"));
	world_deinit();
}
END_TEST

START_TEST(a_thousand_records_heal_quickly)
{
	char value[25];

	meet();
	w.cut[0] = true;
	for (uint64_t k = 0; k < 1000; k++) {
		snprintf(value, sizeof value, "%024d", (int)k);
		write_text(0, k, value);
	}
	run(100);
	w.cut[0] = false;
	run(210 + 4 * w.delay_ms + 50);
	ck_assert(has(1, 1, 999, value) &&
		  vector_compare(w.node[1]->shelves[1].vector, w.node[0]->shelves[0].vector) == 0);
	ck_assert_uint_le(w.largest, PAIR_PACKET_MAX);
	ck_assert_uint_gt(w.largest, PAIR_PACKET_MAX - 60);
	run(500);
	ck_assert(view(0).shelves_equal);
	world_deinit();
}
END_TEST

/* 80 kB: eight packets a round trip would be ten of those. */
START_TEST(on_a_long_way_what_arrives_is_followed_by_more)
{
	char value[25];

	meet();
	w.delay_ms = 10;
	w.cut[0] = true;
	for (uint64_t k = 0; k < 2000; k++) {
		snprintf(value, sizeof value, "%024d", (int)k);
		write_text(0, k, value);
	}
	run(100);
	w.cut[0] = false;
	uint64_t before = pair_stats_get(w.node[0])->bytes_sent;
	run(210 + 4 * w.delay_ms + 50);
	ck_assert(vector_compare(w.node[1]->shelves[1].vector, w.node[0]->shelves[0].vector) == 0);
	ck_assert_uint_le(pair_stats_get(w.node[0])->bytes_sent - before, 2000 * 40 * 3 / 2); /* nothing went twice but the first */
	world_deinit();
}
END_TEST

START_TEST(the_quiet_pair_is_cheap)
{
	meet();
	uint64_t before = pair_stats_get(w.node[0])->bytes_sent;
	run(60000);
	ck_assert_uint_lt((pair_stats_get(w.node[0])->bytes_sent - before) / 60, 1000);
	ck_assert_str_eq(w.story[0], "");
	world_deinit();
}
END_TEST

START_TEST(two_addresses_get_a_copy_each_and_the_first_wins)
{
	world_init();
	w.peer[0].addr_count = w.peer[1].addr_count = 2;
	start(0);
	start(1);
	write_text(0, 1, "up");
	run(5000);
	ck_assert(view(0).link == PAIR_ACTIVE && has(1, 1, 1, "up"));
	ck_assert(w.copies_to_second > 40 && w.copies_to_second <= w.sent[0]);
	ck_assert_uint_gt(pair_stats_get(w.node[1])->refused_replay, 15);
	ck_assert_uint_eq(view(0).loss_permille, 0);
	world_deinit();
}
END_TEST

START_TEST(a_pause_of_ours_blames_nobody)
{
	meet();
	w.deaf[0] = true; /* does not run; the packets wait in the socket */
	run(1500);
	w.deaf[0] = false;
	run(1000);
	ck_assert_msg(strstr(w.story[0], "suspect") == NULL && strstr(w.story[0], "lost") == NULL, "%s", w.story[0]);
	world_deinit();
}
END_TEST

/* ---- hellos and refusals ---- */

/* The latest packet of node i, as an eavesdropper has it. */
static struct flight overhear(size_t i)
{
	size_t before = w.wire_count;
	struct flight f = { 0 };

	w.delay_ms = 50;
	for (int ms = 0; ms < 300 && f.len == 0; ms++) {
		run(1);
		for (size_t k = 0; k < w.wire_count; k++) {
			if (w.wire[k].from.ip[3] == i + 1)
				f = w.wire[k];
		}
	}
	ck_assert(f.len > 0 && before < WIRE_MAX);
	w.delay_ms = 3;
	return f;
}

START_TEST(hellos_are_answered_sparingly_and_never_with_more)
{
	meet();
	kill_node(1); /* its packets were for the boot of 1 that dies now */
	struct flight f = { 0 };
	start(1);
	f = overhear(1); /* does not know us: a hello */
	uint64_t answers = pair_stats_get(w.node[0])->hello_answers, start_ms = w.now_ms;
	w.cut[1] = true;
	kill_node(1);
	w.wire_count = 0;
	while (w.now_ms < start_ms + 2000) {
		w.largest = 0;
		size_t sent = w.sent[0];
		ck_assert_int_eq(receive(0, &f), ERR_STALE);
		ck_assert(w.sent[0] - sent <= 1 && w.largest <= f.len);
		run(10);
	}
	answers = pair_stats_get(w.node[0])->hello_answers - answers;
	ck_assert_msg(answers >= 5 && answers <= 11, "%d", (int)answers);
	ck_assert(strstr(w.story[0], "syncing") == NULL);
	world_deinit();
}
END_TEST

START_TEST(repeating_old_packets_keeps_nobody_apart)
{
	meet();
	struct flight old[2] = { overhear(0), overhear(1) };
	for (size_t i = 0; i < 2; i++) {
		kill_node(i);
		start(i);
	}
	w.wire_count = 0;
	int ms = 0;
	for (; ms < 20000 && (view(0).link != PAIR_ACTIVE || view(1).link != PAIR_ACTIVE); ms++) {
		if (ms % 20 == 0) { /* ten times an interval, to both */
			receive(0, &old[1]);
			receive(1, &old[0]);
		}
		run(1);
	}
	ck_assert_msg(ms < 20000, "%s", w.story[0]);
	world_deinit();
}
END_TEST

START_TEST(every_refusal_has_its_counter)
{
	meet();
	struct flight good = overhear(1), f;
	w.wire_count = 0;
	const struct pair_stats *s = pair_stats_get(w.node[0]);

	f = good, f.len = 47;
	ck_assert(receive(0, &f) == ERR_SHORT && s->refused_short == 1);
	f = good, f.len--;
	ck_assert(receive(0, &f) == ERR_FORMAT && s->refused_header == 1);
	f = good, f.data[5] = 2;
	ck_assert(receive(0, &f) == ERR_FORMAT && s->refused_header == 2);
	f = good, f.data[15] ^= 1;
	ck_assert(receive(0, &f) == ERR_FORMAT && s->refused_header == 3);
	f = good, f.data[4] = 2;
	ck_assert(receive(0, &f) == ERR_VERSION && s->refused_version == 1);
	f = good, f.data[8] = 77;
	ck_assert(receive(0, &f) == ERR_ABSENT && s->refused_unknown_peer == 1);
	f = good, f.data[9] = 77;
	ck_assert(receive(0, &f) == ERR_ABSENT && s->refused_unknown_peer == 2);
	f = good, f.data[40] ^= 1;
	ck_assert(receive(0, &f) == ERR_AUTH && s->refused_auth == 1);
	f = good, f.from = address(7, 7); /* authentication decides, not the address */
	ck_assert(receive(0, &f) == 0);
	ck_assert(receive(0, &good) == ERR_STALE && s->refused_replay == 1);
	world_deinit();
}
END_TEST

START_TEST(an_overtaken_session_is_refused)
{
	meet();
	struct flight old = overhear(1);
	w.wire_count = 0;
	kill_node(1);
	start(1);
	run(1000);
	ck_assert(view(0).link == PAIR_ACTIVE && view(0).boot == w.boots);
	ck_assert_int_eq(receive(0, &old), ERR_STALE);
	ck_assert_uint_ge(pair_stats_get(w.node[0])->refused_session, 1);
	ck_assert_uint_eq(view(0).boot, w.boots);
	world_deinit();
}
END_TEST

/* ---- epochs ---- */

START_TEST(a_rolled_back_twin_refutes)
{
	meet();
	write_text(1, 1, "up");
	run(300);
	uint64_t before = w.epochs[1];
	kill_node(1);
	w.epochs[1] = 0; /* a wiped disk */
	start(1);
	run(1500);
	ck_assert_str_eq(w.story[1], "refute! syncing active + ");
	ck_assert_uint_gt(pair_epoch(w.node[1]), before);
	ck_assert_uint_eq(pair_stats_get(w.node[1])->refutes, 1);
	ck_assert(view(0).link == PAIR_ACTIVE && view(0).shelves_equal);
	ck_assert(!pair_find(w.node[0], 2, PAIR_VERDICT, 1)); /* it does not know it any more, so nobody does */
	world_deinit();
}
END_TEST

START_TEST(nothing_is_sent_until_the_epoch_is_on_disk)
{
	meet();
	w.refuse_epoch = 1;
	w.wall_off_ms[0] += 86400000; /* somebody set the clock */
	run(1000);
	ck_assert(strstr(w.story[0], "tilt!") && pair_wants_epoch(w.node[0]) >> 32 == (w.epochs[0] >> 32) + 1);
	size_t sent = w.sent[0];
	run(1000);
	ck_assert_uint_eq(w.sent[0], sent);
	write_text(0, 1, "up");
	w.refuse_epoch = 0;
	drain(0);
	run(1500);
	ck_assert(w.sent[0] > sent && view(1).link == PAIR_ACTIVE && view(1).epoch == w.epochs[0] &&
		  has(1, 1, 1, "up"));
	ck_assert(strstr(w.story[1], "skew!") != NULL);
	ck_assert_uint_eq(pair_stats_get(w.node[1])->skews, 1);
	world_deinit();
}
END_TEST

/* Whoever of them follows the other's heartbeats: to wait for the disk is nobody's delay. */
START_TEST(who_waits_for_its_epoch_does_not_blame_itself)
{
	for (size_t i = 0; i < 2; i++) {
		meet();
		w.refuse_epoch = 1;
		w.wall_off_ms[i] += 86400000;
		run(3000);
		ck_assert(pair_wants_epoch(w.node[i]) && !pair_wants_epoch(w.node[1 - i]));
		ck_assert_uint_le(pair_lhm(w.node[i]), 1); /* the other tells it that it is deaf, once */
		world_deinit();
	}
}
END_TEST

START_TEST(useless_epochs_are_ignored)
{
	meet();
	uint64_t epoch = pair_epoch(w.node[0]);
	pair_set_epoch(w.node[0], epoch, 99, w.now_ms);
	pair_set_epoch(w.node[0], epoch - 1, 99, w.now_ms);
	pair_set_epoch(w.node[0], epoch + 1, 0, w.now_ms);
	ck_assert(pair_epoch(w.node[0]) == epoch && w.node[0]->boot != 99);
	world_deinit();
}
END_TEST

START_TEST(a_duplicate_id_is_told_and_rests)
{
	meet();
	struct pair_peer *by = &w.node[0]->peers[0];
	for (int i = 0; i < 3; i++) {
		pair_refute(w.node[0], by, pair_epoch(w.node[0]) + 1, w.now_ms);
		drain(0);
		run(100);
	}
	ck_assert(!strstr(w.story[0], "duplicate!"));
	pair_refute(w.node[0], by, pair_epoch(w.node[0]) + 1, w.now_ms);
	pair_refute(w.node[0], by, pair_epoch(w.node[0]) + 1, w.now_ms);
	ck_assert_uint_eq(pair_wants_epoch(w.node[0]), 0);
	drain(0);
	ck_assert_str_eq(w.story[0], "refute! refute! refute! duplicate! ");
	ck_assert_uint_eq(pair_stats_get(w.node[0])->duplicates, 1);
	run(PAIR_REFUTE_SPAN_MS + 1000);
	pair_refute(w.node[0], by, pair_epoch(w.node[0]) + 1, w.now_ms);
	ck_assert_uint_ne(pair_wants_epoch(w.node[0]), 0);
	world_deinit();
}
END_TEST

START_TEST(divergence_is_told_and_healed)
{
	meet();
	write_text(0, 1, "up");
	run(500);
	struct shelf *copy = &w.node[1]->shelves[1]; /* as a fault of memory might leave it */
	struct pair_record wrong = copy->current.first->r;
	wrong.value = (const uint8_t *)"??";
	wrong.value_len = 2;
	copy->vector.seq--;
	wrong.seq++;
	wrong.key++;
	ck_assert_int_eq(shelf_join(copy, &wrong), 0);
	copy->vector = w.node[0]->shelves[0].vector;
	copy->current.last->r.seq = copy->vector.seq;
	run(2500);
	ck_assert(strstr(w.story[1], "divergence! ") && view(1).link == PAIR_ACTIVE && view(1).shelves_equal);
	ck_assert(has(1, 1, 1, "up") && !pair_find(w.node[1], 1, PAIR_VERDICT, wrong.key));
	ck_assert_uint_eq(pair_stats_get(w.node[1])->divergences, 1);
	world_deinit();
}
END_TEST

/* ---- configuration ---- */

START_TEST(broken_configurations_are_refused)
{
	struct pair_peer_conf peers[7] = { 0 };
	struct pair *p = NULL;
	struct pair_conf good, c;

	world_init();
	good = c = w.conf[0];
	static const uint32_t intervals[] = { 0, 99, 1001 };
	for (size_t i = 0; i < 3; i++) {
		c.interval_ms = intervals[i];
		ck_assert_int_eq(pair_new(&p, &c, 1, 1, 0, 0), ERR_RANGE);
	}
	c = good;
	ck_assert_int_eq(pair_new(&p, &c, 0, 1, 0, 0), ERR_RANGE);
	ck_assert_int_eq(pair_new(&p, &c, 1, 0, 0, 0), ERR_RANGE);
	c.peers = peers;
	c.peer_count = 7;
	ck_assert_int_eq(pair_new(&p, &c, 1, 1, 0, 0), ERR_RANGE);
	for (uint8_t i = 0; i < 7; i++)
		peers[i] = (struct pair_peer_conf){ (uint8_t)(i + 2), { address(1, 0) }, 1 };
	c.peer_count = 6;
	peers[5].id = 2; /* twice */
	ck_assert_int_eq(pair_new(&p, &c, 1, 1, 0, 0), ERR_RANGE);
	peers[5].id = 1; /* ourselves */
	ck_assert_int_eq(pair_new(&p, &c, 1, 1, 0, 0), ERR_RANGE);
	peers[5] = (struct pair_peer_conf){ 99, { { 0 } }, 0 };
	ck_assert_int_eq(pair_new(&p, &c, 1, 1, 0, 0), ERR_RANGE);
	ck_assert_ptr_null(p);
}
END_TEST

START_TEST(a_peer_that_is_configured_away_takes_its_records_along)
{
	struct pair_record r;
	struct pair_conf c;
	size_t pos = 0;

	meet();
	write_text(1, 1, "up");
	run(300);
	ck_assert_ptr_nonnull(pair_walk(w.node[0], PAIR_VERDICT, &pos));
	c = w.conf[0];
	c.peer_count = 0;
	ck_assert_int_eq(pair_reconfigure(w.node[0], &c, w.now_ms), 0);
	ck_assert(pair_next_change(w.node[0], &r) && r.owner == 2 && r.key == 1 && r.value_len == 0);
	ck_assert(pair_peers(w.node[0]) == 0 && pair_deadline(w.node[0]) == UINT64_MAX);
	pos = 0;
	ck_assert_ptr_null(pair_walk(w.node[0], PAIR_VERDICT, &pos));
	ck_assert_int_eq(pair_reconfigure(w.node[0], &w.conf[0], w.now_ms), 0);
	run(2000);
	ck_assert(view(0).link == PAIR_ACTIVE && has(0, 2, 1, "up"));
	world_deinit();
}
END_TEST

START_TEST(writes_out_of_bounds_are_refused)
{
	uint8_t value[PAIR_VALUE_MAX + 1] = { 0 };

	meet();
	ck_assert_int_eq(pair_write(w.node[0], PAIR_KIND_NONE, 1, value, 1, w.now_ms), ERR_RANGE);
	ck_assert_int_eq(pair_write(w.node[0], PAIR_ADMIN, 1, value, sizeof value, w.now_ms), ERR_RANGE);
	ck_assert_int_eq(pair_write(w.node[0], PAIR_ADMIN, 1, value, PAIR_VALUE_MAX, w.now_ms), 0);
	drain(0);
	run(20);
	ck_assert_uint_eq(pair_find(w.node[1], 1, PAIR_ADMIN, 1)->value_len, PAIR_VALUE_MAX);
	world_deinit();
}
END_TEST

int main(void)
{
	const TTest *tests[] = { twins_meet,
				 nobody_is_waited_for_longer_than_promised,
				 a_dead_twin_is_suspected_then_lost_then_back,
				 a_cut_in_one_direction_is_half,
				 udp_is_back_with_so_many_echoes_in_a_row,
				 another_configuration_is_a_mismatch_until_it_is_the_same,
				 another_key_changes_nothing_is_counted_and_shown,
				 strangers_do_not_disturb_a_link_that_lives,
				 heartbeats_come_every_interval_within_five_percent,
				 a_heartbeat_that_is_nearly_due_goes_along,
				 a_change_of_who_leads_holds_no_echo_up,
				 who_follows_goes_on_alone,
				 a_heartbeat_goes_along_only_when_it_is_nearly_due,
				 a_change_goes_out_at_once_and_changes_of_a_moment_together,
				 a_lost_change_comes_again,
				 a_thousand_records_heal_quickly,
				 on_a_long_way_what_arrives_is_followed_by_more,
				 the_quiet_pair_is_cheap,
				 two_addresses_get_a_copy_each_and_the_first_wins,
				 a_pause_of_ours_blames_nobody,
				 hellos_are_answered_sparingly_and_never_with_more,
				 repeating_old_packets_keeps_nobody_apart,
				 every_refusal_has_its_counter,
				 an_overtaken_session_is_refused,
				 a_rolled_back_twin_refutes,
				 nothing_is_sent_until_the_epoch_is_on_disk,
				 who_waits_for_its_epoch_does_not_blame_itself,
				 useless_epochs_are_ignored,
				 a_duplicate_id_is_told_and_rests,
				 divergence_is_told_and_healed,
				 broken_configurations_are_refused,
				 a_peer_that_is_configured_away_takes_its_records_along,
				 writes_out_of_bounds_are_refused };
	if (sodium_init() < 0)
		return EXIT_FAILURE;
	return unit_run("pair_link", tests, sizeof tests / sizeof *tests);
}
