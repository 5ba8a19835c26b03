/* The peers, by the book: what they say, and what must come of it. */
#include <sodium.h>
#include "base/hash.h"
#include "sim/strange.h"

#define FIXED_SELF 56 /* where pair.md has it */
#define WINDOW 1024

void peers_init(struct world *w)
{
	for (size_t i = 0; i < w->peers; i++) {
		struct puppet *e = &w->peer[i];
		memset(e, 0, sizeof *e);
		e->id = (uint8_t)(i + 1);
		e->addr_count = (uint8_t)(1 + below(w, 2));
		for (unsigned k = 0; k < 2; k++) {
			e->addr[k] = (struct addr){ .family = 4, .ip = { 127, 0, (uint8_t)k, e->id }, .port = 5400 };
			seal_keys_derive(&e->keys[k], w->conf.key, k ? SEAL_TCP : SEAL_UDP, e->id, SELF);
		}
		e->ts_off = (uint32_t)rng_u64(&w->rng);
		e->wall_off_ms = (int64_t)below(w, 20000) - 10000;
		live_anew(w, e);
		w->peer_conf[i] = (struct pair_peer_conf){ .id = e->id, .addr = { e->addr[0], e->addr[1] }, .addr_count = e->addr_count };
	}
}

void live_anew(struct world *w, struct puppet *e)
{
	e->boot = ++w->boots;
	e->epoch = ((e->epoch >> 32) + 1 + below(w, 3)) << 32 | below(w, 1000);
	e->counter = 0;
	e->seq = 1;
	memset(e->held, 0, sizeof e->held);
	memset(e->heard, 0, sizeof e->heard);
	memset(e->relayed, 0, sizeof e->relayed);
	e->knows = (struct pair_vector){ 0 };
	e->late_count = 0;
}

/* Every value says whose it is, and when it was written. */
static uint64_t truth(const struct puppet *e, uint64_t epoch, uint64_t seq, uint64_t key)
{
	return (hash_mix(epoch ^ 0x9e3779b97f4a7c15u, seq * 8 + key + 1) ^ (uint64_t)e->id << 56) | 1;
}

static void put_records(struct wbuf *t, struct puppet *e)
{
	struct delta_writer d;
	uint64_t last = 0;

	delta_begin(&d, t, e->id, e->epoch, 0, 1);
	for (;;) { /* in the order of their numbers */
		int next = -1;
		for (int k = 0; k < KEYS; k++)
			if (e->held[k] > last && (next < 0 || e->held[k] < e->held[next]))
				next = k;
		if (next < 0)
			break;
		uint8_t value[8];
		last = e->held[next];
		store_u64(value, truth(e, e->epoch, last, (uint64_t)next));
		const struct pair_record r = { .kind = PAIR_VERDICT, .key = (uint64_t)next, .seq = last, .value_len = 8, .value = value };
		delta_add(&d, t, &r);
	}
	delta_end(&d, t, e->seq);
}

struct letter letter_write(struct world *w, struct puppet *e, enum way way)
{
	struct letter l = { .way = way, .your_boot = w->boot, .boot = e->boot, .epoch = e->epoch, .counter = ++e->counter,
			    .made_ms = w->now, .ts = (uint32_t)w->now + e->ts_off, .self = (uint8_t)(1 + below(w, 5)),
			    .wall_off_ms = e->wall_off_ms };
	struct pair_header h = { .version = 1, .type = 1, .key_id = pair_key_id(w->conf.key), .flags = way == BY_TCP, .src = e->id,
				 .dst = SELF, .cluster = seal_cluster(w->conf.cluster), .boot = e->boot, .counter = l.counter };
	uint64_t wall_ms = wall(w) + (uint64_t)e->wall_off_ms;
	struct pair_beat b = { .your_boot = w->boot, .epoch = e->epoch, .hlc = (wall_ms + e->ahead_ms) << 16,
			       .hlc_ahead_s = (uint32_t)(e->ahead_ms / 1000), .config_digest = w->conf.config_digest, .tx_ts = l.ts,
			       .interval_ms = (uint16_t)w->conf.interval_ms, .version_min = 1, .version_max = 1, .self = l.self,
			       .link = PAIR_ACTIVE, .entry_count = (uint8_t)(w->peers + 1) };
	struct wbuf t;

	if (e->heard[way].has) {
		b.flags = BEAT_ECHO;
		b.echo_ts = e->heard[way].ts;
		b.echo_hold_us = (uint32_t)(w->now - e->heard[way].at_ms) * 1000;
		l.echoes = w->now - e->heard[way].at_ms < w->conf.interval_ms;
	}
	wbuf_init(&t, l.plain, sizeof l.plain);
	beat_put(&t, &b);
	l.claimed = e->knows.epoch;
	entry_put(&t, &(struct pair_entry){ SELF, 0, e->knows });
	for (size_t i = 0; i < w->peers; i++) {
		bool own = e == &w->peer[i];
		entry_put(&t, &(struct pair_entry){ w->peer[i].id, own ? 0 : PAIR_AGE_UNKNOWN,
						    own ? (struct pair_vector){ e->epoch, e->seq } : e->relayed[i] });
	}
	put_records(&t, e);
	l.text = t.len;
	header_encode(l.head, &h);
	return l;
}

uint8_t *letter_room(struct letter *l, size_t len)
{
	uint8_t *at = l->plain + l->text;
	l->extra = l->text;
	l->text += len;
	memset(at, 0, len);
	return at;
}

/* Done here again, so that the header may say what nobody would write. */
void letter_seal(const struct puppet *e, struct letter *l)
{
	if (load_u16(l->head + 10) == 0)
		store_u16(l->head + 10, (uint16_t)l->text);
	memcpy(l->data, l->head, sizeof l->head);
	crypto_aead_xchacha20poly1305_ietf_encrypt(l->data + sizeof l->head, NULL, l->plain, l->text, l->head, sizeof l->head, NULL,
						   l->head + 8, e->keys[l->way].send);
	l->len = sizeof l->head + l->text + PAIR_TAG_LEN;
}

/* ---- what must come of a packet ---- */

static bool was_here(const struct puppet *e, const struct letter *l)
{
	return l->boot == e->in_boot && l->counter <= e->highest &&
	       (e->highest - l->counter >= WINDOW || e->seen[l->counter % COUNTERS_MAX]);
}

enum fate fate_of(const struct world *w, const struct puppet *e, const struct letter *l)
{
	if (was_here(e, l))
		return FATE_COPY;
	if (l->your_boot != w->boot)
		return FATE_HELLO;
	if (l->boot != e->in_boot)
		return l->epoch > e->in_epoch ? FATE_TAKEN : FATE_OLD;
	return l->epoch == e->in_epoch ? FATE_TAKEN : FATE_OLD;
}

/* Who says that the node wrote more than it did: it lost its disk, or another has its id. */
static void expect_refute(struct world *w, uint64_t claimed)
{
	uint64_t wanted = pair_wants_epoch(w->p), oldest = 0;

	if (w->now < w->frozen_until_ms || (wanted && wanted > claimed))
		return;
	for (int i = 1; i < 3; i++)
		if (w->refutes_ms[i] < w->refutes_ms[oldest])
			oldest = (uint64_t)i;
	if (w->refutes_ms[oldest] && w->now - w->refutes_ms[oldest] < 60000) {
		w->duplicates++;
		w->frozen_until_ms = w->now + 60000;
		return;
	}
	w->refutes++;
	w->refutes_ms[oldest] = w->now;
}

static bool take_in(struct world *w, struct puppet *e, const struct letter *l)
{
	if (l->boot != e->in_boot) {
		memset(e->seen, 0, sizeof e->seen);
		memset(e->newest, 0, sizeof e->newest);
		e->in_boot = l->boot;
		e->in_epoch = l->epoch;
		e->highest = 0;
	}
	bool newest = l->counter > e->highest;
	e->seen[l->counter % COUNTERS_MAX] = true;
	if (newest)
		e->highest = l->counter;
	if (!e->newest[l->way].has || l->counter > e->newest[l->way].counter) {
		e->newest[l->way].has = true;
		e->newest[l->way].ts = l->ts;
		e->newest[l->way].counter = l->counter;
		e->newest[l->way].at_ms = w->now;
	}
	if (newest && l->claimed > w->epoch)
		expect_refute(w, l->claimed);
	return newest;
}

static struct pair_peer_view view_of(const struct world *w, const struct puppet *e)
{
	struct pair_peer_view v;
	pair_peer_get(w->p, (size_t)(e - w->peer), &v, w->now);
	return v;
}

/* What was just taken in shows. */
static void judge_taken(struct world *w, const struct puppet *e, const struct letter *l, bool newest, bool begins)
{
	struct pair_peer_view v = view_of(w, e);
	int64_t late = (int64_t)(w->now - l->made_ms), off = v.clock_offset_ms - l->wall_off_ms + late;

	REQUIRE(w, v.boot == e->in_boot && v.epoch == e->in_epoch, "a packet of this session counts, and the session is another");
	if (begins || (l->echoes && late == 0))
		REQUIRE(w, v.link != PAIR_INCOMPATIBLE && v.link != PAIR_LOST && v.link != PAIR_WAITING,
			"a bound packet came, and the link is still what explains a silence");
	if (!newest)
		return;
	REQUIRE(w, v.self == (l->self <= PAIR_MAINT ? (enum pair_self_state)l->self : PAIR_SELF_NONE),
		"a self state is not the one that was said");
	REQUIRE(w, off > -1000 - late && off < 12000, "a stamp is taken for its sender's clock");
}

void frame_send(struct world *w, const struct letter *l, uint32_t stream)
{
	uint8_t frame[PAIR_FRAME_LEN + sizeof l->data];
	size_t len = PAIR_FRAME_LEN + l->len, cut = below(w, len + 1);

	store_u16(frame, (uint16_t)l->len);
	memcpy(frame + PAIR_FRAME_LEN, l->data, l->len);
	pair_stream_receive(w->p, stream, frame, cut, w->now, wall(w));
	pair_stream_receive(w->p, stream, frame + cut, len - cut, w->now, wall(w));
}

void letter_send(struct world *w, struct puppet *e, const struct letter *l, const struct addr *from, uint32_t stream)
{
	enum fate f = fate_of(w, e, l);
	bool opens = stream || f == FATE_COPY || gate_opens(w, from), begins = l->boot != e->in_boot, newest = false;

	if (opens && f == FATE_TAKEN)
		newest = take_in(w, e, l);
	else if (opens && f != FATE_COPY)
		ask(w, e, l->boot, l->len, from, stream);
	if (stream) {
		frame_send(w, l, stream);
	} else {
		int got = pair_receive(w->p, from, l->data, l->len, w->now, wall(w));
		REQUIRE(w, opens ? got == (f == FATE_TAKEN ? 0 : ERR_STALE) : got == ERR_AUTH,
			!opens ? "a packet is opened, although too many failed" : f == FATE_TAKEN ? "a packet that is well is refused" :
			f == FATE_COPY ? "what the session had is opened again" : "a hello counts, or is none");
		if (opens && f != FATE_TAKEN && f != FATE_COPY)
			gate_pays(w, from);
	}
	if (opens && f == FATE_TAKEN && !w->fault)
		judge_taken(w, e, l, newest, begins);
	drain(w);
}

/* As every interval; now and then something changed, and now and then it comes late. */
void peer_talks(struct world *w, struct puppet *e)
{
	if (e->counter + 2 >= COUNTERS_MAX)
		live_anew(w, e);
	if (chance(w, 40))
		e->held[below(w, KEYS)] = ++e->seq;
	struct letter l = letter_write(w, e, BY_UDP);
	if (chance(w, 10)) { /* said by a later version, of which this one knows no such state */
		l.self = (uint8_t)(6 + below(w, 250));
		l.plain[FIXED_SELF] = l.self;
	}
	letter_seal(e, &l);
	if (e->late_count < LATE_MAX && chance(w, 20)) {
		e->late[e->late_count++] = l;
		return;
	}
	struct addr from = from_anywhere(w, e, 10);
	letter_send(w, e, &l, &from, 0);
	if (e->late_count > 0 && chance(w, 50)) {
		struct letter late = e->late[--e->late_count];
		letter_send(w, e, &late, &e->addr[0], 0);
	}
}

/* ---- what the node says ---- */

static struct puppet *puppet_of(struct world *w, uint8_t id)
{
	return id >= 1 && id <= w->peers ? &w->peer[id - 1] : NULL;
}

static void judge_echo(struct world *w, const struct puppet *e, const struct pair_beat *b, enum way way)
{
	bool has = e->newest[way].has && (w->now - e->newest[way].at_ms) * 1000 < UINT32_MAX;

	REQUIRE(w, !(b->flags & BEAT_ECHO) == !has, "an echo of nothing, or none of what came");
	if (!has || !(b->flags & BEAT_ECHO))
		return;
	REQUIRE(w, b->echo_ts == e->newest[way].ts, "the stamp that comes back is not that of the newest packet");
	REQUIRE(w, b->echo_hold_us == (w->now - e->newest[way].at_ms) * 1000, "an echo was held for another time");
}

static void learn(struct world *w, struct puppet *e, const struct pair_beat *b, enum way way)
{
	for (size_t i = 0; i < b->entry_count; i++) {
		struct pair_entry en;
		beat_entry(b, i, &en);
		if (en.owner != SELF) {
			if (puppet_of(w, en.owner))
				e->relayed[en.owner - 1] = en.vector;
			continue;
		}
		REQUIRE(w, en.vector.epoch == w->epoch, "the node's own entry is of another epoch");
		e->knows = en.vector;
	}
	e->heard[way].has = true;
	e->heard[way].ts = b->tx_ts;
	e->heard[way].at_ms = w->now;
}

void hear(struct world *w, const struct addr *to, uint32_t stream, const uint8_t *data, size_t len)
{
	uint8_t plain[PAIR_PLAIN_MAX];
	enum way way = stream ? BY_TCP : BY_UDP;
	struct pair_header h;
	struct pair_beat b;
	bool well = header_decode(&h, data, len) == 0 && h.src == SELF && h.boot == w->boot;
	struct puppet *e = well ? puppet_of(w, h.dst) : NULL;

	if (!e || seal_open(plain, &h, data, e->keys[way].receive) != 0 || beat_decode(&b, plain, h.text_len) != 0) {
		broken(w, "what the node sends is no packet");
		return;
	}
	if (b.your_boot != e->in_boot) {
		judge_answer(w, e, b.your_boot, len, to, stream);
		return;
	}
	judge_echo(w, e, &b, way);
	judge_bye(w, e, &h, &b);
	if (!stream && addr_equal(to, &e->addr[0]))
		judge_beat(w, e);
	learn(w, e, &b, way);
}

/* ---- what the node holds ---- */

void settle_views(struct world *w)
{
	uint64_t own = 0;
	size_t pos = 0;

	for (const struct pair_record *r; (r = pair_walk(w->p, PAIR_VERDICT, &pos));) {
		uint64_t value = r->value_len == 8 ? load_u64(r->value) : 0;
		const struct puppet *e = puppet_of(w, r->owner);
		if (r->owner == SELF) {
			REQUIRE(w, r->key < KEYS && value == w->own[r->key] && r->epoch == w->epoch, "own records are others' to write");
			own++;
		} else {
			REQUIRE(w, e && r->key < KEYS && value == truth(e, r->epoch, r->seq, r->key), "a record is held that nobody wrote");
		}
	}
	for (int k = 0; k < KEYS; k++)
		own -= w->own[k] != 0;
	REQUIRE(w, own == 0, "own records are gone");
	for (unsigned kind = 0; kind < 9; kind++) {
		pos = 0;
		REQUIRE(w, kind == PAIR_VERDICT || !pair_walk(w->p, (enum pair_kind)kind, &pos), "a record of a kind that nobody wrote");
	}
}
