/* Nobody has anything to say: what the node sends then are heartbeats, and nothing else.
 *
 *     node  ──b───────────b────────b──────────    one from 95 to 105 of 100 parts of an interval, or as much as a fifth sooner
 *     peer  ────p────────p─────────p─────────     where a packet of the peer came: both wake up once then, and not twice; who did
 *                                                 so follows: if no other comes, its next is due after 110 parts. Who led
 *                                                 fifty times answers the next packet at once, however early, and its own
 *                                                 next is due after 120 parts: the peer's is sooner
 *
 * And how it leaves, at the end of each run.
 */
#include "sim/strange.h"

#define SETTLE 12 /* intervals until what was begun before is over: links, and tries of a connection */
#define RESTS 70
#define PATIENCE 60 /* intervals until a silent one is suspect, by a node that is late itself */
#define LEADS 50 /* heartbeats at its own time, and with the next packet of the peer it hands over */

static uint32_t along_ms(const struct world *w)
{
	return w->conf.interval_ms / 5;
}

/* The gap before a heartbeat, in ms, against what the one before it promised. */
static void judge_gap(struct world *w, const struct puppet *e, uint64_t gap)
{
	uint64_t least = w->conf.interval_ms * e->due_least / 20, most = w->conf.interval_ms * e->due_most / 20;
	bool along = w->now == e->came_ms;

	REQUIRE(w, gap + (along ? along_ms(w) : 0) >= least || (along && e->led_most == LEADS), "a heartbeat before its time");
	REQUIRE(w, gap <= most, "a heartbeat after its time");
	REQUIRE(w, along || w->now > e->came_ms + along_ms(w), "a heartbeat that was nearly due did not go along");
	REQUIRE(w, along || e->led_least < LEADS || e->came_ms <= e->spoken_ms, "who led for long did not hand over");
}

/* What it promises itself: see above. Between the least and the most it may have been nearly due, or handed over. */
static void promise(const struct world *w, struct puppet *e, uint64_t gap)
{
	uint64_t least = w->conf.interval_ms * e->due_least / 20, most = w->conf.interval_ms * e->due_most / 20;
	bool along = w->now == e->came_ms;

	e->due_least = !along ? 19 : gap + along_ms(w) < least ? 24 : 22;
	e->due_most = !along ? 21 : gap + along_ms(w) < most && e->led_most == LEADS ? 24 : 22;
	e->led_least = along ? 0 : (uint8_t)(e->led_least + (e->led_least < LEADS));
	e->led_most = along ? 0 : (uint8_t)(e->led_most + (e->led_most < LEADS));
}

void judge_beat(struct world *w, struct puppet *e)
{
	if (e->spoken_ms) {
		if (w->resting)
			judge_gap(w, e, w->now - e->spoken_ms);
		promise(w, e, w->now - e->spoken_ms);
	}
	e->spoken_ms = w->now;
}

static void talk(struct world *w, struct puppet *e)
{
	struct letter l = letter_write(w, e, BY_UDP);

	letter_seal(e, &l);
	e->came_ms = w->now;
	letter_send(w, e, &l, &e->addr[0], 0);
	for (unsigned k = 1; k < e->addr_count && !w->fault; k++)
		letter_send(w, e, &l, &e->addr[k], 0); /* a copy by each way */
}

static void talk_all(struct world *w, uint64_t next[PEERS_MAX], uint64_t end)
{
	while (w->now < end && !w->fault) {
		size_t first = 0;
		for (size_t i = 1; i < w->peers; i++)
			if (next[i] < next[first])
				first = i;
		if (next[first] > w->now)
			pass(w, next[first] - w->now);
		talk(w, &w->peer[first]);
		next[first] = w->now + w->conf.interval_ms * (95 + below(w, 11)) / 100;
	}
}

/* Every peer is in step, and none was away of late. */
static bool is_calm(const struct world *w)
{
	for (size_t i = 0; i < w->peers; i++) {
		struct pair_peer_view v;
		pair_peer_get(w->p, i, &v, w->now);
		if (v.link != PAIR_ACTIVE)
			return false;
	}
	return pair_wants_epoch(w->p) == 0;
}

/* Of what went before nothing is known: it may have led for any time. */
static void puppet_forget_beats(struct puppet *e)
{
	e->spoken_ms = e->came_ms = 0;
	e->due_least = 19;
	e->due_most = 24;
	e->led_least = 0;
	e->led_most = LEADS;
}

void rest(struct world *w)
{
	uint64_t next[PEERS_MAX];

	for (size_t i = 0; i < w->peers; i++) {
		struct puppet *e = &w->peer[i];
		if (e->counter + 3 * (SETTLE + RESTS) >= COUNTERS_MAX || !gate_opens(w, &e->addr[0]))
			return;
		e->late_count = 0;
		next[i] = w->now + below(w, w->conf.interval_ms);
	}
	say(w, "all rest");
	talk_all(w, next, w->now + (uint64_t)SETTLE * w->conf.interval_ms);
	if (w->fault)
		return;
	REQUIRE(w, is_calm(w), "all peers talk, and not every link is active");
	for (size_t i = 0; i < w->peers; i++)
		puppet_forget_beats(&w->peer[i]);
	w->resting = true;
	talk_all(w, next, w->now + (uint64_t)RESTS * w->conf.interval_ms);
	w->resting = false;
	for (size_t i = 0; i < w->peers && !w->fault; i++) {
		struct pair_peer_view v;
		pair_peer_get(w->p, i, &v, w->now);
		REQUIRE(w, v.suspect_ms <= 5 * w->conf.interval_ms * (1u + pair_lhm(w->p)), "who leads and who follows made it patient");
	}
}

/* ---- the end ---- */

/* Its clock was set, so that nothing goes before a new epoch is on the disk; and it leaves, while a peer is silent. When the epoch comes,
 * each other peer gets a bye, and nothing that is not the node's own. */
void leave(struct world *w)
{
	uint64_t next[PEERS_MAX] = { UINT64_MAX };
	struct pair_peer_view v;

	for (size_t i = 1; i < w->peers; i++)
		next[i] = w->now;
	if (w->peers < 2 || !gate_opens(w, &w->peer[1].addr[0]) || w->peer[1].counter + 2 * PATIENCE > COUNTERS_MAX)
		return;
	peer_talks(w, &w->peer[0]);
	for (int i = 0; i < PATIENCE && !w->fault; i++) {
		talk_all(w, next, w->now + w->conf.interval_ms);
		pair_peer_get(w->p, 0, &v, w->now);
		if (v.link == PAIR_SUSPECT)
			break;
	}
	say(w, "the node leaves");
	w->leaving = true;
	w->ahead_ms = 10000;
	pair_tick(w->p, w->now, wall(w));
	REQUIRE(w, drain(w) == 0, "a packet under an epoch that may be another's, too");
	pair_leave(w->p);
	drain(w);
	w->mute_until_ms = w->now;
	pass(w, 0);
	for (size_t i = 1; i < w->peers && !w->fault; i++) {
		pair_peer_get(w->p, i, &v, w->now);
		REQUIRE(w, v.link != PAIR_ACTIVE || w->peer[i].parted, "a peer that hears the node is told no bye");
	}
}

void judge_bye(struct world *w, struct puppet *e, const struct pair_header *h, const struct pair_beat *b)
{
	struct tlv t;

	if (!w->leaving)
		return;
	REQUIRE(w, h->type == PAIR_TYPE_BYE, "who leaves says something else than bye");
	for (struct rbuf walk = tlv_walk(b); tlv_next(&walk, &t);)
		REQUIRE(w, t.type != TLV_PING && t.type != TLV_ACK, "an errand goes with a bye");
	e->parted = true;
}
