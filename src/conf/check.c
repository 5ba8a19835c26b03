/* Checks and their scripts. See internal.h.
 *
 *     check "web" { script = "http", args = { port = 8080 } }       named
 *     check = { use = "web", args = { path = "/shop" } }            inline: "web" with one argument more
 *     check = { script = "tcp", args = { port = 22 } }              inline, from nothing
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "conf/files.h"
#include "conf/internal.h"

#define LUA_FOLDER_VARIABLE "GEMEL_LUA_DIR"
#define LUA_FOLDER PKGDATADIR "/lua"

/* ---- scripts ---- */

static const char *lua_folder(void)
{
	const char *dir = getenv(LUA_FOLDER_VARIABLE);

	return dir && dir[0] ? dir : LUA_FOLDER;
}

static bool is_bundled_name(const char *name)
{
	size_t len = strlen(name);

	return !strchr(name, '/') && !(len > 4 && !strcmp(name + len - 4, ".lua"));
}

/* "http_status", "tcp-connect": what others call theirs. NULL = no name begins it. */
static const char *first_word(const char *name, const char *const *names, size_t n)
{
	const size_t len = strcspn(name, "_-. ");

	for (size_t i = 0; name[len] && i < n; i++)
		if (strlen(names[i]) == len && !strncmp(names[i], name, len))
			return names[i];
	return NULL;
}

/* The bundled check nearest to name; borrowed from the arena. */
static const char *near_script(struct conf *c, const char *name)
{
	const char *names[256], *near;
	size_t n = 0;
	DIR *dir = opendir(lua_folder());
	struct dirent *e;

	while (dir && n < 256 && (e = readdir(dir))) {
		size_t len = strlen(e->d_name);

		if (len <= 4 || strcmp(e->d_name + len - 4, ".lua") ||
		    (len > 9 && !strcmp(e->d_name + len - 9, "_test.lua"))) /* a check's cases, in a source tree */
			continue;
		names[n] = arena_strn(&c->arena, e->d_name, len - 4);
		n += names[n] != NULL;
	}
	near = text_nearest(name, names, n);
	if (!near)
		near = first_word(name, names, n);
	if (dir)
		closedir(dir);
	return near;
}

static void fault_script(struct conf *c, const struct conf_value *v, const struct conf_script *s, int r)
{
	int why = errno;
	bool unknown = is_bundled_name(s->name) && r == ERR_IO && why == ENOENT;
	const char *near = unknown ? near_script(c, s->name) : NULL;

	if (unknown)
		conf_fault(c, v,
			   "no bundled check is called \"%s\"; expected one in %s, or the path of a .lua file%s%s%s",
			   s->name, lua_folder(),
			   near ? "; did you mean \"" : "", near ? near : "", near ? "\"" : "");
	else
		conf_fault(c, v, "cannot read the script %s: %s; expected a check script", s->file,
			   r == ERR_IO ? strerror(why) : "larger than any script");
}

static void load_script(struct conf *c, struct conf_script *s, const struct conf_value *v)
{
	int r = conf_files_read(s->file, PLAN_SCRIPT_TEXT_MAX, &s->text, &s->len);

	if (r) {
		fault_script(c, v, s, r);
		return;
	}
	r = script_new(&s->script, s->file, s->text, s->len, &script_limits_default, c->d);
	if (r == ERR_NOMEM)
		c->failed = true;
	if (r)
		s->script = NULL;
	else
		s->args = script_args(s->script, &s->arg_count, &s->declared);
}

struct conf_script *conf_script_find(struct conf *c, const struct conf_value *v, const char *name)
{
	struct conf_script *s;

	for (s = c->scripts; s; s = s->next)
		if (!strcmp(s->name, name))
			return s;
	s = conf_alloc(c, 1, sizeof *s);
	if (!s)
		return NULL;
	s->name = name;
	s->index = UINT32_MAX;
	s->file = is_bundled_name(name) ? arena_printf(&c->arena, "%s/%s.lua", lua_folder(), name) : conf_join(c, name);
	if (!s->file) {
		c->failed = true;
		return NULL;
	}
	s->next = c->scripts;
	c->scripts = s;
	load_script(c, s, v);
	return s;
}

void conf_scripts_free(struct conf *c)
{
	for (struct conf_script *s = c->scripts; s; s = s->next) {
		script_free(s->script);
		free(s->text);
	}
	c->scripts = NULL;
}

/* ---- arguments ---- */

#define ARG_TEXT_MAX 80
/* "a whole number or text" */
static const char *arg_types_text(unsigned types, char out[ARG_TEXT_MAX])
{
	static const struct { unsigned type; const char *text; } known[] = {
		{SCRIPT_ARG_INTEGER, "a whole number"}, {SCRIPT_ARG_NUMBER, "a number"},
		{SCRIPT_ARG_BOOLEAN, "true or false"},
		{SCRIPT_ARG_STRING | SCRIPT_ARG_OWNER, "text"},
		{SCRIPT_ARG_CERTIFICATES | SCRIPT_ARG_KEY, "the path of a file"},
	};
	size_t n = 0;

	out[0] = 0;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (types & known[i].type)
			n += (size_t)snprintf(out + n, ARG_TEXT_MAX - n, "%s%s", n ? " or " : "", known[i].text);
	return out;
}

static enum script_arg_type value_type(const struct conf_value *v)
{
	switch ((enum conf_type)v->type) {
	case CONF_STRING:
		return SCRIPT_ARG_STRING;
	case CONF_INTEGER:
		return SCRIPT_ARG_INTEGER;
	case CONF_NUMBER:
		return SCRIPT_ARG_NUMBER;
	case CONF_BOOLEAN:
		return SCRIPT_ARG_BOOLEAN;
	default:
		return SCRIPT_ARG_NONE;
	}
}

static const struct script_arg_spec *find_spec(const struct conf_script *s, const char *name)
{
	for (size_t i = 0; i < s->arg_count; i++)
		if (!strcmp(s->args[i].name, name))
			return &s->args[i];
	return NULL;
}

static void fault_unknown_arg(struct conf *c, const struct conf_script *s, const struct conf_value *v)
{
	const char *names[64], *near;
	size_t n = 0;

	for (; n < s->arg_count && n < 64; n++)
		names[n] = s->args[n].name;
	near = text_nearest(v->key, names, n);
	conf_fault(c, v, "script \"%s\" has no argument \"%s\"; expected one that it declares%s%s%s", s->name, v->key,
		   near ? "; did you mean \"" : "",
		   near ? near : "", near ? "\"" : "");
}

static bool arg_ok(struct conf *c, const struct conf_script *s, const struct conf_value *v)
{
	const struct script_arg_spec *spec = s->declared ? find_spec(s, v->key) : NULL;
	char text[CONF_VALUE_TEXT_MAX], want[ARG_TEXT_MAX];
	enum script_arg_type type = value_type(v);

	if (v->type == CONF_TOLD)
		return false;
	if (s->declared && !spec) {
		fault_unknown_arg(c, s, v);
		return false;
	}
	if (spec && spec->types & SCRIPT_ARG_FILES && type == SCRIPT_ARG_STRING)
		return conf_pem_ok(c, v, spec->types & SCRIPT_ARG_FILES);
	if (type == SCRIPT_ARG_INTEGER && !strcmp(v->key, "port") && (v->integer < 1 || v->integer > 65535)) {
		conf_fault(c, v, "argument \"port\" of script \"%s\" is %s; expected a port from 1 to 65535", s->name,
			   conf_value_text(v, text));
		return false;
	}
	if (type && (!spec || script_arg_takes(spec, type)))
		return true;
	conf_fault(c, v, "argument \"%s\" of script \"%s\" is %s; expected %s", v->key, s->name,
		   conf_value_text(v, text),
		   spec ? arg_types_text(spec->types, want) : "text, a number or a boolean");
	return false;
}

/* base's arguments, then the own ones: a name that both have is the own. */
static int merge_args(struct conf *c, struct conf_check *k, const struct conf_check *base, const struct conf_value *own)
{
	uint32_t own_count = own && own->type == CONF_TABLE ? own->table.field_count : 0;
	size_t i = 0, n = base ? base->arg_count : 0;
	uint32_t j = 0;

	k->args = conf_alloc(c, n + own_count + 1, sizeof *k->args);
	if (!k->args)
		return ERR_NOMEM;
	while (i < n || j < own_count) {
		int r = i == n ? 1 : j == own_count ? -1 : strcmp(base->args[i].name, own->table.fields[j].key);

		if (r < 0) {
			k->args[k->arg_count++] = base->args[i++];
			continue;
		}
		i += r == 0;
		k->args[k->arg_count++] = (struct conf_arg){own->table.fields[j].key, &own->table.fields[j]};
		j++;
	}
	return 0;
}

static bool args_ok(struct conf *c, const struct conf_script *s, const struct conf_value *own)
{
	bool ok = true;
	char text[CONF_VALUE_TEXT_MAX];

	if (own && own->table.list_len) {
		ok = false;
		conf_fault(c, &own->table.list[0], "%s stands without a name among \"args\"; expected name = value",
			   conf_value_text(&own->table.list[0], text));
	}
	for (uint32_t i = 0; own && i < own->table.field_count; i++)
		ok &= arg_ok(c, s, &own->table.fields[i]);
	return ok;
}

/* ---- checks ---- */

/* true, false, or a table. Without the key a target's penalty is reckoned all the same, and alarms. */
static void read_flap(struct conf *c, const struct conf_value *v, struct health_flap_rule *r)
{
	struct fields f = {.schema = SCHEMA_FLAP};

	if (v && v->type == CONF_TABLE)
		conf_fields_check(c, SCHEMA_FLAP, v, false, &f);
	else if (v && v->type != CONF_BOOLEAN && v->type != CONF_TOLD)
		conf_fields_fault(c, SCHEMA_CHECK, CHECK_FLAP, v);
	r->hold = v && (v->type == CONF_TABLE || (v->type == CONF_BOOLEAN && v->boolean));
	r->suppress = (uint32_t)conf_fields_integer(&f, FLAP_SUPPRESS);
	r->reuse = (uint32_t)conf_fields_integer(&f, FLAP_REUSE);
	r->half_life_ms = (uint32_t)conf_fields_ms(&f, FLAP_HALF_LIFE);
	if (r->reuse >= r->suppress)
		conf_fault(c, f.v[FLAP_REUSE] ? f.v[FLAP_REUSE] : f.v[FLAP_SUPPRESS],
			   "\"reuse\" is %u, not below the %u of \"suppress\"; expected less", r->reuse, r->suppress);
}

static void read_timing(struct conf *c, struct conf_check *k, const struct conf_check *base)
{
	struct health_timing *t = &k->timing;
	const struct fields *f = &k->fields;

	for (int key = CHECK_INTERVAL; base && key <= CHECK_RETRY; key++)
		if (!k->fields.v[key])
			k->fields.v[key] = base->fields.v[key];
	t->interval_ms = (uint32_t)conf_fields_ms(f, CHECK_INTERVAL);
	t->timeout_ms = (uint32_t)conf_fields_ms(f, CHECK_TIMEOUT);
	t->fall = (uint8_t)conf_fields_integer(f, CHECK_FALL);
	t->rise = (uint8_t)conf_fields_integer(f, CHECK_RISE);
	t->retry_ms = f->v[CHECK_RETRY] ? (uint32_t)conf_fields_ms(f, CHECK_RETRY) : t->interval_ms / 5 < 1000 ?
		t->interval_ms / 5 : 1000;
	if (k->fields.v[CHECK_FLAP] || !base)
		read_flap(c, k->fields.v[CHECK_FLAP], &t->flap);
	else
		t->flap = base->timing.flap;
}

/* A named check, or an inline table over base (NULL = from nothing). Never NULL but out of memory; faulty ones have no
 * script. */
static struct conf_check *make_check(struct conf *c, const struct conf_value *table, const char *name,
				     const struct conf_check *base,
				     enum schema_block schema)
{
	struct conf_check *k = conf_alloc(c, 1, sizeof *k);
	char text[CONF_TITLE_MAX];

	if (!k)
		return NULL;
	conf_fields_check(c, schema, table, false, &k->fields);
	k->at = table;
	k->named = schema == SCHEMA_CHECK;
	if (k->fields.v[CHECK_SCRIPT])
		k->script = conf_script_find(c, k->fields.v[CHECK_SCRIPT], k->fields.v[CHECK_SCRIPT]->string.s);
	else if (base)
		k->script = base->script;
	else if (table->type == CONF_TABLE && !conf_value_field(table, "script"))
		conf_fault(c, table,
			   "%s has no \"script\"; expected a bundled check such as \"http\", or the path of a .lua "
			   "file",
			   k->named ? conf_block_title(table->block, text) : "a check");
	if (base && k->fields.v[CHECK_SCRIPT])
		conf_fault(c, k->fields.v[CHECK_SCRIPT], "\"script\" beside \"use\"; expected one of them");
	k->name = name ? name : k->script ? k->script->name : "";
	read_timing(c, k, base);
	if (k->script && !k->script->script)
		k->script = NULL;
	if (k->script && !args_ok(c, k->script, k->fields.v[CHECK_ARGS]))
		k->script = NULL;
	if (merge_args(c, k, base, k->fields.v[CHECK_ARGS]))
		return NULL;
	k->next = c->checks;
	c->checks = k;
	return k;
}

void conf_build_checks(struct conf *c)
{
	const struct conf_blocks *list = &c->kinds[CONF_CHECK];

	for (size_t i = 0; i < list->count && !c->failed; i++) {
		const struct conf_block *b = list->list[i];
		struct conf_check *k = make_check(c, &b->table, b->name, NULL, SCHEMA_CHECK);

		if (k)
			conf_name_add(c, b, k);
	}
}

static struct conf_check *find_named(struct conf *c, const struct conf_value *v)
{
	struct conf_check *k = table_find(&c->kinds[CONF_CHECK].by_name, v->string.s, v->string.len);
	const char *near;

	if (!k) {
		near = conf_near_name(c, CONF_CHECK, v->string.s);
		conf_fault(c, v, "no check is called \"%s\"; expected the name of a check%s%s%s", v->string.s,
			   near ? "; did you mean \"" : "",
			   near ? near : "", near ? "\"" : "");
	}
	if (k)
		k->used = true;
	return k && k->script ? k : NULL;
}

static struct conf_check *find_inline(struct conf *c, const struct conf_value *v)
{
	const struct conf_value *use = conf_value_field(v, "use");
	struct conf_check *base = NULL, *k;

	if (use && use->type == CONF_STRING) {
		base = find_named(c, use);
		if (!base)
			return NULL;
	}
	k = make_check(c, v, base ? base->name : NULL, base, SCHEMA_CHECK_INLINE);
	return k && k->script ? k : NULL;
}

struct conf_check *conf_check_find(struct conf *c, const struct conf_value *v)
{
	if (v->type == CONF_STRING)
		return find_named(c, v);
	if (v->type == CONF_TABLE && v->table.list_len && !v->table.field_count)
		conf_fault(c, v, "\"check\" is a list; expected a name alone, or for several checks all { … }, any { … } or atleast(n, { … })");
	else if (v->type == CONF_TABLE)
		return find_inline(c, v);
	else if (v->type == CONF_COMBINE)
		conf_fault(c, v, "a combination inside a combination; expected names of checks, or tables, in it");
	else if (v->type != CONF_TOLD)
		conf_fields_fault(c, SCHEMA_SERVICE, SERVICE_CHECK, v);
	return NULL;
}

/* ---- arguments that are missing ---- */

void conf_check_fault_missing(struct conf *c, const struct conf_check *k, const struct script_arg_spec *spec)
{
	conf_fault(c, k->fields.v[CHECK_ARGS] ? k->fields.v[CHECK_ARGS] : k->at,
		   "check \"%s\" lacks argument \"%s\" of script \"%s\"; expected args = { %s = … }",
		   k->name, spec->name, k->script->name, spec->name);
}

static bool has_arg(const struct conf_check *k, const char *name)
{
	for (size_t i = 0; i < k->arg_count; i++)
		if (!strcmp(k->args[i].name, name))
			return true;
	return false;
}

/* A port may be meant to come from the members' probe addresses. */
static bool may_lack(const struct script_arg_spec *spec)
{
	return spec->optional || spec->types & SCRIPT_ARG_OWNER ||
	       (!strcmp(spec->name, "port") && spec->types & SCRIPT_ARG_INTEGER);
}

void conf_checks_unused(struct conf *c)
{
	const struct conf_blocks *list = &c->kinds[CONF_CHECK];

	for (size_t i = 0; i < list->count; i++) {
		const char *name = list->list[i]->name;
		const struct conf_check *k = name ? table_find(&list->by_name, name, strlen(name)) : NULL;

		if (!k || k->used || !k->script || !k->script->declared || k->at != &list->list[i]->table)
			continue;
		for (size_t j = 0; j < k->script->arg_count; j++)
			if (!may_lack(&k->script->args[j]) && !has_arg(k, k->script->args[j].name))
				conf_check_fault_missing(c, k, &k->script->args[j]);
	}
}
