/* A journal's recorded results against a configuration, in virtual time: the core itself decides, nobody is probed.
 *
 *     records ──replay_add──▶ stretches of the plan's streams ──replay_begin──▶ in order, spread out to results
 *                                                                 └─ replay_next: core_step after core_step ──▶ notices
 *
 * The same records and the same plan tell the same, always.  Results come when they came, whatever intervals the plan has; what
 * operators forced and what a twin voted is not in them.
 */
#ifndef GEMEL_CORE_REPLAY_H
#define GEMEL_CORE_REPLAY_H
#include "core/core.h"

#define REPLAY_SPAN_MAX_MS (10ull * 366 * 86400 * 1000) /* no record is longer; timers run for all of it */

struct replay;
/* plan must outlive it. ERR_NOMEM. */
int replay_new(struct replay **r, const struct plan *plan) MUST_CHECK;
void replay_free(struct replay *r);
/* A record of the journal, in any order; what is no stretch is passed over. ERR_NOMEM. */
int replay_add(struct replay *r, const uint8_t *record, size_t len) MUST_CHECK;
/* After the last record. ERR_ABSENT: none is of this plan; ERR_RANGE: they span too long a time; ERR_NOMEM. */
int replay_begin(struct replay *r) MUST_CHECK;
/* Goes on to the next notice, borrowed until the next call: 1; 0 = it is over; ERR_NOMEM. What is decided at the very beginning is
 * no news: see replay_core after the first call. */
int replay_next(struct replay *r, const struct core_notice **n) MUST_CHECK;
const struct core *replay_core(const struct replay *r);
uint64_t replay_first_ms(const struct replay *r); /* wall */
uint64_t replay_last_ms(const struct replay *r);
bool replay_knows(const struct replay *r, uint32_t stream); /* something is recorded of it; after replay_begin, as the two above */
size_t replay_strangers(const struct replay *r);            /* records of streams that the plan does not have */

#endif
