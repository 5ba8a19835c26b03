/* How a node logs, on its way between the processes (IPC_LOGGING): the supervisor knows it, from the configuration and from what
 * operators switched since, and tells all of them; the coordinator asks it for another.
 *
 *     gemelctl ─▶ coordinator ── IPC_LOGGING ──▶ supervisor ── IPC_LOGGING ──▶ all
 *                                                    └─ with the rings, to those that fill and empty them: responder, tap
 */
#ifndef GEMEL_APP_LOGGING_H
#define GEMEL_APP_LOGGING_H
#include "base/buf.h"
#include "core/plan.h"
#include "ctl/ctl.h"
#include "io/log.h"

#define LOGGING_MESSAGE_MAX 256

/* The whole message, head included. */
void logging_put(struct wbuf *w, const struct ctl_logging *l);
void logging_put_fields(struct wbuf *w, const struct ctl_logging *l); /* what follows the head */
/* After the head. False for nonsense; l is untouched then. */
bool logging_get(struct rbuf *r, struct ctl_logging *l);
/* What a node's block asks for; otherwise: the level and form where it names none. */
void logging_of_node(struct ctl_logging *l, const struct plan_node *n, const struct log_settings *otherwise);
bool logging_equal(const struct ctl_logging *a, const struct ctl_logging *b);
bool logging_wants_tap(const struct ctl_logging *l);
/* A child's: reads the message, and logs as it says from now on. */
bool logging_follow(struct rbuf *r, struct ctl_logging *l);

#endif
