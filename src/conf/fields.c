/* Values against the schema table, and reading them: see schema.h. */
#include "conf/fields.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/text.h"
#include "conf/internal.h"

static const struct schema_key *key_of(enum schema_block b, int key)
{
	size_t n;

	return &conf_schema_keys(b, &n)[key];
}

/* ---- one value ---- */

#define EXPECTED_MAX 512
static const char *expected(const struct schema_key *k, char out[EXPECTED_MAX])
{
	char lo[32], hi[32];
	size_t n = 0;

	if (k->expected)
		return k->expected;
	switch (k->type) {
	case SCHEMA_INTEGER:
		snprintf(out, EXPECTED_MAX, "a whole number from %" PRId64 " to %" PRId64, k->min, k->max);
		return out;
	case SCHEMA_DURATION:
		snprintf(out, EXPECTED_MAX, "a duration from %s to %s, such as 5, \"200ms\" or \"10m\"",
			 text_format_duration((uint64_t)k->min, lo),
			 text_format_duration((uint64_t)k->max, hi));
		return out;
	case SCHEMA_WORD:
		for (const struct schema_word *w = k->words; w->name && n < EXPECTED_MAX; w++)
			n += (size_t)snprintf(out + n, EXPECTED_MAX - n, "%s\"%s\"",
					      w == k->words ? "" : w[1].name ? ", " : " or ", w->name);
		return out;
	case SCHEMA_BOOLEAN:
		return "true or false";
	case SCHEMA_BLOCKS:
		return "addresses or blocks such as \"192.0.2.0/24\"";
	default:
		return "text";
	}
}

static void fault_value(struct conf *c, const struct schema_key *k, const struct conf_value *v, const char *hint)
{
	char text[CONF_VALUE_TEXT_MAX], want[EXPECTED_MAX];

	if (v->type == CONF_TOLD)
		return;
	if (v->index)
		conf_fault(c, v, "item %u of \"%s\" is %s; expected %s%s%s%s", v->index, k->name,
			   conf_value_text(v, text), expected(k, want),
			   hint ? "; did you mean \"" : "", hint ? hint : "", hint ? "\"" : "");
	else
		conf_fault(c, v, "\"%s\" is %s; expected %s%s%s%s", k->name, conf_value_text(v, text),
			   expected(k, want),
			   hint ? "; did you mean \"" : "", hint ? hint : "", hint ? "\"" : "");
}

int conf_fields_duration(const struct conf_value *v, uint64_t *ms)
{
	double s = v->type == CONF_INTEGER ? (double)v->integer : v->number;

	if (v->type == CONF_STRING)
		return text_parse_duration(ms, v->string.s);
	if (v->type != CONF_INTEGER && v->type != CONF_NUMBER)
		return ERR_FORMAT;
	if (!(s >= 0 && s <= 315360000.0)) /* 10 years, as for text */
		return ERR_RANGE;
	*ms = (uint64_t)llround(s * 1000);
	return 0;
}

static bool word_ok(struct conf *c, const struct schema_key *k, const struct conf_value *v)
{
	const struct schema_word *w = v->type == CONF_STRING ? conf_schema_word_find(k->words, v->string.s) : NULL;

	if (!w)
		fault_value(c, k, v, v->type == CONF_STRING ? conf_schema_word_near(k->words, v->string.s) : NULL);
	else if (w->unbuilt)
		conf_unbuilt(c, v, "%s = \"%s\" is not built yet: %s", k->name, w->name, w->unbuilt);
	return w != NULL;
}

/* NULL where it does not look like that. */
static const char *with_brackets(const struct conf_value *v, char out[ADDR_TEXT_MAX])
{
	struct addr a;

	if (v->type != CONF_STRING || !addr_lacks_brackets(v->string.s, v->string.len, &a))
		return NULL;
	return addr_format(&a, true, out);
}

/* No error: the text is an address, and may be meant as one. */
void conf_fields_warn_port(struct conf *c, const struct conf_value *v)
{
	char meant[ADDR_TEXT_MAX];

	if (with_brackets(v, meant))
		conf_warning(c, v, "\"%s\" is an IPv6 address without a port; expected \"%s\" where a port is meant, or else \"[%s]\"",
			     v->string.s, meant, v->string.s);
}

static bool address_ok(struct conf *c, const struct schema_key *k, const struct conf_value *v)
{
	struct addr a;
	char meant[ADDR_TEXT_MAX];

	if (v->type == CONF_STRING && !addr_parse(&a, v->string.s, v->string.len, 0) && (!k->min || a.port)) {
		if (k->port)
			conf_fields_warn_port(c, v);
		return true;
	}
	fault_value(c, k, v, k->port ? with_brackets(v, meant) : NULL);
	return false;
}

static bool block_ok(struct conf *c, const struct schema_key *k, const struct conf_value *v)
{
	struct addr_block b;

	if (v->type == CONF_STRING && !addr_block_parse(&b, v->string.s, v->string.len))
		return true;
	fault_value(c, k, v, NULL);
	return false;
}

static bool list_ok_of(struct conf *c, const struct schema_key *k, const struct conf_value *v,
		       bool (*ok)(struct conf *, const struct schema_key *, const struct conf_value *))
{
	bool good = true;

	if (v->type != CONF_TABLE)
		return ok(c, k, v);
	if (v->table.field_count || (!v->table.list_len && !k->empty) || v->table.list_len > (uint64_t)k->max) {
		conf_fault(c, v, "\"%s\" is a table with %u items%s; expected a list of %d to %" PRId64 ": %s", k->name,
			   v->table.list_len,
			   v->table.field_count ? " and named ones" : "", k->empty ? 0 : 1, k->max,
			   k->expected ? k->expected : "addresses");
		return false;
	}
	for (uint32_t i = 0; i < v->table.list_len; i++)
		good &= ok(c, k, &v->table.list[i]);
	return good;
}

static bool scalar_ok(const struct schema_key *k, const struct conf_value *v)
{
	uint64_t ms;

	switch (k->type) {
	case SCHEMA_STRING:
		return v->type == CONF_STRING && v->string.len >= (uint64_t)k->min && v->string.len <= (uint64_t)k->max;
	case SCHEMA_INTEGER:
		return v->type == CONF_INTEGER && v->integer >= k->min && v->integer <= k->max;
	case SCHEMA_BOOLEAN:
		return v->type == CONF_BOOLEAN;
	case SCHEMA_DURATION:
		return !conf_fields_duration(v, &ms) && ms >= (uint64_t)k->min && ms <= (uint64_t)k->max;
	case SCHEMA_TABLE:
		return v->type == CONF_TABLE;
	default:
		return v->type != CONF_OTHER;
	}
}

static bool value_ok(struct conf *c, const struct schema_key *k, const struct conf_value *v)
{
	if (v->type == CONF_TOLD)
		return false;
	switch (k->type) {
	case SCHEMA_WORD:
		return word_ok(c, k, v);
	case SCHEMA_ADDRESS:
		return address_ok(c, k, v);
	case SCHEMA_ADDRESSES:
		return list_ok_of(c, k, v, address_ok);
	case SCHEMA_BLOCKS:
		return list_ok_of(c, k, v, block_ok);
	default:
		if (scalar_ok(k, v))
			return true;
		fault_value(c, k, v, NULL);
		return false;
	}
}

void conf_fields_fault(struct conf *c, enum schema_block b, int key, const struct conf_value *v)
{
	const struct schema_key *k = key_of(b, key);
	const char *near = k->words && v->type == CONF_STRING ? conf_schema_word_near(k->words, v->string.s) : NULL;
	char meant[ADDR_TEXT_MAX];

	fault_value(c, k, v, k->port ? with_brackets(v, meant) : near);
}

/* ---- a block ---- */

static void fault_unknown(struct conf *c, enum schema_block b, const struct conf_value *v)
{
	const char *near = conf_schema_near(b, v->key);
	const struct schema_key *keys;
	char list[EXPECTED_MAX];
	size_t count, n = 0;

	if (near) {
		conf_fault(c, v, "unknown key \"%s\"; expected a key of %s; did you mean \"%s\"", v->key,
			   conf_schema_block_text(b), near);
		return;
	}
	keys = conf_schema_keys(b, &count);
	for (size_t i = 0; i < count && n < sizeof list; i++)
		n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", keys[i].name);
	conf_fault(c, v, "unknown key \"%s\"; expected a key of %s: %s", v->key, conf_schema_block_text(b), list);
}

/* False where the key is unknown. */
static bool check_field(struct conf *c, enum schema_block b, const struct conf_value *v, struct fields *f)
{
	int key = conf_schema_find(b, v->key);

	if (key < 0) {
		fault_unknown(c, b, v);
		return false;
	}
	if (value_ok(c, key_of(b, key), v)) {
		f->v[key] = v;
		if (key_of(b, key)->unbuilt)
			conf_unbuilt(c, v, "\"%s\" is not built yet: %s", v->key, key_of(b, key)->unbuilt);
	}
	return true;
}

void conf_fields_check(struct conf *c, enum schema_block b, const struct conf_value *table, bool list_ok,
		       struct fields *f)
{
	const struct schema_key *keys;
	char text[CONF_VALUE_TEXT_MAX], title[CONF_TITLE_MAX];
	size_t count;

	memset(f, 0, sizeof *f);
	f->schema = b;
	f->table = table;
	if (table->type != CONF_TABLE)
		return;
	if (table->table.list_len && !list_ok && table->table.list[0].type != CONF_TOLD)
		conf_fault(c, &table->table.list[0], "%s stands without a key; expected a key of %s before it",
			   conf_value_text(&table->table.list[0], text), conf_schema_block_text(b));
	for (uint32_t i = 0; i < table->table.field_count; i++)
		f->has_unknown |= !check_field(c, b, &table->table.fields[i], f);
	keys = conf_schema_keys(b, &count);
	for (size_t i = 0; i < count && !f->has_unknown; i++) /* the missing one may be the misspelt one */
		if (keys[i].required && !conf_value_field(table, keys[i].name))
			conf_fault(c, table, "%s has no \"%s\"; expected %s", conf_block_title(table->block, title),
				   keys[i].name, keys[i].expected);
}

/* ---- reading ---- */

static const char *fallback(const struct fields *f, int key)
{
	return key_of(f->schema, key)->fallback;
}

int64_t conf_fields_integer(const struct fields *f, int key)
{
	uint64_t n = 0;

	if (f->v[key])
		return f->v[key]->integer;
	if (!fallback(f, key) || text_parse_u64(&n, fallback(f, key), 0, INT64_MAX))
		return 0;
	return (int64_t)n;
}

uint64_t conf_fields_ms(const struct fields *f, int key)
{
	uint64_t ms = 0;

	if (f->v[key] && !conf_fields_duration(f->v[key], &ms))
		return ms;
	if (!fallback(f, key) || text_parse_duration(&ms, fallback(f, key)))
		return 0;
	return ms;
}

bool conf_fields_boolean(const struct fields *f, int key)
{
	return f->v[key] ? f->v[key]->boolean : fallback(f, key) && !strcmp(fallback(f, key), "true");
}

const char *conf_fields_string(const struct fields *f, int key)
{
	return f->v[key] ? f->v[key]->string.s : fallback(f, key);
}

int conf_fields_word(const struct fields *f, int key)
{
	const struct schema_key *k = key_of(f->schema, key);
	const struct schema_word *w = f->v[key] ? conf_schema_word_find(k->words, f->v[key]->string.s) : NULL;

	if (w && !w->unbuilt)
		return w->value;
	w = k->fallback ? conf_schema_word_find(k->words, k->fallback) : NULL;
	return w ? w->value : 0;
}
