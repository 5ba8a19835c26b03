/* Keys that stand twice in one table: Lua takes the last without a word. */
#ifndef GEMEL_CONF_REPEATS_H
#define GEMEL_CONF_REPEATS_H
#include "base/diag.h"
#include "conf/value.h"

/* Tells each at its line, for every table that the text of s writes out. */
void conf_repeats_tell(const struct conf_source *s, struct diags *d);

#endif
