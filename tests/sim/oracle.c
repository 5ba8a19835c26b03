/* What must be so, worked out again from the records and the views by slower and plainer code than the core's own:
 *
 *     after every step   the effective state of each member follows from votes, freshness and held states alone
 *                        nobody votes down whom it never saw fail
 *                        of those down no more go within a minute than `removals` says, the first first
 *                        forces follow from the overrides in force (and these from the shelves: oracle_shelves.c)
 *                        the first round ends in time
 *
 * (what is published then: oracle_sets.c; what must be so across a restart, and at the end: oracle_end.c)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "dns/name.h"
#include "sim/sim.h"

#define ROUND_MS 301 /* min(largest timeout, 5 s), and the tick that ends it */

static bool was_bad[SIM_NODES][SIM_BACKENDS]; /* in this life of the node, or those that it continues: dead, or its path broken */
static uint64_t since[SIM_NODES];             /* the last start or new configuration */
static uint32_t life[SIM_NODES];
static const struct plan *plan_seen[SIM_NODES];

/* The views of one node's members and of its peers, taken once a step: many questions are asked of each. */
struct core_member_view oracle_looked[SIM_SERVICES_MAX][SIM_MEMBERS_MAX];
static struct { struct pair_peer_view view; bool fresh; } peers[SIM_NODES - 1];
static int peer_count;

void oracle_look(const struct sim *s, int node)
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
			core_member_get(s->nodes[node].core, v, i, &oracle_looked[v][i], sim_mono(s, node));
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

struct votes { int up, down, own, weigh_up, weigh_down; bool peer; };

/* Does what this node put on its shelf count here? One's own always does. */
static bool is_heard(int node, uint8_t id)
{
	bool heard = id == node + 1;
	for (int i = 0; i < peer_count; i++)
		heard |= peers[i].view.id == id && peers[i].fresh;
	return heard;
}

int oracle_weight_of(const struct sim *s, int node, uint8_t id)
{
	const struct plan *p = sim_plan(s, node);
	for (uint16_t i = 0; i < p->node_count; i++)
		if (p->nodes[i].id == id)
			return p->nodes[i].weight;
	return 0;
}

/* What so much weight for up and for down makes of it; -1 = nothing. By how far each is from what it takes. */
int oracle_quorum_of(const struct plan *p, int up, int down)
{
	int over = down * (100 - p->pair.quorum_pct) - up * p->pair.quorum_pct;
	if (up + down < p->pair.quorum_least || over == 0)
		return -1;
	return over > 0 ? HEALTH_VERDICT_DOWN : HEALTH_VERDICT_UP;
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
	n.weigh_up = n.up * oracle_weight_of(s, node, (uint8_t)(node + 1));
	n.weigh_down = n.down * oracle_weight_of(s, node, (uint8_t)(node + 1));
	for (int i = 0; i < peer_count; i++) {
		const struct pair_record *r = peers[i].fresh ? pair_find(p, peers[i].view.id, PAIR_VERDICT, v->stream->key) : NULL;
		if (!r || r->value_len < 2)
			continue;
		bool up = r->value[0] == HEALTH_VERDICT_UP;
		bool down = r->value[0] == HEALTH_VERDICT_DOWN && !(r->value[1] & 1) && !down_abstains(peers[i].view.self);
		n.up += up;
		n.down += down;
		n.weigh_up += up * oracle_weight_of(s, node, peers[i].view.id);
		n.weigh_down += down * oracle_weight_of(s, node, peers[i].view.id);
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
		e = oracle_quorum_of(sim_plan(s, node), n.weigh_up, n.weigh_down);
		break;
	case POLICY_AGREE_LOCAL:
		e = n.own > 0 ? HEALTH_VERDICT_UP : n.own < 0 ? HEALTH_VERDICT_DOWN : any_up;
		break;
	}
	return e >= 0 ? e : held(s, node, effective_key(sim_plan(s, node), v->stream->key, agree));
}

uint8_t oracle_agree_of(const struct plan *p, const struct plan_service *v)
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
		const struct core_member_view *m = &oracle_looked[v][i];
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
		const struct core_member_view *m = &oracle_looked[v][i];
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
int oracle_with_needs(const struct sim *s, int node, size_t v, size_t i, const struct core_member_view *m, int state)
{
	const struct plan_service *conf = &sim_plan(s, node)->services[v];
	int all = lacks(s, node, &conf->needs), own = lacks(s, node, conf->member_needs ? &conf->member_needs[i] : NULL);
	if (all == 0 || own == 0)
		return HEALTH_VERDICT_DOWN;
	return (all < 0 || own < 0) && m->missing ? HEALTH_VERDICT_DOWN : state;
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
		const struct core_member_view *m = &oracle_looked[v][i];
		held[i] = m->held;
		if (held[i] && (m->state != HEALTH_VERDICT_DOWN || m->force != POLICY_FORCE_NONE || m->missing || conf->removals == 0))
			sim_fail(s, "ns%d %s holds member %zu without need", node + 1, conf->name, i);
		if (m->state != HEALTH_VERDICT_DOWN || m->force != POLICY_FORCE_NONE || m->missing)
			continue; /* what it needs went, and that is not counted */
		stamp[i] = went_down(s, node, m, oracle_agree_of(sim_plan(s, node), conf));
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
	const struct core_member_view *m = &oracle_looked[v][i];
	int state = expected_state(s, node, m, oracle_agree_of(p, conf)), b = sim_backend(&m->conf->addr);
	state = oracle_with_needs(s, node, v, i, m, state);
	/* Of a rule that only now is asked for again, a node remembers itself what no record of its own says; it may be newer than the twin's. */
	bool remembers = oracle_agree_of(p, conf) == POLICY_AGREE_LOCAL &&
			 !pair_find(core_pair(s->nodes[node].core), (uint8_t)(node + 1), PAIR_EFFECTIVE, effective_key(p, m->stream->key, POLICY_AGREE_LOCAL));
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
	if (life[node] != n->life && !n->continues) /* else what was found by the one before counts */
		memset(was_bad[node], 0, sizeof was_bad[node]);
	if (life[node] != n->life || plan_seen[node] != sim_plan(s, node))
		since[node] = s->now;
	if (since[node] == s->now)
		oracle_sets_begin(node);
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
	oracle_look(s, node);
	for (size_t v = 0; v < p->service_count; v++) {
		enum policy_force force[SIM_MEMBERS_MAX];
		expect_forces(s, node, v, force);
		for (size_t i = 0; i < p->services[v].policy.member_count; i++)
			check_member(s, node, v, i, force[i], &in[i]);
		check_removals(s, node, v, in);
		oracle_set(s, node, v, in, s->now > since[node] + ROUND_MS);
	}
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
