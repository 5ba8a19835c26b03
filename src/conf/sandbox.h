/* The Lua state that configuration files run in: data only. No files, programs, time or randomness; `pairs` in sorted
 * order; nothing that shows an address in memory; bounded instructions and memory. The same text gives the same data on
 * every machine.
 */
#ifndef GEMEL_CONF_SANDBOX_H
#define GEMEL_CONF_SANDBOX_H
#include <lua.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

#define SANDBOX_INSTRUCTIONS 200000000 /* about two seconds; a million services from a loop need a quarter of it */
#define SANDBOX_MEMORY ((size_t)512 << 20)

struct sandbox {
	size_t used, cap;
	int64_t left; /* instructions */
	void *user;   /* the collectors' */
};

/* ERR_NOMEM. sb must outlive the state; lua_close ends it. */
int conf_sandbox_open(lua_State **l, struct sandbox *sb, void *user) MUST_CHECK;
struct sandbox *conf_sandbox_of(lua_State *l);
/* Takes n from what the script may still do; raises when it is used up. */
void conf_sandbox_charge(lua_State *l, int64_t n);
/* Puts the libraries into the globals (safelib.c). */
void conf_sandbox_libraries(lua_State *l);

#endif
