/* What a signed zone has in its image beyond the rest: RRSIGs beside RRsets, proofs in referrals, and the chain. */
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "zone/build.h"

#define RRSIG_FIXED_LEN 18 /* RFC 4034 3.1, up to the signer's name */

/* ---- signatures ---- */

static uint16_t covered_type(const struct zone_rdata *rd)
{
	return rd->len >= RRSIG_FIXED_LEN ? load_u16(rd->wire) : 0;
}

/* The RRSIGs of one type at a node, as a set of their own; borrows the builder's scratch. */
static struct zone_rrset gather(struct build *w, const struct zone_node *n, uint16_t type, uint32_t ttl)
{
	const struct zone_rrset *all = zone_node_rrset(n, DNS_TYPE_RRSIG);
	struct zone_rrset set = { .type = DNS_TYPE_RRSIG, .ttl = ttl, .rdata = w->b->signatures };

	for (unsigned i = 0; all && i < all->count; i++)
		if (covered_type(&all->rdata[i]) == type)
			w->b->signatures[set.count++] = all->rdata[i];
	return set;
}

int build_rrset(struct build *w, enum image_section s, const uint8_t *owner, const struct zone_node *n,
		const struct zone_rrset *r, bool plain)
{
	int e = compile_rrset(&w->b->c, s, owner, r, plain);

	if (e || !w->with_signatures)
		return e;
	struct zone_rrset set = gather(w, n, r->type, r->ttl);
	if (set.count == 0)
		return 0;
	e = compile_rrset(&w->b->c, s, owner, &set, true);
	if (e)
		return e;
	compile_join(&w->b->c);
	w->signature_count += set.count;
	return 0;
}

/* Whether an RRSIG before this one covers the same type. */
static bool is_repeated(const struct zone_rrset *r, unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (covered_type(&r->rdata[k]) == covered_type(&r->rdata[i]))
			return true;
	return false;
}

int build_rrsigs(struct build *w, const struct zone_node *n, const struct zone_rrset *r)
{
	for (unsigned i = 0; i < r->count; i++) {
		if (is_repeated(r, i))
			continue;
		const struct zone_rrset *covered = zone_node_rrset(n, covered_type(&r->rdata[i]));
		struct zone_rrset set = gather(w, n, covered_type(&r->rdata[i]), covered ? covered->ttl : r->ttl);
		int e = compile_rrset(&w->b->c, IMAGE_ANSWER, NULL, &set, true);
		if (e)
			return e;
		if (w->b->c.segment_count > 1)
			compile_join(&w->b->c);
	}
	return 0;
}

/* ---- the chain ---- */

static uint32_t hash_match(const struct denial *dn, const uint8_t *name)
{
	uint8_t hash[NSEC3_HASH_LEN];

	nsec3_hash(hash, name, dn->params.iterations, dn->params.salt, dn->params.salt_len);
	size_t i = denial_search(dn, hash);
	return memcmp(dn->list[i].hash, hash, sizeof hash) == 0 ? (uint32_t)i : IMAGE_NO_PROOF;
}

static uint32_t hash_cover(const struct denial *dn, const uint8_t *name)
{
	uint8_t hash[NSEC3_HASH_LEN];

	if (!dn->complete)
		return IMAGE_NO_PROOF;
	nsec3_hash(hash, name, dn->params.iterations, dn->params.salt, dn->params.salt_len);
	return (uint32_t)denial_search(dn, hash);
}

uint32_t build_denial(struct build *w, const struct zone_node *n)
{
	const struct denial *dn = &w->denial;

	switch (dn->kind) {
	case IMAGE_DENIAL_NSEC:
		while (w->denial_next < dn->count && name_compare(dn->list[w->denial_next].node->name, n->name) <= 0)
			w->denial_next++;
		if (w->denial_next == 0 || (dn->list[w->denial_next - 1].node != n && !dn->complete))
			return IMAGE_NO_PROOF;
		return (uint32_t)(w->denial_next - 1);
	case IMAGE_DENIAL_NSEC3:
		return hash_match(dn, n->name);
	case IMAGE_DENIAL_APEX:
		return 0;
	case IMAGE_DENIAL_NONE:
		break;
	}
	return IMAGE_NO_PROOF;
}

static int add_proof(struct build *w, uint32_t i, const uint8_t *answer_owner)
{
	if (i == IMAGE_NO_PROOF)
		return 0;
	const struct zone_node *n = w->denial.list[i].node;
	const uint16_t type = w->denial.kind == IMAGE_DENIAL_NSEC ? DNS_TYPE_NSEC : DNS_TYPE_NSEC3;
	bool self = name_equal(n->name, answer_owner);

	return build_rrset(w, IMAGE_AUTHORITY, self ? NULL : n->name, n, zone_node_rrset(n, type), true);
}

/* RFC 5155 7.2.7: opt-out. The closest ancestor with an NSEC3, and what covers the name below it. */
static int add_opt_out(struct build *w, const struct zone_node *cut)
{
	const uint8_t *next_closer = cut->name, *name = name_skip(cut->name, 1);
	uint32_t match;

	while ((match = hash_match(&w->denial, name)) == IMAGE_NO_PROOF && name_len(name) > w->z->apex_len) {
		next_closer = name;
		name = name_skip(name, 1);
	}
	uint32_t cover = hash_cover(&w->denial, next_closer);
	int e = add_proof(w, match, cut->name);
	return e || cover == match ? e : add_proof(w, cover, cut->name);
}

int build_referral_proof(struct build *w, const struct zone_node *cut)
{
	const struct zone_rrset *ds = zone_node_rrset(cut, DNS_TYPE_DS);

	if (ds)
		return build_rrset(w, IMAGE_AUTHORITY, NULL, cut, ds, true);
	switch (w->denial.kind) {
	case IMAGE_DENIAL_NSEC: /* its own: the chain was passed up to here */
		return zone_node_rrset(cut, DNS_TYPE_NSEC) ? add_proof(w, build_denial(w, cut), cut->name) : 0;
	case IMAGE_DENIAL_NSEC3: {
		uint32_t i = hash_match(&w->denial, cut->name);
		return i == IMAGE_NO_PROOF ? add_opt_out(w, cut) : add_proof(w, i, cut->name);
	}
	case IMAGE_DENIAL_APEX:
		return add_proof(w, 0, cut->name);
	case IMAGE_DENIAL_NONE:
		break;
	}
	return 0;
}

static int compile_entry(struct build *w, uint32_t i, uint32_t *at)
{
	compile_begin(&w->b->c, w->z->apex, false);
	w->with_signatures = true;
	int e = add_proof(w, i, w->z->apex);
	w->with_signatures = false;
	if (e == ERR_SHORT || e == ERR_LIMIT)
		return 0; /* told where the RRset itself was compiled; NSEC3 never is so large */
	*at = e ? 0 : compile_end(&w->b->c, &w->b->out);
	return e ? e : w->b->out.failed ? ERR_NOMEM : 0;
}

/* Answers first, then the array: readers search in it, and want it dense. */
static int add_nsec(struct build *w, struct image_signed *is)
{
	const struct denial *dn = &w->denial;
	struct image_nsec *list = calloc(dn->count + 1, sizeof *list);
	int e = list ? 0 : ERR_NOMEM;

	for (size_t i = 0, k = 0; !e && i < w->z->node_count && k < dn->count; i++) {
		if (w->z->nodes[i] != dn->list[k].node)
			continue;
		e = compile_entry(w, (uint32_t)k, &list[k].answer_at);
		const struct image_node *n = (const struct image_node *)(w->b->out.data + w->node_at[i]);
		list[k++].name_at = (uint32_t)(image_node_name(n) - w->b->out.data);
	}
	compile_align(&w->b->out, _Alignof(struct image_nsec));
	is->chain_at = (uint32_t)w->b->out.len;
	if (!e)
		bytes_add(&w->b->out, list, dn->count * sizeof *list);
	free(list);
	return e;
}

static int add_nsec3(struct build *w, struct image_signed *is)
{
	const struct denial *dn = &w->denial;
	struct image_nsec3 *list = calloc(dn->count + 1, sizeof *list);
	int e = list ? 0 : ERR_NOMEM;

	for (size_t i = 0; !e && i < dn->count; i++) {
		memcpy(list[i].hash, dn->list[i].hash, NSEC3_HASH_LEN);
		e = compile_entry(w, (uint32_t)i, &list[i].answer_at);
	}
	is->salt_at = (uint32_t)w->b->out.len;
	bytes_add(&w->b->out, dn->params.salt, dn->params.salt_len);
	compile_align(&w->b->out, _Alignof(struct image_nsec3));
	is->chain_at = (uint32_t)w->b->out.len;
	if (!e)
		bytes_add(&w->b->out, list, dn->count * sizeof *list);
	free(list);
	return e;
}

/* RFC 2308 3: the RRSIG has the TTL of its SOA. */
static int add_negative(struct build *w, uint32_t *at)
{
	const struct zone_node *apex = zone_find(w->z, w->z->apex);
	struct zone_rrset soa = *zone_node_rrset(apex, DNS_TYPE_SOA);

	soa.ttl = w->z->negative_ttl;
	compile_begin(&w->b->c, w->z->apex, false);
	w->with_signatures = true;
	w->signature_count = 0;
	int e = build_rrset(w, IMAGE_AUTHORITY, NULL, apex, &soa, false);
	w->with_signatures = false;
	if (!e && w->signature_count)
		*at = compile_end(&w->b->c, &w->b->out);
	return e == ERR_SHORT || e == ERR_LIMIT ? 0 : e;
}

/* ---- what an operator hardly meant ---- */

static void tell_idle_signatures(struct build *w, const struct zone_node *n)
{
	const struct zone_rrset *r = zone_node_rrset(n, DNS_TYPE_RRSIG);
	char text[NAME_TEXT_MAX];

	for (unsigned i = 0; r && i < r->count; i++)
		if (!zone_node_rrset(n, covered_type(&r->rdata[i]))) {
			diags_add(w->d, DIAG_WARNING, zone_file(w->z, r), r->rdata[i].line, 0,
				  "%.300s: an RRSIG for type %u, of which there is no record", name_format(n->name, text),
				  covered_type(&r->rdata[i]));
			return;
		}
}

/* What the zone itself says, not a child, and so must be signed (RFC 4035 2.2). */
static bool needs_signature(struct build *w, const struct zone_node *n, const struct zone_rrset *r)
{
	if (r->type == DNS_TYPE_RRSIG || ((n->flags & ZONE_NODE_CUT) && r->type != DNS_TYPE_DS && r->type != DNS_TYPE_NSEC))
		return false;
	return r->count > 0 && gather(w, n, r->type, 0).count == 0;
}

/* One line for all of them: a zone may be signed in part on purpose, but hardly is. */
static void tell_signatures(struct build *w)
{
	const struct zone_rrset *first = NULL;
	const struct zone_node *at = NULL;
	char text[NAME_TEXT_MAX];
	size_t bare = 0;

	for (size_t i = 0; i < w->z->node_count; i++) {
		const struct zone_node *n = w->z->nodes[i];
		if ((n->flags & ZONE_NODE_BELOW) && !zone_node_is_nsec3(n))
			continue;
		tell_idle_signatures(w, n);
		for (const struct zone_rrset *r = n->rrsets; r; r = r->next) {
			if (!needs_signature(w, n, r))
				continue;
			if (bare++ == 0) {
				first = r;
				at = n;
			}
		}
	}
	if (bare)
		diags_add(w->d, DIAG_WARNING, zone_file(w->z, first), first->rdata[0].line, 0,
			  "%.300s: the zone is signed, but %zu RRsets are not, of which the first, of type %u, is here; "
			  "validators refuse them",
			  name_format(at->name, text), bare, first->type);
}

int build_signed(struct build *w, struct image_zone *iz)
{
	const struct denial *dn = &w->denial;
	struct image_signed is = { .iterations = dn->params.iterations, .salt_len = dn->params.salt_len,
		.denial = (uint8_t)dn->kind, .complete = dn->complete, .chain_count = (uint32_t)dn->count };
	int e = add_negative(w, &is.negative_at);

	tell_signatures(w);
	if (!e && dn->kind == IMAGE_DENIAL_NSEC)
		e = add_nsec(w, &is);
	else if (!e && dn->kind != IMAGE_DENIAL_NONE)
		e = add_nsec3(w, &is);
	if (e)
		return e;
	compile_align(&w->b->out, _Alignof(struct image_signed));
	iz->signed_at = (uint32_t)w->b->out.len;
	bytes_add(&w->b->out, &is, sizeof is);
	return w->b->out.failed ? ERR_NOMEM : 0;
}
