/* Inside of a database: the directory of zones and the slots.  Private to the answer room.
 *
 *     suffix hash → struct answer_zone → image table → node
 */
#ifndef GEMEL_ANSWER_DB_H
#define GEMEL_ANSWER_DB_H
#include <string.h>
#include "answer/answer.h"

struct answer_zone { /* one cache line: all that a query needs of a zone */
	uint64_t hash;
	const uint8_t *base; /* of the image; NULL = empty place of the directory */
	const struct image_entry *table;
	size_t slot_first; /* of the image, in the database's slots */
	uint32_t places, negative_at;
	uint32_t apex_at, apex_node_at;
	const struct image_zone *info;
	uint8_t apex_len, labels, max_labels;
	bool is_signed;
	uint32_t counter; /* into by_zone */
};

struct answer_db {
	struct hash_key key;
	struct answer_zone *dir; /* linear probing, at most half full */
	size_t dir_mask;
	unsigned apex_labels_max;
	bool has_apex[NAME_LABELS_MAX + 1]; /* [n]: one of n labels */
	struct answer_live **slots; /* of all images, one after another */
	size_t slot_count, zone_count;
	bool is_large; /* most of it is in no cache */
	uint32_t *order; /* zone_count places of dir, for answer_db_zone */
};

/* A name to look up: a question's, or a target of an alias. */
struct answer_name {
	const uint8_t *name;     /* lower-case */
	const uint8_t *label_at; /* as in struct query */
	const uint64_t *hash;
	unsigned len, labels;
};

static inline struct answer_name db_question(const struct query *q)
{
	return (struct answer_name){ .name = q->name, .label_at = q->label_at, .hash = q->hash, .len = q->name_len,
		.labels = q->labels };
}

enum db_match {
	DB_EXACT = 1,
	DB_WILDCARD,  /* node is the "*" that stands for the name */
	DB_DELEGATED, /* node is the cut above the name */
	DB_DNAME,     /* node holds the DNAME above the name */
	DB_NONE       /* node is the closest encloser */
};

/* ---- finding ---- */

/* Fills n for a checked lower-case name; the arrays are the caller's. */
void db_name(struct answer_name *n, const struct answer_db *db, const uint8_t *name,
	     uint8_t label_at[NAME_LABELS_MAX + 1], uint64_t hash[NAME_LABELS_MAX + 1]);
/* The zone whose apex is the longest suffix with at most max_labels labels, or NULL. */
const struct answer_zone *db_find_zone(const struct answer_db *db, const struct answer_name *n, unsigned max_labels);
/* What the zone (not a broken one), which holds the name, has for it: RFC 1034 4.3.2, RFC 4592 3.3, RFC 6672 3.2. */
enum db_match db_find_node(const struct answer_db *db, const struct answer_zone *z, const struct answer_name *n,
			   const struct image_node **node);
/* The same where the name itself is absent: never DB_EXACT. */
enum db_match db_find_instead(const struct answer_db *db, const struct answer_zone *z, const struct answer_name *n,
			      const struct image_node **node);

/* The node of the name's last labels, or NULL: at least the apex's labels, at most the name's. */
const struct image_node *db_find_above(const struct answer_zone *z, const struct answer_name *n, unsigned labels);

/* Fetch into the cache what db_find_zone looks at; then what db_find_node looks at first; then what stands there. */
void db_fetch_zone(const struct answer_db *db, const struct answer_name *n);
void db_fetch_entry(const struct answer_zone *z, const struct answer_name *n);
void db_fetch_node(const struct answer_zone *z, const struct answer_name *n);

static inline const struct image_rrset *db_find_rrset(const struct image_node *n, uint16_t type)
{
	const struct image_rrset *r = image_node_rrsets(n);

	for (unsigned i = 0; i < n->rrset_count; i++)
		if (r[i].type == type)
			return &r[i];
	return NULL;
}
static inline const struct image_answer *db_answer(const struct answer_zone *z, uint32_t at)
{
	return (const struct image_answer *)(z->base + at);
}

/* ---- inline, for every question looks up its name ---- */

static inline uint64_t db_load_word(const uint8_t *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof w);
	return w;
}

/* Names that are found are nearly always equal, so this looks at all of them; the last word overlaps the one before. */
static inline bool db_is_same(const uint8_t *a, const uint8_t *b, size_t len)
{
	uint64_t differ = 0;
	size_t at = 0;

	if (len < 8)
		return memcmp(a, b, len) == 0;
	for (; at + 8 < len; at += 8)
		differ |= db_load_word(a + at) ^ db_load_word(b + at);
	return (differ | (db_load_word(a + len - 8) ^ db_load_word(b + len - 8))) == 0;
}

static inline const struct answer_zone *db_find_apex(const struct answer_db *db, uint64_t hash, const uint8_t *name,
						     unsigned len)
{
	for (size_t i = (size_t)hash & db->dir_mask;; i = (i + 1) & db->dir_mask) {
		const struct answer_zone *z = &db->dir[i];
		if (!z->base)
			return NULL;
		if (z->hash == hash && z->apex_len == len && db_is_same(z->base + z->apex_at, name, len))
			return z;
	}
}

/* db_find_zone for the question's own name. */
static inline const struct answer_zone *db_question_zone(const struct answer_db *db, const struct answer_name *n,
							 unsigned max_labels)
{
	unsigned top = n->labels < max_labels ? n->labels : max_labels;

	if (top > db->apex_labels_max)
		top = db->apex_labels_max;
	for (unsigned labels = top + 1; labels-- > 0;) {
		if (!db->has_apex[labels])
			continue;
		const unsigned i = n->labels - labels, at = n->label_at[i];
		const struct answer_zone *z = db_find_apex(db, n->hash[i], n->name + at, n->len - at);
		if (z)
			return z;
	}
	return NULL;
}

/* The node of a name of the zone, or of "*" under it, by its hash; NULL = absent. */
static inline const struct image_node *db_find_hashed(const struct answer_zone *z, uint64_t hash, const uint8_t *name,
						      unsigned len, bool star)
{
	const uint32_t tag = (uint32_t)(hash >> 32);
	const unsigned head = star ? 2 : 0;
	/* All names of a zone end in its apex. Whole words are compared faster than fewer octets. */
	const unsigned own = len - z->apex_len < 8 && len >= 8 ? 8 : len - z->apex_len;

	for (uint32_t i = image_place(hash, z->places);; i = i + 1 < z->places ? i + 1 : 0) {
		const struct image_entry *e = &z->table[i];
		if (!e->node_at)
			return NULL;
		if (e->tag != tag)
			continue;
		const struct image_node *n = (const struct image_node *)(z->base + e->node_at);
		const uint8_t *have = image_node_name(n);
		if (n->name_len == len + head && db_is_same(have + head, name, own) &&
		    (!star || memcmp(have, "\1*", 2) == 0))
			return n;
	}
}

/* db_find_node for the question's own name, where it exists; else NULL. */
static inline const struct image_node *db_question_node(const struct answer_zone *z, const struct answer_name *n)
{
	if (n->labels == z->labels)
		return (const struct image_node *)(z->base + z->apex_node_at);
	return n->labels <= z->max_labels ? db_find_hashed(z, n->hash[0], n->name, n->len, false) : NULL;
}

#endif
