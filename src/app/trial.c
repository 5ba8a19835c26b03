/* The trial of a new program: all of it but sockets and journal. See takeover.h. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "app/supervisor_state.h"
#include "app/takeover.h"
#include "app/takeover_state.h"

#define TRIAL_FLUSH_MS 5000

static void trial_send(struct supervisor *s, const void *data, size_t len, int fd)
{
	if (chan_send(s->trial, data, len, &fd, fd >= 0))
		_exit(1);
}

static void trial_send_buf(struct supervisor *s, const struct wbuf *w)
{
	trial_send(s, w->data, w->failed ? 0 : w->len, -1);
}

static void trial_word(struct supervisor *s, enum ipc_type t)
{
	uint8_t room[8];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, t);
	trial_send_buf(s, &w);
}

static void trial_message(void *ctx, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	(void)ctx;
	(void)data;
	(void)len;
	chan_close_fds(fds, fd_count);
}

/* Nobody tries us any more; our children end with us. */
static void trial_end(void *ctx)
{
	(void)ctx;
	_exit(1);
}

static _Noreturn void trial_refuse(struct supervisor *s, const char *why)
{
	chan_flush(s->trial, TRIAL_FLUSH_MS);
	takeover_refuse(chan_fd(s->trial), why);
}

void takeover_trial(struct supervisor *s, int fd, int trial)
{
	struct handover h;
	if (fcntl(trial, F_SETFD, FD_CLOEXEC))
		exit(1);
	takeover_read(s, &h, fd, trial);
	/* What the loader is given, so that a zone that is broken now keeps its version. */
	if (h.ipc_version == IPC_VERSION && takeover_take_messages(&s->now, h.generations, &h.generation))
		takeover_refuse(trial, "the generation in force cannot be read");
	handover_deinit(&h);
	s->trial = chan_new(s->base, trial, trial_message, trial_end, s);
	if (!s->trial)
		exit(1);
	takeover_trial_alive(s);
}

void takeover_trial_say(struct supervisor *s, uint8_t level, const char *line)
{
	uint8_t room[4200];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_TRIAL_SAY);
	put_u8(&w, level);
	put_str(&w, line);
	trial_send_buf(s, &w);
}

void takeover_trial_alive(struct supervisor *s)
{
	trial_word(s, IPC_TRIAL_ALIVE);
}

void takeover_trial_loaded(struct supervisor *s, bool taken)
{
	if (!taken)
		trial_refuse(s, "it refuses the configuration");
	supervisor_configure_logging(s);
	s->up = true;
	supervisor_tell_restart_keys(s);
	for (size_t i = 0; i < ROLE_COUNT; i++)
		if (children_wants(s, s->child[i].role))
			children_start(&s->child[i]);
}

void takeover_trial_died(struct supervisor *s, const struct child *c, int status)
{
	char why[128];
	if (WIFSIGNALED(status))
		snprintf(why, sizeof why, "its %s died of signal %d", ipc_role_text(c->role), WTERMSIG(status));
	else
		snprintf(why, sizeof why, "its %s ended with status %d", ipc_role_text(c->role), WEXITSTATUS(status));
	trial_refuse(s, why);
}

static int keep_message(void *ctx, const uint8_t *data, size_t len, int fd)
{
	struct supervisor *s = ctx;
	uint8_t room[IPC_MESSAGE_MAX];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_TRIAL_KEEP);
	put_bytes(&w, data, len);
	if (w.failed)
		return ERR_LIMIT;
	trial_send(s, w.data, w.len, fd);
	return 0;
}

static bool all_prepared(const struct supervisor *s)
{
	for (size_t i = 0; i < ROLE_COUNT; i++)
		if (children_wants(s, s->child[i].role) && !s->child[i].prepared)
			return false;
	return true;
}

void takeover_trial_check(struct supervisor *s)
{
	if (!s->up || s->saving || !all_prepared(s))
		return;
	if (generation_tell(&s->now, keep_message, s))
		trial_refuse(s, "its node block is too long to be handed over");
	trial_word(s, IPC_TRIAL_READY);
	chan_flush(s->trial, TRIAL_FLUSH_MS);
	_exit(0);
}
