#include "config.h"
#include "app/takeover.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "app/handover.h"
#include "app/notify.h"
#include "app/supervisor_state.h"
#include "app/takeover_state.h"
#include "io/clock.h"
#include "io/log.h"

#define LEAVE_MS 5000            /* for the coordinator to finish what it began, and to close the journal; as at a stop */
#define LEAVE_CONNECTIONS_MS 15000 /* for a responder to end its connections: it gives them ten seconds */
#define LEFT_MS 2000 /* for its workers to stop reading: they need as long as a batch */
#define LEGACY_MAX (4u << 20) /* of a coordinator: a thousand zones with the longest of names, of several responders */

struct takeover {
	char from[HANDOVER_TEXT_MAX];
	bool asked_to_leave, released;
	uint64_t serving_ms; /* our responder reads the sockets, since; 0 = not yet */
	uint64_t began_ms;
	int client; /* -1 = none */
	bool client_json, reload;
	/* Last words: role u8, pid u32, len u32, octets; role, … Those of responders and taps mean something behind the coordinator's. */
	struct bytes legacy, later;
};

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
	bytes_deinit(&t->legacy);
	bytes_deinit(&t->later);
	free(t);
	s->takeover = NULL;
	s->load_again = false;
	supervisor_tell_restart_keys(s);
	if (reload)
		supervisor_load(s);
}

static void keep_words(struct bytes *b, const struct leaving *l, const uint8_t *data, size_t len)
{
	bytes_u8(b, (uint8_t)l->role);
	bytes_u32(b, (uint32_t)l->pid);
	bytes_u32(b, (uint32_t)len);
	bytes_add(b, data, len);
}

static void send_words(struct supervisor *s, const struct bytes *b)
{
	struct rbuf r;
	rbuf_init(&r, b->data, b->failed ? 0 : b->len); /* one that is over its bound: counters begin anew */
	while (rbuf_left(&r)) {
		enum ipc_role role = get_u8(&r);
		pid_t pid = (pid_t)get_u32(&r);
		size_t len = get_u32(&r);
		send_inherited(s, role, pid, get_bytes(&r, len), len);
	}
}

/* They are kept for the new coordinator until the old one has said all. */
static void take_legacy(struct leaving *l, struct rbuf *r)
{
	struct takeover *t = l->sup->takeover;
	size_t len = rbuf_left(r);
	const uint8_t *data = get_bytes(r, len);
	const bool waits = t && !t->released;
	if (!len)
		return;
	if (l->role == IPC_COORDINATOR && waits)
		keep_words(&t->legacy, l, data, len);
	else if ((l->role == IPC_RESPONDER || l->role == IPC_TAP) && l->same_ipc && waits)
		keep_words(&t->later, l, data, len);
	else if ((l->role == IPC_RESPONDER || l->role == IPC_TAP) && l->same_ipc)
		send_inherited(l->sup, l->role, l->pid, data, len);
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

static bool is_leaving(const struct supervisor *s, enum ipc_role role)
{
	for (size_t i = 0; i < s->leaving_count; i++)
		if (s->leaving[i].role == role && s->leaving[i].pid)
			return true;
	return false;
}

/* Nobody tells the old tap of queries any more. */
static void release_tap(struct supervisor *s)
{
	if (!s->hold && !is_leaving(s, IPC_RESPONDER))
		ask_to_leave(s, IPC_TAP, LEAVE_MS);
}

/* ---- taking over ---- */

void takeover_begin(struct supervisor *s, int fd)
{
	struct handover h;
	struct takeover *t = calloc(1, sizeof *t);
	if (!t)
		takeover_refuse(-1, err_text(ERR_NOMEM));
	takeover_read(s, &h, fd, -1);
	if (takeover_take_messages(&s->now, h.generations, &h.kept))
		takeover_refuse(-1, "the generation of the trial cannot be read");
	for (size_t i = 0; i < h.generation.count; i++)
		if (h.generation.list[i].fd >= 0)
			close(h.generation.list[i].fd);
	*t = (struct takeover){ .began_ms = h.began_ms, .client = h.client,
				.client_json = h.client_json, .reload = h.reload };
	snprintf(t->from, sizeof t->from, "%s", h.from);
	bytes_init(&t->legacy, LEGACY_MAX);
	bytes_init(&t->later, LEGACY_MAX);
	s->takeover = t;
	supervisor_configure_logging(s);
	s->up = s->ready = true;
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
	send_words(s, &t->legacy);
	send_words(s, &t->later);
	children_send(c, IPC_GO);
}

static void send_fd(struct chan *to, enum ipc_type t, int role, int fd)
{
	uint8_t room[8];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, t);
	if (role >= 0)
		put_u8(&w, (uint8_t)role);
	if (chan_send(to, w.data, w.len, &fd, 1))
		log_line(LOG_LEVEL_WARNING, "questions for status may be answered with SERVFAIL for a moment");
}

/* Responders of before answer on, be they asked to leave, and the coordinator that they ask about class CH is gone: they ask ours. */
static void hand_on_questions(struct supervisor *s)
{
	struct child *c = children_get(s, IPC_COORDINATOR);
	for (size_t i = 0; i < s->leaving_count; i++) {
		struct leaving *l = &s->leaving[i];
		int pair[2];
		if (l->role != IPC_RESPONDER || !l->same_ipc || !l->chan || !c->chan || chan_pair(pair))
			continue;
		send_fd(l->chan, IPC_CHANNEL, IPC_COORDINATOR, pair[0]);
		send_fd(c->chan, IPC_QUESTIONS, -1, pair[1]);
		close(pair[0]);
		close(pair[1]);
	}
}

/* The journal has no writer now, and live answers do not change: time for ours. */
static void release(struct supervisor *s)
{
	struct child *r = children_get(s, IPC_RESPONDER);
	s->hold = false;
	ask_to_leave(s, IPC_PROBER, LEAVE_MS);
	ask_to_leave(s, IPC_RUNNER, LEAVE_MS);
	hand_on_questions(s);
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
		release_tap(s);
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
	release_tap(s);
	if (!n)
		s->leaving_count = 0; /* entries do not move while their channels point at them */
}

void takeover_kill_leaving(struct supervisor *s)
{
	for (size_t i = 0; i < s->leaving_count; i++)
		if (s->leaving[i].pid)
			kill(s->leaving[i].pid, SIGKILL);
}
