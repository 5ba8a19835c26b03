/* Cells → aligned lines.
 *
 *     NODE  LINK      HEARD      a header in lists only; facts are two columns without one
 *     ns2   active    12ms       two spaces between columns, none behind the last
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ctl/doc_table.h"

#define GAP 2
#define CELLS_MAX (1u << 24) /* a million rows of a wide table; the output's own bound is reached long before */

static size_t without_unit(const char *key)
{
	static const char *const units[] = { "_s", "_ms", "_us" };
	size_t n = strlen(key);
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		size_t u = strlen(units[i]);
		if (n > u && strcmp(key + n - u, units[i]) == 0)
			return n - u;
	}
	return n;
}

void doc_table_label(const struct doc *d, const char *key, char *out, size_t cap)
{
	snprintf(out, cap, "%s%s%.*s", d->group ? d->group : "", d->group ? " " : "", (int)without_unit(key), key);
	for (char *p = out; *p; p++)
		if (*p == '_')
			*p = ' ';
}

unsigned doc_table_column(struct doc *d, const char *key)
{
	for (unsigned i = 0; i < d->column_count; i++)
		if (d->columns[i] == key || strcmp(d->columns[i], key) == 0)
			return i;
	if (d->column_count == DOC_COLUMNS_MAX)
		return DOC_COLUMNS_MAX;
	d->columns[d->column_count] = key;
	return d->column_count++;
}

static bool make_room(struct doc *d)
{
	if (d->cell_count < d->cell_cap)
		return true;
	size_t cap = d->cell_cap ? d->cell_cap * 2 : 64;
	struct doc_cell *p = cap > CELLS_MAX ? NULL : realloc(d->cells, cap * sizeof *p);
	if (!p) {
		d->text.failed = true;
		return false;
	}
	d->cells = p;
	d->cell_cap = cap;
	return true;
}

void doc_table_add(struct doc *d, unsigned column, enum doc_tone t, const char *text)
{
	if (column >= DOC_COLUMNS_MAX || !*text || !make_room(d))
		return;
	size_t at = d->text.len;
	unsigned width = doc_clean(&d->text, text, strnlen(text, DOC_TEXT_MAX));
	d->cells[d->cell_count++] = (struct doc_cell){ .row = d->rows, .at = (uint32_t)at, .len = (uint32_t)(d->text.len - at),
						       .width = (uint16_t)width, .column = (uint8_t)column, .tone = (uint8_t)t };
}

/* ---- printing ---- */

struct layout {
	unsigned width[DOC_COLUMNS_MAX]; /* 0 = empty in every row: left out */
	unsigned last;                   /* the last column that is not empty */
};

static void lay_out(const struct doc *d, struct layout *l)
{
	*l = (struct layout){ 0 };
	for (size_t i = 0; i < d->cell_count; i++) {
		const struct doc_cell *c = &d->cells[i];
		if (c->width > l->width[c->column])
			l->width[c->column] = c->width;
		if (c->column > l->last)
			l->last = c->column;
	}
	for (unsigned i = 0; d->in_list && i <= l->last; i++) {
		unsigned n = i < d->column_count && l->width[i] ? (unsigned)without_unit(d->columns[i]) : 0;
		if (n > l->width[i])
			l->width[i] = n;
	}
}

static void pad(struct bytes *out, unsigned n)
{
	while (n--)
		bytes_u8(out, ' ');
}

/* The last column gives way on a narrow terminal: it is free text wherever there is any. Cut by characters, with a mark. */
static size_t cut(const char *text, size_t len, unsigned room)
{
	size_t at = 0, next = 0;
	unsigned width = 0;
	while (next < len) {
		size_t n = 1;
		while (next + n < len && ((uint8_t)text[next + n] & 0xc0) == 0x80)
			n++;
		width += doc_clean(NULL, text + next, n);
		next += n;
		if (width + 1 <= room) /* one column for the mark */
			at = next;
	}
	return width <= room ? len : at;
}

static void print_cell(struct doc *d, const struct doc_cell *c, unsigned at, bool last)
{
	static const char *const colours[] = { "", "\x1b[32m", "\x1b[31m", "\x1b[33m" };
	const char *text = (const char *)d->text.data + c->at;
	bool coloured = d->colour && c->tone != DOC_PLAIN;
	size_t len = c->len;
	if (last && d->in_list && d->width > at + 8 && at + c->width > d->width)
		len = cut(text, c->len, d->width - at);
	if (coloured)
		bytes_add(&d->out, colours[c->tone], strlen(colours[c->tone]));
	bytes_add(&d->out, text, len);
	if (len < c->len)
		bytes_add(&d->out, "\xe2\x80\xa6", 3); /* … */
	if (coloured)
		bytes_add(&d->out, "\x1b[0m", 4);
}

/* Cells of one row, which need not come in the order of the columns. */
static size_t print_row(struct doc *d, const struct layout *l, size_t from)
{
	const struct doc_cell *row[DOC_COLUMNS_MAX] = { NULL };
	size_t i = from;
	unsigned at = 0, written = 0;
	for (; i < d->cell_count && d->cells[i].row == d->cells[from].row; i++)
		row[d->cells[i].column] = &d->cells[i];
	for (unsigned k = 0; k <= l->last; k++) {
		if (row[k]) {
			pad(&d->out, at - written);
			print_cell(d, row[k], at, k == l->last);
			written = at + row[k]->width;
		}
		if (l->width[k])
			at += l->width[k] + GAP;
	}
	bytes_u8(&d->out, '\n');
	return i;
}

static void print_header(struct doc *d, const struct layout *l)
{
	unsigned gap = 0;
	for (unsigned i = 0; i <= l->last; i++) {
		if (!l->width[i])
			continue;
		const char *key = d->columns[i];
		pad(&d->out, gap);
		size_t n = without_unit(key);
		for (size_t k = 0; k < n; k++)
			bytes_u8(&d->out, key[k] == '_' ? ' ' : (uint8_t)toupper((unsigned char)key[k]));
		gap = l->width[i] + GAP - (unsigned)n;
	}
	bytes_u8(&d->out, '\n');
}

static void print_nothing(struct doc *d)
{
	bytes_printf(&d->out, "no ");
	for (const char *p = d->list; *p; p++)
		bytes_u8(&d->out, *p == '_' ? ' ' : (uint8_t)*p);
	bytes_u8(&d->out, '\n');
}

void doc_table_print(struct doc *d)
{
	struct layout l;
	if (d->wrote && (d->cell_count || d->in_list))
		bytes_u8(&d->out, '\n');
	lay_out(d, &l);
	if (d->cell_count && d->in_list)
		print_header(d, &l);
	else if (d->in_list)
		print_nothing(d);
	for (size_t i = 0; i < d->cell_count;)
		i = print_row(d, &l, i);
	d->wrote |= d->cell_count || d->in_list;
	d->cell_count = 0;
	d->rows = 0;
	d->column_count = 0;
	d->text.len = 0;
}
