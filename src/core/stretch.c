/* Recording results: the open stretch of each stream, a ring of those that ended, and what of it goes to the journal.
 *
 *     result ──▶ the stream's open stretch ──ends──▶ ring of STRETCHES_MAX, the eldest goes
 *                     └── begins, ends ──▶ journal, at most STRETCH_PER_S a second
 *     core_snapshot: the ring, then the open ones
 *
 * Nothing rests on it: what has no room, on the disk's account or in memory, is left out.  A stretch whose beginning was left out
 * is written with a later result, as soon as there is room; one that ended meanwhile comes with the next compaction.
 */
#include <stdlib.h>
#include "core/state.h"

#define STRETCH_FIRST 64u
#define STRETCH_PER_S 200       /* with STRETCH_AT_ONCE at once: 10 kB a second where everything flaps */
#define STRETCH_AT_ONCE 1000
#define STRETCH_SLACK_MS 100    /* spacings this near are alike, however short */
#define STRETCH_PAUSE_INTERVALS 8 /* a second result that takes longer does not go on with the first: twice the slowest breaker */

/* ---- record ---- */

void stretch_encode(struct wbuf *w, const struct core_stretch *s)
{
	put_u8(w, RECORD_STRETCH);
	put_u32(w, s->session);
	put_u64(w, s->key);
	put_u8(w, s->reason);
	put_u8(w, s->weight_pct);
	put_u8(w, s->open);
	put_u32(w, s->count);
	put_u64(w, s->first_ms);
	put_u64(w, s->last_ms);
}

int stretch_decode(struct core_stretch *out, struct rbuf *r)
{
	struct core_stretch s = { .session = get_u32(r) };
	s.key = get_u64(r);
	s.reason = get_u8(r);
	s.weight_pct = get_u8(r);
	uint8_t open = get_u8(r);
	s.open = open == 1;
	s.count = get_u32(r);
	s.first_ms = get_u64(r);
	s.last_ms = get_u64(r);
	if (r->failed || rbuf_left(r) || open > 1 || s.weight_pct > 100 || s.reason == HEALTH_REASON_NONE || s.reason >= HEALTH_REASON_MAX)
		return ERR_FORMAT;
	/* More than one a millisecond is no probing, and would take anybody's time to replay. */
	if (s.count == 0 || s.last_ms < s.first_ms || s.last_ms >= STRETCH_WALL_MAX || s.count - 1 > s.last_ms - s.first_ms)
		return ERR_FORMAT;
	*out = s;
	return 0;
}

uint64_t stretch_spacing_ms(const struct core_stretch *s)
{
	return s->count < 2 ? 0 : (s->last_ms - s->first_ms) / (s->count - 1);
}

/* ---- the ring ---- */

void stretches_deinit(struct stretches *p)
{
	free(p->ring);
	*p = (struct stretches){ 0 };
}

static bool has_room(struct stretches *p)
{
	if (p->count < p->cap || p->cap == STRETCHES_MAX)
		return true;
	uint32_t cap = p->cap ? p->cap * 2 : STRETCH_FIRST; /* nothing went yet: the eldest is at 0 */
	cap = cap < STRETCHES_MAX ? cap : STRETCHES_MAX;
	struct core_stretch *ring = realloc(p->ring, cap * sizeof *ring);
	if (!ring)
		return false;
	p->ring = ring;
	p->cap = cap;
	return true;
}

static void keep(struct stretches *p, const struct core_stretch *s)
{
	if (!has_room(p))
		return;
	p->ring[(p->first + p->count) % p->cap] = *s;
	if (p->count < p->cap)
		p->count++;
	else
		p->first = (p->first + 1) % p->cap;
}

/* ---- recording ---- */

static void write_stretch(struct core *c, struct stream *s)
{
	uint8_t record[STRETCH_RECORD_LEN];
	struct wbuf w;
	struct core_effect e = { .type = CORE_RECORD };
	if (!s->stretch.count || s->written == s->stretch.count || !budget_take(&c->past.budget, STRETCH_PER_S, STRETCH_AT_ONCE, c->now_ms) ||
	    !effect_room(c, sizeof record))
		return;
	wbuf_init(&w, record, sizeof record);
	stretch_encode(&w, &s->stretch);
	e.journal.len = (uint16_t)w.len;
	e.journal.seq = ++c->seq;
	effect_put(c, &e, record, w.len);
	s->written = s->stretch.count;
	c->past.told_ms = c->wall_ms;
}

void stretch_end(struct core *c, struct stream *s)
{
	if (!s->stretch.count)
		return;
	if (s->stretch.session == c->session) /* of an earlier start nobody knows the end: it stays open */
		s->stretch.open = false;
	write_stretch(c, s);
	keep(&c->past, &s->stretch);
	s->stretch.count = 0;
}

/* First and last are exact, what is between them may not be; and a verdict is best told at once. */
void stretch_turn(struct core *c, struct stream *s)
{
	if (s->stretch.count > 1)
		stretch_end(c, s);
}

static bool goes_on(const struct core *c, const struct stream *s, const struct health_result *r)
{
	const struct core_stretch *now = &s->stretch;
	uint64_t usual = stretch_spacing_ms(now), gap = c->wall_ms - now->last_ms;
	if (!now->count || now->count == UINT32_MAX || now->session != c->session || now->reason != r->reason ||
	    now->weight_pct != r->weight_pct || c->wall_ms <= now->last_ms)
		return false;
	if (now->count == 1)
		return gap <= (uint64_t)s->conf->timing.interval_ms * STRETCH_PAUSE_INTERVALS + s->conf->timing.timeout_ms;
	return gap <= 2 * usual + STRETCH_SLACK_MS && 2 * gap + STRETCH_SLACK_MS >= usual;
}

void stretch_feed(struct core *c, struct stream *s, const struct health_result *r)
{
	if (s->conf->canary || c->replays || c->wall_ms >= STRETCH_WALL_MAX)
		return;
	if (goes_on(c, s, r)) {
		s->stretch.count++;
		s->stretch.last_ms = c->wall_ms;
	} else {
		stretch_end(c, s);
		s->stretch = (struct core_stretch){ .key = s->conf->key, .first_ms = c->wall_ms, .last_ms = c->wall_ms, .count = 1,
						    .session = c->session, .reason = (uint8_t)r->reason, .weight_pct = r->weight_pct, .open = true };
		s->written = 0;
	}
	if (!s->written || c->wall_ms - c->past.told_ms >= STRETCH_BEAT_MS)
		write_stretch(c, s);
}

/* ---- the journal ---- */

/* The last of each stream stays beside it, so that what comes of the same one takes its place. */
int stretches_take(struct core *c, struct rbuf *r)
{
	struct core_stretch past;
	if (stretch_decode(&past, r))
		return ERR_FORMAT;
	struct stream *s = gen_stream(c->gen, past.key);
	if (!s || s->conf->key != past.key) {
		keep(&c->past, &past);
		return 0;
	}
	bool same = s->stretch.count && s->stretch.session == past.session && s->stretch.first_ms == past.first_ms;
	if (same && s->stretch.count > past.count)
		return 0;
	if (s->stretch.count && !same)
		keep(&c->past, &s->stretch);
	s->stretch = past;
	s->written = past.count;
	return 0;
}

static int emit_one(const struct core_stretch *s, int (*emit)(void *ctx, const uint8_t *data, size_t len), void *ctx)
{
	uint8_t record[STRETCH_RECORD_LEN];
	struct wbuf w;
	wbuf_init(&w, record, sizeof record);
	stretch_encode(&w, s);
	return emit(ctx, record, w.len);
}

int stretches_emit(const struct core *c, int (*emit)(void *ctx, const uint8_t *data, size_t len), void *ctx)
{
	int e = 0;
	for (uint32_t i = 0; e == 0 && i < c->past.count; i++)
		e = emit_one(&c->past.ring[(c->past.first + i) % c->past.cap], emit, ctx);
	for (uint32_t i = 0; e == 0 && i < c->gen->plan->stream_count; i++) {
		if (c->gen->streams[i].stretch.count)
			e = emit_one(&c->gen->streams[i].stretch, emit, ctx);
	}
	return e;
}
