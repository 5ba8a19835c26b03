/* `status`, and `status --check` for monitoring.
 *
 * {"node":"ns1","version":"0.1.0","file":"gemel.lua","started":"2026-11-21T02:31:00.000Z","uptime_ms":60000,"generation":1,
 *  "ready":true,"journal_ok":true,"http_admin":false,
 *  "pair":{"name":"demo","self":"normal"},                                        null without one
 *  "services":{"total":3,"degraded":0,"failed":0,"waiting":0},"members":{"total":6,"up":6},"overrides":0,
 *  "probes":{"streams":6,"running":1,"unknown":0,"disputed":0},              unknown: that stay so; disputed: among the nodes
 *  "network":{"state":"ok","since":null,"canaries":2,"answering":2,"void":0},   or "unwatched", "in doubt", "isolated"
 *  "queries":{"total":9,"responses":9,"dropped":0,"truncated":0,"cold":1,"edns":9,"tcp":0,"rate_dropped":0,
 *             "rate_slipped":0,"qps":1.5},
 *  "latency_us":{"5":0,"10":3,…,"100000":0,"more":0},   answers over UDP that took so long, of every 64th turn of a worker
 *  "hook":{"program":"/usr/local/bin/notify","ran":7,"failed":1,"dropped":0,"waiting":0,"running":false},   null without one
 *  "tcp":{"connections":0,"accepted":0,"evicted":0,"evicted_source":0},
 *  "peers":[{"node":"ns2","link":"active","since":"…Z"}],
 *  "processes":[{"role":"responder","pid":12,"restarts":0,"started":"…Z","confined":"no"}]}
 */
#include "config.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "ctl/show.h"
#include "ctl/verbs.h"
#include "ctl/view.h"

/* ---- status --check: exit and one line as the Monitoring Plugins guidelines have it ---- */

enum { CHECK_OK = 0, CHECK_WARNING, CHECK_CRITICAL, CHECK_UNKNOWN };

/* All that was found, the worst first; its level is the worst one's. */
struct finding { int level; char text[512]; };

static void find(struct finding *f, int level, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void find(struct finding *f, int level, const char *fmt, ...)
{
	size_t len = strlen(f->text);
	if (len)
		len += (size_t)snprintf(f->text + len, sizeof f->text - len, "; ");
	if (len >= sizeof f->text)
		return; /* full: what came before is as bad or worse */
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(f->text + len, sizeof f->text - len, fmt, ap);
	va_end(ap);
	f->level = level > f->level ? level : f->level;
}

static void find_peers(struct finding *f, const struct ctl_host *h)
{
	const struct pair *p = core_pair(h->core);
	for (size_t i = 0; p && i < pair_peers(p); i++) {
		struct pair_peer_view v;
		pair_peer_get(p, i, &v, h->now_ms);
		const char *name = view_node_name(h, v.id);
		if (v.link == PAIR_MISMATCH || (v.link == PAIR_ACTIVE && v.config_digest != core_plan(h->core)->digest))
			find(f, CHECK_WARNING, "twin %.64s has another configuration", name ? name : "?");
		else if (v.link != PAIR_ACTIVE)
			find(f, CHECK_WARNING, "twin %.64s is %s", name ? name : "?", pair_link_state_text(v.link));
	}
}

static void find_network(struct finding *f, const struct ctl_host *h)
{
	struct core_network n;
	uint64_t since_ms;
	core_network_get(h->core, &n);
	if (n.state == CORE_NETWORK_ISOLATED)
		find(f, CHECK_CRITICAL, "this node is isolated: nobody answers it%s", n.withheld ? ", and its services answer SERVFAIL" : "");
	if (core_prober_gone(h->core, &since_ms))
		find(f, CHECK_CRITICAL, "no prober for %" PRIu64 " s", (h->now_ms - since_ms) / 1000);
	else if (n.canaries && !n.canaries_up && n.state != CORE_NETWORK_ISOLATED)
		find(f, CHECK_WARNING, "no canary answers");
}

static void find_unknown(struct finding *f, const struct ctl_host *h)
{
	struct core_target_view first;
	char address[ADDR_TEXT_MAX], reason[VIEW_REASON_MAX];
	uint32_t count = core_unknown(h->core, &first);
	if (count)
		find(f, CHECK_WARNING, "%" PRIu32 " targets stay unknown, first check %.64s of %s: %s", count, first.conf->check,
		     addr_format(&first.conf->addr, true, address), view_reason(&first.last, reason));
}

static void find_disputed(struct finding *f, const struct ctl_host *h)
{
	struct core_target_view first;
	char address[ADDR_TEXT_MAX];
	uint32_t count = core_disputed(h->core, &first);
	if (count)
		find(f, CHECK_WARNING, "%" PRIu32 " targets are disputed, first %s by check %.64s", count,
		     addr_format(&first.conf->addr, true, address), first.conf->check);
}

static enum call_next check(struct call *c, const struct ctl_host *h, struct doc *d)
{
	static const char *const words[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };
	struct view_summary s;
	struct finding f = { CHECK_OK, "" };
	view_summary_get(h, &s);
	if (s.failed)
		find(&f, CHECK_CRITICAL, "%" PRIu32 " of %" PRIu32 " services have no member up, first %.100s", s.failed, s.totals.services,
		     s.failed_name);
	if (s.waiting && s.totals.round_done)
		find(&f, CHECK_CRITICAL, "%" PRIu32 " services are not ready, first %.100s", s.waiting, s.waiting_name);
	if (!s.totals.round_done)
		find(&f, CHECK_WARNING, "the first round of checks is not over");
	if (h->journal_failed)
		find(&f, CHECK_WARNING, "the journal cannot be written");
	find_network(&f, h);
	find_unknown(&f, h);
	find_disputed(&f, h);
	if (s.degraded)
		find(&f, CHECK_WARNING, "%" PRIu32 " of %" PRIu32 " services are degraded", s.degraded, s.totals.services);
	find_peers(&f, h);
	c->exit = f.level;
	bytes_printf(&d->out, "GEMEL %s - %s%s%" PRIu32 " services, %" PRIu32 " of %" PRIu32 " members up | services=%" PRIu32 " failed=%" PRIu32
		     " degraded=%" PRIu32 " members=%" PRIu32 " up=%" PRIu32 " overrides=%" PRIu32 "\n", words[f.level], f.text,
		     *f.text ? "; " : "", s.totals.services, s.totals.members_up, s.totals.members, s.totals.services, s.failed, s.degraded,
		     s.totals.members, s.totals.members_up, s.totals.overrides);
	return CALL_ANSWER;
}

/* ---- status ---- */

static void show_pair(const struct ctl_host *h, struct doc *d)
{
	const struct pair *p = core_pair(h->core);
	if (!p) {
		doc_null(d, "pair");
		return;
	}
	doc_group(d, "pair");
	doc_text(d, "name", core_plan(h->core)->pair.name);
	doc_word(d, "self", pair_self_state_text(pair_self(p)), pair_self(p) == PAIR_NORMAL ? DOC_GOOD : DOC_UNSURE);
	doc_group_end(d);
}

static void show_network(const struct ctl_host *h, struct doc *d)
{
	struct core_network n;
	core_network_get(h->core, &n);
	doc_group(d, "network");
	doc_word(d, "state", core_network_text(n.state), n.state == CORE_NETWORK_OK ? DOC_GOOD : n.state == CORE_NETWORK_ISOLATED ? DOC_BAD : DOC_UNSURE);
	if (n.since_ms || d->form == DOC_JSON)
		doc_time(d, "since", n.since_ms ? view_wall_past(h, n.since_ms) : 0, h->wall_ms);
	if (n.canaries || d->form == DOC_JSON) {
		doc_uint(d, "canaries", n.canaries);
		doc_uint(d, "answering", n.canaries_up);
	}
	if (n.unwitnessed || d->form == DOC_JSON)
		doc_uint(d, "void", n.unwitnessed);
	doc_group_end(d);
}

static void show_probes(const struct ctl_host *h, const struct core_totals *t, struct doc *d)
{
	struct core_target_view first;
	uint32_t unknown = core_unknown(h->core, &first), disputed = core_disputed(h->core, &first);
	doc_group(d, "probes");
	doc_uint(d, "streams", t->streams);
	doc_uint(d, "running", t->in_flight);
	if (unknown || d->form == DOC_JSON)
		doc_uint(d, "unknown", unknown);
	if (disputed || d->form == DOC_JSON)
		doc_uint(d, "disputed", disputed);
	doc_group_end(d);
}

static void show_counts(const struct ctl_host *h, const struct view_summary *s, struct doc *d)
{
	const struct core_totals *t = &s->totals;
	doc_for(d, DOC_JSON);
	doc_group(d, "services");
	doc_uint(d, "total", t->services);
	doc_uint(d, "degraded", s->degraded);
	doc_uint(d, "failed", s->failed);
	doc_uint(d, "waiting", s->waiting);
	doc_group_end(d);
	doc_group(d, "members");
	doc_uint(d, "total", t->members);
	doc_uint(d, "up", t->members_up);
	doc_group_end(d);
	doc_for(d, DOC_PEOPLE);
	char text[128];
	snprintf(text, sizeof text, "%" PRIu32 " (%" PRIu32 " degraded, %" PRIu32 " failed, %" PRIu32 " waiting)", t->services, s->degraded,
		 s->failed, s->waiting);
	doc_word(d, "services", text, s->failed ? DOC_BAD : s->degraded || s->waiting ? DOC_UNSURE : DOC_GOOD);
	doc_printf(d, "members up", "%" PRIu32 " of %" PRIu32, t->members_up, t->members);
	doc_for(d, DOC_BOTH);
	doc_uint(d, "overrides", t->overrides);
	show_probes(h, t, d);
}

static void show_counters(const struct ctl_counters *n, struct doc *d)
{
	doc_uint(d, "responses", n->responses);
	doc_uint(d, "dropped", n->dropped);
	doc_uint(d, "truncated", n->truncated);
	doc_uint(d, "cold", n->cold);
	doc_uint(d, "edns", n->edns);
	doc_uint(d, "tcp", n->tcp);
	doc_uint(d, "rate_dropped", n->rate_dropped);
	doc_uint(d, "rate_slipped", n->rate_slipped);
	doc_for(d, DOC_JSON);
	doc_number(d, "qps", n->qps);
	doc_for(d, DOC_PEOPLE);
	doc_number(d, "a second", n->qps);
	doc_for(d, DOC_BOTH);
}

static void show_tcp(const struct ctl_counters *n, struct doc *d)
{
	doc_group(d, "tcp");
	doc_uint(d, "connections", n->tcp_open);
	doc_uint(d, "accepted", n->tcp_accepted);
	doc_uint(d, "evicted", n->tcp_evicted);
	doc_uint(d, "evicted_source", n->tcp_evicted_source);
	doc_group_end(d);
}

void show_all_queries(const struct ctl_counters *n, struct doc *d)
{
	doc_group(d, "queries");
	doc_uint(d, "total", n->queries);
	show_counters(n, d);
	doc_group_end(d);
	show_tcp(n, d);
}

static void show_queries(const struct ctl_counters *n, struct doc *d)
{
	if (d->form == DOC_JSON) {
		show_all_queries(n, d);
		return;
	}
	doc_group(d, "queries");
	doc_uint(d, "total", n->queries);
	doc_number(d, "a second", n->qps);
	if (n->rate_dropped || n->rate_slipped)
		doc_printf(d, "limited", "%" PRIu64 " dropped, %" PRIu64 " truncated", n->rate_dropped, n->rate_slipped);
	doc_group_end(d);
}

/* For people it is a picture, on the status page; these are what it is drawn from. */
static void show_latency(const struct latency *l, struct doc *d)
{
	if (d->form != DOC_JSON)
		return;
	doc_group(d, "latency_us");
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
		doc_uint(d, latency_bucket_texts[i], l ? l->count[i] : 0);
	doc_group_end(d);
}

static void show_twins(const struct ctl_host *h, struct doc *d)
{
	const struct pair *p = core_pair(h->core);
	if (!p && d->form == DOC_PEOPLE)
		return;
	doc_list(d, "peers");
	for (size_t i = 0; p && i < pair_peers(p); i++) {
		struct pair_peer_view v;
		pair_peer_get(p, i, &v, h->now_ms);
		doc_row(d);
		doc_text(d, "node", view_node_name(h, v.id));
		doc_word(d, "link", pair_link_state_text(v.link), show_link_tone(v.link));
		doc_time(d, "since", view_wall_past(h, v.since_ms), h->wall_ms);
		doc_row_end(d);
	}
	doc_list_end(d);
}

static void show_hook(const struct ctl_hook *k, struct doc *d)
{
	if (!k && d->form == DOC_PEOPLE)
		return;
	if (!k) {
		doc_null(d, "hook");
		return;
	}
	doc_group(d, "hook");
	doc_text(d, "program", k->program);
	doc_uint(d, "ran", k->ran);
	doc_uint(d, "failed", k->failed);
	doc_uint(d, "dropped", k->dropped);
	doc_for(d, DOC_JSON);
	doc_uint(d, "waiting", k->waiting);
	doc_bool(d, "running", k->running);
	doc_for(d, DOC_BOTH);
	doc_group_end(d);
}

static void show_processes(const struct ctl_host *h, struct doc *d)
{
	doc_list(d, "processes");
	for (size_t i = 0; i < h->child_count; i++) {
		const struct ctl_child *k = &h->children[i];
		doc_row(d);
		doc_text(d, "role", k->role);
		doc_uint(d, "pid", k->pid);
		doc_uint(d, "restarts", k->restarts);
		doc_time(d, "started", k->started_wall_ms, h->wall_ms);
		doc_text(d, "confined", k->confined);
		doc_row_end(d);
	}
	doc_list_end(d);
}

enum call_next show_status(struct call *c, const struct ctl_host *h, struct doc *d)
{
	struct view_summary s;
	if (c->option[OPTION_CHECK])
		return check(c, h, d);
	view_summary_get(h, &s);
	doc_text(d, "node", view_node(h)->name);
	doc_text(d, "version", PACKAGE_VERSION);
	doc_text(d, "file", core_plan(h->core)->file);
	doc_time(d, "started", h->started_wall_ms, h->wall_ms);
	doc_for(d, DOC_JSON);
	doc_ms(d, "uptime_ms", h->wall_ms > h->started_wall_ms ? h->wall_ms - h->started_wall_ms : 0);
	doc_for(d, DOC_BOTH);
	doc_uint(d, "generation", s.totals.generation);
	doc_bool(d, "ready", s.totals.round_done);
	doc_for(d, DOC_JSON);
	doc_bool(d, "journal_ok", !h->journal_failed);
	doc_for(d, DOC_PEOPLE);
	doc_word(d, "journal", h->journal_failed ? "cannot be written" : "ok", h->journal_failed ? DOC_BAD : DOC_GOOD);
	doc_for(d, DOC_BOTH);
	doc_for(d, DOC_JSON);
	doc_bool(d, "http_admin", core_plan(h->core)->admin.token_len > 0);
	doc_for(d, DOC_BOTH);
	show_pair(h, d);
	show_counts(h, &s, d);
	show_network(h, d);
	show_queries(h->counters, d);
	show_latency(h->latency, d);
	show_hook(h->hook, d);
	show_twins(h, d);
	show_processes(h, d);
	return CALL_ANSWER;
}
