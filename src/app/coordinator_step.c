/* One event in, its effects carried out in order. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include "app/coordinator_state.h"
#include "io/clock.h"
#include "io/log.h"
#include "io/sockaddr.h"

#define PROBES_A_MESSAGE 4096
#define REPLY_WAIT_MS 2000 /* a responder that does not acknowledge by then is away; the command holds all the same */

uint64_t coordinator_random(void)
{
	uint64_t v;
	while (getrandom(&v, sizeof v, 0) != sizeof v)
		;
	return v;
}

/* ---- effects ---- */

static void append(struct coordinator *c, uint64_t seq, const uint8_t *record, size_t len, bool sync)
{
	/* A record that cannot be written waits for a fresh file, which journal_sync makes. Meanwhile a verdict takes effect all the
	 * same: answering right now matters more than remembering; an override does not, and is refused when that file fails too. */
	if (journal_append(c->journal, seq, record, len))
		log_line(LOG_LEVEL_DEBUG, "record %" PRIu64 " waits for a fresh journal", seq);
	journal_sync(c->journal, sync);
}

/* The twin's second address is reached from our second one: two links over one socket would be one link. */
const struct listen_peer *coordinator_way(const struct coordinator *c, const struct addr *to)
{
	const struct plan *plan = core_plan(c->core);
	for (uint16_t n = 0; n < plan->node_count; n++)
		for (size_t i = 0; n != plan->self && i < plan->nodes[n].peer_count && i < c->peer_count; i++)
			if (c->peers[i].addr.family == to->family && addr_equal(&plan->nodes[n].peer[i], to))
				return &c->peers[i];
	for (size_t i = 0; i < c->peer_count; i++)
		if (c->peers[i].addr.family == to->family)
			return &c->peers[i];
	return NULL;
}

static void do_send(struct coordinator *c, const struct core_effect *e)
{
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_from_addr(&ss, &e->send.to);
	const struct listen_peer *way = len ? coordinator_way(c, &e->send.to) : NULL;
	/* A heartbeat that the kernel refuses is a lost heartbeat: the protocol lives with those. */
	if (way && sendto(way->fd, e->send.data, e->send.len, MSG_DONTWAIT, (struct sockaddr *)&ss, len) < 0)
		c->refused |= errno == ENETUNREACH || errno == EHOSTUNREACH || errno == ENETDOWN;
}

static void flush_probes(struct coordinator *c)
{
	if (!c->probe_count)
		return;
	store_u16(c->probes + 4 + 8, c->probe_count); /* after the head and the generation */
	c->probe_count = 0;
	if (c->prober && chan_send_buf(c->prober, &c->probe_w))
		log_line(LOG_LEVEL_ERROR, "the prober takes no more probes");
}

static void do_probe(struct coordinator *c, const struct core_effect *e)
{
	if (!c->probe_count) {
		wbuf_init(&c->probe_w, c->probes, sizeof c->probes);
		ipc_begin(&c->probe_w, IPC_PROBE);
		put_u64(&c->probe_w, core_plan(c->core)->generation);
		put_u16(&c->probe_w, 0);
	}
	put_u32(&c->probe_w, e->probe.stream);
	put_u32(&c->probe_w, e->probe.run);
	put_u32(&c->probe_w, e->probe.timeout_ms);
	if (++c->probe_count == PROBES_A_MESSAGE)
		flush_probes(c);
}

static void do_reply(struct coordinator *c, const struct core_effect *e)
{
	coordinator_forget(c, e->reply.id);
	for (size_t i = 0; i < REPLIES_MAX; i++) {
		struct reply *r = &c->replies[i];
		if (r->id)
			continue;
		*r = (struct reply){ .id = e->reply.id, .refused = e->reply.refused, .deadline_ms = clock_mono_ms() + REPLY_WAIT_MS,
				     .seq = c->publisher.seq + 1 }; /* the transaction of this very step, closed below */
		strncpy(r->text, e->reply.text, sizeof r->text - 1);
		return;
	}
	coordinator_command_done(c, e->reply.id, e->reply.refused, e->reply.text); /* too many wait: told without the workers' word */
}

static void do_notice(struct coordinator *c, const struct core_effect *e)
{
	char line[NOTICE_LINE_MAX];
	const struct core_notice *n = e->notice.what;
	log_pairs(notice_is_alarm(n) ? LOG_LEVEL_ERROR : LOG_LEVEL_NOTICE, notice_line(n, line));
	if (n->number && c->ctl)
		ctl_notice(c->ctl, n);
	if (n->number && c->http)
		ctl_http_notice(c->http, n);
	if (n->number)
		coordinator_hook_notice(c, n);
	if (e->notice.seq) /* on a disk that takes nothing the history is lost, and nothing else */
		append(c, e->notice.seq, e->notice.data, e->notice.len, false);
}

void coordinator_answer_replies(struct coordinator *c)
{
	uint64_t now = clock_mono_ms();
	bool waiting = false;
	for (size_t i = 0; i < REPLIES_MAX; i++) {
		struct reply *r = &c->replies[i];
		if (!r->id)
			continue;
		if (r->refused || r->seq <= c->publisher.acked || !c->responder || r->deadline_ms <= now) {
			coordinator_command_done(c, r->id, r->refused, r->text);
			r->id = 0;
		} else {
			waiting = true;
		}
	}
	struct timeval again = { .tv_usec = 100 * 1000 };
	if (waiting && !event_pending(c->reply_timer, EV_TIMEOUT, NULL))
		event_add(c->reply_timer, &again);
}

void coordinator_on_reply_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	coordinator_answer_replies(ctx);
}

static void carry_out(struct coordinator *c, bool whole)
{
	struct core_effect e;
	const struct plan *plan = core_plan(c->core);
	c->publisher.first_round = !core_round_done(c->core);
	if (whole)
		publisher_begin(&c->publisher, true);
	while (core_next_effect(c->core, &e))
		switch (e.type) {
		case CORE_JOURNAL:
			append(c, e.journal.seq, e.journal.data, e.journal.len, e.journal.sync);
			break;
		case CORE_RECORD: /* as history: on a disk that takes nothing it is lost, and nothing else */
			append(c, e.journal.seq, e.journal.data, e.journal.len, false);
			break;
		case CORE_PUBLISH:
			publisher_begin(&c->publisher, false);
			publisher_set(&c->publisher, &plan->services[e.publish.service], &e.publish);
			break;
		case CORE_SEND:
			do_send(c, &e);
			break;
		case CORE_CONNECTION:
			coordinator_connection(c, &e);
			break;
		case CORE_PROBE:
			do_probe(c, &e);
			break;
		case CORE_REPLY:
			do_reply(c, &e);
			break;
		case CORE_NEED_EPOCH:
			c->new_epoch = e.need_epoch.epoch;
			break;
		case CORE_NOTICE:
			do_notice(c, &e);
			break;
		case CORE_EFFECT_NONE:
			break;
		}
	uint64_t seq = publisher_commit(&c->publisher);
	flush_probes(c);
	/* A reply without a publish in its step (nothing changed) waits for nothing newer. */
	for (size_t i = 0; i < REPLIES_MAX; i++)
		if (c->replies[i].seq > seq)
			c->replies[i].seq = seq;
	coordinator_answer_replies(c);
}

void coordinator_publish_all(struct coordinator *c)
{
	int e = core_publish_all(c->core, clock_mono_ms());
	if (e)
		log_line(LOG_LEVEL_ERROR, "cannot publish: %s", err_text(e));
	else
		carry_out(c, true);
}

/* ---- the core's time ---- */

static void arm_timer(struct coordinator *c)
{
	uint64_t at = core_deadline(c->core), now = clock_mono_ms();
	uint64_t wait = at > now ? at - now : 0;
	if (wait > 60000)
		wait = 60000;
	struct timeval tv = { .tv_sec = (time_t)(wait / 1000), .tv_usec = (suseconds_t)(wait % 1000) * 1000 };
	event_add(c->timer, &tv);
}

static void take_new_epoch(struct coordinator *c)
{
	uint64_t epoch = c->new_epoch | (uint32_t)coordinator_random(); /* the core leaves the low half to us */
	if (clock_mono_ms() < c->epoch_retry_ms)
		return;
	if (journal_epoch_write(c->state_fd, epoch)) {
		log_line(LOG_LEVEL_ERROR, "alarm: the epoch cannot be written (%s): the twin hears nothing from us", strerror(errno));
		c->epoch_retry_ms = clock_mono_ms() + EPOCH_RETRY_MS;
		return;
	}
	c->new_epoch = 0;
	struct core_event e = { .type = CORE_EPOCH, .epoch = { .epoch = epoch, .boot = coordinator_random() } };
	coordinator_step(c, &e);
}

static void tell_round(struct coordinator *c)
{
	const uint32_t left = core_round_left(c->core);
	if (left > c->round_all)
		c->round_all = left;
	progress_round(&c->progress, left, c->round_all, clock_mono_ms());
}

int coordinator_step(struct coordinator *c, const struct core_event *e)
{
	int err = core_step(c->core, e, clock_mono_ms(), clock_wall_ms());
	if (err)
		log_line(LOG_LEVEL_ERROR, "an event is lost: %s", err_text(err));
	carry_out(c, e->type == CORE_PLAN && !err); /* a new plan's step publishes everything */
	if (c->new_epoch)
		take_new_epoch(c);
	if (publisher_wants_snapshot(&c->publisher))
		coordinator_publish_all(c);
	arm_timer(c);
	if (c->refused || (e->type == CORE_RESULT && e->result.result.reason == HEALTH_LOCAL_ERROR))
		coordinator_uplink_doubt(c);
	c->refused = false;
	tell_round(c);
	return err;
}

void coordinator_on_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct coordinator *c = ctx;
	coordinator_step(c, &(struct core_event){ .type = CORE_TIMER });
	if (journal_wants_compaction(c->journal))
		coordinator_compact(c);
}
