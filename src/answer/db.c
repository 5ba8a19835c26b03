#include "answer/db.h"
#include <stdlib.h>

#define FETCH_LINE 64        /* of a cache, nearly everywhere */
#define LARGE_MIN (1u << 20) /* what stays in a processor's own cache needs no fetching */

/* ---- finding ---- */

void db_name(struct answer_name *n, const struct answer_db *db, const uint8_t *name,
	     uint8_t label_at[NAME_LABELS_MAX + 1], uint64_t hash[NAME_LABELS_MAX + 1])
{
	unsigned labels = 0, at = 0;

	for (; name[at]; at += name[at] + 1u)
		label_at[labels++] = (uint8_t)at;
	label_at[labels] = (uint8_t)at;
	uint64_t h = hash[labels] = name_hash_root(&db->key);
	for (unsigned i = labels; i-- > 0;)
		hash[i] = h = name_hash_step(&db->key, h, name + label_at[i]);
	*n = (struct answer_name){ .name = name, .label_at = label_at, .hash = hash, .len = at + 1, .labels = labels };
}

/* The deepest node above the name. All ancestors of a node are nodes, so existence can be found by halving. */
static const struct image_node *closest_encloser(const struct answer_zone *z, const struct answer_name *n,
						 unsigned *labels)
{
	const struct image_node *best = (const struct image_node *)(z->base + z->apex_node_at);
	unsigned lo = z->labels, hi = n->labels - 1; /* lo exists; the answer is in lo … hi */

	if (hi > z->max_labels)
		hi = z->max_labels;
	while (lo < hi) {
		unsigned mid = (lo + hi + 1) / 2, i = n->labels - mid;
		const struct image_node *found =
			db_find_hashed(z, n->hash[i], n->name + n->label_at[i], n->len - n->label_at[i], false);
		if (found) {
			best = found;
			lo = mid;
		} else {
			hi = mid - 1;
		}
	}
	*labels = lo;
	return best;
}

const struct answer_zone *db_find_zone(const struct answer_db *db, const struct answer_name *n, unsigned max_labels)
{
	return db_question_zone(db, n, max_labels);
}

enum db_match db_find_node(const struct answer_db *db, const struct answer_zone *z, const struct answer_name *n,
			   const struct image_node **node)
{
	*node = db_question_node(z, n);
	return *node ? DB_EXACT : db_find_instead(db, z, n, node);
}

enum db_match db_find_instead(const struct answer_db *db, const struct answer_zone *z, const struct answer_name *n,
			      const struct image_node **node)
{
	unsigned labels;

	const struct image_node *above = *node = closest_encloser(z, n, &labels);
	if (above->flags & IMAGE_NODE_CUT)
		return DB_DELEGATED;
	if (above->flags & IMAGE_NODE_DNAME)
		return DB_DNAME;
	if (above->flags & IMAGE_NODE_WILD_BELOW) {
		unsigned i = n->labels - labels;
		uint64_t h = name_hash_step(&db->key, n->hash[i], (const uint8_t *)"\1*");
		const struct image_node *found =
			db_find_hashed(z, h, n->name + n->label_at[i], n->len - n->label_at[i], true);
		if (found) {
			*node = found;
			return DB_WILDCARD;
		}
	}
	return DB_NONE;
}

const struct image_node *db_find_above(const struct answer_zone *z, const struct answer_name *n, unsigned labels)
{
	const unsigned i = n->labels - labels;

	return db_find_hashed(z, n->hash[i], n->name + n->label_at[i], n->len - n->label_at[i], false);
}

/* ---- fetching ---- */

void db_fetch_zone(const struct answer_db *db, const struct answer_name *n)
{
	const unsigned top = n->labels < db->apex_labels_max ? n->labels : db->apex_labels_max;

	for (unsigned labels = top + 1; labels-- > 0;)
		if (db->has_apex[labels])
			__builtin_prefetch(&db->dir[n->hash[n->labels - labels] & db->dir_mask]);
}

/* The apex needs no entry, and names that are too long have none. */
static bool has_entry(const struct answer_zone *z, const struct answer_name *n)
{
	return z->apex_node_at && n->labels > z->labels && n->labels <= z->max_labels;
}

void db_fetch_entry(const struct answer_zone *z, const struct answer_name *n)
{
	if (has_entry(z, n))
		__builtin_prefetch(&z->table[image_place(n->hash[0], z->places)]);
}

void db_fetch_node(const struct answer_zone *z, const struct answer_name *n)
{
	const uint32_t tag = (uint32_t)(n->hash[0] >> 32);

	if (!has_entry(z, n))
		return;
	uint32_t i = image_place(n->hash[0], z->places);
	while (z->table[i].node_at && z->table[i].tag != tag)
		i = i + 1 < z->places ? i + 1 : 0;
	const uint8_t *node = z->base + z->table[i].node_at;
	__builtin_prefetch(node);
	__builtin_prefetch(node + FETCH_LINE); /* name and answers follow it */
}

/* ---- building ---- */

static void dir_put(struct answer_db *db, const struct answer_zone *z)
{
	size_t i = (size_t)z->hash & db->dir_mask;

	while (db->dir[i].base && (db->dir[i].hash != z->hash || db->dir[i].apex_len != z->apex_len ||
	       memcmp(db->dir[i].base + db->dir[i].apex_at, z->base + z->apex_at, z->apex_len) != 0))
		i = (i + 1) & db->dir_mask;
	if (!db->dir[i].base)
		db->order[db->zone_count++] = (uint32_t)i;
	db->dir[i] = *z;
	db->has_apex[z->labels] = true;
	if (z->labels > db->apex_labels_max)
		db->apex_labels_max = z->labels;
}

static void add_zone(struct answer_db *db, const struct image *images, const size_t *slot_base,
		     struct answer_zone_ref ref)
{
	const struct image *im = &images[ref.image];
	const struct image_zone *iz = &im->zones[ref.zone];

	dir_put(db, &(struct answer_zone){
		.hash = iz->apex_hash, .base = im->base, .table = (const struct image_entry *)(im->base + iz->table_at),
		.slot_first = slot_base[ref.image], .places = iz->table_places, .negative_at = iz->negative_at,
		.apex_at = iz->apex_at, .apex_node_at = iz->apex_node_at, .apex_len = iz->apex_len,
		.labels = iz->apex_labels, .max_labels = iz->max_labels, .is_signed = iz->signed_at != 0,
		.info = iz });
}

static int check_args(const struct image *images, size_t count, const struct answer_zone_ref *zones, size_t zone_count)
{
	if (count == 0)
		return ERR_RANGE;
	if (count > ANSWER_IMAGES_MAX || zone_count > UINT32_MAX / 4)
		return ERR_LIMIT;
	for (size_t i = 1; i < count; i++)
		if (memcmp(&images[i].head->key, &images[0].head->key, sizeof images[i].head->key) != 0)
			return ERR_FORMAT;
	for (size_t i = 0; zones && i < zone_count; i++)
		if (zones[i].image >= count || zones[i].zone >= images[zones[i].image].head->zone_count)
			return ERR_RANGE;
	return 0;
}

static int db_alloc(struct answer_db *db, size_t zones)
{
	size_t places = 2;

	while (places < zones * 2)
		places *= 2;
	db->dir_mask = places - 1;
	db->dir = calloc(places, sizeof *db->dir);
	db->order = calloc(zones + 1, sizeof *db->order);
	db->slots = calloc(db->slot_count + 1, sizeof *db->slots);
	return db->dir && db->order && db->slots ? 0 : ERR_NOMEM;
}

static void give_counters(struct answer_db *db)
{
	for (size_t i = 0; i < answer_db_counted(db); i++)
		db->dir[db->order[i]].counter = (uint32_t)i + 1;
}

int answer_db_new(struct answer_db **out, const struct image *images, size_t count, const struct answer_zone_ref *zones,
		  size_t zone_count)
{
	size_t slot_base[ANSWER_IMAGES_MAX], all = 0;
	int e = check_args(images, count, zones, zone_count);

	if (e)
		return e;
	struct answer_db *db = calloc(1, sizeof *db);
	if (!db)
		return ERR_NOMEM;
	db->key = images[0].head->key;
	uint64_t size = 0;
	for (size_t i = 0; i < count; i++) {
		size += images[i].head->size;
		slot_base[i] = db->slot_count;
		db->slot_count += images[i].head->slot_count;
		all += images[i].head->zone_count;
	}
	if ((e = db_alloc(db, zones ? zone_count : all)) != 0) {
		answer_db_free(db);
		return e;
	}
	for (size_t i = 0; zones && i < zone_count; i++)
		add_zone(db, images, slot_base, zones[i]);
	for (size_t i = 0; !zones && i < count; i++)
		for (uint32_t k = 0; k < images[i].head->zone_count; k++)
			add_zone(db, images, slot_base, (struct answer_zone_ref){ .image = (uint16_t)i, .zone = k });
	db->is_large = size > LARGE_MIN;
	give_counters(db);
	*out = db;
	return 0;
}

void answer_db_free(struct answer_db *db)
{
	if (!db)
		return;
	for (size_t i = 0; db->slots && i < db->slot_count; i++)
		answer_live_free(db->slots[i]);
	free(db->slots);
	free(db->order);
	free(db->dir);
	free(db);
}

const struct hash_key *answer_db_key(const struct answer_db *db)
{
	return &db->key;
}

/* ---- slots ---- */

size_t answer_db_slots(const struct answer_db *db)
{
	return db->slot_count;
}

int64_t answer_db_slot(const struct answer_db *db, const uint8_t *owner, uint16_t type)
{
	uint8_t label_at[NAME_LABELS_MAX + 1];
	uint64_t hash[NAME_LABELS_MAX + 1];
	struct answer_name n;
	const struct image_node *node;

	db_name(&n, db, owner, label_at, hash);
	const struct answer_zone *z = db_find_zone(db, &n, n.labels);
	if (!z || !z->apex_node_at || db_find_node(db, z, &n, &node) != DB_EXACT)
		return -1;
	const struct image_rrset *r = db_find_rrset(node, type);
	return r && (r->flags & IMAGE_RRSET_LIVE) ? (int64_t)(z->slot_first + r->at) : -1;
}

struct answer_live *answer_db_swap(struct answer_db *db, size_t slot, struct answer_live *l)
{
	return __atomic_exchange_n(&db->slots[slot], l, __ATOMIC_ACQ_REL);
}

size_t answer_db_zones(const struct answer_db *db)
{
	return db->zone_count;
}

size_t answer_db_counted(const struct answer_db *db)
{
	return db->zone_count <= ANSWER_ZONES_COUNTED ? db->zone_count : 0;
}

const struct image_zone *answer_db_zone(const struct answer_db *db, size_t i, const uint8_t **apex)
{
	const struct answer_zone *z = &db->dir[db->order[i]];

	*apex = z->base + z->apex_at;
	return z->info;
}
