#include "ctl/whatif.h"
#include <stdio.h>
#include <string.h>
#include "core/whatif.h"
#include "ctl/explain.h"
#include "ctl/verbs.h"
#include "ctl/view.h"

#define WHY_MAX (WHATIF_NOTE_MAX + EXPLAIN_SENTENCE_MAX)

/* ---- why ---- */

struct first { enum explain_about about; char text[EXPLAIN_SENTENCE_MAX]; };

/* The first sentence of a family says which rule makes its answer. */
static bool take_first(void *ctx, enum explain_about about, const char *sentence)
{
	struct first *first = ctx;
	if (about != first->about)
		return true;
	const char *colon = strstr(sentence, ": ");
	snprintf(first->text, sizeof first->text, "%s", colon ? colon + 2 : sentence);
	return false;
}

static void say_why(const struct ctl_host *h, const struct whatif_row *r, char out[WHY_MAX])
{
	struct first first = { .about = explain_family_about(r->family) };
	struct explain e = { .h = h, .service = r->service, .say = take_first, .ctx = &first };
	if (r->kind == WHATIF_GONE) {
		snprintf(out, WHY_MAX, "the service goes");
		return;
	}
	if (!r->same_set)
		explain_run(&e);
	snprintf(out, WHY_MAX, "%s%s%s", r->note, *r->note && *first.text ? "; " : "", first.text);
}

/* ---- the document ---- */

/* People are told so in a line, or not at all. */
static void show_none(struct doc *d, const char *key)
{
	doc_for(d, DOC_JSON);
	doc_list(d, key);
	doc_list_end(d);
	doc_for(d, DOC_BOTH);
}

static void show_changes(struct doc *d, const struct ctl_host *h, const struct whatif *w)
{
	static const char *const kinds[] = { "?", "changed", "new", "gone" };
	static const enum doc_tone tones[] = { DOC_PLAIN, DOC_PLAIN, DOC_GOOD, DOC_BAD };
	char why[WHY_MAX];
	if (!w->count) {
		doc_line(d, "no answer changes");
		show_none(d, "changes");
		return;
	}
	doc_list(d, "changes");
	for (size_t i = 0; i < w->count; i++) {
		const struct whatif_row *r = &w->rows[i];
		say_why(h, r, why);
		doc_row(d);
		doc_word(d, "name", r->name, tones[r->kind]);
		doc_text(d, "type", explain_family_name(r->family));
		doc_for(d, DOC_JSON);
		doc_text(d, "kind", kinds[r->kind]);
		doc_for(d, DOC_BOTH);
		doc_text(d, "now", r->now);
		doc_text(d, "would_be", r->then);
		doc_text(d, "why", why);
		doc_row_end(d);
	}
	doc_list_end(d);
}

static void show_unknown(struct doc *d, const struct core *c)
{
	struct core_target_view t;
	char address[ADDR_TEXT_MAX];
	bool told = false;
	for (size_t i = 0; i < core_targets(c); i++) {
		core_target_get(c, i, &t);
		if (t.known || t.conf->canary)
			continue;
		if (!told) {
			doc_line(d, "");
			doc_line(d, "of these nothing is known yet: a service that has no others waits for the first round of checks");
			doc_list(d, "unknown");
			told = true;
		}
		doc_row(d);
		doc_text(d, "address", addr_format(&t.conf->addr, true, address));
		doc_text(d, "check", t.conf->check);
		doc_text(d, "service", t.conf->owner);
		doc_row_end(d);
	}
	if (told)
		doc_list_end(d);
	else
		show_none(d, "unknown");
}

static int show(struct doc *d, const struct ctl_host *h, struct core *core, const struct plan *next)
{
	struct whatif w;
	const struct plan *now = core_plan(core);
	doc_for(d, DOC_JSON);
	doc_text(d, "node", now->nodes[now->self].name);
	doc_uint(d, "generation", now->generation);
	doc_for(d, DOC_BOTH);
	int e = whatif_run(&w, core, next, h->now_ms, h->wall_ms);
	if (e)
		return e;
	show_changes(d, h, &w);
	show_unknown(d, core);
	whatif_deinit(&w);
	return 0;
}

static int fail(char *error, size_t cap, const char *text)
{
	snprintf(error, cap, "%s", text);
	return CALL_EXIT_FAILED;
}

int whatif_decode(struct plan **next, const uint8_t *data, size_t len, char *error, size_t cap)
{
	int e = plan_decode(next, data, len);
	if (e == ERR_NOMEM)
		return fail(error, cap, "out of memory");
	return e ? fail(error, cap, "this is no plan that this server understands; are gemelctl and gemeld of one version?") : 0;
}

int whatif_answer(struct doc *d, const struct ctl_host *h, struct core *core, struct plan *next, char *error, size_t cap)
{
	const struct plan *now = core_plan(core);
	const char *self = now->nodes[now->self].name;
	if (strcmp(next->nodes[next->self].name, self) != 0) {
		snprintf(error, cap, "the file was read for node \"%.64s\", and this is node \"%.64s\"; expected -n %.64s",
			 next->nodes[next->self].name, self, self);
		return CALL_EXIT_FAILED;
	}
	next->generation = now->generation + 1;
	return show(d, h, core, next) ? fail(error, cap, "out of memory") : CALL_EXIT_DONE;
}
