#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "app/responder_state.h"
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

static int map_all(struct view *v, const struct view *old, const int *fds, size_t count, int zones_fd)
{
	for (size_t i = 0; i < count; i++) {
		int e = map_image(&v->maps[i], fds[i]);
		if (e)
			return e;
		v->maps[i].checked = is_mapped(old, &v->maps[i]);
		v->map_count++;
	}
	int e = memfd_map(zones_fd, &v->refs, &v->refs_len);
	return e == ERR_FORMAT ? 0 : e; /* that is an empty list: a server without zones */
}

/* Rotate positions of one thread, which writes them with every answer. */
static uint32_t *new_turns(size_t slots)
{
	const size_t size = (slots * sizeof(uint32_t) / CACHE_LINE + 1) * CACHE_LINE;
	uint32_t *turn = aligned_alloc(CACHE_LINE, size);
	if (turn)
		memset(turn, 0, size);
	return turn;
}

int view_new(struct view **out, uint64_t generation, const struct view *old, const int *image_fds, size_t count, int zones_fd,
	     unsigned workers)
{
	struct view *v = calloc(1, sizeof *v);
	if (!v)
		return ERR_NOMEM;
	v->generation = generation;
	v->worker_count = workers;
	int e = map_all(v, old, image_fds, count, zones_fd);
	if (e) {
		view_free(v);
		return e;
	}
	*out = v;
	return 0;
}

static void drop_refs(struct view *v)
{
	memfd_unmap(v->refs, v->refs_len);
	v->refs = NULL;
}

static int make_db(struct view *v)
{
	static const struct answer_zone_ref none; /* no list at all would mean every zone of the images */
	const struct answer_zone_ref *list = v->refs ? (const struct answer_zone_ref *)(const void *)v->refs : &none;
	struct image images[ANSWER_IMAGES_MAX];

	for (size_t i = 0; i < v->map_count; i++) {
		const struct mapping *m = &v->maps[i];
		int e = m->checked ? image_open_again(&images[i], m->data, m->len) : image_open(&images[i], m->data, m->len);
		if (e)
			return e;
	}
	return v->refs_len % sizeof *list ? ERR_FORMAT
					  : answer_db_new(&v->db, images, v->map_count, list, v->refs_len / sizeof *list);
}

int view_check(struct view *v)
{
	int e = make_db(v);

	drop_refs(v);
	for (unsigned i = 0; !e && i <= v->worker_count; i++) {
		v->turn[i] = new_turns(answer_db_slots(v->db));
		v->by_zone[i] = figures_counters_new(v->db);
		if (!v->turn[i] || !v->by_zone[i])
			e = ERR_NOMEM;
	}
	if (!e && !(v->by_zone_before = figures_counters_new(v->db)))
		e = ERR_NOMEM;
	return e;
}

void view_free(struct view *v)
{
	if (!v)
		return;
	if (v->db)
		answer_db_free(v->db);
	drop_refs(v);
	for (size_t i = 0; i < v->map_count; i++)
		memfd_unmap(v->maps[i].data, v->maps[i].len);
	for (size_t i = 0; i <= RESPONDER_WORKERS_MAX; i++) {
		free(v->turn[i]);
		free(v->by_zone[i]);
	}
	free(v->by_zone_before);
	free(v);
}
