/* Coming back from a journal, and writing a shorter one. */
#include "core/journal.h"
#include "core/state.h"

int core_recover(struct core *c, const uint8_t *record, size_t len, uint64_t now_ms, uint64_t wall_ms)
{
	c->now_ms = now_ms;
	c->wall_ms = wall_ms;
	return record_take(c, record, len);
}

typedef int (*emitter)(void *ctx, const uint8_t *data, size_t len);

static int emit_streams(const struct core *c, uint64_t now_ms, uint64_t wall_ms, emitter emit, void *ctx)
{
	uint8_t record[JOURNAL_RECORD_MAX];
	int e = 0;
	for (uint32_t i = 0; e == 0 && i < c->gen->plan->stream_count; i++) {
		const struct stream *s = &c->gen->streams[i];
		struct wbuf w;
		if (!s->health.known || s->conf->canary)
			continue; /* nothing to remember */
		wbuf_init(&w, record, sizeof record);
		record_verdict_put(&w, s, now_ms, wall_ms);
		e = emit(ctx, record, w.len);
	}
	return e;
}

static int emit_overrides(const struct core *c, emitter emit, void *ctx)
{
	uint8_t record[JOURNAL_RECORD_MAX];
	int e = 0;
	struct wbuf w;
	for (const struct override *o = c->overrides; o; o = o->next) {
		for (uint8_t i = 0; e == 0 && i < o->reg_count; i++) {
			wbuf_init(&w, record, sizeof record);
			record_override_put(&w, o->text, &o->regs[i], c->now_ms);
			e = emit(ctx, record, w.len);
		}
	}
	/* Given but not yet synced: the compacted file may be what the sync ends up in. */
	for (const struct pending *p = c->pending; e == 0 && p; p = p->next) {
		if (!p->override)
			continue;
		wbuf_init(&w, record, sizeof record);
		record_override_put(&w, p->override->text, &p->reg, c->now_ms);
		e = emit(ctx, record, w.len);
	}
	return e;
}

static int emit_last(const struct service *s, int f, emitter emit, void *ctx)
{
	uint8_t record[JOURNAL_RECORD_MAX];
	size_t from = 0;
	int e = 0;
	if (!s->last[f].member || !policy_keeps_last(&s->last[f]))
		return 0;
	do {
		struct wbuf w;
		wbuf_init(&w, record, sizeof record);
		from = record_last_put(&w, s, f, from);
		e = emit(ctx, record, w.len);
	} while (e == 0 && from < s->last[f].count);
	return e;
}

static int emit_holds(const struct service *s, emitter emit, void *ctx)
{
	uint8_t record[JOURNAL_RECORD_MAX];
	int e = 0;
	for (int h = 0; e == 0 && h < CORE_FAMILIES; h++) {
		struct wbuf w;
		if (s->hold[h].tier < 0)
			continue;
		wbuf_init(&w, record, sizeof record);
		record_tier_put(&w, s, h);
		e = emit(ctx, record, w.len);
	}
	return e;
}

static int emit_starts(const struct service *s, uint64_t now_ms, uint64_t wall_ms, emitter emit, void *ctx)
{
	uint8_t record[JOURNAL_RECORD_MAX];
	int e = 0;
	for (size_t i = 0; e == 0 && i < s->conf->policy.member_count; i++) {
		struct wbuf w;
		if (s->members[i].start_pct == 0)
			continue;
		wbuf_init(&w, record, sizeof record);
		record_start_put(&w, s, i, now_ms, wall_ms);
		e = emit(ctx, record, w.len);
	}
	return e;
}

int core_snapshot(const struct core *c, uint64_t now_ms, uint64_t wall_ms, emitter emit, void *ctx)
{
	int e = emit_streams(c, now_ms, wall_ms, emit, ctx);
	if (e == 0)
		e = emit_overrides(c, emit, ctx);
	for (uint32_t v = 0; e == 0 && v < c->gen->plan->service_count; v++) {
		for (int f = 0; e == 0 && f < CORE_FAMILIES; f++)
			e = emit_last(&c->gen->services[v], f, emit, ctx);
		if (e == 0)
			e = emit_holds(&c->gen->services[v], emit, ctx);
		if (e == 0)
			e = emit_starts(&c->gen->services[v], now_ms, wall_ms, emit, ctx);
	}
	if (e == 0)
		e = history_emit(c, emit, ctx);
	if (e == 0)
		e = stretches_emit(c, emit, ctx);
	return e;
}
