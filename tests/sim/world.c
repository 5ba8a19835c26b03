/* The clock, the queue, the wires, the disks and the back ends. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/journal.h"
#include "dns/const.h"
#include "lib/core_world.h"
#include "lib/plan_make.h"
#include "sim/sim.h"

#define WALL_MS 1700000000000u
#define PEER_PORT 5401
#define PROBE_TIMEOUT_MS 300

/* Windows that are open all the time, since the clocks of the two may be hours apart. */
#define ALWAYS " from=2023-11-14_00:00 to=2023-11-17_00:00\n"
#define HELD "window one 127.0.0.1,dl.test/127.0.0.4" ALWAYS "window more site:ams,last.test" ALWAYS
#define OUT "window down dl.test/127.0.0.6" ALWAYS
/* Two plans a shape: the second has its members in another order and a service more. Members' last octets name back ends. */
static const char *const plans[SIM_SHAPES][SIM_PLANS] = {
	{ "pair any-up\ncheck web interval=1000 timeout=300 retry=200\n"
	  "service www.test web 127.0.0.1@ams1%ams 127.0.0.2 / 127.0.0.3\nservice dl.test web 127.0.0.1@ams1%ams 127.0.0.4 pick=weighted slow_start=15000\n"
	  "service last.test web 127.0.0.5 127.0.0.6 all_down=last\nservice few.test web 127.0.0.1@ams1%ams 127.0.0.3 127.0.0.4 127.0.0.6 removals=1\n"
	  HELD,
	  "pair any-up\ncheck web interval=1000 timeout=300 retry=200\n"
	  "service new.test web 127.0.0.6 127.0.0.2\nservice www.test web 127.0.0.2 127.0.0.1@ams1%ams / 127.0.0.3\n"
	  "service dl.test web 127.0.0.4 127.0.0.1@ams1%ams pick=weighted slow_start=15000\nservice last.test web 127.0.0.5 127.0.0.6 all_down=last\nservice few.test web 127.0.0.1@ams1%ams 127.0.0.3 127.0.0.4 127.0.0.6 removals=1\n"
	  HELD },
	{ "pair any-down\ncheck web interval=800 timeout=300 retry=150 fall=2\n"
	  "service www.test web 127.0.0.1@ams1%ams 127.0.0.2^dl.test 127.0.0.3 need=2 all_down=none removals=2\nservice dl.test web 127.0.0.3 / 127.0.0.4@ams2%ams / 127.0.0.5 failback=1500\n",
	  "pair any-down\ncheck web interval=800 timeout=300 retry=150 fall=2\n"
	  "service dl.test web 127.0.0.3 / 127.0.0.4@ams2%ams / 127.0.0.5 failback=1500\nservice new.test web 127.0.0.6 needs=www.test\n"
	  "service www.test web 127.0.0.3 127.0.0.2^dl.test 127.0.0.1@ams1%ams need=2 all_down=none removals=2\n" },
	{ "pair quorum\ncheck web interval=1000 timeout=300 retry=200 fall=2 rise=1\n"
	  "service www.test web 127.0.0.1@ams1%ams ::2 / 127.0.0.3 ::4 couple=1 failback=manual\nservice dl.test web 127.0.0.5 127.0.0.6 all_down=all agree=any-up\n"
	  OUT,
	  "pair quorum\ncheck web interval=1000 timeout=300 retry=200 fall=2 rise=1\n"
	  "service dl.test web 127.0.0.5 127.0.0.6 all_down=all agree=any-up\nservice www.test web ::2 127.0.0.1@ams1%ams / ::4 127.0.0.3 couple=1 failback=manual\n"
	  OUT },
	{ "pair any-up\ncheck web interval=500 timeout=300 retry=100 fall=3\n"
	  "service www.test web 127.0.0.1@ams1%ams 127.0.0.2 initial=down needs=dl.test\nservice own.test web 127.0.0.3#30 127.0.0.4#30 / 127.0.0.1#40 agree=local load=40 pick=sticky slow_start=3000\n"
	  "service dl.test web 127.0.0.2 / 127.0.0.5 need=100%\n",
	  "pair any-up\ncheck web interval=700 timeout=300 retry=100 fall=2\n"
	  "service dl.test web 127.0.0.2 / 127.0.0.5 need=100%\nservice www.test web 127.0.0.2 127.0.0.1@ams1%ams initial=down needs=dl.test\n"
	  "service own.test web 127.0.0.4#20 127.0.0.3#20 127.0.0.6#20 agree=local load=40 pick=sticky slow_start=4000\n" },
};
/* Made once: nobody writes to a plan, and the runs are many. */
static struct plan *made[SIM_SHAPES][SIM_PLANS][SIM_NODES];

void sim_tell(struct sim *s, const char *fmt, ...)
{
	va_list ap;
	if (!s->loud)
		return;
	printf("%8.3f  ", (double)s->now / 1000);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

void sim_fail(struct sim *s, const char *fmt, ...)
{
	va_list ap;
	if (s->failed)
		return;
	va_start(ap, fmt);
	vsnprintf(s->fault, sizeof s->fault, fmt, ap);
	va_end(ap);
	s->failed = true;
	sim_tell(s, "FAILED: %s", s->fault);
}

const struct plan *sim_plan(const struct sim *s, int node)
{
	return made[s->shape][s->nodes[node].shape_plan][node];
}

int sim_backend(const struct addr *a)
{
	return a->ip[addr_ip_len(a) - 1] - 1;
}

/* Every life has a monotonic clock of its own, every node a wall clock that is wrong in its own way. */
uint64_t sim_mono(const struct sim *s, int node)
{
	return s->now + s->nodes[node].clock_off;
}

uint64_t sim_wall(const struct sim *s, int node)
{
	return WALL_MS + s->now + s->nodes[node].wall_off;
}

/* ---- the queue ---- */

static struct sim_item *push(struct sim *s, uint64_t at, enum sim_what what, int node)
{
	if (s->free_count == 0) {
		sim_fail(s, "the queue is full");
		return NULL;
	}
	uint32_t i = s->free[--s->free_count];
	s->used[s->used_count++] = i;
	s->queue[i] = (struct sim_item){
		.at = at, .what = (uint8_t)what, .node = (uint8_t)node, .life = s->nodes[node].life
	};
	return &s->queue[i];
}

static uint32_t earliest(const struct sim *s)
{
	uint32_t best = 0;
	for (uint32_t k = 1; k < s->used_count; k++) {
		if (s->queue[s->used[k]].at < s->queue[s->used[best]].at)
			best = k;
	}
	return best;
}

/* ---- wires ---- */

static void deliver_later(struct sim *s, int from, const uint8_t *data, uint16_t len)
{
	uint64_t delay = s->net[from].delay + rng_below(&s->rng, s->net[from].jitter + 1u);
	struct sim_item *i = push(s, s->now + delay, SIM_PACKET, 1 - from);
	if (!i)
		return;
	i->from = (uint8_t)from;
	i->len = len;
	memcpy(s->packets[i - s->queue], data, len);
}

static void do_send(struct sim *s, int node, const struct core_effect *e)
{
	if (e->send.to.port != PEER_PORT + (1 - node))
		sim_fail(s, "node %d sends to port %u", node, e->send.to.port);
	if (s->net[node].cut)
		return;
	for (int copies = rng_below(&s->rng, 100) < s->net[node].dup ? 2 : 1; copies > 0; copies--) {
		if (rng_below(&s->rng, 100) >= s->net[node].loss)
			deliver_later(s, node, e->send.data, e->send.len);
	}
}

/* ---- disks and probers ---- */

static void do_journal(struct sim *s, int node, const struct core_effect *e)
{
	struct sim_node *n = &s->nodes[node];
	uint8_t frame[JOURNAL_FRAME_HEAD_LEN + JOURNAL_RECORD_MAX];
	struct wbuf w;
	wbuf_init(&w, frame, sizeof frame);
	journal_frame_put(&w, e->journal.seq, e->journal.data, e->journal.len);
	bytes_add(&n->journal, frame, w.len);
	if (w.failed || n->journal.failed)
		sim_fail(s, "a journal record of %u octets", e->journal.len);
	s->late_records += s->now > SIM_CHAOS_MS + SIM_QUIET_MS - SIM_STILL_MS;
	struct sim_item *i = push(s, s->now + (e->journal.sync ? 1 + rng_below(&s->rng, 20) : 100), SIM_SYNC, node);
	if (!i)
		return;
	i->seq = e->journal.seq;
	i->a = (uint32_t)n->journal.len;
}

static void do_probe(struct sim *s, int node, const struct core_effect *e)
{
	const struct plan_stream *stream = &core_plan(s->nodes[node].core)->streams[e->probe.stream];
	int b = sim_backend(&stream->addr);
	if (!s->nodes[node].prober)
		return;
	bool up = s->alive[b] && s->seen[node][b];
	bool silent = !up && rng_below(&s->rng, 2);
	if (!s->quiet && rng_below(&s->rng, 200) == 0)
		return; /* a result that never comes */
	struct sim_item *i =
		push(s, s->now + (silent ? PROBE_TIMEOUT_MS : 1 + rng_below(&s->rng, 10)), SIM_RESULT, node);
	if (!i)
		return;
	i->a = e->probe.stream;
	i->b = e->probe.run;
	i->len = (uint16_t)(up ? HEALTH_OK : silent ? HEALTH_CONNECT_TIMEOUT : HEALTH_CONNECT_REFUSED);
	if (!s->quiet && rng_below(&s->rng, 100) == 0)
		i->len = rng_below(&s->rng, 2) ? HEALTH_LOCAL_ERROR : HEALTH_SCRIPT_ERROR;
}

/* ---- a step ---- */

static void carry_out(struct sim *s, int node)
{
	struct core_effect e;
	struct sim_node *n = &s->nodes[node];
	uint64_t epoch = 0;
	char text[1024];
	while (core_next_effect(n->core, &e)) {
		if (s->loud && e.type != CORE_SEND && e.type != CORE_PROBE && e.type != CORE_JOURNAL &&
		    e.type != CORE_RECORD) {
			core_effect_text(text, sizeof text, n->core, &e);
			sim_tell(s, "ns%d %s", node + 1, text);
		}
		if (e.type == CORE_SEND)
			do_send(s, node, &e);
		else if (e.type == CORE_JOURNAL)
			do_journal(s, node, &e);
		else if (e.type == CORE_PROBE)
			do_probe(s, node, &e);
		else if (e.type == CORE_PUBLISH)
			oracle_published(s, node, &e.publish);
		else if (e.type == CORE_REPLY)
			oracle_replied(s, e.reply.id, e.reply.refused);
		else if (e.type == CORE_NEED_EPOCH)
			epoch = e.need_epoch.epoch | (uint32_t)rng_u64(&s->rng);
	}
	if (!epoch)
		return;
	n->epoch = epoch;
	struct core_event answer = { .type = CORE_EPOCH };
	answer.epoch.epoch = epoch;
	answer.epoch.boot = rng_u64(&s->rng) | 1;
	sim_step(s, node, &answer);
}

void sim_step(struct sim *s, int node, const struct core_event *e)
{
	struct core *c = s->nodes[node].core;
	s->event = e->type;
	if (++s->steps > SIM_STEPS_MAX)
		sim_fail(s, "more than %u steps", SIM_STEPS_MAX);
	int err = core_step(c, e, sim_mono(s, node), sim_wall(s, node));
	if (err < 0)
		sim_fail(s, "core_step: %s", err_text(err));
	carry_out(s, node);
	oracle_after_step(s, node);
	if (core_deadline(c) < sim_mono(s, node) && e->type == CORE_TIMER)
		sim_fail(s, "node %d wants a timer in the past", node);
}

static void land(struct sim *s, const struct sim_item *i, uint32_t slot)
{
	static const struct addr from[SIM_NODES] = { { 4, { 127, 0, 0, 1 }, PEER_PORT },
						     { 4, { 127, 0, 0, 1 }, PEER_PORT + 1 } };
	struct sim_node *n = &s->nodes[i->node];
	struct core_event e = { 0 };
	switch ((enum sim_what)i->what) {
	case SIM_PACKET: /* reaches whoever lives by then */
		e.type = CORE_PACKET;
		e.packet.from = from[i->from];
		e.packet.data = s->packets[slot];
		e.packet.len = i->len;
		sim_step(s, i->node, &e);
		break;
	case SIM_RESULT:
		if (i->life != n->life || !n->prober)
			break;
		e.type = CORE_RESULT;
		e.result.stream = i->a;
		e.result.run = i->b;
		e.result.result = (struct health_result){ .reason = (enum health_reason)i->len, .weight_pct = 100 };
		sim_step(s, i->node, &e);
		break;
	case SIM_SYNC:
		if (i->life != n->life)
			break;
		n->synced = i->a > n->synced ? i->a : n->synced;
		e.type = CORE_SYNCED;
		e.synced.seq = i->seq;
		sim_step(s, i->node, &e);
		break;
	case SIM_CHAOS:
		chaos_act(s);
		break;
	case SIM_NONE:
		break;
	}
}

static uint64_t timer_at(const struct sim *s, int node)
{
	uint64_t at = core_deadline(s->nodes[node].core), off = s->nodes[node].clock_off;
	return at == UINT64_MAX ? at : at < off + s->now ? s->now : at - off;
}

void sim_run_to(struct sim *s, uint64_t end)
{
	struct core_event timer = { .type = CORE_TIMER };
	while (!s->failed) {
		uint32_t k = earliest(s);
		uint64_t item = s->used_count ? s->queue[s->used[k]].at : UINT64_MAX;
		uint64_t t0 = timer_at(s, 0), t1 = timer_at(s, 1), t = t0 <= t1 ? t0 : t1;
		uint64_t at = item <= t ? item : t;
		if (at > end)
			break;
		s->now = at > s->now ? at : s->now;
		if (item > t) {
			sim_step(s, t0 <= t1 ? 0 : 1, &timer);
			continue;
		}
		uint32_t slot = s->used[k];
		struct sim_item i = s->queue[slot];
		s->used[k] = s->used[--s->used_count];
		land(s, &i, slot);
		s->free[s->free_count++] = slot;
	}
	s->now = end;
}

/* ---- lives ---- */

static void replay(struct sim *s, int node)
{
	struct sim_node *n = &s->nodes[node];
	struct rbuf r;
	uint64_t seq = 0;
	const uint8_t *record;
	size_t len;
	rbuf_init(&r, n->journal.data, n->journal.len);
	while (journal_frame_get(&r, &seq, &record, &len)) {
		if (core_recover(n->core, record, len, sim_mono(s, node), sim_wall(s, node)) < 0)
			sim_fail(s, "node %d refuses its own record", node);
	}
	n->journal.len = r.pos;
	n->synced = r.pos;
}

static void start(struct sim *s, int node)
{
	struct sim_node *n = &s->nodes[node];
	n->life++;
	n->born = s->now;
	n->clock_off = rng_below(&s->rng, 1000000) + 1;
	n->epoch = epoch_next(n->epoch, (uint32_t)rng_u64(&s->rng));
	n->prober = true;
	n->known = 0;
	for (uint32_t k = 0; k < s->command_count && !n->lossy; k++)
		n->known |= (uint64_t)(s->commands[k].node == node && s->commands[k].sure) << k;
	memset(n->sets, 0, sizeof n->sets);
	struct core_start st = {
		.plan = sim_plan(s, node), .boot = rng_u64(&s->rng) | 1, .epoch = n->epoch, .seed = rng_u64(&s->rng)
	};
	if (core_new(&n->core, &st, sim_mono(s, node), sim_wall(s, node)) < 0)
		abort();
	replay(s, node);
	sim_step(s, node, &(struct core_event){ .type = CORE_TIMER });
}

void sim_kill(struct sim *s, int node, bool lossy)
{
	struct sim_node *n = &s->nodes[node];
	size_t keep = lossy ? 0 : n->synced;
	if (rng_below(&s->rng, 2)) /* every other time only the process dies, not the machine */
		keep = n->journal.len;
	keep += rng_below(&s->rng, n->journal.len - keep + 1);
	sim_tell(s, "ns%d is killed; its journal is cut at octet %zu of %zu (%zu synced)", node + 1, keep,
		 n->journal.len, n->synced);
	struct sim_memory before;
	bool whole = keep == n->journal.len;
	oracle_remember(s, node, &before);
	core_free(n->core);
	n->journal.len = keep;
	n->lossy |= lossy;
	start(s, node);
	if (whole)
		oracle_compare(s, node, &before, true);
}

void sim_reload(struct sim *s, int node, uint8_t plan)
{
	struct core_event e = { .type = CORE_PLAN };
	struct sim_memory before;
	sim_step(s, node, &(struct core_event){ .type = CORE_TIMER }); /* what is due now is not the new plan's doing */
	oracle_remember(s, node, &before);
	sim_tell(s, "ns%d takes configuration %u", node + 1, plan);
	s->nodes[node].shape_plan = plan;
	memset(s->nodes[node].sets, 0, sizeof s->nodes[node].sets);
	e.plan.plan = sim_plan(s, node);
	sim_step(s, node, &e);
	oracle_compare(s, node, &before, false);
}

void sim_prober(struct sim *s, int node, bool up)
{
	struct core_event e = { .type = CORE_PROBER };
	sim_tell(s, "ns%d prober %s", node + 1, up ? "comes" : "goes");
	s->nodes[node].prober = up;
	e.prober.up = up;
	sim_step(s, node, &e);
}

static void make_plans(void)
{
	for (int i = 0; !made[0][0][0] && i < SIM_SHAPES * SIM_PLANS * SIM_NODES; i++) {
		int node = (SIM_SHAPES * SIM_PLANS * SIM_NODES - 1 - i) % SIM_NODES,
		    rest = (SIM_SHAPES * SIM_PLANS * SIM_NODES - 1 - i) / SIM_NODES;
		made[rest / SIM_PLANS][rest % SIM_PLANS][node] =
			plan_make(plans[rest / SIM_PLANS][rest % SIM_PLANS], (uint16_t)node);
	}
}

void sim_begin(struct sim *s, uint64_t seed)
{
	uint8_t (*packets)[PAIR_PACKET_MAX] = s->packets;
	bool loud = s->loud;
	make_plans();
	memset(s, 0, sizeof *s);
	s->packets = packets ? packets : malloc(SIM_QUEUE_MAX * sizeof *packets);
	s->loud = loud;
	s->seed = seed;
	rng_init(&s->rng, seed);
	s->shape = (uint8_t)rng_below(&s->rng, SIM_SHAPES);
	for (uint32_t i = 0; i < SIM_QUEUE_MAX; i++)
		s->free[s->free_count++] = i;
	for (int b = 0; b < SIM_BACKENDS; b++)
		s->alive[b] = s->seen[0][b] = s->seen[1][b] = true;
	chaos_begin(s);
	for (int i = 0; i < SIM_NODES; i++) {
		bytes_init(&s->nodes[i].journal, 1 << 24);
		s->nodes[i].wall_off = rng_below(&s->rng, 7200000);
	}
	/* both must be there before either's first datagram arrives */
	for (int i = 0; i < SIM_NODES; i++)
		start(s, i);
}

void sim_end(struct sim *s)
{
	for (int i = 0; i < SIM_NODES; i++) {
		core_free(s->nodes[i].core);
		bytes_deinit(&s->nodes[i].journal);
	}
}
