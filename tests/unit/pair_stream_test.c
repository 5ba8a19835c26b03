/* Up to seven nodes on a virtual network of datagrams and connections, each of which the tests cut: TCP as the way when UDP
 * is blocked and for what is too much for datagrams, who may keep a connection, and what strangers can do; what nodes tell of
 * themselves and of each other. Time is moved by hand.
 */
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include "pair/state.h"
#include "tests/unit/unit.h"

#define WALL 1700000000000u
#define NODES PAIR_NODES_MAX
#define WIRE_MAX 2048
#define PIPES_MAX 64

struct flight {
	uint64_t at_ms;
	size_t from, to;
	struct addr source;
	size_t len;
	uint8_t data[PAIR_PACKET_MAX];
};
/* A connection: end 0 opened it. Octets on their way are kept whole, in order. */
struct pipe {
	bool used, open;
	size_t node[2];
	uint32_t id[2]; /* 0 = this end is closed */
	uint64_t opens_ms;
	struct { uint64_t at_ms; size_t len; uint8_t data[2 + PAIR_PACKET_MAX]; } *way[2];
	size_t count[2], undrained[2];
};
static struct world {
	size_t nodes;
	uint64_t now_ms, delay_ms, boots, epochs[NODES];
	struct pair *node[NODES];
	struct pair_conf conf[NODES];
	struct pair_peer_conf peer[NODES][NODES];
	bool cut[NODES][NODES];     /* datagrams from, to */
	bool no_tcp[NODES][NODES];  /* connections by, with: octets wait for ever, new ones do not come to be */
	bool deaf[NODES];           /* does not run; what comes waits */
	bool no_reading;            /* nobody takes octets */
	struct flight wire[WIRE_MAX];
	size_t wire_count;
	struct pipe pipes[PIPES_MAX];
	uint32_t accepted;
	char story[NODES][1024];
	size_t opened, closed, stream_octets, datagrams;
	uint64_t last_stream_ms, stream_gap_ms;
} w;

static struct addr address(size_t i)
{
	return (struct addr){ .family = 4, .ip = { 127, 0, 0, (uint8_t)(i + 1) }, .port = 5400 };
}

static void start(size_t i)
{
	w.epochs[i] += (uint64_t)1 << 32;
	ck_assert_int_eq(pair_new(&w.node[i], &w.conf[i], ++w.boots, w.epochs[i], w.now_ms, WALL + w.now_ms), 0);
}

static void world_init(size_t nodes)
{
	memset(&w, 0, sizeof w);
	w.nodes = nodes;
	w.now_ms = 10000;
	w.delay_ms = 3;
	for (size_t i = 0; i < nodes; i++) {
		w.conf[i] = (struct pair_conf){ .self_id = (uint8_t)(i + 1), .cluster = "demo", .key = "a key",
						.interval_ms = 200, .config_digest = 5, .peers = w.peer[i] };
		for (size_t k = 0; k < nodes; k++) {
			if (k != i)
				w.peer[i][w.conf[i].peer_count++] =
					(struct pair_peer_conf){ (uint8_t)(k + 1), { address(k) }, 1 };
		}
	}
	for (size_t i = 0; i < PIPES_MAX; i++) {
		for (size_t k = 0; k < 2; k++)
			w.pipes[i].way[k] = calloc(256, sizeof *w.pipes[i].way[k]);
	}
}

static void world_deinit(void)
{
	for (size_t i = 0; i < NODES; i++)
		pair_free(w.node[i]);
	for (size_t i = 0; i < PIPES_MAX; i++) {
		free(w.pipes[i].way[0]);
		free(w.pipes[i].way[1]);
	}
}

/* ---- connections ---- */

static struct pipe *pipe_of(size_t node, uint32_t id, size_t *end)
{
	for (size_t i = 0; i < PIPES_MAX; i++) {
		for (*end = 0; *end < 2; ++*end) {
			if (w.pipes[i].used && w.pipes[i].node[*end] == node && w.pipes[i].id[*end] == id)
				return &w.pipes[i];
		}
	}
	return NULL;
}

static struct pipe *new_pipe(size_t from, size_t to, uint32_t id)
{
	for (size_t i = 0; i < PIPES_MAX; i++) {
		struct pipe *k = &w.pipes[i];
		if (k->used)
			continue;
		k->used = true;
		k->open = false;
		k->node[0] = from, k->node[1] = to;
		k->id[0] = id, k->id[1] = 0;
		k->opens_ms = w.now_ms + 2 * w.delay_ms;
		k->count[0] = k->count[1] = k->undrained[0] = k->undrained[1] = 0;
		w.opened++;
		return k;
	}
	ck_abort_msg("too many connections");
	return NULL;
}

static void drain(size_t i);

static void end_pipe(struct pipe *k, size_t by)
{
	size_t other = k->node[!by];
	uint32_t id = k->id[!by];

	k->used = false;
	w.closed++;
	if (id && other < NODES && w.node[other]) {
		pair_stream_end(w.node[other], id, w.now_ms);
		drain(other);
	}
}

static void write_pipe(struct pipe *k, size_t end, const uint8_t *data, size_t len)
{
	size_t n = k->count[end];

	ck_assert_uint_lt(n, 256);
	k->way[end][n].at_ms = w.now_ms + w.delay_ms;
	k->way[end][n].len = len;
	memcpy(k->way[end][n].data, data, len);
	k->count[end]++;
	w.stream_octets += len;
	if (w.last_stream_ms && end == 0 && w.now_ms - w.last_stream_ms > w.stream_gap_ms)
		w.stream_gap_ms = w.now_ms - w.last_stream_ms;
	if (end == 0)
		w.last_stream_ms = w.now_ms;
}

static void carry_out(size_t i, const struct pair_stream *s)
{
	size_t end = 0;
	struct pipe *k = pipe_of(i, s->id, &end);

	switch (s->op) {
	case PAIR_STREAM_OPEN:
		ck_assert(!k && s->to.ip[3] != i + 1 && s->to.port == 5400);
		new_pipe(i, s->to.ip[3] - 1u, s->id);
		break;
	case PAIR_STREAM_SEND:
		if (k)
			write_pipe(k, end, s->data, s->len);
		break;
	case PAIR_STREAM_CLOSE:
		if (k)
			end_pipe(k, end);
		break;
	case PAIR_STREAM_NONE:
		ck_abort();
	}
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

static void drain(size_t i)
{
	struct pair *p = w.node[i];
	struct pair_stream s;
	struct pair_record r;
	struct pair_event e;
	struct addr to;
	struct flight f = { .from = i, .source = address(i) };

	while (pair_next_change(p, &r))
		continue;
	while (pair_next_event(p, &e)) {
		if (e.type == PAIR_EVENT_LINK && e.bye)
			tell(i, "bye ");
		else if (e.type == PAIR_EVENT_LINK)
			tell(i, "%s ", pair_link_state_text(e.to));
		else if (e.type == PAIR_EVENT_FRESH)
			tell(i, e.fresh ? "+ " : "- ");
		else
			tell(i, "event%d! ", e.type);
	}
	if (pair_wants_epoch(p)) {
		w.epochs[i] = pair_wants_epoch(p) | 7;
		pair_set_epoch(p, w.epochs[i], ++w.boots, w.now_ms);
	}
	while (pair_next_packet(p, &to, f.data, &f.len, w.now_ms, WALL + w.now_ms)) {
		f.to = to.ip[3] - 1u;
		f.at_ms = w.now_ms + w.delay_ms;
		ck_assert_uint_lt(w.wire_count, WIRE_MAX);
		w.datagrams++;
		if (!w.cut[i][f.to])
			w.wire[w.wire_count++] = f;
	}
	while (pair_next_stream(p, &s, w.now_ms, WALL + w.now_ms))
		carry_out(i, &s);
}

static void run_datagrams(void)
{
	for (size_t k = 0; k < w.wire_count;) {
		struct flight f = w.wire[k];
		if (f.at_ms > w.now_ms || w.deaf[f.to]) {
			k++;
			continue;
		}
		memmove(&w.wire[k], &w.wire[k + 1], (--w.wire_count - k) * sizeof f);
		if (w.node[f.to]) {
			pair_receive(w.node[f.to], &f.source, f.data, f.len, w.now_ms, WALL + w.now_ms);
			drain(f.to);
		}
	}
}

/* One step of a connection; true where it did something. */
static bool run_pipe(struct pipe *k)
{
	if (!k->used || w.no_tcp[k->node[0]][k->node[1]])
		return false;
	if (!k->open) {
		if (w.now_ms < k->opens_ms)
			return false;
		if (!w.node[k->node[1]]) {
			end_pipe(k, 1);
			return true;
		}
		struct addr from = address(k->node[0]);
		from.port = (uint16_t)(40000 + k->id[0]);
		k->open = true;
		k->id[1] = PAIR_STREAM_ACCEPTED | ++w.accepted;
		pair_stream_accept(w.node[k->node[1]], k->id[1], &from, w.now_ms);
		drain(k->node[1]);
		if (k->used && w.node[k->node[0]]) {
			pair_stream_open(w.node[k->node[0]], k->id[0], w.now_ms);
			drain(k->node[0]);
		}
		return true;
	}
	for (size_t end = 0; end < 2; end++) {
		size_t to = k->node[!end];
		if (k->count[end] == 0 || k->way[end][0].at_ms > w.now_ms || w.no_reading || !w.node[to])
			continue;
		uint8_t data[2 + PAIR_PACKET_MAX];
		size_t len = k->way[end][0].len, cut = len > 40 ? 37 : 1; /* never as they were written */
		memcpy(data, k->way[end][0].data, len);
		memmove(&k->way[end][0], &k->way[end][1], --k->count[end] * sizeof k->way[end][0]);
		bool last = k->count[end] == 0;
		uint32_t id = k->id[!end], sender = k->id[end];
		pair_stream_receive(w.node[to], id, data, cut, w.now_ms, WALL + w.now_ms);
		pair_stream_receive(w.node[to], id, data + cut, len - cut, w.now_ms, WALL + w.now_ms);
		drain(to);
		if (last && k->used && k->id[end] == sender && w.node[k->node[end]]) {
			pair_stream_drained(w.node[k->node[end]], sender, w.now_ms);
			drain(k->node[end]);
		}
		return true;
	}
	return false;
}

static void run(uint64_t ms)
{
	for (uint64_t end = w.now_ms + ms; w.now_ms < end; w.now_ms++) {
		run_datagrams();
		for (size_t i = 0; i < PIPES_MAX; i++) {
			while (run_pipe(&w.pipes[i]))
				continue;
		}
		for (size_t i = 0; i < w.nodes; i++) {
			if (!w.node[i] || w.deaf[i] || pair_deadline(w.node[i]) > w.now_ms)
				continue;
			pair_tick(w.node[i], w.now_ms, WALL + w.now_ms);
			drain(i);
			ck_assert_msg(pair_deadline(w.node[i]) > w.now_ms, "node %d wants a timer in the past", (int)i);
		}
	}
}

static void kill_node(size_t i)
{
	pair_free(w.node[i]);
	w.node[i] = NULL;
	for (size_t k = 0; k < PIPES_MAX; k++) {
		for (size_t end = 0; end < 2; end++) {
			if (w.pipes[k].used && w.pipes[k].node[end] == i)
				end_pipe(&w.pipes[k], end);
		}
	}
}

static void cut_udp(size_t a, size_t b, bool cut)
{
	w.cut[a][b] = w.cut[b][a] = cut;
}

static void cut_tcp(size_t a, size_t b, bool cut)
{
	w.no_tcp[a][b] = w.no_tcp[b][a] = cut;
}

static struct pair_peer_view view(size_t i, size_t of)
{
	struct pair_peer_view v = { 0 };
	for (size_t k = 0; k < pair_peers(w.node[i]); k++) {
		pair_peer_get(w.node[i], k, &v, w.now_ms);
		if (v.id == of + 1)
			return v;
	}
	ck_abort_msg("no such peer");
	return v;
}

static void hush(void)
{
	memset(w.story, 0, sizeof w.story);
	w.opened = w.closed = w.stream_octets = w.datagrams = 0;
	w.last_stream_ms = w.stream_gap_ms = 0;
}

static void meet(size_t nodes)
{
	world_init(nodes);
	for (size_t i = 0; i < nodes; i++)
		start(i);
	run(3000);
	for (size_t i = 0; i < nodes; i++) {
		for (size_t k = 0; k < nodes; k++)
			ck_assert(i == k || view(i, k).link == PAIR_ACTIVE);
	}
	ck_assert_uint_eq(w.opened, 0); /* nobody needs TCP while UDP works */
	hush();
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

static size_t pipes(void)
{
	size_t n = 0;
	for (size_t i = 0; i < PIPES_MAX; i++)
		n += w.pipes[i].used;
	return n;
}

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
	heard[2 + 7] = 0; /* nor is it one of the other transport */
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
	f.source = address(1); /* its address, forged */
	for (int i = 0; i < 5000; i++)
		pair_receive(w.node[0], &f.source, f.data, f.len, w.now_ms, WALL + w.now_ms);
	ck_assert_uint_eq(s->refused_auth - before, GATE_PEER_A_SECOND);
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

int main(void)
{
	const TTest *tests[] = { where_udp_is_blocked_the_link_goes_on_by_tcp,
				 udp_blocked_in_one_direction_is_tcp_only_too,
				 twins_that_never_had_udp_meet_by_tcp,
				 one_direction_of_connections_is_enough,
				 without_udp_and_tcp_the_twin_is_lost_and_comes_back_by_either,
				 a_twin_that_dies_behind_tcp_is_known_at_once,
				 what_is_too_much_for_datagrams_goes_by_tcp,
				 where_no_connection_comes_to_be_datagrams_bring_it_all,
				 a_connection_that_hangs_gives_way_to_datagrams,
				 news_do_not_wait_for_the_bulk,
				 of_two_connections_both_keep_the_same,
				 strangers_are_few_and_short_lived,
				 the_first_packet_that_is_not_ours_ends_a_stranger,
				 repeated_packets_prove_nothing,
				 a_hello_by_tcp_is_answered_there_and_with_no_more,
				 a_peer_that_is_configured_away_loses_its_connection,
				 who_is_late_itself_is_more_patient_with_others,
				 a_twin_that_is_stopped_is_lost_at_once,
				 what_comes_after_a_bye_is_too_late,
				 a_bye_of_another_life_ends_nothing,
				 a_bye_goes_by_tcp_too,
				 a_twin_that_others_hear_is_not_lost,
				 an_answer_for_another_life_proves_nothing,
				 self_states_as_in_the_chart,
				 a_flood_is_opened_so_often_a_second_and_no_more,
				 who_drowns_the_datagrams_drives_the_link_to_tcp,
				 tombstones_go_once_every_node_has_them,
				 a_node_that_is_away_keeps_them_and_has_them_when_it_comes_back };
	if (sodium_init() < 0)
		return EXIT_FAILURE;
	return unit_run("pair_stream", tests, sizeof tests / sizeof *tests);
}
