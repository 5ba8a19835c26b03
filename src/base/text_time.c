/* Durations and times as text. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"

#define SECOND_MS 1000u
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)
#define DURATION_MAX_MS ((uint64_t)3653 * DAY_MS) /* ten years with their leap days: more is a typing error */
#define FRACTION_DIGITS_MAX 9                     /* 10^9 * DAY_MS fits in 64 bits */

static const struct unit {
	char name[3];
	uint32_t ms;
} units[] = { { "d", DAY_MS }, { "h", HOUR_MS }, { "m", MINUTE_MS }, { "s", SECOND_MS }, { "ms", 1 } };
#define UNITS (sizeof units / sizeof *units)

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static uint32_t unit_ms(const char *name)
{
	if (!*name)
		return SECOND_MS;
	for (size_t i = 0; i < UNITS; i++) {
		if (strcmp(name, units[i].name) == 0)
			return units[i].ms;
	}
	return 0;
}

/* The digits after the point: value and 10^digits. */
static int parse_fraction(const char **text, uint64_t *value, uint64_t *scale)
{
	const char *at = *text;
	*value = 0;
	*scale = 1;
	for (; is_digit(*at); at++) {
		if (at - *text >= FRACTION_DIGITS_MAX)
			return ERR_FORMAT;
		*value = *value * 10 + (uint64_t)(*at - '0');
		*scale *= 10;
	}
	if (at == *text)
		return ERR_FORMAT;
	*text = at;
	return 0;
}

int text_parse_duration(uint64_t *ms, const char *text)
{
	uint64_t whole = 0, fraction = 0, scale = 1;

	if (!is_digit(*text))
		return ERR_FORMAT;
	for (; is_digit(*text); text++) {
		if (whole <= DURATION_MAX_MS) /* more is out of range whatever follows */
			whole = whole * 10 + (uint64_t)(*text - '0');
	}
	if (*text == '.') {
		text++;
		if (parse_fraction(&text, &fraction, &scale) < 0)
			return ERR_FORMAT;
	}
	uint32_t unit = unit_ms(text);
	if (!unit || fraction * unit % scale != 0) /* parts of a millisecond would be lost silently */
		return ERR_FORMAT;
	if (whole > DURATION_MAX_MS / unit)
		return ERR_RANGE;
	uint64_t total = whole * unit + fraction * unit / scale;
	if (total > DURATION_MAX_MS)
		return ERR_RANGE;
	*ms = total;
	return 0;
}

char *text_format_duration(uint64_t ms, char out[32])
{
	size_t i = 0;
	if (ms == 0)
		return strcpy(out, "0s");
	while (ms % units[i].ms != 0) /* ends at 1 ms */
		i++;
	snprintf(out, 32, "%" PRIu64 "%.2s", ms / units[i].ms, units[i].name);
	return out;
}

/* To the nearest whole step, in steps. */
static uint64_t round_to(uint64_t ms, uint64_t step_ms)
{
	return ms / step_ms + (ms % step_ms >= step_ms - step_ms / 2);
}

/* Each form is chosen by the rounded value, so that 59.7 s reads "1m00s" and never "60s". */
char *text_format_age(uint64_t ms, char out[32])
{
	uint64_t tenths = round_to(ms, SECOND_MS / 10), s = round_to(ms, SECOND_MS);
	uint64_t min = round_to(ms, MINUTE_MS), h = round_to(ms, HOUR_MS);

	if (ms < SECOND_MS)
		snprintf(out, 32, "%" PRIu64 "ms", ms);
	else if (tenths < 100)
		snprintf(out, 32, "%" PRIu64 ".%" PRIu64 "s", tenths / 10, tenths % 10);
	else if (s < 60)
		snprintf(out, 32, "%" PRIu64 "s", s);
	else if (s < 3600)
		snprintf(out, 32, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else if (min < 24 * 60)
		snprintf(out, 32, "%" PRIu64 "h%02" PRIu64 "m", min / 60, min % 60);
	else
		snprintf(out, 32, "%" PRIu64 "d%" PRIu64 "h", h / 24, h % 24);
	return out;
}

/* Days since 1970-01-01 → Gregorian date. Years are counted from March, so that the leap day ends a year; an era is
 * 400 years = 146097 days, and 719468 days lie between 0000-03-01 and 1970-01-01. */
static void civil_date(uint64_t days, uint32_t *year, unsigned *month, unsigned *day)
{
	uint64_t since = days + 719468, era = since / 146097;
	unsigned in_era = (unsigned)(since % 146097);
	unsigned year_of_era = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	unsigned in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned march_month = (5 * in_year + 2) / 153; /* 0 = March; five months have 153 days */

	*day = in_year - (153 * march_month + 2) / 5 + 1;
	*month = march_month < 10 ? march_month + 3 : march_month - 9;
	*year = (uint32_t)(era * 400 + year_of_era + (*month <= 2));
}

char *text_format_utc(uint64_t wall_ms, char out[32])
{
	uint32_t year; /* 64 bits of milliseconds end in the year 584,556,019 */
	unsigned month, day, in_day = (unsigned)(wall_ms % DAY_MS);

	civil_date(wall_ms / DAY_MS, &year, &month, &day);
	/* The "% 100" are for the compiler, which cannot know that two digits are enough. */
	snprintf(out, 32, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year, month % 100, day % 100, in_day / HOUR_MS,
		 in_day / MINUTE_MS % 60, in_day / SECOND_MS % 60, in_day % SECOND_MS);
	return out;
}
