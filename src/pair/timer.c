/* Time: heartbeats and urgent packets fall due, links are judged, clocks watched, epochs asked for. */
#include "pair/state.h"

void pair_emit(struct pair *p, struct pair_event e)
{
	if (p->event_count == PAIR_EVENTS_MAX) {
		p->event_first = (p->event_first + 1) % PAIR_EVENTS_MAX;
		p->event_count--;
	}
	p->events[(p->event_first + p->event_count++) % PAIR_EVENTS_MAX] = e;
}

void pair_emit_link(struct pair *p, const struct pair_peer *e, enum pair_link_state from)
{
	enum pair_link_state to = e->link.state;
	pair_emit(p, (struct pair_event){ .type = PAIR_EVENT_LINK, .peer = e->conf.id, .from = from, .to = to });
}

bool pair_next_event(struct pair *p, struct pair_event *e)
{
	if (p->event_count == 0)
		return false;
	*e = p->events[p->event_first];
	p->event_first = (p->event_first + 1) % PAIR_EVENTS_MAX;
	p->event_count--;
	return true;
}

void pair_aim(struct pair *p, struct pair_peer *e)
{
	for (size_t i = 0; i < shelf_total(p); i++)
		e->target[i] = p->shelves[i].vector;
}

static void judge_fresh(struct pair *p, struct pair_peer *e, uint64_t now_ms)
{
	bool fresh = pair_is_fresh(p, e->conf.id, now_ms);

	if (fresh == e->was_fresh)
		return;
	e->was_fresh = fresh;
	pair_emit(p, (struct pair_event){ .type = PAIR_EVENT_FRESH, .peer = e->conf.id, .from = e->link.state,
					  .to = e->link.state, .fresh = fresh });
}

/* We did not run for a while, and pair_watch_clock has not seen it yet: the end of a stream may be the first that we find. */
static bool is_overdue(const struct pair *p, uint64_t now_ms)
{
	return p->ticked && now_ms > p->due_ms && now_ms - p->due_ms > 2 * (uint64_t)p->interval_ms;
}

void pair_judge(struct pair *p, struct pair_peer *e, uint64_t now_ms)
{
	enum pair_link_state from = e->link.state;
	bool rests = now_ms < p->judge_after_ms || is_overdue(p, now_ms);

	/* until it stands: after a long silence SUSPECT is over at once; no two states lead to each other at one
	 * time */
	for (; !rests && link_judge(&e->link, now_ms); from = e->link.state) {
		if (e->link.state == PAIR_LOST)
			pair_aim(p, e);
		pair_emit_link(p, e, from);
	}
	judge_fresh(p, e, now_ms);
}

void pair_hurry(struct pair_peer *e, enum peer_due what, uint64_t now_ms)
{
	uint64_t at_ms = now_ms + PAIR_COALESCE_MS;

	if (e->last_urgent_ms && at_ms < e->last_urgent_ms + PAIR_GAP_MS)
		at_ms = e->last_urgent_ms + PAIR_GAP_MS;
	if (at_ms < e->urgent_ms)
		e->urgent_ms = at_ms;
	if (e->urgent < what)
		e->urgent = what;
}

static void set_lhm(struct pair *p, uint8_t lhm, uint64_t now_ms)
{
	p->lhm = lhm;
	p->lhm_ms = now_ms;
	for (size_t i = 0; i < p->peer_count; i++)
		p->peers[i].link.lhm = lhm;
}

void pair_lhm_raise(struct pair *p, uint64_t now_ms)
{
	set_lhm(p, (uint8_t)(p->lhm < PAIR_LHM_MAX ? p->lhm + 1 : PAIR_LHM_MAX), now_ms);
}

static uint64_t lower_lhm_at(const struct pair *p)
{
	return p->lhm > 0 ? p->lhm_ms + PAIR_LHM_CLEAN * (uint64_t)p->interval_ms : UINT64_MAX;
}

static void lower_lhm(struct pair *p, uint64_t now_ms)
{
	if (now_ms >= lower_lhm_at(p))
		set_lhm(p, (uint8_t)(p->lhm - 1), now_ms);
}

/* The counter part after that of `seen`; the edge fills the random part. */
static void want_epoch_after(struct pair *p, uint64_t seen)
{
	uint64_t own = own_shelf(p)->vector.epoch, top = seen > own ? seen : own;

	if (top >> 32 == UINT32_MAX || (top >> 32) + 1 <= p->wants_epoch >> 32)
		return;
	p->wants_epoch = ((top >> 32) + 1) << 32;
	p->errand_count = 0; /* by then they would be old */
}

void pair_refute(struct pair *p, const struct pair_peer *by, uint64_t seen_epoch, uint64_t now_ms)
{
	if (now_ms < p->frozen_until_ms || (p->wants_epoch && p->wants_epoch > seen_epoch))
		return;
	uint64_t *oldest = &p->refutes_ms[p->refute_at];
	if ((*oldest && now_ms - *oldest < PAIR_REFUTE_SPAN_MS) || seen_epoch >> 32 == UINT32_MAX) {
		p->frozen_until_ms = now_ms + PAIR_REFUTE_SPAN_MS;
		p->stats.duplicates++;
		pair_emit(p, (struct pair_event){ .type = PAIR_EVENT_DUPLICATE, .peer = by->conf.id });
		return;
	}
	*oldest = now_ms ? now_ms : 1;
	p->refute_at = (uint8_t)((p->refute_at + 1) % PAIR_REFUTES_MAX);
	p->stats.refutes++;
	pair_lhm_raise(p, now_ms);
	want_epoch_after(p, seen_epoch);
	pair_emit(p, (struct pair_event){ .type = PAIR_EVENT_REFUTE, .peer = by->conf.id });
}

uint64_t pair_wants_epoch(const struct pair *p)
{
	return p->wants_epoch;
}

void pair_set_epoch(struct pair *p, uint64_t epoch, uint64_t boot, uint64_t now_ms)
{
	if (epoch <= own_shelf(p)->vector.epoch || boot == 0 || boot == p->boot)
		return;
	shelf_republish(own_shelf(p), epoch);
	p->boot = boot;
	p->burst = p->tcp_burst = (struct pair_burst){ 0 };
	if (epoch >= p->wants_epoch)
		p->wants_epoch = 0;
	for (size_t i = 0; i < p->peer_count; i++) {
		p->peers[i].counter = 0;
		p->peers[i].hello.asked = 0;
		if (!p->peers[i].link.synced) /* what it held of the epoch before puts it in step no more */
			pair_aim(p, &p->peers[i]);
		pair_hurry(&p->peers[i], DUE_ALL, now_ms);
		p->peers[i].next_ask_ms = now_ms;
		pair_errand_tick(p, &p->peers[i], now_ms);
	}
}

/* A jump of the wall clock, or a pause far too long for our own timers: perhaps this machine is a copy that was
 * resumed, and the numbers after the present counter are used already. Nothing more is sent under this boot. */
static void tilt(struct pair *p)
{
	want_epoch_after(p, 0);
	pair_emit(p, (struct pair_event){ .type = PAIR_EVENT_TILT });
}

void pair_watch_clock(struct pair *p, uint64_t now_ms, uint64_t wall_ms)
{
	int64_t offset = (int64_t)(wall_ms - now_ms), jump = (int64_t)((uint64_t)offset - (uint64_t)p->wall_offset_ms);
	uint64_t late_ms = p->ticked && now_ms > p->due_ms ? now_ms - p->due_ms : 0;

	p->wall_offset_ms = offset;
	if (late_ms > p->interval_ms) {
		pair_lhm_raise(p, now_ms);
		p->due_ms = now_ms; /* told once */
	}
	if (late_ms > 2 * (uint64_t)p->interval_ms)
		p->judge_after_ms = now_ms + p->interval_ms / 2;
	if (late_ms > PAIR_TILT_INTERVALS * (uint64_t)p->interval_ms || jump > PAIR_TILT_JUMP_MS ||
	    jump < -PAIR_TILT_JUMP_MS)
		tilt(p);
}

/* A heartbeat goes now, and the next is due after so many twentieths of an interval. */
static void beat(struct pair *p, struct pair_peer *e, uint32_t least, uint32_t most, uint64_t now_ms)
{
	uint32_t from_ms = p->interval_ms * least / 20, to_ms = p->interval_ms * most / 20;

	e->due = DUE_ALL;
	e->next_beat_ms = now_ms + from_ms + rng_below(&p->rng, to_ms - from_ms + 1);
}

/* Who goes along follows from then on, and speaks for itself only where the other is missed. The first words of a new leader would echo
 * what was echoed already, no sign of life for two intervals: so who hands over says one word more, and is the later of the two. */
void pair_beat_along(struct pair *p, struct pair_peer *e, uint64_t now_ms)
{
	/* (nothing goes while an epoch waits for the disk, and whoever put off its ticks by that would be late by its own clock) */
	if (p->wants_epoch)
		return;
	if (now_ms + p->interval_ms / PAIR_ALONG_PARTS >= e->next_beat_ms)
		beat(p, e, 22, 22, now_ms);
	else if (e->led == PAIR_LEAD_BEATS)
		beat(p, e, 24, 24, now_ms);
	else
		return;
	e->led = 0;
}

static void tick_peer(struct pair *p, struct pair_peer *e, uint64_t now_ms)
{
	if (now_ms >= e->next_beat_ms) {
		beat(p, e, 19, 21, now_ms); /* ±5 %: peers that started together do not stay in step */
		if (e->led < PAIR_LEAD_BEATS)
			e->led++;
	}
	if (now_ms >= e->urgent_ms) {
		if (e->due < e->urgent)
			e->due = e->urgent;
		if (link_udp_silent(&e->link, now_ms))
			e->tcp.due = DUE_ALL;
		e->urgent_ms = UINT64_MAX;
		e->urgent = DUE_NOTHING;
		e->last_urgent_ms = now_ms;
	}
	pair_judge(p, e, now_ms);
	pair_tcp_tick(p, e, now_ms);
	pair_errand_tick(p, e, now_ms);
}

void pair_tick(struct pair *p, uint64_t now_ms, uint64_t wall_ms)
{
	pair_watch_clock(p, now_ms, wall_ms);
	if (p->leaving)
		return;
	lower_lhm(p, now_ms);
	pair_judge_self(p, now_ms);
	pair_streams_tick(p, now_ms);
	for (size_t i = 0; i < p->peer_count; i++)
		tick_peer(p, &p->peers[i], now_ms);
	p->ticked = true;
	p->settled = p->settled || pair_settled(p, now_ms);
	pair_note_deadline(p, now_ms);
}

void pair_note_deadline(struct pair *p, uint64_t now_ms)
{
	p->due_ms = pair_deadline(p);
	if (p->due_ms < now_ms)
		p->due_ms = now_ms; /* that it was late is told */
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t peer_deadline(const struct pair *p, const struct pair_peer *e)
{
	uint64_t judge = link_deadline(&e->link), at = least(e->next_beat_ms, e->urgent_ms);

	if (judge < p->judge_after_ms)
		judge = p->judge_after_ms;
	at = least(least(at, judge), least(pair_tcp_deadline(p, e), pair_errand_deadline(e)));
	if (e->hello.asked > 0 && !p->wants_epoch) /* until that is on disk nothing is answered */
		at = least(at, e->hello.due_ms);
	return e->was_fresh ? least(at, pair_fresh_until(e) + 1) : at;
}

uint64_t pair_deadline(const struct pair *p)
{
	uint64_t at = p->settled ? UINT64_MAX : p->start_ms + PAIR_SETTLE_MS;

	if (p->leaving)
		return UINT64_MAX;
	if (p->self == PAIR_TILT)
		at = least(at, p->signs.tilt_until_ms);
	at = least(least(at, lower_lhm_at(p)), pair_streams_deadline(p)); /* who follows has no timer of its own for weeks */
	for (size_t i = 0; i < p->peer_count; i++)
		at = least(at, peer_deadline(p, &p->peers[i]));
	return at;
}
