/* Checks that stay unknown: a bug of the script, a plugin that is not installed. Such results take nobody down and leave verdicts to
 * grow old, so people are told: once when it begins and once when it is over, however many targets a check has.
 *
 *     results of a stream   + + ? ? ? ? ? ? +        + counts, ? is unknown; void ones are as if they were not
 *                               ├─3 int.─┤           from here on it is stuck
 *     its check                          ├alarm┤     while any stream of it is
 */
#include <stdio.h>
#include "core/state.h"

#define UNKNOWN_INTERVALS 3 /* as long as a verdict lives without a result that counts */
#define CHECK_KEY_MAX 1024

/* ---- the checks of a plan ---- */

static size_t check_key(const struct gen *g, const struct plan_stream *s, char out[CHECK_KEY_MAX])
{
	int n = snprintf(out, CHECK_KEY_MAX, "%s\n%s", s->check, g->plan->scripts[s->script].name);
	return (size_t)n < CHECK_KEY_MAX ? (size_t)n : CHECK_KEY_MAX - 1; /* paths that long may share an alarm */
}

static bool same_check(const struct plan_stream *a, const struct plan_stream *b)
{
	return a->script == b->script && strcmp(a->check, b->check) == 0;
}

static int find_check(struct gen *g, struct stream *s)
{
	char key[CHECK_KEY_MAX];
	size_t len = check_key(g, s->conf, key);
	s->check = table_find(&g->checks, key, len);
	if (s->check)
		return 0;
	s->check = arena_array(&g->arena, 1, sizeof *s->check);
	if (!s->check)
		return ERR_NOMEM;
	s->check->name = s->conf->check;
	return table_add(&g->checks, key, len, s->check);
}

int unknown_index(struct gen *g)
{
	int e = 0;
	for (uint32_t i = 0; e == 0 && i < g->plan->stream_count; i++) {
		struct stream *s = &g->streams[i];
		if (i > 0 && same_check(s->conf, s[-1].conf)) /* mostly so: no name is built for each of a million */
			s->check = s[-1].check;
		else
			e = find_check(g, s);
	}
	return e;
}

/* s and r: where it shows, as it begins. */
static void notice_check(struct core *c, const char *name, const char *state, const struct stream *s, const struct health_result *r)
{
	char ip[ADDR_TEXT_MAX];
	struct core_notice n = { .kind = CORE_NOTICE_CHECK };
	snprintf(n.subject, sizeof n.subject, "%s", name);
	snprintf(n.old, sizeof n.old, "%s", s ? "known" : "unknown");
	snprintf(n.new, sizeof n.new, "%s", state);
	snprintf(n.cause, sizeof n.cause, "%s", c->cause);
	if (s) {
		notice_detail_add(&n, "address", "%s", addr_format(&s->conf->addr, true, ip));
		notice_detail_add(&n, "owner", "%s", s->conf->owner);
		snprintf(n.reason, sizeof n.reason, "check %.40s stays unknown: %s%s%s", name, health_reason_text(r->reason), r->detail[0] ? ": " : "",
			 r->detail);
	}
	notice_put(c, &n);
}

void unknown_carry(struct core *c, struct gen *g)
{
	size_t pos = 0, len;
	const void *key;
	void *value;
	for (uint32_t i = 0; i < g->plan->stream_count; i++)
		g->streams[i].check->stuck += g->streams[i].stuck;
	while (table_next(&c->gen->checks, &pos, &key, &len, &value)) {
		const struct check *old = value, *now = table_find(&g->checks, key, len);
		if (old->stuck && (!now || !now->stuck))
			notice_check(c, old->name, "gone", NULL, NULL);
	}
}

/* ---- what comes ---- */

static void begin(struct core *c, struct stream *s, const struct health_result *r)
{
	s->stuck = true;
	if (s->check->stuck++)
		return;
	notice_check(c, s->check->name, "unknown", s, r);
}

static void end(struct core *c, struct stream *s)
{
	s->unknown_ms = 0;
	if (!s->stuck)
		return;
	s->stuck = false;
	if (--s->check->stuck == 0)
		notice_check(c, s->check->name, "known", NULL, NULL);
}

void unknown_feed(struct core *c, struct stream *s, const struct health_result *r)
{
	switch (health_result_outcome(r)) {
	case HEALTH_PASS:
	case HEALTH_FAIL:
		end(c, s);
		break;
	case HEALTH_UNKNOWN_RESULT:
		if (!s->unknown_ms)
			s->unknown_ms = c->now_ms;
		else if (!s->stuck && s->unknown_ms + UNKNOWN_INTERVALS * (uint64_t)s->conf->timing.interval_ms <= c->now_ms)
			begin(c, s, r);
		break;
	case HEALTH_VOID:
	case HEALTH_OUTCOME_NONE:
		break;
	}
}

uint32_t core_unknown(const struct core *c, struct core_target_view *first)
{
	const struct gen *g = c->gen;
	uint32_t count = 0, at = g->plan->stream_count;
	size_t pos = 0, len;
	const void *key;
	void *value;
	while (table_next(&g->checks, &pos, &key, &len, &value))
		count += ((const struct check *)value)->stuck;
	for (uint32_t i = 0; count && i < at; i++) {
		if (g->streams[i].stuck)
			at = i;
	}
	if (count)
		core_target_get(c, at, first);
	return count;
}
