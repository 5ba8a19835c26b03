/* Overrides: what each node's operators said about a selector, and what that makes of members.
 *
 *     selector "127.0.0.11"     node 1: down, hlc 50          the newest (hlc, node) counts: auto.
 *                               node 2: auto, hlc 70 ◀──      An expired register counts as auto from its own stamp on.
 *
 *     member 127.0.0.11 of www: "127.0.0.11" down, "www…" up  the selector that says most counts: SERVICE/ADDRESS, service,
 *                                                 ◀───────    address, host, site, glob; among equals the newest
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/state.h"

#define OVER_LONG_AGO 1 /* wall time; 0 says that it lasts until auto */

const char *core_verb_text(uint8_t verb)
{
	static const char text[][8] = { "none", "auto", "down", "up", "drain" };
	return text[verb <= CORE_VERB_DRAIN ? verb : 0];
}

/* ---- stamps ---- */

void core_absorb(struct core *c, uint64_t hlc)
{
	if (hlc > c->hlc)
		c->hlc = hlc;
}

/* Above everything seen, so that a later command wins however the clocks stand (pair protocol 1.1). */
uint64_t core_stamp(struct core *c)
{
	uint64_t wall = c->pair ? pair_hlc_now(c->pair, c->clock_ms) : c->clock_ms << 16;
	c->hlc = wall > c->hlc || c->hlc == UINT64_MAX ? wall : c->hlc + 1;
	return c->hlc;
}

/* ---- registers ---- */

#define ENDS_ALIKE_MS 1000 /* what two clocks make of one end */

struct override *override_find(const struct core *c, const char *text)
{
	struct override *o = c->overrides;
	while (o && strcmp(o->text, text) != 0)
		o = o->next;
	return o;
}

struct override *override_get(struct core *c, const char *text)
{
	struct override *o = override_find(c, text);
	if (o)
		return o;
	if (c->override_count >= CORE_OVERRIDES_MAX || !(o = calloc(1, sizeof *o)))
		return NULL;
	memcpy(o->text, text, strnlen(text, sizeof o->text - 1));
	o->key = pair_name("override", o->text, strlen(o->text));
	selector_resolve(&o->selector, o->text, c->gen);
	o->next = c->overrides;
	c->overrides = o;
	c->override_count++;
	return o;
}

static bool is_newer(const struct reg *a, const struct reg *b)
{
	return a->hlc != b->hlc ? a->hlc > b->hlc : a->node > b->node;
}

static void find_newest(struct override *o)
{
	o->newest = 0;
	for (uint8_t i = 1; i < o->reg_count; i++) {
		if (is_newer(&o->regs[i], &o->regs[o->newest]))
			o->newest = i;
	}
}

static struct reg *reg_of(struct override *o, uint8_t node)
{
	for (uint8_t i = 0; i < o->reg_count; i++) {
		if (o->regs[i].node == node)
			return &o->regs[i];
	}
	return NULL;
}

static bool says_the_same(const struct reg *a, const struct reg *b)
{
	return a->hlc == b->hlc && a->verb == b->verb && (a->until_ms == 0) == (b->until_ms == 0);
}

bool override_set(struct core *c, struct override *o, const struct reg *r)
{
	struct reg *old = reg_of(o, r->node);
	core_absorb(c, r->hlc);
	/* The journal may date anew what a word that stands before it, and was not in force yet, takes the place of. */
	if (old && !c->started && r->hlc < old->hlc && r->node == gen_self(c->gen)->id)
		return false;
	if (old && says_the_same(old, r)) {
		bool sooner = r->until_ms && r->until_ms + ENDS_ALIKE_MS < old->until_ms;
		/* The journal's later word on when it ends (overrides_redate). Of a node's own words the soonest end is true:
		 * what is left only grows old on the way, while a clock that was put back makes what we hold too long. */
		if (c->started && !sooner)
			return false;
		old->until_ms = r->until_ms;
		old->until_wall = r->until_wall;
		return c->started;
	}
	if (!old && o->reg_count == sizeof o->regs / sizeof o->regs[0])
		return false;
	if (!old)
		old = &o->regs[o->reg_count++];
	*old = *r;
	find_newest(o);
	return true;
}

bool override_drop(struct core *c, struct override *o, uint8_t node)
{
	struct reg *r = reg_of(o, node);
	if (!r)
		return false;
	*r = o->regs[--o->reg_count];
	find_newest(o);
	override_refresh(c, o);
	return true;
}

bool override_is_on(const struct core *c, const struct reg *r)
{
	return r->verb != CORE_VERB_AUTO && (r->until_ms == 0 || r->until_ms > c->now_ms);
}

/* ---- what they make of members ---- */

static enum policy_force force_of(enum core_verb verb)
{
	switch (verb) {
	case CORE_VERB_UP:
		return POLICY_FORCE_UP;
	case CORE_VERB_DOWN:
		return POLICY_FORCE_DOWN;
	case CORE_VERB_DRAIN:
		return POLICY_FORCE_DRAIN;
	case CORE_VERB_NONE:
	case CORE_VERB_AUTO:
	case CORE_VERB_FAILBACK:
	case CORE_VERB_MAINT:
		break;
	}
	return POLICY_FORCE_NONE;
}

/* The register that counts for a selector now; NULL = none forces anything. A trial takes the command as given. */
static const struct reg *in_force(const struct core *c, const struct override *o, bool trial)
{
	const struct reg *r = o->on ? &o->regs[o->newest] : NULL;
	if (trial && o->trial)
		r = override_is_on(c, o->trial) ? o->trial : NULL;
	return r;
}

void override_forces(const struct core *c, const struct service *s, struct member *members, bool trial)
{
	for (size_t i = 0; i < s->conf->policy.member_count; i++) {
		const struct override *by = NULL;
		const struct reg *best = NULL;
		for (const struct override *o = c->overrides; o; o = o->next) {
			const struct reg *r = in_force(c, o, trial);
			if (!r || !selector_matches(&o->selector, s->conf, i))
				continue;
			if (!by || o->selector.kind > by->selector.kind ||
			    (o->selector.kind == by->selector.kind && is_newer(r, best))) {
				by = o;
				best = r;
			}
		}
		members[i].by = by;
		members[i].force = (uint8_t)(by ? force_of((enum core_verb)best->verb) : POLICY_FORCE_NONE);
	}
}

static void apply(struct core *c, const struct override *o)
{
	for (uint32_t v = 0; v < c->gen->plan->service_count; v++) {
		struct service *s = &c->gen->services[v];
		if (!selector_touches(&o->selector, s->conf))
			continue;
		override_forces(c, s, s->members, false);
		service_mark(c, s);
	}
}

static void notice(struct core *c, struct override *o, const struct reg *r, bool expired)
{
	uint8_t verb = expired ? CORE_VERB_AUTO : r->verb;
	bool own = r->node == gen_self(c->gen)->id;
	struct core_notice n = { .kind = CORE_NOTICE_OVERRIDE };
	snprintf(n.subject, sizeof n.subject, "%s", o->text);
	snprintf(n.old, sizeof n.old, "%s", core_verb_text(o->told ? o->told : CORE_VERB_AUTO));
	snprintf(n.new, sizeof n.new, "%s", core_verb_text(verb));
	snprintf(n.cause, sizeof n.cause, "%s", expired ? "expiry" : own ? "operator" : "twin");
	snprintf(n.reason, sizeof n.reason, "%s", r->reason);
	snprintf(n.observer, sizeof n.observer, "%s", core_node_name(c, r->node));
	notice_detail_add(&n, "author", "%s", r->author);
	if (r->until_ms > c->now_ms)
		notice_detail_add(&n, "for_ms", "%" PRIu64, r->until_ms - c->now_ms);
	o->told = verb;
	c->cause = expired ? "expiry" : "override";
	snprintf(c->why, sizeof c->why, "%.48s %s by %s%s%.32s", o->text, core_verb_text(verb), r->author, *r->reason ? ": " : "", r->reason);
	notice_put(c, &n);
}

/* When something happens by itself: an expiry, or the end of a dead register's memory. */
static void note_due(struct core *c, uint64_t at_ms)
{
	if (at_ms < c->overrides_due_ms)
		c->overrides_due_ms = at_ms;
}

static void note_dues(struct core *c, struct override *o)
{
	for (uint8_t i = 0; i < o->reg_count; i++) {
		struct reg *r = &o->regs[i];
		bool dead = i != o->newest || !override_is_on(c, r);
		if (!dead)
			r->dead_ms = 0;
		else if (r->dead_ms == 0)
			r->dead_ms = c->now_ms;
		note_due(c, dead ? r->dead_ms + CORE_OVERRIDE_KEEP_MS : r->until_ms ? r->until_ms : UINT64_MAX);
		/* A register that is not the newest may still expire: a dead one above it must not go before. */
		if (dead && override_is_on(c, r) && r->until_ms)
			note_due(c, r->until_ms);
	}
}

void override_known(const struct core *c, struct override *o)
{
	if (o->reg_count > 0 && override_is_on(c, &o->regs[o->newest]))
		o->told = o->regs[o->newest].verb;
}

void override_refresh(struct core *c, struct override *o)
{
	bool was_on = o->on;
	o->on = o->reg_count > 0 && override_is_on(c, &o->regs[o->newest]);
	note_dues(c, o);
	if (!was_on && !o->on)
		return;
	if (o->reg_count > 0)
		notice(c, o, &o->regs[o->newest], !o->on && o->regs[o->newest].verb != CORE_VERB_AUTO);
	apply(c, o);
}

/* ---- time ---- */

static bool is_ours(const struct core *c, uint8_t node)
{
	for (uint16_t i = 0; i < c->gen->plan->node_count; i++) {
		if (i != c->gen->plan->self && c->gen->plan->nodes[i].id == node)
			return false;
	}
	return true; /* ours, or of a node that is no more: nobody else will clear it away */
}

static bool others_are_dead(const struct core *c, const struct override *o, uint8_t but)
{
	for (uint8_t i = 0; i < o->reg_count; i++) {
		if (i != but && override_is_on(c, &o->regs[i]))
			return false;
	}
	return true;
}

/* A register may go when it no longer says anything: superseded, or dead with nothing older alive that it keeps down. */
static bool is_spent(const struct core *c, const struct override *o, uint8_t i)
{
	const struct reg *r = &o->regs[i];
	if (r->dead_ms == 0 || c->now_ms - r->dead_ms < CORE_OVERRIDE_KEEP_MS || !is_ours(c, r->node))
		return false;
	return i != o->newest || others_are_dead(c, o, i);
}

static void bury(struct core *c, struct override *o, uint8_t i)
{
	if (c->pair && o->regs[i].node == gen_self(c->gen)->id &&
	    pair_write(c->pair, PAIR_ADMIN, o->key, NULL, 0, c->now_ms) < 0) {
		c->nomem = true;
		return;
	}
	o->regs[i] = o->regs[--o->reg_count];
	find_newest(o);
}

static void run_one(struct core *c, struct override *o)
{
	for (uint8_t i = 0; i < o->reg_count; i++) {
		if (is_spent(c, o, i)) {
			bury(c, o, i);
			break; /* at most one a time: the rest has changed places */
		}
	}
	if (o->on && (o->reg_count == 0 || !override_is_on(c, &o->regs[o->newest])))
		override_refresh(c, o);
	else
		note_dues(c, o);
}

static bool is_wanted(const struct core *c, const struct override *o)
{
	if (o->reg_count > 0 || o->on || o->trial)
		return true;
	for (const struct pending *p = c->pending; p; p = p->next) {
		if (p->override == o)
			return true;
	}
	return false;
}

void overrides_run(struct core *c)
{
	if (c->now_ms < c->overrides_due_ms)
		return;
	c->overrides_due_ms = UINT64_MAX;
	for (struct override **at = &c->overrides, *o; (o = *at);) {
		run_one(c, o);
		if (is_wanted(c, o)) {
			at = &o->next;
			continue;
		}
		*at = o->next;
		c->override_count--;
		free(o);
	}
	/* What could not be told for want of memory is tried again soon, not at once. */
	if (c->overrides_due_ms <= c->now_ms)
		c->overrides_due_ms = c->now_ms + 1;
}

/* Only the journal reckons in wall time. What it says of the old clock's would bring back by the new one, at the next start, what
 * is over, or end early what is not. */
static void redate(struct core *c, const struct override *o, struct reg *r)
{
	uint8_t record[40 + CORE_SELECTOR_MAX + CORE_AUTHOR_MAX + CORE_REASON_MAX];
	struct wbuf w;
	if (r->until_ms == 0)
		return;
	if (r->until_ms <= c->now_ms)
		r->until_wall = OVER_LONG_AGO;
	else if (__builtin_add_overflow(c->wall_ms, r->until_ms - c->now_ms, &r->until_wall))
		r->until_wall = UINT64_MAX;
	wbuf_init(&w, record, sizeof record);
	record_override_put(&w, o->text, r, c->now_ms);
	if (!effect_journal(c, record, w.len, false))
		c->nomem = true;
}

void overrides_redate(struct core *c)
{
	for (struct override *o = c->overrides; o; o = o->next) {
		for (uint8_t i = 0; i < o->reg_count; i++)
			redate(c, o, &o->regs[i]);
	}
	for (struct pending *p = c->pending; p; p = p->next) {
		if (p->override)
			redate(c, p->override, &p->reg);
	}
}

void overrides_resolve(struct core *c)
{
	c->overrides_due_ms = UINT64_MAX;
	for (struct override *o = c->overrides; o; o = o->next) {
		selector_resolve(&o->selector, o->text, c->gen);
		o->on = o->reg_count > 0 && override_is_on(c, &o->regs[o->newest]);
		note_dues(c, o);
	}
	for (uint32_t v = 0; v < c->gen->plan->service_count; v++)
		override_forces(c, &c->gen->services[v], c->gen->services[v].members, false);
}

void overrides_settle(struct core *c)
{
	uint8_t value[PAIR_VALUE_MAX], self = gen_self(c->gen)->id;
	for (struct override *o = c->overrides; c->pair && o; o = o->next) {
		const struct reg *r = o->tell ? reg_of(o, self) : NULL;
		if (r) {
			size_t len = value_admin_put(value, o->text, r, c->now_ms);
			if (pair_write(c->pair, PAIR_ADMIN, o->key, value, len, c->now_ms) < 0) {
				c->nomem = true;
				return;
			}
		}
		o->tell = false;
	}
}
