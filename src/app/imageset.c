/* See imageset.h. */
#include "app/imageset.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/memfd.h"

#define IMAGES_WORN 16 /* each is a mapping in every responder: past this many they are made one */

/* Apexes come from our own configuration: a fixed key will do. */
static const struct hash_key table_key = {{0x243f6a8885a308d3u, 0x13198a2e03707344u}};

void imageset_init(struct imageset *s)
{
	memset(s, 0, sizeof *s);
	table_init_borrowing(&s->by_apex, &table_key); /* names in the images */
}

void imageset_deinit(struct imageset *s)
{
	for (size_t i = 0; i < s->count; i++) {
		if (s->list[i].mapped)
			memfd_unmap(s->list[i].data, s->list[i].len);
		if (s->list[i].fd >= 0)
			close(s->list[i].fd);
		free(s->list[i].stamps);
	}
	table_deinit(&s->by_apex);
}

static int add(struct imageset *s, const struct imageset_image *like, bool checked)
{
	struct imageset_image *i = &s->list[s->count];

	if (s->count >= IMAGESET_MAX)
		return -1;
	*i = *like;
	i->sent_as = -1;
	if (checked ? image_open_again(&i->im, i->data, i->len) : image_open(&i->im, i->data, i->len))
		return -1;
	if (s->has_key && memcmp(&s->key, &i->im.head->key, sizeof s->key))
		return -1;
	s->key = i->im.head->key;
	s->has_key = true;
	return (int)s->count++;
}

int imageset_take_fd(struct imageset *s, int fd, bool checked)
{
	struct imageset_image like = {.fd = fd, .mapped = true};
	int at = -1;

	if (!memfd_map(fd, &like.data, &like.len)) {
		at = add(s, &like, checked && memfd_is_sealed(fd));
		if (at < 0)
			memfd_unmap(like.data, like.len);
	}
	if (at < 0)
		close(fd);
	return at;
}

int imageset_add_data(struct imageset *s, const uint8_t *data, size_t len)
{
	struct imageset_image like = {.fd = -1, .data = data, .len = len};

	return add(s, &like, false);
}

/* Stamps stand beside the images: a file may be touched, or looked at too early, while its zone stays as it is. */
static int keep_stamp(struct imageset_image *i, uint32_t zone, uint64_t stamp)
{
	if (!stamp)
		return 0;
	if (!i->stamps)
		i->stamps = calloc(i->im.head->zone_count, sizeof *i->stamps);
	if (!i->stamps)
		return ERR_NOMEM;
	i->stamps[zone] = stamp;
	return 0;
}

int imageset_know(struct imageset *s, const struct answer_zone_ref *ref)
{
	struct imageset_image *i = &s->list[ref->image < s->count ? ref->image : 0];
	const struct image_zone *z;
	int e;

	if (ref->image >= s->count || ref->zone >= i->im.head->zone_count)
		return 0;
	z = &i->im.zones[ref->zone];
	e = keep_stamp(i, ref->zone, ref->stamp);
	return e ? e : table_put(&s->by_apex, i->im.base + z->apex_at, z->apex_len,
				 (void *)(((uintptr_t)ref->image << 32 | ref->zone) + 1));
}

static bool find(const struct imageset *s, const uint8_t *apex, bool broken, struct answer_zone_ref *ref)
{
	uintptr_t at = (uintptr_t)table_find(&s->by_apex, apex, name_len(apex));
	struct answer_zone_ref r = {.image = (uint16_t)((at - 1) >> 32), .zone = (uint32_t)(at - 1)};

	if (!at || !imageset_zone(s, &r)->apex_node_at != broken)
		return false;
	if (s->list[r.image].stamps)
		r.stamp = s->list[r.image].stamps[r.zone];
	*ref = r;
	return true;
}

bool imageset_find(const struct imageset *s, const uint8_t *apex, struct answer_zone_ref *ref)
{
	return find(s, apex, false, ref);
}

bool imageset_find_broken(const struct imageset *s, const uint8_t *apex, struct answer_zone_ref *ref)
{
	return find(s, apex, true, ref);
}

bool imageset_is_worn(const struct imageset *s)
{
	uint64_t all = 0, live = 0;
	const void *key;
	void *value;
	size_t pos = 0, len;

	for (size_t i = 0; i < s->count; i++)
		for (uint32_t z = 0; z < s->list[i].im.head->zone_count; z++)
			all += s->list[i].im.zones[z].records;
	while (table_next(&s->by_apex, &pos, &key, &len, &value)) {
		uintptr_t at = (uintptr_t)value - 1;
		struct answer_zone_ref r = {.image = (uint16_t)(at >> 32), .zone = (uint32_t)at};

		live += imageset_zone(s, &r)->records;
	}
	return s->count >= IMAGES_WORN || live < all - live;
}
