/* What another configuration would answer right now: the same core takes the plan, as a reload would, and what it publishes then is
 * held against what it published before.  The core is changed by it: it is to be a copy, which nobody acts on.
 *
 *     answers before ──┐
 *     CORE_PLAN ───────┼─▶ rows: changed, new, gone
 *     answers after  ──┘
 */
#ifndef GEMEL_CORE_WHATIF_H
#define GEMEL_CORE_WHATIF_H
#include "core/core.h"

enum whatif_kind { WHATIF_CHANGED = 1, WHATIF_NEW, WHATIF_GONE };
#define WHATIF_NOTE_MAX 192
struct whatif_row { /* a service, and a type that it has or had addresses of */
	enum whatif_kind kind;
	uint8_t family;         /* 0 = A, 1 = AAAA */
	uint32_t service;       /* in the next plan; of one that goes, in the plan before */
	const char *name;
	const char *now, *then; /* as core_answer_text; NULL = there is none */
	const char *note;       /* what the plans themselves say of it: members that came and went, TTL, weights; "" = nothing */
	bool same_set;          /* only TTL, weights or the way of picking differ */
};
struct whatif {
	struct arena arena;
	struct whatif_row *rows; /* in the order of the next plan, those that go behind */
	size_t count;
};
/* Steps c with the next plan and fills w, which points into both plans. ERR_NOMEM: w is empty, and c is of no more use. */
int whatif_run(struct whatif *w, struct core *c, const struct plan *next, uint64_t now_ms, uint64_t wall_ms) MUST_CHECK;
void whatif_deinit(struct whatif *w);

#endif
