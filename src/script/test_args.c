/* The arguments of a test's case, checked as those of a configuration are. */
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "script/mock.h"

#define ARGS_MAX 64 /* of a script that declares none; others declare SCRIPT_ARGS_MAX */

struct test_args {
	struct script_arg list[ARGS_MAX + SCRIPT_ARGS_MAX + 1];
	size_t count;
};

struct test_args *test_args_new(void)
{
	return calloc(1, sizeof(struct test_args));
}

void test_args_free(struct test_args *a)
{
	free(a);
}

const struct script_arg *test_args_get(const struct test_args *a, size_t *n)
{
	*n = a->count;
	return a->list;
}

static struct script_arg *find(struct test_args *a, const char *name)
{
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->list[i].name, name) == 0)
			return &a->list[i];
	return NULL;
}

static const struct script_arg_spec *find_spec(const struct script *s, const char *name)
{
	for (size_t i = 0; i < s->arg_count; i++)
		if (strcmp(s->args[i].name, name) == 0)
			return &s->args[i];
	return NULL;
}

static void unknown(lua_State *L, const struct script *s, const char *name)
{
	const char *names[SCRIPT_ARGS_MAX], *near;

	for (size_t i = 0; i < s->arg_count; i++)
		names[i] = s->args[i].name;
	near = text_nearest(name, names, s->arg_count);
	if (near != NULL)
		luaL_error(L, "the check has no argument \"%s\"; did you mean \"%s\"", name, near);
	luaL_error(L, "the check has no argument \"%s\"", name);
}

/* The value on the top as an argument. */
static struct script_arg value(lua_State *L, const char *name)
{
	struct script_arg a = { .name = name };

	if (lua_type(L, -1) == LUA_TSTRING) {
		a.type = SCRIPT_ARG_STRING;
		a.string = lua_tostring(L, -1);
	} else if (lua_isinteger(L, -1)) {
		a.type = SCRIPT_ARG_INTEGER;
		a.integer = lua_tointeger(L, -1);
		a.number = (double)a.integer;
	} else if (lua_type(L, -1) == LUA_TNUMBER) {
		a.type = SCRIPT_ARG_NUMBER;
		a.number = lua_tonumber(L, -1);
	} else if (lua_isboolean(L, -1)) {
		a.type = SCRIPT_ARG_BOOLEAN;
		a.boolean = lua_toboolean(L, -1);
	}
	return a;
}

static void take(struct test_args *args, lua_State *L, const struct script *s)
{
	const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
	const struct script_arg_spec *spec;
	struct script_arg a;

	if (name == NULL)
		luaL_error(L, "a value without a name among \"args\"; expected name = value");
	spec = find_spec(s, name);
	if (s->declared && spec == NULL)
		unknown(L, s, name);
	a = value(L, name);
	if (a.type == SCRIPT_ARG_NONE || (spec != NULL && !script_arg_takes(spec, a.type)))
		luaL_error(L, "argument \"%s\" is a %s; expected %s", name, luaL_typename(L, -1), spec != NULL ? spec->text : "a string, a number or a boolean");
	if (spec != NULL && a.type == SCRIPT_ARG_INTEGER && !(spec->types & SCRIPT_ARG_INTEGER))
		a.type = SCRIPT_ARG_NUMBER;
	if (spec != NULL && spec->types & SCRIPT_ARG_FILES) {
		a.type = spec->types & SCRIPT_ARG_KEY ? SCRIPT_ARG_KEY : SCRIPT_ARG_CERTIFICATES;
		a.file = (struct script_pem){ a.string, strlen(a.string) }; /* the mock shakes no hands: its name will do */
	}
	if (args->count == ARGS_MAX)
		luaL_error(L, "more than %d arguments", ARGS_MAX);
	args->list[args->count++] = a;
}

/* What the configuration adds: the owner's name, and the port of a member's probe address. */
static void complete(struct test_args *args, const struct script *s, const struct script_target *t)
{
	const struct script_arg_spec *port = find_spec(s, "port");
	struct script_arg *a = find(args, "port");

	for (size_t i = 0; i < s->arg_count; i++)
		if (s->args[i].types & SCRIPT_ARG_OWNER && find(args, s->args[i].name) == NULL)
			args->list[args->count++] =
				(struct script_arg){ .name = s->args[i].name, .type = SCRIPT_ARG_STRING, .string = t->owner };
	if (t->addr.port == 0 || (s->declared && (port == NULL || !(port->types & SCRIPT_ARG_INTEGER))))
		return;
	if (a == NULL)
		a = &args->list[args->count++];
	*a = (struct script_arg){ .name = "port", .type = SCRIPT_ARG_INTEGER, .integer = t->addr.port };
}

void test_args_read(struct test_args *args, lua_State *L, int table, const struct script *s, const struct script_target *t)
{
	args->count = 0;
	if (!lua_isnil(L, table)) {
		luaL_argexpected(L, lua_istable(L, table), table, "table");
		for (lua_pushnil(L); lua_next(L, table) != 0; lua_pop(L, 1))
			take(args, L, s);
	}
	complete(args, s, t);
	for (size_t i = 0; i < s->arg_count; i++)
		if (!s->args[i].optional && find(args, s->args[i].name) == NULL)
			luaL_error(L, "argument \"%s\" of the check is missing; expected args = { %s = … }", s->args[i].name, s->args[i].name);
}
