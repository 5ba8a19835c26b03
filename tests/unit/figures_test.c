/* What the coordinator makes of the responder's figures: whole lists, and nothing of damaged ones. */
#include "app/coordinator_state.h"
#include "ipc/ipc.h"
#include "tests/unit/unit.h"

static struct figures f;

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
	ck_assert(f.zones.counted && f.zones.list[1].has_signatures && !f.zones.list[1].faulty);
	take(begin(&w, room, false, 0));
	expect("");
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
		f.latency = (struct latency){ .sum_ns = 0 };
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = { a_list_in_parts_is_shown_when_it_is_whole, what_is_damaged_changes_nothing, a_list_has_an_end,
				 times_are_taken_whole };
	return unit_run("figures", tests, sizeof tests / sizeof *tests);
}
