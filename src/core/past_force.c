/* From events to what forced members: overrides, by whom that says most about a member, and maintenance windows below them.
 *
 *     event    override 192.0.2.1 auto → drain, for 30m     …  drain → auto        what is told ends it
 *     change   ├─ drain ─────────────────────────────────────┤ none               else its own time does: of an end while we were
 *                                                                                  away nobody told
 */
#include <stdlib.h>
#include "base/text.h"
#include "core/past.h"
#include "core/state.h"

#define WHO_MAX 64 /* overrides and windows that touched a service within the history: the newest */

struct who { /* an override or a window */
	const char *text; /* a selector, or the window's name */
	const struct window *window; /* NULL = an override */
	struct selector selector;
	bool seen;        /* an event of it was */
	uint8_t force;    /* by the last event of it */
	uint64_t until_ms; /* when that ends by itself; 0 = it does not */
};
struct change { uint64_t at_ms; uint32_t order; uint8_t who, force; };
struct past_forces {
	struct who who[WHO_MAX];
	size_t who_count;
	struct change *changes; /* in order of time */
	size_t count, cap;
};

static uint8_t force_of(const char *verb)
{
	return strcmp(verb, "drain") == 0 ? POLICY_FORCE_DRAIN : strcmp(verb, "down") == 0 ? POLICY_FORCE_DOWN :
	       strcmp(verb, "up") == 0 ? POLICY_FORCE_UP : POLICY_FORCE_NONE;
}

static void add(struct past_forces *f, const struct who *w, uint64_t at_ms, uint8_t force)
{
	if (f->count < f->cap) {
		f->changes[f->count] = (struct change){ at_ms, (uint32_t)f->count, (uint8_t)(w - f->who), force };
		f->count++;
	}
}

static bool window_touches(const struct window *w, const struct plan_service *s)
{
	for (uint16_t i = 0; i < w->conf->what_count; i++)
		if (selector_touches(&w->what[i], s))
			return true;
	return false;
}

static struct who *who_of(struct past_forces *f, struct arena *a, const struct core *c, const struct plan_service *s, const char *text,
			  const struct window *window)
{
	struct who w = { .window = window };
	for (size_t i = 0; i < f->who_count; i++)
		if (f->who[i].window == window && strcmp(f->who[i].text, text) == 0)
			return &f->who[i];
	if (!window)
		selector_resolve(&w.selector, text, c->gen);
	if (f->who_count == WHO_MAX || !(window ? window_touches(window, s) : selector_touches(&w.selector, s)))
		return NULL;
	w.text = arena_str(a, text);
	if (!w.text)
		return NULL;
	f->who[f->who_count] = w;
	return &f->who[f->who_count++];
}

static uint64_t until_of(const struct core_notice *n)
{
	const char *at = n->detail, *key, *value;
	size_t key_len, value_len;
	uint64_t for_ms;
	char text[24];
	while (notice_detail_next(&at, &key, &key_len, &value, &value_len)) {
		if (key_len != 6 || memcmp(key, "for_ms", 6) != 0 || value_len >= sizeof text)
			continue;
		memcpy(text, value, value_len);
		text[value_len] = 0;
		return text_parse_u64(&for_ms, text, 1, UINT64_MAX / 2) ? 0 : n->wall_ms + for_ms;
	}
	return 0;
}

/* before: what its event says that forced until then; it may have ended by itself, or have begun before the history does. */
static void turn(struct past_forces *f, struct who *w, uint64_t at_ms, uint8_t before, uint8_t force, uint64_t until_ms)
{
	if (!w->seen && before)
		add(f, w, 0, before);
	if (w->seen && w->force && !before && w->until_ms && w->until_ms < at_ms)
		add(f, w, w->until_ms, POLICY_FORCE_NONE);
	add(f, w, at_ms, force);
	w->seen = true;
	w->force = force;
	w->until_ms = until_ms;
}

static const struct window *window_find(const struct core *c, const char *name)
{
	for (uint16_t i = 0; i < c->gen->plan->window_count; i++)
		if (strcmp(c->gen->windows[i].conf->name, name) == 0)
			return &c->gen->windows[i];
	return NULL;
}

static void take_notice(struct past_forces *f, struct arena *a, const struct core *c, const struct plan_service *s,
			const struct core_notice *n)
{
	const struct window *window = n->kind == CORE_NOTICE_WINDOW ? window_find(c, n->subject) : NULL;
	bool began = strcmp(n->new, "began") == 0, ended = strcmp(n->new, "ended") == 0;
	struct who *w = NULL;
	if (n->kind == CORE_NOTICE_OVERRIDE || (window && (began || ended)))
		w = who_of(f, a, c, s, n->subject, window);
	if (!w)
		return;
	if (window)
		turn(f, w, n->wall_ms, ended && strcmp(n->old, "began") == 0 ? window->conf->force : POLICY_FORCE_NONE,
		     began ? window->conf->force : POLICY_FORCE_NONE, 0);
	else
		turn(f, w, n->wall_ms, force_of(n->old), force_of(n->new), until_of(n));
}

/* What forces now is known, whatever was told of it. */
static void take_present(struct past_forces *f, struct arena *a, const struct core *c, const struct plan_service *s, uint64_t to_ms)
{
	for (const struct override *o = c->overrides; o; o = o->next) {
		struct who *w = o->on ? who_of(f, a, c, s, o->text, NULL) : NULL;
		if (w && w->force != force_of(core_verb_text(o->regs[o->newest].verb)))
			turn(f, w, o->regs[o->newest].hlc >> 16, w->force, force_of(core_verb_text(o->regs[o->newest].verb)), 0);
		else if (w)
			w->until_ms = 0;
	}
	for (size_t i = 0; i < f->who_count; i++) {
		struct who *w = &f->who[i];
		if (w->force && w->until_ms && w->until_ms < to_ms)
			add(f, w, w->until_ms, POLICY_FORCE_NONE);
	}
}

static int change_order(const void *x, const void *y)
{
	const struct change *a = x, *b = y;
	if (a->at_ms != b->at_ms)
		return a->at_ms < b->at_ms ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

struct past_forces *past_forces_new(struct arena *a, const struct core *c, size_t service, uint64_t to_ms)
{
	const struct plan_service *s = c->gen->services[service].conf;
	struct past_forces *f = arena_array(a, 1, sizeof *f);
	struct core_notice n;
	if (!f)
		return NULL;
	f->cap = 3 * (core_notices(c) + WHO_MAX) + 1;
	f->changes = arena_array(a, f->cap, sizeof *f->changes);
	if (!f->changes)
		return NULL;
	for (size_t i = 0; i < core_notices(c); i++) {
		core_notice_get(c, i, &n);
		take_notice(f, a, c, s, &n);
	}
	take_present(f, a, c, s, to_ms);
	qsort(f->changes, f->count, sizeof *f->changes, change_order);
	return f;
}

size_t past_forces_count(const struct past_forces *f)
{
	return f->count;
}

/* ---- of one member ---- */

static bool matches(const struct who *w, const struct plan_service *s, size_t member)
{
	if (!w->window)
		return selector_matches(&w->selector, s, member);
	for (uint16_t i = 0; i < w->window->conf->what_count; i++)
		if (selector_matches(&w->window->what[i], s, member))
			return true;
	return false;
}

/* Who says most; among equals the newest. A window says least. */
static uint8_t strongest(const struct past_forces *f, const bool *about, const struct change *const *now)
{
	const struct change *best = NULL;
	int best_kind = 0;
	for (size_t i = 0; i < f->who_count; i++) {
		int kind = f->who[i].window ? 0 : (int)f->who[i].selector.kind;
		if (!about[i] || !now[i] || !now[i]->force)
			continue;
		if (!best || kind > best_kind || (kind == best_kind && kind && now[i]->at_ms > best->at_ms)) {
			best = now[i];
			best_kind = kind;
		}
	}
	return best ? best->force : POLICY_FORCE_NONE;
}

void past_forces_line(const struct past_forces *f, const struct plan_service *s, size_t member, struct past_line *out)
{
	bool about[WHO_MAX];
	const struct change *now[WHO_MAX] = { NULL };
	for (size_t i = 0; i < f->who_count; i++)
		about[i] = matches(&f->who[i], s, member);
	for (size_t i = 0; i < f->count; i++) {
		const struct change *g = &f->changes[i];
		now[g->who] = g;
		if (about[g->who])
			past_mark(out, g->at_ms, strongest(f, about, now));
	}
}
