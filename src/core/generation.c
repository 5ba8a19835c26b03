/* The memory that is laid out after one plan, and what is carried from the old one to the new.
 *
 *     stream 0: uses [ www, shop ]   stream 1: uses [ www ]   …      one array of service indexes, a stretch a stream
 */
#include <stdlib.h>
#include "core/state.h"

/* No secret: the keys are hashes already, or names from our own configuration. */
static const struct hash_key table_key = { { 0x67656d656c2d6b65, 0x79732d6f662d7573 } };

/* Of all agrees a stream is decided by, the pair's own goes under the stream's key, so that twins whose services differ in
 * `agree` still share it; the others go beside it. */
uint64_t stream_effective_key(const struct gen *g, const struct stream *s, uint8_t agree)
{
	if (agree == g->plan->pair.agree)
		return s->conf->key;
	return hash_mix(s->conf->key ^ agree, 0x9e3779b97f4a7c15u);
}

static uint8_t agree_of(const struct plan *p, const struct plan_service *v)
{
	if (v->agree >= POLICY_AGREE_ANY_UP && v->agree <= POLICY_AGREE_LOCAL)
		return v->agree;
	return p->pair.present ? p->pair.agree : POLICY_AGREE_ANY_UP;
}

/* ---- streams and who uses them ---- */

/* Calls for each distinct stream of a service. `seen` holds the last service (plus one) that named the stream. */
static void each_use(const struct plan *p, uint32_t *seen, struct gen *g, bool fill)
{
	for (uint32_t v = 0; v < p->service_count; v++) {
		const struct plan_service *conf = &p->services[v];
		for (size_t i = 0; i < conf->policy.member_count; i++) {
			for (size_t k = 0; k < conf->checks[i].count; k++) {
				uint32_t at = conf->checks[i].streams[k];
				if (seen[at] == v + 1)
					continue;
				seen[at] = v + 1;
				if (fill)
					g->uses[g->streams[at].use_at + g->streams[at].use_count] = v;
				g->streams[at].use_count++;
			}
		}
	}
}

static int index_uses(struct gen *g)
{
	const struct plan *p = g->plan;
	uint32_t total = 0, *seen = calloc((size_t)p->stream_count + 1, sizeof *seen);
	if (!seen)
		return ERR_NOMEM;
	each_use(p, seen, g, false);
	for (uint32_t i = 0; i < p->stream_count; i++) {
		g->streams[i].use_at = total;
		total += g->streams[i].use_count;
		g->streams[i].use_count = 0;
	}
	g->uses = arena_array(&g->arena, total, sizeof *g->uses);
	if (g->uses) {
		memset(seen, 0, ((size_t)p->stream_count + 1) * sizeof *seen);
		each_use(p, seen, g, true);
	}
	free(seen);
	return g->uses ? 0 : ERR_NOMEM;
}

static int index_keys(struct gen *g, struct stream *s)
{
	int e = table_put(&g->keys, &s->conf->key, sizeof s->conf->key, s);
	for (uint8_t a = 1; e == 0 && a <= CORE_AGREES; a++) {
		if (!(s->agrees & 1u << (a - 1)))
			continue;
		uint64_t key = stream_effective_key(g, s, a);
		e = table_put(&g->keys, &key, sizeof key, s);
	}
	return e;
}

/* Streams to one address share a target, whatever their ports. */
static int find_target(struct table *by_ip, struct gen *g, uint32_t *count, struct stream *s)
{
	size_t len = addr_ip_len(&s->conf->addr);
	s->target = table_find(by_ip, s->conf->addr.ip, len);
	if (s->target)
		return 0;
	s->target = &g->targets[(*count)++];
	return table_add(by_ip, s->conf->addr.ip, len, s->target);
}

static int index_targets(struct gen *g)
{
	struct table by_ip;
	uint32_t count = 0;
	int e = 0;
	g->targets = arena_array(&g->arena, g->plan->stream_count, sizeof *g->targets);
	if (!g->targets)
		return ERR_NOMEM;
	table_init_borrowing(&by_ip, &table_key);
	for (uint32_t i = 0; e == 0 && i < g->plan->stream_count; i++)
		e = find_target(&by_ip, g, &count, &g->streams[i]);
	table_deinit(&by_ip);
	return e;
}

static int make_streams(struct gen *g)
{
	const struct plan *p = g->plan;
	g->streams = arena_array(&g->arena, p->stream_count, sizeof *g->streams);
	if (!g->streams)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < p->stream_count; i++) {
		struct stream *s = &g->streams[i];
		s->conf = &p->streams[i];
		s->path = (uint8_t)health_path_of(&s->conf->addr);
		s->weight = s->kept_weight = 100;
		health_state_init(&s->health);
		s->flip_ms = health_state_flip_ms(&s->health, &s->conf->timing, 0);
		int e = heap_set(&g->timers, &s->timer, UINT64_MAX);
		if (e < 0)
			return e;
	}
	int e = index_targets(g);
	if (e == 0)
		e = unknown_index(g);
	if (e == 0)
		e = index_uses(g);
	for (uint32_t i = 0; e == 0 && i < p->stream_count; i++) {
		struct stream *s = &g->streams[i];
		for (uint32_t k = 0; k < s->use_count; k++) {
			const struct service *v = &g->services[g->uses[s->use_at + k]];
			s->agrees |= (uint8_t)(1u << (v->agree - 1));
			s->bounded |= removals_heeds(v);
		}
		e = index_keys(g, s);
	}
	return e;
}

/* ---- services ---- */

static int make_answer(struct gen *g, struct policy_answer *a, size_t room)
{
	a->member = arena_array(&g->arena, room, sizeof *a->member);
	a->weight = arena_array(&g->arena, room, sizeof *a->weight);
	a->tier = -1;
	return a->member && a->weight ? 0 : ERR_NOMEM;
}

static size_t room_of(const struct policy_service *p, int family)
{
	size_t members = 0, fallback = 0;
	for (size_t i = 0; i < p->member_count; i++)
		members += (p->members[i].addr.family == 6) == family;
	for (size_t i = 0; i < p->fallback_count; i++)
		fallback += (p->fallback[i].family == 6) == family;
	return members > fallback ? members : fallback;
}

static int make_service(struct gen *g, struct service *s, const struct plan_service *conf)
{
	char name[NAME_TEXT_MAX];
	s->conf = conf;
	s->agree = agree_of(g->plan, conf);
	int e = failback_init(g, s);
	if (e == 0)
		e = slow_init(g, s);
	if (e == 0)
		e = removals_init(g, s);
	s->members = arena_array(&g->arena, conf->policy.member_count, sizeof *s->members);
	if (e == 0 && !s->members)
		e = ERR_NOMEM;
	for (int f = 0; e == 0 && f < CORE_FAMILIES; f++) {
		size_t room = room_of(&conf->policy, f);
		e = make_answer(g, &s->answer[f], room);
		s->addrs[f] = arena_array(&g->arena, room, sizeof *s->addrs[f]);
		if (e == 0 && conf->policy.all_down == POLICY_ALL_DOWN_LAST)
			e = make_answer(g, &s->last[f], conf->policy.member_count);
		if (!s->addrs[f])
			e = ERR_NOMEM;
	}
	if (e < 0)
		return e;
	name_format(conf->owner, name);
	return table_put(&g->names, name, strlen(name), s);
}

static int make_services(struct gen *g)
{
	const struct plan *p = g->plan;
	size_t most = 1;
	int e = 0;
	g->services = arena_array(&g->arena, p->service_count, sizeof *g->services);
	if (!g->services)
		return ERR_NOMEM;
	for (uint32_t i = 0; e == 0 && i < p->service_count; i++) {
		size_t n = (size_t)p->services[i].policy.member_count + p->services[i].policy.fallback_count;
		most = n > most ? n : most;
		e = make_service(g, &g->services[i], &p->services[i]);
	}
	for (int f = 0; e == 0 && f < CORE_FAMILIES; f++)
		e = make_answer(g, &g->scratch[f], most);
	g->input = arena_array(&g->arena, most, sizeof *g->input);
	g->trial = arena_array(&g->arena, most, sizeof *g->trial);
	g->down = arena_array(&g->arena, most, sizeof *g->down);
	g->leaves = arena_array(&g->arena, most, sizeof *g->leaves);
	return e < 0 || !g->input || !g->trial || !g->down || !g->leaves ? ERR_NOMEM : 0;
}

static int make_peers(struct gen *g)
{
	const struct plan *p = g->plan;
	g->peers = arena_array(&g->arena, p->node_count, sizeof *g->peers);
	if (!g->peers)
		return ERR_NOMEM;
	for (uint16_t i = 0; p->pair.present && i < p->node_count && g->peer_count < PAIR_NODES_MAX - 1; i++) {
		const struct plan_node *n = &p->nodes[i];
		if (i == p->self)
			continue;
		struct pair_peer_conf *out = &g->peers[g->peer_count++];
		out->id = n->id;
		out->addr_count = n->peer_count < 2 ? n->peer_count : 2;
		for (uint8_t k = 0; k < out->addr_count; k++)
			out->addr[k] = n->peer[k];
	}
	return 0;
}

int gen_new(struct gen **out, const struct plan *p)
{
	struct gen *g = calloc(1, sizeof *g);
	if (!g)
		return ERR_NOMEM;
	g->plan = p;
	arena_init(&g->arena, 0);
	table_init(&g->keys, &table_key);
	table_init(&g->checks, &table_key);
	table_init(&g->names, &table_key);
	table_init(&g->holds, &table_key);
	heap_init(&g->failbacks);
	heap_init(&g->slows);
	heap_init(&g->removals);
	heap_init(&g->timers);
	int e = make_services(g);
	if (e == 0)
		e = make_streams(g);
	if (e == 0)
		e = needs_index(g);
	if (e == 0)
		e = windows_init(g);
	if (e == 0)
		e = make_peers(g);
	if (e < 0) {
		gen_free(g);
		return e;
	}
	*out = g;
	return 0;
}

void gen_free(struct gen *g)
{
	if (!g)
		return;
	heap_deinit(&g->timers);
	heap_deinit(&g->removals);
	heap_deinit(&g->failbacks);
	heap_deinit(&g->slows);
	table_deinit(&g->holds);
	table_deinit(&g->names);
	table_deinit(&g->checks);
	table_deinit(&g->keys);
	arena_deinit(&g->arena);
	free(g);
}

struct stream *gen_stream(const struct gen *g, uint64_t key)
{
	return table_find(&g->keys, &key, sizeof key);
}

struct service *gen_service(const struct gen *g, const char *name, size_t len)
{
	return table_find(&g->names, name, len);
}

void selector_resolve(struct selector *s, const char *text, const struct gen *g)
{
	selector_resolve_as(s, text, g->plan, gen_service(g, text, strlen(text)) != NULL);
}

const struct plan_node *gen_self(const struct gen *g)
{
	return &g->plan->nodes[g->plan->self];
}

/* ---- from one plan to the next ---- */

static void init_stream(struct core *c, struct stream *s)
{
	schedule_start(c, s);
	s->waiting = !s->conf->canary; /* nobody's answer depends on one */
	c->waiting += s->waiting;
}

void gen_init_streams(struct core *c, struct gen *g)
{
	c->waiting = 0;
	for (uint32_t i = 0; i < g->plan->stream_count; i++)
		init_stream(c, &g->streams[i]);
}

static void carry_stream(struct core *c, struct stream *s, const struct stream *old)
{
	uint64_t latest = c->now_ms + s->conf->timing.interval_ms * 17ull / 16;
	s->health = old->health;
	s->schedule = old->schedule;
	if (old->run) {
		s->run = old->run;
		s->timeout_ms = old->timeout_ms;
		s->target->in_flight++;
		c->in_flight++;
	}
	s->late_ms = old->late_ms;
	s->asked = old->asked;
	s->kept = old->kept;
	s->gaps = old->gaps;
	s->doubted = old->doubted;
	s->voided = old->voided;
	s->mute = old->mute;
	s->told = old->told;
	s->flapping = old->flapping;
	memcpy(s->heard, old->heard, sizeof s->heard);
	s->share = old->share;
	s->unknown_ms = old->unknown_ms;
	s->stuck = old->stuck;
	s->vote = old->vote;
	s->weight = old->weight;
	s->kept_weight = old->kept_weight;
	s->recovered = old->recovered;
	s->vouched = old->vouched;
	s->stretch = old->stretch;
	s->written = old->written;
	s->differ_ms = old->differ_ms;
	s->disputed = old->disputed;
	s->waiting = old->waiting;
	s->journal = old->journal;
	s->tell = old->tell;
	memcpy(s->hold, old->hold, sizeof s->hold);
	if (s->schedule.next_ms > latest) /* the interval became shorter */
		s->schedule.next_ms = health_schedule_aligned(&s->schedule, &s->conf->timing, c->now_ms);
	s->flip_ms = health_state_flip_ms(&s->health, &s->conf->timing, c->now_ms);
	if (s->waiting)
		c->waiting++;
}

static void carry_streams(struct core *c, struct gen *g)
{
	struct gen *old = c->gen;
	c->waiting = c->in_flight = 0;
	for (uint32_t i = 0; i < g->plan->stream_count; i++) {
		struct stream *s = &g->streams[i], *was = gen_stream(old, s->conf->key);
		if (!was || was->conf->key != s->conf->key) {
			init_stream(c, s);
			continue;
		}
		carry_stream(c, s, was);
		g->moved[was - old->streams] = i;
	}
	for (uint32_t i = 0; i < old->plan->stream_count; i++) {
		if (g->moved[i] != UINT32_MAX)
			continue;
		twin_forget(c, &old->streams[i]);
		stretch_end(c, &old->streams[i]);
	}
}

static const struct member *same_member(const struct service *old, const struct policy_member *m)
{
	for (size_t i = 0; i < old->conf->policy.member_count; i++) {
		const struct policy_member *o = &old->conf->policy.members[i];
		if (o->tier == m->tier && addr_same_ip(&o->addr, &m->addr))
			return &old->members[i];
	}
	return NULL;
}

/* The indexes of a last good set are into the old plan's members: they are found again by tier and address. */
static void carry_last(struct service *s, const struct service *old, int f)
{
	struct policy_answer *to = &s->last[f];
	const struct policy_answer *from = &old->last[f];
	if (!to->member || !from->member || !policy_keeps_last(from))
		return;
	to->rule = from->rule;
	to->tier = from->tier;
	for (uint16_t i = 0; i < s->conf->policy.member_count; i++) {
		const struct member *was = same_member(old, &s->conf->policy.members[i]);
		for (uint16_t k = 0; was && k < from->count; k++) {
			if (&old->members[from->member[k]] == was)
				to->member[to->count++] = i;
		}
	}
}

/* For the notice alone: without memory there is none. */
static void carry_answer(struct gen *g, struct service *s, const struct service *old, int f)
{
	char text[NOTICE_STATE_MAX];
	if (old->decided)
		s->before[f] = arena_str(&g->arena, service_answer_text(old, f, text));
}

static void carry_services(struct core *c, struct gen *g)
{
	const struct gen *old = c->gen;
	for (uint32_t v = 0; v < g->plan->service_count; v++) {
		struct service *s = &g->services[v];
		char name[NAME_TEXT_MAX];
		name_format(s->conf->owner, name);
		const struct service *was = gen_service(old, name, strlen(name));
		if (!was)
			continue;
		s->was_ready = was->was_ready;
		for (size_t i = 0; i < s->conf->policy.member_count; i++) {
			const struct member *m = same_member(was, &s->conf->policy.members[i]);
			if (!m)
				continue;
			s->members[i].state = m->state;
			s->members[i].changed_ms = m->changed_ms;
			slow_carry(c, s, &s->members[i], was, m);
		}
		for (int f = 0; f < CORE_FAMILIES; f++) {
			carry_last(s, was, f);
			carry_answer(g, s, was, f);
		}
		failback_carry(s, was);
		removals_carry(s, was);
		s->held_back = window_same(g, was->held_back);
		s->windowed = was->windowed;
	}
	for (uint32_t v = 0; v < old->plan->service_count; v++) {
		char name[NAME_TEXT_MAX];
		name_format(old->services[v].conf->owner, name);
		const struct service *is = gen_service(g, name, strlen(name));
		if (!is || is->conf->policy.failback_ms == 0 || is->conf->policy.couple != old->services[v].conf->policy.couple)
			failback_forget(c, &old->services[v]);
	}
}

void gen_carry(struct core *c, struct gen *g)
{
	for (uint32_t i = 0; i < g->moved_count; i++)
		g->moved[i] = UINT32_MAX;
	carry_streams(c, g);
	unknown_carry(c, g);
	windows_carry(c, g);
	carry_services(c, g);
}
