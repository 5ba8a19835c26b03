/* One zone into the image: its nodes with their answers, then the table of names. */
#include <stdlib.h>
#include <string.h>
#include "zone/build.h"
#include "zone/content.h"

static bool is_chased(const struct zone *z, const struct zone_rrset *r)
{
	uint8_t lower[NAME_WIRE_MAX];

	if (r->type != DNS_TYPE_CNAME || r->count != 1 ||
	    name_check(r->rdata[0].wire, r->rdata[0].len) != r->rdata[0].len)
		return false;
	memcpy(lower, r->rdata[0].wire, r->rdata[0].len);
	name_lower(lower, r->rdata[0].len);
	return name_is_under(lower, z->apex);
}

static void tell_too_large(struct build *w, const struct zone_node *n, const struct zone_rrset *r, const char *then)
{
	char text[NAME_TEXT_MAX];

	diags_add(w->d, DIAG_WARNING, zone_file(w->z, r), r->count ? r->rdata[0].line : 0, 0,
		  "%s: an RRset of type %u with %u records fits no message%s", name_format(n->name, text), r->type, r->count,
		  then);
}

/* One answer, for those without DO or for those with. */
static int compile_node_answer(struct build *w, const struct zone_node *n, const struct zone_rrset *r, bool chased)
{
	bool referral = (n->flags & ZONE_NODE_CUT) && r->type == DNS_TYPE_NS;

	compile_begin(&w->b->c, n->name, name_is_wildcard(n->name));
	if (r->type == DNS_TYPE_RRSIG)
		return build_rrsigs(w, n, r);
	if (!referral) {
		int e = build_rrset(w, IMAGE_ANSWER, NULL, n, r, chased);
		return e ? e : build_additional(w, n, r);
	}
	int e = compile_rrset(&w->b->c, IMAGE_AUTHORITY, NULL, r, false); /* the child's: not signed here */
	if (!e && w->with_signatures)
		e = build_referral_proof(w, n);
	return e ? e : build_glue(w, n, r);
}

static int compile_node_rrset(struct build *w, const struct zone_node *n, const struct zone_rrset *r,
			      struct image_rrset *ir)
{
	bool chased = is_chased(w->z, r);
	int e = compile_node_answer(w, n, r, chased);

	if (e == ERR_SHORT || e == ERR_LIMIT) {
		tell_too_large(w, n, r, "; it is answered with SERVFAIL");
		return 0;
	}
	if (e)
		return e;
	ir->flags = chased ? IMAGE_RRSET_CHASE : w->b->c.company_count ? IMAGE_RRSET_COMPANY : 0;
	ir->at = compile_end(&w->b->c, &w->b->out);
	return 0;
}

/* Leaves *at where nothing is signed: then the plain answer serves all. */
static int compile_node_signed(struct build *w, const struct zone_node *n, const struct zone_rrset *r, uint32_t *at)
{
	if (r->type == DNS_TYPE_RRSIG)
		return 0;
	w->with_signatures = true;
	w->signature_count = 0;
	int e = compile_node_answer(w, n, r, is_chased(w->z, r));
	w->with_signatures = false;
	if (e == ERR_SHORT || e == ERR_LIMIT) {
		tell_too_large(w, n, r, " with its signatures; it is answered without");
		return 0;
	}
	if (!e && w->signature_count)
		*at = compile_end(&w->b->c, &w->b->out);
	return e;
}

/* What the file says of a live RRset: members of a service are taken from it as long as the zone stays unread. */
static int compile_file_rrset(struct build *w, const struct zone_node *n, const struct zone_rrset *r, uint32_t *at)
{
	if (!r->count)
		return 0;
	compile_begin(&w->b->c, n->name, false);
	int e = compile_rrset(&w->b->c, IMAGE_ANSWER, NULL, r, false);
	if (!e)
		*at = compile_end(&w->b->c, &w->b->out);
	return e == ERR_NOMEM ? e : 0; /* more than fits a message is more than a service may have */
}

static int add_slot(struct build *w, const struct zone_node *n, uint32_t owner_at, const struct zone_rrset *r,
		    struct image_rrset *ir)
{
	struct image_slot slot = {
		.zone = (uint32_t)w->b->zone_count, .owner_at = owner_at, .type = r->type, .ttl_s = r->ttl };
	int e = compile_file_rrset(w, n, r, &slot.answer_at);

	if (e)
		return e;
	ir->flags = IMAGE_RRSET_LIVE;
	ir->at = build_slot(w, r);
	w->b->slots[ir->at] = slot;
	return 0;
}

/* Whether an RRset of this node is answered from: beneath the cut the child speaks, but for DS (RFC 4035 3.1.4.1). */
static bool is_served(const struct zone_node *n, const struct zone_rrset *r)
{
	if ((n->flags & ZONE_NODE_CUT) && r->type != DNS_TYPE_NS && r->type != DNS_TYPE_DS)
		return false;
	return r->live || r->count > 0;
}

static bool is_in_image(const struct zone_node *n)
{
	return !(n->flags & ZONE_NODE_BELOW) && !zone_node_is_nsec3(n);
}

static int by_address(const void *a, const void *b)
{
	const uintptr_t x = (uintptr_t)((const struct build_live *)a)->set, y = (uintptr_t)((const struct build_live *)b)->set;

	return x < y ? -1 : x > y;
}

/* Slots in the order of the nodes; nothing is in them yet. */
static int number_slots(struct build *w)
{
	struct image_builder *b = w->b;
	size_t cap = 0;

	for (size_t i = 0; i < w->z->node_count; i++) {
		const struct zone_node *n = w->z->nodes[i];
		for (const struct zone_rrset *r = n->rrsets; r; r = r->next) {
			if (!r->live || !is_in_image(n) || !is_served(n, r))
				continue;
			void *slots = b->slots, *live = w->live;
			int e = build_grow(&slots, b->slot_count, &b->slot_cap, sizeof *b->slots);
			b->slots = slots;
			if (!e)
				e = build_grow(&live, w->live_count, &cap, sizeof *w->live);
			w->live = live;
			if (e)
				return e;
			w->live[w->live_count++] = (struct build_live){ .set = r, .slot = (uint32_t)b->slot_count++ };
		}
	}
	if (w->live_count)
		qsort(w->live, w->live_count, sizeof *w->live, by_address);
	return 0;
}

uint32_t build_slot(const struct build *w, const struct zone_rrset *r)
{
	const struct build_live key = { .set = r };
	const struct build_live *found =
		w->live_count ? bsearch(&key, w->live, w->live_count, sizeof *w->live, by_address) : NULL;

	return found ? found->slot : IMAGE_NO_SLOT;
}

static uint8_t node_flags(const struct build *w, const struct zone_node *n)
{
	uint8_t flags = n->flags & ZONE_NODE_CUT ? IMAGE_NODE_CUT : 0;

	if (n->flags & ZONE_NODE_WILD_BELOW)
		flags |= IMAGE_NODE_WILD_BELOW;
	if (zone_node_rrset(n, DNS_TYPE_CNAME))
		flags |= IMAGE_NODE_CNAME;
	if (zone_node_rrset(n, DNS_TYPE_DNAME))
		flags |= IMAGE_NODE_DNAME;
	if (w->denial.is_signed)
		flags |= IMAGE_NODE_SIGNED;
	return flags;
}

/* What stands in front of a signed zone's node, in the order in which it stands there. */
static int add_front(struct build *w, const struct zone_node *n, const struct image_node *in, uint32_t **front)
{
	const size_t count = in->rrset_count + 1u;

	*front = NULL;
	if (!(in->flags & IMAGE_NODE_SIGNED))
		return 0;
	*front = calloc(count, sizeof **front);
	if (!*front)
		return ERR_NOMEM;
	(*front)[0] = build_denial(w, n);
	bytes_add(&w->b->out, *front, count * sizeof **front);
	return 0;
}

/* front: NULL, or its end, where the first RRset's place is. */
static int add_node_rrsets(struct build *w, const struct zone_node *n, uint32_t name_at, size_t rrset_at,
			   uint32_t *front)
{
	struct bytes *out = &w->b->out;
	int e = 0;

	for (const struct zone_rrset *r = n->rrsets; !e && r && !out->failed; r = r->next) {
		struct image_rrset ir = { .type = r->type };
		if (!is_served(n, r))
			continue;
		e = r->live ? add_slot(w, n, name_at, r, &ir) : compile_node_rrset(w, n, r, &ir);
		if (!e && front && !r->live && ir.at)
			e = compile_node_signed(w, n, r, front);
		if (!e && !out->failed)
			memcpy(out->data + rrset_at, &ir, sizeof ir);
		rrset_at += sizeof ir;
		if (front)
			front--;
	}
	return e;
}

static int add_node(struct build *w, const struct zone_node *n, uint32_t *node_at)
{
	struct bytes *out = &w->b->out;
	struct image_node in = { .flags = node_flags(w, n), .name_len = n->name_len };
	const struct image_rrset blank = { 0 };
	uint32_t *front;

	for (const struct zone_rrset *r = n->rrsets; r; r = r->next)
		in.rrset_count = (uint16_t)(in.rrset_count + is_served(n, r));
	compile_align(out, _Alignof(struct image_node));
	size_t front_at = out->len;
	int e = add_front(w, n, &in, &front);
	if (e)
		return e;
	size_t at = out->len, rrset_at = at + sizeof in;
	bytes_add(out, &in, sizeof in);
	for (unsigned i = 0; i < in.rrset_count; i++)
		bytes_add(out, &blank, sizeof blank);
	uint32_t name_at = (uint32_t)out->len;
	bytes_add(out, n->name, n->name_len);
	e = add_node_rrsets(w, n, name_at, rrset_at, front ? front + in.rrset_count : NULL);
	if (front && !out->failed)
		memcpy(out->data + front_at, front, (in.rrset_count + 1u) * sizeof *front);
	free(front);
	*node_at = (uint32_t)at;
	return e ? e : out->failed ? ERR_NOMEM : 0;
}

/* Every ancestor must be there, since readers look for the closest encloser by halving. */
static bool has_parent(const struct build *w, const struct zone_node *n)
{
	size_t above = n->name_len == w->z->apex_len ? 0 : n->name_len - n->name[0] - 1u;

	return above <= w->z->apex_len || zone_find(w->z, name_skip(n->name, 1)) != NULL; /* the apex itself is there */
}

/* Whether the answers of a node hold data of others. */
static bool needs_others(const struct zone_node *n)
{
	for (const struct zone_rrset *r = n->rrsets; r; r = r->next)
		if (build_has_targets(r->type))
			return true;
	return false;
}

enum pass {
	PASS_ALL = 1,
	PASS_NEEDY, /* nodes that look at others */
	PASS_PLAIN  /* the others: each is looked at for the last time, and freed behind us */
};
#define FREE_EVERY 4096 /* nodes: some chunks of the arena at most stay longer than needed */

static int add_nodes(struct build *w, enum pass pass)
{
	const struct zone *z = w->z;
	int e = 0;

	for (size_t i = 0; !e && i < z->node_count; i++) {
		const struct zone_node *n = z->nodes[i];
		if (pass == PASS_PLAIN && i % FREE_EVERY == 0)
			arena_free_before(&w->taken->arena, n);
		if (is_in_image(n) ? pass == PASS_ALL || needs_others(n) == (pass == PASS_NEEDY) : pass != PASS_PLAIN)
			w->content += content_of_node(n); /* each once, and while its records are there */
		if (!is_in_image(n) ||
		    (pass != PASS_ALL && needs_others(n) != (pass == PASS_NEEDY)))
			continue;
		e = add_node(w, n, &w->node_at[i]);
		w->nodes++;
		if (n->labels > w->max_labels)
			w->max_labels = n->labels;
	}
	return e;
}

static int check_names(const struct build *w)
{
	for (size_t i = 0; i < w->z->node_count; i++) {
		const struct zone_node *n = w->z->nodes[i];
		if (is_in_image(n) &&
		    (!name_is_under(n->name, w->z->apex) || !has_parent(w, n)))
			return ERR_FORMAT;
	}
	return 0;
}

static int add_all_nodes(struct build *w)
{
	int e = check_names(w);

	if (e || !w->taken)
		return e ? e : add_nodes(w, PASS_ALL);
	e = add_nodes(w, PASS_NEEDY);
	if (e)
		return e;
	zone_forget_names(w->taken);
	return add_nodes(w, PASS_PLAIN);
}

/* Writes to places all over the table are begun a few names ahead: each is a page and a cache line not seen before. */
#define TABLE_AHEAD 16
struct table_fill {
	struct image_entry *table;
	uint32_t places;
	size_t count;
	struct { uint64_t hash; uint32_t node_at; } next[TABLE_AHEAD];
};

static void fill_one(const struct table_fill *t, size_t i)
{
	const uint64_t hash = t->next[i % TABLE_AHEAD].hash;
	uint32_t k = image_place(hash, t->places);

	while (t->table[k].node_at)
		k = k + 1 < t->places ? k + 1 : 0;
	t->table[k] = (struct image_entry){ .tag = (uint32_t)(hash >> 32), .node_at = t->next[i % TABLE_AHEAD].node_at };
}

static void fill_add(struct table_fill *t, uint64_t hash, uint32_t node_at)
{
	const size_t i = t->count++;

	if (i >= TABLE_AHEAD)
		fill_one(t, i);
	t->next[i % TABLE_AHEAD].hash = hash;
	t->next[i % TABLE_AHEAD].node_at = node_at;
	__builtin_prefetch(&t->table[image_place(hash, t->places)], 1);
}

static void fill_end(const struct table_fill *t)
{
	for (size_t i = t->count < TABLE_AHEAD ? 0 : t->count - TABLE_AHEAD; i < t->count; i++)
		fill_one(t, i);
}

/* Half full: short probes, and an empty entry ends them. */
static int add_table(struct build *w, struct image_zone *iz)
{
	struct bytes *out = &w->b->out;
	struct table_fill t = { .places = (uint32_t)w->nodes * 2 };

	compile_align(out, _Alignof(struct image_entry));
	iz->table_at = (uint32_t)out->len;
	iz->table_places = t.places;
	t.table = (struct image_entry *)bytes_zero(out, t.places * sizeof *t.table);
	if (!t.table)
		return ERR_NOMEM;
	for (size_t i = 0; i < w->z->node_count; i++) {
		const struct image_node *n = (const struct image_node *)(out->data + w->node_at[i]);
		if (w->node_at[i]) /* the name as it is in the image: the records may be gone */
			fill_add(&t, name_hash(&w->b->key, image_node_name(n)), w->node_at[i]);
	}
	fill_end(&t);
	return 0;
}

/* RFC 2308 3: the SOA with the TTL of a negative answer. */
static int add_negative(struct build *w, const struct zone_node *apex, struct image_zone *iz)
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

int build_zone(struct build *w, struct image_zone *iz)
{
	const struct zone_node *apex = zone_find(w->z, w->z->apex);
	int e = apex ? add_negative(w, apex, iz) : ERR_FORMAT;

	if (!e)
		e = denial_init(&w->denial, w->z, w->d);
	if (!e)
		e = number_slots(w);
	if (!e)
		e = add_all_nodes(w);
	for (size_t i = 0; !e && i < w->z->node_count; i++)
		if (w->z->nodes[i] == apex)
			iz->apex_node_at = w->node_at[i];
	if (!e && !iz->apex_node_at)
		e = ERR_FORMAT;
	if (!e)
		e = add_table(w, iz);
	if (!e && w->denial.is_signed)
		e = build_signed(w, iz);
	if (e)
		return e;
	const struct image_node *n = (const struct image_node *)(w->b->out.data + iz->apex_node_at);
	iz->apex_at = (uint32_t)(image_node_name(n) - w->b->out.data);
	iz->content = w->content;
	iz->serial = w->z->serial;
	iz->records = (uint32_t)w->z->record_count;
	iz->max_labels = w->max_labels;
	return w->b->out.failed ? ERR_NOMEM : 0;
}
