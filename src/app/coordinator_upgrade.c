/* Upgrades, seen from the coordinator: who asks for one, what a new one takes over, how an old one leaves.
 *
 *     old   LEAVE ─▶ no new command; those under way are answered ─▶ LEGACY: the counters ─▶ the journal is closed ─▶ the end
 *     new   HOLD ─▶ plan taken, confined ─▶ PREPARED … INHERITED, GO ─▶ the journal is read, the epoch raised, all is published
 *
 * The twin is told nothing: it sees a new session of a node that was silent for less than a few heartbeats, in the same states.
 */
#include "config.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "app/coordinator_state.h"
#include "app/legacy.h"
#include "base/diag.h"
#include "io/clock.h"
#include "io/log.h"

#define COUNTERS (offsetof(struct ctl_counters, qps) / sizeof(uint64_t))
#define LEAVE_LOOK_MS 20
#define LEAVE_COMMANDS_MS 2000 /* for commands that wait for the disk or the workers, and for a reload */
_Static_assert(COUNTERS < LEGACY_VALUES_MAX, "a list of counters has its bound");

/* ---- counters ---- */

static void add(uint64_t *to, const uint64_t *from, size_t count)
{
	for (size_t i = 0; i < count; i++)
		to[i] += from[i];
}

static uint64_t *values(struct ctl_counters *n)
{
	return (uint64_t *)(void *)n;
}

/* What people see: of all responders there ever were, but how many connections are open now is the present one's. */
void coordinator_sum_counters(struct coordinator *c)
{
	struct ctl_counters sum = c->ended;
	for (size_t i = 0; i < LEFT_MAX; i++)
		add(values(&sum), values(&c->left[i].counters), COUNTERS);
	add(values(&sum), values(&c->present), COUNTERS);
	sum.tcp_open = c->present.tcp_open;
	sum.qps = c->present.qps;
	c->counters = sum;
}

static void end_counters(struct coordinator *c, struct ctl_counters *n)
{
	n->tcp_open = 0;
	add(values(&c->ended), values(n), COUNTERS);
	*n = (struct ctl_counters){ 0 };
}

/* The responder is another process from here on. */
void coordinator_end_counters(struct coordinator *c)
{
	end_counters(c, &c->present);
	c->counters_ms = 0;
	coordinator_sum_counters(c);
}

static void put_responder(struct wbuf *w, uint32_t pid, const struct ctl_counters *n)
{
	uint64_t v[1 + COUNTERS] = { pid };
	memcpy(v + 1, n, COUNTERS * sizeof *v);
	legacy_put(w, LEGACY_RESPONDER, v, sizeof v / sizeof *v);
}

static uint32_t responder_pid(const struct coordinator *c)
{
	for (size_t i = 0; i < c->child_count; i++)
		if (strcmp(c->children[i].role, ipc_role_text(IPC_RESPONDER)) == 0)
			return c->children[i].pid;
	return 0;
}

static void say_legacy(struct coordinator *c)
{
	uint8_t room[16384];
	struct wbuf w;
	struct ctl_totals t = c->inherited;
	const uint64_t reloads[] = { c->reloads.by_result[0], c->reloads.by_result[1], c->reloads.by_result[2], c->reloads.last_wall_ms,
				     c->reloads.last_took_ms };
	if (c->http)
		ctl_http_totals(c->http, &t);
	for (unsigned i = 0; i < HEALTH_REASON_MAX; i++)
		t.results[i] += core_results(c->core, i);
	if (core_pair(c->core))
		add(t.pair, (const uint64_t *)(const void *)pair_stats_get(core_pair(c->core)), CTL_PAIR_TOTALS);
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_LEGACY);
	legacy_put(&w, LEGACY_ENDED, values(&c->ended), COUNTERS);
	for (size_t i = 0; i < LEFT_MAX; i++)
		if (c->left[i].pid)
			put_responder(&w, c->left[i].pid, &c->left[i].counters);
	put_responder(&w, responder_pid(c), &c->present);
	legacy_put(&w, LEGACY_RESULTS, t.results, HEALTH_REASON_MAX);
	legacy_put(&w, LEGACY_EVENTS, t.events, CORE_NOTICE_KINDS);
	legacy_put(&w, LEGACY_RELOADS, reloads, sizeof reloads / sizeof *reloads);
	legacy_put(&w, LEGACY_PAIR, t.pair, CTL_PAIR_TOTALS);
	legacy_put(&w, LEGACY_HTTP, t.http, CTL_HTTP_TOTALS);
	if (chan_send_buf(c->supervisor, &w))
		log_line(LOG_LEVEL_WARNING, "the counters are not handed over: they begin anew");
}

static void take_list(uint64_t *to, size_t room, const uint64_t *v, size_t count)
{
	memcpy(to, v, (count < room ? count : room) * sizeof *v);
}

/* Of one whose last words are to come; more than that many are none that still live. */
static void take_responder(struct coordinator *c, const uint64_t *v, size_t count)
{
	struct ctl_counters n = { 0 };
	size_t i = 0;
	if (!count)
		return;
	take_list(values(&n), COUNTERS, v + 1, count - 1);
	while (i < LEFT_MAX - 1 && c->left[i].pid)
		i++;
	end_counters(c, &c->left[i].counters);
	c->left[i].pid = (uint32_t)v[0];
	c->left[i].counters = n;
}

static void take_coordinators(struct coordinator *c, struct rbuf *r)
{
	uint64_t v[LEGACY_VALUES_MAX], reloads[5] = { 0 };
	size_t count;
	enum legacy_tag tag;
	while (legacy_next(r, &tag, v, &count))
		switch (tag) {
		case LEGACY_ENDED: take_list(values(&c->ended), COUNTERS, v, count); break;
		case LEGACY_RESPONDER: take_responder(c, v, count); break;
		case LEGACY_RESULTS: take_list(c->inherited.results, HEALTH_REASON_MAX, v, count); break;
		case LEGACY_EVENTS: take_list(c->inherited.events, CORE_NOTICE_KINDS, v, count); break;
		case LEGACY_PAIR: take_list(c->inherited.pair, CTL_PAIR_TOTALS, v, count); break;
		case LEGACY_HTTP: take_list(c->inherited.http, CTL_HTTP_TOTALS, v, count); break;
		case LEGACY_RELOADS:
			take_list(reloads, 5, v, count);
			memcpy(c->reloads.by_result, reloads, sizeof c->reloads.by_result);
			c->reloads.last_wall_ms = reloads[3];
			c->reloads.last_took_ms = (uint32_t)reloads[4];
			break;
		case LEGACY_NONE: break;
		}
}

void coordinator_take_inherited(struct coordinator *c, struct rbuf *m)
{
	enum ipc_role role = get_u8(m);
	uint32_t pid = get_u32(m);
	size_t len;
	const uint8_t *data = get_block(m, &len);
	struct rbuf r;
	if (m->failed)
		return;
	rbuf_init(&r, data, len);
	if (role == IPC_COORDINATOR)
		take_coordinators(c, &r);
	for (size_t i = 0; role == IPC_RESPONDER && i < LEFT_MAX; i++) {
		struct ctl_counters last = { 0 };
		if (!pid || c->left[i].pid != pid || !coordinator_read_counters(&r, &last))
			continue;
		c->left[i].counters = (struct ctl_counters){ 0 };
		c->left[i].pid = 0;
		end_counters(c, &last);
	}
	coordinator_sum_counters(c);
}

/* ---- leaving ---- */

static bool is_busy(const struct coordinator *c)
{
	bool busy = c->reload_id || c->reload_asked;
	for (size_t i = 0; i < COMMANDS_MAX; i++)
		busy |= c->commands[i] != 0;
	for (size_t i = 0; i < REPLIES_MAX; i++)
		busy |= c->replies[i].id != 0;
	return busy;
}

static void look(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct coordinator *c = ctx;
	struct timeval soon = { .tv_usec = LEAVE_LOOK_MS * 1000 };
	if (c->core && is_busy(c) && clock_mono_ms() < c->leave_ms &&
	    event_base_once(c->base, -1, EV_TIMEOUT, look, c, &soon) == 0)
		return;
	if (c->core)
		say_legacy(c);
	coordinator_finish(c);
}

void coordinator_leave(struct coordinator *c)
{
	if (c->leave_ms)
		return;
	c->leave_ms = clock_mono_ms() + LEAVE_COMMANDS_MS;
	if (c->ctl)
		ctl_server_rest(c->ctl); /* who comes now is the next one's */
	look(-1, 0, c);
}

/* ---- asking ---- */

void coordinator_ask_upgrade(void *ctx, uint32_t id, bool json, int client)
{
	struct coordinator *c = ctx;
	uint8_t room[16];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_UPGRADE);
	put_u32(&w, id);
	put_u8(&w, json);
	if (chan_send(c->supervisor, w.data, w.len, &client, 1))
		log_line(LOG_LEVEL_ERROR, "the supervisor does not listen");
	close(client);
}

/* For the events: an operator may not have been there. */
static void note(struct coordinator *c, bool done, const char *from, const char *why)
{
	struct core_notice n = { .kind = done ? CORE_NOTICE_NODE : CORE_NOTICE_ALARM };
	const struct plan_node *self = &c->plan->nodes[c->plan->self];
	snprintf(n.subject, sizeof n.subject, "%s", self->name);
	snprintf(n.cause, sizeof n.cause, "upgrade");
	if (done) {
		snprintf(n.new, sizeof n.new, "upgraded");
		snprintf(n.reason, sizeof n.reason, "gemeld %s took over from %.64s", PACKAGE_VERSION, from);
	} else {
		snprintf(n.reason, sizeof n.reason, "the upgrade is refused: %.140s", why);
	}
	if (coordinator_step(c, &(struct core_event){ .type = CORE_TELL, .tell = { &n } }))
		log_line(LOG_LEVEL_ERROR, "an event is lost: %s", err_text(ERR_NOMEM));
}

void coordinator_upgraded(struct coordinator *c, struct rbuf *m, int client)
{
	char from[64], why[512];
	uint32_t id = get_u32(m);
	bool done = get_u8(m) != 0, json = get_u8(m) != 0;
	get_str(m, from, sizeof from);
	get_str(m, why, sizeof why);
	struct ctl_upgrade u = { .done = done, .from = from, .why = why, .took_ms = get_u32(m) };
	if (m->failed || !c->ctl) {
		if (client >= 0)
			close(client);
		return;
	}
	note(c, done, from, why);
	if (client >= 0)
		ctl_upgrade_adopt(c->ctl, client, json, &u);
	else
		ctl_upgrade_done(c->ctl, id, &u);
}
