/* Runs a configuration file and collects its blocks as plain values (conf/value.h). */
#ifndef GEMEL_CONF_COLLECT_H
#define GEMEL_CONF_COLLECT_H
#include "base/arena.h"
#include "base/diag.h"
#include "conf/value.h"

#define COLLECT_SOURCE_MAX ((size_t)64 << 20) /* octets of one file of Lua */
#define COLLECT_SOURCES_MAX 1000              /* files that one configuration requires */
#define COLLECT_BLOCKS_MAX 2000000

struct collection {
	struct arena arena;
	struct conf_source *sources; /* newest first; texts are freed by conf_collection_deinit */
	struct conf_block *blocks;   /* in the order of the calls */
	size_t count;
	bool aborted; /* the file did not run to its end: what blocks refer to may be missing */
};

/* Faults (syntax, limits, calls of what is not there) go to d; what could be collected before is kept. Returns 0 when
 * the file could be read at all, else ERR_FORMAT; ERR_NOMEM. `out` is to be deinitialised in every case. */
int conf_collection_run(struct collection *out, const char *file, struct diags *d) MUST_CHECK;
void conf_collection_deinit(struct collection *c);

#endif
