#include "ctl/events.h"
#include <stdio.h>
#include <string.h>
#include "base/text.h"

#define GAP 2

static const char *const titles[EVENTS_COLUMNS] = { "TIME", "KIND", "SUBJECT", "OLD", "NEW", "CAUSE", "OBSERVER", "REASON" };

/* A service's A and AAAA change apart, and an address may have several checks. */
static const char *column(const struct core_notice *n, unsigned i, char room[NOTICE_SUBJECT_MAX + NOTICE_DETAIL_MAX + 2])
{
	static const char *const parts[] = { "type", "check" };
	const char *const texts[EVENTS_COLUMNS] = { "", notice_kind_text(n->kind), n->subject, n->old, n->new, n->cause, n->observer,
						    n->reason };
	const char *at = n->detail, *key, *value;
	size_t key_len, value_len;
	if (i == 0)
		return text_format_utc(n->wall_ms, room);
	while (i == 2 && notice_detail_next(&at, &key, &key_len, &value, &value_len))
		for (size_t k = 0; k < sizeof parts / sizeof parts[0]; k++)
			if (strlen(parts[k]) == key_len && memcmp(parts[k], key, key_len) == 0) {
				snprintf(room, NOTICE_SUBJECT_MAX + NOTICE_DETAIL_MAX + 2, "%s %.*s", n->subject, (int)value_len, value);
				return room;
			}
	return *texts[i] ? texts[i] : i == EVENTS_COLUMNS - 1 ? "" : "-";
}

static void pad(struct bytes *out, unsigned n)
{
	while (n--)
		bytes_u8(out, ' ');
}

static void put(struct bytes *out, const struct events_layout *l, unsigned i, const char *text)
{
	unsigned used = doc_clean(out, text, strlen(text));
	if (i < EVENTS_COLUMNS - 1)
		pad(out, (l->width[i] > used ? l->width[i] - used : 0) + GAP);
}

void events_line(struct bytes *out, const struct events_layout *l, const struct core_notice *n)
{
	char room[NOTICE_SUBJECT_MAX + NOTICE_DETAIL_MAX + 2];
	for (unsigned i = 0; i < EVENTS_COLUMNS; i++)
		put(out, l, i, column(n, i, room));
	bytes_u8(out, '\n');
}

static size_t first_of(const struct core *c, size_t last)
{
	size_t n = core_notices(c);
	return n > last ? n - last : 0;
}

static void lay_out(struct events_layout *l, const struct core *c, size_t from)
{
	char room[NOTICE_SUBJECT_MAX + NOTICE_DETAIL_MAX + 2];
	struct core_notice n;
	for (unsigned i = 0; i < EVENTS_COLUMNS; i++)
		l->width[i] = (uint16_t)strlen(titles[i]);
	for (size_t k = from; k < core_notices(c); k++) {
		core_notice_get(c, k, &n);
		for (unsigned i = 0; i < EVENTS_COLUMNS; i++) {
			const char *text = column(&n, i, room);
			unsigned width = doc_clean(NULL, text, strlen(text));
			l->width[i] = width > l->width[i] ? (uint16_t)width : l->width[i];
		}
	}
}

void events_table(struct bytes *out, struct events_layout *l, const struct core *c, size_t last)
{
	struct core_notice n;
	size_t from = first_of(c, last);
	lay_out(l, c, from);
	for (unsigned i = 0; i < EVENTS_COLUMNS; i++)
		put(out, l, i, titles[i]);
	bytes_u8(out, '\n');
	for (size_t k = from; k < core_notices(c); k++) {
		core_notice_get(c, k, &n);
		events_line(out, l, &n);
	}
}

/* ---- JSON ---- */

void events_json_line(struct bytes *out, const struct core_notice *n)
{
	struct json j;
	json_init(&j, out, false);
	notice_json(&j, n);
	bytes_u8(out, '\n');
}

void events_json_lines(struct bytes *out, const struct core *c, size_t last)
{
	struct core_notice n;
	for (size_t k = first_of(c, last); k < core_notices(c); k++) {
		core_notice_get(c, k, &n);
		events_json_line(out, &n);
	}
}

void events_json(struct bytes *out, const struct core *c, size_t last)
{
	struct core_notice n;
	struct json j;
	json_init(&j, out, false);
	json_begin_object(&j);
	json_key(&j, "events");
	json_begin_array(&j);
	for (size_t k = first_of(c, last); k < core_notices(c); k++) {
		core_notice_get(c, k, &n);
		notice_json(&j, &n);
	}
	json_end_array(&j);
	json_end_object(&j);
	bytes_u8(out, '\n');
}

/* ---- the verb ---- */

size_t events_last(const struct call *c)
{
	uint64_t n;
	if (c->option[OPTION_LAST] && text_parse_u64(&n, c->option[OPTION_LAST], 0, SIZE_MAX / 2) == 0)
		return (size_t)n;
	return c->option[OPTION_FOLLOW] ? EVENTS_FOLLOW_LAST : SIZE_MAX;
}

enum call_next run_events(struct call *c, const struct ctl_host *h, struct doc *d)
{
	(void)h;
	(void)d;
	uint64_t n;
	if (c->option[OPTION_LAST] && text_parse_u64(&n, c->option[OPTION_LAST], 0, SIZE_MAX / 2) < 0)
		return call_fail(c, CALL_EXIT_USAGE, "-n \"%.64s\" is no number of events", c->option[OPTION_LAST]);
	return CALL_EVENTS;
}
