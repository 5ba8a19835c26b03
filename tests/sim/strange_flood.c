/* Many packets, of who has the key and of who has not: what they may cost.
 *
 *     opened    of one source 100 a second that do not count, of all strangers 2,000; from a peer's address 1,000, whatever strangers do
 *     answered  hellos, and packets of sessions that are over: one an interval and peer, drawn by lot, never longer than what was asked
 *
 * The reckoning is done here again. Sources may share a bucket in the node, so of strangers only the upper bound is known; of peers
 * both: what is well is never refused while fewer failed.
 */
#include "sim/strange.h"

#define SOURCE_A_SECOND 100
#define STRANGERS_A_SECOND 2000
#define PEER_A_SECOND 1000
#define LOTS_LEAST 40 /* of fewer nothing can be said */
#define HELLO_LEN (PAIR_HEADER_LEN + PAIR_BEAT_LEN + PAIR_TAG_LEN)

struct lots lots;

static uint64_t left(const struct bucket *b, uint64_t a_second, uint64_t now)
{
	uint64_t full = a_second * 1000, sum = b->left + (now - b->at_ms) * a_second;
	return !b->used || sum > full ? full : sum;
}

bool bucket_has(const struct bucket *b, uint64_t a_second, uint64_t now)
{
	return left(b, a_second, now) >= 1000;
}

void bucket_take(struct bucket *b, uint64_t a_second, uint64_t now)
{
	uint64_t n = left(b, a_second, now);
	*b = (struct bucket){ .used = true, .at_ms = now, .left = n >= 1000 ? n - 1000 : 0 };
}

/* Whose address it is; NULL: a stranger's. */
static struct puppet *whose(struct world *w, const struct addr *from)
{
	for (size_t i = 0; i < w->peers; i++)
		for (unsigned k = 0; k < w->peer[i].addr_count; k++)
			if (addr_equal(&w->peer[i].addr[k], from))
				return &w->peer[i];
	return NULL;
}

static size_t source_of(const struct addr *from)
{
	return (size_t)(from->ip[3] - 100) % SOURCES;
}

bool gate_opens(const struct world *w, const struct addr *from)
{
	const struct puppet *e = whose((struct world *)w, from);

	if (e)
		return bucket_has(&e->gate, PEER_A_SECOND, w->now);
	return bucket_has(&w->source[source_of(from)], SOURCE_A_SECOND, w->now) && bucket_has(&w->strangers, STRANGERS_A_SECOND, w->now);
}

struct addr from_anywhere(struct world *w, const struct puppet *e, unsigned percent_elsewhere)
{
	bool rests = !w->flooded_ms || w->now > w->flooded_ms + 1000;
	return rests && chance(w, percent_elsewhere) ? stranger(below(w, SOURCES)) : e->addr[below(w, e->addr_count)];
}

void gate_pays(struct world *w, const struct addr *from)
{
	struct puppet *e = whose(w, from);

	if (e) {
		REQUIRE(w, bucket_has(&e->gate, PEER_A_SECOND, w->now), "more is opened from a peer's address than a second allows");
		bucket_take(&e->gate, PEER_A_SECOND, w->now);
		return;
	}
	REQUIRE(w, gate_opens(w, from), "more is opened of strangers than a second allows");
	bucket_take(&w->source[source_of(from)], SOURCE_A_SECOND, w->now);
	bucket_take(&w->strangers, STRANGERS_A_SECOND, w->now);
}

/* ---- hellos ---- */

void ask(struct world *w, struct puppet *e, uint64_t boot, size_t len, const struct addr *from, uint32_t stream)
{
	uint64_t next = e->answered_ms ? e->answered_ms + w->conf.interval_ms : 0;

	if (e->asked == 0) {
		e->due_ms = next > w->now ? next : w->now;
		e->by_stream = false;
	}
	e->by_stream |= stream != 0;
	if (e->asked == ASKERS_MAX)
		return;
	struct asker *a = &e->askers[e->asked++];
	*a = (struct asker){ .boot = boot, .len = len, .stream = stream };
	for (unsigned k = 0; !stream && k < e->addr_count; k++)
		if (addr_equal(&e->addr[k], from))
			a->address = (uint8_t)k;
}

static void count_lot(const struct puppet *e, size_t drawn)
{
	double p = 1.0 / (double)e->asked;

	if (e->asked < 2 || e->asked == ASKERS_MAX || e->by_stream)
		return;
	for (size_t i = 0; i < e->asked; i++)
		for (size_t k = 0; k < i; k++)
			if (e->askers[i].boot == e->askers[k].boot)
				return; /* copies: which of them has it cannot be told */
	lots.count++;
	lots.first += drawn == 0;
	lots.last += drawn == e->asked - 1;
	lots.expected += p;
	lots.variance += p * (1 - p);
}

/* Within six times what chance does to it. */
static bool is_fair(double n)
{
	double off = n - lots.expected;
	return off * off <= 36 * lots.variance;
}

const char *judge_lots(void)
{
	if (lots.count < LOTS_LEAST)
		return NULL;
	if (!is_fair(lots.first))
		return "the first that asks is answered more often, or less, than by lot";
	return is_fair(lots.last) ? NULL : "the last that asks is answered more often, or less, than by lot";
}

void judge_answer(struct world *w, struct puppet *e, uint64_t boot, size_t len, const struct addr *to, uint32_t stream)
{
	size_t all = (w->peers + 1) * PAIR_ENTRY_LEN, i = 0;

	while (i < e->asked && (e->askers[i].boot != boot || e->askers[i].stream != stream))
		i++;
	if (i == e->asked) {
		broken(w, "an answer to a question that nobody asked, or that was answered");
		return;
	}
	size_t fit = (e->askers[i].len - HELLO_LEN) / PAIR_ENTRY_LEN * PAIR_ENTRY_LEN;
	REQUIRE(w, w->now >= e->due_ms, "two answers within an interval");
	REQUIRE(w, len <= e->askers[i].len, "an answer is longer than what was asked");
	REQUIRE(w, len == HELLO_LEN + (fit < all ? fit : all), "an answer says less than fits");
	REQUIRE(w, stream || addr_equal(to, &e->addr[e->askers[i].address]), "an answer goes to another address");
	count_lot(e, i);
	say(w, "answers %u: question %zu of %zu", e->id, i + 1, e->asked);
	e->asked = 0;
	e->answered_ms = w->now;
}

void judge_unanswered(struct world *w)
{
	for (size_t i = 0; i < w->peers; i++) {
		struct puppet *e = &w->peer[i];
		if (e->asked == 0 || w->now < e->due_ms || pair_wants_epoch(w->p))
			continue;
		REQUIRE(w, e->by_stream, "a question is due for an answer, and there is none");
		e->asked = 0; /* its connection is gone */
	}
}

struct letter hello_write(struct world *w, struct puppet *e, enum way way, bool old)
{
	struct letter l = letter_write(w, e, way);
	size_t entries = below(w, 8);

	l.boot = ++w->boots;
	l.your_boot = old ? w->boot : below(w, 2);
	l.epoch = old ? 1 : e->epoch;
	store_u64(l.head + 16, l.boot);
	store_u64(l.plain, l.your_boot);
	store_u64(l.plain + 8, l.epoch);
	l.plain[59] = (uint8_t)entries;
	l.text = PAIR_BEAT_LEN + entries * PAIR_ENTRY_LEN;
	memset(l.plain + PAIR_BEAT_LEN, 0, entries * PAIR_ENTRY_LEN);
	letter_seal(e, &l);
	return l;
}

void send_hellos(struct world *w)
{
	struct puppet *e = &w->peer[below(w, w->peers)];
	size_t n = 1 + below(w, 5);

	if (e->counter + n >= COUNTERS_MAX)
		return;
	if (chance(w, 70)) /* nobody asked for long */
		pass(w, 2 * w->conf.interval_ms);
	say(w, "%zu hellos of %u", n, e->id);
	for (size_t i = 0; i < n && !w->fault; i++) {
		struct letter l = hello_write(w, e, BY_UDP, e->in_epoch > 1 && chance(w, 30));
		struct addr from = from_anywhere(w, e, 30);
		letter_send(w, e, &l, &from, 0);
		if (chance(w, 50))
			pass(w, below(w, w->conf.interval_ms / 4));
	}
}

/* ---- floods ---- */

/* How many of those that came just now were opened, and did not count. */
static uint64_t failed(const struct world *w)
{
	const struct pair_stats *s = pair_stats_get(w->p);
	return s->refused_auth + s->refused_format + s->refused_session + s->hellos;
}

static void flood(struct world *w, const struct letter *l, size_t n, size_t sources, const struct addr *from)
{
	uint64_t before = look(w);

	for (size_t i = 0; i < n && !w->fault; i++) {
		struct addr a = from ? *from : stranger(i % sources);
		uint64_t was = failed(w);
		a.port = from ? a.port : (uint16_t)(1 + i); /* it costs nothing to change */
		int got = pair_receive(w->p, &a, l->data, l->len, w->now, wall(w));
		REQUIRE(w, got < 0, "a flood counts");
		if (failed(w) > was)
			gate_pays(w, &a);
		else
			REQUIRE(w, !from || !bucket_has(&whose(w, from)->gate, PEER_A_SECOND, w->now),
				"nothing is opened any more, and few failed");
	}
	if (!from)
		w->flooded_ms = w->now;
	REQUIRE(w, from || look(w) == before, "a flood changes something");
	drain(w);
}

/* Sealed with another key, or well sealed and malformed: neither is opened without end. */
void send_flood(struct world *w)
{
	struct puppet *e = &w->peer[below(w, w->peers)];
	struct letter l = letter_write(w, e, BY_UDP);
	bool authentic = chance(w, 50);
	unsigned which = (unsigned)below(w, 20);

	l.text = PAIR_BEAT_LEN;
	l.plain[59] = 0;
	if (authentic)
		store_u64(l.plain + 8, 0); /* of no epoch */
	letter_seal(e, &l);
	l.data[l.len - 1] ^= (uint8_t)!authentic;
	say(w, "a flood as %u, %s", e->id, authentic ? "authentic" : "forged");
	if (which == 0)
		flood(w, &l, 2000 + below(w, 600), SOURCES, NULL);
	else if (which == 1)
		flood(w, &l, 1000 + below(w, 200), 1, &e->addr[0]);
	else
		flood(w, &l, 60 + below(w, 120), 1 + below(w, 2), NULL);
	for (size_t i = below(w, 3); i > 0 && !w->fault; i--)
		peer_talks(w, &w->peer[below(w, w->peers)]);
}

/* Of a packet that counted: by number alone it is known to be one, and nobody looks further. */
void send_copies(struct world *w)
{
	struct puppet *e = &w->peer[below(w, w->peers)];
	struct letter l = letter_write(w, e, BY_UDP);

	if (e->counter + 2 >= COUNTERS_MAX || !gate_opens(w, &e->addr[0]))
		return;
	letter_seal(e, &l);
	letter_send(w, e, &l, &e->addr[0], 0);
	uint64_t before = look(w);
	say(w, "copies of a packet of %u", e->id);
	for (size_t i = 1 + below(w, 20); i > 0 && !w->fault; i--) {
		const uint64_t was = failed(w);
		l.data[l.len - 1] ^= (uint8_t)below(w, 2);
		int got = pair_receive(w->p, &e->addr[i % e->addr_count], l.data, l.len, w->now, wall(w));
		REQUIRE(w, got == ERR_STALE && failed(w) == was, "what the session had is opened again");
	}
	REQUIRE(w, look(w) == before, "a copy changes something");
	drain(w);
	REQUIRE(w, w->sent == 0, "a copy is answered");
}

/* Nobody can tell who says that he speaks another version. */
void send_hints(struct world *w)
{
	struct puppet *e = &w->peer[below(w, w->peers)];
	const uint8_t hint[PAIR_HEADER_LEN + PAIR_TAG_LEN] = "GEML\011";

	say(w, "another version is claimed from %u's address", e->id);
	for (size_t i = 1 + below(w, 5); i > 0; i--)
		REQUIRE(w, pair_receive(w->p, &e->addr[0], hint, sizeof hint, w->now, wall(w)) == ERR_VERSION,
			"a version that nobody speaks is read");
	drain(w);
	REQUIRE(w, w->sent == 0, "a hint is answered");
	if (chance(w, 70))
		peer_talks(w, e);
}
