/* The nodes, their datagrams, and the clock. */
#include <stdarg.h>
#include "sim/ways.h"

static void say(const struct ways *w, const char *what, const char *format, va_list args)
{
	printf("%s%9.3f ", what, (double)w->now / 1000);
	vprintf(format, args);
	putchar('\n');
}

void ways_tell(struct ways *w, const char *format, ...)
{
	va_list args;
	if (!w->loud)
		return;
	va_start(args, format);
	say(w, "", format, args);
	va_end(args);
}

void ways_fault(struct ways *w, const char *format, ...)
{
	va_list args;
	if (w->failed)
		return;
	w->failed = true;
	printf("seed %llu, %s, %d nodes: ", (unsigned long long)w->seed, w->story, w->nodes);
	va_start(args, format);
	say(w, "", format, args);
	va_end(args);
}

struct addr ways_address(int i)
{
	return (struct addr){ .family = 4, .ip = { 192, 0, 2, (uint8_t)(i + 1) }, .port = 5400 };
}

struct pair_peer_view ways_view(const struct ways *w, int i, int of)
{
	struct pair_peer_view v;
	pair_peer_get(w->node[i].p, (size_t)(of < i ? of : of - 1), &v, ways_at(w, i));
	return v;
}

static uint64_t wall(const struct ways *w, int i)
{
	return WAYS_WALL_MS + w->now + (uint64_t)w->node[i].wall;
}

/* ---- lives ---- */

void ways_start(struct ways *w, int i)
{
	struct ways_node *n = &w->node[i];

	n->epoch = ((n->epoch >> 32) + 1) << 32 | 7;
	n->boot = hash_mix(++w->boots, w->seed) | 1;
	n->born = n->woke = w->now;
	n->self = PAIR_BOOT;
	n->signs = (struct pair_self_signs){ 0 };
	n->must_many = n->told_deaf = false;
	n->lhm = 0;
	n->acks = n->must_count = n->due = n->epoch_at = n->awake_from = 0;
	memset(n->of, 0, sizeof n->of);
	for (int k = 0; k < w->nodes; k++)
		n->of[k].start = n->of[k].level_since = ways_at(w, i);
	if (pair_new(&n->p, &n->conf, n->boot, n->epoch, ways_at(w, i), wall(w, i)) < 0)
		abort();
	ways_tell(w, "n%d starts", i + 1);
}

void ways_kill(struct ways *w, int i)
{
	ways_tell(w, "n%d is killed", i + 1);
	pair_free(w->node[i].p);
	w->node[i].p = NULL;
	streams_kill(w, i);
}

static void configure(struct ways *w, int i)
{
	struct ways_node *n = &w->node[i];

	n->conf = (struct pair_conf){ .self_id = (uint8_t)(i + 1), .cluster = "ways", .key = "a key", .interval_ms = w->interval_ms,
				      .config_digest = 5, .peers = n->peer };
	for (int k = 0; k < w->nodes; k++) {
		if (k != i)
			n->peer[n->conf.peer_count++] = (struct pair_peer_conf){ (uint8_t)(k + 1), { ways_address(k) }, 1 };
		for (int t = 0; t < 2; t++) {
			struct seal_keys keys;
			seal_keys_derive(&keys, n->conf.key, t ? SEAL_TCP : SEAL_UDP, (uint8_t)(i + 1), (uint8_t)(k + 1));
			memcpy(w->keys[t][i][k], keys.send, PAIR_KEY_LEN);
		}
	}
}

void ways_begin(struct ways *w, uint64_t seed, int nodes)
{
	struct pipe kept[PIPES_MAX];
	bool loud = w->loud;
	uint64_t steps = w->steps;
	uint32_t delay;

	memcpy(kept, w->pipes, sizeof kept);
	memset(w, 0, offsetof(struct ways, flights));
	memset(&w->flight_count, 0, sizeof *w - offsetof(struct ways, flight_count));
	memcpy(w->pipes, kept, sizeof kept);
	streams_begin(w);
	w->loud = loud, w->steps = steps, w->seed = seed, w->nodes = nodes, w->now = 10000;
	w->steal_from = w->steal_to = -1;
	rng_init(&w->rng, seed);
	w->interval_ms = 100 * (1 + ways_below(w, 3));
	w->slow_kernel = ways_below(w, 2);
	w->disk_ms = ways_below(w, 4) ? 30 : 1500;
	delay = 1 + ways_below(w, ways_below(w, 2) ? 5 : 40);
	for (int i = 0; i < nodes; i++) {
		w->node[i].mono = ways_below(w, 100000);
		w->node[i].wall = (int64_t)ways_below(w, 20000) - 10000;
		configure(w, i);
		for (int k = 0; k < nodes; k++)
			w->way[i][k] = (struct way){ .delay_ms = delay, .large = -1 };
	}
	for (int i = 0; i < nodes; i++)
		ways_start(w, i);
}

void ways_end(struct ways *w)
{
	for (int i = 0; i < w->nodes; i++)
		pair_free(w->node[i].p);
	streams_end(w);
}

/* ---- datagrams ---- */

void ways_cut(struct ways *w, int a, int b, bool cut)
{
	w->way[a][b].cut = w->way[b][a].cut = cut;
}

void ways_tcp(struct ways *w, int a, int b, enum tcp_way t)
{
	w->tcp[a][b] = w->tcp[b][a] = t;
	if (t == TCP_DEAD)
		streams_stick(w, a, b);
}

static bool is_lost(struct ways *w, struct way *way, const struct flight *f)
{
	if (way->cut || (way->loss && ways_below(w, 100) < way->loss))
		return true;
	if (f->len > LARGE_LEN && way->large >= 0 && way->large-- == 0)
		return ++way->large, true;
	return false;
}

static void send(struct ways *w, struct flight *f)
{
	struct way *way = &w->way[f->from][f->to];

	see_sent(w, f->from, f->to, LINK_UDP, f->data, f->len, false);
	if (w->odd && ways_below(w, 100) < w->odd)
		see_odd(w, f);
	if (f->from == w->steal_from && f->to == w->steal_to && !w->stolen.len) {
		struct seen s;
		struct tlv t;
		if (!see(w, &s, f->from, f->to, LINK_UDP, f->data, f->len))
			return;
		for (struct rbuf walk = tlv_walk(&s.b); tlv_next(&walk, &t) && !w->stolen.len;)
			if (t.type == TLV_DELTA && t.delta.count > 0)
				w->stolen = *f;
		if (w->stolen.len)
			return;
	}
	for (unsigned copies = way->doubled && ways_below(w, 100) < way->doubled ? 2 : 1; copies > 0; copies--) {
		if (is_lost(w, way, f))
			continue;
		f->order = ++w->flown;
		f->at = w->now + way->delay_ms + (way->jitter_ms ? ways_below(w, way->jitter_ms) : 0u);
		if (w->flight_count == FLIGHTS_MAX)
			ways_fault(w, "more packets on their way than any rule lets go");
		else
			w->flights[w->flight_count++] = *f;
	}
}

static void deliver(struct ways *w, const struct flight *f)
{
	struct addr from = ways_address(f->from);
	struct before before = see_before(w, f->to, f->from);

	if (pair_receive(w->node[f->to].p, &from, f->data, f->len, ways_at(w, f->to), wall(w, f->to)) == 0)
		see_taken(w, f->to, f->from, LINK_UDP, f->data, f->len, &before);
	ways_drain(w, f->to);
}

/* ---- the clock ---- */

static void take_epoch(struct ways *w, int i)
{
	struct ways_node *n = &w->node[i];

	if (!pair_wants_epoch(n->p))
		return;
	if (!n->epoch_at)
		n->epoch_at = w->now + 1 + ways_below(w, w->disk_ms);
	if (w->now < n->epoch_at)
		return;
	n->epoch = pair_wants_epoch(n->p) | 7;
	n->boot = hash_mix(++w->boots, w->seed) | 1;
	n->epoch_at = 0;
	pair_set_epoch(n->p, n->epoch, n->boot, ways_at(w, i));
}

void ways_drain(struct ways *w, int i)
{
	struct ways_node *n = &w->node[i];
	struct pair_record r;
	struct pair_event e;
	struct pair_stream s;
	struct flight f = { .from = i };
	struct addr to;
	size_t len;

	while (pair_next_change(n->p, &r))
		continue;
	while (pair_next_event(n->p, &e))
		judge_event(w, i, &e);
	take_epoch(w, i);
	while (pair_next_packet(n->p, &to, f.data, &len, ways_at(w, i), wall(w, i))) {
		f.to = to.ip[3] - 1;
		f.len = (uint32_t)len;
		send(w, &f);
	}
	while (pair_next_stream(n->p, &s, ways_at(w, i), wall(w, i)))
		streams_do(w, i, &s);
	judge_step(w, i);
	uint64_t due = pair_deadline(n->p);
	n->due = due > ways_at(w, i) ? due : ways_at(w, i);
	w->steps++;
}

static void tick(struct ways *w, int i)
{
	uint8_t lhm = pair_lhm(w->node[i].p);

	pair_tick(w->node[i].p, ways_at(w, i), wall(w, i));
	judge_health(w, i, lhm);
	ways_drain(w, i);
	judge_tick(w, i);
	streams_judge(w, i);
	if (pair_deadline(w->node[i].p) <= ways_at(w, i))
		ways_fault(w, "n%d wants a timer in the past", i + 1);
}

static uint64_t wakes(const struct ways *w, int i)
{
	const struct ways_node *n = &w->node[i];
	uint64_t at = n->p ? pair_deadline(n->p) : UINT64_MAX;

	if (!n->p)
		return at;
	at = at == UINT64_MAX ? at : at <= ways_at(w, i) ? w->now : at - n->mono;
	if (n->epoch_at && n->epoch_at < at)
		at = n->epoch_at;
	return at < n->awake_from ? n->awake_from : at;
}

static int next_flight(const struct ways *w, uint64_t *at)
{
	int best = -1;

	for (size_t k = 0; k < w->flight_count; k++) {
		const struct flight *f = &w->flights[k];
		uint64_t when = f->at > w->node[f->to].awake_from ? f->at : w->node[f->to].awake_from;
		if (when < *at || (when == *at && best >= 0 && f->order < w->flights[best].order)) {
			*at = when;
			best = (int)k;
		}
	}
	return best;
}

/* Timers first: who was held up finds out before it reads. */
static void step(struct ways *w, int timer, int flight)
{
	if (timer >= 0) {
		if (w->node[timer].awake_from && w->now >= w->node[timer].awake_from) {
			w->node[timer].woke = w->now;
			w->node[timer].awake_from = 0;
		}
		tick(w, timer);
	} else if (flight >= 0) {
		struct flight f = w->flights[flight];
		w->flights[flight] = w->flights[--w->flight_count];
		if (w->node[f.to].p)
			deliver(w, &f);
	} else {
		streams_step(w);
	}
}

void ways_run(struct ways *w, uint64_t ms)
{
	uint64_t end = w->now + ms;

	while (!w->failed) {
		uint64_t at = UINT64_MAX, flight_at = UINT64_MAX, streams_at = streams_next(w);
		int timer = -1, flight = next_flight(w, &flight_at);
		for (int i = 0; i < w->nodes; i++) {
			if (wakes(w, i) < at)
				at = wakes(w, timer = i);
		}
		if (flight_at < at)
			at = flight_at, timer = -1;
		if (streams_at < at)
			at = streams_at, timer = flight = -1;
		else if (timer >= 0)
			flight = -1;
		if (at > end)
			break;
		w->now = at > w->now ? at : w->now;
		step(w, timer, flight);
	}
	if (!w->failed)
		w->now = end;
}
