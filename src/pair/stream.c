/* The table of connections: who may have one, frames out of octets, and what the edge is told to do. */
#include "pair/state.h"

struct stream *pair_stream_find(struct pair *p, uint32_t id)
{
	for (size_t i = 0; id && i < PAIR_STREAMS_MAX; i++) {
		struct stream *s = &p->streams.s[i];
		if (s->id == id && s->state != STREAM_NONE && s->state != STREAM_ENDING)
			return s;
	}
	return NULL;
}

static struct stream *free_place(struct pair *p)
{
	for (size_t i = 0; i < PAIR_STREAMS_MAX; i++) {
		if (p->streams.s[i].state == STREAM_NONE)
			return &p->streams.s[i];
	}
	return NULL;
}

static void set_state(struct stream *s, enum stream_state to, uint64_t now_ms)
{
	s->state = to;
	s->since_ms = s->used_ms = now_ms;
}

/* The peer that has this stream in use, or NULL. */
static struct pair_peer *user_of(struct pair *p, const struct stream *s)
{
	struct pair_peer *e = s->node ? pair_peer_of(p, s->node) : NULL;
	return e && e->tcp.stream == s->id ? e : NULL;
}

/* silent: the edge knows already. */
static void end(struct pair *p, struct stream *s, bool silent, uint64_t now_ms)
{
	struct pair_peer *e = user_of(p, s);

	set_state(s, silent || !s->told ? STREAM_NONE : STREAM_ENDING, now_ms);
	if (e)
		pair_tcp_lose(p, e, now_ms);
}

void pair_stream_cut(struct pair *p, struct stream *s, uint64_t now_ms)
{
	end(p, s, false, now_ms);
}

struct stream *pair_stream_begin(struct pair *p, struct pair_peer *e, const struct addr *to, uint64_t now_ms)
{
	struct stream *s = free_place(p);

	if (!s)
		return NULL;
	p->streams.opened = p->streams.opened % (PAIR_STREAM_ACCEPTED - 1) + 1;
	*s = (struct stream){ .id = p->streams.opened, .node = e->conf.id, .ours = true, .addr = *to };
	set_state(s, STREAM_OPENING, now_ms);
	p->stats.streams_opened++;
	return s;
}

/* ---- strangers ---- */

/* Connections come from any port of the address. */
static bool is_peer_address(const struct pair *p, const struct addr *from)
{
	for (size_t i = 0; i < p->peer_count; i++) {
		for (size_t k = 0; k < p->peers[i].conf.addr_count; k++) {
			if (addr_same_ip(&p->peers[i].conf.addr[k], from))
				return true;
		}
	}
	return false;
}

/* How many of a sort are there, and the eldest. */
static size_t count_strangers(struct pair *p, bool of_peers, struct stream **eldest)
{
	size_t n = 0;

	for (size_t i = 0; i < PAIR_STREAMS_MAX; i++) {
		struct stream *s = &p->streams.s[i];
		if (s->state != STREAM_UNPROVEN || s->ours || is_peer_address(p, &s->addr) != of_peers)
			continue;
		n++;
		if (!*eldest || s->since_ms < (*eldest)->since_ms)
			*eldest = s;
	}
	return n;
}

/* A peer's address is no proof, but it is not shut out by strangers; nor may it fill the table. */
static bool make_room(struct pair *p, const struct addr *from, uint64_t now_ms)
{
	bool known = is_peer_address(p, from);
	struct stream *eldest = NULL;

	if (count_strangers(p, known, &eldest) < (known ? p->peer_count : PAIR_STREAM_STRANGERS))
		return free_place(p) != NULL;
	if (!known)
		return false;
	p->stats.streams_cut++;
	pair_stream_cut(p, eldest, now_ms);
	return free_place(p) != NULL;
}

void pair_stream_accept(struct pair *p, uint32_t id, const struct addr *from, uint64_t now_ms)
{
	bool room = make_room(p, from, now_ms);
	struct stream *s = free_place(p);

	if (!s)
		return; /* as long as PAIR_STREAMS_MAX wait to be closed; the edge bounds its own */
	*s = (struct stream){ .id = id, .told = true, .addr = *from };
	set_state(s, room ? STREAM_UNPROVEN : STREAM_ENDING, now_ms);
	++*(room ? &p->stats.streams_accepted : &p->stats.refused_streams);
}

/* ---- its life ---- */

void pair_stream_open(struct pair *p, uint32_t id, uint64_t now_ms)
{
	struct stream *s = pair_stream_find(p, id);
	struct pair_peer *e = s ? user_of(p, s) : NULL;

	if (!s || s->state != STREAM_OPENING)
		return;
	set_state(s, STREAM_UNPROVEN, now_ms);
	if (e)
		e->tcp.due = DUE_ALL;
}

void pair_stream_drained(struct pair *p, uint32_t id, uint64_t now_ms)
{
	struct stream *s = pair_stream_find(p, id);
	struct pair_peer *e = s ? user_of(p, s) : NULL;

	if (!s)
		return;
	s->busy = false;
	s->used_ms = now_ms;
	if (e && e->tcp.more)
		e->tcp.due = DUE_ALL;
}

void pair_stream_end(struct pair *p, uint32_t id, uint64_t now_ms)
{
	for (size_t i = 0; i < PAIR_STREAMS_MAX; i++) {
		if (p->streams.s[i].id == id && p->streams.s[i].state != STREAM_NONE)
			end(p, &p->streams.s[i], true, now_ms);
	}
}

static bool is_better(const struct pair *p, const struct stream *new, const struct stream *old)
{
	if (old->state != STREAM_PROVEN || new->ours == old->ours)
		return true;
	return new->ours == (p->self_id < new->node);
}

static void prove(struct pair *p, struct stream *s, uint8_t node, uint64_t now_ms)
{
	struct pair_peer *e = pair_peer_of(p, node);
	struct stream *old = pair_stream_find(p, e->tcp.stream);

	s->node = node;
	set_state(s, STREAM_PROVEN, now_ms);
	if (old && old != s && !is_better(p, s, old)) {
		pair_stream_cut(p, s, now_ms);
		return;
	}
	if (old && old != s && old->state == STREAM_PROVEN)
		pair_stream_cut(p, old, now_ms);
	pair_tcp_use(p, e, s, now_ms);
}

/* ---- octets ---- */

/* False where the stream is at its end. */
static bool take_frame(struct pair *p, struct stream *s, size_t len, uint64_t now_ms, uint64_t wall_ms)
{
	uint8_t node = 0;
	uint32_t id = s->id;
	int e = pair_receive_stream(p, s, s->octets + PAIR_FRAME_LEN, len, now_ms, wall_ms, &node);
	bool whose = s->node == 0 || s->node == node;

	if (pair_stream_find(p, id) != s)
		return false;
	s->used_ms = now_ms;
	s->heard_ms = e == 0 ? now_ms : s->heard_ms;
	if (e == 0 && whose && s->state == STREAM_UNPROVEN)
		prove(p, s, node, now_ms);
	if (s->state == STREAM_PROVEN && whose && (e == 0 || e == ERR_STALE))
		return true;
	/* Answers of a session that begins, and repeated ones: some, so that two nodes may meet. */
	if (s->state == STREAM_UNPROVEN && e == ERR_STALE && whose && ++s->frames < PAIR_STREAM_FRAMES)
		return true;
	if (s->state == STREAM_PROVEN || s->state == STREAM_UNPROVEN) {
		p->stats.streams_cut++;
		pair_stream_cut(p, s, now_ms);
	}
	return false;
}

void pair_stream_receive(struct pair *p, uint32_t id, const uint8_t *data, size_t len, uint64_t now_ms,
			 uint64_t wall_ms)
{
	struct stream *s = pair_stream_find(p, id);

	if (!s || s->state == STREAM_OPENING)
		return;
	while (len > 0) {
		size_t want = PAIR_FRAME_LEN, packet = 0;
		if (s->have >= PAIR_FRAME_LEN) {
			packet = load_u16(s->octets);
			want += packet;
		}
		size_t n = want - s->have < len ? want - s->have : len;
		memcpy(s->octets + s->have, data, n);
		s->have += n, data += n, len -= n;
		if (s->have < want)
			return;
		if (packet == 0) { /* the length is there */
			packet = load_u16(s->octets);
			if (packet >= PAIR_HEADER_LEN + PAIR_TAG_LEN && packet <= PAIR_PACKET_MAX)
				continue;
			p->stats.streams_cut++;
			pair_stream_cut(p, s, now_ms);
			return;
		}
		s->have = 0;
		if (!take_frame(p, s, packet, now_ms, wall_ms))
			return;
	}
}

/* ---- time ---- */

static uint64_t ends_at(const struct stream *s)
{
	switch (s->state) {
	case STREAM_OPENING:
	case STREAM_UNPROVEN:
		return s->since_ms + PAIR_STREAM_PROVE_MS;
	case STREAM_PROVEN:
		return s->used_ms + (s->busy ? PAIR_STREAM_STALL_MS : PAIR_STREAM_IDLE_MS);
	case STREAM_NONE:
	case STREAM_ENDING:
		break;
	}
	return UINT64_MAX;
}

void pair_streams_tick(struct pair *p, uint64_t now_ms)
{
	for (size_t i = 0; i < PAIR_STREAMS_MAX; i++) {
		struct stream *s = &p->streams.s[i];
		if (now_ms < ends_at(s))
			continue;
		p->stats.streams_cut += !s->ours && s->state == STREAM_UNPROVEN;
		pair_stream_cut(p, s, now_ms);
	}
}

uint64_t pair_streams_deadline(const struct pair *p)
{
	uint64_t at = UINT64_MAX;

	for (size_t i = 0; i < PAIR_STREAMS_MAX; i++) {
		uint64_t end_ms = ends_at(&p->streams.s[i]);
		at = end_ms < at ? end_ms : at;
	}
	return at;
}

/* ---- what the edge is to do ---- */

/* Where the peer is to be written to now: the stream its hello came by, else the one in use. */
static struct stream *stream_for(struct pair *p, struct pair_peer *e, uint64_t now_ms)
{
	bool asked = e->hello.stream && pair_hello_due(e, now_ms);
	struct stream *s = asked ? pair_stream_find(p, e->hello.stream) : NULL;

	if (asked && (!s || s->busy))
		e->hello.asked = 0; /* who asked is gone, or does not read */
	else if (s)
		return s;
	s = pair_stream_find(p, e->tcp.stream);
	return s && s->state != STREAM_OPENING && !s->busy ? s : NULL;
}

static bool send_to(struct pair *p, struct pair_peer *e, struct pair_stream *out, uint64_t now_ms, uint64_t wall_ms)
{
	const struct pair_burst *b = &p->tcp_burst;
	struct stream *s = stream_for(p, e, now_ms);

	if (!s || !pair_build_stream(p, e, s, now_ms, wall_ms))
		return false;
	s->used_ms = now_ms;
	s->busy = b->left == 0;
	*out = (struct pair_stream){ .op = PAIR_STREAM_SEND, .id = s->id, .len = PAIR_FRAME_LEN + b->len };
	store_u16(out->data, (uint16_t)b->len);
	memcpy(out->data + PAIR_FRAME_LEN, b->data, b->len);
	p->stats.sent++;
	p->stats.bytes_sent += out->len;
	return true;
}

/* A burst goes to its end first. */
static bool send_next(struct pair *p, struct pair_stream *out, uint64_t now_ms, uint64_t wall_ms)
{
	if (p->tcp_burst.left > 0 && send_to(p, &p->peers[p->tcp_burst.peer], out, now_ms, wall_ms))
		return true;
	p->tcp_burst.left = 0;
	for (size_t i = 0; i < p->peer_count; i++) {
		if (send_to(p, &p->peers[i], out, now_ms, wall_ms))
			return true;
	}
	return false;
}

bool pair_next_stream(struct pair *p, struct pair_stream *out, uint64_t now_ms, uint64_t wall_ms)
{
	for (size_t i = 0; i < PAIR_STREAMS_MAX; i++) {
		struct stream *s = &p->streams.s[i];
		if (s->state == STREAM_ENDING) {
			*out = (struct pair_stream){ .op = PAIR_STREAM_CLOSE, .id = s->id };
			s->state = STREAM_NONE;
			return true;
		}
		if (s->state == STREAM_OPENING && !s->told) {
			s->told = true;
			*out = (struct pair_stream){ .op = PAIR_STREAM_OPEN, .id = s->id, .to = s->addr };
			return true;
		}
	}
	pair_watch_clock(p, now_ms, wall_ms);
	if (p->wants_epoch)
		return false;
	shelf_seal(own_shelf(p));
	if (send_next(p, out, now_ms, wall_ms))
		return true;
	pair_note_deadline(p, now_ms);
	return false;
}
