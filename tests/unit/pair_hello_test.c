/* What an answer to a hello may cost, and whom it goes to.
 *
 *     hellos    a        b c d e                a: answered at once
 *     answers   A        ┆       X              X: to one of b, c, d, e, drawn by lot, an interval after A
 *               ├─── an interval ──┤
 *
 * Who repeats a packet makes no more traffic than he sends, and has no more of the answers than his share: else he could keep
 * apart two that both started anew. The hellos are made by hand, of any length.
 */
#include "tests/unit/pair_world.h"

#define BOOT 9000u /* of the hellos, and more */
#define INTERVAL_MS 200

static size_t length(size_t entries)
{
	return PAIR_HEADER_LEN + PAIR_BEAT_LEN + PAIR_ENTRY_LEN * entries + PAIR_TAG_LEN;
}

/* As node 1 would say it to node 0 after a start, with so many entries. */
static size_t make_hello(uint8_t out[PAIR_PACKET_MAX], uint64_t boot, size_t entries, enum seal_transport way)
{
	uint8_t plain[PAIR_PLAIN_MAX];
	struct seal_keys keys;
	struct wbuf t;
	struct pair_header h = { .version = PAIR_VERSION, .type = PAIR_TYPE_BEAT, .key_id = w.node[0]->key_ids[0],
				 .flags = way == SEAL_TCP ? PAIR_FLAG_TCP : 0, .src = 2, .dst = 1, .cluster = seal_cluster("demo"),
				 .boot = boot, .counter = 1 };
	struct pair_beat b = { .epoch = (uint64_t)1 << 32, .interval_ms = INTERVAL_MS, .version_min = PAIR_VERSION,
			       .version_max = PAIR_VERSION, .entry_count = (uint8_t)entries };
	wbuf_init(&t, plain, sizeof plain);
	beat_put(&t, &b);
	for (size_t i = 0; i < entries; i++)
		entry_put(&t, &(struct pair_entry){ .owner = (uint8_t)(i + 1), .age_10ms = PAIR_AGE_UNKNOWN });
	seal_keys_derive(&keys, w.conf[1].key, way, 2, 1);
	return seal_packet(out, &h, plain, t.len, keys.send);
}

/* What node 0 said in it. */
static struct pair_beat open_answer(const uint8_t *packet, size_t len, enum seal_transport way, struct pair_entry *first)
{
	static uint8_t plain[PAIR_PLAIN_MAX];
	struct seal_keys keys;
	struct pair_header h;
	struct pair_beat b;
	seal_keys_derive(&keys, w.conf[1].key, way, 2, 1);
	ck_assert_int_eq(header_decode(&h, packet, len), 0);
	ck_assert_int_eq(seal_open(plain, &h, packet, keys.receive), 0);
	ck_assert_int_eq(beat_decode(&b, plain, h.text_len), 0);
	if (b.entry_count > 0)
		beat_entry(&b, 0, first);
	return b;
}

/* Node 0 alone, which knew all the others once. */
static void be_left_alone(size_t nodes)
{
	meet(nodes);
	for (size_t i = 1; i < nodes; i++) {
		kill_node(i);
		cut_tcp(0, i, true);
	}
	run(20000);
	w.deaf[1] = true; /* what is sent to it stays on the wire */
	w.wire_count = 0;
}

static void say(uint64_t boot, size_t entries)
{
	uint8_t hello[PAIR_PACKET_MAX];
	struct addr from = address(1);
	size_t len = make_hello(hello, boot, entries, SEAL_UDP);
	ck_assert_uint_eq(len, length(entries));
	ck_assert_int_eq(pair_receive(w.node[0], &from, hello, len, w.now_ms, WALL + w.now_ms), ERR_STALE);
	drain(0);
}

/* Takes the packets on the wire; the one that answers one of those hellos, NULL = there is none. More than one is a fault. */
static const struct flight *answer(uint64_t *boot, size_t *entries, struct pair_entry *first)
{
	static struct flight found;
	size_t n = 0;
	for (size_t k = 0; k < w.wire_count; k++) {
		struct pair_beat b;
		if (w.wire[k].to != 1)
			continue;
		b = open_answer(w.wire[k].data, w.wire[k].len, SEAL_UDP, first);
		if (b.your_boot < BOOT)
			continue;
		found = w.wire[k];
		*boot = b.your_boot;
		*entries = b.entry_count;
		n++;
	}
	w.wire_count = 0;
	ck_assert_uint_le(n, 1);
	return n ? &found : NULL;
}

/* A mesh has more to say than who starts anew; what does not fit is left out, but never what the asker is known by. */
START_TEST(an_answer_is_never_longer_than_the_hello)
{
	be_left_alone(NODES);
	for (size_t entries = 0; entries <= NODES; entries++) {
		struct pair_entry first = { 0 };
		uint64_t boot = 0;
		size_t said = 0;
		run(2 * INTERVAL_MS);
		w.wire_count = 0;
		say(BOOT + entries, entries);
		const struct flight *a = answer(&boot, &said, &first);
		ck_assert_msg(a, "%zu entries: no answer", entries);
		ck_assert_uint_eq(boot, BOOT + entries);
		ck_assert_uint_eq(a->len, length(entries));
		ck_assert_uint_eq(said, entries);
		ck_assert(entries == 0 || (first.owner == 2 && first.vector.epoch == w.epochs[1]));
	}
	world_deinit();
}
END_TEST

START_TEST(nor_is_one_to_an_old_session)
{
	uint8_t old[PAIR_PACKET_MAX];
	struct pair_entry first = { 0 };
	uint64_t boot = 0;
	size_t said = 0;
	be_left_alone(NODES);
	size_t len = make_hello(old, BOOT, 2, SEAL_UDP);
	struct seal_keys keys;
	struct pair_header h;
	uint8_t plain[PAIR_PLAIN_MAX];
	seal_keys_derive(&keys, w.conf[1].key, SEAL_UDP, 2, 1);
	ck_assert_int_eq(header_decode(&h, old, len), 0);
	seal_keys_derive(&keys, w.conf[1].key, SEAL_UDP, 1, 2);
	ck_assert_int_eq(seal_open(plain, &h, old, keys.receive), 0);
	store_u64(plain, w.node[0]->boot); /* it is for us, and of an epoch that was over long ago */
	store_u64(plain + 8, 1);
	seal_keys_derive(&keys, w.conf[1].key, SEAL_UDP, 2, 1);
	len = seal_packet(old, &h, plain, h.text_len, keys.send);
	struct addr from = address(1);
	uint64_t refused = pair_stats_get(w.node[0])->refused_session;
	ck_assert_int_eq(pair_receive(w.node[0], &from, old, len, w.now_ms, WALL + w.now_ms), ERR_STALE);
	ck_assert_uint_eq(pair_stats_get(w.node[0])->refused_session, refused + 1);
	drain(0);
	const struct flight *a = answer(&boot, &said, &first);
	ck_assert(a && a->len == len && boot == BOOT && first.owner == 2);
	world_deinit();
}
END_TEST

START_TEST(nor_is_one_by_a_connection)
{
	be_left_alone(NODES);
	for (size_t entries = 0; entries <= NODES; entries++) {
		uint8_t frame[PAIR_FRAME_LEN + PAIR_PACKET_MAX];
		struct addr from = address(1);
		struct pair_stream s;
		struct pair_entry first = { 0 };
		uint32_t id = PAIR_STREAM_ACCEPTED | (uint32_t)(100 + entries);
		size_t answers = 0;
		from.port = 40000;
		run(2 * INTERVAL_MS);
		pair_stream_accept(w.node[0], id, &from, w.now_ms);
		drain(0);
		size_t len = make_hello(frame + PAIR_FRAME_LEN, BOOT + entries, entries, SEAL_TCP);
		store_u16(frame, (uint16_t)len);
		pair_stream_receive(w.node[0], id, frame, PAIR_FRAME_LEN + len, w.now_ms, WALL + w.now_ms);
		while (pair_next_stream(w.node[0], &s, w.now_ms, WALL + w.now_ms)) {
			if (s.op != PAIR_STREAM_SEND || s.id != id)
				continue;
			struct pair_beat b = open_answer(s.data + PAIR_FRAME_LEN, s.len - PAIR_FRAME_LEN, SEAL_TCP, &first);
			ck_assert_uint_eq(b.your_boot, BOOT + entries);
			ck_assert_uint_eq(s.len, PAIR_FRAME_LEN + len);
			answers++;
		}
		ck_assert_uint_eq(answers, 1);
		pair_stream_end(w.node[0], id, w.now_ms);
		drain(0);
	}
	world_deinit();
}
END_TEST

/* Each of them has its share, and the answer is as long as the one that was drawn allows, not another. */
START_TEST(of_those_within_an_interval_one_is_drawn_by_lot)
{
	enum { ASKERS = 4, ROUNDS = 400 };
	unsigned drawn[ASKERS] = { 0 };
	struct pair_entry first = { 0 };
	be_left_alone(NODES);
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t boot = 0, answers;
		size_t said = 0;
		const struct flight *a;
		run(2 * INTERVAL_MS);
		w.wire_count = 0;
		say(BOOT, 3);
		ck_assert(answer(&boot, &said, &first) && boot == BOOT); /* nobody asked for long: at once */
		answers = pair_stats_get(w.node[0])->hello_answers;
		uint64_t due_ms = w.now_ms + INTERVAL_MS;
		for (size_t i = 0; i < ASKERS; i++) {
			run(10);
			say(BOOT + 1 + i, i);
		}
		run(due_ms - w.now_ms);
		ck_assert_ptr_null(answer(&boot, &said, &first)); /* not before the interval is over */
		run(INTERVAL_MS - 1);
		a = answer(&boot, &said, &first);
		ck_assert(a && boot > BOOT && boot <= BOOT + ASKERS);
		drawn[boot - BOOT - 1]++;
		ck_assert_uint_eq(a->len, length(boot - BOOT - 1));
		ck_assert_uint_eq(pair_stats_get(w.node[0])->hello_answers, answers + 1);
	}
	for (int i = 0; i < ASKERS; i++)
		ck_assert_msg(drawn[i] > ROUNDS / ASKERS / 2 && drawn[i] < ROUNDS / ASKERS * 2, "hello %d: %u of %d", i, drawn[i], ROUNDS);
	world_deinit();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		an_answer_is_never_longer_than_the_hello, nor_is_one_to_an_old_session, nor_is_one_by_a_connection,
		of_those_within_an_interval_one_is_drawn_by_lot
	};
	return unit_run("pair_hello", tests, sizeof tests / sizeof *tests);
}
