/* gemelctl test FILE: the cases of a check script, a line each.
 *
 *     ok      answers PING                                         {"check":"redis.lua","cases":[{"name":"answers PING",
 *     FAILED  redis_test.lua:7: a replica is down                    "line":3,"ok":true,"verdict":"up","reason":"ok",
 *             got up, wanted down                                    "detail":"","weight_pct":100,"took_ms":0,"what":"","log":""}],
 *     2 cases, 1 failed                                              "failed":1,"faults":[]}
 */
#include "app/gemelctl.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "conf/files.h"
#include "core/plan.h"
#include "ctl/doc.h"
#include "script/test.h"

#define SUFFIX ".lua"
#define TEST_SUFFIX "_test.lua"
#define JSON_MAX (16u << 20) /* as many cases as there may be, and what they say */

struct telling {
	const char *file; /* of the cases */
	unsigned count, failed;
	bool as_json;
	struct json json;
};

static const char *verdict_text(const struct health_result *r)
{
	enum health_outcome o = health_result_outcome(r);

	return o == HEALTH_PASS ? "up" : o == HEALTH_FAIL ? "down" : o == HEALTH_UNKNOWN_RESULT ? "unknown" : o == HEALTH_VOID ? "void" : NULL;
}

/* What a check or its cases say may hold what a terminal obeys. */
static void print_lines(const char *before, const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		struct bytes clean;

		bytes_init(&clean, JSON_MAX);
		doc_clean(&clean, text, len);
		printf("%s%.*s\n", before, (int)clean.len, clean.data != NULL ? (const char *)clean.data : "");
		bytes_deinit(&clean);
		text += len + (text[len] == '\n');
	}
}

static void tell_people(const struct telling *t, const struct script_test_case *c)
{
	char line[512];

	if (c->ok) {
		print_lines("ok      ", c->name);
		return;
	}
	if (c->line > 0)
		snprintf(line, sizeof line, "%s:%u: %s", t->file, c->line, c->name);
	else
		snprintf(line, sizeof line, "%s: %s", t->file, c->name);
	print_lines("FAILED  ", line);
	print_lines("        ", c->what);
	print_lines("        log: ", c->log);
}

static void tell_json(struct json *j, const struct script_test_case *c)
{
	json_begin_object(j);
	json_key(j, "name");
	json_string(j, c->name);
	json_key(j, "line");
	if (c->line > 0)
		json_uint(j, c->line);
	else
		json_null(j);
	json_key(j, "ok");
	json_bool(j, c->ok);
	json_key(j, "verdict");
	json_string(j, verdict_text(c->got));
	json_key(j, "reason");
	json_string(j, verdict_text(c->got) != NULL ? health_reason_text(c->got->reason) : NULL);
	json_key(j, "detail");
	json_string(j, c->got->detail);
	json_key(j, "weight_pct");
	json_uint(j, c->got->weight_pct);
	json_key(j, "took_ms");
	json_uint(j, c->got->took_us / 1000);
	json_key(j, "what");
	json_string(j, c->what);
	json_key(j, "log");
	json_string(j, c->log);
	json_end_object(j);
}

static void on_case(void *ctx, const struct script_test_case *c)
{
	struct telling *t = ctx;

	t->count++;
	t->failed += !c->ok;
	if (t->as_json)
		tell_json(&t->json, c);
	else
		tell_people(t, c);
}

/* ---- faults ---- */

static void tell_faults(struct telling *t, const struct diags *d)
{
	char line[4096];

	for (size_t i = 0; i < d->count; i++) {
		diag_format(&d->list[i], line, sizeof line);
		if (t->as_json)
			json_string(&t->json, line);
		else
			fprintf(stderr, "%s\n", line);
	}
}

static void json_ends(struct telling *t, struct bytes *out, const struct diags *d)
{
	json_end_array(&t->json);
	json_key(&t->json, "failed");
	json_uint(&t->json, t->failed);
	json_key(&t->json, "faults");
	json_begin_array(&t->json);
	tell_faults(t, d);
	json_end_array(&t->json);
	json_end_object(&t->json);
	printf("%.*s\n", (int)out->len, (const char *)out->data);
}

static int run_cases(const struct script_source *check, const struct script_source *cases, bool json)
{
	struct telling t = { .file = cases->file, .as_json = json };
	struct bytes out;
	struct diags d;
	int e;

	diags_init(&d);
	bytes_init(&out, JSON_MAX);
	json_init(&t.json, &out, true);
	if (json) {
		json_begin_object(&t.json);
		json_key(&t.json, "check");
		json_string(&t.json, check->file);
		json_key(&t.json, "cases");
		json_begin_array(&t.json);
	}
	e = script_test(check, cases, on_case, &t, &d);
	if (json) {
		json_ends(&t, &out, &d);
	} else {
		printf("%u case%s, %u failed\n", t.count, t.count == 1 ? "" : "s", t.failed);
		fflush(stdout);
		tell_faults(&t, &d);
	}
	if (e != 0 && d.count == 0)
		fprintf(stderr, "gemelctl: %s: %s\n", cases->file, err_text(e));
	bytes_deinit(&out);
	diags_deinit(&d);
	return e != 0 || t.failed > 0 ? 1 : 0;
}

/* ---- files ---- */

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), k = strlen(end);

	return n > k && strcmp(text + n - k, end) == 0;
}

/* Either file names both. Heap; NULL where it is neither. */
static int name_files(const char *file, char **check, char **cases)
{
	const char *from = ends_in(file, TEST_SUFFIX) ? TEST_SUFFIX : SUFFIX, *to = from[0] == '_' ? SUFFIX : TEST_SUFFIX;
	char *other = NULL;

	if (!ends_in(file, SUFFIX))
		return ERR_FORMAT;
	if (asprintf(&other, "%.*s%s", (int)(strlen(file) - strlen(from)), file, to) < 0)
		return ERR_NOMEM;
	*check = from[0] == '_' ? other : strdup(file);
	*cases = from[0] == '_' ? strdup(file) : other;
	return 0;
}

static int read_source(struct script_source *s, const char *file)
{
	char *text = NULL;
	int e;

	s->file = file;
	e = conf_files_read(file, PLAN_SCRIPT_TEXT_MAX, &text, &s->len);
	s->text = text;
	if (e != 0)
		fprintf(stderr, "gemelctl: %s: %s\n", file, e == ERR_IO ? strerror(errno) : e == ERR_LIMIT ? "larger than any script" : err_text(e));
	return e;
}

int gemelctl_test(const char *file, bool json)
{
	struct script_source check = { 0 }, cases = { 0 };
	char *check_file = NULL, *cases_file = NULL;
	int e = name_files(file, &check_file, &cases_file), status = 1;

	if (e == ERR_FORMAT) {
		fprintf(stderr, "gemelctl: %s is no check script; expected NAME.lua, with its cases in NAME_test.lua beside it\n", file);
		return 2;
	}
	if (e == 0 && check_file != NULL && cases_file != NULL && read_source(&check, check_file) == 0 && read_source(&cases, cases_file) == 0)
		status = run_cases(&check, &cases, json);
	free((char *)(uintptr_t)check.text);
	free((char *)(uintptr_t)cases.text);
	free(check_file);
	free(cases_file);
	return status;
}
