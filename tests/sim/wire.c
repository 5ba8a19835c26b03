/* The wires between the nodes, and who sits on them: datagrams are lost, doubled, delayed and held back, connections hang and
 * break, and an attacker who has seen every packet says them again, changed or not, as datagrams and on connections of his own.
 *
 *     do_send ─▶ loss, duplicates, cut ─▶ queue ─▶ wire_deliver ─▶ core
 *         └────▶ store ─── any time later ──────────────▲
 *
 * A packet that counted once in a life of its receiver, and one made before that life, must change nothing (oracle_packet).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/sim.h"

static struct addr address_of(const struct sim *s, int node, int path)
{
	return sim_plan(s, node)->nodes[node].peer[path];
}

/* Of an address that `by` sends to; a fault where that is nobody's, or its own. */
static int node_at(struct sim *s, int by, const struct addr *a, int *path)
{
	for (int n = 0; n < s->count; n++) {
		for (*path = 0; *path < s->paths; ++*path) {
			struct addr theirs = address_of(s, n, *path);
			if (n != by && addr_equal(&theirs, a))
				return n;
		}
	}
	*path = 0;
	sim_fail(s, "ns%d sends to port %u", by + 1, a->port);
	return by == 0;
}

struct sim_line *wire_line(struct sim *s, int a, int b, int path)
{
	return &s->tcp[a < b ? a : b][a < b ? b : a][path];
}

static const struct sim_line *line(const struct sim *s, const struct sim_pipe *k)
{
	return wire_line((struct sim *)(uintptr_t)s, k->opener, k->other, k->path);
}

/* Who sits at an end of a connection. */
static int sits_at(const struct sim_pipe *k, int end)
{
	return end == 0 ? k->opener : k->other;
}

/* ---- datagrams ---- */

/* He sits beyond the uplinks, and sees one in four. */
static void show_attacker(struct sim *s, const struct sim_packet *p)
{
	if (s->nodes[p->from].lost || rng_below(&s->rng, 4) > 0)
		return;
	uint32_t at = s->store_count < SIM_STORE_MAX ? s->store_count++ : (uint32_t)rng_below(&s->rng, SIM_STORE_MAX);
	s->store[at] = *p;
}

static void deliver_later(struct sim *s, const struct sim_packet *p)
{
	const struct sim_wire *wire = &s->net[p->from][p->to][p->path];
	uint64_t delay = wire->delay + rng_below(&s->rng, wire->jitter + 1u);
	struct sim_item *i = sim_push(s, s->now + delay, SIM_PACKET, p->to);
	if (i)
		s->packets[i - s->queue] = *p;
}

void wire_send(struct sim *s, int node, const struct core_effect *e)
{
	int path, to = node_at(s, node, &e->send.to, &path);
	const struct sim_wire *wire = &s->net[node][to][path];
	struct sim_packet p = { .to = (uint8_t)to, .from = (uint8_t)node, .path = (uint8_t)path, .made = s->now, .len = e->send.len };
	memcpy(p.data, e->send.data, p.len);
	oracle_sent(s, node, p.data);
	keys_sent(s, node, p.data);
	paths_sent(s, &p);
	show_attacker(s, &p);
	if (wire->cut || s->nodes[node].lost)
		return;
	for (int copies = rng_below(&s->rng, 100) < wire->dup ? 2 : 1; copies > 0; copies--) {
		if (rng_below(&s->rng, 100) >= wire->loss)
			deliver_later(s, &p);
	}
}

void wire_deliver(struct sim *s, const struct sim_packet *p)
{
	struct core_event e = { .type = CORE_PACKET };
	if (!s->nodes[p->to].core || s->nodes[p->to].lost)
		return;
	e.packet.from = address_of(s, p->from, p->path);
	e.packet.data = p->data;
	e.packet.len = p->len;
	paths_arrived(s, p);
	oracle_packet_begins(s, p);
	sim_step(s, p->to, &e);
	oracle_packet_ends(s, p);
}

/* ---- connections ---- */

static struct sim_pipe *pipe_of(struct sim *s, int node, uint32_t id, int *end)
{
	for (int i = 0; i < SIM_PIPES_MAX; i++) {
		for (*end = 0; *end < 2; ++*end) {
			struct sim_pipe *k = &s->pipes[i];
			if (k->used && sits_at(k, *end) == node && k->id[*end] == id)
				return k;
		}
	}
	return NULL;
}

static void stream_event(struct sim *s, int node, struct core_event *e)
{
	e->type = CORE_STREAM;
	if (s->nodes[node].core)
		sim_step(s, node, e);
}

/* The connection is no more; the end that is left hears it behind all octets that are on their way, unless the wire is cut. */
static void end_at(struct sim *s, struct sim_pipe *k, int end)
{
	k->id[end] = 0;
	k->count[!end] = 0;
	k->ended = true;
	if (k->id[!end] == 0)
		k->used = false;
	else if (!k->open)
		k->opens = s->now;
}

static void open_pipe(struct sim *s, int node, int to, int path, uint32_t id)
{
	for (int i = 0; i < SIM_PIPES_MAX; i++) {
		struct sim_pipe *k = &s->pipes[i];
		if (k->used)
			continue;
		k->used = true;
		k->open = k->ended = false;
		k->opener = node;
		k->other = to;
		k->path = path;
		k->id[0] = id;
		k->id[1] = k->count[0] = k->count[1] = 0;
		k->drained[0] = k->drained[1] = false;
		k->opens = s->now + 2u * s->net[node][to][path].delay + rng_below(&s->rng, line(s, k)->delay + 1u);
		return;
	}
	sim_fail(s, "node %d opens connection after connection", node);
}

static void write_pipe(struct sim *s, struct sim_pipe *k, int end, const struct core_effect *e)
{
	struct sim_packet p = { .to = (uint8_t)sits_at(k, !end), .from = (uint8_t)sits_at(k, end), .path = (uint8_t)k->path, .made = s->now, .stream = true,
				.len = (uint16_t)(e->connection.len - 2) };
	memcpy(p.data, e->connection.data + 2, p.len);
	oracle_sent(s, p.from, p.data);
	keys_sent(s, p.from, p.data);
	show_attacker(s, &p);
	if (k->ended || k->count[end] == SIM_PIPE_PIECES)
		return; /* the socket's buffer is full, and soon the core is tired of it */
	struct sim_piece *at = &k->way[end][k->count[end]++];
	at->at = s->now + 1 + rng_below(&s->rng, line(s, k)->delay + 1u);
	at->packet = p;
}

void wire_connection(struct sim *s, int node, const struct core_effect *e)
{
	int end, path;
	struct sim_pipe *k = pipe_of(s, node, e->connection.id, &end);
	if (e->connection.op == PAIR_STREAM_OPEN) {
		int to = node_at(s, node, &e->connection.to, &path);
		open_pipe(s, node, to, path, e->connection.id);
	} else if (k && e->connection.op == PAIR_STREAM_SEND) {
		write_pipe(s, k, end, e);
	} else if (k) {
		end_at(s, k, end);
	}
}

/* Octets of a frame, cut anywhere. */
static void say_octets(struct sim *s, int node, uint32_t id, const struct sim_packet *p)
{
	uint8_t data[2 + PAIR_PACKET_MAX];
	size_t len = p->len + 2u, cut = 1 + rng_below(&s->rng, len - 1);
	struct core_event e = { 0 };
	store_u16(data, p->len);
	memcpy(data + 2, p->data, p->len);
	oracle_packet_begins(s, p);
	e.stream.what = CORE_STREAM_OCTETS;
	e.stream.id = id;
	e.stream.from = address_of(s, p->from, p->path);
	e.stream.data = data;
	e.stream.len = cut;
	stream_event(s, node, &e);
	e.stream.data = data + cut;
	e.stream.len = len - cut;
	stream_event(s, node, &e);
	oracle_packet_ends(s, p);
}

static void connect_pipe(struct sim *s, struct sim_pipe *k)
{
	int to = k->other;
	struct core_event e = { 0 };
	if (!s->nodes[to].core || k->ended) {
		uint32_t id = k->id[0];
		k->used = false;
		e.stream.what = CORE_STREAM_ENDED;
		e.stream.id = id;
		if (id)
			stream_event(s, k->opener, &e);
		return;
	}
	k->open = true;
	k->id[1] = PAIR_STREAM_ACCEPTED | ++s->accepted;
	e.stream.what = CORE_STREAM_ACCEPTED;
	e.stream.id = k->id[1];
	e.stream.from = address_of(s, k->opener, k->path);
	e.stream.from.port = (uint16_t)(40000 + rng_below(&s->rng, 20000));
	stream_event(s, to, &e);
	e.stream.what = CORE_STREAM_OPENED;
	e.stream.id = k->id[0];
	e.stream.from = address_of(s, to, k->path);
	if (k->used && k->id[0])
		stream_event(s, k->opener, &e);
}

static uint64_t way_due(const struct sim *s, const struct sim_pipe *k, int end)
{
	uint64_t at = k->count[end] ? k->way[end][0].at : k->ended && k->id[!end] ? s->now : UINT64_MAX;
	uint64_t paused = s->nodes[sits_at(k, !end)].paused_until;
	return at < paused && at != UINT64_MAX ? paused : at;
}

static uint64_t paused_until(const struct sim *s, const struct sim_pipe *k, int end)
{
	return s->nodes[sits_at(k, end)].paused_until;
}

static uint64_t pipe_due(const struct sim *s, const struct sim_pipe *k)
{
	for (int end = 0; end < 2; end++) {
		if (k->used && k->drained[end] && paused_until(s, k, end) <= s->now)
			return s->now;
	}
	if (!k->used || line(s, k)->cut || s->nodes[k->opener].lost || s->nodes[k->other].lost)
		return UINT64_MAX;
	uint64_t a = k->open ? way_due(s, k, 0) : k->opens, b = k->open ? way_due(s, k, 1) : k->opens;
	if (k->open)
		return a < b ? a : b;
	a = a > paused_until(s, k, 0) ? a : paused_until(s, k, 0); /* both hear of it */
	return a > paused_until(s, k, 1) ? a : paused_until(s, k, 1);
}

uint64_t wire_due(const struct sim *s, int *pipe)
{
	uint64_t at = UINT64_MAX;
	for (int i = 0; i < SIM_PIPES_MAX; i++) {
		uint64_t due = pipe_due(s, &s->pipes[i]);
		if (due < at) {
			at = due;
			*pipe = i;
		}
	}
	return at;
}

/* Its end may be closed by now, or more of it written. */
static void tell_drained(struct sim *s, struct sim_pipe *k, int end)
{
	struct core_event e = { 0 };
	k->drained[end] = false;
	e.stream.what = CORE_STREAM_DRAINED;
	e.stream.id = k->id[end];
	e.stream.from = address_of(s, sits_at(k, end), k->path);
	if (k->id[end])
		stream_event(s, sits_at(k, end), &e);
}

void wire_run(struct sim *s, int pipe)
{
	struct sim_pipe *k = &s->pipes[pipe];
	for (int end = 0; end < 2; end++) {
		if (k->drained[end] && paused_until(s, k, end) <= s->now) {
			tell_drained(s, k, end);
			return;
		}
	}
	if (!k->open) {
		connect_pipe(s, k);
		return;
	}
	int end = way_due(s, k, 0) <= way_due(s, k, 1) ? 0 : 1, to = sits_at(k, !end);
	uint32_t id = k->id[!end], by = k->id[end];
	struct core_event e = { 0 };
	e.stream.from = address_of(s, sits_at(k, end), k->path);
	if (k->count[end] == 0) { /* the other end is gone */
		k->used = false;
		e.stream.what = CORE_STREAM_ENDED;
		e.stream.id = id;
		stream_event(s, to, &e);
		return;
	}
	struct sim_piece piece = k->way[end][0];
	memmove(&k->way[end][0], &k->way[end][1], --k->count[end] * sizeof piece);
	if (id)
		say_octets(s, to, id, &piece.packet);
	if (k->used && k->count[end] == 0 && by && k->id[end] == by)
		k->drained[end] = true;
	if (k->drained[end] && paused_until(s, k, end) <= s->now)
		tell_drained(s, k, end);
}

/* A process died: its kernel says so to the other side, unless the machine died with it. */
void wire_forget(struct sim *s, int node, bool silently)
{
	for (int i = 0; i < SIM_PIPES_MAX; i++) {
		for (int end = 0; end < 2; end++) {
			struct sim_pipe *k = &s->pipes[i];
			if (!k->used || sits_at(k, end) != node || !k->id[end])
				continue;
			end_at(s, k, end);
			if (silently) /* it hangs until the core is tired of it */
				k->ended = false;
		}
	}
}

/* ---- the attacker ---- */

static void break_packet(struct sim *s, struct sim_packet *p)
{
	p->broken = true;
	if (rng_below(&s->rng, 3) == 0)
		p->len = (uint16_t)rng_below(&s->rng, p->len);
	else
		p->data[rng_below(&s->rng, p->len)] ^= (uint8_t)(1u << rng_below(&s->rng, 8));
}

static void call_with(struct sim *s, struct sim_packet *p)
{
	struct core_event e = { 0 };
	uint32_t id = PAIR_STREAM_ACCEPTED | ++s->accepted;
	if (!s->nodes[p->to].core || p->len < 2)
		return;
	e.stream.what = CORE_STREAM_ACCEPTED;
	e.stream.id = id;
	e.stream.from = address_of(s, p->from, p->path);
	e.stream.from.port = 7;
	stream_event(s, p->to, &e);
	say_octets(s, p->to, id, p);
	e.stream.what = CORE_STREAM_ENDED;
	stream_event(s, p->to, &e);
}

/* Some that he has: again, changed, by the other path, or the other way in. A firewall is one for him, too: he would carry over what it
 * held back. */
void wire_attack(struct sim *s)
{
	if (s->blocked)
		return;
	for (uint64_t n = 1 + rng_below(&s->rng, 12); n > 0 && s->store_count > 0 && !s->failed; n--) {
		struct sim_packet p = s->store[rng_below(&s->rng, s->store_count)];
		if (s->nodes[p.to].paused_until > s->now || s->nodes[p.to].lost)
			continue;
		if (rng_below(&s->rng, 4) == 0)
			break_packet(s, &p);
		if (s->paths > 1)
			p.path = (uint8_t)rng_below(&s->rng, 2);
		if (rng_below(&s->rng, 4) == 0)
			call_with(s, &p);
		else
			wire_deliver(s, &p);
	}
}
