/* Builds images: zones[] and slots[] are gathered aside and appended at the end, everything else grows in `out`. */
#include "zone/image.h"
#include <stdlib.h>
#include <string.h>
#include "zone/build.h"

#define IMAGE_SIZE_MAX UINT32_MAX /* offsets are 32 bits */

int image_builder_new_in(struct image_builder **out, const struct hash_key *key, struct bytes_room *room)
{
	static const struct image_header blank;
	struct image_builder *b = calloc(1, sizeof *b);

	if (!b)
		return ERR_NOMEM;
	b->key = b->c.key = *key;
	bytes_init_in(&b->out, IMAGE_SIZE_MAX, room);
	bytes_add(&b->out, &blank, sizeof blank);
	if (b->out.failed) {
		image_builder_free(b);
		return ERR_NOMEM;
	}
	*out = b;
	return 0;
}

int image_builder_new(struct image_builder **out, const struct hash_key *key)
{
	return image_builder_new_in(out, key, NULL);
}

void image_builder_free(struct image_builder *b)
{
	if (!b)
		return;
	bytes_deinit(&b->out);
	free(b->zones);
	free(b->slots);
	free(b);
}

int build_grow(void **array, size_t count, size_t *cap, size_t size)
{
	if (count < *cap)
		return 0;
	size_t n = *cap ? *cap * 2 : 16;
	void *p = realloc(*array, n * size);
	if (!p)
		return ERR_NOMEM;
	*array = p;
	*cap = n;
	return 0;
}

/* The part of a zone entry that its name says. */
static struct image_zone blank_zone(const struct image_builder *b, const uint8_t *apex, uint64_t digest)
{
	return (struct image_zone){ .digest = digest, .apex_hash = name_hash(&b->key, apex),
		.apex_len = (uint8_t)name_len(apex), .apex_labels = (uint8_t)name_labels(apex) };
}

static int zone_room(struct image_builder *b)
{
	void *p = b->zones;
	int e = b->sealed ? ERR_BUSY : build_grow(&p, b->zone_count, &b->zone_cap, sizeof *b->zones);

	b->zones = p;
	return e;
}

/* What is freed on the way must not fail for want of offsets later: compiled it is smaller than it was here, and its place
 * in the table comes to it. */
static bool fits_surely(const struct image_builder *b, const struct zone *z)
{
	return z->arena.used + z->node_count * 2 * sizeof(struct image_entry) < b->out.bound - b->out.len;
}

int image_add_zone(struct image_builder *b, struct zone *z, uint64_t digest, struct diags *d)
{
	const size_t len = b->out.len, slots = b->slot_count;
	struct build w = { .b = b, .z = z, .d = d };
	struct image_zone iz = blank_zone(b, z->apex, digest);
	const bool fits = fits_surely(b, z);
	int e = zone_room(b);

	if (e)
		return e;
	w.taken = fits && !z->is_signed ? z : NULL;
	w.node_at = calloc(z->node_count + 1, sizeof *w.node_at);
	e = w.node_at ? build_zone(&w, &iz) : ERR_NOMEM;
	free(w.node_at);
	free(w.live);
	denial_deinit(&w.denial);
	if (e) { /* as if it had never been tried */
		b->out.len = len;
		b->out.failed = false;
		b->slot_count = slots;
		return e == ERR_NOMEM && !fits ? ERR_SHORT : e;
	}
	b->zones[b->zone_count++] = iz;
	return 0;
}

int image_add_broken(struct image_builder *b, const uint8_t *apex, uint64_t digest)
{
	struct image_zone iz = blank_zone(b, apex, digest);
	int e = zone_room(b);

	if (e)
		return e;
	if (iz.apex_len > b->out.bound - b->out.len)
		return ERR_SHORT;
	iz.apex_at = (uint32_t)b->out.len;
	bytes_add(&b->out, apex, iz.apex_len);
	if (b->out.failed)
		return ERR_NOMEM;
	b->zones[b->zone_count++] = iz;
	return 0;
}

int image_finish(struct image_builder *b, const uint8_t **data, size_t *len)
{
	struct bytes *out = &b->out;
	struct image_header h = { .magic = IMAGE_MAGIC, .version = IMAGE_VERSION, .byte_order = IMAGE_BYTE_ORDER,
		.key = b->key, .zone_count = (uint32_t)b->zone_count, .slot_count = (uint32_t)b->slot_count };

	if (b->sealed)
		return ERR_BUSY;
	compile_align(out, _Alignof(struct image_zone));
	h.zones_at = (uint32_t)out->len;
	bytes_add(out, b->zones, b->zone_count * sizeof *b->zones);
	h.slots_at = (uint32_t)out->len;
	bytes_add(out, b->slots, b->slot_count * sizeof *b->slots);
	if (out->failed)
		return ERR_NOMEM;
	b->sealed = true;
	h.size = out->len;
	h.crc = crc32c(0, out->data + sizeof h, out->len - sizeof h);
	memcpy(out->data, &h, sizeof h);
	*data = out->data;
	*len = out->len;
	return 0;
}
