/* A bare pair, which says what a test has it say, beside a whole core: the other end of one link. */
#ifndef GEMEL_TESTS_TWIN_KIT_H
#define GEMEL_TESTS_TWIN_KIT_H
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/state.h"
#include "lib/core_world.h"

#define STEP_MS 5

static struct world w;
static struct pair *twin;
static uint8_t twin_at = 1; /* which of the plan's nodes it is */

static void on_send(struct world *world, const uint8_t *data, size_t len)
{
	int e = twin ? pair_receive(twin, &core_plan(world->core)->nodes[0].peer[0], data, len, world->now_ms, WORLD_WALL_MS + world->now_ms) : 0;
	(void)e; /* what it refuses is sent again */
}

static void run(uint64_t ms)
{
	struct pair_record r;
	uint8_t packet[PAIR_PACKET_MAX];
	for (uint64_t end = w.now_ms + ms; w.now_ms < end;) {
		struct core_event e = { .type = CORE_PACKET, .packet = { .from = core_plan(w.core)->nodes[twin_at].peer[0], .data = packet } };
		world_run(&w, STEP_MS);
		if (!twin)
			continue;
		pair_tick(twin, w.now_ms, WORLD_WALL_MS + w.now_ms);
		while (pair_next_change(twin, &r))
			;
		while (pair_next_packet(twin, &(struct addr){ 0 }, packet, &e.packet.len, w.now_ms, WORLD_WALL_MS + w.now_ms))
			world_step(&w, &e);
	}
}

static inline struct stream *stream(uint32_t i)
{
	return &w.core->gen->streams[i];
}

static void twin_begin(void)
{
	const struct plan *p = core_plan(w.core);
	static uint64_t twin_epoch = 77ull << 32 | 7; /* each is later than the one before */
	struct pair_peer_conf peer = { .id = p->nodes[0].id, .addr = { p->nodes[0].peer[0] }, .addr_count = 1 };
	struct pair_conf conf = { .self_id = p->nodes[twin_at].id, .cluster = p->pair.name, .interval_ms = p->pair.interval_ms,
				  .config_digest = p->digest, .peers = &peer, .peer_count = 1 };
	memcpy(conf.key, p->pair.key, sizeof conf.key);
	twin_epoch += 1ull << 32;
	ck_assert_int_eq(pair_new(&twin, &conf, twin_epoch ^ 1, twin_epoch, w.now_ms, WORLD_WALL_MS + w.now_ms), 0);
	pair_set_self(twin, &(struct pair_self_signs){ .booted = true }, w.now_ms);
}

static void twin_end(void)
{
	pair_free(twin);
	twin = NULL;
}

static void finish(void)
{
	twin_end();
	world_end(&w);
}

#endif
