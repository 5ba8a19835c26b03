/* DNS cookies (RFC 7873) in the form of RFC 9018, which every server that holds the same secret can check:
 *
 *     0              8        9           12          16              24
 *     | client       | version| reserved  | timestamp | SipHash-2-4   |
 *     | its 8 octets | 1      | 0 0 0     | seconds   | of the 16 before and the client's address |
 *
 * Secrets come from a root of 32 octets that twins share, a fresh one a day: whichever twin made a cookie, its timestamp
 * says which day's secret it was. A jar is immutable once filled; the edge fills a new one when the day or the root
 * changes, and publishes it as it does all that workers read.
 */
#ifndef GEMEL_ANSWER_COOKIE_H
#define GEMEL_ANSWER_COOKIE_H
#include <stdbool.h>
#include <stdint.h>
#include "base/addr.h"

#define COOKIE_ROOT_LEN 32
#define COOKIE_SECRET_LEN 16
#define COOKIE_CLIENT_LEN 8
#define COOKIE_LEN 24 /* both halves */

struct cookie_secrets { uint8_t day[3][COOKIE_SECRET_LEN]; }; /* yesterday's, today's, tomorrow's (a twin's clock) */
struct cookie_jar {
	uint64_t day;                 /* today, counted from 1970 */
	bool has_previous;
	struct cookie_secrets current;
	struct cookie_secrets previous; /* of the root that was changed a short time ago: still accepted */
};

enum cookie_verdict {
	COOKIE_NEW = 1, /* only the client's half */
	COOKIE_BAD,     /* a server's half that is not ours, too old, or for another address */
	COOKIE_GOOD
};

/* previous: NULL = none. */
void cookie_jar_fill(struct cookie_jar *j, const uint8_t root[COOKIE_ROOT_LEN], const uint8_t *previous,
		     uint64_t now_s);
/* What the jar of that moment would differ in: true when a new one is due. */
bool cookie_jar_is_stale(const struct cookie_jar *j, uint64_t now_s);

/* What came (8, or 16 to 40 octets) → what to send, and what to think of it. A good one younger than half an hour comes
 * back as it was (RFC 9018 4.3). */
enum cookie_verdict cookie_answer(uint8_t out[COOKIE_LEN], const struct cookie_jar *j, const struct addr *client,
				  const uint8_t *cookie, size_t len, uint64_t now_s);
/* One cookie: head is its first 16 octets. Only tests name a secret. */
void cookie_seal(uint8_t out[COOKIE_LEN], const uint8_t head[16], const struct addr *client,
		 const uint8_t secret[COOKIE_SECRET_LEN]);

#endif
