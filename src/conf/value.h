/* What the configuration file said, as plain data: Lua values copied out of the interpreter, each knowing where it
 * stands.
 *
 *     service "www.example.test" { check = "web", tiers = { { "192.0.2.1" } } }
 *     ^kind   ^name              ^table            .tiers[1][1]  parent, key and index lead back to the block
 */
#ifndef GEMEL_CONF_VALUE_H
#define GEMEL_CONF_VALUE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum conf_type {
	CONF_NONE = 0,
	CONF_BOOLEAN, CONF_INTEGER, CONF_NUMBER, CONF_STRING, CONF_TABLE,
	CONF_COMBINE, /* all{…} any{…} atleast(k, {…}): the list, with need */
	CONF_OTHER,   /* what no key takes: a function, a string with a zero octet */
	CONF_TOLD     /* a fault that was told already: say no more */
};

enum conf_kind {
	CONF_NODE = 1, CONF_PAIR, CONF_ZONE, CONF_ZONES, CONF_LIMITS, CONF_CHECK, CONF_HOST, CONF_POOL, CONF_SERVICE,
	CONF_MAINTENANCE,
	CONF_KINDS
};
const char *conf_kind_text(enum conf_kind k); /* "node", … */

#define CONF_DEPTH_MAX 8          /* of tables: the deepest that a key takes is 5 */
#define CONF_LIST_MAX 100000      /* items of one table */

struct conf_source { /* one file of Lua text */
	const char *path; /* as messages name it */
	char *text;       /* heap */
	size_t len;
	unsigned number;  /* from 1, in the order of reading */
	struct conf_source *next;
};

struct conf_value {
	uint8_t type; /* enum conf_type */
	bool boolean;
	uint32_t index;                  /* place in parent's list, from 1; 0 = a field */
	const char *key;                 /* name in parent's fields */
	const struct conf_value *parent; /* NULL = a block's own table */
	const struct conf_block *block;
	union {
		int64_t integer;
		double number;
		struct { const char *s; size_t len; } string; /* CONF_OTHER: its kind, for messages */
		struct {
			struct conf_value *list, *fields; /* fields ascending by key */
			uint32_t list_len, field_count;
			int64_t need; /* CONF_COMBINE: how many of the list, as it was written */
		} table;
	};
};

struct conf_block {
	enum conf_kind kind;
	const char *name; /* NULL for pair and limits */
	const struct conf_source *source;
	unsigned line; /* of the call */
	struct conf_value table;
	struct conf_block *next; /* in the order of the file */
};

const struct conf_value *conf_value_field(const struct conf_value *table, const char *key); /* NULL = absent */
/* For messages: "5", "\"abc\"", "a table". Returns out. */
#define CONF_VALUE_TEXT_MAX 80
const char *conf_value_text(const struct conf_value *v, char out[CONF_VALUE_TEXT_MAX]);

/* The line at which v's own key stands, found by walking the tokens of the source from the block's call; the nearest
 * enclosing line that is known where it was built by code. */
unsigned conf_locate(const struct conf_value *v);

#endif
