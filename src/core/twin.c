/* The machine's side of the pair: sessions begin and end here, what twins write arrives here. */
#include <stdio.h>
#include "core/state.h"

/* ---- the session ---- */

static void fill_conf(const struct gen *g, struct pair_conf *out)
{
	const struct plan *p = g->plan;
	*out = (struct pair_conf){ .self_id = gen_self(g)->id, .cluster = p->pair.name, .interval_ms = p->pair.interval_ms,
				   .config_digest = p->digest, .peers = g->peers, .peer_count = g->peer_count };
	memcpy(out->key, p->pair.key, sizeof out->key);
	out->has_other = p->pair.has_other;
	memcpy(out->other_key, p->pair.other_key, sizeof out->other_key);
}

/* All that is ours goes on the new shelf. */
static void tell_all(struct core *c)
{
	for (uint32_t i = 0; i < c->gen->plan->stream_count; i++) {
		c->gen->streams[i].tell = !c->gen->streams[i].conf->canary;
		stream_mark(c, &c->gen->streams[i]);
	}
	for (struct override *o = c->overrides; o; o = o->next)
		o->tell = true;
	failback_mark_all(c, true);
	common_tell(c, NULL);
	zones_tell(c);
	c->news_told = 0; /* the newest again, on the new shelf */
}

static uint8_t weight_of(const struct core *c, uint8_t id)
{
	const struct plan *p = c->gen->plan;
	for (uint16_t i = 0; i < p->node_count; i++)
		if (p->nodes[i].id == id)
			return p->nodes[i].weight;
	return 0;
}

static void note_peers(struct core *c)
{
	c->peer_count = pair_peers(c->pair) < PAIR_NODES_MAX ? pair_peers(c->pair) : PAIR_NODES_MAX - 1;
	for (size_t i = 0; i < c->peer_count; i++) {
		struct pair_peer_view v;
		pair_peer_get(c->pair, i, &v, c->now_ms);
		if (c->peers[i].id != v.id)
			hear_nothing(c, i);
		bool same = c->peers[i].id == v.id;
		/* What was told of its configuration: ours may be another now. */
		c->peers[i] = (struct peer){ .id = v.id, .weight = weight_of(c, v.id), .echo_ms = v.echo_ms, .differed = same && c->peers[i].differed,
					    .event_known = same && c->peers[i].event_known, .event = c->peers[i].event,
					    .zones_since_ms = same ? c->peers[i].zones_since_ms : 0, .zones_told = same && c->peers[i].zones_told };
	}
}

int twin_start(struct core *c)
{
	struct pair_conf conf;
	if (!c->gen->plan->pair.present || c->pair || c->replays)
		return 0;
	/* A session's boot is part of every nonce: one that was used before would be the end of secrecy. */
	if (c->boot == 0) {
		if (c->epoch_asked || !effect_room(c, 0))
			return c->nomem ? ERR_NOMEM : 0;
		struct core_effect e = { .type = CORE_NEED_EPOCH };
		e.need_epoch.epoch = c->epoch_asked = ((c->epoch >> 32) + 1) << 32;
		effect_put(c, &e, NULL, 0);
		return 0;
	}
	fill_conf(c->gen, &conf);
	int e = pair_new(&c->pair, &conf, c->boot, c->epoch, c->now_ms, c->wall_ms);
	if (e < 0)
		return e;
	c->boot = 0;
	c->share_said = 0;
	watch_self(c);
	c->self = pair_self(c->pair);
	note_peers(c);
	tell_all(c);
	return c->common_untold ? ERR_NOMEM : 0;
}

static void twin_stop(struct core *c)
{
	pair_free(c->pair);
	c->pair = NULL;
	c->peer_count = 0;
	streams_mark_all(c);
}

static bool is_another_cluster(const struct plan *a, const struct plan *b)
{
	if (!a->pair.present || !b->pair.present)
		return a->pair.present != b->pair.present;
	return a->nodes[a->self].id != b->nodes[b->self].id || strcmp(a->pair.name, b->pair.name) != 0;
}

int twin_plan(struct core *c, const struct plan *old)
{
	struct pair_conf conf;
	if (c->pair && is_another_cluster(old, c->gen->plan))
		twin_stop(c);
	if (!c->pair)
		return twin_start(c);
	fill_conf(c->gen, &conf);
	int e = pair_reconfigure(c->pair, &conf, c->now_ms);
	if (e == 0) {
		note_peers(c);
		common_tell(c, old);
		common_warn_keys(c);
	}
	return e;
}

void twin_epoch(struct core *c, uint64_t epoch, uint64_t boot)
{
	c->epoch_asked = 0;
	c->epoch = epoch;
	if (c->pair) {
		pair_set_epoch(c->pair, epoch, boot, c->now_ms);
		return;
	}
	c->boot = boot;
	if (twin_start(c) < 0)
		c->nomem = true;
}

void twin_forget(struct core *c, const struct stream *s)
{
	/* Where memory lacks even for a tombstone the record stays, of a key that nobody asks for any more. */
	if (!c->pair || s->conf->canary)
		return;
	int e = pair_write(c->pair, PAIR_VERDICT, s->conf->key, NULL, 0, c->now_ms);
	for (uint8_t agree = 1; agree <= CORE_AGREES; agree++) {
		if (s->agrees & 1u << (agree - 1) && s->hold[agree - 1].state != HEALTH_VERDICT_UNKNOWN)
			e |= pair_write(c->pair, PAIR_EFFECTIVE, stream_effective_key(c->gen, s, agree), NULL, 0,
					c->now_ms);
	}
	if (e < 0)
		notice_alarm(c, NULL, "out of memory");
}

/* ---- what the twin says ---- */

static struct override *override_of_key(const struct core *c, uint64_t key)
{
	struct override *o = c->overrides;
	while (o && o->key != key)
		o = o->next;
	return o;
}

/* The twin says nothing of it any more. The journal must hear that too, or the next start would hear the old word again. */
static void forget_override(struct core *c, struct override *o, uint8_t node)
{
	uint8_t record[40 + CORE_SELECTOR_MAX];
	struct wbuf w;
	if (!override_drop(c, o, node))
		return;
	wbuf_init(&w, record, sizeof record);
	record_override_put(&w, o->text, &(struct reg){ .node = node }, c->now_ms);
	if (!effect_journal(c, record, w.len, false))
		c->nomem = true;
}

/* Replicated ones count at once: the disk of the one who gave it has it. Ours keeps a copy for our own next start. */
static bool learn_override(struct core *c, const struct pair_record *r)
{
	char selector[CORE_SELECTOR_MAX];
	uint8_t record[40 + CORE_SELECTOR_MAX + CORE_AUTHOR_MAX + CORE_REASON_MAX];
	struct reg reg;
	struct wbuf w;
	if (r->value_len == 0) {
		struct override *gone = override_of_key(c, r->key);
		if (gone)
			forget_override(c, gone, r->owner);
		return true;
	}
	if (!value_admin_get(r, selector, &reg, c->now_ms))
		return true; /* not ours to mend */
	if (reg.until_ms)
		reg.until_wall = c->wall_ms + (reg.until_ms - c->now_ms);
	wbuf_init(&w, record, sizeof record);
	record_override_put(&w, selector, &reg, c->now_ms);
	if (!effect_room(c, w.len))
		return false;
	struct override *o = override_get(c, selector);
	if (!o)
		return c->override_count >= CORE_OVERRIDES_MAX;
	if (override_set(c, o, &reg)) {
		override_refresh(c, o);
		return effect_journal(c, record, w.len, false);
	}
	return true;
}

static void learn(struct core *c, const struct pair_record *r)
{
	struct stream *s;
	struct hold h;
	switch (r->kind) {
	case PAIR_EFFECTIVE:
		if (value_effective_get(r, &h))
			core_absorb(c, h.hlc);
		failback_learn(c, r);
		/* fall through */
	case PAIR_VERDICT:
		s = gen_stream(c->gen, r->key);
		if (s)
			stream_mark(c, s);
		if (s && r->kind == PAIR_VERDICT)
			hear_verdict(c, s, r);
		if (s && r->kind == PAIR_VERDICT)
			share_hear(c, s, r);
		break;
	case PAIR_ADMIN:
		if (!learn_override(c, r)) {
			c->overrides_lost = true;
			c->nomem = true;
		}
		break;
	case PAIR_CONFIG:
		c->common_moved = true;
		break;
	case PAIR_ZONE:
		c->zones_moved = true;
		break;
	case PAIR_NOTICE:
		news_learn(c, r);
		break;
	default:
		break; /* kinds of later versions */
	}
}

static void find_lost_overrides(struct core *c)
{
	size_t pos = 0;
	const struct pair_record *r;
	uint8_t self = gen_self(c->gen)->id;
	if (!c->overrides_lost)
		return;
	while ((r = pair_walk(c->pair, PAIR_ADMIN, &pos))) {
		if (r->owner != self && !learn_override(c, r))
			return;
	}
	c->overrides_lost = false;
}

/* Once a twin's shelf is whole here, what it does not say is not said: our journal may remember more than the twin does, after
 * it lost its disk. */
static void reconcile(struct core *c, uint8_t node)
{
	for (struct override *o = c->overrides; o; o = o->next) {
		const struct pair_record *r = pair_find(c->pair, node, PAIR_ADMIN, o->key);
		if (!r || r->value_len == 0)
			forget_override(c, o, node);
	}
}

/* ---- links ---- */

const char *core_node_name(const struct core *c, uint8_t node)
{
	for (uint16_t i = 0; i < c->gen->plan->node_count; i++) {
		if (c->gen->plan->nodes[i].id == node)
			return c->gen->plan->nodes[i].name;
	}
	return "?";
}

static void alarm_about(struct core *c, uint8_t node, const char *what)
{
	notice_alarm(c, core_node_name(c, node), what);
}

static enum pair_self_state said_self(const struct core *c, uint8_t node)
{
	for (size_t i = 0; i < c->peer_count; i++) {
		if (c->peers[i].id == node)
			return c->peers[i].self;
	}
	return PAIR_SELF_NONE;
}

static void notice_link(struct core *c, const struct pair_event *e)
{
	struct core_notice n = { .kind = CORE_NOTICE_LINK, .cause = "twin" };
	snprintf(n.subject, sizeof n.subject, "%s", core_node_name(c, e->peer));
	snprintf(n.old, sizeof n.old, "%s", pair_link_state_text(e->from));
	snprintf(n.new, sizeof n.new, "%s", pair_link_state_text(e->to));
	if (e->bye)
		snprintf(n.reason, sizeof n.reason, "it was stopped");
	notice_put(c, &n);
	/* Somebody stopped it, or said before that it would be: not what somebody must be woken for. */
	if (e->to == PAIR_LOST && (e->bye || said_self(c, e->peer) == PAIR_MAINT))
		return;
	if (e->to == PAIR_LOST)
		alarm_about(c, e->peer, "twin lost");
	else if (e->to == PAIR_TCP_ONLY)
		alarm_about(c, e->peer, "the twin is reached by TCP only: UDP does not get through");
	else if (e->to == PAIR_INCOMPATIBLE)
		alarm_about(c, e->peer, "the twin speaks another version or has another key");
}

/* Until each check had time to ask twice: what was seen before the jump is not held against anybody. */
static uint64_t tilt_span_ms(const struct core *c)
{
	uint64_t longest_ms = 0;
	for (uint32_t i = 0; i < c->gen->plan->stream_count; i++) {
		if (c->gen->streams[i].conf->timing.interval_ms > longest_ms)
			longest_ms = c->gen->streams[i].conf->timing.interval_ms;
	}
	longest_ms *= CORE_TILT_INTERVALS;
	return longest_ms < CORE_TILT_MAX_MS ? longest_ms : CORE_TILT_MAX_MS;
}

static void hear(struct core *c, const struct pair_event *e)
{
	switch (e->type) {
	case PAIR_EVENT_LINK:
		notice_link(c, e);
		break;
	case PAIR_EVENT_REFUTE:
		alarm_about(c, e->peer, "the twin knows a later start of this node: its disk was wiped or put back");
		break;
	case PAIR_EVENT_DUPLICATE:
		alarm_about(c, e->peer, "another node has this node's id");
		break;
	case PAIR_EVENT_DIVERGENCE:
		alarm_about(c, e->peer, "the twins' records differ: all are fetched again");
		break;
	case PAIR_EVENT_TILT: /* what is in flight was timed by a clock that jumped */
		schedule_void_all(c);
		overrides_redate(c);
		c->tilt_until_ms = c->now_ms + tilt_span_ms(c);
		watch_self(c);
		alarm_about(c, gen_self(c->gen)->id, "the clock jumped, or this node did not run for a while");
		break;
	case PAIR_EVENT_SKEW:
		alarm_about(c, e->peer, "the twin's clock is more than 60 s off");
		break;
	case PAIR_EVENT_FRESH: /* follow_peers sees it */
	case PAIR_EVENT_NONE:
		break;
	}
}

static void follow_peers(struct core *c)
{
	bool moved = false;
	for (size_t i = 0; i < c->peer_count; i++) {
		struct peer *p = &c->peers[i];
		struct pair_peer_view v;
		pair_peer_get(c->pair, i, &v, c->now_ms);
		bool fresh = pair_is_fresh(c->pair, p->id, c->now_ms);
		bool looks = share_peer_looks(c, p->id);
		moved |= fresh != p->fresh || v.self != p->self || looks != p->looks;
		c->zones_moved |= fresh != p->fresh;
		if (fresh && v.shelves_equal && !p->equal)
			reconcile(c, p->id);
		if (fresh)
			hear_self(c, p->id, p->self, v.self);
		/* (where each speaks but once a second, by a connection, a word may come that echoes nothing new: it is there all the same) */
		if (v.echo_ms > p->echo_ms || (c->packet_kept && v.heard_ms == c->now_ms))
			watch_echo(c, v.echo_ms);
		*p = (struct peer){ .id = p->id, .weight = p->weight, .fresh = fresh, .equal = fresh && v.shelves_equal, .looks = looks, .self = v.self,
				    .echo_ms = v.echo_ms, .digest_told = p->digest_told, .differed = p->differed,
				    .event_known = p->event_known, .event = p->event, .zones_since_ms = p->zones_since_ms,
				    .zones_told = p->zones_told };
		common_follow(c, p, &v);
	}
	watch_self(c); /* the end of TILT may find us isolated */
	moved |= pair_self(c->pair) != c->self;
	c->self = pair_self(c->pair);
	if (moved)
		streams_mark_all(c);
	if (moved || c->common_moved)
		failback_mark_all(c, false); /* a twin's hold counts while it is fresh, and its service like ours */
	c->common_moved = false;
}

static void want_epoch(struct core *c)
{
	uint64_t epoch = pair_wants_epoch(c->pair);
	if (epoch == 0 || epoch == c->epoch_asked || !effect_room(c, 0))
		return;
	struct core_effect e = { .type = CORE_NEED_EPOCH };
	e.need_epoch.epoch = c->epoch_asked = epoch;
	effect_put(c, &e, NULL, 0);
}

void twin_run(struct core *c)
{
	struct pair_record r;
	struct pair_event e;
	if (!c->pair)
		return;
	if (c->now_ms >= pair_deadline(c->pair))
		pair_tick(c->pair, c->now_ms, c->wall_ms);
	if (c->common_untold)
		common_tell(c, NULL);
	find_lost_overrides(c);
	while (pair_next_change(c->pair, &r))
		learn(c, &r);
	while (pair_next_event(c->pair, &e))
		hear(c, &e);
	follow_peers(c);
	share_tell(c);
	want_epoch(c);
}

void twin_stream(struct core *c, const struct core_event *e)
{
	if (!c->pair)
		return;
	switch (e->stream.what) {
	case CORE_STREAM_ACCEPTED:
		pair_stream_accept(c->pair, e->stream.id, &e->stream.from, c->now_ms);
		break;
	case CORE_STREAM_OPENED:
		pair_stream_open(c->pair, e->stream.id, c->now_ms);
		break;
	case CORE_STREAM_OCTETS:
		pair_stream_receive(c->pair, e->stream.id, e->stream.data, e->stream.len, c->now_ms, c->wall_ms);
		break;
	case CORE_STREAM_DRAINED:
		pair_stream_drained(c->pair, e->stream.id, c->now_ms);
		break;
	case CORE_STREAM_ENDED:
		pair_stream_end(c->pair, e->stream.id, c->now_ms);
		break;
	case CORE_STREAM_NONE:
		break;
	}
}

void twin_leave(struct core *c)
{
	if (c->pair)
		pair_leave(c->pair);
}

static void flush_streams(struct core *c)
{
	struct pair_stream s;
	while (effect_room(c, sizeof s.data) && pair_next_stream(c->pair, &s, c->now_ms, c->wall_ms)) {
		struct core_effect e = { .type = CORE_CONNECTION };
		e.connection.op = s.op;
		e.connection.id = s.id;
		e.connection.to = s.to;
		e.connection.len = (uint16_t)s.len;
		effect_put(c, &e, s.data, s.len);
	}
}

void twin_flush(struct core *c)
{
	uint8_t packet[PAIR_PACKET_MAX];
	size_t len;
	struct core_effect e = { .type = CORE_SEND };
	if (c->pair)
		news_tell(c);
	while (c->pair && effect_room(c, sizeof packet) &&
	       pair_next_packet(c->pair, &e.send.to, packet, &len, c->now_ms, c->wall_ms)) {
		e.send.len = (uint16_t)len;
		effect_put(c, &e, packet, len);
	}
	if (c->pair)
		flush_streams(c);
}
