/* What a process that leaves vouches for, and the one that takes its place at once believes.
 *
 *     VERDICTs … ◀─ the journal ─▶ FRESH: stream, verdict, when it was counted last … ─▶ verdicts that are no memory
 *
 * A verdict from the journal is memory: nobody knows how long the node was away.  One who was away for a moment, and knows how old
 * its evidence is, may say what it said before.  What is left out, too old by now or turned since is memory, as after any start.
 * Times are monotonic: they mean nothing after the machine's next start, nor to a process that does not continue another.
 *
 *     FRESH   8 | count × (key 8 | verdict 1 | hung 1 | counted ms 8 | bitmap 8)
 */
#include "core/journal.h"
#include "core/state.h"

#define ENTRY_LEN 26

/* In doubt about our own network nothing is vouched for: who comes after us would have to find out anew. */
static bool is_sure(const struct core *c)
{
	return c->round_done && !c->isolated_ms && c->tilt_until_ms <= c->now_ms && c->prober_up;
}

static bool is_fresh(const struct core *c, const struct stream *s)
{
	const struct health_witness *w = &c->paths[s->path];
	return s->health.verdict != HEALTH_VERDICT_UNKNOWN && !stream_is_memory(s) && !s->conf->canary && !s->voided &&
	       !(w->on && w->doubt_ms);
}

static void put_entry(struct wbuf *w, const struct stream *s)
{
	put_u64(w, s->conf->key);
	put_u8(w, (uint8_t)s->health.verdict);
	put_u8(w, s->health.hung);
	put_u64(w, s->health.counted_ms);
	put_u64(w, s->health.bitmap);
}

int core_vouch(struct core *c, int (*emit)(void *ctx, uint64_t seq, const uint8_t *data, size_t len), void *ctx)
{
	uint8_t record[JOURNAL_RECORD_MAX];
	struct wbuf w;
	int e = 0;
	if (!is_sure(c))
		return 0;
	wbuf_init(&w, record, sizeof record);
	for (uint32_t i = 0; e == 0 && i < c->gen->plan->stream_count; i++) {
		if (!is_fresh(c, &c->gen->streams[i]))
			continue;
		if (w.len == 0)
			put_u8(&w, RECORD_FRESH);
		put_entry(&w, &c->gen->streams[i]);
		if (w.cap - w.len >= ENTRY_LEN)
			continue;
		e = emit(ctx, ++c->seq, record, w.len);
		wbuf_init(&w, record, sizeof record);
	}
	return e == 0 && w.len > 0 ? emit(ctx, ++c->seq, record, w.len) : e;
}

static void take_entry(struct core *c, struct rbuf *r)
{
	struct stream *s = gen_stream(c->gen, get_u64(r));
	uint8_t verdict = get_u8(r), hung = get_u8(r);
	uint64_t counted_ms = get_u64(r), bitmap = get_u64(r);
	if (c->continues && s && s->health.recovered && verdict != HEALTH_VERDICT_UNKNOWN && verdict == (uint8_t)s->health.verdict)
		s->vouched = health_state_resume(&s->health, &s->conf->timing, counted_ms, hung, bitmap, c->now_ms);
}

int vouch_take(struct core *c, struct rbuf *r)
{
	if (rbuf_left(r) == 0 || rbuf_left(r) % ENTRY_LEN)
		return ERR_FORMAT;
	while (rbuf_left(r))
		take_entry(c, r);
	return 0;
}
