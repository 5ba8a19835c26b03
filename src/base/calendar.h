/* Moments of UTC as people write them: once, or again and again as cron has it.  Reckoned, never asked for: no clock here.
 *
 *     "0 3 * * 0"         03:00 on Sundays         minute hour day month weekday
 *     "30 1,13 * * *"     01:30 and 13:30
 *     "0-59/15 9-17 * * mon-fri"
 *     "0 0 1 * mon"       every first of a month, and every Monday: where day and weekday are both restricted, either is enough
 *
 * A field is a list of numbers, names (jan, sun; 0 and 7 are Sunday), ranges, and * for all; a range and * may have a step. A day
 * or weekday that begins with * is not restricted, with a step or without.
 */
#ifndef GEMEL_BASE_CALENDAR_H
#define GEMEL_BASE_CALENDAR_H
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

#define CALENDAR_NEVER UINT64_MAX

struct calendar_cron { /* bit n: the field may be n */
	uint64_t minutes;
	uint32_t hours, days;
	uint16_t months;
	uint8_t weekdays; /* bit 0 = Sunday */
	bool either;
};
/* ERR_FORMAT; *field then is 1 to 5, the one at fault, or 0 where there are not five. */
int calendar_cron_parse(struct calendar_cron *out, const char *text, unsigned *field) MUST_CHECK;
/* The first moment of it after, and the last at or before, a time; ms since 1970. CALENDAR_NEVER: there is none (the search ends
 * after CALENDAR_SEARCH_MONTHS, which is longer than any that comes at all lets wait). */
uint64_t calendar_cron_next(const struct calendar_cron *c, uint64_t after_ms);
uint64_t calendar_cron_last(const struct calendar_cron *c, uint64_t until_ms);
/* Feb 29 on one weekday comes 40 years later at the latest, over a century that has none. */
#define CALENDAR_SEARCH_MONTHS (41 * 12)

/* "2026-12-01 22:00", "2026-12-01 22:00:30", "2026-12-01T22:00:00Z" (RFC 3339): UTC, ms since 1970. ERR_FORMAT; ERR_RANGE for a
 * day that the calendar does not have, and before 1970. */
int calendar_time_parse(uint64_t *wall_ms, const char *text) MUST_CHECK;

#endif
