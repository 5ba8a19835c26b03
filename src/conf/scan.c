/* See scan.h. */
#include "conf/scan.h"

#include <ctype.h>
#include <string.h>

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

void conf_scan_init(struct scan *s, const char *text, size_t len)
{
	memset(s, 0, sizeof *s);
	s->p = text;
	s->end = text + len;
	s->line = 1;
}

void conf_scan_next(struct scan *s)
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

bool conf_scan_is(const struct scan *s, char c)
{
	return s->t.kind == TOKEN_OTHER && s->t.s[0] == c;
}

bool conf_scan_token_is(const struct token *t, const char *text)
{
	return t->len == strlen(text) && !memcmp(t->s, text, t->len);
}

int conf_scan_depth(const struct token *t)
{
	static const char *const open[] = {"function", "if", "do", "repeat"};
	static const char *const close[] = {"end", "until"};

	if (t->kind == TOKEN_OTHER)
		return !t->s[0] ? 0 : strchr("({[", t->s[0]) ? 1 : strchr(")}]", t->s[0]) ? -1 : 0;
	if (t->kind != TOKEN_NAME)
		return 0;
	for (size_t i = 0; i < sizeof open / sizeof *open; i++)
		if (conf_scan_token_is(t, open[i]))
			return 1;
	for (size_t i = 0; i < sizeof close / sizeof *close; i++)
		if (conf_scan_token_is(t, close[i]))
			return -1;
	return 0;
}

bool conf_scan_key(struct scan *s, struct token *key)
{
	struct scan at = *s;

	*key = s->t;
	if (s->t.kind == TOKEN_NAME) {
		conf_scan_next(s);
	} else if (conf_scan_is(s, '[')) {
		conf_scan_next(s);
		*key = s->t;
		if (key->kind != TOKEN_TEXT)
			key->kind = TOKEN_OTHER; /* a number, or computed */
		conf_scan_next(s);
		if (conf_scan_is(s, ']'))
			conf_scan_next(s);
	}
	if (s->t.s != at.t.s && conf_scan_is(s, '=') && !(s->p < s->end && *s->p == '=')) {
		conf_scan_next(s);
		return true;
	}
	*s = at;
	*key = at.t;
	return false;
}
