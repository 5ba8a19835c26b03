#include "zone/nsec3.h"
#include <ldns/ldns.h>
#include <string.h>
#include "dns/name.h"

void nsec3_hash(uint8_t hash[NSEC3_HASH_LEN], const uint8_t *name, uint16_t iterations, const uint8_t *salt,
		uint8_t salt_len)
{
	uint8_t in[NAME_WIRE_MAX + NSEC3_SALT_MAX];
	size_t len = name_len(name);

	memcpy(in, name, len);
	memcpy(in + len, salt, salt_len);
	ldns_sha1(in, (unsigned)len + salt_len, hash);
	memcpy(in + NSEC3_HASH_LEN, salt, salt_len);
	for (unsigned i = 0; i < iterations; i++) {
		memcpy(in, hash, NSEC3_HASH_LEN);
		ldns_sha1(in, NSEC3_HASH_LEN + (unsigned)salt_len, hash);
	}
}

/* RFC 4648 7. */
static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'v' ? c - 'a' + 10 : -1;
}

bool nsec3_label_decode(uint8_t hash[NSEC3_HASH_LEN], const uint8_t *label)
{
	uint8_t out[NSEC3_HASH_LEN];

	if (label[0] != NSEC3_LABEL_LEN)
		return false;
	for (unsigned group = 0; group < NSEC3_LABEL_LEN / 8; group++) {
		uint64_t bits = 0;
		for (unsigned i = 0; i < 8; i++) {
			int d = digit(label[1 + group * 8 + i]);
			if (d < 0)
				return false;
			bits = bits << 5 | (unsigned)d;
		}
		for (unsigned i = 0; i < 5; i++)
			out[group * 5 + i] = (uint8_t)(bits >> (32 - 8 * i));
	}
	memcpy(hash, out, sizeof out);
	return true;
}
