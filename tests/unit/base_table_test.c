/* Tables and heaps, against the plainest models. */
#include <stdio.h>
#include <string.h>
#include "base/heap.h"
#include "base/rng.h"
#include "base/table.h"
#include "tests/unit/fault.h"
#include "tests/unit/unit.h"

static const struct hash_key key = { { 3, 5 } };

START_TEST(table_adds_finds_and_takes)
{
	struct table t;
	int one = 1, two = 2;
	table_init(&t, &key);
	ck_assert_ptr_null(table_find(&t, "a", 1));
	ck_assert_ptr_null(table_take(&t, "a", 1));
	ck_assert_int_eq(table_add(&t, "a", 1, &one), 0);
	ck_assert_int_eq(table_add(&t, "a", 1, &two), ERR_EXISTS);
	ck_assert_ptr_eq(table_find(&t, "a", 1), &one);
	ck_assert_int_eq(table_put(&t, "a", 1, &two), 0);
	ck_assert_ptr_eq(table_find(&t, "a", 1), &two);
	ck_assert_int_eq(table_put(&t, "", 0, &one), 0); /* the empty key is a key */
	ck_assert_ptr_eq(table_find(&t, NULL, 0), &one);
	ck_assert_ptr_null(table_find(&t, "a\0", 2));
	ck_assert_uint_eq(t.count, 2);
	ck_assert_ptr_eq(table_take(&t, "a", 1), &two);
	ck_assert_ptr_null(table_find(&t, "a", 1));
	ck_assert_uint_eq(t.count, 1);
	table_deinit(&t);
	ck_assert_ptr_null(table_find(&t, "", 0));
	table_deinit(&t); /* harmless */
}
END_TEST

START_TEST(table_copies_its_keys)
{
	struct table t;
	char name[] = "name";
	table_init(&t, &key);
	ck_assert_int_eq(table_add(&t, name, 4, name), 0);
	name[0] = 'x';
	ck_assert_ptr_eq(table_find(&t, "name", 4), name);
	ck_assert_ptr_null(table_find(&t, name, 4));
	table_deinit(&t);
}
END_TEST

START_TEST(table_agrees_with_an_array)
{
	enum { KEYS = 500, STEPS = 50000 };
	static char value[KEYS][2];
	char *model[KEYS] = { 0 };
	struct table t;
	struct rng r;
	size_t count = 0;

	table_init(&t, &key);
	rng_init(&r, 11);
	for (unsigned step = 0; step < STEPS; step++) {
		uint16_t k = (uint16_t)rng_below(&r, KEYS);
		char *v = value[k] + rng_below(&r, 2);
		switch (rng_below(&r, 4)) {
		case 0:
			ck_assert_int_eq(table_add(&t, &k, sizeof k, v), model[k] ? ERR_EXISTS : 0);
			count += !model[k];
			model[k] = model[k] ? model[k] : v;
			break;
		case 1:
			ck_assert_int_eq(table_put(&t, &k, sizeof k, v), 0);
			count += !model[k];
			model[k] = v;
			break;
		case 2:
			ck_assert_ptr_eq(table_take(&t, &k, sizeof k), model[k]);
			count -= model[k] != NULL;
			model[k] = NULL;
			break;
		default: ck_assert_ptr_eq(table_find(&t, &k, sizeof k), model[k]);
		}
		ck_assert_uint_eq(t.count, count);
		ck_assert_uint_le(t.used, (t.mask + 1) / 4 * 3 + 1);
	}
	table_deinit(&t);
}
END_TEST

START_TEST(table_walk_sees_each_once)
{
	struct table t;
	unsigned char seen[300] = { 0 };
	const void *k;
	size_t pos = 0, len;
	void *v;

	table_init(&t, &key);
	ck_assert(!table_next(&t, &pos, &k, &len, &v));
	for (uint16_t i = 0; i < 300; i++)
		ck_assert_int_eq(table_add(&t, &i, sizeof i, seen + i), 0);
	for (uint16_t i = 0; i < 300; i += 3)
		ck_assert_ptr_eq(table_take(&t, &i, sizeof i), seen + i);
	for (pos = 0; table_next(&t, &pos, &k, &len, &v);) {
		uint16_t i;
		ck_assert_uint_eq(len, sizeof i);
		memcpy(&i, k, sizeof i);
		ck_assert_ptr_eq(v, seen + i);
		seen[i]++;
	}
	for (unsigned i = 0; i < 300; i++)
		ck_assert_uint_eq(seen[i], i % 3 != 0);
	table_deinit(&t);
}
END_TEST

/* Buried slots must not make a small table grow for ever. */
START_TEST(table_stays_small_under_churn)
{
	struct table t;
	table_init(&t, &key);
	for (uint32_t i = 0; i < 100000; i++) {
		ck_assert_int_eq(table_add(&t, &i, sizeof i, &t), 0);
		ck_assert_ptr_eq(table_take(&t, &i, sizeof i), &t);
	}
	ck_assert_uint_eq(t.mask, 15);
	table_deinit(&t);
}
END_TEST

START_TEST(table_survives_every_failed_allocation)
{
	for (unsigned n = 1; n < 200; n++) {
		struct table t;
		table_init(&t, &key);
		fault_arm(n);
		uint16_t added = 0;
		int e = 0;
		while (added < 100 && (e = table_add(&t, &added, sizeof added, &t)) == 0)
			added++;
		ck_assert_int_eq(e, fault_disarm() ? ERR_NOMEM : 0);
		ck_assert_uint_eq(t.count, added);
		for (uint16_t i = 0; i <= added; i++)
			ck_assert_ptr_eq(table_find(&t, &i, sizeof i), i < added ? &t : NULL);
		ck_assert_int_eq(table_put(&t, &added, sizeof added, &t), 0);
		table_deinit(&t);
	}
}
END_TEST

START_TEST(heap_gives_the_earliest_first)
{
	enum { ITEMS = 100, STEPS = 5000 };
	static struct heap_item item[ITEMS];
	struct heap h;
	struct rng r;

	heap_init(&h);
	rng_init(&r, 7);
	ck_assert_ptr_null(heap_peek(&h));
	for (unsigned step = 0; step < STEPS; step++) {
		struct heap_item *i = &item[rng_below(&r, ITEMS)];
		if (rng_below(&r, 3))
			ck_assert_int_eq(heap_set(&h, i, rng_below(&r, 50)), 0);
		else
			heap_remove(&h, i);
		uint64_t earliest = UINT64_MAX;
		size_t inside = 0;
		bool ordered = true;
		for (size_t j = 2; j <= h.count; j++)
			ordered &= h.items[j / 2 - 1]->at_ms <= h.items[j - 1]->at_ms;
		ck_assert(ordered);
		for (unsigned j = 0; j < ITEMS; j++) {
			if (!item[j].index)
				continue;
			inside++;
			ck_assert_ptr_eq(h.items[item[j].index - 1], &item[j]);
			if (item[j].at_ms < earliest)
				earliest = item[j].at_ms;
		}
		ck_assert_uint_eq(h.count, inside);
		ck_assert_int_eq(heap_peek(&h) == NULL, inside == 0);
		if (inside)
			ck_assert_uint_eq(heap_peek(&h)->at_ms, earliest);
	}
	heap_deinit(&h);
	for (unsigned j = 0; j < ITEMS; j++)
		ck_assert_uint_eq(item[j].index, 0);
}
END_TEST

START_TEST(heap_survives_a_failed_allocation)
{
	struct heap_item item[17] = { 0 };
	struct heap h;
	heap_init(&h);
	for (unsigned i = 0; i < 16; i++)
		ck_assert_int_eq(heap_set(&h, &item[i], 100 - i), 0);
	fault_arm(1);
	ck_assert_int_eq(heap_set(&h, &item[16], 1), ERR_NOMEM);
	ck_assert_int_eq(heap_set(&h, &item[0], 2), 0); /* moving needs no memory */
	ck_assert(fault_disarm());
	ck_assert_uint_eq(item[16].index, 0);
	ck_assert_uint_eq(item[16].at_ms, 0);
	ck_assert_ptr_eq(heap_peek(&h), &item[0]);
	ck_assert_int_eq(heap_set(&h, &item[16], 1), 0);
	ck_assert_ptr_eq(heap_peek(&h), &item[16]);
	heap_deinit(&h);
}
END_TEST

START_TEST(borrowed_keys_stay_the_callers)
{
	static const struct hash_key secret = { { 1, 2 } };
	char names[200][8];
	struct table t;
	const void *name;
	void *value;
	size_t pos = 0, len;
	table_init_borrowing(&t, &secret);
	for (size_t i = 0; i < 200; i++) {
		snprintf(names[i], sizeof names[i], "n%zu", i);
		ck_assert_int_eq(table_add(&t, names[i], strlen(names[i]), names[i]), 0);
	}
	ck_assert_int_eq(table_add(&t, "n7", 2, names[0]), ERR_EXISTS);
	ck_assert_ptr_eq(table_take(&t, "n7", 2), names[7]);
	ck_assert_ptr_null(table_find(&t, "n7", 2));
	ck_assert_ptr_eq(table_find(&t, "n199", 4), names[199]);
	while (table_next(&t, &pos, &name, &len, &value))
		ck_assert_ptr_eq(name, value); /* no copy */
	table_deinit(&t);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		table_adds_finds_and_takes, table_copies_its_keys, table_agrees_with_an_array,
		table_walk_sees_each_once, table_stays_small_under_churn, table_survives_every_failed_allocation,
		borrowed_keys_stay_the_callers, heap_gives_the_earliest_first,
		heap_survives_a_failed_allocation,
	};
	return unit_run("base_table", tests, sizeof tests / sizeof *tests);
}
