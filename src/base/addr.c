/* Addresses: text to octets and back (RFC 4291 2.2, RFC 5952), comparison, blocks. */
#include <stdio.h>
#include <string.h>
#include "base/addr.h"

/* A text being read: everything is bounded by end, for what comes from packets and files has no NUL. */
struct cursor {
	const char *at, *end;
};

static bool take_char(struct cursor *c, char want)
{
	if (c->at == c->end || *c->at != want)
		return false;
	c->at++;
	return true;
}

/* A decimal number of at most max, without a leading zero. */
static bool take_decimal(struct cursor *c, unsigned max, unsigned *v)
{
	const char *start = c->at;
	unsigned n = 0;
	for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
		n = n * 10 + (unsigned)(*c->at - '0');
		if (n > max)
			return false;
	}
	if (c->at == start || (*start == '0' && c->at - start > 1))
		return false;
	*v = n;
	return true;
}

static bool take_v4(struct cursor *c, uint8_t ip[4])
{
	for (int i = 0; i < 4; i++) {
		unsigned v;
		if ((i && !take_char(c, '.')) || !take_decimal(c, 255, &v))
			return false;
		ip[i] = (uint8_t)v;
	}
	return true;
}

static int hex_digit(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	if (ch >= 'a' && ch <= 'f')
		return ch - 'a' + 10;
	if (ch >= 'A' && ch <= 'F')
		return ch - 'A' + 10;
	return -1;
}

static bool take_group(struct cursor *c, uint8_t out[2])
{
	unsigned v = 0;
	int digits = 0, d;
	for (; digits < 4 && c->at < c->end && (d = hex_digit(*c->at)) >= 0; digits++, c->at++)
		v = v << 4 | (unsigned)d;
	out[0] = (uint8_t)(v >> 8);
	out[1] = (uint8_t)v;
	return digits > 0;
}

/* One group, or at the end an IPv4 address in the place of two. Returns the octets written, 0 = malformed. */
static size_t take_part(struct cursor *c, uint8_t *out, size_t room)
{
	struct cursor dotted = *c;
	if (room >= 4 && take_v4(&dotted, out)) {
		*c = dotted;
		return 4;
	}
	return room >= 2 && take_group(c, out) ? 2 : 0;
}

/* Groups are gathered in order; `gap` remembers where the "::" stood, and what came after moves to the end. */
static bool take_v6(struct cursor *c, uint8_t ip[16])
{
	uint8_t got[16];
	size_t n = 0, part = 2;
	int gap = -1;

	if (c->end - c->at >= 2 && c->at[0] == ':' && c->at[1] == ':') {
		gap = 0;
		c->at += 2;
	}
	bool more = gap < 0 || (c->at < c->end && hex_digit(*c->at) >= 0);
	while (more) {
		part = take_part(c, got + n, sizeof got - n);
		if (!part)
			return false;
		n += part;
		if (part == 4 || !take_char(c, ':'))
			break;
		if (gap < 0 && take_char(c, ':')) {
			gap = (int)n;
			more = c->at < c->end && hex_digit(*c->at) >= 0;
		}
	}
	if (gap < 0 ? n != 16 : n > 14)
		return false;
	size_t head = gap < 0 ? 16 : (size_t)gap, tail = n - head;
	memset(ip, 0, 16);
	memcpy(ip, got, head);
	memcpy(ip + 16 - tail, got + head, tail);
	return true;
}

static bool take_port(struct cursor *c, uint16_t *port)
{
	unsigned v;
	if (!take_decimal(c, 65535, &v) || v == 0)
		return false;
	*port = (uint16_t)v;
	return true;
}

/* "[…]" marks IPv6; without it a second colon does. */
static bool is_v6(const char *text, size_t len)
{
	const char *colon = memchr(text, ':', len);
	return colon && memchr(colon + 1, ':', (size_t)(text + len - colon - 1));
}

int addr_parse(struct addr *a, const char *text, size_t len, uint16_t default_port)
{
	struct addr got = { .port = default_port };
	struct cursor c = { text, text + len };
	bool bracket, ok;

	if (len == 0 || len >= ADDR_TEXT_MAX)
		return ERR_FORMAT;
	bracket = take_char(&c, '[');
	if (bracket || is_v6(text, len)) {
		got.family = 6;
		ok = take_v6(&c, got.ip) && (!bracket || take_char(&c, ']'));
	} else {
		got.family = 4;
		ok = take_v4(&c, got.ip);
	}
	if (ok && (bracket || got.family == 4) && take_char(&c, ':'))
		ok = take_port(&c, &got.port);
	if (!ok || c.at != c.end)
		return ERR_FORMAT;
	*a = got;
	return 0;
}

static bool is_common_port(unsigned port)
{
	return port == 53 || port == 80 || port == 443 || port == 853 || (port >= 1000 && port <= 9999);
}

bool addr_lacks_brackets(const char *text, size_t len, struct addr *meant)
{
	const char *colon = memrchr(text, ':', len);
	struct addr a, whole;
	uint16_t port;

	if (!colon || len >= ADDR_TEXT_MAX || text[0] == '[')
		return false;
	struct cursor c = { colon + 1, text + len };
	if (!take_port(&c, &port) || c.at != c.end || addr_parse(&a, text, (size_t)(colon - text), port) != 0 || a.family != 6)
		return false;
	if (addr_parse(&whole, text, len, 0) == 0 && !is_common_port(port))
		return false;
	*meant = a;
	return true;
}

/* RFC 5952 4.2: "::" stands for the longest run of two or more zero groups, the first of equals. */
static void find_gap(const uint8_t ip[16], int *start, int *run)
{
	*start = -1;
	*run = 1;
	for (int i = 0; i < 8; i++) {
		int n = 0;
		while (i + n < 8 && ip[2 * (i + n)] == 0 && ip[2 * (i + n) + 1] == 0)
			n++;
		if (n > *run) {
			*start = i;
			*run = n;
		}
		i += n;
	}
}

static int format_v6(const uint8_t ip[16], char *out, size_t cap)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	int start, run, n = 0;

	if (memcmp(ip, mapped, sizeof mapped) == 0) /* RFC 5952 5 */
		return snprintf(out, cap, "::ffff:%u.%u.%u.%u", ip[12], ip[13], ip[14], ip[15]);
	find_gap(ip, &start, &run);
	for (int i = 0; i < 8; i++) {
		if (i == start) {
			n += snprintf(out + n, cap - (size_t)n, "::");
			i += run - 1;
			continue;
		}
		const char *colon = i == 0 || i == start + run ? "" : ":";
		if (start < 0 && i > 0)
			colon = ":";
		n += snprintf(out + n, cap - (size_t)n, "%s%x", colon, (unsigned)(ip[2 * i] << 8 | ip[2 * i + 1]));
	}
	return n;
}

char *addr_format(const struct addr *a, bool with_port, char out[ADDR_TEXT_MAX])
{
	char ip[ADDR_TEXT_MAX - 9]; /* less "[]:65535" */
	bool port = with_port && a->port != 0;

	if (a->family == 4)
		snprintf(ip, sizeof ip, "%u.%u.%u.%u", a->ip[0], a->ip[1], a->ip[2], a->ip[3]);
	else if (a->family == 6)
		format_v6(a->ip, ip, sizeof ip);
	else
		snprintf(ip, sizeof ip, "-");
	if (!port)
		snprintf(out, ADDR_TEXT_MAX, "%s", ip);
	else
		snprintf(out, ADDR_TEXT_MAX, a->family == 6 ? "[%s]:%u" : "%s:%u", ip, a->port);
	return out;
}

bool addr_same_ip(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, addr_ip_len(a)) == 0;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return addr_same_ip(a, b) && a->port == b->port;
}

int addr_compare(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	int order = memcmp(a->ip, b->ip, addr_ip_len(a));
	if (order != 0)
		return order;
	return (a->port > b->port) - (a->port < b->port);
}

bool addr_is_any(const struct addr *a)
{
	static const uint8_t zero[16];
	return a->family != 0 && memcmp(a->ip, zero, addr_ip_len(a)) == 0;
}

bool addr_is_loopback(const struct addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };
	if (a->family == 4)
		return a->ip[0] == 127;
	return a->family == 6 && memcmp(a->ip, one, sizeof one) == 0;
}

/* Octets wholly inside the prefix stay, those outside become zero, so that two spellings of a block are equal. */
static void clear_host_bits(struct addr *a, unsigned prefix_len)
{
	for (unsigned i = 0; i < addr_ip_len(a); i++) {
		unsigned kept = prefix_len > i * 8 ? prefix_len - i * 8 : 0;
		if (kept < 8)
			a->ip[i] &= (uint8_t)(0xff00u >> kept);
	}
}

int addr_block_parse(struct addr_block *b, const char *text, size_t len)
{
	const char *slash = memchr(text, '/', len);
	size_t ip_len = slash ? (size_t)(slash - text) : len;
	struct addr base;
	unsigned prefix_len;

	/* No port and no brackets in a block: both would be read by addr_parse. */
	if (addr_parse(&base, text, ip_len, 0) < 0 || base.port != 0 || text[0] == '[')
		return ERR_FORMAT;
	prefix_len = (unsigned)addr_ip_len(&base) * 8;
	if (slash) {
		struct cursor c = { slash + 1, text + len };
		if (!take_decimal(&c, prefix_len, &prefix_len) || c.at != c.end)
			return ERR_FORMAT;
	}
	clear_host_bits(&base, prefix_len);
	*b = (struct addr_block){ .base = base, .prefix_len = (uint8_t)prefix_len };
	return 0;
}

bool addr_block_has(const struct addr_block *b, const struct addr *a)
{
	if (a->family == 0 || a->family != b->base.family)
		return false;
	struct addr masked = *a;
	clear_host_bits(&masked, b->prefix_len);
	return addr_same_ip(&masked, &b->base);
}
