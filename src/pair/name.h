/* Names of records and digests of configurations: BLAKE2b, the same on every machine, and no secret.
 *
 *     name_begin ─▶ name_add … ─▶ name_end: the first 8 octets of the 16-octet BLAKE2b of all that was added
 */
#ifndef GEMEL_PAIR_NAME_H
#define GEMEL_PAIR_NAME_H
#include <stddef.h>
#include <stdint.h>

#define NAME_STATE_LEN 384 /* libsodium's, whose header stays inside */
struct name_hash {
	_Alignas(64) uint8_t state[NAME_STATE_LEN];
};
void name_begin(struct name_hash *h);
void name_add(struct name_hash *h, const void *octets, size_t len);
uint64_t name_end(struct name_hash *h);

/* The key of the record about something with a name: of what sort it is ("zone"), a NUL, and the octets that name it. */
uint64_t pair_name(const char *what, const void *octets, size_t len);

#endif
