/* gemelctl's half of the conversation: words out, frames in, blocking. */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "ctl/probe.h"
#include "ctl/verbs.h"
#include "ctl/wire.h"

#define ANSWER_MS 30000 /* between two signs of life; a reload takes what it takes */
#define CHECK_MS 8000   /* for a Nagios plugin: below the 10 s after which it would be killed */
#define NAGIOS_CRITICAL 2
#define CLEAR_LINE "\r\033[K"

struct link {
	int fd, wait_ms; /* -1 = no end */
	int failed;      /* exit status where there is no answer */
	bool check;
	const char *path;
	FILE *out, *err;
};

/* A monitoring plugin says why on standard output, and that it is bad. */
static int fail(const struct link *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
static int fail(const struct link *l, const char *fmt, ...)
{
	va_list ap;
	FILE *to = l->check ? l->out : l->err;
	fputs(l->check ? "GEMEL CRITICAL - " : "gemelctl: ", to);
	va_start(ap, fmt);
	vfprintf(to, fmt, ap);
	va_end(ap);
	fputc('\n', to);
	return l->failed;
}

/* EAGAIN is a full backlog: the server is there, and behind. */
static int open_link(struct link *l)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct timeval tv = { .tv_sec = l->wait_ms < 0 ? ANSWER_MS / 1000 : l->wait_ms / 1000 };
	if (strlen(l->path) >= sizeof a.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(a.sun_path, l->path, strlen(l->path) + 1);
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return -1;
	setsockopt(l->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv); /* for connect and send */
	if (connect(l->fd, (struct sockaddr *)&a, sizeof a) == 0)
		return 0;
	int e = errno;
	close(l->fd);
	l->fd = -1;
	errno = e;
	return -1;
}

static int send_all(int fd, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* What is there, at least one octet. 0 at the end, -1 with errno (ETIME: nothing came in time). */
static ssize_t receive(const struct link *l, void *data, size_t len)
{
	struct pollfd p = { .fd = l->fd, .events = POLLIN };
	int ready;
	while ((ready = poll(&p, 1, l->wait_ms)) < 0 && errno == EINTR)
		;
	if (ready == 0)
		errno = ETIME;
	if (ready <= 0)
		return -1;
	ssize_t n;
	while ((n = recv(l->fd, data, len, 0)) < 0 && errno == EINTR)
		;
	return n;
}

static bool receive_all(const struct link *l, uint8_t *data, size_t len)
{
	errno = ECONNRESET; /* for an early end */
	while (len) {
		ssize_t n = receive(l, data, len);
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

static bool copy(const struct link *l, FILE *to, uint32_t len)
{
	uint8_t room[16384];
	while (len) {
		size_t n = len < sizeof room ? len : sizeof room;
		if (!receive_all(l, room, n))
			return false;
		if (fwrite(room, 1, n, to) != n)
			return false;
		len -= (uint32_t)n;
	}
	return fflush(to) == 0; /* who follows events wants to see them now */
}

/* One line that is written over: on a terminal it stays until something else comes, elsewhere it is no use. */
static bool show_progress(const struct link *l, uint32_t len, bool *shown)
{
	char room[256];
	if (len >= sizeof room || !receive_all(l, (uint8_t *)room, len))
		return false;
	room[len] = '\0';
	room[strcspn(room, "\n")] = '\0';
	*shown = l->err == stderr && isatty(STDERR_FILENO);
	if (*shown)
		fprintf(stderr, CLEAR_LINE "%s", room);
	fflush(stderr);
	return true;
}

static void clear_progress(bool *shown)
{
	if (*shown)
		fputs(CLEAR_LINE, stderr);
	*shown = false;
}

/* Frames until the exit; -1 with errno where the server broke off or the output could not be written. */
static int take_reply(const struct link *l)
{
	uint8_t head[WIRE_FRAME_HEAD], status;
	bool shown = false;
	while (receive_all(l, head, sizeof head)) {
		uint32_t len = load_u32(head + 1);
		if (head[0] == WIRE_PROGRESS) {
			if (!show_progress(l, len, &shown))
				return -1;
			continue;
		}
		clear_progress(&shown);
		if (head[0] == WIRE_EXIT && len == 1)
			return receive_all(l, &status, 1) ? status : -1;
		if (head[0] != WIRE_STDOUT && head[0] != WIRE_STDERR) {
			errno = EPROTO;
			return -1;
		}
		if (!copy(l, head[0] == WIRE_STDOUT ? l->out : l->err, len))
			return -1;
	}
	return -1;
}

struct body { const uint8_t *data; size_t len; }; /* behind the request; data NULL = none */

/* A server that refuses does not read it: its reply says why. */
static void send_body(const struct link *l, const struct body *b)
{
	uint8_t head[4];
	store_u32(head, (uint32_t)b->len);
	if (b->data && send_all(l->fd, head, sizeof head) == 0)
		(void)!send_all(l->fd, b->data, b->len);
}

static int talk(struct link *l, const uint8_t *request, size_t len, const struct body *body)
{
	if (open_link(l) < 0)
		return errno == EACCES ? fail(l, "cannot ask the server at %s: %s; expected root, or the user that gemeld runs as", l->path, strerror(errno)) :
					 fail(l, "no server at %s: %s", l->path, strerror(errno));
	int status = send_all(l->fd, request, len);
	if (status == 0) {
		send_body(l, body);
		status = take_reply(l);
	}
	if (status < 0)
		status = errno == ETIME ? fail(l, "the server at %s does not answer", l->path)
					: fail(l, "the server at %s broke off: %s", l->path, strerror(errno));
	close(l->fd);
	if (fflush(l->out) != 0 && status == CALL_EXIT_DONE)
		status = fail(l, "cannot write: %s", strerror(errno));
	return status;
}

int ctl_words_check(int argc, char *const *argv)
{
	struct call c;
	int e = call_parse(&c, argc, argv);
	if (e)
		fprintf(stderr, "gemelctl: %s\n", c.error);
	return e;
}

static int run_to(FILE *out, FILE *err, const char *socket_path, bool json, bool colour, unsigned width, int argc, char *const *argv,
		  const struct body *body)
{
	static uint8_t request[CTL_REQUEST_MAX + 1];
	struct call c;
	struct wbuf w;
	int e = call_parse(&c, argc, argv);
	if (e)
		return ctl_words_check(argc, argv);
	wbuf_init(&w, request, sizeof request);
	if (wire_request_put(&w, json, colour, width, argc, argv) < 0) {
		fprintf(stderr, "gemelctl: too many or too long words\n");
		return CALL_EXIT_USAGE;
	}
	struct link l = { .fd = -1, .path = socket_path, .out = out, .err = err, .check = c.option[OPTION_CHECK] != NULL };
	bool follow = c.option[OPTION_FOLLOW] != NULL;
	bool probe = strcmp(argv[0], "probe") == 0; /* 1 means down there */
	l.failed = l.check ? NAGIOS_CRITICAL : probe ? CTL_PROBE_UNKNOWN : CALL_EXIT_FAILED;
	l.wait_ms = l.check ? CHECK_MS : probe || follow || strcmp(argv[0], "reload") == 0 ? -1 : ANSWER_MS;
	return talk(&l, request, w.len, body);
}

int ctl_client_run_with(const char *socket_path, bool json, bool colour, unsigned width, int argc, char *const *argv, const uint8_t *plan,
			size_t plan_len)
{
	return run_to(stdout, stderr, socket_path, json, colour, width, argc, argv, &(struct body){ plan, plan_len });
}

int ctl_client_run_quiet(const char *socket_path, int argc, char *const *argv)
{
	FILE *nowhere = fopen("/dev/null", "we");
	if (!nowhere) {
		fprintf(stderr, "gemelctl: /dev/null: %s\n", strerror(errno));
		return CALL_EXIT_FAILED;
	}
	int status = run_to(nowhere, stderr, socket_path, false, false, 0, argc, argv, &(struct body){ NULL, 0 });
	fclose(nowhere);
	return status;
}

static int ask(const char *socket_path, bool json, unsigned width, int argc, char *const *argv, char **text)
{
	size_t len = 0;
	FILE *to = open_memstream(text, &len);
	if (!to)
		return CALL_EXIT_FAILED;
	int status = run_to(to, to, socket_path, json, !json, width, argc, argv, &(struct body){ NULL, 0 });
	if (fclose(to) != 0)
		status = CALL_EXIT_FAILED;
	return status;
}

int ctl_client_ask(const char *socket_path, unsigned width, int argc, char *const *argv, char **text)
{
	return ask(socket_path, false, width, argc, argv, text);
}

int ctl_client_ask_json(const char *socket_path, int argc, char *const *argv, char **text)
{
	return ask(socket_path, true, 0, argc, argv, text);
}

int ctl_client_run(const char *socket_path, bool json, bool colour, unsigned width, int argc, char *const *argv)
{
	return ctl_client_run_with(socket_path, json, colour, width, argc, argv, NULL, 0);
}
