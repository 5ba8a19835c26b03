/* How many probes are in flight, of all and of one target address. What is due beyond that waits in line, and starts when another
 * ends: late, which is shown, but never down.
 *
 *     due ─▶ room? ─▶ in flight ─ends─▶ the first in line of its target, and of all, is due again
 *              └─ no ─▶ in line
 */
#include "core/state.h"

static void line_join(struct line *l, struct stream *s)
{
	s->in_line = true;
	s->next_in_line = NULL;
	*(l->last ? l->last : &l->first) = s;
	l->last = &s->next_in_line;
}

static void line_call(struct core *c, struct line *l)
{
	struct stream *s = l->first;
	if (!s)
		return;
	l->first = s->next_in_line;
	if (!l->first)
		l->last = NULL;
	s->in_line = false;
	schedule_timer(c, s);
}

static uint32_t most(const struct core *c)
{
	uint32_t limit = c->gen->plan->limits.probes_max;
	return c->probes_max && c->probes_max < limit ? c->probes_max : limit;
}

bool flight_has_room(struct core *c, struct stream *s)
{
	if (s->conf->canary)
		return true; /* few, and without them the others mean little */
	if (s->target->in_flight >= c->gen->plan->limits.probes_per_target)
		line_join(&s->target->line, s);
	else if (c->in_flight >= most(c))
		line_join(&c->gen->line, s);
	else
		return true;
	return false;
}

void flight_begin(struct core *c, struct stream *s, uint32_t run)
{
	s->run = run;
	s->late_ms = c->now_ms > s->schedule.next_ms ? c->now_ms - s->schedule.next_ms : 0;
	s->target->in_flight++;
	c->in_flight++;
}

void flight_end(struct core *c, struct stream *s)
{
	if (!s->run)
		return;
	s->run = 0;
	s->target->in_flight--;
	c->in_flight--;
	line_call(c, &s->target->line);
	line_call(c, &c->gen->line);
}
