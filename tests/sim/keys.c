/* A change of keys while twins talk: the file of each node, and the operators who write it.
 *
 *     old ── accept ──▶ old, new ── send ──▶ new, old ── drop ──▶ new         each on every node before the next
 *
 * Where they keep that order nothing is missed: no packet under a key that its receiver has is refused, and the links live as if nothing
 * happened (paths.c asks). In some runs somebody errs, and takes any step on any node: then twins may not hear each other, which is as if
 * a wire were cut, until what lacks is made up for. At the end all have the new key alone, and know it of each other.
 *
 * Which key a packet is sealed with its header says; under one that is not in the file nothing is sent and nothing is taken in.
 */
#include <string.h>
#include "core/state.h"
#include "sim/sim.h"

#define IN_FLIGHT_MS 500 /* what was sealed with the old key has come, or never will */
#define HEADER_KEY 6     /* octet of a packet */

enum keys { KEYS_OLD = 0, KEYS_ACCEPT, KEYS_SEND, KEYS_NEW };

static struct { uint64_t sent, apart; } since; /* when not all sent the new one; when two did not fit, both last */
static uint64_t refused;
static uint8_t ids[2]; /* of the old and the new; no two runs have others */

/* ---- the file ---- */

static void make_key(uint8_t key[PLAN_KEY_LEN], bool new)
{
	for (size_t i = 0; i < PLAN_KEY_LEN; i++)
		key[i] = (uint8_t)(new ? i * 11 + 3 : i * 7 + 1);
}

void keys_put(struct plan_pair *p, uint8_t keys)
{
	make_key(p->key, keys >= KEYS_SEND);
	p->has_other = keys == KEYS_ACCEPT || keys == KEYS_SEND;
	if (p->has_other)
		make_key(p->other_key, keys < KEYS_SEND);
}

static uint8_t id_of(bool new)
{
	uint8_t key[PLAN_KEY_LEN];
	if (!ids[new]) {
		make_key(key, new);
		ids[new] = pair_key_id(key);
	}
	return ids[new];
}

static bool sends_new(uint8_t keys)
{
	return keys >= KEYS_SEND;
}

static bool has(uint8_t keys, uint8_t id)
{
	return (keys != KEYS_NEW && id == id_of(false)) || (keys != KEYS_OLD && id == id_of(true));
}

bool keys_has(const struct sim *s, int node, const struct sim_packet *p)
{
	return has(s->nodes[node].keys, p->data[HEADER_KEY]);
}

/* As it is in force; where there is no process, the next one begins with what the file says. */
static uint8_t in_force(const struct sim *s, int node)
{
	return s->nodes[node].core ? s->nodes[node].keys : s->nodes[node].key_file;
}

static bool all_have(const struct sim *s, uint8_t keys)
{
	for (int n = 0; n < s->count; n++) {
		if (in_force(s, n) < keys)
			return false;
	}
	return true;
}

/* No two of them lie so far apart that one says what the other cannot open. */
static bool fit(const struct sim *s)
{
	uint8_t least = KEYS_NEW, most = KEYS_OLD;
	for (int n = 0; n < s->count; n++) {
		least = in_force(s, n) < least ? in_force(s, n) : least;
		most = in_force(s, n) > most ? in_force(s, n) : most;
	}
	return most - least < 2;
}

uint64_t keys_fit_since(const struct sim *s)
{
	if (!s->keys)
		return 0;
	if (!fit(s))
		since.apart = s->now;
	return fit(s) ? since.apart : UINT64_MAX;
}

void keys_taken(struct sim *s, int node)
{
	keys_fit_since(s);
	s->nodes[node].keys = s->nodes[node].key_file;
	keys_fit_since(s);
}

/* ---- the operators ---- */

static void tell(struct sim *s, int node, bool errs)
{
	static const char *const files[] = { "the old key", "the old key, and accepts the new one", "the new key, and accepts the old one",
					     "the new key" };
	sim_tell(s, "ns%d is to send with %s%s", node + 1, files[s->nodes[node].key_file], errs ? ", which is an error" : "");
}

static bool may_step(struct sim *s, int node)
{
	uint8_t now = s->nodes[node].key_file;
	if (now == KEYS_NEW || !all_have(s, now))
		return false;
	return now != KEYS_SEND || s->now >= since.sent + IN_FLIGHT_MS;
}

static void step(struct sim *s)
{
	int first = (int)rng_below(&s->rng, (uint64_t)s->count);
	if (s->keys_err && !s->quiet && rng_below(&s->rng, 6) == 0) {
		s->nodes[first].key_file = (uint8_t)rng_below(&s->rng, KEYS_NEW + 1);
		tell(s, first, true);
		return;
	}
	for (int i = 0; i < s->count; i++) {
		int node = (first + i) % s->count;
		if (!may_step(s, node))
			continue;
		s->nodes[node].key_file++;
		tell(s, node, false);
		return;
	}
}

/* What is written is in force with the next reload or start; most reload at once. */
void keys_act(struct sim *s)
{
	step(s);
	for (int n = 0; n < s->count && !s->failed; n++) {
		struct sim_node *k = &s->nodes[n];
		if (k->key_file != k->keys && k->core && k->paused_until <= s->now)
			sim_reload(s, n, k->shape_plan);
	}
	if (!all_have(s, KEYS_SEND))
		since.sent = s->now;
	if (!all_have(s, KEYS_NEW) || (s->keys_err && !s->quiet))
		sim_push(s, s->now + (s->quiet ? 60 : 30 + rng_below(&s->rng, 600)), SIM_KEYS, 0);
}

void keys_begin(struct sim *s)
{
	since.sent = since.apart = 0;
	s->keys = rng_below(&s->rng, 6) == 0;
	s->keys_err = s->keys && rng_below(&s->rng, 5) == 0;
	if (s->keys)
		sim_push(s, rng_below(&s->rng, 4000), SIM_KEYS, 0);
}

/* ---- what is sent and taken in ---- */

void keys_sent(struct sim *s, int node, const uint8_t *packet)
{
	if (packet[HEADER_KEY] != id_of(sends_new(s->nodes[node].keys)))
		sim_fail(s, "ns%d seals with a key that it is not to send with", node + 1);
}

void keys_packet_begins(const struct sim *s, const struct sim_packet *p)
{
	const struct core *c = s->nodes[p->to].core;
	refused = c ? pair_stats_get(core_pair(c))->refused_auth : 0;
}

void keys_packet_ends(struct sim *s, const struct sim_packet *p)
{
	const struct core *c = s->nodes[p->to].core;
	if (c && !p->broken && keys_has(s, p->to, p) && pair_stats_get(core_pair(c))->refused_auth != refused)
		sim_fail(s, "ns%d refuses a packet of ns%d under a key that it has", p->to + 1, p->from + 1);
}

void keys_at_the_end(struct sim *s)
{
	uint8_t wanted = id_of(s->keys), got[PAIR_KEYS_MAX];
	for (int node = 0; node < s->count; node++) {
		const struct core *c = s->nodes[node].core;
		if (pair_key_ids(core_pair(c), got) != 1 || got[0] != wanted)
			sim_fail(s, "at the end ns%d has not the right key alone", node + 1);
		for (size_t i = 0; i < pair_peers(core_pair(c)); i++) {
			struct pair_peer_view v;
			pair_peer_get(core_pair(c), i, &v, sim_mono(s, node));
			if (v.key_id != wanted)
				sim_fail(s, "at the end ns%d does not know what key ns%u sends with", node + 1, v.id);
			if (core_peer_keys(c, v.id, got) != 1 || got[0] != wanted)
				sim_fail(s, "at the end ns%d does not know what keys ns%u accepts", node + 1, v.id);
		}
	}
}
