/* Invariant 6: what a node publishes follows from its members' states and forces alone, by the policy's rules said a second time
 * (lib/policy_oracle.h), and from the tier that is held on to:
 *
 *     tier 1   ──up────╳            ╭── has enough ── the delay ──▶ serves again; sooner only when the one that serves cannot any
 *     tier 2           ╰──serves────┴───────────────────────────╯   more, or a twin or an operator says so
 */
#include <string.h>
#include "dns/const.h"
#include "dns/name.h"
#include "lib/policy_oracle.h"
#include "sim/sim.h"

/* Which tier is held on to: what serves moves to a better one only when the one that served cannot any more, when the better
 * one waited for the whole delay, or when a twin says so; and when the delay is over it does move. */
static struct hold_seen { int8_t tier; bool asked; uint64_t since[POLICY_TIERS_MAX]; } seen[SIM_NODES][SIM_SERVICES_MAX][2];

static bool twin_says(const struct sim *s, int node, const struct plan_service *conf, int h, int8_t tier)
{
	const struct pair *p = core_pair(s->nodes[node].core);
	uint64_t record = pair_name("tier", conf->owner, name_len(conf->owner)) + (uint64_t)h;
	for (uint8_t id = 1; id <= s->count; id++) {
		const struct pair_record *r = id == node + 1 ? NULL : pair_find(p, id, PAIR_EFFECTIVE, record);
		if (r && r->value_len >= 9 && r->value[0] == (uint8_t)tier)
			return true;
	}
	return false;
}

static void check_hold(struct sim *s, int node, size_t v, int f, const struct core_service_view *view,
		       const struct policy_opinion *free)
{
	const struct policy_service *conf = &view->conf->policy;
	struct hold_seen *old = &seen[node][v][f];
	int h = conf->couple ? 0 : f;
	int8_t now = view->held[h];
	bool able = false; /* the one that was held could serve on */
	for (int t = 0; t < conf->tier_count && !old->asked; t++)
		able |= t == old->tier && (free->tier == t || (view->better[f] >> t & 1) || view->tier[f] == t);
	if (now >= 0 && now < old->tier && able && old->since[now] == 0 && !twin_says(s, node, view->conf, h, now))
		sim_fail(s, "ns%d %s goes back to tier %d at once", node + 1, view->conf->name, now + 1);
	if (now >= 0 && now < old->tier && able && conf->failback_ms != POLICY_FAILBACK_MANUAL &&
	    s->now < old->since[now] + conf->failback_ms && !twin_says(s, node, view->conf, h, now))
		sim_fail(s, "ns%d %s goes back to tier %d too early", node + 1, view->conf->name, now + 1);
	if (now != old->tier) {
		memset(old->since, 0, sizeof old->since);
		old->asked = false;
	}
	old->tier = now;
	for (int t = 0; t < conf->tier_count; t++) {
		bool waits = view->better[f] >> t & 1;
		old->since[t] = !waits ? 0 : old->since[t] ? old->since[t] : s->now;
		uint64_t rested = s->nodes[node].paused_until, from = old->since[t] > rested ? old->since[t] : rested;
		if (waits && conf->failback_ms != POLICY_FAILBACK_MANUAL && s->now > from + conf->failback_ms + 2500)
			sim_fail(s, "ns%d %s does not go back to tier %d", node + 1, view->conf->name, t + 1);
	}
}

void oracle_failback(struct sim *s, int node, const char *service)
{
	const struct plan *p = sim_plan(s, node);
	for (size_t v = 0; v < p->service_count; v++) {
		if (strcmp(p->services[v].name, service) == 0)
			seen[node][v][0].asked = seen[node][v][1].asked = true;
	}
}

/* What was decided last of a service, and from what, by the policy's rules said a second time (lib/policy_oracle.h): a pure function,
 * so it is asked again only of something new. */
static struct decided {
	const struct policy_service *conf;
	struct { uint8_t state, force; } in[SIM_MEMBERS_MAX];
	int8_t tier[2];
	struct policy_opinion out[2];
} decided[SIM_NODES][SIM_SERVICES_MAX];

static void judge(const struct policy_service *conf, const struct policy_input *in, const int8_t tier[2], struct policy_opinion out[2])
{
	static const struct policy_answer nothing[2]; /* is remembered */
	const struct policy_held held[2] = { { tier[0], 0 }, { tier[1], 0 } };
	struct policy_oracle sets;
	policy_oracle_see(&sets, conf, in, held, nothing);
	for (int f = 0; f < 2; f++)
		out[f] = policy_oracle_judge(&sets, f);
}

static const struct policy_opinion *decide(struct decided *d, const struct policy_service *conf, const struct policy_input *in,
					   const int8_t tier[2])
{
	bool same = d->conf == conf && d->tier[0] == tier[0] && d->tier[1] == tier[1];
	for (size_t i = 0; i < conf->member_count; i++) {
		same = same && d->in[i].state == in[i].state && d->in[i].force == in[i].force;
		d->in[i].state = (uint8_t)in[i].state;
		d->in[i].force = in[i].force;
	}
	if (same)
		return d->out;
	d->conf = conf;
	memcpy(d->tier, tier, sizeof d->tier);
	judge(conf, in, tier, d->out);
	return d->out;
}

static void check_holds(struct sim *s, int node, size_t v, const struct policy_input *in, const struct core_service_view *view)
{
	struct policy_opinion out[2];
	judge(&view->conf->policy, in, (const int8_t[]){ -1, -1 }, out);
	for (int f = 0; f < 2; f++) {
		bool served = out[f].rule == POLICY_RULE_TIER || (out[f].rule == POLICY_RULE_OTHER_FAMILY && out[f].tier >= 0);
		if (served && view->held[0] >= 0)
			check_hold(s, node, v, f, view, &out[f]);
		else /* nothing serves; what a twin says is adopted meanwhile all the same */
			seen[node][v][f] = (struct hold_seen){ .tier = view->held[view->conf->policy.couple ? 0 : f] };
	}
}

/* Of an isolated node whose pair says so services may answer SERVFAIL; of no other ever. */
static bool may_withhold(const struct sim *s, int node)
{
	struct core_network n;
	core_network_get(s->nodes[node].core, &n);
	return n.state == CORE_NETWORK_ISOLATED && sim_plan(s, node)->pair.isolated == PLAN_ISOLATED_SERVFAIL;
}

static bool withholds(const struct sim *s, int node)
{
	struct core_network n;
	core_network_get(s->nodes[node].core, &n);
	return n.withheld && may_withhold(s, node);
}

/* Exactly these, in their order. */
static bool is_set(const struct sim_set *set, const struct policy_service *conf, member_set members)
{
	bool same = true;
	uint16_t n = 0;
	for (size_t i = 0; i < conf->member_count; i++) {
		if (members >> i & 1) {
			same = same && n < set->count && addr_same_ip(&set->addrs[n], &conf->members[i].addr);
			n++;
		}
	}
	return same && n == set->count;
}

void oracle_sets_begin(int node)
{
	memset(seen[node], 0, sizeof seen[node]);
	for (size_t v = 0; v < SIM_SERVICES_MAX; v++)
		seen[node][v][0].tier = seen[node][v][1].tier = -1;
}

void oracle_set(struct sim *s, int node, size_t v, const struct policy_input *in, bool round_over)
{
	const struct plan_service *conf = &sim_plan(s, node)->services[v];
	struct core_service_view view;
	core_service_get(s->nodes[node].core, v, &view);
	if (conf->policy.failback_ms)
		check_holds(s, node, v, in, &view);
	const struct policy_opinion *out = decide(&decided[node][v], &conf->policy, in, view.held);
	for (int f = 0; f < 2; f++) {
		const struct sim_set *set = &s->nodes[node].sets[v][f];
		if (set->published && withholds(s, node) && view.rule[f] != POLICY_RULE_ABSENT) {
			if (set->ready)
				sim_fail(s, "ns%d %s answers, and is said to be withheld", node + 1, conf->name);
			continue;
		}
		if (!set->published || !set->ready) {
			if (round_over)
				sim_fail(s, "ns%d %s is not ready after the first round", node + 1, conf->name);
			continue;
		}
		if (!round_over)
			continue; /* members that wait for their first result are left out, or `initial` decides */
		if (set->ttl < conf->policy.ttl_min_s || set->ttl > conf->policy.ttl_max_s)
			sim_fail(s, "ns%d %s has TTL %u", node + 1, conf->name, set->ttl);
		if (conf->policy.all_down == POLICY_ALL_DOWN_LAST && out[f].rule == POLICY_RULE_FIRST)
			continue; /* the last good set is history, not state */
		if (!is_set(set, &conf->policy, out[f].members))
			sim_fail(s, "ns%d %s publishes %u addresses of family %d, not those that follow from its members", node + 1,
				 conf->name, set->count, f);
	}
}

void oracle_published(struct sim *s, int node, const struct core_publish *p)
{
	struct sim_set *set = &s->nodes[node].sets[p->service][p->type == DNS_TYPE_AAAA];
	if (set->ready && !p->ready && !may_withhold(s, node))
		sim_fail(s, "ns%d withdraws a set that was ready", node + 1);
	set->published = true;
	set->ready = p->ready;
	set->ttl = p->ttl_s;
	set->count = p->count;
	for (size_t k = 0; k < p->count; k++)
		set->addrs[k] = p->addrs[k];
}
