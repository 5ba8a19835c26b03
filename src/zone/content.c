/* A zone's content as a number, the same wherever and in whatever order it was written. */
#include "zone/content.h"
#include "base/buf.h"

/* The same everywhere, so that nodes can compare: it holds against mistakes, not against enemies. */
static const struct hash_key key = { { 0x67656d656c2d7a6f, 0x6e652d746578742e } };

/* Joined by addition, so the order does not matter; each is mixed first, or equal ones would cancel out too easily. */
static uint64_t mixed(uint64_t h)
{
	return hash_mix(h ^ key.k[1], UINT64_C(0x9e3779b97f4a7c15));
}

static uint64_t rrset_content(const struct zone_rrset *r)
{
	uint8_t head[8] = { 0 };
	uint64_t sum = 0;

	store_u16(head, r->type);
	store_u16(head + 2, r->count);
	store_u32(head + 4, r->ttl);
	for (uint16_t i = 0; i < r->count; i++)
		sum += mixed(hash_bytes(&key, r->rdata[i].wire, r->rdata[i].len));
	return mixed(sum ^ hash_bytes(&key, head, sizeof head));
}

uint64_t content_of_node(const struct zone_node *n)
{
	const uint64_t owner = hash_bytes(&key, n->name, n->name_len);
	uint64_t sum = 0;

	for (const struct zone_rrset *r = n->rrsets; r; r = r->next)
		if (r->count) /* a service's without records in the file is no content of that */
			sum += mixed(owner + rrset_content(r));
	return sum;
}

uint64_t content_join(uint64_t sum, const uint8_t *apex, size_t apex_len, uint64_t content)
{
	return sum + mixed(hash_bytes(&key, apex, apex_len) + mixed(content));
}
