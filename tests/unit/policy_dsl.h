/* A service, its states and its answers in one line each, for tests of the policy room.
 *
 *     members   "4aU 4bD~ 6aU@3000 | 4cU"      '|' parts the tiers; a member is
 *                family 4 or 6, a letter (its address ends in it), state U D ? or W (unknown, first round not over),
 *                then + - ~ forced up, down, drain   ! drain in the configuration
 *                @MS flip_ms   *N weight   %N weight_pct   ^N start_pct   =N capacity
 *     answers   "T0 ab"   tier 0, members a and b       F0 first  A all  L0 last  E none  X list
 *               "O"       other family ("O1": beside tier 1)      "-" absent      "W" wait
 */
#ifndef GEMEL_TESTS_POLICY_DSL_H
#define GEMEL_TESTS_POLICY_DSL_H
#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "policy/policy.h"

#define DSL_MEMBERS 64
struct dsl {
	struct policy_service s;
	struct policy_member member[DSL_MEMBERS];
	struct policy_input in[DSL_MEMBERS];
	char name[DSL_MEMBERS];
	struct addr fallback[DSL_MEMBERS];
	char fallback_name[DSL_MEMBERS];
	struct policy_held held[2];
	struct policy_answer last[2], out[2];
	uint16_t last_room[2][2 * DSL_MEMBERS], out_room[2][2 * DSL_MEMBERS], weight_room[2][2 * DSL_MEMBERS];
};

static inline struct addr dsl_addr(char family, char name)
{
	struct addr a = { .family = (uint8_t)(family - '0') };

	if (family == '4')
		memcpy(a.ip, (uint8_t[]){ 192, 0, 2, (uint8_t)name }, 4);
	else
		memcpy(a.ip, (uint8_t[16]){ 0x20, 1, 0x0d, 0xb8, [15] = (uint8_t)name }, 16);
	return a;
}

static inline void dsl_member(struct dsl *d, const char *p, uint8_t tier)
{
	uint16_t i = d->s.member_count++;
	struct policy_input *in = &d->in[i];

	ck_assert_uint_lt(i, DSL_MEMBERS);
	d->name[i] = p[1];
	d->member[i] = (struct policy_member){ .addr = dsl_addr(p[0], p[1]), .tier = tier, .weight = 1 };
	*in = (struct policy_input){ .weight_pct = 100, .flip_ms = UINT32_MAX, .waiting = p[2] == 'W' };
	in->state = p[2] == 'U' ? HEALTH_VERDICT_UP : p[2] == 'D' ? HEALTH_VERDICT_DOWN : HEALTH_VERDICT_UNKNOWN;
	for (p += 3; *p && *p != ' '; p++) {
		unsigned long n = isdigit((unsigned char)p[1]) ? strtoul(p + 1, NULL, 10) : 0;

		switch (*p) {
		case '+': in->force = POLICY_FORCE_UP; break;
		case '-': in->force = POLICY_FORCE_DOWN; break;
		case '~': in->force = POLICY_FORCE_DRAIN; break;
		case '!': d->member[i].drain = true; break;
		case '@': in->flip_ms = (uint32_t)n; break;
		case '*': d->member[i].weight = (uint16_t)n; break;
		case '%': in->weight_pct = (uint8_t)n; break;
		case '^': in->start_pct = (uint8_t)n; break;
		case '=': d->member[i].capacity = (uint32_t)n; break;
		default: ck_assert_msg(isdigit((unsigned char)*p), "what is %s", p);
		}
	}
}

/* Everything but the members and states is the caller's to change after. */
static inline void dsl_init(struct dsl *d, const char *members)
{
	uint8_t tier = 0;

	memset(d, 0, sizeof *d);
	for (const char *p = members; *p;) {
		if (*p == '|')
			tier++;
		if (*p != '4' && *p != '6') {
			p++;
			continue;
		}
		dsl_member(d, p, tier);
		p += strcspn(p, " ");
	}
	d->s.members = d->member;
	d->s.tier_count = (uint8_t)(tier + 1);
	d->s.need = 1;
	d->s.pick = POLICY_PICK_ROTATE;
	d->s.all_down = POLICY_ALL_DOWN_FIRST;
	d->s.initial_up = true;
	d->s.ttl_min_s = 10;
	d->s.ttl_max_s = 300;
	d->s.fallback = d->fallback;
	for (int f = 0; f < 2; f++) {
		d->held[f].tier = -1;
		d->last[f].member = d->last_room[f];
		d->out[f].member = d->out_room[f];
		d->out[f].weight = d->weight_room[f];
	}
}

static inline void dsl_fallback(struct dsl *d, const char *list)
{
	for (const char *p = list; *p; p += p[2] ? 3 : 2) {
		d->fallback_name[d->s.fallback_count] = p[1];
		d->fallback[d->s.fallback_count++] = dsl_addr(p[0], p[1]);
	}
}

/* A last good set of family f in the form of an answer: "T0 ab" or "O1". */
static inline void dsl_last(struct dsl *d, int f, const char *text)
{
	struct policy_answer *a = &d->last[f];

	a->rule = *text == 'T' ? POLICY_RULE_TIER : POLICY_RULE_OTHER_FAMILY;
	a->tier = text[1] ? (int8_t)(text[1] - '0') : -1;
	for (const char *p = text[1] && text[2] ? text + 3 : ""; *p; p++)
		for (uint16_t i = 0; i < d->s.member_count; i++)
			if (d->name[i] == *p && (d->member[i].addr.family == 6) == f)
				a->member[a->count++] = i;
}

static inline char *dsl_format(const struct dsl *d, int f, char out[2 * DSL_MEMBERS])
{
	static const char letter[] = " TFALEXO-W";
	const struct policy_answer *a = &d->out[f];
	char *p = out;

	*p++ = letter[a->rule];
	if (a->tier >= 0)
		p += sprintf(p, "%d", a->tier);
	if (a->count > 0)
		*p++ = ' ';
	for (uint16_t k = 0; k < a->count; k++)
		*p++ = a->rule == POLICY_RULE_LIST ? d->fallback_name[a->member[k]] : d->name[a->member[k]];
	*p = '\0';
	return out;
}

#endif
