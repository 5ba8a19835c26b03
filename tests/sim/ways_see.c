/* What is in a packet, when it leaves and when it counts. A question about a silent node goes one hop, as far as a helper hears whom it
 * is about; an answer one hop back; who is not proven is told no records; and each packet says what its sender is.
 */
#include "sim/ways.h"

bool see(struct ways *w, struct seen *s, int from, int to, enum link_way way, const uint8_t *data, size_t len)
{
	return header_decode(&s->h, data, len) == 0 && seal_open(s->plain, &s->h, data, w->keys[way][from][to]) == 0 &&
	       beat_decode(&s->b, s->plain, s->h.text_len) == 0;
}

uint64_t see_counted(const struct ways *w, int i)
{
	const struct pair_stats *s = pair_stats_get(w->node[i].p);
	return s->received - (s->refused_short + s->refused_header + s->refused_version + s->refused_unknown_peer + s->refused_auth +
			      s->refused_flood + s->refused_format + s->refused_session + s->refused_replay + s->hellos);
}

struct before see_before(const struct ways *w, int i, int from)
{
	struct before b = { 0 };

	for (int k = 0; k < w->nodes; k++) {
		if (k == i)
			continue;
		struct pair_peer_view v = ways_view(w, i, k);
		b.well[k] = ways_is_well(v.link);
		if (k == from)
			b.suspect_ms = v.suspect_ms;
	}
	return b;
}

/* ---- leaving ---- */

static bool same(const struct tlv_ping *a, const struct tlv_ping *b)
{
	return a->target == b->target && a->origin == b->origin && a->ts == b->ts && a->boot == b->boot;
}

static void see_errand(struct ways *w, int from, int to, const struct tlv *t)
{
	struct ways_node *n = &w->node[from];

	for (size_t k = 0; k < n->must_count; k++) {
		if (n->must[k].to != to || n->must[k].type != t->type || !same(&n->must[k].ping, &t->ping))
			continue;
		n->must[k] = n->must[--n->must_count];
		return;
	}
	if (t->type == TLV_ACK || t->ping.origin != from + 1) {
		ways_fault(w, "n%d tells n%d %s about n%d for n%d, which is not its errand", from + 1, to + 1,
			   t->type == TLV_ACK ? "an answer" : "a question", t->ping.target, t->ping.origin);
		return;
	}
	struct heard *of = &n->of[t->ping.target - 1];
	of->asked = ways_at(w, from);
	ways_tell(w, "n%d asks n%d about n%d", from + 1, to + 1, t->ping.target);
}

void see_sent(struct ways *w, int from, int to, enum link_way way, const uint8_t *data, size_t len, bool bare)
{
	struct seen s;
	struct tlv t;

	if (!see(w, &s, from, to, way, data, len)) {
		ways_fault(w, "n%d sends what n%d cannot read", from + 1, to + 1);
		return;
	}
	if (s.b.self != w->node[from].self)
		ways_fault(w, "n%d says that it is %s, and is %s", from + 1, pair_self_state_text(s.b.self),
			   pair_self_state_text(w->node[from].self));
	for (struct rbuf walk = tlv_walk(&s.b); tlv_next(&walk, &t);) {
		if (bare && (t.type == TLV_DELTA || t.type == TLV_PULL))
			ways_fault(w, "n%d tells records where nobody proved to be n%d", from + 1, to + 1);
		if (t.type == TLV_PING || t.type == TLV_ACK)
			see_errand(w, from, to, &t);
	}
}

/* ---- counting ---- */

static void must(struct ways *w, int from, int to, enum tlv_type type, const struct tlv_ping *ping)
{
	struct ways_node *n = &w->node[from];

	if (n->must_count < ERRANDS_SEEN && ways_view(w, from, to).boot)
		n->must[n->must_count++] = (struct errand){ from, to, type, *ping };
	n->must_many |= n->must_count > PAIR_ERRANDS_MAX / 2;
}

static bool is_peer(const struct ways *w, int i, uint8_t id)
{
	return id > 0 && id <= w->nodes && id != i + 1;
}

static void take_ping(struct ways *w, int i, int from, const struct tlv_ping *t, const struct before *before)
{
	if (t->target == i + 1)
		must(w, i, from, TLV_ACK, t);
	else if (is_peer(w, i, t->target) && t->target != from + 1 && before->well[t->target - 1] && t->origin == from + 1)
		must(w, i, t->target - 1, TLV_PING, t);
}

static void take_ack(struct ways *w, int i, int from, const struct tlv_ping *t)
{
	struct ways_node *n = &w->node[i];
	uint32_t age_ms = (uint32_t)ways_at(w, i) - t->ts;

	if (t->origin != i + 1) {
		if (is_peer(w, i, t->origin) && t->origin != from + 1 && t->target == from + 1)
			must(w, i, t->origin - 1, TLV_ACK, t);
		return;
	}
	if (!is_peer(w, i, t->target) || t->boot != n->boot || age_ms > ways_at(w, i) || age_ms > INT32_MAX)
		return;
	struct heard *of = &n->of[t->target - 1];
	n->acks++;
	of->indirect = ways_at(w, i) - age_ms > of->indirect ? ways_at(w, i) - age_ms : of->indirect;
}

/* Three in a row end TCP_ONLY: a silence begins the count anew. */
static void take_echo(struct heard *h, enum link_way way, uint64_t sent, uint64_t now, uint64_t suspect_ms)
{
	uint64_t since = h->echo > h->start ? h->echo : h->start;

	if (way == LINK_TCP) {
		h->tcp_echo = sent > h->tcp_echo ? sent : h->tcp_echo;
		return;
	}
	if (sent <= h->echo)
		return;
	h->echoes = now >= since + suspect_ms ? 1 : h->echoes + 1;
	h->echo = sent;
}

void see_taken(struct ways *w, int i, int from, enum link_way way, const uint8_t *data, size_t len, const struct before *before)
{
	struct heard *h = &w->node[i].of[from];
	uint64_t now = ways_at(w, i);
	struct seen s;
	struct tlv t;

	if (!see(w, &s, from, i, way, data, len)) {
		ways_fault(w, "n%d counts what n%d never said", i + 1, from + 1);
		return;
	}
	if (s.h.boot != h->boot) {
		h->boot = s.h.boot;
		h->start = now;
		h->echoes = 0;
	}
	*(way == LINK_TCP ? &h->tcp : &h->udp) = now;
	w->node[i].told_deaf |= s.b.link == PAIR_SUSPECT || s.b.link == PAIR_LOST;
	uint32_t age_ms = (uint32_t)now - s.b.echo_ts, after_ms = ways_view(w, i, from).suspect_ms;
	if (s.b.flags & BEAT_ECHO && s.b.echo_hold_us < UINT32_MAX && age_ms <= now && age_ms <= INT32_MAX)
		take_echo(h, way, now - age_ms, now, before->suspect_ms > after_ms ? before->suspect_ms : after_ms);
	for (struct rbuf walk = tlv_walk(&s.b); tlv_next(&walk, &t);) {
		if (t.type == TLV_PING)
			take_ping(w, i, from, &t.ping, before);
		else if (t.type == TLV_ACK)
			take_ack(w, i, from, &t.ping);
	}
}

/* ---- a peer of another making ---- */

static uint8_t any_node(struct ways *w)
{
	return (uint8_t)(1 + ways_below(w, (uint32_t)w->nodes + 1));
}

void see_odd(struct ways *w, struct flight *f)
{
	struct tlv_ping ping = { .target = any_node(w), .origin = any_node(w) };
	uint8_t tail[TLV_HEAD_LEN + TLV_PING_LEN];
	int origin = ping.origin - 1;
	struct seen s;
	struct wbuf wb;

	if (origin >= w->nodes || !see(w, &s, f->from, f->to, LINK_UDP, f->data, f->len) || f->len + sizeof tail > PAIR_PACKET_MAX)
		return;
	ping.boot = ways_below(w, 3) ? w->node[origin].boot : hash_mix(1 + ways_below(w, (uint32_t)w->boots), w->seed) | 1;
	ping.ts = (uint32_t)(ways_at(w, origin) + 1000 - ways_below(w, ways_below(w, 2) ? 1200 : 12000));
	wbuf_init(&wb, tail, sizeof tail);
	ping_put(&wb, ways_below(w, 2) ? TLV_PING : TLV_ACK, &ping);
	memcpy(s.plain + s.h.text_len, tail, wb.len);
	f->len = (uint32_t)seal_packet(f->data, &s.h, s.plain, s.h.text_len + wb.len, w->keys[LINK_UDP][f->from][f->to]);
}
