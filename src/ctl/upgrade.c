/* The end of an upgrade, for who asked. Refused, it is told by the server that was asked; done, by the one that took over, on the same
 * connection.
 *
 * JSON: {"verb":"upgrade","result":"done","from":"0.1.0","version":"0.2.0","generation":2,"took_ms":830}
 *       {"verb":"upgrade","result":"refused","reason":"…","version":"0.1.0","generation":1,"took_ms":12}
 */
#include "config.h"
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>
#include "ctl/server_state.h"

static void send_doc(struct client *c, const struct ctl_upgrade *u)
{
	struct ctl_host h;
	struct doc d;
	c->s->actions.host(c->s->actions.ctx, &h);
	doc_init(&d, DOC_JSON, false, 0, CTL_REPLY_MAX);
	doc_text(&d, "verb", "upgrade");
	doc_text(&d, "result", u->done ? "done" : "refused");
	doc_text(&d, u->done ? "from" : "reason", u->done ? u->from : u->why);
	doc_text(&d, "version", PACKAGE_VERSION);
	doc_uint(&d, "generation", core_plan(h.core)->generation);
	doc_uint(&d, "took_ms", u->took_ms);
	if (doc_end(&d) == 0)
		server_send_frame(c, WIRE_STDOUT, d.out.data, d.out.len);
	doc_deinit(&d);
}

static void answer(struct client *c, const struct ctl_upgrade *u)
{
	char line[640];
	if (c->json)
		send_doc(c, u);
	if (u->done)
		snprintf(line, sizeof line, "upgraded from %s to %s in %" PRIu32 " ms", u->from, PACKAGE_VERSION, u->took_ms);
	else
		snprintf(line, sizeof line, "refused: %s; gemeld %s goes on", u->why, PACKAGE_VERSION);
	if (!c->json || !u->done)
		server_send_line(c, u->done ? WIRE_STDOUT : WIRE_STDERR, line);
	server_send_exit(c, u->done ? CALL_EXIT_DONE : CALL_EXIT_FAILED);
}

void ctl_upgrade_done(struct ctl_server *s, uint32_t id, const struct ctl_upgrade *u)
{
	struct client *c = server_find_waiting(s, id);
	if (c)
		answer(c, u);
}

void ctl_upgrade_adopt(struct ctl_server *s, int client, bool json, const struct ctl_upgrade *u)
{
	struct client *c = server_client_new(s, client);
	if (!c)
		return;
	c->json = json;
	answer(c, u);
}
