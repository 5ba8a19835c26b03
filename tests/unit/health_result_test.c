/* The vocabulary of results and their octets between processes: exact, round trip, hostile. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/rng.h"
#include "health/health.h"

#define SEED 20231

START_TEST(test_vocabulary)
{
	static const char *witnessed = "connect refused,connect reset,connection closed,connection reset,TLS failed,"
				       "HTTP status,HTTP broken,wrong reply,TLS name mismatch,certificate expired,"
				       "unknown CA,";
	char list[512] = "";

	for (int r = HEALTH_OK; r < HEALTH_REASON_MAX; r++) {
		enum health_outcome want = r == HEALTH_OK ? HEALTH_PASS : r <= HEALTH_CHECK_TIMEOUT ? HEALTH_FAIL :
					   r <= HEALTH_SCRIPT_MEMORY ? HEALTH_UNKNOWN_RESULT :
					   r <= HEALTH_LOCAL_LAG ? HEALTH_VOID :
					   r <= HEALTH_TLS_UNTRUSTED ? HEALTH_FAIL :
					   r == HEALTH_UNWITNESSED ? HEALTH_VOID : HEALTH_UNKNOWN_RESULT;

		ck_assert_int_eq(health_reason_outcome((enum health_reason)r), want);
		ck_assert_uint_gt(strlen(health_reason_text((enum health_reason)r)), 1);
		for (int other = HEALTH_REASON_NONE; other < r; other++)
			ck_assert_str_ne(health_reason_text((enum health_reason)r),
					 health_reason_text((enum health_reason)other));
		if (want == HEALTH_FAIL && health_reason_witnessed((enum health_reason)r)) {
			strcat(list, health_reason_text((enum health_reason)r));
			strcat(list, ",");
		}
		ck_assert(want < HEALTH_UNKNOWN_RESULT || !health_reason_witnessed((enum health_reason)r));
	}
	ck_assert_str_eq(list, witnessed);
	for (int i = 0; i < 3; i++) {
		enum health_reason bad = (enum health_reason)(int[]){ 0, HEALTH_REASON_MAX, -1 }[i];

		ck_assert_int_eq(health_reason_outcome(bad), HEALTH_OUTCOME_NONE);
		ck_assert_str_eq(health_reason_text(bad), "none");
		ck_assert(!health_reason_witnessed(bad));
	}
	ck_assert_str_eq(health_verdict_text(HEALTH_VERDICT_UNKNOWN), "unknown");
	ck_assert_str_eq(health_verdict_text(HEALTH_VERDICT_UP), "up");
	ck_assert_str_eq(health_verdict_text(HEALTH_VERDICT_DOWN), "down");
	ck_assert_str_eq(health_verdict_text((enum health_verdict)9), "unknown");
}
END_TEST

/* Journals and other versions know reasons by these numbers: a line here is never changed, only added. */
START_TEST(test_numbers_stay)
{
	static const struct { int number; const char *text; } known[] = {
		{ 1, "ok" }, { 2, "connect refused" }, { 3, "connect timeout" }, { 4, "connect reset" }, { 5, "unreachable" },
		{ 6, "read timeout" }, { 7, "connection closed" }, { 8, "connection reset" }, { 9, "write failed" },
		{ 10, "TLS failed" }, { 11, "HTTP status" }, { 12, "HTTP broken" }, { 13, "wrong reply" },
		{ 14, "check said down" }, { 15, "check timeout" }, { 16, "script error" }, { 17, "script over budget" },
		{ 18, "script out of memory" }, { 19, "local error" }, { 20, "local lag" }, { 21, "TLS timeout" },
		{ 22, "TLS name mismatch" }, { 23, "certificate expired" }, { 24, "unknown CA" },
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		ck_assert_str_eq(health_reason_text((enum health_reason)known[i].number), known[i].text);
}
END_TEST

static size_t encode(uint8_t *out, size_t cap, const struct health_result *r)
{
	struct wbuf w;

	wbuf_init(&w, out, cap);
	health_result_put(&w, r);
	ck_assert(!w.failed);
	return w.len;
}

/* True when the input was taken; *pos tells how far. */
static bool decode(const uint8_t *in, size_t len, struct health_result *out, size_t *pos)
{
	struct rbuf r;

	rbuf_init(&r, in, len);
	health_result_get(&r, out);
	*pos = r.pos;
	return !r.failed;
}

START_TEST(test_wire_bytes)
{
	/* As drawn in health.h. */
	static const uint8_t want[] = { 2, 0, 0, 0, 1, 0x2c, 0, 6, 'n', 'o', ' ', 'w', 'e', 'b' };
	struct health_result r = { .reason = HEALTH_CONNECT_REFUSED, .took_us = 300, .detail = "no web" }, back;
	uint8_t out[HEALTH_RESULT_WIRE_MAX];
	size_t pos;

	ck_assert_uint_eq(encode(out, sizeof out, &r), sizeof want);
	ck_assert_mem_eq(out, want, sizeof want);
	ck_assert(decode(out, sizeof want, &back, &pos));
	ck_assert_mem_eq(&back, &r, sizeof r);
	ck_assert_uint_eq(pos, sizeof want);
}
END_TEST

START_TEST(test_wire_round_trip)
{
	uint8_t out[HEALTH_RESULT_WIRE_MAX];
	struct health_result r, back;
	size_t pos;

	for (int reason = HEALTH_OK; reason < HEALTH_REASON_MAX; reason++)
		for (size_t len = 0; len < HEALTH_DETAIL_MAX; len += 5) {
			memset(&r, 0, sizeof r);
			r.reason = (enum health_reason)reason;
			r.weight_pct = (uint8_t)len;
			r.took_us = UINT32_MAX - (uint32_t)len;
			memset(r.detail, 'x', len);
			ck_assert(decode(out, encode(out, sizeof out, &r), &back, &pos));
			ck_assert_mem_eq(&back, &r, sizeof r);
		}
}
END_TEST

START_TEST(test_wire_cleans_what_it_writes)
{
	struct health_result r = { .reason = HEALTH_REPLY_WRONG, .detail = "got \x1b[2J\r\n\x7f \xc3\xa9" }, back;
	uint8_t out[HEALTH_RESULT_WIRE_MAX];
	size_t pos;

	ck_assert(decode(out, encode(out, sizeof out, &r), &back, &pos));
	ck_assert_str_eq(back.detail, "got ?[2J??? \xc3\xa9");
	memset(r.detail, 'y', sizeof r.detail); /* no NUL: our own slip, cut off instead of read past */
	ck_assert(decode(out, encode(out, sizeof out, &r), &back, &pos));
	ck_assert_uint_eq(strlen(back.detail), HEALTH_DETAIL_MAX - 1);
}
END_TEST

START_TEST(test_wire_does_not_fit)
{
	struct health_result r = { .reason = HEALTH_OK, .weight_pct = 100, .detail = "fine" };
	uint8_t out[12];

	for (size_t cap = 0; cap <= 12; cap++) {
		struct wbuf w;

		wbuf_init(&w, out, cap);
		health_result_put(&w, &r);
		ck_assert(w.failed == (cap < 12));
	}
}
END_TEST

START_TEST(test_wire_hostile)
{
	static const struct { const char *name; size_t at; uint8_t value; } rows[] = {
		{ "reason 0", 0, 0 }, { "reason past the last", 0, HEALTH_REASON_MAX }, { "reason 255", 0, 255 },
		{ "weight 101", 1, 101 }, { "weight 255", 1, 255 }, { "detail longer than the input", 7, 5 },
		{ "detail enormous", 6, 255 }, { "NUL in the detail", 9, 0 }, { "escape in the detail", 9, 0x1b },
		{ "newline in the detail", 11, '\n' }, { "DEL in the detail", 8, 0x7f },
	};
	static const uint8_t good[12] = { HEALTH_OK, 100, 0, 0, 1, 0, 0, 4, 'f', 'i', 'n', 'e' };
	struct health_result before, out;
	uint8_t bad[200];
	size_t pos;

	memset(&before, 0xa5, sizeof before);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		memcpy(bad, good, sizeof good);
		bad[rows[i].at] = rows[i].value;
		out = before;
		ck_assert_msg(!decode(bad, sizeof good, &out, &pos), "%s was taken", rows[i].name);
		ck_assert_msg(memcmp(&out, &before, sizeof out) == 0, "%s wrote its output", rows[i].name);
	}
	for (size_t len = 0; len < sizeof good; len++) {
		out = before;
		ck_assert_msg(!decode(good, len, &out, &pos), "a prefix of %zu was taken", len);
		ck_assert_mem_eq(&out, &before, sizeof out);
	}
	memset(bad, 'x', sizeof bad);
	memcpy(bad, good, 8);
	bad[7] = HEALTH_DETAIL_MAX - 1;
	ck_assert(decode(bad, sizeof bad, &out, &pos));
	bad[7] = HEALTH_DETAIL_MAX;
	ck_assert(!decode(bad, sizeof bad, &out, &pos));
}
END_TEST

/* What is taken at all is written back as the very same octets. */
START_TEST(test_wire_random)
{
	struct rng rng;
	unsigned taken = 0;

	rng_init(&rng, SEED);
	for (int round = 0; round < 50000; round++) {
		struct health_result r, again = { .reason = HEALTH_HTTP_STATUS, .detail = "503 Service Unavailable" };
		uint8_t in[HEALTH_RESULT_WIRE_MAX + 8], out[HEALTH_RESULT_WIRE_MAX];
		size_t len = encode(in, sizeof in, &again), pos;

		for (uint64_t k = rng_below(&rng, 4); k > 0; k--)
			in[rng_below(&rng, len)] = (uint8_t)rng_u64(&rng);
		len -= rng_below(&rng, 8) == 0 ? rng_below(&rng, len + 1) : 0;
		if (!decode(in, len, &r, &pos))
			continue;
		taken++;
		ck_assert_uint_le(pos, len);
		ck_assert_uint_eq(encode(out, sizeof out, &r), pos);
		ck_assert_mem_eq(out, in, pos);
	}
	ck_assert_uint_gt(taken, 5000);
	ck_assert_uint_lt(taken, 45000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("health_result");
	TCase *wire = tcase_create("wire");
	SRunner *r;
	int failed;

	tcase_add_test(wire, test_vocabulary);
	tcase_add_test(wire, test_numbers_stay);
	tcase_add_test(wire, test_wire_bytes);
	tcase_add_test(wire, test_wire_round_trip);
	tcase_add_test(wire, test_wire_cleans_what_it_writes);
	tcase_add_test(wire, test_wire_does_not_fit);
	tcase_add_test(wire, test_wire_hostile);
	tcase_add_test(wire, test_wire_random);
	suite_add_tcase(s, wire);
	r = srunner_create(s);
	printf("seed %d\n", SEED);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
