/* pick = "sticky" by numbers: every client network has one member, shares go by weight, and a change of the set moves
 * no more clients than it must. Asked in four ways that must not differ: by the client itself, or by a resolver that
 * tells its network (RFC 7871); of IPv4 and IPv6.
 *
 *     set        1 2 3 4 5 6 7 8 9 10        lost: 4          1 2 3 5 6 7 8 9 10
 *     clients    a→7  b→4  c→1  d→4 …                         a→7  b→9  c→1  d→2 …      only b and d moved
 *
 * Nothing is random but the networks, and they are the same each time; bounds are five standard deviations.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/lib/answer_kit.h"
#include "tests/unit/unit.h"

#define CLIENTS 4000
#define MEMBERS 60

static const struct kit_zone zones[] = {
	{ .apex = "example.test", .live = "www.example.test",
	  .text = "$TTL 3600\n@ SOA ns root 1 2 3 4 60\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.1\n" },
};
static const struct answer_nets believed = {
	.count = 1, .net = { { .base = { .family = 4, .ip = { 192, 0, 2 } }, .prefix_len = 24 } },
};
static struct kit kit;

enum way { OWN_V4, TOLD_V4, OWN_V6, TOLD_V6, WAYS };
static const char *const way_name[] = { "IPv4", "IPv4 told by a resolver", "IPv6", "IPv6 told by a resolver" };

/* ---- asking ---- */

/* The networks are spread over all there are, and each is another one. */
static uint32_t network(unsigned client)
{
	return (client + 1) * 2654435761u;
}

/* The members that the client gets, by number; returns how many. */
static unsigned ask(enum way way, unsigned client, uint8_t out[MEMBERS])
{
	struct addr from = { .family = 4, .ip = { 192, 0, 2, 1 } };
	char line[100] = "www.example.test A edns=1232";
	uint32_t net = network(client) >> 8;
	uint8_t wire[512];

	if (way == OWN_V4)
		from = (struct addr){ .family = 4,
				      .ip = { (uint8_t)(net >> 16), (uint8_t)(net >> 8), (uint8_t)net, (uint8_t)client } };
	if (way == OWN_V6)
		from = (struct addr){ .family = 6, .ip = { 0x20, 1, (uint8_t)(net >> 16), (uint8_t)(net >> 8),
							   (uint8_t)net, 0, 1, (uint8_t)client, 9 } };
	if (way == TOLD_V4)
		snprintf(line + strlen(line), 60, " opt=8:00011800%06x", net);
	if (way == TOLD_V6)
		snprintf(line + strlen(line), 60, " opt=8:000238002001%06x0001", net);
	kit.from.client = &from;
	size_t len = kit_question(line, wire, &kit.from);
	ck_assert_int_eq(answer_query(kit.db, &kit.worker, &kit.limits, &kit.from, wire, len, kit.wire,
				      DNS_UDP_EDNS_MAX, &kit.wire_len), ANSWER_SEND);
	unsigned n = load_u16(kit.wire + 6);
	size_t at = DNS_HEADER_LEN + name_len(kit.wire + DNS_HEADER_LEN) + 4;
	ck_assert_uint_ge(n, 1);
	for (unsigned k = 0; k < n; k++)
		out[k] = kit.wire[at + k * 16u + 15];
	return n;
}

static void ask_all(enum way way, uint8_t out[CLIENTS])
{
	uint8_t got[MEMBERS];

	for (unsigned i = 0; i < CLIENTS; i++) {
		ck_assert_uint_eq(ask(way, i, got), 1);
		out[i] = got[0];
	}
}

/* Members 1 to n with weights[(i - 1) % count], without the one that is lost (0 = none). */
static void publish(unsigned n, const unsigned *weights, unsigned count, unsigned lost, unsigned answer_n)
{
	char set[4000] = "";

	for (unsigned i = 1; i <= n; i++)
		if (i != lost)
			snprintf(set + strlen(set), sizeof set - strlen(set), " 192.0.2.%u*%u", i,
				 weights[(i - 1) % count]);
	kit_publish(&kit, "www.example.test", DNS_TYPE_A, set + 1, ANSWER_PICK_STICKY, answer_n, 5);
}

static void begin(void)
{
	kit_init(&kit, zones, 1);
	kit.limits.subnet_from = &believed;
}

static void near(unsigned got, double share, unsigned of, const char *what, unsigned member)
{
	double want = share * of, d = (got - want) * (got - want);

	ck_assert_msg(d <= 25 * of * share * (1 - share) + 1, "%s: member %u has %u of %u, not about %.0f",
		      what, member, got, of, want);
}

/* ---- losing one ---- */

static const struct { unsigned n, lost, weights[4], count; } sets[] = {
	/* 1/n move */
	{ 2, 1, { 1 }, 1 }, { 3, 3, { 1 }, 1 }, { 5, 2, { 1 }, 1 }, { 10, 4, { 1 }, 1 }, { 40, 17, { 1 }, 1 },
	/* as many as it weighs */
	{ 4, 1, { 3, 1 }, 2 }, { 4, 2, { 3, 1 }, 2 }, { 10, 5, { 100, 50, 25, 5 }, 4 },
	{ 3, 1, { 65535, 65535, 13107 }, 3 },
};

static double weight_of(int set, unsigned member)
{
	return sets[set].weights[(member - 1) % sets[set].count];
}

/* Who was with the lost one goes to the others by their weights, and back when it is back; nobody else moves. */
static void lose_one(int set, enum way way)
{
	static uint8_t before[CLIENTS], now[CLIENTS];
	unsigned n = sets[set].n, lost = sets[set].lost, moved = 0;
	unsigned had[MEMBERS + 1] = { 0 }, gained[MEMBERS + 1] = { 0 };
	double total = 0;

	for (unsigned m = 1; m <= n; m++)
		total += weight_of(set, m);
	publish(n, sets[set].weights, sets[set].count, 0, 1);
	ask_all(way, before);
	publish(n, sets[set].weights, sets[set].count, lost, 1);
	ask_all(way, now);
	for (unsigned i = 0; i < CLIENTS; i++) {
		had[before[i]]++;
		ck_assert_msg(now[i] == before[i] || before[i] == lost, "%s: client %u left member %u, not lost",
			      way_name[way], i, before[i]);
		gained[now[i]] += now[i] != before[i];
		moved += now[i] != before[i];
	}
	ck_assert_uint_eq(moved, had[lost]);
	near(moved, weight_of(set, lost) / total, CLIENTS, way_name[way], lost);
	for (unsigned m = 1; m <= n; m++) {
		near(had[m], weight_of(set, m) / total, CLIENTS, way_name[way], m);
		if (m != lost)
			near(gained[m], weight_of(set, m) / (total - weight_of(set, lost)), moved, way_name[way], m);
	}
	publish(n, sets[set].weights, sets[set].count, 0, 1);
	ask_all(way, now);
	ck_assert_mem_eq(now, before, CLIENTS);
}

START_TEST(losing_one_of_n_moves_its_own_clients_only)
{
	begin();
	for (enum way way = OWN_V4; way < WAYS; way++)
		lose_one(_i, way);
	kit_deinit(&kit);
}
END_TEST

/* ---- the rest ---- */

/* Whether a client asks or a resolver for it, its network has the same member. */
START_TEST(a_resolver_that_tells_changes_nothing)
{
	static const unsigned weights[] = { 1, 2, 3 };
	uint8_t own[MEMBERS], told[MEMBERS];

	begin();
	publish(9, weights, 3, 0, 1);
	for (unsigned i = 0; i < CLIENTS / 4; i++) {
		ask(OWN_V4, i, own);
		ask(TOLD_V4, i, told);
		ck_assert_uint_eq(own[0], told[0]);
		ask(OWN_V6, i, own);
		ask(TOLD_V6, i, told);
		ck_assert_uint_eq(own[0], told[0]);
	}
	kit_deinit(&kit);
}
END_TEST

/* As in a slow start: with each step clients come to the one that grows, and none goes between others. */
START_TEST(a_weight_that_grows_moves_clients_to_it_only)
{
	static const unsigned steps[] = { 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100 };
	static uint8_t before[CLIENTS], now[CLIENTS];

	begin();
	for (enum way way = OWN_V4; way <= TOLD_V4; way++) {
		publish(4, (unsigned[]){ 100, 100, 100, 100 }, 4, 2, 1);
		ask_all(way, before);
		for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
			unsigned has = 0;

			publish(4, (unsigned[]){ 100, steps[k], 100, 100 }, 4, 0, 1);
			ask_all(way, now);
			for (unsigned i = 0; i < CLIENTS; i++) {
				ck_assert_msg(now[i] == before[i] || now[i] == 2, "at %u%% client %u went from %u to %u",
					      steps[k], i, before[i], now[i]);
				has += now[i] == 2;
			}
			near(has, steps[k] / (300.0 + steps[k]), CLIENTS, way_name[way], 2);
			memcpy(before, now, sizeof before);
		}
	}
	kit_deinit(&kit);
}
END_TEST

/* Several in an answer: who had the lost one has one other for it, and keeps the rest. */
START_TEST(of_several_only_the_lost_one_is_replaced)
{
	static const unsigned weights[] = { 2, 1 };
	static uint8_t before[CLIENTS][MEMBERS];
	uint8_t now[MEMBERS];
	unsigned moved = 0;

	begin();
	publish(8, weights, 2, 0, 3);
	for (unsigned i = 0; i < CLIENTS; i++)
		ck_assert_uint_eq(ask(TOLD_V4, i, before[i]), 3);
	publish(8, weights, 2, 5, 3);
	for (unsigned i = 0; i < CLIENTS; i++) {
		unsigned kept = 0, with_lost = 0;

		ck_assert_uint_eq(ask(TOLD_V4, i, now), 3);
		for (unsigned k = 0; k < 3; k++) {
			with_lost += before[i][k] == 5;
			kept += memchr(now, before[i][k], 3) != NULL;
		}
		ck_assert_uint_eq(kept, 3 - with_lost);
		moved += with_lost;
	}
	ck_assert_uint_gt(moved, CLIENTS / 4);
	kit_deinit(&kit);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, losing_one_of_n_moves_its_own_clients_only, 0, sizeof sets / sizeof *sets);
	tcase_add_test(t, a_resolver_that_tells_changes_nothing);
	tcase_add_test(t, a_weight_that_grows_moves_clients_to_it_only);
	tcase_add_test(t, of_several_only_the_lost_one_is_replaced);
	return unit_run_case("answer_sticky", t);
}
