/* The pair: this node's own state, each peer's link, packets, and where the votes differ. */
#include "ctl/metrics.h"
#include "ctl/view.h"

static void put_self(struct bytes *out, const struct pair *p)
{
	metrics_family(out, "pair_self_state", METRICS_GAUGE, "1 for what this node tells its twin of itself.");
	for (unsigned i = PAIR_BOOT; i <= PAIR_MAINT; i++)
		metrics_sample(out, "pair_self_state", METRICS_LABEL("state", pair_self_state_text(i)), METRICS_NONE, pair_self(p) == i);
}

static void put_links(struct bytes *out, const struct ctl_host *h, const struct pair *p)
{
	struct pair_peer_view v;
	metrics_family(out, "peer_link_state", METRICS_GAUGE, "1 for the state of the link to the peer.");
	for (size_t i = 0; i < pair_peers(p); i++) {
		pair_peer_get(p, i, &v, h->now_ms);
		for (unsigned k = PAIR_WAITING; k <= PAIR_INCOMPATIBLE; k++)
			metrics_sample(out, "peer_link_state", METRICS_LABEL("peer", view_node_name(h, v.id)),
				       METRICS_LABEL("state", pair_link_state_text(k)), v.link == k);
	}
}

enum { PEER_RTT, PEER_LOSS, PEER_CLOCK, PEER_HEARD, PEER_CONFIG, PEER_ZONES, PEER_RECORDS };

static double peer_value(const struct ctl_host *h, const struct pair_peer_view *v, unsigned what)
{
	struct core_zones_difference zones;
	switch (what) {
	case PEER_RTT: return v->rtt_us / 1e6;
	case PEER_LOSS: return v->loss_permille / 1e3;
	case PEER_CLOCK: return (double)v->clock_offset_ms / 1e3;
	case PEER_HEARD: return v->heard_ms ? (double)view_wall_past(h, v->heard_ms) / 1e3 : 0;
	case PEER_CONFIG: return v->heard_ms && v->config_digest == core_plan(h->core)->digest;
	case PEER_ZONES: return core_zones_get(h->core, v->id, &zones) == CORE_ZONES_DIFFER;
	default: return v->heard_ms && v->shelves_equal;
	}
}

static void put_peers(struct bytes *out, const struct ctl_host *h, const struct pair *p)
{
	static const struct { const char *name, *help; } of[] = {
		[PEER_RTT] = { "peer_round_trip_seconds", "Round trip to the peer." },
		[PEER_LOSS] = { "peer_loss_ratio", "Packets lost on the way from the peer, 0 to 1." },
		[PEER_CLOCK] = { "peer_clock_offset_seconds", "How far the peer's clock is ahead of ours." },
		[PEER_HEARD] = { "peer_last_heard_timestamp_seconds", "When the peer was heard last; 0 = never." },
		[PEER_CONFIG] = { "peer_same_configuration", "1 where the peer has the same configuration." },
		[PEER_ZONES] = { "peer_other_zones", "1 where the peer is known to serve other zones, or other versions of them." },
		[PEER_RECORDS] = { "peer_same_records", "1 where the peer has the same verdicts and overrides on record." },
	};
	struct pair_peer_view v;
	for (unsigned k = 0; k < sizeof of / sizeof of[0]; k++) {
		metrics_family(out, of[k].name, METRICS_GAUGE, of[k].help);
		for (size_t i = 0; i < pair_peers(p); i++) {
			pair_peer_get(p, i, &v, h->now_ms);
			metrics_sample(out, of[k].name, METRICS_LABEL("peer", view_node_name(h, v.id)), METRICS_NONE, peer_value(h, &v, k));
		}
	}
}

/* What is rare, and tells of a fault or an attack. */
static void put_incidents(struct bytes *out, const struct pair_stats *s)
{
	const struct { const char *name, *help; uint64_t v; } of[] = {
		{ "pair_hellos_total", "Packets of peers that did not know our present start: each start makes some.", s->hellos },
		{ "pair_streams_refused_total", "TCP connections refused, since too many were open that had proved no key.", s->refused_streams },
		{ "pair_streams_cut_total", "TCP connections cut: they did not prove themselves in time, or sent what is no packet.", s->streams_cut },
		{ "pair_divergences_total", "How often a peer had other records under the same numbers.", s->divergences },
		{ "pair_refutes_total", "How often a peer knew a later life of this node: its state was lost or put back, or another has its id.",
		  s->refutes },
		{ "pair_duplicate_ids_total", "How often that came so fast that another node must have this node's id.", s->duplicates },
		{ "pair_clock_skews_total", "How often a peer's clock was found more than a minute off ours.", s->skews },
	};
	for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
		metrics_family(out, of[i].name, METRICS_COUNTER, of[i].help);
		metrics_count(out, of[i].name, METRICS_NONE, METRICS_NONE, of[i].v);
	}
}

static void put_packets(struct bytes *out, const struct pair_stats *s)
{
	const struct { const char *reason; uint64_t v; } refused[] = {
		{ "short", s->refused_short }, { "header", s->refused_header }, { "version", s->refused_version },
		{ "unknown_peer", s->refused_unknown_peer }, { "auth", s->refused_auth }, { "format", s->refused_format },
		{ "session", s->refused_session }, { "replay", s->refused_replay }, { "memory", s->refused_memory },
		{ "flood", s->refused_flood },
	};
	metrics_family(out, "pair_packets_total", METRICS_COUNTER, "Packets between the twins.");
	metrics_count(out, "pair_packets_total", METRICS_LABEL("direction", "sent"), METRICS_NONE, s->sent);
	metrics_count(out, "pair_packets_total", METRICS_LABEL("direction", "received"), METRICS_NONE, s->received);
	metrics_family(out, "pair_bytes_total", METRICS_COUNTER, "Octets of these packets.");
	metrics_count(out, "pair_bytes_total", METRICS_LABEL("direction", "sent"), METRICS_NONE, s->bytes_sent);
	metrics_count(out, "pair_bytes_total", METRICS_LABEL("direction", "received"), METRICS_NONE, s->bytes_received);
	metrics_family(out, "pair_packets_refused_total", METRICS_COUNTER,
		       "Packets that counted for nothing, and why; with two addresses a peer, each second copy is a replay.");
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
		metrics_count(out, "pair_packets_refused_total", METRICS_LABEL("reason", refused[i].reason), METRICS_NONE, refused[i].v);
	put_incidents(out, s);
}

/* Members that one of us calls up and the other down. */
static uint32_t disagreements(const struct ctl_host *h)
{
	uint32_t n = 0;
	for (size_t i = 0; i < core_services(h->core); i++) {
		struct core_service_view v;
		core_service_get(h->core, i, &v);
		for (uint16_t k = 0; k < v.members; k++) {
			struct core_member_view m;
			core_member_get(h->core, i, k, &m, h->now_ms);
			n += m.stream && m.own != m.twin && m.own != HEALTH_VERDICT_UNKNOWN && m.twin != HEALTH_VERDICT_UNKNOWN;
		}
	}
	return n;
}

void metrics_pair(struct bytes *out, const struct metrics *m)
{
	const struct pair *p = core_pair(m->h->core);
	struct core_totals t;
	struct pair_stats sum;
	if (!p)
		return;
	put_self(out, p);
	put_links(out, m->h, p);
	put_peers(out, m->h, p);
	put_packets(out, view_pair_totals(&sum, m->h, p));
	core_totals_get(m->h->core, &t);
	if (t.members <= METRICS_MEMBERS_MAX)
		metrics_alone(out, "pair_disagreements", METRICS_GAUGE, "Members that one twin calls up and the other down.",
			      disagreements(m->h));
}
