#include "app/prober_plan.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "app/prober.h"

/* ---- states ---- */

void prober_state_release(struct prober_state *st)
{
	if (!st || --st->users > 0)
		return;
	script_free(st->script);
	free(st);
}

static int state_new(struct prober_state **out, const struct plan_script *text, char detail[HEALTH_DETAIL_MAX])
{
	struct prober_state *st = calloc(1, sizeof *st);
	struct diags d;
	if (!st)
		return ERR_NOMEM;
	diags_init(&d);
	int e = script_new(&st->script, text->file, text->text, text->text_len, &script_limits_default, &d);
	if (e && d.count > 0)
		snprintf(detail, HEALTH_DETAIL_MAX, "%s", d.list[0].text);
	diags_deinit(&d);
	if (e) {
		free(st);
		return e;
	}
	st->users = 1;
	*out = st;
	return 0;
}

int prober_plan_get_state(struct prober_plan *p, uint32_t stream, script_log_sink sink, void *ctx,
			  struct prober_state **out, char detail[HEALTH_DETAIL_MAX])
{
	uint32_t script = p->plan->streams[stream].script;
	struct prober_state **seat = &p->seats[script].list[p->seat[stream]];
	if (*seat && script_is_spoiled((*seat)->script)) {
		prober_state_release(*seat);
		*seat = NULL;
	}
	if (!*seat) {
		int e = state_new(seat, &p->plan->scripts[script], detail);
		if (e)
			return e;
		(*seat)->version = p->seats[script].version;
		(*seat)->ctx = ctx;
		script_set_log((*seat)->script, sink, *seat);
	}
	(*seat)->users++;
	*out = *seat;
	return 0;
}

struct probe_job prober_plan_job(const struct prober_plan *p, uint32_t stream)
{
	const struct plan_stream *s = &p->plan->streams[stream];
	return (struct probe_job){
		.target = { .addr = s->addr, .service = s->owner, .owner = s->owner, .host = s->host, .state_key = s->key },
		.args = &p->args[p->first_arg[stream]],
		.arg_count = s->arg_count,
		.timeout_ms = s->timing.timeout_ms,
	};
}

/* ---- plans ---- */

static void arg_fill(struct script_arg *to, const struct plan_arg *from, const struct plan *plan)
{
	static const enum script_arg_type types[] = { [PLAN_ARG_STRING] = SCRIPT_ARG_STRING,
						      [PLAN_ARG_INTEGER] = SCRIPT_ARG_INTEGER,
						      [PLAN_ARG_NUMBER] = SCRIPT_ARG_NUMBER,
						      [PLAN_ARG_BOOLEAN] = SCRIPT_ARG_BOOLEAN,
						      [PLAN_ARG_CERTIFICATES] = SCRIPT_ARG_CERTIFICATES,
						      [PLAN_ARG_KEY] = SCRIPT_ARG_KEY };
	*to = (struct script_arg){ .name = from->name,
				   .type = types[from->kind],
				   .string = from->string,
				   .integer = from->integer,
				   .number = from->number,
				   .boolean = from->boolean };
	if (to->type & SCRIPT_ARG_FILES)
		to->file = (struct script_pem){ plan->files[from->file].data, plan->files[from->file].len };
}

static int fill_args(struct prober_plan *p)
{
	const struct plan *plan = p->plan;
	size_t total = 0;
	for (uint32_t i = 0; i < plan->stream_count; i++)
		total += plan->streams[i].arg_count;
	p->args = calloc(total + 1, sizeof *p->args);
	p->first_arg = calloc(plan->stream_count + 1, sizeof *p->first_arg);
	if (!p->args || !p->first_arg || total > UINT32_MAX)
		return ERR_NOMEM;
	uint32_t at = 0;
	for (uint32_t i = 0; i < plan->stream_count; i++) {
		p->first_arg[i] = at;
		for (uint16_t k = 0; k < plan->streams[i].arg_count; k++)
			arg_fill(&p->args[at++], &plan->streams[i].args[k], plan);
	}
	return 0;
}

static int fill_seats(struct prober_plan *p)
{
	const struct plan *plan = p->plan;
	uint32_t *streams = calloc(plan->script_count + 1, sizeof *streams);
	p->seats = calloc(plan->script_count + 1, sizeof *p->seats);
	p->seat = calloc(plan->stream_count + 1, sizeof *p->seat);
	p->slow = calloc(plan->stream_count + 1, sizeof *p->slow);
	if (!streams || !p->seats || !p->seat || !p->slow) {
		free(streams);
		return ERR_NOMEM;
	}
	for (uint32_t i = 0; i < plan->stream_count; i++)
		p->seat[i] = (uint16_t)(streams[plan->streams[i].script]++ / PROBER_STREAMS_PER_STATE);
	int e = 0;
	for (uint32_t i = 0; i < plan->script_count && !e; i++) {
		uint32_t n = (streams[i] + PROBER_STREAMS_PER_STATE - 1) / PROBER_STREAMS_PER_STATE;
		p->seats[i].list = calloc(n + 1, sizeof *p->seats[i].list);
		p->seats[i].count = p->seats[i].list ? n : 0;
		e = p->seats[i].list ? 0 : ERR_NOMEM;
	}
	free(streams);
	return e;
}

static bool script_same(const struct plan_script *a, const struct plan_script *b)
{
	return a->text_len == b->text_len && memcmp(a->text, b->text, a->text_len) == 0 &&
	       strcmp(a->file, b->file) == 0;
}

/* Shares the states of scripts that did not change, so that target.state lives on. A stream that finds itself on
 * another seat begins with an empty one: it is a cache. */
static void share_states(struct prober_plan *p, struct prober_plan *old)
{
	for (uint32_t i = 0; i < p->plan->script_count; i++) {
		uint32_t k = 0;
		while (k < old->plan->script_count && !script_same(&p->plan->scripts[i], &old->plan->scripts[k]))
			k++;
		if (k == old->plan->script_count)
			continue;
		p->seats[i].version = old->seats[k].version;
		for (uint32_t n = 0; n < p->seats[i].count && n < old->seats[k].count; n++) {
			p->seats[i].list[n] = old->seats[k].list[n];
			if (p->seats[i].list[n])
				p->seats[i].list[n]->users++;
		}
	}
}

struct prober_plan *prober_plan_new(struct plan *plan, struct prober_plan *old)
{
	struct prober_plan *p = calloc(1, sizeof *p);
	if (!p) {
		plan_free(plan);
		return NULL;
	}
	p->plan = plan;
	if (fill_args(p) || fill_seats(p)) {
		prober_plan_free(p);
		return NULL;
	}
	if (old) {
		p->versions = old->versions;
		share_states(p, old);
	}
	for (uint32_t i = 0; i < plan->script_count; i++)
		if (!p->seats[i].version)
			p->seats[i].version = ++p->versions;
	return p;
}

void prober_plan_free(struct prober_plan *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; p->seats && i < p->plan->script_count; i++) {
		for (uint32_t n = 0; n < p->seats[i].count; n++)
			prober_state_release(p->seats[i].list[n]);
		free(p->seats[i].list);
	}
	free(p->seats);
	free(p->seat);
	free(p->slow);
	free(p->args);
	free(p->first_arg);
	plan_free(p->plan);
	free(p);
}
