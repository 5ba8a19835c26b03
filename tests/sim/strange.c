/* One node among strangers (strange.h): seeds of one story under a virtual clock, and what must be so after each step.
 *
 *     strange [--runs N] [--from N]     strange --seed N     a failure prints its seed, which tells the story again
 */
#include <sodium.h>
#include <stdarg.h>
#include "sim/seeds.h"
#include "sim/strange.h"

#if defined(__SANITIZE_ADDRESS__)
#define RUNS 100
#else
#define RUNS 600
#endif
#define STEPS 70

void broken(struct world *w, const char *what)
{
	static char text[160];
	if (w->fault)
		return;
	snprintf(text, sizeof text, "at %llu ms: %s", (unsigned long long)w->now, what);
	w->fault = text;
}

void say(const struct world *w, const char *format, ...)
{
	va_list args;
	if (!w->loud)
		return;
	va_start(args, format);
	printf("%8.3f ", (double)w->now / 1000);
	vprintf(format, args);
	printf("\n");
	va_end(args);
}

struct addr stranger(size_t i)
{
	return (struct addr){ .family = 4, .ip = { 127, 1, 1, (uint8_t)(100 + i) }, .port = 9000 };
}

/* ---- what the node says ---- */

static void take_events(struct world *w)
{
	struct pair_event e;
	unsigned refutes = 0, duplicates = 0;

	while (pair_next_event(w->p, &e)) {
		say(w, "event %d of %u: %s, then %s", e.type, e.peer, pair_link_state_text(e.from), pair_link_state_text(e.to));
		refutes += e.type == PAIR_EVENT_REFUTE;
		duplicates += e.type == PAIR_EVENT_DUPLICATE;
		REQUIRE(w, e.type != PAIR_EVENT_TILT || w->leaving, "the node believes that it was stopped");
		REQUIRE(w, e.type != PAIR_EVENT_SKEW, "a clock is blamed that is right");
	}
	REQUIRE(w, duplicates <= w->duplicates, "another node is said to have the id, and too few say so");
	REQUIRE(w, duplicates >= w->duplicates, "a fourth who knows the node better within a minute is not told");
	REQUIRE(w, refutes == w->refutes, "refuted too often, or too seldom");
	w->refutes = w->duplicates = 0;
}

static void take_streams(struct world *w)
{
	struct pair_stream s;

	while (!w->fault && pair_next_stream(w->p, &s, w->now, wall(w))) {
		if (s.op == PAIR_STREAM_OPEN) {
			pair_stream_end(w->p, s.id, w->now); /* nobody listens */
		} else if (s.op == PAIR_STREAM_CLOSE) {
			stream_closed(w, s.id);
		} else {
			struct connection *c = connection_of(w, s.id);
			REQUIRE(w, c && c->open, "octets for a connection that is closed");
			hear(w, NULL, s.id, s.data + PAIR_FRAME_LEN, s.len - PAIR_FRAME_LEN);
			pair_stream_drained(w->p, s.id, w->now);
			w->sent++;
		}
	}
}

unsigned drain(struct world *w)
{
	uint8_t data[PAIR_PACKET_MAX];
	struct pair_record r;
	struct addr to;
	size_t len;

	w->sent = 0;
	for (; !w->fault && pair_next_packet(w->p, &to, data, &len, w->now, wall(w)); w->sent++)
		hear(w, &to, 0, data, len);
	take_streams(w);
	while (!w->fault && pair_next_change(w->p, &r))
		REQUIRE(w, r.owner != SELF, "own records change by others' words");
	take_events(w);
	judge_unanswered(w);
	return w->sent;
}

static void renew_epoch(struct world *w)
{
	uint64_t wanted = pair_wants_epoch(w->p);

	if (!wanted || w->now < w->mute_until_ms)
		return;
	w->epoch = wanted | below(w, 1000);
	w->boot = ++w->boots;
	pair_set_epoch(w->p, w->epoch, w->boot, w->now);
	for (size_t i = 0; i < w->peers; i++) {
		w->peer[i].asked = 0;
		w->peer[i].late_count = 0; /* for a life that is over: such a packet asks, and which answer is its own nobody could tell */
	}
	drain(w);
}

void pass(struct world *w, uint64_t ms)
{
	uint64_t end = w->now + ms;

	renew_epoch(w);
	while (!w->fault) {
		uint64_t at = pair_deadline(w->p);
		if (at > end)
			break;
		w->now = at > w->now ? at : w->now + 1;
		pair_tick(w->p, w->now, wall(w));
		drain(w);
		renew_epoch(w);
	}
	w->now = end > w->now ? end : w->now;
}

/* ---- the story ---- */

static void write_own(struct world *w)
{
	uint64_t key = below(w, KEYS), value = rng_u64(&w->rng) | 1;
	uint8_t octets[8];

	store_u64(octets, value);
	if (pair_write(w->p, PAIR_VERDICT, key, octets, sizeof octets, w->now) < 0)
		abort();
	w->own[key] = value;
}

/* The node is known to have written what it did not: it lost its disk, or another has its id. */
static void claim(struct world *w)
{
	struct puppet *e = &w->peer[below(w, w->peers)];
	size_t n = 1 + below(w, 5);

	say(w, "%u knows the node better, %zu times", e->id, n);
	for (size_t i = 0; i < n && e->counter + 2 < COUNTERS_MAX && !w->fault; i++) {
		const struct pair_vector knew = e->knows;
		e->knows = (struct pair_vector){ w->epoch + ((1 + below(w, 3)) << 32), below(w, 5) };
		struct letter l = letter_write(w, e, BY_UDP);
		e->knows = knew;
		letter_seal(e, &l);
		w->mute_until_ms = chance(w, 50) ? w->now : w->now + below(w, 100);
		letter_send(w, e, &l, &e->addr[0], 0);
		pass(w, below(w, 3000));
	}
}

/* It is as if it had rested for weeks, or its stamps stood ahead by others that it saw. */
static void change_clock(struct world *w)
{
	struct puppet *e = &w->peer[below(w, w->peers)];

	if (chance(w, 50))
		e->ts_off += (uint32_t)1 << 31 | (uint32_t)below(w, 100000);
	else
		e->ahead_ms = chance(w, 30) ? 0 : below(w, 86400000);
}

static void step(struct world *w)
{
	uint64_t what = below(w, 100);

	if (what < 34)
		peer_talks(w, &w->peer[below(w, w->peers)]);
	else if (what < 56)
		send_wrong(w);
	else if (what < 64)
		send_hellos(w);
	else if (what < 66)
		send_flood(w);
	else if (what < 70)
		send_copies(w);
	else if (what < 74)
		send_hints(w);
	else if (what < 80)
		connect_some(w);
	else if (what < 88)
		talk_by_stream(w);
	else if (what < 89)
		claim(w);
	else if (what < 91)
		live_anew(w, &w->peer[below(w, w->peers)]);
	else if (what < 95)
		write_own(w);
	else if (what < 97)
		change_clock(w);
	else if (what < 98)
		rest(w);
	else
		pass(w, below(w, 8000)); /* nobody speaks, and links are lost */
	if (!w->fault && chance(w, 60))
		pass(w, below(w, w->conf.interval_ms / 2));
	judge_streams(w);
	settle_views(w);
}

static void begin(struct world *w, uint64_t seed)
{
	bool loud = w->loud;

	memset(w, 0, sizeof *w);
	w->loud = loud;
	w->seed = seed;
	rng_init(&w->rng, seed);
	w->now = 1000 + below(w, 100000);
	w->peers = chance(w, 60) ? 1 + below(w, 2) : 1 + below(w, PEERS_MAX);
	w->boots = 1000000; /* so that none is a number that somebody makes up */
	w->boot = ++w->boots;
	w->epoch = (1 + below(w, 9)) << 32 | below(w, 1000);
	w->conf = (struct pair_conf){ .self_id = SELF, .cluster = "strange", .key = "the key of them all", .peers = w->peer_conf,
				      .peer_count = (uint8_t)w->peers, .interval_ms = (uint32_t)(100 + below(w, 400)), .config_digest = 7 };
	peers_init(w);
	say(w, "%zu peers, an interval of %u ms", w->peers, w->conf.interval_ms);
	if (pair_new(&w->p, &w->conf, w->boot, w->epoch, w->now, wall(w)) < 0)
		abort();
	drain(w);
	pair_tick(w->p, w->now, wall(w));
	drain(w);
}

static bool tell(void *arg, uint64_t seed)
{
	struct world *w = arg;

	begin(w, seed);
	for (int i = 0; i < STEPS && !w->fault; i++)
		step(w);
	if (!w->fault)
		leave(w);
	pair_free(w->p);
	if (w->fault)
		printf("seed %llu %s\n", (unsigned long long)seed, w->fault);
	return !w->fault;
}

int main(int argc, char **argv)
{
	static struct world w;
	struct seeds seeds = seeds_read("strange", RUNS, argv);

	(void)argc;
	if (sodium_init() < 0)
		return 1;
	w.loud = seeds.loud;
	struct seeds_done done = seeds_run(&seeds, tell, &w);
	const char *unfair = judge_lots();
	if (unfair)
		printf("all runs until seed %llu: %s\n", (unsigned long long)(seeds.from + done.runs - 1), unfair);
	printf("%llu runs, %llu failures; of %.0f answers by lot %.0f were the first's, %.0f the last's, and chance gives %.0f to each\n",
	       (unsigned long long)done.runs, (unsigned long long)done.failures, lots.count, lots.first, lots.last, lots.expected);
	return done.failures || unfair ? 1 : 0;
}
