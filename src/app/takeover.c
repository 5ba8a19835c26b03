#include "config.h"
#include "app/takeover.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "app/handover.h"
#include "app/notify.h"
#include "app/supervisor_state.h"
#include "base/diag.h"
#include "io/clock.h"
#include "io/log.h"
#include "io/memfd.h"

#define LEAVE_MS 5000            /* for the coordinator to finish what it began, and to close the journal; as at a stop */
#define LEAVE_CONNECTIONS_MS 15000 /* for a responder to end its connections: it gives them ten seconds */
#define LEFT_MS 2000 /* for its workers to stop reading: they need as long as a batch */
#define TRIAL_FLUSH_MS 5000

struct takeover {
	char from[HANDOVER_TEXT_MAX];
	bool asked_to_leave, released;
	uint64_t serving_ms; /* our responder reads the sockets, since; 0 = not yet */
	uint64_t began_ms;
	int client; /* -1 = none */
	bool client_json, reload;
	uint8_t *legacy; /* of the old coordinator; NULL = it said none */
	size_t legacy_len;
	pid_t legacy_pid;
};

/* ---- reading what was handed over ---- */

static _Noreturn void refuse(int trial, const char *why)
{
	uint8_t room[1024];
	struct wbuf w;
	log_line(LOG_LEVEL_ERROR, "cannot take over: %s", why);
	if (trial < 0)
		exit(1);
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_TRIAL_REFUSED);
	put_str(&w, why);
	_exit(chan_send_now(trial, w.data, w.len, NULL, 0) ? 2 : 1);
}

static void take_sockets(struct supervisor *s, struct handover *h)
{
	s->sockets = (struct sockets){ .sets = h->sets, .count = h->set_count, .lock_fd = h->lock_fd, .control_path = h->control_path };
	h->sets = NULL;
	h->set_count = 0;
	h->control_path = NULL;
}

static int take_messages(struct generation *g, uint64_t number, const struct handover_messages *m)
{
	generation_init(g, number);
	int e = 0;
	for (size_t i = 0; i < m->count && !e; i++) {
		int fd = m->list[i].fd;
		e = generation_take(g, m->list[i].data, m->list[i].len, &fd, fd >= 0);
	}
	return e || generation_is_whole(g) ? e : ERR_FORMAT;
}

/* The mapping stays: what was decoded points into it. */
static void read_handover(struct supervisor *s, struct handover *h, int fd, int trial)
{
	const uint8_t *data;
	size_t len;
	const char *why = "what is handed over cannot be read";
	handover_init(h);
	int e = fcntl(fd, F_SETFD, FD_CLOEXEC) ? ERR_IO : memfd_map(fd, &data, &len);
	if (e || handover_decode(h, data, len, &why))
		refuse(trial, why);
	if (handover_keep_open(h, false, trial >= 0))
		refuse(trial, "a descriptor is missing from what is handed over");
	close(fd);
	s->generations = h->generations;
	s->unsaved = h->unsaved;
	s->user = (struct spawn_user){ h->uid, h->gid };
	memcpy(s->secret, h->secret, sizeof s->secret);
	s->started_site = malloc(h->site_len);
	if (!s->started_site)
		refuse(trial, err_text(ERR_NOMEM));
	memcpy(s->started_site, h->site, h->site_len);
	s->started_site_len = h->site_len;
	s->overlay = h->overlay;
	s->overlay_adds = h->overlay_adds;
	s->overlay_foreign = true;
	if (h->ipc_version != IPC_VERSION) {
		children_keep_overlay(s, -1, false);
		s->overlay_foreign = false;
	}
	take_sockets(s, h);
	s->hold = true;
	if (trial >= 0) { /* the path is not ours to remove */
		free(s->sockets.control_path);
		s->sockets.control_path = NULL;
	}
}

/* ---- the trial ---- */

static void trial_send(struct supervisor *s, const void *data, size_t len, int fd)
{
	if (chan_send(s->trial, data, len, &fd, fd >= 0))
		_exit(1);
}

static void trial_send_buf(struct supervisor *s, const struct wbuf *w)
{
	trial_send(s, w->data, w->failed ? 0 : w->len, -1);
}

static void trial_word(struct supervisor *s, enum ipc_type t)
{
	uint8_t room[8];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, t);
	trial_send_buf(s, &w);
}

static void trial_message(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	(void)ctx;
	(void)data;
	(void)len;
	chan_close_fds(fds, fd_count);
}

/* Nobody tries us any more; our children end with us. */
static void trial_end(void *ctx)
{
	(void)ctx;
	_exit(1);
}

static _Noreturn void trial_refuse(struct supervisor *s, const char *why)
{
	chan_flush(s->trial, TRIAL_FLUSH_MS);
	refuse(chan_fd(s->trial), why);
}

void takeover_trial(struct supervisor *s, int fd, int trial)
{
	struct handover h;
	if (fcntl(trial, F_SETFD, FD_CLOEXEC))
		exit(1);
	read_handover(s, &h, fd, trial);
	/* What the loader is given, so that a zone that is broken now keeps its version. */
	if (h.ipc_version == IPC_VERSION && take_messages(&s->now, h.generations, &h.generation))
		refuse(trial, "the generation in force cannot be read");
	handover_deinit(&h);
	s->trial = chan_new(s->base, trial, trial_message, trial_end, s);
	if (!s->trial)
		exit(1);
	takeover_trial_alive(s);
}

void takeover_trial_say(struct supervisor *s, uint8_t level, const char *line)
{
	uint8_t room[4200];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_TRIAL_SAY);
	put_u8(&w, level);
	put_str(&w, line);
	trial_send_buf(s, &w);
}

void takeover_trial_alive(struct supervisor *s)
{
	trial_word(s, IPC_TRIAL_ALIVE);
}

void takeover_trial_loaded(struct supervisor *s, bool taken)
{
	if (!taken)
		trial_refuse(s, "it refuses the configuration");
	s->up = true;
	supervisor_configure_logging(s);
	supervisor_tell_restart_keys(s);
	for (size_t i = 0; i < ROLE_COUNT; i++)
		if (children_wants(s, s->child[i].role))
			children_start(&s->child[i]);
}

void takeover_trial_died(struct supervisor *s, const struct child *c, int status)
{
	char why[128];
	if (WIFSIGNALED(status))
		snprintf(why, sizeof why, "its %s died of signal %d", ipc_role_text(c->role), WTERMSIG(status));
	else
		snprintf(why, sizeof why, "its %s ended with status %d", ipc_role_text(c->role), WEXITSTATUS(status));
	trial_refuse(s, why);
}

static int keep_message(void *ctx, const uint8_t *data, size_t len, int fd)
{
	struct supervisor *s = ctx;
	uint8_t room[IPC_MESSAGE_MAX];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_TRIAL_KEEP);
	put_bytes(&w, data, len);
	if (w.failed)
		return ERR_LIMIT;
	trial_send(s, w.data, w.len, fd);
	return 0;
}

static bool all_prepared(const struct supervisor *s)
{
	for (size_t i = 0; i < ROLE_COUNT; i++)
		if (children_wants(s, s->child[i].role) && !s->child[i].prepared)
			return false;
	return true;
}

void takeover_trial_check(struct supervisor *s)
{
	if (!s->up || s->saving || !all_prepared(s))
		return;
	if (generation_tell(&s->now, keep_message, s))
		trial_refuse(s, "its node block is too long to be handed over");
	trial_word(s, IPC_TRIAL_READY);
	chan_flush(s->trial, TRIAL_FLUSH_MS);
	_exit(0);
}

/* ---- children of the version before ---- */

static void leave(struct leaving *l, uint32_t patience_ms)
{
	uint8_t room[8];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_LEAVE);
	l->until_ms = clock_mono_ms() + patience_ms;
	if (!l->chan || chan_send_buf(l->chan, &w))
		kill(l->pid, SIGKILL);
}

static void ask_to_leave(struct supervisor *s, enum ipc_role role, uint32_t patience_ms)
{
	for (size_t i = 0; i < s->leaving_count; i++)
		if (s->leaving[i].role == role && s->leaving[i].pid && !s->leaving[i].until_ms) /* pid 0 left already: never a kill(0) */
			leave(&s->leaving[i], patience_ms);
}

static void send_inherited(struct supervisor *s, enum ipc_role role, pid_t pid, const uint8_t *data, size_t len)
{
	struct child *c = children_get(s, IPC_COORDINATOR);
	uint8_t room[IPC_MESSAGE_MAX];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_INHERITED);
	put_u8(&w, (uint8_t)role);
	put_u32(&w, (uint32_t)pid);
	put_block(&w, data, len);
	if (c->chan && !w.failed)
		children_check_sent(c, chan_send_buf(c->chan, &w));
}

static void tell_who_asked(struct supervisor *s, const struct takeover *t)
{
	struct child *c = children_get(s, IPC_COORDINATOR);
	uint8_t room[256];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_UPGRADED);
	put_u32(&w, 0);
	put_u8(&w, true);
	put_u8(&w, t->client_json);
	put_str(&w, t->from);
	put_str(&w, "");
	put_u32(&w, (uint32_t)(clock_mono_ms() - t->began_ms));
	if (c->chan)
		children_check_sent(c, chan_send(c->chan, w.data, w.len, &t->client, t->client >= 0));
}

static bool all_left(const struct supervisor *s)
{
	for (size_t i = 0; i < s->leaving_count; i++)
		if (s->leaving[i].role == IPC_RESPONDER && s->leaving[i].pid && !s->leaving[i].left)
			return false;
	return true;
}

/* Once every query is answered by us: whoever asked may rely on what is new. */
static void end_takeover(struct supervisor *s)
{
	struct takeover *t = s->takeover;
	if (!t || !t->serving_ms || (!all_left(s) && clock_mono_ms() < t->serving_ms + LEFT_MS))
		return;
	log_line(LOG_LEVEL_NOTICE, "upgrade: gemeld %s serves generation %llu, %llu ms after it was asked for", PACKAGE_VERSION,
		 (unsigned long long)s->now.number, (unsigned long long)(clock_mono_ms() - t->began_ms));
	tell_who_asked(s, t);
	notify_ready(s->now.number);
	bool reload = t->reload || s->load_again;
	if (t->client >= 0)
		close(t->client);
	free(t->legacy);
	free(t);
	s->takeover = NULL;
	s->load_again = false;
	supervisor_tell_restart_keys(s);
	if (reload)
		supervisor_load(s);
}

/* The coordinator's come before the new one goes on, so they are kept for it. */
static void take_legacy(struct leaving *l, struct rbuf *r)
{
	struct takeover *t = l->sup->takeover;
	size_t len = rbuf_left(r);
	const uint8_t *data = get_bytes(r, len);
	if (l->role == IPC_RESPONDER && l->same_ipc) {
		send_inherited(l->sup, l->role, l->pid, data, len);
		return;
	}
	if (l->role != IPC_COORDINATOR || !t || !len)
		return;
	free(t->legacy);
	t->legacy = malloc(len);
	t->legacy_len = t->legacy ? len : 0;
	t->legacy_pid = l->pid;
	if (t->legacy)
		memcpy(t->legacy, data, len);
}

static void leaving_message(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	struct leaving *l = ctx;
	struct supervisor *s = l->sup;
	struct rbuf r;
	rbuf_init(&r, data, len);
	enum ipc_type t = ipc_type_get(&r);
	bool understood = l->same_ipc && l->role == IPC_COORDINATOR;
	if (t == IPC_LEGACY) {
		take_legacy(l, &r);
	} else if (t == IPC_OVERLAY && understood && fd_count == 1) {
		children_keep_overlay(s, fds[0], get_u8(&r) != 0);
		s->overlay_foreign = true;
		return;
	} else if (t == IPC_STOP && understood) {
		supervisor_begin_stop(s);
	} else if (t == IPC_LEFT) {
		l->left = true;
		end_takeover(s);
	}
	chan_close_fds(fds, fd_count);
}

static void leaving_end(void *ctx)
{
	struct leaving *l = ctx;
	chan_free(l->chan);
	l->chan = NULL;
}

static void adopt(struct supervisor *s, const struct handover_child *c, bool same_ipc)
{
	struct leaving *l = &s->leaving[s->leaving_count++];
	*l = (struct leaving){ .sup = s, .role = c->role, .pid = (pid_t)c->pid, .same_ipc = same_ipc, .left = c->leaves };
	l->chan = chan_new(s->base, c->fd, leaving_message, leaving_end, l);
	if (c->leaves)
		leave(l, LEAVE_CONNECTIONS_MS);
	else if (children_get(s, c->role))
		children_get(s, c->role)->restarts = c->restarts;
}

/* ---- taking over ---- */

static bool is_leaving(const struct supervisor *s, enum ipc_role role)
{
	for (size_t i = 0; i < s->leaving_count; i++)
		if (s->leaving[i].role == role && s->leaving[i].pid)
			return true;
	return false;
}

void takeover_begin(struct supervisor *s, int fd)
{
	struct handover h;
	struct takeover *t = calloc(1, sizeof *t);
	if (!t)
		refuse(-1, err_text(ERR_NOMEM));
	read_handover(s, &h, fd, -1);
	if (take_messages(&s->now, h.generations, &h.kept))
		refuse(-1, "the generation of the trial cannot be read");
	for (size_t i = 0; i < h.generation.count; i++)
		if (h.generation.list[i].fd >= 0)
			close(h.generation.list[i].fd);
	*t = (struct takeover){ .began_ms = h.began_ms, .client = h.client,
				.client_json = h.client_json, .reload = h.reload };
	snprintf(t->from, sizeof t->from, "%s", h.from);
	s->takeover = t;
	s->up = s->ready = true;
	supervisor_configure_logging(s);
	for (size_t i = 0; i < h.child_count; i++)
		adopt(s, &h.children[i], h.ipc_version == IPC_VERSION);
	handover_deinit(&h);
	log_line(LOG_LEVEL_NOTICE, "upgrade: gemeld %s takes over from %s", PACKAGE_VERSION, t->from);
	for (size_t i = 0; i < ROLE_COUNT; i++)
		if (children_wants(s, s->child[i].role))
			children_start(&s->child[i]);
}

/* With all that the version before left behind. */
static void release_coordinator(struct supervisor *s)
{
	struct takeover *t = s->takeover;
	struct child *c = children_get(s, IPC_COORDINATOR);
	if (t->released)
		return;
	t->released = true;
	if (t->legacy)
		send_inherited(s, IPC_COORDINATOR, t->legacy_pid, t->legacy, t->legacy_len);
	children_send(c, IPC_GO);
}

/* The journal has no writer now, and live answers do not change: time for ours. */
static void release(struct supervisor *s)
{
	struct child *r = children_get(s, IPC_RESPONDER);
	s->hold = false;
	ask_to_leave(s, IPC_PROBER, LEAVE_MS);
	ask_to_leave(s, IPC_RUNNER, LEAVE_MS);
	ask_to_leave(s, IPC_TAP, LEAVE_MS);
	if (!r->chan) { /* it died, and its successor will start as ever */
		release_coordinator(s);
		return;
	}
	children_send_overlay(r);
	children_send(r, IPC_GO);
}

static void go_on(struct supervisor *s)
{
	struct takeover *t = s->takeover;
	if (!t || !s->hold || s->stopping)
		return;
	if (!t->asked_to_leave) {
		if (!children_get(s, IPC_RESPONDER)->prepared || !children_get(s, IPC_COORDINATOR)->prepared)
			return;
		t->asked_to_leave = true;
		ask_to_leave(s, IPC_COORDINATOR, LEAVE_MS);
	}
	if (!is_leaving(s, IPC_COORDINATOR))
		release(s);
}

void takeover_prepared(struct supervisor *s, struct child *c, uint8_t step)
{
	c->prepared = true;
	if (s->trial)
		takeover_trial_check(s);
	else if (step == 1)
		go_on(s);
	else if (s->takeover && c->role == IPC_RESPONDER)
		release_coordinator(s);
}

void takeover_child_died(struct supervisor *s, const struct child *c)
{
	if (s->takeover && !s->hold && c->role == IPC_RESPONDER)
		release_coordinator(s);
}

void takeover_serving(struct supervisor *s)
{
	struct takeover *t = s->takeover;
	if (!t || s->hold || t->serving_ms)
		return;
	t->serving_ms = clock_mono_ms();
	release_coordinator(s); /* where a responder came up that was never asked to hold */
	ask_to_leave(s, IPC_RESPONDER, LEAVE_CONNECTIONS_MS);
	end_takeover(s);
}

bool takeover_left(struct supervisor *s, pid_t pid)
{
	for (size_t i = 0; i < s->leaving_count; i++) {
		struct leaving *l = &s->leaving[i];
		if (l->pid != pid)
			continue;
		if (l->chan)
			chan_drain(l->chan); /* its last words */
		chan_free(l->chan);
		l->chan = NULL;
		l->pid = 0;
		go_on(s);
		end_takeover(s);
		return true;
	}
	return false;
}

void takeover_watch(struct supervisor *s)
{
	uint64_t now = clock_mono_ms();
	size_t n = 0;
	for (size_t i = 0; i < s->leaving_count; i++) {
		struct leaving *l = &s->leaving[i];
		n += l->pid != 0;
		if (!l->pid || !l->until_ms || now < l->until_ms)
			continue;
		log_line(LOG_LEVEL_WARNING, "the %s of the version before did not leave in time: killed", ipc_role_text(l->role));
		kill(l->pid, SIGKILL);
	}
	end_takeover(s);
	if (!n)
		s->leaving_count = 0; /* entries do not move while their channels point at them */
}

void takeover_kill_leaving(struct supervisor *s)
{
	for (size_t i = 0; i < s->leaving_count; i++)
		if (s->leaving[i].pid)
			kill(s->leaving[i].pid, SIGKILL);
}
