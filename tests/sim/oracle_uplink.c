/* What a node may make of silence while its own uplink is gone, by what the world knows and the core does not:
 *
 *     uplink   ───────────┤            gone           ├───────────────────
 *     silence              counts│ is void             void │ counts           a silence that takes a target down is truly its own
 *     self                            NORMAL │ ISOLATED         │ NORMAL        nobody is ISOLATED whom somebody answered just now
 *
 * Time during which the node stood still does not count.
 */
#include <string.h>
#include "sim/sim.h"

#define WORDS_MS 600       /* two and a half words of any witness, and some */
#define SURELY_ISOLATED_MS 5000
#define SURELY_BACK_MS 4000
#define ANSWERED_MS 1500   /* well within patience (2 s): nobody is isolated then */

static struct { uint64_t answered; uint32_t life; bool isolated; } seen[SIM_NODES];

void oracle_uplink_begin(struct sim *s)
{
	(void)s;
	memset(seen, 0, sizeof seen);
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* For how long it has run without an uplink, as a prober, and without a jump of its clock that would void all. */
static uint64_t lost_for(const struct sim *s, const struct sim_node *n)
{
	uint64_t since = later(later(n->lost_at, n->paused_until), later(n->born, n->jumped));
	return n->lost && s->now > since ? s->now - since : 0;
}

void oracle_result(struct sim *s, const struct sim_item *i, const struct core_target_view *before, const struct core_target_view *after)
{
	const struct sim_node *n = &s->nodes[i->node];
	bool counted = before->counted_ms != after->counted_ms && after->counted_ms == sim_mono(s, i->node);
	bool down = before->verdict != HEALTH_VERDICT_DOWN && after->verdict == HEALTH_VERDICT_DOWN;
	if (i->reason == HEALTH_OK || i->reason == HEALTH_CONNECT_REFUSED)
		seen[i->node].answered = s->now;
	if (s->place == SIM_HOME || after->conf->canary || i->reason != HEALTH_CONNECT_TIMEOUT)
		return;
	if (counted && lost_for(s, n) > later(WORDS_MS, i->timeout / 2 + 100))
		sim_fail(s, "invariant 5: ns%d counts a silence though its uplink is gone for %u ms", i->node + 1, (unsigned)lost_for(s, n));
	bool at_once = n->whole_at == i->made; /* in the very ms of a question: it was there for all that anybody can tell */
	if (down && !i->theirs && !at_once)
		sim_fail(s, "invariant 5: ns%d takes down a target that is well: its own uplink was gone", i->node + 1);
}

/* Whose machine says that nobody can be reached is isolated at once, whoever answered just now. */
void oracle_cut_off(struct sim *s, int node)
{
	struct core_network network;
	core_network_get(s->nodes[node].core, &network);
	if (s->place != SIM_HOME && !s->failed && network.state != CORE_NETWORK_ISOLATED)
		sim_fail(s, "ns%d knows that it is cut off, and its network is %s", node + 1, core_network_text(network.state));
}

static bool is_settled(enum pair_self_state self)
{
	return self == PAIR_NORMAL || self == PAIR_ISOLATED || self == PAIR_MAINT;
}

void oracle_uplink_after_step(struct sim *s, int node)
{
	const struct sim_node *n = &s->nodes[node];
	if (s->failed || !core_pair(n->core))
		return;
	enum pair_self_state self = pair_self(core_pair(n->core));
	struct core_network network;
	core_network_get(n->core, &network);
	bool isolated = network.state == CORE_NETWORK_ISOLATED;
	uint64_t probes = s->now - later(n->prober_at, n->paused_until);
	if (seen[node].life != n->life)
		seen[node].answered = 0;
	seen[node].life = n->life;
	if (is_settled(self) && isolated != (self == PAIR_ISOLATED))
		sim_fail(s, "ns%d's network is %s, and it says that it is %s", node + 1, core_network_text(network.state), pair_self_state_text(self));
	if (isolated && s->place == SIM_HOME)
		sim_fail(s, "ns%d is isolated, on loopback", node + 1);
	if (isolated && !seen[node].isolated && s->event != CORE_CUT_OFF && seen[node].answered && s->now < seen[node].answered + ANSWERED_MS)
		sim_fail(s, "ns%d becomes isolated %u ms after somebody answered", node + 1, (unsigned)(s->now - seen[node].answered));
	if (s->place != SIM_HOME && n->prober && probes > SURELY_ISOLATED_MS && lost_for(s, n) > SURELY_ISOLATED_MS && is_settled(self) && !isolated)
		sim_fail(s, "ns%d is %s though its uplink is gone for %u ms", node + 1, pair_self_state_text(self), (unsigned)lost_for(s, n));
	if (isolated && s->place == SIM_CANARIES && n->prober && !n->lost && probes > SURELY_BACK_MS &&
	    s->now > later(n->whole_at, n->born) + SURELY_BACK_MS)
		sim_fail(s, "ns%d is isolated though its uplink is back for %u ms", node + 1, (unsigned)(s->now - n->whole_at));
	seen[node].isolated = isolated;
}
