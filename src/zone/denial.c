#include "zone/denial.h"
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"

#define PARAM_HEAD_LEN 5  /* algorithm, flags, iterations, length of salt: in NSEC3PARAM and NSEC3 alike */
#define PARAM_CHAINS_MAX 8 /* NSEC3PARAM records looked at: two at a change of salt; each costs a walk */

/* ---- NSEC ---- */

static void add_entry(struct denial *dn, const struct zone_node *n, const uint8_t *hash)
{
	struct denial_entry *e = &dn->list[dn->count++]; /* room for every node was made */

	e->node = n;
	if (hash)
		memcpy(e->hash, hash, sizeof e->hash);
}

/* Whether the NSEC of a names b as the next. */
static bool nsec_reaches(const struct zone_node *a, const struct zone_node *b)
{
	const struct zone_rrset *set = zone_node_rrset(a, DNS_TYPE_NSEC);

	return set->count == 1 && name_check(set->rdata[0].wire, set->rdata[0].len) > 0 &&
	       name_equal(set->rdata[0].wire, b->name);
}

/* The first entry that does not reach the next, or count. */
static size_t nsec_gap(const struct denial *dn)
{
	for (size_t i = 0; i < dn->count; i++)
		if (!nsec_reaches(dn->list[i].node, dn->list[i + 1 < dn->count ? i + 1 : 0].node))
			return i;
	return dn->count;
}

static void collect_nsec(struct denial *dn, const struct zone *z)
{
	dn->count = 0;
	for (size_t i = 0; i < z->node_count; i++)
		if (!(z->nodes[i]->flags & ZONE_NODE_BELOW) && zone_node_rrset(z->nodes[i], DNS_TYPE_NSEC))
			add_entry(dn, z->nodes[i], NULL);
}

/* ---- NSEC3 ---- */

/* Algorithm, iterations and salt; flags are for each kind of record to judge (RFC 5155 3.2, 4.2). */
static bool read_params(struct nsec3_params *p, const struct zone_rdata *rd)
{
	if (rd->len < PARAM_HEAD_LEN || rd->wire[0] != NSEC3_SHA1 || rd->len < PARAM_HEAD_LEN + rd->wire[4])
		return false;
	p->iterations = load_u16(rd->wire + 2);
	p->salt_len = rd->wire[4];
	memcpy(p->salt, rd->wire + PARAM_HEAD_LEN, p->salt_len);
	return true;
}

/* The NSEC3 of this chain among those of the node, or NULL. */
static const struct zone_rdata *nsec3_of(const struct zone_node *n, const struct nsec3_params *want)
{
	const struct zone_rrset *set = zone_node_rrset(n, DNS_TYPE_NSEC3);
	struct nsec3_params have;

	for (unsigned i = 0; set && i < set->count; i++)
		if (read_params(&have, &set->rdata[i]) && have.iterations == want->iterations &&
		    have.salt_len == want->salt_len && memcmp(have.salt, want->salt, have.salt_len) == 0)
			return &set->rdata[i];
	return NULL;
}

static bool nsec3_reaches(const struct denial *dn, const struct denial_entry *a, const struct denial_entry *b)
{
	const struct zone_rdata *rd = nsec3_of(a->node, &dn->params);
	const size_t at = PARAM_HEAD_LEN + (size_t)dn->params.salt_len;

	return rd->len > at + NSEC3_HASH_LEN && rd->wire[at] == NSEC3_HASH_LEN &&
	       memcmp(rd->wire + at + 1, b->hash, NSEC3_HASH_LEN) == 0;
}

static size_t nsec3_gap(const struct denial *dn)
{
	for (size_t i = 0; i < dn->count; i++)
		if (!nsec3_reaches(dn, &dn->list[i], &dn->list[i + 1 < dn->count ? i + 1 : 0]))
			return i;
	return dn->count;
}

/* Owners are right below the apex (RFC 5155 3), and so in canonical order: hashes ascend, as base32hex keeps order. */
static void collect_nsec3(struct denial *dn, const struct zone *z)
{
	uint8_t hash[NSEC3_HASH_LEN];

	dn->count = 0;
	for (size_t i = 0; i < z->node_count; i++) {
		const struct zone_node *n = z->nodes[i];
		if (n->labels == z->apex_labels + 1 && nsec3_of(n, &dn->params) && nsec3_label_decode(hash, n->name))
			add_entry(dn, n, hash);
	}
}

size_t denial_search(const struct denial *dn, const uint8_t hash[NSEC3_HASH_LEN])
{
	size_t lo = 0, hi = dn->count; /* all before lo are at or before hash, all from hi on behind it */

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (memcmp(dn->list[mid].hash, hash, NSEC3_HASH_LEN) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo > 0 ? lo - 1 : dn->count - 1;
}

/* ---- choosing ---- */

static bool apex_is_in(const struct denial *dn, const struct zone *z)
{
	uint8_t hash[NSEC3_HASH_LEN];

	if (dn->count == 0)
		return false;
	if (dn->kind == IMAGE_DENIAL_NSEC)
		return dn->list[0].node->labels == z->apex_labels;
	nsec3_hash(hash, z->apex, dn->params.iterations, dn->params.salt, dn->params.salt_len);
	size_t i = denial_search(dn, hash);
	return memcmp(dn->list[i].hash, hash, sizeof hash) == 0;
}

static bool try_nsec(struct denial *dn, const struct zone *z)
{
	dn->kind = IMAGE_DENIAL_NSEC;
	collect_nsec(dn, z);
	dn->complete = apex_is_in(dn, z) && nsec_gap(dn) == dn->count;
	return dn->complete;
}

static bool try_nsec3(struct denial *dn, const struct zone *z, const struct zone_rdata *param)
{
	dn->kind = IMAGE_DENIAL_NSEC3;
	dn->count = 0;
	/* RFC 5155 4.1.2: flags other than zero mean the chain is not for use. */
	if (!read_params(&dn->params, param) || param->wire[1] != 0)
		return false;
	collect_nsec3(dn, z);
	dn->complete = apex_is_in(dn, z) && nsec3_gap(dn) == dn->count;
	return dn->complete;
}

static bool try_any_nsec3(struct denial *dn, const struct zone *z, const struct zone_rrset *params)
{
	for (unsigned i = 0; params && i < params->count && i < PARAM_CHAINS_MAX; i++)
		if (try_nsec3(dn, z, &params->rdata[i]))
			return true;
	return false;
}

/* ---- telling ---- */

static void tell(struct diags *d, const struct zone *z, const struct zone_node *n, uint16_t type, const char *what)
{
	const struct zone_rrset *set = n ? zone_node_rrset(n, type) : NULL;
	char text[NAME_TEXT_MAX];

	diags_add(d, DIAG_WARNING, set ? zone_file(z, set) : z->file, set ? set->rdata[0].line : 0, 0, "%.300s: %s",
		  name_format(n ? n->name : z->apex, text), what);
}

/* Too much work for each question. The apex's entry alone stays. */
static void keep_apex(struct denial *dn, const struct zone *z, const struct zone_node *apex, struct diags *d)
{
	uint8_t hash[NSEC3_HASH_LEN];
	char text[NAME_TEXT_MAX];
	const struct zone_rrset *set = zone_node_rrset(apex, DNS_TYPE_NSEC3PARAM);

	nsec3_hash(hash, z->apex, dn->params.iterations, dn->params.salt, dn->params.salt_len);
	dn->list[0] = dn->list[denial_search(dn, hash)];
	dn->count = 1;
	dn->kind = IMAGE_DENIAL_APEX;
	diags_add(d, DIAG_WARNING, zone_file(z, set), set->rdata[0].line, 0,
		  "%.300s: NSEC3 with %u iterations is more than the %u that are worked for; names are not proved absent, and "
		  "validators take the zone for unsigned; expected 0 (RFC 9276)",
		  name_format(z->apex, text), dn->params.iterations, NSEC3_ITERATIONS_MAX);
}

/* Tells where the chain breaks, or that there is none. */
static void tell_broken(const struct denial *dn, const struct zone *z, const struct zone_node *apex, struct diags *d)
{
	const uint16_t type = dn->kind == IMAGE_DENIAL_NSEC ? DNS_TYPE_NSEC : DNS_TYPE_NSEC3;

	if (dn->kind == IMAGE_DENIAL_NONE) {
		tell(d, z, apex, DNS_TYPE_RRSIG,
		     "the zone has signatures, but no NSEC and no NSEC3 with an NSEC3PARAM; it is served, but absent names "
		     "are not proved and validators refuse such answers");
		return;
	}
	size_t gap = type == DNS_TYPE_NSEC ? nsec_gap(dn) : nsec3_gap(dn);
	tell(d, z, gap < dn->count ? dn->list[gap].node : apex, type,
	     gap < dn->count ? "the chain breaks here, its next name is not the next one that there is; the zone is served, "
			       "but absent names are not proved and validators refuse such answers"
			     : "the chain has no entry for the zone's own name; the zone is served, but absent names are not "
			       "proved and validators refuse such answers");
}

/* A whole chain of either kind; else what there is of one. */
static void choose(struct denial *dn, const struct zone *z, struct diags *d)
{
	const struct zone_node *apex = zone_find(z, z->apex);
	const struct zone_rrset *params = zone_node_rrset(apex, DNS_TYPE_NSEC3PARAM);

	if (try_nsec(dn, z))
		return;
	const bool some_nsec = dn->count > 0;
	if (try_any_nsec3(dn, z, params)) {
		if (dn->params.iterations > NSEC3_ITERATIONS_MAX)
			keep_apex(dn, z, apex, d);
		return;
	}
	if (some_nsec)
		(void)try_nsec(dn, z);
	/* Hashing every name for a chain that proves little would be work that the file's author chooses. */
	if (dn->count == 0 || dn->params.iterations > NSEC3_ITERATIONS_MAX)
		dn->kind = IMAGE_DENIAL_NONE;
	tell_broken(dn, z, apex, d);
	if (dn->kind == IMAGE_DENIAL_NONE)
		dn->count = 0;
}

static bool has_signature(const struct zone *z)
{
	for (size_t i = 0; i < z->node_count; i++)
		if (zone_node_rrset(z->nodes[i], DNS_TYPE_RRSIG))
			return true;
	return false;
}

int denial_init(struct denial *dn, const struct zone *z, struct diags *d)
{
	*dn = (struct denial){ .is_signed = z->is_signed && has_signature(z), .kind = IMAGE_DENIAL_NONE };
	if (!dn->is_signed)
		return 0;
	dn->list = reallocarray(NULL, z->node_count + 1, sizeof *dn->list);
	if (!dn->list)
		return ERR_NOMEM;
	choose(dn, z, d);
	return 0;
}

void denial_deinit(struct denial *dn)
{
	free(dn->list);
	dn->list = NULL;
	dn->count = 0;
}
