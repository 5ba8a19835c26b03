#include "config.h"
#include "app/upgrade.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "app/handover.h"
#include "app/notify.h"
#include "app/supervisor_state.h"
#include "base/diag.h"
#include "io/clock.h"
#include "io/log.h"
#include "io/memfd.h"

#define FIRST_WORD_S 10 /* a program that is none of ours says nothing */
#define SILENCE_S 120   /* between two signs of life of a trial: a large zone passes through its loader in less */
#define FLUSH_MS 200
#define WORDS_MAX 12

struct kept { uint8_t *data; size_t len; int fd; };
struct upgrade {
	struct supervisor *s;
	uint32_t id;
	bool json;
	int client; /* -1 = none */
	uint64_t began_ms;
	pid_t pid; /* 0 = reaped */
	int status;
	struct chan *chan; /* NULL = ended */
	bool ready;
	char why[512]; /* "" = not known yet */
	struct event *patience;
	struct kept kept[HANDOVER_MESSAGES_MAX];
	size_t kept_count;
};

static void upgrade_free(struct upgrade *u)
{
	for (size_t i = 0; i < u->kept_count; i++) {
		free(u->kept[i].data);
		if (u->kept[i].fd >= 0)
			close(u->kept[i].fd);
	}
	chan_free(u->chan);
	if (u->patience)
		event_free(u->patience);
	if (u->client >= 0)
		close(u->client);
	free(u);
}

static void tell_coordinator(struct supervisor *s, uint32_t id, const char *why, uint64_t began_ms)
{
	struct child *c = children_get(s, IPC_COORDINATOR);
	uint8_t room[1024];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_UPGRADED);
	put_u32(&w, id);
	put_u8(&w, false);
	put_u8(&w, false);
	put_str(&w, PACKAGE_VERSION);
	put_str(&w, why);
	put_u32(&w, (uint32_t)(clock_mono_ms() - began_ms));
	if (c->chan)
		children_check_sent(c, chan_send_buf(c->chan, &w));
}

/* Nothing has changed, and everybody who could want to know is told. */
static void fail(struct supervisor *s, const char *why)
{
	struct upgrade *u = s->upgrade;
	log_line(LOG_LEVEL_ERROR, "alarm: the upgrade is refused: %s; gemeld %s goes on", why, PACKAGE_VERSION);
	tell_coordinator(s, u->id, why, u->began_ms);
	if (u->pid)
		kill(u->pid, SIGKILL); /* its children go with it */
	s->upgrade = NULL;
	s->trial_ghost = u->pid; /* to be reaped, and no child of ours */
	upgrade_free(u);
	if (s->load_again && !s->stopping) {
		s->load_again = false;
		supervisor_load(s);
	}
}

/* ---- what is handed over ---- */

static int add_generation(void *ctx, const uint8_t *data, size_t len, int fd)
{
	struct handover_messages *m = ctx;
	uint8_t *copy = malloc(len);
	if (!copy)
		return ERR_NOMEM;
	memcpy(copy, data, len);
	int e = handover_message_add(m, copy, len, fd);
	if (e)
		free(copy);
	return e;
}

static void add_child(struct handover *h, enum ipc_role role, pid_t pid, uint32_t restarts, const struct chan *c, bool leaves)
{
	if (pid > 1 && c && h->child_count < HANDOVER_CHILDREN_MAX)
		h->children[h->child_count++] = (struct handover_child){ .role = role, .leaves = leaves, .pid = (uint32_t)pid,
									 .restarts = restarts, .fd = chan_fd(c) };
}

/* The generation's octets are copies, freed by handover_drop; all else is borrowed. */
static int gather(const struct supervisor *s, struct handover *h)
{
	const struct upgrade *u = s->upgrade;
	handover_init(h);
	h->ipc_version = IPC_VERSION;
	snprintf(h->from, sizeof h->from, "%s", PACKAGE_VERSION);
	h->generations = s->generations;
	h->began_ms = u->began_ms;
	h->uid = s->user.uid;
	h->gid = s->user.gid;
	h->reload = s->load_again;
	h->unsaved = s->unsaved;
	memcpy(h->secret, s->secret, sizeof h->secret);
	h->sets = s->sockets.sets;
	h->set_count = s->sockets.count;
	h->lock_fd = s->sockets.lock_fd;
	h->control_path = s->sockets.control_path;
	h->overlay = s->overlay;
	h->overlay_adds = s->overlay_adds;
	h->site = s->started_site;
	h->site_len = s->started_site_len;
	h->client = u->client;
	h->client_json = u->json;
	h->logging = s->logging;
	h->configured = s->configured;
	h->begun = s->begun;
	for (size_t i = 0; i < s->leaving_count; i++)
		add_child(h, s->leaving[i].role, s->leaving[i].pid, 0, s->leaving[i].chan, true);
	for (size_t i = 0; i < ROLE_COUNT; i++)
		add_child(h, s->child[i].role, s->child[i].pid, s->child[i].restarts, s->child[i].chan, false);
	for (size_t i = 0; i < u->kept_count; i++)
		if (handover_message_add(&h->kept, u->kept[i].data, u->kept[i].len, u->kept[i].fd))
			return ERR_LIMIT;
	return generation_tell(&s->now, add_generation, &h->generation);
}

static void drop(struct handover *h)
{
	for (size_t i = 0; i < h->generation.count; i++)
		free((void *)(uintptr_t)h->generation.list[i].data);
}

/* A memfd with all of it, or -1. */
static int write_down(const struct handover *h)
{
	struct bytes b;
	bytes_init(&b, HANDOVER_LEN_MAX);
	handover_encode(h, &b);
	int fd = b.failed ? -1 : memfd_sealed("gemel-handover", b.data, b.len);
	if (!b.failed)
		explicit_bzero(b.data, b.len); /* what cookies are made from is in there */
	bytes_deinit(&b);
	return fd;
}

/* ---- exec ---- */

struct words { char fd[24], trial[24]; const char *argv[WORDS_MAX]; };

static char *const *make_words(struct words *w, const struct supervisor *s, int fd, int trial)
{
	size_t n = 0;
	snprintf(w->fd, sizeof w->fd, "--take-over=%d", fd);
	snprintf(w->trial, sizeof w->trial, "--trial=%d", trial);
	w->argv[n++] = s->program;
	w->argv[n++] = "-c";
	w->argv[n++] = s->file;
	if (s->node) {
		w->argv[n++] = "-n";
		w->argv[n++] = s->node;
	}
	w->argv[n++] = w->fd;
	if (trial >= 0)
		w->argv[n++] = w->trial;
	w->argv[n] = NULL;
	return (char *const *)(uintptr_t)w->argv;
}

/* Missing, no right, no program: told by who could not become it, on the channel of the trial. */
static _Noreturn void say_refused(const struct supervisor *s, int channel, int error)
{
	char why[512];
	uint8_t room[600];
	struct wbuf w;
	snprintf(why, sizeof why, "%s cannot be run: %s", s->program, strerror(error));
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_TRIAL_REFUSED);
	put_str(&w, why);
	_exit(chan_send_now(channel, w.data, w.len, NULL, 0) ? 126 : 127);
}

static _Noreturn void become_trial(const struct supervisor *s, const struct handover *h, int fd, int channel)
{
	struct words w;
	sigset_t none;
	sigemptyset(&none);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (!handover_keep_open(h, true, true) && !fcntl(fd, F_SETFD, 0) && !fcntl(channel, F_SETFD, 0)) {
		sigprocmask(SIG_SETMASK, &none, NULL);
		execv(s->program, make_words(&w, s, fd, channel));
	}
	say_refused(s, channel, errno);
}

/* What came to us from now on is taken by who we become: signals wait. Returns only where it failed, with nothing changed. */
static const char *become(struct supervisor *s, struct handover *h, int fd, int *error)
{
	struct words w;
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	notify_keep(true);
	if (!handover_keep_open(h, true, false) && !fcntl(fd, F_SETFD, 0))
		execv(s->program, make_words(&w, s, fd, -1));
	*error = errno;
	notify_keep(false);
	(void)!handover_keep_open(h, false, false);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return "cannot be run any more";
}

static void take_its_place(struct supervisor *s)
{
	struct handover h;
	char why[512];
	int error = 0;
	const char *what = "does not fit into what is handed over";
	for (size_t i = 0; i < ROLE_COUNT; i++)
		if (s->child[i].chan)
			chan_flush(s->child[i].chan, FLUSH_MS);
	s->generations++; /* the trial's */
	int fd = gather(s, &h) ? -1 : write_down(&h);
	if (fd >= 0)
		what = become(s, &h, fd, &error);
	drop(&h);
	if (fd >= 0)
		close(fd);
	snprintf(why, sizeof why, "%s passed its trial but %s%s%s", s->program, what, error ? ": " : "", error ? strerror(error) : "");
	fail(s, why);
}

/* ---- the trial ---- */

static void judge(struct upgrade *u)
{
	struct supervisor *s = u->s;
	char why[sizeof u->why];
	if (u->pid || u->chan)
		return; /* its last words, or its status, are still to come */
	if (u->ready && WIFEXITED(u->status) && WEXITSTATUS(u->status) == 0) {
		take_its_place(s);
		return;
	}
	if (WIFSIGNALED(u->status))
		snprintf(why, sizeof why, "%s died of signal %d while it was tried", s->program, WTERMSIG(u->status));
	else
		snprintf(why, sizeof why, "%s ended with status %d while it was tried", s->program, WEXITSTATUS(u->status));
	if (*u->why)
		snprintf(why, sizeof why, "%s", u->why);
	fail(s, why);
}

static void be_patient(struct upgrade *u, int seconds)
{
	struct timeval wait = { .tv_sec = seconds };
	event_add(u->patience, &wait);
}

static void on_silence(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct upgrade *u = ctx;
	char why[sizeof u->why];
	snprintf(why, sizeof why, "%s does not become ready: nothing was heard of it for a time", u->s->program);
	fail(u->s, why);
}

static void keep(struct upgrade *u, struct rbuf *r, int *fds, size_t fd_count)
{
	size_t len = rbuf_left(r);
	const uint8_t *data = get_bytes(r, len);
	uint8_t *copy = u->kept_count < HANDOVER_MESSAGES_MAX && fd_count <= 1 && len ? malloc(len) : NULL;
	if (!copy) {
		chan_close_fds(fds, fd_count);
		snprintf(u->why, sizeof u->why, "%s left more than can be kept for it", u->s->program);
		u->ready = false;
		if (u->pid)
			kill(u->pid, SIGKILL);
		return;
	}
	memcpy(copy, data, len);
	u->kept[u->kept_count++] = (struct kept){ copy, len, fd_count ? fds[0] : -1 };
}

/* To the log it went by itself. */
static void say(struct upgrade *u, struct rbuf *r)
{
	struct child *c = children_get(u->s, IPC_COORDINATOR);
	char line[4096];
	uint8_t level = get_u8(r), room[4200];
	struct wbuf w;
	get_str(r, line, sizeof line);
	if (r->failed || !u->id || !c->chan)
		return;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_DIAG);
	put_u8(&w, level);
	put_str(&w, line);
	put_u64(&w, 0);
	put_u32(&w, u->id);
	children_check_sent(c, chan_send_buf(c->chan, &w));
}

static void trial_message(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	struct upgrade *u = ctx;
	struct rbuf r;
	rbuf_init(&r, data, len);
	enum ipc_type t = ipc_type_get(&r);
	be_patient(u, SILENCE_S);
	if (t == IPC_TRIAL_KEEP) {
		keep(u, &r, fds, fd_count);
		return;
	}
	chan_close_fds(fds, fd_count);
	if (t == IPC_TRIAL_SAY)
		say(u, &r);
	else if (t == IPC_TRIAL_READY)
		u->ready = !*u->why;
	else if (t == IPC_TRIAL_REFUSED && !*u->why)
		get_str(&r, u->why, sizeof u->why);
}

static void trial_end(void *ctx)
{
	struct upgrade *u = ctx;
	chan_free(u->chan);
	u->chan = NULL;
	judge(u);
}

bool upgrade_child_ended(struct supervisor *s, pid_t pid, int status)
{
	struct upgrade *u = s->upgrade;
	if (pid == s->trial_ghost) {
		s->trial_ghost = 0;
		return true;
	}
	if (!u || pid != u->pid)
		return false;
	u->pid = 0;
	u->status = status;
	judge(u);
	return true;
}

static const char *start_trial(struct upgrade *u)
{
	struct supervisor *s = u->s;
	struct handover h;
	int pair[2] = { -1, -1 };
	int fd = gather(s, &h) ? -1 : write_down(&h);
	pid_t pid = fd < 0 || chan_pair(pair) ? -1 : fork();
	if (pid == 0)
		become_trial(s, &h, fd, pair[1]);
	int why = errno;
	drop(&h);
	if (fd >= 0)
		close(fd);
	if (pair[1] >= 0)
		close(pair[1]);
	if (pid < 0) {
		if (pair[0] >= 0)
			close(pair[0]);
		return strerror(why);
	}
	u->pid = pid;
	u->chan = chan_new(s->base, pair[0], trial_message, trial_end, u);
	be_patient(u, FIRST_WORD_S);
	return u->chan ? NULL : err_text(ERR_NOMEM);
}

static const char *why_not_now(const struct supervisor *s)
{
	if (s->upgrade || s->takeover)
		return "an upgrade is running already";
	if (s->stopping)
		return "the server is being stopped";
	if (!s->ready)
		return "the server is not ready yet";
	if (s->loader_chan || s->saving)
		return "a reload is running; try again";
	return NULL;
}

void upgrade_begin(struct supervisor *s, uint32_t id, bool json, int client)
{
	struct upgrade *u = calloc(1, sizeof *u);
	const char *why = u ? why_not_now(s) : err_text(ERR_NOMEM);
	if (why) {
		log_line(LOG_LEVEL_WARNING, "no upgrade: %s", why);
		tell_coordinator(s, id, why, clock_mono_ms());
		free(u);
		if (client >= 0)
			close(client);
		return;
	}
	*u = (struct upgrade){ .s = s, .id = id, .json = json, .client = client, .began_ms = clock_mono_ms() };
	s->upgrade = u;
	u->patience = evtimer_new(s->base, on_silence, u);
	log_line(LOG_LEVEL_NOTICE, "upgrade: %s is tried", s->program);
	why = u->patience ? start_trial(u) : err_text(ERR_NOMEM);
	if (why)
		fail(s, why);
}

void upgrade_cancel(struct supervisor *s)
{
	if (s->upgrade)
		fail(s, "the server is being stopped");
}
