/* Witnesses: whether silence of a target may count as its failure, or may be our own network's (pair protocol 1.3).
 *
 *     successes    ×  ×   ×  ×                          ×  ×   ×      canaries, the twin's echo, other targets
 *     own network  ───────────┤         lost           ├───────────
 *     doubt                          ├─────────────────┤              begins with a silence that nobody witnesses,
 *     since                                            ▲              ends with a success: whole since that one began
 *
 *     a probe      from├────────── silence ──────────┤now             counts where the network was there
 *                      ▲                      ▲──H───┤                  at its beginning (since ≤ from), and
 *                                                                       at its end (a success within H)
 *
 * Why both ends: a reply is lost where the network goes just after the question, or comes back just before the time-out.
 * H is half the probe's time-out, so an answer that takes less than the other half was either seen or truly not given. Where
 * witnesses speak less often than that, H is two and a half of their intervals; but not for the failure that turns the verdict.
 *
 * The failure that turns the verdict is held to more: no gap ended since it was asked. A gap is where more than two and a half
 * words lie between an answer and when the next one, of whomever, was asked for.
 *
 *     asked, answered      ├×├×├×                ├×├×├×
 *     sure since                                 ▲
 *     a probe, the last         ├──────────────────┤            void: who shows that the network was there all the while?
 *
 * After a start, and after we stood still, nothing is known of before: what was asked then witnesses nothing and fails nobody.
 *
 * One of these a path: what fails together, told apart as far as an address shows it.
 */
#ifndef GEMEL_HEALTH_WITNESS_H
#define GEMEL_HEALTH_WITNESS_H
#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"

enum health_path { HEALTH_PATH_NONE = 0, HEALTH_PATH_V4, HEALTH_PATH_V6, HEALTH_PATH_V4_LOCAL, HEALTH_PATH_V6_LOCAL, HEALTH_PATHS };
enum health_path health_path_of(const struct addr *a);
bool health_path_is_local(enum health_path p);
const char *health_path_text(enum health_path p); /* "IPv4", "IPv6 loopback", … */

struct health_witness {
	bool on;            /* a canary or a twin is on this path; else silence counts by itself */
	uint32_t every_ms;  /* how often one of those speaks */
	uint64_t seen_ms;   /* the last success of anybody; 0 = never */
	uint64_t beat_ms;   /* the last of a canary or the twin */
	uint64_t since_ms;  /* whole since, as no silence spoke against it; before anew_ms: not known yet */
	uint64_t sure_ms;   /* whole since, without a gap */
	uint64_t anew_ms;   /* the start, or the end of the last time that we stood still; 0 = long ago */
	uint64_t doubt_ms;  /* since when not, 0 = whole: then the last success before */
	uint32_t voided;    /* results that did not count in this doubt */
};
/* What stands is kept: a reload changes who speaks, not what was heard. */
void health_witness_set(struct health_witness *w, bool on, uint32_t every_ms);
struct health_word { /* somebody answered */
	uint64_t asked_ms; /* what was asked then */
	uint64_t heard_ms; /* surely not before; now, unless we came late to read it */
	bool beat;         /* a canary, or the twin */
	bool kept;         /* by a connection, which says again what got lost: it tells that the network is there now, not when it was asked */
};
void health_witness_success(struct health_witness *w, const struct health_word *word, uint64_t now_ms);
/* A probe was silent from from_ms until now, and says something if the network was there since needed_ms (from_ms, or before it); last:
 * counted, it takes the target down. True = it counts. False: it is void; a doubt may have begun. */
bool health_witness_counts(struct health_witness *w, uint64_t needed_ms, uint64_t from_ms, uint32_t timeout_ms, bool last, uint64_t now_ms)
	MUST_CHECK;
/* It is the last, and would count but for a gap that ended since it was asked. */
bool health_witness_is_gap_alone(const struct health_witness *w, uint64_t needed_ms, uint64_t from_ms, uint32_t timeout_ms, uint64_t now_ms);
/* A canary was silent, or could not be asked: nobody's failure, but a doubt may begin. */
void health_witness_silence(struct health_witness *w, uint64_t now_ms);
/* The network is known to be gone: a doubt begins, however young the last success. */
void health_witness_lose(struct health_witness *w, uint64_t now_ms);
/* True where a probe that will time out at end_ms would then find no witness, unless somebody is asked now. */
bool health_witness_wants(const struct health_witness *w, uint32_t timeout_ms, uint64_t end_ms, uint64_t now_ms);
/* True where no canary or twin speaks and nobody else did just now: a probe that must not be doubted has others asked with it. */
bool health_witness_is_sparse(const struct health_witness *w, uint64_t now_ms);
/* How far apart others are asked then, and how old the newest may be for that not to be a gap: two words, and the half. */
uint32_t health_witness_keep_ms(const struct health_witness *w);
uint32_t health_witness_slack_ms(const struct health_witness *w);
/* Known to be there, and for that long. */
bool health_witness_is_whole(const struct health_witness *w, uint64_t for_ms, uint64_t now_ms);
/* After how long a silence of all the node counts as cut off. */
uint64_t health_witness_patience_ms(const struct health_witness *w);
/* The start: nobody was asked before now_ms. */
void health_witness_begin(struct health_witness *w, uint64_t now_ms);
/* We did not run for by_ms, until now_ms: the time makes nobody silent, and vouches for nobody. */
void health_witness_shift(struct health_witness *w, uint64_t by_ms, uint64_t now_ms);

/* How often canaries are asked where the shortest time-out of a check is timeout_ms, and how long they may take. */
uint32_t health_canary_every_ms(uint32_t timeout_ms);
uint32_t health_canary_timeout_ms(uint32_t every_ms);

#endif
