/* The words of `explain` against the rule: a configuration, what happened, and the sentences it must give; and for each of
 * them, that the sentences name the tier, the addresses and the TTL that were published.
 *
 *     happened   "127.0.0.11 refused; 3000; drain 127.0.0.12; 1000; client 192.0.2.1"
 *                back ends refuse, hang or answer (ok, weight=50); a number lets time pass; else a command, or who asks
 *     told       a line a sentence; each must be told, in this order; a line that begins with '!' must be told nowhere
 */
#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "answer/answer.h"
#include "ctl/explain.h"
#include "dns/const.h"
#include "lib/core_world.h"

#define W "check web interval=1000 timeout=500 retry=200 fall=3 rise=2\n"
#define S "service www.example.test web "
#define A1 "127.0.0.11"
#define A2 "127.0.0.12"
#define A3 "127.0.0.13"

static struct world w;
static char told[1 << 16];

/* In the tables a key left out has its default. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

static const struct row { const char *name, *plan, *happened, *told, *next; } rows[] = {
#include "explain_rows.h"
};
#define ROWS (sizeof rows / sizeof rows[0])

/* ---- what happens ---- */

static size_t sticky(const struct ctl_sticky *s, uint16_t order[CTL_STICKY_MAX])
{
	struct answer_member members[CTL_STICKY_MAX];
	for (size_t i = 0; i < s->count; i++) {
		memcpy(members[i].ip, s->set[i].ip, sizeof members[i].ip);
		members[i].weight = s->weights[i];
	}
	return answer_sticky_order(&(struct answer_set){ .type = s->set[0].family == 4 ? DNS_TYPE_A : DNS_TYPE_AAAA, .pick = ANSWER_PICK_STICKY,
							 .answer_n = s->answer_n, .count = s->count, .members = members },
				   s->client, order);
}

static bool happen_backend(const char *word)
{
	static const struct { const char *word; enum health_reason reason; } does[] = {
		{ " refused", HEALTH_CONNECT_REFUSED }, { " hangs", HEALTH_CONNECT_TIMEOUT }, { " ok", HEALTH_OK },
		{ " error", HEALTH_SCRIPT_ERROR }, { " weight=", HEALTH_OK }, { " silent", HEALTH_OK } };
	char address[64];
	for (size_t i = 0; i < sizeof does / sizeof does[0]; i++) {
		const char *at = strstr(word, does[i].word);
		struct addr a;
		if (!at)
			continue;
		snprintf(address, sizeof address, "%.*s", (int)(at - word), word);
		if (addr_parse(&a, address, strlen(address), 0) < 0)
			continue;
		world_backend(&w, address, does[i].reason);
		world_backend_of(&w, &a)->weight = (uint8_t)(i == 4 ? atoi(at + 8) : 100);
		world_backend_of(&w, &a)->silent = i == 5;
		return true;
	}
	return false;
}

/* Returns true where a client asks. next: what the word "plan" loads. */
static bool happen(const char *happened, struct addr *client, const char *next)
{
	char text[512], *at = NULL;
	bool asks = false;
	snprintf(text, sizeof text, "%s", happened);
	for (char *p = strtok_r(text, ";", &at); p; p = strtok_r(NULL, ";", &at)) {
		while (*p == ' ')
			p++;
		if (isdigit((unsigned char)*p) && !strpbrk(p, ".: "))
			world_run(&w, strtoul(p, NULL, 10));
		else if (strncmp(p, "client ", 7) == 0)
			asks = addr_parse(client, p + 7, strlen(p + 7), 0) == 0;
		else if (strcmp(p, "restart") == 0)
			world_restart(&w, SIZE_MAX);
		else if (strcmp(p, "plan") == 0)
			world_plan(&w, next);
		else if (!happen_backend(p))
			world_command(&w, p);
	}
	return asks;
}

static bool say(void *ctx, enum explain_about about, const char *sentence)
{
	size_t at = strlen(told);
	(void)ctx;
	ck_assert_ptr_nonnull(strchr("sam", *explain_about_text(about)));
	ck_assert_uint_le(strlen(sentence), 255);
	ck_assert_uint_gt(strlen(sentence), 8);
	snprintf(told + at, sizeof told - at, "%s\n", sentence);
	return true;
}

static void ask(size_t service, const struct addr *client)
{
	struct ctl_host h = { .core = w.core, .now_ms = w.now_ms, .wall_ms = WORLD_WALL_MS + w.now_ms, .sticky = sticky };
	*told = '\0';
	explain_run(&(struct explain){ .h = &h, .service = service, .client = client, .say = say });
}

/* ---- the words against what was published ---- */

static const char *sentence_of(const char *begin)
{
	for (const char *p = told; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		if (strncmp(p, begin, strlen(begin)) == 0)
			return p;
	return NULL;
}

/* Every address published stands in the sentence on the set, or the sentence is full; and none other does. */
static void check_set(const char *fam, const char *answer)
{
	char begin[64], text[512], sentence[300], *at = NULL;
	unsigned n = 0, commas = 0;
	snprintf(begin, sizeof begin, "%s: the answer is ", fam);
	const char *s = sentence_of(begin);
	if (strncmp(answer, "nodata", 6) == 0 || strcmp(answer, "not ready") == 0) {
		ck_assert_ptr_null(s);
		return;
	}
	ck_assert_msg(s != NULL, "no set in\n%s", told);
	snprintf(sentence, sizeof sentence, "%.*s", (int)strcspn(s, "\n"), s);
	snprintf(text, sizeof text, "%s", answer);
	for (char *p = strtok_r(text, " ", &at); p; p = strtok_r(NULL, " ", &at)) {
		if (strchr(p, '='))
			continue;
		p[strcspn(p, "*")] = '\0'; /* its weight */
		n++;
		ck_assert_msg(strstr(sentence, p) || strstr(sentence, " more"), "%s is not in: %s", p, sentence);
	}
	for (const char *p = sentence; (p = strstr(p, ", ")); p++)
		commas += strncmp(p, ", whoever", 9) != 0;
	ck_assert_msg(strstr(sentence, " more") || commas + 1 == n, "%u published, not: %s", n, sentence);
}

static void check_ttl(const char *fam, const char *answer)
{
	char begin[64];
	const char *ttl = strstr(answer, "ttl=");
	if (!ttl || strcmp(answer, "") == 0)
		return;
	snprintf(begin, sizeof begin, "%s: TTL %d s", fam, atoi(ttl + 4));
	if (strncmp(answer, "nodata", 6) == 0 && strstr(told, "(NODATA): the service has no"))
		return; /* of a family that is not there */
	ck_assert_msg(sentence_of(begin) != NULL, "no \"%s\" in\n%s", begin, told);
}

static void check_rule(const struct core_service_view *v, int f)
{
	const char *fam = f ? "AAAA" : "A";
	char begin[64];
	switch (v->rule[f]) {
	case POLICY_RULE_TIER:
		snprintf(begin, sizeof begin, "%s: tier %d answers: ", fam, v->tier[f] + 1);
		break;
	case POLICY_RULE_WAIT:
		snprintf(begin, sizeof begin, "%s: not answered yet (SERVFAIL)", fam);
		break;
	case POLICY_RULE_OTHER_FAMILY:
		snprintf(begin, sizeof begin, "%s: no address is given (NODATA), beside", fam);
		break;
	case POLICY_RULE_ABSENT:
		snprintf(begin, sizeof begin, "%s: no address is given (NODATA): the service has no", fam);
		break;
	default:
		snprintf(begin, sizeof begin, "%s: all_down = ", fam);
		ck_assert_ptr_nonnull(sentence_of(begin));
		snprintf(begin, sizeof begin, "%s: no tier has enough members up: ", fam);
	}
	ck_assert_msg(sentence_of(begin) != NULL, "no \"%s\" in\n%s", begin, told);
}

static void check_words(size_t service)
{
	struct core_service_view v;
	core_service_get(w.core, service, &v);
	for (int f = 0; f < 2; f++) {
		const char *answer = world_answer(&w, v.conf->name, f ? DNS_TYPE_AAAA : DNS_TYPE_A);
		check_rule(&v, f);
		check_set(f ? "AAAA" : "A", answer);
		check_ttl(f ? "AAAA" : "A", answer);
	}
	for (uint16_t i = 0; i < v.members; i++) {
		char begin[96], text[ADDR_TEXT_MAX];
		snprintf(begin, sizeof begin, "member %s (tier %d", addr_format(&v.conf->policy.members[i].addr, true, text),
			 v.conf->policy.members[i].tier + 1);
		ck_assert_msg(sentence_of(begin) != NULL, "no \"%s\" in\n%s", begin, told);
	}
}

static void check_told(const struct row *r)
{
	char wanted[4096], *at = NULL;
	const char *from = told;
	snprintf(wanted, sizeof wanted, "%s", r->told);
	for (char *line = strtok_r(wanted, "\n", &at); line; line = strtok_r(NULL, "\n", &at)) {
		if (*line == '!') {
			ck_assert_msg(!strstr(told, line + 1), "%s: \"%s\" is told in\n%s", r->name, line + 1, told);
			continue;
		}
		const char *found = NULL;
		size_t n = strlen(line);
		for (const char *p = from; *p && !found; p = strchr(p, '\n') + 1)
			if (strncmp(p, line, n) == 0 && p[n] == '\n')
				found = p;
		ck_assert_msg(found != NULL, "%s: \"%s\" is not told, or not here, in\n%s", r->name, line, told);
		from = found + n + 1;
	}
}

START_TEST(words)
{
	const struct row *r = &rows[_i];
	struct addr client;
	world_begin(&w, r->plan);
	bool asks = happen(r->happened, &client, r->next);
	ask(0, asks ? &client : NULL);
	if (getenv("EXPLAIN_SHOW"))
		fprintf(stderr, "== %s\n%s", r->name, told);
	check_told(r);
	check_words(0);
	world_end(&w);
}
END_TEST

START_TEST(rows_enough)
{
	ck_assert_uint_ge(ROWS, 60);
	for (size_t i = 0; i < ROWS; i++)
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(rows[i].name, rows[k].name);
}
END_TEST

/* ---- random histories: the words follow the rule wherever they lead ---- */

START_TEST(words_follow_the_rule)
{
	static const char *const plans[] = {
		W S A1 " " A2 " ::1 / " A3 " ::2 need=2 all_down=last pick=sticky answer=1\n",
		W S A1 " ::1 / " A2 " / ::2 couple=1 all_down=all\n",
		"pair any-up\n" W S A1 " " A2 "! / " A3 "*3 ::1 need=50% all_down=none pick=weighted initial=down\n",
		W S A1 " " A2 " / " A3 " all_down=list fallback=192.0.2.9," A1 ",2001:db8::9 pick=random\n",
	};
	static const char *const members[] = { A1, A2, A3, "::1", "::2" };
	static const char *const verbs[] = { "down", "up", "drain", "auto" };
	struct addr client;
	srandom(71u + (unsigned)_i);
	world_begin(&w, plans[(size_t)_i % (sizeof plans / sizeof plans[0])]);
	for (int step = 0; step < 60; step++) {
		const char *who = members[random() % 5];
		char text[128];
		if (random() % 3)
			snprintf(text, sizeof text, "%s %s; %ld; client 192.0.2.%ld", who, random() % 2 ? "refused" : "ok", random() % 4000, random() % 200);
		else
			snprintf(text, sizeof text, "%s %s force; %ld; client 192.0.2.1", verbs[random() % 4], who, random() % 2000);
		bool asks = happen(text, &client, NULL);
		ask(0, asks ? &client : NULL);
		check_words(0);
	}
	world_end(&w);
}
END_TEST

/* ---- bounds ---- */

START_TEST(sentences_are_bounded)
{
	char *plan = malloc(1 << 20);
	size_t at = (size_t)sprintf(plan, W S);
	for (int t = 0; t < 32; t++)
		at += (size_t)sprintf(plan + at, "%s127.2.0.%d 127.2.1.%d@a-host-with-a-rather-long-name-%d.example.test ", t ? "/ " : "", t + 1, t + 1, t);
	sprintf(plan + at, "need=2 all_down=all\n");
	world_begin(&w, plan);
	for (int t = 0; t < 32; t++) {
		char text[64];
		snprintf(text, sizeof text, "127.2.0.%d", t + 1);
		world_backend(&w, text, HEALTH_CONNECT_REFUSED);
	}
	world_run(&w, 8000);
	ask(0, NULL); /* say() looks at each length */
	check_words(0);
	ck_assert_ptr_nonnull(strstr(told, ", nor has any up to tier 32\n"));
	ck_assert_ptr_nonnull(strstr(told, " more\n"));
	world_end(&w);
	free(plan);
}
END_TEST

/* "…" and no octet of a character cut in two, however the words before it end. */
START_TEST(a_cut_leaves_whole_characters)
{
	for (int lead = 0; lead < 8; lead++) {
		struct explain_line l = { .len = 0 };
		explain_add(&l, "%.*s", lead, "aaaaaaaa");
		for (int i = 0; i < 100; i++)
			explain_add(&l, "\xe2\x82\xac");
		ck_assert_uint_le(strlen(l.text), 255);
		ck_assert_uint_eq(l.len, strlen(l.text));
		ck_assert_str_eq(l.text + l.len - 3, "...");
		ck_assert_uint_eq((l.len - 3 - (size_t)lead) % 3, 0);
	}
}
END_TEST

static size_t told_lines, told_most;
static bool say_some(void *ctx, enum explain_about about, const char *sentence)
{
	(void)ctx, (void)about, (void)sentence;
	return ++told_lines < told_most;
}

START_TEST(whoever_has_enough_is_told_no_more)
{
	world_begin(&w, W S A1 " " A2 " ::1\n");
	world_run(&w, 3000);
	struct ctl_host h = { .core = w.core, .now_ms = w.now_ms, .wall_ms = WORLD_WALL_MS + w.now_ms };
	for (told_most = 1; told_most < 10; told_most++) {
		told_lines = 0;
		explain_run(&(struct explain){ .h = &h, .service = 0, .say = say_some });
		ck_assert_uint_eq(told_lines, told_most);
	}
	world_end(&w);
}
END_TEST

START_TEST(wildcards_are_found)
{
	world_begin(&w, W "service *.example.test web " A1 "\nservice *.b.example.test web " A1 "\n");
	ck_assert_int_eq(explain_find(w.core, "x.example.test"), 0);
	ck_assert_int_eq(explain_find(w.core, "X.Y.Example.Test."), 0);
	ck_assert_int_eq(explain_find(w.core, "x.b.example.test"), 1);
	ck_assert_int_eq(explain_find(w.core, "example.test"), ERR_ABSENT);
	ck_assert_int_eq(explain_find(w.core, "x\\.example.test"), ERR_ABSENT);
	ck_assert_int_eq(explain_find(w.core, ""), ERR_ABSENT);
	ck_assert_int_eq(explain_find(w.core, "\\"), ERR_ABSENT);
	world_end(&w);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("explain");
	TCase *t = tcase_create("explain");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, words, 0, ROWS);
	tcase_add_test(t, rows_enough);
	tcase_add_loop_test(t, words_follow_the_rule, 0, 12);
	tcase_add_test(t, sentences_are_bounded);
	tcase_add_test(t, a_cut_leaves_whole_characters);
	tcase_add_test(t, whoever_has_enough_is_told_no_more);
	tcase_add_test(t, wildcards_are_found);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *r = srunner_create(suite());
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
