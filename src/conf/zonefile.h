/* Includes of a zone file, read once and kept as long as the zone made from them. */
#ifndef GEMEL_CONF_ZONEFILE_H
#define GEMEL_CONF_ZONEFILE_H
#include "conf/internal.h"

#define ZONEFILE_MAX ((size_t)4 << 30)
#define ZONEFILE_DIGEST_VERSION 1 /* raise when the compiler of zones changes what it makes of the same text */

struct conf_include {
	struct conf_include *next;
	char *path, *text;
	size_t len;
	int result; /* of reading it */
};

/* A zone_read_file; ctx is the struct conf_zone_text. */
int conf_zonefile_include(void *ctx, const char *from, const char *name, const char **path, const char **text,
			  size_t *len);

#endif
