#include "zone/compile.h"
#include <string.h>

#define RECORD_FIXED 10 /* type, class, TTL, rdata length */
#define OPT_PLAIN 11    /* every answer leaves room for an OPT without options */

void compile_align(struct bytes *out, size_t align)
{
	static const uint8_t zero[8];
	size_t over = out->len % align;

	if (over)
		bytes_add(out, zero, align - over);
}

unsigned compile_rdata_names(uint16_t type, unsigned *lead)
{
	*lead = 0;
	switch (type) {
	case DNS_TYPE_NS:
	case 3: /* MD */
	case 4: /* MF */
	case DNS_TYPE_CNAME:
	case 7: /* MB */
	case 8: /* MG */
	case 9: /* MR */
	case DNS_TYPE_PTR:
		return 1;
	case DNS_TYPE_SOA:
	case 14: /* MINFO */
		return 2;
	case DNS_TYPE_MX:
		*lead = 2;
		return 1;
	default:
		return 0;
	}
}

/* ---- the dictionary of names that later ones can point at ---- */

static uint8_t fold(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* True where the name at offset at of the message (which may end in pointers of ours) is `name`. */
static bool name_matches(const struct compile *c, size_t at, const uint8_t *name)
{
	for (;;) {
		while ((c->msg[at] & 0xc0) == 0xc0)
			at = load_u16(c->msg + at) & 0x3fffu;
		uint8_t n = c->msg[at];
		if (n != name[0])
			return false;
		if (n == 0)
			return true;
		for (unsigned i = 1; i <= n; i++)
			if (fold(c->msg[at + i]) != fold(name[i]))
				return false;
		at += n + 1u;
		name += n + 1u;
	}
}

/* The place where the suffix with this hash stands, or where it belongs. */
static uint16_t *dict_place(struct compile *c, uint64_t hash, const uint8_t *name)
{
	size_t i = (size_t)hash % COMPILE_NAMES;

	while (c->name_at[i] && !name_matches(c, c->name_at[i], name))
		i = (i + 1) % COMPILE_NAMES;
	return &c->name_at[i];
}

static void dict_add(struct compile *c, uint16_t *place, size_t at)
{
	if (at > IMAGE_POINTER_MAX || c->name_count >= COMPILE_NAMES / 2)
		return;
	*place = (uint16_t)at;
	c->name_count++;
}

/* Offsets of the labels of name and the hashes of the suffixes they start; returns the number of labels. */
static unsigned name_split(const struct compile *c, const uint8_t *name, uint8_t at[NAME_LABELS_MAX + 1],
			   uint64_t hash[NAME_LABELS_MAX + 1])
{
	uint8_t lower[NAME_WIRE_MAX];
	unsigned n = 0;
	size_t len = name_len(name);

	memcpy(lower, name, len);
	name_lower(lower, len);
	for (size_t i = 0; lower[i]; i += lower[i] + 1u)
		at[n++] = (uint8_t)i;
	uint64_t h = name_hash_root(&c->key);
	for (unsigned i = n; i-- > 0;)
		hash[i] = h = name_hash_step(&c->key, h, lower + at[i]);
	return n;
}

/* Put off until a first name needs it: most answers hold none. */
static void dict_begin(struct compile *c)
{
	uint8_t at[NAME_LABELS_MAX + 1];
	uint64_t hash[NAME_LABELS_MAX + 1];
	const uint8_t *owner = c->msg + DNS_HEADER_LEN;

	if (c->dict_ready)
		return;
	c->dict_ready = true;
	memset(c->name_at, 0, sizeof c->name_at);
	unsigned n = name_split(c, owner, at, hash);
	for (unsigned i = c->wildcard ? 1 : 0; i < n; i++)
		dict_add(c, dict_place(c, hash[i], owner + at[i]), DNS_HEADER_LEN + (size_t)at[i]);
}

/* ---- writing into msg; 0 or ERR_SHORT / ERR_LIMIT ---- */

static int put(struct compile *c, const void *p, size_t n)
{
	if (n > sizeof c->msg - OPT_PLAIN - c->len)
		return ERR_SHORT;
	memcpy(c->msg + c->len, p, n);
	c->len += n;
	return 0;
}

static int put_pointer(struct compile *c, size_t to)
{
	uint8_t p[2];

	if (c->reloc_count >= COMPILE_RELOCS_MAX)
		return ERR_LIMIT;
	c->reloc[c->reloc_count++] = (uint16_t)(c->len - c->body_at);
	store_u16(p, (uint16_t)(0xc000 | to));
	return put(c, p, 2);
}

static int put_name(struct compile *c, const uint8_t *name)
{
	uint8_t at[NAME_LABELS_MAX + 1];
	uint64_t hash[NAME_LABELS_MAX + 1];
	size_t start = c->len;
	uint16_t target = 0;

	dict_begin(c);
	unsigned labels = name_split(c, name, at, hash), known = 0;
	while (known < labels && (target = *dict_place(c, hash[known], name + at[known])) == 0)
		known++;
	int e = put(c, name, target ? at[known] : name_len(name));
	if (!e && target)
		e = put_pointer(c, target);
	for (unsigned i = 0; !e && i < known; i++)
		dict_add(c, dict_place(c, hash[i], name + at[i]), start + at[i]);
	return e;
}

static int put_rdata(struct compile *c, uint16_t type, const struct zone_rdata *rd, bool plain)
{
	unsigned lead, names = plain ? 0 : compile_rdata_names(type, &lead);
	size_t at = 0;
	int e = 0;

	if (names && lead <= rd->len) {
		e = put(c, rd->wire, lead);
		at = lead;
	}
	for (unsigned i = 0; !e && i < names; i++) {
		int n = name_check(rd->wire + at, rd->len - at);
		if (n < 0)
			break; /* not what its type says: as it came, RFC 3597 */
		e = put_name(c, rd->wire + at);
		at += (size_t)n;
	}
	return e ? e : put(c, rd->wire + at, rd->len - at);
}

static int put_record(struct compile *c, const uint8_t *owner, const struct zone_rrset *r, const struct zone_rdata *rd,
		      bool plain)
{
	uint8_t fixed[RECORD_FIXED];
	int e;

	if (owner)
		e = put_name(c, owner);
	else
		e = c->owner_len == 1 ? put(c, "", 1) : put_pointer(c, DNS_HEADER_LEN);
	if (e)
		return e;
	store_u16(fixed, r->type);
	store_u16(fixed + 2, DNS_CLASS_IN);
	store_u32(fixed + 4, r->ttl);
	if ((e = put(c, fixed, sizeof fixed)) != 0)
		return e;
	size_t start = c->len;
	if ((e = put_rdata(c, r->type, rd, plain)) != 0)
		return e;
	store_u16(c->msg + start - 2, (uint16_t)(c->len - start));
	return 0;
}

/* Forgets names at or after offset len, which were taken back. */
static void dict_cut(struct compile *c, size_t len)
{
	uint16_t kept[COMPILE_NAMES / 2];
	size_t n = 0;
	uint8_t at[NAME_LABELS_MAX + 1];
	uint64_t hash[NAME_LABELS_MAX + 1];

	if (!c->dict_ready)
		return;
	for (size_t i = 0; i < COMPILE_NAMES; i++)
		if (c->name_at[i] && c->name_at[i] < len)
			kept[n++] = c->name_at[i];
	memset(c->name_at, 0, sizeof c->name_at);
	c->name_count = 0;
	for (size_t i = 0; i < n; i++) {
		uint8_t name[NAME_WIRE_MAX];
		size_t from = kept[i], to = 0;
		for (;;) {
			while ((c->msg[from] & 0xc0) == 0xc0)
				from = load_u16(c->msg + from) & 0x3fffu;
			size_t step = c->msg[from] + 1u;
			memcpy(name + to, c->msg + from, step);
			to += step;
			from += step;
			if (step == 1)
				break;
		}
		(void)name_split(c, name, at, hash);
		dict_add(c, dict_place(c, hash[0], name), kept[i]);
	}
}

void compile_begin(struct compile *c, const uint8_t *owner, bool wildcard)
{
	size_t len = name_len(owner);

	memset(c->msg, 0, DNS_HEADER_LEN);
	memcpy(c->msg + DNS_HEADER_LEN, owner, len);
	memset(c->msg + DNS_HEADER_LEN + len, 0, 4);
	c->wildcard = wildcard;
	c->owner_len = (uint8_t)len;
	c->len = DNS_HEADER_LEN + len + 4;
	c->body_at = (uint16_t)c->len;
	c->dict_ready = false;
	c->segment_count = c->reloc_count = c->name_count = 0;
	c->company_count = 0;
	memset(c->section_count, 0, sizeof c->section_count);
}

int compile_rrset(struct compile *c, enum image_section s, const uint8_t *owner, const struct zone_rrset *r, bool plain)
{
	const size_t len = c->len, relocs = c->reloc_count;
	int e = c->segment_count < COMPILE_SEGMENTS_MAX ? 0 : ERR_LIMIT;

	for (unsigned i = 0; !e && i < r->count; i++)
		e = put_record(c, owner, r, &r->rdata[i], plain);
	if (e) {
		c->len = len;
		c->reloc_count = relocs;
		dict_cut(c, len);
		return e;
	}
	c->segment[c->segment_count++] = (struct image_segment){
		.end = (uint16_t)(c->len - c->body_at), .section = (uint8_t)s, .count = r->count };
	c->section_count[s] = (uint16_t)(c->section_count[s] + r->count);
	return 0;
}

/* Where the rdata of a record of the first RRset begins: those have the owner's name. */
static size_t rdata_at(const struct compile *c, unsigned record)
{
	const size_t head = (c->owner_len == 1 ? 1u : 2u) + RECORD_FIXED;
	size_t at = c->body_at + head;

	for (; record > 0; record--)
		at += load_u16(c->msg + at - 2) + head;
	return at;
}

void compile_companion(struct compile *c, int record, size_t lead, uint32_t slot)
{
	size_t at = record < 0 ? DNS_HEADER_LEN : rdata_at(c, (unsigned)record) + lead;

	while ((c->msg[at] & 0xc0) == 0xc0) /* a name that is a pointer alone: to where that points */
		at = load_u16(c->msg + at) & 0x3fffu;
	if (at > IMAGE_POINTER_MAX || c->company_count == IMAGE_COMPANY_MAX)
		return;
	c->company[c->company_count++] = (struct image_companion){ .slot = slot, .owner = (uint16_t)at };
}

/* One RRset in the answer section has no list of sections; but who brings company is no plain answer. */
static bool is_plain(const struct compile *c)
{
	return c->segment_count == 1 && c->segment[0].section == IMAGE_ANSWER && c->company_count == 0;
}

/* In front of the answer, the first one last. */
static void add_company(const struct compile *c, struct bytes *out)
{
	if (c->company_count)
		compile_align(out, _Alignof(struct image_companion));
	for (unsigned i = c->company_count; i-- > 0;) {
		struct image_companion x = c->company[i];
		x.more = (uint16_t)(c->company_count - 1 - i);
		bytes_add(out, &x, sizeof x);
	}
}

void compile_join(struct compile *c)
{
	const struct image_segment *last = &c->segment[--c->segment_count];
	struct image_segment *into = &c->segment[c->segment_count - 1];

	into->end = last->end;
	into->count = (uint16_t)(into->count + last->count);
}

uint32_t compile_end(const struct compile *c, struct bytes *out)
{
	const size_t implied = c->reloc_count > 0 && c->reloc[0] == 0;
	struct image_answer a = {
		.body_len = (uint16_t)(c->len - c->body_at),
		.reloc_count = (uint16_t)(c->reloc_count - implied),
		.an = c->section_count[IMAGE_ANSWER],
		.name_len = c->owner_len,
		.flags = is_plain(c) ? 0 : IMAGE_ANSWER_SECTIONS,
	};
	struct image_sections s = {
		.ns = c->section_count[IMAGE_AUTHORITY],
		.ar = (uint16_t)(c->section_count[IMAGE_GLUE] + c->section_count[IMAGE_ADDITIONAL]),
		.segment_count = (uint16_t)c->segment_count,
	};

	compile_align(out, _Alignof(struct image_answer));
	add_company(c, out);
	size_t at = out->len;
	bytes_add(out, &a, sizeof a);
	if (a.flags & IMAGE_ANSWER_SECTIONS) {
		bytes_add(out, &s, sizeof s);
		bytes_add(out, c->segment, c->segment_count * sizeof c->segment[0]);
	}
	bytes_add(out, c->reloc + implied, a.reloc_count * sizeof c->reloc[0]);
	bytes_add(out, c->msg + c->body_at, a.body_len);
	return (uint32_t)at;
}
