/* What verbs and the .gemel names both show, in one wording. */
#ifndef GEMEL_CTL_VIEW_H
#define GEMEL_CTL_VIEW_H
#include "ctl/ctl.h"

/* How a service fares, from best to worst. */
enum view_health {
	VIEW_OK = 1,   /* every member is up, the best tier serves each family */
	VIEW_DEGRADED, /* a member is not up, or a later tier serves */
	VIEW_FAILED,   /* no tier serves: all_down answers */
	VIEW_WAITING   /* not ready: SERVFAIL until the first round is over */
};
const char *view_health_text(enum view_health h);
enum view_health view_service_health(const struct core_service_view *v);

struct view_summary { /* one pass over all services */
	struct core_totals totals;
	uint32_t degraded, failed, waiting;
	const char *failed_name, *waiting_name; /* the first of them, NULL = none */
};
void view_summary_get(const struct ctl_host *h, struct view_summary *out);

/* The service that was probably meant: a slip of the pen, or the first labels of one that is the only one to begin so ("www" of
 * www.example.test). NULL = none. */
const char *view_service_near(const struct plan *p, const char *name);
const struct plan_node *view_node(const struct ctl_host *h);
/* Packets between the twins, with those before an upgrade. p: core_pair(h->core), not NULL. Returns sum. */
const struct pair_stats *view_pair_totals(struct pair_stats *sum, const struct ctl_host *h, const struct pair *p);
const char *view_node_name(const struct ctl_host *h, uint8_t id); /* NULL = not in the plan */
/* The twin's name, "peers" where there are several, NULL without any. */
const char *view_twin_name(const struct ctl_host *h);
/* A monotonic moment as wall time, now or before; 0 where it lies before 1970. */
uint64_t view_wall_past(const struct ctl_host *h, uint64_t mono_ms);
uint64_t view_wall_future(const struct ctl_host *h, uint64_t mono_ms); /* 0 stays 0 */
/* "HTTP status: got 503", "connect refused", "" before the first result. Returns out. */
#define VIEW_REASON_MAX 160
char *view_reason(const struct health_result *r, char out[VIEW_REASON_MAX]);
/* Why the member's state is what it is: its last result, or "needs db.example.test, which is down". Returns out. */
char *view_member_reason(const struct core_member_view *m, char out[VIEW_REASON_MAX]);
/* What it has of its weight at present: "check 40%, slow start 5%, full in 29s"; "" where all of it. Returns out. */
#define VIEW_SHARE_MAX 80
char *view_member_share(const struct core_member_view *m, char out[VIEW_SHARE_MAX]);
/* phi.c: how unlikely it is that an echo is so old, where they came at this age; interval: of heartbeats. */
double view_phi(double age_ms, double mean_ms, double dev_ms, double interval_ms);
const char *view_force_text(enum policy_force f);  /* NULL for none */
const char *view_verb_text(enum core_verb v);
const char *view_rcode_text(size_t rcode);         /* "NXDOMAIN"; those that are counted, ctl_counters */
const char *view_vote_text(enum health_verdict v); /* "abstains" for unknown */
/* True where the member is not up, or an operator or the configuration took it out. */
bool view_member_not_up(const struct core_member_view *m);
/* "tier 1", "all_down first": what answers for a family; NULL where the service has no member of it. Returns out or NULL. */
#define VIEW_RULE_MAX 40
const char *view_rule(const struct core_service_view *v, unsigned family, char out[VIEW_RULE_MAX]);

#endif
