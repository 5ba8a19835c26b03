/* The site: what a process must know of its own node without the plan: the node block and the limits, in one IPC_SITE message from
 * the loader to the supervisor and on to the responder. */
#ifndef GEMEL_APP_SITE_H
#define GEMEL_APP_SITE_H
#include "base/arena.h"
#include "base/buf.h"
#include "core/plan.h"
#include "pair/pair.h"

struct site {
	struct plan_node node;
	struct plan_limits limits;
	bool paired;
	uint8_t cookie_root[PAIR_KEY_LEN]; /* what twins derive DNS cookies from; all 0 unless paired */
	bool has_other_root;
	uint8_t other_root[PAIR_KEY_LEN]; /* while keys are changed: a twin may still, or already, use the other key */
};

/* Writes the whole message, head included. */
void site_put(struct bytes *out, const struct plan *p);
/* Reads a whole message; what it points to lives in the arena. ERR_FORMAT, ERR_NOMEM. */
int site_get(struct site *s, const void *message, size_t len, struct arena *a) MUST_CHECK;
/* The keys of the node block that differ and that only a restart can change, as "listen, user"; "" for none. Returns out. */
char *site_restart_keys(const struct site *old, const struct site *new, char *out, size_t cap);

#endif
