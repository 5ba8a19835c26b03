/* `services`, `service NAME`, `overrides`. Tiers count from 1; a null or absent time is "never".
 *
 * services   {"services":[{"service":"www.example.test","state":"degraded","total":3,"up":2,"answering":1,
 *              "a":{"rule":"tier","tier":1,"ttl_s":10},"aaaa":null}]}             aaaa: no member of that family
 * service    {"service":…,"state":…,"total":…,"up":…,"answering":…,"a":…,"aaaa":…,"file":"gemel.lua","line":21,
 *             "members":[{"address":"192.0.2.1","tier":1,"host":"ams1","weight":1,"weight_pct":100,"start_pct":null,
 *              "start_left_ms":null,"state":"up","since":"…Z","answering":true,
 *              "own":"up","twin":"abstains","forced":"down","by":"root","until":"…Z","why":"new disk",
 *              "window":null,"held_back":null,"drain":false,
 *              "recovered":false,"flap":"steady","held":false,"check":"web","probe":"192.0.2.1","reason":"ok","took_us":350}]}
 * overrides  {"overrides":[{"what":"192.0.2.1","verb":"down","by":"root","node":"ns1","on":"ns1 ns2","since":"…Z","until":"…Z",
 *             "left_ms":90000,"why":"new disk"}]}     on: the nodes on which it is in force, as far as this one knows; node: given there
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "ctl/show.h"
#include "ctl/verbs.h"

enum doc_tone show_link_tone(enum pair_link_state s)
{
	switch (s) {
	case PAIR_ACTIVE:
		return DOC_GOOD;
	case PAIR_LOST:
	case PAIR_MISMATCH:
	case PAIR_INCOMPATIBLE:
		return DOC_BAD;
	default:
		return DOC_UNSURE;
	}
}

enum doc_tone show_verdict_tone(enum health_verdict v)
{
	return v == HEALTH_VERDICT_UP ? DOC_GOOD : v == HEALTH_VERDICT_DOWN ? DOC_BAD : DOC_UNSURE;
}

enum doc_tone show_health_tone(enum view_health h)
{
	return h == VIEW_OK ? DOC_GOOD : h == VIEW_FAILED ? DOC_BAD : DOC_UNSURE;
}

/* ---- services ---- */

static void show_family(const struct core_service_view *v, unsigned f, struct doc *d)
{
	static const char *const keys[2] = { "a", "aaaa" };
	char text[VIEW_RULE_MAX], with_ttl[VIEW_RULE_MAX + 16];
	const char *rule = view_rule(v, f, text);
	if (!rule) {
		doc_null(d, keys[f]);
		return;
	}
	doc_for(d, DOC_JSON);
	doc_group(d, keys[f]);
	doc_text(d, "rule", policy_rule_text(v->rule[f]));
	if (v->tier[f] >= 0)
		doc_int(d, "tier", v->tier[f] + 1);
	else
		doc_null(d, "tier");
	doc_s(d, "ttl_s", v->ttl_s[f]);
	doc_group_end(d);
	doc_for(d, DOC_PEOPLE);
	snprintf(with_ttl, sizeof with_ttl, "%s, %" PRIu32 "s", rule, v->ttl_s[f]);
	doc_text(d, keys[f], v->ready ? with_ttl : rule);
	doc_for(d, DOC_BOTH);
}

static void show_service_line(const struct core_service_view *v, struct doc *d)
{
	enum view_health state = view_service_health(v);
	doc_text(d, "service", v->conf->name);
	doc_word(d, "state", view_health_text(state), show_health_tone(state));
	doc_uint(d, "total", v->members);
	doc_uint(d, "up", v->members_up);
	doc_uint(d, "answering", v->answering);
	show_family(v, 0, d);
	show_family(v, 1, d);
}

enum call_next show_services(struct call *c, const struct ctl_host *h, struct doc *d)
{
	(void)c;
	doc_list(d, "services");
	for (size_t i = 0; i < core_services(h->core); i++) {
		struct core_service_view v;
		core_service_get(h->core, i, &v);
		doc_row(d);
		show_service_line(&v, d);
		doc_row_end(d);
	}
	doc_list_end(d);
	return CALL_ANSWER;
}

/* ---- one service ---- */

static void show_force(const struct ctl_host *h, const struct core_member_view *m, struct doc *d)
{
	const char *force = view_force_text(m->force);
	doc_word(d, "forced", force, m->force == POLICY_FORCE_UP ? DOC_GOOD : m->force == POLICY_FORCE_DOWN ? DOC_BAD : DOC_UNSURE);
	doc_text(d, "by", force ? m->forced_by : NULL);
	doc_time(d, "until", force ? view_wall_future(h, m->forced_until_ms) : 0, h->wall_ms);
	doc_text(d, "why", force && m->forced_reason && *m->forced_reason ? m->forced_reason : NULL);
}

static void show_check(const struct core_member_view *m, struct doc *d)
{
	char text[ADDR_TEXT_MAX], reason[VIEW_REASON_MAX];
	doc_for(d, DOC_JSON);
	doc_text(d, "window", m->window);
	doc_text(d, "held_back", m->held_back);
	doc_bool(d, "drain", m->conf->drain);
	doc_bool(d, "recovered", m->recovered);
	doc_text(d, "flap", m->stream ? health_flapping_text(m->flapping) : NULL);
	doc_bool(d, "held", m->held);
	doc_text(d, "check", m->stream ? m->stream->check : NULL);
	doc_text(d, "probe", m->stream ? addr_format(&m->stream->addr, true, text) : NULL);
	doc_for(d, DOC_PEOPLE);
	if (m->conf->drain)
		doc_text(d, "drain", "drain");
	if (m->recovered)
		doc_text(d, "recovered", "recovered");
	if (m->flapping != HEALTH_STEADY)
		doc_text(d, "flap", health_flapping_text(m->flapping));
	if (m->held)
		doc_text(d, "held", "held");
	doc_for(d, DOC_BOTH);
	if (m->stream && m->last.reason != HEALTH_REASON_NONE)
		doc_us(d, "took_us", m->last.took_us);
	else
		doc_null(d, "took_us");
	view_member_reason(m, reason);
	doc_text(d, "reason", *reason ? reason : NULL);
}

/* What its checks and a slow start leave of its weight; people see it where something is missing and it counts. */
static void show_share(const struct policy_service *p, const struct core_member_view *m, struct doc *d)
{
	char share[VIEW_SHARE_MAX];
	doc_for(d, DOC_JSON);
	doc_uint(d, "weight_pct", m->weight_pct);
	if (m->start_pct) {
		doc_uint(d, "start_pct", m->start_pct);
		doc_uint(d, "start_left_ms", m->start_left_ms);
	} else {
		doc_null(d, "start_pct");
		doc_null(d, "start_left_ms");
	}
	doc_for(d, DOC_PEOPLE);
	if ((policy_weighs(p) || p->load) && *view_member_share(m, share))
		doc_text(d, "share", share);
	doc_for(d, DOC_BOTH);
}

static void show_member(const struct ctl_host *h, const struct core_service_view *s, const struct core_member_view *m, struct doc *d)
{
	char text[ADDR_TEXT_MAX];
	const char *twin = view_twin_name(h);
	doc_text(d, "address", addr_format(&m->conf->addr, true, text));
	doc_uint(d, "tier", m->conf->tier + 1u);
	doc_text(d, "host", m->host);
	doc_for(d, policy_weighs(&s->conf->policy) ? DOC_BOTH : DOC_JSON);
	doc_uint(d, "weight", m->conf->weight);
	show_share(&s->conf->policy, m, d);
	doc_word(d, "state", health_verdict_text(m->state), show_verdict_tone(m->state));
	doc_time(d, "since", view_wall_past(h, m->changed_ms), h->wall_ms);
	doc_bool(d, "answering", m->answering);
	doc_word(d, "own", m->stream ? view_vote_text(m->own) : NULL, show_verdict_tone(m->own));
	doc_word(d, "twin", m->stream && twin ? view_vote_text(m->twin) : NULL, show_verdict_tone(m->twin));
	show_force(h, m, d);
	show_check(m, d);
}

enum call_next show_service(struct call *c, const struct ctl_host *h, struct doc *d)
{
	struct core_service_view v;
	int at = core_service_find(h->core, c->words[0]);
	if (at < 0) {
		const char *near = view_service_near(core_plan(h->core), c->words[0]);
		return call_fail(c, CALL_EXIT_FAILED, "no service \"%.200s\" on this node%s%.200s%s", c->words[0], near ? "; did you mean \"" : "",
				 near ? near : "", near ? "\"" : "");
	}
	core_service_get(h->core, (size_t)at, &v);
	show_service_line(&v, d);
	doc_text(d, "file", v.conf->file);
	doc_uint(d, "line", v.conf->line);
	doc_list(d, "members");
	for (uint16_t i = 0; i < v.members; i++) {
		struct core_member_view m;
		core_member_get(h->core, (size_t)at, i, &m, h->now_ms);
		doc_row(d);
		show_member(h, &v, &m, d);
		doc_row_end(d);
	}
	doc_list_end(d);
	return CALL_ANSWER;
}

/* ---- overrides ---- */

/* Here, on the node where it was given, and where the records are the same as ours; of nodes that are heard. */
static char *in_force_on(const struct ctl_host *h, const struct core_override_view *v, char *out, size_t cap)
{
	const struct pair *p = core_pair(h->core);
	size_t n = (size_t)snprintf(out, cap, "%s", view_node(h)->name);
	for (size_t i = 0; p && i < pair_peers(p) && n < cap; i++) {
		struct pair_peer_view peer;
		pair_peer_get(p, i, &peer, h->now_ms);
		const char *name = view_node_name(h, peer.id);
		if (name && pair_is_fresh(p, peer.id, h->now_ms) && (peer.id == v->node || peer.shelves_equal))
			n += (size_t)snprintf(out + n, cap - n, " %s", name);
	}
	return out;
}

enum call_next show_overrides(struct call *c, const struct ctl_host *h, struct doc *d)
{
	(void)c;
	struct core_override_view v;
	size_t pos = 0;
	char on[512]; /* seven names of 63 octets */
	doc_list(d, "overrides");
	while (core_override_next(h->core, &pos, &v, h->now_ms, h->wall_ms)) {
		doc_row(d);
		doc_text(d, "what", v.selector);
		doc_word(d, "verb", view_verb_text(v.verb), v.verb == CORE_VERB_UP ? DOC_GOOD : v.verb == CORE_VERB_DOWN ? DOC_BAD : DOC_UNSURE);
		doc_text(d, "by", v.author);
		doc_text(d, "node", view_node_name(h, v.node));
		doc_text(d, "on", in_force_on(h, &v, on, sizeof on));
		doc_time(d, "since", v.since_wall_ms, h->wall_ms);
		doc_time(d, "until", v.left_ms ? h->wall_ms + v.left_ms : 0, h->wall_ms);
		doc_for(d, DOC_JSON);
		if (v.left_ms)
			doc_ms(d, "left_ms", v.left_ms);
		else
			doc_null(d, "left_ms");
		doc_for(d, DOC_BOTH);
		doc_text(d, "why", v.reason && *v.reason ? v.reason : NULL);
		doc_row_end(d);
	}
	doc_list_end(d);
	return CALL_ANSWER;
}
