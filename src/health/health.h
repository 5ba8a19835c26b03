/* Probe results → verdicts: the rise/fall counters of one stream (probe address × check), and when it is probed next.
 *
 *              first result ever: pass ┌─────────┐ first result ever: fail
 *              then: rise passes       │ UNKNOWN │ then: fall failures
 *          ┌───────────────────────────┤         ├───────────────────────────┐
 *          ▼                           └─▲─────▲─┘                           ▼
 *        ┌────┐  silence (3 intervals)   │     │  silence                 ┌──────┐
 *        │ UP ├──────────────────────────┘     └──────────────────────────┤ DOWN │
 *        └─┬──┘                                                           └──┬───┘
 *          │ ▲          rise passes in a row, unless held: flap.h              │
 *          │ └───────────────────────────────────────────────────────────────┘ ▲
 *          └───────────────────────────────────────────────────────────────────┘
 *                      fall failures standing: each pass takes one off
 *
 * While UP the failures are a bucket that leaks: with fall 3, F F P F F counts 1 2 1 2 3, and the last takes the target down.
 * One good reply between does not make whole what keeps failing; a few do. In all other states a run counts, and what is
 * contrary to it clears it.
 *
 * Only a stream of which nothing was ever known lets its first result decide alone. After a restart (recovered from the
 * journal) or after a silence fall and rise count, from nothing: one unlucky probe after our own outage takes nothing down.
 * "unknown" results (a script's bug) and void ones (our own fault) move no counter; void is not even shown.
 */
#ifndef GEMEL_HEALTH_HEALTH_H
#define GEMEL_HEALTH_HEALTH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "health/flap.h"

/* What a probe found, by layer; the vocabulary shared with the prober, and written to the journal: new ones go before
 * HEALTH_REASON_MAX, none is ever renumbered. Zero is never sent. A timeout inside a TLS handshake is TLS_TIMEOUT, not
 * TLS_FAILED: silence must not look like an answer. */
enum health_reason {
	HEALTH_REASON_NONE = 0,
	HEALTH_OK,
	/* down */
	HEALTH_CONNECT_REFUSED, HEALTH_CONNECT_TIMEOUT, HEALTH_CONNECT_RESET, HEALTH_CONNECT_UNREACHABLE,
	HEALTH_READ_TIMEOUT, HEALTH_READ_CLOSED, HEALTH_READ_RESET, HEALTH_WRITE_FAILED,
	HEALTH_TLS_FAILED, HEALTH_HTTP_STATUS, HEALTH_HTTP_BROKEN, HEALTH_REPLY_WRONG,
	HEALTH_CHECK_SAID_DOWN, HEALTH_CHECK_TIMEOUT,
	/* unknown */
	HEALTH_SCRIPT_ERROR, HEALTH_SCRIPT_BUDGET, HEALTH_SCRIPT_MEMORY,
	/* void: our own fault, says nothing of the target */
	HEALTH_LOCAL_ERROR, HEALTH_LOCAL_LAG,
	/* down, by TLS: silence within the handshake; another name's certificate; one out of date; an issuer that is not
	 * trusted. What else goes wrong there is TLS_FAILED */
	HEALTH_TLS_TIMEOUT, HEALTH_TLS_NAME, HEALTH_TLS_EXPIRED, HEALTH_TLS_UNTRUSTED,
	/* unknown too */
	HEALTH_CHECK_SAID_UNKNOWN, HEALTH_CHECK_IMPOSSIBLE, /* the check says so; this machine cannot do what it asks */
	HEALTH_UNWITNESSED, /* silence, while our own network was in doubt: the core says so, no prober */
	HEALTH_REASON_MAX
};
bool health_reason_is_timeout(enum health_reason r); /* the probe waited for all of its time */
enum health_outcome { HEALTH_OUTCOME_NONE = 0, HEALTH_PASS, HEALTH_FAIL, HEALTH_UNKNOWN_RESULT, HEALTH_VOID };
enum health_outcome health_reason_outcome(enum health_reason r); /* HEALTH_OUTCOME_NONE for what is no reason */
/* True where the target itself answered (refused, reset, wrong reply): a failure that needs no witness (pair protocol
 * 1.3). False where silence may be behind it: CHECK_SAID_DOWN too, since a script may have caught a timeout. */
bool health_reason_witnessed(enum health_reason r);
const char *health_reason_text(enum health_reason r); /* "connect refused", "HTTP status", … */

#define HEALTH_DETAIL_MAX 96 /* octets of free text after the reason, NUL included */
struct health_result {
	enum health_reason reason;
	uint8_t weight_pct;  /* 0..100; 100 unless the check said otherwise; 0 is a FAIL */
	uint32_t took_us;
	char detail[HEALTH_DETAIL_MAX];
};
/* What the result counts as: the reason's outcome, but a pass of weight 0 is a FAIL. */
enum health_outcome health_result_outcome(const struct health_result *r);
/* Octets:  reason 1 | weight_pct 1 | took_us 4 | detail: length 2, text      big-endian
 *          02         00             00 00 01 2c  00 06 "no web"
 * Writing replaces control characters of the detail by '?': it is shown on terminals, and it may quote a target. */
#define HEALTH_RESULT_WIRE_MAX (8 + HEALTH_DETAIL_MAX - 1)
void health_result_put(struct wbuf *w, const struct health_result *r);
/* Hostile input: an unknown reason, a weight over 100, a detail that is too long or holds control characters set
 * r->failed and leave *out untouched. */
void health_result_get(struct rbuf *r, struct health_result *out);

enum health_verdict { HEALTH_VERDICT_UNKNOWN = 0, HEALTH_VERDICT_UP, HEALTH_VERDICT_DOWN };
const char *health_verdict_text(enum health_verdict v); /* "unknown", "up", "down" */

struct health_timing { /* configuration; a zero counts as 1 */
	uint32_t interval_ms, timeout_ms, retry_ms;
	uint8_t fall, rise; /* 1.. */
	struct health_flap_rule flap;
};

/* Who is behind its own time (lhm, 0 to HEALTH_LHM_MAX: pair protocol 1.3) gives others more of it: (1 + lhm) times the time-out, but
 * at most two intervals where that is more than the time-out. So a result comes before what it replaces is too old to count. */
#define HEALTH_LHM_MAX 7
uint32_t health_timeout_ms(const struct health_timing *t, unsigned lhm);
/* A time-out that somebody else chose: as it is where some lhm gives no less and no more, else the plain one. */
uint32_t health_timeout_within(const struct health_timing *t, uint32_t timeout_ms);

struct health_state {
	enum health_verdict verdict;
	bool recovered;        /* from the journal, not yet confirmed or refuted by fall/rise */
	bool known;            /* a result counted once, or recovered: UNKNOWN is left by fall/rise only */
	bool shared;           /* the caller's word: a twin looks in between, so results come at every second interval */
	uint8_t fails, passes; /* in a row, saturating; while UP the failures standing: below fall, both may be over 0 */
	uint8_t weight_pct;    /* of the last pass; 100 before: a failure on the way down scales nothing away */
	uint8_t hung;          /* probes in a row that used up their time-out while DOWN, saturating */
	uint64_t bitmap;       /* last 64 results, newest in bit 0, 1 = pass (void and unknown not shown) */
	uint64_t changed_ms;   /* when verdict last changed; monotonic, wraps below 0 for recovered ones: subtract */
	uint64_t counted_ms;   /* when the last result that counted came, or the state was recovered; for known ones */
	struct health_flap flap;
	struct health_result last; /* pass, fail or unknown; reason NONE before the first */
};

void health_state_init(struct health_state *s);
/* As read from the journal at now_ms: the verdict stands, marked recovered; counting begins anew, or one probe would finish
 * what others began before we went. Silence is reckoned from now_ms, changed_ms as the caller reckons it; the penalty is the
 * caller's (health_flap_recover). */
void health_state_recover(struct health_state *s, enum health_verdict v, uint64_t bitmap, uint64_t changed_ms,
			  uint64_t now_ms);
/* After it, where the process before left a moment ago: the evidence is as old as it is. It is still marked recovered, and counting
 * begins anew. False, and nothing changed, where the next probe would not come before the verdict has grown old. */
bool health_state_resume(struct health_state *s, const struct health_timing *t, uint64_t counted_ms, uint8_t hung,
			 uint64_t bitmap, uint64_t now_ms) MUST_CHECK;
/* Feeds one result. Returns true when the verdict changed. */
bool health_state_feed(struct health_state *s, const struct health_timing *t, const struct health_result *r,
		       uint64_t now_ms) MUST_CHECK;
/* What speaks against the verdict has begun and is neither enough yet nor made good again: retry is in force. */
bool health_state_is_turning(const struct health_state *s, const struct health_timing *t);
/* Turns a verdict without a counted result for 3 intervals (+ timeout; 6 of what is shared) into UNKNOWN; true when it changed. */
bool health_state_age(struct health_state *s, const struct health_timing *t, uint64_t now_ms) MUST_CHECK;
/* When health_state_age will next have something to do, if nothing comes; UINT64_MAX = never. */
uint64_t health_state_age_at(const struct health_state *s, const struct health_timing *t);
/* A target that hangs costs each probe its whole time-out. DOWN and hung for HEALTH_BREAKER_AFTER probes in a row opens its
 * breaker: it is probed at every 2nd, then at every 4th of its intervals, but at least every 30 s where they are shorter. One
 * result that is no time-out closes it.
 *
 *     CLOSED ──8 time-outs while DOWN──▶ OPEN ──its next probe runs──▶ HALF_OPEN
 *       ▲                                 ▲─────────time-out──────────────┤
 *       └──────────────────────────anything else──────────────────────────┘
 */
#define HEALTH_BREAKER_AFTER 8
#define HEALTH_BREAKER_MAX_MS 30000 /* so a recovery is found no later than this, or the interval, and one time-out */
enum health_breaker { HEALTH_CLOSED = 0, HEALTH_OPEN, HEALTH_HALF_OPEN };
enum health_breaker health_breaker_of(const struct health_state *s, bool running);
const char *health_breaker_text(enum health_breaker b); /* "closed", "open", "half-open" */
/* Intervals from one probe to the next: 1, 2 or 4. */
unsigned health_breaker_factor(const struct health_state *s, const struct health_timing *t);
/* Of the penalty for flapping, as people are told of it. */
enum health_flapping { HEALTH_STEADY = 0, HEALTH_FLAPPING, HEALTH_SUPPRESSED /* flapping, DOWN, and held there */ };
enum health_flapping health_state_flapping(const struct health_state *s, const struct health_timing *t, uint64_t now_ms);
const char *health_flapping_text(enum health_flapping f); /* "steady", "flapping", "suppressed" */
/* Results still needed until the verdict can flip, were every next one contrary and nothing held: at least 1. */
unsigned health_state_to_flip(const struct health_state *s, const struct health_timing *t);
/* The same as a time, in full intervals, and not before a hold can end, shared or not: somebody looks every interval, and what
 * one finds makes the other look at once. Saturates one below UINT32_MAX, which means "never" to
 * the policy room. What is left of a hold is rounded down to 1, 2, 4, 8 … intervals, or each probe would be a new TTL. */
uint32_t health_state_flip_ms(const struct health_state *s, const struct health_timing *t, uint64_t now_ms);

/* Schedule of one stream: a place of its own in each interval, no drift, retry after a first contrary result.
 *
 *     phase ├──────interval──────┼──────interval──────┼──────interval──────┤
 *           P                    F──retry─F──retry─F                      F       fall = 3: down at the third F
 *
 * Place and jitter (up to a sixteenth of the interval) follow from a hash: the herd is spread, the same each run, and a target
 * that hiccups by the clock is not met at the same moment every time.
 */
struct health_schedule {
	uint64_t place;   /* of this stream: any hash, another on the twin */
	uint64_t next_ms; /* when to start the next probe; without meaning while running */
	bool running;
	uint64_t started_ms; /* of the probe that runs, or ran last */
};
void health_schedule_init(struct health_schedule *s, const struct health_timing *t, uint64_t place, uint64_t now_ms);
/* The first time after now that is this stream's. */
uint64_t health_schedule_aligned(const struct health_schedule *s, const struct health_timing *t, uint64_t now_ms);
/* A probe was started. */
void health_schedule_started(struct health_schedule *s, uint64_t now_ms);
/* After a result (already fed): next probe at retry_ms while the counters are on their way to a flip, that is until it comes or
 * failures are made good by as many passes, or on their way to bear out a down of the journal; else at its place in the next interval. Later than now always, however long the pause was. */
void health_schedule_next(struct health_schedule *s, const struct health_timing *t, const struct health_state *st,
			  uint64_t now_ms);
/* Of a target that twins look at by turns, on a clock that they share: one interval after the other, each with the place that
 * the key gives and jitter as above; who has turn 0 takes the even ones, who has turn 1 the odd.
 *
 *     clock ├──interval──┼──interval──┼──interval──┼──interval──┤
 *     0        P                         P
 *     1                    P                         P
 *
 * The first time after now, on that clock, that is this turn's. */
uint64_t health_schedule_turn(uint64_t place, const struct health_timing *t, unsigned turn, uint64_t clock_ms);

#endif
