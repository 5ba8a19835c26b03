/* What twins must have in common to decide alike, as numbers: one for each part of a plan, so that they can tell which differs.
 * Nothing of it depends on the order in which things were written, nor on indexes.
 *
 *     plan_digest = pair | checks | windows | services        services: all of them joined, and each one by itself
 *
 * A node's own block is no part of it, nor are the pair's keys: they are changed while twins talk.
 */
#include <string.h>
#include "base/buf.h"
#include "core/plan.h"
#include "pair/name.h"
#include "pair/pair.h"

static void mix_number(struct name_hash *m, uint64_t v)
{
	uint8_t octets[8];
	store_u64(octets, v);
	name_add(m, octets, sizeof octets);
}

static void mix_text(struct name_hash *m, const char *s)
{
	mix_number(m, strlen(s));
	name_add(m, s, strlen(s));
}

/* ---- the pair, and what all services share ---- */

static uint64_t digest_pair(const struct plan *p)
{
	struct name_hash m;
	name_begin(&m);
	mix_text(&m, p->pair.present ? p->pair.name : "");
	mix_number(&m, p->pair.interval_ms);
	mix_number(&m, p->pair.agree);
	if (p->pair.share)
		mix_text(&m, "share");
	if (p->pair.present && p->pair.isolated == PLAN_ISOLATED_SERVFAIL)
		mix_text(&m, "isolated servfail");
	if (p->pair.present && (p->pair.quorum_pct != PAIR_QUORUM_ABOVE_PCT || p->pair.quorum_least != PAIR_QUORUM_LEAST)) {
		mix_text(&m, "quorum"); /* as above: what is as ever leaves the digest as it was in earlier versions */
		mix_number(&m, p->pair.quorum_pct);
		mix_number(&m, p->pair.quorum_least);
	}
	for (uint16_t i = 0; i < p->node_count; i++) {
		mix_text(&m, p->nodes[i].name);
		mix_number(&m, p->nodes[i].id);
		if (p->nodes[i].weight != 1 && p->pair.present)
			mix_number(&m, p->nodes[i].weight + UINT64_C(1000));
	}
	for (uint16_t i = 0; i < p->limits.subnet_from_count; i++) { /* whose clients are told apart: twins must do it alike */
		const struct addr_block *s = &p->limits.subnet_from[i];
		mix_number(&m, s->base.family);
		name_add(&m, s->base.ip, sizeof s->base.ip);
		mix_number(&m, s->prefix_len);
	}
	return name_end(&m);
}

static uint64_t digest_stream(const struct plan_stream *s)
{
	const struct health_timing *t = &s->timing;
	struct name_hash m;
	name_begin(&m);
	mix_number(&m, s->key);
	mix_number(&m, t->interval_ms);
	mix_number(&m, t->timeout_ms);
	mix_number(&m, t->retry_ms);
	mix_number(&m, (uint64_t)t->fall << 8 | t->rise);
	if (t->flap.hold) {
		mix_number(&m, t->flap.suppress);
		mix_number(&m, t->flap.reuse);
		mix_number(&m, t->flap.half_life_ms);
	}
	return name_end(&m);
}

static uint64_t digest_checks(const struct plan *p)
{
	uint64_t all = 0;
	struct name_hash m;
	for (uint32_t i = 0; i < p->script_count; i++) {
		name_begin(&m);
		mix_text(&m, p->scripts[i].name);
		name_add(&m, p->scripts[i].text, p->scripts[i].text_len);
		all += name_end(&m);
	}
	for (uint32_t i = 0; i < p->stream_count; i++) /* canaries are a node's own */
		all += p->streams[i].canary ? 0 : digest_stream(&p->streams[i]);
	return all;
}

/* Of two windows the first goes first, so their order counts. */
static uint64_t digest_windows(const struct plan *p)
{
	struct name_hash m;
	name_begin(&m);
	for (uint16_t i = 0; i < p->window_count; i++) {
		const struct plan_window *w = &p->windows[i];
		mix_text(&m, w->name);
		mix_number(&m, w->what_count);
		for (uint16_t j = 0; j < w->what_count; j++)
			mix_text(&m, w->what[j]);
		mix_number(&m, w->force);
		mix_text(&m, w->cron ? w->cron : "");
		mix_number(&m, w->from_ms);
		mix_number(&m, w->to_ms);
		mix_number(&m, w->lasts_ms);
	}
	return name_end(&m);
}

/* ---- services ---- */

static void mix_needs(struct name_hash *m, const struct plan *p, const struct plan_needs *n)
{
	mix_number(m, n ? n->count : 0);
	for (uint8_t i = 0; n && i < n->count; i++)
		mix_text(m, p->services[n->services[i]].name);
}

static void mix_member(struct name_hash *m, const struct plan *p, const struct plan_service *s, uint16_t i)
{
	const struct policy_member *w = &s->policy.members[i];
	mix_number(m, w->addr.family);
	name_add(m, w->addr.ip, sizeof w->addr.ip);
	mix_number(m, (uint64_t)w->tier << 32 | w->weight);
	mix_number(m, w->capacity);
	mix_number(m, w->drain);
	mix_needs(m, p, s->member_needs ? &s->member_needs[i] : NULL);
	mix_number(m, (uint64_t)s->checks[i].need << 16 | s->checks[i].count);
	for (uint16_t j = 0; j < s->checks[i].count; j++)
		mix_number(m, p->streams[s->checks[i].streams[j]].key);
}

uint64_t plan_service_digest(const struct plan *p, const struct plan_service *s)
{
	const struct policy_service *q = &s->policy;
	const uint64_t numbers[] = { q->need, q->need_pct, q->answer_n, q->pick, q->all_down, q->couple, q->initial_up,
				     q->failback_ms, q->slow_start_ms, q->load, q->ttl_min_s, q->ttl_max_s, q->tier_count,
				     q->member_count, q->fallback_count, s->agree, s->removals, s->removals_pct };
	struct name_hash m;
	name_begin(&m);
	mix_text(&m, s->name);
	mix_needs(&m, p, &s->needs);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		mix_number(&m, numbers[i]);
	for (uint16_t i = 0; i < q->member_count; i++)
		mix_member(&m, p, s, i);
	for (uint16_t i = 0; i < q->fallback_count; i++)
		name_add(&m, q->fallback[i].ip, sizeof q->fallback[i].ip);
	return name_end(&m);
}

uint64_t plan_part_digest(const struct plan *p, enum plan_part part)
{
	uint64_t all = 0;
	switch (part) {
	case PLAN_PART_PAIR:
		return digest_pair(p);
	case PLAN_PART_CHECKS:
		return digest_checks(p);
	case PLAN_PART_WINDOWS:
		return digest_windows(p);
	case PLAN_PART_SERVICES:
		for (uint32_t i = 0; i < p->service_count; i++)
			all += plan_service_digest(p, &p->services[i]);
		return all;
	case PLAN_PART_NONE:
	case PLAN_PARTS:
		break;
	}
	return 0;
}

uint64_t plan_digest(const struct plan *p)
{
	struct name_hash m;
	name_begin(&m);
	for (enum plan_part part = PLAN_PART_PAIR; part < PLAN_PARTS; part++)
		mix_number(&m, plan_part_digest(p, part));
	return name_end(&m);
}

const char *plan_part_text(enum plan_part part)
{
	static const char *const texts[PLAN_PARTS] = { "none", "pair", "checks", "windows", "services" };
	return (unsigned)part < PLAN_PARTS ? texts[part] : "none";
}
