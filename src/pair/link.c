#include "pair/link.h"

#define LOSS_SAMPLE 64 /* packets expected for one reckoning of the loss */

void link_init(struct link *l, uint32_t interval_ms, uint64_t now_ms)
{
	*l = (struct link){ .state = PAIR_WAITING, .interval_ms = interval_ms, .since_ms = now_ms };
}

void link_restart(struct link *l, uint64_t counter, uint64_t now_ms)
{
	l->synced = false;
	l->start_ms = now_ms;
	l->counted_to = counter - 1;
	l->expected = l->received = 0;
}

static void reckon_loss(struct link *l, uint64_t counter)
{
	if (counter > l->counted_to) {
		uint64_t step = counter - l->counted_to;
		l->expected += step > LOSS_SAMPLE ? LOSS_SAMPLE : (uint32_t)step;
		l->counted_to = counter;
	}
	l->received++;
	if (l->expected < LOSS_SAMPLE)
		return;
	uint32_t lost = l->received < l->expected ? l->expected - l->received : 0;
	l->loss_permille = (uint16_t)((3u * l->loss_permille + 1000 * lost / l->expected) / 4);
	l->expected = l->received = 0;
}

void link_heard(struct link *l, uint64_t counter, uint64_t now_ms)
{
	l->heard_ms = now_ms;
	l->hints = 0;
	reckon_loss(l, counter);
}

/* From when an echo counts as missing: a session begins with none. */
static uint64_t echo_since(const struct link *l)
{
	return l->echo_ms > l->start_ms ? l->echo_ms : l->start_ms;
}

static uint64_t age(uint64_t since_ms, uint64_t now_ms)
{
	return now_ms > since_ms ? now_ms - since_ms : 0;
}

/* As TCP reckons its timeout: an eighth of the news into the mean, a quarter into the deviation. An outage is no
 * sample of the normal: it counts as SUSPECT at most. */
static void add_sample(struct link *l, uint64_t sample_ms)
{
	uint32_t limit = link_suspect_ms(l);
	uint32_t s = (sample_ms < limit ? (uint32_t)sample_ms : limit) * 16;

	if (l->mean_x16_ms == 0) {
		l->mean_x16_ms = s;
		l->dev_x16_ms = s / 2;
		return;
	}
	uint32_t off = s > l->mean_x16_ms ? s - l->mean_x16_ms : l->mean_x16_ms - s;
	l->dev_x16_ms = (3 * l->dev_x16_ms + off) / 4;
	l->mean_x16_ms = (7 * l->mean_x16_ms + s) / 8;
}

void link_echo(struct link *l, uint64_t sent_ms, uint32_t hold_us, uint64_t now_ms)
{
	if (sent_ms <= l->echo_ms || sent_ms > now_ms)
		return;
	add_sample(l, age(echo_since(l), now_ms));
	uint64_t whole_us = (now_ms - sent_ms) * 1000;
	uint64_t rtt_us = whole_us > hold_us ? whole_us - hold_us : 0;
	if (rtt_us <= UINT32_MAX)
		l->rtt_us = l->rtt_us ? (uint32_t)((7 * (uint64_t)l->rtt_us + rtt_us) / 8) : (uint32_t)rtt_us;
	l->echo_ms = sent_ms;
}

uint32_t link_suspect_ms(const struct link *l)
{
	uint32_t ms = (l->mean_x16_ms + 4 * l->dev_x16_ms) / 16 + 2 * l->interval_ms;

	if (ms < 4 * l->interval_ms)
		ms = 4 * l->interval_ms;
	if (ms > LINK_SUSPECT_MAX_MS)
		ms = LINK_SUSPECT_MAX_MS;
	return ms * (1u + l->lhm);
}

static bool set_state(struct link *l, enum pair_link_state s, uint64_t now_ms)
{
	if (l->state == s)
		return false;
	l->state = s;
	l->since_ms = now_ms;
	if (s == PAIR_LOST)
		l->synced = false;
	if (s == PAIR_ACTIVE || s == PAIR_MISMATCH)
		l->ever_synced = true;
	return true;
}

bool link_incompatible(struct link *l, bool sure, uint64_t now_ms)
{
	l->hint_ms = now_ms;
	if (!sure && l->hints < LINK_HINTS)
		l->hints++;
	bool quiet = l->state == PAIR_WAITING || l->state == PAIR_LOST;
	if (!sure && (!quiet || l->hints < LINK_HINTS))
		return false;
	l->synced = false;
	return set_state(l, PAIR_INCOMPATIBLE, now_ms);
}

static enum pair_link_state living(const struct link *l)
{
	return !l->synced ? PAIR_SYNCING : l->mismatch ? PAIR_MISMATCH : PAIR_ACTIVE;
}

static enum pair_link_state judge(const struct link *l, uint64_t now_ms)
{
	uint32_t suspect = link_suspect_ms(l);
	uint64_t heard = l->heard_ms ? age(l->heard_ms, now_ms) : UINT64_MAX, echo = age(echo_since(l), now_ms);
	/* A dead peer's last packet is older than this when its echo is missed, since SUSPECT is mean + 2 I at
	 * least. */
	bool alive = l->heard_ms && echo < suspect, audible = heard < 2 * (uint64_t)l->interval_ms;

	switch (l->state) {
	case PAIR_LINK_NONE:
	case PAIR_WAITING:
	case PAIR_TCP_ONLY:
	case PAIR_LOST:
		return !audible ? l->state : alive ? living(l) : PAIR_HALF;
	case PAIR_SYNCING:
	case PAIR_ACTIVE:
	case PAIR_MISMATCH:
		return alive ? living(l) : audible ? PAIR_HALF : PAIR_SUSPECT;
	case PAIR_SUSPECT:
		if (!alive && !audible)
			return echo >= 2 * (uint64_t)suspect ? PAIR_LOST : PAIR_SUSPECT;
		return alive ? living(l) : PAIR_HALF;
	case PAIR_HALF:
		return alive ? living(l) : heard >= 2 * (uint64_t)suspect ? PAIR_LOST : PAIR_HALF;
	case PAIR_INCOMPATIBLE:
		if (l->heard_ms > l->hint_ms && alive && audible)
			return living(l);
		return age(l->hint_ms, now_ms) >= 2 * (uint64_t)suspect ? PAIR_WAITING : PAIR_INCOMPATIBLE;
	}
	return PAIR_WAITING;
}

bool link_judge(struct link *l, uint64_t now_ms)
{
	return set_state(l, judge(l, now_ms), now_ms);
}

uint64_t link_deadline(const struct link *l)
{
	uint32_t suspect = link_suspect_ms(l);

	switch (l->state) {
	case PAIR_LINK_NONE:
	case PAIR_WAITING:
	case PAIR_TCP_ONLY:
	case PAIR_LOST:
		return UINT64_MAX;
	case PAIR_SYNCING:
	case PAIR_ACTIVE:
	case PAIR_MISMATCH:
		return echo_since(l) + suspect;
	case PAIR_SUSPECT:
		return echo_since(l) + 2 * (uint64_t)suspect;
	case PAIR_HALF:
		return l->heard_ms + 2 * (uint64_t)suspect;
	case PAIR_INCOMPATIBLE:
		return l->hint_ms + 2 * (uint64_t)suspect;
	}
	return UINT64_MAX;
}

uint64_t link_fresh_until(const struct link *l)
{
	if (!l->heard_ms || !l->echo_ms || l->state == PAIR_INCOMPATIBLE)
		return 0;
	uint64_t heard = l->heard_ms + link_lost_ms(l), echo = l->echo_ms + LINK_ECHO_VOTES_MS;
	return heard < echo ? heard : echo;
}
