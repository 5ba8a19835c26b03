/* Where a member is probed, if not at its own address: at one that all nodes ask, or at one a node. See internal.h.
 *
 *     probe = "10.0.0.1:80"                                  a port is the check's
 *     probe = { ns1 = "10.0.0.1:80", ns2 = "10.1.0.1:80" }   a node that is not named probes the member's own address
 *
 * Whatever each node asks, it is one probe, whose verdicts are votes on one thing: its name is made from the whole table
 * (streams.c), which all nodes have in common.
 */
#include <string.h>

#include "conf/internal.h"

static bool probe_address(struct conf *c, const struct conf_value *v, struct addr *a)
{
	struct addr got;

	if (v->type == CONF_STRING && !addr_parse(&got, v->string.s, v->string.len, 0) && !addr_is_any(&got)) {
		*a = got;
		conf_fields_warn_port(c, v);
		return true;
	}
	conf_fields_fault(c, SCHEMA_MEMBER, MEMBER_PROBE, v);
	return false;
}

static const struct plan_node *node_called(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->node_count; i++)
		if (!strcmp(c->nodes[i].name, name))
			return &c->nodes[i];
	return NULL;
}

static void fault_node(struct conf *c, const struct conf_value *v, const char *name)
{
	const char *near = conf_near_name(c, CONF_NODE, name);

	conf_fault(c, v, "\"probe\" names \"%s\", which is no node; expected the name of a node%s%s%s", name,
		   near ? "; did you mean \"" : "", near ? near : "", near ? "\"" : "");
}

static void read_by_node(struct conf *c, const struct conf_value *v, struct conf_member *m)
{
	struct conf_probe *list = conf_alloc(c, v->table.field_count + 1, sizeof *list);

	if (!list)
		return;
	if (v->table.list_len || !v->table.field_count)
		conf_fault(c, v, "\"probe\" is a table %s; expected addresses by node name: { ns1 = \"10.0.0.1\", … }",
			   v->table.list_len ? "with addresses of no node" : "of nothing");
	for (uint32_t i = 0; i < v->table.field_count; i++) { /* ascending by name, on every node alike */
		const struct conf_value *item = &v->table.fields[i];
		struct conf_probe *p = &list[m->probe_count];

		p->node = item->key;
		if (!node_called(c, p->node))
			fault_node(c, item, p->node);
		else if (probe_address(c, item, &p->addr))
			m->probe_count++;
	}
	m->probe_by = list;
	for (uint16_t i = 0; c->self >= 0 && i < m->probe_count; i++)
		if (!strcmp(list[i].node, c->nodes[c->self].name))
			m->probe = list[i].addr;
}

void conf_probe_read(struct conf *c, const struct conf_value *v, struct conf_member *m)
{
	if (v && v->type == CONF_TABLE)
		read_by_node(c, v, m);
	else if (v)
		(void)probe_address(c, v, &m->probe);
}
