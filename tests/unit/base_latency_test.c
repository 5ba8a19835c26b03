/* Times in buckets. */
#include "base/latency.h"
#include "tests/unit/unit.h"

START_TEST(a_time_falls_into_the_first_bucket_that_holds_it)
{
	static const struct { uint64_t took_ns; unsigned bucket; } cases[] = {
		{ 0, 0 }, { 1, 0 }, { 5000, 0 }, { 5001, 1 }, { 10000, 1 }, { 999999, 7 }, { 1000000, 7 }, { 1000001, 8 },
		{ 100000000, 13 }, { 100000001, 14 }, { UINT64_MAX, 14 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct latency l = { .sum_ns = 0 };
		latency_add(&l, cases[i].took_ns, 1);
		for (unsigned k = 0; k < LATENCY_BUCKETS; k++)
			ck_assert_uint_eq(l.count[k], k == cases[i].bucket);
		ck_assert_uint_eq(l.sum_ns, cases[i].took_ns);
	}
}
END_TEST

START_TEST(bounds_ascend)
{
	for (unsigned i = 0; i < LATENCY_BOUNDS; i++) {
		ck_assert(i == 0 || latency_bounds_us[i] > latency_bounds_us[i - 1]);
		ck_assert_int_eq(atoi(latency_bucket_texts[i]), (int)latency_bounds_us[i]);
	}
	ck_assert_str_eq(latency_bucket_texts[LATENCY_BOUNDS], "more");
}
END_TEST

START_TEST(many_count_each_and_sums_add_up)
{
	struct latency l = { .sum_ns = 0 }, sum = { .sum_ns = 0 };
	latency_add(&l, 7000, 64);
	latency_add(&l, 7000, 0);
	latency_add(&l, 60000, 2);
	latency_sum(&sum, &l);
	latency_sum(&sum, &l);
	ck_assert_uint_eq(sum.count[1], 128);
	ck_assert_uint_eq(sum.count[4], 4);
	ck_assert_uint_eq(sum.sum_ns, 2 * (64 * 7000 + 2 * 60000));
}
END_TEST

int main(void)
{
	const TTest *tests[] = { a_time_falls_into_the_first_bucket_that_holds_it, bounds_ascend, many_count_each_and_sums_add_up };
	return unit_run("latency", tests, sizeof tests / sizeof *tests);
}
