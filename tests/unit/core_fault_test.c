/* Every single allocation of the core fails once: nothing leaks, nothing is lost, and the end is the same. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/journal.h"
#include "dns/const.h"
#include "lib/core_world.h"
#include "lib/plan_make.h"
#include "unit/fault.h"

#define ROUNDS_MAX 100000

static const char *const before =
	"pair any-up\ncheck web\nservice www.test web 127.0.0.11 127.0.0.12 / 127.0.0.13 all_down=last\n"
	"service dl.test web 127.0.0.12 127.0.0.14\n";
static const char *const after =
	"pair any-up\ncheck web\nservice dl.test web 127.0.0.14 127.0.0.12\nservice new.test web 127.0.0.15\n"
	"service www.test web 127.0.0.12 127.0.0.11 / 127.0.0.13 all_down=last\n";

START_TEST(decoding_a_plan)
{
	struct plan *p = plan_make(before, 0);
	struct bytes b;
	bytes_init(&b, 1 << 20);
	ck_assert_int_eq(plan_encode(&b, p), 0);
	bool done = false;
	for (unsigned n = 1; !done; n++) {
		struct plan *q = NULL;
		fault_arm(n);
		int e = plan_decode(&q, b.data, b.len);
		done = !fault_disarm();
		ck_assert_int_eq(e, done ? 0 : ERR_NOMEM);
		ck_assert((q != NULL) == done);
		plan_free(q);
	}
	bytes_deinit(&b);
	plan_free(p);
}
END_TEST

START_TEST(making_a_core)
{
	struct plan *p = plan_make(before, 0);
	struct core_start s = { .plan = p, .boot = 5, .epoch = (uint64_t)1 << 32, .seed = 3 };
	bool done = false;
	unsigned n = 1;
	for (; !done; n++) {
		struct core *c = NULL;
		fault_arm(n);
		int e = core_new(&c, &s, 1000, 1000);
		done = !fault_disarm();
		ck_assert_int_eq(e, done ? 0 : ERR_NOMEM);
		ck_assert((c != NULL) == done);
		core_free(c);
	}
	ck_assert_uint_gt(n, 10);
	plan_free(p);
}
END_TEST

START_TEST(recovering_a_record)
{
	static struct world w;
	const uint8_t *record;
	size_t len;
	uint64_t seq = 0;
	struct rbuf r;
	world_begin(&w, before);
	world_run(&w, 1000);
	world_command(&w, "drain 127.0.0.14 for=100000");
	rbuf_init(&r, w.journal.data, w.journal.len);
	while (journal_frame_get(&r, &seq, &record, &len)) {
		struct core_start s = { .plan = w.plan, .boot = 5, .epoch = (uint64_t)1 << 32, .seed = 3 };
		struct core *c;
		ck_assert_int_eq(core_new(&c, &s, 1000, 1000), 0);
		bool done = false;
		for (unsigned n = 1; !done; n++) {
			fault_arm(n);
			int e = core_recover(c, record, len, 1000, 1000);
			done = !fault_disarm();
			ck_assert_int_eq(e, done ? 0 : ERR_NOMEM);
		}
		core_free(c);
	}
	world_end(&w);
}
END_TEST

static void ask(struct world *w, const char *command)
{
	do {
		world_trace(w, NULL);
		world_command(w, command); /* one that was not taken is given again */
	} while (w->err == ERR_NOMEM && !strstr(world_trace(w, "journal override"), "override"));
}

static void answers(struct world *w, char *out, size_t cap)
{
	static const char *const names[] = { "dl.test", "new.test", "www.test" };
	size_t len = 0;
	for (size_t i = 0; i < 3; i++)
		len += (size_t)snprintf(out + len, cap - len, "%s %s | ", names[i],
					world_answer(w, names[i], DNS_TYPE_A));
}

/* All that a core does, in nine virtual seconds; what is published at the end goes to out[0], after a restart to out[1]. */
static void live(struct world *w, unsigned step, unsigned nth, char out[2][512])
{
	world_begin(w, before);
	w->arm = fault_arm;
	w->disarm = fault_disarm;
	w->fault_step = step;
	w->fault_nth = nth;
	world_run(w, 700);
	world_backend(w, "127.0.0.12", HEALTH_CONNECT_REFUSED);
	world_run(w, 1600);
	ask(w, "drain 127.0.0.11");
	world_run(w, 100);
	ask(w, "down dl.test/127.0.0.14 for=500 force");
	world_plan(w, after);
	world_run(w, 1000);
	world_backend(w, "127.0.0.13", HEALTH_READ_TIMEOUT);
	world_run(w, 2500);
	world_backend(w, "127.0.0.12", HEALTH_OK);
	ask(w, "auto 127.0.0.11");
	world_run(w, 3000);
	answers(w, out[0], sizeof out[0]);
	w->arm = NULL;
	world_restart(w, SIZE_MAX);
	answers(w, out[1], sizeof out[1]);
	world_end(w);
}

START_TEST(living_through_it)
{
	static struct world w;
	char want[2][512], got[2][512];
	live(&w, 0, 0, want);
	unsigned steps = w.steps, faults = 0;
	ck_assert_str_eq(
		want[0],
		"dl.test 127.0.0.14 127.0.0.12 ttl=10 | new.test 127.0.0.15 ttl=10 | www.test 127.0.0.12 127.0.0.11 ttl=10 | ");
	ck_assert_str_eq(want[1], want[0]);
	for (unsigned step = 1; step <= steps; step++) {
		for (unsigned nth = 1; nth < ROUNDS_MAX; nth++) {
			live(&w, step, nth, got);
			for (int i = 0; i < 2; i++)
				ck_assert_msg(strcmp(got[i], want[i]) == 0, "step %u, allocation %u: %s, not %s", step,
					      nth, got[i], want[i]);
			if (!w.fault_hit)
				break;
			faults++;
		}
	}
	ck_assert_uint_gt(faults, 50);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("core faults");
	TCase *t = tcase_create("memory");
	tcase_set_timeout(t, 120);
	tcase_add_test(t, decoding_a_plan);
	tcase_add_test(t, making_a_core);
	tcase_add_test(t, recovering_a_record);
	tcase_add_test(t, living_through_it);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
