/* Which events the program of on_event is given, and what is told of the others. */
#include <stdio.h>
#include <string.h>
#include "app/hook.h"
#include "unit.h"

static const char path[] = "/bin/notify\0--pager";
static struct hook h;

static void set(uint32_t per_minute, uint32_t kinds)
{
	const struct plan_hook conf = { .argv = path, .argv_len = sizeof path, .timeout_ms = 5000, .per_minute = per_minute, .kinds = kinds };
	hook_set(&h, &conf);
}

static void unset(void)
{
	hook_set(&h, &(struct plan_hook){ .argv_len = 0 });
}

static void offer(uint64_t number, enum core_notice_kind kind, const char *new, uint64_t now_ms)
{
	struct core_notice n = { .number = number, .kind = kind };
	snprintf(n.new, sizeof n.new, "%s", new);
	hook_offer(&h, &n, now_ms);
}

/* Runs all that wait; their numbers, as "1 2 3". */
static const char *run_all(const char *fault)
{
	static char out[2048];
	const struct core_notice *n;
	uint32_t run;
	size_t len = 0;
	out[0] = '\0';
	while ((n = hook_next(&h, &run))) {
		len += (size_t)snprintf(out + len, sizeof out - len, "%s%u", len ? " " : "", (unsigned)n->number);
		hook_ended(&h, run, fault);
	}
	return out;
}

static const char *told(uint64_t now_ms)
{
	static char line[NOTICE_LINE_MAX];
	struct core_notice n;
	return hook_tell(&h, now_ms, &n) ? notice_line(&n, line) : "";
}

START_TEST(one_at_a_time_in_order)
{
	uint32_t first, next;
	h = (struct hook){ 0 };
	offer(1, CORE_NOTICE_ANSWER, "x", 0); /* off: nobody's */
	ck_assert_ptr_null(hook_next(&h, &first));
	set(60, UINT32_MAX);
	offer(2, CORE_NOTICE_ANSWER, "x", 0);
	offer(3, CORE_NOTICE_VERDICT, "down", 1);
	ck_assert_uint_eq(hook_next(&h, &first)->number, 2);
	ck_assert_ptr_null(hook_next(&h, &next)); /* one runs */
	hook_ended(&h, first + 1, "another's end");
	ck_assert_ptr_null(hook_next(&h, &next));
	hook_ended(&h, first, NULL);
	hook_ended(&h, first, "its end again");
	ck_assert_uint_eq(hook_next(&h, &next)->number, 3);
	ck_assert_uint_ne(first, next);
	hook_ended(&h, next, NULL);
	hook_ended(&h, 0, "nothing runs");
	ck_assert_uint_eq(h.ran, 2);
	ck_assert_uint_eq(h.failed, 0);
	ck_assert_str_eq(told(1000000), "");
	h.last = UINT32_MAX;
	offer(4, CORE_NOTICE_ANSWER, "x", 2);
	ck_assert_uint_eq(hook_next(&h, &next)->number, 4);
	ck_assert_uint_eq(next, 1); /* 0 is none */
}
END_TEST

START_TEST(only_what_it_wants)
{
	h = (struct hook){ 0 };
	set(60, 1u << CORE_NOTICE_ANSWER | 1u << CORE_NOTICE_ALARM);
	for (uint32_t k = 1; k < CORE_NOTICE_KINDS; k++)
		offer(k, (enum core_notice_kind)k, "dropped", 0);
	char both[16];
	snprintf(both, sizeof both, "%d %d", CORE_NOTICE_ANSWER, CORE_NOTICE_ALARM);
	ck_assert_str_eq(run_all(NULL), both);
	ck_assert_uint_eq(h.dropped, 0); /* what it does not want is not missed */
}
END_TEST

START_TEST(a_minute_has_so_many_places)
{
	h = (struct hook){ 0 };
	set(3, UINT32_MAX);
	for (uint64_t i = 1; i <= 10; i++)
		offer(i, CORE_NOTICE_ANSWER, "x", 1000 + i);
	ck_assert_str_eq(run_all(NULL), "1 2 3");
	ck_assert_uint_eq(h.dropped, 7);
	ck_assert_str_eq(told(2000), "event=hook program=/bin/notify count=7 state=dropped cause=rate "
				     "reason=\"7 events not given to it: more than 3 a minute\"");
	ck_assert_str_eq(told(2000), ""); /* once */
	offer(11, CORE_NOTICE_ANSWER, "x", 3000);
	ck_assert_str_eq(told(61999), ""); /* of each one a minute */
	ck_assert_str_eq(told(62000), "event=hook program=/bin/notify count=1 state=dropped cause=rate "
				      "reason=\"1 event not given to it: more than 3 a minute\"");
	offer(12, CORE_NOTICE_ANSWER, "x", 61001); /* the minute began with the first, at 1001 */
	ck_assert_str_eq(run_all(NULL), "12");
}
END_TEST

START_TEST(that_some_were_dropped_it_is_told_whatever_the_rate)
{
	h = (struct hook){ 0 };
	set(1, UINT32_MAX);
	offer(1, CORE_NOTICE_ANSWER, "x", 1);
	offer(2, CORE_NOTICE_ANSWER, "x", 1);
	offer(3, CORE_NOTICE_HOOK, "dropped", 1);
	offer(4, CORE_NOTICE_HOOK, "failed", 1); /* it would fail again */
	ck_assert_str_eq(run_all(NULL), "1 3");
	ck_assert_uint_eq(h.dropped, 1);
}
END_TEST

START_TEST(the_queue_is_bounded)
{
	uint32_t run;
	h = (struct hook){ 0 };
	set(6000, UINT32_MAX);
	for (uint64_t i = 0; i < HOOK_QUEUED_MAX + 5u; i++)
		offer(i, CORE_NOTICE_ANSWER, "x", 1);
	offer(1000, CORE_NOTICE_HOOK, "dropped", 1); /* of which nobody is told: else it would go on for ever */
	ck_assert_uint_eq(h.dropped, 5);
	ck_assert_uint_eq(h.count, HOOK_QUEUED_MAX);
	ck_assert(strstr(told(1), "cause=queue reason=\"5 events not given to it: 64 wait for it already\"") != NULL);
	ck_assert_uint_eq(hook_next(&h, &run)->number, 0); /* the eldest first */
	offer(1001, CORE_NOTICE_ANSWER, "x", 1);
	ck_assert_uint_eq(h.count, HOOK_QUEUED_MAX);
	ck_assert_uint_eq(h.dropped, 5);
}
END_TEST

START_TEST(failures_are_told_once_a_minute_with_their_number)
{
	h = (struct hook){ 0 };
	set(6000, UINT32_MAX);
	offer(1, CORE_NOTICE_ANSWER, "x", 0);
	run_all("exit status 1");
	ck_assert_str_eq(told(0), "event=hook program=/bin/notify count=1 state=failed cause=program reason=\"exit status 1\"");
	for (uint64_t i = 2; i < 6; i++)
		offer(i, CORE_NOTICE_ANSWER, "x", 1);
	run_all("exit status 2");
	ck_assert_str_eq(told(59999), "");
	ck_assert_str_eq(told(60000), "event=hook program=/bin/notify count=4 state=failed cause=program "
				      "reason=\"4 runs failed, the last: exit status 2\"");
	ck_assert_uint_eq(h.failed, 5);
}
END_TEST

START_TEST(a_reload_keeps_what_waits_or_says_that_it_is_lost)
{
	h = (struct hook){ 0 };
	set(60, UINT32_MAX);
	offer(1, CORE_NOTICE_ANSWER, "x", 1);
	set(60, 0);
	ck_assert_str_eq(run_all(NULL), "1");
	set(60, UINT32_MAX);
	offer(2, CORE_NOTICE_ANSWER, "x", 1);
	offer(3, CORE_NOTICE_ANSWER, "x", 1);
	unset();
	ck_assert_str_eq(run_all(NULL), "");
	ck_assert(strstr(told(1), "cause=reload reason=\"2 events not given to it: it is no longer configured\"") != NULL);
	offer(4, CORE_NOTICE_ANSWER, "x", 1);
	ck_assert_uint_eq(h.dropped, 2);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { one_at_a_time_in_order, only_what_it_wants, a_minute_has_so_many_places,
				 that_some_were_dropped_it_is_told_whatever_the_rate, the_queue_is_bounded,
				 failures_are_told_once_a_minute_with_their_number, a_reload_keeps_what_waits_or_says_that_it_is_lost };
	return unit_run("hook", tests, sizeof tests / sizeof *tests);
}
