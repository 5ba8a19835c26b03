/* What conf_load and the zones came to → struct plan. See conf.h; the probes are in streams.c. */
#include <stdlib.h>
#include <string.h>

#include "conf/planner.h"
#include "dns/name.h"

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
	p->pair.name = conf_planner_text(pl, c->pair.name ? c->pair.name : "");
	if (!p->pair.agree)
		p->pair.agree = POLICY_AGREE_ANY_UP;
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

/* ---- the digest: what twins must have in common to decide alike ---- */

static void digest_needs(struct bytes *b, const struct plan_needs *n)
{
	bytes_u8(b, n ? n->count : 0);
	for (uint8_t i = 0; n && i < n->count; i++)
		bytes_u32(b, n->services[i]);
}

static void digest_service(struct bytes *b, const struct plan *p, const struct plan_service *s)
{
	const struct policy_service *q = &s->policy;
	const uint32_t numbers[] = {q->need, q->need_pct, q->answer_n, q->pick, q->all_down, q->couple, q->initial_up,
				    q->failback_ms, q->slow_start_ms, q->load, q->ttl_min_s, q->ttl_max_s,
				    q->tier_count, q->member_count, q->fallback_count, s->agree,
				    s->removals, s->removals_pct};

	bytes_str(b, s->name);
	digest_needs(b, &s->needs);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		bytes_u32(b, numbers[i]);
	for (uint16_t i = 0; i < q->member_count; i++) {
		bytes_add(b, q->members[i].addr.ip, sizeof q->members[i].addr.ip);
		bytes_u32(b, (uint32_t)q->members[i].tier << 16 | q->members[i].weight);
		bytes_u32(b, q->members[i].capacity);
		bytes_u8(b, q->members[i].drain);
		digest_needs(b, s->member_needs ? &s->member_needs[i] : NULL);
		bytes_u32(b, (uint32_t)s->checks[i].need << 16 | s->checks[i].count);
		for (uint16_t j = 0; j < s->checks[i].count; j++)
			bytes_u64(b, p->streams[s->checks[i].streams[j]].key);
	}
	for (uint16_t i = 0; i < q->fallback_count; i++)
		bytes_add(b, q->fallback[i].ip, sizeof q->fallback[i].ip);
}

static void digest_rest(struct bytes *b, const struct plan *p)
{
	bytes_str(b, p->pair.name);
	bytes_u32(b, p->pair.interval_ms);
	bytes_u8(b, p->pair.agree);
	for (uint16_t i = 0; i < p->node_count; i++) {
		bytes_str(b, p->nodes[i].name);
		bytes_u8(b, p->nodes[i].id);
	}
	for (uint16_t i = 0; i < p->limits.subnet_from_count; i++) { /* whose clients are told apart: twins must do it alike */
		const struct addr_block *s = &p->limits.subnet_from[i];
		bytes_u8(b, s->base.family);
		bytes_add(b, s->base.ip, sizeof s->base.ip);
		bytes_u8(b, s->prefix_len);
	}
	for (uint32_t i = 0; i < p->script_count; i++)
		bytes_u64(b, hash_bytes(&conf_plain_key, p->scripts[i].text, p->scripts[i].text_len));
	for (uint32_t i = 0; i < p->stream_count; i++) {
		const struct health_timing *t = &p->streams[i].timing;

		bytes_u32(b, t->interval_ms);
		bytes_u32(b, t->timeout_ms);
		bytes_u32(b, t->retry_ms);
		bytes_u32(b, (uint32_t)t->fall << 8 | t->rise);
		if (!t->flap.hold)
			continue;
		bytes_u32(b, t->flap.suppress);
		bytes_u32(b, t->flap.reuse);
		bytes_u32(b, t->flap.half_life_ms);
	}
}

static void digest_window(struct bytes *b, const struct plan_window *w)
{
	bytes_str(b, w->name);
	for (uint16_t i = 0; i < w->what_count; i++)
		bytes_str(b, w->what[i]);
	bytes_u8(b, w->force);
	bytes_str(b, w->cron ? w->cron : "");
	bytes_u64(b, w->from_ms);
	bytes_u64(b, w->to_ms);
	bytes_u64(b, w->lasts_ms);
}

static void set_digest(struct planner *pl)
{
	struct bytes b;
	uint64_t digest = 0;

	bytes_init(&b, SIZE_MAX);
	for (uint32_t i = 0; i < pl->p->service_count; i++) {
		bytes_u64(&b, digest);
		digest_service(&b, pl->p, &pl->p->services[i]);
		digest = hash_bytes(&conf_plain_key, b.data, b.len);
		b.len = 0;
	}
	bytes_u64(&b, digest);
	digest_rest(&b, pl->p);
	for (uint16_t i = 0; i < pl->p->window_count; i++)
		digest_window(&b, &pl->p->windows[i]);
	pl->p->digest = hash_bytes(&conf_plain_key, b.data, b.len);
	pl->failed |= b.failed;
	bytes_deinit(&b);
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
		set_digest(&pl);
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
