/* What another plan would answer: the rows, against a reload of the real thing; and the document. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/whatif.h"
#include "ctl/whatif.h"
#include "dns/const.h"
#include "lib/core_world.h"
#include "lib/plan_make.h"
#include "tests/unit/fault.h"
#include "tests/unit/unit.h"

#define WALL(w) (WORLD_WALL_MS + (w)->now_ms)
static const char base[] = "check web interval=1000 timeout=500 retry=200 fall=3 rise=2\n"
			   "service www.example.test web 127.0.0.11 127.0.0.12 / 127.0.0.13 ttl=10-60\n"
			   "service shop.example.test web 127.0.0.12 / 127.0.0.13 ttl=10-60 all_down=last\n";

static void rows_text(const struct whatif *w, char *out, size_t cap)
{
	static const char *const kinds[] = { "?", "changed", "new", "gone" };
	size_t len = 0;
	out[0] = '\0';
	for (size_t i = 0; i < w->count; i++) {
		const struct whatif_row *r = &w->rows[i];
		len += (size_t)snprintf(out + len, cap - len, "%s %s %s: %s > %s (%s)\n", kinds[r->kind], r->name, r->family ? "AAAA" : "A",
					r->now ? r->now : "-", r->then ? r->then : "-", r->note);
		ck_assert_uint_lt(len, cap);
	}
}

/* What would be of the world under another plan; the world is of no use afterwards. */
static void ask(struct world *w, const char *text, char *out, size_t cap)
{
	struct whatif r;
	struct plan *next = plan_make(text, 0);
	ck_assert_int_eq(whatif_run(&r, w->core, next, w->now_ms, WALL(w)), 0);
	rows_text(&r, out, cap);
	whatif_deinit(&r);
	core_free(w->core);
	w->core = NULL;
	plan_free(next);
}

static const struct row {
	const char *what, *down, *command, *next, *rows;
} rows[] = {
	{ "the same plan", "", "", base, "" },
	{ "another order of tiers", "", "",
	  "check web interval=1000 timeout=500 retry=200 fall=3 rise=2\n"
	  "service www.example.test web 127.0.0.13 / 127.0.0.11 127.0.0.12 ttl=10-60\n"
	  "service shop.example.test web 127.0.0.12 / 127.0.0.13 ttl=10-60 all_down=last\n",
	  "changed www.example.test A: 127.0.0.11 127.0.0.12 > 127.0.0.13 ()\n" },
	{ "a member that goes", "", "",
	  "check web interval=1000 timeout=500 retry=200 fall=3 rise=2\n"
	  "service www.example.test web 127.0.0.11 / 127.0.0.13 ttl=10-60\n"
	  "service shop.example.test web 127.0.0.12 / 127.0.0.13 ttl=10-60 all_down=last\n",
	  "changed www.example.test A: 127.0.0.11 127.0.0.12 > 127.0.0.11 (127.0.0.12 is no member any more)\n" },
	{ "a member that is known by another service", "", "",
	  "check web interval=1000 timeout=500 retry=200 fall=3 rise=2\n"
	  "service www.example.test web 127.0.0.11 127.0.0.12 / 127.0.0.13 ttl=10-60\n"
	  "service shop.example.test web 127.0.0.11 127.0.0.12 / 127.0.0.13 ttl=10-60 all_down=last\n",
	  "changed shop.example.test A: 127.0.0.12 > 127.0.0.11 127.0.0.12 (127.0.0.11 is a new member)\n" },
	{ "one of which nothing is known beside others is left out", "", "",
	  "check web interval=1000 timeout=500 retry=200 fall=3 rise=2\n"
	  "service www.example.test web 127.0.0.11 127.0.0.12 127.0.0.99 / 127.0.0.13 ttl=10-60\n"
	  "service shop.example.test web 127.0.0.12 / 127.0.0.13 ttl=10-60 all_down=last\n", "" },
	{ "a service that comes waits, one that goes goes", "", "",
	  "check web interval=1000 timeout=500 retry=200 fall=3 rise=2\n"
	  "service www.example.test web 127.0.0.11 127.0.0.12 / 127.0.0.13 ttl=10-60\n"
	  "service new.example.test web 127.0.0.99 ttl=10-60\n",
	  "new new.example.test A: - > not ready ()\n"
	  "gone shop.example.test A: 127.0.0.12 > - ()\n" },
	{ "a service that comes of members that are known", "", "",
	  "check web interval=1000 timeout=500 retry=200 fall=3 rise=2\n"
	  "service www.example.test web 127.0.0.11 127.0.0.12 / 127.0.0.13 ttl=10-60\n"
	  "service new.example.test web 127.0.0.13 ttl=10-60\n"
	  "service wait.example.test web 127.0.0.99 ttl=10-60\n",
	  "new new.example.test A: - > 127.0.0.13 ()\n"
	  "new wait.example.test A: - > not ready ()\n"
	  "gone shop.example.test A: 127.0.0.12 > - ()\n" },
	{ "a family that comes", "", "",
	  "check web interval=1000 timeout=500 retry=200 fall=3 rise=2\n"
	  "service www.example.test web 127.0.0.11 127.0.0.12 / 127.0.0.13 ttl=10-60\n"
	  "service shop.example.test - 127.0.0.12 ::1 ttl=10-60\n",
	  "changed shop.example.test A: 127.0.0.12 > 127.0.0.12 (TTL 60 s, not 10 s)\n"
	  "changed shop.example.test AAAA: none > ::1 (::1 is a new member)\n" },
	{ "a TTL", "", "",
	  "check web interval=1000 timeout=500 retry=200 fall=3 rise=2\n"
	  "service www.example.test web 127.0.0.11 127.0.0.12 / 127.0.0.13 ttl=30-60\n"
	  "service shop.example.test web 127.0.0.12 / 127.0.0.13 ttl=10-60 all_down=last\n",
	  "changed www.example.test A: 127.0.0.11 127.0.0.12 > 127.0.0.11 127.0.0.12 (TTL 30 s, not 10 s)\n" },
	{ "weights", "", "",
	  "check web interval=1000 timeout=500 retry=200 fall=3 rise=2\n"
	  "service www.example.test web 127.0.0.11*5 127.0.0.12*2 / 127.0.0.13 ttl=10-60 pick=weighted\n"
	  "service shop.example.test web 127.0.0.12 / 127.0.0.13 ttl=10-60 all_down=last\n",
	  "changed www.example.test A: 127.0.0.11 127.0.0.12 > 127.0.0.11 127.0.0.12 (other weights; picked in another way)\n" },
	{ "what is down stays so", "127.0.0.11", "",
	  "check web interval=1000 timeout=500 retry=200 fall=3 rise=2\n"
	  "service www.example.test web 127.0.0.12 / 127.0.0.13 ttl=10-60\n"
	  "service shop.example.test web 127.0.0.11 / 127.0.0.13 ttl=10-60\n",
	  "changed shop.example.test A: 127.0.0.12 > 127.0.0.13 (127.0.0.12 is no member any more)\n" },
	{ "an override stays in force", "", "down 127.0.0.13",
	  "check web interval=1000 timeout=500 retry=200 fall=3 rise=2\n"
	  "service www.example.test web 127.0.0.13 / 127.0.0.11 ttl=10-60\n"
	  "service shop.example.test web 127.0.0.12 / 127.0.0.13 ttl=10-60 all_down=last\n",
	  "changed www.example.test A: 127.0.0.11 127.0.0.12 > 127.0.0.11 (127.0.0.12 is no member any more)\n" },
};

static void begin(struct world *w, const struct row *r)
{
	world_begin(w, base);
	world_run(w, 20000);
	if (*r->down)
		world_backend(w, r->down, HEALTH_CONNECT_REFUSED);
	if (*r->command)
		world_command(w, r->command);
	world_run(w, 20000);
}

START_TEST(rows_tell_what_changes)
{
	char got[4096];
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct world w;
		begin(&w, &rows[i]);
		ask(&w, rows[i].next, got, sizeof got);
		ck_assert_msg(strcmp(got, rows[i].rows) == 0, "%s:\n%snot\n%s", rows[i].what, got, rows[i].rows);
		world_end(&w);
	}
}
END_TEST

/* The set alone: the world's text has weights and the TTL, too. */
static bool answers_as(struct world *w, const char *name, uint16_t type, const char *text)
{
	char set[256];
	snprintf(set, sizeof set, "%s", world_answer(w, name, type));
	char *ttl = strstr(set, " ttl=");
	if (ttl)
		*ttl = '\0';
	for (char *at = strchr(set, '*'); at; at = strchr(set, '*'))
		memmove(at, at + strcspn(at, " "), strlen(at + strcspn(at, " ")) + 1);
	return strcmp(set, text) == 0 || (strncmp(set, "nodata", 6) == 0 && strcmp(text, "none") == 0);
}

START_TEST(a_reload_does_what_was_said)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct world w, copy;
		struct whatif r;
		struct plan *next = plan_make(rows[i].next, 0);
		begin(&w, &rows[i]);
		begin(&copy, &rows[i]); /* the same to the octet: the world is deterministic */
		ck_assert_int_eq(whatif_run(&r, copy.core, next, copy.now_ms, WALL(&copy)), 0);
		world_plan(&w, rows[i].next);
		for (size_t k = 0; k < r.count; k++) {
			const struct whatif_row *row = &r.rows[k];
			if (row->kind != WHATIF_GONE)
				ck_assert_msg(answers_as(&w, row->name, row->family ? DNS_TYPE_AAAA : DNS_TYPE_A, row->then), "%s: %s, not %s", rows[i].what,
					      world_answer(&w, row->name, row->family ? DNS_TYPE_AAAA : DNS_TYPE_A), row->then);
		}
		whatif_deinit(&r);
		core_free(copy.core);
		copy.core = NULL;
		plan_free(next);
		world_end(&copy);
		world_end(&w);
	}
}
END_TEST

START_TEST(without_memory_it_fails_whole)
{
	bool hit = true;
	for (unsigned nth = 1; hit; nth++) {
		struct world w;
		struct whatif r;
		struct plan *next = plan_make(rows[1].next, 0);
		begin(&w, &rows[1]);
		fault_arm(nth);
		int e = whatif_run(&r, w.core, next, w.now_ms, WALL(&w));
		hit = fault_disarm();
		ck_assert(e == 0 || (hit && e == ERR_NOMEM));
		ck_assert(e == 0 || r.count == 0);
		if (e == 0)
			whatif_deinit(&r);
		core_free(w.core);
		w.core = NULL;
		plan_free(next);
		world_end(&w);
		ck_assert_uint_lt(nth, 5000);
	}
}
END_TEST

/* ---- the document ---- */

static int answer(struct world *w, const char *text, uint16_t self, enum doc_form form, char *out, size_t cap, char *error)
{
	struct doc d;
	struct bytes plan;
	struct plan *made = plan_make(text, self), *next;
	struct ctl_host h = { .core = w->core, .now_ms = w->now_ms, .wall_ms = WALL(w) };
	bytes_init(&plan, 1 << 20);
	ck_assert_int_eq(plan_encode(&plan, made), 0);
	plan_free(made);
	error[0] = out[0] = '\0';
	ck_assert_int_eq(whatif_decode(&next, plan.data, plan.len, error, 512), 0);
	doc_init(&d, form, false, 0, 1 << 20);
	int e = whatif_answer(&d, &h, w->core, next, error, 512);
	if (!e) {
		ck_assert_int_eq(doc_end(&d), 0);
		snprintf(out, cap, "%.*s", (int)d.out.len, (const char *)d.out.data);
	}
	doc_deinit(&d);
	core_free(w->core);
	w->core = NULL;
	plan_free(next);
	bytes_deinit(&plan);
	return e;
}

START_TEST(people_and_programs_get_the_same)
{
	struct world w;
	char out[4096], error[512];
	begin(&w, &rows[5]);
	ck_assert_int_eq(answer(&w, rows[5].next, 0, DOC_PEOPLE, out, sizeof out, error), 0);
	ck_assert_str_eq(out, "NAME               TYPE  NOW         WOULD BE   WHY\n"
			      "new.example.test   A                 not ready  not answered yet (SERVFAIL): the first round of checks is not over, 1 member, "
			      "127.0.0.99 first, waits for a result\n"
			      "shop.example.test  A     127.0.0.12             the service goes\n"
			      "\n"
			      "of these nothing is known yet: a service that has no others waits for the first round of checks\n"
			      "\n"
			      "ADDRESS     CHECK  SERVICE\n"
			      "127.0.0.99  web    new.example.test\n");
	world_end(&w);
	begin(&w, &rows[2]);
	ck_assert_int_eq(answer(&w, rows[2].next, 0, DOC_JSON, out, sizeof out, error), 0);
	ck_assert_str_eq(out, "{\"node\":\"ns1\",\"generation\":1,\"changes\":[{\"name\":\"www.example.test\",\"type\":\"A\",\"kind\":\"changed\","
			      "\"now\":\"127.0.0.11 127.0.0.12\",\"would_be\":\"127.0.0.11\",\"why\":\"127.0.0.12 is no member any more; "
			      "tier 1 answers: it has 1 member up and needs 1\"}],\"unknown\":[]}\n");
	world_end(&w);
	begin(&w, &rows[0]);
	ck_assert_int_eq(answer(&w, rows[0].next, 0, DOC_PEOPLE, out, sizeof out, error), 0);
	ck_assert_str_eq(out, "no answer changes\n");
	world_end(&w);
}
END_TEST

START_TEST(octets_that_are_no_plan_are_refused)
{
	struct plan *next = NULL, *made = plan_make(base, 0);
	char error[512];
	struct bytes good;
	bytes_init(&good, 1 << 20);
	ck_assert_int_eq(plan_encode(&good, made), 0);
	for (size_t n = 0; n < good.len; n += n / 8 + 1) {
		ck_assert_int_eq(whatif_decode(&next, good.data, n, error, sizeof error), 1);
		ck_assert_ptr_null(next);
		ck_assert_ptr_nonnull(strstr(error, "this is no plan"));
	}
	bytes_deinit(&good);
	plan_free(made);
}
END_TEST

START_TEST(another_nodes_plan_is_refused)
{
	struct world w;
	char out[64], error[512];
	world_begin(&w, "pair any-up\ncheck web\nservice www.example.test web 127.0.0.11\n");
	ck_assert_int_eq(answer(&w, "pair any-up\ncheck web\nservice www.example.test web 127.0.0.11\n", 1, DOC_PEOPLE, out, sizeof out, error), 1);
	ck_assert_str_eq(error, "the file was read for node \"ns2\", and this is node \"ns1\"; expected -n ns1");
	world_end(&w);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { rows_tell_what_changes, a_reload_does_what_was_said, without_memory_it_fails_whole, people_and_programs_get_the_same,
				 octets_that_are_no_plan_are_refused, another_nodes_plan_is_refused };
	return unit_run("whatif", tests, sizeof tests / sizeof *tests);
}
