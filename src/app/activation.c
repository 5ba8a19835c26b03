#include "app/activation.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/text.h"
#include "io/log.h"
#include "io/sockaddr.h"

static int option(int fd, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof value;
	return getsockopt(fd, level, name, &value, &len) ? -1 : value;
}

static void look_at(struct activation_socket *s)
{
	union { struct sockaddr_storage ss; struct sockaddr_un un; } name = { .ss = { 0 } };
	socklen_t len = sizeof name;
	int type = option(s->fd, SOL_SOCKET, SO_TYPE);
	bool listens = option(s->fd, SOL_SOCKET, SO_ACCEPTCONN) > 0;
	if (getsockname(s->fd, (struct sockaddr *)&name, &len))
		return;
	if (name.ss.ss_family == AF_UNIX && type == SOCK_STREAM && listens) {
		s->kind = ACTIVATION_UNIX;
		snprintf(s->path, sizeof s->path, "%.*s", (int)(len > offsetof(struct sockaddr_un, sun_path) ?
			 len - offsetof(struct sockaddr_un, sun_path) : 0), name.un.sun_path);
		return;
	}
	sockaddr_to_addr(&s->addr, &name.ss);
	int protocol = option(s->fd, SOL_SOCKET, SO_PROTOCOL);
	if (!s->addr.family)
		return;
	if (type == SOCK_DGRAM && protocol == IPPROTO_UDP)
		s->kind = ACTIVATION_UDP;
	else if (type == SOCK_STREAM && protocol == IPPROTO_TCP && listens)
		s->kind = ACTIVATION_TCP;
	s->dual = s->addr.family == 6 && addr_is_any(&s->addr) && option(s->fd, IPPROTO_IPV6, IPV6_V6ONLY) == 0;
}

/* "dns:dns:status": the i-th, cut where it is longer than any that systemd lets through would help. */
static void take_names(struct activation *a, const char *names)
{
	for (size_t i = 0; i < a->count && names; i++) {
		size_t len = strcspn(names, ":");
		char quoted[ACTIVATION_NAME_MAX];
		text_quote(names, len, quoted, sizeof quoted);
		if (len)
			memcpy(a->list[i].name, quoted, sizeof quoted);
		names = names[len] ? names + len + 1 : NULL;
	}
}

static int take_sockets(struct activation *a, size_t count)
{
	a->list = calloc(count, sizeof *a->list);
	if (!a->list) {
		log_line(LOG_LEVEL_ERROR, "the sockets of the service manager: %s", err_text(ERR_NOMEM));
		return ERR_NOMEM;
	}
	for (; a->count < count; a->count++) {
		struct activation_socket *s = &a->list[a->count];
		s->fd = ACTIVATION_FIRST_FD + (int)a->count;
		if (fcntl(s->fd, F_SETFD, FD_CLOEXEC)) {
			log_line(LOG_LEVEL_ERROR, "LISTEN_FDS says %zu, but descriptor %d is not open", count, s->fd);
			return ERR_FORMAT;
		}
		look_at(s);
	}
	return 0;
}

/* Its queries from IPv4 would look as if they came from IPv6, to limits and to whoever may ask for status. */
static void refuse_dual(const struct activation *a)
{
	for (size_t i = 0; i < a->count; i++) {
		char where[ADDR_TEXT_MAX];
		if (a->list[i].dual)
			log_line(LOG_LEVEL_ERROR, "alarm: socket %d of the service manager, %s, takes IPv4 too: it is not used; expected "
				 "BindIPv6Only=ipv6-only", a->list[i].fd, addr_format(&a->list[i].addr, true, where));
	}
}

static int take(struct activation *a, const char *pid, const char *fds, const char *names)
{
	uint64_t whose = 0, count = 0;
	if (!fds)
		return 0;
	/* Another's, which we inherited: as sd_listen_fds does. */
	if (!pid || text_parse_u64(&whose, pid, 1, INT32_MAX) || whose != (uint64_t)getpid())
		return 0;
	if (text_parse_u64(&count, fds, 0, ACTIVATION_MAX)) {
		log_line(LOG_LEVEL_ERROR, "LISTEN_FDS is \"%.32s\"; expected a number up to %d", fds, ACTIVATION_MAX);
		return ERR_FORMAT;
	}
	int e = count ? take_sockets(a, (size_t)count) : 0;
	if (!e) {
		take_names(a, names);
		refuse_dual(a);
	}
	return e;
}

int activation_init(struct activation *a)
{
	*a = (struct activation){ 0 };
	int e = take(a, getenv("LISTEN_PID"), getenv("LISTEN_FDS"), getenv("LISTEN_FDNAMES"));
	if (e)
		activation_deinit(a);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return e;
}

void activation_deinit(struct activation *a)
{
	for (size_t i = 0; i < a->count; i++)
		if (a->list[i].fd >= 0)
			close(a->list[i].fd);
	free(a->list);
	*a = (struct activation){ 0 };
}

int activation_take(struct activation *a, enum activation_kind kind, const struct addr *addr, const char *path)
{
	for (size_t i = 0; i < a->count; i++) {
		struct activation_socket *s = &a->list[i];
		if (s->fd < 0 || s->kind != kind || s->dual ||
		    (kind == ACTIVATION_UNIX ? !*s->path || strcmp(s->path, path) != 0 : !addr_equal(&s->addr, addr)))
			continue;
		int fd = s->fd;
		s->fd = -1;
		return fd;
	}
	return -1;
}

static const char *kind_text(enum activation_kind k)
{
	switch (k) {
	case ACTIVATION_UDP: return "UDP ";
	case ACTIVATION_TCP: return "TCP ";
	case ACTIVATION_UNIX: return "the path ";
	case ACTIVATION_OTHER: break;
	}
	return "neither UDP, TCP nor a listening Unix socket";
}

void activation_tell_unused(const struct activation *a)
{
	for (size_t i = 0; i < a->count; i++) {
		const struct activation_socket *s = &a->list[i];
		char where[ADDR_TEXT_MAX] = "";
		if (s->fd < 0 || s->dual)
			continue;
		if (s->addr.family)
			addr_format(&s->addr, true, where);
		log_line(LOG_LEVEL_ERROR, "alarm: socket %d of the service manager%s%s%s is %s%s: nothing reads it; expected "
			 "an address of listen, peer, http or control of this node", s->fd, *s->name ? " (" : "", s->name,
			 *s->name ? ")" : "", kind_text(s->kind), s->kind == ACTIVATION_UNIX ? s->path : where);
	}
}
