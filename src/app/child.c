#include "app/child.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "io/log.h"

void child_init(enum ipc_role role)
{
	log_init(ipc_role_text(role), LOG_LEVEL_INFO);
	prctl(PR_SET_NAME, ipc_role_text(role), 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	/* Set here, not before exec: a change of user id clears it. The channel's EOF is the second belt. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() == 1)
		exit(1);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN); /* a terminal's ^C reaches the whole group; the supervisor says when to stop */
	signal(SIGHUP, SIG_IGN);
}
