#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "app/responder_state.h"
#include "io/log.h"
#include "io/memfd.h"

/* The same sealed file, which our mapping keeps alive: its number is no other's. */
static bool is_mapped(const struct view *old, const struct mapping *m)
{
	for (size_t i = 0; old && i < old->map_count; i++)
		if (old->maps[i].dev == m->dev && old->maps[i].ino == m->ino && old->maps[i].len == m->len)
			return memcmp(old->maps[i].data, m->data, sizeof(struct image_header)) == 0;
	return false;
}

static int map_image(struct mapping *m, int fd)
{
	struct stat st;

	/* Whoever made it must be unable to change or shorten it under our readers. */
	if (!memfd_is_sealed(fd))
		return ERR_FORMAT;
	if (fstat(fd, &st))
		return ERR_IO;
	m->dev = st.st_dev;
	m->ino = st.st_ino;
	return memfd_map(fd, &m->data, &m->len);
}

static int map_images(struct view *v, const struct view *old, struct image *images, const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct mapping *m = &v->maps[i];
		int e = map_image(m, fds[i]);
		if (e)
			return e;
		v->map_count++;
		e = is_mapped(old, m) ? image_open_again(&images[i], m->data, m->len) : image_open(&images[i], m->data, m->len);
		if (e)
			return e;
	}
	return 0;
}

static int build(struct view *v, const struct view *old, const int *fds, size_t count, int zones_fd)
{
	struct image images[ANSWER_IMAGES_MAX];
	const uint8_t *refs = NULL;
	size_t refs_len = 0;
	int e = map_images(v, old, images, fds, count);
	if (e)
		return e;
	e = memfd_map(zones_fd, &refs, &refs_len);
	if (e && e != ERR_FORMAT) /* that is an empty list: a server without zones */
		return e;
	static const struct answer_zone_ref none; /* no list at all would mean every zone of the images */
	const struct answer_zone_ref *list = refs ? (const struct answer_zone_ref *)(const void *)refs : &none;
	e = refs_len % sizeof *list ? ERR_FORMAT : answer_db_new(&v->db, images, count, list, refs_len / sizeof *list);
	memfd_unmap(refs, refs_len);
	return e;
}

struct view *view_new(uint64_t generation, const struct view *old, const int *image_fds, size_t count, int zones_fd, unsigned workers)
{
	struct view *v = calloc(1, sizeof *v);
	int e = v ? 0 : ERR_NOMEM;
	if (!e) {
		v->generation = generation;
		e = build(v, old, image_fds, count, zones_fd);
	}
	for (unsigned i = 0; !e && i <= workers; i++) {
		v->turn[i] = calloc(answer_db_slots(v->db) + 1, sizeof *v->turn[i]);
		if (!v->turn[i])
			e = ERR_NOMEM;
	}
	if (!e)
		return v;
	log_line(LOG_LEVEL_ERROR, "generation %llu cannot be served: %s", (unsigned long long)generation, err_text(e));
	view_free(v);
	return NULL;
}

void view_free(struct view *v)
{
	if (!v)
		return;
	if (v->db)
		answer_db_free(v->db);
	for (size_t i = 0; i < v->map_count; i++)
		memfd_unmap(v->maps[i].data, v->maps[i].len);
	for (size_t i = 0; i <= RESPONDER_WORKERS_MAX; i++)
		free(v->turn[i]);
	free(v);
}
