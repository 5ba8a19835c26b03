/* Streams cut anywhere: the messages that come out are those that went in. */
#include <stdio.h>
#include <string.h>
#include "base/buf.h"
#include "base/rng.h"
#include "dns/const.h"
#include "dns/framing.h"
#include "fault.h"
#include "unit.h"

#define PIECE_MAX 65536

static struct room { uint8_t head[FRAMING_HEAD], came[PIECE_MAX]; } room;

struct seen { /* what take was told: messages in brackets, printable */
	char text[4096];
	size_t len, count, bytes;
	size_t patience; /* messages until it has enough; 0 = never */
};

static bool see(void *ctx, const uint8_t *message, size_t len)
{
	struct seen *s = ctx;
	s->count++;
	s->bytes += len;
	if (s->len + len + 3 < sizeof s->text)
		s->len += (size_t)snprintf(s->text + s->len, sizeof s->text - s->len, "[%.*s]", (int)len, (const char *)message);
	return s->patience == 0 || --s->patience > 0;
}

static int feed(struct framing *f, struct seen *s, const void *piece, size_t len)
{
	memset(room.head, 0xee, sizeof room.head); /* what was there before must not matter */
	memcpy(room.came, piece, len);
	return framing_feed(f, room.came, len, see, s);
}

#define PIECE(s) s, sizeof(s) - 1

START_TEST(pieces_and_messages)
{
	static const struct { const char *pieces[6]; size_t lens[6]; const char *seen; bool kept; } t[] = {
		{ { "\0\3abc" }, { 5 }, "[abc]", false },
		{ { "\0\3abc\0\2de" }, { 9 }, "[abc][de]", false },
		{ { "\0", "\3", "a", "bc" }, { 1, 1, 1, 2 }, "[abc]", false },
		{ { "\0\3a", "bc\0", "\2", "de\0\1f" }, { 3, 3, 1, 5 }, "[abc][de][f]", false },
		{ { "\0\0\0\0\0\1a" }, { 7 }, "[][][a]", false },
		{ { "\0\3abc\0\5x" }, { 8 }, "[abc]", true },
		{ { "\0\3abc\0" }, { 6 }, "[abc]", true },
		{ { "\xff\xff" }, { 2 }, "", true },
		{ { "\0\2", "ab\0\2cd\0\2e", "f" }, { 2, 9, 1 }, "[ab][cd][ef]", false },
	};
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct framing f = { .kept = NULL };
		struct seen s = { .len = 0 };
		for (size_t k = 0; k < 6 && t[i].lens[k]; k++)
			ck_assert_int_ge(feed(&f, &s, t[i].pieces[k], t[i].lens[k]), 0);
		ck_assert_msg(strcmp(s.text, t[i].seen) == 0, "line %zu: %s, expected %s", i, s.text, t[i].seen);
		ck_assert_int_eq(f.kept != NULL, t[i].kept); /* at a boundary it owns nothing */
		ck_assert(!framing_waits(&f));
		framing_deinit(&f);
	}
}
END_TEST

START_TEST(one_who_has_enough_gets_the_rest_later)
{
	struct framing f = { .kept = NULL };
	struct seen s = { .patience = 2 };
	ck_assert_int_eq(feed(&f, &s, PIECE("\0\1a\0\1b\0\1c\0\1d\0\2e")), 2);
	ck_assert_str_eq(s.text, "[a][b]");
	ck_assert(framing_waits(&f));
	s.patience = 1;
	ck_assert_int_eq(framing_feed(&f, NULL, 0, see, &s), 1);
	ck_assert_str_eq(s.text, "[a][b][c]");
	s.patience = 0;
	ck_assert_int_eq(framing_feed(&f, NULL, 0, see, &s), 1);
	ck_assert_str_eq(s.text, "[a][b][c][d]");
	ck_assert(!framing_waits(&f));
	ck_assert_int_eq(framing_feed(&f, NULL, 0, see, &s), 0);
	ck_assert_int_eq(feed(&f, &s, PIECE("f")), 1);
	ck_assert_str_eq(s.text, "[a][b][c][d][ef]");
	ck_assert_ptr_null(f.kept);
}
END_TEST

/* The longest message, whole, in two, and in single octets; behind it another. */
START_TEST(the_longest_message)
{
	static uint8_t wire[FRAMING_PREFIX_LEN + DNS_MESSAGE_MAX + 3] = { 0xff, 0xff };
	memset(wire + 2, 'x', DNS_MESSAGE_MAX);
	memcpy(wire + 2 + DNS_MESSAGE_MAX, "\0\1y", 3);
	static const size_t steps[] = { 1, 2, 4095, 32768, 65535, 65536 };
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct framing f = { .kept = NULL };
		struct seen s = { .len = 0 };
		for (size_t at = 0; at < sizeof wire; at += steps[i]) {
			size_t n = sizeof wire - at < steps[i] ? sizeof wire - at : steps[i];
			memcpy(room.came, wire + at, n);
			ck_assert_int_ge(framing_feed(&f, room.came, n, see, &s), 0);
			ck_assert_uint_le(f.cap, 2 * FRAMING_HEAD);
		}
		ck_assert_uint_eq(s.count, 2);
		ck_assert_uint_eq(s.bytes, DNS_MESSAGE_MAX + 1);
		ck_assert_str_eq(s.text, "[y]"); /* the long one does not fit the text */
		ck_assert_ptr_null(f.kept);
	}
}
END_TEST

START_TEST(a_length_alone_costs_little)
{
	struct framing f = { .kept = NULL };
	struct seen s = { .len = 0 };
	ck_assert_int_eq(feed(&f, &s, PIECE("\xff\xffx")), 0);
	ck_assert_uint_le(f.cap, 256);
	framing_deinit(&f);
}
END_TEST

static size_t make_stream(struct rng *r, uint8_t *out, size_t *messages)
{
	size_t len = 0;
	*messages = 1 + rng_below(r, 20);
	for (size_t i = 0; i < *messages; i++) {
		size_t n = rng_below(r, 4) ? rng_below(r, 40) : rng_below(r, 3000);
		store_u16(out + len, (uint16_t)n);
		for (size_t k = 0; k < n; k++)
			out[len + 2 + k] = (uint8_t)('a' + i);
		len += 2 + n;
	}
	return len;
}

START_TEST(any_cuts_and_any_patience)
{
	static uint8_t wire[20 * 3002];
	struct rng r;
	rng_init(&r, 5);
	for (int round = 0; round < 2000; round++) {
		struct framing f = { .kept = NULL };
		struct seen s = { .len = 0 };
		size_t messages, len = make_stream(&r, wire, &messages), at = 0;
		while (at < len || framing_waits(&f)) {
			s.patience = rng_below(&r, 3);
			if (framing_waits(&f)) {
				ck_assert_int_ge(framing_feed(&f, NULL, 0, see, &s), 0);
				continue;
			}
			size_t n = 1 + rng_below(&r, rng_below(&r, 2) ? 8 : 5000);
			if (n > len - at)
				n = len - at;
			ck_assert_int_ge(feed(&f, &s, wire + at, n), 0);
			at += n;
		}
		ck_assert_uint_eq(s.count, messages);
		ck_assert_uint_eq(s.bytes + 2 * messages, len);
		ck_assert_ptr_null(f.kept);
	}
}
END_TEST

START_TEST(out_of_memory_loses_the_stream_and_nothing_else)
{
	bool done = false;
	for (unsigned n = 1; !done; n++) {
		struct framing f = { .kept = NULL };
		struct seen s = { .len = 0 };
		static uint8_t half[1500] = { 0x10, 0 };
		fault_arm(n);
		int e = feed(&f, &s, half, sizeof half);
		if (e == 0)
			e = feed(&f, &s, half, sizeof half);
		done = !fault_disarm();
		ck_assert_int_eq(e, done ? 0 : ERR_NOMEM);
		ck_assert(done || (!f.kept && f.len == 0));
		framing_deinit(&f);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = { pieces_and_messages, one_who_has_enough_gets_the_rest_later, the_longest_message,
		a_length_alone_costs_little, any_cuts_and_any_patience, out_of_memory_loses_the_stream_and_nothing_else };
	return unit_run("framing", tests, sizeof tests / sizeof *tests);
}
