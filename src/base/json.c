/* JSON writer (RFC 8259). */
#include <stdio.h>
#include <stdlib.h>
#include <inttypes.h>
#include "base/json.h"
#include "base/text.h"

void json_init(struct json *j, struct bytes *out, bool pretty)
{
	*j = (struct json){ .out = out, .pretty = pretty, .first = { true } };
}

static void newline(struct json *j)
{
	if (!j->pretty)
		return;
	bytes_u8(j->out, '\n');
	for (unsigned i = 0; i < j->depth; i++)
		bytes_add(j->out, "  ", 2);
}

/* What comes before a value: nothing after a key or at the top, else a comma where it is not the first. */
static void before_value(struct json *j)
{
	if (j->after_key) {
		j->after_key = false;
		return;
	}
	if (j->depth == 0)
		return;
	bool *first = &j->first[j->depth - 1];
	if (!*first)
		bytes_u8(j->out, ',');
	*first = false;
	newline(j);
}

static void begin(struct json *j, char bracket)
{
	before_value(j);
	if (j->depth == JSON_DEPTH_MAX) {
		j->out->failed = true;
		return;
	}
	bytes_add(j->out, &bracket, 1);
	j->first[j->depth++] = true;
}

static void end(struct json *j, char bracket)
{
	if (j->depth == 0) {
		j->out->failed = true;
		return;
	}
	if (!j->first[--j->depth])
		newline(j);
	bytes_add(j->out, &bracket, 1);
}

void json_begin_object(struct json *j)
{
	begin(j, '{');
}

void json_end_object(struct json *j)
{
	end(j, '}');
}

void json_begin_array(struct json *j)
{
	begin(j, '[');
}

void json_end_array(struct json *j)
{
	end(j, ']');
}

static void escape(struct bytes *out, uint8_t c)
{
	switch (c) {
	case '"': bytes_add(out, "\\\"", 2); break;
	case '\\': bytes_add(out, "\\\\", 2); break;
	case '\n': bytes_add(out, "\\n", 2); break;
	case '\r': bytes_add(out, "\\r", 2); break;
	case '\t': bytes_add(out, "\\t", 2); break;
	default: bytes_printf(out, "\\u%04x", c);
	}
}

static bool needs_escape(uint8_t c)
{
	return c < 0x20 || c == '"' || c == '\\' || c == 0x7f;
}

/* Runs that need no change go out in one piece. */
static void quote(struct bytes *out, const uint8_t *s, size_t len)
{
	size_t run = 0, i = 0;

	bytes_u8(out, '"');
	while (i < len) {
		size_t n = text_utf8_len(s + i, len - i);
		if (n > 1 || (n == 1 && !needs_escape(s[i]))) {
			i += n;
			continue;
		}
		bytes_add(out, s + run, i - run);
		if (n == 0)
			bytes_add(out, "\xef\xbf\xbd", 3); /* U+FFFD */
		else
			escape(out, s[i]);
		run = ++i;
	}
	bytes_add(out, s + run, len - run);
	bytes_u8(out, '"');
}

void json_key(struct json *j, const char *key)
{
	before_value(j);
	quote(j->out, (const uint8_t *)key, strlen(key));
	bytes_u8(j->out, ':');
	if (j->pretty)
		bytes_u8(j->out, ' ');
	j->after_key = true;
}

void json_stringn(struct json *j, const char *s, size_t len)
{
	before_value(j);
	quote(j->out, (const uint8_t *)(len ? s : ""), len);
}

void json_string(struct json *j, const char *s)
{
	if (s)
		json_stringn(j, s, strlen(s));
	else
		json_null(j);
}

void json_int(struct json *j, int64_t v)
{
	before_value(j);
	bytes_printf(j->out, "%" PRId64, v);
}

void json_uint(struct json *j, uint64_t v)
{
	before_value(j);
	bytes_printf(j->out, "%" PRIu64, v);
}

/* The fewest digits that read back as the same double; 17 always do. */
void json_number(struct json *j, double v)
{
	char text[40];

	if (!__builtin_isfinite(v)) {
		json_null(j);
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	before_value(j);
	bytes_add(j->out, text, strlen(text));
}

void json_bool(struct json *j, bool v)
{
	before_value(j);
	bytes_add(j->out, v ? "true" : "false", v ? 4 : 5);
}

void json_null(struct json *j)
{
	before_value(j);
	bytes_add(j->out, "null", 4);
}
