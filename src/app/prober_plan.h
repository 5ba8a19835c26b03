/* One generation in the prober: its plan, and the Lua states that its streams share.
 *
 *     stream ──ordinal among its script's streams / 256──▶ seat ──▶ state ◀── probes in flight
 *                                                            └── replaced once spoiled
 */
#ifndef GEMEL_APP_PROBER_PLAN_H
#define GEMEL_APP_PROBER_PLAN_H
#include "core/plan.h"
#include "io/probe.h"
#include "script/script.h"

struct prober_state { /* a Lua state */
	struct script *script;
	unsigned users;   /* seats and probes that hold it */
	uint64_t version; /* of its script's text: another one for another text */
	void *ctx;        /* of who asked for it */
};
struct prober_seats {
	struct prober_state **list; /* NULL = not made yet */
	uint32_t count;
	uint64_t version;
};
struct prober_plan {
	struct prober_plan *next;    /* the generation before */
	struct plan *plan;
	unsigned users;              /* probes in flight */
	uint64_t versions;           /* given to scripts so far, by this plan and those before */
	struct prober_seats *seats;  /* one a script */
	uint16_t *seat;              /* one a stream */
	uint8_t *slow;               /* one a stream: used up a slice the last time */
	struct script_arg *args;     /* of the probes; those of stream i begin at first_arg[i] */
	uint32_t *first_arg;
};

/* Takes the plan, on failure too. Lua states of scripts whose text stays are moved over from old (may be NULL). */
struct prober_plan *prober_plan_new(struct plan *plan, struct prober_plan *old) MUST_CHECK;
void prober_plan_free(struct prober_plan *p); /* NULL is fine */
/* The state for a stream, made where there is none or a spoiled one; give it back with prober_state_release.
 * The sink is called with the state, which holds ctx. ERR_FORMAT with the fault in detail, ERR_NOMEM. */
int prober_plan_get_state(struct prober_plan *p, uint32_t stream, script_log_sink sink, void *ctx,
			  struct prober_state **out, char detail[HEALTH_DETAIL_MAX]) MUST_CHECK;
/* A probe of the stream, but for its script, tag and watch. It points into p. */
struct probe_job prober_plan_job(const struct prober_plan *p, uint32_t stream);
void prober_state_release(struct prober_state *st);

#endif
