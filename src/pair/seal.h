/* Keys and sealing: one subkey of the pair's key for each direction, so that no packet can be turned around, and
 * XChaCha20-Poly1305 with the header as associated data.
 *
 *     nonce (24) = octets 8..31 of the header: src dst ctlen cluster boot counter; never twice under one key, since
 *     boot is random for each session and the counter rises by one a packet.
 */
#ifndef GEMEL_PAIR_SEAL_H
#define GEMEL_PAIR_SEAL_H
#include "base/hash.h"
#include "pair/codec.h"

struct seal_keys {
	uint8_t send[PAIR_KEY_LEN], receive[PAIR_KEY_LEN];
};
enum seal_transport { SEAL_UDP = 0, SEAL_TCP = 1 };
/* The two directions between self and peer over one transport: a packet of one is none of the other. */
void seal_keys_derive(struct seal_keys *k, const uint8_t psk[PAIR_KEY_LEN], enum seal_transport t, uint8_t self,
		      uint8_t peer);
/* The cluster id of a pair's name. */
uint32_t seal_cluster(const char *name);

/* out: header, ciphertext, tag. h->text_len is set from len, which is at most PAIR_PLAIN_MAX. Returns the packet's
 * length. */
size_t seal_packet(uint8_t out[PAIR_PACKET_MAX], struct pair_header *h, const uint8_t *plain, size_t len,
		   const uint8_t key[PAIR_KEY_LEN]);
/* packet passed header_decode as h. plain gets h->text_len octets. ERR_AUTH. */
int seal_open(uint8_t plain[PAIR_PLAIN_MAX], const struct pair_header *h, const uint8_t *packet,
	      const uint8_t key[PAIR_KEY_LEN]) MUST_CHECK;

/* Keyed hash of records (SipHash), the same on all nodes of the pair. */
struct seal_digest_key {
	uint8_t k[16];
};
struct seal_digest_keys { /* one for each key that packets are sealed with: a packet's digest is under its own */
	struct seal_digest_key key[PAIR_KEYS_MAX];
	uint8_t count;
};
void seal_digest_key_derive(struct seal_digest_key *k, const uint8_t psk[PAIR_KEY_LEN]);
uint64_t seal_record_digest(const struct seal_digest_key *k, const struct pair_record *r);
/* A key for the tables of this session. */
struct hash_key seal_table_key(const uint8_t psk[PAIR_KEY_LEN], uint64_t boot);

#endif
