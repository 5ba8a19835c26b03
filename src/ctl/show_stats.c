/* `zones` and `stats`: what the responder tells of its work, once a second.
 *
 * zones  {"digest":"5f0c…","zones":[{"zone":"example.test","state":"served","serial":1,"digest":"77ab…","records":12,"signed":false,"queries":9}]}
 * stats  {"started":"…Z","uptime_ms":60000,
 *         "queries":{…},"tcp":{…},                                                       as in status
 *         "responses":{"NOERROR":8,"FORMERR":0,"SERVFAIL":0,"NXDOMAIN":0,"NOTIMP":0,"REFUSED":1},    and others that there were
 *         "latency":{"timed":128,"mean_us":31,"p50_us":50,"p99_us":200},
 *         "zones":2,"services":3,"members":6,"streams":6,
 *         "reloads":{"taken":1,"partly":0,"refused":0,"last":"…Z","took_ms":12},
 *         "packets":{…}}                                                                 as in peers; null without a pair
 *
 * state of a zone: served, or faulty, which is answered with SERVFAIL since no good version of it is known. queries: null where there
 * are too many zones to be counted. The twins' packets are counted since the coordinator's start or, over upgrades, the first one's.
 * p50_us: half of the queries that were timed took no longer; null where none was, or they took longer than what is told apart.
 */
#include <inttypes.h>
#include "ctl/show.h"
#include "ctl/verbs.h"

static void show_zone(const struct ctl_zones *z, const struct ctl_zone *one, struct doc *d)
{
	doc_row(d);
	doc_text(d, "zone", one->name);
	doc_word(d, "state", one->faulty ? "faulty" : "served", one->faulty ? DOC_BAD : DOC_GOOD);
	if (one->faulty)
		doc_null(d, "serial");
	else
		doc_uint(d, "serial", one->serial);
	if (one->faulty)
		doc_null(d, "digest");
	else
		doc_printf(d, "digest", "%016" PRIx64, one->content);
	doc_uint(d, "records", one->records);
	doc_bool(d, "signed", one->has_signatures);
	if (z->counted)
		doc_uint(d, "queries", one->queries);
	else
		doc_null(d, "queries");
	doc_row_end(d);
}

enum call_next show_zones(struct call *c, const struct ctl_host *h, struct doc *d)
{
	if (!h->zones_told)
		return call_fail(c, CALL_EXIT_FAILED, "the responder has not told yet which zones it serves; ask again in a second");
	if (d->form == DOC_JSON) /* people compare lists, programs may do with less */
		doc_printf(d, "digest", "%016" PRIx64, h->zones->digest);
	doc_list(d, "zones");
	for (size_t i = 0; i < h->zones->count; i++)
		show_zone(h->zones, &h->zones->list[i], d);
	doc_list_end(d);
	return CALL_ANSWER;
}

/* ---- stats ---- */

static void show_rcodes(const struct ctl_counters *n, struct doc *d)
{
	doc_group(d, "responses");
	for (size_t i = 0; i < sizeof n->by_rcode / sizeof n->by_rcode[0]; i++)
		if (i <= 5 || n->by_rcode[i])
			doc_uint(d, view_rcode_text(i), n->by_rcode[i]);
	doc_group_end(d);
}

/* The bound of the bucket in which that share of what was timed lies. */
static void show_share(const struct latency *l, uint64_t all, unsigned percent, const char *key, struct doc *d)
{
	uint64_t n = 0;
	for (unsigned i = 0; all && i < LATENCY_BOUNDS; i++)
		if ((n += l->count[i]) * 100 >= all * percent) {
			doc_us(d, key, latency_bounds_us[i]);
			return;
		}
	doc_null(d, key);
}

static void show_latency(const struct latency *l, struct doc *d)
{
	uint64_t all = 0;
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
		all += l->count[i];
	doc_group(d, "latency");
	doc_uint(d, "timed", all);
	if (all)
		doc_us(d, "mean_us", l->sum_ns / all / 1000);
	else
		doc_null(d, "mean_us");
	show_share(l, all, 50, "p50_us", d);
	show_share(l, all, 99, "p99_us", d);
	doc_group_end(d);
}

static void show_totals(const struct ctl_host *h, struct doc *d)
{
	struct view_summary s;
	view_summary_get(h, &s);
	if (h->zones_told)
		doc_uint(d, "zones", h->zones->count);
	else
		doc_null(d, "zones");
	doc_uint(d, "services", s.totals.services);
	doc_uint(d, "members", s.totals.members);
	doc_uint(d, "streams", s.totals.streams);
}

static void show_reloads(const struct ctl_host *h, struct doc *d)
{
	const struct ctl_reloads *r = &h->reloads;
	doc_group(d, "reloads");
	doc_uint(d, "taken", r->by_result[0]);
	doc_uint(d, "partly", r->by_result[1]);
	doc_uint(d, "refused", r->by_result[2]);
	doc_time(d, "last", r->last_wall_ms, h->wall_ms);
	doc_ms(d, "took_ms", r->last_took_ms);
	doc_group_end(d);
}

enum call_next show_stats(struct call *c, const struct ctl_host *h, struct doc *d)
{
	static const struct latency none;
	struct pair_stats packets;
	const struct pair *p = core_pair(h->core);
	(void)c;
	doc_time(d, "started", h->started_wall_ms, h->wall_ms);
	doc_for(d, DOC_JSON);
	doc_ms(d, "uptime_ms", h->wall_ms > h->started_wall_ms ? h->wall_ms - h->started_wall_ms : 0);
	doc_for(d, DOC_BOTH);
	show_all_queries(h->counters, d);
	show_rcodes(h->counters, d);
	show_latency(h->latency ? h->latency : &none, d);
	show_totals(h, d);
	show_reloads(h, d);
	if (p)
		show_all_packets(view_pair_totals(&packets, h, p), d);
	else
		doc_null(d, "packets");
	return CALL_ANSWER;
}
