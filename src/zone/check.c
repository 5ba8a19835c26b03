/* Rules across records, after the whole file was read. Errors are what no answer could be right with; warnings are
 * what an operator hardly meant. Messages name the record by its line, and the other's line where two disagree.
 *
 *     f:7: v.example.test has a CNAME and, in line 6, TXT; expected the CNAME alone
 */
#include <string.h>
#include "base/buf.h"
#include "base/table.h"
#include "zone/check.h"
#include "zone/type.h"

struct check {
	struct zone *z;
	struct diags *d;
	struct table targets; /* names that delegations' NS point to → the NS RRset: glue is what has such an owner */
	size_t errors;
};

#define SOA_FIXED_LEN 20 /* serial, refresh, retry, expire, minimum */

static unsigned rrset_line(const struct zone_rrset *set)
{
	return set->count > 0 ? set->rdata[0].line : 0;
}

#define tell_error(c, set, ...) \
	do { \
		(c)->errors++; \
		diags_add((c)->d, DIAG_ERROR, zone_file((c)->z, set), rrset_line(set), 0, \
			  __VA_ARGS__); \
	} while (0)
#define tell_warning(c, set, ...) diags_add((c)->d, DIAG_WARNING, zone_file((c)->z, set), rrset_line(set), 0, __VA_ARGS__)

/* ---- apex ---- */

static void check_soa(struct check *c, const struct zone_rrset *soa)
{
	const struct zone_rdata *r = &soa->rdata[0];
	uint32_t minimum;
	char text[NAME_TEXT_MAX];

	if (soa->count > 1) {
		c->errors++;
		diags_add(c->d, DIAG_ERROR, zone_file(c->z, soa), soa->rdata[1].line, 0,
			  "a second SOA for %.300s, the first is in line %u; "
			  "expected one",
			  name_format(c->z->apex, text), r->line);
		return;
	}
	if (r->len < SOA_FIXED_LEN + 2) {
		tell_error(c, soa, "the SOA has %u octets; expected two names and five numbers", r->len);
		return;
	}
	c->z->serial = load_u32(r->wire + r->len - SOA_FIXED_LEN);
	minimum = load_u32(r->wire + r->len - 4);
	c->z->negative_ttl = minimum < soa->ttl ? minimum : soa->ttl; /* RFC 2308 5 */
}

static void check_apex(struct check *c)
{
	const struct zone_node *apex = zone_find(c->z, c->z->apex);
	const struct zone_rrset *soa = apex != NULL ? zone_node_rrset(apex, DNS_TYPE_SOA) : NULL;
	const struct zone_rrset *ns = apex != NULL ? zone_node_rrset(apex, DNS_TYPE_NS) : NULL;
	char text[NAME_TEXT_MAX];

	name_format(c->z->apex, text);
	if (soa == NULL || soa->count == 0) {
		c->errors++;
		if (!c->z->soa_lost)
			diags_add(c->d, DIAG_ERROR, c->z->file, 0, 0, "no SOA for %.300s; expected one, at the zone's own name",
			  text);
	} else {
		check_soa(c, soa);
	}
	if (ns == NULL || ns->count == 0) {
		c->errors++;
		if (!c->z->ns_lost)
			diags_add(c->d, DIAG_ERROR, c->z->file, 0, 0,
				  "no NS for %.300s; expected at least one, at the zone's own name", text);
	}
}

/* ---- one node ---- */

/* RFC 1034 3.6.2, but for what DNSSEC puts beside it (RFC 2181 10.1, RFC 4034 2.5 and 4). */
static bool beside_cname(uint16_t type)
{
	return type == DNS_TYPE_CNAME || type == DNS_TYPE_RRSIG || type == DNS_TYPE_NSEC || type == 25 /* KEY */;
}

static void check_cname(struct check *c, const struct zone_node *n, const struct zone_rrset *cname, const char *name)
{
	for (const struct zone_rrset *set = n->rrsets; set != NULL; set = set->next) {
		char type[ZONE_TYPE_TEXT_MAX];

		if (beside_cname(set->type))
			continue;
		if (set->live)
			tell_error(c, cname, "%.300s is a service and has a CNAME; expected A and AAAA, or nothing",
				   name);
		else
			tell_error(c, cname, "%.300s has a CNAME and, in line %u, %s; expected %s", name, rrset_line(set),
				   zone_type_text(set->type, type), name_equal(n->name, c->z->apex) ?
				   "addresses, or a service: the zone's own name cannot be a CNAME" : "the CNAME alone");
		return;
	}
}

/* CNAME and DNAME: two would be two answers to which name is meant. */
static void check_single(struct check *c, const struct zone_rrset *set, const char *name)
{
	char type[ZONE_TYPE_TEXT_MAX];

	if (set->count < 2)
		return;
	c->errors++;
	diags_add(c->d, DIAG_ERROR, zone_file(c->z, set), set->rdata[1].line, 0,
		  "a second %s for %.300s, the first is in line %u; expected one", zone_type_text(set->type, type),
		  name, set->rdata[0].line);
}

static void check_rrset(struct check *c, const struct zone_node *n, const struct zone_rrset *set)
{
	char name[NAME_TEXT_MAX], type[ZONE_TYPE_TEXT_MAX];

	switch (set->type) {
	case DNS_TYPE_CNAME:
		check_single(c, set, name_format(n->name, name));
		check_cname(c, n, set, name);
		break;
	case DNS_TYPE_DNAME:
		check_single(c, set, name_format(n->name, name));
		if (n->flags & ZONE_NODE_CUT) /* RFC 6672 2.3 */
			tell_error(c, set, "%.300s has a DNAME and, in line %u, NS; expected one or the other", name,
				   rrset_line(zone_node_rrset(n, DNS_TYPE_NS)));
		break;
	case DNS_TYPE_SOA:
		if (n->labels > c->z->apex_labels)
			tell_error(c, set,
				   "an SOA for %.300s, which is not the zone's own name; expected one there only",
				   name_format(n->name, name));
		break;
	default:
		break;
	}
	if (set->ttl_line != 0 && set->type != DNS_TYPE_RRSIG) /* RFC 2181 5.2; RRSIGs are no RRset, RFC 4034 3 */
		diags_add(c->d, DIAG_WARNING, zone_file(c->z, set), set->ttl_line, 0,
			  "the TTLs of %.300s %s differ; the lowest, %u, is taken for all", name_format(n->name, name),
			  zone_type_text(set->type, type), set->ttl);
}

/* ---- delegations ---- */

/* What zone and child both hold at a cut (RFC 4035 3.1.4.1): NS and the parent's own DS, NSEC, RRSIG. */
static bool belongs_at_cut(uint16_t type)
{
	return type == DNS_TYPE_NS || type == DNS_TYPE_DS || type == DNS_TYPE_NSEC || type == DNS_TYPE_RRSIG;
}

static bool is_glue(const struct check *c, const struct zone_node *n, const struct zone_rrset *set)
{
	return (set->type == DNS_TYPE_A || set->type == DNS_TYPE_AAAA) &&
	       table_find(&c->targets, n->name, n->name_len) != NULL;
}

/* Data that no query reaches, since a delegation or a DNAME stands above it. */
static void check_hidden(struct check *c, const struct zone_node *n, const struct zone_node *by)
{
	char name[NAME_TEXT_MAX], above[NAME_TEXT_MAX], type[ZONE_TYPE_TEXT_MAX];
	bool cut = (by->flags & ZONE_NODE_CUT) != 0;

	for (const struct zone_rrset *set = n->rrsets; set != NULL; set = set->next) {
		if (set->live) {
			/* It may have no record of its own: the place is where the zone is handed to somebody else. */
			const struct zone_rrset *at = zone_node_rrset(by, cut ? DNS_TYPE_NS : DNS_TYPE_DNAME);

			tell_error(
				c, at ? at : set,
				"the service %.300s lies at or below the %s %.300s, so nobody would be answered; expected "
				"another name",
				name_format(n->name, name), cut ? "delegation" : "DNAME", name_format(by->name, above));
			return;
		}
		if ((n == by && (!cut || belongs_at_cut(set->type))) || (cut && is_glue(c, n, set)))
			continue;
		tell_warning(c, set, "%.300s %s is never answered, it lies at or below the %s %.300s",
			     name_format(n->name, name), zone_type_text(set->type, type), cut ? "delegation" : "DNAME",
			     name_format(by->name, above));
	}
}

/* The highest cut or DNAME above n, which is BELOW. */
static const struct zone_node *node_hiding(const struct zone *z, const struct zone_node *n)
{
	const struct zone_node *hides = NULL;
	const uint8_t *name = n->name;

	for (unsigned labels = n->labels; labels > z->apex_labels; labels--) {
		name = name_skip(name, 1);
		const struct zone_node *up = zone_find(z, name);

		if (up != NULL && zone_node_hides(z, up))
			hides = up;
	}
	return hides;
}

/* The deepest node at or above name, which is in the zone. */
static const struct zone_node *node_enclosing(const struct zone *z, const uint8_t *name)
{
	for (unsigned left = name_labels(name);; name = name_skip(name, 1), left--) {
		const struct zone_node *n = zone_find(z, name);

		if (n != NULL || left <= z->apex_labels)
			return n;
	}
}

/* The node that answers for name, given its encloser: that itself, or the wildcard below it (RFC 4592 3.3.1). */
static const struct zone_node *node_answering(const struct zone *z, const struct zone_node *encloser,
					      const uint8_t *name)
{
	uint8_t wild[NAME_WIRE_MAX + 2] = { 1, '*' };

	if (name_equal(encloser->name, name))
		return encloser;
	memcpy(wild + 2, encloser->name, encloser->name_len);
	return encloser->name_len + 2 <= NAME_WIRE_MAX ? zone_find(z, wild) : NULL;
}

static bool has_address(const struct zone_node *n)
{
	return n != NULL && (zone_node_rrset(n, DNS_TYPE_A) != NULL || zone_node_rrset(n, DNS_TYPE_AAAA) != NULL);
}

static void check_glue(struct check *c, const struct zone_node *cut, const struct zone_rrset *set,
		       const struct zone_rdata *r, const uint8_t *target)
{
	char text[NAME_TEXT_MAX], owner[NAME_TEXT_MAX];

	if (!has_address(zone_find(c->z, target)))
		diags_add(
			c->d, DIAG_WARNING, zone_file(c->z, set), r->line, 0,
			"the delegation %.300s cannot be followed without an address of %.300s (glue); expected A or AAAA for it",
			name_format(cut->name, owner), name_format(target, text));
}

/* A name that NS or MX point to and that this zone would have to know. */
static void check_target(struct check *c, const struct zone_node *n, const struct zone_rrset *set,
			 const struct zone_rdata *r)
{
	const size_t at = set->type == DNS_TYPE_MX ? 2 : 0;
	int len = r->len > at ? name_check(r->wire + at, r->len - at) : ERR_SHORT;
	char text[NAME_TEXT_MAX], type[ZONE_TYPE_TEXT_MAX];
	const struct zone_node *encloser, *to;
	uint8_t target[NAME_WIRE_MAX];

	if (len <= 1) /* MX 0 . (RFC 7505) */
		return;
	memcpy(target, r->wire + at, (size_t)len);
	name_lower(target, (size_t)len);
	if (!name_is_under(target, c->z->apex))
		return;
	if ((n->flags & ZONE_NODE_CUT) && name_is_under(target, n->name)) {
		check_glue(c, n, set, r, target);
		return;
	}
	encloser = node_enclosing(c->z, target);
	if (encloser == NULL || (encloser->flags & (ZONE_NODE_CUT | ZONE_NODE_BELOW)) ||
	    zone_node_rrset(encloser, DNS_TYPE_DNAME) != NULL)
		return; /* others know */
	to = node_answering(c->z, encloser, target);
	if (to != NULL && zone_node_rrset(to, DNS_TYPE_CNAME) != NULL) /* RFC 2181 10.3 */
		diags_add(c->d, DIAG_WARNING, zone_file(c->z, set), r->line, 0,
			  "%s %.300s is a CNAME; expected a name with addresses", zone_type_text(set->type, type),
			  name_format(target, text));
	else if (!has_address(to))
		diags_add(c->d, DIAG_WARNING, zone_file(c->z, set), r->line, 0,
			  "%s %.300s has no address in this zone; expected A or AAAA for it",
			  zone_type_text(set->type, type), name_format(target, text));
}

static void check_targets(struct check *c, const struct zone_node *n)
{
	for (const struct zone_rrset *set = n->rrsets; set != NULL; set = set->next)
		if (set->type == DNS_TYPE_NS || set->type == DNS_TYPE_MX)
			for (uint16_t i = 0; i < set->count; i++)
				check_target(c, n, set, &set->rdata[i]);
}

/* Collects what the delegations point to. */
static int targets_fill(struct check *c)
{
	for (size_t i = 0; i < c->z->node_count; i++) {
		const struct zone_node *n = c->z->nodes[i];
		struct zone_rrset *ns = n->flags & ZONE_NODE_CUT ? zone_node_rrset(n, DNS_TYPE_NS) : NULL;

		for (uint16_t k = 0; ns != NULL && k < ns->count; k++) {
			uint8_t target[NAME_WIRE_MAX];
			int len = name_check(ns->rdata[k].wire, ns->rdata[k].len);

			if (len <= 0)
				continue;
			memcpy(target, ns->rdata[k].wire, (size_t)len);
			name_lower(target, (size_t)len);
			if (table_put(&c->targets, target, (size_t)len, ns) < 0)
				return ERR_NOMEM;
		}
	}
	return 0;
}

static void check_nodes(struct check *c)
{
	for (size_t i = 0; i < c->z->node_count; i++) {
		const struct zone_node *n = c->z->nodes[i], *hides = n;

		for (const struct zone_rrset *set = n->rrsets; set != NULL; set = set->next)
			check_rrset(c, n, set);
		if (n->flags & ZONE_NODE_BELOW)
			hides = node_hiding(c->z, n);
		else if (!zone_node_hides(c->z, n))
			hides = NULL;
		if (!(n->flags & ZONE_NODE_BELOW))
			check_targets(c, n);
		if (zone_node_is_nsec3(n)) /* below a DNAME at the apex, too */
			continue;
		if (hides != NULL)
			check_hidden(c, n, hides);
	}
}

int zone_check(struct zone *z, struct diags *d)
{
	struct check c = { .z = z, .d = d };
	int rc = zone_order(z);

	if (rc < 0)
		return rc;
	table_init(&c.targets, &z->key);
	rc = targets_fill(&c);
	if (rc == 0) {
		check_apex(&c);
		check_nodes(&c);
	}
	table_deinit(&c.targets);
	return rc < 0 ? rc : c.errors > 0 ? ERR_FORMAT : 0;
}
