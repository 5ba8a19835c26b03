/* What a process gives up for good once it holds what it needs, so that whoever breaks into it has little to do there.
 *
 *     confine_enter(role) ── resource limits, capabilities, no_new_privs
 *                         ── Landlock: no file but those of .files, to read      (confine_files.c)
 *                         ── seccomp:  no system call but those of .calls        (confine_calls.c)
 *                         ─▶ which of the last two this kernel and this build have; the log says what is missing
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
enum confine_files { CONFINE_FILES_NONE = 0, CONFINE_FILES_CA = 1 }; /* CA: those that TLS trusts by default, to read */
enum confine_calls {                 /* groups of system calls, bits */
	CONFINE_CALLS_LIFE = 1,      /* memory, clocks, signals of its own, descriptors that are open, the end */
	CONFINE_CALLS_CONNECT = 2,   /* connections over IPv4 and IPv6, which it begins */
	CONFINE_CALLS_READ_FILES = 4 /* open for reading only */
};

/* For a role of the table in confine.c; ends the process where even the limits cannot be set. Returns bits of enum confine_by. */
unsigned confine_enter(enum ipc_role role) MUST_CHECK;
/* For those that hold the pair's keys: no core file, no debugger of another than root, nothing of theirs under /proc for the user that
 * they run as. May be lifted and set again. */
void confine_secrets(bool on);
/* "landlock, seccomp", "no". Unknown bits are left out. */
const char *confine_text(unsigned by);

/* ---- the two halves; 0 = in force, ERR_ABSENT where this kernel or this build has none (*why: static text) ---- */
int confine_files(enum confine_files which, const char **why) MUST_CHECK;
int confine_calls(unsigned groups, const char **why) MUST_CHECK;

#endif
