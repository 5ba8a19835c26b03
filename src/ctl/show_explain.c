/* `explain NAME [--client ADDR]`: for people a sentence a line, as explain.h shows them; what is no service is told as far as it is
 * known here.
 *
 * explain    {"name":"x.example.test","service":"*.example.test","file":"gemel.lua","line":21,"client":"198.51.100.7","ready":true,
 *             "a":{"rule":"tier","tier":2,"ttl_s":10},"aaaa":null,        aaaa: no member of that family
 *             "sentences":[{"about":"service","text":"…"},{"about":"a","text":"A: tier 2 answers: …"},{"about":"member","text":"…"}]}
 */
#include <string.h>
#include "ctl/explain.h"
#include "ctl/verbs.h"
#include "ctl/view.h"

static bool say(void *ctx, enum explain_about about, const char *sentence)
{
	struct doc *d = ctx;
	doc_line(d, sentence);
	doc_for(d, DOC_JSON);
	doc_row(d);
	doc_text(d, "about", explain_about_text(about));
	doc_text(d, "text", sentence);
	doc_row_end(d);
	doc_for(d, DOC_BOTH);
	return true;
}

static void show_family_json(const struct core_service_view *v, unsigned f, struct doc *d)
{
	static const char *const keys[2] = { "a", "aaaa" };
	if (v->rule[f] == POLICY_RULE_ABSENT || v->rule[f] == POLICY_RULE_NONE) {
		doc_null(d, keys[f]);
		return;
	}
	doc_group(d, keys[f]);
	doc_text(d, "rule", policy_rule_text(v->rule[f]));
	if (v->tier[f] >= 0)
		doc_int(d, "tier", v->tier[f] + 1);
	else
		doc_null(d, "tier");
	doc_s(d, "ttl_s", v->ttl_s[f]);
	doc_group_end(d);
}

static void show_facts(const struct ctl_host *h, const char *name, size_t service, const struct addr *client, struct doc *d)
{
	struct core_service_view v;
	char text[ADDR_TEXT_MAX];
	core_service_get(h->core, service, &v);
	doc_for(d, DOC_JSON);
	doc_text(d, "name", name);
	doc_text(d, "service", v.conf->name);
	doc_text(d, "file", v.conf->file);
	doc_uint(d, "line", v.conf->line);
	doc_text(d, "client", client ? addr_format(client, false, text) : NULL);
	doc_bool(d, "ready", v.ready);
	show_family_json(&v, 0, d);
	show_family_json(&v, 1, d);
	doc_for(d, DOC_BOTH);
}

/* ---- names that are no service ---- */

/* An address is told by the services it is a member of; false: of none. */
static bool find_members(const struct ctl_host *h, const struct addr *a, struct explain_line *l)
{
	const struct plan *p = core_plan(h->core);
	unsigned found = 0;
	for (uint32_t v = 0; v < p->service_count; v++) {
		const struct policy_service *s = &p->services[v].policy;
		for (uint16_t i = 0; i < s->member_count; i++) {
			if (!addr_same_ip(&s->members[i].addr, a))
				continue;
			explain_add(l, "%s%s", found++ ? ", " : "", p->services[v].name);
			break;
		}
	}
	return found > 0;
}

/* How to ask this node: "dig @127.0.0.1 -p 5301"; false where it listens nowhere. */
static bool say_dig(const struct ctl_host *h, struct explain_line *l)
{
	const struct plan *p = core_plan(h->core);
	const struct plan_node *n = &p->nodes[p->self];
	char text[ADDR_TEXT_MAX];
	struct addr a;
	if (!n->listen_count)
		return false;
	a = n->listen[0];
	if (addr_is_any(&a)) { /* who reads this is on the same machine */
		a = (struct addr){ .family = a.family, .port = a.port };
		memcpy(a.ip, a.family == 4 ? (const uint8_t[16]){ 127, 0, 0, 1 } : (const uint8_t[16]){ [15] = 1 }, sizeof a.ip);
	}
	explain_add(l, "dig @%s -p %u", addr_format(&a, false, text), a.port);
	return true;
}

/* The coordinator has no zones: of any other name it knows that no service answers it, how to see who does (static records, a
 * delegation, nobody), and which one was probably meant. */
static enum call_next fail_name(struct call *c, const struct ctl_host *h)
{
	const char *name = c->words[0], *near = view_service_near(core_plan(h->core), name);
	struct explain_line l = { .len = 0 }, dig = { .len = 0 };
	struct addr a;
	if (addr_parse(&a, name, strlen(name), 0) == 0 && find_members(h, &a, &l))
		return call_fail(c, CALL_EXIT_FAILED, "\"%.64s\" is an address, not a name; it is a member of %s", name, l.text);
	const bool can_ask = say_dig(h, &dig);
	return call_fail(c, CALL_EXIT_FAILED, "\"%.200s\" is no service: what its zone says of it, if any does, is the answer%s%s%s%s%.200s%s",
			 name, can_ask ? " (" : "", dig.len ? dig.text : "", can_ask ? " shows it)" : "", near ? "; did you mean \"" : "", near ? near : "", near ? "\"" : "");
}

enum call_next show_explain(struct call *c, const struct ctl_host *h, struct doc *d)
{
	const char *name = c->words[0], *from = c->option[OPTION_CLIENT];
	int at = core_service_find(h->core, name);
	struct explain_line through = { .len = 0 };
	struct addr client;
	if (from && (addr_parse(&client, from, strlen(from), 0) < 0 || client.port != 0))
		return call_fail(c, CALL_EXIT_USAGE, "--client \"%.64s\" is no address", from);
	if (at < 0 && (at = explain_find(h->core, name)) >= 0)
		explain_add(&through, "%.80s is no service: where its zone has nothing nearer, it is answered by %.80s", name,
			    core_plan(h->core)->services[at].name);
	if (at < 0)
		return fail_name(c, h);
	show_facts(h, name, (size_t)at, from ? &client : NULL, d);
	doc_for(d, DOC_JSON);
	doc_list(d, "sentences");
	doc_for(d, DOC_BOTH);
	if (through.len)
		say(d, EXPLAIN_SERVICE, through.text);
	explain_run(&(struct explain){ .h = h, .service = (size_t)at, .client = from ? &client : NULL, .say = say, .ctx = d });
	doc_for(d, DOC_JSON);
	doc_list_end(d);
	doc_for(d, DOC_BOTH);
	return CALL_ANSWER;
}
