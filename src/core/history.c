/* The newest notices, in memory and in the journal.
 *
 *     told ──▶ log, followers
 *       └─ a change? ──▶ ring of HISTORY_MAX records, the eldest goes ──▶ journal, at most HISTORY_PER_S a second
 *                             └──────────── core_snapshot ──────────────────▲  (a compacted journal holds the whole ring)
 *
 * Numbers rise, so a record that stands twice in the journal (appended behind the snapshot that held it) is taken once.  Without
 * memory a notice is left out: nothing rests on it.
 */
#include <stdio.h>
#include <stdlib.h>
#include "core/state.h"

#define HISTORY_PER_S 200 /* with 1000 at once: a flood does not fill the disk; what is left out comes with the next compaction */

void history_deinit(struct history *h)
{
	for (size_t i = 0; i < HISTORY_MAX; i++)
		free(h->item[i].data);
	*h = (struct history){ 0 };
}

static bool keep(struct history *h, const uint8_t *record, size_t len)
{
	uint8_t *copy = malloc(len);
	if (!copy)
		return false;
	memcpy(copy, record, len);
	size_t at = (h->first + h->count) % HISTORY_MAX;
	if (h->count == HISTORY_MAX) {
		free(h->item[at].data);
		h->first = (h->first + 1) % HISTORY_MAX;
	} else {
		h->count++;
	}
	h->item[at] = (struct history_item){ copy, (uint16_t)len };
	return true;
}

bool budget_take(struct budget *b, uint32_t per_s, uint32_t at_once, uint64_t now_ms)
{
	uint64_t more = b->filled_ms ? (now_ms - b->filled_ms) * per_s / 1000 : at_once;
	if (more) {
		b->room = more < at_once - b->room ? b->room + (uint32_t)more : at_once;
		b->filled_ms = now_ms;
	}
	if (!b->room)
		return false;
	b->room--;
	return true;
}

/* What changed nothing, such as an override that is found again at the start, is for the log alone. */
static bool is_change(const struct core_notice *n)
{
	return n->kind == CORE_NOTICE_ALARM || n->kind == CORE_NOTICE_ANSWER || strcmp(n->old, n->new) != 0;
}

/* Of changes whose state says nearly all: no event is without a reason but an override whose operator gave none. */
static const char *reason_of(const struct core_notice *n)
{
	static const struct { enum core_notice_kind kind; const char *new, *reason; } reasons[] = {
		{ CORE_NOTICE_NODE, "started", "the last states serve until fresh ones come" },
		{ CORE_NOTICE_NODE, "normal", "it takes part again" },
		{ CORE_NOTICE_NODE, "tilt", "its clock jumped, or it did not run for a while" },
		{ CORE_NOTICE_NODE, "isolated", "nobody answers it" },
		{ CORE_NOTICE_NODE, "maint", "it is taken out for maintenance" },
		{ CORE_NOTICE_NODE, NULL, "the configuration was read again" },
		{ CORE_NOTICE_LINK, "waiting", "it was not heard yet" },
		{ CORE_NOTICE_LINK, "syncing", "it is heard, and its records are fetched" },
		{ CORE_NOTICE_LINK, "active", "it is heard, and hears us" },
		{ CORE_NOTICE_LINK, "suspect", "its heartbeats are late" },
		{ CORE_NOTICE_LINK, "half", "it is heard, and does not hear us" },
		{ CORE_NOTICE_LINK, "tcp-only", "its datagrams do not come, TCP does" },
		{ CORE_NOTICE_LINK, "lost", "nothing is heard of it" },
		{ CORE_NOTICE_LINK, "mismatch", "its configuration differs" },
		{ CORE_NOTICE_LINK, "incompatible", "its version or its key is another" },
		{ CORE_NOTICE_NETWORK, "back", "somebody answers again" },
		{ CORE_NOTICE_PROBER, "back", "there is a prober again" },
		{ CORE_NOTICE_CHECK, "known", "it has results again" },
		{ CORE_NOTICE_CHECK, "gone", "it is no longer configured" },
		{ CORE_NOTICE_CANARY, "asked", "this machine can ask it again" },
		{ CORE_NOTICE_FLAP, "steady", "it stayed as it is for long enough" },
		{ CORE_NOTICE_REMOVALS, "within bound", "all that are down are out of the answers" },
	};
	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
		if (n->kind == reasons[i].kind && (!reasons[i].new || strcmp(n->new, reasons[i].new) == 0))
			return reasons[i].reason;
	return "";
}

void notice_put(struct core *c, struct core_notice *n)
{
	uint8_t record[NOTICE_RECORD_MAX];
	struct wbuf w;
	struct core_effect e = { .type = CORE_NOTICE };
	text_clean(n->subject);
	text_clean(n->reason);
	if (!n->wall_ms) /* else a twin's, which was earlier */
		n->wall_ms = c->wall_ms;
	if (!*n->observer)
		snprintf(n->observer, sizeof n->observer, "%s", gen_self(c->gen)->name);
	if (!effect_room(c, sizeof record))
		return;
	bool changed = is_change(n);
	if (changed && !*n->reason)
		snprintf(n->reason, sizeof n->reason, "%s", reason_of(n));
	n->number = changed ? c->history.last + 1 : 0;
	wbuf_init(&w, record, sizeof record);
	notice_encode(&w, n);
	if (w.failed)
		return;
	e.notice.len = (uint16_t)w.len;
	c->history.last += changed;
	if (changed && keep(&c->history, record, w.len) && budget_take(&c->history.budget, HISTORY_PER_S, HISTORY_MAX, c->now_ms))
		e.notice.seq = ++c->seq;
	effect_put(c, &e, record, w.len);
}

void notice_alarm(struct core *c, const char *peer, const char *what)
{
	struct core_notice n = { .kind = CORE_NOTICE_ALARM };
	snprintf(n.subject, sizeof n.subject, "%s", peer ? peer : gen_self(c->gen)->name);
	snprintf(n.reason, sizeof n.reason, "%s", what);
	snprintf(n.cause, sizeof n.cause, "%s", c->cause);
	notice_put(c, &n);
}

/* ---- journal ---- */

int history_take(struct core *c, struct rbuf *r)
{
	struct core_notice n;
	const uint8_t *record = r->data;
	if (notice_decode(&n, r))
		return ERR_FORMAT;
	if (n.number <= c->history.last || n.number == UINT64_MAX)
		return 0;
	if (!keep(&c->history, record, r->len))
		return ERR_NOMEM;
	c->history.last = n.number;
	return 0;
}

int history_emit(const struct core *c, int (*emit)(void *ctx, const uint8_t *data, size_t len), void *ctx)
{
	int e = 0;
	for (size_t i = 0; e == 0 && i < c->history.count; i++) {
		const struct history_item *h = &c->history.item[(c->history.first + i) % HISTORY_MAX];
		e = emit(ctx, h->data, h->len);
	}
	return e;
}

/* ---- for status ---- */

size_t core_notices(const struct core *c)
{
	return c->history.count;
}

void core_notice_get(const struct core *c, size_t i, struct core_notice *out)
{
	const struct history_item *h = &c->history.item[(c->history.first + i) % HISTORY_MAX];
	struct rbuf r;
	rbuf_init(&r, h->data, h->len);
	get_u8(&r);
	if (notice_decode(out, &r))
		*out = (struct core_notice){ 0 }; /* cannot be: it was encoded, or decoded before */
}
