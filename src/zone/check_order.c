/* Canonical order, empty non-terminals, cuts and what lies below them, in one walk.
 *
 *     example.  │ apex           a.b.example. alone in the file makes b.example., empty;
 *     b         │ EMPTY          sub has NS, so sub is a CUT and all beneath it BELOW.
 *     a.b       │                In this order a name's ancestors stand right before it, so
 *     sub       │ CUT            looking at the name before is enough for both.
 *     x.sub     │ BELOW
 *
 * Sorted are keys, made once, that memcmp orders as RFC 4034 6.1 does:  a.b.example. in zone example. ─▶ "b\0a\0\0"
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

/* Labels that a and b share, from the root on. */
static unsigned labels_shared(const struct zone_node *a, const struct zone_node *b)
{
	unsigned n = a->labels < b->labels ? a->labels : b->labels;
	const uint8_t *x = name_skip(a->name, a->labels - n), *y = name_skip(b->name, b->labels - n);
	unsigned run = 0;

	for (; *x != 0; x += *x + 1, y += *y + 1)
		run = *x == *y && memcmp(x + 1, y + 1, *x) == 0 ? run + 1 : 0;
	return run;
}

struct walk {
	struct zone_node **nodes;
	size_t count, cap;
};

static int walk_add(struct walk *w, struct zone_node *n)
{
	if (w->count == w->cap) {
		size_t cap = w->cap * 2;
		struct zone_node **grown = reallocarray(w->nodes, cap, sizeof *grown);

		if (grown == NULL)
			return ERR_NOMEM;
		w->nodes = grown;
		w->cap = cap;
	}
	w->nodes[w->count++] = n;
	return 0;
}

/* The ancestors of n that no record made, and that no name before it had (RFC 4592 2.2.2). */
static int walk_add_empty(struct zone *z, struct walk *w, const struct zone_node *n, unsigned have)
{
	for (unsigned labels = have + 1; labels < n->labels; labels++) {
		struct zone_node *empty;
		int rc = zone_node_new(z, name_skip(n->name, n->labels - labels), &empty);

		if (rc == 0) {
			empty->flags = ZONE_NODE_EMPTY;
			rc = walk_add(w, empty);
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

static bool node_is_cut(const struct zone *z, const struct zone_node *n)
{
	return n->labels > z->apex_labels && zone_node_rrset(n, DNS_TYPE_NS) != NULL;
}

static int walk_nodes(struct zone *z, struct walk *w)
{
	const struct zone_node *before = NULL, *hides = NULL;

	for (size_t i = 0; i < z->node_count; i++) {
		struct zone_node *n = z->nodes[i];
		int rc = 0;

		if (hides != NULL && !name_is_under(n->name, hides->name))
			hides = NULL;
		n->flags = hides != NULL ? ZONE_NODE_BELOW : n->rrsets == NULL ? ZONE_NODE_EMPTY : 0;
		if (hides == NULL) {
			unsigned have = before != NULL ? labels_shared(before, n)
						       : z->apex_labels - (z->apex_labels > 0 ? 1u : 0u);

			rc = walk_add_empty(z, w, n, have);
			if (node_is_cut(z, n))
				n->flags |= ZONE_NODE_CUT;
			if ((n->flags & ZONE_NODE_CUT) || zone_node_rrset(n, DNS_TYPE_DNAME) != NULL)
				hides = n;
		}
		if (rc == 0)
			rc = walk_add(w, n);
		if (rc < 0)
			return rc;
		before = n;
	}
	return 0;
}

int zone_order(struct zone *z)
{
	struct walk w = { .cap = z->node_count + 16 };
	int rc = nodes_sort(z);

	if (rc < 0)
		return rc;
	w.nodes = reallocarray(NULL, w.cap, sizeof *w.nodes);
	rc = w.nodes == NULL ? ERR_NOMEM : walk_nodes(z, &w);
	if (rc < 0) {
		free(w.nodes);
		return rc;
	}
	free(z->nodes);
	z->nodes = w.nodes;
	z->node_count = w.count;
	z->node_cap = w.cap;
	z->last = NULL;
	return 0;
}
