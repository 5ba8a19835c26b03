/* The set of an answer, how it is picked from, what one client gets, and why the TTL is what it is. */
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "ctl/explain.h"

#define ADDRESS_ROOM 80 /* a sentence with less left names no more of them */

static const struct addr *address(const struct core_why *w, const struct policy_answer *a, unsigned k)
{
	const struct policy_service *p = &w->conf->policy;
	return a->rule == POLICY_RULE_LIST ? &p->fallback[a->member[k]] : &p->members[a->member[k]].addr;
}

static unsigned window(const struct core_why *w, const struct policy_answer *a)
{
	unsigned n = w->conf->policy.answer_n;
	return n && n < a->count ? n : a->count;
}

/* ---- the set ---- */

static void say_set(struct explain *e, int f, const struct policy_answer *a)
{
	struct explain_line l = { .len = 0 };
	char text[ADDR_TEXT_MAX];
	if (a->count == 1) {
		explain_say(e, explain_family_about(f), "%s: the answer is %s, whoever asks", explain_family_name(f),
			    addr_format(address(&e->why, a, 0), true, text));
		return;
	}
	explain_add(&l, "%s: the answer is ", explain_family_name(f));
	if (window(&e->why, a) < a->count)
		explain_add(&l, "%u of %u: ", window(&e->why, a), a->count);
	for (unsigned k = 0; k < a->count; k++) {
		if (sizeof l.text - l.len < ADDRESS_ROOM) {
			explain_add(&l, " and %u more", a->count - k);
			break;
		}
		explain_add(&l, "%s%s", k ? ", " : "", addr_format(address(&e->why, a, k), true, text));
	}
	explain_end(e, explain_family_about(f), &l);
}

/* ---- the pick ---- */

static const char *pick_text(uint8_t pick)
{
	switch ((enum policy_pick)pick) {
	case POLICY_PICK_ROTATE:
		return "they lead in turn (pick = \"rotate\")";
	case POLICY_PICK_RANDOM:
		return "they are drawn at random, each time anew (pick = \"random\")";
	case POLICY_PICK_WEIGHTED:
		return "the one that leads is drawn by weight, each time anew (pick = \"weighted\")";
	case POLICY_PICK_STICKY:
		return "a client's network, /24 of IPv4 or /56 of IPv6, keeps the one that leads (pick = \"sticky\")";
	}
	return "they lead in turn";
}

static void say_shares(struct explain *e, int f, const struct policy_answer *a)
{
	struct explain_line l = { .len = 0 };
	char text[ADDR_TEXT_MAX];
	uint64_t total = 0;
	for (unsigned k = 0; k < a->count; k++)
		total += a->weight[k];
	explain_add(&l, "%s: shares by weight: ", explain_family_name(f));
	for (unsigned k = 0; k < a->count; k++) {
		if (sizeof l.text - l.len < ADDRESS_ROOM) {
			explain_add(&l, " and %u more", a->count - k);
			break;
		}
		/* Where all weigh 0 each counts as much as another. */
		double share = total ? 100.0 * a->weight[k] / (double)total : 100.0 / a->count;
		explain_add(&l, "%s%s %.4g%%", k ? ", " : "", addr_format(address(&e->why, a, k), true, text), share);
	}
	explain_end(e, explain_family_about(f), &l);
}

static void say_pick(struct explain *e, int f, const struct policy_answer *a)
{
	uint8_t pick = e->why.conf->policy.pick;
	explain_say(e, explain_family_about(f), "%s: %s", explain_family_name(f), pick_text(pick));
	if (policy_weighs(&e->why.conf->policy) && a->rule != POLICY_RULE_LIST)
		say_shares(e, f, a);
}

/* ---- one client ---- */

/* The prefix that sticky picks go by, as pick_text says. */
static const char *network_text(const struct addr *client, char out[ADDR_TEXT_MAX])
{
	struct addr net = { .family = client->family };
	const unsigned octets = client->family == 4 ? 3 : 7;
	memcpy(net.ip, client->ip, octets);
	addr_format(&net, false, out);
	const size_t len = strlen(out);
	snprintf(out + len, ADDR_TEXT_MAX - len, "/%u", octets * 8);
	return out;
}

static void say_sticky(struct explain *e, int f, const struct policy_answer *a)
{
	struct addr set[CTL_STICKY_MAX];
	uint16_t order[CTL_STICKY_MAX];
	char text[ADDR_TEXT_MAX], client[ADDR_TEXT_MAX], network[ADDR_TEXT_MAX];
	struct explain_line l = { .len = 0 };
	if (!e->h->sticky || a->count > CTL_STICKY_MAX)
		return;
	for (unsigned k = 0; k < a->count; k++)
		set[k] = *address(&e->why, a, k);
	size_t n = e->h->sticky(&(struct ctl_sticky){ .client = e->client, .set = set, .weights = a->weight, .count = a->count,
						      .answer_n = e->why.conf->policy.answer_n }, order);
	if (n == 0)
		return;
	explain_add(&l, "%s: client %s counts as its network %s and gets %s", explain_family_name(f),
		    addr_format(e->client, true, client), network_text(e->client, network), addr_format(&set[order[0]], true, text));
	if (n == a->count)
		explain_add(&l, " first, and the others behind it");
	for (size_t k = 1; k < n && n < a->count && sizeof l.text - l.len >= ADDRESS_ROOM; k++)
		explain_add(&l, ", %s", addr_format(&set[order[k]], true, text));
	explain_end(e, explain_family_about(f), &l);
}

static void say_client(struct explain *e, int f, const struct policy_answer *a)
{
	static const char *const names[] = { "?", "rotate", "random", "weighted", "sticky" };
	uint8_t pick = e->why.conf->policy.pick;
	char text[ADDR_TEXT_MAX];
	if (pick == POLICY_PICK_STICKY)
		say_sticky(e, f, a);
	else
		explain_say(e, explain_family_about(f), "%s: client %s gets what every client may get: pick = \"%s\" does not look at who asks",
			    explain_family_name(f), addr_format(e->client, true, text), names[pick <= POLICY_PICK_STICKY ? pick : 0]);
}

/* ---- the TTL ---- */

static void say_ttl(struct explain *e, int f, const struct policy_answer *a)
{
	const struct policy_service *p = &e->why.conf->policy;
	const struct policy_soonest *s = &e->why.why.soonest[f];
	struct explain_line l = { .len = 0 };
	char who[ADDR_TEXT_MAX], age[32];
	explain_add(&l, "%s: TTL %u s", explain_family_name(f), a->ttl_s);
	if (s->member == POLICY_NO_MEMBER && s->flip_ms != UINT32_MAX) {
		explain_add(&l, ": a better tier may take over in %s (failback)", text_format_age(s->flip_ms, age));
		explain_end(e, explain_family_about(f), &l);
		return;
	}
	if (s->member == POLICY_NO_MEMBER) {
		explain_add(&l, ", the %s allowed: %s", a->ttl_s == p->ttl_max_s && a->rule != POLICY_RULE_EMPTY ? "most" : "least",
			    a->ttl_s == p->ttl_max_s ? "no check changes this answer by itself" : "all_down leaves nothing to answer");
		explain_end(e, explain_family_about(f), &l);
		return;
	}
	addr_format(&p->members[s->member].addr, true, who);
	text_format_age(s->flip_ms, age);
	if (s->flip_ms <= (uint64_t)a->ttl_s * 1000 && s->flip_ms + 1000ull > (uint64_t)a->ttl_s * 1000)
		explain_add(&l, ": %s may change in %s, and none sooner", who, age);
	else if ((uint64_t)a->ttl_s * 1000 < s->flip_ms)
		explain_add(&l, ", the most allowed: %s may change in %s, and none sooner", who, age);
	else
		explain_add(&l, ", the least allowed: %s may change in %s", who, age);
	explain_end(e, explain_family_about(f), &l);
}

void explain_answer(struct explain *e, int f)
{
	const struct policy_answer *a = &e->why.answer[f];
	if (!a->ready)
		return;
	if (a->count > 0)
		say_set(e, f, a);
	if (a->count > 1)
		say_pick(e, f, a);
	if (a->count > 1 && e->client)
		say_client(e, f, a);
	say_ttl(e, f, a);
}
