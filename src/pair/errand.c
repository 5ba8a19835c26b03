/* Indirect probes: whether a peer that we do not hear lives, others ask for us.
 *
 *     A suspects B ── PING(B, A) ──▶ C ── PING(B, A) ──▶ B
 *     A ◀── ACK(B, A) ── C ◀── ACK(B, A) ────────────────┘        with A's time stamp and boot, untouched
 *
 * An ACK keeps B from LOST for 2 SUSPECT from the moment that A asked; it is no echo, so the link stays SUSPECT, and
 * B's votes count as long as others relay them. Each is one hop: a helper passes on what came from the origin or the target
 * itself, and only within live sessions, so nothing goes round.
 */
#include "pair/state.h"

static void queue(struct pair *p, const struct pair_peer *to, enum tlv_type type, const struct tlv_ping *ping)
{
	/* Nothing goes while an epoch waits for the disk, and by then it would be old; a bye has only what is ours. */
	if (p->wants_epoch || p->leaving || p->errand_count == PAIR_ERRANDS_MAX)
		return; /* asked again in an interval */
	p->errands[p->errand_count++] = (struct pair_errand){ .to = to->conf.id, .type = type, .ping = *ping };
}

static bool is_well(const struct pair_peer *e)
{
	return e->link.state == PAIR_ACTIVE || e->link.state == PAIR_MISMATCH;
}

void pair_errand_ping(struct pair *p, const struct pair_peer *from, const struct tlv_ping *ping)
{
	if (ping->target == p->self_id) {
		queue(p, from, TLV_ACK, ping);
		return;
	}
	const struct pair_peer *to = pair_peer_of(p, ping->target);
	if (to && to != from && is_well(to) && ping->origin == from->conf.id)
		queue(p, to, TLV_PING, ping);
}

void pair_errand_ack(struct pair *p, const struct pair_peer *from, const struct tlv_ping *ping, uint64_t now_ms)
{
	uint32_t age_ms = (uint32_t)now_ms - ping->ts;
	struct pair_peer *of = pair_peer_of(p, ping->target), *to = pair_peer_of(p, ping->origin);

	if (ping->origin != p->self_id) {
		if (to && to != from && of == from)
			queue(p, to, TLV_ACK, ping);
	} else if (of && ping->boot == p->boot && age_ms <= now_ms && age_ms < (uint32_t)1 << 31) {
		if (now_ms - age_ms > of->link.indirect_ms)
			of->link.indirect_ms = now_ms - age_ms;
		p->stats.acks++;
		pair_judge(p, of, now_ms);
	}
}

void pair_errand_tick(struct pair *p, struct pair_peer *e, uint64_t now_ms)
{
	struct tlv_ping ping = { .target = e->conf.id, .origin = p->self_id, .ts = (uint32_t)now_ms, .boot = p->boot };

	if (e->link.state != PAIR_SUSPECT || now_ms < e->next_ask_ms)
		return;
	e->next_ask_ms = now_ms + p->interval_ms;
	for (size_t i = 0, asked = 0; i < p->peer_count && asked < PAIR_HELPERS; i++) {
		const struct pair_peer *helper = &p->peers[(size_t)(e - p->peers + 1 + (long)i) % p->peer_count];
		if (helper == e || !is_well(helper))
			continue;
		queue(p, helper, TLV_PING, &ping);
		asked++;
	}
}

uint64_t pair_errand_deadline(const struct pair_peer *e)
{
	return e->link.state == PAIR_SUSPECT ? e->next_ask_ms : UINT64_MAX;
}
