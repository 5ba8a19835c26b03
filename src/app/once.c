/* See once.h. */
#include "app/once.h"
#include <stdio.h>
#include <stdlib.h>
#include "ctl/probe.h"
#include "io/clock.h"

struct once {
	LIST_ENTRY(once) link;
	struct prober_plan *plan;
	struct script *script;
	struct probe_watch watch;
	struct once_sink sink;
	uint64_t started_us;
	unsigned steps; /* told; a script that does a great deal fills nobody's channel */
};

static void once_free(struct once *o)
{
	LIST_REMOVE(o, link);
	o->plan->users--;
	script_free(o->script);
	free(o);
}

static void on_done(void *ctx, void *tag, const struct health_result *r, bool slow)
{
	struct once *o = tag;
	struct once_sink sink = o->sink;
	(void)ctx;
	(void)slow;
	once_free(o);
	sink.done(sink.ctx, sink.id, r);
}

static void on_step(void *ctx, void *tag, uint32_t at_us, const char *line)
{
	struct once *o = tag;
	(void)ctx;
	if (o->sink.step && ++o->steps <= CTL_PROBE_STEPS_MAX)
		o->sink.step(o->sink.ctx, o->sink.id, at_us, line);
}

static void on_log(void *ctx, enum log_level level, const char *line)
{
	struct once *o = ctx;
	char text[PROBE_STEP_MAX];
	snprintf(text, sizeof text, "%s: %s", level == LOG_LEVEL_WARNING ? "fault" : "log", line);
	on_step(NULL, o, (uint32_t)(clock_mono_us() - o->started_us), text);
}

static int open_script(struct once *o, uint32_t stream, char detail[HEALTH_DETAIL_MAX])
{
	const struct plan_script *text = &o->plan->plan->scripts[o->plan->plan->streams[stream].script];
	struct diags d;
	diags_init(&d);
	int e = script_new(&o->script, text->file, text->text, text->text_len, &script_limits_default, &d);
	if (e && d.count)
		snprintf(detail, HEALTH_DETAIL_MAX, "%s", d.list[0].text);
	diags_deinit(&d);
	if (!e)
		script_set_log(o->script, on_log, o);
	return e;
}

static void fail(const struct once_sink *sink, enum health_reason why, const char *detail)
{
	struct health_result r = { .reason = why };
	snprintf(r.detail, sizeof r.detail, "%s", detail);
	sink->done(sink->ctx, sink->id, &r);
}

void once_start(struct once_list *list, struct probes *s, struct prober_plan *plan, uint32_t stream, const struct once_sink *sink)
{
	char detail[HEALTH_DETAIL_MAX] = "";
	struct probe_job job;
	struct once *o = stream < plan->plan->stream_count ? calloc(1, sizeof *o) : NULL;
	if (!o) {
		fail(sink, HEALTH_LOCAL_ERROR, stream < plan->plan->stream_count ? err_text(ERR_NOMEM) : "no such stream");
		return;
	}
	o->plan = plan;
	plan->users++;
	LIST_INSERT_HEAD(list, o, link);
	o->sink = *sink;
	o->watch = (struct probe_watch){ .done = on_done, .step = sink->step ? on_step : NULL };
	o->started_us = clock_mono_us();
	int e = open_script(o, stream, detail);
	if (!e) {
		job = prober_plan_job(plan, stream);
		job.script = o->script;
		job.watch = &o->watch;
		job.tag = o;
		e = probes_start(s, &job);
	}
	if (e) {
		once_free(o);
		fail(sink, e == ERR_FORMAT ? HEALTH_SCRIPT_ERROR : HEALTH_LOCAL_ERROR, *detail ? detail : err_text(e));
	}
}

void once_forget(struct once_list *list)
{
	while (!LIST_EMPTY(list))
		once_free(LIST_FIRST(list));
}
