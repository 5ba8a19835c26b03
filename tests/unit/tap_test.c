/* The way of a query to the query log: the draw, the ring under writers and readers that lie, the line. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "app/tap_draw.h"
#include "app/tap_line.h"
#include "base/rng.h"
#include "unit.h"

static struct tap_rings *rings;
static struct tap_copy got;
static uint64_t broken;

static struct tap_ring *fresh(void)
{
	int fd = tap_rings_create();
	ck_assert_int_ge(fd, 0);
	if (rings)
		munmap(rings, sizeof *rings);
	ck_assert_int_eq(tap_rings_map(&rings, fd), 0);
	close(fd);
	broken = 0;
	return &rings->ring[0];
}

static bool put(struct tap_ring *r, uint8_t mark, size_t query_len, size_t response_len)
{
	static uint8_t query[TAP_QUERY_MAX], response[TAP_RESPONSE_MAX];
	const struct tap_record h = { .query_len = (uint16_t)query_len, .response_len = (uint16_t)response_len, .purpose = TAP_DNSTAP,
				      .came_us = mark };
	memset(query, mark, query_len);
	memset(response, mark + 1, response_len);
	return tap_ring_put(r, &h, query, response);
}

static bool is_all(const uint8_t *data, uint8_t mark, size_t len)
{
	return len == 0 || (data[0] == mark && memcmp(data, data + 1, len - 1) == 0);
}

static void expect(struct tap_ring *r, uint8_t mark, size_t query_len, size_t response_len)
{
	ck_assert(tap_ring_get(r, &got, &broken));
	ck_assert_uint_eq(got.record.came_us, mark);
	ck_assert_uint_eq(got.record.query_len, query_len);
	ck_assert_uint_eq(got.record.response_len, response_len);
	ck_assert(is_all(got.query, mark, query_len) && is_all(got.response, (uint8_t)(mark + 1), response_len));
}

START_TEST(what_is_put_is_got_in_order)
{
	struct tap_ring *r = fresh();
	ck_assert(!tap_ring_get(r, &got, &broken));
	ck_assert(put(r, 1, 29, 45) && put(r, 2, 12, 0) && put(r, 3, TAP_QUERY_MAX, TAP_RESPONSE_MAX));
	expect(r, 1, 29, 45);
	expect(r, 2, 12, 0);
	expect(r, 3, TAP_QUERY_MAX, TAP_RESPONSE_MAX);
	ck_assert(!tap_ring_get(r, &got, &broken));
	ck_assert_uint_eq(broken, 0);
}
END_TEST

/* Many times round, with records of every length, as full as it gets. */
START_TEST(it_goes_round)
{
	struct tap_ring *r = fresh();
	struct { uint8_t mark; size_t query, response; } sent[4096];
	size_t first = 0, next = 0, in = 0;
	uint64_t dropped = 0;
	struct rng rng;
	rng_init(&rng, 7);
	for (int turn = 0; turn < 12000; turn++) {
		const size_t query = rng_below(&rng, 600), response = rng_below(&rng, turn % 50 ? 3000 : TAP_RESPONSE_MAX);
		if (in < 4096 && put(r, (uint8_t)turn, query, response)) {
			sent[next++ % 4096].mark = (uint8_t)turn;
			sent[(next - 1) % 4096].query = query;
			sent[(next - 1) % 4096].response = response;
			in++;
		} else if (in < 4096) {
			dropped++;
		}
		while (in && rng_below(&rng, 100) < (turn / 2000 % 2 ? 60u : 15u)) {
			expect(r, sent[first % 4096].mark, sent[first % 4096].query, sent[first % 4096].response);
			first++;
			in--;
		}
	}
	ck_assert_uint_gt(dropped, 0);
	ck_assert_uint_eq(r->dropped, dropped);
	ck_assert_uint_gt(r->head, 3 * (uint64_t)TAP_RING_LEN);
	ck_assert_uint_eq(broken, 0);
}
END_TEST

#define WRITTEN 100000u
static void *write_many(void *ctx)
{
	struct tap_ring *r = ctx;
	for (unsigned i = 0; i < WRITTEN; i++)
		put(r, (uint8_t)i, i % 200, i % 300);
	return NULL;
}

START_TEST(a_writer_and_a_reader_at_once)
{
	struct tap_ring *r = fresh();
	pthread_t t;
	uint64_t n = 0;
	ck_assert_int_eq(pthread_create(&t, NULL, write_many, r), 0);
	for (bool more = true; more;) {
		more = n + __atomic_load_n(&r->dropped, __ATOMIC_ACQUIRE) < WRITTEN;
		while (tap_ring_get(r, &got, &broken)) {
			const uint8_t mark = (uint8_t)got.record.came_us;
			if (!is_all(got.query, mark, got.record.query_len) || !is_all(got.response, (uint8_t)(mark + 1), got.record.response_len))
				ck_abort_msg("record %ju is not what was put", (uintmax_t)n);
			n++;
		}
	}
	pthread_join(t, NULL);
	ck_assert_uint_eq(n + r->dropped, WRITTEN);
	ck_assert_uint_eq(broken, 0);
}
END_TEST

/* Whatever the other side writes there: nothing outside of the ring is touched, and it goes on afterwards. */
START_TEST(neither_side_believes_the_other)
{
	struct rng rng;
	rng_init(&rng, 11);
	struct tap_ring *r = fresh();
	for (int turn = 0; turn < 50000; turn++) {
		switch (rng_below(&rng, 8)) {
		case 0:
			r->head = rng_u64(&rng) >> rng_below(&rng, 64);
			break;
		case 1:
			r->tail = rng_u64(&rng) >> rng_below(&rng, 64);
			break;
		case 2: /* a record's head */
			memset(r->data + (r->tail % TAP_RING_LEN & ~(uint64_t)7), (int)rng_below(&rng, 256), sizeof(struct tap_record) - rng_below(&rng, 40));
			break;
		case 3:
			r->head = r->tail;
			break;
		default:
			put(r, (uint8_t)turn, rng_below(&rng, 100), rng_below(&rng, 300));
			(void)tap_ring_get(r, &got, &broken);
		}
	}
	ck_assert_uint_gt(broken, 500);
	r->head = r->tail = 0;
	ck_assert(put(r, 5, 30, 40));
	expect(r, 5, 30, 40);
}
END_TEST

START_TEST(only_rings_are_mapped)
{
	struct tap_rings *none = NULL;
	int fd = memfd_create("x", MFD_ALLOW_SEALING);
	ck_assert_int_eq(ftruncate(fd, sizeof *none), 0);
	ck_assert_int_eq(tap_rings_map(&none, fd), ERR_FORMAT); /* it could be cut short from under us */
	close(fd);
	fd = open("/dev/zero", O_RDWR);
	ck_assert_int_eq(tap_rings_map(&none, fd), ERR_FORMAT);
	close(fd);
	ck_assert_int_eq(tap_rings_map(&none, -1), ERR_FORMAT);
	ck_assert_ptr_null(none);
}
END_TEST

/* ---- the draw ---- */

START_TEST(one_of_so_many)
{
	static const uint32_t every[] = { 1, 2, 7, 100, 1000 };
	struct tap t = { .on = 0 };
	fresh();
	ck_assert_ptr_null(tap_if_on(&t));
	for (size_t k = 0; k < sizeof every / sizeof every[0]; k++) {
		struct tap_turn turn = { .random = k };
		unsigned log = 0, dnstap = 0, regular = 0, last = 0;
		tap_switch(&t, rings, every[k], 1);
		ck_assert_ptr_eq(tap_if_on(&t), &t);
		for (unsigned i = 0; i < 1000000; i++) {
			const unsigned purpose = tap_draw(&t, &turn);
			dnstap += (purpose & TAP_DNSTAP) != 0;
			if (!(purpose & TAP_QUERY_LOG))
				continue;
			log++;
			regular += i - last == every[k];
			last = i;
		}
		const unsigned mean = 1000000 / every[k];
		ck_assert_uint_eq(dnstap, 1000000);
		ck_assert_uint_ge(log, mean - mean / 5);
		ck_assert_uint_le(log, mean + mean / 5);
		if (every[k] > 2) /* no rhythm */
			ck_assert_uint_lt(regular, log / 2);
	}
	tap_switch(&t, rings, 0, 0);
	ck_assert_ptr_null(tap_if_on(&t));
	tap_switch(&t, NULL, 1, 0); /* those that it has */
	ck_assert_ptr_nonnull(tap_if_on(&t));
}
END_TEST

START_TEST(a_shorter_distance_counts_at_once)
{
	struct tap t = { .on = 0 };
	struct tap_turn turn = { .random = 1 };
	fresh();
	tap_switch(&t, rings, 1000000, 0);
	for (int i = 0; i < 100; i++)
		(void)tap_draw(&t, &turn);
	tap_switch(&t, rings, 1, 0);
	ck_assert_uint_eq(tap_draw(&t, &turn), TAP_QUERY_LOG);
	struct tap none = { .on = 0 };
	tap_switch(&none, NULL, 1, 1); /* without rings it stays off */
	ck_assert_ptr_null(tap_if_on(&none));
}
END_TEST

/* ---- the line ---- */

#define QUESTION "\3www\4test\0\0\1\0\1"
static const struct { const char *what; const char *query; size_t query_len; const char *response; size_t response_len; const char *line; } lines[] = {
#define L(what, q, r, line) { what, q, sizeof q - 1, r, sizeof r - 1, line }
	L("plain", "\x12\x34\1\0\0\1\0\0\0\0\0\0" QUESTION, "\x12\x34\x85\0\0\1\0\2\0\0\0\0" QUESTION,
	  "name=www.test class=IN type=A id=4660 flags=rd rcode=NOERROR answers=2 size=26"),
	L("EDNS, DO, AD, CD", "\0\1\0\x30\0\1\0\0\0\0\0\1" QUESTION "\0\0\x29\4\xd0\0\0\x80\0\0\0", "\0\1\x84\3\0\1\0\0\0\1\0\1" QUESTION,
	  "name=www.test class=IN type=A id=1 flags=ad,cd,do bufsize=1232 rcode=NXDOMAIN answers=0 size=26"),
	L("a version that is none", "\0\1\0\0\0\1\0\0\0\0\0\1" QUESTION "\0\0\x29\4\xd0\0\1\0\0\0\0",
	  "\0\1\x84\0\0\1\0\0\0\0\0\1" QUESTION "\0\0\x29\4\xd0\1\0\0\0\0\0",
	  "name=www.test class=IN type=A id=1 flags=\"\" rcode=BADVERS answers=0 size=37"),
	L("truncated", "\0\1\0\0\0\1\0\0\0\0\0\0" QUESTION, "\0\1\x86\0\0\1\0\0\0\0\0\0" QUESTION,
	  "name=www.test class=IN type=A id=1 flags=\"\" rcode=NOERROR truncated=yes answers=0 size=26"),
	L("no answer", "\0\1\0\0\0\1\0\0\0\0\0\0" QUESTION, "", "name=www.test class=IN type=A id=1 flags=\"\" rcode=none size=0"),
	L("hostile name", "\0\1\0\0\0\1\0\0\0\0\0\0\7a\n\"= \\\xff\0\x12\x34\0\3", "\0\1\x84\5\0\1\0\0\0\0\0\0\7a\n\"= \\\xff\0\x12\x34\0\3",
	  "name=\"a\\\\010\\\\\\\"=\\\\032\\\\\\\\\\\\255\" class=CH type=TYPE4660 id=1 flags=\"\" rcode=REFUSED answers=0 size=25"),
	L("no query", "abc", "", "rcode=none size=0"),
	L("a response", "\0\1\x80\0\0\1\0\0\0\0\0\0" QUESTION, "", "id=1 flags=\"\" rcode=none size=0"),
	L("no question", "\0\1\0\0\0\0\0\0\0\0\0\0", "\0\1\x80\1\0\0\0\0\0\0\0\0", "id=1 flags=\"\" rcode=FORMERR answers=0 size=12"),
	L("a short answer", "\0\1\0\0\0\1\0\0\0\0\0\0" QUESTION, "\0\1", "name=www.test class=IN type=A id=1 flags=\"\" rcode=none size=0"),
	L("rcode without a name", "\0\1\0\0\0\1\0\0\0\0\0\0" QUESTION, "\0\1\x80\x0b\0\1\0\0\0\0\0\0" QUESTION,
	  "name=www.test class=IN type=A id=1 flags=\"\" rcode=11 answers=0 size=26"),
#undef L
};

START_TEST(lines_of_queries)
{
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		char want[512];
		struct logline l;
		struct tap_record h = { .query_len = (uint16_t)lines[i].query_len, .response_len = (uint16_t)lines[i].response_len,
					.client = { 4, { 192, 0, 2, 1 }, 4711 }, .server = { 6, { [15] = 1 }, 53 }, .tcp = i % 2, .took_us = 14 };
		struct tap_ring *r = fresh();
		ck_assert(tap_ring_put(r, &h, lines[i].query, lines[i].response));
		ck_assert(tap_ring_get(r, &got, &broken));
		logline_begin(&l, LOGLINE_TEXT, "");
		tap_line(&l, &got);
		logline_end(&l);
		snprintf(want, sizeof want, "event=query client=192.0.2.1#4711 server=::1#53 transport=%s %s took_us=14\n", i % 2 ? "tcp" : "udp",
			 lines[i].line);
		ck_assert_msg(strcmp(l.out, want) == 0, "%s:\n%swanted\n%s", lines[i].what, l.out, want);
	}
}
END_TEST

START_TEST(any_octets_make_one_line)
{
	struct rng rng;
	rng_init(&rng, 3);
	for (int turn = 0; turn < 12000; turn++) {
		struct logline l;
		got.record = (struct tap_record){ .query_len = (uint16_t)rng_below(&rng, 300), .response_len = (uint16_t)rng_below(&rng, 60) };
		for (size_t i = 0; i < 400; i++)
			got.room[i] = (uint8_t)(rng_below(&rng, 3) ? rng_below(&rng, 4) : rng_below(&rng, 256));
		got.query = got.room;
		got.response = got.room + got.record.query_len;
		logline_begin(&l, LOGLINE_JSON, "");
		tap_line(&l, &got);
		logline_end(&l);
		ck_assert_ptr_eq(strchr(l.out, '\n'), l.out + l.len - 1);
		ck_assert_uint_le(l.len, LOGLINE_MAX);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = { what_is_put_is_got_in_order, it_goes_round, a_writer_and_a_reader_at_once, neither_side_believes_the_other,
				 only_rings_are_mapped, one_of_so_many, a_shorter_distance_counts_at_once, lines_of_queries,
				 any_octets_make_one_line };
	return unit_run("tap", tests, sizeof tests / sizeof *tests);
}
