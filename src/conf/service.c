/* Services and pools: their keys, own before the pool's, read into what the plan needs. See internal.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "conf/internal.h"
#include "dns/name.h"

/* Marks s as faulty and tells why; the plan is refused then, and rules that need a whole service say no more of it. */
#define FAULT(c, s, v, ...) \
	do { \
		(s)->faulty = true; \
		conf_fault(c, v, __VA_ARGS__); \
	} while (0)

/* ---- pools ---- */

static void build_pools(struct conf *c)
{
	const struct conf_blocks *list = &c->kinds[CONF_POOL];

	for (size_t i = 0; i < list->count && !c->failed; i++) {
		const struct conf_block *b = list->list[i];
		struct fields *f = conf_alloc(c, 1, sizeof *f);

		if (!f)
			return;
		conf_fields_check(c, SCHEMA_SERVICE, &b->table, false, f);
		if (f->v[SERVICE_POOL])
			conf_fault(c, f->v[SERVICE_POOL], "a pool inside pool \"%s\"; expected the keys themselves",
				   b->name);
		f->v[SERVICE_POOL] = NULL;
		conf_name_add(c, b, f);
	}
}

/* The service's keys, and its pool's for those that it leaves out. */
static void merge_pool(struct conf *c, struct conf_service *s)
{
	const struct conf_value *v = s->keys.v[SERVICE_POOL];
	const struct fields *pool;
	const char *near;

	if (!v)
		return;
	pool = table_find(&c->kinds[CONF_POOL].by_name, v->string.s, v->string.len);
	if (!pool) {
		near = conf_near_name(c, CONF_POOL, v->string.s);
		FAULT(c, s, v, "no pool is called \"%s\"; expected the name of a pool%s%s%s", v->string.s,
		      near ? "; did you mean \"" : "",
		      near ? near : "", near ? "\"" : "");
		return;
	}
	for (int k = 0; k < SERVICE_KEYS; k++)
		if (!s->keys.v[k] && k != SERVICE_POOL)
			s->keys.v[k] = pool->v[k];
	s->pool = pool->table;
}

/* True where the key was written, right or wrong. */
static bool was_written(const struct conf_service *s, const char *key)
{
	return conf_value_field(&s->block->table, key) || (s->pool && conf_value_field(s->pool, key));
}

/* ---- keys ---- */

static void read_checks(struct conf *c, struct conf_service *s)
{
	const struct conf_value *v = s->keys.v[SERVICE_CHECK];
	uint32_t n = v && v->type == CONF_COMBINE ? v->table.list_len : 1;

	if (!v) {
		s->faulty = true;
		if (!was_written(s, "check") && s->block->table.type == CONF_TABLE && !s->keys.has_unknown &&
		    !(s->keys.v[SERVICE_POOL] && !s->pool))
			conf_fault(c, &s->block->table,
				   "service \"%s\" has no check; expected check = \"NAME\", here or in its pool",
				   s->name);
		return;
	}
	if (n > PLAN_CHECK_STREAMS_MAX) {
		FAULT(c, s, v, "a combination of %u checks; expected at most %d", n, PLAN_CHECK_STREAMS_MAX);
		return;
	}
	int64_t need = v->type == CONF_COMBINE ? v->table.need : 1;
	if (need < 1 || need > n) {
		FAULT(c, s, v, "atleast(%" PRId64 ", …) of %u check%s; expected a number from 1 to %u", need, n, n == 1 ? "" : "s", n);
		return;
	}
	s->checks = conf_alloc(c, n, sizeof *s->checks);
	for (uint32_t i = 0; s->checks && i < n; i++) {
		s->checks[i] = conf_check_find(c, v->type == CONF_COMBINE ? &v->table.list[i] : v);
		s->faulty |= !s->checks[i];
	}
	s->check_count = (uint16_t)n;
	s->check_need = (uint16_t)need;
}

static void read_tier(struct conf *c, struct conf_service *s, struct conf_members *out, const struct conf_value *tier,
		      uint32_t index)
{
	size_t before = out->count, errors = c->d->errors;
	char text[CONF_VALUE_TEXT_MAX];

	if (tier->type != CONF_TABLE || tier->table.field_count || !tier->table.list_len) {
		if (tier->type != CONF_TOLD)
			FAULT(c, s, tier,
			      "tier %u is %s%s; expected a list of members: tiers = { { \"192.0.2.1\" }, … }",
			      index + 1,
			      conf_value_text(tier, text), tier->type != CONF_TABLE ? "" : tier->table.field_count ?
			      " with names in it" : " without members");
		s->faulty = true;
		return;
	}
	for (uint32_t i = 0; i < tier->table.list_len && out->count <= POLICY_MEMBERS_MAX; i++)
		conf_member_add(c, out, &tier->table.list[i], (uint8_t)index);
	s->faulty |= c->d->errors > errors || out->count == before;
}

static void read_tiers(struct conf *c, struct conf_service *s)
{
	const struct conf_value *v = s->keys.v[SERVICE_TIERS];
	struct conf_members m = {0};

	s->tiered = was_written(s, "tiers");
	s->faulty |= s->tiered && !v;
	if (!v)
		return;
	if (!v->table.list_len || v->table.list_len > POLICY_TIERS_MAX || v->table.field_count)
		FAULT(c, s, v, "\"tiers\" has %u tiers%s; expected a list of 1 to %d, each a list of members",
		      v->table.list_len,
		      v->table.field_count ? ", and values with names" : "", POLICY_TIERS_MAX);
	for (uint32_t i = 0; i < v->table.list_len && i < POLICY_TIERS_MAX; i++)
		read_tier(c, s, &m, &v->table.list[i], i);
	if (m.count > POLICY_MEMBERS_MAX)
		FAULT(c, s, v, "more than %d members; expected fewer in one service", POLICY_MEMBERS_MAX);
	else if (m.count)
		s->members = arena_copy(&c->arena, m.list, m.count * sizeof *m.list);
	c->failed |= m.count && m.count <= POLICY_MEMBERS_MAX && !s->members;
	s->member_count = s->members ? (uint16_t)m.count : 0;
	s->tier_count = (uint8_t)(v->table.list_len < POLICY_TIERS_MAX ? v->table.list_len : POLICY_TIERS_MAX);
	free(m.list);
}

/* A number of members, or "N%" of them: one of the two is set, the other 0. False: neither. */
static bool read_share(const struct conf_value *v, uint16_t *members, uint8_t *percent)
{
	uint64_t pct = 0;
	char text[8];

	if (v->type == CONF_INTEGER && v->integer >= 1 && v->integer <= POLICY_MEMBERS_MAX) {
		*members = (uint16_t)v->integer;
		*percent = 0;
		return true;
	}
	if (v->type != CONF_STRING || v->string.len < 2 || v->string.len > 4 || v->string.s[v->string.len - 1] != '%')
		return false;
	memcpy(text, v->string.s, v->string.len - 1);
	text[v->string.len - 1] = 0;
	if (text_parse_u64(&pct, text, 1, 100))
		return false;
	*members = 0;
	*percent = (uint8_t)pct;
	return true;
}

static void read_need(struct conf *c, struct conf_service *s)
{
	const struct conf_value *v = s->keys.v[SERVICE_NEED];

	s->need = 1;
	if (!v || read_share(v, &s->need, &s->need_pct))
		return;
	s->faulty = true;
	conf_fields_fault(c, SCHEMA_SERVICE, SERVICE_NEED, v);
}

static void read_removals(struct conf *c, struct conf_service *s)
{
	const struct conf_value *v = s->keys.v[SERVICE_REMOVALS];

	if (!v || (v->type == CONF_STRING && !strcmp(v->string.s, "any")) || read_share(v, &s->removals, &s->removals_pct))
		return;
	s->faulty = true;
	conf_fields_fault(c, SCHEMA_SERVICE, SERVICE_REMOVALS, v);
}

static void read_answer(struct conf *c, struct conf_service *s)
{
	const struct conf_value *v = s->keys.v[SERVICE_ANSWER];

	if (!v || (v->type == CONF_STRING && !strcmp(v->string.s, "all")))
		return;
	if (v->type == CONF_INTEGER && v->integer >= 1 && v->integer <= CONF_ANSWER_MAX)
		s->answer_n = (uint16_t)v->integer;
	else
		conf_fields_fault(c, SCHEMA_SERVICE, SERVICE_ANSWER, v);
}

static void read_fallback(struct conf *c, struct conf_service *s, const struct conf_value *v)
{
	struct conf_members m = {0};

	if (v->table.field_count || !v->table.list_len || v->table.list_len > CONF_ANSWER_MAX) {
		FAULT(c, s, v, "\"all_down\" is a table with %u addresses%s; expected a list of 1 to %d addresses",
		      v->table.list_len,
		      v->table.field_count ? " and names" : "", CONF_ANSWER_MAX);
		return;
	}
	for (uint32_t i = 0; i < v->table.list_len; i++)
		if (v->table.list[i].type == CONF_STRING)
			conf_member_add(c, &m, &v->table.list[i], 0);
		else
			conf_fields_fault(c, SCHEMA_SERVICE, SERVICE_ALL_DOWN, &v->table.list[i]);
	if (m.count > CONF_ANSWER_MAX)
		FAULT(c, s, v, "\"all_down\" has %zu addresses; expected at most %d", m.count, CONF_ANSWER_MAX);
	s->fallback = m.count && m.count <= CONF_ANSWER_MAX ? conf_alloc(c, m.count, sizeof *s->fallback) : NULL;
	for (size_t i = 0; s->fallback && i < m.count; i++)
		s->fallback[s->fallback_count++] = m.list[i].addr;
	s->all_down = POLICY_ALL_DOWN_LIST;
	free(m.list);
}

static void read_all_down(struct conf *c, struct conf_service *s)
{
	const struct conf_value *v = s->keys.v[SERVICE_ALL_DOWN];
	size_t n;
	const struct schema_key *k = &conf_schema_keys(SCHEMA_SERVICE, &n)[SERVICE_ALL_DOWN];
	const struct schema_word *w = conf_schema_word_find(k->words, v &&
							    v->type == CONF_STRING ? v->string.s : k->fallback);

	s->all_down = POLICY_ALL_DOWN_FIRST;
	if (v && v->type == CONF_TABLE)
		read_fallback(c, s, v);
	else if ((!v || v->type == CONF_STRING) && w)
		s->all_down = (uint8_t)w->value;
	else
		conf_fields_fault(c, SCHEMA_SERVICE, SERVICE_ALL_DOWN, v);
}

static void read_failback(struct conf *c, struct conf_service *s)
{
	const struct conf_value *v = s->keys.v[SERVICE_FAILBACK];
	uint64_t ms;

	if (!v || (v->type == CONF_STRING && !strcmp(v->string.s, "auto")))
		return;
	if (v->type == CONF_STRING && !strcmp(v->string.s, "manual"))
		s->failback_ms = POLICY_FAILBACK_MANUAL;
	else if (!conf_fields_duration(v, &ms) && ms <= 86400000)
		s->failback_ms = (uint32_t)ms;
	else
		conf_fields_fault(c, SCHEMA_SERVICE, SERVICE_FAILBACK, v);
}

static void read_load(struct conf_service *s)
{
	s->load = s->keys.v[SERVICE_LOAD] ? (uint32_t)conf_fields_integer(&s->keys, SERVICE_LOAD) : 0;
}

static void read_ttl(struct conf *c, struct conf_service *s)
{
	const struct conf_value *v = s->keys.v[SERVICE_TTL];
	struct fields f;

	if (!v)
		return;
	conf_fields_check(c, SCHEMA_TTL, v, false, &f);
	for (int k = 0; k < TTL_KEYS; k++)
		if (f.v[k] && conf_fields_ms(&f, k) % 1000)
			conf_fields_fault(c, SCHEMA_TTL, k, f.v[k]);
	if (f.v[TTL_MAX] && f.v[TTL_MIN] && conf_fields_ms(&f, TTL_MIN) > conf_fields_ms(&f, TTL_MAX))
		conf_fault(c, f.v[TTL_MIN], "\"min\" is %" PRIu64 " s, more than the %" PRIu64 " s of \"max\"; expected at most that",
			   conf_fields_ms(&f, TTL_MIN) / 1000, conf_fields_ms(&f, TTL_MAX) / 1000);
}

/* ---- rules that need the members ---- */

static void check_repeats(struct conf *c, struct conf_service *s)
{
	struct table seen;
	char text[ADDR_TEXT_MAX];
	int r = 0;

	table_init(&seen, &conf_plain_key);
	for (uint16_t i = 0; i < s->member_count && r != ERR_NOMEM; i++) {
		const struct conf_member *m = &s->members[i];

		r = table_add(&seen, m->addr.ip, addr_ip_len(&m->addr), s);
		if (r == ERR_EXISTS)
			FAULT(c, s, m->at, "%s is in service \"%s\" twice; expected each address once",
			      addr_format(&m->addr, false, text), s->name);
	}
	c->failed |= r == ERR_NOMEM;
	table_deinit(&seen);
}

static void check_weights(struct conf *c, struct conf_service *s)
{
	const struct conf_value *pick = s->keys.v[SERVICE_PICK], *slow = s->keys.v[SERVICE_SLOW_START];
	const char *word = conf_fields_string(&s->keys, SERVICE_PICK);
	bool heeded = !strcmp(word, "weighted") || !strcmp(word, "sticky");

	if (was_written(s, "pick") && !pick)
		return; /* a faulty pick, told */
	for (uint16_t i = 0; i < s->member_count && !heeded; i++)
		if (s->members[i].weight_at)
			FAULT(c, s, s->members[i].weight_at,
			      "\"weight\" where pick = \"%s\" ignores it; expected pick = \"weighted\" or \"sticky\"",
			      word);
	if (slow && conf_fields_ms(&s->keys, SERVICE_SLOW_START) && !heeded)
		FAULT(c, s, slow,
		      "\"slow_start\" where pick = \"%s\" ignores it; expected pick = \"weighted\" or \"sticky\"",
		      word);
}

/* Capacities are declared for all members or for none: one forgotten would carry nothing, and nobody would know. */
static bool check_declared(struct conf *c, struct conf_service *s)
{
	const struct conf_value *load = s->keys.v[SERVICE_LOAD], *told = NULL;
	char text[ADDR_TEXT_MAX];
	bool any = false;

	for (uint16_t i = 0; i < s->member_count; i++)
		any |= s->members[i].capacity_at != NULL;
	if (load && !any)
		FAULT(c, s, load,
		      "\"load\" is %" PRIu32 " but no member has a capacity; expected members such as "
		      "{ \"192.0.2.10\", capacity = 40 }", s->load);
	for (uint16_t i = 0; i < s->member_count && any; i++) {
		const struct conf_member *m = &s->members[i];

		if (m->at == told || !m->capacity_at == !load)
			continue; /* of a host's addresses one is enough */
		told = m->at;
		if (load)
			FAULT(c, s, m->at,
			      "member %s has no capacity, and \"load\" is %" PRIu32 "; expected one for every member",
			      addr_format(&m->addr, false, text), s->load);
		else
			FAULT(c, s, m->capacity_at,
			      "\"capacity\" where the service has no load; expected load = N, what the members that "
			      "are up must carry");
	}
	return load && any && !s->faulty;
}

/* A tier that cannot carry the load even when all are up would never serve. */
static void check_capacity(struct conf *c, struct conf_service *s)
{
	uint64_t carry[POLICY_TIERS_MAX][2] = {0};

	if ((was_written(s, "load") && !s->keys.v[SERVICE_LOAD]) || !check_declared(c, s))
		return; /* a faulty load, told */
	for (uint16_t i = 0; i < s->member_count; i++)
		carry[s->members[i].tier][s->members[i].addr.family == 6] += s->members[i].capacity;
	for (uint8_t t = 0; t < s->tier_count; t++)
		for (int f = 0; f < 2; f++)
			if (carry[t][f] > 0 && carry[t][f] < s->load)
				FAULT(c, s, s->keys.v[SERVICE_LOAD],
				      "tier %u can carry %" PRIu64 " of %" PRIu32 "%s, even with every member up; "
				      "expected a smaller load, or more capacity", t + 1u, carry[t][f], s->load,
				      !carry[t][!f] ? "" : f ? " (AAAA)" : " (A)");
}

/* Members by tier (the last: by all tiers) and family. */
struct tally { unsigned of[POLICY_TIERS_MAX + 1][2]; };

static struct tally count_members(const struct conf_service *s)
{
	struct tally t = {0};

	for (uint16_t i = 0; i < s->member_count; i++) {
		t.of[s->members[i].tier][s->members[i].addr.family == 6]++;
		t.of[POLICY_TIERS_MAX][s->members[i].addr.family == 6]++;
	}
	return t;
}

/* No fault: that is how a service is taken out of use for a while, and how one may be emptied by mistake. */
static void warn_if_drained(struct conf *c, const struct conf_service *s, const struct conf_value *at)
{
	for (uint16_t i = 0; i < s->member_count; i++)
		if (!s->members[i].drain)
			return;
	if (s->member_count > 0 && s->all_down != POLICY_ALL_DOWN_LIST)
		conf_warning(c, at, "every member of service \"%s\" is drained, so it has no address to answer with; "
			     "expected one that is not", s->name);
}

static void check_counts(struct conf *c, struct conf_service *s)
{
	const struct conf_value *at = s->keys.v[SERVICE_TIERS] ? s->keys.v[SERVICE_TIERS] : &s->block->table;
	struct tally t = count_members(s);

	warn_if_drained(c, s, at);
	for (uint8_t i = 0; i < s->tier_count; i++) {
		unsigned most = t.of[i][0] > t.of[i][1] ? t.of[i][0] : t.of[i][1];

		if (s->need > most && s->keys.v[SERVICE_NEED]) {
			FAULT(c, s, s->keys.v[SERVICE_NEED],
			      "\"need\" is %u but tier %u has only %u%s; expected at most that", s->need, i + 1, most,
			      t.of[i][0] && t.of[i][1] ? " of a family" : "");
			break;
		}
	}
	for (int i = 0; i <= POLICY_TIERS_MAX; i++)
		if ((i < POLICY_TIERS_MAX || s->all_down == POLICY_ALL_DOWN_ALL) &&
		    (t.of[i][0] > CONF_ANSWER_MAX || t.of[i][1] > CONF_ANSWER_MAX)) {
			FAULT(c, s, at, "more than %d members of one family %s; expected at most that, for a message holds no more",
			      CONF_ANSWER_MAX,
			      i < POLICY_TIERS_MAX ? "in one tier" : "in all tiers, which all_down = \"all\" answers");
			break;
		}
}

void conf_service_set_members(struct conf *c, struct conf_service *s, struct conf_members *m)
{
	s->members = m->count ? arena_copy(&c->arena, m->list, m->count * sizeof *m->list) : NULL;
	c->failed |= m->count && !s->members;
	s->member_count = s->members ? (uint16_t)m->count : 0;
	s->tier_count = 1;
}

bool conf_service_finish(struct conf *c, struct conf_service *s)
{
	if (s->faulty || s->absent)
		return !s->faulty;
	check_repeats(c, s);
	check_weights(c, s);
	check_counts(c, s);
	check_capacity(c, s);
	return !s->faulty;
}

/* ---- one service ---- */

static bool name_service(struct conf *c, struct conf_service *s)
{
	const char *name = s->block->name;
	uint8_t wire[NAME_WIRE_MAX];
	char text[NAME_TEXT_MAX];
	struct conf_service *first;
	int len = name_parse(wire, name, strlen(name), NULL, true);

	if (len < 0) {
		FAULT(c, s, &s->block->table, "\"%.300s\" is no owner name; expected %s", name,
		      len == ERR_LIMIT ? "labels of at most 63 octets and at most 255 in all" :
		      "a domain name such as \"www.example.test\"");
		return false;
	}
	s->name = arena_str(&c->arena, name_format(wire, text));
	s->owner = arena_copy(&c->arena, wire, (size_t)len);
	if (!s->name || !s->owner) {
		c->failed = true;
		return false;
	}
	first = table_find(&c->service_by_owner, wire, (size_t)len);
	if (first)
		FAULT(c, s, &s->block->table, "service \"%s\" is there twice, first at %s:%u; expected each name once", s->name,
		      first->block->source->path,
		      first->block->line);
	else if (table_add(&c->service_by_owner, wire, (size_t)len, s))
		c->failed = true;
	return !first;
}

static void place_in_zone(struct conf *c, struct conf_service *s)
{
	const char *near;

	s->zone = conf_zone_of(c, s->owner);
	if (s->zone != CONF_NO_ZONE) {
		s->next_in_zone = c->zones[s->zone].services;
		c->zones[s->zone].services = s;
		c->zones[s->zone].service_count++;
		return;
	}
	near = c->zone_count ? strchr(s->name, '.') : NULL;
	near = near ? conf_near_name(c, CONF_ZONE, near + 1) : NULL;
	FAULT(c, s, &s->block->table, "service \"%s\" is in none of the zones; expected a name in a zone%s%s%s",
	      s->name,
	      near ? "; did you mean one in \"" : "", near ? near : "", near ? "\"" : "");
}

static void read_keys(struct conf *c, struct conf_service *s)
{
	read_checks(c, s);
	read_tiers(c, s);
	read_need(c, s);
	read_removals(c, s);
	read_answer(c, s);
	read_all_down(c, s);
	read_failback(c, s);
	read_load(s);
	read_ttl(c, s);
}

static void build_service(struct conf *c, const struct conf_block *b, struct conf_service *s)
{
	s->block = b;
	s->zone = CONF_NO_ZONE;
	s->name = b->name;
	if (name_service(c, s))
		place_in_zone(c, s);
	conf_fields_check(c, SCHEMA_SERVICE, &b->table, false, &s->keys);
	s->faulty |= b->table.type != CONF_TABLE || s->keys.has_unknown;
	merge_pool(c, s);
	read_keys(c, s);
	if (s->tiered)
		(void)conf_service_finish(c, s);
}

/* A pool that no service uses is read all the same, so that its faults are not left for the day it is. */
static void try_pool(struct conf *c, const struct conf_block *b)
{
	const struct fields *f = table_find(&c->kinds[CONF_POOL].by_name, b->name, strlen(b->name));
	struct conf_service s = {.block = b, .name = b->name, .zone = CONF_NO_ZONE};

	if (!f || f->table != &b->table)
		return;
	s.keys = *f;
	if (s.keys.v[SERVICE_CHECK])
		read_checks(c, &s);
	read_tiers(c, &s);
	read_need(c, &s);
	read_removals(c, &s);
	read_answer(c, &s);
	read_all_down(c, &s);
	read_failback(c, &s);
	read_ttl(c, &s);
}

void conf_build_services(struct conf *c)
{
	const struct conf_blocks *list = &c->kinds[CONF_SERVICE];

	build_pools(c);
	for (size_t i = 0; i < c->kinds[CONF_POOL].count && !c->failed; i++)
		try_pool(c, c->kinds[CONF_POOL].list[i]);
	if (list->count > PLAN_SERVICES_MAX) {
		conf_fault(c, &list->list[PLAN_SERVICES_MAX]->table, "more than %d services; expected fewer", PLAN_SERVICES_MAX);
		return;
	}
	c->services = conf_alloc(c, list->count + 1, sizeof *c->services);
	for (size_t i = 0; c->services && i < list->count && !c->failed; i++, c->service_count++)
		build_service(c, list->list[i], &c->services[i]);
}
