/* Reading what a supervisor hands over to the next one: see handover.h. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "app/supervisor_state.h"
#include "app/takeover_state.h"
#include "io/log.h"
#include "io/memfd.h"

_Noreturn void takeover_refuse(int trial, const char *why)
{
	uint8_t room[1024];
	struct wbuf w;
	log_line(LOG_LEVEL_ERROR, "cannot take over: %s", why);
	if (trial < 0)
		exit(1);
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_TRIAL_REFUSED);
	put_str(&w, why);
	_exit(chan_send_now(trial, w.data, w.len, NULL, 0) ? 2 : 1);
}

static void take_sockets(struct supervisor *s, struct handover *h)
{
	s->sockets = (struct sockets){ .sets = h->sets, .count = h->set_count, .lock_fd = h->lock_fd, .control_path = h->control_path };
	h->sets = NULL;
	h->set_count = 0;
	h->control_path = NULL;
}

int takeover_take_messages(struct generation *g, uint64_t number, const struct handover_messages *m)
{
	generation_init(g, number);
	int e = 0;
	for (size_t i = 0; i < m->count && !e; i++) {
		int fd = m->list[i].fd;
		e = generation_take(g, m->list[i].data, m->list[i].len, &fd, fd >= 0);
	}
	return e || generation_is_whole(g) ? e : ERR_FORMAT;
}

/* The mapping stays: what was decoded points into it. */
void takeover_read(struct supervisor *s, struct handover *h, int fd, int trial)
{
	const uint8_t *data;
	size_t len;
	const char *why = "what is handed over cannot be read";
	handover_init(h);
	int e = fcntl(fd, F_SETFD, FD_CLOEXEC) ? ERR_IO : memfd_map(fd, &data, &len);
	if (e || handover_decode(h, data, len, &why))
		takeover_refuse(trial, why);
	if (handover_keep_open(h, false, trial >= 0))
		takeover_refuse(trial, "a descriptor is missing from what is handed over");
	close(fd);
	s->generations = h->generations;
	s->unsaved = h->unsaved;
	s->user = (struct spawn_user){ h->uid, h->gid };
	memcpy(s->secret, h->secret, sizeof s->secret);
	s->started_site = malloc(h->site_len);
	if (!s->started_site)
		takeover_refuse(trial, err_text(ERR_NOMEM));
	memcpy(s->started_site, h->site, h->site_len);
	s->started_site_len = h->site_len;
	s->logging = h->logging;
	s->configured = h->configured;
	s->begun = h->begun;
	s->overlay = h->overlay;
	s->overlay_adds = h->overlay_adds;
	s->overlay_foreign = true;
	if (h->ipc_version != IPC_VERSION) {
		children_keep_overlay(s, -1, false);
		s->overlay_foreign = false;
	}
	take_sockets(s, h);
	s->hold = true;
	if (trial >= 0) { /* the path is not ours to remove */
		free(s->sockets.control_path);
		s->sockets.control_path = NULL;
	}
}
