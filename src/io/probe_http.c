/* One HTTP/1.1 exchange of a probe: a connection of its own, one request, one answer, closed. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "io/probe_state.h"

#define REQUEST_MAX (128u << 10) /* path, headers and body as script/http bounds them, and room for ours */

static bool has_header(const char *headers, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = headers; *p != '\0'; p = strchr(p, '\n') + 1)
		if (strncasecmp(p, name, len) == 0 && p[len] == ':')
			return true;
	return false;
}

/* The Host header (RFC 9110 7.2): brackets around IPv6, the port where it is not the scheme's and the script gave none. */
static void put_host(struct bytes *b, const struct script_http *h, bool tls)
{
	struct addr a;
	bool v6 = addr_parse(&a, h->host, strlen(h->host), 0) == 0 && a.family == 6 && h->host[0] != '[';

	bytes_printf(b, v6 ? "Host: [%s]" : "Host: %s", h->host);
	if (h->addr.port != (tls ? 443 : 80) && (v6 || strchr(h->host, ':') == NULL))
		bytes_printf(b, ":%u", h->addr.port);
	bytes_add(b, "\r\n", 2);
}

static void put_request(struct bytes *b, const struct script_http *h, bool tls)
{
	bytes_printf(b, "%s %s HTTP/1.1\r\n", h->method, h->path);
	put_host(b, h, tls);
	if (!has_header(h->headers, "user-agent"))
		bytes_printf(b, "User-Agent: gemel\r\n");
	if (!has_header(h->headers, "accept"))
		bytes_printf(b, "Accept: */*\r\n");
	bytes_printf(b, "Connection: close\r\n%s", h->headers);
	if (h->body_len > 0 || h->body != NULL)
		bytes_printf(b, "Content-Length: %zu\r\n", h->body_len);
	bytes_add(b, "\r\n", 2);
	if (h->body_len > 0)
		bytes_add(b, h->body, h->body_len);
}

void probe_http_free(struct probe *p)
{
	if (p->http == NULL)
		return;
	bytes_deinit(&p->http->request);
	http1_deinit(&p->http->answer);
	free(p->http);
	p->http = NULL;
}

void probe_http_begin(struct probe *p)
{
	const struct script_http *h = &p->req.http;

	p->http = malloc(sizeof *p->http);
	if (p->http == NULL) {
		probe_fail(p, HEALTH_LOCAL_ERROR, "out of memory");
		return;
	}
	bytes_init(&p->http->request, REQUEST_MAX);
	http1_init(&p->http->answer, strcmp(h->method, "HEAD") == 0, h->max_body);
	put_request(&p->http->request, h, p->req.tls.on);
	if (p->http->request.failed)
		probe_fail(p, HEALTH_LOCAL_ERROR, "out of memory");
	else
		probe_conn_connect(p, &h->addr);
}

void probe_http_connected(struct probe *p)
{
	const struct script_http *h = &p->req.http;

	probe_trace(p, "%s %s of %s", h->method, h->path, h->host);
	probe_conn_send(p, p->conn, (const char *)p->http->request.data, p->http->request.len);
}

void probe_http_sent(struct probe *p)
{
	probe_wait_io(p, PROBE_WAIT_HTTP, p->conn, EV_READ);
}

static void answered(struct probe *p)
{
	const struct http1 *h = &p->http->answer;
	struct script_answer a = { .reason = HEALTH_OK, .status = h->status, .headers = (const char *)h->headers.data,
				   .data = (const char *)h->body.data, .len = h->body.len };

	probe_answer(p, &a);
}

void probe_http_read(struct probe *p, const uint8_t *data, size_t len)
{
	struct http1 *h = &p->http->answer;
	bool first = h->header_len == 0;

	switch (len > 0 ? http1_feed(h, data, len) : http1_eof(h)) {
	case HTTP1_MORE:
		probe_wait_io(p, PROBE_WAIT_HTTP, p->conn, EV_READ);
		break;
	case HTTP1_DONE:
		answered(p);
		break;
	case HTTP1_CLOSED:
		probe_fail(p, HEALTH_READ_CLOSED, "port %u, %s", p->conn->port,
			   first ? "before any answer" : "within the answer");
		break;
	case HTTP1_BROKEN:
		probe_fail(p, HEALTH_HTTP_BROKEN, "%s", h->fault);
		break;
	case HTTP1_NOMEM:
	case HTTP1_NONE:
		probe_fail(p, HEALTH_LOCAL_ERROR, "out of memory");
		break;
	}
}
