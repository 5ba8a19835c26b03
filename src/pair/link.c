#include "pair/link.h"

#define LOSS_SAMPLE 64 /* packets expected for one reckoning of the loss */

void link_init(struct link *l, uint32_t interval_ms, uint64_t now_ms)
{
	*l = (struct link){ .state = PAIR_WAITING, .interval_ms = interval_ms, .since_ms = now_ms, .start_ms = now_ms };
}

void link_restart(struct link *l, uint64_t counter, uint64_t now_ms)
{
	l->synced = false;
	l->start_ms = now_ms;
	l->udp_echoes = 0;
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

void link_heard(struct link *l, enum link_way way, uint64_t counter, uint64_t now_ms)
{
	*(way == LINK_TCP ? &l->tcp_heard_ms : &l->heard_ms) = now_ms;
	if (way == LINK_TCP)
		l->tcp_until_ms = 0;
	l->hints = 0;
	reckon_loss(l, counter);
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* From when an echo counts as missing: a session begins with none. */
uint64_t link_udp_since(const struct link *l)
{
	return later(l->echo_ms, l->start_ms);
}

static uint64_t tcp_since(const struct link *l)
{
	return later(l->tcp_echo_ms, l->start_ms);
}

static uint64_t age(uint64_t since_ms, uint64_t now_ms)
{
	return now_ms > since_ms ? now_ms - since_ms : 0;
}

/* As TCP reckons its timeout: an eighth of the news into the mean, a quarter into the deviation. An outage is no
 * sample of the normal: it counts as SUSPECT at most. As two intervals at least: so old is the echo of who follows the
 * other's heartbeats, of who leads one, and each change would be a deviation. */
static void add_sample(struct link *l, uint64_t sample_ms)
{
	uint32_t least = 2 * l->interval_ms, most = link_suspect_ms(l);
	uint32_t s = (sample_ms < least ? least : sample_ms < most ? (uint32_t)sample_ms : most) * 16;

	if (l->mean_x16_ms == 0) {
		l->mean_x16_ms = s;
		l->dev_x16_ms = s / 2;
		return;
	}
	uint32_t off = s > l->mean_x16_ms ? s - l->mean_x16_ms : l->mean_x16_ms - s;
	l->dev_x16_ms = (3 * l->dev_x16_ms + off) / 4;
	l->mean_x16_ms = (7 * l->mean_x16_ms + s) / 8;
}

static void udp_echo(struct link *l, uint64_t sent_ms, uint32_t hold_us, uint64_t now_ms)
{
	if (sent_ms <= l->echo_ms)
		return;
	if (link_udp_silent(l, now_ms))
		l->udp_echoes = 0;
	l->udp_echoes = (uint8_t)(l->udp_echoes < LINK_UDP_BACK ? l->udp_echoes + 1 : LINK_UDP_BACK);
	add_sample(l, age(link_udp_since(l), now_ms));
	uint64_t whole_us = (now_ms - sent_ms) * 1000;
	uint64_t rtt_us = whole_us > hold_us ? whole_us - hold_us : 0;
	if (rtt_us <= UINT32_MAX)
		l->rtt_us = l->rtt_us ? (uint32_t)((7 * (uint64_t)l->rtt_us + rtt_us) / 8) : (uint32_t)rtt_us;
	l->echo_ms = sent_ms;
}

void link_echo(struct link *l, enum link_way way, uint64_t sent_ms, uint32_t hold_us, uint64_t now_ms)
{
	if (sent_ms > now_ms)
		return;
	if (way == LINK_TCP)
		l->tcp_echo_ms = later(l->tcp_echo_ms, sent_ms);
	else
		udp_echo(l, sent_ms, hold_us, now_ms);
}

void link_tcp_end(struct link *l, uint64_t now_ms)
{
	if (l->tcp_heard_ms && !l->tcp_until_ms)
		l->tcp_until_ms = now_ms + 2 * (uint64_t)l->interval_ms;
}

static uint64_t tcp_lost_ms(const struct link *l)
{
	return LINK_TCP_LOST_MS * (1u + (uint64_t)l->lhm);
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
	if (s == PAIR_ACTIVE || s == PAIR_MISMATCH || s == PAIR_TCP_ONLY)
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

bool link_left(struct link *l, uint64_t now_ms)
{
	l->heard_ms = l->echo_ms = l->tcp_heard_ms = l->tcp_echo_ms = l->indirect_ms = 0;
	return set_state(l, PAIR_LOST, now_ms);
}

static enum pair_link_state living(const struct link *l)
{
	return !l->synced ? PAIR_SYNCING : l->mismatch ? PAIR_MISMATCH : PAIR_ACTIVE;
}

/* From when on that way is taken to be dead, with nothing new heard. */
static uint64_t tcp_dead_ms(const struct link *l)
{
	uint64_t at = tcp_since(l) + tcp_lost_ms(l);
	return l->tcp_until_ms && l->tcp_until_ms < at ? l->tcp_until_ms : at;
}

/* What is heard and not heard at one moment. */
struct signs {
	bool alive;   /* both directions work by UDP */
	bool audible; /* something was just heard by UDP */
	bool tcp;     /* both directions work by TCP */
	bool indirect; /* others heard it, and it us through them */
	bool gone;    /* no echo by UDP for 2 SUSPECT: the time for others to step in is over */
	bool silent;  /* nothing heard by UDP for 2 SUSPECT */
};

static struct signs look(const struct link *l, uint64_t now_ms)
{
	uint64_t suspect = link_suspect_ms(l), echo = age(link_udp_since(l), now_ms);
	uint64_t heard = l->heard_ms ? age(l->heard_ms, now_ms) : UINT64_MAX;

	/* A dead peer's last packet is older than 2 I when its echo is missed, since SUSPECT is mean + 2 I at least. */
	return (struct signs){ .alive = l->heard_ms && l->heard_ms >= l->start_ms && echo < suspect,
			       .audible = heard < 2 * (uint64_t)l->interval_ms,
			       .tcp = l->tcp_heard_ms && l->tcp_heard_ms >= l->start_ms &&
				      now_ms < tcp_dead_ms(l),
			       .indirect = l->indirect_ms && age(l->indirect_ms, now_ms) < 2 * suspect,
			       .gone = echo >= 2 * suspect,
			       .silent = heard >= 2 * suspect };
}

/* A link that began by TCP has the same time for its first echo by UDP as one that lost it. */
static enum pair_link_state living_tcp(const struct link *l, struct signs s)
{
	return !l->synced || !s.gone ? PAIR_SYNCING : PAIR_TCP_ONLY;
}

static enum pair_link_state judge(const struct link *l, uint64_t now_ms)
{
	struct signs s = look(l, now_ms);

	switch (l->state) {
	case PAIR_LINK_NONE:
	case PAIR_WAITING:
	case PAIR_LOST:
		if (s.audible && s.alive)
			return living(l);
		return s.tcp ? living_tcp(l, s) : s.audible ? PAIR_HALF : l->state;
	case PAIR_SYNCING:
		if (!s.alive && s.tcp)
			return living_tcp(l, s);
		/* fall through */
	case PAIR_ACTIVE:
	case PAIR_MISMATCH:
		return s.alive ? living(l) : s.audible ? PAIR_HALF : PAIR_SUSPECT;
	case PAIR_TCP_ONLY:
		if (s.alive && (l->udp_echoes == LINK_UDP_BACK || !l->synced))
			return living(l);
		if (s.tcp)
			return l->synced ? PAIR_TCP_ONLY : PAIR_SYNCING;
		return s.alive ? living(l) : s.audible ? PAIR_HALF : PAIR_LOST;
	case PAIR_SUSPECT:
		if (s.alive || s.audible)
			return s.alive ? living(l) : PAIR_HALF;
		if (s.gone && s.tcp)
			return living_tcp(l, s);
		return !s.gone || s.indirect ? PAIR_SUSPECT : PAIR_LOST;
	case PAIR_HALF:
		if (s.alive || (s.gone && s.tcp))
			return s.alive ? living(l) : living_tcp(l, s);
		return s.silent ? PAIR_LOST : PAIR_HALF;
	case PAIR_INCOMPATIBLE:
		/* (a hint is what anybody may send; in the same ms too) */
		if (l->heard_ms >= l->hint_ms && s.alive && s.audible)
			return living(l);
		if (l->tcp_heard_ms >= l->hint_ms && s.tcp)
			return living_tcp(l, s);
		return age(l->hint_ms, now_ms) >= 2 * (uint64_t)link_suspect_ms(l) ? PAIR_WAITING : PAIR_INCOMPATIBLE;
	}
	return PAIR_WAITING;
}

bool link_judge(struct link *l, uint64_t now_ms)
{
	l->judged_ms = now_ms;
	return set_state(l, judge(l, now_ms), now_ms);
}

static void next_of(uint64_t *best, uint64_t at_ms, uint64_t after_ms)
{
	if (at_ms > after_ms && at_ms < *best)
		*best = at_ms;
}

uint64_t link_deadline(const struct link *l)
{
	uint64_t suspect = link_suspect_ms(l), at = UINT64_MAX;

	if (l->state == PAIR_WAITING || l->state == PAIR_LOST || l->state == PAIR_LINK_NONE)
		return UINT64_MAX; /* only what is heard leads out of these */
	next_of(&at, link_udp_since(l) + suspect, l->judged_ms);
	next_of(&at, link_udp_since(l) + 2 * suspect, l->judged_ms);
	if (l->heard_ms)
		next_of(&at, l->heard_ms + 2 * suspect, l->judged_ms);
	if (l->tcp_heard_ms)
		next_of(&at, tcp_dead_ms(l), l->judged_ms);
	if (l->indirect_ms)
		next_of(&at, l->indirect_ms + 2 * suspect, l->judged_ms);
	if (l->state == PAIR_INCOMPATIBLE)
		next_of(&at, l->hint_ms + 2 * suspect, l->judged_ms);
	return at;
}

static uint64_t way_fresh(uint64_t heard_ms, uint64_t lost_ms, uint64_t echo_ms)
{
	uint64_t heard = heard_ms + lost_ms, echo = echo_ms + LINK_ECHO_VOTES_MS;
	return !heard_ms || !echo_ms ? 0 : heard < echo ? heard : echo;
}

uint64_t link_fresh_until(const struct link *l)
{
	/* Who was lost is not found again by patience (LHM) that grows, only by a packet. */
	if (l->state == PAIR_INCOMPATIBLE || l->state == PAIR_LOST)
		return 0;
	uint64_t tcp = way_fresh(l->tcp_heard_ms, tcp_lost_ms(l), l->tcp_echo_ms);
	if (l->tcp_until_ms && tcp > l->tcp_until_ms)
		tcp = l->tcp_until_ms;
	return later(way_fresh(l->heard_ms, link_lost_ms(l), l->echo_ms), tcp);
}
