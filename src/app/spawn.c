#include "app/spawn.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "app/child.h"
#include "io/chan.h"
#include "io/log.h"

#define ARGS_MAX 16

int spawn_user_find(struct spawn_user *u, const char *name)
{
	*u = (struct spawn_user){ -1, -1 };
	if (geteuid() != 0)
		return 0;
	struct passwd *p = getpwnam(name ? name : "gemel");
	if (!p && name) {
		log_line(LOG_LEVEL_ERROR, "user \"%s\" does not exist; expected an account of this machine", name);
		return ERR_ABSENT;
	}
	if (!p) {
		p = getpwnam("nobody");
		log_line(LOG_LEVEL_NOTICE, "there is no user \"gemel\": children run as \"nobody\"");
	}
	if (!p)
		return ERR_ABSENT;
	*u = (struct spawn_user){ (int)p->pw_uid, (int)p->pw_gid };
	return 0;
}

static void drop_privileges(const struct spawn_user *u)
{
	if (u->uid < 0)
		return;
	if (setgroups(0, NULL) || setresgid((gid_t)u->gid, (gid_t)u->gid, (gid_t)u->gid) ||
	    setresuid((uid_t)u->uid, (uid_t)u->uid, (uid_t)u->uid))
		_exit(126);
}

static void become_child(int self, int theirs, char *const *argv, const struct spawn_user *u)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* dup2 clears close-on-exec; everything else we hold is close-on-exec. */
	if (theirs == CHILD_CHANNEL_FD ? fcntl(theirs, F_SETFD, 0) : dup2(theirs, CHILD_CHANNEL_FD) < 0)
		_exit(126);
	drop_privileges(u);
	/* By descriptor: the program's folder may be closed to the new user, and the file may have been replaced. */
	fexecve(self, argv, environ);
	_exit(127);
}

pid_t spawn_child(enum ipc_role role, const char *const *args, const struct spawn_user *u, int *channel)
{
	char *argv[ARGS_MAX] = { (char *)(uintptr_t)"gemeld", (char *)(uintptr_t)"--child", (char *)(uintptr_t)ipc_role_text(role) };
	for (size_t i = 3; args && *args && i < ARGS_MAX - 1; i++)
		argv[i] = (char *)(uintptr_t)*args++;
	int pair[2];
	if (chan_pair(pair))
		return ERR_IO;
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	/* The descriptor that execs must not be the one the channel is moved onto. */
	if (self >= 0 && self <= CHILD_CHANNEL_FD) {
		int higher = fcntl(self, F_DUPFD_CLOEXEC, CHILD_CHANNEL_FD + 1);
		close(self);
		self = higher;
	}
	pid_t pid = self < 0 ? -1 : fork();
	if (pid == 0)
		become_child(self, pair[1], argv, u);
	int why = errno;
	close(pair[1]);
	if (self >= 0)
		close(self);
	if (pid < 0) {
		close(pair[0]);
		log_line(LOG_LEVEL_ERROR, "cannot start the %s: %s", ipc_role_text(role), strerror(why));
		return ERR_IO;
	}
	*channel = pair[0];
	return pid;
}
