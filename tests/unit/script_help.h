/* What the tests of check scripts share: a script from text, and an edge that answers its requests from a list.
 *
 *     static const struct turn talk[] = { { .type = SCRIPT_REQ_CONNECT }, { .type = SCRIPT_REQ_READLINE, .data = "+" },
 *                                         { .type = SCRIPT_REQ_NONE } };
 *     struct health_result r = help_run("return function (t, a) … end", talk);
 */
#ifndef GEMEL_TESTS_SCRIPT_HELP_H
#define GEMEL_TESTS_SCRIPT_HELP_H
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "script/script.h"

struct turn { /* the next request must be of this type; the answer to it */
	enum script_request_type type;
	const char *data;             /* NULL = nothing */
	enum health_reason failure;   /* 0 = HEALTH_OK */
	const char *detail;
	int status;
	const char *headers;
	uint32_t took_us;
};

static char help_log[8192];
static unsigned help_slices; /* of the last run */
static uint32_t help_waited_ms;

static void help_sink(void *ctx, enum log_level level, const char *line)
{
	size_t len = strlen(help_log);

	(void)ctx;
	(void)level;
	snprintf(help_log + len, sizeof help_log - len, "%s\n", line); /* what is beyond is lost */
}

/* The script, or NULL with the faults in help_log. lim NULL = the default but for time: on a slow machine, under a sanitizer, a script
 * that is to end by what it does or takes would end by the clock. */
static struct script *help_script(const char *text, const struct script_limits *lim)
{
	struct script_limits unhurried = script_limits_default;
	struct script *s = NULL;
	struct diags d;

	unhurried.cpu_us *= 10;
	lim = lim != NULL ? lim : &unhurried;

	help_log[0] = '\0';
	diags_init(&d);
	if (script_new(&s, "check.lua", text, strlen(text), lim, &d) != 0) {
		for (size_t i = 0; i < d.count; i++) {
			char line[512];

			diag_format(&d.list[i], line, sizeof line);
			help_sink(NULL, LOG_LEVEL_ERROR, line);
		}
		ck_assert_ptr_null(s);
	} else {
		script_set_log(s, help_sink, NULL);
	}
	diags_deinit(&d);
	return s;
}

static struct script_target help_target(void)
{
	struct script_target t = {
		.service = "www.example.test", .owner = "www.example.test", .host = "ams1", .state_key = 7
	};

	ck_assert_int_eq(addr_parse(&t.addr, "192.0.2.1", 9, 0), 0);
	return t;
}

static void help_answer(struct script_answer *a, const struct turn *turn, const struct script_request *req)
{
	memset(a, 0, sizeof *a);
	a->reason = turn->failure != HEALTH_REASON_NONE ? turn->failure : HEALTH_OK;
	a->detail = turn->detail;
	a->data = turn->data;
	a->len = turn->data != NULL ? strlen(turn->data) : 0;
	a->status = turn->status;
	a->headers = turn->headers;
	a->took_us = turn->took_us;
	a->conn = req->type == SCRIPT_REQ_CONNECT ? 3 : req->conn;
	help_waited_ms += req->type == SCRIPT_REQ_SLEEP ? req->timeout_ms : 0;
}

/* Runs s once; talk must be used up exactly. */
static struct health_result help_run_script(struct script *s, const struct script_arg *args, size_t n,
					    const struct turn *talk)
{
	static const struct turn none = { .type = SCRIPT_REQ_NONE };
	struct script_target t = help_target();
	struct script_run *run = NULL;
	struct script_request req;
	struct script_answer a;
	struct health_result result = { .reason = HEALTH_REASON_NONE };
	int status = script_start(s, &run, &t, args, n, &req, &result);

	talk = talk != NULL ? talk : &none;
	help_slices = 0;
	while (status == SCRIPT_YIELDED) {
		if (req.type == SCRIPT_REQ_SLICE) {
			help_slices++;
			status = script_resume(run, NULL, &req, &result);
			continue;
		}
		ck_assert_int_eq(req.type, talk->type);
		help_answer(&a, talk++, &req);
		status = script_resume(run, &a, &req, &result);
	}
	ck_assert_int_eq(status, SCRIPT_DONE);
	ck_assert_int_eq(talk->type, SCRIPT_REQ_NONE);
	script_run_free(run);
	return result;
}

static struct health_result help_run(const char *text, const struct turn *talk)
{
	struct script *s = help_script(text, NULL);
	struct health_result r;

	ck_assert_msg(s != NULL, "%s", help_log);
	r = help_run_script(s, NULL, 0, talk);
	script_free(s);
	return r;
}

/* The body of a run function alone. */
static struct health_result help_body(const char *body, const struct turn *talk)
{
	char *text = NULL;
	struct health_result r;

	ck_assert_int_gt(asprintf(&text, "return function (target, args) %s end", body), 0);
	r = help_run(text, talk);
	free(text);
	return r;
}

#endif
