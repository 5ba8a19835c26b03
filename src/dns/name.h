/* Domain names in wire form, uncompressed: \3www\7example\4test\0 . `len` counts the root octet.
 * Stored names are lower-case (ASCII letters only: RFC 4343), packets keep the case that came. */
#ifndef GEMEL_DNS_NAME_H
#define GEMEL_DNS_NAME_H
#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "base/err.h"
#include "base/hash.h"

#define NAME_WIRE_MAX 255  /* RFC 1035 2.3.4 */
#define NAME_LABEL_MAX 63
#define NAME_LABELS_MAX 127
#define NAME_ROOM 264     /* a name that is read in whole words: 8 octets from any of its labels */
#define NAME_TEXT_MAX 1025 /* every octet as \DDD, dots, NUL */

/* Text → wire with RFC 1035 5.1 escapes (\. \DDD). Relative names get origin (wire, may be NULL = root) appended;
 * "@" is the origin. fold lower-cases. Returns the wire length, or ERR_FORMAT (empty label, bad escape),
 * ERR_LIMIT (label over 63 or name over 255). */
int name_parse(uint8_t out[NAME_WIRE_MAX], const char *text, size_t len, const uint8_t *origin, bool fold) MUST_CHECK;
/* Wire → text without the final dot ("." for the root), escaping what RFC 1035 5.1 asks. Returns out. */
char *name_format(const uint8_t *name, char out[NAME_TEXT_MAX]);
/* Length of a valid uncompressed name that starts at p, at most avail octets; ERR_SHORT or ERR_FORMAT. */
int name_check(const uint8_t *p, size_t avail) MUST_CHECK;
size_t name_len(const uint8_t *name);        /* of a checked name */
unsigned name_labels(const uint8_t *name);   /* without the root */
void name_lower(uint8_t *name, size_t len);
/* Copies a name in lower case, sixteen octets at once where `from` has so many: `to` has NAME_ROOM, and may hold anything
 * behind the name. avail: what can be read at `from`, at least len. */
static inline void name_lower_copy(uint8_t to[NAME_ROOM], const uint8_t *from, size_t len, size_t avail);
bool name_equal(const uint8_t *a, const uint8_t *b); /* ASCII case folded */
/* True where name is at or below parent. */
bool name_is_under(const uint8_t *name, const uint8_t *parent);
/* RFC 4034 6.1 canonical order: <0, 0, >0. */
int name_compare(const uint8_t *a, const uint8_t *b);
/* The suffix after n labels; n must not exceed name_labels. Borrowed. */
const uint8_t *name_skip(const uint8_t *name, unsigned n);
bool name_is_wildcard(const uint8_t *name); /* first label is exactly "*" */

/* The hash chain of suffixes: hash of a name = step over its labels from the root leftwards, so that one pass gives
 * the hash of every suffix. Names must be lower-case. */
static inline uint64_t name_hash_root(const struct hash_key *k) { return k->k[0]; }
static inline uint64_t name_hash_mult(const struct hash_key *k) { return k->k[1] ^ 0x9e3779b97f4a7c15u; }
/* label: length octet first */
uint64_t name_hash_step(const struct hash_key *k, uint64_t parent, const uint8_t *label);
/* The same for a label of more than 7; mult: name_hash_mult. */
uint64_t name_hash_long(uint64_t mult, uint64_t parent, const uint8_t *label);
/* The same for a label of any length, in NAME_ROOM: most labels are one word, from which what is behind the label is cut off. */
static inline uint64_t name_hash_step_room(uint64_t mult, uint64_t parent, const uint8_t *label)
{
	static const uint64_t kept[] = { 0xff, 0xffff, 0xffffff, UINT32_MAX, 0xffffffffff, 0xffffffffffff, 0xffffffffffffff, UINT64_MAX };
	const unsigned len = label[0];
	uint64_t w;

	if (__builtin_expect(len > 7, 0))
		return name_hash_long(mult, parent, label);
	memcpy(&w, label, sizeof w);
	return hash_mix(parent ^ (le64toh(w) & kept[len]), mult);
}
uint64_t name_hash(const struct hash_key *k, const uint8_t *name);

/* ---- inline ---- */

/* Length octets (0 to 63) are never letters (65 and up), so a whole name can be folded octet by octet. */
static inline uint8_t name_fold(uint8_t c)
{
	return (uint8_t)(c - 'A') < 26 ? (uint8_t)(c | 0x20) : c;
}

#define NAME_VECTOR 16
static inline void name_fold_vector(uint8_t *to, const uint8_t *from)
{
	typedef uint8_t octets __attribute__((vector_size(NAME_VECTOR)));
	octets v;

	memcpy(&v, from, sizeof v);
	v |= (octets)(v - (uint8_t)'A' < (uint8_t)26) & (uint8_t)0x20;
	memcpy(to, &v, sizeof v);
}

static inline void name_lower_copy(uint8_t to[NAME_ROOM], const uint8_t *from, size_t len, size_t avail)
{
	size_t at = 0;

	for (; at < len && avail - at >= NAME_VECTOR; at += NAME_VECTOR)
		name_fold_vector(to + at, from + at);
	for (; at < len; at++)
		to[at] = name_fold(from[at]);
}

#endif
