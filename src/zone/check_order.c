/* Cuts and what lies below them, empty non-terminals, wildcards; and canonical order, where somebody asks for it.
 *
 *     a.b        a.b.example. alone in the file makes b.example., EMPTY;
 *     sub        has NS, so it is a CUT and all beneath it BELOW;
 *     *.w        w gets WILD_BELOW.
 *
 * Names stay in the order in which they came, next to each other in memory: sorting a million of them, and then walking
 * them across memory, took a third of the time of a load. The chain of a signed zone needs the order. Sorted are keys,
 * made once, that memcmp orders as RFC 4034 6.1 does:  a.b.example. in zone example. ─▶ "b\0a\0\0"
 */
#include <stdlib.h>
#include <string.h>
#include "zone/check.h"

struct item {
	uint64_t prefix; /* the key's first 8 octets: most comparisons end here */
	const uint8_t *key;
	uint32_t len;
	struct zone_node *node;
};

/* Writes the key, or only counts where out is NULL. Octets 0 and 1 are escaped so that 0 is free to end a label. */
static size_t key_make(const struct zone *z, const struct zone_node *n, uint8_t *out)
{
	const uint8_t *labels[NAME_LABELS_MAX];
	unsigned count = n->labels - (unsigned)z->apex_labels;
	const uint8_t *at = n->name;
	size_t len = 0;

	for (unsigned i = 0; i < count; i++, at += *at + 1)
		labels[i] = at;
	while (count-- > 0) {
		const uint8_t *l = labels[count];

		for (unsigned i = 1; i <= *l; i++) {
			bool low = l[i] <= 1;

			if (out != NULL && low)
				out[len] = 1;
			len += low;
			if (out != NULL)
				out[len] = (uint8_t)(l[i] + low);
			len++;
		}
		if (out != NULL)
			out[len] = 0;
		len++;
	}
	if (out != NULL)
		out[len] = 0;
	return len + 1;
}

static void item_set(struct item *it, struct zone_node *n, const uint8_t *key, size_t len)
{
	uint8_t head[8] = { 0 };
	uint64_t prefix = 0;

	memcpy(head, key, len < sizeof head ? len : sizeof head);
	for (size_t i = 0; i < sizeof head; i++)
		prefix = prefix << 8 | head[i];
	*it = (struct item){ .prefix = prefix, .key = key, .len = (uint32_t)len, .node = n };
}

static bool item_before(const struct item *a, const struct item *b)
{
	if (a->prefix != b->prefix)
		return a->prefix < b->prefix;
	/* No key is the beginning of another. */
	return memcmp(a->key, b->key, a->len < b->len ? a->len : b->len) < 0;
}

/* Merge sort, bottom up: n log n whatever the file's order. Returns which of the two arrays holds the result. */
static struct item *items_sort(struct item *from, struct item *to, size_t n)
{
	for (size_t width = 1; width < n; width *= 2) {
		struct item *swap = from;

		for (size_t start = 0; start < n; start += 2 * width) {
			size_t mid = n - start > width ? start + width : n;
			size_t end = n - start > 2 * width ? start + 2 * width : n;
			size_t a = start, b = mid;

			for (size_t k = start; k < end; k++)
				to[k] = b >= end || (a < mid && !item_before(&from[b], &from[a])) ? from[a++]
												  : from[b++];
		}
		from = to;
		to = swap;
	}
	return from;
}

static int nodes_sort(struct zone *z)
{
	size_t room = 0, at = 0;
	struct item *items = reallocarray(NULL, z->node_count + 1, 2 * sizeof *items), *sorted;
	uint8_t *keys;

	for (size_t i = 0; i < z->node_count; i++)
		room += key_make(z, z->nodes[i], NULL);
	keys = malloc(room + 1);
	if (items == NULL || keys == NULL) {
		free(items);
		free(keys);
		return ERR_NOMEM;
	}
	for (size_t i = 0; i < z->node_count; i++) {
		size_t len = key_make(z, z->nodes[i], keys + at);

		item_set(&items[i], z->nodes[i], keys + at, len);
		at += len;
	}
	sorted = items_sort(items, items + z->node_count, z->node_count);
	for (size_t i = 0; i < z->node_count; i++)
		z->nodes[i] = sorted[i].node;
	free(items);
	free(keys);
	return 0;
}

bool zone_node_hides(const struct zone *z, const struct zone_node *n)
{
	return (n->labels > z->apex_labels && zone_node_rrset(n, DNS_TYPE_NS) != NULL) ||
	       zone_node_rrset(n, DNS_TYPE_DNAME) != NULL;
}

/* The name above, in place. */
static const uint8_t *above(const struct zone_node *n)
{
	return n->name + n->name[0] + 1;
}

/* True where both stand right below one name: mostly so for names that follow each other, and then what was found for
 * the one goes for the other. */
static bool are_siblings(const struct zone_node *a, const struct zone_node *b)
{
	const size_t len = (size_t)(a->name_len - a->name[0]);

	return b->name_len - b->name[0] == (int)len && a->labels == b->labels && memcmp(above(a), above(b), len - 1) == 0;
}

static bool is_below(const struct zone *z, const struct zone_node *n)
{
	const uint8_t *name = n->name;

	for (unsigned labels = n->labels; labels > z->apex_labels; labels--) {
		name = name_skip(name, 1);
		const struct zone_node *up = zone_find(z, name);

		if (up != NULL && ((up->flags & ZONE_NODE_BELOW) || zone_node_hides(z, up)))
			return true;
	}
	return false;
}

/* Cuts; gives back whether anything hides anything at all. */
static bool mark_cuts(struct zone *z)
{
	bool any = false;

	for (size_t i = 0; i < z->node_count; i++) {
		struct zone_node *n = z->nodes[i];
		bool cut = n->labels > z->apex_labels && zone_node_rrset(n, DNS_TYPE_NS) != NULL;

		n->flags = (uint8_t)((n->rrsets == NULL ? ZONE_NODE_EMPTY : 0) | (cut ? ZONE_NODE_CUT : 0));
		any |= zone_node_hides(z, n);
	}
	return any;
}

static void mark_below(struct zone *z)
{
	const struct zone_node *before = NULL;
	bool below = false;

	for (size_t i = 0; i < z->node_count; i++) {
		struct zone_node *n = z->nodes[i];

		if (before == NULL || !are_siblings(before, n))
			below = is_below(z, n);
		if (below)
			n->flags = ZONE_NODE_BELOW;
		before = n;
	}
}

/* The ancestors of n that no record made (RFC 4592 2.2.2); where one is there, its own are its own affair. */
static int add_ancestors(struct zone *z, const struct zone_node *n)
{
	const uint8_t *name = n->name;

	for (unsigned labels = n->labels; labels > z->apex_labels; labels--) {
		struct zone_node *empty;

		name = name_skip(name, 1);
		if (zone_find(z, name) != NULL)
			return 0;
		int rc = zone_node_new(z, name, &empty);
		if (rc < 0)
			return rc;
		empty->flags = ZONE_NODE_EMPTY;
	}
	return 0;
}

static int add_empty(struct zone *z)
{
	const struct zone_node *before = NULL;
	const size_t count = z->node_count;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		const struct zone_node *n = z->nodes[i];

		if (n->flags & ZONE_NODE_BELOW)
			continue;
		if (before == NULL || !are_siblings(before, n))
			rc = add_ancestors(z, n);
		before = n;
	}
	return rc;
}

static void mark_wildcards(struct zone *z)
{
	for (size_t i = 0; i < z->node_count; i++) {
		const struct zone_node *n = z->nodes[i];
		struct zone_node *parent;

		if (n->labels == z->apex_labels || !name_is_wildcard(n->name) || (n->flags & ZONE_NODE_BELOW))
			continue;
		parent = zone_find(z, above(n));
		if (parent != NULL)
			parent->flags |= ZONE_NODE_WILD_BELOW;
	}
}

int zone_order(struct zone *z)
{
	int rc;

	if (mark_cuts(z))
		mark_below(z);
	rc = add_empty(z);
	mark_wildcards(z);
	if (rc == 0 && z->is_signed)
		rc = nodes_sort(z);
	if (rc == 0 && z->is_signed)
		rc = zone_index(z, z->index_mask + 1);
	z->last = NULL;
	return rc;
}
