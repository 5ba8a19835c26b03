/* What stands on the shelves, and what follows from it for the operators' words:
 *
 *     invariant 4   healed and quiet, each copy of a shelf is its owner's: the vector, and of every kind each record with its epoch,
 *                   its seq and its value
 *     invariant 7   of a selector the word with the highest (stamp, node id) of those on the shelves counts after each step, `auto` as
 *                   any other; one that is over counts as `auto`
 *
 *     ns1's shelf    127.0.0.1: down, stamp 50, no end ─┐
 *     ns2's shelf    127.0.0.1: up, stamp 70, 300 ms ◀──┴─ the highest: up for 300 ms from when it came, then nothing
 *
 * The words are read here from the octets of their records (pair.md, section 9) and kept until a shelf is another; what the core says
 * is in force is held against them. Where that cannot be exact:
 *
 *     a node that starts remembers by its journal what a twin said, and until it is in step with that twin may go by it where the
 *     twin's shelf says nothing here; so long only that nothing newer is on the shelves is asked of it
 *     of a twin's word with an end that an earlier life of the node knew too, the journal may tell a sooner end (the soonest one is
 *     true), or one that is later by what two clocks make of one end: up to a second is no other end
 */
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "pair/state.h"
#include "sim/sim.h"

#define WORDS_MAX (SIM_NODES * 16) /* chaos.c has 9 selectors */
#define REST_MS 30 /* what is written is sent within 2 ms, twice where it must be, and is 2 ms on its way */
#define ENDS_ALIKE_MS 1000
#define OVER_MS 1 /* what is left, as its owner tells it, of a word that is over */

struct word { char selector[40]; uint8_t owner, verb; int id; uint64_t stamp, left_ms, until_ms /* of the node's clock; 0 = no end */; };
struct sight { struct pair_vector vector; uint64_t digest; }; /* of a shelf: what is the same has the same records */
static struct reader {
	struct sight sights[SIM_NODES];
	struct word words[WORDS_MAX];
	size_t count;
	uint64_t met, met_before; /* words, a bit each: in any life, and in an earlier one */
	bool in_step[SIM_NODES];  /* was, in this life */
	uint64_t wrote_at;        /* its own shelf, last */
} reader[SIM_NODES];

void oracle_shelves_begin(struct sim *s)
{
	(void)s;
	memset(reader, 0, sizeof reader);
}

void oracle_shelves_started(struct sim *s, int node)
{
	uint64_t met = reader[node].met;
	(void)s;
	memset(&reader[node], 0, sizeof reader[node]);
	reader[node].met = reader[node].met_before = met;
}

/* ---- words ---- */

static bool text_get(struct rbuf *r, char *out, size_t cap)
{
	size_t len = get_u8(r);
	const uint8_t *p = get_bytes(r, len);
	if (!p || len >= cap)
		return false;
	memcpy(out, p, len);
	out[len] = '\0';
	return true;
}

static bool word_get(const struct pair_record *rec, struct word *w)
{
	char author[16];
	struct rbuf r;
	rbuf_init(&r, rec->value, rec->value_len);
	*w = (struct word){ .owner = rec->owner, .verb = get_u8(&r), .stamp = get_u64(&r), .left_ms = get_u64(&r) };
	if (!text_get(&r, w->selector, sizeof w->selector) || !text_get(&r, author, sizeof author))
		return false;
	w->id = atoi(author);
	return rec->key == pair_name("override", w->selector, strlen(w->selector));
}

static const struct word *word_of(const struct reader *r, uint8_t owner, const char *selector)
{
	for (size_t i = 0; i < r->count; i++) {
		if (r->words[i].owner == owner && strcmp(r->words[i].selector, selector) == 0)
			return &r->words[i];
	}
	return NULL;
}

/* Of one word the soonest end that was told is true: what is left only grows old on its way. By less than a second it is the same. */
static void reckon_end(const struct reader *old, struct word *w, uint64_t now)
{
	const struct word *was = word_of(old, w->owner, w->selector);
	w->until_ms = w->left_ms ? now + w->left_ms : 0;
	if (was && was->stamp == w->stamp && was->verb == w->verb && w->until_ms && was->until_ms <= w->until_ms + ENDS_ALIKE_MS)
		w->until_ms = was->until_ms;
}

static void read_words(struct sim *s, int node)
{
	static struct reader old;
	struct reader *r = &reader[node];
	const struct pair *p = core_pair(s->nodes[node].core);
	const struct pair_record *rec;
	size_t pos = 0;
	old = *r;
	r->count = 0;
	while ((rec = pair_walk(p, PAIR_ADMIN, &pos))) {
		struct word *w = &r->words[r->count];
		if (r->count == WORDS_MAX || !word_get(rec, w)) {
			sim_fail(s, "ns%d has a word of ns%d on the shelf that says nothing", node + 1, rec->owner);
			return;
		}
		reckon_end(&old, w, sim_mono(s, node));
		r->met |= 1ull << w->id;
		r->count++;
	}
}

/* Nothing is read again of shelves that are what they were. */
static bool is_seen(struct sim *s, int node)
{
	const struct pair *p = core_pair(s->nodes[node].core);
	bool same = true;
	for (size_t i = 0; i <= p->peer_count; i++) {
		const struct shelf *shelf = &p->shelves[i];
		struct sight *was = &reader[node].sights[i];
		if (i == 0 && vector_compare(was->vector, shelf->vector) != 0)
			reader[node].wrote_at = s->now;
		same = same && vector_compare(was->vector, shelf->vector) == 0 && was->digest == shelf->digest[0];
		*was = (struct sight){ shelf->vector, shelf->digest[0] };
	}
	return same;
}

static const struct word *newest_of(const struct reader *r, const char *selector)
{
	const struct word *best = NULL;
	for (size_t i = 0; i < r->count; i++) {
		const struct word *w = &r->words[i];
		if (strcmp(w->selector, selector) == 0 &&
		    (!best || w->stamp > best->stamp || (w->stamp == best->stamp && w->owner > best->owner)))
			best = w;
	}
	return best;
}

/* Could the journal know more than the shelves: of a twin that was not in step in this life, and of which nothing is here? */
static bool may_remember(const struct sim *s, int node, const char *selector)
{
	bool may = false;
	for (int n = 0; n < s->count; n++)
		may |= n != node && !reader[node].in_step[n] && !word_of(&reader[node], (uint8_t)(n + 1), selector);
	return may;
}

/* Does the journal of an earlier life know of it, too, and perhaps of another end? */
static bool is_remembered(int node, const struct word *w)
{
	return w->owner != node + 1 && reader[node].met_before >> w->id & 1;
}

static bool is_end(int node, const struct word *w, uint64_t now, uint64_t left_ms)
{
	uint64_t at = now + left_ms;
	if (!w->until_ms || !left_ms)
		return !w->until_ms && !left_ms;
	return is_remembered(node, w) ? at <= w->until_ms + ENDS_ALIKE_MS : at == w->until_ms;
}

/* By its end, of one that has one. */
static bool may_be_over(int node, const struct word *w, uint64_t now)
{
	return w->until_ms && (w->until_ms <= now || w->left_ms <= OVER_MS || is_remembered(node, w));
}

static void check_in_force(struct sim *s, int node, const struct core_override_view *v)
{
	const struct reader *r = &reader[node];
	const struct word *best = newest_of(r, v->selector), *said = word_of(r, v->node, v->selector);
	int id = atoi(v->author);
	uint64_t now = sim_mono(s, node);
	if (!said && (v->node == node + 1 || r->in_step[v->node - 1]))
		sim_fail(s, "invariant 7: ns%d has command %d of ns%d in force, which is on no shelf", node + 1, id, v->node);
	else if (!said && best && best->stamp >> 16 > v->since_wall_ms)
		sim_fail(s, "invariant 7: ns%d has command %d in force, which it remembers, and %d is newer", node + 1, id, best->id);
	else if (said && (said != best || said->id != id || said->verb != (uint8_t)v->verb || said->stamp >> 16 != v->since_wall_ms))
		sim_fail(s, "invariant 7: ns%d has command %d on %s in force, by the shelves it is %d", node + 1, id, v->selector, best->id);
	else if (said && !is_end(node, said, now, v->left_ms))
		sim_fail(s, "invariant 7: ns%d has command %d in force until %llu, not until %llu", node + 1, id,
			 (unsigned long long)(v->left_ms ? now + v->left_ms : 0), (unsigned long long)said->until_ms);
}

static void check_words(struct sim *s, int node)
{
	const struct reader *r = &reader[node];
	struct core_override_view v;
	size_t pos = 0, count = 0;
	const char *said[WORDS_MAX];
	while (count < WORDS_MAX && core_override_next(s->nodes[node].core, &pos, &v, sim_mono(s, node), sim_wall(s, node))) {
		check_in_force(s, node, &v);
		said[count++] = v.selector;
	}
	for (size_t i = 0; i < r->count; i++) {
		const struct word *w = &r->words[i];
		bool is_said = w != newest_of(r, w->selector) || w->verb == CORE_VERB_AUTO ||
			       may_be_over(node, w, sim_mono(s, node));
		for (size_t k = 0; k < count; k++)
			is_said |= strcmp(said[k], w->selector) == 0;
		if (!is_said && !may_remember(s, node, w->selector))
			sim_fail(s, "invariant 7: ns%d has nothing in force on %s, by the shelves it is command %d", node + 1, w->selector, w->id);
	}
}

void oracle_shelves_after_step(struct sim *s, int node)
{
	const struct pair *p = core_pair(s->nodes[node].core);
	if (!p || s->failed)
		return;
	for (size_t i = 0; i < p->peer_count; i++) {
		uint8_t id = p->peers[i].conf.id;
		reader[node].in_step[id - 1] |= p->peers[i].equal && pair_is_fresh(p, id, sim_mono(s, node));
	}
	if (!is_seen(s, node))
		read_words(s, node);
	check_words(s, node);
}

/* ---- at the end ---- */

static uint64_t value_hash(const struct pair_record *r)
{
	static const struct hash_key key = { { 3, 4 } };
	return hash_bytes(&key, r->value, r->value_len);
}

static const struct pair_record *next_of(const struct pair *p, uint8_t owner, enum pair_kind kind, size_t *pos)
{
	const struct pair_record *r;
	while ((r = pair_walk(p, kind, pos)) && r->owner != owner)
		;
	return r;
}

/* What was written in the very last moment is still on its way. */
void oracle_shelves_rest(struct sim *s)
{
	for (uint64_t until = s->now + SIM_STILL_MS; !s->failed && s->now < until; sim_run_to(s, s->now + 1)) {
		uint64_t last = 0;
		for (int n = 0; n < s->count; n++)
			last = reader[n].wrote_at > last ? reader[n].wrote_at : last;
		if (s->now > last + REST_MS)
			return;
	}
}

/* Each record of the one is the other's. */
static void check_kind(struct sim *s, int node, int owner, enum pair_kind kind)
{
	const struct pair *here = core_pair(s->nodes[node].core), *there = core_pair(s->nodes[owner].core);
	const struct pair_record *a, *b;
	size_t pos = 0, ours = 0, theirs = 0;
	while ((a = next_of(there, (uint8_t)(owner + 1), kind, &pos))) {
		size_t at = 0;
		while ((b = next_of(here, (uint8_t)(owner + 1), kind, &at)) && b->key != a->key)
			;
		if (!b || b->epoch != a->epoch || b->seq != a->seq || b->value_len != a->value_len || value_hash(b) != value_hash(a))
			sim_fail(s, "invariant 4: at the end ns%d %s ns%d's record %llu of kind %u", node + 1, b ? "has another" : "lacks",
				 owner + 1, (unsigned long long)a->seq, kind);
		theirs++;
	}
	for (pos = 0; next_of(here, (uint8_t)(owner + 1), kind, &pos);)
		ours++;
	if (ours != theirs)
		sim_fail(s, "invariant 4: at the end ns%d has %zu records of kind %u of ns%d, which has %zu", node + 1, ours, kind, owner + 1,
			 theirs);
}

static void check_copy(struct sim *s, int node, size_t i)
{
	const struct pair *p = core_pair(s->nodes[node].core);
	const struct shelf *copy = &p->shelves[i + 1];
	int owner = p->peers[i].conf.id - 1;
	const struct shelf *own = &core_pair(s->nodes[owner].core)->shelves[0];
	if (vector_compare(copy->vector, own->vector) != 0 || !shelf_is_whole(copy) || copy->old.first)
		sim_fail(s, "invariant 4: at the end ns%d holds ns%d's records up to %llu, and that wrote %llu", node + 1, owner + 1,
			 (unsigned long long)copy->vector.seq, (unsigned long long)own->vector.seq);
	for (enum pair_kind k = PAIR_VERDICT; k <= PAIR_NOTICE; k++)
		check_kind(s, node, owner, k);
}

void oracle_shelves_at_the_end(struct sim *s)
{
	for (int node = 0; node < s->count; node++) {
		for (size_t i = 0; i < pair_peers(core_pair(s->nodes[node].core)); i++)
			check_copy(s, node, i);
	}
}
