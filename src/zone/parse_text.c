/* The small texts of a record: names, numbers, TTLs, strings. Each fault names the octet count or the bound it broke.
 *
 *     www\.x.example.test.   3600   1h30m   "two\032words"
 */
#include "zone/parse.h"
#include <stdio.h>
#include <strings.h>
#include "base/addr.h"

char *parse_quote(const struct parse_token *t, char out[PARSE_QUOTE_MAX])
{
	size_t n = 0;

	out[n++] = '"';
	for (uint32_t i = 0; i < t->len; i++) {
		unsigned char c = (unsigned char)t->text[i];

		if (n > PARSE_QUOTE_MAX - 12) { /* room for an escape, the dots, the quote, NUL */
			memcpy(out + n, "...", 3);
			n += 3;
			break;
		}
		if (c < ' ' || c > '~')
			n += (size_t)snprintf(out + n, 5, "\\%03u", c);
		else
			out[n++] = (char)c;
	}
	out[n++] = '"';
	out[n] = '\0';
	return out;
}

bool parse_is(const struct parse_token *t, const char *word)
{
	return !t->quoted && strlen(word) == t->len && strncasecmp(t->text, word, t->len) == 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One octet at *i, its escape undone; -1 where the escape is none (RFC 1035 5.1: \DDD up to 255, \X). */
static int octet_next(const struct parse_token *t, uint32_t *i)
{
	const char *c = t->text + *i;
	uint32_t left = t->len - *i;
	int value;

	if (*c != '\\') {
		*i += 1;
		return (unsigned char)*c;
	}
	if (left < 2)
		return -1;
	if (!is_digit(c[1])) {
		*i += 2;
		return (unsigned char)c[1];
	}
	if (left < 4 || !is_digit(c[2]) || !is_digit(c[3]))
		return -1;
	value = (c[1] - '0') * 100 + (c[2] - '0') * 10 + (c[3] - '0');
	if (value > 255)
		return -1;
	*i += 4;
	return value;
}

static struct parse_token token_at(const struct parse_token *t, uint32_t i)
{
	return (struct parse_token){
		.text = t->text + i, .len = t->len - i, .line = t->line, .col = t->col + i + t->quoted
	};
}

static void escape_fault(struct parse *p, const struct parse_token *t, uint32_t i)
{
	struct parse_token at = token_at(t, i);
	char q[PARSE_QUOTE_MAX];

	at.len = at.len < 4 ? at.len : 4;
	parse_error(p, &at,
		    "the escape %s; expected \\DDD with three digits up to 255, or \\ and a character that is no digit",
		    parse_quote(&at, q));
}

/* Why name_parse refused: walks the text again, slowly, for the first label or escape at fault. */
static void name_fault(struct parse *p, const struct parse_token *t, const char *what)
{
	uint32_t i = 0, start = 0;
	size_t label = 0, total = 1;
	char q[PARSE_QUOTE_MAX];

	for (;;) {
		bool dot = i < t->len && t->text[i] == '.';

		if (dot || i == t->len) {
			struct parse_token at = token_at(t, start);

			if (label > NAME_LABEL_MAX) {
				parse_error(p, &at, "%s: a label of %zu octets; at most %d are allowed", what, label,
					    NAME_LABEL_MAX);
				return;
			}
			if (label == 0 && dot) {
				parse_error(p, &at, "%s %s has an empty label; expected one dot between labels", what,
					    parse_quote(t, q));
				return;
			}
			total += label > 0 ? label + 1 : 0;
			label = 0;
			start = i + 1;
			if (i == t->len)
				break;
			i++;
			continue;
		}
		if (octet_next(t, &i) < 0) {
			escape_fault(p, t, i);
			return;
		}
		label++;
	}
	if (t->len > 0 && t->text[t->len - 1] != '.')
		total += name_len(p->origin) - 1;
	parse_error(p, t, "%s: a name of %zu octets; at most %d are allowed", what, total, NAME_WIRE_MAX);
}

/* "www.example.test" without its last dot becomes www.example.test.example.test: legal, and hardly ever meant. */
static void name_check_dot(struct parse *p, const struct parse_token *t, const char *what, const uint8_t *name)
{
	unsigned labels = name_labels(name), origin = name_labels(p->origin), apex = p->z->apex_labels;
	uint8_t head[NAME_WIRE_MAX];
	size_t len;
	char q[PARSE_QUOTE_MAX];

	if (apex < 2 || labels < origin + apex)
		return;
	len = name_len(name) - name_len(name_skip(name, labels - origin));
	memcpy(head, name, len);
	head[len] = 0;
	if (name_is_under(head, p->z->apex))
		parse_warn(p, t,
			   "%s %s has no final dot, so the zone's name stands in it twice; did you mean \"%.*s.\"",
			   what, parse_quote(t, q), (int)(t->len < 200 ? t->len : 200), t->text);
}

/* NS, MX and the like want a name; an address there is read as one, and answers nobody. */
static void name_check_address(struct parse *p, const struct parse_token *t, const char *what)
{
	struct addr a;
	char q[PARSE_QUOTE_MAX];

	if (t->len > 0 && is_digit(t->text[0]) && addr_parse(&a, t->text, t->len, 0) == 0 && a.family == 4 &&
	    a.port == 0)
		parse_warn(p, t, "%s %s is an address read as a name; expected the name of a host", what,
			   parse_quote(t, q));
}

bool parse_name(struct parse *p, const struct parse_token *t, const char *what, uint8_t out[NAME_WIRE_MAX])
{
	char q[PARSE_QUOTE_MAX];
	int rc;

	if (t->len == 0) {
		parse_error(p, t, "%s is empty; expected a name (\"@\" for the origin, \".\" for the root)", what);
		return false;
	}
	rc = name_parse(out, t->text, t->len, p->origin, false);
	if (rc < 0) {
		name_fault(p, t, what);
		return false;
	}
	if (t->text[t->len - 1] != '.') {
		name_check_dot(p, t, what, out);
		name_check_address(p, t, what);
	}
	if (t->len > 1 && memchr(t->text, '@', t->len) != NULL && memchr(t->text, '\\', t->len) == NULL)
		parse_warn(p, t, "%s %s has an @ in it; expected a dot instead, as in hostmaster.example.test.", what,
			   parse_quote(t, q));
	return true;
}

bool parse_uint(struct parse *p, const struct parse_token *t, const char *what, uint32_t max, uint32_t *out)
{
	uint64_t v = 0;
	char q[PARSE_QUOTE_MAX];

	for (uint32_t i = 0; i < t->len; i++) {
		if (!is_digit(t->text[i])) {
			parse_error(p, t, "%s %s is no number; expected 0 to %u", what, parse_quote(t, q), max);
			return false;
		}
		if (v <= UINT32_MAX)
			v = v * 10 + (uint64_t)(t->text[i] - '0');
	}
	if (t->len == 0 || v > max) {
		parse_error(p, t, "%s %s is out of range; expected 0 to %u", what, parse_quote(t, q), max);
		return false;
	}
	*out = (uint32_t)v;
	return true;
}

static uint32_t unit_seconds(char c)
{
	switch (c | 0x20) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return 86400;
	case 'w':
		return 604800;
	default:
		return 0;
	}
}

/* 3600, 1h, 1h30m, 1w2d; a number without a unit stands alone or last and counts seconds. */
bool parse_ttl(struct parse *p, const struct parse_token *t, const char *what, uint32_t *out)
{
	uint64_t total = 0, v = 0;
	bool digits = false;
	char q[PARSE_QUOTE_MAX];

	for (uint32_t i = 0; i < t->len; i++) {
		uint32_t unit;

		if (is_digit(t->text[i])) {
			v = v <= UINT32_MAX ? v * 10 + (uint64_t)(t->text[i] - '0') : v;
			digits = true;
			continue;
		}
		unit = unit_seconds(t->text[i]);
		if (unit == 0 || !digits) {
			digits = false;
			break;
		}
		if (total <= UINT32_MAX)
			total += v * unit;
		v = 0;
		digits = i + 1 < t->len ? false : true;
	}
	if (!digits) {
		parse_error(p, t, "%s %s is no time; expected seconds, or a time such as 1h30m", what,
			    parse_quote(t, q));
		return false;
	}
	total += v;
	if (total > INT32_MAX) { /* RFC 2181 8 */
		parse_error(p, t, "%s %s is out of range; expected 0 to 2147483647", what, parse_quote(t, q));
		return false;
	}
	*out = (uint32_t)total;
	return true;
}

bool parse_octets(struct parse *p, const struct parse_token *t, uint8_t *out, size_t cap, size_t *len)
{
	size_t n = 0;

	for (uint32_t i = 0; i < t->len;) {
		int c = octet_next(t, &i);

		if (c < 0) {
			escape_fault(p, t, i);
			return false;
		}
		if (n < cap)
			out[n] = (uint8_t)c;
		n++;
	}
	*len = n;
	return true;
}
