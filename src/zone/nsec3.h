/* The hash of NSEC3 (RFC 5155 5), for the loader and for questions.
 *
 *     example.test, no salt, 0 iterations  ──SHA-1──▶ 20 octets  ◀──base32hex── "c5mmdkj0….example.test NSEC3 …"
 *
 * RFC 9276 wants no iteration at all. Each costs whoever answers, and the client chooses how often; so there is a bound,
 * the one past which validators take a zone for unsigned anyhow.
 */
#ifndef GEMEL_ZONE_NSEC3_H
#define GEMEL_ZONE_NSEC3_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NSEC3_HASH_LEN 20
#define NSEC3_LABEL_LEN 32 /* a hash in base32hex */
#define NSEC3_SALT_MAX 255
#define NSEC3_ITERATIONS_MAX 150
#define NSEC3_SHA1 1       /* the only algorithm there is */

struct nsec3_params {
	uint16_t iterations;
	uint8_t salt_len;
	uint8_t salt[NSEC3_SALT_MAX];
};

/* name: lower-case wire. */
void nsec3_hash(uint8_t hash[NSEC3_HASH_LEN], const uint8_t *name, uint16_t iterations, const uint8_t *salt,
		uint8_t salt_len);
/* A label, length octet first, in any case; false = no hash. */
bool nsec3_label_decode(uint8_t hash[NSEC3_HASH_LEN], const uint8_t *label);

#endif
