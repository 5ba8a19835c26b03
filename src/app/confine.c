/* Privileges and limits, and the table of what each role may do. See confine.h. */
#include "app/confine.h"
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "io/log.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define SANITIZED true /* such a build traces itself to look for leaks, and reads /proc */
#else
#define SANITIZED false
#endif

#define CAP_BIT(c) (UINT64_C(1) << (c))
/* Root without these cannot look into other users' folders, or leave its files to them. */
#define LOADER_CAPS (CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_DAC_READ_SEARCH) | CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_FOWNER))
/* And what sockets need, to become other users, and to end their processes. */
#define SUPERVISOR_CAPS                                                                                                          \
	(LOADER_CAPS | CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_SETGID) | CAP_BIT(CAP_SETPCAP) | CAP_BIT(CAP_KILL) |                   \
	 CAP_BIT(CAP_NET_BIND_SERVICE) | CAP_BIT(CAP_NET_ADMIN) | CAP_BIT(CAP_NET_RAW) | CAP_BIT(CAP_SYS_RESOURCE))

struct rules {
	enum ipc_role role;
	enum confine_files files;
	unsigned calls;   /* of enum confine_calls */
	uint64_t caps;    /* that it keeps, where it has them */
	bool alone;       /* no second thread or process of its own */
	bool core;        /* holds no key: it may leave a core, where a program of the machine takes them */
	bool bare;        /* nothing that it has open may grow, not even a log */
};

static const struct rules rules[] = {
	{ IPC_RESPONDER, CONFINE_FILES_NONE, CONFINE_CALLS_LIFE | CONFINE_CALLS_THREADS | CONFINE_CALLS_ACCEPT, 0, false, true, false },
	{ IPC_PROBER, CONFINE_FILES_CA, CONFINE_CALLS_LIFE | CONFINE_CALLS_CONNECT | CONFINE_CALLS_READ_FILES, 0, true, false, true },
	{ IPC_COORDINATOR, CONFINE_FILES_STATE,
	  CONFINE_CALLS_LIFE | CONFINE_CALLS_THREADS | CONFINE_CALLS_ACCEPT | CONFINE_CALLS_CONNECT | CONFINE_CALLS_READ_FILES |
		  CONFINE_CALLS_WRITE_FILES | CONFINE_CALLS_COPIES | CONFINE_CALLS_MEMFD, 0, false, false, false },
	{ IPC_LOADER, CONFINE_FILES_LOAD,
	  CONFINE_CALLS_LIFE | CONFINE_CALLS_READ_FILES | CONFINE_CALLS_WRITE_FILES | CONFINE_CALLS_MEMFD, LOADER_CAPS, false, false, false },
	{ IPC_TAP, CONFINE_FILES_NONE, CONFINE_CALLS_LIFE | CONFINE_CALLS_UNIX, 0, true, true, false },
	{ IPC_RUNNER, CONFINE_FILES_PROGRAMS, CONFINE_CALLS_PROGRAMS, 0, false, false, false },
};

static _Noreturn void give_up(const char *what)
{
	log_line(LOG_LEVEL_ERROR, "cannot confine itself: %s: %s", what, strerror(errno));
	exit(1);
}

static void limit_to_none(__rlimit_resource_t what)
{
	static const struct rlimit none = { 0, 0 };
	if (setrlimit(what, &none))
		give_up("setrlimit");
}

/* The bounding set; only who has CAP_SETPCAP can, and needs to. */
static void bound_capabilities(uint64_t keep)
{
	for (int c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
		if (c >= 64 || !(keep & CAP_BIT(c)))
			(void)prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
}

/* A service manager may have given us some by way of the ambient set, and the user may be root. */
static void drop_capabilities(uint64_t keep)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct have[_LINUX_CAPABILITY_U32S_3];
	bound_capabilities(keep);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capget, &head, have))
		give_up("capget");
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		have[i].effective &= (uint32_t)(keep >> 32 * i);
		have[i].permitted &= (uint32_t)(keep >> 32 * i);
		have[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &head, have))
		give_up("capset");
}

void confine_secrets(bool on)
{
	if (on)
		limit_to_none(RLIMIT_CORE);
	if (!SANITIZED && prctl(PR_SET_DUMPABLE, !on, 0, 0, 0))
		give_up("PR_SET_DUMPABLE");
}

void confine_supervisor(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		log_line(LOG_LEVEL_NOTICE, "without no_new_privs: %s", strerror(errno));
	bound_capabilities(SUPERVISOR_CAPS); /* a program that root starts has no more than these, and so have our children */
	if (geteuid() == 0)
		drop_capabilities(SUPERVISOR_CAPS);
}

static void drop_privileges(const struct rules *r)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		give_up("no_new_privs");
	if (!r->core)
		limit_to_none(RLIMIT_CORE);
	drop_capabilities(r->caps);
	if (SANITIZED || r->calls & CONFINE_CALLS_PROGRAMS)
		return;
	if (r->alone)
		limit_to_none(RLIMIT_NPROC);
	if (!r->core && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		give_up("PR_SET_DUMPABLE");
}

/* Returns bit where e is 0; else says what is missing. */
static unsigned judge(int e, unsigned bit, const char *why)
{
	if (!e)
		return bit;
	log_line(LOG_LEVEL_NOTICE, "without %s: %s", confine_text(bit), why);
	return 0;
}

static const struct rules *rules_get(enum ipc_role role)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (rules[i].role == role)
			return &rules[i];
	abort(); /* our own lie */
}

/* No file may grow from here on: a log that is one would not take the notice, so that comes first. The filter refuses any
 * change of a limit, so the limit comes before it, and is lifted again to tell of a filter that could not be had. */
static unsigned limit_calls_and_files(unsigned calls)
{
	const char *why = "";
	struct rlimit files;
	if (getrlimit(RLIMIT_FSIZE, &files) || setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 0, files.rlim_max }))
		give_up("setrlimit");
	int e = confine_calls(calls, &why);
	if (!e)
		return CONFINE_SECCOMP;
	if (setrlimit(RLIMIT_FSIZE, &files))
		give_up("setrlimit");
	(void)judge(e, CONFINE_SECCOMP, why);
	limit_to_none(RLIMIT_FSIZE);
	return 0;
}

static unsigned limit_calls(unsigned calls)
{
	const char *why = "";
	int e = confine_calls(calls, &why);
	return judge(e, CONFINE_SECCOMP, why);
}

unsigned confine_enter(enum ipc_role role, int folder)
{
	const struct rules *r = rules_get(role);
	const char *wish = getenv(CONFINE_VARIABLE), *why = "";
	unsigned by;
	bool off = wish && strcmp(wish, "no") == 0;
	tzset(); /* reads a file, at the latest with the first time that is told */
	drop_privileges(r);
	if (SANITIZED || off) {
		log_line(LOG_LEVEL_NOTICE, "not confined: %s", off ? CONFINE_VARIABLE "=no" : "this build has sanitizers");
		if (r->bare)
			limit_to_none(RLIMIT_FSIZE);
		return 0;
	}
	by = judge(confine_files(r->files, folder, &why), CONFINE_LANDLOCK, why);
	return by | (r->bare ? limit_calls_and_files(r->calls) : limit_calls(r->calls));
}

const char *confine_text(unsigned by)
{
	static const char *const text[] = { "no", "landlock", "seccomp", "landlock, seccomp" };
	return text[by & (CONFINE_LANDLOCK | CONFINE_SECCOMP)];
}
