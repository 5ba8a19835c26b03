/* Arenas and growing byte strings. */
#include <stdint.h>
#include <string.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/rng.h"
#include "tests/unit/fault.h"
#include "tests/unit/unit.h"

/* One assertion a piece: Check writes each down. */
static bool all_are(const uint8_t *p, size_t len, unsigned value)
{
	while (len > 0 && p[len - 1] == value)
		len--;
	return len == 0;
}

START_TEST(arena_memory_is_zeroed_aligned_and_apart)
{
	enum { PIECES = 3000 };
	static uint8_t *piece[PIECES];
	static size_t len[PIECES];
	struct arena a;
	struct rng r;

	arena_init(&a, 0);
	rng_init(&r, 1);
	for (unsigned i = 0; i < PIECES; i++) {
		len[i] = rng_below(&r, i % 100 == 0 ? 100000 : 200);
		piece[i] = arena_alloc(&a, len[i]);
		ck_assert_ptr_nonnull(piece[i]);
		ck_assert_uint_eq((uintptr_t)piece[i] % 16, 0);
		ck_assert(all_are(piece[i], len[i], 0));
		memset(piece[i], (int)(i % 255 + 1), len[i]);
	}
	for (unsigned i = 0; i < PIECES; i++)
		ck_assert(all_are(piece[i], len[i], i % 255 + 1));
	arena_deinit(&a);
	ck_assert_uint_eq(a.used, 0);
}
END_TEST

START_TEST(arena_size_zero_is_unique)
{
	struct arena a;
	arena_init(&a, 0);
	void *p = arena_alloc(&a, 0), *q = arena_alloc(&a, 0);
	ck_assert(p && q && p != q);
	arena_deinit(&a);
}
END_TEST

START_TEST(arena_limit_holds)
{
	struct arena a;
	arena_init(&a, 1000);
	ck_assert_ptr_null(arena_alloc(&a, 1001));
	ck_assert_ptr_nonnull(arena_alloc(&a, 600));
	ck_assert_ptr_null(arena_alloc(&a, 400)); /* 600 counts as 608 */
	ck_assert_ptr_nonnull(arena_alloc(&a, 384));
	ck_assert_ptr_null(arena_alloc(&a, 1));
	ck_assert_uint_le(a.used, 1000);
	arena_deinit(&a);
}
END_TEST

START_TEST(arena_refuses_impossible_sizes)
{
	struct arena a;
	volatile size_t huge = SIZE_MAX;
	arena_init(&a, 0);
	ck_assert_ptr_null(arena_alloc(&a, huge));
	ck_assert_ptr_null(arena_alloc(&a, huge / 2 + 1));
	ck_assert_ptr_null(arena_array(&a, huge / 4, 8));
	ck_assert_ptr_null(arena_strn(&a, "", huge));
	ck_assert_uint_eq(a.used, 0);
	arena_deinit(&a);
}
END_TEST

/* A big piece, even the first, does not stop small ones from sharing a chunk. */
START_TEST(arena_small_pieces_share)
{
	struct arena a;
	arena_init(&a, 0);
	ck_assert_ptr_nonnull(arena_alloc(&a, 1 << 20));
	fault_arm(5); /* 8, 16, 32 and 64 KiB hold them all */
	bool ok = true;
	for (unsigned i = 0; i < 1000; i++)
		ok &= arena_alloc(&a, 64) != NULL;
	ck_assert(!fault_disarm());
	ck_assert(ok);
	arena_deinit(&a);
}
END_TEST

START_TEST(arena_packed_and_padded_mix)
{
	struct arena a;

	arena_init(&a, 0);
	for (size_t i = 0; i < 3000; i++) {
		uint8_t *small = arena_alloc_packed(&a, i % 23), *wide = arena_alloc(&a, i % 7);
		ck_assert(small && wide && (uintptr_t)small % 8 == 0 && (uintptr_t)wide % 16 == 0);
		ck_assert(small[i % 23 ? i % 23 - 1 : 0] == 0 && wide[0] == 0);
		memset(small, 0xff, i % 23);
		memset(wide, 0xff, i % 7);
	}
	arena_deinit(&a);
}
END_TEST

/* What is young stays, whatever its size; under the sanitizers a use of what went would tell. */
START_TEST(arena_frees_what_is_old)
{
	enum { N = 4000, SIZE = 100 };
	struct arena a;
	uint8_t *p[N], *big = NULL;

	arena_init(&a, 0);
	for (int i = 0; i < N; i++) {
		p[i] = arena_alloc(&a, SIZE);
		ck_assert_ptr_nonnull(p[i]);
		memset(p[i], i & 255, SIZE);
		if (i == N / 2) {
			big = arena_alloc(&a, 1 << 20); /* goes behind the chunk that p[i] is in */
			ck_assert_ptr_nonnull(big);
			memset(big, 7, 1 << 20);
		}
	}
	size_t used = a.used;
	arena_free_before(&a, p[0]);
	ck_assert_uint_eq(a.used, used);
	arena_free_before(&a, p[N / 2]);
	ck_assert_uint_lt(a.used, used);
	ck_assert_uint_gt(a.used, used - (N / 2 + 1) * 112);
	ck_assert(big[0] == 7 && big[(1 << 20) - 1] == 7);
	for (int i = N / 2; i < N; i++)
		ck_assert(p[i][0] == (i & 255) && p[i][SIZE - 1] == (i & 255));
	used = a.used;
	arena_free_before(&a, &used); /* nothing of ours */
	ck_assert_uint_eq(a.used, used);
	arena_free_before(&a, p[N - 1]);
	ck_assert_uint_lt(a.used, used - (1 << 20));
	ck_assert_ptr_nonnull(arena_alloc(&a, SIZE));
	arena_deinit(&a);
}
END_TEST

START_TEST(arena_copies)
{
	struct arena a;
	arena_init(&a, 0);
	ck_assert_str_eq(arena_str(&a, "hello"), "hello");
	ck_assert_str_eq(arena_str(&a, ""), "");
	ck_assert_str_eq(arena_strn(&a, "hello", 4), "hell");
	ck_assert_str_eq(arena_printf(&a, "%s-%d", "x", 7), "x-7");
	ck_assert_mem_eq(arena_copy(&a, "\0\1\2", 3), "\0\1\2", 3);
	ck_assert_ptr_nonnull(arena_copy(&a, NULL, 0));
	ck_assert_ptr_nonnull(arena_array(&a, 0, 8));
	arena_deinit(&a);
}
END_TEST

START_TEST(arena_survives_every_failed_allocation)
{
	bool done = false;
	for (unsigned n = 1; !done; n++) {
		struct arena a;
		arena_init(&a, 0);
		fault_arm(n);
		bool ok = true;
		for (unsigned i = 0; i < 200; i++)
			ok &= arena_alloc(&a, i % 10 ? 1000 : 70000) != NULL;
		done = !fault_disarm();
		ck_assert_int_eq(ok, done);
		ck_assert_ptr_nonnull(arena_alloc(&a, 100)); /* still usable */
		arena_deinit(&a);
	}
}
END_TEST

START_TEST(bytes_grow)
{
	struct bytes b;
	bytes_init(&b, 100000);
	for (unsigned i = 0; i < 20000; i++)
		bytes_u32(&b, i);
	ck_assert(!b.failed);
	ck_assert_uint_eq(b.len, 80000);
	for (unsigned i = 0; i < 20000; i++)
		ck_assert_uint_eq(load_u32(b.data + 4 * i), i);
	bytes_deinit(&b);
	ck_assert_ptr_null(b.data);
}
END_TEST

START_TEST(bytes_write_what_readers_read)
{
	struct bytes b;
	struct rbuf r;
	char text[6];
	size_t n;

	bytes_init(&b, 100);
	bytes_u8(&b, 1);
	bytes_u16(&b, 0x203);
	bytes_u32(&b, 0x4050607);
	bytes_u64(&b, 0x8090a0b0c0d0e0f);
	bytes_str(&b, "hello");
	bytes_block(&b, "\0x", 2);
	bytes_printf(&b, "%d%%", 42);
	rbuf_init(&r, b.data, b.len);
	ck_assert_uint_eq(get_u8(&r), 1);
	ck_assert_uint_eq(get_u16(&r), 0x203);
	ck_assert_uint_eq(get_u32(&r), 0x4050607);
	ck_assert_uint_eq(get_u64(&r), 0x8090a0b0c0d0e0f);
	get_str(&r, text, sizeof text);
	ck_assert_str_eq(text, "hello");
	ck_assert_mem_eq(get_block(&r, &n), "\0x", 2);
	ck_assert_uint_eq(n, 2);
	ck_assert_mem_eq(get_bytes(&r, 3), "42%", 3);
	ck_assert(!r.failed && rbuf_left(&r) == 0);
	bytes_deinit(&b);
}
END_TEST

START_TEST(bytes_stop_at_their_bound_and_failure_sticks)
{
	struct bytes b;
	bytes_init(&b, 10);
	bytes_printf(&b, "%s", "0123456789"); /* fits exactly: the NUL is not counted */
	ck_assert(!b.failed);
	ck_assert_mem_eq(b.data, "0123456789", 10);
	bytes_add(&b, "", 0);
	ck_assert(!b.failed);
	bytes_u8(&b, 1);
	ck_assert(b.failed);
	ck_assert_uint_eq(b.len, 10);
	bytes_deinit(&b);

	bytes_init(&b, 300);
	for (unsigned i = 0; i < 256; i++)
		bytes_u8(&b, 'x');
	bytes_printf(&b, "%044d", 7); /* up to the bound, which is the capacity now */
	ck_assert(!b.failed);
	ck_assert_uint_eq(b.len, 300);
	ck_assert_mem_eq(b.data + 298, "07", 2);
	bytes_deinit(&b);

	bytes_init(&b, 5);
	bytes_block(&b, "1234", 4); /* length and content or nothing */
	ck_assert(b.failed && b.len == 0);
	bytes_u8(&b, 1);
	bytes_printf(&b, "x");
	ck_assert_uint_eq(b.len, 0);
	bytes_deinit(&b);
}
END_TEST

START_TEST(bytes_blocks_have_16_bit_lengths)
{
	static const uint8_t big[65536];
	struct bytes b;
	bytes_init(&b, 1 << 20);
	bytes_block(&b, big, 65535);
	ck_assert(!b.failed && b.len == 65537);
	bytes_block(&b, big, 65536);
	ck_assert(b.failed && b.len == 65537);
	bytes_deinit(&b);
}
END_TEST

START_TEST(bytes_survive_every_failed_allocation)
{
	bool done = false;
	for (unsigned n = 1; !done; n++) {
		struct bytes b;
		bytes_init(&b, 4000);
		fault_arm(n);
		for (unsigned i = 0; i < 100; i++)
			bytes_printf(&b, "%040u", i);
		done = !fault_disarm();
		ck_assert_int_eq(b.failed, !done);
		ck_assert_uint_eq(b.len % 40, 0);
		for (unsigned i = 0; i < b.len / 40; i++)
			ck_assert_uint_eq(b.data[40 * i + 39], '0' + i % 10);
		bytes_deinit(&b);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		arena_memory_is_zeroed_aligned_and_apart, arena_size_zero_is_unique, arena_limit_holds,
		arena_refuses_impossible_sizes, arena_small_pieces_share, arena_packed_and_padded_mix, arena_frees_what_is_old, arena_copies,
		arena_survives_every_failed_allocation, bytes_grow,
		bytes_write_what_readers_read, bytes_stop_at_their_bound_and_failure_sticks,
		bytes_blocks_have_16_bit_lengths, bytes_survive_every_failed_allocation,
	};
	return unit_run("base_memory", tests, sizeof tests / sizeof *tests);
}
