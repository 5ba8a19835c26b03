/* What conf_load and the zones came to → struct plan. See conf.h; the probes are in streams.c. */
#include <stdlib.h>
#include <string.h>

#include "conf/planner.h"
#include "dns/name.h"
#include "pair/pair.h"

void *conf_planner_room(struct planner *pl, size_t n, size_t size)
{
	void *p = arena_array(&pl->p->arena, n ? n : 1, size);

	pl->failed |= !p;
	return p;
}

const char *conf_planner_text(struct planner *pl, const char *s)
{
	char *copy = s ? arena_str(&pl->p->arena, s) : NULL;

	pl->failed |= s && !copy;
	return copy;
}

static const void *copy_list(struct planner *pl, const void *list, size_t n, size_t size)
{
	void *copy = conf_planner_room(pl, n, size);

	if (copy && n)
		memcpy(copy, list, n * size);
	return copy;
}

/* ---- nodes and pair ---- */

static void plan_nodes(struct planner *pl)
{
	struct plan_node *nodes = conf_planner_room(pl, pl->c->node_count, sizeof *nodes);

	for (size_t i = 0; nodes && i < pl->c->node_count; i++) {
		struct plan_node *n = &nodes[i];

		*n = pl->c->nodes[i];
		n->name = conf_planner_text(pl, n->name);
		n->listen = copy_list(pl, n->listen, n->listen_count, sizeof *n->listen);
		n->peer = copy_list(pl, n->peer, n->peer_count, sizeof *n->peer);
		n->canaries = copy_list(pl, n->canaries, n->canary_count, sizeof *n->canaries);
		n->status_from = copy_list(pl, n->status_from, n->status_from_count, sizeof *n->status_from);
		n->http_from = copy_list(pl, n->http_from, n->http_from_count, sizeof *n->http_from);
		n->control = conf_planner_text(pl, n->control);
		n->state = conf_planner_text(pl, n->state);
		n->user = conf_planner_text(pl, n->user);
		n->nsid = conf_planner_text(pl, n->nsid);
		n->hook.argv = copy_list(pl, n->hook.argv, n->hook.argv_len, 1);
		if (!pl->c->pair.present)
			n->id = 0;
	}
	pl->p->nodes = nodes;
	pl->p->node_count = (uint16_t)pl->c->node_count;
	pl->p->self = (uint16_t)(pl->c->self < 0 ? 0 : pl->c->self);
}

static void plan_head(struct planner *pl)
{
	struct conf *c = pl->c;
	struct plan *p = pl->p;

	p->file = conf_planner_text(pl, c->file);
	p->pair = c->pair;
	p->admin = c->admin;
	p->pair.name = conf_planner_text(pl, c->pair.name ? c->pair.name : "");
	if (!p->pair.agree)
		p->pair.agree = POLICY_AGREE_ANY_UP;
	if (!p->pair.quorum_pct) {
		p->pair.quorum_pct = PAIR_QUORUM_ABOVE_PCT;
		p->pair.quorum_least = PAIR_QUORUM_LEAST;
	}
	p->limits = c->limits;
	p->limits.subnet_from = copy_list(pl, c->limits.subnet_from, c->limits.subnet_from_count, sizeof *c->limits.subnet_from);
	p->limits.rrl.exempt = copy_list(pl, c->limits.rrl.exempt, c->limits.rrl.exempt_count, sizeof *c->limits.rrl.exempt);
	plan_nodes(pl);
}

/* ---- services ---- */

static size_t most_args(const struct conf_service *s)
{
	size_t most = 0;

	for (uint16_t i = 0; i < s->check_count; i++) {
		size_t n = s->checks[i]->arg_count + s->checks[i]->script->arg_count + 1;

		most = n > most ? n : most;
	}
	return most;
}

static struct plan_check *plan_checks(struct planner *pl, const struct conf_service *s)
{
	struct plan_check *out = conf_planner_room(pl, s->member_count, sizeof *out);
	struct plan_arg *args = calloc(most_args(s), sizeof *args);

	pl->failed |= !args;
	for (uint16_t i = 0; out && args && i < s->member_count && !pl->failed; i++) {
		out[i].need = s->check_need;
		out[i].count = s->check_count;
		for (uint16_t j = 0; j < s->check_count && !pl->failed; j++)
			out[i].streams[j] = conf_planner_stream(pl, s, &s->members[i], s->checks[j], args);
	}
	free(args);
	return out;
}

/* The shortest TTL never exceeds the longest: a record's TTL below the default minimum is the operator's word. */
static void set_ttl(struct conf *c, struct conf_service *s)
{
	const struct conf_value *v = s->keys.v[SERVICE_TTL];
	const struct conf_value *lo = v ? conf_value_field(v, "min") : NULL,
		*hi = v ? conf_value_field(v, "max") : NULL;
	uint64_t ms;

	s->ttl_max_s = s->ttl_record_s ? s->ttl_record_s : CONF_TTL_TIERED_S;
	if (hi && !conf_fields_duration(hi, &ms))
		s->ttl_max_s = (uint32_t)(ms / 1000);
	s->ttl_min_s = 10;
	if (lo && !conf_fields_duration(lo, &ms))
		s->ttl_min_s = (uint32_t)(ms / 1000);
	if (lo && !hi && s->ttl_min_s > s->ttl_max_s) /* no error: a change of the zone must not cost the configuration */
		conf_warning(c, lo, "\"min\" is %u s, but the TTL of %s is %u s; expected at most that, or a \"max\"", s->ttl_min_s,
			     s->ttl_record_s ? "the zone's records" : "a name without records", s->ttl_max_s);
	if (s->ttl_min_s > s->ttl_max_s)
		s->ttl_min_s = s->ttl_max_s;
}

static void plan_policy(struct planner *pl, struct conf_service *s, struct policy_service *out)
{
	struct policy_member *members = conf_planner_room(pl, s->member_count, sizeof *members);

	for (uint16_t i = 0; members && i < s->member_count; i++)
		members[i] = (struct policy_member){.addr = s->members[i].addr, .tier = s->members[i].tier,
						    .drain = s->members[i].drain,
						    .weight = s->members[i].weight,
						    .capacity = s->members[i].capacity};
	set_ttl(pl->c, s);
	*out = (struct policy_service){
		.members = members, .member_count = s->member_count, .tier_count = s->tier_count,
		.need = s->need, .need_pct = s->need_pct, .answer_n = s->answer_n,
		.pick = (uint8_t)conf_fields_word(&s->keys, SERVICE_PICK), .all_down = s->all_down,
		.couple = conf_fields_boolean(&s->keys, SERVICE_COUPLE),
		.initial_up = conf_fields_word(&s->keys, SERVICE_INITIAL) == 1,
		.failback_ms = s->failback_ms,
		.slow_start_ms = (uint32_t)conf_fields_ms(&s->keys, SERVICE_SLOW_START), .load = s->load,
		.ttl_min_s = s->ttl_min_s, .ttl_max_s = s->ttl_max_s,
		.fallback = copy_list(pl, s->fallback, s->fallback_count, sizeof *s->fallback),
		.fallback_count = s->fallback_count,
	};
}

static void plan_service(struct planner *pl, struct conf_service *s, struct plan_service *out)
{
	const char **hosts = conf_planner_room(pl, s->member_count, sizeof *hosts);
	const char **sites = conf_planner_room(pl, s->member_count, sizeof *sites);

	for (uint16_t i = 0; hosts && sites && i < s->member_count; i++) {
		hosts[i] = conf_planner_text(pl, s->members[i].host);
		sites[i] = conf_planner_text(pl, s->members[i].site);
	}
	plan_policy(pl, s, &out->policy);
	out->name = conf_planner_text(pl, s->name);
	out->owner = copy_list(pl, s->owner, name_len(s->owner), 1);
	out->checks = plan_checks(pl, s);
	out->hosts = hosts;
	out->sites = sites;
	out->agree = (uint8_t)conf_fields_word(&s->keys, SERVICE_AGREE);
	out->removals = s->removals;
	out->removals_pct = s->removals_pct;
	out->file = conf_planner_text(pl, s->block->source->path);
	out->line = s->block->line;
}

static struct plan_needs plan_needs_of(struct planner *pl, const struct conf_needs *n)
{
	uint32_t *list = n->count ? conf_planner_room(pl, n->count, sizeof *list) : NULL;
	uint8_t count = 0;

	/* A service whose zone has no content is not there: nobody knows whether it serves. */
	for (uint8_t i = 0; list && i < n->count; i++)
		if (n->list[i]->index != UINT32_MAX)
			list[count++] = n->list[i]->index;
	return (struct plan_needs){.services = list, .count = count};
}

/* When all services have their places. */
static void plan_needs(struct planner *pl, const struct conf_service *s, struct plan_service *out)
{
	struct plan_needs *list = NULL;

	out->needs = plan_needs_of(pl, &s->needs);
	for (uint16_t i = 0; i < s->member_count && !pl->failed; i++) {
		if (s->members[i].needs.count && !list)
			list = conf_planner_room(pl, s->member_count, sizeof *list);
		if (list)
			list[i] = plan_needs_of(pl, &s->members[i].needs);
	}
	out->member_needs = list;
}

static void plan_services(struct planner *pl)
{
	struct plan_service *list = conf_planner_room(pl, pl->c->service_count, sizeof *list);
	size_t script_count = 2 /* the canaries' too */, file_count = 1;

	for (const struct conf_script *s = pl->c->scripts; s; s = s->next)
		script_count++;
	for (struct conf_script *s = pl->c->scripts; s; s = s->next)
		s->index = UINT32_MAX;
	for (struct conf_pem *f = pl->c->pems; f; f = f->next, file_count++)
		f->index = UINT32_MAX;
	pl->files = conf_planner_room(pl, file_count, sizeof *pl->files);
	pl->scripts = conf_planner_room(pl, script_count, sizeof *pl->scripts);
	for (size_t i = 0; list && pl->scripts && pl->files && i < pl->c->service_count && !pl->failed; i++) {
		struct conf_service *s = &pl->c->services[i];

		s->index = UINT32_MAX;
		if (s->faulty || s->absent || !s->member_count)
			continue;
		s->index = pl->p->service_count;
		plan_service(pl, s, &list[pl->p->service_count++]);
		if (pl->p->stream_count > PLAN_STREAMS_MAX) {
			conf_fault(pl->c, &s->block->table, "more than %d probes in all; expected fewer",
				   PLAN_STREAMS_MAX);
			break;
		}
	}
	for (size_t i = 0; list && i < pl->c->service_count && !pl->failed; i++)
		if (pl->c->services[i].index < pl->p->service_count)
			plan_needs(pl, &pl->c->services[i], &list[pl->c->services[i].index]);
	pl->p->services = list;
	pl->p->files = pl->files;
	pl->p->scripts = pl->scripts;
	pl->p->streams = copy_list(pl, pl->streams, pl->p->stream_count, sizeof *pl->streams);
}

int conf_plan(struct conf *c, uint64_t generation, struct plan **out, struct diags *d)
{
	struct planner pl = {.c = c, .p = plan_new()};
	size_t errors = d->errors;

	if (!pl.p)
		return ERR_NOMEM;
	c->d = d;
	table_init(&pl.by_key, &conf_plain_key);
	pl.p->generation = generation;
	plan_head(&pl);
	plan_services(&pl);
	if (!pl.failed && !c->failed)
		conf_planner_windows(&pl);
	if (!pl.failed && !c->failed)
		conf_checks_unused(c);
	if (!pl.failed)
		pl.p->digest = plan_digest(pl.p);
	if (!pl.failed && !c->failed && c->self >= 0)
		conf_planner_canaries(&pl);
	table_deinit(&pl.by_key);
	free(pl.streams);
	if (pl.failed || c->failed || d->errors > errors) {
		plan_free(pl.p);
		return pl.failed || c->failed ? ERR_NOMEM : ERR_FORMAT;
	}
	*out = pl.p;
	return 0;
}
