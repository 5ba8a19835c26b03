/* Why a service is answered as it is, in plain words: sentences made from the policy's own decision (core_why_get), none of its
 * rules computed again.
 *
 *     www.example.test is a service of 2 members in 2 tiers (gemel.lua:21)
 *     A: tier 2 answers: tier 1 has 0 of 1 members up that it needs
 *     A: tier 2 has 1 member up and needs 1
 *     A: the answer is 192.0.2.2, whoever asks
 *     A: TTL 10 s, the least allowed: 192.0.2.1 may change in 2 s
 *     member 192.0.2.1 (tier 1) is down: ns1 votes down (connect refused), ns2 abstains, agree = "any-up"
 *     member 192.0.2.2 (tier 2) is up: ns1 votes up (ok), ns2 votes up, agree = "any-up"
 *
 * A sentence begins with what it is about, has no stop at its end, and fits the string of a TXT record.
 */
#ifndef GEMEL_CTL_EXPLAIN_H
#define GEMEL_CTL_EXPLAIN_H
#include <stdarg.h>
#include "ctl/ctl.h"

#define EXPLAIN_SENTENCE_MAX 256 /* NUL included: RFC 1035 3.3.14 */

enum explain_about { EXPLAIN_SERVICE = 1, EXPLAIN_A, EXPLAIN_AAAA, EXPLAIN_MEMBER };
const char *explain_about_text(enum explain_about a); /* "service", "a", "aaaa", "member" */

struct explain {
	/* filled by the caller */
	const struct ctl_host *h;
	size_t service;
	const struct addr *client; /* NULL = nobody in particular */
	bool (*say)(void *ctx, enum explain_about about, const char *sentence); /* false: no more of it */
	void *ctx;
	/* the rest is its own business */
	struct core_why why;
	bool over;
};
/* Says everything of one service. */
void explain_run(struct explain *e);
/* The service that answers a name which is none itself: a wildcard above it. Index, or ERR_ABSENT. */
int explain_find(const struct core *c, const char *name);

/* ---- between the files of it ---- */
struct explain_line { char text[EXPLAIN_SENTENCE_MAX]; size_t len; bool full; };
void explain_add(struct explain_line *l, const char *fmt, ...) PRINTF_LIKE(2, 3); /* what does not fit ends in "..." */
void explain_say(struct explain *e, enum explain_about about, const char *fmt, ...) PRINTF_LIKE(3, 4);
void explain_end(struct explain *e, enum explain_about about, struct explain_line *l);
void explain_family(struct explain *e, int family);  /* explain_family.c: which rule */
void explain_answer(struct explain *e, int family);  /* explain_answer.c: set, pick, client, TTL */
void explain_members(struct explain *e);             /* explain_member.c */
bool explain_has_family(const struct core_why *w, int family);
static inline const char *explain_family_name(int f) { return f ? "AAAA" : "A"; }
static inline enum explain_about explain_family_about(int f) { return f ? EXPLAIN_AAAA : EXPLAIN_A; }

#endif
