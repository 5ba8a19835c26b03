/* The control server: `gemelctl probe`, one probe after another, each told as it goes. */
#include <stdlib.h>
#include "ctl/ctl.h"
#include "ctl/probe.h"
#include "ctl/server_state.h"

static void send_probe(struct client *c)
{
	struct ctl_probe *p = c->probe;
	if (p->out.len)
		server_send_frame(c, WIRE_STDOUT, p->out.data, p->out.len);
	p->out.len = 0;
}

static void ask_probe_next(struct client *c)
{
	const struct ctl_probe *p = c->probe;
	c->s->actions.probe(c->s->actions.ctx, c->id, p->generation, p->list[p->at].stream, p->verbose); /* may answer before it returns */
}

void server_ask_probe(struct client *c, struct call *call, const struct ctl_host *h)
{
	struct ctl_probe *p = calloc(1, sizeof *p);
	int e = p ? ctl_probe_find(p, core_plan(h->core), call->words[0], call->words[1], call->error) : CTL_PROBE_UNKNOWN;
	if (e) {
		server_send_refusal(c, e, p ? call->error : "out of memory");
		free(p);
		return;
	}
	c->probe = p;
	ctl_probe_begin(p, call->words[0], c->json, call->option[OPTION_VERBOSE] != NULL);
	server_start_wait(c, call);
	ask_probe_next(c);
}

void ctl_probe_told(struct ctl_server *s, uint32_t id, uint32_t at_us, const char *line)
{
	struct client *c = server_find_waiting(s, id);
	if (!c || !c->probe)
		return;
	ctl_probe_step(c->probe, at_us, line);
	if (!c->json)
		send_probe(c);
}

void ctl_probe_done(struct ctl_server *s, uint32_t id, const struct health_result *r)
{
	struct client *c = server_find_waiting(s, id);
	if (!c || !c->probe)
		return;
	bool more = ctl_probe_result(c->probe, r);
	if (c->probe->out.failed) {
		server_send_refusal(c, CTL_PROBE_UNKNOWN, "out of memory");
		return;
	}
	if (!c->json || !more)
		send_probe(c);
	if (more)
		ask_probe_next(c);
	else
		server_send_exit(c, ctl_probe_exit(c->probe));
}

void ctl_probes_lost(struct ctl_server *s)
{
	struct client *c, *next;
	for (c = TAILQ_FIRST(&s->clients); c; c = next) {
		next = TAILQ_NEXT(c, link);
		if (c->state == WAITING && c->probe)
			server_send_refusal(c, CTL_PROBE_UNKNOWN, "the prober went away; try again");
	}
}
