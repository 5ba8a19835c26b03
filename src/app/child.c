#include "app/child.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include "app/confine.h"
#include "io/log.h"

void child_init(enum ipc_role role)
{
	log_init(ipc_role_text(role), &(struct log_settings){ LOG_LEVEL_INFO, LOG_TEXT });
	prctl(PR_SET_NAME, ipc_role_text(role), 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	/* Set here, not before exec: a change of user id clears it. The channel's EOF is the second belt. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of its write */
	/* A terminal's ^C reaches the whole group, a service manager's TERM the whole service: the supervisor says when to stop. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
}

void child_put_beat(struct wbuf *w)
{
	ipc_begin(w, IPC_BEAT);
	put_u64(w, log_dropped());
}

void child_confine(struct chan *supervisor, enum ipc_role role, int folder)
{
	uint8_t room[8];
	struct wbuf w;
	unsigned by = confine_enter(role, folder);
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_CONFINED);
	put_u8(&w, (uint8_t)by);
	if (chan_send_buf(supervisor, &w))
		exit(1);
}
