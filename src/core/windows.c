/* Maintenance windows: what the configuration takes out of the answers while they are open.
 *
 *     wall time   ──────┬ began ════════════════════ ended ┬─────────── began ══
 *     looked at         ◀── windows_from_ms … windows_until_ms ──▶      between two looks nothing opens or closes, so a step
 *                                                                       costs one comparison; a clock that was set falls out
 *     service www       drained ═══╗ held back ╔══ drained              of it, and is looked at anew
 *                                  ╚═══════════╝ its other members are down: an alarm says so
 *
 * A window is held back by a service that it would leave without a member that could answer: windows are applied one after
 * another, in the order of the configuration, and one that would do so is left out. That is a function of states, overrides and
 * the wall time alone, with no memory of its own, so twins that see the same do the same; it moves no more often than the
 * health of the other members does, which has rise and fall for that. An override on a member wins, whatever its age.
 */
#include <inttypes.h>
#include <stdio.h>
#include "base/text.h"
#include "core/state.h"

#define LOOK_MS 60000   /* a wall clock that was set is noticed after that at the latest */
#define MERGES_MAX 1000 /* openings that run into one another: later ones are not looked for when the end is told */

/* ---- memory ---- */

int windows_init(struct gen *g)
{
	const struct plan *p = g->plan;
	g->windows = arena_array(&g->arena, p->window_count, sizeof *g->windows);
	if (!g->windows)
		return ERR_NOMEM;
	for (uint16_t i = 0; i < p->window_count; i++) {
		struct window *w = &g->windows[i];
		w->conf = &p->windows[i];
		w->what = arena_array(&g->arena, w->conf->what_count, sizeof *w->what);
		if (!w->what)
			return ERR_NOMEM;
		for (uint16_t k = 0; k < w->conf->what_count; k++)
			selector_resolve(&w->what[k], w->conf->what[k], g);
	}
	return 0;
}

const struct window *window_same(const struct gen *g, const struct window *old)
{
	for (uint16_t i = 0; old && i < g->plan->window_count; i++)
		if (strcmp(g->windows[i].conf->name, old->conf->name) == 0)
			return &g->windows[i];
	return NULL;
}

static void notice(struct core *c, const struct window *w, const char *cause, const char *old, const char *new, const char *reason)
{
	struct core_notice n = { .kind = CORE_NOTICE_WINDOW };
	snprintf(n.subject, sizeof n.subject, "%s", w->conf->name);
	snprintf(n.old, sizeof n.old, "%s", old);
	snprintf(n.new, sizeof n.new, "%s", new);
	snprintf(n.cause, sizeof n.cause, "%s", cause);
	snprintf(n.reason, sizeof n.reason, "%s", reason);
	notice_put(c, &n);
}

/* "drain ams1, site:fra" */
static char *what_text(const struct window *w, char out[NOTICE_REASON_MAX])
{
	size_t n = (size_t)snprintf(out, NOTICE_REASON_MAX, "%s", w->conf->force == POLICY_FORCE_DOWN ? "down" : "drain");
	for (uint16_t i = 0; i < w->conf->what_count && n < NOTICE_REASON_MAX; i++)
		n += (size_t)snprintf(out + n, NOTICE_REASON_MAX - n, "%s %s", i ? "," : "", w->conf->what[i]);
	return out;
}

/* cause: of the step, before others were told in it. */
static void tell_state(struct core *c, struct window *w, const char *cause)
{
	char reason[NOTICE_REASON_MAX];
	what_text(w, reason);
	notice(c, w, cause, w->told ? "began" : "ended", w->open ? "began" : "ended", reason);
	w->told = w->open;
	c->cause = "maintenance";
	snprintf(c->why, sizeof c->why, "maintenance window \"%.64s\" %s: %.64s", w->conf->name, w->open ? "began" : "ended", reason);
}

void windows_carry(struct core *c, struct gen *g)
{
	for (uint16_t i = 0; i < c->gen->plan->window_count; i++) {
		struct window *old = &c->gen->windows[i], *w = (struct window *)(uintptr_t)window_same(g, old);
		if (w)
			w->told = old->told;
		else if (old->told) {
			old->open = false;
			tell_state(c, old, "reload");
		}
	}
	c->windows_until_ms = 0;
}

/* ---- when ---- */

/* Is it open at that time, and until when is that so at least? */
static bool is_open(const struct plan_window *w, uint64_t wall_ms, uint64_t *until_ms)
{
	if (!w->cron) {
		*until_ms = wall_ms < w->from_ms ? w->from_ms : wall_ms < w->to_ms ? w->to_ms : CALENDAR_NEVER;
		return wall_ms >= w->from_ms && wall_ms < w->to_ms;
	}
	uint64_t last_ms = calendar_cron_last(&w->when, wall_ms);
	bool open = last_ms != CALENDAR_NEVER && wall_ms - last_ms < w->lasts_ms;
	*until_ms = open ? last_ms + w->lasts_ms : calendar_cron_next(&w->when, wall_ms);
	return open;
}

static bool touches(const struct window *w, const struct plan_service *v)
{
	for (uint16_t i = 0; i < w->conf->what_count; i++)
		if (selector_touches(&w->what[i], v))
			return true;
	return false;
}

static bool takes(const struct window *w, const struct plan_service *v, size_t member)
{
	for (uint16_t i = 0; i < w->conf->what_count; i++)
		if (selector_matches(&w->what[i], v, member))
			return true;
	return false;
}

static void set_open(struct core *c, struct window *w, bool open)
{
	w->open = open;
	for (uint32_t v = 0; v < c->gen->plan->service_count; v++) {
		struct service *s = &c->gen->services[v];
		if (!touches(w, s->conf))
			continue;
		s->windows = (uint16_t)(open ? s->windows + 1 : s->windows - 1);
		service_mark(c, s);
	}
}

void windows_run(struct core *c)
{
	if (c->gen->plan->window_count == 0 || (c->wall_ms >= c->windows_from_ms && c->wall_ms < c->windows_until_ms))
		return;
	const char *cause = c->cause;
	bool first = c->windows_until_ms == 0; /* under this configuration */
	c->windows_from_ms = c->wall_ms;
	c->windows_until_ms = CALENDAR_NEVER;
	for (uint16_t i = 0; i < c->gen->plan->window_count; i++) {
		struct window *w = &c->gen->windows[i];
		uint64_t until_ms;
		bool open = is_open(w->conf, c->wall_ms, &until_ms);
		if (until_ms < c->windows_until_ms)
			c->windows_until_ms = until_ms;
		if (open != w->open)
			set_open(c, w, open);
		if (open != w->told)
			tell_state(c, w, cause);
		if (first && until_ms == CALENDAR_NEVER) /* no fault: time alone made it so */
			notice(c, w, cause, "over", "over", "it is past, and may be taken out of the configuration");
	}
}

uint64_t windows_due_ms(const struct core *c)
{
	if (c->gen->plan->window_count == 0)
		return UINT64_MAX;
	uint64_t left_ms = c->windows_until_ms > c->wall_ms ? c->windows_until_ms - c->wall_ms : 0;
	return c->now_ms + (left_ms < LOOK_MS ? left_ms : LOOK_MS);
}

/* ---- what they make of members ---- */

enum left { LEFT_NOBODY = 0, LEFT_DOWN, LEFT_ABLE }; /* the best that is not out */

static bool is_able(const struct core *c, const struct service *s, const struct member *m, size_t i)
{
	enum health_verdict v = service_member_state(c, s, i);
	if (m->force == POLICY_FORCE_UP || v == HEALTH_VERDICT_UP)
		return true;
	/* While the first round runs nobody is known, and an alarm would be a false one. */
	return v == HEALTH_VERDICT_UNKNOWN && (s->conf->policy.initial_up || !c->round_done);
}

static enum left who_is_left(const struct core *c, const struct service *s, const struct member *members)
{
	enum left best = LEFT_NOBODY;
	for (size_t i = 0; i < s->conf->policy.member_count && best < LEFT_ABLE; i++) {
		const struct member *m = &members[i];
		bool out = m->force == POLICY_FORCE_DOWN || m->force == POLICY_FORCE_DRAIN ||
			   (s->conf->policy.members[i].drain && m->force != POLICY_FORCE_UP);
		if (!out)
			best = is_able(c, s, m, i) ? LEFT_ABLE : LEFT_DOWN;
	}
	return best;
}

static void apply(const struct core *c, const struct service *s, struct member *members, const struct window *w)
{
	size_t n = s->conf->policy.member_count;
	enum left before = who_is_left(c, s, members);
	for (size_t i = 0; i < n; i++) {
		if (members[i].by || members[i].window || !takes(w, s->conf, i))
			continue;
		members[i].window = w;
		members[i].force = w->conf->force;
	}
	bool held_back = who_is_left(c, s, members) < before;
	for (size_t i = 0; held_back && i < n; i++) {
		if (members[i].window != w)
			continue;
		members[i].window = NULL;
		members[i].force = POLICY_FORCE_NONE;
		if (!members[i].held_back)
			members[i].held_back = w;
	}
}

void windows_force(const struct core *c, const struct service *s, struct member *members)
{
	for (size_t i = 0; i < s->conf->policy.member_count; i++) {
		members[i].window = members[i].held_back = NULL;
		if (!members[i].by)
			members[i].force = POLICY_FORCE_NONE;
	}
	for (uint16_t i = 0; s->windows > 0 && i < c->gen->plan->window_count; i++)
		if (c->gen->windows[i].open && touches(&c->gen->windows[i], s->conf))
			apply(c, s, members, &c->gen->windows[i]);
}

static const struct window *first_held_back(const struct service *s)
{
	const struct window *first = NULL; /* in the order of the configuration */
	for (size_t i = 0; i < s->conf->policy.member_count; i++)
		if (s->members[i].held_back && (!first || s->members[i].held_back < first))
			first = s->members[i].held_back;
	return first;
}

void windows_settle(struct core *c, struct service *s)
{
	char reason[NOTICE_REASON_MAX];
	if (s->windows == 0 && !s->windowed)
		return;
	windows_force(c, s, s->members);
	s->windowed = s->windows > 0;
	const struct window *now = first_held_back(s), *was = s->held_back;
	if (now == was)
		return;
	s->held_back = now;
	snprintf(reason, sizeof reason, "%.100s no longer holds it back", s->conf->name);
	if (was && was->open)
		notice(c, was, c->cause, "held back", "began", reason);
	snprintf(reason, sizeof reason, "it would leave %.100s without a member that could answer", s->conf->name);
	if (now)
		notice(c, now, c->cause, "began", "held back", reason);
}

/* ---- for status ---- */

/* When what is open at from_ms ends, with all that opens before it does. */
static uint64_t end_of(const struct plan_window *w, uint64_t from_ms)
{
	uint64_t until_ms = w->to_ms, more_ms;
	if (!w->cron)
		return until_ms;
	until_ms = calendar_cron_last(&w->when, from_ms) + w->lasts_ms;
	for (int n = 0; n < MERGES_MAX && is_open(w, until_ms, &more_ms); n++)
		until_ms = more_ms;
	return until_ms;
}

static uint64_t start_of(const struct plan_window *w, uint64_t at_ms)
{
	uint64_t from_ms = w->cron ? calendar_cron_last(&w->when, at_ms) : w->from_ms, earlier_ms;
	for (int n = 0; w->cron && n < MERGES_MAX && from_ms > 0; n++) {
		earlier_ms = calendar_cron_last(&w->when, from_ms - 1);
		if (earlier_ms == CALENDAR_NEVER || from_ms - earlier_ms > w->lasts_ms)
			break;
		from_ms = earlier_ms;
	}
	return from_ms;
}

size_t core_windows(const struct core *c)
{
	return c->gen->plan->window_count;
}

void core_window_get(const struct core *c, size_t i, struct core_window_view *out, uint64_t wall_ms)
{
	const struct window *w = &c->gen->windows[i];
	uint64_t until_ms;
	*out = (struct core_window_view){ .conf = w->conf, .closes_ms = CALENDAR_NEVER, .next_ms = CALENDAR_NEVER };
	out->open = is_open(w->conf, wall_ms, &until_ms);
	out->opens_ms = out->open ? start_of(w->conf, wall_ms) : until_ms;
	if (out->opens_ms != CALENDAR_NEVER)
		out->closes_ms = end_of(w->conf, out->open ? wall_ms : out->opens_ms);
	if (w->conf->cron && out->closes_ms != CALENDAR_NEVER)
		out->next_ms = calendar_cron_next(&w->conf->when, out->closes_ms - 1);
	for (uint32_t v = 0; v < c->gen->plan->service_count; v++) {
		const struct service *s = &c->gen->services[v];
		bool held_back = false;
		for (size_t k = 0; s->windows > 0 && k < s->conf->policy.member_count && !held_back; k++)
			held_back = s->members[k].held_back == w;
		if (held_back && !out->held_back_by)
			out->held_back_by = s->conf->name;
		out->held_back += held_back;
		out->services += touches(w, s->conf);
	}
}

void window_view_member(const struct core *c, const struct member *m, struct core_member_view *out)
{
	out->held_back = m->held_back ? m->held_back->conf->name : NULL;
	if (!m->window)
		return;
	uint64_t end_ms = end_of(m->window->conf, c->wall_ms);
	out->window = m->window->conf->name;
	out->forced_by = "maintenance";
	out->forced_reason = m->window->conf->name;
	out->forced_until_ms = c->now_ms + (end_ms > c->wall_ms ? end_ms - c->wall_ms : 1);
}
