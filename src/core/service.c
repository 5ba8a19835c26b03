/* From effective states to what is published: members, forces, policy, and the comparison with what stands already. */
#include <stdio.h>
#include "core/state.h"
#include "dns/const.h"

void service_mark(struct core *c, struct service *s)
{
	if (s->dirty)
		return;
	struct service_line *line = &c->service_lines[s->rank];
	s->dirty = true;
	s->next_dirty = NULL;
	if (line->first)
		*line->last = s;
	else
		line->first = s;
	line->last = &s->next_dirty;
	c->dirty_services++;
}

void services_unmark_all(struct core *c)
{
	memset(c->service_lines, 0, sizeof c->service_lines);
	c->dirty_services = 0;
}

void services_mark_all(struct core *c, bool whole)
{
	for (uint32_t i = 0; i < c->gen->plan->service_count; i++) {
		c->gen->services[i].whole |= whole;
		service_mark(c, &c->gen->services[i]);
	}
}

void services_of_stream_mark(struct core *c, const struct stream *s)
{
	for (uint32_t i = 0; i < s->use_count; i++)
		service_mark(c, &c->gen->services[c->gen->uses[s->use_at + i]]);
}

/* ---- members ---- */

/* Up when enough of its streams are, down when too few can be; a member without a check is up: nobody asks it. */
enum health_verdict service_member_own(const struct core *c, const struct service *s, size_t i)
{
	const struct plan_check *check = &s->conf->checks[i];
	uint16_t up = 0, down = 0;
	for (size_t k = 0; k < check->count; k++) {
		uint8_t state = c->gen->streams[check->streams[k]].hold[s->agree - 1].state;
		up = (uint16_t)(up + (state == HEALTH_VERDICT_UP));
		down = (uint16_t)(down + (state == HEALTH_VERDICT_DOWN));
	}
	if (up >= check->need)
		return HEALTH_VERDICT_UP;
	return check->count - down < check->need ? HEALTH_VERDICT_DOWN : HEALTH_VERDICT_UNKNOWN;
}

/* Without what it needs a member is down, whatever its check says. */
enum health_verdict service_member_state(const struct core *c, const struct service *s, size_t i)
{
	return needs_missing(c, s, i) ? HEALTH_VERDICT_DOWN : service_member_own(c, s, i);
}

/* Of several checks the one that gives least counts. */
uint8_t service_member_weight(const struct core *c, const struct service *s, size_t i)
{
	const struct plan_check *check = &s->conf->checks[i];
	uint8_t least = 100;
	for (size_t k = 0; k < check->count; k++) {
		const struct hold *h = &c->gen->streams[check->streams[k]].hold[s->agree - 1];
		if (h->state == HEALTH_VERDICT_UP && h->weight < least)
			least = h->weight;
	}
	return least;
}

static void fill_input(const struct core *c, const struct service *s, size_t i, struct policy_input *in)
{
	const struct plan_check *check = &s->conf->checks[i];
	bool waits = false;
	*in = (struct policy_input){ .weight_pct = service_member_weight(c, s, i), .flip_ms = UINT32_MAX };
	in->state = service_member_state(c, s, i);
	for (size_t k = 0; k < check->count; k++) {
		const struct stream *stream = &c->gen->streams[check->streams[k]];
		/* Any one of them may be what turns the member: the soonest counts. */
		if (stream->flip_ms < in->flip_ms)
			in->flip_ms = stream->flip_ms;
		waits |= stream->waiting;
	}
	in->flip_ms = needs_flip_ms(c, s, i, service_member_own(c, s, i), in->flip_ms);
	/* In the very first round a stream that has spoken may still wait for the twin's word (round_check). */
	in->waiting = in->state == HEALTH_VERDICT_UNKNOWN && (waits || !c->round_done);
}

/* A service that once was ready stays so, whatever a new plan adds to it: beside members that are known a new one is left out
 * until its first result; where all are new `initial` decides. */
static void stay_ready(const struct service *s, struct policy_input *in)
{
	bool known = false;
	if (!s->was_ready)
		return;
	for (size_t i = 0; i < s->conf->policy.member_count; i++)
		known |= in[i].state != HEALTH_VERDICT_UNKNOWN;
	for (size_t i = 0; i < s->conf->policy.member_count; i++) {
		if (in[i].waiting && known)
			in[i].state = HEALTH_VERDICT_DOWN;
		in[i].waiting = false;
	}
}

static const struct policy_answer *fill_inputs(const struct core *c, const struct service *s, const struct member *forces,
					      struct policy_held held[CORE_FAMILIES])
{
	const struct policy_service *p = &s->conf->policy;
	for (size_t i = 0; i < p->member_count; i++) {
		fill_input(c, s, i, &c->gen->input[i]);
		c->gen->input[i].force = forces[i].force;
		c->gen->input[i].start_pct = s->members[i].start_pct;
	}
	removals_fill(c, s, c->gen->input);
	stay_ready(s, c->gen->input);
	failback_fill(c, s, held);
	return p->all_down == POLICY_ALL_DOWN_LAST ? s->last : NULL;
}

void service_decide(const struct core *c, const struct service *s, const struct member *forces)
{
	struct policy_held held[CORE_FAMILIES];
	const struct policy_answer *last = fill_inputs(c, s, forces, held);
	policy_decide_held(&s->conf->policy, c->gen->input, held, last, c->gen->scratch);
}

void service_decide_why(const struct core *c, const struct service *s, const struct member *forces, struct policy_why *why)
{
	struct policy_held held[CORE_FAMILIES];
	const struct policy_answer *last = fill_inputs(c, s, forces, held);
	policy_decide_why(&s->conf->policy, c->gen->input, held, last, c->gen->scratch, why);
}

/* At the start a state may be older than we are: then the journal knows since when. */
static uint64_t changed_at(const struct core *c, const struct service *s, size_t i)
{
	const struct plan_check *check = &s->conf->checks[i];
	if (s->decided || check->count == 0 || !c->gen->streams[check->streams[0]].health.recovered)
		return c->now_ms;
	return c->gen->streams[check->streams[0]].health.changed_ms;
}

static void update_members(struct core *c, struct service *s)
{
	for (size_t i = 0; i < s->conf->policy.member_count; i++) {
		struct member *m = &s->members[i];
		uint8_t state = (uint8_t)service_member_state(c, s, i);
		if (m->state != state || m->changed_ms == 0)
			m->changed_ms = changed_at(c, s, i);
		m->state = state;
	}
}

/* ---- the last good set ---- */

static bool same_members(const struct policy_answer *a, const struct policy_answer *b)
{
	return a->tier == b->tier && a->count == b->count &&
	       (a->count == 0 || memcmp(a->member, b->member, a->count * sizeof *a->member) == 0);
}

static bool journal_last(struct core *c, const struct service *s, int f)
{
	uint8_t record[1024]; /* JOURNAL_RECORD_MAX; a longer set takes several */
	size_t from = 0;
	do {
		struct wbuf w;
		wbuf_init(&w, record, sizeof record);
		from = record_last_put(&w, s, f, from);
		if (!effect_journal(c, record, w.len, false))
			return false;
	} while (from < s->last[f].count);
	return true;
}

static bool keep_last(struct core *c, struct service *s)
{
	for (int f = 0; f < CORE_FAMILIES; f++) {
		const struct policy_answer *now = &c->gen->scratch[f];
		struct policy_answer *last = &s->last[f];
		if (!last->member || !policy_keeps_last(now) || (policy_keeps_last(last) && same_members(now, last)))
			continue;
		last->rule = now->rule;
		last->tier = now->tier;
		last->count = now->count;
		memcpy(last->member, now->member, now->count * sizeof *now->member);
		if (!journal_last(c, s, f)) {
			last->rule = POLICY_RULE_NONE; /* so that it is kept, and journalled, the next time */
			return false;
		}
	}
	return true;
}

/* ---- publishing ---- */

static const struct addr *addr_of(const struct service *s, const struct policy_answer *a, size_t k)
{
	const struct policy_service *p = &s->conf->policy;
	return a->rule == POLICY_RULE_LIST ? &p->fallback[a->member[k]] : &p->members[a->member[k]].addr;
}

/* What a client could see is the same; why it is so may differ. */
static bool looks_equal(const struct policy_answer *a, const struct policy_answer *b)
{
	struct policy_answer x = *a, y = *b;
	if ((a->rule == POLICY_RULE_LIST) != (b->rule == POLICY_RULE_LIST))
		return false;
	x.rule = y.rule;
	x.tier = y.tier;
	return policy_answer_equal(&x, &y);
}

char *service_answer_text(const struct service *s, int f, char out[NOTICE_STATE_MAX])
{
	const struct policy_answer *a = &s->answer[f];
	char ip[ADDR_TEXT_MAX];
	size_t len = 0;
	snprintf(out, NOTICE_STATE_MAX, "%s", !a->ready ? "not ready" : a->count == 0 ? "none" : "");
	for (uint16_t k = 0; a->ready && k < a->count; k++) {
		addr_format(&s->addrs[f][k], false, ip);
		if (len + strlen(ip) + 16 > NOTICE_STATE_MAX) { /* room for the words below */
			snprintf(out + len, NOTICE_STATE_MAX - len, " +%u more", a->count - k);
			break;
		}
		len += (size_t)snprintf(out + len, NOTICE_STATE_MAX - len, "%s%s", k ? " " : "", ip);
	}
	return out;
}

static const char *rule_text(const struct policy_answer *a, char out[32])
{
	if (a->rule != POLICY_RULE_TIER)
		return policy_rule_text((enum policy_rule)a->rule);
	snprintf(out, 32, "tier %d", a->tier + 1);
	return out;
}

static void notice_answer(struct core *c, const struct service *s, int f, const char *old)
{
	char rule[32];
	const struct policy_answer *a = &s->answer[f];
	struct core_notice n = { .kind = CORE_NOTICE_ANSWER };
	snprintf(n.subject, sizeof n.subject, "%s", s->conf->name);
	snprintf(n.old, sizeof n.old, "%s", old);
	service_answer_text(s, f, n.new);
	snprintf(n.cause, sizeof n.cause, "%s", c->cause);
	if (*c->why && strcmp(n.old, n.new) == 0) /* the addresses stay, and what gives them is all the news */
		snprintf(n.reason, sizeof n.reason, "%s gives them: %.120s", rule_text(a, rule), c->why);
	else if (*c->why)
		snprintf(n.reason, sizeof n.reason, "%s", c->why);
	else if (a->rule == POLICY_RULE_TIER)
		snprintf(n.reason, sizeof n.reason, "tier %d has enough members up", a->tier + 1);
	else
		snprintf(n.reason, sizeof n.reason, "%s", policy_rule_text((enum policy_rule)a->rule));
	notice_detail_add(&n, "type", "%s", f ? "AAAA" : "A");
	notice_detail_add(&n, "rule", "%s", policy_rule_text((enum policy_rule)a->rule));
	notice_detail_add(&n, "tier", "%d", a->tier + 1);
	notice_detail_add(&n, "count", "%u", a->count);
	notice_detail_add(&n, "ttl", "%u", a->ttl_s);
	notice_put(c, &n);
}

/* The first decision of a new plan: news only against what the plan before it answered. */
static void notice_reloaded(struct core *c, struct service *s, int f)
{
	char now[NOTICE_STATE_MAX];
	const char *before = s->before[f];
	s->before[f] = NULL;
	if (before && strcmp(before, service_answer_text(s, f, now)) != 0)
		notice_answer(c, s, f, before);
}

static void copy_answer(struct service *s, int f, const struct policy_answer *from)
{
	struct policy_answer *to = &s->answer[f];
	to->rule = from->rule;
	to->tier = from->tier;
	to->ready = from->ready;
	to->ttl_s = from->ttl_s;
	to->better = from->better;
	to->count = from->count;
	memcpy(to->member, from->member, from->count * sizeof *from->member);
	memcpy(to->weight, from->weight, from->count * sizeof *from->weight);
	for (size_t k = 0; k < from->count; k++)
		s->addrs[f][k] = *addr_of(s, from, k);
}

static void put_publish(struct core *c, const struct service *s, int f)
{
	const struct policy_answer *a = &s->answer[f];
	struct core_effect e = { .type = CORE_PUBLISH };
	e.publish = (struct core_publish){ .service = (uint32_t)(s - c->gen->services),
					   .type = f ? DNS_TYPE_AAAA : DNS_TYPE_A,
					   .ready = a->ready && (!c->withheld || a->rule == POLICY_RULE_ABSENT),
					   .ttl_s = a->ttl_s,
					   .pick = s->conf->policy.pick,
					   .answer_n = s->conf->policy.answer_n,
					   .count = a->count,
					   .addrs = s->addrs[f],
					   .weights = a->weight };
	effect_put(c, &e, NULL, 0);
}

static bool publish(struct core *c, struct service *s, int f, bool whole)
{
	const struct policy_answer *now = &c->gen->scratch[f];
	bool same = looks_equal(&s->answer[f], now);
	bool news = !s->decided || s->answer[f].rule != now->rule || !same_members(&s->answer[f], now);
	char old[NOTICE_STATE_MAX] = "";
	if (!whole && s->decided && same) {
		copy_answer(s, f, now); /* rule and tier */
		if (news)
			notice_answer(c, s, f, service_answer_text(s, f, old));
		return true;
	}
	if (!effect_room(c, 0))
		return false;
	if (news && !whole)
		service_answer_text(s, f, old);
	copy_answer(s, f, now);
	put_publish(c, s, f);
	if (s->before[f])
		notice_reloaded(c, s, f);
	else if (news && !whole)
		notice_answer(c, s, f, old);
	return true;
}

static bool settle(struct core *c, struct service *s)
{
	windows_settle(c, s);
	failback_adopt(c, s);
	slow_follow(c, s);
	service_decide(c, s, s->members);
	if (failback_follow(c, s)) /* what better tiers wait for, and so the TTL, depends on it */
		service_decide(c, s, s->members);
	if (!failback_settle(c, s) || !slow_settle(c, s) || !keep_last(c, s))
		return false;
	update_members(c, s);
	removals_settle(c, s);
	for (int f = 0; f < CORE_FAMILIES; f++) {
		if (!publish(c, s, f, s->whole || !s->decided))
			return false; /* what is published already is so again, which does no harm */
	}
	s->decided = true;
	s->was_ready |= s->answer[0].ready && s->answer[1].ready;
	s->whole = false;
	return true;
}

void services_settle(struct core *c)
{
	/* What a service needs stands in an earlier line, and marks it there: one pass settles every chain. */
	for (struct service_line *line = c->service_lines; c->dirty_services; line++) {
		while (line->first) {
			struct service *s = line->first;
			if (!settle(c, s))
				return;
			needs_follow(c, s);
			line->first = s->next_dirty;
			s->dirty = false;
			c->dirty_services--;
		}
	}
}
