#include "ctl/wire.h"

#define MAGIC "GEMC"
#define MAGIC_LEN 4
enum { FLAG_JSON = 1, FLAG_COLOUR = 2 };

static int get_words(struct wire_request *r, struct rbuf *in, unsigned argc)
{
	size_t used = 0;
	for (unsigned i = 0; i < argc; i++) {
		size_t n;
		const uint8_t *p = get_block(in, &n);
		if (!p)
			return ERR_SHORT;
		if (n >= sizeof r->text - used)
			return ERR_LIMIT;
		if (memchr(p, 0, n))
			return ERR_FORMAT;
		r->argv[i] = memcpy(r->text + used, p, n);
		r->text[used + n] = '\0';
		used += n + 1;
	}
	r->argc = (int)argc;
	r->argv[argc] = NULL;
	return 0;
}

int wire_request_get(struct wire_request *r, const uint8_t *data, size_t len)
{
	struct rbuf in;
	if (memcmp(data, MAGIC, len < MAGIC_LEN ? len : MAGIC_LEN) != 0)
		return ERR_FORMAT;
	rbuf_init(&in, data, len);
	get_bytes(&in, MAGIC_LEN);
	uint8_t flags = get_u8(&in);
	r->json = flags & FLAG_JSON;
	r->colour = flags & FLAG_COLOUR;
	r->width = get_u16(&in);
	unsigned argc = get_u16(&in);
	if (in.failed)
		return ERR_SHORT;
	int e = argc > CTL_ARGS_MAX ? ERR_LIMIT : get_words(r, &in, argc);
	r->used = in.pos;
	return e;
}

int wire_request_put(struct wbuf *w, bool json, bool colour, unsigned width, int argc, char *const *argv)
{
	if (argc > CTL_ARGS_MAX)
		return ERR_LIMIT;
	put_bytes(w, MAGIC, MAGIC_LEN);
	put_u8(w, (uint8_t)((json ? FLAG_JSON : 0) | (colour ? FLAG_COLOUR : 0)));
	put_u16(w, (uint16_t)(width > UINT16_MAX ? UINT16_MAX : width));
	put_u16(w, (uint16_t)argc);
	for (int i = 0; i < argc; i++)
		put_str(w, argv[i]);
	return w->failed || w->len > CTL_REQUEST_MAX ? ERR_LIMIT : 0;
}
