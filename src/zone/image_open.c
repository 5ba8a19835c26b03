/* Believes nothing: one walk over a mapped image before anybody reads it.  Parts of a true image do not overlap, so the
 * work is bounded by taking what is checked from a purse of the image's own size.
 */
#include <string.h>
#include "zone/image.h"

#define AHEAD 16 /* places of the table: nodes are all over the image */

struct walk {
	const uint8_t *base;
	size_t len;
	size_t purse; /* octets of nodes and answers that may still be visited */
};

static bool spend(struct walk *w, size_t n)
{
	if (n > w->purse)
		return false;
	w->purse -= n;
	return true;
}

static bool in_range(const struct walk *w, size_t at, uint64_t n, size_t align)
{
	return at >= sizeof(struct image_header) && at % align == 0 && at <= w->len && n <= w->len - at;
}

static bool check_name(const struct walk *w, size_t at, size_t len)
{
	return in_range(w, at, len, 1) && len > 0 && name_check(w->base + at, len) == (int)len;
}

/* Ends ascend to the body's end, sections ascend, and their records are those that the header tells. */
static bool check_segments(const struct image_answer *a, const struct image_sections *h)
{
	const struct image_segment *s = image_answer_segments(a);
	uint32_t count[IMAGE_ADDITIONAL + 1] = { 0 };
	unsigned end = 0, section = IMAGE_ANSWER;

	for (unsigned i = 0; i < h->segment_count; i++) {
		if (s[i].end <= end || s[i].section < section || s[i].section > IMAGE_ADDITIONAL)
			return false;
		end = s[i].end;
		section = s[i].section;
		count[section] += s[i].count;
	}
	return end == a->body_len && count[IMAGE_ANSWER] == a->an && count[IMAGE_AUTHORITY] == h->ns &&
	       count[IMAGE_GLUE] + count[IMAGE_ADDITIONAL] == h->ar;
}

/* To the owner, a suffix of it (not its root), or backwards in the body and low enough to be moved. */
static bool check_pointer(const struct image_answer *a, const uint8_t *body, unsigned at)
{
	const unsigned body_at = DNS_HEADER_LEN + a->name_len + 4u;

	if (at + 2u > a->body_len)
		return false;
	unsigned v = load_u16(body + at), to = v & 0x3fff;
	if ((v & 0xc000) != 0xc000 || to < DNS_HEADER_LEN || to > IMAGE_POINTER_MAX)
		return false;
	bool in_owner = to + 1 < DNS_HEADER_LEN + (unsigned)a->name_len;
	bool in_body = to >= body_at && to - body_at < at;
	return in_owner || in_body;
}

/* Every pointer, with the unlisted one at the beginning; that needs room, since movers look for it. */
static bool check_relocs(const struct image_answer *a)
{
	const uint16_t *reloc = image_answer_relocs(a);
	const uint8_t *body = image_answer_body(a);
	unsigned free_at = 0;

	if (a->body_len < 2)
		return false;
	if (body[0] >= 0xc0) {
		if (!check_pointer(a, body, 0))
			return false;
		free_at = 2;
	}
	for (unsigned i = 0; i < a->reloc_count; i++) {
		if (reloc[i] < free_at || !check_pointer(a, body, reloc[i]))
			return false;
		free_at = reloc[i] + 2u;
	}
	return true;
}

static const struct image_answer *check_answer(struct walk *w, size_t at, unsigned owner_len)
{
	if (!in_range(w, at, sizeof(struct image_answer), _Alignof(struct image_answer)))
		return NULL;
	const struct image_answer *a = (const struct image_answer *)(w->base + at);
	const struct image_sections *s = NULL;
	size_t size = sizeof *a + a->reloc_count * sizeof(uint16_t) + a->body_len;
	if (a->flags & ~(unsigned)IMAGE_ANSWER_SECTIONS)
		return NULL;
	if (a->flags) {
		s = image_answer_sections(a);
		if (!in_range(w, at, sizeof *a + sizeof *s, 1))
			return NULL;
		size += sizeof *s + s->segment_count * sizeof(struct image_segment);
	}
	if (!in_range(w, at, size, 1) || !spend(w, size) || a->name_len != owner_len)
		return NULL;
	return (!s || check_segments(a, s)) && check_relocs(a) ? a : NULL;
}

/* The rdata of the first record, which the answer room reads on its own, must be one whole name. */
static bool check_target(const struct image_answer *a)
{
	const uint8_t *body = image_answer_body(a);

	if (a->an != 1 || a->flags & IMAGE_ANSWER_SECTIONS)
		return false;
	size_t rdata_at = image_body_ttl_at(body) + 6;
	return a->body_len > rdata_at && load_u16(body + rdata_at - 2) == a->body_len - rdata_at &&
	       name_check(body + rdata_at, a->body_len - rdata_at) == (int)(a->body_len - rdata_at);
}

/* The same where RRSIGs may follow. */
static bool check_signed_target(const struct image_answer *a)
{
	const uint8_t *body = image_answer_body(a);

	if (a->an < 1)
		return false;
	size_t rdata_at = image_body_ttl_at(body) + 6;
	if (a->body_len <= rdata_at)
		return false;
	size_t len = load_u16(body + rdata_at - 2);
	return len <= a->body_len - rdata_at && name_check(body + rdata_at, len) == (int)len;
}

/* One SOA in the authority section whose TTL can be found. */
static bool check_negative(const struct image_answer *a)
{
	return a->flags & IMAGE_ANSWER_SECTIONS && a->an == 0 && image_answer_sections(a)->ns == 1 &&
	       image_answer_sections(a)->segment_count == 1 && a->body_len > 12;
}

/* What stands in front of the answer: live slots, each with a name that a pointer can be moved to. */
static bool check_company(struct walk *w, const struct image_header *h, const struct image_answer *a, size_t at)
{
	const unsigned body_at = DNS_HEADER_LEN + a->name_len + 4u;
	unsigned n = 1;

	for (unsigned i = 0; i < n; i++) {
		const struct image_companion *c = image_answer_companion(a, i);
		const size_t size = (i + 1) * sizeof *c;
		if (at < size || !in_range(w, at - size, sizeof *c, _Alignof(struct image_companion)) || !spend(w, sizeof *c))
			return false;
		if (i == 0)
			n = c->more + 1u;
		if (n > IMAGE_COMPANY_MAX || c->more != n - 1 - i || c->slot >= h->slot_count)
			return false;
		if (c->owner < DNS_HEADER_LEN || c->owner > IMAGE_POINTER_MAX || c->owner >= body_at + a->body_len ||
		    (c->owner >= DNS_HEADER_LEN + a->name_len && c->owner < body_at))
			return false;
	}
	return a->flags & IMAGE_ANSWER_SECTIONS;
}

static bool check_rrset(struct walk *w, const struct image_header *h, const struct image_node *n,
			const struct image_rrset *r)
{
	if (r->flags & IMAGE_RRSET_LIVE)
		return r->flags == IMAGE_RRSET_LIVE && r->at < h->slot_count &&
		       (r->type == DNS_TYPE_A || r->type == DNS_TYPE_AAAA);
	if (r->flags & ~(unsigned)(IMAGE_RRSET_CHASE | IMAGE_RRSET_COMPANY))
		return false;
	if (r->at == 0)
		return r->flags == 0;
	const struct image_answer *a = check_answer(w, r->at, n->name_len);
	if (!a || (r->flags & IMAGE_RRSET_COMPANY && (n->flags & IMAGE_NODE_SIGNED || !check_company(w, h, a, r->at))))
		return false;
	if (r->type == DNS_TYPE_DNAME || (r->flags & IMAGE_RRSET_CHASE))
		return check_target(a);
	return true;
}

/* What stands in front of the node: in the image, answers for its name, and a place within the chain. */
static bool check_front(struct walk *w, const struct image_signed *is, const struct image_node *n, uint32_t at)
{
	const size_t size = (n->rrset_count + 1u) * sizeof(uint32_t);
	const struct image_rrset *r = image_node_rrsets(n);

	if (at < size || !in_range(w, at - size, size, _Alignof(uint32_t)) || !spend(w, size))
		return false;
	for (unsigned i = 0; i < n->rrset_count; i++) {
		const uint32_t signed_at = image_node_signed_at(n, i);
		if (!signed_at)
			continue;
		const struct image_answer *a = check_answer(w, signed_at, n->name_len);
		if (!a || ((r[i].flags & IMAGE_RRSET_CHASE) && !check_signed_target(a)))
			return false;
	}
	return image_node_denial(n) < is->chain_count || image_node_denial(n) == IMAGE_NO_PROOF;
}

/* is: of a signed zone, else NULL. */
static bool check_node(struct walk *w, const struct image_header *h, const struct image_signed *is, uint32_t at)
{
	if (!in_range(w, at, sizeof(struct image_node), _Alignof(struct image_node)))
		return false;
	const struct image_node *n = (const struct image_node *)(w->base + at);
	size_t size = sizeof *n + n->rrset_count * sizeof(struct image_rrset);
	if (!in_range(w, at, size, 1) || !spend(w, size) || !check_name(w, at + size, n->name_len))
		return false;
	const struct image_rrset *r = image_node_rrsets(n);
	bool dname = false;
	for (unsigned i = 0; i < n->rrset_count; i++) {
		if ((i > 0 && r[i].type <= r[i - 1].type) || !check_rrset(w, h, n, &r[i]))
			return false;
		dname |= r[i].type == DNS_TYPE_DNAME;
	}
	if ((n->flags & IMAGE_NODE_DNAME && !dname) || !(n->flags & IMAGE_NODE_SIGNED) != !is)
		return false;
	return !is || check_front(w, is, n, at);
}

static bool check_table(struct walk *w, const struct image_header *h, const struct image_zone *z,
			const struct image_signed *is)
{
	const uint64_t places = z->table_places;
	uint64_t used = 0;

	if (!in_range(w, z->table_at, places * sizeof(struct image_entry), _Alignof(struct image_entry)))
		return false;
	const struct image_entry *t = (const struct image_entry *)(w->base + z->table_at);
	for (uint64_t i = 0; i < places; i++) {
		if (i + AHEAD < places)
			__builtin_prefetch(w->base + t[i + AHEAD].node_at);
		if (!t[i].node_at)
			continue;
		if (!check_node(w, h, is, t[i].node_at))
			return false;
		used++;
	}
	return used < places;
}

/* ---- signed zones ---- */

/* Nothing but authority, and written for the apex. */
static bool check_proof(struct walk *w, const struct image_zone *z, uint32_t at)
{
	if (!at)
		return true;
	const struct image_answer *a = check_answer(w, at, z->apex_len);
	return a && a->flags & IMAGE_ANSWER_SECTIONS && a->an == 0 && image_answer_sections(a)->ar == 0;
}

/* Searched by halving, so it must ascend. */
static bool check_nsec(struct walk *w, const struct image_zone *z, const struct image_signed *is)
{
	const struct image_nsec *list = (const struct image_nsec *)(w->base + is->chain_at);

	for (uint32_t i = 0; i < is->chain_count; i++) {
		if (!in_range(w, list[i].name_at, 1, 1) ||
		    name_check(w->base + list[i].name_at, w->len - list[i].name_at) < 0 ||
		    !check_proof(w, z, list[i].answer_at))
			return false;
		if (i > 0 && name_compare(w->base + list[i - 1].name_at, w->base + list[i].name_at) >= 0)
			return false;
	}
	return true;
}

static bool check_nsec3(struct walk *w, const struct image_zone *z, const struct image_signed *is)
{
	const struct image_nsec3 *list = (const struct image_nsec3 *)(w->base + is->chain_at);

	for (uint32_t i = 0; i < is->chain_count; i++) {
		if (!check_proof(w, z, list[i].answer_at))
			return false;
		if (i > 0 && memcmp(list[i - 1].hash, list[i].hash, NSEC3_HASH_LEN) >= 0)
			return false;
	}
	return in_range(w, is->salt_at, is->salt_len, 1) &&
	       (is->denial == IMAGE_DENIAL_APEX || is->iterations <= NSEC3_ITERATIONS_MAX);
}

static bool check_chain(struct walk *w, const struct image_zone *z, const struct image_signed *is)
{
	const bool nsec = is->denial == IMAGE_DENIAL_NSEC;
	const uint64_t size = (uint64_t)is->chain_count * (nsec ? sizeof(struct image_nsec) : sizeof(struct image_nsec3));

	if (is->denial == IMAGE_DENIAL_NONE)
		return is->chain_count == 0;
	if ((!nsec && is->denial != IMAGE_DENIAL_NSEC3 && is->denial != IMAGE_DENIAL_APEX) || is->chain_count == 0)
		return false;
	if (!in_range(w, is->chain_at, size, _Alignof(uint32_t)) || !spend(w, size))
		return false;
	return nsec ? check_nsec(w, z, is) : check_nsec3(w, z, is);
}

/* *is: NULL for a zone without signatures. */
static bool check_signed(struct walk *w, const struct image_zone *z, const struct image_signed **is)
{
	*is = NULL;
	if (!z->signed_at)
		return true;
	if (!in_range(w, z->signed_at, sizeof **is, _Alignof(struct image_signed)))
		return false;
	*is = (const struct image_signed *)(w->base + z->signed_at);
	return check_proof(w, z, (*is)->negative_at) && check_chain(w, z, *is);
}

static bool check_zone(struct walk *w, const struct image_header *h, const struct image_zone *z)
{
	const struct image_signed *is;

	if (!check_name(w, z->apex_at, z->apex_len) || name_labels(w->base + z->apex_at) != z->apex_labels)
		return false;
	if (name_hash(&h->key, w->base + z->apex_at) != z->apex_hash)
		return false;
	if (!z->apex_node_at)
		return z->table_at == 0 && z->negative_at == 0 && z->signed_at == 0;
	if (!check_signed(w, z, &is) || !check_table(w, h, z, is) || z->max_labels < z->apex_labels || z->max_labels > NAME_LABELS_MAX)
		return false;
	/* The apex node is in the table, but reached without it. */
	if (!in_range(w, z->apex_node_at, sizeof(struct image_node), _Alignof(struct image_node)))
		return false;
	const struct image_node *n = (const struct image_node *)(w->base + z->apex_node_at);
	struct walk again = *w;
	again.purse = w->len;
	if (!check_node(&again, h, is, z->apex_node_at) || n->flags & IMAGE_NODE_CUT || n->name_len != z->apex_len ||
	    memcmp(image_node_name(n), w->base + z->apex_at, z->apex_len) != 0)
		return false;
	const struct image_answer *a = check_answer(w, z->negative_at, z->apex_len);
	return a && check_negative(a);
}

/* Records that image_answer_next can step through, of the owner's own. */
static bool check_file_answer(struct walk *w, const struct image_slot *s)
{
	const struct image_answer *a = check_answer(w, s->answer_at, (unsigned)name_len(w->base + s->owner_at));
	size_t at = 0, len, records = 0;
	const uint8_t *rdata;
	uint32_t ttl_s;

	if (!a || a->flags & IMAGE_ANSWER_SECTIONS)
		return false;
	while (image_answer_next(a, &at, &ttl_s, &rdata, &len))
		records++;
	return records == a->an && at == a->body_len;
}

static bool check_slots(struct walk *w, const struct image_header *h)
{
	const struct image_slot *s = (const struct image_slot *)(w->base + h->slots_at);

	for (uint32_t i = 0; i < h->slot_count; i++) {
		if (s[i].zone >= h->zone_count || !in_range(w, s[i].owner_at, 1, 1) ||
		    name_check(w->base + s[i].owner_at, w->len - s[i].owner_at) < 0 ||
		    (s[i].answer_at && !check_file_answer(w, &s[i])))
			return false;
	}
	return true;
}

static int check_header(const struct walk *w, const struct image_header *h)
{
	if (memcmp(h->magic, IMAGE_MAGIC, sizeof h->magic) != 0)
		return ERR_FORMAT;
	if (h->version != IMAGE_VERSION || h->byte_order != IMAGE_BYTE_ORDER)
		return ERR_VERSION;
	if (h->size != w->len)
		return ERR_SHORT;
	if (!in_range(w, h->zones_at, (uint64_t)h->zone_count * sizeof(struct image_zone),
		      _Alignof(struct image_zone)) ||
	    !in_range(w, h->slots_at, (uint64_t)h->slot_count * sizeof(struct image_slot),
		      _Alignof(struct image_slot)))
		return ERR_FORMAT;
	return 0;
}

bool image_answer_next(const struct image_answer *a, size_t *at, uint32_t *ttl_s, const uint8_t **rdata, size_t *len)
{
	const uint8_t *body = image_answer_body(a);

	if (*at >= a->body_len)
		return false;
	size_t ttl_at = *at + image_body_ttl_at(body + *at), rdata_at = ttl_at + 6;
	if (rdata_at > a->body_len)
		return false;
	*len = load_u16(body + rdata_at - 2);
	if (*len > a->body_len - rdata_at)
		return false;
	*ttl_s = load_u32(body + ttl_at);
	*rdata = body + rdata_at;
	*at = rdata_at + *len;
	return true;
}

int image_open_again(struct image *im, const void *data, size_t len)
{
	struct walk w = { .base = data, .len = len };
	const struct image_header *h = data;

	if (len < sizeof *h || len > UINT32_MAX)
		return ERR_SHORT;
	int e = (uintptr_t)data % _Alignof(struct image_header) ? ERR_FORMAT : check_header(&w, h);
	if (e)
		return e;
	*im = (struct image){ .base = w.base, .len = len, .head = h,
		.zones = (const struct image_zone *)(w.base + h->zones_at),
		.slots = (const struct image_slot *)(w.base + h->slots_at) };
	return 0;
}

int image_open(struct image *im, const void *data, size_t len)
{
	struct walk w = { .base = data, .len = len, .purse = len };
	struct image opened;
	int e = image_open_again(&opened, data, len);

	if (e)
		return e;
	const struct image_header *h = opened.head;
	if (h->crc != crc32c(0, w.base + sizeof *h, len - sizeof *h))
		return ERR_FORMAT;
	for (uint32_t i = 0; i < h->zone_count; i++)
		if (!check_zone(&w, h, &opened.zones[i]))
			return ERR_FORMAT;
	if (!check_slots(&w, h))
		return ERR_FORMAT;
	*im = opened;
	return 0;
}
