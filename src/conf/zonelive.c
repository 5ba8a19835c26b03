/* Where services and zones meet: names marked live, members taken from records, and the rules between the two. See
 * conf.h.
 *
 *     with tiers      every A and AAAA at the name stands in a tier
 *     without         the A and AAAA at the name are the members, in one tier
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf/zonefile.h"

static const uint16_t address_types[2] = {DNS_TYPE_A, DNS_TYPE_AAAA};

static bool rdata_addr(struct addr *a, uint16_t type, const uint8_t *rdata, size_t len)
{
	memset(a, 0, sizeof *a);
	a->family = type == DNS_TYPE_A ? 4 : 6;
	if (len != addr_ip_len(a))
		return false;
	memcpy(a->ip, rdata, len);
	return true;
}

static void take_ttl(struct conf_service *s, uint32_t ttl_s)
{
	if (!s->ttl_record_s || ttl_s < s->ttl_record_s)
		s->ttl_record_s = ttl_s;
}

static void take_member(struct conf *c, struct conf_service *s, struct conf_members *m, const struct addr *a)
{
	struct conf_member member = {.addr = *a, .weight = 1, .at = &s->block->table};

	if (!s->tiered && m->count < POLICY_MEMBERS_MAX)
		conf_members_push(c, m, &member);
}

/* ---- from records ---- */

/* Marks the zone's services. False where one of them cannot be (told). */
static int mark_services(const struct conf_zone *cz, struct zone *z, struct diags *d)
{
	int result = 0;

	for (const struct conf_service *s = cz->services; s; s = s->next_in_zone) {
		int r = zone_mark_live(z, s->owner, CONF_TTL_TIERED_S);
		const struct zone_rrset *cname;

		if (r == ERR_NOMEM)
			return r;
		if (r != ERR_EXISTS)
			continue;
		cname = zone_node_rrset(zone_find(z, s->owner), DNS_TYPE_CNAME);
		diags_add(d, DIAG_ERROR, cname ? zone_file(z, cname) : cz->file, cname &&
			  cname->count ? cname->rdata[0].line : 0, 0,
			  "%s is a CNAME and a service (%s:%u); expected addresses or nothing at the name", s->name,
			  s->block->source->path,
			  s->block->line);
		result = ERR_FORMAT;
	}
	return result;
}

static bool in_tiers(const struct conf_service *s, const struct addr *a)
{
	for (uint16_t i = 0; i < s->member_count; i++)
		if (addr_same_ip(&s->members[i].addr, a))
			return true;
	return false;
}

static void check_record(const struct conf_service *s, const struct zone *z, const struct zone_rrset *rr,
			 const struct zone_rdata *rd, struct diags *d)
{
	char text[ADDR_TEXT_MAX];
	struct addr a;

	if (!s->tiered || s->faulty || !rdata_addr(&a, rr->type, rd->wire, rd->len) || in_tiers(s, &a))
		return;
	diags_add(d, DIAG_ERROR, zone_file(z, rr), rd->line, 0,
		  "%s %s %s stands in no tier of the service (%s:%u); expected every address of a name with tiers in "
		  "one",
		  s->name, rr->type == DNS_TYPE_A ? "A" : "AAAA", addr_format(&a, false, text), s->block->source->path,
		  s->block->line);
}

/* A live answer has no signature, so validators would refuse it. */
static void check_signed(const struct conf_zone *cz, const struct zone *z, const struct conf_service *s,
			 struct diags *d)
{
	const struct zone_node *apex = zone_find(z, z->apex);
	const struct zone_rrset *key = apex ? zone_node_rrset(apex, DNS_TYPE_DNSKEY) : NULL;

	if (!key && apex)
		key = zone_node_rrset(apex, DNS_TYPE_RRSIG);
	if (key && key->count)
		diags_add(d, DIAG_ERROR, zone_file(z, key), key->rdata[0].line, 0,
			  "zone \"%s\" is signed and has service \"%s\" (%s:%u); expected an unsigned zone: live "
			  "answers cannot be signed yet",
			  cz->name, s->name, s->block->source->path, s->block->line);
}

/* Members and TTL of one service, and its faults. */
static void take_service(struct conf *c, const struct conf_zone *cz, const struct zone *z, struct conf_service *s,
			 struct diags *d)
{
	const struct zone_node *n = zone_find(z, s->owner);
	struct conf_members m = {0};
	struct addr a;

	s->ttl_record_s = 0;
	if (!n)
		return;
	check_signed(cz, z, s, d);
	for (int t = 0; t < 2; t++) {
		const struct zone_rrset *rr = zone_node_rrset(n, address_types[t]);

		for (uint16_t i = 0; rr && i < rr->count; i++) {
			take_ttl(s, rr->ttl);
			check_record(s, z, rr, &rr->rdata[i], d);
			if (rdata_addr(&a, rr->type, rr->rdata[i].wire, rr->rdata[i].len))
				take_member(c, s, &m, &a);
		}
	}
	if (!s->tiered && !s->faulty) {
		if (!m.count)
			diags_add(d, DIAG_ERROR, s->block->source->path, s->block->line, 0,
				  "service \"%s\" has no members; expected tiers, or A or AAAA records at the name in "
				  "%s",
				  s->name, cz->file);
		conf_service_set_members(c, s, &m);
		if (m.count)
			(void)conf_service_finish(c, s);
	}
	free(m.list);
}

/* Gives the text's memory back page by page: what was read stands in the records by now. */
struct text_watch {
	struct zone_watch watch;
	struct conf_zone_text *text;
	uintptr_t given; /* up to here */
};

static void text_passed(struct zone_watch *watch, const struct zone *z, const char *upto)
{
	struct text_watch *w = (struct text_watch *)watch;
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = (w->given + page - 1) / page * page, to = (uintptr_t)upto / page * page;

	if (from < to && !madvise((void *)from, to - from, MADV_DONTNEED))
		w->given = to;
	if (w->text->progress)
		w->text->progress(w->text->ctx, z->record_count);
}

int conf_zone_compile(struct conf *c, size_t i, struct conf_zone_text *t, const struct hash_key *key, struct zone **out,
		      struct diags *d)
{
	struct conf_zone *cz = &c->zones[i];
	struct diags *saved = c->d;
	size_t errors = d->errors;
	struct text_watch watch = {.watch = {text_passed}, .text = t, .given = (uintptr_t)t->text};
	struct zone *z;
	int r = zone_new(&z, cz->apex, key), marked;

	if (r)
		return r;
	z->watch = &watch.watch;
	c->d = d;
	r = zone_parse(z, cz->file, t->text, t->len, conf_zonefile_include, t, d);
	z->watch = NULL;
	if (t->include_count)
		t->stamp = 0;
	if (r != ERR_NOMEM) {
		marked = mark_services(cz, z, d);
		if (marked != ERR_NOMEM)
			r = zone_check(z, d);
		if (marked == ERR_NOMEM)
			r = marked;
	}
	for (struct conf_service *s = cz->services; s && r != ERR_NOMEM; s = s->next_in_zone)
		take_service(c, cz, z, s, d);
	c->d = saved;
	if (!r && c->failed)
		r = ERR_NOMEM;
	if (!r && d->errors > errors)
		r = ERR_FORMAT;
	if (r) {
		zone_free(z);
		return r;
	}
	*out = z;
	return 0;
}

/* ---- from an image ---- */

static const struct image_node *image_find(const struct image *im, const struct image_zone *z, const uint8_t *name)
{
	uint64_t hash = name_hash(&im->head->key, name);
	const struct image_entry *table = (const struct image_entry *)(im->base + z->table_at);
	size_t len = name_len(name);

	if (!z->apex_node_at)
		return NULL;
	if (len == z->apex_len && !memcmp(im->base + z->apex_at, name, len))
		return (const struct image_node *)(im->base + z->apex_node_at);
	for (uint32_t at = image_place(hash, z->table_places);; at = at + 1 < z->table_places ? at + 1 : 0) {
		const struct image_entry *e = &table[at];
		const struct image_node *n = (const struct image_node *)(im->base + e->node_at);

		if (!e->node_at)
			return NULL;
		if (e->tag == (uint32_t)(hash >> 32) && n->name_len == len && !memcmp(image_node_name(n), name, len))
			return n;
	}
}

/* What the file says of an A or AAAA RRset, live or not. */
static void take_rrset(struct conf *c, struct conf_service *s, struct conf_members *m, const struct image *im,
		       const struct image_rrset *rr)
{
	uint32_t answer_at = rr->flags & IMAGE_RRSET_LIVE ? im->slots[rr->at].answer_at : rr->at, ttl_s;
	const struct image_answer *answer = (const struct image_answer *)(im->base + answer_at);
	const uint8_t *rdata;
	size_t at = 0, len;
	struct addr a;

	while (answer_at && image_answer_next(answer, &at, &ttl_s, &rdata, &len)) {
		if (!rdata_addr(&a, rr->type, rdata, len))
			continue;
		take_ttl(s, ttl_s);
		take_member(c, s, m, &a);
	}
}

static void service_from_image(struct conf *c, struct conf_service *s, const struct image *im,
			       const struct image_zone *z)
{
	const struct image_node *n = image_find(im, z, s->owner);
	struct conf_members m = {0};

	s->ttl_record_s = 0;
	for (uint16_t i = 0; n && i < n->rrset_count; i++) {
		const struct image_rrset *rr = &image_node_rrsets(n)[i];

		if (rr->type == DNS_TYPE_A || rr->type == DNS_TYPE_AAAA)
			take_rrset(c, s, &m, im, rr);
	}
	if (!s->tiered) {
		conf_service_set_members(c, s, &m);
		s->absent = !m.count;
		s->faulty = false; /* what made it so was in the zone that is not taken */
	}
	free(m.list);
}

void conf_zone_from_image(struct conf *c, size_t i, const struct image *im, uint32_t zone)
{
	for (struct conf_service *s = c->zones[i].services; s; s = s->next_in_zone)
		service_from_image(c, s, im, &im->zones[zone]);
}

void conf_zone_absent(struct conf *c, size_t i)
{
	for (struct conf_service *s = c->zones[i].services; s; s = s->next_in_zone)
		if (!s->tiered) {
			s->absent = true;
			s->faulty = false;
		}
}
