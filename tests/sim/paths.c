/* Several paths from a node to another, by a pair of addresses each, and what they owe to those that use them:
 *
 *     the link     while one path is well both ways, whatever happens to the other, the link lives; where no datagram gets through
 *                  and one path lets connections through, it lives by those, however the first that was tried died
 *     what is sent goes by all paths, but for the answer to a hello, which goes by one that something came by
 *
 *     spared       a path that is well all the time; the other suffers
 *     blocked      no datagrams; by one path connections hang from the start, or from some time on
 */
#include <string.h>
#include "pair/state.h"
#include "sim/sim.h"

#define WELL_DELAY_MS 100 /* there and back well within the shortest SUSPECT, with a heartbeat between */
/* A session that begins anew, with a hello that must win against what an attacker repeats, and three echoes behind TCP_ONLY. */
#define WELL_MS 3000
/* One connection is deaf for PAIR_STREAM_STALL_MS, another is tried along the dead path and then, after PAIR_TCP_RETRY_MS, along that
 * which works. */
#define CONNECTED_MS 12000
#define BLOCKED_MS 16000 /* the silent death of a connection comes early in it */

static struct way { /* between two, by the lower and the higher */
	uint64_t well[SIM_PATHS]; /* since when; UINT64_MAX = it is not */
	uint64_t turned;          /* any wire */
	bool datagrams, connections; /* some path lets them through: of datagrams both ways */
	struct sim_wire wires[2][SIM_PATHS];
	struct sim_line lines[SIM_PATHS];
} ways[SIM_NODES][SIM_NODES];
static struct said { /* by one to another */
	uint64_t boot, counter;
	uint8_t type;
	unsigned by;        /* the last packet's paths, a bit each */
	unsigned had, came; /* those of what came since the last answer, before that packet and after it */
} said[SIM_NODES][SIM_NODES];
static struct { uint64_t boot, since; } life[SIM_NODES];

/* ---- what is chosen ---- */

static void block(struct sim *s)
{
	int dead = (int)rng_below(&s->rng, 2);
	uint64_t at = rng_below(&s->rng, 2) * (1500 + rng_below(&s->rng, 1500));
	s->blocked = true;
	s->chaos_ms = BLOCKED_MS;
	for (int n = 0; n < s->count; n++) {
		for (int m = 0; m < s->count; m++) {
			s->net[n][m][0].cut = s->net[n][m][1].cut = true;
		}
	}
	sim_tell(s, "no datagrams get through, and by the %s path no connections from %u ms on", dead ? "second" : "first", (unsigned)at);
	struct sim_item *i = sim_push(s, at, SIM_PATH, 0);
	if (i)
		i->a = (uint32_t)dead;
}

void paths_die(struct sim *s, uint32_t path)
{
	for (int n = 0; n < s->count; n++) {
		for (int m = 0; m < n; m++)
			wire_line(s, n, m, (int)path)->cut = true;
	}
	paths_turned(s);
}

static void spare(struct sim *s, int path)
{
	s->spared = 1u << path;
	bool dead = rng_below(&s->rng, 2);
	sim_tell(s, "nothing happens to the %s path%s", path ? "second" : "first", dead ? ", and the other is dead" : "");
	for (int n = 0; n < s->count && dead; n++) {
		for (int m = 0; m < s->count; m++)
			s->net[n][m][!path].cut = s->tcp[n][m][!path].cut = true;
	}
}

unsigned paths_some(struct sim *s)
{
	if (s->paths == 1)
		return 1;
	unsigned some = 1 + (unsigned)rng_below(&s->rng, 3);
	return s->blocked ? 0 : some & ~s->spared;
}

void paths_begin(struct sim *s)
{
	memset(ways, 0, sizeof ways);
	memset(said, 0, sizeof said);
	memset(life, 0, sizeof life);
	if (s->paths > 1) {
		uint64_t what = rng_below(&s->rng, 8);
		if (what == 0)
			block(s);
		else if (what < 5)
			spare(s, what < 3);
	}
	for (int n = 0; n < SIM_NODES; n++) {
		for (int m = 0; m < SIM_NODES; m++)
			ways[n][m].well[0] = ways[n][m].well[1] = UINT64_MAX;
	}
	paths_turned(s);
}

/* ---- how the wires are ---- */

static bool is_well(const struct sim_wire *w)
{
	return !w->cut && w->loss == 0 && w->delay + w->jitter <= WELL_DELAY_MS;
}

static bool differs(struct sim *s, const struct way *w, int n, int m, int path)
{
	const struct sim_line *l = wire_line(s, n, m, path);
	return memcmp(&w->wires[0][path], &s->net[n][m][path], sizeof w->wires[0][path]) != 0 ||
	       memcmp(&w->wires[1][path], &s->net[m][n][path], sizeof w->wires[1][path]) != 0 ||
	       memcmp(&w->lines[path], l, sizeof *l) != 0;
}

static void turn(struct sim *s, struct way *w, int n, int m)
{
	bool turned = false;
	w->datagrams = w->connections = false;
	for (int path = 0; path < s->paths; path++) {
		turned |= differs(s, w, n, m, path);
		w->wires[0][path] = s->net[n][m][path];
		w->wires[1][path] = s->net[m][n][path];
		w->lines[path] = *wire_line(s, n, m, path);
		w->datagrams |= !w->wires[0][path].cut && !w->wires[1][path].cut;
		w->connections |= !w->lines[path].cut;
		if (!is_well(&w->wires[0][path]) || !is_well(&w->wires[1][path]))
			w->well[path] = UINT64_MAX;
		else if (w->well[path] == UINT64_MAX)
			w->well[path] = s->now;
	}
	if (turned)
		w->turned = s->now;
}

void paths_turned(struct sim *s)
{
	for (int n = 0; n < s->count; n++) {
		for (int m = n + 1; m < s->count; m++)
			turn(s, &ways[n][m], n, m);
	}
}

/* ---- the links ---- */

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Since when it is there, awake, on the network and of one boot; UINT64_MAX = it is not. */
static uint64_t there_since(const struct sim *s, int node)
{
	const struct sim_node *n = &s->nodes[node];
	const struct pair *p = n->core ? core_pair(n->core) : NULL;
	if (!p || n->paused_until > s->now || n->lost || p->wants_epoch || p->boot == 0)
		return UINT64_MAX;
	if (p->stats.duplicates) /* it has no new epoch for a minute */
		return UINT64_MAX;
	if (life[node].boot != p->boot) {
		life[node].boot = p->boot;
		life[node].since = s->now;
	}
	return later(later(n->born, n->whole_at), later(later(n->paused_until, n->jumped), life[node].since));
}

static void check_link(struct sim *s, int node, const struct pair_peer *e, const struct way *w, uint64_t since)
{
	enum pair_link_state l = e->link.state;
	bool lives = l == PAIR_ACTIVE || l == PAIR_MISMATCH;
	for (int path = 0; path < s->paths; path++) {
		if (w->well[path] != UINT64_MAX && s->now > later(w->well[path], since) + WELL_MS && !lives)
			sim_fail(s, "ns%d's link to ns%d is %s, and the %s path is well for %u ms", node + 1, e->conf.id, pair_link_state_text(l),
				 path ? "second" : "first", (unsigned)(s->now - later(w->well[path], since)));
	}
	if (!w->datagrams && w->connections && s->now > later(w->turned, since) + CONNECTED_MS && !lives && l != PAIR_TCP_ONLY)
		sim_fail(s, "ns%d's link to ns%d is %s, and connections get through for %u ms", node + 1, e->conf.id, pair_link_state_text(l),
			 (unsigned)(s->now - later(w->turned, since)));
}

void paths_after_step(struct sim *s, int node)
{
	uint64_t fit = keys_fit_since(s), here = s->failed || fit == UINT64_MAX ? UINT64_MAX : later(fit, there_since(s, node));
	for (size_t i = 0; here != UINT64_MAX && i < pair_peers(core_pair(s->nodes[node].core)); i++) {
		const struct pair_peer *e = &core_pair(s->nodes[node].core)->peers[i];
		int other = e->conf.id - 1;
		uint64_t there = there_since(s, other);
		if (there != UINT64_MAX)
			check_link(s, node, e, &ways[node < other ? node : other][node < other ? other : node], later(here, there));
	}
}

/* ---- what is sent ---- */

void paths_arrived(struct sim *s, const struct sim_packet *p)
{
	(void)s;
	said[p->to][p->from].came |= 1u << p->path;
}

/* The packet before is out by all the paths that it is to go by. */
static void judge_copies(struct sim *s, const struct sim_packet *p, struct said *k)
{
	unsigned all = (1u << s->paths) - 1;
	if (k->by == all || k->by == 0) {
		k->came |= k->had;
		return;
	}
	if (k->type != PAIR_TYPE_BEAT || !(k->by & k->had))
		sim_fail(s, "ns%d says packet %llu to ns%d by the %s path alone", p->from + 1, (unsigned long long)k->counter, p->to + 1,
			 k->by & 1 ? "first" : "second");
}

void paths_sent(struct sim *s, const struct sim_packet *p)
{
	struct said *k = &said[p->from][p->to];
	uint64_t boot = load_u64(p->data + 16), counter = load_u64(p->data + 24);
	if (k->boot != boot || k->counter != counter) {
		if (k->boot == boot)
			judge_copies(s, p, k);
		k->by = 0;
		k->had = k->came;
		k->came = 0;
	}
	k->boot = boot;
	k->counter = counter;
	k->type = p->data[5];
	k->by |= 1u << p->path;
}
