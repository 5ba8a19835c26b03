/* The coordinator's life: what the supervisor hands over, start, new generations, end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "app/child.h"
#include "app/confine.h"
#include "app/coordinator_state.h"
#include "app/logging.h"
#include "app/progress.h"
#include "app/sockets.h"
#include "core/journal.h"
#include "io/clock.h"
#include "io/log.h"
#include "io/memfd.h"

#define RELOAD_WAIT_MS 10000 /* for the responder to answer from the new generation */

/* ---- start and new generations ---- */

/* 0 = it cannot be made durable: it is asked for again, and until then the twin is told nothing. */
static uint64_t first_epoch(struct coordinator *c)
{
	uint64_t last = 0;
	bool known = journal_epoch_read(c->state_fd, &last) == 0;
	uint64_t next = epoch_next(last, (uint32_t)coordinator_random());
	if (known && journal_epoch_write(c->state_fd, next) == 0)
		return next;
	log_line(LOG_LEVEL_ERROR, "alarm: the epoch cannot be written (%s): the twin hears nothing from us", strerror(errno));
	c->new_epoch = next >> 32 << 32;
	c->epoch_retry_ms = clock_mono_ms() + EPOCH_RETRY_MS;
	return 0;
}

/* As many as the prober has descriptors for, two each: it is started with our limits. */
static uint32_t probes_max(void)
{
	struct rlimit files;
	return getrlimit(RLIMIT_NOFILE, &files) || files.rlim_max >= 1u << 20 ? 0 : files.rlim_max > 32 ? (uint32_t)files.rlim_max / 2 : 16;
}

/* Only now: whoever reads these sockets answers the twin. */
static void listen_to_twins(struct coordinator *c)
{
	for (size_t i = 0; i < c->peer_count; i++) {
		struct event *e = event_new(c->base, c->peers[i].fd, EV_READ | EV_PERSIST, coordinator_on_packet, c);
		if (!e || event_add(e, NULL))
			exit(1);
	}
	for (size_t i = 0; i < c->door_count; i++)
		coordinator_listen(c, c->doors[i].fd, &c->doors[i].addr);
}

static void begin_core(struct coordinator *c)
{
	coordinator_open_journal(c);
	struct core_start s = { .plan = c->plan, .epoch = first_epoch(c), .seed = coordinator_random(),
				.probes_max = probes_max(), .continues = c->continues };
	if (s.epoch) /* without a boot the core starts no session */
		s.boot = coordinator_random();
	if (core_new(&c->core, &s, clock_mono_ms(), clock_wall_ms()))
		exit(1);
	coordinator_recover(c);
	coordinator_compact(c);
	struct ctl_actions a = coordinator_actions;
	a.ctx = c;
	c->ctl = ctl_server_new(c->base, c->control_fd, &a);
	if (!c->ctl)
		exit(1);
	coordinator_http_begin(c);
	c->publisher.generation = c->plan->generation;
	coordinator_hook_plan(c);
	listen_to_twins(c);
	coordinator_step(c, &(struct core_event){ .type = CORE_TIMER });
	coordinator_tell_zones(c); /* where the responder told of them before there was a core */
	coordinator_publish_all(c);
	coordinator_read_questions(c);
	if (c->prober)
		coordinator_tell_prober_state(c, true);
}

static void switch_plan(struct coordinator *c, struct plan *next)
{
	struct plan *old = c->plan;
	c->plan = next;
	c->publisher.generation = next->generation;
	coordinator_hook_plan(c);
	if (coordinator_step(c, &(struct core_event){ .type = CORE_PLAN, .plan = { next } }))
		exit(1); /* the core still holds the old plan, the others the new one: start anew with that */
	plan_free(old);
}

static void take_plan(struct coordinator *c, int fd, uint64_t generation)
{
	const uint8_t *data;
	size_t len;
	struct plan *p;
	if (memfd_map(fd, &data, &len) == 0) {
		int e = plan_decode(&p, data, len);
		memfd_unmap(data, len);
		if (!e) {
			plan_free(c->next_plan);
			c->next_plan = p;
			p->generation = generation;
		} else {
			log_line(LOG_LEVEL_ERROR, "the plan cannot be read: %s", err_text(e));
		}
	}
	close(fd);
}

static void tell_prepared(struct coordinator *c)
{
	uint8_t room[8];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_PREPARED);
	put_u8(&w, 1);
	if (chan_send_buf(c->supervisor, &w))
		exit(1);
}

static void start(struct coordinator *c)
{
	struct plan *p = c->next_plan;
	c->next_plan = NULL;
	if (!p && !c->core)
		exit(1);
	if (!p)
		return;
	if (c->core) {
		switch_plan(c, p);
		return;
	}
	c->plan = p;
	coordinator_what_if_begin(c);
	coordinator_uplink_begin(c);
	child_confine(c->supervisor, IPC_COORDINATOR, c->state_fd);
	if (c->hold)
		tell_prepared(c);
	else
		begin_core(c);
}

static void go(struct coordinator *c)
{
	bool held = c->hold;
	c->hold = false;
	c->continues |= held;
	if (held && c->plan && !c->core)
		begin_core(c);
}

/* ---- supervisor ---- */

static void take_socket(struct coordinator *c, struct rbuf *m, int fd)
{
	enum socket_kind kind = get_u8(m);
	struct addr a;
	ipc_addr_get(m, &a);
	if (kind == SOCKET_STATE_DIR)
		c->state_fd = fd;
	else if (kind == SOCKET_CONTROL)
		c->control_fd = fd;
	else if (kind == SOCKET_HTTP)
		c->http_fd = fd;
	else if (kind == SOCKET_PEER_TCP && c->door_count < PLAN_PEER_ADDRS_MAX)
		c->doors[c->door_count++] = (struct listen_peer){ fd, a };
	else if (kind == SOCKET_PEER && c->peer_count < PLAN_PEER_ADDRS_MAX)
		c->peers[c->peer_count++] = (struct listen_peer){ fd, a };
}

static void take_children(struct coordinator *c, struct rbuf *m)
{
	uint8_t count = get_u8(m);
	c->child_count = 0;
	for (uint8_t i = 0; i < count && i < CHILDREN_MAX && !m->failed; i++) {
		struct ctl_child *k = &c->children[c->child_count++];
		k->role = ipc_role_text(get_u8(m));
		k->pid = get_u32(m);
		k->restarts = get_u32(m);
		k->started_wall_ms = get_u64(m);
		k->confined = confine_text(get_u8(m));
	}
	c->log_dropped = get_u64(m);
}

static void take_reload_result(struct coordinator *c, struct rbuf *m)
{
	uint32_t id = get_u32(m);
	int status = get_u8(m);
	uint32_t took_ms = get_u32(m);
	if (m->failed || status > 2)
		return;
	c->reloads.by_result[status]++;
	c->reloads.last_wall_ms = clock_wall_ms();
	c->reloads.last_took_ms = took_ms;
	if (id == c->reload_asked)
		c->reload_asked = 0;
	coordinator_finish_reload(c, true); /* an earlier one that still waits: this one is newer */
	if (status == 2 || !c->responder) {
		ctl_reload_done(c->ctl, id, status);
		return;
	}
	c->reload_id = id;
	c->reload_status = status;
	c->reload_seq = c->publisher.seq; /* START came before: the new generation is published */
	c->reload_deadline_ms = clock_mono_ms() + RELOAD_WAIT_MS;
	coordinator_finish_reload(c, false);
}

/* Of the reload that was asked for, or of the upgrade that it names. */
static void take_diag(struct coordinator *c, struct rbuf *m)
{
	char line[4096];
	uint8_t level = get_u8(m);
	get_str(m, line, sizeof line);
	get_u64(m);
	uint32_t id = rbuf_left(m) ? get_u32(m) : c->reload_asked;
	if (!m->failed)
		ctl_reload_diag(c->ctl, id, level, line);
}

static void take_progress(struct coordinator *c, struct rbuf *m)
{
	char text[PROGRESS_TEXT_MAX];
	uint32_t zones = get_u32(m), all = get_u32(m);
	uint64_t records = get_u64(m);
	if (!m->failed)
		ctl_reload_progress(c->ctl, c->reload_asked, progress_text(text, zones, all, records));
}

/* The twin is told, so that it need not find out; then there is nothing left that could. */
static void leave(struct coordinator *c)
{
	if (!c->core)
		return;
	coordinator_step(c, &(struct core_event){ .type = CORE_STOP });
	coordinator_flush_streams(c);
}

void coordinator_finish(struct coordinator *c)
{
	progress_end(&c->progress);
	journal_close(c->journal);
	chan_flush(c->supervisor, 100);
	exit(0);
}

static void supervisor_message(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	struct coordinator *c = ctx;
	struct rbuf m;
	rbuf_init(&m, data, len);
	enum ipc_type t = ipc_type_get(&m);
	if (fd_count == 1 && t == IPC_SOCKET)
		take_socket(c, &m, fds[0]);
	else if (fd_count == 1 && t == IPC_PLAN)
		take_plan(c, fds[0], get_u64(&m));
	else if (fd_count == 1 && t == IPC_CHANNEL)
		coordinator_take_channel(c, get_u8(&m), fds[0]);
	else if (fd_count == 1 && t == IPC_QUESTIONS)
		coordinator_take_questions(c, fds[0]);
	else if (fd_count <= 1 && t == IPC_UPGRADED)
		coordinator_upgraded(c, &m, fd_count ? fds[0] : -1);
	else
		chan_close_fds(fds, fd_count);
	if (t == IPC_START)
		start(c);
	else if (t == IPC_CHILDREN)
		take_children(c, &m);
	else if (t == IPC_LOGGING)
		(void)logging_follow(&m, &c->logging);
	else if (t == IPC_RELOADED && c->ctl)
		take_reload_result(c, &m);
	else if (t == IPC_DIAG && c->ctl)
		take_diag(c, &m);
	else if (t == IPC_PROGRESS && c->ctl)
		take_progress(c, &m);
	else if (t == IPC_HOLD)
		c->hold = !c->core;
	else if (t == IPC_GO)
		go(c);
	else if (t == IPC_INHERITED)
		coordinator_take_inherited(c, &m);
	else if (t == IPC_LEAVE)
		coordinator_leave(c);
	else if (t == IPC_STOP) {
		leave(c);
		coordinator_finish(c);
	}
}

static void supervisor_end(void *ctx)
{
	coordinator_finish(ctx);
}

static void on_second(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct coordinator *c = ctx;
	uint8_t room[CHILD_BEAT_LEN];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	child_put_beat(&w);
	if (chan_send_buf(c->supervisor, &w))
		coordinator_finish(c);
	if (c->ctl)
		coordinator_finish_reload(c, false);
	coordinator_hook_second(c);
	coordinator_what_if_second(c);
	if (c->core && publisher_wants_snapshot(&c->publisher))
		coordinator_publish_all(c);
}

/* A loop whose timers fire neither early nor late. libevent's usual clock (CLOCK_MONOTONIC_COARSE) is up to a tick of the kernel behind:
 * it wakes before it is time, and again each millisecond until it is. Ours to free; NULL = no memory or no descriptor. */
static struct event_base *precise_loop(void)
{
	struct event_config *cfg = event_config_new();
	struct event_base *base = NULL;
	if (cfg && !event_config_set_flag(cfg, EVENT_BASE_FLAG_PRECISE_TIMER | EVENT_BASE_FLAG_NO_CACHE_TIME))
		base = event_base_new_with_config(cfg);
	if (cfg)
		event_config_free(cfg);
	return base;
}

int coordinator_main(int channel)
{
	struct coordinator *c = calloc(1, sizeof *c);
	if (!c || !(c->base = precise_loop()))
		return 1;
	confine_secrets(true);
	progress_init(&c->progress);
	c->state_fd = c->control_fd = c->http_fd = c->uplink.news = c->uplink.ask = -1;
	c->started_wall_ms = clock_wall_ms();
	c->supervisor = chan_new(c->base, channel, supervisor_message, supervisor_end, c);
	c->timer = evtimer_new(c->base, coordinator_on_timer, c);
	c->reply_timer = evtimer_new(c->base, coordinator_on_reply_timer, c);
	struct event *second = event_new(c->base, -1, EV_PERSIST, on_second, c);
	if (!c->supervisor || !c->timer || !c->reply_timer || !second)
		return 1;
	publisher_init(&c->publisher, c->supervisor);
	struct timeval every = { .tv_sec = 1 };
	event_add(second, &every);
	event_base_dispatch(c->base);
	return 1;
}
