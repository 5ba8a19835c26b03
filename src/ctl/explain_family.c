/* Which rule answers a family, and why none before it does. */
#include "base/text.h"
#include "ctl/explain.h"
#include "ctl/view.h"

#define LACKS_ROOM 80 /* a sentence with less left names no more tiers */

/* ---- what a tier lacks ---- */

/* "0 of 1 members up that it needs"; word: the family where both are meant, else "". */
static void add_lack(struct explain_line *l, const struct core_why *w, int f, int tier, const char *word)
{
	const struct policy_tally *t = &w->why.tally[f][tier];
	if (t->up >= t->need) {
		explain_add(l, "%u of %u %s%smembers up, which carry %u of the %u needed (load)", t->up, t->there, word, *word ? " " : "",
			    t->carry, w->conf->policy.load);
		return;
	}
	explain_add(l, "%u of %u %s%smembers up that it needs", t->up, t->need, word, *word ? " " : "");
	if (w->conf->policy.need == 0)
		explain_add(l, " (%u%% of %u)", w->conf->policy.need_pct, t->counted);
}

static bool lacks(const struct core_why *w, int f, int tier)
{
	return w->why.tally[f][tier].there > 0 && !policy_tally_enough(&w->conf->policy, &w->why.tally[f][tier]);
}

static void add_coupled_tier(struct explain_line *l, const struct core_why *w, int tier)
{
	bool a = lacks(w, 0, tier), b = lacks(w, 1, tier);
	if (!a && !b) {
		explain_add(l, "tier %d has no member", tier + 1);
		return;
	}
	explain_add(l, "tier %d has ", tier + 1);
	if (a)
		add_lack(l, w, 0, tier, "A");
	if (a && b)
		explain_add(l, " and ");
	if (b)
		add_lack(l, w, 1, tier, "AAAA");
}

/* It could serve, but failback holds it back. */
static bool waits(const struct core_why *w, int f, int tier)
{
	return w->answer[f].better >> tier & 1;
}

static void add_waiting(struct explain_line *l, const struct core_why *w, int tier)
{
	char text[32];
	if (w->conf->policy.failback_ms == POLICY_FAILBACK_MANUAL)
		explain_add(l, "tier %d has enough, and waits for an operator's failback (failback = \"manual\")", tier + 1);
	else
		explain_add(l, "tier %d has enough, and must have it for %s to take over again (failback)", tier + 1,
			    text_format_duration(w->conf->policy.failback_ms, text));
}

static void add_tier(struct explain_line *l, const struct core_why *w, int f, int tier)
{
	if (waits(w, f, tier)) {
		add_waiting(l, w, tier);
	} else if (w->conf->policy.couple) {
		add_coupled_tier(l, w, tier);
	} else if (w->why.tally[f][tier].there == 0) {
		explain_add(l, "tier %d has no %s member", tier + 1, explain_family_name(f));
	} else {
		explain_add(l, "tier %d has ", tier + 1);
		add_lack(l, w, f, tier, "");
	}
}

/* Why the tiers before `end` do not serve. */
static void add_lacks(struct explain_line *l, const struct core_why *w, int f, int end)
{
	for (int t = 0; t < end; t++) {
		if (t > 0 && sizeof l->text - l->len < LACKS_ROOM) {
			explain_add(l, ", nor has any up to tier %d", end);
			return;
		}
		explain_add(l, "%s", t ? ", " : "");
		add_tier(l, w, f, t);
	}
}

/* ---- rules ---- */

static void say_has(struct explain *e, int f, int tier, const char *how)
{
	const struct policy_tally *t = &e->why.why.tally[f][tier];
	struct explain_line l = { .len = 0 };
	explain_add(&l, "%s: tier %d %s %u member%s up and needs %u", explain_family_name(f), tier + 1, how, t->up,
		    t->up == 1 ? "" : "s", t->need);
	if (e->why.conf->policy.load)
		explain_add(&l, ", and they carry %u of the %u needed (load)", t->carry, e->why.conf->policy.load);
	explain_end(e, explain_family_about(f), &l);
}

static void say_tier(struct explain *e, int f, int tier)
{
	struct explain_line l = { .len = 0 };
	if (tier == 0 && (!e->why.conf->policy.couple || e->why.why.complete)) {
		say_has(e, f, tier, "answers: it has");
		return;
	}
	explain_add(&l, "%s: tier %d answers: ", explain_family_name(f), tier + 1);
	if (e->why.conf->policy.couple && !e->why.why.complete && e->why.answer[f].better == 0)
		explain_add(&l, "no tier has enough of both A and AAAA, and it is the first that has enough of one");
	else
		add_lacks(&l, &e->why, f, tier);
	explain_end(e, explain_family_about(f), &l);
	say_has(e, f, tier, "has");
}

static void say_other_family(struct explain *e, int f, int tier)
{
	struct explain_line l = { .len = 0 };
	explain_add(&l, "%s: no address is given (NODATA), beside %s that lives: ", explain_family_name(f), explain_family_name(!f));
	if (tier < 0) {
		add_lacks(&l, &e->why, f, e->why.conf->policy.tier_count);
	} else if (e->why.why.tally[f][tier].there == 0) {
		explain_add(&l, "tier %d answers for both (couple) and has no %s member", tier + 1, explain_family_name(f));
	} else {
		explain_add(&l, "tier %d answers for both (couple) and has ", tier + 1);
		add_lack(&l, &e->why, f, tier, explain_family_name(f));
	}
	explain_end(e, explain_family_about(f), &l);
}

static void say_wait(struct explain *e, int f)
{
	const struct policy_service *p = &e->why.conf->policy;
	const struct addr *first = NULL;
	char text[ADDR_TEXT_MAX];
	unsigned n = 0;
	for (uint16_t i = 0; i < p->member_count; i++) {
		const struct policy_input *in = &e->why.input[i];
		/* As the policy counts them: nobody waits for one that is forced or drained. */
		if (!in->waiting || in->force != POLICY_FORCE_NONE || p->members[i].drain)
			continue;
		first = first ? first : &p->members[i].addr;
		n++;
	}
	if (first)
		explain_say(e, explain_family_about(f), "%s: not answered yet (SERVFAIL): the first round of checks is not over, %u member%s, "
			    "%s first, wait%s for a result", explain_family_name(f), n, n == 1 ? "" : "s",
			    addr_format(first, true, text), n == 1 ? "s" : "");
}

static const char *all_down_text(const struct core_why *w, const struct policy_answer *a)
{
	switch ((enum policy_rule)a->rule) {
	case POLICY_RULE_FIRST:
		return w->conf->policy.all_down == POLICY_ALL_DOWN_LAST ?
		       "all_down = \"last\" has nothing left of the last good answer, and gives like \"first\"" : "all_down = \"first\" gives";
	case POLICY_RULE_ALL:
		return "all_down = \"all\" gives all members that are not taken out";
	case POLICY_RULE_LAST:
		return "all_down = \"last\" gives what answered last,";
	case POLICY_RULE_EMPTY:
		return "all_down = \"none\" gives no address (NODATA)";
	default:
		return "all_down = \"list\" gives the addresses listed for this, less those taken out";
	}
}

static void say_all_down(struct explain *e, int f, const struct policy_answer *a)
{
	struct explain_line l = { .len = 0 };
	explain_add(&l, "%s: no tier has enough members up: ", explain_family_name(f));
	add_lacks(&l, &e->why, f, e->why.conf->policy.tier_count);
	explain_end(e, explain_family_about(f), &l);
	l.len = 0;
	explain_add(&l, "%s: %s", explain_family_name(f), all_down_text(&e->why, a));
	if (a->rule == POLICY_RULE_FIRST && a->tier >= 0)
		explain_add(&l, " the members of tier %d that are not taken out", a->tier + 1);
	if (a->rule == POLICY_RULE_LAST && a->tier >= 0)
		explain_add(&l, " from tier %d, less members taken out", a->tier + 1);
	if (a->count == 0 && a->rule != POLICY_RULE_EMPTY)
		explain_add(&l, "%s nobody is left (NODATA)", a->rule == POLICY_RULE_FIRST && a->tier < 0 ? " no address, since" : ":");
	explain_end(e, explain_family_about(f), &l);
}

void explain_family(struct explain *e, int f)
{
	const struct policy_answer *a = &e->why.answer[f];
	switch ((enum policy_rule)a->rule) {
	case POLICY_RULE_TIER:
		say_tier(e, f, a->tier);
		return;
	case POLICY_RULE_OTHER_FAMILY:
		say_other_family(e, f, a->tier);
		return;
	case POLICY_RULE_ABSENT:
		explain_say(e, explain_family_about(f), "%s: no address is given (NODATA): the service has no %s member",
			    explain_family_name(f), explain_family_name(f));
		return;
	case POLICY_RULE_WAIT:
		say_wait(e, f);
		return;
	case POLICY_RULE_FIRST:
	case POLICY_RULE_ALL:
	case POLICY_RULE_LAST:
	case POLICY_RULE_EMPTY:
	case POLICY_RULE_LIST:
		say_all_down(e, f, a);
		return;
	case POLICY_RULE_NONE:
		return;
	}
}
