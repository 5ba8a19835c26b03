#include "app/legacy.h"
#include <string.h>

void legacy_put(struct wbuf *w, enum legacy_tag tag, const uint64_t *v, size_t count)
{
	put_u8(w, (uint8_t)tag);
	put_u16(w, (uint16_t)count);
	for (size_t i = 0; i < count; i++)
		put_u64(w, v[i]);
}

bool legacy_next(struct rbuf *r, enum legacy_tag *tag, uint64_t v[LEGACY_VALUES_MAX], size_t *count)
{
	if (r->failed || !rbuf_left(r))
		return false;
	uint8_t t = get_u8(r);
	size_t n = get_u16(r);
	struct rbuf list;
	const uint8_t *data = get_bytes(r, n * sizeof(uint64_t));
	if (r->failed)
		return false;
	rbuf_init(&list, data, n * sizeof(uint64_t));
	*tag = (enum legacy_tag)t;
	*count = n < LEGACY_VALUES_MAX ? n : LEGACY_VALUES_MAX;
	for (size_t i = 0; i < *count; i++)
		v[i] = get_u64(&list);
	return true;
}

size_t legacy_name_put(uint64_t out[LEGACY_NAME_VALUES], const char *name)
{
	size_t len = strlen(name), count = 1 + (len + 7) / 8;
	if (count > LEGACY_NAME_VALUES)
		return 0;
	out[0] = len;
	for (size_t i = 1; i < count; i++)
		out[i] = 0;
	for (size_t i = 0; i < len; i++)
		out[1 + i / 8] |= (uint64_t)(uint8_t)name[i] << 8 * (i % 8);
	return count;
}

bool legacy_name_get(char *out, size_t cap, const uint64_t *v, size_t count)
{
	if (!count || v[0] >= cap || v[0] > 8 * (count - 1))
		return false;
	for (size_t i = 0; i < v[0]; i++) {
		out[i] = (char)(v[1 + i / 8] >> 8 * (i % 8));
		if (!out[i])
			return false;
	}
	out[v[0]] = 0;
	return true;
}

static void flush(struct legacy_writer *l)
{
	if (l->w.len && !l->error)
		l->error = l->send(l->ctx, l->room, l->w.len);
	wbuf_init(&l->w, l->room, sizeof l->room);
}

void legacy_begin(struct legacy_writer *l, int (*send)(void *ctx, const uint8_t *data, size_t len), void *ctx)
{
	l->send = send;
	l->ctx = ctx;
	l->error = 0;
	wbuf_init(&l->w, l->room, sizeof l->room);
}

void legacy_add(struct legacy_writer *l, enum legacy_tag tag, const uint64_t *v, size_t count)
{
	if (l->w.cap - l->w.len < 3 + count * sizeof *v)
		flush(l);
	legacy_put(&l->w, tag, v, count);
}

int legacy_end(struct legacy_writer *l)
{
	flush(l);
	return l->error;
}
