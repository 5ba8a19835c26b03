#include "app/limited.h"
#include <stdio.h>
#include <string.h>
#include "base/buf.h"

bool limited_note(struct limited *l, const struct rate_watched *w, uint64_t now_ms)
{
	struct limited_net *n = NULL;
	for (size_t i = 0; i < LIMITED_MAX; i++) {
		if (l->nets[i].net == w->net) {
			n = &l->nets[i];
			break;
		}
		if (!l->nets[i].net && !n)
			n = &l->nets[i];
	}
	if (!n)
		return false;
	const bool begins = n->net != w->net;
	if (begins)
		*n = (struct limited_net){ .net = w->net, .since_ms = now_ms };
	n->last_ms = now_ms;
	n->dropped += w->dropped;
	n->slipped += w->slipped;
	return begins;
}

bool limited_take_ended(struct limited *l, uint64_t now_ms, uint64_t quiet_ms, struct limited_net *out)
{
	for (size_t i = 0; i < LIMITED_MAX; i++)
		if (l->nets[i].net && l->nets[i].last_ms + quiet_ms <= now_ms) {
			*out = l->nets[i];
			l->nets[i].net = 0;
			return true;
		}
	return false;
}

const char *limited_net_text(uint64_t net, char out[LIMITED_TEXT_MAX])
{
	struct addr a = { .family = (uint8_t)(net >> 56) };
	char text[ADDR_TEXT_MAX];
	if (a.family == 4)
		store_u32(a.ip, (uint32_t)(net << 8));
	else
		store_u64(a.ip, net << 8);
	snprintf(out, LIMITED_TEXT_MAX, "%s/%d", addr_format(&a, false, text), a.family == 4 ? 24 : 56);
	return out;
}
