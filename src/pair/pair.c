/* The door: configuration, own records, what is held, status. */
#include <sodium/utils.h>
#include <stdlib.h>
#include "pair/state.h"

static bool id_ok(uint8_t id)
{
	return id > 0 && id < 255;
}

static int check_conf(const struct pair_conf *c)
{
	if (!id_ok(c->self_id) || c->peer_count > PAIR_PEERS_MAX || !c->cluster)
		return ERR_RANGE;
	if (c->has_other && pair_key_id(c->key) == pair_key_id(c->other_key))
		return ERR_RANGE;
	if (c->interval_ms < PAIR_INTERVAL_MIN_MS || c->interval_ms > PAIR_INTERVAL_MAX_MS)
		return ERR_RANGE;
	for (size_t i = 0; i < c->peer_count; i++) {
		const struct pair_peer_conf *e = &c->peers[i];
		if (!id_ok(e->id) || e->id == c->self_id || e->addr_count < 1 || e->addr_count > 2)
			return ERR_RANGE;
		for (size_t j = 0; j < i; j++) {
			if (c->peers[j].id == e->id)
				return ERR_RANGE;
		}
	}
	return 0;
}

static void take_conf(struct pair *p, const struct pair_conf *c)
{
	p->interval_ms = c->interval_ms;
	p->config_digest = c->config_digest;
	p->cluster = seal_cluster(c->cluster);
	sodium_memzero(p->psk, sizeof p->psk);
	p->key_count = c->has_other ? 2 : 1;
	memcpy(p->psk[0], c->key, sizeof p->psk[0]);
	if (c->has_other)
		memcpy(p->psk[1], c->other_key, sizeof p->psk[1]);
	p->digest_keys.count = p->key_count;
	for (size_t k = 0; k < p->key_count; k++) {
		p->key_ids[k] = pair_key_id(p->psk[k]);
		seal_digest_key_derive(&p->digest_keys.key[k], p->psk[k]);
	}
}

static void derive_keys(const struct pair *p, struct pair_peer *e)
{
	sodium_memzero(e->keys, sizeof e->keys);
	for (size_t k = 0; k < p->key_count; k++) {
		seal_keys_derive(&e->keys[k][LINK_UDP], p->psk[k], SEAL_UDP, p->self_id, e->conf.id);
		seal_keys_derive(&e->keys[k][LINK_TCP], p->psk[k], SEAL_TCP, p->self_id, e->conf.id);
	}
}

static void peer_init(struct pair *p, struct pair_peer *e, const struct pair_peer_conf *c, uint64_t now_ms)
{
	*e = (struct pair_peer){ .conf = *c, .urgent_ms = UINT64_MAX, .next_beat_ms = now_ms };
	derive_keys(p, e);
	link_init(&e->link, p->interval_ms, now_ms);
	e->link.lhm = p->lhm;
}

static void add_peer(struct pair *p, const struct pair_peer_conf *c, uint64_t now_ms)
{
	size_t i = p->peer_count++;
	peer_init(p, &p->peers[i], c, now_ms);
	shelf_init(&p->shelves[i + 1], c->id, &p->table_key, &p->digest_keys, &p->changes);
}

int pair_new(struct pair **out, const struct pair_conf *c, uint64_t boot, uint64_t epoch, uint64_t now_ms,
	     uint64_t wall_ms)
{
	int e = check_conf(c);

	if (e < 0 || boot == 0 || epoch == 0)
		return ERR_RANGE;
	struct pair *p = calloc(1, sizeof *p);
	if (!p)
		return ERR_NOMEM;
	p->self_id = c->self_id;
	p->boot = boot;
	p->start_ms = now_ms;
	p->self = PAIR_BOOT;
	p->wall_offset_ms = (int64_t)(wall_ms - now_ms);
	take_conf(p, c);
	rng_init(&p->rng, boot ^ epoch);
	p->table_key = seal_table_key(p->psk[0], boot);
	shelf_init(&p->shelves[0], c->self_id, &p->table_key, &p->digest_keys, NULL);
	p->shelves[0].vector.epoch = epoch;
	for (size_t i = 0; i < c->peer_count; i++)
		add_peer(p, &c->peers[i], now_ms);
	*out = p;
	return 0;
}

static void drop_dead(struct pair *p)
{
	free(p->dead);
	p->dead = NULL;
}

void pair_free(struct pair *p)
{
	struct pair_record r;

	if (!p)
		return;
	for (size_t i = 0; i < shelf_total(p); i++)
		shelf_deinit(&p->shelves[i]);
	while (pair_next_change(p, &r))
		continue;
	drop_dead(p);
	sodium_memzero(p, sizeof *p);
	free(p);
}

/* ---- reload ---- */

static const struct pair_peer_conf *conf_of(const struct pair_conf *c, uint8_t id)
{
	for (size_t i = 0; i < c->peer_count; i++) {
		if (c->peers[i].id == id)
			return &c->peers[i];
	}
	return NULL;
}

static void remove_peer(struct pair *p, size_t i, uint64_t now_ms)
{
	for (size_t k = 0; k < PAIR_STREAMS_MAX; k++) {
		struct stream *s = &p->streams.s[k];
		if (s->node == p->peers[i].conf.id && s->state != STREAM_NONE && s->state != STREAM_ENDING)
			pair_stream_cut(p, s, now_ms);
	}
	size_t behind = --p->peer_count - i;
	shelf_deinit(&p->shelves[i + 1]);
	memmove(&p->peers[i], &p->peers[i + 1], behind * sizeof p->peers[0]);
	memmove(&p->shelves[i + 1], &p->shelves[i + 2], behind * sizeof p->shelves[0]);
}

/* What is known by shelf is learnt again with the next packet of each peer; until then it counts as nothing. */
static void forget_vectors(struct pair *p)
{
	for (size_t i = 0; i < p->peer_count; i++) {
		memset(p->peers[i].known, 0, sizeof p->peers[i].known);
		memset(p->peers[i].sent, 0, sizeof p->peers[i].sent);
		memset(p->peers[i].target, 0, sizeof p->peers[i].target);
		memset(p->peers[i].tcp.sent, 0, sizeof p->peers[i].tcp.sent);
	}
}

static void keep_peer(struct pair *p, struct pair_peer *e, const struct pair_peer_conf *c, uint64_t now_ms)
{
	e->conf = *c;
	e->hello.asked = 0; /* its address may be gone */
	derive_keys(p, e);
	if (p->interval_ms > e->link.interval_ms)
		e->link.interval_ms = p->interval_ms;
	if (e->session.boot)
		e->link.mismatch = e->config_digest != p->config_digest;
	e->due = DUE_ALL; /* the peer shall know our new digest */
	pair_judge(p, e, now_ms);
}

int pair_reconfigure(struct pair *p, const struct pair_conf *c, uint64_t now_ms)
{
	if (check_conf(c) < 0 || c->self_id != p->self_id)
		return ERR_RANGE;
	bool same_peers = c->peer_count == p->peer_count;
	for (size_t i = p->peer_count; i-- > 0;) {
		if (conf_of(c, p->peers[i].conf.id))
			continue;
		remove_peer(p, i, now_ms);
		same_peers = false;
	}
	take_conf(p, c);
	for (size_t i = 0; i < shelf_total(p); i++)
		shelf_redigest(&p->shelves[i]);
	p->burst = p->tcp_burst = (struct pair_burst){ 0 };
	for (size_t i = 0; i < p->peer_count; i++)
		keep_peer(p, &p->peers[i], conf_of(c, p->peers[i].conf.id), now_ms);
	for (size_t i = 0; i < c->peer_count; i++) {
		if (!pair_peer_of(p, c->peers[i].id))
			add_peer(p, &c->peers[i], now_ms);
	}
	if (!same_peers)
		forget_vectors(p);
	return 0;
}

/* ---- records ---- */

int pair_write(struct pair *p, enum pair_kind kind, uint64_t key, const void *value, size_t len, uint64_t now_ms)
{
	if (kind == PAIR_KIND_NONE || (unsigned)kind > UINT8_MAX || len > PAIR_VALUE_MAX)
		return ERR_RANGE;
	int e = shelf_write(own_shelf(p), (uint8_t)kind, key, value, len);
	if (e <= 0)
		return e;
	for (size_t i = 0; i < p->peer_count; i++) {
		if (p->peers[i].session.boot)
			pair_hurry(&p->peers[i], DUE_NEWS, now_ms);
	}
	return 0;
}

const struct pair_record *pair_find(const struct pair *p, uint8_t owner, enum pair_kind kind, uint64_t key)
{
	int i = pair_shelf_of(p, owner);
	return i < 0 ? NULL : shelf_find(&p->shelves[i], (uint8_t)kind, key);
}

/* *pos: the shelf above bit 48, the place in its table below. */
const struct pair_record *pair_walk(const struct pair *p, enum pair_kind kind, size_t *pos)
{
	const size_t place = ((size_t)1 << 48) - 1;

	for (size_t i = *pos >> 48; i < shelf_total(p); i++) {
		size_t at = *pos & place;
		const struct pair_record *r = shelf_walk(&p->shelves[i], (uint8_t)kind, &at);
		if (r) {
			*pos = i << 48 | at;
			return r;
		}
		*pos = (i + 1) << 48;
	}
	return NULL;
}

bool pair_next_change(struct pair *p, struct pair_record *r)
{
	drop_dead(p);
	return shelf_changes_take(&p->changes, r, &p->dead);
}

/* How far every other node but the owner is known to hold a shelf: nobody can ask for an interval that ends before. */
static uint64_t held_by_all(const struct pair *p, size_t shelf)
{
	const struct shelf *s = &p->shelves[shelf];
	uint64_t seq = s->vector.seq;

	for (size_t i = 0; i < p->peer_count; i++) {
		struct pair_vector known = p->peers[i].known[shelf];
		if (p->peers[i].conf.id == s->owner)
			continue;
		if (known.epoch != s->vector.epoch)
			return 0;
		seq = known.seq < seq ? known.seq : seq;
	}
	return seq;
}

bool pair_is_behind(const struct pair *p)
{
	for (size_t i = 0; i < p->peer_count; i++) {
		for (size_t s = 1; s < shelf_total(p); s++) {
			if (vector_compare(p->shelves[s].vector, p->peers[i].known[s]) < 0)
				return true;
		}
	}
	return false;
}

/* A tombstone that everybody has needs no place any more: no relay holds what it removed, and what is still under way of
 * that is covered by the vectors. A node that is away keeps tombstones alive, since it may come back without a restart. */
void pair_bury(struct pair *p)
{
	for (size_t i = 0; i < shelf_total(p); i++)
		shelf_bury(&p->shelves[i], held_by_all(p, i));
}

/* ---- votes, clock, status ---- */

uint64_t pair_fresh_until(const struct pair_peer *e)
{
	if (e->left)
		return 0;
	uint64_t own = link_fresh_until(&e->link), relayed = e->relayed_ms ? e->relayed_ms + link_lost_ms(&e->link) : 0;
	return own > relayed ? own : relayed;
}

bool pair_is_fresh(const struct pair *p, uint8_t node, uint64_t now_ms)
{
	if (node == p->self_id)
		return true;
	for (size_t i = 0; i < p->peer_count; i++) {
		const struct pair_peer *e = &p->peers[i];
		if (e->conf.id == node)
			return pair_fresh_until(e) && now_ms <= pair_fresh_until(e);
	}
	return false;
}

void pair_judge_self(struct pair *p, uint64_t now_ms)
{
	enum pair_self_state s = self_next(p->self, &p->signs, now_ms);

	if (p->self == s)
		return;
	p->self = s;
	for (size_t i = 0; i < p->peer_count; i++) {
		if (p->peers[i].session.boot)
			pair_hurry(&p->peers[i], DUE_NEWS, now_ms);
	}
}

void pair_set_self(struct pair *p, const struct pair_self_signs *s, uint64_t now_ms)
{
	p->signs = *s;
	pair_judge_self(p, now_ms);
}

void pair_leave(struct pair *p)
{
	p->leaving = true;
	p->burst = p->tcp_burst = (struct pair_burst){ 0 };
	p->errand_count = 0;
	for (size_t i = 0; i < p->peer_count; i++) {
		struct pair_peer *e = &p->peers[i];
		e->hello.asked = 0;
		e->due = e->tcp.due = e->session.boot ? DUE_ALL : DUE_NOTHING;
	}
}

enum pair_self_state pair_self(const struct pair *p)
{
	return p->self;
}

bool pair_settled(const struct pair *p, uint64_t now_ms)
{
	if (now_ms >= p->start_ms + PAIR_SETTLE_MS)
		return true;
	for (size_t i = 0; i < p->peer_count; i++) {
		if (!p->peers[i].link.ever_synced)
			return false;
	}
	return true;
}

uint64_t pair_hlc_now(struct pair *p, uint64_t wall_ms)
{
	return clock_hlc_next(&p->hlc, wall_ms);
}

uint64_t pair_hlc_seen(const struct pair *p)
{
	return clock_hlc_peek(&p->hlc, 0);
}

void pair_hlc_absorb(struct pair *p, uint64_t stamp)
{
	clock_hlc_absorb(&p->hlc, stamp);
}

size_t pair_peers(const struct pair *p)
{
	return p->peer_count;
}

static bool is_proven(const struct pair *p, uint32_t stream)
{
	for (size_t i = 0; stream && i < PAIR_STREAMS_MAX; i++) {
		if (p->streams.s[i].id == stream)
			return p->streams.s[i].state == STREAM_PROVEN;
	}
	return false;
}

void pair_peer_get(const struct pair *p, size_t i, struct pair_peer_view *out, uint64_t now_ms)
{
	const struct pair_peer *e = &p->peers[i];
	const struct link *l = &e->link;

	(void)now_ms;
	*out = (struct pair_peer_view){ .id = e->conf.id,
					.link = l->state,
					.self = e->self,
					.since_ms = l->since_ms,
					.heard_ms = link_heard_ms(l),
					.echo_ms = link_echo_ms(l),
					.suspect_ms = link_suspect_ms(l),
					.rtt_us = l->rtt_us,
					.echo_mean_ms = l->mean_x16_ms / 16,
					.echo_dev_ms = l->dev_x16_ms / 16,
					.interval_ms = l->interval_ms,
					.loss_permille = l->loss_permille,
					.epoch = e->session.epoch,
					.boot = e->session.boot,
					.seq = p->shelves[i + 1].vector.seq,
					.config_digest = e->config_digest,
					.clock_offset_ms = e->clock_offset_ms,
					.key_id = e->key_id,
					.key_since_ms = e->key_since_ms,
					.left = e->left,
					.lhm = e->lhm,
					.undecryptable = e->undecryptable,
					.stream = is_proven(p, e->tcp.stream),
					.shelves_equal = e->equal };
}

const struct pair_stats *pair_stats_get(const struct pair *p)
{
	return &p->stats;
}

size_t pair_key_ids(const struct pair *p, uint8_t out[PAIR_KEYS_MAX])
{
	memcpy(out, p->key_ids, p->key_count);
	return p->key_count;
}

uint64_t pair_epoch(const struct pair *p)
{
	return p->shelves[0].vector.epoch;
}

uint8_t pair_lhm(const struct pair *p)
{
	return p->lhm;
}
