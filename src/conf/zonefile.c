/* The files of a zone, with what they include, and the digest by which an unchanged zone is known. See conf.h.
 *
 * Includes are found by their directive's line, before any parsing: a zone that did not change is then never parsed. A
 * line of text that only looks like one costs a needless look at a file.
 */
#include "conf/zonefile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/files.h"

static uint64_t digest_step(uint64_t digest, const void *p, size_t len)
{
	struct hash_key k = conf_plain_key;

	k.k[0] ^= digest;
	return hash_bytes(&k, p, len) + len;
}

/* ---- includes ---- */

static struct conf_include *include_find(const struct conf_zone_text *t, const char *path)
{
	for (struct conf_include *i = t->includes; i; i = i->next)
		if (!strcmp(i->path, path))
			return i;
	return NULL;
}

/* name as written in file `from`: relative to its folder. */
static char *include_path(const char *from, const char *name, size_t len)
{
	struct arena a;
	char *dir, *copy, *path = NULL;

	arena_init(&a, 0);
	dir = conf_files_dir(&a, from);
	copy = arena_strn(&a, name, len);
	if (dir && copy && (path = conf_files_join(&a, dir, copy)))
		path = strdup(path);
	arena_deinit(&a);
	return path;
}

/* Reads the file once; r of reading it stays with it. Takes path. NULL = out of memory. */
static struct conf_include *include_add(struct conf_zone_text *t, char *path)
{
	struct conf_include *i = path ? include_find(t, path) : NULL;

	if (i || !path) {
		free(path);
		return i;
	}
	i = calloc(1, sizeof *i);
	if (!i) {
		free(path);
		return NULL;
	}
	i->path = path;
	i->result = conf_files_read(path, ZONEFILE_MAX, &i->text, &i->len);
	if (i->result == ERR_IO && (errno == ENOENT || errno == ENOTDIR))
		i->result = ERR_ABSENT;
	i->next = t->includes;
	t->includes = i;
	t->include_count++;
	return i;
}

int conf_zonefile_include(void *ctx, const char *from, const char *name, const char **path, const char **text,
			  size_t *len)
{
	struct conf_include *i = include_add(ctx, include_path(from, name, strlen(name)));

	if (!i)
		return ERR_NOMEM;
	if (i->result)
		return i->result;
	*path = i->path;
	*text = i->text;
	*len = i->len;
	return 0;
}

/* The file name of a line "$INCLUDE name …"; NULL where it is none. */
static const char *include_of_line(const char *line, const char *end, size_t *len)
{
	const char *p = line + strlen("$INCLUDE");
	bool quoted;

	if (p >= end || strncasecmp(line, "$INCLUDE", strlen("$INCLUDE")) || (*p != ' ' && *p != '\t'))
		return NULL;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	quoted = p < end && *p == '"';
	p += quoted;
	for (*len = 0; p + *len < end && (quoted ? p[*len] != '"' : !strchr(" \t\r;", p[*len])); ++*len)
		if (!p[*len])
			break;
	return *len ? p : NULL;
}

/* ERR_NOMEM. Bounded by the parser's own bounds: what is deeper or more it refuses. */
static int digest_includes(struct conf_zone_text *t, const char *from, const char *text, size_t len, unsigned depth)
{
	const char *end = text + len;
	int r = 0;

	for (const char *line = text, *next; line < end && !r; line = next) {
		const char *stop = memchr(line, '\n', (size_t)(end - line)), *name;
		size_t name_octets;
		struct conf_include *i;

		next = stop ? stop + 1 : end;
		while (line < next && (*line == ' ' || *line == '\t'))
			line++;
		name = include_of_line(line, stop ? stop : end, &name_octets);
		if (!name || depth >= ZONE_INCLUDE_DEPTH_MAX || t->include_count >= ZONE_INCLUDE_MAX)
			continue;
		i = include_add(t, include_path(from, name, name_octets));
		if (!i)
			return ERR_NOMEM;
		t->digest = digest_step(t->digest, i->path, strlen(i->path));
		if (!i->result) {
			t->digest = digest_step(t->digest, i->text, i->len);
			r = digest_includes(t, i->path, i->text, i->len, depth + 1);
		}
	}
	return r;
}

/* ---- services: what of them is checked against the zone, or marks its records ---- */

static uint64_t digest_service(const struct conf_service *s)
{
	uint64_t h = digest_step(s->tiered, s->owner, name_len(s->owner));
	uint16_t rules[4] = {s->need, s->need_pct, s->all_down, s->answer_n};
	const char *pick = conf_fields_string(&s->keys, SERVICE_PICK);

	h = digest_step(h, rules, sizeof rules);
	h = digest_step(h, pick, strlen(pick));
	for (uint16_t i = 0; s->tiered && i < s->member_count; i++)
		h = digest_step(h, s->members[i].addr.ip, addr_ip_len(&s->members[i].addr));
	return h;
}

static uint64_t digest_services(const struct conf_zone *z)
{
	uint64_t sum = 0;

	for (const struct conf_service *s = z->services; s; s = s->next_in_zone)
		sum += digest_service(s);
	return sum;
}

static uint64_t stamp_of(const struct conf_zone *z, const struct conf_look *look)
{
	uint64_t services = digest_services(z), stamp = digest_step(ZONEFILE_DIGEST_VERSION, look, sizeof *look);

	if (!look->ino)
		return 0;
	stamp = digest_step(stamp, z->file, strlen(z->file));
	stamp = digest_step(stamp, z->apex, z->apex_len);
	stamp = digest_step(stamp, &services, sizeof services);
	return stamp ? stamp : 1;
}

uint64_t conf_zone_stamp(const struct conf *c, size_t i)
{
	struct conf_look look;

	if (!c->zones[i].file[0])
		return 0;
	conf_files_look(c->zones[i].file, &look);
	return stamp_of(&c->zones[i], &look);
}

int conf_zone_read(struct conf *c, size_t i, struct conf_zone_text *t, struct diags *d)
{
	const struct conf_zone *z = &c->zones[i];
	uint64_t services = digest_services(z);
	struct conf_look look;
	int r;

	memset(t, 0, sizeof *t);
	if (!z->file[0])
		return ERR_FORMAT; /* told with the block */
	r = conf_files_read_look(z->file, ZONEFILE_MAX, &t->text, &t->len, &look);
	if (r == ERR_NOMEM)
		return r;
	if (r) {
		diags_add(d, DIAG_ERROR, z->block->source->path, z->block->line, 0,
			  "zone \"%s\": cannot read %s: %s; expected a zone file", z->name,
			  z->file, r == ERR_IO ? strerror(errno) : "it is too large");
		return ERR_FORMAT;
	}
	t->digest = digest_step(ZONEFILE_DIGEST_VERSION, z->apex, z->apex_len);
	t->digest = digest_step(t->digest, t->text, t->len);
	r = digest_includes(t, z->file, t->text, t->len, 0);
	t->digest = digest_step(t->digest, &services, sizeof services);
	t->stamp = t->include_count ? 0 : stamp_of(z, &look);
	if (r)
		conf_zone_text_deinit(t);
	return r;
}

void conf_zone_text_deinit(struct conf_zone_text *t)
{
	while (t->includes) {
		struct conf_include *i = t->includes;

		t->includes = i->next;
		if (!i->result)
			free(i->text);
		free(i->path);
		free(i);
	}
	free(t->text);
	memset(t, 0, sizeof *t);
}
