/* A member's check, run once for an operator: which probes that takes, what is shown of them, and what comes of it.
 *
 *     ctl_probe_find ─▶ list[at].stream is run ─▶ ctl_probe_step… ─▶ ctl_probe_result ─┬─▶ the next one is run …
 *                                                                                     └─▶ over: ctl_probe_exit
 *
 *     $ gemelctl probe www.example.test 192.0.2.11 --verbose            up: exit 0, down: 1, unknown: 3
 *        0.000 ms  connect to 192.0.2.11 port 80
 *        0.310 ms  connected
 *        4.102 ms  HTTP 200, 12 octets of body
 *     up: HTTP 200 (4.1ms, weight 100%)
 *
 *     {"service":…,"address":…,"checks":[{"check":"web","outcome":"up","reason":"ok","detail":"HTTP 200","weight_pct":100,
 *      "took_us":4102,"steps":[{"at_us":0,"what":"connect to …"}]}],"need":1,"verdict":"up","weight_pct":100}
 *
 * What there is to print gathers in out, whose owner empties it whenever it likes (JSON is whole at the end only).
 */
#ifndef GEMEL_CTL_PROBE_H
#define GEMEL_CTL_PROBE_H
#include "base/json.h"
#include "core/plan.h"
#include "ctl/verbs.h"

#define CTL_PROBE_STEPS_MAX 1000 /* shown of one probe */
#define CTL_PROBE_UNKNOWN 3      /* exit status, as a monitoring plugin's */

struct ctl_probe_check {
	uint32_t stream;
	char name[64]; /* the check's; cut */
	struct health_result result;
};
struct ctl_probe {
	uint64_t generation; /* of the plan in which the streams count */
	char address[ADDR_TEXT_MAX];
	uint16_t need, count, at;
	struct ctl_probe_check list[PLAN_CHECK_STREAMS_MAX];
	bool as_json, verbose;
	unsigned steps;
	struct json json;
	struct bytes out;
};

/* The words against the plan. CALL_EXIT_DONE, or CALL_EXIT_USAGE with what is wrong in error, near names included. */
int ctl_probe_find(struct ctl_probe *p, const struct plan *plan, const char *service, const char *address, char error[CALL_ERROR_MAX]) MUST_CHECK;
/* After it found. */
void ctl_probe_begin(struct ctl_probe *p, const char *service, bool json, bool verbose);
void ctl_probe_deinit(struct ctl_probe *p);
void ctl_probe_step(struct ctl_probe *p, uint32_t at_us, const char *line);
/* The probe of list[at] ended; true where another one is to be run now. */
bool ctl_probe_result(struct ctl_probe *p, const struct health_result *r);
int ctl_probe_exit(const struct ctl_probe *p); /* once all ended */

#endif
