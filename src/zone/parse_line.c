/* Octets → one logical line of tokens (RFC 1035 5.1): parentheses join lines, ';' starts a comment, quotes keep
 * spaces.
 *
 *     @  SOA ns host (      ; "(" remembered: should it never close, this is the place to name
 *            1 2 3 4 5 )    ─▶ @ | SOA | ns | host | 1 | 2 | 3 | 4 | 5
 *
 * Tokens point into the text. An escape is only stepped over here; parse_text.c undoes it.
 */
#include "zone/parse.h"
#include <stdlib.h>

enum ch { CH_WORD = 0, CH_SPACE, CH_NEWLINE, CH_COMMENT, CH_OPEN, CH_CLOSE, CH_QUOTE, CH_NUL, CH_ESCAPE };

static const uint8_t ch_class[256] = {
	[' '] = CH_SPACE,  ['\t'] = CH_SPACE,	['\r'] = CH_SPACE,  ['\v'] = CH_SPACE,
	['\f'] = CH_SPACE, ['\n'] = CH_NEWLINE, [';'] = CH_COMMENT, ['('] = CH_OPEN,
	[')'] = CH_CLOSE,  ['"'] = CH_QUOTE,	['\0'] = CH_NUL,    ['\\'] = CH_ESCAPE,
};

static enum ch ch_of(char c)
{
	return (enum ch)ch_class[(unsigned char)c];
}

static struct parse_token token_here(const struct parse_source *s)
{
	return (struct parse_token){ .text = s->at, .line = s->line, .col = (uint32_t)(s->at - s->line_start) + 1 };
}

static bool token_add(struct parse *p, const struct parse_token *t)
{
	struct parse_line *l = &p->line;

	if (l->count == l->cap) {
		size_t cap = l->cap > 0 ? l->cap * 2 : 64;
		struct parse_token *grown = reallocarray(l->tokens, cap, sizeof *grown);

		if (grown == NULL) {
			p->fatal = ERR_NOMEM;
			return false;
		}
		l->tokens = grown;
		l->cap = cap;
	}
	l->tokens[l->count++] = *t;
	return true;
}

static void source_newline(struct parse_source *s)
{
	s->at++;
	s->line++;
	s->line_start = s->at;
}

/* To the newline, or the end. */
static void source_skip_line(struct parse_source *s)
{
	const char *nl = memchr(s->at, '\n', (size_t)(s->end - s->at));

	s->at = nl != NULL ? nl : s->end;
}

/* The line is lost; go on after it. */
static bool line_drop(struct parse *p)
{
	p->line.count = 0;
	source_skip_line(p->src);
	if (p->src->at < p->src->end)
		source_newline(p->src);
	return true;
}

/* A parenthesis that nothing closes has swallowed lines that may hold faults of their own: go back to the first line
 * after it that looks like a new record, which the rest of an SOA (numbers, indented lines) does not. */
static bool line_drop_open(struct parse *p, const struct parse_token *open, bool at_end)
{
	struct parse_source *s = p->src;

	if (at_end)
		parse_error(p, open, "\"(\" is never closed; expected \")\" before the end of the file");
	else
		parse_error(p, open, "\"(\" is not closed within %u octets; expected \")\"", ZONE_LINE_MAX);
	for (size_t i = 0; i < p->line.count; i++) /* lost with its line, but not missing */
		p->z->soa_lost |= parse_is(&p->line.tokens[i], "SOA");
	s->at = open->text;
	s->line = open->line;
	do
		line_drop(p);
	while (s->at < s->end && (ch_of(*s->at) != CH_WORD || (*s->at >= '0' && *s->at <= '9')));
	return true;
}

/* From the opening quote on. The closing one has to stand in the same line: a forgotten one would swallow the file. */
static bool quote_read(struct parse *p)
{
	struct parse_source *s = p->src;
	struct parse_token open = token_here(s);

	for (s->at++; s->at < s->end; s->at++) {
		enum ch c = ch_of(*s->at);

		if (c == CH_QUOTE) {
			s->at++;
			return true;
		}
		if (c == CH_NEWLINE || c == CH_NUL)
			break;
		if (c == CH_ESCAPE && s->at + 1 < s->end && ch_of(s->at[1]) != CH_NEWLINE && ch_of(s->at[1]) != CH_NUL)
			s->at++;
	}
	parse_error(p, &open, "a quote opens here and does not close in its line; expected \"");
	s->at = open.text + 1; /* for line_break */
	return false;
}

/* key="some value" stays one token (RFC 9460 2.1); a quote after anything else begins the next one. */
static bool word_read(struct parse *p)
{
	struct parse_source *s = p->src;
	const char *start = s->at;

	while (s->at < s->end) {
		enum ch c = ch_of(*s->at);

		if (c == CH_WORD) {
			s->at++;
		} else if (c == CH_ESCAPE) {
			s->at++;
			if (s->at < s->end && ch_of(*s->at) != CH_NEWLINE && ch_of(*s->at) != CH_NUL && *s->at != '\r')
				s->at++;
		} else if (c == CH_QUOTE && s->at > start && s->at[-1] == '=') {
			if (!quote_read(p))
				return false;
		} else {
			break;
		}
	}
	return true;
}

static bool token_read(struct parse *p)
{
	struct parse_source *s = p->src;
	struct parse_token t = token_here(s);

	t.quoted = ch_of(*s->at) == CH_QUOTE;
	if (!(t.quoted ? quote_read(p) : word_read(p)))
		return false;
	t.len = (uint32_t)(s->at - t.text);
	if (t.quoted) {
		t.text++;
		t.len -= 2;
	}
	t.cut = s->at < s->end && *s->at == ';';
	return token_add(p, &t);
}

struct line_state {
	struct parse_token open; /* the outermost open parenthesis */
	unsigned depth;
	bool broken; /* told already; the rest of the line is only looked through for its end */
};

/* The rest of this text line is not understood, but its parentheses still count: without them one fault would be
 * followed by others that are none. */
static void line_break(struct parse_source *s, struct line_state *st)
{
	for (; s->at < s->end && *s->at != '\n' && *s->at != ';'; s->at++) {
		if (*s->at == '(' && st->depth > 0)
			st->depth++;
		else if (*s->at == ')' && st->depth > 0)
			st->depth--;
	}
	source_skip_line(s);
	st->broken = true;
}

/* One token, gap or mark; false where the logical line ends. */
static bool line_step(struct parse *p, struct line_state *st)
{
	struct parse_source *s = p->src;
	struct parse_token here = token_here(s);

	switch (ch_of(*s->at)) {
	case CH_SPACE:
		s->at++;
		break;
	case CH_NEWLINE:
		source_newline(s);
		return st->depth > 0;
	case CH_COMMENT:
		source_skip_line(s);
		break;
	case CH_OPEN:
		if (st->depth++ == 0)
			st->open = here;
		s->at++;
		break;
	case CH_CLOSE:
		s->at++;
		if (st->depth > 0) {
			st->depth--;
			break;
		}
		parse_error(p, &here, "\")\" without a \"(\" before it; expected both or none");
		line_break(s, st);
		break;
	case CH_NUL:
		parse_error(p, &here, "a NUL octet; expected text (is this a zone file?)");
		line_break(s, st);
		break;
	default:
		if (!token_read(p))
			line_break(s, st);
	}
	return true;
}

static void line_too_long(struct parse *p, const char *start)
{
	struct parse_source *s = p->src;
	struct parse_token first = { .text = start, .line = s->line, .col = 1 };

	parse_error(p, p->line.count > 0 ? p->line.tokens : &first,
		    "a line of more than %u octets; expected a shorter one", ZONE_LINE_MAX);
	p->line.count = 0;
	if (s->at > s->line_start) /* else its newline is behind us already */
		line_drop(p);
}

bool parse_line_next(struct parse *p)
{
	struct parse_source *s = p->src;
	const char *start = s->at;
	struct line_state st = { .depth = 0 };

	p->line.count = 0;
	if (s->at >= s->end)
		return false;
	p->line.inherits = ch_of(*s->at) == CH_SPACE;
	while (s->at < s->end && s->at - start <= (ptrdiff_t)ZONE_LINE_MAX)
		if (!line_step(p, &st))
			break;
	if (st.depth > 0)
		return line_drop_open(p, &st.open, s->at >= s->end);
	if (st.broken)
		p->line.count = 0;
	else if (s->at - start > (ptrdiff_t)ZONE_LINE_MAX)
		line_too_long(p, start);
	return true;
}
