/* Status over DNS, class CH.  Names:
 *
 *     id.server  hostname.bind             who answers: anybody may ask
 *     version.server  version.bind         what runs here: status_from only
 *     status.gemel                         a record a fact: "node=ns1"; the twin's: "twin=ns2" "link=active" "since=…Z"
 *     services.gemel                       a record a service: "service=…" "state=ok" "up=2" "members=3" "answering=2" "a=tier 1"
 *     notup.gemel                          members that are not up: "service=…", then as below
 *     NAME.service.gemel                   a record a member: "address=192.0.2.1" "tier=1" "state=down" "since=…Z" "reason=…" "took-ms=0.3"
 *                                          "held=yes" "seen-by=ns1:down,ns2:down" "forced=down" "by=root" "until=…Z" "why=…"
 *     explain.NAME.service.gemel           why the service is answered as it is: a record a sentence (explain.h)
 *
 * Gemel is the authority of what is under gemel. and of the four names; everything else in class CH is REFUSED. Status goes to
 * status_from only (loopback by default), and over UDP from elsewhere than loopback as TC=1: TCP proves the source.
 * Where even TCP cannot hold all, the last record says "more=yes".
 */
#include "config.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "ctl/ctl.h"
#include "ctl/explain.h"
#include "ctl/txt.h"
#include "ctl/view.h"
#include "dns/query.h"

#define MORE_ROOM 64 /* kept for that record */

struct ask {
	const struct ctl_host *h;
	const struct query *q;
	struct txt_reply *r;
	size_t reserve;
	bool over; /* does not fit */
};

/* ---- names ---- */

static const uint8_t gemel[] = "\5gemel", service_gemel[] = "\7service\5gemel";

/* Labels stand lower-case in q->name; suffix is a C string, its NUL the root. */
static bool is_name(const struct query *q, const uint8_t *name)
{
	return strcmp((const char *)q->name, (const char *)name) == 0 && q->name_len == strlen((const char *)name) + 1;
}

static bool is_below(const struct query *q, const uint8_t *parent, unsigned parent_labels)
{
	return q->labels > parent_labels && name_equal(q->name + q->label_at[q->labels - parent_labels], parent);
}

/* ---- content ---- */

static void add(struct ask *a, const struct txt *t)
{
	if (!a->over && !txt_reply_add(a->r, t, a->reserve))
		a->over = true;
}

static void add_fact(struct ask *a, const char *key, const char *value)
{
	struct txt t;
	txt_init(&t);
	txt_put(&t, key, value);
	add(a, &t);
}

static void add_count(struct ask *a, const char *key, uint64_t v)
{
	char text[32];
	snprintf(text, sizeof text, "%" PRIu64, v);
	add_fact(a, key, text);
}

static void put_time(struct txt *t, const char *key, uint64_t wall_ms)
{
	char text[32];
	if (wall_ms)
		txt_put(t, key, text_format_utc(wall_ms, text));
}

static void add_twin(struct ask *a, const struct pair *p, size_t i)
{
	struct pair_peer_view v;
	struct txt t;
	pair_peer_get(p, i, &v, a->h->now_ms);
	const char *name = view_node_name(a->h, v.id);
	txt_init(&t);
	txt_put(&t, "twin", name ? name : "?");
	txt_put(&t, "link", pair_link_state_text(v.link));
	put_time(&t, "since", view_wall_past(a->h, v.since_ms));
	if (v.heard_ms) {
		put_time(&t, "heard", view_wall_past(a->h, v.heard_ms));
		txt_put(&t, "state", pair_self_state_text(v.self));
		txt_put(&t, "same-config", v.config_digest == core_plan(a->h->core)->digest ? "yes" : "no");
	}
	add(a, &t);
}

static void add_status(struct ask *a)
{
	const struct pair *p = core_pair(a->h->core);
	char text[32];
	struct view_summary s;
	struct core_network network;
	view_summary_get(a->h, &s);
	add_fact(a, "node", view_node(a->h)->name);
	add_fact(a, "version", PACKAGE_VERSION);
	add_fact(a, "time", text_format_utc(a->h->wall_ms, text));
	add_fact(a, "started", text_format_utc(a->h->started_wall_ms, text));
	add_count(a, "generation", s.totals.generation);
	add_fact(a, "ready", s.totals.round_done ? "yes" : "no");
	add_fact(a, "journal", a->h->journal_failed ? "failed" : "ok");
	if (p) {
		add_fact(a, "pair", core_plan(a->h->core)->pair.name);
		add_fact(a, "state", pair_self_state_text(pair_self(p)));
	}
	for (size_t i = 0; p && i < pair_peers(p); i++)
		add_twin(a, p, i);
	core_network_get(a->h->core, &network);
	add_fact(a, "network", core_network_text(network.state));
	add_count(a, "services", s.totals.services);
	add_count(a, "degraded", s.degraded);
	add_count(a, "failed", s.failed);
	add_count(a, "waiting", s.waiting);
	add_count(a, "members", s.totals.members);
	add_count(a, "members-up", s.totals.members_up);
	add_count(a, "overrides", s.totals.overrides);
}

static void add_services(struct ask *a)
{
	char text[VIEW_RULE_MAX];
	for (size_t i = 0; i < core_services(a->h->core) && !a->over; i++) {
		struct core_service_view v;
		struct txt t;
		core_service_get(a->h->core, i, &v);
		txt_init(&t);
		txt_put(&t, "service", v.conf->name);
		txt_put(&t, "state", view_health_text(view_service_health(&v)));
		txt_printf(&t, "up", "%u", v.members_up);
		txt_printf(&t, "members", "%u", v.members);
		txt_printf(&t, "answering", "%u", v.answering);
		if (view_rule(&v, 0, text))
			txt_put(&t, "a", text);
		if (view_rule(&v, 1, text))
			txt_put(&t, "aaaa", text);
		add(a, &t);
	}
}

static void put_force(const struct ctl_host *h, struct txt *t, const struct core_member_view *m)
{
	const char *force = view_force_text(m->force);
	if (m->conf->drain)
		txt_put(t, "drain", "yes");
	if (m->held_back)
		txt_put(t, "held-back", m->held_back);
	if (!force)
		return;
	txt_put(t, "forced", force);
	if (m->forced_by)
		txt_put(t, "by", m->forced_by);
	put_time(t, "until", view_wall_future(h, m->forced_until_ms));
	if (m->forced_reason && *m->forced_reason)
		txt_put(t, "why", m->forced_reason);
}

static void put_member(const struct ctl_host *h, struct txt *t, const struct policy_service *p, const struct core_member_view *m)
{
	char text[VIEW_REASON_MAX];
	const char *twin = view_twin_name(h);
	txt_put(t, "address", addr_format(&m->conf->addr, true, text));
	txt_printf(t, "tier", "%u", m->conf->tier + 1u);
	if (m->host)
		txt_put(t, "host", m->host);
	txt_put(t, "state", health_verdict_text(m->state));
	put_time(t, "since", view_wall_past(h, m->changed_ms));
	txt_put(t, "answering", m->answering ? "yes" : "no");
	if (m->held)
		txt_put(t, "held", "yes");
	if (policy_weighs(p)) /* else neither changes an answer */
		txt_printf(t, "weight", "%u", m->conf->weight);
	if ((policy_weighs(p) || p->load) && *view_member_share(m, text))
		txt_put(t, "share", text);
	if (m->stream) {
		if (m->recovered)
			txt_put(t, "recovered", "yes");
		if (m->flapping != HEALTH_STEADY)
			txt_put(t, "flap", health_flapping_text(m->flapping));
		if (*view_reason(&m->last, text)) {
			txt_put(t, "reason", view_member_reason(m, text));
			txt_printf(t, "took-ms", "%u.%u", m->last.took_us / 1000, m->last.took_us / 100 % 10);
		}
		txt_printf(t, "seen-by", "%s:%s%s%s%s%s", view_node(h)->name, view_vote_text(m->own), twin ? "," : "", twin ? twin : "",
			   twin ? ":" : "", twin ? view_vote_text(m->twin) : "");
	}
	if (m->missing)
		txt_put(t, "needs", m->missing);
	put_force(h, t, m);
}

static void add_members(struct ask *a, size_t service, bool named_not_up)
{
	struct core_service_view v;
	core_service_get(a->h->core, service, &v);
	for (uint16_t i = 0; i < v.members && !a->over; i++) {
		struct core_member_view m;
		struct txt t;
		core_member_get(a->h->core, service, i, &m, a->h->now_ms);
		if (named_not_up && !view_member_not_up(&m))
			continue;
		txt_init(&t);
		if (named_not_up)
			txt_put(&t, "service", v.conf->name);
		put_member(a->h, &t, &v.conf->policy, &m);
		add(a, &t);
	}
}

static void add_not_up(struct ask *a)
{
	for (size_t i = 0; i < core_services(a->h->core) && !a->over; i++)
		add_members(a, i, true);
}

/* ---- NAME.service.gemel ---- */

/* The name before ".service.gemel"; skip: labels of ours at its front. */
static const char *service_name(const struct ask *a, unsigned skip, char text[NAME_TEXT_MAX])
{
	uint8_t wire[NAME_WIRE_MAX];
	const struct query *q = a->q;
	size_t from = q->label_at[skip], len = q->label_at[q->labels - 2] - from;
	memcpy(wire, q->name + from, len);
	wire[len] = 0;
	return name_format(wire, text);
}

static bool add_sentence(void *ctx, enum explain_about about, const char *sentence)
{
	struct ask *a = ctx;
	struct txt t;
	(void)about;
	txt_init(&t);
	txt_plain(&t, sentence);
	add(a, &t);
	return !a->over;
}

static bool is_explain(const struct query *q)
{
	return q->labels > 3 && memcmp(q->name, "\7explain", 8) == 0;
}

/* As gemelctl explain does it: a name below a wildcard service is answered by that. */
static uint16_t answer_explain(struct ask *a, bool content)
{
	char name[NAME_TEXT_MAX];
	int service = core_service_find(a->h->core, service_name(a, 1, name));
	if (service < 0)
		service = explain_find(a->h->core, name);
	if (service < 0)
		return DNS_RCODE_NXDOMAIN;
	if (content)
		explain_run(&(struct explain){ .h = a->h, .service = (size_t)service, .say = add_sentence, .ctx = a });
	return DNS_RCODE_NOERROR;
}

static uint16_t answer_service(struct ask *a, bool content)
{
	char name[NAME_TEXT_MAX];
	int service = core_service_find(a->h->core, service_name(a, 0, name));
	if (service >= 0) {
		if (content)
			add_members(a, (size_t)service, false);
		return DNS_RCODE_NOERROR;
	}
	return is_explain(a->q) ? answer_explain(a, content) : DNS_RCODE_NXDOMAIN;
}

/* ---- which name ---- */

typedef void (*fill)(struct ask *a);
static void add_node(struct ask *a)
{
	struct txt t;
	txt_init(&t);
	txt_plain(&t, view_node(a->h)->name);
	add(a, &t);
}
static void add_version(struct ask *a)
{
	struct txt t;
	txt_init(&t);
	txt_plain(&t, "Gemel " PACKAGE_VERSION);
	add(a, &t);
}

static const struct fixed { uint8_t name[20]; bool open; fill fill; } fixed[] = {
	{ "\2id\6server", true, add_node },        { "\10hostname\4bind", true, add_node },
	{ "\7version\6server", false, add_version }, { "\7version\4bind", false, add_version },
	{ "\6status\5gemel", false, add_status },  { "\10services\5gemel", false, add_services },
	{ "\5notup\5gemel", false, add_not_up },
};

static const struct fixed *find_fixed(const struct query *q)
{
	for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
		if (is_name(q, fixed[i].name))
			return &fixed[i];
	return NULL;
}

static bool may_ask(const struct ctl_host *h, const struct addr *from)
{
	const struct plan_node *n = view_node(h);
	for (uint16_t i = 0; i < n->status_from_count; i++)
		if (addr_block_has(&n->status_from[i], from))
			return true;
	return n->status_from_count == 0 && addr_is_loopback(from);
}

static uint16_t answer_below_gemel(struct ask *a, bool content)
{
	if (is_name(a->q, gemel) || is_name(a->q, service_gemel))
		return DNS_RCODE_NOERROR; /* empty, but something is below (RFC 8020) */
	return is_below(a->q, service_gemel, 2) ? answer_service(a, content) : DNS_RCODE_NXDOMAIN;
}

static void answer(struct ask *a, bool udp, const struct addr *from)
{
	const struct query *q = a->q;
	const struct fixed *f = find_fixed(q);
	bool content = q->qtype == DNS_TYPE_TXT || q->qtype == DNS_TYPE_ANY;
	bool ours = f || is_name(q, gemel) || is_below(q, gemel, 1), open = f && f->open;
	if (q->qclass != DNS_CLASS_CH || !ours || (!open && !may_ask(a->h, from))) {
		a->r->rcode = DNS_RCODE_REFUSED;
		return;
	}
	a->r->aa = true;
	if (udp && !open && !addr_is_loopback(from)) {
		a->r->tc = true;
		return;
	}
	if (!f)
		a->r->rcode = answer_below_gemel(a, content);
	else if (content)
		f->fill(a);
	if (!a->over)
		return;
	if (udp) {
		txt_reply_clear(a->r);
		a->r->tc = true;
		return;
	}
	struct txt t;
	txt_init(&t);
	txt_put(&t, "more", "yes");
	txt_reply_add(a->r, &t, 0);
}

/* What fits: RFC 1035 4.2.1 and RFC 6891 6.2.5 over UDP, never more than we ever send. */
static size_t room(const struct plan *p, const struct query *q, bool udp, size_t cap)
{
	size_t most = !udp ? DNS_MESSAGE_MAX : !q->has_edns ? DNS_UDP_PLAIN_MAX : q->edns_size;
	if (udp && most > p->limits.udp_edns_max && p->limits.udp_edns_max >= DNS_UDP_PLAIN_MAX)
		most = p->limits.udp_edns_max;
	return most < cap ? most : cap;
}

size_t ctl_dns_answer(const struct ctl_host *h, const struct ctl_dns_from *from, const uint8_t *query, size_t len, uint8_t *out, size_t cap)
{
	static const struct hash_key unused = { { 0, 0 } };
	const struct plan *p = core_plan(h->core);
	struct query q;
	struct txt_reply r;
	enum query_verdict v = query_parse(&q, query, len, &unused);
	if (v == QUERY_DROP)
		return 0;
	txt_reply_init(&r, &q, out, room(p, &q, from->udp, cap), p->limits.udp_edns_max);
	if (q.options & QUERY_OPTION_NSID)
		r.nsid = view_node(h)->nsid;
	r.cookie = from->cookie;
	r.cookie_len = from->cookie_len;
	if (v != QUERY_OK || q.opcode != DNS_OPCODE_QUERY)
		r.rcode = v == QUERY_ERROR ? q.rcode : v == QUERY_COOKIE ? DNS_RCODE_FORMERR : DNS_RCODE_NOTIMP;
	else
		answer(&(struct ask){ .h = h, .q = &q, .r = &r, .reserve = from->udp ? 0 : MORE_ROOM }, from->udp, from->addr);
	return txt_reply_end(&r);
}
