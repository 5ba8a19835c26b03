/* A probe's plugin: asked of the runner, since the prober may execute nothing.
 *
 *     RUN(id) ─▶ waits for its turn ─▶ RUN_BEGAN ─▶ waits for its end ─▶ RAN ─▶ answer
 *                                          a deadline on the way: RUN_END, and the runner kills it
 */
#include <stdlib.h>
#include <string.h>
#include "io/chan.h"
#include "io/plugin.h"
#include "io/probe_state.h"
#include "ipc/ipc.h"

#define RUN_WIRE_MAX 40000 /* a request: what script/plugin.c allows, and room for the rest */

struct ride {
	struct probe_side side;
	LIST_ENTRY(ride) link;
	struct probe *probe;
	struct probe_runner *runner; /* NULL once it ended there */
	uint64_t id;
	uint8_t output[PLUGIN_OUTPUT_KEPT];
};
struct probe_runner {
	struct chan *chan; /* NULL: it is gone */
	LIST_HEAD(, ride) rides;
	uint64_t ids;
};

static int send_id(struct probe_runner *r, enum ipc_type t, uint64_t id)
{
	uint8_t room[16];
	struct wbuf w;

	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, t);
	put_u64(&w, id);
	return r->chan != NULL ? chan_send_buf(r->chan, &w) : 0;
}

/* From here on the runner knows nothing of it. */
static void ride_leave(struct ride *d)
{
	if (d->runner == NULL)
		return;
	LIST_REMOVE(d, link);
	d->runner = NULL;
}

static void ride_free(struct probe_side *side)
{
	struct ride *d = (struct ride *)side;
	int error = d->runner != NULL ? send_id(d->runner, IPC_RUN_END, d->id) : 0;

	if (error != 0 && error != ERR_IO) /* ERR_IO: it has just died, and we are about to be told */
		exit(1); /* a runner that takes no word any more: begin anew, it ends with us */
	ride_leave(d);
}

static void no_socket(struct probe *p)
{
	(void)p;
}

/* ---- from the runner ---- */

static void ended(struct ride *d, uint8_t how, uint8_t code, const uint8_t *output, size_t len)
{
	struct script_answer a = { .reason = HEALTH_OK, .status = how == PLUGIN_KILLED ? -(int)code : code };
	struct probe *p = d->probe;

	ride_leave(d);
	a.data = (const char *)d->output;
	a.len = len < sizeof d->output ? len : sizeof d->output;
	if (a.len > 0)
		memcpy(d->output, output, a.len);
	switch (how) {
	case PLUGIN_EXITED:
	case PLUGIN_KILLED:
		probe_answer(p, &a);
		break;
	case PLUGIN_FLOODED:
		probe_fail(p, HEALTH_CHECK_SAID_UNKNOWN, "the plugin wrote more than %d octets", PLUGIN_OUTPUT_MAX);
		break;
	case PLUGIN_UNABLE:
		probe_fail(p, HEALTH_CHECK_IMPOSSIBLE, "the plugin cannot be run: %s", strerror(code));
		break;
	default:
		probe_fail(p, HEALTH_LOCAL_ERROR, "too many plugins wait");
		break;
	}
}

static void on_message(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	struct probe_runner *r = ctx;
	struct ride *d;
	struct rbuf m;
	enum ipc_type t;
	uint64_t id;
	uint8_t how, code;
	size_t n = 0;
	const uint8_t *output;

	chan_close_fds(fds, fd_count);
	rbuf_init(&m, data, len);
	t = ipc_type_get(&m);
	id = get_u64(&m);
	LIST_FOREACH(d, &r->rides, link)
		if (d->id == id)
			break;
	if (m.failed || d == NULL)
		return; /* it ended meanwhile */
	if (t == IPC_RUN_BEGAN)
		d->probe->wait = PROBE_WAIT_RUN;
	if (t != IPC_RAN)
		return;
	how = get_u8(&m);
	code = get_u8(&m);
	output = get_block(&m, &n);
	if (!m.failed)
		ended(d, how, code, output, n);
}

static void on_end(void *ctx)
{
	struct probe_runner *r = ctx;
	struct ride *d;

	chan_free(r->chan);
	r->chan = NULL;
	while ((d = LIST_FIRST(&r->rides)) != NULL) {
		ride_leave(d);
		probe_fail(d->probe, HEALTH_LOCAL_ERROR, "the runner died");
	}
}

struct probe_runner *probe_runner_new(struct event_base *base, int fd)
{
	struct probe_runner *r = calloc(1, sizeof *r);

	if (r != NULL)
		r->chan = chan_new(base, fd, on_message, on_end, r);
	if (r == NULL || r->chan == NULL) {
		free(r);
		return NULL;
	}
	LIST_INIT(&r->rides);
	return r;
}

void probe_runner_free(struct probe_runner *r)
{
	if (r == NULL)
		return;
	on_end(r);
	free(r);
}

void probe_run_begin(struct probe *p)
{
	struct probe_runner *r = p->set->runner;
	uint8_t room[RUN_WIRE_MAX];
	struct ride *d;
	struct wbuf w;

	if (r == NULL || r->chan == NULL) {
		probe_fail(p, HEALTH_LOCAL_ERROR, "there is no runner yet");
		return;
	}
	d = probe_side_new(p, sizeof *d, no_socket, ride_free);
	if (d == NULL)
		return;
	d->probe = p;
	d->id = ++r->ids;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_RUN);
	put_u64(&w, d->id);
	put_block(&w, p->req.data, p->req.len);
	put_block(&w, p->req.env, p->req.env_len);
	if (chan_send_buf(r->chan, &w) != 0) {
		probe_fail(p, HEALTH_LOCAL_ERROR, "the runner takes no more");
		return;
	}
	d->runner = r;
	LIST_INSERT_HEAD(&r->rides, d, link);
	p->wait = PROBE_WAIT_TURN;
}
