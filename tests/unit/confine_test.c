/* Each role's confinement, tried from inside: a child enters it and then asks for what it must not have, and for what it needs.
 * Each line says what comes of it: 0, an errno, or a signal. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "app/confine.h"
#include "config.h"
#include "io/tls.h"
#include "tests/unit/unit.h"

#define KILLED 1000   /* + the signal */
#define NOT_ENTERED 999
#define SKIPPED 998

static int listener = -1, seqpacket[2];
static uint16_t port;
static int null_fd = -1;
static int folder = -1;  /* the state folder of those that have one */
static char folder_path[] = "/tmp/gemel-confine-state-XXXXXX";
static long landlock_abi;

static int result(long r)
{
	return r < 0 ? errno : 0;
}

/* ---- what a child tries; gives 0 or the errno ---- */

static int write_tmp(void) { return result(open("/tmp/gemel-confine-test", O_WRONLY | O_CREAT, 0600)); }
static int write_null(void) { return result(open("/dev/null", O_WRONLY)); }
static int truncate_null(void) { return result(open("/dev/null", O_RDONLY | O_TRUNC)); }
static int unnamed_file(void) { return result(open("/tmp", O_TMPFILE | O_RDWR, 0600)); }
static int read_passwd(void) { return result(open("/etc/passwd", O_RDONLY)); }
static int read_mem(void) { return result(open("/proc/self/mem", O_RDONLY)); }
static int list_root(void) { return result(open("/", O_RDONLY | O_DIRECTORY)); }
static int openat2_call(void) { return result(syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", NULL, 0)); }
static int make_dir(void) { return result(mkdir("/nonexistent/x", 0700)); }
static int remove_file(void) { return result(unlink("/nonexistent/x")); }
static int change_mode(void) { return result(chmod("/nonexistent/x", 0600)); }
static int make_memfd(void) { return result(memfd_create("x", 0)); }
static int exec_true(void) { char *const none[] = { NULL }; return result(execve("/bin/true", none, none)); }
static int exec_fd(void) { return result(syscall(SYS_execveat, 0, "", NULL, NULL, AT_EMPTY_PATH)); }
static int fork_call(void) { return result(fork()); }
static int trace_me(void) { return result(ptrace(PTRACE_TRACEME, 0, NULL, NULL)); }
static int mount_call(void) { return result(mount("none", "/tmp", "tmpfs", 0, "")); }
static int unshare_call(void) { return result(syscall(SYS_unshare, 0x10000000)); }
static int bpf_call(void) { return result(syscall(SYS_bpf, 0, NULL, 0)); }
static int set_uid(void) { return result(syscall(SYS_setresuid, 0, 0, 0)); }
static int kill_parent(void) { return result(kill(getppid(), 0)); }
static int tgkill_parent(void) { return result(syscall(SYS_tgkill, getppid(), getppid(), 0)); }
static int raise_limit(void) { const struct rlimit r = { 4096, 4096 }; return result(setrlimit(RLIMIT_FSIZE, &r)); }
static int unix_socket(void) { return result(socket(AF_UNIX, SOCK_STREAM, 0)); }
static int unix_pair(void) { int p[2]; return result(socketpair(AF_UNIX, SOCK_STREAM, 0, p)); }
static int netlink_socket(void) { return result(socket(AF_NETLINK, SOCK_RAW, 0)); }
static int packet_socket(void) { return result(socket(AF_PACKET, SOCK_RAW, 0)); }
static int raw_socket(void) { return result(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)); }
static int io_uring(void) { return result(syscall(SYS_io_uring_setup, 1, NULL)); }
static int write_growing(void) { return result(write(null_fd, "x", 1)); } /* opened before: a regular file */

static int memory_to_execute(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}

static int protect_to_execute(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? 997 : result(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int take_port(void)
{
	if (landlock_abi < 4)
		return EACCES; /* nothing to try: before ABI 4 Landlock bars files only */
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(8053) };
	return result(bind(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&a, sizeof a));
}

static int leave_from(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 7) };
	for (int i = 0; i < 2; i++)
		if (bind(socket(AF_INET, i ? SOCK_STREAM : SOCK_DGRAM, 0), (struct sockaddr *)&a, sizeof a))
			return errno;
	return 0;
}

static int listen_call(void) { return result(listen(socket(AF_INET, SOCK_STREAM, 0), 1)); }

static int connect_loopback(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) || send(fd, "x", 1, MSG_NOSIGNAL) != 1)
		return errno;
	return result(close(fd));
}

static int udp_loopback(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	return fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) ? errno : result(send(fd, "x", 1, 0));
}

static int socket_six(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	return fd < 0 && errno != EAFNOSUPPORT ? errno : 0; /* a kernel without IPv6 says so, not EPERM */
}

static int old_channel(void) { return result(send(seqpacket[0], "x", 1, 0)); }

static int read_ca(void)
{
	DIR *d = opendir(tls_ca_folders());
	errno = 0;
	return d && readdir(d) ? 0 : errno;
}

static int read_ca_bundle(void) { return result(open("/etc/ssl/certs/ca-certificates.crt", O_RDONLY)); }

/* Debian's folder holds links to /usr/share/ca-certificates. */
static int read_ca_linked(void) { return result(open("/etc/ssl/certs/ISRG_Root_X1.pem", O_RDONLY)); }
static int abort_call(void) { abort(); }

static int no_capability(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct have[_LINUX_CAPABILITY_U32S_3];
	memset(have, 0xff, sizeof have);
	return result(syscall(SYS_capget, &head, have)); /* in no list */
}

/* ---- what others than the prober try ---- */

static int write_etc(void) { return result(open("/etc/gemel-confine-test", O_WRONLY | O_CREAT, 0600)); }
static int write_var_tmp(void)
{
	int fd = open("/var/tmp", O_TMPFILE | O_RDWR, 0600);
	return fd < 0 && errno != EOPNOTSUPP ? errno : 0;
}
static int write_oom(void) { return result(open("/proc/self/oom_score_adj", O_WRONLY)); }
static int read_stat(void) { return result(open("/proc/self/stat", O_RDONLY)); }
static int state_read(void) { return result(openat(folder, "old", O_RDONLY)); }
static int state_make_dir(void) { return result(mkdirat(folder, "dir", 0700)); }
static int state_link(void) { return result(symlinkat("/etc/passwd", folder, "link")); }
static int state_leave(void) { return result(renameat(folder, "old", AT_FDCWD, "/tmp/gemel-confine-test")); }
static int memory_file(void)
{
	int fd = memfd_create("x", MFD_ALLOW_SEALING);
	return fd < 0 ? errno : result(write(fd, "x", 1) == 1 ? fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL) : -1);
}

static int state_write(void)
{
	int fd = openat(folder, "new", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return fd < 0 || write(fd, "x", 1) != 1 || fsync(fd) || ftruncate(fd, 0) || renameat(folder, "new", folder, "newer") ||
	       unlinkat(folder, "newer", 0) ? errno : 0;
}

static void *nothing(void *ctx) { return ctx; }

static int thread(void)
{
	pthread_t t;
	int e = pthread_create(&t, NULL, nothing, NULL);
	return e ? e : pthread_join(t, NULL);
}

/* As images and the overlay's log are: stat, map, read. */
static int old_memory(void)
{
	struct stat st;
	char c;
	return fstat(null_fd, &st) || pread(null_fd, &c, 1, 0) < 0 ? errno : 0;
}

static int accept_call(void)
{
	errno = 0;
	fcntl(listener, F_SETFL, O_NONBLOCK);
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	return fd < 0 && errno != EAGAIN ? errno : 0;
}

static int copy(void)
{
	int status;
	pid_t pid = fork();
	if (pid == 0)
		_exit(7);
	return pid < 0 || waitpid(pid, &status, 0) != pid ? errno : WEXITSTATUS(status) == 7 ? 0 : 997;
}

static int other_world(void) { return result(syscall(SYS_clone, 0x10000000 | SIGCHLD, NULL, NULL, NULL, NULL)); } /* CLONE_NEWUSER */
static int run_program(void) { return system("exec /bin/true") == 0 ? 0 : 997; }

/* What a plugin starts is held as it is. */
static int program_writes(void)
{
	return system("{ : > /etc/gemel-confine-test; } 2>/dev/null") == 0 ? 0 : EACCES;
}

static int signal_parent(void) { return landlock_abi < 6 ? EPERM : result(kill(getppid(), 0)); }

enum needs { NOTHING = 0, FILES = CONFINE_LANDLOCK, CALLS = CONFINE_SECCOMP, BOTH = FILES | CALLS };

struct attempt {
	const char *what;
	int (*try)(void);
	int expect;
	enum needs needs;  /* without these the answer is another */
	const char *file;  /* has to be there; NULL = none */
};

/* The responder opens nothing at all: what it serves comes as descriptors. */
static const struct attempt responder[] = {
	{ "make a file", write_tmp, EPERM, CALLS, NULL },
	{ "write a device", write_null, EPERM, CALLS, NULL },
	{ "an unnamed file", unnamed_file, EPERM, CALLS, NULL },
	{ "write to a state folder", state_write, EPERM, CALLS, NULL },
	{ "read a file of it", state_read, EPERM, CALLS, NULL },
	{ "read /etc/passwd", read_passwd, EPERM, CALLS, NULL },
	{ "read /proc/self/mem", read_mem, EPERM, CALLS, NULL },
	{ "list /", list_root, EPERM, CALLS, NULL },
	{ "openat2", openat2_call, EPERM, CALLS, NULL },
	{ "make a folder", make_dir, EPERM, CALLS, NULL },
	{ "remove a file", remove_file, EPERM, CALLS, NULL },
	{ "change a mode", change_mode, EPERM, CALLS, NULL },
	{ "a file in memory", make_memfd, EPERM, CALLS, NULL },
	{ "execve", exec_true, KILLED + SIGSYS, CALLS, NULL },
	{ "execveat", exec_fd, KILLED + SIGSYS, CALLS, NULL },
	{ "fork", fork_call, EPERM, CALLS, NULL },
	{ "another user namespace", other_world, EPERM, CALLS, NULL },
	{ "ptrace", trace_me, KILLED + SIGSYS, CALLS, NULL },
	{ "bpf", bpf_call, KILLED + SIGSYS, CALLS, NULL },
	{ "setresuid", set_uid, KILLED + SIGSYS, CALLS, NULL },
	{ "kill its parent", kill_parent, EPERM, CALLS, NULL },
	{ "raise a limit", raise_limit, EPERM, CALLS, NULL },
	{ "map code", memory_to_execute, EPERM, CALLS, NULL },
	{ "make code", protect_to_execute, EPERM, CALLS, NULL },
	{ "io_uring", io_uring, EPERM, CALLS, NULL },
	{ "begin a connection", connect_loopback, EPERM, CALLS, NULL },
	{ "AF_UNIX", unix_socket, EPERM, CALLS, NULL },
	{ "raw ICMP", raw_socket, EPERM, NOTHING, NULL },
	{ "a thread", thread, 0, NOTHING, NULL },
	{ "take a connection", accept_call, 0, NOTHING, NULL },
	{ "a file that it was given", old_memory, 0, NOTHING, NULL },
	{ "a channel that it had", old_channel, 0, NOTHING, NULL },
	{ "abort", abort_call, KILLED + SIGABRT, NOTHING, NULL },
};

static const struct attempt coordinator[] = {
	{ "make a file", write_tmp, EACCES, FILES, NULL },
	{ "make one in /etc", write_etc, EACCES, FILES, NULL },
	{ "write a device", write_null, EACCES, FILES, NULL },
	{ "be killed last", write_oom, EACCES, FILES, NULL },
	{ "list /", list_root, EACCES, FILES, NULL },
	{ "a folder in the state folder", state_make_dir, EACCES, FILES, NULL },
	{ "a link in it", state_link, EPERM, CALLS, NULL },
	{ "move a file out of it", state_leave, EACCES, FILES, NULL },
	{ "execve", exec_true, KILLED + SIGSYS, CALLS, NULL },
	{ "another user namespace", other_world, EPERM, CALLS, NULL },
	{ "ptrace", trace_me, KILLED + SIGSYS, CALLS, NULL },
	{ "kill its parent", kill_parent, EPERM, CALLS, NULL },
	{ "map code", memory_to_execute, EPERM, CALLS, NULL },
	{ "AF_UNIX", unix_socket, EPERM, CALLS, NULL },
	{ "take a port", take_port, EACCES, BOTH, NULL },
	{ "listen", listen_call, EPERM, CALLS, NULL },
	{ "write to the state folder", state_write, 0, NOTHING, NULL },
	{ "read a file of it", state_read, 0, NOTHING, NULL },
	{ "whose number is that", read_passwd, 0, NOTHING, NULL },
	{ "figures of a process", read_stat, 0, NOTHING, NULL },
	{ "a file in memory", memory_file, 0, NOTHING, NULL },
	{ "a copy of itself", copy, 0, NOTHING, NULL },
	{ "a thread", thread, 0, NOTHING, NULL },
	{ "take a connection", accept_call, 0, NOTHING, NULL },
	{ "connect to loopback", connect_loopback, 0, NOTHING, NULL },
};

static const struct attempt loader[] = {
	{ "make a file", write_tmp, EACCES, FILES, NULL },
	{ "make one in /etc", write_etc, EACCES, FILES, NULL },
	{ "write a device", write_null, EACCES, FILES, NULL },
	{ "move a file out of the state folder", state_leave, EACCES, FILES, NULL },
	{ "execve", exec_true, KILLED + SIGSYS, CALLS, NULL },
	{ "fork", fork_call, EPERM, CALLS, NULL },
	{ "begin a connection", connect_loopback, EPERM, CALLS, NULL },
	{ "AF_UNIX", unix_socket, EPERM, CALLS, NULL },
	{ "setresuid", set_uid, KILLED + SIGSYS, CALLS, NULL },
	{ "map code", memory_to_execute, EPERM, CALLS, NULL },
	{ "write to the state folder", state_write, 0, NOTHING, NULL },
	{ "make a folder there", state_make_dir, 0, NOTHING, NULL },
	{ "read /etc/passwd", read_passwd, 0, NOTHING, NULL },
	{ "list /", list_root, 0, NOTHING, NULL },
	{ "a file in memory", memory_file, 0, NOTHING, NULL },
};

static const struct attempt tap[] = {
	{ "make a file", write_tmp, EPERM, CALLS, NULL },
	{ "read /etc/passwd", read_passwd, EPERM, CALLS, NULL },
	{ "list /", list_root, EPERM, CALLS, NULL },
	{ "execve", exec_true, KILLED + SIGSYS, CALLS, NULL },
	{ "fork", fork_call, EPERM, CALLS, NULL },
	{ "ptrace", trace_me, KILLED + SIGSYS, CALLS, NULL },
	{ "kill its parent", kill_parent, EPERM, CALLS, NULL },
	{ "connect to loopback", connect_loopback, EPERM, CALLS, NULL },
	{ "raw ICMP", raw_socket, EPERM, NOTHING, NULL },
	{ "map code", memory_to_execute, EPERM, CALLS, NULL },
	{ "listen", listen_call, EPERM, CALLS, NULL },
	{ "a Unix socket", unix_socket, 0, NOTHING, NULL },
	{ "a channel that it had", old_channel, 0, NOTHING, NULL },
};

static const struct attempt runner[] = {
	{ "make a file in /etc", write_etc, EACCES, FILES, NULL },
	{ "have one made there", program_writes, EACCES, FILES, NULL },
	{ "signal its parent", signal_parent, EPERM, FILES, NULL },
	{ "mount", mount_call, EPERM, NOTHING, NULL },
	{ "bpf", bpf_call, EPERM, CALLS, NULL },
	{ "unshare", unshare_call, EPERM, CALLS, NULL },
	{ "raw ICMP", raw_socket, EPERM, NOTHING, NULL },
	{ "run a program", run_program, 0, NOTHING, NULL },
	{ "make a temporary file", write_var_tmp, 0, NOTHING, NULL },
	{ "write a device", write_null, 0, NOTHING, NULL },
	{ "read /etc/passwd", read_passwd, 0, NOTHING, NULL },
	{ "connect to loopback", connect_loopback, 0, NOTHING, NULL },
};

static const struct attempt prober[] = {
	/* files */
	{ "make a file", write_tmp, EPERM, CALLS, NULL },
	{ "write a device", write_null, EPERM, CALLS, NULL },
	{ "truncate", truncate_null, EPERM, CALLS, NULL },
	{ "an unnamed file", unnamed_file, EPERM, CALLS, NULL },
	{ "read /etc/passwd", read_passwd, EACCES, FILES, NULL },
	{ "read /proc/self/mem", read_mem, EACCES, FILES, NULL },
	{ "list /", list_root, EACCES, FILES, NULL },
	{ "openat2", openat2_call, EPERM, CALLS, NULL },
	{ "make a folder", make_dir, EPERM, CALLS, NULL },
	{ "remove a file", remove_file, EPERM, CALLS, NULL },
	{ "change a mode", change_mode, EPERM, CALLS, NULL },
	{ "a file in memory", make_memfd, EPERM, CALLS, NULL },
	{ "let an open file grow", write_growing, EFBIG, NOTHING, NULL },
	/* programs and processes */
	{ "execve", exec_true, KILLED + SIGSYS, CALLS, NULL },
	{ "execveat", exec_fd, KILLED + SIGSYS, CALLS, NULL },
	{ "fork", fork_call, EPERM, CALLS, NULL },
	{ "ptrace", trace_me, KILLED + SIGSYS, CALLS, NULL },
	{ "mount", mount_call, KILLED + SIGSYS, CALLS, NULL },
	{ "unshare", unshare_call, KILLED + SIGSYS, CALLS, NULL },
	{ "bpf", bpf_call, KILLED + SIGSYS, CALLS, NULL },
	{ "setresuid", set_uid, KILLED + SIGSYS, CALLS, NULL },
	{ "kill its parent", kill_parent, EPERM, CALLS, NULL },
	{ "tgkill its parent", tgkill_parent, EPERM, CALLS, NULL },
	{ "raise a limit", raise_limit, EPERM, NOTHING, NULL },
	{ "ask for capabilities", no_capability, EPERM, CALLS, NULL },
	{ "map code", memory_to_execute, EPERM, CALLS, NULL },
	{ "make code", protect_to_execute, EPERM, CALLS, NULL },
	{ "io_uring", io_uring, EPERM, CALLS, NULL },
	/* sockets */
	{ "AF_UNIX", unix_socket, EPERM, CALLS, NULL },
	{ "socketpair", unix_pair, EPERM, CALLS, NULL },
	{ "AF_NETLINK", netlink_socket, EPERM, CALLS, NULL },
	{ "AF_PACKET", packet_socket, EPERM, NOTHING, NULL },
	{ "raw ICMP", raw_socket, EPERM, NOTHING, NULL },
	{ "take a port", take_port, EACCES, BOTH, NULL },
	{ "listen", listen_call, EPERM, CALLS, NULL },
	/* what it needs */
	{ "connect to loopback", connect_loopback, 0, NOTHING, NULL },
	{ "leave from an address", leave_from, 0, NOTHING, NULL },
	{ "UDP to loopback", udp_loopback, 0, NOTHING, NULL },
	{ "a socket of IPv6", socket_six, 0, NOTHING, NULL },
	{ "a channel that it had", old_channel, 0, NOTHING, NULL },
	{ "list the CAs", read_ca, 0, NOTHING, "/etc/ssl/certs" },
	{ "read the CAs' bundle", read_ca_bundle, 0, NOTHING, "/etc/ssl/certs/ca-certificates.crt" },
	{ "read a CA behind a link", read_ca_linked, 0, NOTHING, "/etc/ssl/certs/ISRG_Root_X1.pem" },
	{ "abort", abort_call, KILLED + SIGABRT, NOTHING, NULL },
};

/* ---- the child ---- */

static _Noreturn void child(enum ipc_role role, const struct attempt *a, int out)
{
	int told = NOT_ENTERED;
	signal(SIGXFSZ, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	unsigned by = confine_enter(role, folder);
	told = (by & a->needs) == a->needs ? a->try() : SKIPPED;
	ssize_t n = write(out, &told, sizeof told);
	_exit(n == sizeof told ? 0 : 1);
}

static int attempt(enum ipc_role role, const struct attempt *a)
{
	int out[2], told = NOT_ENTERED, status;
	ck_assert_int_eq(pipe(out), 0);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		child(role, a, out[1]);
	close(out[1]);
	ssize_t n = read(out[0], &told, sizeof told);
	close(out[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? KILLED + WTERMSIG(status) : n == sizeof told ? told : NOT_ENTERED;
}

static void set_up(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;
	char name[] = "/tmp/gemel-confine-XXXXXX";
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert(bind(listener, (struct sockaddr *)&a, sizeof a) == 0 && listen(listener, 64) == 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&a, &len), 0);
	port = ntohs(a.sin_port);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, seqpacket), 0);
	null_fd = mkstemp(name);
	ck_assert_int_ge(null_fd, 0);
	unlink(name);
	landlock_abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1); /* LANDLOCK_CREATE_RULESET_VERSION */
	ck_assert_ptr_nonnull(mkdtemp(folder_path));
	folder = open(folder_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(openat(folder, "old", O_WRONLY | O_CREAT | O_CLOEXEC, 0600), 0);
	tls_prepare();
}

static void tear_down(void)
{
	unlinkat(folder, "old", 0);
	unlinkat(folder, "dir", AT_REMOVEDIR);
	ck_assert_int_eq(rmdir(folder_path), 0);
}

/* ---- tests ---- */

static void try_all(enum ipc_role role, const struct attempt *list, size_t count)
{
	set_up();
	for (size_t i = 0; i < count; i++) {
		const struct attempt *a = &list[i];
		if (a->file && access(a->file, R_OK) != 0)
			continue;
		int got = attempt(role, a);
		if (got == SKIPPED)
			printf("skipped, this kernel or build has no %s: %s, %s\n", confine_text(a->needs), ipc_role_text(role), a->what);
		else
			ck_assert_msg(got == a->expect, "%s, %s: got %d (%s), expected %d", ipc_role_text(role), a->what, got, strerror(got),
				      a->expect);
	}
	tear_down();
}

START_TEST(prober_from_inside)
{
	try_all(IPC_PROBER, prober, sizeof prober / sizeof *prober);
}
END_TEST

START_TEST(responder_from_inside)
{
	try_all(IPC_RESPONDER, responder, sizeof responder / sizeof *responder);
}
END_TEST

START_TEST(coordinator_from_inside)
{
	try_all(IPC_COORDINATOR, coordinator, sizeof coordinator / sizeof *coordinator);
}
END_TEST

START_TEST(loader_from_inside)
{
	try_all(IPC_LOADER, loader, sizeof loader / sizeof *loader);
}
END_TEST

START_TEST(tap_from_inside)
{
	try_all(IPC_TAP, tap, sizeof tap / sizeof *tap);
}
END_TEST

START_TEST(runner_from_inside)
{
	try_all(IPC_RUNNER, runner, sizeof runner / sizeof *runner);
}
END_TEST

/* By what the kernel says of the process, whatever it says itself. */
START_TEST(what_it_claims_is_so)
{
	int out[2], in[2], status;
	char path[64], text[8192] = "", line[64];
	unsigned by = 0;
	ck_assert(pipe(out) == 0 && pipe(in) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(in[1]);
		by = confine_enter(IPC_PROBER, -1);
		ssize_t n = write(out[1], &by, sizeof by);
		n += read(in[0], &by, 1); /* until the test has looked */
		_exit(n != sizeof by);
	}
	close(in[0]);
	ck_assert_int_eq(read(out[0], &by, sizeof by), sizeof by);
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	FILE *f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_gt(fread(text, 1, sizeof text - 1, f), 0);
	fclose(f);
	close(in[1]);
	waitpid(pid, &status, 0);
	snprintf(line, sizeof line, "Seccomp:\t%d\n", by & CONFINE_SECCOMP ? 2 : 0);
	ck_assert_msg(strstr(text, line) != NULL, "claims \"%s\", is: %s", confine_text(by), text);
	static const char *const always[] = { "NoNewPrivs:\t1\n", "CapInh:\t0000000000000000\n", "CapPrm:\t0000000000000000\n",
					      "CapEff:\t0000000000000000\n", "CapAmb:\t0000000000000000\n" };
	for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
		ck_assert_msg(strstr(text, always[i]) != NULL, "no %s in %s", always[i], text);
	if (geteuid() == 0)
		ck_assert_msg(strstr(text, "CapBnd:\t0000000000000000\n") != NULL, "%s", text);
}
END_TEST

/* For debuggers: it is left out, the privileges go all the same. */
START_TEST(it_can_be_left_out)
{
	static const struct attempt raise = { "raise a limit", raise_limit, EPERM, NOTHING, NULL };
	static const struct attempt read = { "read /etc/passwd", read_passwd, 0, NOTHING, NULL };
	static const struct attempt claim = { "claim", read_passwd, SKIPPED, CALLS, NULL };
	setenv(CONFINE_VARIABLE, "no", 1);
	ck_assert_int_eq(attempt(IPC_PROBER, &raise), raise.expect);
	ck_assert_int_eq(attempt(IPC_PROBER, &read), read.expect);
	ck_assert_int_eq(attempt(IPC_PROBER, &claim), claim.expect);
}
END_TEST

START_TEST(words)
{
	ck_assert_str_eq(confine_text(0), "no");
	ck_assert_str_eq(confine_text(CONFINE_LANDLOCK), "landlock");
	ck_assert_str_eq(confine_text(CONFINE_SECCOMP), "seccomp");
	ck_assert_str_eq(confine_text(CONFINE_LANDLOCK | CONFINE_SECCOMP), "landlock, seccomp");
	ck_assert_str_eq(confine_text(0xf8 | CONFINE_SECCOMP), "seccomp"); /* from another process: bounded */
}
END_TEST

int main(void)
{
	const TTest *tests[] = { prober_from_inside, responder_from_inside, coordinator_from_inside, loader_from_inside,
				 tap_from_inside, runner_from_inside, what_it_claims_is_so, it_can_be_left_out, words };
	return unit_run("confine", tests, sizeof tests / sizeof *tests);
}
