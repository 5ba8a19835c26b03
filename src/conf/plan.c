/* What conf_load and the zones came to → struct plan. See conf.h.
 *
 *     member × check ─▶ canonical octets (probe address, script, arguments) ─▶ 64-bit key ─▶ one stream for all that ask the same
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/internal.h"
#include "dns/name.h"

#define STREAM_TEXT_MAX 65536 /* canonical octets of one probe */

struct planner {
	struct conf *c;
	struct plan *p;
	struct table by_key; /* stream key → index + 1 */
	struct plan_stream *streams; /* heap while it grows */
	size_t stream_cap;
	struct plan_script *scripts;
	bool failed; /* out of memory */
	size_t errors;
};

static void *take_room(struct planner *pl, size_t n, size_t size)
{
	void *p = arena_array(&pl->p->arena, n ? n : 1, size);

	pl->failed |= !p;
	return p;
}

static const char *copy_text(struct planner *pl, const char *s)
{
	char *copy = s ? arena_str(&pl->p->arena, s) : NULL;

	pl->failed |= s && !copy;
	return copy;
}

static const void *copy_list(struct planner *pl, const void *list, size_t n, size_t size)
{
	void *copy = take_room(pl, n, size);

	if (copy && n)
		memcpy(copy, list, n * size);
	return copy;
}

/* ---- nodes and pair ---- */

static void plan_nodes(struct planner *pl)
{
	struct plan_node *nodes = take_room(pl, pl->c->node_count, sizeof *nodes);

	for (size_t i = 0; nodes && i < pl->c->node_count; i++) {
		struct plan_node *n = &nodes[i];

		*n = pl->c->nodes[i];
		n->name = copy_text(pl, n->name);
		n->listen = copy_list(pl, n->listen, n->listen_count, sizeof *n->listen);
		n->peer = copy_list(pl, n->peer, n->peer_count, sizeof *n->peer);
		n->canaries = copy_list(pl, n->canaries, n->canary_count, sizeof *n->canaries);
		n->status_from = copy_list(pl, n->status_from, n->status_from_count, sizeof *n->status_from);
		n->control = copy_text(pl, n->control);
		n->state = copy_text(pl, n->state);
		n->user = copy_text(pl, n->user);
		n->nsid = copy_text(pl, n->nsid);
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

	p->file = copy_text(pl, c->file);
	p->pair = c->pair;
	p->pair.name = copy_text(pl, c->pair.name ? c->pair.name : "");
	if (!p->pair.agree)
		p->pair.agree = POLICY_AGREE_ANY_UP;
	p->udp_edns_max = (uint16_t)conf_fields_integer(&c->limits_fields, LIMITS_EDNS);
	p->tcp_max = (uint16_t)conf_fields_integer(&c->limits_fields, LIMITS_TCP);
	plan_nodes(pl);
}

/* ---- arguments of one probe ---- */

static void set_arg(struct plan_arg *a, const struct conf_value *v, const struct script_arg_spec *spec)
{
	if (v->type == CONF_STRING) {
		a->kind = PLAN_ARG_STRING;
		a->string = v->string.s;
	} else if (v->type == CONF_INTEGER && spec && !(spec->types & SCRIPT_ARG_INTEGER)) {
		a->kind = PLAN_ARG_NUMBER;
		a->number = (double)v->integer;
	} else if (v->type == CONF_INTEGER) {
		a->kind = PLAN_ARG_INTEGER;
		a->integer = v->integer;
	} else if (v->type == CONF_NUMBER) {
		a->kind = PLAN_ARG_NUMBER;
		a->number = v->number;
	} else {
		a->kind = PLAN_ARG_BOOLEAN;
		a->boolean = v->boolean;
	}
}

static const struct script_arg_spec *find_spec(const struct conf_script *s, const char *name)
{
	for (size_t i = 0; s->declared && i < s->arg_count; i++)
		if (!strcmp(s->args[i].name, name))
			return &s->args[i];
	return NULL;
}

static struct plan_arg *find_arg(struct plan_arg *args, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(args[i].name, name))
			return &args[i];
	return NULL;
}

static int arg_order(const void *a, const void *b)
{
	return strcmp(((const struct plan_arg *)a)->name, ((const struct plan_arg *)b)->name);
}

/* A port in the member's `probe` wins over the check's. */
static size_t set_port(struct plan_arg *args, size_t n, const struct conf_script *s, uint16_t port)
{
	struct plan_arg *a = find_arg(args, n, "port");
	const struct script_arg_spec *spec = find_spec(s, "port");

	if (!port || (s->declared && (!spec || !(spec->types & SCRIPT_ARG_INTEGER))))
		return n;
	if (!a)
		a = &args[n++];
	*a = (struct plan_arg){.name = "port", .kind = PLAN_ARG_INTEGER, .integer = port};
	return n;
}

static void check_missing(struct planner *pl, const struct conf_check *k, struct plan_arg *args, size_t n)
{
	for (size_t i = 0; k->script->declared && i < k->script->arg_count; i++) {
		const struct script_arg_spec *spec = &k->script->args[i];

		if (!spec->optional && !(spec->types & SCRIPT_ARG_OWNER) && !find_arg(args, n, spec->name))
			conf_fault(pl->c, k->fields.v[CHECK_ARGS] ? k->fields.v[CHECK_ARGS] : k->at, "check \"%s\" lacks argument \"%s\" of script \"%s\"; expected args = { %s = … }",
				   k->name, spec->name, k->script->name, spec->name);
	}
}

/* The arguments in full, ascending by name. Room for as many as the check, the script's own table and a port may give. */
static size_t expand_args(struct planner *pl, const struct conf_check *k, const struct conf_service *s, const struct conf_member *m,
			  struct plan_arg *args)
{
	size_t n = 0;

	for (size_t i = 0; i < k->arg_count; i++) {
		args[n] = (struct plan_arg){.name = k->args[i].name};
		set_arg(&args[n++], k->args[i].value, find_spec(k->script, k->args[i].name));
	}
	for (size_t i = 0; k->script->declared && i < k->script->arg_count; i++)
		if (k->script->args[i].types & SCRIPT_ARG_OWNER && !find_arg(args, n, k->script->args[i].name))
			args[n++] = (struct plan_arg){.name = k->script->args[i].name, .kind = PLAN_ARG_STRING, .string = s->name};
	n = set_port(args, n, k->script, m->probe.port);
	check_missing(pl, k, args, n);
	qsort(args, n, sizeof *args, arg_order);
	return n;
}

/* ---- streams ---- */

static uint64_t stream_key(const struct addr *a, const char *script, const struct plan_arg *args, size_t n, bool *failed)
{
	uint8_t *room = malloc(STREAM_TEXT_MAX);
	struct wbuf w;
	uint64_t key;

	if (!room) {
		*failed = true;
		return 0;
	}
	wbuf_init(&w, room, STREAM_TEXT_MAX);
	put_u8(&w, a->family);
	put_bytes(&w, a->ip, sizeof a->ip);
	put_u16(&w, a->port);
	put_str(&w, script);
	for (size_t i = 0; i < n; i++) {
		uint64_t bits;

		put_str(&w, args[i].name);
		put_u8(&w, args[i].kind);
		put_str(&w, args[i].kind == PLAN_ARG_STRING ? args[i].string : "");
		memcpy(&bits, &args[i].number, sizeof bits);
		put_u64(&w, args[i].kind == PLAN_ARG_INTEGER ? (uint64_t)args[i].integer : args[i].kind == PLAN_ARG_NUMBER ? bits : args[i].boolean);
	}
	key = hash_bytes(&conf_plain_key, room, w.len);
	*failed = w.failed;
	free(room);
	return key ? key : 1;
}

static bool same_args(const struct plan_arg *a, size_t a_count, const struct plan_arg *b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (strcmp(a[i].name, b[i].name) || a[i].kind != b[i].kind ||
		    (a[i].kind == PLAN_ARG_STRING ? strcmp(a[i].string, b[i].string) :
		     a[i].kind == PLAN_ARG_INTEGER ? a[i].integer != b[i].integer :
		     a[i].kind == PLAN_ARG_NUMBER ? a[i].number != b[i].number : a[i].boolean != b[i].boolean))
			return false;
	return true;
}

static uint32_t script_index(struct planner *pl, struct conf_script *s)
{
	struct plan_script *out = &pl->scripts[pl->p->script_count];

	if (s->index != UINT32_MAX)
		return s->index;
	out->name = copy_text(pl, s->name);
	out->file = copy_text(pl, s->file);
	out->text = arena_strn(&pl->p->arena, s->text, s->len);
	out->text_len = (uint32_t)s->len;
	pl->failed |= !out->text;
	s->index = pl->p->script_count++;
	return s->index;
}

/* The same probe asked for by two checks: done once, as often as the more frequent of them wants it. */
static void share_stream(struct planner *pl, struct plan_stream *st, const struct conf_check *k)
{
	if (!memcmp(&st->timing, &k->timing, sizeof st->timing))
		return;
	conf_warning(pl->c, k->at, "checks \"%s\" and \"%s\" ask the same of the same address with other timing; one probe serves both, with the shorter interval's",
		     st->check, k->name);
	if (k->timing.interval_ms < st->timing.interval_ms)
		st->timing = k->timing;
}

static bool grow_streams(struct planner *pl)
{
	size_t cap = pl->stream_cap ? pl->stream_cap * 2 : 256;
	struct plan_stream *more;

	if (pl->p->stream_count < pl->stream_cap)
		return true;
	more = realloc(pl->streams, cap * sizeof *more);
	if (!more) {
		pl->failed = true;
		return false;
	}
	pl->streams = more;
	pl->stream_cap = cap;
	return true;
}

static void copy_args(struct planner *pl, struct plan_stream *st, const struct plan_arg *args, size_t n)
{
	struct plan_arg *copy = take_room(pl, n, sizeof *copy);

	for (size_t i = 0; copy && i < n; i++) {
		copy[i] = args[i];
		copy[i].name = copy_text(pl, args[i].name);
		copy[i].string = args[i].kind == PLAN_ARG_STRING ? copy_text(pl, args[i].string) : NULL;
	}
	st->args = copy;
	st->arg_count = (uint16_t)n;
}

static uint32_t add_stream(struct planner *pl, const struct plan_stream *like, const struct plan_arg *args, size_t n)
{
	struct plan_stream *st;

	if (!grow_streams(pl))
		return 0;
	st = &pl->streams[pl->p->stream_count];
	*st = *like;
	copy_args(pl, st, args, n);
	st->check = copy_text(pl, like->check);
	st->owner = copy_text(pl, like->owner);
	st->host = copy_text(pl, like->host);
	if (table_add(&pl->by_key, &st->key, sizeof st->key, (void *)(uintptr_t)(pl->p->stream_count + 1)))
		pl->failed = true;
	return pl->p->stream_count++;
}

static uint32_t find_stream(struct planner *pl, const struct conf_service *s, const struct conf_member *m, struct conf_check *k, struct plan_arg *args)
{
	struct plan_stream like = {.addr = m->probe.family ? m->probe : m->addr, .timing = k->timing, .check = k->name, .owner = s->name, .host = m->host};
	size_t n = expand_args(pl, k, s, m, args);
	bool failed = false;
	uintptr_t found;

	like.script = script_index(pl, k->script);
	like.key = stream_key(&like.addr, k->script->name, args, n, &failed);
	if (failed) {
		conf_fault(pl->c, k->at, "the arguments of check \"%s\" are too long; expected less than %d octets", k->name, STREAM_TEXT_MAX);
		return 0;
	}
	found = (uintptr_t)table_find(&pl->by_key, &like.key, sizeof like.key);
	if (!found)
		return add_stream(pl, &like, args, n);
	if (!addr_equal(&pl->streams[found - 1].addr, &like.addr) || pl->streams[found - 1].script != like.script ||
	    !same_args(pl->streams[found - 1].args, pl->streams[found - 1].arg_count, args, n))
		conf_fault(pl->c, k->at, "two probes of check \"%s\" have one 64-bit name by chance; expected an argument to differ", k->name);
	else
		share_stream(pl, &pl->streams[found - 1], k);
	return (uint32_t)(found - 1);
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
	struct plan_check *out = take_room(pl, s->member_count, sizeof *out);
	struct plan_arg *args = calloc(most_args(s), sizeof *args);

	pl->failed |= !args;
	for (uint16_t i = 0; out && args && i < s->member_count && !pl->failed; i++) {
		out[i].need = s->check_need;
		out[i].count = s->check_count;
		for (uint16_t j = 0; j < s->check_count && !pl->failed; j++)
			out[i].streams[j] = find_stream(pl, s, &s->members[i], s->checks[j], args);
	}
	free(args);
	return out;
}

/* The shortest TTL never exceeds the longest: a record's TTL below the default minimum is the operator's word. */
static void set_ttl(struct conf_service *s)
{
	const struct conf_value *v = s->keys.v[SERVICE_TTL];
	const struct conf_value *lo = v ? conf_value_field(v, "min") : NULL, *hi = v ? conf_value_field(v, "max") : NULL;
	uint64_t ms;

	s->ttl_max_s = s->ttl_record_s ? s->ttl_record_s : CONF_TTL_TIERED_S;
	if (hi && !conf_fields_duration(hi, &ms))
		s->ttl_max_s = (uint32_t)(ms / 1000);
	s->ttl_min_s = 10;
	if (lo && !conf_fields_duration(lo, &ms))
		s->ttl_min_s = (uint32_t)(ms / 1000);
	if (s->ttl_min_s > s->ttl_max_s)
		s->ttl_min_s = s->ttl_max_s;
}

static void plan_policy(struct planner *pl, struct conf_service *s, struct policy_service *out)
{
	struct policy_member *members = take_room(pl, s->member_count, sizeof *members);

	for (uint16_t i = 0; members && i < s->member_count; i++)
		members[i] = (struct policy_member){.addr = s->members[i].addr, .tier = s->members[i].tier, .drain = s->members[i].drain,
						    .weight = s->members[i].weight};
	set_ttl(s);
	*out = (struct policy_service){
		.members = members, .member_count = s->member_count, .tier_count = s->tier_count,
		.need = s->need, .need_pct = s->need_pct, .answer_n = s->answer_n,
		.pick = (uint8_t)conf_fields_word(&s->keys, SERVICE_PICK), .all_down = s->all_down,
		.couple = conf_fields_boolean(&s->keys, SERVICE_COUPLE),
		.initial_up = conf_fields_word(&s->keys, SERVICE_INITIAL) == 1,
		.ttl_min_s = s->ttl_min_s, .ttl_max_s = s->ttl_max_s,
		.fallback = copy_list(pl, s->fallback, s->fallback_count, sizeof *s->fallback), .fallback_count = s->fallback_count,
	};
}

static void plan_service(struct planner *pl, struct conf_service *s, struct plan_service *out)
{
	const char **hosts = take_room(pl, s->member_count, sizeof *hosts);

	for (uint16_t i = 0; hosts && i < s->member_count; i++)
		hosts[i] = copy_text(pl, s->members[i].host);
	plan_policy(pl, s, &out->policy);
	out->name = copy_text(pl, s->name);
	out->owner = copy_list(pl, s->owner, name_len(s->owner), 1);
	out->checks = plan_checks(pl, s);
	out->hosts = hosts;
	out->agree = (uint8_t)conf_fields_word(&s->keys, SERVICE_AGREE);
	out->file = copy_text(pl, s->block->source->path);
	out->line = s->block->line;
}

static void plan_services(struct planner *pl)
{
	struct plan_service *list = take_room(pl, pl->c->service_count, sizeof *list);
	size_t script_count = 1;

	for (const struct conf_script *s = pl->c->scripts; s; s = s->next)
		script_count++;
	for (struct conf_script *s = pl->c->scripts; s; s = s->next)
		s->index = UINT32_MAX;
	pl->scripts = take_room(pl, script_count, sizeof *pl->scripts);
	for (size_t i = 0; list && pl->scripts && i < pl->c->service_count && !pl->failed; i++) {
		struct conf_service *s = &pl->c->services[i];

		if (s->faulty || s->absent || !s->member_count)
			continue;
		plan_service(pl, s, &list[pl->p->service_count++]);
		if (pl->p->stream_count > PLAN_STREAMS_MAX) {
			conf_fault(pl->c, &s->block->table, "more than %d probes in all; expected fewer", PLAN_STREAMS_MAX);
			break;
		}
	}
	pl->p->services = list;
	pl->p->scripts = pl->scripts;
	pl->p->streams = copy_list(pl, pl->streams, pl->p->stream_count, sizeof *pl->streams);
}

/* ---- the digest: what twins must have in common to decide alike ---- */

static void digest_service(struct bytes *b, const struct plan *p, const struct plan_service *s)
{
	const struct policy_service *q = &s->policy;
	const uint32_t numbers[] = {q->need, q->need_pct, q->answer_n, q->pick, q->all_down, q->couple, q->initial_up, q->ttl_min_s, q->ttl_max_s,
				    q->tier_count, q->member_count, q->fallback_count, s->agree};

	bytes_str(b, s->name);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		bytes_u32(b, numbers[i]);
	for (uint16_t i = 0; i < q->member_count; i++) {
		bytes_add(b, q->members[i].addr.ip, sizeof q->members[i].addr.ip);
		bytes_u32(b, (uint32_t)q->members[i].tier << 16 | q->members[i].weight);
		bytes_u8(b, q->members[i].drain);
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
	for (uint32_t i = 0; i < p->script_count; i++)
		bytes_u64(b, hash_bytes(&conf_plain_key, p->scripts[i].text, p->scripts[i].text_len));
	for (uint32_t i = 0; i < p->stream_count; i++) {
		const struct health_timing *t = &p->streams[i].timing;

		bytes_u32(b, t->interval_ms);
		bytes_u32(b, t->timeout_ms);
		bytes_u32(b, t->retry_ms);
		bytes_u32(b, (uint32_t)t->fall << 8 | t->rise);
	}
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
	if (!pl.failed)
		set_digest(&pl);
	table_deinit(&pl.by_key);
	free(pl.streams);
	if (pl.failed || c->failed || d->errors > errors) {
		plan_free(pl.p);
		return pl.failed || c->failed ? ERR_NOMEM : ERR_FORMAT;
	}
	*out = pl.p;
	return 0;
}
