/* The way out: what is due becomes heartbeats, each with what the peer lacks, split at the size of a packet.
 *
 *     DUE_ALL   from what the peer says it holds: repeats until it is covered
 *     DUE_MORE  from where DUE_ALL has come to: what is on its way is not sent twice
 *     DUE_NEWS  from what it was sent already: a change goes out once at once; the next heartbeat repeats it if need be
 */
#include "pair/state.h"

static struct pair_vector greater(struct pair_vector a, struct pair_vector b)
{
	return vector_compare(a, b) < 0 ? b : a;
}

static bool lacks(const struct pair *p, const struct pair_peer *e, const struct pair_vector *cursor, size_t i)
{
	return p->shelves[i].owner != e->conf.id && vector_compare(cursor[i], p->shelves[i].vector) < 0;
}

static bool lacks_any(const struct pair *p, const struct pair_peer *e, const struct pair_vector *cursor)
{
	for (size_t i = 0; i < shelf_total(p); i++) {
		if (lacks(p, e, cursor, i))
			return true;
	}
	return false;
}

/* ---- a plaintext ---- */

static uint16_t age_of(const struct pair *p, uint8_t owner, uint64_t now_ms)
{
	if (owner == p->self_id)
		return 0;
	for (size_t i = 0; i < p->peer_count; i++) {
		const struct link *l = &p->peers[i].link;
		if (p->peers[i].conf.id == owner && link_is_fresh(l, now_ms))
			return (uint16_t)((now_ms - link_heard_ms(l)) / 10); /* fresh: 2 SUSPECT at most, it fits */
	}
	return PAIR_AGE_UNKNOWN;
}

static void put_entry(const struct pair *p, struct wbuf *w, size_t i, uint64_t now_ms)
{
	const struct shelf *s = &p->shelves[i];
	entry_put(w, &(struct pair_entry){ s->owner, age_of(p, s->owner, now_ms), s->vector });
}

/* The peer's own entry first: a short answer must tell it of its epoch. */
static void put_entries(const struct pair *p, const struct pair_peer *e, struct wbuf *w, size_t count, uint64_t now_ms)
{
	size_t first = (size_t)(e - p->peers) + 1;

	if (count > 0)
		put_entry(p, w, first, now_ms);
	for (size_t i = 0, n = 1; n < count; i++) {
		if (i == first)
			continue;
		put_entry(p, w, i, now_ms);
		n++;
	}
}

/* Fixed part and entries; your_boot as given. */
static void put_beat(struct pair *p, const struct pair_peer *e, enum link_way way, struct wbuf *w, uint64_t your_boot,
		     uint64_t now_ms, uint64_t wall_ms)
{
	const struct pair_echo *echo = &e->echo[way];
	const uint64_t hlc = clock_hlc_peek(&p->hlc, wall_ms);
	size_t fit = (w->cap - PAIR_BEAT_LEN) / PAIR_ENTRY_LEN, count = fit < shelf_total(p) ? fit : shelf_total(p);
	struct pair_beat b = { .your_boot = your_boot,
			       .epoch = p->shelves[0].vector.epoch,
			       .hlc = hlc,
			       .hlc_ahead_s = clock_hlc_ahead_s(hlc, wall_ms),
			       .config_digest = p->config_digest,
			       .tx_ts = (uint32_t)now_ms,
			       .interval_ms = (uint16_t)p->interval_ms,
			       .version_min = PAIR_VERSION,
			       .version_max = PAIR_VERSION,
			       .self = (uint8_t)p->self,
			       .link = (uint8_t)e->link.state,
			       .lhm = p->lhm,
			       .entry_count = (uint8_t)count };
	bool whole = count == shelf_total(p) && !pair_is_behind(p);

	for (size_t i = 0; i < shelf_total(p); i++) {
		b.state_digest ^= p->shelves[i].digest[0]; /* under the key that will seal it */
		whole = whole && shelf_is_whole(&p->shelves[i]);
	}
	b.flags = whole ? BEAT_DIGEST_WHOLE : 0;
	/* A time of the life that it is known by; to a new one, whose clock may be another, it would mean something else. */
	if (echo->has && your_boot == e->session.boot) {
		uint64_t hold_us = (now_ms - echo->at_ms) * 1000;
		if (hold_us < UINT32_MAX) { /* over an hour old, an echo proves nothing any more */
			b.flags |= BEAT_ECHO;
			b.echo_ts = echo->ts;
			b.echo_hold_us = (uint32_t)hold_us;
		}
	}
	beat_put(w, &b);
	put_entries(p, e, w, count, now_ms);
}

static void put_pulls(const struct pair *p, struct pair_peer *e, struct wbuf *w)
{
	for (size_t i = 1; e->pull && i < shelf_total(p); i++) {
		if (vector_compare(p->shelves[i].vector, e->known[i]) < 0)
			pull_put(w, &(struct tlv_pull){ p->shelves[i].owner, p->shelves[i].vector });
	}
	e->pull = false;
}

/* As much of what lies behind the cursor as fits; the cursor follows. */
static void put_deltas(struct pair *p, const struct pair_peer *e, struct wbuf *w, struct pair_vector *cursor)
{
	for (size_t i = 0; i < shelf_total(p); i++) {
		struct shelf *s = &p->shelves[i];
		size_t before = w->len;
		if (!lacks(p, e, cursor, i))
			continue;
		uint64_t to = shelf_put_delta(s, cursor[i].epoch == s->vector.epoch ? cursor[i].seq : 0, w);
		if (w->len == before)
			return; /* full */
		cursor[i] = (struct pair_vector){ s->vector.epoch, to };
		if (to < s->vector.seq)
			return;
	}
}

/* ---- a packet ---- */

static void seal(struct pair *p, struct pair_peer *e, struct pair_burst *b, const struct wbuf *w)
{
	struct pair_header h = { .version = PAIR_VERSION,
				 .type = (uint8_t)(p->leaving ? PAIR_TYPE_BYE : b->errand ? PAIR_TYPE_PROBE : PAIR_TYPE_BEAT),
				 .key_id = p->key_ids[0],
				 .flags = b->way == LINK_TCP ? PAIR_FLAG_TCP : 0,
				 .src = p->self_id,
				 .dst = e->conf.id,
				 .cluster = p->cluster,
				 .boot = p->boot,
				 .counter = ++e->counter };
	b->len = seal_packet(b->data, &h, w->data, w->len, e->keys[0][b->way].send);
}

static void build_answer(struct pair *p, struct pair_peer *e, struct pair_burst *b, uint64_t now_ms, uint64_t wall_ms)
{
	uint8_t plain[PAIR_PLAIN_MAX];
	struct wbuf w;

	wbuf_init(&w, plain, e->hello.room - PAIR_HEADER_LEN - PAIR_TAG_LEN);
	put_beat(p, e, b->way, &w, e->hello.boot, now_ms, wall_ms);
	e->hello.asked = 0;
	e->hello.last_ms = now_ms;
	p->stats.hello_answers++;
	seal(p, e, b, &w);
	b->left = 0;
	b->copy = e->hello.address;
	b->copies = (uint8_t)(e->hello.address + 1);
}

static void build_beat(struct pair *p, struct pair_peer *e, struct pair_burst *b, uint64_t now_ms, uint64_t wall_ms)
{
	struct pair_vector *sent = b->way == LINK_TCP ? e->tcp.sent : e->sent;
	uint8_t plain[PAIR_PLAIN_MAX];
	struct wbuf w;

	wbuf_init(&w, plain, sizeof plain);
	put_beat(p, e, b->way, &w, e->session.boot, now_ms, wall_ms);
	b->left--;
	if (e->session.boot && !b->bare) {
		put_pulls(p, e, &w);
		put_deltas(p, e, &w, b->cursor);
		for (size_t i = 0; i < shelf_total(p); i++) {
			sent[i] = greater(sent[i], b->cursor[i]);
			if (b->reaches)
				e->reach[i] = b->cursor[i];
		}
	}
	if (!e->session.boot || b->bare || !lacks_any(p, e, b->cursor))
		b->left = 0;
	else if (b->left == 0 && b->way == LINK_TCP)
		e->tcp.more = true;
	else if (b->left == 0 && !p->leaving)
		pair_tcp_want_bulk(p, e, now_ms);
	seal(p, e, b, &w);
	b->copy = 0;
	b->copies = e->conf.addr_count;
}

static void begin_burst(struct pair *p, struct pair_peer *e)
{
	enum peer_due due = e->tcp.carries ? DUE_NEWS : e->due;

	p->burst = (struct pair_burst){ .way = LINK_UDP,
					.left = p->leaving ? 1 : due == DUE_MORE ? PAIR_PULL_BURST : PAIR_BURST_MAX,
					.peer = (uint8_t)(e - p->peers),
					.reaches = due != DUE_NEWS };
	for (size_t i = 0; i < shelf_total(p); i++)
		p->burst.cursor[i] = due == DUE_ALL ? e->known[i] : greater(e->known[i], due == DUE_MORE ? e->reach[i] : e->sent[i]);
	e->due = DUE_NOTHING;
}

/* A question about a peer, or an answer, on its way; those to who is gone meanwhile are dropped. */
static bool build_errand(struct pair *p, uint64_t now_ms, uint64_t wall_ms)
{
	while (p->errand_count > 0) {
		struct pair_errand errand = p->errands[--p->errand_count];
		struct pair_peer *e = pair_peer_of(p, errand.to);
		uint8_t plain[PAIR_PLAIN_MAX];
		struct wbuf w;
		if (!e || !e->session.boot)
			continue;
		p->burst = (struct pair_burst){ .way = LINK_UDP, .peer = (uint8_t)(e - p->peers), .errand = true,
						.copies = e->conf.addr_count };
		wbuf_init(&w, plain, sizeof plain);
		put_beat(p, e, LINK_UDP, &w, e->session.boot, now_ms, wall_ms);
		ping_put(&w, errand.type, &errand.ping);
		seal(p, e, &p->burst, &w);
		return true;
	}
	return false;
}

/* Makes the next datagram; false when nothing is due. */
static bool build(struct pair *p, uint64_t now_ms, uint64_t wall_ms)
{
	struct pair_burst *b = &p->burst;

	if (b->left > 0) {
		build_beat(p, &p->peers[b->peer], b, now_ms, wall_ms);
		return true;
	}
	if (build_errand(p, now_ms, wall_ms))
		return true;
	for (size_t i = 0; i < p->peer_count; i++) {
		struct pair_peer *e = &p->peers[i];
		if (pair_hello_due(e, now_ms) && !e->hello.stream) {
			*b = (struct pair_burst){ .way = LINK_UDP, .peer = (uint8_t)i };
			build_answer(p, e, b, now_ms, wall_ms);
			return true;
		}
		if (e->due != DUE_NOTHING) {
			begin_burst(p, e);
			build_beat(p, e, b, now_ms, wall_ms);
			return true;
		}
	}
	return false;
}

bool pair_next_packet(struct pair *p, struct addr *to, uint8_t out[PAIR_PACKET_MAX], size_t *len, uint64_t now_ms,
		      uint64_t wall_ms)
{
	struct pair_burst *b = &p->burst;

	pair_watch_clock(p, now_ms, wall_ms);
	if (p->wants_epoch)
		return false;
	shelf_seal(own_shelf(p)); /* what is written by the first packet is all that is left of earlier epochs */
	if (b->copy >= b->copies && !build(p, now_ms, wall_ms)) {
		pair_note_deadline(p, now_ms);
		return false;
	}
	*to = p->peers[b->peer].conf.addr[b->copy++];
	memcpy(out, b->data, b->len);
	*len = b->len;
	p->stats.sent++;
	p->stats.bytes_sent += b->len;
	return true;
}

/* ---- streams ---- */

/* A stream keeps the order and loses nothing: from where it was left, whatever the peer confirmed meanwhile. */
static void begin_stream_burst(struct pair *p, struct pair_peer *e, const struct stream *s)
{
	bool bare = s->state != STREAM_PROVEN;

	p->tcp_burst = (struct pair_burst){ .way = LINK_TCP, .left = bare || p->leaving ? 1 : PAIR_STREAM_BURST,
					    .peer = (uint8_t)(e - p->peers), .stream = s->id, .bare = bare };
	for (size_t i = 0; i < shelf_total(p); i++)
		p->tcp_burst.cursor[i] = greater(e->known[i], e->tcp.sent[i]);
	e->tcp.due = DUE_NOTHING;
	e->tcp.more = false;
}

bool pair_build_stream(struct pair *p, struct pair_peer *e, const struct stream *s, uint64_t now_ms, uint64_t wall_ms)
{
	struct pair_burst *b = &p->tcp_burst;

	if (pair_hello_due(e, now_ms) && e->hello.stream == s->id) {
		if (b->left > 0) /* it goes on after this */
			e->tcp.due = DUE_ALL;
		*b = (struct pair_burst){ .way = LINK_TCP, .peer = (uint8_t)(e - p->peers), .stream = s->id };
		build_answer(p, e, b, now_ms, wall_ms);
		return true;
	}
	if (b->left == 0 || b->stream != s->id) {
		if (e->tcp.due == DUE_NOTHING)
			return false;
		begin_stream_burst(p, e, s);
	}
	build_beat(p, e, b, now_ms, wall_ms);
	return true;
}
