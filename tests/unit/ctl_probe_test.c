/* gemelctl probe: what is asked of the prober, what is shown, and the exit status that comes of it. */
#include "tests/lib/ctl_kit.h"
#include "tests/unit/unit.h"
#include <string.h>
#include <unistd.h>

#define PLAN "check a\ncheck b\ncheck c\n" \
	     "service one.example.test a 127.0.0.11 127.0.0.12\n" \
	     "service two.example.test a+b 127.0.0.11\n" \
	     "service any.example.test a|b|c 127.0.0.11\n" \
	     "service none.example.test - 127.0.0.11\n"

/* Sends the words and lets the server ask for its first probe. */
static int ask(struct kit *k, unsigned flags, const char *words)
{
	uint8_t request[1024];
	size_t len = kit_request(k, request, sizeof request, flags, words);
	int fd = kit_connect(k);

	kit_send(k, fd, request, len);
	return fd;
}

static void done(struct kit *k, enum health_reason why, uint8_t weight, const char *detail)
{
	struct health_result r = { .reason = why, .weight_pct = weight, .took_us = 1500 };

	snprintf(r.detail, sizeof r.detail, "%s", detail);
	ctl_probe_done(k->server, k->probe_id, &r);
}

START_TEST(steps_come_as_they_happen)
{
	struct kit k;
	int fd;

	kit_begin(&k, PLAN);
	fd = ask(&k, 0, "probe one.example.test 127.0.0.12 --verbose");
	ck_assert_uint_eq(k.probes, 1);
	ck_assert(k.probe_steps);
	ck_assert_uint_eq(k.probe_generation, core_plan(k.w.core)->generation);
	ck_assert_uint_eq(k.probe_stream, core_plan(k.w.core)->services[0].checks[1].streams[0]);
	ctl_probe_told(k.server, k.probe_id, 0, "connect to 127.0.0.12 port 80");
	ctl_probe_told(k.server, k.probe_id, 1234, "received \033[31m");
	ctl_probe_told(k.server, k.probe_id + 1, 5, "of another probe");
	done(&k, HEALTH_OK, 75, "HTTP 200");
	kit_take(&k, fd);
	ck_assert_str_eq(kit_out(&k), "     0.000 ms  connect to 127.0.0.12 port 80\n     1.234 ms  received ?[31m\nup: HTTP 200 (1.5ms, weight 75%)\n");
	ck_assert_int_eq(k.exit, 0);
	kit_end(&k);
}
END_TEST

START_TEST(one_check_decides_the_exit)
{
	static const struct { enum health_reason why; uint8_t weight; const char *out; int exit; } table[] = {
		{ HEALTH_OK, 100, "up (1.5ms, weight 100%)\n", 0 },
		{ HEALTH_CONNECT_REFUSED, 0, "down: connect refused (1.5ms)\n", 1 },
		{ HEALTH_SCRIPT_ERROR, 0, "unknown: script error (1.5ms)\n", 3 },
		{ HEALTH_CHECK_SAID_UNKNOWN, 0, "unknown: check said unknown (1.5ms)\n", 3 },
		{ HEALTH_LOCAL_ERROR, 0, "void: local error (1.5ms)\n", 3 },
	};
	struct kit k;

	kit_begin(&k, PLAN);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		int fd = ask(&k, 0, "probe ONE.example.test. 127.0.0.11");

		ck_assert(!k.probe_steps);
		done(&k, table[i].why, table[i].weight, "");
		kit_take(&k, fd);
		ck_assert_str_eq(kit_out(&k), table[i].out);
		ck_assert_int_eq(k.exit, table[i].exit);
	}
	kit_end(&k);
}
END_TEST

/* p = pass, f = fail, u = unknown, one a check */
START_TEST(several_are_combined)
{
	static const struct { const char *service, *results, *verdict; int exit; } table[] = {
		{ "two", "pp", "up: 2 of 2 checks pass, 2 needed (weight 40%)\n", 0 },
		{ "two", "pf", "down: 1 of 2 checks passes, 2 needed\n", 1 },
		{ "two", "pu", "unknown: 1 of 2 checks passes, 2 needed\n", 3 },
		{ "two", "fu", "down: 0 of 2 checks pass, 2 needed\n", 1 },
		{ "any", "ffp", "up: 1 of 3 checks passes, 1 needed (weight 42%)\n", 0 },
		{ "any", "ffu", "unknown: 0 of 3 checks pass, 1 needed\n", 3 },
		{ "any", "fff", "down: 0 of 3 checks pass, 1 needed\n", 1 },
	};
	struct kit k;

	kit_begin(&k, PLAN);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		char words[100];
		int fd;

		snprintf(words, sizeof words, "probe %s.example.test 127.0.0.11", table[i].service);
		fd = ask(&k, 0, words);
		k.probes = 1;
		for (const char *c = table[i].results; *c; c++) {
			ck_assert_int_eq(k.probes, c - table[i].results + 1);
			done(&k, *c == 'p' ? HEALTH_OK : *c == 'f' ? HEALTH_READ_TIMEOUT : HEALTH_SCRIPT_BUDGET,
			     *c == 'p' ? (uint8_t)(40 + (c - table[i].results)) : 0, "");
		}
		kit_take(&k, fd);
		ck_assert_msg(strstr(kit_out(&k), table[i].verdict) != NULL, "%s", kit_out(&k));
		ck_assert_int_eq(k.exit, table[i].exit);
	}
	kit_end(&k);
}
END_TEST

START_TEST(a_document_is_whole)
{
	struct kit k;
	int fd;

	kit_begin(&k, PLAN);
	fd = ask(&k, KIT_JSON, "probe two.example.test 127.0.0.11 --verbose");
	ctl_probe_told(k.server, k.probe_id, 7, "one \"step\"");
	done(&k, HEALTH_OK, 100, "fine");
	done(&k, HEALTH_READ_TIMEOUT, 0, "port 80");
	kit_take(&k, fd);
	ck_assert_int_eq(k.exit, 1);
	ck_assert_ptr_nonnull(strstr(kit_out(&k), "\"what\": \"one \\\"step\\\"\""));
	ck_assert_ptr_nonnull(strstr(kit_out(&k), "\"outcome\": \"down\",\n      \"reason\": \"read timeout\",\n      \"detail\": \"port 80\""));
	ck_assert_ptr_nonnull(strstr(kit_out(&k), "\"need\": 2,\n  \"verdict\": \"down\",\n  \"weight_pct\": 0\n}\n"));
	kit_end(&k);
}
END_TEST

START_TEST(what_is_not_there_is_told_with_what_is_near)
{
	static const struct { const char *words, *err; } table[] = {
		{ "probe on.example.test 127.0.0.11", "gemelctl: no service is called \"on.example.test\"; did you mean \"one.example.test\"\n" },
		{ "probe one 127.0.0.11", "gemelctl: no service is called \"one\"; did you mean \"one.example.test\"\n" },
		{ "probe mail.else.where 127.0.0.11", "gemelctl: no service is called \"mail.else.where\"\n" },
		{ "probe one.example.test 127.0.0.13", "gemelctl: one.example.test has no member 127.0.0.13; expected one of 127.0.0.11, 127.0.0.12\n" },
		{ "probe one.example.test one", "gemelctl: one.example.test has no member one; expected one of 127.0.0.11, 127.0.0.12\n" },
		{ "probe none.example.test 127.0.0.11", "gemelctl: none.example.test has no check\n" },
		{ "probe one.example.test", "gemelctl: usage: gemelctl probe SERVICE ADDRESS [--verbose]\n" },
	};
	struct kit k;

	kit_begin(&k, PLAN);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		kit_ask(&k, 0, table[i].words);
		ck_assert_str_eq(kit_err(&k), table[i].err);
		ck_assert_int_eq(k.exit, 2);
	}
	ck_assert_uint_eq(k.probes, 0);
	kit_end(&k);
}
END_TEST

START_TEST(a_prober_that_goes_away_is_unknown)
{
	struct kit k;
	int fd;

	kit_begin(&k, PLAN);
	fd = ask(&k, 0, "probe one.example.test 127.0.0.11");
	ctl_probes_lost(k.server);
	kit_take(&k, fd);
	ck_assert_str_eq(kit_err(&k), "gemelctl: the prober went away; try again\n");
	ck_assert_int_eq(k.exit, 3);
	done(&k, HEALTH_OK, 100, ""); /* nobody's any more */
	fd = ask(&k, 0, "probe one.example.test 127.0.0.11 --verbose");
	close(fd); /* the operator left */
	kit_turn(&k);
	ctl_probe_told(k.server, k.probe_id, 1, "a step");
	done(&k, HEALTH_OK, 100, "");
	kit_end(&k);
}
END_TEST

START_TEST(steps_are_bounded)
{
	struct kit k;
	int fd;
	unsigned lines = 0;

	kit_begin(&k, PLAN);
	fd = ask(&k, 0, "probe one.example.test 127.0.0.11 --verbose");
	for (uint32_t i = 0; i < 5000; i++)
		ctl_probe_told(k.server, k.probe_id, i, "again");
	done(&k, HEALTH_OK, 100, "");
	kit_take(&k, fd);
	for (const char *p = kit_out(&k); (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	ck_assert_uint_eq(lines, 1001);
	ck_assert_ptr_nonnull(strstr(kit_out(&k), "more steps than are shown\n"));
	kit_end(&k);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { steps_come_as_they_happen, one_check_decides_the_exit, several_are_combined, a_document_is_whole,
				 what_is_not_there_is_told_with_what_is_near, a_prober_that_goes_away_is_unknown, steps_are_bounded };
	return unit_run("ctl probe", tests, sizeof tests / sizeof *tests);
}
