/* Sockets that a service manager opened for us (sd_listen_fds(3)), before we had a configuration to ask for them.
 *
 *     LISTEN_PID=4711 LISTEN_FDS=3 LISTEN_FDNAMES=dns:dns:status        descriptors 3, 4 and 5
 *
 * Each is known by what the kernel says of it, its kind and address: the names only stand in messages. Those that match an address of
 * the node are used in place of sockets of our own; the others are told of and closed.
 */
#ifndef GEMEL_APP_ACTIVATION_H
#define GEMEL_APP_ACTIVATION_H
#include <stdbool.h>
#include <stddef.h>
#include "base/addr.h"

#define ACTIVATION_FIRST_FD 3
#define ACTIVATION_MAX 2112 /* 64 addresses with 32 UDP sockets and a listener each: no node reads more */
#define ACTIVATION_NAME_MAX 32
#define ACTIVATION_PATH_MAX 108 /* as sockaddr_un */

enum activation_kind { ACTIVATION_OTHER = 0 /* nothing that we read */, ACTIVATION_UDP, ACTIVATION_TCP /* listens */, ACTIVATION_UNIX /* a stream, listens */ };

struct activation_socket {
	int fd; /* -1 = taken */
	enum activation_kind kind;
	bool dual; /* IPv6 that takes IPv4 as well */
	struct addr addr;                 /* UDP, TCP */
	char path[ACTIVATION_PATH_MAX];   /* UNIX; "" = none, or an abstract one */
	char name[ACTIVATION_NAME_MAX];   /* "" = none */
};
struct activation {
	struct activation_socket *list; /* NULL = nothing was given */
	size_t count;
};

/* Reads the environment, and takes the variables out of it, so that no child believes that they are meant for it. Call before anything
 * is opened. 0, also where nothing was given; ERR_FORMAT for words that cannot be meant, and descriptors that are not open, ERR_NOMEM:
 * both are told on the log. */
int activation_init(struct activation *a) MUST_CHECK;
void activation_deinit(struct activation *a); /* closes those that nobody took */
/* The next of that kind at that address (UNIX: path), or -1. It is the caller's from here on. */
int activation_take(struct activation *a, enum activation_kind kind, const struct addr *addr, const char *path);
/* The log says which were not taken. */
void activation_tell_unused(const struct activation *a);

#endif
