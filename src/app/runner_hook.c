#include "app/runner_hook.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "app/runner.h"
#include "io/chan.h"
#include "io/plugin.h"
#include "ipc/ipc.h"

#define LINE_KEPT 100 /* octets of what a program says first, for the log */

static const char environment[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin\0LC_ALL=C";

struct run {
	struct runner_hook *hook;
	uint32_t id;
	struct plugin *plugin; /* NULL = free */
	struct event *timer;
	bool late, forgotten; /* at its time-out; nobody waits for it any more */
};
struct runner_hook {
	struct event_base *base;
	struct chan *coordinator;
	struct run runs[RUNNER_HOOKS_MAX];
};

static void tell(struct runner_hook *h, uint32_t id, enum plugin_end how, uint8_t code, bool late, const char *line)
{
	uint8_t room[LINE_KEPT + 32];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_HOOK_DONE);
	put_u32(&w, id);
	put_u8(&w, (uint8_t)how);
	put_u8(&w, code);
	put_u8(&w, late);
	put_str(&w, line);
	int e = h->coordinator ? chan_send_buf(h->coordinator, &w) : 0;
	if (e && e != ERR_IO) /* ERR_IO: it has just died, and we are about to be told */
		runner_give_up(); /* it takes no answers any more */
}

static void on_done(void *ctx, struct plugin *p, enum plugin_end how, uint8_t code, const uint8_t *output, size_t len)
{
	struct run *r = ctx;
	char line[LINE_KEPT];
	size_t n = 0;
	(void)p;
	for (; n < len && n < sizeof line - 1 && output[n] != '\n' && output[n]; n++)
		line[n] = (char)output[n];
	line[n] = '\0';
	if (!r->forgotten)
		tell(r->hook, r->id, how, code, r->late, line);
	event_free(r->timer);
	*r = (struct run){ .hook = r->hook };
}

static void on_timeout(evutil_socket_t fd, short what, void *ctx)
{
	struct run *r = ctx;
	(void)fd;
	(void)what;
	r->late = true;
	plugin_kill(r->plugin);
}

static struct run *free_run(struct runner_hook *h)
{
	for (size_t i = 0; i < RUNNER_HOOKS_MAX; i++)
		if (!h->runs[i].plugin)
			return &h->runs[i];
	return NULL;
}

static void start(struct runner_hook *h, uint32_t id, uint32_t timeout_ms, const struct plugin_words *w)
{
	struct timeval wait = { .tv_sec = timeout_ms / 1000, .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000 };
	struct run *r = free_run(h);
	uint8_t code = 0;
	if (!r) {
		tell(h, id, PLUGIN_REFUSED, 0, false, "");
		return;
	}
	*r = (struct run){ .hook = h, .id = id, .timer = evtimer_new(h->base, on_timeout, r) };
	if (!r->timer || event_add(r->timer, &wait))
		runner_give_up();
	r->plugin = plugin_start(h->base, w, on_done, r, &code);
	if (r->plugin)
		return;
	tell(h, id, PLUGIN_UNABLE, code, false, "");
	event_free(r->timer);
	*r = (struct run){ .hook = h };
}

static void on_message(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	struct runner_hook *h = ctx;
	struct rbuf m;
	struct plugin_words w = { .env = environment, .env_len = sizeof environment };
	chan_close_fds(fds, fd_count);
	rbuf_init(&m, data, len);
	if (ipc_type_get(&m) != IPC_HOOK)
		return;
	uint32_t id = get_u32(&m), timeout_ms = get_u32(&m);
	w.argv = (const char *)get_block(&m, &w.argv_len);
	w.input = get_block(&m, &w.input_len);
	if (!m.failed)
		start(h, id, timeout_ms, &w);
}

static void on_end(void *ctx)
{
	struct runner_hook *h = ctx;
	chan_free(h->coordinator);
	h->coordinator = NULL;
	for (size_t i = 0; i < RUNNER_HOOKS_MAX; i++)
		h->runs[i].forgotten = true;
}

struct runner_hook *runner_hook_new(struct event_base *base)
{
	struct runner_hook *h = calloc(1, sizeof *h);
	if (h)
		h->base = base;
	return h;
}

int runner_hook_channel(struct runner_hook *h, int fd)
{
	if (h->coordinator)
		on_end(h);
	h->coordinator = chan_new(h->base, fd, on_message, on_end, h);
	return h->coordinator ? 0 : ERR_NOMEM;
}
