/* A responder whose place another took: it finishes what it has read, lets its connections end, tells its counters, and ends.
 *
 *     LEAVE ─▶ workers end after the batch they are at; listeners are the other's
 *           ─▶ a connection that has been idle for a second is closed; what comes on the others is answered
 *           ─▶ after ten seconds the others too, each behind an answer; a client that was told has a second to take note
 *           ─▶ none is left: LEGACY, the end
 */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include "app/legacy.h"
#include "app/responder_state.h"
#include "io/clock.h"
#include "io/log.h"
#include "ipc/ipc.h"

#define LOOK_MS 10 /* for ten seconds at most */
#define CONNECTION_IDLE_MS 1000
#define CONNECTIONS_MS 10000
#define END_MS 1000
#define FLUSH_MS 200

struct leave {
	struct responder *r;
	struct event *look;
	bool left; /* told */
	uint64_t until_ms;
};

static int send_words(void *ctx, const uint8_t *data, size_t len)
{
	struct responder *r = ctx;
	uint8_t room[LEGACY_MESSAGE_MAX + 16];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_LEGACY);
	put_bytes(&w, data, len);
	return chan_send_buf(r->supervisor, &w);
}

static void say_legacy(struct responder *r)
{
	struct legacy_writer l;
	uint8_t stats[512];
	uint64_t v[1 + sizeof stats / sizeof(uint64_t)] = { 0 };
	struct wbuf w;
	struct rbuf s;
	size_t count = 1;
	wbuf_init(&w, stats, sizeof stats);
	responder_put_stats(r, &w);
	rbuf_init(&s, w.data, w.len);
	while (rbuf_left(&s))
		v[count++] = get_u64(&s);
	legacy_begin(&l, send_words, r);
	figures_tell_last(r, &l);
	legacy_add(&l, LEGACY_RESPONDER, v, count);
	if (legacy_end(&l) == 0)
		chan_flush(r->supervisor, FLUSH_MS);
}

static void tell_left(struct leave *l)
{
	uint8_t room[8];
	struct wbuf w;
	if (!workers_ended(l->r)) {
		workers_wake(l->r); /* again: one may have been about to wait */
		return;
	}
	if (l->left)
		return;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_LEFT);
	l->left = true;
	if (chan_send_buf(l->r->supervisor, &w))
		exit(1);
}

static void look(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct leave *l = ctx;
	struct responder *r = l->r;
	uint64_t now = clock_mono_ms();
	tell_left(l);
	tcp_end_idle(r->tcp, CONNECTION_IDLE_MS);
	if (now >= l->until_ms)
		tcp_end_all(r->tcp);
	bool done = l->left && tcp_stats_get(r->tcp)->open == 0 && !cold_waits(r->cold);
	if (!done && now < l->until_ms + END_MS)
		return;
	if (!done)
		log_line(LOG_LEVEL_NOTICE, "%llu connections are cut: their clients had ten seconds to end them",
			 (unsigned long long)tcp_stats_get(r->tcp)->open);
	say_legacy(r);
	exit(0);
}

void leave_begin(struct responder *r)
{
	static const struct timeval every = { .tv_usec = LOOK_MS * 1000 };
	struct leave *l;
	if (__atomic_exchange_n(&r->leaving, true, __ATOMIC_RELAXED))
		return;
	l = calloc(1, sizeof *l);
	if (!l || !(l->look = event_new(r->base, -1, EV_PERSIST, look, l)) || event_add(l->look, &every)) {
		say_legacy(r);
		exit(0);
	}
	l->r = r;
	l->until_ms = clock_mono_ms() + CONNECTIONS_MS;
	r->limits.tcp_idle_ds = 0; /* RFC 7828 3.4: who speaks of keepalive is told to go */
	tcp_stop_listening(r->tcp);
	workers_wake(r);
	log_line(LOG_LEVEL_NOTICE, "another takes over: %llu connections are left", (unsigned long long)tcp_stats_get(r->tcp)->open);
}
