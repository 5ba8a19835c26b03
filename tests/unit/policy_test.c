/* What a service publishes, case by case; the notation is policy_dsl.h's. */
#include <check.h>
#include "policy_dsl.h"

/* In the tables a key left out has its default. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define NEED_NOTHING 255

static const struct row {
	const char *name, *members;
	const char *a, *aaaa; /* wanted */
	uint16_t need;        /* 0: need_pct, or 1 where that is 0 too */
	uint8_t need_pct;     /* NEED_NOTHING: neither is set */
	uint8_t all_down;     /* 0: FIRST */
	bool couple, initial_down;
	const char *last4, *last6, *list;
} rows[] = {
	/* tiers */
	{ "one up", "4aU", "T0 a", "-" },
	{ "two up", "4aU 4bU", "T0 ab", "-" },
	{ "the down one leaves", "4aU 4bD 4cU", "T0 ac", "-" },
	{ "order is the configuration's", "4cU 4aU 4bU", "T0 cab", "-" },
	{ "second tier stands by", "4aU | 4bU", "T0 a", "-" },
	{ "second tier takes over", "4aD | 4bU", "T1 b", "-" },
	{ "third tier takes over", "4aD | 4bD | 4cU", "T2 c", "-" },
	{ "a partly dead tier still serves", "4aD 4bU | 4cU", "T0 b", "-" },
	{ "tiers are told by number, not by place", "4aD | 4bD 4cU | 4dU", "T1 c", "-" },
	{ "no member at all", "", "-", "-" },
	{ "IPv6 only", "6aU 6bD", "-", "T0 a" },
	{ "empty first tier", "| 4aU", "T1 a", "-" },

	/* need, as a number */
	{ "need 2, 2 up", "4aU 4bU 4cD | 4dU 4eU", "T0 ab", "-", .need = 2 },
	{ "need 2, 1 up", "4aU 4bD 4cD | 4dU 4eU", "T1 de", "-", .need = 2 },
	{ "need 2, no tier has", "4aU 4bD | 4dD 4eU", "F0 ab", "-", .need = 2 },
	{ "need is a family's", "4aU 6aU | 4bU 4cU 6bU 6cU", "T1 bc", "T1 bc", .need = 2 },
	{ "drained do not count for need", "4aU~ 4bU | 4cU 4dU", "T1 cd", "-", .need = 2 },
	{ "need all, all up", "4aU 4bU 4cU", "T0 abc", "-", .need = 3 },

	/* need, in percent of those not drained, rounded up */
	{ "50% of 2 is 1", "4aU 4bD | 4cU", "T0 a", "-", .need_pct = 50 },
	{ "50% of 3 is 2, has 1", "4aU 4bD 4cD | 4dU", "T1 d", "-", .need_pct = 50 },
	{ "50% of 3 is 2, has 2", "4aU 4bU 4cD | 4dU", "T0 ab", "-", .need_pct = 50 },
	{ "51% of 2 is 2", "4aU 4bD | 4cU", "T1 c", "-", .need_pct = 51 },
	{ "1% of 2 is 1", "4aU 4bD | 4cU", "T0 a", "-", .need_pct = 1 },
	{ "1% of none up serves nothing", "4aD 4bD | 4cU", "T1 c", "-", .need_pct = 1 },
	{ "a need of nothing is one", "4aD | 4bU", "T1 b", "-", .need_pct = NEED_NOTHING },
	{ "100%, all up", "4aU 4bU | 4cU", "T0 ab", "-", .need_pct = 100 },
	{ "100%, one down", "4aU 4bD | 4cU", "T1 c", "-", .need_pct = 100 },
	{ "100% of those not drained", "4aU 4bU~ | 4cU", "T0 a", "-", .need_pct = 100 },
	{ "100%, one drained in the configuration", "4aU 4bD! | 4cU", "T0 a", "-", .need_pct = 100 },
	{ "100%, one forced down: it counts", "4aU 4bU- | 4cU", "T1 c", "-", .need_pct = 100 },
	{ "drained and forced down: it does not count", "4aU 4bU!- | 4cU", "T0 a", "-", .need_pct = 100 },
	{ "50% of 4, 2 drained, is 1", "4aU 4bD 4cU~ 4dD~ | 4eU", "T0 a", "-", .need_pct = 50 },
	{ "100% of nobody serves nothing", "4aU~ 4bU~ | 4cU", "T1 c", "-", .need_pct = 100 },
	{ "percent is a family's", "4aU 4bD 6aU 6bU | 4cU 6cU", "T1 c", "T0 ab", .need_pct = 100 },

	/* the operator's word */
	{ "forced down leaves", "4aU- 4bU", "T0 b", "-" },
	{ "drained leaves", "4aU~ 4bU", "T0 b", "-" },
	{ "drained by configuration leaves", "4aU! 4bU", "T0 b", "-" },
	{ "forced up counts as up", "4aD+ 4bD", "T0 a", "-" },
	{ "forced up holds the tier", "4aD+ | 4bU", "T0 a", "-" },
	{ "forced up counts for need", "4aD+ 4bU | 4cU 4dU", "T0 ab", "-", .need = 2 },
	{ "forced up beats the configuration's drain", "4aU!+ 4bU", "T0 ab", "-" },
	{ "a whole tier forced down", "4aU- 4bU- | 4cU", "T1 c", "-" },
	{ "a whole tier drained", "4aU~ 4bU~ | 4cU", "T1 c", "-" },
	{ "forced up while unknown and initial down", "4a?+", "T0 a", "-", .initial_down = true },

	/* nothing known */
	{ "unknown counts as initial up", "4a? 4bU", "T0 ab", "-" },
	{ "unknown counts as initial down", "4a? 4bU", "T0 b", "-", .initial_down = true },
	{ "all unknown, initial up", "4a? | 4b?", "T0 a", "-" },
	{ "all unknown, initial down", "4a? | 4b?", "F0 a", "-", .initial_down = true },
	{ "first round not over", "4aW 4bU", "W", "-" },
	{ "waiting anywhere waits", "4aU | 4bW", "W", "-" },
	{ "the other family's waiting waits too", "4aU 6aW", "W", "W" },
	{ "an IPv6 service waits", "6aW", "-", "W" },
	{ "a drained one is not waited for", "4aU 4bW~", "T0 a", "-" },
	{ "drained by configuration is not waited for", "4aU 4bW!", "T0 a", "-" },
	{ "a forced one is not waited for", "4aW+ 4bW-", "T0 a", "-" },

	/* families apart */
	{ "both live", "4aU 6aU", "T0 a", "T0 a" },
	{ "dead AAAA beside a live A", "4aU 6aD", "T0 a", "O" },
	{ "dead A beside a live AAAA", "4aD 6aU", "O", "T0 a" },
	{ "both dead", "4aD 6aD", "F0 a", "F0 a" },
	{ "each in its own tier", "4aD 6aU | 4bU 6bU", "T1 b", "T0 a" },
	{ "dead in every tier beside a live one", "4aU 6aD | 4bU 6bD", "T0 a", "O" },
	{ "a drained family beside a live one", "4aU 6aU~", "T0 a", "O" },
	{ "absent is not live", "6aD", "-", "F0 a" },
	{ "a family only in the second tier", "4aU | 6bU", "T0 a", "T1 b" },
	{ "a family only in the second tier, dead", "4aU | 6bD", "T0 a", "O" },
	{ "both dead, first of each", "4aD | 6bD 4bD", "F0 a", "F1 b" },

	/* all_down */
	{ "first", "4aD 4bD | 4cD", "F0 ab", "-" },
	{ "first without those out", "4aD 4bD- 4cD~ 4dD! | 4eD", "F0 a", "-" },
	{ "first that has anybody left", "4aD- 4bD~ | 4cD", "F1 c", "-" },
	{ "first with nobody left anywhere", "4aD- | 4bU~", "F", "-" },
	{ "first holds the living too", "4aU 4bD | 4cD 4dD", "F0 ab", "-", .need = 2 },
	{ "all", "4aD | 4bD 4cD | 4dD", "A abcd", "-", .all_down = POLICY_ALL_DOWN_ALL },
	{ "all without those out", "4aD | 4bD- 4cD! | 4dD~", "A a", "-", .all_down = POLICY_ALL_DOWN_ALL },
	{ "all with nobody left", "4aD- | 4bD~", "A", "-", .all_down = POLICY_ALL_DOWN_ALL },
	{ "all, by family", "4aD 6aD | 6bD", "A a", "A ab", .all_down = POLICY_ALL_DOWN_ALL },
	{ "all, an address in two tiers once", "4aD 4bD | 4bD 4cD", "A abc", "-", .all_down = POLICY_ALL_DOWN_ALL },
	{ "none", "4aD | 4bD", "E", "-", .all_down = POLICY_ALL_DOWN_NONE },
	{ "none, both families", "4aD 6aD", "E", "E", .all_down = POLICY_ALL_DOWN_NONE },
	{ "none is not called beside a live family", "4aD 6aU", "O", "T0 a", .all_down = POLICY_ALL_DOWN_NONE },
	{ "last", "4aD 4bD | 4cD", "L0 b", "-", .all_down = POLICY_ALL_DOWN_LAST, .last4 = "T0 b" },
	{ "last was the second tier", "4aD | 4bD 4cD", "L1 bc", "-",
	  .all_down = POLICY_ALL_DOWN_LAST, .last4 = "T1 bc" },
	{ "last without those out", "4aD 4bD- 4cD~ 4dD!", "L0 a", "-",
	  .all_down = POLICY_ALL_DOWN_LAST, .last4 = "T0 abcd" },
	{ "nothing left of the last: first", "4aD 4bD-", "F0 a", "-",
	  .all_down = POLICY_ALL_DOWN_LAST, .last4 = "T0 b" },
	{ "no last yet: first", "4aD 4bD | 4cD", "F0 ab", "-", .all_down = POLICY_ALL_DOWN_LAST },
	{ "last, by family", "4aD 6aD | 4bD 6bD", "L0 a", "L1 b",
	  .all_down = POLICY_ALL_DOWN_LAST, .last4 = "T0 a", .last6 = "T1 b" },
	{ "last of one family only", "4aD 6aD 6bD", "F0 a", "L0 b", .all_down = POLICY_ALL_DOWN_LAST, .last6 = "T0 b" },
	{ "last is not called while a tier serves", "4aU 4bU", "T0 ab", "-",
	  .all_down = POLICY_ALL_DOWN_LAST, .last4 = "T0 b" },
	{ "list", "4aD", "X xy", "-", .all_down = POLICY_ALL_DOWN_LIST, .list = "4x 4y" },
	{ "list, by family", "4aD 6aD", "X x", "X z", .all_down = POLICY_ALL_DOWN_LIST, .list = "4x 6z" },
	{ "list has none of this family", "4aD 6aD", "X x", "X", .all_down = POLICY_ALL_DOWN_LIST, .list = "4x" },
	{ "list brings no absent family", "4aD", "X x", "-", .all_down = POLICY_ALL_DOWN_LIST, .list = "4x 6z" },
	{ "list may name a member", "4aD 4bD", "X bx", "-", .all_down = POLICY_ALL_DOWN_LIST, .list = "4b 4x" },
	{ "list without a member forced down", "4aD 4bD-", "X x", "-",
	  .all_down = POLICY_ALL_DOWN_LIST, .list = "4b 4x" },
	{ "list without a member drained", "4aD! 4bD~", "X x", "-",
	  .all_down = POLICY_ALL_DOWN_LIST, .list = "4a 4b 4x" },

	/* coupled */
	{ "couple: both up", "4aU 6aU | 4bU 6bU", "T0 a", "T0 a", .couple = true },
	{ "couple: AAAA down moves both", "4aU 6aD | 4bU 6bU", "T1 b", "T1 b", .couple = true },
	{ "couple: A down moves both", "4aD 6aU | 4bU 6bU", "T1 b", "T1 b", .couple = true },
	{ "couple: a tier without AAAA serves", "4aD 6aU | 4bU", "T1 b", "O1", .couple = true },
	{ "couple: a tier with A only is complete", "4aU | 4bU 6bU", "T0 a", "O0", .couple = true },
	{ "couple: need in both", "4aU 4bU 6aU 6bD | 4cU 4dU 6cU 6dU", "T1 cd", "T1 cd", .need = 2, .couple = true },
	{ "couple: percent in both", "4aU 4bU 6aU 6bD | 4cU 6cU", "T1 c", "T1 c", .need_pct = 51, .couple = true },
	{ "couple: no complete tier, half a one", "4aU 6aD | 4bU 6bD", "T0 a", "O0", .couple = true },
	{ "couple: half a tier, the first", "4aD 6aD | 4bD 6bU | 4cU 6cD", "O1", "T1 b", .couple = true },
	{ "couple: not enough is not answered", "4aU 4bU 6aU 6bD", "T0 ab", "O0", .need = 2, .couple = true },
	{ "couple: a drained family moves both", "4aU 6aU~ | 4bU 6bU", "T1 b", "T1 b", .couple = true },
	{ "couple: a family drained everywhere", "4aU 6aU~ | 4bU 6bU~", "T0 a", "O0", .couple = true },
	{ "couple: IPv4 only", "4aD | 4bU", "T1 b", "-", .couple = true },
	{ "couple: all down, first", "4aD 6aD | 4bD 6bD", "F0 a", "F0 a", .couple = true },
	{ "couple: all down, one first tier for both", "4aD- 6aD | 4bD 6bD", "F0", "F0 a", .couple = true },
	{ "couple: all down, first left of both", "4aD- 6aD~ | 4bD 6bD", "F1 b", "F1 b", .couple = true },
	{ "couple: all down, all", "4aD 6aD | 4bD", "A ab", "A a", .all_down = POLICY_ALL_DOWN_ALL, .couple = true },
	{ "couple: last, both", "4aD 6aD | 4bD 6bD", "L1 b", "L1 b",
	  .all_down = POLICY_ALL_DOWN_LAST, .couple = true, .last4 = "T1 b", .last6 = "T1 b" },
	{ "couple: last, one was empty", "4aD 6aD | 4bD", "L1 b", "L1",
	  .all_down = POLICY_ALL_DOWN_LAST, .couple = true, .last4 = "T1 b", .last6 = "O1" },
	{ "couple: nothing left of the last, first for both", "4aD 6aD | 4bD-", "F0 a", "F0 a",
	  .all_down = POLICY_ALL_DOWN_LAST, .couple = true, .last4 = "T1 b", .last6 = "O1" },
	{ "couple: no last yet", "4aD 6aD | 4bD", "F0 a", "F0 a", .all_down = POLICY_ALL_DOWN_LAST, .couple = true },
	{ "couple: waiting", "4aU 6aW | 4bU", "W", "W", .couple = true },
};

static void row_init(struct dsl *d, const struct row *r)
{
	dsl_init(d, r->members);
	d->s.need = r->need > 0 || r->need_pct > 0 ? r->need : 1;
	d->s.need_pct = r->need_pct == NEED_NOTHING ? 0 : r->need_pct;
	if (r->all_down)
		d->s.all_down = r->all_down;
	d->s.couple = r->couple;
	d->s.initial_up = !r->initial_down;
	dsl_fallback(d, r->list ? r->list : "");
	if (r->last4)
		dsl_last(d, 0, r->last4);
	if (r->last6)
		dsl_last(d, 1, r->last6);
}

START_TEST(test_row)
{
	const struct row *r = &rows[_i];
	char got[2 * DSL_MEMBERS];
	struct dsl d;

	row_init(&d, r);
	policy_decide(&d.s, d.in, d.last, d.out);
	ck_assert_msg(strcmp(dsl_format(&d, 0, got), r->a) == 0, "%s: A is %s, not %s", r->name, got, r->a);
	ck_assert_msg(strcmp(dsl_format(&d, 1, got), r->aaaa) == 0, "%s: AAAA is %s, not %s", r->name, got, r->aaaa);
	for (int f = 0; f < 2; f++)
		ck_assert_msg(d.out[f].ready == (d.out[f].rule != POLICY_RULE_WAIT), "%s: ready is wrong", r->name);
	/* No arrays of last good sets at all is the same as empty ones. */
	if (!r->last4 && !r->last6) {
		policy_decide(&d.s, d.in, NULL, d.out);
		ck_assert_str_eq(dsl_format(&d, 0, got), r->a);
		ck_assert_str_eq(dsl_format(&d, 1, got), r->aaaa);
	}
}
END_TEST

/* ---- TTL ---- */
static const struct {
	const char *name, *members;
	uint32_t a, aaaa; /* wanted; clamped to 10..300 */
	uint8_t all_down;
	bool couple;
	uint16_t need;
} ttls[] = {
	{ "the shortest way", "4aU@40000 4bU@30000 4cU@50000", 30, 300 },
	{ "rounded up", "4aU@30001", 31, 300 },
	{ "whole seconds stay", "4aU@30000", 30, 300 },
	{ "not under the minimum", "4aU@3000", 10, 300 },
	{ "not over the maximum", "4aU@301000", 300, 300 },
	{ "a flip at once", "4aU@0", 10, 300 },
	{ "nothing can change by itself", "4aU", 300, 300 },
	{ "forced ones cannot", "4aD+@20000 4bU@40000 4cU-@20000 4dU~@20000 4eU!@20000", 40, 300 },
	{ "a worse tier does not matter", "4aU@40000 | 4bU@20000 4cD@20000", 40, 300 },
	{ "a better tier's return matters", "4aD@20000 | 4bU@40000", 20, 300 },
	{ "a better tier's other loss does not", "4aU@20000 4bD@30000 | 4cU@40000 4dU@40000", 30, 300, .need = 2 },
	{ "a down one of the serving tier matters", "4aU@40000 4bD@20000", 20, 300 },
	{ "unknown matters as what it counts for", "4a?@20000 4bU@40000", 20, 300 },
	{ "families apart do not mind each other", "4aU@40000 6aU@20000", 40, 20 },
	{ "dead beside live: its return", "4aU@90000 6aD@20000", 90, 20 },
	{ "dead beside live: the other's death too", "4aU@20000 6aD@90000", 20, 20 },
	{ "dead beside live: the other's rise is nothing", "4aU@90000 4bD@20000 6aD@80000", 20, 80 },
	{ "all down: any return, of any family and tier", "4aD@90000 6aD@80000 | 4bD@70000 6bD@60000", 60, 60 },
	{ "all down, none: the minimum", "4aD@90000 6aD@80000", 10, 10, .all_down = POLICY_ALL_DOWN_NONE },
	{ "all down, nothing left to answer: the minimum", "4aD-@90000 | 4bD~@90000", 10, 300 },
	{ "absent: nothing but a reload", "6aU@20000", 300, 20 },
	{ "waiting: the minimum", "4aW@90000", 10, 300 },
	{ "couple: the other family matters", "4aU@90000 6aU@20000 | 4bU@15000 6bD@15000", 20, 20, .couple = true },
	{ "couple: a better tier", "4aU@15000 6aD@30000 | 4bU@90000 6bU@80000", 30, 30, .couple = true },
	{ "couple: half a tier waits for a complete one", "4aU@90000 6aD@80000 | 4bU@15000 6bD@30000", 30, 30,
	  .couple = true },
};

START_TEST(test_ttl)
{
	struct dsl d;

	dsl_init(&d, ttls[_i].members);
	d.s.couple = ttls[_i].couple;
	if (ttls[_i].all_down)
		d.s.all_down = ttls[_i].all_down;
	if (ttls[_i].need)
		d.s.need = ttls[_i].need;
	policy_decide(&d.s, d.in, d.last, d.out);
	ck_assert_msg(d.out[0].ttl_s == ttls[_i].a, "%s: A %u, not %u", ttls[_i].name, d.out[0].ttl_s, ttls[_i].a);
	ck_assert_msg(d.out[1].ttl_s == ttls[_i].aaaa, "%s: AAAA %u, not %u", ttls[_i].name, d.out[1].ttl_s,
		      ttls[_i].aaaa);
}
END_TEST

START_TEST(test_ttl_bounds)
{
	struct dsl d;

	dsl_init(&d, "4aU@500");
	d.s.ttl_min_s = 0;
	policy_decide(&d.s, d.in, NULL, d.out);
	ck_assert_uint_eq(d.out[0].ttl_s, 1);
	d.in[0].flip_ms = 0;
	policy_decide(&d.s, d.in, NULL, d.out);
	ck_assert_uint_eq(d.out[0].ttl_s, 1); /* a TTL of 0 would undo every cache */
	d.in[0].flip_ms = UINT32_MAX - 1;
	d.s.ttl_max_s = UINT32_MAX;
	policy_decide(&d.s, d.in, NULL, d.out);
	ck_assert_uint_eq(d.out[0].ttl_s, 4294968);
}
END_TEST

/* ---- weights ---- */
static const struct {
	const char *name, *members, *want; /* the weights of A's answer */
	uint8_t pick, all_down;
} weights[] = {
	{ "rotate takes no notice", "4aU*3 4bU*5%20", "1 1", POLICY_PICK_ROTATE, 0 },
	{ "random takes no notice", "4aU*3 4bU*5%20", "1 1", POLICY_PICK_RANDOM, 0 },
	{ "weighted, in hundredths", "4aU*3 4bU*1", "300 100", POLICY_PICK_WEIGHTED, 0 },
	{ "sticky honours them", "4aU*3 4bU*1", "300 100", POLICY_PICK_STICKY, 0 },
	{ "the check's percentage", "4aU*1%50 4bU*1", "50 100", POLICY_PICK_WEIGHTED, 0 },
	{ "a member up is never lost", "4aU*1%0 4bU*2", "1 200", POLICY_PICK_WEIGHTED, 0 },
	{ "a weight of none stays none", "4aU*0 4bU*2", "0 200", POLICY_PICK_WEIGHTED, 0 },
	{ "a percentage over 100 is 100", "4aU*1%250", "100", POLICY_PICK_WEIGHTED, 0 },
	{ "the largest weights", "4aU*65535 4bU*65535", "65535 65535", POLICY_PICK_WEIGHTED, 0 },
	{ "scaled down together", "4aU*2000 4bU*1000 4cU*1", "65535 32767 32", POLICY_PICK_WEIGHTED, 0 },
	{ "scaled down, not to nothing", "4aU*65535 4bU*1%1", "65535 1", POLICY_PICK_WEIGHTED, 0 },
	{ "just fitting", "4aU*655 4bU*1", "65500 100", POLICY_PICK_WEIGHTED, 0 },
	{ "all down keeps them", "4aD*3 4bD*1", "300 100", POLICY_PICK_WEIGHTED, POLICY_ALL_DOWN_ALL },
	{ "a list has none", "4aD*3", "1 1", POLICY_PICK_WEIGHTED, POLICY_ALL_DOWN_LIST },
	{ "a slow start", "4aU^40 4bU", "40 100", POLICY_PICK_WEIGHTED, 0 },
	{ "a slow start, sticky", "4aU^40 4bU", "40 100", POLICY_PICK_STICKY, 0 },
	{ "a slow start where weights are ignored", "4aU^40 4bU", "1 1", POLICY_PICK_ROTATE, 0 },
	{ "a slow start of what the check leaves", "4aU*2%50^10 4bU*3", "10 300", POLICY_PICK_WEIGHTED, 0 },
	{ "two at different points", "4aU^40 4bU^5 4cU", "40 5 100", POLICY_PICK_WEIGHTED, 0 },
	{ "alone nobody starts slowly", "4aU*3^5", "300", POLICY_PICK_WEIGHTED, 0 },
	{ "all starting alike start at once", "4aU*3^5 4bU*1^5", "300 100", POLICY_PICK_WEIGHTED, 0 },
	{ "the others' part is against the fullest", "4aU^20 4bU^40", "50 100", POLICY_PICK_WEIGHTED, 0 },
	{ "one that is not in the answer does not count", "4aU^20 4bD 4cU^20 | 4dU", "100 100", POLICY_PICK_WEIGHTED, 0 },
	{ "never nothing", "4aU*1%1^5 4bU", "1 100", POLICY_PICK_WEIGHTED, 0 },
	{ "the largest weight starts slowly", "4aU*65535^5 4bU*65535", "3276 65535", POLICY_PICK_WEIGHTED, 0 },
};

START_TEST(test_weight)
{
	char got[100] = "";
	struct dsl d;

	dsl_init(&d, weights[_i].members);
	dsl_fallback(&d, "4x 4y");
	d.s.pick = weights[_i].pick;
	if (weights[_i].all_down)
		d.s.all_down = weights[_i].all_down;
	policy_decide(&d.s, d.in, NULL, d.out);
	for (uint16_t k = 0; k < d.out[0].count; k++)
		sprintf(got + strlen(got), "%s%u", k ? " " : "", d.out[0].weight[k]);
	ck_assert_msg(strcmp(got, weights[_i].want) == 0, "%s: %s, not %s", weights[_i].name, got, weights[_i].want);
	d.out[0].weight = d.out[1].weight = NULL; /* not wanted: not written */
	policy_decide(&d.s, d.in, NULL, d.out);
}
END_TEST

/* ---- slow start: its share and its next step, so long after it came back ---- */
static const struct { uint32_t slow_start_ms; uint64_t elapsed_ms; uint8_t pct; uint64_t next_ms; } starts[] = {
	{ 60000, 0, 5, 6000 }, { 60000, 5999, 5, 6000 }, { 60000, 6000, 10, 12000 }, { 60000, 24500, 40, 30000 },
	{ 60000, 54000, 90, 60000 }, { 60000, 59999, 90, 60000 }, { 60000, 60000, 100, 60000 },
	{ 60000, UINT64_MAX, 100, 60000 },
	{ 5000, 0, 5, 1000 }, { 5000, 1000, 20, 2000 }, { 5000, 4999, 80, 5000 }, /* a step is a second or longer */
	{ 500, 0, 5, 500 }, { 500, 499, 5, 500 }, { 500, 500, 100, 500 },
	{ 11001, 1100, 5, 1101 }, { 11001, 1101, 10, 2202 }, { 11001, 10999, 90, 11001 }, /* rounded up: ten steps */
	{ 86400000, 8640000, 10, 17280000 },
	{ 0, 0, 100, 0 },
};

START_TEST(test_start)
{
	ck_assert_uint_eq(policy_start_pct(starts[_i].slow_start_ms, starts[_i].elapsed_ms), starts[_i].pct);
	if (starts[_i].elapsed_ms < UINT64_MAX)
		ck_assert_uint_eq(policy_start_next_ms(starts[_i].slow_start_ms, starts[_i].elapsed_ms), starts[_i].next_ms);
}
END_TEST

/* From step to step: it grows each time, is full when the time is over, and takes few of them. */
START_TEST(test_start_steps)
{
	for (uint32_t slow = 1; slow < 200000; slow = slow * 5 / 4 + 1) {
		unsigned steps = 0, pct = 0;

		for (uint64_t at = 0; pct < 100; at = policy_start_next_ms(slow, at), steps++) {
			unsigned now = policy_start_pct(slow, at);

			ck_assert_uint_gt(now, pct);
			ck_assert(now < 100 || at == slow);
			pct = now;
		}
		ck_assert_uint_le(steps, POLICY_START_STEPS + 1);
	}
}
END_TEST

/* A weight that grows is no reason to ask sooner. */
START_TEST(a_slow_start_leaves_the_ttl_alone)
{
	struct dsl d;

	dsl_init(&d, "4aU^40@90000 4bU@80000");
	d.s.pick = POLICY_PICK_WEIGHTED;
	d.s.slow_start_ms = 20000;
	policy_decide(&d.s, d.in, NULL, d.out);
	ck_assert_uint_eq(d.out[0].ttl_s, 80);
}
END_TEST

/* ---- capacity: what the members up must carry ---- */
static const struct {
	const char *name, *members;
	uint32_t load;
	const char *a, *aaaa;
	bool couple;
	uint16_t need;
	uint8_t all_down;
} loads[] = {
	{ "they carry it", "4aU=40 4bU=40 | 4cU=100", 80, "T0 ab", "-" },
	{ "one too few", "4aU=40 4bD=40 | 4cU=100", 80, "T1 c", "-" },
	{ "the rest carry it without the third", "4aU=40 4bD=40 4cU=40 | 4dU=100", 80, "T0 ac", "-" },
	{ "no load asked: capacity is nothing", "4aU=1 4bD=1 | 4cU=100", 0, "T0 a", "-" },
	{ "by a unit too little", "4aU=79 | 4cU=80", 80, "T1 c", "-" },
	{ "half of its weight, half of its capacity", "4aU=40%50 4bU=40 | 4cU=100", 80, "T1 c", "-" },
	{ "half of its weight, and still enough", "4aU=80%50 4bU=40 | 4cU=100", 80, "T0 ab", "-" },
	{ "hundredths add up", "4aU=1%50 4bU=1%50 | 4cU=100", 1, "T0 ab", "-" },
	{ "hundredths of too little", "4aU=1%50 4bU=1%49 | 4cU=100", 1, "T1 c", "-" },
	{ "a percentage over 100 is 100", "4aU=40%250 | 4cU=100", 80, "T1 c", "-" },
	{ "a slow start takes nothing from it", "4aU=80^5 | 4cU=100", 80, "T0 a", "-" },
	{ "forced up carries", "4aD=80+ | 4cU=100", 80, "T0 a", "-" },
	{ "forced down does not", "4aU=80- 4bU=40 | 4cU=100", 80, "T1 c", "-" },
	{ "drained does not", "4aU=80~ 4bU=40 | 4cU=100", 80, "T1 c", "-" },
	{ "drained in the configuration does not", "4aU=80! 4bU=40 | 4cU=100", 80, "T1 c", "-" },
	{ "unknown carries as what it counts for", "4a?=80 | 4cU=100", 80, "T0 a", "-" },
	{ "need is asked too", "4aU=100 4bD=1 | 4cU=50 4dU=50", 80, "T1 cd", "-", .need = 2 },
	{ "nobody carries it: all_down", "4aU=40 4bD=40 | 4cD=100", 80, "F0 ab", "-" },
	{ "nobody carries it: all_down none", "4aU=40 4bD=40 | 4cD=100", 80, "E", "-", .all_down = POLICY_ALL_DOWN_NONE },
	{ "of a family", "4aU=40 6aU=80 | 4bU=80 6bU=80", 80, "T1 b", "T0 a" },
	{ "of a family, beside one that lives", "4aU=40 6aU=80", 80, "O", "T0 a" },
	{ "couple: both move", "4aU=40 6aU=80 | 4bU=80 6bU=80", 80, "T1 b", "T1 b", .couple = true },
	{ "couple: half is better than none", "4aU=40 6aU=80 | 4bU=40 6bU=40", 80, "O0", "T0 a", .couple = true },
	{ "the largest sums", "4aU=1000000 4bU=1000000 4cU=1000000 4dU=999999 | 4eU=1", 4000000, "F0 abcd", "-" },
};

START_TEST(test_load)
{
	char a[2 * DSL_MEMBERS], aaaa[2 * DSL_MEMBERS];
	struct dsl d;

	dsl_init(&d, loads[_i].members);
	d.s.load = loads[_i].load;
	d.s.couple = loads[_i].couple;
	d.s.need = loads[_i].need ? loads[_i].need : 1;
	if (loads[_i].all_down)
		d.s.all_down = loads[_i].all_down;
	policy_decide(&d.s, d.in, d.last, d.out);
	ck_assert_msg(strcmp(dsl_format(&d, 0, a), loads[_i].a) == 0, "%s: A %s, not %s", loads[_i].name, a, loads[_i].a);
	ck_assert_msg(strcmp(dsl_format(&d, 1, aaaa), loads[_i].aaaa) == 0, "%s: AAAA %s, not %s", loads[_i].name, aaaa,
		      loads[_i].aaaa);
}
END_TEST

START_TEST(the_tally_tells_what_they_carry)
{
	struct policy_why why;
	struct dsl d;

	dsl_init(&d, "4aU=40%75 4bU=29%99 4cD=40 | 6dU=90");
	d.s.load = 80;
	policy_decide_why(&d.s, d.in, NULL, d.last, d.out, &why);
	ck_assert_uint_eq(why.tally[0][0].carry, 58); /* 30 and 28.71 */
	ck_assert_uint_eq(why.tally[1][1].carry, 90);
	ck_assert(!policy_tally_enough(&d.s, &why.tally[0][0]) && policy_tally_enough(&d.s, &why.tally[1][1]));
}
END_TEST

/* A better tier that may get enough to carry is a way to a change; one that only loses more is none. */
START_TEST(the_ttl_knows_what_they_carry)
{
	struct dsl d;

	dsl_init(&d, "4aU=40@20000 4bD=40@40000 | 4cU=80@90000");
	d.s.load = 80;
	policy_decide(&d.s, d.in, NULL, d.out);
	ck_assert_uint_eq(d.out[0].ttl_s, 40);
}
END_TEST

/* ---- the rest ---- */
START_TEST(test_keeps_last)
{
	struct policy_answer a = { .rule = POLICY_RULE_TIER, .tier = 0, .count = 1 };

	ck_assert(policy_keeps_last(&a));
	for (uint8_t r = POLICY_RULE_NONE; r <= POLICY_RULE_WAIT; r++) {
		a = (struct policy_answer){ .rule = r, .tier = -1 };
		ck_assert(policy_keeps_last(&a) == (r == POLICY_RULE_TIER));
	}
	a = (struct policy_answer){ .rule = POLICY_RULE_OTHER_FAMILY, .tier = 1 }; /* coupled */
	ck_assert(policy_keeps_last(&a));
	a.rule = POLICY_RULE_FIRST;
	ck_assert(!policy_keeps_last(&a));
}
END_TEST

/* As the core does it: what is worth keeping is kept, then everything dies. */
START_TEST(test_last_story)
{
	struct dsl d;
	char got[2 * DSL_MEMBERS];

	dsl_init(&d, "4aD 6aU | 4bU");
	d.s.couple = true;
	d.s.all_down = POLICY_ALL_DOWN_LAST;
	policy_decide(&d.s, d.in, d.last, d.out);
	for (int f = 0; f < 2; f++) {
		ck_assert(policy_keeps_last(&d.out[f]));
		memcpy(d.last_room[f], d.out_room[f], sizeof d.last_room[f]);
		d.last[f] = d.out[f];
		d.last[f].member = d.last_room[f];
	}
	for (int i = 0; i < 3; i++)
		d.in[i].state = HEALTH_VERDICT_DOWN;
	policy_decide(&d.s, d.in, d.last, d.out);
	ck_assert_str_eq(dsl_format(&d, 0, got), "L1 b");
	ck_assert_str_eq(dsl_format(&d, 1, got), "L1");
	/* Indexes that a smaller configuration no longer has, or that changed family, are passed over. */
	memcpy(d.last[0].member, (uint16_t[]){ 2, 1, 3, 65535 }, 8);
	d.last[0].count = 4;
	policy_decide(&d.s, d.in, d.last, d.out);
	ck_assert_str_eq(dsl_format(&d, 0, got), "L1 b");
}
END_TEST

START_TEST(test_equal)
{
	struct dsl d, e;

	dsl_init(&d, "4aU@30000*2 4bU*3 4cD");
	d.s.pick = POLICY_PICK_WEIGHTED;
	policy_decide(&d.s, d.in, NULL, d.out);
	dsl_init(&e, "4aU@30000*2 4bU*3 4cD");
	e.s.pick = POLICY_PICK_WEIGHTED;
	policy_decide(&e.s, e.in, NULL, e.out);
	ck_assert(policy_answer_equal(&d.out[0], &e.out[0]));
	ck_assert(policy_answer_equal(&d.out[1], &e.out[1]));
	ck_assert(!policy_answer_equal(&d.out[0], &d.out[1]));
	e.out[0].weight[1]++;
	ck_assert(!policy_answer_equal(&d.out[0], &e.out[0]));
	e.out[0].weight = NULL;
	ck_assert(policy_answer_equal(&d.out[0], &e.out[0]));
	e.out[0].member[1] = 2;
	ck_assert(!policy_answer_equal(&d.out[0], &e.out[0]));
	for (int k = 0; k < 5; k++) {
		struct policy_answer x = d.out[0];

		x.rule = (uint8_t)(x.rule + (k == 0));
		x.tier = (int8_t)(x.tier + (k == 1));
		x.ready = x.ready != (k == 2);
		x.ttl_s += k == 3;
		x.count = (uint16_t)(x.count - (k == 4));
		ck_assert_msg(!policy_answer_equal(&d.out[0], &x), "difference %d not seen", k);
	}
}
END_TEST

START_TEST(test_rule_text)
{
	for (int r = POLICY_RULE_NONE; r <= POLICY_RULE_WAIT; r++)
		for (int o = POLICY_RULE_NONE; o < r; o++)
			ck_assert_str_ne(policy_rule_text((enum policy_rule)r), policy_rule_text((enum policy_rule)o));
	ck_assert_str_eq(policy_rule_text(POLICY_RULE_TIER), "tier");
	ck_assert_str_eq(policy_rule_text(POLICY_RULE_FIRST), "all_down first");
	ck_assert_str_eq(policy_rule_text((enum policy_rule)99), "none");
}
END_TEST

/* The bounds of policy.h: a decision over the largest service touches nothing beyond its rooms. */
START_TEST(test_largest_service)
{
	struct policy_member *m = calloc(POLICY_MEMBERS_MAX, sizeof *m);
	struct policy_input *in = calloc(POLICY_MEMBERS_MAX, sizeof *in);
	uint16_t *room = calloc(4 * POLICY_MEMBERS_MAX, sizeof *room);
	struct policy_answer out[2] = {
		{ .member = room, .weight = room + POLICY_MEMBERS_MAX },
		{ .member = room + 2 * POLICY_MEMBERS_MAX, .weight = room + 3 * POLICY_MEMBERS_MAX },
	};
	struct policy_service s = {
		.members = m, .member_count = POLICY_MEMBERS_MAX, .tier_count = POLICY_TIERS_MAX, .need_pct = 100,
		.pick = POLICY_PICK_WEIGHTED, .all_down = POLICY_ALL_DOWN_ALL, .ttl_min_s = 1, .ttl_max_s = 60,
	};

	ck_assert(m && in && room);
	for (unsigned i = 0; i < POLICY_MEMBERS_MAX; i++) {
		m[i].addr = (struct addr){ .family = 4, .ip = { 10, 0, (uint8_t)(i >> 8), (uint8_t)i } };
		m[i].tier = POLICY_TIERS_MAX - 1;
		m[i].weight = 1;
		in[i].state = HEALTH_VERDICT_UP;
		in[i].weight_pct = 100;
	}
	policy_decide(&s, in, NULL, out);
	ck_assert_int_eq(out[0].rule, POLICY_RULE_TIER);
	ck_assert_int_eq(out[0].tier, POLICY_TIERS_MAX - 1);
	ck_assert_uint_eq(out[0].count, POLICY_MEMBERS_MAX);
	ck_assert_uint_eq(out[0].member[4095], 4095);
	in[7].state = HEALTH_VERDICT_DOWN;
	policy_decide(&s, in, NULL, out);
	ck_assert_int_eq(out[0].rule, POLICY_RULE_ALL);
	ck_assert_uint_eq(out[0].count, POLICY_MEMBERS_MAX);
	free(m);
	free(in);
	free(room);
}
END_TEST

#define ROWS(t) ((int)(sizeof(t) / sizeof *(t)))

/* ---- failback ---- */

static const struct held_row {
	const char *name, *members;
	struct policy_held held[2];
	uint32_t failback_ms;
	bool couple;
	const char *a, *aaaa; /* wanted */
	uint32_t better, ttl_s; /* of A */
} held_rows[] = {
	{ "the held one stays", "4aU | 4bU", { { 1, 0 }, { -1, 0 } }, 60000, false, "T1 b", "-", 1, 60 },
	{ "a ripe one takes over", "4aU | 4bU", { { 1, 1 }, { -1, 0 } }, 60000, false, "T0 a", "-", 0, 300 },
	{ "of two that wait only the ripe one", "4aU | 4bU | 4cU", { { 2, 2 }, { -1, 0 } }, 60000, false, "T1 b", "-", 1, 60 },
	{ "manual waits for ever", "4aU | 4bU", { { 1, 0 }, { -1, 0 } }, POLICY_FAILBACK_MANUAL, false, "T1 b", "-", 1, 300 },
	{ "a held one that fails is left for the first", "4aU | 4bU | 4cD", { { 2, 0 }, { -1, 0 } }, 60000, false, "T0 a", "-", 0, 300 },
	{ "and for a worse one", "4aD | 4bU", { { 0, 0 }, { -1, 0 } }, 60000, false, "T1 b", "-", 0, 300 },
	{ "nothing held", "4aU | 4bU", { { -1, 0 }, { -1, 0 } }, 60000, false, "T0 a", "-", 0, 300 },
	{ "a hold on a tier that is no more", "4aU | 4bU", { { 9, 0 }, { -1, 0 } }, 60000, false, "T0 a", "-", 0, 300 },
	{ "a hold out of all bounds", "4aU | 4bU", { { 127, 0 }, { -1, 0 } }, 60000, false, "T0 a", "-", 0, 300 },
	{ "each family its own", "4aU 6aU | 4bU 6bU", { { 1, 0 }, { 0, 0 } }, 60000, false, "T1 b", "T0 a", 1, 60 },
	{ "coupled, one hold", "4aU 6aU | 4bU 6bU", { { 1, 0 }, { 0, 0 } }, 60000, true, "T1 b", "T1 b", 1, 60 },
	{ "coupled, the held one lost a family", "4aU 6aU | 4bU 6bD", { { 1, 0 }, { 1, 0 } }, 60000, true, "T0 a", "T0 a", 0, 300 },
	{ "coupled, half of each: held", "4aU 6aD | 4bU 6bD", { { 1, 0 }, { 1, 0 } }, 60000, true, "T1 b", "O1", 1, 60 },
	{ "what must come up first and then wait", "4aD@20000 | 4bU", { { 1, 0 }, { -1, 0 } }, 60000, false, "T1 b", "-", 0, 80 },
	{ "what cannot take over moves no TTL", "4aD@20000 | 4bU", { { 1, 0 }, { -1, 0 } }, POLICY_FAILBACK_MANUAL, false, "T1 b", "-", 0, 300 },
	{ "a ripe one that is down again", "4aD@20000 | 4bU", { { 1, 1 }, { -1, 0 } }, 60000, false, "T1 b", "-", 0, 20 },
	{ "the own tier's members as ever", "4aU | 4bU@15000", { { 1, 0 }, { -1, 0 } }, 60000, false, "T1 b", "-", 1, 15 },
};

START_TEST(what_is_held_serves_on)
{
	const struct held_row *r = &held_rows[_i];
	struct dsl d;
	char text[2 * DSL_MEMBERS];

	dsl_init(&d, r->members);
	d.s.failback_ms = r->failback_ms;
	d.s.couple = r->couple;
	policy_decide_held(&d.s, d.in, r->held, NULL, d.out);
	ck_assert_msg(strcmp(dsl_format(&d, 0, text), r->a) == 0, "%s: A is %s", r->name, text);
	ck_assert_msg(strcmp(dsl_format(&d, 1, text), r->aaaa) == 0, "%s: AAAA is %s", r->name, text);
	ck_assert_msg(d.out[0].better == r->better, "%s: better %x", r->name, d.out[0].better);
	ck_assert_msg(d.out[0].ttl_s == r->ttl_s, "%s: ttl %u", r->name, d.out[0].ttl_s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy");
	TCase *t = tcase_create("decisions");
	SRunner *r;
	int failed;

	tcase_add_loop_test(t, test_row, 0, ROWS(rows));
	tcase_add_loop_test(t, test_ttl, 0, ROWS(ttls));
	tcase_add_loop_test(t, test_weight, 0, ROWS(weights));
	tcase_add_loop_test(t, test_start, 0, ROWS(starts));
	tcase_add_loop_test(t, test_load, 0, ROWS(loads));
	tcase_add_test(t, test_start_steps);
	tcase_add_test(t, a_slow_start_leaves_the_ttl_alone);
	tcase_add_test(t, the_tally_tells_what_they_carry);
	tcase_add_test(t, the_ttl_knows_what_they_carry);
	tcase_add_loop_test(t, what_is_held_serves_on, 0, ROWS(held_rows));
	tcase_add_test(t, test_ttl_bounds);
	tcase_add_test(t, test_keeps_last);
	tcase_add_test(t, test_last_story);
	tcase_add_test(t, test_equal);
	tcase_add_test(t, test_rule_text);
	tcase_add_test(t, test_largest_service);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
