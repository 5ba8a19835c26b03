/* Questions read together, with all that is fetched for them, are answered as each is alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "answer/db.h"
#include "tests/lib/answer_kit.h"

static const struct kit_zone zones[] = {
	{ .apex = "example.test",
	  .live = "live.example.test",
	  .text = "$TTL 3600\n@ SOA ns root 1 2 3 4 60\n@ NS ns\nns A 192.0.2.53\nlive A 192.0.2.1\nwww A 192.0.2.2\n"
		  "a.b.c A 192.0.2.3\n*.wild A 192.0.2.4\nalias CNAME www\ndn DNAME wild\nsub NS ns.sub\nns.sub A 192.0.2.5\n" },
	{ .apex = "deep.zone.test", .text = "$TTL 60\n@ SOA ns root 1 2 3 4 60\n@ NS ns.example.test.\nwww A 192.0.2.6\n" },
	{ .apex = "other", .text = "$TTL 60\n@ SOA ns root 1 2 3 4 60\n@ NS ns.example.test.\nwww A 192.0.2.7\n" },
};

static const char *const asks[] = {
	"www.example.test A", "WWW.Example.TEST A edns=1232", "example.test SOA", "a.b.c.example.test A", "b.c.example.test A",
	"nothing.example.test A", "x.y.z.a.b.c.example.test A", "some.wild.example.test A", "alias.example.test A",
	"x.dn.example.test A edns=1232", "host.sub.example.test A", "live.example.test A", "deep.zone.test NS",
	"www.deep.zone.test A", "zone.test A", "www.other A edns=1232 do", "nobody.invalid A", ". NS", ". A none",
	"www.example.test A opcode=4", "www.example.test A opcode=3", "www.example.test A class=CH", "sub.example.test DS",
};
#define ASKS (sizeof asks / sizeof asks[0])

struct said {
	enum answer_outcome outcome;
	size_t len;
	uint8_t wire[DNS_UDP_EDNS_MAX];
};

static struct kit kit;
static uint8_t in[ASKS + 1][512]; /* the last is too short to be a message */
static size_t in_len[ASKS + 1] = { [ASKS] = 11 };

static void setup(void)
{
	kit_init(&kit, zones, sizeof zones / sizeof zones[0]);
	kit_publish(&kit, "live.example.test", DNS_TYPE_A, "192.0.2.9", ANSWER_PICK_ROTATE, 0, 30);
	for (size_t i = 0; i < ASKS; i++)
		in_len[i] = kit_question(asks[i], in[i], &kit.from);
}

static void teardown(void)
{
	kit_deinit(&kit);
}

static void ask_alone(struct said *s, size_t i)
{
	s->outcome = answer_query(kit.db, &kit.worker, &kit.limits, &kit.from, in[i], in_len[i], s->wire, sizeof s->wire, &s->len);
}

/* From ask `first` on, round and round. */
static void ask_together(struct said *s, size_t first, size_t count)
{
	static struct answer_job jobs[ANSWER_AHEAD_MAX];

	for (size_t k = 0; k < count; k++) {
		jobs[k].in = in[(first + k) % (ASKS + 1)];
		jobs[k].in_len = in_len[(first + k) % (ASKS + 1)];
	}
	answer_read(jobs, count, kit.db);
	for (size_t k = 0; k < count; k++)
		s[k].outcome = answer_write(&jobs[k], kit.db, &kit.worker, &kit.limits, &kit.from, s[k].wire, sizeof s[k].wire,
					    &s[k].len);
}

static void compare_all(void)
{
	static struct said alone[ASKS + 1], together[ANSWER_AHEAD_MAX];

	for (size_t i = 0; i <= ASKS; i++)
		ask_alone(&alone[i], i);
	for (size_t count = 1; count <= ANSWER_AHEAD_MAX; count++)
		for (size_t first = 0; first <= ASKS; first++) {
			ask_together(together, first, count);
			for (size_t k = 0; k < count; k++) {
				const struct said *want = &alone[(first + k) % (ASKS + 1)];
				ck_assert_int_eq(together[k].outcome, want->outcome);
				if (want->outcome != ANSWER_SEND)
					continue;
				ck_assert_uint_eq(together[k].len, want->len);
				ck_assert_mem_eq(together[k].wire, want->wire, want->len);
			}
		}
}

START_TEST(a_small_database)
{
	ck_assert(!kit.db->is_large);
	compare_all();
}
END_TEST

START_TEST(a_large_database)
{
	kit.db->is_large = true;
	compare_all();
}
END_TEST

/* The size of its images makes it so. */
START_TEST(what_is_large)
{
	static char text[400000];
	const struct kit_zone zone = { .apex = "big.test", .text = text };
	struct kit big;
	char *end = text;

	end += sprintf(end, "$TTL 60\n@ SOA ns root 1 2 3 4 60\n@ NS ns.example.test.\n");
	for (unsigned i = 0; i < 16000; i++)
		end += sprintf(end, "h%u A 192.0.2.1\n", i);
	ck_assert_uint_lt((size_t)(end - text), sizeof text);
	kit_init(&big, &zone, 1);
	ck_assert(big.db->is_large);
	kit_deinit(&big);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("read");
	TCase *t = tcase_create("read");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_small_database);
	tcase_add_test(t, a_large_database);
	tcase_add_test(t, what_is_large);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
