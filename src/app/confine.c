/* Privileges and limits, and the table of what each role may do. See confine.h. */
#include "app/confine.h"
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
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

struct rules {
	enum ipc_role role;
	enum confine_files files;
	unsigned calls; /* of enum confine_calls */
};

static const struct rules rules[] = {
	{ IPC_PROBER, CONFINE_FILES_CA, CONFINE_CALLS_LIFE | CONFINE_CALLS_CONNECT | CONFINE_CALLS_READ_FILES },
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

/* A service manager may have given us some by way of the ambient set, and the user may be root. */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0, 0, 0 } };
	for (int c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
		(void)prctl(PR_CAPBSET_DROP, c, 0, 0, 0); /* the bounding set; only who has CAP_SETPCAP can, and needs to */
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &head, none))
		give_up("capset");
}

void confine_secrets(bool on)
{
	if (on)
		limit_to_none(RLIMIT_CORE);
	if (!SANITIZED && prctl(PR_SET_DUMPABLE, !on, 0, 0, 0))
		give_up("PR_SET_DUMPABLE");
}

static void drop_privileges(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		give_up("no_new_privs");
	limit_to_none(RLIMIT_CORE);  /* no keys of checks in a file */
	drop_capabilities();
	if (SANITIZED)
		return;
	limit_to_none(RLIMIT_NPROC);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
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
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
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

unsigned confine_enter(enum ipc_role role)
{
	const struct rules *r = rules_get(role);
	const char *wish = getenv(CONFINE_VARIABLE), *why = "";
	unsigned by;
	bool off = wish && strcmp(wish, "no") == 0;
	drop_privileges();
	if (SANITIZED || off) {
		log_line(LOG_LEVEL_NOTICE, "not confined: %s", off ? CONFINE_VARIABLE "=no" : "this build has sanitizers");
		limit_to_none(RLIMIT_FSIZE);
		return 0;
	}
	by = judge(confine_files(r->files, &why), CONFINE_LANDLOCK, why);
	return by | limit_calls_and_files(r->calls);
}

const char *confine_text(unsigned by)
{
	static const char *const text[] = { "no", "landlock", "seccomp", "landlock, seccomp" };
	return text[by & (CONFINE_LANDLOCK | CONFINE_SECCOMP)];
}
