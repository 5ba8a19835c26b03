#include "app/site.h"
#include <stdio.h>
#include <string.h>
#include "ipc/ipc.h"

void site_put(struct bytes *out, const struct plan *p)
{
	bytes_u16(out, IPC_SITE);
	bytes_u16(out, 0);
	plan_node_put(out, &p->nodes[p->self]);
	plan_limits_put(out, &p->limits);
	uint8_t root[PAIR_KEY_LEN] = { 0 };
	if (p->pair.present)
		pair_cookie_root(root, p->pair.key);
	bytes_u8(out, p->pair.present);
	bytes_add(out, root, sizeof root);
	bytes_u8(out, p->pair.has_other);
	if (p->pair.has_other) {
		pair_cookie_root(root, p->pair.other_key);
		bytes_add(out, root, sizeof root);
	}
	explicit_bzero(root, sizeof root);
}

int site_get(struct site *s, const void *message, size_t len, struct arena *a)
{
	struct rbuf r;
	struct site got;
	rbuf_init(&r, message, len);
	if (ipc_type_get(&r) != IPC_SITE)
		return ERR_FORMAT;
	int e = plan_node_get(&r, a, &got.node);
	if (e == 0)
		e = plan_limits_get(&r, a, &got.limits);
	if (e)
		return e;
	got.paired = get_u8(&r) != 0;
	const uint8_t *root = get_bytes(&r, sizeof got.cookie_root);
	got.has_other_root = get_u8(&r) != 0;
	const uint8_t *other = get_bytes(&r, got.has_other_root ? sizeof got.other_root : 0);
	if (r.failed)
		return ERR_FORMAT;
	memcpy(got.cookie_root, root, sizeof got.cookie_root);
	if (got.has_other_root)
		memcpy(got.other_root, other, sizeof got.other_root);
	*s = got;
	return 0;
}

static bool same_addrs(const struct addr *a, size_t a_count, const struct addr *b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (!addr_equal(&a[i], &b[i]))
			return false;
	return true;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

char *site_restart_keys(const struct site *old, const struct site *new, char *out, size_t cap)
{
	const struct plan_node *a = &old->node, *b = &new->node;
	const struct { const char *key; bool same; } keys[] = {
		{ "listen", same_addrs(a->listen, a->listen_count, b->listen, b->listen_count) },
		{ "peer", same_addrs(a->peer, a->peer_count, b->peer, b->peer_count) },
		{ "http", addr_equal(&a->http, &b->http) },
		{ "control", same_text(a->control, b->control) },
		{ "state", same_text(a->state, b->state) },
		{ "user", same_text(a->user, b->user) },
		{ "workers", a->workers == b->workers },
		{ "nsid", same_text(a->nsid, b->nsid) },
	};
	size_t len = 0;
	out[0] = 0;
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (!keys[i].same && len < cap)
			len += (size_t)snprintf(out + len, cap - len, "%s%s", len ? ", " : "", keys[i].key);
	return out;
}
