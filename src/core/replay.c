/* Stretches back into results, and the steps of the core that they lead to. */
#include <stdlib.h>
#include "core/replay.h"
#include "core/state.h"

#define ITEMS_FIRST 256u

struct item { struct core_stretch s; uint32_t stream; };
struct track { /* of one stream */
	struct heap_item next;  /* when its next result comes; not in the heap: there is none */
	size_t at, end;         /* items */
	uint32_t given;         /* results of the item at `at` */
};
struct session { uint32_t id; uint64_t last_ms; };
struct replay {
	struct core *core;
	const struct plan *plan;
	struct item *items;
	size_t count, cap;
	struct session *sessions; /* one a run of records of it; replay_begin makes them one each */
	size_t session_count, session_cap;
	struct track *tracks;     /* one a stream */
	struct heap heap;
	size_t strangers;
	uint64_t first_ms, last_ms;
	uint64_t now_ms; /* of the last step */
	bool started;
};

/* ---- records ---- */

static bool grow(void **list, size_t count, size_t *cap, size_t size)
{
	if (count < *cap)
		return true;
	size_t n = *cap ? *cap * 2 : ITEMS_FIRST;
	void *p = reallocarray(*list, n, size);
	if (!p)
		return false;
	*list = p;
	*cap = n;
	return true;
}

static int note_session(struct replay *r, const struct core_stretch *s)
{
	struct session *last = r->session_count ? &r->sessions[r->session_count - 1] : NULL;
	if (last && last->id == s->session) {
		last->last_ms = s->last_ms > last->last_ms ? s->last_ms : last->last_ms;
		return 0;
	}
	if (!grow((void **)&r->sessions, r->session_count, &r->session_cap, sizeof *r->sessions))
		return ERR_NOMEM;
	r->sessions[r->session_count++] = (struct session){ s->session, s->last_ms };
	return 0;
}

int replay_add(struct replay *r, const uint8_t *record, size_t len)
{
	struct rbuf in;
	struct core_stretch s;
	rbuf_init(&in, record, len);
	if (get_u8(&in) != RECORD_STRETCH || stretch_decode(&s, &in))
		return 0;
	if (note_session(r, &s))
		return ERR_NOMEM;
	const struct stream *stream = gen_stream(r->core->gen, s.key);
	if (!stream || stream->conf->key != s.key || stream->conf->canary) {
		r->strangers++;
		return 0;
	}
	if (!grow((void **)&r->items, r->count, &r->cap, sizeof *r->items))
		return ERR_NOMEM;
	r->items[r->count++] = (struct item){ s, (uint32_t)(stream - r->core->gen->streams) };
	return 0;
}

/* ---- order ---- */

static int by(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* Of one stretch recorded several times the longest comes first. */
static int item_order(const void *x, const void *y)
{
	const struct item *a = x, *b = y;
	int d = by(a->stream, b->stream);
	d = d ? d : by(a->s.first_ms, b->s.first_ms);
	d = d ? d : by(a->s.session, b->s.session);
	d = d ? d : by(b->s.count, a->s.count);
	d = d ? d : by(b->s.last_ms, a->s.last_ms);
	d = d ? d : by(a->s.open, b->s.open);
	d = d ? d : by(a->s.reason, b->s.reason);
	return d ? d : by(a->s.weight_pct, b->s.weight_pct);
}

static int session_order(const void *x, const void *y)
{
	const struct session *a = x, *b = y;
	int d = by(a->id, b->id);
	return d ? d : by(b->last_ms, a->last_ms);
}

static int session_find(const void *key, const void *y)
{
	const struct session *b = y;
	return by(*(const uint32_t *)key, b->id);
}

static void drop_repeats(struct replay *r)
{
	size_t kept = 0;
	for (size_t i = 0; i < r->count; i++) {
		const struct item *it = &r->items[i], *before = kept ? &r->items[kept - 1] : NULL;
		if (!before || before->stream != it->stream || before->s.first_ms != it->s.first_ms || before->s.session != it->s.session)
			r->items[kept++] = *it;
	}
	r->count = kept;
	kept = 0;
	for (size_t i = 0; i < r->session_count; i++) {
		if (!kept || r->sessions[kept - 1].id != r->sessions[i].id)
			r->sessions[kept++] = r->sessions[i];
	}
	r->session_count = kept;
}

/* An open stretch went on, as far as anybody knows, until the next of its stream began or the session's record ends. */
static void go_on(const struct replay *r, size_t i)
{
	struct item *it = &r->items[i];
	const struct item *after = i + 1 < r->count && it[1].stream == it->stream ? &it[1] : NULL;
	const struct session *in = bsearch(&it->s.session, r->sessions, r->session_count, sizeof *in, session_find);
	uint64_t spacing = stretch_spacing_ms(&it->s), until = in ? in->last_ms : 0;
	if (!it->s.open)
		return;
	if (after && after->s.first_ms <= until)
		until = after->s.first_ms > 0 ? after->s.first_ms - 1 : 0;
	if (spacing == 0)
		spacing = r->plan->streams[it->stream].timing.interval_ms;
	uint64_t more = until > it->s.last_ms && spacing > 0 ? (until - it->s.last_ms) / spacing : 0;
	if (more > UINT32_MAX - it->s.count)
		more = UINT32_MAX - it->s.count;
	it->s.count += (uint32_t)more;
	it->s.last_ms += more * spacing;
}

/* ---- results ---- */

static uint64_t due_at(const struct replay *r, const struct track *t)
{
	const struct core_stretch *s = &r->items[t->at].s;
	uint64_t at = s->first_ms;
	if (s->count > 1) /* both are below 2^48 and 2^32: split, so that no product overflows */
		at += (s->last_ms - s->first_ms) / (s->count - 1) * t->given + (s->last_ms - s->first_ms) % (s->count - 1) * t->given / (s->count - 1);
	return at;
}

static int arm(struct replay *r, struct track *t)
{
	if (t->at < t->end && t->given == r->items[t->at].s.count) {
		t->at++;
		t->given = 0;
	}
	if (t->at < t->end)
		return heap_set(&r->heap, &t->next, due_at(r, t));
	heap_remove(&r->heap, &t->next);
	return 0;
}

static int lay_tracks(struct replay *r)
{
	int e = 0;
	for (size_t i = 0; i < r->count; i++) {
		struct track *t = &r->tracks[r->items[i].stream];
		const struct core_stretch *s = &r->items[i].s;
		if (t->end == 0)
			t->at = i;
		t->end = i + 1;
		r->first_ms = s->first_ms < r->first_ms ? s->first_ms : r->first_ms;
		r->last_ms = s->last_ms > r->last_ms ? s->last_ms : r->last_ms;
	}
	for (uint32_t i = 0; e == 0 && i < r->plan->stream_count; i++) {
		if (r->tracks[i].end)
			e = arm(r, &r->tracks[i]);
	}
	return e;
}

/* ---- life ---- */

int replay_new(struct replay **out, const struct plan *plan)
{
	struct core_start start = { .plan = plan, .seed = 1, .replays = true };
	struct replay *r = calloc(1, sizeof *r);
	if (!r)
		return ERR_NOMEM;
	heap_init(&r->heap);
	r->plan = plan;
	r->first_ms = UINT64_MAX;
	r->tracks = calloc((size_t)plan->stream_count + 1, sizeof *r->tracks);
	if (!r->tracks || core_new(&r->core, &start, 0, 0)) {
		replay_free(r);
		return ERR_NOMEM;
	}
	*out = r;
	return 0;
}

void replay_free(struct replay *r)
{
	if (!r)
		return;
	heap_deinit(&r->heap);
	core_free(r->core);
	free(r->items);
	free(r->sessions);
	free(r->tracks);
	free(r);
}

int replay_begin(struct replay *r)
{
	if (!r->count)
		return ERR_ABSENT;
	qsort(r->items, r->count, sizeof *r->items, item_order);
	qsort(r->sessions, r->session_count, sizeof *r->sessions, session_order);
	drop_repeats(r);
	for (size_t i = 0; i < r->count; i++)
		go_on(r, i);
	if (lay_tracks(r))
		return ERR_NOMEM;
	return r->last_ms - r->first_ms > REPLAY_SPAN_MAX_MS ? ERR_RANGE : 0;
}

static struct track *track_of(struct heap_item *i)
{
	return (struct track *)(void *)((char *)i - offsetof(struct track, next));
}

/* Stretches overlap where the clock that they were recorded by went back: time stands still then. */
static int step_core(struct replay *r, const struct core_event *e, uint64_t at_ms)
{
	r->now_ms = at_ms > r->now_ms ? at_ms : r->now_ms;
	return core_step(r->core, e, r->now_ms, r->now_ms);
}

static int give_result(struct replay *r, struct track *t)
{
	const struct item *it = &r->items[t->at];
	uint64_t at_ms = t->next.at_ms;
	struct core_event e = { .type = CORE_RESULT };
	e.result.stream = it->stream;
	e.result.result.reason = (enum health_reason)it->s.reason;
	e.result.result.weight_pct = it->s.weight_pct;
	t->given++;
	int err = arm(r, t);
	return err ? err : step_core(r, &e, at_ms);
}

/* 1 = a step was made, 0 = none is left. */
static int step(struct replay *r)
{
	struct heap_item *first = heap_peek(&r->heap);
	uint64_t timer = r->started ? core_deadline(r->core) : r->first_ms, result = first ? first->at_ms : UINT64_MAX;
	r->started = true;
	if (timer > result || (timer > r->last_ms && !first)) {
		int e = first ? give_result(r, track_of(first)) : 0;
		return e ? e : first != NULL;
	}
	int e = step_core(r, &(struct core_event){ .type = CORE_TIMER }, timer);
	return e ? e : 1;
}

int replay_next(struct replay *r, const struct core_notice **n)
{
	struct core_effect e;
	int more = 1;
	while (more > 0) {
		while (core_next_effect(r->core, &e)) {
			if (e.type != CORE_NOTICE)
				continue;
			*n = e.notice.what;
			return 1;
		}
		more = step(r);
	}
	return more;
}

const struct core *replay_core(const struct replay *r) { return r->core; }
uint64_t replay_first_ms(const struct replay *r) { return r->first_ms; }
uint64_t replay_last_ms(const struct replay *r) { return r->last_ms; }
bool replay_knows(const struct replay *r, uint32_t stream) { return r->tracks[stream].end > 0; }
size_t replay_strangers(const struct replay *r) { return r->strangers; }
