/* See loader.h.
 *
 *     file as it was (same stamp)   ─▶ is not read
 *     zone unchanged (same digest)  ─▶ stays in the image that holds it
 *     zone changed                  ─▶ compiled into a new image, with all others that changed
 *     zone broken                   ─▶ the version served now, the snapshot's, or SERVFAIL
 */
#include "app/loader_state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "app/confine.h"
#include "app/site.h"
#include "app/snapshot.h"
#include "io/chan.h"
#include "io/clock.h"
#include "io/tls.h"

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
	text->progress = loader_on_progress;
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
		loader_tell_progress(l, 0);
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
		return loader_send_plain(l, IPC_SAVED);
	diags_deinit(&l->zone_faults); /* they were sent */
	diags_init(&l->zone_faults);
	diags_add(&l->zone_faults, DIAG_WARNING, folder, 0, 0,
		  "cannot write %s: %s; a zone that is broken at the next start will be answered with SERVFAIL",
		  SNAPSHOT_FILE, strerror(errno));
	return loader_send_diags(l, &l->zone_faults);
}

static int hand_over(struct loader *l)
{
	int e = loader_send_site(l);

	if (!e)
		e = loader_send_images(l);
	if (!e)
		e = loader_send_zones(l);
	return e ? e : loader_send_plan(l);
}

static int run(struct loader *l)
{
	int e = load(l), sent = 0;

	if (e && !l->faults.errors)
		diags_add(&l->faults, DIAG_ERROR, l->file, 0, 0, "cannot load the configuration: %s", err_text(e));
	sent = loader_send_diags(l, &l->faults);
	if (!sent)
		sent = loader_send_diags(l, &l->zone_faults);
	if (!sent && !e)
		sent = hand_over(l);
	if (!sent)
		sent = loader_send_done(l, e ? 2 : l->zone_faults.errors ? 1 : 0);
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
