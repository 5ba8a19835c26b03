/* A line parser that fills a plan; see plan_make.h for the language. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/hash.h"
#include "dns/name.h"
#include "health/witness.h"
#include "lib/plan_make.h"
#include "pair/pair.h"

#define STREAMS_MAX 4096
#define SERVICES_MAX 2048
#define CHECKS_MAX 16
#define MEMBERS_MAX 256
#define NEEDS_MAX 4096
#define WINDOWS_MAX 64

struct check { const char *name; struct health_timing timing; };
struct need_note { uint32_t service; int member; const char *name; }; /* member -1: of the service */
struct maker {
	struct plan *p;
	struct check checks[CHECKS_MAX];
	size_t check_count;
	uint32_t probes_max, per_target; /* 0 = as the configuration's default */
	bool away; /* the twins are on a real network */
	uint16_t nodes;
	uint8_t weights[3];
	bool witness; /* the last of them answers nobody */
	bool paths;   /* two addresses a peer */
	struct plan_stream *streams;
	struct plan_service *services;
	struct need_note needs[NEEDS_MAX];
	size_t need_count;
	struct plan_window *windows;
};

static void give_up(const char *what, const char *word)
{
	fprintf(stderr, "plan_make: %s: %s\n", what, word ? word : "(nothing)");
	abort();
}

static void *need(void *p)
{
	if (!p)
		give_up("memory", NULL);
	return p;
}

static const char *value_of(const char *word, const char *key)
{
	size_t n = strlen(key);
	return strncmp(word, key, n) == 0 && word[n] == '=' ? word + n + 1 : NULL;
}

static unsigned long number_of(const char *word, const char *key, unsigned long otherwise)
{
	const char *v = value_of(word, key);
	return v ? strtoul(v, NULL, 10) : otherwise;
}

static uint8_t agree_of(const char *word)
{
	static const char *const words[] = { "pair", "any-up", "any-down", "quorum", "local" };
	for (uint8_t i = 0; i < 5; i++) {
		if (strcmp(words[i], word) == 0)
			return i;
	}
	give_up("agree", word);
	return 0;
}

static void read_pair(struct maker *m, char **at)
{
	struct plan_pair *pair = &m->p->pair;
	char *word = strtok_r(NULL, " ", at);
	pair->present = true;
	m->nodes = 2;
	pair->name = "demo";
	pair->interval_ms = 200;
	pair->isolated = PLAN_ISOLATED_ANSWER;
	pair->agree = agree_of(word ? word : "any-up");
	while (word && (word = strtok_r(NULL, " ", at))) {
		m->away = m->away || strcmp(word, "away") == 0;
		m->witness = m->witness || strcmp(word, "witness") == 0;
		m->paths = m->paths || strcmp(word, "paths") == 0;
		m->nodes = m->witness || strcmp(word, "three") == 0 ? 3 : m->nodes;
		pair->isolated = strcmp(word, "servfail") == 0 ? PLAN_ISOLATED_SERVFAIL : pair->isolated;
		pair->share = pair->share || strcmp(word, "share") == 0;
		pair->quorum_pct = (uint8_t)number_of(word, "above", pair->quorum_pct);
		pair->quorum_least = (uint16_t)number_of(word, "least", pair->quorum_least);
		for (char i = 0; i < 3; i++)
			m->weights[(int)i] = (uint8_t)number_of(word, (char[]){ 'n', 's', (char)('1' + i), 0 }, m->weights[(int)i]);
	}
	for (size_t i = 0; i < sizeof pair->key; i++)
		pair->key[i] = (uint8_t)(i * 7 + 1);
}

static void read_check(struct maker *m, char **at)
{
	if (m->check_count == CHECKS_MAX)
		give_up("checks", NULL);
	struct check *c = &m->checks[m->check_count++];
	*c = (struct check){ .timing = { .interval_ms = 1000, .timeout_ms = 500, .retry_ms = 200, .fall = 3, .rise = 2 } };
	c->name = need(arena_str(&m->p->arena, strtok_r(NULL, " ", at)));
	for (char *w; (w = strtok_r(NULL, " ", at));) {
		c->timing.interval_ms = (uint32_t)number_of(w, "interval", c->timing.interval_ms);
		c->timing.timeout_ms = (uint32_t)number_of(w, "timeout", c->timing.timeout_ms);
		c->timing.retry_ms = (uint32_t)number_of(w, "retry", c->timing.retry_ms);
		c->timing.fall = (uint8_t)number_of(w, "fall", c->timing.fall);
		c->timing.rise = (uint8_t)number_of(w, "rise", c->timing.rise);
		c->timing.flap.suppress = (uint32_t)number_of(w, "suppress", c->timing.flap.suppress);
		c->timing.flap.half_life_ms = (uint32_t)number_of(w, "half_life", c->timing.flap.half_life_ms);
		c->timing.flap.hold = c->timing.flap.suppress > 0;
	}
}

uint64_t plan_make_key(const char *check, const struct addr *a)
{
	char text[128];
	char ip[ADDR_TEXT_MAX];
	int n = snprintf(text, sizeof text, "%s %s", check, addr_format(a, true, ip));
	return hash_bytes(&(struct hash_key){ { 1, 2 } }, text, (size_t)n);
}

static uint32_t stream_for(struct maker *m, const char *check, const struct addr *a, const char *owner,
			   const char *host)
{
	uint64_t key = plan_make_key(check, a);
	for (uint32_t i = 0; i < m->p->stream_count; i++) {
		if (m->streams[i].key == key)
			return i;
	}
	if (m->p->stream_count == STREAMS_MAX)
		give_up("streams", NULL);
	for (size_t i = 0; i < m->check_count; i++) {
		struct check *c = &m->checks[i];
		if (strcmp(c->name, check) != 0)
			continue;
		m->streams[m->p->stream_count] = (struct plan_stream){
			.key = key, .addr = *a, .timing = c->timing, .check = c->name, .owner = owner, .host = host };
		return m->p->stream_count++;
	}
	give_up("no such check", check);
	return 0;
}

static void fill_check(struct maker *m, struct plan_check *out, const char *checks, const struct addr *a,
		       const char *owner, const char *host)
{
	char text[128], *at = NULL;
	*out = (struct plan_check){ 0 };
	if (strcmp(checks, "-") == 0)
		return;
	snprintf(text, sizeof text, "%s", checks);
	for (char *w = strtok_r(text, "+|", &at); w; w = strtok_r(NULL, "+|", &at))
		out->streams[out->count++] = stream_for(m, w, a, owner, host);
	out->need = strchr(checks, '|') ? 1 : out->count;
}

static bool set_choice(struct plan_service *s, const char *w)
{
	static const char *const all_down[] = { "", "first", "all", "last", "none", "list" };
	static const char *const picks[] = { "", "rotate", "random", "weighted", "sticky" };
	const char *v;
	for (uint8_t i = 1; (v = value_of(w, "all_down")) && i < 6; i++)
		s->policy.all_down = strcmp(v, all_down[i]) == 0 ? i : s->policy.all_down;
	if (v)
		return true;
	for (uint8_t i = 1; (v = value_of(w, "pick")) && i < 5; i++)
		s->policy.pick = strcmp(v, picks[i]) == 0 ? i : s->policy.pick;
	if (v)
		return true;
	if ((v = value_of(w, "agree")))
		s->agree = agree_of(v);
	return v != NULL;
}

static bool set_option(struct plan_service *s, const char *w)
{
	const char *v;
	if ((v = value_of(w, "ttl")) && sscanf(v, "%u-%u", &s->policy.ttl_min_s, &s->policy.ttl_max_s) == 2)
		return true;
	if ((v = value_of(w, "need"))) {
		bool pct = strchr(v, '%') != NULL;
		s->policy.need = (uint16_t)(pct ? 0 : atoi(v));
		s->policy.need_pct = (uint8_t)(pct ? atoi(v) : 0);
		return true;
	}
	if ((v = value_of(w, "removals"))) {
		s->removals = (uint16_t)(strchr(v, '%') ? 0 : atoi(v));
		s->removals_pct = (uint8_t)(strchr(v, '%') ? atoi(v) : 0);
		return true;
	}
	if ((v = value_of(w, "initial")))
		s->policy.initial_up = strcmp(v, "up") == 0;
	else if ((v = value_of(w, "answer")))
		s->policy.answer_n = (uint16_t)atoi(v);
	else if ((v = value_of(w, "failback"))) /* ms */
		s->policy.failback_ms = strcmp(v, "manual") == 0 ? POLICY_FAILBACK_MANUAL : (uint32_t)atoi(v);
	else if ((v = value_of(w, "slow_start"))) /* ms */
		s->policy.slow_start_ms = (uint32_t)atoi(v);
	else if ((v = value_of(w, "load")))
		s->policy.load = (uint32_t)atoi(v);
	else if ((v = value_of(w, "couple")))
		s->policy.couple = atoi(v) != 0;
	return v != NULL || set_choice(s, w);
}

/* "127.0.0.11@ams1*3#40!": weight 3, capacity 40, drained. Cuts what stands behind the address and the host. */
static void take_marks(struct policy_member *member, char *word)
{
	char *mark = strpbrk(word, "*#!");
	member->weight = 1;
	if (!mark)
		return;
	member->drain = strchr(mark, '!') != NULL;
	if (*mark == '*')
		member->weight = (uint16_t)atoi(mark + 1);
	if (strchr(mark, '#'))
		member->capacity = (uint32_t)atoi(strchr(mark, '#') + 1);
	*mark = '\0';
}

static void read_fallback(struct maker *m, struct policy_service *s, char *list)
{
	struct addr *a = need(arena_array(&m->p->arena, MEMBERS_MAX, sizeof *a));
	char *at = NULL;
	for (char *w = strtok_r(list, ",", &at); w; w = strtok_r(NULL, ",", &at))
		if (addr_parse(&a[s->fallback_count++], w, strlen(w), 0) < 0)
			give_up("fallback", w);
	s->fallback = a;
}

/* Of the service that is read now; names are resolved when all are there. */
static void note_need(struct maker *m, int member, const char *name)
{
	if (m->need_count == NEEDS_MAX)
		give_up("needs", name);
	m->needs[m->need_count++] = (struct need_note){ m->p->service_count - 1, member, need(arena_str(&m->p->arena, name)) };
}

static uint32_t service_called(struct maker *m, const char *name)
{
	for (uint32_t i = 0; i < m->p->service_count; i++)
		if (strcmp(m->services[i].name, name) == 0)
			return i;
	give_up("no such service", name);
	return 0;
}

static void resolve_needs(struct maker *m)
{
	struct arena *a = &m->p->arena;
	for (size_t i = 0; i < m->need_count; i++) {
		struct plan_service *s = &m->services[m->needs[i].service];
		struct plan_needs *n = &s->needs;
		if (m->needs[i].member >= 0) {
			if (!s->member_needs)
				s->member_needs = need(arena_array(a, MEMBERS_MAX, sizeof *s->member_needs));
			n = (struct plan_needs *)(uintptr_t)&s->member_needs[m->needs[i].member];
		}
		if (!n->services)
			n->services = need(arena_array(a, PLAN_NEEDS_MAX, sizeof *n->services));
		((uint32_t *)(uintptr_t)n->services)[n->count++] = service_called(m, m->needs[i].name);
	}
}

static void add_member(struct maker *m, struct plan_service *s, struct policy_member *members,
		       struct plan_check *checks, const char **hosts, const char **sites,
		       const char *check, char *word, uint8_t tier)
{
	uint16_t i = s->policy.member_count;
	char *need_of = strchr(word, '^'); /* "127.0.0.11^db.example.test" */
	if (need_of) {
		*need_of++ = '\0';
		note_need(m, i, need_of);
	}
	take_marks(&members[i], word);
	char *host = strchr(word, '@');
	if (host)
		*host++ = '\0';
	if (i == MEMBERS_MAX || addr_parse(&members[i].addr, word, strlen(word), 0) < 0)
		give_up("member", word);
	members[i].tier = tier;
	char *site = host ? strchr(host, '%') : NULL; /* "@ams1%ams" */
	if (site)
		*site++ = '\0';
	sites[i] = site ? need(arena_str(&m->p->arena, site)) : NULL;
	hosts[i] = host ? need(arena_str(&m->p->arena, host)) : NULL;
	fill_check(m, &checks[i], check, &members[i].addr, s->name, hosts[i]);
	s->policy.member_count++;
}

static void read_service(struct maker *m, char **at)
{
	struct arena *a = &m->p->arena;
	if (m->p->service_count == SERVICES_MAX)
		give_up("services", NULL);
	struct plan_service *s = &m->services[m->p->service_count++];
	uint8_t wire[NAME_WIRE_MAX];
	s->name = need(arena_str(a, strtok_r(NULL, " ", at)));
	int n = name_parse(wire, s->name, strlen(s->name), NULL, true);
	if (n < 0)
		give_up("name", s->name);
	s->owner = need(arena_copy(a, wire, (size_t)n));
	s->policy = (struct policy_service){ .need = 1, .pick = POLICY_PICK_ROTATE, .all_down = POLICY_ALL_DOWN_FIRST,
					     .initial_up = true, .ttl_min_s = 10, .ttl_max_s = 60, .tier_count = 1 };
	const char *check = need(arena_str(a, strtok_r(NULL, " ", at)));
	struct policy_member members[MEMBERS_MAX] = { 0 };
	struct plan_check checks[MEMBERS_MAX] = { 0 };
	const char *hosts[MEMBERS_MAX] = { NULL }, *sites[MEMBERS_MAX] = { NULL };
	for (char *w; (w = strtok_r(NULL, " ", at));) {
		if (strcmp(w, "/") == 0)
			s->policy.tier_count++;
		else if (value_of(w, "fallback"))
			read_fallback(m, &s->policy, w + strlen("fallback="));
		else if (strncmp(w, "needs=", 6) == 0)
			note_need(m, -1, w + 6);
		else if (!strchr(w, '=') || !set_option(s, w))
			add_member(m, s, members, checks, hosts, sites, check, w, (uint8_t)(s->policy.tier_count - 1));
	}
	size_t n_members = s->policy.member_count;
	s->policy.members = need(arena_copy(a, members, n_members * sizeof *members));
	s->checks = need(arena_copy(a, checks, n_members * sizeof *checks));
	s->hosts = need(arena_copy(a, hosts, n_members * sizeof *hosts));
	s->sites = need(arena_copy(a, sites, n_members * sizeof *sites));
	s->file = "test.lua";
	s->line = m->p->service_count;
}

static const struct addr_block local = { { 4, { 127 }, 0 }, 8 };

static void add_nodes(const struct maker *m)
{
	static const struct addr peers[2][3][PLAN_PEER_ADDRS_MAX] = {
		{ { { 4, { 127, 0, 0, 1 }, 5401 }, { 4, { 127, 0, 0, 2 }, 5401 } },
		  { { 4, { 127, 0, 0, 1 }, 5402 }, { 4, { 127, 0, 0, 2 }, 5402 } },
		  { { 4, { 127, 0, 0, 1 }, 5403 }, { 4, { 127, 0, 0, 2 }, 5403 } } },
		{ { { 4, { 192, 0, 2, 1 }, 5401 }, { 4, { 192, 0, 2, 129 }, 5401 } },
		  { { 4, { 192, 0, 2, 2 }, 5402 }, { 4, { 192, 0, 2, 130 }, 5402 } },
		  { { 4, { 192, 0, 2, 3 }, 5403 }, { 4, { 192, 0, 2, 131 }, 5403 } } } };
	static const struct addr listen[3] = {
		{ 4, { 127, 0, 0, 1 }, 5301 }, { 4, { 127, 0, 0, 1 }, 5302 }, { 4, { 127, 0, 0, 1 }, 5303 } };
	static const char *const names[3] = { "ns1", "ns2", "ns3" };
	struct plan *p = m->p;
	struct plan_node *nodes = need(arena_array(&p->arena, 3, sizeof *nodes));
	p->node_count = p->pair.present ? m->nodes : 1;
	for (uint8_t i = 0; i < p->node_count; i++)
		nodes[i] = (struct plan_node){ .name = names[i], .id = p->pair.present ? (uint8_t)(i + 1) : 0,
			.listen = &listen[i], .listen_count = !(m->witness && i == 2), .peer = peers[m->away][i], .peer_count = !p->pair.present ? 0 : m->paths ? 2 : 1,
			.status_from = &local, .status_from_count = 1, .http_from = &local, .http_from_count = 1,
			.weight = m->weights[i], .probe_source = { { .family = 4, .ip = { 127, 0, 0, 9 } }, { .family = 6, .ip = { [15] = 1 } } }, .control = "run/ns.sock", .state = "run/ns" };
	p->nodes = nodes;
}

/* As conf/canaries.c does it; the check is "canary", so that back ends of tests are told apart by address. */
static void read_canary(struct maker *m, char **at)
{
	struct addr a;
	uint32_t least = UINT32_MAX;
	char *word = strtok_r(NULL, " ", at);
	if (!word || addr_parse(&a, word, strlen(word), 0) < 0)
		give_up("canary", word);
	for (uint32_t i = 0; i < m->p->stream_count && !m->streams[i].canary; i++)
		least = m->streams[i].timing.timeout_ms < least ? m->streams[i].timing.timeout_ms : least;
	uint32_t every = health_canary_every_ms(least);
	m->streams[m->p->stream_count++] = (struct plan_stream){ .key = plan_make_key("canary", &a), .addr = a, .check = "canary",
		.owner = "canary", .canary = true, .timing = { .interval_ms = every, .timeout_ms = health_canary_timeout_ms(every), .retry_ms = every,
								   .fall = 1, .rise = 1 } };
}

/* '_' for the spaces of a time. */
static const char *spaced(struct maker *m, const char *text)
{
	char *s = need(arena_str(&m->p->arena, text));
	for (char *p = s; (p = strchr(p, '_')); p++)
		*p = ' ';
	return s;
}

static void set_window(struct maker *m, struct plan_window *out, const char *w)
{
	const char *v;
	unsigned field;
	bool good = true;
	if ((v = value_of(w, "from")))
		good = calendar_time_parse(&out->from_ms, spaced(m, v)) == 0;
	else if ((v = value_of(w, "to")))
		good = calendar_time_parse(&out->to_ms, spaced(m, v)) == 0;
	else if ((v = value_of(w, "cron")))
		good = calendar_cron_parse(&out->when, out->cron = spaced(m, v), &field) == 0;
	else if ((v = value_of(w, "lasts")))
		out->lasts_ms = strtoul(v, NULL, 10);
	else
		good = (v = value_of(w, "state")) && strcmp(v, "down") == 0 && (out->force = POLICY_FORCE_DOWN);
	if (!good)
		give_up("window", w);
}

static void read_window(struct maker *m, char **at)
{
	struct arena *a = &m->p->arena;
	if (m->p->window_count == WINDOWS_MAX)
		give_up("windows", NULL);
	struct plan_window *out = &m->windows[m->p->window_count++];
	*out = (struct plan_window){ .force = POLICY_FORCE_DRAIN, .file = "test.lua", .line = m->p->window_count };
	out->name = need(arena_str(a, strtok_r(NULL, " ", at)));
	char *list = strtok_r(NULL, " ", at), *in = NULL;
	const char **what = need(arena_array(a, PLAN_WINDOW_WHAT_MAX, sizeof *what));
	for (char *w = strtok_r(list, ",", &in); w; w = strtok_r(NULL, ",", &in))
		what[out->what_count++] = need(arena_str(a, w));
	out->what = what;
	for (char *w; (w = strtok_r(NULL, " ", at));)
		set_window(m, out, w);
}

static void read_line(struct maker *m, char *line)
{
	char *at = NULL, *word = strtok_r(line, " \t", &at);
	if (!word)
		return;
	if (strcmp(word, "pair") == 0)
		read_pair(m, &at);
	else if (strcmp(word, "check") == 0)
		read_check(m, &at);
	else if (strcmp(word, "canary") == 0)
		read_canary(m, &at);
	else if (strcmp(word, "window") == 0)
		read_window(m, &at);
	else if (strcmp(word, "probes") == 0 && sscanf(at, "%u %u", &m->probes_max, &m->per_target) == 2)
		return;
	else if (strcmp(word, "service") == 0)
		read_service(m, &at);
	else
		give_up("line", word);
}

struct plan *plan_make(const char *text, uint16_t self)
{
	static const struct plan_script script = { "tcp", "lua/tcp.lua", "return function () return true end", 34, false };
	struct plan *p = need(plan_new());
	struct maker m = { .p = p, .weights = { 1, 1, 1 } };
	p->pair.quorum_pct = PAIR_QUORUM_ABOVE_PCT;
	p->pair.quorum_least = PAIR_QUORUM_LEAST;
	char *copy = need(arena_str(&p->arena, text)), *at = NULL;
	m.streams = need(calloc(STREAMS_MAX, sizeof *m.streams)); /* most plans are small, and there may be many */
	m.windows = need(arena_array(&p->arena, WINDOWS_MAX, sizeof *m.windows));
	p->windows = m.windows;
	m.services = need(calloc(SERVICES_MAX, sizeof *m.services));
	for (char *line = strtok_r(copy, "\n", &at); line; line = strtok_r(NULL, "\n", &at))
		read_line(&m, line);
	resolve_needs(&m);
	p->streams = p->stream_count ? need(arena_copy(&p->arena, m.streams, p->stream_count * sizeof *m.streams)) : NULL;
	p->services = p->service_count ? need(arena_copy(&p->arena, m.services, p->service_count * sizeof *m.services)) : NULL;
	free(m.streams);
	free(m.services);
	add_nodes(&m);
	p->scripts = &script;
	p->script_count = 1;
	p->self = self;
	p->generation = 1;
	p->digest = hash_bytes(&(struct hash_key){ { 3, 4 } }, text, strlen(text));
	p->file = "test.lua";
	p->limits = (struct plan_limits){ .udp_edns_max = 1232, .tcp_max = 100, .tcp_per_source = 25, .tcp_idle_ms = 30000,
		.cookies = PLAN_COOKIES_ON, .probes_max = m.probes_max ? m.probes_max : 8192,
		.probes_per_target = m.per_target ? m.per_target : 64,
		.rrl = { .per_s = 500, .window_ms = 15000, .table = 65536, .slip = 2, .exempt = &local, .exempt_count = 1 },
		.subnet_from = &local, .subnet_from_count = 1 };
	return p;
}

uint32_t plan_make_stream(const struct plan *p, const char *check, const char *address)
{
	struct addr a;
	if (addr_parse(&a, address, strlen(address), 0) < 0)
		give_up("address", address);
	uint64_t key = plan_make_key(check, &a);
	for (uint32_t i = 0; i < p->stream_count; i++) {
		if (p->streams[i].key == key)
			return i;
	}
	give_up("no such stream", address);
	return 0;
}
