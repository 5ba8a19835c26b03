/* gemelctl and the control server over a real unix socket, before a real core. */
#include "config.h"
#include <check.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/diag.h"
#include "ctl/view.h"
#include "dns/const.h"
#include "lib/ctl_kit.h"

static struct kit k;

static const char *const plan = "check web\n"
				"service www.example.test web 127.0.0.11 127.0.0.12@ams1 / ::1\n"
				"service api.example.test web 127.0.0.11\n";

/* One back end is dead, three seconds have passed. */
static void begin(void)
{
	kit_begin(&k, plan);
	world_backend(&k.w, "127.0.0.11", HEALTH_CONNECT_REFUSED);
	world_run(&k.w, 3000);
	k.counters = (struct ctl_counters){ .queries = 9, .responses = 8, .dropped = 1, .edns = 7, .tcp = 1, .qps = 1.5,
		.rate_dropped = 4, .rate_slipped = 2, .tcp_open = 5, .tcp_accepted = 20, .tcp_evicted = 3, .tcp_evicted_source = 6 };
}

static void end(void)
{
	kit_end(&k);
}

#define EXPECT_OUT(text) ck_assert_str_eq(kit_out(&k), text)
#define EXPECT_ERR(text) ck_assert_str_eq(kit_err(&k), text)
#define EXPECT_BEGIN(text) ck_assert_int_eq(strncmp(kit_out(&k), text, strlen(text)), 0)
#define EXPECT_EXIT(n) ck_assert_int_eq(k.exit, n)

/* ---- what verbs show ---- */

START_TEST(status_for_people)
{
	kit_ask(&k, 0, "status");
	EXPECT_EXIT(0);
	EXPECT_ERR("");
	EXPECT_OUT("node              ns1\n"
		   "version           " PACKAGE_VERSION "\n"
		   "file              test.lua\n"
		   "started           2023-11-14T22:30:00.000Z (3.0s ago)\n"
		   "generation        1\n"
		   "ready             yes\n"
		   "journal           ok\n"
		   "services          2 (1 degraded, 1 failed, 0 waiting)\n"
		   "members up        2 of 4\n"
		   "overrides         0\n"
		   "probes streams    3\n"
		   "probes running    0\n"
		   "network state     unwatched\n"
		   "queries total     9\n"
		   "queries a second  1.5\n"
		   "queries limited   4 dropped, 2 truncated\n"
		   "\n"
		   "ROLE       PID   RESTARTS  STARTED  CONFINED\n"
		   "responder  1001  0         3.0s     no\n"
		   "prober     1002  3         3.0s     landlock, seccomp\n");
}
END_TEST

START_TEST(status_for_machines)
{
	k.journal_failed = true;
	kit_ask(&k, KIT_JSON, "status");
	EXPECT_EXIT(0);
	EXPECT_OUT("{\"node\":\"ns1\",\"version\":\"" PACKAGE_VERSION "\",\"file\":\"test.lua\",\"started\":\"2023-11-14T22:30:00.000Z\","
		   "\"uptime_ms\":3000,\"generation\":1,\"ready\":true,\"journal_ok\":false,\"http_admin\":false,\"pair\":null,"
		   "\"services\":{\"total\":2,\"degraded\":1,\"failed\":1,\"waiting\":0},\"members\":{\"total\":4,\"up\":2},\"overrides\":0,"
		   "\"probes\":{\"streams\":3,\"running\":0,\"unknown\":0,\"disputed\":0},"
		   "\"network\":{\"state\":\"unwatched\",\"since\":null,\"canaries\":0,\"answering\":0,\"void\":0},\"queries\":{\"total\":9,\"responses\":8,\"dropped\":1,\"truncated\":0,"
		   "\"cold\":0,\"edns\":7,\"tcp\":1,\"rate_dropped\":4,\"rate_slipped\":2,\"qps\":1.5},"
		   "\"tcp\":{\"connections\":5,\"accepted\":20,\"evicted\":3,\"evicted_source\":6},"
		   "\"latency_us\":{\"5\":0,\"10\":0,\"20\":0,\"50\":0,\"100\":0,\"200\":0,\"500\":0,\"1000\":0,\"2000\":0,\"5000\":0,\"10000\":0,"
		   "\"20000\":0,\"50000\":0,\"100000\":0,\"more\":0},"
		   "\"hook\":null,\"peers\":[],"
		   "\"processes\":[{\"role\":\"responder\",\"pid\":1001,\"restarts\":0,\"started\":\"2023-11-14T22:30:00.000Z\",\"confined\":\"no\"},"
		   "{\"role\":\"prober\",\"pid\":1002,\"restarts\":3,\"started\":\"2023-11-14T22:30:00.000Z\",\"confined\":\"landlock, seccomp\"}]}\n");
}
END_TEST

static const struct ctl_zone zone_list[] = {
	{ .name = (char *)(uintptr_t)"example.test", .queries = 7, .serial = 2026112101, .records = 13, .has_signatures = true, .content = 0xabc },
	{ .name = (char *)(uintptr_t)"static.test", .faulty = true },
};

START_TEST(zones_in_both_forms)
{
	struct ctl_zones zones = { (struct ctl_zone *)(uintptr_t)zone_list, 2, true, 0x123456789abcdef0 };
	k.zones = &zones;
	kit_ask(&k, 0, "zones");
	EXPECT_EXIT(0);
	EXPECT_OUT("ZONE          STATE   SERIAL      DIGEST            RECORDS  SIGNED  QUERIES\n"
		   "example.test  served  2026112101  0000000000000abc  13       yes     7\n"
		   "static.test   faulty                                0        no      0\n");
	zones.counted = false;
	kit_ask(&k, KIT_JSON, "zones");
	EXPECT_OUT("{\"digest\":\"123456789abcdef0\",\"zones\":[{\"zone\":\"example.test\",\"state\":\"served\",\"serial\":2026112101,\"digest\":\"0000000000000abc\",\"records\":13,\"signed\":true,\"queries\":null},"
		   "{\"zone\":\"static.test\",\"state\":\"faulty\",\"serial\":null,\"digest\":null,\"records\":0,\"signed\":false,\"queries\":null}]}\n");
	zones.count = 0;
	kit_ask(&k, 0, "zones");
	EXPECT_OUT("no zones\n");
}
END_TEST

START_TEST(stats_for_people)
{
	struct latency l = { .count = { 1, 97, [4] = 2 }, .sum_ns = 800000 };
	k.latency = &l;
	k.counters.by_rcode[0] = 6;
	k.counters.by_rcode[23] = 2;
	kit_ask(&k, 0, "stats");
	EXPECT_EXIT(0);
	EXPECT_OUT("started               2023-11-14T22:30:00.000Z (3.0s ago)\n"
		   "queries total         9\n"
		   "queries responses     8\n"
		   "queries dropped       1\n"
		   "queries truncated     0\n"
		   "queries cold          0\n"
		   "queries edns          7\n"
		   "queries tcp           1\n"
		   "queries rate dropped  4\n"
		   "queries rate slipped  2\n"
		   "queries a second      1.5\n"
		   "tcp connections       5\n"
		   "tcp accepted          20\n"
		   "tcp evicted           3\n"
		   "tcp evicted source    6\n"
		   "responses NOERROR     6\n"
		   "responses FORMERR     0\n"
		   "responses SERVFAIL    0\n"
		   "responses NXDOMAIN    0\n"
		   "responses NOTIMP      0\n"
		   "responses REFUSED     0\n"
		   "responses BADCOOKIE   2\n"
		   "latency timed         100\n"
		   "latency mean          0.01ms\n"
		   "latency p50           0.01ms\n"
		   "latency p99           0.10ms\n"
		   "services              2\n"
		   "members               4\n"
		   "streams               3\n"
		   "reloads taken         0\n"
		   "reloads partly        0\n"
		   "reloads refused       0\n"
		   "reloads took          0ms\n");
}
END_TEST

START_TEST(stats_for_machines)
{
	struct ctl_zones zones = { (struct ctl_zone *)(uintptr_t)zone_list, 2, true, 0 };
	struct latency slow = { .count = { [LATENCY_BUCKETS - 1] = 1 }, .sum_ns = 200000000 };
	k.zones = &zones;
	k.latency = &slow;
	k.last_reloads = (struct ctl_reloads){ .by_result = { 3, 1, 2 }, .last_wall_ms = 1700001002000, .last_took_ms = 12 };
	kit_ask(&k, KIT_JSON, "stats");
	EXPECT_EXIT(0);
	EXPECT_OUT("{\"started\":\"2023-11-14T22:30:00.000Z\",\"uptime_ms\":3000,\"queries\":{\"total\":9,\"responses\":8,\"dropped\":1,"
		   "\"truncated\":0,\"cold\":0,\"edns\":7,\"tcp\":1,\"rate_dropped\":4,\"rate_slipped\":2,\"qps\":1.5},"
		   "\"tcp\":{\"connections\":5,\"accepted\":20,\"evicted\":3,\"evicted_source\":6},"
		   "\"responses\":{\"NOERROR\":0,\"FORMERR\":0,\"SERVFAIL\":0,\"NXDOMAIN\":0,\"NOTIMP\":0,\"REFUSED\":0},"
		   "\"latency\":{\"timed\":1,\"mean_us\":200000,\"p50_us\":null,\"p99_us\":null},"
		   "\"zones\":2,\"services\":2,\"members\":4,\"streams\":3,"
		   "\"reloads\":{\"taken\":3,\"partly\":1,\"refused\":2,\"last\":\"2023-11-14T22:30:02.000Z\",\"took_ms\":12},\"packets\":null}\n");
}
END_TEST

START_TEST(status_tells_of_the_hook)
{
	static const struct ctl_hook hook = { .program = "/bin/notify", .ran = 7, .failed = 1, .dropped = 3, .waiting = 2, .running = true };
	k.hook = &hook;
	kit_ask(&k, KIT_JSON, "status");
	ck_assert_ptr_nonnull(strstr(kit_out(&k), ",\"hook\":{\"program\":\"/bin/notify\",\"ran\":7,\"failed\":1,\"dropped\":3,"
						  "\"waiting\":2,\"running\":true},"));
	kit_ask(&k, 0, "status");
	ck_assert_ptr_nonnull(strstr(kit_out(&k), "hook program      /bin/notify\nhook ran          7\nhook failed       1\nhook dropped      3\n"));
}
END_TEST

START_TEST(services_in_both_forms)
{
	kit_ask(&k, 0, "services");
	EXPECT_OUT("SERVICE           STATE     TOTAL  UP  ANSWERING  A                    AAAA\n"
		   "www.example.test  degraded  3      2   2          tier 1, 10s          tier 2, 10s\n"
		   "api.example.test  failed    1      0   1          all_down first, 10s\n");
}
END_TEST

START_TEST(services_json)
{
	kit_ask(&k, 0, "services --json"); /* behind the verb it works too */
	EXPECT_EXIT(0);
	const char *out = kit_out(&k);
	ck_assert_ptr_nonnull(strstr(out, "{\"service\":\"api.example.test\",\"state\":\"failed\",\"total\":1,\"up\":0,\"answering\":1,"
					  "\"a\":{\"rule\":\"all_down first\",\"tier\":1,\"ttl_s\":10},\"aaaa\":null}]}\n"));
	EXPECT_BEGIN("{\"services\":[{\"service\":\"www.example.test\",");
}
END_TEST

START_TEST(service_for_people)
{
	kit_ask(&k, 0, "down 127.0.0.12 --for 30m --reason new_disk");
	EXPECT_EXIT(0);
	kit_ask(&k, 0, "service WWW.example.TEST."); /* case and a final dot do not matter */
	EXPECT_EXIT(0);
	EXPECT_OUT("service    www.example.test\n"
		   "state      degraded\n"
		   "total      3\n"
		   "up         2\n"
		   "answering  1\n"
		   "a          other family lives, 10s\n"
		   "aaaa       tier 2, 10s\n"
		   "file       test.lua\n"
		   "line       1\n"
		   "\n"
		   "ADDRESS     TIER  HOST  STATE  SINCE  ANSWERING  OWN   FORCED  BY    UNTIL      WHY       TOOK    REASON\n"
		   "127.0.0.11  1           down   2.8s   no         down                                     0.30ms  connect refused\n"
		   "127.0.0.12  1     ams1  up     3.0s   no         up    down    root  in 30m00s  new disk  0.30ms  ok\n"
		   "::1         2           up     2.9s   yes        up                                       0.30ms  ok\n");
}
END_TEST

START_TEST(service_json_has_every_member)
{
	kit_ask(&k, KIT_JSON, "service api.example.test");
	EXPECT_EXIT(0);
	const char *members = strstr(kit_out(&k), "\"members\":");
	ck_assert_ptr_nonnull(members);
	const char *since = strstr(members, "\"since\":\"2023-11-14T22:30:0");
	ck_assert_ptr_nonnull(since);
	ck_assert_ptr_nonnull(strstr(members, "{\"address\":\"127.0.0.11\",\"tier\":1,\"host\":null,\"weight\":1,\"weight_pct\":100,\"start_pct\":null,\"start_left_ms\":null,\"state\":\"down\",\"since\":"));
	ck_assert_ptr_nonnull(strstr(members, "\"answering\":true,\"own\":\"down\",\"twin\":null,\"forced\":null,\"by\":null,\"until\":null,"
					      "\"why\":null,\"window\":null,\"held_back\":null,\"drain\":false,\"recovered\":false,\"flap\":\"steady\",\"held\":false,\"check\":\"web\",\"probe\":\"127.0.0.11\","
					      "\"took_us\":300,\"reason\":\"connect refused\"}]}\n"));
}
END_TEST

START_TEST(an_unknown_service_is_refused_in_one_line)
{
	kit_ask(&k, KIT_JSON, "service nowhere.example.test");
	EXPECT_EXIT(1);
	EXPECT_OUT("");
	EXPECT_ERR("gemelctl: no service \"nowhere.example.test\" on this node\n");
	kit_ask(&k, 0, "service ww.example.test");
	EXPECT_ERR("gemelctl: no service \"ww.example.test\" on this node; did you mean \"www.example.test\"\n");
	kit_ask(&k, 0, "service WWW"); /* the only one that begins so */
	EXPECT_ERR("gemelctl: no service \"WWW\" on this node; did you mean \"www.example.test\"\n");
	kit_ask(&k, 0, "service w");
	EXPECT_ERR("gemelctl: no service \"w\" on this node\n");
}
END_TEST

START_TEST(explain_for_people)
{
	kit_ask(&k, 0, "explain WWW.example.TEST. --client 192.0.2.1");
	EXPECT_EXIT(0);
	EXPECT_OUT("www.example.test is a service of 3 members in 2 tiers (test.lua:1)\n"
		   "A: tier 1 answers: it has 1 member up and needs 1\n"
		   "A: the answer is 127.0.0.12, whoever asks\n"
		   "A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\n"
		   "AAAA: tier 2 answers: tier 1 has no AAAA member\n"
		   "AAAA: tier 2 has 1 member up and needs 1\n"
		   "AAAA: the answer is ::1, whoever asks\n"
		   "AAAA: TTL 10 s, the least allowed: ::1 may change in 3.0s\n"
		   "member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\n"
		   "member 127.0.0.12 (tier 1, host ams1) is up: ns1 votes up (ok)\n"
		   "member ::1 (tier 2) is up: ns1 votes up (ok)\n");
}
END_TEST

START_TEST(explain_for_machines)
{
	kit_ask(&k, KIT_JSON, "explain api.example.test --client=2001:db8::1");
	EXPECT_EXIT(0);
	EXPECT_OUT("{\"name\":\"api.example.test\",\"service\":\"api.example.test\",\"file\":\"test.lua\",\"line\":2,"
		   "\"client\":\"2001:db8::1\",\"ready\":true,\"a\":{\"rule\":\"all_down first\",\"tier\":1,\"ttl_s\":10},\"aaaa\":null,"
		   "\"sentences\":[{\"about\":\"service\",\"text\":\"api.example.test is a service of 1 member in 1 tier (test.lua:2)\"},"
		   "{\"about\":\"a\",\"text\":\"A: no tier has enough members up: tier 1 has 0 of 1 members up that it needs\"},"
		   "{\"about\":\"a\",\"text\":\"A: all_down = \\\"first\\\" gives the members of tier 1 that are not taken out\"},"
		   "{\"about\":\"a\",\"text\":\"A: the answer is 127.0.0.11, whoever asks\"},"
		   "{\"about\":\"a\",\"text\":\"A: TTL 10 s, the least allowed: 127.0.0.11 may change in 2.0s\"},"
		   "{\"about\":\"aaaa\",\"text\":\"AAAA: no address is given (NODATA): the service has no AAAA member\"},"
		   "{\"about\":\"member\",\"text\":\"member 127.0.0.11 (tier 1) is down: ns1 votes down (connect refused)\"}]}\n");
}
END_TEST

START_TEST(explain_through_a_wildcard)
{
	kit_end(&k);
	kit_begin(&k, "check web\nservice *.example.test web 127.0.0.12\n");
	world_run(&k.w, 3000);
	kit_ask(&k, 0, "explain x.example.test");
	EXPECT_EXIT(0);
	EXPECT_BEGIN("x.example.test is no service: where its zone has nothing nearer, it is answered by *.example.test\n"
		     "*.example.test is a service of 1 member in 1 tier (test.lua:1)\n");
	kit_ask(&k, KIT_JSON, "explain x.example.test");
	EXPECT_BEGIN("{\"name\":\"x.example.test\",\"service\":\"*.example.test\",\"file\":\"test.lua\",\"line\":1,\"client\":null,");
}
END_TEST

/* A reason is an operator's, or the twin's: no terminal obeys it. */
START_TEST(explain_cleans_what_comes_from_outside)
{
	kit_ask(&k, 0, "drain 127.0.0.12 --reason caf\xc3\xa9\xe2\x80\xae");
	EXPECT_EXIT(0);
	kit_ask(&k, 0, "explain www.example.test");
	ck_assert_ptr_nonnull(strstr(kit_out(&k), "override \"drain 127.0.0.12\" by "));
	ck_assert_ptr_nonnull(strstr(kit_out(&k), "because \"caf\xc3\xa9?\"\n"));
}
END_TEST

START_TEST(peers_without_a_pair)
{
	kit_ask(&k, 0, "peers");
	EXPECT_OUT("no peers\n");
	kit_ask(&k, KIT_JSON, "peers");
	EXPECT_OUT("{\"peers\":[],\"differ\":[],\"packets\":null}\n");
}
END_TEST

START_TEST(peers_with_one)
{
	end();
	kit_begin(&k, "pair any-up\ncheck web\nservice www.example.test web 127.0.0.12\n");
	world_run(&k.w, 3000);
	kit_ask(&k, 0, "peers");
	EXPECT_EXIT(0);
	EXPECT_BEGIN("node  ns1\nself  normal\nlhm   0\n\n"
		     "NODE  ID  LINK     SINCE  LOSS  CLOCK  LHM  SAME RECORDS\n"
		     "ns2   2   waiting  3.0s   0.0%  +0ms   0    no\n\npackets sent ");
	ck_assert_ptr_nonnull(strstr(kit_out(&k), "packets refused   0\npackets repeated  0\n"));
	kit_ask(&k, KIT_JSON, "peers");
	char digest[80];
	snprintf(digest, sizeof digest, "{\"node\":\"ns1\",\"self\":\"normal\",\"lhm\":0,\"digest\":\"%016" PRIx64 "\",", core_plan(k.w.core)->digest);
	EXPECT_BEGIN(digest);
	ck_assert_ptr_nonnull(strstr(kit_out(&k), ",\"peers\":[{\"node\":\"ns2\",\"id\":2,\"link\":\"waiting\",\"self\":null,"
					      "\"since\":\"2023-11-14T22:30:00.000Z\",\"heard\":null,\"rtt_us\":null,"
					      "\"loss_permille\":0,\"clock_ms\":0,\"phi\":null,\"lhm\":0,\"transport\":null,"
					      "\"key\":null,\"key_since\":null,\"keys\":null,\"undecryptable\":0,\"targets\":1,\"common\":0,\"alike\":0,\"counts\":false,"
					      "\"digest\":null,\"same_config\":false,\"config\":null,\"same_zones\":null,\"zones\":null,\"same_records\":false}],\"differ\":[],"
					      "\"packets\":{\"sent\":"));
	kit_ask(&k, KIT_JSON, "status");
	ck_assert_ptr_nonnull(strstr(kit_out(&k), "\"pair\":{\"name\":\"demo\",\"self\":\"normal\"}"));
	ck_assert_ptr_nonnull(strstr(kit_out(&k), "\"peers\":[{\"node\":\"ns2\",\"link\":\"waiting\",\"since\":\"2023-11-14T22:30:00.000Z\"}]"));
	kit_ask(&k, 0, "status --check");
	EXPECT_EXIT(1);
	EXPECT_BEGIN("GEMEL WARNING - twin ns2 is waiting; ");
}
END_TEST

static int find_id(const char *out)
{
	const char *at = strstr(out, "\"id\":\"");
	return at ? (int)strtol(at + 6, NULL, 16) : -1;
}

/* One key, and a twin that was never heard: nothing is safe that needs the twin. */
START_TEST(key_tells_what_is_safe)
{
	char words[32], line[160];
	end();
	kit_begin(&k, "pair any-up\ncheck web\nservice www.example.test web 127.0.0.12\n");
	world_run(&k.w, 3000);
	kit_ask(&k, KIT_JSON, "key");
	EXPECT_EXIT(0);
	int id = find_id(kit_out(&k));
	ck_assert_int_ge(id, 0);
	snprintf(line, sizeof line, "{\"keys\":[{\"id\":\"%02x\",\"sends\":true}],\"peers\":[{\"node\":\"ns2\",\"link\":\"waiting\","
		 "\"uses\":null,\"since\":null,\"accepts\":null}],\"next\":\"", (unsigned)id);
	EXPECT_BEGIN(line);
	snprintf(words, sizeof words, "key drop %02x", (unsigned)id);
	kit_ask(&k, 0, words);
	EXPECT_EXIT(1);
	ck_assert_ptr_nonnull(strstr(kit_err(&k), "this node sends with"));
	snprintf(words, sizeof words, "key send %02x", (unsigned)id);
	kit_ask(&k, 0, words);
	EXPECT_EXIT(1);
	ck_assert_ptr_nonnull(strstr(kit_err(&k), "refused: ns2 is not heard, and nobody knows whether it accepts"));
	snprintf(words, sizeof words, "key send %02x --force", (unsigned)id);
	kit_ask(&k, 0, words);
	EXPECT_EXIT(0);
	EXPECT_OUT("");
	static const char *const none[] = { "key send g0", "key send 1", "key send 123", "key drop \"\"" };
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
		kit_ask(&k, 0, none[i]);
		EXPECT_EXIT(1);
		ck_assert_ptr_nonnull(strstr(kit_err(&k), "this node has no key "));
	}
	kit_ask(&k, 0, "key swap 12");
	EXPECT_EXIT(2);
}
END_TEST

/* By a table of the normal distribution: phi = -log10 of what lies beyond. */
START_TEST(phi_is_how_unlikely_a_silence_is)
{
	static const struct { double age, mean, dev, interval, phi; } cases[] = {
		{ 200, 200, 100, 200, 0.301 }, /* one half */
		{ 300, 200, 100, 200, 0.799 }, /* one deviation: 0.1587 */
		{ 400, 200, 100, 200, 1.643 }, /* two: 0.02275 */
		{ 500, 200, 100, 200, 2.870 }, /* three: 0.00135 */
		{ 100, 200, 100, 200, 0.075 }, /* 0.8413 */
		{ 0, 200, 1, 200, 0.010 },     /* the floor, half the interval, makes this two deviations */
		{ 400, 200, 1, 200, 1.643 },
		{ 600, 200, 200, 200, 1.643 }, /* above the floor the deviation counts */
		{ 1e9, 200, 100, 200, 99.9 },  /* bounded, and no overflow */
		{ -1e9, 200, 100, 200, 0 },
		{ 500, 200, 0, 0, 0.301 },     /* nothing known: no opinion */
	};
	double before = 0;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		double phi = view_phi(cases[i].age, cases[i].mean, cases[i].dev, cases[i].interval);
		ck_assert_msg(phi > cases[i].phi - 0.05 && phi < cases[i].phi + 0.05, "case %zu: %f", i, phi);
	}
	for (double age = 0; age < 5000; age += 10) { /* never falls while it lasts */
		double phi = view_phi(age, 210, 30, 200);
		ck_assert(phi >= before);
		before = phi;
	}
}
END_TEST

START_TEST(maint_is_on_or_off)
{
	kit_ask(&k, 0, "maint");
	EXPECT_EXIT(2);
	kit_ask(&k, 0, "maint of");
	EXPECT_EXIT(2);
	kit_ask(&k, 0, "maint off --for 3m");
	EXPECT_EXIT(2);
	ck_assert_int_eq(k.commands, 0);
	kit_ask(&k, 0, "maint on --for 30m --force --reason disk");
	ck_assert_int_eq(k.commands, 1);
}
END_TEST

START_TEST(the_log_is_switched)
{
	kit_ask(&k, KIT_JSON, "log");
	ck_assert_str_eq(kit_out(&k), "{\"level\":\"info\",\"form\":\"text\",\"dropped\":3}\n");
	kit_ask(&k, 0, "log loud");
	EXPECT_EXIT(2);
	ck_assert_ptr_nonnull(strstr(kit_err(&k), "log \"loud\"; expected error, warning, notice, info or debug"));
	ck_assert_int_eq(k.loggings, 0);
	kit_ask(&k, KIT_JSON, "log debug");
	EXPECT_EXIT(0);
	ck_assert_int_eq(k.loggings, 1);
	ck_assert_int_eq(k.logging.level, LOG_LEVEL_DEBUG);
	ck_assert_str_eq(kit_out(&k), "{\"level\":\"debug\",\"form\":\"text\",\"dropped\":3}\n");
}
END_TEST

START_TEST(the_query_log_is_switched)
{
	static const char *const wrong[] = { "querylog yes", "querylog off --sample 3", "querylog --sample 3", "querylog on --sample 0",
					     "querylog on --sample 1000001", "querylog on --sample x", "querylog on off", "querylog on --sample" };
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		kit_ask(&k, 0, wrong[i]);
		EXPECT_EXIT(2);
	}
	ck_assert_int_eq(k.loggings, 0);
	kit_ask(&k, KIT_JSON, "querylog on --sample 100");
	ck_assert_uint_eq(k.logging.query_log, 100);
	ck_assert_str_eq(k.logging.node, "ns1");
	ck_assert_str_eq(kit_out(&k), "{\"querylog\":\"on\",\"sample\":100,\"lines\":null,\"lost\":null}\n");
	kit_ask(&k, 0, "querylog on");
	ck_assert_uint_eq(k.logging.query_log, 1);
	k.tap = (struct ctl_tap){ .told = true, .lines = 7, .lost = 2 };
	kit_ask(&k, KIT_JSON, "querylog off");
	ck_assert_uint_eq(k.logging.query_log, 0);
	ck_assert_str_eq(kit_out(&k), "{\"querylog\":\"off\",\"sample\":0,\"lines\":7,\"lost\":2}\n");
	ck_assert_int_eq(k.loggings, 3);
	kit_ask(&k, KIT_JSON, "querylog");
	ck_assert_int_eq(k.loggings, 3);
}
END_TEST

START_TEST(dnstap_is_switched)
{
	char words[256] = "dnstap on /";
	kit_ask(&k, 0, "dnstap off now");
	EXPECT_EXIT(2);
#ifdef HAVE_DNSTAP
	kit_ask(&k, 0, "dnstap on");
	EXPECT_EXIT(2);
	ck_assert_ptr_nonnull(strstr(kit_err(&k), "dnstap has no socket; expected dnstap on SOCKET"));
	kit_ask(&k, 0, "dnstap on run/dnstap.sock");
	EXPECT_EXIT(2);
	memset(words + 11, 'x', 107);
	words[11 + 107] = '\0';
	kit_ask(&k, 0, words);
	EXPECT_EXIT(2);
	ck_assert_int_eq(k.loggings, 0);
	kit_ask(&k, KIT_JSON, "dnstap on /run/dnstap.sock --sample 5");
	EXPECT_EXIT(0);
	ck_assert_uint_eq(k.logging.dnstap, 5);
	ck_assert_str_eq(k.logging.dnstap_socket, "/run/dnstap.sock");
	kit_ask(&k, 0, "dnstap off");
	ck_assert_uint_eq(k.logging.dnstap, 0);
	kit_ask(&k, 0, "dnstap on"); /* that socket again */
	ck_assert_uint_eq(k.logging.dnstap, 1);
	k.tap = (struct ctl_tap){ .told = true, .connected = true, .frames = 9, .frames_dropped = 4, .lost = 2 };
	kit_ask(&k, KIT_JSON, "dnstap");
	ck_assert_str_eq(kit_out(&k), "{\"dnstap\":\"on\",\"sample\":1,\"socket\":\"/run/dnstap.sock\",\"connected\":true,\"frames\":9,"
				      "\"dropped\":4,\"lost\":2}\n");
#else
	kit_ask(&k, 0, words);
	EXPECT_EXIT(1);
	ck_assert_ptr_nonnull(strstr(kit_err(&k), "this build has no dnstap"));
#endif
}
END_TEST

START_TEST(failback_asks_for_a_service)
{
	kit_ask(&k, 0, "failback");
	EXPECT_EXIT(2);
	kit_ask(&k, 0, "failback www.example.test");
	EXPECT_EXIT(1);
	ck_assert_int_eq(k.commands, 1);
}
END_TEST

START_TEST(overrides_in_both_forms)
{
	kit_ask(&k, 0, "overrides");
	EXPECT_OUT("no overrides\n");
	kit_ask(&k, 0, "drain ams1 --reason=moving");
	EXPECT_EXIT(0);
	world_run(&k.w, 1000);
	kit_ask(&k, 0, "overrides");
	EXPECT_OUT("WHAT  VERB   BY    NODE  ON   SINCE  WHY\n"
		   "ams1  drain  root  ns1   ns1  1.0s   moving\n");
	kit_ask(&k, KIT_JSON, "overrides");
	EXPECT_OUT("{\"overrides\":[{\"what\":\"ams1\",\"verb\":\"drain\",\"by\":\"root\",\"node\":\"ns1\",\"on\":\"ns1\","
		   "\"since\":\"2023-11-14T22:30:03.000Z\",\"until\":null,\"left_ms\":null,\"why\":\"moving\"}]}\n");
	kit_ask(&k, 0, "down ams1 --for 90s"); /* the newest counts */
	world_run(&k.w, 1000);
	kit_ask(&k, KIT_JSON, "overrides");
	ck_assert_ptr_nonnull(strstr(kit_out(&k), "\"verb\":\"down\""));
	ck_assert_ptr_nonnull(strstr(kit_out(&k), ",\"until\":\"2023-11-14T22:31:34.000Z\",\"left_ms\":89000,\"why\":null}]}"));
	kit_ask(&k, 0, "auto ams1");
	EXPECT_EXIT(0);
	kit_ask(&k, 0, "overrides");
	EXPECT_OUT("no overrides\n");
}
END_TEST

/* ---- windows ---- */

START_TEST(windows_in_both_forms)
{
	kit_ask(&k, 0, "windows");
	EXPECT_OUT("no windows\n");
	world_backend(&k.w, "127.0.0.11", HEALTH_OK);
	world_run(&k.w, 5000);
	world_plan(&k.w, "check web\nservice www.example.test web 127.0.0.11 127.0.0.12\n"
		   "window upgrade 127.0.0.12 from=2023-11-14_22:00 to=2023-11-14_23:00\n"
		   "window all www.example.test cron=0_*_*_*_* lasts=2400000\n"
		   "window gone 127.0.0.11 from=2020-01-01_00:00 to=2020-01-01_01:00\n");
	kit_ask(&k, KIT_JSON, "windows");
	EXPECT_EXIT(0);
	EXPECT_OUT("{\"windows\":[{\"window\":\"upgrade\",\"state\":\"open\",\"does\":\"drain\",\"what\":\"127.0.0.12\",\"opens\":\"2023-11-14T22:00:00.000Z\","
		   "\"closes\":\"2023-11-14T23:00:00.000Z\",\"next\":null,\"services\":1,\"held_back\":0,\"held_back_by\":null,\"cron\":null,\"lasts_s\":3600,"
		   "\"file\":\"test.lua\",\"line\":1},"
		   "{\"window\":\"all\",\"state\":\"open\",\"does\":\"drain\",\"what\":\"www.example.test\",\"opens\":\"2023-11-14T22:00:00.000Z\","
		   "\"closes\":\"2023-11-14T22:40:00.000Z\",\"next\":\"2023-11-14T23:00:00.000Z\",\"services\":1,\"held_back\":1,"
		   "\"held_back_by\":\"www.example.test\",\"cron\":\"0 * * * *\",\"lasts_s\":2400,\"file\":\"test.lua\",\"line\":2},"
		   "{\"window\":\"gone\",\"state\":\"over\",\"does\":\"drain\",\"what\":\"127.0.0.11\",\"opens\":null,\"closes\":null,\"next\":null,"
		   "\"services\":1,\"held_back\":0,\"held_back_by\":null,\"cron\":null,\"lasts_s\":3600,\"file\":\"test.lua\",\"line\":3}]}\n");
	kit_ask(&k, 0, "windows");
	EXPECT_BEGIN("WINDOW   STATE  DOES   WHAT");
	kit_ask(&k, KIT_JSON, "service www.example.test");
	ck_assert_ptr_nonnull(strstr(kit_out(&k), "\"forced\":\"drain\",\"by\":\"maintenance\",\"until\":\"2023-11-14T23:00:00.000Z\",\"why\":\"upgrade\""));
	ck_assert_ptr_nonnull(strstr(kit_out(&k), "\"window\":\"upgrade\",\"held_back\":null"));
	ck_assert_ptr_nonnull(strstr(kit_out(&k), "\"window\":null,\"held_back\":\"all\""));
}
END_TEST

/* ---- targets ---- */

START_TEST(targets_in_both_forms)
{
	kit_ask(&k, KIT_JSON, "targets");
	EXPECT_EXIT(0);
	EXPECT_BEGIN("{\"targets\":[{\"address\":\"127.0.0.11\",\"check\":\"web\",\"state\":\"down\",\"since\":\"2023");
	ck_assert_ptr_nonnull(strstr(kit_out(&k), "\"took_us\":300,\"reason\":\"connect refused\",\"stale\":false,\"unknown_since\":null,\"recovered\":false,"
					       "\"running\":false,\"waiting\":false,\"services\":2,\"canary\":false,\"shared\":false,"
					       "\"flap\":\"steady\",\"penalty\":0,\"flap_until\":null,\"breaker\":\"closed\",\"late_ms\":0}"));
	ck_assert_ptr_nonnull(strstr(kit_out(&k), "],\"prober\":\"up\"}"));
	kit_ask(&k, 0, "targets");
	EXPECT_BEGIN("ADDRESS     CHECK  STATE  SINCE  LAST");
	ck_assert_ptr_nonnull(strstr(kit_out(&k), "connect refused"));
}
END_TEST

START_TEST(without_a_prober_all_grows_old_for_all_to_see)
{
	world_prober(&k.w, false);
	world_run(&k.w, 9000);
	kit_ask(&k, KIT_JSON, "targets");
	ck_assert_ptr_nonnull(strstr(kit_out(&k), "\"state\":\"unknown\""));
	ck_assert_ptr_nonnull(strstr(kit_out(&k), "\"stale\":true"));
	ck_assert_ptr_nonnull(strstr(kit_out(&k), "\"prober\":\"up\"")); /* it may just be started anew */
	world_trace(&k.w, NULL);
	world_run(&k.w, 2000);
	ck_assert_ptr_nonnull(strstr(world_trace(&k.w, "notice"), "state=gone was=up cause=process reason=\"no prober for 10 s: verdicts grow old\""));
	kit_ask(&k, 0, "targets");
	ck_assert_ptr_nonnull(strstr(kit_out(&k), "stale"));
	ck_assert_ptr_nonnull(strstr(kit_out(&k), "gone"));
	kit_ask(&k, 0, "status --check");
	EXPECT_EXIT(2);
	ck_assert_ptr_nonnull(strstr(kit_out(&k), "no prober for 11 s"));
	ck_assert_str_eq(world_answer(&k.w, "www.example.test", DNS_TYPE_AAAA), "::1 ttl=10"); /* as before */
	world_prober(&k.w, true);
	const char *back = world_trace(&k.w, "notice");
	ck_assert_ptr_nonnull(strstr(back, " away_ms=11000 "));
	ck_assert_ptr_nonnull(strstr(back, " state=back was=gone "));
	world_run(&k.w, 3000);
	kit_ask(&k, KIT_JSON, "targets");
	ck_assert_ptr_null(strstr(kit_out(&k), "\"stale\":true"));
}
END_TEST

/* ---- status --check ---- */

START_TEST(check_is_critical_when_no_tier_serves)
{
	kit_ask(&k, KIT_JSON | KIT_COLOUR, "status --check"); /* a plugin's line whatever else was asked */
	EXPECT_EXIT(2);
	EXPECT_ERR("");
	EXPECT_OUT("GEMEL CRITICAL - 1 of 2 services have no member up, first api.example.test; 1 of 2 services are degraded; 2 services, 2 of 4 "
		   "members up | services=2 "
		   "failed=1 degraded=1 members=4 up=2 overrides=0\n");
}
END_TEST

START_TEST(check_follows_the_state)
{
	world_backend(&k.w, "127.0.0.11", HEALTH_OK);
	world_run(&k.w, 5000);
	kit_ask(&k, 0, "status --check");
	EXPECT_EXIT(0);
	EXPECT_OUT("GEMEL OK - 2 services, 4 of 4 members up | services=2 failed=0 degraded=0 members=4 up=4 overrides=0\n");
	k.journal_failed = true;
	kit_ask(&k, 0, "status --check");
	EXPECT_EXIT(1);
	EXPECT_BEGIN("GEMEL WARNING - the journal cannot be written; ");
	k.journal_failed = false;
	world_backend(&k.w, "127.0.0.12", HEALTH_READ_TIMEOUT);
	world_run(&k.w, 5000);
	kit_ask(&k, 0, "status --check");
	EXPECT_EXIT(1);
	EXPECT_BEGIN("GEMEL WARNING - 1 of 2 services are degraded; 2 services, ");
	k.journal_failed = true;
	kit_ask(&k, 0, "status --check");
	EXPECT_BEGIN("GEMEL WARNING - the journal cannot be written; 1 of 2 services are degraded; 2 services, ");
}
END_TEST

/* ---- commands ---- */

START_TEST(a_command_is_told_when_in_force)
{
	kit_ask(&k, 0, "down 127.0.0.12 --for 30m --reason new_disk");
	EXPECT_EXIT(0);
	EXPECT_ERR("");
	ck_assert_ptr_nonnull(strstr(kit_out(&k), "down 127.0.0.12"));
	ck_assert_int_eq(k.last.verb, CORE_VERB_DOWN);
	ck_assert_str_eq(k.last.selector, "127.0.0.12");
	ck_assert_str_eq(k.last.reason, "new disk");
	ck_assert_uint_eq(k.last.for_ms, 1800000);
	ck_assert(!k.last.force);
	char author[64];
	snprintf(author, sizeof author, "%s", geteuid() == 0 ? "root" : k.last.author);
	ck_assert_str_eq(k.last.author, author);
	ck_assert_uint_gt(strlen(k.last.author), 0);
	ck_assert_str_eq(world_answer(&k.w, "www.example.test", 28), "::1 ttl=10");
	kit_ask(&k, KIT_JSON, "up --force 127.0.0.12");
	EXPECT_EXIT(0);
	ck_assert(k.last.force);
	EXPECT_BEGIN("{\"verb\":\"up\",\"what\":\"127.0.0.12\",\"message\":\"up 127.0.0.12");
}
END_TEST

START_TEST(a_refusal_is_one_line_on_standard_error)
{
	kit_ask(&k, KIT_JSON, "down 127.0.0.99");
	EXPECT_EXIT(1);
	EXPECT_OUT("");
	EXPECT_ERR("gemelctl: \"127.0.0.99\" matches no address, host or service\n");
}
END_TEST

START_TEST(a_command_waits_for_the_disk)
{
	uint8_t request[256];
	k.hold = true;
	size_t len = kit_request(&k, request, sizeof request, 0, "down 127.0.0.12");
	int fd = kit_connect(&k);
	kit_send(&k, fd, request, len);
	char c;
	ck_assert_int_eq(recv(fd, &c, 1, 0), -1); /* nothing yet */
	kit_ask(&k, 0, "overrides");              /* and nobody else waits */
	EXPECT_EXIT(0);
	ctl_command_done(k.server, k.command_id + 1, false, "somebody else's");
	ctl_command_done(k.server, k.command_id, false, "done at last\x1b[2J");
	ctl_command_done(k.server, k.command_id, false, "told twice");
	kit_take(&k, fd);
	EXPECT_EXIT(0);
	EXPECT_OUT("done at last?[2J\n");
}
END_TEST

START_TEST(who_leaves_early_is_forgotten)
{
	uint8_t request[256];
	k.hold = true;
	size_t len = kit_request(&k, request, sizeof request, 0, "down 127.0.0.12");
	for (int i = 0; i < 3; i++) {
		int fd = kit_connect(&k);
		kit_send(&k, fd, request, len);
		close(fd);
		kit_turn(&k);
		ctl_command_done(k.server, k.command_id, i == 1, "to nobody");
		ctl_reload_diag(k.server, k.command_id, DIAG_ERROR, "to nobody");
		ctl_reload_done(k.server, k.command_id, 0);
	}
	ck_assert_uint_eq(k.commands, 3); /* what was asked for goes on */
	kit_ask(&k, 0, "overrides");
	EXPECT_EXIT(0);
}
END_TEST

START_TEST(stop_is_asked_once_the_reply_is_out)
{
	kit_ask(&k, 0, "stop");
	EXPECT_EXIT(0);
	EXPECT_OUT("stopping  ns1\n");
	ck_assert_uint_eq(k.stops, 1);
}
END_TEST

/* ---- reload ---- */

static int start_reload(unsigned flags)
{
	uint8_t request[64];
	size_t len = kit_request(&k, request, sizeof request, flags, "reload");
	int fd = kit_connect(&k);
	kit_send(&k, fd, request, len);
	return fd;
}

static const struct { int status, exit; const char *out, *err, *result; } reloads[] = {
	{ 0, 0, "reloaded\n", "a.lua:1: hm\na.lua:2: oh\n", "taken" },
	{ 1, 1, "", "a.lua:1: hm\na.lua:2: oh\nreloaded, but faulty zones keep their old version\n", "partly" },
	{ 2, 1, "", "a.lua:1: hm\na.lua:2: oh\nrefused: the running configuration stays\n", "refused" },
	{ 77, 1, "", "a.lua:1: hm\na.lua:2: oh\nrefused: the running configuration stays\n", "refused" },
};

START_TEST(reload_tells_every_fault)
{
	char expected[256];
	for (unsigned json = 0; json < 2; json++) {
		int fd = start_reload(json);
		ck_assert_uint_eq(k.reloads, json + 1);
		ctl_reload_diag(k.server, k.reload_id, DIAG_ERROR, "a.lua:1: hm");
		ctl_reload_diag(k.server, k.reload_id, DIAG_WARNING, "a.lua:2: oh");
		ctl_reload_progress(k.server, k.reload_id, "far too late: a fault waits to be read");
		ctl_reload_done(k.server, k.reload_id, reloads[_i].status);
		kit_take(&k, fd);
		ck_assert_uint_eq(k.progress.len, 0);
		EXPECT_EXIT(reloads[_i].exit);
		snprintf(expected, sizeof expected, "{\"verb\":\"reload\",\"result\":\"%s\",\"generation\":1,"
			 "\"faults\":[{\"level\":\"error\",\"text\":\"a.lua:1: hm\"},{\"level\":\"warning\",\"text\":\"a.lua:2: oh\"}]}\n",
			 reloads[_i].result);
		EXPECT_OUT(json ? expected : reloads[_i].out);
		if (!json)
			EXPECT_ERR(reloads[_i].err);
	}
}
END_TEST

static int start_upgrade(unsigned flags)
{
	uint8_t request[64];
	size_t len = kit_request(&k, request, sizeof request, flags, "upgrade");
	int fd = kit_connect(&k);
	kit_send(&k, fd, request, len);
	ck_assert_uint_eq(k.upgrade_json, flags & KIT_JSON);
	return fd;
}

/* Refused, the server that was asked tells it; done, another one does, on the connection that it was given. */
START_TEST(upgrade_is_answered_by_who_serves_then)
{
	const struct ctl_upgrade bad = { .why = "/x/gemeld cannot be run: No such file", .took_ms = 3 },
				 good = { .done = true, .from = "0.0.9", .took_ms = 120 };
	for (unsigned json = 0; json < 2; json++) {
		int fd = start_upgrade(json);
		close(k.upgrade_client);
		ctl_upgrade_done(k.server, k.upgrade_id + 1, &bad);
		ctl_upgrade_done(k.server, k.upgrade_id, &bad);
		kit_take(&k, fd);
		EXPECT_EXIT(1);
		EXPECT_OUT(!json ? "" : "{\"verb\":\"upgrade\",\"result\":\"refused\",\"reason\":\"/x/gemeld cannot be run: No such file\","
			   "\"version\":\"" PACKAGE_VERSION "\",\"generation\":1,\"took_ms\":3}\n");
		EXPECT_ERR("refused: /x/gemeld cannot be run: No such file; gemeld " PACKAGE_VERSION " goes on\n");
		fd = start_upgrade(json);
		ctl_upgrade_adopt(k.server, k.upgrade_client, json, &good);
		shutdown(fd, SHUT_WR); /* the server that was asked lets go of its end: elsewhere it has ended by now */
		kit_take(&k, fd);
		EXPECT_EXIT(0);
		EXPECT_OUT(!json ? "upgraded from 0.0.9 to " PACKAGE_VERSION " in 120 ms\n" : "{\"verb\":\"upgrade\",\"result\":\"done\","
			   "\"from\":\"0.0.9\",\"version\":\"" PACKAGE_VERSION "\",\"generation\":1,\"took_ms\":120}\n");
	}
	ck_assert_uint_eq(k.upgrades, 4);
}
END_TEST

/* A client of documents gets none, and one that does not read gets no second line. */
START_TEST(reload_tells_how_far_it_is)
{
	for (unsigned json = 0; json < 2; json++) {
		int fd = start_reload(json);
		ctl_reload_progress(k.server, k.reload_id, "loading: 1 of 2");
		ctl_reload_progress(k.server, k.reload_id, "loading: 2 of 2");
		ctl_reload_progress(k.server, k.reload_id + 1, "nobody's");
		ctl_reload_done(k.server, k.reload_id, 0);
		kit_take(&k, fd);
		EXPECT_EXIT(0);
		bytes_u8(&k.progress, 0);
		ck_assert_str_eq((char *)k.progress.data, json ? "" : "loading: 1 of 2\n");
	}
}
END_TEST

START_TEST(one_reload_at_a_time)
{
	int first = start_reload(0), second = start_reload(0);
	kit_take(&k, second);
	EXPECT_EXIT(1);
	EXPECT_ERR("gemelctl: a reload is running already\n");
	ck_assert_uint_eq(k.reloads, 1);
	for (int i = 0; i < 5000; i++) /* more than anybody reads */
		ctl_reload_diag(k.server, k.reload_id, DIAG_ERROR, "x:1: y");
	ctl_reload_done(k.server, k.reload_id, 0);
	kit_take(&k, first);
	EXPECT_EXIT(0);
	ck_assert_uint_eq(k.err.len, 2000 * 7);
	close(start_reload(0));
	kit_turn(&k);
	ck_assert_uint_eq(k.reloads, 2);
	int again = start_reload(0); /* who asked has left: the next may ask */
	ck_assert_uint_eq(k.reloads, 3);
	ctl_reload_done(k.server, k.reload_id, 0);
	kit_take(&k, again);
	EXPECT_EXIT(0);
}
END_TEST

/* ---- words ---- */

static const struct { const char *words; int exit; const char *err; } wrong[] = {
	{ "", 2, "no verb; expected one of `gemelctl help`" },
	{ "statsu", 2, "unknown verb \"statsu\"; did you mean \"status\"" },
	{ "frobnicate", 2, "unknown verb \"frobnicate\"; expected one of `gemelctl help`" },
	{ "status now", 2, "usage: gemelctl status [--check]" },
	{ "service", 2, "usage: gemelctl service NAME" },
	{ "down", 2, "usage: gemelctl down WHAT [--for 30m] [--reason TEXT] [--force]" },
	{ "down a b", 2, "usage: gemelctl down WHAT [--for 30m] [--reason TEXT] [--force]" },
	{ "down --fro 3 a", 2, "down has no option \"--fro\"; did you mean \"--for\"" },
	{ "status --force", 2, "status has no option \"--force\"" },
	{ "down a --for", 2, "--for needs a value" },
	{ "down a --for soon", 2, "--for \"soon\" is no duration; expected such as 90s, 30m, 2h" },
	{ "down a --for 0", 2, "--for \"0\" is no duration; expected such as 90s, 30m, 2h" },
	{ "auto a --for 3m", 2, "auto takes no --for: it ends an override" },
	{ "down a --reason \x1b[2J", 2, "the reason holds control characters" },
	{ "down a\nb", 2, "WHAT holds control characters" },
	{ "zones", 1, "the responder has not told yet which zones it serves; ask again in a second" },
	{ "zones now", 2, "usage: gemelctl zones" },
	{ "events -n few", 2, "-n \"few\" is no number of events" },
	{ "events now", 2, "usage: gemelctl events [-n N] [-f]" },
	{ "explain", 2, "usage: gemelctl explain NAME [--client ADDR]" },
	{ "explain www.example.test --client nobody", 2, "--client \"nobody\" is no address" },
	{ "explain www.example.test --client 192.0.2.1:53", 2, "--client \"192.0.2.1:53\" is no address" },
	{ "explain ww.example.test", 1, "\"ww.example.test\" is no service: what its zone says of it, if any does, is the answer (dig @127.0.0.1 -p 5301 shows it); "
				       "did you mean \"www.example.test\"" },
	{ "explain mail.elsewhere.test", 1, "\"mail.elsewhere.test\" is no service: what its zone says of it, if any does, is the answer (dig @127.0.0.1 -p 5301 shows it)" },
	{ "explain 127.0.0.11", 1, "\"127.0.0.11\" is an address, not a name; it is a member of www.example.test, api.example.test" },
	{ "explain 192.0.2.99", 1, "\"192.0.2.99\" is no service: what its zone says of it, if any does, is the answer (dig @127.0.0.1 -p 5301 shows it)" },
	{ "stats --force", 2, "stats has no option \"--force\"" },
	{ "help", 1, "help is done by gemelctl itself" },
	{ "down --help", 1, "help is done by gemelctl itself" }, /* a stranger's words: none stands behind the verb */
	{ "probe -h", 1, "help is done by gemelctl itself" },
	{ "nothing --help", 2, "unknown verb \"nothing\"; expected one of `gemelctl help`" },
	{ "status --hepl", 2, "status has no option \"--hepl\"; did you mean \"--help\"" },
	{ "key", 1, "this node has no pair, so it has no keys" },
	{ "key one two three", 2, "usage: gemelctl key [new FILE|accept FILE|send ID|drop ID] [--force]" },
};

START_TEST(wrong_words_are_told)
{
	char line[512];
	kit_ask(&k, 0, wrong[_i].words);
	EXPECT_EXIT(wrong[_i].exit);
	EXPECT_OUT("");
	snprintf(line, sizeof line, "gemelctl: %s\n", wrong[_i].err);
	EXPECT_ERR(line);
	ck_assert_uint_eq(k.commands, 0);
}
END_TEST

/* ---- events ---- */

START_TEST(events_show_what_changed_eldest_first)
{
	kit_ask(&k, 0, "events");
	EXPECT_EXIT(0);
	EXPECT_BEGIN("TIME                      KIND");
	const char *up = strstr(kit_out(&k), "started"), *reason = strstr(kit_out(&k), "connect refused");
	ck_assert_ptr_nonnull(up);
	ck_assert_ptr_nonnull(reason);
	ck_assert(up < reason);
	kit_ask(&k, 0, "events -n 0");
	EXPECT_OUT("no events\n");
	kit_ask(&k, KIT_JSON, "events -n 1");
	EXPECT_BEGIN("{\"events\":[{\"number\":");
	EXPECT_EXIT(0);
}
END_TEST

static struct core_notice some_notice(void)
{
	struct core_notice n = { .number = 99, .wall_ms = WORLD_WALL_MS, .kind = CORE_NOTICE_ALARM, .subject = "ns1", .reason = "\x1b[2Jlook" };
	return n;
}

START_TEST(followers_hear_what_comes)
{
	uint8_t request[512];
	struct core_notice n = some_notice();
	int fd = kit_connect(&k);
	kit_send(&k, fd, request, kit_request(&k, request, sizeof request, KIT_JSON, "events -f -n 0"));
	ctl_notice(k.server, &n);
	kit_turn(&k);
	char got[1024];
	ssize_t len = read(fd, got, sizeof got - 1);
	ck_assert_int_gt(len, 5);
	got[len] = '\0';
	ck_assert_ptr_nonnull(strstr(got + 5, "{\"number\":99,"));
	close(fd);
	kit_turn(&k);
	ctl_notice(k.server, &n); /* nobody is there any more */
}
END_TEST

START_TEST(a_follower_that_does_not_read_is_cut_off)
{
	uint8_t request[512];
	struct core_notice n = some_notice();
	int fd = kit_connect(&k);
	kit_send(&k, fd, request, kit_request(&k, request, sizeof request, 0, "events -f"));
	for (int i = 0; i < 40000; i++) {
		ctl_notice(k.server, &n);
		if (i % 100 == 0)
			kit_turn(&k);
	}
	kit_take(&k, fd);
	EXPECT_EXIT(1);
	EXPECT_ERR("gemelctl: events come faster than you read them: cut off here; the history holds the newest\n");
	ck_assert_ptr_null(strchr(kit_out(&k), '\x1b'));
	ck_assert_uint_lt(k.out.len, 4u << 20);
}
END_TEST

START_TEST(followers_leave_room_for_others)
{
	uint8_t request[512];
	int fd[17];
	for (int i = 0; i < 17; i++) {
		fd[i] = kit_connect(&k);
		kit_send(&k, fd[i], request, kit_request(&k, request, sizeof request, 0, "events -f"));
	}
	kit_take(&k, fd[16]);
	EXPECT_EXIT(1);
	EXPECT_ERR("gemelctl: too many clients follow events already; end one of them\n");
	for (int i = 0; i < 16; i++)
		close(fd[i]);
	kit_turn(&k);
}
END_TEST

START_TEST(long_words_are_refused)
{
	char words[512] = "down ";
	memset(words + 5, 'a', CORE_SELECTOR_MAX);
	kit_ask(&k, 0, words);
	EXPECT_EXIT(2);
	EXPECT_ERR("gemelctl: WHAT is too long; at most 127 octets\n");
	words[5 + CORE_SELECTOR_MAX - 1] = '\0';
	kit_ask(&k, 0, words);
	EXPECT_EXIT(1); /* short enough, but nothing is called so */
	ck_assert_uint_eq(k.commands, 1);
}
END_TEST

START_TEST(every_verb_has_a_help)
{
	const char *name, *usage, *help;
	for (size_t i = 0; i < ctl_verb_count(); i++) {
		ctl_verb_help(i, &name, &usage, &help);
		ck_assert_uint_gt(strlen(name), 0);
		ck_assert_uint_gt(strlen(help), 0);
		ck_assert_ptr_nonnull(usage);
	}
}
END_TEST

/* Every option that stands in a verb's usage is told of, and no line is too long for a terminal. */
START_TEST(every_verb_is_described)
{
	const char *name, *usage, *help;
	for (size_t i = 0; i < ctl_verb_count(); i++) {
		struct bytes b;
		bytes_init(&b, 1u << 16);
		ctl_verb_help(i, &name, &usage, &help);
		ctl_verb_describe(i, &b);
		bytes_u8(&b, '\0');
		ck_assert(!b.failed);
		const char *text = (const char *)b.data;
		ck_assert_ptr_nonnull(strstr(text, help));
		ck_assert_ptr_nonnull(strstr(text, "\n  --json "));
		for (const char *at = strstr(usage, "[-"); at; at = strstr(at + 1, "[-")) {
			char option[32] = "\n  ";
			strncat(option, at + 1, strcspn(at + 1, " ]"));
			ck_assert_msg(strstr(text, option) != NULL, "%s: no word on %s", name, option);
		}
		for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
			ck_assert_msg(strcspn(line, "\n") <= 100, "%s: %s", name, line);
		bytes_deinit(&b);
	}
}
END_TEST

/* ---- hostile clients ---- */

START_TEST(a_request_may_come_octet_by_octet)
{
	uint8_t request[256];
	size_t len = kit_request(&k, request, sizeof request, 0, "overrides");
	int fd = kit_connect(&k);
	for (size_t i = 0; i < len; i++)
		kit_send(&k, fd, request + i, 1);
	kit_take(&k, fd);
	EXPECT_EXIT(0);
	EXPECT_OUT("no overrides\n");
}
END_TEST

START_TEST(a_request_cut_anywhere_changes_nothing)
{
	uint8_t request[256];
	size_t len = kit_request(&k, request, sizeof request, KIT_JSON, "down 127.0.0.12 --for 30m");
	for (size_t n = 0; n < len; n++) {
		int fd = kit_connect(&k);
		kit_send(&k, fd, request, n);
		shutdown(fd, SHUT_WR);
		kit_take(&k, fd);
		EXPECT_EXIT(KIT_NO_EXIT);
	}
	ck_assert_uint_eq(k.commands, 0);
}
END_TEST

START_TEST(garbage_is_refused_at_once)
{
	const struct { const char *data; size_t len; } garbage[] = {
		{ "GET / HTTP/1.0\r\n", 16 }, { "x", 1 }, { "GEMD", 4 }, { "\0\0\0\0", 4 },
		{ "GEMC\0\0\0\xff\xff", 9 },                    /* 65,535 words */
		{ "GEMC\0\0\0\0\x41", 9 },                      /* 65: one too many */
		{ "GEMC\0\0\0\0\1\0\6sta\0us", 17 },            /* a NUL in a word */
	};
	for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
		int fd = kit_connect(&k);
		kit_send(&k, fd, garbage[i].data, garbage[i].len);
		kit_take(&k, fd);
		EXPECT_EXIT(2);
		EXPECT_ERR("gemelctl: this is no request of gemelctl\n");
	}
}
END_TEST

START_TEST(an_endless_request_is_refused)
{
	uint8_t *request = calloc(1, 2 * CTL_REQUEST_MAX);
	memcpy(request, "GEMC\0\0\0\0\3\xff\xff", 11); /* three words of 65,535 octets */
	memset(request + 11, 'a', 65535);
	request[11 + 65535] = request[12 + 65535] = 0xff;
	int fd = kit_connect(&k);
	kit_send(&k, fd, request, 2 * CTL_REQUEST_MAX);
	kit_take(&k, fd);
	free(request);
	ck_assert(k.exit == 2 || k.exit == KIT_NO_EXIT); /* the rest that it sent may reset the connection under the reply */
	kit_ask(&k, 0, "overrides");
	EXPECT_EXIT(0);
}
END_TEST

static uint32_t random_state;
static uint32_t next_random(void)
{
	random_state = random_state * 1664525u + 1013904223u;
	return random_state >> 8;
}

START_TEST(random_octets_harm_nothing)
{
	random_state = 20231114u + (uint32_t)_i;
	for (int round = 0; round < 200; round++) {
		uint8_t request[300];
		size_t len = kit_request(&k, request, sizeof request, next_random(), "service www.example.test --json");
		for (unsigned flips = next_random() % 4; flips; flips--)
			request[next_random() % len] ^= (uint8_t)(1u << next_random() % 8);
		len += next_random() % 8; /* octets behind it are nobody's business */
		int fd = kit_connect(&k);
		kit_send(&k, fd, request, len);
		shutdown(fd, SHUT_WR);
		kit_take(&k, fd);
	}
	kit_ask(&k, 0, "overrides");
	ck_assert_msg(k.exit == 0, "seed %d", _i);
}
END_TEST

START_TEST(a_slow_reader_holds_nobody_up)
{
	enum { SERVICES = 2000 };
	char *text = malloc(SERVICES * 64);
	size_t at = 0;
	uint8_t request[64];
	for (int i = 0; i < SERVICES; i++)
		at += (size_t)sprintf(text + at, "service s%d.example.test - 127.0.0.1\n", i);
	end();
	kit_begin(&k, text);
	free(text);
	size_t len = kit_request(&k, request, sizeof request, KIT_JSON, "services");
	int fd = kit_connect(&k);
	kit_send(&k, fd, request, len);
	kit_ask(&k, 0, "status --check");
	ck_assert_int_ne(k.exit, KIT_NO_EXIT);
	kit_take(&k, fd);
	EXPECT_EXIT(0);
	ck_assert_uint_gt(k.out.len, 250000); /* more than a socket takes at once */
	ck_assert_int_eq(memcmp(k.out.data + k.out.len - 4, "}]}\n", 4), 0);
	int count = 0;
	for (const char *p = kit_out(&k); (p = strstr(p, "{\"service\":")) != NULL; p++)
		count++;
	ck_assert_int_eq(count, SERVICES);
}
END_TEST

START_TEST(a_full_house_shows_the_eldest_the_door)
{
	int fds[CTL_CLIENTS_MAX];
	for (int i = 0; i < CTL_CLIENTS_MAX; i++) {
		fds[i] = kit_connect(&k);
		kit_send(&k, fds[i], "GEM", 3);
	}
	kit_ask(&k, 0, "overrides");
	EXPECT_EXIT(0);
	char c;
	ck_assert_int_eq(recv(fds[0], &c, 1, 0), 0);
	ck_assert_int_eq(recv(fds[1], &c, 1, 0), -1);
	for (int i = 0; i < CTL_CLIENTS_MAX; i++)
		close(fds[i]);
	kit_turn(&k);
}
END_TEST

START_TEST(who_waits_for_the_disk_is_not_turned_out)
{
	uint8_t request[256];
	int fds[CTL_CLIENTS_MAX];
	k.hold = true;
	size_t len = kit_request(&k, request, sizeof request, 0, "down 127.0.0.12");
	for (int i = 0; i < CTL_CLIENTS_MAX; i++) {
		fds[i] = kit_connect(&k);
		kit_send(&k, fds[i], request, len);
	}
	uint32_t last = k.command_id;
	kit_ask(&k, 0, "overrides"); /* no room at all */
	EXPECT_EXIT(KIT_NO_EXIT);
	for (int i = 0; i < CTL_CLIENTS_MAX; i++) {
		ctl_command_done(k.server, last - CTL_CLIENTS_MAX + 1 + (uint32_t)i, false, "ok");
		kit_take(&k, fds[i]);
		EXPECT_EXIT(0);
	}
}
END_TEST

START_TEST(the_server_may_end_with_clients_inside)
{
	uint8_t request[256];
	k.hold = true;
	size_t len = kit_request(&k, request, sizeof request, 0, "down 127.0.0.12");
	int waiting = kit_connect(&k), silent = kit_connect(&k);
	kit_send(&k, waiting, request, len);
	kit_turn(&k);
	ctl_server_free(k.server);
	k.server = NULL;
	kit_turn(&k); /* libevent closes late */
	char c;
	ck_assert_int_eq(recv(waiting, &c, 1, 0), 0);
	close(waiting);
	close(silent);
}
END_TEST

/* ---- gemelctl's half ---- */

/* Runs it in a process of its own, with its output in files, while the server lives here. */
static int run_client(const char *path, bool json, int argc, char *const *argv, const char *out, const char *err)
{
	int status = 0;
	pid_t pid = fork();
	if (pid == 0) {
		int o = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600), e = open(err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		if (o < 0 || e < 0 || dup2(o, 1) < 0 || dup2(e, 2) < 0)
			_exit(99);
		int r = ctl_client_run(path, json, false, 0, argc, argv);
		fflush(stdout);
		_exit(r);
	}
	while (waitpid(pid, &status, WNOHANG) == 0)
		event_base_loop(k.base, EVLOOP_NONBLOCK);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void expect_file(const char *path, const char *text)
{
	char room[1024];
	FILE *f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	size_t n = fread(room, 1, sizeof room - 1, f);
	room[n] = '\0';
	fclose(f);
	unlink(path);
	ck_assert_str_eq(room, text);
}

START_TEST(what_if_hands_its_connection_over)
{
	uint8_t request[256];
	size_t len = kit_request(&k, request, sizeof request - 7, 0, "what-if FILE");
	memcpy(request + len, "\0\0\0\3abc", 7);
	for (size_t behind = 0; behind <= 7; behind += 7) { /* the plan may come with the request, or later */
		int fd = kit_connect(&k);
		kit_send(&k, fd, request, len + behind);
		kit_take(&k, fd);
		ck_assert_str_eq(kit_out(&k), "taken\n");
		ck_assert_int_eq(k.exit, 0);
		ck_assert_uint_eq(k.begun.len, behind);
		ck_assert(behind == 0 || memcmp(k.begun.data, "\0\0\0\3abc", 7) == 0);
	}
	ck_assert_uint_eq(k.what_ifs, 2);
	k.what_if_refused = "others ask";
	kit_ask(&k, 0, "what-if FILE");
	ck_assert_str_eq(kit_err(&k), "gemelctl: others ask\n");
	ck_assert_int_eq(k.exit, 1);
	kit_ask(&k, 0, "status"); /* and the server goes on */
	ck_assert_int_eq(k.exit, 0);
}
END_TEST

START_TEST(the_client_copies_what_the_server_says)
{
	char out[128], err[128];
	char *overrides[] = { (char[]){ "overrides" }, NULL }, *service[] = { (char[]){ "service" }, (char[]){ "x" }, NULL };
	char *bad[] = { (char[]){ "nonsense" }, NULL }, *check[] = { (char[]){ "status" }, (char[]){ "--check" }, NULL };
	snprintf(out, sizeof out, "%s/out", k.dir);
	snprintf(err, sizeof err, "%s/err", k.dir);
	ck_assert_int_eq(run_client(k.path, true, 1, overrides, out, err), 0);
	expect_file(out, "{\"overrides\":[]}\n");
	expect_file(err, "");
	ck_assert_int_eq(run_client(k.path, false, 2, service, out, err), 1);
	expect_file(out, "");
	expect_file(err, "gemelctl: no service \"x\" on this node\n");
	ck_assert_int_eq(run_client(k.path, false, 1, bad, out, err), 2);
	expect_file(out, "");
	expect_file(err, "gemelctl: unknown verb \"nonsense\"; expected one of `gemelctl help`\n");
	ck_assert_int_eq(run_client("/nowhere/at/all", false, 1, overrides, out, err), 1);
	expect_file(out, "");
	expect_file(err, "gemelctl: no server at /nowhere/at/all: No such file or directory\n");
	ck_assert_int_eq(run_client("/nowhere/at/all", false, 2, check, out, err), 2);
	expect_file(out, "GEMEL CRITICAL - no server at /nowhere/at/all: No such file or directory\n");
	expect_file(err, "");
}
END_TEST

START_TEST(the_client_survives_a_server_that_breaks_off)
{
	char out[128], err[128];
	char *down[] = { (char[]){ "down" }, (char[]){ "127.0.0.12" }, NULL };
	snprintf(out, sizeof out, "%s/out", k.dir);
	snprintf(err, sizeof err, "%s/err", k.dir);
	k.hold = true;
	pid_t pid = fork();
	if (pid == 0) {
		int e = open(err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		_exit(e < 0 || dup2(e, 2) < 0 ? 99 : ctl_client_run(k.path, false, false, 0, 2, down));
	}
	while (k.commands == 0)
		event_base_loop(k.base, EVLOOP_NONBLOCK);
	ctl_server_free(k.server);
	k.server = NULL;
	kit_turn(&k);
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 1);
	char room[256];
	snprintf(room, sizeof room, "gemelctl: the server at %s broke off: Connection reset by peer\n", k.path);
	expect_file(err, room);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("ctl");
	TCase *show = tcase_create("show"), *ask = tcase_create("ask"), *hostile = tcase_create("hostile"), *client = tcase_create("client");
	tcase_add_checked_fixture(show, begin, end);
	tcase_add_test(show, status_for_people);
	tcase_add_test(show, status_for_machines);
	tcase_add_test(show, status_tells_of_the_hook);
	tcase_add_test(show, services_in_both_forms);
	tcase_add_test(show, services_json);
	tcase_add_test(show, service_for_people);
	tcase_add_test(show, service_json_has_every_member);
	tcase_add_test(show, an_unknown_service_is_refused_in_one_line);
	tcase_add_test(show, explain_for_people);
	tcase_add_test(show, explain_for_machines);
	tcase_add_test(show, explain_through_a_wildcard);
	tcase_add_test(show, explain_cleans_what_comes_from_outside);
	tcase_add_test(show, peers_without_a_pair);
	tcase_add_test(show, peers_with_one);
	tcase_add_test(show, key_tells_what_is_safe);
	tcase_add_test(show, phi_is_how_unlikely_a_silence_is);
	tcase_add_test(show, overrides_in_both_forms);
	tcase_add_test(show, windows_in_both_forms);
	tcase_add_test(show, zones_in_both_forms);
	tcase_add_test(show, stats_for_people);
	tcase_add_test(show, stats_for_machines);
	tcase_add_test(show, failback_asks_for_a_service);
	tcase_add_test(show, maint_is_on_or_off);
	tcase_add_test(show, the_log_is_switched);
	tcase_add_test(show, the_query_log_is_switched);
	tcase_add_test(show, dnstap_is_switched);
	tcase_add_test(show, targets_in_both_forms);
	tcase_add_test(show, without_a_prober_all_grows_old_for_all_to_see);
	tcase_add_test(show, check_is_critical_when_no_tier_serves);
	tcase_add_test(show, check_follows_the_state);
	suite_add_tcase(s, show);
	tcase_add_checked_fixture(ask, begin, end);
	tcase_add_test(ask, a_command_is_told_when_in_force);
	tcase_add_test(ask, a_refusal_is_one_line_on_standard_error);
	tcase_add_test(ask, a_command_waits_for_the_disk);
	tcase_add_test(ask, who_leaves_early_is_forgotten);
	tcase_add_test(ask, stop_is_asked_once_the_reply_is_out);
	tcase_add_test(ask, upgrade_is_answered_by_who_serves_then);
	tcase_add_loop_test(ask, reload_tells_every_fault, 0, sizeof reloads / sizeof reloads[0]);
	tcase_add_test(ask, reload_tells_how_far_it_is);
	tcase_add_test(ask, one_reload_at_a_time);
	tcase_add_loop_test(ask, wrong_words_are_told, 0, sizeof wrong / sizeof wrong[0]);
	tcase_add_test(ask, long_words_are_refused);
	tcase_add_test(ask, events_show_what_changed_eldest_first);
	tcase_add_test(ask, followers_hear_what_comes);
	tcase_add_test(ask, a_follower_that_does_not_read_is_cut_off);
	tcase_add_test(ask, followers_leave_room_for_others);
	tcase_add_test(ask, every_verb_has_a_help);
	tcase_add_test(ask, every_verb_is_described);
	suite_add_tcase(s, ask);
	tcase_add_checked_fixture(hostile, begin, end);
	tcase_set_timeout(hostile, 30);
	tcase_add_test(hostile, a_request_may_come_octet_by_octet);
	tcase_add_test(hostile, a_request_cut_anywhere_changes_nothing);
	tcase_add_test(hostile, garbage_is_refused_at_once);
	tcase_add_test(hostile, an_endless_request_is_refused);
	tcase_add_loop_test(hostile, random_octets_harm_nothing, 0, 4);
	tcase_add_test(hostile, a_slow_reader_holds_nobody_up);
	tcase_add_test(hostile, a_full_house_shows_the_eldest_the_door);
	tcase_add_test(hostile, who_waits_for_the_disk_is_not_turned_out);
	tcase_add_test(hostile, the_server_may_end_with_clients_inside);
	tcase_add_test(hostile, what_if_hands_its_connection_over);
	suite_add_tcase(s, hostile);
	tcase_add_checked_fixture(client, begin, end);
	tcase_set_timeout(client, 30);
	tcase_add_test(client, the_client_copies_what_the_server_says);
	tcase_add_test(client, the_client_survives_a_server_that_breaks_off);
	suite_add_tcase(s, client);
	return s;
}

int main(void)
{
	SRunner *r = srunner_create(suite());
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
