/* Hosts, and the members that tiers name: addresses, hosts, sites, tables. See internal.h.
 *
 *     "192.0.2.10"   "ams1"   "site:ams"   { "192.0.2.10", weight = 3, probe = "10.0.0.10:8443", drain = true }
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "conf/internal.h"

#define HOST_ADDRS_MAX 256

/* ---- hosts ---- */

static bool host_address(struct conf *c, const struct conf_block *b, const struct conf_value *v, struct conf_host *h)
{
	char text[CONF_VALUE_TEXT_MAX];
	struct addr a;

	if (v->type == CONF_TOLD)
		return false;
	if (v->type != CONF_STRING || addr_parse(&a, v->string.s, v->string.len, 0) || a.port || addr_is_any(&a)) {
		conf_fault(c, v, "host \"%s\" has %s; expected an address without a port", b->name,
			   conf_value_text(v, text));
		return false;
	}
	for (size_t i = 0; i < h->count; i++)
		if (addr_equal(&h->addrs[i], &a)) {
			conf_fault(c, v, "host \"%s\" has %s twice; expected each address once", b->name, v->string.s);
			return false;
		}
	h->addrs[h->count++] = a;
	return true;
}

static void build_host(struct conf *c, const struct conf_block *b)
{
	struct conf_host *h = conf_alloc(c, 1, sizeof *h);
	const struct conf_value *t = &b->table;
	uint32_t n = t->type == CONF_TABLE ? t->table.list_len : 0;
	struct fields f;
	struct addr as_name;

	if (!h)
		return;
	conf_fields_check(c, SCHEMA_HOST, t, true, &f);
	if (t->type == CONF_TABLE && (!n || n > HOST_ADDRS_MAX))
		conf_fault(c, t, "host \"%s\" has %u addresses; expected 1 to %d: { \"192.0.2.1\", … }", b->name, n,
			   HOST_ADDRS_MAX);
	if (!addr_parse(&as_name, b->name, strlen(b->name), 0) || strchr(b->name, '/') || strchr(b->name, '*') ||
	    !strncmp(b->name, "site:", 5))
		conf_fault(c, t,
			   "host \"%s\" would be taken for something else; expected a name that is no address, glob or "
			   "\"site:…\"", b->name);
	h->name = b->name;
	h->site = conf_fields_string(&f, HOST_SITE);
	h->addrs = n <= HOST_ADDRS_MAX ? conf_alloc(c, n + 1, sizeof *h->addrs) : NULL;
	for (uint32_t i = 0; h->addrs && i < n; i++)
		host_address(c, b, &t->table.list[i], h);
	conf_name_add(c, b, h);
}

void conf_build_hosts(struct conf *c)
{
	for (size_t i = 0; i < c->kinds[CONF_HOST].count && !c->failed; i++)
		build_host(c, c->kinds[CONF_HOST].list[i]);
}

static struct conf_host *find_host(const struct conf *c, const char *name)
{
	return table_find(&c->kinds[CONF_HOST].by_name, name, strlen(name));
}

/* ---- members ---- */

void conf_members_push(struct conf *c, struct conf_members *out, const struct conf_member *m)
{
	struct conf_member *more;
	size_t cap = out->cap ? out->cap * 2 : 8;

	if (out->count == out->cap) {
		more = realloc(out->list, cap * sizeof *more);
		if (!more) {
			c->failed = true;
			return;
		}
		out->list = more;
		out->cap = cap;
	}
	out->list[out->count++] = *m;
}

static void add_host(struct conf *c, struct conf_members *out, const struct conf_host *h,
		     const struct conf_member *like)
{
	struct conf_member m = *like;

	m.host = h->name;
	m.site = h->site;
	for (size_t i = 0; i < h->count && out->count <= POLICY_MEMBERS_MAX; i++) {
		m.addr = h->addrs[i];
		conf_members_push(c, out, &m);
	}
}

static void add_site(struct conf *c, struct conf_members *out, const struct conf_value *v, const char *site,
		     const struct conf_member *like)
{
	const struct conf_blocks *k = &c->kinds[CONF_HOST];
	bool any = false;

	for (size_t i = 0; i < k->count; i++) {
		const struct conf_host *h = find_host(c, k->list[i]->name);

		if (!h || !h->site || strcmp(h->site, site))
			continue;
		any = true;
		add_host(c, out, h, like);
	}
	if (!any)
		conf_fault(c, v, "no host has site \"%s\"; expected a host with site = \"%s\"", site, site);
}

static void fault_name(struct conf *c, const struct conf_value *v)
{
	const char *near = conf_near_name(c, CONF_HOST, v->string.s);

	conf_fault(c, v,
		   "\"%s\" is neither an address nor a host; expected an address, a host's name or site:NAME%s%s%s",
		   v->string.s,
		   near ? "; did you mean \"" : "", near ? near : "", near ? "\"" : "");
}

static void add_named(struct conf *c, struct conf_members *out, const struct conf_value *v,
		      const struct conf_member *like)
{
	struct conf_member m = *like;
	const struct conf_host *h = find_host(c, v->string.s);

	if (h) {
		add_host(c, out, h, like);
	} else if (!strncmp(v->string.s, "site:", 5)) {
		add_site(c, out, v, v->string.s + 5, like);
	} else if (addr_parse(&m.addr, v->string.s, v->string.len, 0)) {
		fault_name(c, v);
	} else if (m.addr.port || addr_is_any(&m.addr)) {
		conf_fault(c, v,
			   "member %s %s; expected an address to answer with (probe = \"ADDRESS:PORT\" says where to "
			   "probe)", v->string.s,
			   m.addr.port ? "has a port" : "is a wildcard");
	} else {
		conf_members_push(c, out, &m);
	}
}

static void add_table(struct conf *c, struct conf_members *out, const struct conf_value *v, struct conf_member *m)
{
	struct fields f;

	conf_fields_check(c, SCHEMA_MEMBER, v, true, &f);
	if (v->table.list_len != 1 || v->table.list[0].type != CONF_STRING) {
		if (!v->table.list_len || v->table.list[0].type != CONF_TOLD)
			conf_fault(c, v,
				   "a member that is a table with %u addresses; expected one: { \"192.0.2.10\", weight "
				   "= 3 }", v->table.list_len);
		return;
	}
	m->weight = (uint16_t)conf_fields_integer(&f, MEMBER_WEIGHT);
	m->weight_at = f.v[MEMBER_WEIGHT];
	m->capacity_at = f.v[MEMBER_CAPACITY];
	m->capacity = m->capacity_at ? (uint32_t)conf_fields_integer(&f, MEMBER_CAPACITY) : 0;
	m->drain = conf_fields_boolean(&f, MEMBER_DRAIN);
	m->needs_at = f.v[MEMBER_NEEDS];
	conf_probe_read(c, f.v[MEMBER_PROBE], m);
	add_named(c, out, &v->table.list[0], m);
}

void conf_member_add(struct conf *c, struct conf_members *out, const struct conf_value *v, uint8_t tier)
{
	struct conf_member m = {.tier = tier, .weight = 1, .at = v};
	char text[CONF_VALUE_TEXT_MAX];

	if (v->type == CONF_STRING)
		add_named(c, out, v, &m);
	else if (v->type == CONF_TABLE)
		add_table(c, out, v, &m);
	else if (v->type != CONF_TOLD)
		conf_fault(c, v, "a member is %s; expected an address, a host's name, site:NAME or a table",
			   conf_value_text(v, text));
}
