#include "answer/cookie.h"
#include <sodium/crypto_kdf.h>
#include <sodium/crypto_shorthash.h>
#include <sodium/utils.h>
#include <string.h>
#include "base/buf.h"

#define DAY_S 86400u
#define PAST_MAX_S 3600  /* RFC 9018 4.3: older is refused */
#define FUTURE_MAX_S 300 /* the same: the clock of the server that made it may be ahead */
#define FRESH_S 1800     /* the same: from here on a new one is given */
#define VERSION_AT 8
#define TIME_AT 12
#define SEALED_LEN 16 /* what the hash stands behind */
#define KDF_CONTEXT "GEMLcook"

_Static_assert(COOKIE_ROOT_LEN == crypto_kdf_KEYBYTES, "the root is the KDF's key");
_Static_assert(COOKIE_SECRET_LEN == crypto_shorthash_KEYBYTES, "SipHash's key");
_Static_assert(COOKIE_LEN == SEALED_LEN + crypto_shorthash_BYTES, "SipHash's length");

/* crypto_kdf fails only for lengths outside 16..64. Day 0 has no yesterday; what stands there for it is never asked. */
static void derive(struct cookie_secrets *s, const uint8_t root[COOKIE_ROOT_LEN], uint64_t day)
{
	for (unsigned i = 0; i < 3; i++)
		if (crypto_kdf_derive_from_key(s->day[i], COOKIE_SECRET_LEN, day + i - 1, KDF_CONTEXT, root) != 0)
			memset(s->day[i], 0, COOKIE_SECRET_LEN);
}

void cookie_jar_fill(struct cookie_jar *j, const uint8_t root[COOKIE_ROOT_LEN], const uint8_t *previous,
		     uint64_t now_s)
{
	memset(j, 0, sizeof *j);
	j->day = now_s / DAY_S;
	derive(&j->current, root, j->day);
	j->has_previous = previous != NULL;
	if (previous)
		derive(&j->previous, previous, j->day);
}

bool cookie_jar_is_stale(const struct cookie_jar *j, uint64_t now_s)
{
	return j->day != now_s / DAY_S;
}

void cookie_seal(uint8_t out[COOKIE_LEN], const uint8_t head[16], const struct addr *client,
		 const uint8_t secret[COOKIE_SECRET_LEN])
{
	uint8_t in[SEALED_LEN + 16];
	const size_t ip_len = client->family == 4 ? 4 : 16;

	memcpy(in, head, SEALED_LEN);
	memcpy(in + SEALED_LEN, client->ip, ip_len);
	memmove(out, head, SEALED_LEN);
	crypto_shorthash(out + SEALED_LEN, in, SEALED_LEN + ip_len, secret);
}

static void make(uint8_t out[COOKIE_LEN], const struct cookie_jar *j, const struct addr *client, const uint8_t *half,
		 uint64_t now_s)
{
	uint8_t head[SEALED_LEN] = { [VERSION_AT] = 1 };
	uint64_t i = now_s / DAY_S + 1 - j->day; /* the jar may be filled a moment late */

	memcpy(head, half, COOKIE_CLIENT_LEN);
	store_u32(head + TIME_AT, (uint32_t)now_s);
	cookie_seal(out, head, client, j->current.day[i < 3 ? i : 1]);
}

static bool is_sealed_with(const struct cookie_secrets *s, uint64_t day, const struct addr *client,
			   const uint8_t *cookie)
{
	uint8_t ours[COOKIE_LEN];

	cookie_seal(ours, cookie, client, s->day[day]);
	return sodium_memcmp(ours + SEALED_LEN, cookie + SEALED_LEN, crypto_shorthash_BYTES) == 0;
}

/* Seconds since it was made, by RFC 1982 serial arithmetic; negative where the maker's clock is ahead. */
static int32_t age_of(const uint8_t *cookie, uint64_t now_s)
{
	return (int32_t)((uint32_t)now_s - load_u32(cookie + TIME_AT));
}

/* The reserved octets are not looked at, but the hash covers them (RFC 9018 4.2). */
static bool is_good(const struct cookie_jar *j, const struct addr *client, const uint8_t *cookie, uint64_t now_s)
{
	const int32_t age = age_of(cookie, now_s);

	if (cookie[VERSION_AT] != 1 || age > PAST_MAX_S || age < -FUTURE_MAX_S)
		return false;
	const uint64_t i = (now_s - (uint64_t)(int64_t)age) / DAY_S + 1 - j->day;
	if (i >= 3)
		return false;
	return is_sealed_with(&j->current, i, client, cookie) ||
	       (j->has_previous && is_sealed_with(&j->previous, i, client, cookie));
}

enum cookie_verdict cookie_answer(uint8_t out[COOKIE_LEN], const struct cookie_jar *j, const struct addr *client,
				  const uint8_t *cookie, size_t len, uint64_t now_s)
{
	const bool good = len == COOKIE_LEN && is_good(j, client, cookie, now_s);

	if (good && age_of(cookie, now_s) < FRESH_S)
		memcpy(out, cookie, COOKIE_LEN);
	else
		make(out, j, client, cookie, now_s);
	return good ? COOKIE_GOOD : len > COOKIE_CLIENT_LEN ? COOKIE_BAD : COOKIE_NEW;
}
