/* What an operator's word means: SERVICE/ADDRESS, a service, an address, a host, site:NAME, or a glob over service names. */
#include <stdio.h>
#include "base/text.h"
#include "core/state.h"

#define SITE "site:"
#define SITE_LEN 5

static bool canonical_address(char *text, size_t cap)
{
	struct addr a;
	char out[ADDR_TEXT_MAX];
	if (addr_parse(&a, text, strlen(text), 0) < 0 || a.port != 0)
		return false;
	snprintf(text, cap, "%s", addr_format(&a, false, out));
	return true;
}

static void drop_final_dot(char *text)
{
	size_t n = strlen(text);
	if (n > 1 && text[n - 1] == '.')
		text[n - 1] = '\0';
}

bool selector_canonical(char text[CORE_SELECTOR_MAX])
{
	char *slash;
	for (char *p = text; *p; p++) {
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f)
			return false; /* no name, address or pattern has these */
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 32);
	}
	if (!*text)
		return false;
	if (strncmp(text, SITE, SITE_LEN) == 0)
		return text[SITE_LEN] != '\0'; /* a site's name is the operator's, whatever is in it */
	if (canonical_address(text, CORE_SELECTOR_MAX))
		return true;
	if (!(slash = strrchr(text, '/'))) {
		drop_final_dot(text);
		return true;
	}
	char address[CORE_SELECTOR_MAX], name[CORE_SELECTOR_MAX];
	*slash = '\0';
	snprintf(name, sizeof name, "%s", text);
	snprintf(address, sizeof address, "%s", slash + 1);
	drop_final_dot(name);
	if (!*name || !canonical_address(address, sizeof address))
		return false;
	char joined[2 * CORE_SELECTOR_MAX];
	int n = snprintf(joined, sizeof joined, "%s/%s", name, address);
	if (n < 0 || n >= CORE_SELECTOR_MAX)
		return false;
	memcpy(text, joined, (size_t)n + 1);
	return true;
}

static bool fold_equal(const char *a, const char *lower)
{
	for (; *a && *lower; a++, lower++) {
		char x = *a >= 'A' && *a <= 'Z' ? (char)(*a + 32) : *a;
		if (x != *lower)
			return false;
	}
	return *a == *lower;
}

static bool is_host(const struct plan *p, const char *name)
{
	for (uint32_t i = 0; i < p->service_count; i++) {
		const struct plan_service *v = &p->services[i];
		for (size_t k = 0; k < v->policy.member_count; k++) {
			if (v->hosts[k] && fold_equal(v->hosts[k], name))
				return true;
		}
	}
	return false;
}

void selector_resolve_as(struct selector *s, const char *text, const struct plan *p, bool is_service)
{
	*s = (struct selector){ 0 };
	snprintf(s->name, sizeof s->name, "%s", text);
	char *slash = strrchr(s->name, '/');
	if (strncmp(text, SITE, SITE_LEN) == 0) {
		snprintf(s->name, sizeof s->name, "%s", text + SITE_LEN);
		s->kind = SELECTOR_SITE;
	} else if (slash) {
		*slash = '\0';
		if (addr_parse(&s->addr, slash + 1, strlen(slash + 1), 0) == 0)
			s->kind = SELECTOR_MEMBER;
	} else if (addr_parse(&s->addr, text, strlen(text), 0) == 0) {
		s->kind = SELECTOR_ADDRESS;
	} else if (is_service) {
		s->kind = SELECTOR_SERVICE; /* a service's own "*" label is its name, not a pattern */
	} else if (strpbrk(text, "*?")) {
		s->kind = SELECTOR_GLOB;
	} else if (is_host(p, text)) {
		s->kind = SELECTOR_HOST;
	}
}

void selector_resolve_in(struct selector *s, const char *text, const struct plan *p)
{
	bool is_service = false;
	for (uint32_t i = 0; i < p->service_count && !is_service; i++)
		is_service = fold_equal(p->services[i].name, text);
	selector_resolve_as(s, text, p, is_service);
}

bool selector_matches(const struct selector *s, const struct plan_service *v, size_t i)
{
	switch (s->kind) {
	case SELECTOR_MEMBER:
		return addr_same_ip(&s->addr, &v->policy.members[i].addr) && fold_equal(v->name, s->name);
	case SELECTOR_SERVICE:
		return fold_equal(v->name, s->name);
	case SELECTOR_ADDRESS:
		return addr_same_ip(&s->addr, &v->policy.members[i].addr);
	case SELECTOR_HOST:
		return v->hosts[i] && fold_equal(v->hosts[i], s->name);
	case SELECTOR_SITE:
		return v->sites[i] && fold_equal(v->sites[i], s->name);
	case SELECTOR_GLOB:
		return text_glob(s->name, v->name);
	case SELECTOR_NONE:
		break;
	}
	return false;
}

bool selector_touches(const struct selector *s, const struct plan_service *v)
{
	if (s->kind == SELECTOR_GLOB || s->kind == SELECTOR_SERVICE)
		return v->policy.member_count > 0 && selector_matches(s, v, 0);
	if (s->kind == SELECTOR_MEMBER && !fold_equal(v->name, s->name))
		return false;
	for (size_t i = 0; i < v->policy.member_count; i++) {
		if (selector_matches(s, v, i))
			return true;
	}
	return false;
}

/* The nearer of what was found before and one more candidate, both against word. */
static const char *nearer(const char *word, const char *best, const char *candidate)
{
	const char *pair[2] = { best, candidate };
	return candidate ? text_nearest(word, best ? pair : pair + 1, best ? 2 : 1) : best;
}

static bool is_distant(const char *word, const char *candidate)
{
	size_t a = strlen(word), b = strlen(candidate), slack = a / 3 > 1 ? a / 3 : 1;
	return a > b ? a - b > slack : b - a > slack;
}

const char *selector_nearest(const char *text, const struct plan *p)
{
	char word[CORE_SELECTOR_MAX];
	const char *best = NULL;
	snprintf(word, sizeof word, "%s", text);
	if (strchr(word, '/'))
		*strrchr(word, '/') = '\0';
	for (uint32_t i = 0; i < p->service_count; i++) {
		const struct plan_service *v = &p->services[i];
		if (!is_distant(word, v->name))
			best = nearer(word, best, text_nearest(word, &v->name, 1));
		for (size_t k = 0; k < v->policy.member_count; k++) {
			if (v->hosts[k] && !is_distant(word, v->hosts[k]))
				best = nearer(word, best, text_nearest(word, &v->hosts[k], 1));
		}
	}
	return best;
}
