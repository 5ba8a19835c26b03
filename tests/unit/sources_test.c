/* Who gives way: connections by activity, in all and by network. */
#include <stdio.h>
#include <string.h>
#include "app/sources.h"
#include "base/rng.h"
#include "fault.h"
#include "unit.h"

#define ENTRIES 64

static const struct hash_key key = { { 1, 2 } };

START_TEST(the_idlest_of_all_and_of_a_network)
{
	struct sources s;
	struct source_entry a1, a2, b1;
	sources_init(&s, &key);
	ck_assert_ptr_null(sources_idlest(&s));
	ck_assert_ptr_null(sources_idlest_of(&s, 10));
	ck_assert_int_eq(sources_add(&s, &a1, 10, "a1"), 0);
	ck_assert_int_eq(sources_add(&s, &b1, 20, "b1"), 0);
	ck_assert_int_eq(sources_add(&s, &a2, 10, "a2"), 0);
	ck_assert_uint_eq(s.count, 3);
	ck_assert_uint_eq(sources_count_of(&s, 10), 2);
	ck_assert_uint_eq(sources_count_of(&s, 20), 1);
	ck_assert_uint_eq(sources_count_of(&s, 30), 0);
	ck_assert_str_eq(sources_idlest(&s), "a1");
	sources_touch(&s, &a1);
	ck_assert_str_eq(sources_idlest(&s), "b1");
	ck_assert_str_eq(sources_idlest_of(&s, 10), "a2");
	sources_remove(&s, &b1);
	ck_assert_str_eq(sources_idlest(&s), "a2");
	ck_assert_uint_eq(sources_count_of(&s, 20), 0);
	sources_remove(&s, &a2);
	sources_remove(&s, &a1);
	ck_assert_uint_eq(s.count, 0);
	ck_assert_ptr_null(sources_idlest(&s));
	table_deinit(&s.by_net);
}
END_TEST

/* Against a list that is searched from end to end. */
START_TEST(as_a_plain_list_would)
{
	struct sources s;
	static struct source_entry e[ENTRIES];
	uint64_t net[ENTRIES] = { 0 }, used[ENTRIES] = { 0 }, clock = 0; /* used 0 = not in */
	struct rng rng;
	rng_init(&rng, 11);
	sources_init(&s, &key);
	for (int step = 0; step < 20000; step++) {
		size_t i = rng_below(&rng, ENTRIES), oldest = ENTRIES, oldest_of = ENTRIES, count = 0, count_of = 0;
		uint64_t n = 1 + rng_below(&rng, 5);
		if (!used[i]) {
			net[i] = n;
			ck_assert_int_eq(sources_add(&s, &e[i], n, &net[i]), 0);
			used[i] = ++clock;
		} else if (rng_below(&rng, 2)) {
			sources_touch(&s, &e[i]);
			used[i] = ++clock;
		} else {
			sources_remove(&s, &e[i]);
			used[i] = 0;
		}
		for (size_t k = 0; k < ENTRIES; k++) {
			if (!used[k])
				continue;
			count++;
			if (oldest == ENTRIES || used[k] < used[oldest])
				oldest = k;
			if (net[k] != n)
				continue;
			count_of++;
			if (oldest_of == ENTRIES || used[k] < used[oldest_of])
				oldest_of = k;
		}
		ck_assert_uint_eq(s.count, count);
		ck_assert_uint_eq(sources_count_of(&s, n), count_of);
		ck_assert_ptr_eq(sources_idlest(&s), count ? &net[oldest] : NULL);
		ck_assert_ptr_eq(sources_idlest_of(&s, n), count_of ? &net[oldest_of] : NULL);
	}
	for (size_t k = 0; k < ENTRIES; k++)
		if (used[k])
			sources_remove(&s, &e[k]);
	ck_assert_uint_eq(s.by_net.count, 0);
	table_deinit(&s.by_net);
}
END_TEST

START_TEST(without_memory_nothing_is_added)
{
	for (unsigned n = 1;; n++) {
		struct sources s;
		struct source_entry e;
		sources_init(&s, &key);
		fault_arm(n);
		int r = sources_add(&s, &e, 10, "e");
		bool failed = fault_disarm();
		ck_assert_int_eq(r, failed ? ERR_NOMEM : 0);
		ck_assert_uint_eq(s.count, failed ? 0 : 1);
		ck_assert_uint_eq(sources_count_of(&s, 10), failed ? 0 : 1);
		if (!failed)
			sources_remove(&s, &e);
		table_deinit(&s.by_net);
		if (!failed)
			break;
		ck_assert_uint_lt(n, 100);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = { the_idlest_of_all_and_of_a_network, as_a_plain_list_would, without_memory_nothing_is_added };
	return unit_run("sources", tests, sizeof tests / sizeof *tests);
}
