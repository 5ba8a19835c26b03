#include "tests/lib/message.h"
#include <string.h>
#include "base/buf.h"
#include "dns/const.h"
#include "dns/name.h"

/* Steps over a name; pointers must go backwards, to after the header. 0 = bad. */
static size_t walk_name(const uint8_t *msg, size_t len, size_t at)
{
	size_t end = 0, octets = 0, floor = at;

	for (;;) {
		if (at >= len)
			return 0;
		uint8_t c = msg[at];
		if ((c & 0xc0) == 0xc0) {
			if (at + 1 >= len)
				return 0;
			size_t to = load_u16(msg + at) & 0x3fffu;
			end = end ? end : at + 2;
			if (to >= floor || to < DNS_HEADER_LEN)
				return 0;
			at = floor = to;
			continue;
		}
		if (c > NAME_LABEL_MAX || (octets += c + 1u) > NAME_WIRE_MAX)
			return 0;
		at += c + 1u;
		if (c == 0)
			return end ? end : at;
	}
}

static unsigned rdata_names(unsigned type, unsigned *lead)
{
	*lead = type == DNS_TYPE_MX ? 2 : type == DNS_TYPE_SRV ? 6 : 0;
	switch (type) {
	case DNS_TYPE_NS:
	case DNS_TYPE_CNAME:
	case DNS_TYPE_PTR:
	case DNS_TYPE_DNAME:
	case DNS_TYPE_MX:
	case DNS_TYPE_SRV:
		return 1;
	case DNS_TYPE_SOA:
		return 2;
	default:
		return 0;
	}
}

static size_t walk_record(const uint8_t *msg, size_t len, size_t at)
{
	unsigned lead;
	size_t fixed = walk_name(msg, len, at);

	if (!fixed || fixed + 10 > len)
		return 0;
	size_t rdata = fixed + 10, end = rdata + load_u16(msg + fixed + 8);
	if (end > len)
		return 0;
	unsigned names = rdata_names(load_u16(msg + fixed), &lead);
	for (at = rdata + lead; names > 0; names--)
		if (!(at = walk_name(msg, end, at)) || at > end)
			return 0;
	return end;
}

bool message_is_sound(const uint8_t *in, size_t in_len, const uint8_t *msg, size_t len)
{
	size_t at = DNS_HEADER_LEN;

	if (len < DNS_HEADER_LEN || memcmp(in, msg, 2) != 0 || load_u16(msg + 4) > 1)
		return false;
	if (load_u16(msg + 4)) {
		size_t end = walk_name(msg, len, at);
		if (!end || end + 4 > len || end + 4 > in_len || memcmp(msg + at, in + at, end + 4 - at) != 0)
			return false;
		at = end + 4;
	}
	for (unsigned n = (unsigned)load_u16(msg + 6) + load_u16(msg + 8) + load_u16(msg + 10); n > 0; n--)
		if (!(at = walk_record(msg, len, at)))
			return false;
	return at == len;
}
