#include "app/runner.h"
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <unistd.h>
#include "app/child.h"
#include "app/logging.h"
#include "app/runner_hook.h"
#include "io/chan.h"
#include "io/plugin.h"
#include "ipc/ipc.h"

struct job {
	TAILQ_ENTRY(job) link;
	struct runner *runner;
	uint64_t id;
	struct plugin *plugin; /* NULL while it waits */
	bool forgotten;        /* nobody waits for it: its end is not told */
	size_t argv_len, env_len;
	char text[];           /* argv, then env */
};
TAILQ_HEAD(job_list, job);

struct runner {
	struct event_base *base;
	struct chan *supervisor, *prober;
	struct runner_hook *hook;
	struct job_list running, waiting;
	unsigned running_count, waiting_count;
};

void runner_give_up(void)
{
	plugin_end_all();
	exit(1);
}

/* ---- to the prober ---- */

/* One that has just died takes nothing, and we are about to be told (ERR_IO): no reason to die with it. */
static void send_to_prober(struct runner *r, const struct wbuf *w)
{
	int e = r->prober ? chan_send_buf(r->prober, w) : 0;
	if (e && e != ERR_IO)
		runner_give_up(); /* it takes no results any more */
}

static void tell_began(struct runner *r, uint64_t id)
{
	uint8_t room[16];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_RUN_BEGAN);
	put_u64(&w, id);
	send_to_prober(r, &w);
}

static void tell_ran(struct runner *r, uint64_t id, enum plugin_end how, uint8_t code, const uint8_t *output, size_t len)
{
	uint8_t room[PLUGIN_OUTPUT_KEPT + 32];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_RAN);
	put_u64(&w, id);
	put_u8(&w, (uint8_t)how);
	put_u8(&w, code);
	put_block(&w, output, len);
	send_to_prober(r, &w);
}

/* ---- plugins ---- */

static void on_done(void *ctx, struct plugin *p, enum plugin_end how, uint8_t code, const uint8_t *output, size_t len)
{
	struct job *j = ctx;
	struct runner *r = j->runner;
	(void)p;
	if (!j->forgotten)
		tell_ran(r, j->id, how, code, output, len);
	TAILQ_REMOVE(&r->running, j, link);
	r->running_count--;
	free(j);
}

static void start_some(struct runner *r)
{
	struct job *j;
	while (r->running_count < RUNNER_RUNNING_MAX && (j = TAILQ_FIRST(&r->waiting))) {
		uint8_t code = 0;
		TAILQ_REMOVE(&r->waiting, j, link);
		r->waiting_count--;
		tell_began(r, j->id);
		const struct plugin_words w = { .argv = j->text, .argv_len = j->argv_len, .env = j->text + j->argv_len, .env_len = j->env_len };
		j->plugin = plugin_start(r->base, &w, on_done, j, &code);
		if (!j->plugin) {
			tell_ran(r, j->id, PLUGIN_UNABLE, code, NULL, 0);
			free(j);
			continue;
		}
		TAILQ_INSERT_TAIL(&r->running, j, link);
		r->running_count++;
	}
}

static void on_child(evutil_socket_t sig, short what, void *ctx)
{
	(void)sig;
	(void)what;
	plugin_reap();
	start_some(ctx);
}

static void take_job(struct runner *r, struct rbuf *m)
{
	size_t argv_len, env_len;
	uint64_t id = get_u64(m);
	const uint8_t *argv = get_block(m, &argv_len), *env = get_block(m, &env_len);
	if (m->failed)
		return;
	struct job *j = r->waiting_count < RUNNER_WAITING_MAX ? malloc(sizeof *j + argv_len + env_len) : NULL;
	if (!j) {
		tell_ran(r, id, PLUGIN_REFUSED, 0, NULL, 0);
		return;
	}
	*j = (struct job){ .runner = r, .id = id, .argv_len = argv_len, .env_len = env_len };
	memcpy(j->text, argv, argv_len);
	memcpy(j->text + argv_len, env, env_len);
	TAILQ_INSERT_TAIL(&r->waiting, j, link);
	r->waiting_count++;
	start_some(r);
}

static void drop_waiting(struct runner *r, struct job *j)
{
	TAILQ_REMOVE(&r->waiting, j, link);
	r->waiting_count--;
	free(j);
}

static void end_job(struct runner *r, uint64_t id)
{
	struct job *j;
	TAILQ_FOREACH(j, &r->running, link)
		if (j->id == id) {
			j->forgotten = true;
			plugin_kill(j->plugin);
			return;
		}
	TAILQ_FOREACH(j, &r->waiting, link)
		if (j->id == id) {
			drop_waiting(r, j);
			return;
		}
}

/* ---- from the others ---- */

static void prober_message(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	struct runner *r = ctx;
	struct rbuf m;
	chan_close_fds(fds, fd_count);
	rbuf_init(&m, data, len);
	enum ipc_type t = ipc_type_get(&m);
	if (t == IPC_RUN)
		take_job(r, &m);
	else if (t == IPC_RUN_END)
		end_job(r, get_u64(&m));
}

/* Its plugins go with it, and no program of an event; a new one counts its runs anew. */
static void prober_end(void *ctx)
{
	struct runner *r = ctx;
	struct job *j;
	chan_free(r->prober);
	r->prober = NULL;
	while ((j = TAILQ_FIRST(&r->waiting)))
		drop_waiting(r, j);
	TAILQ_FOREACH(j, &r->running, link) {
		j->forgotten = true;
		plugin_kill(j->plugin);
	}
}

static void take_channel(struct runner *r, enum ipc_role role, int fd)
{
	if (role == IPC_COORDINATOR) {
		if (runner_hook_channel(r->hook, fd))
			runner_give_up();
	} else if (role == IPC_PROBER) {
		if (r->prober)
			prober_end(r);
		r->prober = chan_new(r->base, fd, prober_message, prober_end, r);
		if (!r->prober)
			runner_give_up();
	} else {
		close(fd);
	}
}

static void supervisor_message(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	struct runner *r = ctx;
	struct rbuf m;
	rbuf_init(&m, data, len);
	enum ipc_type t = ipc_type_get(&m);
	if (t == IPC_HELLO && get_u16(&m) != IPC_VERSION)
		runner_give_up();
	if (t == IPC_CHANNEL && fd_count == 1)
		take_channel(r, get_u8(&m), fds[0]);
	else
		chan_close_fds(fds, fd_count);
	struct ctl_logging logging;
	if (t == IPC_LOGGING)
		(void)logging_follow(&m, &logging);
	if (t == IPC_STOP || t == IPC_LEAVE) {
		plugin_end_all();
		exit(0);
	}
}

static void supervisor_end(void *ctx)
{
	(void)ctx;
	runner_give_up();
}

static void on_beat(evutil_socket_t fd, short what, void *ctx)
{
	struct runner *r = ctx;
	uint8_t room[CHILD_BEAT_LEN];
	struct wbuf w;
	(void)fd;
	(void)what;
	wbuf_init(&w, room, sizeof room);
	child_put_beat(&w);
	if (chan_send_buf(r->supervisor, &w))
		runner_give_up();
}

int runner_main(int channel)
{
	struct timeval every = { .tv_sec = CHILD_BEAT_MS / 1000, .tv_usec = CHILD_BEAT_MS % 1000 * 1000 };
	struct runner *r = calloc(1, sizeof *r);
	if (!r || !(r->base = event_base_new()) || !(r->hook = runner_hook_new(r->base)) || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
		return 1;
	fcntl(channel, F_SETFD, FD_CLOEXEC); /* it was left open for us: no plugin may speak to the supervisor */
	TAILQ_INIT(&r->running);
	TAILQ_INIT(&r->waiting);
	r->supervisor = chan_new(r->base, channel, supervisor_message, supervisor_end, r);
	struct event *child = evsignal_new(r->base, SIGCHLD, on_child, r), *beat = event_new(r->base, -1, EV_PERSIST, on_beat, r);
	if (!r->supervisor || !child || !beat || event_add(child, NULL) || event_add(beat, &every))
		return 1;
	child_confine(r->supervisor, IPC_RUNNER, -1);
	event_base_dispatch(r->base);
	return 1;
}
