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
#define ASKED_AT_ONCE 2     /* others asked for one that is silent */
#define ASK_LOOKED_AT 64    /* streams looked at to find them: there may be a million */
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

/* Nobody on any real network has answered for that long. */
static bool all_are_silent(const struct core *c, uint64_t patience_ms)
{
	for (int p = 1; p < HEALTH_PATHS; p++) {
		const struct health_witness *w = &c->paths[p];
		if (!health_path_is_local((enum health_path)p) && w->seen_ms > 0 && w->seen_ms + patience_ms > c->now_ms)
			return false;
	}
	return true;
}

static void set_isolated(struct core *c, bool isolated)
{
	c->isolated_ms = isolated ? c->now_ms : 0;
	watch_self(c);
}

void watch_self(struct core *c)
{
	struct pair_self_signs s = { .booted = c->round_done, .isolated = c->isolated_ms != 0, .maint = c->maint,
				     .tilt_until_ms = c->tilt_until_ms };
	if (c->pair)
		pair_set_self(c->pair, &s, c->now_ms);
}

static void notice_lost(struct core *c, enum health_path path)
{
	const struct health_witness *w = &c->paths[path];
	struct core_notice n = { .kind = CORE_NOTICE_NETWORK, .old = "ok", .cause = "check" };
	snprintf(n.subject, sizeof n.subject, "%s", health_path_text(path));
	snprintf(n.reason, sizeof n.reason, "%s: %" PRIu32 " results void",
		 c->isolated_ms ? "own network seems lost" : "nobody answers on this path", w->voided);
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
		notice_lost(c, path);
	} else if (c->hushed[path] && !c->loss_told[path]) {
		notice_lost(c, path);
	}
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

void watch_success(struct core *c, enum health_path path, uint64_t from_ms, bool beat)
{
	struct health_witness *w = &c->paths[path], before = *w;
	health_witness_success(w, from_ms, c->now_ms, beat);
	if (before.doubt_ms && (before.voided || c->hushed[path] || c->isolated_ms)) {
		notice_back(c, path, &before);
		c->loss_told[path] = false;
		c->hushed[path] = 0;
	}
	if (c->isolated_ms && w->since_ms + (uint64_t)w->every_ms * CALM_WORDS <= c->now_ms)
		set_isolated(c, false);
}

/* The first packet after a cut repeats what the twin heard before it: such an old echo is none. */
void watch_echo(struct core *c, uint64_t sent_ms)
{
	if (c->packet_path == HEALTH_PATH_NONE || sent_ms + 2ull * c->gen->plan->pair.interval_ms < c->now_ms)
		return;
	/* What was written to a connection while the network was away arrives once it is back: it tells that it is there now, and
	 * nothing of before. */
	watch_success(c, c->packet_path, c->packet_kept ? c->now_ms : sent_ms, !c->packet_kept);
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

void watch_canary(struct core *c, struct stream *s, struct health_result *r)
{
	set_mute(c, s, r);
	if (s->mute)
		return;
	if (is_answer(r)) {
		r->reason = HEALTH_OK; /* a refusal is one, too */
		r->weight_pct = 100;
		watch_success(c, (enum health_path)s->path, s->schedule.started_ms, true);
		return;
	}
	if (r->reason != HEALTH_LOCAL_LAG)
		health_witness_silence(&c->paths[s->path], c->now_ms);
	look_for_loss(c, (enum health_path)s->path);
}

void watch_result(struct core *c, struct stream *s, struct health_result *r)
{
	struct health_witness *w = &c->paths[s->path];
	const struct health_timing *t = &s->conf->timing;
	bool last = s->health.verdict != HEALTH_VERDICT_DOWN && health_state_to_flip(&s->health, t) == 1;
	if (is_answer(r)) {
		watch_success(c, (enum health_path)s->path, s->schedule.started_ms, false);
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
	    health_witness_counts(w, s->schedule.started_ms, s->timeout_ms, last, c->now_ms))
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

void watch_ask(struct core *c, const struct stream *s)
{
	uint32_t count = c->gen->plan->stream_count;
	struct health_witness *w = &c->paths[s->path];
	uint64_t end_ms = s->schedule.started_ms + s->timeout_ms;
	if (!health_witness_wants(w, s->timeout_ms, end_ms > c->now_ms ? end_ms : c->now_ms, c->now_ms) ||
	    c->now_ms < c->ask_ms[s->path])
		return;
	c->ask_ms[s->path] = c->now_ms + ASK_PAUSE_MS;
	for (uint32_t looked = 0, asked = 0; looked < ASK_LOOKED_AT && looked < count && asked < ASKED_AT_ONCE; looked++) {
		struct stream *other = &c->gen->streams[c->ask_next++ % count];
		if (!may_be_asked(other, s) || other->schedule.next_ms <= c->now_ms)
			continue;
		other->schedule.next_ms = c->now_ms;
		schedule_timer(c, other);
		asked++;
	}
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
	}
	/* Behind all others (conf/canaries.c). */
	for (uint32_t i = c->gen->plan->stream_count; i > 0 && c->gen->streams[i - 1].conf->canary; i--) {
		out->canaries++;
		out->canaries_up += c->gen->streams[i - 1].health.verdict == HEALTH_VERDICT_UP;
	}
}
