/* The way in. Every step either refuses, counts and changes nothing else, or hands on. */
#include "pair/state.h"

int pair_shelf_of(const struct pair *p, uint8_t node)
{
	for (size_t i = 0; i < shelf_total(p); i++) {
		if (p->shelves[i].owner == node)
			return (int)i;
	}
	return -1;
}

struct pair_peer *pair_peer_of(struct pair *p, uint8_t node)
{
	for (size_t i = 0; i < p->peer_count; i++) {
		if (p->peers[i].conf.id == node)
			return &p->peers[i];
	}
	return NULL;
}

static int refuse(uint64_t *counter, int why)
{
	++*counter;
	return why;
}

/* A packet as it came: a datagram, or from a stream (of that number). */
struct arrival {
	const struct addr *from;
	uint32_t stream;
	const uint8_t *data;
	size_t len;
};

/* ---- hints of another version or key ---- */

static int address_of(const struct pair_peer *e, const struct addr *from)
{
	for (int i = 0; i < e->conf.addr_count; i++) {
		if (addr_equal(&e->conf.addr[i], from))
			return i;
	}
	return -1;
}

static void incompatible(struct pair *p, struct pair_peer *e, bool sure, uint64_t now_ms)
{
	enum pair_link_state was = e->link.state;

	if (link_incompatible(&e->link, sure, now_ms))
		pair_emit_link(p, e, was);
}

/* Nothing in such a packet is proven, so only the address says whom it may come from, and it only ever explains a
 * silence. */
static void hint(struct pair *p, const struct addr *from, bool sealed, uint64_t now_ms)
{
	for (size_t i = 0; i < p->peer_count; i++) {
		struct pair_peer *e = &p->peers[i];
		if (address_of(e, from) < 0)
			continue;
		e->undecryptable += sealed;
		incompatible(p, e, false, now_ms);
	}
}

/* ---- what an accepted packet says ---- */

/* Each way has its own: what came by TCP and was overtaken by a datagram is still the newest that came by TCP. Which is newer the
 * counter says: stamps of 32 bits begin anew, and a way may rest for months. */
static void take_echo(struct pair_peer *e, enum link_way way, uint64_t counter, const struct pair_beat *b, uint64_t now_ms)
{
	struct pair_echo *echo = &e->echo[way];

	if (!echo->has || counter > echo->counter)
		*echo = (struct pair_echo){ .has = true, .ts = b->tx_ts, .counter = counter, .at_ms = now_ms };
}

static void read_echo(struct pair_peer *e, enum link_way way, const struct pair_beat *b, uint64_t now_ms)
{
	uint32_t age_ms = (uint32_t)now_ms - b->echo_ts;

	/* (held for longer than can be said: neither life nor a round trip can be told from it) */
	if (b->flags & BEAT_ECHO && b->echo_hold_us < UINT32_MAX && age_ms <= now_ms && age_ms < (uint32_t)1 << 31)
		link_echo(&e->link, way, now_ms - age_ms, b->echo_hold_us, now_ms);
}

/* The stamp may be ahead of its wall clock, by others that it has seen: it says by how much, as long as it can. */
static void read_clock(struct pair *p, struct pair_peer *e, const struct pair_beat *b, uint64_t wall_ms)
{
	uint64_t theirs_ms = (b->hlc >> 16) - (uint64_t)b->hlc_ahead_s * 1000 + e->link.rtt_us / 2000;

	if (b->hlc_ahead_s == BEAT_AHEAD_MAX_S) {
		clock_hlc_absorb(&p->hlc, b->hlc);
		return;
	}

	e->clock_offset_ms = (int64_t)(theirs_ms - wall_ms);
	bool far = e->clock_offset_ms > PAIR_SKEW_MS || e->clock_offset_ms < -PAIR_SKEW_MS;
	if (far && !e->skewed) {
		p->stats.skews++;
		pair_emit(p, (struct pair_event){ .type = PAIR_EVENT_SKEW, .peer = e->conf.id });
	}
	e->skewed = far;
	clock_hlc_absorb(&p->hlc, b->hlc);
}

/* True where the interval was taken in whole. */
static bool join_all(struct pair *p, struct shelf *s, struct tlv_delta d)
{
	struct pair_record r;
	bool whole = true;

	while (delta_next(&d, &r)) {
		if (shelf_join(s, &r) < 0) {
			p->stats.refused_memory++;
			whole = false;
		}
	}
	return whole;
}

/* After a resync others may have the damage too, or had it from us: while the owner is there to ask, only its own word counts. Not for
 * long: heartbeats may come where records do not. */
static bool is_distrusted(struct pair *p, const struct pair_peer *by, const struct shelf *s, uint64_t epoch, uint64_t now_ms)
{
	const struct pair_peer *owner = pair_peer_of(p, s->owner);
	return now_ms < p->owners_until_ms && epoch <= s->vector.epoch && s->vector.seq < s->resync_to && owner != by &&
	       link_is_fresh(&owner->link, now_ms);
}

/* True where a vector rose. */
static bool read_delta(struct pair *p, const struct pair_peer *by, const struct tlv_delta *d, uint64_t now_ms)
{
	int i = pair_shelf_of(p, d->owner);

	if (i <= 0) /* a stranger's; or our own, which only we write */
		return false;
	if (is_distrusted(p, by, &p->shelves[i], d->epoch, now_ms))
		return false;
	p->stats.deltas++;
	p->stats.records += d->count;
	return join_all(p, &p->shelves[i], *d) && shelf_advance(&p->shelves[i], d->epoch, d->from, d->to, d->base);
}

/* It pulls from above what it said last: what it was sent arrives, and it need not be sent again. */
static bool has_got_more(const struct pair *p, const struct pair_peer *e, const struct tlv_pull *pull)
{
	for (size_t i = 0; i < shelf_total(p); i++) {
		if (p->shelves[i].owner == pull->owner)
			return vector_compare(e->known[i], pull->from) < 0;
	}
	return false;
}

static bool read_tlvs(struct pair *p, struct pair_peer *e, const struct pair_beat *b, uint64_t counter, uint64_t now_ms)
{
	struct rbuf walk = tlv_walk(b);
	struct tlv t;
	bool rose = false;

	while (tlv_next(&walk, &t)) {
		switch (t.type) {
		case TLV_DELTA:
			if (counter > e->delta_floor)
				rose |= read_delta(p, e, &t.delta, now_ms);
			break;
		case TLV_PULL:
			p->stats.pulls++;
			if (!e->tcp.carries) /* else all that it lacks is on its way */
				pair_hurry(e, has_got_more(p, e, &t.pull) ? DUE_MORE : DUE_ALL, now_ms);
			break;
		case TLV_PING:
			pair_errand_ping(p, e, &t.ping);
			break;
		case TLV_ACK:
			pair_errand_ack(p, e, &t.ping, now_ms);
			break;
		case TLV_NONE:
			break;
		}
	}
	return rose;
}

/* For how long it was on its way at most: since we sent what it answers, less the time that the peer kept that. What it says of others
 * is as old, so one that was held back makes nobody look alive. UINT64_MAX = it answers nothing. */
static uint64_t on_its_way_ms(const struct pair_beat *b, uint64_t now_ms)
{
	uint32_t age_ms = (uint32_t)now_ms - b->echo_ts, hold_ms = b->echo_hold_us / 1000;

	if (!(b->flags & BEAT_ECHO) || age_ms > now_ms || age_ms >= (uint32_t)1 << 31)
		return UINT64_MAX;
	return age_ms > hold_ms ? age_ms - hold_ms : 0;
}

/* What the peer heard of third nodes keeps their votes, while our own way to them is cut. */
static void read_age(struct pair *p, const struct pair_peer *by, const struct pair_entry *en, uint64_t way_ms, uint64_t now_ms)
{
	struct pair_peer *e = pair_peer_of(p, en->owner);
	uint64_t age_ms = (uint64_t)en->age_10ms * 10 + way_ms;

	if (!e || e == by || en->age_10ms == PAIR_AGE_UNKNOWN || way_ms > now_ms || age_ms >= now_ms)
		return;
	if (now_ms - age_ms > e->relayed_ms)
		e->relayed_ms = now_ms - age_ms;
}

/* True where it came on: it holds more than before. */
static bool read_entries(struct pair *p, struct pair_peer *e, const struct pair_beat *b, uint64_t now_ms)
{
	struct pair_entry en;
	uint64_t way_ms = on_its_way_ms(b, now_ms);
	bool rose = false;

	for (size_t i = 0; i < b->entry_count; i++) {
		beat_entry(b, i, &en);
		int at = pair_shelf_of(p, en.owner);
		if (at < 0)
			continue;
		rose |= vector_compare(en.vector, e->known[at]) > 0;
		if (vector_compare(en.vector, e->known[at]) < 0) /* a resync: what it was sent is gone, by a stream too */
			e->sent[at] = e->reach[at] = e->tcp.sent[at] = en.vector;
		e->known[at] = en.vector;
		read_age(p, e, &en, way_ms, now_ms);
		if (at == 0 && vector_compare(en.vector, own_shelf(p)->vector) > 0)
			pair_refute(p, e, en.vector.epoch, now_ms);
	}
	return rose;
}

/* ---- after reading ---- */

static bool covers(const struct pair_vector *a, const struct pair_vector *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (vector_compare(a[i], b[i]) < 0)
			return false;
	}
	return true;
}

/* Asks for what the peer has and we lack: at once while it helps, else now and then (a lost answer). */
static void consider_pull(struct pair *p, struct pair_peer *e, bool rose, uint64_t now_ms)
{
	bool behind = false;

	for (size_t i = 1; i < shelf_total(p); i++)
		behind |= vector_compare(p->shelves[i].vector, e->known[i]) < 0;
	e->pull = behind;
	if (behind && (rose || now_ms - e->last_pull_ms >= p->interval_ms / 4)) {
		e->last_pull_ms = now_ms;
		pair_hurry(e, DUE_NEWS, now_ms);
	}
}

static void consider_synced(struct pair *p, struct pair_peer *e)
{
	struct pair_vector mine[PAIR_NODES_MAX];
	size_t n = shelf_total(p);

	for (size_t i = 0; i < n; i++)
		mine[i] = p->shelves[i].vector;
	if (covers(mine + 1, e->known + 1, n - 1) && covers(e->known, e->target, n))
		e->link.synced = true;
}

static void resync(struct pair *p, struct pair_peer *e, uint64_t now_ms)
{
	for (size_t i = 1; i < shelf_total(p); i++)
		shelf_resync(&p->shelves[i]);
	for (size_t i = 0; i < p->peer_count; i++) {
		p->peers[i].delta_floor = p->peers[i].session.highest;
		p->peers[i].pull = true;
		pair_hurry(&p->peers[i], DUE_NEWS, now_ms);
	}
	p->owners_until_ms = now_ms + PAIR_OWNERS_MS;
	e->resync_ms = now_ms;
	e->diverged = 0;
	e->link.synced = false;
	p->stats.divergences++;
	pair_emit(p, (struct pair_event){ .type = PAIR_EVENT_DIVERGENCE, .peer = e->conf.id });
}

/* Which of our keys has this id; key_count where none has. */
static size_t key_at(const struct pair *p, uint8_t id)
{
	size_t k = 0;

	while (k < p->key_count && p->key_ids[k] != id)
		k++;
	return k;
}

/* Equal vectors promise equal records. The digest is under the packet's own key, which was opened: we have it. */
static void compare_shelves(struct pair *p, struct pair_peer *e, const struct pair_header *h, const struct pair_beat *b,
			    uint64_t now_ms)
{
	size_t under = key_at(p, h->key_id);
	uint64_t digest = 0;
	bool same = b->entry_count == shelf_total(p) && b->flags & BEAT_DIGEST_WHOLE;

	e->equal = false;
	for (size_t i = 0; i < shelf_total(p); i++) {
		same = same && shelf_is_whole(&p->shelves[i]) && vector_compare(p->shelves[i].vector, e->known[i]) == 0;
		digest ^= p->shelves[i].digest[under];
	}
	if (!same)
		return;
	e->equal = digest == b->state_digest;
	e->diverged = e->equal || pair_is_behind(p) ? 0 : (uint8_t)(e->diverged + 1);
	if (e->diverged < PAIR_DIVERGED_MAX)
		return;
	e->diverged = PAIR_DIVERGED_MAX; /* no overflow while it pauses */
	if (e->resync_ms == 0 || now_ms - e->resync_ms >= PAIR_RESYNC_PAUSE_MS)
		resync(p, e, now_ms);
}

/* The shelf takes the epoch at once, with nothing of it held: an owner whose disk is rolled back later is refused by
 * the session's epoch, and must find that epoch in our digest entry, or it would never raise its own. */
static void open_session(struct pair *p, struct pair_peer *e, uint64_t epoch, uint64_t counter, uint64_t now_ms)
{
	shelf_advance(peer_shelf(p, e), epoch, 0, 0, UINT64_MAX);
	link_restart(&e->link, counter, now_ms);
	memset(e->known, 0, sizeof e->known);
	memset(e->sent, 0, sizeof e->sent);
	memset(e->reach, 0, sizeof e->reach);
	memset(e->echo, 0, sizeof e->echo);
	memset(e->tcp.sent, 0, sizeof e->tcp.sent);
	e->equal = false;
	e->diverged = 0;
	e->left = e->deaf = false;
	e->delta_floor = 0;
	e->last_pull_ms = 0;
	pair_aim(p, e);
	pair_hurry(e, DUE_ALL, now_ms); /* it waits to learn our records */
}

/* It does not hear us, although we hear it and its echo: perhaps it is we who do not get around to sending. Once for
 * each time, since a cut in one direction would make us patient with everybody else for as long as it lasts. */
static void read_deaf(struct pair *p, struct pair_peer *e, const struct pair_beat *b, uint64_t now_ms)
{
	bool deaf = b->link == PAIR_SUSPECT || b->link == PAIR_LOST;

	if (deaf && !e->deaf && e->link.synced && !link_udp_silent(&e->link, now_ms))
		pair_lhm_raise(p, now_ms);
	e->deaf = deaf;
}

static void read_fixed(struct pair *p, struct pair_peer *e, const struct pair_header *h, const struct pair_beat *b,
		       uint64_t now_ms, uint64_t wall_ms)
{
	uint32_t theirs_ms = b->interval_ms < PAIR_INTERVAL_MIN_MS ? PAIR_INTERVAL_MIN_MS
			   : b->interval_ms > PAIR_INTERVAL_MAX_MS ? PAIR_INTERVAL_MAX_MS : b->interval_ms;

	e->link.interval_ms = theirs_ms > p->interval_ms ? theirs_ms : p->interval_ms;
	e->link.mismatch = b->config_digest != p->config_digest;
	e->config_digest = b->config_digest;
	e->self = b->self;
	if (e->key_id != h->key_id || e->key_since_ms == 0)
		e->key_since_ms = now_ms;
	e->key_id = h->key_id;
	e->lhm = b->lhm;
	read_clock(p, e, b, wall_ms);
}

/* A packet of this session (or the first of a new one) that was not here before. Of one that was overtaken only the
 * records are news. */
static void take_in(struct pair *p, struct pair_peer *e, const struct pair_header *h, const struct pair_beat *b,
		    uint64_t now_ms, uint64_t wall_ms)
{
	enum link_way way = h->flags & PAIR_FLAG_TCP ? LINK_TCP : LINK_UDP;

	if (h->boot != e->session.boot)
		open_session(p, e, b->epoch, h->counter, now_ms);
	bool newest = h->boot != e->session.boot || h->counter > e->session.highest;
	session_accept(&e->session, h->boot, b->epoch, h->counter);
	link_heard(&e->link, way, h->counter, now_ms);
	read_echo(e, way, b, now_ms);
	take_echo(e, way, h->counter, b, now_ms);
	if (way == LINK_UDP)
		pair_beat_along(p, e, now_ms);
	bool rose = read_tlvs(p, e, b, h->counter, now_ms);
	if (newest) {
		read_fixed(p, e, h, b, now_ms, wall_ms);
		read_deaf(p, e, b, now_ms);
		pair_tcp_heard(p, e, way, b, read_entries(p, e, b, now_ms), now_ms);
		consider_pull(p, e, rose, now_ms);
		consider_synced(p, e);
		compare_shelves(p, e, h, b, now_ms);
		pair_bury(p);
	}
	pair_judge(p, e, now_ms);
}

/* Its last words were taken in; its votes end now, and not when they grow old. */
static void part(struct pair *p, struct pair_peer *e, uint64_t now_ms)
{
	enum pair_link_state from = e->link.state;

	e->left = true;
	e->relayed_ms = 0;
	p->stats.byes++;
	if (link_left(&e->link, now_ms)) {
		pair_aim(p, e);
		pair_emit(p, (struct pair_event){ .type = PAIR_EVENT_LINK, .peer = e->conf.id, .from = from,
						  .to = PAIR_LOST, .bye = true });
	}
	pair_judge(p, e, now_ms);
}

/* ---- which packets count ---- */

/* Authentic, but not for this session: worth an answer from which the peer learns our boot, one an interval at most, so
 * that no replay makes us a source of traffic. Of those that ask within an interval one is drawn by lot: were it the
 * first, who repeats an old packet often enough would keep twins that both started anew apart for ever. */
static void greet(struct pair *p, struct pair_peer *e, const struct arrival *a, uint64_t boot, uint64_t now_ms)
{
	int at = address_of(e, a->from);
	struct pair_hello *h = &e->hello;

	if (h->asked == 0) {
		uint64_t next_ms = h->last_ms ? h->last_ms + p->interval_ms : 0;
		h->due_ms = next_ms > now_ms ? next_ms : now_ms;
	}
	if (h->asked < UINT32_MAX)
		h->asked++;
	if (rng_below(&p->rng, h->asked) != 0)
		return;
	h->boot = boot;
	h->room = a->len;
	h->address = at < 0 ? 0 : (uint8_t)at;
	h->stream = a->stream;
}

static int judge_session(struct pair *p, struct pair_peer *e, const struct arrival *a, const struct pair_header *h,
			 const struct pair_beat *b, uint64_t now_ms)
{
	switch (session_judge(&e->session, p->boot, b->your_boot, h->boot, b->epoch, h->counter)) {
	case SESSION_BOUND:
		/* What it sent before its bye and comes after it would call it back to life. */
		return e->left ? refuse(&p->stats.refused_session, ERR_STALE) : 0;
	case SESSION_NEW:
		return 0;
	case SESSION_HELLO:
		greet(p, e, a, h->boot, now_ms);
		return refuse(&p->stats.hellos, ERR_STALE);
	case SESSION_OLD: /* perhaps its disk was rolled back: the answer tells it of its higher epoch */
		greet(p, e, a, h->boot, now_ms);
		return refuse(&p->stats.refused_session, ERR_STALE);
	case SESSION_REPLAY:
	case SESSION_NONE:
		break;
	}
	return refuse(&p->stats.refused_replay, ERR_STALE);
}

static bool is_type(uint8_t type)
{
	return type == PAIR_TYPE_BEAT || type == PAIR_TYPE_PROBE || type == PAIR_TYPE_BYE;
}

static int read_header(struct pair *p, struct pair_header *h, const struct arrival *a, uint64_t now_ms)
{
	int e = header_decode(h, a->data, a->len);

	if (e == ERR_VERSION) {
		hint(p, a->from, false, now_ms);
		return refuse(&p->stats.refused_version, e);
	}
	if (e < 0)
		return refuse(e == ERR_SHORT ? &p->stats.refused_short : &p->stats.refused_header, e);
	if (!is_type(h->type) || h->flags != (a->stream ? PAIR_FLAG_TCP : 0) || h->cluster != p->cluster)
		return refuse(&p->stats.refused_header, ERR_FORMAT);
	if (h->dst != p->self_id || !pair_peer_of(p, h->src))
		return refuse(&p->stats.refused_unknown_peer, ERR_ABSENT);
	return 0;
}

static struct gate_bucket *bucket_of(struct pair *p, const struct addr *from)
{
	for (size_t i = 0; i < p->peer_count; i++) {
		if (address_of(&p->peers[i], from) >= 0)
			return &p->peers[i].gate;
	}
	return NULL;
}

static int open_packet(struct pair *p, const struct pair_peer *e, const struct pair_header *h, const struct arrival *a,
		       uint8_t plain[PAIR_PLAIN_MAX], uint64_t now_ms)
{
	enum link_way way = a->stream ? LINK_TCP : LINK_UDP;
	size_t k = key_at(p, h->key_id); /* ids differ, so no packet costs more than one attempt */
	struct gate_bucket *peer = bucket_of(p, a->from);

	/* A stream has bounds of its own (stream.h), and whom it comes from is not forged. */
	if (!a->stream && !gate_admits(&p->gate, peer, &p->table_key, a->from, now_ms))
		return refuse(&p->stats.refused_flood, ERR_AUTH);
	if (k < p->key_count && seal_open(plain, h, a->data, e->keys[k][way].receive) == 0)
		return 0;
	if (!a->stream)
		gate_failed(&p->gate, peer, &p->table_key, a->from, now_ms);
	hint(p, a->from, true, now_ms);
	return refuse(&p->stats.refused_auth, ERR_AUTH);
}

/* Whether it counts: it is well formed, of this session or a new one, and was not here before. */
static int read_packet(struct pair *p, struct pair_peer *peer, const struct arrival *a, const struct pair_header *h, struct pair_beat *b,
		       const uint8_t plain[PAIR_PLAIN_MAX], uint64_t now_ms)
{
	int e = beat_decode(b, plain, h->text_len);

	if (e < 0)
		return refuse(e == ERR_VERSION ? &p->stats.refused_version : &p->stats.refused_format, e);
	return judge_session(p, peer, a, h, b, now_ms);
}

/* *node: whose it is, once that is proven. */
static int receive(struct pair *p, const struct arrival *a, uint64_t now_ms, uint64_t wall_ms, uint8_t *node)
{
	uint8_t plain[PAIR_PLAIN_MAX];
	struct pair_header h;
	struct pair_beat b;

	if (p->leaving) /* whatever it is, it would be answered after the bye */
		return ERR_STALE;
	pair_watch_clock(p, now_ms, wall_ms);
	p->stats.received++;
	p->stats.bytes_received += a->len;
	int e = read_header(p, &h, a, now_ms);
	if (e < 0)
		return e;
	struct pair_peer *peer = pair_peer_of(p, h.src);
	if (session_was_seen(&peer->session, h.boot, h.counter)) /* a second copy, by the other address or by an attacker: not worth an AEAD check */
		return refuse(&p->stats.refused_replay, ERR_STALE);
	if ((e = open_packet(p, peer, &h, a, plain, now_ms)) < 0)
		return e;
	*node = h.src;
	if ((e = read_packet(p, peer, a, &h, &b, plain, now_ms)) < 0) {
		if (!a->stream)
			gate_failed(&p->gate, bucket_of(p, a->from), &p->table_key, a->from, now_ms);
		return e;
	}
	if (b.version_min > PAIR_VERSION || b.version_max < PAIR_VERSION) {
		session_accept(&peer->session, h.boot, b.epoch, h.counter);
		incompatible(p, peer, true, now_ms);
		return refuse(&p->stats.refused_version, ERR_VERSION);
	}
	take_in(p, peer, &h, &b, now_ms, wall_ms);
	if (h.type == PAIR_TYPE_BYE)
		part(p, peer, now_ms);
	return 0;
}

int pair_receive(struct pair *p, const struct addr *from, const uint8_t *data, size_t len, uint64_t now_ms,
		 uint64_t wall_ms)
{
	struct arrival a = { .from = from, .data = data, .len = len };
	uint8_t node;

	return receive(p, &a, now_ms, wall_ms, &node);
}

int pair_receive_stream(struct pair *p, const struct stream *s, const uint8_t *data, size_t len, uint64_t now_ms,
			uint64_t wall_ms, uint8_t *node)
{
	struct arrival a = { .from = &s->addr, .stream = s->id, .data = data, .len = len };

	return receive(p, &a, now_ms, wall_ms, node);
}
