/* See probe.h. */
#include "ctl/probe.h"
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "ctl/view.h"

#define MEMBERS_SHOWN 8

/* ---- which ---- */

static int unknown_service(const struct plan *plan, const char *name, char error[CALL_ERROR_MAX])
{
	const char *near = view_service_near(plan, name);
	snprintf(error, CALL_ERROR_MAX, "no service is called \"%.200s\"%s%.200s%s", name, near ? "; did you mean \"" : "", near ? near : "",
		 near ? "\"" : "");
	return CALL_EXIT_USAGE;
}

static int unknown_member(const struct plan_service *s, const char *address, char error[CALL_ERROR_MAX])
{
	const struct policy_service *p = &s->policy;
	char text[ADDR_TEXT_MAX];
	int n = snprintf(error, CALL_ERROR_MAX, "%.100s has no member %.60s; expected one of", s->name, address);
	for (uint16_t i = 0; i < p->member_count && i < MEMBERS_SHOWN; i++)
		n += snprintf(error + n, CALL_ERROR_MAX - (size_t)n, "%s %s", i ? "," : "", addr_format(&p->members[i].addr, false, text));
	if (p->member_count > MEMBERS_SHOWN)
		snprintf(error + n, CALL_ERROR_MAX - (size_t)n, " and %d more", p->member_count - MEMBERS_SHOWN);
	return CALL_EXIT_USAGE;
}

/* A final dot is allowed, as in all names that people write. */
static const struct plan_service *find_service(const struct plan *plan, const char *name)
{
	size_t len = strlen(name);
	if (len > 1 && name[len - 1] == '.')
		len--;
	for (uint32_t i = 0; i < plan->service_count; i++)
		if (strncasecmp(plan->services[i].name, name, len) == 0 && plan->services[i].name[len] == '\0')
			return &plan->services[i];
	return NULL;
}

static const struct plan_check *find_check(const struct plan_service *s, const char *text)
{
	struct addr a;
	if (addr_parse(&a, text, strlen(text), 0) != 0)
		return NULL;
	for (uint16_t i = 0; i < s->policy.member_count; i++) {
		const struct addr *m = &s->policy.members[i].addr;
		if (m->family == a.family && memcmp(m->ip, a.ip, addr_ip_len(&a)) == 0)
			return &s->checks[i];
	}
	return NULL;
}

int ctl_probe_find(struct ctl_probe *p, const struct plan *plan, const char *service, const char *address, char error[CALL_ERROR_MAX])
{
	const struct plan_service *s = find_service(plan, service);
	const struct plan_check *k = s ? find_check(s, address) : NULL;
	if (!s)
		return unknown_service(plan, service, error);
	if (!k)
		return unknown_member(s, address, error);
	if (k->count == 0) {
		snprintf(error, CALL_ERROR_MAX, "%.200s has no check", s->name);
		return CALL_EXIT_USAGE;
	}
	memset(p, 0, sizeof *p);
	p->generation = plan->generation;
	p->need = k->need;
	p->count = k->count;
	snprintf(p->address, sizeof p->address, "%.*s", (int)sizeof p->address - 1, address);
	for (uint16_t i = 0; i < k->count; i++) {
		p->list[i].stream = k->streams[i];
		snprintf(p->list[i].name, sizeof p->list[i].name, "%s", plan->streams[k->streams[i]].check);
	}
	return CALL_EXIT_DONE;
}

/* ---- what is shown ---- */

static const char *outcome_text(const struct health_result *r)
{
	switch (health_result_outcome(r)) {
	case HEALTH_PASS:
		return "up";
	case HEALTH_FAIL:
		return "down";
	case HEALTH_VOID:
		return "void";
	case HEALTH_OUTCOME_NONE:
	case HEALTH_UNKNOWN_RESULT:
		break;
	}
	return "unknown";
}

static void add_text(struct ctl_probe *p, const char *text)
{
	doc_clean(&p->out, text, strlen(text));
}

static void check_begins(struct ctl_probe *p)
{
	const struct ctl_probe_check *k = &p->list[p->at];
	p->steps = 0;
	if (p->as_json) {
		json_begin_object(&p->json);
		json_key(&p->json, "check");
		json_string(&p->json, k->name);
		json_key(&p->json, "steps");
		json_begin_array(&p->json);
	} else if (p->verbose && p->count > 1) {
		bytes_printf(&p->out, "check \"");
		add_text(p, k->name);
		bytes_printf(&p->out, "\"\n");
	}
}

void ctl_probe_begin(struct ctl_probe *p, const char *service, bool json, bool verbose)
{
	p->as_json = json;
	p->verbose = verbose;
	bytes_init(&p->out, CTL_REPLY_MAX);
	if (json) {
		json_init(&p->json, &p->out, true);
		json_begin_object(&p->json);
		json_key(&p->json, "service");
		json_string(&p->json, service);
		json_key(&p->json, "address");
		json_string(&p->json, p->address);
		json_key(&p->json, "checks");
		json_begin_array(&p->json);
	}
	check_begins(p);
}

void ctl_probe_deinit(struct ctl_probe *p)
{
	bytes_deinit(&p->out);
}

void ctl_probe_step(struct ctl_probe *p, uint32_t at_us, const char *line)
{
	if (!p->verbose || ++p->steps > CTL_PROBE_STEPS_MAX)
		return;
	if (p->steps == CTL_PROBE_STEPS_MAX)
		line = "more steps than are shown";
	if (p->as_json) {
		json_begin_object(&p->json);
		json_key(&p->json, "at_us");
		json_uint(&p->json, at_us);
		json_key(&p->json, "what");
		json_string(&p->json, line);
		json_end_object(&p->json);
	} else {
		bytes_printf(&p->out, "%10.3f ms  ", at_us / 1000.0);
		add_text(p, line);
		bytes_u8(&p->out, '\n');
	}
}

static void check_json(struct ctl_probe *p, const struct health_result *r)
{
	struct json *j = &p->json;
	json_end_array(j);
	json_key(j, "outcome");
	json_string(j, outcome_text(r));
	json_key(j, "reason");
	json_string(j, health_reason_text(r->reason));
	json_key(j, "detail");
	json_string(j, r->detail);
	json_key(j, "weight_pct");
	json_uint(j, r->weight_pct);
	json_key(j, "took_us");
	json_uint(j, r->took_us);
	json_end_object(j);
}

/* "up: HTTP 200 (4.1ms, weight 75%)" */
static void check_line(struct ctl_probe *p, const struct health_result *r)
{
	char reason[VIEW_REASON_MAX];
	bool up = health_result_outcome(r) == HEALTH_PASS;
	if (up)
		snprintf(reason, sizeof reason, "%s", r->detail);
	else
		view_reason(r, reason);
	if (p->count > 1) {
		add_text(p, p->list[p->at].name);
		bytes_printf(&p->out, ": ");
	}
	bytes_printf(&p->out, "%s", outcome_text(r));
	if (*reason) {
		bytes_printf(&p->out, ": ");
		add_text(p, reason);
	}
	bytes_printf(&p->out, " (%.1fms", r->took_us / 1000.0);
	if (up)
		bytes_printf(&p->out, ", weight %u%%", r->weight_pct);
	bytes_printf(&p->out, ")\n");
}

/* ---- what comes of it ---- */

static unsigned count_outcome(const struct ctl_probe *p, enum health_outcome o)
{
	unsigned n = 0;
	for (uint16_t i = 0; i < p->count; i++)
		n += health_result_outcome(&p->list[i].result) == o;
	return n;
}

int ctl_probe_exit(const struct ctl_probe *p)
{
	unsigned pass = count_outcome(p, HEALTH_PASS), fail = count_outcome(p, HEALTH_FAIL);
	if (pass >= p->need)
		return CALL_EXIT_DONE;
	return p->count - fail >= p->need ? CTL_PROBE_UNKNOWN : CALL_EXIT_FAILED;
}

static const char *verdict_text(const struct ctl_probe *p)
{
	int e = ctl_probe_exit(p);
	return e == CALL_EXIT_DONE ? "up" : e == CALL_EXIT_FAILED ? "down" : "unknown";
}

/* Of several checks that pass, the least. */
static unsigned weight(const struct ctl_probe *p)
{
	unsigned least = 100;
	if (ctl_probe_exit(p) != CALL_EXIT_DONE)
		return 0;
	for (uint16_t i = 0; i < p->count; i++)
		if (health_result_outcome(&p->list[i].result) == HEALTH_PASS && p->list[i].result.weight_pct < least)
			least = p->list[i].result.weight_pct;
	return least;
}

static void all_ended(struct ctl_probe *p)
{
	unsigned pass = count_outcome(p, HEALTH_PASS);
	if (p->as_json) {
		json_end_array(&p->json);
		json_key(&p->json, "need");
		json_uint(&p->json, p->need);
		json_key(&p->json, "verdict");
		json_string(&p->json, verdict_text(p));
		json_key(&p->json, "weight_pct");
		json_uint(&p->json, weight(p));
		json_end_object(&p->json);
		bytes_u8(&p->out, '\n');
	} else if (p->count > 1) {
		bytes_printf(&p->out, "%s: %u of %u checks pass%s, %u needed", verdict_text(p), pass, p->count, pass == 1 ? "es" : "", p->need);
		if (ctl_probe_exit(p) == CALL_EXIT_DONE)
			bytes_printf(&p->out, " (weight %u%%)", weight(p));
		bytes_u8(&p->out, '\n');
	}
}

bool ctl_probe_result(struct ctl_probe *p, const struct health_result *r)
{
	p->list[p->at].result = *r;
	if (p->as_json)
		check_json(p, r);
	else
		check_line(p, r);
	if (++p->at < p->count) {
		check_begins(p);
		return true;
	}
	all_ended(p);
	return false;
}
