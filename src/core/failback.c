/* Which tier a service holds on to, and when a better one takes over again (failback = a delay, or "manual").
 *
 *     tier 0   up ──down───────────────up──────────────┐ had enough for the whole delay: ripe
 *     tier 1   up ─────────────────────────────────────┼──▶
 *     serves   0  │1                                   │0        the hold: tier and stamp of the decision
 *
 * The hold goes as the effective states do: on the shelf as an EFFECTIVE record (its own key), into the journal, and of ours
 * and those of fresh twins the newest counts. Only who changes what it serves by its own reckoning stamps anew; what is
 * adopted keeps its stamp, and is not stamped over where its tier has not enough here. So twins with different views for a
 * moment do not pull each other to and fro. The first choice of a start has stamp 0: it is no decision.
 * With agree = "local" each node holds its own.
 */
#include "core/state.h"

#define UNSET UINT64_MAX

static bool is_used(const struct service *s)
{
	return s->better_since[0] != NULL;
}

/* A coupled service has one hold for both families. */
static int holds(const struct service *s)
{
	return !is_used(s) ? 0 : s->conf->policy.couple ? 1 : CORE_FAMILIES;
}

static uint32_t delay_ms(const struct service *s)
{
	return s->conf->policy.failback_ms;
}

static uint64_t key_of(const struct service *s, int h)
{
	return pair_name("tier", s->conf->owner, name_len(s->conf->owner)) + (uint64_t)h;
}

static bool is_shared(const struct core *c, const struct service *s)
{
	return c->pair && s->agree != POLICY_AGREE_LOCAL;
}

static void forget_times(struct service *s, int h)
{
	for (int t = 0; t < s->conf->policy.tier_count; t++)
		s->better_since[h][t] = UNSET;
}

/* ---- memory ---- */

int failback_init(struct gen *g, struct service *s)
{
	int e = 0;
	for (int h = 0; h < CORE_FAMILIES; h++)
		s->hold[h] = (struct tier_hold){ .tier = -1, .served = -1 };
	if (s->conf->policy.failback_ms == 0)
		return 0;
	for (int h = 0; h < CORE_FAMILIES; h++) {
		s->better_since[h] = arena_array(&g->arena, s->conf->policy.tier_count, sizeof *s->better_since[h]);
		if (!s->better_since[h])
			return ERR_NOMEM;
		forget_times(s, h);
	}
	for (int h = 0; e == 0 && h < holds(s); h++) {
		uint64_t key = key_of(s, h);
		e = table_put(&g->holds, &key, sizeof key, s);
	}
	return e < 0 ? e : heap_set(&g->failbacks, &s->failback, UINT64_MAX);
}

void failback_carry(struct service *s, const struct service *old)
{
	for (int h = 0; h < holds(s) && h < holds(old); h++) {
		if (old->hold[h].tier >= s->conf->policy.tier_count)
			continue;
		s->hold[h] = old->hold[h];
		s->hold[h].told = false;
		/* Of other tiers nobody knows how long they have had enough. */
		if (s->conf->policy.tier_count == old->conf->policy.tier_count)
			memcpy(s->better_since[h], old->better_since[h],
			       s->conf->policy.tier_count * sizeof *s->better_since[h]);
	}
}

void failback_forget(struct core *c, const struct service *s)
{
	int e = 0;
	for (int h = 0; is_shared(c, s) && h < holds(s); h++)
		e |= pair_write(c->pair, PAIR_EFFECTIVE, key_of(s, h), NULL, 0, c->now_ms);
	if (e < 0)
		notice_alarm(c, NULL, "out of memory");
}

void failback_recover(struct core *c, struct service *s, int h, uint8_t tier, uint64_t hlc)
{
	core_absorb(c, hlc);
	if (h < holds(s) && tier < s->conf->policy.tier_count)
		s->hold[h] = (struct tier_hold){ .tier = (int8_t)tier, .served = (int8_t)tier, .hlc = hlc };
}

/* ---- deciding ---- */

void failback_fill(const struct core *c, const struct service *s, struct policy_held out[CORE_FAMILIES])
{
	for (int h = 0; h < CORE_FAMILIES; h++)
		out[h] = (struct policy_held){ .tier = -1 };
	for (int h = 0; h < holds(s); h++) {
		out[h].tier = s->hold[h].tier;
		out[h].ripe = s->fail_back && !s->failed_back ? UINT32_MAX : 0;
		for (int t = 0; delay_ms(s) != POLICY_FAILBACK_MANUAL && t < s->conf->policy.tier_count; t++) {
			uint64_t since = s->better_since[h][t];
			if (since != UNSET && c->now_ms >= since && c->now_ms - since >= delay_ms(s))
				out[h].ripe |= 1u << t;
		}
	}
}

static bool is_newer(int8_t tier, uint64_t hlc, const struct tier_hold *than)
{
	return than->tier < 0 || hlc > than->hlc || (hlc == than->hlc && tier < than->tier);
}

void failback_adopt(const struct core *c, struct service *s)
{
	for (int h = 0; is_shared(c, s) && h < holds(s); h++) {
		for (size_t i = 0; i < c->peer_count; i++) {
			uint8_t tier;
			uint64_t hlc;
			const struct pair_record *r = pair_find(c->pair, c->peers[i].id, PAIR_EFFECTIVE, key_of(s, h));
			if (!c->peers[i].fresh || !r || !value_tier_get(r, &tier, &hlc) ||
			    !common_service(c, c->peers[i].id, s->conf) || /* its tiers are others */
			    tier >= s->conf->policy.tier_count || !is_newer((int8_t)tier, hlc, &s->hold[h]))
				continue;
			if (s->hold[h].tier != tier)
				forget_times(s, h);
			s->hold[h] = (struct tier_hold){ .tier = (int8_t)tier, .served = s->hold[h].served, .hlc = hlc };
		}
	}
}

/* What serves by the decision in the scratch; -1 = nothing does, or it is not ready. */
static int serving(const struct core *c, const struct service *s, int h)
{
	int tier = -1;
	for (int f = h; f <= (s->conf->policy.couple ? 1 : h); f++) {
		const struct policy_answer *a = &c->gen->scratch[f];
		if (policy_keeps_last(a)) /* a tier's members, or its other family's beside nothing */
			tier = a->tier;
	}
	return tier;
}

bool failback_follow(struct core *c, struct service *s)
{
	bool moved = false;
	for (int h = 0; h < holds(s); h++) {
		struct tier_hold *hold = &s->hold[h];
		int tier = serving(c, s, h);
		if (tier < 0)
			continue;
		if (tier != hold->tier && (hold->tier < 0 || (hold->served >= 0 && tier != hold->served))) {
			*hold = (struct tier_hold){ .tier = (int8_t)tier, .hlc = hold->tier < 0 ? 0 : core_stamp(c) };
			forget_times(s, h);
			moved = true;
		}
		hold->served = (int8_t)tier;
	}
	s->failed_back = s->fail_back; /* what it takes over from here on waits as ever */
	return moved;
}

static void note_times(struct core *c, struct service *s)
{
	uint64_t due = UINT64_MAX;
	for (int h = 0; h < holds(s); h++) {
		uint32_t better = c->gen->scratch[h].better;
		if (s->conf->policy.couple)
			better |= c->gen->scratch[1].better;
		for (int t = 0; t < s->conf->policy.tier_count; t++) {
			uint64_t *since = &s->better_since[h][t];
			*since = !(better >> t & 1) ? UNSET : *since == UNSET ? c->now_ms : *since;
			if (*since != UNSET && delay_ms(s) != POLICY_FAILBACK_MANUAL && *since + delay_ms(s) < due)
				due = *since + delay_ms(s);
		}
	}
	if (is_used(s) && heap_set(&c->gen->failbacks, &s->failback, due) < 0)
		c->nomem = true; /* cannot be: it only moves */
}

static bool journal(struct core *c, const struct service *s, int h)
{
	uint8_t record[16 + NAME_WIRE_MAX];
	struct wbuf w;
	wbuf_init(&w, record, sizeof record);
	record_tier_put(&w, s, h);
	if (!effect_journal(c, record, w.len, s->fail_back))
		return false;
	if (s->fail_back)
		command_wrote_failback(c, s);
	return true;
}

static bool tell(struct core *c, const struct service *s, int h)
{
	uint8_t value[PAIR_VALUE_MAX];
	size_t len = value_tier_put(value, &s->hold[h]);
	if (pair_write(c->pair, PAIR_EFFECTIVE, key_of(s, h), value, len, c->now_ms) == 0)
		return true;
	c->nomem = true;
	return false;
}

bool failback_settle(struct core *c, struct service *s)
{
	note_times(c, s);
	for (int h = 0; h < holds(s); h++) {
		struct tier_hold *hold = &s->hold[h];
		if (hold->tier < 0)
			continue;
		if (!hold->written && !journal(c, s, h))
			return false;
		hold->written = true;
		if (is_shared(c, s) && !hold->told && !tell(c, s, h))
			return false;
		hold->told = is_shared(c, s);
	}
	s->fail_back = s->failed_back = false;
	return true;
}

/* ---- what calls for another look ---- */

void failback_run(struct core *c)
{
	const struct heap_item *first;
	while ((first = heap_peek(&c->gen->failbacks)) && first->at_ms <= c->now_ms) {
		struct service *s = (struct service *)((char *)(uintptr_t)first - offsetof(struct service, failback));
		service_mark(c, s);
		if (heap_set(&c->gen->failbacks, &s->failback, UINT64_MAX) < 0) { /* set again when it is settled */
			c->nomem = true;
			return;
		}
	}
}

void failback_learn(struct core *c, const struct pair_record *r)
{
	uint8_t tier;
	uint64_t hlc;
	struct service *s = table_find(&c->gen->holds, &r->key, sizeof r->key);
	if (!s)
		return;
	if (value_tier_get(r, &tier, &hlc))
		core_absorb(c, hlc);
	service_mark(c, s);
}

void failback_mark_all(struct core *c, bool retell)
{
	for (uint32_t v = 0; v < c->gen->plan->service_count; v++) {
		struct service *s = &c->gen->services[v];
		if (!is_used(s))
			continue;
		for (int h = 0; retell && h < CORE_FAMILIES; h++)
			s->hold[h].told = false;
		service_mark(c, s);
	}
}

/* We did not run for that long, and do not know how others fared. */
void failback_shift(struct core *c, uint64_t by_ms)
{
	for (uint32_t v = 0; v < c->gen->plan->service_count; v++) {
		struct service *s = &c->gen->services[v];
		for (int h = 0; h < holds(s); h++) {
			for (int t = 0; t < s->conf->policy.tier_count; t++)
				s->better_since[h][t] += s->better_since[h][t] == UNSET ? 0 : by_ms;
		}
		if (is_used(s))
			service_mark(c, s);
	}
}

enum failback_can failback_ask(const struct service *s)
{
	if (!is_used(s))
		return FAILBACK_AUTO;
	for (int f = 0; f < CORE_FAMILIES; f++) {
		if (s->answer[f].better)
			return FAILBACK_YES;
	}
	return FAILBACK_NOTHING;
}
