#include "script/dnsmsg.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/addr.h"
#include "base/buf.h"
#include "dns/const.h"

/* The name at *at, decompressed; *at moves behind it, not past end. A pointer must lead before where the part began that holds it, so
 * the walk ends. */
static int read_name(const struct dnsmsg *m, size_t *at, size_t end, uint8_t out[NAME_WIRE_MAX])
{
	size_t pos = *at, part = *at, len = 0, limit = end;
	bool jumped = false;

	for (;;) {
		uint8_t n;

		if (pos >= limit)
			return ERR_FORMAT;
		n = m->wire[pos];
		if (n >= 0xc0) {
			size_t to;

			if (pos + 2 > limit)
				return ERR_FORMAT;
			to = load_u16(m->wire + pos) & 0x3fffu;
			if (to >= part || to < DNS_HEADER_LEN)
				return ERR_FORMAT;
			if (!jumped)
				*at = pos + 2;
			jumped = true;
			limit = m->len;
			pos = part = to;
			continue;
		}
		if (n > NAME_LABEL_MAX || pos + 1 + n > limit || len + 1 + n > NAME_WIRE_MAX)
			return ERR_FORMAT;
		memcpy(out + len, m->wire + pos, 1u + n);
		len += 1u + n;
		pos += 1u + n;
		if (n == 0)
			break;
	}
	if (!jumped)
		*at = pos;
	return 0;
}

int dnsmsg_begin(struct dnsmsg *m, const uint8_t *wire, size_t len)
{
	struct dnsmsg new = { .wire = wire, .len = len, .at = DNS_HEADER_LEN };
	uint8_t name[NAME_WIRE_MAX];

	if (len < DNS_HEADER_LEN || len > DNS_MESSAGE_MAX)
		return ERR_FORMAT;
	new.flags = load_u16(wire + 2);
	for (int i = 0; i < 4; i++)
		new.left[i] = load_u16(wire + 4 + 2 * i);
	if (!(new.flags & DNS_FLAG_QR) || new.left[0] > 1)
		return ERR_FORMAT;
	if (new.left[0] == 1) {
		if (read_name(&new, &new.at, len, name) != 0 || len - new.at < 4)
			return ERR_FORMAT;
		new.at += 4;
		new.left[0] = 0;
	}
	*m = new;
	return 0;
}

int dnsmsg_next(struct dnsmsg *m, struct dnsmsg_record *r)
{
	int section = DNSMSG_ANSWER;
	const uint8_t *p;

	while (section <= DNSMSG_ADDITIONAL && m->left[section] == 0)
		section++;
	if (section > DNSMSG_ADDITIONAL)
		return m->at == m->len ? 0 : ERR_FORMAT;
	if (read_name(m, &m->at, m->len, r->name) != 0 || m->len - m->at < 10)
		return ERR_FORMAT;
	p = m->wire + m->at;
	r->section = (enum dnsmsg_section)section;
	r->type = load_u16(p);
	r->class = load_u16(p + 2);
	r->ttl_s = load_u32(p + 4);
	r->data_len = load_u16(p + 8);
	r->data_at = m->at + 10;
	if (m->len - r->data_at < r->data_len)
		return ERR_FORMAT;
	m->at = r->data_at + r->data_len;
	m->left[section]--;
	return 1;
}

/* ---- data as text ---- */

const char *dnsmsg_layout(uint16_t type)
{
	switch (type) {
	case DNS_TYPE_A: return "a";
	case DNS_TYPE_AAAA: return "A";
	case DNS_TYPE_NS:
	case DNS_TYPE_CNAME:
	case DNS_TYPE_PTR:
	case DNS_TYPE_DNAME: return "n";
	case DNS_TYPE_MX: return "2n";
	case DNS_TYPE_SRV: return "222n";
	case DNS_TYPE_SOA: return "nn44444";
	case DNS_TYPE_TXT: return "s";
	default: return NULL;
	}
}

struct text {
	char *out;
	size_t len;
};

static void add(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->out + t->len, DNSMSG_TEXT_MAX - t->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->len = t->len + (size_t)n < DNSMSG_TEXT_MAX ? t->len + (size_t)n : DNSMSG_TEXT_MAX - 1;
}

static void add_address(struct text *t, const uint8_t *p, uint8_t family)
{
	struct addr a = { .family = family };
	char room[ADDR_TEXT_MAX];

	memcpy(a.ip, p, addr_ip_len(&a));
	add(t, "%s", addr_format(&a, false, room));
}

/* One <character-string>, quoted (RFC 1035 5.1). */
static int add_string(const struct dnsmsg *m, size_t *at, size_t end, struct text *t)
{
	size_t n = m->wire[*at];

	if (end - *at < n + 1)
		return ERR_FORMAT;
	add(t, "\"");
	for (size_t i = *at + 1; i <= *at + n; i++) {
		uint8_t c = m->wire[i];

		if (c == '"' || c == '\\')
			add(t, "\\%c", c);
		else if (c >= 0x20 && c < 0x7f)
			add(t, "%c", c);
		else
			add(t, "\\%03u", c);
	}
	add(t, "\"");
	*at += n + 1;
	return 0;
}

static int add_name(const struct dnsmsg *m, size_t *at, size_t end, struct text *t)
{
	uint8_t name[NAME_WIRE_MAX];
	char room[NAME_TEXT_MAX];

	if (read_name(m, at, end, name) != 0)
		return ERR_FORMAT;
	add(t, "%s", name_format(name, room));
	return 0;
}

static int add_item(const struct dnsmsg *m, char item, size_t *at, size_t end, struct text *t)
{
	size_t need = item == 'a' || item == '4' ? 4 : item == 'A' ? 16 : item == '2' ? 2 : 1;
	const uint8_t *p = m->wire + *at;

	if (end - *at < need)
		return ERR_FORMAT;
	if (item == 'n')
		return add_name(m, at, end, t);
	if (item == 's') {
		int e = 0;

		for (bool first = true; e == 0 && *at < end; first = false) {
			add(t, "%s", first ? "" : " ");
			e = add_string(m, at, end, t);
		}
		return e;
	}
	if (item == '2')
		add(t, "%u", load_u16(p));
	else if (item == '4')
		add(t, "%u", (unsigned)load_u32(p));
	else
		add_address(t, p, item == 'a' ? 4 : 6);
	*at += need;
	return 0;
}

/* RFC 3597 5. */
static void add_unknown(const struct dnsmsg *m, const struct dnsmsg_record *r, struct text *t)
{
	add(t, "\\# %zu%s", r->data_len, r->data_len > 0 ? " " : "");
	for (size_t i = 0; i < r->data_len && t->len < DNSMSG_TEXT_MAX - 1; i++)
		add(t, "%02x", m->wire[r->data_at + i]);
}

int dnsmsg_text(const struct dnsmsg *m, const struct dnsmsg_record *r, char out[DNSMSG_TEXT_MAX])
{
	const char *layout = r->class == DNS_CLASS_IN || r->type == DNS_TYPE_TXT || r->type == DNS_TYPE_SOA ? dnsmsg_layout(r->type) : NULL;
	size_t at = r->data_at, end = r->data_at + r->data_len;
	struct text t = { .out = out };

	out[0] = '\0';
	if (layout == NULL) {
		add_unknown(m, r, &t);
		return 0;
	}
	for (const char *item = layout; *item != '\0'; item++) {
		int e;

		add(&t, "%s", item == layout ? "" : " ");
		e = add_item(m, *item, &at, end, &t);
		if (e != 0)
			return e;
	}
	return at == end ? 0 : ERR_FORMAT;
}

int dnsmsg_serial(const struct dnsmsg *m, const struct dnsmsg_record *r, uint32_t *serial)
{
	size_t at = r->data_at, end = r->data_at + r->data_len;
	uint8_t name[NAME_WIRE_MAX];

	if (r->type != DNS_TYPE_SOA || read_name(m, &at, end, name) != 0 || read_name(m, &at, end, name) != 0 || end - at != 20)
		return ERR_FORMAT;
	*serial = load_u32(m->wire + at);
	return 0;
}
