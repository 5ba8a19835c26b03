/* What a twin's own verdicts and states were and are, as events: who looks only here must see what the other node saw.
 *
 *     heard      says now        told
 *     nothing    anything        nothing: its whole shelf comes at the start, and no change of it was seen from here
 *     up         down            up → down, observer ns2
 *     down       unknown         nothing: it abstains, and its link or state tells why
 *     unknown    up              nothing: so begins every target
 *
 * A verdict that it recovered from its journal is no news. The address is the member's: each node may probe it at another. A flood
 * is bounded: what is left out is counted, and its begin told.
 */
#include <inttypes.h>
#include <stdio.h>
#include "core/state.h"

#define HEARD_MAX 100  /* told at once, */
#define HEARD_PER_S 10 /* and then so many a second */

static const char *state_of(uint8_t heard)
{
	return health_verdict_text((enum health_verdict)(heard - 1));
}

/* False where too many were told of late. */
bool hear_may_be_told(struct core *c, uint8_t node)
{
	if (budget_take(&c->heard, HEARD_PER_S, HEARD_MAX, c->now_ms))
		return true;
	if (c->unheard++ == 0)
		notice_alarm(c, core_node_name(c, node), "its verdicts change faster than they are told here: the others are only counted");
	return false;
}

static void tell(struct core *c, const struct stream *s, const struct pair_record *r, uint8_t was, uint8_t is)
{
	struct core_notice n = { .kind = CORE_NOTICE_VERDICT, .cause = "twin" };
	if (!hear_may_be_told(c, r->owner))
		return;
	addr_format(stream_member_addr(c, s), true, n.subject);
	snprintf(n.old, sizeof n.old, "%s", state_of(was));
	snprintf(n.new, sizeof n.new, "%s", state_of(is));
	snprintf(n.reason, sizeof n.reason, "%s", health_reason_text(value_verdict_reason(r)));
	snprintf(n.observer, sizeof n.observer, "%s", core_node_name(c, r->owner));
	notice_detail_add(&n, "check", "%s", s->conf->check);
	notice_detail_add(&n, "owner", "%s", s->conf->owner);
	if (c->unheard)
		notice_detail_add(&n, "left_out", "%" PRIu32, c->unheard);
	c->unheard = 0;
	notice_put(c, &n);
}

void hear_verdict(struct core *c, struct stream *s, const struct pair_record *r)
{
	enum health_verdict v;
	bool recovered;
	uint8_t weight;
	size_t i = 0;
	while (i < c->peer_count && c->peers[i].id != r->owner)
		i++;
	if (i == c->peer_count || !value_verdict_get(r, &v, &recovered, &weight) || recovered)
		return;
	uint8_t was = s->heard[i], is = (uint8_t)(v + 1);
	if (v == HEALTH_VERDICT_UNKNOWN && was)
		return;
	s->heard[i] = is;
	if (was && was != is && !(was == HEALTH_VERDICT_UNKNOWN + 1u && v == HEALTH_VERDICT_UP))
		tell(c, s, r, was, is);
}

void hear_nothing(struct core *c, size_t peer)
{
	for (uint32_t i = 0; i < c->gen->plan->stream_count; i++)
		c->gen->streams[i].heard[peer] = 0;
}

static bool is_out(enum pair_self_state s)
{
	switch (s) {
	case PAIR_TILT:
	case PAIR_ISOLATED:
	case PAIR_MAINT:
		return true;
	case PAIR_SELF_NONE:
	case PAIR_BOOT:
	case PAIR_NORMAL:
		break;
	}
	return false;
}

void hear_self(struct core *c, uint8_t node, enum pair_self_state was, enum pair_self_state is)
{
	struct core_notice n = { .kind = CORE_NOTICE_NODE, .cause = "twin" };
	if (was == is || was == PAIR_SELF_NONE || (!is_out(was) && !is_out(is)))
		return;
	snprintf(n.subject, sizeof n.subject, "%s", core_node_name(c, node));
	snprintf(n.old, sizeof n.old, "%s", pair_self_state_text(was));
	snprintf(n.new, sizeof n.new, "%s", pair_self_state_text(is));
	snprintf(n.observer, sizeof n.observer, "%s", core_node_name(c, node));
	notice_put(c, &n);
}
