/* `events`: the history at once, and with -f what comes after it, until the client leaves.
 *
 *     notice ──▶ every follower's queue ──▶ its socket
 *                   └─ FOLLOW_QUEUED_MAX octets wait already: told, and shown the door
 */
#include <event2/buffer.h>
#include <string.h>
#include "ctl/server_state.h"

#define FOLLOWERS_MAX 16            /* so that other clients always find a place */
#define FOLLOW_QUEUED_MAX (1u << 20) /* octets: the whole history at its usual length, twice and more */
#define EVENTS_MAX (4u << 20)       /* octets of a whole history in JSON, and then some */

static unsigned followers(const struct ctl_server *s)
{
	const struct client *c;
	unsigned n = 0;
	TAILQ_FOREACH(c, &s->clients, link)
		n += c->state == FOLLOWING;
	return n;
}

static void show(struct client *c, const struct call *call, const struct core *core, struct bytes *out)
{
	size_t last = events_last(call);
	bool follow = call->option[OPTION_FOLLOW] != NULL;
	if (c->json && follow)
		events_json_lines(out, core, last);
	else if (c->json)
		events_json(out, core, last);
	else if (follow || (last && core_notices(core)))
		events_table(out, &c->layout, core, last);
	else
		bytes_printf(out, "no events\n");
}

void follow_begin(struct client *c, const struct call *call, const struct ctl_host *h)
{
	struct bytes out;
	bool follow = call->option[OPTION_FOLLOW] != NULL;
	if (follow && followers(c->s) >= FOLLOWERS_MAX) {
		server_send_refusal(c, CALL_EXIT_FAILED, "too many clients follow events already; end one of them");
		return;
	}
	bytes_init(&out, EVENTS_MAX);
	show(c, call, h->core, &out);
	if (out.failed) {
		server_send_refusal(c, CALL_EXIT_FAILED, "out of memory");
	} else {
		if (out.len)
			server_send_frame(c, WIRE_STDOUT, out.data, out.len);
		c->state = FOLLOWING;
		server_set_deadline(c, 0);
		if (!follow)
			server_send_exit(c, CALL_EXIT_DONE);
	}
	bytes_deinit(&out);
}

static void tell(struct client *c, const struct core_notice *n)
{
	struct bytes line;
	if (evbuffer_get_length(bufferevent_get_output(c->io)) > FOLLOW_QUEUED_MAX) {
		server_send_refusal(c, CALL_EXIT_FAILED, "events come faster than you read them: cut off here; the history holds the newest");
		return;
	}
	bytes_init(&line, EVENTS_MAX);
	if (c->json)
		events_json_line(&line, n);
	else
		events_line(&line, &c->layout, n);
	if (!line.failed)
		server_send_frame(c, WIRE_STDOUT, line.data, line.len);
	bytes_deinit(&line);
}

void ctl_notice(struct ctl_server *s, const struct core_notice *n)
{
	struct client *c;
	TAILQ_FOREACH(c, &s->clients, link)
		if (c->state == FOLLOWING)
			tell(c, n);
}
