/* Landlock: the file system as far as a role needs it.
 *
 *     nothing may be read, written, made, removed or executed, and no TCP port be taken (ABI 4), no abstract socket be
 *     connected to and no other process be sent a signal (ABI 6), but what the role's kind of files says
 *
 * Programs may take ports and speak to abstract sockets; signals they may send to each other, not to a server's processes, though
 * all have one user. Nor may they write what is the server's: its state folder is in none of the folders for programs.
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
#define SCOPE_SIGNALS UINT64_C(2)
#define SCOPE_ALL UINT64_C(3) /* abstract UNIX sockets, signals */
#define FOLDER_ONLY (READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | (UINT64_C(1) << 13) /* refer */ | MAKE)
#define MAKE (LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_MAKE_SOCK | \
	      LANDLOCK_ACCESS_FS_MAKE_FIFO)
#define TRUNCATE (UINT64_C(1) << 14)
#define IOCTL_DEV (UINT64_C(1) << 15)

struct ruleset { /* struct landlock_ruleset_attr of ABI 6; an older kernel is given its beginning */
	uint64_t fs, net, scoped;
};

static uint64_t fs_of(long abi)
{
	return FS_ABI_1 | (abi >= 2 ? UINT64_C(1) << 13 : 0) /* refer */ | (abi >= 3 ? UINT64_C(1) << 14 : 0) /* truncate */ |
	       (abi >= 5 ? UINT64_C(1) << 15 : 0) /* ioctl_dev */;
}

static int ruleset_new(long abi, bool programs)
{
	struct ruleset r = { .fs = fs_of(abi), .net = programs ? 0 : NET_BIND_TCP, .scoped = programs ? SCOPE_SIGNALS : SCOPE_ALL };
	size_t len = abi >= 6 ? sizeof r : abi >= 4 ? offsetof(struct ruleset, scoped) : offsetof(struct ruleset, net);
	return (int)syscall(SYS_landlock_create_ruleset, &r, len, 0);
}

static bool allow_fd(int ruleset, int fd, uint64_t access)
{
	struct landlock_path_beneath_attr a = { .parent_fd = fd, .allowed_access = access };
	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &a, 0) == 0;
}

/* What does not exist needs no rule. Takes fd. */
static void allow_read_fd(int ruleset, int fd)
{
	struct stat st;
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		(void)allow_fd(ruleset, fd, S_ISDIR(st.st_mode) ? READ_FILE | READ_DIR : READ_FILE);
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

/* A folder of the machine, with all below it. */
static void allow_folder(int ruleset, const char *path, uint64_t access)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)allow_fd(ruleset, fd, access);
	close(fd);
}

/* Plain files, made, renamed within the folder, and removed; more: besides. */
static bool allow_state(int ruleset, long abi, int folder, uint64_t more)
{
	const uint64_t access = more | READ_FILE | READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
				LANDLOCK_ACCESS_FS_REMOVE_FILE | TRUNCATE;
	return folder < 0 || allow_fd(ruleset, folder, access & fs_of(abi));
}

static void allow_programs(int ruleset, long abi)
{
	static const char *const folders[] = { "/tmp", "/var/tmp", "/dev", "/var/log", "/var/spool", "/var/cache" };
	const uint64_t access = LANDLOCK_ACCESS_FS_WRITE_FILE | TRUNCATE | IOCTL_DEV | (FOLDER_ONLY & ~READ_DIR);
	allow_folder(ruleset, "/", READ_FILE | READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE);
	allow_folder(ruleset, "/proc", LANDLOCK_ACCESS_FS_WRITE_FILE); /* its own comm, oom_score_adj, … */
	allow_folder(ruleset, "/run", LANDLOCK_ACCESS_FS_WRITE_FILE);  /* pipes of other servers; our own socket must stay */
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
		allow_folder(ruleset, folders[i], access & fs_of(abi));
}

static bool allow(int ruleset, long abi, enum confine_files which, int folder)
{
	switch (which) {
	case CONFINE_FILES_NONE:
		return true;
	case CONFINE_FILES_CA:
		allow_ca(ruleset);
		return true;
	case CONFINE_FILES_STATE:
		allow_folder(ruleset, "/etc", READ_FILE);
		allow_folder(ruleset, "/proc", READ_FILE);
		return allow_state(ruleset, abi, folder, 0);
	case CONFINE_FILES_LOAD:
		allow_folder(ruleset, "/", READ_FILE | READ_DIR);
		return allow_state(ruleset, abi, folder, LANDLOCK_ACCESS_FS_MAKE_DIR);
	case CONFINE_FILES_PROGRAMS:
		allow_programs(ruleset, abi);
		return true;
	}
	return false;
}

int confine_files(enum confine_files which, int folder, const char **why)
{
	const bool programs = which == CONFINE_FILES_PROGRAMS;
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	int ruleset = abi >= 1 ? ruleset_new(abi, programs) : -1;
	if (ruleset < 0) {
		*why = errno == ENOSYS || errno == EOPNOTSUPP ? "this kernel has none" : strerror(errno);
		return ERR_ABSENT;
	}
	if (!programs)
		allow_any_port(ruleset);
	int e = !allow(ruleset, abi, which, folder) || syscall(SYS_landlock_restrict_self, ruleset, 0) ? ERR_ABSENT : 0;
	if (e)
		*why = strerror(errno);
	close(ruleset);
	return e;
}
