/* Keyed 64-bit hashing, one multiply a step, for tables that strangers can aim at.  Not a MAC. */
#ifndef GEMEL_BASE_HASH_H
#define GEMEL_BASE_HASH_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct hash_key {
	uint64_t k[2]; /* secret, random, odd-ness not needed */
};

/* 64x64→128 multiply folded: the mixing step of everything here. */
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
	__uint128_t r = (__uint128_t)a * b;
	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

uint64_t hash_bytes(const struct hash_key *k, const void *p, size_t len);
/* CRC-32C (Castagnoli), start with crc = 0; for torn writes, not for enemies. */
uint32_t crc32c(uint32_t crc, const void *p, size_t len);

#endif
