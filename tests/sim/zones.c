/* The zones that each node serves: files that somebody changes on one node, spreads to another, or forgets to. They stay on the disk
 * whatever becomes of the node, and each life is told of them anew.
 *
 * Held against them: a node says of another that it serves the same only where the other did at some time; at the end what every
 * node says of every other is what their files say, name by name.
 */
#include <stdio.h>
#include <string.h>
#include "base/hash.h"
#include "sim/sim.h"

#define TOLD_LATE_MS 60 /* at most: by a loader */

static const char *const names[SIM_ZONES] = { "one.test", "two.test", "three.test", "four.test", "five.test" };

static bool is_witness(const struct sim *s, int node)
{
	return s->count > 2 && node == 2 && s->shape % 2;
}

static uint64_t content_of(int zone, uint32_t version)
{
	const uint32_t what[2] = { (uint32_t)zone, version };
	return hash_bytes(&(struct hash_key){ { 5, 6 } }, what, sizeof what);
}

/* The same for the same files. */
static uint64_t digest_of(const uint32_t zones[SIM_ZONES])
{
	uint64_t sum = 0;
	for (int z = 0; z < SIM_ZONES; z++)
		sum += zones[z] ? content_of(z, zones[z]) : 0;
	return sum;
}

void zones_tell_soon(struct sim *s, int node)
{
	if (!is_witness(s, node))
		sim_push(s, s->now + rng_below(&s->rng, TOLD_LATE_MS), SIM_TELL_ZONES, node);
}

void zones_tell_now(struct sim *s, int node)
{
	struct sim_node *n = &s->nodes[node];
	struct core_zone list[SIM_ZONES];
	size_t count = 0;
	for (int z = 0; z < SIM_ZONES; z++)
		if (n->zones[z])
			list[count++] = (struct core_zone){ names[z], n->zones[z], content_of(z, n->zones[z]) };
	n->zones_digest = digest_of(n->zones);
	if (n->zones_digests < SIM_ZONES_TOLD_MAX)
		n->zones_told[n->zones_digests++] = n->zones_digest;
	sim_step(s, node, &(struct core_event){ .type = CORE_ZONES, .zones = { list, count, n->zones_digest } });
}

void zones_begin(struct sim *s)
{
	for (int n = 0; n < s->count; n++)
		for (int z = 0; z < SIM_ZONES; z++)
			s->nodes[n].zones[z] = z < 3;
}

static void copy(struct sim *s, int to, int from)
{
	sim_tell(s, "ns%d gets the zone files of ns%d", to + 1, from + 1);
	memcpy(s->nodes[to].zones, s->nodes[from].zones, sizeof s->nodes[to].zones);
	zones_tell_soon(s, to);
}

void zones_turn(struct sim *s, int node)
{
	int z = (int)rng_below(&s->rng, SIM_ZONES);
	if (rng_below(&s->rng, 3) == 0) {
		copy(s, node, (node + 1) % s->count);
		return;
	}
	s->nodes[node].zones[z] = rng_below(&s->rng, 3) ? ++s->zone_version + 1 : 0;
	sim_tell(s, "ns%d has version %u of zone %s", node + 1, s->nodes[node].zones[z], names[z]);
	zones_tell_soon(s, node);
}

/* Every other time somebody spreads the files at last; else they differ for ever. */
void zones_heal(struct sim *s)
{
	for (int n = 1; s->seed % 2 && n < s->count; n++)
		copy(s, n, 0);
}

/* ---- what must be so ---- */

static void check_same(struct sim *s, int node, int other)
{
	const struct sim_node *n = &s->nodes[node], *o = &s->nodes[other];
	struct core_zones_difference d;
	if (core_zones_get(n->core, (uint8_t)(other + 1), &d) != CORE_ZONES_SAME)
		return;
	for (uint32_t k = 0; k < o->zones_digests; k++)
		if (o->zones_told[k] == n->zones_digest)
			return;
	if (o->zones_digests < SIM_ZONES_TOLD_MAX)
		sim_fail(s, "ns%d says that ns%d serves the same zones, and that never did", node + 1, other + 1);
}

void zones_after_step(struct sim *s, int node)
{
	for (int m = 0; m < s->count; m++)
		if (m != node)
			check_same(s, node, m);
}

static void check_pair(struct sim *s, int node, int other)
{
	const uint32_t *ours = s->nodes[node].zones, *theirs = s->nodes[other].zones;
	struct core_zones_difference d;
	uint32_t differ = 0, here = 0, there = 0;
	enum core_zones_state state = core_zones_get(s->nodes[node].core, (uint8_t)(other + 1), &d), wanted;
	for (int z = 0; z < SIM_ZONES; z++) {
		differ += ours[z] && theirs[z] && ours[z] != theirs[z];
		here += ours[z] && !theirs[z];
		there += !ours[z] && theirs[z];
	}
	wanted = is_witness(s, node) || is_witness(s, other) ? CORE_ZONES_UNTOLD : differ + here + there ? CORE_ZONES_DIFFER : CORE_ZONES_SAME;
	if (state != wanted)
		sim_fail(s, "at the end ns%d has the zones of ns%d in state %d, not %d", node + 1, other + 1, state, wanted);
	else if (state == CORE_ZONES_DIFFER && (d.differ != differ || d.only_here != here || d.only_there != there))
		sim_fail(s, "at the end ns%d tells of ns%d %u, %u and %u zones that differ, are only here, only there; not %u, %u and %u", node + 1,
			 other + 1, d.differ, d.only_here, d.only_there, differ, here, there);
}

void zones_at_the_end(struct sim *s)
{
	for (int n = 0; n < s->count; n++)
		for (int m = 0; m < s->count; m++)
			if (m != n)
				check_pair(s, n, m);
}
