/* Observers that disagree for long: people are told, and nothing else comes of it (pair protocol 1.3). Who is right is what `agree`
 * decides; that a path is broken between one of them and the target is what somebody should look at.
 *
 *     own vote      U U U U U U U U U U           votes that count: of fresh observers, no D of one that abstains
 *     the twin's    U D D D D D D D U U
 *                     ├─ 2 min ─┤ disputed ┤      an alarm as it begins, one for all that begin within a minute
 *
 * What a silent probe or two takes to find out is no dispute, nor is a twin that is away.
 */
#include <inttypes.h>
#include <stdio.h>
#include "core/state.h"

#define DISPUTE_MS 120000
#define DISPUTE_PAUSE_MS 60000 /* between two alarms: where a path breaks, many targets are disputed at one moment */

void dispute_votes(struct core *c, struct stream *s, bool up, bool down)
{
	bool differ = up && down && !s->conf->canary;
	if (differ == (s->differ_ms != 0))
		return;
	s->differ_ms = differ ? c->now_ms + 1 : 0; /* never 0, and never judged too early */
	s->disputed = false;
	schedule_timer(c, s);
}

uint64_t dispute_at(const struct stream *s)
{
	return s->differ_ms && !s->disputed ? s->differ_ms + DISPUTE_MS : UINT64_MAX;
}

void dispute_tick(struct core *c, struct stream *s)
{
	if (c->now_ms < dispute_at(s))
		return;
	s->disputed = true;
	c->disputes_untold++;
}

uint32_t core_disputed(const struct core *c, struct core_target_view *first)
{
	const struct gen *g = c->gen;
	uint32_t count = 0, at = 0;
	for (uint32_t i = g->plan->stream_count; i-- > 0;) {
		if (!g->streams[i].disputed)
			continue;
		count++;
		at = i;
	}
	if (count)
		core_target_get(c, at, first);
	return count;
}

void dispute_tell(struct core *c)
{
	struct core_target_view first;
	char what[NOTICE_REASON_MAX], address[ADDR_TEXT_MAX];
	if (!c->disputes_untold || c->now_ms < c->dispute_quiet_ms)
		return;
	c->disputes_untold = 0;
	uint32_t count = core_disputed(c, &first);
	if (!count)
		return; /* over again, within the pause */
	c->dispute_quiet_ms = c->now_ms + DISPUTE_PAUSE_MS;
	snprintf(what, sizeof what, "disputed for 2 minutes: the nodes see %" PRIu32 " target%s differently, first %s by check %.40s, %s here", count,
		 count > 1 ? "s" : "", addr_format(&first.conf->addr, true, address), first.conf->check,
		 health_verdict_text(first.verdict));
	notice_alarm(c, NULL, what);
}
