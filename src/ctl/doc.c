/* What verbs say, as values: JSON is written at once, cells for people are gathered until their widths are known. */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "ctl/doc.h"
#include "ctl/doc_table.h"

void doc_init(struct doc *d, enum doc_form form, bool colour, unsigned width, size_t bound)
{
	*d = (struct doc){ .form = form, .colour = colour, .width = width, .only = DOC_BOTH };
	bytes_init(&d->out, bound);
	bytes_init(&d->text, bound);
	json_init(&d->json, &d->out, false);
	if (form == DOC_JSON)
		json_begin_object(&d->json);
}

void doc_deinit(struct doc *d)
{
	bytes_deinit(&d->out);
	bytes_deinit(&d->text);
	free(d->cells);
	d->cells = NULL;
}

int doc_end(struct doc *d)
{
	if (d->form == DOC_JSON) {
		json_end_object(&d->json);
		bytes_u8(&d->out, '\n');
	} else {
		doc_table_print(d);
	}
	return d->out.failed || d->text.failed ? ERR_NOMEM : 0;
}

static bool is_json(const struct doc *d)
{
	return d->form == DOC_JSON && (d->only & DOC_JSON);
}

static bool is_people(const struct doc *d)
{
	return d->form == DOC_PEOPLE && (d->only & DOC_PEOPLE);
}

void doc_for(struct doc *d, enum doc_form f)
{
	d->only = f;
}

/* ---- structure ---- */

void doc_list(struct doc *d, const char *key)
{
	if (is_json(d)) {
		json_key(&d->json, key);
		json_begin_array(&d->json);
	}
	if (!is_people(d))
		return;
	doc_table_print(d); /* the facts so far */
	d->in_list = true;
	d->list = key;
}

void doc_list_end(struct doc *d)
{
	if (is_json(d))
		json_end_array(&d->json);
	if (!is_people(d))
		return;
	doc_table_print(d);
	d->in_list = false;
}

void doc_row(struct doc *d)
{
	if (is_json(d))
		json_begin_object(&d->json);
}

void doc_row_end(struct doc *d)
{
	if (is_json(d))
		json_end_object(&d->json);
	if (is_people(d))
		d->rows++;
}

void doc_group(struct doc *d, const char *key)
{
	if (is_json(d)) {
		json_key(&d->json, key);
		json_begin_object(&d->json);
	}
	d->group = key;
}

void doc_group_end(struct doc *d)
{
	if (is_json(d))
		json_end_object(&d->json);
	d->group = NULL;
}

void doc_line(struct doc *d, const char *text)
{
	if (!is_people(d))
		return;
	doc_table_print(d); /* the facts so far */
	doc_clean(&d->out, text, strlen(text));
	bytes_u8(&d->out, '\n');
}

/* ---- values ---- */

static void cell(struct doc *d, const char *key, enum doc_tone t, const char *text)
{
	if (d->in_list) {
		doc_table_add(d, doc_table_column(d, key), t, text);
		return;
	}
	char label[128];
	doc_table_label(d, key, label, sizeof label);
	doc_table_add(d, 0, DOC_PLAIN, label);
	doc_table_add(d, 1, t, text);
	d->rows++;
}

void doc_word(struct doc *d, const char *key, const char *v, enum doc_tone t)
{
	if (is_json(d)) {
		json_key(&d->json, key);
		json_string(&d->json, v);
	}
	if (is_people(d) && v)
		cell(d, key, t, v);
	else if (is_people(d) && d->in_list)
		doc_table_column(d, key); /* keeps its place for the rows that have it */
}

void doc_text(struct doc *d, const char *key, const char *v)
{
	doc_word(d, key, v, DOC_PLAIN);
}

void doc_printf(struct doc *d, const char *key, const char *fmt, ...)
{
	char text[DOC_TEXT_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	doc_text(d, key, text);
}

void doc_null(struct doc *d, const char *key)
{
	doc_text(d, key, NULL);
}

/* The JSON half of a number; true where people want to read it too. */
static bool number(struct doc *d, const char *key, uint64_t v)
{
	if (is_json(d)) {
		json_key(&d->json, key);
		json_uint(&d->json, v);
	}
	return is_people(d);
}

void doc_uint(struct doc *d, const char *key, uint64_t v)
{
	char text[32];
	if (!number(d, key, v))
		return;
	snprintf(text, sizeof text, "%" PRIu64, v);
	cell(d, key, DOC_PLAIN, text);
}

void doc_int(struct doc *d, const char *key, int64_t v)
{
	char text[32];
	if (is_json(d)) {
		json_key(&d->json, key);
		json_int(&d->json, v);
	}
	if (!is_people(d))
		return;
	snprintf(text, sizeof text, "%" PRId64, v);
	cell(d, key, DOC_PLAIN, text);
}

void doc_number(struct doc *d, const char *key, double v)
{
	char text[64];
	if (is_json(d)) {
		json_key(&d->json, key);
		json_number(&d->json, v);
	}
	if (!is_people(d))
		return;
	snprintf(text, sizeof text, "%.1f", v < 1e15 ? v : 1e15);
	cell(d, key, DOC_PLAIN, text);
}

void doc_bool(struct doc *d, const char *key, bool v)
{
	if (is_json(d)) {
		json_key(&d->json, key);
		json_bool(&d->json, v);
	}
	if (is_people(d))
		cell(d, key, DOC_PLAIN, v ? "yes" : "no");
}

void doc_s(struct doc *d, const char *key, uint64_t s)
{
	char text[32];
	if (!number(d, key, s))
		return;
	snprintf(text, sizeof text, "%" PRIu64 "s", s);
	cell(d, key, DOC_PLAIN, text);
}

void doc_ms(struct doc *d, const char *key, uint64_t ms)
{
	char text[32];
	if (number(d, key, ms))
		cell(d, key, DOC_PLAIN, text_format_age(ms, text));
}

void doc_us(struct doc *d, const char *key, uint64_t us)
{
	char text[48];
	if (!number(d, key, us))
		return;
	snprintf(text, sizeof text, us < 10000 ? "%.2fms" : "%.1fms", (double)us / 1000.0);
	cell(d, key, DOC_PLAIN, text);
}

void doc_time(struct doc *d, const char *key, uint64_t wall_ms, uint64_t now_wall_ms)
{
	char utc[32], age[32], text[96];
	if (!wall_ms) {
		doc_null(d, key);
		return;
	}
	text_format_utc(wall_ms, utc);
	if (is_json(d))
		doc_text(d, key, utc);
	if (!is_people(d))
		return;
	bool later = wall_ms > now_wall_ms;
	text_format_age(later ? wall_ms - now_wall_ms : now_wall_ms - wall_ms, age);
	if (d->in_list)
		snprintf(text, sizeof text, "%s%s", later ? "in " : "", age);
	else
		snprintf(text, sizeof text, "%s (%s%s%s)", utc, later ? "in " : "", age, later ? "" : " ago");
	cell(d, key, DOC_PLAIN, text);
}
