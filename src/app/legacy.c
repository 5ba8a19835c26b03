#include "app/legacy.h"

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
