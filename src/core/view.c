/* What status shows. Nothing here changes anything. */
#include "core/state.h"

const struct plan *core_plan(const struct core *c)
{
	return c->gen->plan;
}

const struct pair *core_pair(const struct core *c)
{
	return c->pair;
}

uint64_t core_results(const struct core *c, enum health_reason r)
{
	return c->results[r];
}

size_t core_services(const struct core *c)
{
	return c->gen->plan->service_count;
}

int core_service_find(const struct core *c, const char *name)
{
	char lower[NAME_TEXT_MAX];
	size_t n = strnlen(name, sizeof lower);
	if (n > 1 && name[n - 1] == '.')
		n--;
	if (n >= sizeof lower)
		return ERR_ABSENT;
	for (size_t i = 0; i < n; i++)
		lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 32) : name[i];
	const struct service *s = gen_service(c->gen, lower, n);
	return s ? (int)(s - c->gen->services) : ERR_ABSENT;
}

void core_service_get(const struct core *c, size_t i, struct core_service_view *out)
{
	const struct service *s = &c->gen->services[i];
	*out = (struct core_service_view){ .conf = s->conf, .members = s->conf->policy.member_count, .ready = true };
	out->held_members = s->held;
	for (int f = 0; f < CORE_FAMILIES; f++) {
		out->rule[f] = s->answer[f].rule;
		out->tier[f] = s->answer[f].tier;
		out->ttl_s[f] = s->answer[f].ttl_s;
		out->held[f] = s->hold[f].tier;
		out->better[f] = s->answer[f].better;
		out->answering = (uint16_t)(out->answering + s->answer[f].count);
		out->ready &= s->answer[f].ready;
	}
	for (size_t k = 0; k < out->members; k++)
		out->members_up = (uint16_t)(out->members_up + (s->members[k].state == HEALTH_VERDICT_UP));
}

char *core_answer_text(const struct core *c, size_t service, int family, char out[NOTICE_STATE_MAX])
{
	return service_answer_text(&c->gen->services[service], family, out);
}

static bool is_answering(const struct service *s, size_t member)
{
	const struct policy_member *m = &s->conf->policy.members[member];
	const struct policy_answer *a = &s->answer[m->addr.family == 6];
	for (size_t k = 0; k < a->count && a->rule != POLICY_RULE_LIST; k++) {
		if (a->member[k] == member)
			return true;
	}
	return false;
}

static enum health_verdict verdict_of(enum pair_vote v)
{
	return v == PAIR_UP ? HEALTH_VERDICT_UP : v == PAIR_DOWN ? HEALTH_VERDICT_DOWN : HEALTH_VERDICT_UNKNOWN;
}

static struct core_peer_vote peer_vote(const struct core *c, const struct stream *s, size_t peer)
{
	struct core_peer_vote v = { .node = c->peers[peer].id, .vote = HEALTH_VERDICT_UNKNOWN };
	const struct pair_record *r = pair_find(c->pair, v.node, PAIR_VERDICT, s->conf->key);
	uint8_t weight;
	if (!c->peers[peer].fresh || !r)
		return v;
	v.vote = verdict_of(stream_peer_vote(c, s, v.node, &weight));
	v.reason = v.vote == HEALTH_VERDICT_UNKNOWN ? HEALTH_REASON_NONE : value_verdict_reason(r);
	return v;
}

/* The votes on a stream: ours, and the first that a twin we hear has cast. */
static void view_votes(const struct core *c, const struct stream *s, enum health_verdict *own, enum health_verdict *twin)
{
	*own = verdict_of(stream_own_vote(s));
	*twin = HEALTH_VERDICT_UNKNOWN;
	for (size_t i = 0; i < c->peer_count && *twin == HEALTH_VERDICT_UNKNOWN; i++)
		*twin = peer_vote(c, s, i).vote;
}

static void view_stream(const struct core *c, const struct stream *s, struct core_member_view *out)
{
	out->stream = s->conf;
	out->recovered = s->health.recovered;
	out->last = s->health.last;
	view_votes(c, s, &out->own, &out->twin);
}

static bool is_stale(const struct health_state *h)
{
	return h->known && h->verdict == HEALTH_VERDICT_UNKNOWN;
}

static enum health_flapping flapping_of(const struct core *c, const struct stream *s)
{
	return health_state_flapping(&s->health, &s->conf->timing, c->now_ms);
}

static enum health_flapping worst_flapping(const struct core *c, const struct plan_check *check)
{
	enum health_flapping worst = HEALTH_STEADY;
	for (size_t k = 0; k < check->count; k++) {
		enum health_flapping f = flapping_of(c, &c->gen->streams[check->streams[k]]);
		worst = f > worst ? f : worst;
	}
	return worst;
}

void core_member_get(const struct core *c, size_t service, size_t member, struct core_member_view *out, uint64_t now_ms)
{
	const struct service *s = &c->gen->services[service];
	const struct member *m = &s->members[member];
	*out = (struct core_member_view){ .conf = &s->conf->policy.members[member], .host = s->conf->hosts[member],
					  .state = (enum health_verdict)m->state, .force = (enum policy_force)m->force,
					  .answering = is_answering(s, member), .changed_ms = m->changed_ms,
					  .weight_pct = service_member_weight(c, s, member), .start_pct = m->start_pct, .start_left_ms = slow_left_ms(s, m, now_ms) };
	out->held = m->leaves_ms > 0;
	if (out->held)
		out->leaves_ms = c->clock_at_ms + (m->leaves_ms > c->clock_ms ? m->leaves_ms - c->clock_ms : 0);
	if (s->conf->checks[member].count > 0)
		view_stream(c, &c->gen->streams[s->conf->checks[member].streams[0]], out);
	const struct service *missing = needs_missing(c, s, member);
	out->missing = missing ? missing->conf->name : NULL;
	out->flapping = worst_flapping(c, &s->conf->checks[member]);
	window_view_member(c, m, out);
	if (!m->by || m->by->reg_count == 0)
		return;
	const struct reg *r = &m->by->regs[m->by->newest];
	if (r->until_ms && r->until_ms <= now_ms) /* over, the step that says so is due */
		return;
	out->forced_by = r->author;
	out->forced_reason = r->reason;
	out->forced_what = m->by->text;
	out->forced_until_ms = r->until_ms;
}

size_t core_votes(const struct core *c, size_t service, size_t member)
{
	return c->gen->services[service].conf->checks[member].count;
}

void core_vote_get(const struct core *c, size_t service, size_t member, size_t i, struct core_vote_view *out)
{
	const struct service *s = &c->gen->services[service];
	const struct stream *stream = &c->gen->streams[s->conf->checks[member].streams[i]];
	*out = (struct core_vote_view){ .conf = stream->conf,
					.state = (enum health_verdict)stream->hold[s->agree - 1].state,
					.recovered = stream->health.recovered,
					.stale = is_stale(&stream->health),
					.flapping = flapping_of(c, stream),
					.penalty = health_flap_penalty(&stream->health.flap, &stream->conf->timing.flap, c->now_ms),
					.flap_ends_ms = health_flap_ends_at(&stream->health.flap, &stream->conf->timing.flap),
					.last = stream->health.last };
	out->own = verdict_of(stream_own_vote(stream));
	for (size_t k = 0; k < c->peer_count; k++)
		out->peers[out->peer_count++] = peer_vote(c, stream, k);
}

/* Decided again rather than remembered: the same pure function of the same states, and nobody pays for it who does not ask. */
void core_why_get(const struct core *c, size_t service, struct core_why *out)
{
	const struct service *s = &c->gen->services[service];
	*out = (struct core_why){ .conf = s->conf, .agree = s->agree, .input = c->gen->input, .answer = c->gen->scratch };
	service_decide_why(c, s, s->members, &out->why);
}

const char *core_service_nearest(const struct core *c, const char *name)
{
	return selector_nearest(name, c->gen->plan);
}

bool core_override_next(const struct core *c, size_t *pos, struct core_override_view *out, uint64_t now_ms,
			uint64_t wall_ms)
{
	const struct override *o = c->overrides;
	size_t at = 0;
	(void)wall_ms;
	for (; o; o = o->next, at++) {
		if (at < *pos || !o->on)
			continue;
		const struct reg *r = &o->regs[o->newest];
		if (r->until_ms && r->until_ms <= now_ms)
			continue;
		*out = (struct core_override_view){ .selector = o->text,
						    .author = r->author,
						    .reason = r->reason,
						    .verb = (enum core_verb)r->verb,
						    .since_wall_ms = r->hlc >> 16,
						    .left_ms = r->until_ms ? r->until_ms - now_ms : 0,
						    .node = r->node };
		*pos = at + 1;
		return true;
	}
	return false;
}

bool core_round_done(const struct core *c)
{
	return c->round_done;
}

uint32_t core_round_left(const struct core *c)
{
	return c->round_done ? 0 : c->waiting;
}

void core_totals_get(const struct core *c, struct core_totals *out)
{
	struct core_network network;
	core_network_get(c, &network);
	*out = (struct core_totals){ .services = c->gen->plan->service_count,
				     .generation = c->gen->plan->generation,
				     .streams = c->gen->plan->stream_count - network.canaries,
				     .in_flight = c->in_flight,
				     .round_done = c->round_done };
	for (uint32_t v = 0; v < out->services; v++) {
		struct core_service_view view;
		core_service_get(c, v, &view);
		out->members += view.members;
		out->members_up += view.members_up;
	}
	for (const struct override *o = c->overrides; o; o = o->next)
		out->overrides += o->on;
}

size_t core_targets(const struct core *c)
{
	return c->gen->plan->stream_count;
}

void core_target_get(const struct core *c, size_t i, struct core_target_view *out)
{
	const struct stream *s = &c->gen->streams[i];
	const struct health_state *h = &s->health;
	*out = (struct core_target_view){ .conf = s->conf, .verdict = h->verdict, .known = h->known, .recovered = h->recovered,
					  .shared = h->shared, .running = s->run != 0, .in_line = s->in_line, .counted_ms = h->counted_ms,
					  .changed_ms = h->changed_ms, .late_ms = s->late_ms, .services = s->use_count,
					  .breaker = health_breaker_of(h, s->run != 0), .last = h->last };
	out->flapping = flapping_of(c, s);
	out->penalty = health_flap_penalty(&h->flap, &s->conf->timing.flap, c->now_ms);
	out->flap_ends_ms = health_flap_ends_at(&h->flap, &s->conf->timing.flap);
	out->unknown_ms = s->stuck ? s->unknown_ms : 0;
	out->stale = is_stale(h);
}

bool core_prober_gone(const struct core *c, uint64_t *since_ms)
{
	*since_ms = c->prober_gone_ms;
	return !c->prober_up && c->now_ms - c->prober_gone_ms >= CORE_PROBER_GONE_MS;
}
