/* See snapshot.h. */
#include "app/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

#define MAGIC "GEMLSNP1"
#define HEAD_LEN 32
#define ALIGN 16
#define SNAPSHOT_MAX ((size_t)64 << 30)
#define SNAPSHOT_ZONES_MAX 16000000
#define NEW_FILE "zones.img.new"

static size_t padded(size_t n)
{
	return (n + ALIGN - 1) / ALIGN * ALIGN;
}

/* ---- reading: the file may have been written by anybody who can write in the folder ---- */

static int read_file(int fd, uint8_t **data, size_t *len)
{
	struct stat st;
	uint8_t *room;
	size_t have = 0;
	ssize_t n = 0;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || (uint64_t)st.st_size < HEAD_LEN ||
	    (uint64_t)st.st_size > SNAPSHOT_MAX)
		return ERR_FORMAT;
	room = malloc((size_t)st.st_size); /* a copy: nobody may change it once it is checked */
	if (!room)
		return ERR_NOMEM;
	while (have < (size_t)st.st_size && (n = read(fd, room + have, (size_t)st.st_size - have)) > 0)
		have += (size_t)n;
	if (have < (size_t)st.st_size) {
		free(room);
		return ERR_FORMAT;
	}
	*data = room;
	*len = have;
	return 0;
}

/* Adds each image; place[i] is where it went, -1 = it was no good. */
static void add_images(struct imageset *s, struct rbuf *lens, uint32_t images, const uint8_t *data, size_t len,
		       size_t at, int *place)
{
	for (uint32_t i = 0; i < images; i++) {
		uint64_t n = get_u64(lens);

		place[i] = -1;
		if (lens->failed || at > len || n > len - at)
			at = len + 1; /* the rest cannot be found */
		else
			place[i] = imageset_add_data(s, data + at, (size_t)n);
		if (at <= len)
			at += padded((size_t)n);
	}
}

static int use(struct imageset *s, const uint8_t *data, size_t len)
{
	int place[ANSWER_IMAGES_MAX];
	struct rbuf r, lens;
	uint32_t images, zones, crc;
	size_t lists;
	int e = 0;

	rbuf_init(&r, data, len);
	if (memcmp(get_bytes(&r, 8), MAGIC, 8))
		return 0;
	images = get_u32(&r);
	zones = get_u32(&r);
	crc = get_u32(&r);
	lists = (size_t)images * 8 + (size_t)zones * 8;
	if (images > ANSWER_IMAGES_MAX || zones > SNAPSHOT_ZONES_MAX || lists > len - HEAD_LEN ||
	    crc32c(0, data + HEAD_LEN, lists) != crc)
		return 0;
	rbuf_init(&lens, data + HEAD_LEN, (size_t)images * 8);
	add_images(s, &lens, images, data, len, padded(HEAD_LEN + lists), place);
	rbuf_init(&r, data + HEAD_LEN + (size_t)images * 8, (size_t)zones * 8);
	for (uint32_t i = 0; i < zones && !e; i++) {
		uint32_t image = get_u32(&r), zone = get_u32(&r);
		struct answer_zone_ref ref = {.zone = zone};

		if (image >= images || place[image] < 0)
			continue;
		ref.image = (uint16_t)place[image];
		e = imageset_know(s, &ref);
	}
	return e;
}

int snapshot_read(struct imageset *s, const char *folder, void **memory)
{
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = dir < 0 ? -1 : openat(dir, SNAPSHOT_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	uint8_t *data = NULL;
	size_t len = 0;
	int e = fd < 0 ? ERR_ABSENT : read_file(fd, &data, &len);

	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
	if (e)
		return e == ERR_NOMEM ? e : 0;
	*memory = data;
	return use(s, data, len);
}

bool snapshot_exists(const char *folder)
{
	char path[4096];
	int n = snprintf(path, sizeof path, "%s/" SNAPSHOT_FILE, folder);

	return n > 0 && (size_t)n < sizeof path && !access(path, F_OK);
}

/* ---- writing ---- */

static int write_all(int fd, const uint8_t *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ERR_IO;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Head and both lists, padded. */
static void put_lists(struct bytes *b, const struct imageset *s, const struct answer_zone_ref *refs, size_t count)
{
	uint32_t images = 0, zones = 0, place[IMAGESET_MAX] = {0};
	uint8_t head[HEAD_LEN] = MAGIC;

	bytes_add(b, head, sizeof head);
	for (size_t i = 0; i < s->count; i++)
		if (s->list[i].sent_as >= 0) {
			place[i] = images++;
			bytes_u64(b, s->list[i].len);
		}
	for (size_t i = 0; i < count; i++)
		if (imageset_zone(s, &refs[i])->apex_node_at) {
			zones++;
			bytes_u32(b, place[refs[i].image]);
			bytes_u32(b, refs[i].zone);
		}
	if (b->failed)
		return;
	store_u32(b->data + 8, images);
	store_u32(b->data + 12, zones);
	store_u32(b->data + 16, crc32c(0, b->data + HEAD_LEN, b->len - HEAD_LEN));
}

static int write_images(int fd, const struct imageset *s)
{
	static const uint8_t zeros[ALIGN];
	int e = 0;

	for (size_t i = 0; i < s->count && !e; i++) {
		if (s->list[i].sent_as < 0)
			continue;
		e = write_all(fd, s->list[i].data, s->list[i].len);
		if (!e)
			e = write_all(fd, zeros, padded(s->list[i].len) - s->list[i].len);
	}
	return e;
}

static int write_file(int dir, const struct imageset *s, const struct bytes *lists)
{
	static const uint8_t zeros[ALIGN];
	struct stat st;
	int fd, e;

	unlinkat(dir, NEW_FILE, 0); /* left by a loader that was killed */
	fd = openat(dir, NEW_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return ERR_IO;
	/* As root we write where another user reads, should that one start the next server. */
	if (geteuid() == 0 && fstat(dir, &st) == 0 && st.st_uid != 0)
		(void)!fchown(fd, st.st_uid, st.st_gid);
	e = write_all(fd, lists->data, lists->len);
	if (!e)
		e = write_all(fd, zeros, padded(lists->len) - lists->len);
	if (!e)
		e = write_images(fd, s);
	if (!e && fsync(fd))
		e = ERR_IO;
	if (close(fd) && !e)
		e = ERR_IO;
	if (!e && renameat(dir, NEW_FILE, dir, SNAPSHOT_FILE))
		e = ERR_IO;
	if (!e && fsync(dir))
		e = ERR_IO;
	return e;
}

/* mkdir -p; the folder itself closed to others, as the supervisor makes it. */
static int make_folder(const char *folder)
{
	char path[4096];
	size_t len = strlen(folder);

	if (!len || len >= sizeof path) {
		errno = ENAMETOOLONG;
		return ERR_IO;
	}
	memcpy(path, folder, len + 1);
	for (char *p = path + 1; *p; p++)
		if (*p == '/') {
			*p = 0;
			if (mkdir(path, 0755) && errno != EEXIST)
				return ERR_IO;
			*p = '/';
		}
	return mkdir(path, 0750) && errno != EEXIST ? ERR_IO : 0;
}

int snapshot_write(const struct imageset *s, const char *folder, const struct answer_zone_ref *refs, size_t count)
{
	struct bytes lists;
	int dir, e = make_folder(folder);

	if (e)
		return e;
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return ERR_IO;
	bytes_init(&lists, SIZE_MAX);
	put_lists(&lists, s, refs, count);
	e = lists.failed ? ERR_NOMEM : write_file(dir, s, &lists);
	bytes_deinit(&lists);
	close(dir);
	return e;
}
