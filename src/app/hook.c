#include "app/hook.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"

static void note(struct hook_untold *u, uint64_t count, const char *cause, const char *reason)
{
	u->count += count;
	u->cause = cause;
	snprintf(u->reason, sizeof u->reason, "%s", reason);
}

static void drop(struct hook *h, const struct core_notice *n, const char *cause, const char *reason)
{
	if (n->kind == CORE_NOTICE_HOOK) /* it is about others that were dropped: its own loss is no news */
		return;
	h->dropped++;
	note(&h->untold_dropped, 1, cause, reason);
}

void hook_set(struct hook *h, const struct plan_hook *conf)
{
	h->on = conf->argv_len > 0;
	for (; !h->on && h->count; h->count--, h->first = (h->first + 1) % HOOK_QUEUED_MAX)
		drop(h, &h->queue[h->first], "reload", "it is no longer configured");
	if (!h->on)
		return;
	h->per_minute = conf->per_minute;
	h->kinds = conf->kinds;
	snprintf(h->program, sizeof h->program, "%s", conf->argv);
}

/* False where this minute has no place left. */
static bool take_place(struct hook *h, uint64_t now_ms)
{
	if (!h->in_minute || now_ms - h->minute_ms >= HOOK_MINUTE_MS) {
		h->minute_ms = now_ms;
		h->in_minute = 0;
	}
	if (h->in_minute >= h->per_minute)
		return false;
	h->in_minute++;
	return true;
}

void hook_offer(struct hook *h, const struct core_notice *n, uint64_t now_ms)
{
	char reason[64];
	bool own = n->kind == CORE_NOTICE_HOOK;
	if (!h->on || !(h->kinds & 1u << n->kind) || (own && strcmp(n->new, "dropped") != 0))
		return;
	if (!own && !take_place(h, now_ms)) {
		snprintf(reason, sizeof reason, "more than %" PRIu32 " a minute", h->per_minute);
		drop(h, n, "rate", reason);
	} else if (h->count == HOOK_QUEUED_MAX) {
		snprintf(reason, sizeof reason, "%u wait for it already", HOOK_QUEUED_MAX);
		drop(h, n, "queue", reason);
	} else {
		h->queue[(h->first + h->count++) % HOOK_QUEUED_MAX] = *n;
	}
}

const struct core_notice *hook_next(struct hook *h, uint32_t *run)
{
	const struct core_notice *n = &h->queue[h->first];
	if (!h->on || h->running || !h->count)
		return NULL;
	h->first = (h->first + 1) % HOOK_QUEUED_MAX;
	h->count--;
	h->last = h->last == UINT32_MAX ? 1 : h->last + 1;
	h->running = *run = h->last;
	return n;
}

void hook_ended(struct hook *h, uint32_t run, const char *fault)
{
	if (!run || run != h->running)
		return;
	h->running = 0;
	h->ran++;
	if (!fault)
		return;
	h->failed++;
	note(&h->untold_failed, 1, "program", fault);
}

static bool take_untold(struct hook_untold *u, uint64_t now_ms)
{
	if (!u->count || (u->told && now_ms - u->told_ms < HOOK_MINUTE_MS))
		return false;
	u->told = true;
	u->told_ms = now_ms;
	return true;
}

bool hook_tell(struct hook *h, uint64_t now_ms, struct core_notice *out)
{
	bool dropped = take_untold(&h->untold_dropped, now_ms);
	struct hook_untold *u = dropped ? &h->untold_dropped : &h->untold_failed;
	if (!dropped && !take_untold(u, now_ms))
		return false;
	*out = (struct core_notice){ .kind = CORE_NOTICE_HOOK };
	snprintf(out->subject, sizeof out->subject, "%s", h->program);
	snprintf(out->new, sizeof out->new, "%s", dropped ? "dropped" : "failed");
	snprintf(out->cause, sizeof out->cause, "%s", u->cause);
	if (dropped)
		snprintf(out->reason, sizeof out->reason, "%" PRIu64 " event%s not given to it: %s", u->count, u->count == 1 ? "" : "s", u->reason);
	else if (u->count > 1)
		snprintf(out->reason, sizeof out->reason, "%" PRIu64 " runs failed, the last: %s", u->count, u->reason);
	else
		snprintf(out->reason, sizeof out->reason, "%s", u->reason);
	notice_detail_add(out, "count", "%" PRIu64, u->count);
	u->count = 0;
	return true;
}
