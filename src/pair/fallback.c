/* When a peer is spoken to by TCP: while UDP is silent, and while it lacks more than datagrams should carry.
 *
 *     UDP silent for SUSPECT ──▶ connect ──▶ heartbeats every I, every second once TCP_ONLY, until UDP is heard again
 *     a burst of 8 datagrams was not enough ──▶ connect ──▶ PAIR_STREAM_BURST packets, then as the socket drains
 *
 * A peer may miss us while we hear it: it says so by TCP, and gets its echo there. A stream loses nothing, so nothing is
 * sent twice on one; if the peer does not come on for PAIR_BULK_STALL_MS all the same, datagrams have their turn.
 */
#include "pair/state.h"

static bool is_silent(const struct pair_peer *e, uint64_t now_ms)
{
	return link_udp_silent(&e->link, now_ms);
}

static bool is_wanted(const struct pair_peer *e, uint64_t now_ms)
{
	return is_silent(e, now_ms) || now_ms < e->tcp.asked_until_ms;
}

static void try(struct pair *p, struct pair_peer *e, uint64_t now_ms)
{
	const struct addr *to = &e->conf.addr[e->tcp.tries++ % e->conf.addr_count];
	const struct stream *s = pair_stream_begin(p, e, to, now_ms);

	e->tcp.next_try_ms = now_ms + PAIR_TCP_RETRY_MS;
	if (s)
		e->tcp.stream = s->id;
}

void pair_tcp_use(struct pair *p, struct pair_peer *e, const struct stream *s, uint64_t now_ms)
{
	e->tcp.stream = s->id;
	e->tcp.progress_ms = now_ms;
	memset(e->tcp.sent, 0, sizeof e->tcp.sent);
	e->tcp.carries = e->tcp.bulk && s->state == STREAM_PROVEN;
	if (e->tcp.carries) { /* all that there is comes this way now; by UDP only what is written from here on */
		for (size_t i = 0; i < shelf_total(p); i++)
			e->sent[i] = p->shelves[i].vector;
	}
	e->tcp.due = DUE_ALL; /* the other end needs a word to prove it too */
}

void pair_tcp_lose(struct pair *p, struct pair_peer *e, uint64_t now_ms)
{
	e->tcp.stream = 0;
	e->tcp.bulk = e->tcp.carries = e->tcp.more = false;
	e->tcp.due = DUE_NOTHING;
	memset(e->tcp.sent, 0, sizeof e->tcp.sent);
	link_tcp_end(&e->link, now_ms);
	pair_judge(p, e, now_ms);
}

void pair_tcp_want_bulk(struct pair *p, struct pair_peer *e, uint64_t now_ms)
{
	const struct stream *s = pair_stream_find(p, e->tcp.stream);

	if (e->tcp.bulk || (!s && now_ms < e->tcp.next_try_ms))
		return;
	e->tcp.bulk = true;
	if (!s)
		try(p, e, now_ms);
	else if (s->state == STREAM_PROVEN)
		pair_tcp_use(p, e, s, now_ms);
}

/* True where it holds all that was written to the stream. */
static bool has_all(const struct pair *p, const struct pair_peer *e)
{
	for (size_t i = 0; i < shelf_total(p); i++) {
		if (vector_compare(e->known[i], e->tcp.sent[i]) < 0)
			return false;
	}
	return true;
}

void pair_tcp_heard(struct pair *p, struct pair_peer *e, enum link_way way, const struct pair_beat *b, bool rose,
		    uint64_t now_ms)
{
	const struct stream *s = pair_stream_find(p, e->tcp.stream);
	bool well = b->link == PAIR_ACTIVE || b->link == PAIR_MISMATCH;

	if (rose)
		e->tcp.progress_ms = now_ms;
	if (way == LINK_TCP && !well)
		e->tcp.asked_until_ms = now_ms + 2 * LINK_TCP_BEAT_MS;
	else if (well)
		e->tcp.asked_until_ms = 0;
	if (e->tcp.carries && s && !s->busy && e->tcp.due == DUE_NOTHING && !e->tcp.more && has_all(p, e))
		e->tcp.bulk = e->tcp.carries = false;
}

/* While UDP is silent twins talk by their connection; one on which nothing comes any more leads along a way that is dead, which the
 * kernel notices after minutes. Another is tried, to the next address. */
static uint64_t deaf_at(const struct pair_peer *e, const struct stream *s)
{
	uint64_t silent_ms = link_udp_since(&e->link) + link_suspect_ms(&e->link);

	if (s->state != STREAM_PROVEN)
		return UINT64_MAX; /* ends soon by itself */
	return (s->heard_ms > silent_ms ? s->heard_ms : silent_ms) + PAIR_STREAM_STALL_MS;
}

static uint64_t beat_ms(const struct pair *p, const struct pair_peer *e)
{
	return e->link.state == PAIR_TCP_ONLY ? LINK_TCP_BEAT_MS : p->interval_ms;
}

void pair_tcp_tick(struct pair *p, struct pair_peer *e, uint64_t now_ms)
{
	struct stream *s = pair_stream_find(p, e->tcp.stream);

	if (now_ms >= e->tcp.asked_until_ms)
		e->tcp.asked_until_ms = 0;
	if (s && now_ms >= deaf_at(e, s)) {
		pair_stream_cut(p, s, now_ms);
		s = NULL;
	}
	if (!s && now_ms >= e->tcp.next_try_ms && is_silent(e, now_ms)) {
		try(p, e, now_ms);
		return;
	}
	if (s && e->tcp.carries && now_ms >= e->tcp.progress_ms + PAIR_BULK_STALL_MS) {
		e->tcp.next_try_ms = now_ms + PAIR_TCP_RETRY_MS;
		pair_stream_cut(p, s, now_ms);
		return;
	}
	if (s && s->state != STREAM_OPENING && is_wanted(e, now_ms) && now_ms >= e->tcp.next_beat_ms) {
		e->tcp.due = DUE_ALL;
		e->tcp.next_beat_ms = now_ms + beat_ms(p, e);
	}
}

uint64_t pair_tcp_deadline(const struct pair *p, const struct pair_peer *e)
{
	uint64_t silent_ms = link_udp_since(&e->link) + link_suspect_ms(&e->link), at = UINT64_MAX;
	bool there = false, open = false;

	for (size_t i = 0; e->tcp.stream && i < PAIR_STREAMS_MAX; i++) {
		const struct stream *s = &p->streams.s[i];
		if (s->id != e->tcp.stream || s->state == STREAM_NONE || s->state == STREAM_ENDING)
			continue;
		there = true;
		open = s->state != STREAM_OPENING;
		at = deaf_at(e, s);
	}
	if (!there)
		return silent_ms > e->tcp.next_try_ms ? silent_ms : e->tcp.next_try_ms;
	if (e->tcp.carries && e->tcp.progress_ms + PAIR_BULK_STALL_MS < at)
		at = e->tcp.progress_ms + PAIR_BULK_STALL_MS;
	if (open) { /* the next heartbeat, or the moment from which there are any */
		uint64_t from_ms = e->tcp.asked_until_ms > e->tcp.next_beat_ms ? e->tcp.next_beat_ms : silent_ms;
		uint64_t beat = e->tcp.next_beat_ms > from_ms ? e->tcp.next_beat_ms : from_ms;
		at = beat < at ? beat : at;
	}
	return at;
}
