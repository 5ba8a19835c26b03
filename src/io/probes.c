/* The set of probes: the queues, whose turn it is, and how late the loop is. */
#include <stdlib.h>
#include <string.h>
#include "io/clock.h"
#include "io/probe_state.h"

#define TICK_SLACK_US 10000u /* later than that is a stall */

void probes_get_stats(const struct probes *s, struct probes_stats *out)
{
	*out = s->stats;
}

/* ---- queues ---- */

/* By a timer that is due at once, not by event_active: then the sockets are polled before it. */
void probes_ask_turn(struct probes *s)
{
	static const struct timeval now = { 0, 0 };

	if (!s->turn_set)
		s->turn_set = event_add(s->turn, &now) == 0;
}

void probes_leave(struct probe *p)
{
	if (p->queue == PROBE_CRYPTO || p->queue == PROBE_ROOM)
		p->crypto_wait_us += clock_mono_us() - p->crypto_since_us;
	if (p->queue != PROBE_NOWHERE)
		TAILQ_REMOVE(&p->set->queue[p->queue], p, link);
	p->queue = PROBE_NOWHERE;
}

void probes_enter(struct probe *p, enum probe_queue q)
{
	probes_leave(p);
	p->queue = q;
	TAILQ_INSERT_TAIL(&p->set->queue[q], p, link);
	probes_ask_turn(p->set);
}

void probe_ask_crypto(struct probe *p)
{
	p->crypto_since_us = clock_mono_us();
	probes_enter(p, PROBE_CRYPTO);
}

void probe_ask_room(struct probe *p)
{
	p->wait = PROBE_WAIT_ROOM;
	p->crypto_since_us = clock_mono_us();
	probes_enter(p, PROBE_ROOM);
}

static void on_room(void *ctx)
{
	struct probes *s = ctx;

	if (!TAILQ_EMPTY(&s->queue[PROBE_ROOM]))
		probes_ask_turn(s);
}

struct tls_contexts *probe_tls_contexts(struct probe *p)
{
	if (p->set->tls == NULL)
		p->set->tls = tls_contexts_new(p->set->tls_max, on_room, p->set);
	return p->set->tls;
}

void probes_enter_own(struct probe *p)
{
	if (p->slow)
		probes_enter(p, PROBE_SLOW);
	else
		probes_enter(p, p->run != NULL ? PROBE_RESUMES : PROBE_STARTS);
}

/* ---- turns ---- */

uint64_t probes_stalled_us(const struct probes *s, uint64_t now_us)
{
	uint64_t late = s->tick_due_us != 0 && now_us > s->tick_due_us ? now_us - s->tick_due_us : 0;

	return s->stats.stalled_us + (late > TICK_SLACK_US ? late : 0);
}

/* The next one that may run, by the order of the queues. */
static struct probe *turn_next(struct probes *s)
{
	struct probe *p = TAILQ_FIRST(&s->queue[PROBE_RESUMES]);

	if (p == NULL && s->in_flight < s->in_flight_max)
		p = TAILQ_FIRST(&s->queue[PROBE_STARTS]);
	return p;
}

/* Those that wait for room, as far as there is some. */
static void turn_room(struct probes *s)
{
	struct probe *p;

	while ((p = TAILQ_FIRST(&s->queue[PROBE_ROOM])) != NULL && tls_contexts_have_room(s->tls)) {
		probes_leave(p);
		probe_tls_begin(p);
	}
}

/* Handshakes: at least one step a turn, then as many as fit. */
static void turn_crypto(struct probes *s)
{
	uint64_t began = clock_mono_us(), took = 0;
	struct probe *p;

	while (took < PROBES_CRYPTO_US && (p = TAILQ_FIRST(&s->queue[PROBE_CRYPTO])) != NULL) {
		probes_leave(p);
		probe_tls_step(p);
		took = clock_mono_us() - began;
		s->stats.crypto_steps++;
	}
	s->stats.crypto_us += took;
}

static void tick_start(struct probes *s)
{
	static const struct timeval tick = { .tv_usec = PROBE_TICK_MS * 1000 };

	if (s->tick_due_us == 0 && !TAILQ_EMPTY(&s->all) && event_add(s->tick, &tick) == 0)
		s->tick_due_us = clock_mono_us() + PROBE_TICK_MS * 1000;
}

static void on_turn(evutil_socket_t fd, short what, void *ctx)
{
	struct probes *s = ctx;
	uint64_t began = clock_mono_us(), took = 0;
	struct probe *p;

	(void)fd;
	(void)what;
	s->turn_set = false;
	while (took < PROBES_TURN_US && (p = turn_next(s)) != NULL) {
		probe_take_turn(p);
		took = clock_mono_us() - began;
	}
	p = TAILQ_FIRST(&s->queue[PROBE_SLOW]);
	if (p != NULL && (p->started_us != 0 || s->in_flight < s->in_flight_max)) {
		s->stats.slices++;
		probe_take_turn(p);
	}
	turn_room(s);
	turn_crypto(s);
	took = clock_mono_us() - began;
	s->stats.turns++;
	s->stats.turn_max_us = took > s->stats.turn_max_us ? took : s->stats.turn_max_us;
	if (turn_next(s) != NULL || !TAILQ_EMPTY(&s->queue[PROBE_SLOW]) || !TAILQ_EMPTY(&s->queue[PROBE_CRYPTO]))
		probes_ask_turn(s);
	tick_start(s);
}

/* Measures how late the loop is; runs only while there are probes. */
static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct probes *s = ctx;

	(void)fd;
	(void)what;
	s->stats.stalled_us = probes_stalled_us(s, clock_mono_us());
	s->tick_due_us = 0;
	tick_start(s);
}

/* ---- the set ---- */

struct probes *probes_new(struct event_base *base, unsigned in_flight_max, probe_done done, void *ctx)
{
	struct probes *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->base = base;
	s->in_flight_max = in_flight_max;
	s->tls_max = TLS_OPEN_MAX;
	s->done = done;
	s->ctx = ctx;
	TAILQ_INIT(&s->all);
	for (int q = 0; q < PROBE_QUEUES; q++)
		TAILQ_INIT(&s->queue[q]);
	s->turn = evtimer_new(base, on_turn, s);
	s->tick = evtimer_new(base, on_tick, s);
	if (s->turn == NULL || s->tick == NULL) {
		probes_free(s);
		return NULL;
	}
	return s;
}

void probes_cancel(struct probes *s)
{
	while (!TAILQ_EMPTY(&s->all))
		probe_free(TAILQ_FIRST(&s->all));
}

void probes_free(struct probes *s)
{
	if (s == NULL)
		return;
	probes_cancel(s);
	probe_runner_free(s->runner);
	probe_pinger_free(s->pinger);
	if (s->turn != NULL)
		event_free(s->turn);
	if (s->tick != NULL)
		event_free(s->tick);
	tls_contexts_free(s->tls);
	free(s);
}

int probes_start(struct probes *s, const struct probe_job *job)
{
	struct probe *p = calloc(1, sizeof *p);

	if (p == NULL)
		return ERR_NOMEM;
	p->timer = evtimer_new(s->base, probe_on_timer, p);
	if (p->timer == NULL) {
		free(p);
		return ERR_NOMEM;
	}
	p->set = s;
	p->job = *job;
	p->slow = job->slow;
	for (size_t i = 0; i < PROBE_CONNS_MAX; i++)
		p->conns[i].fd = -1;
	TAILQ_INSERT_TAIL(&s->all, p, all);
	probes_enter_own(p);
	return 0;
}

int probes_set_runner(struct probes *s, int fd)
{
	probe_runner_free(s->runner);
	s->runner = probe_runner_new(s->base, fd);
	return s->runner != NULL ? 0 : ERR_NOMEM;
}

void probes_set_source(struct probes *s, const struct addr source[2])
{
	memset(s->source, 0, sizeof s->source);
	for (int i = 0; i < 2; i++)
		if (source[i].family != 0)
			s->source[source[i].family == 6] = source[i];
}

void probes_limit_tls(struct probes *s, unsigned most)
{
	s->tls_max = most;
}

int probes_add_ping_socket(struct probes *s, int fd)
{
	if (s->pinger == NULL)
		s->pinger = probe_pinger_new();
	return s->pinger != NULL ? probe_pinger_add(s->pinger, s->base, fd) : ERR_NOMEM;
}
