/* Up to seven nodes on a virtual network of datagrams and connections, each of which a test cuts. Time is moved by hand. Each
 * test file has a world of its own.
 *
 *     meet(3) ─▶ cut_udp(0, 1, true) ─▶ run(6000) ─▶ w.story[0] is "suspect tcp-only "
 */
#ifndef GEMEL_TESTS_PAIR_WORLD_H
#define GEMEL_TESTS_PAIR_WORLD_H
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
	bool stuck; /* its way is dead, and nobody says so */
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
	int64_t wall_off_ms[NODES]; /* how far its wall clock is off */
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

static inline struct addr address(size_t i)
{
	return (struct addr){ .family = 4, .ip = { 127, 0, 0, (uint8_t)(i + 1) }, .port = 5400 };
}

static inline uint64_t wall(size_t i)
{
	return WALL + w.now_ms + (uint64_t)w.wall_off_ms[i];
}

static inline void start(size_t i)
{
	w.epochs[i] += (uint64_t)1 << 32;
	ck_assert_int_eq(pair_new(&w.node[i], &w.conf[i], ++w.boots, w.epochs[i], w.now_ms, wall(i)), 0);
}

static inline void world_init(size_t nodes)
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

static inline void world_deinit(void)
{
	for (size_t i = 0; i < NODES; i++)
		pair_free(w.node[i]);
	for (size_t i = 0; i < PIPES_MAX; i++) {
		free(w.pipes[i].way[0]);
		free(w.pipes[i].way[1]);
	}
}

/* ---- connections ---- */

static inline struct pipe *pipe_of(size_t node, uint32_t id, size_t *end)
{
	for (size_t i = 0; i < PIPES_MAX; i++) {
		for (*end = 0; *end < 2; ++*end) {
			if (w.pipes[i].used && w.pipes[i].node[*end] == node && w.pipes[i].id[*end] == id)
				return &w.pipes[i];
		}
	}
	return NULL;
}

static inline struct pipe *new_pipe(size_t from, size_t to, uint32_t id)
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

static inline void drain(size_t i);

static inline void end_pipe(struct pipe *k, size_t by)
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

static inline void write_pipe(struct pipe *k, size_t end, const uint8_t *data, size_t len)
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

static inline void carry_out(size_t i, const struct pair_stream *s)
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

static inline void tell(size_t i, const char *format, ...) PRINTF_LIKE(2, 3);
static inline void tell(size_t i, const char *format, ...)
{
	size_t at = strlen(w.story[i]);
	va_list args;
	va_start(args, format);
	vsnprintf(w.story[i] + at, sizeof w.story[i] - at, format, args);
	va_end(args);
}

static inline void drain(size_t i)
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
	while (pair_next_packet(p, &to, f.data, &f.len, w.now_ms, wall(i))) {
		f.to = to.ip[3] - 1u;
		f.at_ms = w.now_ms + w.delay_ms;
		ck_assert_uint_lt(w.wire_count, WIRE_MAX);
		w.datagrams++;
		if (!w.cut[i][f.to])
			w.wire[w.wire_count++] = f;
	}
	while (pair_next_stream(p, &s, w.now_ms, wall(i)))
		carry_out(i, &s);
}

static inline void run_datagrams(void)
{
	for (size_t k = 0; k < w.wire_count;) {
		struct flight f = w.wire[k];
		if (f.at_ms > w.now_ms || w.deaf[f.to]) {
			k++;
			continue;
		}
		memmove(&w.wire[k], &w.wire[k + 1], (--w.wire_count - k) * sizeof f);
		if (w.node[f.to]) {
			pair_receive(w.node[f.to], &f.source, f.data, f.len, w.now_ms, wall(f.to));
			drain(f.to);
		}
	}
}

/* One step of a connection; true where it did something. */
static inline bool run_pipe(struct pipe *k)
{
	if (!k->used || k->stuck || w.no_tcp[k->node[0]][k->node[1]])
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
		pair_stream_receive(w.node[to], id, data, cut, w.now_ms, wall(to));
		pair_stream_receive(w.node[to], id, data + cut, len - cut, w.now_ms, wall(to));
		drain(to);
		if (last && k->used && k->id[end] == sender && w.node[k->node[end]]) {
			pair_stream_drained(w.node[k->node[end]], sender, w.now_ms);
			drain(k->node[end]);
		}
		return true;
	}
	return false;
}

static inline void run(uint64_t ms)
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
			pair_tick(w.node[i], w.now_ms, wall(i));
			drain(i);
			ck_assert_msg(pair_deadline(w.node[i]) > w.now_ms, "node %d wants a timer in the past", (int)i);
		}
	}
}

static inline void kill_node(size_t i)
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

static inline void cut_udp(size_t a, size_t b, bool cut)
{
	w.cut[a][b] = w.cut[b][a] = cut;
}

static inline void cut_tcp(size_t a, size_t b, bool cut)
{
	w.no_tcp[a][b] = w.no_tcp[b][a] = cut;
}

static inline struct pair_peer_view view(size_t i, size_t of)
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

static inline void hush(void)
{
	memset(w.story, 0, sizeof w.story);
	w.opened = w.closed = w.stream_octets = w.datagrams = 0;
	w.last_stream_ms = w.stream_gap_ms = 0;
}

static inline void meet(size_t nodes)
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

static inline void write_text(size_t i, uint64_t key, const char *value)
{
	ck_assert_int_eq(pair_write(w.node[i], PAIR_VERDICT, key, value, strlen(value), w.now_ms), 0);
	drain(i);
}

static inline bool has(size_t i, uint8_t owner, uint64_t key, const char *value)
{
	const struct pair_record *r = pair_find(w.node[i], owner, PAIR_VERDICT, key);
	return r && r->value_len == strlen(value) && memcmp(r->value, value, r->value_len) == 0;
}

static inline size_t pipes(void)
{
	size_t n = 0;
	for (size_t i = 0; i < PIPES_MAX; i++)
		n += w.pipes[i].used;
	return n;
}

#endif
