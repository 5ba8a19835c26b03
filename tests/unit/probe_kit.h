/* What the tests of probes share: a set of probes on an event loop of its own, each with a script from a text.
 *
 *     struct kit k;
 *     kit_open(&k, 100);
 *     kit_add(&k, "net.connect(target.address, port) return true", port, 5000);
 *     kit_run(&k, 0);                           → k.results[0]
 *     kit_close(&k);
 */
#ifndef GEMEL_TESTS_PROBE_KIT_H
#define GEMEL_TESTS_PROBE_KIT_H
#include <check.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "io/probe.h"

#define JOBS_MAX 64

struct kit {
	struct event_base *base;
	struct probes *probes;
	struct script *scripts[JOBS_MAX];
	struct health_result results[JOBS_MAX];
	bool ended[JOBS_MAX], slow[JOBS_MAX];
	uint64_t began_turn[JOBS_MAX], turns[JOBS_MAX]; /* turns of the loop that a job took */
	unsigned count, open, wait_for;
};

static uint64_t turns_now(const struct kit *k)
{
	struct probes_stats st;

	probes_get_stats(k->probes, &st);
	return st.turns;
}

static void on_done(void *ctx, void *tag, const struct health_result *r, bool slow)
{
	struct kit *k = ctx;
	unsigned i = (unsigned)(uintptr_t)tag;

	ck_assert(!k->ended[i]);
	k->ended[i] = true;
	k->results[i] = *r;
	k->slow[i] = slow;
	k->turns[i] = turns_now(k) - k->began_turn[i];
	k->open--;
	if (k->open == k->wait_for)
		event_base_loopbreak(k->base);
}

static void on_stuck(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	(void)ctx;
	ck_abort_msg("the probes did not end");
}

static void kit_open(struct kit *k, unsigned in_flight_max)
{
	static const struct timeval patience = { .tv_sec = 30 };

	memset(k, 0, sizeof *k);
	k->base = event_base_new();
	k->probes = probes_new(k->base, in_flight_max, on_done, k);
	ck_assert_ptr_nonnull(k->probes);
	event_base_once(k->base, -1, EV_TIMEOUT, on_stuck, k, &patience);
}

static void kit_close(struct kit *k)
{
	probes_free(k->probes);
	for (unsigned i = 0; i < k->count; i++)
		script_free(k->scripts[i]);
	event_base_loop(k->base, EVLOOP_NONBLOCK); /* what bufferevents put off */
	event_base_free(k->base);
}

/* Adds a probe of body, which sees PORT as `port`; returns its number. */
static unsigned kit_add(struct kit *k, const char *body, uint16_t port, uint32_t timeout_ms)
{
	struct probe_job job = { .timeout_ms = timeout_ms, .tag = (void *)(uintptr_t)k->count };
	struct diags d;
	char *text = NULL;

	diags_init(&d);
	ck_assert_int_gt(asprintf(&text, "local port = %u return function (target, args) %s end", port, body), 0);
	ck_assert_msg(script_new(&k->scripts[k->count], "test.lua", text, strlen(text), &script_limits_default, &d) ==
			      0,
		      "%s", d.count > 0 ? d.list[0].text : "");
	free(text);
	diags_deinit(&d);
	job.script = k->scripts[k->count];
	job.target.owner = "www.example.test";
	ck_assert_int_eq(addr_parse(&job.target.addr, "127.0.0.1", 9, 0), 0);
	k->began_turn[k->count] = turns_now(k);
	ck_assert_int_eq(probes_start(k->probes, &job), 0);
	k->open++;
	return k->count++;
}

static void kit_run(struct kit *k, unsigned until_open)
{
	k->wait_for = until_open;
	while (k->open > until_open)
		event_base_loop(k->base, EVLOOP_ONCE);
}

#endif
