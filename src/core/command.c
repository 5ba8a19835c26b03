/* Operators' commands: understood, refused with a reason, or written to the disk first and then put in force.
 *
 *     COMMAND ─▶ checks ─▶ JOURNAL(sync) … SYNCED ─▶ register, shelf, forces, REPLY        refused: REPLY at once
 *     failback ─▶ the better tier serves, JOURNAL(sync) … SYNCED ─▶ REPLY
 */
#include <stdio.h>
#include <stdlib.h>
#include "base/text.h"
#include "core/state.h"

static void copy_text(char *out, size_t cap, const char *in)
{
	size_t n = strnlen(in, cap - 1);
	memcpy(out, in, n);
	out[n] = '\0';
	text_clean(out);
}

static bool matches_any(const struct core *c, const struct selector *s)
{
	for (uint32_t v = 0; v < c->gen->plan->service_count; v++) {
		if (selector_touches(s, c->gen->services[v].conf))
			return true;
	}
	return false;
}

static uint32_t touched(const struct core *c, const struct selector *s)
{
	uint32_t n = 0;
	for (uint32_t v = 0; v < c->gen->plan->service_count; v++)
		n += selector_touches(s, c->gen->services[v].conf);
	return n;
}

static void refuse_unknown(struct core *c, uint32_t id, const char *selector)
{
	const char *near = selector_nearest(selector, c->gen->plan);
	if (strncmp(selector, "site:", 5) == 0)
		effect_reply(c, id, true, "\"%s\": no member's host has that site", selector);
	else if (near && strcmp(near, selector) != 0 && strchr(selector, '/') == NULL)
		effect_reply(c, id, true, "\"%s\" matches no address, host or service; did you mean \"%s\"", selector,
			     near);
	else
		effect_reply(c, id, true, "\"%s\" matches no address, host or service", selector);
}

/* ---- would it leave a service without an answer? ---- */

static uint32_t answers(const struct policy_answer a[CORE_FAMILIES])
{
	return (uint32_t)a[0].count + a[1].count;
}

static bool waits(const struct policy_answer a[CORE_FAMILIES])
{
	return !a[0].ready || !a[1].ready;
}

/* The name of the first service that has an answer now and would have none, or NULL. Commands that still wait for the disk
 * count as given: two at once must not do together what neither may alone. */
static const char *emptied_by(struct core *c, struct override *o)
{
	for (uint32_t v = 0; v < c->gen->plan->service_count; v++) {
		struct service *s = &c->gen->services[v];
		if (!selector_touches(&o->selector, s->conf))
			continue;
		override_forces(c, s, c->gen->trial, true);
		windows_force(c, s, c->gen->trial);
		service_decide(c, s, c->gen->trial);
		if (waits(c->gen->scratch) || answers(c->gen->scratch) > 0)
			continue;
		if (answers(s->answer) > 0 || waits(s->answer))
			return s->conf->name;
	}
	return NULL;
}

static bool takes_away(const struct core_command *cmd)
{
	return (cmd->verb == CORE_VERB_DOWN || cmd->verb == CORE_VERB_DRAIN) && !cmd->force;
}

/* ---- taking ---- */

static void reg_fill(struct core *c, struct reg *r, const struct core_command *cmd)
{
	*r = (struct reg){ .node = gen_self(c->gen)->id, .verb = (uint8_t)cmd->verb, .hlc = core_stamp(c) };
	if (cmd->for_ms && cmd->verb != CORE_VERB_AUTO) {
		if (__builtin_add_overflow(c->now_ms, cmd->for_ms, &r->until_ms))
			r->until_ms = UINT64_MAX;
		if (__builtin_add_overflow(c->wall_ms, cmd->for_ms, &r->until_wall))
			r->until_wall = UINT64_MAX;
	}
	copy_text(r->author, sizeof r->author, cmd->author);
	copy_text(r->reason, sizeof r->reason, cmd->reason);
}

static bool journal(struct core *c, const struct pending *p)
{
	uint8_t record[40 + CORE_SELECTOR_MAX + CORE_AUTHOR_MAX + CORE_REASON_MAX];
	struct wbuf w;
	wbuf_init(&w, record, sizeof record);
	record_override_put(&w, p->override->text, &p->reg, c->now_ms);
	return effect_journal(c, record, w.len, true);
}

/* From here on only the disk is missing. */
static int enqueue(struct core *c, struct override *o, const struct core_command *cmd)
{
	struct pending *p = calloc(1, sizeof *p);
	if (!p)
		return ERR_NOMEM;
	p->id = cmd->id;
	p->override = o;
	reg_fill(c, &p->reg, cmd);
	const struct reg *before = o->trial;
	o->trial = &p->reg;
	const char *name = takes_away(cmd) ? emptied_by(c, o) : NULL;
	if (name || !journal(c, p)) {
		o->trial = before;
		c->overrides_due_ms = 0; /* o may have come into being just for this */
		free(p);
		if (!name)
			return ERR_NOMEM;
		effect_reply(c, cmd->id, true, "%s %s would leave %s without an answer; --force does it anyway",
			     core_verb_text((uint8_t)cmd->verb), o->text, name);
		return 0;
	}
	p->seq = c->seq;
	*c->pending_end = p;
	c->pending_end = &p->next;
	c->pending_count++;
	return 0;
}

static bool understood(struct core *c, const struct core_command *cmd, char selector[CORE_SELECTOR_MAX])
{
	struct selector s;
	copy_text(selector, CORE_SELECTOR_MAX, cmd->selector);
	if (cmd->verb <= CORE_VERB_NONE || cmd->verb > CORE_VERB_DRAIN) {
		effect_reply(c, cmd->id, true, "no such verb; expected auto, down, up or drain");
		return false;
	}
	if (!selector_canonical(selector)) {
		effect_reply(c, cmd->id, true,
			     "this is no selector; expected an address, host, site:NAME, service, SERVICE/ADDRESS or glob");
		return false;
	}
	selector_resolve(&s, selector, c->gen);
	if (matches_any(c, &s) || (cmd->verb == CORE_VERB_AUTO && override_find(c, selector)))
		return true;
	refuse_unknown(c, cmd->id, selector);
	return false;
}

/* A better tier takes over at once. Not an override: nothing stays in force. */
static int take_failback(struct core *c, const struct core_command *cmd)
{
	char name[CORE_SELECTOR_MAX];
	copy_text(name, sizeof name, cmd->selector);
	int i = core_service_find(c, name);
	struct service *s = i >= 0 ? &c->gen->services[i] : NULL;
	enum failback_can can = s ? failback_ask(s) : FAILBACK_NONE;
	if (can != FAILBACK_YES) {
		effect_reply(c, cmd->id, true, can == FAILBACK_AUTO      ? "%s holds no tier: its failback is \"auto\""
					       : can == FAILBACK_NOTHING ? "%s: no better tier has enough members up"
									 : "\"%s\" is no service", name);
		return 0;
	}
	if (c->pending_count >= CORE_PENDING_MAX) {
		effect_reply(c, cmd->id, true, "too many commands wait for the disk; try again");
		return 0;
	}
	struct pending *p = calloc(1, sizeof *p);
	if (!p)
		return ERR_NOMEM;
	p->id = cmd->id;
	snprintf(p->failback, sizeof p->failback, "%s", s->conf->name);
	s->fail_back = true;
	snprintf(c->why, sizeof c->why, "failback by %s", cmd->author);
	service_mark(c, s);
	*c->pending_end = p;
	c->pending_end = &p->next;
	c->pending_count++;
	return 0;
}

int command_take(struct core *c, const struct core_command *cmd)
{
	char selector[CORE_SELECTOR_MAX];
	if (cmd->verb == CORE_VERB_FAILBACK)
		return take_failback(c, cmd);
	if (cmd->verb == CORE_VERB_MAINT)
		return maint_take(c, cmd);
	if (!understood(c, cmd, selector))
		return c->nomem ? ERR_NOMEM : 0;
	if (c->pending_count >= CORE_PENDING_MAX) {
		effect_reply(c, cmd->id, true, "too many commands wait for the disk; try again");
		return 0;
	}
	if (!override_find(c, selector) && c->override_count >= CORE_OVERRIDES_MAX) {
		effect_reply(c, cmd->id, true, "there are %u overrides already; end some with auto",
			     CORE_OVERRIDES_MAX);
		return 0;
	}
	struct override *o = override_get(c, selector);
	return o ? enqueue(c, o, cmd) : ERR_NOMEM;
}

/* ---- in force ---- */

/* Another override that forces a member which s is about, or NULL: an operator who ended one must not think that it was all. */
static const struct override *remaining(const struct core *c, const struct selector *s)
{
	for (uint32_t v = 0; v < c->gen->plan->service_count; v++) {
		const struct service *service = &c->gen->services[v];
		for (size_t i = 0; i < service->conf->policy.member_count; i++) {
			if (service->members[i].by && selector_matches(s, service->conf, i))
				return service->members[i].by;
		}
	}
	return NULL;
}

static void reply_failback(struct core *c, const struct pending *p)
{
	int i = core_service_find(c, p->failback), tier = -1;
	for (int f = 0; i >= 0 && f < CORE_FAMILIES; f++) {
		if (policy_keeps_last(&c->gen->services[i].answer[f]))
			tier = c->gen->services[i].answer[f].tier;
	}
	effect_reply(c, p->id, false, "failback %s: tier %d serves on %s", p->failback, tier + 1, gen_self(c->gen)->name);
}

static void reply(struct core *c, const struct pending *p)
{
	char left[32], until[48] = "", other[CORE_SELECTOR_MAX + 48] = "";
	const struct override *o = p->reg.verb == CORE_VERB_AUTO ? remaining(c, &p->override->selector) : NULL;
	if (o)
		snprintf(other, sizeof other, "; %s %s still holds", core_verb_text(o->regs[o->newest].verb), o->text);
	if (p->reg.until_ms)
		snprintf(until, sizeof until, " for %s", text_format_age(p->reg.until_ms - c->now_ms, left));
	bool twin = false;
	uint32_t n = touched(c, &p->override->selector);
	for (size_t i = 0; i < c->peer_count; i++)
		twin |= c->peers[i].fresh;
	effect_reply(c, p->id, false, "%s %s%s: in force on %s (%u service%s)%s%s", core_verb_text(p->reg.verb),
		     p->override->text, until, gen_self(c->gen)->name, n, n == 1 ? "" : "s",
		     !c->pair ? ""
		     : twin   ? ", sent to its twin"
			      : "; its twin is not heard and follows when it is",
		     other);
}

static void put_in_force(struct core *c, struct pending *p)
{
	struct override *o = p->override;
	p->done = true;
	if (!o)
		return; /* a failback: it was in force before the disk had it, its answer was not */
	if (o->trial == &p->reg)
		o->trial = NULL;
	if (p->reg.until_ms && p->reg.until_ms <= c->now_ms) /* the disk took longer than it was to last */
		p->reg.until_ms = c->now_ms + 1;
	if (override_set(c, o, &p->reg)) {
		o->tell = true;
		override_refresh(c, o);
	}
}

void command_synced(struct core *c, uint64_t seq)
{
	for (struct pending *p = c->pending; p; p = p->next) {
		if (!p->done && p->seq && p->seq <= seq)
			put_in_force(c, p);
	}
}

void command_wrote_failback(struct core *c, const struct service *s)
{
	for (struct pending *p = c->pending; p; p = p->next) {
		if (!p->override && !p->done && strcmp(p->failback, s->conf->name) == 0)
			p->seq = c->seq;
	}
}

/* One that wrote nothing has nothing to wait for: no tier moved after all, or its service is no more. */
static void end_idle_failbacks(struct core *c)
{
	for (struct pending *p = c->pending; p; p = p->next) {
		int i = p->override || p->done || p->seq ? -1 : core_service_find(c, p->failback);
		if (!p->override && !p->seq && (i < 0 || !c->gen->services[i].fail_back))
			p->done = true;
	}
}

/* Last in a step, behind what the command published. */
void commands_settle(struct core *c)
{
	end_idle_failbacks(c);
	while (c->pending && c->pending->done && effect_room(c, CORE_TEXT_MAX)) {
		struct pending *p = c->pending;
		if (p->override)
			reply(c, p);
		else
			reply_failback(c, p);
		c->pending = p->next;
		if (!c->pending)
			c->pending_end = &c->pending;
		c->pending_count--;
		free(p);
	}
}
