/* Random histories of one core against the rules said again (histories.h).
 *
 *     histories [--runs N] [--from N]     histories --seed N     one, and its story is told
 */
#include <inttypes.h>
#include <stdarg.h>
#include "base/rng.h"
#include "dns/const.h"
#include "lib/plan_make.h"
#include "sim/histories.h"
#include "sim/seeds.h"

#ifdef __SANITIZE_ADDRESS__
#define RUNS 10000
#else
#define RUNS 100000
#endif
#define BEGIN_MS 1000000
#define WALL_MS 1700000000000u
#define EVENTS 12      /* of people and back ends, in one history */
#define GAP_MS 1600    /* between them, at most */
#define FLIGHTS 256
#define ADDRESSES 9    /* 127.0.0.1 to .6, ::1 to ::3 */

struct flight { uint64_t at_ms; uint32_t stream, run; };
struct history {
	struct rng rng;
	bool loud;
	char text[4096];
	size_t text_len;
	struct plan *plan;
	struct core *core;
	uint64_t now_ms, unsynced;
	struct flight flights[FLIGHTS];
	size_t flight_count;
	unsigned health[HISTORY_STREAMS]; /* of 100 probes, so many pass */
	struct history_set sets[HISTORY_SERVICES][2];
	struct history_oracle oracle;
	struct core_command command; /* the one that waits for its answer */
	bool answered, refused;
	char reply[CORE_TEXT_MAX];
};

static bool chance(struct history *h, unsigned percent)
{
	return rng_below(&h->rng, 100) < percent;
}

static unsigned below(struct history *h, unsigned n)
{
	return (unsigned)rng_below(&h->rng, n);
}

/* ---- a configuration ---- */

static void say(struct history *h, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say(struct history *h, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(h->text + h->text_len, sizeof h->text - h->text_len, fmt, ap);
	va_end(ap);
	h->text_len += (size_t)n;
	if (h->text_len >= sizeof h->text)
		abort();
}

static const char *address(unsigned i, char out[16])
{
	snprintf(out, 16, i < 6 ? "127.0.0.%u" : "::%u", i < 6 ? i + 1 : i - 5);
	return out;
}

static void say_members(struct history *h, unsigned service, bool weighted, bool loaded)
{
	char ip[16];
	unsigned order = below(h, ADDRESSES), families = below(h, 3), n = 1 + below(h, 5), said = 0;
	for (unsigned k = 0; k < ADDRESSES && said < n; k++) {
		unsigned i = (order + 4 * k) % ADDRESSES; /* 4 and 9 have no common factor: each once */
		if ((families == 1 && i >= 6) || (families == 2 && i < 6))
			continue;
		if (said > 0 && said < POLICY_ORACLE_TIERS && chance(h, 30))
			say(h, " /");
		say(h, " %s@h%u%%%s", address(i, ip), i % 3, i % 2 ? "east" : "west");
		if (weighted)
			say(h, "*%u", 1 + below(h, 5));
		if (loaded)
			say(h, "#%u", below(h, 50));
		if (chance(h, 6))
			say(h, "!");
		if (service > 0 && chance(h, 10))
			say(h, "^s%u.test", below(h, service));
		said++;
	}
}

static void say_service(struct history *h, unsigned v)
{
	static const char *const checks[] = { "a", "b", "a+b", "a|b", "-" };
	static const char *const downs[] = { "first", "all", "last", "none", "list" };
	static const char *const picks[] = { "rotate", "random", "weighted", "sticky" };
	static const char *const backs[] = { "0", "0", "1500", "4000", "manual" };
	unsigned down = below(h, 5), pick = below(h, 4);
	bool loaded = chance(h, 15);
	say(h, "service s%u.test %s", v, checks[below(h, 100) < 90 ? below(h, 4) : 4]);
	say_members(h, v, pick >= 2, loaded);
	say(h, " all_down=%s pick=%s failback=%s couple=%u initial=%s", downs[down], picks[pick], backs[below(h, 5)], below(h, 2),
	    chance(h, 60) ? "up" : "down");
	say(h, chance(h, 60) ? " need=%u" : " need=%u%%", 1 + below(h, 3) * (chance(h, 50) ? 1 : 30));
	say(h, " ttl=%u-%u", 1 + below(h, 3), 4 + below(h, 30));
	if (loaded)
		say(h, " load=%u", below(h, 80));
	if (down == 4)
		say(h, " fallback=127.0.0.%u,::%u", 1 + below(h, 8), 1 + below(h, 5));
	if (chance(h, 10))
		say(h, chance(h, 50) ? " removals=%u" : " removals=%u%%", 1 + below(h, 2) * (chance(h, 50) ? 1 : 39));
	if (v > 0 && chance(h, 15))
		say(h, " needs=s%u.test", below(h, v));
	say(h, "\n");
}

static void make_plan(struct history *h)
{
	for (const char *check = "ab"; *check; check++)
		say(h, "check %c interval=%u timeout=%u retry=%u fall=%u rise=%u\n", *check, 500 * (1 + below(h, 3)),
		    200 + 100 * below(h, 4), 100 + below(h, 300), 1 + below(h, 3), 1 + below(h, 3));
	unsigned services = 1 + below(h, HISTORY_SERVICES);
	for (unsigned v = 0; v < services; v++)
		say_service(h, v);
	if (h->loud)
		printf("%s", h->text);
	h->plan = plan_make(h->text, 0);
	for (uint32_t i = 0; i < h->plan->stream_count; i++)
		h->health[i] = chance(h, 75) ? 100 : 0;
}

/* ---- effects ---- */

static void take_publish(struct history *h, const struct core_publish *p)
{
	struct history_set *s = &h->sets[p->service][p->type == DNS_TYPE_AAAA];
	*s = (struct history_set){ .published = true, .ready = p->ready, .ttl_s = p->ttl_s, .count = p->count };
	memcpy(s->addrs, p->addrs, p->count * sizeof *p->addrs);
	memcpy(s->weights, p->weights, p->count * sizeof *p->weights);
}

static void take_effect(struct history *h, const struct core_effect *e)
{
	switch (e->type) {
	case CORE_PROBE:
		if (h->flight_count == FLIGHTS)
			abort();
		h->flights[h->flight_count++] = (struct flight){ h->now_ms + 1 + below(h, 40), e->probe.stream, e->probe.run };
		break;
	case CORE_PUBLISH:
		take_publish(h, &e->publish);
		break;
	case CORE_JOURNAL:
		if (e->journal.sync)
			h->unsynced = e->journal.seq;
		break;
	case CORE_REPLY:
		h->answered = true;
		h->refused = e->reply.refused;
		snprintf(h->reply, sizeof h->reply, "%s", e->reply.text);
		break;
	default:
		break;
	}
}

/* The disk is quick: what waits for it happens in the same moment. */
static void step(struct history *h, const struct core_event *e)
{
	struct core_event next = *e;
	struct core_effect effect;
	for (bool more = true; more;) {
		if (core_step(h->core, &next, h->now_ms, WALL_MS + h->now_ms) < 0)
			abort();
		while (core_next_effect(h->core, &effect))
			take_effect(h, &effect);
		next = (struct core_event){ .type = CORE_SYNCED };
		next.synced.seq = h->unsynced;
		more = h->unsynced != 0;
		h->unsynced = 0;
	}
}

/* ---- what happens ---- */

static struct health_result random_result(struct history *h, uint32_t stream)
{
	static const enum health_reason odd[] = { HEALTH_SCRIPT_ERROR, HEALTH_LOCAL_ERROR, HEALTH_LOCAL_LAG, HEALTH_CHECK_SAID_UNKNOWN };
	struct health_result r = { .reason = HEALTH_CONNECT_REFUSED, .took_us = 300 };
	if (chance(h, 4))
		r.reason = odd[below(h, 4)];
	else if (chance(h, h->health[stream]))
		r = (struct health_result){ .reason = HEALTH_OK, .took_us = 300, .weight_pct = 100 };
	if (r.reason == HEALTH_OK && chance(h, 10))
		r.weight_pct = (uint8_t)below(h, 101); /* 0 is a failure */
	return r;
}

static void land(struct history *h, size_t i)
{
	struct flight f = h->flights[i];
	struct core_event e = { .type = CORE_RESULT };
	h->flights[i] = h->flights[--h->flight_count];
	e.result.stream = f.stream;
	e.result.run = f.run;
	e.result.result = random_result(h, f.stream);
	if (h->loud)
		printf("%7" PRIu64 "  result %u %s %s %u\n", h->now_ms - BEGIN_MS, f.stream, h->plan->streams[f.stream].check,
		       health_reason_text(e.result.result.reason), e.result.result.weight_pct);
	oracle_result(&h->oracle, f.stream, &e.result.result, h->now_ms);
	step(h, &e);
}

static void choose_selector(struct history *h, char *out, size_t cap)
{
	char ip[16];
	unsigned v = below(h, h->plan->service_count);
	const struct plan_service *s = &h->plan->services[v];
	char member[ADDR_TEXT_MAX] = "";
	if (s->policy.member_count)
		addr_format(&s->policy.members[below(h, s->policy.member_count)].addr, false, member);
	switch (below(h, 6)) {
	case 0: snprintf(out, cap, "s%u.test", v); break;
	case 1: snprintf(out, cap, "s%u.test/%s", v, member); break;
	case 2: snprintf(out, cap, "h%u", below(h, 3)); break;
	case 3: snprintf(out, cap, "site:%s", below(h, 2) ? "east" : "west"); break;
	case 4: snprintf(out, cap, "*.test"); break;
	default: snprintf(out, cap, "%s", address(below(h, ADDRESSES), ip)); break;
	}
}

static const char *verb_text(enum core_verb v)
{
	static const char *const text[] = { "?", "auto", "down", "up", "drain", "failback" };
	return text[v];
}

static bool fail(struct history *h, const char *what)
{
	snprintf(h->oracle.fault, sizeof h->oracle.fault, "%s %s: %s: %s", verb_text(h->command.verb), h->command.selector,
		 what, h->reply);
	return false;
}

static bool operate(struct history *h)
{
	static const enum core_verb verbs[] = { CORE_VERB_AUTO, CORE_VERB_DOWN, CORE_VERB_UP, CORE_VERB_DRAIN, CORE_VERB_FAILBACK };
	struct core_event e = { .type = CORE_COMMAND };
	e.command = (struct core_command){ .id = 1, .verb = verbs[below(h, 5)], .author = "a", .reason = "r", .force = chance(h, 50) };
	choose_selector(h, e.command.selector, sizeof e.command.selector);
	if (e.command.verb == CORE_VERB_FAILBACK)
		snprintf(e.command.selector, sizeof e.command.selector, "s%u.test", below(h, h->plan->service_count));
	if (chance(h, 40))
		e.command.for_ms = 500 + below(h, 6000);
	h->command = e.command;
	bool takes = (e.command.verb == CORE_VERB_DOWN || e.command.verb == CORE_VERB_DRAIN) && !e.command.force;
	bool empties = takes && oracle_would_empty(&h->oracle, &e.command, h->now_ms);
	h->answered = false;
	step(h, &e);
	if (h->loud)
		printf("%7" PRIu64 "  %s %s for %" PRIu64 "%s: %s%s\n", h->now_ms - BEGIN_MS, verb_text(e.command.verb),
		       e.command.selector, e.command.for_ms, e.command.force ? " force" : "", h->refused ? "refused: " : "", h->reply);
	if (!h->answered)
		return fail(h, "was not answered");
	if (!h->refused && empties)
		return fail(h, "leaves a service without an answer");
	if (h->refused && !empties && takes && strstr(h->reply, "without an answer"))
		return fail(h, "leaves every service an answer, and was refused");
	if (!h->refused)
		oracle_command(&h->oracle, &e.command, h->now_ms);
	return true;
}

static bool something(struct history *h)
{
	if (chance(h, 45))
		return operate(h);
	uint32_t i = below(h, HISTORY_STREAMS);
	if (i < h->plan->stream_count)
		h->health[i] = (unsigned[]){ 0, 0, 30, 60, 90, 100, 100, 100 }[below(h, 8)];
	return true;
}

/* ---- a history ---- */

static bool check(struct history *h)
{
	return oracle_check(&h->oracle, (const struct history_set(*)[2])h->sets, h->now_ms);
}

static size_t next_flight(const struct history *h)
{
	size_t best = 0;
	for (size_t i = 1; i < h->flight_count; i++)
		best = h->flights[i].at_ms < h->flights[best].at_ms ? i : best;
	return best;
}

static bool run_to(struct history *h, uint64_t end_ms)
{
	for (;;) {
		size_t i = next_flight(h);
		uint64_t result_ms = h->flight_count ? h->flights[i].at_ms : UINT64_MAX, timer_ms = core_deadline(h->core);
		uint64_t at_ms = result_ms < timer_ms ? result_ms : timer_ms;
		if (at_ms > end_ms)
			break;
		h->now_ms = at_ms > h->now_ms ? at_ms : h->now_ms;
		if (result_ms <= timer_ms)
			land(h, i);
		else
			step(h, &(struct core_event){ .type = CORE_TIMER });
		if (!check(h))
			return false;
	}
	h->now_ms = end_ms;
	return true;
}

static bool run(void *loud, uint64_t seed)
{
	static struct history h;
	memset(&h, 0, sizeof h);
	rng_init(&h.rng, seed);
	h.loud = *(const bool *)loud;
	h.now_ms = BEGIN_MS;
	make_plan(&h);
	struct core_start s = { .plan = h.plan, .boot = seed + 1, .epoch = 1ull << 32, .seed = seed };
	if (core_new(&h.core, &s, h.now_ms, WALL_MS + h.now_ms) < 0)
		abort();
	oracle_begin(&h.oracle, h.plan, h.now_ms);
	step(&h, &(struct core_event){ .type = CORE_TIMER });
	bool good = check(&h);
	for (int i = 0; good && i < EVENTS; i++)
		good = run_to(&h, h.now_ms + 1 + below(&h, GAP_MS)) && something(&h) && check(&h);
	good = good && run_to(&h, h.now_ms + (chance(&h, 4) ? 70000 : 4 * GAP_MS)); /* some past the minute of `removals` */
	if (!good)
		printf("seed %" PRIu64 " at %" PRIu64 " ms: %s\n", seed, h.now_ms - BEGIN_MS, h.oracle.fault);
	core_free(h.core);
	plan_free(h.plan);
	return good;
}

int main(int argc, char **argv)
{
	struct seeds s = seeds_read(argc ? argv[0] : "histories", RUNS, argv);
	struct seeds_done done = seeds_run(&s, run, &s.loud);
	printf("%" PRIu64 " histories from seed %" PRIu64 ", %" PRIu64 " faults\n", done.runs, s.from, done.failures);
	return done.failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
