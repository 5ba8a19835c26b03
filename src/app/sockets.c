#include "app/sockets.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "io/log.h"
#include "io/sockaddr.h"

#define TCP_BACKLOG 1024
#define CONTROL_BACKLOG 64

static int fail(const char *what, const char *where)
{
	int why = errno;
	log_line(LOG_LEVEL_ERROR, "cannot %s %s: %s%s", what, where, strerror(why),
		 why == EADDRINUSE ? "; another server is there" : "");
	return why == EADDRINUSE || why == EWOULDBLOCK ? ERR_BUSY : ERR_IO;
}

/* An address of the node: of which key it is, and what there should be. */
static int fail_listen(enum socket_kind kind, const char *transport, const char *where)
{
	const char *key = kind == SOCKET_HTTP ? "http" : kind == SOCKET_PEER || kind == SOCKET_PEER_TCP ? "peer" : "listen";
	int why = errno;
	log_line(LOG_LEVEL_ERROR, "cannot listen on %s %s (%s): %s%s", transport, where, key, strerror(why),
		 why == EADDRINUSE ? "; another server is there (ss -lnp shows which)" :
		 why == EACCES	   ? "; expected root, or CAP_NET_BIND_SERVICE for a port below 1024, as the systemd unit has it" :
				     "");
	return why == EADDRINUSE ? ERR_BUSY : ERR_IO;
}

/* A file or folder that is another user's, most often since gemeld was started by hand as root, or as another user. */
static int fail_access(const char *what, const char *where)
{
	int why = errno;
	if (why != EACCES && why != EPERM)
		return fail(what, where);
	log_line(LOG_LEVEL_ERROR, "cannot %s %s: %s; expected that all there belongs to the user that gemeld runs as (now user number %u)", what, where,
		 strerror(why), (unsigned)geteuid());
	return ERR_IO;
}

/* An address that is not there yet (it comes with DHCP, or moves between machines) is bound all the same, and served once it is
 * there: better than a server that did not start at boot. */
static int bind_free(int fd, const struct addr *a, const struct sockaddr *sa, socklen_t len)
{
	int one = 1;
	if (bind(fd, sa, len) == 0)
		return 0;
	if (errno != EADDRNOTAVAIL)
		return -1;
	if (a->family == 4 ? setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof one) :
			     setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &one, sizeof one)) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	return bind(fd, sa, len) ? -1 : 1;
}

/* *absent (NULL = not asked): whether this machine has no such address now. */
static int bound_socket(const struct addr *a, int type, bool share, bool *absent)
{
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_from_addr(&ss, a);
	int one = 1, bound = -1;
	int fd = socket(ss.ss_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ERR_IO;
	if ((type == SOCK_STREAM && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one)) ||
	    (share && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one)) ||
	    (a->family == 6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one)) ||
	    (bound = bind_free(fd, a, (struct sockaddr *)&ss, len)) < 0) {
		int why = errno;
		close(fd);
		errno = why;
		return ERR_IO;
	}
	if (absent)
		*absent = bound > 0;
	return fd;
}

/* Replies must leave from the address that was asked: only a wildcard socket does not know it by itself. */
static void want_destination(int fd, const struct addr *a)
{
	int one = 1;
	if (!addr_is_any(a))
		return;
	if (a->family == 4)
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof one);
	else
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof one);
}

/* A packet of the pair is never cut on its way: of one that is too long for a path the rest goes on, and the way by TCP is there.
 * What the path is said to carry is not heeded, for anybody may say so (ICMP). */
static void forbid_fragments(int fd, const struct addr *a)
{
	int how = a->family == 4 ? IP_PMTUDISC_PROBE : IPV6_PMTUDISC_PROBE, one = 1;
	if (a->family == 4) {
		setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &how, sizeof how);
		return;
	}
	setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &how, sizeof how);
	setsockopt(fd, IPPROTO_IPV6, IPV6_DONTFRAG, &one, sizeof one);
}

/* given: the service manager may have been allowed more than we are, and asking would lower it to that. */
static void enlarge_buffer(int fd, const char *where, bool given)
{
	int size = SOCKET_BUFFER;
	socklen_t len = sizeof size;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) == 0)
		return;
	if (!given)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &len);
	if (given && size >= SOCKET_BUFFER)
		return;
	log_line(LOG_LEVEL_NOTICE, "%s: receive buffer is %d octets, fewer than asked (net.core.rmem_max); "
		 "a restart of the responder under load may lose queries", where, size);
}

static struct socket_set *add_set(struct sockets *s, enum socket_kind kind, const struct addr *a)
{
	struct socket_set *sets = reallocarray(s->sets, s->count + 1, sizeof *sets);
	if (!sets)
		return NULL;
	s->sets = sets;
	struct socket_set *set = &sets[s->count++];
	*set = (struct socket_set){ .kind = kind };
	if (a)
		set->addr = *a;
	return set;
}

/* The kernel chose among the sockets of one address before we were there, and goes on doing so: all that were given are read. A
 * socket of our own beside them would take its share of the queries with it when we end. */
static int use_udp(struct sockets *s, enum socket_kind kind, const struct addr *a, int fd)
{
	char where[ADDR_TEXT_MAX];
	struct socket_set *set = add_set(s, kind, a);
	addr_format(a, true, where);
	if (!set) {
		close(fd);
		return ERR_NOMEM;
	}
	do {
		set->fds[set->count++] = fd;
		if (fcntl(fd, F_SETFL, 0))
			return fail("use the service manager's socket of UDP", where);
		want_destination(fd, a);
		enlarge_buffer(fd, where, true);
		fd = set->count < SOCKETS_PER_ADDRESS_MAX ? activation_take(s->given, ACTIVATION_UDP, a, NULL) : -1;
	} while (fd >= 0);
	return 0;
}

static int open_udp(struct sockets *s, enum socket_kind kind, const struct addr *a, size_t count)
{
	char where[ADDR_TEXT_MAX];
	addr_format(a, true, where);
	int given = activation_take(s->given, ACTIVATION_UDP, a, NULL);
	if (given >= 0)
		return use_udp(s, kind, a, given);
	/* Bound once alone: with SO_REUSEPORT a second server of the same user would silently take half of the queries. */
	bool absent;
	int probe = bound_socket(a, SOCK_DGRAM, false, &absent);
	if (probe < 0)
		return fail_listen(kind, "UDP", where);
	close(probe);
	if (absent)
		log_line(LOG_LEVEL_NOTICE, "this machine has no address of %s yet: it is answered once it has", where);
	struct socket_set *set = add_set(s, kind, a);
	if (!set)
		return ERR_NOMEM;
	while (set->count < count) {
		int fd = bound_socket(a, SOCK_DGRAM, count > 1, NULL);
		if (fd < 0)
			return fail_listen(kind, "UDP", where);
		set->fds[set->count++] = fd;
		want_destination(fd, a);
		if (kind == SOCKET_PEER)
			forbid_fragments(fd, a);
		enlarge_buffer(fd, where, false);
	}
	return 0;
}

/* Connections inherit these, which saves a call for each. Nagle's delay would hold back answers that were made later than others;
 * a connection over which nothing came yet stays the kernel's for a moment, and is taken together with its first question. Neither
 * changes anything but speed. */
static void prepare_connections(int fd)
{
	int one = 1, defer_s = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer_s, sizeof defer_s);
}

static int open_tcp(struct sockets *s, enum socket_kind kind, const struct addr *a)
{
	char where[ADDR_TEXT_MAX];
	addr_format(a, true, where);
	struct socket_set *set = add_set(s, kind, a);
	if (!set)
		return ERR_NOMEM;
	int fd = activation_take(s->given, ACTIVATION_TCP, a, NULL);
	if (fd < 0)
		fd = bound_socket(a, SOCK_STREAM, false, NULL);
	if (fd < 0)
		return fail_listen(kind, "TCP", where);
	set->fds[set->count++] = fd;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	prepare_connections(fd);
	return listen(fd, TCP_BACKLOG) ? fail_listen(kind, "TCP", where) : 0;
}

/* mkdir -p for the folders above a path (whole: the path itself too). */
static int make_folders(const char *path, bool whole)
{
	char p[PATH_MAX];
	if (strlen(path) >= sizeof p) {
		errno = ENAMETOOLONG;
		return ERR_IO;
	}
	strcpy(p, path);
	for (char *c = p + 1; *c; c++)
		if (*c == '/') {
			*c = 0;
			if (mkdir(p, 0755) && errno != EEXIST)
				return ERR_IO;
			*c = '/';
		}
	return whole && mkdir(p, 0750) && errno != EEXIST ? ERR_IO : 0;
}

/* What an earlier run wrote as another user ("nobody", before there was an account; root) must stay readable, also when the next is
 * started as the children's user. Only plain files with one
 * name: a link could stand for any file of the machine. */
static int hand_over_files(int dir_fd, int uid, int gid)
{
	static const char *const names[] = { "journal", "epoch", "lock", "zones.img" };
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct stat st;
		int fd = openat(dir_fd, names[i], O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT)
			continue;
		int e = fd < 0 || fstat(fd, &st) ? ERR_IO : 0;
		if (!e && S_ISREG(st.st_mode) && st.st_nlink == 1 && fchown(fd, (uid_t)uid, (gid_t)gid))
			e = ERR_IO;
		int why = errno;
		if (fd >= 0)
			close(fd);
		errno = why;
		if (e)
			return e;
	}
	return 0;
}

static int open_state(struct sockets *s, const char *path, int uid, int gid)
{
	struct socket_set *set = add_set(s, SOCKET_STATE_DIR, NULL);
	if (!set)
		return ERR_NOMEM;
	if (make_folders(path, true))
		return fail_access("make the state folder", path);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_access("open the state folder", path);
	set->fds[set->count++] = fd;
	/* The folder may belong to the children's user, who must not lead us elsewhere. */
	s->lock_fd = openat(fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock_fd < 0)
		return fail_access("open the lock in the state folder", path);
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK)
			return fail("lock the state folder", path);
		log_line(LOG_LEVEL_ERROR, "another server uses the state folder %s; expected that each has its own (state)", path);
		return ERR_BUSY;
	}
	if (uid >= 0 && (fchown(fd, (uid_t)uid, (gid_t)gid) || hand_over_files(fd, uid, gid)))
		return fail("hand over the state folder", path);
	return 0;
}

static int open_control(struct sockets *s, const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof un.sun_path) {
		errno = ENAMETOOLONG;
		return fail("make the control socket", path);
	}
	strcpy(un.sun_path, path);
	struct socket_set *set = add_set(s, SOCKET_CONTROL, NULL);
	if (!set)
		return ERR_NOMEM;
	int fd = activation_take(s->given, ACTIVATION_UNIX, NULL, path);
	if (fd >= 0) { /* its file is the service manager's, and so are who may open it, and its end */
		set->fds[set->count++] = fd;
		return fcntl(fd, F_SETFL, O_NONBLOCK) || listen(fd, CONTROL_BACKLOG) ? fail("listen on the control socket", path) : 0;
	}
	if (make_folders(path, false))
		return fail_access("make the folder of the control socket", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail("make the control socket", path);
	set->fds[set->count++] = fd;
	/* Refused: of a server that is gone. Anything else (EAGAIN: its queue is full) is a server that lives. */
	errno = 0;
	if (connect(fd, (struct sockaddr *)&un, sizeof un) == 0 || (errno != ECONNREFUSED && errno != ENOENT)) {
		if (errno == 0 || errno == EAGAIN || errno == EINPROGRESS)
			errno = EADDRINUSE;
		return fail("make the control socket", path);
	}
	struct stat st;
	if (lstat(path, &st) == 0) {
		if (!S_ISSOCK(st.st_mode)) { /* a plain file refuses connections as well: it is not ours to remove */
			errno = ENOTSOCK;
			return fail("make the control socket", path);
		}
		unlink(path);
	}
	mode_t old = umask(0177); /* mode 0600 from its first moment on */
	int e = bind(fd, (struct sockaddr *)&un, sizeof un);
	umask(old);
	if (e || listen(fd, CONTROL_BACKLOG))
		return fail_access("make the control socket", path);
	s->control_path = strdup(path);
	return s->control_path ? 0 : ERR_NOMEM;
}

/* True where the kernel lets a process of this group open ping sockets (icmp(7)). */
static bool may_ping(int gid)
{
	unsigned long long low = 1, high = 0;
	FILE *f = fopen("/proc/sys/net/ipv4/ping_group_range", "re");
	bool told = f && fscanf(f, "%llu %llu", &low, &high) == 2;
	if (f)
		fclose(f);
	return told && gid >= 0 && (unsigned long long)gid >= low && (unsigned long long)gid <= high;
}

/* No fault where it fails: checks that ping say that they cannot. */
static int open_ping(struct sockets *s, int gid)
{
	static const int kinds[][2] = { { AF_INET, IPPROTO_ICMP }, { AF_INET6, IPPROTO_ICMPV6 } };
	struct socket_set *set;
	if (geteuid() != 0 || may_ping(gid >= 0 ? gid : (int)getegid()))
		return 0;
	if (!(set = add_set(s, SOCKET_PING, NULL)))
		return ERR_NOMEM;
	for (size_t i = 0; i < 2; i++) {
		int fd = socket(kinds[i][0], SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, kinds[i][1]);
		if (fd >= 0)
			set->fds[set->count++] = fd;
	}
	return 0;
}

static size_t sockets_per_address(const struct plan_node *n)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t count = n->workers ? n->workers : cpus > 0 ? (size_t)cpus : 1;
	return count < SOCKETS_PER_ADDRESS_MAX ? count : SOCKETS_PER_ADDRESS_MAX;
}

static int open_all(struct sockets *s, const struct plan_node *n, int uid, int gid)
{
	int e = open_state(s, n->state, uid, gid);
	for (size_t i = 0; !e && i < n->listen_count; i++) {
		e = open_udp(s, SOCKET_UDP, &n->listen[i], sockets_per_address(n));
		if (!e)
			e = open_tcp(s, SOCKET_TCP, &n->listen[i]);
	}
	for (size_t i = 0; !e && i < n->peer_count; i++) {
		e = open_udp(s, SOCKET_PEER, &n->peer[i], 1);
		if (!e)
			e = open_tcp(s, SOCKET_PEER_TCP, &n->peer[i]);
	}
	if (!e && n->http.family)
		e = open_tcp(s, SOCKET_HTTP, &n->http);
	if (!e)
		e = open_ping(s, gid);
	return e ? e : open_control(s, n->control);
}

int sockets_open(struct sockets *s, const struct plan_node *n, int uid, int gid, struct activation *given)
{
	*s = (struct sockets){ .lock_fd = -1, .given = given };
	int e = open_all(s, n, uid, gid);
	s->given = NULL;
	if (e)
		sockets_close(s);
	return e;
}

void sockets_close(struct sockets *s)
{
	for (size_t i = 0; i < s->count; i++)
		for (size_t k = 0; k < s->sets[i].count; k++)
			close(s->sets[i].fds[k]);
	free(s->sets);
	if (s->control_path)
		unlink(s->control_path);
	free(s->control_path);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	*s = (struct sockets){ .lock_fd = -1 };
}
