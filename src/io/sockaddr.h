/* struct addr ↔ the kernel's socket addresses. */
#ifndef GEMEL_IO_SOCKADDR_H
#define GEMEL_IO_SOCKADDR_H
#include <sys/socket.h>
#include "base/addr.h"

/* Fills ss and returns its length; 0 for an unset address. */
socklen_t sockaddr_from_addr(struct sockaddr_storage *ss, const struct addr *a);
/* Family 0 for anything but IPv4 and IPv6. */
void sockaddr_to_addr(struct addr *a, const struct sockaddr_storage *ss);

#endif
