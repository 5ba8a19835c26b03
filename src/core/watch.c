/* Watching our own network: who witnesses, which results are void for want of a witness, when this node is isolated.
 *
 *     canaries (streams of our own) ─┐
 *     the twin's echo ───────────────┼─▶ health_witness, one a path ─▶ a silence counts, or is void
 *     every target that answers ─────┘            │
 *                                                 └─ in doubt for long, and no path answers ─▶ ISOLATED: our D abstains
 *
 * Where one target is all that is probed, and neither a canary nor a living twin could speak for the network, its silence counts: an
 * alarm tells that nobody can say whose fault it is.
 *
 * A probe that has waited for half of its time-out without an answer, on a path whose canaries or twin do not speak, has
 * others asked at once (watch_ask): their answers are there when it times out, so a real failure waits for nobody.
 */
#include <inttypes.h>
#include <stdio.h>
#include "core/state.h"

#define CALM_WORDS 3        /* back when the network has been whole for this long */
#define NEIGHBOUR_MS 3000   /* the kernel asks for a neighbour thrice, a second each (RFC 4861 10, and ARP alike) */
#define KEPT_MS 2000        /* two heartbeats by TCP */
#define TWIN_THERE_MS 10000 /* who answered us so lately, and did not say goodbye, is taken to be there still */
#define ASKED_AT_ONCE 2     /* others asked for one that is silent */
#define GAPS_MOST 2         /* in a row, before a last failure counts all the same */
#define ASK_LOOKED_AT 4096  /* streams looked at to find them: there may be a million */
#define ASK_PAUSE_MS 100    /* when the network goes all are silent at once; they share the answers */

/* ---- the plan ---- */

static bool has_peer(const struct core *c, enum health_path path)
{
	for (uint8_t i = 0; i < c->gen->peer_count; i++) {
		for (uint8_t k = 0; k < c->gen->peers[i].addr_count; k++) {
			if (health_path_of(&c->gen->peers[i].addr[k]) == path)
				return true;
		}
	}
	return false;
}

static struct target *only_target(const struct core *c, enum health_path path)
{
	struct target *only = NULL;
	for (uint32_t i = 0; i < c->gen->plan->stream_count; i++) {
		const struct stream *s = &c->gen->streams[i];
		if (s->path != path || (s->conf->canary && s->mute))
			continue;
		if (s->conf->canary || (only && only != s->target))
			return NULL;
		only = s->target;
	}
	return only;
}

void watch_plan(struct core *c)
{
	uint32_t every[HEALTH_PATHS] = { 0 };
	for (uint32_t i = 0; i < c->gen->plan->stream_count; i++) {
		const struct stream *s = &c->gen->streams[i];
		if (s->conf->canary && !s->mute)
			every[s->path] = s->conf->timing.interval_ms;
	}
	/* Loopback is not lost: there only a canary, which somebody wrote for it, has us look. */
	for (int p = 1; p < HEALTH_PATHS; p++) {
		if (!every[p] && !health_path_is_local((enum health_path)p) && has_peer(c, (enum health_path)p))
			every[p] = c->gen->plan->pair.interval_ms;
		health_witness_set(&c->paths[p], every[p] > 0 && !c->replays, every[p]);
		c->only[p] = only_target(c, (enum health_path)p);
	}
	if (c->gen->plan->pair.isolated != PLAN_ISOLATED_SERVFAIL) /* a reload may end it, and never begins it */
		c->withheld = false;
}

/* ---- one target and no witness ---- */

/* Nobody but s can say that the network is there. Of twins only the living: one that went silent together with the target leaves
 * open whose fault that was, one that was silent already while the target still answered does not. */
static bool is_lone(const struct core *c, const struct stream *s, uint64_t from_ms)
{
	const struct health_witness *w = &c->paths[s->path];
	uint64_t silent_ms = (w->beat_ms ? w->beat_ms : c->begun_ms) + health_witness_patience_ms(w);
	if (c->only[s->path] != s->target || health_path_is_local((enum health_path)s->path) || c->replays)
		return false;
	return !w->on || (from_ms > silent_ms && (w->seen_ms > silent_ms || w->seen_ms == 0));
}

static void note_lone(struct core *c, const struct stream *s)
{
	char what[NOTICE_REASON_MAX], text[ADDR_TEXT_MAX];
	bool lone = is_lone(c, s, c->now_ms);
	if (lone && !c->lone_told[s->path]) {
		snprintf(what, sizeof what, "on %s only %s is asked, and no canary or twin tells whether our own network is there: its silence counts",
			 health_path_text((enum health_path)s->path), addr_format(&s->conf->addr, true, text));
		notice_alarm(c, NULL, what);
	}
	c->lone_told[s->path] = lone;
}

/* ---- isolation ---- */

/* Nobody on any real network has answered for that long, while we ran. */
static bool all_are_silent(const struct core *c, uint64_t patience_ms)
{
	return c->answered_ms == 0 || c->answered_ms + patience_ms <= c->now_ms;
}

static void note_answer(struct core *c, enum health_path path)
{
	if (health_path_is_local(path))
		return;
	if (all_are_silent(c, health_witness_patience_ms(&c->paths[path])))
		c->answers_ms = c->now_ms;
	c->answered_ms = c->now_ms;
}

/* Whole for some words; or, where nobody speaks so often, as by TCP alone, for our patience nobody was missed for as long as that. */
static bool is_back(const struct core *c, enum health_path path)
{
	const struct health_witness *w = &c->paths[path];
	return health_witness_is_whole(w, (uint64_t)w->every_ms * CALM_WORDS, c->now_ms) ||
	       (!health_path_is_local(path) && c->answers_ms + health_witness_patience_ms(w) <= c->now_ms);
}

void watch_rested(struct core *c, uint64_t by_ms)
{
	if (c->answered_ms)
		c->answered_ms += by_ms;
	c->answers_ms += by_ms;
}

/* It listens, and was well when it was heard last, which is not long ago. */
static bool may_answer(const struct core *c, size_t peer)
{
	const struct plan *p = c->gen->plan;
	struct pair_peer_view v;
	bool listens = false;
	pair_peer_get(c->pair, peer, &v, c->now_ms);
	for (uint16_t i = 0; i < p->node_count; i++)
		listens |= p->nodes[i].id == v.id && p->nodes[i].listen_count > 0;
	return listens && !v.left && v.echo_ms > 0 && v.echo_ms + TWIN_THERE_MS > c->now_ms &&
	       (v.self == PAIR_NORMAL || v.self == PAIR_MAINT || v.self == PAIR_TILT);
}

/* SERVFAIL sends a resolver to the twin; where there was none of late it would send it nowhere, and what we know is better. */
static bool is_to_withhold(const struct core *c)
{
	bool twin = false;
	if (!c->isolated_ms || !c->pair || c->gen->plan->pair.isolated != PLAN_ISOLATED_SERVFAIL)
		return false;
	for (size_t i = 0; i < pair_peers(c->pair); i++)
		twin |= may_answer(c, i);
	return twin;
}

static void set_withheld(struct core *c, bool withheld)
{
	if (c->withheld == withheld)
		return;
	c->withheld = withheld;
	services_mark_all(c, true);
}

static void set_isolated(struct core *c, bool isolated)
{
	c->isolated_ms = isolated ? c->now_ms : 0;
	watch_self(c);
	set_withheld(c, is_to_withhold(c));
}

void watch_self(struct core *c)
{
	struct pair_self_signs s = { .booted = c->round_done, .isolated = c->isolated_ms != 0, .maint = c->maint,
				     .tilt_until_ms = c->tilt_until_ms };
	if (c->pair)
		pair_set_self(c->pair, &s, c->now_ms);
}

static void notice_lost(struct core *c, enum health_path path, const char *why)
{
	const struct health_witness *w = &c->paths[path];
	struct core_notice n = { .kind = CORE_NOTICE_NETWORK, .old = "ok", .cause = "check" };
	snprintf(n.subject, sizeof n.subject, "%s", health_path_text(path));
	snprintf(n.reason, sizeof n.reason, "%s: %" PRIu32 " results void%s", why, w->voided, c->withheld ? ", services answer SERVFAIL" : "");
	snprintf(n.new, sizeof n.new, "%s", c->isolated_ms ? "isolated" : "lost");
	notice_detail_add(&n, "silent_ms", "%" PRIu64, c->now_ms - w->doubt_ms);
	c->loss_told[path] = true;
	notice_put(c, &n);
}

/* A doubt that lasts: told once, as an alarm where nobody at all answers us. */
static void look_for_loss(struct core *c, enum health_path path)
{
	const struct health_witness *w = &c->paths[path];
	uint64_t patience_ms = health_witness_patience_ms(w);
	if (!w->doubt_ms || w->doubt_ms + patience_ms > c->now_ms)
		return;
	if (!c->isolated_ms && all_are_silent(c, patience_ms)) {
		set_isolated(c, true);
		notice_lost(c, path, "own network seems lost");
	} else if (c->hushed[path] && !c->loss_told[path]) {
		notice_lost(c, path, c->isolated_ms ? "own network seems lost" : "nobody answers on this path");
	}
}

/* Where nobody speaks for a network the rule is off, and there is no doubt that could end. */
void watch_cut_off(struct core *c)
{
	enum health_path first = HEALTH_PATH_NONE;
	for (int p = 1; p < HEALTH_PATHS && !c->isolated_ms; p++) {
		if (health_path_is_local((enum health_path)p) || !c->paths[p].on)
			continue;
		health_witness_lose(&c->paths[p], c->now_ms);
		first = first ? first : (enum health_path)p;
	}
	if (!first)
		return;
	set_isolated(c, true);
	notice_lost(c, first, "this machine has no route or no carrier to anybody");
}

/* ---- what is heard ---- */

static void notice_back(struct core *c, enum health_path path, const struct health_witness *before)
{
	struct core_notice n = { .kind = CORE_NOTICE_NETWORK, .old = "lost", .new = "back", .cause = "check" };
	snprintf(n.subject, sizeof n.subject, "%s", health_path_text(path));
	notice_detail_add(&n, "away_ms", "%" PRIu64, c->now_ms - before->doubt_ms);
	notice_detail_add(&n, "void", "%" PRIu32, before->voided);
	notice_detail_add(&n, "unknown", "%" PRIu32, c->hushed[path]);
	notice_put(c, &n);
}

void watch_success(struct core *c, enum health_path path, uint64_t from_ms, bool beat, bool kept)
{
	struct health_witness *w = &c->paths[path], before = *w;
	struct health_word word = { .asked_ms = from_ms, .heard_ms = from_ms < c->slow_ms ? from_ms : c->now_ms, .beat = beat, .kept = kept };
	health_witness_success(w, &word, c->now_ms);
	note_answer(c, path);
	if (before.doubt_ms && !w->doubt_ms && (before.voided || c->hushed[path] || c->isolated_ms)) {
		notice_back(c, path, &before);
		c->loss_told[path] = false;
		c->hushed[path] = 0;
	}
	if (c->isolated_ms && is_back(c, path))
		set_isolated(c, false);
}

/* The first packet after a cut repeats what the twin heard before it: such an old echo is none. Where UDP does not get through each
 * speaks but once a second, and what he echoes is a second old, or older by what the other's second is behind his. */
void watch_echo(struct core *c, uint64_t sent_ms)
{
	uint64_t age_ms = c->packet_kept ? KEPT_MS : 2ull * c->gen->plan->pair.interval_ms;
	if (c->packet_path == HEALTH_PATH_NONE || sent_ms + age_ms < c->now_ms)
		return;
	/* What was written to a connection while the network was away arrives once it is back: it tells that it is there now, and
	 * nothing of before. */
	watch_success(c, c->packet_path, sent_ms, !c->packet_kept, c->packet_kept);
}

bool watch_hushes(struct core *c, const struct stream *s)
{
	const struct health_witness *w = &c->paths[s->path];
	if (!c->prober_up) {
		c->hushed[HEALTH_PATH_NONE]++;
		return true;
	}
	if (!s->voided || !w->doubt_ms)
		return false;
	c->hushed[s->path]++;
	look_for_loss(c, (enum health_path)s->path);
	return true;
}

/* What was not probed yet tells nothing; else a target that said something, be it no, is there. */
static bool is_answer(const struct health_result *r)
{
	return health_reason_witnessed(r->reason);
}

/* A canary that cannot be asked, a ping without a socket for it, is none: silence on its path counts as if it were not there. */
static void set_mute(struct core *c, struct stream *s, const struct health_result *r)
{
	char text[ADDR_TEXT_MAX];
	bool mute = r->reason == HEALTH_CHECK_IMPOSSIBLE;
	if (mute == s->mute)
		return;
	s->mute = mute;
	watch_plan(c);
	addr_format(&s->conf->addr, true, text);
	struct core_notice n = { .kind = CORE_NOTICE_CANARY, .cause = "check" };
	snprintf(n.subject, sizeof n.subject, "%s", text);
	snprintf(n.old, sizeof n.old, "%s", mute ? "asked" : "mute");
	snprintf(n.new, sizeof n.new, "%s", mute ? "mute" : "asked");
	if (mute)
		snprintf(n.reason, sizeof n.reason, "canary %s cannot be asked: %s", text, r->detail);
	notice_put(c, &n);
}

/* Nobody knows when he was asked, so he witnesses for nobody's silence; but he answered, and success is proof: we are not cut off. */
void watch_stray(struct core *c, const struct stream *s, const struct health_result *r)
{
	if (is_answer(r))
		note_answer(c, (enum health_path)s->path);
}

void watch_canary(struct core *c, struct stream *s, struct health_result *r)
{
	set_mute(c, s, r);
	if (s->mute)
		return;
	if (is_answer(r)) {
		r->reason = HEALTH_OK; /* a refusal is one, too */
		r->weight_pct = 100;
		watch_success(c, (enum health_path)s->path, s->schedule.started_ms, true, false);
		return;
	}
	if (r->reason != HEALTH_LOCAL_LAG)
		health_witness_silence(&c->paths[s->path], c->now_ms);
	look_for_loss(c, (enum health_path)s->path);
}

/* Since when the network had to be there for this failure to count. What our own kernel says of a neighbour that it asked for while the
 * network was away comes after that is back. */
static uint64_t needed_from_ms(const struct stream *s, const struct health_result *r)
{
	uint64_t from_ms = s->schedule.started_ms, before_ms = r->reason == HEALTH_CONNECT_UNREACHABLE ? NEIGHBOUR_MS : 0;
	return from_ms > before_ms ? from_ms - before_ms : 0;
}

/* One more failure, and it is down. */
static bool is_last(const struct stream *s)
{
	return s->health.verdict != HEALTH_VERDICT_DOWN && health_state_to_flip(&s->health, &s->conf->timing) == 1;
}

/* Others that answer slowly make a gap with each answer, since of them we know only that the network is there at its end. So gaps alone
 * may not hide a dead target for ever: one that is silent for the third time in a row is believed. */
static bool gaps_are_over(const struct core *c, struct stream *s, const struct health_result *r, bool last)
{
	if (!last || !health_witness_is_gap_alone(&c->paths[s->path], needed_from_ms(s, r), s->schedule.started_ms, s->timeout_ms, c->now_ms)) {
		s->gaps = 0;
		return false;
	}
	if (s->gaps++ < GAPS_MOST)
		return false;
	s->gaps = 0;
	return true;
}

void watch_result(struct core *c, struct stream *s, struct health_result *r)
{
	struct health_witness *w = &c->paths[s->path];
	bool last = is_last(s);
	if (is_answer(r)) {
		s->gaps = 0;
		watch_success(c, (enum health_path)s->path, s->schedule.started_ms, false, false);
		note_lone(c, s);
		return;
	}
	note_lone(c, s);
	if (r->reason == HEALTH_LOCAL_ERROR) { /* no route, no carrier: nobody's failure, but where nobody is heard either we are cut off */
		health_witness_silence(w, c->now_ms);
		look_for_loss(c, (enum health_path)s->path);
	}
	if (health_result_outcome(r) == HEALTH_VOID && w->doubt_ms && w->voided < UINT32_MAX)
		w->voided++; /* a lost link shows as an error of our own, too */
	if (health_result_outcome(r) != HEALTH_FAIL || is_lone(c, s, s->schedule.started_ms) ||
	    gaps_are_over(c, s, r, last) || health_witness_counts(w, needed_from_ms(s, r), s->schedule.started_ms, s->timeout_ms, last, c->now_ms))
		return;
	r->reason = HEALTH_UNWITNESSED;
	c->unwitnessed++;
	look_for_loss(c, (enum health_path)s->path);
	watch_ask(c, s);
}

/* ---- asking others ---- */

static bool may_be_asked(const struct stream *other, const struct stream *s)
{
	return other != s && other->path == s->path && !other->run &&
	       (other->conf->canary || other->health.verdict == HEALTH_VERDICT_UP);
}

static void ask_others(struct core *c, const struct stream *s)
{
	uint32_t count = c->gen->plan->stream_count, pause_ms = health_witness_slack_ms(&c->paths[s->path]);
	c->ask_ms[s->path] = c->now_ms + (pause_ms < ASK_PAUSE_MS ? pause_ms : ASK_PAUSE_MS);
	for (uint32_t looked = 0, asked = 0; looked < ASK_LOOKED_AT && looked < count && asked < ASKED_AT_ONCE; looked++) {
		struct stream *other = &c->gen->streams[c->ask_next++ % count];
		if (!may_be_asked(other, s) || other->schedule.next_ms <= c->now_ms)
			continue;
		other->schedule.next_ms = c->now_ms;
		schedule_timer(c, other);
		asked++;
	}
}

void watch_ask(struct core *c, const struct stream *s)
{
	const struct health_witness *w = &c->paths[s->path];
	uint64_t end_ms = s->schedule.started_ms + s->timeout_ms;
	/* Who must not be doubted does not rely on what was asked for others; but in a doubt all are doubted. */
	bool waits = c->now_ms < c->ask_ms[s->path] && (!s->kept || w->doubt_ms);
	if (!waits && health_witness_wants(w, s->timeout_ms, end_ms > c->now_ms ? end_ms : c->now_ms, c->now_ms))
		ask_others(c, s);
}

/* Where one failure is enough (fall = 1) not with each probe that is made, but with the one that follows a doubt. */
void watch_begin(struct core *c, struct stream *s)
{
	s->kept = c->paths[s->path].on && !s->conf->canary && is_last(s) && (s->doubted || s->health.fails > 0 || !s->health.known);
	if (s->kept)
		watch_keep(c, s);
}

void watch_keep(struct core *c, const struct stream *s)
{
	if (c->now_ms >= c->ask_ms[s->path] && health_witness_is_sparse(&c->paths[s->path], c->now_ms))
		ask_others(c, s);
}

uint64_t watch_keep_at(const struct core *c, const struct stream *s)
{
	uint64_t every_ms = health_witness_keep_ms(&c->paths[s->path]), begun_ms = s->schedule.started_ms;
	return every_ms && c->now_ms >= begun_ms ? begun_ms + ((c->now_ms - begun_ms) / every_ms + 1) * every_ms : UINT64_MAX;
}

/* ---- for status ---- */

const char *core_network_text(enum core_network_state s)
{
	static const char texts[][12] = { "unwatched", "ok", "in doubt", "isolated" };
	return texts[(unsigned)s <= CORE_NETWORK_ISOLATED ? (unsigned)s : CORE_NETWORK_UNWATCHED];
}

void core_network_get(const struct core *c, struct core_network *out)
{
	*out = (struct core_network){ .unwitnessed = c->unwitnessed };
	for (int p = 1; p < HEALTH_PATHS; p++) {
		const struct health_witness *w = &c->paths[p];
		if (w->on && out->state == CORE_NETWORK_UNWATCHED)
			out->state = CORE_NETWORK_OK;
		if (!w->doubt_ms || (out->since_ms && out->since_ms <= w->doubt_ms))
			continue;
		out->state = CORE_NETWORK_DOUBT;
		out->since_ms = w->doubt_ms;
	}
	if (c->isolated_ms) {
		out->state = CORE_NETWORK_ISOLATED;
		out->since_ms = out->since_ms ? out->since_ms : c->isolated_ms;
		out->withheld = c->withheld;
	}
	/* Behind all others (conf/canaries.c). */
	for (uint32_t i = c->gen->plan->stream_count; i > 0 && c->gen->streams[i - 1].conf->canary; i--) {
		out->canaries++;
		out->canaries_up += c->gen->streams[i - 1].health.verdict == HEALTH_VERDICT_UP;
	}
}
