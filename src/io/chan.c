#include "io/chan.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "ipc/ipc.h"

struct pending {
	struct pending *next;
	size_t len, fd_count;
	int *fds; /* ours, closed once sent */
	uint8_t data[];
};

struct chan {
	int fd;
	struct event *rd, *wr;
	chan_message on_message;
	chan_end on_end;
	void *ctx;
	struct pending *head, **tail;
	size_t queued;
	bool ended, paused;
	bool reading; /* on_readable stands on the stack: chan_free then only marks, and it frees */
	bool doomed;
};

#define MESSAGES_A_TURN 256 /* then other events of the loop get their turn */

int chan_pair(int fds[2])
{
	int s[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, s))
		return ERR_IO;
	int size = CHAN_BUFFER;
	for (int i = 0; i < 2; i++)
		if (setsockopt(s[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size))
			setsockopt(s[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size); /* smaller is slower, not wrong */
	fds[0] = s[0];
	fds[1] = s[1];
	return 0;
}

union control {
	struct cmsghdr align;
	uint8_t room[CMSG_SPACE(IPC_FDS_MAX * sizeof(int))];
};

static ssize_t send_message(int fd, const void *data, size_t len, const int *fds, size_t fd_count, int flags)
{
	union control ctl;
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	if (fd_count) {
		memset(&ctl, 0, sizeof ctl);
		m.msg_control = &ctl;
		m.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, fd_count * sizeof(int));
	}
	ssize_t n;
	do {
		n = sendmsg(fd, &m, flags | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n;
}

/* Returns the length, 0 at EOF, -1 with errno: EMSGSIZE for a message that did not arrive whole, with all its descriptors (those
 * that came are closed). Half of one would be read as something else. An empty message counts as EOF: nobody sends one. */
static ssize_t recv_message(int fd, uint8_t *data, size_t cap, int *fds, size_t *fd_count, int flags)
{
	union control ctl;
	struct iovec iov = { .iov_base = data, .iov_len = cap };
	/* CMSG_LEN, not CMSG_SPACE: the kernel would fill the padding with one descriptor more than fds has room for. */
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &ctl, .msg_controllen = CMSG_LEN(*fd_count * sizeof(int)) };
	ssize_t n;
	do {
		n = recvmsg(fd, &m, flags | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	*fd_count = 0;
	if (n < 0)
		return n;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
			*fd_count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
			memcpy(fds, CMSG_DATA(c), *fd_count * sizeof(int));
		}
	if (n > 0 && !(m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return n;
	chan_close_fds(fds, *fd_count);
	*fd_count = 0;
	errno = EMSGSIZE;
	return n > 0 ? -1 : 0;
}

void chan_close_fds(const int *fds, size_t fd_count)
{
	for (size_t i = 0; i < fd_count; i++)
		close(fds[i]);
}

static void pending_free(struct pending *p)
{
	chan_close_fds(p->fds, p->fd_count);
	free(p->fds);
	free(p);
}

static void end(struct chan *c)
{
	if (c->ended)
		return;
	c->ended = true;
	event_del(c->rd);
	event_del(c->wr);
	c->on_end(c->ctx);
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
	(void)what;
	struct chan *c = ctx;
	c->reading = true;
	uint8_t data[IPC_MESSAGE_MAX];
	for (int i = 0; i < MESSAGES_A_TURN && !c->ended && !c->paused && !c->doomed; i++) {
		int fds[IPC_FDS_MAX];
		size_t fd_count = IPC_FDS_MAX;
		ssize_t n = recv_message(fd, data, sizeof data, fds, &fd_count, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n <= 0) {
			end(c);
			break;
		}
		c->on_message(c->ctx, data, (size_t)n, fds, fd_count);
	}
	c->reading = false;
	if (c->doomed)
		chan_free(c);
}

/* 1 sent, 0 would block, ERR_IO. */
static int send_pending(struct chan *c)
{
	struct pending *p = c->head;
	if (send_message(c->fd, p->data, p->len, p->fds, p->fd_count, MSG_DONTWAIT) < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : ERR_IO;
	c->head = p->next;
	if (!c->head)
		c->tail = &c->head;
	c->queued -= p->len;
	pending_free(p);
	return 1;
}

static void on_writable(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct chan *c = ctx;
	int e = 1;
	while (c->head && (e = send_pending(c)) > 0)
		;
	if (e < 0)
		end(c);
	else if (!c->head)
		event_del(c->wr);
}

struct chan *chan_new(struct event_base *base, int fd, chan_message on_message, chan_end on_end, void *ctx)
{
	struct chan *c = calloc(1, sizeof *c);
	if (!c) {
		close(fd);
		return NULL;
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	*c = (struct chan){ .fd = fd, .on_message = on_message, .on_end = on_end, .ctx = ctx };
	c->tail = &c->head;
	c->rd = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, c);
	c->wr = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, c);
	if (!c->rd || !c->wr || event_add(c->rd, NULL)) {
		chan_free(c);
		return NULL;
	}
	return c;
}

void chan_free(struct chan *c)
{
	if (!c)
		return;
	if (c->reading) {
		c->doomed = c->ended = true;
		return;
	}
	if (c->rd)
		event_free(c->rd);
	if (c->wr)
		event_free(c->wr);
	while (c->head) {
		struct pending *p = c->head;
		c->head = p->next;
		pending_free(p);
	}
	close(c->fd);
	free(c);
}

static int enqueue(struct chan *c, const void *data, size_t len, const int *fds, size_t fd_count)
{
	if (c->queued + len > CHAN_QUEUE_MAX)
		return ERR_LIMIT;
	struct pending *p = calloc(1, sizeof *p + len);
	if (!p)
		return ERR_NOMEM;
	p->len = len;
	memcpy(p->data, data, len);
	p->fds = fd_count ? calloc(fd_count, sizeof(int)) : NULL;
	if (fd_count && !p->fds) {
		free(p);
		return ERR_NOMEM;
	}
	for (; p->fd_count < fd_count; p->fd_count++) {
		int d = fcntl(fds[p->fd_count], F_DUPFD_CLOEXEC, 0);
		if (d < 0) {
			pending_free(p);
			return ERR_IO;
		}
		p->fds[p->fd_count] = d;
	}
	*c->tail = p;
	c->tail = &p->next;
	c->queued += len;
	return event_add(c->wr, NULL) ? ERR_IO : 0; /* queued all the same: the next message asks again */
}

int chan_send(struct chan *c, const void *data, size_t len, const int *fds, size_t fd_count)
{
	if (c->ended)
		return ERR_IO;
	if (len == 0 || len > IPC_MESSAGE_MAX || fd_count > IPC_FDS_MAX)
		return ERR_LIMIT; /* the other end would take it for our death */
	if (!c->head) {
		if (send_message(c->fd, data, len, fds, fd_count, MSG_DONTWAIT) >= 0)
			return 0;
		if (errno != EAGAIN && errno != EWOULDBLOCK)
			return ERR_IO;
	}
	return enqueue(c, data, len, fds, fd_count);
}

int chan_send_buf(struct chan *c, const struct wbuf *w)
{
	return w->failed ? ERR_SHORT : chan_send(c, w->data, w->len, NULL, 0);
}

void chan_pause(struct chan *c, bool paused)
{
	if (c->ended || c->doomed || c->paused == paused)
		return;
	c->paused = paused;
	if (paused)
		event_del(c->rd);
	else
		event_add(c->rd, NULL);
}

void chan_flush(struct chan *c, int timeout_ms)
{
	while (c->head && !c->ended) {
		struct pollfd p = { .fd = c->fd, .events = POLLOUT };
		if (send_pending(c) < 0 || (c->head && poll(&p, 1, timeout_ms) <= 0))
			return;
	}
}

size_t chan_queued(const struct chan *c)
{
	return c->queued;
}

void chan_drain(struct chan *c)
{
	on_readable(c->fd, EV_READ, c);
}

int chan_fd(const struct chan *c)
{
	return c->fd;
}

int chan_send_now(int fd, const void *data, size_t len, const int *fds, size_t fd_count)
{
	while (send_message(fd, data, len, fds, fd_count, 0) < 0) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		if ((errno != EAGAIN && errno != EWOULDBLOCK) || (poll(&p, 1, -1) < 0 && errno != EINTR))
			return ERR_IO;
	}
	return 0;
}

int chan_recv_now(int fd, uint8_t *data, size_t cap, size_t *len, int *fds, size_t *fd_count)
{
	size_t room = *fd_count;
	for (;;) {
		*fd_count = room;
		ssize_t n = recv_message(fd, data, cap, fds, fd_count, 0);
		if (n > 0) {
			*len = (size_t)n;
			return 0;
		}
		if (n == 0)
			return ERR_ABSENT;
		if (errno == EMSGSIZE)
			return ERR_LIMIT;
		struct pollfd p = { .fd = fd, .events = POLLIN };
		if ((errno != EAGAIN && errno != EWOULDBLOCK) || (poll(&p, 1, -1) < 0 && errno != EINTR))
			return ERR_IO;
	}
}
