/* name=www.example.test&client=198.51.100.7 → keys and values. */
#include <stdlib.h>
#include <string.h>
#include "ctl/http_state.h"

/* Appends the decoded text with its NUL; NULL where it is none, or has no room. */
static const char *decode(struct http_query *q, size_t *used, const char *text, size_t len)
{
	char raw[HTTP_VALUE_MAX * 3 + 1];
	size_t n = 0;
	if (len >= sizeof raw)
		return NULL;
	memcpy(raw, text, len);
	raw[len] = 0;
	for (size_t i = 0; i < len; i++) /* the library leaves a broken escape as it is; we do not */
		if (raw[i] == '%' && strspn(raw + i + 1, "0123456789abcdefABCDEF") < 2)
			return NULL;
	char *plain = evhttp_uridecode(raw, 1, &n);
	char *to = q->room + *used;
	bool fits = plain && strlen(plain) == n && n < HTTP_VALUE_MAX && *used + n + 1 <= sizeof q->room;
	if (fits) {
		memcpy(to, plain, n + 1);
		*used += n + 1;
	}
	free(plain);
	return fits ? to : NULL;
}

static int take(struct http_query *q, size_t *used, const char *text, size_t len)
{
	const char *equals = memchr(text, '=', len);
	size_t key_len = equals ? (size_t)(equals - text) : len;
	if (len == 0)
		return 0;
	if (q->count == HTTP_QUERY_MAX)
		return ERR_LIMIT;
	const char *key = decode(q, used, text, key_len);
	const char *value = !key ? NULL : equals ? decode(q, used, equals + 1, len - key_len - 1) : "";
	if (!key || !value || http_query_find(q, key))
		return ERR_FORMAT;
	q->list[q->count].key = key;
	q->list[q->count++].value = value;
	return 0;
}

int http_query_parse(struct http_query *q, const char *text)
{
	size_t used = 0;
	q->count = 0;
	while (text && *text) {
		size_t len = strcspn(text, "&");
		int e = take(q, &used, text, len);
		if (e)
			return e;
		text += len + (text[len] == '&');
	}
	return 0;
}

const char *http_query_find(const struct http_query *q, const char *key)
{
	for (size_t i = 0; i < q->count; i++)
		if (strcmp(q->list[i].key, key) == 0)
			return q->list[i].value;
	return NULL;
}
