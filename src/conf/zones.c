/* zone and zones blocks → the list of zones. See internal.h.
 *
 *     zone "example.test" { file = "example.test.zone" }         one
 *     zones "zones.d"        zones.d/example.org.zone, zones.d/example.net …   every file is one, named as the file
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "conf/files.h"
#include "conf/internal.h"
#include "dns/name.h"

static const char *name_fault(int r)
{
	return r == ERR_LIMIT ? "expected labels of at most 63 octets and at most 255 in all" :
		"expected a domain name";
}

static void zone_add_entry(struct conf *c, const struct conf_block *b, const char *name, const char *file)
{
	uint8_t wire[NAME_WIRE_MAX];
	char text[NAME_TEXT_MAX];
	struct conf_zone *z, *first;
	int len = name_parse(wire, name, strlen(name), NULL, true);

	if (len < 0) {
		conf_fault(c, &b->table, "\"%.300s\" is no zone name%s%s; %s", name,
			   b->kind == CONF_ZONES ? ", yet the file is in " : "",
			   b->kind == CONF_ZONES ? b->name : "", name_fault(len));
		return;
	}
	first = table_find(&c->zone_by_apex, wire, (size_t)len);
	if (first) {
		conf_fault(c, &b->table, "zone \"%s\" is there twice, first at %s:%u; expected each zone once", name_format(wire, text),
			   first->block->source->path,
			   first->block->line);
		return;
	}
	z = &c->zones[c->zone_count];
	z->name = arena_str(&c->arena, name_format(wire, text));
	z->apex = arena_copy(&c->arena, wire, (size_t)len);
	z->apex_len = (uint8_t)len;
	z->file = file;
	z->block = b;
	if (!z->name || !z->apex || !z->file || table_add(&c->zone_by_apex, z->apex, (size_t)len, z)) {
		c->failed = true;
		return;
	}
	c->zone_count++;
}

/* ---- folders ---- */

struct listing {
	const struct conf_block *block;
	char **names;
	size_t count, cap;
};

static int listing_add(struct listing *l, const char *name)
{
	char **more;

	if (l->count == l->cap) {
		more = realloc(l->names, (l->cap ? l->cap * 2 : 64) * sizeof *more);
		if (!more)
			return ERR_NOMEM;
		l->names = more;
		l->cap = l->cap ? l->cap * 2 : 64;
	}
	l->names[l->count] = strdup(name);
	return l->names[l->count++] ? 0 : ERR_NOMEM;
}

static int name_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Hidden files and editors' copies are no zones. Most file systems say at once what kind of file it is. */
static bool is_zone_file(DIR *dir, const struct dirent *e)
{
	const char *name = e->d_name;
	struct stat st;

	if (name[0] == '.' || name[strlen(name) - 1] == '~')
		return false;
	return e->d_type == DT_REG || (!fstatat(dirfd(dir), name, &st, 0) && S_ISREG(st.st_mode));
}

static void list_folder(struct conf *c, struct listing *l)
{
	const char *path = conf_join(c, l->block->name);
	DIR *dir = path ? opendir(path) : NULL;
	struct dirent *e;

	if (path && !dir)
		conf_fault(c, &l->block->table, "cannot read the folder %s: %s; expected a folder of zone files", path,
			   strerror(errno));
	while (dir && (e = readdir(dir)))
		if (is_zone_file(dir, e) && listing_add(l, e->d_name)) {
			c->failed = true;
			break;
		}
	if (dir)
		closedir(dir);
	if (l->count)
		qsort(l->names, l->count, sizeof *l->names, name_order);
}

static void add_listing(struct conf *c, const struct listing *l)
{
	for (size_t i = 0; i < l->count && !c->failed; i++) {
		const char *folder = conf_join(c, l->block->name);
		const char *file = folder ? conf_files_join(&c->arena, folder, l->names[i]) : NULL;
		size_t len = strlen(l->names[i]);

		if (len > 5 && !strcmp(l->names[i] + len - 5, ".zone"))
			l->names[i][len - 5] = 0;
		zone_add_entry(c, l->block, l->names[i], file);
	}
}

static void listing_deinit(struct listing *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->names[i]);
	free(l->names);
}

/* ---- both ---- */

static void add_single(struct conf *c, const struct conf_block *b)
{
	struct fields f;

	conf_fields_check(c, SCHEMA_ZONE, &b->table, false, &f);
	/* A zone whose file is faulty (told) still counts: names inside it are not outside every zone. */
	zone_add_entry(c, b, b->name, f.v[ZONE_FILE] ? conf_join(c, f.v[ZONE_FILE]->string.s) : "");
}

void conf_build_zones(struct conf *c)
{
	const struct conf_blocks *single = &c->kinds[CONF_ZONE], *folders = &c->kinds[CONF_ZONES];
	struct listing *l = calloc(folders->count + 1, sizeof *l);
	size_t total = single->count;

	if (!l) {
		c->failed = true;
		return;
	}
	for (size_t i = 0; i < folders->count; i++) {
		l[i].block = folders->list[i];
		list_folder(c, &l[i]);
		total += l[i].count;
	}
	if (total > CONF_ZONES_MAX)
		diags_add(c->d, DIAG_ERROR, c->file, 0, 0, "%zu zones; expected at most %d", total, CONF_ZONES_MAX);
	else
		c->zones = conf_alloc(c, total + 1, sizeof *c->zones);
	for (size_t i = 0; c->zones && i < single->count && !c->failed; i++)
		add_single(c, single->list[i]);
	for (size_t i = 0; i < folders->count; i++) {
		if (c->zones)
			add_listing(c, &l[i]);
		listing_deinit(&l[i]);
	}
	free(l);
	if (!total && !c->failed)
		diags_add(c->d, DIAG_WARNING, c->file, 0, 0,
			  "no zone; expected zone \"NAME\" { file = … } or zones \"DIR\"");
}

uint32_t conf_zone_of(const struct conf *c, const uint8_t *owner)
{
	for (const uint8_t *at = owner;; at += *at + 1) {
		const struct conf_zone *z = table_find(&c->zone_by_apex, at, name_len(at));

		if (z)
			return (uint32_t)(z - c->zones);
		if (!*at)
			return CONF_NO_ZONE;
	}
}

size_t conf_zones(const struct conf *c)
{
	return c->zone_count;
}

void conf_zone_get(const struct conf *c, size_t i, struct conf_zone_view *out)
{
	const struct conf_zone *z = &c->zones[i];

	*out = (struct conf_zone_view){.name = z->name, .apex = z->apex, .file = z->file, .services = z->service_count};
}
