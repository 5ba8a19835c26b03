/* The one pass over a query.
 *
 * All counted records are walked, because the OPT may stand behind others, and because a message that is cut short
 * is malformed whatever it asks.  Each record takes 11 octets or more, each further question 5 or more, so the
 * walk is bounded by the length of the message and not by the counts, which a stranger chose.
 *
 * Order of the faults, first that applies:
 *     dropped → EDNS version (before all content) → opcode → question → records → TSIG
 */
#include <string.h>
#include "dns/query.h"
#include "base/buf.h"

#define RR_FIXED_LEN 10 /* type, class, TTL, RDLENGTH */

/* The next n octets, or NULL. */
static inline const uint8_t *take(struct rbuf *r, size_t n)
{
	const uint8_t *p = r->data + r->pos;

	if (n > rbuf_left(r))
		return NULL;
	r->pos += n;
	return p;
}

/* The question's name: lower-case copy and the offsets of its labels. A pointer has nothing to point at here
 * (only the header lies before it), so it is as malformed as the reserved label types. */
static int take_name(struct query *q, const uint8_t *at, size_t avail)
{
	const size_t end = avail < NAME_WIRE_MAX ? avail : NAME_WIRE_MAX;
	size_t n = 0, offset = 0, len;

	for (; offset < end && (len = at[offset]) != 0; offset += 1 + len) {
		if (len > NAME_LABEL_MAX)
			return ERR_FORMAT;
		q->label_at[n++] = (uint8_t)offset;
	}
	if (offset >= end)
		return ERR_FORMAT;
	q->label_at[n] = (uint8_t)offset;
	q->labels = (uint8_t)n;
	name_lower_copy(q->name, at, offset + 1, avail);
	return (int)offset + 1;
}

static void hash_suffixes(struct query *q, const struct hash_key *key)
{
	const uint64_t mult = name_hash_mult(key);
	uint64_t h = name_hash_root(key);
	size_t i = q->labels;

	for (q->hash[i] = h; i-- > 0; q->hash[i] = h)
		h = name_hash_step_room(mult, h, q->name + q->label_at[i]);
}

/* Sets what belongs to the question only when the whole of it is there. */
static int parse_question(struct query *q, struct rbuf *r, const struct hash_key *key)
{
	int n = take_name(q, r->data + r->pos, rbuf_left(r));

	if (n < 0 || rbuf_left(r) < (size_t)n + 4) {
		q->labels = 0;
		return ERR_FORMAT;
	}
	const uint8_t *fixed = r->data + r->pos + n;
	r->pos += (size_t)n + 4;
	q->name_len = (uint8_t)n;
	q->qtype = load_u16(fixed);
	q->qclass = load_u16(fixed + 2);
	q->question_len = (uint16_t)(n + 4);
	hash_suffixes(q, key);
	return 0;
}

/* Steps over a name that may end in a pointer; where that leads does not matter to us. */
static int skip_name(struct rbuf *r)
{
	size_t start = r->pos;

	while (r->pos - start < NAME_WIRE_MAX && r->pos < r->len) {
		uint8_t c = r->data[r->pos];
		if (c == 0) {
			r->pos++;
			return 0;
		}
		if (c >= 0xc0)
			return take(r, 2) ? 0 : ERR_FORMAT;
		if (c > NAME_LABEL_MAX || !take(r, 1u + c))
			return ERR_FORMAT;
	}
	return ERR_FORMAT;
}

/* No question, or more than one: RFC 9619 refuses it, but an OPT behind it should still be seen. */
static int skip_questions(struct rbuf *r, unsigned count)
{
	for (; count > 0; count--) {
		if (skip_name(r) < 0 || !take(r, 4))
			return ERR_FORMAT;
	}
	return 0;
}

/* Answer and authority section, where neither OPT nor TSIG has a place (RFC 6891 6.1.1, RFC 8945 5.1). */
static int skip_records(struct rbuf *r, unsigned count)
{
	for (; count > 0; count--) {
		const uint8_t *fixed = skip_name(r) < 0 ? NULL : take(r, RR_FIXED_LEN);
		if (!fixed || !take(r, load_u16(fixed + 8)))
			return ERR_FORMAT;
		if (load_u16(fixed) == DNS_TYPE_OPT || load_u16(fixed) == DNS_TYPE_TSIG)
			return ERR_FORMAT;
	}
	return 0;
}

/* RFC 7873 5.2.2; of two the first counts. */
static bool take_cookie(struct query *q, const uint8_t *option, size_t len)
{
	if (q->options & QUERY_OPTION_COOKIE)
		return true;
	if (len != QUERY_COOKIE_CLIENT_LEN && (len < 2 * QUERY_COOKIE_CLIENT_LEN || len > QUERY_COOKIE_MAX))
		return false;
	q->options |= QUERY_OPTION_COOKIE;
	q->cookie = option;
	q->cookie_len = (uint8_t)len;
	return true;
}

/* RFC 7871 6: | family 16 | source length 8 | scope length 8 | as many octets as the source length needs |.
 * Family 0 with nothing in it is what some clients write for "no address of mine". */
static bool ecs_is_sound(const uint8_t *o, size_t len)
{
	static const unsigned bits_max[] = { 0, 32, 128 };

	if (len < QUERY_ECS_HEAD_LEN || load_u16(o) > 2)
		return false;
	unsigned bits = o[2];
	if (bits > bits_max[load_u16(o)] || o[3] != 0 || len != QUERY_ECS_HEAD_LEN + (bits + 7u) / 8)
		return false;
	return bits % 8 == 0 || (o[len - 1] & (0xffu >> bits % 8)) == 0;
}

static bool take_ecs(struct query *q, const uint8_t *option, size_t len)
{
	if (q->options & QUERY_OPTION_ECS)
		return true;
	if (!ecs_is_sound(option, len))
		return false;
	q->options |= QUERY_OPTION_ECS;
	q->ecs = option;
	q->ecs_len = (uint8_t)len;
	return true;
}

/* False for what is malformed. A keepalive's content is nobody's business: a client has no say in it (RFC 7828 3.2). */
static bool take_option(struct query *q, uint16_t code, const uint8_t *option, size_t len)
{
	switch (code) {
	case DNS_OPTION_NSID:
		q->options |= QUERY_OPTION_NSID;
		return true;
	case DNS_OPTION_ECS:
		return take_ecs(q, option, len);
	case DNS_OPTION_COOKIE:
		return take_cookie(q, option, len);
	case DNS_OPTION_KEEPALIVE:
		q->options |= QUERY_OPTION_KEEPALIVE;
		return true;
	default:
		return true;
	}
}

/* Options must fill the rdata exactly; those that we do not know are nobody's business. */
static int parse_options(struct query *q, const uint8_t *rdata, size_t len)
{
	struct rbuf r;

	rbuf_init(&r, rdata, len);
	while (rbuf_left(&r) > 0) {
		uint16_t code = get_u16(&r);
		size_t option_len;
		const uint8_t *option = get_block(&r, &option_len);
		if (r.failed || !take_option(q, code, option, option_len))
			return ERR_FORMAT;
	}
	return 0;
}

/* The OPT: | 0 | 41 | size | extended rcode, version, DO… | RDLENGTH | options |  (RFC 6891 6.1.2).
 * ERR_VERSION before the options are looked at: in another version they may have another shape. */
static int parse_opt(struct query *q, const uint8_t *fixed, const uint8_t *rdata, size_t len)
{
	if (q->has_edns)
		return ERR_FORMAT; /* RFC 6891 6.1.1 */
	q->has_edns = true;
	q->edns_size = load_u16(fixed + 2);
	if (q->edns_size < DNS_UDP_PLAIN_MAX)
		q->edns_size = DNS_UDP_PLAIN_MAX;
	q->edns_version = fixed[5];
	q->edns_do = (load_u16(fixed + 6) & DNS_EDNS_DO) != 0;
	if (q->edns_version > 0)
		return ERR_VERSION;
	return len ? parse_options(q, rdata, len) : 0;
}

/* | key name | 250 | ANY | 0 | RDLENGTH | algorithm | time 48 | fudge | MAC size | MAC | id | error | length | other |
 * (RFC 8945 4.2). We have no keys: ERR_AUTH if it is sound (5.2.1). */
static int parse_tsig(struct query *q, const uint8_t *owner, const uint8_t *fixed, const uint8_t *rdata, size_t len)
{
	struct rbuf r;
	int algorithm_len = name_check(rdata, len);
	size_t n;

	if (algorithm_len < 0 || load_u16(fixed + 2) != DNS_CLASS_ANY || load_u32(fixed + 4) != 0)
		return ERR_FORMAT;
	rbuf_init(&r, rdata, len);
	(void)get_bytes(&r, (size_t)algorithm_len + 6 + 2);
	(void)get_block(&r, &n);
	(void)get_bytes(&r, 2 + 2);
	(void)get_block(&r, &n);
	if (r.failed || rbuf_left(&r) > 0)
		return ERR_FORMAT;
	q->tsig = name_check(owner, (size_t)(fixed - owner)) == fixed - owner ? owner : NULL;
	return ERR_AUTH;
}

static int parse_additional(struct query *q, struct rbuf *r, unsigned count)
{
	for (; count > 0; count--) {
		const uint8_t *owner = r->data + r->pos;
		const bool at_root = rbuf_left(r) > 0 && *owner == 0;
		if (at_root)
			r->pos++;
		else if (skip_name(r) < 0)
			return ERR_FORMAT;
		const uint8_t *fixed = take(r, RR_FIXED_LEN);
		const size_t len = fixed ? load_u16(fixed + 8) : 0;
		const uint8_t *rdata = fixed ? take(r, len) : NULL;
		if (!rdata)
			return ERR_FORMAT;
		if (load_u16(fixed) == DNS_TYPE_TSIG)
			return count == 1 ? parse_tsig(q, owner, fixed, rdata, len) : ERR_FORMAT;
		if (load_u16(fixed) != DNS_TYPE_OPT)
			continue;
		int e = at_root ? parse_opt(q, fixed, rdata, len) : ERR_FORMAT;
		if (e < 0)
			return e;
	}
	return 0;
}

/* What nearly every query ends with: an OPT is all there is behind the question. */
static inline bool is_lone_opt(const uint8_t *counts, const uint8_t *at, size_t avail)
{
	return load_u32(counts) == 0 && load_u16(counts + 4) == 1 && avail >= 1 + RR_FIXED_LEN && at[0] == 0 &&
	       load_u16(at + 1) == DNS_TYPE_OPT && load_u16(at + 9) <= avail - (1 + RR_FIXED_LEN);
}

static int parse_records(struct query *q, struct rbuf *r)
{
	const uint8_t *counts = q->wire + 6, *at = r->data + r->pos;

	if (__builtin_expect(is_lone_opt(counts, at, rbuf_left(r)), 1))
		return parse_opt(q, at + 1, at + 1 + RR_FIXED_LEN, load_u16(at + 9));
	if (load_u32(counts) && (skip_records(r, load_u16(counts)) < 0 || skip_records(r, load_u16(counts + 2)) < 0))
		return ERR_FORMAT;
	return parse_additional(q, r, load_u16(q->wire + 10));
}

static bool opcode_is_known(unsigned opcode)
{
	return opcode == DNS_OPCODE_QUERY || opcode == DNS_OPCODE_NOTIFY || opcode == DNS_OPCODE_UPDATE;
}

static enum query_verdict refuse(struct query *q, uint16_t rcode)
{
	q->rcode = rcode;
	return QUERY_ERROR;
}

/* Field by field: the arrays are 1,400 octets that need no clearing. */
static void reset(struct query *q, const uint8_t *wire)
{
	q->wire = wire;
	q->opcode = wire[2] >> 3 & 0xf;
	q->rcode = DNS_RCODE_NOERROR;
	q->question_len = q->qtype = q->qclass = 0;
	q->name_len = q->labels = 0;
	q->has_edns = q->edns_do = false;
	q->edns_version = q->options = 0;
	q->edns_size = 0;
}

/* What is not a plain query, in the order of the head of this file. */
static __attribute__((noinline)) enum query_verdict judge(struct query *q, unsigned questions, int records)
{
	if (records == ERR_VERSION)
		return refuse(q, DNS_RCODE_BADVERS);
	if (!opcode_is_known(q->opcode))
		return refuse(q, DNS_RCODE_NOTIMP);
	if (records < 0 && records != ERR_AUTH)
		return refuse(q, DNS_RCODE_FORMERR);
	if (records == ERR_AUTH && questions == 1)
		return refuse(q, DNS_RCODE_NOTAUTH);
	if (questions == 0 && q->opcode == DNS_OPCODE_QUERY && q->options & QUERY_OPTION_COOKIE)
		return QUERY_COOKIE;
	if (questions != 1 || q->qtype != DNS_TYPE_SOA)
		return refuse(q, DNS_RCODE_FORMERR); /* RFC 1996 3.7 and RFC 2136 3.1.1 name a zone by its SOA */
	return QUERY_OK;
}

enum query_verdict query_parse(struct query *q, const uint8_t *wire, size_t len, const struct hash_key *key)
{
	struct rbuf r = { .data = wire, .pos = DNS_HEADER_LEN, .len = len };

	if (len < DNS_HEADER_LEN || wire[2] & DNS_FLAG_QR >> 8)
		return QUERY_DROP;
	reset(q, wire);
	unsigned questions = load_u16(wire + 4);
	int question = questions == 1 ? parse_question(q, &r, key) : skip_questions(&r, questions);
	int records = question < 0 ? ERR_FORMAT : parse_records(q, &r);
	if (__builtin_expect(questions == 1 && records == 0 && q->opcode == DNS_OPCODE_QUERY, 1))
		return QUERY_OK;
	return judge(q, questions, records);
}
