/* Heads, addresses and live RRsets between the processes.  Both ends are ours, yet a child may be taken over: what comes
 * from one is checked like the rest of the world.
 *
 *     addr:  family u8 (0, 4, 6) | ip (0, 4 or 16) | port u16 (not for family 0)
 *     SET:   head | class u16 | type u16 | owner block | ttl u32 | pick u8 | answer_n u16 | signature_len u16 |
 *            count u16 | count × (ip 4 or 16 by type | weight u16)
 */
#include "ipc/ipc.h"

#define TYPE_A 1 /* the numbers of dns/const.h, which this room does not see */
#define TYPE_AAAA 28
#define PICK_MAX 4 /* enum policy_pick */
#define TTL_MAX 0x7fffffff /* RFC 2181 8 */
#define LABEL_MAX 63

const char *ipc_role_text(enum ipc_role r)
{
	switch (r) {
	case IPC_SUPERVISOR: return "supervisor";
	case IPC_RESPONDER: return "responder";
	case IPC_COORDINATOR: return "coordinator";
	case IPC_PROBER: return "prober";
	case IPC_LOADER: return "loader";
	case IPC_RUNNER: return "runner";
	case IPC_TAP: return "tap";
	case IPC_ROLE_NONE: break;
	}
	return "none";
}

void ipc_begin(struct wbuf *w, enum ipc_type t)
{
	put_u16(w, (uint16_t)t);
	put_u16(w, 0);
}

enum ipc_type ipc_type_get(struct rbuf *r)
{
	uint16_t type = get_u16(r), zero = get_u16(r);
	bool stable = type >= IPC_STABLE_FIRST && type <= IPC_STABLE_LAST;
	if (r->failed || zero != 0 || type == IPC_NONE || (type >= IPC_TYPE_MAX && !stable)) {
		r->failed = true;
		return IPC_NONE;
	}
	return (enum ipc_type)type;
}

void ipc_addr_put(struct wbuf *w, const struct addr *a)
{
	put_u8(w, a->family);
	if (a->family == 0)
		return;
	put_bytes(w, a->ip, addr_ip_len(a));
	put_u16(w, a->port);
}

void ipc_addr_get(struct rbuf *r, struct addr *a)
{
	*a = (struct addr){ .family = get_u8(r) };
	if (a->family == 0)
		return;
	size_t len = addr_ip_len(a);
	const uint8_t *ip = len ? get_bytes(r, len) : NULL;
	uint16_t port = get_u16(r);
	if (!ip || r->failed) {
		r->failed = true;
		*a = (struct addr){ 0 };
		return;
	}
	memcpy(a->ip, ip, len);
	a->port = port;
}

static size_t ip_len_of(uint16_t type)
{
	return type == TYPE_A ? 4 : type == TYPE_AAAA ? 16 : 0;
}

/* One uncompressed lower-case name that fills len octets exactly. */
static bool owner_is_right(const uint8_t *owner, size_t len)
{
	size_t at = 0;
	while (at < len && owner[at] != 0) {
		size_t label = owner[at];
		if (label > LABEL_MAX || label >= len - at)
			return false;
		for (size_t i = 1; i <= label; i++) {
			if (owner[at + i] >= 'A' && owner[at + i] <= 'Z')
				return false;
		}
		at += label + 1;
	}
	return at + 1 == len;
}

void ipc_set_put(struct wbuf *w, const struct ipc_set *s)
{
	size_t ip_len = ip_len_of(s->type);
	if (ip_len == 0) {
		w->failed = true;
		return;
	}
	ipc_begin(w, IPC_SET);
	put_u16(w, s->class);
	put_u16(w, s->type);
	put_block(w, s->owner, s->owner_len);
	put_u32(w, s->ttl_s);
	put_u8(w, s->pick);
	put_u16(w, s->answer_n);
	put_u16(w, s->signature_len);
	put_u16(w, s->count);
	for (size_t i = 0; i < s->count; i++) {
		put_bytes(w, s->members[i].ip, ip_len);
		put_u16(w, s->members[i].weight);
	}
}

static bool head_is_right(const struct ipc_set *s, const uint8_t *owner, size_t owner_len)
{
	return ip_len_of(s->type) > 0 && owner && owner_len <= sizeof s->owner && owner_is_right(owner, owner_len) &&
	       s->ttl_s <= TTL_MAX && s->pick >= 1 && s->pick <= PICK_MAX && s->signature_len == 0;
}

static void members_get(struct rbuf *r, const struct ipc_set *s, struct ipc_set_member *room)
{
	size_t ip_len = ip_len_of(s->type);
	for (size_t i = 0; i < s->count && !r->failed; i++) {
		const uint8_t *ip = get_bytes(r, ip_len);
		room[i] = (struct ipc_set_member){ 0 };
		if (ip)
			memcpy(room[i].ip, ip, ip_len);
		room[i].weight = get_u16(r);
	}
}

void ipc_set_get(struct rbuf *r, struct ipc_set *s, struct ipc_set_member *room, size_t max)
{
	struct ipc_set out = { 0 };
	size_t owner_len;
	out.class = get_u16(r);
	out.type = get_u16(r);
	const uint8_t *owner = get_block(r, &owner_len);
	out.ttl_s = get_u32(r);
	out.pick = get_u8(r);
	out.answer_n = get_u16(r);
	out.signature_len = get_u16(r);
	out.count = get_u16(r);
	if (r->failed || !head_is_right(&out, owner, owner_len) || out.count > max) {
		r->failed = true;
		return;
	}
	members_get(r, &out, room);
	if (r->failed || rbuf_left(r) > 0) { /* one message, one set: nothing may hide behind it */
		r->failed = true;
		return;
	}
	memcpy(out.owner, owner, owner_len);
	out.owner_len = (uint8_t)owner_len;
	out.members = room;
	*s = out;
}
