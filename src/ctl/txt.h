/* A reply of TXT records: header and question first, records as long as they fit, header's counts and the OPT last.
 *
 *     | header 12 | question as it came | c00c TXT CH 0 len "key=value" … | … | OPT |
 */
#ifndef GEMEL_CTL_TXT_H
#define GEMEL_CTL_TXT_H
#include "base/buf.h"
#include "dns/query.h"

#define TXT_STRINGS_MAX 20 /* of one record: a forced member has 14 */
#define TXT_STRING_MAX 255 /* RFC 1035 3.3.14 */

struct txt_reply {
	struct wbuf w;
	const struct query *q;
	uint16_t count, rcode, edns_size;
	bool aa, tc;
	const char *nsid; /* NULL = none */
	const uint8_t *cookie;
	size_t cookie_len; /* 0 = none */
};
/* The strings of one record, "key=value" each. Values longer than a string holds are cut between characters. */
struct txt {
	uint8_t rdata[TXT_STRINGS_MAX * (1 + TXT_STRING_MAX)];
	size_t len;
};

/* cap: what the client takes; out holds that much. */
void txt_reply_init(struct txt_reply *r, const struct query *q, uint8_t *out, size_t cap, uint16_t edns_size);
/* False, and nothing changed, where it does not fit with room left for `reserve` octets and the OPT. */
bool txt_reply_add(struct txt_reply *r, const struct txt *t, size_t reserve);
void txt_reply_clear(struct txt_reply *r); /* back to the question */
size_t txt_reply_end(struct txt_reply *r);

void txt_init(struct txt *t);
void txt_put(struct txt *t, const char *key, const char *value);
void txt_printf(struct txt *t, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* A string without key (id.server and its kind). */
void txt_plain(struct txt *t, const char *text);

#endif
