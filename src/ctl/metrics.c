/* The writer, and what is told of the server itself: queries, generations, processes, events. */
#include "config.h"
#include "ctl/metrics.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "ctl/view.h"

/* ---- writer ---- */

void metrics_family(struct bytes *out, const char *name, enum metrics_type type, const char *help)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };
	bytes_printf(out, "# HELP gemel_%s %s\n# TYPE gemel_%s %s\n", name, help, name, types[type]);
}

static void put_label(struct bytes *out, const struct metrics_label *l)
{
	bytes_printf(out, "%s=\"", l->key);
	for (const char *c = l->value ? l->value : ""; *c; c++) {
		if (*c == '\\' || *c == '"')
			bytes_u8(out, '\\');
		if (*c == '\n')
			bytes_printf(out, "\\n");
		else
			bytes_u8(out, (uint8_t)*c);
	}
	bytes_u8(out, '"');
}

static void put_head(struct bytes *out, const char *name, const struct metrics_label *a, const struct metrics_label *b)
{
	bytes_printf(out, "gemel_%s", name);
	if (a->key) {
		bytes_u8(out, '{');
		put_label(out, a);
		if (b->key) {
			bytes_u8(out, ',');
			put_label(out, b);
		}
		bytes_u8(out, '}');
	}
}

void metrics_sample(struct bytes *out, const char *name, struct metrics_label a, struct metrics_label b, double v)
{
	put_head(out, name, &a, &b);
	bytes_printf(out, " %.15g\n", v);
}

void metrics_count(struct bytes *out, const char *name, struct metrics_label a, struct metrics_label b, uint64_t v)
{
	put_head(out, name, &a, &b);
	bytes_printf(out, " %" PRIu64 "\n", v);
}

void metrics_alone(struct bytes *out, const char *name, enum metrics_type type, const char *help, double v)
{
	metrics_family(out, name, type, help);
	metrics_sample(out, name, METRICS_NONE, METRICS_NONE, v);
}

/* ---- this server ---- */

static void put_server(struct bytes *out, const struct ctl_host *h)
{
	metrics_family(out, "build_info", METRICS_GAUGE, "Always 1; the version that runs, and the node that it is.");
	metrics_sample(out, "build_info", METRICS_LABEL("version", PACKAGE_VERSION), METRICS_LABEL("node", view_node(h)->name), 1);
	metrics_alone(out, "ready", METRICS_GAUGE, "1 once zones are served and the first round of checks is done, as /readyz.",
		      h->serving && core_round_done(h->core));
	metrics_alone(out, "journal_ok", METRICS_GAUGE, "0 while the journal cannot be written.", !h->journal_failed);
	metrics_alone(out, "generation", METRICS_GAUGE, "The configuration in force; counts those taken since the start.",
		      (double)core_plan(h->core)->generation);
}

static void put_reloads(struct bytes *out, const struct ctl_reloads *r)
{
	static const char *const results[] = { "taken", "partly", "refused" };
	metrics_family(out, "reloads_total", METRICS_COUNTER, "Reloads by result; partly: some zones keep their old version.");
	for (size_t i = 0; i < 3; i++)
		metrics_count(out, "reloads_total", METRICS_LABEL("result", results[i]), METRICS_NONE, r->by_result[i]);
	metrics_alone(out, "reload_last_timestamp_seconds", METRICS_GAUGE, "When the last reload ended; 0 = there was none.",
		      (double)r->last_wall_ms / 1000);
	metrics_alone(out, "reload_last_duration_seconds", METRICS_GAUGE, "How long the last reload took.", r->last_took_ms / 1000.0);
}

static void put_rcodes(struct bytes *out, const struct ctl_counters *n)
{
	metrics_family(out, "responses_total", METRICS_COUNTER, "DNS responses that were made, by rcode.");
	for (size_t i = 0; i < sizeof n->by_rcode / sizeof n->by_rcode[0]; i++)
		if (i <= 5 || n->by_rcode[i])
			metrics_count(out, "responses_total", METRICS_LABEL("rcode", view_rcode_text(i)), METRICS_NONE, n->by_rcode[i]);
}

static void put_zones(struct bytes *out, const struct ctl_zones *z)
{
	metrics_family(out, "zone_queries_total", METRICS_COUNTER, "DNS queries for names of a zone that is served, by zone.");
	for (size_t i = 0; i < z->count; i++)
		metrics_count(out, "zone_queries_total", METRICS_LABEL("zone", z->list[i].name), METRICS_NONE, z->list[i].queries);
}

/* A sample is a double: 53 bits go into it unharmed. */
static void put_zones_digest(struct bytes *out, const struct ctl_zones *z)
{
	metrics_family(out, "zones_digest", METRICS_GAUGE, "A number for the content of all zones that are served; another on a twin that serves others.");
	metrics_count(out, "zones_digest", METRICS_NONE, METRICS_NONE, z->digest >> 11);
}

/* Buckets hold all that took no longer (le), as Prometheus has it. */
static void put_latency(struct bytes *out, const struct latency *l)
{
	char le[32];
	uint64_t n = 0;
	metrics_family(out, "answer_duration_seconds", METRICS_HISTOGRAM,
		       "From a worker's reading of a batch of queries over UDP to the handing over of its answers to the kernel; of the "
		       "batches of every 64th turn, each query of them. What a query waited in the socket before is not in it.");
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
		n += l->count[i];
		if (i < LATENCY_BOUNDS)
			snprintf(le, sizeof le, "%.15g", latency_bounds_us[i] / 1e6);
		metrics_count(out, "answer_duration_seconds_bucket", METRICS_LABEL("le", i < LATENCY_BOUNDS ? le : "+Inf"), METRICS_NONE, n);
	}
	metrics_sample(out, "answer_duration_seconds_sum", METRICS_NONE, METRICS_NONE, (double)l->sum_ns / 1e9);
	metrics_count(out, "answer_duration_seconds_count", METRICS_NONE, METRICS_NONE, n);
}

static void put_queries(struct bytes *out, const struct ctl_counters *n)
{
	metrics_family(out, "queries_total", METRICS_COUNTER, "DNS queries that came, by transport.");
	metrics_count(out, "queries_total", METRICS_LABEL("transport", "udp"), METRICS_NONE, n->queries > n->tcp ? n->queries - n->tcp : 0);
	metrics_count(out, "queries_total", METRICS_LABEL("transport", "tcp"), METRICS_NONE, n->tcp);
	put_rcodes(out, n);
	metrics_alone(out, "queries_edns_total", METRICS_COUNTER, "Queries with EDNS.", (double)n->edns);
	metrics_alone(out, "queries_status_total", METRICS_COUNTER, "Queries of class CH that the coordinator was asked.", (double)n->cold);
	metrics_alone(out, "queries_dropped_total", METRICS_COUNTER, "Packets that are no query, and got no answer.", (double)n->dropped);
	metrics_alone(out, "responses_truncated_total", METRICS_COUNTER, "Responses that did not fit, and said so.", (double)n->truncated);
	metrics_family(out, "responses_limited_total", METRICS_COUNTER, "Responses held back by response rate limiting.");
	metrics_count(out, "responses_limited_total", METRICS_LABEL("how", "dropped"), METRICS_NONE, n->rate_dropped);
	metrics_count(out, "responses_limited_total", METRICS_LABEL("how", "truncated"), METRICS_NONE, n->rate_slipped);
	metrics_alone(out, "tcp_connections", METRICS_GAUGE, "Open DNS connections.", (double)n->tcp_open);
	metrics_alone(out, "tcp_connections_accepted_total", METRICS_COUNTER, "DNS connections that came.", (double)n->tcp_accepted);
	metrics_family(out, "tcp_connections_evicted_total", METRICS_COUNTER, "Idle DNS connections that gave way, by which bound.");
	metrics_count(out, "tcp_connections_evicted_total", METRICS_LABEL("bound", "all"), METRICS_NONE, n->tcp_evicted);
	metrics_count(out, "tcp_connections_evicted_total", METRICS_LABEL("bound", "source"), METRICS_NONE, n->tcp_evicted_source);
}

/* ---- processes ---- */

static void put_usage(struct bytes *out, const struct metrics *m, const char *name, enum metrics_type type, const char *help)
{
	metrics_family(out, name, type, help);
	for (size_t i = 0; i < m->h->child_count; i++) {
		const struct ctl_child *k = &m->h->children[i];
		struct ctl_usage u;
		struct metrics_label role = METRICS_LABEL("role", k->role);
		if (strcmp(name, "process_restarts_total") == 0)
			metrics_count(out, name, role, METRICS_NONE, k->restarts);
		else if (strcmp(name, "process_start_time_seconds") == 0)
			metrics_sample(out, name, role, METRICS_NONE, (double)k->started_wall_ms / 1000);
		else if (!m->usage || !m->usage(m->ctx, k, &u))
			continue;
		else if (strcmp(name, "process_cpu_seconds_total") == 0)
			metrics_sample(out, name, role, METRICS_NONE, (double)u.cpu_ms / 1000);
		else if (strcmp(name, "process_resident_memory_bytes") == 0)
			metrics_count(out, name, role, METRICS_NONE, u.resident_bytes);
		else
			metrics_count(out, name, role, METRICS_NONE, u.threads);
	}
}

static void put_processes(struct bytes *out, const struct metrics *m)
{
	put_usage(out, m, "process_start_time_seconds", METRICS_GAUGE, "When the process of this role was started.");
	put_usage(out, m, "process_restarts_total", METRICS_COUNTER, "How often a process of this role was started again.");
	put_usage(out, m, "process_cpu_seconds_total", METRICS_COUNTER, "Time of processors that the process of this role took.");
	put_usage(out, m, "process_resident_memory_bytes", METRICS_GAUGE, "Memory of the process of this role; zones are shared.");
	put_usage(out, m, "process_threads", METRICS_GAUGE, "Threads of the process of this role.");
}

/* ---- events ---- */

static void put_events(struct bytes *out, const struct metrics *m)
{
	const struct ctl_hook *k = m->h->hook;
	metrics_family(out, "events_total", METRICS_COUNTER, "Events since the coordinator's start, by kind.");
	for (unsigned i = CORE_NOTICE_NONE + 1; i < CORE_NOTICE_KINDS; i++)
		metrics_count(out, "events_total", METRICS_LABEL("kind", notice_kind_text(i)), METRICS_NONE, m->events->by_kind[i]);
	if (!k)
		return;
	metrics_alone(out, "hook_runs_total", METRICS_COUNTER, "Runs of the program of on_event.", (double)k->ran);
	metrics_alone(out, "hook_failures_total", METRICS_COUNTER, "Runs of it that failed.", (double)k->failed);
	metrics_alone(out, "hook_dropped_total", METRICS_COUNTER, "Events that it was not given.", (double)k->dropped);
	metrics_alone(out, "hook_waiting", METRICS_GAUGE, "Events that wait for it.", k->waiting);
}

static void put_logging(struct bytes *out, const struct ctl_host *h)
{
	const struct ctl_tap *t = h->tap;
	metrics_alone(out, "log_dropped_total", METRICS_COUNTER, "Lines of the log that were one too many, or that nobody took.",
		      (double)h->log_dropped);
	if (!t)
		return;
	metrics_alone(out, "query_log_lines_total", METRICS_COUNTER, "Lines of the query log.", (double)t->lines);
	metrics_alone(out, "tap_lost_total", METRICS_COUNTER, "Queries for the query log or dnstap that found no room on their way there.",
		      (double)t->lost);
	metrics_alone(out, "dnstap_frames_total", METRICS_COUNTER, "Messages that dnstap's reader was sent.", (double)t->frames);
	metrics_alone(out, "dnstap_dropped_total", METRICS_COUNTER, "Those dropped, since nobody read, or too slowly.", (double)t->frames_dropped);
	metrics_alone(out, "dnstap_connected", METRICS_GAUGE, "1 while somebody reads dnstap.", t->connected);
}

static void put_http(struct bytes *out, const struct metrics_http *n)
{
	metrics_alone(out, "http_connections", METRICS_GAUGE, "Open HTTP connections.", n->connections);
	metrics_alone(out, "http_followers", METRICS_GAUGE, "Those of them that follow events.", n->followers);
	metrics_alone(out, "http_connections_accepted_total", METRICS_COUNTER, "HTTP connections that came.", (double)n->accepted);
	metrics_alone(out, "http_connections_evicted_total", METRICS_COUNTER, "HTTP connections that gave way to newer ones.", (double)n->evicted);
	metrics_alone(out, "http_followers_cut_total", METRICS_COUNTER, "Followers that read too slowly, and were cut off.", (double)n->cut);
	metrics_alone(out, "http_requests_total", METRICS_COUNTER, "HTTP requests.", (double)n->requests);
	metrics_alone(out, "http_requests_refused_total", METRICS_COUNTER, "Those of them that got an error.", (double)n->refused);
	metrics_alone(out, "http_tokens_refused_total", METRICS_COUNTER, "Those of them with a wrong token, or one too many to be looked at.",
		      (double)n->tokens_refused);
	metrics_alone(out, "http_requests_busy_total", METRICS_COUNTER, "Those of them for which this second had no time left.", (double)n->busy);
}

void metrics_write(struct bytes *out, const struct metrics *m)
{
	put_server(out, m->h);
	put_reloads(out, &m->h->reloads);
	put_queries(out, m->h->counters);
	if (m->h->zones && m->h->zones_told)
		put_zones_digest(out, m->h->zones);
	if (m->h->zones && m->h->zones->counted)
		put_zones(out, m->h->zones);
	if (m->h->latency)
		put_latency(out, m->h->latency);
	metrics_health(out, m);
	metrics_pair(out, m);
	put_processes(out, m);
	put_events(out, m);
	put_logging(out, m->h);
	put_http(out, m->http);
}
