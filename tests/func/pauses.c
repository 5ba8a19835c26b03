/* Preloaded into every process of a functional test (make soak-pauses), it makes one system call in so many wait, as a busy machine
 * might at any time: what happens between two calls only once in a thousand runs happens in each.
 *
 *     PAUSES=150      one call in 150, by chance
 *     PAUSES_MS=120   for 1 to 120 ms; one time in 40 five times as long
 *
 * Chance is not seeded: processes and threads race for it anyway.
 */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LONG_ODDS 40
#define LONG_TIMES 5
#define MS_NS 1000000

/* xorshift64*, of each thread its own. */
static uint64_t chance(void)
{
	static __thread uint64_t state;
	if (!state) {
		struct timespec now;
		clock_gettime(CLOCK_MONOTONIC, &now);
		state = ((uint64_t)now.tv_nsec << 20 ^ (uint64_t)getpid() ^ (uintptr_t)&state) | 1;
	}
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (state * UINT64_C(0x2545f4914f6cdd1d)) >> 32;
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	const uint64_t n = text ? strtoull(text, NULL, 10) : 0;
	return n ? n : otherwise;
}

static void pause_by_chance(void)
{
	static uint64_t odds, most_ms;
	if (!odds) {
		most_ms = setting("PAUSES_MS", 120);
		odds = setting("PAUSES", 150);
	}
	if (chance() % odds)
		return;
	const int was = errno;
	const uint64_t ms = (chance() % most_ms + 1) * (chance() % LONG_ODDS ? 1 : LONG_TIMES);
	const struct timespec time = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * MS_NS };
	nanosleep(&time, NULL); /* each process may, however confined */
	errno = was;
}

#define PAUSED(type, name, parameters, arguments) \
	type name parameters \
	{ \
		static type(*next) parameters; \
		if (!next) \
			next = (type(*) parameters)dlsym(RTLD_NEXT, #name); \
		pause_by_chance(); \
		return next arguments; \
	}

PAUSED(ssize_t, read, (int fd, void *data, size_t len), (fd, data, len))
PAUSED(ssize_t, write, (int fd, const void *data, size_t len), (fd, data, len))
PAUSED(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n))
PAUSED(ssize_t, recv, (int fd, void *data, size_t len, int flags), (fd, data, len, flags))
PAUSED(ssize_t, recvfrom, (int fd, void *data, size_t len, int flags, __SOCKADDR_ARG from, socklen_t *n), (fd, data, len, flags, from, n))
PAUSED(ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags))
PAUSED(int, recvmmsg, (int fd, struct mmsghdr *m, unsigned n, int flags, struct timespec *time), (fd, m, n, flags, time))
PAUSED(ssize_t, send, (int fd, const void *data, size_t len, int flags), (fd, data, len, flags))
PAUSED(ssize_t, sendto, (int fd, const void *data, size_t len, int flags, __CONST_SOCKADDR_ARG to, socklen_t n), (fd, data, len, flags, to, n))
PAUSED(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
PAUSED(int, sendmmsg, (int fd, struct mmsghdr *m, unsigned n, int flags), (fd, m, n, flags))
PAUSED(int, connect, (int fd, __CONST_SOCKADDR_ARG to, socklen_t n), (fd, to, n))
PAUSED(int, accept4, (int fd, __SOCKADDR_ARG from, socklen_t *n, int flags), (fd, from, n, flags))
PAUSED(int, epoll_wait, (int fd, struct epoll_event *events, int n, int ms), (fd, events, n, ms))
PAUSED(int, poll, (struct pollfd *fds, nfds_t n, int ms), (fds, n, ms))
PAUSED(int, fdatasync, (int fd), (fd))
PAUSED(int, rename, (const char *from, const char *to), (from, to))
PAUSED(int, close, (int fd), (fd))
PAUSED(int, kill, (pid_t pid, int signal), (pid, signal))
PAUSED(pid_t, waitpid, (pid_t pid, int *status, int options), (pid, status, options))
