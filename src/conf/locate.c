/* Where a key stands: Lua knows the line of a call but not of the keys inside it, so on a fault the source is walked by tokens.
 *
 *     service "www.example.test" {          line of the call, known from Lua: look here for  service <name> {
 *       check = "web",                      entry "check"
 *       tiers = { { "192.0.2.1" },          entry "tiers", then entries 1, 2 … of the inner tables
 *                 { "192.0.2.2", weigth = 3 } },
 *     }
 *
 * This reads no more Lua than it must: names, text, numbers, comments, brackets. A table that a variable or a function made is
 * not followed; the last line that was found is then good enough.
 */
#include "conf/value.h"

#include <ctype.h>
#include <string.h>

enum token_kind { TOKEN_END = 0, TOKEN_NAME, TOKEN_TEXT, TOKEN_NUMBER, TOKEN_OTHER /* one octet, in s[0] */ };
struct token {
	enum token_kind kind;
	const char *s; /* of text: without its quotes, escapes not undone */
	size_t len;
	unsigned line;
};
struct scan {
	const char *p, *end;
	unsigned line;
	struct token t; /* the current one */
};

static void take(struct scan *s, size_t n)
{
	for (; n && s->p < s->end; n--)
		if (*s->p++ == '\n')
			s->line++;
}

/* At "[" "="* "[": the number of signs, or -1 where it is none. */
static int long_level(const struct scan *s)
{
	const char *q = s->p + 1;

	while (q < s->end && *q == '=')
		q++;
	return q < s->end && *q == '[' ? (int)(q - s->p - 1) : -1;
}

static void skip_long(struct scan *s, int level)
{
	take(s, (size_t)level + 2);
	s->t.s = s->p;
	for (; s->p < s->end; take(s, 1)) {
		const char *q = s->p + 1;

		if (*s->p != ']')
			continue;
		while (q < s->end && *q == '=')
			q++;
		if (q < s->end && *q == ']' && q - s->p - 1 == level)
			break;
	}
	s->t.len = (size_t)(s->p - s->t.s);
	take(s, (size_t)level + 2);
}

static void skip_blank(struct scan *s)
{
	for (; s->p < s->end; ) {
		if (isspace((unsigned char)*s->p)) {
			take(s, 1);
		} else if (s->end - s->p >= 2 && s->p[0] == '-' && s->p[1] == '-') {
			int level;

			take(s, 2);
			level = s->p < s->end && *s->p == '[' ? long_level(s) : -1;
			if (level >= 0)
				skip_long(s, level);
			else
				while (s->p < s->end && *s->p != '\n')
					take(s, 1);
		} else {
			break;
		}
	}
}

static void next_text(struct scan *s, char quote)
{
	take(s, 1);
	s->t.kind = TOKEN_TEXT;
	s->t.s = s->p;
	while (s->p < s->end && *s->p != quote)
		take(s, *s->p == '\\' ? 2 : 1);
	s->t.len = (size_t)(s->p - s->t.s);
	take(s, 1);
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static void next(struct scan *s)
{
	int level;

	skip_blank(s);
	s->t = (struct token){.kind = TOKEN_END, .s = s->p, .line = s->line};
	if (s->p >= s->end)
		return;
	if (is_word(*s->p)) {
		s->t.kind = isdigit((unsigned char)*s->p) ? TOKEN_NUMBER : TOKEN_NAME;
		while (s->p < s->end && (is_word(*s->p) || (s->t.kind == TOKEN_NUMBER && *s->p == '.')))
			take(s, 1);
		s->t.len = (size_t)(s->p - s->t.s);
	} else if (*s->p == '"' || *s->p == '\'') {
		next_text(s, *s->p);
	} else if (*s->p == '[' && (level = long_level(s)) >= 0) {
		s->t.kind = TOKEN_TEXT;
		skip_long(s, level);
	} else {
		s->t.kind = TOKEN_OTHER;
		s->t.len = 1;
		take(s, 1);
	}
}

static bool is(const struct scan *s, char c)
{
	return s->t.kind == TOKEN_OTHER && s->t.s[0] == c;
}

static bool is_text(const struct token *t, const char *text)
{
	return t->len == strlen(text) && !memcmp(t->s, text, t->len);
}

/* +1 for what opens a bracket or a block, -1 for what closes one */
static int depth_of(const struct token *t)
{
	static const char *const open[] = {"function", "if", "do", "repeat"};
	static const char *const close[] = {"end", "until"};

	if (t->kind == TOKEN_OTHER)
		return !t->s[0] ? 0 : strchr("({[", t->s[0]) ? 1 : strchr(")}]", t->s[0]) ? -1 : 0;
	if (t->kind != TOKEN_NAME)
		return 0;
	for (size_t i = 0; i < sizeof open / sizeof *open; i++)
		if (is_text(t, open[i]))
			return 1;
	for (size_t i = 0; i < sizeof close / sizeof *close; i++)
		if (is_text(t, close[i]))
			return -1;
	return 0;
}

/* From the current token to the "," ";" or "}" that ends this entry. */
static void skip_value(struct scan *s)
{
	for (int depth = 0; s->t.kind != TOKEN_END; next(s)) {
		if (depth <= 0 && (is(s, ',') || is(s, ';') || is(s, '}')))
			return;
		depth += depth_of(&s->t);
	}
}

/* From an opening bracket to behind its closing one. */
static void skip_bracket(struct scan *s)
{
	int depth = 0;

	do {
		depth += depth_of(&s->t);
		next(s);
	} while (depth > 0 && s->t.kind != TOKEN_END);
}

/* The head of an entry: "name =", "[text] =", or nothing for a list item. The current token is then the value's first. */
static bool entry_key(struct scan *s, struct token *key)
{
	struct scan at = *s;

	*key = s->t;
	if (s->t.kind == TOKEN_NAME) {
		next(s);
	} else if (is(s, '[')) {
		next(s);
		key->s = s->t.s;
		key->len = s->t.len;
		next(s);
		if (is(s, ']'))
			next(s);
	}
	if (s->t.s != at.t.s && is(s, '=') && !(s->p < s->end && *s->p == '=')) {
		next(s);
		return true;
	}
	*s = at;
	return false;
}

/* Steps to the "{" of a value that is a table, or a call with one: all{…} atleast(2, {…}). */
static bool enter_value(struct scan *s)
{
	if (s->t.kind == TOKEN_NAME) {
		next(s);
		if (is(s, '(')) {
			do
				next(s);
			while (s->t.kind != TOKEN_END && !is(s, '{') && !is(s, ')'));
		}
	}
	return is(s, '{');
}

/* At "{". path runs from the outermost entry inwards. */
static void walk(struct scan *s, const struct conf_value *const *path, size_t depth, unsigned *line)
{
	for (size_t i = 0; i < depth; i++) {
		uint32_t place = 0;
		bool found = false;

		for (next(s); !is(s, '}') && s->t.kind != TOKEN_END; next(s)) {
			struct token key;
			bool keyed = entry_key(s, &key);

			place += !keyed;
			found = keyed ? path[i]->key && is_text(&key, path[i]->key) : path[i]->index == place;
			if (found) {
				*line = key.line;
				break;
			}
			skip_value(s);
			if (is(s, '}'))
				break;
		}
		if (!found || i + 1 == depth || !enter_value(s))
			return;
	}
}

/* Behind the word of the block's call: steps to its "{"; exact tells that the name was read there. */
static bool enter_block(struct scan *s, const char *name, bool *exact)
{
	*exact = !name;
	next(s);
	if (name) {
		if (s->t.kind == TOKEN_TEXT) {
			*exact = is_text(&s->t, name);
			next(s);
		} else if (is(s, '(')) {
			struct scan inner = *s;

			next(&inner);
			*exact = inner.t.kind == TOKEN_TEXT && is_text(&inner.t, name);
			skip_bracket(s);
		} else {
			return false;
		}
	}
	if (is(s, '('))
		next(s);
	return is(s, '{');
}

static bool find_block(struct scan *s, const struct conf_block *b)
{
	struct scan near = {0};
	bool exact;

	for (next(s); s->t.kind != TOKEN_END && s->t.line <= b->line; next(s)) {
		struct scan at = *s;

		if (s->t.line != b->line || s->t.kind != TOKEN_NAME || !is_text(&s->t, conf_kind_text(b->kind)))
			continue;
		if (enter_block(&at, b->name, &exact)) {
			if (exact) {
				*s = at;
				return true;
			}
			if (!near.p)
				near = at;
		}
	}
	if (near.p)
		*s = near;
	return near.p != NULL;
}

unsigned conf_locate(const struct conf_value *v)
{
	const struct conf_value *path[CONF_DEPTH_MAX + 2];
	const struct conf_block *b = v->block;
	struct scan s = {.p = b->source->text, .end = b->source->text + b->source->len, .line = 1};
	unsigned line = b->line;
	size_t depth = 0;

	for (const struct conf_value *at = v; at->parent; at = at->parent)
		if (++depth > CONF_DEPTH_MAX + 1)
			return line;
	if (!depth || !find_block(&s, b))
		return line;
	for (size_t i = depth; i; i--, v = v->parent)
		path[i - 1] = v;
	walk(&s, path, depth, &line);
	return line;
}
