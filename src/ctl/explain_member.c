/* Members: their state, by whose votes, and who took them out. */
#include <inttypes.h>
#include <string.h>
#include "base/text.h"
#include "ctl/explain.h"
#include "ctl/view.h"

static const char *agree_text(uint8_t a)
{
	static const char text[][12] = { "pair", "any-up", "any-down", "quorum", "local" };
	return text[a <= POLICY_AGREE_LOCAL ? a : 0];
}

/* Its last result is no reason for the vote: it is on the way to another, or tells nothing. */
static bool votes_still(const struct core_vote_view *v)
{
	enum health_outcome o = health_result_outcome(&v->last);
	if (v->recovered || v->stale || v->last.reason == HEALTH_REASON_NONE)
		return false;
	return (v->own == HEALTH_VERDICT_UP && o != HEALTH_PASS) || (v->own == HEALTH_VERDICT_DOWN && o != HEALTH_FAIL);
}

static void add_peer_vote(struct explain_line *l, const struct explain *e, const struct core_peer_vote *v)
{
	const char *name = view_node_name(e->h, v->node);
	explain_add(l, ", %s %s%s", name ? name : "twin", v->vote == HEALTH_VERDICT_UNKNOWN ? "" : "votes ", view_vote_text(v->vote));
	if (v->vote == HEALTH_VERDICT_DOWN && v->reason != HEALTH_REASON_NONE)
		explain_add(l, " (%s)", health_reason_text(v->reason));
}

/* " (above 50%, ns1 weighs 2)", where anything of it is not as ever. */
static void add_quorum(struct explain_line *l, const struct plan *p)
{
	bool plain = p->pair.quorum_pct == PAIR_QUORUM_ABOVE_PCT && p->pair.quorum_least == PAIR_QUORUM_LEAST;
	for (uint16_t i = 0; i < p->node_count; i++)
		plain &= p->nodes[i].weight == 1;
	if (plain)
		return;
	explain_add(l, " (down above %u%% of the weight, of %u at least", p->pair.quorum_pct, p->pair.quorum_least);
	for (uint16_t i = 0; i < p->node_count; i++)
		if (p->nodes[i].weight != 1)
			explain_add(l, ", %s weighs %u", p->nodes[i].name, p->nodes[i].weight);
	explain_add(l, ")");
}

/* "ns1 votes down (connect refused), ns2 abstains, ns3 votes down (connect timeout), agree = "any-up"" */
static void add_votes(struct explain_line *l, const struct explain *e, const struct core_vote_view *v)
{
	char reason[VIEW_REASON_MAX];
	bool abstains = v->own == HEALTH_VERDICT_UNKNOWN, silent = abstains;
	explain_add(l, "%s %s%s%s", view_node(e->h)->name, votes_still(v) ? "still " : "", abstains ? "" : "votes ", view_vote_text(v->own));
	if (v->recovered)
		explain_add(l, " (from before the restart, not yet borne out)");
	else if (v->stale)
		explain_add(l, " (its last result is too old)");
	else if (*view_reason(&v->last, reason))
		explain_add(l, " (%s)", reason);
	for (uint8_t k = 0; k < v->peer_count; k++) {
		add_peer_vote(l, e, &v->peers[k]);
		silent &= v->peers[k].vote == HEALTH_VERDICT_UNKNOWN;
	}
	if (v->peer_count > 0)
		explain_add(l, ", agree = \"%s\"", agree_text(e->why.agree));
	if (v->peer_count > 0 && e->why.agree == POLICY_AGREE_QUORUM)
		add_quorum(l, core_plan(e->h->core));
	if (silent && v->state != HEALTH_VERDICT_UNKNOWN)
		explain_add(l, "; without a vote it stays what it was");
}

/* A member's state, and what the policy took it for. */
static void add_state(struct explain_line *l, const struct explain *e, uint16_t i, const struct core_member_view *m)
{
	const struct policy_input *in = &e->why.input[i];
	char utc[32];
	explain_add(l, " is %s", health_verdict_text(m->state));
	if (m->held)
		explain_add(l, ", and held in the answer as if it were up, until %s or sooner",
			    text_format_utc(view_wall_future(e->h, m->leaves_ms), utc));
	if (m->state != HEALTH_VERDICT_UNKNOWN || m->force != POLICY_FORCE_NONE || m->conf->drain)
		return;
	if (in->waiting)
		explain_add(l, " until its first result");
	else if (in->state == HEALTH_VERDICT_DOWN)
		explain_add(l, ", and left out until its first result");
	else
		explain_add(l, ", which counts as %s (initial)", e->why.conf->policy.initial_up ? "up" : "down");
}

static void say_state(struct explain *e, uint16_t i, const struct core_member_view *m)
{
	const struct plan_check *check = &e->why.conf->checks[i];
	struct explain_line l = { .len = 0 };
	struct core_vote_view v;
	char text[ADDR_TEXT_MAX];
	explain_add(&l, "member %s (tier %u%s%.64s)", addr_format(&m->conf->addr, true, text), m->conf->tier + 1u, m->host ? ", host " : "",
		    m->host ? m->host : "");
	add_state(&l, e, i, m);
	if (m->missing)
		explain_add(&l, ": it needs %.100s, which is down", m->missing);
	if (check->count == 0) {
		explain_add(&l, "%s it has no check", m->missing ? ";" : ":");
	} else if (check->count == 1) {
		core_vote_get(e->h->core, e->service, i, 0, &v);
		explain_add(&l, "%s ", m->missing ? ";" : ":");
		add_votes(&l, e, &v);
	} else {
		explain_add(&l, "%s it needs %u of its %u checks up", m->missing ? ";" : ":", check->need, check->count);
	}
	explain_end(e, EXPLAIN_MEMBER, &l);
}

static void say_checks(struct explain *e, uint16_t i, const struct core_member_view *m)
{
	size_t n = core_votes(e->h->core, e->service, i);
	char text[ADDR_TEXT_MAX];
	for (size_t k = 0; n > 1 && k < n; k++) {
		struct explain_line l = { .len = 0 };
		struct core_vote_view v;
		core_vote_get(e->h->core, e->service, i, k, &v);
		explain_add(&l, "check %.48s of %s is %s: ", v.conf->check, addr_format(&m->conf->addr, true, text), health_verdict_text(v.state));
		add_votes(&l, e, &v);
		explain_end(e, EXPLAIN_MEMBER, &l);
	}
}

/* Only a hold decides anything; flapping alone is told since it is what people look for. */
static void say_flap(struct explain *e, uint16_t i, const struct core_member_view *m)
{
	char text[ADDR_TEXT_MAX], utc[32];
	for (size_t k = 0; m->flapping != HEALTH_STEADY && k < core_votes(e->h->core, e->service, i); k++) {
		struct core_vote_view v;
		core_vote_get(e->h->core, e->service, i, k, &v);
		if (v.flapping == HEALTH_STEADY)
			continue;
		text_format_utc(view_wall_future(e->h, v.flap_ends_ms), utc);
		addr_format(&m->conf->addr, true, text);
		if (v.flapping == HEALTH_SUPPRESSED)
			explain_say(e, EXPLAIN_MEMBER, "member %s goes up and down by check %.48s (penalty %" PRIu32 "): %s holds it down until %s at least",
				    text, v.conf->check, v.penalty, view_node(e->h)->name, utc);
		else
			explain_say(e, EXPLAIN_MEMBER, "member %s goes up and down by check %.48s (penalty %" PRIu32 "); that changes no answer",
				    text, v.conf->check, v.penalty);
	}
}

static void say_force(struct explain *e, const struct core_member_view *m)
{
	static const char *const does[] = { "", "counts as up, whatever its checks say", "is taken out of every answer, as one that is down",
					    "is taken out of every answer, and is not counted" };
	struct explain_line l = { .len = 0 };
	char text[ADDR_TEXT_MAX], utc[32];
	uint64_t until = view_wall_future(e->h, m->forced_until_ms);
	if (m->force == POLICY_FORCE_NONE || m->force > POLICY_FORCE_DRAIN)
		return;
	explain_add(&l, "member %s %s", addr_format(&m->conf->addr, true, text), does[m->force]);
	if (m->window) {
		explain_add(&l, ": maintenance window \"%.64s\", until %s", m->window, text_format_utc(until, utc));
	} else if (m->forced_by) {
		explain_add(&l, ": override \"%s %.60s\" by %s, until %s", view_force_text(m->force), m->forced_what, m->forced_by,
			    until ? text_format_utc(until, utc) : "auto");
		if (*m->forced_reason)
			explain_add(&l, ", because \"%s\"", m->forced_reason);
	}
	explain_end(e, EXPLAIN_MEMBER, &l);
}

static void say_held_back(struct explain *e, const struct core_member_view *m)
{
	char text[ADDR_TEXT_MAX];
	if (m->held_back)
		explain_say(e, EXPLAIN_MEMBER, "member %s is not taken out by maintenance window \"%.64s\": it would leave no member that could answer",
			    addr_format(&m->conf->addr, true, text), m->held_back);
}

static void say_drain(struct explain *e, const struct core_member_view *m)
{
	char text[ADDR_TEXT_MAX];
	if (m->conf->drain)
		explain_say(e, EXPLAIN_MEMBER, "member %s is drained in the configuration%s", addr_format(&m->conf->addr, true, text),
			    m->force == POLICY_FORCE_UP ? ", which the override sets aside" : ": it is taken out of every answer, and is not counted");
}

static void say_weight(struct explain *e, uint16_t i, const struct core_member_view *m)
{
	const struct policy_service *p = &e->why.conf->policy;
	uint8_t pct = e->why.input[i].weight_pct;
	char text[ADDR_TEXT_MAX];
	if (pct < 100 && policy_weighs(p))
		explain_say(e, EXPLAIN_MEMBER, "member %s has %u%% of its weight %u, as its check says",
			    addr_format(&m->conf->addr, true, text), pct, m->conf->weight);
	if (pct < 100 && p->load > 0)
		explain_say(e, EXPLAIN_MEMBER, "member %s carries %u%% of its capacity %u, as its check says",
			    addr_format(&m->conf->addr, true, text), pct, m->conf->capacity);
}

static void say_slow_start(struct explain *e, const struct core_member_view *m)
{
	char text[ADDR_TEXT_MAX], left[32];
	if (m->start_pct > 0)
		explain_say(e, EXPLAIN_MEMBER, "member %s is in its slow start: %u%% of its weight %u, full in %s (slow_start)",
			    addr_format(&m->conf->addr, true, text), m->start_pct, m->conf->weight, text_format_age(m->start_left_ms, left));
}

void explain_members(struct explain *e)
{
	for (uint16_t i = 0; i < e->why.conf->policy.member_count && !e->over; i++) {
		struct core_member_view m;
		core_member_get(e->h->core, e->service, i, &m, e->h->now_ms);
		say_state(e, i, &m);
		say_checks(e, i, &m);
		say_flap(e, i, &m);
		say_drain(e, &m);
		say_force(e, &m);
		say_held_back(e, &m);
		say_weight(e, i, &m);
		say_slow_start(e, &m);
	}
}
