/* What the coordinator makes of the responder's figures: whole lists, and nothing of damaged ones. */
#include "app/coordinator_state.h"
#include "ipc/ipc.h"
#include "tests/unit/unit.h"

static struct figures f;

/* Another process begins with nothing; what this one held is no leak of the code under test. */
static void forget(void)
{
	for (size_t i = 0; i < f.zones.count; i++)
		free(f.zones.list[i].name);
	for (size_t i = 0; i < f.sum_count; i++)
		free(f.sums[i].name);
	free(f.zones.list);
	free(f.sums);
	f = (struct figures){ .zones_bad = false };
}

static struct wbuf *begin(struct wbuf *w, uint8_t room[4096], bool more, uint16_t count)
{
	wbuf_init(w, room, 4096);
	put_u8(w, more);
	put_u16(w, count);
	return w;
}

static void put_zone(struct wbuf *w, const char *apex, size_t len, uint64_t queries)
{
	put_block(w, apex, len);
	put_u64(w, queries);
	put_u32(w, 2026);
	put_u32(w, 5);
	put_u8(w, IPC_ZONE_SIGNED);
	put_u64(w, 77);
}

static void take(const struct wbuf *w)
{
	struct rbuf r;
	rbuf_init(&r, w->data, w->len);
	figures_take_zones(&f, &r);
}

static void expect(const char *names)
{
	char text[256] = "";
	for (size_t i = 0; i < f.zones.count; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s=%u ", f.zones.list[i].name, (unsigned)f.zones.list[i].queries);
	ck_assert_str_eq(text, names);
}

static void give(const char *apex, size_t len, uint64_t queries)
{
	uint8_t room[4096];
	struct wbuf w;
	put_zone(begin(&w, room, false, 1), apex, len, queries);
	take(&w);
}

START_TEST(a_list_in_parts_is_shown_when_it_is_whole)
{
	uint8_t room[4096];
	struct wbuf w;
	give("\1a", 3, 1);
	expect("a=1 ");
	put_zone(begin(&w, room, true, 1), "\1b\4test", 8, 2);
	take(&w);
	expect("a=1 ");
	put_zone(begin(&w, room, false, 1), "", 1, 3);
	take(&w);
	expect("b.test=2 .=3 ");
	ck_assert_uint_eq(f.zones.list[1].serial, 2026);
	ck_assert_uint_eq(f.zones.list[1].records, 5);
	ck_assert_uint_eq(f.zones.list[1].content, 77);
	ck_assert_uint_ne(f.zones.digest, 0);
	ck_assert(f.zones.counted && f.zones.list[1].has_signatures && !f.zones.list[1].faulty);
	take(begin(&w, room, false, 0));
	expect("");
	ck_assert_uint_eq(f.zones.digest, 0);
	give("\1a", 3, UINT64_MAX); /* too many to be counted */
	expect("a=0 ");
	ck_assert(!f.zones.counted && f.zones_told);
}
END_TEST

START_TEST(what_is_damaged_changes_nothing)
{
	uint8_t room[4096];
	struct wbuf w;
	give("\1a", 3, 1);
	give("\1a", 2, 2);         /* no end */
	give("\77a", 3, 2);        /* a label that is longer than what there is */
	give("\1a\0\0", 4, 2);     /* more behind the end */
	take(begin(&w, room, false, 1)); /* one that is not there */
	wbuf_init(&w, room, sizeof room);
	take(&w);
	expect("a=1 ");
	put_zone(begin(&w, room, true, 1), "\1b", 2, 2);
	take(&w);
	give("\1c", 3, 3); /* the end of a list whose first part was damaged */
	expect("a=1 ");
	give("\1d", 3, 4);
	expect("d=4 ");
}
END_TEST

START_TEST(a_list_has_an_end)
{
	uint8_t room[4096];
	struct wbuf w;
	give("\1a", 3, 1);
	for (int i = 0; i < 10500; i++) {
		begin(&w, room, true, 100);
		for (int k = 0; k < 100; k++)
			put_zone(&w, "\1x", 3, 1);
		take(&w);
	}
	ck_assert_uint_le(f.coming.count, 1u << 20);
	take(begin(&w, room, false, 0));
	expect("a=1 ");
	ck_assert_uint_eq(f.coming.count, 0);
	give("\1b", 3, 1);
	expect("b=1 ");
}
END_TEST

START_TEST(times_are_taken_whole)
{
	uint8_t room[4096];
	struct wbuf w;
	struct rbuf r;
	for (int buckets = 0; buckets <= LATENCY_BUCKETS + 1; buckets++) {
		wbuf_init(&w, room, sizeof room);
		put_u8(&w, (uint8_t)buckets);
		for (int i = 0; i < buckets; i++)
			put_u64(&w, (uint64_t)i);
		put_u64(&w, 77);
		for (size_t len = 0; len < w.len; len++) {
			rbuf_init(&r, w.data, len);
			figures_take_latency(&f, &r);
			ck_assert_uint_eq(f.latency.sum_ns, 0);
		}
		rbuf_init(&r, w.data, w.len);
		figures_take_latency(&f, &r);
		ck_assert_uint_eq(f.latency.sum_ns, buckets == LATENCY_BUCKETS ? 77 : 0);
		ck_assert_uint_eq(f.latency.count[3], buckets == LATENCY_BUCKETS ? 3 : 0);
		f.present = f.latency = (struct latency){ .sum_ns = 0 };
	}
}
END_TEST

/* ---- over upgrades ---- */

static void take_latency(uint64_t n)
{
	uint8_t room[4096];
	struct wbuf w;
	struct rbuf r;
	wbuf_init(&w, room, sizeof room);
	put_u8(&w, LATENCY_BUCKETS);
	for (int i = 0; i < LATENCY_BUCKETS; i++)
		put_u64(&w, n);
	put_u64(&w, 1000 * n);
	rbuf_init(&r, w.data, w.len);
	figures_take_latency(&f, &r);
}

static void expect_latency(uint64_t n)
{
	ck_assert_uint_eq(f.latency.sum_ns, 1000 * n);
	for (int i = 0; i < LATENCY_BUCKETS; i++)
		ck_assert_uint_eq(f.latency.count[i], n);
}

/* Messages that a process wrote, one behind the other. */
static struct { uint8_t data[1 << 18]; size_t len; unsigned messages; } said;

static int say(void *ctx, const uint8_t *data, size_t len)
{
	(void)ctx;
	ck_assert_uint_le(len, LEGACY_MESSAGE_MAX);
	ck_assert_uint_le(said.len + len, sizeof said.data);
	memcpy(said.data + said.len, data, len);
	said.len += len;
	said.messages++;
	return 0;
}

/* The next coordinator, that has heard this one's last words. Its places are those of pids. */
static void succeed(uint32_t pid, const uint32_t pids[LEFT_MAX], const uint32_t next[LEFT_MAX])
{
	uint64_t v[LEGACY_VALUES_MAX];
	size_t count;
	enum legacy_tag tag;
	struct legacy_writer l;
	struct rbuf r;
	said.len = said.messages = 0;
	legacy_begin(&l, say, NULL);
	figures_tell(&f, &l, pid, pids);
	ck_assert_int_eq(legacy_end(&l), 0);
	forget();
	rbuf_init(&r, said.data, said.len);
	while (legacy_next(&r, &tag, v, &count)) {
		int left = -1;
		for (int i = 0; v[0] && i < LEFT_MAX; i++)
			left = next[i] == v[0] ? i : left;
		(tag == LEGACY_ZONE ? figures_inherit_zone : figures_inherit_latency)(&f, left, v + 1, count - 1);
	}
}

static void last_word(int left, const char *zone, uint64_t n)
{
	uint64_t v[1 + LEGACY_NAME_VALUES] = { n }, times[1 + LATENCY_BUCKETS] = { 1000 * n };
	figures_inherit_zone(&f, left, v, 1 + legacy_name_put(v + 1, zone));
	for (int i = 1; i <= LATENCY_BUCKETS; i++)
		times[i] = n;
	figures_inherit_latency(&f, left, times, 1 + LATENCY_BUCKETS);
}

START_TEST(nothing_falls_in_an_upgrade)
{
	static const uint32_t none[LEFT_MAX] = { 0 }, first[LEFT_MAX] = { 0, 0, 70 }, both[LEFT_MAX] = { 71, 70 };
	forget();
	give("\1a", 3, 10);
	take_latency(10);
	succeed(70, none, first);
	expect("a=10 "); /* before the new responder says what it serves */
	expect_latency(10);
	ck_assert(f.zones.counted && !f.zones_told);
	give("\1a", 3, 0);
	take_latency(0);
	expect("a=10 ");
	expect_latency(10);
	give("\1a", 3, 5);
	take_latency(5);
	expect("a=15 ");
	/* once more, while the first still has connections */
	succeed(71, first, both);
	expect("a=15 ");
	expect_latency(15);
	give("\1a", 3, 1);
	take_latency(1);
	expect("a=16 ");
	last_word(1, "a", 12); /* of pid 70: two more than it had said last */
	figures_left(&f, 1);
	expect("a=18 ");
	expect_latency(18);
	last_word(0, "a", 5);
	figures_left(&f, 0);
	expect("a=18 ");
	give("\1a", 3, 2);
	take_latency(2);
	expect("a=19 ");
	expect_latency(19);
}
END_TEST

START_TEST(a_responder_that_died_is_not_forgotten)
{
	forget();
	give("\1a", 3, 10);
	take_latency(10);
	figures_end(&f);
	expect("a=10 ");
	give("\1a", 3, 0);
	take_latency(0);
	expect("a=10 ");
	figures_end(&f);
	figures_end(&f);
	give("\1a", 3, 3);
	take_latency(3);
	expect("a=13 ");
	expect_latency(13);
	give("\1b", 3, 7); /* a is not served any more, and then again */
	expect("b=7 ");
	give("\1a", 3, 4);
	expect("a=14 ");
}
END_TEST

START_TEST(many_zones_with_long_names)
{
	static const uint32_t none[LEFT_MAX] = { 0 }, one[LEFT_MAX] = { 9 };
	uint8_t room[4096], apex[255];
	struct wbuf w;
	uint64_t sum = 0;
	forget();
	for (uint64_t i = 0; i < 300; i++) {
		size_t at = 0;
		for (unsigned k = 0; k < 3; k++) { /* labels of octets that take four letters each in text */
			apex[at++] = 63;
			for (unsigned j = 0; j < 63; j++)
				apex[at++] = (uint8_t)(k == 0 && j < 8 ? 'a' + (i >> 2 * j) % 4 : 1);
		}
		apex[at++] = 0;
		put_zone(begin(&w, room, i < 299, 1), (const char *)apex, at, i);
		take(&w);
		sum += i;
	}
	succeed(9, none, one);
	ck_assert_uint_ge(said.messages, 6);
	ck_assert_uint_eq(f.zones.count, 299); /* of the first nobody asked */
	for (size_t i = 0; i < f.zones.count; i++)
		sum -= f.zones.list[i].queries;
	ck_assert_uint_eq(sum, 0);
}
END_TEST

START_TEST(what_is_inherited_is_bounded)
{
	forget();
	uint64_t v[LEGACY_VALUES_MAX] = { 5, 3, 'a' | 'b' << 8 | 'c' << 16 };
	figures_inherit_zone(&f, -1, v, 3);
	expect("abc=5 ");
	static const struct { uint64_t len; size_t count; } bad[] = { { 3, 0 }, { 3, 1 }, { 3, 2 }, { 9, 3 }, { UINT64_MAX, 256 }, { 4, 3 } };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		v[1] = bad[i].len;
		figures_inherit_zone(&f, -1, v, bad[i].count);
		figures_inherit_zone(&f, 3, v, bad[i].count);
	}
	expect("abc=5 ");
	for (size_t count = 0; count < 40; count++)
		figures_inherit_latency(&f, -1, v, count);
	v[1] = 8;
	for (uint64_t i = 0; i < 10000; i++) {
		v[2] = 0x6161616161616161u + i % 26 + (i / 26 % 26 << 8) + (i / 676 << 16);
		figures_inherit_zone(&f, -1, v, 3);
	}
	ck_assert_uint_eq(f.sum_count, 4096);
	ck_assert_uint_le(f.zones.count, 4096);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { a_list_in_parts_is_shown_when_it_is_whole, what_is_damaged_changes_nothing, a_list_has_an_end,
				 times_are_taken_whole, nothing_falls_in_an_upgrade, a_responder_that_died_is_not_forgotten,
				 many_zones_with_long_names, what_is_inherited_is_bounded };
	return unit_run("figures", tests, sizeof tests / sizeof *tests);
}
