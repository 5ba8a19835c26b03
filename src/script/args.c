/* Declared arguments: { port = "integer", path = "string?", expect = "integer|string?" } → struct script_arg_spec. */
#include <stdlib.h>
#include <string.h>
#include "script/internal.h"

#define NAME_MAX_LEN 64

static const struct { const char *name; unsigned type; } types[] = {
	{ "string", SCRIPT_ARG_STRING }, { "integer", SCRIPT_ARG_INTEGER }, { "number", SCRIPT_ARG_NUMBER },
	{ "boolean", SCRIPT_ARG_BOOLEAN }, { "owner", SCRIPT_ARG_OWNER },
	{ "certificates", SCRIPT_ARG_CERTIFICATES }, { "key", SCRIPT_ARG_KEY }
};

static unsigned type_get(const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strlen(types[i].name) == len && memcmp(types[i].name, word, len) == 0)
			return types[i].type;
	return SCRIPT_ARG_NONE;
}

/* Parses "integer|string?" whole. */
static int type_parse(struct script_arg_spec *spec, const char *text)
{
	unsigned all = 0;

	for (const char *p = text;; p++) {
		size_t len = strcspn(p, "|?");
		unsigned one = type_get(p, len);

		if (one == SCRIPT_ARG_NONE)
			return ERR_FORMAT;
		all |= one;
		p += len;
		if (*p != '|')
			break;
	}
	spec->optional = text[strlen(text) - 1] == '?';
	if (strcspn(text, "?") + spec->optional != strlen(text))
		return ERR_FORMAT;
	spec->types = all;
	if (all & SCRIPT_ARG_FILES && all != SCRIPT_ARG_CERTIFICATES && all != SCRIPT_ARG_KEY)
		return ERR_FORMAT; /* a string could be a file's name or not */
	return 0;
}

bool script_arg_takes(const struct script_arg_spec *spec, enum script_arg_type type)
{
	unsigned types_taken = spec->types;

	if (types_taken & (SCRIPT_ARG_OWNER | SCRIPT_ARG_FILES))
		types_taken |= SCRIPT_ARG_STRING;
	if (types_taken & SCRIPT_ARG_NUMBER)
		types_taken |= SCRIPT_ARG_INTEGER;
	return type != SCRIPT_ARG_OWNER && (types_taken & type) != 0;
}

static bool is_name(const char *s, size_t len)
{
	if (len == 0 || len > NAME_MAX_LEN || (s[0] >= '0' && s[0] <= '9'))
		return false;
	return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == len;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct script_arg_spec *)a)->name, ((const struct script_arg_spec *)b)->name);
}

/* One entry, key and value on the stack's top. */
static int args_add(struct script *s, struct diags *d)
{
	struct script_arg_spec *spec = &s->args[s->arg_count];
	size_t len = 0;
	const char *name = lua_type(s->L, -2) == LUA_TSTRING ? lua_tolstring(s->L, -2, &len) : NULL;
	const char *text = lua_type(s->L, -1) == LUA_TSTRING ? lua_tostring(s->L, -1) : NULL;

	if (name == NULL || !is_name(name, len)) {
		diags_add(d, DIAG_ERROR, s->file, 0, 0,
			  "the name of an argument is not an identifier; expected args = { port = \"integer\", … }");
		return ERR_FORMAT;
	}
	if (text == NULL || type_parse(spec, text) != 0) {
		diags_add(d, DIAG_ERROR, s->file, 0, 0,
			  "argument \"%s\" has no known type; expected string, integer, number, boolean, "
			  "owner, certificates or key, several joined by \"|\", with \"?\" at the end where it is optional",
			  name);
		return ERR_FORMAT;
	}
	spec->name = strdup(name);
	spec->text = strdup(text);
	s->arg_count++; /* script_free sees what there is */
	return spec->name != NULL && spec->text != NULL ? 0 : ERR_NOMEM;
}

int args_declare(struct script *s, int index, struct diags *d)
{
	int err = 0;

	s->args = calloc(SCRIPT_ARGS_MAX, sizeof *s->args);
	if (s->args == NULL)
		return ERR_NOMEM;
	s->declared = true;
	lua_pushvalue(s->L, index);
	for (lua_pushnil(s->L); lua_next(s->L, -2) != 0; lua_pop(s->L, 1)) {
		int e;

		if (s->arg_count == SCRIPT_ARGS_MAX) {
			diags_add(d, DIAG_ERROR, s->file, 0, 0, "more than %d arguments", SCRIPT_ARGS_MAX);
			err = ERR_FORMAT;
			break;
		}
		e = args_add(s, d);
		err = e != 0 ? e : err;
	}
	lua_settop(s->L, index);
	if (err == 0) /* else a name may be missing, and nobody will look at them */
		qsort(s->args, s->arg_count, sizeof *s->args, compare);
	return err;
}

const struct script_arg_spec *script_args(const struct script *s, size_t *n, bool *declared)
{
	*n = s->arg_count;
	*declared = s->declared;
	return s->args;
}
