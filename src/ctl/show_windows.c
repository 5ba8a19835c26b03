/* `windows`: the maintenance windows of the configuration, in its order. Times are UTC; a null time is "never".
 *
 * {"windows":[{"window":"kernel update","state":"open","does":"drain","what":"ams1, site:fra","opens":"…Z","closes":"…Z","next":null,
 *              "services":3,"held_back":1,"held_back_by":"www.example.test","cron":null,"lasts_s":14400,"file":"gemel.lua","line":31}]}
 *
 * state: open, waiting, or over, which is past for good. opens, closes: the present opening's, else the next one's; next: when it
 * opens after that. held_back: by how many services it is not applied, since it would leave them without a member that could answer.
 */
#include <stdio.h>
#include <string.h>
#include "ctl/show.h"
#include "ctl/verbs.h"

#define WHAT_TEXT_MAX 256

static const char *what_text(const struct plan_window *w, char out[WHAT_TEXT_MAX])
{
	size_t n = 0;
	*out = '\0';
	for (uint16_t i = 0; i < w->what_count && n < WHAT_TEXT_MAX - 1; i++)
		n += (size_t)snprintf(out + n, WHAT_TEXT_MAX - n, "%s%s", i ? ", " : "", w->what[i]);
	if (n >= WHAT_TEXT_MAX)
		memcpy(out + WHAT_TEXT_MAX - 4, "...", 4);
	return out;
}

static uint64_t moment(uint64_t wall_ms)
{
	return wall_ms == CALENDAR_NEVER ? 0 : wall_ms;
}

static void show_window(const struct ctl_host *h, const struct core_window_view *v, struct doc *d)
{
	char what[WHAT_TEXT_MAX];
	bool over = v->opens_ms == CALENDAR_NEVER;
	doc_text(d, "window", v->conf->name);
	doc_word(d, "state", v->open ? "open" : over ? "over" : "waiting", v->open ? DOC_UNSURE : DOC_GOOD);
	doc_text(d, "does", view_force_text((enum policy_force)v->conf->force));
	doc_text(d, "what", what_text(v->conf, what));
	doc_time(d, "opens", moment(v->opens_ms), h->wall_ms);
	doc_time(d, "closes", moment(v->closes_ms), h->wall_ms);
	doc_time(d, "next", moment(v->next_ms), h->wall_ms);
	doc_uint(d, "services", v->services);
	doc_for(d, DOC_JSON);
	doc_uint(d, "held_back", v->held_back);
	doc_for(d, DOC_BOTH);
	doc_text(d, "held_back_by", v->held_back_by);
	doc_for(d, DOC_JSON);
	doc_text(d, "cron", v->conf->cron);
	doc_uint(d, "lasts_s", (v->conf->cron ? v->conf->lasts_ms : v->conf->to_ms - v->conf->from_ms) / 1000);
	doc_text(d, "file", v->conf->file);
	doc_uint(d, "line", v->conf->line);
	doc_for(d, DOC_BOTH);
}

enum call_next show_windows(struct call *c, const struct ctl_host *h, struct doc *d)
{
	(void)c;
	doc_list(d, "windows");
	for (size_t i = 0; i < core_windows(h->core); i++) {
		struct core_window_view v;
		core_window_get(h->core, i, &v, h->wall_ms);
		doc_row(d);
		show_window(h, &v, d);
		doc_row_end(d);
	}
	doc_list_end(d);
	return CALL_ANSWER;
}
