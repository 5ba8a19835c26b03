/* From the core's PUBLISH effects to the responder: transactions of SETs, logged for a new responder, acknowledged by number.
 *
 *     publisher_set … publisher_commit ──▶ channel ──▶ ACK(generation, seq) ──▶ publisher_acked
 *                                      └─▶ overlay log (memfd, kept by the supervisor)
 *
 * Before a commit only what changed in one step stands between BEGIN and COMMIT; a new responder or a new generation gets everything.
 */
#ifndef GEMEL_APP_PUBLISHER_H
#define GEMEL_APP_PUBLISHER_H
#include "app/overlay_log.h"
#include "core/core.h"
#include "io/chan.h"

struct publisher {
	struct chan *responder;  /* borrowed; NULL = away */
	struct chan *supervisor; /* borrowed; gets each new log */
	struct overlay_log log;
	uint64_t generation, seq, acked; /* seq: of the last commit */
	bool open, whole; /* a transaction; one of everything */
	bool first_round; /* our own is not over: what the last coordinator published stays where we know nothing yet */
	bool log_adds;    /* is no whole one: that is wanted when the first round is over */
	bool behind;      /* the responder lost a part: it gets everything as soon as it has read the rest */
};

void publisher_init(struct publisher *p, struct chan *supervisor);
void publisher_deinit(struct publisher *p);
/* Starts a transaction (once a step; calling it again is harmless). whole: all that is not set is withdrawn, but not in the first round. */
void publisher_begin(struct publisher *p, bool whole);
void publisher_set(struct publisher *p, const struct plan_service *s, const struct core_publish *set);
/* Ends the transaction, if one is open. Returns its number, or the last one's. */
uint64_t publisher_commit(struct publisher *p);
void publisher_ack(struct publisher *p, uint64_t generation, uint64_t seq);
/* True when the whole state should be published: to a fresh log, or to a responder that lost a part. */
bool publisher_wants_snapshot(const struct publisher *p);

#endif
