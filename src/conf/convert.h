/* Lua values → conf/value.h, for collect.c. */
#ifndef GEMEL_CONF_CONVERT_H
#define GEMEL_CONF_CONVERT_H
#include <lua.h>
#include "conf/collect.h"

#define CONVERT_SINK "conf.sink"       /* registry: the value that stands for a fault already told */
#define CONVERT_LOADED "conf.loaded"   /* registry: what require gave, by name */
#define CONVERT_COMBINE "conf.combine" /* registry: metatable of all{…} any{…} atleast(k,{…}) */
#define CONVERT_ARENA_MAX ((size_t)4 << 30)

struct collector {
	struct collection *out;
	struct diags *d;
	const char *file, *dir;
	struct conf_block **tail;
	unsigned source_count;
};

/* Registers all, any, atleast and the registry's tables. */
void conf_convert_setup(lua_State *l);
/* The value at stack place idx becomes b's table; faults to the collector. May raise (memory, limits). */
void conf_convert_block(lua_State *l, struct collector *c, struct conf_block *b, int idx);

#endif
