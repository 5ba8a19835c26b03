/* What must be so across a restart, and when all is healed:
 *
 *     restart            from a whole journal: what was served is served on, and nobody votes otherwise; overrides stay
 *     new configuration  what was found is not forgotten
 *     at the end         all nodes publish the same, and it is the truth
 *                        of the overrides on a selector one counts that no other causally followed
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/sim.h"

/* ---- across a restart or a new configuration ---- */

/* A verdict is unknown after three intervals and a time-out without a result that counts; after twice the intervals while a twin looks
 * in between, and that may end any moment. */
static bool is_old(const struct sim *s, int node, const struct core_member_view *m)
{
	const struct core *c = s->nodes[node].core;
	struct core_target_view t;
	if (!m->stream)
		return false;
	core_target_get(c, (size_t)(m->stream - core_plan(c)->streams), &t);
	return sim_mono(s, node) >= t.counted_ms + 3ull * m->stream->timing.interval_ms + m->stream->timing.timeout_ms;
}

void oracle_remember(struct sim *s, int node, struct sim_memory *m)
{
	const struct plan *p = sim_plan(s, node);
	struct core_override_view o;
	size_t pos = 0;
	const struct sim_node *n = &s->nodes[node];
	*m = (struct sim_memory){ .round_done = core_round_done(n->core), .jumped = n->jumped && !oracle_tilt_was_seen(s, node) };
	for (size_t v = 0; v < p->service_count; v++) {
		for (size_t i = 0; i < p->services[v].policy.member_count; i++) {
			struct core_member_view view;
			core_member_get(s->nodes[node].core, v, i, &view, sim_mono(s, node));
			struct sim_memory_member *to = &m->members[m->count++];
			*to = (struct sim_memory_member){ p->services[v].name, view.conf->addr, view.state, view.own, view.missing, is_old(s, node, &view) };
		}
	}
	while (core_override_next(s->nodes[node].core, &pos, &o, sim_mono(s, node), sim_wall(s, node)))
		m->overrides |= 1ull << strtoul(o.author, NULL, 10);
}

static const struct sim_memory_member *find(const struct sim_memory *m, const struct sim_memory_member *like)
{
	for (size_t i = 0; i < m->count; i++) {
		if (strcmp(m->members[i].service, like->service) == 0 && addr_equal(&m->members[i].addr, &like->addr))
			return &m->members[i];
	}
	return NULL;
}

/* restart: from a whole journal; what was served is served on. Otherwise a new plan: what was found is not forgotten. */
void oracle_compare(struct sim *s, int node, const struct sim_memory *before, bool restart)
{
	struct sim_memory now;
	oracle_remember(s, node, &now);
	for (size_t i = 0; i < now.count; i++) {
		const struct sim_memory_member *was = find(before, &now.members[i]);
		if (!was)
			continue;
		/* (whether what it needs serves was not known in the first round, and is now) */
		bool learned = !before->round_done && now.members[i].missing && !was->missing;
		if (restart && !learned && was->state != HEALTH_VERDICT_UNKNOWN && was->state != now.members[i].state)
			sim_fail(s, "ns%d restarts and has %s in %s %s, not %s", node + 1, "a member", was->service,
				 health_verdict_text(now.members[i].state), health_verdict_text(was->state));
		/* (where nothing was known, an earlier configuration's record may still tell of that target, as memory) */
		if (restart && was->own != HEALTH_VERDICT_UNKNOWN && now.members[i].own != was->own && now.members[i].own != HEALTH_VERDICT_UNKNOWN)
			sim_fail(s, "ns%d starts again and votes otherwise on a member of %s", node + 1, was->service);
		/* (the last shape's configurations differ in timing: a verdict may be too old for the new one) */
		if (!restart && was->own != now.members[i].own && s->shape != SIM_SHAPE_TIMINGS && !(was->old && now.members[i].own == HEALTH_VERDICT_UNKNOWN))
			sim_fail(s, "ns%d forgets its vote on a member of %s with a new configuration", node + 1,
				 was->service);
	}
	/* (the journal reckons in wall time: nobody knows of a jump that the one before had not noticed) */
	if (!before->jumped && before->overrides & ~now.overrides)
		sim_fail(s, "ns%d loses the overrides %llx", node + 1,
			 (unsigned long long)(before->overrides & ~now.overrides));
}

/* ---- at the end ---- */

static int true_state(const struct sim *s, int node, int b, uint8_t agree)
{
	int up = 0, weigh[2] = { 0 };
	for (int n = 0; n < s->count; n++) {
		bool seen_up = s->alive[b] && s->seen[n][b];
		up += seen_up;
		weigh[seen_up] += oracle_weight_of(s, node, (uint8_t)(n + 1));
	}
	switch (agree) {
	case POLICY_AGREE_ANY_UP:
		return up > 0 ? HEALTH_VERDICT_UP : HEALTH_VERDICT_DOWN;
	case POLICY_AGREE_ANY_DOWN:
		return up == s->count ? HEALTH_VERDICT_UP : HEALTH_VERDICT_DOWN;
	case POLICY_AGREE_LOCAL:
		return s->alive[b] && s->seen[node][b] ? HEALTH_VERDICT_UP : HEALTH_VERDICT_DOWN;
	default:
		return oracle_quorum_of(sim_plan(s, node), weigh[1], weigh[0]); /* a tie is held */
	}
}

static void check_truth(struct sim *s, int node, size_t v)
{
	const struct plan *p = sim_plan(s, node);
	for (size_t i = 0; i < p->services[v].policy.member_count; i++) {
		const struct core_member_view *m = &oracle_looked[v][i];
		int truth = true_state(s, node, sim_backend(&m->conf->addr), oracle_agree_of(p, &p->services[v]));
		truth = truth < 0 && !m->missing ? truth : oracle_with_needs(s, node, v, i, m, truth);
		if (truth >= 0 && truth != (int)m->state)
			sim_fail(s, "at the end ns%d has %s member %zu %s, the truth is %s", node + 1,
				 p->services[v].name, i, health_verdict_text(m->state),
				 health_verdict_text((enum health_verdict)truth));
	}
}

/* What node and the first publish of a service. */
static void check_same(struct sim *s, int node, size_t v)
{
	const struct plan_service *conf = &sim_plan(s, 0)->services[v];
	struct core_service_view a, b;
	core_service_get(s->nodes[0].core, v, &a);
	core_service_get(s->nodes[node].core, v, &b);
	if (oracle_agree_of(sim_plan(s, 0), conf) == POLICY_AGREE_LOCAL)
		return; /* each its own, by intent */
	for (int f = 0; f < 2; f++) {
		const struct sim_set *x = &s->nodes[0].sets[v][f], *y = &s->nodes[node].sets[v][f];
		bool same = x->ready && y->ready && x->count == y->count && x->ttl == y->ttl;
		for (size_t k = 0; same && k < x->count; k++)
			same = addr_equal(&x->addrs[k], &y->addrs[k]);
		if (!same && a.rule[f] != POLICY_RULE_LAST && b.rule[f] != POLICY_RULE_LAST)
			sim_fail(s, "at the end ns1 and ns%d publish different sets for %s", node + 1, conf->name);
	}
}

static int in_force(const struct sim *s, int node, const char *selector)
{
	struct core_override_view o;
	size_t pos = 0;
	while (core_override_next(s->nodes[node].core, &pos, &o, sim_mono(s, node), sim_wall(s, node))) {
		if (strcmp(o.selector, selector) == 0)
			return atoi(o.author);
	}
	return -1;
}

/* Was command id causally followed by another on the same selector that is surely in force or was? */
static bool is_superseded(const struct sim *s, uint32_t id)
{
	for (uint32_t k = 0; k < s->command_count; k++) {
		if (s->commands[k].sure && s->commands[k].over >> id & 1 &&
		    strcmp(s->commands[k].selector, s->commands[id].selector) == 0)
			return true;
	}
	return false;
}

static void close_over(struct sim *s)
{
	for (uint32_t k = 0; k < s->command_count; k++) {
		for (uint32_t j = 0; j < k; j++) {
			if (s->commands[k].over >> j & 1)
				s->commands[k].over |= s->commands[j].over;
		}
	}
}

static void check_selector(struct sim *s, const char *selector)
{
	int winner = in_force(s, 0, selector);
	bool any = false, nothing = false;
	for (int n = 1; n < s->count; n++) {
		if (winner != in_force(s, n, selector))
			sim_fail(s, "at the end ns1 and ns%d have different overrides on %s: %d and %d", n + 1, selector, winner,
				 in_force(s, n, selector));
	}
	for (int n = 0; n < s->count; n++) {
		if (s->nodes[n].lossy)
			return;
	}
	for (uint32_t k = 0; k < s->command_count; k++) {
		const struct sim_command *c = &s->commands[k];
		if (c->refused || strcmp(c->selector, selector) != 0 || is_superseded(s, k))
			continue;
		any |= c->sure;
		nothing |= c->verb == CORE_VERB_AUTO || (c->until && c->until <= s->now);
		if ((int)k == winner)
			return;
	}
	if (winner >= 0)
		sim_fail(s, "at the end command %d counts on %s, though later ones were given", winner, selector);
	else if (any && !nothing)
		sim_fail(s, "at the end no override counts on %s, though one should", selector);
}

void oracle_at_the_end(struct sim *s)
{
	if (s->late_records)
		sim_fail(s, "%u records are journalled though nothing happens any more", s->late_records);
	oracle_pair_at_the_end(s);
	oracle_shelves_at_the_end(s);
	zones_at_the_end(s);
	close_over(s);
	for (uint32_t k = 0; k < s->command_count; k++)
		check_selector(s, s->commands[k].selector);
	for (int node = 0; node < s->count; node++) {
		oracle_look(s, node);
		for (size_t v = 0; v < sim_plan(s, node)->service_count; v++) {
			check_truth(s, node, v);
			check_same(s, node, v);
		}
	}
}
