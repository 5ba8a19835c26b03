/* Landlock: the file system as far as a role needs it.
 *
 *     nothing may be read, written, made, removed or executed, and no TCP port be taken (ABI 4), no abstract socket be
 *     connected to and no other process be sent a signal (ABI 6), but: CAs may be read
 *
 * The machine's CAs are a folder of links into other folders. What each link leads to now may be read, and what stands in the
 * usual folders of CAs, so that one that comes later is found, too. The header of the system may be older than the kernel:
 * what it lacks is written out here, as the kernel's documentation has it (userspace-api/landlock).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "app/confine.h"
#include "io/tls.h"

#define LINKS_MAX 4096 /* of one folder: a distribution has 300; each is a rule in the kernel */
#define READ_FILE LANDLOCK_ACCESS_FS_READ_FILE
#define READ_DIR LANDLOCK_ACCESS_FS_READ_DIR
#define FS_ABI_1 ((UINT64_C(1) << 13) - 1) /* execute … make_sym */
#define NET_BIND_TCP UINT64_C(1)
#define RULE_NET_PORT 2
#define SCOPE_ALL UINT64_C(3) /* abstract UNIX sockets, signals */

struct ruleset { /* struct landlock_ruleset_attr of ABI 6; an older kernel is given its beginning */
	uint64_t fs, net, scoped;
};

static uint64_t fs_of(long abi)
{
	return FS_ABI_1 | (abi >= 2 ? UINT64_C(1) << 13 : 0) /* refer */ | (abi >= 3 ? UINT64_C(1) << 14 : 0) /* truncate */ |
	       (abi >= 5 ? UINT64_C(1) << 15 : 0) /* ioctl_dev */;
}

static int ruleset_new(long abi)
{
	struct ruleset r = { .fs = fs_of(abi), .net = NET_BIND_TCP, .scoped = SCOPE_ALL };
	size_t len = abi >= 6 ? sizeof r : abi >= 4 ? offsetof(struct ruleset, scoped) : offsetof(struct ruleset, net);
	return (int)syscall(SYS_landlock_create_ruleset, &r, len, 0);
}

/* What does not exist needs no rule. Takes fd. */
static void allow_read_fd(int ruleset, int fd)
{
	struct stat st;
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))) {
		struct landlock_path_beneath_attr a = { .parent_fd = fd,
							.allowed_access = S_ISDIR(st.st_mode) ? READ_FILE | READ_DIR : READ_FILE };
		(void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &a, 0);
	}
	close(fd);
}

static void allow_read(int ruleset, const char *path)
{
	if (*path == '/') /* no other path means anything to a daemon */
		allow_read_fd(ruleset, open(path, O_PATH | O_CLOEXEC));
}

/* A link may lead to a file only: a whole folder behind one is more than was meant. */
static void allow_link(int ruleset, int folder, const char *name)
{
	struct stat st;
	if (fstatat(folder, name, &st, 0) == 0 && S_ISREG(st.st_mode))
		allow_read_fd(ruleset, openat(folder, name, O_PATH | O_CLOEXEC));
}

static void allow_links(int ruleset, const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	for (unsigned n = 0; d && n < LINKS_MAX && (e = readdir(d)); n++)
		if (e->d_type == DT_LNK)
			allow_link(ruleset, dirfd(d), e->d_name);
	if (d)
		closedir(d);
}

static void allow_folders(int ruleset, const char *list)
{
	char path[1024];
	while (*list) {
		size_t len = strcspn(list, ":");
		if (len < sizeof path) {
			snprintf(path, sizeof path, "%.*s", (int)len, list);
			allow_read(ruleset, path);
			allow_links(ruleset, path);
		}
		list += len + (list[len] == ':');
	}
}

static void allow_ca(int ruleset)
{
	static const char *const usual[] = { "/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/etc/ca-certificates",
					     "/etc/pki/ca-trust", "/etc/pki/tls/certs" };
	for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
		allow_read(ruleset, usual[i]);
	allow_read(ruleset, tls_ca_file());
	allow_folders(ruleset, tls_ca_folders());
}

/* An address to leave from, at a port of the system's choice, and no port of anybody else's. */
static void allow_any_port(int ruleset)
{
	const struct { uint64_t access, port; } a = { NET_BIND_TCP, 0 };
	(void)syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &a, 0); /* before ABI 4 there is neither the rule nor the bar */
}

int confine_files(enum confine_files which, const char **why)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	int ruleset = abi >= 1 ? ruleset_new(abi) : -1;
	if (ruleset < 0) {
		*why = errno == ENOSYS || errno == EOPNOTSUPP ? "this kernel has none" : strerror(errno);
		return ERR_ABSENT;
	}
	if (which == CONFINE_FILES_CA)
		allow_ca(ruleset);
	allow_any_port(ruleset);
	int e = syscall(SYS_landlock_restrict_self, ruleset, 0) ? ERR_ABSENT : 0;
	if (e)
		*why = strerror(errno);
	close(ruleset);
	return e;
}
