/* $GENERATE START-STOP[/STEP] OWNER [TTL] [CLASS] TYPE DATA: one line for each number. A $ becomes the number,
 * ${OFFSET,WIDTH,BASE} the number plus OFFSET, padded with zeros to WIDTH, in base d, o, x, X, or as reversed nibbles
 * n, N:
 *
 *     $GENERATE 1-3 host-${0,3,d} A 192.0.2.$     ─▶  host-001 A 192.0.2.1 … host-003 A 192.0.2.3
 *     $GENERATE 17-17 ${0,3,n} PTR h              ─▶  1.1 PTR h
 *
 * \$ is a dollar sign. Each line made goes the way of any other line.
 */
#include "zone/parse.h"
#include <stdio.h>
#include <stdlib.h>

#define GENERATE_WIDTH_MAX 255 /* no name is longer */

struct range {
	uint32_t start, stop, step;
};

struct format {
	int64_t offset;
	unsigned width;
	char base;
};

static bool range_part(const char **at, const char *end, uint32_t *out)
{
	uint64_t v = 0;
	const char *from = *at;

	for (; *at < end && **at >= '0' && **at <= '9'; (*at)++)
		if (v <= INT32_MAX)
			v = v * 10 + (uint64_t)(**at - '0');
	if (*at == from || v > INT32_MAX)
		return false;
	*out = (uint32_t)v;
	return true;
}

static bool range_read(struct parse *p, const struct parse_token *t, struct range *r)
{
	const char *at = t->text, *end = t->text + t->len;
	char q[PARSE_QUOTE_MAX];
	bool ok = range_part(&at, end, &r->start) && at < end && *at++ == '-' && range_part(&at, end, &r->stop);

	r->step = 1;
	if (ok && at < end)
		ok = *at++ == '/' && range_part(&at, end, &r->step);
	if (ok && at == end && r->start <= r->stop && r->step > 0)
		return true;
	parse_error(p, t, "the range %s; expected START-STOP or START-STOP/STEP, such as 1-254", parse_quote(t, q));
	return false;
}

static const char *format_number(const char *at, const char *end, int64_t *out)
{
	bool minus = at < end && *at == '-';
	int64_t v = 0;

	at += at < end && (*at == '-' || *at == '+');
	if (at >= end || *at < '0' || *at > '9')
		return NULL;
	for (; at < end && *at >= '0' && *at <= '9'; at++)
		if (v <= INT32_MAX)
			v = v * 10 + (*at - '0');
	*out = minus ? -v : v;
	return v <= INT32_MAX ? at : NULL;
}

/* {OFFSET[,WIDTH[,BASE]]} at *at, which stands on the brace; false where it is none. */
static bool format_read(const char **at, const char *end, struct format *f)
{
	const char *c = format_number(*at + 1, end, &f->offset);
	int64_t width = 0;

	if (c != NULL && c < end && *c == ',') {
		c = format_number(c + 1, end, &width);
		if (c != NULL && c + 1 < end && *c == ',') {
			f->base = c[1];
			c += 2;
		}
	}
	if (c == NULL || c >= end || *c != '}' || width < 0 || width > GENERATE_WIDTH_MAX || f->base == '\0' ||
	    strchr("doxXnN", f->base) == NULL)
		return false;
	f->width = (unsigned)width;
	*at = c + 1;
	return true;
}

/* 0x11 in width 3 is 1.1, lowest nibble first; the dots count. */
static void nibbles_add(struct bytes *out, uint64_t v, unsigned width, bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	unsigned done = 0;

	do {
		bytes_u8(out, (uint8_t)digits[v & 15]);
		v >>= 4;
		done++;
		if (v != 0 || done < width) {
			bytes_u8(out, '.');
			done++;
		}
	} while (v != 0 || done < width);
}

static void number_add(struct bytes *out, const struct format *f, uint32_t n)
{
	int64_t v = (int64_t)n + f->offset;

	switch (f->base) {
	case 'o':
		bytes_printf(out, "%0*llo", (int)f->width, (unsigned long long)v);
		break;
	case 'x':
		bytes_printf(out, "%0*llx", (int)f->width, (unsigned long long)v);
		break;
	case 'X':
		bytes_printf(out, "%0*llX", (int)f->width, (unsigned long long)v);
		break;
	case 'n':
	case 'N':
		nibbles_add(out, (uint64_t)v, f->width, f->base == 'N');
		break;
	default:
		bytes_printf(out, "%0*lld", (int)f->width, (long long)v);
	}
}

/* One token with its dollars filled in; quotes, as they were. */
static bool template_add(struct parse *p, const struct parse_token *t, uint32_t n)
{
	const char *at = t->text, *end = t->text + t->len;
	char q[PARSE_QUOTE_MAX];

	if (t->quoted)
		bytes_u8(&p->made, '"');
	while (at < end) {
		struct format f = { .base = 'd' };

		if (*at == '\\' && at + 1 < end) {
			bytes_add(&p->made, at[1] == '$' ? at + 1 : at, at[1] == '$' ? 1 : 2);
			at += 2;
			continue;
		}
		if (*at != '$') {
			bytes_u8(&p->made, (uint8_t)*at++);
			continue;
		}
		at++;
		if (at < end && *at == '{' && !format_read(&at, end, &f)) {
			parse_error(p, t,
				    "%s: a brace after $; expected ${OFFSET,WIDTH,BASE} with base d, o, x, X, n or N",
				    parse_quote(t, q));
			return false;
		}
		if ((int64_t)n + f.offset < 0) {
			parse_error(p, t, "%s: an offset that makes a negative number; expected 0 or more",
				    parse_quote(t, q));
			return false;
		}
		number_add(&p->made, &f, n);
	}
	if (t->quoted)
		bytes_u8(&p->made, '"');
	bytes_u8(&p->made, ' ');
	return true;
}

/* Reads p->made as a file of one line, for whose faults the place of the template is named. */
static void line_take(struct parse *p, const struct parse_token *t)
{
	struct parse_source *from = p->src;
	const char *text = (const char *)p->made.data;
	struct parse_source s = { .from = from->from,
				  .file = from->file,
				  .at = text,
				  .end = text + p->made.len,
				  .line_start = text,
				  .line = t->line };

	p->src = &s;
	p->generate = t;
	if (parse_line_next(p) && p->line.count > 0)
		parse_record(p);
	p->generate = NULL;
	p->src = from;
}

/* Makes the line for n; false where the rest would fail alike. */
static bool line_make(struct parse *p, const struct parse_token *t, size_t count, uint32_t n)
{
	size_t errors = p->errors;

	p->made.len = 0;
	for (size_t i = 0; i < count; i++)
		if (!template_add(p, &t[i], n))
			return false;
	if (p->made.failed && p->made.len + GENERATE_WIDTH_MAX < ZONE_LINE_MAX) {
		p->fatal = ERR_NOMEM;
	} else if (p->made.failed) {
		parse_error(p, t, "$GENERATE makes a line of more than %u octets; expected a shorter one",
			    ZONE_LINE_MAX);
		p->made.failed = false;
	} else {
		line_take(p, t);
	}
	return p->errors == errors && p->fatal == 0;
}

void parse_generate(struct parse *p)
{
	struct parse_line *l = &p->line;
	struct parse_token *t;
	size_t count = l->count;
	struct range r;

	if (count < 5) {
		parse_error(p, &l->tokens[count - 1],
			    "incomplete; expected $GENERATE START-STOP[/STEP] OWNER TYPE DATA");
		return;
	}
	if (!range_read(p, &l->tokens[1], &r))
		return;
	if ((r.stop - r.start) / r.step >= ZONE_GENERATE_MAX - p->generated) {
		parse_error(p, &l->tokens[1], "$GENERATE would make too many records; expected at most %u in one zone",
			    ZONE_GENERATE_MAX);
		return;
	}
	/* The made lines are read into the parser's tokens, so the template needs its own. */
	t = reallocarray(NULL, count, sizeof *t);
	if (t == NULL) {
		p->fatal = ERR_NOMEM;
		return;
	}
	memcpy(t, l->tokens, count * sizeof *t);
	for (uint64_t n = r.start; n <= r.stop && p->fatal == 0; n += r.step) {
		p->generated++;
		if (!line_make(p, t + 2, count - 2, (uint32_t)n))
			break;
	}
	free(t);
}
