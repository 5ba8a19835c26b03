/* See calendar.h. Days are counted from 1970-01-01, a Thursday; months are walked, so that what comes once in eight years costs
 * a hundred steps. */
#include <string.h>
#include "base/calendar.h"

#define MINUTE_MS 60000u
#define DAY_MIN 1440u
#define YEAR_MAX 9999u /* RFC 3339 has four digits; a clock that says more is wrong */
#define END_MS 253402300800000ull /* of it */

/* ---- the calendar ---- */

static bool is_leap(uint32_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned month_days(uint32_t year, unsigned month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

static uint64_t leaps_before(uint64_t year)
{
	return (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
}

/* Of January 1st. */
static uint64_t year_day(uint64_t year)
{
	return 365 * (year - 1970) + leaps_before(year) - leaps_before(1970);
}

struct date { uint32_t year; unsigned month, day; uint64_t first; /* the day number of the month's first */ };

static struct date date_of(uint64_t days)
{
	struct date d = { .year = (uint32_t)(1970 + days / 366), .month = 1 };
	while (year_day(d.year + 1ull) <= days) /* at most a year for each 1460 */
		d.year++;
	d.first = year_day(d.year);
	while (d.first + month_days(d.year, d.month) <= days)
		d.first += month_days(d.year, d.month++);
	d.day = (unsigned)(days - d.first) + 1;
	return d;
}

/* The first of the next month, and the last of the one before; false before 1970. */
static void date_next_month(struct date *d)
{
	d->first += month_days(d->year, d->month);
	d->day = 1;
	d->year += d->month == 12;
	d->month = d->month % 12 + 1;
}

static bool date_last_month(struct date *d)
{
	if (d->first == 0)
		return false;
	d->year -= d->month == 1;
	d->month = d->month == 1 ? 12 : d->month - 1;
	d->day = month_days(d->year, d->month);
	d->first -= d->day;
	return true;
}

/* ---- searching ---- */

static bool has_day(const struct calendar_cron *c, const struct date *d)
{
	bool day = c->days >> d->day & 1, weekday = c->weekdays >> ((d->first + d->day - 1 + 4) % 7) & 1;
	return c->either ? day || weekday : day && weekday;
}

static bool has_minute(const struct calendar_cron *c, unsigned minute)
{
	return (c->hours >> minute / 60 & 1) && (c->minutes >> minute % 60 & 1);
}

static uint64_t moment(const struct date *d, unsigned minute)
{
	return ((d->first + d->day - 1) * DAY_MIN + minute) * MINUTE_MS;
}

static uint64_t next_in_month(const struct calendar_cron *c, struct date *d, unsigned minute)
{
	for (; d->day <= month_days(d->year, d->month); d->day++, minute = 0)
		for (; has_day(c, d) && minute < DAY_MIN; minute++)
			if (has_minute(c, minute))
				return moment(d, minute);
	return CALENDAR_NEVER;
}

/* end: behind the last minute that may be. */
static uint64_t last_in_month(const struct calendar_cron *c, struct date *d, unsigned end)
{
	for (; d->day >= 1; d->day--, end = DAY_MIN)
		for (; has_day(c, d) && end > 0; end--)
			if (has_minute(c, end - 1))
				return moment(d, end - 1);
	return CALENDAR_NEVER;
}

uint64_t calendar_cron_next(const struct calendar_cron *c, uint64_t after_ms)
{
	uint64_t from = (after_ms < END_MS ? after_ms : END_MS) / MINUTE_MS + 1, found = CALENDAR_NEVER;
	struct date d = date_of(from / DAY_MIN);
	unsigned minute = (unsigned)(from % DAY_MIN);
	for (unsigned n = 0; n < CALENDAR_SEARCH_MONTHS && found == CALENDAR_NEVER; n++, minute = 0) {
		if (c->months >> d.month & 1)
			found = next_in_month(c, &d, minute);
		if (found == CALENDAR_NEVER)
			date_next_month(&d);
	}
	return found;
}

uint64_t calendar_cron_last(const struct calendar_cron *c, uint64_t until_ms)
{
	uint64_t until = (until_ms < END_MS ? until_ms : END_MS) / MINUTE_MS, found = CALENDAR_NEVER;
	struct date d = date_of(until / DAY_MIN);
	unsigned end = (unsigned)(until % DAY_MIN) + 1;
	for (unsigned n = 0; n < CALENDAR_SEARCH_MONTHS && found == CALENDAR_NEVER; n++, end = DAY_MIN) {
		if (c->months >> d.month & 1)
			found = last_in_month(c, &d, end);
		if (found == CALENDAR_NEVER && !date_last_month(&d))
			break;
	}
	return found;
}

/* ---- reading a cron line ---- */

struct field { unsigned min, max; const char *names; /* of three letters each, from the least value on */ };
static const struct field fields[] = {
	{ 0, 59, "" }, { 0, 23, "" }, { 1, 31, "" },
	{ 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec" },
	{ 0, 7, "sunmontuewedthufrisat" },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name_at(const char *name, const char *text)
{
	for (unsigned i = 0; i < 3; i++)
		if ((text[i] | 0x20) != name[i])
			return false;
	return true;
}

/* A number or a name, and what stands behind it. */
static bool take_value(const struct field *f, const char **at, unsigned *value)
{
	unsigned n = 0;
	const char *p = *at;
	for (; is_digit(*p) && p - *at < 3; p++)
		n = n * 10 + (unsigned)(*p - '0');
	for (const char *name = f->names; p == *at && *name; name += 3) {
		if (!is_name_at(name, p))
			continue;
		n = f->min + (unsigned)(name - f->names) / 3;
		p += 3;
		break;
	}
	if (p == *at || n < f->min || n > f->max)
		return false;
	*at = p;
	*value = n;
	return true;
}

/* "*", "5", "9-17", "fri-sun", "*" and a range with a step. */
static bool take_item(const struct field *f, const char **at, uint64_t *bits)
{
	unsigned lo = f->min, hi = f->max, step = 1;
	bool many = **at == '*';
	if (many)
		++*at;
	else if (!take_value(f, at, &lo))
		return false;
	hi = many ? hi : lo;
	if (!many && **at == '-') {
		++*at;
		many = true;
		if (!take_value(f, at, &hi))
			return false;
		if (f->max == 7 && hi == 0 && lo > 0)
			hi = 7; /* a week that ends on Sunday */
	}
	if (many && **at == '/') {
		++*at;
		if (!take_value(&(struct field){ 1, f->max, "" }, at, &step))
			return false;
	}
	for (unsigned i = lo; i <= hi; i += step)
		*bits |= 1ull << i;
	return lo <= hi;
}

/* Up to the end of the field; all of it must be understood. */
static bool take_field(const struct field *f, const char **at, uint64_t *bits)
{
	*bits = 0;
	do {
		if (!take_item(f, at, bits))
			return false;
	} while (**at == ',' && *++*at);
	return **at == '\0' || **at == ' ' || **at == '\t';
}

int calendar_cron_parse(struct calendar_cron *out, const char *text, unsigned *field)
{
	uint64_t bits[5];
	bool star[5];
	*field = 0;
	for (unsigned i = 0; i < 5; i++) {
		text += strspn(text, " \t");
		if (!*text)
			return ERR_FORMAT;
		star[i] = *text == '*';
		if (!take_field(&fields[i], &text, &bits[i])) {
			*field = i + 1;
			return ERR_FORMAT;
		}
	}
	if (text[strspn(text, " \t")])
		return ERR_FORMAT;
	*out = (struct calendar_cron){ .minutes = bits[0], .hours = (uint32_t)bits[1], .days = (uint32_t)bits[2], .months = (uint16_t)bits[3],
				       .weekdays = (uint8_t)((bits[4] | bits[4] >> 7) & 0x7f), .either = !star[2] && !star[4] };
	return 0;
}

/* ---- reading a moment ---- */

/* Exactly `digits` of them, then `then`, where that is one. */
static bool take_number(const char **at, unsigned digits, char then, unsigned *value)
{
	*value = 0;
	for (unsigned i = 0; i < digits; i++, ++*at) {
		if (!is_digit(**at))
			return false;
		*value = *value * 10 + (unsigned)(**at - '0');
	}
	if (then && **at != then)
		return false;
	*at += then != '\0';
	return true;
}

int calendar_time_parse(uint64_t *wall_ms, const char *text)
{
	unsigned year, month, day, hour, minute, second = 0;
	if (!take_number(&text, 4, '-', &year) || !take_number(&text, 2, '-', &month) || !take_number(&text, 2, '\0', &day))
		return ERR_FORMAT;
	if (*text != ' ' && *text != 'T' && *text != 't')
		return ERR_FORMAT;
	bool rfc = *text++ != ' ';
	if (!take_number(&text, 2, ':', &hour) || !take_number(&text, 2, '\0', &minute))
		return ERR_FORMAT;
	if (*text == ':' && (text++, !take_number(&text, 2, '\0', &second)))
		return ERR_FORMAT;
	if (*text == 'Z' || *text == 'z')
		text++;
	else if (rfc) /* RFC 3339 5.6: an offset must be there, and ours is UTC */
		return ERR_FORMAT;
	if (*text)
		return ERR_FORMAT;
	if (year < 1970 || year > YEAR_MAX || month < 1 || month > 12 || day < 1 || day > month_days(year, month) || hour > 23 || minute > 59 ||
	    second > 59)
		return ERR_RANGE;
	uint64_t days = year_day(year) + day - 1;
	for (unsigned m = 1; m < month; m++)
		days += month_days(year, m);
	*wall_ms = ((days * 24 + hour) * 60 + minute) * MINUTE_MS + second * 1000ull;
	return 0;
}
