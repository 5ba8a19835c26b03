/* An upgrade: who takes a core's place at once goes on with what that one knew, and with nothing that it did not. */
#include "core/journal.h"
#include "unit/twin_kit.h"
#include "unit/unit.h"

#define CHECK "check web interval=1000 timeout=500 retry=200 fall=3 rise=2\n"
#define SERVICE "service www.test web 192.0.2.11 192.0.2.12\n"
#define ANY_DOWN "pair any-down away\n" CHECK SERVICE
#define ANY_UP "pair any-up away\n" CHECK SERVICE
#define ALONE CHECK SERVICE

static void pass(uint64_t ms)
{
	if (twin)
		run(ms);
	else
		world_run(&w, ms);
}

static void begin(const char *plan, bool paired)
{
	world_begin(&w, plan);
	w.on_send = on_send;
	if (paired)
		twin_begin();
	world_backend(&w, "192.0.2.11", HEALTH_CONNECT_REFUSED);
	pass(8000);
	ck_assert_int_eq(stream(0)->health.verdict, HEALTH_VERDICT_DOWN);
	ck_assert_int_eq(stream(1)->health.verdict, HEALTH_VERDICT_UP);
}

static void twin_says(uint32_t i, enum health_verdict v)
{
	uint8_t value[20] = { (uint8_t)v, 0, HEALTH_OK, 100 };
	ck_assert_int_eq(pair_write(twin, PAIR_VERDICT, stream(i)->conf->key, value, sizeof value, w.now_ms), 0);
}

/* As the twin has it on its shelf. */
static bool told_as_memory(uint32_t i)
{
	enum health_verdict v;
	bool memory;
	uint8_t weight;
	const struct pair_record *r = pair_find(twin, core_plan(w.core)->nodes[0].id, PAIR_VERDICT, stream(i)->conf->key);
	ck_assert(r && value_verdict_get(r, &v, &memory, &weight));
	ck_assert_int_eq(v, stream(i)->health.verdict);
	return memory;
}

static struct core_member_view member(size_t i)
{
	struct core_member_view v;
	core_member_get(w.core, 0, i, &v, w.now_ms);
	return v;
}

/* One that answers as `plan` says meanwhile, and nothing else, for so long. */
static void always(const char *answer, uint64_t ms)
{
	for (; ms > 0; ms -= STEP_MS) {
		ck_assert_str_eq(world_answer(&w, "www.test", 1), answer);
		pass(STEP_MS);
	}
}

START_TEST(a_down_goes_on_to_be_a_vote)
{
	begin(ANY_DOWN, true);
	twin_says(0, HEALTH_VERDICT_UP);
	twin_says(1, HEALTH_VERDICT_UP);
	pass(1000);
	for (int i = 0; i < 5; i++) {
		world_upgrade(&w, 20);
		ck_assert(!stream_is_memory(stream(0)));
		ck_assert_int_eq(member(0).own, HEALTH_VERDICT_DOWN);
		always("192.0.2.12 ttl=10", 2000);
		ck_assert(!told_as_memory(0));
		ck_assert(!told_as_memory(1));
	}
	finish();
}
END_TEST

START_TEST(after_a_restart_it_is_none)
{
	begin(ANY_DOWN, true);
	world_restart(&w, SIZE_MAX);
	ck_assert(stream_is_memory(stream(0)));
	ck_assert_int_eq(member(0).own, HEALTH_VERDICT_UNKNOWN);
	ck_assert_int_eq(member(1).own, HEALTH_VERDICT_UP);
	finish();
}
END_TEST

/* The twin's vote is what the answer rests on, and is not there again at once. */
START_TEST(what_rests_on_the_twin_is_held_until_it_is_heard)
{
	begin(ANY_UP, true);
	twin_says(0, HEALTH_VERDICT_UP);
	pass(1000);
	for (int i = 0; i < 5; i++) {
		always("192.0.2.11 192.0.2.12 ttl=10", 1500);
		world_upgrade(&w, 20);
	}
	always("192.0.2.11 192.0.2.12 ttl=10", 1500);
	finish();
}
END_TEST

START_TEST(what_grew_old_meanwhile_is_memory)
{
	static const struct { uint64_t away_ms; bool memory; } cases[] = {
		{ 0, false }, { 100, false }, { 400, false }, { 2500, true }, { 10000, true }, { 1000000, true },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		begin(ALONE, false);
		world_upgrade(&w, cases[i].away_ms);
		ck_assert_msg(stream_is_memory(stream(0)) == cases[i].memory, "away for %u", (unsigned)cases[i].away_ms);
		always("192.0.2.12 ttl=10", 3000);
		ck_assert(!stream_is_memory(stream(0)));
		finish();
	}
}
END_TEST

/* Upgrades without end renew no evidence: with no probe between them it is memory soon. */
START_TEST(upgrades_renew_no_evidence)
{
	begin(ALONE, false);
	uint64_t counted_ms = stream(0)->health.counted_ms;
	int times = 0;
	while (!stream_is_memory(stream(0))) {
		world_upgrade(&w, 100);
		ck_assert(stream_is_memory(stream(0)) || stream(0)->health.counted_ms == counted_ms);
		ck_assert_int_lt(++times, 30);
	}
	finish();
}
END_TEST

/* The journal keeps the words until it is compacted: who starts for another reason does not heed them. */
START_TEST(only_who_continues_heeds_it)
{
	begin(ALONE, false);
	world_upgrade(&w, 20);
	ck_assert(!stream_is_memory(stream(0)));
	world_restart(&w, SIZE_MAX);
	ck_assert(stream_is_memory(stream(0)));
	ck_assert(stream_is_memory(stream(1)));
	/* nor does who continues one that did not vouch again, of what turned since */
	world_backend(&w, "192.0.2.11", HEALTH_OK);
	pass(8000);
	ck_assert_int_eq(stream(0)->health.verdict, HEALTH_VERDICT_UP);
	w.continues = true;
	world_restart(&w, SIZE_MAX);
	ck_assert(stream_is_memory(stream(0)));
	finish();
}
END_TEST

static int count_words(void *ctx, uint64_t seq, const uint8_t *data, size_t len)
{
	unsigned *n = ctx;
	(void)seq;
	ck_assert_uint_eq(data[0], RECORD_FRESH);
	*n += (unsigned)(len - 1) / 26;
	return 0;
}

static unsigned words(void)
{
	unsigned n = 0;
	ck_assert_int_eq(core_vouch(w.core, count_words, &n), 0);
	return n;
}

START_TEST(who_doubts_its_own_network_vouches_for_nothing)
{
	begin(ANY_DOWN, true);
	ck_assert_uint_eq(words(), 2);
	twin_end();
	world_backend(&w, "192.0.2.11", HEALTH_LOCAL_ERROR);
	world_backend(&w, "192.0.2.12", HEALTH_LOCAL_ERROR);
	pass(2500);
	ck_assert_uint_eq(words(), 0);
	pass(6000);
	ck_assert(w.core->isolated_ms != 0);
	ck_assert_uint_eq(words(), 0);
	finish();
	begin(ALONE, false);
	world_prober(&w, false);
	ck_assert_uint_eq(words(), 0);
	world_restart(&w, SIZE_MAX); /* memory is not made fresh by being handed on */
	ck_assert_uint_eq(words(), 0);
	finish();
}
END_TEST

static int fail_at(void *ctx, uint64_t seq, const uint8_t *data, size_t len)
{
	int *left = ctx;
	(void)seq;
	(void)data;
	(void)len;
	return (*left)-- > 0 ? 0 : ERR_IO;
}

START_TEST(many_take_several_records)
{
	struct bytes plan;
	uint64_t seq = 0, before = 0;
	unsigned n = 0;
	bytes_init(&plan, 1 << 16);
	bytes_printf(&plan, CHECK "service www.test web");
	for (int i = 1; i <= 100; i++)
		bytes_printf(&plan, " 192.0.2.%d", i);
	bytes_printf(&plan, "\n%c", 0);
	world_begin(&w, (const char *)plan.data);
	pass(4000);
	ck_assert_uint_eq(words(), 100);
	for (int i = 0; i < 4; i++) {
		int left = i;
		ck_assert_int_eq(core_vouch(w.core, fail_at, &left), i < 3 ? ERR_IO : 0);
	}
	world_upgrade(&w, 20);
	for (uint32_t i = 0; i < 100; i++)
		n += !stream_is_memory(stream(i));
	ck_assert_uint_eq(n, 100);
	struct rbuf r;
	const uint8_t *record;
	size_t len;
	rbuf_init(&r, w.journal.data, w.journal.len);
	while (journal_frame_get(&r, &seq, &record, &len)) {
		ck_assert_uint_gt(seq, before);
		before = seq;
	}
	bytes_deinit(&plan);
	finish();
}
END_TEST

static int feed(const uint8_t *record, size_t len)
{
	return core_recover(w.core, record, len, w.now_ms, WORLD_WALL_MS + w.now_ms);
}

static size_t put(uint8_t *record, uint64_t key, uint8_t verdict, uint64_t counted_ms)
{
	struct wbuf b;
	wbuf_init(&b, record, JOURNAL_RECORD_MAX);
	put_u8(&b, RECORD_FRESH);
	put_u64(&b, key);
	put_u8(&b, verdict);
	put_u8(&b, 255);
	put_u64(&b, counted_ms);
	put_u64(&b, 5);
	return b.len;
}

START_TEST(nonsense_is_refused_or_changes_nothing)
{
	uint8_t record[JOURNAL_RECORD_MAX + 1];
	begin(ALONE, false);
	uint64_t key = stream(0)->conf->key;
	w.continues = true;
	world_restart(&w, SIZE_MAX);
	size_t len = put(record, key, HEALTH_VERDICT_DOWN, w.now_ms);
	for (size_t cut = 0; cut < len; cut++)
		ck_assert_int_eq(feed(record, cut), ERR_FORMAT);
	ck_assert_int_eq(feed(record, len + 1), ERR_FORMAT);
	static const struct { uint8_t verdict; uint64_t key, late; } cases[] = {
		{ HEALTH_VERDICT_UP, 0, 0 }, { HEALTH_VERDICT_UNKNOWN, 0, 0 }, { 3, 0, 0 }, { 255, 0, 0 }, { HEALTH_VERDICT_DOWN, 1, 0 },
		{ HEALTH_VERDICT_DOWN, 0, 1 }, { HEALTH_VERDICT_DOWN, 0, UINT64_MAX / 2 }, { HEALTH_VERDICT_DOWN, 0, UINT64_MAX - 999999 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		len = put(record, key ^ cases[i].key, cases[i].verdict, w.now_ms + cases[i].late);
		ck_assert_int_eq(feed(record, len), 0);
		ck_assert_msg(stream_is_memory(stream(0)), "case %zu", i);
	}
	len = put(record, key, HEALTH_VERDICT_DOWN, w.now_ms - 100);
	ck_assert_int_eq(feed(record, len), 0);
	ck_assert(!stream_is_memory(stream(0)));
	finish();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_down_goes_on_to_be_a_vote, after_a_restart_it_is_none, what_rests_on_the_twin_is_held_until_it_is_heard,
		what_grew_old_meanwhile_is_memory, upgrades_renew_no_evidence, only_who_continues_heeds_it,
		who_doubts_its_own_network_vouches_for_nothing, many_take_several_records, nonsense_is_refused_or_changes_nothing
	};
	return unit_run("core_vouch", tests, sizeof tests / sizeof *tests);
}
