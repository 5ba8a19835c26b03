/* Services, members, probes, our own network. */
#include "ctl/metrics.h"
#include <inttypes.h>
#include "ctl/view.h"

#define RULES_COUNT (POLICY_RULE_WAIT + 1)

static const char *const families[] = { "a", "aaaa" };

struct sums {
	uint32_t state[VIEW_WAITING + 1], rule[2][RULES_COUNT];
	uint32_t held; /* members */
};

static void sum_up(const struct core *c, struct sums *s)
{
	struct core_service_view v;
	for (size_t i = 0; i < core_services(c); i++) {
		core_service_get(c, i, &v);
		s->state[view_service_health(&v)]++;
		s->held += v.held_members;
		for (unsigned f = 0; f < 2; f++)
			s->rule[f][v.rule[f] < RULES_COUNT ? v.rule[f] : 0]++;
	}
}

static void put_sums(struct bytes *out, const struct sums *s)
{
	metrics_family(out, "services", METRICS_GAUGE, "Services by how they fare; failed: no tier serves, all_down answers.");
	for (unsigned i = VIEW_OK; i <= VIEW_WAITING; i++)
		metrics_sample(out, "services", METRICS_LABEL("state", view_health_text(i)), METRICS_NONE, s->state[i]);
	metrics_family(out, "service_rules", METRICS_GAUGE, "Services by family and by the rule that makes their answer.");
	for (unsigned f = 0; f < 2; f++)
		for (unsigned r = POLICY_RULE_TIER; r < RULES_COUNT; r++)
			if (r != POLICY_RULE_ABSENT)
				metrics_sample(out, "service_rules", METRICS_LABEL("family", families[f]), METRICS_LABEL("rule", policy_rule_text(r)),
					       s->rule[f][r]);
}

static void put_totals(struct bytes *out, const struct ctl_host *h, const struct sums *s)
{
	struct core_totals t;
	struct core_target_view first;
	core_totals_get(h->core, &t);
	metrics_alone(out, "members", METRICS_GAUGE, "Members of all services.", t.members);
	metrics_alone(out, "members_up", METRICS_GAUGE, "Those of them that are up.", t.members_up);
	metrics_alone(out, "members_held", METRICS_GAUGE, "Members that are down and stay in, for what `removals` allows.", s->held);
	metrics_alone(out, "overrides", METRICS_GAUGE, "What operators force.", t.overrides);
	metrics_alone(out, "probe_streams", METRICS_GAUGE, "Checks of addresses, each probed by itself.", t.streams);
	metrics_alone(out, "probe_streams_unknown", METRICS_GAUGE, "Those of them that stay unknown by a fault of their check.",
		      core_unknown(h->core, &first));
	metrics_alone(out, "probes_running", METRICS_GAUGE, "Probes on their way.", t.in_flight);
}

static const char *outcome_text(enum health_outcome o)
{
	static const char *const texts[] = { "none", "pass", "fail", "unknown", "void" };
	return texts[o <= HEALTH_VOID ? o : 0];
}

static void put_probes(struct bytes *out, const struct ctl_host *h)
{
	metrics_family(out, "probes_total", METRICS_COUNTER, "Results of probes, by what they count as and why; void: our own fault.");
	for (unsigned r = HEALTH_OK; r < HEALTH_REASON_MAX; r++)
		metrics_count(out, "probes_total", METRICS_LABEL("result", outcome_text(health_reason_outcome(r))),
			      METRICS_LABEL("reason", health_reason_text(r)),
			      core_results(h->core, r) + (h->inherited ? h->inherited->results[r] : 0));
}

static void put_network(struct bytes *out, const struct core *c)
{
	struct core_network n;
	core_network_get(c, &n);
	metrics_family(out, "network_state", METRICS_GAUGE, "1 for the state of our own network, as canaries, the twin and targets witness it.");
	for (unsigned i = CORE_NETWORK_UNWATCHED; i <= CORE_NETWORK_ISOLATED; i++)
		metrics_sample(out, "network_state", METRICS_LABEL("state", core_network_text(i)), METRICS_NONE, n.state == i);
	metrics_alone(out, "canaries", METRICS_GAUGE, "Canaries.", n.canaries);
	metrics_alone(out, "canaries_up", METRICS_GAUGE, "Those of them that answer.", n.canaries_up);
}

/* ---- each service ---- */

static double service_value(const struct core_service_view *v, unsigned what)
{
	switch (what) {
	case 0: return v->members;
	case 1: return v->members_up;
	case 2: return v->answering;
	default: return view_service_health(v) == VIEW_FAILED;
	}
}

static void put_services(struct bytes *out, const struct core *c)
{
	static const struct { const char *name, *help; } of[] = {
		{ "service_members", "Members of the service." },
		{ "service_members_up", "Those of them that are up." },
		{ "service_members_answering", "Those of them that its answers are made of." },
		{ "service_failed", "1 while no tier of the service serves." },
	};
	struct core_service_view v;
	for (unsigned k = 0; k < sizeof of / sizeof of[0]; k++) {
		metrics_family(out, of[k].name, METRICS_GAUGE, of[k].help);
		for (size_t i = 0; i < core_services(c); i++) {
			core_service_get(c, i, &v);
			metrics_sample(out, of[k].name, METRICS_LABEL("service", v.conf->name), METRICS_NONE, service_value(&v, k));
		}
	}
	metrics_family(out, "service_tier", METRICS_GAUGE, "The tier that answers, from 1; 0 = none does.");
	for (size_t i = 0; i < core_services(c); i++) {
		core_service_get(c, i, &v);
		for (unsigned f = 0; f < 2; f++)
			if (v.rule[f] != POLICY_RULE_ABSENT && v.rule[f] != POLICY_RULE_NONE)
				metrics_sample(out, "service_tier", METRICS_LABEL("service", v.conf->name), METRICS_LABEL("family", families[f]),
					       v.rule[f] == POLICY_RULE_TIER ? v.tier[f] + 1 : 0);
	}
}

void metrics_health(struct bytes *out, const struct metrics *m)
{
	struct sums s = { .held = 0 };
	const struct core *c = m->h->core;
	sum_up(c, &s);
	put_sums(out, &s);
	put_totals(out, m->h, &s);
	put_probes(out, m->h);
	put_network(out, c);
	if (core_services(c) <= METRICS_SERVICES_MAX)
		put_services(out, c);
}
