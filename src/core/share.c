/* Probe sharing: twins look at a target by turns, each at every second interval, so it is seen every interval by somebody at
 * the cost of one.
 *
 *     ns1   P . . . P . . . F─r─F─r─F           by turns, on the hybrid clock, which is the same on both
 *     ns2   . . P . . . P . ╰▶f─r─f─r─f         its first failure (or a silence of half a time-out) calls the other at once
 *                                               F─r─F: retry, each by itself; fall and rise mean what they mean alone
 *
 * By turns while all is calm on both and they see alike; else each at its own full rate, at once.  Nobody asks the other: each
 * tells on its shelf what it does, and either may go to the full rate by itself.  A node that halves its rate takes all places
 * of its own turn, one that does not takes every interval; so whatever each believes of the other, no place is nobody's as
 * long as both live.  Among more than two nodes those at even ranks take one turn, those at odd ranks the other.
 *
 *     shelf   end of VERDICT    flags 1 | alarms 1 | digest of the timing 4
 *             NODE, key 2       1 = it probes, 0 = it has no prober
 */
#include "base/hash.h"
#include "core/state.h"

#define FLAG_LOOKS 1 /* its last result counted, and it looks at every place of its turn */
#define FLAG_ALARM 2 /* it saw something contrary that is neither enough nor made good, or waits long for an answer */
#define FLAG_ON 4    /* it shares this stream: always set on the wire */
#define VERDICT_LEN 20 /* of the VERDICT before our end of it (records.c) */
#define NODE_KEY 2
#define PLACE_SALT 0x73686172652d7031u

/* ---- what we say ---- */

/* Where a node goes by its own verdicts alone, the twin's look is none of its own. */
static bool is_on(const struct core *c, const struct stream *s)
{
	return c->gen->plan->pair.share && c->pair && !s->conf->canary && !(s->agrees & 1u << (POLICY_AGREE_LOCAL - 1));
}

/* Twins whose files differ elsewhere share what they have alike; the key stands for address, script and arguments. */
static uint32_t digest_of(const struct health_timing *t)
{
	uint64_t h = hash_mix((uint64_t)t->interval_ms << 32 | t->timeout_ms,
			      (uint64_t)t->retry_ms << 16 | (uint64_t)t->fall << 8 | t->rise);
	if (t->flap.hold)
		h = hash_mix(h, (uint64_t)t->flap.suppress << 32 | t->flap.reuse) ^ t->flap.half_life_ms;
	return (uint32_t)h;
}

static bool does_look(const struct stream *s)
{
	enum health_outcome o = health_result_outcome(&s->health.last);
	return s->health.verdict != HEALTH_VERDICT_UNKNOWN && !s->health.recovered && !s->voided &&
	       (o == HEALTH_PASS || o == HEALTH_FAIL) && health_breaker_factor(&s->health, &s->conf->timing) == 1;
}

static uint8_t flags_of(const struct core *c, const struct stream *s)
{
	if (!is_on(c, s))
		return 0;
	bool alarm = s->share.silent || health_state_is_turning(&s->health, &s->conf->timing);
	return (uint8_t)(FLAG_ON | (does_look(s) ? FLAG_LOOKS : 0) | (alarm ? FLAG_ALARM : 0));
}

size_t share_value_put(uint8_t *out, const struct share *h)
{
	if (!h->said)
		return 0;
	out[0] = h->said;
	out[1] = h->alarms;
	store_u32(out + 2, h->digest);
	return SHARE_LEN;
}

void share_tell(struct core *c)
{
	uint8_t want = c->gen->plan->pair.share ? (uint8_t)(1 + c->prober_up) : 0, value = c->prober_up;
	if (want == c->share_said)
		return;
	if (pair_write(c->pair, PAIR_NODE, NODE_KEY, &value, want ? 1 : 0, c->now_ms) < 0)
		c->nomem = true;
	else
		c->share_said = want;
}

/* ---- what the twin says ---- */

bool share_peer_looks(const struct core *c, uint8_t node)
{
	if (!c->gen->plan->pair.share)
		return false;
	const struct pair_record *r = pair_find(c->pair, node, PAIR_NODE, NODE_KEY);
	return r && r->value_len > 0 && r->value[0] & 1;
}

struct word { enum health_verdict verdict; bool recovered; uint8_t flags; };

/* False where it does not share this stream, or probes it in another way. */
static bool word_get(const struct stream *s, const struct pair_record *r, struct word *w)
{
	uint8_t weight;
	if (!r || r->value_len < VERDICT_LEN + SHARE_LEN || !value_verdict_get(r, &w->verdict, &w->recovered, &weight))
		return false;
	w->flags = r->value[VERDICT_LEN];
	return w->flags & FLAG_ON && load_u32(r->value + VERDICT_LEN + 2) == digest_of(&s->conf->timing);
}

static bool is_well(enum pair_self_state s)
{
	return s == PAIR_NORMAL || s == PAIR_MAINT;
}

static bool is_partner(const struct peer *p)
{
	return p->fresh && p->looks && is_well(p->self);
}

static unsigned turn_of(const struct core *c, uint8_t id)
{
	unsigned below = 0;
	for (uint16_t i = 0; i < c->gen->plan->node_count; i++)
		below += c->gen->plan->nodes[i].id < id;
	return below & 1;
}

static bool is_calm_there(const struct core *c, const struct stream *s, const struct peer *p)
{
	struct word w;
	return word_get(s, pair_find(c->pair, p->id, PAIR_VERDICT, s->conf->key), &w) && w.verdict == s->health.verdict &&
	       !w.recovered && (w.flags & (FLAG_LOOKS | FLAG_ALARM)) == FLAG_LOOKS;
}

/* Somebody takes the other turn, as calmly as we take ours. */
static bool is_shared(const struct core *c, const struct stream *s)
{
	if ((flags_of(c, s) & (FLAG_LOOKS | FLAG_ALARM)) != FLAG_LOOKS || !is_well(c->self) || !c->prober_up)
		return false;
	unsigned own = turn_of(c, gen_self(c->gen)->id);
	for (size_t i = 0; i < c->peer_count; i++) {
		const struct peer *p = &c->peers[i];
		if (is_partner(p) && turn_of(c, p->id) != own && is_calm_there(c, s, p))
			return true;
	}
	return false;
}

/* ---- what we do ---- */

/* Our next turn. The hybrid clock goes on as the monotonic one does, so the distance is the same on both. */
static uint64_t next_turn(const struct core *c, const struct stream *s)
{
	unsigned turn = turn_of(c, gen_self(c->gen)->id);
	return c->now_ms + (health_schedule_turn(hash_mix(s->conf->key, PLACE_SALT), &s->conf->timing, turn, c->clock_ms) - c->clock_ms);
}

bool share_is_news(const struct core *c, const struct stream *s)
{
	return flags_of(c, s) != s->share.said || is_shared(c, s) != s->health.shared;
}

/* Alone again it keeps its turn where that comes first: what it saw last may be two intervals old by then, and must not grow
 * too old before the next result. */
static void follow(struct core *c, struct stream *s)
{
	bool shared = is_shared(c, s);
	if (shared == s->health.shared)
		return;
	s->health.shared = shared;
	if (!s->run && !s->share.called && s->schedule.next_ms > c->now_ms) {
		uint64_t alone = health_schedule_aligned(&s->schedule, &s->conf->timing, c->now_ms);
		s->schedule.next_ms = shared ? next_turn(c, s) : alone < s->schedule.next_ms ? alone : s->schedule.next_ms;
	}
	schedule_timer(c, s);
}

void share_settle(struct core *c, struct stream *s)
{
	struct share *h = &s->share;
	uint8_t says = flags_of(c, s);
	uint32_t digest = says ? digest_of(&s->conf->timing) : 0;
	if (says != h->said || digest != h->digest) {
		h->alarms = (uint8_t)(h->alarms + ((says & ~h->said & FLAG_ALARM) != 0));
		h->said = says;
		h->digest = digest;
		s->tell = true;
	}
	follow(c, s);
}

/* For the twin's alarm: at once, but never sooner behind the last one than a retry would be. */
static void call(struct core *c, struct stream *s)
{
	uint64_t at = s->schedule.started_ms + s->conf->timing.retry_ms;
	at = at > c->now_ms ? at : c->now_ms;
	if (at >= s->schedule.next_ms)
		return;
	s->schedule.next_ms = at;
	s->share.called = true;
}

void share_result(struct core *c, struct stream *s)
{
	bool again = s->share.again && !health_state_is_turning(&s->health, &s->conf->timing);
	s->share.silent = s->share.called = s->share.again = false;
	s->health.shared = is_shared(c, s);
	if (s->health.shared)
		s->schedule.next_ms = next_turn(c, s);
	if (again)
		call(c, s);
}

/* An alarm must not wait for the time-out, or the twin would wait for another one behind it. What was asked for the twin's own
 * alarm raises none, or twins would call each other to and fro about a target that is only slow. Of one that is
 * down nothing else is expected: each turn would call the twin, and nothing would be saved. */
void share_silent(struct core *c, struct stream *s)
{
	if (!s->health.shared || s->share.called || s->health.verdict == HEALTH_VERDICT_DOWN)
		return;
	s->share.silent = true;
	stream_mark(c, s);
}

void share_hear(struct core *c, struct stream *s, const struct pair_record *r)
{
	struct word w;
	bool partner = false;
	for (size_t i = 0; i < c->peer_count; i++)
		partner |= c->peers[i].id == r->owner && is_partner(&c->peers[i]);
	if (!partner || !is_on(c, s) || !word_get(s, r, &w) || !does_look(s) || health_state_is_turning(&s->health, &s->conf->timing))
		return;
	/* With fall = 1 its first failure is its verdict. */
	bool differs = w.flags & FLAG_LOOKS && !w.recovered && w.verdict != s->health.verdict;
	if (!differs && !(w.flags & FLAG_ALARM))
		return;
	if (s->run)
		s->share.again = true;
	else
		call(c, s);
	schedule_timer(c, s);
}
