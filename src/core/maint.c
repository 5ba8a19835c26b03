/* Maintenance: an operator's word that this node will be stopped, so that its twin is not stopped at the same time.
 *
 *     on ─▶ the twin is heard, and not in maintenance itself? ── yes, or --force ─▶ MAINT ── off, time over, a new start ─▶ out
 *                                                              └─ no: refused, and told why
 *
 * Nothing else changes: the node answers and votes until it is stopped. Two operators who ask at the same moment on both
 * nodes may both be let; what they see then in `gemelctl peers` is that both are.
 */
#include <stdio.h>
#include "core/state.h"

static void told(struct core *c, bool on, const char *author, const char *reason)
{
	struct core_notice n = { .kind = CORE_NOTICE_NODE, .cause = "operator" };
	snprintf(n.subject, sizeof n.subject, "%s", gen_self(c->gen)->name);
	snprintf(n.old, sizeof n.old, "%s", pair_self_state_text(on ? PAIR_NORMAL : PAIR_MAINT));
	snprintf(n.new, sizeof n.new, "%s", pair_self_state_text(on ? PAIR_MAINT : PAIR_NORMAL));
	snprintf(n.reason, sizeof n.reason, "%s", *reason ? reason : on ? "it is about to be stopped" : "it stays in service");
	if (*author)
		notice_detail_add(&n, "author", "%s", author);
	notice_put(c, &n);
}

static void set(struct core *c, bool on, uint64_t until_ms, const char *author, const char *reason)
{
	bool changed = c->maint != on;
	c->maint = on;
	c->maint_until_ms = until_ms;
	watch_self(c);
	if (changed)
		told(c, on, author, reason);
}

static bool is_there(enum pair_link_state s)
{
	return s == PAIR_ACTIVE || s == PAIR_TCP_ONLY || s == PAIR_MISMATCH;
}

/* Why this node should stay; false where nothing speaks against going. */
static bool objection(const struct core *c, char *out, size_t cap)
{
	size_t there = 0;
	for (size_t i = 0; i < pair_peers(c->pair); i++) {
		struct pair_peer_view v;
		pair_peer_get(c->pair, i, &v, c->now_ms);
		if (v.self == PAIR_MAINT && is_there(v.link)) {
			snprintf(out, cap, "%s is in maintenance already", core_node_name(c, v.id));
			return true;
		}
		there += is_there(v.link);
	}
	snprintf(out, cap, "no twin is there to answer meanwhile");
	return there == 0;
}

int maint_take(struct core *c, const struct core_command *cmd)
{
	const char *name = gen_self(c->gen)->name;
	char why[128];
	bool on = strcmp(cmd->selector, "on") == 0;
	if (!on && strcmp(cmd->selector, "off") != 0) {
		effect_reply(c, cmd->id, true, "maint takes on or off");
	} else if (!c->pair) {
		effect_reply(c, cmd->id, true, "%s has no twin to tell", name);
	} else if (on && !c->maint && !cmd->force && objection(c, why, sizeof why)) {
		effect_reply(c, cmd->id, true, "%s; --force does it all the same", why);
	} else {
		set(c, on, on && cmd->for_ms ? c->now_ms + cmd->for_ms : 0, cmd->author, cmd->reason);
		effect_reply(c, cmd->id, false, "%s is in %s", name, on ? "maintenance" : "service");
	}
	return c->nomem ? ERR_NOMEM : 0;
}

void maint_run(struct core *c)
{
	if (c->maint_until_ms && c->now_ms >= c->maint_until_ms)
		set(c, false, 0, "", "its time is over");
}
