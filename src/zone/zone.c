/* The zone as records: nodes by name, each with its RRsets in ascending type, all in the zone's arena.
 *
 *     index ──▶ node{www.example.test.} ──▶ rrset{A, ttl, rdata[2]} ──▶ rrset{AAAA, …} ──▶ NULL
 *
 * Record by record a zone only grows; what the records mean together is zone_check's business (check.c).
 */
#include "zone/zone.h"
#include <stdlib.h>
#include <string.h>
#include "zone/check.h"

int zone_new(struct zone **out, const uint8_t *apex, const struct hash_key *key)
{
	struct zone *z = calloc(1, sizeof *z);

	if (z == NULL)
		return ERR_NOMEM;
	arena_init(&z->arena, 0);
	arena_init(&z->files, 0);
	z->key = *key;
	z->apex_len = (uint8_t)name_len(apex);
	z->apex_labels = (uint8_t)name_labels(apex);
	memcpy(z->apex, apex, z->apex_len);
	*out = z;
	return 0;
}

void zone_free(struct zone *z)
{
	if (z == NULL)
		return;
	free(z->index);
	free(z->file_names);
	arena_deinit(&z->arena);
	arena_deinit(&z->files);
	free(z->nodes);
	free(z);
}

static int nodes_reserve(struct zone *z)
{
	if (z->node_count == z->node_cap) {
		size_t cap = z->node_cap > 0 ? z->node_cap * 2 : 64;
		struct zone_node **grown = reallocarray(z->nodes, cap, sizeof *grown);

		if (grown == NULL)
			return ERR_NOMEM;
		z->nodes = grown;
		z->node_cap = cap;
	}
	return 0;
}

/* The node and its name in one piece: a zone of a million names is mostly these. */
static struct zone_node *node_make(struct zone *z, const uint8_t *name, size_t len)
{
	struct zone_node *n = arena_alloc_packed(&z->arena, sizeof *n + len);

	if (n == NULL)
		return NULL;
	memcpy(n->name, name, len);
	n->name_len = (uint8_t)len;
	n->labels = (uint8_t)name_labels(name);
	return n;
}

/* ---- names ---- */

#define INDEX_FIRST 32u

static uint64_t name_key(const struct zone *z, const uint8_t *name, size_t len)
{
	return hash_bytes(&z->key, name, len);
}

/* Where a name with this hash begins to be looked for, and what it is known by there. */
static size_t index_start(const struct zone *z, uint64_t hash)
{
	return (size_t)hash & z->index_mask;
}

static uint32_t index_tag(uint64_t hash)
{
	return (uint32_t)(hash >> 32);
}

static struct zone_node *index_find(const struct zone *z, uint64_t hash, const uint8_t *name, size_t len)
{
	if (z->index == NULL)
		return NULL;
	for (size_t i = index_start(z, hash); z->index[i].node != 0; i = (i + 1) & z->index_mask) {
		struct zone_node *n;

		if (z->index[i].tag != index_tag(hash))
			continue;
		n = z->nodes[z->index[i].node - 1];
		if (n->name_len == len && memcmp(n->name, name, len) == 0)
			return n;
	}
	return NULL;
}

static void index_put(struct zone *z, uint64_t hash, size_t at)
{
	size_t i = index_start(z, hash);

	while (z->index[i].node != 0)
		i = (i + 1) & z->index_mask;
	z->index[i] = (struct zone_place){ .tag = index_tag(hash), .node = (uint32_t)at + 1 };
}

int zone_index(struct zone *z, size_t places)
{
	struct zone_place *index = calloc(places, sizeof *index);

	if (index == NULL)
		return ERR_NOMEM;
	free(z->index);
	z->index = index;
	z->index_mask = places - 1;
	for (size_t i = 0; i < z->node_count; i++)
		index_put(z, name_key(z, z->nodes[i]->name, z->nodes[i]->name_len), i);
	return 0;
}

/* Room for one name more, at most three quarters full. */
static int index_reserve(struct zone *z)
{
	size_t places = z->index != NULL ? z->index_mask + 1 : 0;

	if (z->node_count + 1 <= places / 4 * 3)
		return 0;
	return zone_index(z, places > 0 ? places * 2 : INDEX_FIRST);
}

static int node_add(struct zone *z, uint64_t hash, const uint8_t *name, size_t len, struct zone_node **out)
{
	struct zone_node *n;
	int rc = nodes_reserve(z);

	if (rc == 0)
		rc = index_reserve(z);
	if (rc < 0)
		return rc;
	n = node_make(z, name, len);
	if (n == NULL)
		return ERR_NOMEM;
	index_put(z, hash, z->node_count);
	z->nodes[z->node_count++] = n;
	*out = n;
	return 0;
}

int zone_node_new(struct zone *z, const uint8_t *name, struct zone_node **out)
{
	size_t len = name_len(name);

	return node_add(z, name_key(z, name, len), name, len, out);
}

static int node_get(struct zone *z, const uint8_t *name, struct zone_node **out)
{
	size_t len = name_len(name);
	struct zone_node *n = z->last;
	uint64_t hash;
	int rc;

	if (n != NULL && n->name_len == len && memcmp(n->name, name, len) == 0) {
		*out = n;
		return 0;
	}
	hash = name_key(z, name, len);
	n = index_find(z, hash, name, len);
	if (n == NULL) {
		if (!name_is_under(name, z->apex))
			return ERR_RANGE;
		rc = node_add(z, hash, name, len, &n);
		if (rc < 0)
			return rc;
	}
	z->last = n;
	*out = n;
	return 0;
}

/* ---- RRsets ---- */

/* rdata_len: of the record that it is wanted for, in case it is made. */
static struct zone_rrset *rrset_get(struct zone *z, struct zone_node *n, uint16_t type, size_t rdata_len)
{
	struct zone_rrset **at = &n->rrsets;
	struct zone_rrset *set;

	while (*at != NULL && (*at)->type < type)
		at = &(*at)->next;
	if (*at != NULL && (*at)->type == type)
		return *at;
	/* Room for one record comes along: most RRsets have no more. */
	set = arena_alloc_packed(&z->arena, sizeof *set + sizeof(struct zone_rdata) + rdata_len);
	if (set == NULL)
		return NULL;
	set->type = type;
	set->cap = 1;
	set->rdata = (struct zone_rdata *)(set + 1);
	set->rdata->wire = (const uint8_t *)(set->rdata + 1);
	set->rdata->len = (uint16_t)rdata_len;
	set->next = *at;
	*at = set;
	return set;
}

static int rrset_grow(struct zone *z, struct zone_rrset *set)
{
	uint16_t cap;
	struct zone_rdata *grown;

	if (set->count < set->cap)
		return 0;
	if (set->count >= ZONE_RRSET_MAX)
		return ERR_LIMIT;
	cap = (uint16_t)(set->cap * 4);
	grown = arena_array(&z->arena, cap, sizeof *grown);
	if (grown == NULL)
		return ERR_NOMEM;
	memcpy(grown, set->rdata, set->count * sizeof *grown);
	set->rdata = grown;
	set->cap = cap & 0x7fffu;
	return 0;
}

/* Where the only name in the rdata begins, which compares case folded (RFC 4034 6.2); -1 = compare octets. */
static int rdata_name_at(uint16_t type)
{
	switch (type) {
	case DNS_TYPE_NS:
	case DNS_TYPE_CNAME:
	case DNS_TYPE_PTR:
	case DNS_TYPE_DNAME:
		return 0;
	case DNS_TYPE_MX:
		return 2;
	case DNS_TYPE_SRV:
		return 6;
	default:
		return -1;
	}
}

static bool rdata_same(uint16_t type, const struct zone_rdata *r, const uint8_t *wire, size_t len)
{
	int at = rdata_name_at(type);

	if (r->len != len)
		return false;
	if (memcmp(r->wire, wire, len) == 0)
		return true;
	return at >= 0 && len > (size_t)at && memcmp(r->wire, wire, (size_t)at) == 0 &&
	       name_check(wire + at, len - (size_t)at) > 0 && name_equal(r->wire + at, wire + at);
}

static void rrset_ttl(struct zone_rrset *set, uint32_t ttl, unsigned line)
{
	if (set->count == 0)
		set->ttl = ttl;
	if (ttl != set->ttl && set->ttl_line == 0)
		set->ttl_line = line;
	if (ttl < set->ttl)
		set->ttl = ttl;
}

static int rrset_add(struct zone *z, struct zone_rrset *set, const uint8_t *rdata, size_t len, unsigned line)
{
	struct zone_rdata *r;
	uint8_t *room;
	int rc = rrset_grow(z, set);

	if (rc < 0)
		return rc;
	r = &set->rdata[set->count];
	/* The first one may find its room already there, behind the array that the RRset was made with. */
	room = r->wire == (const uint8_t *)(r + 1) && r->len == len ? (uint8_t *)(r + 1) : arena_alloc_packed(&z->arena, len);
	if (room == NULL)
		return ERR_NOMEM;
	memcpy(room, rdata, len);
	r->wire = room;
	r->len = (uint16_t)len;
	r->line = line;
	return 0;
}

/* Numbers from 1. The latest is the likely one. */
static int file_get(struct zone *z, const char *file, uint16_t *at)
{
	const char **grown;

	for (uint16_t i = z->file_count; i > 0; i--)
		if (z->file_names[i - 1] == file) {
			*at = i;
			return 0;
		}
	if (z->file_count > ZONE_INCLUDE_MAX)
		return ERR_LIMIT;
	grown = reallocarray(z->file_names, z->file_count + 1u, sizeof *grown);
	if (grown == NULL)
		return ERR_NOMEM;
	z->file_names = grown;
	grown[z->file_count++] = file;
	*at = z->file_count;
	return 0;
}

const char *zone_file(const struct zone *z, const struct zone_rrset *set)
{
	return set->file > 0 ? z->file_names[set->file - 1] : z->file;
}

int zone_add(struct zone *z, const uint8_t *owner, uint16_t type, uint32_t ttl, const uint8_t *rdata, size_t rdata_len,
	     const char *file, unsigned line)
{
	struct zone_node *n;
	struct zone_rrset *set;
	uint16_t file_at;
	int rc;

	if (rdata_len > UINT16_MAX || z->record_count >= ZONE_RECORD_MAX)
		return ERR_LIMIT;
	rc = file_get(z, file, &file_at);
	if (rc == 0)
		rc = node_get(z, owner, &n);
	if (rc < 0)
		return rc;
	set = rrset_get(z, n, type, rdata_len);
	if (set == NULL)
		return ERR_NOMEM;
	z->is_signed |= type == DNS_TYPE_RRSIG || type == DNS_TYPE_NSEC || type == DNS_TYPE_NSEC3;
	for (uint16_t i = 0; i < set->count; i++)
		if (rdata_same(type, &set->rdata[i], rdata, rdata_len)) {
			rrset_ttl(set, ttl, line);
			return 0;
		}
	rc = rrset_add(z, set, rdata, rdata_len, line);
	if (rc < 0)
		return rc;
	rrset_ttl(set, ttl, line);
	if (set->count == 0)
		set->file = file_at;
	set->count++;
	z->record_count++;
	return 0;
}

struct zone_node *zone_find(const struct zone *z, const uint8_t *name)
{
	size_t len = name_len(name);

	return index_find(z, name_key(z, name, len), name, len);
}

void zone_forget_names(struct zone *z)
{
	free(z->index);
	z->index = NULL;
	z->index_mask = 0;
}

struct zone_rrset *zone_node_rrset(const struct zone_node *n, uint16_t type)
{
	struct zone_rrset *set = n->rrsets;

	while (set != NULL && set->type < type)
		set = set->next;
	return set != NULL && set->type == type ? set : NULL;
}

bool zone_node_is_nsec3(const struct zone_node *n)
{
	for (const struct zone_rrset *set = n->rrsets; set != NULL; set = set->next)
		if (set->type != DNS_TYPE_NSEC3 && set->type != DNS_TYPE_RRSIG)
			return false;
	return zone_node_rrset(n, DNS_TYPE_NSEC3) != NULL;
}

static int rrset_live(struct zone *z, struct zone_node *n, uint16_t type, uint32_t default_ttl_s)
{
	struct zone_rrset *set = rrset_get(z, n, type, 0);

	if (set == NULL)
		return ERR_NOMEM;
	set->live = true;
	if (set->count == 0)
		set->ttl = default_ttl_s;
	return 0;
}

int zone_mark_live(struct zone *z, const uint8_t *owner, uint32_t default_ttl_s)
{
	struct zone_node *n = zone_find(z, owner);
	int rc;

	if (n != NULL && zone_node_rrset(n, DNS_TYPE_CNAME) != NULL)
		return ERR_EXISTS;
	rc = node_get(z, owner, &n);
	if (rc < 0)
		return rc;
	rc = rrset_live(z, n, DNS_TYPE_A, default_ttl_s);
	return rc < 0 ? rc : rrset_live(z, n, DNS_TYPE_AAAA, default_ttl_s);
}
