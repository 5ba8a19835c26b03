/* Documents of verbs: an address becomes the words that gemelctl would send, and the same handler answers.
 *
 *     /api/v1/explain?name=www.example.test&client=198.51.100.7  →  explain --client 198.51.100.7 -- www.example.test
 */
#include <string.h>
#include "base/text.h"
#include "ctl/events.h"
#include "ctl/http_state.h"

#define PREFIX "/api/v1/"
#define EVENTS_LEN_MAX (4u << 20) /* as gemelctl's */
#define WORDS_MAX 6

static const struct route {
	const char *verb;
	bool named;              /* wants name=, the verb's word */
	const char *key, *option; /* one more parameter and the option that it is; NULL = none */
} routes[] = {
	{ "status", false, NULL, NULL },    { "services", false, NULL, NULL },       { "service", true, NULL, NULL },
	{ "explain", true, "client", "--client" }, { "targets", false, NULL, NULL }, { "peers", false, NULL, NULL },
	{ "overrides", false, NULL, NULL }, { "windows", false, NULL, NULL },        { "events", false, "last", "-n" },
};

/* False: refused, and told. */
static bool check_keys(struct ctl_http *s, struct evhttp_request *req, const struct route *r, const struct http_query *q)
{
	for (size_t i = 0; i < q->count; i++) {
		const char *key = q->list[i].key;
		if ((r->named && strcmp(key, "name") == 0) || (r->key && strcmp(key, r->key) == 0))
			continue;
		http_reply_error(s, req, 400, "%s has no parameter \"%.64s\"", r->verb, key);
		return false;
	}
	if (!r->named || http_query_find(q, "name"))
		return true;
	http_reply_error(s, req, 400, "%s needs a parameter \"name\"", r->verb);
	return false;
}

static int words_of(const struct route *r, const struct http_query *q, char *words[WORDS_MAX])
{
	const char *value = r->key ? http_query_find(q, r->key) : NULL;
	const char *all[WORDS_MAX] = { r->verb };
	int n = 1;
	if (value) {
		all[n++] = r->option;
		all[n++] = value;
	}
	all[n++] = "--"; /* a name may begin with '-' */
	if (r->named)
		all[n++] = http_query_find(q, "name");
	for (int i = 0; i < n; i++)
		words[i] = (char *)(uintptr_t)all[i]; /* argv's type; nobody writes to it */
	return n;
}

static void reply_events(struct ctl_http *s, struct evhttp_request *req, const struct call *c, const struct ctl_host *h)
{
	struct bytes out;
	bytes_init(&out, EVENTS_LEN_MAX);
	events_json(&out, h->core, events_last(c));
	http_reply_bytes(s, req, "application/json", &out);
	bytes_deinit(&out);
}

static void run(struct ctl_http *s, struct evhttp_request *req, struct call *c)
{
	struct ctl_host h;
	struct doc d;
	s->host.host(s->host.ctx, &h);
	doc_init(&d, DOC_JSON, false, 0, CTL_REPLY_MAX);
	enum call_next next = call_run(c, &h, &d);
	int e = next == CALL_ANSWER && !*c->error ? doc_end(&d) : 0;
	if (*c->error)
		http_reply_error(s, req, c->exit == CALL_EXIT_USAGE ? 400 : 404, "%s", c->error);
	else if (next == CALL_EVENTS)
		reply_events(s, req, c, &h);
	else if (e)
		http_reply_error(s, req, 503, "out of memory, or too much to say at once");
	else
		http_reply_bytes(s, req, "application/json", &d.out);
	doc_deinit(&d);
}

bool http_api(struct ctl_http *s, struct evhttp_request *req, const char *path, const struct http_query *q)
{
	const struct route *r = NULL;
	char *words[WORDS_MAX];
	struct call c;
	if (strncmp(path, PREFIX, strlen(PREFIX)) != 0)
		return false;
	for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
		if (strcmp(path + strlen(PREFIX), routes[i].verb) == 0)
			r = &routes[i];
	if (strcmp(path + strlen(PREFIX), "history") == 0) {
		http_past(s, req, q);
		return true;
	}
	if (!r)
		return false;
	if (strcmp(r->verb, "events") == 0 && http_query_find(q, "follow"))
		http_follow_begin(s, req, q);
	else if (check_keys(s, req, r, q)) {
		if (call_parse(&c, words_of(r, q, words), words))
			http_reply_error(s, req, 400, "%s", c.error);
		else
			run(s, req, &c);
	}
	return true;
}
