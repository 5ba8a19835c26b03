/* Answers that no zone is asked for: what failed elsewhere, what is limited, and the cookie alone. */
#include "answer/reply.h"

static enum answer_outcome bare(const struct answer_limits *lim, const struct hash_key *key, const struct answer_worker *w,
				const struct answer_from *from, uint16_t rcode, bool tc, const uint8_t *in, size_t in_len,
				uint8_t *out, size_t cap, size_t *len)
{
	struct edns_options options;
	struct query q;
	struct reply r;
	enum query_verdict v = query_parse(&q, in, in_len, key);

	if (v == QUERY_DROP)
		return ANSWER_NONE;
	if (q.options)
		edns_options_encode(&options, &q, lim, w, from);
	reply_begin(&r, &q, lim, false, q.options ? &options : NULL, out, cap);
	reply_fail(&r, v == QUERY_ERROR ? q.rcode : rcode, REPLY_NO_EDE);
	r.tc = tc;
	*len = reply_end(&r, &q, lim);
	return ANSWER_SEND;
}

enum answer_outcome answer_error(const struct answer_limits *lim, const struct hash_key *key, const struct answer_worker *w,
				 const struct answer_from *from, uint16_t rcode, const uint8_t *in, size_t in_len,
				 uint8_t *out, size_t cap, size_t *len)
{
	return bare(lim, key, w, from, rcode, false, in, in_len, out, cap, len);
}

enum answer_outcome answer_slip(const struct answer_limits *lim, const struct hash_key *key, const struct answer_worker *w,
				const struct answer_from *from, uint16_t rcode, const uint8_t *in, size_t in_len,
				uint8_t *out, size_t cap, size_t *len)
{
	/* An NSID would make it grow. */
	const struct answer_limits small = { .udp_edns_max = lim->udp_edns_max, .cookies = lim->cookies };

	return bare(&small, key, w, from, rcode, true, in, in_len, out, cap, len);
}

bool answer_cookie(uint8_t *cookie, const struct answer_limits *lim, const struct hash_key *key,
		   const struct answer_worker *w, const struct addr *client, const uint8_t *in, size_t in_len)
{
	struct query q;

	if (!lim->cookies || !w->cookies || query_parse(&q, in, in_len, key) == QUERY_DROP || !(q.options & QUERY_OPTION_COOKIE))
		return false;
	(void)cookie_answer(cookie, w->cookies, client, q.cookie, q.cookie_len, w->now_s);
	return true;
}
