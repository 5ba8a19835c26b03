/* Which services a service needs, and that no chain of them comes back to where it began. See internal.h.
 *
 *     service "www.example.test" { needs = { "api.example.test", "db.example.test" }, … }     for every member
 *     tiers = { { { "192.0.2.1", needs = "db-ams.example.test" } } }                          for this one
 */
#include <stdio.h>
#include <string.h>

#include "conf/internal.h"
#include "dns/name.h"

/* ---- names → services ---- */

static struct conf_service *find_service(const struct conf *c, const char *name)
{
	uint8_t wire[NAME_WIRE_MAX];
	int len = name_parse(wire, name, strlen(name), NULL, true);

	return len < 0 ? NULL : table_find(&c->service_by_owner, wire, (size_t)len);
}

static bool is_there(const struct conf_needs *n, const struct conf_service *s)
{
	for (uint8_t i = 0; i < n->count; i++)
		if (n->list[i] == s)
			return true;
	return false;
}

static void add_need(struct conf *c, const struct conf_service *s, enum schema_block b, int key,
		     const struct conf_value *v, struct conf_needs *out)
{
	struct conf_service *needed;
	const char *near;

	if (v->type == CONF_TOLD)
		return;
	if (v->type != CONF_STRING) {
		conf_fields_fault(c, b, key, v);
		return;
	}
	needed = find_service(c, v->string.s);
	if (needed == s) {
		conf_fault(c, v, "service \"%s\" needs itself; expected another service", s->name);
	} else if (!needed) {
		near = conf_near_name(c, CONF_SERVICE, v->string.s);
		conf_fault(c, v, "\"needs\" names \"%s\", which is no service; expected the name of a service%s%s%s",
			   v->string.s, near ? "; did you mean \"" : "", near ? near : "", near ? "\"" : "");
	} else if (is_there(out, needed)) {
		conf_fault(c, v, "\"needs\" names \"%s\" twice; expected each service once", v->string.s);
	} else {
		out->list[out->count++] = needed;
	}
}

static void read_needs(struct conf *c, const struct conf_service *s, enum schema_block b, int key,
		       const struct conf_value *v, struct conf_needs *out)
{
	bool list = v->type == CONF_TABLE;

	if (list && (v->table.field_count || !v->table.list_len || v->table.list_len > PLAN_NEEDS_MAX)) {
		conf_fault(c, v, "\"needs\" is a table with %u services%s; expected a list of 1 to %d names",
			   v->table.list_len, v->table.field_count ? " and names" : "", PLAN_NEEDS_MAX);
		return;
	}
	out->list = conf_alloc(c, list ? v->table.list_len : 1, sizeof *out->list);
	for (uint32_t i = 0; out->list && i < (list ? v->table.list_len : 1); i++)
		add_need(c, s, b, key, list ? &v->table.list[i] : v, out);
}

static void read_service(struct conf *c, struct conf_service *s)
{
	const struct conf_value *v = s->keys.v[SERVICE_NEEDS];

	if (v)
		read_needs(c, s, SCHEMA_SERVICE, SERVICE_NEEDS, v, &s->needs);
	for (uint16_t i = 0; i < s->member_count && !c->failed; i++) {
		struct conf_member *m = &s->members[i];

		if (!m->needs_at)
			continue;
		if (i && m[-1].needs_at == m->needs_at) /* addresses of one host */
			m->needs = m[-1].needs;
		else
			read_needs(c, s, SCHEMA_MEMBER, MEMBER_NEEDS, m->needs_at, &m->needs);
	}
}

/* ---- circles ---- */

enum { VISIT_NEW = 0, VISIT_OPEN, VISIT_DONE };
struct walk {
	struct conf *c;
	struct conf_service *way[PLAN_NEEDS_DEPTH + 1]; /* from where it began to here */
	unsigned depth;
	bool told; /* one fault a chain: all that is behind it would say the same */
};

/* Where s says that it needs the other. */
static const struct conf_value *place_of(const struct conf_service *s, const struct conf_service *other)
{
	for (uint16_t i = 0; i < s->member_count; i++)
		if (is_there(&s->members[i].needs, other))
			return s->members[i].needs_at;
	return is_there(&s->needs, other) ? s->keys.v[SERVICE_NEEDS] : &s->block->table;
}

static void tell_circle(struct walk *w, const struct conf_service *again)
{
	char text[1024];
	size_t n = 0;
	unsigned from = 0;

	while (w->way[from] != again)
		from++;
	for (unsigned i = from; i < w->depth && n < sizeof text - 1; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s → ", w->way[i]->name);
	conf_fault(w->c, place_of(again, w->way[from + 1 < w->depth ? from + 1 : from]), "services need one another in a circle: %s%s; expected a chain that ends",
		   text, n < sizeof text - 1 ? again->name : "…");
	w->told = true;
}

static void visit(struct walk *w, struct conf_service *s);

static void visit_all(struct walk *w, struct conf_service *s, const struct conf_needs *n)
{
	for (uint8_t i = 0; i < n->count && !w->told; i++) {
		visit(w, n->list[i]);
		if (n->list[i]->rank >= s->rank)
			s->rank = (uint8_t)(n->list[i]->rank + 1);
	}
}

static void tell_long(struct walk *w, const struct conf_service *s)
{
	conf_fault(w->c, &s->block->table, "a chain of more than %d services that need one another, from \"%s\" on; expected a shorter one",
		   PLAN_NEEDS_DEPTH, s->name);
	w->told = true;
}

/* As deep as a chain may be long. */
static void visit(struct walk *w, struct conf_service *s)
{
	if (s->visited == VISIT_DONE)
		return;
	if (s->visited == VISIT_OPEN) {
		tell_circle(w, s);
		return;
	}
	if (w->depth == PLAN_NEEDS_DEPTH) {
		tell_long(w, w->way[0]);
		return;
	}
	s->visited = VISIT_OPEN;
	w->way[w->depth++] = s;
	visit_all(w, s, &s->needs);
	for (uint16_t i = 0; i < s->member_count && !w->told; i++)
		visit_all(w, s, &s->members[i].needs);
	w->depth--;
	s->visited = VISIT_DONE;
	if (s->rank >= PLAN_NEEDS_DEPTH && !w->told)
		tell_long(w, s);
}

void conf_build_needs(struct conf *c)
{
	for (size_t i = 0; i < c->service_count && !c->failed; i++)
		read_service(c, &c->services[i]);
	for (size_t i = 0; i < c->service_count && !c->failed; i++) {
		struct walk w = {.c = c};

		visit(&w, &c->services[i]);
	}
}
