/* gemeld -t: checks configuration, zones and check scripts, and shows the configuration in full. */
#ifndef GEMEL_APP_CHECK_H
#define GEMEL_APP_CHECK_H
#include <stdbool.h>
#include "base/err.h"

/* Faults and warnings go to standard error, one line each; with print, the expanded configuration to standard output
 * where there was no fault in it. node may be NULL. Returns the exit status: 0 all well, 1 faults. */
int check_main(const char *file, const char *node, bool print);
/* The plan of a file without faults, checked in the same way; NULL where there are some, which are told. */
struct plan;
struct plan *check_plan(const char *file, const char *node);
/* Reads and checks the zones, or those that are wanted, and tells on a terminal how far it is; the others are as if absent. word goes to
 * wanted, which may be NULL. 0, with faults in d, or ERR_NOMEM. */
struct conf;
struct conf_zone_view;
struct diags;
int check_zones(struct conf *c, bool (*wanted)(const struct conf_zone_view *z, const char *word), const char *word, struct diags *d) MUST_CHECK;

#endif
