/* Starting a child: fork and exec of this same program with a role, so that each has its own address space layout. */
#ifndef GEMEL_APP_SPAWN_H
#define GEMEL_APP_SPAWN_H
#include <sys/types.h>
#include "ipc/ipc.h"

struct spawn_user { /* whom children become; uid < 0 = stay */
	int uid, gid;
};
/* Looks up name (NULL = the default "gemel", then "nobody" with a warning) where we are root; else leaves uid at -1.
 * ERR_ABSENT, told on the log, for a name that is given and does not exist. */
int spawn_user_find(struct spawn_user *u, const char *name) MUST_CHECK;

/* argv after "gemeld --child ROLE", NULL-terminated, may be NULL. *channel is our end. Returns the pid or ERR_IO. */
pid_t spawn_child(enum ipc_role role, const char *const *args, const struct spawn_user *u, int *channel) MUST_CHECK;

#endif
