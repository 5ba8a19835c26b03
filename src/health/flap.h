/* The penalty of a target that flaps: each change between up and down adds to it, time halves it.
 *
 *     penalty
 *      4000 ┤            ╭╮
 *      3000 ┤- - - - - -╭╯╰╮- - - - - - - -   suppress: flapping begins
 *           │     ╭─╮ ╭─╯  ╰──╮
 *       750 ┤- -╭─╯ ╰─╯- - - -╰────╮- - - -   reuse: it ends
 *           └───┴──┴──┴─┴──────────┴──────▶
 *              down up down up
 *
 * Reckoned for every target. Only where its check says so (hold) is a flapping target that is down kept there until the penalty
 * has fallen to `reuse`; one that is up is never taken down. The first verdict is no change, nor are those from or to unknown,
 * nor what refutes the journal.
 *
 * All in whole numbers: the same history gives the same penalty on any machine.
 */
#ifndef GEMEL_HEALTH_FLAP_H
#define GEMEL_HEALTH_FLAP_H
#include <stdbool.h>
#include <stdint.h>

#define HEALTH_FLAP_CHANGE 1000 /* points of one change */
#define HEALTH_FLAP_TOP 4       /* times `suppress`: more is not counted, so that the longest hold has an end that can be told */
/* Of the rule: defaults, and bounds. */
#define HEALTH_FLAP_SUPPRESS 3000
#define HEALTH_FLAP_REUSE 750
#define HEALTH_FLAP_HALF_LIFE_MS 60000
#define HEALTH_FLAP_SUPPRESS_MAX 100000
#define HEALTH_FLAP_HALF_LIFE_MIN_MS 1000
#define HEALTH_FLAP_HALF_LIFE_MAX_MS 3600000

struct health_flap_rule { /* configuration; a zero counts as the default */
	uint32_t suppress, reuse, half_life_ms;
	bool hold;
};
/* Within the bounds, with reuse below suppress. */
bool health_flap_rule_ok(const struct health_flap_rule *r);

struct health_flap {
	uint32_t points;   /* in 1/256, at since_ms */
	bool on;           /* flapping: suppress was reached, reuse not yet */
	uint64_t since_ms; /* when points was reckoned */
};
/* Counts a change of the verdict. */
void health_flap_add(struct health_flap *f, const struct health_flap_rule *r, uint64_t now_ms);
/* As it was age_ms before now_ms: points are held against the most that the rule allows. */
void health_flap_recover(struct health_flap *f, const struct health_flap_rule *r, uint32_t points, bool on, uint64_t age_ms,
			 uint64_t now_ms);
/* Ends the flapping where its time is over; true when it did. */
bool health_flap_end(struct health_flap *f, const struct health_flap_rule *r, uint64_t now_ms);
/* When it ends; UINT64_MAX where the target does not flap. */
uint64_t health_flap_ends_at(const struct health_flap *f, const struct health_flap_rule *r);
uint32_t health_flap_penalty(const struct health_flap *f, const struct health_flap_rule *r, uint64_t now_ms); /* whole points */

#endif
