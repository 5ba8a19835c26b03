/* Looking through a large image takes a tenth of a second and more: a thread does it, so that TCP and messages go on.
 *
 *     main thread ─ prepare_start(view) ─▶ thread: view_check ─ eventfd ─▶ main thread: done(view)
 */
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>
#include "app/responder_state.h"

#define NICE 5 /* while we serve: answers come first */

struct prepare {
	struct responder *r;
	struct view *view;
	bool serving;
	int fd, error;
	pthread_t thread;
	struct event *event;
	prepare_done done;
};

static void *work(void *ctx)
{
	struct prepare *p = ctx;
	const uint64_t one = 1;

	if (p->serving)
		(void)setpriority(PRIO_PROCESS, 0, NICE); /* of this thread alone, on Linux */
	p->error = view_check(p->view);
	while (write(p->fd, &one, sizeof one) != (ssize_t)sizeof one)
		; /* an eventfd takes it, but for a signal */
	return NULL;
}

static void prepare_free(struct prepare *p)
{
	if (p->event)
		event_free(p->event);
	if (p->fd >= 0)
		close(p->fd);
	free(p);
}

static void on_worked(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct prepare p = *(struct prepare *)ctx;

	pthread_join(p.thread, NULL);
	prepare_free(ctx);
	p.done(p.r, p.view, p.error);
}

int prepare_start(struct responder *r, struct view *v, prepare_done done)
{
	struct prepare *p = calloc(1, sizeof *p);

	if (!p)
		return ERR_NOMEM;
	*p = (struct prepare){ .r = r, .view = v, .serving = r->serving, .done = done, .fd = eventfd(0, EFD_CLOEXEC) };
	p->event = p->fd < 0 ? NULL : event_new(r->base, p->fd, EV_READ, on_worked, p);
	if (!p->event || event_add(p->event, NULL) || pthread_create(&p->thread, NULL, work, p)) {
		prepare_free(p);
		return ERR_NOMEM;
	}
	return 0;
}
