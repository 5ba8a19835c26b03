/* Live events (WHATWG HTML 9.2, server-sent events): what was missed first, then what comes.
 *
 *     retry: 2000
 *
 *     id: 41
 *     event: notice
 *     data: {"number":41,"time":"2026-11-21T02:31:00.123Z","kind":"verdict",…}
 *
 *     :                           now and then, so that a connection that is dead shows
 *
 * A number rises over restarts as long as the journal lives. One that is higher than our newest is of a journal that is gone:
 * whoever comes with it gets the whole history.
 */
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "ctl/events.h"
#include "ctl/http_state.h"

#define QUEUED_MAX (1u << 20) /* octets unread: the whole history at its usual length, twice and more */
#define HISTORY_LEN_MAX (4u << 20)
#define BEAT_EVERY_S 15
#define WRITE_S 30
#define RETRY_MS 2000

static void put(struct bytes *out, const struct core_notice *n)
{
	bytes_printf(out, "id: %llu\nevent: notice\ndata: ", (unsigned long long)n->number);
	events_json_line(out, n); /* one line, with its end */
	bytes_u8(out, '\n');
}

/* Numbers rise along the history. */
static void put_missed(struct bytes *out, const struct core *core, uint64_t after)
{
	struct core_notice n;
	size_t count = core_notices(core);
	if (count) {
		core_notice_get(core, count - 1, &n);
		after = after > n.number ? 0 : after;
	}
	for (size_t i = 0; i < count; i++) {
		core_notice_get(core, i, &n);
		if (n.number > after)
			put(out, &n);
	}
}

static void send_octets(struct http_follower *f, const void *data, size_t len)
{
	struct evbuffer *b = evbuffer_new();
	if (b && evbuffer_add(b, data, len) == 0)
		evhttp_send_reply_chunk(f->req, b);
	if (b)
		evbuffer_free(b);
}

/* Its connection ends, by whomever. Where a fault of the network ended it, the library leaves the request to us. */
static void on_close(struct evhttp_connection *k, void *ctx)
{
	(void)k;
	struct http_follower *f = ctx;
	TAILQ_REMOVE(&f->s->followers, f, link);
	f->s->follower_count--;
	if (!evhttp_request_get_connection(f->req))
		evhttp_request_free(f->req);
	free(f);
}

static bool parse_after(const char *text, uint64_t *after)
{
	*after = 0;
	return !text || text_parse_u64(after, text, 0, UINT64_MAX) == 0;
}

static bool accept_query(struct ctl_http *s, struct evhttp_request *req, const struct http_query *q, uint64_t *after)
{
	const char *last = evhttp_find_header(evhttp_request_get_input_headers(req), "Last-Event-ID");
	for (size_t i = 0; i < q->count; i++)
		if (strcmp(q->list[i].key, "follow") != 0 && strcmp(q->list[i].key, "after") != 0) {
			http_reply_error(s, req, 400, "events with follow has no parameter \"%.64s\"", q->list[i].key);
			return false;
		}
	if (parse_after(last ? last : http_query_find(q, "after"), after))
		return true;
	http_reply_error(s, req, 400, "expected the number of an event in Last-Event-ID, or in the parameter \"after\"");
	return false;
}

static void begin(struct ctl_http *s, struct evhttp_request *req, struct http_follower *f, const struct bytes *first)
{
	struct timeval patience = { .tv_sec = WRITE_S };
	struct evhttp_connection *k = evhttp_request_get_connection(req);
	struct http_slot *slot = http_slot_of(s, req);
	*f = (struct http_follower){ .s = s, .req = req };
	TAILQ_INSERT_TAIL(&s->followers, f, link);
	s->follower_count++;
	if (slot)
		slot->follows = true;
	evhttp_connection_set_closecb(k, on_close, f);
	http_add_headers(req, "text/event-stream");
	evhttp_send_reply_start(req, 200, "OK");
	bufferevent_set_timeouts(evhttp_connection_get_bufferevent(k), NULL, &patience); /* it says no more; but it has to read */
	send_octets(f, first->data, first->len);
}

void http_follow_begin(struct ctl_http *s, struct evhttp_request *req, const struct http_query *q)
{
	struct ctl_host h;
	struct bytes out;
	uint64_t after;
	struct http_follower *f = NULL;
	if (!accept_query(s, req, q, &after))
		return;
	if (evhttp_request_get_command(req) == EVHTTP_REQ_HEAD) {
		http_reply_error(s, req, 405, "events are followed with GET");
		return;
	}
	if (s->follower_count >= CTL_HTTP_FOLLOWERS_MAX) {
		http_reply_error(s, req, 503, "%u follow events already; end one of them", CTL_HTTP_FOLLOWERS_MAX);
		return;
	}
	s->host.host(s->host.ctx, &h);
	bytes_init(&out, HISTORY_LEN_MAX);
	bytes_printf(&out, "retry: %d\n\n", RETRY_MS);
	put_missed(&out, h.core, after);
	if (!out.failed && (f = malloc(sizeof *f)))
		begin(s, req, f, &out);
	else
		http_reply_error(s, req, 503, "out of memory");
	bytes_deinit(&out);
}

/* ---- what comes ---- */

static void send_all(struct ctl_http *s, const void *data, size_t len)
{
	struct http_follower *f, *next;
	for (f = TAILQ_FIRST(&s->followers); f; f = next) {
		struct evhttp_connection *k = evhttp_request_get_connection(f->req);
		next = TAILQ_NEXT(f, link);
		if (evbuffer_get_length(bufferevent_get_output(evhttp_connection_get_bufferevent(k))) <= QUEUED_MAX) {
			send_octets(f, data, len);
			continue;
		}
		s->counts.cut++;
		evhttp_connection_free(k); /* it reads too slowly; when it comes back it says what it has */
	}
}

void ctl_http_notice(struct ctl_http *s, const struct core_notice *n)
{
	struct bytes line;
	if (n->kind < CORE_NOTICE_KINDS)
		s->events.by_kind[n->kind]++;
	if (TAILQ_EMPTY(&s->followers))
		return;
	bytes_init(&line, HISTORY_LEN_MAX);
	put(&line, n);
	if (!line.failed)
		send_all(s, line.data, line.len);
	bytes_deinit(&line);
}

void http_follow_beat(struct ctl_http *s)
{
	if (++s->seconds % BEAT_EVERY_S == 0)
		send_all(s, ":\n\n", 3);
}
