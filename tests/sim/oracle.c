/* What must be so, worked out again from the records and the views by slower and plainer code than the core's own:
 *
 *     after every step   the effective state of each member follows from votes, freshness and held states alone
 *                        nobody votes down whom it never saw fail
 *                        of those down no more go within a minute than `removals` says, the first first
 *                        forces follow from the overrides in force; the published set from states and forces
 *                        what was ready stays ready; the first round ends in time
 *     at the end         both nodes publish the same, and it is the truth
 *                        of the overrides on a selector one counts that no other causally followed
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "dns/const.h"
#include "dns/name.h"
#include "sim/sim.h"

#define ROUND_MS 301 /* min(largest timeout, 5 s), and the tick that ends it */

static bool was_bad[SIM_NODES][SIM_BACKENDS]; /* in this life of the node: dead, or its path broken */
static uint64_t since[SIM_NODES];             /* the last start or new configuration */
static uint32_t life[SIM_NODES];
static const struct plan *plan_seen[SIM_NODES];

/* The views of one node's members and of its peers, taken once a step: many questions are asked of each. */
static struct core_member_view looked[SIM_SERVICES_MAX][SIM_MEMBERS_MAX];
static struct { struct pair_peer_view view; bool fresh; } peers[SIM_NODES - 1];
static int peer_count;

static void look_at_members(const struct sim *s, int node)
{
	const struct plan *p = sim_plan(s, node);
	const struct pair *pair = core_pair(s->nodes[node].core);
	peer_count = (int)pair_peers(pair);
	for (int i = 0; i < peer_count; i++) {
		pair_peer_get(pair, (size_t)i, &peers[i].view, sim_mono(s, node));
		peers[i].fresh = pair_is_fresh(pair, peers[i].view.id, sim_mono(s, node));
	}
	for (size_t v = 0; v < p->service_count; v++) {
		for (size_t i = 0; i < p->services[v].policy.member_count; i++)
			core_member_get(s->nodes[node].core, v, i, &looked[v][i], sim_mono(s, node));
	}
}

/* ---- effective state ---- */

static uint64_t effective_key(const struct plan *p, uint64_t key, uint8_t agree)
{
	return agree == p->pair.agree ? key : hash_mix(key ^ agree, 0x9e3779b97f4a7c15u);
}

static bool down_abstains(enum pair_self_state s)
{
	return s == PAIR_BOOT || s == PAIR_TILT || s == PAIR_ISOLATED;
}

struct votes { int up, down, own; bool peer; };

/* Does what this node put on its shelf count here? One's own always does. */
static bool is_heard(int node, uint8_t id)
{
	bool heard = id == node + 1;
	for (int i = 0; i < peer_count; i++)
		heard |= peers[i].view.id == id && peers[i].fresh;
	return heard;
}

static struct votes count_votes(const struct sim *s, int node, const struct core_member_view *v)
{
	const struct pair *p = core_pair(s->nodes[node].core);
	struct votes n = { 0 };
	for (int i = 0; i < peer_count; i++)
		n.peer |= peers[i].fresh;
	n.own = v->own == HEALTH_VERDICT_UP                                     ? 1
		: v->own == HEALTH_VERDICT_DOWN && !down_abstains(pair_self(p)) ? -1
										: 0;
	if (v->recovered && !n.peer)
		n.own = 0;
	n.up = n.own > 0;
	n.down = n.own < 0;
	for (int i = 0; i < peer_count; i++) {
		const struct pair_record *r = peers[i].fresh ? pair_find(p, peers[i].view.id, PAIR_VERDICT, v->stream->key) : NULL;
		if (!r || r->value_len < 2)
			continue;
		n.up += r->value[0] == HEALTH_VERDICT_UP;
		n.down += r->value[0] == HEALTH_VERDICT_DOWN && !(r->value[1] & 1) && !down_abstains(peers[i].view.self);
	}
	return n;
}

/* The newest of what they hold; up where the stamps are equal. */
static int held(const struct sim *s, int node, uint64_t key)
{
	const struct pair *p = core_pair(s->nodes[node].core);
	int state = HEALTH_VERDICT_UNKNOWN;
	uint64_t newest = 0;
	for (uint8_t id = 1; id <= s->count; id++) {
		const struct pair_record *r = is_heard(node, id) ? pair_find(p, id, PAIR_EFFECTIVE, key) : NULL;
		if (!r || r->value_len < 9)
			continue;
		uint64_t hlc = load_u64(r->value + 1);
		if (state == HEALTH_VERDICT_UNKNOWN || hlc > newest ||
		    (hlc == newest && r->value[0] == HEALTH_VERDICT_UP)) {
			newest = hlc;
			state = r->value[0];
		}
	}
	return state;
}

static int expected_state(const struct sim *s, int node, const struct core_member_view *v, uint8_t agree)
{
	struct votes n = count_votes(s, node, v);
	int any_up = n.up ? HEALTH_VERDICT_UP : n.down ? HEALTH_VERDICT_DOWN : -1, e = -1;
	switch (agree) {
	case POLICY_AGREE_ANY_UP:
		e = any_up;
		break;
	case POLICY_AGREE_ANY_DOWN:
		e = n.down ? HEALTH_VERDICT_DOWN : n.up ? HEALTH_VERDICT_UP : -1;
		break;
	case POLICY_AGREE_QUORUM:
		e = n.up > n.down ? HEALTH_VERDICT_UP : n.down > n.up ? HEALTH_VERDICT_DOWN : -1;
		break;
	case POLICY_AGREE_LOCAL:
		e = n.own > 0 ? HEALTH_VERDICT_UP : n.own < 0 ? HEALTH_VERDICT_DOWN : any_up;
		break;
	}
	return e >= 0 ? e : held(s, node, effective_key(sim_plan(s, node), v->stream->key, agree));
}

static uint8_t agree_of(const struct plan *p, const struct plan_service *v)
{
	return v->agree == POLICY_AGREE_PAIR ? p->pair.agree : v->agree;
}

/* ---- forces ---- */

/* A member's names, written once: plans live as long as the simulation, and this is asked at each step. */
struct names { const struct policy_member *of; char ip[ADDR_TEXT_MAX], both[128]; };

static const struct names *names_of(const struct plan_service *v, size_t i)
{
	static struct names all[4096];
	const struct policy_member *m = &v->policy.members[i];
	struct names *n = &all[(uintptr_t)m / sizeof *m % (sizeof all / sizeof all[0])];
	char ip[ADDR_TEXT_MAX];
	if (n->of == m)
		return n;
	n->of = m;
	strcpy(n->ip, addr_format(&m->addr, false, ip));
	snprintf(n->both, sizeof n->both, "%s/%s", v->name, ip);
	return n;
}

/* How much a selector says about a member; 0 = nothing. Only the forms that chaos.c uses. */
static int says(const char *selector, const struct plan_service *v, size_t i)
{
	const struct names *n = names_of(v, i);
	if (strcmp(selector, n->both) == 0)
		return 6;
	if (strcmp(selector, v->name) == 0)
		return 5;
	if (strcmp(selector, n->ip) == 0)
		return 4;
	if (v->hosts[i] && strcmp(selector, v->hosts[i]) == 0)
		return 3;
	if (v->sites[i] && strncmp(selector, "site:", 5) == 0 && strcmp(selector + 5, v->sites[i]) == 0)
		return 2;
	return strcmp(selector, "*.test") == 0;
}

static enum policy_force expected_force(const struct sim *s, int node, const struct plan_service *v, size_t i)
{
	static const enum policy_force force[] = { [CORE_VERB_DOWN] = POLICY_FORCE_DOWN,
						   [CORE_VERB_UP] = POLICY_FORCE_UP,
						   [CORE_VERB_DRAIN] = POLICY_FORCE_DRAIN };
	struct core_override_view o;
	size_t pos = 0;
	int most = 0;
	enum policy_force out = POLICY_FORCE_NONE;
	while (core_override_next(s->nodes[node].core, &pos, &o, sim_mono(s, node), sim_wall(s, node))) {
		int says_now = says(o.selector, v, i);
		if (says_now > most) {
			most = says_now;
			out = force[o.verb];
		}
	}
	return out;
}

/* The best that is hoped for of members forced so: 2 = one could answer, 1 = one that is down is left, 0 = none is. */
static int hope(const struct sim *s, int node, size_t v, const enum policy_force *force)
{
	const struct plan_service *conf = &sim_plan(s, node)->services[v];
	int best = 0;
	for (size_t i = 0; i < conf->policy.member_count; i++) {
		const struct core_member_view *m = &looked[v][i];
		bool maybe = m->state == HEALTH_VERDICT_UNKNOWN && (conf->policy.initial_up || !core_round_done(s->nodes[node].core));
		if (force[i] == POLICY_FORCE_DOWN || force[i] == POLICY_FORCE_DRAIN)
			continue;
		if (force[i] == POLICY_FORCE_UP || m->state == HEALTH_VERDICT_UP || maybe)
			return 2;
		best = 1;
	}
	return best;
}

/* By operators; else by windows, of which each is applied to a service as a whole or not at all. All of ours are open. */
static void expect_forces(const struct sim *s, int node, size_t v, enum policy_force *force)
{
	const struct plan *p = sim_plan(s, node);
	const struct plan_service *conf = &p->services[v];
	enum policy_force tried[SIM_MEMBERS_MAX];
	for (size_t i = 0; i < conf->policy.member_count; i++)
		force[i] = expected_force(s, node, conf, i);
	for (size_t w = 0; w < p->window_count; w++) {
		for (size_t i = 0; i < conf->policy.member_count; i++) {
			bool meant = false;
			for (size_t k = 0; k < p->windows[w].what_count; k++)
				meant |= says(p->windows[w].what[k], conf, i) > 0;
			tried[i] = meant && force[i] == POLICY_FORCE_NONE ? p->windows[w].force : force[i];
		}
		if (hope(s, node, v, tried) >= hope(s, node, v, force))
			memcpy(force, tried, conf->policy.member_count * sizeof *force);
	}
}

/* ---- needs ---- */

/* 1 where a tier serves it, 0 where none does, -1 where nobody knows: it is not ready, or has members that are unknown. */
static int serves(const struct sim *s, int node, uint32_t v)
{
	struct core_service_view view;
	core_service_get(s->nodes[node].core, v, &view);
	if (!view.ready)
		return -1;
	if (view.rule[0] == POLICY_RULE_TIER || view.rule[1] == POLICY_RULE_TIER)
		return 1;
	for (size_t i = 0; i < view.members; i++) {
		const struct core_member_view *m = &looked[v][i];
		if (m->state == HEALTH_VERDICT_UNKNOWN)
			return -1;
	}
	return 0;
}

static int lacks(const struct sim *s, int node, const struct plan_needs *n)
{
	int worst = 1;
	for (size_t k = 0; n && k < n->count; k++) {
		int is = serves(s, node, n->services[k]);
		worst = is == 0 || worst == 0 ? 0 : is < 0 ? -1 : worst;
	}
	return worst;
}

/* A member's state by its votes, and what it needs. Where nobody knows whether that serves, the member itself says it. */
static int with_needs(const struct sim *s, int node, size_t v, size_t i, const struct core_member_view *m, int state)
{
	const struct plan_service *conf = &sim_plan(s, node)->services[v];
	int all = lacks(s, node, &conf->needs), own = lacks(s, node, conf->member_needs ? &conf->member_needs[i] : NULL);
	if (all == 0 || own == 0)
		return HEALTH_VERDICT_DOWN;
	return (all < 0 || own < 0) && m->missing ? HEALTH_VERDICT_DOWN : state;
}

/* ---- after a step ---- */

/* Which tier is held on to: what serves moves to a better one only when the one that served cannot any more, when the better
 * one waited for the whole delay, or when a twin says so; and when the delay is over it does move. */
static struct hold_seen { int8_t tier; bool asked; uint64_t since[POLICY_TIERS_MAX]; } seen[SIM_NODES][SIM_SERVICES_MAX][2];

static bool twin_says(const struct sim *s, int node, const struct plan_service *conf, int h, int8_t tier)
{
	static const struct hash_key key = { { 0x746965722d686f6c, 0x67656d656c666261 } };
	const struct pair *p = core_pair(s->nodes[node].core);
	uint64_t record = hash_bytes(&key, conf->owner, (size_t)name_len(conf->owner)) + (uint64_t)h;
	for (uint8_t id = 1; id <= s->count; id++) {
		const struct pair_record *r = id == node + 1 ? NULL : pair_find(p, id, PAIR_EFFECTIVE, record);
		if (r && r->value_len >= 9 && r->value[0] == (uint8_t)tier)
			return true;
	}
	return false;
}

static void check_hold(struct sim *s, int node, size_t v, int f, const struct core_service_view *view,
		       const struct policy_answer *free)
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

/* What was decided last of a service, and from what: the policy is a pure function, so it is asked again only of something new. */
static struct decided {
	const struct policy_service *conf;
	struct { uint8_t state, force; } in[SIM_MEMBERS_MAX];
	int8_t tier[2];
	uint16_t member[2][SIM_MEMBERS_MAX];
	struct policy_answer out[2];
} decided[SIM_NODES][SIM_SERVICES_MAX];

static const struct policy_answer *decide(struct decided *d, const struct policy_service *conf, const struct policy_input *in,
					  const int8_t tier[2])
{
	const struct policy_held held[2] = { { tier[0], 0 }, { tier[1], 0 } };
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
	for (int f = 0; f < 2; f++)
		d->out[f] = (struct policy_answer){ .member = d->member[f] };
	policy_decide_held(conf, in, held, NULL, d->out);
	return d->out;
}

static void check_holds(struct sim *s, int node, size_t v, const struct policy_input *in, const struct core_service_view *view)
{
	uint16_t member[2][SIM_MEMBERS_MAX];
	struct policy_answer out[2] = { { .member = member[0] }, { .member = member[1] } };
	policy_decide(&view->conf->policy, in, NULL, out);
	for (int f = 0; f < 2; f++) {
		if (policy_keeps_last(&out[f]) && view->held[0] >= 0)
			check_hold(s, node, v, f, view, &out[f]);
		else /* nothing serves; what a twin says is adopted meanwhile all the same */
			seen[node][v][f] = (struct hold_seen){ .tier = view->held[view->conf->policy.couple ? 0 : f] };
	}
}

static void check_set(struct sim *s, int node, size_t v, const struct policy_input *in)
{
	const struct plan_service *conf = &sim_plan(s, node)->services[v];
	struct core_service_view view;
	core_service_get(s->nodes[node].core, v, &view);
	if (conf->policy.failback_ms)
		check_holds(s, node, v, in, &view);
	const struct policy_answer *out = decide(&decided[node][v], &conf->policy, in, view.held);
	for (int f = 0; f < 2; f++) {
		const struct sim_set *set = &s->nodes[node].sets[v][f];
		if (!set->published || !set->ready) {
			if (s->now > since[node] + ROUND_MS)
				sim_fail(s, "ns%d %s is not ready after the first round", node + 1, conf->name);
			continue;
		}
		if (s->now <= since[node] + ROUND_MS)
			continue; /* members that wait for their first result are left out, or `initial` decides */
		if (set->ttl < conf->policy.ttl_min_s || set->ttl > conf->policy.ttl_max_s)
			sim_fail(s, "ns%d %s has TTL %u", node + 1, conf->name, set->ttl);
		if (conf->policy.all_down == POLICY_ALL_DOWN_LAST && out[f].rule == POLICY_RULE_FIRST)
			continue; /* the last good set is history, not state */
		bool same = set->count == out[f].count;
		for (size_t k = 0; same && k < set->count; k++)
			same = addr_same_ip(&set->addrs[k], &conf->policy.members[out[f].member[k]].addr);
		if (!same)
			sim_fail(s,
				 "ns%d %s publishes %u addresses of family %d, not the %u that follow from its members",
				 node + 1, conf->name, set->count, f, out[f].count);
	}
}

/* ---- how many go within a minute ---- */

#define MINUTE_MS 60000

/* Of the records that say down the first; a stream's, for the sim's members have one each. */
static uint64_t went_down(const struct sim *s, int node, const struct core_member_view *m, uint8_t agree)
{
	const struct pair *p = core_pair(s->nodes[node].core);
	uint64_t first = UINT64_MAX, key = effective_key(sim_plan(s, node), m->stream->key, agree);
	for (uint8_t id = 1; id <= s->count; id++) {
		const struct pair_record *r = pair_find(p, id, PAIR_EFFECTIVE, key);
		bool heard = id == node + 1 || (is_heard(node, id) && agree != POLICY_AGREE_LOCAL);
		if (heard && r && r->value_len >= 9 && r->value[0] == HEALTH_VERDICT_DOWN && load_u64(r->value + 1) < first)
			first = load_u64(r->value + 1);
	}
	return first;
}

/* Nobody goes before the N-th before it went and a minute more; by a clock that is no slower than this node has seen, and no
 * faster than any of the two ever was. */
static void check_removals(struct sim *s, int node, size_t v, struct policy_input *in)
{
	const struct plan_service *conf = &sim_plan(s, node)->services[v];
	uint64_t least = pair_hlc_seen(core_pair(s->nodes[node].core)) >> 16, most = s->wall_most, stamp[SIM_MEMBERS_MAX], went[SIM_MEMBERS_MAX];
	size_t order[SIM_MEMBERS_MAX], n = 0;
	bool held[SIM_MEMBERS_MAX];
	least = sim_wall(s, node) > least ? sim_wall(s, node) : least;
	for (size_t i = 0; i < conf->policy.member_count; i++) {
		const struct core_member_view *m = &looked[v][i];
		held[i] = m->held;
		if (held[i] && (m->state != HEALTH_VERDICT_DOWN || m->force != POLICY_FORCE_NONE || m->missing || conf->removals == 0))
			sim_fail(s, "ns%d %s holds member %zu without need", node + 1, conf->name, i);
		if (m->state != HEALTH_VERDICT_DOWN || m->force != POLICY_FORCE_NONE || m->missing)
			continue; /* what it needs went, and that is not counted */
		stamp[i] = went_down(s, node, m, agree_of(sim_plan(s, node), conf));
		size_t to = n++;
		for (; to > 0 && (stamp[order[to - 1]] > stamp[i] ||
				  (stamp[order[to - 1]] == stamp[i] && sim_backend(&conf->policy.members[order[to - 1]].addr) > sim_backend(&m->conf->addr))); to--)
			order[to] = order[to - 1];
		order[to] = i;
	}
	for (size_t k = 0; conf->removals > 0 && k < n; k++) {
		went[k] = stamp[order[k]] >> 16;
		if (k >= conf->removals && went[k - conf->removals] + MINUTE_MS > went[k])
			went[k] = went[k - conf->removals] + MINUTE_MS;
		if (held[order[k]] ? went[k] <= least : went[k] > most)
			sim_fail(s, "ns%d %s member %zu is %s", node + 1, conf->name, order[k], held[order[k]] ? "held though its minute is over" : "not held");
		if (held[order[k]])
			in[order[k]].state = HEALTH_VERDICT_UP;
	}
}

/* What a member has of its weight so long after it came back: a tenth of the time after the other, each a second at least. */
static unsigned grown(unsigned slow_ms, uint64_t since_ms)
{
	unsigned step_ms = slow_ms > 10000 ? (slow_ms + 9) / 10 : 1000, steps = (unsigned)(since_ms / step_ms);
	return since_ms >= slow_ms ? 100 : steps == 0 ? 5 : 100 * steps * step_ms / slow_ms;
}

/* A slow start: nobody has one who is in no answer; who has is where the time says, or was there a second ago. */
static void check_slow_start(struct sim *s, int node, const struct plan_service *conf, size_t i, const struct core_member_view *m)
{
	uint64_t slow_ms = conf->policy.slow_start_ms, since_ms = slow_ms - m->start_left_ms;
	bool out = m->force == POLICY_FORCE_DOWN || m->force == POLICY_FORCE_DRAIN ||
		   (m->force == POLICY_FORCE_NONE && m->state == HEALTH_VERDICT_DOWN);
	if (m->start_pct == 0)
		return;
	if (slow_ms == 0 || out)
		sim_fail(s, "ns%d %s member %zu is in a slow start, and is not answered", node + 1, conf->name, i);
	else if (m->start_pct > grown((unsigned)slow_ms, since_ms) ||
		 m->start_pct < grown((unsigned)slow_ms, since_ms > 1000 ? since_ms - 1000 : 0))
		sim_fail(s, "ns%d %s member %zu has %u%% of its weight after %u ms", node + 1, conf->name, i, m->start_pct,
			 (unsigned)since_ms);
}

static void check_member(struct sim *s, int node, size_t v, size_t i, enum policy_force force, struct policy_input *in)
{
	const struct plan *p = sim_plan(s, node);
	const struct plan_service *conf = &p->services[v];
	const struct core_member_view *m = &looked[v][i];
	int state = expected_state(s, node, m, agree_of(p, conf)), b = sim_backend(&m->conf->addr);
	state = with_needs(s, node, v, i, m, state);
	/* Of a rule that only now is asked for again, a node remembers itself what no record says. */
	bool remembers = state == HEALTH_VERDICT_UNKNOWN && agree_of(p, conf) == POLICY_AGREE_LOCAL;
	if (state != (int)m->state && !m->recovered && !remembers)
		sim_fail(s, "ns%d %s member %zu is %s, the votes say %s", node + 1, conf->name, i,
			 health_verdict_text(m->state), health_verdict_text((enum health_verdict)state));
	if (m->own == HEALTH_VERDICT_DOWN && !was_bad[node][b] && s->place == SIM_HOME) /* elsewhere oracle_uplink.c asks for more */
		sim_fail(s, "ns%d votes back end %d down and never saw it fail", node + 1, b + 1);
	if (force != m->force)
		sim_fail(s, "ns%d %s member %zu is forced %d, the overrides say %d", node + 1, conf->name, i, m->force,
			 force);
	check_slow_start(s, node, conf, i, m);
	*in = (struct policy_input){ .state = m->state, .force = (uint8_t)force, .weight_pct = 100, .flip_ms = UINT32_MAX };
}

static void follow(struct sim *s, int node)
{
	struct sim_node *n = &s->nodes[node];
	struct core_override_view o;
	size_t pos = 0;
	if (life[node] != n->life)
		memset(was_bad[node], 0, sizeof was_bad[node]);
	if (life[node] != n->life || plan_seen[node] != sim_plan(s, node))
		since[node] = s->now;
	if (since[node] == s->now)
		memset(seen[node], 0, sizeof seen[node]);
	for (size_t v = 0; v < SIM_SERVICES_MAX && since[node] == s->now; v++)
		seen[node][v][0].tier = seen[node][v][1].tier = -1;
	life[node] = n->life;
	plan_seen[node] = sim_plan(s, node);
	for (int b = 0; b < SIM_BACKENDS; b++)
		was_bad[node][b] |= !s->alive[b] || !s->seen[node][b];
	while (core_override_next(n->core, &pos, &o, sim_mono(s, node), sim_wall(s, node)))
		n->known |= 1ull << strtoul(o.author, NULL, 10);
}

void oracle_after_step(struct sim *s, int node)
{
	const struct plan *p = sim_plan(s, node);
	struct policy_input in[SIM_MEMBERS_MAX];
	if (core_plan(s->nodes[node].core) != p)
		sim_fail(s, "ns%d did not take its configuration", node + 1);
	if (!core_pair(s->nodes[node].core) || s->failed)
		return;
	follow(s, node);
	look_at_members(s, node);
	for (size_t v = 0; v < p->service_count; v++) {
		enum policy_force force[SIM_MEMBERS_MAX];
		expect_forces(s, node, v, force);
		for (size_t i = 0; i < p->services[v].policy.member_count; i++)
			check_member(s, node, v, i, force[i], &in[i]);
		check_removals(s, node, v, in);
		check_set(s, node, v, in);
	}
}

void oracle_published(struct sim *s, int node, const struct core_publish *p)
{
	struct sim_set *set = &s->nodes[node].sets[p->service][p->type == DNS_TYPE_AAAA];
	if (set->ready && !p->ready)
		sim_fail(s, "ns%d withdraws a set that was ready", node + 1);
	set->published = true;
	set->ready = p->ready;
	set->ttl = p->ttl_s;
	set->count = p->count;
	for (size_t k = 0; k < p->count; k++)
		set->addrs[k] = p->addrs[k];
}

void oracle_replied(struct sim *s, uint32_t id, bool refused)
{
	if (id == SIM_OTHER_COMMAND)
		return;
	if (!refused && (s->event != CORE_SYNCED || s->nodes[s->commands[id].node].synced < s->commands[id].written))
		sim_fail(s, "command %u is in force before the disk has it", id);
	s->commands[id].refused = refused;
	s->commands[id].sure = !refused;
}

/* ---- across a restart or a new configuration ---- */

void oracle_remember(struct sim *s, int node, struct sim_memory *m)
{
	const struct plan *p = sim_plan(s, node);
	struct core_override_view o;
	size_t pos = 0;
	*m = (struct sim_memory){ .round_done = core_round_done(s->nodes[node].core) };
	for (size_t v = 0; v < p->service_count; v++) {
		for (size_t i = 0; i < p->services[v].policy.member_count; i++) {
			struct core_member_view view;
			core_member_get(s->nodes[node].core, v, i, &view, sim_mono(s, node));
			struct sim_memory_member *to = &m->members[m->count++];
			*to = (struct sim_memory_member){ p->services[v].name, view.conf->addr, view.state, view.own, view.missing };
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
		/* (the last shape's configurations differ in timing: a verdict may be too old for the new one) */
		if (!restart && was->own != now.members[i].own && s->shape != SIM_SHAPES - 1)
			sim_fail(s, "ns%d forgets its vote on a member of %s with a new configuration", node + 1,
				 was->service);
	}
	if (before->overrides & ~now.overrides)
		sim_fail(s, "ns%d loses the overrides %llx", node + 1,
			 (unsigned long long)(before->overrides & ~now.overrides));
}

/* ---- at the end ---- */

static int true_state(const struct sim *s, int node, int b, uint8_t agree)
{
	int up = 0;
	for (int n = 0; n < s->count; n++)
		up += s->alive[b] && s->seen[n][b];
	switch (agree) {
	case POLICY_AGREE_ANY_UP:
		return up > 0 ? HEALTH_VERDICT_UP : HEALTH_VERDICT_DOWN;
	case POLICY_AGREE_ANY_DOWN:
		return up == s->count ? HEALTH_VERDICT_UP : HEALTH_VERDICT_DOWN;
	case POLICY_AGREE_LOCAL:
		return s->alive[b] && s->seen[node][b] ? HEALTH_VERDICT_UP : HEALTH_VERDICT_DOWN;
	default:
		return 2 * up == s->count ? -1 : 2 * up > s->count ? HEALTH_VERDICT_UP : HEALTH_VERDICT_DOWN; /* a tie is held */
	}
}

static void check_truth(struct sim *s, int node, size_t v)
{
	const struct plan *p = sim_plan(s, node);
	for (size_t i = 0; i < p->services[v].policy.member_count; i++) {
		const struct core_member_view *m = &looked[v][i];
		int truth = true_state(s, node, sim_backend(&m->conf->addr), agree_of(p, &p->services[v]));
		truth = truth < 0 && !m->missing ? truth : with_needs(s, node, v, i, m, truth);
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
	if (agree_of(sim_plan(s, 0), conf) == POLICY_AGREE_LOCAL)
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
	close_over(s);
	for (uint32_t k = 0; k < s->command_count; k++)
		check_selector(s, s->commands[k].selector);
	for (int node = 0; node < s->count; node++) {
		look_at_members(s, node);
		for (size_t v = 0; v < sim_plan(s, node)->service_count; v++) {
			check_truth(s, node, v);
			check_same(s, node, v);
		}
	}
}
