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

struct target {
	const struct zone_node *node; /* whose addresses it has */
	const uint8_t *owner;         /* the name they travel under */
	int record;                   /* the first whose rdata has that name; -1 = it is the owner's */
};

/* The "*" that stands for a name that is not there, given in lower case (RFC 4592 2.2.1); NULL where there is none. */
static const struct zone_node *wildcard_for(const struct zone *z, const uint8_t *name)
{
	uint8_t wild[NAME_WIRE_MAX + 2] = { 1, '*' };
	const struct zone_node *encloser = NULL;

	while (!encloser && name_len(name) > z->apex_len) {
		name += name[0] + 1u;
		encloser = zone_find(z, name);
	}
	if (!encloser || !(encloser->flags & ZONE_NODE_WILD_BELOW))
		return NULL;
	memcpy(wild + 2, encloser->name, encloser->name_len);
	return zone_find(z, wild);
}

/* Who has the addresses of a name, which may be in any case. */
static struct target find_target(const struct zone *z, const uint8_t *name, bool wildcards)
{
	uint8_t lower[NAME_WIRE_MAX];
	size_t len = name_len(name);
	const struct zone_node *n;

	memcpy(lower, name, len);
	name_lower(lower, len);
	if (!name_is_under(lower, z->apex))
		return (struct target){ .node = NULL };
	n = zone_find(z, lower);
	if (n || !wildcards || z->is_signed) /* such addresses would need a proof with them */
		return (struct target){ .node = n, .owner = n ? n->name : NULL };
	return (struct target){ .node = wildcard_for(z, lower), .owner = name };
}

/* A live RRset of a target is not in the answer, but the answer says where it is found. In a signed zone it would have
 * no signature. type: of the records with the target. */
static void add_companion(struct build *w, const struct target *t, uint16_t type, const struct zone_rrset *r)
{
	const uint32_t slot = w->z->is_signed ? IMAGE_NO_SLOT : build_slot(w, r);

	if (slot != IMAGE_NO_SLOT)
		compile_companion(&w->b->c, t->record, target_lead(type), slot);
}

/* Adds A and AAAA of a target in records of this type; owner: its name, or NULL for that of these records. What does not
 * fit stays out. */
static int add_addresses(struct build *w, enum image_section s, const struct target *t, const uint8_t *owner, uint16_t type)
{
	static const uint16_t types[] = { DNS_TYPE_A, DNS_TYPE_AAAA };
	const struct zone_node *n = t->node;
	const bool is_glue = n->flags & (ZONE_NODE_BELOW | ZONE_NODE_CUT); /* glue has no signatures */

	for (size_t i = 0; i < 2; i++) {
		const struct zone_rrset *r = zone_node_rrset(n, types[i]);
		if (r && r->live)
			add_companion(w, t, type, r);
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
	struct target at[COMPILE_TARGETS_MAX];
	size_t count;
};

static bool has_target(const struct targets *t, const struct target *x)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->at[i].node == x->node && name_equal(t->at[i].owner, x->owner))
			return true;
	return false;
}

static void collect_targets(struct targets *t, const struct zone *z, const struct zone_rrset *r,
			    const struct zone_node *owner, bool wildcards)
{
	t->count = 0;
	for (unsigned i = 0; i < r->count && t->count < COMPILE_TARGETS_MAX; i++) {
		const uint8_t *name = rdata_target(r->type, &r->rdata[i]);
		struct target x = { .node = NULL };
		if (!name)
			continue;
		const bool self = *name == 0 && (r->type == DNS_TYPE_SVCB || r->type == DNS_TYPE_HTTPS);
		if (!self)
			x = find_target(z, name, wildcards);
		else if (load_u16(r->rdata[i].wire)) /* "." is the owner; in an alias nothing: RFC 9460 2.5 */
			x = (struct target){ .node = owner, .owner = owner->name };
		x.record = self ? -1 : (int)i;
		if (x.node && !has_target(t, &x))
			t->at[t->count++] = x;
	}
}

int build_additional(struct build *w, const struct zone_node *owner, const struct zone_rrset *r)
{
	struct targets t;

	collect_targets(&t, w->z, r, owner, true);
	for (size_t i = 0; i < t.count; i++) {
		const struct zone_node *n = t.at[i].node;
		bool self = n == owner && t.at[i].owner == owner->name;
		/* At a wildcard the owner is the question, and only "." means that. */
		if ((n->flags & (ZONE_NODE_BELOW | ZONE_NODE_CUT)) || (self && w->b->c.wildcard))
			continue;
		int e = add_addresses(w, IMAGE_ADDITIONAL, &t.at[i], self ? NULL : t.at[i].owner, r->type);
		if (e)
			return e;
	}
	return 0;
}

int build_glue(struct build *w, const struct zone_node *cut, const struct zone_rrset *ns)
{
	struct targets t;

	collect_targets(&t, w->z, ns, cut, false); /* a "*" is no host that a child could be reached at */
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < t.count; i++) {
			const struct zone_node *n = t.at[i].node;
			bool in_domain = name_is_under(n->name, cut->name);
			if (in_domain != (pass == 0))
				continue;
			int e = add_addresses(w, pass == 0 ? IMAGE_GLUE : IMAGE_ADDITIONAL, &t.at[i],
					      n == cut ? NULL : n->name, ns->type);
			if (e)
				return e;
		}
	}
	return 0;
}
