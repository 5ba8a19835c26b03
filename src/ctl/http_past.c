/* The history of a service's members (core/past.h), for the page's strips and whoever wants to reckon with it.
 *
 *     GET /api/v1/history?name=www.example.test&hours=24
 *     {"service":"www.example.test","from":"2026-11-21T02:31:00.000Z","to":"2026-11-22T02:31:00.000Z","members":[
 *      {"address":"192.0.2.1","spans":[{"from":"2026-11-21T02:31:00.000Z","state":"none"},{"from":"…Z","state":"up"}]}]}
 *
 * Each span lasts until the next, the last until "to".  States: up, down, unknown, drained, none (nothing is on record).
 */
#include <string.h>
#include "base/json.h"
#include "base/text.h"
#include "core/past.h"
#include "ctl/http_state.h"

#define HOURS_USUAL 24
#define HOURS_MAX 168 /* a week: of members that flap the record does not go back as far */
#define LEN_MAX (16u << 20)

static void put_time(struct json *j, const char *key, uint64_t wall_ms)
{
	char text[32];
	json_key(j, key);
	json_string(j, text_format_utc(wall_ms, text));
}

static void put_member(struct json *j, const struct policy_member *conf, const struct core_past_member *m)
{
	char address[ADDR_TEXT_MAX];
	json_begin_object(j);
	json_key(j, "address");
	json_string(j, addr_format(&conf->addr, false, address));
	json_key(j, "spans");
	json_begin_array(j);
	for (size_t i = 0; i < m->count; i++) {
		json_begin_object(j);
		put_time(j, "from", m->spans[i].from_ms);
		json_key(j, "state");
		json_string(j, core_past_text(m->spans[i].state));
		json_end_object(j);
	}
	json_end_array(j);
	json_end_object(j);
}

static void put_past(struct bytes *out, const struct plan_service *conf, const struct core_past *p, uint64_t from_ms, uint64_t to_ms)
{
	struct json j;
	json_init(&j, out, false);
	json_begin_object(&j);
	json_key(&j, "service");
	json_string(&j, conf->name);
	put_time(&j, "from", from_ms);
	put_time(&j, "to", to_ms);
	json_key(&j, "members");
	json_begin_array(&j);
	for (size_t i = 0; i < p->count; i++)
		put_member(&j, &conf->policy.members[i], &p->members[i]);
	json_end_array(&j);
	json_end_object(&j);
	bytes_u8(out, '\n');
}

/* False: refused, and told. */
static bool read_query(struct ctl_http *s, struct evhttp_request *req, const struct http_query *q, uint64_t *hours)
{
	const char *text = http_query_find(q, "hours");
	for (size_t i = 0; i < q->count; i++)
		if (strcmp(q->list[i].key, "name") != 0 && strcmp(q->list[i].key, "hours") != 0) {
			http_reply_error(s, req, 400, "history has no parameter \"%.64s\"", q->list[i].key);
			return false;
		}
	*hours = HOURS_USUAL;
	if (!http_query_find(q, "name"))
		http_reply_error(s, req, 400, "history needs a parameter \"name\"");
	else if (text && text_parse_u64(hours, text, 1, HOURS_MAX))
		http_reply_error(s, req, 400, "hours=\"%.64s\"; expected a number from 1 to %d", text, HOURS_MAX);
	else
		return true;
	return false;
}

void http_past(struct ctl_http *s, struct evhttp_request *req, const struct http_query *q)
{
	struct ctl_host h;
	struct core_service_view v;
	struct core_past *p;
	struct bytes out;
	uint64_t hours;
	if (!read_query(s, req, q, &hours))
		return;
	s->host.host(s->host.ctx, &h);
	int at = core_service_find(h.core, http_query_find(q, "name"));
	uint64_t from_ms = h.wall_ms > hours * 3600000 ? h.wall_ms - hours * 3600000 : 0;
	if (at < 0) {
		http_reply_error(s, req, 404, "no service \"%.255s\" on this node", http_query_find(q, "name"));
		return;
	}
	if (core_past_new(&p, h.core, (size_t)at, from_ms, h.wall_ms)) {
		http_reply_error(s, req, 503, "out of memory");
		return;
	}
	core_service_get(h.core, (size_t)at, &v);
	bytes_init(&out, LEN_MAX);
	put_past(&out, v.conf, p, from_ms, h.wall_ms);
	http_reply_bytes(s, req, "application/json", &out);
	bytes_deinit(&out);
	core_past_free(p);
}
