/* Where a Location leads. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "script/redirect.h"
#include "tests/unit/unit.h"

static const struct place here = { true, false, 8443, "www.example.test", "/a/b?c" };

static const struct leads {
	const char *location, *host, *path;
	uint16_t port;
	bool tls, moved;
} leads[] = {
	{ "/login", "www.example.test", "/login", 8443, true, false },
	{ "/", "www.example.test", "/", 8443, true, false },
	{ "x", "www.example.test", "/a/x", 8443, true, false },
	{ "x/y?z=http://q", "www.example.test", "/a/x/y?z=http://q", 8443, true, false },
	{ "?d", "www.example.test", "/a/b?d", 8443, true, false },
	{ "#top", "www.example.test", "/a/b?c", 8443, true, false },
	{ "/z#top", "www.example.test", "/z", 8443, true, false },
	{ "//b.example.test", "b.example.test", "/", 443, true, true },
	{ "//b.example.test:8443/x", "b.example.test:8443", "/x", 8443, true, true },
	{ "https://www.example.test:8443/x", "www.example.test:8443", "/x", 8443, true, false },
	{ "HTTPS://WWW.example.test/x", "WWW.example.test", "/x", 443, true, false },
	{ "http://www.example.test/x", "www.example.test", "/x", 80, false, false },
	{ "http://b.example.test?q", "b.example.test", "/?q", 80, false, true },
	{ "https://b.example.test#q", "b.example.test", "/", 443, true, true },
	{ "https://[2001:db8::1]:444/", "[2001:db8::1]:444", "/", 444, true, true },
	{ "https://[2001:db8::1]/", "[2001:db8::1]", "/", 443, true, true },
};

START_TEST(a_location_leads_somewhere)
{
	const struct leads *l = &leads[_i];
	struct place to;

	ck_assert_msg(redirect_resolve(&to, &here, l->location, strlen(l->location)) == 0, "%s", l->location);
	ck_assert_str_eq(to.host, l->host);
	ck_assert_str_eq(to.path, l->path);
	ck_assert_uint_eq(to.port, l->port);
	ck_assert(to.tls == l->tls && to.moved == l->moved);
}
END_TEST

START_TEST(nonsense_leads_nowhere)
{
	static const char *const list[] = { "", " ", "ftp://x/", "mailto:x", "javascript:x", "https://", "https:///x", "//", "http://a:0/",
					    "http://a:65536/", "http://a:99999999999/", "http://a:x/", "http://a:/", "http://:80/",
					    "http://u:p@a/", "/a b", "/a\tb", "/a\x7f" };
	struct place to = here;

	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		ck_assert_msg(redirect_resolve(&to, &here, list[i], strlen(list[i])) == ERR_FORMAT, "\"%s\"", list[i]);
		ck_assert_mem_eq(&to, &here, sizeof to);
	}
}
END_TEST

START_TEST(what_is_too_long_leads_nowhere)
{
	char text[REDIRECT_PATH_MAX + 16];
	struct place to = here;

	memset(text, 'x', sizeof text);
	text[0] = '/';
	ck_assert_int_eq(redirect_resolve(&to, &here, text, REDIRECT_PATH_MAX), 0);
	ck_assert_uint_eq(strlen(to.path), REDIRECT_PATH_MAX);
	ck_assert_int_eq(redirect_resolve(&to, &here, text, REDIRECT_PATH_MAX + 1), ERR_LIMIT);
	ck_assert_int_eq(redirect_resolve(&to, &to, "x", 1), 0);
	ck_assert_str_eq(to.path, "/x");
	memcpy(text, "//", 2);
	ck_assert_int_eq(redirect_resolve(&to, &here, text, 2 + REDIRECT_HOST_MAX), 0);
	ck_assert_int_eq(redirect_resolve(&to, &here, text, 3 + REDIRECT_HOST_MAX), ERR_LIMIT);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("all");

	tcase_add_loop_test(tc, a_location_leads_somewhere, 0, (int)(sizeof leads / sizeof *leads));
	tcase_add_test(tc, nonsense_leads_nowhere);
	tcase_add_test(tc, what_is_too_long_leads_nowhere);
	return unit_run_case("script redirect", tc);
}
