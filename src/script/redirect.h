/* Where a Location header leads (RFC 9110 10.2.2, RFC 3986 5): text alone, nobody is asked. A probe stays with its
 * target's address whatever a Location says; only scheme, port, name and path are followed.
 *
 *     at https://www.example.test/a/b?c     "/login"                   https, port and host as before, /login
 *                                           "x"                        /a/x
 *                                           "?d"                       /a/b?d
 *                                           "//b.example.test:8443"    https, 8443, b.example.test:8443, /
 *                                           "http://b.example.test/z"  http, 80, b.example.test, /z
 */
#ifndef GEMEL_SCRIPT_REDIRECT_H
#define GEMEL_SCRIPT_REDIRECT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

#define REDIRECT_HOST_MAX 255
#define REDIRECT_PATH_MAX 2048

struct place {
	bool tls;
	bool moved;    /* to another host */
	uint16_t port;
	char host[REDIRECT_HOST_MAX + 1]; /* as in the Host header, with the port where the Location has one */
	char path[REDIRECT_PATH_MAX + 1]; /* and query */
};
/* at is where the request went; *to may be the same. ERR_FORMAT: not a Location of HTTP, ERR_LIMIT: too long. */
int redirect_resolve(struct place *to, const struct place *at, const char *location, size_t len) MUST_CHECK;

#endif
