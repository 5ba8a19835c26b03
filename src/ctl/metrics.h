/* Metrics, as Prometheus reads them (text format 0.0.4).  Every name begins with gemel_, counters end in _total.
 *
 *     # HELP gemel_queries_total DNS queries that came, by transport.
 *     # TYPE gemel_queries_total counter
 *     gemel_queries_total{transport="udp"} 4711
 *
 * What there is any number of is bounded: above METRICS_SERVICES_MAX services none has series of its own (the sums stay), and
 * above METRICS_MEMBERS_MAX members nobody counts where twins disagree.  A series is never there for some and left out for others.
 */
#ifndef GEMEL_CTL_METRICS_H
#define GEMEL_CTL_METRICS_H
#include "ctl/ctl.h"

#define METRICS_SERVICES_MAX 1000 /* six series each */
#define METRICS_MEMBERS_MAX 10000 /* each costs a look at its votes */
#define METRICS_LEN_MAX (16u << 20) /* the services with the longest names fit */

struct metrics_events { uint64_t by_kind[CORE_NOTICE_KINDS]; };
struct metrics_http {
	uint64_t accepted, evicted, requests, refused, busy, tokens_refused, cut; /* cut: followers that read too slowly */
	unsigned connections, followers;
};
struct metrics {
	const struct ctl_host *h;
	const struct metrics_events *events;
	const struct metrics_http *http;
	bool (*usage)(void *ctx, const struct ctl_child *k, struct ctl_usage *out); /* NULL = nobody can tell */
	void *ctx;
};
/* Appends everything; out->failed where it does not fit. */
void metrics_write(struct bytes *out, const struct metrics *m);

/* ---- between the files of it ---- */
enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM };
/* The head of a family; its samples follow. name without the gemel_. */
void metrics_family(struct bytes *out, const char *name, enum metrics_type type, const char *help);
/* A sample of it, with up to two labels (key NULL = none), whose values are escaped. */
struct metrics_label { const char *key, *value; };
void metrics_sample(struct bytes *out, const char *name, struct metrics_label a, struct metrics_label b, double v);
void metrics_count(struct bytes *out, const char *name, struct metrics_label a, struct metrics_label b, uint64_t v);
void metrics_alone(struct bytes *out, const char *name, enum metrics_type type, const char *help, double v); /* a family of one */
#define METRICS_LABEL(k, v) ((struct metrics_label){ k, v })
#define METRICS_NONE ((struct metrics_label){ NULL, NULL })
void metrics_health(struct bytes *out, const struct metrics *m); /* metrics_health.c: services, members, probes */
void metrics_pair(struct bytes *out, const struct metrics *m);   /* metrics_pair.c */

#endif
