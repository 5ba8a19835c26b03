/* seccomp: the system calls that a role may make.
 *
 *     in a list of its groups, arguments as they should be   done
 *     execve, ptrace, mount, …                               the process is killed
 *     any other                                              EPERM, and the kernel's log tells
 *
 * The runner's plugins may make every call but those of the second kind that manage the machine, which fail with EPERM.
 *
 * EPERM and not a kill for what is only unknown: a C library that starts to use a newer call gets an answer that it can cope
 * with, where a kill would come again at each start.
 */
#include "config.h"
#include "app/confine.h"
#ifdef HAVE_SECCOMP
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define CALL(name) SCMP_SYS(name)
#define WRITING (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY))
#define SOCKET_TYPE 0xf /* the rest are flags */
#define INT_BITS 0xffffffff /* of a register: the kernel looks at no more of an int, and nothing says what the others hold */

static const int life[] = {
	CALL(read), CALL(readv), CALL(pread64), CALL(preadv), CALL(write), CALL(writev), CALL(close), CALL(fcntl), CALL(fstat), CALL(lseek), CALL(dup),
	CALL(recvfrom), CALL(recvmsg), CALL(recvmmsg), CALL(sendto), CALL(sendmsg), CALL(sendmmsg), CALL(shutdown),
	CALL(getsockopt), CALL(setsockopt), CALL(getsockname), CALL(getpeername),
	CALL(epoll_create1), CALL(epoll_ctl), CALL(epoll_wait), CALL(epoll_pwait), CALL(epoll_pwait2), CALL(poll), CALL(ppoll),
	CALL(select), CALL(pselect6), CALL(timerfd_create), CALL(timerfd_settime), CALL(eventfd2), CALL(pipe2),
	CALL(brk), CALL(munmap), CALL(mremap), CALL(madvise), CALL(futex), CALL(sched_yield), CALL(membarrier), CALL(rseq),
	CALL(clock_gettime), CALL(clock_getres), CALL(clock_nanosleep), CALL(nanosleep), CALL(gettimeofday), CALL(time),
	CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(rt_sigreturn), CALL(sigaltstack), CALL(restart_syscall),
	CALL(getpid), CALL(gettid), CALL(getuid), CALL(geteuid), CALL(getgid), CALL(getegid), CALL(getppid),
	CALL(getrandom), CALL(getrusage), CALL(sysinfo), CALL(uname), CALL(sched_getaffinity), CALL(exit), CALL(exit_group),
};
static const int connecting[] = { CALL(connect), CALL(bind) /* to probe_source; nothing can listen */ };
static const int reading[] = { CALL(stat), CALL(lstat), CALL(newfstatat), CALL(statx), CALL(access), CALL(faccessat), CALL(readlink),
			       CALL(getdents64) /* OpenSSL looks for an issuer that no hash leads to */ };

static const int threads[] = { CALL(set_robust_list), CALL(set_tid_address), CALL(mlock), CALL(munlock) };
static const int accepting[] = { CALL(accept4), CALL(accept) };
static const int writing[] = {
	CALL(stat), CALL(lstat), CALL(newfstatat), CALL(statx), CALL(statfs), CALL(fstatfs), CALL(open), CALL(openat), CALL(getdents64),
	CALL(pwrite64), CALL(pwritev), CALL(fsync), CALL(fdatasync), CALL(sync_file_range), CALL(ftruncate),
	CALL(fallocate), CALL(fadvise64), CALL(rename), CALL(renameat), CALL(renameat2), CALL(unlink), CALL(unlinkat), CALL(fchmod),
	CALL(fchown), CALL(flock), CALL(umask), CALL(mkdir), CALL(mkdirat),
};
/* What one does of itself, too: it becomes nice, takes little time, closes what it shall not have. */
static const int copying[] = { CALL(wait4), CALL(waitid), CALL(alarm), CALL(setitimer), CALL(getpriority), CALL(setpriority),
			       CALL(close_range) };
static const int memory_files[] = { CALL(memfd_create), CALL(ftruncate), CALL(fallocate), CALL(pwrite64) };

/* Of programs it is killed for none of these: they ask whatever they ask. */
static const int programs[] = { CALL(execve), CALL(execveat) };
static const int identity[] = { CALL(setuid), CALL(setresuid), CALL(setgid), CALL(setresgid), CALL(setgroups), CALL(ptrace) };

/* Nobody here asks for these by mistake. */
static const int deadly[] = {
	 CALL(process_vm_readv), CALL(process_vm_writev), CALL(mount), CALL(umount2),
	CALL(pivot_root), CALL(chroot), CALL(setns), CALL(unshare), CALL(init_module), CALL(finit_module), CALL(delete_module),
	CALL(kexec_load), CALL(kexec_file_load), CALL(bpf), CALL(reboot), CALL(swapon), CALL(swapoff), CALL(userfaultfd),
	CALL(perf_event_open), CALL(keyctl), CALL(add_key), CALL(request_key),
};

static bool add(scmp_filter_ctx f, uint32_t action, const int *calls, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (seccomp_rule_add(f, action, calls[i], 0))
			return false;
	return true;
}
#define ADD(f, action, list) add(f, action, list, sizeof list / sizeof list[0])

/* The library's macros leave the second value out, which clang warns of. */
static struct scmp_arg_cmp masked_is(unsigned arg, scmp_datum_t mask, scmp_datum_t value)
{
	return (struct scmp_arg_cmp){ .arg = arg, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value };
}

static struct scmp_arg_cmp is(unsigned arg, scmp_datum_t value)
{
	return (struct scmp_arg_cmp){ .arg = arg, .op = SCMP_CMP_EQ, .datum_a = value, .datum_b = 0 };
}

static bool allow_if(scmp_filter_ctx f, int call, const struct scmp_arg_cmp *args, unsigned count)
{
	return seccomp_rule_add_array(f, SCMP_ACT_ALLOW, call, count, args) == 0;
}

/* Its own signals (abort), reading its limits, memory that is not to be executed. */
static bool allow_life(scmp_filter_ctx f)
{
	const struct scmp_arg_cmp self = masked_is(0, INT_BITS, (scmp_datum_t)getpid());
	const struct scmp_arg_cmp limits[] = { is(0, 0), is(2, 0) };
	const struct scmp_arg_cmp no_exec = masked_is(2, PROT_EXEC, 0);
	const struct scmp_arg_cmp ready = is(1, FIONREAD), never = is(1, FIONBIO);
	const struct scmp_arg_cmp of_fd = masked_is(3, AT_EMPTY_PATH, AT_EMPTY_PATH); /* what the C library makes of fstat */
	return ADD(f, SCMP_ACT_ALLOW, life) && allow_if(f, CALL(tgkill), &self, 1) && allow_if(f, CALL(prlimit64), limits, 2) &&
	       allow_if(f, CALL(mmap), &no_exec, 1) && allow_if(f, CALL(mprotect), &no_exec, 1) &&
	       allow_if(f, CALL(newfstatat), &of_fd, 1) && allow_if(f, CALL(ioctl), &ready, 1) && allow_if(f, CALL(ioctl), &never, 1);
}

static bool allow_connect(scmp_filter_ctx f)
{
	static const int families[] = { AF_INET, AF_INET6 }, types[] = { SOCK_STREAM, SOCK_DGRAM };
	for (size_t i = 0; i < 2; i++)
		for (size_t k = 0; k < 2; k++) {
			const struct scmp_arg_cmp args[] = { masked_is(0, INT_BITS, (scmp_datum_t)families[i]),
							     masked_is(1, SOCKET_TYPE, (scmp_datum_t)types[k]) };
			if (!allow_if(f, CALL(socket), args, 2))
				return false;
		}
	return ADD(f, SCMP_ACT_ALLOW, connecting);
}

static bool allow_unix(scmp_filter_ctx f)
{
	const struct scmp_arg_cmp args[] = { masked_is(0, INT_BITS, AF_UNIX), masked_is(1, SOCKET_TYPE, SOCK_STREAM) };
	return allow_if(f, CALL(socket), args, 2) && allow_if(f, CALL(connect), NULL, 0);
}

#ifdef __s390__
#define CLONE_FLAGS_ARG 1
#else
#define CLONE_FLAGS_ARG 0
#endif
#define CLONE_WORLDS (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

/* clone3 has its flags in memory, where no filter looks: told that there is none, the C library takes clone. */
static bool allow_clone(scmp_filter_ctx f, bool copies)
{
	const struct scmp_arg_cmp thread = masked_is(CLONE_FLAGS_ARG, CLONE_WORLDS | CLONE_THREAD, CLONE_THREAD);
	const struct scmp_arg_cmp any = masked_is(CLONE_FLAGS_ARG, CLONE_WORLDS, 0);
	return seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), 0) == 0 && allow_if(f, CALL(clone), copies ? &any : &thread, 1);
}

/* A copy names itself, goes with its parent, and takes less than it might. */
static bool allow_copies(scmp_filter_ctx f)
{
	static const int names[] = { PR_SET_PDEATHSIG, PR_SET_NAME };
	const struct scmp_arg_cmp own = is(0, 0);
	for (size_t i = 0; i < 2; i++) {
		const struct scmp_arg_cmp a = is(0, (scmp_datum_t)names[i]);
		if (!allow_if(f, CALL(prctl), &a, 1))
			return false;
	}
	return ADD(f, SCMP_ACT_ALLOW, copying) && allow_if(f, CALL(setrlimit), NULL, 0) && allow_if(f, CALL(prlimit64), &own, 1);
}

static bool allow_read_files(scmp_filter_ctx f)
{
	const struct scmp_arg_cmp at = masked_is(2, WRITING, O_RDONLY);
	const struct scmp_arg_cmp plain = masked_is(1, WRITING, O_RDONLY);
	return ADD(f, SCMP_ACT_ALLOW, reading) && allow_if(f, CALL(openat), &at, 1) && allow_if(f, CALL(open), &plain, 1);
}

static bool fill(scmp_filter_ctx f, unsigned groups)
{
	(void)seccomp_attr_set(f, SCMP_FLTATR_CTL_LOG, 1);      /* what is refused, in the kernel's log; from Linux 4.14 */
	(void)seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree: a call costs 6 comparisons, not 90 */
	/* Before Linux 5.16 a filter made every process slower that it held, against others' guesses at its memory; here no
	 * foreign code runs beside what it must not see. */
	if (!(groups & CONFINE_CALLS_CONNECT))
		(void)seccomp_attr_set(f, SCMP_FLTATR_CTL_SSB, 1);
	return seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 &&
	       ADD(f, SCMP_ACT_KILL_PROCESS, deadly) && ADD(f, SCMP_ACT_KILL_PROCESS, programs) &&
	       ADD(f, SCMP_ACT_KILL_PROCESS, identity) && (!(groups & CONFINE_CALLS_LIFE) || allow_life(f)) &&
	       (!(groups & CONFINE_CALLS_CONNECT) || allow_connect(f)) &&
	       (!(groups & CONFINE_CALLS_UNIX) || allow_unix(f)) &&
	       (!(groups & CONFINE_CALLS_READ_FILES) || allow_read_files(f)) &&
	       (!(groups & CONFINE_CALLS_WRITE_FILES) || ADD(f, SCMP_ACT_ALLOW, writing)) &&
	       (!(groups & CONFINE_CALLS_MEMFD) || ADD(f, SCMP_ACT_ALLOW, memory_files)) &&
	       (!(groups & CONFINE_CALLS_ACCEPT) || ADD(f, SCMP_ACT_ALLOW, accepting)) &&
	       (!(groups & CONFINE_CALLS_THREADS) || (ADD(f, SCMP_ACT_ALLOW, threads) && allow_clone(f, groups & CONFINE_CALLS_COPIES))) &&
	       (!(groups & CONFINE_CALLS_COPIES) || allow_copies(f));
}

/* Programs may be of the machine's smaller architecture; by default each of its calls would end them. */
static bool fill_for_programs(scmp_filter_ctx f)
{
#if defined __x86_64__ && !defined __ILP32__
	if (seccomp_arch_add(f, SCMP_ARCH_X86))
		return false;
#elif defined __aarch64__
	if (seccomp_arch_add(f, SCMP_ARCH_ARM))
		return false;
#endif
	return ADD(f, SCMP_ACT_ERRNO(EPERM), deadly);
}

int confine_calls(unsigned groups, const char **why)
{
	const bool any = groups & CONFINE_CALLS_PROGRAMS;
	scmp_filter_ctx f = seccomp_init(any ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM));
	bool made = f && (any ? fill_for_programs(f) : fill(f, groups));
	int e = made ? seccomp_load(f) : -ENOMEM;
	seccomp_release(f);
	if (!e)
		return 0;
	*why = !made ? "the filter cannot be made" : e == -EINVAL || e == -ENOSYS ? "this kernel has none" : strerror(-e);
	return ERR_ABSENT;
}

#else

int confine_calls(unsigned groups, const char **why)
{
	(void)groups;
	*why = "this build has no libseccomp";
	return ERR_ABSENT;
}

#endif
