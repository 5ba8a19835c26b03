/* Hash table from byte strings to pointers; keys are copied into the table's own memory, or borrowed. */
#ifndef GEMEL_BASE_TABLE_H
#define GEMEL_BASE_TABLE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/hash.h"

struct table_slot;
struct table {
	struct hash_key key;
	struct table_slot *slots;
	size_t count, used, mask; /* used counts tombstones too */
	bool borrows;
};

void table_init(struct table *t, const struct hash_key *key);
/* Keys stay the caller's, who keeps them unchanged until they are taken or the table's last use but for deinit. */
void table_init_borrowing(struct table *t, const struct hash_key *key);
void table_deinit(struct table *t); /* values are the caller's */
void *table_find(const struct table *t, const void *key, size_t len);
/* ERR_EXISTS when the key is there (value untouched), ERR_NOMEM. value must not be NULL. */
int table_add(struct table *t, const void *key, size_t len, void *value) MUST_CHECK;
int table_put(struct table *t, const void *key, size_t len, void *value) MUST_CHECK; /* adds or replaces */
void *table_take(struct table *t, const void *key, size_t len);                      /* removes; NULL = absent */
/* Walks in an order that depends only on the history of the table. *pos starts at 0; false at the end. */
bool table_next(const struct table *t, size_t *pos, const void **key, size_t *len, void **value);

#endif
