/* Response rate limiting: how much of what we could answer a network is really sent, so that nobody can have us flood it by
 * asking in its name.  Accounts are kept by the client's network (/24 of IPv4, /56 of IPv6) and the kind of response:
 *
 *     due ─┬───────────────┬──────────────────────┬────────────▶ time
 *          now − 1 s       now                    now + window
 *          full credit     none left: limited     the debt is not counted further
 *
 * Each response, sent or not, moves `due` one part of a second (1/rate) to the right; time moves the picture under it.  So
 * whoever goes on asking faster than the rate gets nothing but slips until it slows down, and has paid its debt after at
 * most the window.  Every slip-th response that is limited is sent truncated instead of dropped: no larger than the query,
 * and an honest client comes back over TCP, which proves its address.
 *
 * The table never grows.  An account shares a set of four, one cache line; where all are taken the least indebted gives
 * way, so that a flood from many networks forgives those who ask little and never those it aims at.  Places are chosen by
 * a keyed hash: nobody can aim at an account.  Single-threaded: a table a worker.
 */
#ifndef GEMEL_ANSWER_RATE_H
#define GEMEL_ANSWER_RATE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/hash.h"

#define RATE_EXEMPT_MAX 64 /* blocks: each costs every client of its family a comparison */

enum rate_class { RATE_NONE = 0, RATE_ANSWER, RATE_NODATA, RATE_NXDOMAIN, RATE_REFERRAL, RATE_ERROR };
enum rate_verdict { RATE_PASS = 1, RATE_DROP, RATE_SLIP };

struct rate_limits {
	uint32_t per_s;     /* from 1; past a thousand million there is no limit */
	uint32_t window_ms;
	uint32_t accounts;  /* of the table; rounded up to a power of two */
	uint16_t slip;      /* 0 = never */
	uint16_t exempt_count;
	struct addr_block exempt[RATE_EXEMPT_MAX];
};

struct rate;
/* NULL = out of memory. The key must be random: it is what keeps strangers from choosing whose account they share. */
struct rate *rate_new(const struct rate_limits *limits, const struct hash_key *key) MUST_CHECK;
void rate_free(struct rate *r); /* NULL is fine */

/* The class of a finished message (at least a header). What is truncated already counts as an answer. */
enum rate_class rate_class_of(const uint8_t *message);
bool rate_is_exempt(const struct rate *r, const struct addr *client);
/* Books one response. net: answer_prefix of the client; now_ms must not go back. An error never slips: over TCP there is
 * no more to be had. */
enum rate_verdict rate_judge(struct rate *r, uint64_t net, enum rate_class c, uint64_t now_ms);

/* So that people can be told who is limited: a few networks at a time are watched, the first that come. */
#define RATE_WATCHED_MAX 8
struct rate_watched {
	uint64_t net; /* as judged */
	uint32_t dropped, slipped;
};
/* What of their responses was limited since the last call; how many networks. One that was not is not watched any longer. The
 * one exception to "single-threaded": another thread may call this while the owner judges. */
size_t rate_take_watched(struct rate *r, struct rate_watched out[RATE_WATCHED_MAX]);

#endif
