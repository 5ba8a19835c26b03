#include "pair/codec.h"

#define MAGIC 0x47454d4cu /* "GEML" */

void header_encode(uint8_t out[PAIR_HEADER_LEN], const struct pair_header *h)
{
	store_u32(out, MAGIC);
	out[4] = h->version;
	out[5] = h->type;
	out[6] = h->key_id;
	out[7] = h->flags;
	out[8] = h->src;
	out[9] = h->dst;
	store_u16(out + 10, h->text_len);
	store_u32(out + 12, h->cluster);
	store_u64(out + 16, h->boot);
	store_u64(out + 24, h->counter);
}

int header_decode(struct pair_header *h, const uint8_t *data, size_t len)
{
	if (len < PAIR_HEADER_LEN + PAIR_TAG_LEN)
		return ERR_SHORT;
	if (load_u32(data) != MAGIC || len > PAIR_PACKET_MAX)
		return ERR_FORMAT;
	*h = (struct pair_header){ .version = data[4],
				   .type = data[5],
				   .key_id = data[6],
				   .flags = data[7],
				   .src = data[8],
				   .dst = data[9],
				   .text_len = load_u16(data + 10),
				   .cluster = load_u32(data + 12),
				   .boot = load_u64(data + 16),
				   .counter = load_u64(data + 24) };
	if (h->version != PAIR_VERSION)
		return ERR_VERSION;
	if (h->text_len != len - PAIR_HEADER_LEN - PAIR_TAG_LEN || h->boot == 0 || h->counter == 0)
		return ERR_FORMAT;
	return 0;
}

void beat_put(struct wbuf *w, const struct pair_beat *b)
{
	put_u64(w, b->your_boot);
	put_u64(w, b->epoch);
	put_u64(w, b->hlc);
	put_u64(w, b->config_digest);
	put_u64(w, b->state_digest);
	put_u32(w, b->tx_ts);
	put_u32(w, b->echo_ts);
	put_u32(w, b->echo_hold_us);
	put_u16(w, b->interval_ms);
	put_u8(w, b->version_min);
	put_u8(w, b->version_max);
	put_u8(w, b->self);
	put_u8(w, b->link);
	put_u8(w, b->lhm);
	put_u8(w, b->entry_count);
	put_u32(w, b->hlc_ahead_s << 8 | b->flags);
}

void entry_put(struct wbuf *w, const struct pair_entry *e)
{
	put_u8(w, e->owner);
	put_u8(w, 0);
	put_u16(w, e->age_10ms);
	put_u64(w, e->vector.epoch);
	put_u64(w, e->vector.seq);
}

static void get_fixed(struct rbuf *r, struct pair_beat *b)
{
	b->your_boot = get_u64(r);
	b->epoch = get_u64(r);
	b->hlc = get_u64(r);
	b->config_digest = get_u64(r);
	b->state_digest = get_u64(r);
	b->tx_ts = get_u32(r);
	b->echo_ts = get_u32(r);
	b->echo_hold_us = get_u32(r);
	b->interval_ms = get_u16(r);
	b->version_min = get_u8(r);
	b->version_max = get_u8(r);
	b->self = get_u8(r);
	b->link = get_u8(r);
	b->lhm = get_u8(r);
	b->entry_count = get_u8(r);
	uint32_t last = get_u32(r);
	b->hlc_ahead_s = last >> 8;
	b->flags = (uint8_t)last;
	if (b->self > PAIR_MAINT)
		b->self = PAIR_SELF_NONE;
	if (b->link > PAIR_INCOMPATIBLE)
		b->link = PAIR_LINK_NONE;
}

static void get_delta(struct rbuf *r, struct tlv_delta *d)
{
	d->owner = get_u8(r);
	d->flags = get_u8(r);
	d->count = get_u16(r);
	d->epoch = get_u64(r);
	d->from = get_u64(r);
	d->to = get_u64(r);
	d->base = get_u64(r);
	rbuf_init(&d->records, r->data + r->pos, rbuf_left(r));
}

static void get_pull(struct rbuf *r, struct tlv_pull *p)
{
	p->owner = get_u8(r);
	get_bytes(r, 7);
	p->from.epoch = get_u64(r);
	p->from.seq = get_u64(r);
}

static void get_ping(struct rbuf *r, struct tlv_ping *p)
{
	p->target = get_u8(r);
	p->origin = get_u8(r);
	get_bytes(r, 2);
	p->ts = get_u32(r);
	p->boot = get_u64(r);
}

bool delta_next(struct tlv_delta *d, struct pair_record *r)
{
	struct rbuf *b = &d->records;

	if (b->failed || rbuf_left(b) == 0)
		return false;
	uint8_t kind = get_u8(b), len = get_u8(b);
	get_bytes(b, 2);
	uint64_t seq = d->from + get_u32(b), key = get_u64(b);
	const uint8_t *value = get_bytes(b, len);
	if (b->failed)
		return false;
	*r = (struct pair_record){ .owner = d->owner, .kind = kind, .key = key, .epoch = d->epoch, .seq = seq,
				   .value_len = len, .value = value };
	return true;
}

/* A sound interval: the records that it counts, ascending inside (from, to], and nothing after them. */
static int delta_check(struct tlv_delta d)
{
	struct pair_record r;
	uint64_t last = d.from;
	uint16_t n = 0;

	if (d.epoch == 0 || d.from > d.to)
		return ERR_FORMAT;
	for (; delta_next(&d, &r); n++) {
		if (r.kind == PAIR_KIND_NONE || r.seq <= last || r.seq > d.to)
			return ERR_FORMAT;
		last = r.seq;
	}
	return d.records.failed || n != d.count ? ERR_FORMAT : 0;
}

struct rbuf tlv_walk(const struct pair_beat *b)
{
	struct rbuf r;
	rbuf_init(&r, b->tlvs, b->tlvs_len);
	return r;
}

/* 0 with *t set, or why it is refused. */
static int tlv_get(struct rbuf *r, struct tlv *t)
{
	uint16_t type = get_u16(r), len = get_u16(r);
	const uint8_t *body = get_bytes(r, len);
	struct rbuf b;

	if (r->failed)
		return ERR_FORMAT;
	rbuf_init(&b, body, len);
	switch (type & ~TLV_MUST) {
	case TLV_DELTA:
		get_delta(&b, &t->delta);
		t->type = TLV_DELTA;
		return b.failed ? ERR_FORMAT : delta_check(t->delta);
	case TLV_PULL:
		get_pull(&b, &t->pull);
		t->type = TLV_PULL;
		return b.failed ? ERR_FORMAT : 0;
	case TLV_PING:
	case TLV_ACK:
		get_ping(&b, &t->ping);
		t->type = (enum tlv_type)(type & ~TLV_MUST);
		return b.failed ? ERR_FORMAT : 0;
	default:
		t->type = TLV_NONE;
		return type & TLV_MUST ? ERR_VERSION : 0;
	}
}

bool tlv_next(struct rbuf *r, struct tlv *t)
{
	return rbuf_left(r) > 0 && tlv_get(r, t) == 0;
}

int beat_decode(struct pair_beat *out, const uint8_t *plain, size_t len)
{
	struct pair_beat b = { 0 };
	struct rbuf r;
	struct tlv t;

	rbuf_init(&r, plain, len);
	get_fixed(&r, &b);
	b.entries = get_bytes(&r, (size_t)b.entry_count * PAIR_ENTRY_LEN);
	if (r.failed)
		return ERR_SHORT;
	if (b.epoch == 0 || b.version_min > b.version_max)
		return ERR_FORMAT;
	b.tlvs_len = rbuf_left(&r);
	b.tlvs = get_bytes(&r, b.tlvs_len);
	for (struct rbuf walk = tlv_walk(&b); rbuf_left(&walk) > 0;) {
		int e = tlv_get(&walk, &t);
		if (e < 0)
			return e;
	}
	*out = b;
	return 0;
}

void beat_entry(const struct pair_beat *b, size_t i, struct pair_entry *e)
{
	const uint8_t *p = b->entries + i * PAIR_ENTRY_LEN;
	*e = (struct pair_entry){ p[0], load_u16(p + 2), { load_u64(p + 4), load_u64(p + 12) } };
}

void pull_put(struct wbuf *w, const struct tlv_pull *p)
{
	put_u16(w, TLV_PULL);
	put_u16(w, TLV_PULL_LEN);
	put_u8(w, p->owner);
	put_bytes(w, (const uint8_t[7]){ 0 }, 7);
	put_u64(w, p->from.epoch);
	put_u64(w, p->from.seq);
}

void ping_put(struct wbuf *w, enum tlv_type type, const struct tlv_ping *p)
{
	put_u16(w, (uint16_t)type);
	put_u16(w, TLV_PING_LEN);
	put_u8(w, p->target);
	put_u8(w, p->origin);
	put_u16(w, 0);
	put_u32(w, p->ts);
	put_u64(w, p->boot);
}

void delta_begin(struct delta_writer *d, struct wbuf *w, uint8_t owner, uint64_t epoch, uint64_t from, uint64_t base)
{
	*d = (struct delta_writer){ .from = from };
	d->head = put_room(w, TLV_HEAD_LEN + TLV_DELTA_LEN);
	d->start = w->len;
	if (!d->head)
		return;
	uint8_t *p = d->head + TLV_HEAD_LEN;
	store_u16(d->head, TLV_DELTA);
	p[0] = owner;
	p[1] = 0;
	store_u64(p + 4, epoch);
	store_u64(p + 12, from);
	store_u64(p + 28, base);
}

bool delta_add(struct delta_writer *d, struct wbuf *w, const struct pair_record *r)
{
	if (w->cap - w->len < (size_t)TLV_RECORD_LEN + r->value_len || r->seq - d->from > UINT32_MAX)
		return false;
	put_u8(w, r->kind);
	put_u8(w, r->value_len);
	put_u16(w, 0);
	put_u32(w, (uint32_t)(r->seq - d->from));
	put_u64(w, r->key);
	if (r->value_len)
		put_bytes(w, r->value, r->value_len);
	d->count++;
	return true;
}

void delta_end(struct delta_writer *d, struct wbuf *w, uint64_t to)
{
	if (!d->head)
		return;
	store_u16(d->head + 2, (uint16_t)(TLV_DELTA_LEN + w->len - d->start));
	store_u16(d->head + TLV_HEAD_LEN + 2, d->count);
	store_u64(d->head + TLV_HEAD_LEN + 20, to);
}
