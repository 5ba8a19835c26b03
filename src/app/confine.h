/* What a process gives up for good once it holds what it needs, so that whoever breaks into it has little to do there.
 *
 *     confine_enter(role) ── resource limits, capabilities, no_new_privs
 *                         ── Landlock: no file but those of .files               (confine_files.c)
 *                         ── seccomp:  no system call but those of .calls        (confine_calls.c)
 *                         ─▶ which of the last two this kernel and this build have; the log says what is missing
 *
 *                 reads                writes              programs   connections
 *     responder   –                    –                   –          takes
 *     prober      the machine's CAs    –                   –          begins
 *     coordinator /etc, /proc, state   the state folder    –          takes and begins
 *     loader      all                  the state folder    –          –
 *     tap         –                    –                   –          begins, to Unix sockets
 *     runner      all                  /tmp, /var/log, …   all        all; signals to its own only
 *
 * What a role may do stands in one const table in confine.c. A system call that is in no list fails with EPERM, and the
 * kernel's log tells; one that only a break-in would ask for (execve, ptrace, mount, …) ends the process. GEMEL_CONFINE=no in
 * the environment leaves Landlock and seccomp out, for debuggers and tracers.
 */
#ifndef GEMEL_APP_CONFINE_H
#define GEMEL_APP_CONFINE_H
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "ipc/ipc.h"

#define CONFINE_VARIABLE "GEMEL_CONFINE"

enum confine_by { CONFINE_LANDLOCK = 1, CONFINE_SECCOMP = 2 }; /* bits, as in IPC_CONFINED */
enum confine_files {
	CONFINE_FILES_NONE = 0,
	CONFINE_FILES_CA,       /* those that TLS trusts by default, to read */
	CONFINE_FILES_STATE,    /* the folder to read and write; /etc and /proc to read: users' names, figures of processes */
	CONFINE_FILES_LOAD,     /* all to read, the folder to write */
	CONFINE_FILES_PROGRAMS, /* all to read and execute; to write what programs use to */
};
enum confine_calls {                 /* groups of system calls, bits */
	CONFINE_CALLS_LIFE = 1,      /* memory, clocks, signals of its own, descriptors that are open, the end */
	CONFINE_CALLS_CONNECT = 2,   /* connections over IPv4 and IPv6, which it begins */
	CONFINE_CALLS_READ_FILES = 4,   /* open for reading only */
	CONFINE_CALLS_THREADS = 8,
	CONFINE_CALLS_ACCEPT = 16,      /* connections of sockets that listen already */
	CONFINE_CALLS_WRITE_FILES = 32, /* open, make, rename, remove, sync; Landlock says which */
	CONFINE_CALLS_COPIES = 64,      /* fork, and to wait for it */
	CONFINE_CALLS_MEMFD = 128,
	CONFINE_CALLS_UNIX = 512,       /* connections to sockets of this machine, which it begins */
	CONFINE_CALLS_PROGRAMS = 256    /* alone: all but what manages the machine, since nobody knows what a program needs */
};

/* Before it starts a thread: those that run already are not held. folder: an open one, of the roles that have one, else -1; it
 * stays the caller's. Ends the process where even the limits cannot be set. Returns bits of enum confine_by. */
unsigned confine_enter(enum ipc_role role, int folder) MUST_CHECK;
/* The supervisor keeps the privileges that its work needs, and no program that it starts can gain one by a set-id bit. */
void confine_supervisor(void);
/* For those that hold the pair's keys, before they read any: no core file, no debugger of another than root, nothing of theirs under
 * /proc for the user that they run as. May be lifted and set again. */
void confine_secrets(bool on);
/* "landlock, seccomp", "no". Unknown bits are left out. */
const char *confine_text(unsigned by);

/* ---- the two halves; 0 = in force, ERR_ABSENT where this kernel or this build has none (*why: static text) ---- */
int confine_files(enum confine_files which, int folder, const char **why) MUST_CHECK;
int confine_calls(unsigned groups, const char **why) MUST_CHECK;

#endif
