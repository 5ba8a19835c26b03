/* Right configurations, and what they come to. */
#include "base/log.h"
#include "conf/conf.h"
#include "conf_help.h"
#include "script/script.h"
#include "unit.h"

static const struct hash_key key = {{7, 9}};

struct loaded {
	struct conf *c;
	struct plan *p;
	struct diags d;
};

static void load_as(struct loaded *l, const char *file, const char *node)
{
	diags_init(&l->d);
	l->p = NULL;
	ck_assert_int_eq(conf_load(&l->c, file, node, &l->d), 0);
	for (size_t i = 0; i < conf_zones(l->c); i++) {
		struct conf_zone_text t;
		struct zone *z;

		ck_assert_int_eq(conf_zone_read(l->c, i, &t, &l->d), 0);
		if (!conf_zone_compile(l->c, i, &t, &key, &z, &l->d))
			zone_free(z);
		conf_zone_text_deinit(&t);
	}
	(void)!conf_plan(l->c, 3, &l->p, &l->d);
}

static void tell(const struct diags *d)
{
	char line[1024];

	for (size_t i = 0; i < d->count; i++) {
		diag_format(&d->list[i], line, sizeof line);
		fprintf(stderr, "%s\n", line);
	}
}

static void load(struct loaded *l, const char *text)
{
	help_write("gemel.lua", text);
	load_as(l, "gemel.lua", NULL);
	if (l->d.errors)
		tell(&l->d);
	ck_assert_uint_eq(l->d.errors, 0);
	ck_assert_ptr_nonnull(l->p);
}

static void unload(struct loaded *l)
{
	plan_free(l->p);
	conf_free(l->c);
	diags_deinit(&l->d);
}

static void copy_in(const char *name, const char *as)
{
	char command[8192], *top = getenv("GEMEL_LUA_DIR");

	snprintf(command, sizeof command, "cp '%s/../tests/unit/%s' '%s'", top, name, as);
	ck_assert_int_eq(system(command), 0);
}

static void enter(void)
{
	help_enter();
	copy_in("conf_errors/example.test.zone", "example.test.zone");
}

static const struct plan_service *service(const struct loaded *l, const char *name)
{
	for (uint32_t i = 0; i < l->p->service_count; i++)
		if (!strcmp(l->p->services[i].name, name))
			return &l->p->services[i];
	ck_abort_msg("no service %s", name);
}

static const struct plan_stream *stream(const struct loaded *l, const char *name, unsigned member, unsigned check)
{
	return &l->p->streams[service(l, name)->checks[member].streams[check]];
}

static const struct plan_arg *arg(const struct plan_stream *s, const char *name)
{
	for (uint16_t i = 0; i < s->arg_count; i++)
		if (!strcmp(s->args[i].name, name))
			return &s->args[i];
	ck_abort_msg("no argument %s", name);
}

static const char *addr_text(const struct addr *a)
{
	static char text[4][ADDR_TEXT_MAX];
	static unsigned next;

	next = (next + 1) % 4;
	return addr_format(a, true, text[next]);
}

#define BASE \
	"node 'ns1' { listen = '127.0.0.1:5301' }\n" \
	"zone 'example.test' { file = 'example.test.zone' }\n" \
	"check 'web' { script = 'tcp', args = { port = 80 } }\n"

/* ---- the example of the product page, word for word ---- */

START_TEST(the_product_example_is_accepted)
{
	struct loaded l;

	enter();
	help_write("example.test.zone", "$TTL 300\n@ SOA ns1 h 1 2 3 4 5\n NS ns1\nns1 A 127.0.0.1\n");
	copy_in("conf_good/product.lua", "product.lua");
	load_as(&l, "product.lua", "ns2");
	tell(&l.d);
	ck_assert_uint_eq(l.d.errors, 0);
	ck_assert_uint_eq(l.d.warnings, 0);

	ck_assert_str_eq(l.p->nodes[l.p->self].name, "ns2");
	ck_assert_uint_eq(l.p->nodes[l.p->self].id, 2);
	ck_assert_str_eq(addr_text(&l.p->nodes[0].peer[0]), "127.0.0.1:5401");
	ck_assert_str_eq(addr_text(&l.p->nodes[0].http), "127.0.0.1:8051");
	ck_assert(l.p->pair.present);
	ck_assert_uint_eq(l.p->pair.interval_ms, 200);
	ck_assert_int_eq(l.p->pair.agree, POLICY_AGREE_ANY_UP);
	ck_assert_uint_eq(l.p->pair.key[31], 0x1f);
	ck_assert_uint_eq(l.p->service_count, 3);

	const struct policy_service *www = &service(&l, "www.example.test")->policy;
	ck_assert_uint_eq(www->member_count, 3);
	ck_assert_uint_eq(www->tier_count, 2);
	ck_assert_uint_eq(www->members[2].tier, 1);
	ck_assert_uint_eq(www->ttl_min_s, 10);
	ck_assert_uint_eq(www->ttl_max_s, 60);
	ck_assert_int_eq(www->pick, POLICY_PICK_ROTATE);
	ck_assert_int_eq(www->all_down, POLICY_ALL_DOWN_FIRST);
	ck_assert(www->initial_up);
	ck_assert_uint_eq(www->need, 1);

	const struct policy_service *dl = &service(&l, "dl.example.test")->policy;
	ck_assert_uint_eq(dl->answer_n, 1);
	ck_assert_int_eq(dl->pick, POLICY_PICK_WEIGHTED);
	ck_assert_uint_eq(dl->members[0].weight, 3);
	ck_assert_uint_eq(dl->members[1].weight, 1);

	const struct plan_service *shop = service(&l, "shop.example.test");
	ck_assert_uint_eq(shop->policy.member_count, 3);
	ck_assert(shop->policy.couple);
	ck_assert_str_eq(shop->hosts[0], "ams1");
	ck_assert_str_eq(addr_text(&shop->policy.members[1].addr), "::1");
	const struct plan_stream *s = stream(&l, "shop.example.test", 0, 0);
	ck_assert_str_eq(s->check, "web");
	ck_assert_str_eq(arg(s, "path")->string, "/shop");
	ck_assert_int_eq(arg(s, "expect")->integer, 200);
	ck_assert_str_eq(arg(s, "host")->string, "shop.example.test");
	ck_assert_uint_eq(s->timing.interval_ms, 1000);
	ck_assert_uint_eq(s->timing.timeout_ms, 500);
	ck_assert_uint_eq(s->timing.retry_ms, 200);
	unload(&l);
	help_leave();
}
END_TEST

/* ---- defaults ---- */

START_TEST(what_is_left_out_has_its_default)
{
	struct loaded l;
	char path[128];

	enter();
	load(&l, "node 'solo' { }\n"
		 "zone 'example.test' { file = 'example.test.zone' }\n"
		 "check 'c' { script = 'tcp', args = { port = 80 } }\n"
		 "service 'www.example.test' { check = 'c', tiers = { { '192.0.2.1' } } }\n");
	const struct plan_node *n = &l.p->nodes[0];
	ck_assert_uint_eq(n->listen_count, 2);
	ck_assert_str_eq(addr_text(&n->listen[0]), "0.0.0.0:53");
	ck_assert_str_eq(addr_text(&n->listen[1]), "[::]:53");
	ck_assert_str_eq(n->control, "/run/gemel/solo.sock");
	ck_assert_str_eq(n->state, "/var/lib/gemel/solo");
	ck_assert_uint_eq(n->status_from_count, 2);
	ck_assert_uint_eq(n->http_from_count, 2);
	ck_assert_uint_eq(n->http.family, 0);
	ck_assert_uint_eq(n->workers, 0);
	ck_assert_uint_eq(n->id, 0);
	ck_assert(!l.p->pair.present);
	ck_assert_uint_eq(l.p->limits.udp_edns_max, 1232);
	ck_assert_uint_eq(l.p->limits.cookies, PLAN_COOKIES_ON);
	const struct plan_stream *s = stream(&l, "www.example.test", 0, 0);
	ck_assert_uint_eq(s->timing.interval_ms, 5000);
	ck_assert_uint_eq(s->timing.timeout_ms, 2000);
	ck_assert_uint_eq(s->timing.fall, 3);
	ck_assert_uint_eq(s->timing.rise, 2);
	ck_assert_uint_eq(s->timing.retry_ms, 1000);
	ck_assert(!s->timing.flap.hold);
	ck_assert_uint_eq(s->timing.flap.suppress, 3000);
	ck_assert_uint_eq(s->timing.flap.reuse, 750);
	ck_assert_uint_eq(s->timing.flap.half_life_ms, 60000);
	ck_assert_uint_eq(l.p->generation, 3);
	unload(&l);

	load(&l, "node 'solo' { control = 'run/x.sock', state = 'run/x' }\nzone 'example.test' { file = "
		 "'example.test.zone' }\n");
	snprintf(path, sizeof path, "%s/run/x.sock", help_folder);
	ck_assert_str_eq(l.p->nodes[0].control, path);
	ck_assert_uint_eq(l.d.count, 0);
	unload(&l);
	help_leave();
}
END_TEST

/* Printed for people: the blanks between go. No text here has any inside. */
static void squeeze(char *s)
{
	char *to = s;

	for (; *s; s++)
		if (*s != ' ' && *s != '\n')
			*to++ = *s;
	*to = 0;
}

/* As --print tells them. */
START_TEST(limits)
{
#define RRL(rate, slip, window, exempt, table) \
	"\"rrl\":{\"rate\":" rate ",\"slip\":" slip ",\"window\":\"" window "\",\"exempt\":[" exempt "],\"table\":" table "}"
#define TCP(connections, per_source, idle) \
	"\"tcp\":{\"connections\":" connections ",\"per_source\":" per_source ",\"idle\":\"" idle "\"}"
#define LOOPBACK "\"127.0.0.0/8\",\"::1/128\""
	static const struct { const char *block, *expected; } cases[] = {
		{"", RRL("500", "2", "15s", LOOPBACK, "65536") "," TCP("256", "64", "30s") ",\"edns\":1232"},
		{"limits { rrl = false }", "\"rrl\":false," TCP("256", "64", "30s") ",\"edns\":1232"},
		{"limits { rrl = 7, tcp = 2 }", RRL("7", "2", "15s", LOOPBACK, "65536") "," TCP("2", "1", "30s") ",\"edns\":1232"},
		{"limits { tcp = { per_source = 9 } }", RRL("500", "2", "15s", LOOPBACK, "65536") "," TCP("256", "9", "30s") ",\"edns\":1232"},
		{"limits { rrl = { rate = 5, slip = 0, window = '1m', exempt = {}, table = 2048 },"
		 " tcp = { connections = 10, per_source = 10, idle = 5 }, edns = 4096 }",
		 RRL("5", "0", "1m", "", "2048") "," TCP("10", "10", "5s") ",\"edns\":4096"},
		{"limits { rrl = { exempt = '10.1.2.3/8' } }",
		 RRL("500", "2", "15s", "\"10.0.0.0/8\"", "65536") "," TCP("256", "64", "30s") ",\"edns\":1232"},
		{"", "\"client_subnet_from\":[" LOOPBACK ",\"10.0.0.0/8\",\"172.16.0.0/12\",\"192.168.0.0/16\",\"fc00::/7\"]"},
		{"limits { client_subnet_from = {} }", "\"client_subnet_from\":[]"},
		{"limits { client_subnet_from = { '198.51.100.7/24', '2001:db8::1' } }",
		 "\"client_subnet_from\":[\"198.51.100.0/24\",\"2001:db8::1/128\"]"},
	};
	struct loaded l;
	char text[1024];

	enter();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(text, sizeof text, "node 'solo' { control = 'run/x.sock', state = 'run/x' }\n"
			 "zone 'example.test' { file = 'example.test.zone' }\n%s\n", cases[i].block);
		load(&l, text);
		ck_assert_uint_eq(l.d.count, 0);
		struct bytes out;
		bytes_init(&out, 1 << 20);
		ck_assert_int_eq(conf_print(l.c, l.p, &out), 0);
		bytes_u8(&out, 0);
		squeeze((char *)out.data);
		ck_assert_msg(strstr((const char *)out.data, cases[i].expected) != NULL, "%s: expected %s in %s", cases[i].block,
			      cases[i].expected, (const char *)out.data);
		bytes_deinit(&out);
		unload(&l);
	}
	help_leave();
}
END_TEST

START_TEST(durations_are_seconds_or_text)
{
	static const struct { const char *text; uint32_t ms; } cases[] = {
		{"5", 5000}, {"0.25", 250}, {"'200ms'", 200}, {"'90s'", 90000}, {"'10m'", 600000}, {"'1h'", 3600000},
		{"'5'", 5000}};
	char text[512];
	struct loaded l;

	enter();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		snprintf(text, sizeof text, BASE "check 'x' { script = 'tcp', args = { port = 1 }, interval = %s }\n"
			 "service 'www.example.test' { check = 'x', tiers = { { '192.0.2.1' } } }\n", cases[i].text);
		load(&l, text);
		ck_assert_uint_eq(stream(&l, "www.example.test", 0, 0)->timing.interval_ms, cases[i].ms);
		ck_assert_uint_eq(stream(&l, "www.example.test", 0, 0)->timing.retry_ms,
				  cases[i].ms / 5 < 1000 ? cases[i].ms / 5 : 1000);
		unload(&l);
	}
	help_leave();
}
END_TEST

START_TEST(the_node_is_chosen_by_name_host_or_alone)
{
	char host[256], text[512];
	struct loaded l;

	enter();
	gethostname(host, sizeof host);
	host[strcspn(host, ".")] = 0;
	snprintf(text, sizeof text,
		 "node 'other' { id = 1 }\nnode '%s' { id = 2 }\nzone 'example.test' { file = 'example.test.zone' }\n",
		 host);
	load(&l, text);
	ck_assert_str_eq(l.p->nodes[l.p->self].name, host);
	unload(&l);
	load_as(&l, "gemel.lua", "other");
	ck_assert_str_eq(l.p->nodes[l.p->self].name, "other");
	ck_assert_str_eq(conf_node(l.c)->name, "other");
	unload(&l);
	help_leave();
}
END_TEST

/* ---- members ---- */

START_TEST(a_service_without_tiers_has_the_zones_addresses)
{
	struct loaded l;

	enter();
	help_write("example.test.zone", "$TTL 300\n@ SOA ns1 h 1 2 3 4 5\n NS ns1\nns1 A 127.0.0.1\n"
		   "shop 20 A 192.0.2.10\nshop 20 A 192.0.2.11\nshop 40 AAAA 2001:db8::1\nlow 5 A 192.0.2.1\n");
	load(&l, BASE "service 'SHOP.Example.test.' { check = 'web' }\nservice 'low.example.test' { check = 'web', removals = 2 }\n"
		 "service 'ttl.example.test' { check = 'web', tiers = { { '192.0.2.1' } }, ttl = { min = 2, max = '5s' "
		 "} }\n"
		 "service 'n.example.test' { check = 'web', need = '50%', failback = '1m', removals = '25%', tiers = { { '192.0.2.1' } }, ttl = { max = 4 "
		 "} }\n");
	const struct policy_service *shop = &service(&l, "shop.example.test")->policy;
	ck_assert_uint_eq(shop->member_count, 3);
	ck_assert_uint_eq(shop->tier_count, 1);
	ck_assert_uint_eq(shop->ttl_max_s, 20);
	ck_assert_uint_eq(shop->ttl_min_s, 10);
	ck_assert_uint_eq(service(&l, "low.example.test")->policy.ttl_max_s, 5);
	ck_assert_uint_eq(service(&l, "low.example.test")->policy.ttl_min_s, 5);
	ck_assert_uint_eq(service(&l, "ttl.example.test")->policy.ttl_min_s, 2);
	ck_assert_uint_eq(service(&l, "ttl.example.test")->policy.ttl_max_s, 5);
	ck_assert_uint_eq(service(&l, "n.example.test")->policy.ttl_min_s, 4);
	ck_assert_uint_eq(service(&l, "n.example.test")->policy.need_pct, 50);
	ck_assert_uint_eq(service(&l, "n.example.test")->policy.failback_ms, 60000);
	ck_assert_uint_eq(shop->failback_ms, 0);
	ck_assert_uint_eq(service(&l, "n.example.test")->removals_pct, 25);
	ck_assert_uint_eq(service(&l, "n.example.test")->removals, 0);
	ck_assert_uint_eq(service(&l, "low.example.test")->removals, 2);
	ck_assert_uint_eq(service(&l, "shop.example.test")->removals, 0);
	ck_assert_uint_eq(service(&l, "shop.example.test")->removals_pct, 0);
	ck_assert_uint_eq(service(&l, "n.example.test")->policy.need, 0);
	ck_assert_uint_eq(service(&l, "shop.example.test")->owner[0], 4);
	unload(&l);
	help_leave();
}
END_TEST

static void with_quorum(struct loaded *l, const char *weight, const char *pair, const char *service)
{
	char text[1024];

	snprintf(text, sizeof text, "node 'ns1' { id = 1, listen = '127.0.0.1:5301', peer = '127.0.0.1:5401' %s }\n"
		 "node 'ns2' { id = 2, listen = '127.0.0.1:5302', peer = '127.0.0.1:5402' }\n"
		 "pair { name = 'a', key = 'pair.key' %s }\nzone 'example.test' { file = 'example.test.zone' }\n"
		 "check 'web' { script = 'tcp', args = { port = 80 } }\n"
		 "service 'www.example.test' { check = 'web', tiers = { { '192.0.2.1' } } %s }\n", weight, pair, service);
	help_write("gemel.lua", text);
	load_as(l, "gemel.lua", "ns1");
	tell(&l->d);
	ck_assert_uint_eq(l->d.errors + l->d.warnings, 0);
}

START_TEST(a_quorum_reaches_the_plan)
{
	struct loaded l;
	uint64_t plain;

	enter();
	with_quorum(&l, "", ", agree = 'quorum'", "");
	ck_assert_uint_eq(l.p->pair.quorum_pct, 50);
	ck_assert_uint_eq(l.p->pair.quorum_least, 1);
	ck_assert_uint_eq(l.p->nodes[0].weight, 1);
	plain = plan_part_digest(l.p, PLAN_PART_PAIR);
	unload(&l);
	with_quorum(&l, "", ", agree = 'quorum', quorum = { above = '50%', least = 1 }", ""); /* as ever: the same to the twin */
	ck_assert_uint_eq(plan_part_digest(l.p, PLAN_PART_PAIR), plain);
	unload(&l);
	with_quorum(&l, "", ", agree = 'quorum', isolated = 'answer'", "");
	ck_assert_uint_eq(plan_part_digest(l.p, PLAN_PART_PAIR), plain);
	ck_assert_uint_eq(l.p->pair.isolated, PLAN_ISOLATED_ANSWER);
	unload(&l);
	with_quorum(&l, "", ", agree = 'quorum', isolated = 'servfail'", "");
	ck_assert_uint_ne(plan_part_digest(l.p, PLAN_PART_PAIR), plain);
	ck_assert_uint_eq(l.p->pair.isolated, PLAN_ISOLATED_SERVFAIL);
	unload(&l);
	with_quorum(&l, ", weight = 0", ", agree = 'quorum'", "");
	ck_assert_uint_eq(l.p->nodes[0].weight, 0);
	ck_assert_uint_eq(l.p->nodes[1].weight, 1);
	ck_assert_uint_ne(plan_part_digest(l.p, PLAN_PART_PAIR), plain);
	unload(&l);
	with_quorum(&l, ", weight = 3", ", quorum = { above = '66%', least = 4 }", ", agree = 'quorum'"); /* of a service alone */
	ck_assert_uint_eq(l.p->nodes[0].weight, 3);
	ck_assert_uint_eq(l.p->pair.quorum_pct, 66);
	ck_assert_uint_eq(l.p->pair.quorum_least, 4);
	ck_assert_uint_ne(plan_part_digest(l.p, PLAN_PART_PAIR), plain);
	unload(&l);
	help_leave();
}
END_TEST

START_TEST(every_agree_and_pick_reaches_the_plan)
{
	static const struct { const char *word; uint8_t agree; } agrees[] = {
		{ "any-up", POLICY_AGREE_ANY_UP }, { "any-down", POLICY_AGREE_ANY_DOWN },
		{ "quorum", POLICY_AGREE_QUORUM }, { "local", POLICY_AGREE_LOCAL } };
	static const struct { const char *word; uint8_t pick; } picks[] = {
		{ "rotate", POLICY_PICK_ROTATE }, { "random", POLICY_PICK_RANDOM },
		{ "weighted", POLICY_PICK_WEIGHTED }, { "sticky", POLICY_PICK_STICKY } };

	enter();
	for (int i = 0; i < 4; i++) {
		struct loaded l;
		char text[1024];

		snprintf(text, sizeof text, BASE "pool 'p' { check = 'web', tiers = { { '192.0.2.1' } }, agree = '%s', pick = '%s' }\n"
			 "service 'www.example.test' { pool = 'p' }\nservice 'n.example.test' { pool = 'p', agree = 'local' }\n"
			 "service 'low.example.test' { check = 'web', tiers = { { '192.0.2.1' } } }\n",
			 agrees[i].word, picks[i].word);
		load(&l, text);
		ck_assert_uint_eq(l.d.warnings, 0);
		ck_assert_int_eq(service(&l, "www.example.test")->agree, agrees[i].agree);
		ck_assert_int_eq(service(&l, "www.example.test")->policy.pick, picks[i].pick);
		ck_assert_int_eq(service(&l, "n.example.test")->agree, POLICY_AGREE_LOCAL);
		ck_assert_int_eq(service(&l, "low.example.test")->agree, POLICY_AGREE_PAIR);
		unload(&l);
	}
	help_leave();
}
END_TEST

/* By index, whatever the order of the file; of the pool, of the service instead, and of members on top. */
START_TEST(needs_reach_the_plan)
{
	struct loaded l, less;
	struct bytes out;

	enter();
	load(&l, BASE "host 'a1' { '192.0.2.1', '2001:db8::1' }\npool 'p' { check = 'web', tiers = { { 'a1' } }, needs = 'db.example.test' }\n"
	     "service 'www.example.test' { pool = 'p' }\n"
	     "service 'own.example.test' { pool = 'p', needs = { 'WWW.example.test.', 'db.example.test' } }\n"
	     "service 'm.example.test' { check = 'web', tiers = { { { 'a1', needs = 'db.example.test' }, '192.0.2.2' } } }\n"
	     "service 'db.example.test' { check = 'web', tiers = { { '192.0.2.5' } } }\n");
	ck_assert_uint_eq(l.d.count, 0);
	const struct plan_service *www = service(&l, "www.example.test"), *own = service(&l, "own.example.test");
	const struct plan_service *m = service(&l, "m.example.test"), *db = service(&l, "db.example.test");
	ck_assert_uint_eq(www->needs.count, 1);
	ck_assert_ptr_eq(&l.p->services[www->needs.services[0]], db);
	ck_assert_ptr_null(www->member_needs);
	ck_assert_uint_eq(own->needs.count, 2);
	ck_assert_ptr_eq(&l.p->services[own->needs.services[0]], www);
	ck_assert_uint_eq(m->needs.count, 0);
	ck_assert_uint_eq(m->member_needs[0].count, 1);
	ck_assert_ptr_eq(&l.p->services[m->member_needs[1].services[0]], db);
	ck_assert_uint_eq(m->member_needs[2].count, 0);
	bytes_init(&out, 1 << 20);
	ck_assert_int_eq(conf_print(l.c, l.p, &out), 0);
	bytes_u8(&out, 0);
	ck_assert_ptr_nonnull(strstr((char *)out.data, "\"needs\": [\n        \"www.example.test\",\n        \"db.example.test\"\n"));
	bytes_deinit(&out);
	load(&less, BASE "host 'a1' { '192.0.2.1', '2001:db8::1' }\npool 'p' { check = 'web', tiers = { { 'a1' } } }\n"
	     "service 'www.example.test' { pool = 'p' }\nservice 'own.example.test' { pool = 'p' }\n"
	     "service 'm.example.test' { check = 'web', tiers = { { { 'a1' }, '192.0.2.2' } } }\n"
	     "service 'db.example.test' { check = 'web', tiers = { { '192.0.2.5' } } }\n");
	ck_assert_uint_ne(less.p->digest, l.p->digest);
	unload(&less);
	unload(&l);
	help_leave();
}
END_TEST

START_TEST(windows_reach_the_plan)
{
#define WINDOWED BASE "host 'a1' { '192.0.2.1', site = 'AMS' }\nservice 'www.example.test' { check = 'web', tiers = { { 'a1', '192.0.2.2' } } }\n"
	struct loaded l, other;
	struct bytes out;

	enter();
	load(&l, WINDOWED "maintenance 'kernel update' { what = 'A1', from = '2026-12-01 22:00', to = '2026-12-02T02:00:00Z' }\n"
	     "maintenance 'weekly' { what = { 'site:AMS', 'WWW.example.test.' }, cron = '0 3 * * sun', lasts = '2h', state = 'down' }\n");
	ck_assert_uint_eq(l.d.count, 0);
	ck_assert_uint_eq(l.p->window_count, 2);
	const struct plan_window *once = &l.p->windows[0], *weekly = &l.p->windows[1];
	ck_assert_str_eq(once->name, "kernel update");
	ck_assert_str_eq(once->what[0], "a1");
	ck_assert_uint_eq(once->force, POLICY_FORCE_DRAIN);
	ck_assert_uint_eq(once->from_ms, 1796162400000u);
	ck_assert_uint_eq(once->to_ms - once->from_ms, 4 * 3600000u);
	ck_assert_ptr_null(once->cron);
	ck_assert_uint_eq(weekly->what_count, 2);
	ck_assert_str_eq(weekly->what[0], "site:ams");
	ck_assert_str_eq(weekly->what[1], "www.example.test");
	ck_assert_str_eq(weekly->cron, "0 3 * * sun");
	ck_assert_uint_eq(weekly->lasts_ms, 7200000);
	ck_assert_uint_eq(weekly->force, POLICY_FORCE_DOWN);
	ck_assert_uint_gt(weekly->line, once->line);
	bytes_init(&out, 1 << 20);
	ck_assert_int_eq(conf_print(l.c, l.p, &out), 0);
	bytes_u8(&out, 0);
	ck_assert_ptr_nonnull(strstr((char *)out.data, "\"name\": \"weekly\""));
	ck_assert_ptr_nonnull(strstr((char *)out.data, "\"cron\": \"0 3 * * sun\""));
	ck_assert_ptr_nonnull(strstr((char *)out.data, "\"state\": \"drain\""));
	bytes_deinit(&out);
	load(&other, WINDOWED "maintenance 'kernel update' { what = 'A1', from = '2026-12-01 22:00', to = '2026-12-02T02:00:01Z' }\n"
	     "maintenance 'weekly' { what = { 'site:AMS', 'WWW.example.test.' }, cron = '0 3 * * sun', lasts = '2h', state = 'down' }\n");
	ck_assert_uint_ne(other.p->digest, l.p->digest); /* twins must open the same */
	unload(&other);
	unload(&l);
	help_leave();
}
END_TEST

START_TEST(members_are_addresses_hosts_sites_and_tables)
{
	struct loaded l;

	enter();
	load(&l, BASE "host 'a1' { '192.0.2.1', '2001:db8::1', site = 'ams' }\nhost 'a2' { '192.0.2.2', site = 'ams' "
		      "}\n"
		 "host 'f1' { '192.0.2.3', site = 'fra' }\n"
		 "service 'www.example.test' { check = 'web', pick = 'weighted', all_down = { '192.0.2.99', 'f1' }, "
		 "tiers = {\n"
		 "  { 'site:ams' },\n"
		 "  { 'f1', { '192.0.2.4', weight = 7, drain = true, probe = '10.0.0.4:8443' } } } }\n");
	const struct plan_service *s = service(&l, "www.example.test");
	ck_assert_uint_eq(s->policy.member_count, 5);
	ck_assert_str_eq(s->hosts[0], "a1");
	ck_assert_str_eq(s->hosts[2], "a2");
	ck_assert_str_eq(s->hosts[3], "f1");
	ck_assert_ptr_null(s->hosts[4]);
	ck_assert_str_eq(s->sites[0], "ams");
	ck_assert_ptr_null(s->sites[4]);
	ck_assert_uint_eq(s->policy.members[4].weight, 7);
	ck_assert(s->policy.members[4].drain);
	ck_assert_int_eq(s->policy.all_down, POLICY_ALL_DOWN_LIST);
	ck_assert_uint_eq(s->policy.fallback_count, 2);
	ck_assert_str_eq(addr_text(&s->policy.fallback[1]), "192.0.2.3");
	const struct plan_stream *probe = stream(&l, "www.example.test", 4, 0);
	ck_assert_str_eq(addr_text(&probe->addr), "10.0.0.4:8443");
	ck_assert_int_eq(arg(probe, "port")->integer, 8443);
	ck_assert_int_eq(arg(stream(&l, "www.example.test", 3, 0), "port")->integer, 80);
	unload(&l);
	help_leave();
}
END_TEST

/* A check's hold for flapping is read, inherited, printed, and the twins'; without it the bounds are nobody's decision. */
START_TEST(holds_for_flapping)
{
	static const struct { const char *flap; bool hold; uint32_t suppress, reuse, half_life_ms; const char *printed; } rows[] = {
		{ "", false, 3000, 750, 60000, "\"flap\": false" },
		{ "flap = true", true, 3000, 750, 60000, "\"suppress\": 3000," },
		{ "flap = {}", true, 3000, 750, 60000, NULL },
		{ "flap = { suppress = 2000, reuse = 1999, half_life = '30s' }", true, 2000, 1999, 30000, NULL },
		{ "flap = { suppress = 3000, half_life = 3600 }", true, 3000, 750, 3600000, NULL },
		{ "flap = false", false, 3000, 750, 60000, "\"flap\": false" },
	};
	uint64_t digests[6];

	enter();
	for (size_t i = 0; i < 6; i++) {
		struct loaded l;
		char text[1000];

		snprintf(text, sizeof text, BASE "check 'f' { script = 'tcp', args = { port = 1 }%s %s }\n"
			 "service 'www.example.test' { check = { use = 'f', fall = 4 }, tiers = { { '192.0.2.1' } } }\n",
			 *rows[i].flap ? "," : "", rows[i].flap);
		load(&l, text);
		const struct health_flap_rule *r = &stream(&l, "www.example.test", 0, 0)->timing.flap;
		ck_assert_msg(r->hold == rows[i].hold && r->suppress == rows[i].suppress && r->reuse == rows[i].reuse &&
			      r->half_life_ms == rows[i].half_life_ms, "%s", rows[i].flap);
		digests[i] = l.p->digest;
		struct bytes out;
		bytes_init(&out, 65536);
		ck_assert_int_eq(conf_print(l.c, l.p, &out), 0);
		bytes_u8(&out, 0);
		ck_assert_msg(!rows[i].printed || strstr((const char *)out.data, rows[i].printed), "%s: %s", rows[i].flap, (const char *)out.data);
		bytes_deinit(&out);
		unload(&l);
	}
	for (size_t i = 0; i < 5; i++)
		ck_assert_msg((digests[i] == digests[i + 1]) == (i == 1), "%s and the next", rows[i].flap);
	ck_assert_uint_eq(digests[0], digests[5]);
	help_leave();
}
END_TEST

/* Every one of them counts for what is published: twins that differ in it must know. */
START_TEST(slow_start_load_and_capacity_reach_the_plan)
{
	static const char *const services[] = {
		"{ check = 'web', pick = 'weighted', tiers = { { { '192.0.2.1', capacity = 40 } } }, load = 30 }",
		"{ check = 'web', pick = 'weighted', tiers = { { { '192.0.2.1', capacity = 41 } } }, load = 30 }",
		"{ check = 'web', pick = 'weighted', tiers = { { { '192.0.2.1', capacity = 40 } } }, load = 31 }",
		"{ check = 'web', pick = 'weighted', tiers = { { { '192.0.2.1', capacity = 40 } } }, load = 30, slow_start = '90s' }",
		"{ check = 'web', pick = 'sticky', pool = 'p', load = 30 }" };
	uint64_t digests[5];
	char text[2000];

	enter();
	for (size_t i = 0; i < 5; i++) {
		struct loaded l;

		snprintf(text, sizeof text, BASE "host 'a1' { '192.0.2.1', '2001:db8::1' }\n"
			 "pool 'p' { tiers = { { { 'a1', capacity = 40 } } }, slow_start = '90s', load = 20 }\n"
			 "service 'www.example.test' %s\n", services[i]);
		load(&l, text);
		const struct policy_service *s = &service(&l, "www.example.test")->policy;
		ck_assert_uint_eq(s->members[0].capacity, i == 1 ? 41 : 40);
		ck_assert_uint_eq(s->members[s->member_count - 1].capacity, i == 1 ? 41 : 40); /* each address of a host */
		ck_assert_uint_eq(s->load, i == 2 ? 31 : 30);
		ck_assert_uint_eq(s->slow_start_ms, i >= 3 ? 90000 : 0);
		digests[i] = l.p->digest;
		for (size_t k = 0; k < i; k++)
			ck_assert_uint_ne(digests[i], digests[k]);
		unload(&l);
	}
	help_leave();
}
END_TEST

/* ---- streams ---- */

START_TEST(one_stream_for_one_question)
{
	struct loaded l;

	enter();
	load(&l, BASE "check 'again' { script = 'tcp', args = { port = 80 } }\n"
		 "service 'a.example.test' { check = 'web', tiers = { { '192.0.2.1', '192.0.2.2' } } }\n"
		 "service 'b.example.test' { check = 'again', tiers = { { '192.0.2.1' } } }\n"
		 "service 'c.example.test' { check = { use = 'web', args = { port = 81 } }, tiers = { { '192.0.2.1' } "
		 "} }\n"
		 "service 'd.example.test' { check = atleast(2, { 'web', { script = 'tcp', args = { port = 81 } }, { "
		 "use = 'web', args = { port = 82 } } }),\n"
		 "  tiers = { { '192.0.2.1' } } }\n");
	ck_assert_uint_eq(l.d.count, 0);
	ck_assert_uint_eq(l.p->stream_count, 4);
	ck_assert_ptr_eq(stream(&l, "a.example.test", 0, 0), stream(&l, "b.example.test", 0, 0));
	ck_assert_ptr_ne(stream(&l, "a.example.test", 0, 0), stream(&l, "a.example.test", 1, 0));
	ck_assert_ptr_eq(stream(&l, "c.example.test", 0, 0), stream(&l, "d.example.test", 0, 1));
	ck_assert_ptr_eq(stream(&l, "a.example.test", 0, 0), stream(&l, "d.example.test", 0, 0));
	ck_assert_uint_eq(service(&l, "d.example.test")->checks[0].need, 2);
	ck_assert_uint_eq(service(&l, "d.example.test")->checks[0].count, 3);
	ck_assert_uint_eq(service(&l, "a.example.test")->checks[0].need, 1);
	ck_assert_uint_eq(l.p->script_count, 1);
	ck_assert_str_eq(l.p->scripts[0].name, "tcp");
	ck_assert_uint_gt(l.p->scripts[0].text_len, 100);
	unload(&l);
	help_leave();
}
END_TEST

START_TEST(keys_do_not_depend_on_order_or_timing)
{
	struct loaded a, b;

	enter();
	load(&a, BASE "service 'a.example.test' { check = 'web', tiers = { { '192.0.2.1', '192.0.2.2' } } }\n");
	load(&b, BASE "check 'first' { script = 'http', args = { path = '/', port = 1 } }\n"
		 "service 'z.example.test' { check = all { 'first', 'web' }, tiers = { { '192.0.2.9' } } }\n"
		 "service 'a.example.test' { check = { use = 'web', interval = '1s' }, tiers = { { '192.0.2.2', "
		 "'192.0.2.1' } } }\n");
	ck_assert_uint_eq(stream(&a, "a.example.test", 0, 0)->key, stream(&b, "a.example.test", 1, 0)->key);
	ck_assert_uint_eq(stream(&a, "a.example.test", 1, 0)->key, stream(&b, "a.example.test", 0, 0)->key);
	ck_assert_uint_ne(stream(&a, "a.example.test", 1, 0)->key, stream(&a, "a.example.test", 0, 0)->key);
	ck_assert_uint_ne(a.p->digest, b.p->digest);
	unload(&a);
	unload(&b);
	help_leave();
}
END_TEST

START_TEST(twins_have_one_digest)
{
#define TWINS(listen, need) \
	"node 'a' { id = 1, peer = '127.0.0.1:5401', listen = '" listen "' }\n" \
	"node 'b' { id = 2, peer = '127.0.0.1:5402' }\n" \
	"pair { name = 'p', key = 'pair.key' }\nzone 'example.test' { file = 'example.test.zone' }\n" \
	"check 'web' { script = 'tcp', args = { port = 80 } }\n" \
	"service 'w.example.test' { check = 'web', tiers = { { '192.0.2.1', '192.0.2.2' } }, need = " need " }\n"
	struct loaded a, b, moved, other, bound;

	enter();
	help_write("gemel.lua", TWINS("127.0.0.1:53", "1"));
	load_as(&a, "gemel.lua", "a");
	load_as(&b, "gemel.lua", "b");
	help_write("moved.lua", TWINS("127.0.0.1:54", "1"));
	load_as(&moved, "moved.lua", "a");
	help_write("other.lua", TWINS("127.0.0.1:53", "2"));
	load_as(&other, "other.lua", "a");
	help_write("bound.lua", TWINS("127.0.0.1:53", "1, removals = 1"));
	load_as(&bound, "bound.lua", "a");
	ck_assert_ptr_nonnull(a.p);
	ck_assert_uint_eq(a.p->digest, b.p->digest);
	ck_assert_uint_eq(a.p->digest, moved.p->digest);
	ck_assert_uint_ne(a.p->digest, other.p->digest);
	ck_assert_uint_ne(a.p->digest, bound.p->digest);
	unload(&a);
	unload(&b);
	unload(&moved);
	unload(&other);
	unload(&bound);
	help_leave();
}
END_TEST

/* Votes on one probe meet by its key, whatever each node asks. */
START_TEST(twins_probe_where_each_is_told)
{
#define PROBED(check, probe) \
	"node 'a' { id = 1, peer = '127.0.0.1:5401' }\nnode 'b' { id = 2, peer = '127.0.0.1:5402' }\n" \
	"pair { name = 'p', key = 'pair.key' }\nzone 'example.test' { file = 'example.test.zone' }\n" \
	"check 'web' { script = 'tcp', args = {" check "} }\n" \
	"service 'w.example.test' { check = 'web', tiers = { { { '192.0.2.1', probe = " probe " }, '192.0.2.2' } } }\n"
	static const struct { const char *text, *a, *b; int port_a, port_b; } rows[] = {
		{PROBED("port = 80", "'10.0.0.1:81'"), "10.0.0.1:81", "10.0.0.1:81", 81, 81},
		{PROBED("port = 80", "{ a = '10.0.0.1:81', b = '10.1.0.1' }"), "10.0.0.1:81", "10.1.0.1", 81, 80},
		{PROBED("port = 80", "{ b = '10.1.0.1:82', a = '10.0.0.1:81' }"), "10.0.0.1:81", "10.1.0.1:82", 81, 82},
		{PROBED("port = 80", "{ b = '[2001:db8::1]:82' }"), "192.0.2.1", "[2001:db8::1]:82", 80, 82},
	};
	uint64_t keys[sizeof rows / sizeof *rows], digests[sizeof rows / sizeof *rows];
	char text[ADDR_TEXT_MAX];

	enter();
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct loaded a, b;
		help_write("gemel.lua", rows[i].text);
		load_as(&a, "gemel.lua", "a");
		load_as(&b, "gemel.lua", "b");
		const struct plan_stream *sa = stream(&a, "w.example.test", 0, 0), *sb = stream(&b, "w.example.test", 0, 0);
		ck_assert_str_eq(addr_format(&sa->addr, true, text), rows[i].a);
		ck_assert_str_eq(addr_format(&sb->addr, true, text), rows[i].b);
		ck_assert_int_eq(sa->args[0].integer, rows[i].port_a);
		ck_assert_int_eq(sb->args[0].integer, rows[i].port_b);
		ck_assert_uint_eq(sa->key, sb->key);
		ck_assert_uint_ne(sa->key, stream(&a, "w.example.test", 1, 0)->key);
		ck_assert_uint_eq(a.p->digest, b.p->digest);
		keys[i] = sa->key;
		digests[i] = a.p->digest;
		for (size_t k = 0; k < i; k++)
			ck_assert((i == k) == (keys[i] == keys[k]) && digests[i] != digests[k]);
		unload(&a);
		unload(&b);
	}
	help_leave();
}
END_TEST

/* ---- the language ---- */

START_TEST(loops_and_modules_make_services_in_order)
{
	static const char *const names[] = {"ams1", "ams2", "ams3", "fra1", "fra2", "fra3", "1-1_5-2-10-b-a-z", "ac"};
	char want[128];
	struct loaded l;

	enter();
	copy_in("conf_good/loops.lua", "loops.lua");
	copy_in("conf_good/lib.lua", "lib.lua");
	load_as(&l, "loops.lua", NULL);
	tell(&l.d);
	ck_assert_uint_eq(l.d.count, 0);
	ck_assert_uint_eq(l.p->service_count, sizeof names / sizeof *names);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(want, sizeof want, "%s.example.test", names[i]);
		ck_assert_str_eq(l.p->services[i].name, want);
	}
	ck_assert_str_eq(l.p->nodes[0].nsid, "here");
	ck_assert_uint_eq(l.p->nodes[0].workers, 2);
	ck_assert_int_eq(l.p->nodes[0].log_form, LOG_JSON);
	ck_assert_int_eq(l.p->nodes[0].log_level, LOG_LEVEL_DEBUG);
	ck_assert_uint_eq(l.p->nodes[0].query_log, 100);
	ck_assert_str_eq(strrchr(l.p->nodes[0].dnstap, '/') - 4, "/run/dnstap.sock");
	ck_assert_int_eq(l.p->nodes[0].dnstap[0], '/');
	ck_assert_uint_eq(stream(&l, "ams1.example.test", 0, 0)->timing.timeout_ms, 1500);
	ck_assert_uint_eq(service(&l, "fra2.example.test")->line, 11);
	unload(&l);
	help_leave();
}
END_TEST

#define CERTIFICATE "text before\n-----BEGIN CERTIFICATE-----\r\nAAAA\r\nBBB=\r\n-----END CERTIFICATE-----\r\n"
#define KEY "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n"

/* The prober opens no file: what a check names is read with the configuration, once for all who name it. */
START_TEST(files_that_checks_name_come_with_the_plan)
{
	const struct plan_arg *a;
	struct loaded l;

	enter();
	help_write("ca.pem", CERTIFICATE CERTIFICATE);
	help_write("own.pem", CERTIFICATE KEY);
	load(&l, "node 'n' { }\nzone 'example.test' { file = 'example.test.zone' }\n"
		 "check 'c' { script = 'http', args = { tls = true, ca = 'ca.pem', cert = 'own.pem', key = 'own.pem' } }\n"
		 "check 'd' { script = 'tls', args = { ca = 'ca.pem' } }\n"
		 "service 'a.example.test' { check = 'c', tiers = { { '192.0.2.1', '192.0.2.2' } } }\n"
		 "service 'b.example.test' { check = 'd', tiers = { { '192.0.2.1' } } }\n");
	tell(&l.d);
	ck_assert_uint_eq(l.d.count, 0);
	ck_assert_uint_eq(l.p->stream_count, 3);
	ck_assert_uint_eq(l.p->file_count, 2);
	a = stream(&l, "a.example.test", 1, 0)->args; /* ca, cert, host, key, tls */
	ck_assert_uint_eq(a[0].kind, PLAN_ARG_CERTIFICATES);
	ck_assert_uint_eq(a[3].kind, PLAN_ARG_KEY);
	ck_assert_uint_eq(a[1].file, a[3].file);
	ck_assert_str_eq(a[0].string, "ca.pem");
	ck_assert_str_eq(l.p->files[a[0].file].data, CERTIFICATE CERTIFICATE);
	ck_assert_str_eq(l.p->files[a[3].file].data, CERTIFICATE KEY);
	ck_assert_uint_eq(stream(&l, "b.example.test", 0, 0)->args[0].file, a[0].file);
	unload(&l);
	help_leave();
}
END_TEST

START_TEST(broken_files_are_told_at_their_line)
{
	static const struct { const char *arg, *text, *told; } cases[] = {
		{ "ca", NULL, "c.lua:3: cannot read the file x.pem: No such file or directory; expected" },
		{ "ca", "nothing", "the file x.pem holds no certificate; expected certificates in PEM" },
		{ "ca", KEY, "holds no certificate" },
		{ "key", CERTIFICATE, "the file x.pem holds no private key; expected a private key in PEM" },
		{ "ca", "-----BEGIN CERTIFICATE-----\nAAAA\n", "holds a block without its end" },
		{ "ca", "-----BEGIN CERTIFICATE-----\nA A\n-----END CERTIFICATE-----\n", "a block that is not base64" },
		{ "ca", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "an empty block" },
		{ "ca", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END X-----\n", "ends with another label" },
		{ "key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
		  "a key with a passphrase" },
		{ "key", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n", "a key with a passphrase" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct loaded l;
		char text[1024], line[1024];

		enter();
		if (cases[i].text)
			help_write("x.pem", cases[i].text);
		snprintf(text, sizeof text, "node 'n' { }\nzone 'example.test' { file = 'example.test.zone' }\n"
			 "check 'c' { script = 'http', args = { tls = true, cert = nil, %s = 'x.pem' } }\n"
			 "service 'a.example.test' { check = 'c', tiers = { { '192.0.2.1' } } }\n", cases[i].arg);
		help_write("c.lua", text);
		load_as(&l, "c.lua", NULL);
		ck_assert_uint_ge(l.d.errors, 1);
		diag_format(&l.d.list[0], line, sizeof line);
		ck_assert_msg(strstr(line, cases[i].told) != NULL, "%s", line);
		unload(&l);
		help_leave();
	}
}
END_TEST

/* Stands in for a library of cryptography. */
static bool ends_alike(const struct script_pem *cert, const struct script_pem *private)
{
	return cert->data[cert->len - 1] == private->data[private->len - 1];
}

START_TEST(a_key_has_to_fit_its_certificate)
{
	static const struct { const char *check, *told; } cases[] = {
		{ "cert = 'a.pem', key = 'a.key'", NULL },
		{ "ca = 'b.pem', cert = 'a.pem', key = 'a.key'", NULL },
		{ "ca = 'b.pem', key = 'a.key'", "c.lua:3: the file a.key holds no private key that fits the certificate in b.pem" },
		{ "ca = 'b.pem', cert = 'b.pem',\nkey = 'a.key'",
		  "c.lua:4: the file a.key holds no private key that fits the certificate in b.pem; expected the key of that certificate" },
		{ "cert = 'a.pem'", NULL },
		{ "key = 'a.key'", NULL },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct loaded l;
		char text[1024], line[1024] = "";

		enter();
		help_write("a.pem", CERTIFICATE "a");
		help_write("b.pem", CERTIFICATE "b");
		help_write("a.key", KEY "a");
		snprintf(text, sizeof text, "node 'n' { }\nzone 'example.test' { file = 'example.test.zone' }\n"
			 "check 'c' { script = 'http', args = { tls = true, %s } }\n"
			 "service 'a.example.test' { check = { use = 'c', args = { path = '/x' } }, tiers = { { '192.0.2.1' } } }\n",
			 cases[i].check);
		help_write("c.lua", text);
		load_as(&l, "c.lua", NULL);
		ck_assert_uint_eq(l.d.errors, 0);
		conf_check_keys(l.c, ends_alike, &l.d);
		ck_assert_uint_eq(l.d.errors, cases[i].told != NULL); /* once, though two checks have it */
		if (l.d.errors)
			diag_format(&l.d.list[l.d.count - 1], line, sizeof line);
		ck_assert_msg(!cases[i].told || strstr(line, cases[i].told) != NULL, "%s", line);
		unload(&l);
		help_leave();
	}
}
END_TEST

START_TEST(a_folder_of_zones)
{
	struct conf_zone_view v;
	struct loaded l;

	enter();
	mkdir("zd", 0700);
	mkdir("zd/sub", 0700);
#define SMALL "@ 300 SOA ns. h. 1 2 3 4 5\n@ 300 NS ns.elsewhere.\nwww 300 A 192.0.2.1\n"
	help_write("zd/b.test.zone", SMALL);
	help_write("zd/A.test", SMALL);
	help_write("zd/.hidden", "nonsense");
	help_write("zd/b.test.zone~", "nonsense");
	load(&l, "node 'n' { }\nzones 'zd'\ncheck 'c' { script = 'tcp', args = { port = 1 } }\nservice 'www.a.test' { "
		 "check = 'c' }\n");
	ck_assert_uint_eq(conf_zones(l.c), 2);
	conf_zone_get(l.c, 0, &v);
	ck_assert_str_eq(v.name, "a.test");
	ck_assert_str_eq(v.file, "zd/A.test");
	ck_assert_uint_eq(v.services, 1);
	conf_zone_get(l.c, 1, &v);
	ck_assert_str_eq(v.name, "b.test");
	unload(&l);
	help_leave();
}
END_TEST

START_TEST(the_deepest_zone_has_the_service)
{
	struct conf_zone_view v;
	struct loaded l;

	enter();
	help_write("in.zone", SMALL);
	load(&l, BASE "zone 'in.example.test' { file = 'in.zone' }\nservice 'www.in.example.test' { check = 'web' }\n");
	conf_zone_get(l.c, 0, &v);
	ck_assert_uint_eq(v.services, 0);
	conf_zone_get(l.c, 1, &v);
	ck_assert_uint_eq(v.services, 1);
	unload(&l);
	help_leave();
}
END_TEST

/* ---- digests of zones ---- */

static uint64_t zone_digest(const char *text)
{
	struct conf_zone_text t;
	struct conf *c;
	struct diags d;
	uint64_t digest;

	diags_init(&d);
	help_write("gemel.lua", text);
	ck_assert_int_eq(conf_load(&c, "gemel.lua", NULL, &d), 0);
	ck_assert_int_eq(conf_zone_read(c, 0, &t, &d), 0);
	digest = t.digest;
	conf_zone_text_deinit(&t);
	conf_free(c);
	diags_deinit(&d);
	return digest;
}

START_TEST(a_zones_digest_follows_what_it_is_made_of)
{
	const char *plain = BASE "service 'w.example.test' { check = 'web', tiers = { { '192.0.2.1' } } }\n";
	uint64_t first, other;

	enter();
	help_write("example.test.zone",
		   "$TTL 300\n@ SOA ns1 h 1 2 3 4 5\n NS ns1\nns1 A 127.0.0.1\n$INCLUDE more.inc\n  $include "
		   "\"none.inc\" ; absent\n");
	help_write("more.inc", "www A 192.0.2.1\n$INCLUDE sub/deep.inc sub.example.test.\n");
	mkdir("sub", 0700);
	help_write("sub/deep.inc", "x A 192.0.2.2\n");
	first = zone_digest(plain);
	ck_assert_uint_eq(zone_digest(plain), first);
	help_write("sub/deep.inc", "x A 192.0.2.3\n");
	other = zone_digest(plain);
	ck_assert_uint_ne(other, first);
	help_write("none.inc", "");
	ck_assert_uint_ne(zone_digest(plain), other);
	unlink("none.inc");
	help_write("sub/deep.inc", "x A 192.0.2.2\n");
	ck_assert_uint_eq(zone_digest(plain), first);
	ck_assert_uint_ne(zone_digest(BASE "service 'v.example.test' { check = 'web', tiers = { { '192.0.2.1' } } }\n"),
			  first);
	ck_assert_uint_ne(zone_digest(BASE "service 'w.example.test' { check = 'web', tiers = { { '192.0.2.7' } } }\n"),
			  first);
	ck_assert_uint_eq(zone_digest(BASE "service 'w.example.test' { check = 'web', tiers = { { '192.0.2.1' } }, ttl "
					   "= { min = 3 } }\n"), first);
	help_leave();
}
END_TEST

START_TEST(an_include_that_includes_itself_ends)
{
	struct loaded l;

	enter();
	help_write("example.test.zone",
		   "$TTL 300\n@ SOA ns1 h 1 2 3 4 5\n NS ns1\nns1 A 127.0.0.1\n$INCLUDE example.test.zone\n$INCLUDE "
		   "example.test.zone\n");
	help_write("gemel.lua", BASE);
	load_as(&l, "gemel.lua", NULL);
	ck_assert_uint_gt(l.d.errors, 0);
	unload(&l);
	help_leave();
}
END_TEST

/* ---- showing it ---- */

START_TEST(print_shows_everything)
{
	static const char *const parts[] = {
		"\"node\": \"ns1\"", "\"listen\": [\n        \"127.0.0.1:5301\"", "\"user\": \"gemel\"",
		"\"pair\": null", "\"edns\": 1232",
		"\"file\": \"example.test.zone\"", "\"script\": \"tcp\"", "\"port\": 80", "\"retry\": \"1s\"",
		"\"name\": \"www.example.test\"",
		"\"address\": \"192.0.2.1\"", "\"probe\": \"10.0.0.1:99\"", "\"need\": \"50%\"", "\"pick\": \"rotate\"",
		"\"all_down\": \"first\"",
		"\"min\": 10", "\"max\": 60", "\"agree\": \"any-up\"", "\"initial\": \"up\"", "\"failback\": \"auto\"",
		"\"slow_start\": \"0s\"", "\"load\": 30", "\"capacity\": 40"};
	struct loaded l;
	struct bytes out;

	enter();
	load(&l, BASE "service 'www.example.test' { check = 'web', need = '50%', load = 30, tiers = { { { '192.0.2.1', probe = "
		      "'10.0.0.1:99', capacity = 40 } } } }\n");
	bytes_init(&out, 1 << 20);
	ck_assert_int_eq(conf_print(l.c, l.p, &out), 0);
	bytes_u8(&out, 0);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		ck_assert_msg(strstr((char *)out.data, parts[i]) != NULL, "%s is not in\n%s", parts[i], out.data);
	ck_assert_ptr_null(strstr((char *)out.data, "0001020304"));
	bytes_deinit(&out);
	unload(&l);
	help_leave();
}
END_TEST

/* ---- garbage ---- */

/* Every prefix of a right configuration is read, judged and freed without harm. */
START_TEST(any_prefix_is_survived)
{
	char *text, path[64];
	struct loaded l;
	FILE *f;
	long len;

	enter();
	copy_in("conf_good/product.lua", "product.lua");
	f = fopen("product.lua", "r");
	fseek(f, 0, SEEK_END);
	len = ftell(f);
	rewind(f);
	text = malloc((size_t)len);
	ck_assert_uint_eq(fread(text, 1, (size_t)len, f), (size_t)len);
	fclose(f);
	strcpy(path, "cut.lua");
	for (long n = 0; n < len; n += 3) {
		help_write_mode(path, text, (size_t)n, 0600);
		diags_init(&l.d);
		l.p = NULL;
		if (!conf_load(&l.c, path, "ns1", &l.d)) {
			(void)!conf_plan(l.c, 1, &l.p, &l.d);
			plan_free(l.p);
			conf_free(l.c);
		}
		diags_deinit(&l.d);
	}
	free(text);
	help_leave();
}
END_TEST

#define PAIRED \
	"node 'n' { id = 1, peer = '127.0.0.1:5401' }\nnode 'm' { id = 2, peer = '127.0.0.1:5402' }\n" \
	"pair { name = 'p', key = 'k' }\nzone 'example.test' { file = 'example.test.zone' }\n"
#define HEX_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HEX_B "FFEEDDCCBBAA99887766554433221100ffeeddccbbaa99887766554433221100"

/* A key a line: the first is sent with. told = NULL: it is taken. */
START_TEST(a_key_file_holds_one_key_or_two)
{
	static const struct {
		const char *text;
		mode_t mode;
		bool other;
		const char *told;
	} cases[] = {
		{ HEX_A, 0600, false, NULL },
		{ HEX_A "\n", 0400, false, NULL },
		{ HEX_A "\n" HEX_B "\n", 0600, true, NULL },
		{ "\n" HEX_A " \r\n\n" HEX_B, 0600, true, NULL },
		{ HEX_A "\n" HEX_A "\n", 0600, false, "the keys of k have the same id" },
		{ HEX_A "\n" HEX_B "\n" HEX_A "\n", 0600, false, "holds no key" },
		{ HEX_A HEX_B "\n", 0600, false, "holds no key" },
		{ HEX_A "\n# the next\n" HEX_B "\n", 0600, false, "holds no key" },
		{ HEX_A "\n" HEX_B "0\n", 0600, false, "holds no key" },
		{ "", 0600, false, "holds no key" },
		{ "\n\n", 0600, false, "holds no key" },
		{ HEX_A "\n" HEX_B "\n", 0640, false, "is open to others than its owner (mode 0640)" },
		{ HEX_A "\n", 0602, false, "is open to others than its owner (mode 0602)" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct loaded l;
		char line[1024];

		enter();
		help_write_mode("k", cases[i].text, strlen(cases[i].text), cases[i].mode);
		help_write("c.lua", PAIRED);
		load_as(&l, "c.lua", "n");
		ck_assert_msg(!l.d.errors == !cases[i].told, "case %zu", i);
		if (cases[i].told) {
			diag_format(&l.d.list[0], line, sizeof line);
			ck_assert_msg(strstr(line, cases[i].told) != NULL, "%s", line);
			ck_assert_ptr_null(strstr(line, "2233")); /* nothing of the key */
		} else {
			ck_assert_uint_eq(l.p->pair.key[1], 0x11);
			ck_assert_int_eq(l.p->pair.has_other, cases[i].other);
			ck_assert_uint_eq(l.p->pair.other_key[0], cases[i].other ? 0xff : 0);
		}
		unload(&l);
		help_leave();
	}
}
END_TEST

/* told = NULL: it is taken. */
START_TEST(a_token_file_holds_one_token)
{
#define LONGEST HEX_A HEX_B
	static const char http[] = "http = \"127.0.0.1:8051\", ";
	static const struct {
		const char *text;
		mode_t mode;
		size_t len;
		const char *told, *http;
	} cases[] = {
		{ HEX_A "\n", 0600, 64, NULL, http },
		{ "correct-horse~battery\r\n", 0400, 21, NULL, http },
		{ "twenty-octets-exactly", 0600, 21, NULL, http },
		{ LONGEST, 0600, 128, NULL, http },
		{ LONGEST "0", 0600, 0, "holds no token (129 octets)", http },
		{ "nineteen-octets-xyz\n", 0600, 0, "holds no token (20 octets)", http },
		{ "", 0600, 0, "holds no token (0 octets)", http },
		{ "\n\n", 0600, 0, "holds no token", http },
		{ "a token with words in it\n", 0600, 0, "holds no token", http },
		{ HEX_A "\n" HEX_B "\n", 0600, 0, "holds no token", http },
		{ HEX_A "\xc3\xa4\n", 0600, 0, "holds no token", http },
		{ HEX_A "\n", 0644, 0, "is open to others than its owner (mode 0644)", http },
		{ HEX_A "\n", 0660, 0, "is open to others than its owner (mode 0660)", http },
		{ NULL, 0, 0, "cannot read the token file t: No such file or directory", http },
		{ HEX_A "\n", 0600, 64, "has \"http_admin\" and no \"http\"", "" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct loaded l;
		char text[512], line[1024];

		enter();
		if (cases[i].text)
			help_write_mode("t", cases[i].text, strlen(cases[i].text), cases[i].mode);
		snprintf(text, sizeof text, "node \"other\" { listen = { \"127.0.0.3:5303\" }, http = \"127.0.0.1:8052\", http_admin = \"absent\" }\n"
			 "node \"n\" { %shttp_admin = \"t\" }\n", cases[i].http);
		help_write("c.lua", text);
		load_as(&l, "c.lua", "n");
		ck_assert_msg(!l.d.errors == !cases[i].told, "case %zu: %s", i, l.d.errors ? l.d.list[0].text : "taken");
		if (cases[i].told) {
			diag_format(&l.d.list[0], line, sizeof line);
			ck_assert_msg(strstr(line, cases[i].told) != NULL, "%s", line);
			ck_assert_ptr_null(strstr(line, "2233")); /* nothing of the token */
		} else {
			ck_assert_uint_eq(l.p->admin.token_len, cases[i].len);
			ck_assert_mem_eq(l.p->admin.token, cases[i].text, cases[i].len);
		}
		unload(&l);
		help_leave();
	}
}
END_TEST

START_TEST(files_that_are_none_are_refused)
{
	struct diags d;
	struct conf *c;

	enter();
	mkdir("folder.lua", 0700);
	ck_assert_int_eq(mkfifo("fifo.lua", 0600), 0);
	diags_init(&d);
	ck_assert_int_eq(conf_load(&c, "folder.lua", NULL, &d), ERR_FORMAT);
	ck_assert_int_eq(conf_load(&c, "fifo.lua", NULL, &d), ERR_FORMAT);
	ck_assert_int_eq(conf_load(&c, "absent.lua", NULL, &d), ERR_FORMAT);
	ck_assert_uint_eq(d.errors, 3);
	ck_assert_str_eq(d.list[2].text, "cannot read absent.lua: No such file or directory; expected a configuration file");
	diags_deinit(&d);
	help_leave();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_product_example_is_accepted, what_is_left_out_has_its_default, limits, durations_are_seconds_or_text,
		the_node_is_chosen_by_name_host_or_alone, a_service_without_tiers_has_the_zones_addresses,
		every_agree_and_pick_reaches_the_plan, a_quorum_reaches_the_plan, needs_reach_the_plan, windows_reach_the_plan, members_are_addresses_hosts_sites_and_tables,
		slow_start_load_and_capacity_reach_the_plan, holds_for_flapping, one_stream_for_one_question,
		keys_do_not_depend_on_order_or_timing,
		twins_have_one_digest, twins_probe_where_each_is_told, loops_and_modules_make_services_in_order, a_folder_of_zones, files_that_checks_name_come_with_the_plan,
				broken_files_are_told_at_their_line,
				a_key_has_to_fit_its_certificate,
		the_deepest_zone_has_the_service,
		a_zones_digest_follows_what_it_is_made_of, an_include_that_includes_itself_ends, print_shows_everything,
		any_prefix_is_survived, a_token_file_holds_one_token, a_key_file_holds_one_key_or_two,
		files_that_are_none_are_refused,
	};

	return unit_run("conf", tests, sizeof tests / sizeof *tests);
}
