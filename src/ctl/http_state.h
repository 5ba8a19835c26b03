/* Inside the HTTP server: what its files share.
 *
 *     http.c          connections, who may ask, which page; replies
 *     http_query.c    the part of an address behind '?'
 *     http_api.c      documents of verbs
 *     http_follow.c   live events
 *     http_past.c     the history of members
 *     http_admin.c    overrides, for who has the token
 *     page.h          the status page, made from page.html at build
 */
#ifndef GEMEL_CTL_HTTP_STATE_H
#define GEMEL_CTL_HTTP_STATE_H
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <sys/queue.h>
#include "ctl/http.h"
#include "ctl/metrics.h"

#define HTTP_QUERY_MAX 8     /* parameters of one address */
#define HTTP_VALUE_MAX 1100  /* a name in text form has at most 1,024 octets */
#define HTTP_ROOM_MAX 4096   /* of a whole query, decoded */
#define HTTP_BODY_MAX 1024   /* of a form: a selector and a reason with every octet escaped fit */
#define HTTP_ORDERS_MAX 8    /* commands that wait to be in force; operators on the control socket need room too */
#define HTTP_TRIES_MAX 32    /* networks that sent a wrong token lately */

struct http_query {
	struct { const char *key, *value; } list[HTTP_QUERY_MAX]; /* into room; value "" where there is no '=' */
	size_t count;
	char room[HTTP_ROOM_MAX];
};
/* text NULL = none. ERR_FORMAT: escapes that are none, a NUL, a key twice; ERR_LIMIT: too many or too long. */
int http_query_parse(struct http_query *q, const char *text) MUST_CHECK;
const char *http_query_find(const struct http_query *q, const char *key); /* NULL = absent */

struct http_slot { /* one connection; bev NULL = free */
	struct bufferevent *bev; /* we hold it, so that its end can be seen */
	uint64_t born;           /* counts accepts: the smallest is the eldest */
	bool follows, ending;
};
struct http_follower {
	TAILQ_ENTRY(http_follower) link;
	struct ctl_http *s;
	struct evhttp_request *req;
};
TAILQ_HEAD(http_follower_list, http_follower);

struct http_order { /* a command that waits to be in force */
	uint32_t id; /* 0 = free */
	struct evhttp_request *req;
	const char *verb;
	char what[CORE_SELECTOR_MAX];
};
struct http_tries { struct addr net; uint64_t last_ms; uint8_t left; }; /* of tokens; last_ms 0 = never a wrong one */

struct ctl_http {
	struct event_base *base;
	struct evhttp *http;
	struct evhttp_bound_socket *bound;
	struct event *second;
	struct ctl_http_host host;
	struct http_slot slots[CTL_HTTP_CONNECTIONS_MAX];
	uint64_t accepted;
	struct http_follower_list followers;
	unsigned follower_count, seconds;
	int64_t work_us;        /* that documents may still take now; below 0: owed */
	uint64_t work_at_us;
	struct metrics_events events; /* by kind, since the start */
	struct metrics_http counts;
	struct http_order orders[HTTP_ORDERS_MAX];
	uint32_t last_order;
	struct http_tries tries[HTTP_TRIES_MAX];
};

/* http.c */
/* Replies; text and data are copied, and b is emptied. */
void http_reply(struct evhttp_request *req, int code, const char *type, struct evbuffer *b);
void http_reply_text(struct evhttp_request *req, int code, const char *text);           /* with a newline */
void http_reply_error(struct ctl_http *s, struct evhttp_request *req, int code, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Takes the octets of b for the reply without copying them. False: refused, too much waits for slow readers already. */
bool http_reply_bytes(struct ctl_http *s, struct evhttp_request *req, const char *type, struct bytes *b);
void http_add_headers(struct evhttp_request *req, const char *type);
struct http_slot *http_slot_of(struct ctl_http *s, struct evhttp_request *req);

/* http_api.c */
bool http_api(struct ctl_http *s, struct evhttp_request *req, const char *path, const struct http_query *q); /* false: no such page */

/* http_past.c */
void http_past(struct ctl_http *s, struct evhttp_request *req, const struct http_query *q);

/* http_admin.c */
const char *http_admin_verb(const char *path); /* what is done there with POST; NULL = nothing */
void http_admin(struct ctl_http *s, struct evhttp_request *req, const char *verb, const struct addr *from); /* there is a token */

/* http_follow.c */
void http_follow_begin(struct ctl_http *s, struct evhttp_request *req, const struct http_query *q);
void http_follow_beat(struct ctl_http *s); /* shows dead connections as what they are */

#endif
