/* One core, a virtual clock, back ends that answer probes, a disk in memory, and a trace of what happened, in lines:
 *
 *     probe 127.0.0.11/web
 *     journal verdict
 *     publish www.example.test A 127.0.0.12 ttl=10
 *     reply 1 down 127.0.0.11: in force on ns1 (1 service)
 *     refused 2 "ww.example.test" matches no address, host or service; did you mean "www.example.test"
 */
#ifndef GEMEL_TESTS_CORE_WORLD_H
#define GEMEL_TESTS_CORE_WORLD_H
#include "core/core.h"

#define WORLD_WALL_MS 1700000000000u /* wall time at monotonic 0 */
#define WORLD_BACKENDS_MAX 1024
#define WORLD_FLIGHT_MAX 4096

struct world_backend { struct addr addr; enum health_reason reason; uint8_t weight; bool silent; /* no result at all */ };
struct world_flight { uint64_t at_ms; uint32_t stream, run; };
struct world {
	struct plan *plan, *old_plan;
	struct core *core;
	uint64_t now_ms, epoch;
	uint32_t latency_ms;
	uint32_t answer_ms;      /* 0 = every result takes latency_ms; else answers take this, and silence its whole time-out */
	int64_t wall_set_ms;     /* somebody set the wall clock by that much */
	bool disk_slow;          /* syncs do not end until world_sync */
	bool continues;          /* the next start is in the place of one that left a moment ago */
	uint64_t unsynced;       /* highest seq that wants a sync */
	struct world_backend backends[WORLD_BACKENDS_MAX];
	size_t backend_count;
	struct world_flight flight[WORLD_FLIGHT_MAX];
	size_t flight_count;
	struct bytes journal, trace;
	struct bytes *answers;   /* last publish of (service, family), as text */
	int err;                 /* of the last step */
	unsigned steps;          /* done so far */
	void (*on_send)(struct world *w, const uint8_t *data, size_t len); /* a twin, where there is one */
	void (*on_effect)(struct world *w, const struct core_effect *e);   /* before it is carried out; then there is no trace */
	/* For fault loops: in step number fault_step the fault_nth allocation of the core fails. */
	void (*arm)(unsigned nth);
	bool (*disarm)(void);
	unsigned fault_step, fault_nth;
	bool fault_hit;
};

void world_begin(struct world *w, const char *plan);
void world_begin_plan(struct world *w, struct plan *plan); /* takes it */
void world_end(struct world *w);
/* Ends this core as kill -9 would, and starts another from the first `octets` of its journal (SIZE_MAX = all). */
void world_restart(struct world *w, size_t octets);
/* Another takes its place, as in an upgrade: it says its last words, and who starts continues it `away_ms` later. */
void world_upgrade(struct world *w, uint64_t away_ms);
void world_plan(struct world *w, const char *plan);  /* a new configuration */
void world_run(struct world *w, uint64_t ms);         /* lets time pass */
void world_step(struct world *w, const struct core_event *e);
void world_backend(struct world *w, const char *address, enum health_reason r); /* HEALTH_OK where never named */
struct world_backend *world_backend_of(struct world *w, const struct addr *a);
void world_prober(struct world *w, bool up);
void world_sync(struct world *w);
/* "down 127.0.0.11", "drain www.example.test for=60000 force": id counts from 1. */
void world_command(struct world *w, const char *text);
/* "127.0.0.11 127.0.0.12 ttl=60", "not ready", "nodata ttl=10"; "" = never published. */
const char *world_answer(struct world *w, const char *service, uint16_t type);
/* The trace since the last call, of lines that begin with any of the words ("journal|publish"); NULL = all. */
const char *world_trace(struct world *w, const char *words);

/* The text of one effect, as in the trace; returns its length. */
size_t core_effect_text(char *out, size_t cap, const struct core *c, const struct core_effect *e);

#endif
