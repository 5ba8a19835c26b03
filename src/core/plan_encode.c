/* Plan → bytes.  plan_decode.c reads them in the same order; the drawing there is the format. */
#include "core/plan.h"
#include "core/plan_wire.h"

/* Absent strings are a thing of their own: NULL and "" must come back as they went. */
static void add_text(struct bytes *b, const char *s)
{
	bytes_u8(b, s != NULL);
	if (s)
		bytes_str(b, s);
}

static void add_addr(struct bytes *b, const struct addr *a)
{
	bytes_u8(b, a->family);
	if (a->family == 0)
		return;
	bytes_add(b, a->ip, addr_ip_len(a));
	bytes_u16(b, a->port);
}

static void add_addrs(struct bytes *b, const struct addr *list, size_t n)
{
	bytes_u16(b, (uint16_t)n);
	for (size_t i = 0; i < n; i++)
		add_addr(b, &list[i]);
}

static void add_blocks(struct bytes *b, const struct addr_block *list, size_t n)
{
	bytes_u16(b, (uint16_t)n);
	for (size_t i = 0; i < n; i++) {
		add_addr(b, &list[i].base);
		bytes_u8(b, list[i].prefix_len);
	}
}

void plan_limits_put(struct bytes *out, const struct plan_limits *l)
{
	bytes_u32(out, l->rrl.per_s);
	bytes_u32(out, l->rrl.window_ms);
	bytes_u32(out, l->rrl.table);
	bytes_u16(out, l->rrl.slip);
	add_blocks(out, l->rrl.exempt, l->rrl.exempt_count);
	bytes_u16(out, l->udp_edns_max);
	bytes_u16(out, l->tcp_max);
	bytes_u16(out, l->tcp_per_source);
	bytes_u32(out, l->tcp_idle_ms);
	bytes_u8(out, l->cookies);
	add_blocks(out, l->subnet_from, l->subnet_from_count);
	bytes_u32(out, l->probes_max);
	bytes_u32(out, l->probes_per_target);
}

static void add_hook(struct bytes *out, const struct plan_hook *h)
{
	bytes_u16(out, h->argv_len);
	if (!h->argv_len)
		return;
	bytes_add(out, h->argv, h->argv_len);
	bytes_u32(out, h->timeout_ms);
	bytes_u32(out, h->per_minute);
	bytes_u32(out, h->kinds);
}

void plan_node_put(struct bytes *out, const struct plan_node *n)
{
	add_text(out, n->name);
	bytes_u8(out, n->id);
	add_addrs(out, n->listen, n->listen_count);
	add_addrs(out, n->peer, n->peer_count);
	add_addrs(out, n->canaries, n->canary_count);
	add_blocks(out, n->status_from, n->status_from_count);
	add_addr(out, &n->probe_source[0]);
	add_addr(out, &n->probe_source[1]);
	add_addr(out, &n->http);
	add_blocks(out, n->http_from, n->http_from_count);
	add_text(out, n->control);
	add_text(out, n->state);
	add_text(out, n->user);
	add_text(out, n->nsid);
	bytes_u16(out, n->workers);
	bytes_u8(out, n->log_form);
	bytes_u8(out, n->log_level);
	bytes_u32(out, n->query_log);
	add_text(out, n->dnstap);
	add_hook(out, &n->hook);
	bytes_u8(out, n->weight);
}

static void add_pair(struct bytes *b, const struct plan_pair *p)
{
	bytes_u8(b, p->present);
	if (!p->present)
		return;
	add_text(b, p->name);
	bytes_add(b, p->key, sizeof p->key);
	bytes_u8(b, p->has_other);
	if (p->has_other)
		bytes_add(b, p->other_key, sizeof p->other_key);
	bytes_u32(b, p->interval_ms);
	bytes_u8(b, p->agree);
	bytes_u8(b, p->share);
	bytes_u8(b, p->isolated);
	bytes_u8(b, p->quorum_pct);
	bytes_u16(b, p->quorum_least);
}

static void add_script(struct bytes *b, const struct plan_script *s)
{
	add_text(b, s->name);
	add_text(b, s->file);
	bytes_u32(b, s->text_len);
	bytes_add(b, s->text, s->text_len);
	bytes_u8(b, s->plugins);
}

static void add_arg(struct bytes *b, const struct plan_arg *a)
{
	uint64_t bits;
	add_text(b, a->name);
	bytes_u8(b, a->kind);
	switch (a->kind) {
	case PLAN_ARG_STRING:
		add_text(b, a->string);
		break;
	case PLAN_ARG_CERTIFICATES:
	case PLAN_ARG_KEY:
		add_text(b, a->string);
		bytes_u32(b, a->file);
		break;
	case PLAN_ARG_INTEGER:
		bytes_u64(b, (uint64_t)a->integer);
		break;
	case PLAN_ARG_NUMBER:
		memcpy(&bits, &a->number, sizeof bits);
		bytes_u64(b, bits);
		break;
	case PLAN_ARG_BOOLEAN:
		bytes_u8(b, a->boolean);
		break;
	}
}

static void add_stream(struct bytes *b, const struct plan_stream *s)
{
	bytes_u64(b, s->key);
	add_addr(b, &s->addr);
	bytes_u32(b, s->script);
	bytes_u16(b, s->arg_count);
	for (size_t i = 0; i < s->arg_count; i++)
		add_arg(b, &s->args[i]);
	bytes_u32(b, s->timing.interval_ms);
	bytes_u32(b, s->timing.timeout_ms);
	bytes_u32(b, s->timing.retry_ms);
	bytes_u8(b, s->timing.fall);
	bytes_u8(b, s->timing.rise);
	bytes_u32(b, s->timing.flap.suppress);
	bytes_u32(b, s->timing.flap.reuse);
	bytes_u32(b, s->timing.flap.half_life_ms);
	bytes_u8(b, s->timing.flap.hold);
	add_text(b, s->check);
	add_text(b, s->owner);
	add_text(b, s->host);
	bytes_u8(b, s->canary);
}

static void add_policy(struct bytes *b, const struct policy_service *s)
{
	bytes_u8(b, s->tier_count);
	bytes_u16(b, s->need);
	bytes_u8(b, s->need_pct);
	bytes_u16(b, s->answer_n);
	bytes_u8(b, s->pick);
	bytes_u8(b, s->all_down);
	bytes_u8(b, s->couple);
	bytes_u8(b, s->initial_up);
	bytes_u32(b, s->failback_ms);
	bytes_u32(b, s->slow_start_ms);
	bytes_u32(b, s->load);
	bytes_u32(b, s->ttl_min_s);
	bytes_u32(b, s->ttl_max_s);
	add_addrs(b, s->fallback, s->fallback_count);
}

static void add_needs(struct bytes *b, const struct plan_needs *n)
{
	bytes_u8(b, n ? n->count : 0);
	for (size_t i = 0; n && i < n->count; i++)
		bytes_u32(b, n->services[i]);
}

static void add_member(struct bytes *b, const struct plan_service *s, size_t i)
{
	const struct policy_member *m = &s->policy.members[i];
	const struct plan_check *c = &s->checks[i];
	add_addr(b, &m->addr);
	bytes_u8(b, m->tier);
	bytes_u8(b, m->drain);
	bytes_u16(b, m->weight);
	bytes_u32(b, m->capacity);
	add_text(b, s->hosts[i]);
	add_text(b, s->sites[i]);
	bytes_u16(b, c->need);
	bytes_u16(b, c->count);
	for (size_t k = 0; k < c->count && k < PLAN_CHECK_STREAMS_MAX; k++)
		bytes_u32(b, c->streams[k]);
	add_needs(b, s->member_needs ? &s->member_needs[i] : NULL);
}

static void add_service(struct bytes *b, const struct plan_service *s)
{
	add_text(b, s->name);
	bytes_block(b, s->owner, name_len(s->owner));
	add_policy(b, &s->policy);
	bytes_u8(b, s->agree);
	add_needs(b, &s->needs);
	bytes_u16(b, s->removals);
	bytes_u8(b, s->removals_pct);
	add_text(b, s->file);
	bytes_u32(b, s->line);
	bytes_u16(b, s->policy.member_count);
	for (size_t i = 0; i < s->policy.member_count; i++)
		add_member(b, s, i);
}

int plan_encode(struct bytes *out, const struct plan *p)
{
	bytes_u32(out, PLAN_WIRE_MAGIC);
	bytes_u16(out, PLAN_WIRE_VERSION);
	bytes_u64(out, p->generation);
	bytes_u64(out, p->digest);
	add_text(out, p->file);
	plan_limits_put(out, &p->limits);
	add_pair(out, &p->pair);
	bytes_u8(out, p->admin.token_len);
	bytes_add(out, p->admin.token, p->admin.token_len);
	bytes_u16(out, p->self);
	bytes_u16(out, p->node_count);
	for (size_t i = 0; i < p->node_count; i++)
		plan_node_put(out, &p->nodes[i]);
	bytes_u32(out, p->file_count);
	for (size_t i = 0; i < p->file_count; i++) {
		bytes_u32(out, p->files[i].len);
		bytes_add(out, p->files[i].data, p->files[i].len);
	}
	bytes_u32(out, p->script_count);
	for (size_t i = 0; i < p->script_count; i++)
		add_script(out, &p->scripts[i]);
	bytes_u32(out, p->stream_count);
	for (size_t i = 0; i < p->stream_count; i++)
		add_stream(out, &p->streams[i]);
	bytes_u32(out, p->service_count);
	for (size_t i = 0; i < p->service_count; i++)
		add_service(out, &p->services[i]);
	plan_windows_put(out, p);
	return out->failed ? ERR_NOMEM : 0;
}
