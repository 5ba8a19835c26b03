/* Reading an HTTP/1.1 answer (RFC 9112). */
#include "io/http1.h"
#include <string.h>
#include <strings.h>

void http1_init(struct http1 *h, bool head, size_t max_body)
{
	memset(h, 0, sizeof *h);
	h->state = HTTP1_STATUS_LINE;
	h->head = head;
	h->max_body = max_body;
	bytes_init(&h->headers, 2 * HTTP1_HEADER_MAX);
	bytes_init(&h->body, max_body);
}

void http1_deinit(struct http1 *h)
{
	bytes_deinit(&h->headers);
	bytes_deinit(&h->body);
}

static enum http1_result broken(struct http1 *h, const char *why)
{
	h->fault = why;
	return HTTP1_BROKEN;
}

static enum http1_result done(struct http1 *h)
{
	bytes_add(&h->headers, "", 1);
	return h->headers.failed || h->body.failed ? HTTP1_NOMEM : HTTP1_DONE;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK"; the words after the status are anybody's (RFC 9112 4). */
static enum http1_result read_status(struct http1 *h)
{
	const char *l = h->line;

	if (h->line_len < 12 || memcmp(l, "HTTP/1.", 7) != 0 || (l[7] != '0' && l[7] != '1') || l[8] != ' ' ||
	    !is_digit(l[9]) || !is_digit(l[10]) || !is_digit(l[11]) || (h->line_len > 12 && l[12] != ' ') ||
	    l[9] == '0')
		return broken(h, "no status line");
	h->status = (l[9] - '0') * 100 + (l[10] - '0') * 10 + (l[11] - '0');
	h->state = HTTP1_HEADERS;
	return HTTP1_MORE;
}

/* RFC 9110 5.6.2 */
static bool is_token(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] <= 0x20 || (unsigned char)s[i] >= 0x7f ||
		    strchr("\"(),/:;<=>?@[\\]{}", s[i]) != NULL)
			return false;
	return len > 0;
}

static bool name_is(const char *name, size_t len, const char *want)
{
	return len == strlen(want) && strncasecmp(name, want, len) == 0;
}

/* RFC 9112 6.2: digits alone; twice the same is tolerated, twice different is an attack. */
static enum http1_result read_length(struct http1 *h, const char *value, size_t len)
{
	uint64_t n = 0;

	if (len == 0 || len > 18)
		return broken(h, "bad Content-Length");
	for (size_t i = 0; i < len; i++) {
		if (!is_digit(value[i]))
			return broken(h, "bad Content-Length");
		n = n * 10 + (uint64_t)(value[i] - '0');
	}
	if (h->has_length && h->length != n)
		return broken(h, "two Content-Lengths");
	h->has_length = true;
	h->length = n;
	return HTTP1_MORE;
}

static enum http1_result read_meaning(struct http1 *h, const char *name, size_t name_len, const char *value, size_t len)
{
	if (name_is(name, name_len, "content-length"))
		return read_length(h, value, len);
	if (name_is(name, name_len, "transfer-encoding")) {
		if (h->chunked || !name_is(value, len, "chunked")) /* we asked for no other (RFC 9112 6.1) */
			return broken(h, "unknown Transfer-Encoding");
		h->chunked = true;
	}
	return HTTP1_MORE;
}

static void keep_header(struct http1 *h, const char *name, size_t name_len, const char *value, size_t len)
{
	for (size_t i = 0; i < name_len; i++)
		bytes_u8(&h->headers, (uint8_t)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]));
	bytes_add(&h->headers, ": ", 2);
	for (size_t i = 0; i < len; i++)
		bytes_u8(&h->headers, (uint8_t)((unsigned char)value[i] < 0x20 || value[i] == 0x7f ? ' ' : value[i]));
	bytes_u8(&h->headers, '\n');
}

/* A line that begins with a space would continue the last one (obsolete, RFC 9112 5.2): refused, as its name is no
 * token. */
static enum http1_result read_header(struct http1 *h)
{
	const char *colon = memchr(h->line, ':', h->line_len), *value;
	size_t name_len, len;

	if (colon == NULL || memchr(h->line, '\0', h->line_len) != NULL)
		return broken(h, "bad header");
	name_len = (size_t)(colon - h->line);
	if (!is_token(h->line, name_len))
		return broken(h, "bad header name");
	value = colon + 1;
	len = h->line_len - name_len - 1;
	while (len > 0 && (*value == ' ' || *value == '\t')) {
		value++;
		len--;
	}
	while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
		len--;
	keep_header(h, h->line, name_len, value, len);
	return read_meaning(h, h->line, name_len, value, len);
}

/* The empty line: which body comes, if any (RFC 9112 6.3). */
static enum http1_result end_headers(struct http1 *h)
{
	if (h->status < 200) {
		if (h->status == 101 || ++h->interim > HTTP1_INTERIM_MAX)
			return broken(h, "no final status");
		h->state = HTTP1_STATUS_LINE;
		h->chunked = h->has_length = false;
		h->headers.len = 0;
		return HTTP1_MORE;
	}
	if (h->head || h->status == 204 || h->status == 304 || h->max_body == 0)
		return done(h);
	if (h->chunked) {
		h->state = HTTP1_CHUNK_HEAD;
	} else if (h->has_length) {
		h->left = h->length;
		h->state = HTTP1_BODY_LEN;
		return h->left == 0 ? done(h) : HTTP1_MORE;
	} else {
		h->state = HTTP1_BODY_EOF;
	}
	return HTTP1_MORE;
}

/* "1a3[;extension]" */
static enum http1_result read_chunk_head(struct http1 *h)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < h->line_len; i++) {
		char c = h->line[i];
		unsigned digit;

		if (is_digit(c))
			digit = (unsigned)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (unsigned)((c | 0x20) - 'a') + 10;
		else
			break;
		if (i == 15)
			return broken(h, "chunk too large");
		n = n << 4 | digit;
	}
	if (i == 0 || (i < h->line_len && h->line[i] != ';' && h->line[i] != ' ' && h->line[i] != '\t'))
		return broken(h, "bad chunk");
	h->left = n;
	h->state = HTTP1_CHUNK;
	return n == 0 ? done(h) : HTTP1_MORE; /* trailers are left unread: nobody asks for them */
}

static enum http1_result read_line(struct http1 *h)
{
	switch (h->state) {
	case HTTP1_STATUS_LINE:
		return read_status(h);
	case HTTP1_HEADERS:
		return h->line_len == 0 ? end_headers(h) : read_header(h);
	case HTTP1_CHUNK_HEAD:
		return read_chunk_head(h);
	case HTTP1_CHUNK_END:
		h->state = HTTP1_CHUNK_HEAD;
		return h->line_len == 0 ? HTTP1_MORE : broken(h, "bad chunk");
	case HTTP1_BODY_LEN:
	case HTTP1_BODY_EOF:
	case HTTP1_CHUNK:
		break;
	}
	return broken(h, "lost");
}

/* Takes octets up to a line's end. *used tells how many. */
static enum http1_result take_line(struct http1 *h, const char *data, size_t len, size_t *used)
{
	const char *end = memchr(data, '\n', len);
	size_t n = end != NULL ? (size_t)(end - data) : len;
	enum http1_result r;

	*used = end != NULL ? n + 1 : n;
	if (h->state == HTTP1_STATUS_LINE || h->state == HTTP1_HEADERS) {
		h->header_len += *used;
		if (h->header_len > HTTP1_HEADER_MAX)
			return broken(h, "header too long");
	}
	if (n > sizeof h->line - h->line_len)
		return broken(h, "line too long");
	memcpy(h->line + h->line_len, data, n);
	h->line_len += n;
	if (end == NULL)
		return HTTP1_MORE;
	if (h->line_len > 0 && h->line[h->line_len - 1] == '\r')
		h->line_len--;
	if (memchr(h->line, '\r', h->line_len) != NULL)
		return broken(h, "a CR within a line"); /* RFC 9112 2.2 */
	r = read_line(h);
	h->line_len = 0;
	return r;
}

/* Body octets; what is over max_body is not wanted, nor is anything after it. */
static enum http1_result take_body(struct http1 *h, const char *data, size_t len, size_t *used)
{
	size_t room = h->max_body - h->body.len, n = len < room ? len : room;

	if (h->state != HTTP1_BODY_EOF && n > h->left)
		n = (size_t)h->left;
	bytes_add(&h->body, data, n);
	if (h->body.failed)
		return HTTP1_NOMEM;
	h->left -= h->state != HTTP1_BODY_EOF ? n : 0;
	*used = n;
	if (h->body.len == h->max_body)
		return done(h);
	if (h->state == HTTP1_BODY_LEN && h->left == 0)
		return done(h);
	if (h->state == HTTP1_CHUNK && h->left == 0)
		h->state = HTTP1_CHUNK_END;
	return HTTP1_MORE;
}

enum http1_result http1_feed(struct http1 *h, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		bool body = h->state == HTTP1_BODY_LEN || h->state == HTTP1_BODY_EOF || h->state == HTTP1_CHUNK;
		size_t used = 0;
		enum http1_result r = body ? take_body(h, p, len, &used) : take_line(h, p, len, &used);

		if (r != HTTP1_MORE)
			return r;
		p += used;
		len -= used;
	}
	return HTTP1_MORE;
}

enum http1_result http1_eof(struct http1 *h)
{
	return h->state == HTTP1_BODY_EOF ? done(h) : HTTP1_CLOSED;
}
