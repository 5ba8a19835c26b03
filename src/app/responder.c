/* The responder process: takes sockets, images and the overlay, and answers.  It knows nothing of health, Lua or twins. */
#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <urcu-qsbr.h>
#include "app/child.h"
#include "app/logging.h"
#include "app/responder_state.h"
#include "app/site.h"
#include "io/clock.h"
#include "io/log.h"
#include "ipc/ipc.h"

#define WAIT_AFTER_GO_S 10 /* longer: somebody else answers meanwhile */
#define WAIT_FOR_OVERLAY_S 2 /* then static names are answered without it: the coordinator may be in trouble */

static void tell_supervisor(struct responder *r, const struct wbuf *w)
{
	if (chan_send_buf(r->supervisor, w))
		exit(1); /* without the supervisor there is nothing to go on for */
}

/* What we answer from; once a generation. */
static void tell_generation(struct responder *r)
{
	uint8_t room[16];
	struct wbuf w;
	if (r->told == r->view->generation)
		return;
	r->told = r->view->generation;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_SERVING);
	put_u64(&w, r->told);
	tell_supervisor(r, &w);
}

static void tell_prepared(struct responder *r, uint8_t step)
{
	uint8_t room[8];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_PREPARED);
	put_u8(&w, step);
	tell_supervisor(r, &w);
}

static void add_stats(struct answer_stats *sum, const struct answer_stats *s)
{
	const uint64_t *from = (const uint64_t *)s;
	uint64_t *to = (uint64_t *)sum;
	for (size_t i = 0; i < sizeof *s / sizeof *from; i++)
		to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

void responder_put_stats(struct responder *r, struct wbuf *w)
{
	struct answer_stats sum = { 0 };
	for (unsigned i = 0; i < r->worker_count; i++)
		add_stats(&sum, &r->workers[i].answer.stats);
	add_stats(&sum, &r->main_answer.stats);
	for (size_t i = 0; i < sizeof sum / sizeof(uint64_t); i++)
		put_u64(w, ((const uint64_t *)&sum)[i]);
	const struct tcp_stats *tcp = tcp_stats_get(r->tcp);
	put_u64(w, tcp->open);
	put_u64(w, tcp->accepted);
	put_u64(w, tcp->evicted);
	put_u64(w, tcp->evicted_source);
}

static void send_stats(struct responder *r)
{
	uint8_t room[512];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_STATS);
	responder_put_stats(r, &w);
	if (r->coordinator && !chan_queued(r->coordinator) && chan_send_buf(r->coordinator, &w))
		log_line(LOG_LEVEL_DEBUG, "counters were not sent");
}

static void serve(struct responder *r)
{
	if (r->hold)
		return;
	if (r->serving) {
		tell_generation(r);
		return;
	}
	r->serving = true;
	if (workers_start(r)) {
		log_line(LOG_LEVEL_ERROR, "cannot start the workers: %s", err_text(ERR_NOMEM));
		exit(1);
	}
	for (size_t i = 0; i < r->listen_count; i++)
		if (r->listens[i].kind == SOCKET_TCP)
			tcp_listen(r->tcp, r->listens[i].fds[0]);
	tell_generation(r);
	send_stats(r);
	figures_send(r); /* nobody waits a second to be told which zones are served */
}

/* ---- from the coordinator ---- */

static void coordinator_message(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	struct responder *r = ctx;
	struct rbuf m;
	bool wait;
	chan_close_fds(fds, fd_count);
	rbuf_init(&m, data, len);
	if (overlay_message(r, data, len, &wait)) {
		if (wait)
			chan_pause(r->coordinator, true); /* until the supervisor hands over that generation */
		if (r->hold == RESPONDER_RELEASED && r->view && !r->overlay.open)
			r->hold = RESPONDER_FREE; /* the new coordinator has spoken */
		if (r->view)
			serve(r);
		return;
	}
	if (ipc_type_get(&m) == IPC_COLD_REPLY)
		cold_reply(r->cold, &m);
}

static void coordinator_end(void *ctx)
{
	struct responder *r = ctx;
	chan_free(r->coordinator);
	r->coordinator = NULL;
	cold_lost(r->cold);
}

/* ---- from the supervisor ---- */

static void take_socket(struct responder *r, struct rbuf *m, const int *fds, size_t fd_count)
{
	struct listen_set head = { .kind = get_u8(m) };
	ipc_addr_get(m, &head.addr);
	head.wildcard = get_u8(m) != 0;
	if (m->failed || r->listen_count == RESPONDER_LISTENS_MAX || fd_count > SOCKETS_PER_ADDRESS_MAX) {
		log_line(LOG_LEVEL_ERROR, "an address has no reader: more than %u listen sockets", RESPONDER_LISTENS_MAX);
		chan_close_fds(fds, fd_count);
		return;
	}
	struct listen_set *l = &r->listens[r->listen_count++];
	*l = head;
	memcpy(l->fds, fds, fd_count * sizeof *fds);
	l->count = fd_count;
}

static void take_secret(struct responder *r, struct rbuf *m)
{
	const uint8_t *secret = get_bytes(m, sizeof r->secret);
	if (secret)
		memcpy(r->secret, secret, sizeof r->secret);
}

/* Sockets, workers and NSID stay as they were at the start; the limits follow a reload. */
static void take_site(struct responder *r, const uint8_t *data, size_t len)
{
	struct arena a;
	struct site s;
	arena_init(&a, 1 << 20);
	if (site_get(&s, data, len, &a) == 0) {
		unsigned workers = s.node.workers ? s.node.workers : r->cpus;
		if (!r->view && !r->waiting) /* a view has room for so many workers, no more */
			r->worker_count = workers < RESPONDER_WORKERS_MAX ? workers : RESPONDER_WORKERS_MAX;
		size_t nsid_len = s.node.nsid ? strlen(s.node.nsid) : 0;
		if (!r->serving && nsid_len && nsid_len <= ANSWER_NSID_MAX) {
			memcpy(r->nsid, s.node.nsid, nsid_len);
			r->limits.nsid = r->nsid;
			r->limits.nsid_len = (uint16_t)nsid_len;
		}
		limits_apply(r, &s.limits);
		cookies_set_root(r, s.paired ? s.cookie_root : r->secret, s.paired && s.has_other_root ? s.other_root : NULL);
	}
	arena_deinit(&a);
}

static void close_arriving(struct responder *r)
{
	for (size_t i = 0; i < r->arriving.count; i++)
		if (r->arriving.fds[i] >= 0)
			close(r->arriving.fds[i]);
	if (r->arriving.zones >= 0)
		close(r->arriving.zones);
	r->arriving.count = 0;
	r->arriving.zones = -1;
}

static void keep_fd(int *slot, int fd)
{
	if (*slot >= 0)
		close(*slot);
	*slot = fd;
}

static bool take_image(struct responder *r, struct rbuf *m, int fd)
{
	uint16_t index = get_u16(m);
	if (m->failed || index != r->arriving.count || index >= ANSWER_IMAGES_MAX)
		return false;
	r->arriving.fds[r->arriving.count++] = fd;
	return true;
}

/* Without the coordinator's answers static names are served, but not before it had its time. */
static void wait_for_overlay(struct responder *r)
{
	struct timeval patience = { .tv_sec = WAIT_FOR_OVERLAY_S };
	if (!r->serving && !r->hold && !event_pending(r->late, EV_TIMEOUT, NULL))
		event_add(r->late, &patience);
}

static void adopt_waiting(struct responder *r)
{
	if (!r->waiting || r->view)
		return;
	rcu_assign_pointer(r->view, r->waiting);
	r->waiting = NULL;
}

static void on_overlay_late(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct responder *r = ctx;
	if (r->serving || (!r->waiting && !r->hold))
		return; /* the next START begins the wait anew */
	log_line(LOG_LEVEL_WARNING, "the coordinator is late: %s", r->view ? "services are answered as they were before it" :
		 "static names are answered, services are not");
	r->hold = RESPONDER_FREE;
	adopt_waiting(r);
	serve(r);
}

static bool take_overlays(struct responder *r, struct rbuf *m, const int *fds, size_t fd_count)
{
	if (r->arriving.overlay_count || fd_count > OVERLAYS_MAX)
		return false;
	get_u8(m); /* whether it adds: to a responder all are given */
	r->arriving.foreign = get_u8(m) != 0;
	memcpy(r->arriving.overlays, fds, fd_count * sizeof *fds);
	r->arriving.overlay_count = fd_count;
	return true;
}

/* The same rings for as long as this responder lives: once mapped, they stay. */
static void take_rings(struct responder *r, int fd)
{
	struct tap_rings *rings;
	const int e = r->rings ? 0 : tap_rings_map(&rings, fd);
	if (e)
		log_line(LOG_LEVEL_ERROR, "no query log and no dnstap: %s", err_text(e));
	else if (!r->rings)
		r->rings = rings;
	close(fd);
}

/* True when the descriptors found their place. */
static bool take_fds(struct responder *r, enum ipc_type t, struct rbuf *m, const int *fds, size_t fd_count)
{
	if (t == IPC_SOCKET) {
		take_socket(r, m, fds, fd_count);
		return true;
	}
	if (t == IPC_OVERLAY)
		return take_overlays(r, m, fds, fd_count);
	if (fd_count != 1)
		return false;
	switch (t) {
	case IPC_LOGGING:
		take_rings(r, fds[0]);
		return true;
	case IPC_IMAGE:
		return take_image(r, m, fds[0]);
	case IPC_ZONES:
		keep_fd(&r->arriving.zones, fds[0]);
		return true;
	case IPC_CHANNEL:
		if (r->coordinator)
			coordinator_end(r);
		r->coordinator = chan_new(r->base, fds[0], coordinator_message, coordinator_end, r);
		r->figures_told = r->zones_told = 0;
		cold_resume(r->cold);
		return true;
	default:
		return false;
	}
}

/* The logs that came before the first generation: what the last responder answered. */
static void replay_overlays(struct responder *r)
{
	if (!r->arriving.overlay_count)
		return;
	for (size_t i = 0; i < r->arriving.overlay_count; i++)
		overlay_replay(r, r->arriving.overlays[i], r->arriving.foreign);
	chan_close_fds(r->arriving.overlays, r->arriving.overlay_count);
	r->arriving.overlay_count = 0;
	if (r->view)
		serve(r);
}

/* A view that was looked through, or none that can be served. */
static void take_generation(struct responder *r, uint64_t generation, struct view *v)
{
	view_free(r->waiting); /* one overtaken before its overlay came; no reader ever saw it */
	r->waiting = v;
	if (!v) {
		if (!r->view)
			exit(1);
		r->refused = generation; /* the old one stays */
		log_line(LOG_LEVEL_ERROR, "alarm: generation %" PRIu64 " goes on being served", r->view->generation);
	}
	/* A transaction that waits for a still newer generation must not be read into this one. */
	if (r->coordinator && (!r->overlay.open || r->overlay.generation <= generation))
		chan_pause(r->coordinator, false);
	wait_for_overlay(r);
	if (r->hold == RESPONDER_HOLDS && v)
		tell_prepared(r, 1);
	else
		replay_overlays(r);
}

/* The one before goes on answering, from what is replayed here, until the new coordinator has spoken. */
static void go(struct responder *r)
{
	struct timeval patience = { .tv_sec = WAIT_AFTER_GO_S };
	if (r->hold != RESPONDER_HOLDS)
		return;
	r->hold = RESPONDER_RELEASED;
	if (r->waiting || r->view)
		replay_overlays(r);
	event_add(r->late, &patience);
	tell_prepared(r, 2);
}

static void refuse_generation(struct responder *r, uint64_t generation, int error)
{
	log_line(LOG_LEVEL_ERROR, "generation %" PRIu64 " cannot be served: %s", generation, err_text(error));
	take_generation(r, generation, NULL);
}

static void on_prepared(struct responder *r, struct view *v, int error)
{
	uint64_t generation = v->generation;

	chan_pause(r->supervisor, false);
	if (!error) {
		take_generation(r, generation, v);
		return;
	}
	view_free(v);
	refuse_generation(r, generation, error);
}

/* What the supervisor says meanwhile waits: one generation after another. */
static void start_generation(struct responder *r, uint64_t generation)
{
	const struct view *old = r->waiting ? r->waiting : r->view;
	struct view *v;
	int e = view_new(&v, generation, old, r->arriving.fds, r->arriving.count, r->arriving.zones, r->worker_count);

	close_arriving(r);
	if (e) {
		refuse_generation(r, generation, e);
		return;
	}
	chan_pause(r->supervisor, true);
	if (prepare_start(r, v, on_prepared))
		on_prepared(r, v, view_check(v)); /* then here, whatever stands still meanwhile */
}

static void supervisor_message(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	struct responder *r = ctx;
	struct rbuf m;
	rbuf_init(&m, data, len);
	enum ipc_type t = ipc_type_get(&m);
	if (fd_count > 0 && !take_fds(r, t, &m, fds, fd_count))
		chan_close_fds(fds, fd_count);
	if (t == IPC_SITE) {
		take_site(r, data, len);
	} else if (t == IPC_LOGGING) {
		struct ctl_logging l;
		if (logging_follow(&m, &l))
			tap_switch(&r->tap, r->rings, l.query_log, l.dnstap);
	} else if (t == IPC_SECRET) {
		take_secret(r, &m);
	} else if (t == IPC_START) {
		start_generation(r, get_u64(&m));
	} else if (t == IPC_HOLD) {
		r->hold = RESPONDER_HOLDS;
	} else if (t == IPC_GO) {
		go(r);
	} else if (t == IPC_LEAVE) {
		leave_begin(r);
	} else if (t == IPC_STOP) {
		exit(0);
	}
}

static void supervisor_end(void *ctx)
{
	(void)ctx;
	exit(1);
}

/* ---- once a second ---- */

static void on_second(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct responder *r = ctx;
	if (r->serving && !r->leaving && !workers_alive(r)) {
		log_line(LOG_LEVEL_ERROR, "a worker hangs: the responder ends, to be started again");
		abort();
	}
	uint8_t room[CHILD_BEAT_LEN];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	child_put_beat(&w);
	tell_supervisor(r, &w);
	send_stats(r);
	figures_send(r);
	cookies_tick(r);
	tcp_tick(r->tcp);
	limits_tick(r, clock_mono_ms());
}

int responder_main(int channel)
{
	struct responder *r = aligned_alloc(CACHE_LINE, sizeof *r);
	if (!r)
		return 1;
	memset(r, 0, sizeof *r);
	if (!(r->base = event_base_new()))
		return 1;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN); /* reads a file */
	r->cpus = cpus > 0 ? (unsigned)cpus : 1;
	r->worker_count = 1;
	r->arriving.zones = -1;
	r->main_answer.rng[0] = clock_mono_us();
	r->main_answer.rng[1] = clock_wall_ms();
	r->cold = cold_new(r);
	r->tcp = tcp_new(r);
	r->supervisor = chan_new(r->base, channel, supervisor_message, supervisor_end, r);
	struct event *second = event_new(r->base, -1, EV_PERSIST, on_second, r);
	r->late = evtimer_new(r->base, on_overlay_late, r);
	if (!r->cold || !r->tcp || !r->supervisor || !second || !r->late)
		return 1;
	struct timeval every = { .tv_sec = 1 };
	event_add(second, &every);
	child_confine(r->supervisor, IPC_RESPONDER, -1);
	event_base_dispatch(r->base);
	return 1;
}
