/* What an operator's word, or the configuration's, means: which members of which services.
 *
 *     "192.0.2.1"   "ams1"   "site:ams"   "www.example.test"   "www.example.test/192.0.2.1"   "*.example.test"
 */
#ifndef GEMEL_CORE_SELECTOR_H
#define GEMEL_CORE_SELECTOR_H
#include "core/core.h"

enum selector_kind { SELECTOR_NONE = 0, SELECTOR_GLOB, SELECTOR_SITE, SELECTOR_HOST, SELECTOR_ADDRESS, SELECTOR_SERVICE, SELECTOR_MEMBER };
struct selector { /* as understood under the present plan; kinds ascend by how much they say */
	enum selector_kind kind;
	struct addr addr;                /* ADDRESS, MEMBER */
	char name[CORE_SELECTOR_MAX];    /* service, host, site or pattern; lower-case */
};

/* Makes text canonical in place (lower case, no final dot, addresses in their shortest form). False (and text of no use)
 * when it is no selector. */
bool selector_canonical(char text[CORE_SELECTOR_MAX]);
/* Of canonical text. kind is SELECTOR_NONE where it is no address and nothing of the plan has this name. Looks at every service. */
void selector_resolve_in(struct selector *s, const char *text, const struct plan *p);
/* The same, where it is known whether a service of the plan has this name. */
void selector_resolve_as(struct selector *s, const char *text, const struct plan *p, bool is_service);
bool selector_touches(const struct selector *s, const struct plan_service *v);
bool selector_matches(const struct selector *s, const struct plan_service *v, size_t member);
/* The name that was probably meant, or NULL. */
const char *selector_nearest(const char *text, const struct plan *p);

#endif
