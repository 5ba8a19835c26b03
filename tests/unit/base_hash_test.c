/* Hashes, checksums and random numbers. */
#include <stdio.h>
#include <string.h>
#include "base/hash.h"
#include "base/rng.h"
#include "tests/unit/unit.h"

static const struct hash_key key = { { 0x0123456789abcdef, 0xfedcba9876543210 } };

START_TEST(every_octet_and_the_length_matter)
{
	uint8_t text[70] = { 0 };
	for (size_t len = 0; len <= 64; len++) {
		uint64_t plain = hash_bytes(&key, text, len);
		ck_assert_uint_ne(plain, hash_bytes(&key, text, len + 1));
		for (size_t i = 0; i < len; i++) {
			for (unsigned bit = 0; bit < 8; bit++) {
				text[i] ^= (uint8_t)(1u << bit);
				ck_assert_uint_ne(plain, hash_bytes(&key, text, len));
				text[i] ^= (uint8_t)(1u << bit);
			}
		}
	}
}
END_TEST

/* Twins of two makes compare what is made of these: by an implementation in Python, words taken as little-endian. */
START_TEST(it_is_the_same_on_every_machine)
{
	const struct hash_key k = { { 1, 2 } };
	ck_assert_uint_eq(hash_bytes(&k, "twelve octets", 13), UINT64_C(0xb276277ae235d047));
	ck_assert_uint_eq(hash_bytes(&k, "www.example.test", 16), UINT64_C(0x66854e6ac5246338));
	ck_assert_uint_eq(hash_bytes(&k, "dns", 3), UINT64_C(0xbff0d3de3932a54e));
}
END_TEST

START_TEST(the_key_matters)
{
	struct hash_key a = key, b = key, zero = { { 0, 0 } };
	a.k[0]++;
	b.k[1]++;
	uint64_t h = hash_bytes(&key, "gemel", 5);
	ck_assert_uint_ne(h, hash_bytes(&a, "gemel", 5));
	ck_assert_uint_ne(h, hash_bytes(&b, "gemel", 5));
	ck_assert_uint_eq(h, hash_bytes(&key, "gemel!", 5));
	ck_assert_uint_ne(hash_bytes(&zero, "gemel", 5), hash_bytes(&zero, "lemeg", 5));
}
END_TEST

/* Numbered names in 4096 buckets by the low bits, 16 a bucket on average: chi-squared has 4095 degrees of freedom,
 * so more than 4095 + 6 * sqrt(2 * 4095) would be no chance. */
START_TEST(low_bits_spread)
{
	enum { BUCKETS = 4096, NAMES = 16 * BUCKETS };
	static unsigned bucket[BUCKETS];
	double chi = 0;
	for (unsigned i = 0; i < NAMES; i++) {
		char name[20];
		int n = snprintf(name, sizeof name, "host%05u.example", i);
		bucket[hash_bytes(&key, name, (size_t)n) % BUCKETS]++;
	}
	for (unsigned i = 0; i < BUCKETS; i++)
		chi += (bucket[i] - 16.0) * (bucket[i] - 16.0) / 16.0;
	ck_assert_double_lt(chi, 4095 + 6 * 90.5);
}
END_TEST

START_TEST(crc32c_known_answers)
{
	uint8_t zero[32] = { 0 }, ones[32], up[32];
	memset(ones, 0xff, sizeof ones);
	for (unsigned i = 0; i < 32; i++)
		up[i] = (uint8_t)i;
	ck_assert_uint_eq(crc32c(0, "", 0), 0);
	ck_assert_uint_eq(crc32c(0, "123456789", 9), 0xe3069283);
	ck_assert_uint_eq(crc32c(0, zero, 32), 0x8a9136aa); /* RFC 3720 B.4 */
	ck_assert_uint_eq(crc32c(0, ones, 32), 0x62a8ab43);
	ck_assert_uint_eq(crc32c(0, up, 32), 0x46dd794e);
	ck_assert_uint_eq(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283); /* in parts */
}
END_TEST

/* A large block may take the processor's own instruction, small parts of it never do. */
START_TEST(crc32c_of_a_large_block_is_that_of_its_parts)
{
	const size_t lens[] = { 65535, 65536, 65537, 100000 };
	uint8_t *block = malloc(100001);
	struct rng r;
	ck_assert_ptr_nonnull(block);
	rng_init(&r, 7);
	for (size_t i = 0; i < 100001; i++)
		block[i] = (uint8_t)rng_u64(&r);
	for (size_t k = 0; k < sizeof lens / sizeof *lens; k++)
		for (size_t from = 0; from < 2; from++) {
			uint32_t parts = 0;
			for (size_t at = 0; at < lens[k]; at += 1000)
				parts = crc32c(parts, block + from + at, lens[k] - at < 1000 ? lens[k] - at : 1000);
			ck_assert_uint_eq(crc32c(0, block + from, lens[k]), parts);
		}
	free(block);
}
END_TEST

START_TEST(rng_known_answers)
{
	struct rng r, s;
	rng_init(&r, 0);
	ck_assert_uint_eq(rng_u64(&r), 0x99ec5f36cb75f2b4);
	ck_assert_uint_eq(rng_u64(&r), 0xbf6e1f784956452a);
	rng_init(&s, 0);
	rng_u64(&s);
	rng_u64(&s);
	for (unsigned i = 0; i < 100; i++)
		ck_assert_uint_eq(rng_u64(&r), rng_u64(&s));
	rng_init(&s, 1);
	ck_assert_uint_ne(rng_u64(&r), rng_u64(&s));
}
END_TEST

START_TEST(rng_below_stays_below_and_reaches_all)
{
	unsigned seen[7] = { 0 };
	struct rng r;
	rng_init(&r, 42);
	ck_assert_uint_eq(rng_below(&r, 0), 0);
	ck_assert_uint_eq(rng_below(&r, 1), 0);
	for (unsigned i = 0; i < 7000; i++) {
		uint64_t v = rng_below(&r, 7);
		ck_assert_uint_lt(v, 7);
		seen[v]++;
	}
	for (unsigned i = 0; i < 7; i++)
		ck_assert_msg(seen[i] > 850 && seen[i] < 1150, "%u came %u times", i, seen[i]);
	for (unsigned i = 0; i < 1000; i++)
		ck_assert_uint_le(rng_below(&r, UINT64_MAX), UINT64_MAX - 1);
	for (unsigned i = 0; i < 1000; i++)
		ck_assert_uint_lt(rng_below(&r, ((uint64_t)1 << 63) + 1), ((uint64_t)1 << 63) + 1);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		every_octet_and_the_length_matter, it_is_the_same_on_every_machine, the_key_matters, low_bits_spread, crc32c_known_answers,
		crc32c_of_a_large_block_is_that_of_its_parts, rng_known_answers, rng_below_stays_below_and_reaches_all,
	};
	return unit_run("base_hash", tests, sizeof tests / sizeof *tests);
}
