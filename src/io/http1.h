/* The answer to one HTTP/1.1 request, read from octets as they come; knows no sockets.  Strict and bounded: the
 * server is as hostile as it likes (endless headers, a huge body, a chunk of 2^64 octets).
 *
 *     "HTTP/1.1 200 OK\r\n"            → status 200
 *     "Content-Type: text/plain\r\n"   → headers "content-type: text/plain\n"
 *     "\r\n" body                      → body, as much as is wanted
 */
#ifndef GEMEL_IO_HTTP1_H
#define GEMEL_IO_HTTP1_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"

#define HTTP1_HEADER_MAX 16384 /* octets of status line and headers; more says that the server is broken */
#define HTTP1_LINE_MAX 8192    /* of one line of them, of a chunk's head */
#define HTTP1_INTERIM_MAX 8    /* 1xx answers before the real one (RFC 9110 15.2) */

enum http1_result {
	HTTP1_NONE = 0,
	HTTP1_MORE,    /* wants more octets */
	HTTP1_DONE,    /* status, headers and body stand */
	HTTP1_BROKEN,  /* not HTTP; fault says why */
	HTTP1_CLOSED,  /* the stream ended too early */
	HTTP1_NOMEM
};
enum http1_state {
	HTTP1_STATUS_LINE = 1,
	HTTP1_HEADERS,
	HTTP1_BODY_LEN,
	HTTP1_BODY_EOF,
	HTTP1_CHUNK_HEAD,
	HTTP1_CHUNK,
	HTTP1_CHUNK_END
};
struct http1 {
	enum http1_state state;
	bool head;             /* the request was HEAD: no body comes */
	bool chunked, has_length;
	uint64_t length, left; /* Content-Length; octets left of the body or the chunk */
	size_t max_body, header_len;
	unsigned interim;
	int status;
	size_t line_len;
	char line[HTTP1_LINE_MAX];
	struct bytes headers;  /* "name: value\n", names lower-case; ends with a NUL after HTTP1_DONE */
	struct bytes body;     /* at most max_body octets */
	const char *fault;     /* static text */
};

void http1_init(struct http1 *h, bool head, size_t max_body);
void http1_deinit(struct http1 *h);
/* Feeds what arrived; octets after the end are ignored. Once the result is not HTTP1_MORE it must not be fed again. */
enum http1_result http1_feed(struct http1 *h, const void *data, size_t len) MUST_CHECK;
/* The stream ended. */
enum http1_result http1_eof(struct http1 *h) MUST_CHECK;

#endif
