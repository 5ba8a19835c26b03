#include <sodium/crypto_aead_xchacha20poly1305.h>
#include <sodium/crypto_generichash.h>
#include <sodium/crypto_kdf.h>
#include <sodium/crypto_shorthash.h>
#include "pair/seal.h"

_Static_assert(PAIR_KEY_LEN == crypto_kdf_KEYBYTES, "the pair key is the KDF's key");
_Static_assert(PAIR_KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "subkeys fit the AEAD");
_Static_assert(PAIR_TAG_LEN == crypto_aead_xchacha20poly1305_ietf_ABYTES, "the tag of the AEAD");
_Static_assert(PAIR_HEADER_LEN - 8 == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
	       "header octets 8..31 are the nonce");
_Static_assert(sizeof(struct seal_digest_key) == crypto_shorthash_KEYBYTES, "key of SipHash");

#define KDF_PACKETS "GEMLpair" /* ids: transport << 16 | src << 8 | dst */
#define KDF_HASHES "GEMLhash"
#define KDF_COOKIES "GEMLroot" /* id 1 */
enum { HASH_ID_RECORDS = 1, HASH_ID_KEY = 2, HASH_ID_TABLES = 3 };

/* crypto_kdf fails only for lengths outside 16..64, and all of ours are constants inside. */
static void subkey(uint8_t *out, size_t len, uint64_t id, const char *context, const uint8_t *psk)
{
	if (crypto_kdf_derive_from_key(out, len, id, context, psk) != 0)
		memset(out, 0, len);
}

static uint64_t direction(enum seal_transport t, uint8_t src, uint8_t dst)
{
	return (uint64_t)t << 16 | (uint64_t)src << 8 | dst;
}

void seal_keys_derive(struct seal_keys *k, const uint8_t psk[PAIR_KEY_LEN], enum seal_transport t, uint8_t self,
		      uint8_t peer)
{
	subkey(k->send, sizeof k->send, direction(t, self, peer), KDF_PACKETS, psk);
	subkey(k->receive, sizeof k->receive, direction(t, peer, self), KDF_PACKETS, psk);
}

uint8_t pair_key_id(const uint8_t psk[PAIR_KEY_LEN])
{
	uint8_t id[16];
	subkey(id, sizeof id, HASH_ID_KEY, KDF_HASHES, psk);
	return id[0];
}

void pair_cookie_root(uint8_t out[PAIR_KEY_LEN], const uint8_t psk[PAIR_KEY_LEN])
{
	subkey(out, PAIR_KEY_LEN, 1, KDF_COOKIES, psk);
}

uint32_t seal_cluster(const char *name)
{
	uint8_t h[crypto_generichash_BYTES];
	crypto_generichash(h, sizeof h, (const uint8_t *)name, strlen(name), NULL, 0);
	return load_u32(h);
}

size_t seal_packet(uint8_t out[PAIR_PACKET_MAX], struct pair_header *h, const uint8_t *plain, size_t len,
		   const uint8_t key[PAIR_KEY_LEN])
{
	h->text_len = (uint16_t)len;
	header_encode(out, h);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out + PAIR_HEADER_LEN, NULL, plain, len, out, PAIR_HEADER_LEN, NULL,
						   out + 8, key);
	return PAIR_HEADER_LEN + len + PAIR_TAG_LEN;
}

int seal_open(uint8_t plain[PAIR_PLAIN_MAX], const struct pair_header *h, const uint8_t *packet,
	      const uint8_t key[PAIR_KEY_LEN])
{
	size_t len = (size_t)h->text_len + PAIR_TAG_LEN;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, packet + PAIR_HEADER_LEN, len, packet,
						       PAIR_HEADER_LEN, packet + 8, key) != 0)
		return ERR_AUTH;
	return 0;
}

void seal_digest_key_derive(struct seal_digest_key *k, const uint8_t psk[PAIR_KEY_LEN])
{
	subkey(k->k, sizeof k->k, HASH_ID_RECORDS, KDF_HASHES, psk);
}

uint64_t seal_record_digest(const struct seal_digest_key *k, const struct pair_record *r)
{
	uint8_t in[26 + PAIR_VALUE_MAX], out[crypto_shorthash_BYTES];

	in[0] = r->owner;
	in[1] = r->kind;
	store_u64(in + 2, r->key);
	store_u64(in + 10, r->epoch);
	store_u64(in + 18, r->seq);
	if (r->value_len)
		memcpy(in + 26, r->value, r->value_len);
	crypto_shorthash(out, in, 26u + r->value_len, k->k);
	return load_u64(out);
}

struct hash_key seal_table_key(const uint8_t psk[PAIR_KEY_LEN], uint64_t boot)
{
	uint8_t k[16];
	subkey(k, sizeof k, HASH_ID_TABLES, KDF_HASHES, psk);
	return (struct hash_key){ { load_u64(k) ^ boot, load_u64(k + 8) } };
}
