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
static inline void reply_begin(struct reply *r, const struct query *q, const struct answer_limits *lim, bool tcp,
			       struct edns_options *options, uint8_t *out, size_t cap);
/* Begins the answer section with an answer that was compiled for the name asked. False: nothing was done, for it has
 * other sections or does not fit whole: reply_add knows what to do. */
static inline bool reply_start_with(struct reply *r, const struct image_answer *a);
/* The same with records of a live RRset; a wildcard's fit any name. False: they do not fit. */
static inline bool reply_start_live(struct reply *r, const struct answer_live *l, unsigned lead);
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
/* The same in the additional section, at any owner; it must fit. */
void reply_add_live_additional(struct reply *r, const struct answer_live *l, const struct live_choice *c,
			       const struct reply_owner *o);
/* Where a compression pointer of a that was added at `at` for this owner points in the message. */
unsigned reply_moved(const struct image_answer *a, unsigned pointer, size_t at, const struct reply_owner *o);
/* A CNAME made from a DNAME (RFC 6672 3.1). Where its target, uncompressed, starts; 0 = did not fit. */
unsigned reply_add_cname(struct reply *r, const struct reply_owner *o, uint32_t ttl_s, const uint8_t *target,
			 size_t len);
/* Lowers the TTL of the record that starts at this offset. */
void reply_lower_ttl(struct reply *r, size_t at, uint32_t ttl_s);
/* Back to the question alone, with this rcode. */
void reply_fail(struct reply *r, uint16_t rcode, uint16_t ede);
/* Header and OPT; the length of the message. */
static inline size_t reply_end(struct reply *r, const struct query *q, const struct answer_limits *lim);
/* After that, behind an error that a TSIG brought: says that the key is not known (RFC 8945 5.3.2). The length then. */
size_t reply_add_bad_key(struct reply *r, const struct query *q);

/* ---- inline, for these write nearly every answer ---- */

#define REPLY_OPT_LEN 11

/* Questions, and bodies of an address or two, have 16 to 32 octets: both halves, which may overlap. */
static inline void reply_copy(uint8_t *to, const uint8_t *from, size_t n)
{
	uint64_t w[4];

	if (__builtin_expect(n - 16 > 16, 0)) {
		memcpy(to, from, n);
		return;
	}
	memcpy(w, from, 16);
	memcpy(w + 2, from + n - 16, 16);
	memcpy(to, w, 16);
	memcpy(to + n - 16, w + 2, 16);
}

static inline size_t reply_udp_limit(const struct query *q, const struct answer_limits *lim)
{
	size_t size = q->edns_size < lim->udp_edns_max ? q->edns_size : lim->udp_edns_max;

	return q->has_edns && size > DNS_UDP_PLAIN_MAX ? size : DNS_UDP_PLAIN_MAX;
}

static inline void reply_begin(struct reply *r, const struct query *q, const struct answer_limits *lim, bool tcp,
			       struct edns_options *options, uint8_t *out, size_t cap)
{
	size_t limit = __builtin_expect(tcp, 0) ? DNS_MESSAGE_MAX : reply_udp_limit(q, lim);

	if (limit > cap)
		limit = cap;
	*r = (struct reply){ .out = out, .len = DNS_HEADER_LEN + q->question_len, .ede = REPLY_NO_EDE };
	r->body_at = r->len;
	if (q->has_edns) {
		limit -= REPLY_OPT_LEN;
		if (__builtin_expect(options != NULL, 0)) {
			r->options = options;
			limit -= options->len;
		}
	}
	r->limit = limit;
	reply_copy(out + DNS_HEADER_LEN, q->wire + DNS_HEADER_LEN, q->question_len);
}

static inline bool reply_start_with(struct reply *r, const struct image_answer *a)
{
	const size_t n = a->body_len;

	if (r->len + n > r->limit || a->flags & IMAGE_ANSWER_SECTIONS)
		return false;
	reply_copy(r->out + r->len, image_answer_body(a), n);
	r->len += n;
	r->an = a->an;
	return true;
}

static inline bool reply_start_live(struct reply *r, const struct answer_live *l, unsigned lead)
{
	const size_t n = l->window_len;

	if (r->len + n > r->limit)
		return false;
	reply_copy(r->out + r->len, l->records + (size_t)lead * l->record_len, n);
	r->len += n;
	r->an = l->window;
	return true;
}

/* Behind the OPT's fixed part: the length of what is there. */
size_t reply_put_options(const struct reply *r, uint8_t *to);

/* RFC 6891 6.1.2, 6.1.3: our size, the upper rcode bits, version 0, DO copied (RFC 3225 3). */
static inline size_t reply_put_opt(const struct reply *r, const struct query *q, const struct answer_limits *lim)
{
	uint8_t *p = r->out + r->len;
	size_t n = 0;

	p[0] = 0;
	store_u16(p + 1, DNS_TYPE_OPT);
	store_u16(p + 3, lim->udp_edns_max);
	store_u32(p + 5, (uint32_t)(r->rcode >> 4) << 24 | (q->edns_do ? DNS_EDNS_DO : 0));
	if (__builtin_expect(r->options != NULL || r->ede != REPLY_NO_EDE, 0))
		n = reply_put_options(r, p + REPLY_OPT_LEN);
	store_u16(p + 9, (uint16_t)n);
	return REPLY_OPT_LEN + n;
}

static inline size_t reply_end(struct reply *r, const struct query *q, const struct answer_limits *lim)
{
	uint8_t *h = r->out;
	unsigned flags = DNS_FLAG_QR | (load_u16(q->wire + 2) & (DNS_FLAGS_OPCODE | DNS_FLAG_RD)) |
			 (r->aa ? DNS_FLAG_AA : 0) | (r->tc ? DNS_FLAG_TC : 0) | (r->rcode & 15u);

	if (q->has_edns) {
		r->len += reply_put_opt(r, q, lim);
		r->ar++;
	}
	memcpy(h, q->wire, 2);
	store_u16(h + 2, (uint16_t)flags);
	store_u16(h + 4, q->question_len ? 1 : 0);
	store_u16(h + 6, r->an);
	store_u16(h + 8, r->ns);
	store_u16(h + 10, r->ar);
	return r->len;
}

#endif
