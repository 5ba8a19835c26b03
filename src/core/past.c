/* From stretches to verdicts, and from these and what was forced to spans. */
#include <stdlib.h>
#include "core/past.h"
#include "core/state.h"

#define PAUSE_INTERVALS 8 /* as in stretch.c: results that are farther apart leave a gap in the record */
#define FEEDS_MAX 600     /* results of a stretch that are looked at one by one: fall and rise are below 256 */

struct item { struct core_stretch s; uint32_t track; };
struct track { uint64_t key; const struct stream *stream; struct past_line line; };
struct session { uint32_t id; uint64_t last_ms; };
struct work {
	struct arena *arena;
	const struct core *c;
	const struct plan_service *conf;
	uint64_t to_ms;
	struct track *tracks; /* ascending key */
	size_t track_count;
	struct item *items;
	size_t item_count;
	struct session *sessions; /* earlier starts of which a stretch is open, ascending */
	size_t session_count;
};

const char *core_past_text(uint8_t state)
{
	static const char *const texts[] = { "none", "up", "down", "unknown", "drained" };
	return texts[state <= CORE_PAST_DRAINED ? state : 0];
}

void past_mark(struct past_line *l, uint64_t at_ms, uint8_t state)
{
	struct core_past_span *last = l->count ? &l->marks[l->count - 1] : NULL;
	if (last && last->state == state)
		return;
	if (last && at_ms <= last->from_ms) { /* a clock that was put back makes time stand still */
		last->state = state;
		if (l->count > 1 && l->marks[l->count - 2].state == state)
			l->count--;
		return;
	}
	if (l->count < l->cap)
		l->marks[l->count++] = (struct core_past_span){ at_ms, state };
}

static int by(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* ---- which streams ---- */

static int track_order(const void *x, const void *y)
{
	const struct track *a = x, *b = y;
	return by(a->key, b->key);
}

static struct track *track_find(const struct work *w, uint64_t key)
{
	struct track wanted = { .key = key };
	return bsearch(&wanted, w->tracks, w->track_count, sizeof wanted, track_order);
}

static int gather_tracks(struct work *w)
{
	size_t n = 0, kept = 0;
	for (size_t i = 0; i < w->conf->policy.member_count; i++)
		n += w->conf->checks[i].count;
	w->tracks = arena_array(w->arena, n + 1, sizeof *w->tracks);
	if (!w->tracks)
		return ERR_NOMEM;
	n = 0;
	for (size_t i = 0; i < w->conf->policy.member_count; i++)
		for (size_t k = 0; k < w->conf->checks[i].count; k++) {
			const struct stream *s = &w->c->gen->streams[w->conf->checks[i].streams[k]];
			w->tracks[n++] = (struct track){ .key = s->conf->key, .stream = s };
		}
	qsort(w->tracks, n, sizeof *w->tracks, track_order);
	for (size_t i = 0; i < n; i++)
		if (!kept || w->tracks[kept - 1].key != w->tracks[i].key)
			w->tracks[kept++] = w->tracks[i];
	w->track_count = kept;
	return 0;
}

/* ---- what is on record ---- */

static const struct core_stretch *ended(const struct core *c, uint32_t i)
{
	return &c->past.ring[(c->past.first + i) % c->past.cap];
}

/* Of one stretch recorded several times the longest comes first. */
static int item_order(const void *x, const void *y)
{
	const struct item *a = x, *b = y;
	int d = by(a->track, b->track);
	d = d ? d : by(a->s.first_ms, b->s.first_ms);
	d = d ? d : by(a->s.session, b->s.session);
	return d ? d : by(b->s.count, a->s.count);
}

static int gather_items(struct work *w)
{
	const struct core *c = w->c;
	size_t n = 0, kept = 0;
	for (uint32_t i = 0; i < c->past.count; i++)
		n += track_find(w, ended(c, i)->key) != NULL;
	w->items = arena_array(w->arena, n + w->track_count + 1, sizeof *w->items);
	if (!w->items)
		return ERR_NOMEM;
	n = 0;
	for (uint32_t i = 0; i < c->past.count; i++) {
		const struct track *t = track_find(w, ended(c, i)->key);
		if (t)
			w->items[n++] = (struct item){ *ended(c, i), (uint32_t)(t - w->tracks) };
	}
	for (size_t i = 0; i < w->track_count; i++)
		if (w->tracks[i].stream->stretch.count)
			w->items[n++] = (struct item){ w->tracks[i].stream->stretch, (uint32_t)i };
	qsort(w->items, n, sizeof *w->items, item_order);
	for (size_t i = 0; i < n; i++) {
		const struct item *it = &w->items[i], *before = kept ? &w->items[kept - 1] : NULL;
		if (!before || before->track != it->track || before->s.first_ms != it->s.first_ms || before->s.session != it->s.session)
			w->items[kept++] = *it;
	}
	w->item_count = kept;
	return 0;
}

static int session_order(const void *x, const void *y)
{
	const struct session *a = x, *b = y;
	return by(a->id, b->id);
}

static void note_session(struct work *w, const struct core_stretch *s)
{
	struct session wanted = { .id = s->session }, *in;
	in = w->session_count ? bsearch(&wanted, w->sessions, w->session_count, sizeof wanted, session_order) : NULL;
	if (in && s->last_ms > in->last_ms)
		in->last_ms = s->last_ms;
}

/* An open stretch of an earlier start went on until the last that this start recorded of anything. */
static int gather_sessions(struct work *w)
{
	size_t n = 0, kept = 0;
	w->sessions = arena_array(w->arena, w->item_count + 1, sizeof *w->sessions);
	if (!w->sessions)
		return ERR_NOMEM;
	for (size_t i = 0; i < w->item_count; i++)
		if (w->items[i].s.open && w->items[i].s.session != w->c->session)
			w->sessions[n++] = (struct session){ .id = w->items[i].s.session };
	qsort(w->sessions, n, sizeof *w->sessions, session_order);
	for (size_t i = 0; i < n; i++)
		if (!kept || w->sessions[kept - 1].id != w->sessions[i].id)
			w->sessions[kept++] = w->sessions[i];
	w->session_count = kept;
	for (uint32_t i = 0; kept && i < w->c->past.count; i++)
		note_session(w, ended(w->c, i));
	for (uint32_t i = 0; kept && i < w->c->gen->plan->stream_count; i++)
		note_session(w, &w->c->gen->streams[i].stretch);
	return 0;
}

/* Until when results of that kind came. */
static uint64_t end_of(const struct work *w, size_t i)
{
	const struct item *it = &w->items[i];
	const struct item *after = i + 1 < w->item_count && it[1].track == it->track ? &it[1] : NULL;
	struct session wanted = { .id = it->s.session };
	const struct session *in = it->s.open && w->session_count ?
					   bsearch(&wanted, w->sessions, w->session_count, sizeof wanted, session_order) : NULL;
	uint64_t until = in && in->last_ms > it->s.last_ms ? in->last_ms : it->s.last_ms;
	return after && after->s.first_ms < until && after->s.first_ms >= it->s.last_ms ? after->s.first_ms : until;
}

/* ---- verdicts ---- */

static uint8_t state_of(enum health_verdict v)
{
	return v == HEALTH_VERDICT_UP ? CORE_PAST_UP : v == HEALTH_VERDICT_DOWN ? CORE_PAST_DOWN : CORE_PAST_UNKNOWN;
}

/* More of the same change nothing any more. */
static bool is_settled(const struct health_state *h, enum health_outcome o)
{
	return o == HEALTH_PASS ? h->verdict == HEALTH_VERDICT_UP && !h->fails : o == HEALTH_FAIL && h->verdict == HEALTH_VERDICT_DOWN;
}

static void feed(struct track *t, struct health_state *h, const struct core_stretch *s, uint64_t at_ms)
{
	const struct health_result r = { .reason = (enum health_reason)s->reason, .weight_pct = s->weight_pct };
	bool changed = health_state_feed(h, &t->stream->conf->timing, &r, at_ms);
	if (changed || !t->line.count || t->line.marks[t->line.count - 1].state == CORE_PAST_NONE)
		past_mark(&t->line, at_ms, state_of(h->verdict));
}

/* Results that say nothing of the target: the verdict stands until it is too old. */
static void grow_old(struct track *t, struct health_state *h, uint64_t until_ms)
{
	uint64_t at = health_state_age_at(h, &t->stream->conf->timing);
	if (at <= until_ms && health_state_age(h, &t->stream->conf->timing, at))
		past_mark(&t->line, at, state_of(h->verdict));
}

/* The first results one by one; the last is exact, and the one that turned a verdict where one did (stretch.h). */
static void feed_stretch(struct track *t, struct health_state *h, const struct core_stretch *s, uint64_t until_ms)
{
	const struct health_result r = { .reason = (enum health_reason)s->reason, .weight_pct = s->weight_pct };
	enum health_outcome o = health_result_outcome(&r);
	uint64_t spacing = stretch_spacing_ms(s);
	feed(t, h, s, s->first_ms);
	for (uint32_t i = 1; i + 1 < s->count && i < FEEDS_MAX && !is_settled(h, o) && (o == HEALTH_PASS || o == HEALTH_FAIL); i++)
		feed(t, h, s, s->first_ms + i * spacing);
	if (o != HEALTH_PASS && o != HEALTH_FAIL)
		grow_old(t, h, until_ms);
	else if (s->count > 1)
		feed(t, h, s, s->last_ms);
}

/* How far an open stretch of an earlier start went is known to STRETCH_BEAT_MS: a quick restart leaves no gap. */
static void walk(struct work *w, struct track *t, size_t from, size_t to)
{
	const struct health_timing *timing = &t->stream->conf->timing;
	const uint64_t pause = (uint64_t)timing->interval_ms * PAUSE_INTERVALS + timing->timeout_ms;
	struct health_state h;
	uint64_t covered = 0;
	health_state_init(&h);
	for (size_t i = from; i < to; i++) {
		const struct core_stretch *s = &w->items[i].s;
		bool open = i > from && w->items[i - 1].s.open && s->session != w->items[i - 1].s.session;
		bool gap = i > from && s->first_ms > covered + pause + (open ? STRETCH_BEAT_MS : 0);
		if (gap)
			past_mark(&t->line, covered, CORE_PAST_NONE);
		if (h.known && (gap || (i > from && s->session != w->items[i - 1].s.session)))
			health_state_recover(&h, h.verdict, h.bitmap, s->first_ms, s->first_ms);
		covered = end_of(w, i) > covered ? end_of(w, i) : covered;
		feed_stretch(t, &h, s, covered);
	}
	if (to > from && w->to_ms > covered + pause)
		past_mark(&t->line, covered, CORE_PAST_NONE);
}

static int walk_all(struct work *w)
{
	for (size_t i = 0, at = 0; i < w->track_count; i++) {
		struct track *t = &w->tracks[i];
		size_t from = at;
		while (at < w->item_count && w->items[at].track == i)
			at++;
		t->line.cap = 6 * (at - from) + 2; /* of one: a gap, an age, and what turns at its begin, within and at its end */
		t->line.marks = arena_array(w->arena, t->line.cap, sizeof *t->line.marks);
		if (!t->line.marks)
			return ERR_NOMEM;
		walk(w, t, from, at);
	}
	return 0;
}

/* ---- members ---- */

/* As service_member_own has it. */
static uint8_t judge(const struct plan_check *check, const uint8_t *states)
{
	uint16_t count[CORE_PAST_DRAINED + 1] = { 0 };
	for (size_t k = 0; k < check->count; k++)
		count[states[k]]++;
	if (count[CORE_PAST_UP] >= check->need) /* one without a check is up: nobody asks it */
		return CORE_PAST_UP;
	if (check->count - count[CORE_PAST_DOWN] < check->need)
		return CORE_PAST_DOWN;
	return count[CORE_PAST_NONE] ? CORE_PAST_NONE : CORE_PAST_UNKNOWN;
}

static uint8_t with_force(uint8_t state, const struct policy_member *m, uint8_t force)
{
	if (policy_member_drained(m, force))
		return CORE_PAST_DRAINED;
	return force == POLICY_FORCE_UP ? CORE_PAST_UP : force == POLICY_FORCE_DOWN ? CORE_PAST_DOWN : state;
}

/* Goes along all lines at once; the last place of lines is what was forced. */
static void merge(const struct work *w, size_t member, const struct past_line **lines, uint64_t from_ms, struct past_line *out)
{
	const struct plan_check *check = &w->conf->checks[member];
	uint8_t states[PLAN_CHECK_STREAMS_MAX + 1] = { 0 };
	size_t at[PLAN_CHECK_STREAMS_MAX + 1] = { 0 };
	for (uint64_t now = from_ms; now < w->to_ms;) {
		uint64_t next = w->to_ms;
		for (size_t k = 0; k <= check->count; k++) {
			while (at[k] < lines[k]->count && lines[k]->marks[at[k]].from_ms <= now)
				states[k] = lines[k]->marks[at[k]++].state;
			if (at[k] < lines[k]->count && lines[k]->marks[at[k]].from_ms < next)
				next = lines[k]->marks[at[k]].from_ms;
		}
		past_mark(out, now, with_force(judge(check, states), &w->conf->policy.members[member], states[check->count]));
		now = next;
	}
}

static int make_member(struct work *w, const struct past_forces *f, size_t i, uint64_t from_ms, struct core_past_member *out)
{
	const struct plan_check *check = &w->conf->checks[i];
	const struct past_line *lines[PLAN_CHECK_STREAMS_MAX + 1];
	struct past_line forced = { .cap = past_forces_count(f) + 1 }, all = { .cap = forced.cap + 1 };
	for (size_t k = 0; k < check->count; k++) {
		lines[k] = &track_find(w, w->c->gen->streams[check->streams[k]].conf->key)->line;
		all.cap += lines[k]->count;
	}
	forced.marks = arena_array(w->arena, forced.cap, sizeof *forced.marks);
	all.marks = arena_array(w->arena, all.cap, sizeof *all.marks);
	if (!forced.marks || !all.marks)
		return ERR_NOMEM;
	past_forces_line(f, w->conf, i, &forced);
	lines[check->count] = &forced;
	merge(w, i, lines, from_ms, &all);
	size_t skip = all.count > CORE_PAST_SPANS_MAX ? all.count - CORE_PAST_SPANS_MAX : 0;
	*out = (struct core_past_member){ all.marks + skip, all.count - skip };
	return 0;
}

static int make(struct core_past *p, struct work *w, size_t service, uint64_t from_ms)
{
	int e = gather_tracks(w);
	if (!e)
		e = gather_items(w);
	if (!e)
		e = gather_sessions(w);
	if (!e)
		e = walk_all(w);
	const struct past_forces *f = e ? NULL : past_forces_new(w->arena, w->c, service, w->to_ms);
	p->count = w->conf->policy.member_count;
	p->members = f ? arena_array(w->arena, p->count + 1, sizeof *p->members) : NULL;
	if (!p->members)
		return ERR_NOMEM;
	for (size_t i = 0; !e && i < p->count; i++)
		e = make_member(w, f, i, from_ms, &p->members[i]);
	return e;
}

int core_past_new(struct core_past **out, const struct core *c, size_t service, uint64_t from_ms, uint64_t to_ms)
{
	struct core_past *p = calloc(1, sizeof *p);
	if (!p)
		return ERR_NOMEM;
	arena_init(&p->arena, 0);
	struct work w = { .arena = &p->arena, .c = c, .conf = c->gen->services[service].conf, .to_ms = to_ms };
	int e = make(p, &w, service, from_ms);
	if (e) {
		core_past_free(p);
		return e;
	}
	*out = p;
	return 0;
}

void core_past_free(struct core_past *p)
{
	if (!p)
		return;
	arena_deinit(&p->arena);
	free(p);
}
