/* Probe results → verdicts: the rise/fall counters of one stream (probe address × check), and when it is probed next.
 *
 *                fall failures in a row
 *        UP ──────────────────────────────▶ DOWN          UNKNOWN: before the first result, or no result for
 *         ▲◀───────────────────────────────┘              3 intervals. From UNKNOWN the first result alone decides
 *                rise successes in a row                  (unless recovered: then fall/rise count on).
 *
 * "unknown" results (a script's bug) and void ones move no counter; void is not even shown.
 */
#ifndef GEMEL_HEALTH_HEALTH_H
#define GEMEL_HEALTH_HEALTH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/rng.h"

/* What a probe found, by layer; the vocabulary shared with the prober. Zero is never sent. */
enum health_reason {
	HEALTH_REASON_NONE = 0,
	HEALTH_OK,
	/* down */
	HEALTH_CONNECT_REFUSED, HEALTH_CONNECT_TIMEOUT, HEALTH_CONNECT_RESET, HEALTH_CONNECT_UNREACHABLE,
	HEALTH_READ_TIMEOUT, HEALTH_READ_CLOSED, HEALTH_READ_RESET, HEALTH_WRITE_FAILED,
	HEALTH_TLS_FAILED, HEALTH_HTTP_STATUS, HEALTH_HTTP_BROKEN, HEALTH_REPLY_WRONG, HEALTH_CHECK_SAID_DOWN, HEALTH_CHECK_TIMEOUT,
	/* unknown */
	HEALTH_SCRIPT_ERROR, HEALTH_SCRIPT_BUDGET, HEALTH_SCRIPT_MEMORY,
	/* void: our own fault, says nothing of the target */
	HEALTH_LOCAL_ERROR, HEALTH_LOCAL_LAG,
	HEALTH_REASON_MAX
};
enum health_outcome { HEALTH_OUTCOME_NONE = 0, HEALTH_PASS, HEALTH_FAIL, HEALTH_UNKNOWN_RESULT, HEALTH_VOID };
enum health_outcome health_reason_outcome(enum health_reason r);
/* True where the target itself answered (refused, reset, wrong reply): a failure that needs no witness (pair protocol 1.3). */
bool health_reason_witnessed(enum health_reason r);
const char *health_reason_text(enum health_reason r); /* "connect refused", "HTTP status", … */

#define HEALTH_DETAIL_MAX 96 /* octets of free text after the reason, NUL included */
struct health_result {
	enum health_reason reason;
	uint8_t weight_pct;  /* 0..100; 100 unless the check said otherwise; 0 is a FAIL */
	uint32_t took_us;
	char detail[HEALTH_DETAIL_MAX];
};
void health_result_put(struct wbuf *w, const struct health_result *r);
void health_result_get(struct rbuf *r, struct health_result *out); /* hostile input: r->failed on any nonsense */

enum health_verdict { HEALTH_VERDICT_UNKNOWN = 0, HEALTH_VERDICT_UP, HEALTH_VERDICT_DOWN };
const char *health_verdict_text(enum health_verdict v); /* "unknown", "up", "down" */

struct health_timing {
	uint32_t interval_ms, timeout_ms, retry_ms;
	uint8_t fall, rise; /* 1.. */
};

struct health_state {
	enum health_verdict verdict;
	bool recovered;        /* from the journal, no fresh result yet */
	uint8_t fails, passes; /* in a row, saturating */
	uint64_t bitmap;       /* last 64 results, newest in bit 0, 1 = pass (void and unknown not shown) */
	uint64_t changed_ms;   /* when verdict last changed (monotonic) */
	uint64_t result_ms;    /* when the last result that counted came; 0 = never */
	struct health_result last;
};

void health_state_init(struct health_state *s);
/* As read from the journal: verdict and counters stand, marked recovered. changed_ms as the caller reckons it. */
void health_state_recover(struct health_state *s, enum health_verdict v, uint8_t fails, uint8_t passes, uint64_t bitmap, uint64_t changed_ms);
/* Feeds one result. Returns true when the verdict changed. */
bool health_state_feed(struct health_state *s, const struct health_timing *t, const struct health_result *r, uint64_t now_ms) MUST_CHECK;
/* Turns a verdict without a counted result for 3 intervals (+ timeout) into UNKNOWN; true when it changed. */
bool health_state_age(struct health_state *s, const struct health_timing *t, uint64_t now_ms) MUST_CHECK;
/* Results still needed until the verdict can flip, were every next one contrary: at least 1. */
unsigned health_state_to_flip(const struct health_state *s, const struct health_timing *t);

/* Schedule of one stream: jittered start, no drift, retry after a first contrary result. */
struct health_schedule {
	uint64_t phase_ms; /* this stream's place in its interval, from a seeded rng: spreads the herd */
	uint64_t next_ms;
	bool running;
	uint64_t started_ms;
};
void health_schedule_init(struct health_schedule *s, const struct health_timing *t, struct rng *rng, uint64_t now_ms, bool first_at_once);
/* After a result: next probe at retry_ms while the counters are on their way to a flip, else at the next phase-aligned
 * interval after now. Never in the past. */
void health_schedule_next(struct health_schedule *s, const struct health_timing *t, const struct health_state *st, uint64_t now_ms);

#endif
