/* The control socket: one request a connection, then the reply, then the end.
 *
 *     READING ──request──▶ verb ──answered──────────────────────────▶ REPLYING ──all written──▶ gone
 *        │                   ├──command, reload──▶ WAITING ──done───────▲
 *        │                   ├──upgrade──▶ WAITING: who takes over answers on it (upgrade.c)
 *        │                   ├──what-if──▶ HANDED_OVER: the host goes on with the connection
 *        │                   └──events -f──▶ FOLLOWING ──reads too slowly─▲     (follow.c)
 *        └─ garbage: an error reply ────────────────────────────────────┘
 *     gone too: the client left (forgotten; what it asked for goes on), or a deadline passed
 *
 * Nothing here blocks and nothing trusts a client: the request is bounded, reading and replying have deadlines, the octets that
 * wait for slow readers are bounded over all clients, and a full house shows the eldest idle client the door.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/diag.h"
#include "ctl/ctl.h"
#include "ctl/probe.h"
#include "ctl/server_state.h"

#define REQUEST_S 5          /* for a request to be there as a whole: gemelctl sends it at once */
#define REPLY_S 60           /* for a reply to be read as a whole */
#define QUEUED_MAX (128u << 20) /* octets waiting for all clients together: two of the largest replies */
#define DIAGS_MAX 2000       /* lines of one reload: configuration and zones tell at most 1000 each */
#define PASSWD_ROOM 4096

/* ---- clients ---- */

static void client_free(struct client *c)
{
	TAILQ_REMOVE(&c->s->clients, c, link);
	c->s->count--;
	bufferevent_free(c->io);
	event_free(c->deadline);
	bytes_deinit(&c->diags);
	if (c->probe)
		ctl_probe_deinit(c->probe);
	free(c->probe);
	free(c);
}

/* Out it goes, and what it asked for as its last wish is done. */
static void client_end(struct client *c)
{
	struct ctl_actions a = c->s->actions;
	bool stop = c->stop;
	client_free(c);
	if (stop)
		a.stop(a.ctx);
}

void server_set_deadline(struct client *c, int seconds)
{
	struct timeval tv = { .tv_sec = seconds };
	if (seconds)
		event_add(c->deadline, &tv);
	else
		event_del(c->deadline);
}

/* ---- replies ---- */

void server_send_frame(struct client *c, enum wire_frame kind, const void *data, size_t len)
{
	uint8_t head[WIRE_FRAME_HEAD];
	head[0] = (uint8_t)kind;
	store_u32(head + 1, (uint32_t)len);
	bufferevent_write(c->io, head, sizeof head);
	bufferevent_write(c->io, data, len);
}

void server_send_line(struct client *c, enum wire_frame kind, const char *text)
{
	struct bytes line;
	bytes_init(&line, CTL_REQUEST_MAX);
	doc_clean(&line, text, strlen(text));
	bytes_u8(&line, '\n');
	if (!line.failed)
		server_send_frame(c, kind, line.data, line.len);
	bytes_deinit(&line);
}

void server_send_exit(struct client *c, int status)
{
	uint8_t octet = (uint8_t)status;
	server_send_frame(c, WIRE_EXIT, &octet, 1);
	c->state = REPLYING;
	server_set_deadline(c, REPLY_S);
}

void server_send_refusal(struct client *c, int status, const char *text)
{
	char line[CALL_ERROR_MAX + 16];
	snprintf(line, sizeof line, "gemelctl: %s", text);
	server_send_line(c, WIRE_STDERR, line);
	server_send_exit(c, status);
}

static size_t queued(const struct ctl_server *s)
{
	size_t n = 0;
	const struct client *c;
	TAILQ_FOREACH(c, &s->clients, link)
		n += evbuffer_get_length(bufferevent_get_output(c->io));
	return n;
}

static void release(const void *data, size_t len, void *ctx)
{
	(void)len;
	(void)ctx;
	free((void *)(uintptr_t)data);
}

/* Ends the document and sends it, without copying what may be large. */
static bool send_doc(struct client *c, struct doc *d)
{
	uint8_t head[WIRE_FRAME_HEAD] = { WIRE_STDOUT };
	struct evbuffer *out = bufferevent_get_output(c->io);
	if (doc_end(d) < 0) {
		server_send_refusal(c, CALL_EXIT_FAILED, "out of memory, or too much to say at once");
		return false;
	}
	if (queued(c->s) + d->out.len > QUEUED_MAX) {
		server_send_refusal(c, CALL_EXIT_FAILED, "too many clients have not read their replies yet; try again");
		return false;
	}
	if (!d->out.len)
		return true;
	store_u32(head + 1, (uint32_t)d->out.len);
	bufferevent_write(c->io, head, sizeof head);
	if (evbuffer_add_reference(out, d->out.data, d->out.len, release, NULL) == 0)
		d->out.data = NULL;
	else
		bufferevent_write(c->io, d->out.data, d->out.len);
	return true;
}

/* ---- requests ---- */

/* uid → name. root, the usual one, is known without asking; others may cost a look into the user database. */
static void name_author(struct client *c)
{
	struct ucred who;
	socklen_t len = sizeof who;
	struct passwd p, *found = NULL;
	char room[PASSWD_ROOM];
	if (getsockopt(bufferevent_getfd(c->io), SOL_SOCKET, SO_PEERCRED, &who, &len))
		snprintf(c->author, sizeof c->author, "unknown");
	else if (who.uid == 0)
		snprintf(c->author, sizeof c->author, "root");
	else if (getpwuid_r(who.uid, &p, room, sizeof room, &found) == 0 && found)
		snprintf(c->author, sizeof c->author, "%s", p.pw_name);
	else
		snprintf(c->author, sizeof c->author, "uid:%lu", (unsigned long)who.uid);
}

static uint32_t next_id(struct ctl_server *s)
{
	if (++s->last_id == CTL_HTTP_IDS) /* 0 is nobody's: a reload by signal */
		s->last_id = 1;
	return s->last_id;
}

void server_start_wait(struct client *c, const struct call *call)
{
	c->state = WAITING;
	c->id = next_id(c->s);
	server_set_deadline(c, 0); /* the host's own deadlines hold */
	snprintf(c->what, sizeof c->what, "%s", call->command.selector);
}

static void ask_command(struct client *c, struct call *call)
{
	name_author(c);
	server_start_wait(c, call);
	call->command.id = c->id;
	memcpy(call->command.author, c->author, sizeof call->command.author);
	c->s->actions.command(c->s->actions.ctx, &call->command); /* may answer before it returns */
}

static void ask_reload(struct client *c, const struct call *call)
{
	const struct client *other;
	TAILQ_FOREACH(other, &c->s->clients, link)
		if (other->state == WAITING && other->reloading) {
			server_send_refusal(c, CALL_EXIT_FAILED, "a reload is running already");
			return;
		}
	server_start_wait(c, call);
	c->reloading = true;
	c->s->actions.reload(c->s->actions.ctx, c->id);
}

static void ask_upgrade(struct client *c, const struct call *call)
{
	const struct ctl_actions *a = &c->s->actions;
	int fd = a->upgrade ? fcntl(bufferevent_getfd(c->io), F_DUPFD_CLOEXEC, 0) : -1;
	if (fd < 0) {
		server_send_refusal(c, CALL_EXIT_FAILED, a->upgrade ? "out of descriptors; try again" : "this server cannot do that");
		return;
	}
	server_start_wait(c, call);
	a->upgrade(a->ctx, c->id, c->json, fd);
}

static void ask_what_if(struct client *c, const struct wire_request *r)
{
	const struct ctl_actions *a = &c->s->actions;
	struct evbuffer *in = bufferevent_get_input(c->io);
	struct ctl_what_if ask = { .json = c->json, .colour = r->colour, .width = r->width };
	const uint8_t *data = evbuffer_pullup(in, -1); /* the whole of it: the request is in there */
	const char *refused = "this server cannot do that";
	if (a->what_if && data) {
		ask.begun = data + r->used;
		ask.begun_len = evbuffer_get_length(in) - r->used;
		ask.fd = fcntl(bufferevent_getfd(c->io), F_DUPFD_CLOEXEC, 0);
		refused = ask.fd < 0 ? "out of descriptors; try again" : a->what_if(a->ctx, &ask);
	}
	if (refused)
		server_send_refusal(c, CALL_EXIT_FAILED, refused);
	else
		c->state = HANDED_OVER;
}

static void carry_out(struct client *c, struct call *call, const struct wire_request *r)
{
	struct ctl_host h;
	struct doc d;
	c->json |= call->option[OPTION_JSON] != NULL;
	c->s->actions.host(c->s->actions.ctx, &h);
	bool plugin = call->option[OPTION_CHECK] != NULL; /* its line is what it is */
	doc_init(&d, c->json && !plugin ? DOC_JSON : DOC_PEOPLE, r->colour, r->width, CTL_REPLY_MAX);
	enum call_next next = call_run(call, &h, &d);
	if (next == CALL_COMMAND)
		ask_command(c, call);
	else if (next == CALL_RELOAD)
		ask_reload(c, call);
	else if (next == CALL_EVENTS)
		follow_begin(c, call, &h);
	else if (next == CALL_PROBE)
		server_ask_probe(c, call, &h);
	else if (next == CALL_WHAT_IF)
		ask_what_if(c, r);
	else if (next == CALL_UPGRADE)
		ask_upgrade(c, call);
	else if (*call->error)
		server_send_refusal(c, call->exit, call->error);
	else if (send_doc(c, &d)) {
		c->stop = next == CALL_STOP;
		if (next == CALL_LOGGING)
			c->s->actions.logging(c->s->actions.ctx, &call->logging);
		server_send_exit(c, call->exit);
	}
	doc_deinit(&d);
}

static void take_request(struct client *c, struct wire_request *r)
{
	struct call call;
	c->json = r->json;
	int e = call_parse(&call, r->argc, r->argv);
	if (!e)
		snprintf(c->verb, sizeof c->verb, "%s", r->argv[0]);
	if (e)
		server_send_refusal(c, e, call.error);
	else
		carry_out(c, &call, r);
}

static void on_read(struct bufferevent *io, void *ctx)
{
	struct client *c = ctx;
	struct evbuffer *in = bufferevent_get_input(io);
	size_t len = evbuffer_get_length(in);
	if (c->state != READING) { /* nobody asked for more */
		evbuffer_drain(in, len);
		return;
	}
	struct wire_request *r = malloc(sizeof *r);
	const uint8_t *data = evbuffer_pullup(in, -1);
	if (!r || !data) {
		free(r);
		client_end(c);
		return;
	}
	int e = wire_request_get(r, data, len);
	if (e == 0)
		take_request(c, r);
	else if (e != ERR_SHORT || len > CTL_REQUEST_MAX)
		server_send_refusal(c, CALL_EXIT_USAGE, "this is no request of gemelctl");
	free(r);
	if (c->state == HANDED_OVER)
		client_end(c); /* only our end of it */
	else if (c->state != READING)
		evbuffer_drain(in, len);
}

static void on_written(struct bufferevent *io, void *ctx)
{
	struct client *c = ctx;
	if (c->state == REPLYING && evbuffer_get_length(bufferevent_get_output(io)) == 0)
		client_end(c);
}

static void on_event(struct bufferevent *io, short what, void *ctx)
{
	(void)io;
	struct client *c = ctx;
	/* Who shut its sending side only still reads its reply. */
	if ((what & BEV_EVENT_ERROR) || ((what & BEV_EVENT_EOF) && c->state != REPLYING))
		client_end(c);
}

static void on_deadline(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	client_end(ctx);
}

/* ---- newcomers ---- */

static bool make_room(struct ctl_server *s)
{
	struct client *c;
	TAILQ_FOREACH(c, &s->clients, link)
		if (c->state != WAITING && c->state != FOLLOWING) { /* of those there are few: FOLLOWERS_MAX */
			client_end(c);
			return true;
		}
	return false;
}

struct client *server_client_new(struct ctl_server *s, int fd)
{
	struct client *c = NULL;
	if (s->count < CTL_CLIENTS_MAX || make_room(s))
		c = calloc(1, sizeof *c);
	if (!c) {
		evutil_closesocket(fd);
		return NULL;
	}
	c->s = s;
	c->state = READING;
	bytes_init(&c->diags, CTL_REPLY_MAX);
	c->io = bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);
	c->deadline = evtimer_new(s->base, on_deadline, c);
	if (!c->io || !c->deadline) {
		if (c->io)
			bufferevent_free(c->io);
		else
			evutil_closesocket(fd);
		if (c->deadline)
			event_free(c->deadline);
		free(c);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&s->clients, c, link);
	s->count++;
	bufferevent_setcb(c->io, on_read, on_written, on_event, c);
	bufferevent_setwatermark(c->io, EV_READ, 0, CTL_REQUEST_MAX + 1);
	server_set_deadline(c, REQUEST_S);
	bufferevent_enable(c->io, EV_READ | EV_WRITE);
	return c;
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *a, int len, void *ctx)
{
	(void)l;
	(void)a;
	(void)len;
	(void)server_client_new(ctx, fd);
}

/* Out of descriptors: the queue would wake us without end, so rest a moment. */
static void on_accept_error(struct evconnlistener *l, void *ctx)
{
	struct ctl_server *s = ctx;
	struct timeval tv = { .tv_usec = 100 * 1000 };
	evconnlistener_disable(l);
	event_add(s->resume, &tv);
}

static void on_resume(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct ctl_server *s = ctx;
	evconnlistener_enable(s->listener);
}

struct ctl_server *ctl_server_new(struct event_base *base, int listen_fd, const struct ctl_actions *a)
{
	struct ctl_server *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->base = base;
	s->actions = *a;
	TAILQ_INIT(&s->clients);
	evutil_make_socket_nonblocking(listen_fd);
	s->resume = evtimer_new(base, on_resume, s);
	if (s->resume) /* listens already: backlog 0 leaves it so */
		s->listener = evconnlistener_new(base, on_accept, s, LEV_OPT_CLOSE_ON_EXEC, 0, listen_fd);
	if (!s->listener) {
		if (s->resume)
			event_free(s->resume);
		free(s);
		return NULL;
	}
	evconnlistener_set_error_cb(s->listener, on_accept_error);
	return s;
}

void ctl_server_rest(struct ctl_server *s)
{
	event_del(s->resume);
	evconnlistener_disable(s->listener);
}

void ctl_server_free(struct ctl_server *s)
{
	if (!s)
		return;
	for (struct client *c; (c = TAILQ_FIRST(&s->clients));)
		client_free(c);
	evconnlistener_free(s->listener);
	event_free(s->resume);
	free(s);
}

/* ---- what the host tells later ---- */

struct client *server_find_waiting(struct ctl_server *s, uint32_t id)
{
	struct client *c;
	TAILQ_FOREACH(c, &s->clients, link)
		if (id && c->state == WAITING && c->id == id)
			return c;
	return NULL; /* it left, or nobody asked */
}

/* JSON: {"verb":"down","what":"192.0.2.1","message":"…"} */
void ctl_command_done(struct ctl_server *s, uint32_t id, bool refused, const char *text)
{
	struct client *c = server_find_waiting(s, id);
	struct doc d;
	if (!c)
		return;
	if (refused) {
		server_send_refusal(c, CALL_EXIT_FAILED, text);
		return;
	}
	if (!c->json) {
		server_send_line(c, WIRE_STDOUT, text);
		server_send_exit(c, CALL_EXIT_DONE);
		return;
	}
	doc_init(&d, DOC_JSON, false, 0, CTL_REPLY_MAX);
	doc_text(&d, "verb", c->verb);
	doc_text(&d, "what", c->what);
	doc_text(&d, "message", text);
	if (send_doc(c, &d))
		server_send_exit(c, CALL_EXIT_DONE);
	doc_deinit(&d);
}

void ctl_reload_progress(struct ctl_server *s, uint32_t id, const char *line)
{
	struct client *c = server_find_waiting(s, id);
	/* Who does not read gets no more of it: nothing is lost. */
	if (c && !c->json && evbuffer_get_length(bufferevent_get_output(c->io)) == 0)
		server_send_line(c, WIRE_PROGRESS, line);
}

void ctl_reload_diag(struct ctl_server *s, uint32_t id, uint8_t level, const char *line)
{
	struct client *c = server_find_waiting(s, id);
	if (!c || c->diag_count == DIAGS_MAX)
		return;
	c->diag_count++;
	if (c->json) {
		bytes_u8(&c->diags, level);
		bytes_add(&c->diags, line, strlen(line) + 1);
	} else {
		server_send_line(c, WIRE_STDERR, line);
	}
}

/* JSON: {"verb":"reload","result":"taken","generation":2,"faults":[{"level":"error","text":"demo.lua:3: …"}]}
 * result: taken, partly, refused; level: error, warning */
static bool send_reload_doc(struct client *c, const char *result)
{
	struct ctl_host h;
	struct doc d;
	c->s->actions.host(c->s->actions.ctx, &h);
	doc_init(&d, DOC_JSON, false, 0, CTL_REPLY_MAX);
	doc_text(&d, "verb", c->verb);
	doc_text(&d, "result", result);
	doc_uint(&d, "generation", core_plan(h.core)->generation);
	doc_list(&d, "faults");
	for (size_t at = 0; at < c->diags.len;) {
		const char *line = (const char *)c->diags.data + at + 1;
		doc_row(&d);
		doc_text(&d, "level", c->diags.data[at] == DIAG_ERROR ? "error" : "warning");
		doc_text(&d, "text", line);
		doc_row_end(&d);
		at += strlen(line) + 2;
	}
	doc_list_end(&d);
	bool sent = send_doc(c, &d);
	doc_deinit(&d);
	return sent;
}

void ctl_reload_done(struct ctl_server *s, uint32_t id, int status)
{
	static const char *const results[] = { "taken", "partly", "refused" };
	static const char *const lines[] = { "reloaded", "reloaded, but faulty zones keep their old version",
					     "refused: the running configuration stays" };
	struct client *c = server_find_waiting(s, id);
	if (!c)
		return;
	if (status < 0 || status > 2)
		status = 2;
	if (c->json && !send_reload_doc(c, results[status]))
		return;
	if (status || !c->json)
		server_send_line(c, status ? WIRE_STDERR : WIRE_STDOUT, lines[status]);
	server_send_exit(c, status ? CALL_EXIT_FAILED : CALL_EXIT_DONE);
}
