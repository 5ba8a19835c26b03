/* See top.h. Tables come from the server with their colours, which is also how what is bad is known here. */
#include <stdio.h>
#include <string.h>
#include "ctl/doc.h"
#include "ctl/top.h"

#define RESET "\033[0m"
#define BOLD "\033[1m"
#define RED "\x1b[31m" /* as doc_table.c has them */
#define YELLOW "\x1b[33m"
#define CLEAR_REST "\033[K"

struct screen {
	struct bytes *out;
	unsigned rows, columns, row; /* row: written so far */
	bool colour, terminal;
};
struct table { const char *head, *body; size_t count; }; /* lines of body */

/* ---- lines ---- */

static size_t line_len(const char *s)
{
	return strcspn(s, "\n");
}

static const char *line_next(const char *s)
{
	s += line_len(s);
	return *s ? s + 1 : s;
}

/* Octets of a colour sequence at s: ESC [ digits and ; m. 0 = none, or another one, which no terminal may get from us. */
static size_t colour_len(const char *s, size_t len)
{
	if (len < 3 || s[0] != '\033' || s[1] != '[')
		return 0;
	size_t n = 2 + strspn(s + 2, "0123456789;");
	return n < len && s[n] == 'm' ? n + 1 : 0;
}

/* Octets of the character at s, whole ones of UTF-8 only. */
static size_t character_len(const char *s, size_t len)
{
	uint8_t c = (uint8_t)*s;
	size_t n = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	for (size_t i = 1; i < n; i++)
		if (i == len || ((uint8_t)s[i] & 0xc0) != 0x80)
			return i;
	return n;
}

/* Of a line without its colours. */
static unsigned text_columns(const char *text, size_t len)
{
	unsigned used = 0;
	for (size_t at = 0; at < len;) {
		size_t n = colour_len(text + at, len - at);
		used += n == 0;
		at += n ? n : character_len(text + at, len - at);
	}
	return used;
}

/* At most `columns` of a line; what is no text is '?'. The columns used. */
static unsigned put_clipped(struct screen *s, const char *text, size_t len, unsigned columns)
{
	unsigned used = 0;
	bool coloured = false;
	for (size_t at = 0; at < len;) {
		size_t n = colour_len(text + at, len - at);
		if (n && s->colour) {
			bytes_add(s->out, text + at, n);
			coloured = true;
		}
		if (n) {
			at += n;
			continue;
		}
		if (used == columns)
			break;
		n = character_len(text + at, len - at);
		bool control = (uint8_t)text[at] < 0x20 || text[at] == 0x7f;
		bytes_add(s->out, control ? "?" : text + at, control ? 1 : n);
		used++;
		at += n;
	}
	if (coloured)
		bytes_add(s->out, RESET, strlen(RESET));
	return used;
}

static void put_style(struct screen *s, const char *style)
{
	if (s->colour)
		bytes_add(s->out, style, strlen(style));
}

/* A row of text, and at its right end another; none where there is no row left. */
static void put_row(struct screen *s, const char *text, size_t len, const char *right, const char *style)
{
	unsigned right_len = right ? (unsigned)strlen(right) : 0;
	if (s->row == s->rows)
		return;
	if (s->row++)
		bytes_add(s->out, s->terminal ? "\r\n" : "\n", s->terminal ? 2 : 1);
	if (s->terminal) /* before the text: behind one that fills the row it would take its last character */
		bytes_add(s->out, CLEAR_REST, strlen(CLEAR_REST));
	if (style)
		put_style(s, style);
	bool fits = right_len && right_len + 2 < s->columns;
	unsigned used = put_clipped(s, text, len, fits ? s->columns - right_len - 2 : s->columns);
	for (; fits && used < s->columns - right_len; used++)
		bytes_u8(s->out, ' ');
	if (fits)
		bytes_add(s->out, right, right_len);
	if (style)
		put_style(s, RESET);
}

/* ---- the head ---- */

/* The value that `status` prints behind a key, borrowed, with its length; 0 = it is not there. */
static size_t status_find(const char *status, const char *key, const char **value)
{
	size_t n = strlen(key);
	for (const char *at = status; at && *at; at = line_next(at)) {
		if (strncmp(at, key, n) != 0 || at[n] != ' ')
			continue;
		*value = at + n + strspn(at + n, " ");
		return line_len(*value);
	}
	return 0;
}

static void add_field(struct bytes *line, const char *status, const char *key, const char *before, const char *after)
{
	const char *value = NULL;
	size_t n = status_find(status, key, &value);
	if (!n)
		return;
	if (line->len)
		bytes_add(line, "  ", 2);
	bytes_add(line, before, strlen(before));
	bytes_add(line, value, n);
	bytes_add(line, after, strlen(after));
}

static void put_head(struct screen *s, const struct top_view *v)
{
	struct bytes line;
	bytes_init(&line, 1u << 16);
	add_field(&line, v->status, "node", "", "");
	add_field(&line, v->status, "version", "", "");
	add_field(&line, v->status, "generation", "generation ", "");
	add_field(&line, v->status, "queries a second", "", " q/s");
	add_field(&line, v->status, "queries total", "", " in all");
	put_row(s, (const char *)line.data, line.len, v->clock, BOLD);
	line.len = 0;
	add_field(&line, v->status, "services", "services ", "");
	add_field(&line, v->status, "members up", "members up ", "");
	add_field(&line, v->status, "overrides", "overrides ", "");
	const size_t first = line.len; /* what a second row has where one is too short */
	add_field(&line, v->status, "pair name", "pair ", "");
	add_field(&line, v->status, "pair self", "self ", "");
	add_field(&line, v->status, "network state", "network ", "");
	const bool two = s->rows > 16 && first && first < line.len && text_columns((const char *)line.data, line.len) > s->columns;
	if (s->rows > 8)
		put_row(s, (const char *)line.data, two ? first : line.len, NULL, NULL);
	if (two)
		put_row(s, (const char *)line.data + first + 2, line.len - first - 2, NULL, NULL);
	bytes_deinit(&line);
}

/* ---- the tables ---- */

static struct table table_of(const char *text)
{
	struct table t = { .head = text, .body = text ? line_next(text) : NULL };
	for (const char *at = t.body; at && *at; at = line_next(at))
		t.count++;
	return t;
}

static bool line_has(const char *line, const char *what)
{
	return memmem(line, line_len(line), what, strlen(what)) != NULL;
}

/* 0 bad, 1 unsure, 2 the rest. */
static int line_rank(const char *line)
{
	return line_has(line, RED) ? 0 : line_has(line, YELLOW) ? 1 : 2;
}

static void put_worst_first(struct screen *s, const struct table *t, size_t n)
{
	for (int rank = 0; rank <= 2; rank++)
		for (const char *at = t->body; at && *at && n; at = line_next(at))
			if (line_rank(at) == rank) {
				put_row(s, at, line_len(at), NULL, NULL);
				n--;
			}
}

/* ---- events: on a narrow screen the new state and the reason count for more than what is there to look up with `events` ---- */

#define EVENT_COLUMNS_MAX 12
#define REASON_COLUMNS 12             /* room for the begin of one, before it costs another column */
#define TIME_DAY (sizeof "2026-11-21T" - 1)
#define TIME_SECONDS (sizeof "10:25:00" - 1)

/* What is left of the columns of a head: their begins, and how many columns of the screen each takes; 0 = left out. */
struct columns { unsigned count, from[EVENT_COLUMNS_MAX + 1], width[EVENT_COLUMNS_MAX]; bool clock; };

static bool column_is(const char *head, const struct columns *c, unsigned i, const char *name)
{
	size_t n = strlen(name);
	return c->from[i + 1] - c->from[i] > n && strncmp(head + c->from[i], name, n) == 0 && head[c->from[i] + n] == ' ';
}

static unsigned columns_before_last(const struct columns *c)
{
	unsigned sum = 0;
	for (unsigned i = 0; i + 1 < c->count; i++)
		sum += c->width[i];
	return sum;
}

static void columns_split(struct columns *c, const char *head)
{
	const unsigned len = (unsigned)line_len(head);
	*c = (struct columns){ 0 };
	for (unsigned at = 0; at < len && c->count < EVENT_COLUMNS_MAX; c->count++) {
		c->from[c->count] = at;
		at += (unsigned)strcspn(head + at, " \n");
		at += (unsigned)strspn(head + at, " ");
	}
	c->from[c->count] = len;
	for (unsigned i = 0; i < c->count; i++)
		c->width[i] = c->from[i + 1] - c->from[i];
}

/* The day first, which the clock of the picture has; then a column after the other. */
static void columns_fit(struct columns *c, const char *head, unsigned screen)
{
	static const char *const spare[] = { "OBSERVER", "CAUSE", "OLD" };
	columns_split(c, head);
	if (columns_before_last(c) + REASON_COLUMNS > screen && column_is(head, c, 0, "TIME") && c->width[0] > TIME_DAY + TIME_SECONDS) {
		c->clock = true;
		c->width[0] = TIME_SECONDS + 2;
	}
	for (size_t k = 0; k < sizeof spare / sizeof *spare; k++)
		for (unsigned i = 1; i + 1 < c->count && columns_before_last(c) + REASON_COLUMNS > screen; i++)
			if (column_is(head, c, i, spare[k]))
				c->width[i] = 0;
}

/* Octets of the first `columns` columns of the screen that a line takes. */
static size_t prefix_len(const char *line, size_t len, unsigned columns)
{
	size_t at = 0;
	for (unsigned used = 0; at < len;) {
		size_t n = character_len(line + at, len - at);
		used += doc_clean(NULL, line + at, n);
		if (used > columns)
			break;
		at += n;
	}
	return at;
}

static void put_event(struct screen *s, const struct columns *c, const char *line, const char *style)
{
	struct bytes cut;
	const size_t len = line_len(line);
	bytes_init(&cut, 1u << 16);
	for (unsigned i = 0; i < c->count; i++) {
		size_t from = prefix_len(line, len, c->from[i]), to = i + 1 < c->count ? prefix_len(line, len, c->from[i + 1]) : len;
		if (i == 0 && c->clock)
			bytes_printf(&cut, "%-*.*s", (int)c->width[0], (int)TIME_SECONDS,
				     style ? "TIME" : len >= TIME_DAY + TIME_SECONDS ? line + TIME_DAY : "");
		else if (c->width[i])
			bytes_add(&cut, line + from, to - from);
	}
	put_row(s, (const char *)cut.data, cut.len, NULL, style);
	bytes_deinit(&cut);
}

/* Events are told eldest first: the last n of them. */
static void put_newest(struct screen *s, const struct table *t, size_t n)
{
	size_t skip = t->count - n;
	struct columns c;
	columns_fit(&c, t->head, s->columns);
	put_event(s, &c, t->head, BOLD);
	for (const char *at = t->body; at && *at; at = line_next(at))
		if (skip)
			skip--;
		else
			put_event(s, &c, at, NULL);
}

/* Row by row in turn, so that none starves: each table first wants two for the gap and its head. */
static void share_rows(size_t rows, const struct table *t, size_t *got)
{
	bool gave = true;
	for (int i = 0; i < TOP_SECTIONS; i++) {
		got[i] = t[i].count && rows >= 3 ? 1 : 0;
		rows -= got[i] ? 3 : 0;
	}
	while (rows && gave) {
		gave = false;
		for (int i = 0; i < TOP_SECTIONS && rows; i++)
			if (got[i] && got[i] < t[i].count) {
				got[i]++;
				rows--;
				gave = true;
			}
	}
}

static void put_tables(struct screen *s, const struct top_view *v, size_t rows)
{
	struct table t[TOP_SECTIONS];
	size_t got[TOP_SECTIONS];
	char more[32];
	for (int i = 0; i < TOP_SECTIONS; i++)
		t[i] = table_of(v->section[i]);
	share_rows(rows, t, got);
	for (int i = 0; i < TOP_SECTIONS; i++) {
		if (!got[i])
			continue;
		put_row(s, "", 0, NULL, NULL);
		if (i == TOP_EVENTS) {
			put_newest(s, &t[i], got[i]);
			continue;
		}
		snprintf(more, sizeof more, "+%zu more", t[i].count - got[i]);
		put_row(s, t[i].head, line_len(t[i].head), t[i].count > got[i] ? more : NULL, BOLD);
		put_worst_first(s, &t[i], got[i]);
	}
}

void top_render(struct bytes *out, const struct top_view *v)
{
	struct screen s = { .out = out, .colour = v->colour, .terminal = v->terminal };
	s.rows = v->rows < TOP_ROWS_MAX ? v->rows : TOP_ROWS_MAX;
	s.columns = v->columns < TOP_COLUMNS_MAX ? v->columns : TOP_COLUMNS_MAX;
	const char *foot = v->fault ? v->fault : v->terminal ? "q quits, space asks again" : NULL;
	unsigned foot_rows = foot && s.rows > 1 ? 1 : 0;
	s.rows -= foot_rows;
	if (v->status)
		put_head(&s, v);
	put_tables(&s, v, s.rows - s.row);
	if (!foot_rows)
		return;
	while (v->terminal && s.row < s.rows)
		put_row(&s, "", 0, NULL, NULL);
	s.rows++;
	put_row(&s, foot, strlen(foot), NULL, v->fault ? RED : NULL);
}
