/* What a twin saw, as events here: a bare pair speaks to a whole core. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/state.h"
#include "dns/const.h"
#include "lib/core_world.h"
#include "unit.h"

#define PLAN "pair any-up\ncheck web interval=1000 timeout=500 retry=200 fall=3 rise=2\n"
#define TWO PLAN "service www.example.test web 127.0.0.11 127.0.0.12\n"
#define STEP_MS 5

static struct world w;
static struct pair *twin;

static void on_send(struct world *world, const uint8_t *data, size_t len)
{
	int e = twin ? pair_receive(twin, &core_plan(world->core)->nodes[0].peer[0], data, len, world->now_ms, WORLD_WALL_MS + world->now_ms) : 0;
	(void)e; /* what it refuses is sent again */
}

static void twin_begin(uint64_t boot)
{
	const struct plan *p = core_plan(w.core);
	struct pair_peer_conf peer = { .id = p->nodes[0].id, .addr = { p->nodes[0].peer[0] }, .addr_count = 1 };
	struct pair_conf conf = { .self_id = p->nodes[1].id, .cluster = p->pair.name, .interval_ms = p->pair.interval_ms,
				  .config_digest = p->digest, .peers = &peer, .peer_count = 1 };
	memcpy(conf.key, p->pair.key, sizeof conf.key);
	ck_assert_uint_eq(p->self, 0);
	ck_assert_int_eq(pair_new(&twin, &conf, boot, boot << 32 | 7, w.now_ms, WORLD_WALL_MS + w.now_ms), 0);
	pair_set_self(twin, &(struct pair_self_signs){ .booted = true }, w.now_ms);
}

static void begin(const char *plan)
{
	world_begin(&w, plan);
	w.on_send = on_send;
	twin_begin(77);
}

static void finish(void)
{
	pair_free(twin);
	twin = NULL;
	world_end(&w);
}

static void run(uint64_t ms)
{
	struct pair_record r;
	uint8_t packet[PAIR_PACKET_MAX];
	for (uint64_t end = w.now_ms + ms; w.now_ms < end;) {
		struct core_event e = { .type = CORE_PACKET, .packet = { .from = core_plan(w.core)->nodes[1].peer[0], .data = packet } };
		world_run(&w, STEP_MS);
		if (!twin)
			continue;
		pair_tick(twin, w.now_ms, WORLD_WALL_MS + w.now_ms);
		while (pair_next_change(twin, &r))
			;
		while (pair_next_packet(twin, &(struct addr){ 0 }, packet, &e.packet.len, w.now_ms, WORLD_WALL_MS + w.now_ms))
			world_step(&w, &e);
	}
}

static void says(uint32_t stream, enum health_verdict v, bool recovered, enum health_reason why)
{
	uint8_t value[20] = { (uint8_t)v, recovered, (uint8_t)why, 100 };
	ck_assert_int_eq(pair_write(twin, PAIR_VERDICT, core_plan(w.core)->streams[stream].key, value, sizeof value, w.now_ms), 0);
}

/* The verdicts told since, of the twin's only. */
static const char *heard(void)
{
	static char out[65536];
	char *text = strdup(world_trace(&w, "notice event=verdict")), *next = text, *line;
	out[0] = '\0';
	while ((line = strsep(&next, "\n")))
		if (strstr(line, "observer=ns2"))
			snprintf(out + strlen(out), sizeof out - strlen(out), "%s\n", line + strlen("notice event=verdict "));
	free(text);
	return out;
}

#define TOLD_11 "address=127.0.0.11 check=web owner=www.example.test "

START_TEST(a_change_that_the_twin_saw_is_told_once)
{
	begin(TWO);
	says(0, HEALTH_VERDICT_UP, false, HEALTH_OK);
	says(1, HEALTH_VERDICT_DOWN, false, HEALTH_CONNECT_REFUSED);
	run(3000);
	ck_assert_str_eq(heard(), ""); /* its shelf as it was is no change */
	says(0, HEALTH_VERDICT_DOWN, false, HEALTH_CONNECT_TIMEOUT);
	run(1000);
	ck_assert_str_eq(heard(), TOLD_11 "state=down was=up cause=twin reason=\"connect timeout\" observer=ns2\n");
	says(0, HEALTH_VERDICT_DOWN, false, HEALTH_CONNECT_REFUSED); /* another reason, the same verdict */
	run(1000);
	ck_assert_str_eq(heard(), "");
	says(0, HEALTH_VERDICT_UP, false, HEALTH_OK);
	run(1000);
	ck_assert_str_eq(heard(), TOLD_11 "state=up was=down cause=twin reason=\"ok\" observer=ns2\n");
	/* what we see of the same target has our own name, and nobody else's */
	world_backend(&w, "127.0.0.11", HEALTH_CONNECT_REFUSED);
	run(3000);
	const char *t = world_trace(&w, "notice event=verdict");
	ck_assert_msg(strstr(t, "state=down was=up cause=check") && strstr(t, "observer=ns1\n") && !strstr(t, "observer=ns2"), "%s", t);
}
END_TEST

/* Where we probe a member ourselves is nothing that the twin saw. */
START_TEST(the_address_is_the_members)
{
	begin(TWO);
	((struct plan_stream *)core_plan(w.core)->streams)[0].addr.ip[1] = 99;
	says(0, HEALTH_VERDICT_UP, false, HEALTH_OK);
	run(1000);
	says(0, HEALTH_VERDICT_DOWN, false, HEALTH_CONNECT_REFUSED);
	run(1000);
	ck_assert_str_eq(heard(), TOLD_11 "state=down was=up cause=twin reason=\"connect refused\" observer=ns2\n");
}
END_TEST

START_TEST(its_vote_comes_with_its_reason)
{
	struct core_vote_view v;
	begin(TWO);
	core_vote_get(w.core, 0, 0, 0, &v);
	ck_assert(v.peer_count == 1 && v.peers[0].node == 2 && v.peers[0].vote == HEALTH_VERDICT_UNKNOWN);
	ck_assert_int_eq(v.peers[0].reason, HEALTH_REASON_NONE);
	says(0, HEALTH_VERDICT_DOWN, false, HEALTH_CONNECT_REFUSED);
	run(1000);
	core_vote_get(w.core, 0, 0, 0, &v);
	ck_assert(v.own == HEALTH_VERDICT_UP && v.peers[0].vote == HEALTH_VERDICT_DOWN);
	ck_assert_int_eq(v.peers[0].reason, HEALTH_CONNECT_REFUSED);
}
END_TEST

START_TEST(abstaining_is_no_change)
{
	begin(TWO);
	says(0, HEALTH_VERDICT_UP, false, HEALTH_OK);
	says(1, HEALTH_VERDICT_UNKNOWN, false, HEALTH_REASON_NONE);
	run(2000);
	says(0, HEALTH_VERDICT_UNKNOWN, false, HEALTH_UNWITNESSED);
	run(500);
	says(0, HEALTH_VERDICT_UP, false, HEALTH_OK);
	says(1, HEALTH_VERDICT_UP, false, HEALTH_OK); /* its first */
	run(500);
	ck_assert_str_eq(heard(), "");
	says(0, HEALTH_VERDICT_UNKNOWN, false, HEALTH_UNWITNESSED);
	run(500);
	says(0, HEALTH_VERDICT_DOWN, false, HEALTH_CONNECT_REFUSED);
	run(500);
	ck_assert_str_eq(heard(), TOLD_11 "state=down was=up cause=twin reason=\"connect refused\" observer=ns2\n");
}
END_TEST

START_TEST(its_start_tells_only_what_changed)
{
	begin(TWO);
	says(0, HEALTH_VERDICT_UP, false, HEALTH_OK);
	says(1, HEALTH_VERDICT_UP, false, HEALTH_OK);
	run(2000);
	pair_free(twin);
	twin = NULL;
	run(3000);
	twin_begin(78);
	says(0, HEALTH_VERDICT_DOWN, true, HEALTH_REASON_NONE); /* from its journal: no news */
	says(1, HEALTH_VERDICT_UP, true, HEALTH_REASON_NONE);
	run(2000);
	ck_assert_str_eq(heard(), "");
	says(0, HEALTH_VERDICT_DOWN, false, HEALTH_CONNECT_REFUSED);
	says(1, HEALTH_VERDICT_UP, false, HEALTH_OK);
	run(1000);
	ck_assert_str_eq(heard(), TOLD_11 "state=down was=up cause=twin reason=\"connect refused\" observer=ns2\n");
}
END_TEST

START_TEST(a_reload_keeps_what_was_heard)
{
	begin(TWO);
	says(0, HEALTH_VERDICT_UP, false, HEALTH_OK);
	run(2000);
	world_plan(&w, PLAN "service api.example.test web 127.0.0.13\nservice www.example.test web 127.0.0.11 127.0.0.12\n");
	heard();
	uint8_t value[20] = { HEALTH_VERDICT_DOWN, 0, HEALTH_CONNECT_REFUSED, 100 };
	ck_assert_int_eq(pair_write(twin, PAIR_VERDICT, core_plan(w.core)->streams[1].key, value, sizeof value, w.now_ms), 0);
	run(1000);
	ck_assert_str_eq(heard(), TOLD_11 "state=down was=up cause=twin reason=\"connect refused\" observer=ns2\n");
}
END_TEST

START_TEST(a_flood_is_bounded_and_its_rest_counted)
{
	char plan[8192] = PLAN "service www.example.test web";
	unsigned told = 0;
	for (int i = 1; i <= 240; i++)
		snprintf(plan + strlen(plan), sizeof plan - strlen(plan), " 127.0.1.%d", i);
	strcat(plan, "\n");
	begin(plan);
	for (uint32_t i = 0; i < 240; i++)
		says(i, HEALTH_VERDICT_UP, false, HEALTH_OK);
	run(3000);
	heard();
	world_trace(&w, NULL);
	for (uint32_t i = 0; i < 240; i++)
		says(i, HEALTH_VERDICT_DOWN, false, HEALTH_CONNECT_REFUSED);
	run(500);
	char *trace = strdup(world_trace(&w, "notice event=verdict|notice event=alarm"));
	for (const char *p = trace; (p = strstr(p, "cause=twin reason=\"connect refused\"")); p++)
		told++;
	ck_assert_uint_ge(told, 100);
	ck_assert_uint_le(told, 106); /* ten a second more */
	const char *alarm = strstr(trace, "its verdicts change faster than they are told here");
	ck_assert_ptr_nonnull(alarm);
	free(trace);
	run(2000);
	heard();
	says(0, HEALTH_VERDICT_UP, false, HEALTH_OK);
	run(500);
	ck_assert_msg(strstr(heard(), " left_out=1") != NULL, "the next one tells how many were left out");
}
END_TEST

START_TEST(its_own_troubles_are_told)
{
	begin(TWO);
	run(2000);
	world_trace(&w, NULL);
	pair_set_self(twin, &(struct pair_self_signs){ .booted = true, .maint = true }, w.now_ms);
	run(500);
	ck_assert_str_eq(world_trace(&w, "notice event=node"), "notice event=node node=ns2 state=maint was=normal cause=twin reason=\"it is taken out for maintenance\" observer=ns2\n");
	pair_set_self(twin, &(struct pair_self_signs){ .booted = true }, w.now_ms);
	run(500);
	ck_assert_str_eq(world_trace(&w, "notice event=node"), "notice event=node node=ns2 state=normal was=maint cause=twin reason=\"it takes part again\" observer=ns2\n");
}
END_TEST

/* As news.c writes them, by hand: number, wall time, kind, then texts each behind its length. */
static void tells(uint64_t number, uint8_t kind, const char *subject, const char *old, const char *new, const char *reason, size_t cut)
{
	const char *texts[] = { subject, old, new, "twin", reason };
	uint8_t value[PAIR_VALUE_MAX];
	struct wbuf b;
	wbuf_init(&b, value, sizeof value);
	put_u64(&b, number);
	put_u64(&b, WORLD_WALL_MS + 1);
	put_u8(&b, kind);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		put_u8(&b, (uint8_t)strlen(texts[i]));
		put_bytes(&b, texts[i], strlen(texts[i]));
	}
	ck_assert(!b.failed);
	ck_assert_int_eq(pair_write(twin, PAIR_NOTICE, number % 16, value, b.len - cut, w.now_ms), 0);
}

START_TEST(its_own_events_are_told_once)
{
	begin(TWO);
	run(2000);
	world_trace(&w, NULL);
	tells(7, CORE_NOTICE_NETWORK, "ipv4", "ok", "lost", "no canary answers", 0);
	tells(8, CORE_NOTICE_ALARM, "ns2", "", "", "the disk is full", 0);
	run(500);
	const char *t = world_trace(&w, "notice event=");
	ck_assert_msg(strstr(t, "event=network") && strstr(t, "what=\"the disk is full\"") && strstr(t, "number=8"), "%s", t);
	ck_assert_msg(!strstr(t, "observer=ns1"), "%s", t);
	struct core_notice n;
	core_notice_get(w.core, core_notices(w.core) - 1, &n);
	ck_assert_str_eq(n.observer, "ns2");
	ck_assert(notice_is_relayed(&n));
	ck_assert_uint_eq(n.wall_ms, WORLD_WALL_MS + 1); /* when it was, by the twin's clock */
	/* again, an elder one, one cut off, and kinds that are told otherwise */
	tells(8, CORE_NOTICE_ALARM, "ns2", "", "", "said otherwise", 0);
	tells(3, CORE_NOTICE_ALARM, "ns2", "", "", "long ago", 0);
	tells(9, CORE_NOTICE_ALARM, "ns2", "", "", "cut", 1);
	tells(10, CORE_NOTICE_ANSWER, "www.example.test", "a", "b", "no", 0);
	tells(11, 0, "", "", "", "", 0);
	tells(12, 255, "x", "", "", "", 0);
	run(500);
	ck_assert_str_eq(world_trace(&w, "notice event="), "");
	/* control characters, and what looks like another line */
	tells(13, CORE_NOTICE_ALARM, "ns2", "", "", "a\nb\x1b[31m", 0);
	run(500);
	core_notice_get(w.core, core_notices(w.core) - 1, &n);
	ck_assert_str_eq(n.reason, "a?b?[31m");
}
END_TEST

/* What this node's events are on its shelf: the newest 16 at most, and none of a twin's. */
START_TEST(ours_are_on_the_shelf)
{
	size_t pos = 0, count = 0;
	const struct pair_record *r;
	begin(TWO);
	run(2000);
	tells(7, CORE_NOTICE_ALARM, "ns2", "", "", "the twin's", 0);
	run(500);
	for (int i = 0; i < 40; i++) { /* an alarm each time */
		notice_alarm(w.core, NULL, i % 2 ? "odd" : "even");
		run(50);
	}
	run(500);
	while ((r = pair_walk(twin, PAIR_NOTICE, &pos))) {
		if (r->owner != core_plan(w.core)->nodes[0].id)
			continue;
		count++;
		ck_assert_ptr_null(memmem(r->value, r->value_len, "the twin's", 10));
	}
	ck_assert_uint_eq(count, 16);
}
END_TEST

/* Of our own records of a kind the one that is about the service, not about a target or a part. */
static struct pair_record about_the_service(enum pair_kind kind)
{
	size_t pos = 0;
	const struct pair_record *r;
	while ((r = pair_walk(w.core->pair, kind, &pos)))
		if (r->owner == core_plan(w.core)->nodes[0].id && r->key >= PLAN_PARTS && !gen_stream(w.core->gen, r->key))
			return *r;
	ck_abort_msg("no record of kind %d is about the service", kind);
	return (struct pair_record){ 0 };
}

START_TEST(its_hold_counts_once_its_service_is_like_ours)
{
	uint8_t tier[PAIR_VALUE_MAX], other[8] = { 1, 2, 3 }, like[8];
	begin(PLAN "service www.example.test web 127.0.0.11 / 127.0.0.12 failback=manual\n");
	run(3000);
	struct pair_record hold = about_the_service(PAIR_EFFECTIVE), digest = about_the_service(PAIR_CONFIG);
	size_t len = value_tier_put(tier, &(struct tier_hold){ .tier = 1, .hlc = (WORLD_WALL_MS + w.now_ms) << 16 });
	ck_assert_uint_eq(digest.value_len, sizeof like);
	memcpy(like, digest.value, sizeof like);
	ck_assert_int_eq(pair_write(twin, PAIR_CONFIG, digest.key, other, sizeof other, w.now_ms), 0);
	run(1000);
	ck_assert_int_eq(pair_write(twin, PAIR_EFFECTIVE, hold.key, tier, len, w.now_ms), 0);
	run(1000);
	ck_assert_str_eq(world_answer(&w, "www.example.test", DNS_TYPE_A), "127.0.0.11 ttl=10"); /* its tiers are others */
	ck_assert_int_eq(pair_write(twin, PAIR_CONFIG, digest.key, like, sizeof like, w.now_ms), 0);
	run(1000);
	ck_assert_str_eq(world_answer(&w, "www.example.test", DNS_TYPE_A), "127.0.0.12 ttl=10");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { a_change_that_the_twin_saw_is_told_once, the_address_is_the_members, its_vote_comes_with_its_reason,
				       abstaining_is_no_change, its_start_tells_only_what_changed,
				       a_reload_keeps_what_was_heard, a_flood_is_bounded_and_its_rest_counted, its_own_troubles_are_told,
				       its_own_events_are_told_once, ours_are_on_the_shelf,
				       its_hold_counts_once_its_service_is_like_ours };
	TCase *t = tcase_create("stories");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, NULL, finish);
	for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
		tcase_add_test(t, tests[i]);
	return unit_run_case("core_hear", t);
}
