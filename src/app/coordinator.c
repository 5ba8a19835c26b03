/* The coordinator process: one thread, one deterministic state machine (core/).  This file feeds it events and carries out its
 * effects; it decides nothing itself.
 *
 *     results, packets, commands, timers ──▶ core_step ──▶ journal, publish, send, probe, reply, notice
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include "app/child.h"
#include "app/publisher.h"
#include "app/sockets.h"
#include "core/core.h"
#include "core/journal.h"
#include "ctl/ctl.h"
#include "io/clock.h"
#include "io/journal.h"
#include "io/log.h"
#include "io/memfd.h"
#include "io/sockaddr.h"
#include "ipc/ipc.h"

#define PACKETS_A_TURN 64
#define PROBES_A_MESSAGE 4096
#define REPLIES_MAX 64    /* commands that wait for the workers */
#define REPLY_WAIT_MS 2000 /* a responder that does not acknowledge by then is away; the command holds all the same */
#define CHILDREN_MAX 8

struct reply { /* in force in the core; the operator is told when every worker answers from it */
	uint32_t id; /* 0 = free */
	uint64_t seq, deadline_ms;
	bool refused;
	char text[CORE_TEXT_MAX];
};

struct coordinator {
	struct event_base *base;
	struct chan *supervisor, *responder, *prober;
	struct plan *plan, *next_plan; /* next: decoded, waits for its START */
	struct core *core;
	struct publisher publisher;
	struct journal *journal;
	struct ctl_server *ctl;
	int state_fd, control_fd;
	struct listen_peer { int fd; struct addr addr; } peers[PLAN_PEER_ADDRS_MAX];
	size_t peer_count;
	struct event *timer, *reply_timer;
	struct reply replies[REPLIES_MAX];
	uint8_t probes[IPC_MESSAGE_MAX];
	struct wbuf probe_w;
	uint16_t probe_count;
	struct ctl_child children[CHILDREN_MAX];
	size_t child_count;
	struct ctl_counters counters;
	uint64_t counters_ms, started_wall_ms;
	uint32_t reload_asked; /* for the faults that the loader tells meanwhile */
	uint32_t reload_id; /* answered when the new generation is in force */
	int reload_status;
	uint64_t new_epoch; /* asked for by the core within this step */
};

static void step(struct coordinator *c, const struct core_event *e);

static uint64_t random_u64(void)
{
	uint64_t v;
	while (getrandom(&v, sizeof v, 0) != sizeof v)
		;
	return v;
}

/* ---- effects ---- */

static void do_journal(struct coordinator *c, const struct core_effect *e)
{
	/* A record that cannot be written is told by journal_has_failed; an override that needs it is then refused by time-out of
	 * the core's own wait, a verdict still takes effect: answering right now matters more than remembering. */
	if (journal_append(c->journal, e->journal.seq, e->journal.data, e->journal.len) == 0)
		journal_sync(c->journal, e->journal.sync);
	else if (e->journal.sync)
		log_line(LOG_LEVEL_ERROR, "an override is not on disk: it does not take effect");
}

static void do_send(struct coordinator *c, const struct core_effect *e)
{
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_from_addr(&ss, &e->send.to);
	for (size_t i = 0; len && i < c->peer_count; i++)
		if (c->peers[i].addr.family == e->send.to.family) {
			/* A heartbeat that the kernel refuses is a lost heartbeat: the protocol lives with those. */
			sendto(c->peers[i].fd, e->send.data, e->send.len, MSG_DONTWAIT, (struct sockaddr *)&ss, len);
			return;
		}
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
	if (++c->probe_count == PROBES_A_MESSAGE)
		flush_probes(c);
}

static void do_reply(struct coordinator *c, const struct core_effect *e)
{
	for (size_t i = 0; i < REPLIES_MAX; i++) {
		struct reply *r = &c->replies[i];
		if (r->id)
			continue;
		*r = (struct reply){ .id = e->reply.id, .refused = e->reply.refused, .deadline_ms = clock_mono_ms() + REPLY_WAIT_MS,
				     .seq = c->publisher.seq + 1 }; /* the transaction of this very step, closed below */
		strncpy(r->text, e->reply.text, sizeof r->text - 1);
		return;
	}
	ctl_command_done(c->ctl, e->reply.id, e->reply.refused, e->reply.text); /* too many wait: told without the workers' word */
}

static void do_notice(const struct core_effect *e)
{
	static const enum log_level levels[] = { [CORE_NOTICE_NONE] = LOG_LEVEL_INFO, [CORE_NOTICE_VERDICT] = LOG_LEVEL_NOTICE,
						 [CORE_NOTICE_ANSWER] = LOG_LEVEL_NOTICE, [CORE_NOTICE_OVERRIDE] = LOG_LEVEL_NOTICE,
						 [CORE_NOTICE_LINK] = LOG_LEVEL_NOTICE, [CORE_NOTICE_ALARM] = LOG_LEVEL_ERROR,
						 [CORE_NOTICE_SCRIPT] = LOG_LEVEL_WARNING };
	log_line(levels[e->notice.kind], "%s", e->notice.text);
}

static void answer_replies(struct coordinator *c)
{
	uint64_t now = clock_mono_ms();
	bool waiting = false;
	for (size_t i = 0; i < REPLIES_MAX; i++) {
		struct reply *r = &c->replies[i];
		if (!r->id)
			continue;
		if (r->refused || r->seq <= c->publisher.acked || !c->responder || r->deadline_ms <= now) {
			ctl_command_done(c->ctl, r->id, r->refused, r->text);
			r->id = 0;
		} else {
			waiting = true;
		}
	}
	struct timeval again = { .tv_usec = 100 * 1000 };
	if (waiting && !event_pending(c->reply_timer, EV_TIMEOUT, NULL))
		event_add(c->reply_timer, &again);
}

static void on_reply_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	answer_replies(ctx);
}

static void carry_out(struct coordinator *c, bool whole)
{
	struct core_effect e;
	const struct plan *plan = core_plan(c->core);
	if (whole)
		publisher_begin(&c->publisher, true);
	while (core_next_effect(c->core, &e))
		switch (e.type) {
		case CORE_JOURNAL:
			do_journal(c, &e);
			break;
		case CORE_PUBLISH:
			publisher_begin(&c->publisher, false);
			publisher_set(&c->publisher, &plan->services[e.publish.service], &e.publish);
			break;
		case CORE_SEND:
			do_send(c, &e);
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
			do_notice(&e);
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
	answer_replies(c);
}

static void publish_everything(struct coordinator *c)
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

static int fill_snapshot(void *ctx, journal_emit emit, void *out)
{
	struct coordinator *c = ctx;
	return core_snapshot(c->core, clock_mono_ms(), clock_wall_ms(), emit, out);
}

static void compact(struct coordinator *c)
{
	if (journal_compact(c->journal, fill_snapshot, c))
		log_line(LOG_LEVEL_ERROR, "the journal cannot be compacted: %s", strerror(errno));
}

static void take_new_epoch(struct coordinator *c)
{
	uint64_t epoch = c->new_epoch;
	c->new_epoch = 0;
	if (journal_epoch_write(c->state_fd, epoch)) {
		log_line(LOG_LEVEL_ERROR, "alarm: the epoch cannot be written (%s): the twin hears nothing from us", strerror(errno));
		return;
	}
	struct core_event e = { .type = CORE_EPOCH, .epoch = { .epoch = epoch, .boot = random_u64() } };
	step(c, &e);
}

static void step(struct coordinator *c, const struct core_event *e)
{
	int err = core_step(c->core, e, clock_mono_ms(), clock_wall_ms());
	if (err)
		log_line(LOG_LEVEL_ERROR, "an event is lost: %s", err_text(err));
	carry_out(c, false);
	if (c->new_epoch)
		take_new_epoch(c);
	if (publisher_wants_snapshot(&c->publisher))
		publish_everything(c);
	arm_timer(c);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct coordinator *c = ctx;
	step(c, &(struct core_event){ .type = CORE_TIMER });
	if (journal_wants_compaction(c->journal))
		compact(c);
}

static void on_synced(void *ctx, uint64_t seq)
{
	step(ctx, &(struct core_event){ .type = CORE_SYNCED, .synced = { seq } });
}

static void on_packet(evutil_socket_t fd, short what, void *ctx)
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
		step(c, &e);
	}
}

/* ---- responder ---- */

static void take_counters(struct coordinator *c, struct rbuf *m)
{
	struct ctl_counters n = { 0 };
	uint64_t *to[] = { &n.queries, &n.responses, &n.dropped, &n.truncated, &n.cold };
	for (size_t i = 0; i < sizeof to / sizeof to[0]; i++)
		*to[i] = get_u64(m);
	for (size_t i = 0; i < sizeof n.by_rcode / sizeof n.by_rcode[0]; i++)
		n.by_rcode[i] = get_u64(m);
	n.edns = get_u64(m);
	n.tcp = get_u64(m);
	uint64_t now = clock_mono_ms();
	if (m->failed)
		return;
	if (c->counters_ms && now > c->counters_ms && n.queries >= c->counters.queries)
		n.qps = (double)(n.queries - c->counters.queries) * 1000.0 / (double)(now - c->counters_ms);
	c->counters = n;
	c->counters_ms = now;
}

static void get_host(void *ctx, struct ctl_host *h)
{
	const struct coordinator *c = ctx;
	*h = (struct ctl_host){ .core = c->core, .now_ms = clock_mono_ms(), .wall_ms = clock_wall_ms(), .started_wall_ms = c->started_wall_ms,
				.children = c->children, .child_count = c->child_count, .counters = &c->counters,
				.journal_failed = journal_has_failed(c->journal) };
}

static void answer_cold(struct coordinator *c, struct rbuf *m)
{
	uint64_t id = get_u64(m);
	bool udp = get_u8(m) == 1;
	struct addr from;
	size_t len;
	ipc_addr_get(m, &from);
	const uint8_t *query = get_block(m, &len);
	if (m->failed || !c->core)
		return;
	uint8_t answer[IPC_MESSAGE_MAX - 64], room[IPC_MESSAGE_MAX];
	struct ctl_host h;
	struct wbuf w;
	get_host(c, &h);
	size_t n = ctl_dns_answer(&h, udp, &from, query, len, answer, sizeof answer);
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_COLD_REPLY);
	put_u64(&w, id);
	put_block(&w, answer, n);
	if (chan_send_buf(c->responder, &w))
		log_line(LOG_LEVEL_WARNING, "a status answer is lost");
}

static void finish_reload(struct coordinator *c)
{
	if (c->reload_id && c->publisher.acked == c->publisher.seq) {
		ctl_reload_done(c->ctl, c->reload_id, c->reload_status);
		c->reload_id = 0;
	}
}

static void close_all(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

static void responder_message(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	struct coordinator *c = ctx;
	struct rbuf m;
	close_all(fds, fd_count);
	rbuf_init(&m, data, len);
	switch (ipc_type_get(&m)) {
	case IPC_ACK: {
		uint64_t generation = get_u64(&m), seq = get_u64(&m);
		publisher_ack(&c->publisher, generation, seq);
		answer_replies(c);
		finish_reload(c);
		break;
	}
	case IPC_COLD:
		answer_cold(c, &m);
		break;
	case IPC_STATS:
		take_counters(c, &m);
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
		answer_replies(c);
}

/* ---- prober ---- */

static void take_results(struct coordinator *c, struct rbuf *m)
{
	uint64_t generation = get_u64(m);
	uint16_t count = get_u16(m);
	for (uint16_t i = 0; i < count && !m->failed; i++) {
		struct core_event e = { .type = CORE_RESULT };
		e.result.stream = get_u32(m);
		e.result.run = get_u32(m);
		health_result_get(m, &e.result.result);
		if (!m->failed && generation == core_plan(c->core)->generation)
			step(c, &e);
	}
}

static void prober_message(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	struct coordinator *c = ctx;
	struct rbuf m;
	close_all(fds, fd_count);
	rbuf_init(&m, data, len);
	enum ipc_type t = ipc_type_get(&m);
	if (t == IPC_RESULT && c->core) {
		take_results(c, &m);
	} else if (t == IPC_LOG) {
		char line[1024];
		uint8_t level = get_u8(&m);
		get_str(&m, line, sizeof line);
		if (!m.failed)
			log_line(level > LOG_LEVEL_DEBUG ? LOG_LEVEL_DEBUG : (enum log_level)level, "script: %s", line);
	}
}

static void tell_prober_state(struct coordinator *c, bool up)
{
	if (c->core)
		step(c, &(struct core_event){ .type = CORE_PROBER, .prober = { up } });
}

static void prober_end(void *ctx)
{
	struct coordinator *c = ctx;
	chan_free(c->prober);
	c->prober = NULL;
	tell_prober_state(c, false);
}

/* ---- operators ---- */

static void on_command(void *ctx, const struct core_command *cmd)
{
	step(ctx, &(struct core_event){ .type = CORE_COMMAND, .command = *cmd });
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
	c->reload_asked = id;
	ask_supervisor(ctx, IPC_RELOAD, id);
}

static void on_stop(void *ctx)
{
	ask_supervisor(ctx, IPC_STOP, 0);
}

/* ---- start and new generations ---- */

struct recovery { /* records read before the core exists */
	uint8_t *data;
	size_t len, cap;
};
static struct recovery recovered;

static void on_record(void *ctx, const uint8_t *record, size_t len)
{
	(void)ctx;
	if (recovered.len + len + 2 > recovered.cap) {
		size_t cap = (recovered.cap + len + 2) * 2;
		uint8_t *p = realloc(recovered.data, cap);
		if (!p)
			return;
		recovered.data = p;
		recovered.cap = cap;
	}
	store_u16(recovered.data + recovered.len, (uint16_t)len);
	memcpy(recovered.data + recovered.len + 2, record, len);
	recovered.len += len + 2;
}

static void recover(struct coordinator *c)
{
	size_t skipped = 0;
	for (size_t at = 0; at + 2 <= recovered.len;) {
		size_t len = load_u16(recovered.data + at);
		if (core_recover(c->core, recovered.data + at + 2, len, clock_mono_ms(), clock_wall_ms()))
			skipped++;
		at += len + 2;
	}
	if (skipped)
		log_line(LOG_LEVEL_WARNING, "%zu records of the journal are of another version: skipped", skipped);
	free(recovered.data);
	recovered = (struct recovery){ 0 };
}

static void begin_core(struct coordinator *c)
{
	struct core_start s = { .plan = c->plan, .boot = random_u64(), .seed = random_u64() };
	uint64_t last;
	c->journal = journal_open(c->base, c->state_fd, on_record, on_synced, c);
	if (!c->journal)
		exit(1);
	if (journal_epoch_read(c->state_fd, &last)) {
		log_line(LOG_LEVEL_ERROR, "the epoch cannot be read: %s", strerror(errno));
		exit(1);
	}
	s.epoch = epoch_next(last, (uint32_t)random_u64());
	if (journal_epoch_write(c->state_fd, s.epoch)) {
		log_line(LOG_LEVEL_ERROR, "the epoch cannot be written: %s", strerror(errno));
		exit(1);
	}
	if (core_new(&c->core, &s, clock_mono_ms(), clock_wall_ms()))
		exit(1);
	recover(c);
	compact(c);
	static const struct ctl_actions actions = { .host = get_host, .command = on_command, .reload = on_reload, .stop = on_stop };
	struct ctl_actions a = actions;
	a.ctx = c;
	c->ctl = ctl_server_new(c->base, c->control_fd, &a);
	if (!c->ctl)
		exit(1);
	c->publisher.generation = c->plan->generation;
	step(c, &(struct core_event){ .type = CORE_TIMER });
	publish_everything(c);
	if (c->prober)
		tell_prober_state(c, true);
}

static void switch_plan(struct coordinator *c, struct plan *next)
{
	struct plan *old = c->plan;
	c->plan = next;
	c->publisher.generation = next->generation;
	step(c, &(struct core_event){ .type = CORE_PLAN, .plan = { next } });
	publish_everything(c);
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
	else if (kind == SOCKET_PEER && c->peer_count < PLAN_PEER_ADDRS_MAX) {
		c->peers[c->peer_count++] = (struct listen_peer){ fd, a };
		struct event *e = event_new(c->base, fd, EV_READ | EV_PERSIST, on_packet, c);
		if (!e || event_add(e, NULL))
			exit(1);
	}
}

static void take_channel(struct coordinator *c, enum ipc_role role, int fd)
{
	if (role == IPC_RESPONDER) {
		if (c->responder)
			responder_end(c);
		c->responder = chan_new(c->base, fd, responder_message, responder_end, c);
		c->publisher.responder = c->responder;
		if (c->core && c->responder)
			publish_everything(c);
	} else if (role == IPC_PROBER) {
		if (c->prober)
			prober_end(c);
		c->prober = chan_new(c->base, fd, prober_message, prober_end, c);
		if (c->prober)
			tell_prober_state(c, true);
	} else {
		close(fd);
	}
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
	}
}

static void take_reload_result(struct coordinator *c, struct rbuf *m)
{
	uint32_t id = get_u32(m);
	int status = get_u8(m);
	if (status == 2 || !c->responder) {
		ctl_reload_done(c->ctl, id, status);
		return;
	}
	c->reload_id = id;
	c->reload_status = status;
	finish_reload(c);
}

static void take_diag(struct coordinator *c, struct rbuf *m)
{
	char line[4096];
	get_u8(m);
	get_str(m, line, sizeof line);
	if (!m->failed)
		ctl_reload_diag(c->ctl, c->reload_asked, line);
}

static void finish(struct coordinator *c)
{
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
		take_channel(c, get_u8(&m), fds[0]);
	else
		close_all(fds, fd_count);
	if (t == IPC_START)
		start(c);
	else if (t == IPC_CHILDREN)
		take_children(c, &m);
	else if (t == IPC_RELOADED && c->ctl)
		take_reload_result(c, &m);
	else if (t == IPC_DIAG && c->ctl)
		take_diag(c, &m);
	else if (t == IPC_STOP)
		finish(c);
}

static void supervisor_end(void *ctx)
{
	finish(ctx);
}

static void on_second(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct coordinator *c = ctx;
	uint8_t room[8];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_BEAT);
	if (chan_send_buf(c->supervisor, &w))
		finish(c);
}

int coordinator_main(int channel)
{
	struct coordinator *c = calloc(1, sizeof *c);
	if (!c || !(c->base = event_base_new()))
		return 1;
	c->state_fd = c->control_fd = -1;
	c->started_wall_ms = clock_wall_ms();
	c->supervisor = chan_new(c->base, channel, supervisor_message, supervisor_end, c);
	c->timer = evtimer_new(c->base, on_timer, c);
	c->reply_timer = evtimer_new(c->base, on_reply_timer, c);
	struct event *second = event_new(c->base, -1, EV_PERSIST, on_second, c);
	if (!c->supervisor || !c->timer || !c->reply_timer || !second)
		return 1;
	publisher_init(&c->publisher, c->supervisor);
	struct timeval every = { .tv_sec = 1 };
	event_add(second, &every);
	event_base_dispatch(c->base);
	return 1;
}
