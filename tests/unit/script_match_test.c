/* The pattern engine against Lua's own string library: the same answers for thousands of random patterns and
 * subjects. */
#include <check.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/rng.h"
#include "script/internal.h"
#include "script/match.h"

/* The calls that are compared; each returns everything it finds as one string. */
static const char *const calls =
	"local S = ...\n"
	"local function all(...) local t = table.pack(...) for i = 1, t.n do t[i] = math.type(t[i]) == 'integer' and "
	"'#' .. t[i] or "
	"tostring(t[i]) end return table.concat(t, '|') end\n"
	"return {\n"
	"function (s, p) return all(S.find(s, p)) end,\n"
	"function (s, p) return all(S.match(s, p)) end,\n"
	"function (s, p) return all(S.find(s, p, 3)) end,\n"
	"function (s, p) return all(S.match(s, p, -4)) end,\n"
	"function (s, p) return all(S.find(s, p, 1, true)) end,\n"
	"function (s, p) local t = {} for a, b in S.gmatch(s, p) do t[#t + 1] = all(a, b) end return table.concat(t, "
	"';') end,\n"
	"function (s, p) local t = {} for a, b in S.gmatch(s, p, 4) do t[#t + 1] = all(a, b) end return "
	"table.concat(t, ';') end,\n"
	"function (s, p) return all(S.gsub(s, p, '<%0>')) end,\n"
	"function (s, p) return all(S.gsub(s, p, '%1%%', 2)) end,\n"
	"function (s, p) return all(S.gsub(s, p, { a = 'A', b = false, [3] = 'three' })) end,\n"
	"function (s, p) return all(S.gsub(s, p, function (a, b) return b end)) end,\n"
	"}";
#define CALLS 11

struct referee {
	struct script script; /* only what limits.c needs: the allocator hands it back */
	lua_State *L;
	struct meter meter;
};

/* One Lua state holds both: the table at 1 runs on Lua's string library, the table at 2 on ours. */
static void referee_open(struct referee *r)
{
	memset(r, 0, sizeof *r);
	r->script.limits = script_limits_default;
	r->script.limits.memory = 64u << 20;
	r->L = lua_newstate(limits_alloc, &r->script);
	ck_assert_ptr_nonnull(r->L);
	luaL_openlibs(r->L);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(luaL_loadstring(r->L, calls), LUA_OK);
		lua_newtable(r->L);
		lua_getglobal(r->L, "string");
		for (const char *const *n = (const char *const[]){ "find", "match", "gmatch", "gsub", NULL };
		     *n != NULL; n++) {
			lua_getfield(r->L, -1, *n);
			lua_setfield(r->L, -3, *n);
		}
		lua_pop(r->L, 1);
		if (i == 1)
			pattern_open(r->L, lua_gettop(r->L));
		lua_call(r->L, 1, 1);
	}
}

/* Runs one call; true with the text, or false with the error. The result stays on the stack. */
static bool referee_run(struct referee *r, int who, int call, const char *s, size_t s_len, const char *p, size_t p_len)
{
	lua_rawgeti(r->L, who, call);
	lua_pushlstring(r->L, s, s_len);
	lua_pushlstring(r->L, p, p_len);
	return lua_pcall(r->L, 2, 1, 0) == LUA_OK;
}

/* A piece of a pattern, most often sane. */
static size_t random_piece(struct rng *rng, char *out)
{
	static const char *const pieces[] = { "a",    "b",    "c",      "ab",     ".",      "%a",    "%d",    "%s",
					      "%w",   "%W",   "%x",     "%p",     "%u",     "%l",    "%c",    "%g",
					      "%A",   "[ab]", "[^a]",   "[a-c]",  "[%a_]",  "[%d-]", "[]]",   "[^]]",
					      "[a-]", "[%]]", "[^%s]",  "[a-%%]", "a*",     "a+",    "a-",    "a?",
					      ".*",   ".-",   ".+",     "%a+",    "%d*",    "[ab]*", "[^b]+", "(",
					      ")",    "()",   "(a)",    "(.-)",   "(b*)",   "%1",    "%2",    "%b()",
					      "%bxy", "%baa", "%f[%a]", "%f[^a]", "%f[%z]", "^",     "$",     "%.",
					      "%%",   "%(",   "(%d+)",  "(.)",    "%0",     "-",     "*",     "+",
					      "?",    "]",    "x",      "1",      " " };
	static const char *const broken[] = { "%", "[", "[a", "[^", "%b", "%bx", "%f", "%fa", "[%", "[]", "[a-" };
	const char *s = rng_below(rng, 60) == 0 ? broken[rng_below(rng, sizeof broken / sizeof *broken)] :
						  pieces[rng_below(rng, sizeof pieces / sizeof *pieces)];

	strcpy(out, s);
	return strlen(s);
}

static size_t random_subject(struct rng *rng, char *out)
{
	static const char letters[] = "aaaabbbccx1 2_()().%]A\n\0y-";
	size_t len = rng_below(rng, 16);

	for (size_t i = 0; i < len; i++)
		out[i] = letters[rng_below(rng, sizeof letters - 1)];
	return len;
}

static size_t random_pattern(struct rng *rng, char *out)
{
	size_t len = 0, n = rng_below(rng, 6);

	for (size_t i = 0; i <= n; i++)
		len += random_piece(rng, out + len);
	return len;
}

/* Ours refuses a malformed pattern also where Lua's match does not come as far as the fault; nothing else may differ.
 */
static void compare(struct referee *r, int call, const char *s, size_t s_len, const char *p, size_t p_len,
		    unsigned counts[3])
{
	static struct match_pattern *compiled;
	bool theirs = referee_run(r, 1, call, s, s_len, p, p_len), ours = referee_run(r, 2, call, s, s_len, p, p_len);

	if (compiled == NULL)
		compiled = malloc(match_pattern_size(MATCH_PATTERN_MAX));
	if (theirs && !ours) {
		ck_assert_msg(match_compile(compiled, p, p_len, call != 6 && call != 7) != NULL,
			      "call %d, \"%.*s\" in \"%.*s\": %s", call, (int)p_len, p, (int)s_len, s,
			      lua_tostring(r->L, -1));
		counts[1]++;
	} else if (!theirs) {
		ck_assert_msg(!ours, "call %d, \"%.*s\" in \"%.*s\": Lua says %s, we %s", call, (int)p_len, p,
			      (int)s_len, s, lua_tostring(r->L, -2), lua_tostring(r->L, -1));
		counts[2]++;
	} else {
		ck_assert_msg(lua_rawequal(r->L, -1, -2), "call %d, \"%.*s\" in \"%.*s\": Lua says %s, we %s", call,
			      (int)p_len, p, (int)s_len, s, lua_tostring(r->L, -2), lua_tostring(r->L, -1));
		counts[0]++;
	}
	lua_pop(r->L, 2);
}

START_TEST(the_same_answers_as_lua)
{
	const char *given = getenv("SEED");
	uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 20261121;
	unsigned counts[3] = { 0 };
	struct referee r;
	struct rng rng;

	rng_init(&rng, seed);
	referee_open(&r);
	printf("seed %llu\n", (unsigned long long)seed);
	for (int i = 0; i < 20000; i++) {
		char s[16], p[64];
		size_t s_len = random_subject(&rng, s), p_len = random_pattern(&rng, p);

		for (int call = 1; call <= CALLS; call++)
			compare(&r, call, s, s_len, p, p_len, counts);
	}
	printf("%u the same, %u refused earlier, %u refused by both\n", counts[0], counts[1], counts[2]);
	ck_assert_uint_gt(counts[0], 5 * counts[1]);
	lua_close(r.L);
}
END_TEST

/* Cases that a random walk seldom meets, with the answers of the manual. */
static const struct known { int call; const char *s, *p, *answer;
} knowns[] = {
	{ 1, "hello world", "o w", "#5|#7" },
	{ 1, "hello", "", "#1|#0" },
	{ 3, "hi", "", "#3|#2" },
	{ 3, "h", "", "nil" },
	{ 2, "key = value", "^(%w+)%s*=%s*(%w+)$", "key|value" },
	{ 2, "THE (quick) fox", "%((%a+)%)", "quick" },
	{ 2, "THE (quick) fox", "%b()", "(quick)" },
	{ 8, "THE (quick) fox", "%f[%a]%a+", "<THE> (<quick>) <fox>|#3" },
	{ 2, "  trim  ", "^%s*(.-)%s*$", "trim" },
	{ 2, "\"quoted 'x'\"", "([\"'])(.-)%1", "\"|quoted 'x'" },
	{ 6, "one two", "%a+", "one|nil;two|nil" },
	{ 6, "abc", "()", "#1|nil;#2|nil;#3|nil;#4|nil" },
	{ 8, "abc", "%w", "<a><b><c>|#3" },
	{ 8, "abc", "", "<>a<>b<>c<>|#4" },
	{ 8, "hello", "l*", "<>h<>e<ll>o<>|#4" },
	{ 8, "abc", "^a", "<a>bc|#1" },
	{ 2, "a\n", "a$", "nil" },
	{ 2, "a.b", "%.", "." },
	{ 5, "a.b", ".", "#2|#2" },
	{ 2, "2026-11-21", "(%d+)-(%d+)-(%d+)", "2026|11|21" },
	{ 2, "]", "[]]", "]" },
	{ 2, "-", "[a-]", "-" },
};

START_TEST(known_answers)
{
	struct referee r;

	referee_open(&r);
	for (size_t i = 0; i < sizeof knowns / sizeof *knowns; i++) {
		const struct known *k = &knowns[i];
		bool ok;

		ok = referee_run(&r, 2, k->call, k->s, strlen(k->s), k->p, strlen(k->p));
		ck_assert_msg(ok && strcmp(lua_tostring(r.L, -1), k->answer) == 0, "call %d, \"%s\" in \"%s\": %s",
			      k->call, k->p, k->s, lua_tostring(r.L, -1));
		lua_pop(r.L, 1);
	}
	lua_close(r.L);
}
END_TEST

static const struct malformed { const char *p, *fault;
} malformeds[] = {
	{ "%", "ends with '%'" },
	{ "[a", "missing ']'" },
	{ "[]", "missing ']'" },
	{ "[^]", "missing ']'" },
	{ "[%", "missing ']'" },
	{ "[%]", "missing ']'" },
	{ "%b", "missing arguments" },
	{ "%bx", "missing arguments" },
	{ "%f", "missing '['" },
	{ "%fa", "missing '['" },
	{ "(", "unfinished capture" },
	{ "(()", "unfinished capture" },
	{ ")", "invalid pattern capture" },
	{ "())", "invalid pattern capture" },
	{ "%1", "invalid capture index" },
	{ "(%1)", "invalid capture index" },
	{ "(a)%2", "invalid capture index" },
	{ "%0", "invalid capture index" },
};

START_TEST(malformed_patterns_are_told)
{
	struct match_pattern *p = malloc(match_pattern_size(MATCH_PATTERN_MAX + 1));
	char many[3 * 40 + 1] = "", lengthy[MATCH_PATTERN_MAX + 2];

	for (size_t i = 0; i < sizeof malformeds / sizeof *malformeds; i++) {
		const char *fault = match_compile(p, malformeds[i].p, strlen(malformeds[i].p), true);

		ck_assert_msg(fault != NULL && strstr(fault, malformeds[i].fault) != NULL, "%s: %s", malformeds[i].p,
			      fault);
	}
	for (int i = 0; i < 32; i++)
		strcat(many, "()");
	ck_assert_ptr_null(match_compile(p, many, strlen(many), true));
	strcat(many, "()");
	ck_assert_str_eq(match_compile(p, many, strlen(many), true), "too many captures");
	memset(lengthy, 'a', sizeof lengthy);
	ck_assert_ptr_null(match_compile(p, lengthy, MATCH_PATTERN_MAX, true));
	ck_assert_str_eq(match_compile(p, lengthy, MATCH_PATTERN_MAX + 1, true), "pattern too long");
	free(p);
}
END_TEST

/* However the pattern backtracks, the steps are the bound. */
START_TEST(steps_bound_the_work)
{
	static const char *const patterns[] = { ".-.-.-.-b", "(.-)(.-)(.-)%1%2%3b", ".*.*.*.*.*b", "%b()",
						"a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?a?b" };
	struct match_pattern *p = malloc(match_pattern_size(MATCH_PATTERN_MAX));
	char subject[5000];

	memset(subject, 'a', sizeof subject);
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
		struct match m = { .subject = subject, .len = sizeof subject, .steps_left = 100000 };
		enum match_found f = MATCH_FOUND_NOT;

		ck_assert_ptr_null(match_compile(p, patterns[i], strlen(patterns[i]), true));
		for (size_t at = 0; at <= m.len && f == MATCH_FOUND_NOT; at++)
			f = match_at(p, &m, at);
		if (i != 3)
			ck_assert_int_eq(f, MATCH_FOUND_LIMIT);
		ck_assert_uint_le(m.steps_left, 100000);
	}
	/* The deepest pattern: an item an octet, all of them backtracking. */
	for (size_t i = 0; i < MATCH_PATTERN_MAX / 2; i++)
		memcpy(subject + 2000 + 2 * i, "a-", 2);
	ck_assert_ptr_null(match_compile(p, subject + 2000, MATCH_PATTERN_MAX, true));
	struct match m = { .subject = subject, .len = 1900, .steps_left = 1000000 };
	ck_assert_int_eq(match_at(p, &m, 0), MATCH_FOUND);
	free(p);
}
END_TEST

/* Every octet in every class, as Lua sees it in the C locale. */
START_TEST(classes_agree)
{
	struct referee r;

	referee_open(&r);
	for (int letter = 1; letter < 256; letter++)
		for (int c = 0; c < 256; c++) {
			char p[2] = { '%', (char)letter }, s[1] = { (char)c };
			bool theirs, ours;

			if (strchr("bf0123456789", letter) != NULL)
				continue;
			theirs = referee_run(&r, 1, 2, s, 1, p, 2);
			ours = referee_run(&r, 2, 2, s, 1, p, 2);
			ck_assert_msg(theirs && ours && lua_rawequal(r.L, -1, -2), "%%%c and octet %d", letter, c);
			lua_pop(r.L, 2);
		}
	lua_close(r.L);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("script match");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, the_same_answers_as_lua);
	tcase_add_test(tc, known_answers);
	tcase_add_test(tc, malformed_patterns_are_told);
	tcase_add_test(tc, steps_bound_the_work);
	tcase_add_test(tc, classes_agree);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
