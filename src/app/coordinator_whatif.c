/* `gemelctl what-if`: a copy of this process takes the new plan, as a reload would, tells what that changes, and ends.
 *
 *     client ──request──▶ coordinator ──fork──▶ copy ◀── plan ── client
 *                            │                   └── decode, core_step, compare ──▶ reply
 *                            └ goes on, and holds nothing of it
 *
 * The copy has all that a reload takes over, be it new tomorrow: health, overrides, holds, the twin's word.  It keeps the client's
 * connection and no other descriptor, so it can neither write the journal nor tell anybody; it reads the plan itself, so whatever
 * that is costs nobody but the copy; time, and how long it may wait, are bounded, and where memory is short it is the first to go.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "app/confine.h"
#include "app/coordinator_state.h"
#include "ctl/verbs.h"
#include "ctl/whatif.h"
#include "ctl/wire.h"
#include "io/log.h"

#define ANSWER_S 60 /* from the request to the end of the reply */
#define CPU_S 30    /* 10,000 services take well under one */
#define NICE 10     /* answers go before */

/* ---- the client ---- */

static bool read_all(const struct ctl_what_if *ask, struct bytes *to, size_t len)
{
	uint8_t room[65536];
	while (to->len < len && !to->failed) {
		size_t want = len - to->len < sizeof room ? len - to->len : sizeof room;
		ssize_t n = recv(ask->fd, room, want, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes_add(to, room, (size_t)n);
	}
	return !to->failed;
}

/* The length, then as much. */
static bool read_plan(const struct ctl_what_if *ask, struct bytes *in)
{
	bytes_add(in, ask->begun, ask->begun_len);
	if (!read_all(ask, in, 4))
		return false;
	size_t len = load_u32(in->data);
	return len <= WHATIF_PLAN_MAX && read_all(ask, in, len + 4) && in->len == len + 4;
}

static void write_frame(int fd, enum wire_frame kind, const void *data, size_t len)
{
	uint8_t head[WIRE_FRAME_HEAD] = { (uint8_t)kind };
	const uint8_t *parts[2] = { head, data };
	size_t lens[2] = { sizeof head, len };
	store_u32(head + 1, (uint32_t)len);
	for (int i = 0; i < 2; i++)
		while (lens[i]) {
			ssize_t n = send(fd, parts[i], lens[i], MSG_NOSIGNAL);
			if (n < 0 && errno == EINTR)
				continue;
			if (n <= 0)
				_exit(1); /* it left */
			parts[i] += n;
			lens[i] -= (size_t)n;
		}
}

static void reply(int fd, int status, const char *error, const struct bytes *out)
{
	uint8_t octet = (uint8_t)status;
	struct bytes line;
	bytes_init(&line, CTL_REQUEST_MAX);
	bytes_printf(&line, "gemelctl: ");
	doc_clean(&line, error, strlen(error)); /* a name of the plan may stand in it */
	bytes_u8(&line, '\n');
	if (*error)
		write_frame(fd, WIRE_STDERR, line.data, line.len);
	else
		write_frame(fd, WIRE_STDOUT, out->data, out->len);
	write_frame(fd, WIRE_EXIT, &octet, 1);
}

/* ---- the copy ---- */

static void limit(rlim_t seconds)
{
	setrlimit(RLIMIT_CPU, &(struct rlimit){ seconds, seconds });
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	if (nice(NICE) < 0) /* then it goes beside the others */
		errno = 0;
}

/* Nothing of the coordinator's is within reach afterwards but its memory, which is a copy. */
static void settle_in(int fd)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	prctl(PR_SET_NAME, "what-if", 0, 0, 0);
	signal(SIGALRM, SIG_DFL);
	alarm(ANSWER_S);
	limit(CPU_S);
	if (fd > 3)
		close_range(3, (unsigned)fd - 1, 0);
	close_range((unsigned)fd + 1, ~0u, 0);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
}

static void answer(struct coordinator *c, const struct ctl_what_if *ask, const struct ctl_host *h)
{
	char error[CALL_ERROR_MAX] = "";
	struct bytes in;
	struct doc d;
	struct plan *next;
	settle_in(ask->fd);
	bytes_init(&in, (size_t)WHATIF_PLAN_MAX + 4);
	doc_init(&d, ask->json ? DOC_JSON : DOC_PEOPLE, ask->colour, ask->width, CTL_REPLY_MAX);
	if (!read_plan(ask, &in))
		_exit(1);
	int e = whatif_decode(&next, in.data + 4, in.len - 4, error, sizeof error);
	bytes_deinit(&in);
	if (!e)
		e = whatif_answer(&d, h, c->core, next, error, sizeof error);
	if (!e && doc_end(&d)) {
		snprintf(error, sizeof error, "out of memory, or too much to say at once");
		e = CALL_EXIT_FAILED;
	}
	reply(ask->fd, e, error, &d.out);
}

/* ---- the coordinator ---- */

void coordinator_what_if_begin(struct coordinator *c)
{
	confine_secrets(false); /* or the file would be root's */
	c->oom_fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	confine_secrets(true);
}

/* Made with the score that is to be the copy's, since neither of us may open its file; back to ours at once. */
static pid_t fork_first_to_go(struct coordinator *c)
{
	char own[16];
	ssize_t len = c->oom_fd < 0 ? 0 : pread(c->oom_fd, own, sizeof own, 0);
	bool raised = len > 0 && pwrite(c->oom_fd, "1000", 4, 0) == 4; /* else it is one of many */
	pid_t pid = fork();
	if (pid != 0 && raised && pwrite(c->oom_fd, own, (size_t)len, 0) != len)
		log_line(LOG_LEVEL_WARNING, "the coordinator stays the first to go where memory is short: %s", strerror(errno));
	return pid;
}

void coordinator_what_if_second(struct coordinator *c)
{
	for (size_t i = 0; i < WHAT_IF_MAX; i++)
		if (c->what_if[i] > 0 && waitpid(c->what_if[i], NULL, WNOHANG) != 0)
			c->what_if[i] = 0;
}

const char *coordinator_what_if(void *ctx, const struct ctl_what_if *ask)
{
	struct coordinator *c = ctx;
	struct ctl_host h;
	size_t i = 0;
	const char *refused = NULL;
	coordinator_what_if_second(c);
	while (i < WHAT_IF_MAX && c->what_if[i])
		i++;
	coordinator_get_host(c, &h); /* its moment is the one that is asked about, however long the plan takes to come */
	pid_t pid = i < WHAT_IF_MAX ? fork_first_to_go(c) : 0;
	if (i == WHAT_IF_MAX) {
		refused = "others ask what-if already; try again";
	} else if (pid == 0) {
		answer(c, ask, &h);
		_exit(0);
	} else if (pid < 0) {
		refused = "no process can be started for it; try again";
	} else {
		c->what_if[i] = pid;
	}
	close(ask->fd);
	return refused;
}
