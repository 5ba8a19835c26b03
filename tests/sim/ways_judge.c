/* What a link, a self state and local health may be, by what the node truly heard, was told and suffered. Said from the tables of
 * doc/design/pair.md, sections 6 and 8. From the node's own view it takes: SUSPECT and I, whose bounds are judged here; the state that a
 * link is in, which is judged where it changes; its local health, by which patience is multiplied, and which may rise only with a reason;
 * its deadline, by which it is told to be late; and that it waits for an epoch.
 */
#include "sim/ways.h"

/* ---- links ---- */

struct look { uint64_t now, gap, heard, tcp_gap, suspect, tcp_lost, interval; bool odd_session; };

static struct look look(const struct ways *w, int i, int of)
{
	const struct heard *h = &w->node[i].of[of];
	struct pair_peer_view v = ways_view(w, i, of);
	uint64_t now = ways_at(w, i), since = h->echo > h->start ? h->echo : h->start;

	return (struct look){ .now = now, .gap = now - since, .heard = h->udp ? now - h->udp : UINT64_MAX, .suspect = v.suspect_ms,
			      .tcp_gap = !h->tcp ? UINT64_MAX : now - (h->tcp_echo > h->start ? h->tcp_echo : h->start),
			      .tcp_lost = LINK_TCP_LOST_MS * (1u + pair_lhm(w->node[i].p)), .interval = v.interval_ms,
			      .odd_session = h->udp < h->start }; /* it began by TCP */
}

static const char *judge_way_down(const struct heard *h, const struct look *l, const struct pair_event *e)
{
	switch (e->to) {
	case PAIR_SUSPECT:
		return l->gap < l->suspect && !l->odd_session ? "there is an echo" : l->heard < 2 * l->interval ? "it is heard" : NULL;
	case PAIR_HALF:
		return l->heard >= 2 * l->interval ? "nothing is heard" : l->gap < l->suspect && !l->odd_session ? "there is an echo" : NULL;
	case PAIR_TCP_ONLY:
		return l->gap < 2 * l->suspect ? "UDP has its time yet" : l->tcp_gap >= l->tcp_lost ? "there is no echo by TCP" : NULL;
	case PAIR_LOST:
		if (e->from == PAIR_SUSPECT && l->gap < 2 * l->suspect)
			return "it has its time yet";
		if (e->from == PAIR_SUSPECT && h->indirect && l->now - h->indirect < 2 * l->suspect)
			return "others were answered";
		return e->from == PAIR_HALF && l->heard < 2 * l->suspect ? "it is heard" : NULL;
	default:
		return NULL;
	}
}

static const char *judge_way_up(const struct ways *w, int i, int of, const struct look *l, const struct pair_event *e)
{
	const struct heard *h = &w->node[i].of[of];

	if (e->to != PAIR_ACTIVE && e->to != PAIR_MISMATCH)
		return NULL;
	if (l->gap >= l->suspect)
		return "there is no echo";
	bool tcp = ways_view(w, i, of).stream && streams_between(w, i, of) == 1 && h->tcp > h->start && l->now - h->tcp < 1500 &&
		   l->now - h->tcp_echo < LINK_TCP_LOST_MS;
	return e->from == PAIR_TCP_ONLY && tcp && h->echoes < LINK_UDP_BACK ? "UDP is not back with so few echoes" : NULL;
}

void judge_event(struct ways *w, int i, const struct pair_event *e)
{
	int of = e->peer - 1;

	if (e->type == PAIR_EVENT_DIVERGENCE) {
		ways_tell(w, "n%d: its shelves and those of n%d differ", i + 1, e->peer);
		w->divergences++;
		w->release = true;
		if (!w->damaged)
			ways_fault(w, "n%d tells of shelves that differ from those of n%d, where none was damaged", i + 1, e->peer);
	} else if (e->type == PAIR_EVENT_REFUTE || e->type == PAIR_EVENT_DUPLICATE) {
		ways_fault(w, "n%d finds another with its name", i + 1);
	} else if (e->type == PAIR_EVENT_LINK) {
		struct look l = look(w, i, of);
		const char *why = judge_way_down(&w->node[i].of[of], &l, e);
		ways_tell(w, "n%d: n%d %s -> %s", i + 1, of + 1, pair_link_state_text(e->from), pair_link_state_text(e->to));
		if (!why)
			why = judge_way_up(w, i, of, &l, e);
		if (why)
			ways_fault(w, "n%d: the link to n%d goes from %s to %s: %s (no echo for %d ms, SUSPECT %d)", i + 1, of + 1,
				   pair_link_state_text(e->from), pair_link_state_text(e->to), why, (int)l.gap, (int)l.suspect);
	}
}

/* Whether it may wait: it was late itself a moment ago, or may not speak. */
static bool is_calm(const struct ways *w, int i, uint64_t for_ms)
{
	const struct ways_node *n = &w->node[i];
	return !n->awake_from && !pair_wants_epoch(n->p) && !n->epoch_at && w->now > n->woke + for_ms && w->now > n->born + for_ms;
}

/* Others are asked each I; and where none was answered, it is over. */
static void judge_suspect(struct ways *w, int i, int of)
{
	const struct heard *h = &w->node[i].of[of];
	struct look l = look(w, i, of);
	uint64_t wait = 2 * l.interval + 5, help = 0;

	if (!h->suspect_since || !is_calm(w, i, wait))
		return;
	if (l.gap > 2 * l.suspect + l.interval && l.heard > 2 * l.suspect && (!h->indirect || l.now - h->indirect > 2 * l.suspect + l.interval))
		ways_fault(w, "n%d still suspects n%d, of which nobody heard for %d ms", i + 1, of + 1, (int)l.gap);
	for (int k = 0; k < w->nodes; k++) {
		uint64_t since = w->node[i].of[k].well_since;
		if (k != i && k != of && since && (!help || since < help))
			help = since;
	}
	if (help && l.now > help + wait && l.now > h->suspect_since + wait && l.now > h->asked + wait)
		ways_fault(w, "n%d suspects n%d and asks nobody", i + 1, of + 1);
}

static void judge_link(struct ways *w, int i, int of)
{
	struct heard *h = &w->node[i].of[of];
	struct pair_peer_view v = ways_view(w, i, of);
	uint64_t now = ways_at(w, i), patience = 1u + pair_lhm(w->node[i].p);

	if (v.suspect_ms < 4 * v.interval_ms * patience || v.suspect_ms > LINK_SUSPECT_MAX_MS * patience)
		ways_fault(w, "n%d suspects n%d after %u ms, with a patience of %d", i + 1, of + 1, v.suspect_ms, (int)patience);
	h->suspect_since = v.link != PAIR_SUSPECT ? 0 : h->suspect_since ? h->suspect_since : now;
	h->well_since = !ways_is_well(v.link) ? 0 : h->well_since ? h->well_since : now;
	h->level_since = !w->node[of].p || !judge_level(w, i, of) ? 0 : h->level_since ? h->level_since : now;
}

static bool is_late(const struct ways *w, int i)
{
	const struct ways_node *n = &w->node[i];
	return n->due && ways_at(w, i) > n->due + w->interval_ms;
}

/* A refutation, which has reason too, is a fault by itself here. */
static void judge_blame(struct ways *w, int i)
{
	struct ways_node *n = &w->node[i];
	uint8_t lhm = pair_lhm(n->p);

	if (lhm > n->lhm && !is_late(w, i) && !n->told_deaf)
		ways_fault(w, "n%d blames itself, and ran on time, and nobody told it that it is deaf", i + 1);
	n->lhm = lhm;
	n->told_deaf = false;
}

void judge_step(struct ways *w, int i)
{
	struct ways_node *n = &w->node[i];

	judge_blame(w, i);
	for (int k = 0; k < w->nodes; k++) {
		if (k != i)
			judge_link(w, i, k);
	}
	if (pair_stats_get(n->p)->acks != n->acks)
		ways_fault(w, "n%d counts %d answers of others, and had %d", i + 1, (int)pair_stats_get(n->p)->acks, (int)n->acks);
	if (n->must_many || pair_wants_epoch(n->p)) { /* nothing goes while an epoch waits: it is asked again */
		n->must_many = false;
		n->must_count = 0;
	}
	if (n->must_count > 0)
		ways_fault(w, "n%d does not pass on %s about n%d", i + 1, n->must[0].type == TLV_ACK ? "an answer" : "a question",
			   n->must[0].ping.target);
	if (pair_self(n->p) != n->self)
		ways_fault(w, "n%d is %s, and has reason to be %s", i + 1, pair_self_state_text(pair_self(n->p)), pair_self_state_text(n->self));
}

/* ---- self states and local health ---- */

static void follow(struct ways *w, int i)
{
	struct ways_node *n = &w->node[i];
	bool young = n->self == PAIR_BOOT || n->self == PAIR_TILT;

	if (ways_at(w, i) < n->signs.tilt_until_ms)
		n->self = PAIR_TILT;
	else if (young && !n->signs.booted)
		n->self = PAIR_BOOT;
	else
		n->self = n->signs.isolated ? PAIR_ISOLATED : n->signs.maint ? PAIR_MAINT : PAIR_NORMAL;
}

void judge_signs(struct ways *w, int i, const struct pair_self_signs *s)
{
	w->node[i].signs = *s;
	pair_set_self(w->node[i].p, s, ways_at(w, i));
	follow(w, i);
	ways_drain(w, i);
}

void judge_health(struct ways *w, int i, uint8_t before)
{
	struct ways_node *n = &w->node[i];
	uint64_t now = ways_at(w, i);
	uint8_t least = before < PAIR_LHM_MAX ? (uint8_t)(before + 1) : PAIR_LHM_MAX;

	if (is_late(w, i) && !n->epoch_at && pair_lhm(n->p) < least)
		ways_fault(w, "n%d is %d ms late and does not blame itself", i + 1, (int)(now - n->due));
	follow(w, i);
}

void judge_tick(struct ways *w, int i)
{
	for (int k = 0; k < w->nodes; k++) {
		if (k != i)
			judge_suspect(w, i, k);
	}
}

/* ---- shelves ---- */

bool judge_level(const struct ways *w, int i, int of)
{
	const struct pair *a = w->node[i].p, *b = w->node[of].p;

	for (int k = 0; k < w->nodes; k++) {
		int x = pair_shelf_of(a, (uint8_t)(k + 1)), y = pair_shelf_of(b, (uint8_t)(k + 1));
		if (k != of && vector_compare(a->shelves[x].vector, b->shelves[y].vector) > 0)
			return false;
	}
	return true;
}

static size_t count_of(const struct pair *p, uint8_t owner)
{
	const struct pair_record *r;
	size_t n = 0;

	for (size_t pos = 0; (r = pair_walk(p, PAIR_VERDICT, &pos));)
		n += r->owner == owner;
	return n;
}

bool judge_equal(struct ways *w)
{
	const struct pair_record *r, *copy;

	for (int i = 0; i < w->nodes; i++) {
		for (int k = 0; k < w->nodes; k++) {
			size_t n = count_of(w->node[i].p, (uint8_t)(k + 1)), all = count_of(w->node[k].p, (uint8_t)(k + 1));
			if (n == all)
				continue;
			ways_tell(w, "n%d holds %d records of n%d, which has %d", i + 1, (int)n, k + 1, (int)all);
			return false;
		}
		for (size_t pos = 0; (r = pair_walk(w->node[i].p, PAIR_VERDICT, &pos));) {
			copy = pair_find(w->node[r->owner - 1].p, r->owner, PAIR_VERDICT, r->key);
			if (copy && copy->value_len == r->value_len && memcmp(copy->value, r->value, r->value_len) == 0)
				continue;
			ways_tell(w, "n%d holds another record %d of n%d", i + 1, (int)r->key, r->owner);
			return false;
		}
	}
	return true;
}
