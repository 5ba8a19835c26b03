/* Bounded reader and writer. */
#include <string.h>
#include "base/buf.h"
#include "tests/unit/unit.h"

START_TEST(numbers_are_big_endian)
{
	uint8_t out[15];
	struct wbuf w;
	wbuf_init(&w, out, sizeof out);
	put_u8(&w, 0x01);
	put_u16(&w, 0x0203);
	put_u32(&w, 0x04050607);
	put_u64(&w, 0x08090a0b0c0d0e0f);
	ck_assert(!w.failed && w.len == 15);
	for (unsigned i = 0; i < 15; i++)
		ck_assert_uint_eq(out[i], i + 1);
	ck_assert_uint_eq(load_u16(out + 13), 0x0e0f);
	ck_assert_uint_eq(load_u32((const uint8_t *)"\xff\xff\xff\xfe"), 0xfffffffe);
	ck_assert_uint_eq(load_u64((const uint8_t *)"\xff\0\0\0\0\0\0\1"), 0xff00000000000001);
}
END_TEST

static void put_all(struct wbuf *w)
{
	put_u8(w, 1);
	put_u16(w, 2);
	put_u32(w, 3);
	put_u64(w, 4);
	put_bytes(w, "abc", 3);
	put_str(w, "text");
	put_block(w, NULL, 0);
}

START_TEST(no_capacity_is_overrun)
{
	enum { WHOLE = 26 };
	for (size_t cap = 0; cap <= WHOLE + 1; cap++) {
		uint8_t out[WHOLE + 2];
		struct wbuf w;
		memset(out, 0xee, sizeof out);
		wbuf_init(&w, out, cap);
		put_all(&w);
		ck_assert_int_eq(w.failed, cap < WHOLE);
		ck_assert_uint_le(w.len, cap);
		for (size_t i = w.len; i < sizeof out; i++)
			ck_assert_uint_eq(out[i], 0xee);
	}
}
END_TEST

START_TEST(failure_sticks)
{
	uint8_t out[4];
	struct wbuf w;
	wbuf_init(&w, out, sizeof out);
	put_u8(&w, 1);
	put_u32(&w, 2);
	ck_assert(w.failed);
	put_u8(&w, 3); /* would fit */
	ck_assert_uint_eq(w.len, 1);
	ck_assert_ptr_null(put_room(&w, 0));

	struct rbuf r;
	rbuf_init(&r, "\1\2\3", 3);
	ck_assert_uint_eq(get_u32(&r), 0);
	ck_assert(r.failed);
	ck_assert_uint_eq(get_u8(&r), 0); /* would be there */
	ck_assert_uint_eq(get_u16(&r), 0);
	ck_assert_uint_eq(get_u64(&r), 0);
	ck_assert_ptr_null(get_bytes(&r, 1));
	ck_assert_ptr_nonnull(get_bytes(&r, 0));
}
END_TEST

START_TEST(impossible_lengths_fail)
{
	uint8_t out[8];
	struct wbuf w;
	struct rbuf r;
	wbuf_init(&w, out, sizeof out);
	put_u8(&w, 1);
	ck_assert_ptr_null(put_room(&w, SIZE_MAX));
	ck_assert(w.failed);
	wbuf_init(&w, out, sizeof out);
	put_block(&w, out, SIZE_MAX);
	ck_assert(w.failed && w.len == 0);
	rbuf_init(&r, out, sizeof out);
	ck_assert_uint_eq(get_u8(&r), 1);
	ck_assert_ptr_null(get_bytes(&r, SIZE_MAX));
	ck_assert(r.failed);
}
END_TEST

START_TEST(a_block_goes_in_whole_or_not_at_all)
{
	uint8_t out[5];
	struct wbuf w;
	wbuf_init(&w, out, sizeof out);
	put_block(&w, "abcd", 4);
	ck_assert(w.failed && w.len == 0);
	wbuf_init(&w, out, sizeof out);
	put_block(&w, "abc", 3);
	ck_assert(!w.failed);
	ck_assert_mem_eq(out, "\0\3abc", 5);
}
END_TEST

START_TEST(an_empty_input_reads_as_empty)
{
	struct rbuf r;
	size_t n = 9;
	rbuf_init(&r, NULL, 0);
	ck_assert_ptr_nonnull(get_bytes(&r, 0));
	ck_assert(!r.failed);
	ck_assert_ptr_null(get_block(&r, &n));
	ck_assert(r.failed && n == 0);
}
END_TEST

START_TEST(strings_are_checked)
{
	static const struct {
		const char *wire;
		size_t len;
		const char *text; /* NULL = fails */
	} cases[] = {
		{ "\0\0", 2, "" },
		{ "\0\3abc", 5, "abc" },
		{ "\0\4abcd", 6, NULL },  /* no place for the NUL */
		{ "\0\3ab", 4, NULL },    /* cut short */
		{ "\0\3a\0b", 5, NULL },  /* inner NUL */
		{ "\xff\xff" "a", 3, NULL },
		{ "\0", 1, NULL },
		{ "", 0, NULL },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char out[4] = "old";
		struct rbuf r;
		rbuf_init(&r, cases[i].wire, cases[i].len);
		get_str(&r, out, sizeof out);
		ck_assert_int_eq(r.failed, !cases[i].text);
		ck_assert_str_eq(out, cases[i].text ? cases[i].text : "");
	}
	struct rbuf r;
	char none[1] = { 'x' };
	rbuf_init(&r, "\0\0", 2);
	get_str(&r, none, 0);
	ck_assert(r.failed && none[0] == 'x');
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		numbers_are_big_endian, no_capacity_is_overrun, failure_sticks, impossible_lengths_fail,
		a_block_goes_in_whole_or_not_at_all, an_empty_input_reads_as_empty, strings_are_checked,
	};
	return unit_run("base_buf", tests, sizeof tests / sizeof *tests);
}
