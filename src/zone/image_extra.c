/* Additional data: which addresses travel with an answer. */
#include <string.h>
#include "zone/build.h"

#define NO_TARGET SIZE_MAX

/* The octets before the name for which records of this type want addresses (RFC 1035 3.3, RFC 2782, RFC 9460 4.1). */
static size_t target_lead(uint16_t type)
{
	switch (type) {
	case DNS_TYPE_NS:
		return 0;
	case DNS_TYPE_MX:
	case DNS_TYPE_SVCB:
	case DNS_TYPE_HTTPS:
		return 2;
	case DNS_TYPE_SRV:
		return 6;
	default:
		return NO_TARGET;
	}
}

bool build_has_targets(uint16_t type)
{
	return target_lead(type) != NO_TARGET;
}

/* NULL = none. */
static const uint8_t *rdata_target(uint16_t type, const struct zone_rdata *rd)
{
	const size_t lead = target_lead(type);

	return lead < rd->len && name_check(rd->wire + lead, rd->len - lead) > 0 ? rd->wire + lead : NULL;
}

/* The node of a target, which may be in any case. */
static struct zone_node *target_node(const struct zone *z, const uint8_t *target)
{
	uint8_t lower[NAME_WIRE_MAX];
	size_t len = name_len(target);

	memcpy(lower, target, len);
	name_lower(lower, len);
	return name_is_under(lower, z->apex) ? zone_find(z, lower) : NULL;
}

/* Adds A and AAAA of a node. What does not fit, or changes with health, stays out. */
static int add_addresses(struct build *w, enum image_section s, const struct zone_node *n, const uint8_t *owner)
{
	static const uint16_t types[] = { DNS_TYPE_A, DNS_TYPE_AAAA };
	const bool is_glue = n->flags & (ZONE_NODE_BELOW | ZONE_NODE_CUT); /* glue has no signatures */

	for (size_t i = 0; i < 2; i++) {
		const struct zone_rrset *r = zone_node_rrset(n, types[i]);
		if (!r || r->live || r->count == 0)
			continue;
		int e = is_glue ? compile_rrset(&w->b->c, s, owner, r, false) : build_rrset(w, s, owner, n, r, false);
		if (e == ERR_NOMEM)
			return e;
		if (e && s == IMAGE_GLUE)
			return e;
	}
	return 0;
}

struct targets {
	const struct zone_node *node[COMPILE_TARGETS_MAX];
	size_t count;
};

static void collect_targets(struct targets *t, const struct zone *z, const struct zone_rrset *r,
			    const struct zone_node *owner)
{
	t->count = 0;
	for (unsigned i = 0; i < r->count && t->count < COMPILE_TARGETS_MAX; i++) {
		const uint8_t *name = rdata_target(r->type, &r->rdata[i]);
		const struct zone_node *n = NULL;
		if (!name)
			continue;
		if (*name == 0 && (r->type == DNS_TYPE_SVCB || r->type == DNS_TYPE_HTTPS))
			n = load_u16(r->rdata[i].wire)
				    ? owner
				    : NULL; /* "." is the owner; in an alias nothing: RFC 9460 2.5 */
		else
			n = target_node(z, name);
		for (size_t k = 0; n && k < t->count; k++)
			if (t->node[k] == n)
				n = NULL;
		if (n)
			t->node[t->count++] = n;
	}
}

int build_additional(struct build *w, const struct zone_node *owner, const struct zone_rrset *r)
{
	struct targets t;

	collect_targets(&t, w->z, r, owner);
	for (size_t i = 0; i < t.count; i++) {
		const struct zone_node *n = t.node[i];
		bool self = n == owner;
		/* At a wildcard the owner is the question, and only "." means that. */
		if ((n->flags & (ZONE_NODE_BELOW | ZONE_NODE_CUT)) || (self && w->b->c.wildcard))
			continue;
		int e = add_addresses(w, IMAGE_ADDITIONAL, n, self ? NULL : n->name);
		if (e)
			return e;
	}
	return 0;
}

int build_glue(struct build *w, const struct zone_node *cut, const struct zone_rrset *ns)
{
	struct targets t;

	collect_targets(&t, w->z, ns, cut);
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < t.count; i++) {
			const struct zone_node *n = t.node[i];
			bool in_domain = name_is_under(n->name, cut->name);
			if (in_domain != (pass == 0))
				continue;
			int e = add_addresses(w, pass == 0 ? IMAGE_GLUE : IMAGE_ADDITIONAL, n,
					      n == cut ? NULL : n->name);
			if (e)
				return e;
		}
	}
	return 0;
}
