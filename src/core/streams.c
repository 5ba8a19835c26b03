/* From a probe's result to the effective state of its stream.
 *
 *     result ─▶ health ─▶ own vote ─┐
 *               twin's VERDICT ─────┴─▶ pair_decide ─▶ UP, DOWN: decided, stamped anew where it differs from what is held
 *                                                     HOLD: the newest EFFECTIVE of ours and of fresh twins, stamp kept
 *
 * A verdict from the journal is memory: it is served by holding, its D is no vote until fresh results bear it out.  So a
 * node that was away for a day cannot take down with yesterday's news what its twin sees alive. What an upgrade hands on is
 * no such memory (vouch.c); but with nobody to tell more it is held all the same.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/state.h"

void stream_mark(struct core *c, struct stream *s)
{
	if (s->dirty)
		return;
	s->dirty = true;
	s->next_dirty = NULL;
	*c->streams_end = s;
	c->streams_end = &s->next_dirty;
}

void streams_mark_all(struct core *c)
{
	for (uint32_t i = 0; i < c->gen->plan->stream_count; i++)
		stream_mark(c, &c->gen->streams[i]);
}

/* ---- votes ---- */

static enum pair_vote vote_of(enum health_verdict v, bool recovered)
{
	switch (v) {
	case HEALTH_VERDICT_UP:
		return PAIR_UP;
	case HEALTH_VERDICT_DOWN:
		return recovered ? PAIR_ABSTAIN : PAIR_DOWN;
	case HEALTH_VERDICT_UNKNOWN:
		break;
	}
	return PAIR_ABSTAIN;
}

enum pair_vote stream_own_vote(const struct stream *s)
{
	return vote_of(s->health.verdict, stream_is_memory(s));
}

enum pair_vote stream_peer_vote(const struct core *c, const struct stream *s, uint8_t node, uint8_t *weight)
{
	enum health_verdict v;
	bool recovered;
	const struct pair_record *r = pair_find(c->pair, node, PAIR_VERDICT, s->conf->key);
	if (!r || !value_verdict_get(r, &v, &recovered, weight))
		return PAIR_ABSTAIN;
	return vote_of(v, recovered);
}

/* Whose success is proof, but whose failure is not (pair protocol 1.3 and 2.4). */
static bool abstains_down(enum pair_self_state s)
{
	return s == PAIR_BOOT || s == PAIR_TILT || s == PAIR_ISOLATED;
}

struct tally {
	struct pair_ballot ballots[PAIR_NODES_MAX];
	size_t count;
	uint8_t least, most; /* weights of those who vote up */
	bool up, down;       /* said by some, of those whose word counts */
};

static void tally_add(struct tally *t, enum pair_vote vote, bool isolated, uint8_t voice, uint8_t weight)
{
	t->ballots[t->count++] = (struct pair_ballot){ (uint8_t)vote, isolated, voice };
	t->up |= vote == PAIR_UP;
	t->down |= vote == PAIR_DOWN && !isolated;
	if (vote != PAIR_UP)
		return;
	t->least = weight < t->least ? weight : t->least;
	t->most = weight > t->most ? weight : t->most;
}

static bool is_alone(const struct core *c)
{
	for (size_t i = 0; i < c->peer_count; i++) {
		if (c->peers[i].fresh)
			return false;
	}
	return true;
}

static void tally_take(const struct core *c, const struct stream *s, struct tally *t)
{
	enum pair_vote own = stream_own_vote(s);
	*t = (struct tally){ .least = 100 };
	/* With nobody to tell more, what was served before the restart is served on: it may have rested on the twin's vote. */
	if (s->health.recovered && is_alone(c))
		own = PAIR_ABSTAIN;
	tally_add(t, own, c->pair && abstains_down(c->self), gen_self(c->gen)->weight, s->health.weight_pct);
	for (size_t i = 0; i < c->peer_count; i++) {
		uint8_t weight = 100;
		if (!c->peers[i].fresh)
			continue;
		enum pair_vote vote = stream_peer_vote(c, s, c->peers[i].id, &weight);
		tally_add(t, vote, abstains_down(c->peers[i].self), c->peers[i].weight, weight);
	}
}

/* ---- holding ---- */

/* Of two with one stamp both nodes must choose the same; up is the safe one. */
static bool is_newer(const struct hold *a, const struct hold *b)
{
	if (b->state == HEALTH_VERDICT_UNKNOWN)
		return a->state != HEALTH_VERDICT_UNKNOWN;
	return a->hlc != b->hlc ? a->hlc > b->hlc : a->state == HEALTH_VERDICT_UP && b->state != HEALTH_VERDICT_UP;
}

static bool was_decided(const struct stream *s)
{
	bool any = false;
	for (int i = 0; i < CORE_AGREES; i++)
		any |= s->hold[i].state != HEALTH_VERDICT_UNKNOWN;
	return any;
}

static struct hold newest_held(const struct core *c, const struct stream *s, uint8_t agree)
{
	struct hold newest = s->hold[agree - 1];
	uint64_t key = stream_effective_key(c->gen, s, agree);
	for (size_t i = 0; i < c->peer_count; i++) {
		struct hold theirs = newest;
		const struct pair_record *r = pair_find(c->pair, c->peers[i].id, PAIR_EFFECTIVE, key);
		if (c->peers[i].fresh && r && value_effective_get(r, &theirs) && is_newer(&theirs, &newest))
			newest = theirs;
	}
	/* Recovered, but decided under another rule of agreement than the present: then its verdict is all there is. A verdict of which
	 * nothing was ever decided is not: it was found while our D abstained. */
	if (newest.state == HEALTH_VERDICT_UNKNOWN && s->health.recovered && was_decided(s) &&
	    s->health.verdict != HEALTH_VERDICT_UNKNOWN)
		newest = (struct hold){ .state = (uint8_t)s->health.verdict, .weight = s->health.weight_pct };
	return newest;
}

/* When the first of the nodes decided what they agree on: the same on all of them, whoever hears of it first. */
static uint64_t down_since(const struct core *c, const struct stream *s, uint8_t agree, const struct hold *own)
{
	uint64_t first = own->hlc, key = stream_effective_key(c->gen, s, agree);
	if (own->state != HEALTH_VERDICT_DOWN || !s->bounded)
		return 0;
	for (size_t i = 0; i < c->peer_count && agree != POLICY_AGREE_LOCAL; i++) {
		struct hold theirs;
		const struct pair_record *r = pair_find(c->pair, c->peers[i].id, PAIR_EFFECTIVE, key);
		if (c->peers[i].fresh && r && value_effective_get(r, &theirs) && theirs.state == HEALTH_VERDICT_DOWN && theirs.hlc < first)
			first = theirs.hlc;
	}
	return first;
}

/* A weight goes with a vote for up. What is held without one keeps its weight, or an ailing member would get its full share just
 * when nobody looks; of one that the journal has as up the first pass tells it anew, though that is no vote yet. */
static uint8_t weigh(const struct stream *s, const struct hold *h, uint8_t agree, const struct tally *t)
{
	if (t->most > 0)
		return agree == POLICY_AGREE_ANY_DOWN ? t->least : t->most;
	if (s->health.verdict == HEALTH_VERDICT_UP && s->health.passes > 0)
		return s->health.weight_pct;
	return h->state == HEALTH_VERDICT_UP && h->weight > 0 ? h->weight : 100;
}

static struct hold decide(struct core *c, const struct stream *s, uint8_t agree, const struct tally *t)
{
	struct hold h = s->hold[agree - 1];
	const struct pair_quorum q = { c->gen->plan->pair.quorum_pct, c->gen->plan->pair.quorum_least };
	enum pair_effective e = pair_decide((enum pair_agree)agree, &q, t->ballots, t->count);
	if (e == PAIR_HOLD) {
		h = newest_held(c, s, agree);
	} else {
		uint8_t state = e == PAIR_EFF_UP ? HEALTH_VERDICT_UP : HEALTH_VERDICT_DOWN;
		if (h.state != state)
			h.hlc = core_stamp(c);
		h.state = state;
	}
	h.weight = weigh(s, &h, agree, t);
	h.since = down_since(c, s, agree, &h);
	return h;
}

static bool tell_effective(struct core *c, const struct stream *s, uint8_t agree)
{
	uint8_t value[PAIR_VALUE_MAX];
	const struct hold *h = &s->hold[agree - 1];
	if (!c->pair || h->state == HEALTH_VERDICT_UNKNOWN)
		return true;
	size_t len = value_effective_put(value, h);
	return pair_write(c->pair, PAIR_EFFECTIVE, stream_effective_key(c->gen, s, agree), value, len, c->now_ms) == 0;
}

static bool asks(const struct gen *g, const struct plan_check *check, const struct stream *s)
{
	for (uint16_t k = 0; k < check->count; k++)
		if (&g->streams[check->streams[k]] == s)
			return true;
	return false;
}

const struct addr *stream_member_addr(const struct core *c, const struct stream *s)
{
	for (uint32_t u = 0; u < s->use_count; u++) {
		const struct plan_service *v = c->gen->services[c->gen->uses[s->use_at + u]].conf;
		for (uint16_t i = 0; i < v->policy.member_count; i++)
			if (asks(c->gen, &v->checks[i], s))
				return &v->policy.members[i].addr;
	}
	return &s->conf->addr;
}

/* Of a step that a packet began: what the services will give as the reason. */
static void note_twins_word(struct core *c, const struct stream *s, uint8_t state)
{
	char ip[ADDR_TEXT_MAX];
	snprintf(c->why, sizeof c->why, "%s %s by the twin's vote", addr_format(stream_member_addr(c, s), true, ip),
		 health_verdict_text((enum health_verdict)state));
}

static void evaluate(struct core *c, struct stream *s)
{
	struct tally t;
	bool changed = false;
	tally_take(c, s, &t);
	dispute_votes(c, s, t.up, t.down);
	for (uint8_t agree = 1; agree <= CORE_AGREES; agree++) {
		if (!(s->agrees & 1u << (agree - 1)))
			continue;
		struct hold *held = &s->hold[agree - 1], h = decide(c, s, agree, &t);
		if (h.state == held->state && h.weight == held->weight && h.hlc == held->hlc && h.since == held->since)
			continue;
		if (c->packet_path != HEALTH_PATH_NONE && h.state != held->state)
			note_twins_word(c, s, h.state);
		changed |= h.state != held->state || h.weight != held->weight || h.since != held->since;
		if (h.state != held->state || h.hlc != held->hlc)
			s->journal = s->tell = true;
		*held = h;
	}
	if (changed)
		services_of_stream_mark(c, s);
}

/* ---- settling: what the change of a stream entails, in the order that the doors promise ---- */

static bool journal(struct core *c, struct stream *s)
{
	uint8_t record[64 + 10 * CORE_AGREES];
	struct wbuf w;
	wbuf_init(&w, record, sizeof record);
	record_verdict_put(&w, s, c->now_ms, c->wall_ms);
	if (!effect_journal(c, record, w.len, false))
		return false;
	s->kept_weight = s->health.weight_pct;
	return true;
}

static bool tell(struct core *c, const struct stream *s)
{
	uint8_t value[PAIR_VALUE_MAX];
	if (!c->pair)
		return true;
	size_t len = value_verdict_put(value, s, c->now_ms);
	if (pair_write(c->pair, PAIR_VERDICT, s->conf->key, value, len, c->now_ms) < 0)
		return false;
	for (uint8_t agree = 1; agree <= CORE_AGREES; agree++) {
		if (s->agrees & 1u << (agree - 1) && !tell_effective(c, s, agree))
			return false;
	}
	return true;
}

static bool settle(struct core *c, struct stream *s)
{
	evaluate(c, s);
	share_settle(c, s);
	if (s->journal && !journal(c, s))
		return false;
	s->journal = false;
	if (s->tell && !tell(c, s)) {
		c->nomem = true;
		return false;
	}
	s->tell = false;
	return true;
}

void streams_settle(struct core *c)
{
	while (c->dirty_streams) {
		struct stream *s = c->dirty_streams;
		if (!settle(c, s))
			return; /* it stays first in the list */
		c->dirty_streams = s->next_dirty;
		if (!c->dirty_streams)
			c->streams_end = &c->dirty_streams;
		s->dirty = false;
	}
}

/* ---- results ---- */

static void notice_verdict(struct core *c, struct stream *s)
{
	const struct health_result *last = &s->health.last;
	bool aged = s->health.verdict == HEALTH_VERDICT_UNKNOWN;
	struct core_notice n = { .kind = CORE_NOTICE_VERDICT };
	if (s->health.verdict == s->told || (aged && watch_hushes(c, s)))
		return; /* back to what was told last, after a time of which was told for all of them at once */
	addr_format(&s->conf->addr, true, n.subject);
	snprintf(n.old, sizeof n.old, "%s", health_verdict_text((enum health_verdict)s->told));
	snprintf(n.new, sizeof n.new, "%s", health_verdict_text(s->health.verdict));
	snprintf(n.cause, sizeof n.cause, "%s", aged ? "age" : "check");
	snprintf(n.reason, sizeof n.reason, "%s%s%s", aged ? "no result" : health_reason_text(last->reason),
		 last->detail[0] ? ": " : "", last->detail);
	notice_detail_add(&n, "check", "%s", s->conf->check);
	notice_detail_add(&n, "took_us", "%u", last->took_us);
	notice_detail_add(&n, "owner", "%s", s->conf->owner);
	s->told = (uint8_t)s->health.verdict;
	c->cause = aged ? "age" : "check";
	snprintf(c->why, sizeof c->why, "%.55s %s: %.60s", n.subject, health_verdict_text(s->health.verdict), n.reason);
	notice_put(c, &n);
}

/* A weight is no event, but it may be what a tier can no longer carry its load for. */
static void note_weight(struct core *c, const struct stream *s)
{
	char ip[ADDR_TEXT_MAX];
	c->cause = "check";
	snprintf(c->why, sizeof c->why, "%s has %u%% of its weight by check %.48s", addr_format(&s->conf->addr, true, ip), s->health.weight_pct,
		 s->conf->check);
}

/* Behind the verdict that made it so. */
static void notice_flap(struct core *c, struct stream *s)
{
	const struct health_timing *t = &s->conf->timing;
	enum health_flapping was = (enum health_flapping)s->flapping, now = health_state_flapping(&s->health, t, c->now_ms);
	uint64_t ends_ms = health_flap_ends_at(&s->health.flap, &t->flap);
	struct core_notice n = { .kind = CORE_NOTICE_FLAP };
	if (was == now)
		return;
	s->flapping = (uint8_t)now;
	snprintf(n.cause, sizeof n.cause, "%s", now == HEALTH_STEADY ? "time" : "check");
	addr_format(&s->conf->addr, true, n.subject);
	snprintf(n.old, sizeof n.old, "%s", health_flapping_text(was));
	snprintf(n.new, sizeof n.new, "%s", health_flapping_text(now));
	if (now != HEALTH_STEADY)
		snprintf(n.reason, sizeof n.reason, "%s: steady in %" PRIu64 " s if it stays as it is",
			 now == HEALTH_SUPPRESSED ? "goes up and down, held down" : "goes up and down", (ends_ms - c->now_ms + 999) / 1000);
	notice_detail_add(&n, "check", "%s", s->conf->check);
	notice_detail_add(&n, "penalty", "%" PRIu32, health_flap_penalty(&s->health.flap, &t->flap, c->now_ms));
	notice_put(c, &n);
}

void stream_flap_tick(struct core *c, struct stream *s)
{
	if (health_flap_end(&s->health.flap, &s->conf->timing.flap, c->now_ms))
		stream_touch(c, s, false);
}

void stream_touch(struct core *c, struct stream *s, bool changed)
{
	if (s->conf->canary)
		return; /* tells of us, not of a target */
	uint32_t flip_ms = health_state_flip_ms(&s->health, &s->conf->timing, c->now_ms);
	uint8_t vote = (uint8_t)stream_own_vote(s);
	if (changed)
		notice_verdict(c, s);
	else if (s->health.weight_pct != s->weight)
		note_weight(c, s);
	notice_flap(c, s);
	if (changed || vote != s->vote || s->health.weight_pct != s->weight || s->health.recovered != s->recovered) {
		s->vote = vote;
		s->recovered = s->health.recovered;
		s->weight = s->health.weight_pct;
		s->journal |= changed || abs(s->health.weight_pct - s->kept_weight) >= CORE_WEIGHT_KEEP;
		s->tell = true;
		stream_mark(c, s);
	}
	if (share_is_news(c, s))
		stream_mark(c, s);
	if (flip_ms != s->flip_ms) {
		s->flip_ms = flip_ms;
		services_of_stream_mark(c, s);
	}
}

/* An index of the plan before this one is understood too: the run was begun under it. *stray: else whose it may have been. */
static struct stream *stream_of_run(const struct core *c, uint32_t index, uint32_t run, const struct stream **stray)
{
	const struct gen *g = c->gen;
	struct stream *now = index < g->plan->stream_count ? &g->streams[index] : NULL;
	struct stream *was = index < g->moved_count && g->moved[index] != UINT32_MAX ? &g->streams[g->moved[index]] : NULL;
	*stray = now ? now : was;
	if (c->replays)
		return now;
	if (run == 0)
		return NULL;
	if (now && now->run == run)
		return now;
	return was && was->run == run ? was : NULL;
}

void stream_result(struct core *c, uint32_t index, uint32_t run, const struct health_result *r)
{
	const struct stream *stray;
	struct stream *s = stream_of_run(c, index, run, &stray);
	if (!s && stray)
		watch_stray(c, stray, r);
	if (!s)
		return;
	struct health_result result = *r;
	result.detail[sizeof result.detail - 1] = '\0';
	text_clean(result.detail);
	if (s->conf->canary)
		watch_canary(c, s, &result);
	else
		watch_result(c, s, &result);
	if (!s->conf->canary)
		unknown_feed(c, s, &result);
	if (result.reason < HEALTH_REASON_MAX)
		c->results[result.reason]++;
	stretch_feed(c, s, &result);
	bool changed = health_state_feed(&s->health, &s->conf->timing, &result, c->now_ms);
	if (changed)
		stretch_turn(c, s);
	flight_end(c, s);
	health_schedule_next(&s->schedule, &s->conf->timing, &s->health, c->now_ms);
	bool doubted = s->doubted;
	s->doubted = result.reason == HEALTH_UNWITNESSED;
	s->voided = health_result_outcome(&result) == HEALTH_VOID;
	share_result(c, s);
	if (result.reason == HEALTH_UNWITNESSED && !doubted) /* once: the others asked meanwhile may know by then */
		s->schedule.next_ms = c->now_ms + s->conf->timing.retry_ms;
	schedule_timer(c, s);
	switch (health_result_outcome(&result)) {
	case HEALTH_PASS:
	case HEALTH_FAIL:
	case HEALTH_UNKNOWN_RESULT:
		round_leave(c, s);
		break;
	case HEALTH_VOID:
	case HEALTH_OUTCOME_NONE:
		break;
	}
	stream_touch(c, s, changed);
}

/* ---- the first round ---- */

void round_begin(struct core *c)
{
	uint32_t longest_ms = 0;
	for (uint32_t i = 0; i < c->gen->plan->stream_count; i++) {
		const struct stream *s = &c->gen->streams[i];
		if (s->waiting && s->conf->timing.timeout_ms > longest_ms)
			longest_ms = s->conf->timing.timeout_ms;
	}
	c->round_on = true;
	c->round_ends_ms = c->now_ms + (longest_ms < CORE_ROUND_MAX_MS ? longest_ms : CORE_ROUND_MAX_MS);
}

void round_leave(struct core *c, struct stream *s)
{
	if (!s->waiting)
		return;
	s->waiting = false;
	c->waiting--;
	services_of_stream_mark(c, s);
}

/* The round is over when every stream had its say (and the twin's words arrived), or when patience ends. Then BOOT ends too:
 * from now on our D counts. */
void round_check(struct core *c)
{
	bool complete = c->waiting == 0 && (c->round_done || !c->pair || pair_settled(c->pair, c->now_ms));
	if (!c->round_on || (!complete && c->now_ms < c->round_ends_ms))
		return;
	for (uint32_t i = 0; c->waiting > 0 && i < c->gen->plan->stream_count; i++)
		round_leave(c, &c->gen->streams[i]);
	c->round_on = false;
	if (c->round_done)
		return;
	c->round_done = true;
	watch_self(c);
	services_mark_all(c, false);
}
