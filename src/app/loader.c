/* See loader.h.
 *
 *     file as it was (same stamp)   ─▶ is not read
 *     zone unchanged (same digest)  ─▶ stays in the image that holds it
 *     zone changed                  ─▶ compiled into a new image, with all others that changed
 *     zone broken                   ─▶ the version served now, the snapshot's, or SERVFAIL
 */
#include "app/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "app/confine.h"
#include "app/imageset.h"
#include "app/site.h"
#include "app/snapshot.h"
#include "conf/conf.h"
#include "io/chan.h"
#include "io/clock.h"
#include "io/memfd.h"
#include "io/tls.h"
#include "ipc/ipc.h"

#define DIAG_LINE_MAX 4000 /* octets of a fault that are passed on */
#define PLAN_BYTES_MAX ((size_t)8 << 30)

struct loader {
	int channel;
	const char *file, *node;
	uint64_t generation;
	struct imageset set;
	void *snapshot; /* memory of its images */
	struct conf *conf;
	struct plan *plan;
	struct diags faults, zone_faults; /* of the configuration; of zones */
	bool worn;                        /* build every zone anew */
	struct answer_zone_ref *refs;     /* one a zone: where it is served from */
	size_t zone_count;
	struct image_builder *builder;
	struct memfd_room room; /* that it builds in */
	uint32_t built;         /* zones in it */
	bool from_snapshot;
	bool unsaved; /* the snapshot is not what is served now */
	uint64_t began_ms, told_ms; /* progress */
	size_t loaded, records;     /* zones; records read of them */
};

#define PROGRESS_AFTER_MS 2000 /* a load that is done by then needs no telling */
#define PROGRESS_EVERY_MS 500

/* ---- from the supervisor ---- */

static int take_zones(struct loader *l, int fd)
{
	const uint8_t *data = NULL;
	const struct answer_zone_ref *refs;
	size_t len = 0;
	int e = memfd_map(fd, &data, &len);

	close(fd);
	if (e)
		return e == ERR_FORMAT ? 0 : e; /* empty: no zones were served */
	refs = (const struct answer_zone_ref *)(const void *)data;
	for (size_t i = 0; i < len / sizeof *refs && !e; i++)
		e = imageset_know(&l->set, &refs[i]);
	memfd_unmap(data, len);
	return e;
}

/* An image that cannot be used shifts the others' places: then all of them are useless, and all zones are built
 * anew. */
static int take_image(struct loader *l, struct rbuf *r, int fd)
{
	uint16_t index = get_u16(r);

	if (r->failed || index != l->set.count || l->set.count >= ANSWER_IMAGES_MAX) {
		close(fd);
		return 0;
	}
	(void)imageset_take_fd(&l->set, fd, true);
	return 0;
}

static int take_message(struct loader *l, const uint8_t *data, size_t len, const int *fds, size_t fd_count, bool *start)
{
	struct rbuf r;

	rbuf_init(&r, data, len);
	switch (ipc_type_get(&r)) {
	case IPC_HELLO:
		chan_close_fds(fds, fd_count);
		return get_u16(&r) == IPC_VERSION ? 0 : ERR_VERSION;
	case IPC_IMAGE:
		return fd_count == 1 ? take_image(l, &r, fds[0]) : ERR_FORMAT;
	case IPC_ZONES:
		return fd_count == 1 ? take_zones(l, fds[0]) : ERR_FORMAT;
	case IPC_START:
		chan_close_fds(fds, fd_count);
		*start = true;
		return 0;
	case IPC_UNSAVED:
		chan_close_fds(fds, fd_count);
		l->unsaved = true;
		return 0;
	default:
		chan_close_fds(fds, fd_count);
		return 0;
	}
}

static int receive(struct loader *l)
{
	uint8_t *room = malloc(IPC_MESSAGE_MAX);
	bool start = false;
	int e = room ? 0 : ERR_NOMEM;

	while (!e && !start) {
		int fds[IPC_FDS_MAX];
		size_t len, fd_count = IPC_FDS_MAX;

		e = chan_recv_now(l->channel, room, IPC_MESSAGE_MAX, &len, fds, &fd_count);
		if (!e)
			e = take_message(l, room, len, fds, fd_count, &start);
	}
	free(room);
	return e;
}

/* ---- to the supervisor ---- */

static int send_fd(struct loader *l, enum ipc_type t, const uint16_t *index, int fd)
{
	uint8_t room[32];
	struct wbuf w;

	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, t);
	if (index)
		put_u16(&w, *index);
	put_u64(&w, l->generation);
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

static int send_diags(struct loader *l, const struct diags *d)
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

static int send_site(struct loader *l)
{
	struct bytes b;
	int e;

	bytes_init(&b, IPC_MESSAGE_MAX);
	site_put(&b, l->plan);
	e = b.failed ? ERR_LIMIT : chan_send_now(l->channel, b.data, b.len, NULL, 0);
	bytes_deinit(&b);
	return e;
}

static int send_images(struct loader *l)
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

static int send_zones(struct loader *l)
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

static int send_plugins(struct loader *l)
{
	uint8_t room[8];
	struct wbuf w;

	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_PLUGINS);
	return chan_send_now(l->channel, w.data, w.len, NULL, 0);
}

static bool wants_runner(const struct plan *p)
{
	bool wants = p->nodes[p->self].hook.argv_len > 0;

	for (uint32_t i = 0; i < p->script_count; i++)
		wants |= p->scripts[i].plugins;
	return wants;
}

static int send_plan(struct loader *l)
{
	struct bytes b;
	int e;

	bytes_init(&b, PLAN_BYTES_MAX);
	e = plan_encode(&b, l->plan);
	if (!e)
		e = send_data(l, IPC_PLAN, "gemel-plan", b.data, b.len);
	if (!e && wants_runner(l->plan))
		e = send_plugins(l);
	if (b.data)
		explicit_bzero(b.data, b.len); /* the twins' key is in it */
	bytes_deinit(&b);
	return e;
}

static int send_plain(struct loader *l, enum ipc_type t)
{
	uint8_t room[8];
	struct wbuf w;

	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, t);
	return chan_send_now(l->channel, room, w.len, NULL, 0);
}

static int send_done(struct loader *l, uint8_t status)
{
	uint8_t room[8];
	struct wbuf w;

	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_DONE);
	put_u8(&w, status);
	return chan_send_now(l->channel, room, w.len, NULL, 0);
}

/* For who waits; nothing depends on it. */
static void tell_progress(struct loader *l, size_t records)
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

static void on_progress(void *ctx, size_t records)
{
	tell_progress(ctx, records);
}

/* ---- zones ---- */

static int start_builder(struct loader *l)
{
	int e;

	l->built = 0;
	if (l->builder)
		return 0;
	e = memfd_room_init(&l->room, "gemel-image", UINT32_MAX); /* what its offsets reach */
	if (!e)
		e = image_builder_new_in(&l->builder, &l->set.key, &l->room.room);
	if (e)
		memfd_room_deinit(&l->room);
	return e;
}

static void free_builder(struct loader *l)
{
	image_builder_free(l->builder);
	l->builder = NULL;
	memfd_room_deinit(&l->room);
}

/* The builder's image becomes one of the set, in the place that the refs to it already name. */
static int seal_builder(struct loader *l)
{
	const uint8_t *data;
	size_t len;
	int fd, e;

	if (!l->builder)
		return 0;
	e = image_finish(l->builder, &data, &len);
	if (!e) {
		fd = memfd_room_seal(&l->room, len);
		e = fd < 0 ? ERR_IO : imageset_take_fd(&l->set, fd, true) < 0 ? ERR_LIMIT : 0;
	}
	free_builder(l);
	if (!e)
		l->set.list[l->set.count - 1].is_new = true;
	return e;
}

/* Adds a zone, whose records are of no use after, or a broken one where z is NULL. An image that is full is sealed, and a
 * further one begun. */
static int build_zone(struct loader *l, size_t i, struct zone *z, const uint8_t *apex, uint64_t digest)
{
	for (int attempt = 0;; attempt++) {
		int e = l->builder ? 0 : start_builder(l);

		if (!e)
			e = z ? image_add_zone(l->builder, z, digest, &l->zone_faults) : image_add_broken(l->builder,
					apex, digest);
		if (!e) {
			l->refs[i] = (struct answer_zone_ref){.image = (uint16_t)l->set.count, .zone = l->built++};
			return 0;
		}
		if (e != ERR_SHORT || attempt || !l->built)
			return e;
		e = seal_builder(l);
		if (e)
			return e;
	}
}

/* What a broken zone is served from. */
static int fall_back(struct loader *l, size_t i, const struct conf_zone_view *v)
{
	struct answer_zone_ref old;

	if (imageset_find(&l->set, v->apex, &old)) {
		diags_add(&l->zone_faults, DIAG_WARNING, v->file, 0, 0, "zone \"%s\" is served from %s (serial %u)",
			  v->name,
			  l->from_snapshot ? "the last good snapshot" : "its old version",
			  imageset_zone(&l->set, &old)->serial);
		l->refs[i] = old;
		l->refs[i].stamp = 0; /* it is not what the file holds */
		conf_zone_from_image(l->conf, i, &l->set.list[old.image].im, old.zone);
		return 0;
	}
	diags_add(&l->zone_faults, DIAG_WARNING, v->file, 0, 0,
		  "zone \"%s\" has no good version: it is answered with SERVFAIL", v->name);
	conf_zone_absent(l->conf, i);
	if (imageset_find_broken(&l->set, v->apex, &old) && !l->worn) {
		l->refs[i] = old;
		return 0;
	}
	return build_zone(l, i, NULL, v->apex, 0);
}

static int load_text(struct loader *l, size_t i, const struct conf_zone_view *v, struct conf_zone_text *text)
{
	struct answer_zone_ref old;
	struct zone *z;
	int e;

	if (!l->worn && !l->from_snapshot && imageset_find(&l->set, v->apex, &old) &&
	    imageset_zone(&l->set, &old)->digest == text->digest) {
		l->refs[i] = old;
		l->refs[i].stamp = text->stamp;
		conf_zone_from_image(l->conf, i, &l->set.list[old.image].im, old.zone);
		return 0;
	}
	text->progress = on_progress;
	text->ctx = l;
	e = conf_zone_compile(l->conf, i, text, &l->set.key, &z, &l->zone_faults);
	if (e)
		return e;
	l->records += z->record_count;
	e = build_zone(l, i, z, v->apex, text->digest);
	if (!e)
		l->refs[i].stamp = text->stamp;
	zone_free(z);
	return e;
}

/* Keeps a zone whose file and services are what they were, by their stamp alone. */
static bool keep_unread(struct loader *l, size_t i, const struct conf_zone_view *v)
{
	struct answer_zone_ref old;

	if (l->worn || l->from_snapshot || !imageset_find(&l->set, v->apex, &old) || !old.stamp ||
	    old.stamp != conf_zone_stamp(l->conf, i))
		return false;
	l->refs[i] = old;
	conf_zone_from_image(l->conf, i, &l->set.list[old.image].im, old.zone);
	return true;
}

static int load_zone(struct loader *l, size_t i)
{
	struct conf_zone_view v;
	struct conf_zone_text text;
	int e;

	conf_zone_get(l->conf, i, &v);
	if (keep_unread(l, i, &v))
		return 0;
	e = conf_zone_read(l->conf, i, &text, &l->zone_faults);
	if (!e) {
		e = load_text(l, i, &v, &text);
		conf_zone_text_deinit(&text);
	}
	return e == ERR_FORMAT ? fall_back(l, i, &v) : e;
}

/* Numbers the images that are used; ERR_LIMIT where there are more than can be served. */
static int number_images(struct loader *l)
{
	int next = 0;

	for (size_t i = 0; i < l->zone_count; i++)
		l->set.list[l->refs[i].image].sent_as = 0;
	if (!l->zone_count)
		l->set.list[l->set.count - 1].sent_as = 0; /* the empty one */
	for (size_t i = 0; i < l->set.count; i++)
		if (!l->set.list[i].sent_as)
			l->set.list[i].sent_as = next++;
	if (next <= ANSWER_IMAGES_MAX)
		return 0;
	diags_add(&l->faults, DIAG_ERROR, l->file, 0, 0,
		  "old versions of broken zones are kept in %d images; expected at most %d: mend the zones", next,
		  ANSWER_IMAGES_MAX);
	return ERR_LIMIT;
}

static int load_zones(struct loader *l)
{
	int e = 0;

	l->zone_count = conf_zones(l->conf);
	l->refs = calloc(l->zone_count + 1, sizeof *l->refs);
	if (!l->refs)
		return ERR_NOMEM;
	l->worn = imageset_is_worn(&l->set);
	for (; l->loaded < l->zone_count && !e; l->loaded++) {
		tell_progress(l, 0);
		e = load_zone(l, l->loaded);
	}
	if (!e && !l->zone_count)
		e = start_builder(l); /* a server without zones has an image all the same, for its hash key */
	if (!e)
		e = seal_builder(l);
	return e ? e : number_images(l);
}

/* ---- in all ---- */

static int choose_key(struct loader *l)
{
	if (l->set.has_key)
		return 0;
	if (getrandom(&l->set.key, sizeof l->set.key, 0) != (ssize_t)sizeof l->set.key)
		return ERR_IO;
	l->set.has_key = true;
	return 0;
}

/* The state folder, or where it will be made, by the supervisor, at a first start. */
static int open_state(const char *path)
{
	char p[PATH_MAX];
	int fd = -1;

	if (strlen(path) >= sizeof p)
		return -1;
	strcpy(p, path);
	while ((fd = open(p, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0 && errno == ENOENT) {
		char *end = strrchr(p, '/');
		if (!end || end == p)
			return end ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
		*end = 0;
	}
	return fd;
}

/* From here on it reads zones, which others may have written. */
static int confine(struct loader *l, const struct plan_node *node)
{
	uint8_t room[8];
	struct wbuf w;
	int state = node ? open_state(node->state) : -1;
	unsigned by = confine_enter(IPC_LOADER, state);

	if (state >= 0)
		close(state);
	wbuf_init(&w, room, sizeof room);
	ipc_begin(&w, IPC_CONFINED);
	put_u8(&w, (uint8_t)by);
	return chan_send_now(l->channel, w.data, w.len, NULL, 0);
}

static int load(struct loader *l)
{
	const struct plan_node *node;
	int e = conf_load(&l->conf, l->file, l->node, &l->faults);

	if (e)
		return e;
	node = conf_node(l->conf);
	e = confine(l, node);
	if (e)
		return e;
	conf_check_keys(l->conf, tls_key_fits, &l->faults);
	if (!l->set.count && node) {
		e = snapshot_read(&l->set, node->state, &l->snapshot);
		l->from_snapshot = true;
	}
	if (!e)
		e = choose_key(l);
	if (!e)
		e = load_zones(l);
	if (!e)
		e = conf_plan(l->conf, l->generation, &l->plan, &l->faults);
	return e ? e : l->faults.errors ? ERR_FORMAT : 0;
}

/* Only where something is new: a reload that changes nothing costs no disk. It is written when all is handed over, for
 * nobody shall wait for a disk; what comes to nothing is told to the next loader (IPC_UNSAVED). */
static int keep_snapshot(struct loader *l)
{
	const char *folder = l->plan->nodes[l->plan->self].state;
	bool good = false, fresh = l->unsaved || !snapshot_exists(folder);

	for (size_t i = 0; i < l->zone_count; i++)
		good |= imageset_zone(&l->set, &l->refs[i])->apex_node_at != 0;
	for (size_t i = 0; i < l->set.count; i++)
		fresh |= l->set.list[i].is_new || l->set.list[i].sent_as < 0;
	if (!good || !fresh || !snapshot_write(&l->set, folder, l->refs, l->zone_count))
		return send_plain(l, IPC_SAVED);
	diags_deinit(&l->zone_faults); /* they were sent */
	diags_init(&l->zone_faults);
	diags_add(&l->zone_faults, DIAG_WARNING, folder, 0, 0,
		  "cannot write %s: %s; a zone that is broken at the next start will be answered with SERVFAIL",
		  SNAPSHOT_FILE, strerror(errno));
	return send_diags(l, &l->zone_faults);
}

static int hand_over(struct loader *l)
{
	int e = send_site(l);

	if (!e)
		e = send_images(l);
	if (!e)
		e = send_zones(l);
	return e ? e : send_plan(l);
}

static int run(struct loader *l)
{
	int e = load(l), sent = 0;

	if (e && !l->faults.errors)
		diags_add(&l->faults, DIAG_ERROR, l->file, 0, 0, "cannot load the configuration: %s", err_text(e));
	sent = send_diags(l, &l->faults);
	if (!sent)
		sent = send_diags(l, &l->zone_faults);
	if (!sent && !e)
		sent = hand_over(l);
	if (!sent)
		sent = send_done(l, e ? 2 : l->zone_faults.errors ? 1 : 0);
	if (!sent && !e)
		sent = keep_snapshot(l);
	return sent ? 1 : 0;
}

int loader_main(int channel_fd, const char *file, const char *node, uint64_t generation)
{
	struct loader l = {.channel = channel_fd, .file = file, .node = node, .generation = generation,
			   .began_ms = clock_mono_ms()};
	int status = 1;

	/* A zone after another is built and freed: giving the memory back between them, to have it cleared again, cost a
	 * tenth of the load. */
	mallopt(M_TRIM_THRESHOLD, 256 << 20);
	mallopt(M_TOP_PAD, 1 << 20);
	imageset_init(&l.set);
	diags_init(&l.faults);
	diags_init(&l.zone_faults);
	if (!receive(&l))
		status = run(&l);
	free_builder(&l);
	plan_free(l.plan);
	conf_free(l.conf);
	free(l.refs);
	imageset_deinit(&l.set);
	free(l.snapshot);
	diags_deinit(&l.faults);
	diags_deinit(&l.zone_faults);
	close(channel_fd);
	return status;
}
