/* The options that go back: those that were asked for, encoded before the answer, so that the answer knows its room.
 *
 *     | NSID | COOKIE | ECS | KEEPALIVE | (EDE, which only the end of an answer knows)
 *
 * Never PADDING: it hides lengths, and a clear transport has none to hide (RFC 7830 6).  Private to the answer room.
 */
#ifndef GEMEL_ANSWER_EDNS_H
#define GEMEL_ANSWER_EDNS_H
#include "answer/answer.h"
#include "answer/cookie.h"

#define EDNS_OPTION_HEAD_LEN 4
#define EDNS_OPTIONS_MAX \
	(4 * EDNS_OPTION_HEAD_LEN + ANSWER_NSID_MAX + COOKIE_LEN + QUERY_ECS_MAX + 2)

struct edns_options {
	uint16_t len;
	uint16_t scope_at; /* in bytes: the scope of the ECS option; 0 = there is none */
	uint8_t cookie;    /* enum cookie_verdict; 0 = none came, or none are made */
	bool ecs_counts;   /* who asks is one whose client subnets are believed */
	uint8_t bytes[EDNS_OPTIONS_MAX];
};

/* w, from: NULL where only what needs neither is wanted. */
void edns_options_encode(struct edns_options *o, const struct query *q, const struct answer_limits *lim,
			 const struct answer_worker *w, const struct answer_from *from);
/* The prefix that a sticky pick should go by, and the scope to tell with it. That is always the whole of what is looked at:
 * where less was told, it says that more would choose better, and scopes of one name never overlap (RFC 7871 7.2.1).
 * False: none was given, so that of who asks counts. */
bool edns_ecs_prefix(const struct query *q, uint64_t *prefix, uint8_t *scope);

#endif
