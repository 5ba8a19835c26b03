/* The answering side of the tap: which queries are told of, and their way into the rings. Off, it costs a look at a flag for each batch.
 *
 *     switched (main thread) ──▶ struct tap ◀── looked at once a batch ── a worker ── tap_draw: one query of so many ──▶ its ring
 */
#ifndef GEMEL_APP_TAP_DRAW_H
#define GEMEL_APP_TAP_DRAW_H
#include "app/tap_ring.h"

struct tap { /* of the responder: one writes, all read */
	uint32_t on;                 /* 0 = nothing is told; then the rest is not looked at */
	uint32_t query_log, dnstap;  /* one query of so many, 0 = none; relaxed loads */
	struct tap_rings *rings;     /* set once, before on */
};
struct tap_turn { /* a thread's own; zero to begin with */
	uint32_t log_in, dnstap_in; /* so many are left out before the next */
	uint64_t random;
};

static inline const struct tap *tap_if_on(const struct tap *t)
{
	return __builtin_expect(__atomic_load_n(&t->on, __ATOMIC_ACQUIRE) != 0, 0) ? t : NULL;
}
/* For this query: bits of enum tap_purpose. On average one of so many, at random distances: what comes in a rhythm is not missed. */
unsigned tap_draw(const struct tap *t, struct tap_turn *turn);
/* Switches; rings as tap_rings_map gave them. */
void tap_switch(struct tap *t, struct tap_rings *rings, uint32_t query_log, uint32_t dnstap);

#endif
