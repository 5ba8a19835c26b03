/* For the tests of the zone room: texts with marks, zones and faults as text.
 *
 *     "{a*300} A 192.0.2.1\n"     "{a*300}" stands for 300 times a, "{NUL}" for a NUL octet
 *     "www.example.test 300 A c0000201\n"     a record as zone_records writes it
 */
#ifndef GEMEL_TESTS_ZONE_HELP_H
#define GEMEL_TESTS_ZONE_HELP_H
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "zone/type.h"
#include "zone/zone.h"

static const struct hash_key help_key = { { 0x243f6a8885a308d3, 0x13198a2e03707344 } };

struct help_file {
	const char *name, *text;
};

/* ctx: struct help_file[], ended by a NULL name. */
static inline int help_read(void *ctx, const char *from, const char *name, const char **path, const char **text,
			    size_t *len)
{
	(void)from;
	for (const struct help_file *f = ctx; f != NULL && f->name != NULL; f++)
		if (strcmp(f->name, name) == 0) {
			*path = f->name;
			*text = f->text;
			*len = strlen(f->text);
			return 0;
		}
	return ERR_ABSENT;
}

static inline void help_expand(struct bytes *out, const char *text)
{
	bytes_init(out, 1 << 26);
	while (*text != '\0') {
		char c;
		int n, used = 0;

		if (strncmp(text, "{NUL}", 5) == 0) {
			bytes_u8(out, 0);
			text += 5;
		} else if (sscanf(text, "{%c*%d}%n", &c, &n, &used) == 2 && used > 0) {
			while (n-- > 0)
				bytes_u8(out, (uint8_t)c);
			text += used;
		} else {
			bytes_u8(out, (uint8_t)*text++);
		}
	}
	ck_assert(!out->failed);
}

static inline struct zone *help_zone(const char *apex)
{
	uint8_t wire[NAME_WIRE_MAX];
	struct zone *z = NULL;

	ck_assert_int_gt(name_parse(wire, apex, strlen(apex), NULL, true), 0);
	ck_assert_int_eq(zone_new(&z, wire, &help_key), 0);
	return z;
}

/* Parses text (marks as above) as the file "f"; 0 or ERR_FORMAT, in keeping with d. */
static inline int help_parse(struct zone *z, const char *text, struct help_file *files, struct diags *d)
{
	struct bytes in;
	size_t before = d->errors;
	int rc;

	help_expand(&in, text);
	rc = zone_parse(z, "f", (const char *)in.data, in.len, help_read, files, d);
	ck_assert_int_eq(rc, d->errors == before ? 0 : ERR_FORMAT);
	bytes_deinit(&in);
	return rc;
}

static inline const char *help_string(struct bytes *b)
{
	bytes_u8(b, 0);
	ck_assert(!b->failed);
	return (const char *)b->data;
}

static inline int help_node_order(const void *a, const void *b)
{
	return name_compare((*(struct zone_node *const *)a)->name, (*(struct zone_node *const *)b)->name);
}

/* The nodes in canonical order; heap. */
static inline struct zone_node **help_order(const struct zone *z)
{
	struct zone_node **nodes = reallocarray(NULL, z->node_count + 1, sizeof *nodes);

	ck_assert_ptr_nonnull(nodes);
	if (z->node_count > 0)
		memcpy(nodes, z->nodes, z->node_count * sizeof *nodes);
	qsort(nodes, z->node_count, sizeof *nodes, help_node_order);
	return nodes;
}

/* A line a record. */
static inline void help_records(struct bytes *out, const struct zone *z)
{
	bytes_init(out, 1 << 26);
	for (size_t i = 0; i < z->node_count; i++) {
		char name[NAME_TEXT_MAX], type[ZONE_TYPE_TEXT_MAX];

		name_format(z->nodes[i]->name, name);
		for (const struct zone_rrset *set = z->nodes[i]->rrsets; set != NULL; set = set->next)
			for (uint16_t k = 0; k < set->count; k++) {
				bytes_printf(out, "%s %u %s ", name, set->ttl, zone_type_text(set->type, type));
				for (uint16_t o = 0; o < set->rdata[k].len; o++)
					bytes_printf(out, "%02x", set->rdata[k].wire[o]);
				bytes_u8(out, '\n');
			}
	}
}

/* A line a node: its flags, then TYPE/records/TTL for each RRset, "!" where it is live. */
static inline void help_nodes(struct bytes *out, const struct zone *z)
{
	struct zone_node **nodes = help_order(z);

	bytes_init(out, 1 << 26);
	for (size_t i = 0; i < z->node_count; i++) {
		const struct zone_node *n = nodes[i];
		char name[NAME_TEXT_MAX], type[ZONE_TYPE_TEXT_MAX];

		bytes_printf(out, "%s%s%s%s", name_format(n->name, name), n->flags & ZONE_NODE_CUT ? " CUT" : "",
			     n->flags & ZONE_NODE_BELOW ? " BELOW" : "", n->flags & ZONE_NODE_EMPTY ? " EMPTY" : "");
		for (const struct zone_rrset *set = n->rrsets; set != NULL; set = set->next)
			bytes_printf(out, " %s%s/%u/%u", zone_type_text(set->type, type), set->live ? "!" : "",
				     set->count, set->ttl);
		bytes_u8(out, '\n');
	}
	free(nodes);
}

static inline void help_faults(struct bytes *out, const struct diags *d)
{
	bytes_init(out, 1 << 26);
	for (size_t i = 0; i < d->count; i++) {
		char line[2048];

		ck_assert_int_lt(diag_format(&d->list[i], line, sizeof line), (int)sizeof line);
		bytes_printf(out, "%s\n", line);
	}
}

#endif
