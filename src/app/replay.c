/* See replay.h. The journal is only read, and may be a running server's. */
#include "app/replay.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "app/check.h"
#include "base/text.h"
#include "core/replay.h"
#include "io/journal.h"

#define MISSING_MAX 20 /* lines; of more the number is told */
#define LINE_MAX_LEN ((size_t)1 << 16)

struct teller { bool json, verbose, begun; };

/* ---- lines ---- */

static void tell_json(const struct core_notice *n)
{
	struct bytes line;
	struct json j;
	bytes_init(&line, LINE_MAX_LEN);
	json_init(&j, &line, false);
	notice_json(&j, n);
	if (!line.failed)
		printf("%.*s\n", (int)line.len, (const char *)line.data);
	bytes_deinit(&line);
}

/* A service's A and AAAA change apart, and an address may have several checks. */
static void tell_which(const struct core_notice *n)
{
	const char *at = n->detail, *key, *value;
	size_t key_len, value_len;
	while (notice_detail_next(&at, &key, &key_len, &value, &value_len))
		if ((key_len == 4 && memcmp(key, "type", 4) == 0) || (key_len == 5 && memcmp(key, "check", 5) == 0))
			printf(" %.*s", (int)value_len, value);
}

static void tell(const struct teller *t, const struct core_notice *n)
{
	char when[32];
	if (!t->verbose && n->kind != CORE_NOTICE_ANSWER)
		return;
	if (t->json) {
		tell_json(n);
		return;
	}
	printf("%s %s", text_format_utc(n->wall_ms, when), n->subject);
	tell_which(n);
	printf(" %s -> %s (%s)\n", *n->old ? n->old : "-", *n->new ? n->new : "-", *n->reason ? n->reason : n->cause);
}

/* What is decided before the first result: services that wait for none. */
static void tell_beginning(const struct teller *t, const struct replay *r)
{
	static const char *const types[] = { "A", "AAAA" };
	const struct core *c = replay_core(r);
	struct core_service_view v;
	for (size_t i = 0; i < core_services(c); i++) {
		core_service_get(c, i, &v);
		for (int f = 0; f < 2; f++) {
			struct core_notice n = { .kind = CORE_NOTICE_ANSWER, .wall_ms = replay_first_ms(r), .cause = "start" };
			if (!v.ready || v.rule[f] == POLICY_RULE_ABSENT)
				continue;
			snprintf(n.subject, sizeof n.subject, "%s", v.conf->name);
			core_answer_text(c, i, f, n.new);
			notice_detail_add(&n, "type", "%s", types[f]);
			tell(t, &n);
		}
	}
}

static void tell_missing(const struct replay *r, const struct plan *p)
{
	char address[ADDR_TEXT_MAX];
	size_t missing = 0;
	for (uint32_t i = 0; i < p->stream_count; i++) {
		const struct plan_stream *s = &p->streams[i];
		if (s->canary || replay_knows(r, i) || ++missing > MISSING_MAX)
			continue;
		fprintf(stderr, "gemeld: no result is recorded of %s by check %s (%s)\n", addr_format(&s->addr, true, address), s->check, s->owner);
	}
	if (missing > MISSING_MAX)
		fprintf(stderr, "gemeld: nor of %zu more\n", missing - MISSING_MAX);
	if (replay_strangers(r))
		fprintf(stderr, "gemeld: %zu records are of targets that are not configured: left out\n", replay_strangers(r));
}

/* ---- reading ---- */

struct reader { struct replay *r; int e; };

static void on_record(void *ctx, const uint8_t *record, size_t len)
{
	struct reader *in = ctx;
	if (!in->e)
		in->e = replay_add(in->r, record, len);
}

static int read_journal(struct replay *r, const char *journal)
{
	struct reader in = { .r = r };
	size_t torn = 0;
	int e = journal_read(journal, on_record, &in, &torn);
	e = e ? e : in.e;
	if (e == ERR_IO)
		fprintf(stderr, "gemeld: %s: %s\n", journal, strerror(errno));
	else if (e)
		fprintf(stderr, "gemeld: %s: %s\n", journal, e == ERR_FORMAT ? "this is no journal" : err_text(e));
	if (torn)
		fprintf(stderr, "gemeld: %s: the last %zu octets are torn: left out\n", journal, torn);
	return e;
}

/* ---- running ---- */

static int run(struct replay *r, struct teller *t)
{
	const struct core_notice *n;
	int more;
	while ((more = replay_next(r, &n)) == 1) {
		if (!t->begun)
			tell_beginning(t, r);
		t->begun = true;
		tell(t, n);
	}
	if (more == 0 && fflush(stdout))
		return ERR_IO;
	return more;
}

static int replay(struct replay *r, const struct plan *p, const char *journal, struct teller *t)
{
	int e = read_journal(r, journal);
	if (e)
		return e;
	e = replay_begin(r);
	if (!e)
		tell_missing(r, p);
	if (e == ERR_ABSENT)
		fprintf(stderr, "gemeld: %s: no results of these targets are recorded\n", journal);
	else if (e == ERR_RANGE)
		fprintf(stderr, "gemeld: %s: the records span more than ten years\n", journal);
	else if (!e)
		e = run(r, t);
	return e;
}

int replay_main(const char *journal, const char *file, const char *node, bool json, bool verbose)
{
	struct teller t = { .json = json, .verbose = verbose };
	struct replay *r;
	struct plan *p = check_plan(file, node);
	if (!p)
		return 1;
	int e = replay_new(&r, p);
	if (!e) {
		e = replay(r, p, journal, &t);
		replay_free(r);
	}
	plan_free(p);
	if (e == ERR_NOMEM)
		fprintf(stderr, "gemeld: %s\n", err_text(e));
	return e ? 1 : 0;
}
