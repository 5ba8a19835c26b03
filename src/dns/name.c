/* Domain names: folding, order, suffixes, hash chain. */
#include <string.h>
#include "dns/name.h"

void name_lower(uint8_t *name, size_t len)
{
	for (; len >= NAME_VECTOR; name += NAME_VECTOR, len -= NAME_VECTOR)
		name_fold_vector(name, name);
	for (; len; name++, len--)
		*name = name_fold(*name);
}

int name_check(const uint8_t *p, size_t avail)
{
	size_t at = 0;
	while (at < avail && p[at] != 0) {
		if (p[at] > NAME_LABEL_MAX)
			return ERR_FORMAT;
		at += 1u + p[at];
		if (at >= NAME_WIRE_MAX) /* no room for the root octet */
			return ERR_FORMAT;
	}
	return at < avail ? (int)at + 1 : ERR_SHORT;
}

size_t name_len(const uint8_t *name)
{
	size_t at = 0;
	while (name[at] != 0)
		at += 1u + name[at];
	return at + 1;
}

unsigned name_labels(const uint8_t *name)
{
	unsigned n = 0;
	for (; *name; name += 1 + *name)
		n++;
	return n;
}

const uint8_t *name_skip(const uint8_t *name, unsigned n)
{
	while (n--)
		name += 1 + *name;
	return name;
}

bool name_equal(const uint8_t *a, const uint8_t *b)
{
	size_t len = name_len(a);
	if (len != name_len(b))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (name_fold(a[i]) != name_fold(b[i]))
			return false;
	}
	return true;
}

bool name_is_under(const uint8_t *name, const uint8_t *parent)
{
	unsigned depth = name_labels(name), above = name_labels(parent);
	return depth >= above && name_equal(name_skip(name, depth - above), parent);
}

static int compare_label(const uint8_t *a, const uint8_t *b)
{
	unsigned shorter = *a < *b ? *a : *b;
	for (unsigned i = 1; i <= shorter; i++) {
		if (name_fold(a[i]) != name_fold(b[i]))
			return name_fold(a[i]) - name_fold(b[i]);
	}
	return *a - *b;
}

static unsigned label_offsets(const uint8_t *name, uint8_t at[NAME_LABELS_MAX + 1])
{
	unsigned n = 0, offset = 0;
	for (; name[offset]; offset += 1u + name[offset])
		at[n++] = (uint8_t)offset;
	return n;
}

int name_compare(const uint8_t *a, const uint8_t *b)
{
	uint8_t at_a[NAME_LABELS_MAX + 1], at_b[NAME_LABELS_MAX + 1];
	unsigned na = label_offsets(a, at_a), nb = label_offsets(b, at_b);

	for (unsigned i = 1; i <= na && i <= nb; i++) {
		int order = compare_label(a + at_a[na - i], b + at_b[nb - i]);
		if (order != 0)
			return order;
	}
	return (na > nb) - (na < nb);
}

bool name_is_wildcard(const uint8_t *name)
{
	return name[0] == 1 && name[1] == '*';
}

static inline uint64_t load_le64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return le64toh(v);
}

static inline uint64_t load_le32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v);
	return le32toh(v);
}

/* 1 to 7 octets as one word, the first lowest, zero behind; the last ones of 4 and more are read a second time. */
static inline uint64_t load_short(const uint8_t *p, size_t n)
{
	if (n < 4)
		return p[0] | (uint64_t)p[n >> 1] << 8 * (n >> 1) | (uint64_t)p[n - 1] << 8 * (n - 1);
	return load_le32(p) | load_le32(p + n - 4) << 8 * (n - 4);
}

/* A label of up to 7 letters is one word and one multiply. The length octet is in the first word, which makes a
 * chain of labels as unambiguous as the name itself; the last word of a longer label overlaps the one before
 * instead of reading past the end. */
uint64_t name_hash_step(const struct hash_key *k, uint64_t parent, const uint8_t *label)
{
	const uint64_t mult = name_hash_mult(k);

	if (label[0] < 7)
		return hash_mix(parent ^ load_short(label, 1u + label[0]), mult);
	return label[0] == 7 ? hash_mix(parent ^ load_le64(label), mult) : name_hash_long(mult, parent, label);
}

uint64_t name_hash_long(uint64_t mult, uint64_t parent, const uint8_t *label)
{
	const size_t n = 1u + label[0];
	uint64_t h = hash_mix(parent ^ load_le64(label), mult);
	size_t at = 8;

	for (; at + 8 < n; at += 8)
		h = hash_mix(h ^ load_le64(label + at), mult);
	return hash_mix(h ^ load_le64(label + n - 8), mult);
}

uint64_t name_hash(const struct hash_key *k, const uint8_t *name)
{
	uint8_t at[NAME_LABELS_MAX + 1];
	uint64_t h = name_hash_root(k);

	for (unsigned i = label_offsets(name, at); i > 0; i--)
		h = name_hash_step(k, h, name + at[i - 1]);
	return h;
}
