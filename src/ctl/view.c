#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "base/text.h"
#include "ctl/view.h"

#define NEAR_MAX 4096 /* services that are looked at for a near name */

const char *view_health_text(enum view_health h)
{
	static const char text[][12] = { "unknown", "ok", "degraded", "failed", "waiting" };
	return text[(unsigned)h <= VIEW_WAITING ? (unsigned)h : 0];
}

static bool is_all_down(uint8_t rule)
{
	return rule >= POLICY_RULE_FIRST && rule <= POLICY_RULE_LIST;
}

/* The first tier in which the family has a member. */
static int best_tier(const struct policy_service *s, unsigned f)
{
	int best = POLICY_TIERS_MAX;
	for (uint16_t i = 0; i < s->member_count; i++)
		if ((s->members[i].addr.family == 6) == (f == 1) && s->members[i].tier < best)
			best = s->members[i].tier;
	return best;
}

enum view_health view_service_health(const struct core_service_view *v)
{
	enum view_health h = v->members_up < v->members ? VIEW_DEGRADED : VIEW_OK;
	if (!v->ready)
		return VIEW_WAITING;
	for (unsigned f = 0; f < 2; f++) {
		if (is_all_down(v->rule[f]))
			return VIEW_FAILED;
		if (v->rule[f] == POLICY_RULE_OTHER_FAMILY || (v->rule[f] == POLICY_RULE_TIER && v->tier[f] > best_tier(&v->conf->policy, f)))
			h = VIEW_DEGRADED;
	}
	return h;
}

void view_summary_get(const struct ctl_host *h, struct view_summary *out)
{
	struct view_summary s = { .failed_name = NULL };
	core_totals_get(h->core, &s.totals);
	for (size_t i = 0; i < core_services(h->core); i++) {
		struct core_service_view v;
		core_service_get(h->core, i, &v);
		enum view_health state = view_service_health(&v);
		s.degraded += state == VIEW_DEGRADED;
		s.failed += state == VIEW_FAILED;
		s.waiting += state == VIEW_WAITING;
		if (state == VIEW_FAILED && !s.failed_name)
			s.failed_name = v.conf->name;
		if (state == VIEW_WAITING && !s.waiting_name)
			s.waiting_name = v.conf->name;
	}
	*out = s;
}

const struct pair_stats *view_pair_totals(struct pair_stats *sum, const struct ctl_host *h, const struct pair *p)
{
	uint64_t *v = (uint64_t *)(void *)sum;
	*sum = *pair_stats_get(p);
	for (size_t i = 0; h->inherited && i < CTL_PAIR_TOTALS; i++)
		v[i] += h->inherited->pair[i];
	return sum;
}

const char *view_service_near(const struct plan *p, const char *name)
{
	const char *names[NEAR_MAX], *near, *begun = NULL;
	const size_t len = strlen(name);
	size_t n = 0, begin = 0;
	for (; n < p->service_count && n < NEAR_MAX; n++) {
		names[n] = p->services[n].name;
		if (len && strncasecmp(names[n], name, len) == 0 && names[n][len] == '.') {
			begun = names[n];
			begin++;
		}
	}
	near = text_nearest(name, names, n);
	return near ? near : begin == 1 ? begun : NULL;
}

const struct plan_node *view_node(const struct ctl_host *h)
{
	const struct plan *p = core_plan(h->core);
	return &p->nodes[p->self];
}

const char *view_node_name(const struct ctl_host *h, uint8_t id)
{
	const struct plan *p = core_plan(h->core);
	for (uint16_t i = 0; i < p->node_count; i++)
		if (p->nodes[i].id == id)
			return p->nodes[i].name;
	return NULL;
}

const char *view_twin_name(const struct ctl_host *h)
{
	const struct pair *p = core_pair(h->core);
	struct pair_peer_view v;
	if (!p || pair_peers(p) == 0)
		return NULL;
	if (pair_peers(p) > 1)
		return "peers";
	pair_peer_get(p, 0, &v, h->now_ms);
	const char *name = view_node_name(h, v.id);
	return name ? name : "twin";
}

uint64_t view_wall_past(const struct ctl_host *h, uint64_t mono_ms)
{
	uint64_t age = h->now_ms - mono_ms; /* mono_ms may lie below 0 (recovered): the difference is right all the same */
	return age < h->wall_ms ? h->wall_ms - age : 0;
}

uint64_t view_wall_future(const struct ctl_host *h, uint64_t mono_ms)
{
	if (!mono_ms)
		return 0;
	return mono_ms > h->now_ms ? h->wall_ms + (mono_ms - h->now_ms) : h->wall_ms;
}

char *view_reason(const struct health_result *r, char out[VIEW_REASON_MAX])
{
	const char *what = r->reason == HEALTH_REASON_NONE ? "" : health_reason_text(r->reason);
	snprintf(out, VIEW_REASON_MAX, "%s%s%.*s", what, *what && *r->detail ? ": " : "", (int)sizeof r->detail, r->detail);
	return out;
}

char *view_member_reason(const struct core_member_view *m, char out[VIEW_REASON_MAX])
{
	if (!m->missing)
		return view_reason(&m->last, out);
	snprintf(out, VIEW_REASON_MAX, "needs %.128s, which is down", m->missing);
	return out;
}

char *view_member_share(const struct core_member_view *m, char out[VIEW_SHARE_MAX])
{
	char left[32];
	int n = 0;
	out[0] = '\0';
	if (m->weight_pct < 100)
		n = snprintf(out, VIEW_SHARE_MAX, "check %u%%%s", m->weight_pct, m->start_pct ? ", " : "");
	if (m->start_pct)
		snprintf(out + n, VIEW_SHARE_MAX - (size_t)n, "slow start %u%%, full in %s", m->start_pct, text_format_age(m->start_left_ms, left));
	return out;
}

const char *view_force_text(enum policy_force f)
{
	static const char *const text[] = { NULL, "up", "down", "drain" };
	return (unsigned)f < sizeof text / sizeof text[0] ? text[f] : NULL;
}

const char *view_verb_text(enum core_verb v)
{
	static const char text[][8] = { "none", "auto", "down", "up", "drain" };
	return text[(unsigned)v <= CORE_VERB_DRAIN ? (unsigned)v : 0];
}

const char *view_rcode_text(size_t rcode)
{
	static const char *const text[] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET",
					    "NXRRSET", "NOTAUTH", "NOTZONE", "DSOTYPENI", "12", "13", "14", "15", "BADVERS", "BADKEY",
					    "BADTIME", "BADMODE", "BADNAME", "BADALG", "BADTRUNC", "BADCOOKIE" };
	return rcode < sizeof text / sizeof text[0] ? text[rcode] : "?";
}

const char *view_vote_text(enum health_verdict v)
{
	return v == HEALTH_VERDICT_UNKNOWN ? "abstains" : health_verdict_text(v);
}

bool view_member_not_up(const struct core_member_view *m)
{
	if (m->force != POLICY_FORCE_NONE)
		return m->force != POLICY_FORCE_UP;
	return m->conf->drain || m->state != HEALTH_VERDICT_UP;
}

const char *view_rule(const struct core_service_view *v, unsigned family, char out[VIEW_RULE_MAX])
{
	enum policy_rule r = v->rule[family];
	if (r == POLICY_RULE_NONE || r == POLICY_RULE_ABSENT)
		return NULL;
	if (r == POLICY_RULE_TIER)
		snprintf(out, VIEW_RULE_MAX, "tier %d", v->tier[family] + 1);
	else
		snprintf(out, VIEW_RULE_MAX, "%s", policy_rule_text(r));
	return out;
}
