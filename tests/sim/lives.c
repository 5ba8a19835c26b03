/* The lives of a node: how each begins and ends, and what else is done to a machine from outside. */
#include <stdlib.h>
#include <string.h>
#include "core/journal.h"
#include "sim/sim.h"

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

void sim_start(struct sim *s, int node)
{
	struct sim_node *n = &s->nodes[node];
	n->life++;
	n->born = s->now;
	n->paused_until = n->away_until = n->jumped = 0;
	if (!n->continues) /* else the machine is the same, and its clock runs on */
		n->clock_off = rng_below(&s->rng, 1000000) + 1;
	n->epoch = epoch_next(n->epoch, (uint32_t)rng_u64(&s->rng));
	n->prober = true;
	keys_taken(s, node);
	n->prober_at = s->now;
	n->known = 0;
	for (uint32_t k = 0; k < s->command_count && !n->lossy; k++)
		n->known |= (uint64_t)(s->commands[k].node == node && s->commands[k].sure) << k;
	memset(n->sets, 0, sizeof n->sets);
	struct core_start st = {
		.plan = sim_plan(s, node), .boot = rng_u64(&s->rng) | 1, .epoch = n->epoch, .seed = rng_u64(&s->rng),
		.continues = n->continues
	};
	if (core_new(&n->core, &st, sim_mono(s, node), sim_wall(s, node)) < 0)
		abort();
	oracle_pair_started(s, node);
	oracle_shelves_started(s, node);
	replay(s, node);
	sim_step(s, node, &(struct core_event){ .type = CORE_TIMER });
	zones_tell_soon(s, node);
}

static size_t kept(struct sim *s, const struct sim_node *n, enum sim_disk disk)
{
	size_t keep = disk == SIM_DISK_ANY ? 0 : n->synced;
	if (rng_below(&s->rng, 2)) /* every other time only the process dies, not the machine */
		keep = n->journal.len;
	return keep + rng_below(&s->rng, n->journal.len - keep + 1);
}

static void lose_disk(struct sim *s, int node, enum sim_disk disk)
{
	struct sim_node *n = &s->nodes[node];
	size_t keep = kept(s, n, disk);
	n->lossy |= disk != SIM_DISK_SYNCED;
	if (disk == SIM_DISK_WIPED) {
		n->journal.len = 0;
		n->epoch = 0;
	} else if (disk == SIM_DISK_BACKUP) {
		n->journal.len = 0;
		bytes_add(&n->journal, n->backup.data, n->backup.len);
		n->epoch = n->backup_epoch;
	} else {
		n->journal.len = keep;
	}
}

void sim_backup(struct sim *s, int node)
{
	struct sim_node *n = &s->nodes[node];
	sim_tell(s, "ns%d has its disk copied", node + 1);
	n->backup.len = 0;
	bytes_add(&n->backup, n->journal.data, n->journal.len);
	n->backup_epoch = n->epoch;
}

/* What is due now is not the doing of what comes next. */
static void remember(struct sim *s, int node, struct sim_memory *m)
{
	sim_step(s, node, &(struct core_event){ .type = CORE_TIMER });
	oracle_remember(s, node, m);
}

/* bye: it is stopped, not killed. */
void sim_kill(struct sim *s, int node, enum sim_disk disk, bool bye, uint64_t away_ms)
{
	static const char *const disks[] = { "cut behind what was synced", "cut anywhere", "wiped", "put back from a copy" };
	struct sim_node *n = &s->nodes[node];
	struct sim_memory before;
	remember(s, node, &before);
	if (bye)
		sim_step(s, node, &(struct core_event){ .type = CORE_STOP });
	size_t len = n->journal.len;
	core_free(n->core);
	n->core = NULL;
	n->life++; /* what is on its way to it finds nobody */
	wire_forget(s, node, rng_below(&s->rng, 4) == 0);
	lose_disk(s, node, disk);
	sim_tell(s, "ns%d is %s for %u ms; its journal is %s: %zu octets of %zu (%zu synced)", node + 1, bye ? "stopped" : "killed",
		 (unsigned)away_ms, disks[disk], n->journal.len, len, n->synced);
	if (away_ms > 0) {
		n->away_until = s->now + away_ms;
		sim_push(s, n->away_until, SIM_START, node);
		return;
	}
	bool whole = n->journal.len == len && disk < SIM_DISK_WIPED;
	sim_start(s, node);
	if (whole)
		oracle_compare(s, node, &before, true);
}

static int last_word(void *ctx, uint64_t seq, const uint8_t *data, size_t len)
{
	struct sim_node *n = ctx;
	uint8_t frame[JOURNAL_FRAME_HEAD_LEN + JOURNAL_RECORD_MAX];
	struct wbuf w;
	wbuf_init(&w, frame, sizeof frame);
	journal_frame_put(&w, seq, data, len);
	bytes_add(&n->journal, frame, w.len);
	return w.failed || n->journal.failed ? ERR_NOMEM : 0;
}

void sim_upgrade(struct sim *s, int node)
{
	struct sim_node *n = &s->nodes[node];
	struct sim_memory before;
	sim_tell(s, "ns%d is upgraded", node + 1);
	remember(s, node, &before);
	if (core_vouch(n->core, last_word, n))
		abort();
	core_free(n->core);
	n->core = NULL;
	n->life++;
	wire_forget(s, node, rng_below(&s->rng, 4) == 0);
	n->continues = true;
	sim_start(s, node);
	n->continues = false;
	oracle_compare(s, node, &before, true);
}

/* Results of what is in flight are void from when the node notices. */
void sim_jump(struct sim *s, int node, int64_t by_ms)
{
	if (s->nodes[node].jumped + 1000 > s->now && s->nodes[node].jumped)
		return; /* there and back before anybody looks is no jump */
	sim_tell(s, "the wall clock of ns%d jumps by %lld ms", node + 1, (long long)by_ms);
	s->nodes[node].wall_off += (uint64_t)by_ms;
	oracle_jumped(s, node, by_ms);
	for (uint32_t k = 0; k < s->used_count; k++) {
		struct sim_item *i = &s->queue[s->used[k]];
		i->void_ |= i->what == SIM_RESULT && i->node == node;
	}
}

void sim_reload(struct sim *s, int node, uint8_t plan)
{
	struct core_event e = { .type = CORE_PLAN };
	struct sim_memory before;
	remember(s, node, &before);
	sim_tell(s, "ns%d takes configuration %u", node + 1, plan);
	s->nodes[node].shape_plan = plan;
	keys_taken(s, node);
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
	s->nodes[node].prober_at = s->now;
	e.prober.up = up;
	sim_step(s, node, &e);
}

/* What is on its way to it is lost where it is due while the uplink is. */
void sim_uplink(struct sim *s, int node, bool lost)
{
	struct sim_node *n = &s->nodes[node];
	if (n->lost == lost)
		return;
	n->lost = lost;
	n->unplugged = lost && rng_below(&s->rng, 4) == 0;
	*(lost ? &n->lost_at : &n->whole_at) = s->now;
	sim_tell(s, "the uplink of ns%d %s", node + 1, !lost ? "is back" : n->unplugged ? "is gone, and its machine knows" : "is gone");
	if (!n->unplugged || !n->core || n->paused_until > s->now || rng_below(&s->rng, 2))
		return;
	sim_step(s, node, &(struct core_event){ .type = CORE_CUT_OFF }); /* every other time its kernel tells of it */
	oracle_cut_off(s, node);
}
