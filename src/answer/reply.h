/* The message being written: compiled answers are appended, moved and cut at RRset boundaries; the header and the OPT
 * come last.  Private to the answer room.
 *
 *     | header 12 | question as it came | answers … | OPT |
 *                                       ^ body_at   ^ limit keeps room for the OPT
 */
#ifndef GEMEL_ANSWER_REPLY_H
#define GEMEL_ANSWER_REPLY_H
#include "answer/db.h"
#include "answer/edns.h"
#include "answer/live.h"

#define REPLY_NO_EDE 0xffff

struct reply {
	uint8_t *out;
	size_t len, limit;
	size_t body_at;
	uint16_t an, ns, ar;
	uint16_t rcode, ede;
	bool aa, tc;
	struct edns_options *options; /* NULL unless there are any to send */
};

/* Whose name records get: the name asked, or an alias' target, as it stands in the message. */
struct reply_owner {
	unsigned at, len;
	bool wildcard; /* the answer was compiled for the "*" that stands for it */
};

/* Echoes the question and sets the limits. cap holds any error answer (512 octets). options: NULL, or encoded, borrowed
 * until the end. */
void reply_begin(struct reply *r, const struct query *q, const struct answer_limits *lim, bool tcp,
		 struct edns_options *options, uint8_t *out, size_t cap);
/* Appends what fits. False where something that is needed did not: TC is set then and nothing may follow. */
bool reply_add(struct reply *r, const struct image_answer *a, const struct reply_owner *o);
enum reply_part { REPLY_ALL = 1, REPLY_HEAD, REPLY_REST };
/* The same, at any place of a long message, or with something between head (answer and authority) and rest (glue and
 * additional); head_at: where the head was added, for the rest. An answer that is added REPLY_ALL, or a rest, has no
 * compressed names in rdata. A head must stand within the reach of IMAGE_MOVE_MAX. */
bool reply_add_part(struct reply *r, const struct image_answer *a, const struct reply_owner *o, enum reply_part part,
		    size_t head_at);
bool reply_add_live(struct reply *r, const struct answer_live *l, const struct live_choice *c,
		    const struct reply_owner *o);
/* A CNAME made from a DNAME (RFC 6672 3.1). Where its target, uncompressed, starts; 0 = did not fit. */
unsigned reply_add_cname(struct reply *r, const struct reply_owner *o, uint32_t ttl_s, const uint8_t *target,
			 size_t len);
/* Lowers the TTL of the record that starts at this offset. */
void reply_lower_ttl(struct reply *r, size_t at, uint32_t ttl_s);
/* Back to the question alone, with this rcode. */
void reply_fail(struct reply *r, uint16_t rcode, uint16_t ede);
/* Header and OPT; the length of the message. */
size_t reply_end(struct reply *r, const struct query *q, const struct answer_limits *lim);
/* After that, behind an error that a TSIG brought: says that the key is not known (RFC 8945 5.3.2). The length then. */
size_t reply_add_bad_key(struct reply *r, const struct query *q);

#endif
