/* Faults for people. */
#include <string.h>
#include "base/diag.h"
#include "tests/unit/fault.h"
#include "tests/unit/unit.h"

START_TEST(lines_have_their_form)
{
	static const struct {
		enum diag_level level;
		const char *file;
		unsigned line, col;
		const char *out;
	} cases[] = {
		{ DIAG_ERROR, "demo.lua", 12, 5, "demo.lua:12:5: unknown key \"tierz\"" },
		{ DIAG_ERROR, "demo.lua", 12, 0, "demo.lua:12: unknown key \"tierz\"" },
		{ DIAG_ERROR, "demo.lua", 0, 5, "demo.lua: unknown key \"tierz\"" },
		{ DIAG_ERROR, NULL, 12, 5, "unknown key \"tierz\"" },
		{ DIAG_WARNING, "demo.lua", 1, 2, "demo.lua:1:2: warning: unknown key \"tierz\"" },
		{ DIAG_WARNING, NULL, 0, 0, "warning: unknown key \"tierz\"" },
	};
	struct diags d;
	diags_init(&d);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char out[100], cut[8];
		diags_add(&d, cases[i].level, cases[i].file, cases[i].line, cases[i].col, "unknown key \"%s\"",
			  "tierz");
		int n = diag_format(&d.list[i], out, sizeof out);
		ck_assert_str_eq(out, cases[i].out);
		ck_assert_int_eq(n, (int)strlen(out));
		ck_assert_int_eq(diag_format(&d.list[i], cut, sizeof cut), n);
		ck_assert_uint_eq(strlen(cut), 7);
	}
	ck_assert_uint_eq(d.count, 6);
	ck_assert_uint_eq(d.errors, 4);
	ck_assert_uint_eq(d.warnings, 2);
	diags_deinit(&d);
	ck_assert_uint_eq(d.count, 0);
}
END_TEST

START_TEST(floods_are_counted_only)
{
	struct diags d;
	diags_init(&d);
	for (unsigned i = 0; i < DIAG_MAX + 500; i++)
		diags_add(&d, DIAG_ERROR, "f", i, 0, "number %u", i);
	ck_assert_uint_eq(d.count, DIAG_MAX);
	ck_assert_uint_eq(d.errors, DIAG_MAX + 500);
	ck_assert_uint_eq(d.dropped, 500);
	ck_assert_str_eq(d.list[DIAG_MAX - 1].text, "number 999");
	diags_deinit(&d);
}
END_TEST

static void fill(struct diags *d, unsigned n, const char *what)
{
	diags_init(d);
	for (unsigned i = 0; i < n; i++)
		diags_add(d, i % 2 ? DIAG_WARNING : DIAG_ERROR, "f", i + 1, 0, "%s", what);
}

START_TEST(moving_keeps_order_and_counts)
{
	struct diags to, from;
	fill(&to, 3, "old");
	fill(&from, 4, "new");
	diags_move(&to, &from);
	ck_assert_uint_eq(to.count, 7);
	ck_assert_uint_eq(to.errors, 4);
	ck_assert_uint_eq(to.warnings, 3);
	ck_assert_str_eq(to.list[2].text, "old");
	ck_assert_str_eq(to.list[3].text, "new");
	ck_assert_uint_eq(to.list[6].line, 4);
	ck_assert_uint_eq(from.count + from.errors + from.warnings, 0);
	diags_move(&to, &from); /* nothing */
	ck_assert_uint_eq(to.count, 7);
	diags_deinit(&from);
	diags_deinit(&to);
}
END_TEST

START_TEST(moving_respects_the_bound)
{
	struct diags to, from;
	fill(&to, DIAG_MAX - 2, "old");
	fill(&from, 5, "new");
	diags_move(&to, &from);
	ck_assert_uint_eq(to.count, DIAG_MAX);
	ck_assert_uint_eq(to.dropped, 3);
	ck_assert_uint_eq(to.errors + to.warnings, DIAG_MAX + 3);
	diags_deinit(&from);
	diags_deinit(&to);
}
END_TEST

START_TEST(every_failed_allocation_is_counted)
{
	bool done = false;
	for (unsigned n = 1; !done; n++) {
		struct diags d, to;
		diags_init(&to);
		fault_arm(n);
		fill(&d, 20, "x");
		diags_move(&to, &d);
		done = !fault_disarm();
		ck_assert_uint_eq(to.errors, 10);
		ck_assert_uint_eq(to.warnings, 10);
		ck_assert_uint_eq(to.count + to.dropped, 20);
		ck_assert_int_eq(to.dropped == 0, done);
		for (size_t i = 0; i < to.count; i++)
			ck_assert_str_eq(to.list[i].text, "x");
		diags_deinit(&d);
		diags_deinit(&to);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		lines_have_their_form, floods_are_counted_only, moving_keeps_order_and_counts,
		moving_respects_the_bound, every_failed_allocation_is_counted,
	};
	return unit_run("base_diag", tests, sizeof tests / sizeof *tests);
}
