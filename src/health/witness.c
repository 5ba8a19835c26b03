/* The rule drawn in witness.h. */
#include "health/witness.h"

#define EVERY_MIN_MS 100  /* more often is a load of its own, whatever the time-outs */
#define PATIENCE_MS 2000  /* nobody heard for this long, or for ten words of a witness: gone, not late */
#define PATIENCE_WORDS 10
#define EVERY_MAX_MS 1000 /* less often, and the loss of the network is noticed late */
/* Below the first retransmission of a SYN (RFC 6298 2): who answers in this time got our first packet, so the network was there
 * all the while. Of a slower one we only know that it is there at its end. */
#define AT_ONCE_MS 900

/* Text by value: no relocation, read-only pages. */
static const char texts[HEALTH_PATHS][16] = { "none", "IPv4", "IPv6", "IPv4 loopback", "IPv6 loopback" };

enum health_path health_path_of(const struct addr *a)
{
	if (a->family == 4)
		return addr_is_loopback(a) ? HEALTH_PATH_V4_LOCAL : HEALTH_PATH_V4;
	if (a->family == 6)
		return addr_is_loopback(a) ? HEALTH_PATH_V6_LOCAL : HEALTH_PATH_V6;
	return HEALTH_PATH_NONE;
}

bool health_path_is_local(enum health_path p)
{
	return p == HEALTH_PATH_V4_LOCAL || p == HEALTH_PATH_V6_LOCAL;
}

const char *health_path_text(enum health_path p)
{
	return texts[(unsigned)p < HEALTH_PATHS ? (unsigned)p : HEALTH_PATH_NONE];
}

void health_witness_set(struct health_witness *w, bool on, uint32_t every_ms)
{
	w->on = on;
	w->every_ms = every_ms;
	if (!on)
		w->doubt_ms = w->voided = 0;
}

/* H. One word of a canary may get lost, so no less than two and a half of its intervals. */
static uint64_t window(const struct health_witness *w, uint32_t timeout_ms)
{
	uint64_t half = timeout_ms / 2, words = (uint64_t)w->every_ms * 5 / 2;

	return half > words ? half : words;
}

static bool is_fresh(const struct health_witness *w, uint64_t window_ms, uint64_t at_ms)
{
	return w->seen_ms > 0 && w->seen_ms + window_ms >= at_ms;
}

/* The network may have been away between an answer and when the next was asked for, and no probe was silent for as long as that. */
static bool is_after_gap(const struct health_witness *w, uint64_t there_ms)
{
	return there_ms > w->seen_ms + window(w, 0);
}

static bool has_spoken(const struct health_witness *w, uint64_t within_ms, uint64_t now_ms)
{
	return w->beat_ms > 0 && w->beat_ms + within_ms >= now_ms;
}

static void hear(struct health_witness *w, const struct health_word *word, uint64_t now_ms)
{
	if (word->heard_ms > w->seen_ms)
		w->seen_ms = word->heard_ms;
	if (word->beat && now_ms > w->beat_ms)
		w->beat_ms = now_ms;
}

void health_witness_success(struct health_witness *w, const struct health_word *word, uint64_t now_ms)
{
	bool at_once = word->asked_ms + AT_ONCE_MS > now_ms && !word->kept;
	uint64_t there_ms = at_once ? word->asked_ms : now_ms;
	bool begins = w->doubt_ms > 0 || w->since_ms < w->anew_ms, gap = begins || is_after_gap(w, there_ms);

	hear(w, word, now_ms);
	if (word->asked_ms < w->anew_ms)
		return;
	if (gap)
		w->sure_ms = there_ms;
	/* A twin that is dead for long does not make each pause between answers of targets a doubt. */
	if (begins || (gap && has_spoken(w, health_witness_patience_ms(w), now_ms)))
		w->since_ms = there_ms;
	w->doubt_ms = w->voided = 0;
}

static void doubt(struct health_witness *w, uint64_t now_ms)
{
	if (w->doubt_ms == 0)
		w->doubt_ms = w->seen_ms > 0 ? w->seen_ms : now_ms;
}

bool health_witness_counts(struct health_witness *w, uint64_t needed_ms, uint64_t from_ms, uint32_t timeout_ms, bool last, uint64_t now_ms)
{
	bool late = !is_fresh(w, last ? timeout_ms / 2 : window(w, timeout_ms), now_ms);
	bool known = w->doubt_ms == 0 && w->since_ms >= w->anew_ms;

	if (!w->on || (!late && known && w->since_ms <= needed_ms && (!last || w->sure_ms <= from_ms)))
		return true;
	if (!is_fresh(w, window(w, timeout_ms), now_ms))
		doubt(w, now_ms);
	if (w->voided < UINT32_MAX)
		w->voided++;
	return false;
}

bool health_witness_is_gap_alone(const struct health_witness *w, uint64_t needed_ms, uint64_t from_ms, uint32_t timeout_ms, uint64_t now_ms)
{
	bool known = w->doubt_ms == 0 && w->since_ms >= w->anew_ms && w->since_ms <= needed_ms;

	return w->on && known && is_fresh(w, timeout_ms / 2, now_ms) && w->sure_ms > from_ms;
}

void health_witness_silence(struct health_witness *w, uint64_t now_ms)
{
	if (w->on && !is_fresh(w, window(w, 0), now_ms))
		doubt(w, now_ms);
}

void health_witness_lose(struct health_witness *w, uint64_t now_ms)
{
	if (w->on)
		doubt(w, now_ms);
}

bool health_witness_wants(const struct health_witness *w, uint32_t timeout_ms, uint64_t end_ms, uint64_t now_ms)
{
	bool often = (uint64_t)w->every_ms * 5 / 4 <= timeout_ms / 2;

	return w->on && !(often && has_spoken(w, (uint64_t)w->every_ms * 3 / 2, now_ms)) && !is_fresh(w, timeout_ms / 2, end_ms);
}

uint32_t health_witness_keep_ms(const struct health_witness *w)
{
	return 2 * w->every_ms;
}

uint32_t health_witness_slack_ms(const struct health_witness *w)
{
	return w->every_ms / 2;
}

bool health_witness_is_sparse(const struct health_witness *w, uint64_t now_ms)
{
	return w->on && !has_spoken(w, (uint64_t)w->every_ms * 3 / 2, now_ms) && !is_fresh(w, health_witness_slack_ms(w), now_ms);
}

bool health_witness_is_whole(const struct health_witness *w, uint64_t for_ms, uint64_t now_ms)
{
	return w->doubt_ms == 0 && w->since_ms >= w->anew_ms && w->since_ms + for_ms <= now_ms;
}

uint64_t health_witness_patience_ms(const struct health_witness *w)
{
	uint64_t words = (uint64_t)w->every_ms * PATIENCE_WORDS;

	return words > PATIENCE_MS ? words : PATIENCE_MS;
}

static void shift(uint64_t *at_ms, uint64_t by_ms)
{
	if (*at_ms > 0)
		*at_ms += by_ms;
}

void health_witness_begin(struct health_witness *w, uint64_t now_ms)
{
	w->anew_ms = now_ms;
}

/* What runs is moved with the rest, to now at the latest: nothing of it was truly asked since we run again. */
void health_witness_shift(struct health_witness *w, uint64_t by_ms, uint64_t now_ms)
{
	shift(&w->seen_ms, by_ms);
	shift(&w->beat_ms, by_ms);
	shift(&w->doubt_ms, by_ms);
	w->anew_ms = now_ms + 1;
}

uint32_t health_canary_every_ms(uint32_t timeout_ms)
{
	uint32_t every = timeout_ms / 5;

	return every < EVERY_MIN_MS ? EVERY_MIN_MS : every > EVERY_MAX_MS ? EVERY_MAX_MS : every;
}

uint32_t health_canary_timeout_ms(uint32_t every_ms)
{
	return 2 * every_ms < AT_ONCE_MS ? 2 * every_ms : AT_ONCE_MS;
}
