/* The limits block, or its defaults → plan_limits. See internal.h. */
#include "conf/internal.h"

static bool is_whole_number(const struct conf_value *v, int64_t min, int64_t max)
{
	return v->type == CONF_INTEGER && v->integer >= min && v->integer <= max;
}

/* false, a rate, or a table. */
static void build_rrl(struct conf *c, const struct conf_value *v)
{
	struct plan_rrl *r = &c->limits.rrl;
	struct fields f = {.schema = SCHEMA_RRL};
	size_t n;
	const struct schema_key *rate = &conf_schema_keys(SCHEMA_RRL, &n)[RRL_RATE];

	if (v && v->type == CONF_TABLE)
		conf_fields_check(c, SCHEMA_RRL, v, false, &f);
	else if (v && is_whole_number(v, rate->min, rate->max))
		f.v[RRL_RATE] = v;
	else if (v && (v->type != CONF_BOOLEAN || v->boolean))
		conf_fields_fault(c, SCHEMA_LIMITS, LIMITS_RRL, v);
	r->per_s = v && v->type == CONF_BOOLEAN ? 0 : (uint32_t)conf_fields_integer(&f, RRL_RATE);
	r->slip = (uint16_t)conf_fields_integer(&f, RRL_SLIP);
	r->window_ms = (uint32_t)conf_fields_ms(&f, RRL_WINDOW);
	r->table = (uint32_t)conf_fields_integer(&f, RRL_TABLE);
	r->exempt = conf_blocks_read(c, f.v[RRL_EXEMPT], CONF_LOOPBACK, &r->exempt_count);
}

/* A number of connections, or a table. */
static void build_tcp(struct conf *c, const struct conf_value *v)
{
	struct plan_limits *l = &c->limits;
	struct fields f = {.schema = SCHEMA_TCP};
	size_t n;
	const struct schema_key *connections = &conf_schema_keys(SCHEMA_TCP, &n)[TCP_CONNECTIONS];

	if (v && v->type == CONF_TABLE)
		conf_fields_check(c, SCHEMA_TCP, v, false, &f);
	else if (v && is_whole_number(v, connections->min, connections->max))
		f.v[TCP_CONNECTIONS] = v;
	else if (v)
		conf_fields_fault(c, SCHEMA_LIMITS, LIMITS_TCP, v);
	l->tcp_max = (uint16_t)conf_fields_integer(&f, TCP_CONNECTIONS);
	l->tcp_per_source = (uint16_t)(f.v[TCP_PER_SOURCE] ? f.v[TCP_PER_SOURCE]->integer : (l->tcp_max + 3) / 4);
	l->tcp_idle_ms = (uint32_t)conf_fields_ms(&f, TCP_IDLE);
	if (f.v[TCP_PER_SOURCE] && l->tcp_per_source > l->tcp_max)
		conf_fault(c, f.v[TCP_PER_SOURCE], "\"per_source\" is %u, more than the %u of \"connections\"; expected at most that many",
			   l->tcp_per_source, l->tcp_max);
}

void conf_build_limits(struct conf *c)
{
	struct fields f = {.schema = SCHEMA_LIMITS};

	if (c->limits_block)
		conf_fields_check(c, SCHEMA_LIMITS, &c->limits_block->table, false, &f);
	build_rrl(c, f.v[LIMITS_RRL]);
	build_tcp(c, f.v[LIMITS_TCP]);
	c->limits.udp_edns_max = (uint16_t)conf_fields_integer(&f, LIMITS_EDNS);
	c->limits.probes_max = (uint32_t)conf_fields_integer(&f, LIMITS_PROBES);
	c->limits.probes_per_target = (uint32_t)conf_fields_integer(&f, LIMITS_PROBES_PER_TARGET);
	c->limits.cookies = (uint8_t)conf_fields_word(&f, LIMITS_COOKIES);
	c->limits.subnet_from = conf_blocks_read(c, f.v[LIMITS_CLIENT_SUBNET_FROM], CONF_PRIVATE, &c->limits.subnet_from_count);
}
