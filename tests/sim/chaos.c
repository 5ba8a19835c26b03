/* What happens to them: chosen by the seed alone. */
#include <stdio.h>
#include <string.h>
#include "sim/sim.h"

static uint64_t below(struct sim *s, uint64_t n)
{
	return rng_below(&s->rng, n);
}

static int some_node(struct sim *s)
{
	return (int)below(s, (uint64_t)s->count);
}

static int another(struct sim *s, int but)
{
	return (but + 1 + (int)below(s, (uint64_t)s->count - 1)) % s->count;
}

static void next_act(struct sim *s)
{
	uint64_t at = s->now + 50 + below(s, 900);
	if (at >= s->chaos_ms || s->free_count == 0)
		return;
	uint32_t i = s->free[--s->free_count];
	s->used[s->used_count++] = i;
	s->queue[i] = (struct sim_item){ .at = at, .what = SIM_CHAOS };
}

void chaos_begin(struct sim *s)
{
	for (int n = 0; n < s->count; n++) {
		for (int m = 0; m < s->count; m++) {
			for (int path = 0; path < s->paths; path++)
				s->net[n][m][path] = (struct sim_wire){ .delay = 1, .jitter = (uint16_t)below(s, 5) };
		}
	}
	paths_begin(s);
	keys_begin(s);
	/* some runs start with the dead already dead, so that the first round finds them */
	for (int b = 0; b < SIM_BACKENDS; b++)
		s->alive[b] = below(s, 5) > 0;
	next_act(s);
}

static void turn_backend(struct sim *s)
{
	int b = (int)below(s, SIM_BACKENDS), n = some_node(s);
	if (below(s, 3) > 0) {
		s->alive[b] = !s->alive[b];
		sim_tell(s, "back end %d %s", b + 1, s->alive[b] ? "returns" : "dies");
	} else {
		s->seen[n][b] = !s->seen[n][b];
		sim_tell(s, "the path from ns%d to back end %d %s", n + 1, b + 1,
			 s->seen[n][b] ? "works again" : "breaks");
	}
}

/* Between two of them: both ways, and connections, or not. */
static void cut(struct sim *s, int n, int m, int path, bool datagrams, bool connections)
{
	s->net[n][m][path].cut = s->net[m][n][path].cut = datagrams;
	wire_line(s, n, m, path)->cut = connections;
}

static void tell_wires(struct sim *s, int n, int m, int path)
{
	const struct sim_line *line = wire_line(s, n, m, path);
	if (s->paths > 1)
		sim_tell(s, "the %s path:", path ? "second" : "first");
	for (int i = 0; i < 2; i++) {
		const struct sim_wire *w = i ? &s->net[m][n][path] : &s->net[n][m][path];
		sim_tell(s, "wire ns%d → ns%d: loss %u%%, duplicates %u%%, delay %u–%u ms%s", (i ? m : n) + 1, (i ? n : m) + 1, w->loss, w->dup,
			 w->delay, w->delay + w->jitter, w->cut ? ", cut" : "");
	}
	sim_tell(s, "connections between them: delay 1–%u ms%s", line->delay + 1, line->cut ? ", cut" : "");
}

static void turn_path(struct sim *s, int n, int m, int path, int how)
{
	struct sim_wire *wire = &s->net[n][m][path];
	bool one;
	switch (how) {
	case 5: /* a firewall that lets one of both through */
		one = below(s, 2);
		cut(s, n, m, path, one, !one);
		break;
	case 6:
		wire_line(s, n, m, path)->cut = below(s, 2);
		wire_line(s, n, m, path)->delay = (uint16_t)below(s, 300);
		break;
	case 0:
		wire->cut = !wire->cut;
		break;
	case 1:
		cut(s, n, m, path, !wire->cut, !wire->cut);
		break;
	case 2:
		wire->loss = (uint8_t)below(s, 60);
		break;
	case 3:
		wire->dup = (uint8_t)below(s, 50);
		wire->jitter = (uint16_t)below(s, 400); /* reorders */
		break;
	default:
		cut(s, n, m, path, false, false);
		wire->loss = 0;
		break;
	}
	tell_wires(s, n, m, path);
}

static void turn_net(struct sim *s)
{
	int n = some_node(s), m = another(s, n), how = (int)below(s, 7);
	unsigned some = paths_some(s);
	for (int path = 0; path < s->paths; path++) {
		if (some >> path & 1)
			turn_path(s, n, m, path, how);
	}
}

/* Longer than two and a half words of any witness: what is shorter nobody can tell from a word that got lost (health/witness.h). */
static void turn_uplink(struct sim *s, int n)
{
	if (s->nodes[n].lost || s->now + 700 > s->chaos_ms)
		return;
	sim_uplink(s, n, true);
	sim_push(s, s->now + 700 + below(s, 5500), SIM_UPLINK, n);
}

static const char *some_selector(struct sim *s)
{
	static const char *const selectors[] = { "127.0.0.1", "127.0.0.2", "www.test", "www.test/127.0.0.1",
						 "ams1",      "*.test",    "dl.test",  "::2", "site:ams" };
	return selectors[below(s, sizeof selectors / sizeof selectors[0])];
}

static void command(struct sim *s, int node, const char *selector)
{
	static const uint16_t lives[] = { 0, 0, 300, 1500, 3000 };
	static const char *const verbs[] = { "?", "auto", "down", "up", "drain" };
	if (s->command_count == SIM_COMMANDS_MAX)
		return;
	uint32_t id = s->command_count++;
	struct sim_command *k = &s->commands[id];
	struct core_event e = { .type = CORE_COMMAND };
	k->node = (uint8_t)node;
	k->verb = (enum core_verb)(1 + below(s, 4));
	snprintf(k->selector, sizeof k->selector, "%s", sim_placed(s, selector, (char[SIM_TEXT_MAX]){ 0 }));
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

/* The same selector on both sides of a cut: neither knows of the other's word. */
static void command_both(struct sim *s, int n)
{
	int m = another(s, n);
	const char *selector = some_selector(s);
	for (int path = 0; path < s->paths && !s->blocked; path++) {
		if (s->spared >> path & 1)
			continue;
		cut(s, n, m, path, true, true);
		tell_wires(s, n, m, path);
	}
	command(s, n, selector);
	if (!s->failed && s->nodes[m].core && s->nodes[m].paused_until <= s->now)
		command(s, m, selector);
}

/* What is no override: nothing of it is kept in the table of commands. */
static void other_command(struct sim *s, int node)
{
	static const char *const services[] = { "www.test", "dl.test", "own.test" };
	struct core_event e = { .type = CORE_COMMAND };
	bool maint = below(s, 2);
	e.command.id = SIM_OTHER_COMMAND;
	e.command.verb = maint ? CORE_VERB_MAINT : CORE_VERB_FAILBACK;
	e.command.for_ms = maint ? below(s, 2) * 1500 : 0;
	e.command.force = below(s, 2);
	snprintf(e.command.selector, sizeof e.command.selector, "%s",
		 maint ? below(s, 3) ? "on" : "off" : services[below(s, sizeof services / sizeof services[0])]);
	sim_tell(s, "ns%d: %s %s", node + 1, maint ? "maint" : "failback", e.command.selector);
	if (!maint)
		oracle_failback(s, node, e.command.selector);
	sim_step(s, node, &e);
}

static void operators(struct sim *s, int node)
{
	switch (below(s, 10)) {
	case 0: case 1:
		other_command(s, node);
		break;
	case 2:
		command_both(s, node);
		break;
	default:
		command(s, node, some_selector(s));
		break;
	}
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
	else if (below(s, 4) == 0) {
		sim_upgrade(s, node);
		return;
	}
	sim_kill(s, node, disk, disk == SIM_DISK_SYNCED && below(s, 2), below(s, 2) * below(s, 3000));
}

void chaos_act(struct sim *s)
{
	int n = some_node(s);
	next_act(s);
	wire_attack(s);
	if (s->failed || !s->nodes[n].core || s->nodes[n].paused_until > s->now)
		return;
	int what = (int)below(s, 21);
	if (s->blocked && (what == 13 || what == 14 || what == 16 || what == 17))
		return; /* who is to find a way in time must be there */
	switch (what) {
	case 0: case 1: case 2: case 3: case 4:
		if (s->place != SIM_HOME && !s->blocked && below(s, 2))
			turn_uplink(s, n);
		else
			turn_backend(s);
		break;
	case 5: case 6: case 7: case 8:
		turn_net(s);
		break;
	case 9: case 10: case 11: case 12:
		operators(s, n);
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
	case 19:
		zones_turn(s, n);
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
	for (int n = 0; n < s->count; n++) {
		for (int m = 0; m < s->count; m++) {
			for (int path = 0; path < s->paths; path++) {
				s->net[n][m][path] = (struct sim_wire){ .delay = 1, .jitter = 1 };
				s->tcp[n][m][path] = (struct sim_line){ .delay = 2 };
			}
		}
	}
	for (int n = 0; n < s->count; n++) {
		sim_uplink(s, n, false);
		if (s->nodes[n].paused_until > s->now)
			s->nodes[n].paused_until = s->now;
		if (!s->nodes[n].core)
			sim_start(s, n);
		if (!s->nodes[n].prober)
			sim_prober(s, n, true);
		if (s->nodes[n].shape_plan != s->nodes[0].shape_plan)
			sim_reload(s, n, s->nodes[0].shape_plan);
	}
	zones_heal(s);
	paths_turned(s);
}
