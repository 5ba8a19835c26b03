/* Domain names. */
#include <stdio.h>
#include <string.h>
#include "base/rng.h"
#include "dns/name.h"
#include "tests/unit/unit.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define WIRE(literal) ((const uint8_t *)(literal)) /* the NUL of the literal is the root octet */

static const struct hash_key key = { { 0x0123456789abcdef, 0xfedcba9876543210 } };

struct name {
	uint8_t wire[NAME_WIRE_MAX];
};

static struct name named(const char *text)
{
	struct name n;
	ck_assert_msg(name_parse(n.wire, text, strlen(text), NULL, false) > 0, "%s", text);
	return n;
}

START_TEST(text_becomes_wire)
{
	static const struct {
		const char *text, *origin, *wire;
		size_t len;
	} cases[] = {
		{ ".", NULL, "", 1 },
		{ ".", "\4test", "", 1 },
		{ "@", NULL, "", 1 },
		{ "@", "\4test", "\4test", 6 },
		{ "www", NULL, "\3www", 5 },
		{ "www", "\4test", "\3www\4test", 10 },
		{ "www.", "\4test", "\3www", 5 },
		{ "a.b", "\4test", "\1a\1b\4test", 10 },
		{ "\\@", NULL, "\1@", 3 },
		{ "a\\.b.c", NULL, "\3a.b\1c", 7 },
		{ "a\\\\b", NULL, "\3a\\b", 5 },
		{ "\\065\\255", NULL, "\2A\xff", 4 },
		{ "\\000", NULL, "\1\0", 3 },
		{ "*.x", NULL, "\1*\1x", 5 },
		{ "\\@\\.", NULL, "\2@.", 4 },
		{ "a b", NULL, "\3a b", 5 },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t out[NAME_WIRE_MAX];
		const uint8_t *origin = cases[i].origin ? WIRE(cases[i].origin) : NULL;
		int n = name_parse(out, cases[i].text, strlen(cases[i].text), origin, false);
		ck_assert_msg(n == (int)cases[i].len, "%s gave %d", cases[i].text, n);
		ck_assert_mem_eq(out, cases[i].wire, cases[i].len);
	}
}
END_TEST

START_TEST(broken_text_is_refused_and_nothing_written)
{
	static const char *const cases[] = { "", "..", ".a", "a..", "a..b", "\\", "a\\", "\\1", "\\12", "\\256",
					     "\\999", "\\1a2", "a.\\12" };
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t out[NAME_WIRE_MAX] = { 77 };
		ck_assert_msg(name_parse(out, cases[i], strlen(cases[i]), NULL, true) == ERR_FORMAT, "%s", cases[i]);
		ck_assert_uint_eq(out[0], 77);
	}
	uint8_t out[NAME_WIRE_MAX];
	ck_assert_int_eq(name_parse(out, "a\\0451", 5, NULL, false), 4); /* the length bounds the escape too */
	ck_assert_int_eq(name_parse(out, "a\\0451", 4, NULL, false), ERR_FORMAT);
}
END_TEST

START_TEST(lengths_have_limits)
{
	char text[400];
	uint8_t out[NAME_WIRE_MAX], origin[NAME_WIRE_MAX];

	memset(text, 'x', sizeof text);
	ck_assert_int_eq(name_parse(out, text, 63, NULL, false), 65);
	ck_assert_int_eq(name_parse(out, text, 64, NULL, false), ERR_LIMIT);
	text[63] = text[127] = text[191] = '.';
	ck_assert_int_eq(name_parse(out, text, 253, NULL, false), 255); /* 3 * 64 + 62 + 1 */
	ck_assert_int_eq(name_check(out, sizeof out), 255);
	ck_assert_int_eq(name_parse(out, text, 254, NULL, false), ERR_LIMIT);
	ck_assert_int_eq(name_parse(out, text, 400, NULL, false), ERR_LIMIT);
	ck_assert_int_eq(name_parse(origin, text, 251, NULL, false), 253);
	ck_assert_int_eq(name_parse(out, "a", 1, origin, false), 255);
	ck_assert_int_eq(name_parse(out, "ab", 2, origin, false), ERR_LIMIT);
	ck_assert_int_eq(name_parse(origin, "a", 1, origin, false), 255); /* in place */
	for (unsigned i = 0; i < 300; i++)
		text[i] = i % 2 ? '.' : 'a';
	ck_assert_int_eq(name_parse(out, text, 253, NULL, false), 255);
	ck_assert_uint_eq(name_labels(out), NAME_LABELS_MAX);
	ck_assert_int_eq(name_parse(out, text, 255, NULL, false), ERR_LIMIT);
}
END_TEST

START_TEST(text_comes_back)
{
	static const struct {
		const char *wire, *text;
	} cases[] = {
		{ "", "." }, { "\3www\4test", "www.test" }, { "\3a.b", "a\\.b" },
		{ "\7\"();@$\\", "\\\"\\(\\)\\;\\@\\$\\\\" }, { "\3 \x7f\xff", "\\032\\127\\255" }, { "\1*\1_", "*._" },
		{ "\3WwW", "WwW" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char out[NAME_TEXT_MAX];
		ck_assert_str_eq(name_format(WIRE(cases[i].wire), out), cases[i].text);
	}
}
END_TEST

START_TEST(any_name_survives_the_round_trip)
{
	struct rng r;
	rng_init(&r, 3);
	for (unsigned i = 0; i < 5000; i++) {
		uint8_t wire[NAME_WIRE_MAX], back[NAME_WIRE_MAX];
		char text[NAME_TEXT_MAX];
		size_t len = 0, bound = rng_below(&r, 255);
		for (;;) {
			size_t n = 1 + rng_below(&r, i % 3 ? 8 : 63);
			if (len + 1 + n > bound)
				break;
			wire[len++] = (uint8_t)n;
			while (n--)
				wire[len++] = (uint8_t)rng_u64(&r);
		}
		wire[len++] = 0;
		ck_assert_int_eq(name_check(wire, len), (int)len);
		name_format(wire, text);
		ck_assert_int_eq(name_parse(back, text, strlen(text), NULL, false), (int)len);
		ck_assert_mem_eq(wire, back, len);
	}
}
END_TEST

START_TEST(the_longest_text_fits)
{
	uint8_t wire[NAME_WIRE_MAX];
	char out[NAME_TEXT_MAX];
	memset(wire, 0xff, sizeof wire);
	wire[0] = wire[64] = wire[128] = 63;
	wire[192] = 61;
	wire[254] = 0;
	ck_assert_int_eq(name_check(wire, sizeof wire), 255);
	ck_assert_uint_eq(strlen(name_format(wire, out)), 250 * 4 + 3);
}
END_TEST

START_TEST(wire_is_checked)
{
	uint8_t wire[300];
	ck_assert_int_eq(name_check(WIRE(""), 1), 1);
	ck_assert_int_eq(name_check(WIRE("\3www"), 5), 5);
	ck_assert_int_eq(name_check(WIRE("\3www\0junk"), 10), 5);
	for (size_t avail = 0; avail < 5; avail++)
		ck_assert_int_eq(name_check(WIRE("\3www"), avail), ERR_SHORT);
	ck_assert_int_eq(name_check(WIRE("\x40"), 2), ERR_FORMAT);
	ck_assert_int_eq(name_check(WIRE("\1a\xc0\x0c"), 4), ERR_FORMAT);
	memset(wire, 1, sizeof wire); /* 127 labels of one octet, and no root in time */
	ck_assert_int_eq(name_check(wire, sizeof wire), ERR_FORMAT);
	wire[254] = 0;
	ck_assert_int_eq(name_check(wire, sizeof wire), 255);
	ck_assert_int_eq(name_check(wire, 254), ERR_SHORT);
	memset(wire, 1, sizeof wire);
	wire[0] = 2; /* the root octet is the 256th */
	wire[255] = 0;
	ck_assert_int_eq(name_check(wire, sizeof wire), ERR_FORMAT);
}
END_TEST

/* RFC 4343: A to Z and nothing else, in every position of a step. */
START_TEST(only_ascii_letters_fold)
{
	for (unsigned at = 0; at < 20; at++) {
		for (unsigned c = 0; c < 256; c++) {
			uint8_t name[20], want[20];
			memset(name, 'Q', sizeof name);
			memset(want, 'q', sizeof want);
			name[at] = (uint8_t)c;
			want[at] = (uint8_t)(c >= 'A' && c <= 'Z' ? c + 32 : c);
			name_lower(name, sizeof name);
			ck_assert_mem_eq(name, want, sizeof want);
		}
	}
	uint8_t untouched[4] = "ABCD";
	name_lower(untouched, 2);
	ck_assert_mem_eq(untouched, "abCD", 4);
	struct name folded;
	ck_assert_int_eq(name_parse(folded.wire, "WwW.\\091", 8, WIRE("\4TEST"), true), 12);
	ck_assert_mem_eq(folded.wire, "\3www\1[\4test", 12);
}
END_TEST

START_TEST(equality_folds)
{
	ck_assert(name_equal(WIRE("\3WwW\4test"), WIRE("\3www\4TEST")));
	ck_assert(name_equal(WIRE(""), WIRE("")));
	ck_assert(!name_equal(WIRE("\3www"), WIRE("\3wwx")));
	ck_assert(!name_equal(WIRE("\3www"), WIRE("")));
	ck_assert(!name_equal(WIRE("\3a\1b"), WIRE("\1a\1b")));
	ck_assert(!name_equal(WIRE("\1["), WIRE("\1{")));
	ck_assert(!name_equal(WIRE("\1\xc0"), WIRE("\1\xe0")));
}
END_TEST

START_TEST(ancestry)
{
	const uint8_t *www = WIRE("\3www\7example\4test"), *example = WIRE("\7EXAMPLE\4test");
	ck_assert(name_is_under(www, www));
	ck_assert(name_is_under(www, example));
	ck_assert(name_is_under(www, WIRE("")));
	ck_assert(!name_is_under(example, www));
	ck_assert(!name_is_under(WIRE(""), example));
	/* The octets of the parent at the end, but not at a label's start. */
	ck_assert(!name_is_under(WIRE("\x06x\4test"), WIRE("\4test")));
	ck_assert(!name_is_under(WIRE("\11myexample\4test"), example));
	ck_assert_uint_eq(name_labels(www), 3);
	ck_assert_uint_eq(name_labels(WIRE("")), 0);
	ck_assert_uint_eq(name_len(www), 18);
	ck_assert_ptr_eq(name_skip(www, 0), www);
	ck_assert_ptr_eq(name_skip(www, 1), www + 4);
	ck_assert_ptr_eq(name_skip(www, 3), www + 17);
	ck_assert(name_is_wildcard(WIRE("\1*\4test")));
	ck_assert(name_is_wildcard(WIRE("\1*")));
	ck_assert(!name_is_wildcard(WIRE("\2**")));
	ck_assert(!name_is_wildcard(WIRE("\1a\1*")));
	ck_assert(!name_is_wildcard(WIRE("")));
}
END_TEST

START_TEST(canonical_order)
{
	/* The list of RFC 4034 6.1, and the root before all. */
	static const char *const sorted[] = { ".", "example", "a.example", "yljkjljk.a.example", "Z.a.example",
					      "zABC.a.EXAMPLE", "z.example", "\\001.z.example", "*.z.example",
					      "\\200.z.example" };
	for (size_t i = 0; i < COUNT(sorted); i++) {
		for (size_t j = 0; j < COUNT(sorted); j++) {
			struct name a = named(sorted[i]), b = named(sorted[j]);
			int order = name_compare(a.wire, b.wire);
			ck_assert_msg((order > 0) - (order < 0) == (i > j) - (i < j), "%s %s", sorted[i], sorted[j]);
		}
	}
	ck_assert_int_lt(name_compare(WIRE("\1a"), WIRE("\2a\0")), 0); /* a before a\000 */
	ck_assert_int_eq(name_compare(WIRE("\1A"), WIRE("\1a")), 0);
}
END_TEST

START_TEST(the_hash_is_a_chain_over_suffixes)
{
	const uint8_t *name = WIRE("\3www\x0c" "twelve-chars\7example\4test");
	uint64_t h = name_hash_root(&key);
	ck_assert_uint_eq(name_hash(&key, WIRE("")), h);
	for (unsigned i = name_labels(name); i-- > 0;) {
		const uint8_t *suffix = name_skip(name, i);
		h = name_hash_step(&key, h, suffix);
		ck_assert_uint_eq(name_hash(&key, suffix), h);
	}
}
END_TEST

/* Every length of label, so that each way of loading the last octets is seen; copies of exact size, so that a
 * sanitizer sees a read past the end. */
START_TEST(every_octet_of_a_label_matters)
{
	for (unsigned n = 1; n <= 63; n++) {
		uint8_t *label = calloc(1, 1 + n);
		ck_assert_ptr_nonnull(label);
		label[0] = (uint8_t)n;
		uint64_t plain = name_hash_step(&key, 12345, label);
		ck_assert_uint_ne(plain, name_hash_step(&key, 12346, label));
		for (unsigned i = 1; i <= n; i++) {
			label[i] = 'x';
			ck_assert_uint_ne(plain, name_hash_step(&key, 12345, label));
			label[i] = 0;
		}
		free(label);
	}
}
END_TEST

/* Whatever stands behind the name, and however little can be read there: copies of exact size, for a sanitizer. */
START_TEST(a_copy_in_lower_case)
{
	const uint8_t *name = WIRE("\3WwW\7EXAMPLE\x14" "Twenty-octets-[label\2aZ");
	const size_t len = name_len(name);
	uint8_t want[NAME_ROOM];
	memcpy(want, name, len);
	name_lower(want, len);
	for (size_t behind = 0; behind < 40; behind++) {
		uint8_t to[NAME_ROOM], *from = malloc(len + behind);
		ck_assert_ptr_nonnull(from);
		memset(from, 'X', len + behind);
		memcpy(from, name, len);
		name_lower_copy(to, from, len, len + behind);
		ck_assert_mem_eq(to, want, len);
		free(from);
	}
	uint8_t to[NAME_ROOM], longest[NAME_WIRE_MAX] = { 0 };
	name_lower_copy(to, longest, sizeof longest, sizeof longest);
	ck_assert_mem_eq(to, longest, sizeof longest);
}
END_TEST

START_TEST(both_steps_hash_alike)
{
	for (unsigned n = 0; n <= NAME_LABEL_MAX; n++) {
		uint8_t label[NAME_ROOM];
		for (unsigned noise = 0; noise < 256; noise += 51) {
			memset(label, (int)noise, sizeof label);
			label[0] = (uint8_t)n;
			for (unsigned i = 1; i <= n; i++)
				label[i] = (uint8_t)(200 + i);
			ck_assert_uint_eq(name_hash_step_room(name_hash_mult(&key), 7, label), name_hash_step(&key, 7, label));
		}
	}
}
END_TEST

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* Same octets but for where the labels end; and many names at once: no two of them may share 64 bits. */
START_TEST(hashes_differ)
{
	ck_assert_uint_ne(name_hash(&key, WIRE("\1a\1b")), name_hash(&key, WIRE("\3a\1b")));
	ck_assert_uint_ne(name_hash(&key, WIRE("\1a\1b")), name_hash(&key, WIRE("\1b\1a")));
	struct hash_key other = { { key.k[0], key.k[1] + 1 } };
	ck_assert_uint_ne(name_hash(&key, WIRE("\1a")), name_hash(&other, WIRE("\1a")));

	enum { NAMES = 20000, BUCKETS = 1 << 16 };
	static uint64_t hash[NAMES];
	static unsigned bucket[BUCKETS];
	unsigned fullest = 0;
	for (unsigned i = 0; i < NAMES; i++) {
		char text[32];
		uint8_t wire[NAME_WIRE_MAX];
		int n = snprintf(text, sizeof text, "h%u.n%u.example", i % 200, i / 200);
		ck_assert_int_gt(name_parse(wire, text, (size_t)n, NULL, true), 0);
		hash[i] = name_hash(&key, wire);
		unsigned here = ++bucket[hash[i] % BUCKETS];
		fullest = here > fullest ? here : fullest;
	}
	qsort(hash, NAMES, sizeof *hash, by_value);
	for (unsigned i = 1; i < NAMES; i++)
		ck_assert_uint_ne(hash[i - 1], hash[i]);
	ck_assert_uint_le(fullest, 8); /* 0.3 on average */
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		text_becomes_wire, broken_text_is_refused_and_nothing_written, lengths_have_limits, text_comes_back,
		any_name_survives_the_round_trip, the_longest_text_fits, wire_is_checked, only_ascii_letters_fold,
		equality_folds, ancestry, canonical_order, the_hash_is_a_chain_over_suffixes,
		every_octet_of_a_label_matters, a_copy_in_lower_case, both_steps_hash_alike, hashes_differ,
	};
	return unit_run("dns_name", tests, sizeof tests / sizeof *tests);
}
