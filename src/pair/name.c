#include <sodium/crypto_generichash.h>
#include <string.h>
#include "base/buf.h"
#include "pair/name.h"

_Static_assert(sizeof(crypto_generichash_state) <= NAME_STATE_LEN, "the hash fits");
_Static_assert(_Alignof(crypto_generichash_state) <= _Alignof(struct name_hash), "and is aligned");

static crypto_generichash_state *state_of(struct name_hash *h)
{
	return (crypto_generichash_state *)(void *)h->state;
}

void name_begin(struct name_hash *h)
{
	crypto_generichash_init(state_of(h), NULL, 0, crypto_generichash_BYTES_MIN);
}

void name_add(struct name_hash *h, const void *octets, size_t len)
{
	crypto_generichash_update(state_of(h), octets, len);
}

uint64_t name_end(struct name_hash *h)
{
	uint8_t out[crypto_generichash_BYTES_MIN];
	crypto_generichash_final(state_of(h), out, sizeof out);
	return load_u64(out);
}

uint64_t pair_name(const char *what, const void *octets, size_t len)
{
	struct name_hash h;
	name_begin(&h);
	name_add(&h, what, strlen(what) + 1);
	name_add(&h, octets, len);
	return name_end(&h);
}
