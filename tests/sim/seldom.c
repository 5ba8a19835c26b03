/* Where nobody speaks often: a twin that is gone for long, others that answer slowly, a crowd on another path.
 *
 *     withheld   cut off while a twin was there of late: SERVFAIL; else what is known is answered
 *     slow       the others take long, and hide no dead target
 *     crowd      as many as you like on the other path, and somebody is found to be asked
 *
 *     seldom [--runs N] [--from N]     seldom --seed N
 */
#include "sim/bare.h"

#if defined(__SANITIZE_ADDRESS__)
#define RUNS 40
#else
#define RUNS 400
#endif
#define STEP_MS 50
#define TARGETS 3
#define THERE_MS 10000 /* of late */

static void on_effect(struct world *world, const struct core_effect *e)
{
	(void)world;
	if (loud && e->type == CORE_NOTICE)
		say(notice_line(e->notice.what, (char[NOTICE_LINE_MAX]){ 0 }));
}

static void withheld_story(void)
{
	struct core_network n;
	begin("pair any-up away servfail\ncheck web interval=1000 timeout=500 retry=200 fall=3 rise=2\nservice www.test web 192.0.2.11 192.0.2.12\n",
	      on_effect);
	bool came = below(4) > 0;
	if (came)
		twin_begin();
	run(4000 + below(2000), STEP_MS);
	twin_end();
	uint64_t gone_ms = below(2) ? below(THERE_MS - 1000) : THERE_MS + 1000 + below(10000);
	run(gone_ms, STEP_MS);
	world_step(&w, &(struct core_event){ .type = CORE_CUT_OFF });
	core_network_get(w.core, &n);
	bool wanted = came && gone_ms < THERE_MS;
	if (n.state != CORE_NETWORK_ISOLATED)
		fail("it is cut off, and not isolated");
	else if (n.withheld != wanted)
		fail("the twin %s %u ms ago, and answers are %s", came ? "was there" : "never came; that was", (unsigned)gone_ms,
		     n.withheld ? "withheld" : "not withheld");
}

/* Alone it would take less than three intervals. Where nobody else happened to be heard, a last failure does not count, and the target
 * is asked once more; but the third of these in a row does.
 */
static void find_dead(uint32_t interval_ms, uint32_t takes_ms)
{
	run(3ull * interval_ms, STEP_MS);
	w.answer_ms = takes_ms;
	run(3ull * interval_ms + below(interval_ms), STEP_MS);
	must_be_answered(0, TARGETS);
	world_backend(&w, "192.0.2.11", HEALTH_CONNECT_TIMEOUT);
	say("192.0.2.11 dies");
	uint64_t end_ms = w.now_ms + 6ull * interval_ms;
	while (is_answered(0) && w.now_ms < end_ms && !*fault) {
		run(STEP_MS, STEP_MS);
		must_be_answered(1, TARGETS);
	}
	if (is_answered(0))
		fail("a dead target is not found in six intervals of %u ms", interval_ms);
}

static void slow_story(void)
{
	static const uint32_t takes_ms[] = { 20, 850, 950, 1200, 2000, 3000 };
	begin("pair any-up away\ncheck web interval=10000 timeout=5000 retry=1000 fall=3 rise=2\n"
	      "service www.test web 192.0.2.11 192.0.2.12 192.0.2.13\n", on_effect);
	find_dead(10000, takes_ms[below(sizeof takes_ms / sizeof *takes_ms)]);
}

static void crowd_story(void)
{
	static char plan[16000];
	unsigned crowd = 60 * (1 + (unsigned)below(3));
	size_t n = (size_t)snprintf(plan, sizeof plan, "pair any-up away\ncheck web interval=10000 timeout=2000 retry=1000 fall=3 rise=2\n"
				    "service www.test web 192.0.2.11 192.0.2.12 192.0.2.13");
	for (unsigned i = 0; i < crowd; i++) {
		if (i % 60 == 0)
			n += (size_t)snprintf(plan + n, sizeof plan - n, "\nservice x%u.test web", i);
		n += (size_t)snprintf(plan + n, sizeof plan - n, " 2001:db8::%x", i + 1);
	}
	snprintf(plan + n, sizeof plan - n, "\n");
	begin(plan, on_effect);
	find_dead(6500, 20);
}

static void story(uint64_t seed)
{
	static void (*const stories[])(void) = { withheld_story, slow_story, withheld_story, crowd_story };
	stories[seed % (sizeof stories / sizeof *stories)]();
	end();
}

int main(int argc, char **argv)
{
	(void)argc;
	return bare_main("seldom", RUNS, argv, story);
}
