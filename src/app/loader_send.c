/* What the loader tells the supervisor. See loader_state.h. */
#include "app/loader_state.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/generation.h"
#include "app/site.h"
#include "io/chan.h"
#include "io/clock.h"

#define DIAG_LINE_MAX 4000 /* octets of a fault that are passed on */
#define PLAN_BYTES_MAX ((size_t)8 << 30)
#define PROGRESS_AFTER_MS 500 /* a load that is done by then needs no telling */
#define PROGRESS_EVERY_MS 200

static int send_fd(struct loader *l, enum ipc_type t, const uint16_t *index, int fd)
{
	uint8_t room[GENERATION_MESSAGE_MAX];
	struct wbuf w;

	wbuf_init(&w, room, sizeof room);
	generation_put(&w, t, index, l->generation);
	return w.failed ? ERR_SHORT : chan_send_now(l->channel, room, w.len, &fd, 1);
}

/* A memfd of its own for data, sent and closed. */
static int send_data(struct loader *l, enum ipc_type t, const char *name, const void *data, size_t len)
{
	int fd = memfd_sealed(name, data, len);
	int e = fd < 0 ? ERR_IO : send_fd(l, t, NULL, fd);

	if (fd >= 0)
		close(fd);
	return e;
}

int loader_send_plain(struct loader *l, enum ipc_type t)
{
	uint8_t room[8];
	struct wbuf w;

	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, t);
	return chan_send_now(l->channel, room, w.len, NULL, 0);
}

int loader_send_diags(struct loader *l, const struct diags *d)
{
	uint8_t room[DIAG_LINE_MAX + 64];
	char line[DIAG_LINE_MAX];
	struct wbuf w;
	int e = 0;

	for (size_t i = 0; i < d->count && !e; i++) {
		diag_format(&d->list[i], line, sizeof line);
		wbuf_init(&w, room, sizeof room);
		ipc_begin(&w, IPC_DIAG);
		put_u8(&w, (uint8_t)d->list[i].level);
		put_str(&w, line);
		put_u64(&w, l->conf ? conf_text_digest(l->conf) : 0);
		e = w.failed ? ERR_SHORT : chan_send_now(l->channel, room, w.len, NULL, 0);
	}
	return e;
}

int loader_send_site(struct loader *l)
{
	struct bytes b;
	int e;

	bytes_init(&b, IPC_MESSAGE_MAX);
	site_put(&b, l->plan);
	e = b.failed ? ERR_LIMIT : chan_send_now(l->channel, b.data, b.len, NULL, 0);
	bytes_deinit(&b);
	return e;
}

int loader_send_images(struct loader *l)
{
	int e = 0;

	for (int next = 0; !e; next++) {
		size_t i = 0;
		uint16_t index = (uint16_t)next;

		while (i < l->set.count && l->set.list[i].sent_as != next)
			i++;
		if (i == l->set.count)
			break;
		if (l->set.list[i].fd < 0)
			l->set.list[i].fd = memfd_sealed("gemel-image", l->set.list[i].data, l->set.list[i].len);
		e = l->set.list[i].fd < 0 ? ERR_IO : send_fd(l, IPC_IMAGE, &index, l->set.list[i].fd);
	}
	return e;
}

int loader_send_zones(struct loader *l)
{
	struct answer_zone_ref *refs = calloc(l->zone_count + 1, sizeof *refs);
	int e;

	if (!refs)
		return ERR_NOMEM;
	for (size_t i = 0; i < l->zone_count; i++) {
		refs[i].image = (uint16_t)l->set.list[l->refs[i].image].sent_as;
		refs[i].zone = l->refs[i].zone;
		refs[i].stamp = l->refs[i].stamp;
	}
	e = send_data(l, IPC_ZONES, "gemel-zones", refs, l->zone_count * sizeof *refs);
	free(refs);
	return e;
}

static bool wants_runner(const struct plan *p)
{
	bool wants = p->nodes[p->self].hook.argv_len > 0;

	for (uint32_t i = 0; i < p->script_count; i++)
		wants |= p->scripts[i].plugins;
	return wants;
}

int loader_send_plan(struct loader *l)
{
	struct bytes b;
	int e;

	bytes_init(&b, PLAN_BYTES_MAX);
	e = plan_encode(&b, l->plan);
	if (!e)
		e = send_data(l, IPC_PLAN, "gemel-plan", b.data, b.len);
	if (!e && wants_runner(l->plan))
		e = loader_send_plain(l, IPC_PLUGINS);
	if (b.data)
		explicit_bzero(b.data, b.len); /* the twins' key is in it */
	bytes_deinit(&b);
	return e;
}

int loader_send_done(struct loader *l, uint8_t status)
{
	uint8_t room[8];
	struct wbuf w;

	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_DONE);
	put_u8(&w, status);
	return chan_send_now(l->channel, room, w.len, NULL, 0);
}

/* For who waits; nothing depends on it. */
void loader_tell_progress(struct loader *l, size_t records)
{
	uint64_t now = clock_mono_ms();
	uint8_t room[32];
	struct wbuf w;

	if (now - l->began_ms < PROGRESS_AFTER_MS || now - l->told_ms < PROGRESS_EVERY_MS)
		return;
	l->told_ms = now;
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_PROGRESS);
	put_u32(&w, (uint32_t)l->loaded);
	put_u32(&w, (uint32_t)l->zone_count);
	put_u64(&w, l->records + records);
	(void)!chan_send_now(l->channel, room, w.len, NULL, 0); /* that the supervisor is gone shows soon enough */
}

void loader_on_progress(void *ctx, size_t records)
{
	loader_tell_progress(ctx, records);
}
