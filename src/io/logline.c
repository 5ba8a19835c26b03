#include "io/logline.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/text.h"

#define TAIL_LEN 8 /* kept free for "…", a quote, a brace and the newline */
#define KEY_MAX 32
static const char cut[] = "\xe2\x80\xa6"; /* … */

static size_t room(const struct logline *l)
{
	return l->len < LOGLINE_MAX - TAIL_LEN ? LOGLINE_MAX - TAIL_LEN - l->len : 0; /* a quote may stand in the tail */
}

static void put(struct logline *l, const char *text, size_t len)
{
	memcpy(l->out + l->len, text, len);
	l->len += len;
}

void logline_begin(struct logline *l, enum logline_form form, const char *prefix)
{
	l->form = form;
	l->len = 0;
	l->full = l->any = false;
	put(l, prefix, strlen(prefix));
	if (form == LOGLINE_JSON)
		put(l, "{", 1);
}

/* One character of a value as it stands in the line. Returns how much of the value it is. */
static size_t escape(enum logline_form form, const uint8_t *s, size_t left, char out[8], size_t *out_len)
{
	static const char named[] = "\n\r\t\"\\", names[] = "nrt\"\\";
	const size_t n = text_utf8_len(s, left);
	const char *known = n == 1 ? memchr(named, s[0], sizeof named - 1) : NULL;
	if (known) {
		*out_len = (size_t)snprintf(out, 8, "\\%c", names[known - named]);
		return 1;
	}
	if (n > 1 || (n == 1 && s[0] >= 0x20 && s[0] != 0x7f)) {
		memcpy(out, s, n);
		*out_len = n;
		return n;
	}
	if (form == LOGLINE_TEXT)
		*out_len = (size_t)snprintf(out, 8, "\\x%02x", s[0]);
	else if (n)
		*out_len = (size_t)snprintf(out, 8, "\\u%04x", s[0]);
	else
		*out_len = (size_t)snprintf(out, 8, "\xef\xbf\xbd"); /* U+FFFD */
	return 1;
}

static bool is_plain(const char *v, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((uint8_t)v[i] <= ' ' || (uint8_t)v[i] >= 0x7f || v[i] == '"' || v[i] == '=' || v[i] == '\\')
			return false;
	return len > 0;
}

static bool begin_pair(struct logline *l, const char *key)
{
	const size_t len = strlen(key);
	if (l->full || len > KEY_MAX || room(l) < len + sizeof cut + 4) {
		l->full = true;
		return false;
	}
	if (l->any)
		put(l, l->form == LOGLINE_JSON ? "," : " ", 1);
	l->any = true;
	if (l->form == LOGLINE_JSON)
		put(l, "\"", 1);
	put(l, key, len);
	if (l->form == LOGLINE_JSON)
		put(l, "\":", 2);
	else
		put(l, "=", 1);
	return true;
}

void logline_text(struct logline *l, const char *key, const char *value, size_t len)
{
	const bool quoted = l->form == LOGLINE_JSON || !is_plain(value, len);
	if (!begin_pair(l, key))
		return;
	if (quoted)
		put(l, "\"", 1);
	for (size_t at = 0; at < len;) {
		char one[8];
		size_t n;
		at += escape(l->form, (const uint8_t *)value + at, len - at, one, &n);
		if (n > room(l)) {
			put(l, cut, sizeof cut - 1); /* into the tail, as is the quote */
			l->full = true;
			break;
		}
		put(l, one, n);
	}
	if (quoted)
		put(l, "\"", 1);
}

void logline_number(struct logline *l, const char *key, uint64_t value)
{
	char text[24];
	const int n = snprintf(text, sizeof text, "%" PRIu64, value);
	if (room(l) < strlen(key) + sizeof text + sizeof cut + 4)
		l->full = true;
	else if (begin_pair(l, key))
		put(l, text, (size_t)n);
}

void logline_pairs(struct logline *l, const char *text)
{
	while (*text) {
		char key[KEY_MAX + 1];
		const size_t len = strcspn(text, "= ");
		if (text[len] != '=' || len == 0 || len > KEY_MAX) {
			text += len + (text[len] != '\0');
			continue;
		}
		memcpy(key, text, len);
		key[len] = '\0';
		text += len + 1;
		const bool quoted = *text == '"';
		text += quoted;
		const size_t n = strcspn(text, quoted ? "\"" : " ");
		logline_text(l, key, text, n);
		text += n + (text[n] != '\0');
	}
}

void logline_end(struct logline *l)
{
	if (l->form == LOGLINE_JSON)
		put(l, "}", 1);
	put(l, "\n", 1);
	l->out[l->len] = '\0';
}
