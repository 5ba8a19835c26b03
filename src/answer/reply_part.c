/* What signed answers need beyond copying: proofs come between an answer and its additional data, and the message may
 * grow past the reach of pointers.
 *
 *     answer as compiled   | head: answer, authority | rest: glue, additional |
 *     in the message       | head | proofs … | rest |     a pointer into the head moves by less than one into the rest
 */
#include "answer/reply.h"

#define POINTER_REACH 0x3fff /* RFC 1035 4.1.4 */

struct part {
	struct reply *r;
	const struct image_answer *a;
	const uint8_t *body;
	const uint16_t *reloc;
	unsigned next;               /* reloc not yet passed */
	unsigned was_end;            /* pointers below are to the owner, others into the body */
	unsigned self, suffix;       /* what is added to those to the owner */
	size_t split;                /* where in the body the rest begins */
	size_t head_at, rest_at;     /* where both stand in the message */
};

static size_t head_len(const struct image_answer *a)
{
	const struct image_segment *s = image_answer_segments(a);
	size_t end = 0;

	if (!(a->flags & IMAGE_ANSWER_SECTIONS))
		return a->body_len;
	for (unsigned i = 0; i < image_answer_sections(a)->segment_count && s[i].section < IMAGE_GLUE; i++)
		end = s[i].end;
	return end;
}

static bool put(struct part *p, const void *octets, size_t n)
{
	struct reply *r = p->r;

	if (r->len + n > r->limit)
		return false;
	memcpy(r->out + r->len, octets, n);
	r->len += n;
	return true;
}

static bool put_pointer(struct part *p, size_t to)
{
	uint8_t octets[2];

	store_u16(octets, (uint16_t)(0xc000 | to));
	return put(p, octets, sizeof octets);
}

static bool put_owner_pointer(struct part *p, unsigned to)
{
	return put_pointer(p, to + (to == DNS_HEADER_LEN ? p->self : p->suffix));
}

/* The name at this offset of the body, label by label: where it stands no pointer reaches. Only owners of records are
 * ever written so, for rdata of what is added in parts holds no compressed names. An image may hold anything there: the
 * walk is bounded by the length of a name, as pointers must go backwards. */
static bool put_name(struct part *p, size_t at)
{
	for (size_t total = 0; total < NAME_WIRE_MAX && at < p->a->body_len;) {
		const size_t n = p->body[at];
		if (n >= 0xc0) {
			unsigned to = at + 1u < p->a->body_len ? load_u16(p->body + at) & 0x3fffu : 0;
			if (to < p->was_end)
				return to >= DNS_HEADER_LEN && put_owner_pointer(p, to);
			if (to - p->was_end >= at)
				return false;
			at = to - p->was_end;
			continue;
		}
		if (n > NAME_LABEL_MAX || at + n >= p->a->body_len || !put(p, p->body + at, n + 1))
			return false;
		if (n == 0)
			return true;
		at += n + 1;
		total += n + 1;
	}
	return false;
}

static bool put_moved(struct part *p, size_t at)
{
	const unsigned to = load_u16(p->body + at) & 0x3fff;

	if (to < p->was_end)
		return put_owner_pointer(p, to);
	const size_t inner = to - p->was_end;
	const size_t place = inner < p->split ? p->head_at + inner : p->rest_at + inner - p->split;
	return place <= POINTER_REACH ? put_pointer(p, place) : put_name(p, inner);
}

/* Where the next pointer at or after `from` stands; the one at the very beginning is in no list. */
static size_t next_pointer(struct part *p, size_t from, size_t end)
{
	if (from == 0 && p->body[0] >= 0xc0)
		return 0;
	while (p->next < p->a->reloc_count && p->reloc[p->next] < from)
		p->next++;
	return p->next < p->a->reloc_count && p->reloc[p->next] < end ? p->reloc[p->next] : end;
}

static bool put_segment(struct part *p, size_t from, size_t end)
{
	const size_t len = p->r->len;
	bool fits = true;

	while (fits && from < end) {
		size_t at = next_pointer(p, from, end);
		fits = put(p, p->body + from, at - from) && (at == end || put_moved(p, at));
		from = at + (at == end ? 0 : 2);
	}
	if (!fits)
		p->r->len = len;
	return fits;
}

static void count(struct reply *r, const struct image_segment *s)
{
	if (s->section == IMAGE_ANSWER)
		r->an = (uint16_t)(r->an + s->count);
	else if (s->section == IMAGE_AUTHORITY)
		r->ns = (uint16_t)(r->ns + s->count);
	else
		r->ar = (uint16_t)(r->ar + s->count);
}

bool reply_add_part(struct reply *r, const struct image_answer *a, const struct reply_owner *o, enum reply_part part,
		    size_t head_at)
{
	const struct image_segment plain = { .end = a->body_len, .section = IMAGE_ANSWER, .count = a->an };
	const bool sections = a->flags & IMAGE_ANSWER_SECTIONS;
	const struct image_segment *s = sections ? image_answer_segments(a) : &plain;
	const unsigned n = sections ? image_answer_sections(a)->segment_count : 1;
	const unsigned suffix = o->at - DNS_HEADER_LEN + o->len - a->name_len; /* may wrap, as in reply.c */
	struct part p = { .r = r, .a = a, .body = image_answer_body(a), .reloc = image_answer_relocs(a),
		.was_end = DNS_HEADER_LEN + a->name_len + 4u, .suffix = suffix,
		.self = o->wildcard ? o->at - DNS_HEADER_LEN : suffix, .split = head_len(a),
		.head_at = part == REPLY_REST ? head_at : r->len };
	size_t from = 0;

	p.rest_at = part == REPLY_REST ? r->len : r->len + p.split;
	for (unsigned i = 0; i < n; from = s[i++].end) {
		if (part != REPLY_ALL && (from < p.split) != (part == REPLY_HEAD))
			continue;
		if (!put_segment(&p, from, s[i].end)) {
			r->tc |= s[i].section != IMAGE_ADDITIONAL;
			break;
		}
		count(r, &s[i]);
	}
	return !r->tc;
}
