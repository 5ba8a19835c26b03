/* What each node may know of the others, held against what those really wrote, sent and heard:
 *
 *     invariant 1   every record held was written by its owner, and no vector and no record goes back
 *     invariant 2   a vector (E, s): each key whose newest write in E is up to s is held, or gone if that was a removal
 *     invariant 3   what counted once, what was made before this life, and what was changed on its way change nothing; an echo is
 *                   no younger than the last packet that truly arrived, and of this life; nobody is fresh who was not heard, nor
 *                   who said bye, whose link is lost until its next session; what others heard of a third is no younger here
 *                   than when they truly heard it
 *     +             the link says whether the configurations differ, and its patience is as much as local health asks for
 *     +             after a jump of the wall clock: TILT, and never again a packet under the old boot
 */
#include <stdio.h>
#include <string.h>
#include "base/hash.h"
#include "pair/state.h"
#include "sim/sim.h"

#define TILT_JUMP_MS 1400
#define TILT_LASTS_MS 900 /* two intervals of the fastest check, nearly */
#define TILT_SEEN_MS 300 /* by then the next heartbeat was due, and with it the look at the clock */
#define FRESH_ECHO_MS 10000
#define FRESH_TCP_MS 4000
#define RELAY_ROUNDED_MS 12 /* ages travel in units of 10 ms, and clocks drift */

static struct sim_written written[SIM_NODES][SIM_LOG_MAX];
static struct book {
	struct sim_written *log; /* in written */
	uint32_t count;
	struct pair_vector own;   /* as of the last look at its own shelf */
	uint64_t boot;            /* of what it sends */
	uint64_t dead_boot;       /* it must not send under this one any more */
	bool tilted;              /* its clock jumped, it saw that, and has a new boot */
	uint64_t tilted_at;       /* when it saw that; 0 = not yet */
	/* of each other, in this life */
	struct pair_vector held[SIM_NODES];
	uint64_t reached[SIM_NODES];  /* when that was sent which the other received last; its own clock */
	uint64_t heard[SIM_NODES];    /* its clock's word on when it heard the other last */
	uint64_t bye_boot[SIM_NODES]; /* of the other, when it said bye */
} book[SIM_NODES];
static uint64_t truly_heard[SIM_NODES][SIM_NODES]; /* virtual time at which the first last heard the second; also of earlier lives */

/* Of one packet: what must not change. */
static struct { bool may; uint64_t heard, echo, boot, epoch, digest, refused; struct pair_vector vector[SIM_NODES]; } before;

void oracle_pair_begin(struct sim *s)
{
	(void)s;
	memset(truly_heard, 0, sizeof truly_heard);
	for (int n = 0; n < SIM_NODES; n++)
		book[n] = (struct book){ .log = written[n] };
}

void oracle_pair_started(struct sim *s, int node)
{
	struct book *b = &book[node];
	(void)s;
	b->own = (struct pair_vector){ 0 };
	b->boot = b->dead_boot = 0;
	for (int n = 0; n < SIM_NODES; n++) {
		b->held[n] = (struct pair_vector){ 0 };
		b->reached[n] = b->heard[n] = b->bye_boot[n] = 0;
	}
	b->tilted = false;
	b->tilted_at = 0;
}

static struct pair *pair_of(const struct sim *s, int node)
{
	/* only to look at */
	return (struct pair *)(uintptr_t)core_pair(s->nodes[node].core);
}

/* ---- records ---- */

static uint64_t hash_value(const struct pair_record *r)
{
	static const struct hash_key key = { { 1, 2 } };
	return r->value_len ? hash_bytes(&key, r->value, r->value_len) : 0;
}

/* Writes down what the node wrote in this step: what stands behind the last look. */
static void note_own(struct sim *s, int node)
{
	struct shelf *own = own_shelf(pair_of(s, node));
	struct book *b = &book[node];
	if (own->vector.epoch == b->own.epoch && own->vector.seq == b->own.seq)
		return;
	uint64_t from = own->vector.epoch == b->own.epoch ? b->own.seq : 0;
	const struct shelf_record *r = own->current.last;
	while (r && r->order.prev && r->r.seq > from)
		r = r->order.prev;
	for (; r; r = r->order.next) {
		if (r->r.seq <= from)
			continue;
		if (b->count == SIM_LOG_MAX) {
			sim_fail(s, "node %d writes more than %u records", node, SIM_LOG_MAX);
			return;
		}
		for (uint32_t i = 0; i < b->count; i++)
			b->log[i].over |= b->log[i].epoch == own->vector.epoch && b->log[i].kind == r->r.kind && b->log[i].key == r->r.key;
		b->log[b->count++] = (struct sim_written){ .epoch = own->vector.epoch, .seq = r->r.seq, .key = r->r.key,
							   .hash = hash_value(&r->r), .kind = r->r.kind, .len = r->r.value_len };
	}
	b->own = own->vector;
}

static bool was_written(const struct book *b, const struct pair_record *r)
{
	for (uint32_t i = b->count; i-- > 0;) {
		const struct sim_written *l = &b->log[i];
		if (l->epoch == r->epoch && l->seq == r->seq)
			return l->kind == r->kind && l->key == r->key && l->len == r->value_len && l->hash == hash_value(r);
	}
	return false;
}

static void check_written(struct sim *s, int node, int owner, const struct shelf_list *list)
{
	for (const struct shelf_record *r = list->first; r; r = r->order.next) {
		if (!was_written(&book[owner], &r->r))
			sim_fail(s, "invariant 1: ns%d holds record %llu of ns%d's epoch %llx, which that never wrote", node + 1,
				 (unsigned long long)r->r.seq, owner + 1, (unsigned long long)r->r.epoch);
	}
}

static void check_sound(struct sim *s, int node, int owner, const struct shelf *shelf)
{
	const struct book *b = &book[owner];
	for (uint32_t i = 0; i < b->count; i++) {
		const struct sim_written *l = &b->log[i];
		if (l->epoch != shelf->vector.epoch || l->seq > shelf->vector.seq || l->over)
			continue; /* what was overwritten comes with that later write */
		const struct pair_record *r = shelf_find(shelf, l->kind, l->key);
		if (l->len ? !r || r->epoch != l->epoch || r->seq != l->seq : r != NULL)
			sim_fail(s, "invariant 2: ns%d says that it holds ns%d's records up to %llu, but not as %llu of them was written",
				 node + 1, owner + 1, (unsigned long long)shelf->vector.seq, (unsigned long long)l->seq);
	}
}

static void check_shelf(struct sim *s, int node, size_t i)
{
	struct pair *p = pair_of(s, node);
	const struct shelf *shelf = &p->shelves[i + 1];
	int owner = p->peers[i].conf.id - 1;
	struct pair_vector *held = &book[node].held[owner];
	if (vector_compare(shelf->vector, *held) < 0)
		sim_fail(s, "invariant 1: ns%d's vector of ns%d goes back", node + 1, owner + 1);
	if (p->stats.divergences)
		sim_fail(s, "ns%d finds that the twins' records differ", node + 1);
	if (vector_compare(shelf->vector, *held) == 0 && shelf_is_whole(shelf))
		return;
	*held = shelf->vector;
	check_written(s, node, owner, &shelf->current);
	check_written(s, node, owner, &shelf->old);
	check_sound(s, node, owner, shelf);
}

/* ---- life ---- */

static uint64_t mono_at(struct sim *s, int node, uint64_t when)
{
	uint64_t now = s->now, at;
	s->now = when;
	at = sim_mono(s, node);
	s->now = now;
	return at;
}

static void note_heard(struct sim *s, int node, int other, uint64_t heard_ms)
{
	if (heard_ms != book[node].heard[other])
		truly_heard[node][other] = s->now;
	book[node].heard[other] = heard_ms;
}

/* By its own clock: since when nobody can have heard the other later, whoever told it so. */
static uint64_t relayed_at_most(struct sim *s, int node, int other)
{
	uint64_t latest = 0;
	for (int by = 0; by < s->count; by++)
		latest = by != node && truly_heard[by][other] > latest ? truly_heard[by][other] : latest;
	return mono_at(s, node, latest);
}

static void check_link(struct sim *s, int node, const struct pair_peer_view *v, size_t i)
{
	const struct pair *p = pair_of(s, node);
	int other = v->id - 1;
	bool differ = v->config_digest != sim_plan(s, node)->digest;
	if (v->echo_ms && v->echo_ms < mono_at(s, node, s->nodes[node].born))
		sim_fail(s, "invariant 3: ns%d has an echo of what an earlier life of it sent", node + 1);
	if (v->boot && book[node].bye_boot[other] == v->boot && v->link != PAIR_LOST && v->link != PAIR_WAITING &&
	    v->link != PAIR_INCOMPATIBLE)
		sim_fail(s, "invariant 3: ns%d's link is %s after the bye of ns%d", node + 1, pair_link_state_text(v->link), other + 1);
	if (v->suspect_ms < 4u * v->interval_ms * (1u + p->lhm))
		sim_fail(s, "ns%d suspects ns%d after %u ms, with local health %u", node + 1, other + 1, v->suspect_ms, p->lhm);
	/* (after a pause of ours links rest, until something is heard) */
	if (p->peers[i].link.judged_ms >= p->judge_after_ms && (v->link == PAIR_ACTIVE || v->link == PAIR_MISMATCH) &&
	    differ != (v->link == PAIR_MISMATCH))
		sim_fail(s, "ns%d's link is %s, and the configurations %s", node + 1, pair_link_state_text(v->link),
			 differ ? "differ" : "are the same");
}

/* All is well for a while: they hear each other, and know it. */
void oracle_pair_at_the_end(struct sim *s)
{
	for (int node = 0; node < s->count; node++) {
		for (size_t i = 0; i < pair_peers(pair_of(s, node)); i++) {
			struct pair_peer_view v;
			pair_peer_get(pair_of(s, node), i, &v, sim_mono(s, node));
			if (v.link != PAIR_ACTIVE)
				sim_fail(s, "at the end ns%d's link to ns%d is %s", node + 1, v.id, pair_link_state_text(v.link));
			if (v.config_digest != sim_plan(s, v.id - 1)->digest)
				sim_fail(s, "at the end ns%d does not know the configuration of ns%d", node + 1, v.id);
		}
	}
}

static bool is_fresh_directly(const struct pair *p, const struct pair_peer_view *v, uint64_t now)
{
	uint64_t patience = 2ull * v->suspect_ms > FRESH_TCP_MS * (1u + (uint64_t)p->lhm) ? 2ull * v->suspect_ms
											 : FRESH_TCP_MS * (1u + (uint64_t)p->lhm);
	return now <= v->heard_ms + patience && now <= v->echo_ms + FRESH_ECHO_MS;
}

static void check_life(struct sim *s, int node, size_t i)
{
	const struct pair *p = pair_of(s, node);
	uint64_t now = sim_mono(s, node), relayed = p->peers[i].relayed_ms;
	int other = p->peers[i].conf.id - 1;
	struct pair_peer_view v;
	pair_peer_get(p, i, &v, now);
	note_heard(s, node, other, v.heard_ms);
	if (v.echo_ms > book[node].reached[other])
		sim_fail(s, "invariant 3: ns%d has an echo of what it sent at %llu, but ns%d heard nothing after %llu", node + 1,
			 (unsigned long long)v.echo_ms, other + 1, (unsigned long long)book[node].reached[other]);
	if (relayed > relayed_at_most(s, node, other) + RELAY_ROUNDED_MS)
		sim_fail(s, "invariant 3: ns%d takes ns%d for heard at %llu, but the last that others heard was at %llu", node + 1, other + 1,
			 (unsigned long long)relayed, (unsigned long long)relayed_at_most(s, node, other));
	check_link(s, node, &v, i);
	if (!pair_is_fresh(p, v.id, now))
		return;
	if (!is_fresh_directly(p, &v, now) && now > relayed + 2ull * v.suspect_ms)
		sim_fail(s, "invariant 3: ns%d counts votes of ns%d, heard %llu ms ago, echo %llu ms old", node + 1, other + 1,
			 (unsigned long long)(now - v.heard_ms), (unsigned long long)(now - v.echo_ms));
	if (v.boot && book[node].bye_boot[other] == v.boot)
		sim_fail(s, "invariant 3: ns%d counts votes of ns%d, which said bye", node + 1, other + 1);
}

static uint64_t refusals(const struct pair_stats *t)
{
	return t->refused_short + t->refused_header + t->refused_version + t->refused_unknown_peer + t->refused_auth +
	       t->refused_flood + t->refused_format + t->refused_session + t->refused_replay + t->hellos + t->refused_streams +
	       t->streams_cut;
}

static size_t peer_index(const struct pair *p, int other)
{
	size_t i = 0;
	while (i < p->peer_count && p->peers[i].conf.id != other + 1)
		i++;
	return i;
}

/* What a packet of the other may change. */
static uint64_t digest_of(const struct pair *p)
{
	uint64_t digest = 0;
	for (size_t i = 0; i < p->peer_count; i++)
		digest ^= p->shelves[i + 1].digest[0];
	return digest;
}

static void look(const struct sim *s, int node, int from)
{
	const struct pair *p = pair_of(s, node);
	struct pair_peer_view v;
	if (!p)
		return;
	pair_peer_get(p, peer_index(p, from), &v, sim_mono(s, node));
	before.heard = v.heard_ms;
	before.echo = v.echo_ms;
	before.boot = v.boot;
	before.epoch = v.epoch;
	for (size_t i = 0; i < p->peer_count; i++)
		before.vector[i] = p->shelves[i + 1].vector;
	before.digest = digest_of(p);
	before.refused = refusals(&p->stats);
}

static void note_reached(struct sim *s, const struct sim_packet *p)
{
	struct sim_node *n = &s->nodes[p->from];
	if (p->broken || !n->core || p->made < n->born)
		return;
	uint64_t now = s->now, at;
	s->now = p->made;
	at = sim_mono(s, p->from);
	s->now = now;
	if (at > book[p->from].reached[p->to])
		book[p->from].reached[p->to] = at;
}

void oracle_packet_begins(struct sim *s, const struct sim_packet *p)
{
	struct sim_node *n = &s->nodes[p->to];
	before.may = !p->broken && p->taken != n->life && p->made >= n->born && keys_has(s, p->to, p);
	keys_packet_begins(s, p);
	note_reached(s, p);
	if (n->core)
		look(s, p->to, p->from);
}

/* Whatever was not refused has counted, and so has every copy of it that the attacker keeps. */
static void note_taken(struct sim *s, const struct sim_packet *p)
{
	for (uint32_t i = 0; i < s->store_count; i++) {
		struct sim_packet *k = &s->store[i];
		if (k->to == p->to && k->len == p->len && memcmp(k->data, p->data, p->len) == 0)
			k->taken = s->nodes[p->to].life;
	}
	for (uint32_t i = 0; i < s->used_count; i++) {
		struct sim_packet *k = &s->packets[s->used[i]];
		if (s->queue[s->used[i]].what == SIM_PACKET && k->to == p->to && k->len == p->len && memcmp(k->data, p->data, p->len) == 0)
			k->taken = s->nodes[p->to].life;
	}
}

void oracle_packet_ends(struct sim *s, const struct sim_packet *p)
{
	struct pair_peer_view v;
	struct sim_node *n = &s->nodes[p->to];
	if (!n->core || s->failed)
		return;
	keys_packet_ends(s, p);
	const struct pair *k = pair_of(s, p->to);
	pair_peer_get(k, peer_index(k, p->from), &v, sim_mono(s, p->to));
	bool counted = v.heard_ms != before.heard || v.echo_ms != before.echo || v.boot != before.boot || v.epoch != before.epoch ||
		       digest_of(k) != before.digest;
	for (size_t i = 0; i < k->peer_count; i++)
		counted |= vector_compare(k->shelves[i + 1].vector, before.vector[i]) != 0;
	if (counted && !before.may)
		sim_fail(s, "invariant 3: ns%d takes in a packet %s", p->to + 1,
			 p->broken ? "that was changed" : p->made < n->born ? "from before its life" :
			 keys_has(s, p->to, p) ? "for the second time" : "under a key that it does not have");
	if (!p->broken && (counted || (refusals(&k->stats) == before.refused && !p->stream))) {
		note_taken(s, p);
		if (p->data[5] == PAIR_TYPE_BYE)
			book[p->to].bye_boot[p->from] = v.boot;
	}
}

void oracle_sent(struct sim *s, int node, const uint8_t *packet)
{
	struct book *b = &book[node];
	b->boot = load_u64(packet + 16);
	if (b->dead_boot && b->boot == b->dead_boot)
		sim_fail(s, "ns%d sends under a boot from before its clock jumped", node + 1);
}

/* ---- TILT ---- */

/* What it says from now on it must say under another boot: this one's numbers may be used already, by the machine that it was. */
void oracle_jumped(struct sim *s, int node, int64_t by_ms)
{
	if ((by_ms > 2 * TILT_JUMP_MS || by_ms < -2 * TILT_JUMP_MS) && core_pair(s->nodes[node].core)) {
		s->nodes[node].jumped = s->now;
		book[node].tilted = false;
		book[node].tilted_at = 0;
		book[node].dead_boot = pair_of(s, node)->boot;
	}
}

bool oracle_tilt_was_seen(const struct sim *s, int node)
{
	return s->nodes[node].jumped && book[node].tilted;
}

/* Has it looked at its clock as it is now? */
static bool has_looked(const struct sim *s, int node)
{
	int64_t unseen_ms = (int64_t)(sim_wall(s, node) - sim_mono(s, node) - (uint64_t)pair_of(s, node)->wall_offset_ms);
	return unseen_ms < TILT_JUMP_MS && unseen_ms > -TILT_JUMP_MS;
}

/* It looks at the clock with the next heartbeat; a pause may come before that. What it then is ends by the time, paused or not, and
 * whether or not the disk has its new epoch yet. */
static void check_tilt(struct sim *s, int node)
{
	const struct sim_node *n = &s->nodes[node];
	const struct pair *p = pair_of(s, node);
	struct book *b = &book[node];
	uint64_t seen_by = (n->jumped > n->paused_until ? n->jumped : n->paused_until) + TILT_SEEN_MS;
	if (n->jumped && !b->tilted_at && p->self == PAIR_TILT && has_looked(s, node))
		b->tilted_at = s->now;
	/* (an epoch that was under way before the jump, after a standstill, is not the one) */
	b->tilted |= n->jumped && b->tilted_at && p->boot != b->dead_boot && pair_wants_epoch(p) == 0;
	if (n->jumped && s->now > seen_by && p->self != PAIR_TILT && (!b->tilted_at || s->now < b->tilted_at + TILT_LASTS_MS))
		sim_fail(s, "ns%d is %s %u ms after its clock jumped", node + 1, pair_self_state_text(p->self), (unsigned)(s->now - n->jumped));
}

void oracle_pair_after_step(struct sim *s, int node)
{
	if (s->failed || !core_pair(s->nodes[node].core))
		return;
	note_own(s, node);
	for (size_t i = 0; i < pair_peers(core_pair(s->nodes[node].core)); i++) {
		check_shelf(s, node, i);
		check_life(s, node, i);
	}
	check_tilt(s, node);
}
