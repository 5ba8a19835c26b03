/* The maintenance blocks: when members are taken out of the answers, and which. See internal.h.
 *
 *     maintenance "kernel update" { what = "ams1", from = "2026-12-01 22:00", to = "2026-12-02 02:00" }
 *     maintenance "weekly" { what = { "site:fra", "dl.example.test" }, cron = "0 3 * * 0", lasts = "2h", state = "down" }
 */
#include <stdio.h>
#include <string.h>

#include "conf/planner.h"
#include "core/selector.h"

#define OPENINGS_MAX 50000 /* a month of minutes: what runs on for longer without a break is no maintenance */

/* ---- when ---- */

static bool read_moment(struct conf *c, const struct fields *f, int key, uint64_t *ms)
{
	int e = calendar_time_parse(ms, f->v[key]->string.s);

	if (e == ERR_RANGE)
		conf_fault(c, f->v[key], "\"%s\" is \"%s\", which the calendar does not have; expected a day and time of UTC",
			   f->v[key]->key, f->v[key]->string.s);
	else if (e)
		conf_fields_fault(c, SCHEMA_MAINTENANCE, key, f->v[key]);
	return e == 0;
}

static void read_once(struct conf *c, struct conf_window *w)
{
	const struct fields *f = &w->keys;
	bool from = read_moment(c, f, MAINTENANCE_FROM, &w->from_ms), to = read_moment(c, f, MAINTENANCE_TO, &w->to_ms);

	if (!from || !to)
		return;
	if (w->to_ms <= w->from_ms)
		conf_fault(c, f->v[MAINTENANCE_TO], "\"to\" is not after \"from\": the window never opens; expected a later time");
	else if (w->to_ms - w->from_ms > PLAN_WINDOW_MAX_MS)
		conf_fault(c, f->v[MAINTENANCE_TO], "\"to\" is more than a year after \"from\"; expected at most 366 days");
}

/* An opening behind which nothing opens before it ends: else it would never close. */
static bool closes(const struct conf_window *w)
{
	uint64_t from_ms = calendar_cron_next(&w->when, 0);

	for (int n = 0; n < OPENINGS_MAX; n++) {
		uint64_t next_ms = calendar_cron_next(&w->when, from_ms);

		if (next_ms - from_ms > w->lasts_ms)
			return true;
		from_ms = next_ms;
	}
	return false;
}

static void read_cron(struct conf *c, struct conf_window *w)
{
	static const char *const names[] = {"which has not five fields", "whose minutes are wrong", "whose hours are wrong",
					    "whose days are wrong", "whose months are wrong", "whose weekdays are wrong"};
	const struct conf_value *v = w->keys.v[MAINTENANCE_CRON];
	unsigned field;

	w->cron = v->string.s;
	w->lasts_ms = conf_fields_ms(&w->keys, MAINTENANCE_LASTS);
	if (calendar_cron_parse(&w->when, w->cron, &field))
		conf_fault(c, v, "\"cron\" is \"%s\", %s; expected minute hour day month weekday, such as \"0 3 * * 0\"", w->cron,
			   names[field]);
	else if (calendar_cron_next(&w->when, 0) == CALENDAR_NEVER)
		conf_fault(c, v, "\"cron\" is \"%s\": the window never opens; expected days that its months have", w->cron);
	else if (!closes(w))
		conf_fault(c, w->keys.v[MAINTENANCE_LASTS], "\"lasts\" reaches to the next opening: the window never closes; expected less");
}

static bool was_written(const struct conf_window *w, const char *key)
{
	return conf_value_field(&w->block->table, key) != NULL;
}

static void read_when(struct conf *c, struct conf_window *w)
{
	const struct conf_value *const *v = w->keys.v;
	bool once = was_written(w, "from") || was_written(w, "to"), again = was_written(w, "cron") || was_written(w, "lasts");

	if (once && again)
		conf_fault(c, &w->block->table, "maintenance \"%s\" has both \"%s\" and \"%s\"; expected from and to, or cron and lasts",
			   w->block->name, was_written(w, "from") ? "from" : "to", was_written(w, "cron") ? "cron" : "lasts");
	else if (w->keys.has_unknown)
		return; /* the missing one may be the misspelt one */
	else if (once && !(was_written(w, "from") && was_written(w, "to")))
		conf_fault(c, &w->block->table, "maintenance \"%s\" has no \"%s\"; expected both from and to", w->block->name,
			   was_written(w, "from") ? "to" : "from");
	else if (again && !(was_written(w, "cron") && was_written(w, "lasts")))
		conf_fault(c, &w->block->table, "maintenance \"%s\" has no \"%s\"; expected both cron and lasts", w->block->name,
			   was_written(w, "cron") ? "lasts" : "cron");
	else if (!once && !again)
		conf_fault(c, &w->block->table,
			   "maintenance \"%s\" has no time; expected from = \"2026-12-01 22:00\", to = …, or cron = \"0 3 * * 0\", lasts = \"2h\"",
			   w->block->name);
	else if (v[MAINTENANCE_FROM] && v[MAINTENANCE_TO])
		read_once(c, w);
	else if (v[MAINTENANCE_CRON] && v[MAINTENANCE_LASTS])
		read_cron(c, w);
}

/* ---- what ---- */

static void add_what(struct conf *c, struct conf_window *w, const struct conf_value *v)
{
	char text[CORE_SELECTOR_MAX];

	if (v->type == CONF_TOLD)
		return;
	if (v->type != CONF_STRING) {
		conf_fields_fault(c, SCHEMA_MAINTENANCE, MAINTENANCE_WHAT, v);
		return;
	}
	if (v->string.len >= sizeof text) {
		conf_fault(c, v, "\"what\" names \"%.60s…\", which is too long; expected at most %zu octets", v->string.s, sizeof text - 1);
		return;
	}
	memcpy(text, v->string.s, v->string.len + 1);
	if (!selector_canonical(text)) {
		conf_fields_fault(c, SCHEMA_MAINTENANCE, MAINTENANCE_WHAT, v);
		return;
	}
	w->what_at[w->what_count] = v;
	w->what[w->what_count] = arena_str(&c->arena, text);
	c->failed |= !w->what[w->what_count++];
}

static void read_what(struct conf *c, struct conf_window *w)
{
	const struct conf_value *v = w->keys.v[MAINTENANCE_WHAT];
	bool list = v && v->type == CONF_TABLE;
	uint32_t n = list ? v->table.list_len : 1;

	if (!v)
		return;
	if (list && (v->table.field_count || !n || n > PLAN_WINDOW_WHAT_MAX)) {
		conf_fault(c, v, "\"what\" is a table with %u items%s; expected a list of 1 to %d", n,
			   v->table.field_count ? " and names" : "", PLAN_WINDOW_WHAT_MAX);
		return;
	}
	w->what = conf_alloc(c, n, sizeof *w->what);
	w->what_at = conf_alloc(c, n, sizeof *w->what_at);
	for (uint32_t i = 0; w->what && w->what_at && i < n; i++)
		add_what(c, w, list ? &v->table.list[i] : v);
}

/* ---- the blocks ---- */

void conf_build_maintenance(struct conf *c)
{
	const struct conf_blocks *k = &c->kinds[CONF_MAINTENANCE];

	if (k->count > PLAN_WINDOWS_MAX) {
		conf_fault(c, &k->list[PLAN_WINDOWS_MAX]->table, "more than %d maintenance windows; expected fewer", PLAN_WINDOWS_MAX);
		return;
	}
	c->windows = conf_alloc(c, k->count + 1, sizeof *c->windows);
	for (size_t i = 0; c->windows && i < k->count && !c->failed; i++) {
		struct conf_window *w = &c->windows[c->window_count++];

		w->block = k->list[i];
		conf_fields_check(c, SCHEMA_MAINTENANCE, &w->block->table, false, &w->keys);
		conf_name_add(c, w->block, w);
		if (w->block->table.type != CONF_TABLE)
			continue;
		read_when(c, w);
		read_what(c, w);
	}
}

/* ---- into the plan ---- */

/* A host or a site that is configured is known, whether or not a service has it in its tiers. */
static bool is_host(const struct conf *c, const char *text)
{
	const struct conf_blocks *k = &c->kinds[CONF_HOST];

	for (size_t i = 0; i < k->count; i++) {
		const struct conf_host *h = table_find(&k->by_name, k->list[i]->name, strlen(k->list[i]->name));

		if (!strcasecmp(k->list[i]->name, text))
			return true;
		if (h && h->site && !strncmp(text, "site:", 5) && !strcasecmp(h->site, text + 5))
			return true;
	}
	return false;
}

static bool is_known(const struct planner *pl, const char *text)
{
	struct selector s;

	selector_resolve_in(&s, text, pl->p);
	for (uint32_t i = 0; i < pl->p->service_count; i++)
		if (selector_touches(&s, &pl->p->services[i]))
			return true;
	return is_host(pl->c, text);
}

/* A service whose zone has no content has no members yet: what names them is not known to be wrong. */
static bool some_are_absent(const struct conf *c)
{
	for (size_t i = 0; i < c->service_count; i++)
		if (c->services[i].absent)
			return true;
	return false;
}

static void check_what(struct planner *pl, const struct conf_window *w)
{
	for (uint16_t i = 0; i < w->what_count; i++) {
		const char *text = w->what[i], *near;

		if (is_known(pl, text) || some_are_absent(pl->c))
			continue;
		near = strchr(text, '/') || !strncmp(text, "site:", 5) ? NULL : selector_nearest(text, pl->p);
		if (!near)
			near = conf_near_name(pl->c, CONF_HOST, text);
		conf_fault(pl->c, w->what_at[i], "\"what\" names \"%s\", which matches no address, host or service%s%s%s", text,
			   near ? "; did you mean \"" : "", near ? near : "", near ? "\"" : "");
	}
}

static void plan_window(struct planner *pl, const struct conf_window *w, struct plan_window *out)
{
	const char **what = conf_planner_room(pl, w->what_count, sizeof *what);

	for (uint16_t i = 0; what && i < w->what_count; i++)
		what[i] = conf_planner_text(pl, w->what[i]);
	*out = (struct plan_window){
		.name = conf_planner_text(pl, w->block->name), .what = what, .what_count = w->what_count,
		.force = (uint8_t)conf_fields_word(&w->keys, MAINTENANCE_STATE),
		.from_ms = w->from_ms, .to_ms = w->to_ms,
		.cron = conf_planner_text(pl, w->cron), .when = w->when, .lasts_ms = w->lasts_ms,
		.file = conf_planner_text(pl, w->block->source->path), .line = w->block->line,
	};
}

void conf_planner_windows(struct planner *pl)
{
	struct plan_window *list = conf_planner_room(pl, pl->c->window_count, sizeof *list);

	for (size_t i = 0; list && i < pl->c->window_count && !pl->failed; i++) {
		check_what(pl, &pl->c->windows[i]);
		plan_window(pl, &pl->c->windows[i], &list[i]);
	}
	pl->p->windows = list;
	pl->p->window_count = (uint16_t)pl->c->window_count;
}
