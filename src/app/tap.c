/* The tap: a process that empties the rings which the responder fills, into the log and into dnstap. It may be as slow as its
 * readers are: the rings then are full, and what does not fit is counted. It lives only while there is something to tell.
 *
 *     responder ── rings ──▶ tap ──▶ the log (event=query), dnstap's socket
 *                             └─ once a second: TAPPED ──▶ coordinator
 */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "config.h"
#include "app/child.h"
#include "app/dnstap.h"
#include "app/legacy.h"
#include "app/logging.h"
#include "app/tap_line.h"
#include "io/log.h"

#define IDLE_MS 20
#define BUSY_MS 1
#define RECORDS_A_TURN 2000 /* then messages and dnstap's reader get theirs */
#define TAP_COUNTERS 4
#define FLUSH_MS 200
#define END_MS 500          /* that dnstap's reader gets to take what is queued */

struct tap_process {
	struct event_base *base;
	struct chan *supervisor, *coordinator;
	struct ctl_logging logging;
	struct tap_rings *rings; /* NULL = not come yet */
	struct tap_copy *copy;
	struct event *poll;
	unsigned next_ring;
	uint64_t records, lines, broken; /* taken out of rings; lines of the log; what could not be */
	bool ending;             /* it was told to, and all was taken out; what dnstap's reader takes is left */
#ifdef HAVE_DNSTAP
	struct dnstap *dnstap;
#endif
};

/* ---- dnstap, where the build has it ---- */

#ifdef HAVE_DNSTAP
static void follow_dnstap(struct tap_process *t, const struct ctl_logging *was)
{
	const bool same = (was->dnstap != 0) == (t->logging.dnstap != 0) && strcmp(was->dnstap_socket, t->logging.dnstap_socket) == 0;
	if (same)
		return;
	dnstap_free(t->dnstap);
	t->dnstap = t->logging.dnstap ? dnstap_new(t->base, t->logging.dnstap_socket, t->logging.node) : NULL;
	if (t->logging.dnstap && !t->dnstap)
		exit(1); /* out of memory: begin anew */
}

static void tell_dnstap(struct tap_process *t)
{
	if (t->dnstap)
		dnstap_tell(t->dnstap, t->copy);
}

static void get_dnstap(const struct tap_process *t, struct dnstap_stats *s)
{
	if (t->dnstap)
		dnstap_stats_get(t->dnstap, s);
}

static bool dnstap_waits(const struct tap_process *t)
{
	return t->dnstap && !dnstap_is_done(t->dnstap);
}

static void end_dnstap(struct tap_process *t)
{
	dnstap_free(t->dnstap);
}
#else
static void follow_dnstap(struct tap_process *t, const struct ctl_logging *was)
{
	(void)t;
	(void)was;
}

static void tell_dnstap(struct tap_process *t)
{
	(void)t;
}

static void get_dnstap(const struct tap_process *t, struct dnstap_stats *s)
{
	(void)t;
	(void)s;
}

static bool dnstap_waits(const struct tap_process *t)
{
	(void)t;
	return false;
}

static void end_dnstap(struct tap_process *t)
{
	(void)t;
}
#endif

/* ---- rings ---- */

static void tell(struct tap_process *t)
{
	struct logline l;
	t->records++;
	if (t->copy->record.purpose & TAP_DNSTAP)
		tell_dnstap(t);
	if (!(t->copy->record.purpose & TAP_QUERY_LOG) || !log_begin(&l, LOG_LEVEL_INFO))
		return;
	tap_line(&l, t->copy);
	log_end(&l);
	t->lines++;
}

/* The rings by turns. True when there may be more. */
static bool drain(struct tap_process *t)
{
	unsigned empty = 0;
	for (unsigned n = 0; t->rings && n < RECORDS_A_TURN; n++) {
		if (tap_ring_get(&t->rings->ring[t->next_ring], t->copy, &t->broken)) {
			tell(t);
			empty = 0;
		} else if (++empty == TAP_RINGS) {
			return false;
		}
		t->next_ring = (t->next_ring + 1) % TAP_RINGS;
	}
	return t->rings != NULL;
}

static void poll_again(struct tap_process *t, unsigned ms)
{
	struct timeval again = { .tv_usec = (suseconds_t)ms * 1000 };
	event_add(t->poll, &again);
}

static void on_poll(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct tap_process *t = ctx;
	const uint64_t records = t->records;
	const bool more = drain(t);
	poll_again(t, more ? 0 : t->records != records ? BUSY_MS : IDLE_MS);
}

/* ---- the others ---- */

static void on_end_time(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	(void)ctx;
	exit(0);
}

/* lines, lost, frames, dropped: as TAPPED has them. */
static void count_all(const struct tap_process *t, uint64_t n[TAP_COUNTERS], bool *connected)
{
	struct dnstap_stats s = { 0 };
	get_dnstap(t, &s);
	n[0] = t->lines;
	n[1] = t->broken;
	for (unsigned i = 0; t->rings && i < TAP_RINGS; i++)
		n[1] += __atomic_load_n(&t->rings->ring[i].dropped, __ATOMIC_RELAXED);
	n[2] = s.sent;
	n[3] = s.dropped;
	*connected = s.connected;
}

/* To the tap of another version, which takes our place: our counters, so that those of the node go on. */
static void say_legacy(struct tap_process *t, const uint64_t n[TAP_COUNTERS])
{
	uint64_t v[1 + TAP_COUNTERS] = { 0 };
	uint8_t room[128];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_LEGACY);
	memcpy(v + 1, n, TAP_COUNTERS * sizeof *n);
	legacy_put(&w, LEGACY_TAP, v, 1 + TAP_COUNTERS);
	if (chan_send_buf(t->supervisor, &w) == 0)
		chan_flush(t->supervisor, FLUSH_MS);
}

/* What is there is told first, as far as it goes. The loop that called us ends, since none can run within another; tap_main waits for
 * dnstap's reader in one of its own. */
static void stop(struct tap_process *t, bool leaves)
{
	uint64_t n[TAP_COUNTERS];
	bool connected;
	struct timeval end = { .tv_usec = END_MS * 1000 };
	for (unsigned i = 0; i < TAP_RINGS && drain(t); i++)
		;
	event_del(t->poll);
	count_all(t, n, &connected);
	t->rings = NULL;
	t->ending = true;
	event_base_once(t->base, -1, EV_TIMEOUT, on_end_time, t, &end);
	if (leaves)
		say_legacy(t, n);
	event_base_loopbreak(t->base);
}

static void take_logging(struct tap_process *t, struct rbuf *m)
{
	const struct ctl_logging was = t->logging;
	if (!logging_follow(m, &t->logging))
		return;
	/* Queries are logged because they are asked for, whatever else is not. */
	if (t->logging.query_log && t->logging.level < LOG_LEVEL_INFO)
		log_settings_set(&(struct log_settings){ LOG_LEVEL_INFO, t->logging.form });
	follow_dnstap(t, &was);
}

static void coordinator_message(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	(void)ctx; /* it has nothing to say */
	(void)data;
	(void)len;
	chan_close_fds(fds, fd_count);
}

static void coordinator_end(void *ctx)
{
	struct tap_process *t = ctx;
	chan_free(t->coordinator);
	t->coordinator = NULL;
}

static void take_rings(struct tap_process *t, int fd)
{
	struct tap_rings *rings;
	if (!t->rings && tap_rings_map(&rings, fd) == 0)
		t->rings = rings;
	close(fd);
}

static void supervisor_message(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	struct tap_process *t = ctx;
	struct rbuf m;
	rbuf_init(&m, data, len);
	const enum ipc_type type = ipc_type_get(&m);
	if (type == IPC_HELLO && get_u16(&m) != IPC_VERSION)
		exit(1);
	if (t->ending) { /* what else there is to do is for the next one */
		chan_close_fds(fds, fd_count);
		return;
	}
	if (type == IPC_CHANNEL && fd_count == 1) {
		if (t->coordinator)
			coordinator_end(t);
		t->coordinator = chan_new(t->base, fds[0], coordinator_message, coordinator_end, t);
	} else if (type == IPC_LOGGING && fd_count == 1) {
		take_rings(t, fds[0]);
	} else {
		chan_close_fds(fds, fd_count);
	}
	if (type == IPC_LOGGING)
		take_logging(t, &m);
	else if (type == IPC_STOP || type == IPC_LEAVE)
		stop(t, type == IPC_LEAVE);
}

static void supervisor_end(void *ctx)
{
	(void)ctx;
	exit(1);
}

static void tell_coordinator(struct tap_process *t)
{
	uint8_t room[64];
	struct wbuf w;
	uint64_t n[TAP_COUNTERS];
	bool connected;
	count_all(t, n, &connected);
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_TAPPED);
	for (size_t i = 0; i < TAP_COUNTERS; i++)
		put_u64(&w, n[i]);
	put_u8(&w, connected);
	if (t->coordinator && !chan_queued(t->coordinator) && chan_send_buf(t->coordinator, &w))
		coordinator_end(t);
}

static void on_second(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct tap_process *t = ctx;
	uint8_t room[CHILD_BEAT_LEN];
	struct wbuf w;
	if (t->ending) /* the counters were told */
		return;
	wbuf_init(&w, room, sizeof room);
	child_put_beat(&w);
	if (chan_send_buf(t->supervisor, &w))
		exit(1);
	tell_coordinator(t);
}

int tap_main(int channel)
{
	struct tap_process *t = calloc(1, sizeof *t);
	struct timeval every = { .tv_sec = CHILD_BEAT_MS / 1000, .tv_usec = CHILD_BEAT_MS % 1000 * 1000 };
	if (!t || !(t->copy = malloc(sizeof *t->copy)) || !(t->base = event_base_new()))
		return 1;
	log_rate_set(LOG_QUERIES_A_SECOND);
	t->supervisor = chan_new(t->base, channel, supervisor_message, supervisor_end, t);
	struct event *second = event_new(t->base, -1, EV_PERSIST, on_second, t);
	t->poll = evtimer_new(t->base, on_poll, t);
	if (!t->supervisor || !second || !t->poll || event_add(second, &every))
		return 1;
	child_confine(t->supervisor, IPC_TAP, -1);
	poll_again(t, IDLE_MS);
	event_base_dispatch(t->base);
	if (!t->ending)
		return 1;
	while (dnstap_waits(t) && event_base_loop(t->base, EVLOOP_ONCE) == 0)
		;
	end_dnstap(t);
	exit(0);
}
