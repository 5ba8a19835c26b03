/* The step-counted pattern engine: a compiler and a backtracking matcher. */
#include "script/match.h"
#include <string.h>

/* ---- classes; the C locale's, whatever the process has set ---- */

static bool in(uint8_t c, uint8_t from, uint8_t to)
{
	return c >= from && c <= to;
}

static bool is_alpha(uint8_t c)
{
	return in(c | 0x20, 'a', 'z');
}

static bool is_alnum(uint8_t c)
{
	return is_alpha(c) || in(c, '0', '9');
}

/* Any other letter stands for itself. */
static bool class_has(uint8_t letter, uint8_t c)
{
	bool has;

	switch (letter | 0x20) {
	case 'a': has = is_alpha(c); break;
	case 'c': has = c < 0x20 || c == 0x7f; break;
	case 'd': has = in(c, '0', '9'); break;
	case 'g': has = in(c, 0x21, 0x7e); break;
	case 'l': has = in(c, 'a', 'z'); break;
	case 'p': has = in(c, 0x21, 0x7e) && !is_alnum(c); break;
	case 's': has = c == ' ' || in(c, '\t', '\r'); break;
	case 'u': has = in(c, 'A', 'Z'); break;
	case 'w': has = is_alnum(c); break;
	case 'z': has = c == 0; break; /* no longer in the manual, still in Lua */
	case 'x': has = in(c, '0', '9') || in(c | 0x20, 'a', 'f'); break;
	default: return letter == c;
	}
	return in(letter, 'A', 'Z') ? !has : has;
}

static void set_add(uint32_t set[8], unsigned c)
{
	set[c >> 5] |= 1u << (c & 31);
}

static bool set_has(const uint32_t set[8], uint8_t c)
{
	return (set[c >> 5] >> (c & 31) & 1) != 0;
}

/* ---- compiler ---- */

struct compiler {
	struct match_pattern *pattern;
	const char *text;
	size_t pos, len, count;
	uint8_t open[MATCH_CAPTURES_MAX], depth;
	bool closed[MATCH_CAPTURES_MAX], positional[MATCH_CAPTURES_MAX];
	const char *fault;
};

static struct match_item *item_add(struct compiler *c, enum match_item_type type)
{
	struct match_item *i = &c->pattern->items[c->count++];

	memset(i, 0, sizeof *i);
	i->type = (uint8_t)type;
	return i;
}

static uint8_t octet(const struct compiler *c, size_t at)
{
	return (uint8_t)c->text[at];
}

/* The place of the ']' that ends the set which starts after '[' at pos; the first octet is never the end. */
static bool set_end(const struct compiler *c, size_t at, size_t *end)
{
	if (at < c->len && c->text[at] == '^')
		at++;
	for (bool first = true; at < c->len; first = false) {
		if (c->text[at] == ']' && !first) {
			*end = at;
			return true;
		}
		at += c->text[at] == '%' ? 2 : 1;
	}
	return false;
}

static void set_add_class(uint32_t set[8], uint8_t letter)
{
	if (!is_alpha(letter)) {
		set_add(set, letter);
		return;
	}
	for (unsigned v = 0; v < 256; v++)
		if (class_has(letter, (uint8_t)v))
			set_add(set, v);
}

/* Reads "[…]", pos at the '['. */
static void compile_set(struct compiler *c, struct match_item *item)
{
	size_t at = c->pos + 1, end;
	bool negated;

	if (!set_end(c, at, &end)) {
		c->fault = "malformed pattern (missing ']')";
		return;
	}
	negated = c->text[at] == '^';
	for (at += negated; at < end; at++) {
		if (c->text[at] == '%') {
			set_add_class(item->set, octet(c, ++at));
		} else if (at + 2 < end && c->text[at + 1] == '-') {
			for (unsigned v = octet(c, at); v <= octet(c, at + 2); v++)
				set_add(item->set, v);
			at += 2;
		} else {
			set_add(item->set, octet(c, at));
		}
	}
	for (int i = 0; negated && i < 8; i++)
		item->set[i] = ~item->set[i];
	c->pos = end + 1;
}

static void compile_repeat(struct compiler *c, struct match_item *item)
{
	if (c->fault == NULL && c->pos < c->len && memchr("*+-?", c->text[c->pos], 4) != NULL)
		item->repeat = c->text[c->pos++];
}

static void compile_open(struct compiler *c)
{
	uint8_t n = c->pattern->captures;

	if (n == MATCH_CAPTURES_MAX) {
		c->fault = "too many captures";
		return;
	}
	c->pattern->captures++;
	c->pos++;
	if (c->pos < c->len && c->text[c->pos] == ')') {
		item_add(c, MATCH_POSITION)->a = n;
		c->closed[n] = c->positional[n] = true;
		c->pos++;
		return;
	}
	item_add(c, MATCH_OPEN)->a = n;
	c->open[c->depth++] = n;
}

static void compile_close(struct compiler *c)
{
	if (c->depth == 0) {
		c->fault = "invalid pattern capture";
		return;
	}
	c->pos++;
	c->depth--;
	item_add(c, MATCH_CLOSE)->a = c->open[c->depth];
	c->closed[c->open[c->depth]] = true;
}

static void compile_balance(struct compiler *c)
{
	struct match_item *item;

	if (c->len - c->pos < 4) {
		c->fault = "malformed pattern (missing arguments to '%b')";
		return;
	}
	item = item_add(c, MATCH_BALANCE);
	item->a = octet(c, c->pos + 2);
	item->b = octet(c, c->pos + 3);
	c->pos += 4;
}

static void compile_frontier(struct compiler *c)
{
	c->pos += 2;
	if (c->pos >= c->len || c->text[c->pos] != '[')
		c->fault = "missing '[' after '%f' in pattern";
	else
		compile_set(c, item_add(c, MATCH_FRONTIER));
}

static void compile_back(struct compiler *c)
{
	unsigned n = (unsigned)(octet(c, c->pos + 1) - '1');

	if (n >= c->pattern->captures || !c->closed[n]) {
		c->fault = "invalid capture index in pattern";
		return;
	}
	item_add(c, MATCH_BACK)->a = (uint8_t)n;
	c->pos += 2;
}

/* Pos at a '%'. */
static void compile_escape(struct compiler *c)
{
	struct match_item *item;
	uint8_t letter;

	if (c->pos + 1 >= c->len) {
		c->fault = "malformed pattern (ends with '%')";
		return;
	}
	letter = octet(c, c->pos + 1);
	if (letter == 'b') {
		compile_balance(c);
	} else if (letter == 'f') {
		compile_frontier(c);
	} else if (in(letter, '0', '9')) {
		compile_back(c);
	} else {
		item = item_add(c, is_alpha(letter) ? MATCH_CLASS : MATCH_CHAR);
		item->a = letter;
		c->pos += 2;
		compile_repeat(c, item);
	}
}

static void compile_single(struct compiler *c)
{
	struct match_item *item = item_add(c, MATCH_CHAR);

	if (c->text[c->pos] == '[') {
		item->type = MATCH_SET;
		compile_set(c, item);
	} else {
		item->type = c->text[c->pos] == '.' ? MATCH_ANY : MATCH_CHAR;
		item->a = octet(c, c->pos++);
	}
	compile_repeat(c, item);
}

static void compile_item(struct compiler *c)
{
	switch (c->text[c->pos]) {
	case '(':
		compile_open(c);
		break;
	case ')':
		compile_close(c);
		break;
	case '%':
		compile_escape(c);
		break;
	case '$':
		if (c->pos + 1 == c->len) {
			item_add(c, MATCH_EDGE);
			c->pos++;
			break;
		}
		/* fall through */
	default:
		compile_single(c);
	}
}

size_t match_pattern_size(size_t len)
{
	return sizeof(struct match_pattern) + (len + 1) * sizeof(struct match_item);
}

const char *match_compile(struct match_pattern *p, const char *text, size_t len, bool anchors)
{
	struct compiler c = { .pattern = p, .text = text, .len = len };

	if (len > MATCH_PATTERN_MAX)
		return "pattern too long";
	p->captures = 0;
	p->anchored = anchors && len > 0 && text[0] == '^';
	c.pos = p->anchored;
	while (c.pos < len && c.fault == NULL)
		compile_item(&c);
	if (c.fault == NULL && c.depth > 0)
		c.fault = "unfinished capture";
	item_add(&c, MATCH_END);
	return c.fault;
}

/* ---- matcher ---- */

static bool single_has(const struct match_item *i, uint8_t c)
{
	switch ((enum match_item_type)i->type) {
	case MATCH_CHAR:
		return i->a == c;
	case MATCH_ANY:
		return true;
	case MATCH_CLASS:
		return class_has(i->a, c);
	default:
		return set_has(i->set, c);
	}
}

static bool step(struct match *m, uint64_t n)
{
	if (m->steps_left < n) {
		m->steps_left = 0;
		return false;
	}
	m->steps_left -= n;
	return true;
}

static bool single_at(const struct match_item *i, const struct match *m, size_t at)
{
	return at < m->len && single_has(i, (uint8_t)m->subject[at]);
}

static enum match_found match_items(const struct match_item *i, struct match *m, size_t at);

/* '*' and '+': as many as there are, then fewer and fewer. */
static enum match_found match_greedy(const struct match_item *i, struct match *m, size_t at, size_t least)
{
	size_t n = 0;

	while (single_at(i, m, at + n)) {
		if (!step(m, 1))
			return MATCH_FOUND_LIMIT;
		n++;
	}
	for (; n >= least; n--) {
		enum match_found f = match_items(i + 1, m, at + n);

		if (f != MATCH_FOUND_NOT)
			return f;
		if (n == 0)
			break;
	}
	return MATCH_FOUND_NOT;
}

/* '-': none, then more and more. */
static enum match_found match_lazy(const struct match_item *i, struct match *m, size_t at)
{
	for (;; at++) {
		enum match_found f = match_items(i + 1, m, at);

		if (f != MATCH_FOUND_NOT)
			return f;
		if (!single_at(i, m, at))
			return MATCH_FOUND_NOT;
	}
}

static enum match_found match_balance(const struct match_item *i, struct match *m, size_t *at)
{
	size_t depth = 1;

	if (*at >= m->len || (uint8_t)m->subject[*at] != i->a)
		return MATCH_FOUND_NOT;
	for (size_t p = *at + 1; p < m->len; p++) {
		uint8_t c = (uint8_t)m->subject[p];

		if (!step(m, 1))
			return MATCH_FOUND_LIMIT;
		if (c == i->b) {
			if (--depth == 0) {
				*at = p + 1;
				return MATCH_FOUND;
			}
		} else if (c == i->a) {
			depth++;
		}
	}
	return MATCH_FOUND_NOT;
}

/* Before the first octet and after the last stands a NUL. */
static bool match_frontier(const struct match_item *i, const struct match *m, size_t at)
{
	uint8_t before = at > 0 ? (uint8_t)m->subject[at - 1] : 0, after = at < m->len ? (uint8_t)m->subject[at] : 0;

	return !set_has(i->set, before) && set_has(i->set, after);
}

/* A position capture has no octets to come again: it never matches. */
static enum match_found match_back(const struct match_item *i, struct match *m, size_t *at)
{
	const struct match_capture *c = &m->captures[i->a];

	if (c->position || m->len - *at < c->len)
		return MATCH_FOUND_NOT;
	if (!step(m, 1 + c->len / 16))
		return MATCH_FOUND_LIMIT;
	if (memcmp(m->subject + c->start, m->subject + *at, c->len) != 0)
		return MATCH_FOUND_NOT;
	*at += c->len;
	return MATCH_FOUND;
}

/* An item without repeat: moves *at past what it matches. */
static enum match_found match_fixed(const struct match_item *i, struct match *m, size_t *at)
{
	struct match_capture *c = &m->captures[i->a % MATCH_CAPTURES_MAX];

	switch ((enum match_item_type)i->type) {
	case MATCH_OPEN:
	case MATCH_POSITION:
		*c = (struct match_capture){ .start = *at, .position = i->type == MATCH_POSITION };
		return MATCH_FOUND;
	case MATCH_CLOSE:
		c->len = *at - c->start;
		return MATCH_FOUND;
	case MATCH_BALANCE:
		return match_balance(i, m, at);
	case MATCH_FRONTIER:
		return match_frontier(i, m, *at) ? MATCH_FOUND : MATCH_FOUND_NOT;
	case MATCH_BACK:
		return match_back(i, m, at);
	case MATCH_EDGE:
		return *at == m->len ? MATCH_FOUND : MATCH_FOUND_NOT;
	default: /* one octet */
		if (!single_at(i, m, *at))
			return MATCH_FOUND_NOT;
		(*at)++;
		return MATCH_FOUND;
	}
}

/* Captures need no undoing: items stand in a line, so a path that succeeds has written each of its captures itself. */
static enum match_found match_items(const struct match_item *i, struct match *m, size_t at)
{
	enum match_found f;

	for (;; i++) {
		if (!step(m, 1))
			return MATCH_FOUND_LIMIT;
		if (i->type == MATCH_END) {
			m->end = at;
			return MATCH_FOUND;
		}
		switch (i->repeat) {
		case '*':
			return match_greedy(i, m, at, 0);
		case '+':
			return match_greedy(i, m, at, 1);
		case '-':
			return match_lazy(i, m, at);
		case '?':
			f = single_at(i, m, at) ? match_items(i + 1, m, at + 1) : MATCH_FOUND_NOT;
			break;
		default:
			f = match_fixed(i, m, &at);
			if (f != MATCH_FOUND)
				return f;
			continue;
		}
		if (f != MATCH_FOUND_NOT)
			return f;
	}
}

enum match_found match_at(const struct match_pattern *p, struct match *m, size_t at)
{
	return match_items(p->items, m, at);
}
