/* The program of on_event, as the coordinator has it run: hook.h decides which events it is given, the runner runs it.
 *
 *     notice ─▶ hook_offer ─▶ … ─▶ HOOK ──▶ runner ── HOOK_DONE ──▶ hook_ended ─▶ the next
 *
 * One at a time, so whatever the runner does, no more than one event is on its way; nothing here waits for it. Where it dies,
 * that one is lost, and told of as failed.
 */
#include <stdio.h>
#include <string.h>
#include "app/coordinator_state.h"
#include "base/json.h"
#include "base/text.h"
#include "io/clock.h"
#include "io/plugin.h"

static const struct plan_hook *conf_of(const struct coordinator *c)
{
	return &c->plan->nodes[c->plan->self].hook;
}

/* What it was handed, or what kept that from being so. */
static const char *hand_over(struct coordinator *c, uint32_t run, const struct core_notice *n)
{
	uint8_t room[PLAN_HOOK_LEN_MAX + PLUGIN_INPUT_MAX + 64];
	const struct plan_hook *h = conf_of(c);
	struct bytes event;
	struct json j;
	struct wbuf w;
	bytes_init(&event, PLUGIN_INPUT_MAX);
	json_init(&j, &event, false);
	notice_json(&j, n);
	bytes_u8(&event, '\n');
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_HOOK);
	put_u32(&w, run);
	put_u32(&w, h->timeout_ms);
	put_block(&w, h->argv, h->argv_len);
	put_block(&w, event.data, event.len);
	const char *fault = event.failed ? "the event is too long for it" : chan_send_buf(c->runner, &w) ? "the runner takes nothing" : NULL;
	bytes_deinit(&event);
	return fault;
}

static void run_next(struct coordinator *c)
{
	const struct core_notice *n;
	uint32_t run;
	while (c->core && c->runner && (n = hook_next(&c->hook, &run))) {
		const char *fault = hand_over(c, run, n);
		if (fault)
			hook_ended(&c->hook, run, fault);
	}
}

/* NULL = it did well. */
static const char *fault_of(const struct coordinator *c, enum plugin_end how, uint8_t code, bool late, const char *line, char *out, size_t cap)
{
	char limit[32];
	if (late)
		snprintf(out, cap, "killed: it did not end within %s", text_format_duration(conf_of(c)->timeout_ms, limit));
	else if (how == PLUGIN_EXITED && code == 0)
		return NULL;
	else if (how == PLUGIN_EXITED)
		snprintf(out, cap, "exit status %u%s%.48s", code, *line ? ": " : "", line);
	else if (how == PLUGIN_KILLED)
		snprintf(out, cap, "it died of signal %u", code);
	else if (how == PLUGIN_FLOODED)
		snprintf(out, cap, "killed: it wrote more than %u octets", PLUGIN_OUTPUT_MAX);
	else if (how == PLUGIN_UNABLE)
		snprintf(out, cap, "it cannot be run: %.48s", strerror(code));
	else
		snprintf(out, cap, "earlier runs have not ended");
	return out;
}

static void runner_message(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	struct coordinator *c = ctx;
	char line[128], fault[sizeof c->hook.untold_failed.reason];
	struct rbuf m;
	chan_close_fds(fds, fd_count);
	rbuf_init(&m, data, len);
	if (ipc_type_get(&m) != IPC_HOOK_DONE || !c->core)
		return;
	uint32_t run = get_u32(&m);
	enum plugin_end how = get_u8(&m);
	uint8_t code = get_u8(&m), late = get_u8(&m);
	get_str(&m, line, sizeof line);
	if (m.failed)
		return;
	hook_ended(&c->hook, run, fault_of(c, how, code, late, line, fault, sizeof fault));
	run_next(c);
}

static void runner_end(void *ctx)
{
	struct coordinator *c = ctx;
	chan_free(c->runner);
	c->runner = NULL;
	hook_ended(&c->hook, c->hook.running, "the runner died");
}

/* ---- what the other files ask for ---- */

void coordinator_take_runner(struct coordinator *c, int fd)
{
	if (c->runner)
		runner_end(c);
	c->runner = chan_new(c->base, fd, runner_message, runner_end, c);
	run_next(c);
}

void coordinator_hook_plan(struct coordinator *c)
{
	hook_set(&c->hook, conf_of(c));
	run_next(c);
}

void coordinator_hook_notice(struct coordinator *c, const struct core_notice *n)
{
	if (notice_is_relayed(n)) /* the twin's own program is told of it */
		return;
	hook_offer(&c->hook, n, clock_mono_ms());
	run_next(c);
}

void coordinator_hook_second(struct coordinator *c)
{
	struct core_notice n;
	while (c->core && hook_tell(&c->hook, clock_mono_ms(), &n))
		if (coordinator_step(c, &(struct core_event){ .type = CORE_TELL, .tell = { &n } }))
			return; /* told by the next, with more */
}

const struct ctl_hook *coordinator_hook_get(struct coordinator *c)
{
	const struct hook *h = &c->hook;
	c->hook_view = (struct ctl_hook){ .program = h->program, .ran = h->ran, .failed = h->failed, .dropped = h->dropped,
					  .waiting = (uint32_t)h->count, .running = h->running != 0 };
	return h->on ? &c->hook_view : NULL;
}
