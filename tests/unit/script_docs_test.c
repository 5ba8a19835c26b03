/* gemel-lua(7) against what is really there, both ways: each function that a check script finds is in the manual, and nothing else is.
 *
 *     net.connect, conn:send, ping …    .It Fn NAME …                            the API
 *     ipairs, tostring …; string …      .Ss What of Lua is there, a list         what stayed of Lua
 */
#include <check.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "script/internal.h"

#define NAMES_MAX 200

static struct { char name[64]; } there[NAMES_MAX];
static size_t count;
static char *page, *of_lua; /* of_lua: the list of what is there of Lua, up to "There is no" */

static void set_up(void)
{
	const char *dir = getenv("srcdir");
	char path[4096];
	FILE *f;
	size_t n;

	snprintf(path, sizeof path, "%s/doc/gemel-lua.7", dir ? dir : ".");
	f = fopen(path, "r");
	ck_assert_msg(f != NULL, "no %s", path);
	page = calloc(1, 1 << 20);
	n = fread(page, 1, (1 << 20) - 1, f);
	ck_assert_uint_gt(n, 10000);
	fclose(f);
	const char *from = strstr(page, ".Ss What of Lua is there\n"), *to = from ? strstr(from, "There is no\n") : NULL;
	ck_assert(from != NULL && to != NULL);
	of_lua = strndup(from, (size_t)(to - from));
}

static void tear_down(void)
{
	free(page);
	free(of_lua);
}

static void found(const char *lib, const char *join, const char *name)
{
	ck_assert_uint_lt(count, NAMES_MAX);
	snprintf(there[count++].name, sizeof there[0].name, "%s%s%s", lib, join, name);
}

/* The functions of the table behind the sealed one at the top. */
static void walk_sealed(lua_State *L, const char *lib, const char *join)
{
	ck_assert_msg(lua_getmetatable(L, -1), "%s is not sealed", lib);
	lua_getfield(L, -1, "__index");
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
		if (lua_isfunction(L, -1))
			found(lib, join, lua_tostring(L, -2));
	lua_pop(L, 2);
}

static void walk_type(lua_State *L, const char *type, const char *name)
{
	luaL_getmetatable(L, type);
	lua_getfield(L, -1, "__index");
	walk_sealed(L, name, ":");
	lua_pop(L, 2);
}

static void walk(void)
{
	lua_State *L = luaL_newstate();

	count = 0;
	lua_pushcfunction(L, sandbox_open);
	lua_call(L, 0, 1);
	ck_assert(lua_getmetatable(L, -1)); /* of the environment */
	lua_getfield(L, -1, "__index");
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
		if (lua_isfunction(L, -1))
			found("", "", lua_tostring(L, -2));
		else if (lua_istable(L, -1))
			walk_sealed(L, lua_tostring(L, -2), ".");
	}
	walk_type(L, "gemel.conn", "conn");
	walk_type(L, "gemel.udp", "udp");
	lua_close(L);
	ck_assert_uint_gt(count, 60);
}

static bool ends_word(char c)
{
	return strchr(" \n,\"", c) != NULL;
}

static bool has_word(const char *text, const char *word)
{
	for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
		if (at > text && ends_word(at[-1]) && ends_word(at[strlen(word)]))
			return true;
	return false;
}

/* In a line that begins with ".It Fn", behind an "Fn". */
static bool is_item(const char *name)
{
	char head[80];

	snprintf(head, sizeof head, "Fn %.64s", name);
	for (const char *at = page; (at = strstr(at, "\n.It Fn ")) != NULL; at++) {
		char *line = strndup(at + 1, strcspn(at + 1, "\n") + 1);
		bool here = has_word(line, head);
		free(line);
		if (here)
			return true;
	}
	return false;
}

static bool is_of_lua(const char *name)
{
	char lib[64];

	snprintf(lib, sizeof lib, "%.*s", (int)strcspn(name, "."), name);
	return has_word(of_lua, lib);
}

START_TEST(what_is_there_is_told)
{
	walk();
	for (size_t i = 0; i < count; i++)
		ck_assert_msg(is_item(there[i].name) || is_of_lua(there[i].name), "gemel-lua(7) lacks %s", there[i].name);
}
END_TEST

static bool is_there(const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(there[i].name, name) == 0 || (strncmp(there[i].name, name, strlen(name)) == 0 && there[i].name[strlen(name)] == '.'))
			return true;
	return false;
}

START_TEST(what_is_told_is_there)
{
	char *api = strstr(page, "\n.Sh API\n"), *end = strstr(api, "\n.Ss What of Lua"), *words;

	walk();
	words = strndup(api, (size_t)(end - api));
	for (char *at = words; (at = strstr(at, "\n.It Fn ")) != NULL; at++) { /* "a" , Fn "b" too */
		char *line = strndup(at, strcspn(at + 1, "\n") + 1);
		for (char *fn = line; (fn = strstr(fn, "Fn ")) != NULL; fn++) {
			char name[64];
			snprintf(name, sizeof name, "%.*s", (int)strcspn(fn + 3, " \n"), fn + 3);
			ck_assert_msg(is_there(name), "gemel-lua(7) tells of %s, which is not there", name);
		}
		free(line);
	}
	free(words);
	words = strdup(of_lua);
	for (char *w = strtok(strchr(words, '\n'), " ,.\n"); w; w = strtok(NULL, " ,.\n"))
		if (strcmp(w, "Ic") != 0 && strcmp(w, "and") != 0)
			ck_assert_msg(is_there(w), "gemel-lua(7) tells of %s, which is not there", w);
	free(words);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("script_docs");
	TCase *t = tcase_create("manual");
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, what_is_there_is_told);
	tcase_add_test(t, what_is_told_is_there);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
