/* Starting children, what they are given, what they say. */
#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "app/child.h"
#include "app/supervisor_state.h"
#include "app/takeover.h"
#include "app/upgrade.h"
#include "io/clock.h"
#include "io/log.h"

#define CRASHES_MAX 2u
#define CALM_MS 5000 /* a child that lived so long starts its back-off anew */
#define BACKOFF_FIRST_MS 50
#define BACKOFF_MAX_MS 5000

struct child *children_get(struct supervisor *s, enum ipc_role role)
{
	for (size_t i = 0; i < ROLE_COUNT; i++)
		if (s->child[i].role == role)
			return &s->child[i];
	return NULL;
}

void children_check_sent(struct child *c, int e)
{
	if (!e || !c->pid)
		return;
	log_line(LOG_LEVEL_ERROR, "the %s takes no more messages (%s): it is restarted", ipc_role_text(c->role), err_text(e));
	kill(c->pid, SIGKILL);
}

void children_send(struct child *c, enum ipc_type t)
{
	uint8_t room[8];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, t);
	if (c->chan)
		children_check_sent(c, chan_send_buf(c->chan, &w));
}

/* ---- what a new child is given ---- */

void children_send_hello(struct child *c)
{
	uint8_t room[16];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_HELLO);
	put_u16(&w, IPC_VERSION);
	put_u8(&w, (uint8_t)c->role);
	children_check_sent(c, chan_send_buf(c->chan, &w));
}

/* Not the pair key and nothing that comes from it: what a node without a twin makes cookies from, the same for each responder. */
static void send_secret(struct child *c)
{
	uint8_t room[64];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_SECRET);
	put_bytes(&w, c->sup->secret, sizeof c->sup->secret);
	children_check_sent(c, chan_send_buf(c->chan, &w));
}

static bool socket_is_for(enum socket_kind k, enum ipc_role r)
{
	switch (k) {
	case SOCKET_UDP:
	case SOCKET_TCP:
		return r == IPC_RESPONDER;
	case SOCKET_PEER:
	case SOCKET_PEER_TCP:
	case SOCKET_CONTROL:
	case SOCKET_STATE_DIR:
	case SOCKET_HTTP:
		return r == IPC_COORDINATOR;
	case SOCKET_PING:
		return r == IPC_PROBER;
	case SOCKET_NONE:
		break;
	}
	return false;
}

static void send_sockets(struct child *c)
{
	const struct sockets *all = &c->sup->sockets;
	for (size_t i = 0; i < all->count; i++) {
		const struct socket_set *set = &all->sets[i];
		if (!socket_is_for(set->kind, c->role))
			continue;
		uint8_t room[64];
		struct wbuf w;
		wbuf_init(&w, room, sizeof room);
		ipc_begin(&w, IPC_SOCKET);
		put_u8(&w, (uint8_t)set->kind);
		ipc_addr_put(&w, &set->addr);
		put_u8(&w, addr_is_any(&set->addr));
		children_check_sent(c, chan_send(c->chan, w.data, w.len, set->fds, set->count));
	}
}

void children_send_overlay(struct child *c)
{
	uint8_t room[8];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_OVERLAY);
	put_u8(&w, false);
	put_u8(&w, c->sup->overlay_foreign);
	int fds[2];
	size_t count = 0;
	if (c->sup->overlay >= 0)
		fds[count++] = c->sup->overlay;
	if (c->sup->overlay_adds >= 0)
		fds[count++] = c->sup->overlay_adds;
	if (count)
		children_check_sent(c, chan_send(c->chan, w.data, w.len, fds, count));
}

static void keep_fd(int *slot, int fd)
{
	if (*slot >= 0)
		close(*slot);
	*slot = fd;
}

void children_keep_overlay(struct supervisor *s, int fd, bool adds)
{
	keep_fd(&s->overlay_adds, adds ? fd : -1);
	if (adds)
		return;
	keep_fd(&s->overlay, fd);
	s->overlay_foreign = false;
}

void children_send_generation(struct child *c)
{
	const struct generation *g = &c->sup->now;
	if (c->role == IPC_RUNNER || c->role == IPC_TAP)
		return; /* it knows what the prober asks, or what the rings hold, and nothing else */
	if (c->role == IPC_RESPONDER)
		children_check_sent(c, generation_send_images(g, c->chan));
	else
		children_check_sent(c, generation_send_plan(g, c->chan));
	children_check_sent(c, chan_send(c->chan, g->site, g->site_len, NULL, 0));
	children_check_sent(c, generation_send_start(g, c->chan));
}

static void send_channel(struct child *c, enum ipc_role other, int fd)
{
	uint8_t room[8];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_CHANNEL);
	put_u8(&w, (uint8_t)other);
	children_check_sent(c, chan_send(c->chan, w.data, w.len, &fd, 1));
}

/* A fresh pair for each new end, so that nothing of an old process's half message is ever read. */
static void join(struct child *a, struct child *b)
{
	int pair[2];
	if (!a->chan || !b->chan || chan_pair(pair))
		return;
	send_channel(a, b->role, pair[0]);
	send_channel(b, a->role, pair[1]);
	close(pair[0]);
	close(pair[1]);
}

void children_tell(struct supervisor *s)
{
	struct child *to = children_get(s, IPC_COORDINATOR);
	uint8_t room[256];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_CHILDREN);
	uint8_t count = 1; /* the loader */
	uint64_t log_dropped_all = log_dropped();
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		count += children_wants(s, s->child[i].role);
		log_dropped_all += s->child[i].log_dropped_before + s->child[i].log_dropped;
	}
	put_u8(&w, count);
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		const struct child *c = &s->child[i];
		if (!children_wants(s, c->role))
			continue;
		put_u8(&w, (uint8_t)c->role);
		put_u32(&w, (uint32_t)c->pid);
		put_u32(&w, c->restarts);
		put_u64(&w, c->started_wall_ms);
		put_u8(&w, c->confined);
	}
	put_u8(&w, IPC_LOADER);
	put_u32(&w, 0); /* its number may be another process's by now */
	put_u32(&w, 0);
	put_u64(&w, s->load_wall_ms);
	put_u8(&w, s->load_confined);
	put_u64(&w, log_dropped_all);
	if (to->chan)
		children_check_sent(to, chan_send_buf(to->chan, &w));
}

/* ---- children ---- */

static void take_beat(struct child *c, uint64_t dropped)
{
	if (dropped == c->log_dropped)
		return;
	c->log_dropped = dropped;
	children_tell(c->sup);
}

static void take_upgrade(struct supervisor *s, struct rbuf *r, int *fds, size_t *fd_count)
{
	uint32_t id = get_u32(r);
	bool json = get_u8(r) != 0;
	int client = *fd_count == 1 ? fds[0] : -1;
	if (r->failed)
		return;
	if (client >= 0)
		*fd_count = 0;
	upgrade_begin(s, id, json, client);
}

static void child_message(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	struct child *c = ctx;
	struct supervisor *s = c->sup;
	struct rbuf r;
	rbuf_init(&r, data, len);
	c->beat_ms = clock_mono_ms();
	switch (ipc_type_get(&r)) {
	case IPC_SERVING:
		if (c->role == IPC_RESPONDER && get_u64(&r) == s->now.number)
			s->served_ms = c->beat_ms;
		supervisor_announce_ready(s);
		takeover_serving(s);
		break;
	case IPC_PREPARED:
		takeover_prepared(s, c, get_u8(&r));
		break;
	case IPC_UPGRADE:
		if (c->role != IPC_COORDINATOR || s->stopping)
			break;
		take_upgrade(s, &r, fds, &fd_count);
		break;
	case IPC_RELOAD:
		if (c->role != IPC_COORDINATOR || s->stopping)
			break;
		if (s->reload_id)
			supervisor_answer_reload(s, 2); /* one at a time: the earlier caller is told; the newer's load counts */
		s->reload_id = get_u32(&r);
		supervisor_load(s);
		break;
	case IPC_STOP:
		if (c->role == IPC_COORDINATOR)
			supervisor_begin_stop(s);
		break;
	case IPC_OVERLAY:
		if (c->role == IPC_COORDINATOR && fd_count == 1) {
			children_keep_overlay(s, fds[0], get_u8(&r) != 0);
			fd_count = 0;
		}
		break;
	case IPC_CONFINED:
		c->confined = get_u8(&r);
		children_tell(s);
		if (c->role == IPC_PROBER || c->role == IPC_RUNNER || c->role == IPC_TAP)
			takeover_prepared(s, c, 0); /* there is nothing that these would have to hold */
		break;
	case IPC_LOGGING:
		if (c->role == IPC_COORDINATOR)
			supervisor_take_logging(s, &r);
		break;
	case IPC_BEAT:
		take_beat(c, get_u64(&r));
		break;
	default: /* nothing of ours */
		break;
	}
	chan_close_fds(fds, fd_count);
}

static void child_end(void *ctx)
{
	struct child *c = ctx;
	chan_free(c->chan);
	c->chan = NULL;
	if (c->pid)
		kill(c->pid, SIGKILL); /* without its channel it can do nothing right */
}

bool children_wants(const struct supervisor *s, enum ipc_role role)
{
	return role == IPC_RUNNER ? s->now.plugins : role == IPC_TAP ? logging_wants_tap(&s->logging) : true;
}

void children_follow(struct supervisor *s, enum ipc_role role)
{
	struct child *c = children_get(s, role);
	const bool wanted = children_wants(s, role);
	if (wanted && !c->pid && !evtimer_pending(c->restart, NULL)) {
		children_start(c);
	} else if (!wanted && c->pid) {
		children_send(c, IPC_STOP);
		c->unwanted = true;
	} else if (!wanted) {
		event_del(c->restart);
	}
}

void children_start(struct child *c)
{
	struct supervisor *s = c->sup;
	int channel;
	pid_t pid = spawn_child(c->role, NULL, &s->user, &channel);
	uint64_t now = clock_mono_ms();
	c->started_ms = c->beat_ms = now;
	c->started_wall_ms = clock_wall_ms();
	c->killed = c->unwanted = false;
	c->confined = 0;
	c->log_dropped_before += c->log_dropped;
	c->log_dropped = 0;
	c->prepared = false;
	if (pid < 0 || !(c->chan = chan_new(s->base, channel, child_message, child_end, c))) {
		if (pid > 0)
			kill(pid, SIGKILL);
		struct timeval later = { .tv_sec = 1 };
		event_add(c->restart, &later);
		return;
	}
	c->pid = pid;
	children_send_hello(c);
	if (s->hold && (c->role == IPC_RESPONDER || c->role == IPC_COORDINATOR))
		children_send(c, IPC_HOLD);
	supervisor_send_logging(c);
	send_sockets(c);
	if (c->role == IPC_RESPONDER) {
		send_secret(c);
		if (!s->hold)
			children_send_overlay(c);
	}
	children_send_generation(c);
	struct child *coordinator = children_get(s, IPC_COORDINATOR), *runner = children_get(s, IPC_RUNNER);
	for (size_t i = 0; i < ROLE_COUNT; i++)
		if (&s->child[i] != coordinator && (c == coordinator || c == &s->child[i]))
			join(coordinator, &s->child[i]);
	if (c == runner || c->role == IPC_PROBER)
		join(children_get(s, IPC_PROBER), runner);
	children_tell(s);
}

void children_on_restart(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	children_start(ctx);
}

/* A generation that a young responder dies of twice is put aside: the one before it was served. A kill is an operator's. */
static void judge_generation(struct supervisor *s, const struct child *c, int status)
{
	bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	if (c->role != IPC_RESPONDER)
		return;
	s->served_ms = 0;
	if (s->before.plan < 0 || killed)
		return;
	if (clock_mono_ms() - c->started_ms >= CALM_MS)
		s->crashes = 0;
	if (++s->crashes < CRASHES_MAX)
		return;
	struct generation bad = s->now;
	s->now = s->before;
	generation_init(&s->before, 0);
	s->crashes = 0;
	log_line(LOG_LEVEL_ERROR, "alarm: the responder died %u times with generation %" PRIu64 ": it is put aside, generation %" PRIu64
		 " is served again", CRASHES_MAX, bad.number, s->now.number);
	generation_deinit(&bad);
	supervisor_spread(s);
}

void children_died(struct child *c, int status)
{
	struct supervisor *s = c->sup;
	c->pid = 0;
	chan_free(c->chan);
	c->chan = NULL;
	if (c->role == IPC_COORDINATOR)
		s->reload_id = 0; /* whoever waited was connected to it; the next one's numbers are its own */
	if (s->stopping)
		return;
	if (s->trial)
		takeover_trial_died(s, c, status);
	takeover_child_died(s, c);
	if (!children_wants(s, c->role)) {
		children_tell(s);
		return;
	}
	if (c->unwanted && status == 0) { /* nor is it a fault */
		children_start(c);
		return;
	}
	if (WIFSIGNALED(status))
		log_line(LOG_LEVEL_ERROR, "the %s died of signal %d; it is started again", ipc_role_text(c->role), WTERMSIG(status));
	else
		log_line(LOG_LEVEL_ERROR, "the %s ended with status %d; it is started again", ipc_role_text(c->role), WEXITSTATUS(status));
	c->restarts++;
	judge_generation(s, c, status);
	if (clock_mono_ms() - c->started_ms >= CALM_MS)
		c->backoff_ms = 0;
	struct timeval wait = { .tv_sec = c->backoff_ms / 1000, .tv_usec = (suseconds_t)(c->backoff_ms % 1000) * 1000 };
	c->backoff_ms = c->backoff_ms ? c->backoff_ms * 2 : BACKOFF_FIRST_MS;
	if (c->backoff_ms > BACKOFF_MAX_MS)
		c->backoff_ms = BACKOFF_MAX_MS;
	event_add(c->restart, &wait);
}
