/* The words that a plan's bytes are made of; plan_read.h says what each trusts. */
#include "core/plan_read.h"

/* The least octets that one of each can take. */
#define ADDR_MIN 7
#define BLOCK_MIN 8

void plan_fail(struct plan_reader *d, int err)
{
	if (d->err == 0 && !d->r->failed)
		d->err = err;
	d->r->failed = true;
}

void plan_require(struct plan_reader *d, bool good)
{
	if (!good)
		plan_fail(d, ERR_FORMAT);
}

bool plan_read_bool(struct plan_reader *d)
{
	uint8_t v = get_u8(d->r);
	plan_require(d, v <= 1);
	return v == 1;
}

const char *plan_read_text(struct plan_reader *d, bool wanted)
{
	size_t n;
	if (!plan_read_bool(d)) {
		plan_require(d, !wanted);
		return NULL;
	}
	const uint8_t *p = get_block(d->r, &n);
	if (!p || memchr(p, 0, n)) {
		plan_fail(d, ERR_FORMAT);
		return NULL;
	}
	char *s = arena_strn(d->arena, (const char *)p, n);
	if (!s)
		plan_fail(d, ERR_NOMEM);
	return s;
}

size_t plan_read_count(struct plan_reader *d, size_t n, size_t max, size_t min_len)
{
	if (n > max) {
		plan_fail(d, ERR_LIMIT);
		return 0;
	}
	if (d->r->failed || n > rbuf_left(d->r) / min_len) {
		plan_fail(d, ERR_FORMAT);
		return 0;
	}
	return n;
}

void *plan_read_array(struct plan_reader *d, size_t n, size_t size)
{
	void *p = arena_array(d->arena, n, size);
	if (!p)
		plan_fail(d, ERR_NOMEM);
	return p;
}

void plan_read_addr(struct plan_reader *d, struct addr *a, bool wanted)
{
	a->family = get_u8(d->r);
	if (a->family == 0) {
		plan_require(d, !wanted);
		return;
	}
	size_t len = addr_ip_len(a);
	const uint8_t *ip = len ? get_bytes(d->r, len) : NULL;
	plan_require(d, ip != NULL);
	if (ip)
		memcpy(a->ip, ip, len);
	a->port = get_u16(d->r);
}

const struct addr *plan_read_addrs(struct plan_reader *d, size_t *count, size_t max)
{
	size_t n = plan_read_count(d, get_u16(d->r), max, ADDR_MIN);
	struct addr *list = plan_read_array(d, n, sizeof *list);
	for (size_t i = 0; list && i < n; i++)
		plan_read_addr(d, &list[i], true);
	*count = n;
	return list;
}

const struct addr_block *plan_read_blocks(struct plan_reader *d, uint16_t *count, size_t max)
{
	size_t n = plan_read_count(d, get_u16(d->r), max, BLOCK_MIN);
	struct addr_block *list = plan_read_array(d, n, sizeof *list);
	for (size_t i = 0; list && i < n; i++) {
		plan_read_addr(d, &list[i].base, true);
		list[i].prefix_len = get_u8(d->r);
		plan_require(d, list[i].prefix_len <= 8 * addr_ip_len(&list[i].base));
	}
	*count = (uint16_t)n;
	return list;
}
