#include <stdlib.h>
#include "pair/shelf.h"

#define KEY_LEN 9 /* kind and key as the index knows them */
#define GENERATION_DEAD 0u /* of a record that is in no shelf any more, only in the change list */

/* ---- lists ---- */

#define LINK(rec, offset) ((struct shelf_link *)(void *)((char *)(rec) + (offset)))
#define ORDER offsetof(struct shelf_record, order)
#define GRAVE offsetof(struct shelf_record, grave)
#define CHANGE offsetof(struct shelf_record, change)

/* Puts rec behind `after`; NULL = in front. */
static void list_insert(struct shelf_list *l, struct shelf_record *after, struct shelf_record *rec, size_t at)
{
	struct shelf_record *before = after ? LINK(after, at)->next : l->first;

	*LINK(rec, at) = (struct shelf_link){ after, before };
	if (after)
		LINK(after, at)->next = rec;
	else
		l->first = rec;
	if (before)
		LINK(before, at)->prev = rec;
	else
		l->last = rec;
}

static void list_remove(struct shelf_list *l, struct shelf_record *rec, size_t at)
{
	struct shelf_link k = *LINK(rec, at);

	if (k.prev)
		LINK(k.prev, at)->next = k.next;
	else
		l->first = k.next;
	if (k.next)
		LINK(k.next, at)->prev = k.prev;
	else
		l->last = k.prev;
}

/* By rising seq, searched from the end: new records are nearly always the newest. */
static void list_insert_by_seq(struct shelf_list *l, struct shelf_record *rec, size_t at)
{
	struct shelf_record *after = l->last;

	while (after && after->r.seq > rec->r.seq)
		after = LINK(after, at)->prev;
	list_insert(l, after, rec, at);
}

/* ---- records ---- */

static void index_key(uint8_t out[KEY_LEN], uint8_t kind, uint64_t key)
{
	out[0] = kind;
	store_u64(out + 1, key);
}

static struct shelf_record *find(const struct shelf *s, uint8_t kind, uint64_t key)
{
	uint8_t k[KEY_LEN];
	index_key(k, kind, key);
	return table_find(&s->index, k, sizeof k);
}

static void reckon(const struct shelf *s, struct shelf_record *rec)
{
	for (size_t k = 0; k < PAIR_KEYS_MAX; k++) {
		bool counts = rec->r.value_len && k < s->digest_keys->count;
		rec->digest[k] = counts ? seal_record_digest(&s->digest_keys->key[k], &rec->r) : 0;
	}
}

/* Into the shelf's digest, or out of it again. */
static void fold(struct shelf *s, const struct shelf_record *rec)
{
	for (size_t k = 0; k < PAIR_KEYS_MAX; k++)
		s->digest[k] ^= rec->digest[k];
}

static struct shelf_record *record_new(const struct shelf *s, const struct pair_record *r)
{
	struct shelf_record *rec = malloc(sizeof *rec + r->value_len);

	if (!rec)
		return NULL;
	*rec = (struct shelf_record){ .r = *r, .generation = s->generation };
	if (r->value_len)
		memcpy(rec->value, r->value, r->value_len);
	rec->r.value = rec->value;
	reckon(s, rec);
	return rec;
}

static bool same_value(const struct pair_record *a, const struct pair_record *b)
{
	return a->value_len == b->value_len && (a->value_len == 0 || memcmp(a->value, b->value, a->value_len) == 0);
}

static void link_current(struct shelf *s, struct shelf_record *rec)
{
	list_insert_by_seq(&s->current, rec, ORDER);
	if (rec->r.value_len == 0)
		list_insert_by_seq(&s->graves, rec, GRAVE);
	fold(s, rec);
}

/* Out of its list and digest; still in the index. */
static void unlink_record(struct shelf *s, struct shelf_record *rec)
{
	if (rec->generation != s->generation) {
		list_remove(&s->old, rec, ORDER);
		return;
	}
	if (s->hint == rec)
		s->hint = rec->order.prev;
	list_remove(&s->current, rec, ORDER);
	if (rec->r.value_len == 0)
		list_remove(&s->graves, rec, GRAVE);
	fold(s, rec);
}

static void report(struct shelf *s, struct shelf_record *rec)
{
	if (!s->changes || rec->changed)
		return;
	rec->changed = true;
	list_insert(s->changes, s->changes->last, rec, CHANGE);
}

static void unreport(struct shelf *s, struct shelf_record *rec)
{
	if (rec->changed)
		list_remove(s->changes, rec, CHANGE);
	rec->changed = false;
}

/* Removes a record for good. What was live and another's is reported first, and freed once that was read. */
static void forget(struct shelf *s, struct shelf_record *rec)
{
	uint8_t k[KEY_LEN];

	index_key(k, rec->r.kind, rec->r.key);
	table_take(&s->index, k, sizeof k);
	unlink_record(s, rec);
	if (s->changes && (rec->changed || rec->r.value_len)) {
		rec->r.value_len = 0;
		rec->generation = GENERATION_DEAD;
		report(s, rec);
		return;
	}
	free(rec);
}

/* Puts a new record in the place of prior (NULL = none). A write that nobody would see is no change, but one that
 * was not read yet stays one. */
static int place(struct shelf *s, struct shelf_record *prior, const struct pair_record *r)
{
	uint8_t k[KEY_LEN];
	struct shelf_record *rec;

	if (!prior && s->index.count >= SHELF_RECORDS_MAX)
		return ERR_LIMIT;
	rec = record_new(s, r);
	if (!rec)
		return ERR_NOMEM;
	index_key(k, r->kind, r->key);
	if (table_put(&s->index, k, sizeof k, rec) < 0) { /* only where prior is NULL */
		free(rec);
		return ERR_NOMEM;
	}
	bool news = prior ? prior->changed || !same_value(&prior->r, r) : r->value_len > 0;
	if (prior) {
		unreport(s, prior);
		unlink_record(s, prior);
		free(prior);
	}
	link_current(s, rec);
	if (news)
		report(s, rec);
	return 0;
}

static void drop_old(struct shelf *s)
{
	while (s->old.first)
		forget(s, s->old.first);
}

/* The current list becomes old; nothing of the present epoch is held. */
static void set_aside(struct shelf *s)
{
	if (s->current.first) {
		s->current.first->order.prev = s->old.last;
		if (s->old.last)
			s->old.last->order.next = s->current.first;
		else
			s->old.first = s->current.first;
		s->old.last = s->current.last;
	}
	s->current = s->graves = (struct shelf_list){ 0 };
	s->hint = NULL;
	memset(s->digest, 0, sizeof s->digest);
	s->vector.seq = 0;
	if (++s->generation == GENERATION_DEAD)
		s->generation++;
}

/* ---- door ---- */

void shelf_init(struct shelf *s, uint8_t owner, const struct hash_key *key, const struct seal_digest_keys *digest_keys,
		struct shelf_list *changes)
{
	*s = (struct shelf){ .owner = owner, .base = UINT64_MAX, .generation = GENERATION_DEAD + 1, .changes = changes,
			     .digest_keys = digest_keys };
	table_init(&s->index, key);
}

void shelf_deinit(struct shelf *s)
{
	set_aside(s);
	drop_old(s);
	table_deinit(&s->index);
}

void shelf_redigest(struct shelf *s)
{
	memset(s->digest, 0, sizeof s->digest);
	for (struct shelf_record *rec = s->current.first; rec; rec = rec->order.next) {
		reckon(s, rec);
		fold(s, rec);
	}
}

int shelf_write(struct shelf *s, uint8_t kind, uint64_t key, const void *value, size_t len)
{
	struct shelf_record *prior = find(s, kind, key);
	struct pair_record r = { .owner = s->owner, .kind = kind, .key = key, .epoch = s->vector.epoch,
				 .seq = s->vector.seq + 1, .value_len = (uint8_t)len, .value = value };

	if (prior ? same_value(&prior->r, &r) : len == 0)
		return 0;
	int e = place(s, prior, &r);
	if (e < 0)
		return e;
	s->vector.seq++;
	return 1;
}

void shelf_republish(struct shelf *s, uint64_t epoch)
{
	while (s->graves.first)
		forget(s, s->graves.first);
	s->vector = (struct pair_vector){ epoch, 0 };
	for (struct shelf_record *rec = s->current.first; rec; rec = rec->order.next) {
		rec->r.epoch = epoch;
		rec->r.seq = ++s->vector.seq;
	}
	s->base = UINT64_MAX;
	shelf_seal(s);
	shelf_redigest(s);
}

void shelf_seal(struct shelf *s)
{
	if (s->base != UINT64_MAX)
		return;
	if (s->vector.seq == 0)
		s->vector.seq = 1;
	s->base = s->vector.seq;
}

static void adopt_epoch(struct shelf *s, uint64_t epoch)
{
	set_aside(s);
	s->vector.epoch = epoch;
	s->base = UINT64_MAX;
	s->resync_to = 0;
}

/* What the vector covers is either held or obsolete: a late packet must not bring back a removed key whose tombstone
 * was buried since. */
int shelf_join(struct shelf *s, const struct pair_record *r)
{
	if (r->epoch < s->vector.epoch)
		return 0;
	if (r->epoch > s->vector.epoch)
		adopt_epoch(s, r->epoch);
	if (r->seq <= s->vector.seq)
		return 0;
	struct shelf_record *prior = find(s, r->kind, r->key);
	if (prior && prior->generation == s->generation && prior->r.seq >= r->seq)
		return 0;
	return place(s, prior, r);
}

bool shelf_advance(struct shelf *s, uint64_t epoch, uint64_t from, uint64_t to, uint64_t base)
{
	if (epoch < s->vector.epoch)
		return false;
	bool rose = epoch > s->vector.epoch;
	if (rose)
		adopt_epoch(s, epoch);
	if (base != UINT64_MAX) /* a relay that was not told yet */
		s->base = base;
	if (s->vector.seq >= from && to > s->vector.seq) {
		s->vector.seq = to;
		rose = true;
	}
	if (s->vector.seq >= s->base && s->vector.seq >= s->resync_to)
		drop_old(s);
	return rose;
}

void shelf_resync(struct shelf *s)
{
	if (s->vector.seq > s->resync_to)
		s->resync_to = s->vector.seq;
	set_aside(s);
}

void shelf_bury(struct shelf *s, uint64_t seq)
{
	while (s->graves.first && s->graves.first->r.seq <= seq)
		forget(s, s->graves.first);
}

const struct pair_record *shelf_find(const struct shelf *s, uint8_t kind, uint64_t key)
{
	const struct shelf_record *rec = find(s, kind, key);
	return rec && rec->r.value_len ? &rec->r : NULL;
}

const struct pair_record *shelf_walk(const struct shelf *s, uint8_t kind, size_t *pos)
{
	const void *key;
	size_t len;
	void *value;

	while (table_next(&s->index, pos, &key, &len, &value)) {
		const struct shelf_record *rec = value;
		if (rec->r.kind == kind && rec->r.value_len)
			return &rec->r;
	}
	return NULL;
}

bool shelf_is_whole(const struct shelf *s)
{
	return !s->current.last || s->current.last->r.seq <= s->vector.seq;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* The first current record behind seq: from the end, or from where the last delta ended if that is nearer. */
static struct shelf_record *first_after(struct shelf *s, uint64_t seq)
{
	struct shelf_record *rec = s->current.last;

	if (!rec || rec->r.seq <= seq)
		return NULL;
	if (seq == 0)
		return s->current.first;
	if (s->hint && distance(s->hint->r.seq, seq) < distance(rec->r.seq, seq))
		rec = s->hint;
	while (rec && rec->r.seq > seq)
		rec = rec->order.prev;
	if (!rec)
		return s->current.first;
	while (rec && rec->r.seq <= seq)
		rec = rec->order.next;
	return rec;
}

uint64_t shelf_put_delta(struct shelf *s, uint64_t from, struct wbuf *w)
{
	struct delta_writer d;
	struct shelf_record *rec = first_after(s, from);
	uint64_t to = s->vector.seq;

	if (w->cap - w->len < TLV_HEAD_LEN + TLV_DELTA_LEN)
		return from;
	size_t start = w->len;
	delta_begin(&d, w, s->owner, s->vector.epoch, from, s->base);
	for (; rec && rec->r.seq <= s->vector.seq; rec = rec->order.next) {
		if (!delta_add(&d, w, &rec->r))
			break;
		s->hint = rec;
	}
	if (rec && rec->r.seq <= s->vector.seq)
		to = rec->r.seq - 1; /* up to the first that did not fit; none did where an offset was too wide */
	if (to == from && d.count == 0 && from < s->vector.seq) {
		w->len = start; /* not even one fitted */
		return from;
	}
	delta_end(&d, w, to);
	return to;
}

bool shelf_changes_take(struct shelf_list *changes, struct pair_record *r, struct shelf_record **dead)
{
	struct shelf_record *rec = changes->first;

	if (!rec)
		return false;
	list_remove(changes, rec, CHANGE);
	rec->changed = false;
	*r = rec->r;
	*dead = rec->generation == GENERATION_DEAD ? rec : NULL;
	return true;
}
