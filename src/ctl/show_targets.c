/* `targets`: what this node probes, as it sees it itself. Canaries stand behind all others.
 *
 * {"targets":[{"address":"192.0.2.1","check":"web","state":"up","since":"…Z","last":"…Z","took_us":350,"reason":"ok",
 *              "stale":false,"unknown_since":null,"recovered":false,"running":false,"waiting":false,"services":2,
 *              "canary":false,"shared":false,"flap":"steady","penalty":0,"flap_until":null,"breaker":"closed","late_ms":0}],
 *  "prober":"up"}
 *
 * last: the newest result that counted. shared: a twin looks in between, each at every second interval. stale: it is so old that
 * the verdict is unknown. waiting: it is due, and there are as many in flight as may be. unknown_since: its check finds nothing out any more, by a fault of its own, and raised an alarm. late_ms: how late its last probe was started.
 * penalty: of its changes between up and down, flap: what comes of it, until then at the earliest.
 */
#include <inttypes.h>
#include "ctl/show.h"
#include "ctl/verbs.h"

/* To people only of those that change more than a healthy one does. */
static void show_flap(const struct ctl_host *h, const struct core_target_view *t, struct doc *d)
{
	bool steady = t->flapping == HEALTH_STEADY;
	bool all = d->form == DOC_JSON;
	if (all || !steady)
		doc_word(d, "flap", health_flapping_text(t->flapping), steady ? DOC_GOOD : t->flapping == HEALTH_SUPPRESSED ? DOC_BAD : DOC_UNSURE);
	else
		doc_null(d, "flap");
	if (all || t->penalty)
		doc_uint(d, "penalty", t->penalty);
	else
		doc_null(d, "penalty");
	doc_for(d, DOC_JSON);
	doc_time(d, "flap_until", steady ? 0 : view_wall_future(h, t->flap_ends_ms), h->wall_ms);
	doc_for(d, DOC_BOTH);
}

static void show_breaker(const struct core_target_view *t, struct doc *d)
{
	if (d->form == DOC_JSON || t->breaker != HEALTH_CLOSED)
		doc_word(d, "breaker", health_breaker_text(t->breaker), t->breaker == HEALTH_CLOSED ? DOC_GOOD : DOC_UNSURE);
	else
		doc_null(d, "breaker");
	if (d->form == DOC_JSON || t->late_ms)
		doc_uint(d, "late_ms", t->late_ms);
	else
		doc_null(d, "late_ms");
}

static void show_target(const struct ctl_host *h, const struct core_target_view *t, struct doc *d)
{
	char address[ADDR_TEXT_MAX], reason[VIEW_REASON_MAX];
	doc_text(d, "address", addr_format(&t->conf->addr, true, address));
	doc_text(d, "check", t->conf->check);
	doc_word(d, "state", health_verdict_text(t->verdict), show_verdict_tone(t->verdict));
	doc_time(d, "since", t->known ? view_wall_past(h, t->changed_ms) : 0, h->wall_ms);
	doc_time(d, "last", t->known ? view_wall_past(h, t->counted_ms) : 0, h->wall_ms);
	if (t->last.reason != HEALTH_REASON_NONE)
		doc_us(d, "took_us", t->last.took_us);
	else
		doc_null(d, "took_us");
	doc_text(d, "reason", t->last.reason != HEALTH_REASON_NONE ? view_reason(&t->last, reason) : NULL);
	doc_for(d, DOC_JSON);
	doc_bool(d, "stale", t->stale);
	doc_time(d, "unknown_since", t->unknown_ms ? view_wall_past(h, t->unknown_ms) : 0, h->wall_ms);
	doc_bool(d, "recovered", t->recovered);
	doc_bool(d, "running", t->running);
	doc_bool(d, "waiting", t->in_line);
	doc_uint(d, "services", t->services);
	doc_bool(d, "canary", t->conf->canary);
	doc_bool(d, "shared", t->shared);
	doc_for(d, DOC_PEOPLE);
	doc_text(d, "note", t->unknown_ms ? "stays unknown" : t->stale ? "stale" : t->in_line ? "waits" :
		 t->recovered ? "recovered" : t->shared ? "shared" : NULL);
	doc_for(d, DOC_BOTH);
	show_flap(h, t, d);
	show_breaker(t, d);
}

enum call_next show_targets(struct call *c, const struct ctl_host *h, struct doc *d)
{
	uint64_t since_ms;
	(void)c;
	doc_list(d, "targets");
	for (size_t i = 0; i < core_targets(h->core); i++) {
		struct core_target_view t;
		core_target_get(h->core, i, &t);
		doc_row(d);
		show_target(h, &t, d);
		doc_row_end(d);
	}
	doc_list_end(d);
	if (core_prober_gone(h->core, &since_ms))
		doc_word(d, "prober", "gone", DOC_BAD);
	else if (d->form == DOC_JSON)
		doc_text(d, "prober", "up");
	return CALL_ANSWER;
}
