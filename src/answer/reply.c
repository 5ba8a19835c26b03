#include "answer/reply.h"

#define EDE_LEN 6 /* option code, length, info code; no text */

/* Octets of the whole segments that fit; counts them in. An optional one that does not fit ends it silently. */
static size_t take_segments(struct reply *r, const struct image_answer *a, size_t room)
{
	if (!(a->flags & IMAGE_ANSWER_SECTIONS)) {
		r->tc = true;
		return 0;
	}
	const struct image_segment *s = image_answer_segments(a);
	const unsigned count = image_answer_sections(a)->segment_count;
	size_t end = 0;

	for (unsigned i = 0; i < count; i++) {
		if (s[i].end > room) {
			r->tc |= s[i].section != IMAGE_ADDITIONAL;
			break;
		}
		end = s[i].end;
		if (s[i].section == IMAGE_ANSWER)
			r->an = (uint16_t)(r->an + s[i].count);
		else if (s[i].section == IMAGE_AUTHORITY)
			r->ns = (uint16_t)(r->ns + s[i].count);
		else
			r->ar = (uint16_t)(r->ar + s[i].count);
	}
	return end;
}

static inline void move_pointer(uint8_t *at, unsigned was_end, unsigned inner, unsigned self, unsigned suffix)
{
	unsigned to = load_u16(at) & 0x3fff;

	to += to >= was_end ? inner : to == DNS_HEADER_LEN ? self : suffix;
	store_u16(at, (uint16_t)(0xc000 | to));
}

/* Makes pointers that were written for another owner and place point right. */
static void move_pointers(const struct image_answer *a, uint8_t *body, size_t body_at, size_t body_len,
			  const struct reply_owner *o)
{
	const uint16_t *reloc = image_answer_relocs(a);
	const unsigned was_end = DNS_HEADER_LEN + a->name_len + 4u;
	const unsigned suffix = o->at - DNS_HEADER_LEN + o->len - a->name_len; /* may wrap; sums are right again */
	const unsigned self = o->wildcard ? o->at - DNS_HEADER_LEN : suffix;
	const unsigned inner = (unsigned)body_at - was_end;

	if (body_len && body[0] >= 0xc0)
		move_pointer(body, was_end, inner, self, suffix);
	for (unsigned i = 0; i < a->reloc_count && reloc[i] + 2u <= body_len; i++)
		move_pointer(body + reloc[i], was_end, inner, self, suffix);
}

bool reply_add(struct reply *r, const struct image_answer *a, const struct reply_owner *o)
{
	const size_t at = r->len;
	size_t n = a->body_len;

	if (__builtin_expect(at + n <= r->limit, 1)) {
		r->an = (uint16_t)(r->an + a->an);
		if (a->flags & IMAGE_ANSWER_SECTIONS) {
			r->ns = (uint16_t)(r->ns + image_answer_sections(a)->ns);
			r->ar = (uint16_t)(r->ar + image_answer_sections(a)->ar);
		}
	} else {
		n = take_segments(r, a, at < r->limit ? r->limit - at : 0);
	}
	memcpy(r->out + at, image_answer_body(a), n);
	if (o->at != DNS_HEADER_LEN || o->len != a->name_len || at != r->body_at)
		move_pointers(a, r->out + at, at, n, o);
	r->len = at + n;
	return !r->tc;
}

unsigned reply_moved(const struct image_answer *a, unsigned pointer, size_t at, const struct reply_owner *o)
{
	uint8_t moved[2];
	const unsigned was_end = DNS_HEADER_LEN + a->name_len + 4u;
	const unsigned suffix = o->at - DNS_HEADER_LEN + o->len - a->name_len;

	store_u16(moved, (uint16_t)(0xc000 | pointer));
	move_pointer(moved, was_end, (unsigned)at - was_end, o->wildcard ? o->at - DNS_HEADER_LEN : suffix, suffix);
	return load_u16(moved) & 0x3fff;
}

static size_t put_live(struct reply *r, const struct answer_live *l, const struct live_choice *c, const struct reply_owner *o)
{
	uint8_t *to = r->out + r->len;
	size_t size = l->record_len, n = c->count * size;

	if (c->scattered)
		for (unsigned i = 0; i < c->count; i++)
			memcpy(to + i * size, l->records + c->index[i] * size, size);
	else
		memcpy(to, l->records + c->lead * size, n);
	if (o->at != DNS_HEADER_LEN)
		for (unsigned i = 0; i < c->count; i++)
			store_u16(to + i * size, (uint16_t)(0xc000 | o->at));
	return n;
}

bool reply_add_live(struct reply *r, const struct answer_live *l, const struct live_choice *c,
		    const struct reply_owner *o)
{
	if (r->len + c->count * (size_t)l->record_len > r->limit) {
		r->tc = true;
		return false;
	}
	r->len += put_live(r, l, c, o);
	r->an = (uint16_t)(r->an + c->count);
	return true;
}

void reply_add_live_additional(struct reply *r, const struct answer_live *l, const struct live_choice *c,
			       const struct reply_owner *o)
{
	r->len += put_live(r, l, c, o);
	r->ar = (uint16_t)(r->ar + c->count);
}

unsigned reply_add_cname(struct reply *r, const struct reply_owner *o, uint32_t ttl_s, const uint8_t *target,
			 size_t len)
{
	uint8_t *to = r->out + r->len;

	if (r->len + 12 + len > r->limit) {
		r->tc = true;
		return 0;
	}
	store_u16(to, (uint16_t)(0xc000 | o->at));
	store_u16(to + 2, DNS_TYPE_CNAME);
	store_u16(to + 4, DNS_CLASS_IN);
	store_u32(to + 6, ttl_s);
	store_u16(to + 10, (uint16_t)len);
	memcpy(to + 12, target, len);
	r->len += 12 + len;
	r->an++;
	return (unsigned)(r->len - len);
}

void reply_lower_ttl(struct reply *r, size_t at, uint32_t ttl_s)
{
	uint8_t *ttl = r->out + at + image_body_ttl_at(r->out + at);

	if (at < r->len && load_u32(ttl) > ttl_s)
		store_u32(ttl, ttl_s);
}

void reply_fail(struct reply *r, uint16_t rcode, uint16_t ede)
{
	r->len = r->body_at;
	r->an = r->ns = r->ar = 0;
	r->aa = r->tc = false;
	r->rcode = rcode;
	r->ede = ede;
}

size_t reply_put_options(const struct reply *r, uint8_t *to)
{
	size_t n = 0;

	if (r->options) {
		memcpy(to, r->options->bytes, r->options->len);
		n = r->options->len;
	}
	if (r->ede != REPLY_NO_EDE) { /* RFC 8914; such answers hold nothing else, so there is room */
		store_u16(to + n, DNS_OPTION_EDE);
		store_u16(to + n + 2, 2);
		store_u16(to + n + 4, r->ede);
		n += EDE_LEN;
	}
	return n;
}

/* The client's own TSIG, but without a MAC. Where it does not fit, the rcode must do. */
size_t reply_add_bad_key(struct reply *r, const struct query *q)
{
	const size_t limit = r->limit + (r->len - r->body_at); /* behind the question stands the OPT alone */
	uint8_t *p = r->out + r->len;

	if (!q->tsig)
		return r->len;
	const size_t head_len = name_len(q->tsig) + 10, copied = head_len + name_len(q->tsig + head_len) + 6 + 2;
	const size_t len = copied + 2 + 2 + 2 + 2;
	if (r->len + len > limit)
		return r->len;
	memcpy(p, q->tsig, copied);
	store_u16(p + head_len - 2, (uint16_t)(len - head_len));
	store_u16(p + copied, 0); /* MAC size */
	store_u16(p + copied + 2, query_id(q));
	store_u16(p + copied + 4, DNS_RCODE_BADKEY);
	store_u16(p + copied + 6, 0); /* other data */
	store_u16(r->out + 10, ++r->ar);
	return r->len += len;
}
