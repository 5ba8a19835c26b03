/* The loader: a process that reads the configuration and compiles zones, hands over what it made, and ends. Lua text,
 * zone text and their libraries stay here, out of the processes that face the network.
 *
 *     supervisor → loader   HELLO, IMAGE…, ZONES (what is served now; none at the start), START
 *     loader → supervisor   DIAG…, SITE, IMAGE…, ZONES, PLAN, DONE(status)
 *
 * Status 0: taken whole. 1: taken, but a zone is broken: it keeps the version it had, at the start the last snapshot's,
 * else it is answered with SERVFAIL. 2: the configuration is refused; nothing but faults was sent.
 */
#ifndef GEMEL_APP_LOADER_H
#define GEMEL_APP_LOADER_H
#include <stdint.h>

/* Gives the process's exit status. channel_fd: the supervisor's, taken. node may be NULL. */
int loader_main(int channel_fd, const char *file, const char *node, uint64_t generation);

#endif
