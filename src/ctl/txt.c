#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "ctl/txt.h"

#define OPT_LEN 11
#define OPTION_HEAD 4
#define NSID_MAX 128
#define RECORD_HEAD 12 /* pointer, type, class, TTL, length */

/* Options that the OPT holds. */
static size_t options_len(const struct txt_reply *r)
{
	return (r->nsid ? OPTION_HEAD + strnlen(r->nsid, NSID_MAX) : 0) + (r->cookie_len ? OPTION_HEAD + r->cookie_len : 0);
}

static size_t opt_len(const struct txt_reply *r)
{
	return r->q->has_edns ? OPT_LEN + options_len(r) : 0;
}

void txt_reply_init(struct txt_reply *r, const struct query *q, uint8_t *out, size_t cap, uint16_t edns_size)
{
	*r = (struct txt_reply){ .q = q, .edns_size = edns_size };
	wbuf_init(&r->w, out, cap);
	put_room(&r->w, DNS_HEADER_LEN);
	put_bytes(&r->w, q->wire + DNS_HEADER_LEN, q->question_len); /* the case as it came */
}

void txt_reply_clear(struct txt_reply *r)
{
	r->w.len = (size_t)DNS_HEADER_LEN + r->q->question_len;
	r->count = 0;
}

bool txt_reply_add(struct txt_reply *r, const struct txt *t, size_t reserve)
{
	if (r->w.cap - r->w.len < RECORD_HEAD + t->len + reserve + opt_len(r) || r->count == UINT16_MAX)
		return false;
	put_u16(&r->w, 0xc000 | DNS_HEADER_LEN); /* the question's name */
	put_u16(&r->w, DNS_TYPE_TXT);
	put_u16(&r->w, DNS_CLASS_CH);
	put_u32(&r->w, 0); /* never cached: it is about now */
	put_block(&r->w, t->rdata, t->len);
	r->count++;
	return true;
}

/* RFC 6891 6.1.2 */
static void put_opt(struct txt_reply *r)
{
	put_u8(&r->w, 0);
	put_u16(&r->w, DNS_TYPE_OPT);
	put_u16(&r->w, r->edns_size);
	put_u8(&r->w, (uint8_t)(r->rcode >> 4));
	put_u8(&r->w, 0);
	put_u16(&r->w, r->q->edns_do ? DNS_EDNS_DO : 0); /* RFC 3225 3: copied */
	put_u16(&r->w, (uint16_t)options_len(r));
	if (r->nsid) {
		put_u16(&r->w, DNS_OPTION_NSID);
		put_block(&r->w, r->nsid, strnlen(r->nsid, NSID_MAX));
	}
	if (r->cookie_len) {
		put_u16(&r->w, DNS_OPTION_COOKIE);
		put_block(&r->w, r->cookie, r->cookie_len);
	}
}

size_t txt_reply_end(struct txt_reply *r)
{
	unsigned flags = DNS_FLAG_QR | (r->q->opcode & 15u) << 11 | (r->aa ? DNS_FLAG_AA : 0u) | (r->tc ? DNS_FLAG_TC : 0u) |
			 (query_rd(r->q) ? DNS_FLAG_RD : 0u) | (r->rcode & 15u);
	if (r->q->has_edns)
		put_opt(r);
	if (r->w.failed)
		return 0; /* cap was below any message */
	store_u16(r->w.data, query_id(r->q));
	store_u16(r->w.data + 2, (uint16_t)flags);
	store_u16(r->w.data + 4, r->q->question_len ? 1 : 0);
	store_u16(r->w.data + 6, r->count);
	store_u16(r->w.data + 8, 0);
	store_u16(r->w.data + 10, r->q->has_edns ? 1 : 0);
	return r->w.len;
}

/* ---- records ---- */

void txt_init(struct txt *t)
{
	t->len = 0;
}

void txt_plain(struct txt *t, const char *text)
{
	size_t n = strlen(text);
	if (n > TXT_STRING_MAX) {
		n = TXT_STRING_MAX;
		while (n && ((uint8_t)text[n] & 0xc0) == 0x80) /* not inside a UTF-8 character */
			n--;
	}
	if (sizeof t->rdata - t->len < 1 + n)
		return;
	t->rdata[t->len] = (uint8_t)n;
	memcpy(t->rdata + t->len + 1, text, n);
	t->len += 1 + n;
}

void txt_printf(struct txt *t, const char *key, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	int n = snprintf(text, sizeof text, "%s=", key);
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof text - (size_t)n, fmt, ap);
	va_end(ap);
	txt_plain(t, text);
}

void txt_put(struct txt *t, const char *key, const char *value)
{
	txt_printf(t, key, "%s", value);
}
