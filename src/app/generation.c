#include "app/generation.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void generation_init(struct generation *g, uint64_t number)
{
	*g = (struct generation){ .number = number, .zones = -1, .plan = -1 };
	for (size_t i = 0; i < GENERATION_IMAGES_MAX; i++)
		g->images[i] = -1;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

void generation_deinit(struct generation *g)
{
	for (size_t i = 0; i < GENERATION_IMAGES_MAX; i++)
		close_if_open(g->images[i]);
	close_if_open(g->zones);
	close_if_open(g->plan);
	free(g->site);
	generation_init(g, 0);
}

static int take_site(struct generation *g, const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len);
	if (!copy)
		return ERR_NOMEM;
	memcpy(copy, data, len);
	free(g->site);
	g->site = copy;
	g->site_len = len;
	return 0;
}

/* Takes fds[0] into *slot. */
static int take_fd(int *slot, int *fds, size_t fd_count)
{
	if (fd_count != 1)
		return ERR_FORMAT;
	close_if_open(*slot);
	*slot = fds[0];
	fds[0] = -1;
	return 0;
}

static int take_message(struct generation *g, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	struct rbuf r;
	rbuf_init(&r, data, len);
	switch (ipc_type_get(&r)) {
	case IPC_SITE:
		return take_site(g, data, len);
	case IPC_IMAGE: {
		uint16_t index = get_u16(&r);
		if (r.failed || index >= GENERATION_IMAGES_MAX)
			return ERR_FORMAT;
		if (index >= g->image_count)
			g->image_count = index + 1u;
		return take_fd(&g->images[index], fds, fd_count);
	}
	case IPC_ZONES:
		return take_fd(&g->zones, fds, fd_count);
	case IPC_PLAN:
		return take_fd(&g->plan, fds, fd_count);
	case IPC_PLUGINS:
		g->plugins = true;
		return 0;
	default:
		return ERR_FORMAT;
	}
}

int generation_take(struct generation *g, const uint8_t *data, size_t len, int *fds, size_t fd_count)
{
	int e = take_message(g, data, len, fds, fd_count);
	for (size_t i = 0; i < fd_count; i++)
		close_if_open(fds[i]);
	return e;
}

bool generation_is_whole(const struct generation *g)
{
	for (size_t i = 0; i < g->image_count; i++)
		if (g->images[i] < 0)
			return false;
	return g->site && g->zones >= 0 && g->plan >= 0;
}

void generation_put(struct wbuf *w, enum ipc_type t, const uint16_t *index, uint64_t number)
{
	ipc_begin(w, t);
	if (index)
		put_u16(w, *index);
	if (t != IPC_PLUGINS)
		put_u64(w, number);
}

static int tell_one(const struct generation *g, generation_emit emit, void *ctx, enum ipc_type t, const uint16_t *index, int fd)
{
	uint8_t room[GENERATION_MESSAGE_MAX];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	generation_put(&w, t, index, g->number);
	return emit(ctx, w.data, w.len, fd);
}

int generation_tell(const struct generation *g, generation_emit emit, void *ctx)
{
	int e = emit(ctx, g->site, g->site_len, -1);
	for (size_t i = 0; !e && i < g->image_count; i++) {
		uint16_t index = (uint16_t)i;
		e = tell_one(g, emit, ctx, IPC_IMAGE, &index, g->images[i]);
	}
	if (!e)
		e = tell_one(g, emit, ctx, IPC_ZONES, NULL, g->zones);
	if (!e)
		e = tell_one(g, emit, ctx, IPC_PLAN, NULL, g->plan);
	return !e && g->plugins ? tell_one(g, emit, ctx, IPC_PLUGINS, NULL, -1) : e;
}

static int send_one(void *chan, const uint8_t *data, size_t len, int fd)
{
	return chan_send(chan, data, len, &fd, 1);
}

int generation_send_images(const struct generation *g, struct chan *c)
{
	for (size_t i = 0; i < g->image_count; i++) {
		uint16_t index = (uint16_t)i;
		int e = tell_one(g, send_one, c, IPC_IMAGE, &index, g->images[i]);
		if (e)
			return e;
	}
	return tell_one(g, send_one, c, IPC_ZONES, NULL, g->zones);
}

int generation_send_plan(const struct generation *g, struct chan *c)
{
	return tell_one(g, send_one, c, IPC_PLAN, NULL, g->plan);
}

int generation_send_start(const struct generation *g, struct chan *c)
{
	uint8_t room[16];
	struct wbuf w;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_START);
	put_u64(&w, g->number);
	return chan_send_buf(c, &w);
}
