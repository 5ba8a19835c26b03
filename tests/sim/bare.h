/* A whole core beside a bare pair, which says at random what a twin may say, under a virtual clock: for what whole twins come upon too
 * seldom, or never say of each other.
 *
 *     core ◀──── packets ────▶ bare pair ◀── says() ── chance
 *       └── probes, notices ──▶ on_effect ──▶ what must be so
 */
#ifndef GEMEL_TESTS_SIM_BARE_H
#define GEMEL_TESTS_SIM_BARE_H
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"
#include "core/core.h"
#include "dns/const.h"
#include "lib/core_world.h"
#include "pair/pair.h"
#include "sim/seeds.h"

static struct world w;
static struct pair *twin;      /* NULL while it is away */
static uint8_t twin_at;        /* which of the plan's nodes it is */
static int64_t twin_ahead_ms;  /* its wall clock */
static bool twin_mute;         /* its packets get lost */
static uint64_t last_epoch, wanted_epoch; /* of the twin, and one that the core asks for */
static void (*effect_heard)(struct world *, const struct core_effect *);
static struct rng rng;
static bool loud;
static char fault[300];

static inline void fail(const char *fmt, ...) PRINTF_LIKE(1, 2);
static inline void fail(const char *fmt, ...)
{
	va_list ap;
	if (*fault)
		return;
	va_start(ap, fmt);
	vsnprintf(fault, sizeof fault, fmt, ap);
	va_end(ap);
	if (loud)
		printf("%9.3f FAILED: %s\n", (double)w.now_ms / 1000, fault);
}

static inline uint64_t below(uint64_t n)
{
	return rng_below(&rng, n);
}

static inline void say(const char *what)
{
	if (loud)
		printf("%9.3f %s\n", (double)w.now_ms / 1000, what);
}

static inline uint64_t twin_wall(void)
{
	return WORLD_WALL_MS + (uint64_t)((int64_t)w.now_ms + twin_ahead_ms);
}

static inline void on_send(struct world *world, const uint8_t *data, size_t len)
{
	int e = twin && !twin_mute ? pair_receive(twin, &core_plan(world->core)->nodes[0].peer[0], data, len, world->now_ms, twin_wall()) : 0;
	(void)e; /* what it refuses is sent again */
}

static inline void twin_speaks(void)
{
	struct pair_record r;
	uint8_t packet[PAIR_PACKET_MAX];
	struct core_event e = { .type = CORE_PACKET, .packet = { .from = core_plan(w.core)->nodes[twin_at].peer[0], .data = packet } };
	uint64_t wants;
	pair_tick(twin, w.now_ms, twin_wall());
	if ((wants = pair_wants_epoch(twin)) > 0) /* it stood still */
		pair_set_epoch(twin, last_epoch = wants | 7, wants ^ 9, w.now_ms);
	while (pair_next_change(twin, &r))
		;
	while (pair_next_packet(twin, &(struct addr){ 0 }, packet, &e.packet.len, w.now_ms, twin_wall()))
		if (!twin_mute)
			world_step(&w, &e);
}

static inline void hear_effect(struct world *world, const struct core_effect *e)
{
	if (e->type == CORE_NEED_EPOCH)
		wanted_epoch = e->need_epoch.epoch | 7;
	effect_heard(world, e);
}

static inline void answer_epoch(void)
{
	struct core_event e = { .type = CORE_EPOCH, .epoch = { .epoch = wanted_epoch, .boot = wanted_epoch ^ 3 } };
	w.epoch = wanted_epoch;
	wanted_epoch = 0;
	world_step(&w, &e);
}

static inline void run(uint64_t ms, uint64_t step_ms)
{
	for (uint64_t end = w.now_ms + ms; w.now_ms < end && !*fault;) {
		world_run(&w, end - w.now_ms < step_ms ? end - w.now_ms : step_ms);
		if (wanted_epoch)
			answer_epoch();
		if (twin)
			twin_speaks();
	}
}

static inline void must(int err)
{
	if (err < 0)
		abort();
}

static inline void twin_begin(void)
{
	const struct plan *p = core_plan(w.core);
	struct pair_peer_conf peer = { .id = p->nodes[0].id, .addr = { p->nodes[0].peer[0] }, .addr_count = 1 };
	struct pair_conf conf = { .self_id = p->nodes[twin_at].id, .cluster = p->pair.name, .interval_ms = p->pair.interval_ms,
				  .config_digest = p->digest, .peers = &peer, .peer_count = 1 };
	memcpy(conf.key, p->pair.key, sizeof conf.key);
	last_epoch += 1ull << 32;
	must(pair_new(&twin, &conf, last_epoch ^ 1, last_epoch, w.now_ms, twin_wall()));
	pair_set_self(twin, &(struct pair_self_signs){ .booted = true }, w.now_ms);
}

static inline void twin_end(void)
{
	pair_free(twin);
	twin = NULL;
}

static inline void twin_says(enum pair_kind kind, uint64_t key, const void *value, size_t len)
{
	must(pair_write(twin, kind, key, value, len, w.now_ms));
}

/* Of the targets of www.test, which are 192.0.2.11 and on. */
static inline bool is_answered(uint32_t target)
{
	char address[20];
	snprintf(address, sizeof address, "192.0.2.%u ", 11 + target);
	return strstr(world_answer(&w, "www.test", DNS_TYPE_A), address) != NULL;
}

static inline void must_be_answered(uint32_t from, uint32_t targets)
{
	for (uint32_t i = from; i < targets; i++) {
		if (!is_answered(i))
			fail("192.0.2.%u is well, and not in the answer", 11 + i);
	}
}

/* What the core has on its own shelf. */
static inline const struct pair_record *told(enum pair_kind kind, uint64_t key)
{
	const struct pair_record *r;
	size_t pos = 0;
	while ((r = pair_walk(core_pair(w.core), kind, &pos)))
		if (r->owner == core_plan(w.core)->nodes[0].id && r->key == key)
			return r;
	return NULL;
}

static inline void begin(const char *plan, void (*on_effect)(struct world *, const struct core_effect *))
{
	say(plan);
	world_begin(&w, plan);
	effect_heard = on_effect;
	wanted_epoch = 0;
	w.on_effect = hear_effect;
	w.on_send = on_send;
	twin_at = 1;
	twin_ahead_ms = 0;
	twin_mute = false;
	last_epoch = 77ull << 32 | 7;
}

static inline void end(void)
{
	twin_end();
	world_end(&w);
}

static inline bool bare_run(void *story, uint64_t seed)
{
	*fault = '\0';
	rng_init(&rng, seed);
	(*(void (**)(uint64_t))story)(seed);
	if (*fault)
		printf("seed %llu: %s\n", (unsigned long long)seed, fault);
	return !*fault;
}

/* story: one run; what it finds wrong it says by fail(). */
static inline int bare_main(const char *name, uint64_t runs, char **argv, void (*story)(uint64_t seed))
{
	struct seeds seeds = seeds_read(name, runs, argv);
	loud = seeds.loud;
	struct seeds_done done = seeds_run(&seeds, bare_run, &story);
	printf("%llu runs from seed %llu, %llu failures\n", (unsigned long long)done.runs, (unsigned long long)seeds.from,
	       (unsigned long long)done.failures);
	return done.failures ? 1 : 0;
}

#endif
