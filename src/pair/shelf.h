/* One owner's records as this node holds them, and how far the copy is known to be complete.
 *
 *     index: (kind, key) ─▶ record                  every record, whatever list it stands in
 *     current:  1 ─ 2 ─ 5 ─ 6 ─ 9                   this epoch, by rising seq; a delta walks back from the newest
 *                       ▲           vector (E, 6):  every key whose newest write in E is ≤ 6 is held; 9 came early
 *     old:      ◦ ◦ ◦                               of an earlier epoch; served until `base` of this one is held
 *
 * A record is never changed, only replaced, so a pointer to one is good until the next call that changes the shelf.
 */
#ifndef GEMEL_PAIR_SHELF_H
#define GEMEL_PAIR_SHELF_H
#include "base/table.h"
#include "pair/codec.h"
#include "pair/seal.h"

/* Records a shelf holds at most, ten times what is meant to work: a peer that has lost its mind must not fill our
 * memory. */
#define SHELF_RECORDS_MAX (1u << 20)

struct shelf_record;
struct shelf_link {
	struct shelf_record *prev, *next;
};
struct shelf_list {
	struct shelf_record *first, *last;
};
struct shelf_record {
	struct pair_record r; /* first, so that a borrowed pair_record is its shelf_record */
	uint64_t digest[PAIR_KEYS_MAX]; /* its share of the shelf's digest, under each key */
	uint32_t generation;
	bool changed;               /* waits in the change list */
	struct shelf_link order;    /* in current or old */
	struct shelf_link grave;    /* current tombstones, by rising seq */
	struct shelf_link change;
	uint8_t value[];
};

struct shelf {
	uint8_t owner;
	struct pair_vector vector;
	uint64_t base;       /* holding this much of the epoch makes old records void; UINT64_MAX: not told yet */
	uint64_t resync_to;  /* the same for records put aside by shelf_resync */
	uint64_t digest[PAIR_KEYS_MAX]; /* XOR over the current records that have a value, under each key */
	uint32_t generation; /* of the current list */
	struct table index;
	struct shelf_list current, old, graves;
	struct shelf_record *hint; /* where the last delta ended: the next one often goes on there */
	struct shelf_list *changes; /* the pair's; NULL for one's own shelf, whose changes are no news */
	const struct seal_digest_keys *digest_keys;
};

void shelf_init(struct shelf *s, uint8_t owner, const struct hash_key *key, const struct seal_digest_keys *digest_keys,
		struct shelf_list *changes);
/* Drops every record; those of others become changes (removed). */
void shelf_deinit(struct shelf *s);
static inline size_t shelf_count(const struct shelf *s) { return s->index.count; }

/* ---- by the owner ---- */
/* Writes under the next seq. 1: written, 0: nothing changed, ERR_NOMEM, ERR_LIMIT. */
int shelf_write(struct shelf *s, uint8_t kind, uint64_t key, const void *value, size_t len) MUST_CHECK;
/* Fixes the base, once an epoch: what is written by now is all that is left of earlier ones. An empty shelf spends
 * seq 1 on that, so that (E, 0) always means "nothing yet" and the base reaches everybody. */
void shelf_seal(struct shelf *s);
/* All live records again under the new epoch, seq 1..base; tombstones go. Sealed. */
void shelf_republish(struct shelf *s, uint64_t epoch);

/* ---- by the others ---- */
/* One record of a delta; an older epoch, an older seq and what the vector covers are passed over. ERR_NOMEM, ERR_LIMIT:
 * then the vector must not be advanced over it. */
int shelf_join(struct shelf *s, const struct pair_record *r) MUST_CHECK;
/* After all records of an interval (from, to] of epoch were joined. True where the vector rose. */
bool shelf_advance(struct shelf *s, uint64_t epoch, uint64_t from, uint64_t to, uint64_t base);
/* Distrusts everything held: the vector falls to (epoch, 0), the records stay in use until as much is held again. */
void shelf_resync(struct shelf *s);

/* ---- both ---- */
/* Forgets tombstones up to seq: only when nobody can ask for an interval that ends before them. */
void shelf_bury(struct shelf *s, uint64_t seq);
/* Reckons all digests anew after *digest_keys changed. */
void shelf_redigest(struct shelf *s);
const struct pair_record *shelf_find(const struct shelf *s, uint8_t kind, uint64_t key);
const struct pair_record *shelf_walk(const struct shelf *s, uint8_t kind, size_t *pos);
/* True where nothing beyond the vector is held, so that the digest stands for the vector. */
bool shelf_is_whole(const struct shelf *s);
/* Writes one delta TLV with what lies behind `from`, as much as fits in w. Gives the seq that it reaches, or `from`
 * when not even one record fitted. */
uint64_t shelf_put_delta(struct shelf *s, uint64_t from, struct wbuf *w);

/* Takes the oldest change; false when there is none. r borrows until the next call. *dead is what to free before
 * that call. */
bool shelf_changes_take(struct shelf_list *changes, struct pair_record *r, struct shelf_record **dead);

#endif
