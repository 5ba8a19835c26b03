/* Sentences, and what is said of a service as a whole. */
#include <stdio.h>
#include <string.h>
#include "ctl/explain.h"
#include "ctl/view.h"
#include "dns/name.h"

const char *explain_about_text(enum explain_about a)
{
	static const char text[][8] = { "", "service", "a", "aaaa", "member" };
	return text[(unsigned)a <= EXPLAIN_MEMBER ? (unsigned)a : 0];
}

/* ---- sentences ---- */

/* "...", not inside a UTF-8 character: reasons and names come from outside. */
static void cut(struct explain_line *l)
{
	l->full = true;
	l->len = sizeof l->text - 4;
	while (l->len && ((uint8_t)l->text[l->len] & 0xc0) == 0x80)
		l->len--;
	l->len += (size_t)snprintf(l->text + l->len, sizeof l->text - l->len, "...");
}

static void addv(struct explain_line *l, const char *fmt, va_list ap)
{
	size_t room = sizeof l->text - l->len;
	int n = l->full ? 0 : vsnprintf(l->text + l->len, room, fmt, ap);
	if (n <= 0)
		return;
	if ((size_t)n >= room)
		cut(l);
	else
		l->len += (size_t)n;
}

void explain_add(struct explain_line *l, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	addv(l, fmt, ap);
	va_end(ap);
}

void explain_end(struct explain *e, enum explain_about about, struct explain_line *l)
{
	if (!e->over && !e->say(e->ctx, about, l->text))
		e->over = true;
}

void explain_say(struct explain *e, enum explain_about about, const char *fmt, ...)
{
	struct explain_line l = { .len = 0 };
	va_list ap;
	va_start(ap, fmt);
	addv(&l, fmt, ap);
	va_end(ap);
	explain_end(e, about, &l);
}

/* ---- the service ---- */

bool explain_has_family(const struct core_why *w, int family)
{
	return w->answer[family].rule != POLICY_RULE_ABSENT;
}

static void say_service(struct explain *e)
{
	const struct plan_service *s = e->why.conf;
	const struct policy_service *p = &s->policy;
	struct core_network network;
	struct core_service_view v;
	explain_say(e, EXPLAIN_SERVICE, "%.160s is a service of %u member%s in %u tier%s (%.60s:%u)", s->name, p->member_count,
		    p->member_count == 1 ? "" : "s", p->tier_count, p->tier_count == 1 ? "" : "s", s->file, s->line);
	if (p->couple)
		explain_say(e, EXPLAIN_SERVICE, "A and AAAA come from one tier (couple): the first that has enough of both");
	if (p->need == 0)
		explain_say(e, EXPLAIN_SERVICE, "a tier needs %u%% of its members up, drained ones not counted, and never less than one",
			    p->need_pct);
	if (p->load)
		explain_say(e, EXPLAIN_SERVICE, "a tier needs members up of each family that together carry %u (load)", p->load);
	core_service_get(e->h->core, e->service, &v);
	if (v.held_members)
		explain_say(e, EXPLAIN_SERVICE, "%u member%s down %s held in the answer: checks take out no more than %u%s of the members a minute "
			    "(removals)", v.held_members, v.held_members == 1 ? " that is" : "s that are", v.held_members == 1 ? "is" : "are",
			    s->removals ? s->removals : s->removals_pct, s->removals ? "" : "%");
	core_network_get(e->h->core, &network);
	if (network.state == CORE_NETWORK_ISOLATED)
		explain_say(e, EXPLAIN_SERVICE, "%s has lost its network, and abstains wherever it was told nothing", view_node(e->h)->name);
	if (network.withheld)
		explain_say(e, EXPLAIN_SERVICE, "meanwhile it answers SERVFAIL, so that resolvers ask the twin (isolated = \"servfail\"); what follows is "
			    "what it would answer");
}

void explain_run(struct explain *e)
{
	e->over = false;
	core_why_get(e->h->core, e->service, &e->why);
	say_service(e);
	for (int f = 0; f < 2 && !e->over; f++) {
		explain_family(e, f);
		if (explain_has_family(&e->why, f))
			explain_answer(e, f);
	}
	explain_members(e);
}

/* ---- names ---- */

/* Behind the first label, or NULL; a dot in a label is escaped. */
static const char *parent_of(const char *name)
{
	for (const char *p = name; *p; p++) {
		if (*p == '\\' && p[1])
			p++;
		else if (*p == '.')
			return p[1] ? p + 1 : NULL;
	}
	return NULL;
}

int explain_find(const struct core *c, const char *name)
{
	char wild[NAME_TEXT_MAX + 2];
	for (const char *up = parent_of(name); up; up = parent_of(up)) {
		int n = snprintf(wild, sizeof wild, "*.%s", up);
		if (n < 0 || (size_t)n >= sizeof wild)
			continue;
		int at = core_service_find(c, wild);
		if (at >= 0)
			return at;
	}
	return ERR_ABSENT;
}
