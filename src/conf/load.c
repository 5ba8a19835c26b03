/* conf_load: runs the file, then each stage in turn; and the telling of faults. See internal.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "conf/files.h"
#include "conf/internal.h"
#include "conf/repeats.h"

#define FAULT_TEXT_MAX 2048

const struct hash_key conf_plain_key = {{0x9e3779b97f4a7c15u, 0xc2b2ae3d27d4eb4fu}};

/* ---- telling ---- */

static void tell(struct conf *c, enum diag_level level, const struct conf_value *v, const char *fmt, va_list ap)
{
	char text[FAULT_TEXT_MAX], key[FAULT_TEXT_MAX + 64];
	unsigned line;
	int n;

	if (vsnprintf(text, sizeof text, fmt, ap) < 0)
		return;
	line = conf_locate(v);
	n = snprintf(key, sizeof key, "%p:%u:%s", (const void *)v->block->source, line, text);
	if (n < 0 || table_add(&c->told, key, (size_t)n < sizeof key ? (size_t)n : sizeof key - 1, c) == ERR_EXISTS)
		return;
	diags_add(c->d, level, v->block->source->path, line, 0, "%s", text);
}

void conf_fault(struct conf *c, const struct conf_value *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(c, DIAG_ERROR, v, fmt, ap);
	va_end(ap);
}

void conf_warning(struct conf *c, const struct conf_value *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(c, DIAG_WARNING, v, fmt, ap);
	va_end(ap);
}

void conf_unbuilt(struct conf *c, const struct conf_value *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(c, DIAG_UNBUILT, v, fmt, ap);
	va_end(ap);
}

const char *conf_block_title(const struct conf_block *b, char out[CONF_TITLE_MAX])
{
	if (b->name)
		snprintf(out, CONF_TITLE_MAX, "%s \"%.120s\"", conf_kind_text(b->kind), b->name);
	else
		snprintf(out, CONF_TITLE_MAX, "%s", conf_kind_text(b->kind));
	return out;
}

const char *conf_near_name(struct conf *c, enum conf_kind kind, const char *name)
{
	const struct conf_blocks *k = &c->kinds[kind];
	const char **names = malloc((k->count + 1) * sizeof *names);
	const char *near = NULL;

	if (!names)
		return NULL;
	for (size_t i = 0; i < k->count; i++)
		names[i] = k->list[i]->name;
	near = text_nearest(name, names, k->count);
	free(names);
	return near;
}

void conf_name_add(struct conf *c, const struct conf_block *b, void *value)
{
	int r = table_add(&c->kinds[b->kind].by_name, b->name, strlen(b->name), value);
	const struct conf_blocks *list = &c->kinds[b->kind];
	char title[CONF_TITLE_MAX];
	size_t first = 0;

	if (r == ERR_EXISTS) {
		while (!list->list[first]->name || strcmp(list->list[first]->name, b->name))
			first++; /* at the latest at b itself */
		conf_fault(c, &b->table, "%s is there twice, first at %s:%u; expected each name once", conf_block_title(b, title),
			   list->list[first]->source->path, list->list[first]->line);
	} else if (r) {
		c->failed = true;
	}
}

/* ---- memory and paths ---- */

void *conf_alloc(struct conf *c, size_t n, size_t size)
{
	void *p = arena_array(&c->arena, n, size);

	c->failed |= !p;
	return p;
}

const char *conf_join(struct conf *c, const char *path)
{
	const char *p = conf_files_join(&c->arena, c->dir, path);

	c->failed |= !p;
	return p;
}

const char *conf_join_abs(struct conf *c, const char *path)
{
	const char *p = conf_files_join(&c->arena, c->abs_dir, path);

	c->failed |= !p;
	return p;
}

static int set_paths(struct conf *c, const char *file)
{
	char *real;

	c->file = arena_str(&c->arena, file);
	c->dir = conf_files_dir(&c->arena, file);
	if (!c->file || !c->dir)
		return ERR_NOMEM;
	real = realpath(c->dir, NULL);
	c->abs_dir = arena_str(&c->arena, real ? real : c->dir);
	free(real);
	return c->abs_dir ? 0 : ERR_NOMEM;
}

/* ---- blocks by kind ---- */

static void sort_blocks(struct conf *c)
{
	size_t n[CONF_KINDS] = {0};

	for (struct conf_block *b = c->collection.blocks; b; b = b->next)
		n[b->kind]++;
	for (int k = 1; k < CONF_KINDS; k++) {
		c->kinds[k].list = conf_alloc(c, n[k] + 1, sizeof *c->kinds[k].list);
		if (!c->kinds[k].list)
			return;
	}
	for (struct conf_block *b = c->collection.blocks; b; b = b->next)
		c->kinds[b->kind].list[c->kinds[b->kind].count++] = b;
}

/* pair and limits: at most one block. */
static const struct conf_block *only_block(struct conf *c, enum conf_kind kind)
{
	const struct conf_blocks *k = &c->kinds[kind];

	for (size_t i = 1; i < k->count; i++)
		conf_fault(c, &k->list[i]->table, "a second %s; expected one: the first is at line %u",
			   conf_kind_text(kind), k->list[0]->line);
	return k->count ? k->list[0] : NULL;
}

/* Of a file that broke off, what its blocks refer to may be missing: only their own keys can be judged. */
static void judge_keys(struct conf *c)
{
	static const enum schema_block schemas[CONF_KINDS] = {
		[CONF_NODE] = SCHEMA_NODE, [CONF_PAIR] = SCHEMA_PAIR, [CONF_ZONE] = SCHEMA_ZONE,
		[CONF_LIMITS] = SCHEMA_LIMITS,
		[CONF_CHECK] = SCHEMA_CHECK, [CONF_HOST] = SCHEMA_HOST, [CONF_POOL] = SCHEMA_SERVICE,
		[CONF_SERVICE] = SCHEMA_SERVICE, [CONF_MAINTENANCE] = SCHEMA_MAINTENANCE,
	};
	struct fields f;

	for (const struct conf_block *b = c->collection.blocks; b; b = b->next)
		if (schemas[b->kind])
			conf_fields_check(c, schemas[b->kind], &b->table, b->kind == CONF_HOST, &f);
}

static void build(struct conf *c, const char *node)
{
	sort_blocks(c);
	if (c->failed)
		return;
	c->pair_block = only_block(c, CONF_PAIR);
	c->limits_block = only_block(c, CONF_LIMITS);
	conf_build_limits(c);
	conf_build_nodes(c);
	conf_build_pair(c);
	if (!c->failed)
		conf_choose_node(c, node);
	conf_build_admin(c);
	conf_hook_check(c);
	conf_build_zones(c);
	conf_build_hosts(c);
	conf_build_checks(c);
	conf_build_services(c);
	conf_check_quorum(c);
	if (!c->failed)
		conf_build_needs(c);
	if (!c->failed)
		conf_build_maintenance(c);
}

int conf_load(struct conf **out, const char *file, const char *node, struct diags *d)
{
	struct conf *c = calloc(1, sizeof *c);
	int r;

	if (!c)
		return ERR_NOMEM;
	arena_init(&c->arena, 0);
	table_init(&c->told, &conf_plain_key);
	table_init_borrowing(&c->zone_by_apex, &conf_plain_key);
	table_init(&c->service_by_owner, &conf_plain_key);
	for (int k = 1; k < CONF_KINDS; k++)
		table_init(&c->kinds[k].by_name, &conf_plain_key);
	c->self = -1;
	c->d = d;
	r = set_paths(c, file);
	if (!r)
		r = conf_collection_run(&c->collection, file, d);
	for (const struct conf_source *s = c->collection.sources; !r && s; s = s->next)
		conf_repeats_tell(s, d);
	if (!r && c->collection.aborted) {
		judge_keys(c);
		r = ERR_FORMAT;
	}
	if (!r)
		build(c, node);
	if (!r && c->failed)
		r = ERR_NOMEM;
	if (r) {
		conf_free(c);
		return r;
	}
	*out = c;
	return 0;
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	conf_scripts_free(c);
	conf_pems_free(c);
	table_deinit(&c->told);
	table_deinit(&c->zone_by_apex);
	table_deinit(&c->service_by_owner);
	for (int k = 1; k < CONF_KINDS; k++)
		table_deinit(&c->kinds[k].by_name);
	explicit_bzero(c->pair.key, sizeof c->pair.key);
	explicit_bzero(c->pair.other_key, sizeof c->pair.other_key);
	explicit_bzero(&c->admin, sizeof c->admin);
	conf_collection_deinit(&c->collection);
	arena_deinit(&c->arena);
	free(c);
}

uint64_t conf_text_digest(const struct conf *c)
{
	uint64_t digest = 0;

	for (const struct conf_source *s = c->collection.sources; s; s = s->next)
		digest = digest * 31 + hash_bytes(&conf_plain_key, s->text, s->len);
	return digest;
}

const char *conf_key_file(const struct conf *c)
{
	return c->pair_key_file;
}

const struct plan_node *conf_node(const struct conf *c)
{
	return c->self < 0 ? NULL : &c->nodes[c->self];
}
