/* See histories.h. From what was told to what must be published, anew each time: forces from every command ever given, members from
 * streams, services in the order of their needs, the policy from lib/policy_oracle. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "sim/histories.h"

#define AGE_INTERVALS 3

static unsigned least_1(unsigned n)
{
	return n ? n : 1;
}

/* ---- streams ---- */

void oracle_begin(struct history_oracle *o, const struct plan *p, uint64_t now_ms)
{
	uint32_t longest_ms = 0;
	*o = (struct history_oracle){ .plan = p, .begun_ms = now_ms, .round_done = p->stream_count == 0 };
	for (uint32_t i = 0; i < p->stream_count; i++) {
		o->streams[i] = (struct told_stream){ .waiting = true, .weight = 100, .passed_with = 100 };
		if (p->streams[i].timing.timeout_ms > longest_ms)
			longest_ms = p->streams[i].timing.timeout_ms;
	}
	o->round_ends_ms = now_ms + (longest_ms < 5000 ? longest_ms : 5000);
	for (uint32_t v = 0; v < p->service_count; v++) {
		o->services[v].hold[0] = o->services[v].hold[1] = -1;
		for (int f = 0; f < 2; f++)
			o->services[v].last[f].member = o->services[v].last_member[f];
		for (size_t i = 0; i < p->services[v].policy.member_count; i++)
			addr_format(&p->services[v].policy.members[i].addr, false, o->addresses[v][i]);
	}
}

static void tell_verdict(struct told_stream *s, enum health_verdict v)
{
	s->verdict = v;
	if (v != HEALTH_VERDICT_UNKNOWN)
		s->effective = v;
}

static void age(struct told_stream *s, const struct health_timing *t, uint64_t now_ms)
{
	if (s->verdict == HEALTH_VERDICT_UNKNOWN || now_ms < s->counted_ms + AGE_INTERVALS * t->interval_ms + t->timeout_ms)
		return;
	s->verdict = HEALTH_VERDICT_UNKNOWN;
	s->fails = s->passes = 0;
}

static void count(struct told_stream *s, const struct health_timing *t, bool pass)
{
	unsigned fall = least_1(t->fall), rise = least_1(t->rise);
	bool first = !s->known;
	s->known = true;
	if (pass) {
		s->passes++;
		/* A bucket while up, a run elsewhere. What is over the brim does not count. */
		s->fails = s->verdict == HEALTH_VERDICT_UP && s->fails > 0 ? (s->fails > fall ? fall : s->fails) - 1 : 0;
	} else {
		s->fails++;
		s->passes = 0;
	}
	if (s->verdict != HEALTH_VERDICT_UP && pass && (first || s->passes >= rise))
		tell_verdict(s, HEALTH_VERDICT_UP);
	else if (s->verdict != HEALTH_VERDICT_DOWN && !pass && (first || s->fails >= fall))
		tell_verdict(s, HEALTH_VERDICT_DOWN);
}

void oracle_result(struct history_oracle *o, uint32_t stream, const struct health_result *r, uint64_t now_ms)
{
	struct told_stream *s = &o->streams[stream];
	const struct health_timing *t = &o->plan->streams[stream].timing;
	enum health_outcome what = health_result_outcome(r);
	age(s, t, now_ms);
	if (what == HEALTH_VOID)
		return;
	s->waiting = false;
	if (what == HEALTH_UNKNOWN_RESULT)
		return;
	if (what == HEALTH_PASS)
		s->passed_with = r->weight_pct;
	enum health_verdict was = s->effective;
	count(s, t, what == HEALTH_PASS);
	if (s->effective == HEALTH_VERDICT_DOWN && was != HEALTH_VERDICT_DOWN) {
		s->down_ms = now_ms;
		s->down_order = ++o->downs;
	}
	if (s->verdict == HEALTH_VERDICT_UP) /* while it is unknown what was last known is held */
		s->weight = s->passed_with;
	s->counted_ms = now_ms;
}

static uint32_t flip_ms(const struct told_stream *s, const struct health_timing *t)
{
	unsigned fall = least_1(t->fall), rise = least_1(t->rise);
	unsigned to_down = fall > s->fails ? fall - s->fails : 1, to_up = rise > s->passes ? rise - s->passes : 1;
	unsigned n = s->verdict == HEALTH_VERDICT_UP ? to_down : s->verdict == HEALTH_VERDICT_DOWN ? to_up
		   : !s->known ? 1 : to_down < to_up ? to_down : to_up;
	return n * t->interval_ms;
}

/* ---- operators ---- */

void oracle_command(struct history_oracle *o, const struct core_command *c, uint64_t now_ms)
{
	if (c->verb == CORE_VERB_FAILBACK) {
		for (uint32_t v = 0; v < o->plan->service_count; v++)
			o->services[v].fail_back |= strcmp(o->plan->services[v].name, c->selector) == 0;
		return;
	}
	struct told_command *t = &o->commands[o->command_count++];
	*t = (struct told_command){ .verb = c->verb, .at_ms = now_ms };
	t->until_ms = c->for_ms && c->verb != CORE_VERB_AUTO ? now_ms + c->for_ms : UINT64_MAX;
	snprintf(t->selector, sizeof t->selector, "%.63s", c->selector);
}

/* How much a selector says about a member, 0 = nothing. */
static int says(const struct history_oracle *o, const char *selector, const struct plan_service *v, size_t i)
{
	const char *ip = o->addresses[v - o->plan->services][i];
	size_t len = strlen(v->name);
	if (strncmp(selector, v->name, len) == 0 && selector[len] == '/')
		return strcmp(selector + len + 1, ip) == 0 ? 6 : 0;
	if (strcmp(selector, v->name) == 0)
		return 5;
	if (strcmp(selector, ip) == 0)
		return 4;
	if (v->hosts[i] && strcmp(selector, v->hosts[i]) == 0)
		return 3;
	if (v->sites[i] && strncmp(selector, "site:", 5) == 0 && strcmp(selector + 5, v->sites[i]) == 0)
		return 2;
	return strcmp(selector, "*.test") == 0;
}

/* Of each selector the newest word counts, unless its time is over; of selectors the one that says most. */
static uint8_t force_of(const struct history_oracle *o, const struct plan_service *v, size_t i, uint64_t now_ms)
{
	static const uint8_t force[] = { [CORE_VERB_DOWN] = POLICY_FORCE_DOWN, [CORE_VERB_UP] = POLICY_FORCE_UP,
					 [CORE_VERB_DRAIN] = POLICY_FORCE_DRAIN };
	int most = 0;
	uint8_t out = POLICY_FORCE_NONE;
	for (size_t k = 0; k < o->command_count; k++) {
		const struct told_command *c = &o->commands[k];
		bool newest = true;
		for (size_t j = k + 1; j < o->command_count; j++)
			newest = newest && strcmp(c->selector, o->commands[j].selector) != 0;
		if (!newest || c->verb == CORE_VERB_AUTO || now_ms >= c->until_ms || says(o, c->selector, v, i) <= most)
			continue;
		most = says(o, c->selector, v, i);
		out = force[c->verb];
	}
	return out;
}

/* ---- members ---- */

static void see_member(const struct history_oracle *o, const struct plan_service *v, size_t i, struct policy_input *in)
{
	const struct plan_check *c = &v->checks[i];
	unsigned up = 0, down = 0;
	bool waits = false;
	*in = (struct policy_input){ .weight_pct = 100, .flip_ms = UINT32_MAX };
	for (size_t k = 0; k < c->count; k++) {
		const struct told_stream *s = &o->streams[c->streams[k]];
		uint32_t ms = flip_ms(s, &o->plan->streams[c->streams[k]].timing);
		up += s->effective == HEALTH_VERDICT_UP;
		down += s->effective == HEALTH_VERDICT_DOWN;
		waits |= s->waiting;
		if (s->effective == HEALTH_VERDICT_UP && s->weight < in->weight_pct)
			in->weight_pct = (uint8_t)s->weight;
		if (ms < in->flip_ms)
			in->flip_ms = ms;
	}
	in->state = up >= c->need ? HEALTH_VERDICT_UP : c->count - down < c->need ? HEALTH_VERDICT_DOWN : HEALTH_VERDICT_UNKNOWN;
	in->waiting = in->state == HEALTH_VERDICT_UNKNOWN && (waits || !o->round_done);
}

/* ---- how many may go in a minute ---- */

#define MINUTE_MS 60000

struct gone { size_t member; uint64_t at_ms; unsigned order; };

/* The stream whose going down left too few: of those down the one that came (count - need + 1)th. */
static struct gone went_down(const struct history_oracle *o, const struct plan_check *c, size_t member)
{
	unsigned order = 0;
	for (int nth = c->count - c->need; nth >= 0; nth--) {
		unsigned next = ~0u;
		for (size_t k = 0; k < c->count; k++) {
			const struct told_stream *s = &o->streams[c->streams[k]];
			if (s->effective == HEALTH_VERDICT_DOWN && s->down_order > order && s->down_order < next)
				next = s->down_order;
		}
		order = next;
	}
	for (size_t k = 0; k < c->count; k++)
		if (o->streams[c->streams[k]].down_order == order)
			return (struct gone){ member, o->streams[c->streams[k]].down_ms, order };
	return (struct gone){ member, 0, 0 };
}

/* The down members in their order: each goes when it went down, but not within a minute of the one `bound` before it. Who may
 * not go yet counts as up. */
static void hold_back(const struct history_oracle *o, const struct plan_service *v, struct policy_input *in, const bool lacks[],
		      uint64_t now_ms)
{
	struct gone gone[HISTORY_MEMBERS];
	size_t n = 0, counted = 0;
	for (size_t i = 0; i < v->policy.member_count; i++) {
		const struct policy_member *m = &v->policy.members[i];
		counted += !policy_member_drained(m, in[i].force);
		if (in[i].state != HEALTH_VERDICT_DOWN || in[i].force || m->drain || lacks[i])
			continue;
		struct gone g = went_down(o, &v->checks[i], i);
		size_t at = n++;
		for (; at > 0 && gone[at - 1].order > g.order; at--)
			gone[at] = gone[at - 1];
		gone[at] = g;
	}
	size_t bound = v->removals ? v->removals : (counted * v->removals_pct + 99) / 100;
	for (size_t k = 0; k < n; k++) {
		size_t before = bound ? bound : 1;
		if (k >= before && gone[k - before].at_ms + MINUTE_MS > gone[k].at_ms)
			gone[k].at_ms = gone[k - before].at_ms + MINUTE_MS;
		if (gone[k].at_ms <= now_ms)
			continue;
		in[gone[k].member].state = HEALTH_VERDICT_UP;
		in[gone[k].member].flip_ms = MINUTE_MS;
	}
}

struct decision { struct policy_input in[HISTORY_MEMBERS]; struct policy_held held[2]; struct policy_oracle sets; struct policy_opinion say[2]; };

static bool serves(const struct decision *d)
{
	return d->say[0].rule == POLICY_RULE_TIER || d->say[1].rule == POLICY_RULE_TIER;
}

static bool needs(const struct plan_service *v, size_t i, uint32_t other)
{
	const struct plan_needs *lists[2] = { &v->needs, v->member_needs ? &v->member_needs[i] : &v->needs };
	for (int l = 0; l < 2; l++)
		for (uint32_t k = 0; k < lists[l]->count; k++)
			if (lists[l]->services[k] == other)
				return true;
	return false;
}

/* Ready, and no tier serves, though nobody of whom nothing is known could change that: known to be missing. */
static bool is_missing(const struct history_oracle *o, uint32_t v, const struct decision *d)
{
	struct decision other = *d;
	if (d->sets.waits || serves(d))
		return false;
	for (size_t i = 0; i < o->plan->services[v].policy.member_count; i++)
		if (other.in[i].state == HEALTH_VERDICT_UNKNOWN)
			other.in[i].state = HEALTH_VERDICT_UP;
	policy_oracle_see(&other.sets, &o->plan->services[v].policy, other.in, other.held, o->services[v].last);
	for (int f = 0; f < 2; f++)
		other.say[f] = policy_oracle_judge(&other.sets, f);
	return !serves(&other);
}

static int holds(const struct plan_service *v)
{
	return v->policy.failback_ms == 0 ? 0 : v->policy.couple ? 1 : 2;
}

static void see_held(const struct history_oracle *o, uint32_t v, struct policy_held held[2], uint64_t now_ms)
{
	const struct plan_service *s = &o->plan->services[v];
	const struct told_service *t = &o->services[v];
	for (int h = 0; h < 2; h++)
		held[h] = (struct policy_held){ .tier = -1 };
	for (int h = 0; h < holds(s); h++) {
		held[h].tier = (int8_t)t->hold[h];
		held[h].ripe = t->fail_back ? ~0u : 0;
		for (int k = 0; s->policy.failback_ms != POLICY_FAILBACK_MANUAL && k < s->policy.tier_count; k++)
			if (t->since[h][k] && now_ms - t->since[h][k] >= s->policy.failback_ms)
				held[h].ripe |= 1u << k;
	}
}

static void judge(struct history_oracle *o, uint32_t v, struct decision *d)
{
	const struct policy_service *p = &o->plan->services[v].policy;
	static const struct policy_answer nothing[2];
	policy_oracle_see(&d->sets, p, d->in, d->held, p->all_down == POLICY_ALL_DOWN_LAST ? o->services[v].last : nothing);
	for (int f = 0; f < 2; f++)
		d->say[f] = policy_oracle_judge(&d->sets, f);
}

/* What was ready never is not again: who still waits is left out beside members that are known, else `initial` decides. */
static void stay_ready(const struct plan_service *s, struct policy_input *in)
{
	bool known = false;
	for (size_t i = 0; i < s->policy.member_count; i++)
		known |= in[i].state != HEALTH_VERDICT_UNKNOWN;
	for (size_t i = 0; i < s->policy.member_count; i++) {
		if (in[i].waiting && known)
			in[i].state = HEALTH_VERDICT_DOWN;
		in[i].waiting = false;
	}
}

/* missing: by service, whether it is known to be missing. */
static void decide(struct history_oracle *o, uint32_t v, const bool missing[], struct decision *d, uint64_t now_ms)
{
	const struct plan_service *s = &o->plan->services[v];
	bool lacks[HISTORY_MEMBERS] = { false };
	for (size_t i = 0; i < s->policy.member_count; i++) {
		see_member(o, s, i, &d->in[i]);
		d->in[i].force = force_of(o, s, i, now_ms);
		for (uint32_t k = 0; k < o->plan->service_count; k++)
			if (missing[k] && needs(s, i, k)) {
				lacks[i] = true;
				d->in[i].state = HEALTH_VERDICT_DOWN;
				d->in[i].waiting = false;
			}
	}
	if (s->removals || s->removals_pct)
		hold_back(o, s, d->in, lacks, now_ms);
	if (o->services[v].ready)
		stay_ready(s, d->in);
	see_held(o, v, d->held, now_ms);
	judge(o, v, d);
}

/* ---- what a decision leaves behind ---- */

static int serving_of(const struct plan_service *s, const struct decision *d, int h)
{
	int tier = -1;
	for (int f = h; f <= (s->policy.couple ? 1 : h); f++)
		if (d->say[f].rule == POLICY_RULE_TIER || (d->say[f].rule == POLICY_RULE_OTHER_FAMILY && s->policy.couple))
			tier = d->say[f].tier;
	return tier;
}

/* The tier that serves is held from now on; those better ones that could serve begin to wait, or wait on. */
static void follow_holds(struct history_oracle *o, uint32_t v, struct decision *d, uint64_t now_ms)
{
	const struct plan_service *s = &o->plan->services[v];
	struct told_service *t = &o->services[v];
	bool moved = false;
	for (int h = 0; h < holds(s); h++) {
		int tier = serving_of(s, d, h);
		if (tier < 0 || tier == t->hold[h])
			continue;
		t->hold[h] = tier;
		memset(t->since[h], 0, sizeof t->since[h]);
		moved = true;
	}
	t->fail_back = false; /* what it took over from waits as ever */
	if (moved) {
		see_held(o, v, d->held, now_ms);
		judge(o, v, d);
	}
	for (int h = 0; h < holds(s); h++) {
		uint32_t better = 0;
		for (int f = h; f <= (s->policy.couple ? 1 : h); f++)
			if (d->say[f].rule == POLICY_RULE_TIER || d->say[f].rule == POLICY_RULE_OTHER_FAMILY)
				better |= policy_oracle_better(&d->sets, f, policy_oracle_serving(&d->sets, f));
		for (int k = 0; k < s->policy.tier_count; k++)
			t->since[h][k] = !(better >> k & 1) ? 0 : t->since[h][k] ? t->since[h][k] : now_ms;
	}
}

static void remember(struct told_service *t, const struct plan_service *s, const struct decision *d)
{
	for (int f = 0; f < 2; f++) {
		bool beside = s->policy.couple && d->say[f].rule == POLICY_RULE_OTHER_FAMILY;
		struct policy_answer *a = &t->last[f];
		if (d->say[f].rule != POLICY_RULE_TIER && !beside)
			continue;
		a->rule = d->say[f].rule;
		a->tier = (int8_t)d->say[f].tier;
		a->count = 0;
		for (uint16_t i = 0; i < s->policy.member_count; i++)
			if (d->say[f].members >> i & 1)
				a->member[a->count++] = i;
	}
}

/* ---- against what is published ---- */

static bool fault(struct history_oracle *o, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(o->fault, sizeof o->fault, fmt, ap);
	va_end(ap);
	return false;
}

static const struct addr *addr_of(const struct policy_service *p, const struct policy_opinion *say, int i)
{
	return say->rule == POLICY_RULE_LIST ? &p->fallback[i] : &p->members[i].addr;
}

static bool same_set(const struct policy_service *p, const struct policy_opinion *say, const struct history_set *set)
{
	uint16_t k = 0;
	for (int i = 0; i < POLICY_ORACLE_MEMBERS; i++) {
		if (!(say->members >> i & 1))
			continue;
		if (k == set->count || !addr_same_ip(addr_of(p, say, i), &set->addrs[k++]))
			return false;
	}
	return k == set->count;
}

/* Any two of the weights stand to each other as they should, but for rounding. */
static bool same_weights(const struct policy_service *p, const struct decision *d, const struct policy_opinion *say,
			 const struct history_set *set)
{
	uint64_t want[HISTORY_MEMBERS];
	size_t n = 0;
	bool heeded = (p->pick == POLICY_PICK_WEIGHTED || p->pick == POLICY_PICK_STICKY) && say->rule != POLICY_RULE_LIST;
	if (p->slow_start_ms)
		return true;
	for (int i = 0; i < POLICY_ORACLE_MEMBERS; i++)
		if (say->members >> i & 1)
			want[n++] = heeded ? p->members[i].weight * (uint64_t)d->in[i].weight_pct : 1;
	for (size_t a = 0; a < n; a++)
		for (size_t b = 0; b < n; b++) {
			uint64_t x = want[a] * set->weights[b], y = want[b] * set->weights[a];
			if ((x > y ? x - y : y - x) > want[a] + want[b])
				return false;
		}
	return true;
}

static bool has_needs(const struct plan_service *v)
{
	return v->needs.count || v->member_needs;
}

static bool check_family(struct history_oracle *o, uint32_t v, int f, const struct decision *d, const struct history_set *set)
{
	const struct plan_service *s = &o->plan->services[v];
	const struct policy_opinion *say = &d->say[f];
	if (!set->published)
		return fault(o, "%s: family %d was never published", s->name, f);
	if (set->ready != (say->rule != POLICY_RULE_WAIT))
		return fault(o, "%s: family %d is %sready", s->name, f, set->ready ? "" : "not ");
	if (!set->ready)
		return true;
	if (!same_set(&s->policy, say, set))
		return fault(o, "%s: family %d has %u addresses; the rules say rule %u (%s), tier %d, members %x", s->name, f,
			     set->count, say->rule, policy_rule_text((enum policy_rule)say->rule), say->tier, say->members);
	if (!same_weights(&s->policy, d, say, set))
		return fault(o, "%s: family %d has other weights", s->name, f);
	uint32_t ttl_s = policy_oracle_ttl(&d->sets, f, say);
	if (has_needs(s)) /* what is needed has its own ways to change: core_needs_test */
		ttl_s = set->ttl_s < s->policy.ttl_min_s ? s->policy.ttl_min_s : set->ttl_s > s->policy.ttl_max_s ? s->policy.ttl_max_s : set->ttl_s;
	if (set->ttl_s != ttl_s)
		return fault(o, "%s: family %d has TTL %u, not %u", s->name, f, set->ttl_s, ttl_s);
	return true;
}

static void pass_time(struct history_oracle *o, uint64_t now_ms)
{
	bool waiting = false;
	for (uint32_t i = 0; i < o->plan->stream_count; i++) {
		age(&o->streams[i], &o->plan->streams[i].timing, now_ms);
		waiting |= o->streams[i].waiting;
	}
	if (!waiting || now_ms >= o->round_ends_ms)
		o->round_done = true;
	for (uint32_t i = 0; o->round_done && i < o->plan->stream_count; i++)
		o->streams[i].waiting = false;
}

bool oracle_check(struct history_oracle *o, const struct history_set sets[][2], uint64_t now_ms)
{
	bool missing[HISTORY_SERVICES] = { false }, good = true;
	pass_time(o, now_ms);
	for (uint32_t v = 0; good && v < o->plan->service_count; v++) { /* a service needs only those before it */
		struct decision d;
		decide(o, v, missing, &d, now_ms);
		follow_holds(o, v, &d, now_ms);
		remember(&o->services[v], &o->plan->services[v], &d);
		missing[v] = is_missing(o, v, &d);
		for (int f = 0; good && f < 2; f++)
			good = check_family(o, v, f, &d, &sets[v][f]);
		o->services[v].ready |= !d.sets.waits;
	}
	return good;
}

bool oracle_would_empty(const struct history_oracle *o, const struct core_command *c, uint64_t now_ms)
{
	struct history_oracle then = *o;
	bool missing[HISTORY_SERVICES] = { false }, empties = false;
	for (uint32_t v = 0; v < o->plan->service_count; v++)
		for (int f = 0; f < 2; f++)
			then.services[v].last[f].member = then.services[v].last_member[f];
	pass_time(&then, now_ms);
	for (uint32_t v = 0; v < o->plan->service_count; v++) {
		const struct plan_service *s = &o->plan->services[v];
		struct decision before, after;
		bool touched = false;
		for (size_t i = 0; i < s->policy.member_count; i++)
			touched |= says(o, c->selector, s, i) > 0;
		decide(&then, v, missing, &before, now_ms);
		missing[v] = is_missing(&then, v, &before);
		oracle_command(&then, c, now_ms);
		decide(&then, v, missing, &after, now_ms);
		then.command_count--;
		if (touched && !after.sets.waits && (after.say[0].members | after.say[1].members) == 0)
			empties |= before.sets.waits || (before.say[0].members | before.say[1].members) != 0;
	}
	return empties;
}
