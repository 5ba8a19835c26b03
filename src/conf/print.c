/* conf_print: the whole configuration with every default filled in, as JSON. See conf.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "conf/internal.h"

static void put_text(struct json *j, const char *key, const char *s)
{
	json_key(j, key);
	json_string(j, s);
}

static void put_uint(struct json *j, const char *key, uint64_t v)
{
	json_key(j, key);
	json_uint(j, v);
}

static void put_bool(struct json *j, const char *key, bool v)
{
	json_key(j, key);
	json_bool(j, v);
}

static void put_duration(struct json *j, const char *key, uint64_t ms)
{
	char text[32];

	put_text(j, key, text_format_duration(ms, text));
}

static void put_value(struct json *j, const struct conf_value *v)
{
	switch ((enum conf_type)v->type) {
	case CONF_BOOLEAN:
		json_bool(j, v->boolean);
		break;
	case CONF_INTEGER:
		json_int(j, v->integer);
		break;
	case CONF_NUMBER:
		json_number(j, v->number);
		break;
	case CONF_STRING:
		json_stringn(j, v->string.s, v->string.len);
		break;
	case CONF_TABLE:
		if (v->table.field_count) {
			json_begin_object(j);
			for (uint32_t i = 0; i < v->table.field_count; i++) {
				json_key(j, v->table.fields[i].key);
				put_value(j, &v->table.fields[i]);
			}
			json_end_object(j);
		} else {
			json_begin_array(j);
			for (uint32_t i = 0; i < v->table.list_len; i++)
				put_value(j, &v->table.list[i]);
			json_end_array(j);
		}
		break;
	case CONF_COMBINE:
	case CONF_OTHER:
	case CONF_TOLD:
	case CONF_NONE:
		json_null(j);
	}
}

/* As written, or the default as it would be written; null where there is neither. */
static void put_field(struct json *j, const struct fields *f, int key)
{
	size_t n;
	const struct schema_key *k = &conf_schema_keys(f->schema, &n)[key];

	json_key(j, k->name);
	if (f->v[key])
		put_value(j, f->v[key]);
	else
		json_string(j, k->fallback);
}

static void put_addrs(struct json *j, const char *key, const struct addr *list, size_t n)
{
	char text[ADDR_TEXT_MAX];

	json_key(j, key);
	json_begin_array(j);
	for (size_t i = 0; i < n; i++)
		json_string(j, addr_format(&list[i], true, text));
	json_end_array(j);
}

static void put_blocks(struct json *j, const char *key, const struct addr_block *list, size_t n)
{
	char text[ADDR_TEXT_MAX], block[ADDR_TEXT_MAX + 8];

	json_key(j, key);
	json_begin_array(j);
	for (size_t i = 0; i < n; i++) {
		snprintf(block, sizeof block, "%s/%u", addr_format(&list[i].base, false, text), list[i].prefix_len);
		json_string(j, block);
	}
	json_end_array(j);
}

static void put_hook(struct json *j, const struct plan_hook *h)
{
	json_key(j, "on_event");
	if (!h->argv_len) {
		json_null(j);
		return;
	}
	json_begin_object(j);
	json_key(j, "program");
	json_begin_array(j);
	for (size_t at = 0; at < h->argv_len; at += strlen(h->argv + at) + 1)
		json_string(j, h->argv + at);
	json_end_array(j);
	put_duration(j, "timeout", h->timeout_ms);
	put_uint(j, "rate", h->per_minute);
	json_key(j, "kinds");
	json_begin_array(j);
	for (size_t i = 0; conf_hook_kind(h, i); i++)
		json_string(j, conf_hook_kind(h, i));
	json_end_array(j);
	json_end_object(j);
}

static void print_node(struct json *j, const struct plan_node *n, const struct fields *f)
{
	json_begin_object(j);
	put_text(j, "name", n->name);
	put_uint(j, "id", n->id);
	put_addrs(j, "listen", n->listen, n->listen_count);
	put_addrs(j, "peer", n->peer, n->peer_count);
	put_addrs(j, "canaries", n->canaries, n->canary_count);
	put_field(j, f, NODE_HTTP);
	put_blocks(j, "http_from", n->http_from, n->http_from_count);
	put_field(j, f, NODE_HTTP_ADMIN);
	put_text(j, "control", n->control);
	put_text(j, "state", n->state);
	put_uint(j, "workers", n->workers);
	put_uint(j, "weight", n->weight);
	put_field(j, f, NODE_USER);
	put_blocks(j, "status_from", n->status_from, n->status_from_count);
	put_field(j, f, NODE_PROBE_SOURCE);
	put_text(j, "nsid", n->nsid);
	put_hook(j, &n->hook);
	put_text(j, "log", n->log_form ? log_form_text((enum log_form)n->log_form) : NULL);
	put_text(j, "log_level", n->log_level ? log_level_text((enum log_level)n->log_level) : NULL);
	put_uint(j, "query_log", n->query_log);
	put_text(j, "dnstap", n->dnstap);
	json_end_object(j);
}

static const char *word_of(enum schema_block b, int key, int value)
{
	size_t n;
	const struct schema_word *w = conf_schema_keys(b, &n)[key].words;

	while (w->name && w->value != value)
		w++;
	return w->name;
}

static void print_limits(struct json *j, const struct plan_limits *l)
{
	json_key(j, "limits");
	json_begin_object(j);
	json_key(j, "rrl");
	if (l->rrl.per_s) {
		json_begin_object(j);
		put_uint(j, "rate", l->rrl.per_s);
		put_uint(j, "slip", l->rrl.slip);
		put_duration(j, "window", l->rrl.window_ms);
		put_blocks(j, "exempt", l->rrl.exempt, l->rrl.exempt_count);
		put_uint(j, "table", l->rrl.table);
		json_end_object(j);
	} else {
		json_bool(j, false);
	}
	json_key(j, "tcp");
	json_begin_object(j);
	put_uint(j, "connections", l->tcp_max);
	put_uint(j, "per_source", l->tcp_per_source);
	put_duration(j, "idle", l->tcp_idle_ms);
	json_end_object(j);
	put_uint(j, "edns", l->udp_edns_max);
	put_uint(j, "probes", l->probes_max);
	put_uint(j, "probes_per_target", l->probes_per_target);
	put_text(j, "cookies", word_of(SCHEMA_LIMITS, LIMITS_COOKIES, l->cookies));
	put_blocks(j, "client_subnet_from", l->subnet_from, l->subnet_from_count);
	json_end_object(j);
}

static void print_top(struct json *j, const struct conf *c, const struct plan *p)
{
	char above[8];

	snprintf(above, sizeof above, "%u%%", p->pair.quorum_pct);
	put_text(j, "file", c->file);
	put_text(j, "node", p->nodes[p->self].name);
	json_key(j, "nodes");
	json_begin_array(j);
	for (size_t i = 0; i < c->node_count; i++)
		print_node(j, &p->nodes[i], &c->node_fields[i]);
	json_end_array(j);
	json_key(j, "pair");
	if (p->pair.present) {
		json_begin_object(j);
		put_text(j, "name", p->pair.name);
		put_text(j, "key", c->pair_key_file);
		put_duration(j, "interval", p->pair.interval_ms);
		put_field(j, &c->pair_fields, PAIR_AGREE);
		put_bool(j, "share", p->pair.share);
		put_text(j, "isolated", word_of(SCHEMA_PAIR, PAIR_ISOLATED_RULE, p->pair.isolated));
		json_key(j, "quorum");
		json_begin_object(j);
		json_key(j, "above");
		json_string(j, above);
		put_uint(j, "least", p->pair.quorum_least);
		json_end_object(j);
		json_end_object(j);
	} else {
		json_null(j);
	}
	print_limits(j, &p->limits);
}

static void print_zones(struct json *j, const struct conf *c)
{
	json_key(j, "zones");
	json_begin_array(j);
	for (size_t i = 0; i < c->zone_count; i++) {
		json_begin_object(j);
		put_text(j, "name", c->zones[i].name);
		put_text(j, "file", c->zones[i].file);
		put_uint(j, "services", c->zones[i].service_count);
		json_end_object(j);
	}
	json_end_array(j);
}

static void put_flap(struct json *j, const struct health_flap_rule *r)
{
	json_key(j, "flap");
	if (!r->hold) {
		json_bool(j, false);
		return;
	}
	json_begin_object(j);
	put_uint(j, "suppress", r->suppress);
	put_uint(j, "reuse", r->reuse);
	put_duration(j, "half_life", r->half_life_ms);
	json_end_object(j);
}

static void print_check(struct json *j, const struct conf_check *k)
{
	json_begin_object(j);
	put_text(j, "name", k->name);
	put_text(j, "script", k->script ? k->script->name : NULL);
	json_key(j, "args");
	json_begin_object(j);
	for (size_t i = 0; i < k->arg_count; i++) {
		json_key(j, k->args[i].name);
		put_value(j, k->args[i].value);
	}
	json_end_object(j);
	put_duration(j, "interval", k->timing.interval_ms);
	put_duration(j, "timeout", k->timing.timeout_ms);
	put_uint(j, "fall", k->timing.fall);
	put_uint(j, "rise", k->timing.rise);
	put_duration(j, "retry", k->timing.retry_ms);
	put_flap(j, &k->timing.flap);
	json_end_object(j);
}

static void print_named(struct json *j, const struct conf *c)
{
	const struct conf_blocks *k = &c->kinds[CONF_CHECK];

	json_key(j, "checks");
	json_begin_array(j);
	for (size_t i = 0; i < k->count; i++)
		print_check(j, table_find(&k->by_name, k->list[i]->name, strlen(k->list[i]->name)));
	json_end_array(j);
	k = &c->kinds[CONF_HOST];
	json_key(j, "hosts");
	json_begin_array(j);
	for (size_t i = 0; i < k->count; i++) {
		const struct conf_host *h = table_find(&k->by_name, k->list[i]->name, strlen(k->list[i]->name));

		json_begin_object(j);
		put_text(j, "name", h->name);
		put_addrs(j, "addresses", h->addrs, h->count);
		put_text(j, "site", h->site);
		json_end_object(j);
	}
	json_end_array(j);
}

static void put_needs(struct json *j, const struct conf_needs *n)
{
	json_key(j, "needs");
	json_begin_array(j);
	for (uint8_t i = 0; i < n->count; i++)
		json_string(j, n->list[i]->name);
	json_end_array(j);
}

static void print_member(struct json *j, const struct conf_member *m)
{
	char text[ADDR_TEXT_MAX];

	json_begin_object(j);
	put_text(j, "address", addr_format(&m->addr, false, text));
	put_text(j, "host", m->host);
	put_uint(j, "weight", m->weight);
	if (m->capacity)
		put_uint(j, "capacity", m->capacity);
	else
		put_text(j, "capacity", NULL);
	put_text(j, "probe", addr_format(m->probe.family ? &m->probe : &m->addr, true, text));
	put_bool(j, "drain", m->drain);
	put_needs(j, &m->needs);
	json_end_object(j);
}

static void print_tiers(struct json *j, const struct conf_service *s)
{
	json_key(j, "tiers");
	json_begin_array(j);
	for (uint8_t t = 0; t < s->tier_count; t++) {
		json_begin_array(j);
		for (uint16_t i = 0; i < s->member_count; i++)
			if (s->members[i].tier == t)
				print_member(j, &s->members[i]);
		json_end_array(j);
	}
	json_end_array(j);
}

static void print_service(struct json *j, const struct conf *c, const struct conf_service *s)
{
	json_begin_object(j);
	put_text(j, "name", s->name);
	put_text(j, "zone", c->zones[s->zone].name);
	put_field(j, &s->keys, SERVICE_POOL);
	json_key(j, "check");
	json_begin_object(j);
	put_uint(j, "need", s->check_need);
	json_key(j, "of");
	json_begin_array(j);
	for (uint16_t i = 0; i < s->check_count; i++)
		print_check(j, s->checks[i]);
	json_end_array(j);
	json_end_object(j);
	print_tiers(j, s);
	put_field(j, &s->keys, SERVICE_NEED);
	put_field(j, &s->keys, SERVICE_ANSWER);
	put_field(j, &s->keys, SERVICE_PICK);
	put_field(j, &s->keys, SERVICE_ALL_DOWN);
	put_bool(j, "couple", conf_fields_boolean(&s->keys, SERVICE_COUPLE));
	put_field(j, &s->keys, SERVICE_FAILBACK);
	put_field(j, &s->keys, SERVICE_SLOW_START);
	put_field(j, &s->keys, SERVICE_LOAD);
	json_key(j, "ttl");
	json_begin_object(j);
	put_uint(j, "min", s->ttl_min_s);
	put_uint(j, "max", s->ttl_max_s);
	json_end_object(j);
	json_key(j, "agree");
	if (s->keys.v[SERVICE_AGREE])
		put_value(j, s->keys.v[SERVICE_AGREE]);
	else
		json_string(j, c->pair.present && c->pair_fields.v[PAIR_AGREE] ?
			    c->pair_fields.v[PAIR_AGREE]->string.s : "any-up");
	put_field(j, &s->keys, SERVICE_INITIAL);
	put_needs(j, &s->needs);
	put_field(j, &s->keys, SERVICE_REMOVALS);
	json_end_object(j);
}

static void print_window(struct json *j, const struct conf_window *w, const struct plan_window *p)
{
	json_begin_object(j);
	put_text(j, "name", w->block->name);
	json_key(j, "what");
	json_begin_array(j);
	for (uint16_t i = 0; i < p->what_count; i++)
		json_string(j, p->what[i]);
	json_end_array(j);
	for (int k = MAINTENANCE_FROM; k < MAINTENANCE_KEYS; k++)
		put_field(j, &w->keys, k);
	json_end_object(j);
}

int conf_print(const struct conf *c, const struct plan *p, struct bytes *out)
{
	struct json j;

	json_init(&j, out, true);
	json_begin_object(&j);
	print_top(&j, c, p);
	print_zones(&j, c);
	print_named(&j, c);
	json_key(&j, "services");
	json_begin_array(&j);
	for (size_t i = 0; i < c->service_count; i++)
		if (!c->services[i].faulty && !c->services[i].absent)
			print_service(&j, c, &c->services[i]);
	json_end_array(&j);
	json_key(&j, "maintenance");
	json_begin_array(&j);
	for (uint16_t i = 0; i < p->window_count; i++)
		print_window(&j, &c->windows[i], &p->windows[i]);
	json_end_array(&j);
	json_end_object(&j);
	return out->failed ? ERR_NOMEM : 0;
}
