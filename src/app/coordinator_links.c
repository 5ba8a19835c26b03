/* What comes in: answers of the responder, results of the prober, packets of the twin, wishes of operators. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "answer/answer.h"
#include "app/coordinator_state.h"
#include "app/logging.h"
#include "base/diag.h"
#include "io/clock.h"
#include "io/log.h"
#include "io/sockaddr.h"

#define PACKETS_A_TURN 64

/* ---- the twin ---- */

void coordinator_on_packet(evutil_socket_t fd, short what, void *ctx)
{
	(void)what;
	struct coordinator *c = ctx;
	for (int i = 0; c->core && i < PACKETS_A_TURN; i++) {
		uint8_t data[PAIR_PACKET_MAX + 1]; /* one more: a longer one shows by its length, and is refused */
		struct sockaddr_storage ss;
		socklen_t ss_len = sizeof ss;
		ssize_t n = recvfrom(fd, data, sizeof data, MSG_DONTWAIT, (struct sockaddr *)&ss, &ss_len);
		if (n < 0)
			return;
		struct core_event e = { .type = CORE_PACKET, .packet = { .data = data, .len = (size_t)n } };
		sockaddr_to_addr(&e.packet.from, &ss);
		coordinator_step(c, &e);
	}
}

/* ---- responder ---- */

bool coordinator_read_counters(struct rbuf *m, struct ctl_counters *n)
{
	/* The order of struct answer_stats, then that of struct tcp_stats. */
	uint64_t *first[] = { &n->queries, &n->responses, &n->dropped, &n->truncated, &n->cold, &n->edns, &n->tcp };
	uint64_t *last[] = { &n->rate_dropped, &n->rate_slipped, &n->tcp_open, &n->tcp_accepted, &n->tcp_evicted, &n->tcp_evicted_source };
	for (size_t i = 0; i < sizeof first / sizeof first[0]; i++)
		*first[i] = get_u64(m);
	for (size_t i = 0; i < sizeof n->by_rcode / sizeof n->by_rcode[0]; i++)
		n->by_rcode[i] = get_u64(m);
	for (size_t i = 0; i < sizeof last / sizeof last[0]; i++)
		*last[i] = get_u64(m);
	return !m->failed;
}

/* The twin learns which zones are served here, and in which version. Lists come every second, others seldom. */
void coordinator_tell_zones(struct coordinator *c)
{
	struct figures *f = &c->figures;
	size_t n = 0;
	if (!c->core || (f->zones.count == f->count_told && f->zones.digest == f->digest_told))
		return;
	struct core_zone *list = calloc(f->zones.count + 1, sizeof *list);
	if (!list)
		return; /* the next list comes soon */
	for (size_t i = 0; i < f->zones.count; i++)
		if (!f->zones.list[i].faulty)
			list[n++] = (struct core_zone){ f->zones.list[i].name, f->zones.list[i].serial, f->zones.list[i].content };
	if (coordinator_step(c, &(struct core_event){ .type = CORE_ZONES, .zones = { list, n, f->zones.digest } }) == 0) {
		f->digest_told = f->zones.digest;
		f->count_told = f->zones.count;
	}
	free(list);
}

static void take_counters(struct coordinator *c, struct rbuf *m)
{
	struct ctl_counters n = { 0 };
	uint64_t now = clock_mono_ms();
	if (!coordinator_read_counters(m, &n))
		return;
	if (c->counters_ms && now > c->counters_ms && n.queries >= c->present.queries)
		n.qps = (double)(n.queries - c->present.queries) * 1000.0 / (double)(now - c->counters_ms);
	c->present = n;
	c->counters_ms = now;
	coordinator_sum_counters(c);
}

/* A set is of one family: its first address tells which. */
static size_t pick_sticky(const struct ctl_sticky *s, uint16_t order[CTL_STICKY_MAX])
{
	struct answer_member members[CTL_STICKY_MAX];
	if (s->count == 0 || s->count > CTL_STICKY_MAX)
		return 0;
	for (size_t i = 0; i < s->count; i++) {
		memcpy(members[i].ip, s->set[i].ip, sizeof members[i].ip);
		members[i].weight = s->weights[i];
	}
	return answer_sticky_order(&(struct answer_set){ .owner = (const uint8_t *)"", .type = s->set[0].family == 4 ? DNS_TYPE_A : DNS_TYPE_AAAA,
							 .pick = ANSWER_PICK_STICKY, .answer_n = s->answer_n, .count = s->count,
							 .members = members }, s->client, order);
}

void coordinator_get_host(void *ctx, struct ctl_host *h)
{
	struct coordinator *c = ctx;
	*h = (struct ctl_host){ .core = c->core, .now_ms = clock_mono_ms(), .wall_ms = clock_wall_ms(), .started_wall_ms = c->started_wall_ms,
				.children = c->children, .child_count = c->child_count, .counters = &c->counters,
				.latency = &c->figures.latency, .zones = &c->figures.zones, .zones_told = c->figures.zones_told,
				.hook = coordinator_hook_get(c), .journal_failed = journal_has_failed(c->journal), .sticky = pick_sticky,
				.serving = c->responder && c->publisher.acked, .reloads = c->reloads, .inherited = &c->inherited,
				.logging = &c->logging, .tap = &c->tapped, .log_dropped = c->log_dropped_before + c->log_dropped };
}

static void answer_cold(struct coordinator *c, struct chan *to, struct rbuf *m)
{
	uint64_t id = get_u64(m);
	struct ctl_dns_from from = { .udp = get_u8(m) == 1 };
	struct addr addr;
	size_t len;
	ipc_addr_get(m, &addr);
	from.addr = &addr;
	const uint8_t *query = get_block(m, &len);
	from.cookie = get_block(m, &from.cookie_len);
	if (m->failed || !c->core)
		return;
	uint8_t answer[IPC_MESSAGE_MAX - 64], room[IPC_MESSAGE_MAX];
	struct ctl_host h;
	struct wbuf w;
	coordinator_get_host(c, &h);
	size_t n = ctl_dns_answer(&h, &from, query, len, answer, sizeof answer);
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_COLD_REPLY);
	put_u64(&w, id);
	put_block(&w, answer, n);
	if (chan_send_buf(to, &w))
		log_line(LOG_LEVEL_WARNING, "a status answer is lost");
}

void coordinator_finish_reload(struct coordinator *c, bool at_once)
{
	if (!c->reload_id)
		return;
	bool answers = c->publisher.acked >= c->reload_seq;
	if (!answers && !at_once && clock_mono_ms() < c->reload_deadline_ms)
		return;
	if (!answers)
		ctl_reload_diag(c->ctl, c->reload_id, DIAG_WARNING,
				"the new generation is loaded; the responder has not told yet that it answers from it");
	ctl_reload_done(c->ctl, c->reload_id, c->reload_status);
	c->reload_id = 0;
}

static void responder_message(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	struct coordinator *c = ctx;
	struct rbuf m;
	chan_close_fds(fds, fd_count);
	rbuf_init(&m, data, len);
	switch (ipc_type_get(&m)) {
	case IPC_ACK: {
		uint64_t generation = get_u64(&m), seq = get_u64(&m);
		publisher_ack(&c->publisher, generation, seq);
		coordinator_answer_replies(c);
		coordinator_finish_reload(c, false);
		break;
	}
	case IPC_COLD:
		answer_cold(c, c->responder, &m);
		break;
	case IPC_STATS:
		take_counters(c, &m);
		break;
	case IPC_LATENCY:
		figures_take_latency(&c->figures, &m);
		break;
	case IPC_ZONE_COUNTS:
		if (figures_take_zones(&c->figures, &m))
			coordinator_tell_zones(c);
		break;
	default:
		break;
	}
}

static void responder_end(void *ctx)
{
	struct coordinator *c = ctx;
	chan_free(c->responder);
	c->responder = c->publisher.responder = NULL;
	if (c->core)
		coordinator_answer_replies(c);
}

/* ---- a responder that leaves ---- */

static void questions_message(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	struct questions *q = ctx;
	struct rbuf m;
	chan_close_fds(fds, fd_count);
	rbuf_init(&m, data, len);
	if (ipc_type_get(&m) == IPC_COLD)
		answer_cold(q->c, q->chan, &m);
}

static void questions_end(void *ctx)
{
	struct questions *q = ctx;
	chan_free(q->chan);
	q->chan = NULL;
}

void coordinator_take_questions(struct coordinator *c, int fd)
{
	struct questions *q = c->questions;
	while (q < c->questions + LEFT_MAX && q->chan)
		q++;
	if (q == c->questions + LEFT_MAX) {
		close(fd);
		return;
	}
	q->c = c;
	q->chan = chan_new(c->base, fd, questions_message, questions_end, q);
	if (q->chan && !c->core)
		chan_pause(q->chan, true);
}

void coordinator_read_questions(struct coordinator *c)
{
	for (size_t i = 0; i < LEFT_MAX; i++)
		if (c->questions[i].chan)
			chan_pause(c->questions[i].chan, false);
}

/* ---- prober ---- */

static void take_results(struct coordinator *c, struct rbuf *m)
{
	get_u64(m); /* the generation: the core knows a run that it started before a reload */
	uint16_t count = get_u16(m);
	for (uint16_t i = 0; i < count && !m->failed; i++) {
		struct core_event e = { .type = CORE_RESULT };
		e.result.stream = get_u32(m);
		e.result.run = get_u32(m);
		health_result_get(m, &e.result.result);
		if (!m->failed)
			coordinator_step(c, &e);
	}
}

static void take_probe(struct coordinator *c, enum ipc_type t, struct rbuf *m)
{
	uint32_t id = get_u32(m);
	struct health_result r;
	char line[512];
	if (t == IPC_PROBE_STEP) {
		uint32_t at_us = get_u32(m);
		get_str(m, line, sizeof line);
		if (!m->failed)
			ctl_probe_told(c->ctl, id, at_us, line);
		return;
	}
	health_result_get(m, &r);
	if (!m->failed)
		ctl_probe_done(c->ctl, id, &r);
}

static void log_script_line(uint8_t level, const char *text)
{
	struct logline l;
	if (!log_begin(&l, level > LOG_LEVEL_DEBUG ? LOG_LEVEL_DEBUG : (enum log_level)level))
		return;
	logline_text(&l, "event", "script", 6);
	logline_text(&l, "message", text, strlen(text));
	log_end(&l);
}

static void prober_message(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	struct coordinator *c = ctx;
	struct rbuf m;
	chan_close_fds(fds, fd_count);
	rbuf_init(&m, data, len);
	enum ipc_type t = ipc_type_get(&m);
	if (t == IPC_RESULT && c->core) {
		take_results(c, &m);
	} else if ((t == IPC_PROBE_STEP || t == IPC_PROBE_DONE) && c->ctl) {
		take_probe(c, t, &m);
	} else if (t == IPC_LOG) {
		char line[1024];
		uint8_t level = get_u8(&m);
		get_str(&m, line, sizeof line);
		if (!m.failed)
			log_script_line(level, line);
	}
}

void coordinator_tell_prober_state(struct coordinator *c, bool up)
{
	if (c->core)
		coordinator_step(c, &(struct core_event){ .type = CORE_PROBER, .prober = { up } });
}

static void prober_end(void *ctx)
{
	struct coordinator *c = ctx;
	chan_free(c->prober);
	c->prober = NULL;
	if (c->ctl)
		ctl_probes_lost(c->ctl);
	coordinator_tell_prober_state(c, false);
}

/* ---- tap ---- */

static void tap_message(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	struct coordinator *c = ctx;
	struct ctl_tap got = { .told = true };
	struct rbuf m;
	chan_close_fds(fds, fd_count);
	rbuf_init(&m, data, len);
	if (ipc_type_get(&m) != IPC_TAPPED)
		return;
	got.lines = get_u64(&m);
	got.lost = get_u64(&m);
	got.frames = get_u64(&m);
	got.frames_dropped = get_u64(&m);
	got.connected = get_u8(&m) != 0;
	if (m.failed)
		return;
	got.lines += c->tapped_before.lines;
	got.lost += c->tapped_before.lost;
	got.frames += c->tapped_before.frames;
	got.frames_dropped += c->tapped_before.frames_dropped;
	c->tapped = got;
}

static void tap_end(void *ctx)
{
	struct coordinator *c = ctx;
	chan_free(c->tap);
	c->tap = NULL;
	c->tapped.connected = false;
	uint64_t lost = c->tapped_before.lost; /* the rings, which it counts by, outlive it */
	c->tapped_before = c->tapped;
	c->tapped_before.lost = lost;
}

/* ---- operators ---- */

static void on_command(void *ctx, const struct core_command *cmd)
{
	struct coordinator *c = ctx;
	if (!coordinator_accept(c, cmd))
		return;
	if (coordinator_step(c, &(struct core_event){ .type = CORE_COMMAND, .command = *cmd }))
		coordinator_refuse(c, cmd->id, "out of memory: nothing was changed");
}

static void ask_supervisor(struct coordinator *c, enum ipc_type t, uint32_t id)
{
	uint8_t room[16];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, t);
	put_u32(&w, id);
	if (chan_send_buf(c->supervisor, &w))
		log_line(LOG_LEVEL_ERROR, "the supervisor does not listen");
}

static void on_reload(void *ctx, uint32_t id)
{
	struct coordinator *c = ctx;
	if (c->reload_asked)
		ctl_reload_diag(c->ctl, c->reload_asked, DIAG_WARNING, "another reload was asked for meanwhile: its outcome counts");
	c->reload_asked = id;
	ask_supervisor(ctx, IPC_RELOAD, id);
}

static void on_stop(void *ctx)
{
	ask_supervisor(ctx, IPC_STOP, 0);
}

static void on_probe(void *ctx, uint32_t id, uint64_t generation, uint32_t stream, bool steps)
{
	struct coordinator *c = ctx;
	uint8_t room[32];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_PROBE_ONCE);
	put_u32(&w, id);
	put_u64(&w, generation);
	put_u32(&w, stream);
	put_u8(&w, steps);
	if (!c->prober || chan_send_buf(c->prober, &w)) {
		struct health_result away = { .reason = HEALTH_LOCAL_ERROR, .detail = "the prober is not there" };
		ctl_probe_done(c->ctl, id, &away);
	}
}

static void on_logging(void *ctx, const struct ctl_logging *l)
{
	struct coordinator *c = ctx;
	uint8_t room[LOGGING_MESSAGE_MAX];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	logging_put(&w, l);
	c->logging = *l; /* who asks next sees it; the supervisor will say so, too */
	if (chan_send_buf(c->supervisor, &w))
		log_line(LOG_LEVEL_ERROR, "the supervisor does not listen");
}

const struct ctl_actions coordinator_actions = { .host = coordinator_get_host, .command = on_command, .reload = on_reload, .stop = on_stop, .logging = on_logging,
						.probe = on_probe, .what_if = coordinator_what_if, .upgrade = coordinator_ask_upgrade };

/* ---- new channels ---- */

void coordinator_take_channel(struct coordinator *c, enum ipc_role role, int fd)
{
	if (role == IPC_RESPONDER) {
		if (c->responder)
			responder_end(c);
		coordinator_end_counters(c);
		c->responder = chan_new(c->base, fd, responder_message, responder_end, c);
		c->publisher.responder = c->responder;
		if (c->core && c->responder)
			coordinator_publish_all(c);
	} else if (role == IPC_PROBER) {
		if (c->prober)
			prober_end(c);
		c->prober = chan_new(c->base, fd, prober_message, prober_end, c);
		if (c->prober)
			coordinator_tell_prober_state(c, true);
	} else if (role == IPC_RUNNER) {
		coordinator_take_runner(c, fd);
	} else if (role == IPC_TAP) {
		if (c->tap)
			tap_end(c);
		c->tap = chan_new(c->base, fd, tap_message, tap_end, c);
	} else {
		close(fd);
	}
}
