/* Two, three or seven nodes under one virtual clock and a hostile network: loss, duplicates, reordering, cuts in one
 * direction or of one transport, connections that hang and break, an attacker that stores, repeats, flips and truncates any
 * packet, and connects as a peer, crashes with the disk kept, rolled back
 * or wiped, pauses and jumps of the wall clock. After every step each node is held against what was really written:
 *
 *     1  every record held was published, and no key ever goes back
 *     2  a vector (E, s) means that each key whose newest write in E is up to s is held, or gone if that was a
 *        removal
 *     2+ until the base of an epoch is held, what was held of the earlier one stays; a link that is in step has both bases
 *     3  a repeated packet, or one made before this life of the receiver, changes nothing; nothing dead looks
 *        alive: no echo is younger than the peer's last moment, no relayed age younger than what others heard, and who said bye
 *        is lost until its next session
 *     4  once the network heals, shelves and effective states are equal and every link is ACTIVE
 *     +  then each that pauses blames nobody, in whatever order it finds its timers and its packets
 *     7  a stamp given out is above every stamp that the node could know
 *     +  the changes that pair_next_change told make up exactly what pair_find finds
 *
 *     GEMEL_SIM_SEED=4711 GEMEL_SIM_RUNS=1 pair_sim_test      one schedule again
 */
#include <check.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include "pair/state.h"

#define RUNS 5000
#define STEPS 90
#define NODES_MAX PAIR_NODES_MAX
#define KEYS 4
#define KINDS 2
#define LOG_MAX 1024
#define WIRE_MAX 1024
#define STORE_MAX 48
#define PIPES_MAX 24
#define PIPE_PIECES 48
#define HEAL_MS 4000
#define EPOCHS_MAX 128 /* of one node in a schedule */
#define PAD_MAX 230    /* with such values a shelf does not fit in one packet, nor those of seven nodes in a burst */

static const enum pair_kind kinds[KINDS] = { PAIR_VERDICT, PAIR_ADMIN };

/* One write as it truly happened; value 0 = removed. */
struct written {
	uint64_t epoch, seq, value, base;
	uint8_t kind, key;
};

struct node {
	struct pair *p;
	uint8_t id;
	uint64_t boot, epoch, seq, born_ms, died_ms; /* born: since when it has this boot */
	uint64_t disk[8];  /* epochs that were on disk, oldest first */
	size_t disk_count;
	uint64_t live[KINDS][KEYS]; /* own values */
	struct pair_vector top[NODES_MAX][KINDS][KEYS]; /* the newest seen held */
	uint64_t mirror[NODES_MAX][KINDS][KEYS];
	bool held[NODES_MAX][KINDS][KEYS], synced[NODES_MAX]; /* at the last look */
	uint64_t bye_boot[NODES_MAX];      /* of the other's life that said bye; 0 = none did */
	uint64_t paused_until_ms;
	int64_t wall_off_ms;
	bool frozen;
};

struct packet {
	uint8_t to;
	struct addr from, dst;
	uint64_t made_ms, at_ms;
	size_t len;
	uint8_t data[PAIR_PACKET_MAX];
	uint64_t taken_boot; /* of the receiver's life that accepted these very octets */
	bool stream;
};

/* A connection; end 0 opened it. */
struct pipe {
	bool used, open;
	size_t node[2];
	uint32_t id[2]; /* 0 = nobody at this end */
	uint64_t opens_ms;
	struct piece { uint64_t made_ms, at_ms; size_t len; uint8_t data[2 + PAIR_PACKET_MAX]; } way[2][PIPE_PIECES];
	size_t count[2];
};

static struct world {
	uint64_t seed, now_ms, next_value;
	struct rng rng;
	size_t nodes;
	unsigned loss, dup, delay_ms; /* percent, percent, ms */
	bool cut[NODES_MAX][NODES_MAX], tcp_cut[NODES_MAX][NODES_MAX], two_ways, timers_first;
	uint32_t accepted;
	struct node node[NODES_MAX];
	size_t caught_from, caught_to;
	struct packet caught; /* the last datagram between these two */
	struct written log[NODES_MAX][LOG_MAX];
	size_t log_count[NODES_MAX];
	uint64_t base[NODES_MAX];
	struct { uint64_t epoch, base; } bases[NODES_MAX][EPOCHS_MAX];
	size_t base_count[NODES_MAX];
	uint64_t heard_ms[NODES_MAX]; /* when a packet of it counted last, with anybody */
	size_t pad;                   /* octets behind each value */
	struct packet wire[WIRE_MAX], store[STORE_MAX];
	size_t wire_count, store_count;
	struct pipe pipes[PIPES_MAX];
} w;

#define REQUIRE(promise) \
	do { \
		if (!(promise)) \
			ck_abort_msg("seed %llu at %llu ms: broken: %s", (unsigned long long)w.seed, \
				     (unsigned long long)w.now_ms, #promise); \
	} while (0)

static uint64_t below(uint64_t n)
{
	return rng_below(&w.rng, n);
}

static bool chance(unsigned percent)
{
	return below(100) < percent;
}

static uint64_t wall(const struct node *n)
{
	return 1700000000000u + w.now_ms + (uint64_t)n->wall_off_ms;
}

static struct addr address(size_t node, unsigned way)
{
	return (struct addr){ .family = 4, .ip = { 127, 0, 0, (uint8_t)(node + 1) }, .port = (uint16_t)(5400 + way) };
}

/* ---- truth ---- */

static uint64_t value_of(const struct pair_record *r)
{
	return r && r->value_len >= 8 ? load_u64(r->value) : 0;
}

static void log_write(size_t o, int kind, int key, uint64_t value, uint64_t seq)
{
	REQUIRE(w.log_count[o] < LOG_MAX);
	w.log[o][w.log_count[o]++] = (struct written){ .epoch = w.node[o].epoch, .seq = seq, .value = value,
						       .kind = (uint8_t)kind, .key = (uint8_t)key, .base = w.base[o] };
}

static uint64_t newest_stamp(const struct node *n)
{
	uint64_t top = 0;
	size_t pos = 0;
	for (const struct pair_record *r; (r = pair_walk(n->p, PAIR_ADMIN, &pos));)
		top = value_of(r) > top ? value_of(r) : top;
	return top;
}

static void write_value(size_t o, int kind, int key, uint64_t value)
{
	struct node *n = &w.node[o];
	uint8_t octets[8 + PAD_MAX] = { 0 };

	if (n->live[kind][key] == value)
		return;
	store_u64(octets, value);
	REQUIRE(pair_write(n->p, kinds[kind], (uint64_t)key, octets, value ? 8 + w.pad : 0, w.now_ms) == 0);
	n->live[kind][key] = value;
	REQUIRE(n->p->shelves[0].vector.seq > n->seq);
	n->seq = n->p->shelves[0].vector.seq;
	log_write(o, kind, key, value, n->seq);
}

static void note_base(size_t o)
{
	REQUIRE(w.base_count[o] < EPOCHS_MAX);
	w.bases[o][w.base_count[o]].epoch = w.node[o].epoch;
	w.bases[o][w.base_count[o]++].base = w.base[o];
}

/* ADMIN values are stamps, so that later ones must be greater; verdicts are votes above a unique part. */
static void write_random(size_t o)
{
	struct node *n = &w.node[o];
	int kind = (int)below(KINDS), key = (int)below(KEYS);

	if (chance(20)) {
		write_value(o, kind, key, 0);
	} else if (kinds[kind] == PAIR_ADMIN) {
		uint64_t before = newest_stamp(n), stamp = pair_hlc_now(n->p, wall(n));
		REQUIRE(stamp > before);
		write_value(o, kind, key, stamp);
	} else {
		write_value(o, kind, key, ++w.next_value << 2 | below(3));
	}
}

/* After a republication the own records stand in the log again, under their new numbers. */
static void log_republished(size_t o)
{
	struct node *n = &w.node[o];

	n->seq = 0;
	w.base[o] = 0;
	for (int k = 0; k < KINDS * KEYS; k++)
		w.base[o] += n->live[k / KEYS][k % KEYS] != 0;
	for (int k = 0; k < KINDS * KEYS; k++) {
		const struct pair_record *r = pair_find(n->p, n->id, kinds[k / KEYS], (uint64_t)(k % KEYS));
		REQUIRE(value_of(r) == n->live[k / KEYS][k % KEYS]);
		if (!r)
			continue;
		REQUIRE(r->epoch == n->epoch && r->seq >= 1 && r->seq <= w.base[o]);
		log_write(o, k / KEYS, k % KEYS, value_of(r), r->seq);
	}
	w.base[o] = w.base[o] ? w.base[o] : 1;
	n->seq = w.base[o];
	note_base(o);
}

/* ---- lives ---- */

static uint64_t random_epoch(uint64_t counter)
{
	return counter << 32 | (rng_u64(&w.rng) & UINT32_MAX);
}

static void to_disk(struct node *n, uint64_t epoch)
{
	if (n->disk_count == 8) {
		memmove(n->disk, n->disk + 1, 7 * sizeof n->disk[0]);
		n->disk_count--;
	}
	n->disk[n->disk_count++] = epoch;
}

/* keep: how many of the epochs once written the disk still holds. With all of them, the journal is there too. */
static void start(size_t i, size_t keep)
{
	struct node *n = &w.node[i];
	struct pair_peer_conf peers[NODES_MAX] = { 0 };
	struct pair_conf c = { .self_id = n->id,
			       .cluster = "sim",
			       .key = { 7 },
			       .interval_ms = 200,
			       .config_digest = 99,
			       .peers = peers };
	bool journal = keep == n->disk_count;
	uint64_t values[KINDS][KEYS];

	for (size_t j = 0; j < w.nodes; j++) {
		if (j != i)
			peers[c.peer_count++] = (struct pair_peer_conf){ w.node[j].id,
									 { address(j, 0), address(j, 1) },
									 w.two_ways ? 2 : 1 };
	}
	n->disk_count = keep;
	n->epoch = random_epoch(keep ? (n->disk[keep - 1] >> 32) + 1 : 1);
	n->boot = rng_u64(&w.rng) | 1;
	n->born_ms = w.now_ms;
	n->seq = 0;
	w.base[i] = UINT64_MAX;
	to_disk(n, n->epoch);
	REQUIRE(pair_new(&n->p, &c, n->boot, n->epoch, w.now_ms, wall(n)) == 0);
	memset(n->top, 0, sizeof n->top);
	memset(n->mirror, 0, sizeof n->mirror);
	memset(n->held, 0, sizeof n->held);
	memset(n->synced, 0, sizeof n->synced);
	memset(n->bye_boot, 0, sizeof n->bye_boot);
	memcpy(values, n->live, sizeof values);
	memset(n->live, 0, sizeof n->live);
	for (int k = 0; journal && k < KINDS * KEYS; k++) {
		if (kinds[k / KEYS] == PAIR_ADMIN)
			pair_hlc_absorb(n->p, values[k / KEYS][k % KEYS]);
		write_value(i, k / KEYS, k % KEYS, values[k / KEYS][k % KEYS]);
	}
	w.base[i] = n->seq ? n->seq : 1; /* as the first packet, which follows at once, will tell */
	note_base(i);
	n->paused_until_ms = 0;
}

static void forget_pipes(size_t i);

static void crash(size_t i)
{
	pair_free(w.node[i].p);
	w.node[i].p = NULL;
	w.node[i].died_ms = w.now_ms;
	forget_pipes(i);
}

/* ---- the network ---- */

static void wire_put(const struct packet *k, uint64_t delay_ms)
{
	if (w.wire_count == WIRE_MAX)
		return;
	w.wire[w.wire_count] = *k;
	w.wire[w.wire_count++].at_ms = w.now_ms + delay_ms;
}

static void store_put(const struct packet *k)
{
	size_t at = w.store_count < STORE_MAX ? w.store_count++ : below(STORE_MAX);
	w.store[at] = *k;
}

static void send_packet(size_t from, const struct addr *to, const uint8_t *data, size_t len)
{
	struct packet k = {
		.to = (uint8_t)(to->ip[3] - 1), .from = address(from, 0), .dst = *to, .made_ms = w.now_ms, .len = len
	};

	REQUIRE(k.to < w.nodes && k.to != from && len <= PAIR_PACKET_MAX);
	memcpy(k.data, data, len);
	if (chance(25))
		store_put(&k);
	if (from == w.caught_from && k.to == w.caught_to)
		w.caught = k;
	if (w.cut[from][k.to] || chance(w.loss))
		return;
	wire_put(&k, below(w.delay_ms + 1));
	if (chance(w.dup))
		wire_put(&k, below(w.delay_ms * 4 + 1));
}

/* ---- connections ---- */

static void drain(size_t i);

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

/* The end that is still there hears of it, but for one time in four: the other's machine lost its power. */
static void end_pipe(struct pipe *k, size_t by)
{
	size_t other = k->node[!by];
	uint32_t id = k->id[!by];

	k->id[by] = 0;
	if (!id || !w.node[other].p) {
		k->used = false;
		return;
	}
	if (w.tcp_cut[k->node[0]][k->node[1]] || chance(25))
		return;
	k->used = false;
	pair_stream_end(w.node[other].p, id, w.now_ms);
	drain(other);
}

static void forget_pipes(size_t i)
{
	for (size_t k = 0; k < PIPES_MAX; k++) {
		for (size_t end = 0; end < 2; end++) {
			if (w.pipes[k].used && w.pipes[k].node[end] == i && w.pipes[k].id[end])
				end_pipe(&w.pipes[k], end);
		}
	}
}

static void open_pipe(size_t from, const struct pair_stream *s)
{
	for (size_t i = 0; i < PIPES_MAX; i++) {
		struct pipe *k = &w.pipes[i];
		if (k->used)
			continue;
		k->used = true;
		k->open = false;
		k->node[0] = from, k->node[1] = s->to.ip[3] - 1u;
		k->id[0] = s->id, k->id[1] = 0;
		k->opens_ms = w.now_ms + below(2 * w.delay_ms + 1);
		k->count[0] = k->count[1] = 0;
		REQUIRE(k->node[1] < w.nodes && k->node[1] != from);
		return;
	}
	pair_stream_end(w.node[from].p, s->id, w.now_ms);
}

static void write_pipe(struct pipe *k, size_t end, const struct pair_stream *s)
{
	struct packet seen = { .to = (uint8_t)k->node[!end], .from = address(k->node[end], 0), .made_ms = w.now_ms,
			       .len = s->len - 2, .stream = true };
	size_t n = k->count[end];

	memcpy(seen.data, s->data + 2, seen.len);
	if (chance(25))
		store_put(&seen);
	if (n == PIPE_PIECES) {
		end_pipe(k, !end);
		return;
	}
	struct piece *at = &k->way[end][k->count[end]++];
	at->made_ms = w.now_ms;
	at->at_ms = w.now_ms + below(w.delay_ms + 1);
	at->len = s->len;
	memcpy(at->data, s->data, s->len);
}

static void drain_streams(size_t i)
{
	struct node *n = &w.node[i];
	struct pair_stream s;
	size_t end;

	for (int ops = 0; pair_next_stream(n->p, &s, w.now_ms, wall(n)); ops++) {
		struct pipe *k = pipe_of(i, s.id, &end);
		REQUIRE(ops < 200);
		if (s.op == PAIR_STREAM_OPEN)
			open_pipe(i, &s);
		else if (k && s.op == PAIR_STREAM_SEND)
			write_pipe(k, end, &s);
		else if (k)
			end_pipe(k, end);
	}
}

static int owner_index(uint8_t id)
{
	for (size_t i = 0; i < w.nodes; i++) {
		if (w.node[i].id == id)
			return (int)i;
	}
	REQUIRE(w.nodes == 0); /* every owner is known */
	return 0;
}

static void drain(size_t i)
{
	struct node *n = &w.node[i];
	uint8_t out[PAIR_PACKET_MAX];
	struct addr to;
	size_t len;
	struct pair_record r;
	struct pair_event e;

	while (pair_next_change(n->p, &r)) {
		int kind = r.kind == PAIR_ADMIN;
		REQUIRE(r.key < KEYS);
		n->mirror[owner_index(r.owner)][kind][r.key] = value_of(&r);
	}
	while (pair_next_event(n->p, &e))
		n->frozen |= e.type == PAIR_EVENT_DUPLICATE;
	if (pair_wants_epoch(n->p)) {
		n->epoch = pair_wants_epoch(n->p) | (rng_u64(&w.rng) & UINT32_MAX);
		n->boot = rng_u64(&w.rng) | 1;
		n->born_ms = w.now_ms;
		to_disk(n, n->epoch);
		pair_set_epoch(n->p, n->epoch, n->boot, w.now_ms);
		REQUIRE(pair_wants_epoch(n->p) == 0 && pair_epoch(n->p) == n->epoch);
		log_republished(i);
	}
	for (int packets = 0; pair_next_packet(n->p, &to, out, &len, w.now_ms, wall(n)); packets++) {
		REQUIRE(packets < 200);
		send_packet(i, &to, out, len);
	}
	drain_streams(i);
}

/* ---- invariants ---- */

static const struct written *newest_write(size_t o, uint64_t epoch, int kind, int key)
{
	const struct written *best = NULL;

	for (size_t i = 0; i < w.log_count[o]; i++) {
		const struct written *l = &w.log[o][i];
		if (l->epoch == epoch && l->kind == kind && l->key == key)
			best = l;
	}
	return best;
}

static bool was_published(size_t o, const struct pair_record *r, int kind)
{
	for (size_t i = w.log_count[o]; i-- > 0;) {
		const struct written *l = &w.log[o][i];
		if (l->epoch == r->epoch && l->seq == r->seq && l->kind == kind && l->key == r->key &&
		    l->value == value_of(r))
			return true;
	}
	return false;
}

static uint64_t base_of(size_t o, uint64_t epoch)
{
	for (size_t i = w.base_count[o]; i-- > 0;) {
		if (w.bases[o][i].epoch == epoch)
			return w.bases[o][i].base;
	}
	return UINT64_MAX;
}

static bool was_removed(size_t o, uint64_t epoch, int kind, int key)
{
	for (size_t i = 0; i < w.log_count[o]; i++) {
		const struct written *l = &w.log[o][i];
		if (l->epoch == epoch && l->kind == kind && l->key == key && l->value == 0)
			return true;
	}
	return false;
}

static void check_key(struct node *n, size_t o, const struct shelf *s, int kind, int key)
{
	const struct pair_record *r = pair_find(n->p, w.node[o].id, kinds[kind], (uint64_t)key);
	const struct written *last = newest_write(o, s->vector.epoch, kind, key);
	struct pair_vector *top = &n->top[o][kind][key];

	REQUIRE(n->mirror[o][kind][key] == value_of(r));
	if (r) {
		struct pair_vector at = { r->epoch, r->seq };
		REQUIRE(was_published(o, r, kind));
		REQUIRE(vector_compare(at, *top) >= 0);
		*top = at;
	}
	if (last && last->seq <= s->vector.seq) /* one overwritten later comes with that write, so it may be missing */
		REQUIRE(last->value ? r && r->epoch == last->epoch && r->seq == last->seq : !r);
	/* It goes by its owner's word, or as one that the owner does not know any more; never for a restart alone. */
	if (n->held[o][kind][key] && !r)
		REQUIRE(was_removed(o, s->vector.epoch, kind, key) || s->vector.seq >= base_of(o, s->vector.epoch));
	n->held[o][kind][key] = r != NULL;
	if (r && r->epoch != s->vector.epoch) /* of an earlier epoch, until the base is held */
		REQUIRE(r->epoch < s->vector.epoch &&
			(s->vector.seq < base_of(o, s->vector.epoch) || base_of(o, s->vector.epoch) == UINT64_MAX ||
			 s->base == UINT64_MAX));
}

static bool holds_base(const struct node *n, size_t o)
{
	const struct shelf *s = &n->p->shelves[pair_shelf_of(n->p, w.node[o].id)];
	return s->vector.epoch > w.node[o].epoch ||
	       (s->vector.epoch == w.node[o].epoch && s->vector.seq >= base_of(o, w.node[o].epoch));
}

/* What a node thinks of its link to another, both as they are now. */
static void check_link(struct node *n, size_t i, size_t o)
{
	const struct node *other = &w.node[o];
	const struct pair_peer *e = pair_peer_of(n->p, other->id);

	/* As it comes to be in step each has what the other began with. */
	if (e->link.synced && !n->synced[o] && other->p && e->session.boot == other->boot) {
		REQUIRE(holds_base(n, o));
		REQUIRE(pair_peer_of(other->p, n->id)->session.boot != n->boot || holds_base(other, i));
	}
	n->synced[o] = e->link.synced;
	if (e->session.boot && e->session.boot == n->bye_boot[o])
		REQUIRE(e->link.state == PAIR_LOST || e->link.state == PAIR_INCOMPATIBLE || e->link.state == PAIR_WAITING);
	REQUIRE(e->relayed_ms <= w.heard_ms[o] + 10); /* ages have steps of 10 ms */
}

static void check_node(size_t i)
{
	struct node *n = &w.node[i];

	for (size_t o = 0; o < w.nodes; o++) {
		if (o == i)
			continue;
		const struct shelf *s = &n->p->shelves[pair_shelf_of(n->p, w.node[o].id)];
		for (int k = 0; k < KINDS * KEYS; k++)
			check_key(n, o, s, k / KEYS, k % KEYS);
		const struct link *l = &pair_peer_of(n->p, w.node[o].id)->link;
		REQUIRE(link_echo_ms(l) <= (w.node[o].p ? w.now_ms : w.node[o].died_ms));
		REQUIRE(link_heard_ms(l) <= w.now_ms);
		check_link(n, i, o);
	}
}

/* All that a packet can change and a refused one must not; the state of a quiet link may turn to INCOMPATIBLE. */
static uint64_t fingerprint(const struct pair *p)
{
	struct hash_key key = { { 1, 2 } };
	uint64_t h = p->hlc.last ^ p->wants_epoch;

	for (size_t i = 0; i < shelf_total(p); i++) {
		const struct shelf *s = &p->shelves[i];
		uint64_t in[] = { h, s->vector.epoch, s->vector.seq, s->digest[0], s->base, s->index.count };
		h = hash_bytes(&key, in, sizeof in);
	}
	for (size_t i = 0; i < p->peer_count; i++) {
		const struct pair_peer *e = &p->peers[i];
		uint64_t in[] = { h,
				  e->link.echo_ms,
				  e->link.heard_ms,
				  e->link.synced,
				  e->session.boot,
				  e->session.highest,
				  e->echo[LINK_UDP].ts,
				  e->echo[LINK_TCP].ts,
				  e->link.tcp_echo_ms,
				  hash_bytes(&key, e->session.seen, sizeof e->session.seen),
				  hash_bytes(&key, e->known, sizeof e->known) };
		h = hash_bytes(&key, in, sizeof in);
	}
	return h;
}

/* ---- steps ---- */

/* Marks every stored copy of an accepted packet, so that its repetition is known to be one. */
static void mark_taken(const struct packet *k, uint64_t boot)
{
	for (size_t i = 0; i < w.store_count; i++) {
		if (w.store[i].to == k->to && w.store[i].len == k->len && memcmp(w.store[i].data, k->data, k->len) == 0)
			w.store[i].taken_boot = boot;
	}
}

/* It counted with n. */
static void mark_counted(const struct packet *k, struct node *n)
{
	int from = owner_index(k->data[8]);

	mark_taken(k, n->boot);
	w.heard_ms[from] = w.now_ms;
	if (k->data[5] == PAIR_TYPE_BYE)
		n->bye_boot[from] = load_u64(k->data + 16);
}

static void deliver(const struct packet *k)
{
	struct node *n = &w.node[k->to];
	bool repeated = k->taken_boot != 0 && k->taken_boot == n->boot;

	if (!n->p)
		return;
	uint64_t before = fingerprint(n->p);
	int e = pair_receive(n->p, &k->from, k->data, k->len, w.now_ms, wall(n));
	REQUIRE(!(repeated && e == 0));
	REQUIRE(e < 0 || k->made_ms >= n->born_ms);
	REQUIRE(e == 0 || pair_wants_epoch(n->p) || fingerprint(n->p) == before);
	if (e == 0)
		mark_counted(k, n);
	drain(k->to);
	check_node(k->to);
}

/* Octets that nobody sent. */
static void deliver_broken(struct packet k)
{
	struct node *n = &w.node[k.to];

	if (!n->p)
		return;
	if (chance(50))
		k.data[below(k.len)] ^= (uint8_t)(1u << below(8));
	else
		k.len = below(k.len);
	uint64_t before = fingerprint(n->p);
	REQUIRE(pair_receive(n->p, &k.from, k.data, k.len, w.now_ms, wall(n)) < 0);
	REQUIRE(pair_wants_epoch(n->p) || fingerprint(n->p) == before);
	drain(k.to);
	check_node(k.to);
}

/* Octets of a stream, cut anywhere. What they hold may count only if it never did and was made in this life of the receiver. */
static void deliver_octets(size_t to, uint32_t id, const uint8_t *data, size_t len, uint64_t made_ms, bool junk)
{
	struct node *n = &w.node[to];
	struct packet k = { .to = (uint8_t)to, .len = len - 2 };
	bool repeated = false;

	memcpy(k.data, data + 2, k.len);
	for (size_t i = 0; i < w.store_count; i++) {
		const struct packet *s = &w.store[i];
		repeated |= s->to == to && s->len == k.len && s->taken_boot == n->boot && memcmp(s->data, k.data, k.len) == 0;
	}
	uint64_t before = fingerprint(n->p);
	size_t cut = 1 + below(len - 1);
	pair_stream_receive(n->p, id, data, cut, w.now_ms, wall(n));
	pair_stream_receive(n->p, id, data + cut, len - cut, w.now_ms, wall(n));
	bool counted = fingerprint(n->p) != before && !pair_wants_epoch(n->p);
	if (!junk && !repeated && fingerprint(n->p) != before)
		w.heard_ms[owner_index(k.data[8])] = w.now_ms;
	REQUIRE(!((repeated || junk) && counted));
	REQUIRE(!counted || made_ms >= n->born_ms);
	if (counted)
		mark_counted(&k, n);
	drain(to);
	check_node(to);
}

/* Somebody calls a node and says what was overheard, or something like it. */
static void call_with(struct packet k)
{
	struct node *n = &w.node[k.to];
	uint32_t id = PAIR_STREAM_ACCEPTED | ++w.accepted;
	struct addr from = { .family = 4, .ip = { 127, 0, 9, 9 }, .port = 7 };
	uint8_t data[2 + PAIR_PACKET_MAX];

	if (!n->p)
		return;
	bool broken = chance(30);
	if (broken)
		k.data[below(k.len)] ^= (uint8_t)(1u << below(8));
	store_u16(data, (uint16_t)k.len);
	memcpy(data + 2, k.data, k.len);
	pair_stream_accept(n->p, id, chance(50) ? &from : &k.from, w.now_ms);
	drain(k.to);
	if (!pair_stream_find(n->p, id))
		return;
	deliver_octets(k.to, id, data, k.len + 2, k.made_ms, broken || !k.stream);
	if (chance(50)) {
		pair_stream_end(n->p, id, w.now_ms);
		drain(k.to);
	}
}

static uint64_t pipe_due(const struct pipe *k)
{
	uint64_t at = UINT64_MAX, paused = 0;

	if (!k->used || w.tcp_cut[k->node[0]][k->node[1]])
		return UINT64_MAX;
	for (size_t end = 0; end < 2; end++) {
		uint64_t p = w.node[k->node[!end]].paused_until_ms;
		paused = p > paused ? p : paused;
		if (k->open && k->id[!end] && k->count[end] && k->way[end][0].at_ms < at)
			at = k->way[end][0].at_ms;
	}
	if (!k->open)
		at = k->opens_ms;
	return at < paused ? paused : at;
}

static void run_open(struct pipe *k)
{
	struct node *to = &w.node[k->node[1]], *by = &w.node[k->node[0]];
	struct addr from = address(k->node[0], 0);

	if (!to->p) {
		end_pipe(k, 1);
		return;
	}
	from.port = 40000;
	k->open = true;
	k->id[1] = PAIR_STREAM_ACCEPTED | ++w.accepted;
	pair_stream_accept(to->p, k->id[1], &from, w.now_ms);
	drain(k->node[1]);
	if (k->used && by->p && k->id[0]) {
		pair_stream_open(by->p, k->id[0], w.now_ms);
		drain(k->node[0]);
	}
}

static void run_pipe(struct pipe *k)
{
	if (!k->open) {
		run_open(k);
		return;
	}
	size_t end = k->count[0] && k->id[1] && (!k->count[1] || !k->id[0] || k->way[0][0].at_ms <= k->way[1][0].at_ms) ? 0 : 1;
	struct piece piece = k->way[end][0];
	size_t sender = k->node[end];
	uint32_t id = k->id[end];

	memmove(&k->way[end][0], &k->way[end][1], --k->count[end] * sizeof piece);
	bool last = k->count[end] == 0;
	deliver_octets(k->node[!end], k->id[!end], piece.data, piece.len, piece.made_ms, false);
	if (last && id && w.node[sender].p) {
		pair_stream_drained(w.node[sender].p, id, w.now_ms);
		drain(sender);
	}
}

static uint64_t node_due(const struct node *n)
{
	if (!n->p)
		return UINT64_MAX;
	uint64_t at = pair_deadline(n->p);
	return at < n->paused_until_ms ? n->paused_until_ms : at;
}

/* The next thing that is due up to end_ms; a paused node finds its packets first, its timers after, or the other way round. */
static bool run_one(uint64_t end_ms)
{
	uint64_t best = end_ms;
	size_t node = NODES_MAX, packet = WIRE_MAX, line = PIPES_MAX;

	for (size_t i = 0; i < w.nodes; i++) {
		if (node_due(&w.node[i]) < best)
			best = node_due(&w.node[node = i]);
	}
	for (size_t i = 0; i < w.wire_count; i++) {
		uint64_t paused = w.node[w.wire[i].to].paused_until_ms;
		uint64_t at = w.wire[i].at_ms < paused ? paused : w.wire[i].at_ms;
		if (at < end_ms && (w.timers_first ? at < best : at <= best)) {
			best = at;
			packet = i;
		}
	}
	for (size_t i = 0; i < PIPES_MAX; i++) {
		uint64_t at = pipe_due(&w.pipes[i]);
		if (at < end_ms && (w.timers_first ? at < best : at <= best)) {
			best = at;
			line = i;
		}
	}
	if (node == NODES_MAX && packet == WIRE_MAX && line == PIPES_MAX)
		return false;
	w.now_ms = best > w.now_ms ? best : w.now_ms;
	if (line < PIPES_MAX) {
		run_pipe(&w.pipes[line]);
		return true;
	}
	if (packet < WIRE_MAX) {
		struct packet k = w.wire[packet];
		w.wire[packet] = w.wire[--w.wire_count];
		deliver(&k);
		return true;
	}
	pair_tick(w.node[node].p, w.now_ms, wall(&w.node[node]));
	drain(node);
	REQUIRE(node_due(&w.node[node]) > w.now_ms);
	check_node(node);
	return true;
}

static void run(uint64_t ms)
{
	uint64_t end_ms = w.now_ms + ms;
	while (run_one(end_ms))
		continue;
	w.now_ms = end_ms;
}

static void restart(size_t i)
{
	struct node *n = &w.node[i];
	size_t keep = chance(60) ? n->disk_count : chance(50) ? 0 : below(n->disk_count + 1);

	if (n->p)
		crash(i);
	run(below(300));
	start(i, keep);
	drain(i);
}

/* A life of i that j never heard a word of, but an attacker did; then its disk is put back, the next life meets j, and only then
 * j is told what the lost one said. */
static void strand(size_t i, size_t j)
{
	struct node *n = &w.node[i], *other = &w.node[j];

	if (i == j || !other->p || n->disk_count < 2)
		return;
	w.cut[i][j] = w.cut[j][i] = w.tcp_cut[i][j] = w.tcp_cut[j][i] = false;
	if (n->p)
		crash(i);
	start(i, n->disk_count);
	drain(i);
	for (int ms = 0; ms < 600 && pair_peer_of(n->p, other->id)->session.boot != other->boot; ms++)
		run(1);
	w.cut[i][j] = w.tcp_cut[i][j] = w.tcp_cut[j][i] = true;
	w.caught_from = i, w.caught_to = j;
	w.caught.len = 0;
	run(300);
	w.caught_from = w.caught_to;
	if (n->p)
		crash(i);
	w.cut[i][j] = w.tcp_cut[i][j] = w.tcp_cut[j][i] = false;
	start(i, n->disk_count - 2);
	drain(i);
	run(600);
	if (w.caught.len)
		deliver(&w.caught);
}

/* More than may be opened in a second, from where a peer is: it costs that peer its datagrams for as long as it lasts. */
static void flood(struct packet k, size_t as)
{
	struct node *n = &w.node[k.to];

	k.from = address(as, 0);
	k.data[k.len - 1] ^= 1;
	for (int i = 0; n->p && i < 1100; i++)
		REQUIRE(pair_receive(n->p, &k.from, k.data, k.len, w.now_ms, wall(n)) < 0);
	if (n->p)
		drain(k.to);
}

static void step(void)
{
	size_t i = below(w.nodes), j = below(w.nodes);
	struct node *n = &w.node[i];

	switch (below(16)) {
	case 0:
		if (chance(60))
			w.cut[i][j] = !w.cut[i][j];
		if (chance(60))
			w.tcp_cut[i][j] = w.tcp_cut[j][i] = !w.tcp_cut[i][j];
		break;
	case 1:
		if (chance(5))
			strand(i, j);
		else if (chance(25))
			restart(i);
		break;
	case 2:
		if (n->p && chance(15)) {
			if (chance(50)) { /* stopped, not killed */
				pair_leave(n->p);
				drain(i);
			}
			crash(i);
		}
		break;
	case 3:
	case 4:
		if (w.store_count > 0) {
			struct packet k = w.store[below(w.store_count)];
			if (chance(40))
				call_with(k);
			else if (!k.stream)
				deliver(&k);
			else
				REQUIRE(!w.node[k.to].p || pair_receive(w.node[k.to].p, &k.from, k.data, k.len, w.now_ms,
									wall(&w.node[k.to])) < 0);
		}
		break;
	case 5:
		if (w.store_count > 0 && chance(3))
			flood(w.store[below(w.store_count)], j);
		else if (w.store_count > 0)
			deliver_broken(w.store[below(w.store_count)]);
		break;
	case 6:
		if (chance(10))
			n->paused_until_ms = w.now_ms + below(4000);
		if (chance(5))
			n->wall_off_ms += (int64_t)below(20000) - 10000;
		break;
	case 7:
	case 8:
	case 9:
	case 10:
		if (n->p) {
			write_random(i);
			drain(i);
		}
		break;
	default:
		run(chance(10) ? below(2500) : below(120));
	}
}

/* ---- heal ---- */

/* The vote on each key as one node sees it; verdict values carry it in their low bits. */
static unsigned effective(const struct node *n, int key)
{
	const struct pair_quorum q = { 40, 2 };
	struct pair_ballot b[NODES_MAX];
	size_t count = 0;

	for (size_t o = 0; o < w.nodes; o++) {
		const struct pair_record *r = pair_find(n->p, w.node[o].id, PAIR_VERDICT, (uint64_t)key);
		if (pair_is_fresh(n->p, w.node[o].id, w.now_ms))
			b[count++] = (struct pair_ballot){ .vote = (uint8_t)(value_of(r) & 3), .weight = (uint8_t)(o + 1) };
	}
	return pair_decide(PAIR_ANY_UP, &q, b, count) * 16u + pair_decide(PAIR_QUORUM, &q, b, count);
}

static void check_equal(void)
{
	const struct node *a = &w.node[0];

	for (size_t i = 0; i < w.nodes; i++) {
		const struct node *n = &w.node[i];
		for (size_t o = 0; o < w.nodes; o++) {
			const struct shelf *s = &n->p->shelves[pair_shelf_of(n->p, w.node[o].id)];
			const struct shelf *own = &w.node[o].p->shelves[0];
			REQUIRE(vector_compare(s->vector, own->vector) == 0);
			REQUIRE(s->digest[0] == own->digest[0] && !s->old.first);
			for (int k = 0; k < KINDS * KEYS; k++)
				REQUIRE(value_of(
						pair_find(n->p, w.node[o].id, kinds[k / KEYS], (uint64_t)(k % KEYS))) ==
					w.node[o].live[k / KEYS][k % KEYS]);
		}
		for (size_t j = 0; j < pair_peers(n->p); j++) {
			struct pair_peer_view v;
			pair_peer_get(n->p, j, &v, w.now_ms);
			REQUIRE(v.link == PAIR_ACTIVE && v.shelves_equal && v.heard_ms + 800 > w.now_ms);
		}
		for (int k = 0; k < KEYS; k++)
			REQUIRE(effective(n, k) == effective(a, k));
		REQUIRE(pair_stats_get(n->p)->divergences == 0);
	}
}

static void heal(void)
{
	memset(w.cut, 0, sizeof w.cut);
	memset(w.tcp_cut, 0, sizeof w.tcp_cut);
	w.loss = w.dup = 0;
	bool frozen = false;
	for (size_t i = 0; i < w.nodes; i++) {
		w.node[i].paused_until_ms = 0;
		if (!w.node[i].p) {
			start(i, w.node[i].disk_count);
			drain(i);
		}
		frozen |= w.node[i].frozen;
	}
	run(HEAL_MS);
	if (frozen) /* taken for a duplicate id: rests for a minute */
		run(70000);
	for (size_t i = 0; i < w.nodes; i++) {
		write_random(i);
		drain(i);
	}
	run(1000);
	check_equal();
}

static void hang_up_on(size_t i)
{
	for (size_t k = 0; k < PIPES_MAX; k++) {
		for (size_t end = 0; end < 2; end++) {
			if (w.pipes[k].used && w.pipes[k].node[end] == i && w.pipes[k].id[end] && w.pipes[k].id[!end])
				end_pipe(&w.pipes[k], !end);
		}
	}
}

static void blame_nobody(const struct node *n, uint64_t end_ms)
{
	while (run_one(end_ms)) {
		for (size_t j = 0; j < pair_peers(n->p); j++) {
			struct pair_peer_view v;
			pair_peer_get(n->p, j, &v, w.now_ms);
			REQUIRE(v.link != PAIR_SUSPECT && v.link != PAIR_LOST);
		}
	}
	w.now_ms = end_ms;
}

/* On a good network one does not run for a while, and finds its timers before what waits in its sockets, or after it. It does not
 * take anybody for dead; others may, for they hear nothing. */
static void pause_one(void)
{
	size_t i = below(w.nodes);
	struct node *n = &w.node[i];

	w.delay_ms = (unsigned)below(30);
	w.timers_first = chance(50);
	n->paused_until_ms = w.now_ms + 500 + below(1200); /* no TILT yet */
	blame_nobody(n, n->paused_until_ms);
	if (chance(50)) /* and that a connection is no more, before all else */
		hang_up_on(i);
	blame_nobody(n, w.now_ms + 2000);
}

static void schedule(uint64_t seed)
{
	memset(&w, 0, offsetof(struct world, log));
	memset(w.log_count, 0, sizeof w.log_count);
	memset(w.base_count, 0, sizeof w.base_count);
	memset(w.heard_ms, 0, sizeof w.heard_ms);
	w.wire_count = w.store_count = 0;
	for (size_t i = 0; i < PIPES_MAX; i++)
		w.pipes[i].used = false;
	w.seed = seed;
	w.now_ms = 1000;
	rng_init(&w.rng, seed);
	w.nodes = seed % 32 == 7 ? NODES_MAX : 2 + (seed % 4 == 3);
	w.loss = chance(50) ? (unsigned)below(40) : 0;
	w.dup = chance(50) ? (unsigned)below(40) : 0;
	w.delay_ms = (unsigned)below(chance(20) ? 300 : 30);
	w.two_ways = chance(20);
	w.pad = chance(25) ? PAD_MAX - below(60) : 0;
	for (size_t i = 0; i < w.nodes; i++)
		w.node[i].id = (uint8_t)(i * 3 + 1);
	for (size_t i = 0; i < w.nodes; i++)
		start(i, 0);
	for (size_t i = 0; i < w.nodes; i++)
		drain(i);
	for (int i = 0; i < STEPS; i++)
		step();
	heal();
	pause_one();
	for (size_t i = 0; i < w.nodes; i++)
		pair_free(w.node[i].p);
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

START_TEST(hostile_schedules_keep_the_invariants)
{
	uint64_t seed = from_environment("GEMEL_SIM_SEED", 1), runs = from_environment("GEMEL_SIM_RUNS", RUNS);

	for (uint64_t i = 0; i < runs; i++)
		schedule(seed + i);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pair_sim");
	TCase *t = tcase_create("schedules");

	if (sodium_init() < 0)
		return 1;
	tcase_set_timeout(t, 600);
	tcase_add_test(t, hostile_schedules_keep_the_invariants);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
