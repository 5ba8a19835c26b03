/* Keyed hashing and CRC-32C. */
#include "base/hash.h"
#include <endian.h>
#include <stdbool.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

#define HASH_ODD 0x9e3779b97f4a7c15u /* 2^64 / golden ratio: keeps the multiplier busy under a poor key */

/* Little-endian everywhere: twins of two makes compare digests and choose by hashes. */
static inline uint64_t load_le64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return le64toh(v);
}

static inline uint32_t load_le32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v);
	return le32toh(v);
}

/* The last 0 to 8 octets as one word; the length is in the hash already, so overlaps cannot collide. */
static inline uint64_t load_tail(const uint8_t *p, size_t n)
{
	if (n == 8)
		return load_le64(p);
	if (n >= 4)
		return load_le32(p) | (uint64_t)load_le32(p + n - 4) << 32;
	if (n > 0)
		return p[0] | (uint64_t)p[n >> 1] << 8 | (uint64_t)p[n - 1] << 16;
	return 0;
}

uint64_t hash_bytes(const struct hash_key *k, const void *p, size_t len)
{
	const uint8_t *at = p;
	uint64_t mult = k->k[1] ^ HASH_ODD;
	uint64_t h = hash_mix(k->k[0] ^ len, mult);

	for (; len > 8; at += 8, len -= 8)
		h = hash_mix(h ^ load_le64(at), mult);
	return hash_mix(h ^ load_tail(at, len), mult ^ k->k[0]);
}

/* The table of a CRC is linear: the entry of an octet is the sum of the entries of its bits.  The eight
 * entries below are those of 0x01, 0x02, … 0x80 for the reflected polynomial 0x82f63b78 (RFC 3720 B.4). */
#define BIT(i, b, v) ((i) & (b) ? v##u : 0u)
#define T1(i)                                                                                     \
	(BIT(i, 0x01, 0xf26b8303) ^ BIT(i, 0x02, 0xe13b70f7) ^ BIT(i, 0x04, 0xc79a971f) ^         \
	 BIT(i, 0x08, 0x8ad958cf) ^ BIT(i, 0x10, 0x105ec76f) ^ BIT(i, 0x20, 0x20bd8ede) ^         \
	 BIT(i, 0x40, 0x417b1dbc) ^ BIT(i, 0x80, 0x82f63b78))
#define T4(i) T1(i), T1((i) + 1), T1((i) + 2), T1((i) + 3)
#define T16(i) T4(i), T4((i) + 4), T4((i) + 8), T4((i) + 12)
#define T64(i) T16(i), T16((i) + 16), T16((i) + 32), T16((i) + 48)

static const uint32_t crc_table[256] = { T64(0), T64(64), T64(128), T64(192) };

#ifdef __x86_64__
#define HARD_MIN ((size_t)64 << 10) /* asking the processor costs as much as a few KiB by table, in a virtual machine */

static bool has_hard(void)
{
	unsigned a, b, c, d;
	return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_2);
}

__attribute__((target("sse4.2"))) static uint32_t crc_hard(uint32_t crc, const uint8_t *at, size_t len)
{
	uint64_t wide = crc;
	for (; len >= 8; at += 8, len -= 8)
		wide = __builtin_ia32_crc32di(wide, load_le64(at));
	crc = (uint32_t)wide;
	while (len--)
		crc = __builtin_ia32_crc32qi(crc, *at++);
	return crc;
}
#endif

uint32_t crc32c(uint32_t crc, const void *p, size_t len)
{
	const uint8_t *at = p;
	crc = ~crc;
#ifdef __x86_64__
	if (len >= HARD_MIN && has_hard())
		return ~crc_hard(crc, at, len);
#endif
	while (len--)
		crc = crc >> 8 ^ crc_table[(crc ^ *at++) & 0xff];
	return ~crc;
}
