/* Open addressing with linear probing; at most three quarters of the slots are in use or buried.
 *
 *     hash: 0 = never used (a search ends here)   1 = buried (a search goes on)   top bit set = in use
 */
#include <stdlib.h>
#include <string.h>
#include "base/table.h"

#define SLOTS_FIRST 16u
#define HASH_EMPTY 0u
#define HASH_BURIED 1u
#define HASH_LIVE ((uint64_t)1 << 63)

struct table_slot {
	uint64_t hash;
	const void *key; /* the table's copy, or borrowed */
	size_t len;
	void *value;
};

void table_init(struct table *t, const struct hash_key *key)
{
	*t = (struct table){ .key = *key };
}

void table_init_borrowing(struct table *t, const struct hash_key *key)
{
	*t = (struct table){ .key = *key, .borrows = true };
}

static void key_free(const struct table *t, const struct table_slot *s)
{
	if (!t->borrows)
		free((void *)(uintptr_t)s->key);
}

/* NULL = out of memory. */
static const void *key_keep(const struct table *t, const void *key, size_t len)
{
	void *copy;

	if (t->borrows)
		return key;
	copy = malloc(len ? len : 1);
	if (copy && len)
		memcpy(copy, key, len);
	return copy;
}

void table_deinit(struct table *t)
{
	for (size_t i = 0; !t->borrows && t->slots && i <= t->mask; i++) {
		if (t->slots[i].hash & HASH_LIVE)
			key_free(t, &t->slots[i]);
	}
	free(t->slots);
	t->slots = NULL;
	t->count = t->used = t->mask = 0;
}

static struct table_slot *find_slot(const struct table *t, uint64_t hash, const void *key, size_t len)
{
	if (!t->slots)
		return NULL;
	for (size_t i = hash & t->mask;; i = (i + 1) & t->mask) {
		struct table_slot *s = &t->slots[i];
		if (s->hash == HASH_EMPTY)
			return NULL;
		if (s->hash == hash && s->len == len && (len == 0 || memcmp(s->key, key, len) == 0))
			return s;
	}
}

static struct table_slot *find_empty(struct table_slot *slots, size_t mask, uint64_t hash)
{
	size_t i = hash & mask;
	while (slots[i].hash != HASH_EMPTY)
		i = (i + 1) & mask;
	return &slots[i];
}

/* Room for one more. Moving to new slots forgets the buried ones, so a table that only sees adds and takes in
 * turn stays at its size. */
static int grow(struct table *t)
{
	if (t->slots && t->used + 1 <= (t->mask + 1) / 4 * 3)
		return 0;
	size_t n = SLOTS_FIRST;
	while (n / 2 < t->count + 1)
		n *= 2;
	struct table_slot *slots = calloc(n, sizeof *slots);
	if (!slots)
		return ERR_NOMEM;
	for (size_t i = 0; t->slots && i <= t->mask; i++) {
		if (t->slots[i].hash & HASH_LIVE)
			*find_empty(slots, n - 1, t->slots[i].hash) = t->slots[i];
	}
	free(t->slots);
	t->slots = slots;
	t->mask = n - 1;
	t->used = t->count;
	return 0;
}

static int add_new(struct table *t, uint64_t hash, const void *key, size_t len, void *value)
{
	int e = grow(t);
	if (e < 0)
		return e;
	const void *kept = key_keep(t, key, len);
	if (!kept)
		return ERR_NOMEM;
	*find_empty(t->slots, t->mask, hash) = (struct table_slot){ hash, kept, len, value };
	t->count++;
	t->used++;
	return 0;
}

static uint64_t hash_of(const struct table *t, const void *key, size_t len)
{
	return hash_bytes(&t->key, key, len) | HASH_LIVE;
}

void *table_find(const struct table *t, const void *key, size_t len)
{
	struct table_slot *s = find_slot(t, hash_of(t, key, len), key, len);
	return s ? s->value : NULL;
}

int table_add(struct table *t, const void *key, size_t len, void *value)
{
	uint64_t hash = hash_of(t, key, len);
	if (find_slot(t, hash, key, len))
		return ERR_EXISTS;
	return add_new(t, hash, key, len, value);
}

int table_put(struct table *t, const void *key, size_t len, void *value)
{
	uint64_t hash = hash_of(t, key, len);
	struct table_slot *s = find_slot(t, hash, key, len);
	if (!s)
		return add_new(t, hash, key, len, value);
	s->value = value;
	return 0;
}

void *table_take(struct table *t, const void *key, size_t len)
{
	struct table_slot *s = find_slot(t, hash_of(t, key, len), key, len);
	if (!s)
		return NULL;
	void *value = s->value;
	key_free(t, s);
	*s = (struct table_slot){ .hash = HASH_BURIED };
	t->count--;
	return value;
}

bool table_next(const struct table *t, size_t *pos, const void **key, size_t *len, void **value)
{
	for (; t->slots && *pos <= t->mask; ++*pos) {
		const struct table_slot *s = &t->slots[*pos];
		if (!(s->hash & HASH_LIVE))
			continue;
		*key = s->key;
		*len = s->len;
		*value = s->value;
		++*pos;
		return true;
	}
	return false;
}
