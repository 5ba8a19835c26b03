/* Builds images: zones[] and slots[] are gathered aside and appended at the end, everything else grows in `out`. */
#include "zone/image.h"
#include <stdlib.h>
#include <string.h>
#include "zone/compile.h"

#define IMAGE_SIZE_MAX UINT32_MAX /* offsets are 32 bits */

struct image_builder {
	struct hash_key key;
	struct bytes out;
	struct image_zone *zones;
	struct image_slot *slots;
	size_t zone_count, zone_cap, slot_count, slot_cap;
	bool sealed;
	struct compile c;
};

/* What one image_add_zone works on. */
struct work {
	struct image_builder *b;
	const struct zone *z;
	struct diags *d;
	uint32_t *node_at; /* by index in z->nodes; 0 = not in the image */
	size_t nodes;
	uint8_t max_labels;
};

int image_builder_new(struct image_builder **out, const struct hash_key *key)
{
	static const struct image_header blank;
	struct image_builder *b = calloc(1, sizeof *b);

	if (!b)
		return ERR_NOMEM;
	b->key = b->c.key = *key;
	bytes_init(&b->out, IMAGE_SIZE_MAX);
	bytes_add(&b->out, &blank, sizeof blank);
	if (b->out.failed) {
		image_builder_free(b);
		return ERR_NOMEM;
	}
	*out = b;
	return 0;
}

void image_builder_free(struct image_builder *b)
{
	if (!b)
		return;
	bytes_deinit(&b->out);
	free(b->zones);
	free(b->slots);
	free(b);
}

/* Room for one more of size octets in a growing array. */
static int grow(void **array, size_t count, size_t *cap, size_t size)
{
	if (count < *cap)
		return 0;
	size_t n = *cap ? *cap * 2 : 16;
	void *p = realloc(*array, n * size);
	if (!p)
		return ERR_NOMEM;
	*array = p;
	*cap = n;
	return 0;
}

/* ---- additional data ---- */

/* The name for which records of this type want addresses (RFC 1035 3.3, RFC 2782, RFC 9460 4.1), NULL = none. */
static const uint8_t *rdata_target(uint16_t type, const struct zone_rdata *rd)
{
	size_t lead;

	switch (type) {
	case DNS_TYPE_NS:
		lead = 0;
		break;
	case DNS_TYPE_MX:
	case DNS_TYPE_SVCB:
	case DNS_TYPE_HTTPS:
		lead = 2;
		break;
	case DNS_TYPE_SRV:
		lead = 6;
		break;
	default:
		return NULL;
	}
	return rd->len > lead && name_check(rd->wire + lead, rd->len - lead) > 0 ? rd->wire + lead : NULL;
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
static int add_addresses(struct compile *c, enum image_section s, const struct zone_node *n, const uint8_t *owner)
{
	static const uint16_t types[] = { DNS_TYPE_A, DNS_TYPE_AAAA };

	for (size_t i = 0; i < 2; i++) {
		const struct zone_rrset *r = zone_node_rrset(n, types[i]);
		if (!r || r->live || r->count == 0)
			continue;
		int e = compile_rrset(c, s, owner, r, false);
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

static void collect_targets(struct targets *t, const struct zone *z, const struct zone_rrset *r, const struct zone_node *owner)
{
	t->count = 0;
	for (unsigned i = 0; i < r->count && t->count < COMPILE_TARGETS_MAX; i++) {
		const uint8_t *name = rdata_target(r->type, &r->rdata[i]);
		const struct zone_node *n = NULL;
		if (!name)
			continue;
		if (*name == 0 && (r->type == DNS_TYPE_SVCB || r->type == DNS_TYPE_HTTPS))
			n = load_u16(r->rdata[i].wire) ? owner : NULL; /* "." is the owner, but not of an alias: RFC 9460 2.5 */
		else
			n = target_node(z, name);
		for (size_t k = 0; n && k < t->count; k++)
			if (t->node[k] == n)
				n = NULL;
		if (n)
			t->node[t->count++] = n;
	}
}

/* Positive answer: addresses of targets that we are authoritative for. */
static int add_additional(struct work *w, const struct zone_node *owner, const struct zone_rrset *r)
{
	struct targets t;

	collect_targets(&t, w->z, r, owner);
	for (size_t i = 0; i < t.count; i++) {
		const struct zone_node *n = t.node[i];
		bool self = n == owner;
		/* At a wildcard the owner is the question, and only "." means that. */
		if ((n->flags & (ZONE_NODE_BELOW | ZONE_NODE_CUT)) || (self && w->b->c.wildcard))
			continue;
		int e = add_addresses(&w->b->c, IMAGE_ADDITIONAL, n, self ? NULL : n->name);
		if (e)
			return e;
	}
	return 0;
}

/* Referral: first the glue without which the child cannot be reached, then addresses that help (RFC 9471 2.1, 2.2). */
static int add_glue(struct work *w, const struct zone_node *cut, const struct zone_rrset *ns)
{
	struct targets t;

	collect_targets(&t, w->z, ns, cut);
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < t.count; i++) {
			const struct zone_node *n = t.node[i];
			bool in_domain = name_is_under(n->name, cut->name);
			if (in_domain != (pass == 0))
				continue;
			int e = add_addresses(&w->b->c, pass == 0 ? IMAGE_GLUE : IMAGE_ADDITIONAL, n, n == cut ? NULL : n->name);
			if (e)
				return e;
		}
	}
	return 0;
}

/* ---- nodes ---- */

static bool is_chased(const struct zone *z, const struct zone_rrset *r)
{
	uint8_t lower[NAME_WIRE_MAX];

	if (r->type != DNS_TYPE_CNAME || r->count != 1 || name_check(r->rdata[0].wire, r->rdata[0].len) != r->rdata[0].len)
		return false;
	memcpy(lower, r->rdata[0].wire, r->rdata[0].len);
	name_lower(lower, r->rdata[0].len);
	return name_is_under(lower, z->apex);
}

static int compile_node_rrset(struct work *w, const struct zone_node *n, const struct zone_rrset *r, struct image_rrset *ir)
{
	struct compile *c = &w->b->c;
	bool cut = n->flags & ZONE_NODE_CUT, referral = cut && r->type == DNS_TYPE_NS, chased = is_chased(w->z, r);

	compile_begin(c, n->name, name_is_wildcard(n->name));
	int e = compile_rrset(c, referral ? IMAGE_AUTHORITY : IMAGE_ANSWER, NULL, r, chased);
	if (!e)
		e = referral ? add_glue(w, n, r) : add_additional(w, n, r);
	if (e == ERR_SHORT || e == ERR_LIMIT) {
		char text[NAME_TEXT_MAX];
		diags_add(w->d, DIAG_WARNING, r->file, r->count ? r->rdata[0].line : 0, 0,
			  "%s: an RRset of type %u with %u records fits no message; it is answered with SERVFAIL",
			  name_format(n->name, text), r->type, r->count);
		return 0;
	}
	if (e)
		return e;
	ir->flags = chased ? IMAGE_RRSET_CHASE : 0;
	ir->at = compile_end(c, &w->b->out);
	return 0;
}

static int add_slot(struct work *w, uint32_t owner_at, const struct zone_rrset *r, struct image_rrset *ir)
{
	struct image_builder *b = w->b;
	void *p = b->slots;
	int e = grow(&p, b->slot_count, &b->slot_cap, sizeof *b->slots);

	b->slots = p;
	if (e)
		return e;
	ir->flags = IMAGE_RRSET_LIVE;
	ir->at = (uint32_t)b->slot_count;
	b->slots[b->slot_count++] = (struct image_slot){
		.zone = (uint32_t)b->zone_count, .owner_at = owner_at, .type = r->type, .ttl_s = r->ttl };
	return 0;
}

/* Whether an RRset of this node is answered from: beneath the cut the child speaks, but for DS (RFC 4035 3.1.4.1). */
static bool is_served(const struct zone_node *n, const struct zone_rrset *r)
{
	if ((n->flags & ZONE_NODE_CUT) && r->type != DNS_TYPE_NS && r->type != DNS_TYPE_DS)
		return false;
	return r->live || r->count > 0;
}

static uint8_t node_flags(const struct work *w, const struct zone_node *n)
{
	uint8_t wild[NAME_WIRE_MAX + 2] = { 1, '*' };
	uint8_t flags = n->flags & ZONE_NODE_CUT ? IMAGE_NODE_CUT : 0;
	const struct zone_node *star = NULL;

	if (n->name_len + 2u <= NAME_WIRE_MAX) {
		memcpy(wild + 2, n->name, n->name_len);
		star = zone_find(w->z, wild);
	}
	if (star && !(star->flags & ZONE_NODE_BELOW))
		flags |= IMAGE_NODE_WILD_BELOW;
	if (zone_node_rrset(n, DNS_TYPE_CNAME))
		flags |= IMAGE_NODE_CNAME;
	if (zone_node_rrset(n, DNS_TYPE_DNAME))
		flags |= IMAGE_NODE_DNAME;
	return flags;
}

static int add_node(struct work *w, const struct zone_node *n, uint32_t *node_at)
{
	struct bytes *out = &w->b->out;
	struct image_node in = { .flags = node_flags(w, n), .name_len = n->name_len };
	const struct image_rrset blank = { 0 };
	int e = 0;

	for (const struct zone_rrset *r = n->rrsets; r; r = r->next)
		in.rrset_count = (uint16_t)(in.rrset_count + is_served(n, r));
	compile_align(out, _Alignof(struct image_node));
	size_t at = out->len, rrset_at = at + sizeof in;
	in.name_at = (uint32_t)(rrset_at + in.rrset_count * sizeof blank);
	bytes_add(out, &in, sizeof in);
	for (unsigned i = 0; i < in.rrset_count; i++)
		bytes_add(out, &blank, sizeof blank);
	bytes_add(out, n->name, n->name_len);
	for (const struct zone_rrset *r = n->rrsets; !e && r && !out->failed; r = r->next) {
		struct image_rrset ir = { .type = r->type };
		if (!is_served(n, r))
			continue;
		e = r->live ? add_slot(w, in.name_at, r, &ir) : compile_node_rrset(w, n, r, &ir);
		if (!e && !out->failed)
			memcpy(out->data + rrset_at, &ir, sizeof ir);
		rrset_at += sizeof ir;
	}
	*node_at = (uint32_t)at;
	return e ? e : out->failed ? ERR_NOMEM : 0;
}

static void add_rdata(struct bytes *out, const struct zone_rrset *r)
{
	bytes_u32(out, r->ttl);
	bytes_u16(out, r->count);
	for (unsigned i = 0; i < r->count; i++)
		bytes_block(out, r->rdata[i].wire, r->rdata[i].len);
}

/* Canonical data stands behind all answers of the zone: the hot part stays dense. */
static void add_node_rdata(struct work *w, const struct zone_node *n, uint32_t node_at)
{
	struct bytes *out = &w->b->out;
	size_t at = node_at + sizeof(struct image_node);

	for (const struct zone_rrset *r = n->rrsets; r && !out->failed; r = r->next) {
		if (!is_served(n, r))
			continue;
		uint32_t rdata_at = (uint32_t)out->len;
		if (r->count)
			add_rdata(out, r);
		if (r->count && !out->failed)
			memcpy(out->data + at + offsetof(struct image_rrset, rdata_at), &rdata_at, sizeof rdata_at);
		at += sizeof(struct image_rrset);
	}
}

/* Every ancestor must be there, since readers look for the closest encloser by halving. */
static bool has_parent(const struct work *w, const struct zone_node *n)
{
	return n->name_len == w->z->apex_len || zone_find(w->z, name_skip(n->name, 1)) != NULL;
}

static int add_nodes(struct work *w)
{
	const struct zone *z = w->z;
	int e = 0;

	for (size_t i = 0; !e && i < z->node_count; i++) {
		const struct zone_node *n = z->nodes[i];
		if (n->flags & ZONE_NODE_BELOW)
			continue;
		if (!name_is_under(n->name, z->apex) || !has_parent(w, n))
			return ERR_FORMAT;
		e = add_node(w, n, &w->node_at[i]);
		w->nodes++;
		if (n->labels > w->max_labels)
			w->max_labels = n->labels;
	}
	for (size_t i = 0; !e && i < z->node_count; i++)
		if (w->node_at[i])
			add_node_rdata(w, z->nodes[i], w->node_at[i]);
	return e;
}

/* At most half full: short probes, and an empty entry ends them. */
static int add_table(struct work *w, struct image_zone *iz)
{
	struct bytes *out = &w->b->out;
	size_t places = 2;

	while (places < w->nodes * 2)
		places *= 2;
	struct image_entry *table = calloc(places, sizeof *table);
	if (!table)
		return ERR_NOMEM;
	for (size_t i = 0; i < w->z->node_count; i++) {
		if (!w->node_at[i])
			continue;
		uint64_t h = name_hash(&w->b->key, w->z->nodes[i]->name);
		size_t k = (uint32_t)h & (places - 1);
		while (table[k].node_at)
			k = (k + 1) & (places - 1);
		table[k] = (struct image_entry){ .tag = (uint32_t)(h >> 32), .node_at = w->node_at[i] };
	}
	compile_align(out, _Alignof(struct image_entry));
	iz->table_at = (uint32_t)out->len;
	iz->table_mask = (uint32_t)(places - 1);
	bytes_add(out, table, places * sizeof *table);
	free(table);
	return out->failed ? ERR_NOMEM : 0;
}

/* RFC 2308 3: the SOA with the TTL of a negative answer. */
static int add_negative(struct work *w, const struct zone_node *apex, struct image_zone *iz)
{
	const struct zone_rrset *r = zone_node_rrset(apex, DNS_TYPE_SOA);

	if (!r || r->count != 1)
		return ERR_FORMAT;
	struct zone_rrset soa = *r;
	soa.ttl = w->z->negative_ttl;
	compile_begin(&w->b->c, w->z->apex, false);
	int e = compile_rrset(&w->b->c, IMAGE_AUTHORITY, NULL, &soa, false);
	if (e)
		return e;
	iz->negative_at = compile_end(&w->b->c, &w->b->out);
	return w->b->out.failed ? ERR_NOMEM : 0;
}

static int add_zone(struct work *w, struct image_zone *iz)
{
	const struct zone_node *apex = zone_find(w->z, w->z->apex);
	int e = apex ? add_negative(w, apex, iz) : ERR_FORMAT;

	if (!e)
		e = add_nodes(w);
	for (size_t i = 0; !e && i < w->z->node_count; i++)
		if (w->z->nodes[i] == apex)
			iz->apex_node_at = w->node_at[i];
	if (!e && !iz->apex_node_at)
		e = ERR_FORMAT;
	if (!e)
		e = add_table(w, iz);
	if (e)
		return e;
	memcpy(&iz->apex_at, w->b->out.data + iz->apex_node_at + offsetof(struct image_node, name_at), sizeof iz->apex_at);
	iz->serial = w->z->serial;
	iz->records = (uint32_t)w->z->record_count;
	iz->max_labels = w->max_labels;
	return w->b->out.failed ? ERR_NOMEM : 0;
}

/* The part of a zone entry that its name says. */
static struct image_zone blank_zone(const struct image_builder *b, const uint8_t *apex, uint64_t digest)
{
	return (struct image_zone){ .digest = digest, .apex_hash = name_hash(&b->key, apex),
		.apex_len = (uint8_t)name_len(apex), .apex_labels = (uint8_t)name_labels(apex) };
}

static int zone_room(struct image_builder *b)
{
	void *p = b->zones;
	int e = b->sealed ? ERR_BUSY : grow(&p, b->zone_count, &b->zone_cap, sizeof *b->zones);

	b->zones = p;
	return e;
}

int image_add_zone(struct image_builder *b, const struct zone *z, uint64_t digest, struct diags *d)
{
	const size_t len = b->out.len, slots = b->slot_count;
	struct work w = { .b = b, .z = z, .d = d };
	struct image_zone iz = blank_zone(b, z->apex, digest);
	int e = zone_room(b);

	if (e)
		return e;
	w.node_at = calloc(z->node_count + 1, sizeof *w.node_at);
	e = w.node_at ? add_zone(&w, &iz) : ERR_NOMEM;
	free(w.node_at);
	if (e) { /* as if it had never been tried */
		b->out.len = len;
		b->out.failed = false;
		b->slot_count = slots;
		return e;
	}
	b->zones[b->zone_count++] = iz;
	return 0;
}

int image_add_broken(struct image_builder *b, const uint8_t *apex, uint64_t digest)
{
	struct image_zone iz = blank_zone(b, apex, digest);
	int e = zone_room(b);

	if (e)
		return e;
	iz.apex_at = (uint32_t)b->out.len;
	bytes_add(&b->out, apex, iz.apex_len);
	if (b->out.failed)
		return ERR_NOMEM;
	b->zones[b->zone_count++] = iz;
	return 0;
}

int image_finish(struct image_builder *b, const uint8_t **data, size_t *len)
{
	struct bytes *out = &b->out;
	struct image_header h = { .magic = IMAGE_MAGIC, .version = IMAGE_VERSION, .byte_order = IMAGE_BYTE_ORDER, .key = b->key,
		.zone_count = (uint32_t)b->zone_count, .slot_count = (uint32_t)b->slot_count };

	if (b->sealed)
		return ERR_BUSY;
	compile_align(out, _Alignof(struct image_zone));
	h.zones_at = (uint32_t)out->len;
	bytes_add(out, b->zones, b->zone_count * sizeof *b->zones);
	h.slots_at = (uint32_t)out->len;
	bytes_add(out, b->slots, b->slot_count * sizeof *b->slots);
	if (out->failed)
		return ERR_NOMEM;
	b->sealed = true;
	h.size = out->len;
	h.crc = crc32c(0, out->data + sizeof h, out->len - sizeof h);
	memcpy(out->data, &h, sizeof h);
	*data = out->data;
	*len = out->len;
	return 0;
}
