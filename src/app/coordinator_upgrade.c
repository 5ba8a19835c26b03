/* Upgrades, seen from the coordinator: who asks for one, what a new one takes over, how an old one leaves.
 *
 *     old   LEAVE ─▶ no new command; those under way are answered ─▶ FRESH, into the journal; LEGACY: the counters ─▶ the end
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

/* The place of a responder that leaves; -1 = it has none. */
static int left_of(const struct coordinator *c, uint64_t pid)
{
	for (int i = 0; pid && i < LEFT_MAX; i++)
		if (c->left[i].pid == pid)
			return i;
	return -1;
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
	figures_end(&c->figures);
	c->counters_ms = 0;
	coordinator_sum_counters(c);
}

static void put_responder(struct legacy_writer *l, uint32_t pid, const struct ctl_counters *n)
{
	uint64_t v[1 + COUNTERS] = { pid };
	memcpy(v + 1, n, COUNTERS * sizeof *v);
	legacy_add(l, LEGACY_RESPONDER, v, sizeof v / sizeof *v);
}

static uint32_t pid_of(const struct coordinator *c, enum ipc_role role)
{
	for (size_t i = 0; i < c->child_count; i++)
		if (strcmp(c->children[i].role, ipc_role_text(role)) == 0)
			return c->children[i].pid;
	return 0;
}

static int send_words(void *ctx, const uint8_t *data, size_t len)
{
	struct coordinator *c = ctx;
	uint8_t room[LEGACY_MESSAGE_MAX + 16];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_LEGACY);
	put_bytes(&w, data, len);
	return chan_send_buf(c->supervisor, &w);
}

static void tell_responders(struct coordinator *c, struct legacy_writer *l)
{
	uint32_t pids[LEFT_MAX];
	legacy_add(l, LEGACY_ENDED, values(&c->ended), COUNTERS);
	for (size_t i = 0; i < LEFT_MAX; i++) {
		pids[i] = c->left[i].pid;
		if (pids[i])
			put_responder(l, pids[i], &c->left[i].counters);
	}
	put_responder(l, pid_of(c, IPC_RESPONDER), &c->present);
	figures_tell(&c->figures, l, pid_of(c, IPC_RESPONDER), pids);
}

static void tell_totals(struct coordinator *c, struct legacy_writer *l)
{
	struct ctl_totals t = c->inherited;
	const uint64_t reloads[] = { c->reloads.by_result[0], c->reloads.by_result[1], c->reloads.by_result[2], c->reloads.last_wall_ms,
				     c->reloads.last_took_ms };
	if (c->http)
		ctl_http_totals(c->http, &t);
	for (unsigned i = 0; i < HEALTH_REASON_MAX; i++)
		t.results[i] += core_results(c->core, i);
	if (core_pair(c->core))
		add(t.pair, (const uint64_t *)(const void *)pair_stats_get(core_pair(c->core)), CTL_PAIR_TOTALS);
	legacy_add(l, LEGACY_RESULTS, t.results, HEALTH_REASON_MAX);
	legacy_add(l, LEGACY_EVENTS, t.events, CORE_NOTICE_KINDS);
	legacy_add(l, LEGACY_RELOADS, reloads, sizeof reloads / sizeof *reloads);
	legacy_add(l, LEGACY_PAIR, t.pair, CTL_PAIR_TOTALS);
	legacy_add(l, LEGACY_HTTP, t.http, CTL_HTTP_TOTALS);
}

static void tell_tap(struct legacy_writer *l, uint32_t pid, const struct ctl_tap *t)
{
	const uint64_t v[] = { pid, t->lines, t->lost, t->frames, t->frames_dropped };
	legacy_add(l, LEGACY_TAP, v, sizeof v / sizeof *v);
}

/* What it told last, each of those that may still say more. */
static void tell_taps(struct coordinator *c, struct legacy_writer *l)
{
	const struct ctl_tap *all = &c->tapped, *ended = &c->tapped_before;
	const struct ctl_tap present = { .lines = all->lines - ended->lines, .lost = all->lost - ended->lost,
					 .frames = all->frames - ended->frames, .frames_dropped = all->frames_dropped - ended->frames_dropped };
	tell_tap(l, 0, all);
	if (c->tap && pid_of(c, IPC_TAP))
		tell_tap(l, pid_of(c, IPC_TAP), &present);
	for (size_t i = 0; i < LEFT_MAX; i++)
		if (c->tap_left[i].pid)
			tell_tap(l, c->tap_left[i].pid, &c->tap_left[i].tap);
}

static void tell_processes(struct coordinator *c, struct legacy_writer *l)
{
	const uint64_t hook[] = { c->hook.ran, c->hook.failed, c->hook.dropped };
	const uint64_t log = c->log_dropped_before + c->log_dropped;
	uint64_t cpu[2 * (IPC_TAP + 1)];
	for (uint64_t role = 0; role <= IPC_TAP; role++) {
		cpu[2 * role] = role;
		cpu[2 * role + 1] = coordinator_cpu_ms(c, (enum ipc_role)role);
	}
	legacy_add(l, LEGACY_HOOK, hook, sizeof hook / sizeof *hook);
	tell_taps(c, l);
	legacy_add(l, LEGACY_LOG, &log, 1);
	legacy_add(l, LEGACY_CPU, cpu, sizeof cpu / sizeof *cpu);
}

static void say_legacy(struct coordinator *c)
{
	struct legacy_writer l;
	legacy_begin(&l, send_words, c);
	tell_responders(c, &l);
	tell_totals(c, &l);
	tell_processes(c, &l);
	if (legacy_end(&l))
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
	figures_left(&c->figures, i);
	c->left[i].pid = (uint32_t)v[0];
	c->left[i].counters = n;
}

static void take_reloads(struct coordinator *c, const uint64_t *v, size_t count)
{
	uint64_t reloads[5] = { 0 };
	take_list(reloads, 5, v, count);
	memcpy(c->reloads.by_result, reloads, sizeof c->reloads.by_result);
	c->reloads.last_wall_ms = reloads[3];
	c->reloads.last_took_ms = (uint32_t)reloads[4];
}

static void take_hook(struct coordinator *c, const uint64_t *v, size_t count)
{
	uint64_t n[3] = { 0 };
	take_list(n, 3, v, count);
	c->hook.ran += n[0];
	c->hook.failed += n[1];
	c->hook.dropped += n[2];
}

static uint64_t since(uint64_t now, uint64_t then)
{
	return now > then ? now - then : 0;
}

static void add_tap(struct ctl_tap *to, const struct ctl_tap *now, const struct ctl_tap *then)
{
	to->lines += since(now->lines, then->lines);
	to->lost += since(now->lost, then->lost);
	to->frames += since(now->frames, then->frames);
	to->frames_dropped += since(now->frames_dropped, then->frames_dropped);
}

static bool read_tap(const uint64_t *v, size_t count, struct ctl_tap *t)
{
	if (count < 5)
		return false;
	*t = (struct ctl_tap){ .lines = v[1], .lost = v[2], .frames = v[3], .frames_dropped = v[4] };
	return true;
}

static void take_tap(struct coordinator *c, const uint64_t *v, size_t count)
{
	struct ctl_tap t;
	size_t i = 0;
	if (!read_tap(v, count, &t))
		return;
	if (!v[0]) {
		c->tapped = c->tapped_before = t;
		return;
	}
	while (i < LEFT_MAX - 1 && c->tap_left[i].pid)
		i++;
	c->tap_left[i].pid = (uint32_t)v[0];
	c->tap_left[i].tap = t;
}

/* One before, which counted on after its coordinator had left. */
static void take_taps(struct coordinator *c, uint32_t pid, struct rbuf *r)
{
	uint64_t v[LEGACY_VALUES_MAX];
	size_t count;
	enum legacy_tag tag;
	struct ctl_tap t;
	while (legacy_next(r, &tag, v, &count))
		for (size_t i = 0; tag == LEGACY_TAP && i < LEFT_MAX && pid; i++) {
			if (c->tap_left[i].pid != pid || !read_tap(v, count, &t))
				continue;
			add_tap(&c->tapped_before, &t, &c->tap_left[i].tap);
			add_tap(&c->tapped, &t, &c->tap_left[i].tap);
			c->tap_left[i].pid = 0;
		}
}

static void take_cpu(struct coordinator *c, const uint64_t *v, size_t count)
{
	for (size_t i = 0; i + 1 < count; i += 2)
		if (v[i] <= IPC_TAP)
			c->cpu_before_ms[v[i]] = v[i + 1];
}

static void take_of_responder(struct coordinator *c, enum legacy_tag tag, const uint64_t *v, size_t count)
{
	if (count && tag == LEGACY_LATENCY)
		figures_inherit_latency(&c->figures, left_of(c, v[0]), v + 1, count - 1);
	else if (count)
		figures_inherit_zone(&c->figures, left_of(c, v[0]), v + 1, count - 1);
}

static void take_coordinators(struct coordinator *c, struct rbuf *r)
{
	uint64_t v[LEGACY_VALUES_MAX];
	size_t count;
	enum legacy_tag tag;
	while (legacy_next(r, &tag, v, &count))
		switch (tag) {
		case LEGACY_ENDED: take_list(values(&c->ended), COUNTERS, v, count); break;
		case LEGACY_RESPONDER: take_responder(c, v, count); break;
		case LEGACY_LATENCY:
		case LEGACY_ZONE: take_of_responder(c, tag, v, count); break;
		case LEGACY_RESULTS: take_list(c->inherited.results, HEALTH_REASON_MAX, v, count); break;
		case LEGACY_EVENTS: take_list(c->inherited.events, CORE_NOTICE_KINDS, v, count); break;
		case LEGACY_PAIR: take_list(c->inherited.pair, CTL_PAIR_TOTALS, v, count); break;
		case LEGACY_HTTP: take_list(c->inherited.http, CTL_HTTP_TOTALS, v, count); break;
		case LEGACY_RELOADS: take_reloads(c, v, count); break;
		case LEGACY_HOOK: take_hook(c, v, count); break;
		case LEGACY_TAP: take_tap(c, v, count); break;
		case LEGACY_LOG: take_list(&c->log_dropped_before, 1, v, count); break;
		case LEGACY_CPU: take_cpu(c, v, count); break;
		case LEGACY_NONE: break;
		}
}

/* Of itself; the last of its messages ends with its counters. */
static void take_responders(struct coordinator *c, uint32_t pid, struct rbuf *r)
{
	uint64_t v[LEGACY_VALUES_MAX];
	size_t count;
	enum legacy_tag tag;
	int i;
	while ((i = left_of(c, pid)) >= 0 && legacy_next(r, &tag, v, &count)) {
		if (count && (tag == LEGACY_LATENCY || tag == LEGACY_ZONE)) {
			v[0] = pid;
			take_of_responder(c, tag, v, count);
		} else if (count && tag == LEGACY_RESPONDER) {
			take_list(values(&c->left[i].counters), COUNTERS, v + 1, count - 1);
			end_counters(c, &c->left[i].counters);
			figures_left(&c->figures, (size_t)i);
			c->left[i].pid = 0;
		}
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
	else if (role == IPC_RESPONDER)
		take_responders(c, pid, &r);
	else if (role == IPC_TAP)
		take_taps(c, pid, &r);
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

static int vouch(void *ctx, uint64_t seq, const uint8_t *data, size_t len)
{
	struct coordinator *c = ctx;
	return journal_append(c->journal, seq, data, len);
}

/* On a disk that takes nothing the next one begins with what is written: its verdicts are memory, as after any start. */
static void say_last_words(struct coordinator *c)
{
	if (core_vouch(c->core, vouch, c))
		log_line(LOG_LEVEL_WARNING, "the journal takes no last words: votes for down wait to be borne out anew");
	say_legacy(c);
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
		say_last_words(c);
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
