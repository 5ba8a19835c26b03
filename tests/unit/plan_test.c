/* A plan's bytes: what goes in comes out, and nothing that is cut, flipped or made up gets through whole or hurts. */
#include <check.h>
#include <stdlib.h>
#include "base/rng.h"
#include "lib/plan_make.h"

#define BOUND ((size_t)1 << 24)

static const char *const text =
	"pair any-down share servfail above=66 least=3 ns1=0 ns2=100\n"
	"check web interval=1000 timeout=500 retry=200 fall=3 rise=2\n"
	"check port interval=5000 suppress=4000 half_life=90000\n"
	"service www.example.test web 127.0.0.11 127.0.0.12@ams1%ams / 2001:db8::13 all_down=last ttl=5-30 initial=down\n"
	"service dl.example.test web+port 127.0.0.11 127.0.0.14 need=50% pick=weighted answer=1 agree=local couple=1 removals=25%\n"
	"service static.example.test - 127.0.0.15 all_down=none failback=60000 removals=3\n"
	"service slow.example.test web 127.0.0.16*2#40 127.0.0.17#60 pick=sticky slow_start=90000 load=100\n";

/* plan_make knows no arguments and no fallback list; these carry every kind. */
static struct plan *rich_plan(void)
{
	static const struct plan_arg args[] = {
		{ .name = "a", .kind = PLAN_ARG_STRING, .string = "/healthz" },
		{ .name = "b", .kind = PLAN_ARG_INTEGER, .integer = -8080 },
		{ .name = "c", .kind = PLAN_ARG_NUMBER, .number = 0.25 },
		{ .name = "d", .kind = PLAN_ARG_BOOLEAN, .boolean = true },
		{ .name = "e", .kind = PLAN_ARG_CERTIFICATES, .string = "ca.pem", .file = 0 },
		{ .name = "f", .kind = PLAN_ARG_KEY, .string = "own.key", .file = 1 } };
	static const struct plan_file files[] = { { "certificates", 12 }, { "a key", 5 } };
	static const char hook[] = "/bin/notify\0--pager";
	static const struct addr fallback[] = { { 4, { 192, 0, 2, 1 }, 0 }, { 6, { 0x20, 1 }, 0 } };
	struct plan *p = plan_make(text, 1);
	struct plan_stream *s = (struct plan_stream *)(uintptr_t)&p->streams[0];
	struct plan_service *v = (struct plan_service *)(uintptr_t)&p->services[0];
	p->pair.has_other = true;
	memset(p->pair.other_key, 0x5a, sizeof p->pair.other_key);
	p->admin.token_len = PLAN_TOKEN_MAX;
	memset(p->admin.token, 't', PLAN_TOKEN_MAX);
	s->args = args;
	s->arg_count = 6;
	p->files = files;
	p->file_count = 2;
	v->policy.fallback = fallback;
	v->policy.fallback_count = 2;
	((struct plan_node *)(uintptr_t)&p->nodes[1])->hook = (struct plan_hook){ hook, sizeof hook, 5000, 60, 6 };
	return p;
}

static struct bytes encoded(const struct plan *p)
{
	struct bytes b;
	bytes_init(&b, BOUND);
	ck_assert_int_eq(plan_encode(&b, p), 0);
	return b;
}

START_TEST(what_goes_in_comes_out)
{
	struct plan *p = rich_plan(), *q = NULL;
	struct bytes a = encoded(p);
	ck_assert_int_eq(plan_decode(&q, a.data, a.len), 0);
	struct bytes b = encoded(q);
	ck_assert_uint_eq(a.len, b.len);
	ck_assert_mem_eq(a.data, b.data, a.len);

	ck_assert_uint_eq(q->self, 1);
	ck_assert_uint_eq(q->digest, p->digest);
	ck_assert_uint_eq(q->limits.rrl.per_s, 500);
	ck_assert_uint_eq(q->limits.rrl.slip, 2);
	ck_assert_uint_eq(q->limits.rrl.window_ms, 15000);
	ck_assert_uint_eq(q->limits.rrl.table, 65536);
	ck_assert_uint_eq(q->limits.rrl.exempt_count, 1);
	ck_assert_uint_eq(q->limits.rrl.exempt[0].prefix_len, 8);
	ck_assert_uint_eq(q->limits.subnet_from_count, 1);
	ck_assert_uint_eq(q->limits.subnet_from[0].prefix_len, 8);
	ck_assert_uint_eq(q->limits.tcp_max, 100);
	ck_assert_uint_eq(q->limits.tcp_per_source, 25);
	ck_assert_uint_eq(q->limits.tcp_idle_ms, 30000);
	ck_assert_str_eq(q->nodes[1].name, "ns2");
	ck_assert_uint_eq(q->nodes[0].peer[0].port, 5401);
	ck_assert_ptr_null(q->nodes[0].nsid);
	ck_assert_uint_eq(q->nodes[0].hook.argv_len, 0);
	ck_assert_str_eq(q->nodes[1].hook.argv + 12, "--pager");
	ck_assert_uint_eq(q->nodes[1].hook.timeout_ms, 5000);
	ck_assert_uint_eq(q->nodes[1].hook.per_minute, 60);
	ck_assert_uint_eq(q->nodes[1].hook.kinds, 6);
	ck_assert_uint_eq(q->limits.cookies, PLAN_COOKIES_ON);
	ck_assert_mem_eq(q->pair.key, p->pair.key, PLAN_KEY_LEN);
	ck_assert(q->pair.has_other);
	ck_assert_mem_eq(q->pair.other_key, p->pair.other_key, PLAN_KEY_LEN);
	ck_assert_mem_eq(&q->admin, &p->admin, sizeof p->admin);
	plan_forget_keys(q);
	ck_assert(!q->admin.token_len && !q->admin.token[0] && !q->pair.key[0] && !q->pair.other_key[0]);
	ck_assert_uint_eq(q->service_count, 4);
	ck_assert_uint_eq(q->services[3].policy.slow_start_ms, 90000);
	ck_assert_uint_eq(q->services[3].policy.load, 100);
	ck_assert_uint_eq(q->services[3].policy.members[0].capacity, 40);
	ck_assert_uint_eq(q->services[3].policy.members[1].capacity, 60);
	ck_assert_str_eq(q->services[0].hosts[1], "ams1");
	ck_assert_ptr_null(q->services[0].hosts[0]);
	ck_assert_str_eq(q->services[0].sites[1], "ams");
	ck_assert_ptr_null(q->services[0].sites[0]);
	ck_assert_uint_eq(q->services[0].policy.members[2].tier, 1);
	ck_assert_uint_eq(q->services[0].policy.members[2].addr.family, 6);
	ck_assert(!q->services[0].policy.initial_up);
	ck_assert_uint_eq(q->services[2].policy.failback_ms, 60000);
	ck_assert_uint_eq(q->services[1].policy.need_pct, 50);
	ck_assert_uint_eq(q->services[1].removals_pct, 25);
	ck_assert_uint_eq(q->services[2].removals, 3);
	ck_assert_uint_eq(q->services[1].checks[0].count, 2);
	ck_assert_uint_eq(q->services[2].checks[0].count, 0);
	ck_assert_uint_eq(q->streams[0].timing.retry_ms, 200);
	ck_assert_str_eq(q->streams[0].args[0].string, "/healthz");
	ck_assert(q->streams[0].args[1].integer == -8080);
	ck_assert(q->streams[0].args[2].number == 0.25);
	ck_assert(q->streams[0].args[3].boolean);
	ck_assert_str_eq(q->streams[0].args[4].string, "ca.pem");
	ck_assert_uint_eq(q->streams[0].args[5].file, 1);
	ck_assert_uint_eq(q->files[1].len, 5);
	ck_assert_str_eq(q->files[1].data, "a key");
	/* one stream for one (address, check), however many services ask */
	ck_assert_uint_eq(q->services[0].checks[0].streams[0], q->services[1].checks[0].streams[0]);
	bytes_deinit(&a);
	bytes_deinit(&b);
	plan_free(p);
	plan_free(q);
}
END_TEST

START_TEST(every_cut_is_refused)
{
	struct plan *p = rich_plan(), *q = NULL;
	struct bytes a = encoded(p);
	for (size_t n = 0; n < a.len; n++) {
		uint8_t *exact = malloc(n ? n : 1); /* so that a sanitizer sees a read past the cut */
		memcpy(exact, a.data, n);
		ck_assert_int_lt(plan_decode(&q, exact, n), 0);
		ck_assert_ptr_null(q);
		free(exact);
	}
	bytes_u8(&a, 0);
	ck_assert_int_eq(plan_decode(&q, a.data, a.len), ERR_FORMAT);
	bytes_deinit(&a);
	plan_free(p);
}
END_TEST

/* A flip may still be a right plan (another octet of a name): then it must come back as those very bytes. */
static void decode_hostile(const uint8_t *data, size_t len)
{
	struct plan *q = NULL;
	int e = plan_decode(&q, data, len);
	if (e < 0) {
		ck_assert(e == ERR_FORMAT || e == ERR_LIMIT || e == ERR_VERSION);
		ck_assert_ptr_null(q);
		return;
	}
	struct bytes b = encoded(q);
	ck_assert_uint_eq(b.len, len);
	ck_assert_mem_eq(b.data, data, len);
	bytes_deinit(&b);
	plan_free(q);
}

START_TEST(every_flip_is_refused_or_means_what_it_says)
{
	struct plan *p = rich_plan();
	struct bytes a = encoded(p);
	for (size_t bit = 0; bit < a.len * 8; bit++) {
		a.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		decode_hostile(a.data, a.len);
		a.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	bytes_deinit(&a);
	plan_free(p);
}
END_TEST

START_TEST(random_damage_does_no_harm)
{
	struct plan *p = rich_plan();
	struct bytes a = encoded(p);
	struct rng rng;
	rng_init(&rng, 20240229);
	uint8_t *copy = malloc(a.len);
	for (int round = 0; round < 5000; round++) {
		memcpy(copy, a.data, a.len);
		for (uint64_t hits = 1 + rng_below(&rng, 6); hits > 0; hits--)
			copy[rng_below(&rng, a.len)] = rng_below(&rng, 2) ? 0xff : (uint8_t)rng_u64(&rng);
		decode_hostile(copy, a.len);
	}
	free(copy);
	bytes_deinit(&a);
	plan_free(p);
}
END_TEST

static int code_of(struct plan *p)
{
	struct plan *q = NULL;
	struct bytes a = encoded(p);
	int e = plan_decode(&q, a.data, a.len);
	plan_free(q);
	bytes_deinit(&a);
	plan_free(p);
	return e;
}

#define STREAM(p, i) ((struct plan_stream *)(uintptr_t)&(p)->streams[i])
#define SERVICE(p, i) ((struct plan_service *)(uintptr_t)&(p)->services[i])

START_TEST(nonsense_is_refused)
{
	struct plan *p = rich_plan();
	ck_assert_int_eq(code_of(p), 0);
	p = rich_plan(); p->self = 2;
	ck_assert_int_eq(code_of(p), ERR_FORMAT);
	p = rich_plan(); STREAM(p, 1)->script = 1;
	ck_assert_int_eq(code_of(p), ERR_FORMAT);
	p = rich_plan(); STREAM(p, 1)->key = p->streams[0].key;
	ck_assert_int_eq(code_of(p), ERR_FORMAT);
	p = rich_plan(); STREAM(p, 1)->timing.interval_ms = 0;
	ck_assert_int_eq(code_of(p), ERR_FORMAT);
	p = rich_plan(); STREAM(p, 1)->timing.flap.suppress = 999;
	ck_assert_int_eq(code_of(p), ERR_FORMAT);
	p = rich_plan(); STREAM(p, 1)->timing.flap.reuse = 3000;
	ck_assert_int_eq(code_of(p), ERR_FORMAT);
	p = rich_plan(); STREAM(p, 1)->timing.flap.half_life_ms = 1;
	ck_assert_int_eq(code_of(p), ERR_FORMAT);
	p = rich_plan(); STREAM(p, 1)->timing.fall = 0;
	ck_assert_int_eq(code_of(p), ERR_FORMAT);
	p = rich_plan(); SERVICE(p, 1)->owner = p->services[0].owner;
	ck_assert_int_eq(code_of(p), ERR_FORMAT);
	p = rich_plan(); SERVICE(p, 1)->owner = (const uint8_t *)"\3WWW";
	ck_assert_int_eq(code_of(p), ERR_FORMAT);
	p = rich_plan(); SERVICE(p, 0)->policy.tier_count = 1; /* a member stands in tier 1 */
	ck_assert_int_eq(code_of(p), ERR_FORMAT);
	p = rich_plan(); SERVICE(p, 0)->policy.need_pct = 50; /* need and need_pct at once */
	ck_assert_int_eq(code_of(p), ERR_FORMAT);
	p = rich_plan(); SERVICE(p, 3)->policy.load = POLICY_LOAD_MAX + 1;
	ck_assert_int_eq(code_of(p), ERR_FORMAT);
	p = rich_plan(); ((struct policy_member *)(uintptr_t)p->services[3].policy.members)->capacity = POLICY_CAPACITY_MAX + 1;
	ck_assert_int_eq(code_of(p), ERR_FORMAT);
	p = rich_plan(); SERVICE(p, 0)->removals = 1; SERVICE(p, 0)->removals_pct = 50; /* both at once */
	ck_assert_int_eq(code_of(p), ERR_FORMAT);
	p = rich_plan(); SERVICE(p, 0)->removals_pct = 101;
	ck_assert_int_eq(code_of(p), ERR_FORMAT);
	p = rich_plan(); p->limits.cookies = 0;
	ck_assert_int_eq(code_of(p), ERR_FORMAT);
	p = rich_plan(); p->limits.cookies = PLAN_COOKIES_OFF + 1;
	ck_assert_int_eq(code_of(p), ERR_FORMAT);
	p = rich_plan(); p->pair.agree = POLICY_AGREE_LOCAL; p->pair.share = true; /* who goes by its own looks for itself */
	ck_assert_int_eq(code_of(p), ERR_FORMAT);
	p = rich_plan(); p->pair.isolated = 0;
	ck_assert_int_eq(code_of(p), ERR_FORMAT);
	p = rich_plan(); p->pair.isolated = PLAN_ISOLATED_SERVFAIL + 1;
	ck_assert_int_eq(code_of(p), ERR_FORMAT);
	p = rich_plan(); p->pair.quorum_pct = 0;
	ck_assert_int_eq(code_of(p), ERR_FORMAT);
	p = rich_plan(); p->pair.quorum_pct = 100;
	ck_assert_int_eq(code_of(p), ERR_FORMAT);
	p = rich_plan(); p->pair.quorum_least = 0;
	ck_assert_int_eq(code_of(p), ERR_FORMAT);
	p = rich_plan(); ((struct plan_node *)(uintptr_t)p->nodes)->weight = PLAN_VOTE_MAX + 1;
	ck_assert_int_eq(code_of(p), ERR_FORMAT);
	p = rich_plan(); p->pair.agree = POLICY_AGREE_PAIR;
	ck_assert_int_eq(code_of(p), ERR_FORMAT);
}
END_TEST

START_TEST(counts_are_held_against_what_is_there)
{
	/* a claim of 1,000,000 streams in a few octets allocates nothing to speak of */
	struct plan *p = plan_make("check web\nservice a.test web 127.0.0.1", 0), *q = NULL;
	p->stream_count = p->service_count = p->script_count = 0;
	struct bytes a = encoded(p); /* at its end the counts of streams, services and, of two octets, windows */
	store_u32(a.data + a.len - 10, PLAN_STREAMS_MAX);
	ck_assert_int_eq(plan_decode(&q, a.data, a.len), ERR_FORMAT);
	store_u32(a.data + a.len - 10, PLAN_STREAMS_MAX + 1);
	ck_assert_int_eq(plan_decode(&q, a.data, a.len), ERR_LIMIT);
	store_u32(a.data + a.len - 10, 0);
	ck_assert_int_eq(plan_decode(&q, a.data, a.len), 0);
	plan_free(q);
	store_u16(a.data + a.len - 2, PLAN_WINDOWS_MAX + 1);
	ck_assert_int_eq(plan_decode(&q, a.data, a.len), ERR_FORMAT);
	store_u16(a.data + 4, 99);
	ck_assert_int_eq(plan_decode(&q, a.data, a.len), ERR_VERSION);
	bytes_deinit(&a);
	plan_free(p);
}
END_TEST

START_TEST(a_hook_that_could_not_be_run_is_refused)
{
	static const struct { const char *argv; uint16_t len; uint32_t timeout_ms, per_minute; int e; } cases[] = {
		{ "/a", 3, 1, 1, 0 },
		{ "/a\0b\0", 5, 1, 1, 0 },
		{ "/a", 2, 1, 1, ERR_FORMAT },  /* no NUL */
		{ "a", 2, 1, 1, ERR_FORMAT },   /* no path */
		{ "", 1, 1, 1, ERR_FORMAT },
		{ "/a", 3, 0, 1, ERR_FORMAT },
		{ "/a", 3, 1, 0, ERR_FORMAT },
		{ "/\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 17, 1, 1, 0 },
		{ "/\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 18, 1, 1, ERR_FORMAT }, /* 17 words */
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct plan_node n = { .name = "ns1", .hook = { cases[i].argv, cases[i].len, cases[i].timeout_ms, cases[i].per_minute, 1 } }, got;
		struct bytes b;
		struct arena arena;
		struct rbuf r;
		bytes_init(&b, BOUND);
		arena_init(&arena, 0);
		plan_node_put(&b, &n);
		rbuf_init(&r, b.data, b.len);
		ck_assert_msg(plan_node_get(&r, &arena, &got) == cases[i].e, "case %zu", i);
		arena_deinit(&arena);
		bytes_deinit(&b);
	}
}
END_TEST

START_TEST(a_node_travels_alone)
{
	struct plan *p = rich_plan();
	struct bytes b;
	struct arena arena;
	struct plan_node n = { .workers = 77 };
	struct rbuf r;
	bytes_init(&b, BOUND);
	arena_init(&arena, 0);
	plan_node_put(&b, &p->nodes[1]);
	for (size_t cut = 0; cut < b.len; cut++) {
		rbuf_init(&r, b.data, cut);
		ck_assert_int_lt(plan_node_get(&r, &arena, &n), 0);
		ck_assert_uint_eq(n.workers, 77);
	}
	rbuf_init(&r, b.data, b.len);
	ck_assert_int_eq(plan_node_get(&r, &arena, &n), 0);
	ck_assert_str_eq(n.name, "ns2");
	ck_assert_uint_eq(n.listen[0].port, 5302);
	ck_assert_uint_eq(n.status_from[0].prefix_len, 8);
	ck_assert_uint_eq(n.http_from_count, 1);
	ck_assert_uint_eq(n.http_from[0].prefix_len, 8);
	ck_assert_uint_eq(n.probe_source[0].ip[3], 9);
	ck_assert_uint_eq(n.probe_source[1].ip[15], 1);
	arena_deinit(&arena);
	bytes_deinit(&b);
	plan_free(p);
}
END_TEST

START_TEST(limits_of_nothing_are_refused)
{
	struct plan *p = rich_plan();
	struct arena arena;
	struct plan_limits got = { .udp_edns_max = 77 };
	arena_init(&arena, 0);
	for (int i = 0; i < 6; i++) {
		struct plan_limits l = p->limits;
		struct bytes b;
		struct rbuf r;
		if (i == 0)
			l.tcp_max = 0;
		else if (i == 1)
			l.tcp_per_source = 0;
		else if (i == 2)
			l.tcp_idle_ms = 0;
		else if (i == 3)
			l.rrl.table = PLAN_RRL_TABLE_MAX + 1;
		else if (i == 4)
			l.cookies = 0;
		bytes_init(&b, BOUND);
		plan_limits_put(&b, &l);
		rbuf_init(&r, b.data, b.len);
		ck_assert_int_eq(plan_limits_get(&r, &arena, &got), i < 5 ? ERR_FORMAT : 0);
		ck_assert_uint_eq(got.udp_edns_max, i < 5 ? 77 : 1232);
		bytes_deinit(&b);
	}
	arena_deinit(&arena);
	plan_free(p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("plan");
	TCase *t = tcase_create("bytes");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, what_goes_in_comes_out);
	tcase_add_test(t, limits_of_nothing_are_refused);
	tcase_add_test(t, every_cut_is_refused);
	tcase_add_test(t, every_flip_is_refused_or_means_what_it_says);
	tcase_add_test(t, random_damage_does_no_harm);
	tcase_add_test(t, nonsense_is_refused);
	tcase_add_test(t, counts_are_held_against_what_is_there);
	tcase_add_test(t, a_node_travels_alone);
	tcase_add_test(t, a_hook_that_could_not_be_run_is_refused);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
