/* The keys of one block, checked against the schema table, and their values.
 *
 *     conf_fields_check(block's table) ──▶ struct fields: one value a key, right in type and range; else NULL
 *     conf_fields_ms(f, CHECK_INTERVAL) ──▶ the value, or the default from the table
 */
#ifndef GEMEL_CONF_FIELDS_H
#define GEMEL_CONF_FIELDS_H
#include "base/err.h"
#include "conf/schema.h"
#include "conf/value.h"

struct conf;

struct fields {
	enum schema_block schema;
	const struct conf_value *table;
	const struct conf_value *v[SCHEMA_KEYS_MAX];
	bool has_unknown;
};

/* Checks every key of the table; list_ok where the block takes values without a key too (host, member). Faults and
 * warnings are told. A table that is CONF_TOLD has no keys. */
void conf_fields_check(struct conf *c, enum schema_block b, const struct conf_value *table, bool list_ok,
		       struct fields *f);
/* Tells that v is not what the key takes, for keys that only their reader can check. */
void conf_fields_fault(struct conf *c, enum schema_block b, int key, const struct conf_value *v);
/* Warns of an address that looks like one with a port, but for the brackets. */
void conf_fields_warn_port(struct conf *c, const struct conf_value *v);

/* The value of a key of the right type, or its default. */
int64_t conf_fields_integer(const struct fields *f, int key);
uint64_t conf_fields_ms(const struct fields *f, int key);
bool conf_fields_boolean(const struct fields *f, int key);
const char *conf_fields_string(const struct fields *f, int key); /* NULL = absent, without a default */
/* The word's value; the default's where the word that was chosen is not built yet; 0 where there is none. */
int conf_fields_word(const struct fields *f, int key);
/* Seconds as a number, or text. */
int conf_fields_duration(const struct conf_value *v, uint64_t *ms) MUST_CHECK;

#endif
