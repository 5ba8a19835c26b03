/* See sandbox.h. */
#include "conf/sandbox.h"

#include <lauxlib.h>
#include <stdlib.h>

#define HOOK_EVERY 1000

struct sandbox *conf_sandbox_of(lua_State *l)
{
	return *(struct sandbox **)lua_getextraspace(l);
}

static void *sandbox_realloc(void *ud, void *p, size_t old, size_t size)
{
	struct sandbox *sb = ud;
	void *q;

	if (!p)
		old = 0; /* Lua tells the kind of object there */
	if (!size) {
		free(p);
		sb->used -= old;
		return NULL;
	}
	if (size > old && size - old > sb->cap - sb->used)
		return NULL;
	q = realloc(p, size);
	if (q)
		sb->used += size - old;
	return q;
}

static void hook(lua_State *l, lua_Debug *ar)
{
	(void)ar;
	conf_sandbox_charge(l, HOOK_EVERY);
}

void conf_sandbox_charge(lua_State *l, int64_t n)
{
	struct sandbox *sb = conf_sandbox_of(l);

	sb->left = n < 0 || n > sb->left ? 0 : sb->left - n;
	if (sb->left > 0)
		return;
	/* Raise at every instruction from now on: whatever catches the error gets no further. */
	lua_sethook(l, hook, LUA_MASKCOUNT, 1);
	lua_pushstring(l, "the time limit is used up; expected data, not a long computation");
	lua_error(l); /* without a position: the collector adds the innermost */
}

static int open_protected(lua_State *l)
{
	conf_sandbox_libraries(l);
	return 0;
}

int conf_sandbox_open(lua_State **out, struct sandbox *sb, void *user)
{
	lua_State *l;

	sb->used = 0;
	sb->cap = SANDBOX_MEMORY;
	sb->left = SANDBOX_INSTRUCTIONS;
	sb->user = user;
	l = lua_newstate(sandbox_realloc, sb);
	if (!l)
		return ERR_NOMEM;
	*(struct sandbox **)lua_getextraspace(l) = sb;
	lua_pushcfunction(l, open_protected);
	if (lua_pcall(l, 0, 0, 0) != LUA_OK) {
		lua_close(l);
		return ERR_NOMEM;
	}
	lua_sethook(l, hook, LUA_MASKCOUNT, HOOK_EVERY);
	*out = l;
	return 0;
}
