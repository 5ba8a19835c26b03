/* The maintenance windows of a plan, as bytes and back.
 *
 *     count u16 | each: name | count u16, selectors | force u8 | 0, from u64, to u64  or  1, cron, lasts u64 | file | line u32
 *
 * All texts are strings of base/buf.h. The bytes are as hostile as those of the rest (plan_decode.c).
 */
#include "core/plan_wire.h"
#include "core/selector.h"

#define WINDOW_MIN 27 /* octets that one takes at least */
#define CRON_MAX 256

void plan_windows_put(struct bytes *b, const struct plan *p)
{
	bytes_u16(b, p->window_count);
	for (size_t i = 0; i < p->window_count; i++) {
		const struct plan_window *w = &p->windows[i];
		bytes_str(b, w->name);
		bytes_u16(b, w->what_count);
		for (size_t k = 0; k < w->what_count; k++)
			bytes_str(b, w->what[k]);
		bytes_u8(b, w->force);
		bytes_u8(b, w->cron != NULL);
		if (w->cron) {
			bytes_str(b, w->cron);
			bytes_u64(b, w->lasts_ms);
		} else {
			bytes_u64(b, w->from_ms);
			bytes_u64(b, w->to_ms);
		}
		bytes_str(b, w->file ? w->file : "");
		bytes_u32(b, w->line);
	}
}

/* NULL and a fault where it is empty and must not be. */
static const char *text_get(struct rbuf *r, struct arena *a, bool wanted, int *err)
{
	size_t n;
	const uint8_t *p = get_block(r, &n);
	if (!p || memchr(p, 0, n) || (wanted && n == 0)) {
		r->failed = true;
		return NULL;
	}
	const char *s = arena_strn(a, (const char *)p, n);
	if (!s)
		*err = ERR_NOMEM;
	return s;
}

static void what_get(struct rbuf *r, struct arena *a, struct plan_window *w, int *err)
{
	uint16_t n = get_u16(r);
	if (r->failed || n == 0 || n > PLAN_WINDOW_WHAT_MAX) {
		r->failed = true;
		return;
	}
	const char **list = arena_array(a, n, sizeof *list);
	if (!list)
		*err = ERR_NOMEM;
	for (uint16_t i = 0; list && i < n && !r->failed && !*err; i++) {
		char canonical[CORE_SELECTOR_MAX];
		list[i] = text_get(r, a, true, err);
		if (!list[i] || strlen(list[i]) >= sizeof canonical) {
			r->failed = true;
			return;
		}
		memcpy(canonical, list[i], strlen(list[i]) + 1);
		r->failed |= !selector_canonical(canonical) || strcmp(canonical, list[i]) != 0;
	}
	w->what = list;
	w->what_count = n;
}

static void when_get(struct rbuf *r, struct arena *a, struct plan_window *w, int *err)
{
	unsigned field;
	uint8_t again = get_u8(r);
	if (again == 0) {
		w->from_ms = get_u64(r);
		w->to_ms = get_u64(r);
		r->failed |= w->to_ms <= w->from_ms || w->to_ms - w->from_ms > PLAN_WINDOW_MAX_MS;
		return;
	}
	w->cron = text_get(r, a, true, err);
	w->lasts_ms = get_u64(r);
	r->failed |= again != 1 || !w->cron || strlen(w->cron) > CRON_MAX || calendar_cron_parse(&w->when, w->cron, &field) < 0 ||
		     w->lasts_ms == 0 || w->lasts_ms > PLAN_WINDOW_MAX_MS;
}

int plan_windows_get(struct rbuf *r, struct plan *p)
{
	uint16_t n = get_u16(r);
	int err = 0;
	if (r->failed || n > rbuf_left(r) / WINDOW_MIN)
		return ERR_FORMAT;
	if (n > PLAN_WINDOWS_MAX)
		return ERR_LIMIT;
	struct plan_window *list = arena_array(&p->arena, n, sizeof *list);
	if (!list)
		return ERR_NOMEM;
	for (uint16_t i = 0; i < n && !r->failed && !err; i++) {
		struct plan_window *w = &list[i];
		w->name = text_get(r, &p->arena, true, &err);
		what_get(r, &p->arena, w, &err);
		w->force = get_u8(r);
		r->failed |= w->force != POLICY_FORCE_DRAIN && w->force != POLICY_FORCE_DOWN;
		when_get(r, &p->arena, w, &err);
		w->file = text_get(r, &p->arena, false, &err);
		w->line = get_u32(r);
	}
	p->windows = list;
	p->window_count = n;
	return err ? err : r->failed ? ERR_FORMAT : 0;
}
