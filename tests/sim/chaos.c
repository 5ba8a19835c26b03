/* What happens to the two: chosen by the seed alone. */
#include <stdio.h>
#include <string.h>
#include "sim/sim.h"

static uint64_t below(struct sim *s, uint64_t n)
{
	return rng_below(&s->rng, n);
}

static void next_act(struct sim *s)
{
	uint64_t at = s->now + 50 + below(s, 900);
	if (at >= SIM_CHAOS_MS || s->free_count == 0)
		return;
	uint32_t i = s->free[--s->free_count];
	s->used[s->used_count++] = i;
	s->queue[i] = (struct sim_item){ .at = at, .what = SIM_CHAOS };
}

void chaos_begin(struct sim *s)
{
	for (int n = 0; n < SIM_NODES; n++) {
		s->net[n].delay = 1;
		s->net[n].jitter = (uint16_t)below(s, 5);
	}
	/* some runs start with the dead already dead, so that the first round finds them */
	for (int b = 0; b < SIM_BACKENDS; b++)
		s->alive[b] = below(s, 5) > 0;
	next_act(s);
}

static void turn_backend(struct sim *s)
{
	int b = (int)below(s, SIM_BACKENDS), n = (int)below(s, SIM_NODES);
	if (below(s, 3) > 0) {
		s->alive[b] = !s->alive[b];
		sim_tell(s, "back end %d %s", b + 1, s->alive[b] ? "returns" : "dies");
	} else {
		s->seen[n][b] = !s->seen[n][b];
		sim_tell(s, "the path from ns%d to back end %d %s", n + 1, b + 1,
			 s->seen[n][b] ? "works again" : "breaks");
	}
}

static void turn_net(struct sim *s)
{
	int n = (int)below(s, SIM_NODES);
	switch (below(s, 7)) {
	case 5: /* a firewall that lets one of both through */
		s->net[0].cut = s->net[1].cut = below(s, 2);
		s->tcp.cut = !s->net[0].cut;
		break;
	case 6:
		s->tcp.cut = below(s, 2);
		s->tcp.delay = (uint16_t)below(s, 300);
		break;
	case 0:
		s->net[n].cut = !s->net[n].cut;
		break;
	case 1:
		s->net[0].cut = s->net[1].cut = s->tcp.cut = !s->net[n].cut;
		break;
	case 2:
		s->net[n].loss = (uint8_t)below(s, 60);
		break;
	case 3:
		s->net[n].dup = (uint8_t)below(s, 50);
		s->net[n].jitter = (uint16_t)below(s, 400); /* reorders */
		break;
	default:
		s->net[0].cut = s->net[1].cut = s->tcp.cut = false;
		s->net[n].loss = 0;
		break;
	}
	for (int i = 0; i < SIM_NODES; i++)
		sim_tell(s, "wire ns%d → ns%d: loss %u%%, duplicates %u%%, delay %u–%u ms%s", i + 1, 2 - i,
			 s->net[i].loss, s->net[i].dup, s->net[i].delay, s->net[i].delay + s->net[i].jitter,
			 s->net[i].cut ? ", cut" : "");
	sim_tell(s, "connections: delay 1–%u ms%s", s->tcp.delay + 1, s->tcp.cut ? ", cut" : "");
}

static void command(struct sim *s, int node)
{
	static const char *const selectors[] = { "127.0.0.1", "127.0.0.2", "www.test", "www.test/127.0.0.1",
						 "ams1",      "*.test",    "dl.test",  "::2", "site:ams" };
	static const uint16_t lives[] = { 0, 0, 300, 1500, 3000 };
	static const char *const verbs[] = { "?", "auto", "down", "up", "drain" };
	if (s->command_count == SIM_COMMANDS_MAX)
		return;
	uint32_t id = s->command_count++;
	struct sim_command *k = &s->commands[id];
	struct core_event e = { .type = CORE_COMMAND };
	k->node = (uint8_t)node;
	k->verb = (enum core_verb)(1 + below(s, 4));
	snprintf(k->selector, sizeof k->selector, "%s", selectors[below(s, sizeof selectors / sizeof selectors[0])]);
	uint64_t life = lives[below(s, sizeof lives / sizeof lives[0])];
	k->until = life && k->verb != CORE_VERB_AUTO ? s->now + life : 0;
	k->over = s->nodes[k->node].known;
	e.command.id = id;
	e.command.verb = k->verb;
	e.command.for_ms = life;
	e.command.force = below(s, 2);
	snprintf(e.command.selector, sizeof e.command.selector, "%s", k->selector);
	snprintf(e.command.author, sizeof e.command.author, "%u", id); /* so that views tell which one counts */
	sim_tell(s, "command %u at ns%d: %s %s for %u ms", id, k->node + 1, verbs[k->verb], k->selector,
		 (unsigned)life);
	sim_step(s, k->node, &e);
	if (!k->refused)
		s->nodes[k->node].known |= 1ull << id;
}

/* What is no override: nothing of it is kept in the table of commands. */
static void maint(struct sim *s, int node)
{
	struct core_event e = { .type = CORE_COMMAND };
	e.command.id = SIM_OTHER_COMMAND;
	e.command.verb = CORE_VERB_MAINT;
	e.command.for_ms = below(s, 2) * 1500;
	e.command.force = below(s, 2);
	snprintf(e.command.selector, sizeof e.command.selector, "%s", below(s, 3) ? "on" : "off");
	sim_tell(s, "ns%d: maint %s", node + 1, e.command.selector);
	sim_step(s, node, &e);
}

static void turn_clock(struct sim *s, int node)
{
	static const int64_t jumps[] = { SIM_DAY_MS, -SIM_DAY_MS, SIM_DAY_MS, -SIM_DAY_MS, 3000, -3000 };
	if (below(s, 2)) {
		sim_jump(s, node, jumps[below(s, sizeof jumps / sizeof jumps[0])]);
		return;
	}
	s->nodes[node].paused_until = s->now + below(s, 3) * 1200 + below(s, 600);
	sim_tell(s, "ns%d stands still until %.3f", node + 1, (double)s->nodes[node].paused_until / 1000);
}

/* One run in eight has disks that lose what was on them, and promises less of overrides. */
static void kill_node(struct sim *s, int node)
{
	enum sim_disk disk = SIM_DISK_SYNCED;
	if (s->seed % 8 == 0 && below(s, 2))
		disk = (enum sim_disk)(1 + below(s, 3));
	sim_kill(s, node, disk, disk == SIM_DISK_SYNCED && below(s, 2), below(s, 2) * below(s, 3000));
}

void chaos_act(struct sim *s)
{
	int n = (int)below(s, SIM_NODES);
	next_act(s);
	wire_attack(s);
	if (s->failed || !s->nodes[n].core || s->nodes[n].paused_until > s->now)
		return;
	switch (below(s, 20)) {
	case 0: case 1: case 2: case 3: case 4:
		turn_backend(s);
		break;
	case 5: case 6: case 7: case 8:
		turn_net(s);
		break;
	case 9: case 10: case 11: case 12:
		if (below(s, 5) == 0)
			maint(s, n);
		else
			command(s, n);
		break;
	case 13: case 14:
		kill_node(s, n);
		break;
	case 15:
		sim_prober(s, n, !s->nodes[n].prober);
		break;
	case 16: case 17:
		turn_clock(s, n);
		break;
	case 18:
		sim_backup(s, n);
		break;
	default:
		sim_reload(s, n, (uint8_t)below(s, SIM_PLANS));
		break;
	}
}

/* All is well from here on, but the dead stay dead and the broken paths broken. */
void chaos_heal(struct sim *s)
{
	sim_tell(s, "all wires are healed");
	s->quiet = true;
	s->tcp.cut = false;
	s->tcp.delay = 2;
	for (int n = 0; n < SIM_NODES; n++) {
		s->net[n].loss = s->net[n].dup = 0;
		s->net[n].delay = s->net[n].jitter = 1;
		s->net[n].cut = false;
		if (s->nodes[n].paused_until > s->now)
			s->nodes[n].paused_until = s->now;
		if (!s->nodes[n].core)
			sim_start(s, n);
		if (!s->nodes[n].prober)
			sim_prober(s, n, true);
	}
	if (s->nodes[0].shape_plan != s->nodes[1].shape_plan)
		sim_reload(s, 1, s->nodes[0].shape_plan);
}
